//! What ends a run. Bad input never does: that becomes a fact, a finding or a row of faults.csv.

use std::io;
use std::path::{Path, PathBuf};

/// The run can't start or can't go on. The text says what happened and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file or folder named on the command line can't be read.
    #[error("{}: cannot be read: {source}. Check the name and the permissions.", .path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file named on the command line is nothing that this argument takes.
    #[error("{}: {problem}", .path.display())]
    Unusable {
        /// As given.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
    /// Another program uses a file of the archive now: the run can be gone on with later.
    #[error("{}: {problem}", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// What it does, and what to wait for.
        problem: &'static str,
    },
    /// Something can't be written: disk full, no permission, read-only.
    #[error("{}: cannot be written: {source}. {}; nothing half-written is left under the final name.", .path.display(), way_out(.source))]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output is there already.
    #[error("{}: exists already. Choose another folder with -o, or replace it with --force.", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// No password opens any of the key files.
    #[error("{}: no password given opens it, nor any other key file. Give the right one with --passwords FILE.", .path.display())]
    NoPasswordFits {
        /// The first such file.
        path: PathBuf,
    },
    /// The linked OpenSSL did something that it must not do.
    #[error(
        "the linked OpenSSL fails the check \"{check}\". Its answers can't be trusted; use a fixed version."
    )]
    Canary {
        /// Which check.
        check: &'static str,
    },
    /// A file of an earlier run can't be used.
    #[error("{}: {problem}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// The user asked the run to stop.
    #[error("interrupted")]
    Interrupted,
    /// The sums do not add up: a fault of mailseal's own.
    #[error("internal fault: {what}. The report is not to be trusted; please tell us.")]
    Internal {
        /// What did not hold.
        what: &'static str,
    },
}

/// What to do where something can't be written.
fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "The disk is read-only: choose another folder with -o",
        io::ErrorKind::PermissionDenied => {
            "Get the right to write there, or choose another folder with -o"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Free space or choose another folder"
        }
        _ => "Check the disk or choose another folder",
    }
}

impl RunError {
    /// `path` could not be read.
    #[must_use]
    pub fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }

    /// `path` could not be written.
    #[must_use]
    pub fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable {
            path: path.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_fits_what_happened() {
        for (kind, wanted) in [
            (io::ErrorKind::ReadOnlyFilesystem, "is read-only"),
            (io::ErrorKind::PermissionDenied, "the right to write"),
            (io::ErrorKind::StorageFull, "Free space"),
            (io::ErrorKind::NotFound, "Check the disk"),
        ] {
            let said = RunError::unwritable(Path::new("out"), kind.into()).to_string();
            assert!(said.contains(wanted), "{said}");
            let of_space = kind == io::ErrorKind::StorageFull;
            assert_eq!(said.contains("Free space"), of_space, "{said}");
        }
    }
}
