//! Rows F-01, F-09, F-10, F-12, F-14 to F-17, F-20 to F-23 and D-23: what becomes of an archive when it is decrypted.
//!
//! Over 600 lines because the rows are tried on the same archives, in every form.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::migrate::{
    KEYS, closed_mails, decrypt, every_form, files, folders, for_carol, mails, modified, records,
};
use crate::program::{HANG, PROGRAM, Workplace, encrypted, ended, gzip, mbox, noise, plain};
use crate::toolkit::mail::{self, Mbox};

fn stamp(path: &std::path::Path, seconds: u64, nanoseconds: u32) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let file = File::open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

#[test]
fn f_01_where_nothing_is_decrypted_the_archive_is_byte_identical() {
    let place = Workplace::with_pki();
    let mails = closed_mails();
    let mut archives = every_form(&place, &mails);
    let bytes: Vec<Vec<u8>> = mails.iter().map(|mail| mail.clone().into_bytes()).collect();
    for (name, variant) in [
        ("o.mbox", Mbox::O),
        ("rd.mbox", Mbox::Rd),
        ("cl.mbox", Mbox::Cl),
        ("cl2.mbox", Mbox::Cl2),
    ] {
        place.write(name, mail::mbox(&bytes, variant));
        archives.push(name);
    }
    // What is odd about a file is kept, too.
    let odd = mbox(&mails);
    let crlf = String::from_utf8(odd.clone())
        .unwrap()
        .replace('\n', "\r\n");
    place.write("crlf.mbox", crlf);
    place.write("bom.mbox", [&b"\xef\xbb\xbf"[..], &odd].concat());
    place.write("tail.mbox", [&odd[..], b"\n\n\n"].concat());
    place.write("cut.mbox", &odd[..odd.len() - 30]);
    place.write(
        "headless.mbox",
        &odd[odd.iter().position(|o| *o == b'\n').unwrap() + 1..],
    );
    place.write("empty.mbox", "");
    archives.extend([
        "crlf.mbox",
        "bom.mbox",
        "tail.mbox",
        "cut.mbox",
        "headless.mbox",
        "empty.mbox",
    ]);
    for archive in archives {
        let ran = decrypt(&place, archive, "out", &[]);
        assert!(matches!(ran.code, Some(0 | 1)), "{archive}: {ran:?}");
        let source = place.join(archive);
        let output = place.join("out/data").join(archive);
        if source.is_dir() {
            assert_eq!(files(&output), files(&source), "{archive}");
            assert_eq!(folders(&output), folders(&source), "{archive}");
        } else {
            assert_eq!(
                fs::read(&output).unwrap(),
                fs::read(&source).unwrap(),
                "{archive}"
            );
        }
        place.run(&["check", "out", "--source", archive]).code(0);
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

#[test]
fn f_01_beside_decrypted_messages_the_others_are_byte_identical() {
    let place = Workplace::with_pki();
    let mails = mails();
    for archive in every_form(&place, &mails) {
        decrypt(&place, archive, "out", &[]).code(1);
        let lines = records(&place, "out");
        let messages: Vec<_> = lines
            .iter()
            .filter(|one| one["kind"] == "message")
            .collect();
        assert_eq!(messages.len(), mails.len(), "{archive}");
        let mut copied = 0;
        for one in messages {
            if one["action"] == "copied" {
                assert_eq!(one["source"]["sha256"], one["output"]["sha256"], "{one}");
                assert_eq!(one["source"]["length"], one["output"]["length"], "{one}");
                copied += 1;
            }
        }
        assert_eq!(copied, 5, "{archive}");
        fs::remove_dir_all(place.join("out")).unwrap();
    }
    // The bytes between messages, of an mbox that has odd ones.
    let odd = [
        "From a@b Thu Jan  1 00:00:00 2015 remote from x\n",
        &encrypted("1", "secret"),
        "\n\n\nFrom c@d Fri Jan  2 00:00:00 2015\n",
        &plain("2", "x"),
        "\n\n",
    ]
    .concat();
    place.write("odd.mbox", &odd);
    decrypt(&place, "odd.mbox", "out", &["--provenance", "sidecar"]).code(0);
    let made = fs::read_to_string(place.join("out/data/odd.mbox")).unwrap();
    let head = "From a@b Thu Jan  1 00:00:00 2015 remote from x\nFrom: Alice";
    let tail = odd.split_once("\nFrom c@d").unwrap().1;
    assert!(made.starts_with(head) && made.ends_with(tail), "{made}");
    assert!(
        made.contains("secret\n") && !made.contains("pkcs7-mime"),
        "{made}"
    );
}

#[test]
fn f_09_names_that_become_equal_do_not_become_one() {
    let place = Workplace::with_pki();
    let secret = encrypted("1", "secret");
    for size in [5000, 6000, 7000] {
        place.write(
            format!("maildir/cur/1420070400.M1.host,S={size}:2,S"),
            &secret,
        );
    }
    fs::create_dir_all(place.join("maildir/new")).unwrap();
    decrypt(&place, "maildir", "out", &[]).code(0);
    let made = files(&place.join("out/data/maildir"));
    assert_eq!(made.len(), 3, "{:?}", made.keys());
    place.run(&["check", "out", "--source", "maildir"]).code(0);
}

#[test]
fn f_09_f_23_names_flags_times_folders_and_duplicates_stay() {
    let place = Workplace::with_pki();
    let secret = encrypted("1", "secret");
    for (n, name) in [
        "maildir/cur/1420070400.M1.host,S=99,W=100:2,FRSa",
        "maildir/cur/1420070401.M2.host:2,",
        "maildir/new/1420070402.M3.host",
        "maildir/.Lists.Über/cur/1420070403.M4.host:2,S",
    ]
    .iter()
    .enumerate()
    {
        let path = place.write(name, &secret);
        stamp(&path, 1_400_000_000 + n as u64, 123_456_789 + n as u32);
    }
    // Twice the same message, a folder without any, one that is being delivered.
    place.write("maildir/cur/1420070404.M5.host:2,T", plain("2", "x"));
    place.write("maildir/cur/1420070405.M6.host:2,T", plain("2", "x"));
    place.write("maildir/tmp/1420070406.M7.host", "half a mes");
    place.write("maildir/dovecot-keywords", "0 Work\n");
    for folder in ["new", "tmp", ".Empty/cur", ".Empty/new", ".Empty/tmp"] {
        fs::create_dir_all(place.join("maildir").join(folder)).unwrap();
    }
    fs::create_dir_all(place.join("maildir/.Lists.Über/new")).unwrap();
    stamp(&place.join("maildir/.Empty"), 1_300_000_000, 5);
    decrypt(&place, "maildir", "out", &[]).code(0);
    let (source, output) = (place.join("maildir"), place.join("out/data/maildir"));
    assert_eq!(folders(&output), folders(&source));
    let mut expected: Vec<_> = files(&source).into_keys().collect();
    let made = files(&output);
    let bytes = made
        .iter()
        .find(|(path, _)| path.to_str().unwrap().contains("M1"))
        .unwrap()
        .1;
    let lines = bytes.iter().filter(|octet| **octet == b'\n').count();
    let name = format!(
        "cur/1420070400.M1.host,S={},W={}:2,FRSa",
        bytes.len(),
        bytes.len() + lines
    );
    for path in &mut expected {
        if path.to_str().unwrap().contains("M1.host,S=99") {
            *path = name.clone().into();
        }
    }
    expected.sort();
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), expected);
    for path in files(&source).keys() {
        let there = match path.to_str().unwrap().contains("M1.host,S=99") {
            true => output.join(&name),
            false => output.join(path),
        };
        assert_eq!(modified(&there), modified(&source.join(path)), "{path:?}");
    }
    for folder in folders(&source) {
        let times = (
            modified(&output.join(&folder)),
            modified(&source.join(&folder)),
        );
        assert_eq!(times.0, times.1, "{folder:?}");
    }
    // mbox status fields are header fields like any other.
    let status = secret.replace(
        "Subject:",
        "Status: RO\nX-Status: A\nX-Keywords: Work\nSubject:",
    );
    place.write("a.mbox", mbox(&[status]));
    stamp(&place.join("a.mbox"), 1_400_000_000, 987_654_321);
    decrypt(&place, "a.mbox", "out2", &[]).code(0);
    let made = place.join("out2/data/a.mbox");
    assert_eq!(modified(&made), (1_400_000_000, 987_654_321));
    let text = fs::read_to_string(made).unwrap();
    assert!(
        text.contains("Status: RO\nX-Status: A\nX-Keywords: Work\nSubject:"),
        "{text}"
    );
}

