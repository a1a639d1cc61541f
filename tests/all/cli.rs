//! The command line as a user meets it: every example of the help works, exit codes mean what the help says, and what is refused is
//! refused in one line that says what to do.
//!
//! Over 600 lines because the whole command line is tried here, and every case shares one workplace.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::key_wrap::KeyWrap;

use crate::toolkit::enveloped::{Encrypt, Shared};
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people;

use super::program::{
    AT, HANG, PROGRAM, Ran, Workplace, ended, gzip, mbox, plain, signed, small_mails,
};

/// What stands behind `Examples:` in a command's long help.
fn examples(command: &str) -> Vec<String> {
    let help = Workplace::new().run(&[command, "--help"]);
    help.code(0);
    let (_, examples) = help.out.split_once("Examples:\n").unwrap();
    let lines: Vec<String> = examples
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    assert!(lines.len() >= 2, "{lines:?}");
    lines
}

/// Everything that the examples name.
fn as_in_the_examples() -> Workplace {
    let place = Workplace::with_pki();
    let mails = small_mails();
    place.write("mail.mbox", mbox(&mails));
    place.write("mail.mbox.gz", gzip(&mbox(&mails[..2])));
    place.write("archive.mbox.gz", gzip(&mbox(&mails[2..])));
    place.write("Maildir/cur/1420070400.M1P2.host:2,S", &mails[1]);
    place.write("Maildir/new/1420070401.M1P2.host", &mails[2]);
    place.write("old-mail/a/1.eml", &mails[3]);
    place.write("old-mail/2.eml", &mails[4]);
    let shared = Shared::Kek(b"list", &[0x2a; 16], KeyWrap::Aes128);
    let text = mail::text("To the list.\n");
    let cms = Encrypt::new(&text, CipherAlgorithm::Aes128Cbc).shared(shared);
    let headers = Headers::new("List <list@example.com>", "List", people::SENT_DATE);
    let part = mail::pkcs7_mime("enveloped-data", &cms.encode());
    place.write("list.mbox", mbox(&[mail::message(&headers, &part)]));
    place.write("list.key", "2a".repeat(16));
    fs::copy(place.join("roots.pem"), place.join("other-roots.pem")).unwrap();
    place
}

/// As typed into a shell.
fn typed(place: &Workplace, line: &str) -> Ran {
    let program = Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = assert_cmd::Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(place.path())
        .env("PATH", path)
        .env("HOME", place.path())
        .timeout(HANG);
    ended(&mut shell)
}

#[test]
fn every_example_of_the_help_works() {
    for line in examples("audit") {
        let place = as_in_the_examples();
        if line.contains("--resume") {
            place.leave_partial("mail.mbox", "report");
        }
        typed(&place, &line).code(0);
        let summary = place.summary("report");
        assert_ne!(summary["reconciliation"]["messages"], 0, "{line}");
        assert!(!place.names().contains(&"report.partial".to_owned()));
    }
    for line in examples("harvest") {
        let place = as_in_the_examples();
        typed(&place, &line).code(0);
        let summary = place.summary("harvest");
        assert_ne!(summary["reconciliation"]["messages"], 0, "{line}");
    }
    for line in examples("policy") {
        let place = as_in_the_examples();
        place.write("mine.csv", place.run(&["policy"]).out);
        typed(&place, &line).code(0);
    }
    for line in examples("judge") {
        let place = as_in_the_examples();
        place
            .run(&["audit", "mail.mbox", "-o", "report", "-q"])
            .code(0);
        typed(&place, &line).code(0);
        let output = line.split_once("-o ").unwrap().1;
        let output = output.split(' ').next().unwrap();
        let messages = |report: &str| place.summary(report)["reconciliation"]["messages"].clone();
        assert_eq!(messages(output), messages("report"), "{line}");
    }
}

/// The long options that a help text lists.
fn options(help: &str) -> Vec<&str> {
    help.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with("--")))
        .collect()
}

