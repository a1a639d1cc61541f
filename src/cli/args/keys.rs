//! Options about own keys, and `mailseal keys` as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Where own keys come from.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Own keys: PKCS#12, PEM or DER, with their certificates; files or folders
    #[arg(long, value_name = "PATH", help_heading = "Keys")]
    pub keys: Vec<PathBuf>,

    /// Passwords for the key files and for mail under a password, one a line, tried in order; a line FILE<TAB>PASSWORD is for that key file alone
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub passwords: Option<PathBuf>,

    /// The same from an open file descriptor
    #[arg(long, value_name = "N", help_heading = "Keys", hide_short_help = true)]
    pub password_fd: Option<i32>,

    /// A key that both sides share: its identifier in hexadecimal, and a file with the key, raw or in hexadecimal; may be repeated
    #[arg(
        long,
        value_name = "ID:FILE",
        help_heading = "Keys",
        hide_short_help = true
    )]
    pub kek: Vec<OsString>,

    /// Mail for a recipient that no certificate of yours names: its serial number or key identifier as in missing-keys.csv, and the identifier of the key to open it with as in `mailseal keys`; may be repeated
    #[arg(
        long,
        value_name = "ID:SKI",
        help_heading = "Keys",
        hide_short_help = true
    )]
    pub key_alias: Vec<String>,

    /// Leave content alone whose cipher only OpenSSL's legacy provider has: RC2, RC4, DES, CAST5, IDEA, SEED
    #[arg(long, help_heading = "Keys", hide_short_help = true)]
    pub no_legacy: bool,

    /// Rounds of key derivations that passwords may cost one message: with many passwords some are not tried (`kdf_limit`) [default: 20000000]
    #[arg(long, value_name = "N", help_heading = "Keys", hide_short_help = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub kdf_rounds: Option<u64>,

    /// Refuse key files that others can read; without it they are warned about
    #[arg(long, help_heading = "Keys", hide_short_help = true)]
    pub strict_perms: bool,

    /// Folder for the index of many key files [default: $XDG_CACHE_HOME/mailseal or ~/.cache/mailseal, from 256 files on]
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Keys",
        hide_short_help = true
    )]
    pub cache: Option<PathBuf>,

    /// Read every key file anew, and leave no index
    #[arg(
        long,
        help_heading = "Keys",
        hide_short_help = true,
        conflicts_with = "cache"
    )]
    pub no_cache: bool,
}

/// `mailseal keys`.
#[derive(Debug, Args)]
#[command(after_long_help = KEYS_EXAMPLES)]
pub struct KeysArgs {
    /// Key files: PKCS#12, PEM or DER; files or folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Passwords for the key files, one a line, tried in order; a line FILE<TAB>PASSWORD is for that file alone
    #[arg(long, value_name = "FILE")]
    pub passwords: Option<PathBuf>,

    /// The same from an open file descriptor
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub password_fd: Option<i32>,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,

    /// Folder for the index of many key files [default: $XDG_CACHE_HOME/mailseal or ~/.cache/mailseal, from 256 files on]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub cache: Option<PathBuf>,

    /// Read every key file anew, and leave no index
    #[arg(long, hide_short_help = true, conflicts_with = "cache")]
    pub no_cache: bool,

    /// No progress
    #[arg(short, long, hide_short_help = true)]
    pub quiet: bool,

    /// Worker threads; default: one for each core
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

const KEYS_EXAMPLES: &str = "\
Examples:
  mailseal keys keys/ --passwords passwords.txt
  mailseal keys alice.p12 bob.pem --json

Many files, each with a password of its own: lines of FILE<TAB>PASSWORD, FILE as a path or the end of one. Such a password is tried
on that file alone, so the time grows with the number of files, not with its square. A line whose FILE is none of them is a password.";
