//! Rows B-05 and B-12 to B-15: who signed, and whom the reader takes for the sender.

use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::digest::DigestAlgorithm;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::read_algorithm;
use crate::toolkit::extensions::AltNames;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;

#[test]
fn b_05_the_victims_name_in_a_certificate_of_ones_own() {
    let wanted = Wanted::mail(1, "alice@example.com");
    let by_stranger = Holder::below(Party::new("alice", "p256-2"), &wanted, people::stranger());
    let record = audit_one(&clear_signed_by(&by_stranger, "alice@example.com"));
    assert_eq!(
        record.axes(["digest", "signature", "identity", "verdict"]),
        ["match", "valid", "match_from", "signer_untrusted"]
    );
    assert_eq!(record.status(), "signer_untrusted");
    assert!(["incomplete", "untrusted_root"].contains(&record.at("now", "chain")));
    // With its root in the mail the path is complete, and leads nowhere.
    let text = content();
    let data = Signed::detached(&text)
        .signer(Sign::by(&by_stranger).at(people::sent()))
        .certificate(&people::stranger().certificate);
    let record = audit_one(&clear_signed(&data.encode()));
    assert_eq!(record.at("now", "chain"), "untrusted_root");
    assert_eq!(record.etsi(), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND");

    let selfmade = Holder::root(Party::new("alice", "p256-2"), &wanted);
    let record = audit_one(&clear_signed_by(&selfmade, "alice@example.com"));
    assert_eq!(
        (record.status(), record.at("now", "chain")),
        ("signer_untrusted", "self_signed")
    );
}

/// Signed by Alice, with these fields in place of the usual From.
fn from_fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let headers = Headers::new("", "Meeting", SENT_DATE).without("From");
    let headers = fields
        .iter()
        .fold(headers, |headers, (name, value)| headers.with(name, value));
    mail::message(&headers, &mail::multipart_signed(&content(), &signature))
}

#[test]
fn b_12_an_address_as_the_name_of_another() {
    for from in [
        "\"alice@example.com\" <mallory@evil.example>",
        "alice@example.com <mallory@evil.example>",
        "\"alice@example.com...\" <mallory@evil.example>",
        "\"alice@example.com                                 \" <mallory@evil.example>",
        "=?utf-8?q?alice=40example=2Ecom?= <mallory@evil.example>",
        "=?utf-8?b?YWxpY2VAZXhhbXBsZS5jb20=?= <mallory@evil.example>",
        "\"Alice (alice@example.com)\" <mallory@evil.example>",
        "mallory@evil.example (alice@example.com)",
        "\"\u{ff1c}alice\u{ff20}example.com\u{ff1e}\" <mallory@evil.example>",
    ] {
        let record = audit_one(&from_fields(&[("From", from)]));
        assert_eq!(record.axis("identity"), "mismatch", "{from}");
        assert_eq!(record.status(), "wrong_sender", "{from}");
        assert_eq!(record.notes(), ["display_name_address_mismatch"], "{from}");
    }
    for from in [
        "\"alice@example.com\" <alice@example.com>",
        "\"Alice @ Example\" <alice@example.com>",
    ] {
        let record = audit_one(&from_fields(&[("From", from)]));
        assert_eq!(
            (record.status(), record.notes()),
            ("valid", vec![]),
            "{from}"
        );
    }
}

