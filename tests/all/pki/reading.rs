//! Reading certificates and CRLs, compared with OpenSSL where it reads them too.

use std::fs;

use mailseal::asn1::time::TimeForm;
use mailseal::asn1::{Tag, Time, Writer, oid};
use mailseal::limits::Limits;
use mailseal::pki::x509::address::{AddressSource, CertificateAddresses};
use mailseal::pki::x509::summary::CertificateSummary;
use mailseal::pki::x509::{Certificate, Crl};
use openssl::asn1::Asn1TimeRef;
use openssl::x509::{X509, X509Crl};

use super::authority::{Party, Wanted, day, mailboxes, name, utf8_mailbox};
use super::pkits::folder;

fn seconds(time: &Asn1TimeRef) -> i64 {
    let epoch = openssl::asn1::Asn1Time::from_unix(0).unwrap();
    let diff = epoch.diff(time).unwrap();
    i64::from(diff.days) * 86_400 + i64::from(diff.secs)
}

#[test]
fn pkits_is_read_as_openssl_reads_it() {
    let Some(folder) = folder() else { return };
    let entries = fs::read_dir(folder.join("pki")).unwrap();
    let (mut certificates, mut crls) = (0, 0);
    for entry in entries {
        let path = entry.unwrap().path();
        let der = fs::read(&path).unwrap();
        let file = path.display();
        if path.extension().is_some_and(|e| e == "crl") {
            let (ours, theirs) = (
                Crl::read(der.clone()).unwrap(),
                X509Crl::from_der(&der).unwrap(),
            );
            assert_eq!(
                ours.len(),
                theirs.get_revoked().map_or(0, |all| all.len()),
                "{file}"
            );
            assert_eq!(
                ours.this_update().unix(),
                seconds(theirs.last_update()),
                "{file}"
            );
            assert_eq!(
                ours.next_update().map(Time::unix),
                theirs.next_update().map(seconds),
                "{file}"
            );
            assert_eq!(
                ours.issuer().raw(),
                theirs.issuer_name().to_der().unwrap(),
                "{file}"
            );
            crls += 1;
        } else {
            compare(&file.to_string(), &der);
            certificates += 1;
        }
    }
    assert!(certificates >= 400 && crls >= 170, "{certificates} {crls}");
}

fn compare(file: &str, der: &[u8]) {
    let ours = Certificate::read(der).unwrap();
    let theirs = X509::from_der(der).unwrap();
    let summary = CertificateSummary::new(&ours, &Limits::default());
    assert_eq!(
        ours.not_before.unwrap().unix(),
        seconds(theirs.not_before()),
        "{file}"
    );
    assert_eq!(
        ours.not_after.unwrap().unix(),
        seconds(theirs.not_after()),
        "{file}"
    );
    let serial = theirs.serial_number().to_bn().unwrap();
    let hex = serial.to_hex_str().unwrap().to_lowercase();
    assert_eq!(summary.serial, hex, "{file}");
    if let Ok(key) = theirs.public_key() {
        assert_eq!(summary.key_bits, Some(key.bits()), "{file}");
    }
    let theirs_ski = theirs.subject_key_id().map(|ski| ski.as_slice().to_vec());
    let ours_ski = ours.extensions.subject_key_identifier().unwrap();
    assert_eq!(ours_ski.map(<[u8]>::to_vec), theirs_ski, "{file}");
}

/// One process for each name is slow, so a tenth of them.
#[test]
fn names_are_written_as_openssl_writes_them() {
    let Some(folder) = folder() else { return };
    let entries = fs::read_dir(folder.join("pki")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "crt"));
    files.sort();
    let odd = std::env::temp_dir().join(format!("mailseal-name-{}.der", std::process::id()));
    let mut party = Party::new("x");
    party.name = name(&[
        (oid::COUNTRY, "DE"),
        (oid::ORGANIZATION, " Zoë, \"Co\" + <x>; #\n\\ "),
        (oid::COMMON_NAME, "#y"),
        (oid::EMAIL_ADDRESS, "a@b.example"),
    ]);
    fs::write(&odd, Wanted::new(&party, 1).by(&party)).unwrap();
    for path in files.iter().step_by(10).chain([&odd]) {
        let output = std::process::Command::new("openssl")
            .args(["x509", "-inform", "DER", "-noout", "-subject"])
            .args(["-nameopt", "RFC2253,-esc_msb", "-in"])
            .arg(path)
            .output()
            .unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        let der = fs::read(path).unwrap();
        let ours = Certificate::read(&der).unwrap().subject.display();
        // OpenSSL's short name of givenName.
        let ours = ours.replace("givenName=", "GN=");
        assert_eq!(
            format!("subject={ours}"),
            theirs.trim_end_matches('\n'),
            "{path:?}"
        );
    }
    fs::remove_file(odd).unwrap();
}

