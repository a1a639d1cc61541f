//! Clocks and tables. Processor time, not wall time: other programs on the machine change it little.

use std::fs;
use std::hint::black_box;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// `cargo bench` says so; `cargo test --benches` does not, and then a bench only shows that it still runs.
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A number for measuring, or a small one for showing that the bench runs.
pub fn scaled(measured: usize, shown: usize) -> usize {
    if is_bench() { measured } else { shown }
}

/// What something took.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Of all threads together.
    pub processor: Duration,
    pub wall: Duration,
}

/// Processor time of this process so far, all threads.
pub fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

pub struct Clock {
    processor: Duration,
    wall: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            processor: processor(),
            wall: Instant::now(),
        }
    }

    pub fn spent(&self) -> Spent {
        Spent {
            wall: self.wall.elapsed(),
            processor: processor() - self.processor,
        }
    }
}

/// Processor time of `work`.
pub fn time(work: impl FnOnce()) -> Duration {
    let clock = Clock::start();
    work();
    clock.spent().processor
}

/// Rounds of several things, one after the other in each round, so that a busy neighbour meets all of them.
pub struct Rounds {
    names: Vec<String>,
    best: Vec<Duration>,
}

impl Rounds {
    pub fn new() -> Self {
        Self {
            names: Vec::new(),
            best: Vec::new(),
        }
    }

    /// Notes what `name` took in this round; the best of all rounds is kept.
    pub fn note(&mut self, name: &str, took: Duration) {
        match self.names.iter().position(|known| known == name) {
            Some(at) => self.best[at] = self.best[at].min(took),
            None => {
                self.names.push(name.to_owned());
                self.best.push(took);
            }
        }
    }

    /// The best of `name`, in microseconds for each of `count`.
    pub fn micros(&self, name: &str, count: usize) -> f64 {
        let at = self.names.iter().position(|known| known == name);
        self.best[at.expect(name)].as_secs_f64() * 1e6 / count as f64
    }
}

/// GB/s.
pub fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64() / 1e9
}

/// Memory bandwidth of one core: reading, and copying (bytes copied; each is read and written).
pub fn memory_bandwidth() -> (f64, f64) {
    let size = scaled(256 << 20, 8 << 20);
    let source = vec![1_u8; size];
    let mut target = vec![2_u8; size];
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        best.0 = best.0.min(time(|| {
            let words = source.as_chunks::<64>().0;
            let mut sums = [0_u64; 8];
            for word in words {
                for (sum, eight) in sums.iter_mut().zip(word.as_chunks::<8>().0) {
                    *sum = sum.wrapping_add(u64::from_ne_bytes(*eight));
                }
            }
            black_box(sums);
        }));
        best.1 = best.1.min(time(|| {
            target.copy_from_slice(black_box(&source));
            black_box(&target);
        }));
    }
    (rate(size as u64, best.0), rate(size as u64, best.1))
}

/// The largest resident size that the system notes of the child, until it has ended.
pub fn peak_bytes(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        if let Some(kilobytes) = kilobytes {
            peak = peak.max(kilobytes.trim().parse::<u64>().unwrap() << 10);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        thread::sleep(POLL);
    }
}

/// How often the child's peak is looked at.
const POLL: Duration = Duration::from_millis(5);
