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

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::crypto::key::Curve;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::KeyError;
use crate::crypto::key::PublicKey;
use crate::crypto::key::is_known;
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
    /// Where it is malformed (an encrypted key is), unknown or past a limit.
    pub fn from_pkcs8(der: &[u8], limits: &Limits) -> Result<Self, KeyError> {
        let algorithm = Reader::new(der)
            .expect(Tag::SEQUENCE)
            .and_then(|element| element.reader())
            .and_then(|mut r| {
                r.integer()?;
                AlgorithmIdentifier::read(&mut r)
            })
            .map_err(|_| KeyError::Malformed)?;
        if !is_known(algorithm.oid) {
            return Err(KeyError::Unsupported);
        }
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
        // All of them begin with a version. OpenSSL would take an encrypted key too, and ask the terminal for its password.
        Reader::new(der)
            .expect(Tag::SEQUENCE)
            .and_then(|element| element.reader())
            .and_then(|mut r| r.integer().map(|_| ()))
            .map_err(|_| KeyError::Malformed)?;
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
            KeyAlgorithm::MlDsa44 => from_seed::<32>(KeyType::ML_DSA_44),
            KeyAlgorithm::MlDsa65 => from_seed::<32>(KeyType::ML_DSA_65),
            KeyAlgorithm::MlDsa87 => from_seed::<32>(KeyType::ML_DSA_87),
            KeyAlgorithm::MlKem512 => from_seed::<64>(KeyType::ML_KEM_512),
            KeyAlgorithm::MlKem768 => from_seed::<64>(KeyType::ML_KEM_768),
            KeyAlgorithm::MlKem1024 => from_seed::<64>(KeyType::ML_KEM_1024),
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

/// ML-DSA or ML-KEM from a fresh seed (FIPS 204 §6.1, FIPS 203 §7.1).
fn from_seed<const BYTES: usize>(key_type: KeyType) -> Option<PKey<Private>> {
    let mut seed = Zeroizing::new([0; BYTES]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Oid;
    use crate::asn1::Writer;
    use crate::asn1::oid;

    fn spki(algorithm: Oid<'_>, parameters: Option<&[u8]>, key: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(algorithm, parameters);
                w.bit_string(key);
            });
        })
    }

    fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let key = Writer::encode(|w| {
            w.sequence(|w| {
                w.integer(modulus);
                w.integer(exponent);
            });
        });
        spki(oid::RSA_ENCRYPTION, Some(&[5, 0]), &key)
    }

    fn of(spki: &[u8]) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(spki, &Limits::default())
    }

    fn every_kind() -> Vec<PrivateKey> {
        let mut keys = vec![
            PrivateKey::generate_rsa(1024).unwrap(),
            PrivateKey::generate_dsa(1024).unwrap(),
        ];
        let curves = Curve::ALL.iter().map(|curve| KeyAlgorithm::Ec(*curve));
        let others = [
            KeyAlgorithm::Ed25519,
            KeyAlgorithm::Ed448,
            KeyAlgorithm::X25519,
            KeyAlgorithm::X448,
            KeyAlgorithm::MlDsa44,
            KeyAlgorithm::MlDsa65,
            KeyAlgorithm::MlDsa87,
            KeyAlgorithm::MlKem512,
            KeyAlgorithm::MlKem768,
            KeyAlgorithm::MlKem1024,
        ];
        keys.extend(
            curves
                .chain(others)
                .map(|algorithm| PrivateKey::generate(algorithm).unwrap()),
        );
        keys
    }

    #[test]
    fn keys_pair_with_their_public_halves_and_no_others() {
        let keys = every_kind();
        for (at, key) in keys.iter().enumerate() {
            let public = of(&key.public_spki()).unwrap();
            assert_eq!(public.algorithm(), key.algorithm());
            let read = PrivateKey::from_pkcs8(&key.to_pkcs8().unwrap(), &Limits::default());
            assert_eq!(read.unwrap().pairing_id(), key.pairing_id());
            for (other_at, other) in keys.iter().enumerate() {
                let pairs = public.pairing_id() == other.pairing_id();
                assert_eq!(pairs, at == other_at, "{key:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_compressed_point_is_the_same_key() {
        let key = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).unwrap();
        let der = key.public_spki();
        let (algorithm, point) = Reader::new(&der)
            .sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.bit_string()?.bytes)))
            .unwrap();
        let mut compressed = point[..33].to_vec();
        compressed[0] = 2 | (point.last().unwrap() & 1);
        let compressed = of(&spki(algorithm.oid, algorithm.parameters, &compressed)).unwrap();
        assert_eq!(compressed.pairing_id(), key.pairing_id());
    }

    #[test]
    fn a_pss_certificate_pairs_with_a_plain_key() {
        let key = PrivateKey::generate_rsa(1024).unwrap();
        let der = key.public_spki();
        let bits = Reader::new(&der)
            .sequence(|r| {
                AlgorithmIdentifier::read(r)?;
                r.bit_string()
            })
            .unwrap();
        let pss = of(&spki(oid::RSASSA_PSS, None, bits.bytes)).unwrap();
        assert_eq!(pss.algorithm(), KeyAlgorithm::RsaPss);
        assert_eq!(pss.pairing_id(), key.pairing_id());
    }

    #[test]
    fn sizes_and_exponents() {
        let key = PrivateKey::generate_rsa(1536).unwrap();
        let public = key.public_key();
        assert_eq!((public.bits(), public.rsa_exponent()), (1536, Some(65_537)));
        let p521 = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P521)).unwrap();
        assert_eq!(p521.public_key().bits(), 521);
        let mut modulus = vec![0x80; 128];
        modulus.insert(0, 0);
        *modulus.last_mut().unwrap() = 1;
        for (exponent, expected) in [
            (&[3][..], Ok(Some(3))),
            (&[1, 0, 1], Ok(Some(65_537))),
            (&[1], Err(KeyError::OutOfPolicy)),
            (&[4], Err(KeyError::OutOfPolicy)),
            (&[0], Err(KeyError::Malformed)),
            (&[0x81], Err(KeyError::Malformed)),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 1], Ok(Some(u64::MAX))),
            (modulus.as_slice(), Err(KeyError::OutOfPolicy)),
        ] {
            let read = of(&rsa_spki(&modulus, exponent)).map(|key| key.rsa_exponent());
            assert_eq!(read, expected, "{exponent:?}");
        }
    }

    #[test]
    fn keys_past_the_limits_are_out_of_policy() {
        let long = |bytes: usize| {
            let mut modulus = vec![0xff; bytes];
            modulus.insert(0, 0);
            modulus
        };
        assert!(of(&rsa_spki(&long(2048), &[1, 0, 1])).is_ok());
        let out = Some(KeyError::OutOfPolicy);
        assert_eq!(of(&rsa_spki(&long(2049), &[1, 0, 1])).err(), out);
        assert_eq!(of(&rsa_spki(&long(100_000), &[1, 0, 1])).err(), out);
        let exponent = [1, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(of(&rsa_spki(&long(384), &exponent)).is_ok());
        assert_eq!(of(&rsa_spki(&long(385), &exponent)).err(), out);
        let dsa = |p: &[u8], q: &[u8]| {
            let parameters = Writer::encode(|w| {
                w.sequence(|w| {
                    w.integer(p);
                    w.integer(q);
                    w.integer(&[2]);
                });
            });
            of(&spki(oid::DSA, Some(&parameters), &[2, 1, 9])).err()
        };
        assert_eq!(dsa(&long(1251), &long(20)), out);
        assert_eq!(dsa(&long(128), &long(21)), out);
        assert_eq!(dsa(&long(20), &long(20)), out);
        let explicit = Writer::encode(|w| w.sequence(|w| w.small_integer(1)));
        let key = of(&spki(oid::EC_PUBLIC_KEY, Some(&explicit), &[4; 65]));
        assert_eq!(key.err(), out);
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let error = |spki: &[u8]| of(spki).err().unwrap();
        assert_eq!(error(b""), KeyError::Malformed);
        assert_eq!(error(&[0x30, 0]), KeyError::Malformed);
        assert_eq!(error(&spki(oid::DATA, None, &[1])), KeyError::Unsupported);
        let short = spki(oid::ED25519, None, &[1; 31]);
        assert_eq!(error(&short), KeyError::Malformed);
        let curve = Writer::encode(|w| w.oid(oid::DATA));
        let unknown = spki(oid::EC_PUBLIC_KEY, Some(&curve), &[4; 65]);
        assert_eq!(error(&unknown), KeyError::Unsupported);
        let p256 = Writer::encode(|w| w.oid(oid::P_256));
        let off_curve = spki(oid::EC_PUBLIC_KEY, Some(&p256), &[4; 65]);
        assert_eq!(error(&off_curve), KeyError::Malformed);
        let missing = spki(oid::DSA, None, &[2, 1, 9]);
        assert_eq!(error(&missing), KeyError::ParametersMissing);
        let trailing = [rsa_spki(&[0x7f; 128], &[3]).as_slice(), &[0]].concat();
        assert_eq!(error(&trailing), KeyError::Malformed);
    }

    #[test]
    fn dsa_parameters_are_inherited() {
        let limits = Limits::default();
        let key = PrivateKey::generate_dsa(1024).unwrap();
        let der = key.public_spki();
        let bits = Reader::new(&der)
            .sequence(|r| {
                AlgorithmIdentifier::read(r)?;
                r.bit_string()
            })
            .unwrap();
        let bare = spki(oid::DSA, None, bits.bytes);
        let inherited = PublicKey::from_spki_with_issuer(&bare, &der, &limits).unwrap();
        assert_eq!(inherited.pairing_id(), key.pairing_id());
        let missing = Some(KeyError::ParametersMissing);
        let from_bare = PublicKey::from_spki_with_issuer(&bare, &bare, &limits);
        assert_eq!(from_bare.err(), missing);
        let rsa = PrivateKey::generate_rsa(1024).unwrap().public_spki();
        let from_rsa = PublicKey::from_spki_with_issuer(&bare, &rsa, &limits);
        assert_eq!(from_rsa.err(), missing);
    }

    #[test]
    fn what_is_no_private_key_is_told_apart() {
        let limits = Limits::default();
        let key = |oid: Oid<'_>, key: &[u8]| {
            let der = Writer::encode(|w| {
                w.sequence(|w| {
                    w.small_integer(0);
                    w.algorithm(oid, None);
                    w.octet_string(key);
                });
            });
            PrivateKey::from_pkcs8(&der, &limits).err()
        };
        assert_eq!(key(oid::ML_KEM_768, &[1]), Some(KeyError::Malformed));
        assert_eq!(key(oid::DATA, &[1]), Some(KeyError::Unsupported));
        assert_eq!(key(oid::ED25519, &[1]), Some(KeyError::Malformed));
        let encrypted = Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(oid::PBES2, Some(&[0x30, 0]));
                w.octet_string(&[0; 16]);
            });
        });
        let malformed = Some(KeyError::Malformed);
        assert_eq!(PrivateKey::from_pkcs8(&encrypted, &limits).err(), malformed);
        let read = PrivateKey::from_traditional(&encrypted, &limits);
        assert_eq!(read.err(), malformed);
        assert_eq!(PrivateKey::from_traditional(b"", &limits).err(), malformed);
    }

    #[test]
    fn private_keys_are_never_printed() {
        for key in every_kind() {
            let printed = format!("{key:?}");
            assert!(printed.starts_with("PrivateKey { algorithm: "), "{printed}");
            assert!(printed.len() < 60, "{printed}");
        }
    }
}
