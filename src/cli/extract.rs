//! `mailseal extract`.

use crate::cli::args::explain::ExtractArgs;
use crate::cli::exit::{CommandError, Exit};

/// x
pub fn extract(_args: &ExtractArgs) -> Result<Exit, CommandError> {
    Ok(Exit::Finished)
}
