//! Rows: times that the operator stands for, and the time of a file.

use std::fs;
use std::fs::File;
use std::time::Duration;
use std::time::SystemTime;

use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::judge::Evidence;
use mailseal::judge::Host;
use mailseal::judge::Policy;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::day;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::timestamp_authority;

const MX: &str = "mx.example.org";

/// A Received field by a host.
pub fn received(by: &str, date: &str) -> String {
    format!(
        "Received: from sender.example (sender.example [192.0.2.1])\r\n\tby {by} (Postfix) with ESMTPS id 1;\r\n\t{date}\r\n"
    )
}

pub fn behind(fields: &str, message: &[u8]) -> Vec<u8> {
    [fields.as_bytes(), message].concat()
}

pub fn trusting(hosts: &[&str]) -> Policy {
    Policy {
        evidence: Evidence {
            hosts: hosts
                .iter()
                .map(|host| Host::One((*host).to_owned()))
                .collect(),
            ..Evidence::default()
        },
        ..Policy::default()
    }
}

fn asserting(field: &str) -> Policy {
    Policy {
        evidence: Evidence {
            fields: vec![field.to_owned()],
            ..Evidence::default()
        },
        ..Policy::default()
    }
}

fn message() -> Vec<u8> {
    clear_signed_by(alice(), "alice@example.com")
}

/// Judged in 2031, when Alice's certificate has expired.
fn late(message: &[u8], policy: Policy) -> Record {
    Audit::of(&[message])
        .at(day(2031, 1, 1))
        .policy(policy)
        .record()
}

const ARRIVED: &str = "Wed, 15 May 2024 12:31:00 +0200";

#[test]
fn a_10_a_trusted_hosts_received_is_an_asserted_time() {
    let arrived = behind(&received(MX, ARRIVED), &message());
    let record = late(&arrived, trusting(&[MX]));
    assert_eq!(record.verdict(), "valid");
    assert_eq!(record.at("evidenced", "at"), "2024-05-15T10:31:00Z");
    assert_eq!(record.axis("times/0/source"), "received");
    assert_eq!(record.axis("times/0/grade"), "asserted");
    assert_eq!(record.etsi(), "INDETERMINATE/TRY_LATER");

    // Without the operator's word it is claimed, and so never more than that.
    for policy in [Policy::default(), trusting(&["mx.example.com"])] {
        let record = late(&arrived, policy);
        assert_eq!(record.verdict(), "valid_as_claimed");
        assert_eq!(record.at("evidenced", "at"), "");
    }
    // A host may lie below a domain.
    let below = Policy {
        evidence: Evidence {
            hosts: vec![Host::Below(".example.org".to_owned())],
            ..Evidence::default()
        },
        ..Policy::default()
    };
    assert_eq!(late(&arrived, below).verdict(), "valid");
}

/// Whoever has a stolen key writes any Received fields he likes; the servers' own stand above them.
#[test]
fn a_10_received_fields_below_the_topmost_prove_nothing() {
    let forged = received(MX, "Mon, 6 May 2024 08:00:00 +0000");
    let revoked = || {
        Crl::new(day(2030, 1, 1), day(2032, 1, 1))
            .entry(Entry::new(100, day(2024, 9, 1)).reason(crls::KEY_COMPROMISE))
            .issue(&authority().party)
    };
    let judged = |fields: &str, hosts: &[&str]| {
        let message = behind(fields, &message());
        Audit::of(&[&message])
            .at(day(2031, 1, 1))
            .crl(revoked())
            .policy(trusting(hosts))
            .record()
    };
    let after = "Tue, 1 Oct 2024 10:00:00 +0000";
    // Directly below the true one, in the name of the same trusted host.
    let record = judged(&(received(MX, after) + &forged), &[MX]);
    assert_eq!(record.at("evidenced", "at"), "2024-10-01T10:00:00Z");
    assert_eq!(record.verdict(), "signer_revoked");
    // Below one of a host that nobody named.
    let record = judged(&(received("other.example", after) + &forged), &[MX]);
    assert_eq!(record.at("evidenced", "at"), "");
    assert_eq!(record.verdict(), "signer_revoked");
    // In the name that the sender gave, or in a comment.
    for fields in [
        "Received: from a by mx.example.org by other.example; Mon, 6 May 2024 08:00:00 +0000\r\n",
        "Received: from a (by mx.example.org) by other.example; Mon, 6 May 2024 08:00:00 +0000\r\n",
        "Received: (by mx.example.org) by other.example; Mon, 6 May 2024 08:00:00 +0000\r\n",
        "X-Received: by mx.example.org; Mon, 6 May 2024 08:00:00 +0000\r\n",
    ] {
        let record = judged(fields, &[MX]);
        assert_eq!(record.at("evidenced", "at"), "", "{fields}");
        assert_eq!(record.verdict(), "signer_revoked", "{fields}");
    }
    // Received before the revocation, it was signed before.
    let record = judged(&received(MX, ARRIVED), &[MX]);
    assert_eq!(record.at("evidenced", "revocation"), "revoked_later");
    assert_eq!(record.verdict(), "valid");
}

