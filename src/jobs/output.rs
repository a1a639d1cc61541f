//! The folder that a report is written to: under another name until it is complete, then renamed once.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::RunError;
use crate::jobs::files::{create_file, exists, make_folder, parent_of, sync};
use crate::pki::pool::Spool;

/// The facts, for `judge`: made first, and in every report.
pub const FACTS_FILE: &str = "facts.bin.zst";

/// The dossiers: made first, and in every harvest.
pub const DOSSIERS_FILE: &str = "certificates.jsonl";

/// Lists and OCSP responses, in a harvest.
pub const REVOCATION_FILE: &str = "revocation.pem";

/// The folder with single certificates, in a harvest.
pub const DER_FOLDER: &str = "der";

/// The file in a partial report that says how to go on.
pub const RESUME_FILE: &str = "resume.args";

/// The file in a partial report that says what lay in the folders of the archive when the run began.
pub const LISTING_FILE: &str = "listing.zst";

/// What a report may have in it. Where anything else is, a folder is not replaced.
const NAMES: [&str; 25] = [
    FACTS_FILE,
    RESUME_FILE,
    LISTING_FILE,
    "messages.jsonl",
    "signatures.csv",
    "decryptions.csv",
    "missing-keys.csv",
    "certificates.csv",
    "certificates.pem",
    DOSSIERS_FILE,
    "certificates.p7c",
    "certificates.ldif",
    "certificates.vcf",
    "salvaged.csv",
    "salvaged.pem",
    REVOCATION_FILE,
    DER_FOLDER,
    "faults.csv",
    "inputs.csv",
    "summary.json",
    "index.html",
    "manifest-sha256.txt",
    "run.json",
    "datapackage.json",
    "schema",
];

/// A report in the making, in `NAME.partial` beside its final place. Others can't read it, whatever the umask.
#[derive(Debug)]
pub struct ReportFolder {
    partial: PathBuf,
    target: PathBuf,
    replace: bool,
    /// An earlier run made it, which may have ended while it replaced a report.
    is_reopened: bool,
    /// The partial folder, locked for as long as this is there.
    lock: Option<File>,
}

impl ReportFolder {
    /// Makes the partial folder.
    ///
    /// # Errors
    /// `Exists` where the target or an interrupted run's partial folder is there and `replace` is not asked for; `Unusable` where
    /// another run writes there or what would be replaced is no report; `Unwritable` where the folder can't be made.
    pub fn create(target: &Path, replace: bool) -> Result<Self, RunError> {
        let mut folder = Self::at(target, replace)?;
        if exists(&folder.partial) {
            let held = lock(&folder.partial)?;
            if !replace {
                let problem = if folder.partial.join(RESUME_FILE).is_file() {
                    "an interrupted run left it. Go on with --resume, or start anew with --force."
                } else {
                    "is in the way. Start anew with --force, or choose another folder with -o."
                };
                return Err(RunError::Unusable {
                    path: folder.partial,
                    problem,
                });
            }
            remove_report(&folder.partial)?;
            drop(held);
        }
        if replace && exists(target) && exists(&aside_of(target)) {
            return Err(RunError::Unusable {
                path: aside_of(target),
                problem: "is in the way: an earlier run was ended while it replaced a report, or the folder is yours. Move it away.",
            });
        }
        if let Some(parent) = parent_of(&folder.partial) {
            fs::create_dir_all(parent).map_err(|error| RunError::unwritable(parent, error))?;
        }
        make_folder(&folder.partial)?;
        folder.lock = lock(&folder.partial)?;
        Ok(folder)
    }

    /// The partial folder of an interrupted run.
    ///
    /// # Errors
    /// `Exists` as above, `Unreadable` where there is no such folder, `Unusable` where another run writes in it.
    pub fn reopen(target: &Path, replace: bool) -> Result<Self, RunError> {
        let mut folder = Self::at(target, replace)?;
        folder.is_reopened = true;
        fs::read_dir(&folder.partial)
            .map_err(|error| RunError::unreadable(&folder.partial, error))?;
        folder.lock = lock(&folder.partial)?;
        Ok(folder)
    }

