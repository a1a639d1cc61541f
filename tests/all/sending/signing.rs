//! Signatures: their attributes, their content, what they survive, who reads them.

use std::fs;

use mailseal::asn1::{Oid, oid};
use mailseal::cms::{self, Layer};
use mailseal::limits::Limits;
use mailseal::mime::{Tree, transfer};

use super::people::{PEOPLE, mail, place};
use super::{messages, openssl, openssl_cms, records, refusals, send};
use crate::migrate::every_form;
use crate::program::{AT, Workplace, encrypted, mbox, opaque, signed};

const SIGNERS: [&str; 4] = ["rsa", "p256", "p384", "ed25519"];

const OWN: [&str; 4] = ["--keys", "own", "--ca", "roots.pem"];

fn body(text: &str) -> String {
    format!("\n{text}\n")
}

/// A mail by each of them.
fn one_each() -> Vec<String> {
    SIGNERS
        .iter()
        .map(|name| mail(name, name, "To: bob@example.com\n", &body("hello")))
        .collect()
}

/// An audit finds every message valid.
fn all_valid(place: &Workplace, archive: &str, count: usize) {
    let _ = fs::remove_dir_all(place.join("report"));
    place
        .run(&[
            "audit",
            archive,
            "-o",
            "report",
            "-q",
            AT,
            "--ca",
            "roots.pem",
        ])
        .code(0);
    let messages = place.messages("report");
    assert_eq!(messages.len(), count);
    for message in messages {
        assert_eq!(message["status"], "valid", "{message}");
    }
}

/// The CMS structure of a message: that of its last part.
fn cms_of(message: &[u8]) -> Vec<u8> {
    let tree = Tree::read(message, &Limits::default());
    transfer::cms_bytes(&tree, tree.parts.len() - 1)
        .bytes
        .into_owned()
}

/// The types of the signed attributes, and the certificates in their order.
fn attributes_and_certificates(cms: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let content = cms::read(cms, &Limits::default()).unwrap();
    let Layer::Signed(data) = content.layer else {
        panic!("no SignedData");
    };
    let [signer] = data.signers.as_slice() else {
        panic!("not one signer");
    };
    let attributes = signer.signed_attributes.unwrap();
    let types = attributes
        .iter()
        .map(|attribute| attribute.oid.content().to_vec())
        .collect();
    let certificates = data
        .carried
        .certificates
        .iter()
        .map(|der| der.to_vec())
        .collect();
    (types, certificates)
}

const ALWAYS: [Oid<'static>; 6] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_TIME,
    oid::SIGNING_CERTIFICATE_V2,
    oid::SMIME_CAPABILITIES,
    oid::CMS_ALGORITHM_PROTECTION,
];

#[test]
fn h_01_every_signature_has_all_attributes_and_its_chain() {
    let place = place();
    place.write("a.mbox", mbox(&one_each()));
    for (out, more) in [
        ("detached", &[][..]),
        ("opaque", &["--opaque"]),
        ("pss", &["--pss"]),
        ("protected", &["--protect-headers"]),
    ] {
        send(&place, "sign", "a.mbox", out, &[&OWN[..], more].concat()).code(0);
        all_valid(&place, &format!("{out}/data/a.mbox"), 4);
        for (message, name) in messages(&place, &format!("{out}/data/a.mbox"))
            .iter()
            .zip(SIGNERS)
        {
            let (types, certificates) = attributes_and_certificates(&cms_of(message));
            for oid in ALWAYS {
                assert!(
                    types.iter().any(|own| own == oid.content()),
                    "{name}: no {oid:?}"
                );
            }
            // Ed25519 only signs, and has no other key to name.
            let preference = oid::ENCRYPTION_KEY_PREFERENCE.content();
            let has = types.iter().any(|own| own == preference);
            assert_eq!(has, name != "ed25519", "{name}");
            let person = PEOPLE
                .all()
                .into_iter()
                .find(|one| one.address.starts_with(name));
            assert_eq!(certificates, [person.unwrap().der.clone()], "{name}");
        }
    }
    place
        .run(&[
            "audit",
            "pss/data/a.mbox",
            "-o",
            "used",
            "-q",
            AT,
            "--ca",
            "roots.pem",
        ])
        .code(0);
    let used: Vec<String> = place
        .table("used", "signatures.csv")
        .iter()
        .map(|row| row["signature_algorithm"].clone())
        .collect();
    assert_eq!(used, ["rsa_pss", "ecdsa", "ecdsa", "ed25519"]);
}

