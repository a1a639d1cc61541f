//! Rows: structure, digest, signature, attributes.

use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Content;
use mailseal::cms::build::Order;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::digest;
use mailseal::crypto::digest::sha1;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;

/// What everybody signs here.
pub fn content() -> Vec<u8> {
    mail::text("Dear all,\nthe meeting is on Friday.\n")
}

pub fn from_alice() -> Headers {
    Headers::new("Alice <alice@example.com>", "Meeting", SENT_DATE)
}

/// A multipart/signed from Alice around [`content`].
pub fn clear_signed(signature: &[u8]) -> Vec<u8> {
    mail::message(
        &from_alice(),
        &mail::multipart_signed(&content(), signature),
    )
}

/// The same from anybody.
pub fn clear_signed_by(holder: &Holder, from: &str) -> Vec<u8> {
    let signature = cms::signed_by(holder, &content(), people::sent());
    let headers = Headers::new(from, "Meeting", SENT_DATE);
    mail::message(&headers, &mail::multipart_signed(&content(), &signature))
}

/// The axes that make a mathematically good signature.
const GOOD: [(&str, &str); 4] = [
    ("digest", "match"),
    ("attributes", "ok"),
    ("signature", "valid"),
    ("certificate_source", "message"),
];

fn assert_good(record: &Record) {
    for (axis, value) in GOOD {
        assert_eq!(record.axis(axis), value, "{axis}: {record:?}");
    }
}

#[test]
fn a_00_the_undisturbed_mail_is_valid() {
    let record = audit_one(&clear_signed(&cms::signed_by(
        alice(),
        &content(),
        people::sent(),
    )));
    assert_good(&record);
    assert_eq!(record.axis("identity"), "match_from");
    assert_eq!(record.axis("coverage"), "whole_body");
    for clock in ["now", "claimed"] {
        assert_eq!(record.at(clock, "chain"), "trusted");
        assert_eq!(record.at(clock, "verdict"), "valid");
    }
    assert_eq!(record.verdict(), "valid");
    assert_eq!(record.status(), "valid");
    assert_eq!(record.etsi(), "INDETERMINATE/TRY_LATER");
}

#[test]
fn a_01_structure_is_told_apart() {
    let good = cms::signed_by(alice(), &content(), people::sent());
    let truncated = clear_signed(&good[..good.len() - 40]);
    let certificates = cms::certs_only(&alice().certificates());
    let no_signers = clear_signed(&certificates);
    let as_certificates = mail::message(
        &from_alice(),
        &mail::pkcs7_mime("certs-only", &certificates),
    );
    let contentless = Signed::detached(&content())
        .signer(Sign::by(alice()))
        .encode();
    let contentless = mail::message(
        &from_alice(),
        &mail::pkcs7_mime("signed-data", &contentless),
    );
    let after = clear_signed(&good);
    let records = Audit::of(&[
        &truncated,
        &no_signers,
        &as_certificates,
        &contentless,
        &after,
    ])
    .run();
    let seen: Vec<_> = records
        .iter()
        .map(|record| [record.structure(), record.status(), record.text("/verdict")])
        .collect();
    assert_eq!(
        seen,
        [
            ["malformed", "damaged", ""],
            ["no_signers", "no_signers", ""],
            ["certs_only", "certs_only", ""],
            ["content_missing", "unsupported", "unsupported"],
            ["ok", "valid", "valid"],
        ]
    );
    assert_eq!(records[3].etsi(), "INDETERMINATE/SIGNED_DATA_NOT_FOUND");
}

