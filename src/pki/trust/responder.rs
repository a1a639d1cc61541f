//! Whose OCSP responses count (RFC 6960 §4.2.2.2): those of the certificate's issuer, and those of a responder that the same key
//! certified for `id-kp-OCSPSigning`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asn1::oid;
use crate::asn1::time::Time;
use crate::crypto::key::PublicKey;
use crate::error::RunError;
use crate::limits::TRUST_CACHE;
use crate::pki::pool::{CertificateId, OcspId, Origins, Pool, octets_key};
use crate::pki::trust::hierarchy::Node;
use crate::pki::trust::revocation::Court;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extensions::KeyUsageBit;
use crate::pki::x509::name::Name;
use crate::pki::x509::ocsp::{IssuerHashes, Ocsp, OcspAnswer};

/// An answer of an OCSP response whose responder may give it.
pub(super) struct Answer<'l> {
    pub(super) id: OcspId,
    pub(super) origins: Origins,
    pub(super) answer: &'l OcspAnswer,
}

/// What is remembered of responses: under which keys of an issuer they are signed. The mathematics alone, without a time.
pub(super) type Responders = HashMap<(OcspId, CertificateId), Arc<Signers>>;

/// Who signed a response, as far as an issuer says that he may.
pub(super) struct Signers {
    issuer: bool,
    /// Certificates of responders that the issuer's key signed, DER.
    delegates: Vec<Vec<u8>>,
    /// Signature checks that it took. They are spent again by whoever asks again: the answer must not depend on who asked before.
    checks: usize,
}

/// Signature checks that are left for one certificate; None for responses that the operator gave.
struct Checks {
    left: Option<usize>,
    spent: usize,
}

impl Checks {
    /// False where none is left: then nothing is checked.
    fn spend(&mut self) -> bool {
        match &mut self.left {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        self.spent += 1;
        true
    }
}

impl<'l> Court<'_, 'l> {
    /// All answers about the certificate at the beginning of `path` whose responder may give them, the given ones first and then by the
    /// response's SHA-256; and whether some were not looked at ([`Limits::ocsp_checks`]).
    ///
    /// [`Limits::ocsp_checks`]: crate::limits::Limits::ocsp_checks
    pub(super) fn answers(
        &mut self,
        certificate: &Certificate<'_>,
        path: &[CertificateId],
    ) -> Result<(Vec<Answer<'l>>, bool), RunError> {
        let (pool, hierarchy) = (self.pool, self.hierarchy);
        let nothing = Ok((Vec::new(), false));
        let Some(issuer) = path.get(1).and_then(|id| hierarchy.node(*id)) else {
            return nothing;
        };
        let Some(above) = issuer.certificate() else {
            return nothing;
        };
        let Ok(key) = above.key else {
            return nothing;
        };
        let names = [certificate.issuer, above.subject];
        let mut hashes = IssuerHashes::new(names, key.bits.bytes);
        let about = pool.ocsp_about(certificate.serial);
        let mut about: Vec<_> = about
            .filter(|(_, _, answer)| hashes.are_in(answer))
            .collect();
        about.sort_by_key(|(_, pooled, _)| !pooled.origins.given);
        let (mut found, mut left_out) = (Vec::new(), false);
        let mut left = self.checker.limits.ocsp_checks;
        let mut last: Option<(OcspId, bool)> = None;
        for (id, pooled, answer) in about {
            let may = match last.filter(|(known, _)| *known == id) {
                Some((_, may)) => may,
                None => {
                    let mut checks = Checks {
                        left: (!pooled.origins.given).then_some(left),
                        spent: 0,
                    };
                    let may = self.may_answer(id, &pooled.ocsp, issuer, path, &mut checks)?;
                    left = checks.left.unwrap_or(left);
                    left_out |= may.is_none();
                    may.unwrap_or(false)
                }
            };
            last = Some((id, may));
            if may {
                found.push(Answer {
                    id,
                    origins: pooled.origins,
                    answer,
                });
            }
        }
        Ok((found, left_out))
    }

