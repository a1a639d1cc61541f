//! Work in parallel on what is in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::error::RunError;
use crate::pipeline::Machine;

/// `work` on each item by all workers; results stand in the order of the items.
///
/// # Errors
/// `Internal` where `work` panicked.
pub fn map<I: Sync, O: Send>(
    machine: &Machine<'_>,
    items: &[I],
    work: impl Fn(&I) -> O + Sync,
) -> Result<Vec<O>, RunError> {
    // What a panic left behind is not looked at again: the run ends.
    let all = || items.par_iter().map(&work).collect();
    catch_unwind(AssertUnwindSafe(|| machine.threads.install(all))).map_err(|_| {
        RunError::Internal {
            what: "a worker panicked",
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::pipeline::threads;

    #[test]
    fn results_stand_in_order_and_a_panic_is_an_error() {
        for count in [1, 3] {
            let threads = threads(count).unwrap();
            let machine = Machine {
                threads: &threads,
                memory_bytes: 0,
                stop: &AtomicBool::new(false),
            };
            let items: Vec<u64> = (0..1000).collect();
            let doubled = map(&machine, &items, |item| item * 2).unwrap();
            assert!(doubled.iter().copied().eq((0..1000).map(|item| item * 2)));
            let broken = map(&machine, &items, |item| assert!(*item != 500));
            assert!(matches!(broken, Err(RunError::Internal { .. })));
        }
    }
}
