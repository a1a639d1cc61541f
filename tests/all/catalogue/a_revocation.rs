//! Rows: revocation by CRLs, given and found in mail, at each clock.

use mailseal::asn1::oid;
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
use crate::toolkit::extensions::Scope;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::authority;
use crate::toolkit::people::root;
use crate::toolkit::people::timestamp_authority;

/// Alice's serial number.
const ALICE: u64 = 100;

fn message() -> Vec<u8> {
    clear_signed_by(alice(), "alice@example.com")
}

fn audit(crls: &[Vec<u8>]) -> Record {
    let mut audit = Audit::of(&[&message()]);
    audit.crls = crls.to_vec();
    audit.record()
}

/// A CRL of the root that says nothing of anybody, so that the authority is good.
fn root_is_quiet() -> Vec<u8> {
    Crl::new(day(2025, 1, 1), day(2026, 1, 1)).issue(&root().party)
}

fn of_authority(crl: &Crl) -> Vec<Vec<u8>> {
    vec![root_is_quiet(), crl.issue(&authority().party)]
}

fn fresh() -> Crl {
    Crl::new(day(2025, 5, 1), day(2026, 1, 1))
}

#[test]
fn a_27_each_value_with_its_source() {
    let good = audit(&of_authority(&fresh()));
    assert_eq!(good.at("now", "revocation"), "good");
    assert_eq!(good.verdict(), "valid");
    assert_eq!(good.etsi(), "TOTAL-PASSED");
    assert!(!good.has("revocation_not_known"));

    let none = audit(&[]);
    assert_eq!(none.at("now", "revocation"), "not_checked");
    assert_eq!(none.etsi(), "INDETERMINATE/TRY_LATER");
    assert!(none.has("revocation_not_known"));

    let half = audit(&[fresh().issue(&authority().party)]);
    assert_eq!(half.at("now", "revocation"), "unknown");

    let ended = Crl::new(day(2025, 1, 1), day(2025, 5, 1));
    let stale = audit(&of_authority(&ended));
    assert_eq!(stale.at("now", "revocation"), "stale");
    assert_eq!(stale.at("claimed", "revocation"), "good");
    assert_eq!(stale.verdict(), "valid");

    let entry = Entry::new(ALICE, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE);
    let revoked = audit(&of_authority(&fresh().entry(entry)));
    let source = |name: &str| {
        revoked
            .at("now", &format!("revocation_source/{name}"))
            .to_owned()
    };
    assert_eq!(revoked.at("now", "revocation"), "revoked");
    assert_eq!(source("this_update"), "2025-05-01T00:00:00Z");
    assert_eq!(source("next_update"), "2026-01-01T00:00:00Z");
    assert_eq!(source("revoked_at"), "2024-01-01T00:00:00Z");
    assert_eq!(source("reason"), "keyCompromise");
    assert_eq!(source("certificate"), revoked.axis("signer/certificate"));
    assert_eq!(revoked.verdict(), "signer_revoked");
    assert_eq!(revoked.etsi(), "INDETERMINATE/REVOKED_NO_POE");
}

#[test]
fn a_27_a_crl_without_its_next_update_never_clears() {
    let endless = fresh().without_next_update();
    assert_eq!(
        audit(&of_authority(&endless)).at("now", "revocation"),
        "unknown"
    );
}

#[test]
fn a_27_the_authority_is_asked_after_too() {
    let entry = Entry::new(2, day(2024, 1, 1)).reason(crls::CA_COMPROMISE);
    let record = audit(&[
        fresh().entry(entry).issue(&root().party),
        fresh().issue(&authority().party),
    ]);
    assert_eq!(record.at("now", "revocation"), "revoked");
    assert_eq!(record.verdict(), "signer_revoked");
    assert_eq!(record.etsi(), "INDETERMINATE/REVOKED_CA_NO_POE");
}

