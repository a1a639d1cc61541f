//! Judging old mail with the built program: who is believed about times, other policies, OCSP responses.

use mailseal::crypto::digest::sha256;

use super::program::{Ran, Workplace, findings};
use crate::toolkit::certificates::day;
use crate::toolkit::cms;
use crate::toolkit::crls::KEY_COMPROMISE;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::ocsp::Ocsp;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;

/// When Alice's certificate has expired.
const LATE: &str = "--at=2031-01-01";

/// A place with the root and a mail of Alice's that arrived in 2024.
fn place() -> Workplace {
    let place = Workplace::new();
    place.write("root.der", &people::root().certificate);
    let text = mail::text("Dear all,\nthe meeting is on Friday.\n");
    let signature = cms::signed_by(alice(), &text, people::sent());
    let headers = Headers::new("alice@example.com", "Meeting", people::SENT_DATE)
        .first("X-Archived", "Wed, 15 May 2024 10:32:00 +0000")
        .first(
            "Received",
            "from a.example (a.example [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 1; Wed, 15 May 2024 10:31:00 +0000",
        );
    place.write(
        "mail/1.eml",
        mail::message(&headers, &mail::multipart_signed(&text, &signature)),
    );
    place
}

/// Audits the mail with the root as an anchor.
fn audit(place: &Workplace, name: &str, at: &str, more: &[&str]) -> Ran {
    let arguments = ["audit", "mail", "-o", name, "-q", "--ca", "root.der", at];
    place.run(&[&arguments[..], more].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn times_that_the_operator_stands_for() {
    let place = place();
    let audit = |name: &str, more: &[&str]| {
        audit(&place, name, LATE, more).code(0);
        place.messages(name)[0]["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(audit("plain", &[]), "valid_as_claimed");
    for (name, option) in [
        ("host", ["--trust-received", "MX.example.org"]),
        ("below", ["--trust-received", ".example.org"]),
        ("field", ["--assert-time", "header:X-Archived"]),
    ] {
        assert_eq!(audit(name, &option), "valid");
        let again = format!("{name}-again");
        let arguments = [
            &[
                "judge", "plain", "-o", &again, "-q", "--ca", "root.der", LATE,
            ],
            &option[..],
        ]
        .concat();
        place.run(&arguments).code(0);
        place.assert_same(name, &again);
    }
    let evidence = &place.summary("host")["evidence"];
    assert_eq!(evidence["trust_received"][0], "mx.example.org");
    assert_eq!(evidence["use_file_time"], false);
    assert_eq!(
        place.summary("field")["evidence"]["assert_time"][0],
        "x-archived"
    );

    let judge = |more: &[&str]| {
        place.run(&[&["judge", "plain", "-o", "never", "--ca", "root.der"], more].concat())
    };
    judge(&["--use-file-time"])
        .code(5)
        .says(&["has no times of files", "--use-file-time"]);
    assert_eq!(audit("files", &["--use-file-time"]), "valid_as_claimed");
    for wrong in [
        ["--trust-received", "a b"],
        ["--trust-received", ""],
        ["--assert-time", "X-Archived"],
        ["--assert-time", "header:Received"],
    ] {
        judge(&wrong).code(2);
    }
    assert!(!place.names().iter().any(|name| name.starts_with("never")));
}

/// A field that can't be read may be the true one: what stands beside it in its name proves nothing.
#[test]
fn a_field_that_cannot_be_read_beside_a_forged_one() {
    let place = place();
    let path = place.join("mail/1.eml");
    let good = std::fs::read_to_string(&path).unwrap();
    let field = "X-Archived: Wed, 15 May 2024 10:32:00 +0000";
    let fields = ["--assert-time", "header:X-Archived"];
    for (number, (other, verdict)) in [
        (field, "valid"),
        ("X-Archived: some day in May", "valid_as_claimed"),
        (
            "X-Archived: Thu, 16 May 2024 10:32:00 +0000",
            "valid_as_claimed",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        for both in [format!("{field}\r\n{other}"), format!("{other}\r\n{field}")] {
            std::fs::write(&path, good.replace(field, &both)).unwrap();
            let name = format!("report-{number}");
            audit(&place, &name, LATE, &[&fields[..], &["--force"]].concat()).code(0);
            let message = &place.messages(&name)[0];
            assert_eq!(message["verdict"], verdict, "{both}");
            assert_eq!(
                findings(message).contains(&"asserted_time_unusable"),
                verdict != "valid",
                "{both}"
            );
        }
    }
}

#[test]
fn a_policy_from_a_file() {
    let place = place();
    let file = "algorithm,key_bits_below,weak_since,broken_since,source\n\
        sha256,,always,2024-01-01,\"a policy, of one's own\"\n";
    place.write("policy.csv", file);
    let audit = |name: &str, more: &[&str]| audit(&place, name, "--at=2025-01-01", more);
    audit("built-in", &[]).code(0);
    audit("own", &["--policy", "policy.csv"]).code(0);
    assert_eq!(place.messages("built-in")[0]["verdict"], "valid");
    assert_eq!(place.messages("own")[0]["verdict"], "weak_crypto");
    let (built_in, own) = (place.summary("built-in"), place.summary("own"));
    assert_eq!(own["policy"]["file_sha256"], hex(&sha256(file.as_bytes())));
    assert!(built_in["policy"]["file_sha256"].is_null());
    assert_ne!(own["policy"]["sha256"], built_in["policy"]["sha256"]);

    let row = &own["policy"]["file_rows"];
    let expected = serde_json::json!([{"line": 2, "algorithm": "sha256", "change": "added"}]);
    assert_eq!(*row, expected);
    let printed = place.run(&["policy", "--policy", "policy.csv"]);
    printed.code(0);
    let rows = printed.out.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(
        rows.clone().count(),
        mailseal::judge::policy::RULES.len() + 2
    );
    assert!(
        rows.clone()
            .any(|row| row.starts_with("md5,,always,always,"))
    );
    assert_eq!(
        rows.last(),
        Some("sha256,,always,2024-01-01,\"a policy, of one's own\"")
    );

    let shown = include_bytes!("../../src/manual/policy.csv");
    place.write("shown.csv", shown);
    audit("shown", &["--policy", "shown.csv"]).code(0);
    assert_eq!(place.messages("shown"), place.messages("built-in"));

    place.write("wrong.csv", file.replace("sha256", "sha257"));
    audit("never", &["--policy", "wrong.csv"])
        .code(2)
        .says(&["wrong.csv: line 2", "not known"]);
    audit("never", &["--policy", "missing.csv"])
        .code(5)
        .says(&["missing.csv"]);
}

/// Nobody in the sample names this policy; NIST's suite has those who do.
#[test]
fn policies_that_paths_must_show() {
    let place = place();
    let audit = |name: &str, more: &[&str]| {
        let arguments = [
            &[
                "audit",
                "mail",
                "-o",
                name,
                "-q",
                "--ca",
                "root.der",
                "--at=2025-01-01",
            ],
            more,
        ]
        .concat();
        place.run(&arguments)
    };
    audit("plain", &[]).code(0);
    assert!(place.summary("plain")["policy"]["required"].is_null());
    audit(
        "asked",
        &[
            "--require-policy",
            "2.23.140.1.5.2.3",
            "--inhibit-any-policy",
        ],
    )
    .code(0);
    let message = &place.messages("asked")[0];
    assert_eq!(message["verdict"], "signer_untrusted");
    let policy = &place.summary("asked")["policy"];
    assert_eq!(policy["required"], serde_json::json!(["2.23.140.1.5.2.3"]));
    assert_eq!(policy["inhibit_any"], true);
    assert!(policy["inhibit_mapping"].is_null());
    let again = [
        "judge",
        "plain",
        "-o",
        "again",
        "-q",
        "--ca",
        "root.der",
        "--at=2025-01-01",
        "--require-policy=2.23.140.1.5.2.3",
        "--inhibit-any-policy",
    ];
    place.run(&again).code(0);
    place.assert_same("asked", "again");
    let refused = audit("never", &["--require-policy", "S/MIME"]);
    refused.code(2);
    assert!(refused.err.contains("object identifier"), "{}", refused.err);
}

#[test]
fn ocsp_responses_from_files() {
    let place = place();
    let about =
        |ocsp: Ocsp| ocsp.about(&alice().certificate, &authority().party, &authority().party);
    let fresh = || Ocsp::new(day(2024, 12, 1), day(2025, 6, 1));
    place.write("good/alice.der", about(fresh()));
    place.write(
        "bad/alice.ors",
        about(fresh().revoked(day(2024, 9, 1), Some(KEY_COMPROMISE))),
    );
    let audit = |name: &str, more: &[&str]| {
        let ran = audit(&place, name, "--at=2025-01-01", more);
        ran.code(0);
        assert_eq!(ran.err, "");
        let signature = place.messages(name)[0]["layers"][0]["signatures"][0].clone();
        signature["judgements"]["now"].clone()
    };
    let revoked = audit("bad-report", &["--ocsp", "bad"]);
    assert_eq!(revoked["revocation"], "revoked");
    assert_eq!(revoked["verdict"], "signer_revoked");
    assert!(revoked["revocation_source"]["ocsp"].is_string());
    // Of the authority nothing is known.
    assert_eq!(
        audit("good-report", &["--crl", "good/alice.der"])["revocation"],
        "unknown"
    );
    assert_eq!(place.summary("good-report")["crls_given"]["number"], 1);
}
