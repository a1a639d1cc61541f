//! The bag and its check: other programs accept it, and whatever is changed in it is named.

use std::fs;
use std::process::Command;

use super::{KEYS, Workplace, bag, decrypt, every_form, files, for_carol, mails, mbox, records};
use crate::program::{encrypted, noise, pem, plain};

fn check(place: &Workplace, more: &[&str]) -> crate::program::Ran {
    place.run(&[&["check", "out"][..], more].concat())
}

#[test]
fn a_bag_is_what_the_standard_says() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        decrypt(&place, archive, "out", &[]).code(1);
        let out = place.join("out");
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(
            read("bagit.txt"),
            "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        );
        let data = files(&out.join("data"));
        let bytes: usize = data.values().map(Vec::len).sum();
        let oxum = format!("Payload-Oxum: {bytes}.{}", data.len());
        assert!(read("bag-info.txt").contains(&oxum), "{oxum}");
        // Each file once, and nothing else.
        let payload = read("manifest-sha256.txt");
        let mut listed: Vec<&str> = payload.lines().map(|line| &line[66..]).collect();
        listed.sort_unstable();
        let there: Vec<String> = data
            .keys()
            .map(|path| format!("data/{}", path.display()))
            .collect();
        assert_eq!(listed, there);
        for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
            let summed = Command::new("sha256sum")
                .args(["-c", "--strict", manifest])
                .current_dir(&out)
                .output()
                .unwrap();
            assert!(summed.status.success(), "{archive} {summed:?}");
        }
        let tags = read("tagmanifest-sha256.txt");
        for name in ["bagit.txt", "manifest-sha256.txt", "manifest.jsonl"] {
            assert!(tags.contains(&format!("  {name}\n")), "{name}");
        }
        check(&place, &["--source", archive]).code(0);
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn the_manifest_says_what_was_done_to_each_message() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    let all = records(&place, "out");
    let actions: Vec<_> = all
        .iter()
        .map(|one| one["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "copied",
            "decrypted",
            "copied",
            "copied",
            "decrypted",
            "copied",
            "decrypted",
            "copied"
        ]
    );
    let reasons: Vec<_> = all.iter().map(|one| one["reason"].as_str()).collect();
    assert_eq!(reasons[3], Some("no_key"));
    assert_eq!(reasons[0], Some("not_encrypted"));
    let integrity: Vec<_> = all.iter().map(|one| one["integrity"].as_str()).collect();
    assert_eq!(integrity[1], Some("none"));
    assert_eq!(integrity[4], Some("inner_signature"));
    assert_eq!(all[1]["layers"][0]["recipient"]["kind"], "ecdh");
    let (source, output) = (
        fs::read(place.join("a.mbox")).unwrap(),
        fs::read(place.join("out/data/a.mbox")).unwrap(),
    );
    for one in &all {
        assert_eq!(one["schema"], "mailseal/migration/1");
        for (side, bytes) in [("source", &source), ("output", &output)] {
            let number = |key: &str| one[side][key].as_u64().unwrap() as usize;
            let at = number("offset");
            let digest = mailseal::crypto::digest::sha256(&bytes[at..at + number("length")]);
            let hex = mailseal::report::encode::hex(&digest);
            assert_eq!(one[side]["sha256"], hex.as_str(), "{one}");
        }
    }
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("\n>From here on\nand From there\n"), "{text}");
}

#[test]
fn openssl_accepts_the_signature_over_the_bag() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    decrypt(
        &place,
        "a.mbox",
        "out",
        &["--sign-manifest", "keys/alice.p12"],
    )
    .code(1);
    let verify = |place: &Workplace| {
        // As in the help.
        let line = "cms -verify -binary -inform DER -in out/tagmanifest-sha256.txt.p7s \
                    -content out/tagmanifest-sha256.txt -CAfile roots.pem -purpose any -out /dev/null";
        Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(place.path())
            .output()
    };
    let Ok(output) = verify(&place) else {
        println!("skipped: no openssl");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    check(&place, &[]).code(0);
    let tags = place.join("out/tagmanifest-sha256.txt");
    let mut bytes = fs::read(&tags).unwrap();
    bytes[0] ^= 1;
    fs::write(&tags, bytes).unwrap();
    assert!(!verify(&place).unwrap().status.success());
    // A file without a key is said before anything is read.
    place.write("no.pem", pem("CERTIFICATE", &crate::program::TEAM.root_der));
    decrypt(&place, "a.mbox", "other", &["--sign-manifest", "no.pem"])
        .code(5)
        .says(&["holds no key with a certificate that can sign"]);
    assert!(!place.join("other.partial").exists());
}

