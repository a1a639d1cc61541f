//! The keyring from `--keys` and the passwords that open it: from a file, a descriptor, or a prompt; never from arguments.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use zeroize::Zeroizing;

use crate::cli::aliases;
use crate::cli::args::keys::{KeyArgs, KeysArgs};
use crate::cli::build;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::keks;
use crate::cli::progress::Counter;
use crate::cli::screen::{escaped, warn};
use crate::error::RunError;
use crate::jobs::keyring::{self, Cache, Loaded};
use crate::jobs::keys::{self, Usable};
use crate::limits::Limits;
use crate::pipeline::{self, Machine};
use crate::pki::keyring::{Keyring, LoadReport, Passwords, UnlockError};
use crate::report;

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
    /// `--key-alias`
    pub aliases: &'a [String],
    /// `--strict-perms`
    pub strict: bool,
    /// `--cache`
    pub cache: Option<&'a Path>,
    /// `--no-cache`
    pub no_cache: bool,
    /// `--quiet`
    pub quiet: bool,
    /// They are to sign with, not to open mail.
    pub to_sign: bool,
}

impl<'a> Sources<'a> {
    /// As typed.
    pub fn of(args: &'a KeyArgs, quiet: bool) -> Self {
        Self {
            keys: &args.keys,
            passwords: args.passwords.as_deref(),
            descriptor: args.password_fd,
            keks: &args.kek,
            aliases: &args.key_alias,
            strict: args.strict_perms,
            cache: args.cache.as_deref(),
            no_cache: args.no_cache,
            quiet,
            to_sign: false,
        }
    }
}

impl<'a> Sources<'a> {
    /// Files whose contents are to be told, not used; no index of them is kept.
    pub fn to_list(
        keys: &'a [PathBuf],
        passwords: Option<&'a Path>,
        descriptor: Option<i32>,
    ) -> Self {
        Self {
            keys,
            passwords,
            descriptor,
            keks: &[],
            aliases: &[],
            strict: false,
            cache: None,
            no_cache: true,
            quiet: true,
            to_sign: false,
        }
    }
}

/// Loads the keyring, and says on standard error what could not be used.
///
/// # Errors
/// A path that can't be read; no password that fits; with `strict`, a key file that others can read; a `--kek` or `--key-alias` that is none.
pub fn load(
    sources: Sources<'_>,
    limits: &Limits,
    threads: usize,
) -> Result<Keyring, CommandError> {
    let keks = keks::load(sources.keks, sources.strict)?;
    let loaded = open(sources, limits, threads)?;
    let said = complain(&loaded.report, sources.strict)?;
    if !sources.keys.is_empty() && loaded.keys.keys().next().is_none() && !said && !sources.to_sign
    {
        warn("--keys: no key in what was given; mail for them stays closed");
    }
    aliases::add(sources.aliases, loaded.keys.with_keks(keks))
}

/// Opens key files; where no password given fits any, and there is a terminal, it asks for more.
///
/// # Errors
/// A path that can't be read; no password that fits.
pub fn open(sources: Sources<'_>, limits: &Limits, threads: usize) -> Result<Loaded, CommandError> {
    let mut passwords = given(sources, limits)?;
    let mut prompts = 0;
    loop {
        let loaded = read(sources, &passwords, limits, threads)?;
        let Some(error) = loaded.report.refusal(&loaded.keys) else {
            return Ok(loaded);
        };
        let RunError::NoPasswordFits { path } = &error else {
            return Err(error.into());
        };
        if prompts == PROMPTS || !std::io::stdin().is_terminal() {
            return Err(error.into());
        }
        prompts += 1;
        let prompt = format!(
            "Password for {} and the other key files: ",
            escaped(&path.display().to_string())
        );
        match rpassword::prompt_password(prompt) {
            Ok(password) => passwords.push(Zeroizing::new(password).as_bytes()),
            Err(_) => return Err(error.into()),
        }
    }
}

