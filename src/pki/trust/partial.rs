//! Why a certificate has no path to an anchor.

use std::collections::{HashSet, VecDeque};

use crate::crypto::key::KeyError;
use crate::error::RunError;
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::hierarchy::{Hierarchy, has_key_identifier};
use crate::pki::trust::link::Checker;
use crate::pki::trust::path::Failures;
use crate::pki::trust::{Chain, TrustFinding};
use crate::pki::x509::certificate::Certificate;

/// The best path that leads to no anchor.
pub(super) struct Partial {
    pub(super) path: Vec<CertificateId>,
    pub(super) failures: Failures,
}

/// Climbs from the certificate over verified signatures, breadth first, at most [`Limits::path_checks`] of them. The path
/// whose reason comes last in [`Chain`] is the best, the first found of equal ones.
/// A path's reason is that of the certificate it ends at.
///
/// Certificates that an attacker adds are no links, but can spend the budget; then only the reason suffers
/// (`incomplete` for `untrusted_root`), with the finding `path_budget`.
///
/// [`Limits::path_checks`]: crate::limits::Limits::path_checks
pub(super) fn climb(
    pool: &Pool,
    hierarchy: &Hierarchy,
    checker: &mut Checker<'_>,
    id: CertificateId,
    certificate: &Certificate<'_>,
) -> Result<Partial, RunError> {
    let mut search = Search {
        pool,
        hierarchy,
        checks_left: checker.path_checks(),
        checker,
        seen: HashSet::from([id]),
        left: false,
    };
    let own = search.reason_of_top(certificate, true);
    let mut best: Option<(Chain, Vec<CertificateId>)> = None;
    let mut offer = |reason, path| {
        if best.as_ref().is_none_or(|(known, _)| reason > *known) {
            best = Some((reason, path));
        }
    };
    let mut queue = VecDeque::from([(vec![id], own)]);
    while let Some((path, reason)) = queue.pop_front() {
        let ends = matches!(reason, Chain::SelfSigned | Chain::UntrustedRoot);
        let Some(top) = path.last().filter(|_| !ends) else {
            offer(reason, path);
            continue;
        };
        if path.len() >= search.checker.limits.path_length {
            search.left = true;
            offer(Chain::Incomplete, path);
            continue;
        }
        let der = pool.der(*top)?;
        let issuers = match Certificate::read(&der) {
            Ok(below) => search.issuers(&below)?,
            Err(_) => Vec::new(),
        };
        if issuers.is_empty() {
            offer(reason, path);
            continue;
        }
        for (issuer, reason) in issuers {
            queue.push_back(([path.as_slice(), &[issuer]].concat(), reason));
        }
    }
    let (reason, path) = best.unwrap_or((own, vec![id]));
    let mut failures = Failures::default();
    failures.add(reason, None);
    if search.left {
        failures.note(TrustFinding::PathBudget);
    }
    Ok(Partial { path, failures })
}

struct Search<'s, 'l> {
    pool: &'s Pool,
    hierarchy: &'s Hierarchy,
    checker: &'s mut Checker<'l>,
    checks_left: usize,
    seen: HashSet<CertificateId>,
    left: bool,
}

impl Search<'_, '_> {
    /// Certificates whose key signed `below`, with the reason why the path ends there if it does.
    fn issuers(
        &mut self,
        below: &Certificate<'_>,
    ) -> Result<Vec<(CertificateId, Chain)>, RunError> {
        let authority = below.extensions.authority_key_identifier();
        let wanted = authority.ok().flatten().and_then(|authority| authority.key);
        let ids = self.pool.with_subject_key(below.issuer.key());
        let mut issuers = Vec::new();
        // Those with the key identifier first.
        for matching in [true, false] {
            for id in ids.iter().take(self.checker.limits.issuer_candidates) {
                if self.seen.contains(id) {
                    continue;
                }
                let der = self.pool.der(*id)?;
                let Ok(issuer) = Certificate::read(&der) else {
                    continue;
                };
                let identified = wanted.is_some() && key_identifier(&issuer).as_deref() == wanted;
                if identified != matching || !issuer.subject.matches(below.issuer) {
                    continue;
                }
                if self.checks_left == 0 {
                    self.left = true;
                    break;
                }
                self.checks_left -= 1;
                let key = self.checker.key(&issuer, None);
                if key.is_ok_and(|key| self.checker.signed(below, &key)) {
                    self.seen.insert(*id);
                    issuers.push((*id, self.reason_of_top(&issuer, false)));
                }
            }
        }
        self.left |= ids.len() > self.checker.limits.issuer_candidates;
        Ok(issuers)
    }

    /// Why a path that ends at this certificate goes no further, as far as it and the real authorities tell.
    fn reason_of_top(&mut self, top: &Certificate<'_>, is_signer: bool) -> Chain {
        let authority = top.extensions.authority_key_identifier();
        let wanted = authority.ok().flatten().and_then(|authority| authority.key);
        if top.issuer.matches(top.subject) {
            let own = wanted.is_none() || key_identifier(top).as_deref() == wanted;
            let key = self.checker.key(top, None);
            if key.is_ok_and(|key| self.checker.signed(top, &key)) {
                return if is_signer {
                    Chain::SelfSigned
                } else {
                    Chain::UntrustedRoot
                };
            }
            if own {
                return Chain::BadCertificateSignature;
            }
        }
        let mut reason = Chain::Incomplete;
        for node in self.hierarchy.with_subject(top.issuer.key(), top.issuer) {
            if wanted.is_some() && !has_key_identifier(node, wanted) {
                continue;
            }
            match node.key {
                Err(KeyError::OutOfPolicy) => return Chain::KeyOutOfPolicy,
                Err(_) => {}
                Ok(_) => reason = Chain::BadCertificateSignature,
            }
        }
        reason
    }
}

fn key_identifier(certificate: &Certificate<'_>) -> Option<Vec<u8>> {
    match certificate.extensions.subject_key_identifier() {
        Ok(Some(written)) => Some(written.to_vec()),
        Ok(None) | Err(_) => certificate
            .computed_key_identifier()
            .map(|computed| computed.to_vec()),
    }
}
