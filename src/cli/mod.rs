//! The command line: arguments, clock, terminal, exit code. Nobody imports it.

mod args;

mod aliases;

mod build;

pub mod count;
mod decrypt;

mod encrypt;

mod exit;

mod harvest;

mod explain;

mod extract;

mod interrupt;

mod keks;

mod keys;

mod lint;

mod policy;

mod progress;

mod resume;

mod run;

mod screen;

mod send;

mod sign;

mod store;

pub use exit::Exit;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::args::{Cli, Command};

/// Runs the program with these arguments, the program's name first. Prints what it has to say.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> Exit {
    exit::harden();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // A closed pipe is no reason for another exit code.
            let _ = error.print();
            return if asked { Exit::Finished } else { Exit::Usage };
        }
    };
    let result = match cli.command {
        Command::Audit(args) => run::audit(&args, &arguments),
        Command::Judge(args) => run::judge(&args, &arguments),
        Command::Harvest(args) => harvest::harvest(&args, &arguments),
        Command::Keys(args) => keys::list(&args),
        Command::Decrypt(args) => decrypt::decrypt(&args, &arguments),
        Command::Check(args) => decrypt::check(&args),
        Command::Encrypt(args) => encrypt::encrypt(&args, &arguments),
        Command::Sign(args) => sign::sign(&args, &arguments),
        Command::Explain(args) => explain::explain(&args),
        Command::Extract(args) => extract::extract(&args),
        Command::Lint(args) => lint::lint(&args),
        Command::Policy(args) => policy::policy(&args),
        Command::Store(args) => store::store(&args),
    };
    exit::of(result)
}