#[test]
fn h_01_the_chain_stands_leaf_first_and_micalg_says_the_digest() {
    use crate::pki::authority::{Party, Wanted};
    use crate::program::{TEAM, pem};
    let place = place();
    let middle = Party::new("Middle");
    let middle_der = Wanted::ca(&middle, 50).days(0, 10_000).by(&TEAM.root);
    let ann = Party::new("Ann");
    let ann_der = Wanted::signer(&ann, 51, "ann@example.com")
        .days(0, 10_000)
        .by(&middle);
    // Given in the wrong order, with the root, and with somebody else's.
    let file = [
        pem("CERTIFICATE", &PEOPLE.bob.der),
        pem("CERTIFICATE", &TEAM.root_der),
        pem("CERTIFICATE", &middle_der),
        pem("CERTIFICATE", &ann_der),
        String::from_utf8(ann.key.private_key_to_pem_pkcs8().unwrap()).unwrap(),
    ];
    place.write("ann.pem", file.concat());
    let mails = [
        mail("ann", "1", "To: b@example.com\n", &body("x")),
        mail("p384", "2", "To: b@example.com\n", &body("x")),
        mail("ed25519", "3", "To: b@example.com\n", &body("x")),
    ];
    place.write("a.mbox", mbox(&mails));
    send(
        &place,
        "sign",
        "a.mbox",
        "out",
        &["--keys", "ann.pem", "--keys", "own"],
    )
    .code(0);
    let sent = messages(&place, "out/data/a.mbox");
    let (_, certificates) = attributes_and_certificates(&cms_of(&sent[0]));
    assert_eq!(certificates, [ann_der, middle_der]);
    for (message, micalg) in sent.iter().zip(["sha-256", "sha-384", "sha-512"]) {
        let text = String::from_utf8_lossy(message).into_owned();
        assert!(text.contains(&format!("micalg={micalg};")), "{text}");
        assert!(text.contains("protocol=\"application/pkcs7-signature\""));
    }
}

/// Content of which every line would be changed by somebody on the way.
fn awkward() -> Vec<String> {
    let long = "long ".repeat(60);
    let text = |charset: &str, encoding: &str, text: &str| {
        format!(
            "MIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n{text}"
        )
    };
    vec![
        body("hello"),
        "\n".to_owned(),
        "".to_owned(),
        body(&format!(
            "From me\n>From you\n.\n..\n.x\ntrailing \t\n\n{long}\n--\n-- \nend"
        )),
        text("utf-8", "8bit", "gr\u{fc}\u{df}e \n\u{4f60}\u{597d}\n"),
        text(
            "utf-8",
            "quoted-printable",
            "gr=C3=BC=C3=9Fe=20\nFrom here=\n on\n",
        ),
        text("utf-8", "base64", "Z3LDvMOfZQ==\n"),
        text("utf-8", "base64", &format!("{}\n", "QUJD".repeat(40))),
        format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b 1\"\n\nFor old programs\n\
             --b 1\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>gr\u{fc}\u{df}e</p> \n\
             --b 1\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"\u{e4}.bin\"\n\
             Content-Transfer-Encoding: base64\n\nAAECAw==\n\
             --b 1\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nFrom: x@y.example\nSubject: gr\u{fc}\u{df}e\n\
             Content-Type: multipart/alternative; boundary=c\n\n--c\n\nFrom {long}\n--c--\n\n--b 1--\nbehind\n"
        ),
    ]
}