/// The text of a decrypted message as it stands in an mbox, behind its header.
fn body_in(place: &Workplace, out: &str, id: &str) -> String {
    let lines = records(place, out);
    let one = lines
        .iter()
        .find(|one| one["message_id"] == format!("<{id}@example.com>").as_str());
    let one = one.unwrap();
    let path = place
        .join(out)
        .join(one["output"]["path"].as_str().unwrap());
    let at = one["output"]["offset"].as_u64().unwrap() as usize;
    let length = one["output"]["length"].as_u64().unwrap() as usize;
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8(bytes[at..at + length].to_vec()).unwrap();
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn f_10_decrypted_messages_are_quoted_as_the_source_is() {
    let place = Workplace::with_pki();
    let quoted = "From one\n>From two\n>>From three";
    let mails: Vec<Vec<u8>> = [
        plain("0", "x\nFrom me\n>From you\n"),
        encrypted("1", quoted),
        encrypted("2", "From one"),
        plain("3", "x\nFrom me\n>>From you\n"),
    ]
    .map(String::into_bytes)
    .into();
    let rd = ">From one\n>>From two\n>>>From three\n";
    for (name, variant, one, two) in [
        ("rd.mbox", Mbox::Rd, Some(rd), ">From one\n"),
        (
            "cl2.mbox",
            Mbox::Cl,
            Some("From one\n>From two\n>>From three\n"),
            "From one\n",
        ),
    ] {
        place.write(name, mail::mbox(&mails, variant));
        let ran = decrypt(&place, name, "out", &[]);
        ran.code(0);
        assert_eq!(Some(body_in(&place, "out", "1").as_str()), one, "{name}");
        assert_eq!(body_in(&place, "out", "2"), two, "{name}");
        // Nothing is quoted twice.
        assert_eq!(body_in(&place, "out", "0"), {
            let source = fs::read(place.join(name)).unwrap();
            let lines = records(&place, "out");
            let at = lines[0]["source"]["offset"].as_u64().unwrap() as usize;
            let length = lines[0]["source"]["length"].as_u64().unwrap() as usize;
            let text = String::from_utf8(source[at..at + length].to_vec()).unwrap();
            text.split_once("\n\n").unwrap().1.to_owned()
        });
        if variant == Mbox::Cl {
            let text = fs::read_to_string(place.join("out/data").join(name)).unwrap();
            let lengths = text.matches("\nContent-Length: ").count();
            assert_eq!(lengths, 4, "{text}");
        }
        place.run(&["check", "out", "--source", name]).code(0);
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

#[test]
fn f_10_another_variant_is_written_when_asked_for_and_refused_where_it_would_lose() {
    let place = Workplace::with_pki();
    let mails = [
        encrypted("1", "From one\n>From two"),
        encrypted("2", "From one"),
        plain("3", "nothing to quote"),
    ];
    place.write("a.mbox", mbox(&mails));
    for (format, one, two, code) in [
        ("rd", Some(">From one\n>>From two\n"), ">From one\n", 0),
        ("cl2", Some("From one\n>From two\n"), "From one\n", 0),
        ("o", None, ">From one\n", 1),
        ("cl", None, ">From one\n", 1),
    ] {
        decrypt(&place, "a.mbox", "out", &["--mbox-format", format]).code(code);
        match one {
            Some(one) => assert_eq!(body_in(&place, "out", "1"), one, "{format}"),
            None => {
                let lines = records(&place, "out");
                assert_eq!(lines[0]["reason"], "not_representable", "{format}");
            }
        }
        assert_eq!(body_in(&place, "out", "2"), two, "{format}");
        assert_eq!(
            body_in(&place, "out", "3"),
            "nothing to quote\n",
            "{format}"
        );
        let text = fs::read_to_string(place.join("out/data/a.mbox")).unwrap();
        let lengths = text.matches("\nContent-Length: ").count();
        assert_eq!(
            lengths,
            if format.starts_with('c') { 3 } else { 0 },
            "{format}"
        );
        place.run(&["check", "out", "--source", "a.mbox"]).code(0);
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

#[test]
fn f_12_what_is_written_is_read_again() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    let log = place.join("log");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-e",
            "trace=openat,rename,renameat,renameat2,fsync,fdatasync",
        ])
        .arg("-o")
        .arg(&log)
        .arg(PROGRAM)
        .args([&["decrypt", "a.mbox", "-o", "out", "-q"][..], &KEYS].concat())
        .current_dir(place.path())
        .output();
    let Ok(traced) = traced else {
        println!("skipped: no strace");
        return;
    };
    let log = fs::read_to_string(log).unwrap_or_default();
    if !log.contains("openat(") {
        println!("skipped: strace may not trace: {traced:?}");
        return;
    }
    let lines: Vec<&str> = log.lines().collect();
    let named = lines
        .iter()
        .position(|line| line.contains("rename") && line.contains("bag/data/a.mbox"))
        .unwrap();
    let read = lines
        .iter()
        .rposition(|line| line.contains("out.partial/tmp/0\", O_RDONLY"))
        .unwrap();
    let synced = lines
        .iter()
        .position(|line| line.contains("fsync("))
        .unwrap();
    let last = lines
        .iter()
        .rposition(|line| line.contains("rename") && line.contains("out.partial/bag\""))
        .unwrap();
    assert!(synced < named && read < named && named < last, "{log}");
}

#[test]
fn f_14_a_locked_mbox_is_left_alone() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    place.write("a.mbox.lock", "");
    let refused = || {
        decrypt(&place, "a.mbox", "out", &["--force"])
            .code(5)
            .says(&[
                "a.mbox: is locked by another program",
                "Go on with: mailseal decrypt --resume out.partial",
            ]);
        assert!(!place.join("out").exists());
    };
    refused();
    fs::remove_file(place.join("a.mbox.lock")).unwrap();
    let script = "import fcntl,sys\nf=open('a.mbox','r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('locked',flush=True)\nsys.stdin.read()";
    let holder = Command::new("python3")
        .args(["-c", script])
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut holder) = holder else {
        println!("skipped: no python3");
        return;
    };
    let mut said = [0; 6];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    refused();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    place.run(&["decrypt", "--resume", "out.partial"]).code(1);
}

