//! Key agreement: ephemeral-static ECDH (RFC 5753), X25519 and X448 (RFC 8418), Diffie-Hellman over a prime field (RFC 2631), then a
//! key wrap.

use openssl::kdf;
use openssl::kdf::HkdfMode;
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::Failed;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::digest;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::PublicKey;
use crate::crypto::key_wrap::KeyWrap;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::sys;
use crate::crypto::x942::x942;
use crate::limits::Limits;

/// How the shared secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgreementKdf {
    /// ANSI X9.63 (SEC 1 §3.6.1).
    X963(DigestAlgorithm),
    /// HKDF without salt (RFC 8418 §2.2).
    Hkdf(DigestAlgorithm),
}

/// A scheme of RFC 5753 §7.1.4 and §7.1.5, RFC 8418 §2.3 or RFC 3370 §4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgreementScheme {
    /// Standard ECDH.
    Standard(AgreementKdf),
    /// Cofactor ECDH. Every accepted curve has the cofactor 1, so the secret is that of standard ECDH; X25519 and X448 have it
    /// built in.
    Cofactor(AgreementKdf),
    /// Ephemeral-static Diffie-Hellman over a prime field, whose derivation is that of ANSI X9.42 (RFC 2631).
    EphemeralStaticDh,
}

const SCHEMES: &[(Oid<'static>, AgreementScheme)] = {
    use AgreementKdf::{Hkdf, X963};
    use AgreementScheme::{Cofactor, EphemeralStaticDh, Standard};
    use DigestAlgorithm::{Sha1, Sha224, Sha256, Sha384, Sha512};
    &[
        (oid::DH_SINGLE_PASS_STD_SHA1, Standard(X963(Sha1))),
        (oid::DH_SINGLE_PASS_STD_SHA224, Standard(X963(Sha224))),
        (oid::DH_SINGLE_PASS_STD_SHA256, Standard(X963(Sha256))),
        (oid::DH_SINGLE_PASS_STD_SHA384, Standard(X963(Sha384))),
        (oid::DH_SINGLE_PASS_STD_SHA512, Standard(X963(Sha512))),
        (oid::DH_SINGLE_PASS_COFACTOR_SHA1, Cofactor(X963(Sha1))),
        (oid::DH_SINGLE_PASS_COFACTOR_SHA224, Cofactor(X963(Sha224))),
        (oid::DH_SINGLE_PASS_COFACTOR_SHA256, Cofactor(X963(Sha256))),
        (oid::DH_SINGLE_PASS_COFACTOR_SHA384, Cofactor(X963(Sha384))),
        (oid::DH_SINGLE_PASS_COFACTOR_SHA512, Cofactor(X963(Sha512))),
        (oid::DH_SINGLE_PASS_STD_HKDF_SHA256, Standard(Hkdf(Sha256))),
        (oid::DH_SINGLE_PASS_STD_HKDF_SHA384, Standard(Hkdf(Sha384))),
        (oid::DH_SINGLE_PASS_STD_HKDF_SHA512, Standard(Hkdf(Sha512))),
        (oid::ESDH, EphemeralStaticDh),
    ]
};

/// Why a key agreement can't be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgreementUnsupported {
    /// The scheme is not known.
    Scheme,
    /// The key wrap in its parameters is absent, malformed or not known.
    KeyWrap,
}

/// The keyEncryptionAlgorithm of a KeyAgreeRecipientInfo (RFC 5652 §6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAgreement<'a> {
    /// How the wrapping key comes about.
    pub scheme: AgreementScheme,
    /// What it wraps with.
    pub wrap: KeyWrap,
    /// The wrap's AlgorithmIdentifier as received: it goes into the derivation.
    key_info: &'a [u8],
}

