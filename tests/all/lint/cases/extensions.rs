//! Policies, distribution points, access, key identifiers, rare extensions, authorities.

use mailseal::asn1::{Oid, Tag, Writer, oid};
use mailseal::pki::lint::{Generation, Profile};

use super::super::sample::*;
use super::{Case, ancient, base, case, legacy, multipurpose, public, strict};

pub fn cases() -> Vec<Case> {
    let mut all = policy_cases();
    all.extend(access_cases());
    all.extend(general());
    all.extend(critical());
    all.extend(authorities());
    all
}

fn own() -> Oid<'static> {
    reserved(Profile::Mailbox, Generation::Strict)
}

fn qualified(sample: Sample, identifier: Oid<'_>, qualifiers: &[Vec<u8>]) -> Sample {
    sample.with(
        oid::CERTIFICATE_POLICIES,
        false,
        policies(&[policy(identifier, qualifiers)]),
    )
}

fn policy_cases() -> Vec<Case> {
    let plain = Sample::plain;
    let text = |tag, text| notice(false, Some((tag, text)));
    let fine = || text(Tag::UTF8_STRING, "For mail");
    let both = policies(&[
        policy(own(), &[]),
        policy(reserved(Profile::Sponsor, Generation::Strict), &[]),
    ]);
    let long = "x".repeat(201);
    vec![
        public(
            "policy-missing",
            base(),
            plain(),
            plain().with(
                oid::EXTENDED_KEY_USAGE,
                false,
                purposes(&[oid::CLIENT_AUTH]),
            ),
        ),
        case(
            "policy-conflict",
            base(),
            base().with(oid::CERTIFICATE_POLICIES, false, both),
            plain(),
        ),
        case(
            "policy-duplicate",
            base(),
            base().with(
                oid::CERTIFICATE_POLICIES,
                false,
                policies(&[policy(own(), &[]), policy(own(), &[])]),
            ),
            plain(),
        ),
        case(
            "policy-critical",
            base(),
            base().critical(oid::CERTIFICATE_POLICIES, true),
            plain(),
        ),
        case(
            "policy-cps-not-http",
            qualified(base(), own(), &[cps("HTTPS://example.com/cps")]),
            qualified(base(), own(), &[cps("ldap://example.com/cps")]),
            base(),
        ),
        case(
            "policy-notice-reference",
            qualified(base(), own(), &[fine()]),
            qualified(
                base(),
                own(),
                &[notice(true, Some((Tag::UTF8_STRING, "x")))],
            ),
            base(),
        ),
        case(
            "policy-notice-reference-outdated",
            qualified(plain(), oid::SHA256, &[fine()]),
            qualified(plain(), oid::SHA256, &[notice(true, None)]),
            plain(),
        ),
        case(
            "policy-notice-without-text",
            qualified(base(), own(), &[fine()]),
            qualified(base(), own(), &[notice(false, None)]),
            base(),
        ),
        case(
            "policy-text-too-long",
            qualified(base(), own(), &[fine()]),
            qualified(base(), own(), &[text(Tag::UTF8_STRING, &long)]),
            base(),
        ),
        case(
            "policy-text-type",
            qualified(base(), own(), &[fine()]),
            qualified(base(), own(), &[text(Tag::VISIBLE_STRING, "For mail")]),
            base(),
        ),
        case(
            "any-policy-qualifier",
            qualified(plain(), oid::ANY_POLICY, &[fine()]),
            qualified(plain(), oid::ANY_POLICY, &[other_qualifier()]),
            qualified(plain(), oid::SHA256, &[other_qualifier()]),
        ),
    ]
}

