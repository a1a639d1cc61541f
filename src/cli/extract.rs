//! `mailseal extract`.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::cli::args::explain::ExtractArgs;
use crate::cli::args::{Cli, Command};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::explain::one;
use crate::cli::keys::{self, Sources};
use crate::cli::run::quoted;
use crate::cli::screen::warn;
use crate::error::RunError;
use crate::facts::Settings;
use crate::jobs::extract::{self, Extract};
use crate::jobs::given::{Given, Wanted};
use crate::jobs::store::{Store, Whose};
use crate::limits::Limits;
use crate::report::reread;

/// Reports that are followed back to the audit that one was judged from.
const REPORTS: usize = 8;

/// Takes a message and its evidence out of a report's archive.
///
/// # Errors
/// A message that is not known; what ends the run.
pub fn extract(args: &ExtractArgs) -> Result<Exit, CommandError> {
    let limits = build::key_limits(&args.keys);
    let (line, message) = one(&args.report, &args.message)?;
    let run = Earlier::of(&args.report);
    let or = |typed: &[PathBuf], earlier: &[PathBuf]| match typed.is_empty() {
        true => earlier.to_vec(),
        false => typed.to_vec(),
    };
    let mut given = load(
        &or(&args.ca, &run.ca),
        Wanted::Certificates,
        &args.ca,
        &limits,
    )?;
    for (paths, wanted, typed) in [
        (
            or(&args.certs, &run.certs),
            Wanted::Certificates,
            &args.certs,
        ),
        (or(&args.crl, &run.crl), Wanted::Revocation, &args.crl),
    ] {
        given.join(load(&paths, wanted, typed, &limits)?);
    }
    if let Some(store) = args.store.as_ref().or(run.store.as_ref()) {
        match Store::open(store, false).and_then(|store| store.material(Whose::All)) {
            Ok(kept) => {
                for kept in [kept.anchors, kept.certificates, kept.crls] {
                    given.join(kept);
                }
            }
            Err(error) if args.store.is_some() => return Err(error.into()),
            Err(_) => {}
        }
    }
    let keyring = keys::load(Sources::of(&args.keys, true), &limits, build::count(None))?;
    let settings = Settings {
        all: true,
        no_legacy: args.keys.no_legacy,
        limits,
        ..Settings::default()
    };
    let done = extract::extract(&Extract {
        report: &args.report,
        line: &line,
        message: &message,
        target: &args.output,
        archives: &or(&args.archive, &run.archives),
        given: &given,
        keys: &keyring,
        settings: &settings,
    })?;
    keys::complain_afterwards(&keyring);
    if done.missing > 0 {
        warn(&format!(
            "{} certificates or revocation lists of the verdict are not at hand. Give --ca, --certs and --crl as the report had them.",
            done.missing
        ));
    }
    if done.closed > 0 {
        warn("signed layers inside an encrypted one were left out. Give --keys to open it.");
    }
    // A closed pipe ends the output and nothing else.
    let _ = writeln!(
        anstream::stdout(),
        "{} files. Repeat the verdict with: sh {}",
        done.names.len(),
        quoted(&args.output.join("verify.sh"))
    );
    Ok(Exit::Finished)
}

/// What was given. A path of an earlier run that is not there any more is left out: what is missing for it is told afterwards.
fn load(
    paths: &[PathBuf],
    wanted: Wanted,
    typed: &[PathBuf],
    limits: &Limits,
) -> Result<Given, RunError> {
    match Given::load(paths, wanted, limits) {
        Err(_) if typed.is_empty() => Ok(Given::default()),
        loaded => loaded,
    }
}

/// What the run of a report was given, as `run.json` has it; relative paths are so to where this run is.
#[derive(Debug, Default)]
struct Earlier {
    archives: Vec<PathBuf>,
    ca: Vec<PathBuf>,
    certs: Vec<PathBuf>,
    crl: Vec<PathBuf>,
    store: Option<PathBuf>,
}

impl Earlier {
    /// Empty where nothing is known. Anchors and lists are those of the report itself, archives those of the audit that it goes back to.
    fn of(report: &Path) -> Self {
        let mut earlier = Self::default();
        let mut report = report.to_owned();
        for step in 0..REPORTS {
            let command = fs::read(report.join("run.json"))
                .ok()
                .and_then(|json| reread::arguments(&json))
                .and_then(|arguments| {
                    let arguments = arguments.into_iter().map(OsString::from);
                    Cli::try_parse_from(arguments).ok()
                })
                .map(|cli| cli.command);
            let (judging, next) = match command {
                Some(Command::Audit(args)) => {
                    earlier.archives = args.archives;
                    (args.judging, None)
                }
                Some(Command::Judge(args)) => (args.judging, Some(args.report)),
                _ => return earlier,
            };
            if step == 0 {
                earlier.ca = judging.ca;
                earlier.certs = judging.certs;
                earlier.crl = judging.crl;
                earlier.store = judging.store;
            }
            match next {
                Some(next) => report = next,
                None => return earlier,
            }
        }
        earlier
    }
}
