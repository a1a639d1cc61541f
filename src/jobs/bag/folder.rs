//! The place of the output: `OUT.partial` until everything is in order, with the bag in it; then the bag becomes `OUT`, by one rename.
//! Others can't read any of it, whatever the umask.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::jobs::output::{RESUME_FILE, lock, partial_of};

/// How far a run is; see `journal`.
pub(in crate::jobs) const JOURNAL_FILE: &str = "journal";
/// Files that are not complete.
const TEMPORARY: &str = "tmp";
/// The bag in the making.
const BAG: &str = "bag";
/// What is in `bag-info.txt` of every bag of ours.
pub const AGENT: &str = "mailseal";

/// Files and folders of a bag of ours.
pub(in crate::jobs) const BAG_NAMES: [&str; 9] = [
    "bagit.txt",
    "bag-info.txt",
    PAYLOAD,
    TAGS,
    SIGNATURE_FILE,
    RECORDS,
    "undecrypted.csv",
    "run.json",
    "data",
];

/// Digests of the files below `data`.
pub(in crate::jobs) const PAYLOAD: &str = "manifest-sha256.txt";
/// Digests of tag files.
pub(in crate::jobs) const TAGS: &str = "tagmanifest-sha256.txt";
/// A line about each message.
pub(in crate::jobs) const RECORDS: &str = "manifest.jsonl";

/// The detached signature over `tagmanifest-sha256.txt`.
pub const SIGNATURE_FILE: &str = "tagmanifest-sha256.txt.p7s";

/// The folders of a run.
#[derive(Debug)]
pub struct Folder {
    partial: PathBuf,
    target: PathBuf,
    replace: bool,
    /// The partial folder, locked for as long as this is there.
    lock: Option<File>,
}

impl Folder {
    /// Makes the partial folder.
    ///
    /// # Errors
    /// `Exists` where the target is there and `replace` is not asked for; `Unusable` where another run writes there or what is in the
    /// way must not be replaced; `Unwritable` where the folder can't be made.
    pub fn create(target: &Path, replace: bool, resume_text: &[u8]) -> Result<Self, RunError> {
        let mut folder = Self::at(target, replace)?;
        if exists(&folder.partial) {
            let held = lock(&folder.partial)?;
            if !replace {
                let problem = if folder.partial.join(RESUME_FILE).is_file() {
                    "an interrupted run left it. Go on with --resume, or start anew with --force."
                } else {
                    "is in the way. Move it away, or choose another folder with -o."
                };
                return Err(RunError::Unusable {
                    path: folder.partial,
                    problem,
                });
            }
            remove_partial(&folder.partial)?;
            drop(held);
        }
        if let Some(parent) = parent_of(&folder.partial) {
            fs::create_dir_all(parent).map_err(|error| RunError::unwritable(parent, error))?;
        }
        make_folder(&folder.partial)?;
        folder.lock = lock(&folder.partial)?;
        for name in [TEMPORARY, BAG, "bag/data"] {
            make_folder(&folder.partial.join(name))?;
        }
        // Last, and whole: where it is and the bag is not, the bag has its name already.
        let path = folder.temporary_folder().join(RESUME_FILE);
        let write = || {
            let mut resume = File::options().write(true).open(&path)?;
            resume.write_all(resume_text)?;
            resume.sync_all()?;
            fs::rename(&path, folder.partial.join(RESUME_FILE))
        };
        create_file(&path)?;
        write().map_err(|error| RunError::unwritable(&path, error))?;
        sync(&folder.partial)?;
        Ok(folder)
    }

