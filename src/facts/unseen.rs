//! Where S/MIME may be that was not looked at, so that no message looks better for it.

use crate::facts::finding::Finding;
use crate::limits::Limits;
use crate::mime::media::Reading;
use crate::mime::smime::{self, Candidate};
use crate::mime::sniff::may_hold_smime;
use crate::mime::transfer;
use crate::mime::{Finding as MimeFinding, Tree};

/// Why, and the part that it is in.
pub(super) struct Unseen {
    pub part: usize,
    /// Those that belong to it; what a limit cut is told by the tree's own.
    pub findings: Vec<Finding>,
}

/// S/MIME that may be in this tree beside what was `found`: behind a limit, in another reading of a header, inside of an encoded part.
pub(super) fn unseen(tree: &Tree<'_>, found: &[Candidate], limits: &Limits) -> Option<Unseen> {
    let mut unseen = Unseen {
        part: 0,
        findings: Vec::new(),
    };
    if let Some((part, finding)) = encoded(tree) {
        unseen.part = part;
        unseen.findings.push(finding);
    }
    if in_another_reading(tree, found, limits) {
        unseen.part = 0;
        unseen.findings.push(Finding::MimeAmbiguous);
    }
    (is_cut(tree) || !unseen.findings.is_empty()).then_some(unseen)
}

/// A limit left parts unopened, or a part's type unread: what is in them was not seen.
fn is_cut(tree: &Tree<'_>) -> bool {
    [
        MimeFinding::MimeTooDeep,
        MimeFinding::TooManyParts,
        MimeFinding::HeaderTooLarge,
    ]
    .into_iter()
    .any(|finding| tree.has(finding))
}

/// The last of two Content-Type fields or parameters shows S/MIME where the first, which is used, shows none.
fn in_another_reading(tree: &Tree<'_>, found: &[Candidate], limits: &Limits) -> bool {
    if !tree.has(MimeFinding::MimeAmbiguous) {
        return false;
    }
    let start = |tree: &Tree<'_>, candidate: &Candidate| {
        let part = tree.parts.get(candidate.part());
        part.map(|part| part.entity.start)
    };
    let known: Vec<_> = found.iter().map(|one| start(tree, one)).collect();
    // A signature part is seen with its multipart.
    let signatures = found.iter().filter_map(|one| match one.shape {
        smime::Shape::Detached { signature, .. } => tree.parts.get(signature),
        smime::Shape::Opaque { .. }
        | smime::Shape::Loose { .. }
        | smime::Shape::Incomplete { .. } => None,
    });
    let signatures: Vec<_> = signatures.map(|part| Some(part.entity.start)).collect();
    let other = Tree::read_as(tree.bytes, limits, Reading::Last);
    smime::find(&other).iter().any(|one| {
        let start = start(&other, one);
        !known.contains(&start) && !signatures.contains(&start)
    })
}

/// The first multipart or message that is encoded, so that it was not opened, and may hold S/MIME.
///
/// Linear: such parts have no children, and what they decode to is not opened again.
fn encoded(tree: &Tree<'_>) -> Option<(usize, Finding)> {
    tree.findings.iter().find_map(|found| {
        let (finding, header) = match found.finding {
            MimeFinding::MessageEncoded => (Finding::MessageEncoded, &b""[..]),
            MimeFinding::MultipartEncoded => (
                Finding::MultipartEncoded,
                &b"Content-Type: multipart/mixed\r\n\r\n"[..],
            ),
            MimeFinding::HeaderTooLarge
            | MimeFinding::MimeTooDeep
            | MimeFinding::TooManyParts
            | MimeFinding::MimeAmbiguous
            | MimeFinding::BoundaryMissing
            | MimeFinding::DelimiterMissing
            | MimeFinding::CloseDelimiterMissing
            | MimeFinding::TransferEncodingUnknown => return None,
        };
        let decoded = transfer::decode(tree, found.part);
        may_hold_smime(&[header, &decoded.bytes].concat()).then_some((found.part, finding))
    })
}
