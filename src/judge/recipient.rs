//! Which certificate to encrypt to for an address, and why none of the others.
//!
//! Anybody can write a certificate with somebody's address and mail it to the archive's owner, with any date of his choice. So
//! what a certificate claims and how new it is count last. First comes what hinders its use ([`Hindrance`]), then whether it
//! belongs to the authority that the address has always used, then what the owner of the address says himself
//! (RFC 8551 §2.5.3), and only then how fresh the evidence is. A newer certificate of an authority that has nothing to do
//! with the earlier one never wins silently: it is named beside the one it would have replaced.

use std::cmp::Ordering;

use crate::asn1::Time;
use crate::facts::axis::Identity;
use crate::facts::identity::identity;
use crate::facts::record::{Addresses, Sha256};
use crate::judge::strength::Strength;
use crate::pki::trust::{Chain, Revocation};
use crate::pki::x509::encryption::EncryptionUsage;

mod standing;

mod words;

#[cfg(test)]
mod tests;

pub use words::{Capability, Caution, Decision, Hindrance, Refusal, Why};

/// What mail told of a certificate and an address, by claimed time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// First seen in any mail.
    pub first_seen: Option<Time>,
    /// Last seen in any mail.
    pub last_seen: Option<Time>,
    /// Last carried by, or signer of, a message from the address whose signature verifies.
    pub last_signed: Option<Time>,
}

/// What anchors, lists and policy say of a certificate as a recipient's, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// All failures of its path; empty when trusted.
    pub failures: Vec<Chain>,
    /// SHA-256 of the anchor that its path leads to.
    pub anchor: Option<Sha256>,
    /// The worst of its path.
    pub revocation: Revocation,
    /// Some certificate of the path has no good answer.
    pub revocation_lacking: bool,
    /// Of its path's keys and digests.
    pub strength: Strength,
    /// What is weak or broken, as `sha1`.
    pub strength_reasons: Vec<String>,
}

/// A certificate that may be the one for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Of the DER.
    pub sha256: Sha256,
    /// Of the subjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// Of the issuer's name, DER.
    pub issuer_sha256: Sha256,
    /// Addresses that it claims.
    pub addresses: Vec<String>,
    /// The first second of validity.
    pub not_before: Option<Time>,
    /// The last second of validity.
    pub not_after: Option<Time>,
    /// Basic constraints say that it is an authority's.
    pub is_authority: bool,
    /// Can its key be used?
    pub usage: EncryptionUsage,
    /// What the operator decided.
    pub decision: Decision,
    /// What mail told.
    pub evidence: Evidence,
    /// What its owner reads.
    pub capability: Capability,
    /// At the time of the choice.
    pub standing: Standing,
}

/// A signer's statement which certificate he wants mail encrypted to; the signature verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// SHA-256 of the signer's certificate.
    pub signer: Sha256,
    /// SHA-256 of the certificate that he names.
    pub named: Sha256,
    /// When, as claimed.
    pub at: Option<Time>,
}

/// What the choice depends on besides the certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules<'r> {
    /// The time to choose at.
    pub at: Time,
    /// Nothing is used without an answer about revocation.
    pub require_revocation: bool,
    /// Hindrances that the operator allows, by name. What has none goes before what has an allowed one.
    pub allowed: &'r [Hindrance],
}

/// What is to be told of a choice, and of which certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub caution: Caution,
    /// The certificate that was chosen, or that the address used before.
    pub chosen: Sha256,
    /// The other one; the same where it speaks of one only.
    pub other: Sha256,
}

/// Why a certificate was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChosen {
    /// It must not be used; in the order of [`Hindrance`].
    Hindered(Vec<Hindrance>),
    /// It could have been used.
    Behind(Why),
}

/// The certificate for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// SHA-256 of the certificate and what decided for it against the next one; or why there is none.
    pub chosen: Result<(Sha256, Why), Refusal>,
    /// Allowed hindrances of the chosen certificate.
    pub allowed: Vec<Hindrance>,
    /// Every other candidate, by SHA-256.
    pub others: Vec<(Sha256, NotChosen)>,
    /// What is to be told.
    pub notes: Vec<Note>,
}

impl Choice {
    /// The chosen certificate, and the others that belong to the same person as far as can be told: what speaks against each is only
    /// that one does not encrypt to it.
    pub fn holders(&self) -> impl Iterator<Item = Sha256> {
        let chosen = self.chosen.as_ref().ok().map(|(sha256, _)| *sha256);
        let others = self.others.iter().filter(move |_| chosen.is_some());
        let others = others.filter(|(_, reason)| match reason {
            NotChosen::Behind(_) => true,
            NotChosen::Hindered(hindrances) => hindrances.iter().all(|one| one.is_of_use()),
        });
        chosen.into_iter().chain(others.map(|(sha256, _)| *sha256))
    }
}

