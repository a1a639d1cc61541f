//! What is in the key files: `mailseal keys`.

use std::collections::BTreeSet;

use crate::limits::Limits;
use crate::pki::keyring::{
    FileEntry, Held, KeyFileKind, KeyFileProblem, KeyId, Keyring, LoadReport, Opened,
};
use crate::pki::x509::Certificate;
use crate::pki::x509::summary::CertificateSummary;
use crate::report::encode::hex;
use crate::report::keys::KeyRow;

/// How much of the files could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usable {
    /// All of them; other files in a folder do not count.
    All,
    /// Something is wrong with some.
    Some,
    /// Nothing could be had from any.
    Nothing,
}

/// The rows, sorted by file, each file's keys before its certificates. Never fails.
#[must_use]
pub fn keys(ring: &Keyring, report: &LoadReport, limits: &Limits) -> Vec<KeyRow> {
    let mut entries: Vec<&FileEntry> = report.entries.iter().filter(|e| is_listed(e)).collect();
    entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    let rows = |entry| file(entry, ring, limits);
    entries.into_iter().flat_map(rows).collect()
}

/// How much of the files could be used.
#[must_use]
pub fn usable(report: &LoadReport) -> Usable {
    let mut listed = report.entries.iter().filter(|entry| is_listed(entry));
    if listed.clone().all(|entry| entry.holds.is_empty()) {
        Usable::Nothing
    } else if listed.any(|entry| entry.problem.is_some()) {
        Usable::Some
    } else {
        Usable::All
    }
}

/// What is wrong with a file, for people; None for what is no fault.
#[must_use]
pub fn problem(entry: &FileEntry) -> Option<String> {
    Some(match entry.problem.as_ref()? {
        KeyFileProblem::NotAKeyFile if !entry.named => return None,
        KeyFileProblem::NotAKeyFile => "holds neither a key nor a certificate".to_owned(),
        KeyFileProblem::WrongPassword => "no password given opens it".to_owned(),
        KeyFileProblem::UnsupportedAlgorithm(name) => {
            format!("needs {name}, which is not supported")
        }
        KeyFileProblem::TooManyRounds => {
            "asks for more rounds of key derivation than the limit".to_owned()
        }
        KeyFileProblem::Damaged => "is damaged".to_owned(),
        KeyFileProblem::Unreadable => "could not be read".to_owned(),
    })
}

/// Other files in a folder are no key files, and no fault.
fn is_listed(entry: &FileEntry) -> bool {
    entry.problem.is_none() || problem(entry).is_some()
}

fn file(entry: &FileEntry, ring: &Keyring, limits: &Limits) -> Vec<KeyRow> {
    let start = KeyRow {
        file: entry.path.display().to_string(),
        kind: match entry.kind {
            KeyFileKind::Pkcs12 => "pkcs12",
            KeyFileKind::Pem => "pem",
            KeyFileKind::Der => "der",
            KeyFileKind::Other => "other",
        },
        holds: "nothing",
        password: match entry.opened {
            Opened::Freely => "none needed".to_owned(),
            Opened::WithEmptyPassword => "empty".to_owned(),
            Opened::WithPassword(number) => number.to_string(),
            Opened::No => "none fits".to_owned(),
        },
        problem: problem(entry).unwrap_or_default(),
        ..KeyRow::default()
    };
    let mut rows = Vec::new();
    let mut own: Vec<&[u8]> = Vec::new();
    let here = entry.holds.iter().filter_map(|held| match held {
        Held::Certificate(place) => ring.certificate_at(*place),
        Held::Key(_) => None,
    });
    let here: BTreeSet<&[u8]> = here.collect();
    for held in &entry.holds {
        match held {
            Held::Key(key) => {
                // A renewed certificate in another file is told there; a key without one is named by whatever speaks of it.
                let all = || ring.certificates_of(*key);
                let mut certificates: Vec<&[u8]> = all().filter(|der| here.contains(der)).collect();
                if certificates.is_empty() {
                    certificates = all().collect();
                }
                if certificates.is_empty() {
                    rows.push(bare(&start, *key, ring));
                }
                for der in &certificates {
                    rows.push(certified(&start, "key", der, *key, ring, limits));
                }
                own.extend(certificates);
            }
            Held::Certificate(place) => {
                let der = ring.certificate_at(*place).unwrap_or_default();
                if !own.contains(&der) {
                    rows.push(described(&start, "certificate", der, limits));
                }
            }
        }
    }
    if rows.is_empty() {
        rows.push(start);
    }
    rows
}

/// A key whose certificate is in none of the files.
fn bare(start: &KeyRow, key: KeyId, ring: &Keyring) -> KeyRow {
    let computed = ring.names_of(key).map(|(_, identifier)| hex(identifier));
    KeyRow {
        holds: "key",
        ski: computed.unwrap_or_default(),
        ..start.clone()
    }
}

fn certified(
    start: &KeyRow,
    holds: &'static str,
    der: &[u8],
    key: KeyId,
    ring: &Keyring,
    limits: &Limits,
) -> KeyRow {
    let row = described(start, holds, der, limits);
    if row.ski.is_empty() {
        let ski = bare(start, key, ring).ski;
        return KeyRow { ski, ..row };
    }
    row
}

fn described(start: &KeyRow, holds: &'static str, der: &[u8], limits: &Limits) -> KeyRow {
    let mut row = KeyRow {
        holds,
        ..start.clone()
    };
    let Ok(certificate) = Certificate::read(der) else {
        return row;
    };
    let summary = CertificateSummary::new(&certificate, limits);
    let written = certificate.extensions.subject_key_identifier();
    row.ski = written.ok().flatten().map(hex).unwrap_or_default();
    row.subject = summary.subject;
    row.addresses = summary.addresses;
    row.issuer = summary.issuer;
    row.serial = hex(certificate.serial.minimal());
    row.not_before = summary.not_before;
    row.not_after = summary.not_after;
    row
}
