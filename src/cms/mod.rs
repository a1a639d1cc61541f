//! The third stop: a part's octets become borrowed layers (RFC 5652). No cryptography and no opinion.
//!
//! Reading is tolerant where mail programs are known to deviate and it costs no safety: BER lengths, strings in chunks, elements of
//! sets in any order, unknown certificate formats. What is not a complete structure is one [`BerError`] for all of it: a damaged
//! message yields no certificates. One damaged `RecipientInfo` among others is kept as such ([`Recipient::Damaged`]).
//!
//! Certificates, CRLs and OCSP responses stay raw octets: `pki` reads them. [`build`] writes what this reads.

pub mod attribute_rules;

pub mod attribute_values;

pub mod attributes;

pub mod auth_enveloped;

pub mod build;

pub mod carried;

pub mod compressed;

pub mod content;

pub mod enveloped_data;

pub mod identifier;

mod list;

pub mod other;

pub mod recipient_info;

pub mod signed_data;

pub mod signer_info;

pub mod timestamp;

pub use attribute_rules::AttributeProblem;
pub use attributes::{Attribute, Attributes};
pub use auth_enveloped::AuthEnvelopedData;
pub use carried::Carried;
pub use compressed::CompressedData;
pub use content::{Content, EncryptedContent};
pub use enveloped_data::EnvelopedData;
pub use identifier::{EntityIdentifier, IssuerAndSerial};
pub use other::{AuthenticatedData, DigestedData, EncryptedData};
pub use recipient_info::Recipient;
pub use signed_data::SignedData;
pub use signer_info::SignerInfo;
pub use timestamp::TstInfo;

use crate::asn1::BerError;
use crate::asn1::Element;
use crate::asn1::OctetString;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::limits::Limits;

/// `ContentInfo` (RFC 5652 §3): the envelope of every layer.
#[derive(Clone, Debug)]
pub struct ContentInfo<'a> {
    /// Which layer it is.
    pub content_type: Oid<'a>,
    /// The layer.
    pub layer: Layer<'a>,
    /// Octets behind the structure that [`read`] did not use.
    pub trailing_bytes: usize,
    /// ContentInfo, layer, a field of the layer or the content has an indefinite length or comes in chunks.
    pub ber: bool,
}

/// What a `ContentInfo` holds.
#[derive(Clone, Debug)]
pub enum Layer<'a> {
    /// Signed, or certificates only (RFC 5652 §5).
    Signed(SignedData<'a>),
    /// Encrypted (RFC 5652 §6).
    Enveloped(EnvelopedData<'a>),
    /// Encrypted with a tag (RFC 5083).
    AuthEnveloped(AuthEnvelopedData<'a>),
    /// Compressed (RFC 3274).
    Compressed(CompressedData<'a>),
    /// With a digest that nobody signed (RFC 5652 §7).
    Digested(DigestedData<'a>),
    /// Encrypted for nobody in particular (RFC 5652 §8; PKCS#12).
    Encrypted(EncryptedData<'a>),
    /// With a MAC (RFC 5652 §9).
    Authenticated(AuthenticatedData<'a>),
    /// Octets (RFC 5652 §4); None where they are elsewhere (PKCS#7 allowed that).
    Data(Option<OctetString<'a>>),
    /// A type that mailseal does not read; the element in `[0]`, if there is one.
    Other(Option<&'a [u8]>),
}

/// The layer that begins `bytes`.
///
/// Copies nothing but strings that come in chunks, and only where they are short by nature. Never recurses; never allocates
/// by a number in the input. A second structure behind the first is not read: [`ContentInfo::trailing_bytes`].
///
/// # Errors
/// Where the structure is damaged, incomplete, or has more elements than `limits`.
pub fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<ContentInfo<'a>, BerError> {
    let mut r = Reader::new(bytes);
    let mut info = ContentInfo::read(&mut r, limits)?;
    info.trailing_bytes = r.rest().len();
    Ok(info)
}

impl<'a> ContentInfo<'a> {
    /// The next element as `ContentInfo`; `trailing_bytes` is 0.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        let outer = r.expect(Tag::SEQUENCE)?;
        let mut inside = outer.reader()?;
        let content_type = inside.oid()?;
        let explicit = inside.optional(Tag::context_constructed(0))?;
        inside.finish()?;
        let layer = Layer::read(content_type, explicit.as_ref(), inside, limits)?;
        let ber = outer.indefinite || layer.is_chunked() || explicit.is_some_and(is_indefinite);
        Ok(Self {
            content_type,
            layer,
            trailing_bytes: 0,
            ber,
        })
    }
}

impl<'a> Layer<'a> {
    /// What is in `[0]`; `end` stands where it is missing.
    fn read(
        content_type: Oid<'a>,
        explicit: Option<&Element<'a>>,
        end: Reader<'a>,
        limits: &Limits,
    ) -> Result<Self, BerError> {
        let mut inside = match explicit {
            Some(explicit) => explicit.reader()?,
            None => end, // empty, so that a structure which needs its content is truncated here
        };
        let r = &mut inside;
        let layer = match content_type {
            oid::SIGNED_DATA => Self::Signed(SignedData::read(r, limits)?),
            oid::ENVELOPED_DATA => Self::Enveloped(EnvelopedData::read(r, limits)?),
            oid::AUTH_ENVELOPED_DATA => Self::AuthEnveloped(AuthEnvelopedData::read(r, limits)?),
            oid::COMPRESSED_DATA => Self::Compressed(CompressedData::read(r)?),
            oid::DIGESTED_DATA => Self::Digested(DigestedData::read(r)?),
            oid::ENCRYPTED_DATA => Self::Encrypted(EncryptedData::read(r, limits)?),
            oid::AUTHENTICATED_DATA => Self::Authenticated(AuthenticatedData::read(r, limits)?),
            oid::DATA if explicit.is_none() => Self::Data(None),
            oid::DATA => Self::Data(Some(content::whole(r.octet_string()?)?)),
            _ if explicit.is_none() => Self::Other(None),
            _ => Self::Other(Some(r.element()?.raw)),
        };
        inside.finish()?;
        Ok(layer)
    }

    fn is_chunked(&self) -> bool {
        match self {
            Self::Signed(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Enveloped(layer) => layer.content.is_chunked(),
            Self::AuthEnveloped(layer) => layer.content.is_chunked(),
            Self::Encrypted(layer) => layer.content.is_chunked(),
            Self::Compressed(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Digested(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Authenticated(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Data(content) => content.is_some_and(|content| content.is_chunked()),
            Self::Other(_) => false,
        }
    }
}

/// The `[0]` of a ContentInfo, the layer in it or one of the layer's fields has an indefinite length.
fn is_indefinite(explicit: Element<'_>) -> bool {
    let fields = |element: Element<'_>| {
        let mut r = element.reader().ok()?;
        let mut found = element.indefinite;
        while !found && !r.is_empty() {
            found = r.element().ok()?.indefinite;
        }
        Some(found)
    };
    let layer = || explicit.reader().ok()?.element().ok();
    explicit.indefinite || layer().and_then(fields).unwrap_or(false)
}
