//! A content key under a password: PasswordRecipientInfo (RFC 5652 §6.2.4) with the key wrap of RFC 3211.

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Reader;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::Failed;
use crate::crypto::content::Direction;
use crate::crypto::content::cbc_blocks;
use crate::crypto::content_cipher::CipherUnsupported;
use crate::crypto::content_cipher::ContentCipher;
use crate::crypto::content_cipher::Mode;
use crate::crypto::password::Password;
use crate::crypto::password::PasswordError;
use crate::crypto::password::derive::KeyDerivation;
use crate::crypto::password::derive::unsupported;
use crate::crypto::random;
use crate::limits::Limits;

/// How a password opens a content key; has passed the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordWrap {
    /// None where the password is the key itself.
    derivation: Option<KeyDerivation>,
    cipher: ContentCipher,
}

impl PasswordWrap {
    /// keyEncryptionAlgorithm, which must be id-alg-PWRI-KEK (RFC 3211 §2.3), and keyDerivationAlgorithm. Without the latter the key
    /// comes from elsewhere (RFC 5652 §6.2.4), and a password is taken for it.
    ///
    /// # Errors
    /// Where an algorithm is not known, malformed or past the limits.
    pub fn from_algorithms(
        wrap: &AlgorithmIdentifier<'_>,
        derivation: Option<&AlgorithmIdentifier<'_>>,
        limits: &Limits,
    ) -> Result<Self, PasswordError> {
        if wrap.oid != oid::PWRI_KEK {
            return Err(unsupported(wrap.oid));
        }
        let parameters = wrap.parameters.ok_or(PasswordError::Malformed)?;
        let mut r = Reader::new(parameters);
        let inner = AlgorithmIdentifier::read(&mut r)?;
        r.finish()?;
        let cipher = ContentCipher::from_algorithm(&inner).map_err(|error| match error {
            CipherUnsupported::Parameters => PasswordError::Malformed,
            CipherUnsupported::Algorithm | CipherUnsupported::Refused(_) => unsupported(inner.oid),
        })?;
        if cipher.algorithm().mode() != Mode::Cbc || cipher.has_derived_key() {
            return Err(unsupported(inner.oid));
        }
        let derivation =
            derivation.map(|derivation| KeyDerivation::from_algorithm(derivation, limits));
        Ok(Self {
            derivation: derivation.transpose()?,
            cipher,
        })
    }

    /// A wrap with this derivation, its AlgorithmIdentifier given, for mail that is written.
    ///
    /// # Errors
    /// As [`PasswordWrap::from_algorithms`].
    pub fn new(
        cipher: ContentCipher,
        derivation: Option<&AlgorithmIdentifier<'_>>,
        limits: &Limits,
    ) -> Result<Self, PasswordError> {
        let inner = cipher.algorithm_identifier();
        let wrap = AlgorithmIdentifier {
            oid: oid::PWRI_KEK,
            parameters: Some(&inner),
        };
        Self::from_algorithms(&wrap, derivation, limits)
    }

    /// The keyEncryptionAlgorithm, DER.
    #[must_use]
    pub fn algorithm(&self) -> Vec<u8> {
        let inner = self.cipher.algorithm_identifier();
        Writer::encode(|w| w.algorithm(oid::PWRI_KEK, Some(&inner)))
    }

    /// The cipher that wraps.
    #[must_use]
    pub fn cipher(&self) -> &ContentCipher {
        &self.cipher
    }

