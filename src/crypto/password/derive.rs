//! PBKDF2 (RFC 8018 §5.2) and scrypt (RFC 7914): reading their parameters, and deriving.

use openssl::hash::MessageDigest;
use openssl::pkcs5;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::password::PasswordError;
use crate::crypto::sys;
use crate::limits::Limits;

/// A key derivation that has passed the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDerivation {
    function: Function,
    salt: Vec<u8>,
    /// keyLength, where it is stated.
    key_bytes: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Pbkdf2 {
        prf: DigestAlgorithm,
        rounds: u32,
    },
    Scrypt {
        cost: u64,
        block: u64,
        parallel: u64,
        memory_bytes: u64,
    },
}

impl From<BerError> for PasswordError {
    fn from(_: BerError) -> Self {
        Self::Malformed
    }
}

pub(crate) fn unsupported(oid: Oid<'_>) -> PasswordError {
    PasswordError::UnsupportedAlgorithm(oid.label())
}

/// A count of rounds, within the limits.
pub(crate) fn checked_rounds(rounds: u64, limits: &Limits) -> Result<u32, PasswordError> {
    match u32::try_from(rounds) {
        Ok(0) => Err(PasswordError::Malformed),
        Ok(rounds) if rounds <= limits.kdf_rounds => Ok(rounds),
        Ok(_) | Err(_) => Err(PasswordError::TooManyRounds),
    }
}

impl KeyDerivation {
    /// The keyDerivationFunc of PBES2 or PBMAC1, or the keyDerivationAlgorithm of a PasswordRecipientInfo (RFC 5652 §6.2.4).
    ///
    /// # Errors
    /// Where it is not known, malformed or past the limits.
    pub fn from_algorithm(
        algorithm: &AlgorithmIdentifier<'_>,
        limits: &Limits,
    ) -> Result<Self, PasswordError> {
        let mut r = algorithm
            .parameter_reader()
            .ok_or(PasswordError::Malformed)?;
        let derivation = match algorithm.oid {
            oid::PBKDF2 => pbkdf2(&mut r, limits)?,
            oid::SCRYPT => scrypt(&mut r, limits)?,
            other => return Err(unsupported(other)),
        };
        r.finish()?;
        Ok(derivation)
    }

    /// PBKDF2 with HMAC-SHA-512 (RFC 8018 §5.2), for a digest of our own that is slow to guess from.
    #[must_use]
    pub fn pbkdf2(salt: &[u8], rounds: u32) -> Self {
        Self {
            function: Function::Pbkdf2 {
                prf: DigestAlgorithm::Sha512,
                rounds,
            },
            salt: salt.to_vec(),
            key_bytes: None,
        }
    }

    /// Rounds that one guess costs; all that can be counted for scrypt, whose memory costs more than its rounds say.
    #[must_use]
    pub fn guess_rounds(&self) -> u32 {
        match self.function {
            Function::Pbkdf2 { rounds, .. } => rounds,
            Function::Scrypt { .. } => u32::MAX,
        }
    }

    /// keyLength, where it is stated.
    #[must_use]
    pub fn key_bytes(&self) -> Option<usize> {
        self.key_bytes
    }

    /// What a derivation costs, in rounds; for scrypt N·r·p of them.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        match self.function {
            Function::Pbkdf2 { rounds, .. } => u64::from(rounds),
            Function::Scrypt {
                cost,
                block,
                parallel,
                ..
            } => cost.saturating_mul(block).saturating_mul(parallel),
        }
    }

    /// The key of this many bytes. `password` are the password's octets.
    ///
    /// # Errors
    /// `Malformed` where the stated length is another, or OpenSSL refuses the parameters.
    pub fn derive(
        &self,
        password: &[u8],
        bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        if self.key_bytes.is_some_and(|stated| stated != bytes) {
            return Err(PasswordError::Malformed);
        }
        sys::start();
        sys::clear_errors();
        let mut key = Zeroizing::new(vec![0; bytes]);
        let derived = match self.function {
            Function::Pbkdf2 { prf, rounds } => {
                let rounds = usize::try_from(rounds).map_err(|_| PasswordError::TooManyRounds)?;
                let prf = hmac_digest(prf).ok_or(PasswordError::Malformed)?;
                pkcs5::pbkdf2_hmac(password, &self.salt, rounds, prf, &mut key)
            }
            Function::Scrypt {
                cost,
                block,
                parallel,
                memory_bytes,
            } => pkcs5::scrypt(
                password,
                &self.salt,
                cost,
                block,
                parallel,
                memory_bytes,
                &mut key,
            ),
        };
        derived.map_err(|_| PasswordError::Malformed)?;
        Ok(key)
    }
}

