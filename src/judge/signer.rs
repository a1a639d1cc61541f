//! One signature at each clock.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::axis::{Grade, Structure, TimeSource};
use crate::facts::finding::Finding;
use crate::facts::record::{Sha256, SignatureFacts, TimestampFacts};
use crate::facts::timestamp;
use crate::judge::Dated;
use crate::judge::choose::Group;
use crate::judge::clock::{self, Clocks, RatedTime};
use crate::judge::etsi::{Detail, etsi};
use crate::judge::evidence;
use crate::judge::policy::Policy;
use crate::judge::strength::{Strength, Used, strength};
use crate::judge::verdict::{At, Proof, RevocationSource, SignatureVerdict, TrustFacts};
use crate::judge::word::{TrustAt, Word, at_clock, headline, timeless};
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::{
    Chain, ChainJudgement, Purpose, Revocation, RevocationEvidence, RevocationJudgement,
    RevocationOptions, Trust, TrustFinding,
};
use crate::pki::x509::Certificate;
use crate::pki::x509::algorithms::CertificateAlgorithms;
use crate::pki::x509::crl::RevocationReason;

/// Judges messages against one pool, one set of anchors, one policy and one run's clock. One for each worker: what it
/// remembers changes speed, never a verdict.
pub struct Judge<'p> {
    pub(super) pool: &'p Pool,
    pub(super) trust: Trust<'p>,
    pub(super) policy: &'p Policy,
    pub(super) clocks: Clocks,
    algorithms: HashMap<CertificateId, CertificateAlgorithms>,
    pub(super) groups: HashMap<Vec<u8>, Arc<Group>>,
}

impl<'p> Judge<'p> {
    /// Nothing remembered yet. `trust` must be made of `pool`.
    #[must_use]
    pub fn new(pool: &'p Pool, trust: Trust<'p>, policy: &'p Policy, clocks: Clocks) -> Self {
        Self {
            pool,
            trust,
            policy,
            clocks,
            algorithms: HashMap::new(),
            groups: HashMap::new(),
        }
    }

