//! Key encapsulation with ML-KEM (RFC 9936), then HKDF and a key wrap: KEMRecipientInfo (RFC 9629).

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Writer;
use crate::asn1::oid;
use crate::crypto::Failed;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::key::KeyAlgorithm;
use crate::crypto::key::PublicKey;
use crate::crypto::key_agreement::hkdf;
use crate::crypto::key_wrap::KeyWrap;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::sys;

const KEMS: &[(Oid<'static>, KeyAlgorithm)] = &[
    (oid::ML_KEM_512, KeyAlgorithm::MlKem512),
    (oid::ML_KEM_768, KeyAlgorithm::MlKem768),
    (oid::ML_KEM_1024, KeyAlgorithm::MlKem1024),
];

/// HKDF without salt (RFC 8619, RFC 9936 §2.2).
const DERIVATIONS: &[(Oid<'static>, DigestAlgorithm)] = &[
    (oid::HKDF_SHA256, DigestAlgorithm::Sha256),
    (oid::HKDF_SHA384, DigestAlgorithm::Sha384),
    (oid::HKDF_SHA512, DigestAlgorithm::Sha512),
];

/// The encapsulation, the derivation or the wrap is not known, or they do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KemUnsupported;

/// How a KEMRecipientInfo reaches the content key (RFC 9629 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    kem: KeyAlgorithm,
    derivation: DigestAlgorithm,
    /// What the derived key wraps with.
    pub wrap: KeyWrap,
    /// `CMSORIforKEMOtherInfo` (RFC 9629 §5), DER.
    info: Vec<u8>,
}

/// What encapsulating gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encapsulated {
    /// kemct.
    pub ciphertext: Vec<u8>,
    /// The wrapped secret.
    pub encrypted_key: Vec<u8>,
}

impl Encapsulation {
    /// From the fields kem, kdf, wrap, kekLength and ukm. The first two have no parameters.
    ///
    /// # Errors
    /// Where one of them is not known, or kekLength is not the wrap's.
    pub fn from_fields(
        kem: &AlgorithmIdentifier<'_>,
        derivation: &AlgorithmIdentifier<'_>,
        wrap: &AlgorithmIdentifier<'_>,
        kek_bytes: u64,
        ukm: Option<&[u8]>,
    ) -> Result<Self, KemUnsupported> {
        let kem = find(KEMS, kem)?;
        let derivation = find(DERIVATIONS, derivation)?;
        let key_wrap = KeyWrap::from_algorithm(wrap).map_err(|_| KemUnsupported)?;
        if usize::try_from(kek_bytes) != Ok(key_wrap.key_bytes()) {
            return Err(KemUnsupported);
        }
        let info = Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(wrap.oid, wrap.parameters);
                w.small_integer(kek_bytes);
                if let Some(ukm) = ukm {
                    w.explicit(0, |w| w.octet_string(ukm));
                }
            });
        });
        Ok(Self {
            kem,
            derivation,
            wrap: key_wrap,
            info,
        })
    }

    /// The secret that was wrapped for `key`.
    ///
    /// # Errors
    /// One value for all that can go wrong.
    pub fn unwrap(
        &self,
        key: &PrivateKey,
        ciphertext: &[u8],
        encrypted_key: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        if key.algorithm() != self.kem {
            return Err(Failed);
        }
        sys::clear_errors();
        let shared = sys::decapsulate(key.pkey(), ciphertext);
        sys::clear_errors();
        let kek = self.kek(&shared.ok_or(Failed)?)?;
        self.wrap.unwrap(&kek, encrypted_key)
    }

    /// Wraps a secret for `recipient`.
    ///
    /// # Errors
    /// Where the key is of another kind, or the wrap does not take the secret's length.
    pub fn wrap(&self, recipient: &PublicKey, secret: &[u8]) -> Result<Encapsulated, Failed> {
        if recipient.algorithm() != self.kem {
            return Err(Failed);
        }
        sys::clear_errors();
        let made = sys::encapsulate(recipient.pkey());
        sys::clear_errors();
        let (ciphertext, shared) = made.ok_or(Failed)?;
        Ok(Encapsulated {
            ciphertext,
            encrypted_key: self.wrap.wrap(&self.kek(&shared)?, secret)?,
        })
    }

    fn kek(&self, shared: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let bytes = self.wrap.key_bytes();
        hkdf(self.derivation, shared, None, &self.info, bytes).ok_or(Failed)
    }
}

/// The identifier of a key's encapsulation; None for keys that do not encapsulate.
#[must_use]
pub fn kem_of(key: KeyAlgorithm) -> Option<Oid<'static>> {
    let found = KEMS.iter().find(|(_, algorithm)| *algorithm == key);
    found.map(|(oid, _)| *oid)
}

fn find<T: Copy>(
    known: &[(Oid<'static>, T)],
    algorithm: &AlgorithmIdentifier<'_>,
) -> Result<T, KemUnsupported> {
    known
        .iter()
        .find(|(oid, _)| *oid == algorithm.oid && algorithm.without_parameters())
        .map(|(_, value)| *value)
        .ok_or(KemUnsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(oid: Oid<'static>) -> AlgorithmIdentifier<'static> {
        AlgorithmIdentifier {
            oid,
            parameters: None,
        }
    }

    fn of(kem: Oid<'static>, ukm: Option<&[u8]>) -> Encapsulation {
        let (kdf, wrap) = (plain(oid::HKDF_SHA256), plain(oid::AES256_WRAP));
        Encapsulation::from_fields(&plain(kem), &kdf, &wrap, 32, ukm).unwrap()
    }

    #[test]
    fn what_is_wrapped_is_unwrapped_and_only_so() {
        for (oid, algorithm) in KEMS {
            let key = PrivateKey::generate(*algorithm).unwrap();
            let other = PrivateKey::generate(*algorithm).unwrap();
            let secret = [0x2b; 32];
            let kem = of(*oid, None);
            let made = kem.wrap(key.public_key(), &secret).unwrap();
            let open = |kem: &Encapsulation, key: &PrivateKey, ciphertext: &[u8]| {
                kem.unwrap(key, ciphertext, &made.encrypted_key)
            };
            assert_eq!(*open(&kem, &key, &made.ciphertext).unwrap(), secret);
            assert_eq!(open(&kem, &other, &made.ciphertext), Err(Failed));
            assert_eq!(open(&kem, &key, &made.ciphertext[1..]), Err(Failed));
            assert_eq!(open(&kem, &key, b""), Err(Failed));
            let with_ukm = of(*oid, Some(b"ukm"));
            assert_eq!(open(&with_ukm, &key, &made.ciphertext), Err(Failed));
            let mut changed = made.ciphertext.clone();
            changed[7] ^= 1;
            assert_eq!(open(&kem, &key, &changed), Err(Failed));
        }
    }

    #[test]
    fn fields_that_do_not_fit_are_unsupported() {
        let (kem, kdf) = (plain(oid::ML_KEM_768), plain(oid::HKDF_SHA256));
        let wrap = plain(oid::AES128_WRAP);
        let read = |kem, kdf, bytes| Encapsulation::from_fields(kem, kdf, &wrap, bytes, None).err();
        assert_eq!(read(&kem, &kdf, 16), None);
        assert_eq!(read(&kem, &kdf, 32), Some(KemUnsupported));
        assert_eq!(read(&kem, &kdf, u64::MAX), Some(KemUnsupported));
        assert_eq!(read(&kdf, &kdf, 16), Some(KemUnsupported));
        assert_eq!(read(&kem, &kem, 16), Some(KemUnsupported));
    }
}
