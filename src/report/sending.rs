//! The summary of a run that sends mail, on the terminal: one screen. Gives lines; printing and colour are `cli`'s.

use crate::report::escape::fit;
use crate::report::screen::{COLUMNS, Line, Severity, grouped, number};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Messages read.
    pub messages: u64,
    /// Messages in the output.
    pub written: u64,
    /// Files in the output.
    pub files: u64,
    /// Messages that are sent.
    pub sent: u64,
    /// Messages that are not.
    pub refused: u64,
    /// Messages that are signed or encrypted already.
    pub skipped: u64,
    /// Files without mail, links, pipes and such.
    pub left_out: u64,
    /// Mail was not read, or not all of it.
    pub incomplete: u64,
}

/// The lines; `done` is what was done to messages that are sent. Never fails.
#[must_use]
pub fn lines(sums: &Sums, done: &str, folder: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut push = |severity, text: String| {
        lines.push(Line {
            severity,
            text: fit(&text, COLUMNS),
        });
    };
    push(
        Severity::Plain,
        number(sums.messages, "message", "messages"),
    );
    push(Severity::Plain, String::new());
    let row = |name: &str, count: u64, detail: &str| {
        let text = format!("  {name:<21} {:>13}  {detail}", grouped(count));
        text.trim_end().to_owned()
    };
    for (severity, name, count, detail) in [
        (
            Severity::Bad,
            "not read in full",
            sums.incomplete,
            "see manifest.jsonl",
        ),
        (
            Severity::Bad,
            "refused",
            sums.refused,
            "not written; why: refused.csv",
        ),
        (
            Severity::Notice,
            "left as they are",
            sums.skipped,
            "signed or encrypted already, not written: skipped.csv",
        ),
        (Severity::Good, done, sums.sent, ""),
        (Severity::Plain, "other files", sums.left_out, "not written"),
    ] {
        if count > 0 {
            push(severity, row(name, count, detail));
        }
    }
    push(Severity::Plain, String::new());
    let written = format!(
        "{} in {}: {folder}/data",
        number(sums.written, "message", "messages"),
        number(sums.files, "file", "files")
    );
    push(Severity::Plain, written);
    lines
}
