//! The job: archives in, a bag with what is sent out.

use std::path::{Path, PathBuf};

use crate::archive::{Archive, ReadOptions, Variant};
use crate::asn1::Time;
use crate::crypto;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::store::Head;
use crate::jobs::audit::check_place;
use crate::jobs::bag::folder::{Folder, JOURNAL_FILE};
use crate::jobs::bag::journal::Journal;
use crate::jobs::bag::source::Sources;
use crate::jobs::bag::{skeleton, tags};
use crate::jobs::compose::message::Means;
use crate::jobs::compose::work::Plan;
use crate::jobs::compose::writer::{Checkpoint, Writer};
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, Machine, Progress};
use crate::pki::keyring::Keyring;

pub use crate::jobs::compose::writer::Counts;

/// What to send, and how.
#[derive(Debug)]
pub struct Sending<'a> {
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
    /// What messages are sent with.
    pub means: Means<'a>,
    /// The digest of the key ring and the number of its keys: who goes on has the same.
    pub keys: ([u8; 32], u64),
    /// The variant that mboxes are written in; None for the one they have.
    pub format: Option<Variant>,
}

/// A bag that has everything but its last files and its name.
#[derive(Debug)]
pub struct Made {
    folder: Folder,
    /// What was done.
    pub counts: Counts,
}

/// Sends archives into a bag, which gets its name by [`Made::finish`]. None where an earlier run, that was to be gone on with, had come to
/// its end.
///
/// # Errors
/// What ends a run; the partial folder stays, and another run can go on with it.
pub fn send(
    sending: &Sending<'_>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Progress, Option<u64>),
) -> Result<Option<Made>, RunError> {
    let (mut archive, sources) = sending.open()?;
    let limits = sending.means.limits;
    let folder = if sending.resume {
        match Folder::reopen(sending.target, sending.replace)? {
            Some(folder) => folder,
            None => return Ok(None),
        }
    } else {
        Folder::create(sending.target, sending.replace, sending.resume_text)?
    };
    let head = sending.head();
    let earlier = match sending.resume {
        true => Journal::reopen::<Checkpoint>(folder.journal(), &head)?,
        false => None,
    };
    let (journal, from) = match earlier {
        Some((journal, checkpoint)) => {
            archive.resume(&checkpoint.cursor)?;
            (journal, Some(checkpoint))
        }
        None => (Journal::create(folder.journal(), &head)?, None),
    };
    let mut writer = Writer::new(&folder, &sources, limits, journal, from.as_ref())?;
    skeleton::make(&folder, &sources, limits)?;
    let total = archive.total_bytes();
    let plan = Plan {
        means: sending.means,
        format: sending.format,
    };
    let settings = Settings {
        limits: limits.clone(),
        ..Settings::default()
    };
    // Nothing is opened here: what is encrypted already is passed over.
    let no_keys = Keyring::empty();
    pipeline::migrate(
        archive,
        &no_keys,
        &settings,
        machine,
        |placed, collected, scratch| plan.work(placed, collected, scratch),
        &mut |worked| writer.block(worked),
        &mut |progress| step(progress, total),
    )?;
    let counts = writer.finish()?;
    Ok(Some(Made { folder, counts }))
}

impl Sending<'_> {
    fn head(&self) -> Head {
        let (keyring, keys) = self.keys;
        Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            openssl: crypto::openssl_version(),
            all: false,
            hash_inputs: false,
            file_times: false,
            keyring,
            keys,
        }
    }

    fn open(&self) -> Result<(Archive, Sources), RunError> {
        let sources = Sources::new(self.archives)?;
        let options = ReadOptions {
            limits: self.means.limits.clone(),
            block_bytes: BLOCK_BYTES,
            file_times: false,
        };
        let archive = Archive::open(self.archives, options)?;
        check_place(self.target, self.archives)?;
        sources.check_outside_all(self.target)?;
        Ok((archive, sources))
    }
}

impl Made {
    /// Adds the last files and gives the bag its name. `run` is `run.json`.
    ///
    /// # Errors
    /// What can't be written; then nothing stands under the final name but what was there before.
    pub fn finish(self, at: Time, run: &[u8]) -> Result<(), RunError> {
        let sums = tags::Sums {
            files: self.counts.files,
            bytes: self.counts.bytes,
        };
        let covered = &tags::COVERED_OF_SENT;
        tags::write(&self.folder, covered, sums, None, at, run)?;
        self.folder.finish()
    }
}

/// An interrupted run can be gone on with in this folder.
#[must_use]
pub fn can_go_on(partial: &Path) -> bool {
    partial.join(JOURNAL_FILE).is_file()
}
