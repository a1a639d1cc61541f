//! `mailseal lint`: findings on standard output.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use crate::cli::args::lint::{FailOn, LintArgs};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::error::RunError;
use crate::jobs::lint;
use crate::limits::Limits;
use crate::pipeline::{self, Machine};
use crate::pki::lint::Regime;
use crate::report::csv::Cells;
use crate::report::lint::{self as report, LintForm, LintRow};

/// Prints what was found, or the rules.
///
/// # Errors
/// A path that can't be read, a file that holds no certificate, an output that can't be written.
pub fn lint(args: &LintArgs) -> Result<Exit, CommandError> {
    let limits = Limits::default();
    let form = match (args.json, args.csv) {
        (true, _) => LintForm::Json,
        (false, true) => LintForm::Csv(Cells {
            raw: args.csv_raw,
            text_chars: limits.text_chars,
        }),
        (false, false) => LintForm::Text,
    };
    let mut out = Output::new();
    if args.rules {
        out.write(&report::table(form)?)?;
        return Ok(Exit::Finished);
    }
    let workers = pipeline::threads(build::count(args.threads))?;
    // Nothing is left behind: an interrupt ends the program as it ends any other.
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 0,
        stop: &stop,
    };
    let regime = if args.publicly_trusted {
        Regime::Public
    } else {
        Regime::AsClaimed
    };
    out.write(&report::start(form))?;
    let mut each = |row: &LintRow| out.write(&report::row(row, form)?);
    let totals = lint::lint(&args.paths, regime, &machine, &limits, &mut each)?;
    if form == LintForm::Text {
        out.write(totals.line().as_bytes())?;
    }
    let found = match args.fail_on {
        None => false,
        Some(FailOn::Must) => totals.must > 0,
        Some(FailOn::Should | FailOn::Any) => totals.must + totals.should > 0,
    };
    Ok(if totals.unreadable > 0 {
        Exit::Incomplete
    } else if found {
        Exit::Found
    } else {
        Exit::Finished
    })
}

/// Standard output, until it is closed.
struct Output {
    closed: bool,
}

impl Output {
    fn new() -> Self {
        Self { closed: false }
    }

    /// A closed pipe ends the output and nothing else: the exit code still tells what was found.
    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if !self.closed && !bytes.is_empty() {
            self.closed = anstream::stdout().write_all(bytes).is_err();
        }
        Ok(())
    }
}
