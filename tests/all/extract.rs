//! `mailseal extract`: every sample's verdict is repeated by openssl.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use mailseal::report::explain;

use super::program::{
    AT, PROGRAM, Ran, Workplace, encrypt, encrypted, entity, gzip, mbox, pkcs7_mime, plain, signed,
    small_mails,
};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-mail")
}

/// False, and says so, where there is no `openssl`.
pub fn has_openssl() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    if !there {
        eprintln!("skipped: no openssl");
    }
    there
}

/// What `verify.sh` of a folder says, and whether all steps that it asked came out as reported.
fn verify(folder: &Path) -> (bool, String) {
    let (code, said) = repeated(folder);
    (code != 1, said)
}

/// What `verify.sh` of a folder says, and its exit code.
pub fn repeated(folder: &Path) -> (i32, String) {
    let ran = Command::new("sh")
        .arg(folder.join("verify.sh"))
        .output()
        .unwrap();
    assert!(ran.stderr.is_empty(), "{ran:?}");
    let code = ran.status.code().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let last = said.lines().last().unwrap_or_default();
    let unasked = said.matches("\nnot asked: ").count();
    let expected = match code {
        0 => unasked == 0 && last.starts_with("openssl agrees with every step of the verdict: "),
        1 => last.starts_with("openssl differs from the verdict in "),
        3 => last.starts_with(&format!("openssl agrees, {unasked} steps not asked: ")),
        _ => false,
    };
    assert!(expected, "{code}: {said}");
    (code, said)
}

/// All samples audited, and the evidence of every message with S/MIME taken out; by the message's place.
pub struct All {
    pub place: Workplace,
    pub folders: BTreeMap<String, PathBuf>,
}

pub static ALL: LazyLock<All> = LazyLock::new(|| {
    let place = Workplace::new();
    let keys = samples().join("keys");
    let text = |name: &str| keys.join(name).display().to_string();
    let (anchors, crls, passwords, keys) = (
        text("root.pem"),
        text("crls.pem"),
        text("password"),
        text(""),
    );
    let mut arguments: Vec<String> = ["verify", "decrypt", "archives"]
        .iter()
        .map(|name| samples().join(name).display().to_string())
        .collect();
    arguments.insert(0, "audit".to_owned());
    for more in ["-o", "report", "--ca", &anchors, "--crl", &crls] {
        arguments.push(more.to_owned());
    }
    let opened = ["--keys", &keys, "--passwords", &passwords];
    arguments.extend(opened.iter().map(|one| (*one).to_owned()));
    arguments.extend(["-q", "--at=2026-11-01"].map(str::to_owned));
    assert!(matches!(place.run(&arguments).code, Some(0 | 3)));
    let mut folders = BTreeMap::new();
    for (number, message) in place.messages("report").iter().enumerate() {
        let named = format!("{}#{}", message["archive"], message["offset"]);
        let target = format!("evidence/{number}");
        let mut arguments = vec!["extract", "report", &named, "-o", &target];
        arguments.extend(opened);
        place.run(&arguments).code(0);
        folders.insert(named, place.join(target));
    }
    assert!(folders.len() > 80, "{}", folders.len());
    All { place, folders }
});

