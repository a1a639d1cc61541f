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

#[test]
fn changes_of_manifests_are_named_too() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    for name in [
        "bagit.txt",
        "manifest-sha256.txt",
        "manifest.jsonl",
        "undecrypted.csv",
        "tagmanifest-sha256.txt",
    ] {
        let path = place.join("out").join(name);
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by((bytes.len() / 30).max(1)) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            check(&place, &[]).code(1);
        }
        fs::write(&path, &bytes).unwrap();
        fs::rename(&path, path.with_extension("x")).unwrap();
        let code = check(&place, &[]).code;
        assert!(matches!(code, Some(1 | 5)), "{name}: {code:?}");
        fs::rename(path.with_extension("x"), &path).unwrap();
    }
    check(&place, &[]).code(0);
    // The numbers of the payload, and a file that nobody listed.
    let extra = place.write("out/data/extra", "x");
    assert!(
        check(&place, &[])
            .code(1)
            .out
            .contains("data/extra: is in no manifest")
    );
    fs::remove_file(extra).unwrap();
    let info = place.join("out/bag-info.txt");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("Oxum: ", "Oxum: 1")).unwrap();
    assert!(
        check(&place, &[])
            .code(1)
            .out
            .contains("bag-info.txt: Payload-Oxum")
    );
    fs::write(&info, text).unwrap();
    let data = place.join("out/data/a.mbox");
    fs::rename(&data, place.join("away")).unwrap();
    assert!(
        check(&place, &[])
            .code(1)
            .out
            .contains("data/a.mbox: is missing")
    );
    fs::rename(place.join("away"), &data).unwrap();
    check(&place, &[]).code(0);
    place
        .run(&["check", "nowhere"])
        .code(5)
        .says(&["nowhere: cannot be read"]);
    place
        .run(&["check", "keys"])
        .code(5)
        .says(&["cannot be read"]);
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
            assert!(ran.code(1).out.contains("not as many messages"), "{ran:?}");
            fs::write(place.join(archive), &bytes).unwrap();
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