#[test]
fn one_flipped_byte_is_named_with_its_message() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        decrypt(&place, archive, "out", &[]).code(1);
        let lines = records(&place, "out");
        let mut flips = 0;
        for (path, bytes) in files(&place.join("out/data")) {
            let name = format!("data/{}", path.display());
            let file = place.join("out").join(&name);
            let compressed = archive.ends_with("gz") || archive.ends_with("zst");
            let step = (bytes.len() / 23).max(1);
            for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                fs::write(&file, &changed).unwrap();
                let ran = check(&place, &[]);
                ran.code(1);
                assert!(ran.out.contains(&name), "{name} at {at}: {ran:?}");
                if !compressed {
                    // The message whose bytes, or separator before it, are at this place; else the last one.
                    let here = lines
                        .iter()
                        .filter(|one| one["output"]["path"] == name.as_str());
                    let end = |one: &serde_json::Value| {
                        one["output"]["offset"].as_u64().unwrap()
                            + one["output"]["length"].as_u64().unwrap()
                    };
                    let here: Vec<_> = here.collect();
                    let one = here.iter().find(|one| at < end(one) as usize);
                    let one = one.unwrap_or(here.last().unwrap());
                    let label = match one["kind"] == "file" {
                        true => format!("{name}: "),
                        false => format!("{name}#{}: ", one["output"]["offset"]),
                    };
                    assert!(ran.out.starts_with(&label), "{label} at {at}: {ran:?}");
                    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
                }
                flips += 1;
            }
            fs::write(&file, &bytes).unwrap();
        }
        assert!(flips > 20, "{archive}: {flips}");
        check(&place, &[]).code(0);
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

/// A small bag with everything that a bag can have.
fn signed_bag(place: &Workplace, out: &str) {
    place.write("mail/a.mbox", mbox(&mails()));
    place.write("mail/notes.txt", "no mail\n");
    place.write("mail/empty", "");
    let sign = ["--sign-manifest", "keys/alice.p12"];
    decrypt(place, "mail", out, &sign).code(1);
}

#[test]
fn a_flipped_byte_of_any_file_is_named() {
    let place = Workplace::with_pki();
    signed_bag(&place, "out");
    check(&place, &[]).code(0);
    let all = files(&place.join("out"));
    assert_eq!(all.len(), 11, "{:?}", all.keys());
    let mut flips = 0;
    for (path, bytes) in &all {
        let (file, name) = (place.join("out").join(path), path.display().to_string());
        let step = (bytes.len() / 40).max(1);
        for at in (0..bytes.len())
            .step_by(step)
            .chain(bytes.len().checked_sub(1))
        {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&file, &changed).unwrap();
            let ran = check(&place, &[]);
            ran.code(1);
            let named = ran.out.starts_with(&format!("{name}: "))
                || ran.out.starts_with(&format!("{name}#"));
            assert!(named, "{name} at {at}: {ran:?}");
            // Nothing is said of a message whose bytes are what they were.
            let of_messages = ran
                .out
                .lines()
                .filter(|line| line.contains('#') && !line.contains("but the manifest is changed"));
            assert!(
                of_messages.count() <= usize::from(name.starts_with("data/")),
                "{name} at {at}: {ran:?}"
            );
            flips += 1;
        }
        fs::write(&file, bytes).unwrap();
    }
    assert!(flips > 300, "{flips}");
    check(&place, &[]).code(0);
}

fn hex(bytes: &[u8]) -> String {
    mailseal::report::encode::hex(&mailseal::crypto::digest::sha256(bytes))
}

/// A `bag-info.txt` with a last line that fits the others.
fn sealed(text: &str) -> String {
    let (lines, _) = text.split_once("Info-SHA256").unwrap();
    format!("{lines}Info-SHA256: {}\n", hex(lines.as_bytes()))
}

