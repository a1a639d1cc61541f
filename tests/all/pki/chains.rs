//! Chains over authorities made to order.
//!
//! Over 600 lines because every case is made of the same three parties.

use mailseal::asn1::{Writer, oid};
use mailseal::limits::Limits;
use mailseal::pki::pool::{Pool, PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, ChainJudgement, Hierarchy, PolicyInputs, Purpose, Trust, TrustFinding,
};

use super::authority::{
    Party, Wanted, basic_constraints, constraints, day, key_usage, mailboxes, name, usages,
    utf8_mailbox,
};

/// A root, an authority below it, and a signer below that.
struct Trio {
    root: Party,
    middle: Party,
    signer: Party,
}

impl Trio {
    fn new() -> Self {
        Self {
            root: Party::new("Root"),
            middle: Party::new("Middle"),
            signer: Party::new("Signer"),
        }
    }

    fn root_wanted(&self) -> Wanted {
        Wanted::ca(&self.root, 1)
    }

    fn middle_wanted(&self) -> Wanted {
        Wanted::ca(&self.middle, 2)
    }

    fn signer_wanted(&self) -> Wanted {
        Wanted::signer(&self.signer, 3, "a@example.com")
    }

    fn root(&self) -> Vec<u8> {
        self.root_wanted().by(&self.root)
    }

    fn middle(&self) -> Vec<u8> {
        self.middle_wanted().by(&self.root)
    }

    fn signer(&self) -> Vec<u8> {
        self.signer_wanted().by(&self.middle)
    }
}

/// Judges the first certificate; the path as SHA-256.
fn judge(
    certificates: &[Vec<u8>],
    anchors: &[Vec<u8>],
    purpose: Purpose,
    at: i64,
) -> (ChainJudgement, Vec<[u8; 32]>) {
    judge_within(certificates, anchors, purpose, at, &Limits::default())
}

fn judge_within(
    certificates: &[Vec<u8>],
    anchors: &[Vec<u8>],
    purpose: Purpose,
    at: i64,
    limits: &Limits,
) -> (ChainJudgement, Vec<[u8; 32]>) {
    let mut builder = PoolBuilder::new(Spool::memory());
    for der in certificates {
        builder
            .insert_certificate(der, Provenance::Message)
            .unwrap();
    }
    let anchors = Anchors::new(anchors.iter().map(Vec::as_slice), &mut builder).unwrap();
    let pool = builder.finish();
    let hierarchy = Hierarchy::new(&pool, &anchors, limits).unwrap();
    let mut trust = Trust::new(&pool, &hierarchy, limits);
    let id = pool.find(&openssl::sha::sha256(&certificates[0])).unwrap();
    let first = trust.chain(id, purpose, day(at)).unwrap();
    assert_eq!(
        first,
        trust.chain(id, purpose, day(at)).unwrap(),
        "remembered"
    );
    let path = digests(&pool, &first);
    (first, path)
}

fn digests(pool: &Pool, judged: &ChainJudgement) -> Vec<[u8; 32]> {
    judged.path.iter().map(|id| pool.sha256(*id)).collect()
}

fn value(certificates: &[Vec<u8>], anchors: &[Vec<u8>], at: i64) -> Chain {
    judge(certificates, anchors, Purpose::EmailSigning, at)
        .0
        .value
}

fn reasons(certificates: &[Vec<u8>], anchors: &[Vec<u8>]) -> (Vec<Chain>, Vec<TrustFinding>) {
    let (judged, _) = judge(certificates, anchors, Purpose::EmailSigning, 10);
    (judged.reasons, judged.findings)
}

#[test]
fn a_good_path_is_trusted_within_its_window_only() {
    let trio = Trio::new();
    let signer = trio.signer_wanted().days(100, 900).by(&trio.middle);
    let middle = trio.middle_wanted().days(50, 500).by(&trio.root);
    let (pool, roots) = ([signer, middle], [trio.root()]);
    for (at, expected) in [
        (99, Chain::NotYetValid),
        (100, Chain::Trusted),
        (500, Chain::Trusted),
        (501, Chain::Expired),
    ] {
        assert_eq!(value(&pool, &roots, at), expected, "day {at}");
    }
    let (judged, path) = judge(&pool, &roots, Purpose::EmailSigning, 100);
    assert_eq!(judged.reasons, []);
    assert_eq!(path.len(), 3);
    assert_eq!(path[0], openssl::sha::sha256(&pool[0]));
    assert_eq!(judged.anchor, judged.path.last().copied());
}

