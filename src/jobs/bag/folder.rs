//! The place of the output: `OUT.partial` until everything is in order, with the bag in it; then the bag becomes `OUT`, by one rename.
//! Others can't read any of it, whatever the umask.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::jobs::check::manifest_line;
use crate::jobs::files::parent_of;
use crate::jobs::output::{RESUME_FILE, lock, partial_of};

pub(in crate::jobs) use crate::jobs::files::{create_file, exists, make_folder, sync};

/// How far a run is; see `journal`.
pub(in crate::jobs) const JOURNAL_FILE: &str = "journal";
/// What lay in the folders of the source when the run began.
const LISTING_FILE: &str = "listing";
/// Files that are not complete.
const TEMPORARY: &str = "tmp";
/// The bag in the making.
const BAG: &str = "bag";
/// What is in `bag-info.txt` of every bag of ours.
pub const AGENT: &str = "mailseal";

/// Files and folders of a bag of ours.
pub(in crate::jobs) const BAG_NAMES: [&str; 11] = [
    "bagit.txt",
    "bag-info.txt",
    PAYLOAD,
    TAGS,
    SIGNATURE_FILE,
    RECORDS,
    "undecrypted.csv",
    REFUSED,
    SKIPPED,
    "run.json",
    "data",
];

/// Digests of the files below `data`.
pub(in crate::jobs) const PAYLOAD: &str = "manifest-sha256.txt";
/// Digests of tag files.
pub(in crate::jobs) const TAGS: &str = "tagmanifest-sha256.txt";
/// A line about each message.
pub(in crate::jobs) const RECORDS: &str = "manifest.jsonl";

/// Messages that were not sent, and why.
pub(in crate::jobs) const REFUSED: &str = "refused.csv";
/// Messages that were not sent since they are signed or encrypted already.
pub(in crate::jobs) const SKIPPED: &str = "skipped.csv";

/// The detached signature over `tagmanifest-sha256.txt`.
pub const SIGNATURE_FILE: &str = "tagmanifest-sha256.txt.p7s";

/// The folders of a run.
#[derive(Debug)]
pub struct Folder {
    partial: PathBuf,
    target: PathBuf,
    replace: bool,
    /// An earlier run made it, which may have ended while it replaced a bag.
    is_reopened: bool,
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
        if replace && exists(target) {
            check_aside(&aside_of(target))?;
        }
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
            if replace {
                remove_replaced(&aside_of(target))?;
            }
            remove_partial(&partial)?;
            return Ok(None);
        }
        let mut folder = Self::at(target, replace)?;
        folder.lock = held;
        folder.is_reopened = true;
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
            is_reopened: false,
            lock: None,
        })
    }

    /// Where it is written down what lay in the source when the run began.
    pub(in crate::jobs) fn listing(&self) -> PathBuf {
        self.partial.join(LISTING_FILE)
    }

    /// Writes that down, for a run that goes on with this one.
    ///
    /// # Errors
    /// `Unwritable`.
    pub(in crate::jobs) fn write_listing(&self, listing: &[u8]) -> Result<(), RunError> {
        let path = self.temporary(LISTING_FILE);
        let mut file = create_file(&path)?;
        file.write_all(listing)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&path, self.listing()))
            .map_err(|error| RunError::unwritable(&path, error))
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
        let aside = aside_of(&self.target);
        // Only what this run or the one before it put there is removed.
        let mut is_ours = self.is_reopened;
        if self.replace && exists(&self.target) {
            check_aside(&aside)?;
            // Much may have been put there since the run began.
            check_bag(&self.target)?;
            is_ours = true;
            fs::rename(&self.target, &aside).map_err(unwritable)?;
        }
        fs::rename(self.bag(), &self.target).map_err(unwritable)?;
        sync(parent_of(&self.target).unwrap_or(Path::new(".")))?;
        if self.replace && is_ours {
            remove_replaced(&aside)?;
        }
        remove_partial(&self.partial)
    }
}

/// Where the bag that is replaced waits while the new one takes its name.
fn aside_of(target: &Path) -> PathBuf {
    let mut aside = target.components().collect::<PathBuf>().into_os_string();
    aside.push(".replaced");
    PathBuf::from(aside)
}

fn check_aside(aside: &Path) -> Result<(), RunError> {
    if !exists(aside) {
        return Ok(());
    }
    Err(RunError::Unusable {
        path: aside.to_owned(),
        problem: "exists: an earlier run was ended while it replaced a bag, or the folder is yours. Move it away, and go on with --resume.",
    })
}

/// Removes the bag that was replaced; anything else stays.
fn remove_replaced(aside: &Path) -> Result<(), RunError> {
    if check_bag(aside).is_ok() {
        fs::remove_dir_all(aside).map_err(|error| RunError::unwritable(aside, error))?;
    }
    Ok(())
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
    let known = [RESUME_FILE, JOURNAL_FILE, LISTING_FILE, TEMPORARY, BAG];
    for name in names(folder)? {
        if !known.iter().any(|known| name == *known) {
            return Err(unusable());
        }
    }
    let bag = folder.join(BAG);
    if !folder.join(RESUME_FILE).is_file() {
        // A run that died at once had made nothing but empty folders.
        let temporary = folder.join(TEMPORARY);
        let file = temporary.join(RESUME_FILE);
        if names(&temporary)?.iter().any(|name| name != RESUME_FILE) {
            return Err(unusable());
        }
        if exists(&file) {
            fs::remove_file(&file).map_err(|_| unusable())?;
        }
        for made in [&folder.join("bag/data"), &bag, &temporary, folder] {
            if exists(made) {
                fs::remove_dir(made).map_err(|_| unusable())?;
            }
        }
        return Ok(());
    }
    for name in names(&bag)? {
        if !BAG_NAMES.iter().any(|known| name == *known) {
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
        for name in [LISTING_FILE, JOURNAL_FILE, RESUME_FILE] {
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
    let names = names(folder)?;
    let known = |name: &OsString| BAG_NAMES.iter().any(|known| name == *known);
    if !names.iter().all(known) || !holds_what_is_listed(folder)? {
        return Err(unusable(
            "holds more than a bag of mailseal, so --force does not replace it. Move your own files away, or choose another folder with -o.",
        ));
    }
    Ok(())
}

/// Every file of the bag has a line in its manifest, or is beside it.
fn holds_what_is_listed(folder: &Path) -> Result<bool, RunError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| RunError::unreadable(&path, error)
    };
    let manifest = folder.join(PAYLOAD);
    let text = fs::read(&manifest).map_err(unreadable(&manifest))?;
    let lines = text.split(|octet| *octet == b'\n');
    let listed: HashSet<Vec<u8>> = lines
        .filter_map(manifest_line)
        .map(|(_, name)| name)
        .collect();
    let mut left = vec![folder.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(&at).map_err(unreadable(&at))? {
            let entry = entry.map_err(unreadable(&at))?;
            let path = entry.path();
            if entry.file_type().map_err(unreadable(&path))?.is_dir() {
                left.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let is_beside = at == folder;
            if !is_beside && !listed.contains(below.as_os_str().as_bytes()) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The names in a folder; none where there is no folder.
fn names(folder: &Path) -> Result<Vec<OsString>, RunError> {
    let unreadable = |error| RunError::unreadable(folder, error);
    if !exists(folder) {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name());
    }
    Ok(names)
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
