//! `mailseal decrypt` and `mailseal check` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};

/// `mailseal decrypt`.
#[derive(Debug, Args)]
#[command(after_long_help = DECRYPT_EXAMPLES)]
pub struct DecryptArgs {
    /// Archives: mbox, Maildir, folders of .eml, single messages, each also as .gz or .zst; never written
    #[arg(required_unless_present = "resume", value_name = "ARCHIVE")]
    pub archives: Vec<PathBuf>,

    /// Folder to make: a BagIt bag, the plaintext archive below its data/
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["resume", "count"])]
    pub output: Option<PathBuf>,

    /// Go on with an interrupted run; its arguments are remembered, give no others
    #[arg(
        long,
        value_name = "DIR.partial",
        exclusive = true,
        hide_short_help = true
    )]
    pub resume: Option<PathBuf>,

    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// Decrypt nothing; print which keys would open what stays closed, and how much (as missing-keys.csv of a report). Needs no key
    #[arg(long, help_heading = "Keys")]
    pub count: bool,

    /// Decrypt only what an AEAD cipher or a valid inner signature vouches for
    #[arg(long, help_heading = "Messages", hide_short_help = true)]
    pub require_integrity: bool,

    /// Decrypt encrypted parts beside other parts, too, each by itself
    #[arg(long, help_heading = "Messages", hide_short_help = true)]
    pub allow_partial: bool,

    /// Trust anchors: only signers whom they vouch for may give a message another From
    #[arg(
        long,
        value_name = "PATH",
        help_heading = "Messages",
        hide_short_help = true
    )]
    pub ca: Vec<PathBuf>,

    /// More certificates for paths; not trusted by themselves
    #[arg(
        long,
        value_name = "PATH",
        help_heading = "Messages",
        hide_short_help = true
    )]
    pub certs: Vec<PathBuf>,

    /// Leave protected header fields inside, do not restore them outside
    #[arg(long, help_heading = "Messages", hide_short_help = true)]
    pub keep_outer_headers: bool,

    /// Take valid signatures inside off, too; what they said is in the manifest
    #[arg(long, help_heading = "Messages", hide_short_help = true)]
    pub unwrap_signed: bool,

    /// Where it is said what was done to a message: a header field, or the manifest alone
    #[arg(long, value_enum, value_name = "PLACE", default_value_t = Provenance::Header, help_heading = "Messages", hide_short_help = true)]
    pub provenance: Provenance,

    /// Write mbox files in this variant; without it in the one they have
    #[arg(
        long,
        value_enum,
        value_name = "VARIANT",
        help_heading = "Output",
        hide_short_help = true
    )]
    pub mbox_format: Option<MboxFormat>,

    /// Sign the bag: a PKCS#12 file with key and certificate
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        hide_short_help = true
    )]
    pub sign_manifest: Option<PathBuf>,

    /// Say what would be done, and write nothing
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,

    /// Replace an existing bag of mailseal
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub force: bool,

    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,

    /// How the run behaves.
    #[command(flatten)]
    pub run: RunArgs,
}

const DECRYPT_EXAMPLES: &str = "\
Examples:
  mailseal decrypt mail.mbox -o plain --keys keys/ --passwords passwords.txt --dry-run
  mailseal decrypt mail.mbox -o plain --keys keys/ --passwords passwords.txt
  mailseal decrypt ~/Maildir old.mbox.gz -o plain --keys me.p12 --require-integrity
  mailseal decrypt mail.mbox -o plain --keys keys/ --sign-manifest me.p12
  mailseal decrypt mail.mbox --count
  mailseal decrypt --resume plain.partial
  mailseal check plain --source mail.mbox

The result: plain/data/mail.mbox, plain/manifest.jsonl, plain/undecrypted.csv. Verify a signed bag with
  openssl cms -verify -binary -inform DER -in plain/tagmanifest-sha256.txt.p7s \\
    -content plain/tagmanifest-sha256.txt -CAfile roots.pem -purpose any -out /dev/null";

/// `--provenance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Provenance {
    /// One field in the message's header.
    Header,
    /// The manifest alone.
    Sidecar,
}

/// `--mbox-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MboxFormat {
    /// mboxo
    O,
    /// mboxrd
    Rd,
    /// mboxcl
    Cl,
    /// mboxcl2
    Cl2,
}

/// `mailseal check`.
#[derive(Debug, Args)]
#[command(after_long_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// A bag written by `decrypt`
    #[arg(value_name = "DIR")]
    pub bag: PathBuf,

    /// The archives that it was made of, in the same order
    #[arg(long, value_name = "ARCHIVE")]
    pub source: Vec<PathBuf>,

    /// Only the exit code
    #[arg(short, long)]
    pub quiet: bool,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  mailseal check plain
  mailseal check plain --source mail.mbox

Exit codes: 0 everything is as the manifest says · 1 something is not · 5 could not be read";
