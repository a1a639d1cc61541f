//! `mailseal keys`: what it lists, and how it ends.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::program::{Workplace, pem};
use crate::toolkit::keys as committed;
use crate::toolkit::people;

fn rows(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_file_is_listed_with_what_it_holds() {
    let place = Workplace::with_pki();
    let (bob, carol) = (people::bob(), people::carol());
    place.write("keys/b.key", committed::pkcs8(bob.key()));
    place.write("keys/b.cer", &bob.certificate);
    place.write("keys/c.key", committed::pkcs8(carol.key()));
    place.write("keys/notes.txt", "no key");
    let arguments = ["keys", "keys", "--passwords=passwords.txt", "--no-cache"];
    let table = place.run(&arguments).code(0).out.clone();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("file  "), "{table}");
    let columns: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(columns, mailseal::report::keys::COLUMNS);
    assert!(!table.contains("notes.txt"), "{table}");
    let json = place
        .run(&[&arguments[..], &["--json"]].concat())
        .code(0)
        .out
        .clone();
    let rows = rows(&json);
    let of = |file: &str| {
        rows.iter()
            .filter(|row| row["file"].as_str().unwrap().ends_with(file))
            .collect::<Vec<_>>()
    };
    let alice = of("alice.p12");
    assert_eq!(alice[0]["kind"], "pkcs12");
    assert_eq!(
        (&alice[0]["holds"], &alice[0]["password"]),
        (&"key".into(), &"2".into())
    );
    // The key's certificate is in another file.
    let key = of("b.key");
    assert_eq!(key.len(), 1);
    assert_eq!(key[0]["addresses"][0], "bob@example.com");
    assert_eq!(
        (&key[0]["serial"], &key[0]["password"]),
        (&"65".into(), &"none needed".into())
    );
    assert_eq!(key[0]["not_after"].as_str().unwrap().get(..4), Some("2030"));
    assert_eq!(of("b.cer")[0]["holds"], "certificate");
    // Nobody's certificate: the identifier is that of the key.
    let bare = of("c.key");
    let ski: String = carol
        .party
        .key_identifier()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(
        (&bare[0]["ski"], bare[0].get("subject")),
        (&ski.into(), None)
    );
    let sorted = rows.is_sorted_by_key(|row| row["file"].as_str().unwrap().to_owned());
    assert!(sorted, "{json}");
    // Equal for any number of threads.
    let one = place
        .run(&[&arguments[..], &["--threads=1"]].concat())
        .out
        .clone();
    assert_eq!(table, one);
}

#[test]
fn useless_files_have_a_reason_and_the_exit_code_tells() {
    let place = Workplace::with_pki();
    let alice = fs::read(place.join("keys/alice.p12")).unwrap();
    let run = |path: &str, code: i32, passwords: &str| {
        let argument = format!("--passwords={passwords}");
        let ran = place.run(&["keys", path, &argument, "--json", "--no-cache"]);
        rows(&ran.code(code).out)
    };
    place.write("some/alice.p12", &alice);
    place.write("some/short.p12", &alice[..alice.len() / 2]);
    place.write("some/ssh.pem", pem("OPENSSH PRIVATE KEY", b"x"));
    let some = run("some", 3, "passwords.txt");
    let problems: Vec<&str> = some
        .iter()
        .filter_map(|row| row["problem"].as_str())
        .collect();
    assert_eq!(
        problems,
        [
            "is damaged",
            "needs OPENSSH PRIVATE KEY, which is not supported"
        ]
    );
    place.write("bad.txt", "nothing\n");
    let none = run("keys", 5, "bad.txt");
    assert_eq!(none[0]["problem"], "no password given opens it");
    assert_eq!(
        (&none[0]["password"], &none[0]["holds"]),
        (&"none fits".into(), &"nothing".into())
    );
    place.write("empty/notes.txt", "nothing");
    assert!(run("empty", 5, "passwords.txt").is_empty());
    place.run(&["keys", "nowhere"]).code(5).says(&["nowhere"]);
    place.run(&["keys"]).code(2);
}

