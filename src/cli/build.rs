//! Options to the parts that a job runs with.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::available_parallelism;

use jiff::tz::Offset;
use jiff::{Timestamp, civil};

use crate::asn1::Time;
use crate::cli::args::audit::{AuditArgs, JudgingArgs, Signers, ValidationModel, WritingArgs};
use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::ReadingArgs;
use crate::cli::exit::CommandError;
use crate::cli::screen::warn;
use crate::error::RunError;
use crate::facts::Settings;
use crate::jobs::given::{Given, Wanted};
use crate::jobs::policy as policy_file;
use crate::jobs::store::{Store, StoreMaterial, Whose};
use crate::judge::policy::Table;
use crate::judge::{Evidence, Policy, Status};
use crate::limits::Limits;
use crate::pki::trust::{Model, PolicyInputs};
use crate::report::encode::hex;
use crate::report::{Cells, RenderOptions};

/// The bounds, with those that options set.
#[must_use]
pub fn limits(args: &ReadingArgs, keys: &KeyArgs) -> Limits {
    let mut limits = key_limits(keys);
    if let Some(bytes) = args.max_message {
        limits.message_bytes = bytes;
    }
    limits
}

/// The bounds, with those that options about keys set.
#[must_use]
pub fn key_limits(keys: &KeyArgs) -> Limits {
    let limits = Limits::default();
    match keys.kdf_rounds {
        Some(rounds) => limits.with_kdf_rounds(rounds),
        None => limits,
    }
}

/// What to collect.
#[must_use]
pub fn settings(args: &AuditArgs, limits: &Limits) -> Settings {
    Settings {
        all: args.all,
        no_legacy: args.keys.no_legacy,
        harvest: None,
        limits: limits.clone(),
    }
}

/// How strict to judge.
///
/// # Errors
/// A policy file that can't be read, or a line of it that is not understood.
pub fn policy(args: &JudgingArgs) -> Result<Policy, CommandError> {
    let table = args.policy.as_deref().map(table).transpose()?;
    let mut evidence = Evidence {
        hosts: args.evidence.trust_received.clone(),
        fields: args.evidence.assert_time.clone(),
        file_time: args.evidence.use_file_time,
    };
    evidence.hosts.sort_unstable();
    evidence.hosts.dedup();
    evidence.fields.sort_unstable();
    evidence.fields.dedup();
    let mut required = args.path_policies.require_policy.clone();
    required.sort_unstable();
    required.dedup();
    Ok(Policy {
        policies: PolicyInputs {
            required,
            inhibit_mapping: args.path_policies.inhibit_policy_mapping,
            inhibit_any: args.path_policies.inhibit_any_policy,
        },
        require_revocation: args.require_revocation,
        any_signer: args.signers == Signers::Any,
        trust_embedded: args.trust_embedded,
        table,
        model: match args.model {
            ValidationModel::Shell => Model::Shell,
            ValidationModel::Chain => Model::Chain,
        },
        evidence,
    })
}

/// The table in force with a policy file.
///
/// # Errors
/// A file that can't be read, or a line of it that is not understood.
pub fn table(path: &Path) -> Result<Table, CommandError> {
    let bytes = std::fs::read(path).map_err(|error| RunError::unreadable(path, error))?;
    policy_file::read(&bytes).map_err(|error| {
        let (path, line, problem) = (path.display(), error.line, error.kind.problem());
        CommandError::Usage(format!("--policy {path}: line {line}: {problem}"))
    })
}

/// Files that verdicts rest on, with what a store gives.
#[derive(Debug)]
pub struct Material {
    /// `--ca`
    pub anchors: Given,
    /// `--certs`
    pub certificates: Given,
    /// `--crl`
    pub crls: Given,
    /// What the store distrusts.
    pub distrusted: BTreeSet<[u8; 32]>,
}

/// Loads anchors, certificates and CRLs, and says on standard error which folders hold none.
///
/// # Errors
/// A path that can't be read, or a file named that holds nothing of its kind.
pub fn material(args: &JudgingArgs, limits: &Limits) -> Result<Material, RunError> {
    let anchors = Given::load(&args.ca, Wanted::Certificates, limits)?;
    let certificates = Given::load(&args.certs, Wanted::Certificates, limits)?;
    let crls = Given::load(&args.crl, Wanted::Revocation, limits)?;
    let mut kept = match &args.store {
        Some(path) => Store::open(path, false)?.material(Whose::All)?,
        None => StoreMaterial::default(),
    };
    for sha256 in kept.join(anchors, certificates, crls) {
        let sha256 = hex(&sha256);
        warn(&format!(
            "--ca: {sha256} is distrusted in the store, and no anchor"
        ));
    }
    let material = Material {
        anchors: kept.anchors,
        certificates: kept.certificates,
        crls: kept.crls,
        distrusted: kept.distrusted,
    };
    for (option, given, what) in [
        ("--ca", &material.anchors, "certificate"),
        ("--certs", &material.certificates, "certificate"),
        ("--crl", &material.crls, "revocation list"),
    ] {
        for folder in &given.empty {
            let folder = folder.display();
            warn(&format!("{option} {folder}: no {what} in this folder"));
        }
        for file in &given.unread {
            let file = file.display();
            warn(&format!(
                "{option} {file}: looks like a {what} and can't be read, so it does not count"
            ));
        }
    }
    Ok(material)
}

