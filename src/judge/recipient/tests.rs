//! The table of the best certificate: who is there, who is chosen, why, and why not the others.
//!
//! Over 600 lines because the table is one thing: each case is read against the one before it.

use super::*;

const ALICE: &str = "alice@example.com";

/// The year's first second.
fn year(number: i64) -> Time {
    Time::from_unix((number - 1970) * 31_556_952).unwrap()
}

const NOW: i64 = 2026;

/// A certificate of Alice's from authority 1, valid from 2024 to 2028, without evidence.
fn c(number: u8) -> Candidate {
    Candidate {
        sha256: [number; 32],
        spki_sha256: [number; 32],
        issuer_sha256: [101; 32],
        addresses: vec![ALICE.to_owned()],
        not_before: Some(year(2024)),
        not_after: Some(year(2028)),
        is_authority: false,
        usage: EncryptionUsage::Good,
        decision: Decision::Undecided,
        evidence: Evidence::default(),
        capability: Capability::Unknown,
        standing: Standing {
            failures: Vec::new(),
            anchor: Some([201; 32]),
            revocation: Revocation::Good,
            revocation_lacking: false,
            strength: Strength::Strong,
            strength_reasons: Vec::new(),
        },
    }
}

impl Candidate {
    fn seen(mut self, first: i64, last: i64) -> Self {
        self.evidence.first_seen = Some(year(first));
        self.evidence.last_seen = Some(year(last));
        self
    }

    fn signed(mut self, last: i64) -> Self {
        self.evidence.last_signed = Some(year(last));
        self
    }

    fn valid(mut self, from: i64, to: i64) -> Self {
        self.not_before = Some(year(from));
        self.not_after = Some(year(to));
        if to <= NOW {
            self.standing.failures.push(Chain::Expired);
        }
        if from > NOW {
            self.standing.failures.push(Chain::NotYetValid);
        }
        self
    }

    fn of(mut self, authority: u8) -> Self {
        self.issuer_sha256 = [100 + authority; 32];
        self.standing.anchor = Some([200 + authority; 32]);
        self
    }

    fn issuer(mut self, number: u8) -> Self {
        self.issuer_sha256 = [number; 32];
        self
    }

    fn key(mut self, number: u8) -> Self {
        self.spki_sha256 = [number; 32];
        self
    }

    fn for_address(mut self, addresses: &[&str]) -> Self {
        self.addresses = addresses.iter().map(|text| (*text).to_owned()).collect();
        self
    }

    fn usage(mut self, usage: EncryptionUsage) -> Self {
        self.usage = usage;
        if usage != EncryptionUsage::Good {
            self.standing.failures.insert(0, Chain::BadPurpose);
        }
        self
    }

    fn fails(mut self, failure: Chain) -> Self {
        self.standing.failures.insert(0, failure);
        if failure != Chain::NameConstraint && failure != Chain::BadPurpose {
            self.standing.anchor = None;
        }
        self
    }

    fn revocation(mut self, value: Revocation) -> Self {
        self.standing.revocation = value;
        self.standing.revocation_lacking = value != Revocation::Good;
        self
    }

    fn strength(mut self, value: Strength) -> Self {
        self.standing.strength = value;
        self
    }

    fn decided(mut self, decision: Decision) -> Self {
        self.decision = decision;
        self
    }

    fn reads(mut self, capability: Capability) -> Self {
        self.capability = capability;
        self
    }

    fn authority(mut self) -> Self {
        self.is_authority = true;
        self
    }
}

struct Case {
    name: &'static str,
    candidates: Vec<Candidate>,
    preferences: Vec<Preference>,
    allowed: &'static [Hindrance],
    require_revocation: bool,
    chosen: Result<(u8, Why), Refusal>,
    others: Vec<(u8, NotChosen)>,
    /// Caution, chosen or earlier, other.
    notes: Vec<(Caution, u8, u8)>,
}

fn case(
    name: &'static str,
    candidates: Vec<Candidate>,
    chosen: Result<(u8, Why), Refusal>,
) -> Case {
    Case {
        name,
        candidates,
        preferences: Vec::new(),
        allowed: &[],
        require_revocation: false,
        chosen,
        others: Vec::new(),
        notes: Vec::new(),
    }
}

