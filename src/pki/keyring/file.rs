//! Reading one key file with the passwords of the run.

use std::io;

use crate::crypto::PrivateKey;
use crate::limits::Limits;
use crate::pki::keyring::entry::KeyFileKind;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::files::Content;
use crate::pki::keyring::files::FileIdentity;
use crate::pki::keyring::formats;
use crate::pki::keyring::formats::Item;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::open_pkcs12;
use crate::pki::keyring::pem;
use crate::pki::keyring::pkcs12;
use crate::pki::keyring::unlock;
use crate::pki::keyring::unlock::Fit;
use crate::pki::keyring::unlock::LockedKey;
use crate::pki::keyring::unlock::Unlocker;
use crate::pki::x509::certificate::Certificate;

/// What is in one file, read now or remembered.
pub struct FileContents {
    pub(super) row: FileRow,
    /// Permission bits; 0 where the file could not be opened.
    pub(super) mode: u32,
    /// In DER, in the order in which they stand.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) keys: Vec<FoundKey>,
    /// Which state of the file was read; None for what an index can't speak of.
    pub(super) identity: Option<FileIdentity>,
    /// Why it could not be read.
    pub(super) error: Option<io::Error>,
    /// The attempt that opened it.
    pub(super) fit: Option<Fit>,
}

/// What becomes a [`super::FileEntry`].
pub(super) struct FileRow {
    pub kind: KeyFileKind,
    pub keys: usize,
    pub certificates: usize,
    pub opened: Opened,
    pub problem: Option<KeyFileProblem>,
}

impl FileRow {
    fn new(kind: KeyFileKind) -> Self {
        Self {
            kind,
            keys: 0,
            certificates: 0,
            opened: Opened::Freely,
            problem: None,
        }
    }

    /// Something is wrong with the file; the first such thing is kept.
    pub fn problem(&mut self, problem: KeyFileProblem) {
        self.problem.get_or_insert(problem);
    }

    /// Something is wrong with the file.
    pub fn has_problem(&self) -> bool {
        self.problem.is_some()
    }

    /// Something in the file is encrypted, and opened with this; the first such thing is kept.
    pub fn opened(&mut self, opened: Opened) {
        if self.opened == Opened::Freely {
            self.opened = opened;
        }
    }

    /// A private key is in the file, whether it can be had or not.
    pub fn key(&mut self) {
        self.keys += 1;
    }
}

/// The private half of a key, and where it was.
pub(super) struct FoundKey {
    pub names: PublicKeyNames,
    pub friendly_name: Option<String>,
    pub half: PrivateHalf,
}

pub(super) enum PrivateHalf {
    Unlocked(PrivateKey),
    Locked(LockedKey),
    /// In the file, which is read again when the key is needed.
    InFile,
}

impl FileContents {
    /// What could be opened and read.
    pub(super) fn read(
        content: &io::Result<Content>,
        unlocker: &Unlocker,
        hints: Vec<Fit>,
        limits: &Limits,
    ) -> Self {
        match content {
            Ok(Content {
                bytes: Some(bytes),
                mode,
                identity,
            }) => {
                let mut loader = Loader {
                    unlocker,
                    hints,
                    fit: None,
                    certificates: Vec::new(),
                    keys: Vec::new(),
                };
                let row = loader.file(bytes, limits);
                Self {
                    row,
                    mode: *mode,
                    certificates: loader.certificates,
                    keys: loader.keys,
                    identity: *identity,
                    error: None,
                    fit: loader.fit,
                }
            }
            Ok(Content {
                bytes: None,
                mode,
                identity,
            }) => Self {
                mode: *mode,
                identity: *identity,
                ..Self::nothing(KeyFileProblem::NotAKeyFile, None)
            },
            Err(error) => {
                let error = io::Error::new(error.kind(), error.to_string());
                Self::nothing(KeyFileProblem::Unreadable, Some(error))
            }
        }
    }