#[test]
fn h_02_what_is_signed_survives_every_store_and_relay() {
    let place = place();
    let mails: Vec<String> = awkward()
        .iter()
        .enumerate()
        .map(|(n, body)| mail("p256", &n.to_string(), "To: bob@example.com\n", body))
        .collect();
    for (n, mail) in mails.iter().enumerate() {
        place.write(format!("in/{n}.eml"), mail);
        place.write(format!("crlf/{n}.eml"), mail.replace('\n', "\r\n"));
    }
    for (folder, form) in [
        ("in", ""),
        ("crlf", ""),
        ("in", "--opaque"),
        ("in", "--protect-headers"),
    ] {
        let out = format!("out-{folder}{form}");
        let more: Vec<&str> = OWN
            .into_iter()
            .chain(Some(form).filter(|form| !form.is_empty()))
            .collect();
        send(&place, "sign", folder, &out, &more).code(0);
        let data = format!("{out}/data/{folder}");
        all_valid(&place, &data, mails.len());
        let mut far: Vec<Vec<u8>> = Vec::new();
        for message in messages(&place, &data) {
            let at = memchr::memmem::find(&message, b"MIME-Version").unwrap();
            let text = String::from_utf8(message[at..].to_vec()).unwrap();
            for line in text.lines() {
                assert!(line.len() <= 76, "{line:?}");
                assert!(line.is_ascii() && !line.ends_with([' ', '\t']), "{line:?}");
                assert!(
                    !line.trim_start_matches('>').starts_with("From "),
                    "{line:?}"
                );
                assert!(!line.starts_with('.'), "{line:?}");
            }
            let stripped: Vec<&str> = text.lines().map(|line| line.trim_end()).collect();
            let quoted = stripped.join("\n").replace("\nFrom ", "\n>From ") + "\n";
            far.push([&message[..at], quoted.as_bytes()].concat());
        }
        place.write("far.mbox", mbox(&far));
        all_valid(&place, "far.mbox", mails.len());
    }
}

#[test]
fn h_02_other_programs_read_the_content_that_was_meant() {
    let Some(version) = openssl() else { return };
    println!("{version}");
    let place = place();
    let mails: Vec<String> = awkward()
        .iter()
        .enumerate()
        .map(|(n, body)| mail("rsa", &n.to_string(), "To: bob@example.com\n", body))
        .collect();
    for (n, mail) in mails.iter().enumerate() {
        place.write(format!("in/{n}.eml"), mail);
    }
    for (out, more) in [
        ("detached", &[][..]),
        ("opaque", &["--opaque"]),
        ("pss", &["--pss"]),
    ] {
        send(&place, "sign", "in", out, &[&OWN[..], more].concat()).code(0);
        for (n, message) in messages(&place, &format!("{out}/data/in"))
            .iter()
            .enumerate()
        {
            let verified = openssl_cms(
                &place,
                message,
                &["-verify", "-CAfile", "roots.pem", "-attime", "2208988800"],
            );
            let content = verified.unwrap_or_else(|error| panic!("{out} {n}: {error}"));
            assert!(content.starts_with(b"Content-Type: "), "{out} {n}");
        }
    }
}

