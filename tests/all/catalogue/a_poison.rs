//! What an attacker puts into an archive changes no verdict on anybody else's signature.

use mailseal::cms::build::Form;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::extensions;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::bob;
use crate::toolkit::people::root;

/// The mails whose verdicts are at stake: with and without the certificates they need.
fn honest() -> Vec<Vec<u8>> {
    let bare = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).at(people::sent()))
        .encode();
    let by_key = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).at(people::sent()).by_key_identifier())
        .encode();
    let no_attributes = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).without_attributes())
        .encode();
    vec![
        clear_signed_by(alice(), "alice@example.com"),
        clear_signed_by(bob(), "bob@example.com"),
        clear_signed(&bare),
        clear_signed(&by_key),
        clear_signed(&no_attributes),
    ]
}

fn poison(certificates: &[Vec<u8>], crls: &[Vec<u8>]) -> Vec<u8> {
    let mut set = Signed::opaque(b"nothing").form(Form::Der);
    set.certificates = certificates.to_vec();
    set.crls = crls.to_vec();
    let headers = Headers::new("mallory@example.net", "Poison", SENT_DATE);
    mail::message(&headers, &mail::pkcs7_mime("certs-only", &set.encode()))
}

/// The verdicts, and all of the judgement: where a mail lies in the archive aside.
fn judgement(record: &Record) -> serde_json::Value {
    let mut value = record.0.clone();
    for key in ["path", "offset", "archive", "findings"] {
        value.as_object_mut().unwrap().remove(key);
    }
    value
}

/// Audits the honest mails, once by themselves and once with the poison before them and behind them.
fn assert_harmless(certificates: &[Vec<u8>], crls: &[Vec<u8>]) {
    let honest = honest();
    let poison = poison(certificates, crls);
    let audit = |messages: Vec<&[u8]>| Audit::of(&messages).run();
    let plain: Vec<&[u8]> = honest.iter().map(Vec::as_slice).collect();
    let before = audit(plain.clone());
    assert!(
        before.iter().all(|record| record.verdict() == "valid"),
        "{before:?}"
    );
    let front: Vec<&[u8]> = std::iter::once(poison.as_slice())
        .chain(plain.clone())
        .collect();
    let back: Vec<&[u8]> = plain.into_iter().chain([poison.as_slice()]).collect();
    let (front, back) = (audit(front), audit(back));
    for (index, expected) in before.iter().enumerate() {
        let expected = judgement(expected);
        assert_eq!(judgement(&front[index + 1]), expected, "{index}");
        assert_eq!(judgement(&back[index]), expected, "{index}");
    }
}

/// Many, so that some come first in any order by digest.
fn many(make: impl Fn(u64) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..12).map(|number| make(1000 + number)).collect()
}

#[test]
fn a_34_a_forged_intermediate_changes_no_verdict() {
    let mallory = Party::named(authority().party.name.clone(), keys::key("p256-4"));
    let real_identifier = extensions::subject_key_identifier(&authority().party.key_identifier());
    // The name and key identifier of the real one, another key; signed by another key, or by itself.
    let forged = many(|serial| {
        let wanted = Wanted::ca(serial).with(real_identifier.clone());
        if serial % 2 == 0 {
            wanted.forge(&mallory, &root().party, &people::stranger().party)
        } else {
            wanted.issue(&mallory, &mallory)
        }
    });
    assert_harmless(&forged, &[]);
    // The real key too, but nobody who may signed it.
    let real_key = many(|serial| {
        Wanted::ca(serial).forge(&authority().party, &root().party, &people::stranger().party)
    });
    assert_harmless(&real_key, &[]);
    // The real certificate with other octets around what was signed: a bit of the signature, and its twin with expired dates.
    let damaged = many(|serial| {
        let mut der = authority().certificate.clone();
        let last = der.len() - 1;
        der[last] ^= serial as u8;
        der
    });
    assert_harmless(&damaged, &[]);
    let expired = many(|serial| {
        Wanted::ca(serial)
            .validity(day(2000, 1, 1), day(2001, 1, 1))
            .forge(&authority().party, &root().party, &people::stranger().party)
    });
    assert_harmless(&expired, &[]);
}

#[test]
fn a_34_a_forged_root_changes_no_verdict() {
    let mallory = Party::named(root().party.name.clone(), keys::key("p256-4"));
    let identifier = extensions::subject_key_identifier(&root().party.key_identifier());
    let other_key = many(|serial| {
        Wanted::ca(serial)
            .with(identifier.clone())
            .issue(&mallory, &mallory)
    });
    assert_harmless(&other_key, &[]);
    let same_key = many(|serial| {
        Wanted::ca(serial).forge(&root().party, &root().party, &people::stranger().party)
    });
    assert_harmless(&same_key, &[]);
}

#[test]
fn a_34_a_forged_signer_certificate_changes_no_verdict() {
    // Alice's issuer and serial number, or her key identifier, with another key.
    let mallory = Party::named(alice().party.name.clone(), keys::key("rsa2048-5"));
    let identifier = extensions::subject_key_identifier(&alice().party.key_identifier());
    let other_key = many(|_| {
        Wanted::mail(100, "alice@example.com")
            .with(identifier.clone())
            .forge(&mallory, &authority().party, &people::stranger().party)
    });
    assert_harmless(&other_key, &[]);
    // Her key as well: her signatures verify with it, but nobody who may says that it is hers.
    let other_address = many(|serial| {
        Wanted::mail(100, &format!("mallory{serial}@example.net")).forge(
            &alice().party,
            &authority().party,
            &people::stranger().party,
        )
    });
    assert_harmless(&other_address, &[]);
    let other_dates = many(|serial| {
        Wanted::mail(100, "alice@example.com")
            .validity(day(2001, 1, 1), day(2002, 1, (serial % 28 + 1) as i8))
            .forge(
                &alice().party,
                &authority().party,
                &people::stranger().party,
            )
    });
    assert_harmless(&other_dates, &[]);
    // And under another issuer, by key identifier.
    let self_signed = many(|serial| {
        Wanted::mail(serial, "mallory@example.net").issue(&alice().party, &alice().party)
    });
    assert_harmless(&self_signed, &[]);
}

