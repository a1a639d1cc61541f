//! Is a certificate revoked at a time, as far as the CRLs at hand tell (RFC 5280 §6.3, by CRLs of any age)?
//!
//! A CRL is *usable* for a certificate when its issuer is the certificate's, or one that the certificate names in its
//! cRLDistributionPoints; its signature is that of an authority that has cRLSign and stands on the path, or has a path of its
//! own without failures to the same anchor, valid when the CRL was issued; and the certificate lies in its scope.
//! Every usable CRL can prove a revocation. That a certificate is good is proved only by a complete one that the operator gave,
//! or any with [`RevocationOptions::trust_embedded`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::asn1::time::Time;
use crate::error::RunError;
use crate::limits::TRUST_CACHE;
use crate::pki::pool::{CertificateId, CrlId, Pool, PoolCrl};
use crate::pki::trust::hierarchy::{Hierarchy, SignedCrl};
use crate::pki::trust::link::Checker;
use crate::pki::trust::path;
use crate::pki::words::words;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::{Crl, CrlEntry, CrlScope, RevocationReason};
use crate::pki::x509::extensions::DistributionPointName;
use crate::pki::x509::general_name::GeneralName;
use crate::pki::x509::name::{Name, NameKey};

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
    /// A CRL may speak for a certificate, and not only against it.
    fn counts(self, pooled: &PoolCrl) -> bool {
        pooled.origins.given || self.trust_embedded
    }
}

/// The answer about one certificate, and what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRevocation {
    /// Whose.
    pub certificate: CertificateId,
    /// The answer.
    pub value: Revocation,
    /// The CRL that decided; None where none did.
    pub decided_by: Option<CrlId>,
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
    /// The CRL that says so.
    pub decided_by: CrlId,
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
    pub(super) cases: &'c mut Cases<'l>,
    pub(super) options: RevocationOptions,
    /// The path looked at is that of a CRL's signer: the signers of its CRLs are not asked in turn, which could go on
    /// for ever.
    pub(super) of_signer: bool,
}

/// What is remembered of paths: everything about revocation but the time.
pub(super) type Cases<'l> = HashMap<(Vec<CertificateId>, RevocationOptions, bool), Arc<Case<'l>>>;

/// What the CRLs say of the certificate at the beginning of a path, at all times.
pub(super) struct Case<'l> {
    /// CRLs that speak for it, by SHA-256.
    usable: Vec<(CrlId, &'l PoolCrl)>,
    /// Its revocations.
    terms: Vec<Term>,
    /// Its notAfter, where that can be read.
    not_after: Option<Time>,
}

