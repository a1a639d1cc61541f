//! How a [`Trust`] answers, and what it knows besides its answers.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::RunError;
use crate::limits::{CROWDS, Limits};
use crate::pki::pool::CertificateId;
use crate::pki::trust::{Model, PolicyInputs, Purpose, Trust};

impl<'p> Trust<'p> {
    /// The same by another model; without it, [`Model::Shell`].
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// The same, asking this of the policies of signers' and recipients' paths; without it, nothing is asked. Forgets what it knew.
    #[must_use]
    pub fn with_policies(mut self, policies: PolicyInputs) -> Self {
        self.checker.policies = policies;
        self.known.clear();
        self.crowds.clear();
        self
    }

    /// Paths of signers and recipients must show a policy.
    #[must_use]
    pub fn asks_for_policies(&self) -> bool {
        let policies = &self.checker.policies;
        !policies.required.is_empty() || policies.inhibit_mapping || policies.inhibit_any
    }

    /// Those of the certificates that have a path to an anchor, whatever speaks against it. Remembered for the whole crowd: whoever
    /// makes one has it looked at once.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn anchored(
        &mut self,
        certificates: &[CertificateId],
        purpose: Purpose,
    ) -> Result<Arc<HashSet<CertificateId>>, RunError> {
        let key = (certificates.to_vec(), purpose);
        if let Some(known) = self.crowds.get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut anchored = HashSet::new();
        for id in certificates {
            if self.candidates(*id, purpose)?.has_anchor() {
                anchored.insert(*id);
            }
        }
        let anchored = Arc::new(anchored);
        if self.crowds.len() >= CROWDS {
            self.crowds.clear();
        }
        self.crowds.insert(key, Arc::clone(&anchored));
        Ok(anchored)
    }

    /// The CRL speaks for nobody: it can't be read, or an authority whose name it bears did not sign it. An OCSP response can at least be
    /// read; who may have signed it depends on the certificate asked about.
    #[must_use]
    pub fn is_invalid_crl(&self, sha256: &[u8; 32]) -> bool {
        match self.pool.find_crl(sha256) {
            Some(id) => self.hierarchy.is_unsigned(id),
            None => !self.pool.has_ocsp(sha256),
        }
    }

    /// The operator trusts somebody; without anchors nothing can be trusted.
    #[must_use]
    pub fn has_anchors(&self) -> bool {
        self.hierarchy.has_anchors()
    }

    /// The bounds in use.
    #[must_use]
    pub fn limits(&self) -> &'p Limits {
        self.limits
    }
}
