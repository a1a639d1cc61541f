//! `SignedData` (RFC 5652 §5.1).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::cms::carried::Carried;
use crate::cms::content;
use crate::cms::content::Content;
use crate::cms::list;
use crate::cms::signer_info::SignerInfo;
use crate::limits::Limits;

/// `SignedData` (RFC 5652 §5.1; PKCS#7 v1.5 §9.1).
#[derive(Clone, Debug)]
pub struct SignedData<'a> {
    /// 1, 3, 4 or 5; others are read too.
    pub version: u64,
    /// The digest algorithms announced for one pass over the content. Signers may use others.
    pub digest_algorithms: DigestAlgorithms<'a>,
    /// `eContentType`: what the signed content is.
    pub content_type: Oid<'a>,
    /// `eContent`; None where the content is detached, or where there is none.
    pub content: Option<Content<'a>>,
    /// Certificates and revocation information.
    pub carried: Carried<'a>,
    /// The signers in the order of the message. Empty in a certs-only message, and in an attack.
    pub signers: Vec<SignerInfo<'a>>,
}

impl<'a> SignedData<'a> {
    /// `SignedData` (RFC 5652 §5.1).
    ///
    /// # Errors
    /// Where the next element is none, or has more certificates, CRLs, signers or attributes than `limits`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let digest_algorithms = DigestAlgorithms::read(r)?;
            let (content_type, content) = content::encapsulated(r)?;
            let carried = Carried::read(r, limits)?;
            let signers = list::read(&r.expect(Tag::SET)?, limits.signers, |r| {
                SignerInfo::read(r, limits)
            })?;
            Ok(Self {
                version,
                digest_algorithms,
                content_type,
                content,
                carried,
                signers,
            })
        })
    }
}

/// `DigestAlgorithmIdentifiers` (RFC 5652 §5.1), known to be in order and read again when asked.
#[derive(Clone, Copy, Debug)]
pub struct DigestAlgorithms<'a> {
    inside: Reader<'a>,
}

impl<'a> DigestAlgorithms<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let inside = r.expect(Tag::SET)?.reader()?;
        let mut copy = inside;
        while !copy.is_empty() {
            AlgorithmIdentifier::read(&mut copy)?;
        }
        Ok(Self { inside })
    }

    /// The algorithms in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = AlgorithmIdentifier<'a>> + use<'a> {
        let mut inside = self.inside;
        std::iter::from_fn(move || AlgorithmIdentifier::read(&mut inside).ok())
    }
}
