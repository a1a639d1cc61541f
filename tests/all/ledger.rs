//! The ledger of missing keys, against counts that the test keeps while it writes the mail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::facts::Settings;
use mailseal::jobs::count::{Amount, Count, Counted, count};
use mailseal::jobs::given::Given;
use mailseal::limits::Limits;
use mailseal::pipeline::{self, Machine};
use mailseal::pki::keyring::{Keyring, Passwords};
use mailseal::report::Cells;

use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::mail::Headers;
use crate::toolkit::{keys, mail, people};

fn from_alice() -> Headers {
    Headers::new("Alice <alice@example.com>", "Meeting", people::SENT_DATE)
}

/// Eight people, RSA and elliptic curves; their keys are nobody else's.
fn everybody() -> Vec<Holder> {
    let keys = [
        "rsa2048-3",
        "rsa2048-4",
        "rsa2048-5",
        "rsa2048-6",
        "p256-1",
        "p256-2",
        "p384-1",
        "x25519-1",
    ];
    let person = |(n, key): (usize, &&str)| {
        people::person(&format!("person{n}"), 700 + u64::try_from(n).unwrap(), key)
    };
    keys.iter().enumerate().map(person).collect()
}

/// One encrypted part: for whom, by what name.
#[derive(Clone)]
struct Layer {
    to: Vec<(usize, bool)>,
}

/// A mail, and its closed layers' recipients once some keys are there.
struct Mail {
    bytes: Vec<u8>,
    layers: Vec<Layer>,
    /// The first layer is around the second.
    nested: bool,
}

fn sealed(people: &[Holder], layer: &Layer, inside: &[u8]) -> Vec<u8> {
    let mut encrypt = Encrypt::new(inside, CipherAlgorithm::Aes128Cbc);
    for (person, by_key) in &layer.to {
        let to = To::new(&people[*person]);
        encrypt = encrypt.to(if *by_key { to.by_key_identifier() } else { to });
    }
    mail::pkcs7_mime("enveloped-data", &encrypt.encode())
}

/// 120 mails, so that everybody gets a different number.
fn mails(people: &[Holder]) -> Vec<Mail> {
    let mut mails = Vec::new();
    for n in 0_usize..120 {
        let text = mail::text(&"some words\n".repeat(1 + n * 7 % 31));
        let first = (n * n + n / 7) % people.len();
        let second = (n / 3) % people.len();
        let one = Layer {
            to: vec![(first, n % 5 == 0)],
        };
        let both = Layer {
            to: vec![(first, false), (second, true)],
        };
        let other = Layer {
            to: vec![(second, false)],
        };
        let (layers, nested, entity) = match n % 6 {
            0 | 1 => {
                let entity = sealed(people, &one, &text);
                (vec![one], false, entity)
            }
            2 => {
                let entity = sealed(people, &both, &text);
                (vec![both], false, entity)
            }
            // Two parts, both for the first: one message all the same.
            3 => {
                let parts = [sealed(people, &one, &text), sealed(people, &both, &text)];
                let entity = mail::multipart("mixed", "two", &[&parts[0], &parts[1]]);
                (vec![one, both], false, entity)
            }
            // What is inside is asked for when the outside is open.
            4 => {
                let inner = sealed(people, &other, &text);
                let entity = sealed(people, &one, &inner);
                (vec![one, other], true, entity)
            }
            _ => (Vec::new(), false, text),
        };
        mails.push(Mail {
            bytes: mail::message(&from_alice(), &entity),
            layers,
            nested,
        });
    }
    mails
}

type Key = (usize, bool);

/// What is missing with these keys: for each name messages and bytes.
fn expected(mails: &[Mail], held: &BTreeSet<usize>) -> BTreeMap<Key, (u64, u64)> {
    let opens = |layer: &Layer| layer.to.iter().any(|(person, _)| held.contains(person));
    let mut missing: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    for mail in mails {
        let mut asked = BTreeSet::new();
        for layer in &mail.layers {
            if !opens(layer) {
                asked.extend(layer.to.iter().copied());
                if mail.nested {
                    break;
                }
            }
        }
        for key in asked {
            let sums = missing.entry(key).or_default();
            sums.0 += 1;
            sums.1 += u64::try_from(mail.bytes.len()).unwrap();
        }
    }
    missing
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A row as it should be, but for issuer and place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    serial: String,
    ski: String,
    certificates: String,
    addresses: String,
    messages: u64,
    bytes: u64,
}

