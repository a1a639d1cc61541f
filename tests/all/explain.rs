//! `mailseal explain`: every value has its text, and no text is without a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use mailseal::archive::FaultCode;
use mailseal::facts::axis;
use mailseal::facts::finding::Finding;
use mailseal::jobs::migrate::message::Kept;
use mailseal::judge::etsi::{Detail, etsi};
use mailseal::judge::{Status, Strength, Word, recipient};
use mailseal::pki::lint;
use mailseal::pki::trust::{Chain, Model, Purpose, Revocation, TrustFinding};
use mailseal::pki::x509::address::AddressSource;
use mailseal::pki::x509::crl::RevocationReason;
use mailseal::pki::x509::encryption::EncryptionUsage;
use mailseal::report::explain::{self, story};
use mailseal::report::reread::{self, Decided};
use mailseal::report::tally::Skew;

use super::extract::ALL;
use super::program::{AT, PROGRAM, Workplace, mbox, pkcs7_mime, sign, signed};

/// The words of each enumeration, by its name, with the axis that the texts call it.
fn enumerations() -> BTreeMap<&'static str, (&'static str, Vec<&'static str>)> {
    macro_rules! all {
        ($($name:literal $axis:literal $of:path,)*) => {
            BTreeMap::from([$(($name, ($axis, {
                use $of as Of;
                Of::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>()
            })),)*])
        };
    }
    all! {
        "Structure" "structure" axis::Structure,
        "LayerKind" "kind" axis::LayerKind,
        "Digest" "digest" axis::Digest,
        "Attributes" "attributes" axis::Attributes,
        "Signature" "signature" axis::Signature,
        "CertificateSource" "certificate_source" axis::CertificateSource,
        "Identity" "identity" axis::Identity,
        "Coverage" "coverage" axis::Coverage,
        "EncryptedType" "content_type" axis::EncryptedType,
        "Decryption" "decryption" axis::Decryption,
        "MatchedBy" "matched_by" axis::MatchedBy,
        "Integrity" "integrity" axis::Integrity,
        "RecipientKind" "recipient" axis::RecipientKind,
        "TimeSource" "times" axis::TimeSource,
        "Grade" "grade" axis::Grade,
        "TimestampKind" "timestamp_kind" axis::TimestampKind,
        "Model" "model" Model,
        "Finding" "finding" Finding,
        "Kept" "kept" Kept,
        "Skew" "skew" Skew,
        "AddressSource" "address" AddressSource,
        "RevocationReason" "reason" RevocationReason,
        "Chain" "chain" Chain,
        "Purpose" "purpose" Purpose,
        "TrustFinding" "path" TrustFinding,
        "Revocation" "revocation" Revocation,
        "Word" "verdict" Word,
        "Status" "status" Status,
        "Strength" "strength" Strength,
        "EncryptionUsage" "encryption_usage" EncryptionUsage,
        "Decision" "decision" recipient::Decision,
        "Capability" "capability" recipient::Capability,
        "Hindrance" "hindrance" recipient::Hindrance,
        "Why" "why" recipient::Why,
        "Caution" "caution" recipient::Caution,
        "Refusal" "refusal" recipient::Refusal,
        "Kind" "lint_kind" lint::Kind,
        "Level" "lint_level" lint::Level,
        "Profile" "lint_profile" lint::Profile,
        "Generation" "lint_generation" lint::Generation,
    }
}

/// What the function gives for all that it can be asked.
fn indications() -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    for word in Word::ALL {
        for chain in Chain::ALL {
            for revocation in Revocation::ALL {
                for bits in 0..8 {
                    all.insert(etsi(
                        *word,
                        Detail {
                            chain: Some(*chain),
                            revocation: Some(*revocation),
                            ca_revoked: bits & 1 != 0,
                            proven: bits & 2 != 0,
                            content_missing: bits & 4 != 0,
                        },
                    ));
                }
            }
        }
    }
    all
}

#[test]
fn every_enumeration_of_the_report_is_asked_here() {
    let mut seen = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for begin in ["\naxis! {", "\nwords! {"] {
                for block in text.split(begin).skip(1) {
                    let name = block.split("pub enum ").nth(1).unwrap();
                    seen.insert(name.split([' ', '{']).next().unwrap().to_owned());
                }
            }
        }
    }
    let asked: BTreeSet<String> = enumerations()
        .keys()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(seen, asked);
}

#[test]
fn no_value_is_without_a_text_and_no_text_without_a_value() {
    let mut values: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (axis, words) in enumerations().values() {
        values.extend(words.iter().map(|word| (*axis, *word)));
    }
    // The digest axis is asked of a timestamp's imprint, too.
    values.extend(
        axis::Digest::ALL
            .iter()
            .map(|value| ("imprint", value.as_str())),
    );
    values.extend(FaultCode::ALL.iter().map(|code| ("fault", code.as_str())));
    values.insert(("fault", "panic"));
    values.extend(indications().into_iter().map(|word| ("etsi", word)));
    let mut texts: BTreeSet<(&str, &str)> = BTreeSet::new();
    for text in explain::texts() {
        for axis in text.axes {
            assert!(
                texts.insert((axis, text.word)),
                "{} of {axis} twice",
                text.word
            );
        }
    }
    let without: Vec<_> = values.difference(&texts).collect();
    assert!(without.is_empty(), "values without a text: {without:?}");
    let left: Vec<_> = texts.difference(&values).collect();
    assert!(left.is_empty(), "texts without a value: {left:?}");
}

