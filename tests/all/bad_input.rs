//! Bad input: each gets a record or a clear error, and none stops the run (catalogue rows D-01 to D-21, E-20 to E-34, G-08).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::Value;

use super::program::{
    AT, Workplace, base64, findings, gzip, header, mbox, plain, signed, small_mails,
};

mod cms;
mod encodings;
mod outputs;
mod storage;

/// The records of these messages by their file's name, after one audit of all of them with anchors and keys. There is a good one
/// beside them, which has to be valid.
fn judged(mails: &[(&str, Vec<u8>)]) -> BTreeMap<String, Value> {
    let place = Workplace::with_pki();
    for (name, bytes) in mails {
        place.write(format!("mail/{name}.eml"), bytes);
    }
    place.write("mail/zz-good.eml", signed("good", "good"));
    audit(&place, "mail", &["--all"]).code(0);
    let records: BTreeMap<String, Value> = place
        .messages("report")
        .into_iter()
        .map(|record| {
            let name = record["path"].as_str().unwrap().trim_end_matches(".eml");
            (name.to_owned(), record)
        })
        .collect();
    assert_eq!(records.len(), mails.len() + 1, "{:?}", records.keys());
    assert_eq!(records["zz-good"]["status"], "valid");
    records
}

fn audit(place: &Workplace, archive: &str, options: &[&str]) -> super::program::Ran {
    let arguments = [
        &["audit", archive, "-o", "report", "-q", "--force", AT][..],
        &[
            "--ca",
            "roots.pem",
            "--keys",
            "keys",
            "--passwords",
            "passwords.txt",
        ],
        options,
    ]
    .concat();
    place.run(&arguments)
}

/// The record has this status and these findings, and maybe others.
#[track_caller]
fn assert_record(record: &Value, status: &str, codes: &[&str]) {
    assert_eq!(record["status"], status, "{record}");
    let seen = findings(record);
    for code in codes {
        assert!(seen.contains(code), "{code} is not in {seen:?}: {record}");
    }
}

/// A mail whose MIME fields and body are these.
fn mail(id: &str, rest: &str) -> Vec<u8> {
    format!("{}{rest}", header(id)).into_bytes()
}

/// An S/MIME part that is none.
const PART: &str = "Content-Type: application/pkcs7-mime\n\nxx\n";

#[test]
fn d_01_parts_nested_a_hundred_thousand_deep_are_not_opened_and_that_is_told() {
    let mut multiparts = String::new();
    for n in 0..100_000 {
        multiparts.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=\"b{n}\"\n\n--b{n}\n"
        ));
    }
    let messages = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let records = judged(&[
        ("multiparts", mail("1", &(multiparts + PART))),
        ("messages", mail("2", &(messages + PART))),
        (
            "sixty",
            mail("3", &("Content-Type: message/rfc822\n\n".repeat(60) + PART)),
        ),
    ]);
    // What could not be seen is not called ordinary mail.
    assert_record(&records["multiparts"], "unsupported", &["mime_too_deep"]);
    assert_record(&records["messages"], "unsupported", &["mime_too_deep"]);
    assert_record(&records["sixty"], "damaged", &[]);
    // Nor does it need --all to be listed.
    let place = Workplace::with_pki();
    place.write(
        "a.eml",
        mail(
            "2",
            &("Content-Type: message/rfc822\n\n".repeat(1000) + PART),
        ),
    );
    audit(&place, "a.eml", &[]).code(0);
    assert_record(
        &place.messages("report")[0],
        "unsupported",
        &["mime_too_deep"],
    );
}