#[test]
fn addresses_are_those_that_the_certificate_speaks_for() {
    let party = Party::new("a@common.name");
    let read = |wanted: &Wanted| {
        let der = wanted.by(&party);
        CertificateAddresses::read(&Certificate::read(&der).unwrap())
    };
    let with_san = |value| Wanted::new(&party, 1).with(oid::SUBJECT_ALT_NAME, false, value);
    let texts = |found: &CertificateAddresses| -> Vec<String> {
        found
            .list
            .iter()
            .map(|address| address.text.clone())
            .collect()
    };

    let found = read(&Wanted::new(&party, 1));
    assert_eq!(
        found,
        CertificateAddresses::default(),
        "a common name never counts"
    );

    let found = read(&with_san(mailboxes(&[
        "a@b.example",
        "a@b.example",
        "*@c.example",
        "nobody",
    ])));
    assert_eq!(texts(&found), ["a@b.example", "*@c.example"]);

    let found = read(&with_san(utf8_mailbox("zoë@bücher.example")));
    assert_eq!(found.list[0].source, AddressSource::SmtpUtf8Mailbox);
    assert_eq!(texts(&found), ["zoë@bücher.example"]);

    for bad in [
        "a@b.example\0.evil.org",
        "a@b\n.example",
        "a\u{202e}@b.example",
    ] {
        let found = read(&with_san(mailboxes(&[bad])));
        assert_eq!(
            (texts(&found), found.suspicious.len()),
            (vec![], 1),
            "{bad:?}"
        );
    }

    let mut wanted = Wanted::new(&party, 1);
    wanted.subject = name(&[(oid::EMAIL_ADDRESS, "A@b.example")]);
    assert_eq!(texts(&read(&wanted)), ["A@b.example"]);
    // Another mailbox in the subjectAltName, the same, a damaged one.
    let other = wanted
        .clone()
        .with(oid::SUBJECT_ALT_NAME, false, mailboxes(&["x@b.example"]));
    assert_eq!(texts(&read(&other)), ["x@b.example"]);
    assert_eq!(read(&other).conflict, ["A@b.example"]);
    let same = wanted
        .clone()
        .with(oid::SUBJECT_ALT_NAME, false, mailboxes(&["a@b.example"]));
    assert!(read(&same).conflict.is_empty());
    let damaged = wanted.with(oid::SUBJECT_ALT_NAME, false, vec![0x30, 9, 1]);
    assert!(read(&damaged).list.is_empty());
}

#[test]
fn a_damaged_piece_leaves_the_rest() {
    let party = Party::new("x");
    let mut wanted = Wanted::signer(&party, 1, "a@b.example");
    wanted
        .extensions
        .push((oid::KEY_USAGE, true, vec![3, 2, 5, 0xa0]));
    let der = wanted.by(&party);
    let certificate = Certificate::read(&der).unwrap();
    assert!(
        certificate.extensions.key_usage().is_err(),
        "twice the same extension"
    );
    let summary = CertificateSummary::new(&certificate, &Limits::default());
    assert_eq!(summary.addresses, ["a@b.example"]);
    assert_eq!(summary.problems, ["malformed_extension"]);

    let text = |time: &[u8]| {
        let der = Wanted::new(&party, 1).by(&party);
        let good = day(0).to_der().1;
        let at = der
            .windows(13)
            .position(|window| window == good.as_bytes())
            .unwrap();
        let mut changed = der;
        changed[at..at + time.len()].copy_from_slice(time);
        changed
    };
    let der = text(b"2013");
    let certificate = Certificate::read(&der).unwrap();
    assert!(certificate.not_before.is_err() && certificate.not_after.is_ok());
    assert_eq!(certificate.subject.display(), "CN=x");
    assert_eq!(certificate.time_form, TimeForm::Der);

    // Cut anywhere, it is refused and nothing panics; so with any octet changed.
    let der = Wanted::signer(&party, 1, "a@b.example").by(&party);
    for end in 0..der.len() {
        assert!(Certificate::read(&der[..end]).is_err(), "{end}");
    }
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 0xff;
        if let Ok(certificate) = Certificate::read(&changed) {
            let _ = CertificateSummary::new(&certificate, &Limits::default());
        }
    }
}

#[test]
fn serial_numbers_keep_their_digits() {
    for (octets, hex) in [
        (vec![0], "00"),
        (vec![0, 0x80], "80"),
        (vec![0xff, 0x7f], "-81"),
        (vec![0xff, 0], "-0100"),
        (vec![0x80], "-80"),
        (vec![0xff, 0xff], "-01"),
        (vec![0x12; 30], &"12".repeat(30)),
    ] {
        let party = Party::new("x");
        let good = Writer::encode(|w| w.small_integer(0x55_66_77));
        let bad: Vec<u8> = Writer::encode(|w| w.primitive(Tag::INTEGER, &octets));
        let der = Wanted::new(&party, 0x55_66_77).by(&party);
        let read = Certificate::read(&der).unwrap();
        let at = read
            .tbs
            .windows(good.len())
            .position(|w| w == good)
            .unwrap();
        let content = mailseal::asn1::Reader::new(read.tbs)
            .element()
            .unwrap()
            .content;
        let start = at - (read.tbs.len() - content.len());
        let inside = [&content[..start], &bad, &content[start + good.len()..]].concat();
        let changed = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| w.raw(&inside));
                w.algorithm(oid::ECDSA_WITH_SHA256, None);
                w.bit_string(b"");
            });
        });
        assert_eq!(Certificate::read(&changed).unwrap().serial_hex(), hex);
    }
}
