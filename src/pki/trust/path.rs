//! Paths from a certificate to an anchor: all of them, each judged as far as no clock is needed.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use crate::asn1::time::Time;
use crate::crypto::key::KeyError;
use crate::error::RunError;
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::constraints;
use crate::pki::trust::hierarchy::{Hierarchy, Node, has_key_identifier};
use crate::pki::trust::link::Checker;
use crate::pki::trust::partial;
use crate::pki::trust::purpose;
use crate::pki::trust::{Chain, ChainJudgement, Model, Purpose, TrustFinding};
use crate::pki::x509::certificate::Certificate;

/// What is wrong with a path, and what is worth knowing of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    pub(super) reasons: Vec<Chain>,
    pub(super) findings: Vec<TrustFinding>,
}

impl Failures {
    pub(super) fn add(&mut self, reason: Chain, finding: Option<TrustFinding>) {
        self.reasons.push(reason);
        self.findings.extend(finding);
    }

    pub(super) fn note(&mut self, finding: TrustFinding) {
        self.findings.push(finding);
    }
}

/// A path with everything that does not depend on the clock.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) path: Vec<CertificateId>,
    pub(super) anchor: Option<CertificateId>,
    pub(super) failures: Failures,
    /// From the latest notBefore to the earliest notAfter of all but the anchor.
    window: Window,
    /// The anchor's own.
    anchor_window: Window,
    /// The signer's own.
    signer_window: Window,
    /// Authorities that were not valid when they issued what is below them.
    issuance: Vec<Chain>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    from: Option<Time>,
    to: Option<Time>,
}

impl Window {
    fn narrow(&mut self, certificate: &Certificate<'_>) {
        if let Ok(from) = certificate.not_before {
            self.from = Some(self.from.map_or(from, |known| known.max(from)));
        }
        if let Ok(to) = certificate.not_after {
            self.to = Some(self.to.map_or(to, |known| known.min(to)));
        }
    }

    fn is_before(self, at: Time) -> bool {
        self.to.is_some_and(|to| to < at)
    }

    fn is_after(self, at: Time) -> bool {
        self.from.is_some_and(|from| at < from)
    }
}

impl Judged {
    /// Without a failure but dates, and good at this time.
    pub(super) fn is_good_at(&self, at: Time) -> bool {
        self.failures.reasons.is_empty() && !self.window.is_after(at) && !self.window.is_before(at)
    }

    fn at(&self, at: Time, model: Model) -> ChainJudgement {
        let mut reasons = self.failures.reasons.clone();
        let window = match model {
            Model::Shell => self.window,
            Model::Chain => {
                reasons.extend(&self.issuance);
                self.signer_window
            }
        };
        let mut findings = self.failures.findings.clone();
        if window.is_after(at) {
            reasons.push(Chain::NotYetValid);
        }
        if window.is_before(at) {
            reasons.push(Chain::Expired);
        }
        if self.anchor_window.is_after(at) {
            findings.push(TrustFinding::AnchorNotYetValid);
        }
        if self.anchor_window.is_before(at) {
            findings.push(TrustFinding::AnchorExpired);
        }
        reasons.sort_unstable();
        reasons.dedup();
        findings.sort_unstable();
        findings.dedup();
        ChainJudgement {
            value: reasons.first().copied().unwrap_or(Chain::Trusted),
            reasons,
            path: self.path.clone(),
            anchor: self.anchor,
            findings,
        }
    }
}

/// All paths of one certificate for one use: the shortest first, equally long ones by the SHA-256 of their certificates.
pub(super) struct Candidates {
    first: Judged,
    others: Vec<Judged>,
}

impl Candidates {
    /// One of them leads to an anchor.
    pub(super) fn has_anchor(&self) -> bool {
        self.first.anchor.is_some()
    }

