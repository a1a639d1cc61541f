//! Rows C-01, C-02 and F-02 to F-08, F-19 and F-20 on the built program: what each option of `mailseal decrypt` does to the message it is for,
//! and what the manifest says of it.

use std::collections::BTreeMap;
use std::fs;

use mailseal::crypto::content_cipher::CipherAlgorithm::{Aes128Gcm, Aes256Cbc};
use serde_json::Value;

use crate::catalogue::a_axes::{content, from_alice};
use crate::catalogue::migrated::{
    INNER, clear_signed, encrypted, encrypted_with, for_stranger, protecting,
};
use crate::migrate::records;
use crate::program::{Workplace, pem};
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people::{self, bob, carol};
use crate::toolkit::{keys, people::alice};

/// The messages of a folder after a run: text and line of the manifest, by name.
type Outcome = BTreeMap<String, (String, Value)>;

fn place(mails: &[(&str, Vec<u8>)]) -> Workplace {
    let place = Workplace::new();
    let carol = [
        pem("CERTIFICATE", &carol().certificate),
        pem("PRIVATE KEY", &keys::pkcs8(carol().key())),
    ];
    place.write("keys/carol.pem", carol.concat());
    let root = &people::root().certificate;
    place.write("root.pem", pem("CERTIFICATE", root));
    for (name, bytes) in mails {
        place.write(format!("mail/{name}.eml"), bytes);
    }
    place
}

fn run(place: &Workplace, options: &[&str], code: i32) -> Outcome {
    let arguments = ["decrypt", "mail", "-o", "out", "-q", "--keys", "keys"];
    place.run(&[&arguments[..], options].concat()).code(code);
    place.run(&["check", "out", "--source", "mail"]).code(0);
    let outcome = records(place, "out")
        .into_iter()
        .map(|record| {
            let path = record["output"]["path"].as_str().unwrap();
            let bytes = fs::read(place.join("out").join(path)).unwrap();
            let name = path.rsplit('/').next().unwrap().trim_end_matches(".eml");
            let text = String::from_utf8(bytes).unwrap();
            (name.to_owned(), (text, record))
        })
        .collect();
    fs::remove_dir_all(place.join("out")).unwrap();
    outcome
}

fn mail_of(headers: &Headers, entity: &[u8]) -> Vec<u8> {
    mail::message(headers, entity)
}

#[test]
fn f_02_f_03_f_06_f_07_the_header_outside_stays_and_the_type_is_the_entity_s() {
    let headers = from_alice()
        .with("References", "<a@b>\r\n <c@d>")
        .with("In-Reply-To", "<c@d>")
        .with("Received", "from a\r\n\tby b")
        .with("Received", "from b by c")
        .with("dkim-signature", "v=1; d=example.com;\r\n b=AAAA");
    let place = place(&[
        ("typed", mail_of(&headers, &encrypted(&content()))),
        ("bare", mail_of(&headers, &encrypted(b"\r\njust text\r\n"))),
    ]);
    let done = run(&place, &["--provenance", "sidecar"], 0);
    let before = String::from_utf8(mail_of(&headers, b"\r\n")).unwrap();
    let outside = before.split_once("\r\n\r\n").unwrap().0;
    for (name, entity) in [
        ("typed", content()),
        ("bare", b"\r\njust text\r\n".to_vec()),
    ] {
        let (text, record) = &done[name];
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let kept: Vec<&str> = head
            .split("\r\n")
            .filter(|line| {
                let line = line.to_ascii_lowercase();
                !line.starts_with("content-") && !line.starts_with("mime-version")
            })
            .collect();
        let outside: Vec<&str> = outside
            .split("\r\n")
            .filter(|line| !line.to_ascii_lowercase().starts_with("mime-version"))
            .collect();
        assert_eq!(kept, outside, "{name}");
        assert!(
            entity.ends_with(body.as_bytes()) && !body.is_empty(),
            "{text}"
        );
        assert!(!text.contains("pkcs7") && !text.contains("smime"), "{text}");
        assert_eq!(text.to_ascii_lowercase().matches("mime-version").count(), 1);
        let provenance = record["provenance"].as_str().unwrap();
        assert!(provenance.ends_with("dkim=body_changed"), "{provenance}");
    }
    let typed = done["typed"]
        .0
        .matches("\r\nContent-Type: text/plain")
        .count();
    assert_eq!(typed, 1, "{}", done["typed"].0);
}

