//! The algorithms that trust in a certificate rests on: named, not rated.

use crate::crypto::key::PublicKey;
use crate::crypto::signature_scheme::SignatureScheme;
use crate::limits::Limits;
use crate::pki::x509::Certificate;

/// The digest in a certificate's signature, and the certificate's own key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificateAlgorithms {
    /// Name of the digest that the issuer signed; empty where the scheme has none of its own, or is not known.
    pub digest: &'static str,
    /// The key's kind, or its curve; empty where it is not known.
    pub key: &'static str,
    /// The key's size in bits.
    pub key_bits: Option<u32>,
    /// The exponent of an RSA key.
    pub exponent: Option<u64>,
}

impl CertificateAlgorithms {
    /// Never fails: what can't be read is not known.
    #[must_use]
    pub fn read(certificate: &Certificate<'_>, limits: &Limits) -> Self {
        let digest = certificate
            .signature_algorithm
            .ok()
            .and_then(|algorithm| SignatureScheme::named_digest(&algorithm));
        let key = PublicKey::from_spki(certificate.spki, limits).ok();
        Self {
            digest: digest.map_or("", |digest| digest.name()),
            key: key.as_ref().map_or("", |key| {
                let kind = key.algorithm();
                kind.curve().map_or(kind.name(), |curve| curve.name())
            }),
            key_bits: key.as_ref().map(PublicKey::bits),
            exponent: key.as_ref().and_then(PublicKey::rsa_exponent),
        }
    }
}