/// The originator's ephemeral key, `OriginatorPublicKey` (RFC 5652 §6.2.2).
#[derive(Clone, Copy, Debug)]
pub struct Originator<'a> {
    /// id-ecPublicKey, id-X25519 or id-X448. A curve may be named or not: it is the recipient's (RFC 5753 §3.1.1).
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The point: the octets of the BIT STRING.
    pub point: &'a [u8],
}

/// What goes into a KeyAgreeRecipientInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The originator's AlgorithmIdentifier, DER.
    pub originator_algorithm: Vec<u8>,
    /// The originator's point, for a BIT STRING.
    pub originator_point: Vec<u8>,
    /// The wrapped secret.
    pub encrypted_key: Vec<u8>,
}

impl<'a> KeyAgreement<'a> {
    /// From the AlgorithmIdentifier, whose parameters are the key wrap's (RFC 5753 §7.1.4).
    ///
    /// # Errors
    /// Where the scheme or the wrap is not known.
    pub fn from_algorithm(
        algorithm: &AlgorithmIdentifier<'a>,
    ) -> Result<Self, AgreementUnsupported> {
        let scheme = SCHEMES
            .iter()
            .find(|(oid, _)| *oid == algorithm.oid)
            .map(|(_, scheme)| *scheme)
            .ok_or(AgreementUnsupported::Scheme)?;
        let key_info = algorithm.parameters.ok_or(AgreementUnsupported::KeyWrap)?;
        let mut r = Reader::new(key_info);
        let wrap = AlgorithmIdentifier::read(&mut r).map_err(|_| AgreementUnsupported::KeyWrap)?;
        let wrap = KeyWrap::from_algorithm(&wrap).map_err(|_| AgreementUnsupported::KeyWrap)?;
        Ok(Self {
            scheme,
            wrap,
            key_info,
        })
    }

    /// The secret that was wrapped for `key`. `ukm` are the octets of the UserKeyingMaterial.
    ///
    /// # Errors
    /// One value for all that can go wrong.
    pub fn unwrap(
        &self,
        key: &PrivateKey,
        originator: &Originator<'_>,
        ukm: Option<&[u8]>,
        encrypted_key: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        sys::start();
        let is_dh = key.algorithm() == KeyAlgorithm::Dh;
        if is_dh != (self.scheme == AgreementScheme::EphemeralStaticDh) {
            return Err(Failed);
        }
        let peer = originator_key(key.public_key(), originator).ok_or(Failed)?;
        let wrapping = wrapping_key(self.scheme, self.wrap, self.key_info, key, &peer, ukm);
        self.wrap.unwrap(&wrapping.ok_or(Failed)?, encrypted_key)
    }
}

impl AgreementScheme {
    /// The name that reports use for the recipient's kind of key.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard(_) => "ecdh",
            Self::Cofactor(_) => "ecdh_cofactor",
            Self::EphemeralStaticDh => "dh",
        }
    }

    /// The keyEncryptionAlgorithm with this wrap, DER.
    #[must_use]
    pub fn algorithm(self, wrap: KeyWrap) -> Vec<u8> {
        let oid = SCHEMES.iter().find(|(_, scheme)| *scheme == self);
        // The table has every scheme but those with digests that no standard gives an identifier.
        oid.map_or_else(Vec::new, |(oid, _)| {
            Writer::encode(|w| w.algorithm(*oid, Some(&wrap.algorithm())))
        })
    }

    /// Wraps a secret for `recipient` with a fresh ephemeral key.
    ///
    /// # Errors
    /// Where the recipient's key agrees on nothing, or the wrap does not take the secret's length.
    pub fn wrap(
        self,
        wrap: KeyWrap,
        recipient: &PublicKey,
        ukm: Option<&[u8]>,
        secret: &[u8],
    ) -> Result<Agreed, Failed> {
        if !agrees(recipient.algorithm()) || self == Self::EphemeralStaticDh {
            return Err(Failed); // mail is written for no prime field any more
        }
        let ephemeral = PrivateKey::generate(recipient.algorithm()).map_err(|_| Failed)?;
        let key_info = wrap.algorithm();
        let wrapping = wrapping_key(self, wrap, &key_info, &ephemeral, recipient, ukm);
        let spki = ephemeral.public_spki();
        let (algorithm, point) = read_spki(&spki).map_err(|_| Failed)?;
        Ok(Agreed {
            originator_algorithm: Writer::encode(|w| w.algorithm(algorithm.oid, None)),
            originator_point: point.to_vec(),
            encrypted_key: wrap.wrap(&wrapping.ok_or(Failed)?, secret)?,
        })
    }
}

