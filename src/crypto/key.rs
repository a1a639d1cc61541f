//! Public keys: read from a SubjectPublicKeyInfo, measured and checked before OpenSSL works with them.

use std::fmt;
use std::sync::Arc;

use openssl::pkey::HasPublic;
use openssl::pkey::PKey;
use openssl::pkey::PKeyRef;
use openssl::pkey::Public;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Integer;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::digest::sha256;
use crate::crypto::sys;
use crate::limits::Limits;

macro_rules! curves {
    ($($(#[$doc:meta])* $name:ident = $oid:ident, $bits:literal;)*) => {
        /// The elliptic curves that are accepted, by name only. All have prime order: their cofactor is 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Curve {
            $($(#[$doc])* $name,)*
        }

        impl Curve {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The object identifier in the key's parameters.
            #[must_use]
            pub fn oid(self) -> Oid<'static> {
                match self {
                    $(Self::$name => oid::$oid,)*
                }
            }

            /// Size of the field in bits.
            #[must_use]
            pub fn bits(self) -> u32 {
                match self {
                    $(Self::$name => $bits,)*
                }
            }
        }
    };
}

curves! {
    /// FIPS 186.
    P192 = P_192, 192;
    /// FIPS 186.
    P224 = P_224, 224;
    /// FIPS 186.
    P256 = P_256, 256;
    /// FIPS 186.
    P384 = P_384, 384;
    /// FIPS 186.
    P521 = P_521, 521;
    /// SEC 2.
    Secp256k1 = SECP256K1, 256;
    /// RFC 5639.
    BrainpoolP256r1 = BRAINPOOL_P256R1, 256;
    /// RFC 5639.
    BrainpoolP320r1 = BRAINPOOL_P320R1, 320;
    /// RFC 5639.
    BrainpoolP384r1 = BRAINPOOL_P384R1, 384;
    /// RFC 5639.
    BrainpoolP512r1 = BRAINPOOL_P512R1, 512;
}

impl Curve {
    /// The curve with this object identifier; None for what is not accepted.
    #[must_use]
    pub fn from_oid(oid: Oid<'_>) -> Option<Self> {
        Self::ALL.iter().copied().find(|curve| curve.oid() == oid)
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.oid().name().unwrap_or_default()
    }
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// RSA for any use (RFC 3279 §2.3.1).
    Rsa,
    /// RSA for PSS signatures only (RFC 4055 §1.2).
    RsaPss,
    /// DSA (RFC 3279 §2.3.2).
    Dsa,
    /// Diffie-Hellman (RFC 3279 §2.3.3).
    Dh,
    /// An elliptic curve (RFC 5480).
    Ec(Curve),
    /// EdDSA (RFC 8410).
    Ed25519,
    /// EdDSA (RFC 8410).
    Ed448,
    /// Key agreement (RFC 8410).
    X25519,
    /// Key agreement (RFC 8410).
    X448,
    /// ML-DSA (RFC 9881).
    MlDsa44,
    /// ML-DSA (RFC 9881).
    MlDsa65,
    /// ML-DSA (RFC 9881).
    MlDsa87,
    /// ML-KEM (RFC 9935).
    MlKem512,
    /// ML-KEM (RFC 9935).
    MlKem768,
    /// ML-KEM (RFC 9935).
    MlKem1024,
}

impl KeyAlgorithm {
    /// The name that reports use; an elliptic curve's is `ec`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::RsaPss => "rsa_pss",
            Self::Dsa => "dsa",
            Self::Dh => "dh",
            Self::Ec(_) => "ec",
            Self::Ed25519 => "ed25519",
            Self::Ed448 => "ed448",
            Self::X25519 => "x25519",
            Self::X448 => "x448",
            Self::MlDsa44 => "ml_dsa_44",
            Self::MlDsa65 => "ml_dsa_65",
            Self::MlDsa87 => "ml_dsa_87",
            Self::MlKem512 => "ml_kem_512",
            Self::MlKem768 => "ml_kem_768",
            Self::MlKem1024 => "ml_kem_1024",
        }
    }

    /// The curve, where the key is on one that has a choice.
    #[must_use]
    pub fn curve(self) -> Option<Curve> {
        match self {
            Self::Ec(curve) => Some(curve),
            Self::Rsa
            | Self::RsaPss
            | Self::Dsa
            | Self::Dh
            | Self::Ed25519
            | Self::Ed448
            | Self::X25519
            | Self::X448
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87
            | Self::MlKem512
            | Self::MlKem768
            | Self::MlKem1024 => None,
        }
    }
}

