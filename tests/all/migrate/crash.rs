//! Runs that are killed, and gone on with: the bytes of a run that nothing happened to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{KEYS, Workplace, bag, for_carol, mails, signed_encrypted};
use crate::program::{HANG, PROGRAM, encrypted, mbox, noise, plain, signed};

/// About `megabytes` of mail in which every kind comes again and again.
fn many(count: u64, bytes: usize) -> Vec<String> {
    let some: Vec<String> = (0..12)
        .map(|n| match n % 4 {
            0 => encrypted(&n.to_string(), &noise(n, bytes)),
            1 => signed_encrypted(&n.to_string(), &noise(n, bytes / 2)),
            2 => for_carol(&n.to_string(), &noise(n, bytes)),
            _ => signed(&n.to_string(), &noise(n, bytes)),
        })
        .collect();
    (0..count)
        .map(|n| match n % 3 {
            0 => plain(&n.to_string(), &noise(n, bytes)),
            _ => {
                let mail = &some[(n % 12) as usize];
                let id = format!("<{}@example.com>", n % 12);
                mail.replace(&id, &format!("<{n}@example.com>"))
            }
        })
        .collect()
}

fn start(place: &Workplace, arguments: &[&str]) -> Child {
    Command::new(PROGRAM)
        .args(arguments)
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(place.join("said")).unwrap())
        .spawn()
        .unwrap()
}

/// Waits for the end, at most this long; its code.
fn wait(child: &mut Child, most: Duration) -> Option<i32> {
    let started = Instant::now();
    while started.elapsed() < most {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        thread::sleep(Duration::from_micros(300));
    }
    None
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most.max(1)
    }
}

fn source_of(place: &Workplace, archive: &str) -> BTreeMap<PathBuf, (Vec<u8>, (i64, i64))> {
    let root = place.join(archive);
    if root.is_file() {
        let bytes = fs::read(&root).unwrap();
        return BTreeMap::from([(root.clone(), (bytes, super::modified(&root)))]);
    }
    super::files(&root)
        .into_iter()
        .map(|(path, bytes)| {
            let time = super::modified(&root.join(&path));
            (path, (bytes, time))
        })
        .collect()
}

/// Kills runs at random instants until that happened `points` times, each time going on with what is left; every run that came to its
/// end gave the same bytes, and nothing stood under the final name before.
fn killed_at(place: &Workplace, archive: &str, points: u32, seed: u64) -> (u32, u32) {
    let decrypt = |out: &'static str| [&["decrypt", archive, "-o", out, "-q"][..], &KEYS].concat();
    let source = source_of(place, archive);
    let started = Instant::now();
    place.run(&decrypt("whole")).code(1);
    let whole_run = u64::try_from(started.elapsed().as_micros()).unwrap();
    let expected = bag(place, "whole");
    let mut random = Random(seed | 1);
    let (mut kills, mut ends, mut chain, mut longest) = (0, 0, 0, 0);
    let mut child = start(place, &decrypt("out"));
    loop {
        let delay = Duration::from_micros(random.below(whole_run * 4 / 5));
        let code = match kills < points {
            true => wait(&mut child, delay),
            false => wait(&mut child, HANG),
        };
        let Some(code) = code else {
            assert!(kills < points, "it hangs");
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            chain += 1;
            longest = longest.max(chain);
            let partial = place.join("out.partial");
            child = if partial.join("resume.args").is_file() {
                start(place, &["decrypt", "--resume", "out.partial"])
            } else if place.join("out").exists() {
                ends += 1;
                chain = 0;
                assert!(bag(place, "out") == expected, "killed as it ended");
                fs::remove_dir_all(place.join("out")).unwrap();
                let _ = fs::remove_dir_all(&partial);
                start(place, &decrypt("out"))
            } else {
                // It did not come so far as to say how to go on.
                let _ = fs::remove_dir_all(&partial);
                start(place, &decrypt("out"))
            };
            continue;
        };
        let said = fs::read_to_string(place.join("said")).unwrap();
        assert!(
            matches!(code, 0 | 1),
            "kill {kills}: exit code {code}: {said}"
        );
        assert!(!place.join("out.partial").exists());
        let is = bag(place, "out");
        for (path, bytes) in &expected {
            assert!(is.get(path) == Some(bytes), "after {kills} kills: {path:?}");
        }
        assert_eq!(is.len(), expected.len(), "after {kills} kills");
        ends += 1;
        chain = 0;
        if kills == points {
            break;
        }
        fs::remove_dir_all(place.join("out")).unwrap();
        child = start(place, &decrypt("out"));
    }
    assert!(
        source_of(place, archive) == source,
        "the source was changed"
    );
    place.run(&["check", "out", "--source", archive]).code(0);
    (ends, longest)
}

fn in_folders(place: &Workplace, mails: &[String]) {
    for (n, mail) in mails.iter().enumerate() {
        let part = if n % 2 == 0 { "cur" } else { "new" };
        place.write(
            format!("maildir/{part}/{}.M{n}.host,S=1", 1_420_070_400 + n),
            mail,
        );
        place.write(format!("eml/{}/{n}.eml", n % 7), mail);
    }
}

