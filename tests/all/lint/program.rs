//! `mailseal lint` as a user has it, and the column `lint` of a report.

use std::fs;

use mailseal::asn1::{Tag, Writer, oid};
use mailseal::pki::lint::{Generation, Profile, codes, rules};
use mailseal::pki::x509::Certificate;
use serde_json::Value;

use super::cases::all;
use super::sample::*;
use crate::program::{AT, Ran, Workplace, mbox, pem, signed};

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn found(line: &Value) -> Vec<&str> {
    let findings = line["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

fn certificate(sample: &Sample) -> String {
    pem("CERTIFICATE", &sample.der())
}

/// A certificate in order, and one without a subjectAltName.
fn two() -> (Sample, Sample) {
    let base = Sample::claiming(Profile::Mailbox, Generation::Strict);
    let without = base.clone().without(oid::SUBJECT_ALT_NAME);
    (base, without.critical(oid::KEY_USAGE, false))
}

#[test]
fn a_32_findings_have_place_clause_and_what_was_found() {
    let place = Workplace::new();
    let (fine, broken) = two();
    place.write(
        "all.pem",
        format!("{}{}", certificate(&fine), certificate(&broken)),
    );

    let text = place.run(&["lint", "all.pem"]);
    text.code(0);
    let expected = "all.pem#2  CN=alice@example.com  [mailbox strict]\n  \
                    must   common-name-no-mailbox: mailbox-validated: commonName is a mailbox of the subjectAltName, but commonName is \"alice@example.com\" (S/MIME BR §7.1.4.2.2 a)\n  \
                    must   san-missing: subjectAltName is present, but there is no subjectAltName (S/MIME BR §7.1.2.3 h)\n  \
                    must   subject-mailbox-not-in-san: every mailbox of the subject and of a directoryName stands in subjectAltName too, but \"alice@example.com\" does not (S/MIME BR §7.1.4.2.1)\n  \
                    should key-usage-not-critical: keyUsage is critical, but it is not (RFC 5280 §4.2.1.3, S/MIME BR §7.1.2.3 e)\n\
                    2 certificates, 1 with findings: 3 must, 1 should\n";
    assert_eq!(text.out, expected);

    let json = place.run(&["lint", "all.pem", "--json"]);
    let json = lines(json.code(0));
    assert_eq!(json.len(), 2);
    assert_eq!(
        (found(&json[0]), found(&json[1])[1]),
        (vec![], "san-missing")
    );
    for (key, value) in [
        ("place", "all.pem#2"),
        ("profile", "mailbox"),
        ("generation", "strict"),
        ("kind", "subscriber"),
    ] {
        assert_eq!(json[1][key], value, "{key}");
    }
    assert_eq!(json[1]["not_before"], "2024-03-01T00:00:00Z");
    let finding = &json[1]["findings"][1];
    assert_eq!(finding["zlint"][0], "e_san_shall_be_present");
    assert_eq!(finding["pkilint"][0], "cabf.smime.san_extension_missing");
    assert_eq!(
        (finding["level"].as_str(), finding["source"].as_str()),
        (Some("must"), Some("S/MIME BR §7.1.2.3 h"))
    );

    let csv = place.run(&["lint", "all.pem", "--csv"]);
    let mut table = csv::Reader::from_reader(csv.code(0).out.as_bytes());
    let codes: Vec<String> = table
        .records()
        .map(|row| row.unwrap()[9].to_owned())
        .collect();
    assert_eq!(codes, found(&json[1]));
}

#[test]
fn exit_codes_tell_what_was_found() {
    let place = Workplace::new();
    let (fine, broken) = two();
    let weak = fine.clone().critical(oid::KEY_USAGE, false);
    place.write("fine.pem", certificate(&fine));
    place.write("weak.pem", certificate(&weak));
    place.write("broken.pem", certificate(&broken));
    for (file, level, code) in [
        ("fine.pem", "any", 0),
        ("weak.pem", "must", 0),
        ("weak.pem", "should", 1),
        ("weak.pem", "any", 1),
        ("broken.pem", "must", 1),
    ] {
        place.run(&["lint", file, "--fail-on", level]).code(code);
    }
    place.write("none.txt", "no certificate");
    place
        .run(&["lint", "none.txt"])
        .code(5)
        .says(&["none.txt", "holds no certificate"]);
    place
        .run(&["lint", "nowhere"])
        .code(5)
        .says(&["nowhere", "cannot be read"]);
    place.run(&["lint"]).code(2);
    place.run(&["lint", "fine.pem", "--json", "--csv"]).code(2);

    place.write(
        "damaged.pem",
        format!("{}{}", certificate(&fine), pem("CERTIFICATE", b"none")),
    );
    let ran = place.run(&["lint", "damaged.pem", "--json", "--fail-on", "must"]);
    let json = lines(ran.code(3));
    assert_eq!(
        (json.len(), found(&json[1])),
        (2, vec!["certificate-unreadable"])
    );
}

/// PEM, DER, PKCS #7 and folders; each certificate once, and the same for any number of threads.
#[test]
fn every_certificate_of_every_form_is_looked_at_once() {
    let place = Workplace::new();
    let samples: Vec<Sample> = all()
        .into_iter()
        .flat_map(|case| [case.keeps, case.breaks])
        .collect();
    let ders: Vec<Vec<u8>> = samples.iter().map(Sample::der).collect();
    let mut distinct = ders.clone();
    distinct.sort();
    distinct.dedup();
    fs::create_dir_all(place.join("folder/below")).unwrap();
    place.write("folder/a.der", &ders[0]);
    place.write("folder/notes.txt", "no certificate");
    let all: String = ders.iter().map(|der| pem("CERTIFICATE", der)).collect();
    place.write("folder/below/all.pem", all);
    let bundle = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::SIGNED_DATA);
            w.explicit(0, |w| {
                w.sequence(|w| {
                    w.small_integer(1);
                    w.set_of(Vec::new());
                    w.sequence(|w| w.oid(oid::DATA));
                    w.constructed(Tag::context(0), |w| w.raw(&ders[..4].concat()));
                    w.set_of(Vec::new());
                });
            });
        });
    });
    place.write("bundle.p7b", bundle);
    let one = place.run(&["lint", "bundle.p7b", "folder", "--json", "--threads", "1"]);
    let json = lines(one.code(0));
    assert_eq!(json.len(), distinct.len());
    assert_eq!(json[0]["place"], "bundle.p7b#1");
    let eight = place.run(&["lint", "bundle.p7b", "folder", "--json", "--threads", "8"]);
    assert!(one.out == eight.code(0).out);
}