/// What the report shows.
#[must_use]
pub fn render(args: &WritingArgs, limits: &Limits) -> RenderOptions {
    RenderOptions {
        subjects: args.subjects,
        cells: Cells {
            raw: args.csv_raw,
            text_chars: limits.text_chars,
        },
    }
}

/// The number of workers.
#[must_use]
pub fn threads(args: &WritingArgs) -> usize {
    count(args.run.threads)
}

/// The number of workers: what was asked for, or one for each core.
#[must_use]
pub fn count(threads: Option<u16>) -> usize {
    match threads {
        Some(count) => usize::from(count),
        None => available_parallelism().map_or(1, usize::from),
    }
}

/// The clock `now`: `--at`, or else `clock`.
///
/// # Errors
/// A text that names no instant.
pub fn now(args: &JudgingArgs, clock: Time) -> Result<Time, CommandError> {
    instant(args.at.as_deref(), clock)
}

/// The instant that a text names, or else `clock`.
///
/// # Errors
/// A text that names no instant.
pub fn instant(text: Option<&str>, clock: Time) -> Result<Time, CommandError> {
    let Some(text) = text else {
        return Ok(clock);
    };
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let day: civil::Date = text.parse().ok()?;
        Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    });
    instant
        .and_then(|instant| Time::from_unix(instant.as_second()))
        .ok_or_else(|| CommandError::Usage(format!("--at {text}: give an instant such as 2026-01-31T00:00:00Z, or a day such as 2026-01-31")))
}

/// The statuses that `--fail-on` names.
///
/// # Errors
/// A word that is no status.
pub fn fail_on(args: &JudgingArgs) -> Result<Vec<Status>, CommandError> {
    let mut chosen = Vec::new();
    for word in &args.fail_on {
        if word == "any" {
            chosen.extend(
                Status::ALL
                    .iter()
                    .copied()
                    .filter(|status| !is_in_order(*status)),
            );
            continue;
        }
        let status = Status::ALL.iter().find(|status| status.as_str() == word);
        let status = status.ok_or_else(|| {
            let known: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            CommandError::Usage(format!(
                "--fail-on {word}: give any, or one of {}",
                known.join(", ")
            ))
        })?;
        chosen.push(*status);
    }
    Ok(chosen)
}

fn is_in_order(status: Status) -> bool {
    match status {
        Status::Valid
        | Status::Decrypted
        | Status::CertsOnly
        | Status::Compressed
        | Status::NotSmime => true,
        Status::Damaged
        | Status::NoKey
        | Status::DecryptFailed
        | Status::Unsupported
        | Status::NoSigners
        | Status::Malformed
        | Status::Altered
        | Status::SignatureBroken
        | Status::NoCertificate
        | Status::SignerUntrusted
        | Status::SignerRevoked
        | Status::SignerNotYetValid
        | Status::SignerExpired
        | Status::RevocationUnknown
        | Status::WeakCrypto
        | Status::WrongSender
        | Status::SenderNotComparable
        | Status::NestedFailed
        | Status::PartlySigned
        | Status::ValidAsClaimed => false,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn judging(extra: &[&str]) -> JudgingArgs {
        let mut arguments = vec!["mailseal", "judge", "report", "-o", "out"];
        arguments.extend(extra);
        match Cli::try_parse_from(arguments).unwrap().command {
            Command::Judge(args) => args.judging,
            _ => unreachable!(),
        }
    }

    #[test]
    fn the_clock_is_an_instant_or_a_day() {
        let clock = Time::from_unix(5).unwrap();
        for (text, seconds) in [
            ("2020-01-01", 1_577_836_800),
            ("2020-01-01T00:00:01Z", 1_577_836_801),
            ("2020-01-01T01:00:00+01:00", 1_577_836_800),
        ] {
            assert_eq!(
                now(&judging(&["--at", text]), clock).unwrap().unix(),
                seconds,
                "{text}"
            );
        }
        assert_eq!(now(&judging(&[]), clock).unwrap(), clock);
        assert!(now(&judging(&["--at", "yesterday"]), clock).is_err());
    }

    #[test]
    fn fail_on_takes_the_words_of_the_status() {
        assert_eq!(
            fail_on(&judging(&["--fail-on", "altered"])).unwrap(),
            [Status::Altered]
        );
        assert_eq!(
            fail_on(&judging(&["--fail-on", "any"])).unwrap().len(),
            Status::ALL.len() - 5
        );
        assert!(fail_on(&judging(&["--fail-on", "bad"])).is_err());
    }
}
