//! The bytes of the block that is being made, and those read ahead of it.

use crate::archive::compressed::Broken;
use crate::archive::compressed::Stream;

/// Why a file gives no more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    End,
    Broken(Broken),
}

/// `buffer[..done]` is the block, `buffer[done..filled]` was read of the open file behind it. Only bytes before `limit` are looked at, however
/// many are there: so where a block ends depends on the file and not on what was read before, and a resumed run cuts the same blocks.
pub(super) struct Window {
    buffer: Vec<u8>,
    done: usize,
    filled: usize,
    limit: usize,
    block_bytes: usize,
    spare: Vec<Vec<u8>>,
}

/// Buffers kept for reuse.
const SPARE_BUFFERS: usize = 64;

impl Window {
    pub fn new(block_bytes: usize) -> Self {
        Self {
            buffer: Vec::new(),
            done: 0,
            filled: 0,
            limit: block_bytes,
            block_bytes,
            spare: Vec::new(),
        }
    }

    /// Bytes of the block so far.
    pub fn done(&self) -> usize {
        self.done
    }

    pub fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Less than an eighth of the block is free.
    pub fn is_nearly_full(&self) -> bool {
        self.limit.saturating_sub(self.done) < self.block_bytes / 8
    }

    /// What may be looked at of the open file.
    pub fn visible(&self) -> &[u8] {
        let end = self.filled.min(self.limit);
        self.buffer.get(self.done..end).unwrap_or_default()
    }

    /// Whether nothing lies behind [`Window::visible`] that was read already.
    pub fn shows_all(&self) -> bool {
        self.filled <= self.limit
    }

    /// All that was read of the open file, at most `bytes`.
    pub fn peek(&self, bytes: usize) -> &[u8] {
        let end = self.filled.min(self.done.saturating_add(bytes));
        self.buffer.get(self.done..end).unwrap_or_default()
    }

    /// Reads on until `target`, an index like `limit`, is filled. None if it is; else what ended the file.
    pub fn fill(&mut self, stream: &mut Stream, target: usize) -> Option<Ended> {
        if self.buffer.len() < target {
            self.buffer.resize(target, 0);
        }
        while let Some(into) = self
            .buffer
            .get_mut(self.filled..target)
            .filter(|into| !into.is_empty())
        {
            match stream.read(into) {
                Ok(0) => return Some(Ended::End),
                Ok(count) => self.filled += count,
                Err(broken) => return Some(Ended::Broken(broken)),
            }
        }
        None
    }

    /// Looks further ahead, to `limit`.
    pub fn widen(&mut self, limit: usize) {
        self.limit = self.limit.max(limit);
    }

    /// Looks ahead no further than a block.
    pub fn narrow(&mut self, least: usize) {
        self.limit = self.done + self.block_bytes.max(least);
    }

    /// Takes bytes into the block.
    pub fn advance(&mut self, bytes: usize) {
        self.done = (self.done + bytes).min(self.filled);
    }

    /// Forgets bytes of the open file.
    pub fn discard(&mut self, bytes: usize) {
        let from = (self.done + bytes).min(self.filled);
        self.buffer.copy_within(from..self.filled, self.done);
        self.filled -= from - self.done;
    }

    /// Forgets all that was read of the open file.
    pub fn discard_all(&mut self) {
        self.filled = self.done;
    }

    /// The block's bytes. What was read ahead goes to the front of the next block's.
    pub fn take(&mut self) -> Vec<u8> {
        let ahead = self.buffer.get(self.done..self.filled).unwrap_or_default();
        let mut next = self.spare.pop().unwrap_or_default();
        if next.len() < ahead.len() {
            next.resize(ahead.len(), 0);
        }
        if let Some(front) = next.get_mut(..ahead.len()) {
            front.copy_from_slice(ahead);
        }
        self.filled = ahead.len();
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(self.done);
        self.done = 0;
        self.limit = self.block_bytes;
        bytes
    }

    /// Takes a block's bytes back. They stay initialised, so that filling them again costs no clearing.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() <= self.block_bytes * 2 {
            self.spare.push(buffer);
        }
    }
}
