//! The MAC over a PKCS #12 file: HMAC with PKCS #12's key derivation (RFC 7292 §4, §B.4), or PBMAC1 (RFC 9579).

use openssl::md_ctx::MdCtx;
use openssl::memcmp;
use openssl::pkey::PKey;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::oid;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::password::Password;
use crate::crypto::password::PasswordError;
use crate::crypto::password::derive::KeyDerivation;
use crate::crypto::password::derive::checked_rounds;
use crate::crypto::password::derive::prf_digest;
use crate::crypto::password::derive::unsupported;
use crate::crypto::password::pkcs12_kdf;
use crate::crypto::password::pkcs12_kdf::Purpose;
use crate::crypto::sys;
use crate::limits::Limits;

/// A MAC that has passed the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordMac {
    key: MacKey,
    digest: DigestAlgorithm,
    value: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MacKey {
    Pkcs12 {
        salt: Vec<u8>,
        rounds: u32,
    },
    Pbmac1 {
        derivation: KeyDerivation,
        bytes: usize,
    },
}

impl PasswordMac {
    /// The fields of `MacData` (RFC 7292 §4): the DigestInfo's algorithm and digest, macSalt, iterations (1 where absent). With PBMAC1
    /// the last two carry no meaning (RFC 9579 §5).
    ///
    /// # Errors
    /// Where the algorithm is not known, malformed or past the limits.
    pub fn from_fields(
        algorithm: &AlgorithmIdentifier<'_>,
        value: &[u8],
        salt: &[u8],
        iterations: u64,
        limits: &Limits,
    ) -> Result<Self, PasswordError> {
        let (key, digest) = if algorithm.oid == oid::PBMAC1 {
            pbmac1(algorithm, limits)?
        } else {
            let digest = DigestAlgorithm::from_algorithm(algorithm)
                .filter(|digest| !digest.is_extendable())
                .ok_or_else(|| unsupported(algorithm.oid))?;
            let rounds = checked_rounds(iterations, limits)?;
            let salt = salt.to_vec();
            (MacKey::Pkcs12 { salt, rounds }, digest)
        };
        if value.len() != digest.bytes() {
            return Err(PasswordError::Malformed);
        }
        Ok(Self {
            key,
            digest,
            value: value.to_vec(),
        })
    }

    /// Rounds that one guess costs, as [`KeyDerivation::guess_rounds`].
    #[must_use]
    pub fn rounds(&self) -> u32 {
        match &self.key {
            MacKey::Pkcs12 { rounds, .. } => *rounds,
            MacKey::Pbmac1 { derivation, .. } => derivation.guess_rounds(),
        }
    }

    /// The password and the content are those that the MAC was made with. `content` are the contents of the AuthenticatedSafe's
    /// OCTET STRING.
    ///
    /// # Errors
    /// `WrongPassword` where they are not; `UnsupportedAlgorithm` where the linked OpenSSL lacks the digest.
    pub fn verify(&self, password: &Password, content: &[u8]) -> Result<(), PasswordError> {
        sys::start();
        sys::clear_errors();
        let unavailable = || unsupported(self.digest.oid());
        let key = match &self.key {
            MacKey::Pkcs12 { salt, rounds } => pkcs12_kdf::derive(
                self.digest,
                Purpose::Mac,
                password.bmp(),
                salt,
                *rounds,
                self.digest.bytes(),
            )
            .ok_or_else(unavailable)?,
            MacKey::Pbmac1 { derivation, bytes } => derivation.derive(password.octets(), *bytes)?,
        };
        let computed = hmac(self.digest, &key, content);
        sys::clear_errors();
        let computed = computed.ok_or_else(unavailable)?;
        if computed.len() == self.value.len() && memcmp::eq(&computed, &self.value) {
            Ok(())
        } else {
            Err(PasswordError::WrongPassword)
        }
    }
}

/// `PBMAC1-params` (RFC 8018 §A.5). The key's length must be stated (RFC 9579 §4).
fn pbmac1(
    algorithm: &AlgorithmIdentifier<'_>,
    limits: &Limits,
) -> Result<(MacKey, DigestAlgorithm), PasswordError> {
    let mut r = algorithm
        .parameter_reader()
        .ok_or(PasswordError::Malformed)?;
    let (derivation, mac) =
        r.sequence(|r| Ok((AlgorithmIdentifier::read(r)?, AlgorithmIdentifier::read(r)?)))?;
    r.finish()?;
    let digest = prf_digest(mac.oid).ok_or_else(|| unsupported(mac.oid))?;
    let derivation = KeyDerivation::from_algorithm(&derivation, limits)?;
    // Shorter keys could be guessed instead of the password (CVE-2025-11187 came with such lengths).
    let bytes = derivation
        .key_bytes()
        .filter(|bytes| (16..=64).contains(bytes))
        .ok_or(PasswordError::Malformed)?;
    Ok((MacKey::Pbmac1 { derivation, bytes }, digest))
}

/// HMAC (RFC 2104).
fn hmac(digest: DigestAlgorithm, key: &[u8], content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = PKey::hmac(key).ok()?;
    let mut context = MdCtx::new().ok()?;
    context.digest_sign_init(Some(digest.md()?), &key).ok()?;
    context.digest_sign_update(content).ok()?;
    let mut value = Vec::new();
    context.digest_sign_final_to_vec(&mut value).ok()?;
    Some(Zeroizing::new(value))
}
