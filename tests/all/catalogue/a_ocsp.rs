//! Rows: revocation by OCSP responses (RFC 6960), given and found in mail.
//!
//! Over 600 lines because one authority and one set of responses serve every case.

use std::fs;
use std::process::Command;

use mailseal::asn1::Oid;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::judge::Policy;

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
use crate::toolkit::ocsp;
use crate::toolkit::ocsp::Ocsp;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::root;

/// From before the samples are judged until after.
pub fn fresh() -> Ocsp {
    Ocsp::new(day(2025, 5, 1), day(2026, 1, 1))
}

/// By the authority itself, about Alice.
pub fn about_alice(ocsp: &Ocsp) -> Vec<u8> {
    ocsp.about(&alice().certificate, &authority().party, &authority().party)
}

/// By the root, about the authority: it is good.
pub fn authority_is_good() -> Vec<u8> {
    fresh().about(&authority().certificate, &root().party, &root().party)
}

fn with(responses: &[Vec<u8>]) -> Record {
    let message = clear_signed_by(alice(), "alice@example.com");
    let mut audit = Audit::of(&[&message]);
    audit.crls = [responses, &[authority_is_good()]].concat();
    audit.record()
}

fn revocation(ocsp: &Ocsp) -> String {
    with(&[about_alice(ocsp)])
        .at("now", "revocation")
        .to_owned()
}

/// A responder of `issuer`.
fn responder(wanted: &Wanted, issuer: &Holder) -> Holder {
    let party = Party::new("Sample Responder", "p256-5");
    Holder::below(party, wanted, issuer)
}

fn for_ocsp(serial: u64) -> Wanted {
    Wanted::timestamp_authority(serial)
        .with(extensions::extended_key_usage(false, &[oid::OCSP_SIGNING]))
        .with(ocsp::no_check())
}

#[test]
fn a_27_each_value_of_a_response() {
    let good = with(&[about_alice(&fresh())]);
    assert_eq!(good.at("now", "revocation"), "good");
    assert_eq!(good.verdict(), "valid");
    assert_eq!(good.etsi(), "TOTAL-PASSED");
    assert!(!good.has("revocation_not_known"));
    assert_eq!(good.at("now", "revocation_source/ocsp").len(), 64);
    assert_eq!(good.at("now", "revocation_source/crl"), "");

    assert_eq!(revocation(&fresh().unknown()), "unknown");
    assert_eq!(
        revocation(&Ocsp::new(day(2025, 1, 1), day(2025, 5, 1))),
        "stale"
    );
    // Without nextUpdate it holds for what was before.
    assert_eq!(revocation(&fresh().without_next_update()), "stale");
    let later = Ocsp::new(day(2025, 6, 2), day(2025, 6, 3)).without_next_update();
    assert_eq!(revocation(&later), "good");

    for (at, value) in [
        (day(2024, 1, 1), "revoked"),
        (day(2026, 1, 1), "revoked_later"),
    ] {
        let record = with(&[about_alice(
            &fresh().revoked(at, Some(crls::KEY_COMPROMISE)),
        )]);
        assert_eq!(record.at("now", "revocation"), value);
        assert_eq!(
            record.at("now", "revocation_source/reason"),
            "keyCompromise"
        );
        assert_eq!(
            record.at("now", "revocation_source/this_update"),
            "2025-05-01T00:00:00Z"
        );
    }
    let without_reason = with(&[about_alice(&fresh().revoked(day(2024, 9, 1), None))]);
    assert_eq!(without_reason.verdict(), "signer_revoked");
    let superseded = fresh().revoked(day(2024, 9, 1), Some(crls::SUPERSEDED));
    assert_eq!(
        with(&[about_alice(&superseded)]).verdict(),
        "valid_as_claimed"
    );
    let since = superseded.single(extensions::invalidity_date(day(2024, 1, 1)));
    assert_eq!(with(&[about_alice(&since)]).verdict(), "signer_revoked");
}

