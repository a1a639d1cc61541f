//! Complete files on their way to their names: synced, read back, compared, renamed, and their folders synced.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::archive::{Archive, Item, ReadOptions, Stamp};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::jobs::bag::folder::{Folder, create_file, exists, make_folders, sync, sync_together};
use crate::jobs::bag::tags::payload_line;
use crate::jobs::files::digest_of;
use crate::limits::Limits;

/// A complete file that has no name yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::jobs) struct Pending {
    /// Its name among the temporary files.
    pub name: String,
    /// Its path below `data`.
    pub output: Vec<u8>,
    pub sha256: Sha256,
}

/// Threads that sync and read back: a disk takes some syncs together.
const THREADS: usize = 8;

/// From this many files on, they are synced together first: one after another they cost a commit of the disk each.
const TOGETHER: usize = 16;

/// Syncs files, reads them back, and adds their lines to `payload`.
///
/// # Errors
/// What can't be written, or does not read back as it was written.
pub(in crate::jobs) fn check(
    folder: &Folder,
    pending: &[Pending],
    payload: &mut Appender,
) -> Result<(), RunError> {
    if pending.len() >= TOGETHER {
        sync_together(&folder.temporary_folder())?;
    }
    let share = pending.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = pending
            .chunks(share)
            .map(|files| scope.spawn(move || files.iter().try_for_each(|file| file.check(folder))))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or(Err(RunError::Internal {
                what: "a thread that syncs is gone",
            }))
        })
    })?;
    if !pending.is_empty() {
        sync(&folder.temporary_folder())?;
    }
    pending
        .iter()
        .try_for_each(|file| payload.write(&payload_line(&file.output, &file.sha256)))
}

/// Gives files their names, and makes the names last. Those that have them already, from a run that died here, keep them.
///
/// # Errors
/// What can't be written.
pub(in crate::jobs) fn name(folder: &Folder, pending: &[Pending]) -> Result<(), RunError> {
    let mut folders = BTreeSet::new();
    let data = folder.data(b"");
    for file in pending {
        let path = folder.data(&file.output);
        let parent = path.parent().unwrap_or(&data).to_owned();
        if !folders.contains(&parent) {
            make_folders(&data, &parent)?;
        }
        match fs::rename(folder.temporary(&file.name), &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && exists(&path) => {}
            named => named.map_err(|error| RunError::unwritable(&path, error))?,
        }
        let above = parent
            .ancestors()
            .take_while(|above| above.starts_with(&data));
        folders.extend(above.map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| sync(folder))
}

impl Pending {
    fn check(&self, folder: &Folder) -> Result<(), RunError> {
        let path = folder.temporary(&self.name);
        sync(&path)?;
        if digest_of(&path)? == self.sha256 {
            return Ok(());
        }
        Err(RunError::Damaged {
            path,
            problem: "does not read back as it was written. Check the disk, or write to another.",
        })
    }
}

/// Cuts a written mbox into messages again, under the name that it will have: how many, and the chain of their digests. None where it is
/// no mbox any more.
pub(in crate::jobs) fn read_again(
    path: &Path,
    name: &[u8],
    limits: &Limits,
) -> Option<(u64, Sha256)> {
    let options = ReadOptions {
        limits: limits.clone(),
        ..ReadOptions::default()
    };
    let name = name.rsplit(|octet| *octet == b'/').next()?;
    let name = String::from_utf8_lossy(name);
    let file = Box::new(File::open(path).ok()?);
    let mut archive = Archive::from_reader(&name, file, options).ok()?;
    let (mut messages, mut chain) = (0, Sha256::default());
    while let Some(block) = archive.next_block() {
        for item in &block.items {
            if let Item::Message(located) = item {
                messages += 1;
                chain = chained(&chain, &sha256(block.message(located).bytes));
            }
        }
        archive.recycle(block.bytes);
    }
    Some((messages, chain))
}

/// A digest over digests, one after another.
pub(in crate::jobs) fn chained(chain: &Sha256, next: &Sha256) -> Sha256 {
    sha256(&[chain.as_slice(), next.as_slice()].concat())
}

/// Gives a file the time of its source, to the nanosecond.
pub(in crate::jobs) fn set_time(file: &File, stamp: Option<Stamp>) -> io::Result<()> {
    let Some(stamp) = stamp else {
        return Ok(());
    };
    let whole = Duration::from_secs(stamp.modified_seconds.unsigned_abs());
    let part = Duration::from_nanos(u64::try_from(stamp.modified_nanoseconds).unwrap_or(0));
    let base = match stamp.modified_seconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(whole),
        false => SystemTime::UNIX_EPOCH.checked_sub(whole),
    };
    let Some(time) = base.and_then(|base| base.checked_add(part)) else {
        return Ok(());
    };
    file.set_times(FileTimes::new().set_modified(time))
}

