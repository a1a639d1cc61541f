//! The finished pool: what is in it, and how it is found.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::asn1::reader::Integer;
use crate::crypto::digest;
use crate::error::RunError;
use crate::pki::pool::digests::Digests;
use crate::pki::pool::spool::Spool;
use crate::pki::pool::{CertificateId, CrlId, Entry, OcspId, Origins, PoolCrl, PoolOcsp};
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::name::{Name, NameKey};
use crate::pki::x509::ocsp::OcspAnswer;

/// All certificates and CRLs, read-only. Equal sets give equal answers, whatever the order they came in.
#[derive(Debug)]
pub struct Pool {
    pub(super) spool: Spool,
    pub(super) entries: Vec<Entry>,
    pub(super) by_sha256: Digests,
    /// All certificates, by SHA-256.
    pub(super) sorted: Vec<CertificateId>,
    /// Readable certificates by these keys, then by SHA-256.
    pub(super) by_subject: Vec<CertificateId>,
    pub(super) by_issuer: Vec<CertificateId>,
    pub(super) by_issuer_serial: Vec<CertificateId>,
    pub(super) by_spki: Vec<CertificateId>,
    pub(super) by_ski: Vec<(u64, CertificateId)>,
    /// By SHA-256.
    pub(super) crls: Vec<PoolCrl>,
    /// By SHA-256.
    pub(super) ocsp: Vec<PoolOcsp>,
    /// The answers about a serial number (minimal octets): the response, and which of its answers.
    pub(super) answers: HashMap<Vec<u8>, Vec<(OcspId, u32)>>,
    /// CRLs or OCSP responses.
    pub(super) has_given_crls: bool,
}

impl Pool {
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

    /// All certificates in the order of their SHA-256.
    pub fn certificates(&self) -> impl Iterator<Item = CertificateId> {
        self.sorted.iter().copied()
    }

