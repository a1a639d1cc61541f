//! Joins the stages: batches, threads, order, a panic caught at the message. Knows no format.
//!
//! [`collect`] is pass 1: archive → facts file and pool. [`judge`] is pass 2: facts file → report. Both run through
//! [`in_order`]: workers compute, one place writes, in the order of the archive, whatever the number of threads.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use rayon::ThreadPool;

use crate::archive::{Archive, Block, Cursor, FileInfo, Item, Located};
use crate::error::RunError;
use crate::facts::complete::complete;
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::record::{MessageFacts, Sha256};
use crate::facts::store::{self, Event, FileEnd, FileStart, Frame};
use crate::facts::{self, Carried, Collected, Scratch, Settings};
use crate::judge::{self, Clocks, Judge, Policy};
use crate::limits::Limits;
use crate::pki::keyring::Keyring;
use crate::pki::pool::{Pool, PoolBuilder, Provenance};
use crate::pki::trust::{Hierarchy, Trust};
use crate::report::{self, FaultRow, Lookup, Place, RenderOptions, Rendered, Sink};

/// How far a run has come; handed to the caller after each block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read from disk.
    pub source_bytes: u64,
    /// Messages seen.
    pub messages: u64,
    /// Messages with S/MIME in them.
    pub smime: u64,
    /// Things that could not be read.
    pub faults: u64,
}

/// What the passes run with.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'m> {
    /// The workers.
    pub threads: &'m ThreadPool,
    /// Bytes of blocks in flight (`--memory`).
    pub memory_bytes: u64,
    /// Set from outside to end the run at the next block.
    pub stop: &'m AtomicBool,
}

/// Makes the workers.
///
/// # Errors
/// When the system gives no threads.
pub fn threads(count: usize) -> Result<ThreadPool, RunError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(|index| format!("worker-{index}"))
        .build()
        .map_err(|_| RunError::Internal {
            what: "the system gives no threads",
        })
}

/// Pass 1: reads the archive once, collects the facts of every message in parallel, and writes them in archive order.
/// Certificates and CRLs go into the pool, each once. `progress` is called after every block and says whether to sync now.
///
/// # Errors
/// `Interrupted` when asked to stop (everything up to a block's end is written then), `Unwritable` when the facts file can't be
/// written.
pub fn collect(
    archive: Archive,
    keys: &Keyring,
    settings: &Settings,
    machine: &Machine<'_>,
    output: &mut FactsOutput<'_>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), RunError> {
    let open_file = RefCell::new(
        archive
            .open_file()
            .map(|(input, file)| file_start(input, file)),
    );
    let archive = RefCell::new(archive);
    let stopped = Cell::new(false);
    let scratch = Shelf::new(Scratch::default);
    let mut seen = Progress::default();
    let next = || {
        if machine.stop.load(Ordering::Relaxed) {
            stopped.set(true);
            return Ok(None);
        }
        let Some(block) = archive.borrow_mut().next_block() else {
            return Ok(None);
        };
        let mut current = open_file.borrow_mut();
        let started = current.clone();
        for item in &block.items {
            match item {
                Item::FileStart { input, file } => *current = Some(file_start(*input, file)),
                Item::FileEnd { .. } => *current = None,
                Item::Message(_) | Item::Between { .. } | Item::Fault(_) => {}
            }
        }
        let cost = u64::try_from(block.bytes.len()).unwrap_or(u64::MAX);
        Ok(Some(((started, block), cost)))
    };
    let work = |(started, block)| {
        scratch.with(|scratch| collect_block(started, block, keys, settings, scratch))
    };
    let write = |block: CollectedBlock| {
        output.block(&block)?;
        seen.source_bytes += block.source_bytes;
        seen.messages += block.messages;
        seen.smime += block.smime;
        seen.faults += block.faults;
        archive.borrow_mut().recycle(block.buffer);
        let sync = progress(seen);
        output.flush(sync)
    };
    in_order(machine, next, work, write)?;
    output.flush(true)?;
    if stopped.get() {
        return Err(RunError::Interrupted);
    }
    Ok(())
}

/// Where pass 1 writes: the facts file, and the pool that knows what is in it already.
pub struct FactsOutput<'o> {
    /// The facts file.
    pub writer: store::Writer,
    /// Its path, for the error text.
    pub path: &'o Path,
    /// All certificates and CRLs so far.
    pub pool: &'o mut PoolBuilder,
    /// CRLs that are in the file.
    pub crls: HashSet<Sha256>,
    /// Told of every file that begins.
    pub file: Option<&'o mut dyn FnMut(&FileStart)>,
}