#[test]
fn a_27_the_certificate_is_named_by_hashes() {
    for hash in [
        DigestAlgorithm::Sha1,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ] {
        assert_eq!(revocation(&fresh().hash(hash)), "good", "{hash:?}");
        assert_eq!(revocation(&fresh().hash(hash).by_key()), "good", "{hash:?}");
    }
    // Of another issuer with the same key or the same name, or about another serial number.
    let renamed = Party::named(root().party.name.clone(), authority().party.key.clone());
    let rekeyed = Party::named(authority().party.name.clone(), root().party.key.clone());
    for other in [renamed, rekeyed] {
        let response = fresh().about(&alice().certificate, &other, &authority().party);
        assert_eq!(with(&[response]).at("now", "revocation"), "unknown");
    }
    let bob = fresh().about(
        &people::bob().certificate,
        &authority().party,
        &authority().party,
    );
    assert_eq!(with(&[bob]).at("now", "revocation"), "unknown");
}

#[test]
fn a_27_who_may_answer() {
    let by = |holder: &Holder, ocsp: &Ocsp| {
        let ocsp = ocsp.clone().carrying(&holder.certificate);
        let response = ocsp.about(&alice().certificate, &authority().party, &holder.party);
        with(&[response]).at("now", "revocation").to_owned()
    };
    let good = responder(&for_ocsp(800), authority());
    assert_eq!(by(&good, &fresh()), "good");
    assert_eq!(by(&good, &fresh().by_key()), "good");
    let accuses = fresh().revoked(day(2024, 1, 1), None);
    assert_eq!(by(&good, &accuses), "revoked");
    // No certificate of the responder anywhere.
    let bare = fresh().about(&alice().certificate, &authority().party, &good.party);
    assert_eq!(with(&[bare]).at("now", "revocation"), "unknown");

    // The response lacks it, and somebody has it (RFC 6960 §4.2.2.2).
    for ocsp in [fresh(), fresh().by_key()] {
        let bare = ocsp.about(&alice().certificate, &authority().party, &good.party);
        let message = clear_signed_by(alice(), "alice@example.com");
        let mut audit = Audit::of(&[&message]).certificate(&good.certificate);
        audit.crls = vec![bare, authority_is_good()];
        assert_eq!(audit.record().at("now", "revocation"), "good");
    }
    // It is responders' own business that nobody need ask after them.
    let mut critical = ocsp::no_check();
    critical.1 = true;
    let strict = responder(
        &for_ocsp(808).without(oid::OCSP_NO_CHECK).with(critical),
        authority(),
    );
    assert_eq!(by(&strict, &fresh()), "good");

    let mail_user = people::bob().clone();
    let any_usage = extensions::extended_key_usage(false, &[oid::ANY_EXTENDED_KEY_USAGE]);
    for (unfit, why) in [
        (mail_user, "a mail user of the authority"),
        (
            responder(&for_ocsp(801).with(any_usage), authority()),
            "any usage",
        ),
        (
            responder(&for_ocsp(802).without(oid::EXTENDED_KEY_USAGE), authority()),
            "no usage",
        ),
        (
            responder(&for_ocsp(803), root()),
            "another authority's responder",
        ),
        (
            responder(&for_ocsp(804), people::stranger()),
            "a stranger's",
        ),
        (
            responder(
                &for_ocsp(805).validity(day(2020, 1, 1), day(2025, 4, 1)),
                authority(),
            ),
            "expired when it answered",
        ),
        (
            responder(
                &for_ocsp(806).with(extensions::key_usage(&[extensions::KEY_ENCIPHERMENT])),
                authority(),
            ),
            "another key usage",
        ),
        (
            responder(
                &for_ocsp(809).with(ocsp::unknown_extension(true)),
                authority(),
            ),
            "a critical extension that nobody knows",
        ),
        (
            responder(&for_ocsp(807).broken(), authority()),
            "its certificate's signature is broken",
        ),
    ] {
        assert_eq!(by(&unfit, &fresh()), "unknown", "{why}");
        assert_eq!(by(&unfit, &accuses), "unknown", "{why}");
    }
    // Signed by nobody who may, or damaged.
    for signer in [root(), people::stranger(), alice()] {
        let forged = accuses.about(&alice().certificate, &authority().party, &signer.party);
        assert_eq!(with(&[forged]).at("now", "revocation"), "unknown");
        let claimed = Party::named(authority().party.name.clone(), signer.party.key.clone());
        let forged = accuses.about(&alice().certificate, &authority().party, &claimed);
        assert_eq!(with(&[forged]).at("now", "revocation"), "unknown");
    }
    assert_eq!(revocation(&accuses.broken()), "unknown");
}

