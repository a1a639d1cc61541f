//! What `mailseal explain` prints: a text for every word of a report, and the story of one message.
//!
//! The texts are data: `manual/explain/*.md`, with the meanings that `manual/findings.md` and `manual/verdicts.md` have already, so
//! that each stands in one place. A test holds them against every value that there is.

pub mod near;

pub mod story;

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The text about a word on one or several axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The word, as the report has it.
    pub word: &'static str,
    /// The axes that have it with this meaning.
    pub axes: Vec<&'static str>,
    /// What it means.
    pub means: &'static str,
    /// How it comes about without anybody's bad will.
    pub harmless: &'static str,
    /// How it comes about with it.
    pub dangerous: &'static str,
    /// How to check it without mailseal; commands stand in backticks.
    pub check: &'static str,
    /// Standard and section.
    pub clause: &'static str,
}

/// The files of the texts.
const FILES: [&str; 7] = [
    include_str!("../manual/explain/verdicts.md"),
    include_str!("../manual/explain/signatures.md"),
    include_str!("../manual/explain/trust.md"),
    include_str!("../manual/explain/encryption.md"),
    include_str!("../manual/explain/recipients.md"),
    include_str!("../manual/explain/findings-mail.md"),
    include_str!("../manual/explain/findings-cms.md"),
];

/// The checks that the texts name.
const CHECKS: &str = include_str!("../manual/explain/checks.md");

/// Tables that have meanings, each with the axes whose words it has and the line that begins it.
const MEANINGS: [(&[&str], &str, &str); 2] = [
    (
        &["finding", "fault"],
        include_str!("../manual/findings.md"),
        "| code | what",
    ),
    (
        &["verdict"],
        include_str!("../manual/verdicts.md"),
        "| word | when |",
    ),
];

/// Columns of a line.
const COLUMNS: usize = 98;

/// Columns of the label in front of a part.
const INDENT: usize = 12;

/// Every text, in the order of the files. Never fails: what a file lacks is an empty part, which a test finds.
#[must_use]
pub fn texts() -> Vec<Text> {
    let checks: BTreeMap<&str, &str> = sections(CHECKS)
        .map(|(name, body)| (name, body.trim()))
        .collect();
    let mut all = Vec::new();
    for file in FILES {
        all.extend(sections(file).map(|(heading, body)| text(heading, body, &checks)));
    }
    all
}

/// The texts about a word; for an indication of ETSI its second half is enough. Empty where there is none.
#[must_use]
pub fn find(word: &str) -> Vec<Text> {
    let mut found = texts();
    found.retain(|text| {
        let half = text.word.split_once('/').map(|(_, half)| half);
        text.word.eq_ignore_ascii_case(word)
            || half.is_some_and(|half| half.eq_ignore_ascii_case(word))
    });
    found
}

/// The text for people: its parts, and each command on a line of its own. Never fails.
#[must_use]
pub fn show(text: &Text) -> String {
    let mut out = format!("{}  ({})\n", text.word, text.axes.join(", "));
    for (label, part) in [
        ("Means", text.means),
        ("Harmless", text.harmless),
        ("Dangerous", text.dangerous),
        ("By hand", text.check),
        ("Clause", text.clause),
    ] {
        let mut label = label;
        for (piece, is_command) in pieces(part) {
            if is_command {
                // Writing to a String never fails.
                let _ = writeln!(out, "{:INDENT$}  {piece}", "");
                continue;
            }
            for line in wrapped(piece) {
                let _ = writeln!(out, "  {label:<width$}{line}", width = INDENT - 2);
                label = "";
            }
        }
    }
    out
}

