//! The values of the attributes that mailseal knows.
//!
//! Each function gives `Ok(None)` where the attribute is absent and an error where it has not exactly one value of its type.
//! Where it is there twice, the first is read: [`check`](crate::cms::attribute_rules::check) tells that it is there twice.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Integer;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Time;
use crate::asn1::oid;
use crate::asn1::time::TimeForm;
use crate::cms::attributes::Attributes;
use crate::cms::identifier::EntityIdentifier;
use crate::cms::identifier::IssuerAndSerial;

impl<'a> Attributes<'a> {
    /// contentType (RFC 5652 §11.1).
    ///
    /// # Errors
    /// Where it is not one OBJECT IDENTIFIER.
    pub fn content_type(&self) -> Result<Option<Oid<'a>>, BerError> {
        self.value(oid::CONTENT_TYPE, |r| r.oid())
    }

    /// messageDigest (RFC 5652 §11.2).
    ///
    /// # Errors
    /// Where it is not one OCTET STRING.
    pub fn message_digest(&self) -> Result<Option<Cow<'a, [u8]>>, BerError> {
        self.value(oid::MESSAGE_DIGEST, |r| r.octet_string()?.bytes())
    }

    /// signingTime (RFC 5652 §11.3), with how it was written.
    ///
    /// # Errors
    /// Where it is not one time that names an instant.
    pub fn signing_time(&self) -> Result<Option<(Time, TimeForm)>, BerError> {
        self.value(oid::SIGNING_TIME, |r| r.time())
    }

    /// signingCertificate (RFC 5035 §5.4.1): SHA-1.
    ///
    /// # Errors
    /// Where it is not one `SigningCertificate`.
    pub fn signing_certificate(&self) -> Result<Option<SigningCertificate<'a>>, BerError> {
        self.value(oid::SIGNING_CERTIFICATE, |r| {
            SigningCertificate::read(r, EssCertId::read)
        })
    }

    /// signingCertificateV2 (RFC 5035 §3).
    ///
    /// # Errors
    /// Where it is not one `SigningCertificateV2`.
    pub fn signing_certificate_v2(&self) -> Result<Option<SigningCertificate<'a>>, BerError> {
        self.value(oid::SIGNING_CERTIFICATE_V2, |r| {
            SigningCertificate::read(r, EssCertId::read_v2)
        })
    }

    /// CMSAlgorithmProtection (RFC 6211 §2).
    ///
    /// # Errors
    /// Where it is not one `CMSAlgorithmProtection`.
    pub fn algorithm_protection(&self) -> Result<Option<AlgorithmProtection<'a>>, BerError> {
        self.value(oid::CMS_ALGORITHM_PROTECTION, AlgorithmProtection::read)
    }

    /// multiple-signatures (RFC 5752 §3): which other signatures belong to this one. Empty where the attribute is absent.
    ///
    /// # Errors
    /// Where a value is no `MultipleSignatures`.
    pub fn multiple_signatures(&self) -> Result<Vec<MultipleSignature<'a>>, BerError> {
        self.iter()
            .filter(|attribute| attribute.oid == oid::MULTIPLE_SIGNATURES)
            .flat_map(|attribute| attribute.values())
            .map(|value| MultipleSignature::read(&mut value.as_reader()))
            .collect()
    }

    /// SMIMECapabilities (RFC 8551 §2.5.2), in the sender's order of preference.
    ///
    /// # Errors
    /// Where it is not one `SMIMECapabilities`.
    pub fn smime_capabilities(&self) -> Result<Option<Vec<AlgorithmIdentifier<'a>>>, BerError> {
        self.value(oid::SMIME_CAPABILITIES, smime_capabilities)
    }

    /// SMIMEEncryptionKeyPreference (RFC 8551 §2.5.3), else Microsoft's attribute with the same meaning, an `IssuerAndSerialNumber`
    /// (Outlook writes both).
    ///
    /// # Errors
    /// Where the one that is there is not one value of its type.
    pub fn encryption_key_preference(&self) -> Result<Option<EntityIdentifier<'a>>, BerError> {
        let standard = self.value(oid::ENCRYPTION_KEY_PREFERENCE, |r| {
            let choice = r.element()?;
            key_preference(&choice)
        })?;
        if standard.is_some() {
            return Ok(standard);
        }
        self.value(oid::MS_ENCRYPTION_KEY_PREFERENCE, |r| {
            IssuerAndSerial::read(r).map(EntityIdentifier::IssuerAndSerial)
        })
    }

    /// receiptRequest (RFC 2634 §2.7).
    ///
    /// # Errors
    /// Where it is not one `ReceiptRequest`.
    pub fn receipt_request(&self) -> Result<Option<ReceiptRequest<'a>>, BerError> {
        self.value(oid::RECEIPT_REQUEST, |r| {
            r.sequence(|r| {
                Ok(ReceiptRequest {
                    content_identifier: r.octet_string()?.bytes()?,
                    receipts_from: next(r)?.raw,
                    receipts_to: r.raw(Tag::SEQUENCE)?,
                })
            })
        })
    }

    /// eSSSecurityLabel (RFC 2634 §3.2).
    ///
    /// # Errors
    /// Where it is not one `ESSSecurityLabel`.
    pub fn security_label(&self) -> Result<Option<SecurityLabel<'a>>, BerError> {
        self.value(oid::SECURITY_LABEL, |r| {
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
            Ok(SecurityLabel {
                policy,
                classification,
            })
        })
    }

    /// The one value of the first attribute of this type, all of it read by `read`.
    fn value<T>(
        &self,
        oid: Oid<'static>,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
    ) -> Result<Option<T>, BerError> {
        let Some(attribute) = self.find(oid) else {
            return Ok(None);
        };
        let mut r = attribute.single()?.as_reader();
        let value = read(&mut r)?;
        r.finish()?;
        Ok(Some(value))
    }
}

