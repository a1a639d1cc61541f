//! Which of several certificates speaks for a signature, where its identifier and its key leave that open.
//!
//! Anybody can write a certificate with somebody's key, issuer and serial number, or key identifier, and send it to the archive's
//! owner. So where the signature does not bind one by its hash (RFC 5035), those that lead to an anchor go before those that
//! do not, whatever message they were in (catalogue row B-15).

use std::sync::Arc;

use crate::asn1::Integer;
use crate::error::RunError;
use crate::facts::axis::{Attributes, CertificateSource, Signature, TimeSource};
use crate::facts::finding::Finding;
use crate::facts::identity::identity_in_both;
use crate::facts::record::{Addresses, Identifier, MessageFacts, Sha256, SignatureFacts};
use crate::judge::{Judge, SignatureVerdict, Word, times_of};
use crate::pki::pool::CertificateId;
use crate::pki::trust::Purpose;
use crate::pki::x509::Certificate;
use crate::pki::x509::Name;
use crate::pki::x509::address::CertificateAddresses;

/// The certificates of one name.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// There are several of one issuer and serial number.
    collides: bool,
    /// Those that lead to an anchor, by SHA-256, each with the SHA-256 of its key.
    anchored: Vec<(Sha256, CertificateId)>,
}

/// Puts the certificate that gives the best verdict into each signature that does not bind one, and notes collisions of issuer and
/// serial number. Times of files stay only where the policy takes them.
///
/// Pure, as [`super::judge`] is.
///
/// # Errors
/// Where the pool's spool can't be read.
pub fn choose(facts: &mut MessageFacts, judge: &mut Judge<'_>) -> Result<(), RunError> {
    if !judge.policy.evidence.file_time {
        facts
            .times
            .retain(|time| time.source != TimeSource::FileTime);
    }
    for index in 0..facts.layers.len() {
        let Some(layer) = facts.layers.get(index) else {
            break;
        };
        if !layer
            .signatures
            .iter()
            .any(|signature| judge.is_open(signature))
        {
            continue;
        }
        let nested = layer
            .nested
            .and_then(|index| facts.nested.get(usize::try_from(index).ok()?));
        let sender = nested.map_or(&facts.sender, |message| &message.sender);
        let mut signatures = layer.signatures.clone();
        for signature in &mut signatures {
            let others = judge.others(signature, &layer.certificates)?;
            if others.is_empty() {
                continue;
            }
            let mut best = judge.signature(layer.structure, signature, times_of(facts, layer))?;
            for id in others {
                let other = judge.signed_by(
                    id,
                    signature,
                    (sender, layer.protected.as_ref()),
                    &layer.certificates,
                )?;
                let verdict = judge.signature(layer.structure, &other, times_of(facts, layer))?;
                if rank(&verdict) > rank(&best) {
                    best = verdict;
                    *signature = other;
                }
            }
        }
        if let Some(layer) = facts.layers.get_mut(index) {
            layer.signatures = signatures;
        }
    }
    Ok(())
}

/// The better a verdict, the higher.
fn rank(verdict: &SignatureVerdict) -> [Word; 3] {
    [verdict.verdict, verdict.now.verdict, verdict.claimed_word()]
}

