//! A part that holds a layer: its place, what it announces, and what is odd about how it is written.

use crate::asn1::oid;
use crate::cms::{Carried, ContentInfo, Layer, SignedData};
use crate::facts::axis::{Coverage, LayerKind};
use crate::facts::finding::Finding;
use crate::facts::headers;
use crate::facts::record::Addresses;
use crate::limits::Limits;
use crate::mime::canonical::{LineEnds, Unquote, feed};
use crate::mime::finding::Oddity;
use crate::mime::label::{Declared, Extension, Label};
use crate::mime::media::{MediaType, Reading};
use crate::mime::message::StorageFinding;
use crate::mime::multipart;
use crate::mime::transfer::{Decoded, State};
use crate::mime::{Tree, header::Header};

/// A layer about to be read: where it stands and what was seen of it so far.
#[derive(Clone, Debug)]
pub(super) struct At {
    pub path: String,
    pub label: Label,
    pub findings: Vec<Finding>,
    /// It is the whole of what encloses it, at every level.
    pub whole: bool,
    /// What stands beside it, at every level.
    pub uncovered: Vec<String>,
    /// Index of the nested message that it is in.
    pub nested: Option<u32>,
}

impl At {
    /// How much of the message a signature over this part covers.
    pub fn coverage(&self, protects_headers: bool) -> Coverage {
        match (self.nested, self.whole, protects_headers) {
            (Some(_), _, _) => Coverage::NestedMessage,
            (None, false, _) => Coverage::Subpart,
            (None, true, true) => Coverage::WholeMessage,
            (None, true, false) => Coverage::WholeBody,
        }
    }

    /// The kind of layer that the label announces, for one that can't be read.
    pub fn announced(&self) -> LayerKind {
        match self.label.smime_type.as_deref() {
            Some("signed-data" | "signed-receipt") => return LayerKind::Opaque,
            Some("enveloped-data") => return LayerKind::Encrypted,
            Some("authenveloped-data") => return LayerKind::AuthEncrypted,
            Some("compressed-data") => return LayerKind::Compressed,
            Some("certs-only") => return LayerKind::CertsOnly,
            Some(_) | None => {}
        }
        match (self.label.declared, self.label.extension) {
            (Some(Declared::Signature), _) | (_, Some(Extension::P7s)) => LayerKind::Signed,
            (_, Some(Extension::P7c)) => LayerKind::CertsOnly,
            (_, Some(Extension::P7z)) => LayerKind::Compressed,
            (_, Some(Extension::P7m) | None) => LayerKind::Unknown,
        }
    }

    /// A signature is announced.
    pub fn says_signed(&self) -> bool {
        self.label.smime_type.as_deref() == Some("signed-data")
    }

    /// The label announces another layer than this one (RFC 8551 §3.2.2).
    pub fn contradicts(&self, layer: &Layer<'_>) -> bool {
        let Some(announced) = self.label.smime_type.as_deref() else {
            return false;
        };
        let fits = match layer {
            Layer::Signed(data) if data.signers.is_empty() => announced == "certs-only",
            Layer::Signed(_) => matches!(announced, "signed-data" | "signed-receipt"),
            Layer::Enveloped(_) | Layer::Encrypted(_) => announced == "enveloped-data",
            Layer::AuthEnveloped(_) => announced == "authenveloped-data",
            Layer::Compressed(_) => announced == "compressed-data",
            Layer::Digested(_) | Layer::Authenticated(_) | Layer::Data(_) | Layer::Other(_) => {
                false
            }
        };
        !fits
    }
}

/// A part's path: a layer inside another continues behind "/".
#[must_use]
pub fn layer_path(prefix: &str, number: &str) -> String {
    if prefix.is_empty() {
        number.to_owned()
    } else {
        format!("{prefix}/{number}")
    }
}

/// What is told of how a message is stored.
pub(super) fn storage_finding(finding: StorageFinding) -> Finding {
    match finding {
        StorageFinding::SeparatorOdd => Finding::SeparatorOdd,
        StorageFinding::SeparatorWithoutBlankLine => Finding::SeparatorWithoutBlankLine,
        StorageFinding::SeparatorMissing => Finding::SeparatorMissing,
        StorageFinding::UnquotedFromLine => Finding::UnquotedFromLine,
        StorageFinding::ContentLengthWrong => Finding::ContentLengthWrong,
        StorageFinding::CutShort => Finding::CutShort,
    }
}

pub(super) fn oddities(found: &[Oddity]) -> Vec<Finding> {
    let code = |oddity: &Oddity| match oddity {
        Oddity::ProtocolMismatch => Finding::ProtocolMismatch,
        Oddity::TypeMismatch => Finding::TypeMismatch,
        Oddity::PreambleText => Finding::PreambleText,
        Oddity::EpilogueText => Finding::EpilogueText,
        Oddity::ExtraParts => Finding::ExtraParts,
        Oddity::ReversedParts => Finding::ReversedParts,
    };
    found.iter().map(code).collect()
}

