//! What the operator decides, and what he takes out again.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rusqlite::{Connection, params};

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::store::{Failed, Store, sha256_of};
use crate::judge::recipient::Decision;
use crate::pki::x509::Certificate;

/// Digits of a fingerprint that are enough, where they fit one certificate only.
const LEAST_DIGITS: usize = 8;

/// A certificate that was decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which.
    pub sha256: Sha256,
    /// RFC 4514 text.
    pub subject: String,
    /// Trusted, it is an anchor: an authority's, or signed with its own key. Else it is confirmed for its addresses.
    pub is_anchor: bool,
}

impl Store {
    /// Decides about certificates, named by their SHA-256 or the first digits of it; all or none. The time and the note are kept, and
    /// those of earlier decisions too.
    ///
    /// # Errors
    /// `Unusable` for a name that fits no certificate or several.
    pub fn decide(
        &mut self,
        names: &[String],
        decision: Decision,
        note: &str,
        now: Time,
    ) -> Result<Vec<Decided>, RunError> {
        self.change(|open| {
            let mut all = Vec::new();
            for name in names {
                let (id, sha256) = certificate(open, name)?;
                open.execute(
                    "UPDATE certificates SET decision = ?2 WHERE id = ?1",
                    params![id, decision.as_str()],
                )?;
                open.execute(
                    "INSERT INTO decisions (certificate, decision, at, note) VALUES (?1, ?2, ?3, ?4)",
                    params![id, decision.as_str(), now.unix(), note],
                )?;
                let der: Vec<u8> =
                    open.query_row("SELECT der FROM certificates WHERE id = ?1", [id], |row| row.get(0))?;
                let read = Certificate::read(&der).map_err(|_| Failed::damaged())?;
                all.push(Decided {
                    sha256,
                    subject: read.subject.display(),
                    is_anchor: is_anchor(&read),
                });
            }
            Ok(all)
        })
    }

    /// Takes out certificates (with all that is known of them) and CRLs, named as above, and references to key files, named by path.
    /// Gives how many of each name there were.
    ///
    /// # Errors
    /// `Unusable` for a name that fits nothing, or several certificates; nothing is taken out then.
    pub fn remove(&mut self, names: &[String]) -> Result<(), RunError> {
        self.change(|open| {
            for name in names {
                let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
                let keys = open.execute(
                    "DELETE FROM own_keys WHERE path = ?1",
                    [path.as_os_str().as_bytes()],
                )?;
                if keys > 0 {
                    continue;
                }
                let crls = matching(open, "crls", "rowid", name)?;
                if let [(id, _)] = crls.as_slice() {
                    open.execute("DELETE FROM crls WHERE rowid = ?1", [id])?;
                    continue;
                }
                let (id, _) = certificate(open, name)?;
                open.execute("DELETE FROM certificates WHERE id = ?1", [id])?;
            }
            Ok(())
        })
    }
}

/// Trusted, it ends paths. Nobody but its holder relies on any other certificate.
pub(super) fn is_anchor(certificate: &Certificate<'_>) -> bool {
    let constraints = certificate.extensions.basic_constraints();
    matches!(constraints, Ok(Some(constraints)) if constraints.ca) || certificate.is_self_issued()
}

/// The one certificate that a fingerprint or its first digits name.
pub(super) fn certificate(open: &Connection, name: &str) -> Result<(i64, Sha256), Failed> {
    let problem = match matching(open, "certificates", "id", name)?.as_slice() {
        [one] => return Ok(*one),
        [] => {
            "fits no certificate in the store. Give the first 8 or more digits of its SHA-256; `mailseal store list` has them."
        }
        [_, ..] => "fits several certificates in the store. Give more digits.",
    };
    Err(Failed::Run(RunError::Unusable {
        path: PathBuf::from(name),
        problem,
    }))
}

/// Is it the digits of a fingerprint, or the first of them? Colons between them are how OpenSSL writes it.
pub(super) fn digits(name: &str) -> Option<String> {
    let digits: String = name.chars().filter(|c| *c != ':').collect();
    let fits = (LEAST_DIGITS..=64).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| digits.to_ascii_uppercase())
}

/// `table` and `id` are words of ours. At most two are given.
fn matching(
    open: &Connection,
    table: &'static str,
    id: &'static str,
    name: &str,
) -> Result<Vec<(i64, Sha256)>, Failed> {
    let Some(digits) = digits(name) else {
        return Ok(Vec::new());
    };
    let mut rows = open.prepare(&format!(
        "SELECT {id}, sha256 FROM {table} WHERE hex(sha256) GLOB ?1 || '*' LIMIT 2"
    ))?;
    let mut found = rows.query([digits])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push((row.get(0)?, sha256_of(&row.get::<_, Vec<u8>>(1)?)?));
    }
    Ok(all)
}
