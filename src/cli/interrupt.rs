//! Ctrl-C ends a run at the next block; a second one at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of a run that is interrupted a second time.
const AT_ONCE: i32 = 130;

/// A flag that SIGINT and SIGTERM set. Where the system refuses, they end the program as ever.
#[must_use]
pub fn watch() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let first = flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&stop));
        if first.is_ok() {
            let _ = flag::register(signal, Arc::clone(&stop));
        }
    }
    stop
}
