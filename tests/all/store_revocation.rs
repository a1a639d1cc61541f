//! `mailseal store` and revocation on the built program: lists and OCSP responses from files, from audits and from harvests, and that
//! whoever is revoked by one of them is never recommended.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use super::program::{Ran, Workplace};
use crate::toolkit::certificates::{Holder, Party, Wanted, day};
use crate::toolkit::cms::{self, Sign, Signed};
use crate::toolkit::crls::{Crl, Entry, KEY_COMPROMISE};
use crate::toolkit::extensions;
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::ocsp::{self, Ocsp};
use crate::toolkit::people::{self, alice, authority, bob};

use mailseal::asn1::oid;
use mailseal::crypto::digest::sha256;
use mailseal::pki::keyring::pem;

pub const AT: &str = "--at=2025-06-01";

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn store(place: &Workplace, arguments: &[&str]) -> Ran {
    place.run(&[&["store", "--store", "st.db"], arguments].concat())
}

/// The choice for Alice.
fn choice(place: &Workplace, more: &[&str]) -> Value {
    let ran = store(
        place,
        &[&["show", "alice@example.com", AT, "--json"], more].concat(),
    );
    serde_json::from_str(&ran.out).unwrap()
}

fn rows(place: &Workplace, kind: &str) -> Vec<Value> {
    let ran = store(place, &["list", "--kind", kind, "--json"]);
    ran.code(0);
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// An archive with a mail of Alice's that carries `crls` in its signature; the root and the authority, as files.
pub fn place(crls: &[Vec<u8>]) -> Workplace {
    let place = Workplace::new();
    place.write("root.der", &people::root().certificate);
    place.write("authority.der", &authority().certificate);
    let text = mail::text("Dear all,\nthe meeting is on Friday.\n");
    let mail = |from: &str, signature: &[u8]| {
        let headers = Headers::new(from, "Meeting", people::SENT_DATE);
        mail::message(&headers, &mail::multipart_signed(&text, signature))
    };
    let mut signed = Signed::detached(&text).signer(Sign::by(alice()).at(people::sent()));
    for crl in crls {
        signed = signed.crl(crl);
    }
    place.write("mail/1.eml", mail("alice@example.com", &signed.encode()));
    let signed = cms::signed_by(bob(), &text, people::sent());
    place.write("mail/2.eml", mail("bob@example.com", &signed));
    place
}

/// A store with what a harvest or audit of the archive gave, and its root trusted.
fn imported(place: &Workplace, command: &str, more: &[&str]) -> Ran {
    let run = [
        &[command, "mail", "-o", "out", "-q", "--ca", "root.der", AT],
        more,
    ]
    .concat();
    place.run(&run).code(0);
    store(place, &["add", "root.der"]).code(0);
    let root = hex(&sha256(&people::root().certificate));
    store(place, &["trust", &root]).code(0);
    let ran = store(place, &["import", "out"]);
    ran.code(0);
    ran
}

pub fn list(revoked: bool) -> Vec<u8> {
    let crl = Crl::new(day(2025, 5, 1), day(2025, 7, 1));
    let entry = Entry::new(100, day(2024, 1, 1)).reason(KEY_COMPROMISE);
    let crl = if revoked { crl.entry(entry) } else { crl };
    crl.issue(&authority().party)
}

pub fn response(revoked: bool) -> Ocsp {
    let fresh = Ocsp::new(day(2025, 5, 1), day(2025, 7, 1));
    match revoked {
        true => fresh.revoked(day(2024, 1, 1), Some(KEY_COMPROMISE)),
        false => fresh,
    }
}

/// By a responder whose certificate stands in the response alone.
pub fn delegated(revoked: bool) -> Vec<u8> {
    let wanted = Wanted::timestamp_authority(800)
        .with(extensions::extended_key_usage(false, &[oid::OCSP_SIGNING]))
        .with(ocsp::no_check());
    let responder = Holder::below(
        Party::new("Sample Responder", "p256-5"),
        &wanted,
        authority(),
    );
    response(revoked).carrying(&responder.certificate).about(
        &alice().certificate,
        &authority().party,
        &responder.party,
    )
}

/// What the root says of the authority: it is good.
pub fn of_the_root() -> Vec<u8> {
    response(false).about(
        &authority().certificate,
        &people::root().party,
        &people::root().party,
    )
}

fn is_revoked(choice: &Value) -> bool {
    let others = choice["others"].as_array().unwrap();
    choice["refusal"] == "none_usable"
        && choice["chosen"].is_null()
        && others.len() == 1
        && others[0]["hindrances"] == serde_json::json!(["revoked"])
}

#[test]
fn whoever_is_revoked_by_what_mail_brought_is_never_recommended() {
    for (name, evidence) in [
        ("list", list(true)),
        ("response", ocsp::in_signed_data(&delegated(true))),
    ] {
        for command in ["audit", "harvest"] {
            let place = place(std::slice::from_ref(&evidence));
            let ran = imported(&place, command, &[]);
            assert!(
                ran.out
                    .contains("1 revocation lists and OCSP responses, 1 of them new"),
                "{ran:?}"
            );
            assert_eq!(ran.err, "");
            let choice = choice(&place, &[]);
            assert!(is_revoked(&choice), "{command} {name}: {choice}");
            let kind = if name == "list" { "crl" } else { "ocsp" };
            let kept = rows(&place, kind);
            assert_eq!(kept.len(), 1, "{command} {name}");
            assert_eq!(kept[0]["note"], "from mail");
            // Bob is not; and that nothing is known of him is said.
            let ran = store(&place, &["show", "bob@example.com", AT]);
            ran.code(0);
            assert!(ran.out.contains("revocation_not_known"), "{ran:?}");

            // The same again brings nothing new.
            let again = store(&place, &["import", "out"]);
            assert!(
                again.out.contains("imported before; 1") && again.out.contains("0 of them new"),
                "{again:?}"
            );
        }
    }
}

#[test]
fn what_mail_brought_absolves_nobody_unless_it_is_let() {
    let good = [
        ocsp::in_signed_data(&delegated(false)),
        ocsp::in_signed_data(&of_the_root()),
    ];
    let place = place(&good);
    imported(&place, "harvest", &[]);
    let own = hex(&sha256(&alice().certificate));
    let doubted = choice(&place, &[]);
    assert_eq!(doubted["chosen"], *own);
    assert_eq!(doubted["notes"][0]["code"], "revocation_not_known");
    assert_eq!(
        choice(&place, &["--require-revocation"])["others"][0]["hindrances"],
        serde_json::json!(["revocation_unknown"])
    );
    let let_in = choice(&place, &["--require-revocation", "--trust-embedded"]);
    assert_eq!(let_in["chosen"], *own);
    assert!(
        !let_in.to_string().contains("revocation_not_known"),
        "{let_in}"
    );

    // What a file gives may speak for her, though mail brought the same.
    place.write("given/alice.ors", delegated(false));
    place.write("given/authority.ors", of_the_root());
    let ran = store(&place, &["add", "given"]);
    ran.code(0);
    assert!(ran.out.contains("0 OCSP responses"), "{ran:?}");
    assert_eq!(choice(&place, &["--require-revocation"])["chosen"], *own);
    assert!(rows(&place, "ocsp").iter().all(|row| row["note"].is_null()));
    // And mail does not take it back.
    place
        .run(&["harvest", "mail", "-o", "again", "-q", "--at=2025-06-02"])
        .code(0);
    store(&place, &["import", "again"]).code(0);
    assert_eq!(choice(&place, &["--require-revocation"])["chosen"], *own);
}

#[test]
fn files_with_responses_are_kept_listed_used_and_given_back() {
    let place = place(&[]);
    imported(&place, "harvest", &[]);
    assert!(!place.join("out/revocation.pem").exists());
    let given = delegated(true);
    place.write("ocsp/alice.ors", &given);
    place.write("ocsp/list.crl", list(false));
    let ran = store(&place, &["add", "ocsp"]);
    ran.code(0);
    assert!(
        ran.out
            .contains("1 revocation lists, 1 OCSP responses, 0 keys"),
        "{ran:?}"
    );
    assert!(is_revoked(&choice(&place, &[])));
    let [row] = &rows(&place, "ocsp")[..] else {
        panic!("one is there");
    };
    assert_eq!(row["sha256"], *hex(&sha256(&given)));
    assert_eq!(row["valid_from"], "2025-05-01T00:00:00Z");
    assert_eq!(row["valid_to"], "2025-07-01T00:00:00Z");

    let out = store(&place, &["export", "--crls"]);
    let blocks: Vec<_> = pem::blocks(out.out.as_bytes())
        .map(Result::unwrap)
        .collect();
    let labels: Vec<&str> = blocks.iter().map(|block| block.label).collect();
    assert!(labels.contains(&"OCSP RESPONSE") && labels.contains(&"X509 CRL"));
    assert!(blocks.iter().any(|block| block.bytes[..] == given));
    // What was given back can be given again.
    place.write("back.pem", out.out);
    let audit = [
        "audit", "mail", "-o", "report", "-q", "--ca", "root.der", AT,
    ];
    place
        .run(&[&audit[..], &["--crl", "back.pem"]].concat())
        .code(0);
    assert_eq!(
        place.messages("report")[0]["layers"][0]["signatures"][0]["judgements"]["now"]["revocation"],
        "revoked"
    );
    // As the store has it.
    place
        .run(
            &[
                "audit", "mail", "-o", "by-store", "-q", "--store", "st.db", AT,
            ][..],
        )
        .code(0);
    assert_eq!(place.messages("by-store"), place.messages("report"));

    store(&place, &["remove", &hex(&sha256(&given))[..12]]).code(0);
    assert!(rows(&place, "ocsp").is_empty());
}

/// Given to the harvest, the evidence comes with it; given to an audit, it is asked for.
#[test]
fn what_a_harvest_calls_revoked_comes_with_its_evidence() {
    let place = place(&[]);
    place.write("given.crl", list(true));
    place.write("other.crl", list(false));
    let ran = imported(
        &place,
        "harvest",
        &["--crl", "given.crl", "--crl", "other.crl"],
    );
    assert_eq!(ran.err, "");
    let text = fs::read_to_string(place.join("out/certificates.jsonl")).unwrap();
    let own = hex(&sha256(&alice().certificate));
    let dossier = text.lines().find(|line| line.contains(&own)).unwrap();
    let dossier: Value = serde_json::from_str(dossier).unwrap();
    let by = hex(&sha256(&list(true)));
    assert_eq!(dossier["chain_now"]["revocation"], "revoked");
    assert_eq!(dossier["chain_now"]["revoked_by"], *by);
    let kept = rows(&place, "crl");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["sha256"], *by);
    assert!(is_revoked(&choice(&place, &[])));

    let place = self::place(&[]);
    place.write("given.crl", list(true));
    let ran = imported(&place, "audit", &["--crl", "given.crl"]);
    ran.says(&["1 certificates are revoked there", "mailseal store add"]);
    store(&place, &["add", "given.crl"]).code(0);
    assert!(is_revoked(&choice(&place, &[])));
}

