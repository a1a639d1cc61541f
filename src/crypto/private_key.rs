//! Private keys: read, paired with their public keys, generated.

use std::fmt;
use std::sync::Arc;

use openssl::dsa::Dsa;
use openssl::pkey::KeyType;
use openssl::pkey::PKey;
use openssl::pkey::PKeyRef;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::crypto::key::Curve;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::KeyError;
use crate::crypto::key::PublicKey;
use crate::crypto::random;
use crate::crypto::sys;
use crate::limits::Limits;

/// A private key. Cloning is cheap; OpenSSL wipes the memory when the last clone goes. Send and Sync. Never printed.
#[derive(Clone)]
pub struct PrivateKey {
    inner: Arc<Inner>,
}

struct Inner {
    pkey: PKey<Private>,
    public: PublicKey,
}

impl PrivateKey {
    /// `PrivateKeyInfo` or `OneAsymmetricKey`, not encrypted (RFC 5958 §2).
    ///
    /// # Errors
    /// Where it is malformed, unknown or past a limit.
    pub fn from_pkcs8(der: &[u8], limits: &Limits) -> Result<Self, KeyError> {
        sys::start();
        sys::clear_errors();
        let pkey = PKey::private_key_from_pkcs8(der).map_err(|_| KeyError::Malformed);
        sys::clear_errors();
        Self::new(pkey?, limits)
    }

    /// A key in the form of its algorithm: `RSAPrivateKey` (RFC 8017 §A.1.2), `ECPrivateKey` (RFC 5915 §3), or OpenSSL's
    /// `DSAPrivateKey`. PKCS #8 is taken too.
    ///
    /// # Errors
    /// As [`PrivateKey::from_pkcs8`].
    pub fn from_traditional(der: &[u8], limits: &Limits) -> Result<Self, KeyError> {
        sys::start();
        sys::clear_errors();
        let pkey = PKey::private_key_from_der(der).map_err(|_| KeyError::Malformed);
        sys::clear_errors();
        Self::new(pkey?, limits)
    }

    fn new(pkey: PKey<Private>, limits: &Limits) -> Result<Self, KeyError> {
        let public = PublicKey::from_pkey(&pkey, limits)?;
        Ok(Self {
            inner: Arc::new(Inner { pkey, public }),
        })
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.inner.public.algorithm()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.inner.public
    }

    /// The SubjectPublicKeyInfo as OpenSSL writes it.
    #[must_use]
    pub fn public_spki(&self) -> Vec<u8> {
        self.inner.public.to_spki()
    }

    /// Equal to [`PublicKey::pairing_id`] of its public key, and to nothing else.
    #[must_use]
    pub fn pairing_id(&self) -> [u8; 32] {
        self.inner.public.pairing_id()
    }

    /// `PrivateKeyInfo`, not encrypted.
    ///
    /// # Errors
    /// `Unsupported` where OpenSSL can't write it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = self.inner.pkey.private_key_to_pkcs8();
        der.map(Zeroizing::new).map_err(|_| KeyError::Unsupported)
    }

    /// A new RSA key with the exponent 65537.
    ///
    /// # Errors
    /// `Unsupported` where OpenSSL refuses the size.
    pub fn generate_rsa(bits: u32) -> Result<Self, KeyError> {
        sys::start();
        let pkey = Rsa::generate(bits).and_then(PKey::from_rsa);
        Self::generated(pkey.ok())
    }

    /// A new DSA key with parameters of its own: 2048 bits take about a second.
    ///
    /// # Errors
    /// `Unsupported` where OpenSSL refuses the size.
    pub fn generate_dsa(bits: u32) -> Result<Self, KeyError> {
        sys::start();
        let pkey = Dsa::generate(bits).and_then(PKey::from_dsa);
        Self::generated(pkey.ok())
    }

    /// A new key of an algorithm that needs no size.
    ///
    /// # Errors
    /// `Unsupported` for RSA, DSA and DH, and where the linked OpenSSL lacks the algorithm.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        sys::start();
        let pkey = match algorithm {
            KeyAlgorithm::Ec(curve) => PKey::ec_gen(ec_name(curve)).ok(),
            KeyAlgorithm::Ed25519 => PKey::generate_ed25519().ok(),
            KeyAlgorithm::Ed448 => PKey::generate_ed448().ok(),
            KeyAlgorithm::X25519 => PKey::generate_x25519().ok(),
            KeyAlgorithm::X448 => PKey::generate_x448().ok(),
            KeyAlgorithm::MlDsa44 => from_seed(KeyType::ML_DSA_44),
            KeyAlgorithm::MlDsa65 => from_seed(KeyType::ML_DSA_65),
            KeyAlgorithm::MlDsa87 => from_seed(KeyType::ML_DSA_87),
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss | KeyAlgorithm::Dsa | KeyAlgorithm::Dh => None,
        };
        Self::generated(pkey)
    }

    fn generated(pkey: Option<PKey<Private>>) -> Result<Self, KeyError> {
        sys::clear_errors();
        Self::new(pkey.ok_or(KeyError::Unsupported)?, &Limits::default())
    }

    pub(crate) fn pkey(&self) -> &PKeyRef<Private> {
        &self.inner.pkey
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// ML-DSA from a fresh seed (FIPS 204 §6.1).
fn from_seed(key_type: KeyType) -> Option<PKey<Private>> {
    let mut seed = Zeroizing::new([0; 32]);
    random::fill(seed.as_mut_slice()).ok()?;
    PKey::private_key_from_seed(None, key_type, None, seed.as_slice()).ok()
}

/// OpenSSL's name of a curve, where it is not the report's.
fn ec_name(curve: Curve) -> &'static str {
    match curve {
        Curve::P192 => "prime192v1",
        Curve::P224
        | Curve::P256
        | Curve::P384
        | Curve::P521
        | Curve::Secp256k1
        | Curve::BrainpoolP256r1
        | Curve::BrainpoolP320r1
        | Curve::BrainpoolP384r1
        | Curve::BrainpoolP512r1 => curve.name(),
    }
}