fn access_cases() -> Vec<Case> {
    let plain = Sample::plain;
    let points = |sample: Sample, names: &[Vec<u8>]| {
        sample.with(oid::CRL_DISTRIBUTION_POINTS, false, crls(names))
    };
    let at = |sample: Sample, all: &[(Oid<'_>, &str)]| {
        let all: Vec<(Oid<'_>, Vec<u8>)> =
            all.iter().map(|(method, at)| (*method, uri(at))).collect();
        sample.with(oid::AUTHORITY_INFO_ACCESS, false, access(&all))
    };
    let (issuers, ocsp) = (oid::ACCESS_CA_ISSUERS, oid::ACCESS_OCSP);
    let (http, ldap) = ("http://example.com/a", "ldap://example.com/a");
    let no_crl = |sample: Sample| sample.without(oid::CRL_DISTRIBUTION_POINTS);
    vec![
        case("crl-distribution-missing", base(), no_crl(base()), plain()),
        case(
            "crl-distribution-critical",
            base(),
            base().critical(oid::CRL_DISTRIBUTION_POINTS, true),
            no_crl(base()),
        ),
        case(
            "crl-distribution-no-uri",
            base(),
            points(base(), &[directory(&[utf8(oid::COMMON_NAME, "CRL")])]),
            no_crl(base()),
        ),
        case(
            "crl-distribution-scheme",
            base(),
            points(base(), &[uri(http), uri(ldap)]),
            points(legacy(Profile::Mailbox), &[uri(http), uri(ldap)]),
        ),
        case(
            "crl-distribution-no-http",
            points(legacy(Profile::Mailbox), &[uri(http), uri(ldap)]),
            points(legacy(Profile::Mailbox), &[uri(ldap)]),
            points(base(), &[uri(ldap)]),
        ),
        case(
            "distribution-point-incomplete",
            points(plain(), &[uri(ldap)]),
            points(plain(), &[]),
            plain(),
        ),
        case(
            "aia-missing",
            base(),
            base().without(oid::AUTHORITY_INFO_ACCESS),
            plain(),
        ),
        case(
            "aia-critical",
            base(),
            base().critical(oid::AUTHORITY_INFO_ACCESS, true),
            plain(),
        ),
        case(
            "aia-no-issuer",
            base(),
            at(base(), &[(ocsp, http)]),
            base().without(oid::AUTHORITY_INFO_ACCESS),
        ),
        case(
            "aia-scheme",
            base(),
            at(base(), &[(ocsp, "https://example.com/"), (issuers, http)]),
            at(legacy(Profile::Mailbox), &[(ocsp, ldap)]),
        ),
        case(
            "aia-no-http",
            at(
                legacy(Profile::Mailbox),
                &[(ocsp, ldap), (ocsp, http), (issuers, http)],
            ),
            at(legacy(Profile::Mailbox), &[(ocsp, ldap), (issuers, http)]),
            at(base(), &[(ocsp, ldap)]),
        ),
    ]
}

fn general() -> Vec<Case> {
    let plain = Sample::plain;
    let bare = || plain().change(|s| s.extensions.clear());
    let authority = |value: Vec<u8>| base().with(oid::AUTHORITY_KEY_IDENTIFIER, false, value);
    let with_serial = Writer::encode(|w| {
        w.sequence(|w| {
            w.primitive(Tag::context(0), &[3; 20]);
            w.primitive(Tag::context(2), &[7]);
        });
    });
    let self_issued = || plain().change(|s| s.issuer = name(&s.attributes));
    let twice = plain().change(|s| {
        s.extensions
            .push((oid::ISSUER_ALT_NAME, false, alt_names(&[mailbox(ADDRESS)])))
    });
    let twice = twice.change(|s| {
        s.extensions
            .push((oid::ISSUER_ALT_NAME, false, alt_names(&[mailbox(ADDRESS)])))
    });
    vec![
        case(
            "extension-unreadable",
            plain(),
            plain().with(oid::KEY_USAGE, true, vec![4, 1, 0]),
            bare(),
        ),
        case("extension-duplicate", plain(), twice, bare()),
        case(
            "unique-identifier",
            plain(),
            plain().change(|s| s.unique_identifier = true),
            ancient(plain()),
        ),
        case(
            "authority-key-missing",
            plain(),
            plain().without(oid::AUTHORITY_KEY_IDENTIFIER),
            self_issued().without(oid::AUTHORITY_KEY_IDENTIFIER),
        ),
        case(
            "authority-key-critical",
            plain(),
            plain().critical(oid::AUTHORITY_KEY_IDENTIFIER, true),
            plain().without(oid::AUTHORITY_KEY_IDENTIFIER),
        ),
        case(
            "authority-key-without-identifier",
            plain(),
            plain().with(oid::AUTHORITY_KEY_IDENTIFIER, false, vec![0x30, 0]),
            plain().without(oid::AUTHORITY_KEY_IDENTIFIER),
        ),
        case(
            "authority-key-with-issuer",
            base(),
            authority(with_serial.clone()),
            plain().with(oid::AUTHORITY_KEY_IDENTIFIER, false, with_serial),
        ),
        case(
            "subject-key-missing",
            plain(),
            plain().without(oid::SUBJECT_KEY_IDENTIFIER),
            Sample::root(),
        ),
        case(
            "ca-subject-key-missing",
            Sample::root(),
            Sample::root().without(oid::SUBJECT_KEY_IDENTIFIER),
            plain(),
        ),
        case(
            "subject-key-critical",
            plain(),
            plain().critical(oid::SUBJECT_KEY_IDENTIFIER, true),
            plain().without(oid::SUBJECT_KEY_IDENTIFIER),
        ),
        case(
            "subject-key-not-derived",
            base(),
            base().with(
                oid::SUBJECT_KEY_IDENTIFIER,
                false,
                Writer::encode(|w| w.octet_string(&[5; 20])),
            ),
            plain(),
        ),
        case(
            "path-length-without-ca",
            plain().with(oid::BASIC_CONSTRAINTS, true, constraints(false, None)),
            plain().with(oid::BASIC_CONSTRAINTS, true, constraints(false, Some(0))),
            Sample::subordinate(),
        ),
        case(
            "subject-directory-attributes-forbidden",
            base(),
            base().with(oid::SUBJECT_DIRECTORY_ATTRIBUTES, false, vec![0x30, 0]),
            legacy(Profile::Mailbox).with(oid::SUBJECT_DIRECTORY_ATTRIBUTES, false, vec![0x30, 0]),
        ),
        case(
            "lei-forbidden",
            base(),
            base().with(oid::LEGAL_ENTITY_IDENTIFIER, false, vec![5, 0]),
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_IDENTIFIER, false, vec![5, 0]),
        ),
        case(
            "lei-role-forbidden",
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_IDENTIFIER, false, vec![5, 0]),
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_ROLE, false, vec![5, 0]),
            strict(Profile::Sponsor).with(oid::LEGAL_ENTITY_ROLE, false, vec![5, 0]),
        ),
        case(
            "adobe-forbidden",
            base(),
            base().with(oid::ADOBE_ARCHIVE_REV_INFO, false, vec![5, 0]),
            multipurpose(Profile::Mailbox).with(oid::ADOBE_ARCHIVE_REV_INFO, false, vec![5, 0]),
        ),
        case(
            "name-constraints-without-ca",
            Sample::root().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            plain().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            plain(),
        ),
    ]
}