/// What stands in a forwarded message's header is the forwarder's; when the outer mail came is known all the same.
#[test]
fn a_10_a_nested_messages_trace_is_not_believed() {
    let inner = behind(&received(MX, "Mon, 6 May 2024 08:00:00 +0000"), &message());
    let outer = [
        b"From: mallory@example.net\nDate: Tue, 1 Oct 2024 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n".as_slice(),
        &inner,
    ]
    .concat();
    let record = late(&outer, trusting(&[MX]));
    assert_eq!(record.axis("coverage"), "nested_message");
    assert_eq!(record.at("evidenced", "at"), "");
    let outer = behind(&received(MX, "Tue, 1 Oct 2024 10:00:01 +0000"), &outer);
    let record = late(&outer, trusting(&[MX]));
    assert_eq!(record.at("evidenced", "at"), "2024-10-01T10:00:01Z");
}

#[test]
fn a_10_a_header_field_that_the_operator_stands_for() {
    for (field, at) in [
        (
            "X-Archived: Wed, 15 May 2024 12:31:00 +0200\n",
            "2024-05-15T10:31:00Z",
        ),
        (
            "x-archived: 2024-05-15T12:31:00+02:00\n",
            "2024-05-15T10:31:00Z",
        ),
        (
            "X-ARCHIVED: by journal;\n Wed, 15 May 2024 12:31:00 +0200 (CEST)\n",
            "2024-05-15T10:31:00Z",
        ),
        (
            "X-Archived: 15 May 2024 10:31:00.0123 (UTC) FILETIME=[1:2]\n",
            "2024-05-15T10:31:00Z",
        ),
        ("X-Archived: long ago\n", ""),
        ("X-Archive: Wed, 15 May 2024 12:31:00 +0200\n", ""),
    ] {
        let record = late(&behind(field, &message()), asserting("x-archived"));
        assert_eq!(record.at("evidenced", "at"), at, "{field}");
        if !at.is_empty() {
            assert_eq!(
                record.axes(["times/0/source", "times/0/grade"]),
                ["header_field", "asserted"]
            );
            assert_eq!(record.verdict(), "valid");
        }
    }
    // Twice with different times, or in the future: told, and not used.
    for fields in [
        "X-Archived: Wed, 15 May 2024 12:31:00 +0200\nX-Archived: Wed, 15 May 2024 12:30:00 +0200\n",
        "X-Archived: Wed, 15 May 2124 12:31:00 +0200\n",
    ] {
        let record = late(&behind(fields, &message()), asserting("x-archived"));
        assert_eq!(record.at("evidenced", "at"), "", "{fields}");
        assert!(record.has("asserted_time_unusable"), "{fields}");
        assert_eq!(record.verdict(), "valid_as_claimed");
    }
    // More fields with times than any mail has: which of them was left out can't be told, so none counts.
    let flood: String = (0..64)
        .map(|n| format!("X-{n}: Wed, 15 May 2024 12:31:00 +0200\n"))
        .collect();
    let record = late(
        &behind(
            &(flood + "X-Archived: Wed, 15 May 2024 12:31:00 +0200\n"),
            &message(),
        ),
        asserting("x-archived"),
    );
    assert_eq!(record.at("evidenced", "at"), "");
}

#[test]
fn a_10_of_several_evidenced_times_the_earliest_counts() {
    let stamped = |at| {
        let sign = Sign::by(alice())
            .at(people::sent())
            .timestamped_by(timestamp_authority(), at);
        let signature = Signed::detached(&content()).signer(sign).encode();
        behind(&received(MX, ARRIVED), &clear_signed(&signature))
    };
    let later = late(&stamped(day(2025, 1, 1)), trusting(&[MX]));
    assert_eq!(later.at("evidenced", "at"), "2024-05-15T10:31:00Z");
    assert_eq!(later.axis("times/0/grade"), "asserted");
    assert_eq!(later.axis("times/1/grade"), "proven");
    let earlier = late(&stamped(people::sent()), trusting(&[MX]));
    assert_eq!(earlier.at("evidenced", "at"), "2024-05-15T10:30:00Z");
    assert_eq!(earlier.axis("times/0/grade"), "proven");
}

#[test]
fn a_12_signed_after_it_arrived_is_told() {
    let arrived = behind(&received(MX, "Wed, 15 May 2024 10:20:00 +0000"), &message());
    assert!(late(&arrived, trusting(&[MX])).has("time_order"));
    let field = behind("X-Archived: Wed, 15 May 2024 10:20:00 +0000\n", &message());
    assert!(late(&field, asserting("x-archived")).has("time_order"));
    assert!(!late(&field, Policy::default()).has("time_order"));
}