impl Case {
    fn prefers(mut self, signer: u8, named: u8, at: i64) -> Self {
        self.preferences.push(Preference {
            signer: [signer; 32],
            named: [named; 32],
            at: Some(year(at)),
        });
        self
    }

    fn allows(mut self, allowed: &'static [Hindrance]) -> Self {
        self.allowed = allowed;
        self
    }

    fn strict(mut self) -> Self {
        self.require_revocation = true;
        self
    }

    fn hindered(mut self, number: u8, hindrances: &[Hindrance]) -> Self {
        let reason = NotChosen::Hindered(hindrances.to_vec());
        self.others.push((number, reason));
        self
    }

    fn behind(mut self, number: u8, why: Why) -> Self {
        self.others.push((number, NotChosen::Behind(why)));
        self
    }

    fn told(mut self, caution: Caution, chosen: u8, other: u8) -> Self {
        self.notes.push((caution, chosen, other));
        self
    }
}

/// Certificates that can be used, or can't.
fn single() -> Vec<Case> {
    let seen = || c(1).seen(2024, 2025);
    let refused = Err(Refusal::NoneUsable);
    vec![
        case("nobody is there", vec![], Err(Refusal::NoCertificate)),
        case("one in order", vec![seen()], Ok((1, Why::OnlyOne))),
        case(
            "one of somebody else",
            vec![seen().for_address(&["bob@example.com"])],
            Err(Refusal::NoCertificate),
        )
        .hindered(1, &[Hindrance::OtherAddress]),
        case(
            "one without an address",
            vec![seen().for_address(&[])],
            Err(Refusal::NoCertificate),
        )
        .hindered(1, &[Hindrance::OtherAddress]),
        case(
            "the address among several",
            vec![seen().for_address(&["a@example.org", ALICE])],
            Ok((1, Why::OnlyOne)),
        ),
        case(
            "the domain in capitals",
            vec![seen().for_address(&["alice@EXAMPLE.com"])],
            Ok((1, Why::OnlyOne)),
        ),
        case(
            "the local part in capitals",
            vec![seen().for_address(&["Alice@example.com"])],
            Ok((1, Why::OnlyOne)),
        )
        .told(Caution::AddressCase, 1, 1),
        case("expired", vec![seen().valid(2020, 2025)], refused).hindered(1, &[Hindrance::Expired]),
        case("not yet valid", vec![seen().valid(2027, 2029)], refused)
            .hindered(1, &[Hindrance::NotYetValid]),
        case(
            "an authority above it has expired",
            vec![{
                let mut one = seen();
                one.standing.failures.push(Chain::Expired);
                one
            }],
            refused,
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "a time that can't be read",
            vec![Candidate {
                not_after: None,
                ..seen()
            }],
            refused,
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "signed with its own key",
            vec![seen().fails(Chain::SelfSigned)],
            refused,
        )
        .hindered(1, &[Hindrance::SelfIssued]),
        case(
            "signed with its own key, and trusted",
            vec![seen().decided(Decision::Trusted)],
            Ok((1, Why::OnlyOne)),
        ),
        case(
            "an unknown root",
            vec![seen().fails(Chain::UntrustedRoot)],
            refused,
        )
        .hindered(1, &[Hindrance::Untrusted]),
        case("no issuer", vec![seen().fails(Chain::Incomplete)], refused)
            .hindered(1, &[Hindrance::Untrusted]),
        case(
            "confirmed does not stand in for a path",
            vec![seen().fails(Chain::Incomplete).decided(Decision::Trusted)],
            refused,
        )
        .hindered(1, &[Hindrance::Untrusted]),
        case(
            "an address that its authority must not certify",
            vec![seen().fails(Chain::NameConstraint)],
            refused,
        )
        .hindered(1, &[Hindrance::Untrusted]),
        case(
            "an authority above it that is not for mail",
            vec![seen().fails(Chain::BadPurpose)],
            refused,
        )
        .hindered(1, &[Hindrance::Untrusted]),
        case(
            "revoked",
            vec![seen().revocation(Revocation::Revoked)],
            refused,
        )
        .hindered(1, &[Hindrance::Revoked]),
        case(
            "revoked from tomorrow on",
            vec![seen().revocation(Revocation::RevokedLater)],
            refused,
        )
        .hindered(1, &[Hindrance::Revoked]),
        case(
            "revocation not known",
            vec![seen().revocation(Revocation::Unknown)],
            Ok((1, Why::OnlyOne)),
        )
        .told(Caution::RevocationNotKnown, 1, 1),
        case(
            "revocation not known, and asked for",
            vec![seen().revocation(Revocation::Stale)],
            refused,
        )
        .strict()
        .hindered(1, &[Hindrance::RevocationUnknown]),
        case(
            "a key that only signs",
            vec![seen().usage(EncryptionUsage::CannotEncrypt)],
            refused,
        )
        .hindered(1, &[Hindrance::CannotEncrypt]),
        case(
            "for signatures only",
            vec![seen().usage(EncryptionUsage::KeyUsage)],
            refused,
        )
        .hindered(1, &[Hindrance::KeyUsage]),
        case(
            "for servers only",
            vec![seen().usage(EncryptionUsage::ExtendedKeyUsage)],
            refused,
        )
        .hindered(1, &[Hindrance::ExtendedKeyUsage]),
        case("an authority's", vec![seen().authority()], refused)
            .hindered(1, &[Hindrance::Authority]),
        case(
            "distrusted",
            vec![seen().decided(Decision::Distrusted)],
            refused,
        )
        .hindered(1, &[Hindrance::Distrusted]),
        case("weak", vec![seen().strength(Strength::Weak)], refused)
            .hindered(1, &[Hindrance::Weak]),
        case(
            "weak, and allowed",
            vec![seen().strength(Strength::Weak)],
            Ok((1, Why::OnlyOne)),
        )
        .allows(&[Hindrance::Weak]),
        case("broken", vec![seen().strength(Strength::Broken)], refused)
            .allows(&[Hindrance::Weak])
            .hindered(1, &[Hindrance::Broken]),
        case(
            "everything at once, in order",
            vec![
                seen()
                    .valid(2020, 2025)
                    .strength(Strength::Broken)
                    .decided(Decision::Distrusted)
                    .usage(EncryptionUsage::KeyUsage)
                    .revocation(Revocation::Revoked),
            ],
            refused,
        )
        .hindered(
            1,
            &[
                Hindrance::Distrusted,
                Hindrance::KeyUsage,
                Hindrance::Revoked,
                Hindrance::Expired,
                Hindrance::Broken,
            ],
        ),
        case(
            "given as a file and never seen in mail",
            vec![c(1).decided(Decision::Known)],
            Ok((1, Why::OnlyOne)),
        )
        .told(Caution::NoEvidence, 1, 1),
    ]
}

