//! Pass 2: facts file and pool to the rows of a report.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::archive::Cursor;
use crate::error::RunError;
use crate::facts::complete::complete;
use crate::facts::finding::Finding;
use crate::facts::record::MessageFacts;
use crate::facts::store::{self, Event, FileEnd, FileStart, Frame};
use crate::facts::{self, Scratch};
use crate::judge::{self, Clocks, Judge, Policy};
use crate::limits::Limits;
use crate::pipeline::Machine;
use crate::pipeline::order::{Shelf, in_order};
use crate::pki::pool::Pool;
use crate::pki::trust::{Hierarchy, Trust};
use crate::report::{self, FaultRow, Lookup, Place, RenderOptions, Rendered, Sink};

/// What pass 2 judges with.
pub struct Bench<'b> {
    /// All that was seen or given.
    pub pool: &'b Pool,
    /// Which authorities lead to an anchor.
    pub hierarchy: &'b Hierarchy,
    /// How strict.
    pub policy: &'b Policy,
    /// When.
    pub clocks: Clocks,
    /// Bounds.
    pub limits: &'b Limits,
    /// What the report shows.
    pub render: RenderOptions,
}

impl<'b> Bench<'b> {
    /// A judge who has seen nothing yet.
    #[must_use]
    pub fn judge(&self) -> Judge<'b> {
        let trust = Trust::new(self.pool, self.hierarchy, self.limits);
        Judge::new(self.pool, trust, self.policy, self.clocks)
    }
}

/// What became of one file of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// The file.
    pub start: Option<FileStart>,
    /// How it ended; None where the run was cut off in it.
    pub end: Option<FileEnd>,
    /// Messages in it.
    pub messages: u64,
    /// Of these, with S/MIME.
    pub smime: u64,
    /// Bytes of its messages.
    pub message_bytes: u64,
    /// Bytes between them.
    pub between_bytes: u64,
    /// Bytes that belong to no message because of a fault.
    pub fault_bytes: u64,
}

/// What pass 2 gives besides the report's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Something was left unread, or a panic was caught.
    pub incomplete: bool,
}

/// Pass 2: judges every message of a facts file and writes the report's rows in archive order. `file` is told about each file of
/// the archive when it ends.
///
/// # Errors
/// Where the facts file or the pool's spool can't be read, or the report can't be written.
pub fn judge(
    facts: store::Reader,
    facts_path: &Path,
    bench: &Bench<'_>,
    machine: &Machine<'_>,
    sink: &mut Sink,
    file: &mut dyn FnMut(&FileTotals),
) -> Result<Judged, RunError> {
    let mut facts = facts;
    let unreadable = |source| RunError::unreadable(facts_path, source);
    let workers = Shelf::new(|| (Scratch::default(), bench.judge()));
    let mut judged = Judged::default();
    let mut totals = FileTotals::default();
    let next = || {
        if machine.stop.load(Ordering::Relaxed) {
            return Err(RunError::Interrupted);
        }
        while let Some(frame) = facts.next_frame().map_err(unreadable)? {
            if frame.kind == store::Kind::Block {
                let cost = u64::try_from(frame.stored_bytes()).unwrap_or(u64::MAX);
                return Ok(Some((frame, cost.saturating_mul(FACTS_EXPANSION))));
            }
        }
        Ok(None)
    };
    let work = |frame: Frame| {
        workers.with(|(scratch, judge)| {
            let block: store::Block<Cursor> = frame.decode().map_err(unreadable)?;
            judge_block(block, bench, scratch, judge)
        })
    };
    let write = |block: Result<JudgedBlock, RunError>| {
        let block = block?;
        sink.append(&block.rendered)?;
        judged.incomplete |= block.incomplete;
        for piece in &block.files {
            totals.add(piece);
            if piece.end.is_some() {
                file(&totals);
                totals = FileTotals::default();
            }
        }
        Ok(())
    };
    in_order(machine, next, work, write)?;
    Ok(judged)
}

/// Bytes that a compressed frame takes once it is decoded and rendered, at most, for the permits.
const FACTS_EXPANSION: u64 = 16;

