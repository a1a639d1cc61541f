//! Rows: expired when signed and expired since; how times are written.

use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::digest::sha256;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::timestamp_authority;

fn words(record: &Record) -> [&str; 4] {
    [
        record.at("claimed", "chain"),
        record.at("now", "chain"),
        record.verdict(),
        record.etsi(),
    ]
}

#[test]
fn a_09_expired_since_and_expired_when_signed_are_two_things() {
    let since = Audit::of(&[&clear_signed_by(alice(), "alice@example.com")])
        .at(day(2031, 1, 1))
        .record();
    assert_eq!(
        words(&since),
        [
            "trusted",
            "expired",
            "valid_as_claimed",
            "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"
        ]
    );
    assert_eq!(since.status(), "valid_as_claimed");

    let short = Wanted::mail(201, "alice@example.com").validity(day(2020, 1, 1), day(2021, 1, 1));
    let short = people::issued("Alice", "rsa2048-3", &short);
    let when_signed = audit_one(&clear_signed_by(&short, "alice@example.com"));
    assert_eq!(
        words(&when_signed),
        [
            "expired",
            "expired",
            "signer_expired",
            "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"
        ]
    );
    assert_eq!(when_signed.status(), "signer_expired");
}

#[test]
fn a_09_a_timestamp_proves_the_time_and_so_gives_valid() {
    let proven = day(2024, 6, 1);
    let signature = Signed::detached(&content())
        .signer(
            Sign::by(alice())
                .at(people::sent())
                .timestamped_by(timestamp_authority(), proven),
        )
        .encode();
    let message = clear_signed(&signature);
    let record = Audit::of(&[&message]).at(day(2031, 1, 1)).record();
    assert_eq!(record.verdict(), "valid");
    assert_eq!(record.at("evidenced", "verdict"), "valid");
    assert_eq!(record.at("evidenced", "at"), "2024-06-01T00:00:00Z");
    assert_eq!(record.at("now", "verdict"), "signer_expired");
    assert_eq!(record.axis("times/0/source"), "timestamp");
    assert_eq!(record.axis("times/0/grade"), "proven");
    assert!(record.has("timestamp_unrenewed"));

    // Over another value; by an authority that nobody trusts; in the future of the clock: no time is proven.
    let over = |token: Vec<u8>| {
        let sign = Sign::by(alice()).at(people::sent());
        let sign = sign
            .unsigned(move |_| mailseal::cms::build::AttributeList::new().time_stamp_token(&token));
        clear_signed(&Signed::detached(&content()).signer(sign).encode())
    };
    let other = over(cms::timestamp_token(
        timestamp_authority(),
        b"another value",
        proven,
    ));
    let record = Audit::of(&[&other]).at(day(2031, 1, 1)).record();
    assert_eq!(
        record.axes(["verdict", "times/0/source"]),
        ["valid_as_claimed", "signing_time"]
    );
    assert_eq!(record.axis("timestamps/0/imprint"), "mismatch");
    assert!(record.has("timestamp_invalid"));

    let stranger = Holder::below(
        timestamp_authority().party.clone(),
        &Wanted::timestamp_authority(91),
        people::stranger(),
    );
    let mail_user = people::bob().clone();
    for unfit in [stranger, mail_user] {
        let signature = Signed::detached(&content())
            .signer(
                Sign::by(alice())
                    .at(people::sent())
                    .timestamped_by(&unfit, proven),
            )
            .encode();
        let record = Audit::of(&[&clear_signed(&signature)])
            .at(day(2031, 1, 1))
            .record();
        assert_eq!(
            record.axes(["verdict", "times/0/source"]),
            ["valid_as_claimed", "signing_time"]
        );
        assert!(record.has("timestamp_unusable"), "{record:?}");
        assert!(!record.has("timestamp_invalid"), "{record:?}");
    }
    let record = Audit::of(&[&message]).at(day(2024, 5, 20)).record();
    assert_eq!(
        record.axes(["verdict", "times/0/source"]),
        ["valid", "signing_time"]
    );
    assert!(record.has("timestamp_unusable"), "{record:?}");
}