#[test]
fn the_short_help_has_what_matters_and_the_long_one_all_in_groups() {
    let place = Workplace::new();
    let short = place.run(&["audit", "-h"]);
    short.code(0);
    assert_eq!(
        options(&short.out),
        [
            "--output",
            "--help",
            "--keys",
            "--passwords",
            "--ca",
            "--certs",
            "--crl"
        ]
    );
    let long = place.run(&["audit", "--help"]);
    long.code(0);
    let all = options(&long.out);
    for option in [
        "--resume",
        "--password-fd",
        "--strict-perms",
        "--at",
        "--require-revocation",
        "--trust-embedded",
        "--trust-received",
        "--assert-time",
        "--use-file-time",
        "--policy",
        "--require-policy",
        "--inhibit-policy-mapping",
        "--inhibit-any-policy",
        "--model",
        "--signers",
        "--fail-on",
        "--force",
        "--subjects",
        "--csv-raw",
        "--quiet",
        "--all",
        "--hash-inputs",
        "--threads",
        "--max-message",
        "--memory",
    ] {
        assert!(all.contains(&option), "{option}");
        assert!(!short.out.contains(option), "{option}");
    }
    let mut behind = long.out.as_str();
    for group in [
        "Options:",
        "Keys:",
        "Judging:",
        "Report:",
        "Machine:",
        "Examples:",
    ] {
        behind = behind.split_once(&format!("\n{group}\n")).expect(group).1;
    }
    let judge = place.run(&["judge", "-h"]);
    judge.code(0);
    assert_eq!(
        options(&judge.out),
        ["--output", "--help", "--ca", "--certs", "--crl"]
    );
}

#[test]
fn g_10_every_exit_code_is_in_the_help() {
    let help = Workplace::new().run(&["--help"]);
    let text = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in [
        "0 finished",
        "1 finished, and --fail-on",
        "2 usage",
        "3 finished but incomplete",
        "4 internal",
        "5 could not",
        "130 interrupted",
    ] {
        assert!(text.contains(code), "{code}: {text}");
    }
}

#[test]
fn g_10_exit_code_1_is_for_what_fail_on_names() {
    let place = Workplace::with_pki();
    place.write("good.mbox", mbox(&small_mails()[..2]));
    place.write("all.mbox", mbox(&small_mails()));
    let run = |archive: &str, fail_on: &[&str]| {
        let mut arguments = vec!["audit", archive, "-o", "report", "--force", "-q", AT];
        arguments.extend(["--ca", "roots.pem"]);
        fail_on
            .iter()
            .for_each(|word| arguments.extend(["--fail-on", word]));
        place.run(&arguments).code
    };
    assert_eq!(run("all.mbox", &[]), Some(0));
    assert_eq!(run("all.mbox", &["altered"]), Some(1));
    assert_eq!(run("all.mbox", &["signer_revoked"]), Some(0));
    assert_eq!(run("all.mbox", &["signer_revoked", "no_key"]), Some(1));
    assert_eq!(run("all.mbox", &["any"]), Some(1));
    assert_eq!(run("good.mbox", &["any"]), Some(0));
    assert_eq!(run("good.mbox", &["valid"]), Some(1));
    assert_eq!(run("good.mbox", &["not_smime"]), Some(1));
    // The report is there all the same, and what judge makes of it has the same code.
    let judge = |word: &str| {
        place
            .run(&[
                "judge",
                "report",
                "-o",
                "again",
                "--force",
                "-q",
                "--fail-on",
                word,
            ])
            .code
    };
    assert_eq!(judge("signer_untrusted"), Some(1));
    assert_eq!(judge("altered"), Some(0));
}

#[test]
fn g_10_exit_code_2_is_for_what_can_not_be_meant() {
    let place = Workplace::new();
    place.write("a.mbox", mbox(&[plain("1", "a")]));
    for arguments in [
        &[][..],
        &["audit"],
        &["audit", "a.mbox"],
        &["audit", "-o", "report"],
        &["nonsense"],
        &["audit", "a.mbox", "-o", "report", "--nonsense"],
        &["audit", "a.mbox", "-o", "report", "--threads", "0"],
        &["audit", "a.mbox", "-o", "report", "--threads", "many"],
        &["audit", "a.mbox", "-o", "report", "--memory", "0"],
        &["audit", "a.mbox", "-o", "report", "--max-message", "1X"],
        &["audit", "a.mbox", "-o", "report", "--at", "yesterday"],
        &["audit", "a.mbox", "-o", "report", "--fail-on", "bad"],
        &["audit", "a.mbox", "-o", "report", "--signers", "none"],
        &["audit", "a.mbox", "--resume", "report.partial"],
        &["audit", "--resume", "report.partial", "-o", "report"],
        &["audit", "--resume", "report"],
        &["judge"],
        &["judge", "report"],
        &["judge", "report", "-o", "other", "--keys", "a.p12"],
    ] {
        let ran = place.run(arguments);
        ran.code(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:?}");
        assert_eq!(place.names(), ["a.mbox"], "{arguments:?}");
    }
    for arguments in [
        &["--help"][..],
        &["-V"],
        &["help", "audit"],
        &["judge", "-h"],
    ] {
        let ran = place.run(arguments);
        ran.code(0);
        assert!(ran.err.is_empty() && !ran.out.is_empty(), "{ran:?}");
    }
}