/// A signature whose certificate is nowhere stays without one, whatever certificate somebody makes for the signer's key.
#[test]
fn a_34_a_forged_certificate_does_not_stand_in_for_a_missing_one() {
    let stranger = people::stranger();
    let bare = || Sign::by(alice()).at(people::sent());
    let alone = [bare(), bare().by_key_identifier()].map(|sign| {
        let signed = Signed::detached(&content()).bare_signer(sign).encode();
        clear_signed(&signed)
    });
    let identifier = extensions::subject_key_identifier(&alice().party.key_identifier());
    let wanted = Wanted::mail(100, "alice@example.com").with(identifier);
    let forged = wanted.forge(&alice().party, &authority().party, &stranger.party);
    let by_herself = wanted.issue(&alice().party, &alice().party);
    let poison = poison(&[forged, by_herself], &[]);
    for message in &alone {
        let before = Audit::of(&[message]).run().remove(0);
        assert_eq!(before.verdict(), "no_certificate");
        let after = [
            Audit::of(&[&poison, message]).run().remove(1),
            Audit::of(&[message, &poison]).run().remove(0),
        ];
        for after in after {
            assert_eq!(judgement_alone(&after), judgement_alone(&before));
            assert!(after.has("certificate_unproven"), "{after:?}");
        }
    }
    // The real one in another message still completes them, and the forged one beside it changes nothing.
    let real = clear_signed_by(alice(), "alice@example.com");
    let records = Audit::of(&[&poison, &alone[0], &alone[1], &real]).run();
    for record in &records[1..] {
        assert_eq!(record.verdict(), "valid");
    }
}

/// [`judgement`] without the findings of the signature either.
fn judgement_alone(record: &Record) -> serde_json::Value {
    let mut value = judgement(record);
    let signature = value.pointer_mut("/layers/0/signatures/0").unwrap();
    signature.as_object_mut().unwrap().remove("findings");
    value
}

#[test]
fn a_34_a_forged_crl_changes_no_verdict() {
    let entry = |serial| Entry::new(serial, day(2021, 1, 1)).reason(crls::KEY_COMPROMISE);
    let accusing = Crl::new(day(2025, 1, 1), day(2026, 1, 1))
        .entry(entry(100))
        .entry(entry(101))
        .entry(entry(2));
    let mallory = people::stranger();
    let user = Holder::below(
        Party::named(authority().party.name.clone(), keys::key("p256-4")),
        &Wanted::mail(500, "mallory@example.com")
            .with(extensions::key_usage(&[extensions::DIGITAL_SIGNATURE])),
        authority(),
    );
    // A user whose subject is the authority's own name, and who may not sign lists.
    assert_harmless(
        &[user.certificate.clone()],
        &[
            accusing.forge(&authority().party, &mallory.party),
            accusing.forge(&root().party, &mallory.party),
            accusing.clone().broken().issue(&authority().party),
            accusing.issue(&user.party),
        ],
    );
}

/// Renewed certificates have the key and so the key identifier of the old ones: the one that is good at the time counts.
#[test]
fn a_23_of_several_certificates_the_good_one_is_the_signers() {
    let from = "alice@example.com";
    let by_key = Signed::detached(&content())
        .bare_signer(Sign::by(alice()).at(people::sent()).by_key_identifier())
        .encode();
    let message = clear_signed(&by_key);
    let mut others = Vec::new();
    for serial in 600..612 {
        let year = 2000 + (serial - 600) as i16;
        let old = Wanted::mail(serial, from).validity(day(year, 1, 1), day(year + 1, 1, 1));
        others.push(people::issued("Alice", "rsa2048-3", &old).certificate);
        let elsewhere = Wanted::mail(serial + 100, "alice@elsewhere.example");
        others.push(people::issued("Alice", "rsa2048-3", &elsewhere).certificate);
    }
    let mut audit = Audit::of(&[&message]);
    audit.certificates = others;
    audit.certificates.push(alice().certificate.clone());
    audit.certificates.push(authority().certificate.clone());
    let record = audit.record();
    assert_eq!(
        record.axes(["identity", "verdict"]),
        ["match_from", "valid"]
    );
    assert_eq!(
        record.axis("signer/certificate"),
        alice()
            .sha256()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>()
    );
}

/// Another certificate for the authority's key, revoked or not, is an authority of its own: a path through the good one is good.
#[test]
fn a_28_a_revoked_twin_of_the_authority_leaves_the_other_path() {
    let twins = many(|serial| Wanted::ca(serial).issue(&authority().party, &root().party));
    let mut list = Crl::new(day(2025, 1, 1), day(2026, 1, 1));
    for number in 0..12 {
        list = list.entry(Entry::new(1000 + number, day(2024, 1, 1)).reason(crls::SUPERSEDED));
    }
    let message = clear_signed_by(alice(), "alice@example.com");
    let mut audit = Audit::of(&[&message, &poison(&twins, &[])]);
    audit.crls = vec![
        list.issue(&root().party),
        Crl::new(day(2025, 1, 1), day(2026, 1, 1)).issue(&authority().party),
    ];
    let record = audit.run().remove(0);
    assert_eq!(record.at("now", "revocation"), "good");
    assert_eq!(record.verdict(), "valid");
}
