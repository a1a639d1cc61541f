//! The key ring of a run: read by all workers, and remembered in an index from run to run.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::limits::{KEY_INDEX_BYTES, Limits};
use crate::pipeline::{self, Machine};
use crate::pki::keyring::{Batch, KeyFiles, Keyring, LoadReport, Passwords};

/// Fewer files than this are read anew each time, unless a cache was asked for: opening them is quicker than knowing the passwords again.
pub const FILES_FOR_AN_INDEX: usize = 256;

/// Where the index is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache<'a> {
    /// Nowhere.
    None,
    /// In this folder, for [`FILES_FOR_AN_INDEX`] files or more.
    ForMany(&'a Path),
    /// In this folder.
    Always(&'a Path),
}

/// A ring, and what was in the files.
#[derive(Debug)]
pub struct Loaded {
    /// The keys.
    pub keys: Keyring,
    /// A row for each file.
    pub report: LoadReport,
    /// Files that were read; the others were known from the index.
    pub read: usize,
    /// The index could not be written; the ring is complete all the same.
    pub unwritten: Option<(PathBuf, io::Error)>,
}

/// Loads files, and folders with all that is below them. `step` is told how many of how many files have been read.
///
/// Equal files and passwords give an equal key ring, with an index and without, for any number of threads. An index that is damaged,
/// not ours or out of date costs time and nothing else.
///
/// # Errors
/// As [`KeyFiles::list`] and [`KeyFiles::assemble`]; `Interrupted` when asked to stop.
pub fn load(
    paths: &[PathBuf],
    passwords: &Passwords,
    cache: Cache<'_>,
    limits: &Limits,
    machine: &Machine<'_>,
    step: &(dyn Fn(usize, usize) + Sync),
) -> Result<Loaded, RunError> {
    let mut files = KeyFiles::list(paths, passwords, limits)?;
    let folder = match cache {
        Cache::Always(folder) => Some(folder),
        Cache::ForMany(folder) if files.len() >= FILES_FOR_AN_INDEX => Some(folder),
        Cache::ForMany(_) | Cache::None => None,
    };
    let index = folder.map(|folder| folder.join(name(paths)));
    if let Some(index) = &index {
        match open(index) {
            Some((bytes, written)) => files.restore(&bytes, written),
            None => files.restore(&[], 0),
        }
    }
    let batches = files.unread();
    let unread: usize = batches.iter().map(Batch::len).sum();
    let done = AtomicUsize::new(0);
    let contents = pipeline::map(machine, &batches, |batch| {
        if machine.stop.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let contents = files.read(batch);
        let before = done.fetch_add(batch.len(), Ordering::Relaxed);
        step(before + batch.len(), unread);
        contents
    })?;
    if machine.stop.load(Ordering::Relaxed) {
        return Err(RunError::Interrupted);
    }
    contents.into_iter().for_each(|read| files.keep(read));
    let mut unwritten = None;
    if let Some(path) = index
        && let Some(bytes) = files.index()?
        && let Err(error) = write(&path, &bytes)
    {
        unwritten = Some((path, error));
    }
    let (keys, report) = files.assemble()?;
    Ok(Loaded {
        keys,
        report,
        read: unread,
        unwritten,
    })
}

/// One index for each set of paths, so that an index has the files that a run has, and no others.
fn name(paths: &[PathBuf]) -> String {
    let mut all = Vec::new();
    for path in paths {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        all.extend_from_slice(absolute.as_os_str().as_encoded_bytes());
        all.push(0);
    }
    let digest: String = sha256(&all)
        .iter()
        .take(12)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("keys-{digest}.index")
}

/// An index and when it was written, in nanoseconds since 1970; None where there is none that only we could have written.
fn open(path: &Path) -> Option<(Vec<u8>, i128)> {
    // A pipe in its place would have nobody to write to it.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let within = metadata.len() <= KEY_INDEX_BYTES;
    if !metadata.is_file() || !ours || metadata.mode() & 0o077 != 0 || !within {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?.saturating_add(1));
    file.take(KEY_INDEX_BYTES).read_to_end(&mut bytes).ok()?;
    let written = i128::from(metadata.mtime()).saturating_mul(1_000_000_000);
    Some((
        bytes,
        written.saturating_add(i128::from(metadata.mtime_nsec())),
    ))
}

/// Writes an index under another name and renames it: a run beside this one reads the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    if !folder.is_dir() {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    // Others can't read it: the names in it are nobody's business.
    let mut file = tempfile::Builder::new()
        .prefix(".keys-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
