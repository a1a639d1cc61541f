//! `mailseal decrypt` and `mailseal check`, on the built program: what comes out, what is proven, and what a killed run leaves.

mod corpus;
mod crash;
mod live;
mod proof;
mod roundtrip;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mailseal::crypto::content_cipher::CipherAlgorithm;
use serde_json::Value;

use super::program::{
    Ran, TEAM, Workplace, encrypt, encrypted, entity, mbox, opaque, pkcs7_mime, plain, signed,
};
use super::toolkit::enveloped::{Encrypt, To};
use super::toolkit::keys as committed;
use super::toolkit::people::{bob, carol};

/// Keys and passwords that open what is for Alice.
pub const KEYS: [&str; 4] = ["--keys", "keys", "--passwords", "passwords.txt"];

/// For somebody whose key nobody has.
pub fn for_carol(id: &str, text: &str) -> String {
    let entity = entity(text);
    let cms = Encrypt::new(entity.as_bytes(), CipherAlgorithm::Aes256Cbc).to(To::new(carol()));
    pkcs7_mime(id, "enveloped-data", &cms.encode())
}

/// Signed by Alice, and then encrypted for her.
pub fn signed_encrypted(id: &str, text: &str) -> String {
    let mail = signed(id, text);
    let at = mail.find("Content-Type: multipart/signed").unwrap();
    let entity = mail[at..].replace('\n', "\r\n");
    pkcs7_mime(id, "enveloped-data", &encrypt(entity.as_bytes()))
}

/// Mails of every kind.
pub fn mails() -> Vec<String> {
    vec![
        plain("1", "hello"),
        encrypted("2", "secret"),
        signed("3", "detached"),
        for_carol("4", "not for us"),
        signed_encrypted("5", "signed inside"),
        opaque("6", "opaque"),
        encrypted("7", "From here on\nand From there"),
        plain("8", "bye"),
    ]
}

/// Mails of which none can be decrypted.
pub fn closed_mails() -> Vec<String> {
    vec![
        plain("1", "hello\n>From me\n>>From you"),
        signed("2", "detached"),
        for_carol("3", "not for us"),
        opaque("4", "opaque"),
    ]
}

/// `decrypt ARCHIVE -o OUT -q` with Alice's keys.
pub fn decrypt(place: &Workplace, archive: &str, out: &str, more: &[&str]) -> Ran {
    let arguments = [&["decrypt", archive, "-o", out, "-q"][..], &KEYS, more];
    place.run(&arguments.concat())
}

/// The lines of a bag's `manifest.jsonl`.
pub fn records(place: &Workplace, out: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.join(out).join("manifest.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every file below a folder, by its path in it.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(&below).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            if kind.is_dir() {
                left.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A bag without what differs from run to run.
pub fn bag(place: &Workplace, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(&place.join(out));
    for name in ["bag-info.txt", "run.json"] {
        assert!(files.remove(Path::new(name)).is_some(), "{out}: no {name}");
    }
    files
}

/// Every folder below a folder.
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(&below).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                all.push(path.strip_prefix(folder).unwrap().to_owned());
                left.push(path);
            }
        }
    }
    all.sort();
    all
}

/// Last change, in seconds and nanoseconds.
pub fn modified(path: &Path) -> (i64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.mtime(), metadata.mtime_nsec())
}

/// The same archive in every form: a name, and whether it is a folder.
pub fn every_form(place: &Workplace, mails: &[String]) -> Vec<&'static str> {
    let crlf = |mail: &String| mail.replace('\n', "\r\n");
    place.write("a.mbox", mbox(mails));
    place.write("a.mbox.gz", super::program::gzip(&mbox(mails)));
    place.write("a.mbox.zst", super::program::zstd(&mbox(mails)));
    for (n, mail) in mails.iter().enumerate() {
        place.write(format!("eml/below/{n}.eml"), crlf(mail));
        let name = format!("{}.M{n}.host,S={}:2,S", 1_420_070_400 + n, mail.len());
        place.write(format!("maildir/.Sent/cur/{name}"), mail);
    }
    for part in ["cur", "new", "tmp", ".Sent/new", ".Sent/tmp", ".Empty/cur"] {
        fs::create_dir_all(place.join("maildir").join(part)).unwrap();
    }
    fs::create_dir_all(place.join("maildir/.Empty/new")).unwrap();
    place.write("eml/notes.txt", "no mail\n");
    vec!["a.mbox", "a.mbox.gz", "a.mbox.zst", "eml", "maildir"]
}

#[test]
fn a_second_run_is_refused_and_changes_nothing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    let before = files(&place.join("out"));
    decrypt(&place, "a.mbox", "out", &[])
        .code(5)
        .says(&["out: exists already"]);
    assert_eq!(files(&place.join("out")), before);
}

