//! The command line as typed.

pub mod audit;
pub mod decrypt;
pub mod encrypt;
pub mod evidence;
pub mod explain;
pub mod harvest;
pub mod keys;
pub mod lint;
pub mod machine;
pub mod policy;
pub mod sign;
pub mod store;

use clap::{Parser, Subcommand};

use crate::cli::args::audit::{AuditArgs, JudgeArgs};
use crate::cli::args::decrypt::{CheckArgs, DecryptArgs};
use crate::cli::args::encrypt::EncryptArgs;
use crate::cli::args::explain::{ExplainArgs, ExtractArgs};
use crate::cli::args::harvest::HarvestArgs;
use crate::cli::args::keys::KeysArgs;
use crate::cli::args::lint::LintArgs;
use crate::cli::args::policy::PolicyArgs;
use crate::cli::args::sign::SignArgs;
use crate::cli::args::store::StoreArgs;

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
mail is still encrypted, was refused, or a bag is not as it was · 2 usage · 3 finished but incomplete \
(something could not be read) · 4 internal fault · 5 could not start or finish · 130 interrupted, with how to resume";

/// One for each request.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read archives, check every S/MIME message, write a report
    Audit(AuditArgs),
    /// Judge again from the facts that a report keeps: other anchors, CRLs, policy or time, without the archive
    Judge(JudgeArgs),
    /// Collect the certificates in archives, and what the mail says about each; verifies no mail
    Harvest(HarvestArgs),
    /// List what is in key files: whose keys, their identifiers, which password opens them, what is wrong
    Keys(KeysArgs),
    /// Turn encrypted archives into plaintext ones of the same form, with a manifest that proves what was done
    Decrypt(DecryptArgs),
    /// Hold a decrypted archive against its manifest, and against its source
    Check(CheckArgs),
    /// Sign mail, a whole archive at a time, each message with the key of its sender
    Sign(SignArgs),
    /// Encrypt mail, a whole archive at a time, to the certificates that a store has of its recipients
    Encrypt(EncryptArgs),
    /// Say what a word of a report means, or tell the story of one message
    Explain(ExplainArgs),
    /// Take a message and all evidence for its verdict out of a report's archive, with a script for openssl
    Extract(ExtractArgs),
    /// Hold certificates against the S/MIME Baseline Requirements and the RFCs
    Lint(LintArgs),
    /// Print what is weak or broken, and since when: the table in force, in the form that --policy takes
    Policy(PolicyArgs),
    /// Keep keys, certificates, evidence about them and decisions between runs, in one file
    Store(StoreArgs),
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