impl FactsOutput<'_> {
    fn block(&mut self, block: &CollectedBlock) -> Result<(), RunError> {
        for certificate in &block.certificates {
            let (_, new) = self
                .pool
                .insert_certificate(&certificate.der, Provenance::Message)?;
            if new {
                self.frame(store::encode(store::Kind::Certificate, &certificate.der))?;
            }
        }
        for crl in &block.crls {
            if self.crls.insert(crl.sha256) {
                // One that can't be read speaks for nobody; it stays in the facts for a later version that can.
                let _ = self.pool.insert_crl(&crl.der, Provenance::Message);
                self.frame(store::encode(store::Kind::Crl, &crl.der))?;
            }
        }
        if let Some(file) = &mut self.file {
            block.files.iter().for_each(file);
        }
        match &block.frame {
            Ok(frame) => self.written(|writer| writer.frame(frame)),
            Err(error) => Err(RunError::unwritable(
                self.path,
                io::Error::other(error.to_string()),
            )),
        }
    }

    fn frame(&mut self, frame: io::Result<Vec<u8>>) -> Result<(), RunError> {
        self.written(|writer| writer.frame(&frame?))
    }

    fn flush(&mut self, sync: bool) -> Result<(), RunError> {
        self.written(|writer| writer.flush(sync))
    }

    fn written(
        &mut self,
        write: impl FnOnce(&mut store::Writer) -> io::Result<()>,
    ) -> Result<(), RunError> {
        write(&mut self.writer).map_err(|source| RunError::unwritable(self.path, source))
    }
}

/// Says in the facts file that the archive was read to its end, and adds the digests of its files where they were asked for.
///
/// # Errors
/// When the file can't be written.
pub fn end(writer: store::Writer, path: &Path, digests: &[(u32, Sha256)]) -> Result<(), RunError> {
    let mut writer = writer;
    let mut write = || {
        if !digests.is_empty() {
            writer.frame(&store::encode(store::Kind::Digests, digests)?)?;
        }
        writer.frame(&store::encode(store::Kind::End, &())?)?;
        writer.flush(true)
    };
    write().map_err(|source| RunError::unwritable(path, source))
}

/// A block's facts, ready to be written.
struct CollectedBlock {
    frame: io::Result<Vec<u8>>,
    files: Vec<FileStart>,
    certificates: Vec<Carried>,
    crls: Vec<Carried>,
    buffer: Vec<u8>,
    source_bytes: u64,
    messages: u64,
    smime: u64,
    faults: u64,
}

fn collect_block(
    started: Option<FileStart>,
    block: Block,
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
) -> CollectedBlock {
    let mut certificates: BTreeMap<Sha256, Carried> = BTreeMap::new();
    let mut crls: BTreeMap<Sha256, Carried> = BTreeMap::new();
    let (mut events, mut files) = (Vec::new(), Vec::new());
    let (mut messages, mut smime, mut faults) = (0, 0, 0);
    for item in &block.items {
        match item {
            Item::Message(located) => {
                messages += 1;
                let collected = collect_message(&block, located, keys, settings, scratch);
                for certificate in collected.certificates {
                    certificates
                        .entry(certificate.sha256)
                        .or_insert(certificate);
                }
                for crl in collected.crls {
                    crls.entry(crl.sha256).or_insert(crl);
                }
                match collected.facts {
                    Some(facts) => {
                        smime += u64::from(!facts.layers.is_empty());
                        events.push(Event::Message {
                            offset: located.offset,
                            length: located.length,
                            facts,
                        });
                    }
                    None => ordinary(&mut events, located.length),
                }
            }
            Item::FileStart { input, file } => {
                files.push(file_start(*input, file));
                events.push(Event::FileStart(file_start(*input, file)));
            }
            Item::Between { length, .. } => match events.last_mut() {
                Some(Event::Between { bytes }) => *bytes += length,
                _ => events.push(Event::Between { bytes: *length }),
            },
            Item::Fault(fault) => {
                faults += 1;
                events.push(Event::Fault(store::Fault {
                    code: fault.code.as_str().to_owned(),
                    stage: "archive".to_owned(),
                    offset: fault.offset,
                    length: fault.length,
                    detail: fault.detail.to_string(),
                    incomplete: fault.code.leaves_mail_unread(),
                }));
            }
            Item::FileEnd {
                bytes,
                variant,
                kind,
                ..
            } => events.push(Event::FileEnd(FileEnd {
                kind: kind.as_str().to_owned(),
                variant: variant.map(|variant| variant.as_str().to_owned()),
                bytes: *bytes,
            })),
        }
    }
    let frame = store::encode(
        store::Kind::Block,
        &store::Block {
            file: started,
            events,
            cursor: block.end,
        },
    );
    CollectedBlock {
        frame,
        files,
        certificates: certificates.into_values().collect(),
        crls: crls.into_values().collect(),
        buffer: block.bytes,
        source_bytes: block.source_bytes,
        messages,
        smime,
        faults,
    }
}

/// One message without a record; runs of them are one event.
fn ordinary(events: &mut Vec<Event>, length: u64) {
    match events.as_mut_slice() {
        [.., Event::Ordinary { messages, bytes }]
        | [
            ..,
            Event::Ordinary { messages, bytes },
            Event::Between { .. },
        ] => {
            *messages += 1;
            *bytes += length;
        }
        _ => events.push(Event::Ordinary {
            messages: 1,
            bytes: length,
        }),
    }
}

