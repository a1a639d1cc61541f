//! `mailseal decrypt --count`: which keys are missing, and what each would open.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::interrupt;
use crate::cli::progress::Reporter;
use crate::error::RunError;
use crate::facts::Settings;
use crate::jobs::audit::Step;
use crate::jobs::count::{self, Count, Counted};
use crate::jobs::given::Given;
use crate::limits::Limits;
use crate::pipeline::{self, Machine};
use crate::pki::keyring::Keyring;
use crate::report::Cells;

/// What `--count` takes of the arguments.
#[derive(Debug)]
pub struct Request<'a> {
    /// Files and folders; `-` is standard input.
    pub archives: &'a [PathBuf],
    /// `--keys`, loaded; empty where none are given.
    pub keys: &'a Keyring,
    /// `--certs`, loaded.
    pub certificates: &'a Given,
    /// Where the table goes; None or `-` is standard output.
    pub output: Option<&'a Path>,
    /// `--force`: an existing file is replaced.
    pub force: bool,
    /// `--threads`, or one for each core.
    pub threads: usize,
    /// `--memory`
    pub memory_bytes: u64,
    /// `--csv-raw`
    pub csv_raw: bool,
    /// `--quiet`: the table alone.
    pub quiet: bool,
    /// Bounds.
    pub limits: &'a Limits,
}

/// Counts, and prints: the table where `-o` says, the sums on standard output, or beside the table on standard error.
///
/// # Errors
/// What ends the run.
pub fn count(request: &Request<'_>) -> Result<Exit, CommandError> {
    let stop = interrupt::watch("interrupted. Nothing was written.".to_owned());
    let workers = pipeline::threads(request.threads)?;
    let machine = Machine {
        threads: &workers,
        memory_bytes: request.memory_bytes,
        stop: &stop,
    };
    let mut reporter = Reporter::new(request.quiet);
    let wanted = Count {
        archives: request.archives,
        keys: request.keys,
        certificates: request.certificates,
        settings: Settings {
            all: false,
            limits: request.limits.clone(),
        },
        cells: Cells {
            raw: request.csv_raw,
            text_chars: request.limits.text_chars,
        },
    };
    let counted = count::count(&wanted, &machine, &mut |progress, total| {
        reporter.step(Step::Reading(progress, total));
    });
    reporter.step(Step::Judging);
    let counted = counted.map_err(|error| match error {
        RunError::Interrupted => {
            CommandError::Interrupted("interrupted. Nothing was written.".to_owned())
        }
        other => other.into(),
    })?;
    print(request, &counted)?;
    Ok(if counted.totals.incomplete {
        Exit::Incomplete
    } else {
        Exit::Finished
    })
}

fn print(request: &Request<'_>, counted: &Counted) -> Result<(), RunError> {
    let lines = || counted.totals.lines().join("\n");
    let Some(path) = request.output.filter(|path| *path != Path::new("-")) else {
        // A closed pipe ends the output and nothing else.
        let _ = anstream::stdout().write_all(&counted.table);
        if !request.quiet {
            let _ = writeln!(anstream::stderr(), "{}", lines());
        }
        return Ok(());
    };
    let mut options = File::options();
    options.write(true).mode(0o600);
    if request.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(&counted.table)?;
        file.sync_all()
    };
    write().map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => RunError::Exists {
            path: path.to_owned(),
        },
        _ => RunError::unwritable(path, error),
    })?;
    if !request.quiet {
        let _ = writeln!(anstream::stdout(), "{}", lines());
    }
    Ok(())
}