/// RFC 6960 §4.2.2.2.1.
#[test]
fn a_27_a_responder_that_is_revoked_itself() {
    // The list says of Alice that she is good, and of the responder that it is revoked.
    let list = Crl::new(day(2025, 5, 1), day(2026, 1, 1))
        .entry(Entry::new(810, day(2025, 1, 1)).reason(crls::KEY_COMPROMISE))
        .issue(&authority().party);
    // That nobody need ask after a responder excuses what is missing, not what is known.
    for wanted in [for_ocsp(810).without(oid::OCSP_NO_CHECK), for_ocsp(810)] {
        let holder = responder(&wanted, authority());
        let accuses = fresh()
            .revoked(day(2024, 1, 1), None)
            .carrying(&holder.certificate)
            .about(&alice().certificate, &authority().party, &holder.party);
        let alone = with(std::slice::from_ref(&accuses));
        assert_eq!(alone.at("now", "revocation"), "revoked");
        let record = with(&[accuses, list.clone()]);
        assert_eq!(record.at("now", "revocation"), "good");
    }
}

#[test]
fn a_29_a_response_from_after_the_end() {
    let short = Wanted::mail(820, "alice@example.com").validity(day(2020, 1, 1), day(2025, 1, 1));
    let short = people::issued("Alice", "rsa2048-3", &short);
    let judged = |ocsp: &Ocsp| {
        let message = clear_signed_by(&short, "alice@example.com");
        let mut audit = Audit::of(&[&message]);
        audit.crls = vec![
            ocsp.about(&short.certificate, &authority().party, &authority().party),
            authority_is_good(),
        ];
        audit.record().at("claimed", "revocation").to_owned()
    };
    assert_eq!(judged(&fresh()), "unknown");
    assert_eq!(
        judged(&fresh().single(ocsp::archive_cutoff(day(2025, 3, 1)))),
        "unknown"
    );
    assert_eq!(
        judged(&fresh().single(ocsp::archive_cutoff(day(2024, 3, 1)))),
        "good"
    );
    assert_eq!(
        judged(&Ocsp::new(day(2024, 12, 1), day(2025, 3, 1))),
        "good"
    );
    // An extension that is not understood may restrict what is said; it takes no revocation back.
    let odd = fresh().single(ocsp::unknown_extension(true));
    assert_eq!(revocation(&odd), "unknown");
    assert_eq!(revocation(&odd.revoked(day(2024, 1, 1), None)), "revoked");
    assert_eq!(
        revocation(&fresh().single(ocsp::unknown_extension(false))),
        "good"
    );
}

/// Of lists and responses each can accuse, and none takes that back.
#[test]
fn a_27_lists_and_responses_together() {
    let list = |entry: bool| {
        let crl = Crl::new(day(2025, 5, 2), day(2026, 1, 1));
        let crl = if entry {
            crl.entry(Entry::new(100, day(2024, 1, 1)))
        } else {
            crl
        };
        crl.issue(&authority().party)
    };
    let good = about_alice(&fresh());
    let revoked = about_alice(&fresh().revoked(day(2024, 1, 1), None));
    for (evidence, value) in [
        ([list(false), good.clone()], "good"),
        ([list(true), good.clone()], "revoked"),
        ([list(false), revoked.clone()], "revoked"),
        ([good, revoked], "revoked"),
    ] {
        assert_eq!(with(&evidence).at("now", "revocation"), value);
    }
}

