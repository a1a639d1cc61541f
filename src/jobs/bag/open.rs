//! The file of the output that is being put together.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::write::{maildir, stored};
use crate::archive::{Compression, FileInfo, Kind, Stamp, Variant, shown};
use crate::crypto::digest::{DigestAlgorithm, Hasher};
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::folder::{Folder, create_file, exists};
use crate::jobs::bag::source::{self, Sources, State};
use crate::report::custody::{self, SourcePlace};
use crate::report::encode::hex;

/// A file that is being put together, as the journal has it. `T` is what a job knows of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::jobs) struct OpenState<T> {
    pub file: FileInfo,
    pub stamp: Option<Stamp>,
    pub variant: Option<Variant>,
    pub number: u64,
    pub output: Vec<u8>,
    /// Bytes written.
    pub length: u64,
    /// Where the bytes begin that belong to no message yet.
    pub before_at: u64,
    pub tally: T,
}

/// The file at hand.
pub(in crate::jobs) struct Open<T> {
    pub info: FileInfo,
    pub source: PathBuf,
    pub number: u64,
    pub path: PathBuf,
    /// Its path below `data`.
    pub output: Vec<u8>,
    pub file: BufWriter<File>,
    pub hasher: Hasher,
    /// Over the bytes that belong to no message yet.
    pub before: Hasher,
    /// Bytes written.
    pub length: u64,
    /// Where the bytes begin that belong to no message yet.
    pub before_at: u64,
    pub tally: T,
    /// Another file was written in place of this one, which the journal may still speak of.
    pub is_replaced: bool,
}

/// How often a file that is written meanwhile is copied before the copy stands as it is.
const TRIES: u32 = 4;

/// A complete file's digest and size.
pub(in crate::jobs) struct Complete {
    pub sha256: Sha256,
    pub bytes: u64,
}

impl<T: Clone + Default> Open<T> {
    /// A file that begins: the temporary file of this number, for what lies at `source`.
    pub fn begin(
        info: &FileInfo,
        folder: &Folder,
        sources: &Sources,
        number: u64,
    ) -> Result<Self, RunError> {
        let path = folder.temporary(&number.to_string());
        Ok(Self {
            output: sources.output(info),
            file: BufWriter::with_capacity(1 << 16, create_file(&path)?),
            info: info.clone(),
            source: sources.path(info),
            number,
            path,
            hasher: hasher()?,
            before: hasher()?,
            length: 0,
            before_at: 0,
            tally: T::default(),
            is_replaced: false,
        })
    }

    /// The file that an earlier run was at.
    pub fn reopen(
        state: &OpenState<T>,
        folder: &Folder,
        sources: &Sources,
    ) -> Result<Self, RunError> {
        let path = folder.temporary(&state.number.to_string());
        let info = FileInfo {
            stamp: state.stamp,
            variant: state.variant,
            ..state.file.clone()
        };
        let source = sources.path(&info);
        let unreadable = |error| RunError::unreadable(&path, error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(unreadable)?;
        let (mut whole, mut before) = (hasher()?, hasher()?);
        file.set_len(state.length).map_err(unreadable)?;
        let messages = hash(&mut file, state.before_at, |bytes| whole.update(bytes));
        let rest = state.length.saturating_sub(state.before_at);
        let rest = messages.and_then(|()| {
            hash(&mut file, rest, |bytes| {
                whole.update(bytes);
                before.update(bytes);
            })
        });
        rest.map_err(unreadable)?;
        file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self {
            info,
            source,
            number: state.number,
            path,
            output: state.output.clone(),
            file: BufWriter::with_capacity(1 << 16, file),
            hasher: whole,
            before,
            length: state.length,
            before_at: state.before_at,
            tally: state.tally.clone(),
            is_replaced: false,
        })
    }

    /// Its name among the temporary files, once it is complete.
    pub fn name(&self) -> String {
        match self.is_replaced {
            true => format!("{}.z", self.number),
            false => self.number.to_string(),
        }
    }

    pub fn state(&self) -> OpenState<T> {
        OpenState {
            file: self.info.clone(),
            stamp: self.info.stamp,
            variant: self.info.variant,
            number: self.number,
            output: self.output.clone(),
            length: self.length,
            before_at: self.before_at,
            tally: self.tally.clone(),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.hasher.update(bytes);
        self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.file
            .write_all(bytes)
            .map_err(|error| RunError::unwritable(&self.path, error))
    }

    pub fn between(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.before.update(bytes);
        self.write(bytes)
    }

    pub fn flush(&mut self) -> Result<(), RunError> {
        self.file
            .flush()
            .map_err(|error| RunError::unwritable(&self.path, error))
    }

    pub fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        self.file
            .get_ref()
            .sync_data()
            .map_err(|error| RunError::unwritable(&self.path, error))
    }

    pub fn source_place(&self, offset: u64, length: u64) -> SourcePlace {
        SourcePlace {
            archive: self.info.argument,
            path: self.info.shown_path(),
            offset,
            length,
            sha256: None,
        }
    }

    pub fn shown_output(&self) -> String {
        format!("data/{}", shown(&self.output))
    }

    /// The place of what is written next; the bytes before it are accounted to it.
    pub fn place(&mut self, bytes: &[u8], sha256: &Sha256) -> custody::OutputPlace {
        let before = self.length > self.before_at;
        let hashed = self.before.finish();
        custody::OutputPlace {
            path: self.shown_output(),
            offset: self.length,
            length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: hex(sha256),
            before_sha256: before.then(|| hex(hashed.as_bytes())),
        }
    }

