//! Runs that are killed, and gone on with.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::people::{mail, place};
use super::{messages, records, send};
use crate::migrate::{bag, files};
use crate::program::{AT, HANG, PROGRAM, Workplace, mbox, noise};

/// Some hundred messages, of which some have no signer, and some a recipient of Bcc.
fn many(place: &Workplace) {
    let mails: Vec<String> = (0..400)
        .map(|n| {
            let from = ["p256", "p384", "nobody"][n % 3];
            let bcc = if n % 5 == 0 {
                "Bcc: dave@example.com\n"
            } else {
                ""
            };
            let fields = format!("To: bob@example.com\n{bcc}");
            let body = format!("\n{}", noise(n as u64, 40_000));
            mail(from, &n.to_string(), &fields, &body)
        })
        .collect();
    place.write("a.mbox", mbox(&mails));
    for (n, mail) in mails.iter().enumerate() {
        place.write(format!("eml/{}/{n}.eml", n % 3), mail);
    }
}

/// Kills a run again and again, each time once it has come further, until it comes to its end; how often that was.
fn killed(place: &Workplace, command: &str, archive: &str, more: &[&str]) -> u32 {
    send(place, command, archive, "whole", more).code(1);
    let journal = place.join("out.partial/journal");
    let length = || fs::metadata(&journal).map_or(0, |file| file.len());
    let first = [&[command, archive, "-o", "out", "-q", AT][..], more].concat();
    let mut kills = 0;
    let mut arguments = first.clone();
    loop {
        let mut child = Command::new(PROGRAM)
            .args(&arguments)
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Once it has come a little further than the run before: right behind a checkpoint, or somewhat later.
        let (before, begun) = (length(), Instant::now());
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            assert!(begun.elapsed() < HANG, "it hangs");
            if length() > before {
                thread::sleep(Duration::from_millis(u64::from(kills) * 7));
                break None;
            }
            thread::sleep(Duration::from_micros(300));
        };
        if let Some(code) = code {
            assert_eq!(code, 1, "after {kills} kills");
            return kills;
        }
        child.kill().unwrap();
        // It may have come to its end just then.
        if let Some(code) = child.wait().unwrap().code() {
            assert_eq!(code, 1, "after {kills} kills");
            return kills;
        }
        kills += 1;
        assert!(kills < 100);
        assert!(
            !place.join("out").exists(),
            "it has its name before it is complete"
        );
        arguments = match place.join("out.partial/resume.args").is_file() {
            true => vec![command, "--resume", "out.partial"],
            false => {
                let _ = fs::remove_dir_all(place.join("out.partial"));
                first.clone()
            }
        };
    }
}

#[test]
fn h_08_a_killed_run_signs_the_same_bytes() {
    let place = place();
    many(&place);
    for archive in ["a.mbox", "eml"] {
        // ECDSA as it is made here has no random nonce.
        let kills = killed(
            &place,
            "sign",
            archive,
            &["--keys", "own", "--ca", "roots.pem"],
        );
        assert!(kills >= 2, "{kills}");
        assert!(bag(&place, "out") == bag(&place, "whole"), "{archive}");
        place.run(&["check", "out", "--source", archive]).code(0);
        for out in ["out", "whole"] {
            fs::remove_dir_all(place.join(out)).unwrap();
        }
    }
}

#[test]
fn h_08_h_09_a_killed_run_encrypts_every_message_once() {
    let place = place();
    many(&place);
    for archive in ["a.mbox", "eml"] {
        let kills = killed(&place, "encrypt", archive, &["--store", "st.db"]);
        assert!(kills >= 2, "{kills}");
        let without_places = |out: &str| -> Vec<String> {
            let lines = records(&place, out);
            let of = |line: &serde_json::Value| {
                let path = &line["output"]["path"];
                format!(
                    "{} {} {} {path}",
                    line["message_id"], line["action"], line["envelope"]
                )
            };
            lines.iter().map(of).collect()
        };
        assert_eq!(without_places("out"), without_places("whole"), "{archive}");
        let names = |out: &str| files(&place.join(out)).into_keys().collect::<Vec<_>>();
        assert_eq!(names("out"), names("whole"));
        let (one, other) = (
            messages(&place, &format!("out/data/{archive}")),
            messages(&place, &format!("whole/data/{archive}")),
        );
        assert_eq!(one.len(), other.len());
        assert!(one.len() > 266, "{}", one.len());
        place.run(&["check", "out", "--source", archive]).code(0);
        assert!(!Path::new(&place.join("out.partial")).exists());
        for out in ["out", "whole"] {
            fs::remove_dir_all(place.join(out)).unwrap();
        }
    }
}
