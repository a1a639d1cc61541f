//! The values of the attributes that mailseal knows.
//!
//! Each function gives `Ok(None)` where the attribute is absent and an error where it has not exactly one value of its type.
//! Where it is there twice, the first is read: `attribute_rules::check` tells that it is there twice.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Time;
use crate::asn1::oid;
use crate::asn1::time::TimeForm;
use crate::cms::attributes::Attributes;
use crate::cms::ess::EssCertId;
use crate::cms::ess::MultipleSignature;
use crate::cms::ess::ReceiptRequest;
use crate::cms::ess::SecurityLabel;
use crate::cms::ess::SigningCertificate;
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

    /// signingCertificate (RFC 5035 §5): SHA-1.
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

    /// CMSAlgorithmProtection (RFC 6211).
    ///
    /// # Errors
    /// Where it is not one `CMSAlgorithmProtection`.
    pub fn algorithm_protection(&self) -> Result<Option<AlgorithmProtection<'a>>, BerError> {
        self.value(oid::CMS_ALGORITHM_PROTECTION, AlgorithmProtection::read)
    }

    /// multiple-signatures (RFC 5752): which other signatures belong to this one. Empty where the attribute is absent.
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
        self.value(oid::RECEIPT_REQUEST, ReceiptRequest::read)
    }

    /// eSSSecurityLabel (RFC 2634 §3.2).
    ///
    /// # Errors
    /// Where it is not one `ESSSecurityLabel`.
    pub fn security_label(&self) -> Result<Option<SecurityLabel<'a>>, BerError> {
        self.value(oid::SECURITY_LABEL, SecurityLabel::read)
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

