//! Bytes at places of files, read forward and held against digests.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::archive::write::stored;
use crate::archive::{Compression, unshown};
use crate::crypto::digest::{DigestAlgorithm, Hasher};
use crate::error::RunError;
use crate::report::encode::hex;

/// The files of one side at the places that records name, read forward.
pub(super) struct Places {
    /// The folder below which raw paths lie, by archive number; the bag has one.
    roots: Vec<Root>,
    open: Option<OpenPlace>,
}

pub(super) struct Root {
    pub path: PathBuf,
    pub is_folder: bool,
}

struct OpenPlace {
    key: (u32, String),
    reader: Option<Box<dyn Read>>,
    at: u64,
}

/// How a place compares.
pub(super) enum Compared {
    Equal,
    Differs,
    Missing,
}

impl Compared {
    fn of(is_whole: bool, digests: &[String], sha256: &str) -> Self {
        match is_whole && digests.iter().any(|digest| digest == sha256) {
            true => Self::Equal,
            false => Self::Differs,
        }
    }
}

impl Places {
    pub fn new(roots: Vec<Root>) -> Self {
        Self { roots, open: None }
    }

    /// Holds the bytes from where the last place ended, up to `offset`, against their digest, behind any of `prefixes`.
    pub fn compare_before(
        &mut self,
        archive: u32,
        path: &str,
        offset: u64,
        prefixes: &[&[u8]],
        sha256: &str,
    ) -> Result<Compared, RunError> {
        self.open(archive, path, false)?;
        let at = self.open.as_ref().map_or(0, |open| open.at);
        let length = offset.saturating_sub(at);
        Ok(match self.digests(length, prefixes)? {
            None => Compared::Missing,
            Some((read, digests)) => Compared::of(read == length, &digests, sha256),
        })
    }

    /// The digests of what is left of the file at hand, behind each of `prefixes`; None without a file.
    pub fn rest(&mut self, prefixes: &[&[u8]]) -> Result<Option<Vec<String>>, RunError> {
        let rest = self.digests(u64::MAX, prefixes)?;
        Ok(rest.map(|(_, digests)| digests))
    }

    /// Holds the bytes at a place against their digest.
    pub fn compare(
        &mut self,
        archive: u32,
        path: &str,
        whole: bool,
        offset: u64,
        length: u64,
        sha256: &str,
    ) -> Result<Compared, RunError> {
        self.open(archive, path, whole)?;
        let at = self.open.as_ref().map_or(0, |open| open.at);
        if offset < at && length > 0 {
            self.open = None;
            self.open(archive, path, whole)?;
        }
        if let Some(open) = &mut self.open
            && let Some(reader) = &mut open.reader
            && offset > open.at
        {
            // What can't be passed over can't be read either, and differs below.
            let _ = stored::skip(reader, offset - open.at);
            open.at = offset;
        }
        Ok(match self.digests(length, &[b""])? {
            None => Compared::Missing,
            Some((read, digests)) => Compared::of(read == length, &digests, sha256),
        })
    }

    /// How many bytes of the next `length` there are, and their digests behind each of `prefixes`. None where there is no file.
    fn digests(
        &mut self,
        length: u64,
        prefixes: &[&[u8]],
    ) -> Result<Option<(u64, Vec<String>)>, RunError> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let Some(reader) = &mut open.reader else {
            return Ok(None);
        };
        let mut hashers = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            let hasher = Hasher::new(DigestAlgorithm::Sha256);
            let mut hasher = hasher.map_err(|_| RunError::Internal {
                what: "OpenSSL gives no SHA-256",
            })?;
            hasher.update(prefix);
            hashers.push(hasher);
        }
        let mut left = length;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            // Compressed data that is damaged is not what was written.
            let count = match reader.read(buffer.get_mut(..most).unwrap_or_default()) {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            for hasher in &mut hashers {
                hasher.update(buffer.get(..count).unwrap_or_default());
            }
            left -= u64::try_from(count).unwrap_or(left);
        }
        open.at = open.at.saturating_add(length);
        let digests = hashers
            .iter_mut()
            .map(|hasher| hex(hasher.finish().as_bytes()))
            .collect();
        Ok(Some((length - left, digests)))
    }

    /// Opens a file, unless it is open already.
    fn open(&mut self, archive: u32, path: &str, whole: bool) -> Result<(), RunError> {
        let key = (archive, path.to_owned());
        if self.open.as_ref().is_some_and(|open| open.key == key) {
            return Ok(());
        }
        let root = usize::try_from(archive)
            .ok()
            .and_then(|index| self.roots.get(index));
        let raw = unshown(path);
        let file = root.and_then(|root| match root.is_folder {
            true => is_relative(&raw).then(|| root.path.join(OsStr::from_bytes(&raw))),
            false => Some(root.path.clone()),
        });
        let reader = match file {
            Some(file) => reader(&file, whole)?,
            None => None,
        };
        self.open = Some(OpenPlace { key, reader, at: 0 });
        Ok(())
    }
}

/// The uncompressed bytes of a file, or its bytes as they lie if it is no mail; None where it is not there.
fn reader(path: &Path, whole: bool) -> Result<Option<Box<dyn Read>>, RunError> {
    let unreadable = |error| RunError::unreadable(path, error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut magic = Vec::new();
    (&mut file)
        .take(4)
        .read_to_end(&mut magic)
        .map_err(unreadable)?;
    io::Seek::rewind(&mut file).map_err(unreadable)?;
    let compression = match magic.as_slice() {
        _ if whole => Compression::None,
        [0x1f, 0x8b, 8, _] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    };
    stored::uncompressed(file, compression)
        .map(Some)
        .map_err(unreadable)
}

/// It leads nowhere else: no `..`, no root.
pub(super) fn is_relative(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path))
        .components()
        .all(|component| matches!(component, Component::Normal(_)))
}