/// RFC 3161 §2.4.2, RFC 5816 §2.2.1: a signed attribute must name the authority's certificate.
#[test]
fn a_09_a_token_that_does_not_name_its_certificate_proves_nothing() {
    let sign = Sign::by(alice()).at(people::sent()).unsigned(|value| {
        let imprint = sha256(value);
        let token = cms::token_by(Sign::by(timestamp_authority()), &imprint, day(2024, 6, 1));
        mailseal::cms::build::AttributeList::new().time_stamp_token(&token)
    });
    let message = clear_signed(&Signed::detached(&content()).signer(sign).encode());
    let record = Audit::of(&[&message]).at(day(2031, 1, 1)).record();
    assert_eq!(record.axis("timestamps/0/imprint"), "match");
    assert_eq!(
        record.axes(["verdict", "times/0/source"]),
        ["valid_as_claimed", "signing_time"]
    );
    assert!(record.has("timestamp_invalid"), "{record:?}");
    assert!(!record.has("timestamp_unusable"), "{record:?}");
}

/// A timestamp token in place of the mail's signature is no signature of the mail, whoever signed it.
#[test]
fn a_09_a_timestamp_token_as_the_body_gives_no_verdict() {
    let token = cms::timestamp_token(alice(), &content(), people::sent());
    let headers = Headers::new("alice@example.com", "Token", people::SENT_DATE);
    let message = mail::message(&headers, &mail::pkcs7_mime("signed-data", &token));
    let record = audit_one(&message);
    assert_eq!(record.text("/layers/0/kind"), "timestamp");
    assert_eq!(record.axes(["digest", "signature"]), ["match", "valid"]);
    assert_eq!(record.status(), "unsupported");
    assert!(record.0["verdict"].is_null(), "{record:?}");
}

/// What a signature proves at a proven time cuts both ways.
#[test]
fn a_09_a_proven_time_after_the_end_is_expired_whatever_is_claimed() {
    let short = Wanted::mail(202, "alice@example.com").validity(day(2020, 1, 1), day(2024, 5, 20));
    let short = people::issued("Alice", "rsa2048-3", &short);
    let signature = Signed::detached(&content())
        .signer(
            Sign::by(&short)
                .at(people::sent())
                .timestamped_by(timestamp_authority(), day(2024, 6, 1)),
        )
        .encode();
    let record = audit_one(&clear_signed(&signature));
    assert_eq!(record.at("claimed", "verdict"), "valid");
    assert_eq!(record.verdict(), "signer_expired");
}

/// A timestamp authority that was revoked for more than a change of plans proves nothing.
#[test]
fn a_09_a_revoked_timestamp_authority_proves_nothing() {
    let signature = Signed::detached(&content())
        .signer(
            Sign::by(alice())
                .at(people::sent())
                .timestamped_by(timestamp_authority(), day(2024, 6, 1)),
        )
        .encode();
    let message = clear_signed(&signature);
    for (reason, verdict) in [
        (crls::KEY_COMPROMISE, "valid_as_claimed"),
        (crls::SUPERSEDED, "valid"),
        (crls::CESSATION_OF_OPERATION, "valid"),
        (crls::AFFILIATION_CHANGED, "valid_as_claimed"),
    ] {
        let crl = Crl::new(day(2026, 1, 1), day(2032, 1, 1))
            .entry(Entry::new(90, day(2025, 1, 1)).reason(reason))
            .issue(&authority().party);
        let record = Audit::of(&[&message]).crl(crl).at(day(2031, 1, 1)).record();
        assert_eq!(record.verdict(), verdict, "{reason}");
    }
}

#[test]
fn a_09_without_signing_time_the_date_is_claimed_and_the_future_is_not_judged() {
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()))
        .encode();
    let record = audit_one(&clear_signed(&signature));
    assert_eq!(record.axis("times/0/source"), "date");
    assert_eq!(record.at("claimed", "at"), "2024-05-15T10:30:00Z");

    let future = Signed::detached(&content())
        .signer(Sign::by(alice()).at(day(2029, 1, 1)))
        .encode();
    let record = audit_one(&clear_signed(&future));
    assert!(record.has("claimed_in_future"));
    assert_eq!(record.at("claimed", "at"), "");
    assert_eq!(record.text("/verdict_claimed"), "valid");

    let undated = mail::message(
        &from_alice().without("Date"),
        &mail::multipart_signed(&content(), &signature),
    );
    let record = Audit::of(&[&undated]).at(day(2031, 1, 1)).record();
    assert_eq!(record.at("claimed", "at"), "");
    assert_eq!(record.verdict(), "signer_expired");
}

