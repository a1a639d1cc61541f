//! The main job: archive → facts → verdicts → report.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::archive::{Archive, Cursor, ReadOptions};
use crate::crypto;
use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::Settings;
use crate::facts::store::{self, Event, FileStart, Head, Kind};
use crate::jobs::digests::Digests;
use crate::jobs::judge::{self, Judging, Outcome, Source};
use crate::jobs::output::{FACTS_FILE, LISTING_FILE, RESUME_FILE, ReportFolder, spool};
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, FactsOutput, Machine, Progress};
use crate::pki::keyring::Keyring;
use crate::pki::pool::{PoolBuilder, Provenance};

/// What to audit, and how.
#[derive(Debug)]
pub struct Audit<'a> {
    /// Files and folders; `-` is standard input.
    pub archives: &'a [PathBuf],
    /// The folder of the report.
    pub target: &'a Path,
    /// Replace a report that is there.
    pub replace: bool,
    /// Go on with what an earlier run left.
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
        file_times: audit.judging.policy.evidence.file_time,
        keyring: audit.keys.digest(),
        keys: u64::try_from(audit.keys.keys().count()).unwrap_or(u64::MAX),
    };
    let own: BTreeMap<_, _> = audit
        .keys
        .certificates()
        .map(|der| (sha256(der), der.to_vec()))
        .collect();
    let options = ReadOptions {
        limits: audit.settings.limits.clone(),
        block_bytes: BLOCK_BYTES,
        file_times: audit.judging.policy.evidence.file_time,
    };
    let mut archive = Archive::open(audit.archives, options)?;
    check_place(audit.target, audit.archives)?;
    let folder = if audit.resume {
        ReportFolder::reopen(audit.target, audit.replace)?
    } else {
        ReportFolder::create(audit.target, audit.replace)?
    };
    let path = folder.file(FACTS_FILE);
    let mut pool = PoolBuilder::new(spool()?);
    let mut crls = HashSet::new();
    let earlier = if audit.resume {
        let mut told = |file: &FileStart| {
            let raw = file.path_bytes.as_deref().unwrap_or(file.path.as_bytes());
            archive.handed_out(file.argument, raw);
        };
        reopen(&path, &head, &own, &mut pool, &mut crls, &mut told)?
    } else {
        None
    };
    let listing = folder.file(LISTING_FILE);
    match fs::read(&listing).ok().filter(|_| audit.resume) {
        Some(listing) => archive.relist(listing),
        None => {
            if let Some(bytes) = archive.listing().filter(|_| earlier.is_none()) {
                folder.write(LISTING_FILE, &bytes)?;
            }
        }
    }
    let resumed_at = earlier.as_ref().map(|earlier| earlier.cursor.at());
    let (writer, before) = match earlier {
        Some(Earlier {
            file,
            cursor,
            files,
        }) => {
            archive.resume(&cursor)?;
            (store::Writer::append(file), files)
        }
        None => {
            folder.write(RESUME_FILE, audit.resume_text)?;
            let file = folder.create_file(FACTS_FILE)?;
            let begin = || {
                let mut writer = store::Writer::create(file, &head)?;
                for der in own.values() {
                    writer.frame(&store::encode(Kind::Own, der)?)?;
                }
                writer.flush(true)?;
                Ok(writer)
            };
            let writer = begin().map_err(|error| RunError::unwritable(&path, error))?;
            (writer, Vec::new())
        }
    };
    let total = archive.total_bytes();
    let digests = audit.hash_inputs.then(|| Digests::start(audit.archives));
    if let Some(digests) = &digests {
        before.iter().for_each(|file| digests.file(file));
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
    let source = Source { facts, pool, own };
    let outcome = judge::report(source, folder, audit.judging, machine)?;
    Ok(Outcome {
        resumed_at,
        ..outcome
    })
}

/// A report in a folder that is read would be taken for a part of the archive.
pub(in crate::jobs) fn check_place(target: &Path, archives: &[PathBuf]) -> Result<(), RunError> {
    let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
    let there = absolute
        .ancestors()
        .find_map(|ancestor| ancestor.canonicalize().ok());
    let inside = archives.iter().any(|archive| {
        let archive = archive.canonicalize().ok().filter(|path| path.is_dir());
        archive.is_some_and(|folder| {
            there
                .as_ref()
                .is_some_and(|there| there.starts_with(&folder))
        })
    });
    if !inside {
        return Ok(());
    }
    Err(RunError::Unusable {
        path: target.to_owned(),
        problem: "lies in a folder that is to be read. Choose a place outside it with -o.",
    })
}

/// What an earlier run left.
struct Earlier {
    /// Its facts; to be gone on with at the end.
    file: File,
    cursor: Cursor,
    /// The files that it read or began to read.
    files: Vec<FileStart>,
}

/// Opens the facts of an interrupted run behind their last whole block, and fills the pool with what they hold. None where there is
/// no such block.
fn reopen(
    path: &Path,
    head: &Head,
    own: &BTreeMap<[u8; 32], Vec<u8>>,
    pool: &mut PoolBuilder,
    crls: &mut HashSet<[u8; 32]>,
    told: &mut dyn FnMut(&FileStart),
) -> Result<Option<Earlier>, RunError> {
    let unreadable = |error| RunError::unreadable(path, error);
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let (mut reader, seen) = match store::Reader::open(file.try_clone().map_err(unreadable)?) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut seen_own = BTreeMap::new();
    let mut cursor = None;
    let mut files = Vec::new();
    let mut end = 0;
    let mut pending = Vec::new();
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        match frame.kind {
            Kind::Certificate | Kind::Crl => pending.push(frame),
            Kind::Block => {
                let block: store::Block<Cursor> = frame.decode().map_err(unreadable)?;
                cursor = Some(block.cursor);
                for event in &block.events {
                    if let Event::FileStart(file) = event {
                        told(file);
                    }
                }
                if head.hash_inputs {
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
                        pool.insert_revocation(&der, Provenance::Message)?;
                    }
                }
            }
            Kind::Own => {
                let der: Vec<u8> = frame.decode().map_err(unreadable)?;
                seen_own.insert(sha256(&der), der);
            }
            Kind::Head | Kind::Digests | Kind::End | Kind::Checkpoint => {}
        }
    }
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    if seen != *head || seen_own != *own {
        return Err(RunError::Damaged {
            path: path.to_owned(),
            problem: "was written with other keys, other options or another version. Give the same ones, or start anew with --force.",
        });
    }
    // Certificates behind the last block belong to one that was lost: its facts will be collected again, and they with them.
    let mut cut = || {
        file.set_len(end)?;
        file.seek(SeekFrom::End(0))
    };
    cut().map_err(|error| RunError::unwritable(path, error))?;
    Ok(Some(Earlier {
        file,
        cursor,
        files,
    }))
}
