//! Signed mail, 36 KB, RSA-2048, known signer, through both passes.
//!
//! Floor: SHA-256 of the content and of the stored message, and one RSA verify, straight from OpenSSL in the same run.
//! Bound: 1.35 × the floor, facts, judging and report included; facts written and read together under 8 % of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::hint::black_box;

use openssl::md::Md;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sha::sha256;

use crate::material::mail::{self, Lines, Mail};
use crate::material::measure::{Rounds, is_bench, scaled, time};
use crate::material::party::World;
use crate::material::run::{self, Trusted};
use crate::material::steps::{Batch, Court, STEPS};
use mailseal::pki::keyring::Keyring;

fn main() {
    let world = World::new(5);
    for (name, lines, make) in [
        (
            "detached, LF in the archive",
            Lines::Lf,
            mail::signed as fn(&World, u64, Lines) -> Mail,
        ),
        ("detached, CR LF in the archive", Lines::CrLf, mail::signed),
        ("opaque, LF in the archive", Lines::Lf, mail::opaque),
    ] {
        let mails: Vec<Mail> = (0..scaled(200, 4) as u64)
            .map(|number| make(&world, number, lines))
            .collect();
        table(name, &world, &mails, lines);
    }
}

fn table(name: &str, world: &World, mails: &[Mail], lines: Lines) {
    let count = scaled(4000, 4);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mail.mbox");
    let stored = || mails.iter().map(|mail| mail.stored.as_slice());
    mail::write_mbox(&archive, stored(), count, lines);
    let (keys, trusted) = (Keyring::empty(), Trusted::in_world(world));
    let court = Court::over(&stored().collect::<Vec<_>>(), &keys, &trusted);
    let bench = court.bench();
    let mut judge = bench.judge();
    let mut batch = Batch::new(stored().take(100).collect(), &keys);
    let mut contexts: Vec<PkeyCtx<Public>> = world.people.iter().map(context).collect();
    let digests: Vec<[u8; 32]> = mails.iter().map(|mail| sha256(&mail.attributes)).collect();

    let mut rounds = Rounds::new();
    for _ in 0..scaled(7, 1) {
        rounds.note(
            "SHA-256 of the content",
            time(|| cycle(mails, count, |_, mail| sha256(&mail.content))),
        );
        rounds.note(
            "SHA-256 of the stored message",
            time(|| cycle(mails, count, |_, mail| sha256(&mail.stored))),
        );
        let verify = |number: usize, mail: &Mail| {
            let context = &mut contexts[1 + number % (world.people.len() - 1)];
            assert!(context.verify(&digests[number], &mail.value).unwrap());
        };
        rounds.note("1 RSA verify", time(|| cycle(mails, count, verify)));
        let place = tempfile::tempdir().unwrap();
        let ran = run::whole(&archive, place.path(), &keys, &trusted, 1);
        ran.expect("valid", count);
        rounds.note("pass 1", ran.reading.processor);
        rounds.note("pass 2", ran.judging.processor);
        batch.steps(&court, &mut judge, &mut rounds);
    }
    if !is_bench() {
        return;
    }
    let of_run = |name: &str| rounds.micros(name, count);
    let of_batch = |name: &str| rounds.micros(name, batch.len());
    let parts = [
        "SHA-256 of the content",
        "SHA-256 of the stored message",
        "1 RSA verify",
    ];
    let floor: f64 = parts.iter().map(|part| of_run(part)).sum();
    let whole = of_run("pass 1") + of_run("pass 2");
    let bytes = mails[0].stored.len();
    println!("\nsigned mail, {name}: {bytes} bytes, RSA-2048");
    println!("{:54} {:>9} {:>10}", "", "µs/mail", "of floor");
    let row = |name: &str, micros: f64| println!("{name:54} {micros:9.1} {:10.2}", micros / floor);
    for part in parts {
        row(part, of_run(part));
    }
    row("floor", floor);
    row("pass 1", of_run("pass 1"));
    row("pass 2", of_run("pass 2"));
    row("both passes (bound: 1.35)", whole);
    for step in STEPS {
        row(&format!("  {step}"), of_batch(step));
    }
    let facts = of_batch("facts: encode") + of_batch("facts: decode");
    println!(
        "facts written and read: {:.1} % of the mail's cost (bound: 8 %)",
        100.0 * facts / whole
    );
}

fn cycle<R>(mails: &[Mail], count: usize, mut each: impl FnMut(usize, &Mail) -> R) {
    for (number, mail) in mails.iter().enumerate().cycle().take(count) {
        black_box(each(number, mail));
    }
}

fn context(person: &material::party::Party) -> PkeyCtx<Public> {
    let key = PKey::public_key_from_der(&person.key.public_spki()).unwrap();
    let mut context = PkeyCtx::new(&key).unwrap();
    context.verify_init().unwrap();
    context.set_rsa_padding(Padding::PKCS1).unwrap();
    context.set_signature_md(Md::sha256()).unwrap();
    context
}
