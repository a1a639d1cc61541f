//! Encrypted mail: to whom, in which order of layers, and that it is what it was once it is decrypted.

use std::collections::BTreeSet;
use std::fs;

use mailseal::cms::{self, EntityIdentifier, Layer, Recipient};
use mailseal::limits::Limits;
use mailseal::mime::{Tree, transfer};
use mailseal::pki::x509::Certificate;

use super::people::{PEOPLE, Person, mail, place};
use super::{is_nowhere, is_private, messages, openssl, openssl_cms, records, send};
use crate::migrate::every_form;
use crate::program::{AT, Workplace, mbox};

const STORE: [&str; 2] = ["--store", "st.db"];
const SIGNED: [&str; 5] = ["--store", "st.db", "--sign", "--keys", "own"];

fn hello(id: &str, fields: &str) -> String {
    mail("p256", id, fields, "\nhello, secret\n")
}

/// The serial numbers that the RecipientInfos of a message name.
fn named(message: &[u8]) -> BTreeSet<Vec<u8>> {
    let tree = Tree::read(message, &Limits::default());
    let bytes = transfer::cms_bytes(&tree, 0).bytes.into_owned();
    let content = cms::read(&bytes, &Limits::default()).unwrap();
    let recipients = match content.layer {
        Layer::Enveloped(data) => data.recipients,
        Layer::AuthEnveloped(data) => data.recipients,
        _ => panic!("not encrypted"),
    };
    let serial = |rid: &EntityIdentifier<'_>| match rid {
        EntityIdentifier::IssuerAndSerial(named) => named.serial.0.to_vec(),
        EntityIdentifier::SubjectKeyIdentifier(_) => panic!("named by its key"),
    };
    recipients
        .iter()
        .flat_map(|recipient| match recipient {
            Recipient::KeyTransport(one) => vec![serial(&one.rid)],
            Recipient::KeyAgreement(one) => one.keys.iter().map(|key| serial(&key.rid)).collect(),
            _ => panic!("another recipient"),
        })
        .collect()
}

fn serials(people: &[&Person]) -> BTreeSet<Vec<u8>> {
    people
        .iter()
        .map(|one| Certificate::read(&one.der).unwrap().serial.0.to_vec())
        .collect()
}

#[test]
fn h_04_to_all_and_to_the_sender_and_to_nobody_else() {
    let place = place();
    let to = "To: Bob <bob@example.com>, BOB@EXAMPLE.COM\nCc: dave@example.com\n";
    place.write("a.mbox", mbox(&[hello("1", to)]));
    for (out, more, expected) in [
        (
            "self",
            &[][..],
            serials(&[&PEOPLE.bob, &PEOPLE.dave, &PEOPLE.p256]),
        ),
        (
            "alone",
            &["--no-to-self"],
            serials(&[&PEOPLE.bob, &PEOPLE.dave]),
        ),
    ] {
        send(
            &place,
            "encrypt",
            "a.mbox",
            out,
            &[&STORE[..], more].concat(),
        )
        .code(0);
        let sent = messages(&place, &format!("{out}/data/a.mbox"));
        assert_eq!(sent.len(), 1);
        assert_eq!(named(&sent[0]), expected, "{out}");
        is_nowhere(&place, out, "secret");
        is_private(&place, out);
        // Nothing is known of what they read, so it is what everybody must read.
        assert_eq!(records(&place, out)[0]["cipher"], "aes-128-cbc");
    }
    for (cipher, smime_type) in [
        ("aes-256-gcm", "authEnveloped-data"),
        ("aes-256-cbc", "enveloped-data"),
    ] {
        send(
            &place,
            "encrypt",
            "a.mbox",
            cipher,
            &[&STORE[..], &["--cipher", cipher]].concat(),
        )
        .code(0);
        let sent = messages(&place, &format!("{cipher}/data/a.mbox"));
        let text = String::from_utf8_lossy(&sent[0]).into_owned();
        assert!(
            text.contains(&format!("smime-type={smime_type};")),
            "{text}"
        );
    }
    place
        .run(&[
            "encrypt", "a.mbox", "-o", "x", "--store", "st.db", "--cipher", "des-cbc",
        ])
        .code(2)
        .says(&["--cipher des-cbc", "aes-256-gcm"]);
}