/// `CMSAlgorithmProtection` (RFC 6211): the algorithms that the signer means.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Integer;
    use crate::asn1::Writer;
    use crate::cms::build::AttributeList;
    use crate::limits::Limits;

    const NAMED: IssuerAndSerial<'static> = IssuerAndSerial {
        issuer: &[0x30, 0],
        serial: Integer(&[0, 0x80]),
    };
    const SHA384: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::SHA384,
        parameters: None,
    };
    const ECDSA: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::ECDSA_WITH_SHA384,
        parameters: None,
    };

    fn with<T>(list: &AttributeList, check: impl FnOnce(Attributes<'_>) -> T) -> T {
        let raw = Writer::encode(|w| list.write(w, 0));
        let read = Attributes::optional(&mut Reader::new(&raw), 0, &Limits::default());
        check(read.unwrap().unwrap())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let time = Time::from_unix(1_700_000_000).unwrap();
        let rc2_40 = AlgorithmIdentifier {
            oid: oid::RC2_CBC,
            parameters: Some(&[2, 1, 40]),
        };
        let list = AttributeList::new()
            .content_type(oid::DATA)
            .message_digest(&[7; 48])
            .signing_time(time)
            .signing_certificate(&[1; 20], None)
            .signing_certificate_v2(SHA384, &[2; 48], Some(&NAMED))
            .capabilities(&[SHA384, rc2_40])
            .key_preference(&NAMED)
            .algorithm_protection(SHA384, ECDSA);
        with(&list, |a| {
            assert_eq!(a.content_type(), Ok(Some(oid::DATA)));
            assert_eq!(a.message_digest().unwrap().unwrap(), vec![7; 48]);
            assert_eq!(a.signing_time(), Ok(Some((time, TimeForm::Der))));
            let v1 = a.signing_certificate().unwrap().unwrap();
            assert_eq!(v1.certificates[0].hash_algorithm.oid, oid::SHA1);
            assert_eq!(*v1.certificates[0].certificate_hash, [1; 20]);
            assert_eq!(v1.certificates[0].issuer_serial, None);
            let v2 = a.signing_certificate_v2().unwrap().unwrap();
            assert_eq!(v2.certificates[0].hash_algorithm, SHA384);
            let named = v2.certificates[0].issuer_serial.unwrap();
            assert_eq!(named.directory_name, Some(NAMED.issuer));
            assert_eq!(named.serial, NAMED.serial);
            assert_eq!(a.smime_capabilities(), Ok(Some(vec![SHA384, rc2_40])));
            assert_eq!(
                a.encryption_key_preference(),
                Ok(Some(EntityIdentifier::IssuerAndSerial(NAMED)))
            );
            let protection = a.algorithm_protection().unwrap().unwrap();
            assert_eq!(protection.digest_algorithm, SHA384);
            assert_eq!(protection.signature_algorithm, Some(ECDSA));
            assert_eq!(protection.mac_algorithm, None);
            assert_eq!(a.receipt_request(), Ok(None));
            assert_eq!(a.security_label(), Ok(None));
            assert_eq!(a.multiple_signatures(), Ok(vec![]));
        });
    }

    #[test]
    fn the_default_digest_of_the_second_version_is_sha_256() {
        let sha256 = AlgorithmIdentifier {
            oid: oid::SHA256,
            parameters: None,
        };
        let list = AttributeList::new().signing_certificate_v2(sha256, &[2; 32], None);
        with(&list, |a| {
            let v2 = a.signing_certificate_v2().unwrap().unwrap();
            assert_eq!(v2.certificates[0].hash_algorithm, sha256);
        });
        // Written out though DER forbids it, by Adobe and others.
        let explicit = AttributeList::new().value(oid::SIGNING_CERTIFICATE_V2, |w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.algorithm(oid::SHA256, Some(&[5, 0]));
                        w.octet_string(&[2; 32]);
                    });
                });
                w.sequence(|_| {});
            });
        });
        with(&explicit, |a| {
            let v2 = a.signing_certificate_v2().unwrap().unwrap();
            assert_eq!(v2.certificates[0].hash_algorithm.oid, oid::SHA256);
            assert_eq!(v2.policies, Some(&[0x30, 0][..]));
        });
    }

    #[test]
    fn every_way_to_name_the_preferred_key_is_read() {
        let ski = EntityIdentifier::SubjectKeyIdentifier((&[9; 4]).into());
        let identifier = AttributeList::new().value(oid::ENCRYPTION_KEY_PREFERENCE, |w| {
            w.explicit(1, |w| w.octet_string(&[9; 4]));
        });
        let plain = AttributeList::new().value(oid::ENCRYPTION_KEY_PREFERENCE, |w| {
            w.primitive(Tag::context(2), &[9; 4]);
        });
        for list in [identifier, plain] {
            with(&list, |a| {
                assert_eq!(a.encryption_key_preference(), Ok(Some(ski.clone())));
            });
        }
        let microsoft = AttributeList::new().value(oid::MS_ENCRYPTION_KEY_PREFERENCE, |w| {
            w.sequence(|w| {
                w.raw(NAMED.issuer);
                w.integer(NAMED.serial.0);
            });
        });
        with(&microsoft, |a| {
            let named = EntityIdentifier::IssuerAndSerial(NAMED);
            assert_eq!(a.encryption_key_preference(), Ok(Some(named)));
        });
    }

    #[test]
    fn receipts_labels_and_multiple_signatures_are_read() {
        let list = AttributeList::new()
            .value(oid::RECEIPT_REQUEST, |w| {
                w.sequence(|w| {
                    w.octet_string(b"id");
                    w.primitive(Tag::context(0), &[0]);
                    w.sequence(|w| w.sequence(|w| w.primitive(Tag::context(1), b"a@b.c")));
                });
            })
            .value(oid::SECURITY_LABEL, |w| {
                w.constructed(Tag::SET, |w| {
                    w.small_integer(3);
                    w.oid(oid::ANY_POLICY);
                    w.primitive(Tag::UTF8_STRING, b"mark");
                });
            })
            .value(oid::MULTIPLE_SIGNATURES, |w| {
                w.sequence(|w| {
                    w.algorithm(oid::SHA256, None);
                    w.algorithm(oid::RSA_ENCRYPTION, None);
                    w.sequence(|w| {
                        w.algorithm(oid::SHA384, None);
                        w.octet_string(&[3; 48]);
                    });
                });
            });
        with(&list, |a| {
            let request = a.receipt_request().unwrap().unwrap();
            assert_eq!(*request.content_identifier, *b"id");
            assert_eq!(request.receipts_from, [0x80, 1, 0]);
            let label = a.security_label().unwrap().unwrap();
            assert_eq!(label.policy, oid::ANY_POLICY);
            assert_eq!(label.classification, Some(Integer(&[3])));
            let other = &a.multiple_signatures().unwrap()[0];
            assert_eq!(other.attributes_hash_algorithm, SHA384);
            assert_eq!(*other.attributes_hash, [3; 48]);
            assert_eq!(other.certificate, None);
        });
    }

    #[test]
    fn a_value_of_another_type_or_too_many_is_an_error_and_not_absence() {
        let number = Writer::encode(|w| w.small_integer(1));
        for oid in [
            oid::CONTENT_TYPE,
            oid::MESSAGE_DIGEST,
            oid::SIGNING_TIME,
            oid::SIGNING_CERTIFICATE,
            oid::SIGNING_CERTIFICATE_V2,
            oid::CMS_ALGORITHM_PROTECTION,
            oid::SMIME_CAPABILITIES,
            oid::ENCRYPTION_KEY_PREFERENCE,
            oid::RECEIPT_REQUEST,
            oid::SECURITY_LABEL,
        ] {
            for values in [vec![], vec![&number[..]], vec![&number[..], &number[..]]] {
                let list = AttributeList::new().values(oid, &values);
                with(&list, |a| {
                    let failed = [
                        a.content_type().is_err(),
                        a.message_digest().is_err(),
                        a.signing_time().is_err(),
                        a.signing_certificate().is_err(),
                        a.signing_certificate_v2().is_err(),
                        a.algorithm_protection().is_err(),
                        a.smime_capabilities().is_err(),
                        a.encryption_key_preference().is_err(),
                        a.receipt_request().is_err(),
                        a.security_label().is_err(),
                    ];
                    assert_eq!(failed.iter().filter(|f| **f).count(), 1, "{oid}");
                });
            }
        }
    }
}