/// Why a key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyError {
    /// No SubjectPublicKeyInfo or PrivateKeyInfo, or its key is none of its algorithm.
    Malformed,
    /// An algorithm or a curve that mailseal does not know, or that the linked OpenSSL lacks.
    Unsupported,
    /// Well-formed, but past a bound or of a form that is refused: size, exponent, explicit curve parameters.
    OutOfPolicy,
    /// A DSA key that inherits its parameters from the issuer's key (RFC 3279 §2.3.2).
    ParametersMissing,
}

impl From<BerError> for KeyError {
    fn from(_: BerError) -> Self {
        Self::Malformed
    }
}

/// A public key. Cloning is cheap. Send and Sync.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Inner>,
}

struct Inner {
    pkey: PKey<Public>,
    algorithm: KeyAlgorithm,
    bits: u32,
    rsa_exponent: Option<u64>,
}

/// What a SubjectPublicKeyInfo says, before OpenSSL has seen it.
struct Measured {
    algorithm: KeyAlgorithm,
    bits: u32,
    rsa_exponent: Option<u64>,
}

impl PublicKey {
    /// A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// Where it is malformed, unknown, past a limit, or a DSA key without parameters.
    pub fn from_spki(spki: &[u8], limits: &Limits) -> Result<Self, KeyError> {
        let measured = measure(spki, limits)?;
        sys::start();
        sys::clear_errors();
        let pkey = PKey::public_key_from_der(spki).map_err(|_| match measured.algorithm {
            // Provider algorithms that the system's OpenSSL may be too old for: the lengths were checked here.
            KeyAlgorithm::MlDsa44
            | KeyAlgorithm::MlDsa65
            | KeyAlgorithm::MlDsa87
            | KeyAlgorithm::MlKem512
            | KeyAlgorithm::MlKem768
            | KeyAlgorithm::MlKem1024 => KeyError::Unsupported,
            KeyAlgorithm::Rsa
            | KeyAlgorithm::RsaPss
            | KeyAlgorithm::Dsa
            | KeyAlgorithm::Dh
            | KeyAlgorithm::Ec(_)
            | KeyAlgorithm::Ed25519
            | KeyAlgorithm::Ed448
            | KeyAlgorithm::X25519
            | KeyAlgorithm::X448 => KeyError::Malformed,
        })?;
        Ok(Self::new(pkey, measured))
    }

    /// A SubjectPublicKeyInfo whose DSA parameters are those of the issuer's key (RFC 3279 §2.3.2). `issuer` is the issuer's
    /// SubjectPublicKeyInfo, after its own parameters have been resolved. A key that has its own keeps them.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki`]; `ParametersMissing` also where the issuer's key is no DSA key with parameters.
    pub fn from_spki_with_issuer(
        spki: &[u8],
        issuer: &[u8],
        limits: &Limits,
    ) -> Result<Self, KeyError> {
        match Self::from_spki(spki, limits) {
            Err(KeyError::ParametersMissing) => {}
            other @ (Ok(_)
            | Err(KeyError::Malformed | KeyError::Unsupported | KeyError::OutOfPolicy)) => {
                return other;
            }
        }
        Self::from_spki(&inherit_parameters(spki, issuer)?, limits)
    }

    pub(crate) fn from_pkey<T: HasPublic>(
        pkey: &PKeyRef<T>,
        limits: &Limits,
    ) -> Result<Self, KeyError> {
        let spki = pkey.public_key_to_der().map_err(|_| KeyError::Malformed)?;
        Self::from_spki(&spki, limits)
    }