#[test]
fn f_15_a_full_disk_or_one_that_cannot_be_written_is_one_line() {
    let place = Workplace::with_pki();
    let many: Vec<String> = (0..60)
        .map(|n| encrypted(&n.to_string(), &noise(n, 60_000)))
        .collect();
    place.write("a.mbox", mbox(&many));
    let source = fs::read(place.join("a.mbox")).unwrap();
    decrypt(&place, "a.mbox", "whole", &[]).code(0);
    for kilobytes in [4, 64, 1024] {
        let mut shell = assert_cmd::Command::new("bash");
        shell
            .arg("-c")
            .arg(format!("ulimit -f {kilobytes}; exec \"$0\" \"$@\""))
            .arg(PROGRAM)
            .args(
                [
                    &["decrypt", "a.mbox", "-o", "out", "-q", "--force"][..],
                    &KEYS,
                ]
                .concat(),
            )
            .current_dir(place.path())
            .timeout(HANG);
        ended(&mut shell).code(5).says(&[
            "out.partial/",
            "cannot be written",
            "--resume out.partial",
        ]);
        assert!(!place.join("out").exists());
        place.run(&["decrypt", "--resume", "out.partial"]).code(0);
        assert_eq!(
            files(&place.join("out/data")),
            files(&place.join("whole/data"))
        );
        fs::remove_dir_all(place.join("out")).unwrap();
    }
    assert_eq!(fs::read(place.join("a.mbox")).unwrap(), source);
    // Whoever is root may write everywhere but where there is nothing to write to.
    decrypt(&place, "a.mbox", "/proc/mailseal/out", &[])
        .code(5)
        .says(&["cannot be written"]);
}

