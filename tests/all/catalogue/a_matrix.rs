//! Judging old mail: a matrix of cases, each with the word expected, held against the program and against an oracle.
//!
//! The oracle ([`Case::oracle`]) is written from the manual's chapter on verdicts alone, over a case's description, and uses nothing
//! of the program's.

use mailseal::asn1::Time;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::signature_scheme::SignatureScheme;
use mailseal::judge::Policy;
use mailseal::judge::policy::Rule;
use mailseal::judge::policy::Since;
use mailseal::judge::policy::Subject;
use mailseal::judge::policy::Table;

use crate::catalogue::a_asserted::behind;
use crate::catalogue::a_asserted::received;
use crate::catalogue::a_asserted::trusting;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls::AFFILIATION_CHANGED;
use crate::toolkit::crls::CA_COMPROMISE;
use crate::toolkit::crls::CESSATION_OF_OPERATION;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::crls::KEY_COMPROMISE;
use crate::toolkit::crls::SUPERSEDED;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;

const MX: &str = "mx.example.org";

/// Years, and days in them, are enough: everything happens at midnight on the first of a month.
type Month = (i16, i8);

fn at((year, month): Month) -> Time {
    day(year, month, 1)
}

/// What was done, and what is known of it.
#[derive(Clone)]
struct Case {
    name: String,
    /// The certificate is valid from and until.
    valid: (Month, Month),
    digest: DigestAlgorithm,
    /// signingTime.
    claimed: Option<Month>,
    /// A timestamp over the signature.
    stamped: Option<Month>,
    /// The topmost Received field, by a host that the operator trusts.
    arrived: Option<Month>,
    /// A Received field below, in the trusted host's name.
    forged: Option<Month>,
    /// revocationDate, reason, invalidityDate.
    revoked: Option<(Month, Option<u8>, Option<Month>)>,
    /// A CRL that covers the time from a month to another.
    covered: Option<(Month, Month)>,
    now: Month,
    /// The certificate is somebody else's.
    stranger: bool,
    /// `--policy` that says so.
    sha1_broken_since: Option<Month>,
    /// `--require-revocation`.
    demanding: bool,
    word: &'static str,
}

fn case(name: &str, word: &'static str) -> Case {
    Case {
        name: name.to_owned(),
        valid: ((2020, 1), (2024, 1)),
        digest: DigestAlgorithm::Sha256,
        claimed: Some((2022, 6)),
        stamped: None,
        arrived: None,
        forged: None,
        revoked: None,
        covered: None,
        now: (2023, 6),
        stranger: false,
        sha1_broken_since: None,
        demanding: false,
        word,
    }
}

impl Case {
    fn now(mut self, now: Month) -> Self {
        self.now = now;
        self
    }
    fn claimed(mut self, claimed: Option<Month>) -> Self {
        self.claimed = claimed;
        self
    }
    fn stamped(mut self, month: Month) -> Self {
        self.stamped = Some(month);
        self
    }
    fn arrived(mut self, month: Month) -> Self {
        self.arrived = Some(month);
        self
    }
    fn forged(mut self, month: Month) -> Self {
        self.forged = Some(month);
        self
    }
    fn revoked(mut self, month: Month, reason: Option<u8>) -> Self {
        self.revoked = Some((month, reason, None));
        self
    }
    fn invalid_since(mut self, month: Month) -> Self {
        let (date, reason, _) = self.revoked.unwrap();
        self.revoked = Some((date, reason, Some(month)));
        self
    }
    fn covered(mut self, from: Month, to: Month) -> Self {
        self.covered = Some((from, to));
        self
    }
    fn demanding(mut self) -> Self {
        self.demanding = true;
        self
    }
    fn stranger(mut self) -> Self {
        self.stranger = true;
        self
    }
    fn digest(mut self, digest: DigestAlgorithm) -> Self {
        self.digest = digest;
        self
    }
    /// A certificate of the years of SHA-1.
    fn in_2008(mut self) -> Self {
        self.valid = ((2007, 1), (2010, 1));
        self.claimed = Some((2008, 6));
        self.digest(DigestAlgorithm::Sha1)
    }
    fn sha1_broken_since(mut self, month: Month) -> Self {
        self.sha1_broken_since = Some(month);
        self
    }