/// nameConstraints that permit a domain's mailboxes.
fn subtrees() -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| w.explicit(0, |w| w.sequence(|w| w.raw(&mailbox("example.com")))))
    })
}

/// Extensions that must not be critical, by what else they are like.
fn critical() -> Vec<Case> {
    let sponsor = || multipurpose(Profile::Sponsor);
    let rows: [(&'static str, Sample, Oid<'static>, Vec<u8>); 9] = [
        (
            "smime-capabilities-critical",
            base(),
            oid::SMIME_CAPABILITIES,
            vec![0x30, 0],
        ),
        (
            "subject-directory-attributes-critical",
            Sample::plain(),
            oid::SUBJECT_DIRECTORY_ATTRIBUTES,
            vec![0x30, 0],
        ),
        (
            "qc-statements-critical",
            base(),
            oid::QC_STATEMENTS,
            vec![0x30, 0],
        ),
        (
            "lei-critical",
            sponsor(),
            oid::LEGAL_ENTITY_ROLE,
            vec![5, 0],
        ),
        (
            "adobe-critical",
            sponsor(),
            oid::ADOBE_TIMESTAMP,
            vec![5, 0],
        ),
        (
            "issuer-alt-name-critical",
            Sample::plain(),
            oid::ISSUER_ALT_NAME,
            alt_names(&[mailbox(ADDRESS)]),
        ),
        (
            "freshest-crl-critical",
            Sample::plain(),
            oid::FRESHEST_CRL,
            crls(&[uri("http://example.com/d.crl")]),
        ),
        (
            "subject-info-access-critical",
            Sample::plain(),
            oid::SUBJECT_INFO_ACCESS,
            access(&[(oid::ACCESS_CA_ISSUERS, uri("http://example.com/"))]),
        ),
        // The other way round, below.
        (
            "inhibit-any-policy-not-critical",
            Sample::root(),
            oid::INHIBIT_ANY_POLICY,
            vec![2, 1, 0],
        ),
    ];
    let mut all: Vec<Case> = rows
        .into_iter()
        .map(|(code, sample, oid, value)| {
            let of = |critical| sample.clone().with(oid, critical, value.clone());
            match code {
                "inhibit-any-policy-not-critical" => {
                    case(code, of(true), of(false), sample.clone())
                }
                _ => case(code, of(false), of(true), sample.clone()),
            }
        })
        .collect();
    let constrained = Writer::encode(|w| w.sequence(|w| w.primitive(Tag::context(0), &[0])));
    all.extend([
        case(
            "policy-constraints-not-critical",
            Sample::root().with(oid::POLICY_CONSTRAINTS, true, constrained.clone()),
            Sample::root().with(oid::POLICY_CONSTRAINTS, false, constrained.clone()),
            Sample::root(),
        ),
        case(
            "policy-constraints-empty",
            Sample::root().with(oid::POLICY_CONSTRAINTS, true, constrained),
            Sample::root().with(oid::POLICY_CONSTRAINTS, true, vec![0x30, 0]),
            Sample::root(),
        ),
    ]);
    all
}

