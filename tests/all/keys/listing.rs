//! `mailseal keys`, and the index that saves reading the files again: what it lists, and that nothing depends on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use mailseal::crypto::digest::sha256;
use mailseal::limits::Limits;
use mailseal::pki::keyring::{KeyFiles, Keyring, Passwords, UnlockError};
use serde_json::Value;

use crate::program::{AT, Ran, Workplace, encrypted, mbox, names};

/// A change within this before an index was written might not show.
const SETTLED: Duration = Duration::from_millis(2_300);

fn openssl(place: &Workplace, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(place.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

fn has_openssl() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    if !there {
        eprintln!("skipped: no openssl");
    }
    there
}

/// `pairs/NAME.key` and `pairs/NAME.crt`, in PEM, for `NAME@example.com`.
fn pair(place: &Workplace, name: &str) {
    fs::create_dir_all(place.join("pairs")).unwrap();
    let subject = format!("/O=Example/CN={name}");
    let address = format!("subjectAltName=email:{name}@example.com");
    let (key, crt) = (format!("pairs/{name}.key"), format!("pairs/{name}.crt"));
    let mut arguments = vec!["req", "-x509", "-nodes", "-days", "30", "-subj", &subject];
    arguments.extend(["-addext", &address, "-keyout", &key, "-out", &crt]);
    arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl(place, &arguments);
}

/// `keys/NAME.p12` of a new pair.
fn export(place: &Workplace, name: &str, password: &str, options: &[&str]) {
    pair(place, name);
    fs::create_dir_all(place.join("keys")).unwrap();
    let (key, crt) = (format!("pairs/{name}.key"), format!("pairs/{name}.crt"));
    let (out, password) = (format!("keys/{name}.p12"), format!("pass:{password}"));
    let mut arguments = vec!["pkcs12", "-export", "-inkey", &key, "-in", &crt];
    arguments.extend(["-out", &out, "-passout", &password]);
    arguments.extend(options);
    openssl(place, &arguments);
}

/// The rows of `mailseal keys --json`.
fn rows(ran: &Ran) -> Vec<Value> {
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What openssl says of a certificate.
fn told_by_openssl(place: &Workplace, name: &str, what: &str) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-in", &format!("pairs/{name}.crt")])
        .args(what.split(' '))
        .current_dir(place.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
    let value = text
        .rsplit(['=', '\n'])
        .find(|part| !part.trim().is_empty());
    value.unwrap().replace([':', ' '], "")
}

#[test]
fn d_27_what_openssl_wrote_is_listed_with_its_names_and_what_is_wrong_with_each_file() {
    if !has_openssl() {
        return;
    }
    let place = Workplace::new();
    place.write("passwords.txt", "first\nsecond\nthird\n");
    export(&place, "modern", "second", &[]);
    export(&place, "legacy", "first", &["-legacy"]);
    let rc2 = [
        "-legacy",
        "-certpbe",
        "PBE-SHA1-RC2-40",
        "-keypbe",
        "PBE-SHA1-RC2-40",
    ];
    export(&place, "rc2", "third", &rc2);
    export(&place, "unmaced", "third", &["-nomac"]);
    let open = ["-nomac", "-keypbe", "NONE", "-certpbe", "NONE"];
    export(&place, "open", "", &open);
    export(&place, "empty", "", &[]);
    // PEM, DER, PKCS #8 with and without a password; the certificate beside or in another file.
    for name in ["pem", "der", "locked"] {
        pair(&place, name);
    }
    let both = ["pairs/pem.key", "pairs/pem.crt"].map(|name| fs::read(place.join(name)).unwrap());
    place.write("keys/pem.pem", both.concat());
    let der = [
        "-outform",
        "DER",
        "-in",
        "pairs/der.crt",
        "-out",
        "keys/der.cer",
    ];
    openssl(&place, &[&["x509"], &der[..]].concat());
    let der = [
        "-topk8",
        "-nocrypt",
        "-outform",
        "DER",
        "-in",
        "pairs/der.key",
    ];
    openssl(
        &place,
        &[&["pkcs8"], &der[..], &["-out", "keys/der.p8"]].concat(),
    );
    let locked = [
        "-topk8",
        "-in",
        "pairs/locked.key",
        "-out",
        "keys/locked.p8",
    ];
    openssl(
        &place,
        &[&["pkcs8"], &locked[..], &["-passout", "pass:second"]].concat(),
    );
    place.write("keys/readme.txt", "no key");
    let arguments = ["keys", "keys", "--passwords", "passwords.txt", "--json"];
    let ran = place.run(&arguments);
    ran.code(0);
    assert_eq!(ran.err, "");
    let good = rows(&ran);
    let keys = |rows: &[Value]| -> Vec<(String, String, String)> {
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let row = |row: &Value| (text(row, "file"), text(row, "holds"), text(row, "password"));
        rows.iter().map(row).collect()
    };
    let expected = [
        ("keys/der.cer", "certificate", "none needed"),
        ("keys/der.p8", "key", "none needed"),
        ("keys/empty.p12", "key", "empty"),
        ("keys/legacy.p12", "key", "1"),
        ("keys/locked.p8", "key", "2"),
        ("keys/modern.p12", "key", "2"),
        ("keys/open.p12", "key", "none needed"),
        ("keys/pem.pem", "key", "none needed"),
        ("keys/rc2.p12", "key", "3"),
        ("keys/unmaced.p12", "key", "3"),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(keys(&good), expected);
    for row in &good {
        let file = Path::new(row["file"].as_str().unwrap());
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert_eq!(row.get("problem"), None, "{row}");
        if name == "locked" {
            // No certificate of it is there: the key's own identifier is all that names it.
            assert_eq!(row.get("subject"), None);
            assert_eq!(
                row["ski"].as_str().unwrap(),
                told_by_openssl(&place, name, "-ext subjectKeyIdentifier").as_str()
            );
            continue;
        }
        assert_eq!(row["addresses"][0], format!("{name}@example.com"));
        assert!(
            row["subject"]
                .as_str()
                .unwrap()
                .contains(&format!("CN={name}")),
            "{row}"
        );
        assert_eq!(row["issuer"], row["subject"]);
        let serial = told_by_openssl(&place, name, "-serial");
        assert_eq!(row["serial"].as_str().unwrap(), serial, "{name}");
        assert!(row["not_after"].as_str().unwrap().ends_with('Z'));
    }
    // What can't be used is told apart, and the rest is listed all the same.
    export(&place, "other", "unknown", &[]);
    let whole = fs::read(place.join("keys/modern.p12")).unwrap();
    place.write("keys/half.p12", &whole[..whole.len() / 2]);
    let ssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n";
    place.write("keys/ssh", ssh);
    let steering = "keys/\u{1b}[2J\u{202e}.p12";
    place.write(steering, &whole[..whole.len() / 3]);
    let ran = place.run(&arguments);
    ran.code(3);
    let all = rows(&ran);
    assert_eq!(all.len(), good.len() + 4);
    let problem = |name: &str| {
        let row = all.iter().find(|row| row["file"] == name).unwrap();
        assert_eq!(row["holds"], "nothing");
        row["problem"].as_str().unwrap().to_owned()
    };
    assert_eq!(problem("keys/other.p12"), "no password given opens it");
    assert_eq!(problem("keys/half.p12"), "is damaged");
    assert!(problem("keys/ssh").contains("OPENSSH PRIVATE KEY"));
    let sorted: Vec<_> = all
        .iter()
        .map(|row| row["file"].as_str().unwrap())
        .collect();
    assert!(sorted.is_sorted(), "{sorted:?}");
    // The table moves nothing on the terminal.
    let table = place.run(&arguments[..4]);
    table.code(3);
    assert_eq!(table.out.lines().count(), all.len() + 1);
    let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!table.out.contains(steers), "{}", table.out);
    let heads: Vec<_> = table
        .out
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(heads[..3], ["file", "kind", "holds"]);
    // Nothing at all: a password that fits none, or no file.
    place
        .run(&["keys", "keys/other.p12", "keys/half.p12"])
        .code(5);
    fs::create_dir(place.join("nothing")).unwrap();
    place.run(&["keys", "nothing"]).code(5);
    place
        .run(&["keys", "not-there"])
        .code(5)
        .says(&["not-there"]);
    place.run(&["keys"]).code(2);
}

/// Some files of each kind, settled, and the passwords of all but one.
fn some_files() -> Workplace {
    let place = Workplace::new();
    place.write("passwords.txt", "first\nsecond\nthird\n");
    for (name, password) in [
        ("a", "first"),
        ("b", "second"),
        ("c", "unknown"),
        ("d", "third"),
    ] {
        export(&place, name, password, &[]);
    }
    pair(&place, "e");
    let both = ["pairs/e.key", "pairs/e.crt"].map(|name| fs::read(place.join(name)).unwrap());
    place.write("keys/e.pem", both.concat());
    thread::sleep(SETTLED);
    place
}

fn list(place: &Workplace, cache: &[&str]) -> Ran {
    let arguments = ["keys", "keys", "--passwords", "passwords.txt", "--json"];
    let ran = place.run(&[&arguments[..], cache].concat());
    ran.code(3);
    assert_eq!(ran.err, "", "{cache:?}");
    ran
}

fn index_in(folder: &Path) -> PathBuf {
    let found = names(folder);
    assert_eq!(found.len(), 1, "{found:?}");
    folder.join(&found[0])
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Writes an index with one text in place of another, and a sum that is right.
fn forge(index: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(index).unwrap();
    bytes.truncate(bytes.len() - 32);
    let mut seen = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..at + from.len()] == *from {
            bytes[at..at + from.len()].copy_from_slice(to);
            seen += 1;
        }
    }
    assert!(seen > 0);
    let sum = sha256(&bytes);
    bytes.extend_from_slice(&sum);
    fs::write(index, bytes).unwrap();
}

#[test]
fn an_index_saves_reading_and_changes_nothing() {
    if !has_openssl() {
        return;
    }
    let place = some_files();
    let cache = ["--cache", "cache"];
    let plain = list(&place, &["--no-cache"]).out;
    assert!(!place.join("cache").exists());
    assert_eq!(list(&place, &cache).out, plain, "cold");
    let folder = place.join("cache");
    let index = index_in(&folder);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&index)), (0o700, 0o600));
    let written = fs::read(&index).unwrap();
    assert_eq!(list(&place, &cache).out, plain, "warm");
    assert!(
        fs::read(&index).unwrap() == written,
        "nothing new, and written again"
    );
    // No password, and nothing of a private key.
    for secret in ["first", "second", "third"] {
        assert!(!contains(&written, secret.as_bytes()), "{secret}");
    }
    let key = fs::read(place.join("pairs/e.key")).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(&key).unwrap();
    let number = key.ec_key().unwrap().private_key().to_vec();
    assert!(!contains(&written, &number));
    assert!(
        contains(&written, b"e@example.com"),
        "what is public is there"
    );
    // It is what answers, file by file: until a file changes.
    forge(&index, b"@example.com", b"@forged1.com");
    let forged = list(&place, &cache).out;
    assert_eq!(forged, plain.replace("@example.com", "@forged1.com"));
    let touched = fs::read(place.join("keys/a.p12")).unwrap();
    fs::write(place.join("keys/a.p12"), touched).unwrap();
    let partly = list(&place, &cache).out;
    assert_eq!(partly.matches("@example.com").count(), 1, "{partly}");
    assert!(partly.contains("\"a@example.com\""), "{partly}");
    // Other passwords make it void, except for what needs none.
    place.write("passwords.txt", "second\nthird\n");
    let other = list(&place, &["--no-cache"]).out;
    assert_ne!(other, plain);
    let mixed = list(&place, &cache).out;
    assert_eq!(mixed.replace("e@forged1.com", "e@example.com"), other);
    assert!(mixed.contains("e@forged1.com"));
    place.write("passwords.txt", "first\nsecond\nthird\n");
    // What is gone is dropped.
    fs::remove_file(place.join("keys/e.pem")).unwrap();
    fs::remove_file(place.join("keys/d.p12")).unwrap();
    let fewer = list(&place, &["--no-cache"]).out;
    assert_eq!(list(&place, &cache).out, fewer);
    let written = fs::read(&index).unwrap();
    assert!(!contains(&written, b"keys/d.p12") && !contains(&written, b"d@example.com"));
    assert!(contains(&written, b"keys/b.p12"));
}

