//! A run that is interrupted, killed, or out of disk: it says how to go on, nothing stands under the final name, and going on gives the
//! bytes of a run that nothing happened to.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{
    AT, HANG, PROGRAM, Workplace, ended, gzip, mbox, noise, plain, signed, small_mails,
};

/// Mails of over twenty blocks, half of them signed, so that a block takes its time.
fn many_mails() -> Vec<String> {
    let signed: Vec<String> = (0..20)
        .map(|n| signed(&format!("signed-{n}"), &noise(n, 9_000)))
        .collect();
    let mut mails = Vec::new();
    let mut bytes = 0;
    for n in 0.. {
        if bytes > 22 * (4 << 20) {
            break;
        }
        mails.push(plain(&format!("plain-{n}"), &noise(n, 9_000)));
        mails.push(signed[n as usize % signed.len()].clone());
        bytes += mails[mails.len() - 2].len() + mails[mails.len() - 1].len();
    }
    mails
}

/// A run in its own process, ended when it is dropped.
struct Run {
    child: Child,
    report: PathBuf,
}

impl Run {
    fn start(place: &Workplace, arguments: &[&str], report: &str) -> Self {
        Self {
            child: Command::new(PROGRAM)
                .args(arguments)
                .current_dir(place.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
            report: place.join(report),
        }
    }

    fn partial(&self) -> PathBuf {
        let mut name = self.report.clone().into_os_string();
        name.push(".partial");
        PathBuf::from(name)
    }

    fn facts_bytes(&self) -> u64 {
        length(&self.partial().join("facts.bin.zst"))
    }

    /// Waits until `reached`, or until the run is over: false.
    fn wait_until(&mut self, reached: impl Fn(&Self) -> bool) -> bool {
        let started = Instant::now();
        loop {
            if reached(self) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(started.elapsed() < HANG, "it hangs");
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn output(mut self) -> Output {
        drop(self.child.stdin.take());
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < HANG, "it hangs");
            thread::sleep(Duration::from_millis(1));
        }
        let mut output = Output {
            status: self.child.wait().unwrap(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let mut pipes = (
            self.child.stdout.take().unwrap(),
            self.child.stderr.take().unwrap(),
        );
        pipes.0.read_to_end(&mut output.stdout).unwrap();
        pipes.1.read_to_end(&mut output.stderr).unwrap();
        output
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Kills runs with `kill -9` until that happened 20 times, each time when the facts have grown by a block or more and the run before was
/// gone on with; every run that came to its end gave the same bytes.
fn killed_at_20_points(place: &Workplace, archive: &str) {
    let audit = |report: &'static str| {
        vec![
            "audit",
            archive,
            "-o",
            report,
            "-q",
            AT,
            "--ca",
            "roots.pem",
        ]
    };
    place.run(&audit("whole")).code(0);
    let expected = place.report("whole");
    let (mut kills, mut longest_chain) = (0, 0);
    while kills < 20 {
        let mut chain = 0;
        let mut run = Run::start(place, &audit("report"), "report");
        loop {
            let before = run.facts_bytes();
            let grown = run.wait_until(|run| run.facts_bytes() > before.max(600));
            if !grown || kills == 20 {
                break;
            }
            run.signal(Signal::KILL);
            run.output();
            kills += 1;
            chain += 1;
            assert!(!place.join("report").exists());
            run = Run::start(place, &["audit", "--resume", "report.partial"], "report");
        }
        let output = run.output();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        place.assert_is("report", &expected, "an uninterrupted run");
        fs::remove_dir_all(place.join("report")).unwrap();
        longest_chain = longest_chain.max(chain);
    }
    assert!(
        longest_chain >= 2,
        "no run was killed, gone on with and killed again"
    );
}

#[test]
fn an_mbox_killed_at_20_points_gives_the_same_bytes() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    killed_at_20_points(&place, "a.mbox");
}

#[test]
fn a_maildir_killed_at_20_points_gives_the_same_bytes() {
    let place = Workplace::with_pki();
    for (n, mail) in many_mails().iter().enumerate() {
        let part = if n % 2 == 0 { "cur" } else { "new" };
        place.write(
            format!("maildir/{part}/{}.M{n}.host", 1_420_070_400 + n),
            mail,
        );
    }
    killed_at_20_points(&place, "maildir");
}

#[test]
fn a_gzipped_mbox_killed_at_20_points_gives_the_same_bytes() {
    let place = Workplace::with_pki();
    place.write("a.mbox.gz", gzip(&mbox(&many_mails())));
    killed_at_20_points(&place, "a.mbox.gz");
}

/// Where frames end in a facts file: behind a line, each has a kind, its length in four octets, and so many octets.
fn frame_ends(facts: &[u8]) -> Vec<usize> {
    let mut at = facts.iter().position(|octet| *octet == b'\n').unwrap() + 1;
    let mut ends = vec![at];
    while at < facts.len() {
        let length: [u8; 4] = facts[at + 1..at + 5].try_into().unwrap();
        at += 5 + u32::from_le_bytes(length) as usize;
        ends.push(at);
    }
    assert_eq!(at, facts.len());
    ends
}

#[test]
fn facts_cut_anywhere_are_gone_on_with() {
    let place = Workplace::with_pki();
    let mails: Vec<String> = (0..60)
        .map(|n| match n % 4 {
            0 => signed(&n.to_string(), &noise(n, 150_000)),
            _ => plain(&n.to_string(), &noise(n, 150_000)),
        })
        .collect();
    place.write("a.mbox", mbox(&mails));
    place.leave_partial("a.mbox", "report");
    let left = place.join("left");
    fs::rename(place.join("report.partial"), &left).unwrap();
    place
        .run(&["audit", "a.mbox", "-o", "whole", "-q", AT])
        .code(0);
    let expected = place.report("whole");
    let facts = fs::read(left.join("facts.bin.zst")).unwrap();
    let ends = frame_ends(&facts);
    assert!(ends.len() >= 5, "{ends:?}");
    let mut cuts = vec![0, 1];
    for end in &ends {
        cuts.extend([end - 1, *end, end + 1, end + 4, end + 5, end + 6]);
    }
    cuts.extend((1..8).map(|n| facts.len() * n / 8));
    cuts.retain(|cut| *cut <= facts.len());
    cuts.sort_unstable();
    cuts.dedup();
    for cut in cuts {
        // Everything that a killed run may have left: files of the report that are older than the facts, or half-written.
        fs::create_dir(place.join("report.partial")).unwrap();
        for name in super::program::names(&left) {
            let bytes = fs::read(left.join(&name)).unwrap();
            let bytes = match name.as_str() {
                "facts.bin.zst" => &bytes[..cut],
                "resume.args" => &bytes[..],
                _ => &bytes[..bytes.len() / 2],
            };
            place.write(format!("report.partial/{name}"), bytes);
        }
        let ran = place.run(&["audit", "--resume", "report.partial"]);
        assert_eq!(ran.code, Some(0), "cut at {cut}: {ran:?}");
        place.assert_is("report", &expected, &format!("cut at {cut}, a whole run"));
        fs::remove_dir_all(place.join("report")).unwrap();
    }
}

#[test]
fn ctrl_c_says_how_to_go_on_and_that_works() {
    let place = Workplace::with_pki();
    // A name that a shell would take apart.
    place.write("a.mbox", mbox(&many_mails()));
    let audit = |report: &'static str| {
        vec![
            "audit",
            "a.mbox",
            "-o",
            report,
            "-q",
            AT,
            "--ca",
            "roots.pem",
        ]
    };
    place.run(&audit("whole")).code(0);
    for (signal, report) in [(Signal::INT, "report"), (Signal::TERM, "my report")] {
        let mut run = Run::start(&place, &audit(report), report);
        assert!(
            run.wait_until(|run| run.facts_bytes() > 600),
            "it was over too soon"
        );
        run.signal(signal);
        let output = run.output();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with("mailseal: interrupted after "), "{said}");
        assert!(!place.join(report).exists());
        let command = said
            .trim_end()
            .split_once("Go on with: mailseal ")
            .unwrap()
            .1;
        let mut shell = assert_cmd::Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("exec \"$0\" {command}"))
            .arg(PROGRAM)
            .current_dir(place.path());
        ended(&mut shell).code(0);
        place.assert_same("whole", report);
    }
    // From another folder it goes as well, whatever the paths of the first run were relative to.
    let mut run = Run::start(&place, &audit("third"), "third");
    assert!(
        run.wait_until(|run| run.facts_bytes() > 600),
        "it was over too soon"
    );
    run.signal(Signal::INT);
    run.output();
    place
        .command(&[
            "audit",
            "--resume",
            place.join("third.partial").to_str().unwrap(),
        ])
        .current_dir("/")
        .assert()
        .code(0);
    place.assert_same("whole", "third");
}

