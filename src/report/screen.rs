//! The summary on the terminal: one screen of 24 lines and 80 columns, the worst first. Gives lines; printing and colour are `cli`'s.

use crate::facts::axis::Decryption;
use crate::judge::status::Status;
use crate::judge::word::Word;
use crate::report::escape::fit;
use crate::report::summary::Summary;
use crate::report::tally::FirstPlace;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody must look at it.
    Bad,
    /// Not wrong, and not fully right.
    Notice,
    /// In order.
    Good,
    /// Neither.
    Plain,
}

/// One line of at most [`COLUMNS`] characters, without a line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For colour.
    pub severity: Severity,
    /// Without control or direction characters.
    pub text: String,
}

/// Lines of the summary at most, one less than a terminal has: the prompt takes the last.
pub const LINES: usize = 23;

/// Characters of a line at most.
pub const COLUMNS: usize = 80;

/// The summary of a run whose report is in `folder`. Never fails.
#[must_use]
pub fn lines(summary: &Summary<'_>, folder: &str) -> Vec<Line> {
    let (tally, sums) = (summary.tally(), summary.reconciliation());
    let mut head = Vec::new();
    let push = |lines: &mut Vec<Line>, severity, text: String| {
        lines.push(Line {
            severity,
            text: fit(&text, COLUMNS),
        });
    };
    push(
        &mut head,
        Severity::Plain,
        format!(
            "{} in {}, {} of them S/MIME, {} read",
            number(sums.messages, "message", "messages"),
            number(summary.inputs().total, "file", "files"),
            grouped(sums.smime_messages),
            size(sums.bytes)
        ),
    );
    push(&mut head, Severity::Plain, String::new());

    let mut tail = Vec::new();
    push(&mut tail, Severity::Plain, String::new());
    let (signatures, encrypted) = (&tally.signatures.verdict, &tally.encrypted.decryption);
    let good = signatures.of(&Word::Valid) + signatures.of(&Word::ValidAsClaimed);
    let decrypted = encrypted.of(&Decryption::Decrypted);
    let certificates = summary.certificates();
    for (name, total, part, what) in [
        (
            "signatures",
            signatures.total(),
            good,
            "good, see signatures.csv",
        ),
        (
            "encrypted layers",
            encrypted.total(),
            decrypted,
            "opened, see decryptions.csv",
        ),
        (
            "certificates",
            certificates.total,
            certificates.expired_now,
            "expired, see certificates.csv",
        ),
    ] {
        if total > 0 {
            let text = row(name, total, &format!("{} {what}", grouped(part)));
            push(&mut tail, Severity::Plain, text);
        }
    }
    if signatures.total() > 0 && summary.anchors().number == 0 {
        let text = "  no trust anchor: nothing can be valid; give some with --ca".to_owned();
        push(&mut tail, Severity::Notice, text);
    }
    let faults = tally.faults.total();
    if faults > 0 {
        let most = tally.faults.iter().max_by_key(|(_, times)| *times);
        let detail = match most {
            Some((code, times)) if times == faults => code.clone(),
            Some((code, times)) => format!("{code} {}, others", grouped(times)),
            None => String::new(),
        };
        let detail = fit(&detail, DETAIL - 16);
        let text = row("faults", faults, &format!("{detail}, see faults.csv"));
        push(&mut tail, Severity::Bad, text);
    }
    push(&mut tail, Severity::Plain, String::new());
    let shown = fit(folder, COLUMNS - 8);
    push(&mut tail, Severity::Plain, format!("Report: {shown}"));
    let worst = summary
        .tally()
        .first
        .iter()
        .find(|(status, _)| severity(**status) == Severity::Bad);
    if let Some((status, _)) = worst {
        let command = format!("jq -c 'select(.status == \"{}\")' ", status.as_str());
        let file = format!("{folder}/messages.jsonl");
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let fits = file.len() <= COLUMNS - 8 - command.len();
        // A command that was shortened, or that a shell reads otherwise, is worse than a file name alone.
        let file = if fits && file.chars().all(plain) {
            &file
        } else {
            "messages.jsonl"
        };
        push(
            &mut tail,
            Severity::Plain,
            format!("Look:   {command}{file}"),
        );
    }

    let mut body: Vec<Line> = Vec::new();
    let room = LINES - head.len() - tail.len();
    let statuses: Vec<_> = tally.messages.status.iter().collect();
    // Where not all have a line, the good ones are one sum; what else is left over is another, never added to it.
    let (good, wanting): (Vec<_>, Vec<_>) = statuses
        .iter()
        .copied()
        .partition(|(status, _)| is_good(**status));
    let (shown, left, good) = if statuses.len() <= room {
        (statuses.as_slice(), [].as_slice(), Vec::new())
    } else {
        let room = room - usize::from(!good.is_empty());
        let shown = if wanting.len() <= room {
            wanting.len()
        } else {
            room - 1
        };
        let (shown, left) = wanting.split_at(shown);
        (shown, left, good)
    };
    for (status, times) in shown {
        let first = summary.tally().first.get(*status);
        let severity = severity(**status);
        let detail = match first {
            Some(place) if severity == Severity::Bad || severity == Severity::Notice => {
                first_at(place)
            }
            _ => String::new(),
        };
        push(&mut body, severity, row(status.as_str(), *times, &detail));
    }
    if let Some(worst) = left.iter().map(|(status, _)| severity(**status)).min() {
        let sum = left.iter().map(|(_, times)| *times).sum();
        let text = row("(others)", sum, "need attention → summary.json");
        push(&mut body, worst, text);
    }
    if !good.is_empty() {
        let sum = good.iter().map(|(_, times)| *times).sum();
        push(
            &mut body,
            Severity::Good,
            row("(good)", sum, "→ summary.json"),
        );
    }
    [head, body, tail].concat()
}

