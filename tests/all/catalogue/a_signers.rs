//! Rows: algorithms that are not known, missing certificates, several signers.

use super::a_axes::*;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::signature_scheme::SignatureScheme;
use mailseal::judge::Policy;

#[test]
fn a_22_what_is_not_known_is_unsupported_and_never_invalid() {
    // An algorithm that nobody has, and a digest that nobody has.
    let unknown = Sign::by(alice()).announced_as(oid::CONTENT_HINTS, None);
    let unknown_digest = Sign::by(alice()).digest_announced_as(oid::CONTENT_HINTS, None);
    // PSS with a trailer field of 2, which is of no standard.
    let odd = Writer::encode(|w| w.sequence(|w| w.explicit(3, |w| w.small_integer(2))));
    let odd_pss = Sign::by(alice()).announced_as(oid::RSASSA_PSS, Some(&odd));
    for (sign, named) in [
        (unknown, ("signature", oid::CONTENT_HINTS.label())),
        (unknown_digest, ("digest", oid::CONTENT_HINTS.label())),
        (odd_pss, ("signature", oid::RSASSA_PSS.label())),
    ] {
        let signature = Signed::detached(&content()).signer(sign).encode();
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(
            record.axes(["signature", "verdict", "etsi"]),
            [
                "unsupported_algorithm",
                "unsupported",
                "INDETERMINATE/GENERIC"
            ],
            "{named:?}"
        );
        assert_eq!(record.axis(&format!("algorithms/{}", named.0)), named.1);
        assert_eq!(record.status(), "unsupported");
    }
}

#[test]
fn a_22_every_scheme_that_the_linked_openssl_has_verifies() {
    use DigestAlgorithm as D;
    let mut tried = Vec::new();
    for (key, schemes) in [
        (
            "rsa2048-3",
            vec![
                SignatureScheme::RsaV15(D::Sha256),
                SignatureScheme::RsaV15(D::Sha384),
                SignatureScheme::RsaV15(D::Sha512),
                SignatureScheme::RsaV15(D::Sha224),
                SignatureScheme::RsaV15(D::Sha3Of256),
                keys::pss(D::Sha256),
                keys::pss(D::Sha512),
                SignatureScheme::RsaPss {
                    digest: D::Sha384,
                    mgf_digest: D::Sha1,
                    salt_bytes: 0,
                },
            ],
        ),
        ("rsapss2048-1", vec![keys::pss(D::Sha256)]),
        (
            "p256-1",
            vec![
                SignatureScheme::Ecdsa(D::Sha256),
                SignatureScheme::Ecdsa(D::Sha3Of256),
            ],
        ),
        ("p384-1", vec![SignatureScheme::Ecdsa(D::Sha384)]),
        ("p521-1", vec![SignatureScheme::Ecdsa(D::Sha512)]),
        ("brainpool256-1", vec![SignatureScheme::Ecdsa(D::Sha256)]),
        ("brainpool384-1", vec![SignatureScheme::Ecdsa(D::Sha384)]),
        ("brainpool512-1", vec![SignatureScheme::Ecdsa(D::Sha512)]),
        ("ed25519-1", vec![SignatureScheme::Ed25519]),
        ("ed448-1", vec![SignatureScheme::Ed448]),
        ("dsa2048-1", vec![SignatureScheme::Dsa(D::Sha256)]),
        ("mldsa44-1", vec![SignatureScheme::MlDsa44]),
        ("mldsa65-1", vec![SignatureScheme::MlDsa65]),
        ("mldsa87-1", vec![SignatureScheme::MlDsa87]),
    ] {
        if keys::find(key).is_none() {
            println!("skipped: {key} is not known to the linked OpenSSL");
            continue;
        }
        let holder = people::person("alice", 700, key);
        for scheme in schemes {
            for by_key in [false, true] {
                for attributes in [false, true] {
                    let mut sign = Sign::by(&holder).scheme(scheme);
                    if by_key {
                        sign = sign.by_key_identifier();
                    }
                    if !attributes {
                        sign = sign.without_attributes();
                    }
                    let signature = Signed::detached(&content()).signer(sign).encode();
                    tried.push((scheme, attributes, clear_signed(&signature)));
                }
            }
        }
    }
    let messages: Vec<&[u8]> = tried
        .iter()
        .map(|(_, _, message)| message.as_slice())
        .collect();
    for ((scheme, attributes, _), record) in tried.iter().zip(Audit::of(&messages).run()) {
        assert_eq!(
            record.axes(["digest", "attributes", "signature", "verdict"]),
            [
                "match",
                if *attributes { "ok" } else { "absent" },
                "valid",
                "valid"
            ],
            "{scheme:?} {attributes}"
        );
        assert_eq!(record.axis("algorithms/signature"), scheme.name());
    }
}

