//! Encrypted and compressed CMS in one call.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use mailseal::asn1::BitString;
use mailseal::asn1::Oid;
use mailseal::asn1::oid;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::Recipient;
use mailseal::cms::build;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Form;
use mailseal::cms::recipient_info::AgreedKey;
use mailseal::cms::recipient_info::KeyAgreement;
use mailseal::cms::recipient_info::KeyTransport;
use mailseal::cms::recipient_info::Originator;
use mailseal::crypto::content::encrypt;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::content_cipher::ContentCipher;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::key_agreement::Agreed;
use mailseal::crypto::key_agreement::AgreementKdf;
use mailseal::crypto::key_agreement::AgreementScheme;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::crypto::key_wrap::KeyWrap;

use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::read_algorithm;

/// How a recipient gets the content key.
#[derive(Clone)]
pub enum Way {
    Transport(RsaTransport),
    Agreement(AgreementScheme, KeyWrap),
}

/// One recipient to be.
#[derive(Clone)]
pub struct To<'a> {
    holder: &'a Holder,
    way: Way,
    by_key: bool,
    ukm: Option<Vec<u8>>,
    damaged: bool,
}

impl<'a> To<'a> {
    /// RSA v1.5, or ECDH with SHA-256 and AES-128 wrap, or X25519 with HKDF: as the key is.
    pub fn new(holder: &'a Holder) -> Self {
        use AgreementKdf::{Hkdf, X963};
        let sha256 = DigestAlgorithm::Sha256;
        let agree = |kdf| Way::Agreement(AgreementScheme::Standard(kdf), KeyWrap::Aes128);
        let way = match holder.key().algorithm() {
            KeyAlgorithm::Ec(_) => agree(X963(sha256)),
            KeyAlgorithm::X25519 | KeyAlgorithm::X448 => agree(Hkdf(sha256)),
            _ => Way::Transport(RsaTransport::V15),
        };
        Self {
            holder,
            way,
            by_key: false,
            ukm: None,
            damaged: false,
        }
    }

    pub fn oaep(
        mut self,
        digest: DigestAlgorithm,
        mgf_digest: DigestAlgorithm,
        label: &[u8],
    ) -> Self {
        self.way = Way::Transport(RsaTransport::Oaep {
            digest,
            mgf_digest,
            label: label.to_vec(),
        });
        self
    }

    pub fn agreement(mut self, scheme: AgreementScheme, wrap: KeyWrap) -> Self {
        self.way = Way::Agreement(scheme, wrap);
        self
    }

    /// User keying material.
    pub fn ukm(mut self, ukm: &[u8]) -> Self {
        self.ukm = Some(ukm.to_vec());
        self
    }

    /// Names the recipient by subject key identifier.
    pub fn by_key_identifier(mut self) -> Self {
        self.by_key = true;
        self
    }

    /// Flips a bit of the encrypted key.
    pub fn damaged(mut self) -> Self {
        self.damaged = true;
        self
    }

    fn identifier(&self) -> EntityIdentifier<'_> {
        if self.by_key {
            self.holder.by_key()
        } else {
            self.holder.by_serial()
        }
    }

    fn prepare(&self, secret: &[u8]) -> Prepared {
        let public = self.holder.key().public_key();
        let mut prepared = match &self.way {
            Way::Transport(transport) => Prepared {
                algorithm: transport.algorithm(),
                encrypted_key: transport.encrypt(public, secret).unwrap(),
                agreed: None,
            },
            Way::Agreement(scheme, wrap) => {
                let ukm = self.ukm.as_deref();
                let agreed = scheme.wrap(*wrap, public, ukm, secret).unwrap();
                Prepared {
                    algorithm: scheme.algorithm(*wrap),
                    encrypted_key: agreed.encrypted_key.clone(),
                    agreed: Some(agreed),
                }
            }
        };
        if self.damaged
            && let Some(last) = prepared.encrypted_key.last_mut()
        {
            *last ^= 1;
        }
        prepared
    }

    fn recipient<'s>(&'s self, prepared: &'s Prepared) -> Recipient<'s> {
        let rid = self.identifier();
        let algorithm = read_algorithm(&prepared.algorithm);
        let encrypted_key = prepared.encrypted_key.as_slice().into();
        match &prepared.agreed {
            None => Recipient::KeyTransport(KeyTransport {
                version: if self.by_key { 2 } else { 0 },
                rid,
                algorithm,
                encrypted_key,
            }),
            Some(agreed) => Recipient::KeyAgreement(KeyAgreement {
                version: 3,
                originator: Originator::PublicKey {
                    algorithm: read_algorithm(&agreed.originator_algorithm),
                    key: BitString {
                        unused_bits: 0,
                        bytes: &agreed.originator_point,
                    },
                },
                ukm: self.ukm.as_deref().map(Into::into),
                algorithm,
                keys: vec![AgreedKey { rid, encrypted_key }],
            }),
        }
    }
}

