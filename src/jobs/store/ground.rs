//! What a store gives to a judgement, and the choice of a recipient's certificate.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};

use crate::asn1::Time;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::envelope::Announced;
use crate::jobs::given::Given;
use crate::jobs::output::spool;
use crate::jobs::store::decide::is_anchor;
use crate::jobs::store::{Failed, Store, decision, folded, sha256_of, time};
use crate::judge::recipient::{
    Candidate, Capability, Choice, Decision, Evidence, Preference, Rules, choose_recipient,
};
use crate::judge::{Clocks, Judge, Policy};
use crate::limits::Limits;
use crate::pki::pool::{CertificateId, Pool, PoolBuilder, Provenance};
use crate::pki::trust::{Anchors, Hierarchy, Purpose, Trust};
use crate::pki::x509::Certificate;
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::encryption::EncryptionUsage;

/// Certificates that a judgement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// All of them.
    All,
    /// Authorities', and those of these addresses.
    Of(&'a [String]),
}

/// What a store gives to a judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreMaterial {
    /// Trusted authorities, and trusted certificates signed with their own key.
    pub anchors: Given,
    /// Certificates for paths: material, whoever they are from.
    pub certificates: Given,
    /// Revocation lists and OCSP responses: those that were given, and apart those that mail brought.
    pub crls: Given,
    /// SHA-256 of every certificate that is distrusted.
    pub distrusted: BTreeSet<Sha256>,
}

impl StoreMaterial {
    /// Takes what was given besides. What the store distrusts is no anchor, whoever gave it; those that were are returned.
    pub fn join(&mut self, anchors: Given, certificates: Given, crls: Given) -> Vec<Sha256> {
        self.anchors.join(anchors);
        self.certificates.join(certificates);
        self.crls.join(crls);
        let distrusted: Vec<Sha256> = self
            .anchors
            .certificates
            .keys()
            .filter(|sha256| self.distrusted.contains(*sha256))
            .copied()
            .collect();
        for sha256 in &distrusted {
            if let Some(der) = self.anchors.certificates.remove(sha256) {
                self.certificates.certificates.insert(*sha256, der);
            }
        }
        distrusted
    }
}

