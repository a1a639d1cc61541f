//! `mailseal harvest` as a user runs it: beside an audit of the same archive, and beside OpenSSL.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::program::{AT, Workplace, mbox, pkcs7_mime, small_mails};

/// The first column of a report's certificates.csv.
fn names(folder: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(folder.join("certificates.csv")).unwrap();
    let rows = text.lines().skip(1);
    rows.map(|row| row.split(',').next().unwrap().to_owned())
        .collect()
}

#[test]
fn i_01_an_audit_and_a_harvest_of_one_archive_have_the_same_certificates() {
    let place = Workplace::with_pki();
    place.write("mail.mbox", mbox(&small_mails()));
    let keys = ["--keys", "keys", "--passwords", "passwords.txt", AT, "-q"];
    place
        .run(&[&["audit", "mail.mbox", "-o", "report"][..], &keys].concat())
        .code(0);
    place
        .run(&[&["harvest", "mail.mbox", "-o", "harvest"][..], &keys].concat())
        .code(0);
    let harvest = place.join("harvest");
    assert_eq!(names(&harvest), names(&place.join("report")));
    assert!(!names(&harvest).is_empty());
    for same in ["certificates.pem", "inputs.csv", "faults.csv"] {
        let of = |folder: &str| fs::read(place.join(folder).join(same)).unwrap();
        assert_eq!(of("harvest"), of("report"), "{same}");
    }
    let files = [
        "certificates.csv",
        "certificates.jsonl",
        "certificates.pem",
        "faults.csv",
        "inputs.csv",
        "manifest-sha256.txt",
        "run.json",
        "summary.json",
    ];
    let mut found: Vec<String> = fs::read_dir(&harvest)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, files);
}

/// `openssl pkcs7` reads the bundle, and finds in each signature part what the harvest has of it.
#[test]
fn i_04_openssl_finds_the_same_certificates() {
    let place = Workplace::with_pki();
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl to compare with");
        return;
    }
    place.write("mail.mbox", mbox(&small_mails()));
    let arguments = [
        "harvest",
        "mail.mbox",
        "-o",
        "harvest",
        "--p7c",
        "--der",
        "--ldif=dc=example",
        "--vcard",
        "-q",
        AT,
    ];
    place.run(&arguments).code(0);
    let printed = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(place.join("harvest"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let bundle = printed(&[
        "pkcs7",
        "-inform",
        "DER",
        "-in",
        "certificates.p7c",
        "-print_certs",
    ]);
    let carried = names(&place.join("harvest"));
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), carried.len());
    for name in &carried {
        let file = format!("der/{name}.der");
        let print = printed(&[
            "x509",
            "-inform",
            "DER",
            "-in",
            &file,
            "-noout",
            "-fingerprint",
            "-sha256",
        ]);
        let digits: String = print
            .rsplit('=')
            .next()
            .unwrap()
            .chars()
            .filter(char::is_ascii_hexdigit)
            .collect();
        assert_eq!(&digits.to_ascii_lowercase(), name);
    }
    let manifest = Command::new("sha256sum")
        .args(["-c", "--quiet", "manifest-sha256.txt"])
        .current_dir(place.join("harvest"))
        .status();
    assert!(manifest.is_ok_and(|status| status.success()));
    let ldif = fs::read_to_string(place.join("harvest/certificates.ldif")).unwrap();
    assert!(
        ldif.starts_with("version: 1\n\ndn: mail=alice@example.com,dc=example\n"),
        "{ldif}"
    );
    let cards = fs::read_to_string(place.join("harvest/certificates.vcf")).unwrap();
    assert!(
        cards.contains("\r\nEMAIL:alice@example.com\r\nKEY:data:application/pkix-cert;base64,")
    );
}

#[test]
fn a_harvest_is_replaced_only_by_force_and_never_what_is_not_ours() {
    let place = Workplace::new();
    place.write("mail.mbox", mbox(&small_mails()));
    let run = |extra: &[&str]| {
        place.run(
            &[
                &["harvest", "mail.mbox", "-o", "harvest", "-q", AT][..],
                extra,
            ]
            .concat(),
        )
    };
    run(&[]).code(0);
    run(&[]).code(5).says(&["harvest"]);
    run(&["--force", "--der", "--salvage"]).code(0);
    assert!(place.join("harvest/der").is_dir() && place.join("harvest/salvaged.csv").is_file());
    run(&["--force"]).code(0);
    assert!(!place.join("harvest/der").exists());
    place.write("harvest/notes.txt", "mine");
    run(&["--force"]).code(5).says(&["harvest"]);
    assert!(place.join("harvest/notes.txt").exists());
    place
        .run(&["harvest", "absent.mbox", "-o", "other", "-q"])
        .code(5);
    assert!(!place.join("other").exists() && !place.join("other.partial").exists());
    place
        .run(&["harvest", "mail.mbox", "-o", "other", "--crl", "x", "-q"])
        .code(2);
}

#[test]
fn what_is_damaged_is_told_and_a_file_that_is_no_mail_ends_with_3() {
    let place = Workplace::new();
    let damaged = pkcs7_mime("1", "certs-only", &[0x30, 0x82, 0x10, 0, 6, 9, 1, 2]);
    place.write("mail/1.eml", damaged);
    place.write("mail/2.eml", b"\0\0\0");
    let ran = place.run(&["harvest", "mail", "-o", "harvest", AT]);
    ran.code(3);
    assert!(ran.out.contains("1 damaged structures"), "{ran:?}");
    let faults = fs::read_to_string(place.join("harvest/faults.csv")).unwrap();
    assert_eq!(faults.lines().count(), 2, "{faults}");
}