#[test]
fn d_02_d_03_parts_fields_addresses_and_comments_without_number() {
    let multipart = "Content-Type: multipart/mixed; boundary=bbbb\n\n";
    let many = |piece: &str, number: usize| piece.repeat(number);
    let from = |value: String, rest: &str| {
        format!("From: {value}\nDate: Mon, 01 Jun 2026 12:00:00 +0000\n{rest}").into_bytes()
    };
    let addresses: Vec<String> = (0..100_000).map(|n| format!("a{n}@example.com")).collect();
    let records = judged(&[
        (
            "boundaries",
            mail(
                "1",
                &format!("{multipart}{}{PART}--bbbb--\n", many("--bbbb\n", 1_000_000)),
            ),
        ),
        (
            "parts",
            mail(
                "2",
                &format!(
                    "{multipart}{}--bbbb--\n",
                    many(&format!("--bbbb\n{PART}"), 20_000)
                ),
            ),
        ),
        (
            "prefixes",
            mail(
                "3",
                &format!(
                    "{multipart}{}--bbbb\n{PART}--bbbb--\n",
                    many("--bbbbx\n", 1_000_000)
                ),
            ),
        ),
        (
            "header",
            mail("4", &format!("X: {}\n{PART}", many("y", 10 << 20))),
        ),
        (
            "received",
            mail(
                "5",
                &format!(
                    "{}{PART}",
                    many(
                        "Received: from a by b; Mon, 01 Jun 2026 12:00:00 +0000\n",
                        1_000_000
                    )
                ),
            ),
        ),
        ("addresses", from(addresses.join(", "), PART)),
        ("comments", from(many("(", 1_000_000), PART)),
        ("quotes", from(many("\"", 999_999), PART)),
        ("words", from(many("=?utf-8?q?x?= ", 100_000), PART)),
        (
            "parameters",
            mail(
                "6",
                &format!(
                    "Content-Type: application/pkcs7-mime{}\n\nxx\n",
                    many("; a*0*=x", 50_000)
                ),
            ),
        ),
    ]);
    assert_record(&records["boundaries"], "unsupported", &["too_many_parts"]);
    assert_record(
        &records["parts"],
        "damaged",
        &["too_many_parts", "too_many_layers"],
    );
    assert_record(&records["prefixes"], "damaged", &[]);
    for name in ["header", "received", "addresses", "words"] {
        assert_record(&records[name], "unsupported", &["header_too_large"]);
    }
    for name in ["comments", "quotes", "parameters"] {
        assert_record(&records[name], "damaged", &[]);
    }
}

#[test]
fn d_04_an_endless_line_and_a_message_over_the_limit() {
    let place = Workplace::with_pki();
    let line = "x".repeat(3 << 20);
    let long = plain("long", &line);
    place.write(
        "a.mbox",
        mbox(&[signed("1", "a"), long.clone(), signed("2", "b")]),
    );
    audit(&place, "a.mbox", &["--all"]).code(0);
    assert_eq!(place.messages("report").len(), 3);
    let offset = place.messages("report")[1]["offset"].clone();
    audit(&place, "a.mbox", &["--all", "--max-message", "1M"]).code(3);
    let records = place.messages("report");
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record["status"] == "valid"));
    let faults = place.table("report", "faults.csv");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["code"], "message_too_large");
    assert_eq!(faults[0]["offset"], offset.to_string());
    balances(&place, 2);
    // One line without any separator is no mail; named as one of a Maildir it is.
    place.write("line", &line);
    audit(&place, "line", &[])
        .code(5)
        .says(&["line: is no mail"]);
    place.write("maildir/cur/1420070400.M1P2.host:2,S", &line);
    fs::create_dir(place.join("maildir/new")).unwrap();
    audit(&place, "maildir", &[]).code(0);
    balances(&place, 1);
}

/// G-08: what was read is what the report accounts for.
#[track_caller]
fn balances(place: &Workplace, messages: u64) {
    let summary = place.summary("report");
    let sums = &summary["reconciliation"];
    assert_eq!(sums["messages"], messages, "{sums}");
    let statuses = summary["messages"]["status"].as_object().unwrap();
    let by_status: u64 = statuses.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(by_status, messages);
    let folders = summary["folders"].as_object().unwrap();
    let by_folder: u64 = folders
        .values()
        .map(|folder| folder["total"].as_u64().unwrap())
        .sum();
    assert_eq!(by_folder, messages);
    let number = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<u64>().unwrap();
    let (mut total, mut bytes) = (0, 0);
    for row in place.table("report", "inputs.csv") {
        let parts = ["message_bytes", "between_bytes", "fault_bytes"];
        let sum: u64 = parts.iter().map(|column| number(&row, column)).sum();
        assert_eq!(sum, number(&row, "bytes"), "{row:?}");
        total += number(&row, "messages");
        bytes += sum;
    }
    assert_eq!(total, messages);
    assert_eq!(sums["bytes"], bytes, "{sums}");
}

