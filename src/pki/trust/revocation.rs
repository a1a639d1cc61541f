//! Is a certificate revoked at a time, as far as the CRLs at hand tell (RFC 5280 §6.3, by CRLs of any age)?
//!
//! A CRL is *usable* for a certificate when its issuer is the certificate's, or one that the certificate names in its
//! cRLDistributionPoints; its signature is that of an authority that has cRLSign and stands on the path, or has a path of its
//! own without failures to the same anchor, valid when the CRL was issued; and the certificate lies in its scope.
//! Every usable CRL can prove a revocation. That a certificate is good is proved only by a complete one that the operator gave,
//! or any with [`RevocationOptions::trust_embedded`]. An OCSP response counts as a CRL for one certificate does; who may give it is
//! told in `responder`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asn1::time::Time;
use crate::error::RunError;
use crate::limits::TRUST_CACHE;
use crate::pki::pool::{CertificateId, CrlId, OcspId, Origins, Pool, PoolCrl};
use crate::pki::trust::chain::Model;
use crate::pki::trust::hierarchy::{Hierarchy, SignedCrl};
use crate::pki::trust::link::Checker;
use crate::pki::trust::path;
use crate::pki::trust::responder::{Answer, Responders};
use crate::pki::trust::scope::{Points, is_in_scope};
use crate::pki::words::words;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::{Crl, CrlEntry, CrlScope, RevocationReason};
use crate::pki::x509::ocsp::OcspStatus;

words! {
    /// The revocation axis. Ordered from the best to the worst; the worst of a path's certificates counts.
    pub enum Revocation {
        /// Not revoked, by a CRL that covers the time.
        Good = "good",
        /// No CRL was given at all, or the operator wants none used.
        NotChecked = "not_checked",
        /// The CRLs that speak for the certificate all ended before the time.
        Stale = "stale",
        /// No CRL speaks for the certificate, or none that can say that it is good.
        Unknown = "unknown",
        /// Revoked after the time.
        RevokedLater = "revoked_later",
        /// Revoked at the time.
        Revoked = "revoked",
    }
}

/// What the operator decided about CRLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RevocationOptions {
    /// Use CRLs. Without it every answer is `not_checked`.
    pub use_crls: bool,
    /// Let CRLs found in mail say `good` too.
    pub trust_embedded: bool,
}

impl Default for RevocationOptions {
    fn default() -> Self {
        Self {
            use_crls: true,
            trust_embedded: false,
        }
    }
}

impl RevocationOptions {
    /// What came from there may speak for a certificate, and not only against it.
    fn counts(self, origins: Origins) -> bool {
        origins.given || self.trust_embedded
    }
}

/// A CRL or OCSP response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RevocationEvidence {
    /// A CRL.
    Crl(CrlId),
    /// An OCSP response.
    Ocsp(OcspId),
}

/// The answer about one certificate, and what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRevocation {
    /// Whose.
    pub certificate: CertificateId,
    /// The answer.
    pub value: Revocation,
    /// What decided; None where nothing did.
    pub decided_by: Option<RevocationEvidence>,
    /// Its `thisUpdate`.
    pub this_update: Option<Time>,
    /// Its `nextUpdate`.
    pub next_update: Option<Time>,
    /// Why it is or will be revoked.
    pub reason: Option<RevocationReason>,
    /// From when: min(revocationDate, invalidityDate).
    pub revoked_at: Option<Time>,
}

/// The answer about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationJudgement {
    /// The worst answer; the one nearest to the signer of equal ones. None for a path that is the anchor alone.
    pub worst: Option<CertificateRevocation>,
    /// Each certificate's answer but the anchor's, the signer first.
    pub each: Vec<CertificateRevocation>,
}

impl RevocationJudgement {
    /// The word for the report. A path that is only an anchor has nothing that could be revoked: `good`.
    #[must_use]
    pub fn value(&self) -> Revocation {
        self.worst.map_or(Revocation::Good, |worst| worst.value)
    }