    /// The octets of a certificate, as first received. From a spool file they are read anew each time.
    ///
    /// # Errors
    /// Where the spool can't be read, or `id` is another pool's.
    pub fn der(&self, id: CertificateId) -> Result<Cow<'_, [u8]>, RunError> {
        let entry = self.entry(id).ok_or(RunError::Internal {
            what: "a certificate of another pool was asked for",
        })?;
        self.spool.read(entry.offset, entry.length)
    }

    /// Size of a certificate in bytes; 0 for an `id` of another pool.
    #[must_use]
    pub fn size_bytes(&self, id: CertificateId) -> u64 {
        self.entry(id).map_or(0, |entry| u64::from(entry.length))
    }

    /// What the certificate holds could be read.
    #[must_use]
    pub fn is_readable(&self, id: CertificateId) -> bool {
        self.entry(id).is_some_and(|entry| entry.readable)
    }

    /// SHA-256 of a certificate; zeros for an `id` of another pool.
    #[must_use]
    pub fn sha256(&self, id: CertificateId) -> [u8; 32] {
        self.entry(id).map_or([0; 32], |entry| entry.sha256)
    }

    /// Where a certificate has come from.
    #[must_use]
    pub fn origins(&self, id: CertificateId) -> Origins {
        self.entry(id)
            .map(|entry| entry.origins)
            .unwrap_or_default()
    }

    /// The certificate with this SHA-256.
    #[must_use]
    pub fn find(&self, sha256: &[u8; 32]) -> Option<CertificateId> {
        self.by_sha256.find(sha256, &self.entries)
    }

    /// The certificate is there.
    #[must_use]
    pub fn contains(&self, sha256: &[u8; 32]) -> bool {
        self.find(sha256).is_some()
    }

    /// All certificates of this issuer with this serial number, by SHA-256. More than one is a collision: each is a
    /// candidate.
    ///
    /// # Errors
    /// Where the spool can't be read.
    pub fn find_by_issuer_serial(
        &self,
        issuer: Name<'_>,
        serial: Integer<'_>,
    ) -> Result<Vec<CertificateId>, RunError> {
        let key = issuer_serial_key(issuer, serial);
        let candidates = self.range(&self.by_issuer_serial, key, |entry| entry.issuer_serial);
        self.confirmed(candidates, |certificate| {
            certificate.serial.minimal() == serial.minimal() && certificate.issuer.matches(issuer)
        })
    }

    /// Another certificate may have the issuer and serial number of this one: the names are not compared.
    #[must_use]
    pub fn may_collide(&self, id: CertificateId) -> bool {
        let Some(entry) = self.entry(id).filter(|entry| entry.readable) else {
            return false;
        };
        let same = self.range(&self.by_issuer_serial, entry.issuer_serial, |entry| {
            entry.issuer_serial
        });
        same.len() > 1
    }

    /// The certificates that may have issuer and serial number of this one, itself among them, by SHA-256: the names are not compared.
    #[must_use]
    pub fn with_issuer_serial_of(&self, id: CertificateId) -> &[CertificateId] {
        match self.entry(id).filter(|entry| entry.readable) {
            Some(entry) => self.with_issuer_serial_key(entry.issuer_serial),
            None => &[],
        }
    }

    /// The certificates with this key of issuer and serial number, by SHA-256; see [`issuer_serial_key`].
    #[must_use]
    pub fn with_issuer_serial_key(&self, key: u64) -> &[CertificateId] {
        self.range(&self.by_issuer_serial, key, |entry| entry.issuer_serial)
    }

    /// The certificates with the public key of this one, itself among them, by SHA-256. The keys are told apart by eight octets of
    /// their SHA-256.
    #[must_use]
    pub fn with_key_of(&self, id: CertificateId) -> &[CertificateId] {
        match self.entry(id).filter(|entry| entry.readable) {
            Some(entry) => self.range(&self.by_spki, entry.spki, |entry| entry.spki),
            None => &[],
        }
    }

    /// More than one certificate may have this key identifier: it is not compared.
    #[must_use]
    pub fn may_share_ski(&self, ski: &[u8]) -> bool {
        let key = octets_key(ski);
        let start = self.by_ski.partition_point(|(known, _)| *known < key);
        self.by_ski
            .get(start + 1)
            .is_some_and(|(known, _)| *known == key)
    }

    /// All certificates with this key identifier, from the extension or computed (SHA-1 of the key's octets), by SHA-256.
    ///
    /// # Errors
    /// Where the spool can't be read.
    pub fn find_by_ski(&self, ski: &[u8]) -> Result<Vec<CertificateId>, RunError> {
        let key = octets_key(ski);
        let start = self.by_ski.partition_point(|(known, _)| *known < key);
        let candidates: Vec<CertificateId> = self
            .by_ski
            .iter()
            .skip(start)
            .take_while(|(known, _)| *known == key)
            .map(|(_, id)| *id)
            .collect();
        self.confirmed(&candidates, |certificate| {
            let written = certificate.extensions.subject_key_identifier();
            matches!(written, Ok(Some(written)) if written == ski)
                || certificate
                    .computed_key_identifier()
                    .is_some_and(|computed| computed == ski)
        })
    }

    /// The certificates with this key of a key identifier, by SHA-256; see [`octets_key`].
    pub fn with_ski_key(&self, key: u64) -> impl Iterator<Item = CertificateId> {
        let start = self.by_ski.partition_point(|(known, _)| *known < key);
        let found = self.by_ski.iter().skip(start);
        found
            .take_while(move |(known, _)| *known == key)
            .map(|(_, id)| *id)
    }

    /// All certificates with this subject, by SHA-256.
    ///
    /// # Errors
    /// Where the spool can't be read.
    pub fn by_subject(&self, subject: Name<'_>) -> Result<Vec<CertificateId>, RunError> {
        let candidates = self.with_subject_key(subject.key());
        self.confirmed(candidates, |certificate| {
            certificate.subject.matches(subject)
        })
    }

    /// Certificates whose subject has this key, by SHA-256; the names are not compared.
    #[must_use]
    pub fn with_subject_key(&self, key: NameKey) -> &[CertificateId] {
        self.range(&self.by_subject, key, |entry| entry.subject)
    }

    /// Certificates whose issuer has this key, by SHA-256; the names are not compared.
    #[must_use]
    pub fn with_issuer_key(&self, key: NameKey) -> &[CertificateId] {
        self.range(&self.by_issuer, key, |entry| entry.issuer)
    }

    /// Keys of a certificate's subject and issuer; None where it can't be read.
    #[must_use]
    pub fn name_keys(&self, id: CertificateId) -> Option<(NameKey, NameKey)> {
        let entry = self.entry(id).filter(|entry| entry.readable)?;
        Some((entry.subject, entry.issuer))
    }

    /// All CRLs in the order of their SHA-256.
    pub fn crls(&self) -> impl Iterator<Item = (CrlId, &PoolCrl)> {
        (0..).map(CrlId).zip(&self.crls)
    }

    /// All OCSP responses in the order of their SHA-256.
    pub fn ocsp_responses(&self) -> impl Iterator<Item = (OcspId, &PoolOcsp)> {
        (0..).map(OcspId).zip(&self.ocsp)
    }

    /// The answers about some certificate with this serial number, each with its OCSP response, by the response's SHA-256 and its order.
    pub fn ocsp_about(
        &self,
        serial: Integer<'_>,
    ) -> impl Iterator<Item = (OcspId, &PoolOcsp, &OcspAnswer)> {
        let about = self.answers.get(serial.minimal()).map(Vec::as_slice);
        let places = about.unwrap_or_default().iter();
        places.filter_map(|(id, place)| {
            let pooled = self.ocsp(*id)?;
            let answers = pooled.ocsp.answers();
            Some((*id, pooled, answers.get(usize::try_from(*place).ok()?)?))
        })
    }

    /// An OCSP response; None for an `id` of another pool.
    #[must_use]
    pub fn ocsp(&self, id: OcspId) -> Option<&PoolOcsp> {
        self.ocsp.get(usize::try_from(id.0).ok()?)
    }

    /// The pool has an OCSP response with this SHA-256.
    #[must_use]
    pub fn has_ocsp(&self, sha256: &[u8; 32]) -> bool {
        self.ocsp
            .binary_search_by_key(sha256, |pooled| pooled.ocsp.sha256())
            .is_ok()
    }

    /// There is a CRL or OCSP response that the operator gave, or with `embedded` any.
    #[must_use]
    pub fn has_crls(&self, embedded: bool) -> bool {
        self.has_given_crls || (embedded && !(self.crls.is_empty() && self.ocsp.is_empty()))
    }

    /// The CRL with this SHA-256.
    #[must_use]
    pub fn find_crl(&self, sha256: &[u8; 32]) -> Option<CrlId> {
        let found = self
            .crls
            .binary_search_by_key(sha256, |pooled| pooled.crl.sha256());
        u32::try_from(found.ok()?).ok().map(CrlId)
    }

    /// A CRL; None for an `id` of another pool.
    #[must_use]
    pub fn crl(&self, id: CrlId) -> Option<&PoolCrl> {
        self.crls.get(usize::try_from(id.0).ok()?)
    }

    fn entry(&self, id: CertificateId) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.0).ok()?)
    }

    fn range<'p, K: Ord>(
        &self,
        index: &'p [CertificateId],
        key: K,
        key_of: impl Fn(&Entry) -> K,
    ) -> &'p [CertificateId] {
        let entry_key = |id: &CertificateId| self.entry(*id).map(&key_of);
        let wanted = Some(key);
        let start = index.partition_point(|id| entry_key(id) < wanted);
        let tail = index.get(start..).unwrap_or_default();
        let length = tail.partition_point(|id| entry_key(id) <= wanted);
        tail.get(..length).unwrap_or_default()
    }

    /// Those for which `holds` holds: the keys of the indexes are short, so what they find is compared in full.
    fn confirmed(
        &self,
        candidates: &[CertificateId],
        holds: impl Fn(&Certificate<'_>) -> bool,
    ) -> Result<Vec<CertificateId>, RunError> {
        let mut confirmed = Vec::new();
        for id in candidates {
            let der = self.der(*id)?;
            if Certificate::read(&der).is_ok_and(|certificate| holds(&certificate)) {
                confirmed.push(*id);
            }
        }
        Ok(confirmed)
    }
}

/// Eight octets of the SHA-256 of a key identifier or a public key, to find candidates by.
#[must_use]
pub fn octets_key(octets: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest::sha256(octets);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The same of an issuer, normalised, and a serial number.
#[must_use]
pub fn issuer_serial_key(issuer: Name<'_>, serial: Integer<'_>) -> u64 {
    let mut octets = issuer.normalised();
    octets.extend_from_slice(serial.minimal());
    octets_key(&octets)
}
