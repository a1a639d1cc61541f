//! Encrypted and compressed CMS in one call.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::BitString;
use mailseal::asn1::Oid;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::Recipient;
use mailseal::cms::build;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Form;
use mailseal::cms::recipient_info;
use mailseal::cms::recipient_info::AgreedKey;
use mailseal::cms::recipient_info::Kek;
use mailseal::cms::recipient_info::Kem;
use mailseal::cms::recipient_info::KeyAgreement;
use mailseal::cms::recipient_info::KeyTransport;
use mailseal::cms::recipient_info::Originator;
use mailseal::crypto::content::encrypt;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::content_cipher::ContentCipher;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::kem::Encapsulation;
use mailseal::crypto::kem::kem_of;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::key_agreement::Agreed;
use mailseal::crypto::key_agreement::AgreementKdf;
use mailseal::crypto::key_agreement::AgreementScheme;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::crypto::key_wrap::KeyWrap;
use mailseal::crypto::password::Password;
use mailseal::crypto::password::PasswordWrap;
use mailseal::limits::Limits;

use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::read_algorithm;

/// How a recipient gets the content key.
#[derive(Clone)]
pub enum Way {
    Transport(RsaTransport),
    Agreement(AgreementScheme, KeyWrap),
    Encapsulation(KeyWrap),
}

/// A recipient without a certificate.
#[derive(Clone)]
pub enum Shared<'a> {
    /// KEKRecipientInfo: identifier, key, wrap.
    Kek(&'a [u8], &'a [u8], KeyWrap),
    /// PasswordRecipientInfo.
    Password {
        password: &'a [u8],
        /// What wraps.
        cipher: CipherAlgorithm,
        /// PBKDF2 with so many rounds and this prf (None: SHA-1, by default); None where the password is the key.
        derivation: Option<(u64, Option<Oid<'static>>)>,
    },
}

impl<'a> Shared<'a> {
    /// As programs write it: PBKDF2, AES-256.
    pub fn password(password: &'a [u8]) -> Self {
        Self::Password {
            password,
            cipher: CipherAlgorithm::Aes256Cbc,
            derivation: Some((2048, Some(oid::HMAC_SHA256))),
        }
    }

    fn prepare(&self, secret: &[u8]) -> PreparedShared {
        match self {
            Self::Kek(_, key, wrap) => PreparedShared {
                algorithm: wrap.algorithm(),
                derivation: None,
                encrypted_key: wrap.wrap(key, secret).unwrap(),
            },
            Self::Password {
                password,
                cipher,
                derivation,
            } => {
                let derivation = derivation.map(|(rounds, prf)| pbkdf2(rounds, prf));
                let read = derivation.as_deref().map(read_algorithm);
                let cipher = ContentCipher::generate(*cipher).unwrap();
                let limits = Limits {
                    kdf_rounds: u32::MAX,
                    ..Limits::default()
                };
                let wrap = PasswordWrap::new(cipher, read.as_ref(), &limits).unwrap();
                let password = Password::new(password);
                // What asks for so many rounds is never opened.
                let encrypted_key = if wrap.rounds() > 10_000_000 {
                    vec![7; 32]
                } else {
                    wrap.wrap(&password, secret).unwrap()
                };
                PreparedShared {
                    algorithm: wrap.algorithm(),
                    derivation,
                    encrypted_key,
                }
            }
        }
    }

    fn recipient<'s>(&'s self, prepared: &'s PreparedShared) -> Recipient<'s> {
        let algorithm = read_algorithm(&prepared.algorithm);
        let encrypted_key = prepared.encrypted_key.as_slice().into();
        match self {
            Self::Kek(identifier, _, _) => Recipient::Kek(Kek {
                version: 4,
                identifier: (*identifier).into(),
                date: None,
                algorithm,
                encrypted_key,
            }),
            Self::Password { .. } => Recipient::Password(recipient_info::Password {
                version: 0,
                key_derivation: prepared.derivation.as_deref().map(read_algorithm),
                algorithm,
                encrypted_key,
            }),
        }
    }
}

