//! The strength policy as a file: `--policy`.
//!
//! A table in CSV (RFC 4180) with the columns of [`COLUMNS`] in that order; lines that begin with `#` are comments. Its rows lie over
//! those of the built-in table, which `src/manual/policy.csv` shows in this form: one with the same algorithm and bits takes the place of
//! that row, or with `removed` in both columns of times takes it away; others are added; what the file does not name stays.

use std::borrow::Cow;

use jiff::civil;
use jiff::tz::Offset;

use crate::crypto::cipher_algorithm::CipherAlgorithm;
use crate::crypto::digest::{DigestAlgorithm, sha256};
use crate::judge::policy::{Change, ChangeKind, RULES, Rule, Since, Subject, Table};

/// The columns: what is rated; the bits below which a key is; since when it is weak and broken (`always`, `never`, or a day as
/// 2017-02-23; `removed` in both takes the built-in row away); who says so.
pub const COLUMNS: &str = "algorithm,key_bits_below,weak_since,broken_since,source";

/// What is wrong with a policy file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: PolicyErrorKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyErrorKind {
    /// The first line is not [`COLUMNS`].
    Columns,
    /// A row has not five cells, or a quote is not closed.
    Cells,
    /// An algorithm that is not known.
    Algorithm,
    /// Bits where there must be none, or none where there must be some.
    Bits,
    /// Neither `always`, `never` nor a day.
    Since,
    /// `removed` in one of two columns, or of a row that the built-in table has not.
    Removed,
    /// An earlier row has the same algorithm and bits.
    Twice,
    /// It is not UTF-8.
    Text,
}

impl PolicyErrorKind {
    /// What is wrong and what would be right.
    #[must_use]
    pub fn problem(self) -> &'static str {
        match self {
            Self::Columns => {
                "the first line must be algorithm,key_bits_below,weak_since,broken_since,source"
            }
            Self::Cells => "a row has five cells; a cell with a comma stands in quotes",
            Self::Algorithm => {
                "this algorithm is not known. Give a digest or cipher by the name that the report has for it, rsa, dsa, ec, \
                 cipher, or rsa-exponent-N"
            }
            Self::Bits => "rsa, dsa, ec and cipher need key_bits_below, and nothing else has it",
            Self::Since => "since when is always, never, or a day such as 2017-02-23",
            Self::Removed => {
                "removed stands in both columns of times, and for a row of the built-in table with the same algorithm and \
                 key_bits_below; `mailseal policy` lists them"
            }
            Self::Twice => "an earlier row is for the same algorithm and key_bits_below",
            Self::Text => "it is not UTF-8",
        }
    }
}

/// The table in force with this file: its rows over the built-in ones. A byte order mark in front of it does not count.
///
/// # Errors
/// The first line that can't be understood: nothing is passed over.
pub fn read(bytes: &[u8]) -> Result<Table, PolicyError> {
    let text = std::str::from_utf8(bytes).map_err(|error| PolicyError {
        line: lines(bytes.get(..error.valid_up_to()).unwrap_or_default()) + 1,
        kind: PolicyErrorKind::Text,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = Table {
        rules: RULES.to_vec(),
        changes: Vec::new(),
        sha256: sha256(bytes),
    };
    let mut seen: Vec<Subject> = Vec::new();
    let mut columns = false;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let error = |kind| PolicyError {
            line: line_number,
            kind,
        };
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if !columns {
            if line != COLUMNS {
                return Err(error(PolicyErrorKind::Columns));
            }
            columns = true;
            continue;
        }
        let (subject, rule) = row(line).map_err(error)?;
        if seen.contains(&subject) {
            return Err(error(PolicyErrorKind::Twice));
        }
        seen.push(subject.clone());
        let kind = lay_over(&mut table.rules, &subject, rule).map_err(error)?;
        table.changes.extend(kind.map(|kind| Change {
            subject,
            kind,
            line: line_number,
        }));
    }
    if !columns {
        return Err(PolicyError {
            line: 1,
            kind: PolicyErrorKind::Columns,
        });
    }
    Ok(table)
}

/// Puts a row over the rules, or with None takes its subject's away; what that changed.
fn lay_over(
    rules: &mut Vec<Rule>,
    subject: &Subject,
    row: Option<Rule>,
) -> Result<Option<ChangeKind>, PolicyErrorKind> {
    let place = rules.iter().position(|rule| rule.subject == *subject);
    let known = place.and_then(|place| rules.get_mut(place));
    Ok(match (known, row) {
        (None, None) => return Err(PolicyErrorKind::Removed),
        (None, Some(row)) => {
            rules.push(row);
            Some(ChangeKind::Added)
        }
        (Some(_), None) => {
            rules.retain(|rule| rule.subject != *subject);
            Some(ChangeKind::Removed)
        }
        (Some(known), Some(row)) => {
            let same = (known.weak, known.broken) == (row.weak, row.broken);
            *known = row;
            (!same).then_some(ChangeKind::Replaced)
        }
    })
}

/// Rules as a file; [`read`] gives them back where they are more than the built-in ones.
#[must_use]
pub fn text(rules: &[Rule]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for rule in rules {
        let (algorithm, bits) = rule.subject.cells();
        let bits = bits.map(|bits| bits.to_string()).unwrap_or_default();
        let (weak, broken) = (since_text(rule.weak), since_text(rule.broken));
        let source = rule.source.replace('"', "\"\"");
        text.push_str(&format!(
            "{algorithm},{bits},{weak},{broken},\"{source}\"\n"
        ));
    }
    text
}

/// The table in force for whoever wants to read it: the rules as a file, and before them as comments what differs from the
/// built-in ones.
#[must_use]
pub fn in_force(table: Option<&Table>) -> String {
    let Some(table) = table else {
        return format!("# The built-in table.\n{}", text(RULES));
    };
    let mut out = match table.changes.is_empty() {
        true => "# The built-in table: no row of the file differs.\n".to_owned(),
        false => "# The built-in table, but for these rows of the file:\n".to_owned(),
    };
    for change in &table.changes {
        let (algorithm, bits) = change.subject.cells();
        let bits = bits.map(|bits| format!(",{bits}")).unwrap_or_default();
        let (line, kind) = (change.line, change.kind.as_str());
        out.push_str(&format!("# line {line}: {algorithm}{bits} {kind}\n"));
    }
    out + &text(&table.rules)
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|octet| **octet == b'\n').count()
}

