//! The index of key files: it saves reading them, and changes nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use mailseal::jobs::keyring::{self, Cache, Loaded};
use mailseal::limits::Limits;
use mailseal::pipeline::{self, Machine};
use mailseal::pki::keyring::{KeyFileProblem, Opened, Passwords, UnlockError};

use crate::program::{AT, Workplace, mbox, pem, small_mails};
use crate::toolkit::keys as committed;
use crate::toolkit::people;

/// File systems count time in steps; an index does not speak of files changed in the step in which it was written.
const SETTLED: Duration = Duration::from_millis(2100);

const PASSWORDS: &str = "wrong\nsesame\n";

fn load(place: &Workplace, passwords: &str, cache: Cache<'_>, threads: usize) -> Loaded {
    let workers = pipeline::threads(threads).unwrap();
    let stop = AtomicBool::new(false);
    let machine = Machine {
        threads: &workers,
        memory_bytes: 0,
        stop: &stop,
    };
    let passwords = Passwords::from_lines(passwords.as_bytes());
    let limits = Limits::default();
    keyring::load(
        &[place.join("keys")],
        &passwords,
        cache,
        &limits,
        &machine,
        &|_, _| {},
    )
    .unwrap()
}

/// Key files of all kinds: PKCS #12, a key and its certificate apart, a bundle, one that does not open, one that is damaged.
fn place() -> Workplace {
    let place = Workplace::with_pki();
    let (bob, carol) = (people::bob(), people::carol());
    place.write("keys/bob.key", committed::pkcs8(bob.key()));
    place.write("keys/bob.cer", &bob.certificate);
    let both = pem("PRIVATE KEY", &committed::pkcs8(carol.key()))
        + &pem("CERTIFICATE", &carol.certificate)
        + &pem("CERTIFICATE", &people::authority().certificate);
    place.write("keys/deep/carol.pem", both);
    let alice = fs::read(place.join("keys/alice.p12")).unwrap();
    place.write("keys/copy.p12", &alice);
    place.write("keys/short.p12", &alice[..alice.len() / 2]);
    place.write("keys/README", "no key");
    place.write("mail.mbox", mbox(&small_mails()));
    place
}

fn index_of(place: &Workplace) -> PathBuf {
    let folder = place.join("cache");
    let names = crate::program::names(&folder);
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

#[test]
fn rings_are_equal_with_and_without_an_index() {
    let place = place();
    thread::sleep(SETTLED);
    let folder = place.join("cache");
    let cache = Cache::Always(&folder);
    let plain = load(&place, PASSWORDS, Cache::None, 1);
    assert!(!folder.exists());
    let cold = load(&place, PASSWORDS, cache, 2);
    let warm = load(&place, PASSWORDS, cache, 2);
    assert_eq!((cold.read, warm.read), (7, 0));
    for other in [&cold, &warm] {
        assert_eq!(plain.report, other.report);
        assert_eq!(plain.keys.digest(), other.keys.digest());
        assert!(plain.keys.certificates().eq(other.keys.certificates()));
        for (one, two) in plain.keys.keys().zip(other.keys.keys()) {
            assert_eq!(plain.keys.friendly_name(one), other.keys.friendly_name(two));
            let public = |ring: &mailseal::pki::keyring::Keyring, key| {
                ring.private_key(key).unwrap().public_spki()
            };
            assert_eq!(public(&plain.keys, one), public(&other.keys, two));
        }
    }
    assert_eq!(plain.keys.keys().count(), 3);
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&index_of(&place))), (0o700, 0o600));
}

#[test]
fn reports_are_equal_cold_warm_and_without() {
    let place = place();
    thread::sleep(SETTLED);
    let run = |report: &str, more: &[&str]| {
        let mut arguments = vec!["audit", "mail.mbox", "-o", report, "-q", AT];
        arguments.extend(["--keys=keys", "--passwords=passwords.txt"]);
        arguments.extend(more);
        place.run(&arguments).code(0);
    };
    run("without", &["--no-cache"]);
    run("cold", &["--cache=cache"]);
    let written = fs::metadata(index_of(&place)).unwrap().modified().unwrap();
    run("warm", &["--cache=cache"]);
    run("one", &["--cache=cache", "--threads=1"]);
    for report in ["cold", "warm", "one"] {
        place.assert_same("without", report);
    }
    // The warm runs had nothing to write.
    let again = fs::metadata(index_of(&place)).unwrap().modified().unwrap();
    assert_eq!(written, again);
    let decrypted = place.table("warm", "decryptions.csv");
    assert!(decrypted.iter().any(|row| row["decryption"] == "decrypted"));
}

