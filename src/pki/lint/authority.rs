//! Certificates of authorities (RFC 5280 §4.2.1.3 to §4.2.1.14, S/MIME BR §7.1.2.1, §7.1.2.2, §7.1.4.3).

use crate::asn1::oid;
use crate::asn1::{Oid, Reader, Tag};
use crate::pki::lint::country;
use crate::pki::lint::rule::{BR, Found, Level, MAIL_ONLY, RFC_2459, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::usage::{FORBIDDEN, has_purposes, purpose};
use crate::pki::lint::view::View;
use crate::pki::x509::extensions::KeyUsageBit;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "ca-basic-constraints-not-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.9",
        demand: "an authority's basicConstraints is critical",
        since: RFC_2459,
        applies: scope::authority,
        broken: |c| when(!c.critical(oid::BASIC_CONSTRAINTS), "it is not"),
        same: &[
            "e_basic_constraints_not_critical",
            "pkix.basic_constraints_extension_not_critical",
        ],
    },
    Rule {
        code: "ca-key-usage-missing",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.3",
        demand: "an authority has keyUsage",
        since: RFC_5280,
        applies: scope::authority,
        broken: |c| when(c.lacks(oid::KEY_USAGE), "there is none"),
        same: &[
            "e_ca_key_usage_missing",
            "pkix.ca_certificate_no_ku_extension",
        ],
    },
    Rule {
        code: "ca-cert-sign-missing",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.9",
        demand: "an authority's keyUsage has keyCertSign",
        since: RFC_5280,
        applies: |c| scope::authority(c) && c.usage().is_some(),
        broken: |c| when(!c.usage()?.has(KeyUsageBit::KeyCertSign), "it has not"),
        same: &[
            "e_ca_key_cert_sign_not_set",
            "pkix.ca_certificate_keycertsign_keyusage_not_set",
        ],
    },
    Rule {
        code: "ca-crl-sign-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.1 b, §7.1.2.2 e",
        demand: "an authority's keyUsage has cRLSign",
        since: BR,
        applies: |c| scope::br_authority(c) && c.usage().is_some(),
        broken: |c| when(!c.usage()?.has(KeyUsageBit::CrlSign), "it has not"),
        same: &["e_ca_crl_sign_not_set"],
    },
    Rule {
        code: "ca-key-usage-not-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.1 b, §7.1.2.2 e",
        demand: "an authority's keyUsage is critical",
        since: BR,
        applies: |c| scope::br_authority(c) && c.has(oid::KEY_USAGE),
        broken: |c| when(!c.critical(oid::KEY_USAGE), "it is not"),
        same: &["e_ca_key_usage_not_critical"],
    },
    Rule {
        code: "root-path-length",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.1 a",
        demand: "a root has no pathLenConstraint",
        since: BR,
        applies: scope::br_root,
        broken: |c| {
            let long =
                matches!(c.constraints, Ok(Some(constraints)) if constraints.path_length.is_some());
            when(long, "it has one")
        },
        same: &["w_root_ca_basic_constraints_path_len_constraint_field_present"],
    },
    Rule {
        code: "root-policies",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.1 c, §7.1.6.2",
        demand: "a root has no certificatePolicies",
        since: BR,
        applies: scope::br_root,
        broken: |c| when(c.has(oid::CERTIFICATE_POLICIES), "it has"),
        same: &["w_root_ca_contains_cert_policy"],
    },
    Rule {
        code: "root-extended-key-usage",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.1 d",
        demand: "a root has no extKeyUsage",
        since: BR,
        applies: scope::br_root,
        broken: |c| when(c.has(oid::EXTENDED_KEY_USAGE), "it has"),
        same: &["e_root_ca_extended_key_usage_present"],
    },
    Rule {
        code: "sub-ca-policies-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 a, §7.1.6.3",
        demand: "a subordinate authority has a reserved policy identifier or anyPolicy",
        since: BR,
        applies: scope::br_subordinate,
        broken: |c| {
            let any = c
                .policies()
                .iter()
                .any(|policy| policy.identifier == oid::ANY_POLICY);
            let reserved = !c.claim.generation().is_empty() || c.claim.profile() == "conflict";
            when(!any && !reserved && c.policies.is_ok(), "it has neither")
        },
        same: &["e_sub_ca_certificate_policies_missing"],
    },
    Rule {
        code: "sub-ca-crl-distribution-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 b",
        demand: "a subordinate authority's cRLDistributionPoints is not critical",
        since: BR,
        applies: |c| scope::br_subordinate(c) && c.has(oid::CRL_DISTRIBUTION_POINTS),
        broken: |c| when(c.critical(oid::CRL_DISTRIBUTION_POINTS), "it is critical"),
        same: &["e_sub_ca_crl_distribution_points_marked_critical"],
    },
    Rule {
        code: "sub-ca-extended-key-usage-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 g",
        demand: "a subordinate authority has extKeyUsage (a cross certificate of a root may go without)",
        since: BR,
        applies: scope::br_subordinate,
        broken: |c| when(c.lacks(oid::EXTENDED_KEY_USAGE), "there is none"),
        same: &[],
    },
    Rule {
        code: "sub-ca-email-protection-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 g",
        demand: "a subordinate authority for mail has emailProtection",
        since: BR,
        applies: |c| scope::br_subordinate(c) && has_purposes(c),
        broken: |c| {
            when(
                !c.purposes().contains(&oid::EMAIL_PROTECTION),
                "emailProtection is not among the purposes",
            )
        },
        same: &[],
    },
    Rule {
        code: "sub-ca-extended-key-usage-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 g",
        demand: "a subordinate authority for mail has neither serverAuth nor codeSigning nor timeStamping nor anyExtendedKeyUsage",
        since: BR,
        applies: |c| scope::br_subordinate(c) && has_purposes(c),
        broken: |c| purpose(c, |purpose| FORBIDDEN.contains(&purpose)),
        same: &[],
    },
    Rule {
        code: "sub-ca-extended-key-usage-mail-only",
        level: Level::Must,
        source: "S/MIME BR 1.0.16 §7.1.2.2 g",
        demand: "from 2027-07-01 a subordinate authority has nothing but emailProtection and clientAuth",
        since: MAIL_ONLY,
        applies: |c| scope::br_subordinate(c) && has_purposes(c),
        broken: |c| {
            purpose(c, |purpose| {
                ![oid::EMAIL_PROTECTION, oid::CLIENT_AUTH].contains(&purpose)
            })
        },
        same: &[],
    },
    Rule {
        code: "sub-ca-extended-key-usage-critical",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.2 g",
        demand: "a subordinate authority's extKeyUsage is not critical",
        since: BR,
        applies: |c| scope::br_subordinate(c) && c.has(oid::EXTENDED_KEY_USAGE),
        broken: |c| when(c.critical(oid::EXTENDED_KEY_USAGE), "it is critical"),
        same: &["w_sub_ca_eku_critical"],
    },
    Rule {
        code: "ca-common-name-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.3.1 a",
        demand: "an authority has commonName",
        since: BR,
        applies: |c| scope::br_authority(c) && c.subject.is_ok(),
        broken: |c| when(!c.names(oid::COMMON_NAME), "there is none"),
        same: &["e_ca_common_name_missing"],
    },
    Rule {
        code: "ca-organization-name-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.3.1 b",
        demand: "an authority has organizationName",
        since: BR,
        applies: |c| scope::br_authority(c) && c.subject.is_ok(),
        broken: |c| when(!c.names(oid::ORGANIZATION), "there is none"),
        same: &["e_ca_organization_name_missing"],
    },
    Rule {
        code: "ca-country-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.3.1 c",
        demand: "an authority has countryName",
        since: BR,
        applies: |c| scope::br_authority(c) && c.subject.is_ok(),
        broken: |c| when(!c.names(oid::COUNTRY), "there is none"),
        same: &["e_ca_country_name_missing"],
    },
    Rule {
        code: "ca-country-unknown",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.3.1 c",
        demand: "an authority's countryName is a code of ISO 3166-1",
        since: BR,
        applies: |c| scope::br_authority(c) && c.names(oid::COUNTRY),
        broken: |c| {
            let odd = c
                .values(oid::COUNTRY)
                .find(|code| !country::is_assigned(code));
            told(odd.map(|code| format!("countryName is \"{code}\"")))
        },
        same: &["e_ca_country_name_invalid"],
    },
    Rule {
        code: "name-constraints-not-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.10",
        demand: "nameConstraints is critical (the Baseline Requirements excuse it: S/MIME BR §7.1.2.2 f)",
        since: RFC_5280,
        applies: |c| scope::authority(c) && !scope::br(c) && c.has(oid::NAME_CONSTRAINTS),
        broken: |c| when(!c.critical(oid::NAME_CONSTRAINTS), "it is not"),
        same: &[
            "e_ext_name_constraints_not_critical",
            "pkix.certificate_name_constraints_extension_not_critical",
        ],
    },
    Rule {
        code: "sub-ca-name-constraints-not-critical",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.2 f",
        demand: "nameConstraints is critical",
        since: BR,
        applies: |c| scope::br_subordinate(c) && c.has(oid::NAME_CONSTRAINTS),
        broken: |c| when(!c.critical(oid::NAME_CONSTRAINTS), "it is not"),
        same: &["w_sub_ca_name_constraints_not_critical"],
    },
    Rule {
        code: "name-constraints-empty",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.10",
        demand: "nameConstraints permits or excludes something",
        since: RFC_5280,
        applies: |c| scope::authority(c) && matches!(c.name_constraints, Ok(Some(_))),
        broken: |c| {
            let empty = matches!(&c.name_constraints, Ok(Some(all)) if all.permitted.is_empty() && all.excluded.is_empty());
            when(empty, "it is empty")
        },
        same: &[
            "e_name_constraint_empty",
            "pkix.name_constraints_no_subtrees",
        ],
    },
    Rule {
        code: "policy-constraints-not-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.11",
        demand: "policyConstraints is critical",
        since: RFC_5280,
        applies: |c| c.has(oid::POLICY_CONSTRAINTS),
        broken: |c| when(!c.critical(oid::POLICY_CONSTRAINTS), "it is not"),
        same: &["e_ext_policy_constraints_not_critical"],
    },
    Rule {
        code: "policy-constraints-empty",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.11",
        demand: "policyConstraints constrains something",
        since: RFC_5280,
        applies: |c| c.has(oid::POLICY_CONSTRAINTS),
        broken: |c| {
            when(
                c.extension(oid::POLICY_CONSTRAINTS)?.value == [0x30, 0],
                "it is empty",
            )
        },
        same: &["e_ext_policy_constraints_empty"],
    },
    Rule {
        code: "inhibit-any-policy-not-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.14",
        demand: "inhibitAnyPolicy is critical",
        since: RFC_5280,
        applies: |c| c.has(oid::INHIBIT_ANY_POLICY),
        broken: |c| when(!c.critical(oid::INHIBIT_ANY_POLICY), "it is not"),
        same: &["e_inhibit_any_policy_not_critical"],
    },
    Rule {
        code: "policy-mapping-any",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.5",
        demand: "anyPolicy is not mapped, and nothing to it",
        since: RFC_5280,
        applies: |c| c.has(oid::POLICY_MAPPINGS),
        broken: |c| maps(c, |policy| policy == oid::ANY_POLICY),
        same: &["e_ext_policy_map_any_policy"],
    },
];

/// One side of a mapping is such a policy.
fn maps(c: &View<'_>, is: impl Fn(Oid<'_>) -> bool) -> Found {
    let extension = c.extension(oid::POLICY_MAPPINGS)?;
    let mut list = Reader::new(extension.value)
        .expect(Tag::SEQUENCE)
        .and_then(|e| e.reader())
        .ok()?;
    while let Ok(mapping) = list.element() {
        let mut r = mapping.reader().ok()?;
        while let Ok(policy) = r.oid() {
            if is(policy) {
                return when(true, "it is");
            }
        }
    }
    None
}