/// The responder's certificate stands in the response alone: it is no part of the harvest, and nothing stumbles over it.
#[test]
fn a_harvest_of_mail_with_a_response_is_as_its_audit() {
    let place = place(&[ocsp::in_signed_data(&delegated(true))]);
    for command in ["audit", "harvest"] {
        let ran = place.run(&[command, "mail", "-o", command, "-q", "--ca", "root.der", AT]);
        ran.code(0);
    }
    let of = |folder: &str| fs::read(place.join(folder).join("certificates.pem")).unwrap();
    assert_eq!(of("harvest"), of("audit"));
    let bundle = fs::read(place.join("harvest/revocation.pem")).unwrap();
    let blocks: Vec<_> = pem::blocks(&bundle).map(Result::unwrap).collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].label, "OCSP RESPONSE");
    assert_eq!(blocks[0].bytes[..], delegated(true));
    let table = place.table("harvest", "certificates.csv");
    let revoked: Vec<_> = table
        .iter()
        .filter(|row| row["revocation_now"] == "revoked")
        .map(|row| row["sha256"].clone())
        .collect();
    assert_eq!(revoked, [hex(&sha256(&alice().certificate))]);
    place
        .run(&["harvest", "mail", "-o", "bundle", "-q", "--p7c", "--der"])
        .code(0);
    let files = fs::read_dir(place.join("bundle/der")).unwrap();
    assert_eq!(files.count(), table.len());
    place
        .run(&["harvest", "mail", "-o", "harvest", "-q", "--force"])
        .code(0);
    let bundle_again = fs::read(place.join("harvest/revocation.pem")).unwrap();
    assert_eq!(bundle_again, bundle);
}

