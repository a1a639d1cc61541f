//! 100,000 key files: `cargo test --test all keys::scale -- --ignored --nocapture`, best in a release build.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Name};

use mailseal::jobs::keyring::{self, Cache};
use mailseal::limits::Limits;
use mailseal::pipeline::{self, Machine};
use mailseal::pki::keyring::Passwords;
use mailseal::pki::x509::Certificate;

/// How many; `MAILSEAL_KEYS` says otherwise.
const FILES: usize = 100_000;

fn generated() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A PKCS #12 file with a key and a password of its own, cheap to open.
fn key_file(n: usize, issuer: &X509Name, authority: &PKey<Private>) -> Vec<u8> {
    let key = generated();
    let mut subject = X509Name::builder().unwrap();
    subject
        .append_entry_by_text("CN", &format!("Person {n}"))
        .unwrap();
    subject
        .append_entry_by_text("emailAddress", &format!("p{n}@example.com"))
        .unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    let serial = BigNum::from_u32(u32::try_from(n).unwrap() + 1).unwrap();
    certificate
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    certificate.set_issuer_name(issuer).unwrap();
    certificate.set_subject_name(&subject.build()).unwrap();
    certificate
        .set_not_before(&Asn1Time::from_unix(1_600_000_000).unwrap())
        .unwrap();
    certificate
        .set_not_after(&Asn1Time::from_unix(2_000_000_000).unwrap())
        .unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate
        .sign(authority, MessageDigest::sha256())
        .unwrap();
    Pkcs12::builder()
        .name("key")
        .pkey(&key)
        .cert(&certificate.build())
        .key_iter(1)
        .mac_iter(1)
        .build2(&format!("password {n}"))
        .unwrap()
        .to_der()
        .unwrap()
}

fn make(folder: &Path, files: usize) {
    let mut issuer = X509Name::builder().unwrap();
    issuer.append_entry_by_text("CN", "Authority").unwrap();
    let issuer = issuer.build();
    let authority = generated();
    let next = Mutex::new(0..files);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(n) = next.lock().unwrap().next() else {
                        return;
                    };
                    let deep = folder.join(format!("{:03}", n / 1000));
                    fs::create_dir_all(&deep).unwrap();
                    let bytes = key_file(n, &issuer, &authority);
                    fs::write(deep.join(format!("{n:06}.p12")), bytes).unwrap();
                }
            });
        }
    });
}

#[test]
#[ignore = "makes and reads 100,000 files"]
fn a_hundred_thousand_key_files() {
    let files = std::env::var("MAILSEAL_KEYS").map_or(FILES, |text| text.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    let keys = place.path().join("keys");
    let begin = Instant::now();
    make(&keys, files);
    println!("made {files} files in {:.1?}", begin.elapsed());
    thread::sleep(Duration::from_millis(2100));
    let mut list = String::new();
    for n in 0..files {
        writeln!(list, "password {n}").unwrap();
    }
    let passwords = Passwords::from_lines(list.as_bytes());
    let folder = place.path().join("cache");
    let limits = Limits::default();
    let load = |what: &str, cache: Cache<'_>, threads: usize| {
        let workers = pipeline::threads(threads).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let machine = Machine {
            threads: &workers,
            memory_bytes: 0,
            stop: &stop,
        };
        let begin = Instant::now();
        let loaded = keyring::load(
            &[keys.clone()],
            &passwords,
            cache,
            &limits,
            &machine,
            &|_, _| {},
        )
        .unwrap();
        let took = begin.elapsed();
        println!(
            "{what}, {threads} threads: {took:.2?}, {} read",
            loaded.read
        );
        assert_eq!(loaded.keys.keys().count(), files);
        (loaded, took)
    };
    load("without an index", Cache::None, 1);
    let (cold, _) = load("cold", Cache::Always(&folder), 2);
    let (warm, took) = load("warm", Cache::Always(&folder), 2);
    assert_eq!((warm.read, &warm.report), (0, &cold.report));
    let index = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    println!("index: {} bytes", index.metadata().unwrap().len());
    let ders: Vec<Vec<u8>> = warm.keys.certificates().map(<[u8]>::to_vec).collect();
    let names: Vec<_> = ders
        .iter()
        .map(|der| {
            let certificate = Certificate::read(der).unwrap();
            (certificate.issuer.raw(), certificate.serial.0)
        })
        .collect();
    let begin = Instant::now();
    let found = names
        .iter()
        .filter_map(|(issuer, serial)| warm.keys.by_issuer_serial(issuer, serial))
        .count();
    let each = begin.elapsed() / u32::try_from(files).unwrap();
    println!("look-up that finds: {each:.0?}");
    assert_eq!(found, files);
    let begin = Instant::now();
    let lost = names
        .iter()
        .filter_map(|(issuer, _)| warm.keys.by_issuer_serial(issuer, b"\x7f\x7f\x7f\x7f"))
        .count();
    println!(
        "look-up that does not: {:.0?}",
        begin.elapsed() / u32::try_from(files).unwrap()
    );
    assert_eq!(lost, 0);
    let some: Vec<_> = warm.keys.keys().step_by((files / 1000).max(1)).collect();
    let begin = Instant::now();
    for key in &some {
        warm.keys.private_key(*key).unwrap();
    }
    println!(
        "first use of a key, file read again: {:.0?}",
        begin.elapsed() / u32::try_from(some.len()).unwrap()
    );
    assert!(took < Duration::from_secs(60), "{took:?}");
}
