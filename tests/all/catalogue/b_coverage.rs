//! Rows B-01 to B-04, B-06 to B-10 and B-16: what a signature is over, and what it is not.

use mailseal::asn1::oid;
use mailseal::cms::build::Content;
use mailseal::crypto::content_cipher::CipherAlgorithm;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// A multipart/signed entity by Alice.
fn signed_entity() -> Vec<u8> {
    mail::multipart_signed(
        &content(),
        &cms::signed_by(alice(), &content(), people::sent()),
    )
}

fn by(holder: &Holder) -> Sign<'_> {
    Sign::by(holder).at(people::sent())
}

#[test]
fn b_01_a_detached_signature_with_a_content_of_its_own() {
    let other = mail::text("Pay Mallory.");
    let with = |signed: &[u8], carried: &[u8]| {
        let data = Signed::detached(signed)
            .signer(by(alice()))
            .carrying(Content::Octets(carried));
        audit_one(&clear_signed(&data.encode()))
    };
    let copy = with(&content(), &content());
    assert_eq!((copy.status(), copy.axis("digest")), ("valid", "match"));
    assert_eq!(copy.layer_notes(), ["econtent_copy"]);
    // The digest is that of the part, whatever is carried.
    let carried = with(&content(), &other);
    assert_eq!(
        (carried.status(), carried.axis("digest")),
        ("valid", "match")
    );
    assert_eq!(carried.layer_notes(), ["econtent_conflict"]);
    let attack = with(&other, &other);
    assert_eq!(
        (attack.status(), attack.axis("digest"), attack.verdict()),
        ("altered", "mismatch", "altered")
    );
    assert_eq!(attack.axis("signature"), "valid");
    assert_eq!(attack.layer_notes(), ["econtent_conflict"]);
}

/// A signature that Alice made over attributes, presented as one over a content.
#[test]
fn b_02_the_attributes_of_another_mail_as_content() {
    let original = mail::text("Pay Bob.");
    let attributes = by(alice()).standard(oid::DATA, &original);
    let attributes = attributes.to_be_signed();
    let stolen = keys::signature(&keys::scheme(alice().key()), alice().key(), &attributes);
    let forged = || by(alice()).without_attributes().value(&stolen);

    let opaque = Signed::opaque(&attributes).signer(forged()).encode();
    let record = audit_one(&mail::message(
        &from_alice(),
        &mail::pkcs7_mime("signed-data", &opaque),
    ));
    assert_eq!(
        record.axes(["attributes", "signature", "verdict"]),
        ["ambiguous", "valid", "malformed"]
    );
    assert_eq!(record.status(), "malformed");

    // The attributes are carried, and another text is shown.
    let detached = Signed::detached(&content())
        .signer(forged())
        .carrying(Content::Octets(&attributes))
        .encode();
    let record = audit_one(&clear_signed(&detached));
    assert_eq!(
        record.axes(["attributes", "digest", "verdict"]),
        ["ambiguous", "mismatch", "malformed"]
    );
    assert_eq!(record.layer_notes(), ["econtent_conflict"]);

    // The attributes are the part itself: what is shown is no text.
    let part = Signed::detached(&attributes).signer(forged()).encode();
    let record = audit_one(&mail::message(
        &from_alice(),
        &mail::multipart_signed(&attributes, &part),
    ));
    assert_ne!(record.status(), "valid");
    assert_eq!(record.axis("attributes"), "ambiguous");
}

#[test]
fn b_03_two_signers_of_whom_one_signed_something_else() {
    let other = mail::text("Something else.");
    for good_first in [true, false] {
        let good = by(alice());
        let bad = by(bob()).over(&other);
        let signers = if good_first { [good, bad] } else { [bad, good] };
        let text = content();
        let mut data = Signed::detached(&text);
        for sign in signers {
            data = data.signer(sign);
        }
        let record = audit_one(&clear_signed(&data.encode()));
        assert_eq!(record.signatures(), 2);
        // A SET is sorted, so either may stand first.
        let mut seen: Vec<[&str; 3]> = (0..2)
            .map(|at| ["digest", "signature", "verdict"].map(|name| record.signature(0, at, name)))
            .collect();
        seen.sort_unstable();
        assert_eq!(
            seen,
            [
                ["match", "valid", "valid"],
                ["mismatch", "valid", "altered"]
            ]
        );
        assert_eq!(record.status(), "altered");
        assert_eq!(record.text("/verdict"), "altered");
    }
}

