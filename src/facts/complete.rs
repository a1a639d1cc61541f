//! Finishes the signatures whose certificate was not in their message, once the pool holds all that was seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::asn1::{Integer, Time};
use crate::crypto::digest::{DigestAlgorithm, digest};
use crate::crypto::key::{KeyError, PublicKey};
use crate::error::RunError;
use crate::facts::Scratch;
use crate::facts::attributes::Named;
use crate::facts::axis::{Attributes, CertificateSource, Digest, Identity, Signature};
use crate::facts::certificates::Known;
use crate::facts::check::{Checked, Target, check, decoded, describe};
use crate::facts::finding::Finding;
use crate::facts::identity::identity_in_both;
use crate::facts::record::{
    Addresses, Identifier, LayerFacts, MessageFacts, Pending, Sha256, SignatureFacts, Signed,
};
use crate::limits::{Budget, Limits};
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::trust::{Chain, Purpose, Trust};
use crate::pki::x509::Name;

/// Where certificates that a message lacks come from, and which of several is believed.
///
/// Everybody can put certificates into the pool: one with another's issuer and serial number, another's key identifier,
/// even with another's public key. So another message's certificate is believed only if it has a path to an anchor, whether it
/// verifies the signature or not; one that the operator gave, or that stands in another layer of the message, needs none.
/// Without any anchor nothing can be valid, and there one that verifies a signature is taken as it comes.
pub struct Sources<'s, 'p> {
    /// All that was seen or given.
    pub pool: &'s Pool,
    /// Paths to the anchors.
    pub trust: &'s mut Trust<'p>,
    /// The run's clock, for signatures without a signingTime: which of an authority's certificates for one key is taken.
    pub now: Time,
    /// Bounds.
    pub limits: &'s Limits,
}

/// Looks for the certificates that signatures lack, and verifies with what is found. Facts stay as they are where nothing is.
///
/// Pure: equal facts and equal sources give equal facts, whatever the order in which the pool was filled.
///
/// Spends one [`Budget`] for the whole message, however many certificates others have put there for it (catalogue rows D-11 to D-13).
///
/// # Errors
/// Where the pool's spool can't be read.
pub fn complete(
    facts: &mut MessageFacts,
    sources: &mut Sources<'_, '_>,
    scratch: &mut Scratch,
) -> Result<(), RunError> {
    let open = |layer: &LayerFacts| layer.signatures.iter().any(is_open);
    if !facts.layers.iter().any(open) {
        return Ok(());
    }
    let carried: BTreeSet<Sha256> = facts
        .layers
        .iter()
        .flat_map(|layer| layer.certificates.iter().copied())
        .collect();
    let mut budget = Budget::of(sources.limits);
    for layer in &mut facts.layers {
        let nested = layer.nested.and_then(|index| usize::try_from(index).ok());
        let sender = match nested.and_then(|index| facts.nested.get(index)) {
            Some(message) => &message.sender,
            None => &facts.sender,
        };
        let mut search = Search {
            sources: &mut *sources,
            carried: &carried,
            sender,
            protected: layer.protected.as_ref(),
            scratch: &mut *scratch,
            budget: &mut budget,
        };
        for signature in &mut layer.signatures {
            search.finish(signature, Purpose::EmailSigning)?;
            for counter in &mut signature.countersignatures {
                search.finish(counter, Purpose::EmailSigning)?;
            }
            for token in &mut signature.timestamps {
                if let Some(own) = &mut token.signature {
                    search.finish(own, Purpose::TimeStamping)?;
                }
            }
        }
    }
    Ok(())
}

fn is_open(signature: &SignatureFacts) -> bool {
    signature.pending.is_some()
        || signature.countersignatures.iter().any(is_open)
        || signature.timestamps.iter().any(|token| {
            token
                .signature
                .as_ref()
                .is_some_and(|own| own.pending.is_some())
        })
}

/// The search for the certificates of one layer's signatures.
struct Search<'s, 't, 'p> {
    sources: &'s mut Sources<'t, 'p>,
    /// Certificates of the message, its other layers' too.
    carried: &'s BTreeSet<Sha256>,
    sender: &'s Addresses,
    protected: Option<&'s Addresses>,
    scratch: &'s mut Scratch,
    budget: &'s mut Budget,
}

/// How good a certificate is for a signature, the best last. Of equal ones the first by SHA-256 is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// It verifies the signature, and over this content.
    verifies: bool,
    named: Named,
    chain: Chain,
    speaks_for_sender: bool,
}

