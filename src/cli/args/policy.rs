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

/// What paths must show of certificate policies.
#[derive(Clone, Debug, Default, Args)]
pub struct PathPolicyArgs {
    /// A path must be valid for this certificate policy (RFC 5280 §6.1), as 2.23.140.1.5.2.3; repeated: for one of them
    #[arg(long, value_name = "OID", value_parser = policy_oid, help_heading = "Judging", hide_short_help = true)]
    pub require_policy: Vec<String>,

    /// No authority may map one certificate policy to another
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub inhibit_policy_mapping: bool,

    /// anyPolicy in a certificate stands for no other policy
    #[arg(long, help_heading = "Judging", hide_short_help = true)]
    pub inhibit_any_policy: bool,
}

/// Numbers with dots, as X.660 has them: the first at most 2, the second below 40 under the first two.
fn policy_oid(text: &str) -> Result<String, String> {
    let wrong = || "give an object identifier such as 2.23.140.1.5.2.3".to_owned();
    let is_number = |arc: &&str| {
        let digits = !arc.is_empty() && arc.len() <= 20 && arc.bytes().all(|c| c.is_ascii_digit());
        digits && (*arc == "0" || !arc.starts_with('0'))
    };
    let arcs: Vec<&str> = text.split('.').collect();
    let [first, second, ..] = arcs.as_slice() else {
        return Err(wrong());
    };
    let begins = match *first {
        "0" | "1" => second.parse().is_ok_and(|second: u64| second < 40),
        "2" => true,
        _ => false,
    };
    if !begins || arcs.len() > 64 || !arcs.iter().all(is_number) {
        return Err(wrong());
    }
    Ok(text.to_owned())
}

const EXAMPLES: &str = "\
Each row: algorithm,key_bits_below,weak_since,broken_since,source. Times are always, never, or a day; removed in both takes the \
built-in row away.

Examples:
  mailseal policy > mine.csv
  mailseal policy --policy mine.csv";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_object_identifiers() {
        for right in ["2.23.140.1.5.2.3", "1.3.6.1", "2.999", "0.0"] {
            assert_eq!(policy_oid(right).as_deref(), Ok(right));
        }
        for wrong in [
            "",
            "2",
            "3.1",
            "1.40",
            "2..1",
            "2.1.",
            "2.01",
            "anyPolicy",
            "2.-1",
        ] {
            assert!(policy_oid(wrong).is_err(), "{wrong}");
        }
    }
}
