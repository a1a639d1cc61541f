//! Where the octets of certificates lie: a file without a name, or memory.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::RunError;

/// Octets that are only appended, and read from any place by many threads at once.
#[derive(Debug)]
pub enum Spool {
    /// A file that nobody else writes to, unlinked by whoever made it.
    File {
        /// The file.
        file: File,
        /// Bytes written so far.
        length: u64,
    },
    /// For small runs.
    Memory(Vec<u8>),
}

impl Spool {
    /// Spools to the start of `file`, which must be empty.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::File { file, length: 0 }
    }

    /// Spools to memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(Vec::new())
    }

    pub(super) fn append(&mut self, octets: &[u8]) -> Result<(u64, u32), RunError> {
        let too_long = |_| RunError::Internal {
            what: "a certificate of over 4 GiB reached the pool",
        };
        let size = u32::try_from(octets.len()).map_err(too_long)?;
        let at = match self {
            Self::File { file, length } => {
                let at = *length;
                file.write_all_at(octets, at)
                    .map_err(|source| RunError::unwritable(Path::new(NAME), source))?;
                *length = at.saturating_add(u64::from(size));
                at
            }
            Self::Memory(all) => {
                let at = u64::try_from(all.len()).unwrap_or(u64::MAX);
                all.extend_from_slice(octets);
                at
            }
        };
        Ok((at, size))
    }

    pub(super) fn read(&self, offset: u64, length: u32) -> Result<Cow<'_, [u8]>, RunError> {
        let unreadable = |source| RunError::unreadable(Path::new(NAME), source);
        let length =
            usize::try_from(length).map_err(|_| unreadable(io::ErrorKind::OutOfMemory.into()))?;
        match self {
            Self::File { file, .. } => {
                let mut octets = vec![0; length];
                file.read_exact_at(&mut octets, offset)
                    .map_err(unreadable)?;
                Ok(Cow::Owned(octets))
            }
            Self::Memory(all) => usize::try_from(offset)
                .ok()
                .and_then(|start| all.get(start..)?.get(..length))
                .map(Cow::Borrowed)
                .ok_or_else(|| unreadable(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// The file has no name of its own.
const NAME: &str = "the spool file for certificates";