    /// The partial folder of an interrupted run. None where that run had nothing left to do but to remove it; that is done now.
    ///
    /// # Errors
    /// As [`Folder::create`].
    pub fn reopen(target: &Path, replace: bool) -> Result<Option<Self>, RunError> {
        let partial = partial_of(target);
        fs::read_dir(&partial).map_err(|error| RunError::unreadable(&partial, error))?;
        let held = lock(&partial)?;
        if !exists(&partial.join(BAG)) && exists(&partial.join(RESUME_FILE)) && is_bag(target) {
            remove_partial(&partial)?;
            return Ok(None);
        }
        let mut folder = Self::at(target, replace)?;
        folder.lock = held;
        for name in [TEMPORARY, BAG, "bag/data"] {
            let path = folder.partial.join(name);
            if !exists(&path) {
                make_folder(&path)?;
            }
        }
        Ok(Some(folder))
    }

    /// Looks whether a run could write to `target`, and touches nothing.
    ///
    /// # Errors
    /// As [`Folder::create`].
    pub fn check(target: &Path, replace: bool) -> Result<(), RunError> {
        Self::at(target, replace).map(drop)
    }

    fn at(target: &Path, replace: bool) -> Result<Self, RunError> {
        if exists(target) {
            if !replace {
                return Err(RunError::Exists {
                    path: target.to_owned(),
                });
            }
            check_bag(target)?;
        }
        Ok(Self {
            partial: partial_of(target),
            target: target.to_owned(),
            replace,
            lock: None,
        })
    }

    pub(in crate::jobs) fn journal(&self) -> PathBuf {
        self.partial.join(JOURNAL_FILE)
    }

    /// The bag's folder.
    pub(in crate::jobs) fn bag(&self) -> PathBuf {
        self.partial.join(BAG)
    }

    /// A file of the bag, by its raw path below `data`.
    pub(in crate::jobs) fn data(&self, path: &[u8]) -> PathBuf {
        self.partial.join("bag/data").join(OsStr::from_bytes(path))
    }

    /// Where temporary files lie.
    pub(in crate::jobs) fn temporary_folder(&self) -> PathBuf {
        self.partial.join(TEMPORARY)
    }

    /// The temporary file of this name.
    pub(in crate::jobs) fn temporary(&self, name: &str) -> PathBuf {
        self.temporary_folder().join(name)
    }

    /// Makes the names in the partial folder and in the bag last.
    pub(in crate::jobs) fn sync(&self) -> Result<(), RunError> {
        sync(&self.bag())?;
        sync(&self.partial)
    }

    /// Removes what a run that died left, but for the file of this name.
    pub(in crate::jobs) fn clean(&self, but: Option<&str>) -> Result<(), RunError> {
        let folder = self.temporary_folder();
        let unwritable = |error| RunError::unwritable(&folder, error);
        for entry in fs::read_dir(&folder).map_err(unwritable)? {
            let entry = entry.map_err(unwritable)?;
            if but.is_none_or(|kept| entry.file_name() != kept) {
                fs::remove_file(entry.path()).map_err(unwritable)?;
            }
        }
        Ok(())
    }

    /// Gives the bag its name, and removes what is left.
    ///
    /// # Errors
    /// `Unwritable`; then nothing stands under the final name but what was there before.
    pub(in crate::jobs) fn finish(self) -> Result<(), RunError> {
        self.sync()?;
        let unwritable = |error| RunError::unwritable(&self.target, error);
        let mut aside = self
            .target
            .components()
            .collect::<PathBuf>()
            .into_os_string();
        aside.push(".replaced");
        let aside = PathBuf::from(aside);
        if self.replace && exists(&self.target) {
            if exists(&aside) {
                return Err(RunError::Unusable {
                    path: aside,
                    problem: "exists: an earlier run was ended while it replaced a bag, or the folder is yours. Move it away, and go on with --resume.",
                });
            }
            fs::rename(&self.target, &aside).map_err(unwritable)?;
        }
        fs::rename(self.bag(), &self.target).map_err(unwritable)?;
        sync(parent_of(&self.target).unwrap_or(Path::new(".")))?;
        if self.replace && exists(&aside) {
            fs::remove_dir_all(&aside).map_err(unwritable)?;
        }
        remove_partial(&self.partial)
    }
}

