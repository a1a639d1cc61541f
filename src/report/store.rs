//! What `mailseal store` prints: a row for each thing in the store, and the choice of a recipient's certificate.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::judge::recipient::{Caution, Choice, Decision, Hindrance, NotChosen, Refusal, Why};
use crate::report::columns;
use crate::report::encode::{Hex, Instant, hex};
use crate::report::escape;

/// One thing in the store. What is not known is an empty text or None.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreRow {
    /// `key`, `authority`, `certificate`, `crl`, `ocsp`.
    pub kind: &'static str,
    /// Of the certificate or the list; of a key without a certificate that of its public key.
    #[serde(serialize_with = "as_hex")]
    pub sha256: Vec<u8>,
    /// What was decided about a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// When that was decided.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub decided_at: Option<Time>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The addresses that the certificate speaks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// RFC 4514 text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// RFC 4514 text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// The first second of validity; thisUpdate of a list or an OCSP response.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub valid_from: Option<Time>,
    /// The last second of validity; nextUpdate of a list or an OCSP response.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub valid_to: Option<Time>,
    /// By claimed time, in all mail.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub first_seen: Option<Time>,
    /// By claimed time, in all mail.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub last_seen: Option<Time>,
    /// Messages that carry it, in all reports that were imported.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// What mail told of it and single addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceRow>,
    /// The file of a key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Earlier decisions and this one, the last first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<DecisionRow>,
}

/// What one report told of a certificate and an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceRow {
    /// The sender's, in lower case; empty for all mail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Messages from it with a good signature that carry the certificate.
    pub messages: u64,
    /// Of these, those that it signed.
    pub signed: u64,
    /// By claimed time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub first_seen: Option<Time>,
    /// By claimed time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub last_seen: Option<Time>,
    /// The report.
    pub report: String,
    /// `archive#offset` of the first one.
    pub place: String,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// What.
    pub decision: Decision,
    /// When.
    #[serde(serialize_with = "instant")]
    pub at: Option<Time>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

const COLUMNS: [&str; 9] = [
    "kind",
    "sha256",
    "decision",
    "addresses",
    "subject",
    "issuer",
    "valid_to",
    "last_seen",
    "note",
];

/// Characters of a cell; of a longer one the middle is left out, and the JSON form has all of it.
const CELL_CHARS: usize = 48;

/// Digits of a fingerprint in a table.
const DIGITS: usize = 16;

/// The rows with their header, columns aligned; nothing in them moves anything on the terminal. Never fails.
#[must_use]
pub fn table(rows: &[StoreRow]) -> String {
    let mut lines = vec![COLUMNS.map(str::to_owned).to_vec()];
    for row in rows {
        let note = [&row.file, &row.note].map(String::as_str);
        let note = note.iter().find(|text| !text.is_empty());
        let cells = [
            row.kind.to_owned(),
            short(&row.sha256),
            row.decision
                .map_or_else(String::new, |decision| decision.as_str().to_owned()),
            row.addresses.join(" "),
            row.subject.clone(),
            row.issuer.clone(),
            text(row.valid_to),
            text(row.last_seen),
            note.copied().unwrap_or_default().to_owned(),
        ];
        let cell = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                escape::fit(&text, CELL_CHARS)
            }
        };
        lines.push(cells.into_iter().map(cell).collect());
    }
    columns::aligned(&lines)
}

