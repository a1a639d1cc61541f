//! `mailseal extract` and `mailseal explain` where revocation decided: openssl repeats what lists and OCSP responses say, what could not be
//! asked is counted, and the story names what decided.

use std::fs;

use super::extract::{has_openssl, repeated};
use super::program::{self, Workplace, encrypt, mbox, pkcs7_mime, signed};
use super::store_revocation::{AT, delegated, hex, list, of_the_root, place, response};
use crate::toolkit::certificates::day;
use crate::toolkit::cms::{Sign, Signed};
use crate::toolkit::crls::Crl;
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::ocsp;
use crate::toolkit::people::{self, alice, authority};

use mailseal::asn1::{Writer, oid};
use mailseal::cms::build::AttributeList;
use mailseal::crypto::digest::sha256;

/// The root's own list: the authority is not on it.
fn roots_list() -> Vec<u8> {
    Crl::new(day(2025, 5, 1), day(2025, 7, 1)).issue(&people::root().party)
}

/// Audits, extracts Alice's mail, and runs the script.
fn repeat(place: &Workplace, given: &[&str], verdict: &str, options: &[&str]) -> (i32, String) {
    let mut audit = vec!["audit", "mail", "-o", "report", "-q", "--force", AT];
    audit.extend(given);
    place.run(&audit).code(0);
    assert_eq!(place.messages("report")[0]["verdict"], verdict);
    let _ = fs::remove_dir_all(place.join("out"));
    let extract = ["extract", "report", "0#0", "-o", "out"];
    place.run(&[&extract[..], options].concat()).code(0);
    repeated(&place.join("out"))
}

fn says(said: &str, all: &[&str]) {
    for one in all {
        assert!(said.contains(one), "{one}: {said}");
    }
}

#[test]
fn openssl_repeats_what_lists_say() {
    if !has_openssl() {
        return;
    }
    let place = place(&[]);
    place.write("root.crl", roots_list());
    place.write("good.crl", list(false));
    place.write("bad.crl", list(true));
    let given = ["--ca", "root.der", "--crl", "root.crl", "--crl"];
    let (code, said) = repeat(&place, &[&given[..], &["good.crl"]].concat(), "valid", &[]);
    assert_eq!(code, 0, "{said}");
    says(
        &said,
        &[
            "as reported (good): the revocation list is the one of the report",
            "as reported (good): the list is signed by the authority",
            "as reported (good): the list does not have the certificate, revocation good",
            "as reported (good): path and list together at 2025-06-01T00:00:00Z",
        ],
    );
    let (code, said) = repeat(
        &place,
        &[&given[..], &["bad.crl"]].concat(),
        "signer_revoked",
        &[],
    );
    assert_eq!(code, 0, "{said}");
    says(
        &said,
        &["the list has the certificate, revocation revoked from 2024-01-01T00:00:00Z on"],
    );

    // Another list in its place does not pass.
    let of = |list: &[u8]| program::pem("X509 CRL", list);
    let kept = place.join("out/crl-1-1.pem");
    fs::write(&kept, of(&list(false))).unwrap();
    assert_eq!(repeated(&place.join("out")).0, 1);
    let forged = Crl::new(day(2025, 5, 1), day(2025, 7, 1))
        .forge(&authority().party, &people::stranger().party);
    fs::write(&kept, of(&forged)).unwrap();
    let (code, said) = repeated(&place.join("out"));
    assert_eq!(code, 1);
    says(
        &said,
        &["NOT AS REPORTED (bad, the report says good): the list is signed by"],
    );

    // Not at hand any more, it is missed, and the script does not claim that it asked.
    let (code, _) = repeat(
        &place,
        &[&given[..], &["bad.crl"]].concat(),
        "signer_revoked",
        &[],
    );
    assert_eq!(code, 0);
    fs::rename(place.join("bad.crl"), place.join("elsewhere")).unwrap();
    fs::remove_dir_all(place.join("out")).unwrap();
    place
        .run(&["extract", "report", "0#0", "-o", "out"])
        .code(0)
        .says(&["are not at hand"]);
    let (code, said) = repeated(&place.join("out"));
    assert_eq!(code, 3, "{said}");
    says(
        &said,
        &["openssl agrees, 1 steps not asked: signer_revoked"],
    );
}

#[test]
fn openssl_repeats_what_ocsp_responses_say() {
    if !has_openssl() {
        return;
    }
    let about = |ocsp: &ocsp::Ocsp| {
        ocsp.about(&alice().certificate, &authority().party, &authority().party)
    };
    let own = |revoked| about(&response(revoked));
    let named_by_sha256 = about(
        &response(true)
            .hash(mailseal::crypto::digest::DigestAlgorithm::Sha256)
            .by_key(),
    );
    for (name, evidence, verdict, status) in [
        ("its own", own(false), "valid", "good"),
        ("delegated", delegated(false), "valid", "good"),
        ("its own", own(true), "signer_revoked", "revoked"),
        ("delegated", delegated(true), "signer_revoked", "revoked"),
        ("by key", named_by_sha256, "signer_revoked", "revoked"),
    ] {
        let place = place(&[]);
        place.write("ocsp/alice.ors", &evidence);
        place.write("ocsp/authority.ors", of_the_root());
        let given = ["--ca", "root.der", "--crl", "ocsp"];
        let (code, said) = repeat(&place, &given, verdict, &[]);
        assert_eq!(code, 0, "{name}: {said}");
        let says_so = format!(
            "as reported (good): the OCSP response verifies at 2025-05-01T00:00:00Z and says {status}"
        );
        says(
            &said,
            &[
                "as reported (good): the OCSP response is the one of the report",
                &says_so,
            ],
        );
        assert_eq!(
            fs::read(place.join("out/ocsp-1-1.der")).unwrap(),
            evidence,
            "{name}"
        );
        // One that says something else, or that nobody signed who may.
        for other in [own(status == "good"), about(&response(true).broken())] {
            fs::write(place.join("out/ocsp-1-1.der"), other).unwrap();
            let (code, said) = repeated(&place.join("out"));
            assert_eq!(code, 1, "{name}: {said}");
            says(
                &said,
                &[
                    "NOT AS REPORTED",
                    "openssl differs from the verdict in 2 steps",
                ],
            );
        }
    }
}

