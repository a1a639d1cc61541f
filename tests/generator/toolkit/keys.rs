//! The keys: committed as PKCS #8, so that names, certificates and identifiers stay the same from run to run.
//!
//! They are test keys and protect nothing.

use std::collections::HashMap;
use std::sync::LazyLock;

use mailseal::asn1::Reader;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key::Curve;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::private_key::PrivateKey;
use mailseal::crypto::sign::sign;
use mailseal::crypto::signature::Signed;
use mailseal::crypto::signature_scheme::SignatureScheme;
use mailseal::limits::Limits;

macro_rules! committed {
    ($($name:literal),* $(,)?) => {
        const COMMITTED: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("keys/", $name, ".der")))),*
        ];
    };
}

committed! {
    "rsa2048-1", "rsa2048-2", "rsa2048-3", "rsa2048-4", "rsa2048-5", "rsa2048-6",
    "rsa1024-1", "rsa1024-2", "rsa512-1", "rsa2048-e3", "rsapss2048-1",
    "p256-1", "p256-2", "p256-3", "p256-4", "p256-5", "p256-6",
    "p384-1", "p384-2", "p521-1", "p521-2",
    "brainpool256-1", "brainpool384-1", "brainpool512-1",
    "ed25519-1", "ed25519-2", "ed448-1", "x25519-1", "x25519-2",
    "dsa1024-1", "dsa2048-1", "mldsa44-1", "mldsa65-1", "mldsa87-1",
}

static KEYS: LazyLock<HashMap<&str, PrivateKey>> = LazyLock::new(|| {
    let limits = Limits::default();
    COMMITTED
        .iter()
        .filter_map(|(name, der)| Some((*name, PrivateKey::from_pkcs8(der, &limits).ok()?)))
        .collect()
});

/// A committed key, by its file's name: kind, size and number (`rsa2048-1`, `p256-3`).
pub fn key(name: &str) -> PrivateKey {
    find(name).unwrap_or_else(|| panic!("no key {name}, or OpenSSL can't read it"))
}

/// None where the linked OpenSSL does not know its algorithm.
pub fn find(name: &str) -> Option<PrivateKey> {
    KEYS.get(name).cloned()
}

/// The names of all committed keys.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMITTED.iter().map(|(name, _)| *name)
}

/// Its `PrivateKeyInfo`.
pub fn pkcs8(key: &PrivateKey) -> Vec<u8> {
    key.to_pkcs8().unwrap().to_vec()
}

/// The scheme that a key signs with unless told otherwise.
pub fn scheme(key: &PrivateKey) -> SignatureScheme {
    match key.algorithm() {
        KeyAlgorithm::Rsa => SignatureScheme::RsaV15(DigestAlgorithm::Sha256),
        KeyAlgorithm::RsaPss => pss(DigestAlgorithm::Sha256),
        KeyAlgorithm::Dsa => SignatureScheme::Dsa(DigestAlgorithm::Sha256),
        KeyAlgorithm::Ec(Curve::P384 | Curve::BrainpoolP384r1) => {
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha384)
        }
        KeyAlgorithm::Ec(Curve::P521 | Curve::BrainpoolP512r1) => {
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha512)
        }
        KeyAlgorithm::Ec(_) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        KeyAlgorithm::Ed25519 => SignatureScheme::Ed25519,
        KeyAlgorithm::Ed448 => SignatureScheme::Ed448,
        KeyAlgorithm::MlDsa44 => SignatureScheme::MlDsa44,
        KeyAlgorithm::MlDsa65 => SignatureScheme::MlDsa65,
        KeyAlgorithm::MlDsa87 => SignatureScheme::MlDsa87,
        KeyAlgorithm::Dh
        | KeyAlgorithm::X25519
        | KeyAlgorithm::X448
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => {
            panic!("{:?} signs nothing", key.algorithm())
        }
    }
}

/// PSS as most programs write it: one digest for all, the salt as long as it.
pub fn pss(digest: DigestAlgorithm) -> SignatureScheme {
    SignatureScheme::RsaPss {
        digest,
        mgf_digest: digest,
        salt_bytes: digest.bytes() as i32,
    }
}

/// The signature over a message.
pub fn signature(scheme: &SignatureScheme, key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    sign(scheme, key, Signed::Message(&[message]))
        .unwrap_or_else(|_| panic!("{:?} can't sign {scheme:?}", key.algorithm()))
}

/// The SubjectPublicKeyInfo for a certificate. OpenSSL writes that of a PSS key with its restrictions, others plainly.
pub fn spki(key: &PrivateKey) -> Vec<u8> {
    key.public_spki()
}

/// The octets of the subjectPublicKey, whose SHA-1 is the usual key identifier (RFC 5280 §4.2.1.2).
pub fn public_octets(spki: &[u8]) -> Vec<u8> {
    let read = Reader::new(spki).sequence(|r| {
        r.element()?;
        Ok(r.bit_string()?.bytes.to_vec())
    });
    read.unwrap()
}

/// A key of a kind that nobody signs with (ML-KEM).
pub fn unusable_spki() -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(oid::ML_KEM_768, None);
            w.bit_string(&[7; 64]);
        });
    })
}
