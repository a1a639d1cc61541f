//! Protected header fields (RFC 9788, its drafts, and RFC 8551 §3.1), back to where mail programs look for them.

use zeroize::Zeroizing;

use crate::facts::axis::Identity;
use crate::facts::axis::LayerKind;
use crate::facts::headers;
use crate::facts::identity::identity;
use crate::facts::record::{MessageFacts, SignatureFacts};
use crate::facts::{finding::Finding, protects_headers};
use crate::jobs::migrate::header::{Restored, inner, split};
use crate::jobs::migrate::peel::{Entity, is_valid};
use crate::limits::Limits;
use crate::mime::Tree;
use crate::mime::compare::{Match, compare};
use crate::mime::header::Header;
use crate::mime::media::Reading;

/// The innermost entity (RFC 9788 §1.8: the Cryptographic Payload) and what its header is worth.
pub(super) struct Payload {
    /// Its header block, or that of the message that it wraps.
    pub header: Zeroizing<Vec<u8>>,
    pub kind: Kind,
    /// Signed layers around it; they stay, and the header stays inside them.
    pub signed_by: Vec<usize>,
    /// Signed layers around it that were taken off.
    pub unwrapped: Vec<usize>,
}

/// How a payload protects header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not at all.
    None,
    /// In its own header: `hp` (RFC 9788 §2.1.1), or `protected-headers` of the drafts before.
    Fields,
    /// It is a message/rfc822 around the message (RFC 8551 §3.1).
    Wrapped,
}

/// The payload of an entity: what is inside the signatures that are the whole of it.
pub(super) fn payload(
    entity: &Entity<'_>,
    facts: &MessageFacts,
    outer: &Header<'_>,
    limits: &Limits,
) -> Payload {
    let mut at = entity.clone();
    let mut signed_by = Vec::new();
    loop {
        let bytes = at.bytes.clone();
        let tree = Tree::read(&bytes, limits);
        let next = at
            .whole_layer(&tree, facts)
            .and_then(|(index, part)| Some((index, part, facts.layers.get(index)?)))
            .filter(|(_, _, layer)| matches!(layer.kind, LayerKind::Signed | LayerKind::Opaque))
            .and_then(|(index, part, layer)| {
                Some((index, at.signed(&tree, part, (index, layer), limits)?))
            });
        match next {
            Some((index, next)) => {
                signed_by.push(index);
                at = next;
            }
            None => {
                let (header, kind) = read(&tree, at.root, outer);
                return Payload {
                    header,
                    kind,
                    signed_by,
                    unwrapped: Vec::new(),
                };
            }
        }
    }
}

fn read(tree: &Tree<'_>, root: usize, outer: &Header<'_>) -> (Zeroizing<Vec<u8>>, Kind) {
    let Some(part) = tree.parts.get(root) else {
        return (Zeroizing::default(), Kind::None);
    };
    if let Some(child) = wrapped(tree, root, outer)
        && let Some(message) = tree.parts.get(child)
    {
        let header = tree.slice(&message.header).to_vec();
        return (Zeroizing::new(header), Kind::Wrapped);
    }
    let kind = if protects_headers(&part.media) {
        Kind::Fields
    } else {
        Kind::None
    };
    (Zeroizing::new(tree.slice(&part.header).to_vec()), kind)
}

/// The message in a part that wraps it: `forwarded=no`, or no such parameter and the Message-ID of the message around it. Without
/// that it may as well be another message that was sent on.
pub(super) fn wrapped(tree: &Tree<'_>, part: usize, outer: &Header<'_>) -> Option<usize> {
    let this = tree.parts.get(part)?;
    let child = match this.children.as_slice() {
        [child] if this.media.essence == "message/rfc822" => *child,
        _ => return None,
    };
    match this.media.text("forwarded", Reading::First) {
        Some(said) => said.eq_ignore_ascii_case("no").then_some(child),
        None => {
            let id = |header: &Header<'_>| {
                let field = header.first("message-id")?;
                Some(field.unfolded().into_owned()).filter(|id| !id.is_empty())
            };
            let inner = id(&tree.header(child))?;
            (id(outer)? == inner).then_some(child)
        }
    }
}

/// What becomes of the fields of a payload's header.
pub(super) struct Fields<'a> {
    pub restored: Vec<Restored<'a>>,
    /// Lines to add to the header.
    pub added: Vec<Zeroizing<Vec<u8>>>,
    /// Each with the name of the field that it is about, if it is about one.
    pub findings: Vec<(String, Finding)>,
}