#[test]
fn f_17_the_source_is_never_written() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        let path = place.join(archive);
        let state = || {
            let one = |path: &std::path::Path| (modified(path), fs::metadata(path).unwrap().len());
            let mut state = vec![one(&path)];
            if path.is_dir() {
                state.extend(files(&path).keys().map(|name| one(&path.join(name))));
                state.extend(folders(&path).iter().map(|name| one(&path.join(name))));
            }
            state
        };
        let before = state();
        decrypt(&place, archive, "out", &[]).code(1);
        assert_eq!(state(), before, "{archive}");
        fs::remove_dir_all(place.join("out")).unwrap();
    }
    decrypt(&place, "eml", "eml/out", &[])
        .code(5)
        .says(&["lies in a folder that is to be read"]);
    assert!(!place.join("eml/out.partial").exists());
}

#[test]
fn f_20_what_stays_encrypted_is_a_worklist() {
    let place = Workplace::with_pki();
    let broken = encrypted("9", "x").replace("MII", "AAA");
    place.write(
        "a.mbox",
        mbox(&[plain("1", "x"), for_carol("2", "y"), broken]),
    );
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    let rows = place.table("out", "undecrypted.csv");
    assert_eq!(rows.len(), 2, "{rows:?}");
    let lines = records(&place, "out");
    assert_eq!(rows[0]["path"], "a.mbox");
    assert_eq!(rows[0]["offset"], lines[1]["source"]["offset"].to_string());
    assert_eq!(rows[0]["message_id"], "<2@example.com>");
    assert_eq!(rows[0]["reason"], "no_key");
    assert!(rows[0]["recipients"].starts_with("serial "), "{rows:?}");
    assert!(rows[0]["recipients"].contains("CN="), "{rows:?}");
    assert_eq!(rows[1]["reason"], "damaged");
}

