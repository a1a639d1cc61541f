//! How a [`Trust`] answers, and what it knows besides its answers.

use crate::limits::Limits;
use crate::pki::trust::{Model, PolicyInputs, Trust};

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
        self
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
