//! The main job: archive → facts → verdicts → report.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use crate::archive::{Archive, Cursor, ReadOptions};
use crate::crypto;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::store::{self, Event, FileStart, Head, Kind};
use crate::jobs::digests::Digests;
use crate::jobs::output::{FACTS_FILE, RESUME_FILE, ReportFolder, spool};
use crate::jobs::report::{self, Judging, Outcome};
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, FactsOutput, Machine, Progress};
use crate::pki::keyring::Keyring;
use crate::pki::pool::{PoolBuilder, Provenance};

/// What to audit, and how.
#[derive(Debug)]
pub struct Audit<'a> {
    /// Files and folders; `-` is standard input.
    pub archives: &'a [PathBuf],
    /// Where the report goes.
    pub folder: ReportFolder,
    /// Go on with what is in the folder.
    pub resume: bool,
    /// What is needed to go on, in the command line's own form.
    pub resume_text: &'a [u8],
    /// Own keys.
    pub keys: &'a Keyring,
    /// What to collect.
    pub settings: Settings,
    /// SHA-256 of every input file.
    pub hash_inputs: bool,
    /// How to judge and what to show.
    pub judging: Judging<'a>,
}

/// Tells the caller how far it is; see [`audit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The archive is being read; bytes on disk in all, if known.
    Reading(Progress, Option<u64>),
    /// The archive was read, verdicts are being derived.
    Judging,
}

/// Audits archives into a report folder, which gets its name at the very end.
///
/// `step` is told after each block and says whether to sync the facts now; a run that dies goes on from the last block written.
///
/// # Errors
/// What ends a run; the partial folder stays, and another run can go on with it.
pub fn audit(
    audit: Audit<'_>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<Outcome, RunError> {
    let head = Head {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        openssl: crypto::openssl_version(),
        all: audit.settings.all,
        hash_inputs: audit.hash_inputs,
        keyring: audit.keys.digest(),
        keys: u64::try_from(audit.keys.keys().count()).unwrap_or(u64::MAX),
    };
    let path = audit.folder.file(FACTS_FILE);
    let options = ReadOptions {
        limits: audit.settings.limits.clone(),
        block_bytes: BLOCK_BYTES,
    };
    let mut archive = match Archive::open(audit.archives, options) {
        Ok(archive) => archive,
        Err(error) => {
            if !audit.resume {
                audit.folder.abandon();
            }
            return Err(error);
        }
    };
    let mut pool = PoolBuilder::new(spool()?);
    let mut crls = HashSet::new();
    let mut earlier = Vec::new();
    let writer = if audit.resume {
        let (file, cursor) = reopen(&audit, &head, &mut pool, &mut crls, &mut earlier)?;
        if let Some(cursor) = cursor {
            archive.resume(&cursor)?;
        }
        store::Writer::append(file)
    } else {
        let resume = audit.folder.file(RESUME_FILE);
        std::fs::write(&resume, audit.resume_text)
            .map_err(|error| RunError::unwritable(&resume, error))?;
        let file = audit.folder.create_file(FACTS_FILE)?;
        begin(file, &head, audit.keys).map_err(|error| RunError::unwritable(&path, error))?
    };
    let total = archive.total_bytes();
    let digests = audit.hash_inputs.then(|| Digests::start(audit.archives));
    if let Some(digests) = &digests {
        earlier.iter().for_each(|file| digests.file(file));
    }
    let mut told = digests
        .as_ref()
        .map(|digests| |file: &FileStart| digests.file(file));
    let mut output = FactsOutput {
        writer,
        path: &path,
        pool: &mut pool,
        crls,
        file: match &mut told {
            Some(told) => Some(told),
            None => None,
        },
    };
    let mut progress = |progress| step(Step::Reading(progress, total));
    pipeline::collect(
        archive,
        audit.keys,
        &audit.settings,
        machine,
        &mut output,
        &mut progress,
    )?;
    let writer = output.writer;
    let digests = digests.map(Digests::finish).unwrap_or_default();
    pipeline::end(writer, &path, &digests)?;
    step(Step::Judging);
    let facts = File::open(&path).map_err(|error| RunError::unreadable(&path, error))?;
    report::report(facts, &path, pool, audit.folder, audit.judging, machine)
}

/// A facts file with its head and the certificates of the keyring.
fn begin(file: File, head: &Head, keys: &Keyring) -> io::Result<store::Writer> {
    let mut writer = store::Writer::create(file, head)?;
    for der in keys.certificates() {
        writer.frame(&store::encode(Kind::Own, der)?)?;
    }
    Ok(writer)
}

/// Opens the facts of an interrupted run behind their last whole block, and fills the pool with what they hold.
fn reopen(
    audit: &Audit<'_>,
    head: &Head,
    pool: &mut PoolBuilder,
    crls: &mut HashSet<[u8; 32]>,
    files: &mut Vec<FileStart>,
) -> Result<(File, Option<Cursor>), RunError> {
    let path = audit.folder.file(FACTS_FILE);
    let unreadable = |error| RunError::unreadable(&path, error);
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(unreadable)?;
    let (mut reader, seen) =
        store::Reader::open(file.try_clone().map_err(unreadable)?).map_err(unreadable)?;
    if seen != *head {
        return Err(RunError::Damaged {
            path,
            problem: "was written with other keys, other options or another version. Give the same ones, or start anew with --force.",
        });
    }
    let mut cursor = None;
    let mut end = reader.position();
    let mut pending = Vec::new();
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        match frame.kind {
            Kind::Certificate | Kind::Crl => pending.push(frame),
            Kind::Block => {
                let block: store::Block<Cursor> = frame.decode().map_err(unreadable)?;
                cursor = Some(block.cursor);
                if audit.hash_inputs {
                    files.extend(block.events.into_iter().filter_map(|event| match event {
                        Event::FileStart(file) => Some(file),
                        _ => None,
                    }));
                }
                end = reader.position();
                for frame in pending.drain(..) {
                    let der: Vec<u8> = frame.decode().map_err(unreadable)?;
                    if frame.kind == Kind::Certificate {
                        pool.insert_certificate(&der, Provenance::Message)?;
                    } else {
                        crls.insert(sha256(&der));
                        let _ = pool.insert_crl(&der, Provenance::Message);
                    }
                }
            }
            // They stand before the first block: a run that died in between begins behind them.
            Kind::Own => end = reader.position(),
            Kind::Head | Kind::Digests | Kind::End => {}
        }
    }
    // Certificates behind the last block belong to one that was lost: its facts will be collected again, and they with them.
    file.set_len(end)
        .map_err(|error| RunError::unwritable(&path, error))?;
    let mut file = file;
    file.seek(SeekFrom::End(0))
        .map_err(|error| RunError::unwritable(&path, error))?;
    Ok((file, cursor))
}