#[test]
fn an_index_follows_its_files_and_passwords() {
    let place = place();
    thread::sleep(SETTLED);
    let folder = place.join("cache");
    let cache = Cache::Always(&folder);
    load(&place, PASSWORDS, cache, 1);
    // Without the password, what it opened is read again, and nothing else.
    let locked = load(&place, "wrong\n", cache, 1);
    let of = |loaded: &Loaded, name: &str| {
        let ends = |entry: &&mailseal::pki::keyring::FileEntry| entry.path.ends_with(name);
        loaded.report.entries.iter().find(ends).unwrap().clone()
    };
    assert_eq!(
        of(&locked, "alice.p12").problem,
        Some(KeyFileProblem::WrongPassword)
    );
    assert!(locked.read < 7 && locked.read >= 2, "{}", locked.read);
    assert_eq!(
        locked.report,
        load(&place, "wrong\n", Cache::None, 1).report
    );
    // The number is that of the list of this run.
    let other = load(&place, "sesame\nwrong\n", cache, 1);
    assert_eq!(of(&other, "alice.p12").opened, Opened::WithPassword(1));
    // A changed file is read, a new one too, one that has gone is forgotten.
    load(&place, PASSWORDS, cache, 1);
    let key = committed::pkcs8(people::alice().key());
    place.write("keys/bob.key", &key);
    fs::remove_file(place.join("keys/copy.p12")).unwrap();
    place.write("keys/new.cer", &people::alice().certificate);
    let changed = load(&place, PASSWORDS, cache, 1);
    assert_eq!(changed.read, 2);
    let fresh = load(&place, PASSWORDS, Cache::None, 1);
    assert_eq!(changed.report, fresh.report);
    assert_eq!(changed.keys.digest(), fresh.keys.digest());
    let index = fs::read(index_of(&place)).unwrap();
    let holds = |text: &[u8]| index.windows(text.len()).any(|window| window == text);
    assert!(holds(b"keys/new.cer") && !holds(b"keys/copy.p12"));
    // Files that changed while the index was written are read once more, and then no more.
    thread::sleep(SETTLED);
    assert_eq!(load(&place, PASSWORDS, cache, 1).read, 2);
    assert_eq!(load(&place, PASSWORDS, cache, 1).read, 0);
}

#[test]
fn a_bad_index_is_written_anew() {
    let place = place();
    thread::sleep(SETTLED);
    let folder = place.join("cache");
    let cache = Cache::Always(&folder);
    let fresh = load(&place, PASSWORDS, cache, 1);
    let path = index_of(&place);
    let good = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for bad in [
        Vec::new(),
        b"something else entirely".to_vec(),
        good[..good.len() / 2].to_vec(),
        flipped(5),
        flipped(good.len() / 2),
        flipped(good.len() - 1),
        [good.as_slice(), b"x"].concat(),
    ] {
        fs::write(&path, bad).unwrap();
        let loaded = load(&place, PASSWORDS, cache, 1);
        assert_eq!((loaded.read, &loaded.report), (7, &fresh.report));
        assert_eq!(load(&place, PASSWORDS, cache, 1).read, 0);
    }
    // One that others could have written is not believed.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    assert_eq!(load(&place, PASSWORDS, cache, 1).read, 7);
    assert_eq!(load(&place, PASSWORDS, cache, 1).read, 0);
    // A folder that can't be made costs a word and nothing else.
    place.write("file", "");
    let nowhere = place.join("file/cache");
    let loaded = load(&place, PASSWORDS, Cache::Always(&nowhere), 1);
    assert!(loaded.unwritten.is_some());
    assert_eq!(loaded.report, fresh.report);
}

#[test]
fn two_runs_at_once_leave_a_good_index() {
    let place = place();
    thread::sleep(SETTLED);
    let folder = place.join("cache");
    let cache = Cache::Always(&folder);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load(&place, PASSWORDS, cache, 2));
        }
    });
    assert_eq!(load(&place, PASSWORDS, cache, 1).read, 0);
    index_of(&place);
}

#[test]
fn an_index_holds_no_secret() {
    let place = place();
    let folder = place.join("cache");
    load(&place, PASSWORDS, Cache::Always(&folder), 1);
    let index = fs::read(index_of(&place)).unwrap();
    let holds = |text: &[u8]| index.windows(text.len()).any(|window| window == text);
    assert!(holds(&people::bob().certificate));
    for secret in [
        b"sesame".as_slice(),
        b"s\0e\0s\0a\0m\0e\0",
        b"\0s\0e\0s\0a\0m\0e",
    ] {
        assert!(!holds(secret));
    }
    // Nor any piece of a private key, nor a plain digest of the passwords.
    for holder in [people::bob(), people::carol()] {
        let pkcs8 = committed::pkcs8(holder.key());
        let public = holder.key().public_spki();
        for piece in pkcs8.windows(16) {
            let is_public = public.windows(16).any(|window| window == piece);
            assert!(is_public || !holds(piece));
        }
    }
    for text in ["sesame", PASSWORDS, "wrongsesame"] {
        assert!(!holds(&mailseal::crypto::digest::sha256(text.as_bytes())));
    }
}

#[test]
fn a_key_that_is_gone_is_told_and_its_mail_stays_closed() {
    let place = place();
    thread::sleep(SETTLED);
    let folder = place.join("cache");
    let cache = Cache::Always(&folder);
    load(&place, PASSWORDS, cache, 1);
    let warm = load(&place, PASSWORDS, cache, 1);
    assert_eq!(warm.read, 0);
    // Behind the back of the run: one file goes, another gets another content.
    fs::remove_file(place.join("keys/deep/carol.pem")).unwrap();
    place.write("keys/bob.key", committed::pkcs8(people::alice().key()));
    let outcomes: Vec<_> = warm
        .keys
        .keys()
        .map(|key| warm.keys.private_key(key).map(|_| ()))
        .collect();
    let gone = outcomes
        .iter()
        .filter(|outcome| **outcome == Err(&UnlockError::Gone));
    assert_eq!(gone.count(), 2, "{outcomes:?}");
    assert_eq!(warm.keys.refused().count(), 2);
    for (key, _) in warm.keys.refused() {
        assert!(warm.keys.files_of(key).next().is_some());
    }
}
