//! The pool while it grows.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use crate::asn1::reader::BerError;
use crate::crypto::digest;
use crate::error::RunError;
use crate::pki::pool::digests::Digests;
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
    by_sha256: Digests,
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
            by_sha256: Digests::default(),
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
        self.insert_named(digest::sha256(der), der, provenance)
    }

    /// As [`PoolBuilder::insert_certificate`], of a certificate whose SHA-256 the caller has computed.
    ///
    /// # Errors
    /// Where the spool can't be written.
    pub fn insert_named(
        &mut self,
        sha256: [u8; 32],
        der: &[u8],
        provenance: Provenance,
    ) -> Result<(CertificateId, bool), RunError> {
        let mut origins = Origins::default();
        origins.add(provenance);
        self.insert(sha256, der, origins)
    }

    fn insert(
        &mut self,
        sha256: [u8; 32],
        der: &[u8],
        origins: Origins,
    ) -> Result<(CertificateId, bool), RunError> {
        if let Some(id) = self.by_sha256.find(&sha256, &self.entries) {
            if let Some(entry) = self.entry_mut(id) {
                entry.origins.message |= origins.message;
                entry.origins.given |= origins.given;
            }
            return Ok((id, false));
        }
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
            spki: 0,
        };
        if let Ok(certificate) = Certificate::read(der) {
            entry.readable = true;
            entry.subject = certificate.subject.key();
            entry.issuer = certificate.issuer.key();
            entry.issuer_serial = issuer_serial_key(certificate.issuer, certificate.serial);
            entry.spki = octets_key(certificate.spki);
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
        self.by_sha256.insert(id, &self.entries);
        Ok((id, true))
    }

    fn entry(&self, id: CertificateId) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.0).ok()?)
    }

    fn entry_mut(&mut self, id: CertificateId) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(id.0).ok()?)
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
            self.insert(other.sha256(id), &other.der(id)?, other.origins(id))?;
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
        self.entry(id).map_or([0; 32], |entry| entry.sha256)
    }

    /// Keys of a certificate's subject and issuer; None where it can't be read.
    #[must_use]
    pub fn name_keys(&self, id: CertificateId) -> Option<(NameKey, NameKey)> {
        let entry = self.entry(id).filter(|entry| entry.readable)?;
        Some((entry.subject, entry.issuer))
    }

    /// The number of the certificate with this SHA-256.
    #[must_use]
    pub fn find(&self, sha256: &[u8; 32]) -> Option<CertificateId> {
        self.by_sha256.find(sha256, &self.entries)
    }

    /// The certificate was taken already.
    #[must_use]
    pub fn contains(&self, sha256: &[u8; 32]) -> bool {
        self.find(sha256).is_some()
    }

    /// Number of certificates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There are no certificates.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the indexes: from here on the pool is read by all workers and changed by none.
    #[must_use]
    pub fn finish(self) -> Pool {
        let mut entries = self.entries;
        entries.shrink_to_fit();
        let entry = |id: CertificateId| entries.get(usize::try_from(id.0).ok()?);
        // Keys are sorted beside the numbers: what they stand for lies anywhere in memory.
        let mut keyed: Vec<(u64, CertificateId)> = (0..)
            .map(CertificateId)
            .zip(&entries)
            .map(|(id, entry)| (leading_octets(&entry.sha256), id))
            .collect();
        keyed.sort_unstable_by(|(one, first), (other, second)| {
            let whole = |id: CertificateId| entry(id).map(|entry| entry.sha256);
            one.cmp(other)
                .then_with(|| whole(*first).cmp(&whole(*second)))
        });
        let sorted: Vec<CertificateId> = keyed.iter().map(|(_, id)| *id).collect();
        drop(keyed);
        let sorted_by = |key: fn(&Entry) -> u64| {
            let mut keyed: Vec<(u64, CertificateId)> = sorted
                .iter()
                .filter_map(|id| Some((key(entry(*id).filter(|entry| entry.readable)?), *id)))
                .collect();
            // Stable: under one key the order of SHA-256 stays.
            keyed.sort_by_key(|(key, _)| *key);
            keyed.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        };
        let by_subject = sorted_by(|entry| entry.subject.0);
        let by_issuer = sorted_by(|entry| entry.issuer.0);
        let by_issuer_serial = sorted_by(|entry| entry.issuer_serial);
        let by_spki = sorted_by(|entry| entry.spki);
        let mut by_ski = self.by_ski;
        by_ski.sort_unstable_by(|(one, first), (other, second)| {
            let whole = |id: CertificateId| entry(id).map(|entry| entry.sha256);
            one.cmp(other)
                .then_with(|| whole(*first).cmp(&whole(*second)))
        });
        by_ski.shrink_to_fit();
        let mut crls: Vec<PoolCrl> = self.crls.into_values().collect();
        crls.sort_unstable_by_key(|pooled| pooled.crl.sha256());
        let mut ocsp: Vec<PoolOcsp> = self.ocsp.into_values().collect();
        ocsp.sort_unstable_by_key(|pooled| pooled.ocsp.sha256());
        let mut answers: HashMap<Vec<u8>, Vec<(OcspId, u32)>> = HashMap::new();
        for (id, pooled) in (0..).map(OcspId).zip(&ocsp) {
            for (place, answer) in (0..).zip(pooled.ocsp.answers()) {
                let about = answers.entry(answer.serial().to_vec()).or_default();
                about.push((id, place));
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
            by_spki,
            by_ski,
            has_given_crls: crls.iter().any(|pooled| pooled.origins.given)
                || ocsp.iter().any(|pooled| pooled.origins.given),
            ocsp,
            answers,
            crls,
        }
    }
}

fn leading_octets(sha256: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *sha256;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