impl Store {
    /// What it gives to a judgement.
    ///
    /// # Errors
    /// Where the store can't be read, or holds what does not have the digest that it is kept under.
    pub fn material(&self, whose: Whose<'_>) -> Result<StoreMaterial, RunError> {
        self.look(|open| {
            let mut material = StoreMaterial::default();
            let mut take = |row: &Row<'_>| -> Result<(), Failed> {
                let der: Vec<u8> = row.get("der")?;
                let key = sha256(&der);
                if key != sha256_of(&row.get::<_, Vec<u8>>("sha256")?)? {
                    return Err(Failed::damaged());
                }
                let read = Certificate::read(&der).map_err(|_| Failed::damaged())?;
                match decision(&row.get::<_, String>("decision")?)? {
                    Decision::Trusted if is_anchor(&read) => {
                        material.anchors.certificates.insert(key, der);
                    }
                    Decision::Distrusted => {
                        material.distrusted.insert(key);
                        material.certificates.certificates.insert(key, der);
                    }
                    Decision::Trusted | Decision::Known | Decision::Undecided => {
                        material.certificates.certificates.insert(key, der);
                    }
                }
                Ok(())
            };
            match whose {
                Whose::All => each(open, ALL, [], &mut take)?,
                Whose::Of(addresses) => {
                    each(open, AUTHORITIES, [], &mut take)?;
                    for address in addresses.iter().filter_map(|address| folded(address)) {
                        each(open, OF_ADDRESS, [address], &mut take)?;
                    }
                }
            }
            let mut rows = open.prepare("SELECT sha256, der, is_given FROM crls")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let der: Vec<u8> = row.get(1)?;
                let key = sha256(&der);
                if key != sha256_of(&row.get::<_, Vec<u8>>(0)?)? {
                    return Err(Failed::damaged());
                }
                let kept = match row.get(2)? {
                    true => &mut material.crls.crls,
                    false => &mut material.crls.carried,
                };
                kept.insert(key, der);
            }
            Ok(material)
        })
    }

    /// Chooses the certificate to encrypt to for an address. `ground` is made of material for it; `judge` is of `ground`.
    ///
    /// # Errors
    /// Where the store or the pool's spool can't be read.
    pub fn recipient(
        &self,
        address: &str,
        ground: &Ground,
        judge: &mut Judge<'_>,
        rules: Rules<'_>,
    ) -> Result<Choice, RunError> {
        let (candidates, preferences) = self.look(|open| {
            let mut candidates = Vec::new();
            let mut preferences = Vec::new();
            if let Some(folded) = folded(address) {
                each(open, OF_ADDRESS, [&folded], &mut |row| {
                    let id: i64 = row.get("id")?;
                    let der: Vec<u8> = row.get("der")?;
                    let decided = decision(&row.get::<_, String>("decision")?)?;
                    let certificate = Certificate::read(&der).map_err(|_| Failed::damaged())?;
                    let own = certificate.sha256();
                    // It came after the ground was made.
                    let Some(place) = ground.pool.find(&own) else {
                        return Ok(());
                    };
                    let standing = judge.as_recipient(place, rules.at)?;
                    let constraints = certificate.extensions.basic_constraints();
                    candidates.push(Candidate {
                        sha256: own,
                        spki_sha256: certificate.spki_sha256(),
                        issuer_sha256: sha256(&certificate.issuer.normalised()),
                        addresses: CertificateAddresses::read(&certificate)
                            .list
                            .into_iter()
                            .map(|address| address.text)
                            .collect(),
                        not_before: certificate.not_before.ok(),
                        not_after: certificate.not_after.ok(),
                        is_authority: matches!(constraints, Ok(Some(constraints)) if constraints.ca),
                        usage: EncryptionUsage::of(&certificate),
                        decision: decided,
                        evidence: evidence(open, id, &folded)?,
                        capability: capability(open, id)?,
                        standing,
                    });
                    preferred(open, id, own, &mut preferences)
                })?;
            }
            Ok((candidates, preferences))
        })?;
        Ok(choose_recipient(address, &candidates, &preferences, rules))
    }

    /// What the holder of the chosen certificate announced last, with its key or with another one of the address that the same
    /// authority stands for (RFC 8551 §2.7.1 goes by the sender, not by the certificate: who has one key to sign and one to decrypt
    /// announces with the first). None where nothing is recorded.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn announced(&self, choice: &Choice) -> Result<Option<Announced>, RunError> {
        self.look(|open| {
            let mut last = None;
            for sha256 in choice.holders() {
                each(open, ANNOUNCED, [sha256.as_slice()], &mut |row| {
                    let said: (Option<i64>, String) = (row.get(0)?, row.get(1)?);
                    last = last.take().max(Some(said));
                    Ok(())
                })?;
            }
            Ok(last.map(|(_, names)| Announced::from_names(&names)))
        })
    }
}

const ANNOUNCED: &str = "SELECT s.at, s.names FROM capabilities s JOIN certificates c ON c.id = s.certificate \
    WHERE c.sha256 = ?1";

/// Anchors and paths for the certificates of a store.
pub struct Ground {
    pool: Pool,
    hierarchy: Hierarchy,
}

impl Ground {
    /// Finds the authorities that lead to an anchor.
    ///
    /// # Errors
    /// Where the pool's spool can't be written.
    pub fn new(material: &StoreMaterial, limits: &Limits) -> Result<Self, RunError> {
        let mut pool = PoolBuilder::new(spool()?);
        for der in material.certificates.certificates.values() {
            pool.insert_certificate(der, Provenance::Given)?;
        }
        let anchors = material.anchors.certificates.values();
        let anchors = Anchors::new(anchors.map(Vec::as_slice), &mut pool)?;
        let anchors = anchors.without(&material.distrusted);
        for crl in material.crls.crls.values() {
            pool.insert_revocation(crl, Provenance::Given)?;
        }
        for crl in material.crls.carried.values() {
            pool.insert_revocation(crl, Provenance::Message)?;
        }
        let pool = pool.finish();
        let hierarchy = Hierarchy::new(&pool, &anchors, limits)?;
        Ok(Self { pool, hierarchy })
    }

