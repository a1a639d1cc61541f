//! The `mailseal` program: everything is in [`mailseal::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    mailseal::cli::run(std::env::args_os().collect()).into()
}
