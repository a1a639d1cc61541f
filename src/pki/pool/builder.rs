//! The pool while it grows.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use crate::asn1::reader::BerError;
use crate::crypto::digest;
use crate::error::RunError;
use crate::pki::pool::index::{Pool, issuer_serial_key, octets_key};
use crate::pki::pool::spool::Spool;
use crate::pki::pool::{CertificateId, Entry, OcspId, Origins, PoolCrl, PoolOcsp, Provenance};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::Crl;
use crate::pki::x509::name::NameKey;
use crate::pki::x509::ocsp::Ocsp;

/// Takes certificates and CRLs, each once.
#[derive(Debug)]
pub struct PoolBuilder {
    spool: Spool,
    entries: Vec<Entry>,
    by_sha256: HashMap<[u8; 32], CertificateId>,
    by_ski: Vec<(u64, CertificateId)>,
    crls: HashMap<[u8; 32], PoolCrl>,
    ocsp: HashMap<[u8; 32], PoolOcsp>,
}

impl PoolBuilder {
    /// An empty pool whose certificates go to `spool`.
    #[must_use]
    pub fn new(spool: Spool) -> Self {
        Self {
            spool,
            entries: Vec::new(),
            by_sha256: HashMap::new(),
            by_ski: Vec::new(),
            crls: HashMap::new(),
            ocsp: HashMap::new(),
        }
    }

    /// Takes a certificate; gives its number and whether it is new. One that can't be read is kept too, and found by its
    /// SHA-256 only.
    ///
    /// # Errors
    /// Where the spool can't be written.
    pub fn insert_certificate(
        &mut self,
        der: &[u8],
        provenance: Provenance,
    ) -> Result<(CertificateId, bool), RunError> {
        let mut origins = Origins::default();
        origins.add(provenance);
        self.insert(der, origins)
    }

    fn insert(&mut self, der: &[u8], origins: Origins) -> Result<(CertificateId, bool), RunError> {
        let sha256 = digest::sha256(der);
        let slot = match self.by_sha256.entry(sha256) {
            Slot::Occupied(known) => {
                let id = *known.get();
                let entry = usize::try_from(id.0)
                    .ok()
                    .and_then(|index| self.entries.get_mut(index));
                if let Some(entry) = entry {
                    entry.origins.message |= origins.message;
                    entry.origins.given |= origins.given;
                }
                return Ok((id, false));
            }
            Slot::Vacant(slot) => slot,
        };
        let full = RunError::Internal {
            what: "the pool has no number left for a certificate",
        };
        let Ok(id) = u32::try_from(self.entries.len()).map(CertificateId) else {
            return Err(full);
        };
        let (offset, length) = self.spool.append(der)?;
        let mut entry = Entry {
            sha256,
            offset,
            length,
            origins,
            readable: false,
            subject: NameKey(0),
            issuer: NameKey(0),
            issuer_serial: 0,
        };
        if let Ok(certificate) = Certificate::read(der) {
            entry.readable = true;
            entry.subject = certificate.subject.key();
            entry.issuer = certificate.issuer.key();
            entry.issuer_serial = issuer_serial_key(certificate.issuer, certificate.serial);
            let computed = certificate
                .computed_key_identifier()
                .map(|ski| octets_key(&ski));
            let written = certificate.extensions.subject_key_identifier();
            let written = written.ok().flatten().map(octets_key);
            self.by_ski.extend(computed.map(|key| (key, id)));
            let other = written.filter(|key| computed != Some(*key));
            self.by_ski.extend(other.map(|key| (key, id)));
        }
        self.entries.push(entry);
        slot.insert(id);
        Ok((id, true))
    }

    /// Takes a CRL; gives whether it is new.
    ///
    /// # Errors
    /// Where it can't be read; nothing is kept then.
    pub fn insert_crl(&mut self, der: &[u8], provenance: Provenance) -> Result<bool, BerError> {
        let (added, new) = match self.crls.entry(digest::sha256(der)) {
            Slot::Occupied(known) => (known.into_mut(), false),
            Slot::Vacant(slot) => {
                let crl = Crl::read(der)?;
                let origins = Origins::default();
                (slot.insert(PoolCrl { crl, origins }), true)
            }
        };
        added.origins.add(provenance);
        Ok(new)
    }