#[test]
fn h_02_what_cant_be_written_so_is_refused() {
    let place = place();
    let inner = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/signed; \
                 protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=i\n\n--i\n\ngr\u{fc}\u{df}e\n--i\n\
                 Content-Type: application/pgp-signature\n\nx\n--i--\n--o--\n";
    let two = "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: text/html\n\nx\n";
    let wrong = "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nthis is no base64 \u{e4}!\n";
    let mails: Vec<String> = [inner, two, wrong]
        .iter()
        .map(|body| mail("p256", "1", "To: bob@example.com\n", body))
        .collect();
    place.write("a.mbox", mbox(&mails));
    send(&place, "sign", "a.mbox", "out", &OWN).code(1);
    let said: Vec<String> = refusals(&place, "out")
        .into_iter()
        .map(|(_, _, why)| why)
        .collect();
    assert_eq!(
        said,
        ["inner_signature", "mime_ambiguous", "encoding_irregular"]
    );
    assert!(!place.join("out/data/a.mbox").exists());
}

#[test]
fn the_header_outside_stays_byte_for_byte() {
    let place = place();
    let odd = "X-Odd:  two  blanks \n\tand a tab\nTO: bob@example.com\nBcc: dave@example.com\n";
    let mime = "Mime-Version: 1.0 (x)\nContent-Type: text/plain;\n charset=us-ascii\nContent-Length: 99\n\nx\n";
    place.write("a.eml", mail("p256", "1", odd, mime));
    send(&place, "sign", "a.eml", "out", &OWN).code(0);
    let sent = fs::read_to_string(place.join("out/data/a.eml")).unwrap();
    let expected = mail("p256", "1", &odd.replace("Bcc: dave@example.com\n", ""), "");
    assert!(sent.starts_with(&expected), "{sent}");
    let rest = &sent[expected.len()..];
    assert!(
        rest.starts_with("MIME-Version: 1.0\nContent-Type: multipart/signed;"),
        "{rest}"
    );
    assert!(!rest.contains("Content-Length"));
    // Who is in Bcc is not lost.
    let envelope = &records(&place, "out")[0]["envelope"];
    assert_eq!(
        envelope.to_string(),
        r#"["bob@example.com","dave@example.com"]"#
    );
}

#[test]
fn every_form_of_archive_comes_out_in_its_form() {
    let place = place();
    let mut mails = one_each();
    mails.insert(
        1,
        mail("nobody", "n", "To: b@example.com\n", &body("unsigned text")),
    );
    for archive in every_form(&place, &mails) {
        send(&place, "sign", archive, "out", &OWN).code(1);
        let sent = format!("out/data/{archive}");
        all_valid(&place, &sent, 4);
        assert_eq!(refusals(&place, "out")[0].2, "no_key", "{archive}");
        super::is_nowhere(&place, "out", "unsigned text");
        super::is_private(&place, "out");
        let checked = place.run(&["check", "out", "--source", archive]);
        checked.code(0);
        assert!(
            checked.out.contains("everything is as the manifest says"),
            "{checked:?}"
        );
        fs::remove_dir_all(place.join("out")).unwrap();
    }
}

#[test]
fn h_07_what_is_signed_or_encrypted_is_skipped_and_listed() {
    let place = place();
    let pgp = "MIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=p\n\n--p\n\n\n--p--\n";
    let mails = [
        signed("1", "x"),
        opaque("2", "x"),
        encrypted("3", "x"),
        mail("p256", "4", "To: b@example.com\n", pgp),
        mail("p256", "5", "To: b@example.com\n", &body("x")),
    ];
    place.write("a.mbox", mbox(&mails));
    send(&place, "sign", "a.mbox", "out", &OWN).code(0);
    let layers: Vec<String> = place
        .table("out", "skipped.csv")
        .iter()
        .map(|row| row["layers"].clone())
        .collect();
    assert_eq!(layers, ["signed", "opaque", "encrypted", "unknown"]);
    all_valid(&place, "out/data/a.mbox", 1);
    let actions: Vec<_> = records(&place, "out")
        .iter()
        .map(|line| line["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        actions,
        ["skipped", "skipped", "skipped", "skipped", "signed"]
    );
    // A second run over what came out has nothing to do.
    send(&place, "sign", "out/data/a.mbox", "again", &OWN).code(0);
    assert!(!place.join("again/data/a.mbox").exists());
}
