//! `missing-keys.csv`: withholding some of the keys names exactly those, with exact counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::sha256;
use mailseal::facts::Settings;
use mailseal::jobs::count::{Amount, Count, Counted, count};
use mailseal::jobs::given::{Given, Wanted};
use mailseal::limits::Limits;
use mailseal::pipeline::{self, Machine};
use mailseal::pki::keyring::{Keyring, Passwords};
use mailseal::pki::x509::Certificate;
use mailseal::report::Cells;
use serde_json::Value;

use crate::program::{AT, Workplace, ended, mbox, pem};
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;

/// Somebody, and whether recipients name them by key identifier.
struct Person {
    name: &'static str,
    holder: Holder,
    by_key: bool,
}

fn cast() -> Vec<Person> {
    let all = [
        ("ann", "rsa2048-3", false),
        ("ben", "p256-1", false),
        ("cyd", "rsa2048-4", false),
        ("dan", "rsa2048-5", true),
        ("eve", "p256-2", true),
    ];
    let person = |(serial, (name, key, by_key))| Person {
        name,
        holder: people::person(name, serial, key),
        by_key,
    };
    (500..).zip(all).map(person).collect()
}

/// Who gets message `n`: every combination comes up, some more often.
fn recipients(n: usize) -> Vec<usize> {
    let bits = 1 + n % 31;
    (0..5).filter(|person| bits & (1 << person) != 0).collect()
}

const MESSAGES: usize = 70;

fn messages(cast: &[Person]) -> Vec<Vec<u8>> {
    (0..MESSAGES)
        .map(|n| {
            let content = mail::text(&"Some figures.\n".repeat(1 + n % 9));
            let mut encrypted = Encrypt::new(&content, CipherAlgorithm::Aes128Cbc);
            for person in recipients(n) {
                let to = To::new(&cast[person].holder);
                encrypted = encrypted.to(if cast[person].by_key {
                    to.by_key_identifier()
                } else {
                    to
                });
            }
            message(n, &mail::pkcs7_mime("enveloped-data", &encrypted.encode()))
        })
        .collect()
}

