//! Where a record's message lies, and its bytes read again.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use crate::archive::write::stored;
use crate::archive::{Compression, Cursor, Kind as FileKind};
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::store::{self, Event, FileStart, Kind};
use crate::jobs::output::FACTS_FILE;
use crate::mime::message::Form;
use crate::report::reread::{self, Message};

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the argument.
    argument: usize,
    /// Path relative to the argument, raw.
    path: Vec<u8>,
    compression: String,
    /// What its bytes are.
    pub form: Form,
    /// Lines of it may be quoted.
    pub is_mbox: bool,
}

/// Finds the message's file among the facts of a report.
///
/// # Errors
/// `Unreadable` where the facts can't be read, `Damaged` where they do not have the file.
pub(super) fn locate(report: &Path, message: &Message) -> Result<Place, RunError> {
    let path = report.join(FACTS_FILE);
    let unreadable = |error| RunError::unreadable(&path, error);
    let file = File::open(&path).map_err(unreadable)?;
    let (mut reader, _) = store::Reader::open(file).map_err(unreadable)?;
    let mut start: Option<FileStart> = None;
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        if frame.kind != Kind::Block {
            continue;
        }
        let block: store::Block<Cursor> = frame.decode().map_err(unreadable)?;
        for event in block.events {
            match event {
                Event::FileStart(one) if one.input == message.named.archive => start = Some(one),
                Event::FileEnd(end) => {
                    if let Some(start) = start.take() {
                        return Ok(place(start, &end.kind));
                    }
                }
                Event::FileStart(_)
                | Event::Ordinary { .. }
                | Event::Message { .. }
                | Event::Between { .. }
                | Event::Fault(_) => {}
            }
        }
    }
    Err(RunError::Damaged {
        path,
        problem: "does not have the file that the record names. They are of different runs.",
    })
}

fn place(start: FileStart, kind: &str) -> Place {
    Place {
        argument: usize::try_from(start.argument).unwrap_or(usize::MAX),
        path: start.path_bytes.unwrap_or_else(|| start.path.into_bytes()),
        compression: start.compression,
        form: match kind == FileKind::Cms.as_str() {
            true => Form::Cms,
            false => Form::Mail,
        },
        is_mbox: kind == FileKind::Mbox.as_str(),
    }
}

/// The stored message, read again and held against the digest that the report has of it.
///
/// # Errors
/// `Unusable` where no archive is given, it is not there any more, or it has other bytes at that place; `Unreadable`.
pub(super) fn read(
    archives: &[PathBuf],
    place: &Place,
    message: &Message,
    settings: &Settings,
) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let Some(archive) = archives.get(place.argument) else {
        return Err(RunError::Unusable {
            path: PathBuf::from("--archive"),
            problem: "the archives that were audited are not known. Give all of them with --archive, in the same order.",
        });
    };
    let unreadable = |error| RunError::unreadable(archive, error);
    let changed = |path: &Path| RunError::Unusable {
        path: path.to_owned(),
        problem: "does not have, at the message's place, the bytes that the report has the digest of. Give the archive as it was audited, with --archive.",
    };
    let is_folder = archive.metadata().map_err(unreadable)?.is_dir();
    let path = match is_folder {
        false => archive.clone(),
        true if is_below(&place.path) => archive.join(OsStr::from_bytes(&place.path)),
        true => return Err(changed(archive)),
    };
    if archive == Path::new("-") || message.length > settings.limits.message_bytes {
        return Err(changed(&path));
    }
    let bytes = at(&path, place, message.named.offset, message.length)
        .map_err(|error| RunError::unreadable(&path, error))?;
    match reread::sha256(&message.named.sha256) {
        Some(digest) if bytes.as_ref().is_some_and(|bytes| sha256(bytes) == digest) => {
            bytes.ok_or_else(|| changed(&path))
        }
        Some(_) | None => Err(changed(&path)),
    }
}

/// Bytes of a file at a place, uncompressed; None where it ends before.
fn at(
    path: &Path,
    place: &Place,
    offset: u64,
    length: u64,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut file = File::open(path)?;
    let compression = [Compression::Gzip, Compression::Zstd]
        .into_iter()
        .find(|one| one.as_str() == place.compression);
    let mut reader: Box<dyn Read> = match compression {
        None => {
            file.seek(io::SeekFrom::Start(offset))?;
            Box::new(file)
        }
        Some(compression) => {
            let mut reader = stored::uncompressed(file, compression)?;
            match stored::skip(&mut *reader, offset) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                skipped => skipped?,
            }
            reader
        }
    };
    let mut bytes = Zeroizing::new(Vec::new());
    (&mut reader).take(length).read_to_end(&mut bytes)?;
    let whole = u64::try_from(bytes.len()).is_ok_and(|size| size == length);
    Ok(whole.then_some(bytes))
}

/// It leads nowhere else: no `..`, no root.
fn is_below(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path))
        .components()
        .all(|component| matches!(component, Component::Normal(_)))
}