#[test]
fn b_13_every_arrangement_of_senders() {
    let alice = "alice@example.com";
    let mallory = "mallory@evil.example";
    let table: [(&[(&str, &str)], &str, &str); 24] = [
        (&[], "no_from", "sender_not_comparable"),
        (&[("From", "")], "no_from", "sender_not_comparable"),
        (&[("From", "Alice")], "no_from", "sender_not_comparable"),
        (&[("From", "Alice <>")], "no_from", "sender_not_comparable"),
        (&[("Sender", alice)], "no_from", "sender_not_comparable"),
        (&[("From", alice)], "match_from", "valid"),
        (
            &[("From", alice), ("Sender", mallory)],
            "match_from",
            "valid",
        ),
        (
            &[("From", alice), ("Reply-To", mallory)],
            "match_from",
            "valid",
        ),
        (&[("From", mallory)], "mismatch", "wrong_sender"),
        (
            &[("From", mallory), ("Reply-To", alice)],
            "mismatch",
            "wrong_sender",
        ),
        (
            &[("From", mallory), ("Sender", alice)],
            "match_sender_only",
            "wrong_sender",
        ),
        (
            &[("From", "alice@example.com, mallory@evil.example")],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", "mallory@evil.example, alice@example.com")],
            "ambiguous_from",
            "wrong_sender",
        ),
        (&[("From", "alice@example.com,,")], "match_from", "valid"),
        (
            &[("From", alice), ("From", mallory)],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", mallory), ("From", alice)],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", alice), ("From", alice)],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", ""), ("From", alice)],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", "<alice@example.com> <mallory@evil.example>")],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[("From", "Friends: alice@example.com;")],
            "match_from",
            "valid",
        ),
        (
            &[("From", "Friends: alice@example.com, mallory@evil.example;")],
            "ambiguous_from",
            "wrong_sender",
        ),
        // What is no address, and shows as one.
        (
            &[("From", "mallory@evil.example@x, alice@example.com")],
            "ambiguous_from",
            "wrong_sender",
        ),
        (
            &[(
                "From",
                "\"Mallory\" mallory@evil.example, alice@example.com",
            )],
            "ambiguous_from",
            "wrong_sender",
        ),
        // An unquoted comma in a name, which old programs wrote.
        (
            &[("From", "Example, Alice <alice@example.com>")],
            "match_from",
            "valid",
        ),
    ];
    for (fields, identity, status) in table {
        let record = audit_one(&from_fields(fields));
        assert_eq!(record.axis("identity"), identity, "{fields:?}");
        assert_eq!(record.status(), status, "{fields:?}");
        assert_eq!(record.verdict(), status, "{fields:?}");
    }
}

/// Somebody with this certificate signs as Alice.
fn as_alice(holder: &Holder) -> Record {
    audit_one(&clear_signed_by(holder, "alice@example.com"))
}

#[test]
fn b_14_names_and_addresses_that_deceive() {
    let names = AltNames::default;
    for (what, names, identity, suspicious) in [
        (
            "a NUL ends no address",
            names().octets(1, b"alice@example.com\0.evil.example"),
            "no_certificate_address",
            true,
        ),
        (
            "a line end ends no address",
            names().octets(1, b"alice@example.com\n"),
            "no_certificate_address",
            true,
        ),
        (
            "octets beyond ASCII in an IA5String",
            names().octets(1, "älice@example.com".as_bytes()),
            "no_certificate_address",
            true,
        ),
        (
            "a star stands for itself",
            names().mailbox("*@example.com"),
            "mismatch",
            false,
        ),
        (
            "a domain stands for no mailbox",
            names().mailbox("example.com"),
            "no_certificate_address",
            false,
        ),
        (
            "a host name is no mailbox",
            names().dns("alice@example.com"),
            "no_certificate_address",
            false,
        ),
        (
            "a Cyrillic a",
            names().utf8_mailbox("\u{430}lice@example.com"),
            "mismatch",
            false,
        ),
        (
            "text turned around",
            names().utf8_mailbox("\u{202e}alice@example.com"),
            "no_certificate_address",
            true,
        ),
        (
            "any of several",
            names()
                .mailbox("bob@example.com")
                .mailbox("alice@example.com"),
            "match_from",
            false,
        ),
        (
            "a good one beside a suspicious one",
            names()
                .octets(1, b"bob@example.com\0")
                .mailbox("alice@example.com"),
            "match_from",
            true,
        ),
    ] {
        let wanted = Wanted::mail(1000, "x@example.com").with(names.extension());
        let record = as_alice(&people::issued("somebody", "p256-2", &wanted));
        assert_eq!(record.axis("identity"), identity, "{what}");
        assert_eq!(record.has("cert_string_suspicious"), suspicious, "{what}");
        let verdict = match identity {
            "match_from" => "valid",
            "mismatch" => "wrong_sender",
            _ => "sender_not_comparable",
        };
        assert_eq!(record.verdict(), verdict, "{what}");
    }
}

