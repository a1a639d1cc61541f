//! The source: never written, and watched for others who write it while it is read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};

use crate::archive::{FileInfo, Kind, Stamp};
use crate::error::RunError;

/// The archives named on the command line.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Sources {
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
struct Argument {
    path: PathBuf,
    is_folder: bool,
    /// What it is called in the output.
    name: Vec<u8>,
}

impl Sources {
    /// Looks at the arguments.
    ///
    /// # Errors
    /// One can't be read, or can be read only once.
    pub fn new(paths: &[PathBuf]) -> Result<Self, RunError> {
        let mut arguments: Vec<Argument> = Vec::new();
        for path in paths {
            let unreadable = |error| RunError::unreadable(path, error);
            if path == Path::new("-") {
                return Err(read_once(path));
            }
            let metadata = fs::metadata(path).map_err(unreadable)?;
            if !metadata.is_file() && !metadata.is_dir() {
                return Err(read_once(path));
            }
            let whole = path.canonicalize().map_err(unreadable)?;
            // A link is called as it was named.
            let plain = match path.file_name() {
                Some(name) => name.as_bytes().to_vec(),
                None => whole
                    .file_name()
                    .map_or_else(|| b"archive".to_vec(), |name| name.as_bytes().to_vec()),
            };
            let mut name = plain.clone();
            let mut number = 2;
            while arguments.iter().any(|other| other.name == name) {
                name = [&plain, format!("-{number}").as_bytes()].concat();
                number += 1;
            }
            arguments.push(Argument {
                path: path.clone(),
                is_folder: metadata.is_dir(),
                name,
            });
        }
        Ok(Self { arguments })
    }

    /// None of them lies in `target`, which is to be replaced.
    ///
    /// # Errors
    /// `Unusable` where one does.
    pub fn check_outside(&self, target: &Path) -> Result<(), RunError> {
        let Ok(target) = target.canonicalize() else {
            return Ok(());
        };
        let inside = |argument: &&Argument| {
            let path = argument.path.canonicalize();
            path.is_ok_and(|path| path.starts_with(&target))
        };
        match self.arguments.iter().find(inside) {
            None => Ok(()),
            Some(argument) => Err(RunError::Unusable {
                path: argument.path.clone(),
                problem: "lies in the folder that would be replaced. Choose another folder with -o.",
            }),
        }
    }

    /// The path of a file of the archive.
    pub fn path(&self, file: &FileInfo) -> PathBuf {
        match self.argument(file.argument) {
            Some(argument) if argument.is_folder => {
                argument.path.join(OsStr::from_bytes(&file.path))
            }
            Some(argument) => argument.path.clone(),
            None => PathBuf::new(),
        }
    }

    /// Where it goes, below `data`.
    pub fn output(&self, file: &FileInfo) -> Vec<u8> {
        match self.argument(file.argument) {
            Some(argument) if argument.is_folder => [&argument.name[..], b"/", &file.path].concat(),
            Some(argument) => argument.name.clone(),
            None => file.path.clone(),
        }
    }

    /// Folders among the arguments, and what they are called in the output.
    pub fn folders(&self) -> impl Iterator<Item = (u32, &Path, &[u8])> {
        (0..)
            .zip(&self.arguments)
            .filter(|(_, argument)| argument.is_folder)
            .map(|(number, argument)| (number, argument.path.as_path(), &argument.name[..]))
    }

    fn argument(&self, number: u32) -> Option<&Argument> {
        self.arguments.get(usize::try_from(number).ok()?)
    }
}

fn read_once(path: &Path) -> RunError {
    RunError::Unusable {
        path: path.to_owned(),
        problem: "can be read only once, and a migration reads its source again. Store it in a file.",
    }
}

/// Nobody writes the mbox: it has no dotlock, and no other process holds a write lock.
///
/// # Errors
/// `Unusable` where somebody does.
pub(in crate::jobs) fn check_unlocked(path: &Path, file: &FileInfo) -> Result<(), RunError> {
    if file.kind != Kind::Mbox {
        return Ok(());
    }
    let locked = RunError::Unusable {
        path: path.to_owned(),
        problem: "is locked by another program. Wait until mail is no longer delivered to it, or migrate a copy.",
    };
    let mut dotlock = path.as_os_str().to_owned();
    dotlock.push(".lock");
    if fs::symlink_metadata(&dotlock).is_ok() {
        return Err(locked);
    }
    let opened = File::open(path).map_err(|error| RunError::unreadable(path, error))?;
    match fcntl_lock(&opened, FlockOperation::NonBlockingLockShared) {
        // Some network file systems know no locks.
        Ok(()) => Ok(()),
        Err(error) if error == rustix::io::Errno::AGAIN || error == rustix::io::Errno::ACCESS => {
            Err(locked)
        }
        Err(_) => Ok(()),
    }
}

/// The file is the one that was opened, and was not written since.
///
/// A message of a Maildir may have another name by now: whoever reads it changes its flags, and its bytes never change.
///
/// # Errors
/// `Unusable` where it is not.
pub(in crate::jobs) fn check_unchanged(
    path: &Path,
    file: &FileInfo,
    then: Option<Stamp>,
) -> Result<(), RunError> {
    let now = match fs::metadata(path) {
        Ok(now) => now,
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.kind == Kind::Maildir => {
            return Ok(());
        }
        Err(error) => return Err(RunError::unreadable(path, error)),
    };
    if then.is_none_or(|then| then == Stamp::of(&now)) {
        return Ok(());
    }
    Err(changed(path))
}

/// What was read is not what is there.
pub(in crate::jobs) fn changed(path: &Path) -> RunError {
    RunError::Unusable {
        path: path.to_owned(),
        problem: "changed while it was read. Stop what writes it, or migrate a copy; then start anew with --force.",
    }
}