struct Prepared {
    algorithm: Vec<u8>,
    encrypted_key: Vec<u8>,
    agreed: Option<Agreed>,
}

/// An EnvelopedData or AuthEnvelopedData to be.
#[derive(Clone)]
pub struct Encrypt<'a> {
    pub content: &'a [u8],
    pub cipher: CipherAlgorithm,
    pub to: Vec<To<'a>>,
    pub content_type: Oid<'a>,
    /// Attributes that the tag covers.
    pub authenticated: AttributeList,
    pub unprotected: AttributeList,
    pub originator_certificates: Vec<&'a [u8]>,
    /// The key is derived with HKDF (RFC 9709).
    pub derived_key: bool,
    /// Flips the bit of this number, counted from the ciphertext's first octet.
    pub flipped_bit: Option<usize>,
    pub form: Form,
}

impl<'a> Encrypt<'a> {
    pub fn new(content: &'a [u8], cipher: CipherAlgorithm) -> Self {
        Self {
            content,
            cipher,
            to: Vec::new(),
            content_type: oid::DATA,
            authenticated: AttributeList::new(),
            unprotected: AttributeList::new(),
            originator_certificates: Vec::new(),
            derived_key: false,
            flipped_bit: None,
            form: Form::Der,
        }
    }

    pub fn to(mut self, to: To<'a>) -> Self {
        self.to.push(to);
        self
    }

    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub fn flip_bit(mut self, bit: usize) -> Self {
        self.flipped_bit = Some(bit);
        self
    }

    pub fn content_type(mut self, content_type: Oid<'a>) -> Self {
        self.content_type = content_type;
        self
    }

    /// The ContentInfo: authenticated ciphers in AuthEnvelopedData, CBC in EnvelopedData.
    pub fn encode(&self) -> Vec<u8> {
        let mut cipher = ContentCipher::generate(self.cipher).unwrap();
        if self.derived_key {
            cipher = cipher.with_derived_key();
        }
        let secret = cipher.generate_key().unwrap();
        let aad = if self.authenticated.is_empty() {
            Vec::new()
        } else {
            self.authenticated.to_be_signed()
        };
        let mut encrypted = encrypt(&cipher, &secret, &aad, &[self.content]).unwrap();
        if let Some(bit) = self.flipped_bit {
            encrypted.ciphertext[bit / 8] ^= 0x80 >> (bit % 8);
        }
        let prepared: Vec<_> = self.to.iter().map(|to| to.prepare(&secret)).collect();
        let pairs = self.to.iter().zip(&prepared);
        let recipients = pairs.map(|(to, made)| to.recipient(made)).collect();
        let algorithm = cipher.algorithm_identifier();
        let algorithm = read_algorithm(&algorithm);
        if cipher.is_aead() {
            build::AuthEnvelopedData {
                originator_certificates: self.originator_certificates.clone(),
                content_type: self.content_type,
                authenticated_attributes: self.authenticated.clone(),
                unauthenticated_attributes: self.unprotected.clone(),
                form: self.form,
                ..build::AuthEnvelopedData::new(
                    recipients,
                    algorithm,
                    &encrypted.ciphertext,
                    &encrypted.tag,
                )
            }
            .encode()
        } else {
            build::EnvelopedData {
                originator_certificates: self.originator_certificates.clone(),
                content_type: self.content_type,
                unprotected_attributes: self.unprotected.clone(),
                form: self.form,
                ..build::EnvelopedData::new(recipients, algorithm, &encrypted.ciphertext)
            }
            .encode()
        }
    }
}

/// CompressedData (RFC 3274) with zlib.
pub fn compressed(content: &[u8], form: Form) -> Vec<u8> {
    build::compressed_data(oid::DATA, &zlib(content), form)
}

pub fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