    /// Some certificate's state is not known: what `--require-revocation` refuses, whatever `value` says.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.each.iter().any(|one| match one.value {
            Revocation::NotChecked | Revocation::Stale | Revocation::Unknown => true,
            Revocation::Good | Revocation::RevokedLater | Revocation::Revoked => false,
        })
    }
}

/// A certificate of a path is revoked from some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownRevocation {
    /// Whose.
    pub certificate: CertificateId,
    /// What says so.
    pub decided_by: RevocationEvidence,
    /// Why.
    pub reason: RevocationReason,
    /// From when: min(revocationDate, invalidityDate).
    pub revoked_at: Time,
}

/// One look at one path.
pub(super) struct Court<'c, 'l> {
    pub(super) pool: &'l Pool,
    pub(super) hierarchy: &'l Hierarchy,
    pub(super) checker: &'c mut Checker<'l>,
    pub(super) cases: &'c mut Cases,
    pub(super) responders: &'c mut Responders,
    pub(super) options: RevocationOptions,
    /// The path looked at is that of a CRL's signer: the signers of its CRLs are not asked in turn, which could go on
    /// for ever.
    pub(super) of_signer: bool,
    pub(super) model: Model,
}

/// What is remembered of paths: everything about revocation but the time.
pub(super) type Cases = HashMap<(Vec<CertificateId>, RevocationOptions, bool), Arc<Case>>;

/// What the CRLs and OCSP responses say of the certificate at the beginning of a path, at all times.
pub(super) struct Case {
    /// What may say that it is good.
    statements: Vec<Statement>,
    /// Its revocations.
    terms: Vec<Term>,
}

/// Something that was issued at a time and says that the certificate is not revoked.
#[derive(Clone, Copy)]
struct Statement {
    evidence: RevocationEvidence,
    this_update: Time,
    next_update: Option<Time>,
    /// Until when it holds.
    until: Option<Time>,
    /// Of the reasons for which it speaks.
    reasons: u16,
    /// It was issued while the certificate was valid, or speaks of expired ones too.
    keeps: bool,
}

impl Statement {
    fn covers_all_reasons(&self) -> bool {
        self.reasons & CrlScope::ALL_REASONS == CrlScope::ALL_REASONS
    }

    fn clears(&self, at: Time) -> bool {
        self.keeps && self.until.is_some_and(|until| at <= until)
    }

    fn has_ended(&self, at: Time) -> bool {
        self.until.is_some_and(|until| until < at)
    }
}

/// A revocation in force from `from` until `until`, if that comes.
struct Term {
    evidence: RevocationEvidence,
    this_update: Time,
    next_update: Option<Time>,
    entry: CrlEntry,
    from: Time,
    until: Option<Time>,
}

impl Term {
    fn is_in_force(&self, at: Time) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

impl<'l> Court<'_, 'l> {
    pub(super) fn judge(
        &mut self,
        path: &[CertificateId],
        at: Time,
    ) -> Result<RevocationJudgement, RunError> {
        let mut each = Vec::new();
        for index in 0..path.len().saturating_sub(1) {
            let rest = path.get(index..).unwrap_or_default();
            let at = self.asked_at(path, index, at)?;
            each.extend(self.judge_one(rest, at)?);
        }
        let mut worst: Option<CertificateRevocation> = None;
        for one in &each {
            if worst.is_none_or(|worst| one.value > worst.value) {
                worst = Some(*one);
            }
        }
        Ok(RevocationJudgement { worst, each })
    }

    /// By the chain model an authority must have been good when it issued what is below it.
    fn asked_at(&self, path: &[CertificateId], index: usize, at: Time) -> Result<Time, RunError> {
        let below = index.checked_sub(1).and_then(|below| path.get(below));
        match (self.model, below) {
            (Model::Shell, _) | (Model::Chain, None) => Ok(at),
            (Model::Chain, Some(below)) => {
                let der = self.pool.der(*below)?;
                let issued = Certificate::read(&der).and_then(|below| below.not_before);
                Ok(issued.unwrap_or(at))
            }
        }
    }