#[test]
fn rules_are_listed_in_every_form() {
    let place = Workplace::new();
    let json = place.run(&["lint", "--rules", "--json"]);
    let json = lines(json.code(0));
    assert_eq!(json.len(), rules().count());
    for (row, rule) in json.iter().zip(rules()) {
        assert_eq!(
            (&row["code"], &row["source"]),
            (&rule.code.into(), &rule.source.into())
        );
    }
    let text = place.run(&["lint", "--rules"]);
    let csv = place.run(&["lint", "--rules", "--csv"]);
    let mut table = csv::Reader::from_reader(csv.code(0).out.as_bytes());
    assert_eq!(table.records().map(Result::unwrap).count(), rules().count());
    for rule in rules() {
        assert!(
            text.code(0).out.contains(rule.code) && text.out.contains(rule.demand),
            "{}",
            rule.code
        );
    }
    place.run(&["lint", "--rules", "x.pem"]).code(2);
}

#[test]
fn who_knows_that_an_authority_is_publicly_trusted_says_so() {
    let place = Workplace::new();
    place.write("private.pem", certificate(&Sample::plain()));
    let claimed = place.run(&["lint", "private.pem", "--json"]);
    assert_eq!(found(&lines(claimed.code(0))[0]), [""; 0]);
    let public = place.run(&["lint", "private.pem", "--json", "--publicly-trusted"]);
    let public = lines(public.code(0));
    assert_eq!(
        found(&public[0]),
        ["policy-missing", "crl-distribution-missing", "aia-missing"]
    );
    assert_eq!(
        (&public[0]["bound"], &public[0]["profile"]),
        (&true.into(), &"not_claimed".into())
    );
}

