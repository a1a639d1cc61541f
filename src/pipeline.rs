//! Joins the stages: batches, threads, order, a panic caught at the message. Knows no format.
//!
//! [`collect`] is pass 1: archive → facts file and pool. [`judge`] is pass 2: facts file → report. Both run through
//! [`in_order`]: workers compute, one place writes, in the order of the archive, whatever the number of threads.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use rayon::ThreadPool;

use crate::archive::{Archive, Block, Item};
use crate::error::RunError;
use crate::facts::finding::{Finding, FindingAt};
use crate::facts::record::MessageFacts;
use crate::facts::store;
use crate::facts::{Carried, Scratch, Settings};
use crate::judge::{Clocks, Policy};
use crate::mime::message::Message;
use crate::pki::keyring::Keyring;
use crate::pki::pool::{Origin, Pool};
use crate::pki::trust::{Anchors, Trust};
use crate::report::{Place, RenderOptions, Rendered, Sink};

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
#[derive(Debug)]
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
/// Certificates and CRLs go into the pool, each once. `synced` is called after every block and says whether to sync now.
///
/// # Errors
/// `Interrupted` when asked to stop (everything up to a block's end is written), `Unwritable` when the facts file can't be written.
pub fn collect(
    archive: Archive,
    keys: &Keyring,
    settings: &Settings,
    machine: &Machine<'_>,
    output: &mut FactsOutput<'_>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), RunError> {
    let archive = RefCell::new(archive);
    let open_file = RefCell::new(None);
    let stopped = Cell::new(false);
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
        if let Some(last) = block.items.iter().rev().find_map(|item| match item {
            Item::FileStart(file) => Some(Some(file_start(file))),
            Item::FileEnd(_) => Some(None),
            Item::Message(_) | Item::Between(_) | Item::Fault(_) => None,
        }) {
            *current = last;
        }
        let cost = u64::try_from(block.bytes.len()).unwrap_or(u64::MAX);
        Ok(Some(((started, block), cost)))
    };
    let work = |(started, block)| with_scratch(|scratch| collect_block(started, block, keys, settings, scratch));
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
    if stopped.get() {
        output.flush(true)?;
        return Err(RunError::Interrupted);
    }
    output.end()
}

/// Where pass 1 writes: the facts file, and the pool that knows what is in it already.
#[derive(Debug)]
pub struct FactsOutput<'o> {
    /// The facts file.
    pub writer: store::Writer,
    /// Its path, for the error text.
    pub path: &'o Path,
    /// All certificates and CRLs so far.
    pub pool: &'o mut Pool,
}

impl FactsOutput<'_> {
    fn block(&mut self, block: &CollectedBlock) -> Result<(), RunError> {
        for certificate in &block.certificates {
            let (_, new) = self.pool.insert_certificate(&certificate.der, Origin::Message)?;
            if new {
                self.frame(store::encode(store::Kind::Certificate, &certificate.der))?;
            }
        }
        for crl in &block.crls {
            if self.pool.insert_crl(crl, Origin::Message) {
                self.frame(store::encode(store::Kind::Crl, crl))?;
            }
        }
        match &block.frame {
            Ok(frame) => self.written(|writer| writer.frame(frame)),
            Err(error) => Err(RunError::unwritable(self.path, io::Error::other(error.to_string()))),
        }
    }

    fn frame(&mut self, frame: io::Result<Vec<u8>>) -> Result<(), RunError> {
        self.written(|writer| writer.frame(&frame?))
    }

    fn flush(&mut self, sync: bool) -> Result<(), RunError> {
        self.written(|writer| writer.flush(sync))
    }

    fn end(&mut self) -> Result<(), RunError> {
        self.frame(store::encode(store::Kind::End, &()))?;
        self.flush(true)
    }

    fn written(&mut self, write: impl FnOnce(&mut store::Writer) -> io::Result<()>) -> Result<(), RunError> {
        write(&mut self.writer).map_err(|source| RunError::unwritable(self.path, source))
    }
}

/// A block's facts, ready to be written.
struct CollectedBlock {
    frame: io::Result<Vec<u8>>,
    certificates: Vec<Carried>,
    crls: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    source_bytes: u64,
    messages: u64,
    smime: u64,
    faults: u64,
}
