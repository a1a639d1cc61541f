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
    all
}

fn own() -> Oid<'static> {
    reserved(Profile::Mailbox, Generation::Strict)
}

pub fn qualified(sample: Sample, identifier: Oid<'_>, qualifiers: &[Vec<u8>]) -> Sample {
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
    let with_serial = named_authority(true);
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
            "authority-key-half-issuer",
            plain().with(oid::AUTHORITY_KEY_IDENTIFIER, false, named_authority(true)),
            plain().with(oid::AUTHORITY_KEY_IDENTIFIER, false, named_authority(false)),
            plain().without(oid::AUTHORITY_KEY_IDENTIFIER),
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
            base().with(
                oid::SUBJECT_DIRECTORY_ATTRIBUTES,
                false,
                directory_attributes(),
            ),
            legacy(Profile::Mailbox).with(
                oid::SUBJECT_DIRECTORY_ATTRIBUTES,
                false,
                directory_attributes(),
            ),
        ),
        case(
            "lei-forbidden",
            base(),
            base().with(oid::LEGAL_ENTITY_IDENTIFIER, false, lei()),
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_IDENTIFIER, false, lei()),
        ),
        case(
            "lei-role-forbidden",
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_IDENTIFIER, false, lei()),
            strict(Profile::Organization).with(oid::LEGAL_ENTITY_ROLE, false, role()),
            strict(Profile::Sponsor).with(oid::LEGAL_ENTITY_ROLE, false, role()),
        ),
        case(
            "adobe-forbidden",
            base(),
            base().with(oid::ADOBE_ARCHIVE_REV_INFO, false, archive()),
            multipurpose(Profile::Mailbox).with(oid::ADOBE_ARCHIVE_REV_INFO, false, archive()),
        ),
        case(
            "name-constraints-without-ca",
            Sample::root().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            plain().with(oid::NAME_CONSTRAINTS, true, subtrees()),
            plain(),
        ),
    ]
}

/// authorityKeyIdentifier with the issuer's issuer, and perhaps its serial number.
fn named_authority(serial: bool) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.primitive(Tag::context(0), &[3; 20]);
            w.constructed(Tag::context(1), |w| {
                w.raw(&directory(&[utf8(oid::COMMON_NAME, "Example Root")]))
            });
            if serial {
                w.primitive(Tag::context(2), &[7]);
            }
        });
    })
}

/// A Legal Entity Identifier (ISO 17442), and a role.
fn lei() -> Vec<u8> {
    Writer::encode(|w| w.primitive(Tag::PRINTABLE_STRING, b"529900T8BM49AURSDO55"))
}

fn role() -> Vec<u8> {
    Writer::encode(|w| w.primitive(Tag::PRINTABLE_STRING, b"Chief Financial Officer"))
}

/// The revocation information that Adobe archives.
fn archive() -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.small_integer(1)))
}

fn adobe_timestamp() -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.small_integer(1);
            w.raw(&uri("http://time.example.com/"));
        });
    })
}

/// subjectDirectoryAttributes with one attribute.
fn directory_attributes() -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(oid::TITLE);
                w.constructed(Tag::SET, |w| w.primitive(Tag::PRINTABLE_STRING, b"Dr."));
            });
        });
    })
}

/// nameConstraints that permit a domain's mailboxes.
pub fn subtrees() -> Vec<u8> {
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
            directory_attributes(),
        ),
        (
            "qc-statements-critical",
            base(),
            oid::QC_STATEMENTS,
            vec![0x30, 0],
        ),
        ("lei-critical", sponsor(), oid::LEGAL_ENTITY_ROLE, role()),
        (
            "adobe-critical",
            sponsor(),
            oid::ADOBE_TIMESTAMP,
            adobe_timestamp(),
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
