//! The user's private keys with their certificates, from `--keys`.
//!
//! Files are read once, at the start: MACs are checked and certificates taken out, so that every key has its names. A key
//! under a password is unlocked when a message first needs it. What was given as files is trusted to be the
//! user's own, but not to be well-formed.

mod alias;
mod entry;
mod file;
mod files;
mod formats;
mod identity;
mod index;
mod kek;
mod listing;
mod load;
mod open_pkcs12;
mod passwords;
mod pem_cipher;
mod stored;
mod unlock;

pub mod pem;
pub mod pkcs12;

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::crypto::PrivateKey;
use crate::crypto::password::Password;
use crate::error::RunError;
use crate::limits::Limits;
use crate::pki::keyring::alias::Aliases;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::keyring::index::Index;
use crate::pki::keyring::passwords::OwnLines;
use crate::pki::keyring::unlock::Place;
use crate::pki::keyring::unlock::Unlocker;

pub use entry::FileEntry;
pub use entry::Held;
pub use entry::KeyFileKind;
pub use entry::KeyFileProblem;
pub use entry::LoadReport;
pub use entry::Opened;
pub use file::FileContents;
pub use kek::Keks;
pub use load::Batch;
pub use load::KeyFiles;
pub use passwords::Passwords;
pub use unlock::UnlockError;

/// One private key of a [`Keyring`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(usize);

/// Private keys and how to find them. Shared by all workers.
///
/// Passwords and keys are wiped when it is dropped.
pub struct Keyring {
    keys: Vec<KeyRecord>,
    certificates: Vec<Vec<u8>>,
    index: Index,
    /// Keys that no password given opens, as far as a certificate names them; their numbers mean nothing.
    locked: Index,
    unlocker: Unlocker,
    keks: Keks,
    aliases: Aliases,
}

/// One key pair, wherever its halves were.
struct KeyRecord {
    names: PublicKeyNames,
    /// Places in [`Keyring::certificates`].
    certificates: Vec<usize>,
    friendly_name: Option<String>,
    /// Where the private half may be, in the order of reading.
    places: Vec<Place>,
    unlocked: OnceLock<Result<PrivateKey, UnlockError>>,
}

impl Keyring {
    /// No keys.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            index: Index::default(),
            locked: Index::default(),
            unlocker: Unlocker::new(&Passwords::none(), &OwnLines::default(), &Limits::default()),
            keks: Keks::none(),
            aliases: Aliases::default(),
        }
    }

    /// Loads files, and folders with all that is below them.
    ///
    /// A file that can't be used is a row of the report and ends nothing. Equal files and passwords give an equal key ring.
    ///
    /// # Errors
    /// `Unreadable` for a path that is not there or may not be read; `NoPasswordFits` where something is locked
    /// and no key could be had from any file.
    pub fn load(
        paths: &[PathBuf],
        passwords: &Passwords,
        limits: &Limits,
    ) -> Result<(Self, LoadReport), RunError> {
        load::load(paths, passwords, limits)
    }

    /// The key whose certificate has this issuer (all octets of the name) and serial number (content octets).
    ///
    /// Names are compared byte by byte, and then as RFC 5280 §7.1 says.
    #[must_use]
    pub fn by_issuer_serial(&self, issuer: &[u8], serial: &[u8]) -> Option<KeyId> {
        self.index.by_issuer_serial(issuer, serial)
    }

    /// The key with this subject key identifier: that of the certificate's extension, else the SHA-1 of the key's bits
    /// (RFC 5280 §4.2.1.2, method 1).
    #[must_use]
    pub fn by_ski(&self, identifier: &[u8]) -> Option<KeyId> {
        self.index.by_ski(identifier)
    }

    /// The key whose `SubjectPublicKeyInfo` has this SHA-256, as a certificate writes it or as the key itself would.
    #[must_use]
    pub fn by_public_key(&self, spki_sha256: &[u8; 32]) -> Option<KeyId> {
        self.index.by_public_key(spki_sha256)
    }

    /// The private key, unlocked on first use; a failure is remembered too.
    ///
    /// # Errors
    /// Why it can't be unlocked.
    pub fn private_key(&self, key: KeyId) -> Result<&PrivateKey, &UnlockError> {
        let record = self.keys.get(key.0).ok_or(&UnlockError::Damaged)?;
        let unlocked = record
            .unlocked
            .get_or_init(|| unlock::first(&record.places, &record.names, &self.unlocker));
        unlocked.as_ref()
    }

    /// The passwords in their order, for messages under a password (RFC 5652 §6.2.4); the empty one last.
    pub fn passwords(&self) -> impl Iterator<Item = &Password> {
        self.unlocker.passwords()
    }

    /// The certificates of a key in DER, in the order of reading; renewed ones have the same key.
    pub fn certificates_of(&self, key: KeyId) -> impl Iterator<Item = &[u8]> {
        let places = self.keys.get(key.0).map(|record| &record.certificates);
        places
            .into_iter()
            .flatten()
            .filter_map(|place| self.certificates.get(*place).map(Vec::as_slice))
    }

    /// The first certificate of a key in DER.
    #[must_use]
    pub fn certificate(&self, key: KeyId) -> Option<&[u8]> {
        self.certificates_of(key).next()
    }

    /// Every certificate found in the files, each once, in the order of reading; those of authorities too.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    /// All keys in the order of reading.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> {
        (0..self.keys.len()).map(KeyId)
    }

    /// There are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Shows how many keys there are, and nothing of them.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Keyring({} keys, {} certificates)",
            self.keys.len(),
            self.certificates.len()
        )
    }
}
