//! Which cipher a message is encrypted with, and how its key is encrypted to each recipient (RFC 8551 §2.7).
//!
//! | what a recipient announced | reads |
//! |---|---|
//! | AES-256-GCM | that, and AES-128-CBC |
//! | AES-256-CBC | that, and AES-128-CBC |
//! | AES-256-GCM and AES-256-CBC | all three |
//! | other ciphers only, such as Triple-DES | AES-128-CBC |
//! | nothing that is known | AES-128-CBC |
//!
//! A message gets the best cipher that all its recipients read: AES-256-GCM before AES-256-CBC before AES-128-CBC. Whoever reads S/MIME
//! 3.2 or later reads AES-128-CBC (RFC 5751 §2.7, RFC 8551 §2.7), so it is what remains, and what RFC 8551 §2.7.1.2 asks for where
//! nothing is known and AES-256-GCM is not used. Triple-DES and RC2 are never chosen (RFC 8551 §2.7.1.1 would), only taken where the
//! operator names one.
//!
//! | the recipient's key | the content key is encrypted with |
//! |---|---|
//! | RSA, RSAES-OAEP announced | RSAES-OAEP with SHA-256 where that is announced, else SHA-384, SHA-512, SHA-224, SHA-1 |
//! | RSA for RSAES-OAEP only (RFC 4055 §1.2) | RSAES-OAEP with the digest of its parameters, else SHA-256 |
//! | RSA | RSAES-PKCS1-v1_5 |
//! | a curve up to 256 bits | ephemeral-static ECDH, X9.63 KDF with SHA-256 (RFC 5753 §7.1.4) |
//! | a curve up to 384 bits | the same with SHA-384 |
//! | a larger curve | the same with SHA-512 |
//! | X25519 | the same, HKDF with SHA-256 (RFC 8418 §2.3, RFC 8551 §2.3) |
//! | X448 | the same, HKDF with SHA-512 |
//!
//! The AES key wrap is as long as the content key.

use crate::asn1::oid;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key_agreement::{AgreementKdf, AgreementScheme};
use crate::crypto::key_transport::RsaTransport;
use crate::crypto::key_wrap::KeyWrap;
use crate::jobs::envelope::announced::Announced;
use crate::pki::x509::certificate::KeyInfo;

/// The best first.
const PREFERRED: [CipherAlgorithm; 2] = [CipherAlgorithm::Aes256Gcm, CipherAlgorithm::Aes256Cbc];

/// What every reader of S/MIME 3.2 must read (RFC 5751 §2.7).
const FLOOR: CipherAlgorithm = CipherAlgorithm::Aes128Cbc;

/// The ciphers that the operator may name; what no reader of today has is not among them.
pub const NAMED: &[CipherAlgorithm] = &[
    CipherAlgorithm::Aes256Gcm,
    CipherAlgorithm::Aes192Gcm,
    CipherAlgorithm::Aes128Gcm,
    CipherAlgorithm::ChaCha20Poly1305,
    CipherAlgorithm::Aes256Cbc,
    CipherAlgorithm::Aes192Cbc,
    CipherAlgorithm::Aes128Cbc,
    CipherAlgorithm::TripleDesCbc,
    CipherAlgorithm::Rc2Cbc,
];

/// The cipher that the operator names; None for one that is not written.
#[must_use]
pub fn named(name: &str) -> Option<CipherAlgorithm> {
    NAMED.iter().copied().find(|cipher| cipher.name() == name)
}

/// The best cipher that all recipients of a message read, by the table above. `announced` holds one entry for each of them; None where
/// nothing is known.
pub fn choose<'a>(announced: impl IntoIterator<Item = Option<&'a Announced>>) -> CipherAlgorithm {
    let mut left = PREFERRED.to_vec();
    for one in announced {
        left.retain(|cipher| one.is_some_and(|announced| announced.has(*cipher)));
    }
    left.first().copied().unwrap_or(FLOOR)
}

/// How a content key is encrypted to a certificate's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEncryption {
    /// KeyTransRecipientInfo.
    Transport(RsaTransport),
    /// KeyAgreeRecipientInfo.
    Agreement(AgreementScheme),
}