#[test]
fn openssl_repeats_the_verdict_of_every_sample() {
    if !has_openssl() {
        return;
    }
    let (mut steps, mut bad, mut wrong) = (0, 0, Vec::new());
    for (named, folder) in &ALL.folders {
        let (agrees, said) = verify(folder);
        steps += said.matches("as reported (").count();
        bad += said.matches("as reported (bad)").count();
        if !agrees {
            wrong.push(format!("{named}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Good and bad mail alike: digests, signature values, paths that openssl refuses as well.
    assert!(steps > 400 && bad > 15, "{steps} steps, {bad} bad");
}

#[test]
fn evidence_that_was_changed_does_not_pass() {
    if !has_openssl() {
        return;
    }
    let place = Workplace::with_pki();
    place.write("m.mbox", mbox(&[signed("1", "as it was signed")]));
    let judged = ["--ca", "roots.pem", "--crl", "crls"];
    place.run(&[&["audit", "m.mbox", "-o", "report", "-q", AT][..], &judged].concat());
    place
        .run(&["extract", "report", "1@example.com", "-o", "out"])
        .code(0);
    let folder = place.join("out");
    let (agrees, said) = verify(&folder);
    assert!(
        agrees && said.contains("agrees with every step of the verdict: valid"),
        "{said}"
    );
    for name in [
        "message.eml",
        "content-1-1.bin",
        "attributes-1-1.der",
        "signature-1-1.bin",
        "cms-1.der",
    ] {
        let good = fs::read(folder.join(name)).unwrap();
        let mut changed = good.clone();
        // The structure's last octets are the signature value's.
        let at = changed.len() - 3;
        changed[at] ^= 1;
        fs::write(folder.join(name), changed).unwrap();
        let (agrees, said) = verify(&folder);
        assert!(
            !agrees && said.contains("NOT AS REPORTED"),
            "{name}: {said}"
        );
        fs::write(folder.join(name), good).unwrap();
    }
    assert!(verify(&folder).0);
}

#[test]
fn the_stored_message_comes_out_of_every_kind_of_archive() {
    let place = Workplace::with_pki();
    // A line that every mbox variant stores otherwise than it was signed.
    let mail = signed("1", "From here on\nit is quoted");
    let quoted = mail.replace("\nFrom here", "\n>From here");
    place.write("a/plain.mbox", mbox(&[plain("0", "x"), quoted.clone()]));
    place.write("b.mbox.gz", gzip(&mbox(&[quoted.clone()])));
    place.write("md/cur/1.M1P1.h:2,S", &mail);
    fs::create_dir_all(place.join("md/new")).unwrap();
    place.write("c/it's $(odd) name.eml", mail.replace('\n', "\r\n"));
    let archives = ["a", "b.mbox.gz", "md", "c"];
    let ca = ["--ca", "roots.pem", "--crl", "crls"];
    place
        .run(&[&["audit"][..], &archives, &["-o", "report", "-q", AT], &ca].concat())
        .code(0);
    let messages = place.messages("report");
    assert_eq!(messages.len(), 4);
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message["status"], "valid", "{message}");
        let named = format!(
            "{}#{}",
            message["path"].as_str().unwrap(),
            message["offset"]
        );
        let target = format!("out{number}");
        place
            .run(&["extract", "report", &named, "-o", &target])
            .code(0);
        let stored = fs::read_to_string(place.join(&target).join("message.eml")).unwrap();
        let expected = match number {
            0 | 1 => quoted.clone(),
            2 => mail.clone(),
            _ => mail.replace('\n', "\r\n"),
        };
        assert_eq!(stored, expected, "{number}");
        let content = fs::read_to_string(place.join(&target).join("content-1-1.bin")).unwrap();
        assert_eq!(content, entity("From here on\nit is quoted"), "{number}");
        if has_openssl() {
            let (agrees, said) = verify(&place.join(&target));
            assert!(agrees, "{said}");
        }
    }
    // One message four times: by its name alone it is not known which.
    place
        .run(&["extract", "report", "1@example.com", "-o", "none"])
        .code(2)
        .says(&["several", "plain.mbox#"]);
    place
        .run(&["explain", "report", "nobody@example.com"])
        .code(2)
        .says(&["nobody@example.com", "Message-ID"]);
    assert!(!place.join("none").exists());
}

#[test]
fn an_archive_that_is_not_as_it_was_is_refused() {
    let place = Workplace::with_pki();
    place.write("in/m.mbox", mbox(&small_mails()));
    place
        .run(&["audit", "in", "-o", "report", "-q", AT])
        .code(0);
    let run = |extra: &[&str]| -> Ran {
        place.run(
            &[
                &["extract", "report", "2@example.com", "-o", "out"][..],
                extra,
            ]
            .concat(),
        )
    };
    fs::rename(place.join("in"), place.join("elsewhere")).unwrap();
    run(&[]).code(5).says(&["in", "cannot be read"]);
    run(&["--archive", "elsewhere"]).code(0);
    // Evidence is never replaced.
    run(&["--archive", "elsewhere"])
        .code(5)
        .says(&["never replaced"]);
    fs::remove_dir_all(place.join("out")).unwrap();
    let mut changed = mbox(&small_mails());
    let at = changed
        .windows(8)
        .position(|text| text == b"detached")
        .unwrap();
    changed[at] = b'D';
    place.write("elsewhere/m.mbox", changed);
    run(&["--archive", "elsewhere"])
        .code(5)
        .says(&["elsewhere/m.mbox", "does not have"]);
    place.write("elsewhere/m.mbox", b"From ");
    run(&["--archive", "elsewhere"]).code(5);
    assert!(!place.join("out").exists() && !place.join("out.partial").exists());
}

#[test]
fn plaintext_comes_out_only_with_the_key_and_only_for_its_owner() {
    let place = Workplace::with_pki();
    let inner = signed("inner", "secret text");
    let inner = &inner[inner.find("Content-Type").unwrap()..];
    place.write(
        "m.mbox",
        mbox(&[
            encrypted("1", "secret text"),
            pkcs7_mime("2", "enveloped-data", &encrypt(inner.as_bytes())),
        ]),
    );
    let keys = ["--keys", "keys", "--passwords", "passwords.txt"];
    place
        .run(
            &[
                &[
                    "audit",
                    "m.mbox",
                    "-o",
                    "report",
                    "-q",
                    AT,
                    "--ca",
                    "roots.pem",
                ][..],
                &keys,
            ]
            .concat(),
        )
        .code(0);
    for (id, layers) in [("1@example.com", 1), ("2@example.com", 2)] {
        let closed = format!("closed{layers}");
        let ran = place.run(&["extract", "report", id, "-o", &closed]);
        ran.code(0);
        assert_eq!(ran.err.contains("Give --keys"), layers == 2, "{ran:?}");
        for (name, bytes) in files(&place.join(&closed)) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !text.contains("secret text") && !name.starts_with("plaintext"),
                "{name}"
            );
        }
        let open = format!("open{layers}");
        let arguments = [&["extract", "report", id, "-o", &open][..], &keys].concat();
        place.run(&arguments).code(0);
        let folder = place.join(&open);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let all = files(&folder);
        assert!(all.keys().all(|name| mode(&folder.join(name)) == 0o600));
        let plaintext = String::from_utf8(all["plaintext-1.eml"].clone()).unwrap();
        assert!(plaintext.contains("secret text"), "{plaintext}");
        assert_eq!(all.contains_key("content-2-1.bin"), layers == 2);
        if has_openssl() {
            assert!(verify(&folder).0);
            let (agrees, said) = verify(&place.join(&closed));
            assert!(
                agrees && said.contains("was not opened") == (layers == 2),
                "{said}"
            );
        }
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn no_name_and_no_line_of_a_script_comes_from_mail() {
    let place = Workplace::with_pki();
    let hostile = "x'; touch pwned; echo '$(touch pwned)`touch pwned`\u{1b}[2J";
    let mail = signed("1", "text")
        .replace(
            "Message-ID: <1@example.com>",
            &format!("Message-ID: <{hostile}@x>"),
        )
        .replace("b-1", "b'x")
        .replace("From: Alice", &format!("From: \"{hostile}\""));
    place.write(format!("in/{}.eml", "a'$(touch pwned)"), mail);
    place
        .run(&["audit", "in", "-o", "report", "-q", AT, "--ca", "roots.pem"])
        .code(0);
    let message = &place.messages("report")[0];
    let sha256 = &message["sha256"].as_str().unwrap()[..16];
    place
        .run(&["extract", "report", sha256, "-o", "out"])
        .code(0);
    for (name, bytes) in files(&place.join("out")) {
        if ["verify.sh", "README.txt"].contains(&name.as_str()) {
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                !text.contains("pwned") && !text.contains("\u{1b}"),
                "{name}: {text}"
            );
        }
    }
    if has_openssl() {
        verify(&place.join("out"));
    }
    let ran = place.run(&["explain", "report", sha256]);
    ran.code(0);
    assert!(
        !ran.out.contains('\u{1b}') && ran.out.contains("\\x1b[2J"),
        "{}",
        ran.out
    );
    let seen: Vec<String> = place.names();
    assert!(!seen.iter().any(|name| name.contains("pwned")), "{seen:?}");
    for folder in ALL.folders.values() {
        for name in files(folder).keys() {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(name == "README.txt" || name.chars().all(good), "{name}");
        }
    }
}

#[test]
fn a_judged_report_leads_back_to_the_archive() {
    let place = Workplace::with_pki();
    place.write("m.mbox", mbox(&[signed("1", "text")]));
    place
        .run(&["audit", "m.mbox", "-o", "report", "-q", AT])
        .code(0);
    place
        .run(&[
            "judge",
            "report",
            "-o",
            "again",
            "-q",
            AT,
            "--ca",
            "roots.pem",
            "--crl",
            "crls",
        ])
        .code(0);
    place
        .run(&["extract", "again", "1@example.com", "-o", "out"])
        .code(0);
    assert!(place.join("out/anchor-1-1.pem").exists());
    // Without them nothing is made up, and it is said.
    fs::remove_file(place.join("roots.pem")).unwrap();
    let ran = place.run(&["extract", "again", "1@example.com", "-o", "less"]);
    assert!(ran.code(0).err.contains("not at hand"), "{ran:?}");
    assert!(!place.join("less/anchor-1-1.pem").exists());
    if has_openssl() {
        let (agrees, said) = verify(&place.join("less"));
        assert!(agrees && said.contains("not asked: the path"), "{said}");
    }
}

/// Every command that the texts give works on the evidence of some sample.
#[test]
fn every_command_of_the_texts_works() {
    if !has_openssl() {
        return;
    }
    let keys = samples().join("keys");
    let scratch = tempfile::tempdir().unwrap();
    for (option, name) in [("-nocerts", "key.pem"), ("-clcerts", "key-certificate.pem")] {
        let mut command = Command::new("openssl");
        command
            .args(["pkcs12", "-nodes", option, "-in"])
            .arg(keys.join("alice.p12"))
            .arg("-passin")
            .arg(format!("file:{}", keys.join("password").display()))
            .arg("-out")
            .arg(scratch.path().join(name));
        if option == "-clcerts" {
            command.arg("-nokeys");
        }
        assert!(command.output().unwrap().status.success(), "{name}");
    }
    let commands: BTreeSet<&str> = explain::texts()
        .iter()
        .flat_map(|text| explain::commands(text.check).collect::<Vec<_>>())
        .filter(|line| line.starts_with("openssl "))
        .collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in commands {
        let works = ALL.folders.values().any(|folder| {
            let command = command.replace("FILE", "message.eml");
            let words: Vec<String> = command
                .split(' ')
                .skip(1)
                .map(|word| match word {
                    "key.pem" | "key-certificate.pem" => {
                        scratch.path().join(word).display().to_string()
                    }
                    "plain.eml" => scratch.path().join(word).display().to_string(),
                    other => other.to_owned(),
                })
                .collect();
            let ran = Command::new("openssl")
                .args(&words)
                .current_dir(folder)
                .output()
                .unwrap();
            ran.status.success()
        });
        assert!(works, "{command}");
    }
}

#[test]
fn every_example_of_the_help_works() {
    let place = Workplace::with_pki();
    let mails = [
        plain("0", "x"),
        signed("1f2e", "text"),
        encrypted("2", "text"),
    ];
    place.write("mail/inbox.mbox", mbox(&mails));
    let keys = ["--keys", "keys", "--passwords", "passwords.txt"];
    let arguments = [
        "audit",
        "mail",
        "-o",
        "report",
        "-q",
        AT,
        "--ca",
        "roots.pem",
    ];
    place.run(&[&arguments[..], &keys].concat()).code(0);
    let messages = place.messages("report");
    let offset = messages[0]["offset"].to_string();
    let sha256 = messages[1]["sha256"].as_str().unwrap()[..12].to_owned();
    let program = Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut seen = 0;
    for command in ["explain", "extract"] {
        let help = place.run(&[command, "--help"]);
        let (_, examples) = help.code(0).out.split_once("Examples:\n").unwrap();
        for line in examples.lines().map(str::trim) {
            if !line.starts_with("mailseal ") {
                continue;
            }
            let line = line
                .replace("9139", &offset)
                .replace("3b0c44298fc1", &sha256);
            let ran = Command::new("sh")
                .args(["-c", &line])
                .current_dir(place.path())
                .env("PATH", &path)
                .env("HOME", place.path())
                .output()
                .unwrap();
            assert!(
                ran.status.success() && !ran.stdout.is_empty(),
                "{line}: {ran:?}"
            );
            if command == "extract" {
                fs::remove_dir_all(place.join("evidence")).unwrap();
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 7);
}