/// Several that can be used, of one authority.
fn several() -> Vec<Case> {
    vec![
        case(
            "the renewed one, once it was seen",
            vec![
                c(1).seen(2022, 2024).valid(2022, 2027),
                c(2).seen(2025, 2025),
            ],
            Ok((2, Why::FreshestEvidence)),
        )
        .behind(1, Why::FreshestEvidence),
        case(
            "renewed, and the old one has expired",
            vec![
                c(1).seen(2020, 2025).valid(2020, 2025),
                c(2).seen(2025, 2025),
            ],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "renewed, and the new one is revoked",
            vec![
                c(1).seen(2022, 2024).valid(2022, 2027),
                c(2).seen(2025, 2025).revocation(Revocation::Revoked),
            ],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, &[Hindrance::Revoked]),
        case(
            "signed mail says more than mail that only carries it",
            vec![c(1).seen(2024, 2024).signed(2024), c(2).seen(2025, 2025)],
            Ok((1, Why::FreshestEvidence)),
        )
        .behind(2, Why::FreshestEvidence),
        case(
            "a mail from the future is of now",
            vec![
                c(1).seen(2024, 2090).signed(2090),
                c(2).seen(2024, NOW).signed(NOW).reads(Capability::AesGcm),
            ],
            Ok((2, Why::Capability)),
        )
        .behind(1, Why::Capability),
        case(
            "one for signatures, one for encryption",
            vec![
                c(1).seen(2024, 2025)
                    .signed(2025)
                    .usage(EncryptionUsage::KeyUsage),
                c(2).seen(2024, 2024),
            ],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::KeyUsage]),
        case(
            "the owner's preference beats freshness",
            vec![c(1).seen(2024, 2025).signed(2025), c(2).seen(2024, 2024)],
            Ok((2, Why::KeyPreference)),
        )
        .prefers(1, 2, 2024)
        .behind(1, Why::KeyPreference),
        case(
            "the last preference counts",
            vec![
                c(1).seen(2024, 2025).signed(2025),
                c(2).seen(2024, 2024),
                c(3).seen(2024, 2024),
            ],
            Ok((3, Why::KeyPreference)),
        )
        .prefers(1, 3, 2025)
        .prefers(1, 2, 2024)
        .behind(1, Why::KeyPreference)
        .behind(2, Why::KeyPreference),
        case(
            "a preference of somebody else's counts for nothing",
            vec![
                c(1).seen(2024, 2025).signed(2025),
                c(2).seen(2024, 2024),
                c(3).for_address(&["mallory@example.com"]),
            ],
            Ok((1, Why::FreshestEvidence)),
        )
        .prefers(3, 2, 2025)
        .behind(2, Why::FreshestEvidence)
        .hindered(3, &[Hindrance::OtherAddress]),
        case(
            "a preference of a revoked signer counts for nothing",
            vec![
                c(1).seen(2024, 2025).signed(2025),
                c(2).seen(2024, 2024),
                c(3).revocation(Revocation::Revoked),
            ],
            Ok((1, Why::FreshestEvidence)),
        )
        .prefers(3, 2, 2025)
        .behind(2, Why::FreshestEvidence)
        .hindered(3, &[Hindrance::Revoked]),
        case(
            "the preferred one has expired",
            vec![
                c(1).seen(2024, 2025).signed(2025),
                c(2).seen(2020, 2024).valid(2020, 2025),
            ],
            Ok((1, Why::OnlyOne)),
        )
        .prefers(1, 2, 2024)
        .hindered(2, &[Hindrance::Expired])
        .told(Caution::PreferenceUnusable, 1, 2),
        case(
            "the preferred one is nowhere",
            vec![c(1).seen(2024, 2025)],
            Ok((1, Why::OnlyOne)),
        )
        .prefers(1, 9, 2024)
        .told(Caution::PreferenceUnusable, 1, 9),
        case(
            "confirmed beats preferred",
            vec![
                c(1).seen(2024, 2025),
                c(2).seen(2024, 2024).decided(Decision::Trusted),
            ],
            Ok((2, Why::Confirmed)),
        )
        .prefers(1, 1, 2025)
        .behind(1, Why::Confirmed),
        case(
            "the exact address beats freshness",
            vec![
                c(1).seen(2024, 2024),
                c(2).seen(2025, 2025).for_address(&["ALICE@example.com"]),
            ],
            Ok((1, Why::ExactAddress)),
        )
        .behind(2, Why::ExactAddress),
        case(
            "what its owner reads, among equals",
            vec![
                c(1).seen(2024, 2025).reads(Capability::AesCbc),
                c(2).seen(2024, 2025).reads(Capability::AesGcm),
                c(3).seen(2024, 2025).reads(Capability::Legacy),
            ],
            Ok((2, Why::Capability)),
        )
        .behind(1, Why::Capability)
        .behind(3, Why::Capability),
        case(
            "the newer of two without evidence",
            vec![
                c(1).decided(Decision::Known),
                c(2).decided(Decision::Known).valid(2025, 2027),
            ],
            Ok((2, Why::Newest)),
        )
        .behind(1, Why::Newest)
        .told(Caution::NoEvidence, 2, 2),
        case(
            "the one that lasts longer",
            vec![c(1).seen(2024, 2025), {
                c(2).seen(2024, 2025).valid(2024, 2029)
            }],
            Ok((2, Why::LongestValid)),
        )
        .behind(1, Why::LongestValid),
        case(
            "nothing tells them apart",
            vec![c(2).seen(2024, 2025), c(1).seen(2024, 2025)],
            Ok((1, Why::Digest)),
        )
        .behind(2, Why::Digest),
        case(
            "what needs no permission goes first",
            vec![
                c(1).seen(2024, 2025).strength(Strength::Weak),
                c(2).seen(2024, 2024),
            ],
            Ok((2, Why::Unhindered)),
        )
        .allows(&[Hindrance::Weak])
        .behind(1, Why::Unhindered),
        case(
            "the same certificate twice is one",
            vec![c(1).seen(2024, 2025), c(1).seen(2024, 2025)],
            Ok((1, Why::OnlyOne)),
        ),
    ]
}

