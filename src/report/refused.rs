//! `refused.csv` and `skipped.csv` of a run that sends mail: what is not in its output, and why.

use crate::facts::record::Sha256;
use crate::judge::recipient::Hindrance;
use crate::report::csv::{Cells, Row};
use crate::report::custody::SourcePlace;

/// The columns of `refused.csv`.
pub const REFUSED_COLUMNS: &[&str] = &[
    "path",
    "offset",
    "message_id",
    "role",
    "address",
    "reason",
    "certificate_sha256",
    "hindrances",
];

/// The columns of `skipped.csv`.
pub const SKIPPED_COLUMNS: &[&str] = &["path", "offset", "message_id", "layers"];

/// One reason why a message was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// `signer`, `recipient`, `message`.
    pub role: &'a str,
    /// Whose address.
    pub address: Option<&'a str>,
    /// The word.
    pub reason: &'a str,
    /// The certificate that came nearest, and what hinders it.
    pub certificate: Option<(&'a Sha256, &'a [Hindrance])>,
}

/// A row of `refused.csv`; a message has one for each reason. Never fails.
pub fn refused(
    place: &SourcePlace,
    message_id: Option<&str>,
    refusal: Refusal<'_>,
    cells: Cells,
    out: &mut Vec<u8>,
) {
    let certificate = refusal.certificate;
    let mut row = Row::new(out, cells);
    row.text(&place.path)
        .number(place.offset)
        .optional_text(message_id)
        .word(refusal.role)
        .optional_text(refusal.address)
        .word(refusal.reason)
        .optional_hex(certificate.map(|(sha256, _)| sha256.as_slice()))
        .words(
            certificate
                .into_iter()
                .flat_map(|(_, hindrances)| hindrances)
                .map(|one| one.as_str()),
        );
    row.end();
}

/// A row of `skipped.csv`. Never fails.
pub fn skipped(
    place: &SourcePlace,
    message_id: Option<&str>,
    layers: &[&str],
    cells: Cells,
    out: &mut Vec<u8>,
) {
    let mut row = Row::new(out, cells);
    row.text(&place.path)
        .number(place.offset)
        .optional_text(message_id)
        .words(layers.iter().copied());
    row.end();
}