#[test]
fn a_14_times_are_read_as_they_are_written() {
    let utc = |text: &str| Writer::encode(|w| w.primitive(Tag::UTC_TIME, text.as_bytes()));
    let general =
        |text: &str| Writer::encode(|w| w.primitive(Tag::GENERALIZED_TIME, text.as_bytes()));
    for (value, at, malformed) in [
        (utc("240515103000Z"), "2024-05-15T10:30:00Z", false),
        (utc("500101000000Z"), "1950-01-01T00:00:00Z", false),
        (utc("991231235959Z"), "1999-12-31T23:59:59Z", false),
        (utc("491231235959Z"), "2049-12-31T23:59:59Z", false),
        (utc("2405151030Z"), "2024-05-15T10:30:00Z", true),
        (utc("240515123000+0200"), "2024-05-15T10:30:00Z", true),
        (utc("240515103000-0330"), "2024-05-15T14:00:00Z", true),
        (general("20240515103000Z"), "2024-05-15T10:30:00Z", false),
        (general("20240515103000.5Z"), "2024-05-15T10:30:00Z", true),
        (general("20240515103000"), "2024-05-15T10:30:00Z", true),
        (general("16010101000000Z"), "1601-01-01T00:00:00Z", false),
        (general("99991231235959Z"), "9999-12-31T23:59:59Z", false),
        (utc("240230103000Z"), "", true),
        (utc("24051510300Z"), "", true),
        (utc(""), "", true),
        (general("20241315103000Z"), "", true),
        (general("00000101000000Z"), "", true),
    ] {
        let signature = Signed::detached(&content())
            .signer(Sign::by(alice()).edit(|list| list.values(oid::SIGNING_TIME, &[&value])))
            .encode();
        let message = mail::message(
            &from_alice().without("Date"),
            &mail::multipart_signed(&content(), &signature),
        );
        let record = audit_one(&message);
        assert_eq!(record.axis("times/0/at"), at, "{value:?}");
        assert_eq!(record.has("malformed_time"), malformed, "{value:?}");
        assert_eq!(record.axes(["digest", "signature"]), ["match", "valid"]);
    }
}

#[test]
fn a_14_a_certificate_is_valid_at_no_time_that_cannot_be_read() {
    let utc = |text: &str| Writer::encode(|w| w.primitive(Tag::UTC_TIME, text.as_bytes()));
    let general =
        |text: &str| Writer::encode(|w| w.primitive(Tag::GENERALIZED_TIME, text.as_bytes()));
    let wanted = |from, to| Wanted::mail(203, "alice@example.com").encoded_validity(from, to);
    for (from, to, chain) in [
        (utc("200101000000Z"), utc("300101000000Z"), "trusted"),
        (
            general("20200101000000Z"),
            general("20300101000000Z"),
            "trusted",
        ),
        (utc("500101000000Z"), general("99991231235959Z"), "trusted"),
        (utc("991231235959Z"), utc("000101000000Z"), "expired"),
        (
            general("20600101000000Z"),
            general("20700101000000Z"),
            "not_yet_valid",
        ),
        (utc("2001010000Z"), utc("3001010000Z"), "trusted"),
        (utc("20"), utc("300101000000Z"), "not_yet_valid"),
        (utc("200101000000Z"), utc("nonsense"), "expired"),
    ] {
        let holder = people::issued("Alice", "rsa2048-3", &wanted(from.clone(), to.clone()));
        let record = audit_one(&clear_signed_by(&holder, "alice@example.com"));
        assert_eq!(record.at("now", "chain"), chain, "{from:?} {to:?}");
    }
}