/// Only what runs of ours made is ever removed.
fn remove_partial(folder: &Path) -> Result<(), RunError> {
    let unusable = || RunError::Unusable {
        path: folder.to_owned(),
        problem: "is not what an interrupted migration leaves, so it is not replaced. Move it away.",
    };
    let real = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    if !real {
        return Err(unusable());
    }
    let known = [RESUME_FILE, JOURNAL_FILE, TEMPORARY, BAG];
    for entry in fs::read_dir(folder).map_err(|error| RunError::unreadable(folder, error))? {
        let name = entry
            .map_err(|error| RunError::unreadable(folder, error))?
            .file_name();
        if !known.iter().any(|known| name == *known) {
            return Err(unusable());
        }
    }
    let remove = || {
        for name in [BAG, TEMPORARY] {
            if exists(&folder.join(name)) {
                fs::remove_dir_all(folder.join(name))?;
            }
        }
        // A run that dies here can still be asked to go on.
        for name in [JOURNAL_FILE, RESUME_FILE] {
            if exists(&folder.join(name)) {
                fs::remove_file(folder.join(name))?;
            }
        }
        fs::remove_dir(folder)
    };
    remove().map_err(|error| RunError::unwritable(folder, error))
}

fn is_bag(folder: &Path) -> bool {
    fs::read_to_string(folder.join("bag-info.txt"))
        .is_ok_and(|text| text.contains(&format!("Bag-Software-Agent: {AGENT} ")))
}

fn check_bag(folder: &Path) -> Result<(), RunError> {
    let unusable = |problem| RunError::Unusable {
        path: folder.to_owned(),
        problem,
    };
    let real = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    if !real || !is_bag(folder) {
        return Err(unusable(
            "is no bag of mailseal, so --force does not replace it. Choose another folder with -o.",
        ));
    }
    for entry in fs::read_dir(folder).map_err(|error| RunError::unreadable(folder, error))? {
        let name = entry
            .map_err(|error| RunError::unreadable(folder, error))?
            .file_name();
        if !BAG_NAMES.iter().any(|known| name == *known) {
            return Err(unusable(
                "holds more than a bag of mailseal, so --force does not replace it. Move your own files away, or choose another folder with -o.",
            ));
        }
    }
    Ok(())
}

pub(in crate::jobs) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn parent_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// A folder that nobody else can look into.
pub(in crate::jobs) fn make_folder(path: &Path) -> Result<(), RunError> {
    let make = || {
        DirBuilder::new().mode(0o700).create(path)?;
        // The umask may have taken away what we need ourselves.
        fs::set_permissions(path, Permissions::from_mode(0o700))
    };
    make().map_err(|error| RunError::unwritable(path, error))
}

/// Folders down to `path`, below `root`, which is there.
pub(in crate::jobs) fn make_folders(root: &Path, path: &Path) -> Result<(), RunError> {
    let Ok(below) = path.strip_prefix(root) else {
        return Ok(());
    };
    let mut at = root.to_owned();
    for component in below.components() {
        at.push(component);
        if !exists(&at) {
            make_folder(&at)?;
        }
    }
    Ok(())
}

/// A new or emptied file that nobody else can read.
pub(in crate::jobs) fn create_file(path: &Path) -> Result<File, RunError> {
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

/// Begins to sync files that lie in a folder, together, where the system can: each is still to be synced, which costs little then.
#[cfg(target_os = "linux")]
pub(in crate::jobs) fn sync_together(folder: &Path) -> Result<(), RunError> {
    File::open(folder)
        .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
        .map_err(|error| RunError::unwritable(folder, error))
}

/// Begins to sync files that lie in a folder, together, where the system can: each is still to be synced, which costs little then.
#[cfg(not(target_os = "linux"))]
pub(in crate::jobs) fn sync_together(_: &Path) -> Result<(), RunError> {
    Ok(())
}

/// Syncs a file or folder.
pub(in crate::jobs) fn sync(path: &Path) -> Result<(), RunError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| RunError::unwritable(path, error))
}