/// `PBKDF2-params` (RFC 8018 §A.2).
fn pbkdf2(r: &mut Reader<'_>, limits: &Limits) -> Result<KeyDerivation, PasswordError> {
    let mut inside = r.expect(Tag::SEQUENCE)?.reader()?;
    // The other choice, a source of salt, was never defined.
    let salt = inside.octet_string()?.bytes()?.into_owned();
    let rounds = checked_rounds(inside.small_integer()?, limits)?;
    let key_bytes = key_length(&mut inside)?;
    let prf = if inside.is_empty() {
        DigestAlgorithm::Sha1
    } else {
        let prf = AlgorithmIdentifier::read(&mut inside)?;
        prf_digest(prf.oid).ok_or_else(|| unsupported(prf.oid))?
    };
    inside.finish()?;
    Ok(KeyDerivation {
        function: Function::Pbkdf2 { prf, rounds },
        salt,
        key_bytes,
    })
}

/// `scrypt-params` (RFC 7914 §7.1).
fn scrypt(r: &mut Reader<'_>, limits: &Limits) -> Result<KeyDerivation, PasswordError> {
    let mut inside = r.expect(Tag::SEQUENCE)?.reader()?;
    let salt = inside.octet_string()?.bytes()?.into_owned();
    let (cost, block, parallel) = (
        inside.small_integer()?,
        inside.small_integer()?,
        inside.small_integer()?,
    );
    let key_bytes = key_length(&mut inside)?;
    inside.finish()?;
    if cost < 2 || !cost.is_power_of_two() || block == 0 || parallel == 0 {
        return Err(PasswordError::Malformed);
    }
    // 128·N·r octets for the table, 128·r·p for the blocks (RFC 7914 §5, §6), and as much work as N·r·p rounds.
    let table = cost.checked_mul(block).and_then(|n| n.checked_mul(128));
    let blocks = block.checked_mul(parallel).and_then(|n| n.checked_mul(128));
    let work = cost
        .checked_mul(block)
        .and_then(|work| work.checked_mul(parallel));
    let memory = table.zip(blocks).and_then(|(a, b)| a.checked_add(b));
    match (memory, work) {
        (Some(memory), Some(work))
            if memory <= limits.kdf_memory_bytes && work <= u64::from(limits.kdf_rounds) => {}
        _ => return Err(PasswordError::TooManyRounds),
    }
    Ok(KeyDerivation {
        function: Function::Scrypt {
            cost,
            block,
            parallel,
            // OpenSSL counts some more octets beside.
            memory_bytes: limits.kdf_memory_bytes.saturating_add(1 << 20),
        },
        salt,
        key_bytes,
    })
}

/// keyLength INTEGER (1..MAX) OPTIONAL. No key here is longer than a digest's block.
fn key_length(r: &mut Reader<'_>) -> Result<Option<usize>, PasswordError> {
    if r.peek() != Some(Tag::INTEGER) {
        return Ok(None);
    }
    match usize::try_from(r.small_integer()?) {
        Ok(bytes @ 1..=256) => Ok(Some(bytes)),
        Ok(_) | Err(_) => Err(PasswordError::Malformed),
    }
}