#[test]
fn h_05_each_recipient_of_bcc_has_a_message_of_his_own() {
    let place = place();
    let to = "To: bob@example.com\nBcc: dave@example.com, rsa@example.com, bob@example.com\nResent-Bcc: x@example.com\n";
    let mails = [hello("1", to), hello("2", "To: bob@example.com\n")];
    for archive in every_form(&place, &mails) {
        send(&place, "encrypt", archive, "out", &STORE).code(0);
        let sent = messages(&place, &format!("out/data/{archive}"));
        assert_eq!(sent.len(), 4, "{archive}");
        let mut to: Vec<_> = sent.iter().map(|message| named(message)).collect();
        let mut expected = vec![
            serials(&[&PEOPLE.bob, &PEOPLE.p256]),
            serials(&[&PEOPLE.dave]),
            serials(&[&PEOPLE.rsa]),
            serials(&[&PEOPLE.bob, &PEOPLE.p256]),
        ];
        if !archive.contains("mbox") {
            to.sort();
            expected.sort();
        }
        assert_eq!(to, expected, "{archive}");
        for message in &sent {
            let text = String::from_utf8_lossy(message).to_lowercase();
            let (header, _) = text
                .split_once("\n\n")
                .or(text.split_once("\r\n\r\n"))
                .unwrap();
            assert!(!header.contains("bcc"), "{text}");
            assert!(!text.contains("dave@") && !text.contains("rsa@"), "{text}");
        }
        let mut lines = records(&place, "out");
        lines.retain(|line| line["kind"] == "message");
        let envelopes: Vec<String> = lines
            .iter()
            .map(|line| line["envelope"].to_string())
            .collect();
        assert_eq!(
            envelopes,
            [
                r#"["bob@example.com"]"#,
                r#"["dave@example.com"]"#,
                r#"["rsa@example.com"]"#,
                r#"["bob@example.com"]"#,
            ]
        );
        let blind: Vec<bool> = lines.iter().map(|line| line["bcc"] == true).collect();
        assert_eq!(blind, [false, true, true, false]);
        place.run(&["check", "out", "--source", archive]).code(0);
        fs::remove_dir_all(place.join("out")).unwrap();
    }
    place.write("b.mbox", mbox(&[hello("1", "Bcc: dave@example.com\n")]));
    send(&place, "encrypt", "b.mbox", "sent", &STORE).code(0);
    let to: Vec<_> = messages(&place, "sent/data/b.mbox")
        .iter()
        .map(|one| named(one))
        .collect();
    assert_eq!(to, [serials(&[&PEOPLE.p256]), serials(&[&PEOPLE.dave])]);
    send(
        &place,
        "encrypt",
        "b.mbox",
        "bare",
        &[&STORE[..], &["--no-to-self"]].concat(),
    )
    .code(0);
    let to: Vec<_> = messages(&place, "bare/data/b.mbox")
        .iter()
        .map(|one| named(one))
        .collect();
    assert_eq!(to, [serials(&[&PEOPLE.dave])]);
}

/// What an audit with everybody's keys says of each message: status and kinds of layers.
fn audited(place: &Workplace, archive: &str) -> Vec<(String, Vec<String>)> {
    let _ = fs::remove_dir_all(place.join("report"));
    let keys = ["--keys", "own", "--keys", "others", "--ca", "roots.pem"];
    let arguments = [&["audit", archive, "-o", "report", "-q", AT][..], &keys].concat();
    place.run(&arguments).code(0);
    place
        .messages("report")
        .iter()
        .map(|message| {
            let layers = message["layers"].as_array().unwrap();
            let kinds = layers
                .iter()
                .map(|layer| layer["kind"].as_str().unwrap().to_owned());
            (
                message["status"].as_str().unwrap().to_owned(),
                kinds.collect(),
            )
        })
        .collect()
}

