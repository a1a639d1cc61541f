//! Mail as mailboxes keep it: mbox and Maildir variants, odd separators, headers in any charset.

use super::{assert_record, audit, balances, findings, judged};
use crate::pki::authority::{Party, Wanted};
use crate::program::{
    TEAM, Workplace, base64, entity, gzip, header, mbox, plain, signed, signed_with,
};
use std::collections::BTreeMap;
use std::fs;

/// The rows of inputs.csv by path: variant and number of messages.
fn variants(place: &Workplace) -> BTreeMap<String, (String, u64)> {
    place
        .table("report", "inputs.csv")
        .into_iter()
        .map(|row| {
            (
                row["path"].clone(),
                (
                    row["mbox_variant"].clone(),
                    row["messages"].parse().unwrap(),
                ),
            )
        })
        .collect()
}

#[test]
fn e_30_mbox_variants_are_told_and_the_quoting_they_imply_is_undone() {
    let place = Workplace::with_pki();
    const SEPARATOR: &str = "From a@b Thu Jan  1 00:00:00 2015\n";
    let text = "hello\n\nFrom here on it is quoted,\n>From the second on twice\nbye";
    let one = signed("1", text);
    // In mboxo a line that began with `>From ` in the mail is as one that was quoted.
    let simple = signed("2", "hello\n\nFrom here on it is quoted,\nbye");
    let quoted = |mail: &str, again: bool| -> String {
        mail.lines()
            .map(|line| {
                let bare = if again {
                    line.trim_start_matches('>')
                } else {
                    line
                };
                let mark = if bare.starts_with("From ") { ">" } else { "" };
                format!("{mark}{line}\n")
            })
            .collect()
    };
    let (rd, o) = (quoted(&one, true), quoted(&simple, false));
    let with_length = |mail: &str| {
        let (head, body) = mail.split_once("\n\n").unwrap();
        format!("{head}\nContent-Length: {}\n\n{body}", body.len())
    };
    let file = |mails: &[String]| -> String {
        mails
            .iter()
            .map(|mail| format!("{SEPARATOR}{mail}\n"))
            .collect()
    };
    place.write("mail/rd.mbox", file(&[rd.clone(), rd.clone()]));
    let as_it_stands = signed("3", "x\n>From y");
    place.write("mail/o.mbox", file(&[o.clone(), as_it_stands]));
    place.write("mail/cl.mbox", file(&[with_length(&o), with_length(&o)]));
    place.write(
        "mail/cl2.mbox",
        file(&[with_length(&one), with_length(&one)]),
    );
    // One that lies about its length, by a byte or by far.
    let wrong = with_length(&rd).replace("Content-Length: ", "Content-Length: 9");
    place.write("mail/wrong.mbox", file(&[wrong.clone(), wrong]));
    audit(&place, "mail", &[]).code(0);
    let seen = variants(&place);
    for (name, variant) in [("rd.mbox", "mboxrd"), ("cl2.mbox", "mboxcl2")] {
        assert_eq!(seen[name], (variant.to_owned(), 2), "{seen:?}");
    }
    assert!(
        seen.values().all(|(_, messages)| *messages == 2),
        "{seen:?}"
    );
    for record in place.messages("report") {
        let path = record["path"].as_str().unwrap();
        assert_record(&record, "valid", &[]);
        let length_wrong = findings(&record).contains(&"content_length_wrong");
        assert_eq!(length_wrong, path == "wrong.mbox", "{record}");
    }
    balances(&place, 10);
}

#[test]
fn e_31_every_message_of_an_odd_mbox_is_counted() {
    let place = Workplace::with_pki();
    let mails: Vec<String> = (0..5).map(|n| signed(&n.to_string(), "text")).collect();
    let all = String::from_utf8(mbox(&mails)).unwrap();
    let dates = [
        "Thu Jan  1 00:00:00 2015",
        "Thu, 01 Jan 2015 00:00:00 +0000",
        "Thu Jan  1 00:00 CET 2015",
        "2015-01-01",
    ];
    place.write("mail/crlf.mbox", all.replace('\n', "\r\n"));
    place.write("mail/mark.mbox", format!("\u{feff}{all}"));
    place.write("mail/leading.mbox", format!("\n\n{all}"));
    place.write(
        "mail/no-blank.mbox",
        all.replace("--\n\nFrom ", "--\nFrom "),
    );
    place.write("mail/cut.mbox", all.trim_end());
    place.write(
        "mail/members.mbox.gz",
        mails
            .iter()
            .flat_map(|mail| gzip(&mbox(&[mail])))
            .collect::<Vec<u8>>(),
    );
    let odd: String = mails
        .iter()
        .zip(dates.iter().cycle())
        .map(|(mail, date)| format!("From a@b {date}\n{mail}\n"))
        .collect();
    place.write("mail/dates.mbox", odd);
    audit(&place, "mail", &[]).code(0);
    let seen = variants(&place);
    assert_eq!(seen.len(), 7);
    for (name, (_, messages)) in seen {
        assert_eq!(messages, 5, "{name}");
    }
    for record in place.messages("report") {
        assert_record(&record, "valid", &[]);
    }
    balances(&place, 35);
}