/// Chooses the certificate to encrypt to for an address (RFC 8550 §4.4, RFC 8551 §2.7).
///
/// Pure: equal sets of candidates and preferences give an equal choice, in whatever order they come. Never fails; each candidate is
/// either chosen or has the reason why not.
#[must_use]
pub fn choose_recipient(
    address: &str,
    candidates: &[Candidate],
    preferences: &[Preference],
    rules: Rules<'_>,
) -> Choice {
    let mut seen: Vec<Seen<'_>> = candidates
        .iter()
        .map(|candidate| Seen::new(address, candidate, rules))
        .collect();
    seen.sort_unstable_by_key(|one| one.candidate.sha256);
    seen.dedup_by_key(|one| one.candidate.sha256);
    let earlier = lineage(&mut seen, preferences, rules.at);
    for one in &mut seen {
        if one.is_usable(rules) && !one.is_related {
            one.hindrances.push(Hindrance::OtherAuthority);
        }
    }
    let preferred = preferred(&seen, preferences, rules.at);
    let mut usable: Vec<&Seen<'_>> = seen.iter().filter(|one| one.is_usable(rules)).collect();
    usable.sort_by(|one, other| order(one, other, preferred, rules.at).0);
    let Some(best) = usable.first().copied() else {
        return refused(&seen, earlier, rules);
    };
    let why = usable.get(1).map_or(Why::OnlyOne, |next| {
        order(best, next, preferred, rules.at).1
    });
    let others = seen
        .iter()
        .filter(|one| one.candidate.sha256 != best.candidate.sha256)
        .map(|one| {
            let reason = if one.is_usable(rules) {
                NotChosen::Behind(order(best, one, preferred, rules.at).1)
            } else {
                NotChosen::Hindered(one.hindrances.clone())
            };
            (one.candidate.sha256, reason)
        })
        .collect();
    Choice {
        chosen: Ok((best.candidate.sha256, why)),
        allowed: best.hindrances.clone(),
        others,
        notes: notes(best, &seen, earlier, preferences, rules),
    }
}

/// A candidate with what was found of it.
struct Seen<'c> {
    candidate: &'c Candidate,
    identity: Identity,
    hindrances: Vec<Hindrance>,
    /// Of the authority that the address has used before.
    is_related: bool,
}

impl<'c> Seen<'c> {
    fn new(address: &str, candidate: &'c Candidate, rules: Rules<'_>) -> Self {
        let wanted = Addresses {
            from: vec![address.to_owned()],
            from_fields: 1,
            sender: Vec::new(),
        };
        let identity = identity(&wanted, &candidate.addresses);
        let mut hindrances = Vec::new();
        let mut add = |applies: bool, hindrance| {
            if applies {
                hindrances.push(hindrance);
            }
        };
        let is_named = matches!(identity, Identity::MatchFrom | Identity::MatchCasefoldLocal);
        let standing = &candidate.standing;
        let failures = &standing.failures;
        add(!is_named, Hindrance::OtherAddress);
        add(
            candidate.decision == Decision::Distrusted,
            Hindrance::Distrusted,
        );
        add(candidate.is_authority, Hindrance::Authority);
        match candidate.usage {
            EncryptionUsage::Good => {}
            EncryptionUsage::CannotEncrypt => add(true, Hindrance::CannotEncrypt),
            EncryptionUsage::KeyUsage => add(true, Hindrance::KeyUsage),
            EncryptionUsage::ExtendedKeyUsage => add(true, Hindrance::ExtendedKeyUsage),
        }
        let self_issued = failures.contains(&Chain::SelfSigned);
        add(self_issued, Hindrance::SelfIssued);
        // That the certificate itself is not meant for it has been told; that an authority is not, has not.
        let told = |failure: &Chain| match failure {
            Chain::SelfSigned | Chain::NotYetValid | Chain::Expired | Chain::Trusted => true,
            Chain::BadPurpose => candidate.usage != EncryptionUsage::Good,
            Chain::BadCertificateSignature
            | Chain::Incomplete
            | Chain::UntrustedRoot
            | Chain::BadCa
            | Chain::PathLength
            | Chain::NameConstraint
            | Chain::Policy
            | Chain::KeyOutOfPolicy => false,
        };
        let has_path = standing.anchor.is_some() || self_issued;
        add(
            !has_path || !failures.iter().all(told),
            Hindrance::Untrusted,
        );
        let is_revoked = match standing.revocation {
            // A revocation that is known already is no less one for taking effect later.
            Revocation::Revoked | Revocation::RevokedLater => true,
            Revocation::Good | Revocation::NotChecked | Revocation::Stale | Revocation::Unknown => {
                false
            }
        };
        add(is_revoked, Hindrance::Revoked);
        let early = candidate.not_before.is_none_or(|from| rules.at < from)
            || failures.contains(&Chain::NotYetValid);
        let late = candidate.not_after.is_none_or(|to| to < rules.at)
            || failures.contains(&Chain::Expired);
        add(early, Hindrance::NotYetValid);
        add(late, Hindrance::Expired);
        add(
            rules.require_revocation && standing.revocation_lacking && !is_revoked,
            Hindrance::RevocationUnknown,
        );
        match standing.strength {
            Strength::Strong => {}
            Strength::Weak => add(true, Hindrance::Weak),
            Strength::Broken => add(true, Hindrance::Broken),
        }
        Self {
            candidate,
            identity,
            hindrances,
            is_related: false,
        }
    }