#[test]
fn f_21_d_23_plaintext_is_readable_by_nobody_else_and_nowhere_else() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        for umask in ["000", "777"] {
            fs::create_dir_all(place.join("system-tmp")).unwrap();
            let mut shell = assert_cmd::Command::new("bash");
            shell
                .arg("-c")
                .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
                .arg(PROGRAM)
                .args([&["decrypt", archive, "-o", "out", "-q"][..], &KEYS].concat())
                .current_dir(place.path())
                .env("TMPDIR", place.join("system-tmp"))
                .timeout(HANG);
            ended(&mut shell).code(1);
            assert!(files(&place.join("system-tmp")).is_empty());
            let out = place.join("out");
            let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&out) & 0o777, 0o700, "{archive} {umask}");
            for folder in folders(&out) {
                assert_eq!(mode(&out.join(&folder)) & 0o777, 0o700, "{folder:?}");
            }
            for file in files(&out).keys() {
                assert_eq!(mode(&out.join(file)) & 0o777, 0o600, "{file:?}");
            }
            fs::remove_dir_all(out).unwrap();
        }
    }
    let key = place.join("keys/alice.p12");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    decrypt(&place, "a.mbox", "out", &["--strict-perms"])
        .code(5)
        .says(&["others can read this key file"]);
    assert!(!place.join("out").exists() && !place.join("out.partial").exists());
}

