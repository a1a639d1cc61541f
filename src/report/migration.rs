//! The summary of a migration on the terminal: one screen, the worst first. Gives lines; printing and colour are `cli`'s.

use crate::report::escape::fit;
use crate::report::screen::{COLUMNS, Line, Severity, grouped, number};

/// Reasons that have a line of their own, that of the others included: with all else, 24 lines.
const REASONS_SHOWN: usize = 9;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums<'a> {
    /// Messages read.
    pub messages: u64,
    /// Files in the output.
    pub files: u64,
    /// Messages replaced by their plaintext.
    pub decrypted: u64,
    /// Of them: nothing authenticates the plaintext.
    pub without_integrity: u64,
    /// Messages that were not encrypted.
    pub not_encrypted: u64,
    /// Messages stored in another variant.
    pub converted: u64,
    /// Messages that stay encrypted, by reason, the worst first.
    pub kept: Vec<(&'a str, u64)>,
    /// Messages over the limit, copied unread.
    pub skipped: u64,
    /// Links, pipes and such.
    pub left_out: u64,
    /// Mail was not read, or not all of it.
    pub incomplete: u64,
    /// Files of the source that came, went, grew or were written while the run went on.
    pub unsettled: u64,
}

/// The lines. Never fails.
#[must_use]
pub fn lines(sums: &Sums<'_>, folder: &str, rehearsed: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut push = |severity, text: String| {
        lines.push(Line {
            severity,
            text: fit(&text, COLUMNS),
        });
    };
    let still: u64 = sums.kept.iter().map(|(_, count)| count).sum();
    let head = format!(
        "{} in {}",
        number(sums.messages, "message", "messages"),
        number(sums.files, "file", "files")
    );
    push(Severity::Plain, head);
    push(Severity::Plain, String::new());
    let row = |name: &str, count: u64, detail: &str| {
        let text = format!("  {name:<21} {:>13}  {detail}", grouped(count));
        text.trim_end().to_owned()
    };
    if sums.incomplete > 0 {
        push(
            Severity::Bad,
            row("not read in full", sums.incomplete, "see manifest.jsonl"),
        );
    }
    if sums.unsettled > 0 {
        let detail = "of them: the source was not left alone";
        push(
            Severity::Bad,
            row("came, went, changed", sums.unsettled, detail),
        );
    }
    if sums.skipped > 0 {
        push(
            Severity::Bad,
            row("over the limit", sums.skipped, "copied unread"),
        );
    }
    let kept: Vec<_> = sums.kept.iter().filter(|(_, count)| *count > 0).collect();
    let named = if kept.len() > REASONS_SHOWN {
        REASONS_SHOWN - 1
    } else {
        kept.len()
    };
    let (named, rest) = kept.split_at_checked(named).unwrap_or((&kept, &[]));
    for (reason, count) in named {
        push(Severity::Bad, row(reason, *count, explain(reason)));
    }
    if !rest.is_empty() {
        let count = rest.iter().map(|(_, count)| count).sum();
        push(
            Severity::Bad,
            row("other reasons", count, "all are in undecrypted.csv"),
        );
    }
    if sums.without_integrity > 0 {
        push(
            Severity::Notice,
            row(
                "without integrity",
                sums.without_integrity,
                "decrypted; nothing vouches for it",
            ),
        );
    }
    if sums.left_out > 0 {
        push(
            Severity::Notice,
            row("left out", sums.left_out, "links, pipes, unreadable files"),
        );
    }
    push(Severity::Good, row("decrypted", sums.decrypted, ""));
    if sums.converted > 0 {
        push(
            Severity::Plain,
            row("converted", sums.converted, "another mbox variant"),
        );
    }
    push(
        Severity::Plain,
        row("not encrypted", sums.not_encrypted, "copied byte for byte"),
    );
    push(Severity::Plain, String::new());
    let shown = fit(folder, COLUMNS - 20);
    if rehearsed {
        push(Severity::Plain, "Dry run: nothing was written.".to_owned());
    } else {
        push(Severity::Plain, format!("Bag:    {shown}"));
        push(Severity::Plain, format!("Prove:  mailseal check {shown}"));
        if still > 0 {
            push(Severity::Plain, format!("Look:   {shown}/undecrypted.csv"));
        }
    }
    lines
}

fn explain(reason: &str) -> &'static str {
    match reason {
        "no_key" => "no key for any recipient",
        "key_locked" => "its key file did not open: --passwords",
        "kdf_limit" => "passwords left untried: --kdf-rounds",
        "decrypt_failed" => "a key fits, and then it fails",
        "damaged" => "says it is encrypted, can't be read",
        "unsupported" => "an algorithm that is not supported",
        "no_integrity" => "nothing vouches for it",
        "encrypted_subpart" => "beside other parts: --allow-partial",
        "not_representable" => "mbox variant: try --mbox-format rd",
        "file_changed" => "written meanwhile: run again",
        "panic" => "a fault of ours; please tell us",
        _ => "copied as it is",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_everything_fits_a_screen() {
        let sums = Sums {
            messages: 1_234_567,
            files: 3,
            decrypted: 1,
            without_integrity: 1,
            not_encrypted: 2,
            converted: 1,
            kept: (0..15).map(|_| ("no_key", 7)).collect(),
            skipped: 1,
            left_out: 1,
            incomplete: 1,
            unsettled: 1,
        };
        let lines = lines(&sums, &"x".repeat(200), false);
        assert!(lines.len() <= 24, "{}", lines.len());
        assert!(lines.iter().any(|line| {
            line.text.contains("other reasons")
                && line
                    .text
                    .contains(&(7 * (15 + 1 - REASONS_SHOWN)).to_string())
        }));
        assert!(
            lines
                .iter()
                .all(|line| line.text.chars().count() <= COLUMNS)
        );
        let bad = lines.iter().position(|line| line.severity == Severity::Bad);
        let good = lines
            .iter()
            .position(|line| line.severity == Severity::Good);
        assert!(bad < good);
        assert!(lines[0].text.starts_with("1,234,567 messages"));
    }
}