#[test]
fn g_10_exit_code_3_is_for_what_could_not_be_read() {
    let place = Workplace::new();
    let gz = gzip(&mbox(&small_mails()));
    place.write("a.mbox.gz", &gz[..gz.len() / 2]);
    let arguments = [
        "audit",
        "a.mbox.gz",
        "-o",
        "report",
        "-q",
        "--fail-on",
        "any",
    ];
    place.run(&arguments).code(3);
    assert_eq!(
        place.table("report", "faults.csv")[0]["code"],
        "compressed_damaged"
    );
    // So it is when it is judged again.
    place.run(&["judge", "report", "-o", "again", "-q"]).code(3);
}

#[test]
fn g_10_exit_code_5_says_in_one_line_what_to_do_and_leaves_nothing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    place.write("text", "no mail\n");
    place.write("a.zip", "PK\x03\x04");
    place.write("empty/.keep", "");
    place.write("bad", "wrong\n");
    let before = place.names();
    for (arguments, words) in [
        (
            &["audit", "gone"][..],
            &["gone: cannot be read", "Check the name"][..],
        ),
        (&["audit", "a.mbox", "gone/x"], &["gone/x: cannot be read"]),
        (
            &["audit", "text"],
            &["text: is no mail", "Name a mail archive"],
        ),
        (&["audit", "a.zip"], &["is a ZIP archive", "Unpack it"]),
        (&["audit", "/dev/null/x"], &["cannot be read"]),
        (
            &["audit", "a.mbox", "--ca", "gone"],
            &["gone: cannot be read"],
        ),
        (
            &["audit", "a.mbox", "--ca", "text"],
            &["holds no certificate", "Check the file"],
        ),
        (
            &["audit", "a.mbox", "--crl", "roots.pem"],
            &["holds no revocation list"],
        ),
        (
            &["audit", "a.mbox", "--certs", "crls/root.crl"],
            &["holds no certificate"],
        ),
        (
            &["audit", "a.mbox", "--keys", "gone"],
            &["gone: cannot be read"],
        ),
        (
            &["audit", "a.mbox", "--keys", "keys", "--passwords", "gone"],
            &["gone: cannot be read"],
        ),
        (
            &["audit", "a.mbox", "--keys", "keys", "--passwords", "bad"],
            &[
                "keys/alice.p12: no password given opens it",
                "--passwords FILE",
            ],
        ),
        (
            &["audit", "a.mbox", "--keys", "keys"],
            &["no password given opens it"],
        ),
        (&["judge", "gone"], &["gone/facts.bin.zst: cannot be read"]),
        (&["judge", "a.mbox"], &["cannot be read"]),
    ] {
        let arguments = [arguments, &["-o", "report"]].concat();
        place.run(&arguments).code(5).says(words);
        assert_eq!(place.names(), before, "{arguments:?}");
    }
    // With the right name it goes at once.
    place
        .run(&["audit", "a.mbox", "-o", "report", "-q"])
        .code(0);
}