/// `mailseal keys`: lists what is in the files, on standard output.
///
/// # Errors
/// A path that can't be read.
pub fn list(args: &KeysArgs) -> Result<Exit, CommandError> {
    let limits = Limits::default();
    let sources = Sources {
        keys: &args.paths,
        passwords: args.passwords.as_deref(),
        descriptor: args.password_fd,
        keks: &[],
        aliases: &[],
        strict: false,
        cache: args.cache.as_deref(),
        no_cache: args.no_cache,
        quiet: args.quiet,
        to_sign: false,
    };
    let passwords = given(sources, &limits)?;
    let loaded = read(sources, &passwords, &limits, build::count(args.threads))?;
    let rows = keys::keys(&loaded.keys, &loaded.report, &limits);
    let out = if args.json {
        report::keys::json(&rows)?
    } else {
        report::keys::table(&rows).into_bytes()
    };
    // A closed pipe ends the output and nothing else.
    let _ = anstream::stdout().write_all(&out);
    Ok(match keys::usable(&loaded.report) {
        Usable::All => Exit::Finished,
        Usable::Some => Exit::Incomplete,
        Usable::Nothing => Exit::Failed,
    })
}

/// Says on standard error which keys were needed, and could not be unlocked after all.
pub fn complain_afterwards(ring: &Keyring) {
    let mut lines = Vec::new();
    for (key, error) in ring.refused() {
        let why = match error {
            UnlockError::WrongPassword => "no password given opens it any more".to_owned(),
            UnlockError::UnsupportedAlgorithm(name) => {
                format!("needs {name}, which is not supported")
            }
            UnlockError::TooManyRounds => {
                "asks for more rounds of key derivation than the limit".to_owned()
            }
            UnlockError::Damaged => "is damaged".to_owned(),
            UnlockError::OtherKey => "is not the key of its certificate".to_owned(),
            UnlockError::Gone => "is not there any more".to_owned(),
        };
        let file = ring.files_of(key).next();
        let name = file.map(|path| path.display().to_string());
        let name = name.or_else(|| ring.friendly_name(key).map(str::to_owned));
        lines.push(format!(
            "{}: the key was needed, but {why}; mail for it stayed closed",
            name.as_deref().unwrap_or("a key file")
        ));
    }
    print(&lines);
}

fn read(
    sources: Sources<'_>,
    passwords: &Passwords,
    limits: &Limits,
    threads: usize,
) -> Result<Loaded, RunError> {
    let default = default_cache();
    let cache = match (sources.no_cache, sources.cache, &default) {
        (true, _, _) | (false, None, None) => Cache::None,
        (false, Some(folder), _) => Cache::Always(folder),
        (false, None, Some(folder)) => Cache::ForMany(folder),
    };
    let workers = pipeline::threads(threads)?;
    // Until the archive is read there is nothing to go on with: an interrupt ends the program as it ends any other.
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 0,
        stop: &stop,
    };
    let counter = Counter::new("key files", sources.quiet);
    let step = |done, all| counter.step(done, all);
    let loaded = keyring::load(sources.keys, passwords, cache, limits, &machine, &step)?;
    counter.end();
    if let Some((path, error)) = &loaded.unwritten {
        print(&[format!(
            "{}: the index of the key files can't be written: {error}. The next run reads them again; --no-cache goes without.",
            path.display()
        )]);
    }
    Ok(loaded)
}

/// `$XDG_CACHE_HOME/mailseal`, else `~/.cache/mailseal` (XDG Base Directory Specification: a relative path is ignored).
fn default_cache() -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(base?.join("mailseal"))
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
fn complain(report: &LoadReport, strict: bool) -> Result<bool, RunError> {
    let mut lines = Vec::new();
    for entry in &report.entries {
        if let Some(problem) = keys::problem(entry) {
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
    print(&lines);
    Ok(!lines.is_empty())
}

fn print(lines: &[String]) {
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
}
