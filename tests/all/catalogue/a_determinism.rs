//! Row A-34: the same input gives the same bytes, whatever the number of threads, and when the judgement is repeated.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use mailseal::crypto::content_cipher::CipherAlgorithm;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::day;
use crate::toolkit::cms;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::mail::Mbox;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// Several blocks of mail of many kinds in an mbox, a Maildir and a folder of messages.
fn archive(folder: &Path) -> Vec<PathBuf> {
    let signature = cms::signed_by(alice(), &content(), people::sent());
    let bare = Signed::detached(&content())
        .bare_signer(Sign::by(carol()).at(people::sent()))
        .encode();
    let plain = mail::text("This one is as it is.\nFrom here on nothing is signed.\n");
    let for_carol = Encrypt::new(&plain, CipherAlgorithm::Aes256Gcm).to(To::new(carol()));
    let headers = Headers::new("Alice <alice@example.com>", "Mail", SENT_DATE);
    let certificates = cms::certs_only(&carol().certificates());
    let kinds = [
        clear_signed(&signature),
        clear_signed(&bare),
        clear_signed(&signature[..200]),
        clear_signed_by(bob(), "bob@example.com"),
        mail::message(
            &headers,
            &mail::pkcs7_mime("authEnveloped-data", &for_carol.encode()),
        ),
        mail::message(&headers, &plain),
        mail::message(&headers, &mail::pkcs7_mime("certs-only", &certificates)),
    ];
    let filler = mail::message(
        &headers,
        &mail::text(&"A line of no interest.\n".repeat(60_000)),
    );
    let mut messages = Vec::new();
    for round in 0..12 {
        messages.extend_from_slice(&kinds[round % 3..]);
        messages.push(filler.clone());
    }
    let (mbox, maildir, emls) = (
        folder.join("all.mbox"),
        folder.join("Mail"),
        folder.join("eml"),
    );
    fs::write(&mbox, mail::mbox(&messages, Mbox::Rd)).unwrap();
    mail::maildir(&maildir, &kinds);
    mail::emls(&emls, &kinds);
    vec![mbox, maildir, emls]
}

/// Every file of a report but those on the run.
fn files(report: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(report).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !["run.json", "resume.args", "listing.zst"].contains(&&*name) {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    assert!(one.len() > 5, "{:?}", one.keys());
    for (name, bytes) in &one {
        assert!(bytes == &other[name], "{name} differs");
    }
}

#[test]
fn a_34_threads_and_a_repeated_judgement_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let archives = archive(folder.path());
    let entry = Entry::new(101, day(2025, 1, 1)).reason(crls::SUPERSEDED);
    let audit = Audit::of(&[]).key(carol()).crl(
        Crl::new(day(2025, 5, 1), day(2026, 1, 1))
            .entry(entry)
            .issue(&authority().party),
    );
    let target = |name: &str| folder.path().join(name);
    let one = audit.report(&archives, &target("one"), 1);
    let two = audit.report(&archives, &target("two"), 2);
    assert_same(&one, &two);
    let again = audit.judge(&two, &target("again"), 2);
    assert_same(&one, &again);

    // With another clock the facts are the same, and the verdicts are those of an audit at that clock.
    let later = Audit {
        now: day(2031, 1, 1),
        ..audit
    };
    let judged = later.judge(&one, &target("judged"), 1);
    let audited = later.report(&archives, &target("audited"), 1);
    assert_same(&judged, &audited);
    assert_ne!(
        files(&one)["messages.jsonl"],
        files(&judged)["messages.jsonl"]
    );
}