fn expected_rows(
    people: &[Holder],
    missing: &BTreeMap<Key, (u64, u64)>,
    known: &BTreeSet<usize>,
) -> Vec<Row> {
    let row = |((person, by_key), (messages, bytes)): (&Key, &(u64, u64))| {
        let holder = &people[*person];
        let known = known.contains(person);
        Row {
            serial: match by_key {
                true => String::new(),
                false => format!("{:04x}", 700 + person),
            },
            ski: match by_key {
                true => hex(&mailseal::crypto::digest::sha1(&keys::public_octets(
                    &holder.key().public_spki(),
                ))),
                false => String::new(),
            },
            certificates: if known {
                hex(&holder.sha256())
            } else {
                String::new()
            },
            addresses: if known {
                format!("person{person}@example.com")
            } else {
                String::new()
            },
            messages: *messages,
            bytes: *bytes,
        }
    };
    let mut rows: Vec<Row> = missing.iter().map(row).collect();
    rows.sort();
    rows
}

/// The rows of a table, and that the most valuable stand first.
fn rows(table: &[u8]) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(table);
    let all: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let mut rows = Vec::new();
    for row in &all {
        assert_eq!(row["issuer"].is_empty(), row["serial"].is_empty());
        assert!(
            ["rsa_v15", "ecdh", "x25519"].contains(&row["kinds"].as_str()),
            "{row:?}"
        );
        rows.push(Row {
            serial: row["serial"].clone(),
            ski: row["ski"].clone(),
            certificates: row["certificates"].clone(),
            addresses: row["addresses"].clone(),
            messages: row["messages"].parse().unwrap(),
            bytes: row["bytes"].parse().unwrap(),
        });
    }
    let ranks: Vec<_> = rows.iter().map(|row| row.messages).collect();
    assert!(ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
    rows.sort();
    rows
}

fn counted(archive: &Path, folder: Option<&Path>, certificates: &Given, threads: usize) -> Counted {
    let limits = Limits::default();
    let keys = match folder {
        Some(folder) => Keyring::load(&[folder.to_owned()], &Passwords::none(), &limits)
            .map(|loaded| loaded.0)
            .unwrap(),
        None => Keyring::empty(),
    };
    let workers = pipeline::threads(threads).unwrap();
    let machine = Machine {
        threads: &workers,
        memory_bytes: 64 << 20,
        stop: &AtomicBool::new(false),
    };
    let wanted = Count {
        archives: &[archive.to_owned()],
        keys: &keys,
        certificates,
        cells: Cells {
            raw: false,
            text_chars: limits.text_chars,
        },
        settings: Settings { all: false, limits },
    };
    count(&wanted, &machine, &mut |_, _| ()).unwrap()
}

