//! The folder that a report is written to: under another name until it is complete, then renamed once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::crypto::digest::{DigestAlgorithm, Hasher};
use crate::error::RunError;
use crate::pki::pool::Spool;

/// The facts, for `judge`: made first, and in every report.
pub const FACTS_FILE: &str = "facts.bin.zst";

/// How to go on: in a partial report only.
pub const RESUME_FILE: &str = "resume.args";

/// A report in the making, in `NAME.partial` beside its final place.
#[derive(Debug)]
pub struct ReportFolder {
    partial: PathBuf,
    target: PathBuf,
    replace: bool,
}

impl ReportFolder {
    /// Makes the partial folder.
    ///
    /// # Errors
    /// `Exists` where the target or an interrupted run's partial folder is there and `replace` is not asked for; `Unusable` where
    /// what would be replaced is no report; `Unwritable` where the folder can't be made.
    pub fn create(target: &Path, replace: bool) -> Result<Self, RunError> {
        let folder = Self::at(target, replace)?;
        if fs::symlink_metadata(&folder.partial).is_ok() {
            if !replace {
                return Err(RunError::Unusable {
                    path: folder.partial,
                    problem: "an interrupted run left it. Go on with --resume, or start anew with --force.",
                });
            }
            if !is_report(&folder.partial) {
                return Err(not_a_report(folder.partial));
            }
            fs::remove_dir_all(&folder.partial)
                .map_err(|error| RunError::unwritable(&folder.partial, error))?;
        }
        if let Some(parent) = folder
            .partial
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            fs::create_dir_all(parent).map_err(|error| RunError::unwritable(parent, error))?;
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder.partial)
            .map_err(|error| RunError::unwritable(&folder.partial, error))?;
        Ok(folder)
    }

    /// The partial folder of an interrupted run.
    ///
    /// # Errors
    /// `Exists` as above, `Unreadable` where there is no such folder.
    pub fn reopen(target: &Path, replace: bool) -> Result<Self, RunError> {
        let folder = Self::at(target, replace)?;
        fs::read_dir(&folder.partial)
            .map_err(|error| RunError::unreadable(&folder.partial, error))?;
        Ok(folder)
    }

    fn at(target: &Path, replace: bool) -> Result<Self, RunError> {
        if fs::symlink_metadata(target).is_ok() {
            if !replace {
                return Err(RunError::Exists {
                    path: target.to_owned(),
                });
            }
            if !is_report(target) {
                return Err(not_a_report(target.to_owned()));
            }
        }
        Ok(Self {
            partial: partial_of(target),
            target: target.to_owned(),
            replace,
        })
    }

    /// The folder's path while it is partial.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// The folder's final path.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// A new file in it, for writing and reading.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn create_file(&self, name: &str) -> Result<File, RunError> {
        let path = self.file(name);
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|error| RunError::unwritable(&path, error))
    }

    /// Removes a file that the finished report has not.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn remove_file(&self, name: &str) -> Result<(), RunError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(RunError::unwritable(&path, error)),
        }
    }

    /// Takes the folder away again, for a run that could not start: it holds nothing that could be gone on with.
    pub fn abandon(self) {
        // What is left is empty at worst, and --force replaces it.
        let _ = fs::remove_dir_all(&self.partial);
    }

    /// Syncs every file and the folder, and gives it its final name.
    ///
    /// # Errors
    /// `Unwritable`; then nothing stands under the final name but what was there before.
    pub fn finish(self) -> Result<(), RunError> {
        let unwritable = |error| RunError::unwritable(&self.partial, error);
        for entry in fs::read_dir(&self.partial).map_err(unwritable)? {
            let path = entry.map_err(unwritable)?.path();
            sync(&path)?;
        }
        sync(&self.partial)?;
        let aside = with_suffix(&self.target, ".replaced");
        let replaced = self.replace && fs::symlink_metadata(&self.target).is_ok();
        if replaced {
            let _ = fs::remove_dir_all(&aside);
            fs::rename(&self.target, &aside)
                .map_err(|error| RunError::unwritable(&self.target, error))?;
        }
        fs::rename(&self.partial, &self.target)
            .map_err(|error| RunError::unwritable(&self.target, error))?;
        if replaced {
            fs::remove_dir_all(&aside).map_err(|error| RunError::unwritable(&aside, error))?;
        }
        match self
            .target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(parent) => sync(parent),
            None => sync(Path::new(".")),
        }
    }
}

/// Only what a run of ours wrote is ever removed: the folder is empty, or has a file that every report has from the start.
fn is_report(folder: &Path) -> bool {
    let empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    empty || folder.join(FACTS_FILE).is_file()
}

fn not_a_report(path: PathBuf) -> RunError {
    RunError::Unusable {
        path,
        problem: "is no report of mailseal, so --force does not replace it. Choose another folder with -o.",
    }
}

/// SHA-256 of a file.
///
/// # Errors
/// `Unreadable`.
pub fn digest_of(path: &Path) -> Result<[u8; 32], RunError> {
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

/// Where the certificates of a run lie: an unlinked file, so that memory does not grow with them.
pub(super) fn spool() -> Result<Spool, RunError> {
    let file =
        tempfile::tempfile().map_err(|error| RunError::unwritable(&std::env::temp_dir(), error))?;
    Ok(Spool::file(file))
}

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;

/// Where a report is written until it is complete.
#[must_use]
pub fn partial_of(target: &Path) -> PathBuf {
    with_suffix(target, ".partial")
}

/// The report that a partial folder will become; None where the name is no partial folder's.
#[must_use]
pub fn target_of(partial: &Path) -> Option<PathBuf> {
    let name = partial.file_name()?.to_str()?.strip_suffix(".partial")?;
    (!name.is_empty()).then(|| partial.with_file_name(name))
}

/// `a/report/` and `a/report` are the same folder, and so are their partial ones.
fn with_suffix(target: &Path, suffix: &str) -> PathBuf {
    let plain: PathBuf = target.components().collect();
    let mut name = plain.into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

fn sync(path: &Path) -> Result<(), RunError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| RunError::unwritable(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_under_the_final_name_before_the_end() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("deep/report");
        let folder = ReportFolder::create(&target, false).unwrap();
        folder.create_file("a").unwrap();
        assert!(!target.exists());
        folder.finish().unwrap();
        assert!(target.join("a").exists());
        assert!(!partial_of(&target).exists());
    }

    #[test]
    fn an_existing_report_is_replaced_only_when_asked() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("old"), "").unwrap();
        assert!(matches!(
            ReportFolder::create(&target, true),
            Err(RunError::Unusable { .. })
        ));
        fs::write(target.join(FACTS_FILE), "").unwrap();
        assert!(matches!(
            ReportFolder::create(&target, false),
            Err(RunError::Exists { .. })
        ));
        let folder = ReportFolder::create(&target, true).unwrap();
        folder.create_file("new").unwrap();
        assert!(target.join("old").exists());
        folder.finish().unwrap();
        assert!(target.join("new").exists() && !target.join("old").exists());
        assert!(!with_suffix(&target, ".replaced").exists());
    }

    #[test]
    fn partial_names_are_told_from_others() {
        assert_eq!(
            partial_of(Path::new("a/report/")),
            Path::new("a/report.partial")
        );
        assert_eq!(
            target_of(Path::new("a/report.partial")),
            Some(PathBuf::from("a/report"))
        );
        assert_eq!(target_of(Path::new("a/report")), None);
    }
}
