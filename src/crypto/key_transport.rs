//! RSA key transport (RFC 5652 §6.2.1): RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) and RSAES-OAEP (RFC 3560).

use openssl::pkey::HasPublic;
use openssl::pkey_ctx::PkeyCtx;
use openssl::pkey_ctx::PkeyCtxRef;
use openssl::rsa::Padding;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::Failed;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::PublicKey;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::signature_scheme::explicit;
use crate::crypto::signature_scheme::mgf1_digest;
use crate::crypto::signature_scheme::write_digest_and_mask;
use crate::crypto::sys;

/// How a key was encrypted to an RSA key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RsaTransport {
    /// RSAES-PKCS1-v1_5 (RFC 8017 §7.2).
    V15,
    /// RSAES-OAEP (RFC 8017 §7.1) with MGF1.
    Oaep {
        /// Of the label.
        digest: DigestAlgorithm,
        /// Of the mask.
        mgf_digest: DigestAlgorithm,
        /// The label, usually empty.
        label: Vec<u8>,
    },
}

/// Why a key transport can't be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportUnsupported {
    /// No RSA key transport that is known.
    Algorithm,
    /// OAEP parameters that are absent, malformed or of a kind that is not computed. They are never guessed at, and never
    /// taken for v1.5.
    OaepParameters,
}

impl RsaTransport {
    /// The keyEncryptionAlgorithm of a KeyTransRecipientInfo.
    ///
    /// # Errors
    /// Where it is no RSA transport, or its OAEP parameters are not in order: RFC 4055 §4.1 demands them, if only as an
    /// empty sequence.
    pub fn from_algorithm(
        algorithm: &AlgorithmIdentifier<'_>,
    ) -> Result<Self, TransportUnsupported> {
        match algorithm.oid {
            oid::RSA_ENCRYPTION | oid::X500_RSA => Ok(Self::V15),
            oid::RSAES_OAEP => oaep(algorithm),
            _ => Err(TransportUnsupported::Algorithm),
        }
    }

    /// The name that reports use, without parameters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::V15 => "rsa_v15",
            Self::Oaep { .. } => "rsa_oaep",
        }
    }

    /// The AlgorithmIdentifier, DER.
    #[must_use]
    pub fn algorithm(&self) -> Vec<u8> {
        Writer::encode(|w| match self {
            Self::V15 => w.algorithm(oid::RSA_ENCRYPTION, Some(&[5, 0])),
            Self::Oaep {
                digest,
                mgf_digest,
                label,
            } => {
                let parameters = Writer::encode(|w| {
                    w.sequence(|w| {
                        write_digest_and_mask(w, *digest, *mgf_digest);
                        if !label.is_empty() {
                            w.explicit(2, |w| {
                                let label = Writer::encode(|w| w.octet_string(label));
                                w.algorithm(oid::P_SPECIFIED, Some(&label));
                            });
                        }
                    });
                });
                w.algorithm(oid::RSAES_OAEP, Some(&parameters));
            }
        })
    }

    /// The key that was encrypted.
    ///
    /// With v1.5 a wrong padding gives a random key instead of an error (implicit rejection, OpenSSL 3.2): whoever decrypts with
    /// it fails there, as with any wrong key.
    ///
    /// # Errors
    /// One value for all that can go wrong.
    pub fn decrypt(
        &self,
        key: &PrivateKey,
        encrypted_key: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        if key.algorithm() != KeyAlgorithm::Rsa {
            return Err(Failed);
        }
        sys::start();
        sys::clear_errors();
        let decrypted = self.try_decrypt(key, encrypted_key);
        sys::clear_errors();
        decrypted.ok_or(Failed)
    }

    fn try_decrypt(&self, key: &PrivateKey, encrypted_key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut context = PkeyCtx::new(key.pkey()).ok()?;
        context.decrypt_init().ok()?;
        self.prepare(&mut context)?;
        let bytes = context.decrypt(encrypted_key, None).ok()?;
        let mut decrypted = Zeroizing::new(vec![0; bytes]);
        let length = context.decrypt(encrypted_key, Some(&mut decrypted)).ok()?;
        decrypted.truncate(length);
        Some(decrypted)
    }

    /// Encrypts a key.
    ///
    /// # Errors
    /// Where the recipient's key is no RSA key or too short.
    pub fn encrypt(&self, key: &PublicKey, secret: &[u8]) -> Result<Vec<u8>, Failed> {
        if key.algorithm() != KeyAlgorithm::Rsa {
            return Err(Failed);
        }
        sys::start();
        sys::clear_errors();
        let encrypted = self.try_encrypt(key, secret);
        sys::clear_errors();
        encrypted.ok_or(Failed)
    }

    fn try_encrypt(&self, key: &PublicKey, secret: &[u8]) -> Option<Vec<u8>> {
        let mut context = PkeyCtx::new(key.pkey()).ok()?;
        context.encrypt_init().ok()?;
        self.prepare(&mut context)?;
        let mut encrypted = Vec::new();
        context.encrypt_to_vec(secret, &mut encrypted).ok()?;
        Some(encrypted)
    }

    fn prepare<T: HasPublic>(&self, context: &mut PkeyCtxRef<T>) -> Option<()> {
        match self {
            Self::V15 => context.set_rsa_padding(Padding::PKCS1).ok(),
            Self::Oaep {
                digest,
                mgf_digest,
                label,
            } => {
                context.set_rsa_padding(Padding::PKCS1_OAEP).ok()?;
                context.set_rsa_oaep_md(digest.md()?).ok()?;
                context.set_rsa_mgf1_md(mgf_digest.md()?).ok()?;
                if label.is_empty() {
                    Some(())
                } else {
                    context.set_rsa_oaep_label(label).ok()
                }
            }
        }
    }
}