/// Text before the first or behind the last part of the multiparts around a part, in its message.
pub(super) fn text_around(tree: &Tree<'_>, part: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    for above in tree.ancestry(part).skip(1) {
        let Some(multipart) = tree
            .parts
            .get(above)
            .and_then(|part| part.multipart.as_ref())
        else {
            continue;
        };
        let preamble = tree.slice(&multipart.preamble);
        if multipart::has_text(preamble) && !multipart::is_note(preamble) {
            findings.push(Finding::PreambleText);
        }
        if multipart::has_text(tree.slice(&multipart.epilogue)) {
            findings.push(Finding::EpilogueText);
        }
    }
    findings
}

pub(super) fn transfer_findings(decoded: &Decoded<'_>, findings: &mut Vec<Finding>) {
    match decoded.state {
        State::Regular => {}
        State::Irregular => findings.push(Finding::Base64Irregular),
        State::Malformed => findings.push(Finding::TransferMalformed),
    }
    if decoded.misdeclared {
        findings.push(Finding::EncodingMismatch);
    }
}

pub(super) fn ber_findings(info: &ContentInfo<'_>, findings: &mut Vec<Finding>) {
    if info.ber {
        findings.push(Finding::Ber);
    }
    if info.trailing_bytes > 0 {
        findings.push(Finding::TrailingData);
    }
}

pub(super) fn layer_findings(
    info: &ContentInfo<'_>,
    carried: &Carried<'_>,
    findings: &mut Vec<Finding>,
) {
    ber_findings(info, findings);
    if carried.other_certificates > 0 {
        findings.push(Finding::OtherCertificates);
    }
}

/// What a detached signature's own content is beside the part that it signs (catalogue row B-01).
pub(super) fn econtent(own: &[u8], part: &[u8]) -> Finding {
    let canonical = |bytes: &[u8]| {
        let mut all = Vec::with_capacity(bytes.len());
        feed(bytes, LineEnds::CrLf, Unquote::None, |piece| {
            all.extend_from_slice(piece)
        });
        all
    };
    if own == part || canonical(own) == canonical(part) {
        Finding::EcontentCopy
    } else {
        Finding::EcontentConflict
    }
}

/// `micalg` names other digests than the signers use, or none (RFC 8551 §3.5.3.2).
pub(super) fn micalg_differs(tree: &Tree<'_>, multipart: usize, data: &SignedData<'_>) -> bool {
    let announced = tree
        .parts
        .get(multipart)
        .and_then(|part| part.media.text("micalg", Reading::First))
        .unwrap_or_default();
    let announced: Vec<String> = announced.split(',').map(plain_digest).collect();
    data.signers.iter().any(|signer| {
        let used = plain_digest(&signer.digest_algorithm.oid.label());
        !announced.contains(&used)
    })
}

/// `SHA-256`, `sha256` and `rsa-sha256` are one.
fn plain_digest(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("rsa-").unwrap_or(&name);
    match name.strip_prefix("sha3-") {
        Some(_) => name.to_owned(),
        None => name.replace('-', ""),
    }
}

/// The part says that it protects the header fields: `hp` of RFC 9788 §2.1.1, or `protected-headers` of its draft; or it is
/// a message/rfc822 that is no forwarded one (RFC 8551 §3.1, `forwarded=no`).
#[must_use]
pub fn protects_headers(media: &MediaType) -> bool {
    let is = |name: &str, values: &[&str]| {
        media
            .text(name, Reading::First)
            .is_some_and(|value| values.contains(&value.to_ascii_lowercase().as_str()))
    };
    is("hp", &["clear", "cipher"])
        || is("protected-headers", &["v1"])
        || (media.essence == "message/rfc822" && is("forwarded", &["no"]))
}

/// Who a protected header says the sender is, if it does.
pub(super) fn protected_sender(header: &Header<'_>, limits: &Limits) -> Option<Addresses> {
    let (addresses, _) = headers::addresses(header, limits);
    (addresses.from_fields > 0).then_some(addresses)
}

/// The header that a part protects: its own, or that of the message which it wraps. None where it says of itself that it protects
/// none ([`protects_headers`]).
pub(super) fn protected_header<'t>(tree: &Tree<'t>, part: usize) -> Option<Header<'t>> {
    let this = tree.parts.get(part)?;
    if !protects_headers(&this.media) {
        return None;
    }
    match this.children.as_slice() {
        [wrapped] if this.media.essence == "message/rfc822" => Some(tree.header(*wrapped)),
        // No wrapper, or one around nothing or several: what protects is its own header.
        _ => Some(tree.header(part)),
    }
}

/// The layer's content is mail.
pub(super) fn is_mail(data: &SignedData<'_>) -> bool {
    data.content_type == oid::DATA
}