/// The facts keep what is needed: another judgement gives what an audit with the same options gives, byte for byte.
#[test]
fn a_10_judging_again_believes_whom_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let fields = received(MX, ARRIVED) + "X-Archived: Wed, 15 May 2024 12:31:01 +0200\r\n";
    mail::emls(&archive, &[behind(&fields, &message())]);
    let plain = Audit::of(&[]).at(day(2031, 1, 1));
    let kept = plain.report(&[archive.clone()], &folder.path().join("plain"), 1);
    for (name, policy) in [
        ("host", trusting(&[MX])),
        ("field", asserting("x-archived")),
    ] {
        let audit = Audit::of(&[]).at(day(2031, 1, 1)).policy(policy);
        let first = audit.report(&[archive.clone()], &folder.path().join(name), 1);
        let again = audit.judge(&kept, &folder.path().join(format!("{name}-again")), 2);
        for file in [
            "messages.jsonl",
            "signatures.csv",
            "summary.json",
            "facts.bin.zst",
            "manifest-sha256.txt",
        ] {
            let bytes = |report: &std::path::Path| fs::read(report.join(file)).unwrap();
            assert!(bytes(&first) == bytes(&again), "{name} {file}");
        }
        let record = fs::read_to_string(again.join("messages.jsonl")).unwrap();
        assert!(record.contains("\"verdict\":\"valid\""), "{record}");
    }
    let summary: serde_json::Value = serde_json::from_slice(
        &fs::read(folder.path().join("host-again.partial/summary.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(
        summary["evidence"]["trust_received"],
        serde_json::json!([MX])
    );
}

#[test]
fn a_13_a_files_time_is_claimed_last_and_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()))
        .encode();
    let undated = mail::message(
        &from_alice().without("Date"),
        &mail::multipart_signed(&content(), &signature),
    );
    mail::emls(&archive, &[undated]);
    let file = fs::read_dir(&archive)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_715_769_000);
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(written)
        .unwrap();
    let using = || Policy {
        evidence: Evidence {
            file_time: true,
            ..Evidence::default()
        },
        ..Policy::default()
    };
    let record = |report: &std::path::Path| {
        let text = fs::read_to_string(report.join("messages.jsonl")).unwrap();
        Record(serde_json::from_str(text.trim()).unwrap())
    };
    let plain = Audit::of(&[]).at(day(2031, 1, 1));
    let asked = Audit::of(&[]).at(day(2031, 1, 1)).policy(using());
    let report = plain.report(&[archive.clone()], &folder.path().join("plain"), 1);
    assert_eq!(record(&report).axis("times/0/source"), "");
    assert_eq!(record(&report).verdict(), "signer_expired");
    let report = asked.report(&[archive.clone()], &folder.path().join("asked"), 1);
    let with = record(&report);
    assert_eq!(
        with.axes(["times/0/source", "times/0/grade"]),
        ["file_time", "claimed"]
    );
    assert_eq!(with.at("claimed", "at"), "2024-05-15T10:30:00Z");
    assert_eq!(with.verdict(), "valid_as_claimed");
    // Kept in the facts, and left out again where it is not asked for.
    let again = plain.judge(&report, &folder.path().join("again"), 1);
    assert_eq!(record(&again).axis("times/0/source"), "");
}

/// CAdES: archive timestamps, each over all that was there before it, are listed; what they are over is not computed, so they prove
/// no time.
#[test]
fn a_26_archive_timestamps_are_listed() {
    let sign = Sign::by(alice()).at(people::sent()).unsigned(|value| {
        let token = |stamped: &[u8], at| cms::timestamp_token(timestamp_authority(), stamped, at);
        let mut damaged = token(b"everything", day(2024, 9, 1));
        if let Some(last) = damaged.last_mut() {
            *last ^= 1;
        }
        let list = AttributeList::new().time_stamp_token(&token(value, day(2024, 6, 1)));
        list.values(
            oid::ARCHIVE_TIME_STAMP_V2,
            &[&token(b"everything", day(2024, 5, 1))],
        )
        .values(
            oid::ARCHIVE_TIME_STAMP_V3,
            &[&token(b"all of that", day(2024, 7, 1))],
        )
        .values(oid::ARCHIVE_TIME_STAMP, &[&damaged])
    });
    let signature = Signed::detached(&content()).signer(sign).encode();
    let record = late(&clear_signed(&signature), Policy::default());
    let tokens = record.0["layers"][0]["signatures"][0]["timestamps"]
        .as_array()
        .unwrap();
    let listed: Vec<_> = tokens
        .iter()
        .map(|token| {
            ["kind", "imprint", "signature", "at"].map(|name| token[name].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        listed,
        [
            ["signature", "match", "valid", "2024-06-01T00:00:00Z"],
            ["archive", "not_checked", "invalid", "2024-09-01T00:00:00Z"],
            ["archive", "not_checked", "valid", "2024-05-01T00:00:00Z"],
            ["archive", "not_checked", "valid", "2024-07-01T00:00:00Z"],
        ]
    );
    assert_eq!(record.at("evidenced", "at"), "2024-06-01T00:00:00Z");
    assert!(record.has("timestamp_invalid"));
    assert!(!record.has("timestamp_unusable"));
}
