//! Can a certificate's key receive a content key?

use crate::asn1::oid;
use crate::pki::words::words;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extensions::KeyUsageBit;

words! {
    /// What a certificate says of encrypting mail to its key (RFC 8550 §4.4). What is told first comes first.
    pub enum EncryptionUsage {
        /// A key that only signs: DSA, EdDSA, ML-DSA, RSA for PSS; or of a kind that is not known.
        CannotEncrypt = "cannot_encrypt",
        /// The key usage lacks what this kind of key needs, or can't be read.
        KeyUsage = "key_usage",
        /// The extended key usage has neither emailProtection nor anyExtendedKeyUsage, or can't be read.
        ExtendedKeyUsage = "extended_key_usage",
        /// Nothing speaks against it.
        Good = "good",
    }
}

impl EncryptionUsage {
    /// By the key's algorithm identifier, keyUsage and extKeyUsage; an absent extension allows everything. Never fails.
    ///
    /// keyEncipherment for RSA (RFC 8550 §4.4.2, RFC 5280 §4.2.1.3) and ML-KEM (RFC 9935), keyAgreement for what agrees on a key.
    /// dataEncipherment alone is for data without a content key, which no mail has.
    #[must_use]
    pub fn of(certificate: &Certificate<'_>) -> Self {
        let Ok(key) = certificate.key else {
            return Self::CannotEncrypt;
        };
        let needed = match key.algorithm.oid {
            oid::RSA_ENCRYPTION | oid::ML_KEM_512 | oid::ML_KEM_768 | oid::ML_KEM_1024 => {
                KeyUsageBit::KeyEncipherment
            }
            oid::EC_PUBLIC_KEY | oid::X25519 | oid::X448 | oid::DH_PUBLIC_NUMBER => {
                KeyUsageBit::KeyAgreement
            }
            _ => return Self::CannotEncrypt,
        };
        let extensions = &certificate.extensions;
        match extensions.key_usage() {
            Ok(None) => {}
            Ok(Some(usage)) if usage.has(needed) => {}
            Ok(Some(_)) | Err(_) => return Self::KeyUsage,
        }
        match extensions.extended_key_usage() {
            Ok(None) => Self::Good,
            Ok(Some((usages, _)))
                if usages.contains(&oid::EMAIL_PROTECTION)
                    || usages.contains(&oid::ANY_EXTENDED_KEY_USAGE) =>
            {
                Self::Good
            }
            Ok(Some(_)) | Err(_) => Self::ExtendedKeyUsage,
        }
    }
}