#[test]
fn a_23_a_certificate_from_elsewhere_finishes_the_signature() {
    let bare = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).at(people::sent()))
        .encode();
    let by_key = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).at(people::sent()).by_key_identifier())
        .encode();
    let (bare, by_key) = (clear_signed(&bare), clear_signed(&by_key));

    for message in [&bare, &by_key] {
        let missing = audit_one(message);
        assert_eq!(
            missing.axes([
                "digest",
                "signature",
                "certificate_source",
                "verdict",
                "etsi"
            ]),
            [
                "match",
                "certificate_missing",
                "none",
                "no_certificate",
                "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND"
            ]
        );
    }
    assert_eq!(
        audit_one(&bare).axis("signer/issuer"),
        "CN=Sample Mail Authority"
    );
    assert_eq!(audit_one(&bare).axis("signer/serial"), "64");
    assert_eq!(audit_one(&by_key).axis("signer/ski").len(), 40);

    // Later in the same archive, and given as a file.
    let later = clear_signed(&cms::signed_by(alice(), &content(), people::sent()));
    let records = Audit::of(&[&bare, &by_key, &later]).run();
    let given = Audit::of(&[&bare, &by_key])
        .certificate(&alice().certificate)
        .certificate(&people::authority().certificate)
        .run();
    for (record, source) in [
        (&records[0], "other_message"),
        (&records[1], "other_message"),
        (&records[2], "message"),
        (&given[0], "given"),
        (&given[1], "given"),
    ] {
        assert_eq!(
            record.axes([
                "digest",
                "signature",
                "certificate_source",
                "identity",
                "verdict"
            ]),
            ["match", "valid", source, "match_from", "valid"]
        );
    }
}

#[test]
fn a_23_without_attributes_the_digests_are_kept_or_the_content_is_needed() {
    let mut messages = Vec::new();
    let edward = people::person("alice", 701, "ed25519-1");
    for (holder, altered) in [
        (alice(), false),
        (alice(), true),
        (bob(), false),
        (&edward, false),
    ] {
        let bare = Signed::detached(&content())
            .bare_signer(Sign::by(holder).without_attributes())
            .encode();
        let message = mail::lf(&clear_signed(&bare));
        messages.push(if altered {
            replace(&message, "Friday", "Sunday")
        } else {
            message
        });
    }
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let records = Audit::of(&messages)
        .certificate(&alice().certificate)
        .certificate(&bob().certificate)
        .certificate(&edward.certificate)
        .certificate(&people::authority().certificate)
        .run();
    let seen: Vec<_> = records
        .iter()
        .map(|record| record.axes(["digest", "signature", "verdict"]))
        .collect();
    assert_eq!(
        seen,
        [
            ["match_canonical", "valid", "valid"],
            ["mismatch", "valid", "altered"],
            ["match_canonical", "valid", "wrong_sender"],
            ["not_checked", "not_checked", "unsupported"],
        ]
    );
    assert!(records[3].has("needs_content"));
}