#[test]
fn e_32_a_maildir_with_the_names_of_all_systems() {
    let place = Workplace::with_pki();
    let names = [
        "cur/1420070400.M1P2.host:2,FS",
        "cur/1420070401.M1P2.host;2,S",
        "cur/1420070402.M1P2.host!2,RS",
        "cur/1420070403.M1P2.host,S=3021,W=3100:2,Sab",
        "cur/1420070404.M1P2.host",
        "new/1420070405.M1P2.host",
        ".Sent.2015/cur/1420070406.M1P2.host:2,S",
        ".Sent.2015/new/1420070407.M1P2.host",
        "sub/cur/1420070408.M1P2.host:2,",
    ];
    for (n, name) in names.iter().enumerate() {
        place.write(format!("maildir/{name}"), signed(&n.to_string(), "text"));
    }
    for folder in [
        "maildir/new",
        "maildir/tmp",
        "maildir/.Sent.2015/tmp",
        "maildir/sub/new",
    ] {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    place.write(
        "maildir/tmp/1420070409.M1P2.host",
        signed("tmp", "half delivered"),
    );
    place.write("maildir/dovecot-uidlist", "3 V1 N2 G3\n");
    place.write("maildir/subscriptions", "Sent.2015\n");
    audit(&place, "maildir", &[]).code(0);
    let mut expected: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    expected.sort();
    let records = place.messages("report");
    let mut paths: Vec<&str> = records
        .iter()
        .map(|record| record["path"].as_str().unwrap())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, expected);
    for record in &records {
        assert_record(record, "valid", &[]);
    }
    balances(&place, names.len() as u64);
    let kinds: Vec<String> = place
        .table("report", "inputs.csv")
        .into_iter()
        .map(|row| row["kind"].clone())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "maildir").count(),
        names.len()
    );
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "other").count(),
        kinds.len() - names.len()
    );
}

#[test]
fn e_33_headers_in_any_charset_and_domains_in_either_form() {
    let good = signed("1", "text");
    let with_from = |from: &[u8]| {
        let (before, after) = good
            .split_once("From: Alice <alice@example.com>\n")
            .unwrap();
        [before.as_bytes(), b"From: ", from, b"\n", after.as_bytes()].concat()
    };
    let records = judged(&[
        ("utf8", with_from("Älice <alice@example.com>".as_bytes())),
        ("latin1", with_from(b"\xc4lice <alice@example.com>")),
        (
            "words",
            with_from(b"=?utf-8?q?=C3?= =?utf-8?q?=84lice?= <alice@example.com>"),
        ),
        (
            "broken",
            with_from(b"=?utf-8?b?w4Rsa? =?utf-8 <alice@example.com>"),
        ),
        (
            "charset",
            with_from(b"=?x-nonsense?q?=C4lice?= <alice@example.com>"),
        ),
        (
            "other-name",
            with_from(b"\"bob@example.com\" <alice@example.com>"),
        ),
        ("case", with_from(b"alice@EXAMPLE.Com")),
        ("other", with_from(b"Alice <alice@example.org>")),
    ]);
    for (name, record) in &records {
        let status = if name == "other" {
            "wrong_sender"
        } else {
            "valid"
        };
        assert_record(record, status, &[]);
    }
    assert_eq!(records["utf8"]["from"], "Älice <alice@example.com>");
    assert!(records["utf8"]["from_base64"].is_null());
    let kept = records["latin1"]["from_base64"].as_str().unwrap();
    assert_eq!(
        openssl::base64::decode_block(kept).unwrap(),
        b" \xc4lice <alice@example.com>"
    );
    assert!(
        records["charset"]["from"]
            .as_str()
            .unwrap()
            .contains("<alice@example.com>")
    );
    assert_record(
        &records["other-name"],
        "valid",
        &["display_name_address_mismatch"],
    );
    // A domain of U-labels in the mail, of A-labels in the certificate (RFC 9598 §5).
    let party = Party::new("Bücher");
    let certificate = Wanted::signer(&party, 9, "info@xn--bcher-kva.example")
        .days(0, 10_000)
        .by(&TEAM.root);
    let text = entity("text");
    let certificate = openssl::x509::X509::from_der(&certificate).unwrap();
    let options = openssl::cms::CMSOptions::BINARY | openssl::cms::CMSOptions::DETACHED;
    let cms = openssl::cms::CmsContentInfo::sign(
        Some(&certificate),
        Some(&party.key),
        None,
        Some(text.as_bytes()),
        options,
    )
    .unwrap();
    let mail = signed_with("u", &text, &base64(&cms.to_der().unwrap(), 64));
    let mail = |domain: &str| {
        mail.replace("Alice <alice@example.com>", &format!("info@{domain}"))
            .into_bytes()
    };
    let records = judged(&[
        ("u-label", mail("bücher.example")),
        ("a-label", mail("xn--bcher-kva.example")),
        ("upper", mail("BÜCHER.example")),
        ("other", mail("bucher.example")),
    ]);
    for (name, record) in &records {
        assert_record(
            record,
            if name == "other" {
                "wrong_sender"
            } else {
                "valid"
            },
            &[],
        );
    }
}

#[test]
fn e_30_a_from_line_inside_a_part_is_body() {
    // As in gmime#116: a line of a part that looks like a separator without a date.
    let place = Workplace::with_pki();
    let text = "quoted:\nFrom the other side\n\nFrom now on: nothing\n\nFrom: nobody\n";
    place.write(
        "a.mbox",
        mbox(&[signed("1", text), plain("2", "x"), signed("3", "y")]),
    );
    audit(&place, "a.mbox", &["--all"]).code(0);
    let records = place.messages("report");
    assert_eq!(records.len(), 3);
    assert_record(&records[0], "valid", &["unquoted_from_line"]);
    assert_record(&records[2], "valid", &[]);
    assert!(header("1").starts_with("From: "));
}