/// In mail: in SignedData.crls (RFC 5940), as CAdES values and as Adobe's attribute.
#[test]
fn a_30_a_response_in_a_mail_may_accuse_and_not_absolve() {
    let values = |oid: Oid<'static>, number: u32, response: &[u8]| {
        let value = Writer::encode(|w| {
            w.sequence(|w| w.explicit(number, |w| w.sequence(|w| w.raw(response))));
        });
        AttributeList::new().values(oid, &[&value])
    };
    let basic =
        |ocsp: &Ocsp| ocsp.basic(&alice().certificate, &authority().party, &authority().party);
    let carried = |place: usize, ocsp: &Ocsp| {
        let response = about_alice(ocsp);
        let sign = Sign::by(alice()).at(people::sent());
        let text = content();
        let signed = Signed::detached(&text);
        let signature = match place {
            0 => signed.signer(sign).crl(&ocsp::in_signed_data(&response)),
            1 => {
                let basic = basic(ocsp);
                signed.signer(sign.unsigned(move |_| values(oid::REVOCATION_VALUES, 1, &basic)))
            }
            _ => signed.signer(sign.edit(move |list| {
                let value = Writer::encode(|w| {
                    w.sequence(|w| w.explicit(1, |w| w.sequence(|w| w.raw(&response))));
                });
                list.values(oid::ADOBE_REVOCATION, &[&value])
            })),
        };
        clear_signed(&signature.encode())
    };
    for place in 0..3 {
        let accusing = carried(
            place,
            &fresh().revoked(day(2024, 1, 1), Some(crls::KEY_COMPROMISE)),
        );
        let record = Audit::of(&[&accusing]).record();
        assert_eq!(
            record.axes(["digest", "signature"]),
            ["match", "valid"],
            "{place}"
        );
        assert_eq!(record.at("now", "revocation"), "revoked", "{place}");
        assert_eq!(record.verdict(), "signer_revoked", "{place}");

        let absolving = carried(place, &fresh());
        let mut audit = Audit::of(&[&absolving]);
        audit.crls = vec![authority_is_good()];
        assert_eq!(audit.record().at("now", "revocation"), "unknown", "{place}");
        let audit = audit.policy(Policy {
            trust_embedded: true,
            ..Policy::default()
        });
        assert_eq!(audit.record().at("now", "revocation"), "good", "{place}");
    }
    let text = content();
    let junk = Signed::detached(&text)
        .signer(Sign::by(alice()).at(people::sent()))
        .crl(&ocsp::in_signed_data(&[0x30, 3, 0x0a, 1, 1]));
    let record = Audit::of(&[&clear_signed(&junk.encode())]).record();
    assert!(record.has("crl_invalid"));
    assert_eq!(record.verdict(), "valid");
}

/// CAdES: the path and a list stand in unsigned attributes; both are found.
#[test]
fn a_30_certificate_and_revocation_values_feed_the_pool() {
    let list = Crl::new(day(2025, 5, 1), day(2026, 1, 1))
        .entry(Entry::new(100, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE))
        .issue(&authority().party);
    let sign = Sign::by(alice()).at(people::sent()).unsigned(move |_| {
        let path = Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&[alice().certificate.clone(), authority().certificate.clone()].concat())
            });
        });
        let lists =
            Writer::encode(|w| w.sequence(|w| w.explicit(0, |w| w.sequence(|w| w.raw(&list)))));
        AttributeList::new()
            .values(oid::CERTIFICATE_VALUES, &[&path])
            .values(oid::REVOCATION_VALUES, &[&lists])
    });
    let signature = Signed::detached(&content()).bare_signer(sign).encode();
    let record = Audit::of(&[&clear_signed(&signature)]).record();
    assert_eq!(
        record.axes(["digest", "signature", "certificate_source"]),
        ["match", "valid", "message"]
    );
    assert_eq!(record.at("now", "chain"), "trusted");
    assert_eq!(record.at("now", "revocation"), "revoked");
    assert_eq!(record.0["certificates"].as_array().unwrap().len(), 2);
}