#[test]
fn the_output_folder_is_there_already() {
    let place = Workplace::new();
    place.write("a.mbox", mbox(&small_mails()));
    let audit = ["audit", "a.mbox", "-o", "report", "-q"];
    let force = [&audit[..], &["--force"]].concat();
    for arguments in [&audit[..], &["judge", "old", "-o", "report"]] {
        place
            .run(&["audit", "a.mbox", "-o", "old", "-q", "--force"])
            .code(0);
        place.write("report/mine", "precious");
        place
            .run(arguments)
            .code(5)
            .says(&["report: exists already", "-o", "--force"]);
        // A folder that is no report, or that has more in it, is not replaced: neither it nor those beside it that a run would use.
        let force = [arguments, &["--force"]].concat();
        place
            .run(&force)
            .code(5)
            .says(&["report: is no report", "-o"]);
        place.write("report/facts.bin.zst", "");
        place
            .run(&force)
            .code(5)
            .says(&["report: holds more than a report"]);
        assert_eq!(fs::read(place.join("report/mine")).unwrap(), b"precious");
        fs::remove_dir_all(place.join("report")).unwrap();
        for beside in ["report.partial", "report.replaced"] {
            place.write(format!("{beside}/mine"), "precious");
            place.run(&force).code(5).says(&[beside, "is no report"]);
            assert_eq!(
                fs::read(place.join(beside).join("mine")).unwrap(),
                b"precious"
            );
            fs::remove_dir_all(place.join(beside)).unwrap();
        }
        place.write("report", "a file");
        place.run(&force).code(5).says(&["report: is no report"]);
        fs::remove_file(place.join("report")).unwrap();
    }
    // A report is, and an empty folder.
    place.run(&audit).code(0);
    place
        .run(&[
            "audit",
            "a.mbox",
            "-o",
            "report",
            "-q",
            "--force",
            "--subjects",
        ])
        .code(0);
    assert_eq!(place.messages("report")[0]["subject"], "about 2");
    place
        .run(&["judge", "report", "-o", "report", "-q", "--force"])
        .code(0);
    assert!(place.messages("report")[0]["subject"].is_null());
    fs::remove_dir_all(place.join("report")).unwrap();
    fs::create_dir(place.join("report")).unwrap();
    place.run(&force).code(0);
    assert_eq!(place.names(), ["a.mbox", "old", "report"]);
}

#[test]
fn what_was_given_and_holds_nothing_is_warned_about() {
    let place = Workplace::new();
    place.write("mail.mbox", mbox(&small_mails()));
    for folder in ["ca", "certs", "crls", "keys"] {
        place.write(format!("{folder}/notes.txt"), "nothing");
    }
    place.write("crls/cut.der", b"\x30\x82\x10\x00\x30");
    place.write("crls/old.crl", "nothing");
    let audit = ["audit", "mail.mbox", "-o", "report", AT];
    let empty = [
        "--ca", "ca", "--certs", "certs", "--crl", "crls", "--keys", "keys",
    ];
    let ran = place.run(&[&audit[..], &empty].concat());
    ran.code(0);
    for line in [
        "--ca ca: no certificate",
        "--certs certs: no certificate",
        "--crl crls: no revocation list",
        "--crl crls/cut.der: looks like a revocation list and can't be read",
        "--crl crls/old.crl: looks like a revocation list and can't be read",
        "--keys: no key in what was given",
    ] {
        assert!(ran.err.contains(line), "{line}: {ran:?}");
    }
    assert!(
        ran.out.contains("no trust anchor: nothing can be valid"),
        "{ran:?}"
    );
    for passwords in [["--passwords", "nowhere"], ["--password-fd", "77"]] {
        let ran = place.run(&[&audit[..], &passwords, &["--force"]].concat());
        ran.code(5).says(&["cannot be read"]);
    }
}

#[test]
fn a_partial_report_is_in_the_way_until_it_is_told_what_becomes_of_it() {
    let place = Workplace::new();
    place.write("mail.mbox", mbox(&small_mails()));
    place.leave_partial("mail.mbox", "report");
    let audit = ["audit", "mail.mbox", "-o", "report", "-q", AT];
    place.run(&audit).code(5).says(&[
        "report.partial: an interrupted run left it",
        "--resume",
        "--force",
    ]);
    // What the messages say works, each of them.
    let resume = [
        "audit",
        "--resume",
        "report.partial",
        "-q",
        "--threads",
        "2",
    ];
    place.run(&resume).code(0);
    let run = fs::read(place.join("report/run.json")).unwrap();
    let run: serde_json::Value = serde_json::from_slice(&run).unwrap();
    assert_eq!(run["threads"], 2);
    assert!(
        run["resumed_at"]
            .as_str()
            .is_some_and(|at| at.contains('#')),
        "{run:#}"
    );
    place.run(&[&audit[..], &["--force"]].concat()).code(0);
    place.leave_partial("mail.mbox", "other");
    place
        .run(&["audit", "mail.mbox", "-o", "other", "-q", AT, "--force"])
        .code(0);
    place.assert_same("report", "other");
    // One that can't be gone on with, as a killed `judge` leaves it.
    fs::create_dir(place.join("third.partial")).unwrap();
    place
        .run(&["audit", "mail.mbox", "-o", "third"])
        .code(5)
        .says(&["third.partial: is in the way", "--force"]);
    place
        .run(&["audit", "--resume", "third.partial"])
        .code(2)
        .says(&["is not what an interrupted run of this command leaves"]);
    place.write("third.partial/resume.args", "nonsense");
    place
        .run(&["audit", "--resume", "third.partial"])
        .code(5)
        .says(&["does not say how to go on", "--force"]);
    place
        .run(&["audit", "mail.mbox", "-o", "third", "-q", "--force"])
        .code(0);
    place
        .run(&["audit", "--resume", "fourth.partial"])
        .code(5)
        .says(&["fourth.partial/resume.args: cannot be read"]);
}