#[test]
fn forged_authorities_change_nothing() {
    let trio = Trio::new();
    let (signer, middle, root) = (trio.signer(), trio.middle(), trio.root());
    let honest = judge(
        &[signer.clone(), middle.clone()],
        &[root.clone()],
        Purpose::EmailSigning,
        10,
    );
    assert_eq!(honest.0.value, Chain::Trusted);

    // The right name and key identifier, any key, any signature, and more of them than any budget.
    let mallory = Party::new("Mallory");
    let mut flood: Vec<Vec<u8>> = (0..300)
        .map(|serial| {
            let mut forged = trio.middle_wanted();
            forged.serial = 1000 + serial;
            forged.spki = mallory.spki();
            forged.forged(&trio.root, &mallory)
        })
        .collect();
    // The real key too: the signer's signature then verifies, the authority's own does not.
    flood.push(
        trio.middle_wanted()
            .days(-5, 2000)
            .forged(&trio.root, &mallory),
    );
    // A root of the same name, signed with its own key.
    let mut fake_root = trio.root_wanted();
    fake_root.spki = mallory.spki();
    flood.push(fake_root.forged(&trio.root, &mallory));
    for front in [true, false] {
        let mut all = vec![signer.clone()];
        if front {
            all.extend(flood.iter().cloned());
        }
        all.push(middle.clone());
        if !front {
            all.extend(flood.iter().rev().cloned());
        }
        let (judged, path) = judge(&all, &[root.clone()], Purpose::EmailSigning, 10);
        assert_eq!((judged.value, &path), (Chain::Trusted, &honest.1));
        assert_eq!(judged.findings, honest.0.findings);
    }

    // Without the real one the reason is the same too, whoever else bears its name.
    let (alone, _) = judge(
        &[signer.clone()],
        &[root.clone()],
        Purpose::EmailSigning,
        10,
    );
    let mut all = vec![signer];
    all.extend(flood.iter().take(300).cloned());
    let (flooded, _) = judge(&all, &[root], Purpose::EmailSigning, 10);
    assert_eq!(alone.reasons, [Chain::Incomplete]);
    assert_eq!(flooded.reasons, [Chain::Incomplete]);
}

#[test]
fn what_leads_to_no_anchor_says_why() {
    let trio = Trio::new();
    let other = Party::new("Other");
    let other_root = Wanted::ca(&other, 9).by(&other);
    let (signer, middle, root) = (trio.signer(), trio.middle(), trio.root());
    let own = Wanted::signer(&trio.signer, 4, "a@example.com").by(&trio.signer);
    let trusted = [other_root];

    assert_eq!(value(&[own], &trusted, 10), Chain::SelfSigned);
    assert_eq!(value(&[signer.clone()], &trusted, 10), Chain::Incomplete);
    let two = [signer.clone(), middle.clone()];
    assert_eq!(value(&two, &trusted, 10), Chain::Incomplete);
    let three = [signer, middle.clone(), root.clone()];
    let (judged, path) = judge(&three, &trusted, Purpose::EmailSigning, 10);
    assert_eq!(judged.value, Chain::UntrustedRoot);
    assert_eq!((path.len(), judged.anchor), (3, None));

    // The real authority's name and key identifier, another key.
    let forged = trio.signer_wanted().forged(&trio.middle, &other);
    let (judged, _) = judge(
        &[forged, middle],
        &[root.clone()],
        Purpose::EmailSigning,
        2000,
    );
    assert_eq!(
        judged.reasons,
        [Chain::BadCertificateSignature, Chain::Expired]
    );
    // One step further up.
    let forged = trio.middle_wanted().forged(&trio.root, &other);
    assert_eq!(
        value(&[trio.signer(), forged], &[root], 10),
        Chain::BadCertificateSignature
    );
}