    fn at(target: &Path, replace: bool) -> Result<Self, RunError> {
        if exists(target) && !replace {
            return Err(RunError::Exists {
                path: target.to_owned(),
            });
        }
        if replace {
            for gone in [target, &aside_of(target)] {
                if exists(gone) {
                    check_report(gone)?;
                }
            }
        }
        Ok(Self {
            partial: partial_of(target),
            target: target.to_owned(),
            replace,
            is_reopened: false,
            lock: None,
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
        create_file(&self.file(name))
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn create_folder(&self, name: &str) -> Result<PathBuf, RunError> {
        let path = self.file(name);
        make_folder(&path)?;
        Ok(path)
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// `Unwritable`.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        self.create_file(name)?
            .write_all(bytes)
            .map_err(|error| RunError::unwritable(&self.file(name), error))
    }

    /// The names of its files, those in [`DER_FOLDER`] with the folder in front, but for the one that the finished report has not; in
    /// no order.
    ///
    /// # Errors
    /// `Unreadable`.
    pub fn names(&self) -> Result<Vec<String>, RunError> {
        let list = |path: &Path| names(path).map_err(|error| RunError::unreadable(path, error));
        let mut all = list(&self.partial)?;
        if let Some(at) = all.iter().position(|name| name == DER_FOLDER) {
            all.swap_remove(at);
            let inside = list(&self.file(DER_FOLDER))?;
            all.extend(inside.iter().map(|name| format!("{DER_FOLDER}/{name}")));
        }
        Ok(all)
    }

    /// Syncs every file and the folder, and gives it its final name.
    ///
    /// # Errors
    /// `Unwritable`; then nothing stands under the final name but what was there before.
    pub fn finish(self) -> Result<(), RunError> {
        for name in self.names()? {
            sync(&self.file(&name))?;
        }
        if exists(&self.file(DER_FOLDER)) {
            sync(&self.file(DER_FOLDER))?;
        }
        sync(&self.partial)?;
        let aside = aside_of(&self.target);
        // Only what this run or the one before it put there is removed.
        let mut is_ours = self.is_reopened;
        if self.replace && exists(&self.target) {
            if exists(&aside) {
                return Err(RunError::Unusable {
                    path: aside,
                    problem: "is in the way of the report that is replaced. Move it away, and go on with --resume.",
                });
            }
            // Much may have been put there since the run began.
            check_report(&self.target)?;
            is_ours = true;
            fs::rename(&self.target, &aside)
                .map_err(|error| RunError::unwritable(&self.target, error))?;
        }
        fs::rename(&self.partial, &self.target)
            .map_err(|error| RunError::unwritable(&self.target, error))?;
        // Last of all: until here a run that dies can be gone on with.
        for name in [LISTING_FILE, RESUME_FILE] {
            let path = self.target.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(RunError::unwritable(&path, error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        if self.replace && is_ours {
            remove_report(&aside)?;
        }
        sync(parent_of(&self.target).unwrap_or(Path::new(".")))
    }
}

/// Removes the partial folder of a run that nobody can go on with. What can't be removed stays.
pub fn discard(target: &Path) {
    let _ = remove_report(&partial_of(target));
}

/// Keeps other runs out of a partial folder for as long as the file is there. None where the file system has no locks, or what is
/// there is no folder.
///
/// # Errors
/// `Unusable` where another run writes there, or has just put another folder in its place.
pub(super) fn lock(partial: &Path) -> Result<Option<File>, RunError> {
    let Ok(folder) = File::open(partial) else {
        return Ok(None);
    };
    let busy = || RunError::Unusable {
        path: partial.to_owned(),
        problem: "another run is writing there. Wait for it, or choose another folder with -o.",
    };
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) if is_at(&folder, partial) => Ok(Some(folder)),
        Ok(()) | Err(Errno::WOULDBLOCK) => Err(busy()),
        Err(_) => Ok(None),
    }
}

/// The open folder is what the path leads to, and not one that was removed since.
fn is_at(folder: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (folder.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => place(open) == place(there),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Removes a report, finished or not; it may be gone already.
fn remove_report(folder: &Path) -> Result<(), RunError> {
    if !exists(folder) {
        return Ok(());
    }
    check_report(folder)?;
    fs::remove_dir_all(folder).map_err(|error| RunError::unwritable(folder, error))
}

/// Only what runs of ours wrote is ever removed: a folder with nothing in it but what a report has.
fn check_report(folder: &Path) -> Result<(), RunError> {
    let unusable = |problem| RunError::Unusable {
        path: folder.to_owned(),
        problem,
    };
    let not_ours =
        "is no report of mailseal, so --force does not replace it. Choose another folder with -o.";
    let real = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    let names = names(folder).map_err(|error| RunError::unreadable(folder, error));
    let names = if real {
        names?
    } else {
        return Err(unusable(not_ours));
    };
    let ours = [FACTS_FILE, RESUME_FILE, DOSSIERS_FILE];
    if !names.is_empty() && !ours.iter().any(|name| folder.join(name).is_file()) {
        return Err(unusable(not_ours));
    }
    let is_report_s = |name: &String| {
        let path = folder.join(name);
        let is = |kind: fn(&fs::Metadata) -> bool| {
            fs::symlink_metadata(&path).is_ok_and(|metadata| kind(&metadata))
        };
        NAMES.contains(&name.as_str())
            && match name.as_str() {
                DER_FOLDER => is(fs::Metadata::is_dir) && holds_certificates(&path),
                _ => is(fs::Metadata::is_file),
            }
    };
    if !names.iter().all(is_report_s) {
        return Err(unusable(
            "holds more than a report, so --force does not replace it. Move your own files away, or choose another folder with -o.",
        ));
    }
    Ok(())
}

/// Nothing but files as a harvest writes them.
fn holds_certificates(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| {
            entry.is_ok_and(|entry| {
                let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
                is_file && entry.path().extension() == Some(OsStr::new("der"))
            })
        })
    })
}

/// The names in a folder, but for those of a partial one.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if ![RESUME_FILE, LISTING_FILE].contains(&name.as_str()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Where the certificates of a run lie: an unlinked file, so that memory does not grow with them.
pub(super) fn spool() -> Result<Spool, RunError> {
    let file =
        tempfile::tempfile().map_err(|error| RunError::unwritable(&std::env::temp_dir(), error))?;
    Ok(Spool::file(file))
}

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

/// Where the report that is replaced waits while the new one takes its name.
fn aside_of(target: &Path) -> PathBuf {
    with_suffix(target, ".replaced")
}

/// `a/report/` and `a/report` are the same folder, and so are their partial ones.
fn with_suffix(target: &Path, suffix: &str) -> PathBuf {
    let plain: PathBuf = target.components().collect();
    let mut name = plain.into_os_string();
    name.push(suffix);
    PathBuf::from(name)
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
    fn two_runs_never_write_the_same_report() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        let first = ReportFolder::create(&target, false).unwrap();
        first.write(RESUME_FILE, b"").unwrap();
        for second in [
            ReportFolder::reopen(&target, false),
            ReportFolder::create(&target, false),
            ReportFolder::create(&target, true),
        ] {
            let Err(RunError::Unusable { problem, .. }) = second else {
                panic!("{second:?}");
            };
            assert!(problem.starts_with("another run"), "{problem}");
        }
        assert!(first.file(RESUME_FILE).exists());
        drop(first);
        ReportFolder::reopen(&target, false).unwrap();
    }

    #[test]
    fn an_existing_report_is_replaced_only_when_asked() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(FACTS_FILE), "old").unwrap();
        assert!(matches!(
            ReportFolder::create(&target, false),
            Err(RunError::Exists { .. })
        ));
        let folder = ReportFolder::create(&target, true).unwrap();
        folder.write(FACTS_FILE, b"new").unwrap();
        assert_eq!(fs::read(target.join(FACTS_FILE)).unwrap(), b"old");
        folder.finish().unwrap();
        assert_eq!(fs::read(target.join(FACTS_FILE)).unwrap(), b"new");
        assert!(!exists(&aside_of(&target)) && !exists(&partial_of(&target)));
    }

