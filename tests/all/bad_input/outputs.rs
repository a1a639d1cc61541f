//! What mail brings into the outputs: file names, table cells, terminal controls, JSON (catalogue rows D-18 to D-21).

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use mailseal::asn1::oid;
use serde_json::Value;

use super::{audit, findings};
use crate::pki::authority::{Party, Wanted, name};
use crate::program::{AT, TEAM, Workplace, base64, entity, names, signed, signed_with};

/// A detached signature over the text by a certificate with this name.
fn signed_as(id: &str, common_name: &str, address: &str) -> String {
    let mut party = Party::new("x");
    party.name = name(&[(oid::COMMON_NAME, common_name)]);
    let serial = id
        .bytes()
        .fold(100, |sum, octet| sum * 31 + u64::from(octet))
        >> 1;
    let certificate = Wanted::signer(&party, serial, address)
        .days(0, 10_000)
        .by(&TEAM.root);
    let certificate = openssl::x509::X509::from_der(&certificate).unwrap();
    let text = entity("text");
    let options = openssl::cms::CMSOptions::BINARY | openssl::cms::CMSOptions::DETACHED;
    let cms = openssl::cms::CmsContentInfo::sign(
        Some(&certificate),
        Some(&party.key),
        None,
        Some(text.as_bytes()),
        options,
    )
    .unwrap();
    signed_with(id, &text, &base64(&cms.to_der().unwrap(), 64))
}

/// Names and texts that a program may stumble over.
const TEXTS: [&str; 12] = [
    "=HYPERLINK(\"http://x\")",
    "+1",
    "-1",
    "@SUM(1)",
    "\tx",
    "\rx",
    "'x",
    "a\"b,c;d",
    "a\nb",
    "\u{1b}[2J\u{1b}]8;;http://x\u{7}\u{9b}31m",
    "\u{202e}lave\u{2066}x",
    "＝1",
];

#[test]
fn d_18_no_name_from_mail_becomes_the_name_of_a_file() {
    let place = Workplace::with_pki();
    for (n, bad) in [
        "../../x",
        "/tmp/x",
        "CON",
        "a\0b",
        &"n".repeat(300),
        "..",
        "",
    ]
    .iter()
    .enumerate()
    {
        let mail = signed(&n.to_string(), "text")
            .replace(&format!("<{n}@example.com>"), &format!("<{bad}>"))
            .replace("name=smime.p7s", &format!("name=\"{bad}\""));
        place.write(format!("mail/{n}.eml"), mail);
    }
    let before = place.names();
    audit(&place, "mail", &["--all", "--subjects", "--hash-inputs"]).code(0);
    let mut after = place.names();
    after.retain(|name| !before.contains(name));
    assert_eq!(after, ["report"]);
    assert_eq!(
        names(&place.join("report")),
        [
            "certificates.csv",
            "certificates.pem",
            "decryptions.csv",
            "facts.bin.zst",
            "faults.csv",
            "inputs.csv",
            "manifest-sha256.txt",
            "messages.jsonl",
            "missing-keys.csv",
            "run.json",
            "signatures.csv",
            "summary.json"
        ]
    );
}

/// A folder of mails with each of these texts in names, Message-IDs, subjects and certificates.
fn odd_texts() -> Workplace {
    let place = Workplace::with_pki();
    for (n, text) in TEXTS.iter().enumerate() {
        let folded = text.replace(['\n', '\r'], " ");
        let mail = signed_as(&n.to_string(), text, "alice@example.com")
            .replace(&format!("<{n}@example.com>"), &folded)
            .replace(&format!("about {n}"), &folded);
        place.write(format!("mail/{}{n}.eml", text.replace('/', "_")), mail);
    }
    place
}

const TABLES: [&str; 6] = [
    "signatures.csv",
    "decryptions.csv",
    "missing-keys.csv",
    "certificates.csv",
    "faults.csv",
    "inputs.csv",
];

#[test]
fn d_19_no_cell_of_a_table_is_a_formula() {
    let place = odd_texts();
    place.write("mail/=fault.mbox.gz", b"\x1f\x8b\x08\x00 damaged");
    audit(&place, "mail", &["--subjects"]).code(3);
    let mut escaped = 0;
    for table in TABLES {
        let bytes = fs::read(place.join("report").join(table)).unwrap();
        assert!(!bytes.starts_with(b"\xef\xbb\xbf"), "{table}");
        let mut rows = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(&bytes[..]);
        let mut count = 0;
        for row in rows.records() {
            count += 1;
            for cell in &row.unwrap() {
                assert!(
                    !cell.starts_with([
                        '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'
                    ]),
                    "{table}: {cell:?}"
                );
                assert!(!cell.contains(is_hidden), "{table}: {cell:?}");
                escaped += usize::from(cell.starts_with('\''));
            }
        }
        assert!(
            count > 0 || matches!(table, "decryptions.csv" | "missing-keys.csv"),
            "{table}"
        );
    }
    assert!(escaped > 10, "only {escaped} cells");
    // JSON keeps the truth.
    let subjects: Vec<String> = place
        .messages("report")
        .iter()
        .map(|record| record["subject"].as_str().unwrap().to_owned())
        .collect();
    for text in ["=HYPERLINK(\"http://x\")", "+1", "@SUM(1)"] {
        assert!(
            subjects.iter().any(|subject| subject == text),
            "{subjects:?}"
        );
    }
    audit(&place, "mail", &["--csv-raw"]).code(3);
    let raw = place.table("report", "inputs.csv");
    assert!(
        raw.iter().any(|row| row["path"].starts_with("=HYPERLINK")),
        "{raw:?}"
    );
}