#[test]
fn b_04_no_signer_is_no_signature() {
    let folder = tempfile::tempdir().unwrap();
    let bare = clear_signed(&Signed::detached(&content()).encode());
    let carrying = Signed::detached(&content())
        .certificate(&alice().certificate)
        .encode();
    let opaque = Signed::opaque(&content())
        .certificate(&alice().certificate)
        .encode();
    let opaque = mail::message(&from_alice(), &mail::pkcs7_mime("signed-data", &opaque));
    let audit = Audit::of(&[&bare, &clear_signed(&carrying), &opaque]);
    for record in audit.run() {
        assert_eq!(
            (record.status(), record.structure()),
            ("no_signers", "no_signers")
        );
        assert_eq!(record.text("/verdict"), "");
    }
    let archive = folder.path().join("archive");
    mail::emls(&archive, &audit.messages);
    let report = audit.report(&[archive], &folder.path().join("report"), 1);
    let table = std::fs::read_to_string(report.join("certificates.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 1, "{table}");
    assert!(rows[0].iter().any(|cell| cell == "carried"), "{table}");
}

/// Whether it is the signed text or another that a reader sees, the message is not signed.
fn assert_partly(record: &Record, layer: &str, uncovered: &[&str]) {
    assert_eq!(record.status(), "partly_signed", "{record:?}");
    assert_eq!(record.layers(), [layer]);
    assert_eq!(record.axis("coverage"), "subpart");
    assert_eq!(record.uncovered(0), uncovered);
    assert_eq!(record.verdict(), "valid");
}

#[test]
fn b_06_unsigned_parts_beside_a_signed_one() {
    let note = mail::text("Pay Mallory.");
    for (parts, layer, uncovered) in [
        (vec![note.clone(), signed_entity()], "2 signed", vec!["1"]),
        (vec![signed_entity(), note.clone()], "1 signed", vec!["2"]),
        (
            vec![note.clone(), signed_entity(), note.clone()],
            "2 signed",
            vec!["1", "3"],
        ),
    ] {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let body = mail::multipart("mixed", "outer", &parts);
        let record = audit_one(&mail::message(&from_alice(), &body));
        assert_partly(&record, layer, &uncovered);
    }
    // Two levels: each has something beside it.
    let inner = mail::multipart("mixed", "inner", &[&note, &signed_entity()]);
    let body = mail::multipart("mixed", "outer", &[&inner, &note]);
    let record = audit_one(&mail::message(&from_alice(), &body));
    assert_partly(&record, "1.2 signed", &["1.1", "2"]);
}

#[test]
fn b_07_html_that_hides_or_shows_the_signed_part() {
    let html = |text: &str| mail::entity("text/html", text.as_bytes());
    let hiding = html("<style>.moz-text-plain { display: none }</style>Pay Mallory.");
    let body = mail::multipart("mixed", "outer", &[&hiding, &signed_entity()]);
    let record = audit_one(&mail::message(&from_alice(), &body));
    assert_partly(&record, "2 signed", &["1"]);

    let showing = html("Pay Mallory. <img src=\"cid:signed\">");
    let part = [b"Content-ID: <signed>\r\n".as_slice(), &signed_entity()].concat();
    let body = mail::multipart("related", "outer", &[&showing, &part]);
    let record = audit_one(&mail::message(&from_alice(), &body));
    assert_partly(&record, "2 signed", &["1"]);

    let part = [
        b"Content-Disposition: attachment; filename=old.eml\r\n".as_slice(),
        &signed_entity(),
    ]
    .concat();
    let body = mail::multipart("mixed", "outer", &[&mail::text("Pay Mallory."), &part]);
    let record = audit_one(&mail::message(&from_alice(), &body));
    assert_partly(&record, "2 signed", &["1"]);

    // An alternative: the reader sees the last, or the first.
    let body = mail::multipart("alternative", "outer", &[&signed_entity(), &hiding]);
    let record = audit_one(&mail::message(&from_alice(), &body));
    assert_partly(&record, "1 signed", &["2"]);
}

#[test]
fn b_08_a_forwarded_signed_mail() {
    let outer = Headers::new("Bob <bob@example.com>", "Fwd: Meeting", SENT_DATE);
    let forward = |inner: &[u8]| {
        let note = mail::text("See below.");
        let body = mail::multipart("mixed", "outer", &[&note, &mail::forwarded(inner)]);
        audit_one(&mail::message(&outer, &body))
    };
    let inner = mail::message(&from_alice(), &signed_entity());
    let record = forward(&inner);
    assert_eq!(record.layers(), ["2.0 signed"]);
    assert_eq!(
        record.axes(["coverage", "identity", "verdict"]),
        ["nested_message", "match_from", "valid"]
    );
    assert_eq!(record.status(), "partly_signed");
    assert_eq!(record.layer(0, "message/path"), "2");
    assert_eq!(record.layer(0, "message/from"), "Alice <alice@example.com>");
    // Alone in the message, and still not its own.
    let alone = audit_one(&mail::message(&outer, &mail::forwarded(&inner)));
    assert_eq!(
        (alone.status(), alone.axis("coverage")),
        ("partly_signed", "nested_message")
    );
    // The outer sender is the signer, the inner is not.
    let stolen = mail::message(
        &Headers::new("Mallory <mallory@example.com>", "Meeting", SENT_DATE),
        &mail::multipart_signed(
            &content(),
            &cms::signed_by(bob(), &content(), people::sent()),
        ),
    );
    let record = forward(&stolen);
    assert_eq!(
        (record.status(), record.axis("identity")),
        ("nested_failed", "mismatch")
    );
    // A bad nested signature does not give the outer mail its word.
    let mut altered = inner.clone();
    let at = altered.windows(6).position(|w| w == b"Friday").unwrap();
    altered[at..at + 6].copy_from_slice(b"Monday");
    let record = forward(&altered);
    assert_eq!(
        (record.status(), record.verdict()),
        ("nested_failed", "altered")
    );
}

#[test]
fn b_09_what_stands_around_in_a_signed_multipart() {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let part = mail::signature_part(&signature);
    let kind = "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"signed\"";
    let extra = mail::text("Pay Mallory.");
    for (preamble, parts, epilogue, finding, coverage, uncovered) in [
        (
            "Pay Mallory.",
            vec![content(), part.clone()],
            "",
            "preamble_text",
            "whole_body",
            vec![],
        ),
        (
            "",
            vec![content(), part.clone()],
            "Pay Mallory.\r\n",
            "epilogue_text",
            "whole_body",
            vec![],
        ),
        (
            "",
            vec![content(), part.clone(), extra.clone()],
            "",
            "extra_parts",
            "subpart",
            vec!["3"],
        ),
        (
            "",
            vec![content(), extra.clone(), part.clone()],
            "",
            "extra_parts",
            "subpart",
            vec!["2"],
        ),
        (
            "",
            vec![part.clone(), content()],
            "",
            "reversed_parts",
            "whole_body",
            vec![],
        ),
    ] {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let body = mail::multipart_as(kind, "signed", preamble, &parts, epilogue);
        let record = audit_one(&mail::message(&from_alice(), &body));
        assert_eq!(record.axis("digest"), "match", "{finding}");
        assert_eq!(record.layer_notes(), [finding]);
        assert_eq!(record.axis("coverage"), coverage, "{finding}");
        assert_eq!(record.uncovered(0), uncovered, "{finding}");
        let status = if coverage == "subpart" {
            "partly_signed"
        } else {
            "valid"
        };
        assert_eq!(record.status(), status, "{finding}");
    }
}

/// Unsigned text around the parts of a multipart that the signed one is in.
#[test]
fn b_09_text_around_an_enclosing_multipart() {
    let body = |preamble: &str, epilogue: &str| {
        let entity = signed_entity();
        mail::multipart_as(
            "multipart/mixed; boundary=\"outer\"",
            "outer",
            preamble,
            &[&entity],
            epilogue,
        )
    };
    for (preamble, epilogue, findings) in [
        ("Pay Mallory.\r\n", "", vec!["preamble_text"]),
        ("", "Pay Mallory.\r\n", vec!["epilogue_text"]),
        (
            "This is a multi-part message in MIME format.\r\n",
            "",
            vec![],
        ),
    ] {
        let message = mail::message(&from_alice(), &body(preamble, epilogue));
        let record = audit_one(&message);
        assert_eq!(record.layer_notes(), findings);
        assert_eq!(record.axis("coverage"), "whole_body");
    }
}

#[test]
fn b_10_a_mailing_lists_footer() {
    let footer = mail::text("_______\nList footer\n");
    let of_list = from_alice().with("List-Id", "<list.example.com>");
    let beside = mail::multipart("mixed", "list", &[&signed_entity(), &footer]);
    let record = audit_one(&mail::message(&of_list, &beside));
    assert_partly(&record, "1 signed", &["2"]);
    assert_eq!(record.layer_notes(), ["list_footer"]);
    // Without the fields of a list it is what it looks like.
    let record = audit_one(&mail::message(&from_alice(), &beside));
    assert_partly(&record, "1 signed", &["2"]);
    assert_eq!(record.layer_notes(), Vec::<&str>::new());
    // Behind the last delimiter.
    let mut behind = signed_entity();
    behind.extend_from_slice(b"_______\r\nList footer\r\n");
    let record = audit_one(&mail::message(&of_list, &behind));
    assert_eq!(record.layer_notes(), ["epilogue_text", "list_footer"]);
    // A list that adds nothing.
    let record = audit_one(&mail::message(&of_list, &signed_entity()));
    assert_eq!((record.status(), record.notes()), ("valid", vec![]));
    // Opaque mail has its footer beside it as well.
    let opaque = Signed::opaque(&content()).signer(by(alice())).encode();
    let opaque = mail::pkcs7_mime("signed-data", &opaque);
    let body = mail::multipart("mixed", "list", &[&opaque, &footer]);
    let record = audit_one(&mail::message(&of_list, &body));
    assert_partly(&record, "1 opaque", &["2"]);
    assert_eq!(record.layer_notes(), ["list_footer"]);
}

#[test]
fn b_16_signed_inside_and_outside_of_encryption() {
    let encrypt = |entity: &[u8]| {
        let to = To::new(carol());
        let made = Encrypt::new(entity, CipherAlgorithm::Aes256Cbc).to(to);
        mail::pkcs7_mime("enveloped-data", &made.encode())
    };
    let audit = |entity: &[u8]| {
        let message = mail::message(&from_alice(), entity);
        Audit::of(&[&message]).key(carol()).record()
    };
    let inside = audit(&encrypt(&signed_entity()));
    assert_eq!(inside.layers(), ["1 encrypted", "1/0 signed"]);
    assert_eq!(inside.layer(0, "encrypted/integrity"), "inner_signature");
    assert_eq!(inside.status(), "valid");
    assert_eq!(inside.signature(1, 0, "coverage"), "whole_body");

    let ciphertext = encrypt(&content());
    let signature = cms::signed_by(alice(), &ciphertext, people::sent());
    let outside = audit(&mail::multipart_signed(&ciphertext, &signature));
    assert_eq!(outside.layers(), ["0 signed", "0/1 encrypted"]);
    // The signer vouches for the ciphertext; nothing does for the plaintext.
    assert_eq!(outside.layer(1, "encrypted/integrity"), "none");
    assert_eq!(outside.notes(), ["integrity_none@0/1"]);

    // Beside the encrypted part stands another: a signature inside covers only its own.
    let body = mail::multipart(
        "mixed",
        "outer",
        &[&encrypt(&signed_entity()), &mail::text("Pay Mallory.")],
    );
    let beside = audit(&body);
    assert_eq!(beside.status(), "partly_signed");
    assert_eq!(beside.signature(1, 0, "coverage"), "subpart");
    assert_eq!(beside.uncovered(1), ["2"]);
}

#[test]
fn b_16_a_protected_from_that_contradicts_the_outer_one_is_no_match() {
    let cases = [
        // What the certificate says, what is outside, what is protected.
        ("alice@example.com", "alice@example.com", "match_from"),
        (
            "alice@example.com",
            "Alice@EXAMPLE.com",
            "match_casefold_local",
        ),
        ("alice@example.com", "bob@example.com", "mismatch"),
        ("bob@example.com", "alice@example.com", "mismatch"),
        (
            "alice@example.com",
            "alice@example.com, bob@example.com",
            "ambiguous_from",
        ),
    ];
    for (outer, protected, identity) in cases {
        let field = format!("From: {protected}\n");
        let fields = [
            b"Content-Type: text/plain; hp=\"clear\"\n",
            field.as_bytes(),
        ]
        .concat();
        let wrapped = [
            b"Content-Type: message/rfc822; forwarded=no\n\n",
            field.as_bytes(),
            b"Content-Type: text/plain\n",
        ]
        .concat();
        for head in [fields, wrapped] {
            let part = [&head[..], b"\nPay Mallory.\n"].concat();
            let header = Headers::new(outer, "Meeting", SENT_DATE);
            let read = |entity: &[u8]| {
                let message = mail::message(&header, entity);
                let record = Audit::of(&[&message])
                    .certificate(&alice().certificate)
                    .record();
                assert_eq!(record.signature(0, 0, "identity"), identity, "{protected}");
                assert_eq!(record.signature(0, 0, "coverage"), "whole_message");
                let differs = record.has("protected_from_differs");
                assert_eq!(
                    differs,
                    !identity.starts_with("match"),
                    "{:?}",
                    record.notes()
                );
                assert!(identity.starts_with("match") || record.status() != "valid");
            };
            read(&mail::multipart_signed(
                &part,
                &Signed::detached(&part).signer(by(alice())).encode(),
            ));
            // Whose certificate is found later, too.
            read(&mail::multipart_signed(
                &part,
                &Signed::detached(&part).bare_signer(by(alice())).encode(),
            ));
            let opaque = Signed::opaque(&part).signer(by(alice())).encode();
            read(&mail::pkcs7_mime("signed-data", &opaque));
        }
    }
    // A body is no header, whatever its lines look like.
    let part = b"Subject: x\n\nContent-Type: text/plain; hp=\"clear\"\nFrom: bob@example.com\n";
    let opaque = Signed::opaque(part).signer(by(alice())).encode();
    let record = audit_one(&mail::message(
        &from_alice(),
        &mail::pkcs7_mime("signed-data", &opaque),
    ));
    assert_eq!(record.signature(0, 0, "identity"), "match_from");
    assert_eq!(record.signature(0, 0, "coverage"), "whole_body");
}

#[test]
fn b_16_another_certificate_for_the_key_does_not_hide_a_protected_from() {
    let renewed = Wanted::mail(9001, "alice@example.com").issue(&alice().party, &authority().party);
    let part =
        b"Content-Type: text/plain; hp=\"clear\"\nFrom: bob@example.com\n\nPay Mallory.\n".to_vec();
    let signed = Signed::detached(&part)
        .signer(by(alice()).by_key_identifier())
        .certificate(&renewed);
    let record = audit_one(&mail::message(
        &from_alice(),
        &mail::multipart_signed(&part, &signed.encode()),
    ));
    assert_eq!(record.signature(0, 0, "signature"), "valid");
    assert_eq!(record.signature(0, 0, "identity"), "mismatch");
    assert_eq!(record.status(), "wrong_sender");
}
