//! A source that others go on using while it is migrated, and between a run that was killed and the one that goes on: what is in it is in
//! the output or named.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{KEYS, Workplace, decrypt, files, mails, records};
use crate::program::{HANG, PROGRAM, encrypted, mbox, noise, plain};

/// Encrypted mails of some blocks.
fn many(count: u64) -> Vec<String> {
    let some: Vec<String> = (0..4)
        .map(|n| encrypted(&n.to_string(), &noise(n, 60_000)))
        .collect();
    (0..count)
        .map(|n| {
            let id = format!("<{}@example.com>", n % 4);
            some[(n % 4) as usize].replace(&id, &format!("<{n}@example.com>"))
        })
        .collect()
}

/// Starts a run and waits until it is behind its first block.
fn begun(place: &Workplace, archive: &str) -> Child {
    let arguments = ["decrypt", archive, "-o", "out", "-q", "--threads", "1"];
    let mut child = Command::new(PROGRAM)
        .args([&arguments[..], &KEYS].concat())
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let journal = place.join("out.partial/journal");
    while fs::metadata(&journal).map_or(0, |metadata| metadata.len()) < 600 {
        assert!(started.elapsed() < HANG, "it hangs");
        assert!(child.try_wait().unwrap().is_none(), "it is through already");
        thread::sleep(Duration::from_millis(1));
    }
    child
}

