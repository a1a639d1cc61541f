//! Rows: paths, purposes, authorities, name constraints, validation models.

use mailseal::asn1::Oid;
use mailseal::asn1::oid;
use mailseal::judge::Policy;
use mailseal::pki::trust::Model;

use crate::catalogue::a_axes::clear_signed_by;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::certificates::name;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::crls;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::extensions;
use crate::toolkit::extensions::AltNames;
use crate::toolkit::extensions::Extension;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::authority;
use crate::toolkit::people::root;

const ALICE: &str = "Alice <alice@example.com>";

fn audit(holder: &Holder) -> Record {
    audit_one(&clear_signed_by(holder, ALICE))
}

/// Chain value and word at `now`, and the headline.
fn chain(holder: &Holder) -> [String; 3] {
    let record = audit(holder);
    assert_eq!(record.axes(["digest", "signature"]), ["match", "valid"]);
    [
        record.at("now", "chain"),
        record.at("now", "verdict"),
        record.verdict(),
    ]
    .map(str::to_owned)
}

fn alice_with(wanted: &Wanted) -> Holder {
    people::issued("Alice", "rsa2048-3", wanted)
}

fn mail_wanted() -> Wanted {
    Wanted::mail(200, "alice@example.com")
}

/// A person below an authority of one's own making, which is below the root.
fn below(wanted: &Wanted, person: &Wanted) -> Holder {
    let between = Holder::below_root(Party::new("Another Authority", "p256-3"), wanted, root());
    Holder::below(Party::new("Alice", "rsa2048-3"), person, &between)
}

