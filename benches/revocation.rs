//! A CRL with a million entries and more: read, only looked at as a file is that is given, and asked for one certificate.
//!
//! Floor: SHA-256 of its octets, which its name and its signature need anyway. Bound: 2 s for a million entries, microseconds an
//! answer, and time in proportion to the number of entries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

#[allow(dead_code, reason = "each bench needs a part of it")]
#[path = "material/measure.rs"]
mod measure;

use std::hint::black_box;
use std::sync::Arc;

use mailseal::asn1::{Integer, Tag, Writer, oid};
use mailseal::crypto::digest::sha256;
use mailseal::pki::x509::Crl;

use crate::measure::{Rounds, scaled, time};

fn main() {
    let largest = scaled(2_000_000, 8_000);
    let sizes = [largest / 8, largest / 4, largest / 2, largest];
    let lists: Vec<Arc<[u8]>> = sizes.iter().map(|size| Arc::from(list(*size))).collect();
    let mut rounds = Rounds::new();
    for _ in 0..scaled(5, 1) {
        for (size, der) in sizes.iter().zip(&lists) {
            rounds.note(
                &format!("floor {size}"),
                time(|| {
                    black_box(sha256(der));
                }),
            );
            let mut read = None;
            rounds.note(
                &format!("read {size}"),
                time(|| {
                    read = Some(Crl::read(Arc::clone(der)).unwrap());
                }),
            );
            rounds.note(
                &format!("look {size}"),
                time(|| assert!(Crl::is_readable(der))),
            );
            let crl = read.unwrap();
            assert_eq!(crl.len(), *size);
            rounds.note(
                &format!("ask {size}"),
                time(|| {
                    for number in 0..ASKED {
                        // Every other one is on the list.
                        let serial = serial(number * (size / ASKED) + (number % 2) * size);
                        let found = crl.entries(crl.issuer(), Integer(&serial)).len();
                        assert_eq!(found, 1 - number % 2);
                    }
                }),
            );
        }
    }
    println!("entries      bytes   SHA-256      read  looked at   an answer");
    for (size, der) in sizes.iter().zip(&lists) {
        let milliseconds = |what: &str| rounds.micros(&format!("{what} {size}"), 1) / 1e3;
        println!(
            "{size:>7} {:>10} {:>6.1} ms {:>6.0} ms {:>7.0} ms {:>8.2} µs",
            der.len(),
            milliseconds("floor"),
            milliseconds("read"),
            milliseconds("look"),
            rounds.micros(&format!("ask {size}"), ASKED),
        );
    }
}

const ASKED: usize = 1000;

/// The number's serial number: 16 octets in no order, as authorities give them.
fn serial(number: usize) -> Vec<u8> {
    let mut serial = sha256(&number.to_be_bytes())[..16].to_vec();
    serial[0] = serial[0] & 0x7f | 1;
    serial
}

/// An unsigned CRL: reading looks at no signature. Each entry has a reason, every tenth an invalidity date.
fn list(size: usize) -> Vec<u8> {
    let time = mailseal::asn1::Time::from_unix(1_700_000_000).unwrap();
    let extension = |oid, value: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid);
                w.octet_string(value);
            });
        })
    };
    let reason = extension(oid::REASON_CODE, &[0x0a, 1, 1]);
    let invalid = extension(
        oid::INVALIDITY_DATE,
        &Writer::encode(|w| w.generalized_time(time)),
    );
    let mut entries = Vec::new();
    for number in 0..size {
        entries.extend(Writer::encode(|w| {
            w.sequence(|w| {
                w.integer(&serial(number));
                w.time(time);
                w.sequence(|w| {
                    w.raw(&reason);
                    if number % 10 == 0 {
                        w.raw(&invalid);
                    }
                });
            });
        }));
    }
    let algorithm = Writer::encode(|w| w.algorithm(oid::SHA256, None));
    let name = Writer::encode(|w| w.sequence(|_| ()));
    let tbs = Writer::encode(|w| {
        w.sequence(|w| {
            w.small_integer(1);
            w.raw(&algorithm);
            w.raw(&name);
            w.time(time);
            w.time(time);
            w.primitive(Tag::SEQUENCE, &entries);
        });
    });
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(&tbs);
            w.raw(&algorithm);
            w.bit_string(&[0; 256]);
        });
    })
}
