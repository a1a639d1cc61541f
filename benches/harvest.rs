//! `mailseal harvest`: distinct certificates by the million through a pipe, and detached-signed mail beside an audit of the same.
//!
//! Bounds: ten million certificates in under ten minutes and 4 GB, 200 bytes for each beside 200 MB; a third of an audit's time.
//! `HARVEST_CERTIFICATES=10000000 cargo bench --bench harvest` for the whole number; the default is a tenth.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::material::mail::{self, Lines};
use crate::material::measure::{is_bench, peak_bytes, scaled};
use crate::material::party::World;
use mailseal::asn1::{Tag, Time, Writer, oid};
use mailseal::cms::build;
use mailseal::report::encode::base64;

/// Certificates of a message.
const TOGETHER: u64 = 500;

fn main() {
    let asked = std::env::var("HARVEST_CERTIFICATES").ok();
    let number = asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(scaled(1_000_000, 2000) as u64);
    many(number);
    beside_an_audit();
}

/// A harvest of so many certificates that differ in their serial numbers alone.
fn many(number: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (template, serial) = template();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailseal"))
        .args(["harvest", "-", "--quiet", "--at", "2024-06-01", "-o"])
        .arg(folder.path().join("harvest"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut input = BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    let peak = thread::scope(|scope| {
        let watch = scope.spawn(|| peak_bytes(&mut child));
        let mut next = 0;
        while next < number {
            let end = (next + TOGETHER).min(number);
            let mut certificates = Vec::with_capacity(template.len() * TOGETHER as usize);
            for one in next..end {
                let at = certificates.len() + serial;
                certificates.extend_from_slice(&template);
                // Not negative and not zero.
                let octets = (one | 1 << 62).to_be_bytes();
                certificates[at..at + 8].copy_from_slice(&octets);
            }
            input.write_all(&message(next, &certificates)).unwrap();
            next = end;
        }
        input.flush().unwrap();
        drop(input);
        watch.join().unwrap()
    });
    let seconds = started.elapsed().as_secs_f64();
    let table = folder.path().join("harvest/certificates.csv");
    let summary = fs::read_to_string(folder.path().join("harvest/summary.json")).unwrap();
    assert!(table.exists() && summary.contains(&format!("\"total\": {number},")));
    if is_bench() {
        println!(
            "{number} distinct certificates of {} bytes: {seconds:.1} s, peak {:.0} MB, {:.0} bytes each beside 60 MB",
            template.len(),
            peak as f64 / 1e6,
            (peak as f64 - 60e6) / number as f64,
        );
    }
}

/// The smallest certificate that mail programs take: Ed25519, one address. And where its serial number stands.
fn template() -> (Vec<u8>, usize) {
    const SERIAL: [u8; 8] = [0x40, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xaa, 0xbb];
    let day = |seconds| Time::from_unix(seconds).unwrap();
    let name = |w: &mut Writer, text: &str| {
        w.sequence(|w| {
            w.constructed(Tag::SET, |w| {
                w.sequence(|w| {
                    w.oid(oid::COMMON_NAME);
                    w.primitive(Tag::UTF8_STRING, text.as_bytes());
                });
            });
        });
    };
    let der = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.explicit(0, |w| w.small_integer(2));
                w.integer(&SERIAL);
                w.algorithm(oid::ED25519, None);
                name(w, "CA");
                w.sequence(|w| {
                    w.time(day(1_600_000_000));
                    w.time(day(1_900_000_000));
                });
                name(w, "Somebody");
                w.sequence(|w| {
                    w.algorithm(oid::ED25519, None);
                    w.bit_string(&[7; 32]);
                });
                w.explicit(3, |w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(oid::SUBJECT_ALT_NAME);
                            let names = Writer::encode(|w| {
                                w.sequence(|w| {
                                    w.primitive(Tag::context(1), b"somebody@example.org");
                                });
                            });
                            w.octet_string(&names);
                        });
                    });
                });
            });
            w.algorithm(oid::ED25519, None);
            w.bit_string(&[9; 64]);
        });
    });
    let serial = der.windows(8).position(|octets| octets == SERIAL).unwrap();
    (der, serial)
}

fn message(number: u64, certificates: &[u8]) -> Vec<u8> {
    let (before, behind) = build::certs_only(certificates.len() as u64);
    let cms = [&before, certificates, &behind].concat();
    let mut mail = format!(
        "From a@b Thu Jan  1 00:00:00 2015\nFrom: a@example.org\nDate: Mon, 01 Jun 2020 12:00:00 +0000\nMessage-ID: <{number}@example.org>\n\
         MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c\nContent-Transfer-Encoding: base64\n\n"
    )
    .into_bytes();
    for line in cms.chunks(57) {
        mail.extend_from_slice(base64(line).as_bytes());
        mail.push(b'\n');
    }
    mail.push(b'\n');
    mail
}

/// The same mail harvested and audited, one worker, best of three.
fn beside_an_audit() {
    let world = World::new(5);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("signed.mbox");
    let number = scaled(20_000, 20);
    let mails: Vec<Vec<u8>> = (0..scaled(500, 10) as u64)
        .map(|number| {
            let mail = mail::signed(&world, number, Lines::Lf).stored;
            mail::entry(&mail, Lines::Lf)
        })
        .collect();
    let mut file = BufWriter::new(fs::File::create(&archive).unwrap());
    for index in 0..number {
        file.write_all(&mails[index % mails.len()]).unwrap();
    }
    drop(file);
    let time = |arguments: &[&str]| {
        let runs = (0..3).map(|_| run(&archive, folder.path(), arguments));
        let best = runs.min().unwrap();
        best.as_secs_f64() * 1e6 / number as f64
    };
    let audit = time(&["audit"]);
    let harvest = time(&["harvest"]);
    let verifying = time(&["harvest", "--verify"]);
    if is_bench() {
        println!(
            "signed, detached, 32 KB, one worker: audit {audit:.1} µs, harvest {harvest:.1} µs ({:.1} times as fast), \
             with --verify {verifying:.1} µs ({:.1} times)",
            audit / harvest,
            audit / verifying
        );
    }
}

fn run(archive: &Path, folder: &Path, arguments: &[&str]) -> Duration {
    let target = folder.join("out");
    let _ = fs::remove_dir_all(&target);
    let started = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_mailseal"))
        .args(arguments)
        .arg(archive)
        .args(["--quiet", "--threads", "1", "-o"])
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    started.elapsed()
}