#[test]
fn a_02_digest_as_stored_canonical_or_none() {
    let message = clear_signed(&cms::signed_by(alice(), &content(), people::sent()));
    let stored_lf = audit_one(&mail::lf(&message));
    assert_eq!(
        stored_lf.axes(["digest", "verdict"]),
        ["match_canonical", "valid"]
    );

    // One letter, and a signer whose certificate has expired since: the first fact is not hidden by the second (L2).
    let altered = replace(&message, "Friday", "Sunday");
    let expired = Audit::of(&[&altered])
        .at(crate::toolkit::certificates::day(2033, 1, 1))
        .record();
    for record in [audit_one(&altered), expired] {
        assert_eq!(
            record.axes(["digest", "signature", "verdict"]),
            ["mismatch", "valid", "altered"]
        );
        assert_eq!(record.etsi(), "TOTAL-FAILED/HASH_FAILURE");
        assert_eq!(record.status(), "altered");
    }

    // Signed over LF, as some programs do, and stored with LF or with CR LF on the way: only the first can be told.
    let bare = mail::lf(&content());
    let signature = cms::signed_by(alice(), &bare, people::sent());
    let message = mail::message(&from_alice(), &mail::multipart_signed(&bare, &signature));
    assert_eq!(audit_one(&mail::lf(&message)).axis("digest"), "match");
    assert_eq!(audit_one(&mail::crlf(&message)).axis("digest"), "mismatch");
}

#[test]
fn a_02_without_attributes_the_signature_says_which_reading() {
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()).without_attributes())
        .encode();
    let message = clear_signed(&signature);
    for (stored, digest, verdict) in [
        (message.clone(), "match", "valid"),
        (mail::lf(&message), "match_canonical", "valid"),
        (replace(&message, "Friday", "Sunday"), "mismatch", "altered"),
    ] {
        let record = audit_one(&stored);
        assert_eq!(
            record.axes(["digest", "attributes", "verdict"]),
            [digest, "absent", verdict]
        );
    }
    // ECDSA shows no digest: the content may be another, or the signature be broken.
    let signature = Signed::detached(&content())
        .signer(Sign::by(bob()).without_attributes())
        .encode();
    let record = audit_one(&replace(&clear_signed(&signature), "Friday", "Sunday"));
    assert_eq!(
        record.axes(["digest", "signature", "verdict"]),
        ["not_checked", "invalid", "signature_broken"]
    );
}

#[test]
fn a_03_a_broken_signature_value_leaves_the_digest_alone() {
    for holder in [alice(), bob()] {
        let signature = Signed::detached(&content())
            .signer(Sign::by(holder).at(people::sent()).damaged())
            .encode();
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(
            record.axes(["digest", "signature", "verdict", "etsi"]),
            [
                "match",
                "invalid",
                "signature_broken",
                "TOTAL-FAILED/SIG_CRYPTO_FAILURE"
            ]
        );
        assert_eq!(record.status(), "signature_broken");
    }
}

#[test]
fn a_04_signed_attributes_against_the_rules_are_malformed() {
    let value = digest(DigestAlgorithm::Sha256, &[&content()]).unwrap();
    let digest_value = Writer::encode(|w| w.octet_string(value.as_bytes()));
    let data = Writer::encode(|w| w.oid(oid::DATA));
    let good = || {
        AttributeList::new()
            .content_type(oid::DATA)
            .message_digest(value.as_bytes())
    };
    for (list, finding, digest) in [
        (
            AttributeList::new().message_digest(value.as_bytes()),
            "attribute_content_type",
            "match",
        ),
        (
            AttributeList::new().content_type(oid::DATA),
            "attribute_message_digest",
            "mismatch",
        ),
        (
            AttributeList::new()
                .content_type(oid::TST_INFO)
                .message_digest(value.as_bytes()),
            "attribute_content_type",
            "match",
        ),
        (
            good().content_type(oid::DATA),
            "attribute_repeated",
            "match",
        ),
        (
            good().message_digest(value.as_bytes()),
            "attribute_repeated",
            "",
        ),
        (
            AttributeList::new()
                .content_type(oid::DATA)
                .values(oid::MESSAGE_DIGEST, &[&digest_value, &digest_value]),
            "attribute_repeated",
            "",
        ),
        (
            AttributeList::new()
                .values(oid::CONTENT_TYPE, &[&data, &data])
                .message_digest(value.as_bytes()),
            "attribute_repeated",
            "match",
        ),
        (
            good().values(oid::SIGNING_TIME, &[]),
            "attribute_repeated",
            "match",
        ),
        (
            AttributeList::new()
                .content_type(oid::DATA)
                .value(oid::MESSAGE_DIGEST, |w| w.small_integer(5)),
            "attribute_malformed",
            "",
        ),
        (
            good().value(oid::COUNTERSIGNATURE, |w| w.sequence(|_| ())),
            "attribute_malformed",
            "match",
        ),
    ] {
        let signature = Signed::detached(&content())
            .signer(Sign::by(alice()).exactly(list.clone()))
            .encode();
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(
            record.axes(["attributes", "signature", "verdict", "etsi"]),
            [
                "malformed",
                "valid",
                "malformed",
                "TOTAL-FAILED/FORMAT_FAILURE"
            ],
            "{list:?}"
        );
        assert!(record.has(finding), "{list:?}: {:?}", record.findings());
        if digest == "match" {
            assert_eq!(record.axis("digest"), "match", "{list:?}");
        }
    }
}

