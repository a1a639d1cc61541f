//! The folder that evidence is written to: under another name until it is complete, then renamed once. Only its owner can read it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::jobs::output::partial_of;

/// Evidence in the making, in `NAME.partial`.
#[derive(Debug)]
pub(super) struct EvidenceFolder {
    partial: PathBuf,
    target: PathBuf,
    written: Vec<PathBuf>,
}

impl EvidenceFolder {
    /// Makes the partial folder.
    ///
    /// # Errors
    /// `Unusable` where the target or a partial folder is there: evidence is never replaced. `Unwritable`.
    pub fn create(target: &Path) -> Result<Self, RunError> {
        let partial = partial_of(target);
        for there in [target, &partial] {
            if fs::symlink_metadata(there).is_ok() {
                return Err(RunError::Unusable {
                    path: there.to_owned(),
                    problem: "is there already, and evidence is never replaced. Choose another folder with -o, or remove it.",
                });
            }
        }
        if let Some(parent) = partial
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            fs::create_dir_all(parent).map_err(|error| RunError::unwritable(parent, error))?;
        }
        let unwritable = |error| RunError::unwritable(&partial, error);
        DirBuilder::new()
            .mode(0o700)
            .create(&partial)
            .map_err(unwritable)?;
        // The umask may have taken away what we need ourselves.
        fs::set_permissions(&partial, Permissions::from_mode(0o700)).map_err(unwritable)?;
        Ok(Self {
            partial,
            target: target.to_owned(),
            written: Vec::new(),
        })
    }

    /// Writes a file in it, to the disk.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.partial.join(name);
        let write = || {
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        let written: io::Result<()> = write();
        written.map_err(|error| RunError::unwritable(&path, error))?;
        self.written.push(path);
        Ok(())
    }

    /// Gives it its final name.
    ///
    /// # Errors
    /// `Unwritable`; then nothing stands under the final name.
    pub fn finish(&self) -> Result<(), RunError> {
        let sync = |path: &Path| {
            File::open(path)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| RunError::unwritable(path, error))
        };
        sync(&self.partial)?;
        fs::rename(&self.partial, &self.target)
            .map_err(|error| RunError::unwritable(&self.target, error))?;
        let parent = self.target.parent();
        match parent.filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => sync(parent),
            None => sync(Path::new(".")),
        }
    }

    /// Removes what this run wrote, and nothing else. What can't be removed stays.
    pub fn discard(&self) {
        for path in &self.written {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.partial);
    }
}
