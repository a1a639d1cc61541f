//! Equal archives give equal bytes: for any number of threads, any memory, any place, any way the bytes come in; and a report judged
//! again is the report that an audit gives.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::program::{
    AT, PROGRAM, Workplace, encrypted, gzip, mbox, noise, opaque, pem, plain, signed, small_mails,
    zstd,
};
use crate::pki::authority::{Party, Wanted};

/// Mails of over three blocks, all kinds among them.
fn some_blocks() -> Vec<String> {
    let mut mails = Vec::new();
    for n in 0..150 {
        let id = format!("mail-{n}");
        let text = noise(n, 100_000);
        mails.push(match n % 15 {
            0 => signed(&id, &text),
            3 => opaque(&id, &text),
            6 => encrypted(&id, &text),
            9 => signed(&id, &text).replace("abc", "xyz"),
            _ => plain(&id, &text),
        });
    }
    mails
}

/// A place with the same mails in every form, and the forms.
fn every_form() -> (Workplace, Vec<&'static str>) {
    let place = Workplace::with_pki();
    let mails = some_blocks();
    let all = mbox(&mails);
    assert!(all.len() > 3 * (4 << 20), "not over three blocks");
    place.write("a.mbox.gz", gzip(&all));
    place.write("a.mbox.zst", zstd(&all));
    place.write("a.mbox", &all);
    for (n, mail) in mails.iter().enumerate() {
        let part = if n % 2 == 0 { "cur" } else { "new" };
        place.write(
            format!("maildir/{part}/{}.M{n}.host", 1_420_070_400 + n),
            mail,
        );
        place.write(format!("eml/{}/{n}.eml", n % 3), mail.replace('\n', "\r\n"));
    }
    fs::create_dir(place.join("maildir/tmp")).unwrap();
    (
        place,
        vec!["a.mbox", "maildir", "eml", "a.mbox.gz", "a.mbox.zst"],
    )
}

const PKI: [&str; 8] = [
    "--ca",
    "roots.pem",
    "--crl",
    "crls",
    "--keys",
    "keys",
    "--passwords",
    "passwords.txt",
];

fn audit(place: &Workplace, archive: &str, report: &str, options: &[&str]) {
    let arguments = [
        &["audit", archive, "-o", report, "-q", AT][..],
        &PKI,
        options,
    ]
    .concat();
    place.run(&arguments).code(0);
}

#[test]
fn threads_and_memory_change_nothing() {
    let (place, forms) = every_form();
    for form in forms {
        audit(&place, form, &format!("{form}-1"), &["--threads", "1"]);
        assert_eq!(
            place.summary(&format!("{form}-1"))["reconciliation"]["messages"],
            150,
            "{form}"
        );
        for (name, options) in [
            ("2", &["--threads", "2"][..]),
            ("8", &["--threads", "8"]),
            ("k", &["--memory", "1K"]),
            ("k8", &["--memory", "1K", "--threads", "8"]),
            ("default", &[]),
        ] {
            let report = format!("{form}-{name}");
            audit(&place, form, &report, options);
            place.assert_same(&format!("{form}-1"), &report);
        }
    }
    // The forms differ in places only.
    let statuses = |form: &str| -> Vec<String> {
        let mut statuses: Vec<String> = place
            .messages(&format!("{form}-1"))
            .iter()
            .map(|message| format!("{} {}", message["message_id"], message["status"]))
            .collect();
        statuses.sort();
        statuses
    };
    assert_eq!(statuses("a.mbox").len(), 40);
    for form in ["maildir", "eml", "a.mbox.gz", "a.mbox.zst"] {
        assert_eq!(statuses("a.mbox"), statuses(form), "{form}");
    }
}

