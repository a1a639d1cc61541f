//! How far a run is, so that another can go on: a frame for each block, synced once everything that it speaks of is.
//!
//! The frames are those of the facts file: one that was cut off when the run died is not read. What is in them is each job's own.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RunError;
use crate::facts::store::{self, Head, Kind, Reader, Writer};
use crate::jobs::bag::folder::create_file;

/// The journal of a run.
pub(in crate::jobs) struct Journal {
    writer: Writer,
    path: PathBuf,
}

impl Journal {
    pub fn create(path: PathBuf, head: &Head) -> Result<Self, RunError> {
        let file = create_file(&path)?;
        let begin = || {
            let mut writer = Writer::create(file, head)?;
            writer.flush(true)?;
            Ok(writer)
        };
        let writer = begin().map_err(|error| RunError::unwritable(&path, error))?;
        Ok(Self { writer, path })
    }

    /// Goes on with an earlier run's. None where it did not come to its first block.
    ///
    /// # Errors
    /// `Damaged` where that run had other keys or was of another version.
    pub fn reopen<C: DeserializeOwned>(
        path: PathBuf,
        head: &Head,
    ) -> Result<Option<(Self, C)>, RunError> {
        let unreadable = |error| RunError::unreadable(&path, error);
        let mut file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let opened = Reader::open(file.try_clone().map_err(unreadable)?);
        let (mut reader, seen) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        // What was not synced may be anything: the first frame that can't be read ends the journal.
        let mut last = None;
        while let Ok(Some(frame)) = reader.next_frame() {
            if frame.kind == Kind::Checkpoint {
                let Ok(checkpoint) = frame.decode() else {
                    break;
                };
                last = Some((checkpoint, reader.position()));
            }
        }
        let Some((checkpoint, end)) = last else {
            return Ok(None);
        };
        if seen != *head {
            return Err(RunError::Damaged {
                path,
                problem: "was written with other keys or by another version. Give the same ones, or start anew with --force.",
            });
        }
        let mut cut = || {
            file.set_len(end)?;
            file.seek(SeekFrom::End(0))
        };
        cut().map_err(|error| RunError::unwritable(&path, error))?;
        let writer = Writer::append(file);
        Ok(Some((Self { writer, path }, checkpoint)))
    }

    /// Writes the state down; everything that it speaks of is synced.
    pub fn write<C: Serialize>(&mut self, checkpoint: &C) -> Result<(), RunError> {
        let mut write = || {
            let frame = store::encode(Kind::Checkpoint, checkpoint)?;
            self.writer.frame(&frame)?;
            self.writer.flush(true)
        };
        write().map_err(|error| RunError::unwritable(&self.path, error))
    }
}
