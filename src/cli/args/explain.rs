//! `mailseal explain` and `mailseal extract` as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::keys::KeyArgs;

/// `mailseal explain`.
#[derive(Debug, Args)]
#[command(after_long_help = EXPLAIN_EXAMPLES)]
pub struct ExplainArgs {
    /// A word of a report; without any: all of them. With MESSAGE: a report's folder
    #[arg(value_name = "WORD|REPORT")]
    pub what: Option<OsString>,

    /// One message of the report: its Message-ID, FILE#OFFSET as the report has it, or the beginning of its SHA-256
    #[arg(value_name = "MESSAGE")]
    pub message: Option<String>,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  mailseal explain
  mailseal explain altered
  mailseal explain report '<1f2e@example.com>'
  mailseal explain report inbox.mbox#9139";

/// `mailseal extract`.
#[derive(Debug, Args)]
#[command(after_long_help = EXTRACT_EXAMPLES)]
pub struct ExtractArgs {
    /// A report written by `audit` or `judge`
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,

    /// One of its messages: its Message-ID, FILE#OFFSET as the report has it, or the beginning of its SHA-256
    #[arg(value_name = "MESSAGE")]
    pub message: String,

    /// Folder to make
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// The archives that were audited, in the same order; without it as run.json has them, from here
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Vec<PathBuf>,

    /// The trust anchors of the report; without it as run.json has them
    #[arg(long, value_name = "PATH")]
    pub ca: Vec<PathBuf>,

    /// Its other certificates; without it as run.json has them
    #[arg(long, value_name = "PATH")]
    pub certs: Vec<PathBuf>,

    /// Its revocation lists; without it as run.json has them
    #[arg(long, value_name = "PATH")]
    pub crl: Vec<PathBuf>,

    /// The store of the report; without it as run.json has it
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,

    /// The keys: with them encrypted layers are opened, and their plaintext is written.
    #[command(flatten)]
    pub keys: KeyArgs,
}

const EXTRACT_EXAMPLES: &str = "\
Examples:
  mailseal extract report inbox.mbox#9139 -o evidence
  mailseal extract report '<1f2e@example.com>' -o evidence --archive mail/ --ca roots.pem
  mailseal extract report 3b0c44298fc1 -o evidence --keys keys/ --passwords passwords.txt

Then: sh evidence/verify.sh";
