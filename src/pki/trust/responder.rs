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

/// What is remembered of responses and responders: the mathematics alone, without a time.
#[derive(Default)]
pub(super) struct Responders {
    /// Under which keys of an issuer responses are signed.
    signers: HashMap<(OcspId, CertificateId), Arc<Signers>>,
    /// Whether the second's key signed the first: a response is checked with no other key, so that nobody can make many checks cost much.
    issued: HashMap<(CertificateId, CertificateId), bool>,
}

/// Who signed a response, as far as an issuer says that he may.
#[derive(Default)]
pub(super) struct Signers {
    issuer: bool,
    /// Certificates of responders that the issuer's key signed, DER.
    delegates: Vec<Vec<u8>>,
}

impl<'l> Court<'_, 'l> {
    /// All answers about the certificate at the beginning of `path` whose responder may give them, the given ones first and then by the
    /// response's SHA-256.
    ///
    /// There is no bound on them: one that is passed over may be the one that tells a revocation, and whoever sends many pays with
    /// their bytes, as each is checked once for an issuer.
    pub(super) fn answers(
        &mut self,
        certificate: &Certificate<'_>,
        path: &[CertificateId],
    ) -> Result<Vec<Answer<'l>>, RunError> {
        let (pool, hierarchy) = (self.pool, self.hierarchy);
        let nothing = Ok(Vec::new());
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
        let mut found = Vec::new();
        let mut last: Option<(OcspId, bool)> = None;
        for (id, pooled, answer) in about {
            let may = match last.filter(|(known, _)| *known == id) {
                Some((_, may)) => may,
                None => self.may_answer(id, &pooled.ocsp, issuer, path)?,
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
        Ok(found)
    }

    /// The issuer signed the response, or a responder of his did.
    fn may_answer(
        &mut self,
        id: OcspId,
        ocsp: &Ocsp,
        issuer: &Node,
        path: &[CertificateId],
    ) -> Result<bool, RunError> {
        let signers = self.signers(id, ocsp, issuer)?;
        if signers.issuer {
            return Ok(true);
        }
        for der in &signers.delegates {
            let Ok(delegate) = Certificate::read(der) else {
                continue;
            };
            if !self.is_distrusted(&delegate)
                && !self.is_revoked_delegate(&delegate, path, ocsp.produced_at())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As remembered, or found out and remembered.
    fn signers(
        &mut self,
        id: OcspId,
        ocsp: &Ocsp,
        issuer: &Node,
    ) -> Result<Arc<Signers>, RunError> {
        if let Some(known) = self.responders.signers.get(&(id, issuer.id)) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.find_signers(ocsp, issuer)?);
        if self.responders.signers.len() >= TRUST_CACHE {
            self.responders.signers.clear();
        }
        self.responders
            .signers
            .insert((id, issuer.id), Arc::clone(&found));
        Ok(found)
    }

    fn find_signers(&mut self, ocsp: &Ocsp, issuer: &Node) -> Result<Signers, RunError> {
        let mut signers = Signers::default();
        let (Some(above), Ok(key)) = (issuer.certificate(), &issuer.key) else {
            return Ok(signers);
        };
        if ocsp.is_by(&above) {
            signers.issuer = self.checker.signed_ocsp(ocsp, key);
            if signers.issuer {
                return Ok(signers);
            }
        }
        // All of a response's certificates are in the pool, too; and it need not carry the responder's: the relying party may have it
        // (RFC 6960 §4.2.2.2).
        let pool = self.pool;
        for id in pooled_responders(pool, ocsp, above.subject) {
            let der = pool.der(id)?;
            if self.is_delegate((id, &der), ocsp, issuer.id, &above, key) {
                signers.delegates.push(der.into_owned());
            }
        }
        Ok(signers)
    }

    /// The certificate is a responder's, issued by the authority itself, and its key signed the response.
    fn is_delegate(
        &mut self,
        (id, der): (CertificateId, &[u8]),
        ocsp: &Ocsp,
        issuer: CertificateId,
        above: &Certificate<'_>,
        key: &PublicKey,
    ) -> bool {
        let known = self.responders.issued.get(&(id, issuer)).copied();
        if known == Some(false) {
            return false;
        }
        let Ok(delegate) = Certificate::read(der) else {
            return false;
        };
        if !ocsp.is_by(&delegate)
            || !delegate.issuer.matches(above.subject)
            || !may_respond(&delegate, ocsp.produced_at())
        {
            return false;
        }
        if known.is_none() {
            let is_issued = self.checker.signed(&delegate, key);
            if self.responders.issued.len() >= TRUST_CACHE {
                self.responders.issued.clear();
            }
            self.responders.issued.insert((id, issuer), is_issued);
            if !is_issued {
                return false;
            }
        }
        let own = PublicKey::from_spki(delegate.spki, self.checker.limits);
        own.is_ok_and(|own| self.checker.signed_ocsp(ocsp, &own))
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
