//! Enhanced security services (RFC 2634, 5035) and multiple signatures (RFC 5752): the structures in signed attributes.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Integer;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;

/// `SigningCertificate` and `SigningCertificateV2` (RFC 5035 §5, §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCertificate<'a> {
    /// The first must be the certificate that verifies the signature (RFC 5035 §3, §5); the others may be used for its path.
    pub certificates: Vec<EssCertId<'a>>,
    /// The policies' element, where there is one.
    pub policies: Option<&'a [u8]>,
}

impl<'a> SigningCertificate<'a> {
    pub(super) fn read(
        r: &mut Reader<'a>,
        read: impl Fn(&mut Reader<'a>) -> Result<EssCertId<'a>, BerError>,
    ) -> Result<Self, BerError> {
        r.sequence(|r| {
            let certificates = r.sequence(|r| {
                let mut all = vec![read(r)?];
                while !r.is_empty() {
                    all.push(read(r)?);
                }
                Ok(all)
            })?;
            let policies = r.optional(Tag::SEQUENCE)?.map(|element| element.raw);
            Ok(Self {
                certificates,
                policies,
            })
        })
    }
}

/// `ESSCertID` and `ESSCertIDv2` (RFC 5035 §6, §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EssCertId<'a> {
    /// The digest: SHA-1 for the first version, SHA-256 by default for the second.
    pub hash_algorithm: AlgorithmIdentifier<'a>,
    /// The digest of the whole certificate.
    pub certificate_hash: Cow<'a, [u8]>,
    /// Issuer and serial number, where they are named.
    pub issuer_serial: Option<EssIssuerSerial<'a>>,
}

impl<'a> EssCertId<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| Self::read_fields(r, oid::SHA1))
    }

    pub(super) fn read_v2(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            if r.peek() == Some(Tag::SEQUENCE) {
                let hash_algorithm = AlgorithmIdentifier::read(r)?;
                let rest = Self::read_fields(r, oid::SHA256)?;
                return Ok(Self {
                    hash_algorithm,
                    ..rest
                });
            }
            Self::read_fields(r, oid::SHA256)
        })
    }

    fn read_fields(r: &mut Reader<'a>, hash: Oid<'static>) -> Result<Self, BerError> {
        Ok(Self {
            hash_algorithm: AlgorithmIdentifier {
                oid: hash,
                parameters: None,
            },
            certificate_hash: r.octet_string()?.bytes()?,
            issuer_serial: if r.is_empty() {
                None
            } else {
                Some(EssIssuerSerial::read(r)?)
            },
        })
    }
}

/// `IssuerSerial` (RFC 5035 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EssIssuerSerial<'a> {
    /// The `GeneralNames` element.
    pub issuer: &'a [u8],
    /// The `Name` element, where the general names are one directory name, as they must be for public-key certificates.
    pub directory_name: Option<&'a [u8]>,
    /// The certificate's serial number.
    pub serial: Integer<'a>,
}

impl<'a> EssIssuerSerial<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let names = r.expect(Tag::SEQUENCE)?;
            let mut inside = names.reader()?;
            let name = next(&mut inside)?;
            let directory_name = if name.tag == Tag::context_constructed(4) && inside.is_empty() {
                name.reader()?.raw(Tag::SEQUENCE).ok()
            } else {
                None
            };
            Ok(Self {
                issuer: names.raw,
                directory_name,
                serial: r.integer()?,
            })
        })
    }
}

/// `MultipleSignatures` (RFC 5752): another signature that was made together with this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipleSignature<'a> {
    /// The other's digest algorithm over the content.
    pub body_hash_algorithm: AlgorithmIdentifier<'a>,
    /// The other's signature algorithm.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The digest of the other's signed attributes: its algorithm.
    pub attributes_hash_algorithm: AlgorithmIdentifier<'a>,
    /// And its value.
    pub attributes_hash: Cow<'a, [u8]>,
    /// The other's certificate, where it is named.
    pub certificate: Option<EssCertId<'a>>,
}

impl<'a> MultipleSignature<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let body_hash_algorithm = AlgorithmIdentifier::read(r)?;
            let signature_algorithm = AlgorithmIdentifier::read(r)?;
            let (attributes_hash_algorithm, attributes_hash) =
                r.sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.octet_string()?.bytes()?)))?;
            let certificate = if r.is_empty() {
                None
            } else {
                Some(EssCertId::read_v2(r)?)
            };
            Ok(Self {
                body_hash_algorithm,
                signature_algorithm,
                attributes_hash_algorithm,
                attributes_hash,
                certificate,
            })
        })
    }
}

/// `ReceiptRequest` (RFC 2634 §2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRequest<'a> {
    /// What the receipt must name.
    pub content_identifier: Cow<'a, [u8]>,
    /// The `ReceiptsFrom` element.
    pub receipts_from: &'a [u8],
    /// The element with the `GeneralNames` to send receipts to.
    pub receipts_to: &'a [u8],
}

impl<'a> ReceiptRequest<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                content_identifier: r.octet_string()?.bytes()?,
                receipts_from: next(r)?.raw,
                receipts_to: r.raw(Tag::SEQUENCE)?,
            })
        })
    }
}

/// `ESSSecurityLabel` (RFC 2634 §3.2), as far as it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityLabel<'a> {
    /// Whose rules the label follows.
    pub policy: Oid<'a>,
    /// 0 unmarked, 1 unclassified, 2 restricted, 3 confidential, 4 secret, 5 top secret.
    pub classification: Option<Integer<'a>>,
}

impl<'a> SecurityLabel<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let set = r.expect(Tag::SET)?;
        let mut inside = set.reader()?;
        let (mut policy, mut classification) = (None, None);
        while !inside.is_empty() {
            let field = inside.element()?;
            match field.tag {
                Tag::OID => policy = Some(field.as_oid()?),
                Tag::INTEGER => classification = Some(field.as_integer()?),
                _ => {} // privacy mark, categories
            }
        }
        let policy = policy.ok_or_else(|| set.error(BerErrorKind::Truncated))?;
        Ok(Self {
            policy,
            classification,
        })
    }
}

/// The next element; an error at the end.
fn next<'a>(r: &mut Reader<'a>) -> Result<Element<'a>, BerError> {
    if r.is_empty() {
        return Err(r.error(BerErrorKind::Truncated));
    }
    r.element()
}