impl Judge<'_> {
    /// Another certificate may have the same name: a quick look.
    fn is_open(&self, signature: &SignatureFacts) -> bool {
        let Some(own) = self.own(signature) else {
            return false;
        };
        match &signature.identifier {
            Identifier::IssuerSerial { .. } => self.pool.may_collide(own),
            Identifier::Ski(ski) => self.pool.may_share_ski(ski),
            Identifier::None => false,
        }
    }

    fn own(&self, signature: &SignatureFacts) -> Option<CertificateId> {
        self.pool.find(signature.certificate.as_ref()?)
    }

    /// Notes a collision, and gives the other certificates that may be the signer's: none where the signature binds one, or does
    /// not verify. What the message carries goes before what others do, so that a renewed certificate elsewhere changes nothing.
    fn others(
        &mut self,
        signature: &mut SignatureFacts,
        carried: &[Sha256],
    ) -> Result<Vec<CertificateId>, RunError> {
        let Some(own) = self.own(signature).filter(|_| self.is_open(signature)) else {
            return Ok(Vec::new());
        };
        let group = self.group(&signature.identifier)?;
        if group.collides {
            signature.findings.push(Finding::IssuerSerialCollision);
            signature.findings.sort_unstable();
            signature.findings.dedup();
        }
        let is_bound = signature.attributes != Attributes::Absent
            && !signature.findings.contains(&Finding::EssAbsent);
        if is_bound || signature.signature != Signature::Valid {
            return Ok(Vec::new());
        }
        let der = self.pool.der(own)?;
        let key = Certificate::read(&der).map(|certificate| certificate.spki_sha256());
        let mut others: Vec<CertificateId> = group
            .anchored
            .iter()
            .filter(|(spki, _)| key.as_ref() == Ok(spki))
            .map(|(_, id)| *id)
            .collect();
        let is_carried = |id: &CertificateId| carried.contains(&self.pool.sha256(*id));
        if others.iter().any(is_carried) {
            others.retain(is_carried);
        }
        others.retain(|id| *id != own);
        Ok(others)
    }

    fn group(&mut self, identifier: &Identifier) -> Result<Arc<Group>, RunError> {
        let (key, found) = match identifier {
            Identifier::IssuerSerial { issuer, serial } => {
                let key = [&serial.len().to_be_bytes(), serial.as_slice(), issuer].concat();
                if let Some(known) = self.groups.get(&key) {
                    return Ok(Arc::clone(known));
                }
                let (issuer, serial) = (Name::new(issuer), Integer(serial));
                (key, self.pool.find_by_issuer_serial(issuer, serial)?)
            }
            // No serial number is that long.
            Identifier::Ski(ski) => {
                let key = [&usize::MAX.to_be_bytes(), ski.as_slice()].concat();
                if let Some(known) = self.groups.get(&key) {
                    return Ok(Arc::clone(known));
                }
                (key, self.pool.find_by_ski(ski)?)
            }
            Identifier::None => return Ok(Arc::default()),
        };
        let mut group = Group {
            collides: found.len() > 1 && matches!(identifier, Identifier::IssuerSerial { .. }),
            anchored: Vec::new(),
        };
        let now = self.clocks.now;
        for id in found {
            let chain = self.trust.chain(id, Purpose::EmailSigning, now)?;
            if chain.anchor.is_none() {
                continue;
            }
            let der = self.pool.der(id)?;
            if let Ok(certificate) = Certificate::read(&der) {
                group.anchored.push((certificate.spki_sha256(), id));
            }
        }
        let group = Arc::new(group);
        self.groups.insert(key, Arc::clone(&group));
        Ok(group)
    }

    /// The same signature, with another certificate for its key.
    fn signed_by(
        &self,
        id: CertificateId,
        signature: &SignatureFacts,
        (sender, protected): (&Addresses, Option<&Addresses>),
        carried: &[Sha256],
    ) -> Result<SignatureFacts, RunError> {
        let mut other = signature.clone();
        let der = self.pool.der(id)?;
        let addresses = Certificate::read(&der)
            .map(|certificate| CertificateAddresses::read(&certificate))
            .unwrap_or_default();
        other.findings.retain(|finding| {
            !matches!(
                finding,
                Finding::CertStringSuspicious | Finding::DnSanConflict
            )
        });
        if !addresses.suspicious.is_empty() {
            other.findings.push(Finding::CertStringSuspicious);
        }
        if !addresses.conflict.is_empty() {
            other.findings.push(Finding::DnSanConflict);
        }
        other.findings.sort_unstable();
        let texts = addresses.list.into_iter().map(|address| address.text);
        other.addresses = texts.collect();
        other.identity = identity_in_both(sender, protected, &other.addresses);
        let sha256 = self.pool.sha256(id);
        other.certificate = Some(sha256);
        other.certificate_source = if carried.contains(&sha256) {
            CertificateSource::Message
        } else if self.pool.origins(id).message {
            CertificateSource::OtherMessage
        } else {
            CertificateSource::Given
        };
        Ok(other)
    }
}