    fn is_usable(&self, rules: Rules<'_>) -> bool {
        self.hindrances
            .iter()
            .all(|hindrance| rules.allowed.contains(hindrance))
    }

    /// An authority that the operator trusts stood for this address at some time, and nothing was taken back.
    fn is_genuine(&self) -> bool {
        self.candidate.standing.anchor.is_some()
            && self
                .hindrances
                .iter()
                .all(|hindrance| hindrance.is_of_use())
    }

    /// Since when the address has used it. Mail can claim any time, but no authority issues into the past: what was seen before the
    /// certificate's first second was not. Without evidence it has not been used yet.
    fn since(&self, at: Time) -> Time {
        let seen = self.candidate.evidence.first_seen.unwrap_or(at).min(at);
        self.candidate.not_before.map_or(at, |from| from.max(seen))
    }
}

/// Marks what belongs together with the certificate that the address has used for longest, and gives that one.
///
/// Certificates belong together by the anchor or the issuer, by the key, or because a holder of one names the other as the one to
/// encrypt to. Where nothing can be told of an earlier one, all belong together.
fn lineage(seen: &mut [Seen<'_>], preferences: &[Preference], at: Time) -> Option<Sha256> {
    let confirmed = |one: &Seen<'_>| one.candidate.decision == Decision::Trusted;
    let first = seen
        .iter()
        .enumerate()
        .filter(|(_, one)| one.is_genuine())
        .min_by_key(|(_, one)| {
            let from = one.candidate.not_before;
            (!confirmed(one), one.since(at), from, one.candidate.sha256)
        })
        .map(|(index, _)| index);
    let Some(first) = first else {
        for one in seen {
            one.is_related = true;
        }
        return None;
    };
    let mut open = vec![first];
    while let Some(index) = open.pop() {
        let Some(known) = seen.get_mut(index) else {
            continue;
        };
        known.is_related = true;
        let known = &*known;
        let (own, is_genuine) = (known.candidate, known.is_genuine());
        let named = |other: &Candidate| {
            is_genuine
                && preferences
                    .iter()
                    .any(|one| one.signer == own.sha256 && one.named == other.sha256)
        };
        let anchor = own.standing.anchor.filter(|_| is_genuine);
        let related: Vec<usize> = seen
            .iter()
            .enumerate()
            .filter(|(_, one)| !one.is_related)
            .filter(|(_, one)| {
                let other = one.candidate;
                confirmed(one)
                    || (anchor.is_some() && anchor == other.standing.anchor)
                    || (is_genuine
                        && other.standing.anchor.is_some()
                        && own.issuer_sha256 == other.issuer_sha256)
                    || own.spki_sha256 == other.spki_sha256
                    || named(other)
            })
            .map(|(index, _)| index)
            .collect();
        open.extend(related);
    }
    seen.get(first).map(|one| one.candidate.sha256)
}

/// What the address's owner said last; only who belongs to the address is asked.
fn preferred(seen: &[Seen<'_>], preferences: &[Preference], at: Time) -> Option<Sha256> {
    let speaks = |preference: &&Preference| {
        seen.iter().any(|one| {
            one.candidate.sha256 == preference.signer && one.is_related && one.is_genuine()
        })
    };
    preferences
        .iter()
        .filter(speaks)
        .max_by_key(|one| (one.at.map(|time| time.min(at)), one.named))
        .map(|one| one.named)
}

/// The better of two that can be used goes first, and what decided.
fn order(one: &Seen<'_>, other: &Seen<'_>, preferred: Option<Sha256>, at: Time) -> (Ordering, Why) {
    let (a, b) = (one.candidate, other.candidate);
    // A later mail than now claims to be from now.
    let fresh = |candidate: &Candidate| {
        let until_now = |time: Option<Time>| time.map(|time| time.min(at));
        let evidence = candidate.evidence;
        (
            until_now(evidence.last_signed),
            until_now(evidence.last_seen),
        )
    };
    let exact = |one: &Seen<'_>| one.identity == Identity::MatchFrom;
    let steps = [
        (one.hindrances.cmp(&other.hindrances), Why::Unhindered),
        (
            (b.decision == Decision::Trusted).cmp(&(a.decision == Decision::Trusted)),
            Why::Confirmed,
        ),
        (
            (Some(b.sha256) == preferred).cmp(&(Some(a.sha256) == preferred)),
            Why::KeyPreference,
        ),
        (exact(other).cmp(&exact(one)), Why::ExactAddress),
        (fresh(b).cmp(&fresh(a)), Why::FreshestEvidence),
        (b.capability.cmp(&a.capability), Why::Capability),
        (b.not_before.cmp(&a.not_before), Why::Newest),
        (b.not_after.cmp(&a.not_after), Why::LongestValid),
    ];
    steps
        .into_iter()
        .find(|(ordering, _)| ordering.is_ne())
        .unwrap_or_else(|| (a.sha256.cmp(&b.sha256), Why::Digest))
}

/// No choice: the worst that can be said is told first.
fn refused(seen: &[Seen<'_>], earlier: Option<Sha256>, rules: Rules<'_>) -> Choice {
    let named: Vec<&Seen<'_>> = seen
        .iter()
        .filter(|one| !one.hindrances.contains(&Hindrance::OtherAddress))
        .collect();
    let only_other = |one: &&&Seen<'_>| {
        one.hindrances.contains(&Hindrance::OtherAuthority)
            && one.hindrances.iter().all(|hindrance| {
                *hindrance == Hindrance::OtherAuthority || rules.allowed.contains(hindrance)
            })
    };
    let changed: Vec<&&Seen<'_>> = named.iter().filter(only_other).collect();
    let notes = changed
        .iter()
        .filter_map(|one| {
            Some(Note {
                caution: Caution::NewerOtherAuthority,
                chosen: earlier?,
                other: one.candidate.sha256,
            })
        })
        .collect();
    let refusal = if named.is_empty() {
        Refusal::NoCertificate
    } else if changed.is_empty() {
        Refusal::NoneUsable
    } else {
        Refusal::AuthorityChanged
    };
    Choice {
        chosen: Err(refusal),
        allowed: Vec::new(),
        others: seen
            .iter()
            .map(|one| {
                let reason = NotChosen::Hindered(one.hindrances.clone());
                (one.candidate.sha256, reason)
            })
            .collect(),
        notes,
    }
}

fn notes(
    best: &Seen<'_>,
    seen: &[Seen<'_>],
    earlier: Option<Sha256>,
    preferences: &[Preference],
    rules: Rules<'_>,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let chosen = best.candidate;
    let mut note = |caution, chosen: Sha256, other: Sha256| {
        notes.push(Note {
            caution,
            chosen,
            other,
        });
    };
    for one in seen {
        let other = one.candidate;
        let newer = other.not_before > chosen.not_before;
        let has = |hindrance| one.hindrances.contains(&hindrance);
        if other.sha256 == chosen.sha256 || !newer || has(Hindrance::OtherAddress) {
            continue;
        }
        if has(Hindrance::SelfIssued) {
            note(Caution::NewerSelfIssued, chosen.sha256, other.sha256);
        } else if has(Hindrance::Untrusted) {
            note(Caution::NewerUntrusted, chosen.sha256, other.sha256);
        } else if has(Hindrance::OtherAuthority) {
            note(Caution::NewerOtherAuthority, chosen.sha256, other.sha256);
        }
    }
    if let Some(earlier) = earlier.filter(|_| !best.is_related) {
        note(Caution::NewerOtherAuthority, earlier, chosen.sha256);
    }
    if let Some(named) = preferred(seen, preferences, rules.at)
        && named != chosen.sha256
        && !seen
            .iter()
            .any(|one| one.candidate.sha256 == named && one.is_usable(rules))
    {
        note(Caution::PreferenceUnusable, chosen.sha256, named);
    }
    if best.identity == Identity::MatchCasefoldLocal {
        note(Caution::AddressCase, chosen.sha256, chosen.sha256);
    }
    if chosen.standing.revocation_lacking {
        note(Caution::RevocationNotKnown, chosen.sha256, chosen.sha256);
    }
    if chosen.evidence.last_seen.is_none() {
        note(Caution::NoEvidence, chosen.sha256, chosen.sha256);
    }
    notes.sort_unstable_by_key(|one| (one.caution, one.other));
    notes
}