#[test]
fn each_rule_for_authorities_has_its_reason() {
    let trio = Trio::new();
    let email_ca = usages(&[oid::EMAIL_PROTECTION]);
    let web_ca = usages(&[oid::SERVER_AUTH]);
    let any_ca = usages(&[oid::ANY_EXTENDED_KEY_USAGE]);
    let mut version_1 = trio.middle_wanted();
    version_1.version = 1;
    let unknown = oid::SHA256;
    for (middle, expected, finding) in [
        (trio.middle_wanted(), None, None),
        (
            trio.middle_wanted()
                .with(oid::EXTENDED_KEY_USAGE, false, email_ca),
            None,
            None,
        ),
        (
            trio.middle_wanted()
                .with(oid::EXTENDED_KEY_USAGE, false, any_ca),
            None,
            None,
        ),
        (trio.middle_wanted().without(oid::KEY_USAGE), None, None),
        (
            trio.middle_wanted().without(oid::BASIC_CONSTRAINTS),
            Some(Chain::BadCa),
            Some(TrustFinding::IssuerNotCa),
        ),
        (
            trio.middle_wanted()
                .with(oid::BASIC_CONSTRAINTS, true, basic_constraints(false, None)),
            Some(Chain::BadCa),
            Some(TrustFinding::IssuerNotCa),
        ),
        (
            trio.middle_wanted()
                .with(oid::KEY_USAGE, true, key_usage(&[6])),
            Some(Chain::BadCa),
            Some(TrustFinding::IssuerWithoutKeyCertSign),
        ),
        (
            version_1,
            Some(Chain::BadCa),
            Some(TrustFinding::IssuerVersion1),
        ),
        (
            trio.middle_wanted()
                .with(oid::EXTENDED_KEY_USAGE, false, web_ca),
            Some(Chain::BadPurpose),
            Some(TrustFinding::IssuerUsage),
        ),
        (
            trio.middle_wanted().with(unknown, true, vec![5, 0]),
            Some(Chain::BadCa),
            Some(TrustFinding::CriticalExtension),
        ),
    ] {
        let (seen, findings) = reasons(&[trio.signer(), middle.by(&trio.root)], &[trio.root()]);
        assert_eq!(seen.first().copied(), expected, "{findings:?}");
        if let Some(finding) = finding {
            assert!(findings.contains(&finding), "{findings:?}");
        }
    }
    let root = trio.root_wanted().with(
        oid::BASIC_CONSTRAINTS,
        true,
        basic_constraints(true, Some(0)),
    );
    let (seen, _) = reasons(&[trio.signer(), trio.middle()], &[root.by(&trio.root)]);
    assert_eq!(seen.first(), Some(&Chain::PathLength));
}

#[test]
fn the_signer_must_be_meant_for_mail() {
    let trio = Trio::new();
    for (signer, trusted, finding) in [
        (trio.signer_wanted(), true, None),
        (
            trio.signer_wanted().without(oid::EXTENDED_KEY_USAGE),
            true,
            None,
        ),
        (trio.signer_wanted().without(oid::KEY_USAGE), true, None),
        (
            trio.signer_wanted()
                .with(oid::KEY_USAGE, true, key_usage(&[1])),
            true,
            None,
        ),
        (
            trio.signer_wanted()
                .with(oid::KEY_USAGE, true, key_usage(&[2])),
            false,
            Some(TrustFinding::KeyUsage),
        ),
        (
            trio.signer_wanted()
                .with(oid::EXTENDED_KEY_USAGE, false, usages(&[oid::SERVER_AUTH])),
            false,
            Some(TrustFinding::ExtendedKeyUsage),
        ),
        (
            trio.signer_wanted().with(
                oid::EXTENDED_KEY_USAGE,
                false,
                usages(&[oid::ANY_EXTENDED_KEY_USAGE]),
            ),
            true,
            None,
        ),
        (
            trio.signer_wanted()
                .with(oid::BASIC_CONSTRAINTS, true, basic_constraints(true, None))
                .with(oid::KEY_USAGE, true, key_usage(&[0, 5])),
            true,
            Some(TrustFinding::CaAsSigner),
        ),
    ] {
        let pool = [signer.by(&trio.middle), trio.middle()];
        let (seen, findings) = reasons(&pool, &[trio.root()]);
        assert_eq!(seen.is_empty(), trusted, "{seen:?} {findings:?}");
        assert!(finding.is_none_or(|finding| findings.contains(&finding)));
    }
    // A timestamp's signer: this use alone, and critical.
    for (usage, critical, expected) in [
        (vec![oid::TIME_STAMPING], true, Chain::Trusted),
        (vec![oid::TIME_STAMPING], false, Chain::BadPurpose),
        (
            vec![oid::TIME_STAMPING, oid::EMAIL_PROTECTION],
            true,
            Chain::BadPurpose,
        ),
    ] {
        let signer = trio
            .signer_wanted()
            .with(oid::EXTENDED_KEY_USAGE, critical, usages(&usage));
        let pool = [signer.by(&trio.middle), trio.middle()];
        let (judged, _) = judge(&pool, &[trio.root()], Purpose::TimeStamping, 10);
        assert_eq!(judged.value, expected, "{usage:?} {critical}");
    }
}