/// A store of the first version has lists that were given, and certificates; both are there afterwards.
#[test]
fn a_store_of_the_first_version_is_taken_over() {
    let place = place(&[]);
    imported(&place, "harvest", &[]);
    place.write("given.crl", list(true));
    store(&place, &["add", "given.crl"]).code(0);
    let before = store(&place, &["list", "--json"]).out;
    let open = Connection::open(place.join("st.db")).unwrap();
    open.execute_batch(
        "DROP INDEX certificates_that_sign_lists; ALTER TABLE certificates DROP COLUMN signs_lists; \
         ALTER TABLE crls DROP COLUMN is_given; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(open);
    assert!(is_revoked(&choice(&place, &[])));
    assert_eq!(store(&place, &["list", "--json"]).out, before);
    let open = Connection::open(place.join("st.db")).unwrap();
    let signers: i64 = open
        .query_row(
            "SELECT count(*) FROM certificates WHERE signs_lists = 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(signers >= 2, "root and authority sign lists");
}

/// A responder is heard until somebody distrusts it; then what it says counts for nothing, and the choice says so.
#[test]
fn a_responder_that_is_distrusted_is_not_heard() {
    let place = place(&[]);
    imported(&place, "harvest", &[]);
    place.write("alice.ors", delegated(true));
    let read = mailseal::pki::x509::Ocsp::read(&delegated(true)).unwrap();
    let responder = read.certificates().next().unwrap().to_vec();
    place.write("responder.der", &responder);
    store(&place, &["add", "alice.ors", "responder.der"]).code(0);
    assert!(is_revoked(&choice(&place, &[])));
    store(&place, &["distrust", &hex(&sha256(&responder))]).code(0);
    let doubted = choice(&place, &[]);
    assert_eq!(doubted["chosen"], *hex(&sha256(&alice().certificate)));
    assert_eq!(doubted["notes"][0]["code"], "revocation_not_known");
    let audit = [
        "audit", "mail", "-o", "report", "-q", AT, "--store", "st.db",
    ];
    place.run(&audit).code(0);
    let signature = &place.messages("report")[0]["layers"][0]["signatures"][0];
    assert_eq!(signature["judgements"]["now"]["revocation"], "unknown");
}

/// However many certificates claim to be the responder's: none is passed over.
#[test]
fn a_responder_behind_a_crowd_of_certificates_is_found() {
    let read = mailseal::pki::x509::Ocsp::read(&delegated(true)).unwrap();
    let responder = read.certificates().next().unwrap().to_vec();
    let bound = mailseal::limits::Limits::default().issuer_candidates;
    let forger = Party::named(
        authority().party.name.clone(),
        people::stranger().party.key.clone(),
    );
    for (before, expected) in [(bound - 1, "revoked"), (3 * bound, "revoked")] {
        let mut crowd = response(true);
        for number in 0..before {
            let claimed = Wanted::timestamp_authority(9000 + u64::try_from(number).unwrap())
                .with(extensions::extended_key_usage(false, &[oid::OCSP_SIGNING]));
            let party = Party::new("Sample Responder", "p256-5");
            crowd = crowd.carrying(&claimed.issue(&party, &forger));
        }
        let party = Party::new("Sample Responder", "p256-5");
        let place = place(&[]);
        let crowd = crowd.carrying(&responder);
        place.write(
            "alice.ors",
            crowd.about(&alice().certificate, &authority().party, &party),
        );
        let audit = [
            "audit",
            "mail",
            "-o",
            "report",
            "-q",
            AT,
            "--ca",
            "root.der",
            "--crl",
            "alice.ors",
        ];
        place.run(&audit).code(0);
        let signature = &place.messages("report")[0]["layers"][0]["signatures"][0];
        assert_eq!(
            signature["judgements"]["now"]["revocation"], expected,
            "{before}"
        );
    }
}
