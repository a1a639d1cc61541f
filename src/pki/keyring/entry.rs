//! What loading found in each file.

use std::path::PathBuf;

use crate::pki::keyring::KeyId;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFileKind {
    /// PKCS #12 (RFC 7292).
    Pkcs12,
    /// Text with blocks (RFC 7468).
    Pem,
    /// One or more keys or certificates in DER.
    Der,
    /// Nothing of that.
    Other,
}

/// With what a file opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opened {
    /// Nothing in it is encrypted.
    Freely,
    /// The empty password.
    WithEmptyPassword,
    /// A password of the list, counted from 1: the line of the password file.
    WithPassword(usize),
    /// It did not open; `problem` says why.
    No,
}

/// What is wrong with a key file. The rest of the file is used all the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyFileProblem {
    /// No password given opens it.
    WrongPassword,
    /// Something in it needs an algorithm or a format that is not known; its name or object identifier.
    UnsupportedAlgorithm(String),
    /// The key derivation asks for more rounds or memory than the limit. Nothing was derived.
    TooManyRounds,
    /// It begins like a key file, and then its encoding breaks.
    Damaged,
    /// It holds neither a key nor a certificate. In a folder that is no fault.
    NotAKeyFile,
    /// The file could not be read, or stopped being there.
    Unreadable,
}

/// Something that a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// A private key.
    Key(KeyId),
    /// A certificate: its place in the order of [`super::Keyring::certificates`].
    Certificate(usize),
}

/// One file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// As given, or below the folder given.
    pub path: PathBuf,
    /// Named itself, not found in a folder.
    pub named: bool,
    /// What it turned out to be.
    pub kind: KeyFileKind,
    /// Private keys in it, locked ones included.
    pub keys: usize,
    /// Certificates in it.
    pub certificates: usize,
    /// With what it opened.
    pub opened: Opened,
    /// The first thing wrong with it.
    pub problem: Option<KeyFileProblem>,
    /// Permission bits of the file (`0o600`); 0 where it could not be opened.
    pub mode: u32,
    /// The keys that could be told apart, and then the certificates, in the order in which they stand.
    pub holds: Vec<Held>,
}

impl FileEntry {
    /// It holds private keys, or may, and somebody but its owner may read or change it.
    ///
    /// Encrypted keys count too: a password holds only as long as guessing is slow.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        let may_hold_keys = self.keys > 0 || self.kind == KeyFileKind::Pkcs12;
        may_hold_keys && self.mode & 0o077 != 0
    }
}

/// What loading found, a row for each file in the order of reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The rows.
    pub entries: Vec<FileEntry>,
}