#[test]
fn what_is_cut_gone_renamed_or_added_is_named() {
    let place = Workplace::with_pki();
    signed_bag(&place, "out");
    for (path, bytes) in &files(&place.join("out")) {
        let (file, name) = (place.join("out").join(path), path.display().to_string());
        let names = |ran: &crate::program::Ran, what: &str| {
            ran.code(1);
            assert!(ran.out.contains(&name), "{what} {name}: {ran:?}");
        };
        for left in [bytes.len() / 2, bytes.len().saturating_sub(1), 0] {
            if left < bytes.len() {
                fs::write(&file, &bytes[..left]).unwrap();
                names(&check(&place, &[]), "cut");
            }
        }
        fs::write(&file, [&bytes[..], b"\n"].concat()).unwrap();
        names(&check(&place, &[]), "longer");
        fs::remove_file(&file).unwrap();
        let ran = check(&place, &[]);
        names(&ran, "gone");
        let gone = format!("{name}: is missing");
        assert!(ran.out.lines().any(|line| line == gone), "{ran:?}");
        let other = file.with_file_name("other");
        fs::write(&other, bytes).unwrap();
        let ran = check(&place, &[]);
        names(&ran, "renamed");
        assert!(ran.out.contains("other: is in no manifest"), "{ran:?}");
        fs::remove_file(&other).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    check(&place, &[]).code(0);
    // A signature that nobody made here, and one over something else.
    place.write("out/extra", "x");
    place.write("out/data/mail/extra", "x");
    let ran = check(&place, &[]);
    ran.code(1);
    for extra in ["extra", "data/mail/extra"] {
        let line = format!("{extra}: is in no manifest");
        assert!(ran.out.lines().any(|said| said == line), "{ran:?}");
    }
    for extra in ["out/extra", "out/data/mail/extra"] {
        fs::remove_file(place.join(extra)).unwrap();
    }
    place.write("b.mbox", mbox(&[plain("1", "x")]));
    let signature = "tagmanifest-sha256.txt.p7s";
    for (out, more) in [
        ("plain", &[][..]),
        ("other", &["--sign-manifest", "keys/alice.p12"]),
    ] {
        decrypt(&place, "b.mbox", out, more).code(0);
    }
    let other = fs::read(place.join("other").join(signature)).unwrap();
    fs::write(place.join("plain").join(signature), &other).unwrap();
    let ran = place.run(&["check", "plain"]);
    ran.code(1);
    assert!(
        ran.out
            .starts_with(&format!("{signature}: is in no manifest"))
    );
    // With everything else made to fit, it is still over another bag.
    let info = place.join("out/bag-info.txt");
    let text = fs::read_to_string(&info).unwrap();
    let ours = fs::read(place.join("out").join(signature)).unwrap();
    let text = text.replace(&hex(&ours), &hex(&other));
    fs::write(&info, sealed(&text)).unwrap();
    fs::write(place.join("out").join(signature), &other).unwrap();
    let ran = check(&place, &[]);
    ran.code(1);
    assert!(
        ran.out
            .starts_with(&format!("{signature}: is no signature over")),
        "{ran:?}"
    );
    // What is no bag is said to be none.
    place
        .run(&["check", "nowhere"])
        .code(5)
        .says(&["nowhere: cannot be read"]);
    place
        .run(&["check", "keys"])
        .code(5)
        .says(&["keys: is no bag"]);
}

#[test]
fn figures_that_were_made_to_fit_are_held_against_the_files() {
    let place = Workplace::with_pki();
    signed_bag(&place, "out");
    let read = |name: &str| fs::read_to_string(place.join("out").join(name)).unwrap();
    let (info, run) = (read("bag-info.txt"), read("run.json"));
    place.write(
        "out/bag-info.txt",
        sealed(&info.replace("Oxum: ", "Oxum: 1")),
    );
    let ran = check(&place, &[]);
    assert!(
        ran.code(1).out.starts_with("bag-info.txt: Payload-Oxum"),
        "{ran:?}"
    );
    let more = run.replace("\"messages\": 8", "\"messages\": 9");
    assert_ne!(more, run);
    place.write("out/run.json", &more);
    let text = info.replace(&hex(run.as_bytes()), &hex(more.as_bytes()));
    place.write("out/bag-info.txt", sealed(&text));
    let ran = check(&place, &[]);
    assert!(
        ran.code(1).out.starts_with("run.json: its messages"),
        "{ran:?}"
    );
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
}

/// Only `bag-info.txt` and `run.json` differ, with a key whose signatures have a nonce.
#[test]
fn two_runs_give_the_same_signature() {
    let place = Workplace::with_pki();
    signed_bag(&place, "out");
    let sign = ["--sign-manifest", "keys/alice.p12"];
    decrypt(&place, "mail", "again", &sign).code(1);
    let (one, other) = (bag(&place, "out"), bag(&place, "again"));
    assert!(
        one.keys()
            .any(|path| path.ends_with("tagmanifest-sha256.txt.p7s"))
    );
    for (path, bytes) in &one {
        assert!(other.get(path) == Some(bytes), "{path:?}");
    }
    assert_eq!(one.len(), other.len());
}

#[test]
fn a_manifest_leads_nowhere_but_below_the_bag() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    place.write("secret", "x");
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    for name in ["manifest-sha256.txt", "manifest.jsonl"] {
        let path = place.join("out").join(name);
        let text = fs::read_to_string(&path).unwrap();
        for bad in ["data/../../secret", "/etc/passwd", "../secret"] {
            fs::write(&path, text.replace("data/a.mbox", bad)).unwrap();
            let ran = check(&place, &[]);
            ran.code(1);
            assert!(!ran.out.contains("secret: the file"), "{ran:?}");
        }
        fs::write(&path, text).unwrap();
    }
    check(&place, &[]).code(0);
}