/// Collects one message. A panic costs this message only: it is listed, and the worker starts with a fresh scratch.
fn collect_message(
    block: &Block,
    located: &Located,
    keys: &Keyring,
    settings: &Settings,
    scratch: &mut Scratch,
) -> Collected {
    let message = block.message(located);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        facts::collect(&message, keys, settings, scratch)
    }));
    caught.unwrap_or_else(|_| {
        *scratch = Scratch::default();
        let mut facts = MessageFacts::default();
        facts.findings.push(FindingAt {
            place: String::new(),
            code: Finding::Panic,
        });
        Collected {
            facts: Some(Box::new(facts)),
            ..Collected::default()
        }
    })
}

fn file_start(input: u32, file: &FileInfo) -> FileStart {
    let path = file.shown_path();
    let mailbox = file.is_mailbox();
    FileStart {
        input,
        argument: file.argument,
        path_bytes: (path.as_bytes() != file.path).then(|| file.path.clone()),
        path,
        mailbox,
        compression: file.compression.as_str().to_owned(),
    }
}

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

/// Things that a worker keeps from block to block: taken once a block, so that no lock is held while it works.
struct Shelf<T, M> {
    idle: Mutex<Vec<T>>,
    make: M,
}

impl<T, M: Fn() -> T> Shelf<T, M> {
    fn new(make: M) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            make,
        }
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut item = idle.unwrap_or_else(&self.make);
        let result = work(&mut item);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(item);
        result
    }
}

/// Runs `work` on the items of `next` in parallel, and `write` on the results in the order of the items.
///
/// An item's permit (its cost in bytes) comes back when its result has been written, so a slow writer stops the reader. An item
/// that costs more than a quarter of all permits runs alone.
fn in_order<I: Send, O: Send>(
    machine: &Machine<'_>,
    mut next: impl FnMut() -> Result<Option<(I, u64)>, RunError>,
    work: impl Fn(I) -> O + Sync,
    mut write: impl FnMut(O) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let work = &work;
    machine.threads.in_place_scope_fifo(|scope| {
        let (done, results) = mpsc::channel::<(u64, u64, O)>();
        let mut waiting: BTreeMap<u64, (u64, O)> = BTreeMap::new();
        let (mut sent, mut written, mut in_flight) = (0_u64, 0_u64, 0_u64);
        let mut exhausted = false;
        let mut held: Option<(I, u64)> = None;
        loop {
            while !exhausted || held.is_some() {
                if held.is_none() {
                    if in_flight > 0 && in_flight >= machine.memory_bytes {
                        break;
                    }
                    match next()? {
                        Some(item) => held = Some(item),
                        None => exhausted = true,
                    }
                }
                let Some((item, cost)) = held.take() else {
                    break;
                };
                if cost > machine.memory_bytes / 4 && in_flight > 0 {
                    held = Some((item, cost));
                    break;
                }
                let done = done.clone();
                let sequence = sent;
                scope.spawn_fifo(move |_| {
                    // The receiver is gone only if writing failed; then nobody wants the result.
                    let _ = done.send((sequence, cost, work(item)));
                });
                sent += 1;
                in_flight += cost;
            }
            if written == sent && exhausted && held.is_none() {
                return Ok(());
            }
            let first = results.recv().map_err(|_| RunError::Internal {
                what: "a worker is gone",
            })?;
            for (sequence, cost, result) in std::iter::once(first).chain(results.try_iter()) {
                waiting.insert(sequence, (cost, result));
            }
            while let Some((cost, result)) = waiting.remove(&written) {
                write(result)?;
                written += 1;
                in_flight -= cost;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: usize, memory_bytes: u64, items: &[(u64, u64)]) -> Vec<u64> {
        let threads = threads(count).unwrap();
        let stop = AtomicBool::new(false);
        let machine = Machine {
            threads: &threads,
            memory_bytes,
            stop: &stop,
        };
        let mut source = items.iter();
        let mut out = Vec::new();
        in_order(
            &machine,
            || Ok(source.next().copied()),
            |item| {
                // Later items finish first.
                std::thread::sleep(std::time::Duration::from_micros(200 / (item + 1)));
                item
            },
            |item| {
                out.push(item);
                Ok(())
            },
        )
        .unwrap();
        out
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads_and_permits() {
        let items: Vec<(u64, u64)> = (0..200).map(|n| (n, n % 50)).collect();
        let expected: Vec<u64> = (0..200).collect();
        for count in [1, 2, 5] {
            for memory in [0, 1, 60, 10_000] {
                assert_eq!(
                    run(count, memory, &items),
                    expected,
                    "{count} threads, {memory} bytes"
                );
            }
        }
    }

    #[test]
    fn a_failing_writer_ends_the_run() {
        let threads = threads(2).unwrap();
        let stop = AtomicBool::new(false);
        let machine = Machine {
            threads: &threads,
            memory_bytes: 10,
            stop: &stop,
        };
        let mut source = 0..1000;
        let mut written = 0;
        let result = in_order(
            &machine,
            || Ok(source.next().map(|item| (item, 1))),
            |item| item,
            |_| {
                written += 1;
                if written == 3 {
                    return Err(RunError::Interrupted);
                }
                Ok(())
            },
        );
        assert!(matches!(result, Err(RunError::Interrupted)));
        assert_eq!(written, 3);
    }
}
