//! `mailseal decrypt` and `mailseal check`, from their arguments to the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::archive::Variant;
use crate::asn1::Time;
use crate::cli::args::Command;
use crate::cli::args::decrypt::{CheckArgs, DecryptArgs, MboxFormat, Provenance};
use crate::cli::build;
use crate::cli::count::{self, Request};
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keys::{self, Sources};
use crate::cli::progress::Reporter;
use crate::cli::resume::{Resume, not_to_be_gone_on_with};
use crate::cli::run::{clock, quoted};
use crate::cli::{interrupt, screen};
use crate::crypto::canary;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::staged::Release;
use crate::jobs::audit::Step;
use crate::jobs::check::{self, Check, Found};
use crate::jobs::given::{Given, Wanted};
use crate::jobs::migrate::authorities::Authorities;
use crate::jobs::migrate::counts::Counts;
use crate::jobs::migrate::job::{self, Migration, Planned};
use crate::jobs::migrate::message::{Options, ProvenancePlace};
use crate::jobs::output::partial_of;
use crate::limits::Limits;
use crate::pipeline::{self, Machine};
use crate::report::migration as summary_lines;
use crate::report::{Run, run};

/// `mailseal decrypt`, begun or gone on with.
///
/// # Errors
/// What ends the run.
pub fn decrypt(args: &DecryptArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let started = clock();
    let Some(partial) = &args.resume else {
        return decrypt_as(args, &Resume::begun(arguments, started), false, started);
    };
    let (resume, command, target) = Resume::again(partial)?;
    let Command::Decrypt(earlier) = command else {
        return Err(not_to_be_gone_on_with(partial));
    };
    if let Some(descriptor) = earlier.keys.password_fd
        && !Path::new(&format!("/dev/fd/{descriptor}")).exists()
    {
        return Err(CommandError::Usage(format!(
            "the interrupted run read its passwords from descriptor {descriptor}, which is not open now. {}",
            go_on(partial, &earlier)
        )));
    }
    let earlier = DecryptArgs {
        output: Some(target),
        ..earlier
    };
    decrypt_as(&earlier, &resume, true, started)
}

/// How to go on with what a run left.
fn go_on(partial: &Path, args: &DecryptArgs) -> String {
    let again = match args.keys.password_fd {
        Some(descriptor) => format!(" {descriptor}< PASSWORDS"),
        None => String::new(),
    };
    format!(
        "Go on with: mailseal decrypt --resume {}{again}",
        quoted(partial)
    )
}

fn decrypt_as(
    args: &DecryptArgs,
    resume: &Resume,
    again: bool,
    started: Time,
) -> Result<Exit, CommandError> {
    canary::check()?;
    let limits = build::limits(&args.reading, &args.keys);
    let threads = build::count(args.run.threads);
    let own = Sources::of(&args.keys, args.run.quiet);
    let keyring = keys::load(own, &limits, threads)?;
    if args.count {
        return count::count(&Request {
            archives: &args.archives,
            keys: &keyring,
            certificates: &Given::load(&args.certs, Wanted::Certificates, &limits)?,
            output: args.output.as_deref(),
            force: args.force,
            threads,
            memory_bytes: args.reading.memory,
            csv_raw: false,
            quiet: args.run.quiet,
            limits: &limits,
        });
    }
    let signer = match &args.sign_manifest {
        Some(path) => {
            let keys = std::slice::from_ref(path);
            // A descriptor can be read once.
            let descriptor = if args.keys.keys.is_empty() {
                args.keys.password_fd
            } else {
                None
            };
            Some(keys::load(
                Sources {
                    keys,
                    descriptor,
                    aliases: &[],
                    to_sign: true,
                    ..own
                },
                &limits,
                threads,
            )?)
        }
        None => None,
    };
    let target = args.output.clone().unwrap_or_default();
    let partial = partial_of(&target);
    let then = if args.dry_run {
        "Nothing was written.".to_owned()
    } else {
        go_on(&partial, args)
    };
    let stop = interrupt::watch(format!("interrupted. {then}"));
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: args.reading.memory,
        stop: &stop,
    };
    let migration = Migration {
        archives: &args.archives,
        target: &target,
        replace: args.force,
        resume: again,
        resume_text: &resume.text(),
        keys: &keyring,
        signer: signer.as_ref(),
        options: options(args, resume.now, &limits)?,
        settings: Settings {
            all: false,
            no_legacy: args.keys.no_legacy,
            harvest: None,
            limits,
        },
        format: args.mbox_format.map(variant),
    };
    let mut reporter = Reporter::new(args.run.quiet);
    let mut step = |progress, total| {
        reporter.step(Step::Reading(progress, total));
    };
    let result = if args.dry_run {
        let mut tell = |planned: &Planned| tell(planned, args.run.quiet);
        job::rehearse(&migration, &machine, &mut step, &mut tell).map(Some)
    } else {
        job::migrate(&migration, &machine, &mut step).and_then(|made| {
            let Some(made) = made else {
                return Ok(None);
            };
            let counts = made.counts;
            let run = run_json(started, reporter.seconds(), threads, resume, &counts)?;
            made.finish(started, &run)?;
            Ok(Some(counts))
        })
    };
    reporter.end();
    keys::complain_afterwards(&keyring);
    let counts = result.map_err(|error| match error {
        RunError::Interrupted => CommandError::Interrupted(format!(
            "interrupted after {} messages. {then}",
            reporter.seen().messages,
        )),
        RunError::Unwritable { .. } | RunError::InUse { .. } if job::can_go_on(&partial) => {
            CommandError::Stopped { error, then }
        }
        other => other.into(),
    })?;
    // The earlier run had come to its end, and what it printed is gone with it.
    let Some(counts) = counts else {
        return Ok(Exit::Finished);
    };
    if !args.run.quiet {
        let folder = target.display().to_string();
        screen::print(&summary_lines::lines(
            &summary(&counts),
            &folder,
            args.dry_run,
        ));
    }
    Ok(if counts.incomplete > 0 {
        Exit::Incomplete
    } else if counts.still_encrypted() > 0 {
        Exit::Found
    } else {
        Exit::Finished
    })
}