/// The cells of one line; None where a quote is not closed, or text stands behind one.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (cell, behind) = rest.split_at_checked(end)?;
                (cell.trim().to_owned(), behind)
            }
        };
        cells.push(cell);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Some(cells),
            None => return None,
        }
    }
}

/// What stands before the closing quote, and what behind it.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let (piece, behind) = rest.split_once('"')?;
        cell.push_str(piece);
        match behind.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Some((cell, behind)),
        }
    }
}

/// What a row speaks of, and its rule; None where it takes the built-in one away.
fn row(line: &str) -> Result<(Subject, Option<Rule>), PolicyErrorKind> {
    let cells = cells(line).ok_or(PolicyErrorKind::Cells)?;
    let [algorithm, bits, weak, broken, source] = cells.as_slice() else {
        return Err(PolicyErrorKind::Cells);
    };
    let subject = subject(algorithm, bits)?;
    let rule = match (weak.as_str(), broken.as_str()) {
        (REMOVED, REMOVED) => None,
        (REMOVED, _) | (_, REMOVED) => return Err(PolicyErrorKind::Removed),
        (weak, broken) => Some(Rule {
            subject: subject.clone(),
            weak: since(weak)?,
            broken: since(broken)?,
            source: Cow::Owned(source.clone()),
        }),
    };
    Ok((subject, rule))
}

/// In both columns of times: the built-in row does not hold, on purpose.
const REMOVED: &str = "removed";

fn subject(algorithm: &str, bits: &str) -> Result<Subject, PolicyErrorKind> {
    let below = || bits.parse::<u32>().map_err(|_| PolicyErrorKind::Bits);
    match algorithm {
        "rsa" => return Ok(Subject::RsaBelow(below()?)),
        "dsa" => return Ok(Subject::DsaBelow(below()?)),
        "ec" => return Ok(Subject::EcBelow(below()?)),
        "cipher" => return Ok(Subject::CipherBelow(below()?)),
        _ => {}
    }
    let exponent = algorithm
        .strip_prefix("rsa-exponent-")
        .and_then(|exponent| exponent.parse().ok());
    let digest = DigestAlgorithm::ALL
        .iter()
        .find(|digest| digest.name() == algorithm);
    let cipher = CipherAlgorithm::ALL
        .iter()
        .find(|cipher| cipher.name() == algorithm);
    let subject = match (exponent, digest, cipher) {
        (Some(exponent), _, _) => Subject::RsaExponent(exponent),
        (None, Some(digest), _) => Subject::Digest(Cow::Borrowed(digest.name())),
        (None, None, Some(cipher)) => Subject::Cipher(Cow::Borrowed(cipher.name())),
        (None, None, None) => return Err(PolicyErrorKind::Algorithm),
    };
    if !bits.is_empty() {
        return Err(PolicyErrorKind::Bits);
    }
    Ok(subject)
}

fn since(text: &str) -> Result<Since, PolicyErrorKind> {
    match text {
        "always" => return Ok(Since::Always),
        "never" => return Ok(Since::Never),
        _ => {}
    }
    let day: civil::Date = text.parse().map_err(|_| PolicyErrorKind::Since)?;
    let start = Offset::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .map_err(|_| PolicyErrorKind::Since)?;
    Ok(Since::From(start.as_second()))
}

