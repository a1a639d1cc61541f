//! The strength policy as a file: `--policy`.
//!
//! A table in CSV (RFC 4180) with the columns of [`COLUMNS`] in that order; lines that begin with `#` are comments. It takes the
//! place of the built-in table as a whole, which `src/manual/policy.csv` shows in this form.

use std::borrow::Cow;

use jiff::civil;
use jiff::tz::Offset;

use crate::crypto::cipher_algorithm::CipherAlgorithm;
use crate::crypto::digest::DigestAlgorithm;
use crate::judge::policy::{Rule, Since, Subject};

/// The columns: what is rated; the bits below which a key is; since when it is weak and broken (`always`, `never`, or a day as
/// 2017-02-23); who says so.
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
            Self::Text => "it is not UTF-8",
        }
    }
}

/// The rules of a file, in its order.
///
/// # Errors
/// The first line that can't be understood: nothing is passed over.
pub fn read(bytes: &[u8]) -> Result<Vec<Rule>, PolicyError> {
    let text = std::str::from_utf8(bytes).map_err(|error| PolicyError {
        line: lines(bytes.get(..error.valid_up_to()).unwrap_or_default()) + 1,
        kind: PolicyErrorKind::Text,
    })?;
    let mut rules = Vec::new();
    let mut columns = false;
    for (index, line) in text.lines().enumerate() {
        let error = |kind| PolicyError {
            line: index + 1,
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
        let cells = cells(line).ok_or_else(|| error(PolicyErrorKind::Cells))?;
        let [algorithm, bits, weak, broken, source] = cells.as_slice() else {
            return Err(error(PolicyErrorKind::Cells));
        };
        rules.push(Rule {
            subject: subject(algorithm, bits).map_err(error)?,
            weak: since(weak).map_err(error)?,
            broken: since(broken).map_err(error)?,
            source: Cow::Owned(source.clone()),
        });
    }
    if !columns {
        return Err(PolicyError {
            line: 1,
            kind: PolicyErrorKind::Columns,
        });
    }
    Ok(rules)
}

/// Rules as a file; [`read`] gives them back.
#[must_use]
pub fn text(rules: &[Rule]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for rule in rules {
        let (algorithm, bits) = match &rule.subject {
            Subject::Digest(name) | Subject::Cipher(name) => (name.to_string(), None),
            Subject::RsaBelow(bits) => ("rsa".to_owned(), Some(bits)),
            Subject::DsaBelow(bits) => ("dsa".to_owned(), Some(bits)),
            Subject::EcBelow(bits) => ("ec".to_owned(), Some(bits)),
            Subject::CipherBelow(bits) => ("cipher".to_owned(), Some(bits)),
            Subject::RsaExponent(exponent) => (format!("rsa-exponent-{exponent}"), None),
        };
        let bits = bits.map(u32::to_string).unwrap_or_default();
        let (weak, broken) = (since_text(rule.weak), since_text(rule.broken));
        let source = rule.source.replace('"', "\"\"");
        text.push_str(&format!(
            "{algorithm},{bits},{weak},{broken},\"{source}\"\n"
        ));
    }
    text
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
    use crate::judge::policy::RULES;

    #[test]
    fn the_built_in_table_is_read_back_from_its_file() {
        assert_eq!(read(text(RULES).as_bytes()), Ok(RULES.to_vec()));
    }

    /// `src/manual/policy.csv` is what a user starts from.
    #[test]
    fn the_manual_has_the_built_in_table() {
        let shown = include_bytes!("../manual/policy.csv");
        assert_eq!(read(shown), Ok(RULES.to_vec()));
    }

    #[test]
    fn nothing_is_passed_over() {
        let row = |row: &str| read(format!("# mine\n{COLUMNS}\n\n{row}\n").as_bytes());
        let good = row("sha1,,2011-01-01,2017-02-23,\"SHAttered, \"\"first\"\"\"").unwrap();
        let [rule] = good.as_slice() else {
            panic!("{good:?}");
        };
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
        ] {
            assert_eq!(row(text), Err(PolicyError { line: 4, kind }), "{text}");
        }
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