#[test]
fn a_27_nothing_passes_without_an_answer_where_one_is_demanded() {
    let demanding = || Policy {
        require_revocation: true,
        ..Policy::default()
    };
    let mut audit = Audit::of(&[&message()]).policy(demanding());
    let record = audit.record();
    assert_eq!(record.verdict(), "revocation_unknown");
    assert_eq!(record.etsi(), "INDETERMINATE/TRY_LATER");
    assert_eq!(record.status(), "revocation_unknown");
    audit.crls = of_authority(&fresh());
    assert_eq!(audit.record().verdict(), "valid");
}

#[test]
fn a_28_revoked_beats_trusted_and_the_reason_decides_what_a_claimed_time_is_worth() {
    // Signed 2024-05-15 by what the mail says; revoked afterwards.
    let since = day(2024, 9, 1);
    for (reason, verdict) in [
        (None, "signer_revoked"),
        (Some(0), "signer_revoked"),
        (Some(crls::KEY_COMPROMISE), "signer_revoked"),
        (Some(crls::CA_COMPROMISE), "signer_revoked"),
        (Some(crls::AFFILIATION_CHANGED), "valid_as_claimed"),
        (Some(crls::SUPERSEDED), "valid_as_claimed"),
        (Some(crls::CESSATION_OF_OPERATION), "valid_as_claimed"),
        (Some(crls::CERTIFICATE_HOLD), "valid_as_claimed"),
    ] {
        let mut entry = Entry::new(ALICE, since);
        if let Some(reason) = reason {
            entry = entry.reason(reason);
        }
        let record = audit(&of_authority(&fresh().entry(entry)));
        assert_eq!(record.at("now", "chain"), "trusted");
        assert_eq!(record.at("now", "revocation"), "revoked");
        assert_eq!(record.at("now", "verdict"), "signer_revoked");
        assert_eq!(record.at("claimed", "revocation"), "revoked_later");
        assert_eq!(record.at("claimed", "verdict"), "valid");
        assert_eq!(record.verdict(), verdict, "{reason:?}");
    }
}

#[test]
fn a_28_invalidity_moves_the_revocation_back() {
    let entry = Entry::new(ALICE, day(2024, 9, 1))
        .reason(crls::SUPERSEDED)
        .invalid_since(day(2024, 5, 1));
    let record = audit(&of_authority(&fresh().entry(entry)));
    assert_eq!(record.at("claimed", "revocation"), "revoked");
    assert_eq!(record.verdict(), "signer_revoked");
}

#[test]
fn a_28_a_proven_time_before_the_revocation_saves_the_signature() {
    let signature = Signed::detached(&content())
        .signer(
            Sign::by(alice())
                .at(people::sent())
                .timestamped_by(timestamp_authority(), day(2024, 6, 1)),
        )
        .encode();
    let message = clear_signed(&signature);
    let entry = |from| {
        let entry = Entry::new(ALICE, from).reason(crls::KEY_COMPROMISE);
        of_authority(&fresh().entry(entry))
    };
    for (from, verdict, etsi) in [
        (day(2024, 9, 1), "valid", "TOTAL-PASSED"),
        (day(2024, 5, 20), "signer_revoked", "TOTAL-FAILED/REVOKED"),
    ] {
        let mut audit = Audit::of(&[&message]);
        audit.crls = entry(from);
        let record = audit.record();
        assert_eq!(record.at("now", "verdict"), "signer_revoked");
        assert_eq!(record.axes(["verdict", "etsi"]), [verdict, etsi]);
    }
}