/// A run in the middle of which something happens to the source; killed there and gone on with, or left alone. Its code, and what it said.
fn meanwhile(
    place: &Workplace,
    archive: &str,
    killed: bool,
    happens: impl FnOnce(),
) -> (i32, String) {
    let mut child = begun(place, archive);
    if killed {
        child.kill().unwrap();
        child.wait().unwrap();
        happens();
        let ran = place
            .command(&["decrypt", "--resume", "out.partial"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        return (ran.status.code().unwrap(), said);
    }
    happens();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

/// Reasons and paths of what was left out.
fn left_out(lines: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines
        .iter()
        .filter(|line| line["kind"] == "left_out")
        .map(|line| (text(&line["reason"]), text(&line["source"]["path"])))
        .collect()
}

fn unsettled(place: &Workplace) -> u64 {
    let run = fs::read(place.join("out/run.json")).unwrap();
    let run: Value = serde_json::from_slice(&run).unwrap();
    run["unsettled"].as_u64().unwrap()
}

fn done(place: &Workplace) {
    place.run(&["check", "out"]).code(0);
    fs::remove_dir_all(place.join("out")).unwrap();
}

#[test]
fn f_14_an_mbox_that_grows_is_migrated_up_to_where_it_was() {
    for killed in [false, true] {
        let place = Workplace::with_pki();
        let path = place.write("m/a.mbox", mbox(&many(400)));
        place.write("m/b.mbox", mbox(&many(2)));
        let bytes = fs::metadata(&path).unwrap().len();
        let more = mbox(&[plain("new", "x")]);
        let (code, said) = meanwhile(&place, "m", killed, || {
            let mut file = File::options().append(true).open(&path).unwrap();
            file.write_all(&more).unwrap();
        });
        assert_eq!(code, 3, "{said}");
        let lines = records(&place, "out");
        let grew = ("file_grew".to_owned(), "a.mbox".to_owned());
        assert_eq!(left_out(&lines), [grew]);
        let line = lines
            .iter()
            .find(|line| line["kind"] == "left_out")
            .unwrap();
        assert_eq!(line["source"]["offset"], bytes);
        assert_eq!(line["source"]["length"], more.len() as u64);
        let decrypted = lines.iter().filter(|line| line["action"] == "decrypted");
        assert_eq!(decrypted.count(), 402);
        assert_eq!(unsettled(&place), 1);
        done(&place);
    }
}

#[test]
fn f_14_an_mbox_that_is_written_is_copied_as_it_is_and_the_others_go_on() {
    for killed in [false, true] {
        let place = Workplace::with_pki();
        let path = place.write("m/a.mbox", mbox(&many(400)));
        place.write("m/b.mbox", mbox(&many(2)));
        // As when flags are changed in place.
        let (code, said) = meanwhile(&place, "m", killed, || {
            let bytes = fs::read(&path).unwrap();
            let at = bytes.windows(5).position(|window| window == b"about");
            let mut file = File::options().write(true).open(&path).unwrap();
            file.seek(SeekFrom::Start(at.unwrap() as u64)).unwrap();
            file.write_all(b"ABOUT").unwrap();
        });
        assert_eq!(code, 3, "{said}");
        let made = fs::read(place.join("out/data/m/a.mbox")).unwrap();
        assert!(made == fs::read(&path).unwrap(), "{killed}");
        let lines = records(&place, "out");
        let count = |path: &str, action: &str| {
            let of = |line: &&Value| line["source"]["path"] == path && line["action"] == action;
            lines.iter().filter(of).count()
        };
        assert_eq!(
            (count("a.mbox", "copied"), count("a.mbox", "decrypted")),
            (400, 0)
        );
        assert_eq!(count("b.mbox", "decrypted"), 2);
        let reason = |line: &Value| line["reason"] == "file_changed";
        assert_eq!(lines.iter().filter(|line| reason(line)).count(), 400);
        assert_eq!(unsettled(&place), 1);
        done(&place);
    }
}

#[test]
fn f_14_an_mbox_that_was_through_is_looked_at_again() {
    let place = Workplace::with_pki();
    let path = place.write("m/0.mbox", mbox(&many(2)));
    place.write("m/a.mbox", mbox(&many(400)));
    let (code, said) = meanwhile(&place, "m", false, || {
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&mbox(&[plain("new", "x")])).unwrap();
    });
    assert_eq!(code, 3, "{said}");
    let grew = ("file_grew".to_owned(), "0.mbox".to_owned());
    assert_eq!(left_out(&records(&place, "out")), [grew]);
    done(&place);
}

#[test]
fn f_14_an_mbox_that_is_touched_or_put_back_is_as_it_was() {
    let place = Workplace::with_pki();
    let path = place.write("m/a.mbox", mbox(&many(400)));
    let (code, said) = meanwhile(&place, "m", true, || {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    });
    assert_eq!(code, 0, "{said}");
    assert_eq!(unsettled(&place), 0);
    done(&place);
}

#[test]
fn f_14_an_mbox_that_is_gone_keeps_what_was_read_of_it() {
    for killed in [false, true] {
        let place = Workplace::with_pki();
        let path = place.write("m/a.mbox", mbox(&many(400)));
        place.write("m/b.mbox", mbox(&many(2)));
        let (code, said) = meanwhile(&place, "m", killed, || fs::remove_file(&path).unwrap());
        let lines = records(&place, "out");
        let decrypted = lines.iter().filter(|line| line["action"] == "decrypted");
        let decrypted = decrypted.count();
        let reason = match killed {
            true => "vanished",
            false => "file_replaced",
        };
        let named = [(reason.to_owned(), "a.mbox".to_owned())];
        // Where it had been read already, nothing is missing.
        if killed || code != 0 {
            assert_eq!((code, left_out(&lines)), (3, named.into()), "{said}");
        }
        assert!(decrypted > 2, "{decrypted}");
        assert!(killed || decrypted == 402, "{decrypted}");
        done(&place);
    }
}

fn name(n: usize) -> String {
    format!("{}.M{n}.host", 1_420_070_400 + n)
}

/// Numbers of the messages below a folder, by their Message-IDs.
fn numbers(folder: &Path) -> Vec<usize> {
    let mut all: Vec<usize> = files(folder)
        .values()
        .filter_map(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let id = text.split("Message-ID: <").nth(1)?;
            id.split('@').next()?.parse().ok()
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn f_14_a_maildir_in_use_is_in_the_output_or_named() {
    for killed in [false, true] {
        let place = Workplace::with_pki();
        for part in ["m/new", "m/cur", "m/tmp"] {
            fs::create_dir_all(place.join(part)).unwrap();
        }
        for (n, mail) in many(400).into_iter().enumerate() {
            let path = match n < 200 {
                true => format!("m/new/{}", name(n)),
                false => format!("m/cur/{}:2,", name(n)),
            };
            place.write(path, mail);
        }
        let (code, said) = meanwhile(&place, "m", killed, || {
            for n in 0..400 {
                let from = match n < 200 {
                    true => place.join(format!("m/new/{}", name(n))),
                    false => place.join(format!("m/cur/{}:2,", name(n))),
                };
                if n == 7 {
                    fs::remove_file(from).unwrap();
                } else {
                    fs::rename(from, place.join(format!("m/cur/{}:2,S", name(n)))).unwrap();
                }
            }
            place.write(format!("m/new/{}", name(999)), plain("999", "late"));
        });
        let lines = records(&place, "out");
        let named: BTreeSet<String> = left_out(&lines).into_iter().map(|one| one.1).collect();
        // In a run that is not killed it may have been read by then.
        let gone = named.contains(&format!("new/{}", name(7)));
        assert!(gone || !killed, "{named:?}");
        let mut expected: Vec<usize> = (0..400).filter(|n| *n != 7 || !gone).collect();
        let late = !named.contains(&format!("new/{}", name(999)));
        expected.extend(late.then_some(999));
        assert_eq!(numbers(&place.join("out/data/m")), expected, "{said}");
        let count = usize::from(gone) + usize::from(!late);
        assert_eq!(named.len(), count, "{named:?}");
        assert_eq!(unsettled(&place), count as u64);
        assert_eq!(code, if count > 0 { 3 } else { 0 }, "{said}");
        done(&place);
    }
}

#[test]
fn f_14_what_comes_and_goes_in_tmp_ends_no_run() {
    let place = Workplace::with_pki();
    for part in ["m/new", "m/cur", "m/tmp"] {
        fs::create_dir_all(place.join(part)).unwrap();
    }
    place.write(format!("m/cur/{}:2,", name(1)), encrypted("1", "x"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let tmp = place.join("m/tmp");
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let _ = fs::write(tmp.join(format!("{n}")), "half");
                if n >= 50 {
                    let _ = fs::remove_file(tmp.join(format!("{}", n - 50)));
                }
            }
        });
        for _ in 0..8 {
            let ran = decrypt(&place, "m", "out", &["--force"]);
            if ran.code != Some(0) {
                stop.store(true, Ordering::Relaxed);
            }
            ran.code(0);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(numbers(&place.join("out/data/m/cur")), [1]);
}

#[test]
fn f_17_a_link_to_a_folder_elsewhere_is_not_passed_over() {
    let place = Workplace::with_pki();
    place.write("m/a.eml", plain("1", "x"));
    place.write("elsewhere/b.eml", encrypted("2", "secret"));
    symlink("../elsewhere", place.join("m/more")).unwrap();
    symlink(".", place.join("m/self")).unwrap();
    decrypt(&place, "m", "out", &[]).code(3);
    let named = |reason: &str, path: &str| (reason.to_owned(), path.to_owned());
    assert_eq!(
        left_out(&records(&place, "out")),
        [
            named("link_not_followed", "more"),
            named("skipped_symlink", "self")
        ]
    );
    place.run(&["audit", "m", "-o", "report", "-q"]).code(3);
    let faults = place.table("report", "faults.csv");
    assert_eq!(faults[0]["code"], "link_not_followed");
    // Where the folder is read anyway, nothing is missing.
    fs::rename(place.join("elsewhere"), place.join("m/below")).unwrap();
    fs::remove_file(place.join("m/more")).unwrap();
    symlink("below", place.join("m/more")).unwrap();
    decrypt(&place, "m", "out", &["--force"]).code(0);
}

#[test]
fn f_16_a_run_with_a_descriptor_says_how_to_go_on() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&mails()));
    place.write("a.mbox.lock", "");
    let shell = |line: &str| {
        let mut command = assert_cmd::Command::new("bash");
        command.args(["-c", line]).arg(PROGRAM);
        crate::program::ended(command.current_dir(place.path()).timeout(HANG))
    };
    shell("exec \"$0\" decrypt a.mbox -o out -q --keys keys --password-fd 3 3< passwords.txt")
        .code(5)
        .says(&["Go on with: mailseal decrypt --resume out.partial 3< PASSWORDS"]);
    fs::remove_file(place.join("a.mbox.lock")).unwrap();
    shell("exec \"$0\" decrypt --resume out.partial 3<&-")
        .code(2)
        .says(&["descriptor 3", "--resume out.partial 3< PASSWORDS"]);
    shell("exec \"$0\" decrypt --resume out.partial 3< passwords.txt").code(1);
    assert!(place.join("out/run.json").exists());
}

#[test]
fn f_16_other_programs_check_names_of_every_kind() {
    let place = Workplace::with_pki();
    let plain_names = ["a\\b.eml", "\\c.eml", " d.eml", "e f.eml", "g\\nh.eml"];
    let odd_names = ["i%j.eml", "k%0Al.eml", "m\nn.eml", "o\\\rp%\n.eml"];
    let sums = |line: &str| {
        let ran = Command::new("bash")
            .args(["-c", line])
            .current_dir(place.join("out"))
            .output();
        let ran = ran.unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        (ran.status.success(), said)
    };
    if Command::new("sha256sum").arg("--version").output().is_err() {
        println!("skipped: no sha256sum");
        return;
    }
    for name in plain_names {
        place.write(format!("m/{name}"), encrypted("1", "x"));
    }
    decrypt(&place, "m", "out", &[]).code(0);
    let ran = sums("sha256sum -c --quiet manifest-sha256.txt tagmanifest-sha256.txt");
    assert!(ran.0, "{}", ran.1);
    for name in odd_names {
        place.write(format!("m/{name}"), encrypted("1", "x"));
    }
    decrypt(&place, "m", "out", &["--force"]).code(0);
    let text = fs::read_to_string(place.join("out/manifest-sha256.txt")).unwrap();
    for line in ["i%25j.eml", "k%250Al.eml", "m%0An.eml", "o\\%0Dp%25%0A.eml"] {
        assert!(text.contains(&format!("  data/m/{line}\n")), "{text}");
    }
    // RFC 8493 §2.1.3 has it so, which sha256sum does not know; the manual says what makes it known.
    assert!(!sums("sha256sum -c --quiet manifest-sha256.txt").0);
    let manual = include_str!("../../../src/manual/migration.md");
    let line = manual.lines().find(|line| line.starts_with("sed -e"));
    let ran = sums(line.unwrap());
    assert!(ran.0, "{}", ran.1);
    place.run(&["check", "out", "--source", "m"]).code(0);
}