#[test]
fn a_04_attributes_out_of_order_verify_as_they_stand_or_sorted() {
    for (order, finding) in [(Order::AsGiven, false), (Order::AsGivenSignedAsDer, true)] {
        let signature = Signed::detached(&content())
            .signer(Sign::by(alice()).edit(|list| {
                list.value(oid::UNSTRUCTURED_NAME, |w| {
                    w.primitive(Tag::IA5_STRING, b"z")
                })
                .value(oid::FRIENDLY_NAME, |w| w.null())
                .in_order(order)
            }))
            .encode();
        let record = audit_one(&clear_signed(&signature));
        assert_good(&record);
        assert_eq!(record.verdict(), "valid");
        assert_eq!(record.has("attributes_resorted"), finding, "{order:?}");
    }
}

/// The signed attributes of another mail, sent as a content that its signature then verifies over.
#[test]
fn a_05_content_that_parses_as_attributes_is_ambiguous() {
    let stolen = AttributeList::new()
        .content_type(oid::DATA)
        .message_digest(
            digest(DigestAlgorithm::Sha256, &[&content()])
                .unwrap()
                .as_bytes(),
        )
        .to_be_signed();
    let signature = Signed::detached(&stolen)
        .signer(Sign::by(alice()).without_attributes())
        .encode();
    let opaque = Signed::opaque(&stolen)
        .signer(Sign::by(alice()).without_attributes())
        .encode();
    let clear = mail::message(&from_alice(), &mail::multipart_signed(&stolen, &signature));
    let opaque = mail::message(&from_alice(), &mail::pkcs7_mime("signed-data", &opaque));
    for message in [clear, opaque] {
        let record = audit_one(&message);
        assert_eq!(
            record.axes(["attributes", "signature", "verdict", "etsi"]),
            [
                "ambiguous",
                "valid",
                "malformed",
                "TOTAL-FAILED/FORMAT_FAILURE"
            ]
        );
    }
}

/// The attributes hold CR LF, and the mail is stored with LF: what was signed shows only once line ends are restored.
#[test]
fn a_05_attributes_that_appear_by_canonical_line_ends_are_ambiguous_too() {
    let mut hash = [0x41; 32];
    hash[7..9].copy_from_slice(b"\r\n");
    let stolen = AttributeList::new()
        .content_type(oid::DATA)
        .message_digest(&hash)
        .to_be_signed();
    let signature = Signed::detached(&stolen)
        .signer(Sign::by(alice()).without_attributes())
        .encode();
    let message = mail::message(&from_alice(), &mail::multipart_signed(&stolen, &signature));
    let record = audit_one(&mail::lf(&message));
    assert_eq!(
        record.axes(["digest", "attributes", "verdict"]),
        ["match_canonical", "ambiguous", "malformed"]
    );
}

#[test]
fn a_05_without_attributes_only_id_data_is_allowed() {
    let signature = Signed::opaque(b"what this is nobody knows")
        .content_type(oid::CONTENT_HINTS)
        .signer(Sign::by(alice()).without_attributes())
        .encode();
    let record = audit_one(&mail::message(
        &from_alice(),
        &mail::pkcs7_mime("signed-data", &signature),
    ));
    assert_eq!(
        record.axes(["attributes", "signature", "verdict"]),
        ["malformed", "valid", "malformed"]
    );
}