/// The digest of an HMAC's identifier (RFC 8018 §B.1).
pub(crate) fn prf_digest(oid: Oid<'_>) -> Option<DigestAlgorithm> {
    match oid {
        oid::HMAC_SHA1 => Some(DigestAlgorithm::Sha1),
        oid::HMAC_SHA224 => Some(DigestAlgorithm::Sha224),
        oid::HMAC_SHA256 => Some(DigestAlgorithm::Sha256),
        oid::HMAC_SHA384 => Some(DigestAlgorithm::Sha384),
        oid::HMAC_SHA512 => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}

fn hmac_digest(digest: DigestAlgorithm) -> Option<MessageDigest> {
    match digest {
        DigestAlgorithm::Sha1 => Some(MessageDigest::sha1()),
        DigestAlgorithm::Sha224 => Some(MessageDigest::sha224()),
        DigestAlgorithm::Sha256 => Some(MessageDigest::sha256()),
        DigestAlgorithm::Sha384 => Some(MessageDigest::sha384()),
        DigestAlgorithm::Sha512 => Some(MessageDigest::sha512()),
        DigestAlgorithm::Md2
        | DigestAlgorithm::Md4
        | DigestAlgorithm::Md5
        | DigestAlgorithm::Ripemd160
        | DigestAlgorithm::Sha512Over224
        | DigestAlgorithm::Sha512Over256
        | DigestAlgorithm::Sha3Of224
        | DigestAlgorithm::Sha3Of256
        | DigestAlgorithm::Sha3Of384
        | DigestAlgorithm::Sha3Of512
        | DigestAlgorithm::Shake128
        | DigestAlgorithm::Shake256 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn pbkdf2_parameters(rounds: u64) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.octet_string(b"salt");
                w.small_integer(rounds);
            });
        })
    }

    fn scrypt_parameters(cost: u64, block: u64, parallel: u64) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.octet_string(b"NaCl");
                w.small_integer(cost);
                w.small_integer(block);
                w.small_integer(parallel);
            });
        })
    }

    fn read(oid: Oid<'static>, parameters: &[u8]) -> Result<KeyDerivation, PasswordError> {
        let algorithm = AlgorithmIdentifier {
            oid,
            parameters: Some(parameters),
        };
        KeyDerivation::from_algorithm(&algorithm, &Limits::default())
    }

    #[test]
    fn vectors_of_the_standards() {
        // RFC 6070: 4096 rounds.
        let key = read(oid::PBKDF2, &pbkdf2_parameters(4096)).unwrap();
        assert_eq!(
            *key.derive(b"password", 20).unwrap(),
            [
                0x4b, 0x00, 0x79, 0x01, 0xb7, 0x65, 0x48, 0x9a, 0xbe, 0xad, 0x49, 0xd9, 0x26, 0xf7,
                0x21, 0xd0, 0x65, 0xa4, 0x29, 0xc1
            ]
        );
        // RFC 7914 §12: N 1024, r 8, p 16.
        let key = read(oid::SCRYPT, &scrypt_parameters(1024, 8, 16)).unwrap();
        assert_eq!(
            key.derive(b"password", 64).unwrap()[..8],
            [0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00]
        );
    }

    #[test]
    fn bombs_are_refused_before_anything_is_derived() {
        for (rounds, expected) in [
            (0, PasswordError::Malformed),
            (10_000_001, PasswordError::TooManyRounds),
            (1 << 31, PasswordError::TooManyRounds),
            (u64::MAX, PasswordError::TooManyRounds),
        ] {
            let refused = read(oid::PBKDF2, &pbkdf2_parameters(rounds));
            assert_eq!(refused, Err(expected), "{rounds}");
        }
        assert!(read(oid::PBKDF2, &pbkdf2_parameters(10_000_000)).is_ok());
        for (cost, block, parallel, expected) in [
            (1 << 40, 8, 1, PasswordError::TooManyRounds),
            (1 << 62, 1 << 62, 1, PasswordError::TooManyRounds),
            (1 << 14, 8, 1 << 30, PasswordError::TooManyRounds),
            (1000, 8, 1, PasswordError::Malformed),
            (16, 0, 1, PasswordError::Malformed),
        ] {
            let refused = read(oid::SCRYPT, &scrypt_parameters(cost, block, parallel));
            assert_eq!(refused, Err(expected), "{cost} {block} {parallel}");
        }
    }
}