fn message(n: usize, entity: &[u8]) -> Vec<u8> {
    let headers = Headers::new("Ann <ann@example.com>", "Figures", people::SENT_DATE)
        .set("Message-ID", &format!("<{n}@example.com>"));
    mail::message(&headers, entity)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What the table must say of these messages when these people's keys are there, but for issuer and certificates: identifier to messages
/// and bytes.
fn expected(
    cast: &[Person],
    lengths: &[u64],
    given: &[usize],
) -> BTreeMap<(String, String), (u64, u64)> {
    let mut rows = BTreeMap::new();
    for (n, length) in lengths.iter().enumerate() {
        let named = recipients(n);
        if named.iter().any(|person| given.contains(person)) {
            continue;
        }
        for person in named {
            let Person { holder, by_key, .. } = &cast[person];
            let certificate = Certificate::read(&holder.certificate).unwrap();
            let name = if *by_key {
                (String::new(), hex(&holder.party.key_identifier()))
            } else {
                (hex(certificate.serial.minimal()), String::new())
            };
            let row: &mut (u64, u64) = rows.entry(name).or_default();
            row.0 += 1;
            row.1 += length;
        }
    }
    rows
}

fn place(cast: &[Person], archive: &[Vec<u8>]) -> Workplace {
    let place = Workplace::new();
    place.write("mail.mbox", mbox(archive));
    for person in cast {
        let text = pem("PRIVATE KEY", &keys::pkcs8(person.holder.key()))
            + &pem("CERTIFICATE", &person.holder.certificate);
        place.write(format!("keys/{}.pem", person.name), text);
    }
    place
}

fn lengths(place: &Workplace, report: &str) -> Vec<u64> {
    let messages = place.messages(report);
    let encrypted = messages
        .iter()
        .filter(|message| !message["decryption"].is_null());
    encrypted
        .map(|message| message["length"].as_u64().unwrap())
        .collect()
}

#[test]
fn withholding_keys_names_exactly_those_with_exact_counts() {
    let cast = cast();
    let mut archive = messages(&cast);
    // Ann's certificate is in a mail of hers, Ben's in none.
    let signed = signed_by(&cast[0].holder, &mail::text("Hello\n"), people::sent());
    archive.push(message(MESSAGES, &mail::pkcs7_mime("signed-data", &signed)));
    let place = place(&cast, &archive);
    place
        .run(&["audit", "mail.mbox", "-o", "none", "-q", AT])
        .code(0);
    let lengths = lengths(&place, "none");
    assert_eq!(lengths.len(), MESSAGES);
    let mut reports = 0;
    for withheld in [
        vec![],
        vec![0],
        vec![3],
        vec![1, 4],
        vec![0, 2, 3],
        vec![0, 1, 2, 3, 4],
    ] {
        let given: Vec<usize> = (0..5).filter(|person| !withheld.contains(person)).collect();
        let report = format!("report-{reports}");
        let files: Vec<String> = given
            .iter()
            .map(|person| format!("--keys=keys/{}.pem", cast[*person].name))
            .collect();
        let mut arguments = vec!["audit", "mail.mbox", "-o", &report, "-q", AT];
        arguments.extend(files.iter().map(String::as_str));
        place.run(&arguments).code(0);
        let table = place.table(&report, "missing-keys.csv");
        let seen: BTreeMap<_, _> = table
            .iter()
            .map(|row| {
                let number = |column: &str| row[column].parse::<u64>().unwrap();
                let name = (row["serial"].clone(), row["ski"].clone());
                (name, (number("messages"), number("bytes")))
            })
            .collect();
        assert_eq!(seen.len(), table.len(), "a key has two rows: {table:?}");
        assert_eq!(seen, expected(&cast, &lengths, &given), "{withheld:?}");
        assert_eq!(seen.len(), withheld.len(), "{withheld:?}: {table:?}");
        let counts: Vec<u64> = table
            .iter()
            .map(|row| row["messages"].parse().unwrap())
            .collect();
        assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
        for row in &table {
            let person = cast
                .iter()
                .find(|person| {
                    row["serial"]
                        == hex(Certificate::read(&person.holder.certificate)
                            .unwrap()
                            .serial
                            .minimal())
                        || row["ski"] == hex(&person.holder.party.key_identifier())
                })
                .unwrap();
            let known = person.name == "ann";
            let (certificate, address) = match known {
                true => (hex(&sha256(&person.holder.certificate)), "ann@example.com"),
                false => (String::new(), ""),
            };
            assert_eq!(
                (row["certificates"].as_str(), row["addresses"].as_str()),
                (certificate.as_str(), address)
            );
            let kind = if person.name == "ben" || person.name == "eve" {
                "ecdh"
            } else {
                "rsa_v15"
            };
            assert_eq!(row["kinds"], kind);
        }
        reports += 1;
    }
    assert_eq!(reports, 6);
    // The same from kept facts, and with certificates that were given.
    place
        .run(&["judge", "none", "-o", "again", "-q", AT])
        .code(0);
    assert_eq!(
        place.report("again")["missing-keys.csv"],
        place.report("none")["missing-keys.csv"]
    );
    place
        .run(&["judge", "none", "-o", "named", "-q", AT, "--certs", "keys"])
        .code(0);
    let named = place.table("named", "missing-keys.csv");
    let addresses: BTreeSet<_> = named.iter().map(|row| row["addresses"].as_str()).collect();
    assert_eq!(addresses.len(), 5, "{named:?}");
}

fn counted(archives: &[PathBuf], keys: &Keyring, certificates: &Given, threads: usize) -> Counted {
    let limits = Limits::default();
    let workers = pipeline::threads(threads).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 64 << 20,
        stop: &stop,
    };
    let wanted = Count {
        archives,
        keys,
        certificates,
        cells: Cells {
            raw: false,
            text_chars: limits.text_chars,
        },
        settings: Settings {
            all: false,
            limits,
            ..Settings::default()
        },
    };
    count(&wanted, &machine, &mut |_, _| {}).unwrap()
}