    fn new(pkey: PKey<Public>, measured: Measured) -> Self {
        Self {
            inner: Arc::new(Inner {
                pkey,
                algorithm: measured.algorithm,
                bits: measured.bits,
                rsa_exponent: measured.rsa_exponent,
            }),
        }
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.inner.algorithm
    }

    /// Size in bits: of the modulus (RSA), the prime (DSA, DH), the field (EC: 256 for P-256; Ed25519 and X25519 256,
    /// Ed448 and X448 448), or the whole public key (ML-DSA).
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.inner.bits
    }

    /// The RSA exponent, `u64::MAX` for one that is longer; None for other keys.
    #[must_use]
    pub fn rsa_exponent(&self) -> Option<u64> {
        self.inner.rsa_exponent
    }

    /// The SubjectPublicKeyInfo as OpenSSL writes it: equal keys may still differ (point compression, RSA's two names).
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        self.inner.pkey.public_key_to_der().unwrap_or_default()
    }

    /// SHA-256 over what makes the key, however it was encoded: equal to [`super::PrivateKey::pairing_id`] of its private
    /// key and to nothing else. For RSA that is modulus and exponent, so an RSASSA-PSS key pairs with its rsaEncryption twin.
    #[must_use]
    pub fn pairing_id(&self) -> [u8; 32] {
        pairing_id(&self.inner.pkey, self.inner.algorithm)
    }

    pub(crate) fn pkey(&self) -> &PKeyRef<Public> {
        &self.inner.pkey
    }

    /// The same object: it was parsed once and cloned.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("algorithm", &self.inner.algorithm)
            .field("bits", &self.inner.bits)
            .finish_non_exhaustive()
    }
}

/// An algorithm whose keys are read.
pub(crate) fn is_known(algorithm: Oid<'_>) -> bool {
    const KNOWN: &[Oid<'static>] = &[
        oid::RSA_ENCRYPTION,
        oid::X500_RSA,
        oid::RSASSA_PSS,
        oid::DSA,
        oid::DH_PUBLIC_NUMBER,
        oid::EC_PUBLIC_KEY,
        oid::ED25519,
        oid::ED448,
        oid::X25519,
        oid::X448,
        oid::ML_DSA_44,
        oid::ML_DSA_65,
        oid::ML_DSA_87,
        oid::ML_KEM_512,
        oid::ML_KEM_768,
        oid::ML_KEM_1024,
    ];
    KNOWN.contains(&algorithm)
}

/// Reads a SubjectPublicKeyInfo and checks it against the limits.
fn measure(spki: &[u8], limits: &Limits) -> Result<Measured, KeyError> {
    let mut r = Reader::new(spki);
    let (algorithm, bits) = r.sequence(|r| {
        let algorithm = AlgorithmIdentifier::read(r)?;
        Ok((algorithm, r.bit_string()?))
    })?;
    r.finish()?;
    if bits.unused_bits != 0 {
        return Err(KeyError::Malformed);
    }
    let key = bits.bytes;
    match algorithm.oid {
        oid::RSA_ENCRYPTION | oid::X500_RSA => rsa(KeyAlgorithm::Rsa, key, limits),
        oid::RSASSA_PSS => rsa(KeyAlgorithm::RsaPss, key, limits),
        oid::DSA => dsa(&algorithm, key, limits),
        oid::DH_PUBLIC_NUMBER => dh(&algorithm, limits),
        oid::EC_PUBLIC_KEY => ec(&algorithm),
        oid::ED25519 => fixed(KeyAlgorithm::Ed25519, 256, key, 32),
        oid::ED448 => fixed(KeyAlgorithm::Ed448, 448, key, 57),
        oid::X25519 => fixed(KeyAlgorithm::X25519, 256, key, 32),
        oid::X448 => fixed(KeyAlgorithm::X448, 448, key, 56),
        oid::ML_DSA_44 => fixed(KeyAlgorithm::MlDsa44, 1312 * 8, key, 1312),
        oid::ML_DSA_65 => fixed(KeyAlgorithm::MlDsa65, 1952 * 8, key, 1952),
        oid::ML_DSA_87 => fixed(KeyAlgorithm::MlDsa87, 2592 * 8, key, 2592),
        // FIPS 203 table 3.
        oid::ML_KEM_512 => fixed(KeyAlgorithm::MlKem512, 800 * 8, key, 800),
        oid::ML_KEM_768 => fixed(KeyAlgorithm::MlKem768, 1184 * 8, key, 1184),
        oid::ML_KEM_1024 => fixed(KeyAlgorithm::MlKem1024, 1568 * 8, key, 1568),
        _ => Err(KeyError::Unsupported),
    }
}

