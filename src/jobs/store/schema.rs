//! The store's file: made, opened, and told from what is no store.
//!
//! Two runs at once: every change is one transaction that takes SQLite's write lock at its start, and who meets the lock waits. A
//! run that is killed leaves a journal, from which the next one restores what was there before.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::RunError;
use crate::pki::x509::Certificate;
use crate::pki::x509::extensions::KeyUsageBit;

/// The version of the tables, in SQLite's `user_version`.
const VERSION: i64 = 2;

/// SQLite's `application_id`: "mlsl".
const APPLICATION: i64 = 0x6d6c_736c;

/// How long a run waits for another one's transaction. Past it: the command ends with an error, nothing is changed. Origin: a report of a
/// million certificates takes half a minute to import.
const BUSY: Duration = Duration::from_secs(60);

/// Times are seconds since 1970, digests and DER are BLOBs, an empty `folded` stands for any sender.
const TABLES: &str = "
CREATE TABLE certificates (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    der BLOB NOT NULL,
    is_authority INTEGER NOT NULL,
    signs_lists INTEGER NOT NULL DEFAULT 0,
    decision TEXT NOT NULL CHECK (decision IN ('distrusted', 'undecided', 'known', 'trusted')),
    added_at INTEGER NOT NULL
);
CREATE INDEX certificates_by_decision ON certificates (decision) WHERE decision IN ('distrusted', 'trusted');
CREATE INDEX certificates_of_authorities ON certificates (is_authority) WHERE is_authority = 1;
CREATE INDEX certificates_that_sign_lists ON certificates (signs_lists) WHERE signs_lists = 1;
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    certificate INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    decision TEXT NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX decisions_of ON decisions (certificate);
CREATE TABLE addresses (
    certificate INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    PRIMARY KEY (certificate, folded)
) WITHOUT ROWID;
CREATE INDEX addresses_by_text ON addresses (folded);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    path TEXT NOT NULL,
    imported_at INTEGER NOT NULL
);
CREATE TABLE evidence (
    certificate INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    messages INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    first_at INTEGER,
    last_at INTEGER,
    place TEXT NOT NULL,
    PRIMARY KEY (certificate, source, folded)
) WITHOUT ROWID;
CREATE INDEX evidence_of_source ON evidence (source);
CREATE TABLE capabilities (
    certificate INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    names TEXT NOT NULL,
    at INTEGER,
    PRIMARY KEY (certificate, source)
) WITHOUT ROWID;
CREATE TABLE preferences (
    signer INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    named BLOB NOT NULL,
    at INTEGER,
    PRIMARY KEY (signer, source)
) WITHOUT ROWID;
CREATE TABLE own_keys (
    path BLOB NOT NULL,
    spki_sha256 BLOB NOT NULL,
    certificate INTEGER REFERENCES certificates (id) ON DELETE SET NULL,
    added_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX own_keys_once ON own_keys (path, spki_sha256, ifnull(certificate, 0));
CREATE TABLE crls (
    sha256 BLOB NOT NULL UNIQUE,
    der BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    is_given INTEGER NOT NULL DEFAULT 1
);
";

/// From version 1, which had no OCSP responses, and only lists that the operator gave.
const FROM_1: &str = "
ALTER TABLE certificates ADD COLUMN signs_lists INTEGER NOT NULL DEFAULT 0;
CREATE INDEX certificates_that_sign_lists ON certificates (signs_lists) WHERE signs_lists = 1;
ALTER TABLE crls ADD COLUMN is_given INTEGER NOT NULL DEFAULT 1;
";

/// Opens a store; with `create` one that is not there is made, which others can't read.
///
/// # Errors
/// `Unreadable` where there is none; `Unusable` where it is something else, of a later version, or others can write to it.
pub(super) fn open(path: &Path, create: bool) -> Result<Connection, RunError> {
    if create {
        make(path).map_err(|error| RunError::unwritable(path, error))?;
    }
    let about = fs::metadata(path).map_err(|error| RunError::unreadable(path, error))?;
    if !about.is_file() {
        return Err(unusable(path, NO_STORE));
    }
    // Who can write here decides whom this user trusts.
    if about.mode() & 0o022 != 0 {
        return Err(unusable(
            path,
            "others can write to this store, so its decisions may be theirs. Look at them, and take the permission away (chmod 600).",
        ));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| failed(path, &error))?;
    prepare(&mut connection, path, create).map_err(|error| match error {
        Opened::Sqlite(error) => failed(path, &error),
        Opened::Refused(error) => error,
    })?;
    Ok(connection)
}

/// What SQLite said of a store, as an error of the run.
pub(super) fn failed(path: &Path, error: &rusqlite::Error) -> RunError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => unusable(
            path,
            "another run has been writing to this store for a minute. Nothing was changed; try again when it has ended.",
        ),
        Some(ErrorCode::NotADatabase) => unusable(path, NO_STORE),
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen,
        ) => RunError::unwritable(path, io::Error::other(error.to_string())),
        Some(_) | None => RunError::Damaged {
            path: path.to_owned(),
            problem: "is damaged. Take a copy of it from before, or make a new one from the reports and files that it was made of.",
        },
    }
}

const NO_STORE: &str = "is no store of mailseal. Give another file with --store.";

fn unusable(path: &Path, problem: &'static str) -> RunError {
    RunError::Unusable {
        path: path.to_owned(),
        problem,
    }
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let made = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

enum Opened {
    Sqlite(rusqlite::Error),
    Refused(RunError),
}

impl From<rusqlite::Error> for Opened {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn prepare(connection: &mut Connection, path: &Path, create: bool) -> Result<(), Opened> {
    connection.busy_timeout(BUSY)?;
    // What is in the file may come from somewhere else: no function may run by being in its tables, and pages are checked.
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;",
    )?;
    if version(connection)? == (0, 0) && create {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        // Another run may have been quicker.
        if version(&transaction)? == (0, 0) && tables == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()?;
    }
    if version(connection)? == (APPLICATION, 1) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? == (APPLICATION, 1) {
            upgrade(&transaction)?;
        }
        transaction.commit()?;
    }
    match version(connection)? {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, _) => Err(Opened::Refused(unusable(
            path,
            "was written by a later version of mailseal. Use that one, or another store.",
        ))),
        (_, _) => Err(Opened::Refused(unusable(path, NO_STORE))),
    }
}

fn upgrade(open: &Connection) -> rusqlite::Result<()> {
    open.execute_batch(FROM_1)?;
    let mut signers = Vec::new();
    let mut rows = open.prepare("SELECT id, der FROM certificates")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let der: Vec<u8> = row.get(1)?;
        if Certificate::read(&der).is_ok_and(|one| signs_lists(&one)) {
            signers.push(row.get::<_, i64>(0)?);
        }
    }
    for id in signers {
        open.execute(
            "UPDATE certificates SET signs_lists = 1 WHERE id = ?1",
            [id],
        )?;
    }
    open.pragma_update(None, "user_version", VERSION)
}

/// It may sign lists (RFC 5280 §4.2.1.3), be it an authority's or not: those of an indirect list's issuer are needed to verify it. An OCSP
/// response brings its responder's.
pub(super) fn signs_lists(certificate: &Certificate<'_>) -> bool {
    let usage = certificate.extensions.key_usage();
    matches!(usage, Ok(Some(usage)) if usage.has(KeyUsageBit::CrlSign))
}

fn version(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}
