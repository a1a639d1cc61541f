//! A message to be sent is read again before it counts: as it is, and as a rough way leaves it.

use memchr::memchr;
use zeroize::Zeroizing;

use crate::archive::Variant;
use crate::archive::write::mbox;
use crate::crypto::digest::sha256;
use crate::facts::axis::{Attributes, Coverage, Digest, LayerKind, Signature, Structure};
use crate::facts::record::{LayerFacts, MessageFacts, Sha256};
use crate::facts::{Scratch, Settings, collect};
use crate::jobs::compose::signed::Form;
use crate::limits::Limits;
use crate::mime::base64::base64;
use crate::mime::media::TransferEncoding;
use crate::mime::message::{Form as Stored, Message, Origin};
use crate::mime::write::base64_lines;
use crate::mime::{Part, Tree};
use crate::pki::keyring::Keyring;

/// Octets of a line of base64 as some gateways write it.
const OTHER_WIDTH: usize = 60;

/// What the message written must be.
pub(super) struct Expected<'a> {
    /// The entity that was signed, canonical.
    pub entity: &'a [u8],
    /// SHA-256 of the signer's certificate.
    pub signer: Option<Sha256>,
    /// Where the content stands.
    pub form: Form,
}

/// Our own reader finds in it what was meant, and still does behind a store and a relay that do what they are known to do. The digest of
/// the entity; None where it is anything else.
pub(super) fn is_expected(
    bytes: &[u8],
    expected: &Expected<'_>,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Option<Sha256> {
    let entity = sha256(expected.entity);
    let holds = |bytes: &[u8], scratch: &mut Scratch| {
        let message = Message {
            bytes,
            form: Stored::Mail,
            origin: Origin::default(),
        };
        let settings = Settings {
            limits: limits.clone(),
            ..Settings::default()
        };
        let facts = collect(&message, &Keyring::empty(), &settings, scratch).facts;
        facts.is_some_and(|facts| is_signed(&facts, &entity, expected))
    };
    let far = transported(bytes, limits);
    (holds(bytes, scratch) && holds(&far, scratch)).then_some(entity)
}

fn is_signed(facts: &MessageFacts, entity: &Sha256, expected: &Expected<'_>) -> bool {
    let kind = match expected.form {
        Form::Detached => LayerKind::Signed,
        Form::Opaque => LayerKind::Opaque,
    };
    let Some(layer) = facts.layers.first() else {
        return false;
    };
    layer.kind == kind
        && layer.inside.is_none()
        && facts.content_sha256 == Some(*entity)
        && is_in_order(layer, expected.signer)
}

fn is_in_order(layer: &LayerFacts, signer: Option<Sha256>) -> bool {
    let [signature] = layer.signatures.as_slice() else {
        return false;
    };
    layer.structure == Structure::Ok
        && layer.findings.is_empty()
        && matches!(signature.digest, Digest::Match | Digest::MatchCanonical)
        && signature.attributes == Attributes::Ok
        && signature.signature == Signature::Valid
        && signature.certificate == signer
        && matches!(
            signature.coverage,
            Coverage::WholeBody | Coverage::WholeMessage
        )
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
        for line in base64_lines(&decoded).split(|octet| *octet == b'\n') {
            for piece in line.trim_ascii_end().chunks(OTHER_WIDTH) {
                wrapped.extend_from_slice(piece);
                wrapped.push(b'\n');
            }
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
        let (line, behind) = rest.split_at(memchr(b'\n', rest).map_or(rest.len(), |end| end + 1));
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
