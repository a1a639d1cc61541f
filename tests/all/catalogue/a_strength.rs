//! Row A-21: weak and broken algorithms, with the policy's dates.

use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::keys;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::root;

fn signed(holder: &Holder, scheme: SignatureScheme) -> Vec<u8> {
    let signature = Signed::detached(&content())
        .signer(Sign::by(holder).scheme(scheme).at(people::sent()))
        .encode();
    clear_signed(&signature)
}

fn reasons(record: &Record) -> Vec<&str> {
    record.list("/layers/0/signatures/0/judgements/now/strength_reasons")
}

#[test]
fn a_21_strength_is_an_axis_of_its_own() {
    use DigestAlgorithm as D;
    let with = |key: &str| people::person("alice", 300, key);
    for (holder, scheme, strength, why, word) in [
        (
            alice().clone(),
            SignatureScheme::RsaV15(D::Sha256),
            "strong",
            vec![],
            "valid",
        ),
        (
            alice().clone(),
            SignatureScheme::RsaV15(D::Sha1),
            "weak",
            vec!["sha1"],
            "valid",
        ),
        (
            alice().clone(),
            SignatureScheme::RsaV15(D::Md5),
            "broken",
            vec!["md5"],
            "weak_crypto",
        ),
        (
            alice().clone(),
            SignatureScheme::RsaV15(D::Ripemd160),
            "weak",
            vec!["ripemd160"],
            "valid",
        ),
        (
            with("rsa1024-1"),
            SignatureScheme::RsaV15(D::Sha256),
            "weak",
            vec!["rsa-1024"],
            "valid",
        ),
        (
            with("rsa512-1"),
            SignatureScheme::RsaV15(D::Sha256),
            "broken",
            vec!["rsa-512"],
            "weak_crypto",
        ),
        (
            with("rsa2048-e3"),
            SignatureScheme::RsaV15(D::Sha256),
            "weak",
            vec!["rsa-exponent-3"],
            "valid",
        ),
        (
            with("dsa1024-1"),
            SignatureScheme::Dsa(D::Sha1),
            "weak",
            vec!["sha1", "dsa-1024"],
            "valid",
        ),
        (
            with("dsa2048-1"),
            SignatureScheme::Dsa(D::Sha256),
            "strong",
            vec![],
            "valid",
        ),
        (
            with("p256-2"),
            SignatureScheme::Ecdsa(D::Sha1),
            "weak",
            vec!["sha1"],
            "valid",
        ),
    ] {
        let record = audit_one(&signed(&holder, scheme));
        assert_eq!(
            record.axes(["digest", "signature"]),
            ["match", "valid"],
            "{scheme:?}"
        );
        assert_eq!(record.at("now", "strength"), strength, "{scheme:?}");
        let mut seen = reasons(&record);
        let mut why = why;
        seen.sort_unstable();
        why.sort_unstable();
        assert_eq!(seen, why, "{scheme:?}");
        assert_eq!(record.verdict(), word, "{scheme:?}");
        assert_eq!(
            record.has("weak_algorithm"),
            strength != "strong",
            "{scheme:?}"
        );
    }
    let broken = audit_one(&signed(
        alice(),
        SignatureScheme::RsaV15(DigestAlgorithm::Md5),
    ));
    assert_eq!(broken.etsi(), "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE");
    assert_eq!(broken.status(), "weak_crypto");
}

/// The digest over the content counts too, where it is another than the signature's.
#[test]
fn a_21_a_weak_digest_over_the_content_counts() {
    let signature = Signed::detached(&content())
        .signer(
            Sign::by(alice())
                .digest(DigestAlgorithm::Md5)
                .announced_as(mailseal::asn1::oid::SHA256_WITH_RSA, Some(&[5, 0]))
                .at(people::sent()),
        )
        .encode();
    let record = audit_one(&clear_signed(&signature));
    assert_ne!(record.verdict(), "valid");
}

/// A certificate of the path, signed with a broken digest, is no better than the signature.
#[test]
fn a_21_the_path_counts_and_the_anchor_does_not() {
    let md5 = SignatureScheme::RsaV15(DigestAlgorithm::Md5);
    let weak_leaf = people::issued(
        "Alice",
        "rsa2048-3",
        &Wanted::mail(301, "alice@example.com").scheme(md5),
    );
    let record = audit_one(&signed(&weak_leaf, keys::scheme(weak_leaf.key())));
    assert_eq!(record.at("now", "chain"), "trusted");
    assert_eq!(record.verdict(), "weak_crypto");
    assert_eq!(reasons(&record), ["md5"]);

    let weak_root = Holder::root(
        Party::new("Old Root", "rsa1024-2"),
        &Wanted::ca(4).scheme(md5),
    );
    let below = Holder::below_root(
        Party::new("Alice", "rsa2048-3"),
        &Wanted::mail(302, "alice@example.com"),
        &weak_root,
    );
    let record = Audit::of(&[&signed(&below, keys::scheme(below.key()))])
        .anchor(&weak_root.certificate)
        .record();
    assert_eq!(record.at("now", "strength"), "strong");
    assert_eq!(record.verdict(), "valid");
}

/// Weakness has a date: SHA-1 was not weak in 2003.
#[test]
fn a_21_the_policy_has_dates() {
    let wanted = Wanted::mail(303, "alice@example.com").validity(day(2002, 1, 1), day(2030, 1, 1));
    let old = Holder::below_root(
        Party::new("Alice", "rsa2048-3"),
        &wanted,
        &Holder::root(
            root().party.clone(),
            &Wanted::ca(1).validity(day(2000, 1, 1), day(2040, 1, 1)),
        ),
    );
    let scheme = SignatureScheme::RsaV15(DigestAlgorithm::Sha1);
    for (sent, strength) in [(day(2003, 6, 1), "strong"), (day(2009, 6, 1), "weak")] {
        let signature = Signed::detached(&content())
            .signer(Sign::by(&old).scheme(scheme).at(sent))
            .encode();
        let record = audit_one(&clear_signed(&signature));
        assert_eq!(record.at("claimed", "strength"), strength);
        assert_eq!(record.at("now", "strength"), "weak");
        assert_eq!(record.verdict(), "valid");
    }
}
