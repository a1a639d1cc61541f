//! Checks at the start of a run: the linked OpenSSL computes right, and fails where it must.

use crate::crypto::content;
use crate::crypto::content::ContentContext;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::content_cipher::ContentCipher;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::digest;
use crate::crypto::digest::sha256;
use crate::crypto::key::Curve;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key_transport::RsaTransport;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::sign::sign;
use crate::crypto::signature::Outcome;
use crate::crypto::signature::Signed;
use crate::crypto::signature::VerifyContext;
use crate::crypto::signature::verify;
use crate::crypto::signature_scheme::SignatureScheme;
use crate::error::RunError;

/// Checks the linked OpenSSL. Takes a few milliseconds; the binary calls it once before anything else.
///
/// # Errors
/// `RunError::Canary` with the check that failed.
pub fn check() -> Result<(), RunError> {
    for (check, passes) in CHECKS {
        if passes() != Some(true) {
            return Err(RunError::Canary { check });
        }
    }
    Ok(())
}

/// None is a check that could not be made, which is a failure too.
type Check = fn() -> Option<bool>;

const CHECKS: &[(&str, Check)] = &[
    ("SHA-256 of a known text", sha256_known_answer),
    ("an AEAD with a wrong tag releases nothing", aead_refuses),
    ("a wrong CBC padding is an error", cbc_refuses),
    ("a changed ECDSA signature is refused", ecdsa_refuses),
    ("RSA v1.5 rejects implicitly", rsa_rejects_implicitly),
];

/// FIPS 180-2 §B.1, by both ways that digests are computed.
fn sha256_known_answer() -> Option<bool> {
    let expected = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
        0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
        0x15, 0xad,
    ];
    let streamed = digest(DigestAlgorithm::Sha256, &[b"a", b"bc"]).ok()?;
    Some(sha256(b"abc") == expected && streamed.matches(&expected))
}

fn aead_refuses() -> Option<bool> {
    let mut context = ContentContext::new();
    for algorithm in [
        CipherAlgorithm::Aes256Gcm,
        CipherAlgorithm::Aes256Ccm,
        CipherAlgorithm::ChaCha20Poly1305,
    ] {
        let cipher = ContentCipher::generate(algorithm).ok()?;
        let key = cipher.generate_key().ok()?;
        let encrypted = content::encrypt(&cipher, &key, b"aad", &[b"plaintext"]).ok()?;
        let mut open = |tag: &[u8]| {
            let ciphertext = &encrypted.ciphertext;
            let mut decryptor = context
                .decrypt(&cipher, &key, b"aad", ciphertext.len())
                .ok()?;
            decryptor.update(ciphertext);
            Some(decryptor.finish(Some(tag)))
        };
        let good = open(&encrypted.tag)?.is_ok_and(|plaintext| *plaintext == b"plaintext");
        let mut tag = encrypted.tag.clone();
        *tag.last_mut()? ^= 1;
        if !good || open(&tag)?.is_ok() {
            return Some(false);
        }
    }
    Some(true)
}

/// The last octet of a block that decrypts to one octet of text and 15 of padding is flipped in the block before.
fn cbc_refuses() -> Option<bool> {
    let cipher = ContentCipher::generate(CipherAlgorithm::Aes128Cbc).ok()?;
    let key = cipher.generate_key().ok()?;
    let mut encrypted = content::encrypt(&cipher, &key, b"", &[&[7; 17]]).ok()?;
    *encrypted.ciphertext.get_mut(15)? ^= 0x40;
    let mut context = ContentContext::new();
    let mut decryptor = context.decrypt(&cipher, &key, b"", 32).ok()?;
    decryptor.update(&encrypted.ciphertext);
    Some(decryptor.finish(None).is_err())
}

fn ecdsa_refuses() -> Option<bool> {
    let key = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).ok()?;
    let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
    let signature = sign(&scheme, &key, Signed::Message(&[b"text"])).ok()?;
    let mut context = VerifyContext::new();
    let mut outcome = |text: &[u8]| {
        let signed = Signed::Message(&[text]);
        verify(&scheme, key.public_key(), signed, &signature, &mut context)
    };
    Some(outcome(b"text") == Outcome::Valid && outcome(b"tent") == Outcome::Invalid)
}

/// A ciphertext whose padding is wrong must give a random-looking key that is the same each time, not an error.
fn rsa_rejects_implicitly() -> Option<bool> {
    // The smallest key that OpenSSL makes: it is thrown away, and made in a millisecond.
    let key = PrivateKey::generate_rsa(512).ok()?;
    let garbage = [0x5a; 64];
    let first = RsaTransport::V15.decrypt(&key, &garbage).ok()?;
    let second = RsaTransport::V15.decrypt(&key, &garbage).ok()?;
    Some(first == second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_openssl_passes() {
        for (check, passes) in CHECKS {
            assert_eq!(passes(), Some(true), "{check}");
        }
        assert!(check().is_ok());
    }
}
