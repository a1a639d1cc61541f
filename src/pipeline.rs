//! Joins the stages: batches, threads, order, a panic caught at the message. Knows no format.
//!
//! [`collect`] is pass 1: archive → facts file and pool. [`judge`] is pass 2: facts file → report. [`migrate`] is archive → what
//! takes each message's place. All run through `in_order`: workers compute, one place writes, in the order of the archive, whatever the number of threads.

mod blocks;

mod in_order;

mod map;
mod migrate;

mod verdicts;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rayon::ThreadPool;

use crate::archive::{Archive, Block, FileInfo, Item, Located};
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::facts::store::{self, Event, FileEnd, FileStart};
use crate::facts::{self, Carried, Collected, Scratch, Settings};
use crate::pipeline::blocks::Blocks;
use crate::pipeline::in_order::{Shelf, in_order};
use crate::pki::keyring::Keyring;
use crate::pki::pool::{PoolBuilder, Provenance};

pub use crate::pipeline::map::map;
pub use crate::pipeline::migrate::{Placed, Worked, migrate};
pub use crate::pipeline::verdicts::{Bench, FileTotals, Judged, judge};

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
    let blocks = Blocks::new(archive, machine.stop, file_start);
    let scratch = Shelf::new(Scratch::default);
    let next = || Ok(blocks.next());
    let work = |(started, block)| {
        scratch.with(|scratch| collect_block(started, block, keys, settings, scratch))
    };
    let write = |block: CollectedBlock| {
        output.block(&block)?;
        let sync = progress(blocks.written(block.buffer, block.seen));
        output.flush(sync)
    };
    in_order(machine, next, work, write)?;
    output.flush(true)?;
    blocks.end()
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
                self.pool.insert_revocation(&crl.der, Provenance::Message)?;
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
    seen: Progress,
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
    let mut smime = 0;
    for item in &block.items {
        match item {
            Item::Message(located) => {
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
    let seen = Progress::of(&block, smime);
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
        seen,
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
        #[cfg(test)]
        tests::trip("facts", message.bytes);
        facts::collect(&message, keys, settings, scratch)
    }));
    caught.unwrap_or_else(|_| {
        *scratch = Scratch::default();
        facts::collect_nothing(&message)
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
