//! `mailseal audit` and `mailseal judge` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::evidence::EvidenceArgs;
use crate::cli::args::keys::KeyArgs;
use crate::cli::args::machine::{ReadingArgs, RunArgs};
use crate::cli::args::policy::PathPolicyArgs;

/// `mailseal audit`.
#[derive(Debug, Args)]
#[command(after_long_help = AUDIT_EXAMPLES)]
pub struct AuditArgs {
    /// Archives: mbox, Maildir, folders of .eml, single messages, each also as .gz or .zst; "-" is standard input
    #[arg(required_unless_present = "resume", value_name = "ARCHIVE")]
    pub archives: Vec<PathBuf>,

    /// Folder to write the report to
    #[arg(short, long, value_name = "DIR", required_unless_present = "resume")]
    pub output: Option<PathBuf>,

    /// Go on with an interrupted run; its arguments are remembered, give no others but -q and --threads
    #[arg(
        long,
        value_name = "DIR.partial",
        conflicts_with_all = ["archives", "output", "keys", "passwords", "password_fd", "kek", "key_alias", "no_legacy", "kdf_rounds", "strict_perms", "cache",
            "no_cache", "ca", "certs", "crl", "store", "at", "require_revocation", "trust_embedded", "trust_received", "assert_time",
            "use_file_time", "policy", "require_policy", "inhibit_policy_mapping", "inhibit_any_policy", "model", "signers", "fail_on", "force", "subjects",
            "csv_raw", "all", "hash_inputs", "max_message", "memory"],
        hide_short_help = true
    )]
    pub resume: Option<PathBuf>,

    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// How to judge.
    #[command(flatten)]
    pub judging: JudgingArgs,

    /// What to write.
    #[command(flatten)]
    pub writing: WritingArgs,

    /// A record for every message, S/MIME or not
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub all: bool,

    /// SHA-256 of every input file in inputs.csv
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub hash_inputs: bool,

    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

const AUDIT_EXAMPLES: &str = "\
Examples:
  mailseal audit mail.mbox -o report
  mailseal audit ~/Maildir archive.mbox.gz -o report --ca roots.pem --crl crls/
  mailseal audit old-mail/ -o report --ca roots.pem --keys keys/ --passwords passwords.txt
  mailseal audit list.mbox -o report --kek 6c697374:list.key
  zcat mail.mbox.gz | mailseal audit - -o report
  mailseal audit --resume report.partial";

/// `mailseal judge`.
#[derive(Debug, Args)]
#[command(after_long_help = JUDGE_EXAMPLES)]
pub struct JudgeArgs {
    /// A report written by `audit`
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,

    /// Folder to write the new report to
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// How to judge.
    #[command(flatten)]
    pub judging: JudgingArgs,

    /// What to write.
    #[command(flatten)]
    pub writing: WritingArgs,
}

const JUDGE_EXAMPLES: &str = "\
Examples:
  mailseal judge report/ -o report2 --ca other-roots.pem
  mailseal judge report/ -o report-2020 --ca roots.pem --at 2020-01-01T00:00:00Z
  mailseal judge report/ -o report3 --ca roots.pem --trust-received mx.example.com";

/// Options that decide verdicts.
#[derive(Debug, Args)]
pub struct JudgingArgs {
    /// Trust anchors: PEM or DER certificates, bundles, folders
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub ca: Vec<PathBuf>,

    /// More certificates for paths; not trusted by themselves
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub certs: Vec<PathBuf>,

    /// Revocation lists and OCSP responses: PEM or DER, files or folders
    #[arg(long, alias = "ocsp", value_name = "PATH", help_heading = "Judging")]
    pub crl: Vec<PathBuf>,

    /// A store (see `mailseal store`): what it trusts are anchors, its certificates and lists help; what it distrusts is no anchor
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub store: Option<PathBuf>,

    /// The clock "now", as 2026-01-31T00:00:00Z or 2026-01-31
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub at: Option<String>,

    /// Nothing is valid without an answer about revocation
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub require_revocation: bool,

    /// Let revocation lists and OCSP responses found in mail answer "good", too
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub trust_embedded: bool,

    /// Who is believed about times.
    #[command(flatten)]
    pub evidence: EvidenceArgs,

    /// Rows over the built-in table of what is weak or broken, and since when; `mailseal policy` prints the table in force
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub policy: Option<PathBuf>,

    /// What paths must show of certificate policies.
    #[command(flatten)]
    pub path_policies: PathPolicyArgs,

    /// When the certificates of a path must be valid
    #[arg(long, value_enum, default_value_t = ValidationModel::Shell, help_heading = "Judging", hide_short_help = true)]
    pub model: ValidationModel,

    /// Which of a layer's signers count
    #[arg(long, value_enum, default_value_t = Signers::All, help_heading = "Judging", hide_short_help = true)]
    pub signers: Signers,

    /// Exit with 1 if a message has this status; may be repeated. "any": every status but valid, decrypted, certs_only, compressed, not_smime
    #[arg(
        long,
        value_name = "STATUS",
        help_heading = "Judging",
        hide_short_help = true
    )]
    pub fail_on: Vec<String>,
}

/// `--model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValidationModel {
    /// All at the time asked about (RFC 5280).
    Shell,
    /// The signer's at that time, each authority's when it issued the certificate below it.
    Chain,
}

/// `--signers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Signers {
    /// The worst counts.
    All,
    /// The best counts.
    Any,
}

/// Options about the output.
#[derive(Debug, Args)]
pub struct WritingArgs {
    /// Replace an existing report
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub force: bool,

    /// Subjects in messages.jsonl
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub subjects: bool,

    /// No ' in front of cells that a spreadsheet would take for a formula
    #[arg(long, help_heading = "Report", hide_short_help = true)]
    pub csv_raw: bool,

    /// How the run behaves.
    #[command(flatten)]
    pub run: RunArgs,
}
