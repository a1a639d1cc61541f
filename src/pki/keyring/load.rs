//! Reading all key files once, and pairing what was in them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::crypto::digest;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::KeyId;
use crate::pki::keyring::KeyRecord;
use crate::pki::keyring::Keyring;
use crate::pki::keyring::alias::Aliases;
use crate::pki::keyring::entry::FileEntry;
use crate::pki::keyring::entry::Held;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::entry::LoadReport;
use crate::pki::keyring::entry::Opened;
use crate::pki::keyring::file::FileContents;
use crate::pki::keyring::file::FoundKey;
use crate::pki::keyring::file::PrivateHalf;
use crate::pki::keyring::files;
use crate::pki::keyring::files::Candidate;
use crate::pki::keyring::identity::Identity;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::index::Index;
use crate::pki::keyring::kek::Keks;
use crate::pki::keyring::passwords::Passwords;
use crate::pki::keyring::stored;
use crate::pki::keyring::stored::PasswordList;
use crate::pki::keyring::unlock::Place;
use crate::pki::keyring::unlock::Unlocker;
use crate::pki::x509::certificate::Certificate;

/// Files that are read one behind the other by one worker: their passwords are often the same, or follow one another.
const BATCH: usize = 64;

/// The files that a key ring is made of, each read once, in any order and by any number of workers.
pub struct KeyFiles {
    files: Vec<Candidate>,
    contents: Vec<Option<FileContents>>,
    unlocker: Unlocker,
    list: PasswordList,
    limits: Limits,
    /// The index has entries of files that have changed or are gone.
    outdated: bool,
}

/// Some files that nobody has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch(Vec<usize>);