    /// The word by the manual.
    fn oracle(&self) -> &'static str {
        // Somebody other than the signer has seen the signature; the earliest says the most. What is later than now says nothing.
        let evidence = [self.stamped, self.arrived].into_iter().flatten();
        if let Some(evidenced) = evidence.filter(|month| *month <= self.now).min() {
            return self.word_at(evidenced);
        }
        if self.word_at(self.now) == "valid" {
            return "valid";
        }
        match self.claimed.filter(|month| *month <= self.now) {
            None => self.word_at(self.now),
            Some(claimed) => match self.word_at(claimed) {
                "valid" => match self.revoked {
                    // No reason, unspecified, keyCompromise, cACompromise, aACompromise.
                    Some((_, None | Some(0 | 1 | 2 | 10), _)) => "signer_revoked",
                    _ => "valid_as_claimed",
                },
                other => other,
            },
        }
    }

    fn word_at(&self, month: Month) -> &'static str {
        let revoked_from = self
            .revoked
            .map(|(date, _, invalid)| invalid.map_or(date, |invalid| invalid.min(date)));
        let broken = self.digest == DigestAlgorithm::Md5
            || (self.digest == DigestAlgorithm::Sha1
                && self.sha1_broken_since.is_some_and(|since| since <= month));
        let known_good = self
            .covered
            .is_some_and(|(from, to)| from <= self.valid.1 && month <= to);
        if revoked_from.is_some_and(|from| from <= month) {
            "signer_revoked"
        } else if month < self.valid.0 {
            "signer_not_yet_valid"
        } else if self.valid.1 < month {
            "signer_expired"
        } else if self.demanding && self.revoked.is_none() && !known_good {
            "revocation_unknown"
        } else if broken {
            "weak_crypto"
        } else if self.stranger {
            "wrong_sender"
        } else {
            "valid"
        }
    }

    /// The program's answer.
    fn judged(&self) -> Record {
        let root = Holder::root(
            people::root().party.clone(),
            &Wanted::ca(1).validity(day(2000, 1, 1), day(2040, 1, 1)),
        );
        let wanted =
            Wanted::mail(700, "alice@example.com").validity(at(self.valid.0), at(self.valid.1));
        let signer = Holder::below_root(Party::new("Alice", "rsa2048-3"), &wanted, &root);
        let stamps = Wanted::timestamp_authority(701).validity(day(2000, 1, 1), day(2040, 1, 1));
        let stamps = Holder::below_root(Party::new("Timestamps", "p256-5"), &stamps, &root);
        let mut sign = Sign::by(&signer).scheme(SignatureScheme::RsaV15(self.digest));
        if let Some(claimed) = self.claimed {
            sign = sign.at(at(claimed));
        }
        if let Some(month) = self.stamped {
            sign = sign.timestamped_by(&stamps, at(month));
        }
        let signature = Signed::detached(&content()).signer(sign).encode();
        let from = if self.stranger {
            "mallory@example.net"
        } else {
            "alice@example.com"
        };
        let headers = Headers::new(from, "Old", "").without("Date");
        let message = mail::message(&headers, &mail::multipart_signed(&content(), &signature));
        let field = |month: &Option<Month>| {
            month.map_or_else(String::new, |month| received(MX, &date_of(month)))
        };
        let message = behind(&(field(&self.arrived) + &field(&self.forged)), &message);

        let mut policy = trusting(&[MX]);
        policy.require_revocation = self.demanding;
        if let Some(since) = self.sha1_broken_since {
            let rule = Rule {
                subject: Subject::Digest("sha1".into()),
                weak: Since::Always,
                broken: Since::From(at(since).unix()),
                source: "the matrix".into(),
            };
            policy = Policy {
                table: Some(Table {
                    changes: Vec::new(),
                    rules: vec![rule],
                    sha256: [0; 32],
                }),
                ..policy
            };
        }
        let mut audit = Audit::of(&[&message])
            .anchor(&root.certificate)
            .at(at(self.now))
            .policy(policy);
        if let Some((date, reason, invalid)) = self.revoked {
            let mut entry = Entry::new(700, at(date));
            if let Some(reason) = reason {
                entry = entry.reason(reason);
            }
            if let Some(invalid) = invalid {
                entry = entry.invalid_since(at(invalid));
            }
            let issued = Time::from_unix(at(date).unix() + 3600).unwrap();
            audit = audit.crl(
                Crl::new(issued, at(self.now))
                    .entry(entry)
                    .issue(&root.party),
            );
        }
        if let Some((from, to)) = self.covered {
            audit = audit.crl(Crl::new(at(from), at(to)).issue(&root.party));
        }
        audit.record()
    }
}