#[test]
fn g_08_read_is_messages_and_what_is_between_them_and_faults() {
    let place = Workplace::with_pki();
    let all = mbox(&small_mails());
    place.write("all/a.mbox", &all);
    place.write("all/b.mbox.gz", gzip(&all));
    place.write("all/cut.mbox.gz", &gzip(&all)[..1500]);
    place.write(
        "all/leading.mbox",
        [&b"end of another mail\n\n"[..], &all].concat(),
    );
    place.write("all/cur/1420070400.M1P2.host:2,S", signed("x", "x"));
    fs::create_dir(place.join("all/new")).unwrap();
    place.write("all/eml/1.eml", signed("y", "y"));
    place.write("all/readme", "no mail");
    audit(&place, "all", &[]).code(3);
    let whole = place.table("report", "inputs.csv");
    let messages: u64 = whole
        .iter()
        .map(|row| row["messages"].parse::<u64>().unwrap())
        .sum();
    assert!(messages >= 3 * 6 + 2, "{whole:?}");
    balances(&place, messages);
    assert!(
        whole.iter().any(|row| row["fault_bytes"] != "0"),
        "{whole:?}"
    );
}

#[test]
fn d_05_bombs_stop_at_the_ratio() {
    let place = Workplace::with_pki();
    let mut head = mbox(&[signed("1", "a")]);
    head.extend_from_slice(b"From a@b Thu Jan  1 00:00:00 2015\nFrom: a@b\nDate: x\n\n");
    head.resize(120 << 20, b'a');
    let bomb = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&head).unwrap();
        encoder.finish().unwrap()
    };
    assert!(bomb.len() < 1 << 20);
    place.write("mail/a.mbox.gz", &bomb);
    place.write("mail/b.mbox.zst", super::program::zstd(&head));
    place.write("mail/c.eml", signed("2", "b"));
    audit(&place, "mail", &[]).code(3);
    let faults = place.table("report", "faults.csv");
    assert_eq!(faults.len(), 2, "{faults:?}");
    for fault in faults {
        assert_eq!(fault["code"], "decompression_ratio");
    }
    // What stood before is there, and what comes behind.
    let valid = place
        .messages("report")
        .iter()
        .filter(|record| record["status"] == "valid")
        .count();
    assert_eq!(valid, 3);
}

