//! `mailseal store` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `mailseal store`.
#[derive(Debug, Args)]
#[command(after_long_help = STORE_EXAMPLES)]
pub struct StoreArgs {
    /// The store [default: $XDG_DATA_HOME/mailseal/store.db or ~/.local/share/mailseal/store.db]
    #[arg(long, value_name = "FILE", global = true)]
    pub store: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
}

const STORE_EXAMPLES: &str = "\
Examples:
  mailseal store add roots.pem crls/ keys/alice.p12 --passwords passwords.txt
  mailseal store import report
  mailseal store list --undecided
  mailseal store show alice@example.com
  mailseal store export alice@example.com -o alice.pem";

/// One for each request.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Take certificates, revocation lists and OCSP responses, and note where key files are; nothing is trusted by that
    Add(AddArgs),
    /// Take the certificates of a report, what mail told of them, and what it brought about revocation; nothing is trusted by that
    Import(ImportArgs),
    /// List keys, authorities, other certificates, revocation lists, OCSP responses
    List(ListArgs),
    /// Which certificate to encrypt to for an address, and why; or everything about one certificate
    Show(ShowArgs),
    /// Trust authorities; of another certificate: confirm that it is the one for its addresses
    Trust(DecideArgs),
    /// Never use certificates, whoever vouches for them
    Distrust(DecideArgs),
    /// Take out certificates, revocation lists and OCSP responses by their SHA-256, key files by their path
    Remove(RemoveArgs),
    /// Write certificates, or revocation lists and OCSP responses, as PEM
    Export(ExportArgs),
}

/// `mailseal store add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Certificates, revocation lists, OCSP responses, PKCS #7 bundles, key files; files or folders
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Passwords for the key files, one a line, tried in order; they are not kept
    #[arg(long, value_name = "FILE")]
    pub passwords: Option<PathBuf>,

    /// The same from an open file descriptor
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub password_fd: Option<i32>,
}

/// `mailseal store import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Reports of `audit`, `judge` or `harvest`
    #[arg(required = true, value_name = "REPORT")]
    pub reports: Vec<PathBuf>,
}

/// What a row can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Own keys, by the files that they are in.
    Key,
    /// Certificates of authorities.
    Authority,
    /// All other certificates.
    Certificate,
    /// Revocation lists.
    Crl,
    /// OCSP responses.
    Ocsp,
}

/// `mailseal store list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only certificates that claim this address
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,

    /// Only this; may be repeated
    #[arg(long, value_enum)]
    pub kind: Vec<Kind>,

    /// Authorities that mail brought and nobody decided about
    #[arg(long, conflicts_with_all = ["kind", "address"])]
    pub undecided: bool,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `mailseal store show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An address, or the first 8 or more digits of a certificate's SHA-256
    #[arg(required = true, value_name = "ADDRESS|SHA256")]
    pub names: Vec<String>,

    /// The time to choose at, as 2026-01-31T00:00:00Z or 2026-01-31
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// Nothing is used without an answer about revocation
    #[arg(long)]
    pub require_revocation: bool,

    /// Let revocation lists and OCSP responses from mail answer "good", too
    #[arg(long)]
    pub trust_embedded: bool,

    /// Use what has this against it, too; may be repeated
    #[arg(long, value_name = "REASON")]
    pub allow: Vec<String>,

    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `mailseal store trust` and `distrust`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The first 8 or more digits of a certificate's SHA-256
    #[arg(required = true, value_name = "SHA256")]
    pub names: Vec<String>,

    /// Why; kept with the time
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub note: String,

    /// Take the decision back: the certificate stays, as material
    #[arg(long)]
    pub undo: bool,
}

/// `mailseal store remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The first 8 or more digits of a SHA-256, or the path of a key file
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `mailseal store export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Addresses, or the first 8 or more digits of a certificate's SHA-256; without any, all certificates
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// What is trusted
    #[arg(long, conflicts_with_all = ["names", "distrusted", "crls"])]
    pub trusted: bool,

    /// What is distrusted
    #[arg(long, conflicts_with_all = ["names", "crls"])]
    pub distrusted: bool,

    /// Revocation lists and OCSP responses
    #[arg(long, alias = "ocsp", conflicts_with = "names")]
    pub crls: bool,

    /// The file to write to, which must not be there; without it, standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
