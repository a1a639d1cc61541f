//! What `mailseal lint` prints: findings by certificate, and the table of rules; as text, JSON and CSV.

use serde::Serialize;

use crate::asn1::Time;
use crate::error::RunError;
use crate::pki::lint::{Broken, Level, Rule, rules};
use crate::report::csv::{Cells, Row, header};
use crate::report::encode::{Hex, Instant};
use crate::report::escape;

/// The code for what can't be read as a certificate at all: no rule's.
pub const UNREADABLE: &str = "certificate-unreadable";

/// A certificate and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintRow {
    /// The file, as given or below the folder given, and the certificate's number in it, from 1.
    pub place: String,
    /// Of the certificate.
    #[serde(serialize_with = "digest")]
    pub sha256: [u8; 32],
    /// RFC 4514 text.
    pub subject: String,
    /// Lower-case hexadecimal.
    pub serial: String,
    /// The first second of validity: rules are held against it that were in force then.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub not_before: Option<Time>,
    /// `root`, `subordinate`, `subscriber`; empty where the certificate can't be read.
    pub kind: &'static str,
    /// `mailbox`, `organization`, `sponsor`, `individual`, `not_claimed`, `conflict`.
    pub profile: &'static str,
    /// `legacy`, `multipurpose`, `strict`, or empty.
    pub generation: &'static str,
    /// The Baseline Requirements were held against it.
    pub bound: bool,
    /// In the order of the table of rules.
    pub findings: Vec<LintFinding>,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    /// How strongly its clause speaks.
    pub level: Level,
    /// Its name.
    pub code: &'static str,
    /// What was found.
    pub found: String,
    /// The clause.
    pub source: &'static str,
    /// What the clause demands.
    pub demand: &'static str,
    /// zlint's names for it.
    pub zlint: Vec<&'static str>,
    /// pkilint's names for it.
    pub pkilint: Vec<&'static str>,
}

impl From<Broken> for LintFinding {
    fn from(broken: Broken) -> Self {
        Self {
            level: broken.rule.level,
            code: broken.rule.code,
            found: broken.found.into_owned(),
            source: broken.rule.source,
            demand: broken.rule.demand,
            zlint: broken.rule.zlint().collect(),
            pkilint: broken.rule.pkilint().collect(),
        }
    }
}

impl LintRow {
    /// What stands where a certificate should.
    #[must_use]
    pub fn unreadable(place: &str, sha256: &[u8; 32]) -> Self {
        Self {
            place: place.to_owned(),
            sha256: *sha256,
            subject: String::new(),
            serial: String::new(),
            not_before: None,
            kind: "",
            profile: "",
            generation: "",
            bound: false,
            findings: vec![LintFinding {
                level: Level::Must,
                code: UNREADABLE,
                found: "it can't be read as a certificate".to_owned(),
                source: "RFC 5280 §4.1",
                demand: "a certificate has the fields of its definition",
                zlint: Vec::new(),
                pkilint: Vec::new(),
            }],
        }
    }
}

/// What all rows add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LintTotals {
    /// Certificates looked at, each once.
    pub certificates: u64,
    /// Those with a finding.
    pub with_findings: u64,
    /// Findings of level `must`.
    pub must: u64,
    /// Findings of level `should`.
    pub should: u64,
    /// What could not be read as a certificate.
    pub unreadable: u64,
}

