//! Is a certificate trusted, at a given time, for a given use? Time is an argument; the pool is material, never trust.
//!
//! [`Anchors`] are what the operator trusts. A [`Hierarchy`] is made once for a pool and its anchors: every authority whose
//! signature leads to an anchor, and every CRL that one of them signed. All workers read it; each has a [`Trust`] of its own
//! that answers for single certificates.
//!
//! Why the hierarchy grows from the anchors down: whoever can put certificates into the pool can put in any number with the
//! name and key identifier of a real authority. Searching upward from a signer, such a flood would spend the budget before
//! the real one is met. From an anchor downward each of them costs one signature check and is never seen again.

mod anchors;

mod chain;

mod constraints;

mod hierarchy;

mod link;

mod partial;

mod path;

mod purpose;

mod responder;

mod revocation;

mod scope;

mod known;

pub use crate::crypto::chain::PolicyInputs;
pub use anchors::Anchors;
pub use chain::{Chain, ChainJudgement, Model, Purpose, TrustFinding};
pub use hierarchy::Hierarchy;
pub use revocation::{
    CertificateRevocation, KnownRevocation, Revocation, RevocationEvidence, RevocationJudgement,
    RevocationOptions,
};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::asn1::time::Time;
use crate::crypto::key::{KeyError, PublicKey};
use crate::error::RunError;
use crate::limits::{Limits, TRUST_CACHE};
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::link::Checker;
use crate::pki::trust::path::Candidates;
use crate::pki::x509::certificate::Certificate;

/// Answers for single certificates. One for each worker: what it remembers changes speed, never an answer.
pub struct Trust<'p> {
    pool: &'p Pool,
    hierarchy: &'p Hierarchy,
    limits: &'p Limits,
    checker: Checker<'p>,
    known: HashMap<(CertificateId, Purpose), Arc<Candidates>>,
    cases: revocation::Cases,
    responders: responder::Responders,
    crowds: HashMap<(Vec<CertificateId>, Purpose), Arc<HashSet<CertificateId>>>,
    model: Model,
}

impl<'p> Trust<'p> {
    /// Nothing remembered yet. `hierarchy` must be made of `pool`.
    #[must_use]
    pub fn new(pool: &'p Pool, hierarchy: &'p Hierarchy, limits: &'p Limits) -> Self {
        Self {
            pool,
            hierarchy,
            limits,
            checker: Checker::new(limits),
            known: HashMap::new(),
            cases: HashMap::new(),
            responders: responder::Responders::default(),
            crowds: HashMap::new(),
            model: Model::Shell,
        }
    }

    /// Judges a certificate for one use at one time. If one path is good then, the certificate is trusted whatever the
    /// others are; else the path is reported whose first failure comes last in [`Chain`].
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn chain(
        &mut self,
        certificate: CertificateId,
        purpose: Purpose,
        at: Time,
    ) -> Result<ChainJudgement, RunError> {
        let model = self.model;
        Ok(self.candidates(certificate, purpose)?.judge(at, model))
    }

    /// The judgement of [`Trust::chain`], and behind it that of every other path to an anchor with the same value: an authority's
    /// key may be in several certificates, of which one is revoked.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn chains(
        &mut self,
        certificate: CertificateId,
        purpose: Purpose,
        at: Time,
    ) -> Result<Vec<ChainJudgement>, RunError> {
        let model = self.model;
        Ok(self.candidates(certificate, purpose)?.all(at, model))
    }

    fn candidates(
        &mut self,
        certificate: CertificateId,
        purpose: Purpose,
    ) -> Result<Arc<Candidates>, RunError> {
        if let Some(known) = self.known.get(&(certificate, purpose)) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(path::candidates(
            self.pool,
            self.hierarchy,
            &mut self.checker,
            certificate,
            purpose,
        )?);
        if self.known.len() >= TRUST_CACHE {
            self.known.clear();
        }
        self.known
            .insert((certificate, purpose), Arc::clone(&found));
        Ok(found)
    }

    /// The key of a certificate that inherits its DSA parameters (RFC 3279 §2.3.2): with those of its issuer on a path that
    /// nothing but dates speaks against. Any other issuer's are worth nothing: who may choose the generator can sign for
    /// every key.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn inherited_key(
        &mut self,
        certificate: CertificateId,
        purpose: Purpose,
    ) -> Result<Result<PublicKey, KeyError>, RunError> {
        let missing = Ok(Err(KeyError::ParametersMissing));
        let known = self.candidates(certificate, purpose)?;
        let Some(issuer) = known.issuer().and_then(|id| self.hierarchy.node(id)) else {
            return missing;
        };
        let der = self.pool.der(certificate)?;
        match (Certificate::read(&der), &issuer.key) {
            (Ok(certificate), Ok(key)) => Ok(self.checker.key(&certificate, Some(key))),
            (Ok(_), Err(_)) | (Err(_), _) => missing,
        }
    }

    /// Judges whether a certificate of `path` is revoked at `at`. `path` is that of a [`ChainJudgement`] with an anchor.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn revocation(
        &mut self,
        path: &[CertificateId],
        at: Time,
        options: RevocationOptions,
    ) -> Result<RevocationJudgement, RunError> {
        self.court(options).judge(path, at)
    }

    /// Every revocation of a certificate of `path` (but the anchor) that is known, whenever it began; suspensions that
    /// ended are not among them.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn known_revocations(
        &mut self,
        path: &[CertificateId],
        options: RevocationOptions,
    ) -> Result<Vec<KnownRevocation>, RunError> {
        self.court(options).known(path)
    }

    fn court(&mut self, options: RevocationOptions) -> revocation::Court<'_, 'p> {
        revocation::Court {
            pool: self.pool,
            hierarchy: self.hierarchy,
            checker: &mut self.checker,
            cases: &mut self.cases,
            responders: &mut self.responders,
            options,
            of_signer: false,
            model: self.model,
        }
    }
}
