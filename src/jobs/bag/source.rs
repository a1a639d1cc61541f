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

    /// None of them lies in what may be removed at the end of a run that writes to `target`, or when one begins anew.
    ///
    /// # Errors
    /// `Unusable` where one does.
    pub fn check_outside_all(&self, target: &Path) -> Result<(), RunError> {
        for ending in ["", ".partial", ".replaced"] {
            let mut folder = target.components().collect::<PathBuf>().into_os_string();
            folder.push(ending);
            self.check_outside(Path::new(&folder))?;
        }
        Ok(())
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
/// `InUse` where somebody does.
pub(in crate::jobs) fn check_unlocked(path: &Path, file: &FileInfo) -> Result<(), RunError> {
    if file.kind != Kind::Mbox {
        return Ok(());
    }
    let locked = RunError::InUse {
        path: path.to_owned(),
        problem: "is locked by another program. Wait until it has delivered its mail, or end it; a lock file that a program left when it died can be removed.",
    };
    let mut dotlock = path.as_os_str().to_owned();
    dotlock.push(".lock");
    if fs::symlink_metadata(&dotlock).is_ok() {
        return Err(locked);
    }
    let opened = match File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RunError::unreadable(path, error)),
    };
    match fcntl_lock(&opened, FlockOperation::NonBlockingLockShared) {
        // Some network file systems know no locks.
        Ok(()) => Ok(()),
        Err(error) if error == rustix::io::Errno::AGAIN || error == rustix::io::Errno::ACCESS => {
            Err(locked)
        }
        Err(_) => Ok(()),
    }
}

/// A source, held against what it was when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum State {
    Same,
    /// The same file, longer by so many bytes.
    Grown(u64),
    /// The same file, written.
    Written,
    /// Another file.
    Replaced,
    Gone,
}

/// What became of a file since `then`.
///
/// A message of a Maildir may have another name by now: whoever reads it changes its flags, and its bytes never change.
///
/// # Errors
/// `Unreadable` where the system does not say.
pub(in crate::jobs) fn state(
    path: &Path,
    file: &FileInfo,
    then: Option<Stamp>,
) -> Result<State, RunError> {
    let now = match fs::metadata(path) {
        Ok(now) => Stamp::of(&now),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match file.kind {
                Kind::Maildir => State::Same,
                Kind::Mbox | Kind::Eml | Kind::Cms | Kind::Other | Kind::Unread => State::Gone,
            });
        }
        Err(error) => return Err(RunError::unreadable(path, error)),
    };
    let Some(then) = then.filter(|then| *then != now) else {
        return Ok(State::Same);
    };
    let is_it = (then.device, then.inode) == (now.device, now.inode);
    let more = now.bytes.checked_sub(then.bytes).filter(|more| *more > 0);
    Ok(match (is_it, more) {
        (false, _) => State::Replaced,
        (true, Some(more)) => State::Grown(more),
        (true, None) => State::Written,
    })
}
