//! Decrypting with a password: what stands around shrouded keys and safe bags.

use std::sync::OnceLock;

use openssl::cipher::Cipher;
use openssl::cipher::CipherRef;
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::OctetString;
use crate::asn1::Reader;
use crate::asn1::oid;
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::digest;
use crate::crypto::legacy;
use crate::crypto::password::Password;
use crate::crypto::password::PasswordError;
use crate::crypto::password::derive::KeyDerivation;
use crate::crypto::password::derive::checked_rounds;
use crate::crypto::password::derive::unsupported;
use crate::crypto::password::pkcs12_kdf;
use crate::crypto::password::pkcs12_kdf::Purpose;
use crate::crypto::sys;
use crate::limits::Limits;

/// A password-based encryption scheme that has passed the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordEncryption {
    scheme: Scheme,
    cipher: PasswordCipher,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scheme {
    /// RFC 8018 §6.2: the IV is given.
    Pbes2 {
        derivation: KeyDerivation,
        iv: Vec<u8>,
    },
    /// RFC 8018 §6.1: key and IV from PBKDF1.
    Pbes1 {
        digest: DigestAlgorithm,
        salt: Vec<u8>,
        rounds: u32,
    },
    /// RFC 7292 §C: key and IV from PKCS #12's derivation with SHA-1.
    Pkcs12 { salt: Vec<u8>, rounds: u32 },
}

/// The ciphers of password-based encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PasswordCipher {
    Content(CipherAlgorithm),
    /// Two keys, the first one used again as the third.
    TwoKeyTripleDes,
    Des,
    Rc2Of40,
    Rc2Of64,
    Rc2Of128,
    Rc4Of40,
    Rc4Of128,
}

impl PasswordCipher {
    fn key_bytes(self) -> usize {
        match self {
            Self::Content(cipher) => cipher.key_bytes(),
            Self::TwoKeyTripleDes | Self::Rc2Of128 | Self::Rc4Of128 => 16,
            Self::Des | Self::Rc2Of64 => 8,
            Self::Rc2Of40 | Self::Rc4Of40 => 5,
        }
    }

    fn iv_bytes(self) -> usize {
        match self {
            Self::TwoKeyTripleDes | Self::Des | Self::Rc2Of40 | Self::Rc2Of64 | Self::Rc2Of128 => 8,
            Self::Content(cipher) => cipher.nonce_bytes(),
            Self::Rc4Of40 | Self::Rc4Of128 => 0,
        }
    }

    fn cipher(self) -> Option<&'static CipherRef> {
        macro_rules! fetched {
            ($name:literal) => {{
                static FETCHED: OnceLock<Option<Cipher>> = OnceLock::new();
                FETCHED.get_or_init(|| legacy::cipher($name)).as_deref()
            }};
        }
        match self {
            Self::Content(cipher) => cipher.cipher(),
            Self::TwoKeyTripleDes => CipherAlgorithm::TripleDesCbc.cipher(),
            Self::Des => fetched!("DES-CBC"),
            Self::Rc2Of40 => fetched!("RC2-40-CBC"),
            Self::Rc2Of64 => fetched!("RC2-64-CBC"),
            Self::Rc2Of128 => fetched!("RC2-CBC"),
            Self::Rc4Of40 => fetched!("RC4-40"),
            Self::Rc4Of128 => fetched!("RC4"),
        }
    }
}

