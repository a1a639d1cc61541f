//! A recipient's certificate, made ready once for all the messages that are encrypted to it.

use std::fmt;

use crate::asn1::{AlgorithmIdentifier, BitString, Integer, Reader, Writer, oid};
use crate::cms::EntityIdentifier;
use crate::cms::IssuerAndSerial;
use crate::cms::recipient_info::{AgreedKey, KeyAgreement, KeyTransport, Originator, Recipient};
use crate::crypto::Failed;
use crate::crypto::key::{KeyError, PublicKey};
use crate::crypto::key_agreement::Agreed;
use crate::jobs::envelope::announced::Announced;
use crate::jobs::envelope::choice::{KeyEncryption, key_encryption, key_wrap};
use crate::limits::Limits;
use crate::pki::x509::Certificate;

/// How a RecipientInfo names the certificate (RFC 5652 §6.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamedBy {
    /// By issuer and serial number, which every reader knows.
    #[default]
    IssuerSerial,
    /// By its subject key identifier; by issuer and serial number where it has none.
    KeyIdentifier,
}

/// Why mail can't be encrypted to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CannotEncrypt {
    /// Its key only signs, or is of a kind that no reader decrypts with.
    Kind,
    /// Its key can't be used.
    Key(KeyError),
}

/// A recipient. Send and Sync; parsed once, used for any number of messages.
pub struct Addressee {
    /// Name of the issuer and octets of the serial number, as the certificate has them.
    issuer: Vec<u8>,
    serial: Vec<u8>,
    key_identifier: Option<Vec<u8>>,
    key: PublicKey,
    how: KeyEncryption,
    announced: Option<Announced>,
}

/// What of a recipient belongs to one message.
pub(super) struct Prepared {
    algorithm: Vec<u8>,
    encrypted_key: Vec<u8>,
    agreed: Option<Agreed>,
}

impl Addressee {
    /// Makes a certificate ready. `announced` are its holder's last signed capabilities; without any those in the certificate count
    /// (RFC 4262 §2). How its key is used is in [`super::choice`].
    ///
    /// # Errors
    /// Where its key can't receive a content key.
    pub fn new(
        certificate: &Certificate<'_>,
        announced: Option<Announced>,
        named_by: NamedBy,
        limits: &Limits,
    ) -> Result<Self, CannotEncrypt> {
        let info = certificate
            .key
            .map_err(|_| CannotEncrypt::Key(KeyError::Malformed))?;
        let key = if info.algorithm.oid == oid::RSAES_OAEP {
            // OpenSSL knows RSA keys by this name only.
            let spki = Writer::encode(|w| {
                w.sequence(|w| {
                    w.algorithm(oid::RSA_ENCRYPTION, Some(&[5, 0]));
                    w.bit_string(info.bits.bytes);
                });
            });
            PublicKey::from_spki(&spki, limits)
        } else {
            PublicKey::from_spki(certificate.spki, limits)
        };
        let key = key.map_err(CannotEncrypt::Key)?;
        let announced = announced.or_else(|| Announced::from_certificate(certificate));
        let how = key_encryption(&info, key.algorithm(), announced.as_ref())
            .ok_or(CannotEncrypt::Kind)?;
        let key_identifier = match named_by {
            NamedBy::IssuerSerial => None,
            NamedBy::KeyIdentifier => certificate
                .extensions
                .subject_key_identifier()
                .ok()
                .flatten()
                .map(<[u8]>::to_vec),
        };
        Ok(Self {
            issuer: certificate.issuer.raw().to_vec(),
            serial: certificate.serial.0.to_vec(),
            key_identifier,
            key,
            how,
            announced,
        })
    }

    /// What its holder reads; None where nothing is known. For [`super::choose`].
    #[must_use]
    pub fn announced(&self) -> Option<&Announced> {
        self.announced.as_ref()
    }

    /// How the content key is encrypted to it.
    #[must_use]
    pub fn key_encryption(&self) -> &KeyEncryption {
        &self.how
    }

    pub(super) fn encrypt_key(&self, secret: &[u8]) -> Result<Prepared, Failed> {
        match &self.how {
            KeyEncryption::Transport(transport) => Ok(Prepared {
                algorithm: transport.algorithm(),
                encrypted_key: transport.encrypt(&self.key, secret)?,
                agreed: None,
            }),
            KeyEncryption::Agreement(scheme) => {
                let wrap = key_wrap(secret.len());
                let mut agreed = scheme.wrap(wrap, &self.key, None, secret)?;
                Ok(Prepared {
                    algorithm: scheme.algorithm(wrap),
                    encrypted_key: std::mem::take(&mut agreed.encrypted_key),
                    agreed: Some(agreed),
                })
            }
        }
    }

    /// The RecipientInfo; None where what was prepared can't be read back, which does not happen.
    pub(super) fn recipient<'a>(&'a self, prepared: &'a Prepared) -> Option<Recipient<'a>> {
        let read = |der: &'a [u8]| AlgorithmIdentifier::read(&mut Reader::new(der)).ok();
        let algorithm = read(&prepared.algorithm)?;
        let encrypted_key = prepared.encrypted_key.as_slice().into();
        let rid = match &self.key_identifier {
            Some(identifier) => {
                EntityIdentifier::SubjectKeyIdentifier(identifier.as_slice().into())
            }
            None => EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
                issuer: &self.issuer,
                serial: Integer(&self.serial),
            }),
        };
        Some(match &prepared.agreed {
            None => Recipient::KeyTransport(KeyTransport {
                // RFC 5652 §6.2.1.
                version: if self.key_identifier.is_some() { 2 } else { 0 },
                rid,
                algorithm,
                encrypted_key,
            }),
            Some(agreed) => Recipient::KeyAgreement(KeyAgreement {
                version: 3, // RFC 5652 §6.2.2.
                originator: Originator::PublicKey {
                    algorithm: read(&agreed.originator_algorithm)?,
                    key: BitString {
                        unused_bits: 0,
                        bytes: &agreed.originator_point,
                    },
                },
                ukm: None,
                algorithm,
                keys: vec![AgreedKey { rid, encrypted_key }],
            }),
        })
    }
}

impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addressee")
            .field("key", &self.key)
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}