fn date_of((year, month): Month) -> String {
    let name = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][usize::try_from(month - 1).unwrap()];
    format!("1 {name} {year} 00:00:00 +0000")
}

fn matrix() -> Vec<Case> {
    const MD5: DigestAlgorithm = DigestAlgorithm::Md5;
    const SHA1: DigestAlgorithm = DigestAlgorithm::Sha1;
    const LATE: Month = (2026, 1);
    let mut cases = vec![
        // Dates
        case("in order", "valid"),
        case("in order, without any time of its own", "valid").claimed(None),
        case("expired since", "valid_as_claimed").now(LATE),
        case("expired since, and no time known", "signer_expired")
            .now(LATE)
            .claimed(None),
        case("expired when signed", "signer_expired")
            .now(LATE)
            .claimed(Some((2025, 1))),
        case(
            "signed before the certificate was issued, valid now",
            "valid",
        )
        .claimed(Some((2019, 1))),
        case(
            "signed before the certificate was issued, expired now",
            "signer_not_yet_valid",
        )
        .claimed(Some((2019, 1)))
        .now(LATE),
        case("not yet valid", "signer_not_yet_valid")
            .claimed(Some((2019, 1)))
            .now((2019, 6)),
        case("a claim from the future, valid now", "valid").claimed(Some((2023, 9))),
        case("a claim from the future, expired now", "signer_expired")
            .claimed(Some((2027, 1)))
            .now(LATE),
        // Evidence
        case("expired since, timestamped before", "valid")
            .stamped((2022, 7))
            .now(LATE),
        case("expired since, timestamped too late", "signer_expired")
            .stamped((2025, 1))
            .now(LATE),
        case("expired since, received by a trusted host before", "valid")
            .arrived((2022, 7))
            .now(LATE),
        case("expired since, received too late", "signer_expired")
            .arrived((2025, 1))
            .now(LATE),
        case("received in time, timestamped too late", "valid")
            .arrived((2022, 7))
            .stamped((2025, 1))
            .now(LATE),
        case("timestamped in time, received too late", "valid")
            .stamped((2022, 7))
            .arrived((2025, 1))
            .now(LATE),
        case(
            "timestamped before the certificate was issued",
            "signer_not_yet_valid",
        )
        .stamped((2019, 6)),
        case(
            "a timestamp from the future says nothing",
            "valid_as_claimed",
        )
        .stamped((2027, 1))
        .now(LATE),
        case("an arrival in the future says nothing", "valid_as_claimed")
            .arrived((2027, 1))
            .now(LATE),
        // Revocation
        case("revoked before it was signed", "signer_revoked")
            .revoked((2022, 1), Some(KEY_COMPROMISE)),
        case("superseded before it was signed", "signer_revoked")
            .revoked((2022, 1), Some(SUPERSEDED)),
        case("key compromised afterwards", "signer_revoked")
            .revoked((2023, 1), Some(KEY_COMPROMISE)),
        case("authority compromised afterwards", "signer_revoked")
            .revoked((2023, 1), Some(CA_COMPROMISE)),
        case("revoked afterwards without a reason", "signer_revoked").revoked((2023, 1), None),
        case("revoked afterwards, unspecified", "signer_revoked").revoked((2023, 1), Some(0)),
        case("superseded afterwards", "valid_as_claimed").revoked((2023, 1), Some(SUPERSEDED)),
        case("gave up the mailbox afterwards", "valid_as_claimed")
            .revoked((2023, 1), Some(CESSATION_OF_OPERATION)),
        case("changed the company afterwards", "valid_as_claimed")
            .revoked((2023, 1), Some(AFFILIATION_CHANGED)),
        case("superseded afterwards, expired since", "valid_as_claimed")
            .revoked((2023, 1), Some(SUPERSEDED))
            .now(LATE),
        case("compromised afterwards, timestamped before", "valid")
            .revoked((2023, 1), Some(KEY_COMPROMISE))
            .stamped((2022, 7)),
        case("compromised afterwards, received before", "valid")
            .revoked((2023, 1), Some(KEY_COMPROMISE))
            .arrived((2022, 7)),
        case(
            "compromised afterwards, timestamped after",
            "signer_revoked",
        )
        .revoked((2023, 1), Some(KEY_COMPROMISE))
        .stamped((2023, 2)),
        case(
            "timestamped before the revocation, and after the theft",
            "signer_revoked",
        )
        .revoked((2023, 1), Some(KEY_COMPROMISE))
        .invalid_since((2022, 3))
        .stamped((2022, 7)),
        case("timestamped before the theft", "valid")
            .revoked((2023, 1), Some(KEY_COMPROMISE))
            .invalid_since((2022, 8))
            .stamped((2022, 7)),
        case(
            "superseded as of a day before it was signed",
            "signer_revoked",
        )
        .revoked((2023, 1), Some(SUPERSEDED))
        .invalid_since((2022, 3)),
        case("revoked and no time known", "signer_revoked")
            .revoked((2023, 1), Some(SUPERSEDED))
            .claimed(None),
        case("revoked only after it had expired", "signer_revoked")
            .revoked((2025, 1), Some(KEY_COMPROMISE))
            .now(LATE),
        // Back-dated with a stolen key
        case("back-dated", "signer_revoked").revoked((2022, 9), Some(KEY_COMPROMISE)),
        case("back-dated, expired since", "signer_revoked")
            .revoked((2022, 9), Some(KEY_COMPROMISE))
            .now(LATE),
        case("back-dated, received afterwards", "signer_revoked")
            .revoked((2022, 9), Some(KEY_COMPROMISE))
            .arrived((2022, 10)),
        case("back-dated, with a forged field below", "signer_revoked")
            .revoked((2022, 9), Some(KEY_COMPROMISE))
            .arrived((2022, 10))
            .forged((2022, 5)),
        case(
            "back-dated, timestamped by a friend afterwards",
            "signer_revoked",
        )
        .revoked((2022, 9), Some(KEY_COMPROMISE))
        .stamped((2022, 10)),
        case(
            "back-dated, superseded, received afterwards",
            "signer_revoked",
        )
        .revoked((2022, 9), Some(SUPERSEDED))
        .arrived((2022, 10)),
        // Algorithms
        case("SHA-1 in 2008, judged then", "valid")
            .in_2008()
            .now((2009, 1)),
        case("SHA-1 in 2008, judged today", "valid_as_claimed")
            .in_2008()
            .now(LATE),
        case(
            "SHA-1 in 2008, broken since 2017, judged today",
            "valid_as_claimed",
        )
        .in_2008()
        .sha1_broken_since((2017, 2))
        .now(LATE),
        case("SHA-1 in 2008, timestamped then", "valid")
            .in_2008()
            .sha1_broken_since((2017, 2))
            .stamped((2008, 7))
            .now(LATE),
        case("SHA-1 today", "valid").digest(SHA1),
        case("SHA-1 today, broken since 2017", "weak_crypto")
            .digest(SHA1)
            .sha1_broken_since((2017, 2)),
        case("SHA-1 today, dated 2008", "signer_not_yet_valid")
            .digest(SHA1)
            .sha1_broken_since((2017, 2))
            .claimed(Some((2008, 6))),
        case("MD5 in 2008", "weak_crypto")
            .in_2008()
            .digest(MD5)
            .now((2009, 1)),
        case("MD5 in 2008, judged today", "weak_crypto")
            .in_2008()
            .digest(MD5)
            .now(LATE),
        // An answer demanded
        case("no list at all", "revocation_unknown").demanding(),
        case("a list that covers now", "valid")
            .demanding()
            .covered((2023, 5), (2023, 7)),
        case("a list that covers only then", "valid_as_claimed")
            .demanding()
            .covered((2022, 5), (2022, 7)),
        case("a list that ended before", "revocation_unknown")
            .demanding()
            .covered((2021, 5), (2021, 7)),
        case("a list from after the end", "revocation_unknown")
            .demanding()
            .covered((2025, 1), (2027, 1))
            .now(LATE),
        // The sender
        case("somebody else's certificate", "wrong_sender").stranger(),
        case("somebody else's, timestamped", "wrong_sender")
            .stranger()
            .stamped((2022, 7)),
        case("somebody else's, expired since", "wrong_sender")
            .stranger()
            .now(LATE),
        case("somebody else's, revoked", "signer_revoked")
            .stranger()
            .revoked((2022, 1), None),
    ];
    cases.dedup_by(|a, b| a.name == b.name);
    cases
}