/// Several of which one is not of the authority that was there first.
fn strangers() -> Vec<Case> {
    let old = || c(1).seen(2024, 2024).signed(2024);
    let ended = || c(1).seen(2020, 2024).signed(2024).valid(2020, 2025);
    let new = |number| c(number).valid(2025, 2029).seen(2025, 2025).signed(2025);
    let stranger = &[Hindrance::OtherAuthority][..];
    vec![
        case(
            "a newer one, signed with its own key",
            vec![old(), new(2).fails(Chain::SelfSigned)],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, &[Hindrance::SelfIssued])
        .told(Caution::NewerSelfIssued, 1, 2),
        case(
            "a newer one of an unknown root",
            vec![old(), new(2).fails(Chain::UntrustedRoot)],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, &[Hindrance::Untrusted])
        .told(Caution::NewerUntrusted, 1, 2),
        case(
            "an older one, signed with its own key, is not worth telling",
            vec![old(), c(2).valid(2020, 2030).fails(Chain::SelfSigned)],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, &[Hindrance::SelfIssued]),
        case(
            "a newer one of another trusted authority",
            vec![old(), new(2).of(2)],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "another authority, with the date set back in its mail",
            vec![old(), new(2).of(2).seen(2019, 2025)],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "the earlier one has expired: nothing is decided silently",
            vec![ended(), new(2).of(2)],
            Err(Refusal::AuthorityChanged),
        )
        .hindered(1, &[Hindrance::Expired])
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "the earlier one has expired, and the change is allowed",
            vec![ended(), new(2).of(2)],
            Ok((2, Why::OnlyOne)),
        )
        .allows(&[Hindrance::OtherAuthority])
        .hindered(1, &[Hindrance::Expired])
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "the earlier one has expired, and the new one is confirmed",
            vec![ended(), new(2).of(2).decided(Decision::Trusted)],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "the earlier one names the new one before it ends",
            vec![ended(), new(2).of(2)],
            Ok((2, Why::OnlyOne)),
        )
        .prefers(1, 2, 2024)
        .hindered(1, &[Hindrance::Expired]),
        case(
            "only the new one says that it is wanted",
            vec![old(), new(2).of(2)],
            Ok((1, Why::OnlyOne)),
        )
        .prefers(2, 2, 2025)
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "another authority, the same key",
            vec![ended(), new(2).of(2).key(1)],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "the same root, another authority below it",
            vec![ended(), new(2).issuer(150)],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "the same authority under another root",
            vec![ended(), new(2).of(2).issuer(101)],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired]),
        case(
            "related to one that is related",
            vec![
                ended(),
                c(3).of(2).key(1).seen(2023, 2024).valid(2022, 2025),
                new(2).of(2),
            ],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Expired])
        .hindered(3, &[Hindrance::Expired]),
        case(
            "the earlier one only signs: who encrypts has to be told",
            vec![old().usage(EncryptionUsage::KeyUsage), new(2).of(2)],
            Err(Refusal::AuthorityChanged),
        )
        .hindered(1, &[Hindrance::KeyUsage])
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2),
        case(
            "the earlier one was revoked: it stands for nothing any more",
            vec![old().revocation(Revocation::Revoked), new(2).of(2)],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::Revoked]),
        case(
            "what was never trusted is no earlier one",
            vec![
                c(1).seen(2020, 2024)
                    .valid(2020, 2027)
                    .fails(Chain::SelfSigned),
                new(2),
            ],
            Ok((2, Why::OnlyOne)),
        )
        .hindered(1, &[Hindrance::SelfIssued]),
        case(
            "both given as files, of two authorities: the older, and it is told",
            vec![
                c(1).decided(Decision::Known),
                c(2).decided(Decision::Known).of(2).valid(2025, 2029),
            ],
            Ok((1, Why::OnlyOne)),
        )
        .hindered(2, stranger)
        .told(Caution::NewerOtherAuthority, 1, 2)
        .told(Caution::NoEvidence, 1, 1),
        case(
            "the confirmed one decides what is related",
            vec![
                old(),
                new(2).of(2).decided(Decision::Trusted),
                c(3).of(2).seen(2024, 2025),
            ],
            Ok((2, Why::Confirmed)),
        )
        .hindered(1, stranger)
        .behind(3, Why::Confirmed),
        case(
            "a stranger that is also weak is not the one to ask about",
            vec![ended(), new(2).of(2).strength(Strength::Weak)],
            Err(Refusal::NoneUsable),
        )
        .hindered(1, &[Hindrance::Expired])
        .hindered(2, &[Hindrance::Weak]),
    ]
}

