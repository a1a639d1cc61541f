//! What `mailseal keys` prints: a row for each key, certificate or useless file.

use serde::Serialize;

use crate::asn1::Time;
use crate::error::RunError;
use crate::report::columns;
use crate::report::encode::Instant;
use crate::report::escape;

/// One row. What is not known is an empty text or None.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// The file, as given or below the folder given.
    pub file: String,
    /// `pkcs12`, `pem`, `der`, `other`.
    pub kind: &'static str,
    /// `key`, `certificate`, or `nothing` for a file that nothing could be had from.
    pub holds: &'static str,
    /// RFC 4514 text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The addresses that the certificate speaks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// RFC 4514 text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Lower-case hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Subject key identifier, lower-case hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ski: String,
    /// The first second of validity.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub not_before: Option<Time>,
    /// The last second of validity.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub not_after: Option<Time>,
    /// Number of the password that opened the file, `empty`, `none needed`, or `none fits`.
    pub password: String,
    /// What is wrong with the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
}

/// The columns of the table.
pub const COLUMNS: [&str; 12] = [
    "file",
    "kind",
    "holds",
    "subject",
    "addresses",
    "issuer",
    "serial",
    "ski",
    "not_before",
    "not_after",
    "password",
    "problem",
];

/// Characters of a cell; of a longer one the middle is left out, and the JSON form has all of it.
const CELL_CHARS: usize = 64;

/// The rows with their header, columns aligned. Control and direction characters are written out, so that a name in a certificate moves
/// nothing on the terminal. Never fails.
#[must_use]
pub fn table(rows: &[KeyRow]) -> String {
    let mut lines: Vec<Vec<String>> = vec![COLUMNS.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(cells));
    columns::aligned(&lines)
}

fn cells(row: &KeyRow) -> Vec<String> {
    let time = |time: Option<Time>| {
        time.map_or_else(String::new, |time| {
            String::from_utf8_lossy(&time.rfc3339()).into_owned()
        })
    };
    let texts = [
        row.file.clone(),
        row.kind.to_owned(),
        row.holds.to_owned(),
        row.subject.clone(),
        row.addresses.join(" "),
        row.issuer.clone(),
        row.serial.clone(),
        row.ski.clone(),
        time(row.not_before),
        time(row.not_after),
        row.password.clone(),
        row.problem.clone(),
    ];
    let empty = |text: &String| text.is_empty();
    let shown = |text: String| {
        if empty(&text) {
            "-".to_owned()
        } else {
            escape::fit(&text, CELL_CHARS)
        }
    };
    texts.into_iter().map(shown).collect()
}

/// One JSON object a line.
///
/// # Errors
/// `Internal`; no row has what JSON can't say.
pub fn json(rows: &[KeyRow]) -> Result<Vec<u8>, RunError> {
    let mut out = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut out, row).map_err(|_| RunError::Internal {
            what: "a row of keys can't be written as JSON",
        })?;
        out.push(b'\n');
    }
    Ok(out)
}

#[expect(clippy::ref_option, reason = "serde's way of calling")]
fn instant<S: serde::Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Instant).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_steers_the_terminal() {
        let row = |file: &str, subject: &str| KeyRow {
            file: file.to_owned(),
            kind: "pem",
            holds: "key",
            subject: subject.to_owned(),
            password: "2".to_owned(),
            not_after: Time::from_unix(0),
            ..KeyRow::default()
        };
        let rows = [row("a", "CN=\u{1b}[2J"), row("long name", "CN=x")];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(!table.contains('\u{1b}'), "{table}");
        let at: Vec<_> = lines.iter().map(|line| line.find("-  ")).collect();
        assert_eq!(lines[1].find("CN="), lines[2].find("CN="), "{at:?}");
        assert!(lines[1].contains("1970-01-01T00:00:00Z  2"), "{table}");
        let text = String::from_utf8(json(&rows).unwrap()).unwrap();
        assert!(text.lines().next().unwrap().contains(r"CN=\u001b[2J"));
        assert!(text.contains(r#""not_after":"1970-01-01T00:00:00Z","password":"2"}"#));
    }
}