/// A file that grows, and that a run can go on with.
pub(in crate::jobs) struct Appender {
    file: BufWriter<File>,
    path: PathBuf,
    length: u64,
}

impl Appender {
    /// Opens it with only its first `length` bytes.
    ///
    /// # Errors
    /// It can't be written, or is shorter.
    pub fn open(path: PathBuf, length: u64) -> Result<Self, RunError> {
        let unwritable = |error| RunError::unwritable(&path, error);
        let file = if length == 0 {
            create_file(&path)?
        } else {
            let file = File::options().read(true).write(true).open(&path);
            file.map_err(unwritable)?
        };
        if file.metadata().map_err(unwritable)?.len() < length {
            return Err(RunError::Damaged {
                path,
                problem: "is shorter than the earlier run left it. Start anew with --force.",
            });
        }
        let mut appender = Self {
            file: BufWriter::with_capacity(1 << 16, file),
            path,
            length,
        };
        appender.cut(length)?;
        Ok(appender)
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// # Errors
    /// It can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.file
            .write_all(bytes)
            .map_err(|error| RunError::unwritable(&self.path, error))
    }

    /// Keeps a copy of what stands behind `length` at `path`, whole or not at all, before it is cut off: a journal may speak of it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep_tail(&mut self, length: u64, path: &Path) -> Result<(), RunError> {
        let new = path.with_extension("new");
        let mut tail = create_file(&new)?;
        let mut keep = || {
            self.file.flush()?;
            let mut file = self.file.get_ref();
            file.seek(SeekFrom::Start(length))?;
            io::copy(&mut file, &mut tail)?;
            tail.sync_all()?;
            fs::rename(&new, path)
        };
        keep().map_err(|error| RunError::unwritable(path, error))?;
        sync(path.parent().unwrap_or(Path::new(".")))
    }

    /// Puts back what [`Appender::keep_tail`] kept, if it did.
    ///
    /// # Errors
    /// It can't be written.
    pub fn put_back(file: &Path, length: u64, tail: &Path) -> Result<(), RunError> {
        if !exists(tail) {
            return Ok(());
        }
        let put = || {
            let mut from = File::open(tail)?;
            let mut file = File::options().write(true).open(file)?;
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            io::copy(&mut from, &mut file)?;
            file.sync_all()
        };
        put().map_err(|error| RunError::unwritable(file, error))
    }

    /// Forgets what stands behind `length`.
    ///
    /// # Errors
    /// It can't be written.
    pub fn cut(&mut self, length: u64) -> Result<(), RunError> {
        let mut cut = || {
            self.file.flush()?;
            self.file.get_ref().set_len(length)?;
            self.file.seek(SeekFrom::Start(length))
        };
        cut().map_err(|error| RunError::unwritable(&self.path, error))?;
        self.length = length;
        Ok(())
    }

    /// # Errors
    /// It can't be written.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_data())
            .map_err(|error| RunError::unwritable(&self.path, error))
    }
}
