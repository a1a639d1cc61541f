//! `mailseal sign`, from its arguments to the exit code.

use std::ffi::OsString;

use crate::cli::args::Command;
use crate::cli::args::sign::SignArgs;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::resume::{Resume, not_to_be_gone_on_with};
use crate::cli::run::clock;
use crate::cli::send::{Encrypting, Request};
use crate::jobs::compose::message::Task;

/// `mailseal sign`, begun or gone on with.
///
/// # Errors
/// What ends the run.
pub fn sign(args: &SignArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let started = clock();
    let Some(partial) = &args.output.resume else {
        return request(args).run(&Resume::begun(arguments, started), false, started);
    };
    let (resume, command, target) = Resume::again(partial)?;
    let Command::Sign(mut earlier) = command else {
        return Err(not_to_be_gone_on_with(partial));
    };
    earlier.output.output = Some(target);
    request(&earlier).run(&resume, true, started)
}

fn request(args: &SignArgs) -> Request<'_> {
    Request {
        archives: &args.archives,
        output: &args.output,
        signing: &args.signing,
        encrypting: Encrypting::none(args.signing.protect_headers),
        keys: &args.keys,
        trust: &args.trust,
        reading: &args.reading,
        run: &args.run,
        task: Task::Sign,
        command: "sign",
        done: "signed",
    }
}