fn since_text(since: Since) -> String {
    match since {
        Since::Always => "always".to_owned(),
        Since::Never => "never".to_owned(),
        Since::From(seconds) => {
            let instant = jiff::Timestamp::from_second(seconds).unwrap_or_default();
            Offset::UTC.to_datetime(instant).date().to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read_back_from_its_file() {
        let table = read(text(RULES).as_bytes()).unwrap();
        assert_eq!((table.rules, table.changes), (RULES.to_vec(), Vec::new()));
        let shown = in_force(None);
        assert_eq!(read(shown.as_bytes()).unwrap().rules, RULES);
    }

    /// `src/manual/policy.csv` is what a user starts from.
    #[test]
    fn the_manual_has_the_built_in_table() {
        let table = read(include_bytes!("../manual/policy.csv")).unwrap();
        assert_eq!((table.rules, table.changes), (RULES.to_vec(), Vec::new()));
        let shown = include_str!("../manual/policy.csv");
        let rows = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(rows(shown), rows(&text(RULES)), "no row is missing");
    }

    /// What a file does not name stays as it is: a row that somebody forgot makes no algorithm strong.
    #[test]
    fn a_file_lies_over_the_built_in_table() {
        let file = format!(
            "\u{feff}{COLUMNS}\r\n\
             sha256,,2024-01-01,never,mine\r\n\
             sha1,,always,always,mine\r\n\
             rsa,2048,removed,removed,old cards\r\n\
             md5,,always,always,the same\r\n"
        );
        let table = read(file.as_bytes()).unwrap();
        let kinds: Vec<_> = table
            .changes
            .iter()
            .map(|change| (change.subject.cells().0, change.kind, change.line))
            .collect();
        assert_eq!(
            kinds,
            [
                ("sha256".into(), ChangeKind::Added, 2),
                ("sha1".into(), ChangeKind::Replaced, 3),
                ("rsa".into(), ChangeKind::Removed, 4),
            ]
        );
        assert_eq!(table.rules.len(), RULES.len());
        let rule = |subject: Subject| table.rules.iter().find(|rule| rule.subject == subject);
        let digest = |name| rule(Subject::Digest(Cow::Borrowed(name)));
        assert_eq!(digest("sha1").unwrap().broken, Since::Always);
        assert_eq!(digest("md2"), RULES.first());
        assert!(rule(Subject::RsaBelow(1024)).is_some());
        assert!(rule(Subject::RsaBelow(2048)).is_none());
        let shown = in_force(Some(&table));
        assert!(shown.contains("# line 4: rsa,2048 removed\n"), "{shown}");
        assert!(!shown.contains("\nrsa,2048,"), "{shown}");
    }

    #[test]
    fn nothing_is_passed_over() {
        let row = |row: &str| read(format!("# mine\n{COLUMNS}\n\n{row}\n").as_bytes());
        let good = row("sha1,,2011-01-01,2017-02-23,\"SHAttered, \"\"first\"\"\"").unwrap();
        let rule = good
            .rules
            .iter()
            .find(|rule| rule.subject == Subject::Digest(Cow::Borrowed("sha1")));
        let rule = rule.unwrap();
        assert_eq!(rule.broken, Since::From(1_487_808_000));
        assert_eq!(rule.source, "SHAttered, \"first\"");
        for (text, kind) in [
            ("sha9,,always,never,x", PolicyErrorKind::Algorithm),
            ("rsa,,always,never,x", PolicyErrorKind::Bits),
            ("rsa,-1,always,never,x", PolicyErrorKind::Bits),
            ("sha1,160,always,never,x", PolicyErrorKind::Bits),
            ("sha1,,,never,x", PolicyErrorKind::Since),
            ("sha1,,2011,never,x", PolicyErrorKind::Since),
            ("sha1,,always,2017-02-30,x", PolicyErrorKind::Since),
            ("sha1,,always,never", PolicyErrorKind::Cells),
            ("sha1,,always,never,x,y", PolicyErrorKind::Cells),
            ("sha1,,always,never,\"x", PolicyErrorKind::Cells),
            ("sha1,,always,never,\"x\"y", PolicyErrorKind::Cells),
            ("rsa-exponent-x,,always,never,x", PolicyErrorKind::Algorithm),
            ("sha1,,removed,never,x", PolicyErrorKind::Removed),
            ("sha1,,never,removed,x", PolicyErrorKind::Removed),
            ("rsa,1536,removed,removed,x", PolicyErrorKind::Removed),
        ] {
            assert_eq!(row(text), Err(PolicyError { line: 4, kind }), "{text}");
        }
        let twice = "rsa,2048,always,never,x\nrsa,1024,never,never,x\nrsa,2048,never,never,x";
        let kind = PolicyErrorKind::Twice;
        assert_eq!(row(twice), Err(PolicyError { line: 6, kind }));
        let columns = PolicyError {
            line: 1,
            kind: PolicyErrorKind::Columns,
        };
        for text in ["", "algorithm,weak\n", "sha1,,always,never,x\n"] {
            assert_eq!(read(text.as_bytes()), Err(columns), "{text}");
        }
        let broken = read(b"# a\n# \xff\n").unwrap_err();
        assert_eq!((broken.line, broken.kind), (2, PolicyErrorKind::Text));
    }
}