#[test]
fn a_08_each_failure_of_a_chain_has_its_value() {
    let untrusted = Holder::below(
        Party::new("Alice", "rsa2048-3"),
        &mail_wanted(),
        people::stranger(),
    );
    let self_signed = Holder::root(Party::new("Alice", "rsa2048-3"), &mail_wanted());
    let mut incomplete = untrusted.clone();
    incomplete.chain.clear();
    let broken = alice_with(&mail_wanted().broken());
    let (ca, leaf) = (Wanted::ca(60), mail_wanted());
    let no_path = ca
        .clone()
        .with(extensions::basic_constraints(true, Some(0)));
    let sub = Holder::below_root(Party::new("Short", "p256-3"), &no_path, root());
    let sub = Holder::below(Party::new("Too Long", "p256-4"), &Wanted::ca(61), &sub);
    let too_long = Holder::below(Party::new("Alice", "rsa2048-3"), &leaf, &sub);
    let not_ca = below(
        &ca.clone().with(extensions::basic_constraints(false, None)),
        &leaf,
    );
    let policy = below(
        &ca.clone()
            .with(extensions::policies(&[oid::CONTENT_HINTS]))
            .with(extensions::require_explicit_policy(0)),
        &leaf,
    );
    let constrained = below(
        &ca.clone()
            .with(extensions::mailbox_constraints(&["other.example"], &[])),
        &leaf,
    );
    let server =
        alice_with(&mail_wanted().with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH])));
    let late = alice_with(&mail_wanted().validity(day(2031, 1, 1), day(2035, 1, 1)));
    let early = alice_with(&mail_wanted().validity(day(2020, 1, 1), day(2021, 1, 1)));
    for (holder, value, word, headline) in [
        (
            &broken,
            "bad_certificate_signature",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (
            &self_signed,
            "self_signed",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (
            &incomplete,
            "incomplete",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (
            &untrusted,
            "untrusted_root",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (&not_ca, "bad_ca", "signer_untrusted", "signer_untrusted"),
        (
            &too_long,
            "path_length",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (
            &constrained,
            "name_constraint",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (&policy, "policy", "signer_untrusted", "signer_untrusted"),
        (
            &server,
            "bad_purpose",
            "signer_untrusted",
            "signer_untrusted",
        ),
        (
            &late,
            "not_yet_valid",
            "signer_not_yet_valid",
            "signer_not_yet_valid",
        ),
        (&early, "expired", "signer_expired", "signer_expired"),
        (people::alice(), "trusted", "valid", "valid"),
    ] {
        assert_eq!(chain(holder), [value, word, headline]);
    }
    let etsi = |holder| audit(holder).etsi().to_owned();
    assert_eq!(etsi(&untrusted), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND");
    assert_eq!(
        etsi(&constrained),
        "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"
    );
    assert_eq!(etsi(&late), "INDETERMINATE/NOT_YET_VALID");
    assert_eq!(etsi(&early), "INDETERMINATE/OUT_OF_BOUNDS_NO_POE");
}

#[test]
fn a_08_one_record_has_the_chain_at_two_times() {
    let message = clear_signed_by(people::alice(), ALICE);
    let record = Audit::of(&[&message]).at(day(2035, 1, 1)).record();
    assert_eq!(record.at("now", "chain"), "expired");
    assert_eq!(record.at("now", "verdict"), "signer_expired");
    assert_eq!(record.at("claimed", "chain"), "trusted");
    assert_eq!(record.at("claimed", "verdict"), "valid");
    assert_eq!(record.text("/verdict_now"), "signer_expired");
    assert_eq!(record.text("/verdict_claimed"), "valid");
    assert_eq!(record.verdict(), "valid_as_claimed");
}

#[test]
fn a_08_all_failures_are_listed_and_the_first_decides() {
    let between = Wanted::ca(62)
        .with(extensions::basic_constraints(false, None))
        .with(extensions::mailbox_constraints(&["other.example"], &[]));
    let person = mail_wanted()
        .validity(day(2020, 1, 1), day(2021, 1, 1))
        .with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH]));
    let record = audit(&below(&between, &person));
    assert_eq!(record.at("now", "chain"), "bad_ca");
    assert_eq!(
        record.reasons("now"),
        ["bad_ca", "name_constraint", "bad_purpose", "expired"]
    );
}

/// An anchor's own dates are a finding and no failure; an anchor need not be a root.
#[test]
fn a_08_every_given_certificate_is_an_anchor() {
    let message = clear_signed_by(people::alice(), ALICE);
    let record = Audit::of(&[&message])
        .anchor(&authority().certificate)
        .record();
    assert_eq!(record.verdict(), "valid");
    assert_eq!(record.list("/layers/0/signatures/0/path").len(), 2);

    let record = Audit::of(&[&message])
        .anchor(&people::alice().certificate)
        .record();
    assert_eq!(record.verdict(), "valid");

    let old = Holder::root(
        Party::new("Old Root", "p256-3"),
        &Wanted::ca(5).validity(day(2000, 1, 1), day(2015, 1, 1)),
    );
    let alice = Holder::below_root(Party::new("Alice", "rsa2048-3"), &mail_wanted(), &old);
    let record = Audit::of(&[&clear_signed_by(&alice, ALICE)])
        .anchor(&old.certificate)
        .record();
    assert_eq!(record.verdict(), "valid");
    assert!(record.has("anchor_expired"));
}

#[test]
fn a_15_the_certificate_must_be_meant_for_mail() {
    use extensions::{
        DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, NON_REPUDIATION, extended_key_usage, key_usage,
    };
    let usage = |usages: &[Oid<'_>]| mail_wanted().with(extended_key_usage(false, usages));
    for (wanted, value) in [
        (usage(&[oid::SERVER_AUTH]), "bad_purpose"),
        (usage(&[oid::SERVER_AUTH, oid::CLIENT_AUTH]), "bad_purpose"),
        (usage(&[oid::SERVER_AUTH, oid::EMAIL_PROTECTION]), "trusted"),
        (usage(&[oid::ANY_EXTENDED_KEY_USAGE]), "trusted"),
        (mail_wanted().without(oid::EXTENDED_KEY_USAGE), "trusted"),
        (
            mail_wanted().with(key_usage(&[KEY_ENCIPHERMENT])),
            "bad_purpose",
        ),
        (mail_wanted().with(key_usage(&[NON_REPUDIATION])), "trusted"),
        (
            mail_wanted().with(key_usage(&[DIGITAL_SIGNATURE])),
            "trusted",
        ),
        (mail_wanted().without(oid::KEY_USAGE), "trusted"),
        (
            mail_wanted().with((oid::EXTENDED_KEY_USAGE, false, vec![0x30, 5, 6, 1])),
            "bad_purpose",
        ),
    ] {
        let word = if value == "trusted" {
            "valid"
        } else {
            "signer_untrusted"
        };
        assert_eq!(chain(&alice_with(&wanted)), [value, word, word]);
    }
    // A critical extension that nobody knows.
    let critical: Extension = (oid::CONTENT_HINTS, true, vec![5, 0]);
    assert_eq!(
        chain(&alice_with(&mail_wanted().with(critical)))[0],
        "bad_purpose"
    );
    let uncritical: Extension = (oid::CONTENT_HINTS, false, vec![5, 0]);
    assert_eq!(
        chain(&alice_with(&mail_wanted().with(uncritical)))[0],
        "trusted"
    );
}

#[test]
fn a_15_an_authority_that_signs_mail_itself_is_a_finding() {
    let signing_ca = Wanted::ca(70)
        .with(extensions::mailboxes(&["alice@example.com"]))
        .with(extensions::key_usage(&[
            extensions::KEY_CERT_SIGN,
            extensions::DIGITAL_SIGNATURE,
        ]));
    let record = audit(&alice_with(&signing_ca));
    assert_eq!(record.verdict(), "valid");
    assert!(record.has("signer_is_ca"));
}

#[test]
fn a_16_each_rule_for_authorities_has_its_reason() {
    use extensions::{
        CRL_SIGN, DIGITAL_SIGNATURE, basic_constraints, extended_key_usage, key_usage,
    };
    let ca = Wanted::ca(63);
    for (wanted, value) in [
        (ca.clone(), "trusted"),
        (ca.clone().with(basic_constraints(false, None)), "bad_ca"),
        (ca.clone().without(oid::BASIC_CONSTRAINTS), "bad_ca"),
        (
            ca.clone().with(key_usage(&[CRL_SIGN, DIGITAL_SIGNATURE])),
            "bad_ca",
        ),
        (ca.clone().without(oid::KEY_USAGE), "trusted"),
        (ca.clone().version_1(), "bad_ca"),
        (
            ca.clone()
                .with(extended_key_usage(false, &[oid::SERVER_AUTH])),
            "bad_purpose",
        ),
        (
            ca.clone().with(extended_key_usage(
                false,
                &[oid::SERVER_AUTH, oid::EMAIL_PROTECTION],
            )),
            "trusted",
        ),
        (
            ca.clone().with((oid::CONTENT_HINTS, true, vec![5, 0])),
            "bad_ca",
        ),
        (
            ca.clone().validity(day(2010, 1, 1), day(2022, 1, 1)),
            "expired",
        ),
    ] {
        assert_eq!(
            chain(&below(&wanted, &mail_wanted()))[0],
            value,
            "{:?}",
            wanted.extensions
        );
    }
}

#[test]
fn a_16_a_root_of_version_1_may_issue_and_path_lengths_count_authorities() {
    let old = Holder::root(Party::new("Old Root", "p256-3"), &Wanted::ca(5).version_1());
    let alice = Holder::below_root(Party::new("Alice", "rsa2048-3"), &mail_wanted(), &old);
    let record = Audit::of(&[&clear_signed_by(&alice, ALICE)])
        .anchor(&old.certificate)
        .record();
    assert_eq!(record.verdict(), "valid");

    for (allowed, value) in [(0, "path_length"), (1, "trusted")] {
        let wanted = Wanted::ca(64).with(extensions::basic_constraints(true, Some(allowed)));
        let first = Holder::below_root(Party::new("First", "p256-3"), &wanted, root());
        let second = Holder::below(Party::new("Second", "p256-4"), &Wanted::ca(65), &first);
        let alice = Holder::below(Party::new("Alice", "rsa2048-3"), &mail_wanted(), &second);
        assert_eq!(chain(&alice)[0], value, "{allowed}");
    }
}

#[test]
fn a_17_addresses_outside_the_constraints_are_refused_wherever_they_stand() {
    let inside = extensions::mailbox_constraints(&["example.com"], &[]);
    let subdomains = extensions::mailbox_constraints(&[".example.com"], &[]);
    let excluded = extensions::mailbox_constraints(&[], &["evil.example"]);
    let san = |address: &str| mail_wanted().with(extensions::mailboxes(&[address]));
    let utf8 =
        |address: &str| mail_wanted().with(AltNames::default().utf8_mailbox(address).extension());
    let in_name = |address: &str| {
        mail_wanted().without(oid::SUBJECT_ALT_NAME).subject(name(&[
            (oid::COMMON_NAME, "Alice"),
            (oid::EMAIL_ADDRESS, address),
        ]))
    };
    let in_name_beside_dns = |address: &str| {
        in_name(address).with(AltNames::default().dns("alice.example.com").extension())
    };
    for (constraint, wanted, value) in [
        (&inside, san("alice@example.com"), "trusted"),
        (&inside, san("alice@EXAMPLE.com"), "trusted"),
        (&inside, san("alice@evil.example"), "name_constraint"),
        (&inside, san("alice@sub.example.com"), "name_constraint"),
        (&subdomains, san("alice@evil.org"), "name_constraint"),
        (&subdomains, san("alice@sub.example.com"), "trusted"),
        (&subdomains, san("alice@example.com"), "name_constraint"),
        (&excluded, san("alice@evil.example"), "name_constraint"),
        (&excluded, san("alice@example.com"), "trusted"),
        (&inside, utf8("älice@evil.example"), "name_constraint"),
        (&inside, utf8("älice@example.com"), "trusted"),
        (&inside, in_name("alice@evil.example"), "name_constraint"),
        (&inside, in_name("alice@example.com"), "trusted"),
        // The subjectAltName has no mailbox, so the one of the name is what a mail is compared with.
        (
            &inside,
            in_name_beside_dns("alice@evil.example"),
            "name_constraint",
        ),
        (&inside, in_name_beside_dns("alice@example.com"), "trusted"),
    ] {
        let authority = Wanted::ca(66).with(constraint.clone());
        let holder = below(&authority, &wanted);
        assert_eq!(chain(&holder)[0], value, "{:?}", wanted.extensions.last());
    }
}

/// A name constraint high up counts for everything below, whoever is between.
#[test]
fn a_17_constraints_reach_through_authorities() {
    let constrained = Wanted::ca(67).with(extensions::mailbox_constraints(&["other.example"], &[]));
    let first = Holder::below_root(Party::new("First", "p256-3"), &constrained, root());
    let second = Holder::below(Party::new("Second", "p256-4"), &Wanted::ca(68), &first);
    let alice = Holder::below(Party::new("Alice", "rsa2048-3"), &mail_wanted(), &second);
    assert_eq!(
        chain(&alice),
        ["name_constraint", "signer_untrusted", "signer_untrusted"]
    );
}

/// Certificates without key identifiers are linked by name and signature.
#[test]
fn a_08_paths_do_not_hang_on_key_identifiers() {
    let plain = audit(&alice_with(&mail_wanted().bare()));
    assert_eq!(plain.verdict(), "valid");
    let bare_ca = Wanted::ca(69).bare();
    assert_eq!(chain(&below(&bare_ca, &mail_wanted().bare()))[0], "trusted");
}

/// A key that nobody can verify with.
#[test]
fn a_08_a_key_of_another_kind_leaves_the_signature_unsupported() {
    let mut wanted = mail_wanted();
    wanted.spki = Some(keys::unusable_spki());
    let holder = alice_with(&wanted);
    let signature = Signed::detached(&content())
        .signer(Sign::by(&holder).at(people::sent()))
        .encode();
    let headers = Headers::new(ALICE, "Meeting", SENT_DATE);
    let record = audit_one(&mail::message(
        &headers,
        &mail::multipart_signed(&content(), &signature),
    ));
    assert_eq!(
        record.axes(["digest", "signature", "verdict"]),
        ["match", "unsupported_algorithm", "unsupported"]
    );
}

/// By the chain model an authority need only have been valid, and not revoked, when it issued.
#[test]
fn a_31_the_chain_model_asks_when_the_authority_issued() {
    let judged = |until, issued, model, crls: Vec<Vec<u8>>| {
        let party = Party::new("Old Authority", "rsa2048-2");
        let authority = Wanted::ca(500).validity(day(2010, 1, 1), until);
        let authority = Holder::below_root(party, &authority, root());
        let signer = Wanted::mail(501, "alice@example.com").validity(issued, day(2030, 1, 1));
        let signer = Holder::below(Party::new("Alice", "rsa2048-3"), &signer, &authority);
        let message = clear_signed_by(&signer, "alice@example.com");
        let mut audit = Audit::of(&[&message]).policy(Policy {
            model,
            ..Policy::default()
        });
        audit.crls = crls;
        let record = audit.record();
        ["chain", "revocation", "verdict"].map(|name| record.at("now", name).to_owned())
    };
    let (in_2020, in_2022) = (day(2020, 1, 1), day(2022, 1, 1));
    let ended = |model| judged(in_2022, in_2020, model, Vec::new());
    assert_eq!(
        ended(Model::Shell),
        ["expired", "not_checked", "signer_expired"]
    );
    assert_eq!(ended(Model::Chain), ["trusted", "not_checked", "valid"]);
    // It had ended when it issued.
    let late = |model| judged(in_2020, in_2022, model, Vec::new());
    assert_eq!(late(Model::Shell)[0], "expired");
    assert_eq!(late(Model::Chain)[0], "expired");
    // Revoked before it issued, and after.
    let revoked = |at, model| {
        let list = Crl::new(day(2025, 1, 1), day(2026, 1, 1))
            .entry(Entry::new(500, at).reason(crls::CESSATION_OF_OPERATION))
            .issue(&root().party);
        judged(day(2030, 1, 1), in_2020, model, vec![list])
    };
    assert_eq!(revoked(day(2019, 1, 1), Model::Shell)[2], "signer_revoked");
    assert_eq!(revoked(day(2019, 1, 1), Model::Chain)[2], "signer_revoked");
    assert_eq!(revoked(in_2022, Model::Shell)[2], "signer_revoked");
    assert_eq!(
        revoked(in_2022, Model::Chain)[1..],
        ["revoked_later", "valid"]
    );
}
