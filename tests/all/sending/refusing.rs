//! What is not sent, and why; and what is sent although something speaks against it.

use std::fs;

use mailseal::jobs::compose::refusal::{Problem, Role};
use mailseal::judge::recipient::Hindrance;

use super::people::{PEOPLE, mail, place};
use super::{is_nowhere, refusals, send};
use crate::program::mbox;

const OWN: [&str; 6] = ["--keys", "own", "--ca", "roots.pem", "--crl", "crl.pem"];

fn one(from: &str, to: &str) -> Vec<u8> {
    mbox(&[mail(from, "1", &format!("To: {to}\n"), "\nclear text\n")])
}

#[test]
fn h_03_a_signer_who_must_not_sign_does_not_unless_it_is_allowed_by_name() {
    let place = place();
    for (from, reason) in [
        ("expired", "expired"),
        ("early", "not_yet_valid"),
        ("weak", "weak"),
        ("keyusage", "key_usage"),
        ("revoked", "revoked"),
        ("stranger", "no_key"),
        ("bob", "no_key"),
    ] {
        place.write("a.mbox", one(from, "bob@example.com"));
        let out = format!("out-{from}");
        send(&place, "sign", "a.mbox", &out, &OWN).code(1);
        let address = format!("{from}@example.com");
        let said = refusals(&place, &out);
        assert_eq!(said, [("signer".to_owned(), address, reason.to_owned())]);
        is_nowhere(&place, &out, "clear text");
        if reason == "no_key" {
            continue;
        }
        // Another name allows nothing.
        let other = format!("other-{from}");
        send(
            &place,
            "sign",
            "a.mbox",
            &other,
            &[&OWN[..], &["--allow", "self_issued"]].concat(),
        )
        .code(1);
        let allowed = format!("allowed-{from}");
        send(
            &place,
            "sign",
            "a.mbox",
            &allowed,
            &[&OWN[..], &["--allow", reason]].concat(),
        )
        .code(0);
        assert!(place.join(allowed).join("data/a.mbox").is_file());
    }
    place.write("a.mbox", one("p256", "bob@example.com"));
    place
        .run(&[
            "sign",
            "a.mbox",
            "-o",
            "x",
            "--keys",
            "own",
            "--allow",
            "evrything",
        ])
        .code(2);
}

#[test]
fn h_03_a_key_that_does_not_fit_the_certificate_signs_nothing() {
    let place = place();
    let certificate = fs::read(place.join("certificates/p256.pem")).unwrap();
    let key = PEOPLE.dave.key.private_key_to_pem_pkcs8().unwrap();
    place.write("mixed.pem", [certificate, key].concat());
    place.write("a.mbox", one("p256", "bob@example.com"));
    let mixed = ["--keys", "mixed.pem", "--ca", "roots.pem"];
    send(&place, "sign", "a.mbox", "out", &mixed).code(1);
    assert_eq!(refusals(&place, "out")[0].2, "no_key");
}

#[test]
fn h_03_nobody_vouches_for_a_signer_without_an_anchor() {
    let place = place();
    place.write("a.mbox", one("p256", "bob@example.com"));
    // No root came with the key, and none was given.
    send(&place, "sign", "a.mbox", "out", &["--keys", "own"]).code(1);
    assert_eq!(refusals(&place, "out")[0].2, "untrusted");
    send(
        &place,
        "sign",
        "a.mbox",
        "allowed",
        &["--keys", "own", "--allow", "untrusted"],
    )
    .code(0);
    send(
        &place,
        "sign",
        "a.mbox",
        "given",
        &["--keys", "own", "--ca", "roots.pem"],
    )
    .code(0);
    let revocation = ["--keys", "own", "--ca", "roots.pem", "--require-revocation"];
    send(&place, "sign", "a.mbox", "unknown", &revocation).code(1);
    assert_eq!(refusals(&place, "unknown")[0].2, "revocation_unknown");
    let known = [&revocation[..], &["--crl", "crl.pem"]].concat();
    send(&place, "sign", "a.mbox", "known", &known).code(0);
    place
        .run(&["sign", "a.mbox", "-o", "none", "--keys", "certificates"])
        .code(2);
}

