//! A command from its arguments to its exit code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::asn1::Time;
use crate::cli::args::Command;
use crate::cli::args::audit::{AuditArgs, JudgeArgs};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keys::{self, Sources};
use crate::cli::progress::Reporter;
use crate::cli::resume::{Resume, not_to_be_gone_on_with};
use crate::cli::{interrupt, screen};
use crate::crypto::canary;
use crate::error::RunError;
use crate::jobs::audit::{self, Audit};
use crate::jobs::judge::{self, Judging, Outcome};
use crate::jobs::output::{RESUME_FILE, discard, partial_of};
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
        return audit_as(args, &Resume::begun(arguments, now), false, clock);
    };
    let (resume, command, target) = Resume::again(partial)?;
    let Command::Audit(earlier) = command else {
        return Err(not_to_be_gone_on_with(partial));
    };
    if !can_be_read_twice(&earlier.archives) {
        return Err(CommandError::Usage(format!(
            "{}: {READ_ONCE}",
            partial.display()
        )));
    }
    let mut earlier = AuditArgs {
        output: Some(target),
        ..earlier
    };
    // They change no byte of the report but `run.json`.
    earlier.writing.run.quiet |= args.writing.run.quiet;
    earlier.writing.run.threads = args.writing.run.threads.or(earlier.writing.run.threads);
    audit_as(&earlier, &resume, true, clock)
}

/// Why a run can't be gone on with.
const READ_ONCE: &str = "standard input and pipes can't be read twice. Start anew with --force.";

/// Files and folders can; a pipe gives its bytes once.
fn can_be_read_twice(archives: &[PathBuf]) -> bool {
    archives.iter().all(|archive| {
        archive != Path::new("-")
            && archive
                .metadata()
                .map_or(true, |metadata| metadata.is_file() || metadata.is_dir())
    })
}

fn audit_as(
    args: &AuditArgs,
    resume: &Resume,
    again: bool,
    started: Time,
) -> Result<Exit, CommandError> {
    canary::check()?;
    let fail_on = build::fail_on(&args.judging)?;
    let limits = build::limits(&args.reading, &args.keys);
    let policy = build::policy(&args.judging)?;
    let material = build::material(&args.judging, &limits)?;
    let sources = Sources::of(&args.keys, args.writing.run.quiet);
    let threads = build::threads(&args.writing);
    let keyring = keys::load(sources, &limits, threads)?;
    let target = args.output.clone().unwrap_or_default();
    let partial = partial_of(&target);
    let then = if can_be_read_twice(&args.archives) {
        format!("Go on with: mailseal audit --resume {}", quoted(&partial))
    } else {
        READ_ONCE.to_owned()
    };
    let stop = interrupt::watch(format!("interrupted. {then}"));
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: args.reading.memory,
        stop: &stop,
    };
    let mut reporter = Reporter::new(args.writing.run.quiet);
    let request = Audit {
        archives: &args.archives,
        target: &target,
        replace: args.writing.force,
        resume: again,
        resume_text: &resume.text(),
        keys: &keyring,
        settings: build::settings(args, &limits),
        hash_inputs: args.hash_inputs,
        judging: Judging {
            anchors: &material.anchors,
            certificates: &material.certificates,
            crls: &material.crls,
            distrusted: &material.distrusted,
            policy: &policy,
            clocks: Clocks { now: resume.now },
            limits: &limits,
            render: build::render(&args.writing, &limits),
        },
    };
    let result = audit::audit(request, &machine, &mut |step| reporter.step(step));
    keys::complain_afterwards(&keyring);
    let own = RunFacts {
        started,
        seconds: reporter.seconds(),
        threads,
        arguments: &resume.arguments,
        quiet: args.writing.run.quiet,
        fail_on: &fail_on,
    };
    result
        .and_then(|outcome| finish(outcome, &own))
        .map_err(|error| match error {
            RunError::Interrupted => CommandError::Interrupted(format!(
                "interrupted after {} messages. {then}",
                reporter.seen().messages,
            )),
            RunError::Unwritable { .. } if partial.join(RESUME_FILE).is_file() => {
                CommandError::Stopped { error, then }
            }
            other => other.into(),
        })
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
    let policy = build::policy(&args.judging)?;
    let material = build::material(&args.judging, &limits)?;
    let threads = build::threads(&args.writing);
    let stop =
        interrupt::watch("interrupted. Give the same command again with --force.".to_owned());
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: JUDGE_MEMORY_BYTES,
        stop: &stop,
    };
    let reporter = Reporter::new(args.writing.run.quiet);
    let judging = Judging {
        anchors: &material.anchors,
        certificates: &material.certificates,
        crls: &material.crls,
        distrusted: &material.distrusted,
        policy: &policy,
        clocks: Clocks { now },
        limits: &limits,
        render: build::render(&args.writing, &limits),
    };
    let replace = args.writing.force;
    let result = judge::judge(&args.report, &args.output, replace, judging, &machine);
    let own = RunFacts {
        started,
        seconds: reporter.seconds(),
        threads,
        arguments,
        quiet: args.writing.run.quiet,
        fail_on: &fail_on,
    };
    result
        .and_then(|outcome| finish(outcome, &own).inspect_err(|_| discard(&args.output)))
        .map_err(|error| match error {
            RunError::Interrupted => CommandError::Interrupted(
                "interrupted. Nothing was written; give the same command again.".to_owned(),
            ),
            other => other.into(),
        })
}

/// What `run.json` says of a run, and what becomes of it.
pub(super) struct RunFacts<'r> {
    pub started: Time,
    pub seconds: f64,
    pub threads: usize,
    pub arguments: &'r [OsString],
    pub quiet: bool,
    pub fail_on: &'r [Status],
}

/// Adds `run.json`, gives the report its name, prints the summary, and derives the exit code.
pub(super) fn finish(outcome: Outcome, own: &RunFacts<'_>) -> Result<Exit, RunError> {
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
        resumed_at: outcome.resumed_at,
        unsettled: None,
    })?;
    outcome.folder.write("run.json", &bytes)?;
    outcome.folder.finish()?;
    if !own.quiet {
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
    } else if own.fail_on.iter().any(found) {
        Exit::Found
    } else {
        Exit::Finished
    })
}

/// The instant of now.
pub(super) fn clock() -> Time {
    let elapsed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
    Time::from_unix(seconds)
        .or_else(|| Time::from_unix(0))
        .unwrap_or_else(|| unreachable!("1970 is a year"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell_where_they_need_it() {
        for (path, text) in [
            ("a/report.partial", "a/report.partial"),
            ("my report", "'my report'"),
            ("it's; rm -r *", r"'it'\''s; rm -r *'"),
        ] {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }
}