    /// The issuer signed the response, or a responder of his did. None where too few checks are left to tell.
    fn may_answer(
        &mut self,
        id: OcspId,
        ocsp: &Ocsp,
        issuer: &Node,
        path: &[CertificateId],
        checks: &mut Checks,
    ) -> Result<Option<bool>, RunError> {
        let Some(signers) = self.signers(id, ocsp, issuer, checks)? else {
            return Ok(None);
        };
        if signers.issuer {
            return Ok(Some(true));
        }
        for der in &signers.delegates {
            let Ok(delegate) = Certificate::read(der) else {
                continue;
            };
            if !self.is_distrusted(&delegate)
                && !self.is_revoked_delegate(&delegate, path, ocsp.produced_at())?
            {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// As remembered, or found out and remembered. None where too few checks are left.
    fn signers(
        &mut self,
        id: OcspId,
        ocsp: &Ocsp,
        issuer: &Node,
        checks: &mut Checks,
    ) -> Result<Option<Arc<Signers>>, RunError> {
        if let Some(known) = self.responders.get(&(id, issuer.id)) {
            let enough = (0..known.checks).all(|_| checks.spend());
            return Ok(enough.then(|| Arc::clone(known)));
        }
        let before = checks.spent;
        let Some(mut found) = self.find_signers(ocsp, issuer, checks)? else {
            return Ok(None);
        };
        found.checks = checks.spent - before;
        let found = Arc::new(found);
        if self.responders.len() >= TRUST_CACHE {
            self.responders.clear();
        }
        self.responders.insert((id, issuer.id), Arc::clone(&found));
        Ok(Some(found))
    }

    fn find_signers(
        &mut self,
        ocsp: &Ocsp,
        issuer: &Node,
        checks: &mut Checks,
    ) -> Result<Option<Signers>, RunError> {
        let mut signers = Signers {
            issuer: false,
            delegates: Vec::new(),
            checks: 0,
        };
        let (Some(above), Ok(key)) = (issuer.certificate(), &issuer.key) else {
            return Ok(Some(signers));
        };
        if ocsp.is_by(&above) {
            if !checks.spend() {
                return Ok(None);
            }
            signers.issuer = self.checker.signed_ocsp(ocsp, key);
            if signers.issuer {
                return Ok(Some(signers));
            }
        }
        // A response needs one; whoever sends many wants them to be tried.
        let bound = self.checker.limits.issuer_candidates;
        for der in ocsp.certificates().take(bound) {
            match self.is_delegate(der, ocsp, &above, key, checks) {
                None => return Ok(None),
                Some(true) => signers.delegates.push(der.to_vec()),
                Some(false) => {}
            }
        }
        if !signers.delegates.is_empty() {
            return Ok(Some(signers));
        }
        // A response need not carry the responder's certificate: the relying party may have it (RFC 6960 §4.2.2.2).
        let pool = self.pool;
        for id in pooled_responders(pool, ocsp, above.subject).take(bound) {
            let der = pool.der(id)?;
            match self.is_delegate(&der, ocsp, &above, key, checks) {
                None => return Ok(None),
                Some(true) => signers.delegates.push(der.into_owned()),
                Some(false) => {}
            }
        }
        Ok(Some(signers))
    }

    /// The certificate is a responder's, issued by the authority itself, and its key signed the response. None where too few checks
    /// are left.
    fn is_delegate(
        &mut self,
        der: &[u8],
        ocsp: &Ocsp,
        above: &Certificate<'_>,
        key: &PublicKey,
        checks: &mut Checks,
    ) -> Option<bool> {
        let Ok(delegate) = Certificate::read(der) else {
            return Some(false);
        };
        if !ocsp.is_by(&delegate)
            || !delegate.issuer.matches(above.subject)
            || !may_respond(&delegate, ocsp.produced_at())
        {
            return Some(false);
        }
        if !checks.spend() {
            return None;
        }
        if !self.checker.signed(&delegate, key) {
            return Some(false);
        }
        if !checks.spend() {
            return None;
        }
        let own = PublicKey::from_spki(delegate.spki, self.checker.limits);
        Some(own.is_ok_and(|own| self.checker.signed_ocsp(ocsp, &own)))
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

/// Certificates of the pool that may be the responder's, with this issuer, by SHA-256: found by what the response names it with.
fn pooled_responders<'p>(
    pool: &'p Pool,
    ocsp: &'p Ocsp,
    issuer: Name<'_>,
) -> impl Iterator<Item = CertificateId> + use<'p> {
    let by_name = ocsp
        .responder_name()
        .map(|name| pool.with_subject_key(name.key()));
    let by_key = ocsp
        .responder_key()
        .map(|key| pool.with_ski_key(octets_key(key)));
    let issuer = issuer.key();
    by_name
        .unwrap_or_default()
        .iter()
        .copied()
        .chain(by_key.into_iter().flatten())
        .filter(move |id| pool.name_keys(*id).is_some_and(|(_, own)| own == issuer))
}

/// It is meant for that, was valid then, and has no critical extension that is not known (RFC 5280 §4.2). `anyExtendedKeyUsage`
/// is not enough: the usage must be there by its name.
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
    let mut unknown = delegate.extensions.unknown_critical();
    let understood =
        delegate.extensions.end.is_ok() && unknown.all(|oid| oid == oid::OCSP_NO_CHECK);
    purpose && usage && valid && understood
}
