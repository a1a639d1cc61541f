//! The numbers of certificates by their SHA-256, which stands in the entries and not a second time in the table.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::pki::pool::{CertificateId, Entry};

/// Five octets a certificate, and room to grow. Keyed by chance: nobody can choose certificates that fall into one place.
#[derive(Debug, Default)]
pub(super) struct Digests {
    numbers: HashTable<CertificateId>,
    state: RandomState,
}

impl Digests {
    /// The number of the certificate with this SHA-256.
    pub fn find(&self, sha256: &[u8; 32], entries: &[Entry]) -> Option<CertificateId> {
        let found = self.numbers.find(self.state.hash_one(sha256), |id| {
            digest(*id, entries) == Some(sha256)
        });
        found.copied()
    }

    /// Adds a number whose entry is there, and whose SHA-256 is not in the table yet.
    pub fn insert(&mut self, id: CertificateId, entries: &[Entry]) {
        let hash = |id: &CertificateId| {
            digest(*id, entries).map_or(0, |sha256| self.state.hash_one(sha256))
        };
        let own = hash(&id);
        self.numbers.insert_unique(own, id, hash);
    }
}

fn digest(id: CertificateId, entries: &[Entry]) -> Option<&[u8; 32]> {
    let index = usize::try_from(id.0).ok()?;
    Some(&entries.get(index)?.sha256)
}
