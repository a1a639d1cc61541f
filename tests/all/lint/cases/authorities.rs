//! Certificates of authorities.

use mailseal::asn1::{Oid, Writer, oid};

use super::super::sample::*;
use super::extensions::{qualified, subtrees};
use super::{Case, case, public};

pub fn cases() -> Vec<Case> {
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