#[test]
fn h_06_b_16_signed_inside_of_encrypted_and_outside_of_that() {
    let place = place();
    place.write("a.mbox", mbox(&[hello("1", "To: bob@example.com\n")]));
    for (out, more, status, layers) in [
        (
            "enc",
            &["--keys", "own"][..],
            "decrypted",
            &["encrypted"][..],
        ),
        (
            "sig",
            &["--sign", "--keys", "own"],
            "valid",
            &["encrypted", "signed"],
        ),
        (
            "opaque",
            &["--sign", "--opaque", "--keys", "own"],
            "valid",
            &["encrypted", "opaque"],
        ),
        (
            "gcm",
            &["--sign", "--keys", "own", "--cipher", "aes-256-gcm"],
            "valid",
            &["auth_encrypted", "signed"],
        ),
        (
            "triple",
            &["--triple", "--keys", "own"],
            "valid",
            &["signed", "encrypted", "signed"],
        ),
    ] {
        for protected in [false, true] {
            let out = format!("{out}-{protected}");
            let protect: &[&str] = if protected {
                &["--protect-headers"]
            } else {
                &[]
            };
            let all = [&STORE[..], more, protect].concat();
            send(&place, "encrypt", "a.mbox", &out, &all).code(0);
            let archive = format!("{out}/data/a.mbox");
            let expected: Vec<String> = layers.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(
                audited(&place, &archive),
                [(status.to_owned(), expected)],
                "{out}"
            );
            let sent = messages(&place, &archive);
            let text = String::from_utf8_lossy(&sent[0]).into_owned();
            assert_eq!(text.contains("Subject: [...]\n"), protected, "{text}");
            assert_eq!(text.contains("Subject: about 1\n"), !protected, "{text}");
            is_nowhere(&place, &out, "secret");
            // And back again.
            let plain = format!("{out}-plain");
            let keys = ["--keys", "own", "-q", "--unwrap-signed"];
            let back = [&["decrypt", &archive, "-o", &plain][..], &keys].concat();
            place.run(&back).code(0);
            let back = fs::read_to_string(place.join(plain).join("data/a.mbox")).unwrap();
            if out.starts_with("triple") {
                continue;
            }
            assert!(back.contains("hello, secret"), "{back}");
            assert!(back.contains("\nSubject: about 1\n"), "{back}");
        }
    }
}

#[test]
fn h_04_h_06_openssl_reads_what_is_encrypted() {
    let Some(version) = openssl() else { return };
    println!("{version}");
    let place = place();
    let fields = "To: bob@example.com\nCc: dave@example.com\n";
    place.write("a.mbox", mbox(&[hello("1", fields)]));
    for (out, more) in [
        ("cbc", &[][..]),
        ("gcm", &["--cipher", "aes-256-gcm"]),
        ("signed", &["--sign"]),
    ] {
        let all = [&STORE[..], &["--keys", "own"], more].concat();
        send(&place, "encrypt", "a.mbox", out, &all).code(0);
        let sent = messages(&place, &format!("{out}/data/a.mbox"));
        for key in ["others/bob.pem", "others/dave.pem", "own/p256.pem"] {
            let read = openssl_cms(
                &place,
                &sent[0],
                &["-decrypt", "-inkey", key, "-recip", key],
            );
            let content = read.unwrap_or_else(|error| panic!("{out} {key}: {error}"));
            let content = String::from_utf8(content).unwrap();
            assert!(content.contains("hello, secret"), "{out} {key}: {content}");
            if out == "signed" {
                let at = ["-verify", "-CAfile", "roots.pem", "-attime", "2208988800"];
                openssl_cms(&place, content.as_bytes(), &at).unwrap();
            }
        }
    }
}

/// A message without what its way and its protection change: fields that describe the body, and how that is encoded.
pub fn meaning(message: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let tree = Tree::read(message, &Limits::default());
    (0..tree.parts.len())
        .filter(|part| tree.parts[*part].children.is_empty())
        .map(|part| {
            let media = tree.parts[part].media.essence.clone();
            let mut content = transfer::decode(&tree, part).bytes.into_owned();
            if media.starts_with("text/") {
                content.retain(|octet| *octet != b'\r');
            }
            let subject = tree.header(0).first("subject");
            let subject = subject.map(|field| field.text().text).unwrap_or_default();
            (subject, media, content)
        })
        .collect()
}

#[test]
fn re_protecting_plain_mail_and_decrypting_it_gives_the_same_mail() {
    let place = place();
    let mails = super::people::letters();
    place.write("plain.mbox", mbox(&mails));
    let before: Vec<_> = messages(&place, "plain.mbox")
        .iter()
        .map(|one| meaning(one))
        .collect();
    for (out, more) in [
        ("enc", &STORE[..]),
        ("sealed", &SIGNED),
        (
            "hidden",
            &[
                "--store",
                "st.db",
                "--sign",
                "--keys",
                "own",
                "--protect-headers",
            ],
        ),
    ] {
        send(&place, "encrypt", "plain.mbox", out, more).code(0);
        let archive = format!("{out}/data/plain.mbox");
        let back = format!("{out}-back");
        let arguments = [
            "decrypt",
            &archive,
            "-o",
            &back,
            "--keys",
            "own",
            "-q",
            "--unwrap-signed",
        ];
        place.run(&arguments).code(0);
        let after: Vec<_> = messages(&place, &format!("{back}/data/plain.mbox"))
            .iter()
            .map(|one| meaning(one))
            .collect();
        assert_eq!(after, before, "{out}");
    }
}
