//! Files and folders of outputs: others can't read them, whatever the umask.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::crypto::digest::{DigestAlgorithm, Hasher};
use crate::error::RunError;

/// Something is there, be it a link to nowhere.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The folder that a path is in; None for the working folder.
pub(super) fn parent_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// A folder that nobody else can look into.
pub(super) fn make_folder(path: &Path) -> Result<(), RunError> {
    let make = || {
        DirBuilder::new().mode(0o700).create(path)?;
        // The umask may have taken away what we need ourselves.
        fs::set_permissions(path, Permissions::from_mode(0o700))
    };
    make().map_err(|error| RunError::unwritable(path, error))
}

/// A new or emptied file that nobody else can read, for writing and reading.
pub(super) fn create_file(path: &Path) -> Result<File, RunError> {
    let create = || {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(file)
    };
    create().map_err(|error| RunError::unwritable(path, error))
}

/// Syncs a file or folder.
pub(super) fn sync(path: &Path) -> Result<(), RunError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| RunError::unwritable(path, error))
}

/// SHA-256 of a file.
///
/// # Errors
/// `Unreadable`.
pub(super) fn digest_of(path: &Path) -> Result<[u8; 32], RunError> {
    digest(path).map_err(|error| RunError::unreadable(path, error))
}

/// SHA-256 of a file, in constant memory.
pub(super) fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hasher =
        Hasher::new(DigestAlgorithm::Sha256).map_err(|_| io::ErrorKind::Unsupported)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
    let digest = hasher.finish();
    digest.as_bytes().try_into().map_err(io::Error::other)
}

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;
