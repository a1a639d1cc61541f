//! `mailseal lint` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `mailseal lint`.
#[derive(Debug, Args)]
#[command(after_long_help = LINT_EXAMPLES)]
pub struct LintArgs {
    /// Certificates in PEM, DER or PKCS #7, folders of them, and reports of `audit`
    #[arg(required_unless_present = "rules", value_name = "FILE|DIR|REPORT")]
    pub paths: Vec<PathBuf>,

    /// List the rules, and look at nothing
    #[arg(long, conflicts_with_all = ["paths", "fail_on", "publicly_trusted"])]
    pub rules: bool,

    /// One JSON object a line, for every certificate (or rule)
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,

    /// A table with a row for every finding (or rule)
    #[arg(long)]
    pub csv: bool,

    /// No apostrophe before a cell that a spreadsheet would take for a formula
    #[arg(long, requires = "csv", hide_short_help = true)]
    pub csv_raw: bool,

    /// Hold the S/MIME Baseline Requirements against every mail certificate and authority, not only against those that claim them
    #[arg(long)]
    pub publicly_trusted: bool,

    /// End with 1 where a finding of this level or above is there
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<FailOn>,

    /// Worker threads; default: one for each core
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Levels of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// What a clause forbids
    Must,
    /// Also what a clause advises against
    Should,
    /// The same as should
    Any,
}

const LINT_EXAMPLES: &str = "\
Examples:
  mailseal lint alice.pem
  mailseal lint report/ --csv > findings.csv
  mailseal lint certificates/ --publicly-trusted --fail-on must
  mailseal lint --rules";
