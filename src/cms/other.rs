//! The layers that mail rarely has: `DigestedData`, `EncryptedData`, `AuthenticatedData` (RFC 5652 §7 to §9).

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::cms::attribute_values::implicit_algorithm;
use crate::cms::attributes::Attributes;
use crate::cms::carried;
use crate::cms::carried::Carried;
use crate::cms::content;
use crate::cms::content::Content;
use crate::cms::content::EncryptedContent;
use crate::cms::recipient_info;
use crate::cms::recipient_info::Recipient;
use crate::limits::Limits;

/// `DigestedData` (RFC 5652 §7).
#[derive(Clone, Debug)]
pub struct DigestedData<'a> {
    /// 0 or 2; others are read too.
    pub version: u64,
    /// The digest's algorithm.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// What the content is.
    pub content_type: Oid<'a>,
    /// The content; None where it is detached.
    pub content: Option<Content<'a>>,
    /// The content's digest.
    pub digest: Cow<'a, [u8]>,
}

impl<'a> DigestedData<'a> {
    /// `DigestedData` (RFC 5652 §7).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let digest_algorithm = AlgorithmIdentifier::read(r)?;
            let (content_type, content) = content::encapsulated(r)?;
            Ok(Self {
                version,
                digest_algorithm,
                content_type,
                content,
                digest: r.octet_string()?.bytes()?,
            })
        })
    }
}

/// `EncryptedData` (RFC 5652 §8).
#[derive(Clone, Copy, Debug)]
pub struct EncryptedData<'a> {
    /// 0 or 2; others are read too.
    pub version: u64,
    /// The content.
    pub content: EncryptedContent<'a>,
    /// Attributes that nothing protects.
    pub unprotected_attributes: Option<Attributes<'a>>,
}

impl<'a> EncryptedData<'a> {
    /// `EncryptedData` (RFC 5652 §8).
    ///
    /// # Errors
    /// Where the next element is none, or has more attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                version: r.small_integer()?,
                content: EncryptedContent::read(r)?,
                unprotected_attributes: Attributes::optional(r, 1, limits)?,
            })
        })
    }
}

/// `AuthenticatedData` (RFC 5652 §9.1).
#[derive(Clone, Debug)]
pub struct AuthenticatedData<'a> {
    /// 0, 1 or 3; others are read too.
    pub version: u64,
    /// Certificates and revocation information of the sender.
    pub originator: Option<Carried<'a>>,
    /// Who can check it.
    pub recipients: Vec<Recipient<'a>>,
    /// The MAC's algorithm.
    pub mac_algorithm: AlgorithmIdentifier<'a>,
    /// The digest, where there are authenticated attributes.
    pub digest_algorithm: Option<AlgorithmIdentifier<'a>>,
    /// What the content is.
    pub content_type: Oid<'a>,
    /// The content; None where it is detached.
    pub content: Option<Content<'a>>,
    /// What the MAC is over, beside the content's digest.
    pub authenticated_attributes: Option<Attributes<'a>>,
    /// The MAC.
    pub mac: Cow<'a, [u8]>,
    /// Attributes that nothing protects.
    pub unauthenticated_attributes: Option<Attributes<'a>>,
}

impl<'a> AuthenticatedData<'a> {
    /// `AuthenticatedData` (RFC 5652 §9.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more recipients, certificates, CRLs or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let originator = carried::originator(r, limits)?;
            let recipients = recipient_info::read_all(r, limits)?;
            let mac_algorithm = AlgorithmIdentifier::read(r)?;
            let digest_algorithm = implicit_algorithm(r, 1)?;
            let (content_type, content) = content::encapsulated(r)?;
            Ok(Self {
                version,
                originator,
                recipients,
                mac_algorithm,
                digest_algorithm,
                content_type,
                content,
                authenticated_attributes: Attributes::optional(r, 2, limits)?,
                mac: r.octet_string()?.bytes()?,
                unauthenticated_attributes: Attributes::optional(r, 3, limits)?,
            })
        })
    }
}
