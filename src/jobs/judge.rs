//! Facts to report: the second half of an audit, and by itself the repetition with other anchors, CRLs, policy or time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crate::crypto::digest::sha256;
use crate::error::RunError;
use crate::facts::store::{self, Head, Kind};
use crate::jobs::certificates;
use crate::jobs::files::digest_of;
use crate::jobs::given::Given;
use crate::jobs::output::{FACTS_FILE, ReportFolder, discard, spool};
use crate::judge::{Clocks, Policy};
use crate::limits::Limits;
use crate::pipeline::{self, Bench, FileTotals, Machine};
use crate::pki::pool::{PoolBuilder, Provenance};
use crate::pki::trust::{Anchors, Hierarchy};
use crate::report::manifest;
use crate::report::screen::Line;
use crate::report::summary::Given as GivenRecord;
use crate::report::{
    Cells, Header, InputRow, Output, Outputs, RenderOptions, Sink, Summary, csv, folder, inputs,
    screen,
};

/// How to judge, and what to show.
#[derive(Debug)]
pub struct Judging<'a> {
    /// Trust anchors.
    pub anchors: &'a Given,
    /// More certificates for paths; those that came with the keys are among the facts.
    pub certificates: &'a Given,
    /// Revocation lists.
    pub crls: &'a Given,
    /// SHA-256 of what is never an anchor, and on no path.
    pub distrusted: &'a BTreeSet<[u8; 32]>,
    /// How strict.
    pub policy: &'a Policy,
    /// When.
    pub clocks: Clocks,
    /// Bounds.
    pub limits: &'a Limits,
    /// What the report shows.
    pub render: RenderOptions,
}

/// A finished report.
#[derive(Debug)]
pub struct Outcome {
    /// What it adds up to; borrows nothing.
    pub totals: Totals,
    /// The summary on the terminal.
    pub screen: Vec<Line>,
    /// Where an interrupted run was gone on with: the file's number and the offset in it.
    pub resumed_at: Option<(u32, u64)>,
    /// The folder, still partial: the caller adds `run.json` and finishes it.
    pub folder: ReportFolder,
}

/// What a caller asks of a finished report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages read.
    pub messages: u64,
    /// Bytes read, uncompressed.
    pub bytes: u64,
    /// How many messages have each status, by its word.
    pub statuses: Vec<(&'static str, u64)>,
    /// Something was left unread.
    pub incomplete: bool,
}

/// What a report is made of, besides how it is judged.
#[derive(Debug)]
pub(super) struct Source {
    /// The facts, to their end.
    pub facts: File,
    /// Certificates and CRLs of the messages.
    pub pool: PoolBuilder,
    /// Certificates that came with the keys, by SHA-256.
    pub own: BTreeMap<[u8; 32], Vec<u8>>,
}

/// Judges the facts that the report in `from` keeps, into a new report at `target`.
///
/// # Errors
/// What ends a run; the new report's partial folder is removed then.
pub fn judge(
    from: &Path,
    target: &Path,
    replace: bool,
    judging: Judging<'_>,
    machine: &Machine<'_>,
) -> Result<Outcome, RunError> {
    let path = from.join(FACTS_FILE);
    let unreadable = |error| RunError::unreadable(&path, error);
    let facts = File::open(&path).map_err(unreadable)?;
    let mut pool = PoolBuilder::new(spool()?);
    let mut own = BTreeMap::new();
    let (mut reader, head) = open(facts.try_clone().map_err(unreadable)?, &path)?;
    if judging.policy.evidence.file_time && !head.file_times {
        return Err(RunError::Unusable {
            path,
            problem: "has no times of files. Audit the archive again with --use-file-time.",
        });
    }
    let mut complete = false;
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        let der = || frame.decode::<Vec<u8>>().map_err(unreadable);
        match frame.kind {
            Kind::Certificate => {
                pool.insert_certificate(&der()?, Provenance::Message)?;
            }
            Kind::Crl => {
                // One that can't be read speaks for nobody.
                pool.insert_revocation(&der()?, Provenance::Message)?;
            }
            Kind::Own => {
                let der = der()?;
                own.insert(sha256(&der), der);
            }
            Kind::Head | Kind::Block | Kind::Digests | Kind::Checkpoint => {}
            Kind::End => complete = true,
        }
    }
    if !complete {
        return Err(RunError::Damaged {
            path,
            problem: "is of an audit that did not finish. Go on with it by `mailseal audit --resume`.",
        });
    }
    let folder = ReportFolder::create(target, replace)?;
    let source = Source { facts, pool, own };
    let outcome =
        copy(&source.facts, &path, &folder).and_then(|()| report(source, folder, judging, machine));
    outcome.inspect_err(|_| discard(target))
}

