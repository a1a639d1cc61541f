//! Archive → what becomes of each message, in archive order. What that is, and where it goes, is the caller's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::archive::{Archive, Block, FileInfo, Item};
use crate::error::RunError;
use crate::facts::{self, Collected, Scratch, Settings};
use crate::mime::message::Message;
use crate::pipeline::blocks::Blocks;
use crate::pipeline::in_order::{Shelf, in_order};
use crate::pipeline::{Machine, Progress, collect_message};
use crate::pki::keyring::Keyring;

/// A message, and what is known of its place.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'m> {
    /// The message.
    pub message: &'m Message<'m>,
    /// The file that it lies in.
    pub file: &'m FileInfo,
    /// The bytes behind it that are no message, up to the next one's separator.
    pub behind: &'m [u8],
}

/// A block, and what `work` made of its messages.
#[derive(Debug)]
pub struct Worked<R> {
    /// The block.
    pub block: Block,
    /// One for each message, in their order.
    pub results: Vec<R>,
}

/// Reads the archive once, collects the facts of every message, has `work` make something of them in parallel, and hands the blocks to
/// `write` in archive order.
///
/// A panic costs one message: `work` is called once more, with what stands for such a message (`facts::collect_nothing`).
///
/// # Errors
/// `Interrupted` when asked to stop, and what `write` gave; everything up to a block's end was written then.
pub fn migrate<R: Send>(
    archive: Archive,
    keys: &Keyring,
    settings: &Settings,
    machine: &Machine<'_>,
    work: impl Fn(Placed<'_>, Collected, &mut Scratch) -> R + Sync,
    write: &mut dyn FnMut(&Worked<R>) -> Result<(), RunError>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), RunError> {
    let blocks = Blocks::new(archive, machine.stop, |_, file| file.clone());
    let scratch = Shelf::new(Scratch::default);
    let next = || Ok(blocks.next());
    let work = |(started, block)| {
        scratch.with(|scratch| work_on(started, block, keys, settings, &work, scratch))
    };
    let write = |(worked, smime): (Worked<R>, u64)| {
        write(&worked)?;
        let seen = Progress::of(&worked.block, smime);
        progress(blocks.written(worked.block.bytes, seen));
        Ok(())
    };
    in_order(machine, next, work, write)?;
    blocks.end()
}

fn work_on<R>(
    started: Option<FileInfo>,
    block: Block,
    keys: &Keyring,
    settings: &Settings,
    work: &impl Fn(Placed<'_>, Collected, &mut Scratch) -> R,
    scratch: &mut Scratch,
) -> (Worked<R>, u64) {
    let mut smime = 0;
    let mut results = Vec::new();
    let mut current = started.as_ref();
    let mut items = block.items.iter().peekable();
    while let Some(item) = items.next() {
        match item {
            Item::FileStart { file, .. } => current = Some(file),
            Item::Message(located) => {
                let Some(file) = current else {
                    continue;
                };
                let behind = match items.peek() {
                    Some(Item::Between { range, .. }) => range.clone().unwrap_or_default(),
                    _ => 0..0,
                };
                let placed = Placed {
                    message: &block.message(located),
                    file,
                    behind: block.bytes.get(behind).unwrap_or_default(),
                };
                let collected = collect_message(&block, located, keys, settings, scratch);
                let facts = collected.facts.as_ref();
                smime += u64::from(facts.is_some_and(|facts| !facts.layers.is_empty()));
                let caught = catch_unwind(AssertUnwindSafe(|| work(placed, collected, scratch)));
                results.push(caught.unwrap_or_else(|_| {
                    *scratch = Scratch::default();
                    work(placed, facts::collect_nothing(placed.message), scratch)
                }));
            }
            Item::Between { .. } | Item::Fault(_) | Item::FileEnd { .. } => {}
        }
    }
    (Worked { block, results }, smime)
}