/// What readers of mail see or follow, and what of a message's header a sender can hide (RFC 9788 §3.2). Trace fields and those of
/// mailing lists are the way's, not the sender's.
const RESTORED: &[&str] = &[
    "subject",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "comments",
    "keywords",
    "followup-to",
];

/// Compares the payload's fields with those outside. `covers` says whether a signature stands for the sender whom a header names. A field that is not restored and stands in no signed part either is kept as
/// `X-Mailseal-Inner-…`, so that none is lost.
pub(super) fn fields<'a>(
    payload: &'a Payload,
    outer: &Header<'_>,
    restore: bool,
    limits: &Limits,
    covers: &dyn Fn(&Header<'_>) -> bool,
) -> Fields<'a> {
    let mut fields = Fields {
        restored: Vec::new(),
        added: Vec::new(),
        findings: Vec::new(),
    };
    // Under a signature, or in a wrapper that is not opened, it stands where it stood.
    let stays = !payload.signed_by.is_empty() || (payload.kind == Kind::Wrapped && !restore);
    let header = Header::new(&payload.header);
    let restore = restore && payload.kind != Kind::None;
    let (_, lines) = split(&payload.header);
    let mut done: Vec<String> = Vec::new();
    for line in &lines {
        let name = line.name();
        if line.field.is_none() {
            if !stays {
                fields.added.push(inner(line));
                fields
                    .findings
                    .push((String::new(), Finding::InnerLineNoField));
            }
            continue;
        }
        if done.contains(&name) {
            continue;
        }
        done.push(name.clone());
        let same: Vec<_> = lines
            .iter()
            .filter(|other| other.name() == name)
            .copied()
            .collect();
        if values(&header, &name) == values(outer, &name) {
            continue;
        }
        if name == "hp-outer" {
            if !stays {
                fields
                    .added
                    .extend(same.iter().map(|line| Zeroizing::new(line.bytes.to_vec())));
            }
            continue;
        }
        let may = match name.as_str() {
            "from" | "sender" => {
                let differs = !same_addresses(&header, outer, &name, limits);
                let covered = differs && restore && covers(&header);
                if differs && restore {
                    let finding = if covered {
                        Finding::InnerFromRestored
                    } else {
                        Finding::InnerFromDiffers
                    };
                    fields.findings.push((String::new(), finding));
                }
                covered
            }
            // All of them stand once at most (RFC 5322 §3.6), comments and keywords aside.
            other => {
                RESTORED.contains(&other)
                    && (same.len() == 1 || matches!(other, "comments" | "keywords"))
            }
        };
        if restore && may {
            fields.restored.push(Restored { name, lines: same });
        } else if !stays {
            fields.added.extend(same.iter().map(inner));
        }
    }
    // Anyone can encrypt to a victim with an inner Reply-To or Date of his choice, too.
    let others = || {
        let names = fields.restored.iter().map(|one| &one.name);
        names.filter(|name| !matches!(name.as_str(), "from" | "sender"))
    };
    if others().next().is_some() && !covers(&header) {
        let found: Vec<_> = others()
            .map(|name| (name.clone(), Finding::InnerFieldsRestored))
            .collect();
        fields.findings.extend(found);
    }
    fields
}

/// The lines of a header that nothing else keeps, that neither describe its body nor stand outside, under names that say so. The second
/// is what there is to say of them.
pub(super) fn beside(
    entity: &[u8],
    outer: &Header<'_>,
) -> (Vec<Zeroizing<Vec<u8>>>, Option<Finding>) {
    let header = Header::new(entity);
    let (_, lines) = split(entity);
    let kept: Vec<_> = lines
        .iter()
        .filter(|line| {
            line.field.is_none() || values(&header, &line.name()) != values(outer, &line.name())
        })
        .map(inner)
        .collect();
    let stray = lines.iter().any(|line| line.field.is_none());
    (kept, stray.then_some(Finding::InnerLineNoField))
}

fn values(header: &Header<'_>, name: &str) -> Vec<Vec<u8>> {
    header
        .all(name)
        .map(|field| field.unfolded().into_owned())
        .collect()
}

