//! A report into the store: its certificates as material, and what mail told of them as evidence.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::asn1::Time;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::facts::store::{self, Kind};
use crate::jobs::files::digest_of;
use crate::jobs::given::tells_of_revocation;
use crate::jobs::output::{FACTS_FILE, REVOCATION_FILE};
use crate::jobs::store::add::{insert, keep};
use crate::jobs::store::{Failed, Store, folded};
use crate::judge::recipient::Decision;
use crate::limits::{CERTIFICATE_TEXT_BYTES, Limits, REPORT_LINE_BYTES};
use crate::mime::address::Addresses;
use crate::mime::compare::{Match, compare};
use crate::pki::keyring::pem;
use crate::report::evidence::{self, Signatures};

/// Files of a report that tell one from another, where they are there.
const FILES: [&str; 4] = [
    "certificates.pem",
    "certificates.csv",
    "messages.jsonl",
    "certificates.jsonl",
];

/// What a report brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The same report was imported before: nothing was taken but lists and OCSP responses that were not there.
    pub known: bool,
    /// Certificates in it.
    pub certificates: u64,
    /// Of these, those that are new in the store.
    pub new: u64,
    /// SHA-256 of new certificates of authorities: they wait for a decision.
    pub new_authorities: Vec<Sha256>,
    /// Pairs of a certificate and an address that a good signature speaks for.
    pub evidence: u64,
    /// Lists and OCSP responses in it.
    pub revocation: u64,
    /// Of these, those that are new in the store.
    pub new_revocation: u64,
    /// Certificates that the report has as revoked by something that is neither in it nor in the store.
    pub unproven: u64,
    /// The facts are of another version of mailseal, so what mail brought about revocation was not taken.
    pub other_facts: bool,
    /// Rows and blocks that could not be read.
    pub unreadable: u64,
}

impl Store {
    /// Takes the certificates of a report of `audit`, `judge` or `harvest`, and the evidence about them. All or nothing; a report that
    /// was imported is not counted twice. Nothing in it is trusted by that.
    ///
    /// # Errors
    /// `Unusable` for a folder without `certificates.pem`; where a file can't be read or the store can't be written.
    pub fn import(
        &mut self,
        report: &Path,
        limits: &Limits,
        now: Time,
    ) -> Result<Imported, RunError> {
        let mut digests = Vec::new();
        for name in FILES {
            let path = report.join(name);
            match path.try_exists() {
                Ok(true) => digests.extend_from_slice(&digest_of(&path)?),
                Ok(false) if name == "certificates.pem" => {
                    return Err(RunError::Unusable {
                        path: report.to_owned(),
                        problem: "is no report with certificates. Give a folder that `mailseal audit` or `mailseal harvest` wrote.",
                    });
                }
                Ok(false) => digests.extend_from_slice(&[0; 32]),
                Err(error) => return Err(RunError::unreadable(&path, error)),
            }
        }
        let whole = sha256(&digests);
        let name = std::path::absolute(report).unwrap_or_else(|_| report.to_owned());
        self.change(|open| {
            let known: Option<i64> = open
                .query_row(
                    "SELECT id FROM sources WHERE sha256 = ?1",
                    [whole.as_slice()],
                    |row| row.get(0),
                )
                .optional()?;
            if known.is_none() {
                open.execute(
                    "INSERT INTO sources (sha256, path, imported_at) VALUES (?1, ?2, ?3)",
                    params![whole.as_slice(), name.display().to_string(), now.unix()],
                )?;
            }
            let mut import = Import {
                open,
                source: known.unwrap_or_else(|| open.last_insert_rowid()),
                limits,
                now,
                ids: HashMap::new(),
                revoked_by: BTreeMap::new(),
                imported: Imported::default(),
                evidence: BTreeMap::new(),
            };
            // Each is kept once, however often it comes; and an earlier version took none of them.
            import.revocation(&report.join(REVOCATION_FILE))?;
            import.facts(&report.join(FACTS_FILE))?;
            if known.is_some() {
                import.imported.known = true;
                return Ok(import.imported);
            }
            import.bundle(&report.join("certificates.pem"))?;
            import.table(&report.join("certificates.csv"))?;
            import.messages(&report.join("messages.jsonl"))?;
            import.dossiers(&report.join("certificates.jsonl"))?;
            import.finish()
        })
    }
}

struct Import<'i> {
    open: &'i Connection,
    source: i64,
    limits: &'i Limits,
    now: Time,
    /// The report's certificates.
    ids: HashMap<Sha256, i64>,
    /// What the report says is revoked, and the list or response that it has this from.
    revoked_by: BTreeMap<Sha256, Sha256>,
    imported: Imported,
    /// By certificate and address; the empty address stands for all mail.
    evidence: BTreeMap<(i64, String), Told>,
}

