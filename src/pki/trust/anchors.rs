//! What the operator trusts.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::RunError;
use crate::pki::pool::{CertificateId, PoolBuilder, Provenance};

/// The trust anchors: every certificate of `--ca`, a root or not; and what is never on a path, whoever vouches for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    by_sha256: BTreeMap<[u8; 32], CertificateId>,
    distrusted: BTreeSet<[u8; 32]>,
}

impl Anchors {
    /// Puts the certificates into the pool and trusts them. Those that can't be read anchor nothing.
    ///
    /// # Errors
    /// Where the pool's spool can't be written.
    pub fn new<'d>(
        certificates: impl IntoIterator<Item = &'d [u8]>,
        pool: &mut PoolBuilder,
    ) -> Result<Self, RunError> {
        let mut by_sha256 = BTreeMap::new();
        for der in certificates {
            let (id, _) = pool.insert_certificate(der, Provenance::Given)?;
            by_sha256.insert(pool.sha256_of(id), id);
        }
        Ok(Self {
            by_sha256,
            distrusted: BTreeSet::new(),
        })
    }

    /// The same without these certificates, by SHA-256: they are no anchors, and no path leads over them or from them.
    #[must_use]
    pub fn without(mut self, distrusted: &BTreeSet<[u8; 32]>) -> Self {
        self.by_sha256
            .retain(|sha256, _| !distrusted.contains(sha256));
        self.distrusted.extend(distrusted);
        self
    }

    /// The operator distrusts it.
    #[must_use]
    pub fn is_distrusted(&self, sha256: &[u8; 32]) -> bool {
        self.distrusted.contains(sha256)
    }

    /// SHA-256 of each, sorted.
    pub fn digests(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.by_sha256.keys()
    }

    /// Their numbers in the pool, in the order of their SHA-256.
    pub fn certificates(&self) -> impl Iterator<Item = CertificateId> {
        self.by_sha256.values().copied()
    }

    /// Nothing is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_sha256.is_empty()
    }
}
