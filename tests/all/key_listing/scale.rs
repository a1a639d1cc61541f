//! 100,000 key files: figures, not assertions. `cargo test --release --test all hundred_thousand -- --ignored --nocapture`

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use mailseal::pki::keyring::{KeyFiles, Passwords};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509NameBuilder};

use crate::program::Workplace;

/// `keys/NN/NNNNNN.p12`, each with its own key and its own password of one round; and the passwords in the same order.
fn make(place: &Workplace, count: u32) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "Many").unwrap();
    let name = name.build();
    let (from, to) = (
        Asn1Time::days_from_now(0).unwrap(),
        Asn1Time::days_from_now(3000).unwrap(),
    );
    let mut passwords = String::new();
    for n in 0..count {
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        let serial = BigNum::from_u32(n + 1).unwrap().to_asn1_integer().unwrap();
        certificate.set_serial_number(&serial).unwrap();
        certificate.set_subject_name(&name).unwrap();
        certificate.set_issuer_name(&name).unwrap();
        certificate.set_not_before(&from).unwrap();
        certificate.set_not_after(&to).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        let password = format!("password {n}");
        let mut file = Pkcs12::builder();
        file.pkey(&key).cert(&certificate.build());
        file.key_iter(1).mac_iter(1);
        let file = file.build2(&password).unwrap().to_der().unwrap();
        place.write(format!("keys/{:02}/{n:06}.p12", n / 1000), file);
        passwords.push_str(&password);
        passwords.push('\n');
    }
    place.write("passwords.txt", passwords);
}

#[test]
#[ignore = "a measurement: minutes, and 400 MB of files"]
fn a_hundred_thousand_key_files() {
    let count = std::env::var("MAILSEAL_KEY_FILES").map_or(100_000, |n| n.parse().unwrap());
    let place = Workplace::new();
    let start = Instant::now();
    make(&place, count);
    // One file more than passwords, as where the list itself lies in the folder.
    place.write("keys/00/000100-list.txt", "no key");
    println!("{count} files made: {:?}", start.elapsed());
    thread::sleep(Duration::from_secs(3));
    let mut shown = Vec::new();
    for what in ["cold", "warm", "warm again", "none"] {
        let mut arguments = vec![
            "keys",
            "keys",
            "--passwords",
            "passwords.txt",
            "--json",
            "-q",
        ];
        arguments.extend(if what == "none" {
            ["--no-cache"].as_slice()
        } else {
            &["--cache", "cache"]
        });
        let start = Instant::now();
        let ran = place.run(&arguments);
        println!("mailseal keys, {what}: {:?}", start.elapsed());
        ran.code(0);
        assert_eq!(ran.out.lines().count(), usize::try_from(count).unwrap());
        shown.push(ran.out);
    }
    assert!(shown.windows(2).all(|two| two[0] == two[1]));
    let cache = place.join("cache");
    let index = fs::read_dir(&cache).unwrap().next().unwrap().unwrap();
    let bytes = fs::read(index.path()).unwrap();
    println!(
        "index: {} bytes a file",
        bytes.len() / usize::try_from(count).unwrap()
    );
    let text = fs::read(place.join("passwords.txt")).unwrap();
    let passwords = Passwords::from_lines(&text);
    let start = Instant::now();
    let mut files = KeyFiles::list(&[place.join("keys")], &passwords, &Default::default()).unwrap();
    println!("warm start, files listed: {:?}", start.elapsed());
    files.restore(&bytes, i128::MAX);
    println!("warm start, index read: {:?}", start.elapsed());
    assert!(files.unread().is_empty());
    let (ring, _) = files.assemble().unwrap();
    println!("warm start, ring complete: {:?}", start.elapsed());
    let issuer = {
        let der = ring.certificates().next().unwrap();
        let certificate = mailseal::pki::x509::Certificate::read(der).unwrap();
        certificate.issuer.raw().to_vec()
    };
    let serials: Vec<Vec<u8>> = (0..count)
        .map(|n| BigNum::from_u32(n + 1).unwrap().to_vec())
        .map(|serial| match serial[0] {
            0x80.. => [&[0], serial.as_slice()].concat(),
            _ => serial,
        })
        .collect();
    let start = Instant::now();
    let found = serials
        .iter()
        .filter(|serial| ring.by_issuer_serial(&issuer, serial).is_some())
        .count();
    println!("look-up: {:?} each", start.elapsed() / count);
    assert_eq!(found, usize::try_from(count).unwrap());
    let keys: Vec<_> = ring.keys().take(1000).collect();
    let start = Instant::now();
    for key in &keys {
        ring.private_key(*key).unwrap();
    }
    println!("first use of a key: {:?} each", start.elapsed() / 1000);
}