#[test]
fn counting_needs_no_key_and_gives_the_table_of_an_audit() {
    let cast = cast();
    let mut archive = messages(&cast);
    archive.push(message(99, &mail::text("not for anybody\n")));
    let place = place(&cast, &archive);
    let archives = [place.join("mail.mbox")];
    let limits = Limits::default();
    let given = Given::load(&[place.join("keys/ben.pem")], Wanted::Certificates, &limits).unwrap();
    let one = counted(&archives, &Keyring::empty(), &given, 1);
    let two = counted(&archives, &Keyring::empty(), &given, 2);
    assert_eq!(one, two);
    place
        .run(&[
            "audit",
            "mail.mbox",
            "-o",
            "report",
            "-q",
            AT,
            "--certs=keys/ben.pem",
        ])
        .code(0);
    assert_eq!(place.report("report")["missing-keys.csv"], one.table);
    let lengths = lengths(&place, "report");
    let all = Amount {
        messages: 70,
        bytes: lengths.iter().sum(),
    };
    let totals = &one.totals;
    assert_eq!(
        (totals.read, totals.encrypted, totals.closed, totals.keys),
        (71, all, all, 5)
    );
    assert_eq!(totals.unnamed, Amount::default());
    // Together all keys open everything, and each step more than the one before, or as much.
    let keys: Vec<u64> = totals.together.iter().map(|(keys, _)| *keys).collect();
    assert_eq!(keys, [1, 2, 5]);
    assert_eq!(totals.together[2].1, all);
    let ranked: Vec<usize> = {
        let expected = expected(&cast, &lengths, &[]);
        let most = |person: &usize| {
            let serial = hex(Certificate::read(&cast[*person].holder.certificate)
                .unwrap()
                .serial
                .minimal());
            let ski = hex(&cast[*person].holder.party.key_identifier());
            let row = expected
                .get(&(serial, String::new()))
                .or(expected.get(&(String::new(), ski)));
            std::cmp::Reverse(row.unwrap().0)
        };
        let mut people: Vec<usize> = (0..5).collect();
        people.sort_by_key(most);
        people
    };
    let first = (0..MESSAGES)
        .filter(|n| recipients(*n).contains(&ranked[0]))
        .count() as u64;
    assert_eq!(totals.together[0].1.messages, first);
    // With keys only what they don't open.
    let keys = Keyring::load(&[place.join("keys/ann.pem")], &Passwords::none(), &limits)
        .unwrap()
        .0;
    let rest = counted(&archives, &keys, &given, 2);
    let open = (0..MESSAGES)
        .filter(|n| recipients(*n).contains(&0))
        .count() as u64;
    assert_eq!(rest.totals.closed.messages, 70 - open);
    assert_eq!((rest.totals.encrypted, rest.totals.keys), (all, 4));
    let lines = rest.totals.lines().join("\n");
    assert!(
        lines.contains("without key") && lines.contains("first 1 "),
        "{lines}"
    );
}

/// Mail made with known content; `MAILSEAL_CORPUS` names its folder. Absent: the test says so and passes.
#[test]
fn a_made_archive_misses_what_its_truth_says() {
    let Some(corpus) = std::env::var_os("MAILSEAL_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: MAILSEAL_CORPUS names no folder");
        return;
    };
    let text = fs::read_to_string(corpus.join("truth.jsonl")).unwrap();
    let truth: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let people: Value =
        serde_json::from_slice(&fs::read(corpus.join("pki/people.json")).unwrap()).unwrap();
    let owners: Vec<String> = people["people"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|person| person["owner"].as_bool().unwrap())
        .map(|person| person["address"].as_str().unwrap().to_owned())
        .collect();
    assert!(owners.len() >= 4, "{owners:?}");
    let limits = Limits::default();
    let certificates =
        Given::load(&[corpus.join("pki/certs")], Wanted::Certificates, &limits).unwrap();
    for withheld in 0..=owners.len() {
        let given = &owners[withheld..];
        let paths: Vec<PathBuf> = given
            .iter()
            .map(|address| key_file(&corpus, address))
            .collect();
        let password = fs::read(corpus.join("pki/p12/password")).unwrap();
        let passwords = Passwords::from_lines(&password);
        let keys = match paths.as_slice() {
            [] => Keyring::empty(),
            paths => Keyring::load(paths, &passwords, &limits).unwrap().0,
        };
        assert_eq!(keys.keys().count(), given.len());
        let counted = counted(&[corpus.join("mbox")], &keys, &certificates, 2);
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for message in &truth {
            let named: Vec<&str> = message["recipients"].as_array().map_or(vec![], |all| {
                all.iter().map(|one| one.as_str().unwrap()).collect()
            });
            if message["encryption"].is_null()
                || named.iter().any(|one| given.iter().any(|own| own == one))
            {
                continue;
            }
            for address in named {
                *expected.entry(address.to_owned()).or_default() += 1;
            }
        }
        let mut reader = csv::Reader::from_reader(counted.table.as_slice());
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for row in reader.deserialize::<BTreeMap<String, String>>() {
            let row = row.unwrap();
            // Some mails name people by key identifier, some by issuer and serial number, none by both.
            let sums = seen.entry(row["addresses"].clone()).or_default();
            *sums += row["messages"].parse::<u64>().unwrap();
        }
        assert_eq!(seen, expected, "{withheld} withheld");
        println!(
            "{withheld} withheld: {} keys are missing, {} messages closed",
            seen.len(),
            counted.totals.closed.messages
        );
    }
}

fn key_file(corpus: &Path, address: &str) -> PathBuf {
    corpus.join(format!("pki/p12/{address}.p12"))
}