fn pbkdf2(rounds: u64, prf: Option<Oid<'static>>) -> Vec<u8> {
    let parameters = Writer::encode(|w| {
        w.sequence(|w| {
            w.octet_string(b"some salt");
            w.small_integer(rounds);
            if let Some(prf) = prf {
                w.algorithm(prf, Some(&[5, 0]));
            }
        });
    });
    Writer::encode(|w| w.algorithm(oid::PBKDF2, Some(&parameters)))
}

struct PreparedShared {
    algorithm: Vec<u8>,
    derivation: Option<Vec<u8>>,
    encrypted_key: Vec<u8>,
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
            KeyAlgorithm::MlKem512 | KeyAlgorithm::MlKem768 | KeyAlgorithm::MlKem1024 => {
                Way::Encapsulation(KeyWrap::Aes256)
            }
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
                encapsulated: None,
            },
            Way::Encapsulation(wrap) => {
                let wrap_algorithm = wrap.algorithm();
                let kem = kem_of(public.algorithm()).unwrap();
                let encapsulation = Encapsulation::from_fields(
                    &plain(kem),
                    &plain(oid::HKDF_SHA256),
                    &read_algorithm(&wrap_algorithm),
                    wrap.key_bytes() as u64,
                    self.ukm.as_deref(),
                )
                .unwrap();
                let made = encapsulation.wrap(public, secret).unwrap();
                Prepared {
                    algorithm: wrap_algorithm,
                    encrypted_key: made.encrypted_key,
                    agreed: None,
                    encapsulated: Some((kem, wrap.key_bytes() as u64, made.ciphertext)),
                }
            }
            Way::Agreement(scheme, wrap) => {
                let ukm = self.ukm.as_deref();
                let agreed = scheme.wrap(*wrap, public, ukm, secret).unwrap();
                Prepared {
                    algorithm: scheme.algorithm(*wrap),
                    encrypted_key: agreed.encrypted_key.clone(),
                    agreed: Some(agreed),
                    encapsulated: None,
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
        if let Some((kem, kek_bytes, ciphertext)) = &prepared.encapsulated {
            return Recipient::Kem(Kem {
                version: 0,
                rid,
                kem: plain(*kem),
                ciphertext: ciphertext.as_slice().into(),
                key_derivation: plain(oid::HKDF_SHA256),
                kek_bytes: *kek_bytes,
                ukm: self.ukm.as_deref().map(Into::into),
                wrap: algorithm,
                encrypted_key,
            });
        }
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
    encapsulated: Option<(Oid<'static>, u64, Vec<u8>)>,
}

fn plain(oid: Oid<'static>) -> AlgorithmIdentifier<'static> {
    AlgorithmIdentifier {
        oid,
        parameters: None,
    }
}

/// An EnvelopedData or AuthEnvelopedData to be.
#[derive(Clone)]
pub struct Encrypt<'a> {
    pub content: &'a [u8],
    pub cipher: CipherAlgorithm,
    /// Effective key bits, of RC2.
    pub rc2_bits: u16,
    pub to: Vec<To<'a>>,
    pub shared: Vec<Shared<'a>>,
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
            rc2_bits: 128,
            to: Vec::new(),
            shared: Vec::new(),
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

    /// RC2 with these effective key bits.
    pub fn rc2_bits(mut self, bits: u16) -> Self {
        self.rc2_bits = bits;
        self
    }

    pub fn shared(mut self, shared: Shared<'a>) -> Self {
        self.shared.push(shared);
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
        let mut cipher = match self.cipher {
            CipherAlgorithm::Rc2Cbc => ContentCipher::generate_rc2(self.rc2_bits).unwrap(),
            other => ContentCipher::generate(other).unwrap(),
        };
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
        let mut recipients: Vec<_> = pairs.map(|(to, made)| to.recipient(made)).collect();
        let shared: Vec<_> = self.shared.iter().map(|one| one.prepare(&secret)).collect();
        let pairs = self.shared.iter().zip(&shared);
        recipients.extend(pairs.map(|(one, made)| one.recipient(made)));
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
