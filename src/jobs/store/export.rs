//! Out of the store, as PEM.

use crate::error::RunError;
use crate::jobs::store::{Failed, Store, decide, folded};
use crate::judge::recipient::Decision;

/// What is to be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Certificates: those that claim an address, or have these first digits of their SHA-256; all where nothing is named.
    Certificates(&'a [String]),
    /// Certificates about which this was decided.
    Decided(Decision),
    /// Revocation lists and OCSP responses.
    Revocation,
}

impl Store {
    /// The DER of everything that is wanted, in the order of the SHA-256, each once; byte for byte what was put in.
    ///
    /// # Errors
    /// `Unusable` for digits that fit no certificate or several.
    pub fn export(&self, wanted: Wanted<'_>) -> Result<Vec<Vec<u8>>, RunError> {
        self.look(|open| {
            let mut all = Vec::new();
            let mut take =
                |query: &str, parameters: &[&dyn rusqlite::ToSql]| -> Result<(), Failed> {
                    let mut rows = open.prepare(query)?;
                    let mut rows = rows.query(parameters)?;
                    while let Some(row) = rows.next()? {
                        all.push((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
                    }
                    Ok(())
                };
            match wanted {
                Wanted::Certificates([]) => take("SELECT sha256, der FROM certificates", &[])?,
                Wanted::Certificates(names) => {
                    for name in names {
                        if let Some(address) = folded(name) {
                            take(
                                "SELECT sha256, der FROM certificates WHERE id IN \
                                 (SELECT certificate FROM addresses WHERE folded = ?1)",
                                &[&address],
                            )?;
                        } else {
                            let (id, _) = decide::certificate(open, name)?;
                            take("SELECT sha256, der FROM certificates WHERE id = ?1", &[&id])?;
                        }
                    }
                }
                Wanted::Decided(decision) => take(
                    "SELECT sha256, der FROM certificates WHERE decision = ?1",
                    &[&decision.as_str()],
                )?,
                Wanted::Revocation => take("SELECT sha256, der FROM crls", &[])?,
            }
            all.sort_unstable();
            all.dedup();
            Ok(all.into_iter().map(|(_, der)| der).collect())
        })
    }
}
