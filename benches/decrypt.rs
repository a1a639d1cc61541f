//! Encrypted mail, 36 KB, RSA-2048, through both passes.
//!
//! Floor: one RSA private operation, the cipher, and the digests that the report demands (the stored message, the plaintext as
//! decrypted, the plaintext with CR LF line ends, which is the same here), straight from OpenSSL in the same run. Bound: 1.08 ×.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::hint::black_box;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sha::sha256;

use crate::material::mail::{self, Lines, Mail};
use crate::material::measure::{Rounds, is_bench, scaled, time};
use crate::material::party::World;
use crate::material::run::{self, Trusted};
use crate::material::steps::{Batch, Court, STEPS};
use mailseal::crypto::content_cipher::CipherAlgorithm;

fn main() {
    let world = World::new(2);
    for (name, algorithm) in [
        ("EnvelopedData, AES-256-CBC", CipherAlgorithm::Aes256Cbc),
        ("AuthEnvelopedData, AES-256-GCM", CipherAlgorithm::Aes256Gcm),
    ] {
        let mails: Vec<Mail> = (0..scaled(100, 4) as u64)
            .map(|number| mail::encrypted(&world, number, Lines::Lf, algorithm))
            .collect();
        table(name, &world, &mails, algorithm);
    }
}

fn table(name: &str, world: &World, mails: &[Mail], algorithm: CipherAlgorithm) {
    let count = scaled(1000, 4);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mail.mbox");
    let own = tempfile::tempdir().unwrap();
    world.write_key(own.path());
    let stored = || mails.iter().map(|mail| mail.stored.as_slice());
    mail::write_mbox(&archive, stored(), count, Lines::Lf);
    let (keys, trusted) = (run::keyring(own.path()), Trusted::in_world(world));
    let court = Court::over(&[], &keys, &trusted);
    let bench = court.bench();
    let mut judge = bench.judge();
    let mut batch = Batch::new(stored().collect(), &keys);
    let key = PKey::private_key_from_der(&world.people[0].key.to_pkcs8().unwrap()).unwrap();
    let mut context = PkeyCtx::new(&key).unwrap();
    context.decrypt_init().unwrap();
    context.set_rsa_padding(Padding::PKCS1).unwrap();
    let mut cipher = CipherCtx::new().unwrap();

    let mut rounds = Rounds::new();
    for _ in 0..scaled(7, 1) {
        rounds.note(
            "1 RSA private operation",
            time(|| cycle(mails, count, |mail| opened(&mut context, mail))),
        );
        rounds.note(
            "the cipher",
            time(|| {
                cycle(mails, count, |mail| {
                    deciphered(&mut cipher, mail, algorithm)
                })
            }),
        );
        rounds.note(
            "SHA-256 of the stored message",
            time(|| cycle(mails, count, |mail| sha256(&mail.stored))),
        );
        rounds.note(
            "SHA-256 of the plaintext",
            time(|| cycle(mails, count, |mail| sha256(&mail.content))),
        );
        let place = tempfile::tempdir().unwrap();
        let ran = run::whole(&archive, place.path(), &keys, &trusted, 1);
        ran.expect("decrypted", count);
        rounds.note("pass 1", ran.reading.processor);
        rounds.note("pass 2", ran.judging.processor);
        batch.steps(&court, &mut judge, &mut rounds);
    }
    if !is_bench() {
        return;
    }
    let of_run = |name: &str| rounds.micros(name, count);
    let parts = [
        "1 RSA private operation",
        "the cipher",
        "SHA-256 of the stored message",
        "SHA-256 of the plaintext",
    ];
    let floor: f64 = parts.iter().map(|part| of_run(part)).sum();
    let bytes = mails[0].stored.len();
    println!("\nencrypted mail, {name}: {bytes} bytes, RSA-2048");
    println!("{:54} {:>9} {:>10}", "", "µs/mail", "of floor");
    let row = |name: &str, micros: f64| println!("{name:54} {micros:9.1} {:10.2}", micros / floor);
    for part in parts {
        row(part, of_run(part));
    }
    row("floor", floor);
    row("pass 1", of_run("pass 1"));
    row("pass 2", of_run("pass 2"));
    let whole = of_run("pass 1") + of_run("pass 2");
    row("both passes (bound: 1.08)", whole);
    for step in STEPS {
        row(&format!("  {step}"), rounds.micros(step, batch.len()));
    }
}

fn cycle<R>(mails: &[Mail], count: usize, mut each: impl FnMut(&Mail) -> R) {
    for mail in mails.iter().cycle().take(count) {
        black_box(each(mail));
    }
}

fn opened(context: &mut PkeyCtx<Private>, mail: &Mail) {
    let mut out = [0; 256];
    let length = context.decrypt(&mail.value, Some(&mut out)).unwrap();
    assert_eq!(out[..length], mail.sealed.as_ref().unwrap().key);
}

fn deciphered(context: &mut CipherCtx, mail: &Mail, algorithm: CipherAlgorithm) {
    let sealed = mail.sealed.as_ref().unwrap();
    let cipher = match algorithm {
        CipherAlgorithm::Aes256Gcm => Cipher::aes_256_gcm(),
        _ => Cipher::aes_256_cbc(),
    };
    context
        .decrypt_init(Some(cipher), Some(&sealed.key), Some(&sealed.nonce))
        .unwrap();
    let mut out = Vec::with_capacity(sealed.ciphertext.len() + 32);
    context
        .cipher_update_vec(&sealed.ciphertext, &mut out)
        .unwrap();
    if !sealed.tag.is_empty() {
        context.set_tag(&sealed.tag).unwrap();
    }
    context.cipher_final_vec(&mut out).unwrap();
    assert_eq!(out.len(), mail.content.len());
}