    pub(super) fn known(
        &mut self,
        path: &[CertificateId],
    ) -> Result<Vec<KnownRevocation>, RunError> {
        let mut known = Vec::new();
        if !self.options.use_crls {
            return Ok(known);
        }
        for index in 0..path.len().saturating_sub(1) {
            let rest = path.get(index..).unwrap_or_default();
            let (Some(id), Some(case)) = (rest.first(), self.case(rest)?) else {
                continue;
            };
            known.extend(
                case.terms
                    .iter()
                    .filter(|term| term.until.is_none())
                    .map(|term| KnownRevocation {
                        certificate: *id,
                        decided_by: term.evidence,
                        reason: term.entry.reason,
                        revoked_at: term.from,
                    }),
            );
        }
        Ok(known)
    }

    /// `path` begins with the certificate and ends with the anchor.
    fn judge_one(
        &mut self,
        path: &[CertificateId],
        at: Time,
    ) -> Result<Option<CertificateRevocation>, RunError> {
        let Some(id) = path.first() else {
            return Ok(None);
        };
        let answer = |value| CertificateRevocation {
            certificate: *id,
            value,
            decided_by: None,
            this_update: None,
            next_update: None,
            reason: None,
            revoked_at: None,
        };
        if !self.options.use_crls {
            return Ok(Some(answer(Revocation::NotChecked)));
        }
        let Some(case) = self.case(path)? else {
            return Ok(Some(answer(Revocation::Unknown)));
        };
        let revoked = |value, term: &Term| CertificateRevocation {
            decided_by: Some(term.evidence),
            this_update: Some(term.this_update),
            next_update: term.next_update,
            reason: Some(term.entry.reason),
            revoked_at: Some(term.from),
            ..answer(value)
        };
        if let Some(term) = case.terms.iter().find(|term| term.is_in_force(at)) {
            return Ok(Some(revoked(Revocation::Revoked, term)));
        }
        if let Some(term) = case.terms.iter().find(|term| term.from > at) {
            return Ok(Some(revoked(Revocation::RevokedLater, term)));
        }
        if !self.pool.has_crls(self.options.trust_embedded) {
            return Ok(Some(answer(Revocation::NotChecked)));
        }
        let is_crl = |one: &&Statement| matches!(one.evidence, RevocationEvidence::Crl(_));
        let (crls, responses): (Vec<&Statement>, Vec<_>) = case.statements.iter().partition(is_crl);
        // Lists and responses are two ways to the same answer: the better one counts, as both may say that it is good.
        let best = [decide(&crls, at), decide(&responses, at)]
            .into_iter()
            .flatten()
            .min_by_key(|(value, _)| *value);
        Ok(Some(match best {
            None => answer(Revocation::Unknown),
            Some((value, latest)) => CertificateRevocation {
                decided_by: Some(latest.evidence),
                this_update: Some(latest.this_update),
                next_update: latest.next_update,
                ..answer(value)
            },
        }))
    }

    /// What is said of the certificate at the beginning of `path`; None where it can't be read.
    fn case(&mut self, path: &[CertificateId]) -> Result<Option<Arc<Case>>, RunError> {
        let key = (path.to_vec(), self.options, self.of_signer);
        if let Some(known) = self.cases.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(id) = path.first() else {
            return Ok(None);
        };
        let der = self.pool.der(*id)?;
        let Ok(certificate) = Certificate::read(&der) else {
            return Ok(None);
        };
        let usable = self.usable(&certificate, path)?;
        let answers = self.answers(&certificate, path)?;
        let case = Arc::new(Case {
            statements: statements(&certificate, &usable, &answers, self.options),
            terms: terms(&certificate, &usable, &answers, self.options),
        });
        if self.cases.len() >= TRUST_CACHE {
            self.cases.clear();
        }
        self.cases.insert(key, Arc::clone(&case));
        Ok(Some(case))
    }

