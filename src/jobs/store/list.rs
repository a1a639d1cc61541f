//! What is in the store, as rows.

use rusqlite::{Connection, Row};

use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::jobs::store::add::path_of;
use crate::jobs::store::{Failed, Store, decide, decision, folded, time};
use crate::judge::recipient::Decision;
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::{Certificate, Crl, Ocsp};
use crate::report::store::{DecisionRow, EvidenceRow, StoreRow};

/// What is to be listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only certificates that claim this address.
    pub address: Option<String>,
    /// Only these kinds; all where it is empty.
    pub kinds: Vec<&'static str>,
    /// Only certificates about which this was decided.
    pub decision: Option<Decision>,
}

impl Store {
    /// Keys, authorities, other certificates, lists, OCSP responses, each group in a fixed order.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn list(&self, filter: &Filter) -> Result<Vec<StoreRow>, RunError> {
        self.look(|open| {
            let mut all = Vec::new();
            let wanted = |kind: &str| filter.kinds.is_empty() || filter.kinds.contains(&kind);
            let others = filter.address.is_none() && filter.decision.is_none();
            if others && wanted("key") {
                keys(open, &mut all)?;
            }
            let address = filter
                .address
                .as_deref()
                .map(|address| folded(address).unwrap_or_default());
            for (kind, authorities) in [("authority", true), ("certificate", false)] {
                if wanted(kind) {
                    certificates(
                        open,
                        authorities,
                        address.as_deref(),
                        filter.decision,
                        &mut all,
                    )?;
                }
            }
            if others && (wanted("crl") || wanted("ocsp")) {
                revocation(open, &wanted, &mut all)?;
            }
            Ok(all)
        })
    }

    /// Everything that is known of one certificate, named by the first digits of its SHA-256.
    ///
    /// # Errors
    /// `Unusable` where the name fits none or several.
    pub fn show(&self, name: &str) -> Result<StoreRow, RunError> {
        self.look(|open| {
            let (id, _) = decide::certificate(open, name)?;
            let mut row =
                open.query_row(&format!("{CERTIFICATES} WHERE id = ?1"), [id], |row| {
                    Ok(certificate(row))
                })??;
            let (_, entry) = &mut row;
            history(open, id, entry)?;
            let mut rows = open.prepare(
                "SELECT folded, messages, signed, first_at, last_at, s.path, place FROM evidence e \
                 JOIN sources s ON s.id = e.source WHERE certificate = ?1 ORDER BY folded, s.id",
            )?;
            let mut rows = rows.query([id])?;
            while let Some(row) = rows.next()? {
                entry.evidence.push(EvidenceRow {
                    address: row.get(0)?,
                    messages: count(row, 1)?,
                    signed: count(row, 2)?,
                    first_seen: time(row.get(3)?),
                    last_seen: time(row.get(4)?),
                    report: row.get(5)?,
                    place: row.get(6)?,
                });
            }
            seen(open, id, entry)?;
            Ok(row.1)
        })
    }
}

/// The note of what may speak against a certificate alone.
const FROM_MAIL: &str = "from mail";

const CERTIFICATES: &str = "SELECT id, sha256, der, is_authority, decision FROM certificates";

fn certificates(
    open: &Connection,
    authorities: bool,
    address: Option<&str>,
    decided: Option<Decision>,
    all: &mut Vec<StoreRow>,
) -> Result<(), Failed> {
    let mut rows = open.prepare(&format!(
        "{CERTIFICATES} WHERE is_authority = ?1 AND (?2 IS NULL OR decision = ?2) \
         AND (?3 IS NULL OR id IN (SELECT certificate FROM addresses WHERE folded = ?3)) ORDER BY sha256"
    ))?;
    let mut rows = rows.query((authorities, decided.map(Decision::as_str), address))?;
    while let Some(row) = rows.next()? {
        let (id, mut entry) = certificate(row)?;
        let (at, note) = last_decision(open, id)?;
        entry.decided_at = time(at);
        entry.note = note;
        seen(open, id, &mut entry)?;
        all.push(entry);
    }
    Ok(())
}

fn certificate(row: &Row<'_>) -> Result<(i64, StoreRow), Failed> {
    let der: Vec<u8> = row.get("der")?;
    let mut entry = described(&der)?;
    entry.sha256 = row.get("sha256")?;
    entry.kind = if row.get("is_authority")? {
        "authority"
    } else {
        "certificate"
    };
    entry.decision = Some(decision(&row.get::<_, String>("decision")?)?);
    Ok((row.get("id")?, entry))
}