#[test]
fn f_22_a_dry_run_says_everything_and_opens_nothing_for_writing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    let before = place.names();
    let arguments = [&["decrypt", "a.mbox", "-o", "out", "--dry-run"][..], &KEYS].concat();
    let ran = place.run(&arguments);
    ran.code(1);
    assert_eq!(place.names(), before);
    let lines: Vec<&str> = ran.out.lines().collect();
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("decrypt "), count("keep ")), (3, 1), "{ran:?}");
    assert!(
        ran.out.contains("no_key") && ran.out.contains("a.mbox#"),
        "{ran:?}"
    );
    assert!(ran.out.contains("nothing was written"), "{ran:?}");
    let log = place.join("log");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-e",
            "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2",
        ])
        .arg("-o")
        .arg(&log)
        .arg(PROGRAM)
        .args(&arguments)
        .current_dir(place.path())
        .output();
    let log = fs::read_to_string(log).unwrap_or_default();
    if traced.is_err() || !log.contains("openat(") {
        println!("skipped: no strace");
        return;
    }
    for line in log.lines() {
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "rename", "creat("];
        assert!(
            !writes.iter().any(|word| line.contains(word)) || line.contains("/dev/"),
            "{line}"
        );
    }
}

#[test]
fn links_and_pipes_are_listed_and_not_followed() {
    let place = Workplace::with_pki();
    place.write("mail/1.eml", plain("1", "x"));
    place.write("elsewhere.eml", encrypted("2", "secret"));
    std::os::unix::fs::symlink("../elsewhere.eml", place.join("mail/2.eml")).unwrap();
    let made = Command::new("mkfifo")
        .arg(place.join("mail/3.eml"))
        .status();
    assert!(made.unwrap().success());
    decrypt(&place, "mail", "out", &[]).code(0);
    let made: Vec<_> = files(&place.join("out/data")).into_keys().collect();
    assert_eq!(made, [std::path::Path::new("mail/1.eml")]);
    let lines = records(&place, "out");
    let left: Vec<_> = lines
        .iter()
        .filter(|one| one["kind"] == "left_out")
        .map(|one| {
            (
                one["source"]["path"].as_str().unwrap(),
                one["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        left,
        [
            ("2.eml", "skipped_symlink"),
            ("3.eml", "not_a_regular_file")
        ]
    );
    place.run(&["check", "out", "--source", "mail"]).code(0);
}

#[test]
fn what_cannot_be_read_in_full_is_copied_as_it_lies() {
    let place = Workplace::with_pki();
    let mails = mails();
    let whole = gzip(&mbox(&mails));
    place.write("cut.mbox.gz", &whole[..whole.len() - 200]);
    decrypt(&place, "cut.mbox.gz", "out", &[]).code(3);
    let made = fs::read(place.join("out/data/cut.mbox.gz")).unwrap();
    assert_eq!(made, fs::read(place.join("cut.mbox.gz")).unwrap());
    assert!(!place.table("out", "undecrypted.csv").is_empty());
    place
        .run(&["check", "out", "--source", "cut.mbox.gz"])
        .code(0);
    // A message over the limit, between others, plain and compressed.
    let large = [
        plain("1", "x"),
        plain("2", &noise(2, 20_000)),
        encrypted("3", "secret"),
    ];
    place.write("large.mbox", mbox(&large));
    place.write("large.mbox.gz", gzip(&mbox(&large)));
    for archive in ["large.mbox", "large.mbox.gz"] {
        let out = format!("out-{archive}");
        decrypt(&place, archive, &out, &["--max-message", "10000"]).code(3);
        let kinds: Vec<_> = records(&place, &out)
            .iter()
            .map(|one| (one["kind"].clone(), one["action"].clone()))
            .collect();
        let word = |text: &str| serde_json::Value::from(text);
        assert_eq!(
            kinds,
            [
                (word("message"), word("copied")),
                (word("skipped"), word("copied")),
                (word("message"), word("decrypted")),
            ]
        );
        place.run(&["check", &out]).code(0);
    }
    let made = fs::read_to_string(place.join("out-large.mbox/data/large.mbox")).unwrap();
    assert!(made.contains(&large[1]) && made.contains("\nsecret\n"));
}