    /// The issuer of the first path that nothing but dates speaks against.
    pub(super) fn issuer(&self) -> Option<CertificateId> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .filter(|judged| judged.anchor.is_some())
            .find(|judged| {
                let dates = |reason: &Chain| matches!(reason, Chain::NotYetValid | Chain::Expired);
                judged.failures.reasons.iter().all(dates)
            })
            .and_then(|judged| judged.path.get(1).copied())
    }

    /// The first path that is trusted, else the one whose first failure comes last.
    pub(super) fn judge(&self, at: Time, model: Model) -> ChainJudgement {
        let mut best = self.first.at(at, model);
        for other in &self.others {
            if best.value == Chain::Trusted {
                break;
            }
            let other = other.at(at, model);
            if other.value > best.value {
                best = other;
            }
        }
        best
    }

    /// That path, and behind it the others with an anchor that are no worse.
    pub(super) fn all(&self, at: Time, model: Model) -> Vec<ChainJudgement> {
        let best = self.judge(at, model);
        if self.others.is_empty() || best.anchor.is_none() {
            return vec![best];
        }
        let judged = std::iter::once(&self.first).chain(&self.others);
        let others: Vec<_> = judged
            .map(|judged| judged.at(at, model))
            .filter(|one| one.value == best.value && one.anchor.is_some() && one.path != best.path)
            .collect();
        std::iter::once(best).chain(others).collect()
    }
}

/// Finds and judges the paths. `None` as purpose is how a CRL's signer is looked at.
pub(super) fn judged(
    pool: &Pool,
    hierarchy: &Hierarchy,
    checker: &mut Checker<'_>,
    id: CertificateId,
    purpose: Option<Purpose>,
) -> Result<Vec<Judged>, RunError> {
    let der = pool.der(id)?;
    let Ok(certificate) = Certificate::read(&der) else {
        let mut failures = Failures::default();
        failures.add(Chain::Incomplete, None);
        return Ok(vec![Judged {
            path: vec![id],
            anchor: None,
            failures,
            window: Window::default(),
            anchor_window: Window::default(),
            signer_window: Window::default(),
            issuance: Vec::new(),
        }]);
    };
    if let Some(anchor) = hierarchy.node(id).filter(|node| node.is_anchor) {
        let path = [Arc::clone(anchor)];
        return Ok(vec![judge(checker, id, &certificate, &path, purpose)]);
    }
    let (issuers, issuers_left) = if hierarchy.is_distrusted(id) {
        (Vec::new(), false)
    } else {
        issuers_of(hierarchy, checker, id, &certificate)
    };
    let (paths, paths_left) = enumerate(pool, hierarchy, checker, &certificate, issuers);
    let mut all: Vec<Judged> = paths
        .iter()
        .map(|path| judge(checker, id, &certificate, path, purpose))
        .collect();
    if all.is_empty() {
        let mut partial = partial::climb(pool, hierarchy, checker, id, &certificate)?;
        describe(checker, &certificate, purpose, &mut partial.failures);
        let mut signer_window = Window::default();
        signer_window.narrow(&certificate);
        all.push(Judged {
            signer_window,
            issuance: Vec::new(),
            window: partial.window(pool)?,
            path: partial.path,
            anchor: None,
            failures: partial.failures,
            anchor_window: Window::default(),
        });
    }
    if issuers_left || paths_left {
        for judged in &mut all {
            judged.failures.note(TrustFinding::PathBudget);
        }
    }
    Ok(all)
}

/// As [`judged`], for keeping.
pub(super) fn candidates(
    pool: &Pool,
    hierarchy: &Hierarchy,
    checker: &mut Checker<'_>,
    id: CertificateId,
    purpose: Purpose,
) -> Result<Candidates, RunError> {
    let mut all = judged(pool, hierarchy, checker, id, Some(purpose))?;
    if all.is_empty() {
        return Err(RunError::Internal {
            what: "a certificate has neither a path nor a reason for having none",
        });
    }
    let others = all.split_off(1);
    match all.pop() {
        Some(first) => Ok(Candidates { first, others }),
        None => Err(RunError::Internal {
            what: "a certificate has neither a path nor a reason for having none",
        }),
    }
}

/// Authorities that signed the certificate, by SHA-256, and whether some were not looked at.
fn issuers_of(
    hierarchy: &Hierarchy,
    checker: &mut Checker<'_>,
    id: CertificateId,
    certificate: &Certificate<'_>,
) -> (Vec<CertificateId>, bool) {
    if hierarchy.node(id).is_some() {
        return (hierarchy.issuers(id).to_vec(), false);
    }
    let mut nodes = hierarchy.with_subject(certificate.issuer.key(), certificate.issuer);
    let authority = certificate.extensions.authority_key_identifier();
    let wanted = authority.ok().flatten().and_then(|authority| authority.key);
    // A stable sort: genuine ones first, then those with the key identifier, then those near an anchor, each group by SHA-256.
    nodes.sort_by_key(|node| {
        let identified = has_key_identifier(node, wanted);
        (!node.is_genuine, !identified, node.distance)
    });
    let (mut good, mut bad) = (HashSet::new(), HashSet::new());
    let mut issuers = Vec::new();
    let mut left = false;
    for node in nodes {
        let Ok(key) = &node.key else { continue };
        let known = good.contains(&node.spki_sha256) || bad.contains(&node.spki_sha256);
        if issuers.len() >= checker.limits.issuer_candidates
            || (!known && good.len() + bad.len() >= checker.path_checks())
        {
            left = true;
            continue;
        }
        if !known {
            let verdicts = if checker.signed(certificate, key) {
                &mut good
            } else {
                &mut bad
            };
            verdicts.insert(node.spki_sha256);
        }
        if good.contains(&node.spki_sha256) {
            issuers.push(node.id);
        }
    }
    (issuers, left)
}