#[test]
fn force_replaces_a_bag_of_ours_and_nothing_else() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    place.write("mine/notes.txt", "x");
    let forced = |out: &str| decrypt(&place, "a.mbox", out, &["--force"]);
    forced("mine").code(5).says(&["is no bag of mailseal"]);
    assert_eq!(fs::read(place.join("mine/notes.txt")).unwrap(), b"x");
    forced("out").code(1);
    let first = bag(&place, "out");
    forced("out").code(1);
    assert_eq!(bag(&place, "out"), first);
    // The archive lies in what would be replaced.
    decrypt(&place, "out/data/a.mbox", "out", &["--force"])
        .code(5)
        .says(&["lies in the folder that would be replaced"]);
    assert_eq!(bag(&place, "out"), first);
    place.write("out/notes.txt", "x");
    forced("out").code(5).says(&["holds more than a bag"]);
    assert!(!place.join("out.partial").exists() && !place.join("out.replaced").exists());
}

/// Sources and files of the user's in each of the folders that `--force` may touch: none is removed, whatever they look like.
#[test]
fn f_17_force_never_removes_what_is_not_ours() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    let forced = |archive: &str| decrypt(&place, archive, "out", &["--force"]);
    forced("a.mbox").code(1);
    let whole = bag(&place, "out");
    // Beside the bag's files, among the messages, in a folder of their own.
    for mine in [
        "out/data/notes.txt",
        "out/data/deep/notes.txt",
        "out/new/notes.txt",
    ] {
        place.write(mine, "mine");
        forced("a.mbox").code(5).says(&["holds more than a bag"]);
        assert_eq!(fs::read(place.join(mine)).unwrap(), b"mine", "{mine}");
        fs::remove_file(place.join(mine)).unwrap();
        if mine == "out/new/notes.txt" {
            fs::remove_dir(place.join("out/new")).unwrap();
        }
    }
    fs::remove_dir(place.join("out/data/deep")).unwrap();
    // A source in the bag, by a link, by another way to write it, and the bag itself.
    std::os::unix::fs::symlink(place.join("out/data"), place.join("link")).unwrap();
    for archive in ["out/data/a.mbox", "link/a.mbox", "./out/../out/data", "out"] {
        forced(archive).code(5);
        assert_eq!(bag(&place, "out"), whole, "{archive}");
    }
    // What stands where the old bag would wait: a bag put aside by hand, and something else.
    fs::rename(place.join("out"), place.join("out.replaced")).unwrap();
    forced("a.mbox").code(1);
    assert_eq!(bag(&place, "out.replaced"), whole);
    forced("a.mbox")
        .code(5)
        .says(&["out.replaced", "Move it away"]);
    assert_eq!(bag(&place, "out.replaced"), whole);
    forced("out.replaced/data/a.mbox").code(5);
    assert_eq!(bag(&place, "out.replaced"), whole);
    fs::remove_dir_all(place.join("out.replaced")).unwrap();
    fs::remove_dir_all(place.join("out")).unwrap();
    place.write("out.replaced/notes.txt", "mine");
    forced("a.mbox").code(1);
    assert!(place.join("out.replaced/notes.txt").exists());
    fs::remove_dir_all(place.join("out.replaced")).unwrap();
    // And where the new one would grow.
    for mine in [
        "notes.txt",
        "bag/notes.txt",
        "tmp/notes.txt",
        "bag/data/notes.txt",
    ] {
        let mine = format!("out.partial/{mine}");
        place.write(&mine, "mine");
        forced("a.mbox")
            .code(5)
            .says(&["out.partial", "Move it away"]);
        assert!(place.join(&mine).exists(), "{mine}");
        place.write("out.partial/resume.args", "x");
        if mine.ends_with("/notes.txt") && mine.matches('/').count() < 3 && !mine.contains("tmp") {
            forced("a.mbox").code(5);
            assert!(place.join(&mine).exists(), "{mine}");
        }
        fs::remove_dir_all(place.join("out.partial")).unwrap();
    }
    place.write("out.partial/a.mbox", mbox(&mails()));
    forced("out.partial/a.mbox").code(5);
    assert!(place.join("out.partial/a.mbox").exists());
    assert_eq!(bag(&place, "out"), whole);
}