fn copy(mut facts: &File, path: &Path, folder: &ReportFolder) -> Result<(), RunError> {
    facts
        .seek(SeekFrom::Start(0))
        .map_err(|error| RunError::unreadable(path, error))?;
    let mut target = folder.create_file(FACTS_FILE)?;
    io::copy(&mut facts, &mut target)
        .map_err(|error| RunError::unwritable(&folder.file(FACTS_FILE), error))?;
    Ok(())
}

fn open(file: File, path: &Path) -> Result<(store::Reader, Head), RunError> {
    store::Reader::open(file).map_err(|_| RunError::Damaged {
        path: path.to_owned(),
        problem: "is no facts file of this version. Audit the archive again.",
    })
}

/// Writes all files of a report but `run.json` from facts and the pool that goes with them.
pub(super) fn report(
    source: Source,
    report: ReportFolder,
    judging: Judging<'_>,
    machine: &Machine<'_>,
) -> Result<Outcome, RunError> {
    let Source {
        facts,
        mut pool,
        own: mut certificates,
    } = source;
    let facts_path = &report.file(FACTS_FILE);
    certificates.extend(judging.certificates.certificates.clone());
    for der in certificates.values() {
        pool.insert_certificate(der, Provenance::Given)?;
    }
    let anchors = Anchors::new(
        judging.anchors.certificates.values().map(Vec::as_slice),
        &mut pool,
    )?
    .without(judging.distrusted);
    for crl in judging.crls.crls.values() {
        // It was read when it was loaded.
        pool.insert_revocation(crl, Provenance::Given)?;
    }
    for crl in judging.crls.carried.values() {
        pool.insert_revocation(crl, Provenance::Message)?;
    }
    let pool = pool.finish();
    let hierarchy = Hierarchy::new(&pool, &anchors, judging.limits)?;
    let bench = Bench {
        pool: &pool,
        hierarchy: &hierarchy,
        policy: judging.policy,
        clocks: judging.clocks,
        limits: judging.limits,
        render: judging.render,
    };
    let digests = digests(&facts, facts_path)?;
    let (reader, head) = open(facts, facts_path)?;
    let given: Vec<[u8; 32]> = judging
        .anchors
        .certificates
        .keys()
        .chain(certificates.keys())
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let distrusted: Vec<[u8; 32]> = judging.distrusted.iter().copied().collect();
    let mut summary = Summary::new(Header {
        now: judging.clocks.now,
        mailseal: env!("CARGO_PKG_VERSION"),
        openssl: &head.openssl,
        anchors: set_digest(anchors.digests()),
        policy: sha256(judging.policy.text().as_bytes()),
        model: judging.policy.model,
        path_policies: &judging.policy.policies,
        policy_file: judging.policy.table.as_ref(),
        evidence: &judging.policy.evidence,
        keyring: GivenRecord {
            number: head.keys,
            sha256: head.keyring,
        },
        certificates_given: &given,
        crls_given: crls_given(judging.crls),
        distrusted: &distrusted,
        all: head.all,
        input_digests: head.hash_inputs,
    });
    let mut sink = Sink::new(Outputs {
        messages: output(&report, "messages.jsonl")?,
        signatures: output(&report, "signatures.csv")?,
        decryptions: output(&report, "decryptions.csv")?,
        faults: output(&report, "faults.csv")?,
    })?;
    let mut rows = output(&report, "inputs.csv")?;
    let mut line = Vec::new();
    csv::header(inputs::COLUMNS, &mut line);
    let cells = judging.render.cells;
    let mut failed = None;
    let mut file = |totals: &FileTotals| {
        input(totals, &digests, &mut summary, cells, &mut line);
        failed = failed.take().or(rows.writer.write_all(&line).err());
        line.clear();
    };
    let judged = pipeline::judge(reader, facts_path, &bench, machine, &mut sink, &mut file)?;
    failed = failed
        .or(rows.writer.write_all(&line).err())
        .or(rows.writer.flush().err());
    if let Some(error) = failed {
        return Err(RunError::unwritable(&rows.path, error));
    }
    let (tally, usages, missing) = sink.finish()?;
    let table = missing.table(bench.pool, bench.limits, cells)?;
    report.write("missing-keys.csv", &table)?;
    let certificates = certificates::write(&report, &bench, &usages)?;
    summary.complete(tally, certificates);
    report.write("summary.json", &summary.json()?)?;
    manifest(&report)?;
    let totals = Totals {
        messages: summary.reconciliation().messages,
        bytes: summary.reconciliation().bytes,
        statuses: summary
            .tally()
            .messages
            .status
            .iter()
            .map(|(status, count)| (status.as_str(), count))
            .collect(),
        incomplete: judged.incomplete,
    };
    let name = report.target().display().to_string();
    Ok(Outcome {
        totals,
        screen: screen::lines(&summary, &name),
        resumed_at: None,
        folder: report,
    })
}