#[test]
fn h_03_a_from_that_names_nobody_or_several_has_no_signer() {
    let place = place();
    let mails = [
        "To: b@example.com\n\nx\n".to_owned(),
        "From: nobody\nTo: b@example.com\n\nx\n".to_owned(),
        "From: p256@example.com, rsa@example.com\nTo: b@example.com\n\nx\n".to_owned(),
        "From: p256@example.com\nFrom: rsa@example.com\nTo: b@example.com\n\nx\n".to_owned(),
    ];
    place.write("a.mbox", mbox(&mails));
    send(&place, "sign", "a.mbox", "out", &OWN).code(1);
    let said: Vec<String> = refusals(&place, "out")
        .into_iter()
        .map(|(_, _, why)| why)
        .collect();
    assert_eq!(said[0], "no_sender");
    assert!(
        ["no_sender", "no_key"].contains(&said[1].as_str()),
        "{said:?}"
    );
    assert_eq!(said[2..], ["several_senders", "several_senders"]);
}

#[test]
fn h_03_h_04_one_recipient_without_a_usable_certificate_keeps_the_message_back() {
    let place = place();
    for (to, reason) in [
        ("bob@example.com, expired@example.com", "expired"),
        ("early@example.com", "not_yet_valid"),
        ("weak@example.com, bob@example.com", "weak"),
        ("ed25519@example.com", "cannot_encrypt"),
        ("revoked@example.com", "revoked"),
        ("eve@example.com, bob@example.com", "no_certificate"),
        ("bob@example.com, <broken", "bad_address"),
    ] {
        for field in ["To", "Cc", "Bcc"] {
            let fields = match field {
                "To" => format!("To: {to}\n"),
                other => format!("To: dave@example.com\n{other}: {to}\n"),
            };
            let mails = [
                mail("p256", "1", &fields, "\nclear text\n"),
                mail("p256", "2", "To: bob@example.com\n", "\nfine\n"),
            ];
            place.write("a.mbox", mbox(&mails));
            let out = format!("out-{reason}-{field}");
            send(&place, "encrypt", "a.mbox", &out, &["--store", "st.db"]).code(1);
            let said = refusals(&place, &out);
            assert_eq!(said.len(), 1, "{said:?}");
            assert_eq!(
                (said[0].0.as_str(), said[0].2.as_str()),
                ("recipient", reason)
            );
            is_nowhere(&place, &out, "clear text");
            assert_eq!(
                super::messages(&place, &format!("{out}/data/a.mbox")).len(),
                1
            );
        }
    }
    place.write("a.mbox", one("p256", "expired@example.com"));
    send(
        &place,
        "encrypt",
        "a.mbox",
        "allowed",
        &["--store", "st.db", "--allow", "expired"],
    )
    .code(0);
    // What no key can do, nobody can allow.
    place.write("a.mbox", one("p256", "ed25519@example.com"));
    let allowed = ["--store", "st.db", "--allow", "cannot_encrypt"];
    send(&place, "encrypt", "a.mbox", "impossible", &allowed).code(1);
    assert_eq!(refusals(&place, "impossible")[0].2, "key_unusable");
}

#[test]
fn h_04_the_sender_needs_a_certificate_too_unless_he_does_not_want_to_read_it() {
    let place = place();
    place.write("a.mbox", one("stranger", "bob@example.com"));
    send(&place, "encrypt", "a.mbox", "out", &["--store", "st.db"]).code(1);
    let said = refusals(&place, "out");
    assert_eq!(
        (said[0].0.as_str(), said[0].2.as_str()),
        ("self", "no_certificate")
    );
    send(
        &place,
        "encrypt",
        "a.mbox",
        "alone",
        &["--store", "st.db", "--no-to-self"],
    )
    .code(0);
    place.write(
        "b.mbox",
        mbox(&["From: p256@example.com\nSubject: draft\n\nclear text\n".to_owned()]),
    );
    send(&place, "encrypt", "b.mbox", "nobody", &["--store", "st.db"]).code(1);
    assert_eq!(refusals(&place, "nobody")[0].2, "no_recipient");
    is_nowhere(&place, "nobody", "clear text");
}

#[test]
fn every_word_of_a_refusal_is_in_the_manual() {
    let manual = include_str!("../../../src/manual/sending.md");
    let words = Problem::ALL.iter().map(|one| one.as_str());
    let roles = Role::ALL.iter().map(|one| one.as_str());
    let hindrances = Hindrance::ALL.iter().map(|one| one.as_str());
    // Only certificates that name the address are looked at.
    let hindrances = hindrances.filter(|word| *word != "other_address");
    for word in words.chain(roles).chain(hindrances) {
        assert!(manual.contains(&format!("`{word}`")), "{word}");
    }
}
