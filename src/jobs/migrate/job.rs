//! The job: archives in, a bag out.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::archive::{Archive, Item, ReadOptions, Variant, unshown};
use crate::asn1::Time;
use crate::crypto;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::store::Head;
use crate::jobs::audit::check_place;
use crate::jobs::bag::folder::{Folder, JOURNAL_FILE, RECORDS};
use crate::jobs::bag::journal::Journal;
use crate::jobs::bag::source::Sources;
use crate::jobs::bag::{skeleton, tags};
use crate::jobs::migrate::counts::{Checkpoint, Counts};
use crate::jobs::migrate::message::{Kept, Options};
use crate::jobs::migrate::work::{Outcome, Plan};
use crate::jobs::migrate::writer::Writer;
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, Machine, Progress, Worked};
use crate::pki::keyring::Keyring;
use crate::report::custody::{self, Action};

pub use crate::jobs::migrate::counts::REASONS;

/// What to migrate, and how.
#[derive(Debug)]
pub struct Migration<'a> {
    /// Files and folders.
    pub archives: &'a [PathBuf],
    /// The bag to be.
    pub target: &'a Path,
    /// Replace a bag that is there.
    pub replace: bool,
    /// Go on with what an earlier run left.
    pub resume: bool,
    /// What is needed to go on, in the command line's own form.
    pub resume_text: &'a [u8],
    /// Own keys.
    pub keys: &'a Keyring,
    /// The key that signs the bag.
    pub signer: Option<&'a Keyring>,
    /// The bounds.
    pub settings: Settings,
    /// How messages are migrated.
    pub options: Options,
    /// The variant that mboxes are written in; None for the one they have.
    pub format: Option<Variant>,
}

/// A bag that has everything but its last files and its name.
#[derive(Debug)]
pub struct Made<'a> {
    folder: Folder,
    signer: Option<&'a Keyring>,
    /// What was done.
    pub counts: Counts,
}

/// One thing that a run would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// `decrypt`, `keep`, `convert`.
    pub action: &'static str,
    /// Why it would be kept.
    pub reason: String,
    /// The file, relative to its argument, for people.
    pub path: String,
    /// The message's place in it.
    pub offset: u64,
}

impl Migration<'_> {
    fn head(&self) -> Head {
        Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            openssl: crypto::openssl_version(),
            all: false,
            hash_inputs: false,
            file_times: false,
            keyring: self.keys.digest(),
            keys: u64::try_from(self.keys.keys().count()).unwrap_or(u64::MAX),
        }
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            options: self.options.clone(),
            limits: &self.settings.limits,
            format: self.format,
        }
    }

    fn open(&self) -> Result<(Archive, Sources), RunError> {
        let sources = Sources::new(self.archives)?;
        let options = ReadOptions {
            limits: self.settings.limits.clone(),
            block_bytes: BLOCK_BYTES,
            file_times: false,
        };
        let archive = Archive::open(self.archives, options)?;
        check_place(self.target, self.archives)?;
        sources.check_outside_all(self.target)?;
        if let Some(signer) = self.signer
            && tags::able(signer).is_none()
        {
            return Err(RunError::Unusable {
                path: PathBuf::from("--sign-manifest"),
                problem: "holds no key with a certificate that can sign. Give a PKCS#12 file with an RSA, EC or Ed25519 key.",
            });
        }
        Ok((archive, sources))
    }
}

/// Migrates archives into a bag, which gets its name by [`Made::finish`]. None where an earlier run, that was to be gone on with, had
/// come to its end.
///
/// # Errors
/// What ends a run; the partial folder stays, and another run can go on with it.
pub fn migrate<'a>(
    migration: &Migration<'a>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Progress, Option<u64>),
) -> Result<Option<Made<'a>>, RunError> {
    let (mut archive, sources) = migration.open()?;
    let limits = &migration.settings.limits;
    let folder = if migration.resume {
        match Folder::reopen(migration.target, migration.replace)? {
            Some(folder) => folder,
            None => return Ok(None),
        }
    } else {
        Folder::create(migration.target, migration.replace, migration.resume_text)?
    };
    let head = migration.head();
    let earlier = match migration.resume {
        true => Journal::reopen::<Checkpoint>(folder.journal(), &head)?,
        false => None,
    };
    match fs::read(folder.listing()).ok().filter(|_| migration.resume) {
        Some(listing) => archive.relist(listing),
        None => {
            if let Some(listing) = archive.listing() {
                folder.write_listing(&listing)?;
            }
        }
    }
    let (journal, from) = match earlier {
        Some((journal, checkpoint)) => (journal, Some(checkpoint)),
        None => (Journal::create(folder.journal(), &head)?, None),
    };
    let mut writer = Writer::new(&folder, &sources, limits, journal, from.as_ref())?;
    if let Some(checkpoint) = &from {
        handed_out(&folder.bag().join(RECORDS), &mut archive)?;
        archive.resume(&checkpoint.cursor)?;
    }
    skeleton::make(&folder, &sources, limits)?;
    let total = archive.total_bytes();
    let plan = migration.plan();
    pipeline::migrate(
        archive,
        migration.keys,
        &migration.settings,
        machine,
        |placed, collected, scratch| plan.work(placed, collected, scratch),
        &mut |worked| writer.block(worked),
        &mut |progress| step(progress, total),
    )?;
    skeleton::extras(&sources, limits, |file| writer.extra(file))?;
    let counts = writer.finish()?;
    skeleton::times(&folder, &sources, limits)?;
    Ok(Some(Made {
        folder,
        signer: migration.signer,
        counts,
    }))
}