    /// What trying one password costs, in rounds.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.derivation.as_ref().map_or(1, KeyDerivation::rounds)
    }

    /// The content key; None where the password is not the one. Three octets of the key stand beside it, inverted, so one wrong
    /// password in 2^24 goes unnoticed here.
    #[must_use]
    pub fn unwrap(&self, password: &Password, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.unwrap_with(&self.key(password)?, wrapped)
    }

    /// The same with a key-encryption key in place of a password, for recipients without a derivation.
    #[must_use]
    pub fn unwrap_with_key(&self, key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match &self.derivation {
            None => self.unwrap_with(key, wrapped),
            Some(_) => None,
        }
    }

    /// RFC 3211 §2.3.2.
    fn unwrap_with(&self, key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let block = self.cipher.algorithm().nonce_bytes();
        if wrapped.len() < 2 * block || !wrapped.len().is_multiple_of(block) {
            return None;
        }
        // The last block, decrypted with the one before it as its IV, is the IV of the outer encryption.
        let (rest, last) = wrapped.split_at_checked(wrapped.len() - block)?;
        let before = rest.get(rest.len() - block..)?;
        let decrypt =
            |iv: &[u8], input: &[u8]| cbc_blocks(&self.cipher, key, iv, input, Direction::Decrypt);
        let iv = decrypt(before, last)?;
        let inner = decrypt(&iv, wrapped)?;
        let plain = decrypt(self.cipher.nonce(), &inner)?;
        let (header, secret) = plain.split_first_chunk::<4>()?;
        let [length, check @ ..] = header;
        let secret = secret.get(..usize::from(*length))?;
        let inverted: Vec<u8> = secret.iter().take(3).map(|octet| !octet).collect();
        let inverted = Zeroizing::new(inverted);
        let equal = inverted.len() == 3 && openssl::memcmp::eq(&inverted, check);
        equal.then(|| Zeroizing::new(secret.to_vec()))
    }

    /// Wraps a content key (RFC 3211 §2.3.1).
    ///
    /// # Errors
    /// Where the key is shorter than three octets or longer than 255, or the password is none for this derivation.
    pub fn wrap(&self, password: &Password, secret: &[u8]) -> Result<Vec<u8>, Failed> {
        let key = self.key(password).ok_or(Failed)?;
        let block = self.cipher.algorithm().nonce_bytes();
        let [a, b, c, ..] = secret else {
            return Err(Failed);
        };
        let length = u8::try_from(secret.len()).map_err(|_| Failed)?;
        let bytes = (secret.len() + 4).next_multiple_of(block).max(2 * block);
        let mut plain = random::secret(bytes).map_err(|_| Failed)?;
        let head = Zeroizing::new([&[length, !a, !b, !c], secret].concat());
        plain
            .get_mut(..head.len())
            .ok_or(Failed)?
            .copy_from_slice(&head);
        let encrypt = |iv: &[u8], input: &[u8]| {
            cbc_blocks(&self.cipher, &key, iv, input, Direction::Encrypt).ok_or(Failed)
        };
        let inner = encrypt(self.cipher.nonce(), &plain)?;
        let iv = inner.get(inner.len() - block..).ok_or(Failed)?;
        Ok(encrypt(iv, &inner)?.to_vec())
    }

    fn key(&self, password: &Password) -> Option<Zeroizing<Vec<u8>>> {
        let Some(derivation) = &self.derivation else {
            let key = password.octets();
            let fits = self.cipher.accepts_key(key.len());
            return fits.then(|| Zeroizing::new(key.to_vec()));
        };
        let bytes = derivation
            .key_bytes()
            .unwrap_or(self.cipher.usual_key_bytes());
        if !self.cipher.accepts_key(bytes) {
            return None;
        }
        derivation.derive(password.octets(), bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::content_cipher::CipherAlgorithm;

    fn pbkdf2(rounds: u64, key_bytes: Option<u64>) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.octet_string(&[0x12, 0x34, 0x56, 0x78, 0x78, 0x56, 0x34, 0x12]);
                w.small_integer(rounds);
                if let Some(bytes) = key_bytes {
                    w.small_integer(bytes);
                }
            });
        })
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// RFC 3211 §3: DES with 5 rounds, Triple-DES with 500.
    #[test]
    fn the_examples_of_rfc_3211() {
        for (cipher, rounds, password, secret, iv, wrapped) in [
            (
                oid::DES_CBC,
                5,
                "password",
                "8c627c897323a2f8",
                "efe598ef21b33d6d",
                "b81b2565ee373ca6dedca26a178b0c10",
            ),
            (
                oid::DES_EDE3_CBC,
                500,
                "All n-entities must communicate with other n-entities via n-1 entiteeheehees",
                "8c637d887223a2f965b566eb014b0fa5d52300a3f7ea40fffc577203c71baf3b",
                "baf1ca7931213c4e",
                "c03c514abdb9e2c5aac038572b5e24553876b377aafb82eca5a9d73f8ab143d9ec74e6cad7db260c",
            ),
        ] {
            let iv = Writer::encode(|w| w.octet_string(&bytes(iv)));
            let inner = Writer::encode(|w| w.algorithm(cipher, Some(&iv)));
            let parameters = pbkdf2(rounds, None);
            let wrap = PasswordWrap::from_algorithms(
                &AlgorithmIdentifier {
                    oid: oid::PWRI_KEK,
                    parameters: Some(&inner),
                },
                Some(&AlgorithmIdentifier {
                    oid: oid::PBKDF2,
                    parameters: Some(&parameters),
                }),
                &Limits::default(),
            )
            .unwrap();
            let wrapped = bytes(wrapped);
            let opened = wrap.unwrap(&Password::new(password.as_bytes()), &wrapped);
            assert_eq!(*opened.unwrap(), bytes(secret));
            assert_eq!(wrap.unwrap(&Password::new(b"other"), &wrapped), None);
        }
    }

    #[test]
    fn every_cipher_of_cbc_mode_wraps() {
        let (right, wrong) = (Password::new(b"right"), Password::new(b"wrong"));
        for algorithm in CipherAlgorithm::ALL {
            let cipher = ContentCipher::generate(*algorithm).unwrap();
            let parameters = pbkdf2(10, None);
            let derivation = AlgorithmIdentifier {
                oid: oid::PBKDF2,
                parameters: Some(&parameters),
            };
            let wrap = PasswordWrap::new(cipher, Some(&derivation), &Limits::default());
            if algorithm.mode() != Mode::Cbc {
                assert!(wrap.is_err());
                continue;
            }
            let wrap = wrap.unwrap();
            for length in [3, 5, 16, 24, 32] {
                let secret = vec![0x5a; length];
                let wrapped = wrap.wrap(&right, &secret).unwrap();
                assert_eq!(
                    *wrap.unwrap(&right, &wrapped).unwrap(),
                    secret,
                    "{algorithm:?}"
                );
                assert_eq!(wrap.unwrap(&wrong, &wrapped), None);
                assert_eq!(wrap.unwrap(&right, &wrapped[1..]), None);
                assert_eq!(wrap.unwrap(&right, &wrapped[..8]), None);
                assert_eq!(wrap.unwrap(&right, b""), None);
                assert_eq!(wrap.unwrap_with_key(&[1; 16], &wrapped), None);
            }
        }
    }

    #[test]
    fn without_a_derivation_the_password_is_the_key() {
        let cipher = ContentCipher::generate(CipherAlgorithm::Aes128Cbc).unwrap();
        let wrap = PasswordWrap::new(cipher, None, &Limits::default()).unwrap();
        let key = Password::new(b"0123456789abcdef");
        let wrapped = wrap.wrap(&key, &[9; 16]).unwrap();
        assert_eq!(*wrap.unwrap(&key, &wrapped).unwrap(), [9; 16]);
        assert_eq!(wrap.unwrap(&Password::new(b"short"), &wrapped), None);
        let opened = wrap.unwrap_with_key(b"0123456789abcdef", &wrapped);
        assert_eq!(*opened.unwrap(), [9; 16]);
    }

    #[test]
    fn bombs_are_refused_before_anything_is_derived() {
        let refused = |rounds| {
            let cipher = ContentCipher::generate(CipherAlgorithm::Aes128Cbc).unwrap();
            let parameters = pbkdf2(rounds, Some(16));
            let derivation = AlgorithmIdentifier {
                oid: oid::PBKDF2,
                parameters: Some(&parameters),
            };
            PasswordWrap::new(cipher, Some(&derivation), &Limits::default()).err()
        };
        assert_eq!(refused(1_000_000_000), Some(PasswordError::TooManyRounds));
        assert_eq!(refused(10_000_000), None);
    }
}
