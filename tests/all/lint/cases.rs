//! For each rule a certificate that keeps it, one that breaks it, and one that it says nothing about.

mod authorities;
mod extensions;
mod names;
mod parts;

use mailseal::pki::lint::{Generation, Profile, Regime};

use super::sample::Sample;

pub struct Case {
    pub code: &'static str,
    pub regime: Regime,
    pub keeps: Sample,
    pub breaks: Sample,
    pub outside: Sample,
}

/// As claimed.
fn case(code: &'static str, keeps: Sample, breaks: Sample, outside: Sample) -> Case {
    Case {
        code,
        regime: Regime::AsClaimed,
        keeps,
        breaks,
        outside,
    }
}

/// All publicly trusted.
fn public(code: &'static str, keeps: Sample, breaks: Sample, outside: Sample) -> Case {
    Case {
        regime: Regime::Public,
        ..case(code, keeps, breaks, outside)
    }
}

pub fn all() -> Vec<Case> {
    let mut all = parts::cases();
    all.extend(names::cases());
    all.extend(extensions::cases());
    all.extend(authorities::cases());
    all
}

fn strict(profile: Profile) -> Sample {
    Sample::claiming(profile, Generation::Strict)
}

fn multipurpose(profile: Profile) -> Sample {
    Sample::claiming(profile, Generation::Multipurpose)
}

fn legacy(profile: Profile) -> Sample {
    Sample::claiming(profile, Generation::Legacy)
}

/// Mailbox-validated, Strict.
fn base() -> Sample {
    strict(Profile::Mailbox)
}

/// Issued before RFC 2459.
fn ancient(sample: Sample) -> Sample {
    sample.issued(super::sample::day(1998, 1, 1))
}
