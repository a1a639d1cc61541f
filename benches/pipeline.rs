//! Whole runs: ordinary mail beside memory bandwidth, and two workers beside one.
//!
//! Floor: reading memory once. Bound: 2 GB/s of ordinary mail a core, mbox in the page cache; 0.9 × n with n workers while cores last.
#![allow(
    clippy::type_complexity,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::material::mail::{self, Lines};
use crate::material::measure::{Spent, is_bench, memory_bandwidth, rate, scaled, time};
use crate::material::party::World;
use crate::material::run::{self, Trusted};
use mailseal::pki::keyring::Keyring;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(5);
    let trusted = Trusted::in_world(&world);
    let (read, copied) = memory_bandwidth();
    if is_bench() {
        println!("\nmemory: {read:.1} GB/s read, {copied:.1} GB/s copied");
        println!(
            "\n{:42} {:>9} {:>10} {:>10} {:>11} {:>9}",
            "ordinary mail, one worker", "MB", "mean KB", "GB/s/core", "of memory", "GB/s wall"
        );
    }
    let archives: [(&str, fn(u64) -> Vec<u8>, usize, usize); 2] = [
        (
            "mixed: text, HTML, attachments",
            mail::ordinary,
            1000,
            16_000,
        ),
        ("short: text of a mailing list", mail::short, 2000, 120_000),
    ];
    for (name, make, distinct, count) in archives {
        let (distinct, count) = (scaled(distinct, 10), scaled(count, 10));
        let path = folder.path().join("ordinary.mbox");
        let messages: Vec<Vec<u8>> = (0..distinct as u64).map(make).collect();
        let bytes = mail::write_mbox(&path, messages.iter().map(Vec::as_slice), count, Lines::Lf);
        let mut cached = Duration::MAX;
        for _ in 0..3 {
            cached = cached.min(time(|| read_through(&path)));
        }
        let mut best: Option<(Duration, Duration)> = None;
        for _ in 0..scaled(5, 1) {
            let spent = audit(&path, &trusted, "not_smime", count, 1);
            let (processor, wall) = best.unwrap_or((Duration::MAX, Duration::MAX));
            best = Some((processor.min(spent.processor), wall.min(spent.wall)));
        }
        let (processor, wall) = best.unwrap();
        if is_bench() {
            println!(
                "{name:42} {:9.0} {:10.1} {:10.2} {:10.0} % {:9.2}",
                bytes as f64 / 1e6,
                bytes as f64 / count as f64 / 1e3,
                rate(bytes, processor),
                100.0 * rate(bytes, processor) / read,
                rate(bytes, wall),
            );
            println!(
                "  of it read(2) from the page cache: {:.2} GB/s",
                rate(bytes, cached)
            );
        }
        if name.starts_with("mixed") {
            scaling("ordinary mail", &path, &trusted, "not_smime", count);
        }
    }
    let path = folder.path().join("signed.mbox");
    let count = scaled(12_000, 8);
    let messages: Vec<Vec<u8>> = (0..scaled(200, 4) as u64)
        .map(|number| mail::signed(&world, number, Lines::Lf).stored)
        .collect();
    mail::write_mbox(&path, messages.iter().map(Vec::as_slice), count, Lines::Lf);
    scaling("signed mail", &path, &trusted, "valid", count);
}

/// Both passes with one and two workers, taking turns; the best of each.
fn scaling(name: &str, path: &Path, trusted: &Trusted, status: &str, count: usize) {
    let mut best = [Duration::MAX; 2];
    for _ in 0..scaled(5, 1) {
        for (workers, best) in [1, 2].into_iter().zip(&mut best) {
            *best = audit(path, trusted, status, count, workers).wall.min(*best);
        }
    }
    if is_bench() {
        let [one, two] = best.map(|wall| wall.as_secs_f64());
        println!(
            "  {name}, 1 → 2 workers: {one:.2} s → {two:.2} s wall, {:.2} × (bound: 1.8 × on two idle cores)",
            one / two
        );
    }
}

fn audit(path: &Path, trusted: &Trusted, status: &str, count: usize, workers: usize) -> Spent {
    let place = tempfile::tempdir().unwrap();
    let ran = run::whole(path, place.path(), &Keyring::empty(), trusted, workers);
    ran.expect(status, count);
    Spent {
        processor: ran.reading.processor + ran.judging.processor,
        wall: ran.reading.wall + ran.judging.wall,
    }
}

fn read_through(path: &Path) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 4 << 20];
    while file.read(&mut buffer).unwrap() > 0 {}
}
