//! A decrypted message is read again before it is given out: nothing may have changed that was not meant to.

use memchr::memchr;

use crate::facts::axis::Digest;
use crate::facts::finding::Finding;
use crate::facts::record::{LayerFacts, MessageFacts};
use crate::facts::{Scratch, Settings, collect};
use crate::jobs::migrate::peel::is_encrypted;
use crate::limits::Limits;
use crate::mime::Tree;
use crate::mime::message::{Form, Message, Origin};
use crate::pki::keyring::Keyring;

/// What the message written must be.
pub(super) struct Expected<'a> {
    /// The facts of the source.
    pub facts: &'a MessageFacts,
    /// Layers that were taken off.
    pub removed: &'a [usize],
    /// The body of the entity that the message has now.
    pub body: &'a [u8],
    /// Where the body begins.
    pub body_at: usize,
    /// The entity was the whole of the source.
    pub whole: bool,
}

/// The body is the same but for line ends, and the layers left have the facts that they had.
pub(super) fn is_expected(
    bytes: &[u8],
    expected: &Expected<'_>,
    limits: &Limits,
    scratch: &mut Scratch,
) -> bool {
    let tree = Tree::read(bytes, limits);
    let Some(root) = tree.parts.first() else {
        return false;
    };
    if root.body.start != expected.body_at
        || !same_but_line_ends(tree.slice(&root.body), expected.body)
    {
        return false;
    }
    let message = Message {
        bytes,
        form: Form::Mail,
        origin: Origin::default(),
    };
    let settings = Settings {
        all: false,
        limits: limits.clone(),
        ..Settings::default()
    };
    // None is ordinary mail: no layer is left.
    let now = collect(&message, &Keyring::empty(), &settings, scratch)
        .facts
        .unwrap_or_default();
    let left = left(expected.facts, expected.removed);
    let same_layers = match left
        .iter()
        .position(|layer| layer.findings.contains(&Finding::TooManyLayers))
    {
        // With fewer layers around them, more are read now.
        Some(read) => left.iter().take(read).zip(&now.layers).all(same_layer),
        None => left.len() == now.layers.len() && left.iter().zip(&now.layers).all(same_layer),
    };
    let same_content = !expected.whole
        || now.content_sha256.is_none()
        || now.content_sha256 == expected.facts.content_sha256;
    same_layers && same_content
}

/// The layers of a message that are there without those taken off and without any key.
fn left<'f>(facts: &'f MessageFacts, removed: &[usize]) -> Vec<&'f LayerFacts> {
    let is_seen = |layer: &LayerFacts| {
        let mut around = layer.inside;
        // One step for each layer at most: `inside` always names an earlier one.
        for _ in 0..facts.layers.len() {
            let Some(index) = around.and_then(|index| usize::try_from(index).ok()) else {
                break;
            };
            let Some(outer) = facts.layers.get(index) else {
                break;
            };
            if is_encrypted(outer) && !removed.contains(&index) {
                return false;
            }
            around = outer.inside;
        }
        true
    };
    facts
        .layers
        .iter()
        .enumerate()
        .filter(|(index, layer)| !removed.contains(index) && is_seen(layer))
        .map(|(_, layer)| layer)
        .collect()
}

fn same_layer((before, now): (&&LayerFacts, &LayerFacts)) -> bool {
    before.kind == now.kind
        && before.structure == now.structure
        && before.signatures.len() == now.signatures.len()
        && before
            .signatures
            .iter()
            .zip(&now.signatures)
            .all(|(before, now)| {
                matches(before.digest) == matches(now.digest)
                    && before.signature == now.signature
                    && before.attributes == now.attributes
                    && before.certificate == now.certificate
            })
}

/// With other line ends outside, a digest matches in another reading: of the same content.
fn matches(digest: Digest) -> Option<bool> {
    match digest {
        Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair => Some(true),
        Digest::Mismatch => Some(false),
        Digest::NotChecked => None,
    }
}

/// Equal once every line ends alike: what [`feed`] with CR LF would give is the same, without making it.
///
/// [`feed`]: crate::mime::canonical::feed
fn same_but_line_ends(one: &[u8], other: &[u8]) -> bool {
    let (mut one, mut other) = (one, other);
    loop {
        match (memchr(b'\n', one), memchr(b'\n', other)) {
            (Some(here), Some(there)) => {
                let ((line, rest), (other_line, other_rest)) =
                    (one.split_at(here), other.split_at(there));
                let end = |line: &[u8]| line.len() - usize::from(line.ends_with(b"\r"));
                if line.get(..end(line)) != other_line.get(..end(other_line)) {
                    return false;
                }
                (one, other) = (
                    rest.get(1..).unwrap_or_default(),
                    other_rest.get(1..).unwrap_or_default(),
                );
            }
            (None, None) => return one == other,
            (Some(_), None) | (None, Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_may_differ() {
        for (one, other, expected) in [
            (&b"a\r\nb\r\n"[..], &b"a\nb\n"[..], true),
            (b"a\r\nb", b"a\nb", true),
            (b"", b"", true),
            (b"a\n", b"a", false),
            (b"a\n", b"a\n\n", false),
            (b"a\rb\n", b"a\nb\n", false),
            (b"a\r\r\n", b"a\n", false),
            (b"a\r", b"a", false),
            (b"a \n", b"a\n", false),
        ] {
            assert_eq!(
                same_but_line_ends(one, other),
                expected,
                "{one:?} {other:?}"
            );
            assert_eq!(same_but_line_ends(other, one), expected);
            assert!(same_but_line_ends(one, one));
        }
    }
}