#[test]
fn addresses_must_lie_inside_the_constraints() {
    let trio = Trio::new();
    let inside = constraints(&[".example.com", "example.com"], &[]);
    let outside = constraints(&[], &["example.com"]);
    let plain = |address: &str| {
        trio.signer_wanted()
            .with(oid::SUBJECT_ALT_NAME, false, mailboxes(&[address]))
    };
    let utf8 = |address: &str| {
        trio.signer_wanted()
            .with(oid::SUBJECT_ALT_NAME, false, utf8_mailbox(address))
    };
    let named = |address: &str| {
        let mut wanted = trio.signer_wanted().without(oid::SUBJECT_ALT_NAME);
        wanted.subject = name(&[(oid::COMMON_NAME, "x"), (oid::EMAIL_ADDRESS, address)]);
        wanted
    };
    for (constraints, signer, trusted) in [
        (&inside, plain("x@mail.example.com"), true),
        (&inside, plain("x@EXAMPLE.COM"), true),
        (&inside, plain("x@evil.org"), false),
        (&inside, utf8("zoë@evil.org"), false),
        (&inside, named("x@evil.org"), false),
        (&inside, named("x@example.com"), true),
        (&outside, plain("x@evil.org"), true),
        (&outside, plain("x@example.com"), false),
        (&outside, utf8("zoë@example.com"), false),
        (&outside, named("x@example.com"), false),
    ] {
        let middle = trio
            .middle_wanted()
            .with(oid::NAME_CONSTRAINTS, true, constraints.clone());
        let pool = [signer.by(&trio.middle), middle.by(&trio.root)];
        let (seen, _) = reasons(&pool, &[trio.root()]);
        assert_eq!(seen.is_empty(), trusted, "{seen:?}");
        assert_eq!(seen.contains(&Chain::NameConstraint), !trusted, "{seen:?}");
    }
}

#[test]
fn a_renewed_authority_helps_at_its_own_time() {
    let trio = Trio::new();
    let old = trio.middle_wanted().days(0, 300).by(&trio.root);
    let mut renewed = trio.middle_wanted().days(400, 900);
    renewed.serial = 7;
    let pool = [trio.signer(), old, renewed.by(&trio.root)];
    for (at, expected) in [
        (200, Chain::Trusted),
        (500, Chain::Trusted),
        (950, Chain::Expired),
    ] {
        assert_eq!(value(&pool, &[trio.root()], at), expected, "day {at}");
    }
    // Between the two one path has expired and the other is not valid yet: the later reason is the better one.
    assert_eq!(value(&pool, &[trio.root()], 350), Chain::Expired);
}

#[test]
fn cross_signed_authorities_do_not_run_in_circles() {
    let trio = Trio::new();
    let parties: Vec<Party> = (0..5).map(|i| Party::new(&format!("Circle {i}"))).collect();
    let mut pool = vec![Wanted::signer(&trio.signer, 3, "a@example.com").by(&parties[0])];
    for (i, subject) in parties.iter().enumerate() {
        for (j, issuer) in parties.iter().enumerate() {
            if i != j {
                pool.push(Wanted::ca(subject, 100).by(issuer));
            }
        }
    }
    assert_eq!(value(&pool, &[trio.root()], 10), Chain::Incomplete);
    pool.push(Wanted::ca(&parties[4], 5).by(&trio.root));
    let (judged, path) = judge(&pool, &[trio.root()], Purpose::EmailSigning, 10);
    assert_eq!(judged.value, Chain::Trusted);
    assert_eq!(path.len(), 4, "the shortest path");
    let short = Limits {
        path_length: 3,
        ..Limits::default()
    };
    let (judged, _) = judge_within(&pool, &[trio.root()], Purpose::EmailSigning, 10, &short);
    assert_ne!(judged.value, Chain::Trusted);
    assert!(judged.findings.contains(&TrustFinding::PathBudget));
}