/// By the table above; None for a key that can't receive mail.
#[must_use]
pub fn key_encryption(
    key: &KeyInfo<'_>,
    algorithm: KeyAlgorithm,
    announced: Option<&Announced>,
) -> Option<KeyEncryption> {
    let agreement = |kdf| Some(KeyEncryption::Agreement(AgreementScheme::Standard(kdf)));
    match algorithm {
        KeyAlgorithm::Rsa if key.algorithm.oid == oid::RSAES_OAEP => {
            let transport = match key.algorithm.parameters {
                None => oaep(DigestAlgorithm::Sha256),
                Some(_) => RsaTransport::from_algorithm(&key.algorithm).ok()?,
            };
            Some(KeyEncryption::Transport(transport))
        }
        KeyAlgorithm::Rsa => {
            let digest = announced.and_then(|announced| {
                OAEP_ORDER
                    .into_iter()
                    .find(|digest| announced.oaep.contains(digest))
            });
            Some(KeyEncryption::Transport(
                digest.map_or(RsaTransport::V15, oaep),
            ))
        }
        KeyAlgorithm::Ec(curve) => agreement(AgreementKdf::X963(match curve.bits() {
            ..=256 => DigestAlgorithm::Sha256,
            257..=384 => DigestAlgorithm::Sha384,
            385.. => DigestAlgorithm::Sha512,
        })),
        KeyAlgorithm::X25519 => agreement(AgreementKdf::Hkdf(DigestAlgorithm::Sha256)),
        KeyAlgorithm::X448 => agreement(AgreementKdf::Hkdf(DigestAlgorithm::Sha512)),
        KeyAlgorithm::RsaPss
        | KeyAlgorithm::Dsa
        | KeyAlgorithm::Dh
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::Ed448
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => None,
    }
}

const OAEP_ORDER: [DigestAlgorithm; 5] = [
    DigestAlgorithm::Sha256,
    DigestAlgorithm::Sha384,
    DigestAlgorithm::Sha512,
    DigestAlgorithm::Sha224,
    DigestAlgorithm::Sha1,
];

fn oaep(digest: DigestAlgorithm) -> RsaTransport {
    RsaTransport::Oaep {
        digest,
        mgf_digest: digest,
        label: Vec::new(),
    }
}

/// The AES key wrap (RFC 3565 §2.3.2) for a content key of this many octets.
#[must_use]
pub fn key_wrap(content_key_bytes: usize) -> KeyWrap {
    match content_key_bytes {
        ..=16 => KeyWrap::Aes128,
        17..=24 => KeyWrap::Aes192,
        25.. => KeyWrap::Aes256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CipherAlgorithm::{Aes128Cbc, Aes256Cbc, Aes256Gcm};

    fn chosen(recipients: &[Option<&str>]) -> CipherAlgorithm {
        let announced: Vec<_> = recipients
            .iter()
            .map(|names| names.map(Announced::from_names))
            .collect();
        choose(announced.iter().map(Option::as_ref))
    }

    #[test]
    fn h_04_the_cipher_is_the_best_that_all_announce() {
        let (gcm, cbc) = ("aes-256-gcm", "aes-256-cbc aes-128-cbc");
        let both = "aes-256-cbc aes-256-gcm aes-128-cbc";
        let old = "des-ede3-cbc rc2-cbc/128 rc2-cbc/40";
        for (recipients, expected) in [
            (&[Some(gcm)][..], Aes256Gcm),
            (&[Some(cbc)], Aes256Cbc),
            (&[Some(both)], Aes256Gcm),
            (&[Some("aes-128-cbc des-ede3-cbc")], Aes128Cbc),
            (&[Some("aes-128-gcm")], Aes128Cbc),
            (&[Some(old)], Aes128Cbc),
            (&[Some("")], Aes128Cbc),
            (&[None], Aes128Cbc),
            (&[Some(gcm), Some(both)], Aes256Gcm),
            (&[Some(cbc), Some(both)], Aes256Cbc),
            // What was not said is not assumed.
            (&[Some(cbc), Some(gcm)], Aes128Cbc),
            (&[Some(both), None], Aes128Cbc),
            (&[Some(both), Some(old)], Aes128Cbc),
            (&[Some(both), Some(both), Some(cbc)], Aes256Cbc),
        ] {
            assert_eq!(chosen(recipients), expected, "{recipients:?}");
        }
    }

    #[test]
    fn h_04_no_set_of_recipients_leads_to_a_cipher_of_the_past() {
        let names: Vec<&str> = CipherAlgorithm::ALL.iter().map(|one| one.name()).collect();
        for one in &names {
            for other in &names {
                let cipher = chosen(&[Some(&format!("{one} {other}"))]);
                assert!([Aes256Gcm, Aes256Cbc, Aes128Cbc].contains(&cipher));
            }
        }
        assert_eq!(named("des-ede3-cbc"), Some(CipherAlgorithm::TripleDesCbc));
        assert_eq!(named("rc4"), None);
        assert_eq!(named("aes-256"), None);
    }
}