impl PasswordEncryption {
    /// The encryptionAlgorithm of EncryptedPrivateKeyInfo (RFC 5958 §3) or of a PKCS #12 file's EncryptedData.
    ///
    /// # Errors
    /// Where it is not known, malformed or past the limits.
    pub fn from_algorithm(
        algorithm: &AlgorithmIdentifier<'_>,
        limits: &Limits,
    ) -> Result<Self, PasswordError> {
        use PasswordCipher as C;
        let pkcs12 = |cipher| {
            let (salt, rounds) = salt_and_rounds(algorithm, limits)?;
            Ok(Self {
                scheme: Scheme::Pkcs12 { salt, rounds },
                cipher,
            })
        };
        let pbes1 = |digest| {
            let (salt, rounds) = salt_and_rounds(algorithm, limits)?;
            Ok(Self {
                scheme: Scheme::Pbes1 {
                    digest,
                    salt,
                    rounds,
                },
                cipher: C::Des,
            })
        };
        match algorithm.oid {
            oid::PBES2 => pbes2(algorithm, limits),
            oid::PBE_MD5_DES => pbes1(DigestAlgorithm::Md5),
            oid::PBE_SHA1_DES => pbes1(DigestAlgorithm::Sha1),
            oid::PKCS12_PBE_3DES => pkcs12(C::Content(CipherAlgorithm::TripleDesCbc)),
            oid::PKCS12_PBE_2DES => pkcs12(C::TwoKeyTripleDes),
            oid::PKCS12_PBE_RC2_128 => pkcs12(C::Rc2Of128),
            oid::PKCS12_PBE_RC2_40 => pkcs12(C::Rc2Of40),
            oid::PKCS12_PBE_RC4_128 => pkcs12(C::Rc4Of128),
            oid::PKCS12_PBE_RC4_40 => pkcs12(C::Rc4Of40),
            other => Err(unsupported(other)),
        }
    }

    /// Rounds that one guess costs, as [`KeyDerivation::guess_rounds`].
    #[must_use]
    pub fn rounds(&self) -> u32 {
        match &self.scheme {
            Scheme::Pbes2 { derivation, .. } => derivation.guess_rounds(),
            Scheme::Pbes1 { rounds, .. } | Scheme::Pkcs12 { rounds, .. } => *rounds,
        }
    }

    /// What was encrypted.
    ///
    /// RC4 has no padding, so a wrong password gives garbage there and no error.
    ///
    /// # Errors
    /// `WrongPassword` where the padding is wrong; `UnsupportedAlgorithm` where the linked OpenSSL lacks the cipher.
    pub fn decrypt(
        &self,
        password: &Password,
        encrypted: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        sys::start();
        sys::clear_errors();
        let (key, iv) = self.key_and_iv(password)?;
        let cipher = self.cipher.cipher().ok_or_else(|| {
            PasswordError::UnsupportedAlgorithm(format!("{:?} of the linked OpenSSL", self.cipher))
        })?;
        let decrypted = run(cipher, &key, &iv, encrypted);
        sys::clear_errors();
        decrypted.ok_or(PasswordError::WrongPassword)
    }

    fn key_and_iv(&self, password: &Password) -> Result<KeyAndIv, PasswordError> {
        let key_bytes = self.cipher.key_bytes();
        let iv_bytes = self.cipher.iv_bytes();
        let (mut key, iv) = match &self.scheme {
            Scheme::Pbes2 { derivation, iv } => (
                derivation.derive(password.octets(), key_bytes)?,
                Zeroizing::new(iv.clone()),
            ),
            Scheme::Pbes1 {
                digest,
                salt,
                rounds,
            } => {
                pbkdf1(*digest, password.octets(), salt, *rounds).ok_or(PasswordError::Malformed)?
            }
            Scheme::Pkcs12 { salt, rounds } => {
                let derive = |purpose, bytes| {
                    let sha1 = DigestAlgorithm::Sha1;
                    pkcs12_kdf::derive(sha1, purpose, password.bmp(), salt, *rounds, bytes)
                        .ok_or(PasswordError::Malformed)
                };
                (
                    derive(Purpose::Key, key_bytes)?,
                    derive(Purpose::Iv, iv_bytes)?,
                )
            }
        };
        if self.cipher == PasswordCipher::TwoKeyTripleDes {
            let first = Zeroizing::new(key.get(..8).unwrap_or_default().to_vec());
            let mut three = Zeroizing::new(Vec::with_capacity(24));
            three.extend_from_slice(&key);
            three.extend_from_slice(&first);
            key = three;
        }
        Ok((key, iv))
    }
}