#[test]
fn f_13_f_16_an_mbox_killed_at_some_points_gives_the_same_bytes() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many(400, 60_000)));
    let (ends, longest) = killed_at(&place, "a.mbox", 12, 1);
    println!("12 kills, {ends} ends, {longest} in a row");
}

#[test]
fn f_13_f_16_folders_killed_at_some_points_give_the_same_bytes() {
    let place = Workplace::with_pki();
    in_folders(&place, &many(200, 60_000));
    for archive in ["maildir", "eml"] {
        let (ends, longest) = killed_at(&place, archive, 8, 2);
        println!("{archive}: 8 kills, {ends} ends, {longest} in a row");
        for out in ["out", "whole"] {
            fs::remove_dir_all(place.join(out)).unwrap();
        }
    }
}

#[test]
fn f_13_f_16_a_compressed_mbox_killed_at_some_points_gives_the_same_bytes() {
    let place = Workplace::with_pki();
    place.write("a.mbox.gz", crate::program::gzip(&mbox(&many(200, 60_000))));
    killed_at(&place, "a.mbox.gz", 6, 3);
}

#[test]
#[ignore = "minutes: 200 kills of runs over 2,000 messages in each form"]
fn f_13_f_16_killed_at_200_points() {
    let place = Workplace::with_pki();
    let mails = many(2000, 20_000);
    place.write("a.mbox", mbox(&mails));
    in_folders(&place, &mails);
    for (archive, seed) in [("a.mbox", 11), ("maildir", 12), ("eml", 13)] {
        let started = Instant::now();
        let (ends, longest) = killed_at(&place, archive, 200, seed);
        println!(
            "{archive}: 200 kills, {ends} runs came to their end with the same bytes, up to {longest} kills in a row, {:.0} s",
            started.elapsed().as_secs_f64()
        );
        for out in ["out", "whole"] {
            fs::remove_dir_all(place.join(out)).unwrap();
        }
    }
}

/// Bytes that a run wrote and did not get to sync are not there, or are others; what the journal speaks of was synced.
#[test]
fn f_13_what_was_not_synced_may_be_anything() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many(300, 60_000)));
    let decrypt = |out: &'static str| [&["decrypt", "a.mbox", "-o", out, "-q"][..], &KEYS].concat();
    place.run(&decrypt("whole")).code(1);
    let expected = bag(&place, "whole");
    let mut child = start(&place, &decrypt("out"));
    let journal = place.join("out.partial/journal");
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let started = Instant::now();
    while length(&journal) < 600 && started.elapsed() < HANG {
        thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    if place.join("out").exists() {
        println!("skipped: it was through before it could be killed");
        return;
    }
    for name in [
        "bag/manifest.jsonl",
        "bag/manifest-sha256.txt",
        "bag/undecrypted.csv",
        "journal",
    ] {
        let path = place.join("out.partial").join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"P half of a frame, or of a line");
        fs::write(&path, bytes).unwrap();
    }
    for path in super::files(&place.join("out.partial/tmp")).keys() {
        let path = place.join("out.partial/tmp").join(path);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&[0; 5000]);
        fs::write(&path, bytes).unwrap();
    }
    place.write("out.partial/tmp/999", "left over");
    place.run(&["decrypt", "--resume", "out.partial"]).code(1);
    assert!(bag(&place, "out") == expected);
}

/// Whoever comes second, however it is asked, is sent away, and the first run never notices.
#[test]
fn two_runs_never_write_the_same_bag() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many(300, 60_000)));
    let decrypt = |out: &'static str| [&["decrypt", "a.mbox", "-o", out, "-q"][..], &KEYS].concat();
    place.run(&decrypt("whole")).code(1);
    let resume = vec!["decrypt", "--resume", "out.partial"];
    let journal = place.join("out.partial/journal");
    let length = || fs::metadata(&journal).map_or(0, |metadata| metadata.len());
    let mut first = start(&place, &decrypt("out"));
    for _ in 0..2 {
        let (started, before) = (Instant::now(), length());
        while length() <= before && started.elapsed() < HANG {
            thread::sleep(Duration::from_micros(200));
        }
        // It stands still while others try.
        let pid = Pid::from_child(&first);
        kill_process(pid, Signal::STOP).unwrap();
        assert!(place.join("out.partial").exists(), "it was too fast");
        let forced = [&decrypt("out")[..], &["--force"]].concat();
        for second in [&decrypt("out"), &forced, &resume] {
            place
                .run(second)
                .code(5)
                .says(&["out.partial: another run is writing there"]);
        }
        // One that is gone with what it held leaves the folder to the next.
        kill_process(pid, Signal::KILL).unwrap();
        first.wait().unwrap();
        first = start(&place, &resume);
    }
    assert_eq!(wait(&mut first, HANG), Some(1));
    assert!(bag(&place, "out") == bag(&place, "whole"));
}

#[test]
fn going_on_is_refused_with_other_keys_and_where_there_is_nothing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    place
        .run(&["decrypt", "--resume", "out.partial"])
        .code(5)
        .says(&["cannot be read"]);
    fs::create_dir(place.join("out.partial")).unwrap();
    place
        .run(&["decrypt", "--resume", "out.partial"])
        .code(2)
        .says(&["is not what an interrupted run"]);
    place
        .run(&["decrypt", "--resume", "out"])
        .code(2)
        .says(&["is not what an interrupted run"]);
}