    /// A judge who has seen nothing yet.
    #[must_use]
    pub fn judge<'g>(&'g self, policy: &'g Policy, now: Time, limits: &'g Limits) -> Judge<'g> {
        let trust = Trust::new(&self.pool, &self.hierarchy, limits);
        Judge::new(&self.pool, trust, policy, Clocks { now })
    }

    /// Where a certificate of the material stands in the pool.
    #[must_use]
    pub fn find(&self, sha256: &Sha256) -> Option<CertificateId> {
        self.pool.find(sha256)
    }

    /// A certificate of the material, DER.
    ///
    /// # Errors
    /// Where the pool's spool can't be read, or it is not of the material.
    pub fn der(&self, sha256: &Sha256) -> Result<Vec<u8>, RunError> {
        let id = self.find(sha256).ok_or(RunError::Internal {
            what: "a certificate that was chosen is not there",
        })?;
        Ok(self.pool.der(id)?.into_owned())
    }

    /// The best path of a signer's certificate at a time, in DER, the certificate itself first. The anchor is left out unless it is all:
    /// who trusts it has it.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn path(
        &self,
        certificate: CertificateId,
        judge: &mut Judge<'_>,
        at: Time,
    ) -> Result<Vec<Vec<u8>>, RunError> {
        let chain = judge
            .trust()
            .chain(certificate, Purpose::EmailSigning, at)?;
        let sent = chain
            .path
            .iter()
            .filter(|id| **id == certificate || Some(**id) != chain.anchor);
        sent.map(|id| Ok(self.pool.der(*id)?.into_owned()))
            .collect()
    }
}

const ALL: &str = "SELECT id, sha256, der, decision FROM certificates";

const AUTHORITIES: &str = "SELECT id, sha256, der, decision FROM certificates \
    WHERE is_authority = 1 UNION SELECT id, sha256, der, decision FROM certificates WHERE signs_lists = 1 \
    UNION SELECT id, sha256, der, decision FROM certificates WHERE decision IN ('trusted', 'distrusted')";

const OF_ADDRESS: &str = "SELECT c.id, c.sha256, c.der, c.decision FROM addresses a JOIN certificates c ON c.id = a.certificate \
    WHERE a.folded = ?1 ORDER BY c.sha256";

fn each<P: rusqlite::Params>(
    open: &Connection,
    query: &str,
    parameters: P,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut rows = open.prepare_cached(query)?;
    let mut rows = rows.query(parameters)?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// What all sources told together.
fn evidence(open: &Connection, id: i64, folded: &str) -> Result<Evidence, Failed> {
    let mut all = Evidence::default();
    each(
        open,
        "SELECT folded = ?2, first_at, last_at FROM evidence WHERE certificate = ?1 AND folded IN ('', ?2)",
        params![id, folded],
        &mut |row| {
            let (first, last) = (time(row.get(1)?), time(row.get(2)?));
            all.first_seen = all.first_seen.into_iter().chain(first).min();
            all.last_seen = all.last_seen.max(last);
            if row.get(0)? {
                all.last_signed = all.last_signed.max(last);
            }
            Ok(())
        },
    )?;
    Ok(all)
}

/// What was said last.
fn capability(open: &Connection, id: i64) -> Result<Capability, Failed> {
    let mut said = BTreeMap::new();
    each(
        open,
        "SELECT at, names FROM capabilities WHERE certificate = ?1",
        [id],
        &mut |row| {
            let at: Option<i64> = row.get(0)?;
            let names: String = row.get(1)?;
            let best = names.split(' ').map(of_name).max();
            said.insert((at, names.clone()), best.unwrap_or(Capability::Unknown));
            Ok(())
        },
    )?;
    let last = said.into_iter().next_back();
    Ok(last.map_or(Capability::Unknown, |(_, best)| best))
}

fn of_name(name: &str) -> Capability {
    match name {
        "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" => Capability::AesGcm,
        "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc" => Capability::AesCbc,
        _ => Capability::Legacy,
    }
}

fn preferred(
    open: &Connection,
    id: i64,
    signer: Sha256,
    all: &mut Vec<Preference>,
) -> Result<(), Failed> {
    each(
        open,
        "SELECT named, at FROM preferences WHERE signer = ?1",
        [id],
        &mut |row| {
            all.push(Preference {
                signer,
                named: sha256_of(&row.get::<_, Vec<u8>>(0)?)?,
                at: time(row.get(1)?),
            });
            Ok(())
        },
    )
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").finish_non_exhaustive()
    }
}
