//! The blocks of an archive on their way to the workers and back: which file each begins in, whether the run is to stop, and how far it is.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::archive::{Archive, Block, FileInfo, Item};
use crate::error::RunError;
use crate::pipeline::Progress;

/// An archive that is read block by block. `F` is what a caller keeps of a file.
pub(super) struct Blocks<'m, F> {
    archive: RefCell<Archive>,
    /// The file that the next block goes on with.
    open: RefCell<Option<F>>,
    kept: fn(u32, &FileInfo) -> F,
    stop: &'m AtomicBool,
    is_stopped: Cell<bool>,
    seen: Cell<Progress>,
}

/// A block, and the file that it goes on with.
pub(super) type Begun<F> = (Option<F>, Block);

impl<'m, F: Clone> Blocks<'m, F> {
    pub fn new(archive: Archive, stop: &'m AtomicBool, kept: fn(u32, &FileInfo) -> F) -> Self {
        let open = archive.open_file().map(|(input, file)| kept(input, file));
        Self {
            archive: RefCell::new(archive),
            open: RefCell::new(open),
            kept,
            stop,
            is_stopped: Cell::new(false),
            seen: Cell::default(),
        }
    }

    /// The next block and what it costs in bytes; None at the end, and once the run is to stop.
    pub fn next(&self) -> Option<(Begun<F>, u64)> {
        if self.stop.load(Ordering::Relaxed) {
            self.is_stopped.set(true);
            return None;
        }
        let block = self.archive.borrow_mut().next_block()?;
        let mut open = self.open.borrow_mut();
        let begun = open.clone();
        for item in &block.items {
            match item {
                Item::FileStart { input, file } => *open = Some((self.kept)(*input, file)),
                Item::FileEnd { .. } => *open = None,
                Item::Message(_) | Item::Between { .. } | Item::Fault(_) => {}
            }
        }
        let cost = u64::try_from(block.bytes.len()).unwrap_or(u64::MAX);
        Some(((begun, block), cost))
    }

    /// A block was written: its buffer is used again, and what was in it is added to what was seen.
    pub fn written(&self, buffer: Vec<u8>, block: Progress) -> Progress {
        self.archive.borrow_mut().recycle(buffer);
        let seen = self.seen.get().and(block);
        self.seen.set(seen);
        seen
    }

    /// # Errors
    /// `Interrupted` where it was stopped before the end.
    pub fn end(self) -> Result<(), RunError> {
        match self.is_stopped.get() {
            true => Err(RunError::Interrupted),
            false => Ok(()),
        }
    }
}

impl Progress {
    /// What a block adds; `smime` of its messages have S/MIME in them.
    pub(super) fn of(block: &Block, smime: u64) -> Self {
        let mut seen = Self {
            source_bytes: block.source_bytes,
            smime,
            ..Self::default()
        };
        for item in &block.items {
            match item {
                Item::Message(_) => seen.messages += 1,
                Item::Fault(_) => seen.faults += 1,
                Item::FileStart { .. } | Item::FileEnd { .. } | Item::Between { .. } => {}
            }
        }
        seen
    }

    fn and(self, more: Self) -> Self {
        Self {
            source_bytes: self.source_bytes + more.source_bytes,
            messages: self.messages + more.messages,
            smime: self.smime + more.smime,
            faults: self.faults + more.faults,
        }
    }
}
