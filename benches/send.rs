//! Mail that is sent, 36 KB, RSA-2048, by the built program: processor time a message, the start of the program taken off.
//!
//! Floor of signing: the RSA private operation, and, as each message is read again before it counts, the public one; the digest of
//! what is signed, twice; the digests of the stored and of the written message that the bag's manifest and the journal demand. Bound: 1.1 ×.
//!
//! Floor of encrypting: an RSA public operation for each recipient, the cipher, the same digests; where the sender is among the
//! recipients, the private operation and the cipher once more, as the message is opened again. Bound: 1.3 ×.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a panic is how a bench fails, a printed table what it is for"
)]

mod material;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::sha256;
use openssl::sign::{Signer, Verifier};

use crate::material::mail::{self, Lines, Noise};
use crate::material::measure::{is_bench, scaled, time};
use crate::material::party::{World, address};

const BYTES: usize = 36 << 10;

fn main() {
    let world = World::new(3);
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let keys = place.join("keys");
    fs::create_dir(&keys).unwrap();
    world.write_key(&keys);
    for (name, party) in [("root", &world.root), ("ca", &world.authority)] {
        fs::write(place.join(format!("{name}.der")), &party.certificate).unwrap();
    }
    for number in 0..3 {
        let own = place.join(format!("person{number}.der"));
        fs::write(own, &world.people[number].certificate).unwrap();
    }
    run(
        place,
        "store add --store s.db root.der ca.der person0.der person1.der person2.der",
    );
    let root: String = sha256(&world.root.certificate)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    run(place, &format!("store trust --store s.db {root}"));
    let count = scaled(3000, 3);
    let mut noise = Noise::new(1);
    let mails: Vec<Vec<u8>> = (0..count.min(200))
        .map(|number| letter(number, &mut noise))
        .collect();
    let stored = || mails.iter().map(Vec::as_slice);
    mail::write_mbox(&place.join("all.mbox"), stored(), count, Lines::Lf);
    mail::write_mbox(&place.join("one.mbox"), stored(), 1, Lines::Lf);

    let floor = Floor::measure(&world, &mails, count);
    let common = "--keys keys --store s.db --at 2024-06-01 --force --quiet -o out";
    for (name, arguments, micros, bound) in [
        ("signed, detached", "sign", floor.signed(), 1.1),
        ("signed, opaque", "sign --opaque", floor.signed(), 1.1),
        (
            "encrypted, AES-256-CBC",
            "encrypt --no-to-self --cipher aes-256-cbc",
            floor.encrypted(floor.cbc, false),
            1.3,
        ),
        (
            "encrypted, AES-256-GCM",
            "encrypt --no-to-self --cipher aes-256-gcm",
            floor.encrypted(floor.gcm, false),
            1.3,
        ),
        (
            "encrypted, AES-256-GCM, to the sender, too",
            "encrypt --cipher aes-256-gcm",
            floor.encrypted(floor.gcm, true),
            1.3,
        ),
        (
            "signed and encrypted, to the sender, too",
            "encrypt --sign --cipher aes-256-gcm",
            floor.signed() + floor.encrypted(floor.gcm, true) - 2.0 * floor.digest,
            1.3,
        ),
    ] {
        let of = |archive: &str, threads: usize| {
            run(
                place,
                &format!("{arguments} {archive} {common} --threads {threads}"),
            )
        };
        let rounds = scaled(3, 1);
        let best = |archive: &str, threads: usize| {
            (0..rounds).map(|_| of(archive, threads)).min().unwrap()
        };
        let spent = best("all.mbox", 1);
        let start = best("one.mbox", 1);
        let both = best("all.mbox", 2);
        if !is_bench() {
            continue;
        }
        let micro = |duration: Duration| duration.as_secs_f64() * 1e6 / (count - 1) as f64;
        let own = micro(spent.0.saturating_sub(start.0));
        println!(
            "{name:44} {own:7.1} µs  floor {micros:7.1} µs  {:5.2} × (bound {bound})  1 → 2 workers {:4.2} ×",
            own / micros,
            spent.1.as_secs_f64() / both.1.as_secs_f64()
        );
    }
}

/// A message in seven bits with short lines, from person 0 to person 1.
fn letter(number: usize, noise: &mut Noise) -> Vec<u8> {
    let text: String = mail::text(noise, BYTES)
        .chars()
        .map(|c| if c.is_ascii() { c } else { 'x' })
        .collect();
    format!(
        "From: {}\nTo: {}\nSubject: letter {number}\nDate: Sat, 1 Jun 2024 00:00:00 +0000\n\
         Message-ID: <{number}@bench.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n{text}\n",
        address(0),
        address(1)
    )
    .into_bytes()
}

/// Runs the program to its end; processor time and wall time.
fn run(place: &Path, arguments: &str) -> (Duration, Duration) {
    let before = children();
    let clock = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_mailseal"))
        .args(arguments.split(' '))
        .current_dir(place)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{arguments}");
    (children() - before, clock.elapsed())
}

/// Processor time of all children that have ended (proc(5): utime and stime of waited-for children, in hundredths of a second).
fn children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = [13, 14]
        .iter()
        .map(|at| fields[*at].parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Microseconds a message of each operation, straight from OpenSSL.
struct Floor {
    private: f64,
    public: f64,
    digest: f64,
    cbc: f64,
    gcm: f64,
}

impl Floor {
    fn measure(world: &World, mails: &[Vec<u8>], count: usize) -> Self {
        let key = PKey::private_key_from_der(&world.people[0].key.to_pkcs8().unwrap()).unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
        let signature = signer.sign_oneshot_to_vec(b"x").unwrap();
        let ciphered = |cipher: fn() -> &'static openssl::cipher::CipherRef| {
            let mut context = CipherCtx::new().unwrap();
            micros(mails, count, move |mail| {
                let cipher = cipher();
                let iv = [1; 16];
                let iv = Some(&iv[..cipher.iv_length()]);
                context
                    .encrypt_init(Some(cipher), Some(&[7; 32]), iv)
                    .unwrap();
                let mut out = Vec::with_capacity(mail.len() + 32);
                context.cipher_update_vec(mail, &mut out).unwrap();
                context.cipher_final_vec(&mut out).unwrap();
                black_box(out);
            })
        };
        Self {
            private: micros(mails, count, |_| {
                let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
                black_box(signer.sign_oneshot_to_vec(b"x").unwrap());
            }),
            public: micros(mails, count, |_| {
                let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
                assert!(verifier.verify_oneshot(&signature, b"x").unwrap());
            }),
            digest: micros(mails, count, |mail| {
                black_box(sha256(mail));
            }),
            cbc: ciphered(Cipher::aes_256_cbc),
            gcm: ciphered(Cipher::aes_256_gcm),
        }
    }

    fn signed(&self) -> f64 {
        self.private + self.public + 4.0 * self.digest
    }

    /// To one recipient, or to the sender as well, who then opens it.
    fn encrypted(&self, cipher: f64, to_self: bool) -> f64 {
        // What is written is a third longer: base64.
        let digests = self.digest * (1.0 + 4.0 / 3.0);
        match to_self {
            false => self.public + cipher + digests,
            true => 2.0 * self.public + self.private + 2.0 * cipher + digests + self.digest,
        }
    }
}

/// Processor time of `work` a message.
fn micros(mails: &[Vec<u8>], count: usize, mut work: impl FnMut(&[u8])) -> f64 {
    let spent = time(|| {
        for mail in mails.iter().cycle().take(count) {
            work(mail);
        }
    });
    spent.as_secs_f64() * 1e6 / count as f64
}