    /// CRLs that speak for the certificate at the beginning of `path`, by SHA-256.
    fn usable(
        &mut self,
        certificate: &Certificate<'_>,
        path: &[CertificateId],
    ) -> Result<Vec<(CrlId, &'l PoolCrl)>, RunError> {
        let points = Points::read(certificate);
        let mut usable: Vec<(CrlId, &'l PoolCrl)> = Vec::new();
        let mut signers = HashMap::new();
        let (hierarchy, pool) = (self.hierarchy, self.pool);
        for issuer in std::iter::once(&certificate.issuer).chain(&points.issuers) {
            for signed in hierarchy.crls_of(issuer.key()) {
                let Some(pooled) = pool.crl(signed.id) else {
                    continue;
                };
                if !pooled.crl.issuer().matches(*issuer)
                    || !is_in_scope(&pooled.crl, certificate, &points)
                    || !self.may_speak(signed, &pooled.crl, path, &mut signers)?
                {
                    continue;
                }
                usable.push((signed.id, pooled));
            }
        }
        usable.sort_unstable_by_key(|(id, _)| *id);
        Ok(usable)
    }

    /// A signer of the CRL is an authority of the path, or has a good path to the same anchor.
    fn may_speak(
        &mut self,
        signed: &SignedCrl,
        crl: &Crl,
        path: &[CertificateId],
        known: &mut HashMap<CertificateId, Vec<path::Judged>>,
    ) -> Result<bool, RunError> {
        let above = path.get(1..).unwrap_or_default();
        if signed.signers.iter().any(|signer| above.contains(signer)) {
            return Ok(true);
        }
        let Some(anchor) = path.last() else {
            return Ok(false);
        };
        for signer in &signed.signers {
            if !known.contains_key(signer) {
                let (pool, hierarchy) = (self.pool, self.hierarchy);
                let judged = path::judged(pool, hierarchy, self.checker, *signer, None)?;
                known.insert(*signer, judged);
            }
            let paths = known.get(signer).map(Vec::as_slice).unwrap_or_default();
            let issued = crl.this_update();
            for judged in paths {
                if judged.anchor.is_some_and(|own| self.is_same(own, *anchor))
                    && judged.is_good_at(issued)
                    && (self.of_signer || !self.is_revoked_signer(&judged.path, issued)?)
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// A certificate of a CRL signer's path was revoked when it signed, or is revoked so that it may have been somebody
    /// else who signed.
    pub(super) fn is_revoked_signer(
        &mut self,
        path: &[CertificateId],
        issued: Time,
    ) -> Result<bool, RunError> {
        let mut court = Court {
            pool: self.pool,
            hierarchy: self.hierarchy,
            checker: &mut *self.checker,
            cases: &mut *self.cases,
            responders: &mut *self.responders,
            options: self.options,
            of_signer: true,
            model: self.model,
        };
        let known = court.known(path)?;
        Ok(known
            .iter()
            .any(|known| known.revoked_at <= issued || known.reason.makes_claimed_time_worthless()))
    }

    /// One anchor in two certificates is one anchor.
    fn is_same(&self, one: CertificateId, other: CertificateId) -> bool {
        let key = |id| {
            let node = self.hierarchy.node(id)?;
            Some((node.subject, node.spki_sha256))
        };
        one == other || (key(one).is_some() && key(one) == key(other))
    }
}

/// The value of the statements of one kind at a time where the certificate is not revoked, and the one that decides: the latest.
fn decide<'s>(statements: &[&'s Statement], at: Time) -> Option<(Revocation, &'s Statement)> {
    let latest_of = |complete: bool| {
        statements
            .iter()
            .filter(|one| one.covers_all_reasons() || !complete)
            .max_by_key(|one| (one.this_update, one.evidence))
    };
    let latest = latest_of(true).or_else(|| latest_of(false))?;
    // CRLs for some reasons each clear a certificate together (RFC 5280 §6.3.3 (d), (e)).
    let together = || {
        let parts = statements.iter().filter(|part| part.clears(at));
        let reasons = parts.fold(0, |all, part| all | part.reasons);
        reasons & CrlScope::ALL_REASONS == CrlScope::ALL_REASONS
    };
    let clears = match latest.covers_all_reasons() {
        true => latest.clears(at),
        false => together(),
    };
    let value = if clears {
        Revocation::Good
    } else if statements.iter().all(|one| one.has_ended(at)) {
        Revocation::Stale
    } else {
        Revocation::Unknown
    };
    Some((value, *latest))
}

fn statements(
    certificate: &Certificate<'_>,
    usable: &[(CrlId, &PoolCrl)],
    answers: &[Answer<'_>],
    options: RevocationOptions,
) -> Vec<Statement> {
    let not_after = certificate.not_after.ok();
    let lists = usable
        .iter()
        .filter(|(_, pooled)| options.counts(pooled.origins) && pooled.crl.is_base())
        .map(|(id, pooled)| Statement {
            evidence: RevocationEvidence::Crl(*id),
            this_update: pooled.crl.this_update(),
            next_update: pooled.crl.next_update(),
            until: pooled.crl.next_update(),
            reasons: pooled.crl.scope().reasons,
            keeps: keeps_entry(&pooled.crl, not_after),
        });
    let responses = answers
        .iter()
        .filter(|one| {
            let good = one.answer.status == OcspStatus::Good && one.answer.understood;
            good && options.counts(one.origins)
        })
        .map(|one| Statement {
            evidence: RevocationEvidence::Ocsp(one.id),
            this_update: one.answer.this_update,
            next_update: one.answer.next_update,
            // Without nextUpdate newer information is there at any time (RFC 6960 §4.2.2.1): it holds for what was before.
            until: Some(one.answer.next_update.unwrap_or(one.answer.this_update)),
            reasons: CrlScope::ALL_REASONS,
            keeps: not_after.is_some_and(|not_after| {
                one.answer.this_update <= not_after
                    || one
                        .answer
                        .archive_cutoff
                        .is_some_and(|cutoff| cutoff <= not_after)
            }),
        });
    lists.chain(responses).collect()
}

/// Revocations by all CRLs and OCSP responses, the earliest first. A suspension ends with the first `removeFromCRL` that a later CRL has for
/// it: at the date of that entry, or where that is no later than the suspension, with that CRL.
/// As evidence for the certificate, that entry must be in a CRL that may say `good`.
fn terms(
    certificate: &Certificate<'_>,
    usable: &[(CrlId, &PoolCrl)],
    answers: &[Answer<'_>],
    options: RevocationOptions,
) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut removals: Vec<(Time, CrlEntry)> = Vec::new();
    for (id, pooled) in usable {
        let crl = &pooled.crl;
        for entry in crl.entries(certificate.issuer, certificate.serial) {
            if entry.reason == RevocationReason::RemoveFromCrl {
                if !options.counts(pooled.origins) {
                    continue;
                }
                removals.push((crl.this_update(), entry));
            } else {
                terms.push(Term {
                    evidence: RevocationEvidence::Crl(*id),
                    this_update: crl.this_update(),
                    next_update: crl.next_update(),
                    from: entry.since(),
                    until: None,
                    entry,
                });
            }
        }
    }
    for one in answers {
        if let OcspStatus::Revoked(entry) = one.answer.status {
            terms.push(Term {
                evidence: RevocationEvidence::Ocsp(one.id),
                this_update: one.answer.this_update,
                next_update: one.answer.next_update,
                from: entry.since(),
                until: None,
                entry,
            });
        }
    }
    for term in &mut terms {
        if term.entry.reason == RevocationReason::CertificateHold {
            term.until = removals
                .iter()
                .filter(|(issued, _)| *issued > term.entry.revoked)
                .map(|(issued, removal)| {
                    if removal.revoked > term.entry.revoked {
                        removal.revoked
                    } else {
                        *issued
                    }
                })
                .min();
        }
    }
    // The CRL's own order breaks ties, so that the answer depends on nothing else.
    terms.sort_by_key(|term| (term.from, term.evidence));
    terms
}

/// The CRL was issued while the certificate was valid, or keeps entries of certificates that expired (X.509 §9.5.2.8).
fn keeps_entry(crl: &Crl, not_after: Option<Time>) -> bool {
    not_after.is_some_and(|not_after| {
        crl.this_update() <= not_after
            || crl.expired_since().is_some_and(|since| since <= not_after)
    })
}