#[test]
fn a_name_in_a_certificate_moves_nothing_on_the_screen() {
    let place = Workplace::new();
    let mallory = people::issued(
        "\u{1b}]0;title\u{7}\u{202e}",
        "p256-3",
        &crate::toolkit::certificates::Wanted::mail(7, "m@example.com"),
    );
    let text = pem("PRIVATE KEY", &committed::pkcs8(mallory.key()))
        + &pem("CERTIFICATE", &mallory.certificate);
    place.write("a.pem", text);
    let ran = place.run(&["keys", "a.pem"]);
    let out = &ran.code(0).out;
    assert!(out.contains("\\1B]0\\;title\\07\\u{202e}"), "{out}");
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out}");
}

/// Formats that other programs write, each with a password of its own, listed by one command.
#[test]
fn folders_of_files_with_a_password_each_are_opened() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let place = Workplace::new();
    fs::create_dir(place.join("keys")).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(place.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text)
    };
    let cases: &[&[&str]] = &[
        &[],
        &["-legacy"],
        &["-nomac"],
        &[
            "-legacy",
            "-certpbe",
            "PBE-SHA1-RC2-40",
            "-keypbe",
            "PBE-SHA1-3DES",
        ],
        &[
            "-certpbe",
            "AES-256-CBC",
            "-keypbe",
            "AES-128-CBC",
            "-macalg",
            "sha512",
        ],
        &["-pbmac1_pbkdf2"],
    ];
    let mut passwords = String::new();
    let mut made = Vec::new();
    for (n, options) in cases.iter().enumerate() {
        let subject = format!("/CN=Person {n}/emailAddress=p{n}@example.com");
        let (done, text) = openssl(&[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem",
            "-days", "30", "-subj", &subject,
        ]);
        assert!(done, "{text}");
        let (file, password) = (format!("keys/{n}.p12"), format!("pass:secret {n}"));
        let mut arguments = vec![
            "pkcs12", "-export", "-inkey", "k.pem", "-in", "c.pem", "-out", &file, "-passout",
            &password,
        ];
        arguments.extend(*options);
        let (done, text) = openssl(&arguments);
        if !done && options.contains(&"-pbmac1_pbkdf2") {
            eprintln!(
                "skipped: this openssl has no PBMAC1 ({})",
                text.lines().next().unwrap_or_default()
            );
            let _ = fs::remove_file(place.join(&file));
            continue;
        }
        assert!(done, "{options:?}: {text}");
        passwords += &format!("secret {n}\n");
        made.push(n);
    }
    // A traditional and a PKCS #8 key under a password, in one more file each.
    for (n, form) in [(6, "-traditional"), (7, "-noout")] {
        let mut arguments = vec![
            "rsa",
            "-in",
            "k.pem",
            "-aes128",
            "-passout",
            "pass:secret 9",
            "-out",
        ];
        let file = format!("keys/{n}.pem");
        arguments.push(&file);
        if form == "-traditional" {
            arguments.push(form);
        }
        let (done, text) = openssl(&arguments);
        assert!(done, "{text}");
    }
    passwords += "secret 9\n";
    place.write("passwords.txt", &passwords);
    let ran = place.run(&[
        "keys",
        "keys",
        "--passwords=passwords.txt",
        "--json",
        "--no-cache",
    ]);
    let rows = rows(&ran.code(0).out);
    for (number, n) in (1..).zip(&made) {
        let file = format!("{n}.p12");
        let row = rows
            .iter()
            .find(|row| row["file"].as_str().unwrap().ends_with(&file))
            .unwrap();
        assert_eq!(row["password"], number.to_string(), "{row}");
        assert_eq!(row["addresses"][0], format!("p{n}@example.com"), "{row}");
        assert_eq!(row["holds"], "key", "{row}");
    }
    for n in [6, 7] {
        let file = format!("{n}.pem");
        let row = rows
            .iter()
            .find(|row| row["file"].as_str().unwrap().ends_with(&file))
            .unwrap();
        assert_eq!(row["password"], (made.len() + 1).to_string(), "{row}");
    }
}