impl FileTotals {
    fn add(&mut self, piece: &Self) {
        if piece.start.is_some() {
            self.start.clone_from(&piece.start);
        }
        self.end.clone_from(&piece.end);
        self.messages += piece.messages;
        self.smime += piece.smime;
        self.message_bytes += piece.message_bytes;
        self.between_bytes += piece.between_bytes;
        self.fault_bytes += piece.fault_bytes;
    }
}

/// A block's rows, and what it says of each file that it touches.
struct JudgedBlock {
    rendered: Rendered,
    files: Vec<FileTotals>,
    incomplete: bool,
}

fn judge_block(
    block: store::Block<Cursor>,
    bench: &Bench<'_>,
    scratch: &mut Scratch,
    judge: &mut Judge<'_>,
) -> Result<JudgedBlock, RunError> {
    let mut judged = JudgedBlock {
        rendered: Rendered::default(),
        files: Vec::new(),
        incomplete: false,
    };
    let mut totals = FileTotals {
        start: block.file,
        ..FileTotals::default()
    };
    for event in block.events {
        match event {
            Event::FileStart(start) => {
                totals = FileTotals {
                    start: Some(start),
                    ..FileTotals::default()
                };
            }
            Event::Ordinary { messages, bytes } => {
                let folder = totals.start.as_ref().map_or("", folder);
                judged
                    .rendered
                    .tally
                    .count_ordinary(folder, messages, bytes);
                totals.messages += messages;
                totals.message_bytes += bytes;
            }
            Event::Message {
                offset,
                length,
                mut facts,
            } => {
                totals.messages += 1;
                totals.smime += u64::from(!facts.layers.is_empty());
                totals.message_bytes += length;
                judge_message(
                    &mut facts,
                    (offset, length),
                    &totals,
                    bench,
                    (scratch, judge),
                    &mut judged,
                )?;
            }
            Event::Between { bytes } => totals.between_bytes += bytes,
            Event::Fault(fault) => {
                totals.fault_bytes += fault.length;
                judged.incomplete |= fault.incomplete;
                judged.fault(&fault, &totals, bench);
            }
            Event::FileEnd(end) => {
                totals.end = Some(end);
                judged.files.push(std::mem::take(&mut totals));
            }
        }
    }
    if totals.start.is_some() {
        judged.files.push(totals);
    }
    Ok(judged)
}

fn judge_message(
    facts: &mut MessageFacts,
    (offset, length): (u64, u64),
    totals: &FileTotals,
    bench: &Bench<'_>,
    (scratch, judge): (&mut Scratch, &mut Judge<'_>),
    judged: &mut JudgedBlock,
) -> Result<(), RunError> {
    complete(facts, bench.pool, bench.limits, scratch)?;
    judge::choose(facts, judge)?;
    let verdict = judge::judge(facts, judge)?;
    if facts
        .findings
        .iter()
        .any(|finding| finding.code == Finding::Panic)
    {
        judged.incomplete = true;
        let fault = store::Fault {
            code: Finding::Panic.as_str().to_owned(),
            stage: "facts".to_owned(),
            offset,
            length: 0,
            detail: "the message was not judged; please send it to us".to_owned(),
            incomplete: true,
        };
        judged.fault(&fault, totals, bench);
    }
    let Some(start) = &totals.start else {
        return Err(RunError::Internal {
            what: "a message stands in no file",
        });
    };
    let place = Place {
        archive: start.input,
        path: &start.path,
        path_bytes: start.path_bytes.as_deref(),
        folder: folder(start),
        offset,
        length,
    };
    let lookup = Lookup {
        certificate: &|sha256| Some(bench.pool.find(sha256)?.0),
        recipient: &|identifier| facts::certificates::named_by(identifier, bench.pool),
    };
    report::render(
        &place,
        facts,
        &verdict,
        &lookup,
        &bench.render,
        &mut judged.rendered,
    )
}

impl JudgedBlock {
    fn fault(&mut self, fault: &store::Fault, totals: &FileTotals, bench: &Bench<'_>) {
        let row = FaultRow {
            archive: totals.start.as_ref().map(|start| start.input),
            path: totals.start.as_ref().map_or("", |start| &start.path),
            code: &fault.code,
            stage: &fault.stage,
            offset: Some(fault.offset),
            length: Some(fault.length),
            detail: &fault.detail,
        };
        self.rendered.fault(&row, bench.render.cells);
    }
}

fn folder(start: &FileStart) -> &str {
    report::folder(&start.path, start.mailbox)
}