/// `SMIMECapabilities` (RFC 8551 §2.5.2), in an attribute or in a certificate's extension (RFC 4262).
///
/// # Errors
/// Where the next element is none.
pub fn smime_capabilities<'a>(
    r: &mut Reader<'a>,
) -> Result<Vec<AlgorithmIdentifier<'a>>, BerError> {
    r.sequence(|r| {
        let mut all = Vec::new();
        while !r.is_empty() {
            all.push(AlgorithmIdentifier::read(r)?);
        }
        Ok(all)
    })
}

/// `SMIMEEncryptionKeyPreference` (RFC 8551 §2.5.3), a module with IMPLICIT tags.
fn key_preference<'a>(choice: &Element<'a>) -> Result<EntityIdentifier<'a>, BerError> {
    if choice.tag == Tag::context_constructed(0) {
        let mut r = choice.reader()?;
        let named = IssuerAndSerial::read_fields(&mut r)?;
        r.finish()?;
        Ok(EntityIdentifier::IssuerAndSerial(named))
    } else if choice.tag == Tag::context_constructed(1) {
        // RecipientKeyIdentifier: date and other attribute say nothing about the certificate.
        let identifier = choice.reader()?.octet_string()?.bytes()?;
        Ok(EntityIdentifier::SubjectKeyIdentifier(identifier))
    } else if choice.tag.same_type(Tag::context(2)) {
        let identifier = choice.as_octet_string().bytes()?;
        Ok(EntityIdentifier::SubjectKeyIdentifier(identifier))
    } else {
        Err(choice.error(BerErrorKind::UnexpectedTag))
    }
}

/// The next element; an error at the end.
fn next<'a>(r: &mut Reader<'a>) -> Result<Element<'a>, BerError> {
    if r.is_empty() {
        return Err(r.error(BerErrorKind::Truncated));
    }
    r.element()
}

/// `SigningCertificate` and `SigningCertificateV2` (RFC 5035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCertificate<'a> {
    /// The first must be the certificate that verifies the signature (RFC 5035 §5.4); the others may be used for its path.
    pub certificates: Vec<EssCertId<'a>>,
    /// The policies' element, where there is one.
    pub policies: Option<&'a [u8]>,
}

impl<'a> SigningCertificate<'a> {
    fn read(
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

/// `ESSCertID` and `ESSCertIDv2` (RFC 5035 §4, §5.4.1).
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
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| Self::read_fields(r, oid::SHA1))
    }

    fn read_v2(r: &mut Reader<'a>) -> Result<Self, BerError> {
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

/// `IssuerSerial` (RFC 5035 §5.4.1, RFC 5755 §4.1).
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
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
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

/// `CMSAlgorithmProtection` (RFC 6211 §2): the algorithms that the signer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmProtection<'a> {
    /// Must equal the signer's digest algorithm.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// Must equal the signer's signature algorithm; None in a message with a MAC.
    pub signature_algorithm: Option<AlgorithmIdentifier<'a>>,
    /// Must equal the MAC algorithm; None in a signed message.
    pub mac_algorithm: Option<AlgorithmIdentifier<'a>>,
}

impl<'a> AlgorithmProtection<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                digest_algorithm: AlgorithmIdentifier::read(r)?,
                signature_algorithm: implicit_algorithm(r, 1)?,
                mac_algorithm: implicit_algorithm(r, 2)?,
            })
        })
    }
}

/// `[number] IMPLICIT AlgorithmIdentifier OPTIONAL`.
pub(super) fn implicit_algorithm<'a>(
    r: &mut Reader<'a>,
    number: u32,
) -> Result<Option<AlgorithmIdentifier<'a>>, BerError> {
    match r.optional(Tag::context_constructed(number))? {
        None => Ok(None),
        Some(element) => {
            let mut inside = element.reader()?;
            let algorithm = AlgorithmIdentifier::read_fields(&mut inside)?;
            inside.finish()?;
            Ok(Some(algorithm))
        }
    }
}

/// `MultipleSignatures` (RFC 5752 §3): another signature that was made together with this one.
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
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
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

/// `ESSSecurityLabel` (RFC 2634 §3.2), as far as it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityLabel<'a> {
    /// Whose rules the label follows.
    pub policy: Oid<'a>,
    /// 0 unmarked, 1 unclassified, 2 restricted, 3 confidential, 4 secret, 5 top secret.
    pub classification: Option<Integer<'a>>,
}
