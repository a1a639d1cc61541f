//! `mailseal policy` as typed.

use std::path::PathBuf;

use clap::Args;

/// `mailseal policy`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct PolicyArgs {
    /// Rows over the built-in table, as audit and judge take them
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Each row: algorithm,key_bits_below,weak_since,broken_since,source. Times are always, never, or a day; removed in both takes the \
built-in row away.

Examples:
  mailseal policy > mine.csv
  mailseal policy --policy mine.csv";