fn all() -> Vec<Case> {
    [single(), several(), strangers()]
        .into_iter()
        .flatten()
        .collect()
}

fn check(case: &Case, candidates: &[Candidate]) {
    let rules = Rules {
        at: year(NOW),
        require_revocation: case.require_revocation,
        allowed: case.allowed,
    };
    let name = case.name;
    let choice = choose_recipient(ALICE, candidates, &case.preferences, rules);
    let chosen = case.chosen.map(|(number, why)| ([number; 32], why));
    assert_eq!(choice.chosen, chosen, "{name}: {choice:?}");
    let mut others: Vec<_> = case
        .others
        .iter()
        .map(|(number, reason)| ([*number; 32], reason.clone()))
        .collect();
    others.sort_unstable_by_key(|(sha256, _)| *sha256);
    assert_eq!(choice.others, others, "{name}");
    let notes: Vec<_> = case
        .notes
        .iter()
        .map(|(caution, chosen, other)| Note {
            caution: *caution,
            chosen: [*chosen; 32],
            other: [*other; 32],
        })
        .collect();
    assert_eq!(choice.notes, notes, "{name}");
}

#[test]
fn h_03_i_04_the_best_certificate_and_why_not_the_others() {
    let cases = all();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in &cases {
        check(case, &case.candidates);
    }
}