    fn nothing(problem: KeyFileProblem, error: Option<io::Error>) -> Self {
        let mut row = FileRow::new(KeyFileKind::Other);
        row.problem(problem);
        Self {
            row,
            mode: 0,
            certificates: Vec::new(),
            keys: Vec::new(),
            identity: None,
            error,
            fit: None,
        }
    }
}

/// What was found in a file so far.
pub(super) struct Loader<'u> {
    pub unlocker: &'u Unlocker,
    /// What to try before all others.
    pub hints: Vec<Fit>,
    fit: Option<Fit>,
    certificates: Vec<Vec<u8>>,
    keys: Vec<FoundKey>,
}

impl Loader<'_> {
    fn file(&mut self, bytes: &[u8], limits: &Limits) -> FileRow {
        let (kind, items) = if pem::is_pem(bytes) {
            let items = formats::read_pem(bytes, limits);
            (KeyFileKind::Pem, items)
        } else if pkcs12::looks_like_pfx(bytes) {
            let mut row = FileRow::new(KeyFileKind::Pkcs12);
            open_pkcs12::open(bytes, self, &mut row, limits);
            return row;
        } else {
            let items = formats::read_der(bytes, limits);
            (KeyFileKind::Der, items)
        };
        let Some(items) = items else {
            let mut row = FileRow::new(KeyFileKind::Other);
            row.problem(KeyFileProblem::NotAKeyFile);
            return row;
        };
        let mut row = FileRow::new(kind);
        for item in items {
            self.item(item, &mut row, limits);
        }
        row
    }

    fn item(&mut self, item: Item, row: &mut FileRow, limits: &Limits) {
        let encrypted = match item {
            Item::Problem(problem) => return row.problem(problem),
            Item::Certificate(der) => {
                self.certificate(&der, row);
                return;
            }
            Item::Key(der) => {
                row.key();
                return match unlock::read_key(&der, limits) {
                    Ok(key) => self.key(key, None, row),
                    Err(error) => row.problem(error.into()),
                };
            }
            Item::EncryptedKey(der) => unlock::Encrypted::Pkcs8(der),
            Item::EncryptedPem(block) => unlock::Encrypted::Pem(block),
        };
        row.key();
        match self.unlocker.unlock(&encrypted, &self.first(None)) {
            Ok((key, fit)) => {
                row.opened(self.succeeded(fit));
                self.key(key, None, row);
            }
            Err(error) => {
                row.opened(Opened::No);
                row.problem(error.into());
            }
        }
    }

    /// What to try first: what has opened something of the file, else the hints.
    pub fn first(&self, fit: Option<Fit>) -> Vec<Fit> {
        match fit.or(self.fit) {
            Some(fit) => vec![fit],
            None => self.hints.clone(),
        }
    }

    /// Remembers what fits, to try it first the next time. Gives its name for the report.
    pub fn succeeded(&mut self, fit: Fit) -> Opened {
        self.fit = Some(fit);
        self.unlocker.opened(fit)
    }

    /// Keeps a certificate. Gives the names of its key where it can be read.
    pub fn certificate(&mut self, der: &[u8], row: &mut FileRow) -> Option<PublicKeyNames> {
        let names = Certificate::read(der)
            .and_then(|certificate| PublicKeyNames::read(certificate.spki))
            .ok();
        if names.is_none() {
            row.problem(KeyFileProblem::Damaged);
            return None;
        }
        row.certificates += 1;
        self.certificates.push(der.to_vec());
        names
    }

    /// Keeps a private key.
    pub fn key(&mut self, key: PrivateKey, friendly_name: Option<String>, row: &mut FileRow) {
        match unlock::public_names(&key) {
            Some(names) => self.keys.push(FoundKey {
                names,
                friendly_name,
                half: PrivateHalf::Unlocked(key),
            }),
            None => row.problem(KeyFileProblem::Damaged),
        }
    }

    /// Keeps a private key to be unlocked later; the certificate beside it says which it is.
    pub fn locked(&mut self, key: LockedKey, names: PublicKeyNames, friendly_name: Option<String>) {
        self.keys.push(FoundKey {
            names,
            friendly_name,
            half: PrivateHalf::Locked(key),
        });
    }
}