/// A certificate that a signature was tried with.
struct Found {
    rank: Rank,
    id: CertificateId,
    known: Arc<Known>,
    key: Result<PublicKey, KeyError>,
    checked: Checked,
}

impl Search<'_, '_, '_> {
    fn finish(&mut self, facts: &mut SignatureFacts, purpose: Purpose) -> Result<(), RunError> {
        let Some(pending) = facts.pending.take() else {
            return Ok(());
        };
        // The message's own certificate does not verify it: the same name may stand for another one (catalogue row B-15).
        let again = facts.signature == Signature::Invalid;
        if again && pending.signed == Signed::NeedsContent {
            return Ok(());
        }
        let candidates = self.candidates(facts, again)?;
        let candidates = self.worth_trying(candidates, purpose)?;
        let several = candidates.len() > 1;
        let mut best: Option<Found> = None;
        let mut unproven = false;
        for id in candidates {
            let Some(found) = self.try_with(id, facts, &pending, purpose)? else {
                continue;
            };
            if !self.is_believed(&found, again) {
                unproven |= found.rank.verifies && !again;
                continue;
            }
            if best.as_ref().is_none_or(|other| found.rank > other.rank) {
                best = Some(found);
            }
        }
        let Some(found) = best else {
            if unproven {
                facts.findings.push(Finding::CertificateUnproven);
            }
            if several && self.budget.left() == 0 {
                facts.findings.push(Finding::WorkBudget);
            }
            facts.findings.sort_unstable();
            facts.findings.dedup();
            facts.pending = Some(pending);
            return Ok(());
        };
        if again && !found.rank.verifies {
            return Ok(());
        }
        if again && facts.attributes == Attributes::CertificateMismatch {
            facts.attributes = Attributes::Ok;
        }
        if again || facts.certificate.is_none() {
            facts.certificate_source = self.source(&found);
            facts.findings.extend_from_slice(&found.known.findings);
            match found.rank.named {
                Named::Other if facts.attributes == Attributes::Ok => {
                    facts.attributes = Attributes::CertificateMismatch
                }
                Named::Nobody if facts.attributes != Attributes::Absent => {
                    facts.findings.push(Finding::EssAbsent)
                }
                Named::Other | Named::Nobody | Named::This => {}
            }
        }
        if several && matches!(facts.identifier, Identifier::IssuerSerial { .. }) {
            facts.findings.push(Finding::IssuerSerialCollision);
        }
        facts.certificate = Some(found.known.sha256);
        facts.addresses.clone_from(&found.known.addresses);
        facts.identity = identity_in_both(self.sender, self.protected, &found.known.addresses);
        facts.signature = found.checked.signature;
        if let Signed::Content(_) = pending.signed {
            facts.digest = found.checked.digest.unwrap_or(Digest::NotChecked);
        }
        describe(
            &mut facts.algorithms,
            found.checked.scheme.as_ref(),
            &found.key,
        );
        facts.findings.extend(found.checked.findings);
        facts.findings.sort_unstable();
        facts.findings.dedup();
        Ok(())
    }

    fn candidates(
        &self,
        facts: &SignatureFacts,
        again: bool,
    ) -> Result<Vec<CertificateId>, RunError> {
        let pool = self.sources.pool;
        if let Some(sha256) = facts.certificate.as_ref().filter(|_| !again) {
            return Ok(pool.find(sha256).into_iter().collect());
        }
        match &facts.identifier {
            Identifier::IssuerSerial { issuer, serial } => {
                pool.find_by_issuer_serial(Name::new(issuer), Integer(serial))
            }
            Identifier::Ski(id) => pool.find_by_ski(id),
            Identifier::None => Ok(Vec::new()),
        }
    }

    /// All of few. Of very many, those that may be believed come first, and of the others as many are tried as an authority's
    /// candidates are: a crowd of forgeries neither hides the real one nor costs a signature check for each of them in every message.
    fn worth_trying(
        &mut self,
        candidates: Vec<CertificateId>,
        purpose: Purpose,
    ) -> Result<Vec<CertificateId>, RunError> {
        let bound = self.sources.limits.issuer_candidates;
        if candidates.len() <= bound || !self.sources.trust.has_anchors() {
            return Ok(candidates);
        }
        let anchored = self.sources.trust.anchored(&candidates, purpose)?;
        let pool = self.sources.pool;
        let (mut first, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|id| {
            anchored.contains(id)
                || pool.origins(*id).given
                || self.carried.contains(&pool.sha256(*id))
        });
        first.extend(others.into_iter().take(bound));
        Ok(first)
    }

    fn try_with(
        &mut self,
        id: CertificateId,
        facts: &SignatureFacts,
        pending: &Pending,
        purpose: Purpose,
    ) -> Result<Option<Found>, RunError> {
        let (Some(signature_algorithm), Some(digest_algorithm)) = (
            decoded(&pending.signature_algorithm),
            decoded(&pending.digest_algorithm),
        ) else {
            return Ok(None);
        };
        let der = self.sources.pool.der(id)?;
        let name = self.sources.pool.sha256(id);
        let known = self.scratch.certificate(name, &der, self.sources.limits);
        let Some(known) = known else {
            return Ok(None);
        };
        let key = match known.key {
            Err(KeyError::ParametersMissing) => self.sources.trust.inherited_key(id, purpose)?,
            Ok(_) | Err(KeyError::Malformed | KeyError::Unsupported | KeyError::OutOfPolicy) => {
                known.key.clone()
            }
        };
        let target = match &pending.signed {
            Signed::Attributes { received, sorted } => Target::Attributes {
                received: [received, &[]],
                sorted: sorted.as_deref(),
            },
            Signed::Content(digests) => Target::Digests(digests),
            Signed::NeedsContent => Target::Digests(&[]),
        };
        let checked = check(
            (&signature_algorithm, &digest_algorithm),
            &pending.value,
            target,
            &key,
            (&mut self.scratch.verify, &mut *self.budget),
        );
        let at = facts.signing_time.unwrap_or(self.sources.now);
        let rank = Rank {
            verifies: checked.signature == Signature::Valid
                && checked.digest != Some(Digest::Mismatch),
            named: named(pending, &known.der),
            chain: self.sources.trust.chain(id, purpose, at)?.value,
            speaks_for_sender: match identity_in_both(self.sender, self.protected, &known.addresses)
            {
                Identity::MatchFrom | Identity::MatchCasefoldLocal => true,
                Identity::MatchSenderOnly
                | Identity::Mismatch
                | Identity::NoCertificateAddress
                | Identity::AmbiguousFrom
                | Identity::NoFrom => false,
            },
        };
        Ok(Some(Found {
            rank,
            id,
            known,
            key,
            checked,
        }))
    }

    /// A certificate that is made up says nothing: neither that a signature does not verify, nor whose it is. And to any ECDSA
    /// signature a key can be made that verifies it: against the message's own certificate that says nothing.
    fn is_believed(&self, found: &Found, again: bool) -> bool {
        let verifies = found.rank.verifies && !again;
        self.sources.pool.origins(found.id).given
            || self.carried.contains(&found.known.sha256)
            || (verifies && !self.sources.trust.has_anchors())
            || match found.rank.chain {
                Chain::NotYetValid | Chain::Expired | Chain::Trusted => true,
                // Authorities that lead to an anchor issued it, and no constraint keeps one of them from doing so.
                Chain::BadPurpose | Chain::KeyOutOfPolicy => verifies,
                // Whose it is does not depend on what the operator asks of its path.
                Chain::Policy => verifies && self.sources.trust.asks_for_policies(),
                Chain::BadCertificateSignature
                | Chain::SelfSigned
                | Chain::Incomplete
                | Chain::UntrustedRoot
                | Chain::BadCa
                | Chain::PathLength
                | Chain::NameConstraint => false,
            }
    }

    fn source(&self, found: &Found) -> CertificateSource {
        if self.carried.contains(&found.known.sha256) {
            CertificateSource::Message
        } else if self.sources.pool.origins(found.id).message {
            CertificateSource::OtherMessage
        } else {
            CertificateSource::Given
        }
    }
}

/// Do the kept ESS hashes name this certificate (RFC 5035 §5)?
fn named(pending: &Pending, der: &[u8]) -> Named {
    if pending.ess.is_empty() {
        return Named::Nobody;
    }
    let all = pending.ess.iter().all(|(name, hash)| {
        let algorithm = DigestAlgorithm::ALL
            .iter()
            .find(|algorithm| algorithm.name() == name);
        algorithm.is_none_or(|algorithm| {
            digest(*algorithm, &[der]).is_ok_and(|value| value.matches(hash))
        })
    });
    if all { Named::This } else { Named::Other }
}