#[test]
fn c_21_withheld_keys_are_named_with_exact_counts_by_audit_judge_and_count() {
    let people = everybody();
    let mails = mails(&people);
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("archive");
    let bytes: Vec<Vec<u8>> = mails.iter().map(|mail| mail.bytes.clone()).collect();
    mail::emls(&archive, &bytes);
    let mut tables = BTreeSet::new();
    for withheld in [&[][..], &[3], &[0, 4, 7], &[0, 1, 2, 3, 4, 5, 6, 7]] {
        let held: BTreeSet<usize> = (0..people.len())
            .filter(|n| !withheld.contains(n))
            .collect();
        let messages: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        // The certificates of the first four are at hand, and nobody else's but those beside the keys.
        let mut audit = Audit::of(&messages);
        for person in &people[..4] {
            audit = audit.certificate(&person.certificate);
        }
        for person in &held {
            audit = audit.key(&people[*person]);
        }
        let name = format!("report-{}", withheld.len());
        let target = place.path().join(&name);
        let report = audit.report(&[archive.clone()], &target, 1);
        let table = fs::read(report.join("missing-keys.csv")).unwrap();
        let known = held.iter().copied().chain(0..4).collect();
        let missing = expected(&mails, &held);
        let named: BTreeSet<usize> = missing.keys().map(|(person, _)| *person).collect();
        assert!(named.iter().all(|person| withheld.contains(person)));
        assert_eq!(
            named.len(),
            withheld.len(),
            "a key that nothing asks for tests nothing"
        );
        assert_eq!(
            rows(&table),
            expected_rows(&people, &missing, &known),
            "{withheld:?}"
        );
        // The same bytes from more threads, from the kept facts, and without a report.
        let target = place.path().join(format!("{name}-8"));
        let parallel = audit.report(&[archive.clone()], &target, 8);
        assert!(fs::read(parallel.join("missing-keys.csv")).unwrap() == table);
        let again = audit.judge(&report, &place.path().join(format!("{name}-judged")), 2);
        assert!(fs::read(again.join("missing-keys.csv")).unwrap() == table);
        let folder: PathBuf = place.path().join(&name).with_extension("keys");
        let folder = (!held.is_empty()).then_some(folder.as_path());
        let given = Given {
            certificates: people[..4]
                .iter()
                .map(|person| (person.sha256(), person.certificate.clone()))
                .collect(),
            ..Given::default()
        };
        for threads in [1, 8] {
            let counted = counted(&archive, folder, &given, threads);
            assert!(counted.table == table, "{withheld:?}, {threads} threads");
            let totals = counted.totals;
            assert_eq!(totals.read, 120);
            assert_eq!(totals.encrypted.messages, 100);
            assert_eq!(totals.keys, u64::try_from(missing.len()).unwrap());
            let closed: Vec<_> = mails.iter().filter(|mail| is_closed(mail, &held)).collect();
            let sum = Amount {
                messages: u64::try_from(closed.len()).unwrap(),
                bytes: closed
                    .iter()
                    .map(|mail| u64::try_from(mail.bytes.len()).unwrap())
                    .sum(),
            };
            assert_eq!(totals.closed, sum);
            // All keys together open all that is closed and names one.
            assert_eq!(
                totals
                    .together
                    .last()
                    .map(|(_, all)| *all)
                    .unwrap_or_default(),
                sum
            );
            assert!(!totals.incomplete);
        }
        // The manifest vouches for the table as for the others.
        let manifest = fs::read_to_string(report.join("manifest-sha256.txt")).unwrap();
        let digest = hex(&mailseal::crypto::digest::sha256(&table));
        assert!(
            manifest.contains(&format!("{digest}  missing-keys.csv")),
            "{manifest}"
        );
        tables.insert(table);
    }
    assert_eq!(tables.len(), 4, "the tables do not depend on the keys");
}

fn is_closed(mail: &Mail, held: &BTreeSet<usize>) -> bool {
    let opens = |layer: &Layer| layer.to.iter().any(|(person, _)| held.contains(person));
    !mail.layers.iter().all(opens)
}

#[test]
fn a_sender_who_signed_before_is_known_as_recipient_and_damage_asks_for_no_key() {
    let people = everybody();
    let layer = Layer {
        to: vec![(1, false)],
    };
    let text = mail::text("text");
    let closed = mail::message(&from_alice(), &sealed(&people, &layer, &text));
    let signature = signed_by(&people[1], &text, people::sent());
    let signed = mail::message(&from_alice(), &mail::multipart_signed(&text, &signature));
    // The key is there, and what it was given is damaged: no other key would help.
    let damaged = Encrypt::new(&text, CipherAlgorithm::Aes128Cbc)
        .to(To::new(&people[2]).damaged())
        .encode();
    let damaged = mail::pkcs7_mime("enveloped-data", &damaged);
    let damaged = mail::message(&from_alice(), &damaged);
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("archive");
    let messages = [closed.clone(), signed, damaged];
    mail::emls(&archive, &messages);
    let audit = Audit::of(&[&closed]).key(&people[2]);
    let report = audit.report(&[archive], &place.path().join("report"), 1);
    let table = fs::read(report.join("missing-keys.csv")).unwrap();
    let bytes = u64::try_from(closed.len()).unwrap();
    let missing = BTreeMap::from([((1, false), (1, bytes))]);
    let known = BTreeSet::from([1]);
    assert_eq!(rows(&table), expected_rows(&people, &missing, &known));
}
