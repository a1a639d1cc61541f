//! Encrypted mail to plaintext, 36 KB, RSA-2048, AES-256-CBC: with its bag, and without writing anything.
//!
//! Floor: one RSA private operation, straight from OpenSSL in the same run. What a migration must do besides is the cipher, the digests
//! that the manifest demands, reading the result again, and writing, syncing and reading back. Bound: writing and syncing do not limit
//! it: as many messages a second with them as without, while a core is left for the writer.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

use crate::material::mail::{self, Lines, Mail};
use crate::material::measure::{Clock, Spent, is_bench, scaled, time};
use crate::material::party::{World, days_from_now};
use crate::material::run;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::facts::Settings;
use mailseal::jobs::migrate::job::{Migration, migrate, rehearse};
use mailseal::jobs::migrate::message::Options;
use mailseal::pipeline::{Machine, threads};
use mailseal::pki::keyring::Keyring;

fn main() {
    let world = World::new(2);
    let count = scaled(4000, 8);
    let mails: Vec<Mail> = (0..scaled(100, 4) as u64)
        .map(|number| mail::encrypted(&world, number, Lines::Lf, CipherAlgorithm::Aes256Cbc))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let mbox = folder.path().join("mail.mbox");
    let stored = || mails.iter().map(|mail| mail.stored.as_slice());
    mail::write_mbox(&mbox, stored(), count, Lines::Lf);
    let eml = folder.path().join("eml");
    fs::create_dir(&eml).unwrap();
    for (number, mail) in mails.iter().cycle().take(count).enumerate() {
        fs::write(eml.join(format!("{number:05}.eml")), &mail.stored).unwrap();
    }
    let own = tempfile::tempdir().unwrap();
    world.write_key(own.path());
    let keys = run::keyring(own.path());

    let key = PKey::private_key_from_der(&world.people[0].key.to_pkcs8().unwrap()).unwrap();
    let mut context = PkeyCtx::new(&key).unwrap();
    context.decrypt_init().unwrap();
    context.set_rsa_padding(Padding::PKCS1).unwrap();
    let mut floor = Duration::MAX;
    for _ in 0..scaled(3, 1) {
        floor = floor.min(time(|| {
            for mail in mails.iter().cycle().take(count) {
                let mut out = [0; 256];
                context.decrypt(&mail.value, Some(&mut out)).unwrap();
            }
        }));
    }
    if is_bench() {
        let micros = floor.as_secs_f64() * 1e6 / count as f64;
        println!("\n1 RSA private operation: {micros:.0} µs");
        println!(
            "{:34} {:>11} {:>11} {:>9} {:>13}",
            "", "messages/s", "µs a mail", "of floor", "processor µs"
        );
    }
    for (name, archive) in [("mbox", &mbox), ("folder of .eml", &eml)] {
        for workers in [1, 2] {
            let mut best = [Duration::MAX; 4];
            for _ in 0..scaled(3, 1) {
                for (at, write) in [(0, false), (2, true)] {
                    let spent = once(archive, folder.path(), &keys, workers, write, count);
                    best[at] = best[at].min(spent.wall);
                    best[at + 1] = best[at + 1].min(spent.processor);
                }
            }
            if !is_bench() {
                continue;
            }
            for (what, wall, processor) in [
                ("without writing", best[0], best[1]),
                ("with its bag", best[2], best[3]),
            ] {
                let micros = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
                println!(
                    "{:34} {:11.0} {:11.0} {:9.2} {:13.0}",
                    format!("{name}, {workers} workers, {what}"),
                    count as f64 / wall.as_secs_f64(),
                    micros(wall),
                    workers as f64 * wall.as_secs_f64() / floor.as_secs_f64(),
                    micros(processor),
                );
            }
        }
    }
}

fn once(
    archive: &Path,
    folder: &Path,
    keys: &Keyring,
    workers: usize,
    write: bool,
    count: usize,
) -> Spent {
    let archives: [PathBuf; 1] = [archive.to_owned()];
    // One after another and all kept: ext4 is slow to make files where others were deleted just before.
    let runs = fs::read_dir(folder).unwrap().count();
    let target = folder.join(format!("out-{runs}"));
    let workers = threads(workers).unwrap();
    let machine = Machine {
        threads: &workers,
        memory_bytes: 128 << 20,
        stop: &AtomicBool::new(false),
    };
    let migration = Migration {
        archives: &archives,
        target: &target,
        replace: false,
        resume: false,
        resume_text: b"",
        keys,
        signer: None,
        settings: Settings::default(),
        options: Options::default(),
        format: None,
    };
    let clock = Clock::start();
    let counts = if write {
        let made = migrate(&migration, &machine, &mut |_, _| {});
        let made = made.unwrap().unwrap();
        let counts = made.counts;
        made.finish(days_from_now(0), b"{}\n").unwrap();
        counts
    } else {
        rehearse(&migration, &machine, &mut |_, _| {}, &mut |_| {}).unwrap()
    };
    let spent = clock.spent();
    assert_eq!(counts.decrypted, count as u64);
    spent
}
