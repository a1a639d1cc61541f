//! `signatures.csv`: a row for each SignerInfo.

use crate::facts::axis::TimeSource;
use crate::facts::record::{LayerFacts, MessageFacts, SignatureFacts};
use crate::judge::verdict::{At, MessageVerdict, SignatureVerdict, TrustFacts};
use crate::report::Place;
use crate::report::csv::{Cells, Row};
use crate::report::names::Names;

/// The columns of `signatures.csv`.
pub const COLUMNS: &[&str] = &[
    "archive",
    "path",
    "offset",
    "message_id",
    "layer",
    "index",
    "certificate",
    "issuer",
    "serial",
    "ski",
    "addresses",
    "from",
    "digest",
    "attributes",
    "signature",
    "certificate_source",
    "identity",
    "coverage",
    "digest_algorithm",
    "signature_algorithm",
    "padding",
    "key",
    "key_bits",
    "signing_time",
    "timestamp",
    "claimed_at",
    "chain_claimed",
    "revocation_claimed",
    "strength_claimed",
    "evidenced_at",
    "chain_evidenced",
    "revocation_evidenced",
    "strength_evidenced",
    "chain_now",
    "revocation_now",
    "strength_now",
    "verdict",
    "verdict_claimed",
    "verdict_evidenced",
    "verdict_now",
    "etsi",
    "findings",
];

/// Writes the rows of a message, by layer and index; `names` has learnt the names in `facts`. Never fails.
pub fn rows(
    place: &Place<'_>,
    facts: &MessageFacts,
    verdict: &MessageVerdict,
    names: &Names,
    cells: Cells,
    out: &mut Vec<u8>,
) {
    for (layer, verdicts) in facts.layers.iter().zip(&verdict.signatures) {
        for (signature, verdict) in layer.signatures.iter().zip(verdicts) {
            row(
                place,
                facts,
                layer,
                (signature, verdict),
                names,
                Row::new(out, cells),
            );
        }
    }
}

fn row(
    place: &Place<'_>,
    facts: &MessageFacts,
    layer: &LayerFacts,
    (signature, verdict): (&SignatureFacts, &SignatureVerdict),
    names: &Names,
    mut row: Row<'_>,
) {
    let nested = layer
        .nested
        .and_then(|index| usize::try_from(index).ok())
        .and_then(|index| facts.nested.get(index));
    // Of the message whose sender the signature is compared with.
    let headers = nested.map_or(&facts.headers, |message| &message.headers);
    let shown = names.show(&signature.identifier);
    let algorithms = &signature.algorithms;
    let timestamp = verdict
        .times
        .iter()
        .find(|time| time.source == TimeSource::Timestamp);
    row.number(place.archive)
        .text(place.path)
        .number(place.offset)
        .optional_text(facts.headers.message_id.as_ref().map(|id| id.text.as_str()))
        .text(&layer.path)
        .number(signature.index)
        .optional_hex(
            signature
                .certificate
                .as_ref()
                .map(|sha256| sha256.as_slice()),
        )
        .optional_text(shown.issuer)
        .optional_hex(shown.serial)
        .optional_hex(shown.ski)
        .texts(&signature.addresses)
        .optional_text(headers.from.as_ref().map(|from| from.text.as_str()))
        .word(signature.digest.as_str())
        .word(signature.attributes.as_str())
        .word(signature.signature.as_str())
        .word(signature.certificate_source.as_str())
        .word(signature.identity.as_str())
        .word(signature.coverage.as_str())
        .text(&algorithms.digest)
        .text(&algorithms.signature)
        .optional_text(algorithms.padding.as_deref())
        .text(&algorithms.key)
        .optional_number(algorithms.key_bits)
        .time(signature.signing_time)
        .time(timestamp.map(|time| time.at));
    let (claimed, evidenced) = (verdict.claimed.as_ref(), verdict.evidenced.as_ref());
    row.time(claimed.map(|at| at.at));
    trust(claimed, &mut row);
    row.time(evidenced.map(|at| at.at));
    trust(evidenced, &mut row);
    trust(Some(&verdict.now), &mut row);
    let mut findings = [verdict.findings.as_slice(), &signature.findings].concat();
    findings.sort_unstable();
    findings.dedup();
    row.word(verdict.verdict.as_str())
        .optional_word(claimed.map(|at| at.verdict.as_str()))
        .optional_word(evidenced.map(|at| at.verdict.as_str()))
        .word(verdict.now.verdict.as_str())
        .word(verdict.etsi)
        .findings(&findings);
    row.end();
}

/// The columns `chain_…`, `revocation_…`, `strength_…` of one clock.
fn trust(at: Option<&At>, row: &mut Row<'_>) {
    let trust: Option<&TrustFacts> = at.and_then(|at| at.trust.as_ref());
    row.optional_word(trust.map(|trust| trust.chain.as_str()))
        .optional_word(trust.map(|trust| trust.revocation.as_str()))
        .optional_word(trust.map(|trust| trust.strength.as_str()));
}