    #[test]
    fn what_is_not_ours_is_never_removed() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        for folder in [target.clone(), partial_of(&target), aside_of(&target)] {
            for names in [&["notes"][..], &[FACTS_FILE, "notes"], &["messages.jsonl"]] {
                fs::create_dir(&folder).unwrap();
                for name in names {
                    fs::write(folder.join(name), "").unwrap();
                }
                assert!(
                    matches!(
                        ReportFolder::create(&target, true),
                        Err(RunError::Unusable { .. })
                    ),
                    "{folder:?} {names:?}"
                );
                discard(&target);
                assert!(names.iter().all(|name| folder.join(name).exists()));
                fs::remove_dir_all(&folder).unwrap();
            }
            fs::write(&folder, "a file").unwrap();
            assert!(ReportFolder::create(&target, true).is_err());
            fs::remove_file(&folder).unwrap();
            // Neither is what a link leads to.
            let elsewhere = place.path().join("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
            assert!(ReportFolder::create(&target, true).is_err());
            fs::remove_file(&folder).unwrap();
            fs::remove_dir(&elsewhere).unwrap();
        }
        ReportFolder::create(&target, false).unwrap();
        discard(&target);
        assert!(!exists(&partial_of(&target)));
    }

    /// Files of somebody's own in the place of ours, a report that was put aside by hand, and what came while the run went on.
    #[test]
    fn neither_is_what_looks_like_ours() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        let again = |path: &Path, name: &str| {
            fs::create_dir_all(path).unwrap();
            fs::write(path.join(FACTS_FILE), name).unwrap();
        };
        for mine in [
            "der/notes",
            "der/deep/a.der",
            "schema/notes",
            "index.html/notes",
        ] {
            again(&target, "old");
            fs::create_dir_all(target.join(mine).parent().unwrap()).unwrap();
            fs::write(target.join(mine), "x").unwrap();
            assert!(ReportFolder::create(&target, true).is_err(), "{mine}");
            assert!(target.join(mine).exists());
            fs::remove_dir_all(&target).unwrap();
        }
        // The last report, kept under the name that a run would use.
        again(&aside_of(&target), "kept");
        let folder = ReportFolder::create(&target, true).unwrap();
        folder.write(FACTS_FILE, b"new").unwrap();
        folder.finish().unwrap();
        assert_eq!(
            fs::read(aside_of(&target).join(FACTS_FILE)).unwrap(),
            b"kept"
        );
        assert!(ReportFolder::create(&target, true).is_err());
        fs::remove_dir_all(aside_of(&target)).unwrap();
        // Notes that were put there meanwhile.
        let folder = ReportFolder::create(&target, true).unwrap();
        folder.write(FACTS_FILE, b"newer").unwrap();
        fs::write(target.join("notes"), "x").unwrap();
        assert!(folder.finish().is_err());
        assert!(target.join("notes").exists());
        assert_eq!(fs::read(target.join(FACTS_FILE)).unwrap(), b"new");
        // A run that died between the two renames is gone on with.
        fs::rename(&target, aside_of(&target)).unwrap();
        fs::remove_file(aside_of(&target).join("notes")).unwrap();
        let folder = ReportFolder::reopen(&target, true).unwrap();
        folder.finish().unwrap();
        assert_eq!(fs::read(target.join(FACTS_FILE)).unwrap(), b"newer");
        assert!(!exists(&aside_of(&target)));
    }

    #[test]
    fn a_run_that_dies_before_its_first_fact_can_be_started_anew() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        let folder = ReportFolder::create(&target, false).unwrap();
        folder.write(RESUME_FILE, b"").unwrap();
        drop(folder);
        assert!(matches!(
            ReportFolder::create(&target, false),
            Err(RunError::Unusable { .. })
        ));
        ReportFolder::create(&target, true).unwrap();
    }

    #[test]
    fn how_to_go_on_is_known_until_the_report_has_its_name() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("report");
        let folder = ReportFolder::create(&target, false).unwrap();
        folder.write(RESUME_FILE, b"x").unwrap();
        folder.write(FACTS_FILE, b"x").unwrap();
        assert_eq!(folder.names().unwrap(), [FACTS_FILE]);
        assert!(partial_of(&target).join(RESUME_FILE).exists());
        folder.finish().unwrap();
        assert!(!target.join(RESUME_FILE).exists());
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
