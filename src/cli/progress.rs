//! How far a run is: a bar by bytes on a terminal, a line every half minute without one, on standard error.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::jobs::audit::Step;
use crate::pipeline::Progress;

/// Without a terminal a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The facts file is synced this often, so that a machine that dies costs a minute.
const SYNC_EVERY: Duration = Duration::from_secs(60);

/// Shows progress, and says when to sync.
pub struct Reporter {
    bar: Option<ProgressBar>,
    quiet: bool,
    started: Instant,
    last_line: Instant,
    last_sync: Instant,
    last: Progress,
}

impl Reporter {
    /// Nothing is shown yet.
    pub fn new(quiet: bool) -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            quiet,
            started: now,
            last_line: now,
            last_sync: now,
            last: Progress::default(),
        }
    }

    /// Takes a step; true when the facts are to be synced.
    pub fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Reading(progress, total) => {
                self.last = progress;
                self.show(progress, total);
                if self.last_sync.elapsed() >= SYNC_EVERY {
                    self.last_sync = Instant::now();
                    return true;
                }
            }
            Step::Judging => self.end(),
        }
        false
    }

    /// The archive is through.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// What was seen so far.
    pub fn seen(&self) -> Progress {
        self.last
    }

    /// How long the run has taken.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn show(&mut self, progress: Progress, total: Option<u64>) {
        if self.quiet {
            return;
        }
        let counts = format!(
            "{} messages, {} S/MIME, {} faults",
            HumanCount(progress.messages),
            HumanCount(progress.smime),
            HumanCount(progress.faults)
        );
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar(total));
            bar.set_position(progress.source_bytes);
            bar.set_message(counts);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let read = HumanBytes(progress.source_bytes);
            let of = total
                .map(|total| format!(" of {}", HumanBytes(total)))
                .unwrap_or_default();
            let rate = HumanBytes(per_second(progress.source_bytes, self.started.elapsed()));
            // Where standard error is closed nobody is there to be told.
            let _ = writeln!(
                std::io::stderr(),
                "mailseal: {read}{of}, {rate}/s, {counts}"
            );
        }
    }
}

/// Counts things that workers finish, on a terminal as a bar, else as a line every half minute.
pub struct Counter {
    what: &'static str,
    quiet: bool,
    bar: OnceLock<ProgressBar>,
    last_line: Mutex<Instant>,
}

/// Fewer are done before a bar is read.
const WORTH_A_BAR: usize = 1000;

impl Counter {
    /// Nothing is shown yet.
    pub fn new(what: &'static str, quiet: bool) -> Self {
        Self {
            what,
            quiet,
            bar: OnceLock::new(),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// So many of so many are done.
    pub fn step(&self, done: usize, all: usize) {
        if self.quiet || all < WORTH_A_BAR {
            return;
        }
        let count = |number| HumanCount(u64::try_from(number).unwrap_or(u64::MAX));
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_init(|| {
                let bar = ProgressBar::new(u64::try_from(all).unwrap_or(u64::MAX));
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
                let template = "{bar:20} {percent:>3}% {human_pos} of {human_len} {msg} {eta} left";
                bar.set_style(
                    ProgressStyle::with_template(template)
                        .unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar.set_message(self.what);
                bar
            });
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            return;
        }
        let mut last = self
            .last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            // Where standard error is closed nobody is there to be told.
            let _ = writeln!(
                std::io::stderr(),
                "mailseal: {} of {} {}",
                count(done),
                count(all),
                self.what
            );
        }
    }

    /// All are done.
    pub fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn per_second(bytes: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    bytes.saturating_mul(1000) / milliseconds
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::no_length(),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    let template = match total {
        Some(_) => {
            "{bar:20} {percent:>3}% {bytes} of {total_bytes} {bytes_per_sec} {eta} left · {msg}"
        }
        None => "{spinner} {bytes} {bytes_per_sec} · {msg}",
    };
    // A template that is wrong would show in the test below; the default style is better than none.
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for total in [Some(10), None] {
            bar(total).set_position(5);
        }
        assert_eq!(per_second(500, Duration::from_millis(250)), 2000);
    }
}