#[test]
fn the_order_of_the_candidates_does_not_matter() {
    for case in all() {
        let mut candidates = case.candidates.clone();
        candidates.reverse();
        check(&case, &candidates);
        let middle = candidates.len() / 2;
        candidates.rotate_left(middle);
        check(&case, &candidates);
    }
}

#[test]
fn every_word_decides_somewhere_in_the_table() {
    let cases = all();
    let hindered = |wanted: Hindrance| {
        cases.iter().flat_map(|case| &case.others).any(
            |(_, reason)| matches!(reason, NotChosen::Hindered(list) if list.contains(&wanted)),
        )
    };
    for hindrance in Hindrance::ALL {
        assert!(hindered(*hindrance), "{hindrance:?}");
    }
    for why in Why::ALL {
        let decides = cases
            .iter()
            .any(|case| matches!(case.chosen, Ok((_, w)) if w == *why));
        assert!(decides, "{why:?}");
    }
    for refusal in Refusal::ALL {
        assert!(
            cases.iter().any(|case| case.chosen == Err(*refusal)),
            "{refusal:?}"
        );
    }
    for caution in Caution::ALL {
        let told = cases
            .iter()
            .flat_map(|case| &case.notes)
            .any(|(c, _, _)| c == caution);
        assert!(told, "{caution:?}");
    }
}
