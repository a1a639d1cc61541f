//! Rows: whose address the certificate has.

use mailseal::asn1::oid;

use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::name;
use crate::toolkit::cms;
use crate::toolkit::extensions;
use crate::toolkit::extensions::AltNames;
use crate::toolkit::extensions::Extension;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;

fn signed_with(holder: &Holder, headers: &Headers) -> Record {
    let signature = cms::signed_by(holder, &content(), people::sent());
    audit_one(&mail::message(
        headers,
        &mail::multipart_signed(&content(), &signature),
    ))
}

fn headers(from: &str) -> Headers {
    Headers::new(from, "Meeting", SENT_DATE)
}

#[test]
fn a_19_from_counts_and_sender_does_not() {
    let no_address = people::issued(
        "Alice",
        "rsa2048-3",
        &Wanted::mail(210, "").without(oid::SUBJECT_ALT_NAME),
    );
    let other = headers("Mallory <mallory@example.net>");
    for (holder, headers, identity, word) in [
        (
            alice(),
            headers("Alice <alice@example.com>"),
            "match_from",
            "valid",
        ),
        (alice(), headers("alice@example.com"), "match_from", "valid"),
        (alice(), other.clone(), "mismatch", "wrong_sender"),
        (
            alice(),
            other.clone().with("Sender", "alice@example.com"),
            "match_sender_only",
            "wrong_sender",
        ),
        (
            alice(),
            headers("alice@example.com").with("Sender", "mallory@example.net"),
            "match_from",
            "valid",
        ),
        (
            alice(),
            headers("alice@example.com, mallory@example.net"),
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            alice(),
            headers("alice@example.com").with("From", "mallory@example.net"),
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            alice(),
            headers("mallory@example.net").with("From", "alice@example.com"),
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            alice(),
            headers("x").without("From"),
            "no_from",
            "sender_not_comparable",
        ),
        (
            alice(),
            headers("nobody in particular"),
            "no_from",
            "sender_not_comparable",
        ),
        (
            alice(),
            headers("x")
                .without("From")
                .with("Sender", "alice@example.com"),
            "no_from",
            "sender_not_comparable",
        ),
        (
            &no_address,
            headers("alice@example.com"),
            "no_certificate_address",
            "sender_not_comparable",
        ),
    ] {
        let record = signed_with(holder, &headers);
        assert_eq!(record.axes(["identity", "verdict"]), [identity, word]);
        assert_eq!(record.status(), word);
    }
}

/// Display names, comments and quoted strings are not addresses.
#[test]
fn a_19_what_only_looks_like_the_address_does_not_match() {
    for from in [
        "\"alice@example.com\" <mallory@example.net>",
        "alice@example.com <mallory@example.net>",
        "(alice@example.com) mallory@example.net",
        "\"alice@example.com\"@example.net",
        "mallory@example.net (alice@example.com)",
        "alice@example.com.example.net",
        "alice@example.com@example.net",
        "=?utf-8?Q?alice=40example.com?= <mallory@example.net>",
        "<alice@example.com>:\0 <mallory@example.net>",
    ] {
        let record = signed_with(alice(), &headers(from));
        assert_ne!(record.axis("identity"), "match_from", "{from}");
        assert_ne!(record.verdict(), "valid", "{from}");
    }
    let record = signed_with(
        alice(),
        &headers("\"alice@example.com\" <mallory@example.net>"),
    );
    assert!(record.has("display_name_address_mismatch"));
}

#[test]
fn a_19_folded_and_commented_addresses_match() {
    for from in [
        "Alice\r\n <alice@example.com>",
        "Alice (the first) <alice@example.com>",
        "alice@example.com (Alice)",
        "=?utf-8?B?QWxpY2U=?= <alice@example.com>",
        "\"Alice, A.\" <alice@example.com>",
        "Alice <alice @ example . com>",
        "<alice@example.com>",
        "Friends: alice@example.com;",
        "Alice <@relay.example:alice@example.com>",
        "\"alice\"@example.com",
    ] {
        let record = signed_with(alice(), &headers(from));
        assert_eq!(
            record.axes(["identity", "verdict"]),
            ["match_from", "valid"],
            "{from}"
        );
    }
}

fn with_names(san: Option<Extension>, subject: &[&str]) -> Holder {
    let mut attributes = vec![(oid::COMMON_NAME, "alice@example.com")];
    attributes.extend(subject.iter().map(|address| (oid::EMAIL_ADDRESS, *address)));
    let mut wanted = Wanted::mail(211, "")
        .without(oid::SUBJECT_ALT_NAME)
        .subject(name(&attributes));
    if let Some(san) = san {
        wanted = wanted.with(san);
    }
    people::issued("Alice", "rsa2048-3", &wanted)
}

#[test]
fn a_20_addresses_are_compared_by_the_documented_rule() {
    let san = |address: &str| Some(extensions::mailboxes(&[address]));
    let utf8 = |address: &str| Some(AltNames::default().utf8_mailbox(address).extension());
    let with_nul = Some(
        AltNames::default()
            .octets(1, b"alice@example.com\0.example.net")
            .extension(),
    );
    for (san, subject, from, identity) in [
        (
            san("alice@example.com"),
            &[][..],
            "alice@EXAMPLE.com",
            "match_from",
        ),
        (
            san("alice@EXAMPLE.COM"),
            &[],
            "alice@example.com",
            "match_from",
        ),
        (
            san("alice@example.com"),
            &[],
            "Alice@example.com",
            "match_casefold_local",
        ),
        (
            san("Alice@example.com"),
            &[],
            "alice@example.com",
            "match_casefold_local",
        ),
        (
            san("alice@xn--bcher-kva.example"),
            &[],
            "alice@bücher.example",
            "match_from",
        ),
        (
            utf8("alice@bücher.example"),
            &[],
            "alice@xn--bcher-kva.example",
            "match_from",
        ),
        (
            utf8("älice@example.com"),
            &[],
            "älice@example.com",
            "match_from",
        ),
        (san("bob@example.com"), &[], "alice@example.com", "mismatch"),
        // The name's address counts only where the alternative names have no mailbox.
        (
            None,
            &["alice@example.com"],
            "alice@example.com",
            "match_from",
        ),
        (
            Some(AltNames::default().dns("example.com").extension()),
            &["alice@example.com"],
            "alice@example.com",
            "match_from",
        ),
        (
            san("bob@example.com"),
            &["alice@example.com"],
            "alice@example.com",
            "mismatch",
        ),
        // A common name never counts.
        (None, &[], "alice@example.com", "no_certificate_address"),
        (with_nul, &[], "alice@example.com", "no_certificate_address"),
    ] {
        let record = signed_with(&with_names(san, subject), &headers(from));
        assert_eq!(record.axis("identity"), identity, "{from} {subject:?}");
        let word = match identity {
            "match_from" | "match_casefold_local" => "valid",
            "mismatch" => "wrong_sender",
            _ => "sender_not_comparable",
        };
        assert_eq!(record.verdict(), word, "{from} {subject:?}");
    }
    let conflict = with_names(san("bob@example.com"), &["alice@example.com"]);
    assert!(signed_with(&conflict, &headers("bob@example.com")).has("dn_san_conflict"));
    let agree = with_names(san("bob@example.com"), &["BOB@example.com"]);
    assert!(!signed_with(&agree, &headers("bob@example.com")).has("dn_san_conflict"));
    let suspicious = with_names(
        Some(
            AltNames::default()
                .octets(1, b"alice@example.com\0x")
                .extension(),
        ),
        &[],
    );
    assert!(signed_with(&suspicious, &headers("bob@example.com")).has("cert_string_suspicious"));
}