/// What mail told of a certificate and an address.
#[derive(Debug, Default)]
struct Told {
    messages: u64,
    signed: u64,
    first: Option<Time>,
    last: Option<Time>,
    place: String,
}

impl Import<'_> {
    fn bundle(&mut self, path: &Path) -> Result<(), Failed> {
        blocks(path, CERTIFICATE_TEXT_BYTES, &mut |der| {
            let taken = match der {
                Some(der) => insert(self.open, der, Decision::Undecided, self.now)?
                    .map(|taken| (taken, sha256(der))),
                None => None,
            };
            let Some((taken, sha256)) = taken else {
                self.imported.unreadable += 1;
                return Ok(());
            };
            self.imported.certificates += 1;
            if taken.is_new {
                self.imported.new += 1;
                if taken.is_authority {
                    self.imported.new_authorities.push(sha256);
                }
            }
            self.ids.insert(sha256, taken.id);
            Ok(())
        })
    }

    /// Whoever wrote the mail may have written them: they are kept as what mail brought.
    fn revocation(&mut self, path: &Path) -> Result<(), Failed> {
        let most = usize::try_from(self.limits.given_file_bytes).unwrap_or(usize::MAX);
        blocks(path, most, &mut |der| match der {
            Some(der) => self.keep(der),
            None => {
                self.imported.unreadable += 1;
                Ok(())
            }
        })
    }

    /// What an audit has in its facts.
    fn facts(&mut self, path: &Path) -> Result<(), Failed> {
        let Some(file) = open(path)? else {
            return Ok(());
        };
        let unreadable = |error| RunError::unreadable(path, error);
        let Ok((mut reader, _)) = store::Reader::open(file) else {
            self.imported.other_facts = true;
            return Ok(());
        };
        while let Some(frame) = reader.next_frame().map_err(unreadable)? {
            if frame.kind == Kind::Crl {
                let der: Vec<u8> = frame.decode().map_err(unreadable)?;
                self.keep(&der)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, der: &[u8]) -> Result<(), Failed> {
        if !tells_of_revocation(der) {
            // Mail may carry anything in its place.
            return Ok(());
        }
        self.imported.revocation += 1;
        let new = keep(self.open, der, false, self.now)?;
        self.imported.new_revocation += u64::from(new.is_some());
        Ok(())
    }

    fn table(&mut self, path: &Path) -> Result<(), Failed> {
        let Some(file) = open(path)? else {
            return Ok(());
        };
        let mut rows = Vec::new();
        let unreadable = evidence::certificates(BufReader::new(file), &mut |row| rows.push(row))
            .map_err(|error| RunError::unreadable(path, error))?;
        self.imported.unreadable += unreadable;
        for row in rows {
            let Some(id) = self.ids.get(&row.sha256) else {
                continue;
            };
            let told = self.evidence.entry((*id, String::new())).or_default();
            told.messages += row.messages;
            told.signed += row.signed;
            told.place = row.first_place;
            told.saw(self.now, row.first_seen);
            told.saw(self.now, row.last_seen);
        }
        Ok(())
    }

    fn messages(&mut self, path: &Path) -> Result<(), Failed> {
        lines(path, REPORT_LINE_BYTES, &mut |line| {
            let Some(signatures) = evidence::message(line) else {
                self.imported.unreadable += 1;
                return Ok(());
            };
            let Signatures { good, revoked } = signatures;
            self.revoked_by.extend(revoked);
            for signature in good {
                let Some(address) = sender(&signature.addresses, &signature.from, self.limits)
                else {
                    continue;
                };
                let mut all = signature.carried;
                all.push(signature.signer);
                all.sort_unstable();
                all.dedup();
                for sha256 in all {
                    let Some(id) = self.ids.get(&sha256) else {
                        continue;
                    };
                    let told = self.evidence.entry((*id, address.clone())).or_default();
                    told.messages += 1;
                    told.signed += u64::from(sha256 == signature.signer);
                    if told.place.is_empty() {
                        told.place.clone_from(&signature.place);
                    }
                    told.saw(self.now, signature.at);
                }
            }
            Ok(())
        })
    }

    fn dossiers(&mut self, path: &Path) -> Result<(), Failed> {
        lines(path, REPORT_LINE_BYTES, &mut |line| {
            let Some(dossier) = evidence::dossier(line) else {
                self.imported.unreadable += 1;
                return Ok(());
            };
            let Some(id) = self.ids.get(&dossier.sha256).copied() else {
                return Ok(());
            };
            let revoked_by = dossier.revoked_by.map(|by| (dossier.sha256, by));
            self.revoked_by.extend(revoked_by);
            for (address, signed, first, last) in dossier.signed_for {
                let Some(address) = folded(&address) else {
                    continue;
                };
                let told = self.evidence.entry((id, address)).or_default();
                told.messages = told.messages.max(signed);
                told.signed = told.signed.max(signed);
                told.saw(self.now, first);
                told.saw(self.now, last);
            }
            let not_later = |at: Option<Time>| at.filter(|at| *at <= self.now).map(Time::unix);
            if let Some((names, at)) = dossier.capabilities {
                self.open.execute(
                    "INSERT OR REPLACE INTO capabilities (certificate, source, names, at) VALUES (?1, ?2, ?3, ?4)",
                    params![id, self.source, names.join(" "), not_later(at)],
                )?;
            }
            if let Some((named, at)) = dossier.preference {
                self.open.execute(
                    "INSERT OR REPLACE INTO preferences (signer, source, named, at) VALUES (?1, ?2, ?3, ?4)",
                    params![id, self.source, named.as_slice(), not_later(at)],
                )?;
            }
            Ok(())
        })
    }

    fn finish(mut self) -> Result<Imported, Failed> {
        let mut row = self.open.prepare(
            "INSERT INTO evidence (certificate, source, folded, messages, signed, first_at, last_at, place) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for ((id, address), told) in &self.evidence {
            row.execute(params![
                id,
                self.source,
                address,
                i64::try_from(told.messages).unwrap_or(i64::MAX),
                i64::try_from(told.signed).unwrap_or(i64::MAX),
                told.first.map(Time::unix),
                told.last.map(Time::unix),
                told.place
            ])?;
            self.imported.evidence += u64::from(!address.is_empty());
        }
        drop(row);
        let mut known = self.open.prepare("SELECT 1 FROM crls WHERE sha256 = ?1")?;
        for by in self.revoked_by.values() {
            self.imported.unproven += u64::from(!known.exists([by.as_slice()])?);
        }
        drop(known);
        self.imported.new_authorities.sort_unstable();
        Ok(self.imported)
    }
}

impl Told {
    /// A time that has not come yet tells nothing.
    fn saw(&mut self, now: Time, at: Option<Time>) {
        let Some(at) = at.filter(|at| *at <= now) else {
            return;
        };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
    }
}

/// The sender's address, as the tables have it. The certificate speaks for the sender, so it is the only address of the certificate, or
/// the only one of them that stands in From.
fn sender(addresses: &[String], from: &str, limits: &Limits) -> Option<String> {
    if let [one] = addresses {
        return folded(one);
    }
    let from = Addresses::read(from.as_bytes(), limits);
    let mut both = addresses.iter().filter(|address| {
        from.addresses()
            .any(|sender| compare(address, sender) != Match::None)
    });
    match (both.next(), both.next()) {
        (Some(one), None) => folded(one),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

fn open(path: &Path) -> Result<Option<File>, RunError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunError::unreadable(path, error)),
    }
}

