//! Whether one key signed one certificate, CRL or OCSP response.

use crate::asn1::algorithm::AlgorithmIdentifier;
use crate::asn1::oid;
use crate::asn1::reader::{BerError, BitString};
use crate::asn1::time::TimeForm;
use crate::crypto::chain;
use crate::crypto::chain::{ChainAnswer, ChainReason, PolicyInputs};
use crate::crypto::key::{KeyError, PublicKey};
use crate::crypto::signature;
use crate::crypto::signature::{Outcome, Signed, VerifyContext};
use crate::crypto::signature_scheme::SignatureScheme;
use crate::limits::Limits;
use crate::pki::trust::{Chain, Purpose};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::Crl;
use crate::pki::x509::ocsp::Ocsp;

/// Verifies the signatures of one worker.
pub(super) struct Checker<'l> {
    pub(super) limits: &'l Limits,
    /// What paths to signers and recipients must show.
    pub(super) policies: PolicyInputs,
    context: VerifyContext,
}

impl<'l> Checker<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            policies: PolicyInputs::default(),
            context: VerifyContext::new(),
        }
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

    /// The linked OpenSSL could verify such a signature with such a key: if it does not verify, it is wrong.
    pub(super) fn can_verify(certificate: &Certificate<'_>, key: &PublicKey) -> bool {
        certificate
            .signature_algorithm
            .is_ok_and(|algorithm| SignatureScheme::from_certificate(&algorithm, key).is_ok())
    }

    /// `key` verifies the CRL's signature.
    pub(super) fn signed_crl(&mut self, crl: &Crl, key: &PublicKey) -> bool {
        self.verifies(key, crl.signature_algorithm(), crl.tbs(), crl.signature())
    }

    /// `key` verifies the OCSP response's signature.
    pub(super) fn signed_ocsp(&mut self, ocsp: &Ocsp, key: &PublicKey) -> bool {
        self.verifies(
            key,
            ocsp.signature_algorithm(),
            ocsp.tbs(),
            ocsp.signature(),
        )
    }

    /// OpenSSL's own opinion of a linked path, the anchor last: None where it has nothing against it.
    ///
    /// Name constraints on all forms of names but addresses are its part alone. What it says without saying why is a path
    /// that could not be confirmed, so `incomplete`: never a pass. Policies are asked for of signers and recipients of mail alone, not
    /// of those who stamp times or sign lists.
    pub(super) fn refused(
        &self,
        path: &[Certificate<'_>],
        purpose: Option<Purpose>,
    ) -> Option<Chain> {
        let none = PolicyInputs::default();
        let policies = match purpose {
            Some(Purpose::EmailSigning | Purpose::EmailEncryption) => &self.policies,
            Some(Purpose::TimeStamping) | None => &none,
        };
        let [leaf, intermediates @ .., anchor] = path else {
            let own = path.first().is_some_and(|own| has_policy(own, policies));
            return (!own).then_some(Chain::Policy);
        };
        if self.is_beyond_openssl(path) {
            // What is not shown is not there.
            return (!policies.required.is_empty()).then_some(Chain::Policy);
        }
        let between: Vec<&[u8]> = intermediates.iter().map(|c| c.raw).collect();
        let (reason, depth) = match chain::confirm(leaf.raw, &between, anchor.raw, policies) {
            ChainAnswer::Confirmed => return None,
            ChainAnswer::Refused { reason, depth } => (reason, depth),
        };
        Some(match reason {
            ChainReason::BadCertificateSignature => Chain::BadCertificateSignature,
            ChainReason::BadCa => Chain::BadCa,
            ChainReason::PathLength => Chain::PathLength,
            ChainReason::NameConstraint => Chain::NameConstraint,
            ChainReason::Policy => Chain::Policy,
            ChainReason::Extension if depth == 0 => Chain::BadPurpose,
            ChainReason::Extension => Chain::BadCa,
            ChainReason::Unreadable | ChainReason::NotLinked | ChainReason::Other(_) => {
                Chain::Incomplete
            }
        })
    }

    /// OpenSSL 3 can't read a DSA key that inherits its parameters, nor a time without seconds (both are of the nineties), and so
    /// refuses every path with one. Such a path is taken as confirmed where nothing is left that only OpenSSL would check.
    fn is_beyond_openssl(&self, path: &[Certificate<'_>]) -> bool {
        let inherits = |certificate: &Certificate<'_>| {
            let key = PublicKey::from_spki(certificate.spki, self.limits);
            matches!(key, Err(KeyError::ParametersMissing))
        };
        let old_time = |certificate: &Certificate<'_>| {
            let readable = certificate.not_before.is_ok() && certificate.not_after.is_ok();
            readable && certificate.time_form == TimeForm::Deviating
        };
        let constrains = |certificate: &Certificate<'_>| {
            [
                oid::NAME_CONSTRAINTS,
                oid::POLICY_CONSTRAINTS,
                oid::POLICY_MAPPINGS,
                oid::INHIBIT_ANY_POLICY,
            ]
            .iter()
            .any(|oid| certificate.extensions.has(*oid))
        };
        path.iter().any(|one| inherits(one) || old_time(one)) && !path.iter().any(constrains)
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
        let Ok(scheme) = SignatureScheme::from_certificate(&algorithm, key) else {
            return false;
        };
        signature.unused_bits == 0
            && signature::verify(
                &scheme,
                key,
                Signed::Message(&[signed]),
                signature.bytes,
                &mut self.context,
            ) == Outcome::Valid
    }
}

/// A signer who is an anchor has no path that could show a policy: his own certificate must name one.
fn has_policy(certificate: &Certificate<'_>, policies: &PolicyInputs) -> bool {
    if policies.required.is_empty() {
        return true;
    }
    let own = certificate.extensions.certificate_policies();
    own.ok().flatten().unwrap_or_default().iter().any(|own| {
        (*own == oid::ANY_POLICY && !policies.inhibit_any)
            || policies.required.contains(&own.to_string())
    })
}