/// `RSAES-OAEP-params` (RFC 4055 §4.1).
fn oaep(algorithm: &AlgorithmIdentifier<'_>) -> Result<RsaTransport, TransportUnsupported> {
    let odd = TransportUnsupported::OaepParameters;
    let mut r = algorithm.parameter_reader().ok_or(odd)?;
    let (digest, mgf_digest, label) = r
        .sequence(|r| {
            Ok((
                explicit(r, 0, |r| {
                    Ok(DigestAlgorithm::from_algorithm(&AlgorithmIdentifier::read(
                        r,
                    )?))
                })?,
                explicit(r, 1, mgf1_digest)?,
                explicit(r, 2, label)?,
            ))
        })
        .map_err(|_| odd)?;
    let digest = digest.unwrap_or(Some(DigestAlgorithm::Sha1)).ok_or(odd)?;
    let mgf_digest = mgf_digest
        .unwrap_or(Some(DigestAlgorithm::Sha1))
        .ok_or(odd)?;
    let label = label.unwrap_or(Some(Vec::new())).ok_or(odd)?;
    if digest.is_extendable() || mgf_digest.is_extendable() || r.finish().is_err() {
        return Err(odd);
    }
    Ok(RsaTransport::Oaep {
        digest,
        mgf_digest,
        label,
    })
}

