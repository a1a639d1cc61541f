//! The samples against their expected records; and what must not matter: threads, company, line ends, sizes of chunks and blocks.
//!
//! `MAILSEAL_BLESS=1` writes expected records anew: read the diff.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use mailseal::archive::Archive;
use mailseal::archive::Item;
use mailseal::archive::ReadOptions;
use mailseal::facts;
use mailseal::facts::Scratch;
use mailseal::facts::Settings;
use mailseal::facts::axis::Digest;
use mailseal::facts::axis::Signature;
use mailseal::facts::record::MessageFacts;
use mailseal::jobs::audit;
use mailseal::jobs::given::Given;
use mailseal::jobs::given::Wanted;
use mailseal::jobs::judge::Judging;
use mailseal::judge::Clocks;
use mailseal::judge::Policy;
use mailseal::limits::Limits;
use mailseal::mime::Tree;
use mailseal::mime::message::Form;
use mailseal::mime::message::Message;
use mailseal::mime::message::Origin;
use mailseal::mime::smime;
use mailseal::mime::smime::Shape;
use mailseal::pipeline;
use mailseal::pipeline::Machine;
use mailseal::pki::keyring::Keyring;
use mailseal::pki::keyring::Passwords;
use mailseal::report::Cells;
use mailseal::report::RenderOptions;
use serde_json::Value;

use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;

mod openssl;

/// `sample-mail`, wherever the test runs.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-mail")
}

/// Every sample: a file or a Maildir. What the linked OpenSSL can't compute is left out, and said.
fn samples() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.join("cur").is_dir() {
                found.push(path);
            } else if path.is_dir() {
                if name != "keys" {
                    open.push(path);
                }
            } else if name == "ml-dsa.eml" && keys::find("mldsa44-1").is_none() {
                eprintln!("skipped: {name}: this OpenSSL has no ML-DSA");
            } else if !name.ends_with(".expected.jsonl") && name != "README.md" {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 80, "only {} samples", found.len());
    found
}

/// The single messages among them.
fn emls() -> Vec<PathBuf> {
    let mut all = samples();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    all
}

/// What the samples are judged with.
struct Material {
    keyring: Keyring,
    anchors: Given,
    crls: Given,
    limits: Limits,
}

static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let limits = Limits::default();
    let keys = folder().join("keys");
    let given = |name: &str, wanted| Given::load(&[keys.join(name)], wanted, &limits).unwrap();
    let passwords = Passwords::from_lines(&fs::read(keys.join("password")).unwrap());
    let (keyring, _) = Keyring::load(std::slice::from_ref(&keys), &passwords, &limits).unwrap();
    assert_eq!(keyring.keys().count(), 3, "Alice, Bob and Erin");
    Material {
        keyring,
        anchors: given("root.pem", Wanted::Certificates),
        crls: given("crls.pem", Wanted::Revocation),
        limits,
    }
});

/// An audit as the README of the samples has it; gives the report's folder.
fn report(archive: &Path, threads: usize, target: &Path) -> PathBuf {
    let material = &*MATERIAL;
    let workers = pipeline::threads(threads).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 64 << 20,
        stop: &stop,
    };
    let request = audit::Audit {
        archives: &[archive.to_path_buf()],
        target,
        replace: false,
        resume: false,
        resume_text: b"",
        keys: &material.keyring,
        settings: Settings {
            all: true,
            limits: material.limits.clone(),
            ..Settings::default()
        },
        hash_inputs: false,
        judging: Judging {
            anchors: &material.anchors,
            certificates: &Given::default(),
            crls: &material.crls,
            distrusted: &BTreeSet::new(),
            policy: &Policy::default(),
            clocks: Clocks { now: people::now() },
            limits: &material.limits,
            render: RenderOptions {
                subjects: false,
                cells: Cells {
                    raw: false,
                    text_chars: material.limits.text_chars,
                },
            },
        },
    };
    let outcome = audit::audit(request, &machine, &mut |_| false).unwrap();
    outcome.folder.path().to_owned()
}

/// `messages.jsonl` of one archive.
fn records(archive: &Path, threads: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let report = report(archive, threads, &folder.path().join("report"));
    fs::read_to_string(report.join("messages.jsonl")).unwrap()
}