#[test]
fn f_16_a_second_run_changes_nothing_and_a_third_starts_anew_on_demand() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    decrypt(&place, "a.mbox", "out", &[]).code(1);
    let all = files(&place.join("out"));
    let times = |out: &str| -> Vec<_> {
        let all = files(&place.join(out));
        let of = |path: &PathBuf| fs::metadata(place.join(out).join(path)).unwrap();
        all.keys()
            .map(|path| (of(path).ino(), of(path).mtime_nsec()))
            .collect()
    };
    let before = times("out");
    decrypt(&place, "a.mbox", "out", &[])
        .code(5)
        .says(&["exists"]);
    assert_eq!((files(&place.join("out")), times("out")), (all, before));
    let first = bag(&place, "out");
    decrypt(&place, "a.mbox", "out", &["--force"]).code(1);
    assert_eq!(bag(&place, "out"), first);
}

/// A key is at hand, but no password for it: the certificate beside it says so.
#[test]
fn f_20_a_locked_key_is_told_from_a_missing_one() {
    let place = Workplace::with_pki();
    place.write(
        "a.mbox",
        mbox(&[encrypted("1", "secret"), for_carol("2", "other")]),
    );
    place.write("wrong.txt", "not the password\n");
    // Another key opens, so that the run goes on.
    place.write("some/bob.key", committed::pkcs8(bob().key()));
    fs::copy(place.join("keys/alice.p12"), place.join("some/alice.p12")).unwrap();
    let arguments = [
        "decrypt",
        "a.mbox",
        "--keys",
        "some",
        "--passwords",
        "wrong.txt",
        "-o",
    ];
    let reasons = |out: &str| -> Vec<String> {
        let all = records(&place, out);
        all.iter()
            .map(|one| one["reason"].as_str().unwrap().to_owned())
            .collect()
    };
    place.run(&[&arguments[..], &["without"]].concat()).code(1);
    assert_eq!(reasons("without"), ["no_key", "no_key"]);
    place.write("some/alice.cer", &TEAM.alice_der);
    let ran = place.run(&[&arguments[..], &["with"]].concat());
    ran.code(1);
    assert_eq!(reasons("with"), ["key_locked", "no_key"]);
    assert!(ran.out.contains("key_locked"), "{}", ran.out);
    let worklist = fs::read_to_string(place.join("with/undecrypted.csv")).unwrap();
    assert!(worklist.contains(",key_locked\n"), "{worklist}");
    // A certificate that is called otherwise says nothing.
    fs::rename(place.join("some/alice.cer"), place.join("some/other.cer")).unwrap();
    place.run(&[&arguments[..], &["other"]].concat()).code(1);
    assert_eq!(reasons("other"), ["no_key", "no_key"]);
}

#[test]
fn what_was_decrypted_is_copied_when_it_is_migrated_again() {
    let place = Workplace::with_pki();
    for archive in every_form(&place, &mails()) {
        decrypt(&place, archive, "out", &[]).code(1);
        decrypt(&place, &format!("out/data/{archive}"), "again", &[]).code(1);
        assert_eq!(
            files(&place.join("out/data")),
            files(&place.join("again/data")),
            "{archive}"
        );
        for out in ["out", "again"] {
            fs::remove_dir_all(place.join(out)).unwrap();
        }
    }
}

#[test]
fn exit_codes_tell_what_is_left() {
    let place = Workplace::with_pki();
    place.write(
        "all.mbox",
        mbox(&[encrypted("1", "secret"), plain("2", "x")]),
    );
    place.write("some.mbox", mbox(&[for_carol("1", "secret")]));
    decrypt(&place, "all.mbox", "all", &[]).code(0);
    let bits = &records(&place, "all")[0]["layers"][0]["key_bits"];
    assert!(bits.as_u64().is_some_and(|bits| bits >= 128), "{bits}");
    place.run(&["check", "all"]).code(0);
    decrypt(&place, "some.mbox", "some", &[]).code(1);
    decrypt(&place, "none.mbox", "none", &[]).code(5);
    decrypt(&place, "-", "none", &[])
        .code(5)
        .says(&["-: can be read only once"]);
    place.run(&["decrypt", "all.mbox"]).code(2);
    let over = decrypt(&place, "all.mbox", "over", &["--max-message", "400"]);
    over.code(3);
    assert!(!place.join("none").exists() && !place.join("none.partial").exists());
}

#[test]
fn the_summary_says_the_worst_first_on_one_screen() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    let ran = place.run(&[&["decrypt", "a.mbox", "-o", "out"][..], &KEYS].concat());
    ran.code(1);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "8 messages in 1 file", "{ran:?}");
    let at = |word: &str| {
        let found = lines
            .iter()
            .position(|line| line.trim_start().starts_with(word));
        found.unwrap_or_else(|| panic!("{word}: {ran:?}"))
    };
    assert!(at("no_key") < at("without integrity") && at("without integrity") < at("decrypted"));
    assert!(lines.len() < 24 && lines.iter().all(|line| line.chars().count() <= 80));
}
