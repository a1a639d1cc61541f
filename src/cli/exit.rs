//! How a run ends: exit codes, the one line of an error, and what a crash must not leave behind.

use std::io::Write;
use std::panic;
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::cli::screen::escaped;
use crate::error::RunError;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: finished.
    Finished,
    /// 1: finished, and `--fail-on` was met.
    Found,
    /// 2: the command line can't be used.
    Usage,
    /// 3: finished, but something could not be read.
    Incomplete,
    /// 4: a fault of mailseal's own.
    Fault,
    /// 5: could not start or finish.
    Failed,
    /// 130: interrupted.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Finished => 0,
            Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
            Exit::Fault => 4,
            Exit::Failed => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command did not finish.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Something ended the run.
    #[error("{0}")]
    Run(#[from] RunError),
    /// The arguments contradict each other or hold no value of their kind.
    #[error("{0}")]
    Usage(String),
    /// The user stopped it; the text says how to go on.
    #[error("{0}")]
    Interrupted(String),
}

/// Prints the error, if there is one, as one line, and gives the exit code.
#[must_use]
pub fn of(result: Result<Exit, CommandError>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    // Where standard error is closed nobody is there to be told.
    let _ = writeln!(
        anstream::stderr(),
        "mailseal: {}",
        escaped(&error.to_string())
    );
    match error {
        CommandError::Run(RunError::Internal { .. }) => Exit::Fault,
        CommandError::Run(RunError::Interrupted) | CommandError::Interrupted(_) => {
            Exit::Interrupted
        }
        CommandError::Run(
            RunError::Unreadable { .. }
            | RunError::Unusable { .. }
            | RunError::Unwritable { .. }
            | RunError::Exists { .. }
            | RunError::NoPasswordFits { .. }
            | RunError::Canary { .. }
            | RunError::Damaged { .. },
        ) => Exit::Failed,
        CommandError::Usage(_) => Exit::Usage,
    }
}

/// Keeps plaintext and keys out of crash dumps, and message texts out of panics: a panic says where, never what.
pub fn harden() {
    // Where the system refuses, the run is as safe as any other program's.
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            anstream::stderr(),
            "mailseal: a fault of ours at {place}; please tell us"
        );
    }));
}
