//! A command from its arguments to its exit code.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Parser;

use crate::asn1::Time;
use crate::cli::args::{AuditArgs, Cli, Command, JudgeArgs};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keys::{self, Sources};
use crate::cli::progress::Reporter;
use crate::cli::{interrupt, screen};
use crate::crypto::canary;
use crate::error::RunError;
use crate::jobs::audit::{self, Audit};
use crate::jobs::judge;
use crate::jobs::output::{RESUME_FILE, ReportFolder, target_of};
use crate::jobs::report::{Judging, Outcome};
use crate::judge::{Clocks, Status};
use crate::limits::Limits;
use crate::pipeline::{self, Machine};
use crate::report::{Run, run};

/// `mailseal judge` holds this many bytes of facts at a time.
const JUDGE_MEMORY_BYTES: u64 = 128 << 20;

/// `mailseal audit`, begun or gone on with.
///
/// # Errors
/// What ends the run.
pub fn audit(args: &AuditArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let clock = clock();
    let Some(partial) = &args.resume else {
        let now = build::now(&args.judging, clock)?;
        let resume = Resume {
            folder: std::env::current_dir().unwrap_or_default(),
            now,
            arguments: arguments.to_vec(),
        };
        return audit_as(args, &resume, false, clock);
    };
    let resume = Resume::read(&partial.join(RESUME_FILE))?;
    let again = Cli::try_parse_from(&resume.arguments).map(|cli| cli.command);
    let (Ok(Command::Audit(earlier)), Some(target)) = (again, target_of(partial)) else {
        return Err(CommandError::Usage(format!(
            "{}: is no partial report of an audit",
            partial.display()
        )));
    };
    if earlier
        .archives
        .iter()
        .any(|archive| archive == Path::new("-"))
    {
        return Err(CommandError::Usage(
            "the run read standard input, which can't be read twice: start anew with --force"
                .to_owned(),
        ));
    }
    let target =
        std::path::absolute(target).map_err(|error| RunError::unreadable(partial, error))?;
    // Paths of the earlier run are relative to where it was started.
    std::env::set_current_dir(&resume.folder)
        .map_err(|error| RunError::unreadable(&resume.folder, error))?;
    let earlier = AuditArgs {
        output: Some(target),
        ..earlier
    };
    audit_as(&earlier, &resume, true, clock)
}

fn audit_as(
    args: &AuditArgs,
    resume: &Resume,
    again: bool,
    started: Time,
) -> Result<Exit, CommandError> {
    canary::check()?;
    let fail_on = build::fail_on(&args.judging)?;
    let limits = build::limits(args);
    let policy = build::policy(&args.judging);
    let material = build::material(&args.judging, &limits)?;
    let sources = Sources {
        keys: &args.keys,
        passwords: args.passwords.as_deref(),
        descriptor: args.password_fd,
        strict: args.strict_perms,
    };
    let keyring = keys::load(sources, &limits)?;
    let target = args.output.clone().unwrap_or_default();
    let folder = if again {
        ReportFolder::reopen(&target, args.writing.force)?
    } else {
        ReportFolder::create(&target, args.writing.force)?
    };
    let partial = folder.path().to_owned();
    let threads = build::threads(&args.writing);
    let stop = interrupt::watch();
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: args.memory,
        stop: &stop,
    };
    let mut reporter = Reporter::new(args.writing.quiet);
    let request = Audit {
        archives: &args.archives,
        folder,
        resume: again,
        resume_text: &resume.text(),
        keys: &keyring,
        settings: build::settings(args, &limits),
        hash_inputs: args.hash_inputs,
        judging: Judging {
            anchors: &material.anchors,
            certificates: &material.certificates,
            crls: &material.crls,
            policy: &policy,
            clocks: Clocks { now: resume.now },
            limits: &limits,
            render: build::render(&args.writing, &limits),
        },
    };
    let result = audit::audit(request, &machine, &mut |step| reporter.step(step));
    let outcome = result.map_err(|error| match error {
        RunError::Interrupted => CommandError::Interrupted(format!(
            "interrupted after {} messages. Go on with: mailseal audit --resume {}",
            reporter.seen().messages,
            partial.display()
        )),
        other => other.into(),
    })?;
    let own = RunFacts {
        started,
        seconds: reporter.seconds(),
        threads,
        arguments: &resume.arguments,
    };
    finish(outcome, &own, args.writing.quiet, &fail_on)
}