#[test]
fn a_report_inside_what_is_read_is_refused() {
    let place = Workplace::new();
    place.write("mail/1.eml", signed("1", "a"));
    for output in ["mail/report", "mail/deep/er/report", "mail/../mail/report"] {
        place
            .run(&["audit", "mail", "-o", output])
            .code(5)
            .says(&["lies in a folder that is to be read", "-o"]);
    }
    place
        .command(&["audit", ".", "-o", "report"])
        .current_dir(place.join("mail"))
        .assert()
        .code(5);
    assert_eq!(super::program::names(&place.join("mail")), ["1.eml"]);
    place
        .run(&["audit", "mail", "-o", "mail-report", "-q"])
        .code(0);
}

#[test]
fn quiet_is_quiet_and_without_a_terminal_there_is_no_bar_and_no_colour() {
    let place = Workplace::new();
    place.write("a.mbox", mbox(&small_mails()));
    let quiet = place.run(&["audit", "a.mbox", "-o", "quiet", "-q"]);
    quiet.code(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let told = place.run(&["audit", "a.mbox", "-o", "told"]);
    told.code(0);
    assert_eq!(told.err, "");
    assert!(
        told.out.contains("6 messages") && told.out.contains("Report: told"),
        "{told:?}"
    );
    assert!(
        told.out.lines().count() <= 24,
        "more than a screen: {}",
        told.out
    );
    assert!(!told.out.contains('\u{1b}'));
    place.assert_same("quiet", "told");
    let again = place.run(&["judge", "told", "-o", "again", "-q"]);
    again.code(0);
    assert_eq!((again.out.as_str(), again.err.as_str()), ("", ""));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Workplace::new();
    place.write("a.mbox", mbox(&small_mails()));
    for arguments in [&["audit", "a.mbox", "-o", "report"][..], &["--help"]] {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn standard_input_is_an_archive_like_others() {
    let place = Workplace::with_pki();
    let mails = mbox(&small_mails());
    place.write("a.mbox", &mails);
    place
        .run(&["audit", "a.mbox", "-o", "file", "-q", AT, "--hash-inputs"])
        .code(0);
    for (name, bytes) in [("plain", mails.clone()), ("packed", gzip(&mails))] {
        let mut command = place.command(&["audit", "-", "-o", name, "-q", AT]);
        ended(command.write_stdin(bytes)).code(0);
        let mut messages = place.messages(name);
        for message in &mut messages {
            assert_eq!(message["path"], "-");
            message["path"] = "a.mbox".into();
        }
        assert_eq!(messages, place.messages("file"));
    }
    for nothing in ["", "no mail"] {
        let mut command = place.command(&["audit", "-", "-o", "none", "-q"]);
        let ran = ended(command.write_stdin(nothing));
        if nothing.is_empty() {
            ran.code(0);
            assert_eq!(place.summary("none")["reconciliation"]["messages"], 0);
        } else {
            ran.code(5).says(&["-: is no mail"]);
        }
    }
}

#[test]
fn the_clock_of_a_run_is_what_at_says() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    let audit = |at: &str, name: &str| {
        let arguments = [
            "audit",
            "a.mbox",
            "-o",
            name,
            "-q",
            "--ca",
            "roots.pem",
            "--at",
            at,
        ];
        place.run(&arguments).code(0);
    };
    audit("2040-01-01", "day");
    audit("2040-01-01T00:00:00Z", "instant");
    audit("2040-01-01T01:00:00+01:00", "zone");
    audit("2048-01-01", "later");
    place.assert_same("day", "instant");
    place.assert_same("day", "zone");
    assert_eq!(place.summary("day")["now"], "2040-01-01T00:00:00Z");
    let now = |report: &str| place.messages(report)[0]["verdict_now"].clone();
    assert_eq!(now("day"), "valid");
    assert_eq!(now("later"), "signer_expired");
}