fn run(cipher: &CipherRef, key: &[u8], iv: &[u8], encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if key.len() != cipher.key_length() || iv.len() != cipher.iv_length() {
        return None;
    }
    i32::try_from(encrypted.len()).ok()?;
    let mut context = CipherCtx::new().ok()?;
    let iv = (!iv.is_empty()).then_some(iv);
    context.decrypt_init(Some(cipher), Some(key), iv).ok()?;
    let mut decrypted = Zeroizing::new(Vec::with_capacity(encrypted.len().saturating_add(64)));
    context.cipher_update_vec(encrypted, &mut decrypted).ok()?;
    context.cipher_final_vec(&mut decrypted).ok()?;
    Some(decrypted)
}

/// `PBEParameter` (RFC 8018 §A.3) and `pkcs-12PbeParams` (RFC 7292 §C).
fn salt_and_rounds(
    algorithm: &AlgorithmIdentifier<'_>,
    limits: &Limits,
) -> Result<(Vec<u8>, u32), PasswordError> {
    let mut r = algorithm
        .parameter_reader()
        .ok_or(PasswordError::Malformed)?;
    let (salt, rounds) =
        r.sequence(|r| Ok((r.octet_string()?.bytes()?.into_owned(), r.small_integer()?)))?;
    r.finish()?;
    Ok((salt, checked_rounds(rounds, limits)?))
}

/// `PBES2-params` (RFC 8018 §A.4).
fn pbes2(
    algorithm: &AlgorithmIdentifier<'_>,
    limits: &Limits,
) -> Result<PasswordEncryption, PasswordError> {
    let mut r = algorithm
        .parameter_reader()
        .ok_or(PasswordError::Malformed)?;
    let (derivation, encryption) =
        r.sequence(|r| Ok((AlgorithmIdentifier::read(r)?, AlgorithmIdentifier::read(r)?)))?;
    r.finish()?;
    let mut parameters = encryption
        .parameter_reader()
        .ok_or(PasswordError::Malformed)?;
    let (cipher, iv) = match encryption.oid {
        oid::RC2_CBC => rc2(&mut parameters)?,
        oid::DES_CBC => (PasswordCipher::Des, parameters.octet_string()?),
        other => {
            let cipher = CipherAlgorithm::ALL
                .iter()
                .copied()
                .find(|cipher| cipher.oid() == other && cipher.has_plain_iv())
                .ok_or_else(|| unsupported(other))?;
            (PasswordCipher::Content(cipher), parameters.octet_string()?)
        }
    };
    parameters.finish()?;
    let iv = iv.bytes()?.into_owned();
    if iv.len() != cipher.iv_bytes() {
        return Err(PasswordError::Malformed);
    }
    let derivation = KeyDerivation::from_algorithm(&derivation, limits)?;
    Ok(PasswordEncryption {
        scheme: Scheme::Pbes2 { derivation, iv },
        cipher,
    })
}

/// `RC2-CBC-Parameter` (RFC 8018 §B.2.3): the version stands for the effective key bits.
fn rc2<'a>(r: &mut Reader<'a>) -> Result<(PasswordCipher, OctetString<'a>), PasswordError> {
    let (version, iv) = r.sequence(|r| Ok((r.small_integer()?, r.octet_string()?)))?;
    let cipher = match version {
        160 => PasswordCipher::Rc2Of40,
        120 => PasswordCipher::Rc2Of64,
        58 => PasswordCipher::Rc2Of128,
        _ => return Err(unsupported(oid::RC2_CBC)),
    };
    Ok((cipher, iv))
}

/// A key and an IV of eight octets each.
type KeyAndIv = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// PBKDF1 (RFC 8018 §5.1), its first 16 octets as key and IV (§6.1.1).
fn pbkdf1(
    algorithm: DigestAlgorithm,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Option<KeyAndIv> {
    let mut value = digest(algorithm, &[password, salt]).ok()?;
    for _ in 1..rounds {
        value = digest(algorithm, &[value.as_bytes()]).ok()?;
    }
    let (key, rest) = value.as_bytes().split_at_checked(8)?;
    let iv = rest.get(..8)?;
    Some((Zeroizing::new(key.to_vec()), Zeroizing::new(iv.to_vec())))
}