/// Everything that is known of one thing, for reading. Never fails.
#[must_use]
pub fn details(row: &StoreRow) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(vec![
                format!("  {name}"),
                escape::visible(&value).into_owned(),
            ]);
        }
    };
    line("sha256", hex(&row.sha256));
    line("subject", row.subject.clone());
    line("issuer", row.issuer.clone());
    line("addresses", row.addresses.join(" "));
    line("valid_from", text(row.valid_from));
    line("valid_to", text(row.valid_to));
    line(
        "decision",
        row.decision
            .map_or_else(String::new, |decision| decision.as_str().to_owned()),
    );
    for one in &row.history {
        let note = if one.note.is_empty() {
            String::new()
        } else {
            format!(": {}", one.note)
        };
        line(
            "decided",
            format!("{} {}{note}", text(one.at), one.decision.as_str()),
        );
    }
    line("first_seen", text(row.first_seen));
    line("last_seen", text(row.last_seen));
    for one in row.evidence.iter().filter(|one| !one.address.is_empty()) {
        let said = format!(
            "{}: messages {}, signed {}, last {}, {} {}",
            one.address,
            one.messages,
            one.signed,
            text(one.last_seen),
            one.report,
            one.place
        );
        line("evidence", said);
    }
    line("file", row.file.clone());
    format!(
        "{} {}\n{}",
        row.kind,
        short(&row.sha256),
        columns::aligned(&lines)
    )
}

/// The choice for an address, and every other certificate with the reason why not; `rows` has what is known of each. Never fails.
#[must_use]
pub fn choice(address: &str, choice: &Choice, rows: &[StoreRow]) -> String {
    let mut out = String::new();
    let address = escape::visible(address);
    let named = |sha256: &Sha256| {
        let row = rows.iter().find(|row| row.sha256 == sha256);
        row.map_or_else(
            || vec![short(sha256), String::new(), String::new(), String::new()],
            |row| {
                vec![
                    short(sha256),
                    escape::fit(&row.subject, CELL_CHARS),
                    escape::fit(&row.issuer, CELL_CHARS),
                    format!("to {}", text(row.valid_to)),
                ]
            },
        )
    };
    // Writing to a String never fails.
    let _ = match &choice.chosen {
        Ok((sha256, why)) => {
            let allowed: Vec<&str> = choice.allowed.iter().map(|one| one.as_str()).collect();
            let allowed = if allowed.is_empty() {
                String::new()
            } else {
                format!("; allowed: {}", allowed.join(" "))
            };
            writeln!(
                out,
                "{address}: {} ({}: {}{allowed})\n  {}",
                hex(sha256),
                why.as_str(),
                why_text(*why),
                named(sha256).join("  ")
            )
        }
        Err(refusal) => writeln!(
            out,
            "{address}: none ({}: {})",
            refusal.as_str(),
            refusal_text(*refusal)
        ),
    };
    let mut lines = Vec::new();
    for (sha256, reason) in &choice.others {
        let mut line = named(sha256);
        if let Some(first) = line.first_mut() {
            first.insert_str(0, "  not ");
        }
        line.push(match reason {
            NotChosen::Hindered(all) => {
                let words: Vec<&str> = all.iter().map(|one| one.as_str()).collect();
                words.join(" ")
            }
            NotChosen::Behind(why) => format!("behind: {}", why.as_str()),
        });
        lines.push(line);
    }
    out.push_str(&columns::aligned(&lines));
    for note in &choice.notes {
        let names = if note.chosen == note.other {
            short(&note.chosen)
        } else {
            format!("{} and {}", short(&note.chosen), short(&note.other))
        };
        let _ = writeln!(
            out,
            "  {}: {names}: {}",
            note.caution.as_str(),
            caution_text(note.caution)
        );
    }
    out
}

/// One JSON object a line.
///
/// # Errors
/// `Internal`; no row has what JSON can't say.
pub fn json(rows: &[StoreRow]) -> Result<Vec<u8>, RunError> {
    let mut out = Vec::new();
    for row in rows {
        line(row, &mut out)?;
    }
    Ok(out)
}