/// CAdES has the response without its envelope.
#[test]
fn a_response_in_an_attribute_is_wrapped_for_openssl() {
    if !has_openssl() {
        return;
    }
    let basic = response(true).basic(&alice().certificate, &authority().party, &authority().party);
    let place = place(&[]);
    let text = mail::text("Dear all,\nthe meeting is on Friday.\n");
    let value = Writer::encode(|w| {
        w.sequence(|w| w.explicit(1, |w| w.sequence(|w| w.raw(&basic))));
    });
    let sign = Sign::by(alice())
        .at(people::sent())
        .unsigned(move |_| AttributeList::new().values(oid::REVOCATION_VALUES, &[&value]));
    let signature = Signed::detached(&text).signer(sign).encode();
    let headers = Headers::new("alice@example.com", "Meeting", people::SENT_DATE);
    place.write(
        "mail/1.eml",
        mail::message(&headers, &mail::multipart_signed(&text, &signature)),
    );
    let (code, said) = repeat(&place, &["--ca", "root.der"], "signer_revoked", &[]);
    assert_eq!(code, 0, "{said}");
    says(
        &said,
        &["and says revoked, revocation revoked from 2024-01-01T00:00:00Z on"],
    );
    assert!(place.join("out/response-1-1.der").exists());
}

#[test]
fn openssl_repeats_what_is_untrusted_altered_or_encrypted() {
    if !has_openssl() {
        return;
    }
    let place = place(&[]);
    let (code, said) = repeat(&place, &[], "signer_untrusted", &[]);
    assert_eq!(code, 0, "{said}");
    says(&said, &["as reported (bad): the path to the anchor"]);
    let path = place.join("mail/1.eml");
    let altered = fs::read_to_string(&path)
        .unwrap()
        .replace("Friday", "Monday");
    fs::write(&path, altered).unwrap();
    let (code, said) = repeat(&place, &["--ca", "root.der"], "altered", &[]);
    assert_eq!(code, 0, "{said}");
    says(&said, &["as reported (bad): the digest of the content"]);

    let place = Workplace::with_pki();
    let inner = signed("inner", "secret text");
    let inner = &inner[inner.find("Content-Type").unwrap()..];
    let sealed = pkcs7_mime("2", "enveloped-data", &encrypt(inner.as_bytes()));
    place.write("m.mbox", mbox(&[sealed]));
    let keys = ["--keys", "keys", "--passwords", "passwords.txt"];
    let audit = [
        "audit",
        "m.mbox",
        "-o",
        "report",
        "-q",
        program::AT,
        "--ca",
        "roots.pem",
        "--crl",
        "crls",
    ];
    place.run(&[&audit[..], &keys].concat()).code(0);
    let extract = ["extract", "report", "2@example.com", "-o"];
    place
        .run(&[&extract[..], &["open"], &keys].concat())
        .code(0);
    let (code, said) = repeated(&place.join("open"));
    assert_eq!(code, 0, "{said}");
    place.run(&[&extract[..], &["closed"]].concat()).code(0);
    let (code, said) = repeated(&place.join("closed"));
    assert_eq!(code, 3, "{said}");
    says(
        &said,
        &["not asked: the layer: it is inside an encrypted one"],
    );
}

#[test]
fn the_story_names_what_revoked_the_signer() {
    for (carried, given, what) in [
        (Some(list(true)), None, "list"),
        (
            Some(ocsp::in_signed_data(&delegated(true))),
            None,
            "OCSP response",
        ),
        (None, Some(list(true)), "list"),
        (None, Some(delegated(true)), "OCSP response"),
    ] {
        let place = place(carried.as_slice());
        let mut audit = vec![
            "audit", "mail", "-o", "report", "-q", AT, "--ca", "root.der",
        ];
        if let Some(given) = &given {
            place.write("given.der", given);
            audit.extend(["--crl", "given.der"]);
        }
        place.run(&audit).code(0);
        let ran = place.run(&["explain", "report", "0#0"]);
        ran.code(0);
        let told = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let digest = match what {
            "list" => hex(&sha256(&list(true))),
            _ => hex(&sha256(&delegated(true))),
        };
        let from = match (&given, what) {
            (Some(_), _) => "no message carries it: it was given as a file, or is in a store",
            (None, "list") => "in mail, first in 1.eml#0",
            (None, _) => "in mail, first in 1.eml#0, signed 2025-05-01T00:00:00Z",
        };
        let line = format!(
            "the {what} {digest} decided ({from}), of 2025-05-01T00:00:00Z, next due 2025-07-01T00:00:00Z; revoked from 2024-01-01T00:00:00Z (keyCompromise)."
        );
        assert!(told.contains(&line), "{line}: {told}");
    }
}