fn output(report: &ReportFolder, name: &str) -> Result<Output, RunError> {
    let file = report.create_file(name)?;
    Ok(Output {
        path: report.file(name),
        writer: Box::new(BufWriter::with_capacity(1 << 18, file)),
    })
}

/// One row of inputs.csv.
fn input(
    totals: &FileTotals,
    digests: &HashMap<u32, [u8; 32]>,
    summary: &mut Summary<'_>,
    cells: Cells,
    out: &mut Vec<u8>,
) {
    let (Some(start), Some(end)) = (&totals.start, &totals.end) else {
        return;
    };
    let kind = if start.compression == "none" {
        end.kind.clone()
    } else {
        format!("{}+{}", end.kind, start.compression)
    };
    summary.input(
        &InputRow {
            archive: start.input,
            path: &start.path,
            folder: folder(&start.path, start.mailbox),
            kind: &kind,
            mbox_variant: end.variant.as_deref(),
            bytes: end.bytes,
            sha256: digests.get(&start.input),
            messages: totals.messages,
            smime_messages: totals.smime,
            message_bytes: totals.message_bytes,
            between_bytes: totals.between_bytes,
            fault_bytes: totals.fault_bytes,
        },
        cells,
        out,
    );
}

/// The digests of the input files, where the facts have them.
fn digests(facts: &File, path: &Path) -> Result<HashMap<u32, [u8; 32]>, RunError> {
    let unreadable = |error| RunError::unreadable(path, error);
    let (mut reader, head) = open(facts.try_clone().map_err(unreadable)?, path)?;
    let mut all = HashMap::new();
    if !head.hash_inputs {
        return Ok(all);
    }
    while let Some(frame) = reader.next_frame().map_err(unreadable)? {
        if frame.kind == Kind::Digests {
            let pairs: Vec<(u32, [u8; 32])> = frame.decode().map_err(unreadable)?;
            all.extend(pairs);
        }
    }
    Ok(all)
}

/// Number of a set's members and a digest over their digests, which come sorted.
pub(in crate::jobs) fn set_digest<'d>(digests: impl Iterator<Item = &'d [u8; 32]>) -> GivenRecord {
    let mut number = 0;
    let mut all = Vec::new();
    for digest in digests {
        number += 1;
        all.extend_from_slice(digest);
    }
    GivenRecord {
        number,
        sha256: sha256(&all),
    }
}

/// Everything that speaks of revocation and did not come with the archive: what a store has from other mail counts, too.
fn crls_given(given: &Given) -> GivenRecord {
    let all: BTreeSet<&[u8; 32]> = given.crls.keys().chain(given.carried.keys()).collect();
    set_digest(all.into_iter())
}

/// `manifest-sha256.txt` over every file that is there now.
pub(in crate::jobs) fn manifest(report: &ReportFolder) -> Result<(), RunError> {
    let mut files: Vec<(String, [u8; 32])> = Vec::new();
    for name in report.names()? {
        let digest = digest_of(&report.file(&name))?;
        files.push((name, digest));
    }
    let text = manifest::text(files.iter().map(|(name, digest)| (name.as_str(), *digest)));
    report.write("manifest-sha256.txt", text.as_bytes())
}