fn options(args: &DecryptArgs, now: Time, limits: &Limits) -> Result<Options, RunError> {
    let ders = |given: Given| given.certificates.into_values().collect();
    let authorities = Authorities {
        anchors: ders(Given::load(&args.ca, Wanted::Certificates, limits)?),
        certificates: ders(Given::load(&args.certs, Wanted::Certificates, limits)?),
        now,
    };
    Ok(Options {
        release: match args.require_integrity {
            true => Release::RequireIntegrity,
            false => Release::Any,
        },
        allow_partial: args.allow_partial,
        keep_outer_headers: args.keep_outer_headers,
        unwrap_signed: args.unwrap_signed,
        provenance: match args.provenance {
            Provenance::Header => ProvenancePlace::Header,
            Provenance::Sidecar => ProvenancePlace::Sidecar,
        },
        authorities: (!args.ca.is_empty()).then(|| Arc::new(authorities)),
    })
}

pub(super) fn variant(format: MboxFormat) -> Variant {
    match format {
        MboxFormat::O => Variant::Mboxo,
        MboxFormat::Rd => Variant::Mboxrd,
        MboxFormat::Cl => Variant::Mboxcl,
        MboxFormat::Cl2 => Variant::Mboxcl2,
    }
}

fn tell(planned: &Planned, quiet: bool) {
    if quiet {
        return;
    }
    let reason = match planned.action {
        "decrypt" => "",
        _ => planned.reason.as_str(),
    };
    let place = screen::escaped(&planned.path);
    // A closed pipe ends the output and nothing else.
    let _ = writeln!(
        anstream::stdout(),
        "{:<8} {reason:<18} {place}#{}",
        planned.action,
        planned.offset
    );
}

fn run_json(
    started: Time,
    seconds: f64,
    threads: usize,
    resume: &Resume,
    counts: &Counts,
) -> Result<Vec<u8>, RunError> {
    let host = rustix::system::uname();
    let arguments: Vec<String> = resume
        .arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    run::json(&Run {
        started,
        ended: clock(),
        seconds,
        host: &host.nodename().to_string_lossy(),
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
        arguments: &arguments,
        messages: counts.messages,
        bytes: counts.bytes,
        resumed_at: None,
        unsettled: Some(counts.unsettled),
    })
}

fn summary(counts: &Counts) -> summary_lines::Sums<'_> {
    summary_lines::Sums {
        messages: counts.messages,
        files: counts.files,
        decrypted: counts.decrypted,
        without_integrity: counts.without_integrity,
        not_encrypted: counts.not_encrypted,
        converted: counts.converted,
        kept: job::REASONS.iter().copied().zip(counts.kept).collect(),
        skipped: counts.skipped,
        left_out: counts.left_out,
        incomplete: counts.incomplete,
        unsettled: counts.unsettled,
    }
}

/// `mailseal check`.
///
/// # Errors
/// What can't be read.
pub fn check(args: &CheckArgs) -> Result<Exit, CommandError> {
    let request = Check {
        bag: &args.bag,
        source: &args.source,
    };
    let mut shown = 0_u64;
    let totals = check::check(&request, &mut |found: &Found| {
        shown += 1;
        if !args.quiet {
            // A closed pipe ends the output and nothing else.
            let _ = writeln!(
                anstream::stdout(),
                "{}",
                screen::escaped(&found.to_string())
            );
        }
    })?;
    if !args.quiet {
        let text = sums(&args.bag, &totals, shown);
        let _ = writeln!(anstream::stdout(), "{text}");
    }
    Ok(match shown {
        0 => Exit::Finished,
        _ => Exit::Found,
    })
}

fn sums(bag: &Path, totals: &check::Totals, found: u64) -> String {
    let bag = screen::escaped(&bag.display().to_string());
    let source = match totals.source_messages {
        Some(count) => format!(", {count} held against the source"),
        None => String::new(),
    };
    let read = format!(
        "{} messages in {} files{source}",
        totals.messages, totals.files
    );
    match found {
        0 => format!("{bag}: {read}; everything is as the manifest says"),
        1 => format!("{bag}: {read}; 1 thing is not as the manifest says"),
        more => format!("{bag}: {read}; {more} things are not as the manifest says"),
    }
}
