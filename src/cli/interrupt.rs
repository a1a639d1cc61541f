//! Ctrl-C ends a run at the next block; a second one, or a run that does not come to its next block, at once.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::cli::exit::Exit;
use crate::cli::screen::escaped;

/// How long a run may take to stop by itself. It can't while it waits for a pipe; and what it has written by then is as good as ever.
const GRACE: Duration = Duration::from_secs(5);

/// A flag that SIGINT and SIGTERM set. `farewell` says how to go on, for a run that can't say it itself. Where the system refuses, the
/// signals end the program as ever.
#[must_use]
pub fn watch(farewell: String) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return stop;
    };
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        for _ in signals.forever() {
            if flag.swap(true, Ordering::Relaxed) {
                leave(&farewell);
            }
            let farewell = farewell.clone();
            thread::spawn(move || {
                thread::sleep(GRACE);
                leave(&farewell);
            });
        }
    });
    stop
}

fn leave(farewell: &str) {
    // Where standard error is closed nobody is there to be told.
    let _ = writeln!(anstream::stderr(), "mailseal: {}", escaped(farewell));
    low_level::exit(Exit::Interrupted.code().into());
}