#[test]
fn an_anchor_is_what_the_operator_says() {
    let trio = Trio::new();
    // The authority in the middle is enough, though its own root is unknown.
    let middle = trio.middle();
    let (judged, path) = judge(
        &[trio.signer(), trio.root()],
        &[middle.clone()],
        Purpose::EmailSigning,
        10,
    );
    assert_eq!(judged.value, Chain::Trusted);
    assert_eq!(path.len(), 2);
    assert_eq!(path.last(), Some(&openssl::sha::sha256(&middle)));
    let signer = trio.signer();
    let (judged, path) = judge(
        &[signer.clone()],
        &[signer.clone()],
        Purpose::EmailSigning,
        5000,
    );
    assert_eq!(judged.value, Chain::Trusted);
    assert_eq!(path, [openssl::sha::sha256(&signer)]);
    assert_eq!(judged.findings, [TrustFinding::AnchorExpired]);

    // A trusted signer is no authority.
    let eve = Party::new("Eve");
    let below = Wanted::signer(&eve, 8, "eve@example.com").by(&trio.signer);
    let (seen, _) = reasons(&[below], &[signer]);
    assert_eq!(seen.first(), Some(&Chain::BadCa));
}

#[test]
fn the_pool_does_not_depend_on_order() {
    let trio = Trio::new();
    let all = [
        trio.signer(),
        trio.middle(),
        trio.root(),
        b"no certificate".to_vec(),
    ];
    let make = |order: &[usize], spool| {
        let mut builder = PoolBuilder::new(spool);
        for index in order {
            builder
                .insert_certificate(&all[*index], Provenance::Message)
                .unwrap();
        }
        builder.finish()
    };
    let list = |pool: &Pool| -> Vec<(Vec<u8>, [u8; 32])> {
        let ids = pool.certificates();
        ids.map(|id| (pool.der(id).unwrap().into_owned(), pool.sha256(id)))
            .collect()
    };
    let one = make(&[0, 1, 2, 3, 1], Spool::memory());
    let two = make(&[3, 2, 1, 0, 0], Spool::file(tempfile::tempfile().unwrap()));
    assert_eq!(one.len(), 4);
    assert_eq!(list(&one), list(&two));

    let mut builder = PoolBuilder::new(Spool::memory());
    let part = make(&[2, 3], Spool::memory());
    for other in [&part, &two, &part] {
        builder.merge(other).unwrap();
    }
    let merged = builder.finish();
    assert_eq!(list(&merged), list(&one));

    let read = mailseal::pki::x509::Certificate::read(&all[0]).unwrap();
    for pool in [&one, &two, &merged] {
        let found = pool
            .find_by_issuer_serial(read.issuer, read.serial)
            .unwrap();
        assert_eq!(found, [pool.find(&read.sha256()).unwrap()]);
        let found = pool.find_by_ski(&trio.middle.key_identifier()).unwrap();
        assert_eq!(found, [pool.find(&openssl::sha::sha256(&all[1])).unwrap()]);
        let found = pool.by_subject(read.issuer).unwrap();
        assert_eq!(found, [pool.find(&openssl::sha::sha256(&all[1])).unwrap()]);
        assert_eq!(pool.find_by_ski(b"nobody").unwrap(), []);
    }
}

#[test]
fn keys_out_of_policy_are_never_used() {
    let trio = Trio::new();
    // An RSA key whose exponent is 1 verifies anything.
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(oid::RSA_ENCRYPTION, Some(&[5, 0]));
            w.bit_string(&Writer::encode(|w| {
                w.sequence(|w| {
                    w.unsigned(&[0xc5; 256]);
                    w.small_integer(1);
                });
            }));
        });
    });
    let mut signer = trio.signer_wanted();
    signer.spki = spki.clone();
    let (seen, _) = reasons(&[signer.by(&trio.middle), trio.middle()], &[trio.root()]);
    assert_eq!(seen, [Chain::KeyOutOfPolicy]);
    let mut middle = trio.middle_wanted();
    middle.spki = spki;
    let (seen, _) = reasons(&[trio.signer(), middle.by(&trio.root)], &[trio.root()]);
    assert_eq!(seen, [Chain::KeyOutOfPolicy]);
}