fn expected_of(sample: &Path) -> PathBuf {
    sample.with_extension("expected.jsonl")
}

#[test]
fn every_sample_has_its_expected_record() {
    let bless = std::env::var_os("MAILSEAL_BLESS").is_some();
    let mut differing = Vec::new();
    for sample in samples() {
        let one = records(&sample, 1);
        assert_eq!(one, records(&sample, 8), "{sample:?} depends on threads");
        let expected = expected_of(&sample);
        if bless {
            fs::write(expected, one).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != one {
            differing.push(format!("{}:\n{one}", sample.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "other records than expected:\n{}",
        differing.join("\n")
    );
}

#[test]
fn every_expected_record_has_its_sample() {
    let known: Vec<PathBuf> = samples().iter().map(|sample| expected_of(sample)).collect();
    let mut seen = 0;
    for group in fs::read_dir(folder()).unwrap() {
        let group = group.unwrap().path();
        for file in fs::read_dir(&group).into_iter().flatten() {
            let file = file.unwrap().path();
            if file.to_string_lossy().ends_with(".expected.jsonl") {
                assert!(
                    known.contains(&file) || file.ends_with("ml-dsa.expected.jsonl"),
                    "{file:?}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= known.len(), "{seen} expected records");
}

/// In company every message has the verdict it has alone: what the others carry changes nothing. The report of all is the same
/// for any number of threads, and what lies beside the mail is no fault.
#[test]
fn all_samples_together() {
    let scratch = tempfile::tempdir().unwrap();
    let reports = [1, 2, 8].map(|threads| {
        let target = scratch.path().join(threads.to_string());
        report(&folder(), threads, &target)
    });
    for file in fs::read_dir(&reports[0]).unwrap() {
        let name = file.unwrap().file_name();
        let bytes = |report: &PathBuf| fs::read(report.join(&name)).unwrap();
        for other in &reports[1..] {
            assert!(bytes(&reports[0]) == bytes(other), "{name:?}");
        }
    }
    let faults = fs::read_to_string(reports[0].join("faults.csv")).unwrap();
    assert_eq!(faults.lines().count(), 1, "{faults}");
    let inputs = fs::read_to_string(reports[0].join("inputs.csv")).unwrap();
    let others: Vec<&str> = inputs
        .lines()
        .filter(|line| line.contains(",other,"))
        .filter_map(|line| line.split(',').nth(1))
        .filter(|path| !path.ends_with(".expected.jsonl"))
        .collect();
    assert_eq!(
        others,
        [
            "README.md",
            "keys/alice.p12",
            "keys/authority.pem",
            "keys/bob.p12",
            "keys/crls.pem",
            "keys/erin.pem",
            "keys/password",
            "keys/root.pem"
        ]
    );
    let together = fs::read_to_string(reports[0].join("messages.jsonl")).unwrap();
    let computed =
        |line: &&str| keys::find("mldsa44-1").is_some() || !line.contains("\"verify/ml-dsa.eml\"");
    let mut together: Vec<String> = together
        .lines()
        .filter(computed)
        .map(without_place)
        .collect();
    let mut alone: Vec<String> = samples()
        .iter()
        .flat_map(|sample| {
            let records = fs::read_to_string(expected_of(sample)).unwrap();
            records.lines().map(without_place).collect::<Vec<_>>()
        })
        .collect();
    together.sort();
    alone.sort();
    assert_eq!(together.len(), alone.len());
    for (together, alone) in together.iter().zip(&alone) {
        assert_eq!(together, alone);
    }
}

/// A record without what the archive says about it.
fn without_place(line: &str) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    let fields = record.as_object_mut().unwrap();
    fields.remove("archive");
    fields.remove("path");
    record.to_string()
}

/// Each sample stored with LF and with CR LF gives the same record, but for what is of the stored bytes themselves.
#[test]
fn line_ends_do_not_matter() {
    let scratch = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for sample in emls() {
        // Octets are no lines.
        if sample.ends_with("labels/binary.eml") {
            continue;
        }
        let bytes = fs::read(&sample).unwrap();
        let name = sample.file_name().unwrap();
        let expected = fs::read_to_string(expected_of(&sample)).unwrap();
        for stored in [mail::lf(&bytes), mail::crlf(&bytes)] {
            let path = scratch.path().join(name);
            fs::write(&path, stored).unwrap();
            let record = records(&path, 1);
            assert_eq!(
                without_bytes(record.trim_end()),
                without_bytes(expected.trim_end()),
                "{sample:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

/// A record without length and digest of the stored bytes; whether line ends had to be made CR LF is the same to it.
fn without_bytes(line: &str) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    let fields = record.as_object_mut().unwrap();
    fields.remove("sha256");
    fields.remove("length");
    record
        .to_string()
        .replace("\"match_canonical\"", "\"match\"")
}

/// Gives bytes in odd portions.
struct Odd {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Odd {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step = self.step % 89 + 1;
        let count = self.step.min(into.len()).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The facts of every message of a stream.
fn facts_of(bytes: Vec<u8>, portions: bool, block_bytes: usize) -> Vec<MessageFacts> {
    let reader: Box<dyn Read + Send> = if portions {
        Box::new(Odd {
            bytes,
            at: 0,
            step: 0,
        })
    } else {
        Box::new(io::Cursor::new(bytes))
    };
    let options = ReadOptions {
        block_bytes,
        ..ReadOptions::default()
    };
    let settings = Settings {
        all: true,
        limits: Limits::default(),
        ..Settings::default()
    };
    let mut scratch = Scratch::default();
    let mut archive = Archive::from_reader("sample", reader, options).unwrap();
    let mut all = Vec::new();
    while let Some(block) = archive.next_block() {
        for item in &block.items {
            match item {
                Item::Message(located) => {
                    let message = block.message(located);
                    let keys = &MATERIAL.keyring;
                    let collected = facts::collect(&message, keys, &settings, &mut scratch);
                    all.push(*collected.facts.unwrap());
                }
                Item::Fault(fault) => panic!("{fault:?}"),
                _ => {}
            }
        }
    }
    all
}

#[test]
fn chunks_and_blocks_do_not_matter() {
    let mut messages = 0;
    for sample in samples() {
        if sample.is_dir() {
            continue;
        }
        let bytes = fs::read(&sample).unwrap();
        let usual = facts_of(bytes.clone(), false, 4 << 20);
        for block_bytes in [512, 4 << 20] {
            let odd = facts_of(bytes.clone(), true, block_bytes);
            assert_eq!(usual, odd, "{sample:?} in blocks of {block_bytes}");
        }
        messages += usual.len();
    }
    assert!(messages > 100, "{messages}");
}

/// Whatever octet of a signed part is changed, and however little: the signature does not hold over it any more.
#[test]
fn no_changed_octet_of_a_signed_part_goes_unnoticed() {
    let settings = Settings::default();
    let mut scratch = Scratch::default();
    let mut holds = |bytes: &[u8]| {
        let message = Message {
            bytes,
            form: Form::Mail,
            origin: Origin::default(),
        };
        let keys = &MATERIAL.keyring;
        let collected = facts::collect(&message, keys, &settings, &mut scratch);
        let layer = collected
            .facts
            .and_then(|facts| facts.layers.first().cloned());
        layer.is_some_and(|layer| {
            !layer.signatures.is_empty()
                && layer.signatures.iter().all(|one| {
                    one.signature == Signature::Valid
                        && matches!(one.digest, Digest::Match | Digest::MatchCanonical)
                })
        })
    };
    let (mut samples, mut changes) = (0, 0);
    for sample in emls() {
        let bytes = fs::read(&sample).unwrap();
        let tree = Tree::read(&bytes, &settings.limits);
        let Some(Shape::Detached { content, .. }) = smime::find(&tree)
            .first()
            .map(|candidate| candidate.shape.clone())
        else {
            continue;
        };
        if !holds(&bytes) {
            continue;
        }
        let entity = tree.parts[content].entity.clone();
        // Long ones are other samples inside this one.
        for at in entity.take(400) {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                assert!(!holds(&changed), "{sample:?}: octet {at} ^ {bit:#04x}");
                changes += 1;
            }
        }
        samples += 1;
    }
    assert!(samples > 40 && changes > 20_000, "{samples} {changes}");
}
