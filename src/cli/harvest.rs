//! `mailseal harvest`.

use std::ffi::OsString;

use crate::cli::args::harvest::HarvestArgs;
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::interrupt;
use crate::cli::keys::{self, Sources};
use crate::cli::progress::Reporter;
use crate::cli::run::{RunFacts, clock, finish};
use crate::crypto::canary;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::harvest::Harvest as Wanted;
use crate::jobs::audit::Step as Shown;
use crate::jobs::harvest::{self, Exports, Harvest, Step};
use crate::jobs::judge::Judging;
use crate::jobs::output::discard;
use crate::judge::Clocks;
use crate::pipeline::{self, Machine};
use crate::report::{Cells, RenderOptions};

/// What is said of a run that was stopped.
const STOPPED: &str = "Nothing was written; give the same command again.";

/// `mailseal harvest`.
///
/// # Errors
/// What ends the run.
pub fn harvest(args: &HarvestArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let started = clock();
    canary::check()?;
    let mut limits = build::key_limits(&args.keys);
    if let Some(bytes) = args.reading.max_message {
        limits.message_bytes = bytes;
    }
    let judging = args.judging();
    let now = build::now(&judging, started)?;
    let policy = build::policy(&judging)?;
    let material = build::material(&judging, &limits)?;
    let threads = build::count(args.run.threads);
    let keyring = keys::load(Sources::of(&args.keys, args.run.quiet), &limits, threads)?;
    let stop = interrupt::watch(format!("interrupted. {STOPPED}"));
    let workers = pipeline::threads(threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: args.reading.memory,
        stop: &stop,
    };
    let mut reporter = Reporter::new(args.run.quiet);
    let request = Harvest {
        archives: &args.archives,
        target: &args.output,
        replace: args.force,
        keys: &keyring,
        settings: Settings {
            all: false,
            no_legacy: args.keys.no_legacy,
            harvest: Some(Wanted {
                verify: args.verify,
                attachments: args.attachments,
                salvage: args.salvage,
            }),
            limits: limits.clone(),
        },
        lint: args.lint,
        exports: Exports {
            der: args.der,
            p7c: args.p7c,
            ldif: args.ldif.as_deref(),
            vcard: args.vcard,
        },
        judging: Judging {
            anchors: &material.anchors,
            certificates: &material.certificates,
            crls: &material.crls,
            distrusted: &material.distrusted,
            policy: &policy,
            clocks: Clocks { now },
            limits: &limits,
            render: RenderOptions {
                subjects: false,
                cells: Cells {
                    raw: args.csv_raw,
                    text_chars: limits.text_chars,
                },
            },
        },
    };
    let mut step = |step| {
        reporter.step(match step {
            Step::Reading(progress, total) => Shown::Reading(progress, total),
            Step::Writing => Shown::Judging,
        });
    };
    let result = harvest::harvest(&request, &machine, &mut step);
    keys::complain_afterwards(&keyring);
    let own = RunFacts {
        started,
        seconds: reporter.seconds(),
        threads,
        arguments,
        quiet: args.run.quiet,
        fail_on: &[],
    };
    result
        .and_then(|outcome| finish(outcome, &own).inspect_err(|_| discard(&args.output)))
        .map_err(|error| match error {
            RunError::Interrupted => CommandError::Interrupted(format!(
                "interrupted after {} messages. {STOPPED}",
                reporter.seen().messages
            )),
            other => other.into(),
        })
}