#[test]
fn a_damaged_or_foreign_index_is_written_anew_and_two_runs_at_once_do_no_harm() {
    if !has_openssl() {
        return;
    }
    let place = some_files();
    let cache = ["--cache", "cache"];
    let plain = list(&place, &["--no-cache"]).out;
    list(&place, &cache);
    let index = index_in(&place.join("cache"));
    let good = fs::read(&index).unwrap();
    let mut damaged = vec![
        Vec::new(),
        b"something else".to_vec(),
        good[..good.len() - 1].to_vec(),
    ];
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        damaged.push(flipped);
    }
    let count = damaged.len();
    for (n, bytes) in damaged.into_iter().enumerate() {
        // The sum is right in some: then the reader must see what is wrong.
        let mut bytes = bytes;
        if n % 2 == 1 && bytes.len() > 32 {
            bytes.truncate(bytes.len() - 32);
            bytes.truncate(bytes.len() - n);
            let sum = sha256(&bytes);
            bytes.extend_from_slice(&sum);
        }
        fs::write(&index, &bytes).unwrap();
        if n % 8 == 0 || n < 6 || n == count - 1 {
            assert_eq!(list(&place, &cache).out, plain, "damage {n}");
            let now = fs::read(&index).unwrap();
            assert!(now != bytes, "damage {n} was kept");
        } else {
            // The library alone is quicker than the program.
            let paths = [place.join("keys")];
            let passwords = Passwords::from_lines(b"first\nsecond\nthird\n");
            let mut files = KeyFiles::list(&paths, &passwords, &Limits::default()).unwrap();
            files.restore(&bytes, i128::MAX);
            assert_eq!(
                files
                    .unread()
                    .iter()
                    .map(|batch| batch.len())
                    .sum::<usize>(),
                5
            );
        }
    }
    // Others may have written what others may write.
    list(&place, &cache);
    forge(&index, b"@example.com", b"@forged1.com");
    fs::set_permissions(&index, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(list(&place, &cache).out, plain, "open to others");
    // No file at all.
    fs::remove_file(&index).unwrap();
    let made = Command::new("mkfifo").arg(&index).status();
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(list(&place, &cache).out, plain, "a pipe");
        assert!(fs::metadata(&index).unwrap().is_file());
    } else {
        eprintln!("skipped: no mkfifo");
    }
    // Many at once, cold and warm, and while files change.
    fs::remove_dir_all(place.join("cache")).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    assert_eq!(list(&place, &cache).out, plain);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..3 {
                let same = fs::read(place.join("keys/b.p12")).unwrap();
                let new = place.write("new", same);
                fs::rename(new, place.join("keys/b.p12")).unwrap();
            }
        });
    });
    assert_eq!(
        names(&place.join("cache")).len(),
        1,
        "something was left behind"
    );
    assert_eq!(list(&place, &cache).out, plain);
    // A cache that can't be written is told, and the list is complete.
    place.write("file", "no folder");
    let arguments = [
        "keys",
        "keys",
        "--passwords",
        "passwords.txt",
        "--json",
        "--cache",
        "file",
    ];
    let ran = place.run(&arguments);
    ran.code(3).says(&["index", "--no-cache"]);
    assert_eq!(ran.out, plain);
}