/// From or Sender names the same mailboxes in both.
fn same_addresses(one: &Header<'_>, other: &Header<'_>, name: &str, limits: &Limits) -> bool {
    let list = |header: &Header<'_>| {
        let all = headers::addresses(header, limits).0;
        if name == "from" { all.from } else { all.sender }
    };
    let (first, second) = (list(one), list(other));
    one.all(name).count() == other.all(name).count()
        && first.len() == second.len()
        && first
            .iter()
            .zip(&second)
            .all(|(one, other)| compare(one, other) != Match::None)
}

/// A signature around the payload is intact, its signer is who the payload's From names, and `trust` holds for it: a certificate
/// with anybody's address is easily made.
pub(super) fn is_sender_signed(
    payload: &Payload,
    header: &Header<'_>,
    facts: &MessageFacts,
    limits: &Limits,
    trust: &dyn Fn(&SignatureFacts) -> bool,
) -> bool {
    let (sender, _) = headers::addresses(header, limits);
    let layers = payload.signed_by.iter().chain(&payload.unwrapped);
    layers
        .filter_map(|index| facts.layers.get(*index))
        .filter(|layer| is_valid(layer))
        .flat_map(|layer| &layer.signatures)
        .any(|one| {
            matches!(
                identity(&sender, &one.addresses),
                Identity::MatchFrom | Identity::MatchCasefoldLocal
            ) && trust(one)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::mime::write::Line;

    fn compare_fields(inner: &str, outer: &str, kind: Kind, stays: bool) -> (String, String) {
        let payload = Payload {
            header: Zeroizing::new(inner.replace('|', "\r\n").into_bytes()),
            kind,
            signed_by: if stays { vec![0] } else { Vec::new() },
            unwrapped: Vec::new(),
        };
        let outer = outer.replace('|', "\n").into_bytes();
        let limits = Limits::default();
        let fields = fields(&payload, &Header::new(&outer), true, &limits, &|_| false);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "|");
        let restored: Vec<Line<'_>> = fields
            .restored
            .iter()
            .flat_map(|one| one.lines.clone())
            .collect();
        (
            restored.iter().map(|line| text(line.bytes)).collect(),
            fields.added.iter().map(|line| text(line)).collect(),
        )
    }

    #[test]
    fn a_field_is_restored_kept_inside_or_the_same() {
        for (inner, outer, restored, added) in [
            ("Subject: a|", "Subject: a|", "", ""),
            ("Subject: a| b|", "subject:a b|", "", ""),
            ("Subject: a|", "Subject: b|", "Subject: a|", ""),
            ("Subject: a|", "", "Subject: a|", ""),
            ("Subject: a|", "Subject: a|Subject: b|", "Subject: a|", ""),
            // Standing twice, it has no one value.
            (
                "Subject: a|Subject: b|",
                "Subject: c|",
                "",
                "X-Mailseal-Inner-Subject: a|X-Mailseal-Inner-Subject: b|",
            ),
            (
                "Keywords: a|Keywords: b|",
                "",
                "Keywords: a|Keywords: b|",
                "",
            ),
            // The way's fields, and unknown ones, are not the sender's to say outside.
            (
                "Received: x|X-A: y|",
                "Received: z|",
                "",
                "X-Mailseal-Inner-Received: x|X-Mailseal-Inner-X-A: y|",
            ),
            ("Content-Type: a/b|MIME-Version: 1.0|", "", "", ""),
            // No line is dropped.
            (
                "Subject: a|no field| and on|",
                "Subject: a|",
                "",
                "X-Mailseal-Not-A-Field: no field| and on|",
            ),
            ("HP-Outer: Subject: ...|", "", "", "HP-Outer: Subject: ...|"),
            ("Sender: a@b|", "", "", "X-Mailseal-Inner-Sender: a@b|"),
            (
                "X-Mailseal-Decrypted: v=1|",
                "",
                "",
                "X-Mailseal-Inner-X-Mailseal-Decrypted: v=1|",
            ),
        ] {
            let read = |kind, stays| compare_fields(inner, outer, kind, stays);
            let expected = (restored.to_owned(), added.to_owned());
            assert_eq!(read(Kind::Fields, false), expected, "{inner}");
            assert_eq!(read(Kind::Wrapped, false), expected, "{inner}");
            // Under a signature nothing needs another place.
            assert_eq!(
                read(Kind::Fields, true),
                (restored.to_owned(), String::new()),
                "{inner}"
            );
            assert_eq!(read(Kind::None, true), (String::new(), String::new()));
        }
    }
}