#[test]
fn a_28_a_suspension_ends_with_its_removal() {
    let held = Crl::new(day(2024, 4, 1), day(2024, 6, 1))
        .entry(Entry::new(ALICE, day(2024, 4, 1)).reason(crls::CERTIFICATE_HOLD))
        .with(extensions::crl_number(1));
    let removed = Crl::new(day(2024, 8, 1), day(2024, 9, 1))
        .entry(Entry::new(ALICE, day(2024, 8, 1)).reason(crls::REMOVE_FROM_CRL))
        .with(extensions::crl_number(3))
        .with(extensions::delta_crl_indicator(1));
    let base = fresh().with(extensions::crl_number(9));
    let key = &authority().party;
    let record = audit(&[
        root_is_quiet(),
        held.issue(key),
        removed.issue(key),
        base.issue(key),
    ]);
    assert_eq!(record.at("claimed", "revocation"), "revoked");
    assert_eq!(record.at("now", "revocation"), "good");
    assert_eq!(record.verdict(), "valid");

    let record = audit(&[root_is_quiet(), held.issue(key), base.issue(key)]);
    assert_eq!(record.at("now", "revocation"), "revoked");
}

#[test]
fn a_29_a_list_from_after_the_end_says_nothing_good() {
    let short = Wanted::mail(400, "alice@example.com").validity(day(2020, 1, 1), day(2024, 6, 1));
    let short = people::issued("Alice", "rsa2048-3", &short);
    let message = clear_signed_by(&short, "alice@example.com");
    let late = |crl: Crl| {
        let mut audit = Audit::of(&[&message]);
        audit.crls = of_authority(&crl);
        let record = audit.record();
        assert_eq!(record.at("now", "chain"), "expired");
        record.at("claimed", "revocation").to_owned()
    };
    assert_eq!(late(fresh()), "unknown");
    assert_eq!(
        late(fresh().with(extensions::expired_certs_on_crl(day(2024, 1, 1)))),
        "good"
    );
    assert_eq!(
        late(fresh().with(extensions::expired_certs_on_crl(day(2025, 1, 1)))),
        "unknown"
    );
    assert_eq!(late(Crl::new(day(2024, 5, 1), day(2024, 7, 1))), "good");
    // An entry counts whenever it was issued.
    let entry = Entry::new(400, day(2024, 5, 1)).reason(crls::SUPERSEDED);
    assert_eq!(late(fresh().entry(entry)), "revoked");
}

#[test]
fn a_29_partial_lists_are_honoured_or_say_nothing() {
    let point = "http://crl.example.com/part-1.crl";
    let with_point =
        Wanted::mail(401, "alice@example.com").with(extensions::crl_distribution_point(point));
    let with_point = people::issued("Alice", "rsa2048-3", &with_point);
    let messages = [
        clear_signed_by(alice(), "alice@example.com"),
        clear_signed_by(&with_point, "alice@example.com"),
    ];
    let scoped = |scope: Scope<'_>| fresh().with(extensions::issuing_distribution_point(scope));
    let plain = Scope::default();
    for (crl, without_point, with_point) in [
        (scoped(plain), "good", "good"),
        (
            scoped(Scope {
                only_user: true,
                ..plain
            }),
            "good",
            "good",
        ),
        (
            scoped(Scope {
                only_ca: true,
                ..plain
            }),
            "unknown",
            "unknown",
        ),
        (
            scoped(Scope {
                only_attribute: true,
                ..plain
            }),
            "unknown",
            "unknown",
        ),
        (
            scoped(Scope {
                uri: Some(point),
                ..plain
            }),
            "unknown",
            "good",
        ),
        (
            scoped(Scope {
                uri: Some("http://crl.example.com/part-2.crl"),
                ..plain
            }),
            "unknown",
            "unknown",
        ),
        (
            scoped(Scope {
                reasons: Some(0x40),
                ..plain
            }),
            "unknown",
            "unknown",
        ),
        (
            fresh().with(extensions::delta_crl_indicator(1)),
            "unknown",
            "unknown",
        ),
        (
            fresh().with((oid::CONTENT_HINTS, true, vec![5, 0])),
            "unknown",
            "unknown",
        ),
    ] {
        let refs: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut audit = Audit::of(&refs);
        audit.crls = of_authority(&crl);
        let records = audit.run();
        assert_eq!(
            records[0].at("now", "revocation"),
            without_point,
            "{:?}",
            crl.extensions
        );
        assert_eq!(
            records[1].at("now", "revocation"),
            with_point,
            "{:?}",
            crl.extensions
        );
    }
    // A delta list, and one for some reasons, prove a revocation as any other does.
    let entry = Entry::new(ALICE, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE);
    for extension in [
        extensions::delta_crl_indicator(1),
        extensions::issuing_distribution_point(Scope {
            reasons: Some(0x40),
            ..plain
        }),
    ] {
        let record = audit(&of_authority(&fresh().entry(entry.clone()).with(extension)));
        assert_eq!(record.at("now", "revocation"), "revoked");
    }
}