/// `mailseal judge`.
///
/// # Errors
/// What ends the run.
pub fn judge(args: &JudgeArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let started = clock();
    canary::check()?;
    let fail_on = build::fail_on(&args.judging)?;
    let now = build::now(&args.judging, started)?;
    let limits = Limits::default();
    let policy = build::policy(&args.judging);
    let material = build::material(&args.judging, &limits)?;
    let folder = ReportFolder::create(&args.output, args.writing.force)?;
    let threads = build::threads(&args.writing);
    let stop = interrupt::watch();
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: JUDGE_MEMORY_BYTES,
        stop: &stop,
    };
    let reporter = Reporter::new(args.writing.quiet);
    let judging = Judging {
        anchors: &material.anchors,
        certificates: &material.certificates,
        crls: &material.crls,
        policy: &policy,
        clocks: Clocks { now },
        limits: &limits,
        render: build::render(&args.writing, &limits),
    };
    let outcome = judge::judge(&args.report, folder, judging, &machine)?;
    let own = RunFacts {
        started,
        seconds: reporter.seconds(),
        threads,
        arguments,
    };
    finish(outcome, &own, args.writing.quiet, &fail_on)
}

/// What `run.json` says of a run.
struct RunFacts<'r> {
    started: Time,
    seconds: f64,
    threads: usize,
    arguments: &'r [OsString],
}

/// Adds `run.json`, gives the report its name, prints the summary, and derives the exit code.
fn finish(
    outcome: Outcome,
    own: &RunFacts<'_>,
    quiet: bool,
    fail_on: &[Status],
) -> Result<Exit, CommandError> {
    let totals = outcome.totals;
    let host = rustix::system::uname();
    let arguments: Vec<String> = own
        .arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let bytes = run::json(&Run {
        started: own.started,
        ended: clock(),
        seconds: own.seconds,
        host: &host.nodename().to_string_lossy(),
        threads: u32::try_from(own.threads).unwrap_or(u32::MAX),
        arguments: &arguments,
        messages: totals.messages,
        bytes: totals.bytes,
        resumed_at: None,
    })?;
    let path = outcome.folder.file("run.json");
    let mut file = outcome.folder.create_file("run.json")?;
    file.write_all(&bytes)
        .map_err(|error| RunError::unwritable(&path, error))?;
    outcome.folder.finish()?;
    if !quiet {
        screen::print(&outcome.screen);
    }
    let found = |status: &Status| {
        totals
            .statuses
            .iter()
            .any(|(word, count)| *word == status.as_str() && *count > 0)
    };
    Ok(if totals.incomplete {
        Exit::Incomplete
    } else if fail_on.iter().any(found) {
        Exit::Found
    } else {
        Exit::Finished
    })
}

/// The instant of now.
fn clock() -> Time {
    let elapsed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
    Time::from_unix(seconds)
        .or_else(|| Time::from_unix(0))
        .unwrap_or_else(|| unreachable!("1970 is a year"))
}

/// What an interrupted run needs to go on: its folder, its clock, its arguments.
struct Resume {
    folder: PathBuf,
    now: Time,
    arguments: Vec<OsString>,
}

/// First field of the file.
const RESUME_MAGIC: &[u8] = b"mailseal resume 1";

impl Resume {
    /// Fields separated by NUL, which no path or argument holds.
    fn text(&self) -> Vec<u8> {
        let mut text = RESUME_MAGIC.to_vec();
        let now = self.now.unix().to_string();
        let fields = [self.folder.as_os_str().as_bytes(), now.as_bytes()];
        let arguments = self.arguments.iter().map(|argument| argument.as_bytes());
        for field in fields.into_iter().chain(arguments) {
            text.push(0);
            text.extend_from_slice(field);
        }
        text
    }

    fn read(path: &Path) -> Result<Self, CommandError> {
        let text = std::fs::read(path).map_err(|error| RunError::unreadable(path, error))?;
        let damaged = || RunError::Damaged {
            path: path.to_owned(),
            problem: "does not say how to go on. Start anew with --force.",
        };
        let mut fields = text.split(|byte| *byte == 0);
        if fields.next() != Some(RESUME_MAGIC) {
            return Err(damaged().into());
        }
        let owned = |field: &[u8]| OsString::from_vec(field.to_vec());
        let folder = fields
            .next()
            .map(|field| PathBuf::from(owned(field)))
            .ok_or_else(damaged)?;
        let now = fields
            .next()
            .and_then(|field| std::str::from_utf8(field).ok()?.parse().ok())
            .and_then(Time::from_unix)
            .ok_or_else(damaged)?;
        Ok(Self {
            folder,
            now,
            arguments: fields.map(owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_to_go_on_is_read_back() {
        let resume = Resume {
            folder: PathBuf::from("/somewhere/ü"),
            now: Time::from_unix(1_700_000_000).unwrap(),
            arguments: vec![
                OsString::from("mailseal"),
                OsString::from_vec(vec![0xff, b'a']),
                OsString::new(),
            ],
        };
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("args");
        std::fs::write(&path, resume.text()).unwrap();
        let back = Resume::read(&path).unwrap();
        assert_eq!(
            (back.folder, back.now, back.arguments),
            (resume.folder, resume.now, resume.arguments)
        );
        std::fs::write(&path, "nonsense").unwrap();
        assert!(Resume::read(&path).is_err());
    }
}
