//! A message to be sent is read again before it counts: as it is, and as a rough way leaves it.

use memchr::memchr;
use zeroize::Zeroizing;

use crate::archive::Variant;
use crate::archive::write::mbox;
use crate::crypto::digest::sha256;
use crate::facts::axis::{
    Attributes, Coverage, Decryption, Digest, LayerKind, Signature, Structure,
};
use crate::facts::record::{EncryptedFacts, Identifier, LayerFacts, Sha256};
use crate::facts::{Scratch, Settings, collect};
use crate::jobs::compose::recipients::Recipient;
use crate::jobs::compose::signed::Form;
use crate::limits::Limits;
use crate::mime::base64::base64;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::media::TransferEncoding;
use crate::mime::message::{Form as Stored, Message, Origin};
use crate::mime::write::base64_lines;
use crate::mime::{Part, Tree};
use crate::pki::keyring::Keyring;

/// Octets of a line of base64 as some gateways write it.
const OTHER_WIDTH: usize = 60;

/// A layer that the message must have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected<'a> {
    /// A signature.
    Signed {
        /// Where its content stands.
        form: Form,
        /// SHA-256 of the signer's certificate.
        signer: Sha256,
        /// What was signed.
        content: &'a [u8],
        /// The structure.
        cms: &'a [u8],
    },
    /// Encrypted content.
    Encrypted {
        /// To whom, and to nobody else.
        to: &'a [&'a Recipient],
        /// What was encrypted.
        content: &'a [u8],
        /// The structure.
        cms: &'a [u8],
        /// A key at hand opens it.
        opens: bool,
    },
}

/// Our own reader finds in the message the layers that were meant, outermost first, and the outermost still stands behind a store and a
/// relay that do what they are known to do. A layer that no key at hand opens is looked at from outside.
pub(super) fn is_expected(
    bytes: &[u8],
    layers: &[Expected<'_>],
    keys: &Keyring,
    limits: &Limits,
    scratch: &mut Scratch,
) -> bool {
    let message = Message {
        bytes,
        form: Stored::Mail,
        origin: Origin::default(),
    };
    let settings = Settings {
        limits: limits.clone(),
        ..Settings::default()
    };
    let Some(facts) = collect(&message, keys, &settings, scratch).facts else {
        return false;
    };
    for (index, expected) in layers.iter().enumerate() {
        let inside = index.checked_sub(1).and_then(|at| u32::try_from(at).ok());
        let found = facts.layers.get(index);
        let found = found.filter(|layer| layer.inside == inside && layer.nested.is_none());
        if !found.is_some_and(|layer| expected.is(layer)) {
            return false;
        }
        if matches!(expected, Expected::Encrypted { opens: false, .. }) {
            break;
        }
    }
    let far = transported(bytes, limits);
    layers
        .first()
        .is_some_and(|outer| outer.stands_in(&far, limits))
}

impl Expected<'_> {
    fn is(&self, layer: &LayerFacts) -> bool {
        if layer.structure != Structure::Ok {
            return false;
        }
        match self {
            Self::Signed { form, signer, .. } => {
                let kind = match form {
                    Form::Detached => LayerKind::Signed,
                    Form::Opaque => LayerKind::Opaque,
                };
                layer.kind == kind && is_signed(layer, *signer)
            }
            Self::Encrypted {
                to, content, opens, ..
            } => {
                let is_kind = matches!(layer.kind, LayerKind::Encrypted | LayerKind::AuthEncrypted);
                let facts = layer.encrypted.as_ref().filter(|_| is_kind);
                facts.is_some_and(|facts| {
                    names_only(facts, to) && (!opens || is_opened(facts, content))
                })
            }
        }
    }

    /// What the layer needs is in the message, unchanged.
    fn stands_in(&self, bytes: &[u8], limits: &Limits) -> bool {
        let tree = Tree::read(bytes, limits);
        let (cms, content) = match self {
            Self::Signed {
                form, content, cms, ..
            } => (cms, (*form == Form::Detached).then_some(*content)),
            Self::Encrypted { cms, .. } => (cms, None),
        };
        let Some(part) = tree.parts.last().filter(|part| is_cms(part)) else {
            return false;
        };
        let stands = base64(tree.slice(&part.body)).0 == *cms;
        let signed = match content {
            None => true,
            Some(content) => tree.parts.get(1).is_some_and(|part| {
                let mut left = content;
                let mut same = true;
                let unquote = Unquote::None;
                feed(
                    tree.slice(&part.entity),
                    LineEnds::CrLf,
                    unquote,
                    |piece| match left.strip_prefix(piece) {
                        Some(rest) => left = rest,
                        None => same = false,
                    },
                );
                same && left.is_empty()
            }),
        };
        stands && signed
    }
}