impl Batch {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl KeyFiles {
    /// Finds files, and folders with all that is below them. Nothing is read yet.
    ///
    /// # Errors
    /// `Unreadable` for a path or folder that is not there or may not be read.
    pub fn list(
        paths: &[PathBuf],
        passwords: &Passwords,
        limits: &Limits,
    ) -> Result<Self, RunError> {
        let files = files::list(paths)?;
        let own = passwords.of_files(files.iter().map(|file| file.path.as_path()));
        Ok(Self {
            contents: files.iter().map(|_| None).collect(),
            files,
            unlocker: Unlocker::new(passwords, &own, limits),
            list: PasswordList::new(passwords),
            limits: limits.clone(),
            outdated: false,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Takes from an index what it knows of the files as they are now. `written`: when the index was written, in nanoseconds since
    /// 1970. One that is damaged, of another version or of no use gives nothing.
    pub fn restore(&mut self, index: &[u8], written: i128) {
        let places: HashMap<&[u8], usize> = self
            .files
            .iter()
            .enumerate()
            .map(|(place, file)| (file.absolute.as_os_str().as_encoded_bytes(), place))
            .collect();
        let mut found = Vec::new();
        let mut outdated = false;
        let read = stored::read(index, &mut self.list, &self.limits, &mut |entry| {
            let place = places.get(entry.path).copied();
            let now = place.and_then(|place| self.files.get(place)?.identity);
            match (place, now) {
                (Some(place), Some(now)) if now.is_settled(written) && entry.speaks_of(&now) => {
                    found.push((place, entry.contents(now)));
                }
                _ => outdated = true,
            }
        });
        self.outdated = outdated || read.is_none();
        if read.is_none() {
            return;
        }
        for (place, contents) in found {
            if let Some(slot) = self.contents.get_mut(place) {
                *slot = Some(contents);
            }
        }
    }

    /// The files that are still to be read.
    #[must_use]
    pub fn unread(&self) -> Vec<Batch> {
        let unread: Vec<usize> = self
            .contents
            .iter()
            .enumerate()
            .filter(|(_, contents)| contents.is_none())
            .map(|(place, _)| place)
            .collect();
        let batches = unread.chunks(BATCH);
        batches.map(|places| Batch(places.to_vec())).collect()
    }

    /// Reads a batch: MACs are checked and certificates taken out. Never fails: what is wrong with a file is in what it gives.
    #[must_use]
    pub fn read(&self, batch: &Batch) -> Vec<(usize, FileContents)> {
        let mut last = None;
        let mut all = Vec::with_capacity(batch.0.len());
        for place in &batch.0 {
            let Some(file) = self.files.get(*place) else {
                continue;
            };
            let hints = self.unlocker.hints(*place, self.files.len(), last);
            let content = files::read(&file.path, self.limits.key_file_bytes);
            let contents = FileContents::read(&content, &self.unlocker, hints, &self.limits);
            last = contents.fit.or(last);
            all.push((*place, contents));
        }
        all
    }

    /// Keeps what a batch gave.
    pub fn keep(&mut self, read: Vec<(usize, FileContents)>) {
        for (place, contents) in read {
            self.outdated |= contents.identity.is_some();
            if let Some(slot) = self.contents.get_mut(place) {
                *slot = Some(contents);
            }
        }
    }

    /// The index for the next run, where it is not the one that was read. It holds no password, no private key, and nothing that makes
    /// guessing one cheaper than the key files do: of the list of passwords it has a digest of more rounds than any file that one opened.
    ///
    /// # Errors
    /// `Internal` where the system gives no randomness.
    pub fn index(&self) -> Result<Option<Vec<u8>>, RunError> {
        if !self.outdated {
            return Ok(None);
        }
        let known = self.files.iter().zip(&self.contents);
        let known = known.filter_map(|(file, contents)| Some((file, contents.as_ref()?)));
        let slowest = self.unlocker.rounds();
        stored::write(known, &self.list, slowest, &self.limits).map(Some)
    }

    /// Pairs keys and certificates by public key, across all files. Equal files and passwords give an equal key ring.
    ///
    /// # Errors
    /// `Unreadable` for a file that was named and can't be read.
    pub fn assemble(self) -> Result<(Keyring, LoadReport), RunError> {
        let mut ring = Assembly::default();
        let mut report = LoadReport::default();
        for (file, contents) in self.files.into_iter().zip(self.contents) {
            let Some(contents) = contents else {
                return Err(RunError::Internal {
                    what: "a key file was not read",
                });
            };
            if let (true, Some(source)) = (file.named, contents.error) {
                return Err(RunError::unreadable(&file.path, source));
            }
            let row = contents.row;
            if row.problem == Some(KeyFileProblem::WrongPassword) {
                ring.locked.insert(file.absolute.with_extension(""));
            }
            let held = ring.file(&file, row.opened, contents.certificates, contents.keys);
            report.entries.push(FileEntry {
                path: file.path,
                named: file.named,
                kind: row.kind,
                keys: row.keys,
                certificates: row.certificates,
                opened: row.opened,
                problem: row.problem,
                mode: contents.mode,
                holds: held,
            });
        }
        Ok((ring.finish(self.unlocker), report))
    }
}

/// As [`Keyring::load`].
pub(super) fn load(
    paths: &[PathBuf],
    passwords: &Passwords,
    limits: &Limits,
) -> Result<(Keyring, LoadReport), RunError> {
    let mut files = KeyFiles::list(paths, passwords, limits)?;
    for batch in files.unread() {
        let read = files.read(&batch);
        files.keep(read);
    }
    let (ring, report) = files.assemble()?;
    match report.refusal(&ring) {
        Some(error) => Err(error),
        None => Ok((ring, report)),
    }
}

impl LoadReport {
    /// Why a run can't go on with this ring: something is locked, and no key could be had from any file.
    #[must_use]
    pub fn refusal(&self, ring: &Keyring) -> Option<RunError> {
        let locked = |entry: &&FileEntry| entry.problem == Some(KeyFileProblem::WrongPassword);
        let entry = self.entries.iter().find(locked)?;
        ring.is_empty().then(|| RunError::NoPasswordFits {
            path: entry.path.clone(),
        })
    }
}

/// A ring in the making.
#[derive(Default)]
struct Assembly {
    certificates: Vec<Vec<u8>>,
    known: HashMap<[u8; 32], usize>,
    keys: Vec<KeyRecord>,
    places: HashMap<Identity, usize>,
    /// Files that no password opened, without their endings.
    locked: HashSet<PathBuf>,
    /// Where certificates were, without the files' endings.
    beside: Vec<(usize, PathBuf)>,
}

impl Assembly {
    fn file(
        &mut self,
        file: &Candidate,
        opened: Opened,
        certificates: Vec<Vec<u8>>,
        keys: Vec<FoundKey>,
    ) -> Vec<Held> {
        let mut held = Vec::with_capacity(keys.len() + certificates.len());
        for found in keys {
            held.push(Held::Key(self.key(file, opened, found)));
        }
        for der in certificates {
            let next = self.certificates.len();
            let place = *self.known.entry(digest::sha256(&der)).or_insert(next);
            if place == next {
                self.certificates.push(der);
            }
            held.push(Held::Certificate(place));
            self.beside.push((place, file.absolute.with_extension("")));
        }
        held
    }

    fn key(&mut self, file: &Candidate, opened: Opened, found: FoundKey) -> KeyId {
        let place = *self.places.entry(found.names.identity).or_insert_with(|| {
            self.keys.push(KeyRecord {
                names: found.names,
                certificates: Vec::new(),
                friendly_name: None,
                places: Vec::new(),
                unlocked: OnceLock::new(),
            });
            self.keys.len() - 1
        });
        if let Some(record) = self.keys.get_mut(place) {
            if record.friendly_name.is_none() {
                record.friendly_name = found.friendly_name;
            }
            match found.half {
                PrivateHalf::Locked(key) => record.places.push(Place::Locked(key)),
                PrivateHalf::InFile => {
                    record.places.push(Place::InFile(file.path.clone(), opened));
                }
                // The same key from a second file is dropped, and wiped.
                PrivateHalf::Unlocked(key) => drop(record.unlocked.set(Ok(key))),
            }
        }
        KeyId(place)
    }

    fn finish(mut self, unlocker: Unlocker) -> Keyring {
        let mut index = Index::default();
        let mut locked = Index::default();
        let beside = std::mem::take(&mut self.beside).into_iter();
        let beside = beside.filter(|(_, stem)| self.locked.contains(stem));
        let waiting: HashSet<usize> = beside.map(|(place, _)| place).collect();
        for (place, der) in self.certificates.iter().enumerate() {
            let Ok(certificate) = Certificate::read(der) else {
                continue;
            };
            let Ok(names) = PublicKeyNames::read(certificate.spki) else {
                continue;
            };
            let Some(key) = self.places.get(&names.identity) else {
                if waiting.contains(&place) {
                    locked.add_certificate(KeyId(place), &certificate, &names);
                }
                continue;
            };
            if let Some(record) = self.keys.get_mut(*key) {
                record.certificates.push(place);
            }
            index.add_certificate(KeyId(*key), &certificate, &names);
        }
        for (place, record) in self.keys.iter().enumerate() {
            index.add_key(KeyId(place), &record.names);
        }
        Keyring {
            keys: self.keys,
            certificates: self.certificates,
            index,
            locked,
            unlocker,
            keks: Keks::none(),
            aliases: Aliases::default(),
        }
    }
}
