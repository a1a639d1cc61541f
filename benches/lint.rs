//! Certificates a second and core against the table of rules. Bound: 10,000 a second and core, reading of the certificate included.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/all/lint/sample.rs"]
mod sample;

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use mailseal::asn1::oid;
use mailseal::pki::lint::{Generation, Profile, codes};
use mailseal::pki::x509::Certificate;

use crate::sample::{KEYS, Sample, usage};

fn main() {
    divan::main();
}

/// One certificate of each kind, as DER.
static MIXED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut all: Vec<Sample> = Vec::new();
    for profile in Profile::ALL {
        for generation in Generation::ALL {
            all.push(Sample::claiming(*profile, *generation));
        }
    }
    all.extend([Sample::plain(), Sample::root(), Sample::subordinate()]);
    all.iter().map(Sample::der).collect()
});

/// The same with keys on P-256, whose points are checked.
static CURVED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let of = |generation| {
        Sample::claiming(Profile::Sponsor, generation)
            .with(oid::KEY_USAGE, true, usage(&[0, 4]))
            .key(&KEYS.p256)
            .der()
    };
    Generation::ALL
        .iter()
        .map(|generation| of(*generation))
        .collect()
});

fn measure(bencher: Bencher<'_, '_>, certificates: &'static [Vec<u8>]) {
    bencher
        .counter(ItemsCount::new(certificates.len()))
        .bench(|| {
            for der in certificates {
                let certificate = Certificate::read(der).unwrap();
                black_box(codes(black_box(&certificate)));
            }
        });
}

#[divan::bench]
fn read_alone(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MIXED.len())).bench(|| {
        for der in MIXED.iter() {
            black_box(Certificate::read(black_box(der)).unwrap());
        }
    });
}

#[divan::bench]
fn rsa_of_every_profile(bencher: Bencher<'_, '_>) {
    measure(bencher, &MIXED);
}

#[divan::bench]
fn p256_claimed(bencher: Bencher<'_, '_>) {
    measure(bencher, &CURVED);
}