/// The column of certificates.csv says what `mailseal lint` says of the same report.
#[test]
fn g_04_certificates_csv_has_the_codes() {
    let place = Workplace::with_pki();
    place.write("mail.mbox", mbox(&[signed("one", "text")]));
    place
        .run(&[
            "audit",
            "mail.mbox",
            "-o",
            "report",
            "--ca",
            "roots.pem",
            AT,
        ])
        .code(0);
    let table = place.table("report", "certificates.csv");
    assert!(!table.is_empty());
    let ran = place.run(&["lint", "report", "--json"]);
    let json = lines(ran.code(0));
    assert_eq!(json.len(), table.len());
    let mut with = 0;
    for (row, line) in table.iter().zip(&json) {
        assert_eq!(row["sha256"], line["sha256"].as_str().unwrap());
        assert_eq!(row["lint"], found(line).join(" "));
        with += usize::from(!row["lint"].is_empty());
    }
    let summary = place.summary("report");
    let counted: u64 = summary["certificates"]["lint"]
        .as_object()
        .map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
    let listed: usize = table
        .iter()
        .map(|row| row["lint"].split_whitespace().count())
        .sum();
    assert_eq!(counted, listed as u64);
    println!("{} certificates, {with} with findings", table.len());
}

/// Every profile and generation with a few things changed.
fn variations() -> Vec<Sample> {
    let mut all = Vec::new();
    for profile in Profile::ALL {
        for generation in Generation::ALL {
            let base = || Sample::claiming(*profile, *generation);
            all.extend([
                base(),
                base().no(oid::COMMON_NAME),
                base().and(utf8(oid::LOCALITY, "Cologne")),
                base().and(utf8(oid::PSEUDONYM, "Bluebird")),
                base().and(utf8(oid::USER_ID, "a7")),
                base().and(ia5(oid::EMAIL_ADDRESS, "bob@example.com")),
                base().seconds(900 * DAY),
                base().without(oid::KEY_USAGE),
                base().with(
                    oid::EXTENDED_KEY_USAGE,
                    false,
                    purposes(&[oid::EMAIL_PROTECTION, oid::CLIENT_AUTH]),
                ),
                base().with(
                    oid::SUBJECT_ALT_NAME,
                    false,
                    alt_names(&[mailbox(ADDRESS), dns("example.com")]),
                ),
                base().issued(day(2025, 9, 1)),
            ]);
        }
    }
    all
}

/// What another program reads of these samples is what we meant. `MAILSEAL_LINT_SAMPLES=FILE` keeps all of them, for other linters.
#[test]
fn openssl_reads_the_samples() {
    let cases = all();
    if let Some(path) = std::env::var_os("MAILSEAL_LINT_SAMPLES") {
        let of_cases = cases
            .iter()
            .flat_map(|case| [&case.keeps, &case.breaks, &case.outside]);
        let more = variations();
        let samples = of_cases.chain(&more);
        fs::write(path, samples.map(certificate).collect::<String>()).unwrap();
    }
    for case in cases {
        let der = case.keeps.der();
        let ours = Certificate::read(&der).unwrap();
        let theirs = openssl::x509::X509::from_der(&der)
            .unwrap_or_else(|error| panic!("{}: {error}", case.code));
        let serial = theirs
            .serial_number()
            .to_bn()
            .unwrap()
            .to_hex_str()
            .unwrap()
            .to_lowercase();
        assert_eq!(serial, ours.serial_hex(), "{}", case.code);
        assert!(!codes(&ours).contains(&case.code), "{}", case.code);
    }
}