#[test]
fn judge_gives_what_an_audit_gives() {
    let (place, _) = every_form();
    let other = Party::new("Other root");
    place.write(
        "other.pem",
        pem("CERTIFICATE", &Wanted::ca(&other, 1).by(&other)),
    );
    let options: [&[&str]; 5] = [
        &["--at=2040-01-01", "--ca", "roots.pem", "--crl", "crls"],
        &["--at=2040-01-01", "--ca", "other.pem"],
        &[
            "--at=2050-01-01",
            "--ca",
            "roots.pem",
            "--certs",
            "other.pem",
        ],
        &[
            "--at=2010-01-01",
            "--ca",
            "roots.pem",
            "--require-revocation",
        ],
        &[
            "--at=2040-01-01",
            "--ca",
            "roots.pem",
            "--subjects",
            "--csv-raw",
            "--signers",
            "any",
        ],
    ];
    let keys = ["--keys", "keys", "--passwords", "passwords.txt"];
    let collecting = ["--all", "--hash-inputs"];
    let mut words = Vec::new();
    for (n, options) in options.iter().enumerate() {
        for threads in ["1", "2"] {
            let threads = ["--threads", threads];
            let audit = ["audit", "a.mbox", "-o", "audit", "-q", "--force"];
            let audit = [&audit[..], &keys, &collecting, &threads, options].concat();
            place.run(&audit).code(0);
            if n == 0 {
                place
                    .run(
                        &[
                            &["audit", "a.mbox", "-o", "first", "-q", "--force"][..],
                            &keys,
                            &collecting,
                            options,
                        ]
                        .concat(),
                    )
                    .code(0);
            }
            let judge = ["judge", "first", "-o", "judge", "-q", "--force"];
            place.run(&[&judge[..], &threads, options].concat()).code(0);
            place.assert_same("audit", "judge");
        }
        let summary = place.summary("judge");
        words.push(summary["verdict"].to_string());
    }
    // They are not all the same, or nothing was shown.
    words.dedup();
    assert!(words.len() >= 3, "{words:?}");
    // A judgement can be judged again.
    place
        .run(&[&["judge", "judge", "-o", "again", "-q"][..], options[0]].concat())
        .code(0);
    place
        .run(&[&["judge", "first", "-o", "once", "-q"][..], options[0]].concat())
        .code(0);
    place.assert_same("once", "again");
    place.assert_same("first", "again");
}

#[test]
fn place_language_time_zone_and_user_change_nothing() {
    let place = Workplace::with_pki();
    place.write("a.mbox", mbox(&small_mails()));
    place.write("elsewhere/else/.keep", "");
    audit(&place, "a.mbox", "plain", &[]);
    let absolute = place.join("a.mbox");
    audit(&place, absolute.to_str().unwrap(), "absolute", &[]);
    place.assert_same("plain", "absolute");
    let arguments = [&["audit", "a.mbox", "-o", "other", "-q", AT][..], &PKI].concat();
    place
        .command(&arguments)
        .envs([
            ("TZ", "Asia/Kolkata"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("LANG", "ar_EG"),
            ("HOME", "/nonexistent"),
            ("NO_COLOR", "1"),
            ("RAYON_NUM_THREADS", "7"),
            ("OPENSSL_CONF", "/nonexistent"),
            ("SSL_CERT_FILE", "/nonexistent"),
        ])
        .assert()
        .code(0);
    place.assert_same("plain", "other");
    let moved: Vec<&str> = arguments
        .iter()
        .map(|argument| match *argument {
            "a.mbox" => "../../a.mbox",
            "other" => "../../moved",
            "roots.pem" => "../../roots.pem",
            "crls" => "../../crls",
            "keys" => "../../keys",
            "passwords.txt" => "../../passwords.txt",
            same => same,
        })
        .collect();
    place
        .command(&moved)
        .current_dir(place.join("elsewhere/else"))
        .assert()
        .code(0);
    place.assert_same("plain", "moved");
    // Names of this machine and of this place are in run.json only.
    let here = place.path().to_str().unwrap();
    for (name, bytes) in place.report("absolute") {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(here), "{name}");
    }
}

#[test]
fn how_a_pipe_hands_out_its_bytes_changes_nothing() {
    let place = Workplace::with_pki();
    let all = mbox(&some_blocks());
    let packed = gzip(&all);
    for (name, bytes) in [("plain", &all), ("packed", &packed)] {
        let mut reports = Vec::new();
        for piece in [bytes.len(), 65_537, 4_099] {
            let report = format!("{name}-{piece}");
            let arguments = [&["audit", "-", "-o", &report, "-q", AT][..], &PKI].concat();
            let mut child = Command::new(PROGRAM)
                .args(arguments)
                .current_dir(place.path())
                .stdin(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut pipe = child.stdin.take().unwrap();
            for chunk in bytes.chunks(piece) {
                pipe.write_all(chunk).unwrap();
            }
            drop(pipe);
            assert_eq!(child.wait().unwrap().code(), Some(0));
            reports.push(report);
        }
        place.assert_same(&reports[0], &reports[1]);
        place.assert_same(&reports[0], &reports[2]);
    }
}
