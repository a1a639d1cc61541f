//! Pass 2: facts file to the rows of the report. A panic costs one message, as in pass 1.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::archive::Cursor;
use crate::error::RunError;
use crate::facts::complete::{Sources, complete};
use crate::facts::finding::Finding;
use crate::facts::record::MessageFacts;
use crate::facts::store::{self, Event, FileEnd, FileStart, Frame};
use crate::facts::{self, Scratch};
use crate::judge::{self, Clocks, Judge, Policy};
use crate::limits::Limits;
use crate::pipeline::Machine;
use crate::pipeline::in_order::{Shelf, in_order};
#[cfg(test)]
use crate::pipeline::tests;
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
        let trust = Trust::new(self.pool, self.hierarchy, self.limits)
            .with_model(self.policy.model)
            .with_policies(self.policy.policies.clone());
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
    let workers = Shelf::new(|| Worker::new(bench));
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
        let block =
            || -> Result<store::Block<Cursor>, RunError> { frame.decode().map_err(unreadable) };
        workers.with(|worker| {
            let together = catch_unwind(AssertUnwindSafe(|| {
                judge_block(block()?, Care::Together, bench, worker)
            }));
            together.unwrap_or_else(|_| {
                *worker = Worker::new(bench);
                judge_block(block()?, Care::OneByOne, bench, worker)
            })
        })
    };
    let write = |block: Result<JudgedBlock, RunError>| {
        let block = block?;
        for rendered in &block.rendered {
            sink.append(rendered)?;
        }
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

/// What a worker keeps from block to block; it saves time and changes nothing.
struct Worker<'b> {
    scratch: Scratch,
    judge: Judge<'b>,
}

impl<'b> Worker<'b> {
    fn new(bench: &Bench<'b>) -> Self {
        Self {
            scratch: Scratch::default(),
            judge: bench.judge(),
        }
    }
}

/// How the rows of a block are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// All into one: a panic costs all of them.
    Together,
    /// Each message by itself, once the block has panicked: a panic costs that message.
    OneByOne,
}

/// A block's rows, and what it says of each file that it touches.
struct JudgedBlock {
    /// To be written one behind the other; the last one is still filled.
    rendered: Vec<Rendered>,
    last: Rendered,
    files: Vec<FileTotals>,
    incomplete: bool,
}

fn judge_block<'b>(
    block: store::Block<Cursor>,
    care: Care,
    bench: &Bench<'b>,
    worker: &mut Worker<'b>,
) -> Result<JudgedBlock, RunError> {
    let mut judged = JudgedBlock {
        rendered: Vec::new(),
        last: Rendered::default(),
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
                judged.last.tally.count_ordinary(folder, messages, bytes);
                totals.messages += messages;
                totals.message_bytes += bytes;
            }
            Event::Message {
                offset,
                length,
                facts,
            } => {
                totals.messages += 1;
                totals.smime += u64::from(!facts.layers.is_empty());
                totals.message_bytes += length;
                let message = (facts, offset, length);
                judged.message(message, care, &totals, bench, worker)?;
            }
            Event::Between { bytes } => totals.between_bytes += bytes,
            Event::Fault(fault) => {
                totals.fault_bytes += fault.length;
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
    judged.hand_over();
    Ok(judged)
}

impl JudgedBlock {
    fn message<'b>(
        &mut self,
        (mut facts, offset, length): (Box<MessageFacts>, u64, u64),
        care: Care,
        totals: &FileTotals,
        bench: &Bench<'b>,
        worker: &mut Worker<'b>,
    ) -> Result<(), RunError> {
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
        let result = match care {
            Care::Together => judge_message(&mut facts, &place, bench, worker, &mut self.last),
            Care::OneByOne => {
                self.hand_over();
                let sha256 = facts.sha256;
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    judge_message(&mut facts, &place, bench, worker, &mut self.last)
                }));
                caught.unwrap_or_else(|_| {
                    *worker = Worker::new(bench);
                    self.last = Rendered::default();
                    *facts = facts::panicked(sha256);
                    judge_message(&mut facts, &place, bench, worker, &mut self.last)
                })
            }
        };
        if facts::has_panicked(&facts) {
            let fault = store::Fault {
                code: Finding::Panic.as_str().to_owned(),
                stage: "facts".to_owned(),
                offset,
                length: 0,
                detail: "the message was not judged; please send it to us".to_owned(),
                incomplete: true,
            };
            self.fault(&fault, totals, bench);
        }
        result
    }

    fn fault(&mut self, fault: &store::Fault, totals: &FileTotals, bench: &Bench<'_>) {
        self.incomplete |= fault.incomplete;
        let row = FaultRow {
            archive: totals.start.as_ref().map(|start| start.input),
            path: totals.start.as_ref().map_or("", |start| &start.path),
            code: &fault.code,
            stage: &fault.stage,
            offset: Some(fault.offset),
            length: Some(fault.length),
            detail: &fault.detail,
        };
        self.last.fault(&row, bench.render.cells);
    }

    fn hand_over(&mut self) {
        self.rendered.push(std::mem::take(&mut self.last));
    }
}

fn judge_message(
    facts: &mut MessageFacts,
    place: &Place<'_>,
    bench: &Bench<'_>,
    worker: &mut Worker<'_>,
    out: &mut Rendered,
) -> Result<(), RunError> {
    #[cfg(test)]
    tests::trip(
        "judge",
        facts
            .headers
            .message_id
            .as_ref()
            .map_or(b"", |id| id.text.as_bytes()),
    );
    let mut sources = Sources {
        pool: bench.pool,
        trust: worker.judge.trust(),
        now: bench.clocks.now,
        limits: bench.limits,
    };
    complete(facts, &mut sources, &mut worker.scratch)?;
    judge::choose(facts, &mut worker.judge)?;
    let verdict = judge::judge(facts, &mut worker.judge)?;
    let lookup = Lookup {
        certificate: &|sha256| Some(bench.pool.find(sha256)?.0),
        recipient: &|identifier| facts::certificates::named_by(identifier, bench.pool),
    };
    report::render(place, facts, &verdict, &lookup, &bench.render, out)
}

fn folder(start: &FileStart) -> &str {
    report::folder(&start.path, start.mailbox)
}