impl LintTotals {
    /// Counts a row.
    pub fn add(&mut self, row: &LintRow) {
        self.certificates += 1;
        self.with_findings += u64::from(!row.findings.is_empty());
        for finding in &row.findings {
            match finding.level {
                Level::Must => self.must += 1,
                Level::Should => self.should += 1,
            }
            self.unreadable += u64::from(finding.code == UNREADABLE);
        }
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let plural = if self.certificates == 1 {
            "certificate"
        } else {
            "certificates"
        };
        format!(
            "{} {plural}, {} with findings: {} must, {} should\n",
            self.certificates, self.with_findings, self.must, self.should
        )
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LintForm {
    /// For people: certificates with findings.
    Text,
    /// One object a line, for every certificate.
    Json,
    /// A row for every finding.
    Csv(Cells),
}

/// The columns of the findings' table.
pub const COLUMNS: &[&str] = &[
    "place",
    "sha256",
    "subject",
    "serial",
    "not_before",
    "kind",
    "profile",
    "generation",
    "level",
    "code",
    "found",
    "source",
    "zlint",
    "pkilint",
];

/// The columns of the rules' table.
pub const RULE_COLUMNS: &[&str] = &[
    "code", "level", "since", "source", "demand", "zlint", "pkilint",
];

/// What stands before the first row.
#[must_use]
pub fn start(form: LintForm) -> Vec<u8> {
    let mut out = Vec::new();
    if let LintForm::Csv(_) = form {
        header(COLUMNS, &mut out);
    }
    out
}

/// One certificate.
///
/// # Errors
/// `Internal`; no row has what JSON can't say.
pub fn row(row: &LintRow, form: LintForm) -> Result<Vec<u8>, RunError> {
    let mut out = Vec::new();
    match form {
        LintForm::Text => out.extend_from_slice(text(row).as_bytes()),
        LintForm::Json => json(row, &mut out)?,
        LintForm::Csv(cells) => {
            for finding in &row.findings {
                csv(row, finding, cells, &mut out);
            }
        }
    }
    Ok(out)
}

/// The table of rules.
///
/// # Errors
/// `Internal`; no rule has what JSON can't say.
pub fn table(form: LintForm) -> Result<Vec<u8>, RunError> {
    let mut out = Vec::new();
    match form {
        LintForm::Text => {
            for rule in rules() {
                let since = since(rule);
                let line = format!(
                    "{:<44} {:<6} {:<10}  {}: {}\n",
                    rule.code,
                    rule.level.as_str(),
                    since,
                    rule.source,
                    rule.demand
                );
                out.extend_from_slice(line.as_bytes());
                for id in rule.same {
                    out.extend_from_slice(format!("{:<46}= {id}\n", "").as_bytes());
                }
            }
        }
        LintForm::Json => {
            for rule in rules() {
                let listed = Listed {
                    code: rule.code,
                    level: rule.level,
                    since: since(rule),
                    source: rule.source,
                    demand: rule.demand,
                    zlint: rule.zlint().collect(),
                    pkilint: rule.pkilint().collect(),
                };
                json(&listed, &mut out)?;
            }
        }
        LintForm::Csv(cells) => {
            header(RULE_COLUMNS, &mut out);
            for rule in rules() {
                let mut row = Row::new(&mut out, cells);
                row.word(rule.code)
                    .word(rule.level.as_str())
                    .word(&since(rule))
                    .text(rule.source)
                    .text(rule.demand)
                    .words(rule.zlint())
                    .words(rule.pkilint());
                row.end();
            }
        }
    }
    Ok(out)
}

/// A rule as `--rules --json` lists it.
#[derive(Serialize)]
struct Listed {
    code: &'static str,
    level: Level,
    since: String,
    source: &'static str,
    demand: &'static str,
    zlint: Vec<&'static str>,
    pkilint: Vec<&'static str>,
}

/// The day that a rule is in force from; empty for one that always was.
fn since(rule: &Rule) -> String {
    let day = |since: Time| since.to_string().chars().take(10).collect();
    rule.since.map_or_else(String::new, day)
}

fn text(row: &LintRow) -> String {
    if row.findings.is_empty() {
        return String::new();
    }
    let claim = match (row.profile, row.generation) {
        ("" | "not_claimed", _) => String::new(),
        (profile, "") => format!("  [{profile}]"),
        (profile, generation) => format!("  [{profile} {generation}]"),
    };
    let mut out = format!(
        "{}  {}{claim}\n",
        escape::visible(&row.place),
        escape::visible(&escape::cut(&row.subject, TEXT_CHARS))
    );
    for finding in &row.findings {
        let found = escape::cut(&finding.found, TEXT_CHARS);
        let line = format!(
            "  {:<6} {}: {}, but {} ({})\n",
            finding.level.as_str(),
            finding.code,
            finding.demand,
            escape::visible(&found),
            finding.source
        );
        out.push_str(&line);
    }
    out
}

/// Characters of a text from a certificate on the terminal; JSON has all of it.
const TEXT_CHARS: usize = 200;

fn csv(row: &LintRow, finding: &LintFinding, cells: Cells, out: &mut Vec<u8>) {
    let mut cell = Row::new(out, cells);
    cell.text(&row.place)
        .hex(&row.sha256)
        .text(&row.subject)
        .text(&row.serial)
        .time(row.not_before)
        .word(row.kind)
        .word(row.profile)
        .word(row.generation)
        .word(finding.level.as_str())
        .word(finding.code)
        .text(&finding.found)
        .text(finding.source)
        .words(finding.zlint.iter().copied())
        .words(finding.pkilint.iter().copied());
    cell.end();
}

fn json(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), RunError> {
    serde_json::to_writer(&mut *out, value).map_err(|_| RunError::Internal {
        what: "a row of lint can't be written as JSON",
    })?;
    out.push(b'\n');
    Ok(())
}

fn digest<S: serde::Serializer>(sha256: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    Hex(sha256).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde's way of calling")]
fn instant<S: serde::Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Instant).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> LintRow {
        let mut row = LintRow::unreadable("a\u{1b}[2J.pem#1", &[7; 32]);
        row.subject = "CN=\u{202e}x".to_owned();
        row.findings[0].found = "=1+1\u{1b}[31m".to_owned();
        row
    }

    #[test]
    fn nothing_in_a_certificate_steers_the_terminal_or_a_spreadsheet() {
        let cells = Cells {
            raw: false,
            text_chars: 100,
        };
        let text = String::from_utf8(row(&hostile(), LintForm::Text).unwrap()).unwrap();
        let table = String::from_utf8(row(&hostile(), LintForm::Csv(cells)).unwrap()).unwrap();
        for written in [&text, &table] {
            assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written}");
        }
        assert!(table.contains(",'=1+1"), "{table}");
        let json: serde_json::Value =
            serde_json::from_slice(&row(&hostile(), LintForm::Json).unwrap()).unwrap();
        assert_eq!(json["findings"][0]["found"], "=1+1\u{1b}[31m");
        assert_eq!(json["sha256"], "07".repeat(32));
    }

    #[test]
    fn rows_add_up() {
        let mut totals = LintTotals::default();
        totals.add(&hostile());
        let mut fine = hostile();
        fine.findings.clear();
        totals.add(&fine);
        assert_eq!(
            (
                totals.certificates,
                totals.with_findings,
                totals.must,
                totals.unreadable
            ),
            (2, 1, 1, 1)
        );
        assert_eq!(
            totals.line(),
            "2 certificates, 1 with findings: 1 must, 0 should\n"
        );
        assert_eq!(row(&fine, LintForm::Text).unwrap(), b"");
    }
}