#[test]
fn a_28_the_matrix() {
    let cases = matrix();
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let record = case.judged();
        for (axis, good) in [
            ("digest", "match"),
            ("attributes", "ok"),
            ("signature", "valid"),
        ] {
            assert_eq!(record.axis(axis), good, "{}", case.name);
        }
        let (oracle, program) = (case.oracle(), record.verdict());
        if oracle != case.word || program != case.word {
            wrong.push(format!(
                "{}: expected {}, by the manual {oracle}, by the program {program}",
                case.name, case.word
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever holds a stolen key signs after the revocation and writes any date: whatever evidence is true of that, it is never valid.
#[test]
fn a_28_back_dating_after_a_revocation_is_never_valid() {
    const REVOKED: Month = (2022, 9);
    let mut tried = 0;
    for reason in [
        None,
        Some(0),
        Some(KEY_COMPROMISE),
        Some(CA_COMPROMISE),
        Some(10),
        Some(SUPERSEDED),
        Some(CESSATION_OF_OPERATION),
        Some(AFFILIATION_CHANGED),
    ] {
        for claimed in [Some((2022, 6)), Some((2020, 2)), None] {
            // True evidence is of when it was made; a forged field is not.
            for (stamped, arrived, forged) in [
                (None, None, None),
                (Some((2022, 10)), None, None),
                (None, Some((2022, 10)), None),
                (None, Some((2022, 10)), Some((2022, 5))),
                (Some((2022, 11)), Some((2022, 10)), Some((2022, 5))),
            ] {
                for now in [(2022, 12), (2026, 1)] {
                    let back_dated = Case {
                        stamped,
                        arrived,
                        forged,
                        ..case("back-dated", "")
                            .claimed(claimed)
                            .revoked(REVOKED, reason)
                            .now(now)
                    };
                    let record = back_dated.judged();
                    let what = format!(
                        "{reason:?} {claimed:?} {stamped:?} {arrived:?} {forged:?} {now:?}"
                    );
                    assert_ne!(record.verdict(), "valid", "{what}");
                    assert_ne!(record.status(), "valid", "{what}");
                    assert_eq!(record.verdict(), back_dated.oracle(), "{what}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 240);
}
