//! How a run ends: exit codes, the one line of an error, and what a crash must not leave behind.

use std::io::Write;
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior, setrlimit,
};
use signal_hook::{flag, low_level};

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

impl Exit {
    /// The code that a shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Fault => 4,
            Self::Failed => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
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
    /// Something ended the run, and it can be gone on with.
    #[error("{error} {then}")]
    Stopped {
        /// What ended it.
        error: RunError,
        /// How to go on.
        then: String,
    },
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
        CommandError::Run(error) | CommandError::Stopped { error, .. } => of_run(&error),
        CommandError::Interrupted(_) => Exit::Interrupted,
        CommandError::Usage(_) => Exit::Usage,
    }
}

fn of_run(error: &RunError) -> Exit {
    match error {
        RunError::Internal { .. } => Exit::Fault,
        RunError::Interrupted => Exit::Interrupted,
        RunError::Unreadable { .. }
        | RunError::Unusable { .. }
        | RunError::InUse { .. }
        | RunError::Unwritable { .. }
        | RunError::Exists { .. }
        | RunError::NoPasswordFits { .. }
        | RunError::Canary { .. }
        | RunError::Damaged { .. } => Exit::Failed,
    }
}

/// Keeps plaintext and keys out of crash dumps, and message texts out of panics: a panic says where, never what. One that no worker
/// catches ends the program as a fault of ours. A file over the size that the system allows (`ulimit -f`) is an error and not our end.
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
    let over_size = Arc::new(AtomicBool::new(false));
    let _ = flag::register(Signal::XFSZ.as_raw(), over_size);
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            anstream::stderr(),
            "mailseal: a fault of ours at {place}; please tell us"
        );
        if thread::current().name() == Some("main") {
            low_level::exit(Exit::Fault.code().into());
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    #[test]
    #[ignore = "the test below runs it, as a process of its own"]
    fn a_process_that_panics() {
        harden();
        // The harness runs a test in a thread of its own, which no worker's catch surrounds either.
        let main = thread::Builder::new().name("main".to_owned());
        let _ = main
            .spawn(|| {
                let secret = "what a message said";
                panic!("{secret}");
            })
            .unwrap()
            .join();
    }

    #[test]
    fn d_26_a_panic_says_where_and_not_what_and_ends_the_program_with_4() {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .arg("cli::exit::tests::a_process_that_panics")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains("mailseal: a fault of ours at src/cli/exit.rs:"),
            "{said}"
        );
        assert!(!said.contains("what a message said"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