/// Gets the DER of each block.
type TakeBlock<'t> = dyn FnMut(Option<&[u8]>) -> Result<(), Failed> + 't;

/// Every block of a PEM file, none where it is not there; None for one that can't be read or has more than `most` octets of text.
///
/// Line by line: a harvest's bundle may be larger than memory.
fn blocks(path: &Path, most: usize, take: &mut TakeBlock<'_>) -> Result<(), Failed> {
    let mut block = Vec::new();
    lines(path, most, &mut |line| {
        if line.starts_with(b"-----BEGIN ") {
            block.clear();
        }
        block.extend_from_slice(line);
        block.push(b'\n');
        if !line.starts_with(b"-----END ") && block.len() <= most {
            return Ok(());
        }
        let der = pem::blocks(&block).next().and_then(Result::ok);
        take(der.as_ref().map(|der| &der.bytes[..]))?;
        block.clear();
        Ok(())
    })
}

/// Every line of a file, none where it is not there. Of a line that is longer than `most` the rest is left out, so that it can't be read.
fn lines(
    path: &Path,
    most: usize,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let Some(file) = open(path)? else {
        return Ok(());
    };
    let unreadable = |error| RunError::unreadable(path, error);
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let size = (&mut reader)
            .take(bound)
            .read_until(b'\n', &mut line)
            .map_err(unreadable)?;
        if size == 0 {
            return Ok(());
        }
        let complete = line.ends_with(b"\n");
        if complete {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        } else if size > most {
            skip_line(&mut reader).map_err(unreadable)?;
        }
        take(&line)?;
    }
}

fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let part = reader.fill_buf()?;
        let (used, ends) = match part.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (part.len(), part.is_empty()),
        };
        reader.consume(used);
        if ends {
            return Ok(());
        }
    }
}