/// A character that moves or hides text where it is shown.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[test]
fn d_20_nothing_from_mail_reaches_the_terminal_as_it_is() {
    let place = odd_texts();
    let bad = "mail/\u{1b}]0;x\u{7}\u{202e}.mbox.gz";
    place.write(bad, b"\x1f\x8b\x08\x00 damaged");
    let odd = "keys/\u{1b}[2J\u{202e}.p12";
    place.write(odd, b"\x30\x82damaged");
    let first = "\u{1b}[31m\u{202e}.eml";
    place.write(first, signed("1", "text").replace("text\n", "changed\n"));
    let shown = [
        place.run(&[
            "audit",
            "mail",
            "-o",
            "report",
            AT,
            "--keys",
            "keys",
            "--passwords",
            "passwords.txt",
        ]),
        place.run(&["audit", first, "-o", "\u{1b}[31mreport", AT]),
        place.run(&["audit", "gone\u{1b}[2J\u{202e}\n", "-o", "other"]),
        place.run(&["audit", "mail", "-o", "other", "--ca", odd]),
        place.run(&["judge", "gone\u{9b}2J", "-o", "other"]),
    ];
    for ran in shown {
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(is_hidden), "{text:?}");
        }
        assert!(!ran.out.is_empty() || !ran.err.is_empty());
    }
}

#[test]
fn d_21_json_is_json_whatever_the_mail_says() {
    let place = odd_texts();
    let with_subject = |id: &str, subject: &[u8]| {
        let mail = signed(id, "text");
        let (before, after) = mail.split_once(&format!("about {id}")).unwrap();
        [before.as_bytes(), subject, after.as_bytes()].concat()
    };
    let subjects: [&[u8]; 7] = [
        b"\xff\xfe\x80",
        b"\xed\xa0\x80 lone surrogate",
        "\u{2028}\u{2029}\u{feff}\u{0}x".as_bytes(),
        b"18446744073709551616",
        b"\\u0000 \\ud800 \"",
        b"=?utf-16?b?2AA=?=",
        b"=?utf-8?q?=00=1F=7F=ED=A0=80?=",
    ];
    for (n, subject) in subjects.iter().enumerate() {
        place.write(
            format!("mail/s{n}.eml"),
            with_subject(&format!("s{n}"), subject),
        );
    }
    audit(&place, "mail", &["--subjects"]).code(0);
    let text = fs::read(place.join("report/messages.jsonl")).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().count(), TEXTS.len() + subjects.len());
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["status"].is_string());
        assert!(!line.contains(|c: char| c < ' '), "{line:?}");
        // Serial numbers are texts: no reader rounds them.
        for layer in record["layers"].as_array().unwrap() {
            for signature in layer["signatures"].as_array().unwrap() {
                assert!(
                    signature["signer"]["serial"].is_null()
                        || signature["signer"]["serial"].is_string()
                );
            }
        }
        assert!(findings(&record).iter().all(|code| !code.is_empty()));
    }
    let records = place.messages("report");
    let of = |name: &str| {
        records
            .iter()
            .find(|record| record["path"] == format!("{name}.eml"))
            .unwrap()
    };
    for n in [0, 1] {
        let kept = of(&format!("s{n}"))["subject_base64"].as_str().unwrap();
        // As it stands, with the blank behind the colon.
        assert_eq!(
            openssl::base64::decode_block(kept).unwrap(),
            [b" ", subjects[n]].concat()
        );
    }
    assert_eq!(of("s3")["subject"], "18446744073709551616");
    // Two readers that others wrote read it the same way, where they are there.
    for (program, arguments) in [
        ("jq", &["-c", ".sha256"][..]),
        (
            "python3",
            &[
                "-c",
                "import json,sys\nfor l in sys.stdin: print(json.dumps(json.loads(l)['sha256']))",
            ],
        ),
    ] {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: no {program}");
            continue;
        };
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program}");
        let expected: String = records
            .iter()
            .map(|record| format!("{}\n", record["sha256"]))
            .collect();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{program}"
        );
    }
}