#[test]
fn reports_are_the_same_with_a_cold_index_a_warm_one_and_none() {
    let place = Workplace::with_pki();
    place.write(
        "a.mbox",
        mbox(&[encrypted("1", "text"), encrypted("2", "more")]),
    );
    thread::sleep(SETTLED);
    let audit = |report: &str, options: &[&str]| {
        let mut arguments = vec!["audit", "a.mbox", "-o", report, "-q", AT, "--keys", "keys"];
        arguments.extend(["--passwords", "passwords.txt", "--ca", "roots.pem"]);
        arguments.extend(options);
        let ran = place.run(&arguments);
        ran.code(0);
        assert_eq!(ran.err, "");
    };
    audit("none", &["--no-cache"]);
    audit("cold", &["--cache", "cache"]);
    index_in(&place.join("cache"));
    audit("warm", &["--cache", "cache"]);
    audit("parallel", &["--cache", "cache", "--threads", "8"]);
    let messages = place.messages("none");
    assert!(
        messages
            .iter()
            .all(|message| message["decryption"] == "decrypted")
    );
    for report in ["cold", "warm", "parallel"] {
        place.assert_same("none", report);
    }
    // Few files leave no index unless one is asked for.
    let arguments = [
        "audit", "a.mbox", "-o", "default", "-q", AT, "--keys", "keys",
    ];
    let options = ["--passwords", "passwords.txt", "--ca", "roots.pem"];
    let mut command = place.command(&[&arguments[..], &options[..]].concat());
    command.env("XDG_CACHE_HOME", place.join("home"));
    crate::program::ended(&mut command).code(0);
    assert!(!place.join("home").exists());
}

