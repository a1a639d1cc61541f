//! Work in parallel, results in order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use crate::error::RunError;
use crate::pipeline::Machine;

/// Items for each worker that are read and not finished: the one it works on, and the next. Origin: measured on ordinary mail, processor
/// time of a run with 2, 3, 8 and 32 of them is 9, 10, 12 and 16 µs a message.
const READ_AHEAD: usize = 2;

/// Things that a worker keeps from block to block: taken once a block, so that no lock is held while it works.
pub(super) struct Shelf<T, M> {
    idle: Mutex<Vec<T>>,
    make: M,
}

impl<T, M: Fn() -> T> Shelf<T, M> {
    pub fn new(make: M) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            make,
        }
    }

    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
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
/// that costs more than a quarter of all permits runs alone. Nothing is read that no worker will take soon: what has just been read
/// is still in the processor's cache, and its memory is used again.
///
/// # Errors
/// What `next` or `write` gave; `Internal` where `work` panicked.
pub(super) fn in_order<I: Send, O: Send>(
    machine: &Machine<'_>,
    mut next: impl FnMut() -> Result<Option<(I, u64)>, RunError>,
    work: impl Fn(I) -> O + Sync,
    mut write: impl FnMut(O) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let work = &work;
    let ahead = READ_AHEAD * machine.threads.current_num_threads();
    machine.threads.in_place_scope_fifo(|scope| {
        let (done, results) = mpsc::channel::<(u64, u64, thread::Result<O>)>();
        let mut waiting: BTreeMap<u64, (u64, thread::Result<O>)> = BTreeMap::new();
        let (mut sent, mut written, mut in_flight) = (0_u64, 0_u64, 0_u64);
        let mut unfinished = 0_usize;
        let mut exhausted = false;
        let mut held: Option<(I, u64)> = None;
        loop {
            while !exhausted || held.is_some() {
                if unfinished >= ahead {
                    break;
                }
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
                    // What a panic left behind is not looked at again: the run ends.
                    let result = catch_unwind(AssertUnwindSafe(|| work(item)));
                    // The receiver is gone only if writing failed; then nobody wants the result.
                    let _ = done.send((sequence, cost, result));
                });
                sent += 1;
                unfinished += 1;
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
                unfinished -= 1;
            }
            while let Some((cost, result)) = waiting.remove(&written) {
                let result = result.map_err(|_| RunError::Internal {
                    what: "a worker panicked",
                })?;
                write(result)?;
                written += 1;
                in_flight -= cost;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::pipeline::threads;

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
    fn nothing_is_read_that_no_worker_will_take_soon() {
        let threads = threads(2).unwrap();
        let stop = AtomicBool::new(false);
        let machine = Machine {
            threads: &threads,
            memory_bytes: u64::MAX,
            stop: &stop,
        };
        let (read, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        in_order(
            &machine,
            || {
                let number = read.fetch_add(1, Ordering::SeqCst);
                // What is finished may not have arrived yet, so this errs towards too few, never towards too many.
                assert!(number < finished.load(Ordering::SeqCst) + 2 * READ_AHEAD);
                Ok((number < 100).then_some((number, 1)))
            },
            |item| {
                finished.fetch_add(1, Ordering::SeqCst);
                item
            },
            |_| Ok(()),
        )
        .unwrap();
        assert_eq!(finished.into_inner(), 100);
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

    #[test]
    fn d_28_a_worker_that_panics_ends_the_run_and_does_not_hang_it() {
        let threads = threads(2).unwrap();
        let stop = AtomicBool::new(false);
        let machine = Machine {
            threads: &threads,
            memory_bytes: 10,
            stop: &stop,
        };
        let mut source = 0..1000;
        let mut written = Vec::new();
        let result = in_order(
            &machine,
            || Ok(source.next().map(|item| (item, 1))),
            |item| {
                assert!(item != 3, "as a fault of ours would");
                item
            },
            |item| {
                written.push(item);
                Ok(())
            },
        );
        assert!(matches!(result, Err(RunError::Internal { .. })));
        assert_eq!(written, [0, 1, 2]);
    }
}