    /// A Maildir file that says its size is called by its new one, unless another is called so, in the source or in the output.
    pub fn rename_for(&mut self, message: &[u8], is_taken: impl Fn(&[u8]) -> bool) {
        if self.info.kind != Kind::Maildir {
            return;
        }
        let at = self.output.iter().rposition(|octet| *octet == b'/');
        let at = at.map_or(0, |at| at + 1);
        let (folder, name) = self.output.split_at_checked(at).unwrap_or_default();
        let new = maildir::with_sizes(name, message);
        let sibling = self.source.with_file_name(OsStr::from_bytes(&new));
        let output = [folder, &new].concat();
        if new != name && !exists(&sibling) && !is_taken(&output) {
            self.output = output;
        }
    }

    /// Copies bytes of the source that were not read; false where they are not there any more, or not all.
    pub fn copy_unread(
        &mut self,
        offset: u64,
        length: u64,
    ) -> Result<(custody::OutputPlace, Sha256, bool), RunError> {
        let source = self.source.clone();
        let unreadable = |error| RunError::unreadable(&source, error);
        let file = match File::open(&source) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let place = self.place(&[], &Sha256::default());
                return Ok((place, Sha256::default(), false));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut reader = stored::uncompressed(file, self.info.compression).map_err(unreadable)?;
        stored::skip(&mut *reader, offset).map_err(unreadable)?;
        let mut place = self.place(&[], &Sha256::default());
        place.length = length;
        let mut left = length;
        let mut hashing = hasher()?;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let into = buffer.get_mut(..most).unwrap_or_default();
            let count = reader.read(into).map_err(unreadable)?;
            if count == 0 {
                break;
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            hashing.update(bytes);
            self.write(bytes)?;
            left -= u64::try_from(count).unwrap_or(left);
        }
        self.before_at = self.length;
        let digest = sha256_of(&mut hashing);
        place.sha256 = hex(&digest);
        Ok((place, digest, left == 0))
    }

    /// What was written, as it is.
    pub fn complete(&mut self) -> Result<Complete, RunError> {
        Ok(Complete {
            sha256: sha256_of(&mut self.hasher),
            bytes: self.length,
        })
    }

    /// What was written, compressed as the source was.
    pub fn compressed(&mut self) -> Result<Complete, RunError> {
        if self.info.compression == Compression::None {
            return self.complete();
        }
        let path = self.path.with_extension("z");
        let compression = self.info.compression;
        let mut plain =
            File::open(&self.path).map_err(|error| RunError::unreadable(&self.path, error))?;
        self.replaced(&path, |to| stored::compress(&mut plain, compression, to))
    }

    /// The source as it lies on disk, its first bytes only where `most` is given. What is written meanwhile is copied again. None where
    /// it is gone.
    pub fn copy_source(&mut self, most: Option<u64>) -> Result<Option<Complete>, RunError> {
        let path = self.path.with_extension("z");
        let source = self.source.clone();
        let unreadable = |error| RunError::unreadable(&source, error);
        let mut tries = 0;
        loop {
            let file = match File::open(&source) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unreadable(error)),
            };
            let before = Stamp::of(&file.metadata().map_err(unreadable)?);
            let mut bounded = (&file).take(most.unwrap_or(u64::MAX));
            let complete = self.replaced(&path, |to| io::copy(&mut bounded, to).map(drop))?;
            let after = Stamp::of(&file.metadata().map_err(unreadable)?);
            tries += 1;
            if most.is_some() || before == after || tries == TRIES {
                if most.is_none() {
                    self.info.stamp = Some(after);
                }
                return Ok(Some(complete));
            }
        }
    }

    /// What became of the source since it was listed.
    ///
    /// # Errors
    /// The system does not say.
    pub fn became(&self) -> Result<State, RunError> {
        source::state(&self.source, &self.info, self.info.stamp)
    }

    fn replaced(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Complete, RunError> {
        let mut hashing = Hashing {
            file: BufWriter::with_capacity(1 << 16, create_file(path)?),
            hasher: hasher()?,
            bytes: 0,
        };
        let written = write(&mut hashing).and_then(|()| hashing.file.flush());
        written.map_err(|error| RunError::unwritable(path, error))?;
        self.is_replaced = true;
        let Hashing {
            file,
            mut hasher,
            bytes,
        } = hashing;
        self.file = file;
        Ok(Complete {
            sha256: sha256_of(&mut hasher),
            bytes,
        })
    }
}

/// Digests what it writes.
struct Hashing {
    file: BufWriter<File>,
    hasher: Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(in crate::jobs) fn hasher() -> Result<Hasher, RunError> {
    Hasher::new(DigestAlgorithm::Sha256).map_err(|_| RunError::Internal {
        what: "OpenSSL gives no SHA-256",
    })
}

fn sha256_of(hasher: &mut Hasher) -> Sha256 {
    hasher.finish().as_bytes().try_into().unwrap_or_default()
}

fn hash(file: &mut File, bytes: u64, mut update: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = file.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        update(buffer.get(..count).unwrap_or_default());
        left -= u64::try_from(count).unwrap_or(left);
    }
    Ok(())
}