#[test]
fn b_14_the_common_name_never_counts() {
    let wanted = Wanted::mail(1001, "x@example.com").without(oid::SUBJECT_ALT_NAME);
    let holder = people::issued("alice@example.com", "p256-2", &wanted);
    let record = as_alice(&holder);
    assert_eq!(
        record.axes(["identity", "verdict"]),
        ["no_certificate_address", "sender_not_comparable"]
    );
    let common_name = |tag: Tag, octets: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid::COMMON_NAME);
                        w.primitive(tag, octets);
                    });
                });
            });
        })
    };
    for octets in [
        "Alice\0Mallory",
        "Alice\nSubject: x",
        "\u{202e}ecilA",
        "Al\u{200b}ice",
    ] {
        let name = common_name(Tag::UTF8_STRING, octets.as_bytes());
        let wanted = Wanted::mail(1002, "alice@example.com").subject(name);
        let record = as_alice(&people::issued("unused", "p256-2", &wanted));
        assert!(record.has("cert_string_suspicious"), "{octets:?}");
        assert_eq!(record.verdict(), "valid", "{octets:?}");
    }
}

#[test]
fn b_14_the_subjects_address_counts_where_no_other_stands() {
    let party = people::with_address_in_name("Alice", "alice@example.com", "p256-2");
    let wanted = Wanted::mail(1003, "bob@example.com");
    let both = Holder::below(party.clone(), &wanted, people::authority());
    let record = as_alice(&both);
    assert_eq!(record.axis("identity"), "mismatch");
    assert!(record.has("dn_san_conflict"));
    let wanted = wanted.without(oid::SUBJECT_ALT_NAME);
    let record = as_alice(&Holder::below(party, &wanted, people::authority()));
    assert_eq!(record.axis("identity"), "match_from");
}

/// A certificate with issuer and serial number of Alice's, for another key or another holder.
fn twin(key: &str, address: &str, broken: bool) -> Holder {
    let mut wanted = Wanted::mail(100, address);
    if broken {
        wanted = wanted.broken();
    }
    let mut holder = people::issued("alice", key, &wanted);
    holder.chain.clear();
    holder
}

#[test]
fn b_15_the_key_decides_among_certificates_of_one_number() {
    let other = twin("p256-2", "alice@example.com", false);
    for order in [true, false] {
        let sign = Sign::by(alice()).at(people::sent());
        let text = content();
        let mut data = Signed::detached(&text);
        if order {
            data = data.certificate(&other.certificate).signer(sign);
        } else {
            data = data.signer(sign).certificate(&other.certificate);
        }
        let record = audit_one(&clear_signed(&data.encode()));
        assert_eq!(record.verdict(), "valid");
        assert_eq!(record.axis("signer/certificate"), hex(&alice().sha256()));
        assert!(record.has("issuer_serial_collision"));
    }
}

#[test]
fn b_15_the_named_certificate_decides_where_the_key_is_the_same() {
    let other = twin("rsa2048-3", "mallory@example.com", false);
    for named in [alice(), &other] {
        let algorithm = Writer::encode(|w| {
            DigestAlgorithm::Sha256.write_algorithm(w);
        });
        let sign = Sign::by(alice()).at(people::sent()).edit(|list| {
            list.signing_certificate_v2(read_algorithm(&algorithm), &named.sha256(), None)
        });
        let text = content();
        let data = Signed::detached(&text)
            .signer(sign)
            .certificate(&other.certificate);
        let record = audit_one(&clear_signed(&data.encode()));
        assert_eq!(record.axis("attributes"), "ok");
        assert_eq!(record.axis("signer/certificate"), hex(&named.sha256()));
        assert!(record.has("issuer_serial_collision"));
    }
}

/// Two certificates of one number anywhere in the run: both are kept, and each signature has its own.
#[test]
fn b_15_a_collision_across_messages() {
    let other = twin("p256-2", "alice@example.com", false);
    let mut other = other;
    other.chain = alice().chain.clone();
    let messages = [
        clear_signed_by(alice(), "alice@example.com"),
        clear_signed_by(&other, "alice@example.com"),
    ];
    let records = Audit::of(&[&messages[0], &messages[1]]).run();
    for (record, holder) in records.iter().zip([alice(), &other]) {
        assert_eq!(record.verdict(), "valid");
        assert_eq!(record.axis("signer/certificate"), hex(&holder.sha256()));
        assert!(record.has("issuer_serial_collision"), "{record:?}");
    }
}