#[test]
fn two_certificates_with_one_serial_number_are_both_found() {
    let trio = Trio::new();
    let (one, two) = (trio.signer(), trio.signer());
    assert_ne!(one, two);
    let mut builder = PoolBuilder::new(Spool::memory());
    for der in [&one, &two, &trio.middle()] {
        builder
            .insert_certificate(der, Provenance::Message)
            .unwrap();
    }
    let pool = builder.finish();
    let read = mailseal::pki::x509::Certificate::read(&one).unwrap();
    let found = pool
        .find_by_issuer_serial(read.issuer, read.serial)
        .unwrap();
    let digests: Vec<[u8; 32]> = found.iter().map(|id| pool.sha256(*id)).collect();
    let mut expected = [openssl::sha::sha256(&one), openssl::sha::sha256(&two)];
    expected.sort_unstable();
    assert_eq!(digests, expected);
}

#[test]
fn workers_share_the_pool_and_keep_their_own_trust() {
    fn shared<T: Sync>() {}
    fn sent<T: Send>() {}
    shared::<Pool>();
    shared::<Anchors>();
    shared::<Hierarchy>();
    sent::<Trust<'static>>();
}

/// RFC 5280 §6.1 with a user-initial-policy-set: `--require-policy`.
#[test]
fn policies_on_request() {
    let trio = Trio::new();
    let policies = |numbers: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                for number in numbers {
                    w.sequence(|w| w.raw(&[6, 3, 0x2a, 3, *number]));
                }
            });
        })
    };
    let of = |wanted: Wanted, numbers: &[u8]| match numbers {
        [] => wanted,
        numbers => wanted.with(oid::CERTIFICATE_POLICIES, false, policies(numbers)),
    };
    let asked = |signer: &[u8], middle: &[u8], required: &[&str], purpose| {
        let mut builder = PoolBuilder::new(Spool::memory());
        let signer = of(trio.signer_wanted(), signer).by(&trio.middle);
        let middle = of(trio.middle_wanted(), middle).by(&trio.root);
        let (id, _) = builder
            .insert_certificate(&signer, Provenance::Message)
            .unwrap();
        builder
            .insert_certificate(&middle, Provenance::Message)
            .unwrap();
        let anchors = Anchors::new([trio.root().as_slice()], &mut builder).unwrap();
        let pool = builder.finish();
        let limits = Limits::default();
        let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
        let policies = PolicyInputs {
            required: required.iter().map(|oid| (*oid).to_owned()).collect(),
            ..PolicyInputs::default()
        };
        let mut trust = Trust::new(&pool, &hierarchy, &limits).with_policies(policies);
        trust.chain(id, purpose, day(10)).unwrap().value
    };
    let sign = Purpose::EmailSigning;
    for (signer, middle, required, value) in [
        (&[4][..], &[4][..], &["1.2.3.4"][..], Chain::Trusted),
        (&[4], &[4, 5], &["1.2.3.9", "1.2.3.4"], Chain::Trusted),
        (&[4], &[4], &["2.5.29.32.0"], Chain::Trusted),
        (&[4], &[4], &["1.2.3.5"], Chain::Policy),
        (&[4], &[5], &["1.2.3.4"], Chain::Policy),
        (&[4], &[], &["1.2.3.4"], Chain::Policy),
        (&[], &[4], &["1.2.3.4"], Chain::Policy),
        (&[], &[], &["2.5.29.32.0"], Chain::Policy),
        (&[], &[], &[], Chain::Trusted),
    ] {
        let found = asked(signer, middle, required, sign);
        assert_eq!(found, value, "{signer:?} {middle:?} {required:?}");
    }
    // Who stamps times is not asked: only the usage is wrong then.
    let stamps = asked(&[], &[], &["1.2.3.4"], Purpose::TimeStamping);
    assert_eq!(stamps, Chain::BadPurpose);
}