    /// Paths to the anchors, and what is remembered of them.
    pub fn trust(&mut self) -> &mut Trust<'p> {
        &mut self.trust
    }

    /// The chain of any certificate at `now`, for certificates.csv.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn chain_now(&mut self, certificate: CertificateId) -> Result<Chain, RunError> {
        let now = self.clocks.now;
        Ok(self
            .trust
            .chain(certificate, Purpose::EmailSigning, now)?
            .value)
    }

    pub(super) fn is_invalid_crl(&self, crl: &Sha256) -> bool {
        self.trust.is_invalid_crl(crl)
    }

    pub(super) fn signature(
        &mut self,
        structure: Structure,
        facts: &SignatureFacts,
        dated: Dated<'_>,
    ) -> Result<SignatureVerdict, RunError> {
        let fixed = timeless(structure, facts);
        let mut findings = clock::contradictions(facts, dated.claimed);
        let mut times = clock::claimed(facts, dated.claimed);
        let proven = self.proven(&facts.timestamps, &mut findings)?;
        let claimed = times.first().map(|time| time.at);
        let (mut evidenced, unusable) =
            evidence::asserted(dated.stored, &self.policy.evidence, self.clocks.now);
        findings.extend(unusable);
        findings.extend(clock::order(facts, &evidenced));
        if let Some(at) = proven {
            evidenced.push(RatedTime {
                source: TimeSource::Timestamp,
                grade: Grade::Proven,
                at,
            });
        }
        // Each of them says that the signature was there: the earliest says the most.
        evidenced.sort_by_key(|time| (time.at, time.grade));
        let best = evidenced.first().copied();
        times.retain(|claimed| {
            let is_asserted = |time: &RatedTime| time.source == claimed.source;
            !evidenced.iter().any(is_asserted)
        });
        times.splice(0..0, evidenced);
        if claimed.is_some_and(|at| at > self.clocks.now) {
            findings.push(Finding::ClaimedInFuture);
        }
        let claimed = claimed.filter(|at| *at <= self.clocks.now);
        let signer = facts.certificate.and_then(|sha256| self.pool.find(&sha256));
        let now = self.at(self.clocks.now, fixed, signer, facts, &mut findings)?;
        let evidenced = self.at_some(
            best.map(|best| best.at),
            fixed,
            signer,
            facts,
            &mut findings,
        )?;
        let claimed = self.at_some(claimed, fixed, signer, facts, &mut findings)?;
        let compromised = match &claimed {
            Some(claimed) if claimed.0.verdict == Word::Valid => self.compromised(&claimed.1)?,
            Some(_) | None => false,
        };
        let compromised =
            compromised || now.0.verdict == Word::Valid && self.compromised(&now.1)?;
        let word = |at: &Option<(At, Vec<CertificateId>)>| at.as_ref().map(|(at, _)| at.verdict);
        let verdict = headline(
            fixed,
            word(&evidenced),
            now.0.verdict,
            word(&claimed),
            compromised,
        );
        let decided = match (&evidenced, &claimed) {
            (Some(evidenced), _) => evidenced,
            (None, Some(claimed)) if now.0.verdict != Word::Valid => claimed,
            (None, _) => &now,
        };
        let path = decided.1.iter().map(|id| self.pool.sha256(*id)).collect();
        let trust = decided.0.trust.as_ref();
        let etsi = etsi(
            verdict,
            Detail {
                chain: trust.map(|trust| trust.chain),
                revocation: trust.map(|trust| trust.revocation),
                ca_revoked: trust
                    .and_then(|trust| trust.revocation_source.as_ref())
                    .is_some_and(|source| Some(source.certificate) != facts.certificate),
                proven: best.is_some_and(|best| best.grade == Grade::Proven),
                content_missing: structure == Structure::ContentMissing,
            },
        );
        findings.sort_unstable();
        findings.dedup();
        Ok(SignatureVerdict {
            verdict,
            etsi,
            now: now.0,
            evidenced: evidenced.map(|(at, _)| at),
            claimed: claimed.map(|(at, _)| at),
            times,
            path,
            findings,
        })
    }

    fn at_some(
        &mut self,
        at: Option<Time>,
        fixed: Option<Word>,
        signer: Option<CertificateId>,
        facts: &SignatureFacts,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<(At, Vec<CertificateId>)>, RunError> {
        at.map(|at| self.at(at, fixed, signer, facts, findings))
            .transpose()
    }

    /// The judgement at one clock, and the path it rests on.
    fn at(
        &mut self,
        at: Time,
        fixed: Option<Word>,
        signer: Option<CertificateId>,
        facts: &SignatureFacts,
        findings: &mut Vec<Finding>,
    ) -> Result<(At, Vec<CertificateId>), RunError> {
        let Some(signer) = signer else {
            let verdict = fixed.unwrap_or(Word::NoCertificate);
            return Ok((
                At {
                    at,
                    verdict,
                    trust: None,
                },
                Vec::new(),
            ));
        };
        let PathAt {
            chain,
            revocation,
            strength: (value, reasons),
        } = self.best_path(signer, facts, at)?;
        findings.extend(
            chain
                .findings
                .iter()
                .filter_map(|finding| trust_finding(*finding)),
        );
        let revoked = revocation
            .as_ref()
            .map_or(Revocation::NotChecked, RevocationJudgement::value);
        let lacking = revocation
            .as_ref()
            .is_none_or(RevocationJudgement::is_incomplete);
        let verdict = fixed.unwrap_or_else(|| {
            at_clock(
                TrustAt {
                    chain: chain.value,
                    revocation: revoked,
                    strength: value,
                    revocation_lacking: self.policy.require_revocation && lacking,
                },
                facts.identity,
            )
        });
        if fixed.is_none() && chain.anchor.is_some() && lacking {
            findings.push(Finding::RevocationNotKnown);
        }
        match value {
            Strength::Strong => {}
            Strength::Weak | Strength::Broken => findings.push(Finding::WeakAlgorithm),
        }
        let trust = TrustFacts {
            chain: chain.value,
            chain_reasons: chain.reasons,
            revocation: revoked,
            revocation_source: revocation
                .as_ref()
                .and_then(|judgement| self.source(judgement)),
            strength: value,
            strength_reasons: reasons,
        };
        let trust = Some(trust);
        Ok((At { at, verdict, trust }, chain.path))
    }

    /// Of the paths that are equally good at a time the one about which the CRLs say the best, then the strongest, then the first.
    fn best_path(
        &mut self,
        signer: CertificateId,
        facts: &SignatureFacts,
        at: Time,
    ) -> Result<PathAt, RunError> {
        let mut best: Option<PathAt> = None;
        for chain in self.trust.chains(signer, Purpose::EmailSigning, at)? {
            let path = PathAt {
                revocation: self.revocation(&chain, at)?,
                strength: self.strength(facts, &chain, at)?,
                chain,
            };
            if best.as_ref().is_none_or(|best| path.rank() < best.rank()) {
                best = Some(path);
            }
            let unsurpassed = (Revocation::NotChecked, Strength::Strong);
            if best.as_ref().is_some_and(|best| best.rank() <= unsurpassed) {
                break;
            }
        }
        best.ok_or(RunError::Internal {
            what: "a certificate was judged by no path",
        })
    }

    fn options(&self) -> RevocationOptions {
        RevocationOptions {
            use_crls: true,
            trust_embedded: self.policy.trust_embedded,
        }
    }

    /// Asked only of a path that leads to an anchor.
    fn revocation(
        &mut self,
        chain: &ChainJudgement,
        at: Time,
    ) -> Result<Option<RevocationJudgement>, RunError> {
        if chain.anchor.is_none() {
            return Ok(None);
        }
        let options = self.options();
        self.trust.revocation(&chain.path, at, options).map(Some)
    }

    fn source(&self, judgement: &RevocationJudgement) -> Option<RevocationSource> {
        let worst = judgement.worst?;
        Some(RevocationSource {
            evidence: match worst.decided_by? {
                RevocationEvidence::Crl(id) => Proof::Crl(self.pool.crl(id)?.crl.sha256()),
                RevocationEvidence::Ocsp(id) => Proof::Ocsp(self.pool.ocsp(id)?.ocsp.sha256()),
            },
            this_update: worst.this_update?,
            next_update: worst.next_update,
            certificate: self.pool.sha256(worst.certificate),
            revoked_at: worst.revoked_at,
            reason: worst.reason.map(RevocationReason::as_str),
        })
    }

    /// Is a certificate of the path revoked, at any time, for a reason that lets somebody else sign with a date of his choice?
    fn compromised(&mut self, path: &[CertificateId]) -> Result<bool, RunError> {
        let options = self.options();
        let known = self.trust.known_revocations(path, options)?;
        Ok(known.iter().any(|one| match one.reason {
            RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AaCompromise
            | RevocationReason::Unspecified
            | RevocationReason::Unknown => true,
            RevocationReason::AffiliationChanged
            | RevocationReason::Superseded
            | RevocationReason::CessationOfOperation
            | RevocationReason::CertificateHold
            | RevocationReason::RemoveFromCrl
            | RevocationReason::PrivilegeWithdrawn => false,
        }))
    }

    /// Of the signature itself and of every certificate of the path but the anchor, whose own signature nobody relies on.
    fn strength(
        &mut self,
        facts: &SignatureFacts,
        chain: &ChainJudgement,
        at: Time,
    ) -> Result<(Strength, Vec<String>), RunError> {
        let mut path = Vec::with_capacity(chain.path.len());
        for id in &chain.path {
            if Some(*id) != chain.anchor {
                path.push(self.algorithms(*id)?);
            }
        }
        let own = Used {
            digest: &facts.algorithms.digest,
            key: &facts.algorithms.key,
            key_bits: facts.algorithms.key_bits,
            exponent: facts.algorithms.exponent,
        };
        let above = path.iter().map(|used| Used {
            digest: used.digest,
            key: used.key,
            key_bits: used.key_bits,
            exponent: used.exponent,
        });
        Ok(strength(std::iter::once(own).chain(above), self.policy, at))
    }

    pub(super) fn algorithms(
        &mut self,
        id: CertificateId,
    ) -> Result<CertificateAlgorithms, RunError> {
        if let Some(known) = self.algorithms.get(&id) {
            return Ok(*known);
        }
        let der = self.pool.der(id)?;
        let read = Certificate::read(&der).ok();
        let read =
            read.map(|certificate| CertificateAlgorithms::read(&certificate, self.trust.limits()));
        let algorithms = read.unwrap_or_default();
        self.algorithms.insert(id, algorithms);
        Ok(algorithms)
    }

    /// The earliest time that a good timestamp token proves (verdict.md, "Clocks").
    fn proven(
        &mut self,
        tokens: &[TimestampFacts],
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Time>, RunError> {
        let mut earliest: Option<Time> = None;
        for token in tokens {
            let Some(at) = self.proves(token, findings)? else {
                // What does not even verify has `timestamp_invalid` among the facts.
                if timestamp::is_good(token) {
                    findings.push(Finding::TimestampUnusable);
                }
                continue;
            };
            earliest = Some(earliest.map_or(at, |earlier| earlier.min(at)));
        }
        Ok(earliest)
    }

    fn proves(
        &mut self,
        token: &TimestampFacts,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Time>, RunError> {
        let (Some(at), Some(signature)) = (token.at, &token.signature) else {
            return Ok(None);
        };
        let good = timestamp::is_good(token)
            && timeless(Structure::Ok, signature).is_none()
            && at <= self.clocks.now;
        let authority = signature
            .certificate
            .and_then(|sha256| self.pool.find(&sha256));
        let (true, Some(authority)) = (good, authority) else {
            return Ok(None);
        };
        let mut proves = false;
        for chain in self.trust.chains(authority, Purpose::TimeStamping, at)? {
            proves = proves
                || (chain.value == Chain::Trusted
                    && !self.is_spoiled(&chain, at)?
                    && self.strength(signature, &chain, at)?.0 != Strength::Broken);
        }
        if !proves {
            return Ok(None);
        }
        let now = self.clocks.now;
        if self
            .trust
            .chain(authority, Purpose::TimeStamping, now)?
            .value
            != Chain::Trusted
        {
            findings.push(Finding::TimestampUnrenewed);
        }
        Ok(Some(at))
    }

    /// A certificate of a timestamp authority's path is revoked so that a token of that time is worth nothing.
    fn is_spoiled(&mut self, chain: &ChainJudgement, at: Time) -> Result<bool, RunError> {
        let options = self.options();
        let known = self.trust.known_revocations(&chain.path, options)?;
        Ok(known.iter().any(|one| match one.reason {
            RevocationReason::Superseded | RevocationReason::CessationOfOperation => {
                one.revoked_at <= at
            }
            RevocationReason::Unspecified
            | RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AaCompromise
            | RevocationReason::AffiliationChanged
            | RevocationReason::CertificateHold
            | RevocationReason::RemoveFromCrl
            | RevocationReason::PrivilegeWithdrawn
            | RevocationReason::Unknown => true,
        }))
    }
}

/// A path, with what CRLs and policy say of it at one time.
struct PathAt {
    chain: ChainJudgement,
    revocation: Option<RevocationJudgement>,
    strength: (Strength, Vec<String>),
}

impl PathAt {
    /// The better, the lower.
    fn rank(&self) -> (Revocation, Strength) {
        let revocation = self.revocation.as_ref();
        (
            revocation.map_or(Revocation::NotChecked, RevocationJudgement::value),
            self.strength.0,
        )
    }
}

fn trust_finding(finding: TrustFinding) -> Option<Finding> {
    match finding {
        TrustFinding::AnchorExpired | TrustFinding::AnchorNotYetValid => {
            Some(Finding::AnchorExpired)
        }
        TrustFinding::CaAsSigner => Some(Finding::SignerIsCa),
        TrustFinding::PathBudget => Some(Finding::PathBudget),
        TrustFinding::MalformedTime => Some(Finding::MalformedTime),
        // The cause of a chain value that stands in the judgement already.
        TrustFinding::IssuerNotCa
        | TrustFinding::IssuerWithoutKeyCertSign
        | TrustFinding::IssuerVersion1
        | TrustFinding::IssuerUsage
        | TrustFinding::ExtendedKeyUsage
        | TrustFinding::KeyUsage
        | TrustFinding::CriticalExtension
        | TrustFinding::RefusedByOpenssl => None,
    }
}