#[test]
fn f_04_protected_fields_are_restored_unless_they_are_to_stay() {
    let outside = || from_alice().set("Subject", "[...]");
    let boss = "From: Bob <bob@example.com>\r\nSubject: Pay\r\nContent-Type: text/plain; hp=\"cipher\"\r\n\r\npay\r\n";
    let signed = clear_signed(boss.as_bytes(), bob());
    let place = place(&[
        (
            "hp",
            mail_of(&outside(), &encrypted(&protecting(INNER, "hp=\"cipher\""))),
        ),
        ("from", mail_of(&outside(), &encrypted(boss.as_bytes()))),
        ("signed", mail_of(&outside(), &encrypted(&signed))),
    ]);
    let restored = "Subject: The real\r\n subject\r\nX-Mailseal-Outer-Subject: [...]\r\n";
    let done = run(&place, &[], 0);
    assert!(done["hp"].0.contains(restored), "{}", done["hp"].0);
    for name in ["from", "signed"] {
        let (text, record) = &done[name];
        assert!(
            text.starts_with("From: Alice <alice@example.com>\r\n"),
            "{text}"
        );
        assert_eq!(record["findings"][0], "inner_from_differs", "{record}");
    }
    let done = run(&place, &["--ca", "root.pem"], 0);
    let (text, record) = &done["signed"];
    let both =
        "From: Bob <bob@example.com>\r\nX-Mailseal-Outer-From: Alice <alice@example.com>\r\n";
    assert!(text.starts_with(both), "{text}");
    assert_eq!(record["findings"][0], "inner_from_restored", "{record}");
    assert_eq!(done["from"].1["findings"][0], "inner_from_differs");
    let done = run(&place, &["--keep-outer-headers"], 0);
    let text = &done["hp"].0;
    assert!(
        text.contains("\r\nSubject: [...]\r\n") && !text.contains("Outer-Subject"),
        "{text}"
    );
}

#[test]
fn f_05_f_08_f_19_f_20_signatures_provenance_and_integrity() {
    let signed = clear_signed(&content(), alice());
    let place = place(&[
        (
            "cbc",
            mail_of(&from_alice(), &encrypted_with(&content(), Aes256Cbc)),
        ),
        (
            "gcm",
            mail_of(&from_alice(), &encrypted_with(&content(), Aes128Gcm)),
        ),
        ("signed", mail_of(&from_alice(), &encrypted(&signed))),
        (
            "stranger",
            mail_of(&from_alice(), &for_stranger(&content())),
        ),
    ]);
    let source = |name: &str| fs::read_to_string(place.join(format!("mail/{name}.eml"))).unwrap();
    let done = run(&place, &[], 1);
    let value = |done: &Outcome, name: &str, key: &str| {
        done[name].1[key].as_str().unwrap_or_default().to_owned()
    };
    for (name, integrity) in [
        ("cbc", "none"),
        ("gcm", "aead"),
        ("signed", "inner_signature"),
    ] {
        assert_eq!(value(&done, name, "integrity"), integrity);
        let (text, record) = &done[name];
        let unfolded = text.replace("\r\n ", " ");
        let field = format!(
            "X-Mailseal-Decrypted: {}\r\n",
            record["provenance"].as_str().unwrap()
        );
        assert!(unfolded.contains(&field), "{field}\n{text}");
        assert!(field.contains(&format!("integrity={integrity}")), "{field}");
        assert!(field.contains(record["source"]["sha256"].as_str().unwrap()));
    }
    assert!(
        done["signed"]
            .0
            .as_bytes()
            .windows(20)
            .any(|at| at == &signed[signed.len() - 60..][..20])
    );
    assert_eq!(value(&done, "stranger", "reason"), "no_key");
    assert_eq!(done["stranger"].0, source("stranger"));
    let sidecar = run(&place, &["--provenance", "sidecar"], 1);
    for name in ["cbc", "gcm", "signed"] {
        assert!(
            !sidecar[name].0.contains("X-Mailseal"),
            "{}",
            sidecar[name].0
        );
        assert_eq!(sidecar[name].1["provenance"], done[name].1["provenance"]);
    }
    let strict = run(&place, &["--require-integrity"], 1);
    assert_eq!(value(&strict, "cbc", "reason"), "no_integrity");
    assert_eq!(strict["cbc"].0, source("cbc"));
    for name in ["gcm", "signed"] {
        assert_eq!(strict[name].0, done[name].0);
    }
    let unwrapped = run(&place, &["--unwrap-signed", "--provenance", "sidecar"], 1);
    let (text, record) = &unwrapped["signed"];
    assert!(text.as_bytes().ends_with(&content()), "{text}");
    assert!(!text.contains("multipart/signed"), "{text}");
    assert_eq!(record["layers"].as_array().unwrap().len(), 2, "{record}");
}

#[test]
fn c_01_c_02_parts_beside_an_encrypted_one_are_never_joined() {
    let html = |text: &str| mail::entity("text/html", text.as_bytes());
    let parts = |middle: &[u8]| {
        let (before, after) = (html("<img src=\"http://efail.example/"), html("\">"));
        mail::multipart("mixed", "efail", &[&before, middle, middle, &after])
    };
    let place = place(&[(
        "efail",
        mail_of(&from_alice(), &parts(&encrypted(&content()))),
    )]);
    let done = run(&place, &[], 1);
    let (text, record) = &done["efail"];
    assert_eq!(record["reason"], "encrypted_subpart");
    assert_eq!(
        *text,
        fs::read_to_string(place.join("mail/efail.eml")).unwrap()
    );
    let done = run(&place, &["--allow-partial", "--provenance", "sidecar"], 0);
    let expected = mail_of(&from_alice(), &parts(&content()));
    assert_eq!(done["efail"].0.as_bytes(), expected);
    assert_eq!(done["efail"].1["layers"].as_array().unwrap().len(), 2);
}
