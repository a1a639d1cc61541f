//! Reading all key files once, and pairing what was in them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::crypto::PrivateKey;
use crate::crypto::digest;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::KeyId;
use crate::pki::keyring::KeyRecord;
use crate::pki::keyring::Keyring;
use crate::pki::keyring::entry::FileEntry;
use crate::pki::keyring::entry::KeyFileKind;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::LoadReport;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::files;
use crate::pki::keyring::formats;
use crate::pki::keyring::formats::Item;
use crate::pki::keyring::identity::Identity;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::index::Index;
use crate::pki::keyring::kek::Keks;
use crate::pki::keyring::open_pkcs12;
use crate::pki::keyring::passwords::Passwords;
use crate::pki::keyring::pem;
use crate::pki::keyring::pkcs12;
use crate::pki::keyring::unlock;
use crate::pki::keyring::unlock::LockedKey;
use crate::pki::keyring::unlock::Unlocker;
use crate::pki::x509::certificate::Certificate;

/// As [`Keyring::load`].
pub(super) fn load(
    paths: &[PathBuf],
    passwords: &Passwords,
    limits: &Limits,
) -> Result<(Keyring, LoadReport), RunError> {
    let mut loader = Loader {
        unlocker: Unlocker::new(passwords, limits),
        certificates: Vec::new(),
        known: HashMap::new(),
        keys: Vec::new(),
    };
    let mut report = LoadReport::default();
    for file in files::list(paths)? {
        let content = match files::read(&file.path, limits.key_file_bytes) {
            Ok(content) => content,
            Err(source) if file.named => return Err(RunError::unreadable(&file.path, source)),
            Err(_) => {
                let mut row = FileRow::new(KeyFileKind::Other);
                row.problem(KeyFileProblem::Unreadable);
                report.entries.push(row.finish(file, 0));
                continue;
            }
        };
        let row = match content.bytes {
            Some(bytes) => loader.file(&bytes, limits),
            None => {
                let mut row = FileRow::new(KeyFileKind::Other);
                row.problem(KeyFileProblem::NotAKeyFile);
                row
            }
        };
        report.entries.push(row.finish(file, content.mode));
    }
    let ring = loader.assemble();
    let locked = |entry: &&FileEntry| entry.problem == Some(KeyFileProblem::WrongPassword);
    match report.entries.iter().find(locked) {
        Some(entry) if ring.is_empty() => Err(RunError::NoPasswordFits {
            path: entry.path.clone(),
        }),
        _ => Ok((ring, report)),
    }
}

/// What becomes a [`FileEntry`].
pub(super) struct FileRow {
    kind: KeyFileKind,
    keys: usize,
    certificates: usize,
    opened: Opened,
    problem: Option<KeyFileProblem>,
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

    fn finish(self, file: files::Candidate, mode: u32) -> FileEntry {
        FileEntry {
            path: file.path,
            named: file.named,
            kind: self.kind,
            keys: self.keys,
            certificates: self.certificates,
            opened: self.opened,
            problem: self.problem,
            mode,
        }
    }
}

/// The private half of a key, and where it was.
struct FoundKey {
    names: PublicKeyNames,
    friendly_name: Option<String>,
    half: PrivateHalf,
}

enum PrivateHalf {
    Unlocked(PrivateKey),
    Locked(LockedKey),
}

/// What was found so far.
pub(super) struct Loader {
    pub unlocker: Unlocker,
    certificates: Vec<Vec<u8>>,
    known: HashMap<[u8; 32], usize>,
    keys: Vec<FoundKey>,
}

impl Loader {
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
        match self.unlocker.unlock(&encrypted, None) {
            Ok((key, fit)) => {
                row.opened(self.unlocker.succeeded(fit));
                self.key(key, None, row);
            }
            Err(error) => {
                row.opened(Opened::No);
                row.problem(error.into());
            }
        }
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
        let place = self.certificates.len();
        self.known.entry(digest::sha256(der)).or_insert_with(|| {
            self.certificates.push(der.to_vec());
            place
        });
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

    /// Pairs keys and certificates by public key, across all files.
    fn assemble(self) -> Keyring {
        let mut keys: Vec<KeyRecord> = Vec::new();
        let mut places: HashMap<Identity, usize> = HashMap::new();
        for found in self.keys {
            let place = *places.entry(found.names.identity).or_insert_with(|| {
                keys.push(KeyRecord {
                    names: found.names,
                    certificates: Vec::new(),
                    friendly_name: None,
                    locked: Vec::new(),
                    unlocked: OnceLock::new(),
                });
                keys.len() - 1
            });
            let Some(record) = keys.get_mut(place) else {
                continue;
            };
            if record.friendly_name.is_none() {
                record.friendly_name = found.friendly_name;
            }
            match found.half {
                PrivateHalf::Locked(key) => record.locked.push(key),
                // The same key from a second file is dropped, and wiped.
                PrivateHalf::Unlocked(key) => drop(record.unlocked.set(Ok(key))),
            }
        }
        let mut index = Index::default();
        for (place, der) in self.certificates.iter().enumerate() {
            let Ok(certificate) = Certificate::read(der) else {
                continue;
            };
            let Ok(names) = PublicKeyNames::read(certificate.spki) else {
                continue;
            };
            let Some(key) = places.get(&names.identity) else {
                continue;
            };
            if let Some(record) = keys.get_mut(*key) {
                record.certificates.push(place);
            }
            index.add_certificate(KeyId(*key), &certificate, &names);
        }
        for (place, record) in keys.iter().enumerate() {
            index.add_key(KeyId(place), &record.names);
        }
        Keyring {
            keys,
            certificates: self.certificates,
            index,
            unlocker: self.unlocker,
            keks: Keks::none(),
        }
    }
}