#[test]
fn a_06_protected_algorithms_must_be_those_used() {
    let sha256 = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
    let sha384 = Writer::encode(|w| DigestAlgorithm::Sha384.write_algorithm(w));
    let rsa = SignatureScheme::RsaV15(DigestAlgorithm::Sha256)
        .cms_algorithm()
        .unwrap();
    let pss = keys::pss(DigestAlgorithm::Sha256).cms_algorithm().unwrap();
    for (digest, signature, expected, verdict) in [
        (&sha256, &rsa, "ok", "valid"),
        (&sha384, &rsa, "algorithm_mismatch", "malformed"),
        (&sha256, &pss, "algorithm_mismatch", "malformed"),
    ] {
        let signed = Signed::detached(&content())
            .signer(Sign::by(alice()).edit(|list| {
                list.algorithm_protection(
                    cms::read_algorithm(digest),
                    cms::read_algorithm(signature),
                )
            }))
            .encode();
        let record = audit_one(&clear_signed(&signed));
        assert_eq!(
            record.axes(["attributes", "digest", "signature", "verdict"]),
            [expected, "match", "valid", verdict]
        );
    }
}

#[test]
fn a_07_the_certificate_that_is_named_must_be_the_signers() {
    let sha256 = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
    let algorithm = cms::read_algorithm(&sha256);
    let (own, other) = (alice().sha256(), bob().sha256());
    let (own_v1, other_v1) = (sha1(&alice().certificate), sha1(&bob().certificate));
    let named = alice().issuer_and_serial();
    type Edit<'a> = Box<dyn Fn(AttributeList) -> AttributeList + 'a>;
    let cases: [(Edit<'_>, &str, &str); 6] = [
        (
            Box::new(|list| list.signing_certificate_v2(algorithm, &own, Some(&named))),
            "ok",
            "valid",
        ),
        (
            Box::new(|list| list.signing_certificate_v2(algorithm, &other, None)),
            "certificate_mismatch",
            "malformed",
        ),
        (
            Box::new(|list| list.signing_certificate(&own_v1, None)),
            "ok",
            "valid",
        ),
        (
            Box::new(|list| list.signing_certificate(&other_v1, None)),
            "certificate_mismatch",
            "malformed",
        ),
        (
            Box::new(|list| {
                list.signing_certificate(&own_v1, None)
                    .signing_certificate_v2(algorithm, &other, None)
            }),
            "certificate_mismatch",
            "malformed",
        ),
        (Box::new(|list| list), "ok", "valid"),
    ];
    for (index, (edit, attributes, verdict)) in cases.into_iter().enumerate() {
        let signature = Signed::detached(&content())
            .signer(Sign::by(alice()).edit(&edit))
            .certificate(&bob().certificate)
            .encode();
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(
            record.axes(["attributes", "signature", "verdict"]),
            [attributes, "valid", verdict],
            "{index}"
        );
        assert_eq!(record.has("ess_absent"), index == 5, "{index}");

        // The same when the certificate comes from elsewhere.
        let bare = Signed::detached(&content())
            .bare_signer(Sign::by(alice()).edit(&edit))
            .encode();
        let record = Audit::of(&[&clear_signed(&bare)])
            .certificate(&alice().certificate)
            .certificate(&people::authority().certificate)
            .record();
        assert_eq!(
            record.axes(["attributes", "signature", "verdict", "certificate_source"]),
            [attributes, "valid", verdict, "given"],
            "{index}"
        );
        assert_eq!(record.has("ess_absent"), index == 5, "{index}");
    }
}

/// A detached signature that carries another content of its own: the part is what counts.
#[test]
fn a_02_the_part_is_what_a_detached_signature_is_over() {
    let other = mail::text("Dear all,\nthe meeting is cancelled.\n");
    let carrying = Signed::detached(&other)
        .carrying(Content::Octets(&other))
        .signer(Sign::by(alice()).at(people::sent()))
        .encode();
    let record = audit_one(&clear_signed(&carrying));
    assert_eq!(record.axes(["digest", "verdict"]), ["mismatch", "altered"]);
    assert!(record.has("econtent_conflict"));
}

/// `message` with the first `from` replaced by a text as long.
pub fn replace(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = message
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap();
    let mut out = message.to_vec();
    out[at..at + to.len()].copy_from_slice(to.as_bytes());
    out
}