#[test]
fn ctrl_c_ends_a_run_that_waits_for_a_pipe() {
    let place = Workplace::new();
    for head in [
        &b""[..],
        b"From a@b Thu Jan  1 00:00:00 2015\nFrom: a@b\nDate: x\n\n",
    ] {
        let mut run = Run::start(&place, &["audit", "-", "-o", "report"], "report");
        run.child.stdin.as_mut().unwrap().write_all(head).unwrap();
        let status = format!("/proc/{}/status", run.child.id());
        // Until it is set up to be interrupted, a signal ends it as it ends any program.
        assert!(run.wait_until(|_| catches(&status, 2)));
        run.signal(Signal::INT);
        // The pipe stays open.
        assert!(!run.wait_until(|_| false));
        let output = run.output();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("can't be read twice. Start anew"), "{said}");
        assert!(!said.contains("--resume"), "{said}");
    }
}

/// Whether a process has a handler for a signal.
fn catches(status: &str, signal: u32) -> bool {
    let text = fs::read_to_string(status).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[test]
fn what_was_read_from_a_pipe_is_not_gone_on_with() {
    let place = Workplace::new();
    place.leave_partial_of_standard_input("report");
    place
        .run(&["audit", "--resume", "report.partial"])
        .code(2)
        .says(&["standard input", "can't be read twice", "--force"]);
}

#[test]
fn an_interrupted_judge_leaves_nothing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    place
        .run(&["audit", "a.mbox", "-o", "report", "-q", AT])
        .code(0);
    let before = place.names();
    let mut interrupted = 0;
    for _ in 0..20 {
        let mut run = Run::start(
            &place,
            &["judge", "report", "-o", "other", "-q", AT],
            "other",
        );
        let begun = run.wait_until(|run| run.partial().join("messages.jsonl").exists());
        if begun {
            run.signal(Signal::INT);
        }
        let output = run.output();
        match output.status.code() {
            Some(130) => {
                let said = String::from_utf8(output.stderr).unwrap();
                assert!(said.contains("give the same command again"), "{said}");
                assert_eq!(place.names(), before);
                interrupted += 1;
                if interrupted == 3 {
                    return;
                }
            }
            code => {
                assert_eq!(code, Some(0), "{output:?}");
                fs::remove_dir_all(place.join("other")).unwrap();
            }
        }
    }
    assert!(interrupted > 0, "it was over too soon, each time");
}