#[test]
fn a_24_each_signer_has_its_record_and_the_worst_counts() {
    let mallory = Holder::below(
        crate::toolkit::certificates::Party::new("Mallory", "p256-2"),
        &crate::toolkit::certificates::Wanted::mail(7, "alice@example.com"),
        people::stranger(),
    );
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()).at(people::sent()))
        .signer(Sign::by(&mallory).at(people::sent()))
        .encode();
    let message = clear_signed(&signature);
    let record = audit_one(&message);
    assert_eq!(record.signatures(), 2);
    let of = |index: usize, name: &str| {
        record
            .text(&format!("/layers/0/signatures/{index}/{name}"))
            .to_owned()
    };
    let mut verdicts = [of(0, "verdict"), of(1, "verdict")];
    verdicts.sort();
    assert_eq!(verdicts, ["signer_untrusted", "valid"]);
    assert_eq!(record.text("/verdict"), "signer_untrusted");
    assert_eq!(record.status(), "signer_untrusted");

    let any = Policy {
        any_signer: true,
        ..Policy::default()
    };
    let record = Audit::of(&[&message]).policy(any).record();
    assert_eq!(record.text("/verdict"), "valid");
    assert_eq!(record.status(), "valid");
}

#[test]
fn a_24_one_signer_over_this_content_and_one_over_another() {
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()).at(people::sent()))
        .signer(Sign::by(bob()).at(people::sent()).over(b"something else"))
        .encode();
    let record = audit_one(&clear_signed(&signature));
    let mut digests = [
        record.text("/layers/0/signatures/0/digest"),
        record.text("/layers/0/signatures/1/digest"),
    ];
    digests.sort_unstable();
    assert_eq!(digests, ["match", "mismatch"]);
    assert_eq!(record.text("/verdict"), "altered");
}

/// RFC 5752: each signer names the others, so that taking one away shows.
#[test]
fn a_24_a_stripped_signature_shows() {
    let multiple = |list: AttributeList| {
        list.value(oid::MULTIPLE_SIGNATURES, |w| {
            w.sequence(|w| {
                DigestAlgorithm::Sha256.write_algorithm(w);
                w.raw(
                    &SignatureScheme::Ecdsa(DigestAlgorithm::Sha256)
                        .cms_algorithm()
                        .unwrap(),
                );
                w.sequence(|w| {
                    DigestAlgorithm::Sha256.write_algorithm(w);
                    w.octet_string(&[7; 32]);
                });
            });
        })
    };
    let both = Signed::detached(&content())
        .signer(Sign::by(alice()).edit(multiple))
        .signer(Sign::by(bob()))
        .encode();
    let stripped = Signed::detached(&content())
        .signer(Sign::by(alice()).edit(multiple))
        .encode();
    for (signature, shows) in [(both, false), (stripped, true)] {
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(record.has("multiple_signatures_incomplete"), shows);
    }
}

/// An attribute that is there and can't be read is not an attribute that is absent.
#[test]
fn a_07_an_attribute_that_cannot_be_read_is_malformed() {
    let octets = |octets: &'static [u8]| Writer::encode(|w| w.octet_string(octets));
    let empty = Writer::encode(|w| w.sequence(|w| w.sequence(|_| {})));
    let time = Writer::encode(|w| w.primitive(Tag::UTC_TIME, b"hello"));
    for (oid, value) in [
        (oid::SIGNING_CERTIFICATE_V2, octets(b"garbage")),
        (oid::SIGNING_CERTIFICATE_V2, empty.clone()),
        (oid::SIGNING_CERTIFICATE, octets(b"garbage")),
        (oid::SIGNING_CERTIFICATE, empty),
        (oid::SIGNING_TIME, time),
        (oid::MULTIPLE_SIGNATURES, octets(b"garbage")),
    ] {
        let sign = Sign::by(alice()).edit(|list| list.values(oid, &[&value]));
        let text = content();
        let data = Signed::detached(&text).signer(sign);
        let record = audit_one(&clear_signed(&data.encode()));
        assert_eq!(record.axis("attributes"), "malformed", "{oid:?}");
        assert_eq!(record.status(), "malformed", "{oid:?}");
        assert!(record.has("attribute_malformed"), "{oid:?}");
        assert_eq!(record.axis("signature"), "valid", "{oid:?}");
    }
}
