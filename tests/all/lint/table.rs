//! Every row of the table against certificates that keep it, break it, and have nothing to do with it.

use std::collections::BTreeMap;

use mailseal::asn1::oid;
use mailseal::pki::lint::{
    Claim, Generation, Level, Profile, Regime, Rule, Verdict, View, lint, rules,
};
use mailseal::pki::x509::Certificate;

use super::cases::{Case, all};
use super::sample::{KEYS, Sample, day, usage};

fn rule(code: &str) -> &'static Rule {
    rules()
        .find(|rule| rule.code == code)
        .unwrap_or_else(|| panic!("no rule {code}"))
}

fn judge(case: &Case, sample: &Sample) -> Verdict {
    sample.look(case.regime, |view| rule(case.code).judge(view))
}

fn codes(sample: &Sample, regime: Regime) -> Vec<&'static str> {
    sample.look(regime, |view| {
        lint(view)
            .into_iter()
            .map(|broken| broken.rule.code)
            .collect()
    })
}

/// What is never outside: a certificate without a date can't escape by that.
const ALWAYS: &[&str] = &["validity-unreadable"];

#[test]
fn a_32_every_rule_is_kept_broken_and_out_of_scope() {
    let cases: BTreeMap<&str, Case> = all().into_iter().map(|case| (case.code, case)).collect();
    let mut wrong = Vec::new();
    for rule in rules() {
        let Some(case) = cases.get(rule.code) else {
            wrong.push(format!("{}: no case", rule.code));
            continue;
        };
        for (sample, wanted) in [
            (&case.keeps, "kept"),
            (&case.breaks, "broken"),
            (&case.outside, "outside"),
        ] {
            let verdict = judge(case, sample);
            let fits = match (&verdict, wanted) {
                (Verdict::Kept, "kept") => true,
                (Verdict::Broken(found), "broken") => !found.is_empty(),
                (Verdict::OutOfScope, "outside") => true,
                (_, "outside") => ALWAYS.contains(&rule.code),
                _ => false,
            };
            if !fits {
                wrong.push(format!("{}: {wanted}: {verdict:?}", rule.code));
            }
        }
    }
    for code in cases.keys() {
        rule(code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 60, "{}", cases.len());
}

/// A second before a rule was in force nothing breaks it; from that second on the same certificate does.
#[test]
fn a_32_a_rule_binds_what_was_issued_when_it_was_in_force() {
    let mut seen = 0;
    for case in all() {
        let Some(since) = rule(case.code)
            .since
            .filter(|_| case.breaks.validity.is_none())
        else {
            continue;
        };
        let before = case.breaks.clone().issued(since.unix() - 1);
        assert_eq!(judge(&case, &before), Verdict::OutOfScope, "{}", case.code);
        let from = case.breaks.clone().issued(since.unix());
        assert!(
            matches!(judge(&case, &from), Verdict::Broken(_)),
            "{}",
            case.code
        );
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

/// One broken part is one finding, or several of which one is meant: no certificate that is in order has any.
#[test]
fn a_32_what_keeps_every_rule_has_no_finding() {
    for profile in Profile::ALL {
        for generation in Generation::ALL {
            let sample = Sample::claiming(*profile, *generation);
            assert_eq!(
                codes(&sample, Regime::AsClaimed),
                [""; 0],
                "{profile} {generation}"
            );
            assert_eq!(
                codes(&sample, Regime::Public),
                [""; 0],
                "{profile} {generation}"
            );
            let claim = sample.look(Regime::AsClaimed, |view| view.claim);
            assert_eq!(claim, Claim::One(*profile, *generation));
        }
    }
    assert_eq!(codes(&Sample::plain(), Regime::AsClaimed), [""; 0]);
    assert_eq!(codes(&Sample::subordinate(), Regime::Public), [""; 0]);
    assert_eq!(codes(&Sample::root(), Regime::Public), [""; 0]);
    let ec = Sample::claiming(Profile::Mailbox, Generation::Strict)
        .with(oid::KEY_USAGE, true, usage(&[0, 4]))
        .key(&KEYS.p384);
    assert_eq!(codes(&ec, Regime::AsClaimed), [""; 0]);
}

/// Who claims nothing is bound by nothing but the RFCs, unless the caller knows better.
#[test]
fn a_32_who_claims_nothing_is_not_bound() {
    let plain = Sample::plain();
    plain.look(Regime::AsClaimed, |view| {
        assert_eq!((view.claim, view.bound), (Claim::NotClaimed, false));
    });
    let found = codes(&plain, Regime::Public);
    for code in ["policy-missing", "crl-distribution-missing", "aia-missing"] {
        assert!(found.contains(&code), "{code}: {found:?}");
    }
    // A certificate for a server is no business of theirs, whoever issued it.
    let server = plain.with(
        oid::EXTENDED_KEY_USAGE,
        false,
        super::sample::purposes(&[oid::SERVER_AUTH]),
    );
    server.look(Regime::Public, |view| assert!(!view.bound));
}

/// The row of the catalogue, word by word.
#[test]
fn a_32_the_catalogues_findings() {
    let (mailbox, strict) = (Profile::Mailbox, Generation::Strict);
    let base = || Sample::claiming(mailbox, strict);
    let both = super::sample::policies(&[
        super::sample::policy(super::sample::reserved(mailbox, strict), &[]),
        super::sample::policy(super::sample::reserved(Profile::Sponsor, strict), &[]),
    ]);
    for (sample, code) in [
        (
            base().with(oid::CERTIFICATE_POLICIES, false, both),
            "policy-conflict",
        ),
        (
            Sample::claiming(mailbox, Generation::Legacy).issued(day(2025, 7, 15)),
            "legacy-after-its-end",
        ),
        (
            base().seconds(826 * super::sample::DAY),
            "validity-over-825-days",
        ),
        (
            Sample::claiming(mailbox, Generation::Legacy).seconds(1186 * super::sample::DAY),
            "validity-over-1185-days",
        ),
        (
            base().with(
                oid::EXTENDED_KEY_USAGE,
                false,
                super::sample::purposes(&[oid::EMAIL_PROTECTION, oid::CLIENT_AUTH]),
            ),
            "extended-key-usage-strict",
        ),
        (
            base().with(
                oid::SUBJECT_ALT_NAME,
                false,
                super::sample::alt_names(&[super::sample::dns("example.com")]),
            ),
            "san-mailbox-missing",
        ),
    ] {
        assert!(codes(&sample, Regime::AsClaimed).contains(&code), "{code}");
    }
    let legacy = Sample::claiming(mailbox, Generation::Legacy).issued(day(2025, 7, 14));
    assert_eq!(codes(&legacy, Regime::AsClaimed), [""; 0]);
}

#[test]
fn post_quantum_keys_are_allowed_from_the_version_that_names_them() {
    let key = super::sample::spki(oid::ML_DSA_44, None, &[7; 1312]);
    let sample = Sample::claiming(Profile::Mailbox, Generation::Strict)
        .with(oid::KEY_USAGE, true, usage(&[0]))
        .key(&key);
    let early = codes(&sample.clone().issued(day(2025, 8, 21)), Regime::AsClaimed);
    assert_eq!(early, ["key-algorithm-forbidden"]);
    assert_eq!(
        codes(&sample.issued(day(2025, 8, 22)), Regime::AsClaimed),
        [""; 0]
    );
}

/// A certificate with a date that can't be read is told so, and no dated rule guesses.
#[test]
fn what_can_not_be_dated_is_held_against_nothing_else() {
    let case = all()
        .into_iter()
        .find(|case| case.code == "validity-unreadable")
        .unwrap();
    let broken = case.breaks.change(|sample| {
        sample.validity = Some(vec![0x30, 4, 0x17, 0, 0x17, 0]);
        sample.serial = vec![0];
    });
    assert_eq!(codes(&broken, Regime::Public), ["validity-unreadable"]);
}

/// Row D-15 and every other damage: any octet of any sample may be anything, and nothing panics.
#[test]
fn d_15_damaged_certificates_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut read, mut found) = (0_u64, 0_u64);
    for case in all() {
        for sample in [&case.keeps, &case.breaks, &case.outside] {
            let der = sample.der();
            for _ in 0..40 {
                let mut damaged = der.clone();
                for _ in 0..=random() % 3 {
                    let at = (random() % damaged.len() as u64) as usize;
                    match random() % 4 {
                        0 => damaged[at] ^= 1 << (random() % 8),
                        1 => damaged[at] = random() as u8,
                        2 => damaged[at] = [0, 0x80, 0xff, 0x7f][(random() % 4) as usize],
                        _ => damaged.swap(at, (at + 1) % der.len()),
                    }
                }
                let Ok(certificate) = Certificate::read(&damaged) else {
                    continue;
                };
                read += 1;
                for regime in [Regime::AsClaimed, Regime::Public] {
                    found += lint(&View::new(&certificate, regime)).len() as u64;
                }
            }
        }
    }
    assert!(read > 5_000 && found > read, "{read} {found}");
}

#[test]
fn levels_are_those_of_the_clauses_words() {
    let count = |level| rules().filter(|rule| rule.level == level).count();
    assert!(count(Level::Must) > 90, "{}", count(Level::Must));
    assert!(count(Level::Should) > 15, "{}", count(Level::Should));
}