/// The choice as one JSON object.
///
/// # Errors
/// `Internal`; no choice has what JSON can't say.
pub fn choice_json(address: &str, choice: &Choice) -> Result<Vec<u8>, RunError> {
    let (chosen, why, refusal) = match &choice.chosen {
        Ok((sha256, why)) => (Some(Hex(sha256)), Some(*why), None),
        Err(refusal) => (None, None, Some(*refusal)),
    };
    let record = ChoiceRecord {
        address,
        chosen,
        why,
        refusal,
        allowed: &choice.allowed,
        others: choice
            .others
            .iter()
            .map(|(sha256, reason)| {
                let (hindrances, behind) = match reason {
                    NotChosen::Hindered(all) => (all.as_slice(), None),
                    NotChosen::Behind(why) => (&[][..], Some(*why)),
                };
                OtherRecord {
                    sha256: Hex(sha256),
                    hindrances,
                    behind,
                }
            })
            .collect(),
        notes: choice
            .notes
            .iter()
            .map(|note| NoteRecord {
                code: note.caution,
                chosen: Hex(&note.chosen),
                other: Hex(&note.other),
            })
            .collect(),
    };
    let mut out = Vec::new();
    line(&record, &mut out)?;
    Ok(out)
}

#[derive(Serialize)]
struct ChoiceRecord<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    #[serde(skip_serializing_if = "<[Hindrance]>::is_empty")]
    allowed: &'a [Hindrance],
    others: Vec<OtherRecord<'a>>,
    notes: Vec<NoteRecord<'a>>,
}

#[derive(Serialize)]
struct OtherRecord<'a> {
    sha256: Hex<'a>,
    #[serde(skip_serializing_if = "<[Hindrance]>::is_empty")]
    hindrances: &'a [Hindrance],
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Why>,
}

#[derive(Serialize)]
struct NoteRecord<'a> {
    code: Caution,
    chosen: Hex<'a>,
    other: Hex<'a>,
}

fn line(record: &impl Serialize, out: &mut Vec<u8>) -> Result<(), RunError> {
    serde_json::to_writer(&mut *out, record).map_err(|_| RunError::Internal {
        what: "a row of the store can't be written as JSON",
    })?;
    out.push(b'\n');
    Ok(())
}

fn why_text(why: Why) -> &'static str {
    match why {
        Why::OnlyOne => "no other can be used",
        Why::Unhindered => "the others need a permission",
        Why::Confirmed => "confirmed by `store trust`",
        Why::KeyPreference => "its owner asks for it in signed mail",
        Why::ExactAddress => "exactly this address",
        Why::FreshestEvidence => "seen last in mail from the address",
        Why::Capability => "its owner reads better ciphers",
        Why::Newest => "valid from a later time on",
        Why::LongestValid => "valid to a later time",
        Why::Digest => "nothing else tells them apart",
    }
}

fn refusal_text(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoCertificate => "no certificate in the store claims this address",
        Refusal::NoneUsable => "each certificate has a reason against it",
        Refusal::AuthorityChanged => {
            "what could be used is of another authority than before; confirm it with `store trust SHA256`"
        }
    }
}

fn caution_text(caution: Caution) -> &'static str {
    match caution {
        Caution::NewerSelfIssued => "the second is newer, and signed with its own key",
        Caution::NewerUntrusted => "the second is newer, and leads to no trusted authority",
        Caution::NewerOtherAuthority => {
            "the second is of an authority that has nothing to do with the first"
        }
        Caution::PreferenceUnusable => "the owner asks for the second, which can't be used",
        Caution::AddressCase => "its address differs in the case of the local part",
        Caution::RevocationNotKnown => {
            "no revocation list and no OCSP response at hand says that it is not revoked"
        }
        Caution::NoEvidence => "it was never seen in mail",
    }
}

fn short(sha256: &[u8]) -> String {
    let mut digits = hex(sha256);
    digits.truncate(DIGITS);
    digits
}

fn text(time: Option<Time>) -> String {
    time.map_or_else(String::new, |time| {
        String::from_utf8_lossy(&time.rfc3339()).into_owned()
    })
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    Hex(bytes).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde's way of calling")]
fn instant<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(Instant).serialize(serializer)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
