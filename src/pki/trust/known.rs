//! What a [`Trust`] knows besides its answers.

use crate::limits::Limits;
use crate::pki::trust::Trust;

impl<'p> Trust<'p> {
    /// The CRL speaks for nobody: it can't be read, or an authority whose name it bears did not sign it.
    #[must_use]
    pub fn is_invalid_crl(&self, sha256: &[u8; 32]) -> bool {
        let known = self.pool.find_crl(sha256);
        known.is_none_or(|id| self.hierarchy.is_unsigned(id))
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