/// A list speaks for the certificates of its own issuer; with a certificateIssuer in its entries, for those of others (RFC 5280 §5.3.3).
#[test]
fn a_29_a_list_of_another_issuer_says_nothing() {
    let other = Holder::below_root(
        Party::new("Another Authority", "p256-3"),
        &Wanted::ca(63),
        root(),
    );
    let entry = Entry::new(ALICE, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE);
    let record = audit(&[root_is_quiet(), fresh().entry(entry).issue(&other.party)]);
    assert_eq!(record.at("now", "revocation"), "unknown");
    assert_eq!(record.verdict(), "valid");
}

fn carrying(crl: &[u8]) -> Vec<u8> {
    let signature = Signed::detached(&content())
        .signer(Sign::by(alice()).at(people::sent()))
        .certificate(&people::bob().certificate)
        .crl(crl)
        .encode();
    clear_signed(&signature)
}

#[test]
fn a_30_a_list_in_a_mail_may_accuse_and_not_absolve() {
    let entry = Entry::new(ALICE, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE);
    let accusing = fresh().entry(entry).issue(&authority().party);
    let record = Audit::of(&[&carrying(&accusing)]).record();
    assert_eq!(record.at("now", "revocation"), "revoked");
    assert_eq!(record.verdict(), "signer_revoked");

    let absolving = fresh().issue(&authority().party);
    let record = Audit::of(&[&carrying(&absolving)]).record();
    assert_eq!(record.at("now", "revocation"), "not_checked");
    let mut audit = Audit::of(&[&carrying(&absolving)]).policy(Policy {
        trust_embedded: true,
        ..Policy::default()
    });
    audit.crls = vec![root_is_quiet()];
    assert_eq!(audit.record().at("now", "revocation"), "good");
}

#[test]
fn a_30_a_list_that_nobody_signed_who_may_is_ignored() {
    let entry = Entry::new(ALICE, day(2024, 1, 1)).reason(crls::KEY_COMPROMISE);
    let accusing = fresh().entry(entry);
    let other = people::stranger();
    let user = people::bob();
    let without_crl_sign = Holder::below_root(
        authority().party.clone(),
        &Wanted::ca(2).with(extensions::key_usage(&[extensions::KEY_CERT_SIGN])),
        root(),
    );
    let mut of_user = accusing.clone();
    of_user.bare = true;
    for crl in [
        accusing.clone().broken().issue(&authority().party),
        accusing.forge(&authority().party, &other.party),
        of_user.issue(&user.party),
    ] {
        let record = Audit::of(&[&carrying(&crl)]).record();
        assert_eq!(record.at("now", "revocation"), "not_checked");
        assert_eq!(record.verdict(), "valid");
        assert!(record.has("crl_invalid"), "{:?}", record.findings());
    }
    // Signed by the issuer's key, but the issuer's certificate does not have cRLSign.
    let alice = Holder::below(
        Party::new("Alice", "rsa2048-3"),
        &Wanted::mail(ALICE, "alice@example.com"),
        &without_crl_sign,
    );
    let signature = Signed::detached(&content())
        .signer(Sign::by(&alice).at(people::sent()))
        .crl(&accusing.issue(&authority().party))
        .encode();
    let record = Audit::of(&[&clear_signed(&signature)]).record();
    assert_eq!(record.at("now", "revocation"), "not_checked");
    assert_eq!(record.verdict(), "valid");
}
