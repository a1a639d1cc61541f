//! What the sender's side needs, kept between runs in one SQLite file: own keys (where their files are, never the keys), other
//! people's certificates with what mail told of them, authorities and what was decided about them, revocation lists.
//!
//! What comes from mail enters as evidence, never as trust: only [`Store::decide`] changes a decision.

mod add;

mod decide;

mod export;

mod ground;

mod import;

mod list;

mod schema;

pub use add::{Added, Gathered, OwnKey};
pub use decide::Decided;
pub use export::Wanted;
pub use ground::{Ground, StoreMaterial, Whose};
pub use import::Imported;
pub use list::Filter;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::judge::recipient::Decision;
use crate::mime::compare;

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens a store. With `create` one that is not there is made, for its owner alone (mode 0600).
    ///
    /// # Errors
    /// `Unreadable` where there is none; `Unusable` where the file is something else, was written by a later version, or others can
    /// write to it.
    pub fn open(path: &Path, create: bool) -> Result<Self, RunError> {
        Ok(Self {
            connection: schema::open(path, create)?,
            path: path.to_owned(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes it, all or nothing.
    fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, RunError> {
        let path = self.path.clone();
        let all = || -> Result<T, Failed> {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let given = work(&transaction)?;
            transaction.commit()?;
            Ok(given)
        };
        all().map_err(|failed| failed.of(&path))
    }

    /// Reads of it what was there at one instant.
    fn look<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failed>) -> Result<T, RunError> {
        let all = || -> Result<T, Failed> {
            let transaction = self.connection.unchecked_transaction()?;
            let given = work(&transaction)?;
            transaction.finish()?;
            Ok(given)
        };
        all().map_err(|failed| failed.of(&self.path))
    }
}

/// What ends work on a store.
#[derive(Debug)]
enum Failed {
    Sqlite(rusqlite::Error),
    Run(RunError),
}

impl Failed {
    fn of(self, path: &Path) -> RunError {
        match self {
            Self::Sqlite(error) => schema::failed(path, &error),
            Self::Run(error) => error,
        }
    }

    /// The store holds something that mailseal never writes.
    fn damaged() -> Self {
        Self::Sqlite(rusqlite::Error::InvalidQuery)
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<RunError> for Failed {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// An address as the tables have it: equal for all that [`compare::compare`] takes for one mailbox but for the case of the local part.
fn folded(address: &str) -> Option<String> {
    compare::folded(address)
}

fn decision(word: &str) -> Result<Decision, Failed> {
    Decision::ALL
        .iter()
        .copied()
        .find(|decision| decision.as_str() == word)
        .ok_or_else(Failed::damaged)
}

fn time(seconds: Option<i64>) -> Option<Time> {
    seconds.and_then(Time::from_unix)
}

fn sha256_of(blob: &[u8]) -> Result<Sha256, Failed> {
    Sha256::try_from(blob).map_err(|_| Failed::damaged())
}