/// Authorities from an issuer upwards, not at an anchor yet. The order is that in which such paths are gone on with.
struct Climb {
    /// One of them may not issue: whoever has a certificate of his own can make as many of these as he likes.
    has_no_authority: bool,
    /// Certificates that the path has at least, once it is at an anchor.
    length: usize,
    /// Its certificates' SHA-256.
    names: Vec<[u8; 32]>,
    path: Vec<Arc<Node>>,
}

impl Climb {
    fn new(pool: &Pool, below: Option<&Self>, next: &Arc<Node>) -> Self {
        let mut names = below.map_or_else(Vec::new, |below| below.names.clone());
        let mut path = below.map_or_else(Vec::new, |below| below.path.clone());
        names.push(pool.sha256(next.id));
        path.push(Arc::clone(next));
        Self {
            has_no_authority: !next.may_issue || below.is_some_and(|below| below.has_no_authority),
            length: path.len() + next.distance,
            names,
            path,
        }
    }

    fn key(&self) -> (bool, usize, &[[u8; 32]]) {
        (self.has_no_authority, self.length, &self.names)
    }
}

impl PartialEq for Climb {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Climb {}

impl PartialOrd for Climb {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Climb {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Paths of authorities from an issuer up to an anchor, the shortest first; whether some were left out. No path holds the same
/// subject with the same key twice.
///
/// Every node knows how far an anchor is, so the first path costs as many steps as it is long, however many authorities certified
/// each other.
fn enumerate(
    pool: &Pool,
    hierarchy: &Hierarchy,
    checker: &Checker<'_>,
    certificate: &Certificate<'_>,
    issuers: Vec<CertificateId>,
) -> (Vec<Vec<Arc<Node>>>, bool) {
    let limits = checker.limits;
    let own = (certificate.subject.key(), certificate.spki_sha256());
    let mut open: BinaryHeap<Reverse<Climb>> = issuers
        .iter()
        .filter_map(|id| hierarchy.node(*id))
        .filter(|node| (node.subject, node.spki_sha256) != own || node.is_anchor)
        .map(|node| Reverse(Climb::new(pool, None, node)))
        .collect();
    let mut complete = Vec::new();
    let mut left = false;
    let mut steps = limits.paths.saturating_mul(limits.path_length);
    while let Some(Reverse(climb)) = open.pop() {
        let Some(top) = climb.path.last() else {
            continue;
        };
        if complete.len() >= limits.paths || steps == 0 {
            left = true;
            break;
        }
        steps -= 1;
        if top.is_anchor {
            complete.push(climb.path);
            continue;
        }
        // The certificate itself counts too.
        if climb.path.len() + 2 > limits.path_length {
            left = true;
            continue;
        }
        let issuers = hierarchy.issuers(top.id);
        left |= issuers.len() > limits.issuer_candidates;
        for next in issuers.iter().take(limits.issuer_candidates) {
            let Some(next) = hierarchy.node(*next) else {
                continue;
            };
            let is_loop = std::iter::once(own)
                .chain(
                    climb
                        .path
                        .iter()
                        .map(|node| (node.subject, node.spki_sha256)),
                )
                .any(|seen| seen == (next.subject, next.spki_sha256));
            // An anchor ends the path, so it can't be a loop.
            if !is_loop || next.is_anchor {
                open.push(Reverse(Climb::new(pool, Some(&climb), next)));
            }
        }
    }
    (complete, left)
}

/// Judges one linked path. `above` is its authorities, the anchor last; or the certificate alone, where it is the anchor.
fn judge(
    checker: &mut Checker<'_>,
    id: CertificateId,
    certificate: &Certificate<'_>,
    above: &[Arc<Node>],
    purpose: Option<Purpose>,
) -> Judged {
    let mut failures = Failures::default();
    let mut window = Window::default();
    let mut anchor_window = Window::default();
    let is_anchor = above.first().is_some_and(|node| node.id == id);
    let authorities = if is_anchor { &[][..] } else { above };
    let mut path = vec![certificate.clone()];
    path.extend(authorities.iter().filter_map(|node| node.certificate()));

    describe(checker, certificate, purpose, &mut failures);
    for (below, node) in path.iter().skip(1).zip(authorities) {
        purpose::of_issuer(below, node.is_anchor, purpose, &mut failures);
    }
    let last = path.len().saturating_sub(1);
    for (index, below) in path.iter().enumerate() {
        if index == last {
            anchor_window.narrow(below);
        } else {
            window.narrow(below);
            note_times(below, &mut failures);
        }
    }
    let mut signer_window = Window::default();
    if !is_anchor {
        signer_window.narrow(certificate);
    }
    if exceeds_path_length(&path) {
        failures.add(Chain::PathLength, None);
    }
    if constraints::check(&path, checker.limits).is_err() {
        failures.add(Chain::NameConstraint, None);
    }
    match checker.refused(&path, purpose) {
        None => {}
        // It says no more than that: what was found here says why.
        Some(Chain::Incomplete) if !failures.reasons.is_empty() => {
            failures.note(TrustFinding::RefusedByOpenssl);
        }
        Some(refused) => failures.add(refused, Some(TrustFinding::RefusedByOpenssl)),
    }
    let mut ids = vec![id];
    ids.extend(authorities.iter().map(|node| node.id));
    Judged {
        path: ids,
        anchor: above.last().map(|node| node.id),
        failures,
        window,
        anchor_window,
        signer_window,
        issuance: issuance(&path),
    }
}

/// The chain model: each authority but the anchor must have been valid when it issued what is below it.
fn issuance(path: &[Certificate<'_>]) -> Vec<Chain> {
    let without_anchor = path.split_last().map_or(path, |(_, below)| below);
    let mut reasons = Vec::new();
    for pair in without_anchor.windows(2) {
        let [below, authority] = pair else { continue };
        let mut window = Window::default();
        window.narrow(authority);
        let Ok(issued) = below.not_before else {
            continue; // [`note_times`] told that
        };
        if window.is_after(issued) {
            reasons.push(Chain::NotYetValid);
        }
        if window.is_before(issued) {
            reasons.push(Chain::Expired);
        }
    }
    reasons
}

/// What can be said of the signer's certificate alone.
fn describe(
    checker: &Checker<'_>,
    certificate: &Certificate<'_>,
    purpose: Option<Purpose>,
    failures: &mut Failures,
) {
    purpose::of_signer(certificate, purpose, failures);
    if matches!(checker.key(certificate, None), Err(KeyError::OutOfPolicy)) {
        failures.add(Chain::KeyOutOfPolicy, None);
    }
}

/// A certificate whose times can't be read is valid at none.
fn note_times(certificate: &Certificate<'_>, failures: &mut Failures) {
    if certificate.not_before.is_err() {
        failures.add(Chain::NotYetValid, Some(TrustFinding::MalformedTime));
    }
    if certificate.not_after.is_err() {
        failures.add(Chain::Expired, Some(TrustFinding::MalformedTime));
    }
}

/// `pathLenConstraint` (RFC 5280 §4.2.1.9): authorities between an authority and the signer, those not counted that an
/// authority issued to itself.
fn exceeds_path_length(path: &[Certificate<'_>]) -> bool {
    let mut between: u64 = 0;
    for authority in path.iter().skip(1) {
        let constraints = authority.extensions.basic_constraints();
        let allowed = constraints.ok().flatten().and_then(|c| c.path_length);
        if allowed.is_some_and(|allowed| between > allowed) {
            return true;
        }
        if !authority.is_self_issued() {
            between += 1;
        }
    }
    false
}

impl partial::Partial {
    /// Validity of all certificates of an incomplete path.
    fn window(&mut self, pool: &Pool) -> Result<Window, RunError> {
        let mut window = Window::default();
        for id in &self.path {
            let der = pool.der(*id)?;
            if let Ok(certificate) = Certificate::read(&der) {
                window.narrow(&certificate);
                note_times(&certificate, &mut self.failures);
            }
        }
        Ok(window)
    }
}
