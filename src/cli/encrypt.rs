//! `mailseal encrypt`, from its arguments to the exit code.

use std::ffi::OsString;

use crate::cli::args::Command;
use crate::cli::args::encrypt::EncryptArgs;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::resume::{Resume, not_to_be_gone_on_with};
use crate::cli::run::clock;
use crate::cli::send::{Encrypting, Request};
use crate::crypto::content_cipher::CipherAlgorithm;
use crate::jobs::compose::message::Task;
use crate::jobs::envelope::{NAMED, named};
use crate::mime::write::protect::{Confidentiality, HeaderProtection};

/// `mailseal encrypt`, begun or gone on with.
///
/// # Errors
/// What ends the run.
pub fn encrypt(args: &EncryptArgs, arguments: &[OsString]) -> Result<Exit, CommandError> {
    let started = clock();
    let Some(partial) = &args.output.resume else {
        return request(args)?.run(&Resume::begun(arguments, started), false, started);
    };
    let (resume, command, target) = Resume::again(partial)?;
    let Command::Encrypt(mut earlier) = command else {
        return Err(not_to_be_gone_on_with(partial));
    };
    earlier.output.output = Some(target);
    request(&earlier)?.run(&resume, true, started)
}

fn request(args: &EncryptArgs) -> Result<Request<'_>, CommandError> {
    let (task, done) = if args.triple {
        (Task::Triple, "triple-wrapped")
    } else if args.sign {
        (Task::SignEncrypt, "signed and encrypted")
    } else {
        (Task::Encrypt, "encrypted")
    };
    let protection = HeaderProtection::Cipher {
        confidentiality: Confidentiality::Baseline,
        legacy_display: args.legacy_display,
    };
    Ok(Request {
        archives: &args.archives,
        output: &args.output,
        signing: &args.signing,
        encrypting: Encrypting {
            to_self: !args.no_to_self,
            cipher: cipher(args.cipher.as_deref())?,
            protection: args.signing.protect_headers.then_some(protection),
        },
        keys: &args.keys,
        trust: &args.trust,
        reading: &args.reading,
        run: &args.run,
        task,
        command: "encrypt",
        done,
    })
}

fn cipher(name: Option<&str>) -> Result<Option<CipherAlgorithm>, CommandError> {
    let Some(name) = name else {
        return Ok(None);
    };
    named(name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = NAMED.iter().map(|cipher| cipher.name()).collect();
        CommandError::Usage(format!("--cipher {name}: give one of {}", known.join(", ")))
    })
}