#[test]
fn the_source_is_held_against_the_manifest() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        decrypt(&place, archive, "out", &[]).code(1);
        let source = ["--source", archive];
        let ran = check(&place, &source);
        assert!(
            ran.code(0).out.contains("8 held against the source"),
            "{ran:?}"
        );
        if archive == "a.mbox" {
            let bytes = fs::read(place.join(archive)).unwrap();
            let lines = records(&place, "out");
            for one in &lines {
                let at = one["source"]["offset"].as_u64().unwrap() as usize + 20;
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                fs::write(place.join(archive), &changed).unwrap();
                let label = format!("source a.mbox#{}: ", one["source"]["offset"]);
                let ran = check(&place, &source);
                assert!(ran.code(1).out.starts_with(&label), "{label} {ran:?}");
            }
            let more = [&bytes[..], &mbox(&[plain("9", "new")])].concat();
            fs::write(place.join(archive), more).unwrap();
            let ran = check(&place, &source);
            let count = "source: has 9 messages, and the manifest 8\n";
            assert!(ran.code(1).out.contains(count), "{ran:?}");
            fs::write(place.join(archive), &bytes).unwrap();
            // Between the messages and behind them, too.
            for (at, octet) in bytes.iter().enumerate() {
                let inside = |one: &serde_json::Value| {
                    let number = |key: &str| one["source"][key].as_u64().unwrap() as usize;
                    (number("offset")..number("offset") + number("length")).contains(&at)
                };
                if lines.iter().any(inside) {
                    continue;
                }
                let mut changed = bytes.clone();
                changed[at] = match octet {
                    b'1' => b'2',
                    b'a' => b'b',
                    b'J' => b'j',
                    _ => continue,
                };
                fs::write(place.join(archive), &changed).unwrap();
                let ran = check(&place, &source);
                assert!(ran.code(1).out.contains("source a.mbox#"), "{at}: {ran:?}");
            }
            fs::write(place.join(archive), [&bytes[..], b"\n"].concat()).unwrap();
            let ran = check(&place, &source);
            assert!(ran.code(1).out.contains("source a.mbox#"), "{ran:?}");
            fs::write(place.join(archive), &bytes).unwrap();
            check(&place, &source).code(0);
        }
        if archive == "maildir" || archive == "eml" {
            // Renamed, gone, another.
            let lines = records(&place, "out");
            let one = lines[2]["source"]["path"].as_str().unwrap();
            let file = place.join(archive).join(one);
            let bytes = fs::read(&file).unwrap();
            fs::rename(&file, place.join("away")).unwrap();
            let ran = check(&place, &source);
            let gone = format!("source {one}#0: is missing");
            assert!(ran.code(1).out.contains(&gone), "{ran:?}");
            fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
            let ran = check(&place, &source);
            let cut = format!("source {one}#0: the message is not");
            assert!(ran.code(1).out.starts_with(&cut), "{ran:?}");
            fs::write(&file, &bytes).unwrap();
            check(&place, &source).code(0);
        }
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

#[test]
fn the_bag_is_the_same_for_any_number_of_threads() {
    let place = Workplace::with_pki();
    let many: Vec<String> = (0..120)
        .map(|n| match n % 3 {
            0 => encrypted(&n.to_string(), &noise(n, 90_000)),
            1 => plain(&n.to_string(), &noise(n, 90_000)),
            _ => for_carol(&n.to_string(), &noise(n, 90_000)),
        })
        .collect();
    place.write("a.mbox", mbox(&many));
    decrypt(&place, "a.mbox", "one", &["--threads", "1"]).code(1);
    decrypt(
        &place,
        "a.mbox",
        "eight",
        &["--threads", "8", "--memory", "6M"],
    )
    .code(1);
    assert!(bag(&place, "one") == bag(&place, "eight"));
}

#[test]
fn several_archives_lie_beside_each_other() {
    let place = Workplace::with_pki();
    for folder in ["x", "y"] {
        place.write(format!("{folder}/a.mbox"), mbox(&mails()));
    }
    let arguments = ["decrypt", "x/a.mbox", "y/a.mbox", "x", "-o", "out", "-q"];
    place.run(&[&arguments[..], &KEYS].concat()).code(1);
    let data = files(&place.join("out/data"));
    let names: Vec<_> = data.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(names, ["a.mbox", "a.mbox-2", "x/a.mbox"]);
    let source = [
        "--source", "x/a.mbox", "--source", "y/a.mbox", "--source", "x",
    ];
    check(&place, &source).code(0);
}
