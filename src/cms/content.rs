//! What a layer encloses: in clear ([`Content`]) or encrypted ([`EncryptedContent`]).

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::OctetString;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;

/// `eContent` of an `EncapsulatedContentInfo` (RFC 5652 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// An OCTET STRING, as CMS has it; its chunks are known to be in order.
    Octets(OctetString<'a>),
    /// Another type, as PKCS#7 v1.5 allowed (RFC 5652 §5.2.1).
    Element {
        /// All octets of the element.
        raw: &'a [u8],
        /// Its content octets: these are digested, tag and length are not (RFC 5652 §5.2.1).
        content: &'a [u8],
    },
}

impl<'a> Content<'a> {
    /// The octets that are digested; borrowed unless they come in chunks.
    ///
    /// # Errors
    /// Not for what a reader of this module gave.
    pub fn bytes(&self) -> Result<Cow<'a, [u8]>, BerError> {
        match self {
            Self::Octets(octets) => octets.bytes(),
            Self::Element { content, .. } => Ok(Cow::Borrowed(content)),
        }
    }

    /// Calls `each` with every chunk of the octets that are digested, in order, without copying.
    ///
    /// # Errors
    /// Not for what a reader of this module gave.
    pub fn for_each_chunk(&self, mut each: impl FnMut(&'a [u8])) -> Result<(), BerError> {
        match self {
            Self::Octets(octets) => octets.for_each_chunk(each),
            Self::Element { content, .. } => {
                each(content);
                Ok(())
            }
        }
    }
}

/// `EncapsulatedContentInfo` (RFC 5652 §5.2): the type, and the content unless it is detached.
pub(super) fn encapsulated<'a>(
    r: &mut Reader<'a>,
) -> Result<(Oid<'a>, Option<Content<'a>>), BerError> {
    r.sequence(|r| {
        let content_type = r.oid()?;
        if r.is_empty() {
            return Ok((content_type, None));
        }
        let content = r.nested(Tag::context_constructed(0), |r| {
            if r.peek().is_some_and(|tag| tag.same_type(Tag::OCTET_STRING)) {
                Ok(Content::Octets(whole(r.octet_string()?)?))
            } else {
                let element = r.element()?;
                Ok(Content::Element {
                    raw: element.raw,
                    content: element.content,
                })
            }
        })?;
        Ok((content_type, Some(content)))
    })
}

pub(super) fn is_chunked(content: Option<&Content<'_>>) -> bool {
    matches!(content, Some(Content::Octets(octets)) if octets.is_chunked())
}

/// The string, if all its chunks are in order.
pub(super) fn whole(octets: OctetString<'_>) -> Result<OctetString<'_>, BerError> {
    octets.for_each_chunk(|_| {})?;
    Ok(octets)
}

/// `EncryptedContentInfo` (RFC 5652 §6.1).
#[derive(Clone, Copy, Debug)]
pub struct EncryptedContent<'a> {
    /// What the plaintext is.
    pub content_type: Oid<'a>,
    /// The cipher and its parameters.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The ciphertext; None where it is elsewhere. Its chunks are known to be in order.
    pub ciphertext: Option<OctetString<'a>>,
}

impl<'a> EncryptedContent<'a> {
    /// `EncryptedContentInfo` (RFC 5652 §6.1).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                content_type: r.oid()?,
                algorithm: AlgorithmIdentifier::read(r)?,
                ciphertext: match r.optional(Tag::context(0))? {
                    Some(element) => Some(whole(element.as_octet_string())?),
                    None => None,
                },
            })
        })
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.ciphertext.is_some_and(|octets| octets.is_chunked())
    }
}