/// `openssl ocsp` says of our responses what we say, and we read those that it writes.
#[test]
fn a_27_ocsp_as_openssl_has_it() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr))
            .into_owned()
    };
    for (name, der) in [
        ("root", &root().certificate),
        ("ca", &authority().certificate),
        ("alice", &alice().certificate),
    ] {
        fs::write(path(&format!("{name}.der")), der).unwrap();
        openssl(&[
            "x509",
            "-inform",
            "DER",
            "-in",
            &format!("{name}.der"),
            "-out",
            &format!("{name}.pem"),
        ]);
    }
    let delegate = responder(&for_ocsp(830), authority());
    let delegated = |ocsp: &Ocsp| {
        ocsp.clone().carrying(&delegate.certificate).about(
            &alice().certificate,
            &authority().party,
            &delegate.party,
        )
    };
    let mail_user = fresh().carrying(&people::bob().certificate).about(
        &alice().certificate,
        &authority().party,
        &people::bob().party,
    );
    let revoked = fresh().revoked(day(2024, 1, 1), Some(crls::KEY_COMPROMISE));
    for (name, response, status, verified) in [
        ("issuer", about_alice(&fresh()), "good", true),
        ("by key", about_alice(&fresh().by_key()), "good", true),
        ("delegate", delegated(&fresh()), "good", true),
        ("revoked", delegated(&revoked), "revoked", true),
        ("unknown", delegated(&fresh().unknown()), "unknown", true),
        ("broken", about_alice(&fresh().broken()), "", false),
        ("mail user", mail_user, "", false),
    ] {
        fs::write(path("response.der"), &response).unwrap();
        let said = openssl(&[
            "ocsp",
            "-respin",
            "response.der",
            "-issuer",
            "ca.pem",
            "-cert",
            "alice.pem",
            "-CAfile",
            "root.pem",
            "-verify_other",
            "ca.pem",
            "-attime",
            "1748736000",
            "-no_nonce",
        ]);
        assert_eq!(
            said.contains("Response verify OK"),
            verified,
            "{name}: {said}"
        );
        let record = with(&[response]);
        let value = record.at("now", "revocation");
        let ours = match value {
            "good" => "good",
            "revoked" => "revoked",
            _ if verified => "unknown",
            _ => "",
        };
        assert_eq!(ours, status, "{name}: {value}");
        // Warnings about today's clock may stand between the name and the word.
        let says = |word: &str| {
            said.contains(&format!(": {word}\n")) || said.contains(&format!("\n{word}\n"))
        };
        assert!(!verified || says(status), "{name}: {said}");
    }

    // One that openssl writes, with a request that it makes, for both states.
    fs::write(path("ca.key"), keys::pkcs8(&authority().party.key)).unwrap();
    openssl(&[
        "pkey",
        "-inform",
        "DER",
        "-in",
        "ca.key",
        "-out",
        "ca-key.pem",
    ]);
    openssl(&[
        "ocsp",
        "-issuer",
        "ca.pem",
        "-cert",
        "alice.pem",
        "-reqout",
        "request.der",
        "-no_nonce",
    ]);
    let subject = openssl(&[
        "x509",
        "-in",
        "alice.pem",
        "-noout",
        "-subject",
        "-nameopt",
        "compat",
    ]);
    let subject = subject.trim().trim_start_matches("subject=").to_owned();
    for (line, value) in [
        (
            format!("V\t300101000000Z\t\t64\tunknown\t{subject}\n"),
            "good",
        ),
        (
            format!("R\t300101000000Z\t240101000000Z,keyCompromise\t64\tunknown\t{subject}\n"),
            "revoked",
        ),
    ] {
        fs::write(path("index.txt"), line).unwrap();
        let said = openssl(&[
            "ocsp",
            "-index",
            "index.txt",
            "-CA",
            "ca.pem",
            "-rsigner",
            "ca.pem",
            "-rkey",
            "ca-key.pem",
            "-reqin",
            "request.der",
            "-respout",
            "written.der",
            "-ndays",
            "30",
        ]);
        let written = fs::read(path("written.der")).unwrap_or_else(|_| panic!("{said}"));
        fs::remove_file(path("written.der")).unwrap();
        // It was written today, so it is judged as of the samples' clock: good ever since, or revoked in 2024.
        let record = with(&[written]);
        assert_eq!(record.at("now", "revocation"), value, "{said}");
    }
}

/// Damaged responses: read or refused, never a panic, and never `good` by what the signature does not cover.
#[test]
fn a_27_damaged_responses_say_nothing_new() {
    let delegate = responder(&for_ocsp(840), authority());
    let response = fresh()
        .revoked(day(2024, 1, 1), Some(crls::KEY_COMPROMISE))
        .carrying(&delegate.certificate)
        .about(&alice().certificate, &authority().party, &delegate.party);
    let mut read = 0;
    for at in 0..response.len() {
        for change in [1_u8, 0x80] {
            let mut damaged = response.clone();
            damaged[at] ^= change;
            read += usize::from(mailseal::pki::x509::Ocsp::read(&damaged).is_ok());
        }
        assert!(mailseal::pki::x509::Ocsp::read(&response[..at]).is_err());
    }
    assert!(read > 100, "{read}");
    for at in (0..response.len()).step_by(17) {
        let mut damaged = response.clone();
        damaged[at] ^= 1;
        let value = with(&[damaged]).at("now", "revocation").to_owned();
        assert!(
            ["unknown", "revoked"].contains(&value.as_str()),
            "{at}: {value}"
        );
    }
}