fn fixed(
    algorithm: KeyAlgorithm,
    bits: u32,
    key: &[u8],
    bytes: usize,
) -> Result<Measured, KeyError> {
    if key.len() != bytes {
        return Err(KeyError::Malformed);
    }
    Ok(Measured {
        algorithm,
        bits,
        rsa_exponent: None,
    })
}

/// `RSAPublicKey` (RFC 8017 §A.1.1).
fn rsa(algorithm: KeyAlgorithm, key: &[u8], limits: &Limits) -> Result<Measured, KeyError> {
    let mut r = Reader::new(key);
    let (modulus, exponent) = r.sequence(|r| Ok((r.integer()?, r.integer()?)))?;
    r.finish()?;
    let modulus_bits = positive_bits(modulus)?;
    let exponent_bits = positive_bits(exponent)?;
    let is_odd = |number: Integer<'_>| number.0.last().is_some_and(|octet| octet & 1 == 1);
    let too_long = modulus_bits > LONG_MODULUS_BITS && exponent_bits > limits.rsa_exponent_bits;
    // An exponent as long as the modulus can still be smaller; no honest key comes near.
    if modulus_bits > limits.rsa_bits
        || too_long
        || exponent_bits >= modulus_bits
        || exponent_bits == 1
        || !is_odd(exponent)
        || !is_odd(modulus)
    {
        return Err(KeyError::OutOfPolicy);
    }
    Ok(Measured {
        algorithm,
        bits: modulus_bits,
        rsa_exponent: Some(exponent.to_u64().unwrap_or(u64::MAX)),
    })
}

/// Above so many bits OpenSSL bounds the exponent (`OPENSSL_RSA_SMALL_MODULUS_BITS` of openssl/rsa.h).
const LONG_MODULUS_BITS: u32 = 3072;

/// `Dss-Parms` and `DSAPublicKey` (RFC 3279 §2.3.2).
fn dsa(
    algorithm: &AlgorithmIdentifier<'_>,
    key: &[u8],
    limits: &Limits,
) -> Result<Measured, KeyError> {
    let mut parameters = algorithm
        .parameter_reader()
        .ok_or(KeyError::ParametersMissing)?;
    let (p, q, g) = parameters.sequence(|r| Ok((r.integer()?, r.integer()?, r.integer()?)))?;
    let mut r = Reader::new(key);
    let y_bits = positive_bits(r.integer()?)?;
    r.finish()?;
    let p_bits = positive_bits(p)?;
    let q_bits = positive_bits(q)?;
    // The group orders that FIPS 186-4 §4.2 has, and the only ones that OpenSSL verifies with.
    let known_order = matches!(q_bits, 160 | 224 | 256);
    if p_bits > limits.dsa_bits || !known_order || q_bits >= p_bits {
        return Err(KeyError::OutOfPolicy);
    }
    if positive_bits(g)? > p_bits || y_bits > p_bits {
        return Err(KeyError::Malformed);
    }
    Ok(Measured {
        algorithm: KeyAlgorithm::Dsa,
        bits: p_bits,
        rsa_exponent: None,
    })
}

/// `DomainParameters` (RFC 3279 §2.3.3).
fn dh(algorithm: &AlgorithmIdentifier<'_>, limits: &Limits) -> Result<Measured, KeyError> {
    let mut parameters = algorithm.parameter_reader().ok_or(KeyError::Malformed)?;
    let mut inside = parameters.expect(Tag::SEQUENCE)?.reader()?;
    let bits = positive_bits(inside.integer()?)?;
    if bits > limits.dsa_bits {
        return Err(KeyError::OutOfPolicy);
    }
    Ok(Measured {
        algorithm: KeyAlgorithm::Dh,
        bits,
        rsa_exponent: None,
    })
}