/// Certificates that anybody can make for Alice's key, with her issuer and serial number or her key identifier: wherever
/// they come from, they change nothing.
#[test]
fn b_15_forged_certificates_for_the_signers_key_change_no_verdict() {
    // Enough for one to stand before Alice's in any order.
    let forged: Vec<Vec<u8>> = (0..8)
        .map(|number| twin("rsa2048-3", &format!("m{number}@evil.example"), true).certificate)
        .collect();
    let poison = mail::message(
        &Headers::new("mallory@evil.example", "Certificates", SENT_DATE),
        &mail::pkcs7_mime("certs-only", &cms::certs_only(&forged)),
    );
    let own = mail::message(
        &Headers::new("alice@example.com", "Certificates", SENT_DATE),
        &mail::pkcs7_mime("certs-only", &cms::certs_only(&alice().certificates())),
    );
    for by_key in [false, true] {
        let sign = || {
            let sign = Sign::by(alice()).at(people::sent());
            if by_key {
                sign.by_key_identifier()
            } else {
                sign
            }
        };
        let bare = clear_signed(&Signed::detached(&content()).bare_signer(sign()).encode());
        let full = clear_signed(&Signed::detached(&content()).signer(sign()).encode());
        let text = content();
        let mut mixed = Signed::detached(&text);
        for certificate in &forged {
            mixed = mixed.certificate(certificate);
        }
        let mixed = clear_signed(&mixed.signer(sign()).encode());
        let messages = [&poison[..], &bare, &full, &mixed, &own];
        let records = Audit::of(&messages).run();
        for record in &records[1..4] {
            assert_eq!(record.verdict(), "valid", "{by_key} {record:?}");
            assert_eq!(record.axis("signer/certificate"), hex(&alice().sha256()));
            assert_eq!(record.axis("identity"), "match_from");
        }
    }
}

/// A key identifier names a key, and a renewed certificate has the same: the message's own counts, and without one the better.
#[test]
fn b_15_a_renewed_certificate_elsewhere_is_not_the_messages_own() {
    let dated = |serial, from: i16, to: i16| {
        let wanted =
            Wanted::mail(serial, "alice@example.com").validity(day(from, 1, 1), day(to, 1, 1));
        people::issued("alice", "rsa2048-3", &wanted)
    };
    let (old, renewed) = (dated(1300, 2022, 2025), dated(1301, 2025, 2028));
    let sign = || Sign::by(&old).at(people::sent()).by_key_identifier();
    let text = content();
    let own = clear_signed(&Signed::detached(&text).signer(sign()).encode());
    let bare = clear_signed(&Signed::detached(&text).bare_signer(sign()).encode());
    let later = clear_signed_by(&renewed, "alice@example.com");
    let records = Audit::of(&[&own, &bare, &later]).run();
    assert_eq!(records[0].verdict(), "valid_as_claimed");
    assert_eq!(records[0].axis("signer/certificate"), hex(&old.sha256()));
    assert_eq!(records[1].verdict(), "valid");
    assert_eq!(
        records[1].axis("signer/certificate"),
        hex(&renewed.sha256())
    );
    // It is no collision: the identifier is meant to be the same.
    for record in &records {
        assert!(!record.has("issuer_serial_collision"));
    }
}

/// A wrong certificate in the mail, and the right one elsewhere.
#[test]
fn b_15_the_right_certificate_is_in_another_message() {
    let other = twin("p256-2", "alice@example.com", false);
    let text = content();
    let data = Signed::detached(&text)
        .bare_signer(Sign::by(alice()).at(people::sent()))
        .certificate(&other.certificate);
    let wrong = clear_signed(&data.encode());
    assert_eq!(audit_one(&wrong).verdict(), "signature_broken");
    let right = clear_signed_by(alice(), "alice@example.com");
    for messages in [[&wrong[..], &right], [&right, &wrong[..]]] {
        for record in Audit::of(&messages).run() {
            assert_eq!(record.verdict(), "valid");
            assert_eq!(record.axis("signer/certificate"), hex(&alice().sha256()));
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