#[test]
fn d_17_links_pipes_devices_and_names_that_are_no_text() {
    let place = Workplace::with_pki();
    place.write("mail/a.eml", signed("1", "a"));
    let odd = OsStr::from_bytes(b"mail/b\xff\n\x1b[2J\xe2\x80\xae.eml");
    place.write(odd, signed("2", "b"));
    place.write("mail/empty", "");
    place.write("mail/tiny.mbox", "From x\n\nhi");
    symlink(".", place.join("mail/loop")).unwrap();
    symlink("loop2", place.join("mail/loop2")).unwrap();
    symlink("/etc/passwd", place.join("mail/outside")).unwrap();
    symlink("nowhere", place.join("mail/nowhere")).unwrap();
    fs::hard_link(place.join("mail/a.eml"), place.join("mail/hard.eml")).unwrap();
    let made = Command::new("mkfifo").arg(place.join("mail/pipe")).status();
    let socket = std::os::unix::net::UnixListener::bind(place.join("mail/socket")).unwrap();
    // Links and pipes are left out by design; nothing that is mail is unread.
    let ran = audit(&place, "mail", &[]);
    ran.code(0);
    drop(socket);
    let faults: BTreeMap<String, String> = place
        .table("report", "faults.csv")
        .into_iter()
        .map(|row| (row["path"].clone(), row["code"].clone()))
        .collect();
    for name in ["loop", "loop2", "outside", "nowhere"] {
        assert_eq!(faults[name], "skipped_symlink", "{name}");
    }
    assert_eq!(faults["socket"], "not_a_regular_file");
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(faults["pipe"], "not_a_regular_file");
    }
    let records = place.messages("report");
    let paths: Vec<&str> = records
        .iter()
        .map(|record| record["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["a.eml", "b%FF%0A%1B[2J\u{202e}.eml", "hard.eml"]);
    let kept = records[1]["path_base64"].as_str().unwrap();
    let bytes = openssl::base64::decode_block(kept).unwrap();
    assert_eq!(bytes, odd.as_bytes()["mail/".len()..]);
    balances(&place, 4);
    // Named as arguments: the link leads to mail, the loop nowhere.
    symlink("mail/a.eml", place.join("link")).unwrap();
    audit(&place, "link", &[]).code(0);
    symlink("endless", place.join("endless")).unwrap();
    audit(&place, "endless", &[])
        .code(5)
        .says(&["endless: cannot be read"]);
    let odd_argument = place.command(&[
        OsStr::new("audit"),
        odd,
        OsStr::new("-o"),
        OsStr::new("odd"),
    ]);
    let mut odd_argument = odd_argument;
    let ran = super::program::ended(&mut odd_argument);
    ran.code(0);
}

#[test]
fn d_17_what_this_user_may_not_read_is_a_fault() {
    let place = Workplace::new();
    place.write("mail/a.eml", plain("1", "a"));
    place.write("mail/b/b.eml", plain("2", "b"));
    place.write("mail/c.eml", plain("3", "c"));
    let closed = [place.join("mail/a.eml"), place.join("mail/b")];
    for path in &closed {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    let (Some(mut command), Some(mut refused)) = (
        place.command_without_rights(),
        place.command_without_rights(),
    ) else {
        return;
    };
    command.args(["audit", "mail", "-o", "report", "-q"]);
    refused.args(["audit", "mail/a.eml", "-o", "other"]);
    let output = command.output().unwrap();
    let alone = refused.output().unwrap();
    for path in &closed {
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let faults = place.table("report", "faults.csv");
    let seen: Vec<_> = faults
        .iter()
        .map(|row| (row["path"].as_str(), row["code"].as_str()))
        .collect();
    assert_eq!(seen, [("a.eml", "unreadable"), ("b", "unreadable")]);
    balances(&place, 1);
    assert_eq!(alone.status.code(), Some(5));
    let said = String::from_utf8(alone.stderr).unwrap();
    assert!(
        said.contains("Permission denied") && said.contains("Check the name and the permissions"),
        "{said}"
    );
}

#[test]
fn small_and_truncated_files() {
    let place = Workplace::with_pki();
    for (name, bytes, messages) in [
        ("empty.mbox", &b""[..], 0),
        ("ten.mbox", b"From x\n\nhi", 1),
        ("cut.mbox", b"From a@b Thu Jan  1 00:00:00 2015\nFro", 1),
        ("blank.mbox", b"\n\n\n", 0),
    ] {
        place.write(name, bytes);
        let ran = audit(&place, name, &[]);
        ran.code(0);
        balances(&place, messages);
    }
    let whole = signed("1", "text");
    for length in (0..whole.len()).step_by(97) {
        place.write(
            format!("cut/{length:05}.mbox"),
            [
                b"From a@b Thu Jan  1 00:00:00 2015\n",
                &whole.as_bytes()[..length],
            ]
            .concat(),
        );
    }
    let files = super::program::names(&place.join("cut")).len() as u64;
    audit(&place, "cut", &["--all"]).code(0);
    balances(&place, files);
    for record in place.messages("report") {
        assert_ne!(record["status"], "valid", "{record}");
    }
}

#[test]
fn e_34_the_same_mail_in_several_folders_is_reported_each_time() {
    let place = Workplace::with_pki();
    let mail = signed("1", "text");
    for path in [
        "mail/inbox/1.eml",
        "mail/archive/copy.eml",
        "mail/inbox/again.eml",
    ] {
        place.write(path, &mail);
    }
    place.write("mail/all.mbox", mbox(&[&mail, &mail]));
    audit(&place, "mail", &[]).code(0);
    let records = place.messages("report");
    assert_eq!(records.len(), 5);
    for record in &records {
        assert_eq!(record["status"], "valid");
        assert_eq!(record["sha256"], records[0]["sha256"]);
        assert_eq!(record["content_sha256"], records[0]["content_sha256"]);
    }
    let certificates = place.table("report", "certificates.csv");
    assert_eq!(certificates.len(), 1);
    assert_eq!(certificates[0]["messages"], "5");
}

/// `base64` with the header field that announces it.
fn transfer(bytes: &[u8]) -> String {
    format!("Content-Transfer-Encoding: base64\n\n{}", base64(bytes, 64))
}