/// `ECParameters` (RFC 5480 §2.1.1): a named curve. Explicit parameters are refused (CVE-2020-0601).
fn ec(algorithm: &AlgorithmIdentifier<'_>) -> Result<Measured, KeyError> {
    let mut parameters = algorithm.parameter_reader().ok_or(KeyError::Unsupported)?;
    if parameters.peek() == Some(Tag::SEQUENCE) {
        return Err(KeyError::OutOfPolicy);
    }
    let curve = Curve::from_oid(parameters.oid()?).ok_or(KeyError::Unsupported)?;
    Ok(Measured {
        algorithm: KeyAlgorithm::Ec(curve),
        bits: curve.bits(),
        rsa_exponent: None,
    })
}

/// Bits of a number over zero.
fn positive_bits(number: Integer<'_>) -> Result<u32, KeyError> {
    let magnitude = number.magnitude();
    let first = match magnitude.first() {
        Some(first) if !number.is_negative() => *first,
        _ => return Err(KeyError::Malformed),
    };
    let bits = u32::try_from(magnitude.len())
        .ok()
        .and_then(|octets| octets.checked_mul(8))
        .ok_or(KeyError::OutOfPolicy)?;
    Ok(bits - first.leading_zeros())
}

/// The key of `spki` with the DSA parameters of `issuer`.
fn inherit_parameters(spki: &[u8], issuer: &[u8]) -> Result<Vec<u8>, KeyError> {
    let read =
        |spki| Reader::new(spki).sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.bit_string()?)));
    let (_, key) = read(spki)?;
    let (algorithm, _) = read(issuer)?;
    if algorithm.oid != oid::DSA || algorithm.without_parameters() {
        return Err(KeyError::ParametersMissing);
    }
    Ok(Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(oid::DSA, algorithm.parameters);
            w.bit_string(key.bytes);
        });
    }))
}

/// SHA-256 over the numbers of a public key, each with its length.
pub(crate) fn pairing_id<T: HasPublic>(pkey: &PKeyRef<T>, algorithm: KeyAlgorithm) -> [u8; 32] {
    let numbers = numbers(pkey, algorithm).unwrap_or_default();
    sha256(&Writer::encode(|w| {
        for number in &numbers {
            w.octet_string(number);
        }
    }))
}

fn numbers<T: HasPublic>(pkey: &PKeyRef<T>, algorithm: KeyAlgorithm) -> Option<Vec<Vec<u8>>> {
    let name = |name: &str| name.as_bytes().to_vec();
    Some(match algorithm {
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss => {
            let key = pkey.rsa().ok()?;
            vec![name("rsa"), key.n().to_vec(), key.e().to_vec()]
        }
        KeyAlgorithm::Dsa => {
            let key = pkey.dsa().ok()?;
            let (p, q, g) = (key.p().to_vec(), key.q().to_vec(), key.g().to_vec());
            vec![name("dsa"), p, q, g, key.pub_key().to_vec()]
        }
        KeyAlgorithm::Ec(curve) => {
            let key = pkey.ec_key().ok()?;
            let mut context = openssl::bn::BigNumContext::new().ok()?;
            let point = key
                .public_key()
                .to_bytes(
                    key.group(),
                    openssl::ec::PointConversionForm::UNCOMPRESSED,
                    &mut context,
                )
                .ok()?;
            vec![name(curve.name()), point]
        }
        KeyAlgorithm::Dh => vec![name("dh"), pkey.public_key_to_der().ok()?],
        KeyAlgorithm::Ed25519
        | KeyAlgorithm::Ed448
        | KeyAlgorithm::X25519
        | KeyAlgorithm::X448
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => vec![name(algorithm.name()), pkey.raw_public_key().ok()?],
    })
}
