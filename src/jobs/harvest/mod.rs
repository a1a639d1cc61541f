//! Certificates of archives, and what the mail says about each: the archive is read once, no content is hashed, nothing is judged
//! but, where anchors are given, the certificates themselves.

mod exports;

mod gather;

mod register;

mod tables;

mod texts;

use std::path::{Path, PathBuf};

use crate::archive::{Archive, ReadOptions};
use crate::crypto;
use crate::error::RunError;
use crate::facts::Settings;
use crate::jobs::audit::check_place;
use crate::jobs::harvest::gather::Gatherer;
use crate::jobs::harvest::tables::{Tables, Trusted};
use crate::jobs::judge::{self, Outcome, Totals};
use crate::jobs::output::{DOSSIERS_FILE, ReportFolder, discard, spool};
use crate::limits::BLOCK_BYTES;
use crate::pipeline::{self, Machine, Progress};
use crate::pki::keyring::Keyring;
use crate::pki::pool::{PoolBuilder, Provenance};
use crate::pki::trust::{Anchors, Hierarchy};
use crate::report::harvest::{Asked, HarvestSummary};
use crate::report::summary::Given as GivenRecord;

pub use exports::Exports;

/// What to harvest, and how.
#[derive(Debug)]
pub struct Harvest<'a> {
    /// Files and folders; `-` is standard input.
    pub archives: &'a [PathBuf],
    /// The folder of the harvest.
    pub target: &'a Path,
    /// Replace a harvest that is there.
    pub replace: bool,
    /// Own keys, for what is encrypted.
    pub keys: &'a Keyring,
    /// What to collect; `harvest` must be set.
    pub settings: Settings,
    /// Certificates are held against the rules, as in an audit.
    pub lint: bool,
    /// Files beside the tables.
    pub exports: Exports<'a>,
    /// Anchors, lists, clock and cells. Without anchors nothing is judged.
    pub judging: judge::Judging<'a>,
}

/// How far it is; see [`harvest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The archive is being read; bytes on disk in all, if known.
    Reading(Progress, Option<u64>),
    /// The tables are being written.
    Writing,
}

/// Harvests archives into a folder, which gets its name at the very end. A run that dies leaves nothing to go on with.
///
/// Equal archives, keys, anchors, lists and clock give equal bytes in every file, for any number of threads.
///
/// # Errors
/// What ends a run; its partial folder is removed.
pub fn harvest(
    harvest: &Harvest<'_>,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Step),
) -> Result<Outcome, RunError> {
    let options = ReadOptions {
        limits: harvest.settings.limits.clone(),
        block_bytes: BLOCK_BYTES,
        file_times: false,
    };
    let archive = Archive::open(harvest.archives, options)?;
    check_place(harvest.target, harvest.archives)?;
    let folder = ReportFolder::create(harvest.target, harvest.replace)?;
    folder.create_file(DOSSIERS_FILE)?;
    write(harvest, archive, folder, machine, step).inspect_err(|_| discard(harvest.target))
}

fn write(
    harvest: &Harvest<'_>,
    archive: Archive,
    folder: ReportFolder,
    machine: &Machine<'_>,
    step: &mut dyn FnMut(Step),
) -> Result<Outcome, RunError> {
    let (judging, limits) = (&harvest.judging, &harvest.settings.limits);
    let cells = judging.render.cells;
    let total = archive.total_bytes();
    let asked = harvest.settings.harvest.unwrap_or_default();
    let mut gatherer = Gatherer::new(&folder, cells, asked.salvage)?;
    let mut progress = |progress| step(Step::Reading(progress, total));
    pipeline::migrate(
        archive,
        harvest.keys,
        &harvest.settings,
        machine,
        |_, collected, _| gather::gathered(collected),
        &mut |worked| gatherer.block(worked),
        &mut progress,
    )?;
    step(Step::Writing);
    let mut gathered = gatherer.finish()?;
    let mut pool = gathered.pool;
    let trusts = !judging.anchors.certificates.is_empty();
    let mut anchors = Anchors::new(std::iter::empty(), &mut PoolBuilder::new(spool()?))?;
    if trusts {
        for der in judging.certificates.certificates.values() {
            pool.insert_certificate(der, Provenance::Given)?;
        }
        let given = judging.anchors.certificates.values().map(Vec::as_slice);
        anchors = Anchors::new(given, &mut pool)?.without(judging.distrusted);
        for crl in judging.crls.crls.values() {
            pool.insert_revocation(crl, Provenance::Given)?;
        }
        for crl in judging.crls.carried.values() {
            pool.insert_revocation(crl, Provenance::Message)?;
        }
    }
    let pool = pool.finish();
    gathered.register.finish(&pool);
    let hierarchy = if trusts {
        Some(Hierarchy::new(&pool, &anchors, limits)?)
    } else {
        None
    };
    let tables = Tables {
        pool: &pool,
        register: &gathered.register,
        trusted: hierarchy.as_ref().map(|hierarchy| Trusted {
            hierarchy,
            trust_embedded: judging.policy.trust_embedded,
        }),
        verified: asked.verify,
        lint: harvest.lint,
        now: judging.clocks.now,
        limits,
        cells,
    };
    let (certificates, more) = tables.write(&folder, machine, &harvest.exports)?;
    let mut tally = gathered.tally;
    tally.join(&more);
    tally.signers_elsewhere = gathered.register.signers_elsewhere;
    tally.statements_left_out = gathered.register.left_out;
    if let Some(salvaged) = gathered.salvaged {
        tally.salvaged = tables::salvaged(
            salvaged,
            (&pool, &gathered.register),
            &folder,
            limits,
            cells,
        )?;
    }
    let summary = HarvestSummary {
        now: judging.clocks.now,
        mailseal: env!("CARGO_PKG_VERSION"),
        openssl: &crypto::openssl_version(),
        keyring: GivenRecord {
            number: u64::try_from(harvest.keys.keys().count()).unwrap_or(u64::MAX),
            sha256: harvest.keys.digest(),
        },
        anchors: judge::set_digest(anchors.digests()),
        asked: Asked {
            verify: asked.verify,
            attachments: asked.attachments,
            salvage: asked.salvage,
        },
        reconciliation: gathered.reconciliation,
        inputs: gathered.inputs,
        faults: gathered.faults,
        certificates,
        more: tally,
    };
    folder.write("summary.json", &summary.json()?)?;
    judge::manifest(&folder)?;
    let name = folder.target().display().to_string();
    Ok(Outcome {
        totals: Totals {
            messages: summary.reconciliation.messages,
            bytes: summary.reconciliation.bytes,
            statuses: Vec::new(),
            incomplete: gathered.incomplete,
        },
        screen: summary.lines(&name),
        resumed_at: None,
        folder,
    })
}