    /// Takes a CRL or an OCSP response, and a responder's certificates; what is neither is passed over, as it speaks for nobody.
    ///
    /// # Errors
    /// Where the spool can't be written.
    pub fn insert_revocation(
        &mut self,
        der: &[u8],
        provenance: Provenance,
    ) -> Result<(), RunError> {
        let sha256 = digest::sha256(der);
        if let Some(known) = self.ocsp.get_mut(&sha256) {
            known.origins.add(provenance);
            return Ok(());
        }
        let Ok(ocsp) = Ocsp::read(der) else {
            let _ = self.insert_crl(der, provenance);
            return Ok(());
        };
        for certificate in ocsp.certificates() {
            self.insert_certificate(certificate, provenance)?;
        }
        let mut origins = Origins::default();
        origins.add(provenance);
        self.ocsp.insert(sha256, PoolOcsp { ocsp, origins });
        Ok(())
    }

    /// Takes everything of another pool. The union is associative, commutative and idempotent.
    ///
    /// # Errors
    /// Where a spool can't be read or written.
    pub fn merge(&mut self, other: &Pool) -> Result<(), RunError> {
        for id in other.certificates() {
            self.insert(&other.der(id)?, other.origins(id))?;
        }
        for (_, theirs) in other.crls() {
            let slot = self.crls.entry(theirs.crl.sha256());
            let ours = slot.or_insert_with(|| PoolCrl {
                crl: theirs.crl.clone(),
                origins: Origins::default(),
            });
            ours.origins.message |= theirs.origins.message;
            ours.origins.given |= theirs.origins.given;
        }
        for (_, theirs) in other.ocsp_responses() {
            let slot = self.ocsp.entry(theirs.ocsp.sha256());
            let ours = slot.or_insert_with(|| PoolOcsp {
                ocsp: theirs.ocsp.clone(),
                origins: Origins::default(),
            });
            ours.origins.message |= theirs.origins.message;
            ours.origins.given |= theirs.origins.given;
        }
        Ok(())
    }

    /// SHA-256 of a certificate; zeros for an `id` of another pool.
    #[must_use]
    pub fn sha256_of(&self, id: CertificateId) -> [u8; 32] {
        let entry = usize::try_from(id.0)
            .ok()
            .and_then(|index| self.entries.get(index));
        entry.map_or([0; 32], |entry| entry.sha256)
    }

    /// The certificate was taken already.
    #[must_use]
    pub fn contains(&self, sha256: &[u8; 32]) -> bool {
        self.by_sha256.contains_key(sha256)
    }

    /// Sorts the indexes: from here on the pool is read by all workers and changed by none.
    #[must_use]
    pub fn finish(self) -> Pool {
        let entries = self.entries;
        let all: Vec<(CertificateId, &Entry)> = (0..).map(CertificateId).zip(&entries).collect();
        let sorted_by = |key: fn(&Entry) -> u64, readable_only: bool| {
            let mut ids: Vec<(CertificateId, &Entry)> = all
                .iter()
                .filter(|(_, entry)| entry.readable || !readable_only)
                .copied()
                .collect();
            ids.sort_unstable_by_key(|(_, entry)| (key(entry), entry.sha256));
            ids.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        let sorted = sorted_by(|_| 0, false);
        let by_subject = sorted_by(|entry| entry.subject.0, true);
        let by_issuer = sorted_by(|entry| entry.issuer.0, true);
        let by_issuer_serial = sorted_by(|entry| entry.issuer_serial, true);
        drop(all);

        let digest_of = |id: CertificateId| {
            let entry = usize::try_from(id.0)
                .ok()
                .and_then(|index| entries.get(index));
            entry.map(|entry| entry.sha256)
        };
        let mut by_ski = self.by_ski;
        by_ski.sort_unstable_by_key(|(key, id)| (*key, digest_of(*id)));
        by_ski.shrink_to_fit();
        let mut crls: Vec<PoolCrl> = self.crls.into_values().collect();
        crls.sort_unstable_by_key(|pooled| pooled.crl.sha256());
        let mut ocsp: Vec<PoolOcsp> = self.ocsp.into_values().collect();
        ocsp.sort_unstable_by_key(|pooled| pooled.ocsp.sha256());
        let mut answers: HashMap<Vec<u8>, Vec<OcspId>> = HashMap::new();
        for (id, pooled) in (0..).map(OcspId).zip(&ocsp) {
            for answer in pooled.ocsp.answers() {
                let about = answers.entry(answer.serial().to_vec()).or_default();
                if about.last() != Some(&id) {
                    about.push(id);
                }
            }
        }
        Pool {
            spool: self.spool,
            entries,
            by_sha256: self.by_sha256,
            sorted,
            by_subject,
            by_issuer,
            by_issuer_serial,
            by_ski,
            has_given_crls: crls.iter().any(|pooled| pooled.origins.given)
                || ocsp.iter().any(|pooled| pooled.origins.given),
            ocsp,
            answers,
            crls,
        }
    }
}
