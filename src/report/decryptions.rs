//! `decryptions.csv`: a row for each RecipientInfo.

use crate::facts::record::MessageFacts;
use crate::report::Place;
use crate::report::csv::{Cells, Row};
use crate::report::names::Names;

/// The columns of `decryptions.csv`. An encrypted layer without a recipient has one row, in which `index` to `result` are empty.
pub const COLUMNS: &[&str] = &[
    "archive",
    "path",
    "offset",
    "message_id",
    "layer",
    "index",
    "kind",
    "issuer",
    "serial",
    "ski",
    "algorithm",
    "key_found",
    "result",
    "content_type",
    "cipher",
    "key_bits",
    "decryption",
    "matched_by",
    "integrity",
    "ciphertext_bytes",
    "plaintext_bytes",
    "plaintext_sha256",
];

/// Writes the rows of a message, by layer and index; `names` has learnt the names in `facts`. Never fails.
pub fn rows(
    place: &Place<'_>,
    facts: &MessageFacts,
    names: &Names,
    cells: Cells,
    out: &mut Vec<u8>,
) {
    for layer in &facts.layers {
        let Some(encrypted) = &layer.encrypted else {
            continue;
        };
        let none = encrypted.recipients.is_empty().then_some(None);
        for recipient in encrypted.recipients.iter().map(Some).chain(none) {
            let shown = recipient
                .map(|recipient| names.show(&recipient.identifier))
                .unwrap_or_default();
            let mut row = Row::new(out, cells);
            row.number(place.archive)
                .text(place.path)
                .number(place.offset)
                .optional_text(facts.headers.message_id.as_ref().map(|id| id.text.as_str()))
                .text(&layer.path)
                .optional_number(recipient.map(|recipient| recipient.index))
                .optional_word(recipient.map(|recipient| recipient.kind.as_str()))
                .optional_text(shown.issuer)
                .optional_hex(shown.serial)
                .optional_hex(shown.ski)
                .optional_text(recipient.map(|recipient| recipient.algorithm.as_str()))
                .optional_flag(recipient.map(|recipient| recipient.key_found))
                .optional_word(recipient.map(|recipient| recipient.result.as_str()))
                .word(encrypted.content_type.as_str())
                .text(&encrypted.cipher)
                .optional_number(encrypted.key_bits)
                .word(encrypted.decryption.as_str())
                .optional_word(encrypted.matched_by.map(|by| by.as_str()))
                .optional_word(encrypted.integrity.map(|integrity| integrity.as_str()))
                .number(encrypted.ciphertext_bytes)
                .optional_number(encrypted.plaintext_bytes)
                .optional_hex(
                    encrypted
                        .plaintext_sha256
                        .as_ref()
                        .map(|sha256| sha256.as_slice()),
                );
            row.end();
        }
    }
}