/// Tells the archive what an earlier run read: every file has a line in the manifest.
fn handed_out(manifest: &Path, archive: &mut Archive) -> Result<(), RunError> {
    let unreadable = |error| RunError::unreadable(manifest, error);
    let file = fs::File::open(manifest).map_err(unreadable)?;
    let mut last = None;
    for line in BufReader::new(file).split(b'\n') {
        let place = custody::read(&line.map_err(unreadable)?).map(|line| line.source);
        let place = place.map(|source| (source.archive, source.path));
        if let Some((number, path)) = &place
            && place != last
        {
            archive.handed_out(*number, &unshown(path));
        }
        last = place;
    }
    Ok(())
}

impl Made<'_> {
    /// Adds the last files and gives the bag its name. `run` is `run.json`.
    ///
    /// # Errors
    /// What can't be written; then nothing stands under the final name but what was there before.
    pub fn finish(self, at: Time, run: &[u8]) -> Result<(), RunError> {
        let sums = tags::Sums {
            files: self.counts.files,
            bytes: self.counts.bytes,
        };
        let covered = &tags::COVERED;
        tags::write(&self.folder, covered, sums, self.signer, at, run)?;
        self.folder.finish()
    }
}

/// Tells what [`migrate`] would do, and opens nothing for writing.
///
/// # Errors
/// As `migrate`.
pub fn rehearse(
    migration: &Migration<'_>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Progress, Option<u64>),
    tell: &mut dyn FnMut(&Planned),
) -> Result<Counts, RunError> {
    let (archive, _) = migration.open()?;
    Folder::check(migration.target, migration.replace)?;
    let total = archive.total_bytes();
    let plan = migration.plan();
    let mut counts = Counts::default();
    let mut path = String::new();
    let mut count = |worked: &Worked<Outcome>| {
        let mut results = worked.results.iter();
        for item in &worked.block.items {
            let located = match item {
                Item::FileStart { file, .. } => {
                    path = file.shown_path();
                    counts.files += u64::from(file.stored_bytes.is_some());
                    continue;
                }
                Item::Fault(fault) => {
                    counts.incomplete += u64::from(fault.code.leaves_mail_unread());
                    continue;
                }
                Item::Message(located) => located,
                Item::Between { .. } | Item::FileEnd { .. } => continue,
            };
            let Some(outcome) = results.next() else {
                continue;
            };
            counts.messages += 1;
            let reason = outcome.record.reason.clone().unwrap_or_default();
            let plain = reason == Kept::NotEncrypted.as_str();
            let action = match outcome.record.action {
                Action::Decrypted => {
                    counts.decrypted += 1;
                    let none = outcome.record.integrity.as_deref() == Some("none");
                    counts.without_integrity += u64::from(none);
                    "decrypt"
                }
                Action::Converted => "convert",
                Action::Copied
                | Action::LeftOut
                | Action::Signed
                | Action::Encrypted
                | Action::SignedEncrypted
                | Action::TripleWrapped
                | Action::Refused
                | Action::Skipped => "keep",
            };
            counts.converted += u64::from(action == "convert");
            match (action, plain) {
                ("decrypt", _) => {}
                (_, true) => counts.not_encrypted += 1,
                (_, false) => counts.keep(&reason),
            }
            if action != "keep" || !plain {
                tell(&Planned {
                    action,
                    reason,
                    path: path.clone(),
                    offset: located.offset,
                });
            }
        }
        Ok(())
    };
    pipeline::migrate(
        archive,
        migration.keys,
        &migration.settings,
        machine,
        |placed, collected, scratch| plan.work(placed, collected, scratch),
        &mut count,
        &mut |progress| step(progress, total),
    )?;
    Ok(counts)
}

/// An interrupted migration can be gone on with in this folder.
#[must_use]
pub fn can_go_on(partial: &Path) -> bool {
    partial.join(JOURNAL_FILE).is_file()
}