#[test]
fn every_text_has_all_its_parts() {
    for text in explain::texts() {
        for (part, said) in [
            ("means", text.means),
            ("harmless", text.harmless),
            ("dangerous", text.dangerous),
            ("check", text.check),
            ("clause", text.clause),
        ] {
            assert!(said.len() > 3, "{} {:?}: no {part}", text.word, text.axes);
        }
        let openssl = explain::commands(text.check).any(|line| line.starts_with("openssl "));
        assert!(openssl, "{} {:?}: no openssl line", text.word, text.axes);
    }
}

#[test]
fn the_program_explains_a_word() {
    let place = Workplace::new();
    let ran = place.run(&["explain", "altered"]);
    ran.code(0);
    for said in [
        "altered  (verdict, status)",
        "Harmless",
        "Dangerous",
        "RFC 5652",
        "openssl dgst -sha256 content-1-1.bin",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    // A word of several axes: all of them.
    let ran = place.run(&["explain", "unknown"]);
    for said in ["(kind, recipient)", "(revocation)", "(reason)"] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    let ran = place.run(&["explain"]);
    ran.code(0);
    for word in explain::texts() {
        assert!(ran.out.contains(word.word), "{}", word.word);
    }
    place
        .run(&["explain", "altred"])
        .code(2)
        .says(&["altred", "altered", "lists all"]);
    place
        .run(&["explain", "\u{1b}[2Jxyz"])
        .code(2)
        .says(&["\\u{1b}[2Jxyz"]);
    place
        .run(&["explain", "."])
        .code(2)
        .says(&["folder", "message"]);
}

/// Each story names the verdict and the rule that led to it, and is the same twice.
#[test]
fn every_sample_has_its_story() {
    let table = fs::read(ALL.place.join("report/certificates.csv")).unwrap();
    let subjects = story::subjects(table.as_slice());
    assert!(subjects.len() > 10, "{}", subjects.len());
    let lines = fs::read_to_string(ALL.place.join("report/messages.jsonl")).unwrap();
    let mut rules = BTreeSet::new();
    for line in lines.lines() {
        let message = reread::message(line.as_bytes()).unwrap();
        let told = story::story(&message, &subjects, None);
        assert_eq!(told, story::story(&message, &subjects, None));
        assert!(
            told.contains(&format!("Status {}: ", message.status.as_str())),
            "{told}"
        );
        assert!(
            !told.contains(|c: char| c.is_control() && c != '\n'),
            "{told:?}"
        );
        assert!(
            !told.contains(": \n"),
            "a value without its meaning: {told}"
        );
        for signer in message.layers.iter().flat_map(|layer| &layer.signatures) {
            let at = &signer.judgements;
            let word = |one: &Option<reread::Judgement>| one.as_ref().map(|one| one.verdict);
            let expected = match signer.decided() {
                Decided::Fixed | Decided::NowAlone => at.now.verdict,
                Decided::Evidenced => word(&at.evidenced).unwrap(),
                Decided::Now => Word::Valid,
                Decided::Compromised => Word::SignerRevoked,
                Decided::Claimed => match word(&at.claimed).unwrap() {
                    Word::Valid => Word::ValidAsClaimed,
                    other => other,
                },
            };
            assert_eq!(signer.verdict, expected, "{line}");
            rules.insert(format!("{:?}", signer.decided()));
            let said = format!("Verdict {}: ", signer.verdict.as_str());
            assert!(told.contains(&said), "{told}");
        }
    }
    for rule in ["Fixed", "Evidenced", "Now", "Claimed", "Compromised"] {
        assert!(rules.contains(rule), "no sample for {rule}: {rules:?}");
    }
}

#[test]
fn the_program_tells_a_story() {
    let place = Workplace::with_pki();
    let altered = signed("1", "as it was signed").replace("as it was signed", "as it was not");
    let other = pkcs7_mime("2", "signed-data", &sign(b"x", false));
    place.write("m.mbox", mbox(&[altered, other]));
    place
        .run(&[
            "audit",
            "m.mbox",
            "-o",
            "report",
            "-q",
            AT,
            "--ca",
            "roots.pem",
        ])
        .code(0);
    let ran = place.run(&["explain", "report", "<1@example.com>"]);
    ran.code(0);
    for said in [
        "Status altered: the content is not what was signed",
        "It is the verdict on signature 0 of layer 1.",
        "digest mismatch: ",
        "Clock claimed, ",
        "Verdict altered: the content is not what was signed (digest mismatch)",
        "TOTAL-FAILED/HASH_FAILURE",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    place
        .run(&["explain", "nowhere", "x"])
        .code(5)
        .says(&["nowhere", "cannot be read"]);
    place.write("report/messages.jsonl", "nonsense\n");
    place
        .run(&["explain", "report", "x"])
        .code(5)
        .says(&["messages.jsonl", "Judge the report again"]);
}

/// A reader that goes away ends the output and nothing else.
#[test]
fn a_closed_pipe_is_no_fault() {
    let mut child = Command::new(PROGRAM)
        .arg("explain")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    std::io::stdout().flush().unwrap();
}