/// All words by axis, for `mailseal explain` alone. Never fails.
#[must_use]
pub fn list() -> String {
    let mut axes: Vec<(&str, Vec<&str>)> = Vec::new();
    for text in texts() {
        for axis in text.axes {
            match axes.iter_mut().find(|(name, _)| *name == axis) {
                Some((_, words)) => words.push(text.word),
                None => axes.push((axis, vec![text.word])),
            }
        }
    }
    let mut out = String::new();
    for (axis, words) in axes {
        let _ = writeln!(out, "{axis}");
        let mut line = String::from(" ");
        for word in words {
            if line.len() + 1 + word.len() > COLUMNS {
                let _ = writeln!(out, "{line}");
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(word);
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The commands in a text.
pub fn commands(part: &'static str) -> impl Iterator<Item = &'static str> {
    pieces(part)
        .into_iter()
        .filter(|(_, is_command)| *is_command)
        .map(|(piece, _)| piece)
}

/// Headings of the third level with what is below each.
fn sections(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.split("\n### ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap_or((section, "")))
}

fn text(
    heading: &'static str,
    body: &'static str,
    checks: &BTreeMap<&'static str, &'static str>,
) -> Text {
    let (word, axes) = heading.split_once(" · ").unwrap_or((heading, ""));
    let word = word.trim_matches('`');
    let axes: Vec<&str> = axes.split(", ").collect();
    let part = |name: &str| {
        body.lines()
            .find_map(|line| {
                line.strip_prefix("- ")?
                    .strip_prefix(name)?
                    .strip_prefix(": ")
            })
            .unwrap_or_default()
    };
    let means = match part("means") {
        "" => meaning(word, &axes),
        means => means,
    };
    let check = part("check");
    Text {
        word,
        axes,
        means,
        harmless: part("harmless"),
        dangerous: part("dangerous"),
        check: match check.starts_with('@') {
            true => checks.get(check).copied().unwrap_or_default(),
            false => check,
        },
        clause: part("clause"),
    }
}

/// What the manual's tables say of a word.
fn meaning(word: &str, axes: &[&str]) -> &'static str {
    for (of, file, begin) in MEANINGS {
        if !of.iter().any(|axis| axes.contains(axis)) {
            continue;
        }
        let mut inside = false;
        for line in file.lines() {
            inside = line.starts_with(begin) || (inside && line.starts_with('|'));
            if !inside {
                continue;
            }
            let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
            let is_it = cells
                .next()
                .and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
                == Some(word);
            if let (true, Some(meaning)) = (is_it, cells.next()) {
                return meaning;
            }
        }
    }
    ""
}

/// Programs that the checks use: what stands in backticks and begins with one is a command.
const PROGRAMS: [&str; 4] = ["openssl", "grep", "head", "sed"];

/// A text cut at its commands.
fn pieces(part: &'static str) -> Vec<(&'static str, bool)> {
    let mut all = Vec::new();
    let mut rest = part;
    let mut prose = rest;
    let mut at = 0;
    while let Some((before, behind)) = rest.split_once('`') {
        let Some((quoted, after)) = behind.split_once('`') else {
            break;
        };
        let is_command = PROGRAMS.iter().any(|program| {
            quoted
                .strip_prefix(program)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        at += before.len() + quoted.len() + 2;
        if is_command {
            let said = prose
                .get(..at - quoted.len() - 2)
                .unwrap_or_default()
                .trim();
            if !said.is_empty() {
                all.push((said, false));
            }
            all.push((quoted, true));
            prose = after.trim_start_matches([',', ';', '.']);
            at = 0;
            rest = prose;
        } else {
            rest = after;
        }
    }
    if !prose.trim().is_empty() {
        all.push((prose.trim(), false));
    }
    all
}

/// A text in lines that fit behind the label.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMNS - INDENT {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_on_lines_of_their_own() {
        let cut = pieces("Look: `grep -n x y`, then `valid` or `openssl version`. Done.");
        assert_eq!(
            cut,
            [
                ("Look:", false),
                ("grep -n x y", true),
                ("then `valid` or", false),
                ("openssl version", true),
                ("Done.", false)
            ]
        );
        let text = find("altered").remove(0);
        let shown = show(&text);
        assert!(
            shown.contains("\n              openssl dgst -sha256 content-1-1.bin\n"),
            "{shown}"
        );
        assert!(
            shown.lines().all(|line| line.chars().count() <= 220),
            "{shown}"
        );
    }

    #[test]
    fn meanings_come_from_the_manuals_tables() {
        assert_eq!(
            find("altered").remove(0).means,
            "the content is not what was signed"
        );
        assert!(
            find("work_budget")
                .remove(0)
                .means
                .starts_with("Checking all")
        );
        assert!(
            find("folder_missing")
                .remove(0)
                .means
                .starts_with("A Maildir")
        );
    }

    #[test]
    fn half_of_an_indication_is_enough() {
        assert_eq!(
            find("hash_failure").remove(0).word,
            "TOTAL-FAILED/HASH_FAILURE"
        );
    }
}