/// A revocation in force from `from` until `until`, if that comes.
struct Term {
    crl: CrlId,
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
                        decided_by: term.crl,
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
        let decided = |value, crl: CrlId, entry: Option<&Term>| CertificateRevocation {
            decided_by: Some(crl),
            this_update: self.pool.crl(crl).map(|pooled| pooled.crl.this_update()),
            next_update: self
                .pool
                .crl(crl)
                .and_then(|pooled| pooled.crl.next_update()),
            reason: entry.map(|term| term.entry.reason),
            revoked_at: entry.map(|term| term.from),
            ..answer(value)
        };
        if let Some(term) = case.terms.iter().find(|term| term.is_in_force(at)) {
            return Ok(Some(decided(Revocation::Revoked, term.crl, Some(term))));
        }
        if let Some(term) = case.terms.iter().find(|term| term.from > at) {
            return Ok(Some(decided(
                Revocation::RevokedLater,
                term.crl,
                Some(term),
            )));
        }
        let counts = |pooled: &PoolCrl| self.options.counts(pooled);
        if !self.pool.has_crls(self.options.trust_embedded) {
            return Ok(Some(answer(Revocation::NotChecked)));
        }
        let speaking: Vec<&(CrlId, &PoolCrl)> = case
            .usable
            .iter()
            .filter(|(_, pooled)| counts(pooled) && pooled.crl.is_base())
            .collect();
        let latest_of = |complete: bool| {
            speaking
                .iter()
                .filter(|(_, pooled)| pooled.crl.covers_all_reasons() || !complete)
                .max_by_key(|(id, pooled)| (pooled.crl.this_update(), *id))
        };
        let Some((latest, pooled)) = latest_of(true).or_else(|| latest_of(false)) else {
            return Ok(Some(answer(Revocation::Unknown)));
        };
        let clears = |crl: &Crl| {
            crl.next_update().is_some_and(|next| at <= next) && keeps_entry(crl, case.not_after)
        };
        // CRLs for some reasons each clear a certificate together (RFC 5280 §6.3.3 (d), (e)).
        let together = || {
            let parts = speaking.iter().filter(|(_, part)| clears(&part.crl));
            let reasons = parts.fold(0, |all, (_, part)| all | part.crl.scope().reasons);
            reasons & CrlScope::ALL_REASONS == CrlScope::ALL_REASONS
        };
        let ended = |crl: &Crl| crl.next_update().is_some_and(|next| next < at);
        let value = if pooled.crl.covers_all_reasons() && clears(&pooled.crl)
            || !pooled.crl.covers_all_reasons() && together()
        {
            Revocation::Good
        } else if speaking.iter().all(|(_, pooled)| ended(&pooled.crl)) {
            Revocation::Stale
        } else {
            Revocation::Unknown
        };
        Ok(Some(decided(value, *latest, None)))
    }

    /// What the CRLs say of the certificate at the beginning of `path`; None where it can't be read.
    fn case(&mut self, path: &[CertificateId]) -> Result<Option<Arc<Case<'l>>>, RunError> {
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
        let terms = terms(&certificate, &usable, self.options);
        let case = Arc::new(Case {
            usable,
            terms,
            not_after: certificate.not_after.ok(),
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
    fn is_revoked_signer(
        &mut self,
        path: &[CertificateId],
        issued: Time,
    ) -> Result<bool, RunError> {
        let mut court = Court {
            pool: self.pool,
            hierarchy: self.hierarchy,
            checker: &mut *self.checker,
            cases: &mut *self.cases,
            options: self.options,
            of_signer: true,
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

/// Revocations by all CRLs, the earliest first. A suspension ends with the first `removeFromCRL` that a later CRL has for
/// it: at the date of that entry, or where that is no later than the suspension, with that CRL.
/// As evidence for the certificate, that entry must be in a CRL that may say `good`.
fn terms(
    certificate: &Certificate<'_>,
    usable: &[(CrlId, &PoolCrl)],
    options: RevocationOptions,
) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut removals: Vec<(Time, CrlEntry)> = Vec::new();
    for (id, pooled) in usable {
        for entry in pooled.crl.entries(certificate.issuer, certificate.serial) {
            if entry.reason == RevocationReason::RemoveFromCrl {
                if !options.counts(pooled) {
                    continue;
                }
                removals.push((pooled.crl.this_update(), entry));
            } else {
                terms.push(Term {
                    crl: *id,
                    from: entry.since(),
                    until: None,
                    entry,
                });
            }
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
    terms.sort_by_key(|term| (term.from, term.crl));
    terms
}

/// The CRL was issued while the certificate was valid, or keeps entries of certificates that expired (X.509 §9.5.2.8).
fn keeps_entry(crl: &Crl, not_after: Option<Time>) -> bool {
    not_after.is_some_and(|not_after| {
        crl.this_update() <= not_after
            || crl.expired_since().is_some_and(|since| since <= not_after)
    })
}

/// The distribution points that a certificate names.
struct Points<'c> {
    /// CRL issuers beside the certificate's own.
    issuers: Vec<Name<'c>>,
    /// Who issues the CRL of a point, and a name of the point (RFC 5280 §6.3.3 (b)(1), (2)(i)).
    names: HashSet<(NameKey, PointKey)>,
}

impl<'c> Points<'c> {
    fn read(certificate: &Certificate<'c>) -> Self {
        let points = certificate.extensions.crl_distribution_points();
        let mut all = Self {
            issuers: Vec::new(),
            names: HashSet::new(),
        };
        let mut seen = HashSet::from([certificate.issuer.key()]);
        for point in points.ok().flatten().unwrap_or_default() {
            let mut owners = Vec::new();
            for issuer in &point.crl_issuer {
                if let GeneralName::Directory(name) = issuer {
                    owners.push(*name);
                    if seen.insert(name.key()) {
                        all.issuers.push(*name);
                    }
                }
            }
            if point.crl_issuer.is_empty() {
                owners.push(certificate.issuer);
            }
            for owner in owners {
                let names = match &point.name {
                    Some(name) => complete(name, owner),
                    // A point without a name is called by its CRL issuer.
                    None => point.crl_issuer.iter().map(key_of).collect(),
                };
                let key = owner.key();
                all.names.extend(names.into_iter().map(|name| (key, name)));
            }
        }
        all
    }
}

/// RFC 5280 §6.3.3 (b).
fn is_in_scope(crl: &Crl, certificate: &Certificate<'_>, points: &Points<'_>) -> bool {
    let scope = crl.scope();
    let constraints = certificate.extensions.basic_constraints();
    let is_ca = matches!(constraints, Ok(Some(constraints)) if constraints.ca);
    if scope.only_attributes
        || (scope.only_users && is_ca)
        || (scope.only_authorities && !is_ca)
        || (!scope.indirect && !crl.issuer().matches(certificate.issuer))
    {
        return false;
    }
    if !scope.one_distribution_point {
        return true;
    }
    crl.distribution_point().is_some_and(|name| {
        complete(&name, crl.issuer())
            .into_iter()
            .any(|name| points.names.contains(&(crl.issuer_key(), name)))
    })
}

/// What two names of one point have in common.
type PointKey = (u8, Vec<u8>);

fn complete(name: &DistributionPointName<'_>, issuer: Name<'_>) -> Vec<PointKey> {
    match name {
        DistributionPointName::Full(names) => names.iter().map(key_of).collect(),
        DistributionPointName::Relative(rdn) => vec![(4, issuer.normalised_with(rdn))],
    }
}

fn key_of(name: &GeneralName<'_>) -> PointKey {
    match name {
        GeneralName::Rfc822(octets) => (1, octets.to_vec()),
        GeneralName::Dns(octets) => (2, octets.to_vec()),
        GeneralName::Directory(name) => (4, name.normalised()),
        GeneralName::Uri(octets) => (6, octets.to_vec()),
        GeneralName::Ip(octets) => (7, octets.to_vec()),
        GeneralName::SmtpUtf8Mailbox(octets) => (9, octets.to_vec()),
        GeneralName::Other(oid) => (0, oid.content().to_vec()),
        GeneralName::Rare(number) => (10, number.to_be_bytes().to_vec()),
    }
}