/// `PSourceAlgorithm` (RFC 4055 §4.1); None for another source than a specified label.
fn label(r: &mut Reader<'_>) -> Result<Option<Vec<u8>>, BerError> {
    let source = AlgorithmIdentifier::read(r)?;
    let Some(mut parameters) = source.parameter_reader() else {
        return Ok(None);
    };
    if source.oid != oid::P_SPECIFIED {
        return Ok(None);
    }
    let label = parameters.octet_string()?.bytes()?.into_owned();
    parameters.finish()?;
    Ok(Some(label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Tag;

    fn oaep_with(parameters: Option<&[u8]>) -> Result<RsaTransport, TransportUnsupported> {
        RsaTransport::from_algorithm(&AlgorithmIdentifier {
            oid: oid::RSAES_OAEP,
            parameters,
        })
    }

    fn all() -> Vec<RsaTransport> {
        let oaep = |digest, mgf_digest, label: &[u8]| RsaTransport::Oaep {
            digest,
            mgf_digest,
            label: label.to_vec(),
        };
        vec![
            RsaTransport::V15,
            oaep(DigestAlgorithm::Sha1, DigestAlgorithm::Sha1, b""),
            oaep(DigestAlgorithm::Sha256, DigestAlgorithm::Sha256, b""),
            oaep(DigestAlgorithm::Sha256, DigestAlgorithm::Sha1, b"label"),
            oaep(DigestAlgorithm::Sha384, DigestAlgorithm::Sha512, b""),
        ]
    }

    #[test]
    fn what_is_encrypted_is_decrypted_and_only_so() {
        let key = PrivateKey::generate_rsa(2048).unwrap();
        let secret = [9; 32];
        let read = |der: &[u8]| {
            let algorithm = AlgorithmIdentifier::read(&mut Reader::new(der)).unwrap();
            RsaTransport::from_algorithm(&algorithm).unwrap()
        };
        for (at, transport) in all().iter().enumerate() {
            let encrypted = transport.encrypt(key.public_key(), &secret).unwrap();
            assert_eq!(read(&transport.algorithm()), *transport);
            for (other_at, other) in all().iter().enumerate() {
                let decrypted = other.decrypt(&key, &encrypted);
                let same = decrypted.is_ok_and(|decrypted| *decrypted == secret);
                assert_eq!(same, at == other_at, "{transport:?} as {other:?}");
            }
        }
    }

    #[test]
    fn a_wrong_v15_padding_gives_the_same_random_key_each_time() {
        let key = PrivateKey::generate_rsa(2048).unwrap();
        let encrypted = [[0].as_slice(), &[0x55; 255]].concat();
        let first = RsaTransport::V15.decrypt(&key, &encrypted).unwrap();
        let second = RsaTransport::V15.decrypt(&key, &encrypted).unwrap();
        assert_eq!(first, second);
    }

    #[test]
    fn oaep_parameters_are_never_guessed() {
        let refused = Err(TransportUnsupported::OaepParameters);
        assert_eq!(oaep_with(None), refused);
        assert_eq!(oaep_with(Some(&[5, 0])), refused);
        assert_eq!(oaep_with(Some(&[4, 0])), refused);
        assert_eq!(oaep_with(Some(&[0x30, 2, 0xa0, 0])), refused);
        assert_eq!(oaep_with(Some(&[0x30, 3, 0xa3, 1, 0])), refused);
        assert_eq!(oaep_with(Some(&[0x30, 0, 0])), refused);
        let unknown_digest = Writer::encode(|w| {
            w.sequence(|w| w.explicit(0, |w| w.algorithm(oid::DATA, None)));
        });
        assert_eq!(oaep_with(Some(&unknown_digest)), refused);
        let unknown_mask = Writer::encode(|w| {
            w.sequence(|w| {
                w.explicit(1, |w| {
                    let sha1 = Writer::encode(|w| w.algorithm(oid::SHA1, None));
                    w.algorithm(oid::DATA, Some(&sha1));
                });
            });
        });
        assert_eq!(oaep_with(Some(&unknown_mask)), refused);
        let odd_label = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::context(2), |w| {
                    w.algorithm(oid::P_SPECIFIED, Some(&[2, 1, 0]));
                });
            });
        });
        assert_eq!(oaep_with(Some(&odd_label)), refused);
        assert_eq!(
            oaep_with(Some(&[0x30, 0])),
            Ok(RsaTransport::Oaep {
                digest: DigestAlgorithm::Sha1,
                mgf_digest: DigestAlgorithm::Sha1,
                label: Vec::new()
            })
        );
    }

    #[test]
    fn keys_that_are_not_rsa_are_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::X25519).unwrap();
        for transport in all() {
            assert_eq!(transport.decrypt(&key, &[1; 256]), Err(Failed));
            assert_eq!(transport.encrypt(key.public_key(), &[1; 16]), Err(Failed));
        }
    }
}
