//! The folders of the source, made again: empty ones too, and with their times. What lies in a Maildir's `tmp` is not yet mail, and the
//! archive does not hand it out.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::archive::{Compression, FileInfo, Kind, Stamp};
use crate::error::RunError;
use crate::jobs::bag::commit::set_time;
use crate::jobs::bag::folder::{Folder, make_folders};
use crate::jobs::bag::source::Sources;
use crate::limits::Limits;

/// A folder of the source.
struct Place {
    argument: u32,
    path: PathBuf,
    /// Below its argument.
    relative: Vec<u8>,
    /// Below `data`.
    output: Vec<u8>,
    is_temporary: bool,
}

/// Makes the folders.
///
/// # Errors
/// One can't be made. One that can't be read is the archive's to report.
pub(in crate::jobs) fn make(
    folder: &Folder,
    sources: &Sources,
    limits: &Limits,
) -> Result<(), RunError> {
    let data = folder.data(b"");
    each(sources, limits, |place| {
        make_folders(&data, &folder.data(&place.output))
    })
}

/// Calls `with` for each file in a Maildir's `tmp`.
///
/// # Errors
/// What `with` gave.
pub(in crate::jobs) fn extras(
    sources: &Sources,
    limits: &Limits,
    mut with: impl FnMut(&FileInfo) -> Result<(), RunError>,
) -> Result<(), RunError> {
    each(sources, limits, |place| {
        if !place.is_temporary {
            return Ok(());
        }
        let Ok(entries) = fs::read_dir(&place.path) else {
            return Ok(());
        };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let path = place.path.join(&name);
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_file() {
                with(&FileInfo {
                    argument: place.argument,
                    path: [&place.relative[..], b"/", name.as_bytes()].concat(),
                    kind: Kind::Other,
                    compression: Compression::None,
                    stored_bytes: Some(metadata.len()),
                    stamp: Some(Stamp::of(&metadata)),
                    variant: None,
                })?;
            }
        }
        Ok(())
    })
}

/// Gives the folders their times.
///
/// # Errors
/// One can't be written.
pub(in crate::jobs) fn times(
    folder: &Folder,
    sources: &Sources,
    limits: &Limits,
) -> Result<(), RunError> {
    each(sources, limits, |place| {
        let path = folder.data(&place.output);
        let Ok(metadata) = fs::metadata(&place.path) else {
            return Ok(());
        };
        let file = fs::File::open(&path).map_err(|error| RunError::unwritable(&path, error))?;
        set_time(&file, Some(Stamp::of(&metadata)))
            .map_err(|error| RunError::unwritable(&path, error))
    })
}

/// Calls `with` for each folder, those above before those below, in byte order of their names. Links are not followed.
fn each(
    sources: &Sources,
    limits: &Limits,
    mut with: impl FnMut(&Place) -> Result<(), RunError>,
) -> Result<(), RunError> {
    for (argument, path, name) in sources.folders() {
        let mut left = vec![(
            0,
            Place {
                argument,
                path: path.to_owned(),
                relative: Vec::new(),
                output: name.to_vec(),
                is_temporary: false,
            },
        )];
        while let Some((depth, place)) = left.pop() {
            with(&place)?;
            if depth >= limits.folder_depth {
                continue;
            }
            let mut below = folders_in(&place.path);
            below.sort_by(|a, b| b.cmp(a));
            let is_maildir = ["cur", "new", "tmp"]
                .iter()
                .filter(|part| below.iter().any(|name| name == **part))
                .count()
                >= 2;
            for name in below {
                let join = |above: &[u8]| match above {
                    [] => name.as_bytes().to_vec(),
                    above => [above, b"/", name.as_bytes()].concat(),
                };
                let below = Place {
                    argument,
                    path: place.path.join(&name),
                    relative: join(&place.relative),
                    output: join(&place.output),
                    is_temporary: is_maildir && name == "tmp",
                };
                left.push((depth + 1, below));
            }
        }
    }
    Ok(())
}

fn folders_in(folder: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .collect()
}