/// Nobody needs to look at it.
fn is_good(status: Status) -> bool {
    status == Status::ValidAsClaimed
        || match severity(status) {
            Severity::Good | Severity::Plain => true,
            Severity::Bad | Severity::Notice => false,
        }
}

/// How a status is meant.
#[must_use]
pub fn severity(status: Status) -> Severity {
    match status {
        Status::Damaged
        | Status::DecryptFailed
        | Status::Malformed
        | Status::Altered
        | Status::SignatureBroken
        | Status::SignerUntrusted
        | Status::SignerRevoked
        | Status::WeakCrypto
        | Status::WrongSender
        | Status::NestedFailed => Severity::Bad,
        Status::NoKey
        | Status::Unsupported
        | Status::NoSigners
        | Status::NoCertificate
        | Status::SignerNotYetValid
        | Status::SignerExpired
        | Status::RevocationUnknown
        | Status::SenderNotComparable
        | Status::PartlySigned
        | Status::ValidAsClaimed => Severity::Notice,
        Status::Valid | Status::Decrypted => Severity::Good,
        Status::CertsOnly | Status::Compressed | Status::NotSmime => Severity::Plain,
    }
}

/// Characters of the third column.
const DETAIL: usize = COLUMNS - 2 - 21 - 1 - 13 - 2;

fn row(name: &str, count: u64, detail: &str) -> String {
    let text = format!(
        "  {name:<21} {:>13}  {}",
        grouped(count),
        fit(detail, DETAIL)
    );
    text.trim_end().to_owned()
}

fn first_at(place: &FirstPlace) -> String {
    let offset = format!("#{}", place.offset);
    format!(
        "first: {}{offset}",
        fit(&place.path, DETAIL.saturating_sub(7 + offset.len()))
    )
}

pub(in crate::report) fn number(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with commas between its thousands.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the decimal unit that leaves one to three digits before the point.
fn size(bytes: u64) -> String {
    let (mut whole, mut tenth) = (bytes, 0);
    for unit in ["B", "kB", "MB", "GB", "TB", "PB"] {
        if whole < 1000 {
            return if unit == "B" {
                format!("{whole} B")
            } else {
                format!("{whole}.{tenth} {unit}")
            };
        }
        tenth = whole % 1000 / 100;
        whole /= 1000;
    }
    format!("{whole} EB")
}
