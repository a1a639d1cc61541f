//! Whether one key signed one certificate or CRL.

use crate::asn1::algorithm::AlgorithmIdentifier;
use crate::asn1::reader::{BerError, BitString};
use crate::crypto::key::{KeyError, PublicKey};
use crate::limits::Limits;
use crate::pki::trust::Chain;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::Crl;

/// Verifies the signatures of one worker.
pub(super) struct Checker<'l> {
    pub(super) limits: &'l Limits,
}

impl<'l> Checker<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits }
    }

    /// [`Limits::path_checks`].
    pub(super) fn path_checks(&self) -> usize {
        usize::try_from(self.limits.path_checks).unwrap_or(usize::MAX)
    }

    /// The certificate's key; DSA parameters that it lacks are those of its issuer's key (RFC 3279 §2.3.2).
    pub(super) fn key(
        &self,
        certificate: &Certificate<'_>,
        issuer: Option<&PublicKey>,
    ) -> Result<PublicKey, KeyError> {
        match (PublicKey::from_spki(certificate.spki, self.limits), issuer) {
            (Err(KeyError::ParametersMissing), Some(issuer)) => {
                PublicKey::from_spki_with_issuer(certificate.spki, &issuer.to_spki(), self.limits)
            }
            (own, _) => own,
        }
    }

    /// `key` verifies the certificate's signature, and the algorithm is the same inside and outside
    /// (RFC 5280 §4.1.1.2): the one outside is not signed.
    pub(super) fn signed(&mut self, certificate: &Certificate<'_>, key: &PublicKey) -> bool {
        certificate.inner_signature_algorithm.is_ok()
            && certificate.inner_signature_algorithm == certificate.signature_algorithm
            && self.verifies(
                key,
                certificate.signature_algorithm,
                certificate.tbs,
                certificate.signature,
            )
    }

    /// `key` verifies the CRL's signature.
    pub(super) fn signed_crl(&mut self, crl: &Crl, key: &PublicKey) -> bool {
        self.verifies(key, crl.signature_algorithm(), crl.tbs(), crl.signature())
    }

    /// OpenSSL's own opinion of a linked path, the anchor last: None where it has nothing against it.
    pub(super) fn refused(&mut self, path: &[Certificate<'_>]) -> Option<Chain> {
        let _ = path;
        None
    }

    fn verifies(
        &mut self,
        key: &PublicKey,
        algorithm: Result<AlgorithmIdentifier<'_>, BerError>,
        signed: &[u8],
        signature: Result<BitString<'_>, BerError>,
    ) -> bool {
        let (Ok(algorithm), Ok(signature)) = (algorithm, signature) else {
            return false;
        };
        let _ = (key, algorithm, signed, signature);
        false
    }
}
