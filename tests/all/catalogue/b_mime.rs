//! Row B-11: headers that mail programs read in more than one way. The first reading is used, and the record says so.

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::cms;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;

const PROTOCOL: &str = "protocol=\"application/pkcs7-signature\"; micalg=sha-256";

/// A signed mail whose outermost Content-Type is `fields`, and its parts between `--signed`.
fn with(fields: &str) -> Record {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let entity = mail::multipart_signed(&content(), &signature);
    let body = entity.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let entity = [fields.as_bytes(), &entity[body..]].concat();
    audit_one(&mail::message(&from_alice(), &entity))
}

#[test]
fn b_11_two_content_types() {
    let signed = format!("Content-Type: multipart/signed; {PROTOCOL}; boundary=\"signed\"");
    let record = with(&format!("{signed}\r\nContent-Type: text/html"));
    assert_eq!(
        (record.status(), record.notes()),
        ("valid", vec!["mime_ambiguous@0".to_owned()])
    );
    // The first one says that there is no S/MIME, and programs that take the last one show a signature.
    let record = with(&format!("Content-Type: text/html\r\n{signed}"));
    assert_eq!(record.status(), "unsupported");
    assert!(record.has("mime_ambiguous"));
    // No reading of it is S/MIME.
    let record = with("Content-Type: text/html\r\nContent-Type: text/plain");
    assert_eq!(record.status(), "not_smime");
    // Twice the same is one.
    let record = with(&format!("{signed}\r\n{signed}"));
    assert_eq!((record.status(), record.notes()), ("valid", vec![]));
}

#[test]
fn b_11_contradicting_boundaries() {
    for boundaries in [
        "boundary=\"signed\"; boundary=\"other\"",
        "boundary=\"signed\"; boundary*=us-ascii''other",
        "boundary=\"signed\"; BOUNDARY=other",
        "boundary*0=sig; boundary*1=ned; boundary=other",
    ] {
        let record = with(&format!(
            "Content-Type: multipart/signed; {PROTOCOL}; {boundaries}"
        ));
        let ambiguous = record
            .notes()
            .iter()
            .any(|note| note.starts_with("mime_ambiguous@"));
        assert!(ambiguous, "{boundaries}: {record:?}");
        // With the other boundary the message has no parts, and nothing is signed.
        assert!(
            ["valid", "no_signers"].contains(&record.status()),
            "{boundaries}: {}",
            record.status()
        );
    }
    // The first wins where both are plain.
    let record = with(&format!(
        "Content-Type: multipart/signed; {PROTOCOL}; boundary=\"signed\"; boundary=\"other\""
    ));
    assert_eq!(record.status(), "valid");
    let record = with(&format!(
        "Content-Type: multipart/signed; {PROTOCOL}; boundary=\"other\"; boundary=\"signed\""
    ));
    assert_eq!(record.status(), "no_signers");
}

#[test]
fn b_11_a_comment_changes_nothing() {
    let record = with(&format!(
        "Content-Type: multipart/signed (text/html; boundary=other); {PROTOCOL};\r\n boundary=\"signed\" (boundary=other)"
    ));
    assert_eq!((record.status(), record.notes()), ("valid", vec![]));
}

#[test]
fn b_11_a_boundary_that_begins_another() {
    let text = mail::multipart("mixed", "signed-inner", &[&content(), &content()]);
    let signature = cms::signed_by(alice(), &text, people::sent());
    let entity = mail::multipart_signed(&text, &signature);
    let record = audit_one(&mail::message(&from_alice(), &entity));
    assert_eq!((record.status(), record.notes()), ("valid", vec![]));
    assert_eq!(record.axis("coverage"), "whole_body");
}

#[test]
fn b_11_a_line_feed_ends_the_header() {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let entity = mail::multipart_signed(&content(), &signature);
    let message = mail::message(&from_alice(), &entity);
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let message = [&message[..end + 2], b"\n", &message[end + 4..]].concat();
    let record = audit_one(&message);
    assert_eq!(
        (record.status(), record.notes()),
        ("valid", vec!["mime_ambiguous@0".to_owned()])
    );
}

/// Base64 around a message or a multipart, which no standard allows and some programs open.
#[test]
fn b_11_smime_in_an_encoded_message_or_multipart_is_told() {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let signed = mail::message(
        &from_alice(),
        &mail::multipart_signed(&content(), &signature),
    );
    let plain = mail::message(&from_alice(), &content());
    let mixed = |entity: &[u8]| mail::multipart("mixed", "m", &[entity]);
    let body_of = |entity: Vec<u8>| {
        let start = entity.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        entity[start + 4..].to_vec()
    };
    let inside = mail::multipart_signed(&content(), &signature);
    for (kind, finding, decoded, status) in [
        ("message/rfc822", "message_encoded", signed, "unsupported"),
        ("message/rfc822", "message_encoded", plain, "not_smime"),
        (
            "multipart/mixed; boundary=m",
            "multipart_encoded",
            body_of(mixed(&inside)),
            "unsupported",
        ),
        (
            "multipart/mixed; boundary=m",
            "multipart_encoded",
            body_of(mixed(&content())),
            "not_smime",
        ),
    ] {
        let encoded = String::from_utf8(mail::base64_lines(&decoded, 64)).unwrap();
        let entity = format!(
            "Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
        );
        let record = audit_one(&mail::message(&from_alice(), entity.as_bytes()));
        assert_eq!(record.status(), status, "{kind}");
        assert_eq!(record.has(finding), status == "unsupported", "{kind}");
    }
}
