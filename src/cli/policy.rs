//! `mailseal policy`.

use std::io::Write;

use crate::cli::args::policy::PolicyArgs;
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::jobs::policy;

/// Prints the table in force, in the form that `--policy` takes.
///
/// # Errors
/// A policy file that can't be read, or a line of it that is not understood.
pub fn policy(args: &PolicyArgs) -> Result<Exit, CommandError> {
    let table = args.policy.as_deref().map(build::table).transpose()?;
    // A closed pipe ends the output and nothing else.
    let _ = write!(anstream::stdout(), "{}", policy::in_force(table.as_ref()));
    Ok(Exit::Finished)
}
