//! Peak memory of the built program on 4 GB that come through a pipe: nothing is written to disk but the report.
//!
//! Bound: 200 MB + 4 × the largest message + 200 bytes for each distinct certificate.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::material::mail::{self, Lines};
use crate::material::measure::{is_bench, peak_bytes, scaled};
use crate::material::party::World;
use mailseal::crypto::content_cipher::CipherAlgorithm;

fn main() {
    let world = World::new(5);
    let mut mixed: Vec<Vec<u8>> = (0..400).map(mail::ordinary).collect();
    for number in 0..60 {
        mixed.push(mail::signed(&world, number, Lines::Lf).stored);
        mixed.push(mail::opaque(&world, number, Lines::Lf).stored);
    }
    mixed.extend(
        (0..10).map(|n| mail::encrypted(&world, n, Lines::Lf, CipherAlgorithm::Aes256Cbc).stored),
    );
    let bytes = scaled(4 << 30, 16 << 20) as u64;
    stream("mixed mail, repeated", &world, bytes, 0, |number| {
        mail::entry(&mixed[number as usize % mixed.len()], Lines::Lf)
    });

    // One large message of 24 MB now and then, signed.
    let large = mail::large(&world, scaled(24 << 20, 1 << 20));
    stream("the same with mail of 24 MB", &world, bytes, 0, |number| {
        let message = if number % 500 == 250 {
            &large
        } else {
            &mixed[number as usize % mixed.len()]
        };
        mail::entry(message, Lines::Lf)
    });

    // Every message brings a certificate that was not there before.
    let certificates = scaled(200_000, 100) as u64;
    let model = &world.people[1].certificate;
    let serial = serial_place(model);
    stream(
        "200,000 distinct certificates",
        &world,
        0,
        certificates,
        |number| {
            let mut certificate = model.clone();
            certificate[serial..serial + 2]
                .copy_from_slice(&[0x10 | (number >> 15 & 0x3f) as u8, (number >> 7) as u8]);
            let last = certificate.len() - 1;
            certificate[last] = (number & 0x7f) as u8;
            mail::entry(&mail::certificates_only(number, &certificate), Lines::Lf)
        },
    );
}

/// Where the two octets of the serial number stand.
fn serial_place(certificate: &[u8]) -> usize {
    let version = [0xa0, 3, 2, 1, 2, 2, 2];
    let at = certificate.windows(7).position(|window| window == version);
    at.unwrap() + version.len()
}

/// Streams entries into `mailseal audit -` until there are `bytes` bytes or `messages` messages, and prints the peak.
fn stream(name: &str, world: &World, bytes: u64, messages: u64, entry: impl Fn(u64) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    world.write_key(folder.path());
    let root = folder.path().join("root.der");
    fs::write(&root, &world.root.certificate).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailseal"))
        .args(["audit", "-", "--quiet", "--at", "2024-06-01", "--ca"])
        .arg(&root)
        .arg("--keys")
        .arg(folder.path().join("key.der"))
        .arg("--keys")
        .arg(folder.path().join("certificate.der"))
        .arg("-o")
        .arg(folder.path().join("report"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut input = child.stdin.take().unwrap();
    let (mut written, mut number, mut largest) = (0, 0, 0);
    let peak = thread::scope(|scope| {
        let watch = scope.spawn(|| peak_bytes(&mut child));
        while written < bytes || number < messages {
            let entry = entry(number);
            input.write_all(&entry).unwrap();
            written += entry.len() as u64;
            largest = largest.max(entry.len());
            number += 1;
        }
        drop(input);
        watch.join().unwrap()
    });
    if is_bench() {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let bound = 200_000_000 + 4 * largest as u64 + 200 * messages;
        println!(
            "{name:34} {:6.0} MB in {number:7} messages, {:5.1} s: peak {:4.0} MB (bound: {:.0})",
            megabytes(written),
            started.elapsed().as_secs_f64(),
            megabytes(peak),
            megabytes(bound),
        );
    }
}