fn authorities() -> Vec<Case> {
    let (root, sub) = (Sample::root, Sample::subordinate);
    let purposed = |sample: Sample, all: &[Oid<'_>]| {
        sample.with(oid::EXTENDED_KEY_USAGE, false, purposes(all))
    };
    let unclaimed = || sub().without(oid::CERTIFICATE_POLICIES);
    let mail = oid::EMAIL_PROTECTION;
    let mapping = |to: Oid<'_>| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(oid::SHA256);
                    w.oid(to);
                });
            });
        })
    };
    vec![
        case(
            "ca-basic-constraints-not-critical",
            root(),
            root().critical(oid::BASIC_CONSTRAINTS, false),
            Sample::plain(),
        ),
        case(
            "ca-key-usage-missing",
            root(),
            root().without(oid::KEY_USAGE),
            Sample::plain().without(oid::KEY_USAGE),
        ),
        case(
            "ca-cert-sign-missing",
            root(),
            root().with(oid::KEY_USAGE, true, usage(&[6])),
            Sample::plain(),
        ),
        case(
            "ca-crl-sign-missing",
            sub(),
            sub().with(oid::KEY_USAGE, true, usage(&[5])),
            root().with(oid::KEY_USAGE, true, usage(&[5])),
        ),
        case(
            "ca-key-usage-not-critical",
            sub(),
            sub().critical(oid::KEY_USAGE, false),
            root().critical(oid::KEY_USAGE, false),
        ),
        public(
            "root-path-length",
            root(),
            root().with(oid::BASIC_CONSTRAINTS, true, constraints(true, Some(3))),
            sub(),
        ),
        public(
            "root-policies",
            root(),
            qualified(root(), oid::ANY_POLICY, &[]),
            sub(),
        ),
        public(
            "root-extended-key-usage",
            root(),
            purposed(root(), &[mail]),
            sub(),
        ),
        public(
            "sub-ca-policies-missing",
            qualified(sub(), oid::ANY_POLICY, &[]),
            unclaimed(),
            root(),
        ),
        case(
            "sub-ca-crl-distribution-critical",
            sub(),
            sub().critical(oid::CRL_DISTRIBUTION_POINTS, true),
            unclaimed().critical(oid::CRL_DISTRIBUTION_POINTS, true),
        ),
        case(
            "sub-ca-extended-key-usage-missing",
            sub(),
            sub().without(oid::EXTENDED_KEY_USAGE),
            unclaimed().without(oid::EXTENDED_KEY_USAGE),
        ),
        case(
            "sub-ca-email-protection-missing",
            sub(),
            purposed(sub(), &[oid::CLIENT_AUTH]),
            sub().without(oid::EXTENDED_KEY_USAGE),
        ),
        case(
            "sub-ca-extended-key-usage-forbidden",
            purposed(sub(), &[mail, oid::CLIENT_AUTH]),
            purposed(sub(), &[mail, oid::TIME_STAMPING]),
            purposed(unclaimed(), &[mail, oid::TIME_STAMPING]),
        ),
        case(
            "sub-ca-extended-key-usage-mail-only",
            purposed(sub(), &[mail, oid::CLIENT_AUTH]).issued(day(2027, 7, 1)),
            purposed(sub(), &[mail, oid::OCSP_SIGNING]).issued(day(2027, 7, 1)),
            purposed(sub(), &[mail, oid::OCSP_SIGNING]).issued(day(2027, 6, 30)),
        ),
        case(
            "sub-ca-extended-key-usage-critical",
            sub(),
            sub().critical(oid::EXTENDED_KEY_USAGE, true),
            unclaimed().critical(oid::EXTENDED_KEY_USAGE, true),
        ),
        case(
            "ca-common-name-missing",
            sub(),
            sub().no(oid::COMMON_NAME),
            root().no(oid::COMMON_NAME),
        ),
        case(
            "ca-organization-name-missing",
            sub(),
            sub().no(oid::ORGANIZATION),
            root().no(oid::ORGANIZATION),
        ),
        case(
            "ca-country-missing",
            sub(),
            sub().no(oid::COUNTRY),
            root().no(oid::COUNTRY),
        ),
        case(
            "ca-country-unknown",
            sub(),
            sub().set(printable(oid::COUNTRY, "UK")),
            root().set(printable(oid::COUNTRY, "UK")),
        ),
        case(
            "name-constraints-not-critical",
            root().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            root().with(oid::NAME_CONSTRAINTS, false, subtrees()),
            sub().with(oid::NAME_CONSTRAINTS, false, subtrees()),
        ),
        case(
            "sub-ca-name-constraints-not-critical",
            sub().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            sub().with(oid::NAME_CONSTRAINTS, false, subtrees()),
            unclaimed().with(oid::NAME_CONSTRAINTS, false, subtrees()),
        ),
        case(
            "name-constraints-empty",
            root().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            root().with(oid::NAME_CONSTRAINTS, true, vec![0x30, 0]),
            root(),
        ),
        case(
            "policy-mapping-any",
            root().with(oid::POLICY_MAPPINGS, true, mapping(oid::SHA384)),
            root().with(oid::POLICY_MAPPINGS, true, mapping(oid::ANY_POLICY)),
            root(),
        ),
    ]
}