/// A ring of `keys/` whose files nobody has opened.
fn remembered(place: &Workplace) -> Keyring {
    let paths = [place.join("keys")];
    let passwords = Passwords::from_lines(b"first\nsecond\nthird\n");
    let limits = Limits::default();
    let mut files = KeyFiles::list(&paths, &passwords, &limits).unwrap();
    for batch in files.unread() {
        let read = files.read(&batch);
        files.keep(read);
    }
    let index = files.index().unwrap().unwrap();
    let mut files = KeyFiles::list(&paths, &passwords, &limits).unwrap();
    files.restore(&index, i128::MAX);
    assert!(files.unread().is_empty(), "an index that knows nothing");
    assert_eq!(files.index().unwrap(), None);
    files.assemble().unwrap().0
}

#[test]
fn a_remembered_key_is_read_when_it_is_needed_and_only_if_it_is_still_the_same() {
    if !has_openssl() {
        return;
    }
    let place = some_files();
    let ring = remembered(&place);
    let all: Vec<_> = ring.keys().collect();
    assert_eq!(all.len(), 4);
    for key in &all {
        let spki = ring.private_key(*key).unwrap().public_spki();
        assert_eq!(ring.by_public_key(&sha256(&spki)), Some(*key));
    }
    // Each file now has another's key, or is not there any more.
    let ring = remembered(&place);
    let paths =
        ["keys/a.p12", "keys/b.p12", "keys/d.p12", "keys/e.pem"].map(|name| place.join(name));
    fs::copy(&paths[1], &paths[0]).unwrap();
    fs::copy(&paths[2], &paths[1]).unwrap();
    fs::remove_file(&paths[2]).unwrap();
    fs::write(&paths[3], "no key").unwrap();
    for key in ring.keys() {
        assert_eq!(ring.private_key(key).err(), Some(&UnlockError::Gone));
        // It stays refused for the run.
        assert!(ring.private_key(key).is_err());
    }
    assert_eq!(ring.refused().count(), 4);
}