fn described(der: &[u8]) -> Result<StoreRow, Failed> {
    let certificate = Certificate::read(der).map_err(|_| Failed::damaged())?;
    let addresses = CertificateAddresses::read(&certificate).list;
    Ok(StoreRow {
        addresses: addresses.into_iter().map(|address| address.text).collect(),
        subject: certificate.subject.display(),
        issuer: certificate.issuer.display(),
        valid_from: certificate.not_before.ok(),
        valid_to: certificate.not_after.ok(),
        ..StoreRow::default()
    })
}

fn last_decision(open: &Connection, id: i64) -> Result<(Option<i64>, String), Failed> {
    let mut rows = open.prepare_cached(
        "SELECT at, note FROM decisions WHERE certificate = ?1 ORDER BY id DESC LIMIT 1",
    )?;
    let mut rows = rows.query([id])?;
    match rows.next()? {
        Some(row) => Ok((row.get(0)?, row.get(1)?)),
        None => Ok((None, String::new())),
    }
}

fn history(open: &Connection, id: i64, entry: &mut StoreRow) -> Result<(), Failed> {
    let mut rows = open.prepare(
        "SELECT decision, at, note FROM decisions WHERE certificate = ?1 ORDER BY id DESC",
    )?;
    let mut rows = rows.query([id])?;
    while let Some(row) = rows.next()? {
        entry.history.push(DecisionRow {
            decision: decision(&row.get::<_, String>(0)?)?,
            at: time(row.get(1)?),
            note: row.get(2)?,
        });
    }
    Ok(())
}

/// In all mail, by all reports.
fn seen(open: &Connection, id: i64, entry: &mut StoreRow) -> Result<(), Failed> {
    let mut rows = open.prepare_cached(
        "SELECT min(first_at), max(last_at), sum(CASE WHEN folded = '' THEN messages ELSE 0 END) \
         FROM evidence WHERE certificate = ?1",
    )?;
    let mut rows = rows.query([id])?;
    if let Some(row) = rows.next()? {
        entry.first_seen = time(row.get(0)?);
        entry.last_seen = time(row.get(1)?);
        let messages: Option<i64> = row.get(2)?;
        entry.messages = u64::try_from(messages.unwrap_or_default()).unwrap_or_default();
    }
    Ok(())
}

fn count(row: &Row<'_>, place: usize) -> Result<u64, Failed> {
    let number: i64 = row.get(place)?;
    Ok(u64::try_from(number).unwrap_or_default())
}

fn keys(open: &Connection, all: &mut Vec<StoreRow>) -> Result<(), Failed> {
    let mut rows = open.prepare(
        "SELECT k.path, k.spki_sha256, c.sha256, c.der FROM own_keys k \
         LEFT JOIN certificates c ON c.id = k.certificate ORDER BY k.path, k.spki_sha256, c.sha256",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let der: Option<Vec<u8>> = row.get(3)?;
        let mut entry = match &der {
            Some(der) => described(der)?,
            None => StoreRow::default(),
        };
        let sha256: Option<Vec<u8>> = row.get(2)?;
        entry.kind = "key";
        entry.sha256 = match sha256 {
            Some(sha256) => sha256,
            None => row.get(1)?,
        };
        entry.file = path_of(&row.get::<_, Vec<u8>>(0)?).display().to_string();
        all.push(entry);
    }
    Ok(())
}

fn revocation(
    open: &Connection,
    wanted: &dyn Fn(&str) -> bool,
    all: &mut Vec<StoreRow>,
) -> Result<(), Failed> {
    let mut rows = open.prepare("SELECT sha256, der, is_given FROM crls ORDER BY sha256")?;
    let mut responses = Vec::new();
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let der: Vec<u8> = row.get(1)?;
        let name: Vec<u8> = row.get(0)?;
        if name != sha256(&der) {
            return Err(Failed::damaged());
        }
        let origin = match row.get(2)? {
            true => "",
            false => FROM_MAIL,
        };
        let row = StoreRow {
            sha256: name,
            note: origin.to_owned(),
            ..StoreRow::default()
        };
        if let Ok(crl) = Crl::read(der.as_slice()) {
            let row = StoreRow {
                kind: "crl",
                issuer: crl.issuer().display(),
                valid_from: Some(crl.this_update()),
                valid_to: crl.next_update(),
                ..row
            };
            all.extend(wanted(row.kind).then_some(row));
            continue;
        }
        let ocsp = Ocsp::read(&der).map_err(|_| Failed::damaged())?;
        let answers = ocsp.answers();
        let row = StoreRow {
            kind: "ocsp",
            valid_from: answers.iter().map(|answer| answer.this_update).min(),
            valid_to: answers.iter().filter_map(|answer| answer.next_update).max(),
            ..row
        };
        responses.extend(wanted(row.kind).then_some(row));
    }
    all.extend(responses);
    Ok(())
}
