//! Rows B-17 to B-20: header fields that a signature protects, and whom they were meant for.

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::limits::Limits;
use mailseal::mime::write::protect::Confidentiality;
use mailseal::mime::write::protect::HeaderProtection;
use mailseal::mime::write::protect::protect;

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

const CIPHER: HeaderProtection = HeaderProtection::Cipher {
    confidentiality: Confidentiality::Baseline,
    legacy_display: false,
};

fn to(address: &str) -> Headers {
    from_alice().set("To", address).set("Subject", "Dinner")
}

/// The payload of a message with these fields.
fn payload(headers: &Headers, protection: HeaderProtection) -> Vec<u8> {
    let header = mail::message(headers, b"");
    protect(&header, &content(), protection, &Limits::default()).unwrap()
}

fn signed(payload: &[u8]) -> Vec<u8> {
    let signature = Signed::detached(payload).signer(Sign::by(alice()).at(people::sent()));
    mail::multipart_signed(payload, &signature.encode())
}

fn encrypted(entity: &[u8], to: &Holder) -> Vec<u8> {
    let made = Encrypt::new(entity, CipherAlgorithm::Aes256Cbc).to(To::new(to));
    mail::pkcs7_mime("enveloped-data", &made.encode())
}

fn opened(headers: &Headers, entity: &[u8], by: &Holder) -> Record {
    let message = mail::message(headers, entity);
    Audit::of(&[&message]).key(by).record()
}

#[test]
fn b_17_what_was_signed_for_others_and_sent_on() {
    let fields = to("Bob <bob@example.com>");
    let inner = signed(&payload(&fields, CIPHER));
    // Bob, who got it, encrypts it to Carol, as if Alice had written to her.
    let outer = to("carol@example.com").set("Subject", "[...]");
    let record = opened(&outer, &encrypted(&inner, carol()), carol());
    assert_eq!(record.status(), "valid");
    assert!(
        record.has("recipient_not_addressed"),
        "{:?}",
        record.findings()
    );
    assert!(record.has("outer_header_differs"));
    for meant in [
        "carol@example.com",
        "bob@example.com, Carol <CAROL@example.com>",
    ] {
        let fields = to(meant);
        let inner = signed(&payload(&fields, CIPHER));
        let outer = to(meant).set("Subject", "[...]");
        let record = opened(&outer, &encrypted(&inner, carol()), carol());
        assert_eq!(
            (record.status(), record.findings()),
            ("valid", vec![]),
            "{meant}"
        );
    }
    // Alice's own copy is addressed to others, and so it is where nothing is encrypted.
    let fields = to("dave@example.com");
    let inner = signed(&payload(&fields, CIPHER));
    let own = opened(
        &fields.clone().set("Subject", "[...]"),
        &encrypted(&inner, alice()),
        alice(),
    );
    assert!(own.findings().is_empty(), "{:?}", own.findings());
    let clear = signed(&payload(&fields, HeaderProtection::Clear));
    let record = opened(&fields, &clear, carol());
    assert_eq!((record.status(), record.findings()), ("valid", vec![]));
}

#[test]
fn b_18_protected_fields_are_held_against_those_outside() {
    let fields = to("bob@example.com").with("Keywords", "food");
    let clear = signed(&payload(&fields, HeaderProtection::Clear));
    let cipher = encrypted(&signed(&payload(&fields, CIPHER)), bob());
    let outside = || fields.clone().set("Subject", "[...]").without("Keywords");
    for (headers, entity, differs) in [
        (fields.clone(), &clear, false),
        (fields.clone().set("Subject", "Supper"), &clear, true),
        (fields.clone().without("Keywords"), &clear, true),
        (fields.clone().set("Subject", " Dinner "), &clear, false),
        (
            fields.clone().first("Received", "from a by b"),
            &clear,
            false,
        ),
        (fields.clone().with("X-Spam-Score", "1"), &clear, false),
        (outside(), &cipher, false),
        (outside().set("Subject", "Dinner"), &cipher, true),
        (outside().with("Keywords", "money"), &cipher, true),
        (outside().set("To", "carol@example.com"), &cipher, true),
    ] {
        let record = opened(&headers, entity, bob());
        assert_eq!(record.status(), "valid");
        let expected = if differs {
            vec!["outer_header_differs"]
        } else {
            vec![]
        };
        assert_eq!(record.findings(), expected);
    }
    // The signer is held against the From inside, and against the one outside.
    let forged = opened(
        &fields.clone().set("From", "mallory@evil.example"),
        &clear,
        bob(),
    );
    assert_eq!(forged.status(), "wrong_sender");
    assert!(forged.has("protected_from_differs"));
}

#[test]
fn b_19_older_ways_are_told_apart_and_a_forwarded_mail_is_none() {
    let fields = "From: alice@example.com\r\nSubject: Dinner\r\n";
    let draft =
        format!("Content-Type: text/plain; protected-headers=\"v1\"\r\n{fields}\r\nhello\r\n");
    let wrapped =
        format!("Content-Type: message/rfc822; forwarded=no\r\n\r\n{fields}\r\nhello\r\n");
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{fields}\r\nhello\r\n");
    for (entity, findings, coverage) in [
        (draft, vec!["header_protection_old"], "whole_message"),
        (wrapped, vec!["header_protection_old"], "whole_message"),
        (forwarded, vec![], "whole_body"),
    ] {
        let message = mail::message(&from_alice(), &signed(entity.as_bytes()));
        let record = audit_one(&message);
        assert_eq!(record.status(), "valid", "{entity}");
        assert_eq!(record.findings(), findings, "{entity}");
        assert_eq!(record.axis("coverage"), coverage, "{entity}");
    }
    let message = mail::message(
        &to("bob@example.com"),
        &signed(&payload(&to("bob@example.com"), HeaderProtection::Clear)),
    );
    let record = audit_one(&message);
    assert_eq!(
        (record.axis("coverage"), record.findings()),
        ("whole_message", vec![])
    );
}

#[test]
fn b_20_without_header_protection_no_record_says_that_the_subject_is_covered() {
    let text = content();
    let opaque = Signed::opaque(&text).signer(Sign::by(alice()).at(people::sent()));
    let opaque = mail::pkcs7_mime("signed-data", &opaque.encode());
    let sent_on = encrypted(&signed(&content()), bob());
    for entity in [signed(&content()), opaque, sent_on] {
        let record = opened(&to("bob@example.com"), &entity, bob());
        assert_eq!(record.status(), "valid");
        let all = record.0["layers"].as_array().unwrap().iter();
        let coverages: Vec<_> = all
            .flat_map(|layer| layer["signatures"].as_array().into_iter().flatten())
            .map(|signature| signature["coverage"].clone())
            .collect();
        assert_eq!(coverages, ["whole_body"]);
    }
}