#[test]
fn going_on_needs_the_same_archive_and_the_same_keys() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    let options = ["--keys", "keys", "--passwords", "passwords.txt", AT, "-q"];
    let audit = [&["audit", "a.mbox", "-o", "report"][..], &options].concat();
    let mut run = Run::start(&place, &audit, "report");
    assert!(
        run.wait_until(|run| run.facts_bytes() > 1200),
        "it was over too soon"
    );
    run.signal(Signal::KILL);
    run.output();
    let resume = ["audit", "--resume", "report.partial"];
    let move_away = |name: &str| fs::rename(place.join(name), place.join("away")).unwrap();
    let bring_back = |name: &str| fs::rename(place.join("away"), place.join(name)).unwrap();
    move_away("a.mbox");
    place.run(&resume).code(5).says(&["a.mbox: cannot be read"]);
    bring_back("a.mbox");
    move_away("keys/alice.p12");
    place.write("keys/readme", "no key");
    let other = place.run(&resume);
    other.code(5);
    for words in ["no key in what was given", "with other keys", "--force"] {
        assert!(other.err.contains(words), "{other:?}");
    }
    bring_back("keys/alice.p12");
    move_away("passwords.txt");
    place
        .run(&resume)
        .code(5)
        .says(&["passwords.txt: cannot be read"]);
    bring_back("passwords.txt");
    place.run(&resume).code(0);
    place
        .run(&[&["audit", "a.mbox", "-o", "whole"][..], &options].concat())
        .code(0);
    place.assert_same("whole", "report");
}