/// `decrypt --count` prints what an audit with the same keys lists, and the sums beside it; it needs no key and writes nothing.
#[test]
fn what_is_printed_is_the_table_of_an_audit() {
    let cast = cast();
    let place = place(&cast, &messages(&cast));
    let before = place.names();
    let mut lengths = Vec::new();
    for (run, withheld) in [vec![0, 1, 2, 3, 4], vec![], vec![2], vec![0, 3, 4]]
        .into_iter()
        .enumerate()
    {
        let given: Vec<usize> = (0..5).filter(|person| !withheld.contains(person)).collect();
        let files: Vec<String> = given
            .iter()
            .map(|person| format!("--keys=keys/{}.pem", cast[*person].name))
            .collect();
        let files = files.iter().map(String::as_str);
        let report = format!("report-{run}");
        let mut audit = vec!["audit", "mail.mbox", "-o", &report, "-q", AT];
        audit.extend(files.clone());
        place.run(&audit).code(0);
        if lengths.is_empty() {
            lengths = self::lengths(&place, &report);
        }
        let mut count = vec!["decrypt", "mail.mbox", "--count"];
        count.extend(files);
        let counted = place.run(&count);
        counted.code(0);
        let table = place.report(&report)["missing-keys.csv"].clone();
        assert_eq!(counted.out.as_bytes(), table, "{withheld:?}");
        // Held against what the messages were made of, not only against the other command.
        let rows: BTreeMap<_, _> = csv::Reader::from_reader(counted.out.as_bytes())
            .deserialize::<BTreeMap<String, String>>()
            .map(|row| {
                let row = row.unwrap();
                let number = |column: &str| row[column].parse::<u64>().unwrap();
                let name = (row["serial"].clone(), row["ski"].clone());
                (name, (number("messages"), number("bytes")))
            })
            .collect();
        assert_eq!(rows, expected(&cast, &lengths, &given), "{withheld:?}");
        assert_eq!(rows.len(), withheld.len());
        let closed: Vec<u64> = (0..MESSAGES)
            .filter(|n| recipients(*n).iter().all(|one| withheld.contains(one)))
            .map(|n| lengths[n])
            .collect();
        let line = |name: &str| {
            let line = counted.err.lines().find(|line| line.starts_with(name));
            let line = line.unwrap_or_else(|| panic!("no {name}: {counted:?}"));
            let numbers: Vec<u64> = line
                .split_whitespace()
                .filter_map(|word| word.replace(',', "").parse().ok())
                .collect();
            numbers
        };
        let whole: u64 = lengths.iter().sum();
        assert_eq!(line("read"), [70]);
        assert_eq!(line("encrypted"), [70, whole]);
        assert_eq!(
            line("without key"),
            [closed.len() as u64, closed.iter().sum()]
        );
        assert_eq!(line("missing keys"), [withheld.len() as u64]);
        if !withheld.is_empty() {
            let all = line(&format!("first {}", withheld.len()));
            assert_eq!(all[1..], line("without key"), "{counted:?}");
        }
        fs::remove_dir_all(place.join(&report)).unwrap();
    }
    assert_eq!(place.names(), before, "it wrote something");
}

#[test]
fn the_table_goes_where_it_is_told_to() {
    let cast = cast();
    let place = place(&cast, &messages(&cast));
    let count = |more: &[&str]| place.run(&[&["decrypt", "mail.mbox", "--count"], more].concat());
    let quiet = count(&["-q"]);
    assert!(
        quiet.err.is_empty() && quiet.out.lines().count() == 6,
        "{quiet:?}"
    );
    let file = count(&["-o", "keys.csv"]);
    file.code(0);
    assert!(
        file.out.starts_with("read") && file.err.is_empty(),
        "{file:?}"
    );
    let read = || fs::read_to_string(place.join("keys.csv")).unwrap();
    assert_eq!(read(), quiet.out);
    // Nothing is replaced unless asked for.
    place.write("keys.csv", "mine");
    count(&["-o", "keys.csv"])
        .code(5)
        .says(&["keys.csv: exists already"]);
    assert_eq!(read(), "mine");
    count(&["-o", "keys.csv", "--force", "-q"]).code(0);
    assert_eq!(read(), quiet.out);
    let mut from_pipe = place.command(&["decrypt", "-", "--count", "-q"]);
    from_pipe.pipe_stdin(place.join("mail.mbox")).unwrap();
    assert_eq!(ended(&mut from_pipe).code(0).out, quiet.out);
    place
        .run(&["decrypt", "nowhere", "--count"])
        .code(5)
        .says(&["nowhere: cannot be read"]);
}
