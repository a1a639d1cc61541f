//! Rows G-01 to G-08: what summary.json counts, and that what was read is what was judged.

use std::fs;

use mailseal::cms::build::Form;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use serde_json::{Value, json};

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::cms;
use crate::toolkit::cms::{Sign, Signed, certs_only};
use crate::toolkit::enveloped::{Encrypt, To, compressed};
use crate::toolkit::mail;
use crate::toolkit::mail::Mbox;
use crate::toolkit::people;
use crate::toolkit::people::{alice, bob, carol};

#[test]
fn g_08_the_sums_of_messages_and_bytes() {
    let good = clear_signed(&cms::signed_by(alice(), &content(), people::sent()));
    let altered = clear_signed(&cms::signed_by(alice(), b"other", people::sent()));
    let plain = mail::message(&from_alice(), &content());
    let damaged = clear_signed(b"no CMS");
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let messages = [good, altered, plain, damaged];
    mail::emls(&archive.join("single"), &messages);
    mail::maildir(&archive.join("maildir"), &messages[1..]);
    let mbox = mail::mbox(&messages, Mbox::Rd);
    fs::write(archive.join("all.mbox"), &mbox).unwrap();
    fs::write(archive.join("notes.txt"), "No mail.\n").unwrap();
    let report = Audit::of(&[]).report(&[archive], &folder.path().join("report"), 2);

    let summary = fs::read_to_string(report.join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let sums = &summary["reconciliation"];
    assert_eq!(sums["messages"], 11);
    assert_eq!(sums["smime_messages"], 8);
    let number = |name: &str| sums[name].as_u64().unwrap();
    assert_eq!(
        number("bytes"),
        number("message_bytes") + number("between_bytes") + number("fault_bytes")
    );
    let records = fs::read_to_string(report.join("messages.jsonl")).unwrap();
    assert_eq!(records.lines().count() as u64, number("messages"));
    let mut statuses: Vec<(String, u64)> = summary["messages"]["status"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(status, count)| (status.clone(), count.as_u64().unwrap()))
        .filter(|(_, count)| *count > 0)
        .collect();
    statuses.sort();
    let expected = [
        ("altered", 3),
        ("damaged", 3),
        ("not_smime", 3),
        ("valid", 2),
    ];
    assert_eq!(
        statuses,
        expected.map(|(status, count)| (status.to_owned(), count))
    );

    let mut inputs = csv::Reader::from_path(report.join("inputs.csv")).unwrap();
    let columns = inputs.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let (mut bytes, mut seen) = (0, 0);
    for row in inputs.records() {
        let row = row.unwrap();
        let cell = |name: &str| row[column(name)].parse::<u64>().unwrap();
        assert_eq!(
            cell("bytes"),
            cell("message_bytes") + cell("between_bytes") + cell("fault_bytes"),
            "{row:?}"
        );
        bytes += cell("bytes");
        seen += cell("messages");
    }
    assert_eq!((bytes, seen), (number("bytes"), 11));
}

/// `summary.json` and `missing-keys.csv` of an archive of one of each: two clear signed (one altered), opaque, encrypted to a key that is at
/// hand and to one that is not, certificates alone, compressed, a signed mail that was forwarded, and an ordinary one.
fn one_of_each() -> (Value, String) {
    let text = content();
    let wrap = |kind: &str, cms: &[u8]| mail::message(&from_alice(), &mail::pkcs7_mime(kind, cms));
    let good = clear_signed(&cms::signed_by(alice(), &text, people::sent()));
    let sign = Sign::by(bob()).at(people::sent());
    let encrypted = |to| {
        let cipher = CipherAlgorithm::Aes256Cbc;
        wrap(
            "enveloped-data",
            &Encrypt::new(&text, cipher).to(To::new(to)).encode(),
        )
    };
    let messages = [
        good.clone(),
        clear_signed(&cms::signed_by(alice(), b"other", people::sent())),
        wrap("signed-data", &Signed::opaque(&text).signer(sign).encode()),
        encrypted(carol()),
        encrypted(bob()),
        wrap("certs-only", &certs_only(&[carol().certificate.clone()])),
        wrap("compressed-data", &compressed(&text, Form::Der)),
        mail::message(&from_alice(), &mail::forwarded(&good)),
        mail::message(&from_alice(), &text),
    ];
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    mail::emls(&archive, &messages);
    let audit = Audit::of(&[]).key(carol());
    let report = audit.report(&[archive], &folder.path().join("report"), 2);
    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    (
        serde_json::from_str(&read("summary.json")).unwrap(),
        read("missing-keys.csv"),
    )
}

#[test]
fn g_01_messages_layers_coverage_and_depth() {
    let (summary, _) = one_of_each();
    let counts = [
        "smime",
        "signed",
        "encrypted",
        "signed_and_encrypted",
        "nested",
    ];
    let counted = counts.map(|name| summary[format!("{name}_messages")].as_u64().unwrap());
    assert_eq!(counted, [8, 4, 2, 0, 1]);
    assert_eq!(summary["messages"]["total"], 9);
    assert_eq!(
        summary["layers"]["kind"],
        json!({"signed": 3, "opaque": 1, "encrypted": 2, "compressed": 1, "certs_only": 1})
    );
    assert_eq!(summary["layers"]["most_in_a_message"], 1);
    assert_eq!(
        summary["signatures"]["coverage"],
        json!({"whole_body": 3, "nested_message": 1})
    );
}

#[test]
fn g_02_every_value_of_an_axis_with_an_example() {
    let (summary, _) = one_of_each();
    let signatures = &summary["signatures"];
    for (axis, values) in [
        ("digest", json!({"match": 3, "mismatch": 1})),
        ("attributes", json!({"ok": 4})),
        ("signature", json!({"valid": 4})),
        ("chain_now", json!({"trusted": 4})),
    ] {
        assert_eq!(signatures[axis], values, "{axis}");
    }
    let statuses = summary["messages"]["status"].as_object().unwrap();
    for (status, _) in statuses.iter().filter(|(_, count)| **count != 0) {
        let first = &summary["first"][status];
        let is_good = [
            "valid",
            "decrypted",
            "certs_only",
            "compressed",
            "not_smime",
        ];
        assert!(
            first["offset"].is_u64() || is_good.contains(&status.as_str()),
            "{status}: {first}"
        );
    }
    assert!(
        summary["first"]["altered"]["path"]
            .as_str()
            .unwrap()
            .ends_with(".eml")
    );
}

#[test]
fn g_03_algorithms_and_key_sizes_and_what_is_weak_by_year() {
    let (summary, _) = one_of_each();
    let signatures = &summary["signatures"];
    assert_eq!(signatures["digest_algorithm"], json!({"sha256": 4}));
    assert_eq!(signatures["key"], json!({"rsa-2048": 3, "P-256": 1}));
    let algorithms = signatures["signature_algorithm"].as_object().unwrap();
    assert_eq!(algorithms["ecdsa"], 1);
    let encrypted = &summary["encrypted"];
    assert_eq!(encrypted["cipher"], json!({"aes-256-cbc": 2}));
    assert_eq!(
        encrypted["recipient_kind"],
        json!({"rsa_v15": 1, "ecdh": 1})
    );
    assert_eq!(encrypted["integrity"], json!({"none": 1}));
    assert_eq!(summary["years"]["2024"]["strength"], json!({"strong": 4}));
}

#[test]
fn g_05_whom_signers_speak_for() {
    let (summary, _) = one_of_each();
    assert_eq!(
        summary["signatures"]["identity"],
        json!({"match_from": 3, "mismatch": 1})
    );
}

#[test]
fn g_06_recipients_and_the_keys_that_are_missing() {
    let (summary, missing) = one_of_each();
    let encrypted = &summary["encrypted"];
    assert_eq!(
        encrypted["decryption"],
        json!({"decrypted": 1, "no_key": 1})
    );
    assert_eq!(encrypted["recipients"], 2);
    assert_eq!(encrypted["recipients_with_key"], 1);
    let rows: Vec<&str> = missing.lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{missing}");
    assert!(rows[0].contains("bob@example.com"), "{missing}");
}

#[test]
fn g_07_what_times_are_worth() {
    let (summary, _) = one_of_each();
    let signatures = &summary["signatures"];
    assert_eq!(signatures["time_source"], json!({"signing_time": 4}));
    assert_eq!(signatures["time_grade"], json!({"claimed": 4}));
    let skew = signatures["time_skew"].as_object().unwrap();
    assert_eq!(skew.values().filter_map(Value::as_u64).sum::<u64>(), 4);
    assert_eq!(signatures["timestamps"], 0);
    assert_eq!(summary["certificates"]["expired_now"], 0);
}
