//! Rows: evidence in mail by the hundred, and evidence that is only named.

use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::digest;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_ocsp::about_alice;
use crate::catalogue::a_ocsp::authority_is_good;
use crate::catalogue::a_ocsp::fresh;
use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls::Crl;
use crate::toolkit::ocsp;
use crate::toolkit::ocsp::Ocsp;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;

/// Whoever sends forged responses by the hundred costs a bounded number of signature checks, and wins nothing: what the operator
/// gave is heard first, and where something in mail was not looked at nobody is good.
#[test]
fn a_27_a_flood_of_responses() {
    let forger = Party::named(
        authority().party.name.clone(),
        people::stranger().party.key.clone(),
    );
    let forged = |number: i64| {
        let produced = Time::from_unix(day(2025, 5, 1).unix() + number).unwrap();
        ocsp::in_signed_data(&Ocsp::new(produced, day(2026, 1, 1)).about(
            &alice().certificate,
            &authority().party,
            &forger,
        ))
    };
    let message = |numbers: std::ops::Range<i64>| {
        let text = content();
        let signed = Signed::detached(&text).signer(Sign::by(alice()).at(people::sent()));
        let signed = numbers.fold(signed, |signed, number| signed.crl(&forged(number)));
        clear_signed(&signed.encode())
    };
    let messages = [message(0..90), message(90..180), message(180..270)];
    let judged = |messages: &[Vec<u8>], answer: Vec<u8>| {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut audit = Audit::of(&messages);
        audit.crls = vec![answer, authority_is_good()];
        let records = audit.run();
        records[0].at("now", "revocation").to_owned()
    };
    let good = about_alice(&fresh());
    assert_eq!(judged(&messages, good), "good");
    let revoked = about_alice(&fresh().revoked(day(2024, 1, 1), None));
    assert_eq!(judged(&messages, revoked.clone()), "revoked");
    // In mail as well: nothing that others send hides it.
    let text = content();
    let told = Signed::detached(&text)
        .signer(Sign::by(alice()).at(people::sent()))
        .crl(&ocsp::in_signed_data(&revoked));
    let told = clear_signed(&told.encode());
    let among: Vec<&[u8]> = messages.iter().chain([&told]).map(Vec::as_slice).collect();
    let mut audit = Audit::of(&among);
    audit.crls = vec![authority_is_good()];
    assert_eq!(audit.run()[0].at("now", "revocation"), "revoked");
}

/// RFC 5126 §6.2: what the signature was validated with, by hashes; here, or to be got elsewhere.
#[test]
fn a_30_complete_references_are_held_against_what_is_there() {
    let list = Crl::new(day(2025, 5, 1), day(2026, 1, 1)).issue(&authority().party);
    let sha1_of = |w: &mut Writer, octets: &[u8]| {
        w.octet_string(digest(DigestAlgorithm::Sha1, &[octets]).unwrap().as_bytes());
    };
    let sha256_of = |w: &mut Writer, octets: &[u8]| {
        w.sequence(|w| {
            DigestAlgorithm::Sha256.write_algorithm(w);
            w.octet_string(
                digest(DigestAlgorithm::Sha256, &[octets])
                    .unwrap()
                    .as_bytes(),
            );
        });
    };
    let judged = |certificate: &[u8], crl: &[u8], with_list: bool, broken: bool| {
        let certificates = Writer::encode(|w| {
            w.sequence(|w| w.sequence(|w| sha256_of(w, certificate)));
        });
        let lists = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.explicit(0, |w| {
                        w.sequence(|w| w.sequence(|w| w.sequence(|w| sha1_of(w, crl))));
                    });
                });
            });
        });
        let lists = if broken { vec![4, 0] } else { lists };
        let sign = Sign::by(alice()).at(people::sent()).unsigned(move |_| {
            AttributeList::new()
                .values(oid::CERTIFICATE_REFERENCES, &[&certificates])
                .values(oid::REVOCATION_REFERENCES, &[&lists])
        });
        let text = content();
        let signed = Signed::detached(&text).signer(sign);
        let signed = if with_list { signed.crl(&list) } else { signed };
        let record = Audit::of(&[&clear_signed(&signed.encode())]).record();
        assert_eq!(record.verdict(), "valid");
        assert!(record.has("complete_references"));
        record.has("reference_not_carried")
    };
    let above = &authority().certificate;
    assert!(!judged(above, &list, true, false));
    assert!(judged(above, &list, false, false), "the list is elsewhere");
    assert!(judged(&people::stranger().certificate, &list, true, false));
    assert!(judged(above, &list, true, true), "can't be read");
    let plain = Audit::of(&[&clear_signed_by(alice(), "alice@example.com")]).record();
    assert!(!plain.has("complete_references"));
}
