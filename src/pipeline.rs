//! Joins the stages: batches, threads, order, a panic caught at the message. Knows no format.
//!
//! [`collect`] is pass 1: archive → facts file and pool. [`judge`] is pass 2: facts file → report. Both run through
//! `in_order`: workers compute, one place writes, in the order of the archive, whatever the number of threads.

mod collect;

mod judge;

mod order;

pub use collect::{FactsOutput, collect, end};
pub use judge::{Bench, FileTotals, Judged, judge};

use std::sync::atomic::AtomicBool;

use rayon::ThreadPool;

use crate::error::RunError;

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