fn is_signed(layer: &LayerFacts, signer: Sha256) -> bool {
    let [signature] = layer.signatures.as_slice() else {
        return false;
    };
    matches!(signature.digest, Digest::Match | Digest::MatchCanonical)
        && signature.attributes == Attributes::Ok
        && signature.signature == Signature::Valid
        && signature.certificate == Some(signer)
        && matches!(
            signature.coverage,
            Coverage::WholeBody | Coverage::WholeMessage
        )
}

/// The recipients are these, and nobody else.
fn names_only(facts: &EncryptedFacts, to: &[&Recipient]) -> bool {
    let is_to = |identifier: &Identifier| match identifier {
        Identifier::IssuerSerial { issuer, serial } => to.iter().any(|one| {
            let (own_issuer, own_serial) = &one.identifier;
            own_issuer == issuer && own_serial == serial
        }),
        Identifier::Ski(_) | Identifier::None => false,
    };
    facts.recipients.len() == to.len() && facts.recipients.iter().all(|one| is_to(&one.identifier))
}

fn is_opened(facts: &EncryptedFacts, content: &[u8]) -> bool {
    facts.decryption == Decryption::Decrypted && facts.plaintext_sha256 == Some(sha256(content))
}

/// The message behind a rough way: the base64 of the CMS part in other lines, stored with LF in an mboxrd that nobody un-quotes, relayed by
/// a server that takes the first dot of every line for its own, without blanks at line ends.
fn transported(bytes: &[u8], limits: &Limits) -> Zeroizing<Vec<u8>> {
    let tree = Tree::read(bytes, limits);
    let mut wrapped = Zeroizing::new(Vec::with_capacity(bytes.len() + bytes.len() / 16));
    let mut done = 0;
    // The signature stands in the last part, and what is opaque in the only one; both are signed by nobody.
    if let Some(part) = tree.parts.last().filter(|part| is_cms(part)) {
        wrapped.extend_from_slice(bytes.get(..part.body.start).unwrap_or_default());
        let (decoded, _) = base64(tree.slice(&part.body));
        let lines = base64_lines(&decoded);
        let octets: Vec<u8> = lines
            .iter()
            .copied()
            .filter(|octet| !octet.is_ascii_whitespace())
            .collect();
        for line in octets.chunks(OTHER_WIDTH) {
            wrapped.extend_from_slice(line);
            wrapped.push(b'\n');
        }
        done = part.body.end;
    }
    wrapped.extend_from_slice(bytes.get(done..).unwrap_or_default());
    let at = mbox::body_at(&wrapped);
    let quoted = mbox::stored(&wrapped, at, Variant::Mboxrd, b"\n");
    let quoted = quoted.map_or(wrapped, |stored| stored.bytes);
    let mut out = Zeroizing::new(Vec::with_capacity(quoted.len()));
    let mut rest = quoted.as_slice();
    let mut in_body = false;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, behind) = rest.split_at(end);
        rest = behind;
        let line = line.trim_ascii_end();
        let dotted = in_body.then(|| line.strip_prefix(b".")).flatten();
        out.extend_from_slice(dotted.unwrap_or(line));
        out.push(b'\n');
        in_body |= line.is_empty();
    }
    out
}

fn is_cms(part: &Part) -> bool {
    part.media.essence.starts_with("application/pkcs7-")
        && part.encoding == TransferEncoding::Base64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_02_a_rough_way_is_rough() {
        let message = b"From: a\r\nContent-Type: text/plain\r\n\r\n.dot\r\nFrom x\r\nblank \r\n";
        let far = transported(message, &Limits::default());
        assert_eq!(
            String::from_utf8_lossy(&far),
            "From: a\nContent-Type: text/plain\n\ndot\n>From x\nblank\n"
        );
        let cms = format!(
            "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n{}\n",
            "A".repeat(76)
        );
        let far = transported(cms.as_bytes(), &Limits::default());
        assert!(far.ends_with(format!("\n{}\n{}\n", "A".repeat(60), "A".repeat(16)).as_bytes()));
    }
}