fn agrees(key: KeyAlgorithm) -> bool {
    matches!(
        key,
        KeyAlgorithm::Ec(_) | KeyAlgorithm::X25519 | KeyAlgorithm::X448
    )
}

fn read_spki(spki: &[u8]) -> Result<(AlgorithmIdentifier<'_>, &[u8]), BerError> {
    Reader::new(spki).sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.bit_string()?.bytes)))
}

/// The originator's key as one of the recipient's kind and parameters; OpenSSL checks that the point is on the curve, and that a
/// prime field's value is in the subgroup.
fn originator_key(recipient: &PublicKey, originator: &Originator<'_>) -> Option<PublicKey> {
    let (oid, parameters) = match recipient.algorithm() {
        KeyAlgorithm::Ec(curve) => {
            let parameters = Writer::encode(|w| w.oid(curve.oid()));
            (oid::EC_PUBLIC_KEY, Some(parameters))
        }
        KeyAlgorithm::X25519 => (oid::X25519, None),
        KeyAlgorithm::X448 => (oid::X448, None),
        KeyAlgorithm::Dh => {
            let spki = recipient.to_spki();
            let (algorithm, _) = read_spki(&spki).ok()?;
            (
                oid::DH_PUBLIC_NUMBER,
                algorithm.parameters.map(<[u8]>::to_vec),
            )
        }
        KeyAlgorithm::Rsa
        | KeyAlgorithm::RsaPss
        | KeyAlgorithm::Dsa
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::Ed448
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => return None,
    };
    if originator.algorithm.oid != oid {
        return None;
    }
    let named = originator
        .algorithm
        .parameters
        .filter(|_| !originator.algorithm.without_parameters());
    if named.is_some() && named != parameters.as_deref() {
        return None;
    }
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(oid, parameters.as_deref());
            w.bit_string(originator.point);
        });
    });
    PublicKey::from_spki(&spki, &Limits::default()).ok()
}

fn wrapping_key(
    scheme: AgreementScheme,
    wrap: KeyWrap,
    key_info: &[u8],
    own: &PrivateKey,
    peer: &PublicKey,
    ukm: Option<&[u8]>,
) -> Option<Zeroizing<Vec<u8>>> {
    sys::clear_errors();
    let secret = shared_secret(own, peer);
    sys::clear_errors();
    let kdf = match scheme {
        AgreementScheme::Standard(kdf) | AgreementScheme::Cofactor(kdf) => kdf,
        AgreementScheme::EphemeralStaticDh => {
            let secret = as_long_as_the_prime(&secret?, peer)?;
            return x942(&secret, wrap.oid(), ukm, wrap.key_bytes());
        }
    };
    let info = shared_info(key_info, ukm, wrap.key_bytes());
    match kdf {
        AgreementKdf::X963(digest) => x963(digest, &secret?, &info, wrap.key_bytes()),
        AgreementKdf::Hkdf(digest) => hkdf(digest, &secret?, None, &info, wrap.key_bytes()),
    }
}

/// OpenSSL leaves leading zero octets out, which RFC 2631 §2.1.2 keeps.
fn as_long_as_the_prime(secret: &[u8], peer: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = usize::try_from(peer.bits().div_ceil(8)).ok()?;
    let mut padded = Zeroizing::new(vec![0; bytes.checked_sub(secret.len())?]);
    padded.extend_from_slice(secret);
    Some(padded)
}

