//! `AuthEnvelopedData` (RFC 5083 §2.1).

use std::borrow::Cow;

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::cms::attributes::Attributes;
use crate::cms::carried;
use crate::cms::carried::Carried;
use crate::cms::content::EncryptedContent;
use crate::cms::recipient_info;
use crate::cms::recipient_info::Recipient;
use crate::limits::Limits;

/// `AuthEnvelopedData` (RFC 5083 §2.1).
#[derive(Clone, Debug)]
pub struct AuthEnvelopedData<'a> {
    /// 0; others are read too.
    pub version: u64,
    /// Certificates and revocation information of the sender.
    pub originator: Option<Carried<'a>>,
    /// Who can open it. Empty only where the standard is broken.
    pub recipients: Vec<Recipient<'a>>,
    /// The content.
    pub content: EncryptedContent<'a>,
    /// Attributes that the tag covers: the additional authenticated data is [`Attributes::to_digest`] of them (RFC 5083 §2.2).
    pub authenticated_attributes: Option<Attributes<'a>>,
    /// The tag.
    pub mac: Cow<'a, [u8]>,
    /// Attributes that nothing protects.
    pub unauthenticated_attributes: Option<Attributes<'a>>,
}

impl<'a> AuthEnvelopedData<'a> {
    /// `AuthEnvelopedData` (RFC 5083 §2.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more recipients, certificates, CRLs or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                version: r.small_integer()?,
                originator: carried::originator(r, limits)?,
                recipients: recipient_info::read_all(r, limits)?,
                content: EncryptedContent::read(r)?,
                authenticated_attributes: Attributes::optional(r, 1, limits)?,
                mac: r.octet_string()?.bytes()?,
                unauthenticated_attributes: Attributes::optional(r, 2, limits)?,
            })
        })
    }
}
