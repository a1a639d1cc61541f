//! Files into the store: certificates and lists by their content, keys by where they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::asn1::Time;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::given::Given;
use crate::jobs::store::schema::signs_lists;
use crate::jobs::store::{Failed, Store, folded};
use crate::judge::recipient::Decision;
use crate::limits::Limits;
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::{Certificate, Crl, Ocsp};

/// What is in the files that were named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Certificates and CRLs.
    pub given: Given,
    /// Files that may hold keys, and whether they were named themselves: to be read as key files.
    pub keys: Vec<(PathBuf, bool)>,
}

/// A file with private keys in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// Where; made absolute.
    pub path: PathBuf,
    /// SHA-256 of the key's subjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// DER of its certificates.
    pub certificates: Vec<Vec<u8>>,
}

/// What was added; what was there already does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Certificates.
    pub certificates: u64,
    /// Of these, authorities'.
    pub authorities: u64,
    /// Revocation lists.
    pub crls: u64,
    /// OCSP responses.
    pub ocsp: u64,
    /// Keys, by file.
    pub keys: u64,
}

impl Gathered {
    /// Reads files, and all files below folders.
    ///
    /// # Errors
    /// A path that can't be read.
    pub fn read(paths: &[PathBuf], limits: &Limits) -> Result<Self, RunError> {
        let mut gathered = Self::default();
        for path in paths {
            let about = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
            let named = !about.is_dir();
            for (file, found) in gathered.given.take(path, limits)? {
                if found == 0 {
                    gathered.keys.push((file, named));
                }
            }
        }
        Ok(gathered)
    }
}

impl Store {
    /// Takes everything. A certificate that a file gives is known; one that mail brought before becomes known, and what was decided
    /// stays.
    ///
    /// # Errors
    /// Where the store can't be written.
    pub fn add(&mut self, given: &Given, keys: &[OwnKey], now: Time) -> Result<Added, RunError> {
        self.change(|open| {
            let mut added = Added::default();
            let take = |der: &[u8], added: &mut Added| -> Result<Option<i64>, Failed> {
                let Some(taken) = insert(open, der, Decision::Known, now)? else {
                    return Ok(None);
                };
                added.certificates += u64::from(taken.is_new);
                added.authorities += u64::from(taken.is_new && taken.is_authority);
                Ok(Some(taken.id))
            };
            for der in given.certificates.values() {
                take(der, &mut added)?;
            }
            for der in given.crls.values() {
                match keep(open, der, true, now)? {
                    Some(Kept::Crl) => added.crls += 1,
                    Some(Kept::Ocsp) => added.ocsp += 1,
                    None => {}
                }
            }
            let mut new_keys = BTreeMap::new();
            for key in keys {
                let mut ids = Vec::new();
                for der in &key.certificates {
                    ids.extend(take(der, &mut added)?.map(Some));
                }
                if ids.is_empty() {
                    ids.push(None);
                }
                for id in ids {
                    let new = open.execute(
                        "INSERT OR IGNORE INTO own_keys (path, spki_sha256, certificate, added_at) VALUES (?1, ?2, ?3, ?4)",
                        params![
                            key.path.as_os_str().as_bytes(),
                            key.spki_sha256.as_slice(),
                            id,
                            now.unix()
                        ],
                    )?;
                    if new > 0 {
                        new_keys.insert((&key.path, key.spki_sha256), ());
                    }
                }
            }
            added.keys = u64::try_from(new_keys.len()).unwrap_or(u64::MAX);
            Ok(added)
        })
    }

    /// The files with own keys, each once, in the order of their paths.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn key_files(&self) -> Result<Vec<PathBuf>, RunError> {
        self.look(|open| {
            let mut rows = open.prepare("SELECT DISTINCT path FROM own_keys ORDER BY path")?;
            let paths = rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
            let paths: Result<Vec<_>, _> =
                paths.map(|path| path.map(|path| path_of(&path))).collect();
            Ok(paths?)
        })
    }
}

/// What was new.
pub(super) enum Kept {
    /// A list.
    Crl,
    /// An OCSP response.
    Ocsp,
}

/// Takes a list or an OCSP response; None where it was there, or is neither. What a file gives may speak for a certificate from then on,
/// though mail brought it before; never the other way round.
pub(super) fn keep(
    open: &Connection,
    der: &[u8],
    is_given: bool,
    now: Time,
) -> Result<Option<Kept>, Failed> {
    let kind = if Crl::read(der).is_ok() {
        Kept::Crl
    } else if Ocsp::read(der).is_ok() {
        Kept::Ocsp
    } else {
        return Ok(None);
    };
    let name = sha256(der);
    let new = open
        .prepare_cached(
            "INSERT OR IGNORE INTO crls (sha256, der, added_at, is_given) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![name.as_slice(), der, now.unix(), is_given])?;
    if new == 0 && is_given {
        open.execute(
            "UPDATE crls SET is_given = 1 WHERE sha256 = ?1",
            [name.as_slice()],
        )?;
    }
    Ok((new > 0).then_some(kind))
}

/// A path from its bytes.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    Path::new(std::ffi::OsStr::from_bytes(bytes)).to_owned()
}

/// A certificate that is in the store now.
pub(super) struct Taken {
    pub id: i64,
    pub is_new: bool,
    pub is_authority: bool,
}

/// Takes a certificate, with the decision that it has if nobody made another; None for one that can't be read.
pub(super) fn insert(
    open: &Connection,
    der: &[u8],
    decision: Decision,
    now: Time,
) -> Result<Option<Taken>, Failed> {
    let Ok(certificate) = Certificate::read(der) else {
        return Ok(None);
    };
    let sha256 = certificate.sha256();
    let constraints = certificate.extensions.basic_constraints();
    let is_authority = matches!(constraints, Ok(Some(constraints)) if constraints.ca);
    let known: Option<i64> = open
        .prepare_cached("SELECT id FROM certificates WHERE sha256 = ?1")?
        .query_row([sha256.as_slice()], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        if decision == Decision::Known {
            open.prepare_cached(
                "UPDATE certificates SET decision = 'known' WHERE id = ?1 AND decision = 'undecided'",
            )?
            .execute([id])?;
        }
        return Ok(Some(Taken {
            id,
            is_new: false,
            is_authority,
        }));
    }
    open.prepare_cached(
        "INSERT INTO certificates (sha256, der, is_authority, signs_lists, decision, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        sha256.as_slice(),
        der,
        is_authority,
        signs_lists(&certificate),
        decision.as_str(),
        now.unix()
    ])?;
    let id = open.last_insert_rowid();
    for address in CertificateAddresses::read(&certificate).list {
        if let Some(folded) = folded(&address.text) {
            open.prepare_cached(
                "INSERT OR IGNORE INTO addresses (certificate, folded) VALUES (?1, ?2)",
            )?
            .execute(params![id, folded])?;
        }
    }
    Ok(Some(Taken {
        id,
        is_new: true,
        is_authority,
    }))
}
