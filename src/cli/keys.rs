//! The keyring from `--keys` and the passwords that open it: from a file, a descriptor, or a prompt; never from arguments.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::exit::CommandError;
use crate::cli::keks;
use crate::cli::screen::escaped;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::{FileEntry, KeyFileProblem, Keyring, LoadReport, Passwords};

/// Prompts before giving up, as `sudo` has them.
const PROMPTS: usize = 3;

/// Key files with a problem that are listed one by one; the rest is a number.
const LISTED: usize = 10;

/// Where keys and passwords come from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// `--keys`
    pub keys: &'a [PathBuf],
    /// `--passwords`
    pub passwords: Option<&'a Path>,
    /// `--password-fd`
    pub descriptor: Option<i32>,
    /// `--kek`
    pub keks: &'a [OsString],
    /// `--strict-perms`
    pub strict: bool,
}

/// Loads the keyring, and says on standard error what could not be used.
///
/// # Errors
/// A path that can't be read; no password that fits; with `strict`, a key file that others can read; a `--kek` that is none.
pub fn load(sources: Sources<'_>, limits: &Limits) -> Result<Keyring, CommandError> {
    let keks = keks::load(sources.keks, sources.strict)?;
    let mut passwords = given(sources, limits)?;
    let mut prompts = 0;
    let (keyring, report) = loop {
        match Keyring::load(sources.keys, &passwords, limits) {
            Err(RunError::NoPasswordFits { path })
                if prompts < PROMPTS && std::io::stdin().is_terminal() =>
            {
                prompts += 1;
                let prompt = format!(
                    "Password for {} and the other key files: ",
                    escaped(&path.display().to_string())
                );
                match rpassword::prompt_password(prompt) {
                    Ok(password) => passwords.push(Zeroizing::new(password).as_bytes()),
                    Err(_) => return Err(RunError::NoPasswordFits { path }.into()),
                }
            }
            result => break result?,
        }
    };
    complain(&report, sources.strict)?;
    Ok(keyring.with_keks(keks))
}

fn given(sources: Sources<'_>, limits: &Limits) -> Result<Passwords, RunError> {
    let mut text = Zeroizing::new(Vec::new());
    if let Some(path) = sources.passwords {
        let file = File::open(path).map_err(|error| RunError::unreadable(path, error))?;
        file.take(limits.key_file_bytes)
            .read_to_end(&mut text)
            .map_err(|error| RunError::unreadable(path, error))?;
    }
    if let Some(descriptor) = sources.descriptor {
        let path = PathBuf::from(format!("/dev/fd/{descriptor}"));
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        let file = File::open(&path).map_err(|error| RunError::unreadable(&path, error))?;
        file.take(limits.key_file_bytes)
            .read_to_end(&mut text)
            .map_err(|error| RunError::unreadable(&path, error))?;
    }
    Ok(Passwords::from_lines(&text))
}

/// One line for each key file that can't be used or that others can read, up to a bound.
fn complain(report: &LoadReport, strict: bool) -> Result<(), RunError> {
    let mut lines = Vec::new();
    for entry in &report.entries {
        if let Some(problem) = problem(entry) {
            lines.push(format!("{}: {problem}", entry.path.display()));
        }
        if entry.keys > 0 && entry.is_open_to_others() {
            if strict {
                return Err(RunError::Unusable {
                    path: entry.path.clone(),
                    problem: "others can read this key file. Take their permission away (chmod 600), or leave out --strict-perms.",
                });
            }
            lines.push(format!(
                "{}: others can read this key file",
                entry.path.display()
            ));
        }
    }
    let more = lines.len().saturating_sub(LISTED);
    let mut err = anstream::stderr();
    for line in lines.iter().take(LISTED) {
        // Where standard error is closed nobody is there to be told.
        let _ = writeln!(err, "mailseal: {}", escaped(line));
    }
    if more > 0 {
        let _ = writeln!(
            err,
            "mailseal: and {more} more lines about key files like these"
        );
    }
    Ok(())
}

fn problem(entry: &FileEntry) -> Option<String> {
    Some(match entry.problem.as_ref()? {
        KeyFileProblem::NotAKeyFile if !entry.named => return None,
        KeyFileProblem::NotAKeyFile => "holds neither a key nor a certificate".to_owned(),
        KeyFileProblem::WrongPassword => "no password given opens it".to_owned(),
        KeyFileProblem::UnsupportedAlgorithm(name) => {
            format!("needs {name}, which is not supported")
        }
        KeyFileProblem::TooManyRounds => {
            "asks for more rounds of key derivation than the limit".to_owned()
        }
        KeyFileProblem::Damaged => "is damaged".to_owned(),
        KeyFileProblem::Unreadable => "could not be read".to_owned(),
    })
}