#[test]
fn going_on_in_an_mbox_that_is_shorter_by_now_says_so() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    let audit = ["audit", "a.mbox", "-o", "report", AT, "-q"];
    let mut run = Run::start(&place, &audit, "report");
    assert!(
        run.wait_until(|run| run.facts_bytes() > 1200),
        "it was over too soon"
    );
    run.signal(Signal::KILL);
    run.output();
    place.write("a.mbox", mbox(&small_mails()));
    place.run(&["audit", "--resume", "report.partial"]).code(3);
    let faults = fs::read_to_string(place.join("report/faults.csv")).unwrap();
    assert!(faults.contains("file_changed"), "{faults}");
}

/// Runs the program so that no file may be larger than this: the system's other way to say that a disk is full.
fn with_small_files(place: &Workplace, arguments: &[&str], kilobytes: u32) -> super::program::Ran {
    let mut shell = assert_cmd::Command::new("bash");
    shell
        .arg("-c")
        .arg(format!("ulimit -f {kilobytes}; exec \"$0\" \"$@\""))
        .arg(PROGRAM)
        .args(arguments)
        .current_dir(place.path())
        .timeout(HANG);
    ended(&mut shell)
}

#[test]
fn a_disk_that_is_full_is_said_in_one_line_and_the_run_goes_on_later() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    let whole = ["audit", "a.mbox", "-o", "whole", "-q", AT];
    place.run(&whole).code(0);
    // While it reads, and while it judges.
    for kilobytes in [0, 4, 64, 1024] {
        let audit = ["audit", "a.mbox", "-o", "report", "-q", AT, "--force"];
        with_small_files(&place, &audit, kilobytes).code(5).says(&[
            "report.partial/",
            "cannot be written",
            "Free space",
        ]);
        assert!(!place.join("report").exists());
        if kilobytes == 0 {
            fs::remove_dir_all(place.join("report.partial")).unwrap();
        } else {
            place.run(&["audit", "--resume", "report.partial"]).code(0);
            place.assert_same("whole", "report");
            fs::remove_dir_all(place.join("report")).unwrap();
        }
    }
    let before = place.names();
    for kilobytes in [0, 4, 1024] {
        with_small_files(
            &place,
            &["judge", "whole", "-o", "report", "-q", AT],
            kilobytes,
        )
        .code(5)
        .says(&["cannot be written"]);
        assert_eq!(place.names(), before);
    }
}

#[test]
fn a_file_system_that_is_full_is_the_same() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&many_mails()));
    let whole = ["audit", "a.mbox", "-o", "whole", "-q", AT];
    place.run(&whole).code(0);
    fs::create_dir(place.join("small")).unwrap();
    for kilobytes in [64, 512, 2048] {
        // The file system is gone with the shell, so what is to be seen of it is listed there.
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k tmpfs small || exit 77; \
             \"$0\" audit a.mbox -o small/report -q {AT}; code=$?; ls small; exit $code"
        );
        let mut shell = assert_cmd::Command::new("unshare");
        shell
            .args(["-rm", "sh", "-c", &script, PROGRAM])
            .current_dir(place.path())
            .timeout(HANG);
        let Ok(output) = shell.output() else {
            eprintln!("skipped: no unshare");
            return;
        };
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.code() == Some(77) || said.starts_with("unshare:") {
            eprintln!("skipped: this user may not mount: {said}");
            return;
        }
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        assert!(said.contains("--resume small/report.partial"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "report.partial\n"
        );
    }
}