/// The x coordinate, or RFC 7748's value; an all-zero one is refused by OpenSSL (RFC 8418 §2).
fn shared_secret(own: &PrivateKey, peer: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    let mut context = PkeyCtx::new(own.pkey()).ok()?;
    context.derive_init().ok()?;
    context.derive_set_peer(peer.pkey()).ok()?;
    let bytes = context.derive(None).ok()?;
    let mut secret = Zeroizing::new(vec![0; bytes]);
    let length = context.derive(Some(&mut secret)).ok()?;
    secret.truncate(length);
    Some(secret)
}

/// `ECC-CMS-SharedInfo` (RFC 5753 §7.2).
fn shared_info(key_info: &[u8], ukm: Option<&[u8]>, key_bytes: usize) -> Vec<u8> {
    let bits = u32::try_from(key_bytes * 8).unwrap_or(u32::MAX);
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(key_info);
            if let Some(ukm) = ukm {
                w.explicit(0, |w| w.octet_string(ukm));
            }
            w.explicit(2, |w| w.octet_string(&bits.to_be_bytes()));
        });
    })
}

/// ANSI X9.63 key derivation (SEC 1 §3.6.1): digests of secret, counter and info, joined.
fn x963(
    algorithm: DigestAlgorithm,
    secret: &[u8],
    info: &[u8],
    bytes: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + algorithm.bytes()));
    let mut counter: u32 = 1;
    while key.len() < bytes {
        let block = digest(algorithm, &[secret, &counter.to_be_bytes(), info]).ok()?;
        if block.as_bytes().is_empty() {
            return None;
        }
        key.extend_from_slice(block.as_bytes());
        counter = counter.checked_add(1)?;
    }
    key.truncate(bytes);
    Some(key)
}

