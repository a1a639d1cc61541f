//! Archives made by `make-corpus`, whose content is known: decrypted, and the output audited again.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{Workplace, bag};
use crate::program::{AT, shared};

/// Records of a report by Message-ID.
fn by_id(place: &Workplace, report: &str) -> BTreeMap<String, Value> {
    let messages = place.messages(report).into_iter();
    messages
        .map(|message| (message["message_id"].as_str().unwrap().to_owned(), message))
        .collect()
}

/// What of a signature does not depend on where it lies. Coverage does: an encrypted layer around it is gone.
fn signatures(message: &Value) -> Vec<Value> {
    let layers = message["layers"].as_array().into_iter().flatten();
    layers
        .flat_map(|layer| layer["signatures"].as_array().into_iter().flatten())
        .map(|signature| {
            let keys = [
                "signer",
                "attributes",
                "signature",
                "certificate_source",
                "identity",
                "coverage",
                "algorithms",
            ];
            let mut facts: Vec<Value> = keys.iter().map(|key| signature[key].clone()).collect();
            // The store's line ends are LF; the digest is the same once they are CR LF.
            let digest = signature["digest"].as_str().unwrap();
            facts.push(digest.replace("match_canonical", "match").into());
            facts.into()
        })
        .collect()
}

/// The fields of a message as stored, folding and all, without their line ends.
fn fields(message: &[u8]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in message.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), fields.last_mut()) {
            (None, _) => break,
            (Some(b' ' | b'\t'), Some(field)) => {
                field.push(b'\n');
                field.extend_from_slice(line);
            }
            (Some(_), _) => fields.push(line.to_vec()),
        }
    }
    fields
}

/// Those that a decrypted message has from outside.
fn outside(message: &[u8]) -> Vec<String> {
    let fields = fields(message).into_iter();
    fields
        .map(|field| String::from_utf8(field).unwrap())
        .filter(|field| {
            let name = field.to_ascii_lowercase();
            !["mime-version:", "content-", "x-mailseal-decrypted:"]
                .iter()
                .any(|ours| name.starts_with(ours))
        })
        .collect()
}

/// The bytes of a message in a file.
fn message(place: &Workplace, below: &str, at: &Value) -> Vec<u8> {
    let path = at["path"].as_str().unwrap();
    let bytes = fs::read(place.join(below).join(path)).unwrap();
    let number = |key: &str| usize::try_from(at[key].as_u64().unwrap()).unwrap();
    bytes[number("offset")..number("offset") + number("length")].to_vec()
}

#[test]
fn a_corpus_in_every_form_keeps_its_signatures_and_its_content() {
    migrated("7");
}

#[test]
fn another_corpus_in_every_form_keeps_them_too() {
    migrated("2311");
}

fn migrated(seed: &str) {
    let Some(make) = shared("tools/make-corpus") else {
        return;
    };
    let place = Workplace::new();
    let made = Command::new(make)
        .args([
            "-n",
            "150",
            "--max-size",
            "60K",
            "--folders",
            "2",
            "--seed",
            seed,
        ])
        .arg(place.join("corpus"))
        .output()
        .unwrap();
    if !made.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    let truth: BTreeMap<String, Value> = fs::read_to_string(place.join("corpus/truth.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["message_id"].as_str().unwrap().to_owned(), line))
        .collect();
    let keys = ["--keys", "corpus/pki", "--ca", "corpus/pki/root.pem"];
    for form in ["mbox", "maildir", "eml"] {
        let archive = format!("corpus/{form}");
        let out = format!("out-{form}");
        let ran = place.run(&["decrypt", &archive, "-o", &out, "-q", keys[0], keys[1]]);
        assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
        place.run(&["check", &out, "--source", &archive]).code(0);
        let data = format!("{out}/data/{form}");
        for (from, to) in [(&archive, "before"), (&data, "after")] {
            let audit = ["audit", from, "-o", to, "-q", AT];
            place.run(&[&audit[..], &keys].concat());
        }
        let (before, after) = (by_id(&place, "before"), by_id(&place, "after"));
        let mut compared = (0, 0, 0);
        for line in super::records(&place, &out) {
            let id = line["message_id"].as_str().unwrap_or_default();
            if line["action"] != "decrypted" {
                assert_eq!(line["source"]["sha256"], line["output"]["sha256"], "{line}");
                compared.0 += 1;
                continue;
            }
            compared.1 += 1;
            let was = message(&place, &archive, &line["source"]);
            let is = message(&place, &out, &line["output"]);
            assert_eq!(outside(&is), outside(&was), "{form} {id}");
            assert!(fields(&was).len() > 4, "{form} {id}");
            let was = &before[id];
            if truth[id]["kind"] == "encrypted-signed" {
                // That signature was over ciphertext, and is in the manifest.
                let findings = line["findings"].to_string();
                assert!(findings.contains("outer_signature_removed"), "{line}");
                continue;
            }
            let signed = signatures(was);
            if signed.is_empty() {
                // Nothing is left of it that a report would list, but the content that the manifest names.
                let inner = was["content_sha256"].as_str();
                if let Some(known) = truth[id]["content_sha256"].as_str() {
                    assert_eq!(inner, Some(known), "{form} {id}");
                }
                if line["layers"].as_array().unwrap().len() == 1 {
                    assert_eq!(line["entity_sha256"].as_str(), inner, "{form} {id}");
                }
                continue;
            }
            let is = after
                .get(id)
                .unwrap_or_else(|| panic!("{form} {id}: not S/MIME any more"));
            compared.2 += 1;
            if truth[id]["kind"] != "triple-wrapped" {
                assert_eq!(signatures(is), signed, "{form} {id}");
            }
            if truth[id]["content_sha256"].is_string() {
                let (is, known) = (&is["content_sha256"], &truth[id]["content_sha256"]);
                assert_eq!(is, known, "{form} {id}");
            }
        }
        assert!(
            compared.0 > 80 && compared.1 > 20 && compared.2 > 5,
            "{compared:?}"
        );
        println!("{form}, seed {seed}: {compared:?} copied, decrypted, with inner signatures");
        for report in ["before", "after"] {
            fs::remove_dir_all(place.join(report)).unwrap();
        }
        let again = ["decrypt", &archive, "-o", "other", "-q", "--threads", "1"];
        place.run(&[&again[..], &keys[..2]].concat());
        let (one, other) = (bag(&place, &out), bag(&place, "other"));
        assert!(
            one == other,
            "{form}: the bag depends on the number of threads"
        );
        fs::remove_dir_all(place.join("other")).unwrap();
    }
}
