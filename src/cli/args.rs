//! The command line as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Audits mail archives: which S/MIME signatures hold, what could be decrypted, which certificates are in it.
#[derive(Debug, Parser)]
#[command(name = "mailseal", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 finished · 1 finished, and --fail-on was met, \
mail is still encrypted, or a bag is not as it was · 2 usage · 3 finished but incomplete \
(something could not be read) · 4 internal fault · 5 could not start or finish · 130 interrupted, with how to resume";

/// One for each request.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read archives, check every S/MIME message, write a report
    Audit(AuditArgs),
    /// Judge again from the facts that a report keeps: other anchors, CRLs, policy or time, without the archive
    Judge(JudgeArgs),
    /// List what is in key files: whose keys, their identifiers, which password opens them, what is wrong
    Keys(KeysArgs),
    /// Turn encrypted archives into plaintext ones of the same form, with a manifest that proves what was done
    Decrypt(DecryptArgs),
    /// Hold a decrypted archive against its manifest, and against its source
    Check(CheckArgs),
}

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

    /// No progress, no summary
    #[arg(short, long, help_heading = "Output", hide_short_help = true)]
    pub quiet: bool,

    /// Copy and list messages larger than this without reading them
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Machine", hide_short_help = true)]
    pub max_message: Option<u64>,

    /// Mail held in memory at a time
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "128M", help_heading = "Machine", hide_short_help = true)]
    pub memory: u64,

    /// Worker threads; default: one for each core
    #[arg(long, value_name = "N", help_heading = "Machine", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
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

/// Where own keys come from.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Own keys: PKCS#12, PEM or DER, with their certificates; files or folders
    #[arg(long, value_name = "PATH", help_heading = "Keys")]
    pub keys: Vec<PathBuf>,

    /// Passwords for the key files and for mail under a password, one a line, tried in order
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

    /// Leave content alone whose cipher only OpenSSL's legacy provider has: RC2, RC4, DES, CAST5, IDEA, SEED
    #[arg(long, help_heading = "Keys", hide_short_help = true)]
    pub no_legacy: bool,

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
        conflicts_with_all = ["archives", "output", "keys", "passwords", "password_fd", "kek", "no_legacy", "strict_perms", "cache",
            "no_cache", "ca", "certs", "crl", "at", "require_revocation", "trust_embedded", "signers", "fail_on", "force", "subjects",
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

    /// Skip and list messages larger than this
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Machine", hide_short_help = true)]
    pub max_message: Option<u64>,

    /// Mail held in memory at a time
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "128M", help_heading = "Machine", hide_short_help = true)]
    pub memory: u64,
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
  mailseal judge report/ -o report-2020 --ca roots.pem --at 2020-01-01T00:00:00Z";

/// `mailseal keys`.
#[derive(Debug, Args)]
#[command(after_long_help = KEYS_EXAMPLES)]
pub struct KeysArgs {
    /// Key files: PKCS#12, PEM or DER; files or folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Passwords for the key files, one a line, tried in order
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
  mailseal keys alice.p12 bob.pem --json";

/// Options that decide verdicts.
#[derive(Debug, Args)]
pub struct JudgingArgs {
    /// Trust anchors: PEM or DER certificates, bundles, folders
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub ca: Vec<PathBuf>,

    /// More certificates for paths; not trusted by themselves
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub certs: Vec<PathBuf>,

    /// Revocation lists: PEM or DER, files or folders
    #[arg(long, value_name = "PATH", help_heading = "Judging")]
    pub crl: Vec<PathBuf>,

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

    /// Let revocation lists found in mail answer "good", too
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub trust_embedded: bool,

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

    /// No progress, no summary
    #[arg(short, long, help_heading = "Report", hide_short_help = true)]
    pub quiet: bool,

    /// Worker threads; default: one for each core
    #[arg(long, value_name = "N", help_heading = "Machine", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// A size: digits and an optional K, M or G (powers of 1024).
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text}: give a number of bytes, such as 900, 64K, 512M or 2G");
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (text.get(..at), 10),
        Some((at, 'm' | 'M')) => (text.get(..at), 20),
        Some((at, 'g' | 'G')) => (text.get(..at), 30),
        Some(_) | None => (Some(text), 0),
    };
    let number: u64 = digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(wrong)?;
    number
        .checked_mul(1 << shift)
        .filter(|size| *size > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn besides_resume_only_what_changes_no_report_may_stand() {
        let command = Cli::command();
        let audit = command.find_subcommand("audit").unwrap();
        let resume = audit.get_arguments().find(|one| one.get_id() == "resume");
        let against = audit.get_arg_conflicts_with(resume.unwrap());
        let allowed: Vec<_> = audit
            .get_arguments()
            .filter(|one| !against.iter().any(|other| other.get_id() == one.get_id()))
            .map(|one| one.get_id().as_str())
            .collect();
        assert_eq!(allowed, ["resume", "quiet", "threads"]);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("900"), Ok(900));
        assert_eq!(bytes("64K"), Ok(65_536));
        assert_eq!(bytes("2g"), Ok(2 << 30));
        for wrong in ["", "K", "-1", "1T", "99999999999G", "0"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