/// HKDF (RFC 5869 §2), extract and expand.
pub(crate) fn hkdf(
    algorithm: DigestAlgorithm,
    secret: &[u8],
    salt: Option<&[u8]>,
    info: &[u8],
    bytes: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; bytes]);
    kdf::hkdf(
        algorithm.md()?,
        secret,
        salt,
        Some(info),
        HkdfMode::ExtractAndExpand,
        None,
        &mut key,
    )
    .ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::key::Curve;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn x963_vectors() {
        // NIST CAVS 12.0, ansx963_2001: SHA-256, shared secret 192 bits; with shared info, 1024 bits.
        let key = x963(
            DigestAlgorithm::Sha256,
            &bytes("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08"),
            &[],
            16,
        );
        assert_eq!(*key.unwrap(), bytes("443024c3dae66b95e6f5670601558f71"));
        let key = x963(
            DigestAlgorithm::Sha256,
            &bytes("22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d"),
            &bytes("75eef81aa3041e33b80971203d2c0c52"),
            128,
        );
        assert_eq!(
            key.unwrap().get(..16).unwrap(),
            bytes("c498af77161cc59f2962b9a713e2b215")
        );
    }

    #[test]
    fn hkdf_vector() {
        // RFC 5869 §A.1.
        let key = hkdf(
            DigestAlgorithm::Sha256,
            &[0x0b; 22],
            Some(&bytes("000102030405060708090a0b0c")),
            &bytes("f0f1f2f3f4f5f6f7f8f9"),
            42,
        );
        assert_eq!(
            *key.unwrap(),
            bytes(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
            )
        );
    }

    #[test]
    fn every_scheme_curve_and_wrap_round_trips() {
        let algorithms = [
            KeyAlgorithm::Ec(Curve::P256),
            KeyAlgorithm::Ec(Curve::P384),
            KeyAlgorithm::Ec(Curve::P521),
            KeyAlgorithm::Ec(Curve::BrainpoolP256r1),
            KeyAlgorithm::X25519,
            KeyAlgorithm::X448,
        ];
        let secret = [0x31; 24];
        for algorithm in algorithms {
            let key = PrivateKey::generate(algorithm).unwrap();
            for (at, (_, scheme)) in SCHEMES.iter().enumerate() {
                if *scheme == AgreementScheme::EphemeralStaticDh {
                    continue;
                }
                let wrap = KeyWrap::ALL[at % KeyWrap::ALL.len()];
                let ukm = (at % 2 == 0).then_some(&b"keying material"[..]);
                let agreed = scheme.wrap(wrap, key.public_key(), ukm, &secret).unwrap();
                let der = scheme.algorithm(wrap);
                let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
                let agreement = KeyAgreement::from_algorithm(&read).unwrap();
                assert_eq!((agreement.scheme, agreement.wrap), (*scheme, wrap));
                let read =
                    AlgorithmIdentifier::read(&mut Reader::new(&agreed.originator_algorithm))
                        .unwrap();
                let originator = Originator {
                    algorithm: read,
                    point: &agreed.originator_point,
                };
                let unwrapped = agreement.unwrap(&key, &originator, ukm, &agreed.encrypted_key);
                assert_eq!(*unwrapped.unwrap(), secret, "{algorithm:?} {scheme:?}");
                let other_ukm = Some(&b"other"[..]);
                let failed = agreement.unwrap(&key, &originator, other_ukm, &agreed.encrypted_key);
                assert_eq!(failed, Err(Failed), "{algorithm:?} {scheme:?}");
            }
        }
    }

    #[test]
    fn the_originators_curve_must_be_the_recipients() {
        let key = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).unwrap();
        let scheme = AgreementScheme::Standard(AgreementKdf::X963(DigestAlgorithm::Sha256));
        let agreed = scheme
            .wrap(KeyWrap::Aes128, key.public_key(), None, &[1; 16])
            .unwrap();
        let der = scheme.algorithm(KeyWrap::Aes128);
        let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
        let agreement = KeyAgreement::from_algorithm(&read).unwrap();
        let p256 = Writer::encode(|w| w.oid(oid::P_256));
        let p384 = Writer::encode(|w| w.oid(oid::P_384));
        for (oid, parameters, good) in [
            (oid::EC_PUBLIC_KEY, None, true),
            (oid::EC_PUBLIC_KEY, Some(&[5, 0][..]), true),
            (oid::EC_PUBLIC_KEY, Some(&p256), true),
            (oid::EC_PUBLIC_KEY, Some(&p384), false),
            (oid::X25519, None, false),
        ] {
            let originator = Originator {
                algorithm: AlgorithmIdentifier { oid, parameters },
                point: &agreed.originator_point,
            };
            let unwrapped = agreement.unwrap(&key, &originator, None, &agreed.encrypted_key);
            assert_eq!(unwrapped.is_ok(), good, "{oid} {parameters:?}");
        }
        let mut off_curve = agreed.originator_point.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        let originator = Originator {
            algorithm: AlgorithmIdentifier {
                oid: oid::EC_PUBLIC_KEY,
                parameters: None,
            },
            point: &off_curve,
        };
        let unwrapped = agreement.unwrap(&key, &originator, None, &agreed.encrypted_key);
        assert_eq!(unwrapped, Err(Failed));
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::X25519).unwrap();
        let der = AgreementScheme::Standard(AgreementKdf::Hkdf(DigestAlgorithm::Sha256))
            .algorithm(KeyWrap::Aes128);
        let read = AlgorithmIdentifier::read(&mut Reader::new(&der)).unwrap();
        let agreement = KeyAgreement::from_algorithm(&read).unwrap();
        let originator = Originator {
            algorithm: AlgorithmIdentifier {
                oid: oid::X25519,
                parameters: None,
            },
            point: &[0; 32],
        };
        let unwrapped = agreement.unwrap(&key, &originator, None, &[0; 24]);
        assert_eq!(unwrapped, Err(Failed));
    }
}
