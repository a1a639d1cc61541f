//! Whose OCSP responses count (RFC 6960 §4.2.2.2): those of the certificate's issuer, and those of a responder that the same key
//! certified for `id-kp-OCSPSigning`.

use crate::asn1::oid;
use crate::asn1::time::Time;
use crate::crypto::key::PublicKey;
use crate::error::RunError;
use crate::pki::pool::CertificateId;
use crate::pki::trust::hierarchy::Node;
use crate::pki::trust::revocation::{Answer, Court};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extensions::KeyUsageBit;
use crate::pki::x509::ocsp::Ocsp;

impl<'l> Court<'_, 'l> {
    /// All answers about the certificate at the beginning of `path` whose responder may give them, by the response's SHA-256.
    pub(super) fn answers(
        &mut self,
        certificate: &Certificate<'_>,
        path: &[CertificateId],
    ) -> Result<Vec<Answer<'l>>, RunError> {
        let mut found = Vec::new();
        let (pool, hierarchy) = (self.pool, self.hierarchy);
        let Some(issuer) = path.get(1).and_then(|id| hierarchy.node(*id)) else {
            return Ok(found);
        };
        let Some(above) = issuer.certificate() else {
            return Ok(found);
        };
        let Ok(key) = above.key else {
            return Ok(found);
        };
        for (id, pooled) in pool.ocsp_about(certificate.serial) {
            // The issuer's name may be spelt in two ways (RFC 5280 §7.1); a responder hashes one of them.
            let is_about = |name| {
                let answers = pooled.ocsp.answers().iter();
                answers.filter(move |one| one.is_about(certificate.serial, name, key.bits.bytes))
            };
            let mut about: Vec<_> = is_about(certificate.issuer).collect();
            if about.is_empty() {
                about.extend(is_about(above.subject));
            }
            if about.is_empty() || !self.may_answer(&pooled.ocsp, issuer, path)? {
                continue;
            }
            found.extend(about.into_iter().map(|answer| Answer {
                id,
                origins: pooled.origins,
                answer,
            }));
        }
        Ok(found)
    }

    /// The issuer signed the response, or a responder of his did.
    fn may_answer(
        &mut self,
        ocsp: &Ocsp,
        issuer: &Node,
        path: &[CertificateId],
    ) -> Result<bool, RunError> {
        let (Some(above), Ok(key)) = (issuer.certificate(), &issuer.key) else {
            return Ok(false);
        };
        if ocsp.is_by(&above) && self.checker.signed_ocsp(ocsp, key) {
            return Ok(true);
        }
        // A response needs one; whoever sends many wants them to be tried.
        let bound = self.checker.limits.issuer_candidates;
        for der in ocsp.certificates().take(bound) {
            let Ok(delegate) = Certificate::read(der) else {
                continue;
            };
            if ocsp.is_by(&delegate)
                && !self.is_distrusted(&delegate)
                && delegate.issuer.matches(above.subject)
                && may_respond(&delegate, ocsp.produced_at())
                && self.checker.signed(&delegate, key)
                && PublicKey::from_spki(delegate.spki, self.checker.limits)
                    .is_ok_and(|own| self.checker.signed_ocsp(ocsp, &own))
                && !self.is_revoked_delegate(&delegate, path, ocsp.produced_at())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_distrusted(&self, delegate: &Certificate<'_>) -> bool {
        let known = self.pool.find(&delegate.sha256());
        known.is_some_and(|id| self.hierarchy.is_distrusted(id))
    }

    /// By what is known: that nothing is known is no matter, whether the authority says so (RFC 6960 §4.2.2.2.1) or not.
    fn is_revoked_delegate(
        &mut self,
        delegate: &Certificate<'_>,
        path: &[CertificateId],
        at: Time,
    ) -> Result<bool, RunError> {
        if self.of_signer {
            return Ok(false);
        }
        let Some(id) = self.pool.find(&delegate.sha256()) else {
            return Ok(false);
        };
        let mut own = vec![id];
        own.extend(path.iter().skip(1));
        self.is_revoked_signer(&own, at)
    }
}

/// It is meant for that, and was valid then. `anyExtendedKeyUsage` is not enough: the usage must be there by its name.
fn may_respond(delegate: &Certificate<'_>, at: Time) -> bool {
    let purpose = matches!(
        delegate.extensions.extended_key_usage(),
        Ok(Some((usages, _))) if usages.contains(&oid::OCSP_SIGNING)
    );
    let usage = match delegate.extensions.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => {
            usage.has(KeyUsageBit::DigitalSignature) || usage.has(KeyUsageBit::NonRepudiation)
        }
        Err(_) => false,
    };
    let valid = delegate.not_before.is_ok_and(|from| from <= at)
        && delegate.not_after.is_ok_and(|until| at <= until);
    purpose && usage && valid
}
