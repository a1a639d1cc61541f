//! `certificatePolicies` (S/MIME BR §7.1.2.3 a and §7.1.6, RFC 5280 §4.2.1.4).

use crate::asn1::oid;
use crate::asn1::text;
use crate::asn1::{Element, Oid, Tag, Time};
use crate::pki::lint::claim::Claim;
use crate::pki::lint::read::Qualifier;
use crate::pki::lint::rule::{BR, Found, Level, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;

/// RFC 6818 was published in January 2013.
const RFC_6818: Option<Time> = Some(Time::midnight(2013, 1, 1));

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "policy-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 a, §7.1.6.4",
        demand: "certificatePolicies has one of the reserved identifiers",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| when(c.claim == Claim::NotClaimed, "it has none"),
        same: &[
            "e_exactly_one_smime_policy",
            "cabf.smime.certificate_policies_extension_missing",
            "cabf.smime.no_required_reserved_policy_oid",
        ],
    },
    Rule {
        code: "policy-conflict",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 a",
        demand: "certificatePolicies has exactly one of the reserved identifiers",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| {
            when(
                c.claim == Claim::Several,
                "it has several: no profile's rules were looked at",
            )
        },
        same: &[
            "e_exactly_one_smime_policy",
            "cabf.smime.multiple_reserved_policy_oids",
        ],
    },
    Rule {
        code: "policy-duplicate",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.4",
        demand: "no policy stands in certificatePolicies twice",
        since: RFC_5280,
        applies: has_policies,
        broken: |c| {
            let all: Vec<Oid<'_>> = c
                .policies()
                .iter()
                .map(|policy| policy.identifier)
                .collect();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            let twice = sorted.windows(2).find_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            });
            told(twice.map(|policy| format!("{policy} does")))
        },
        same: &[
            "e_ext_cert_policy_duplicate",
            "pkix.duplicate_certificate_policy_oids",
        ],
    },
    Rule {
        code: "policy-critical",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.2 a, §7.1.2.3 a",
        demand: "certificatePolicies is not critical",
        since: BR,
        applies: |c| scope::br(c) && c.has(oid::CERTIFICATE_POLICIES),
        broken: |c| when(c.critical(oid::CERTIFICATE_POLICIES), "it is critical"),
        same: &[
            "w_sub_cert_certificate_policies_marked_critical",
            "w_sub_ca_certificate_policies_marked_critical",
            "cabf.critical_certificate_policies_extension",
        ],
    },
    Rule {
        code: "policy-cps-not-http",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 a, §7.1.2.3 a",
        demand: "a pointer to the practice statement is an HTTP or HTTPS URL",
        since: BR,
        applies: |c| {
            scope::br(c) && qualifiers(c).any(|qualifier| matches!(qualifier, Qualifier::Cps(_)))
        },
        broken: |c| {
            told(qualifiers(c).find_map(|qualifier| match qualifier {
                Qualifier::Cps(uri) if !is_web(uri) => {
                    Some(format!("it is \"{}\"", String::from_utf8_lossy(uri)))
                }
                Qualifier::Cps(_) | Qualifier::Notice { .. } | Qualifier::Other => None,
            }))
        },
        same: &["cabf.cps_uri_is_not_http"],
    },
    Rule {
        code: "policy-notice-reference",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 a, §7.1.2.3 a",
        demand: "a user notice has no noticeRef",
        since: BR,
        applies: |c| scope::br(c) && has_notice(c),
        broken: notice_reference,
        same: &[
            "cabf.smime.usernotice_has_noticeref",
            "pkix.certificate_policies_usernotice_has_noticeref",
        ],
    },
    Rule {
        code: "policy-notice-reference-outdated",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.4",
        demand: "a user notice has no noticeRef",
        since: RFC_5280,
        applies: |c| !scope::br(c) && has_notice(c),
        broken: notice_reference,
        same: &[
            "w_ext_cert_policy_contains_noticeref",
            "pkix.certificate_policies_usernotice_has_noticeref",
        ],
    },
    Rule {
        code: "policy-notice-without-text",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 a, §7.1.2.3 a",
        demand: "a user notice has explicitText",
        since: BR,
        applies: |c| scope::br(c) && has_notice(c),
        broken: |c| {
            let bare = |qualifier: &Qualifier<'_>| {
                matches!(qualifier, Qualifier::Notice { text: None, .. })
            };
            when(qualifiers(c).any(bare), "it has none")
        },
        same: &[],
    },
    Rule {
        code: "policy-text-too-long",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.4",
        demand: "explicitText has at most 200 characters",
        since: RFC_5280,
        applies: |c| notice_texts(c).next().is_some(),
        broken: |c| {
            let length =
                |element: Element<'_>| text::text(&element).map(|text| text.text.chars().count());
            let long = notice_texts(c)
                .filter_map(length)
                .find(|length| *length > 200);
            told(long.map(|length| format!("it has {length} characters")))
        },
        same: &["e_ext_cert_policy_explicit_text_too_long"],
    },
    Rule {
        code: "policy-text-type",
        level: Level::Must,
        source: "RFC 6818 §3",
        demand: "explicitText is no VisibleString and no BMPString",
        since: RFC_6818,
        applies: |c| notice_texts(c).next().is_some(),
        broken: |c| {
            let odd = notice_texts(c)
                .any(|element| [Tag::VISIBLE_STRING, Tag::BMP_STRING].contains(&element.tag));
            when(odd, "it is one")
        },
        same: &[
            "pkix.rfc6818_certificate_policies_invalid_explicit_text_encoding",
            "pkix.rfc5280_certificate_policies_invalid_explicit_text_encoding",
        ],
    },
    Rule {
        code: "any-policy-qualifier",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.4",
        demand: "anyPolicy has no qualifiers but a practice statement and a user notice",
        since: RFC_5280,
        applies: |c| {
            c.policies()
                .iter()
                .any(|policy| policy.identifier == oid::ANY_POLICY)
        },
        broken: |c| {
            let mut any = c
                .policies()
                .iter()
                .filter(|policy| policy.identifier == oid::ANY_POLICY);
            let other = |qualifier: &Qualifier<'_>| matches!(qualifier, Qualifier::Other);
            when(
                any.any(|policy| policy.qualifiers.iter().any(other)),
                "it has another one",
            )
        },
        same: &[
            "e_ext_cert_policy_disallowed_any_policy_qualifier",
            "pkix.certificate_policies_anypolicy_has_prohibited_qualifier",
        ],
    },
];

fn has_policies(c: &View<'_>) -> bool {
    matches!(c.policies, Ok(Some(_)))
}

fn qualifiers<'c, 'a>(c: &'c View<'a>) -> impl Iterator<Item = &'c Qualifier<'a>> {
    c.policies().iter().flat_map(|policy| &policy.qualifiers)
}

fn has_notice(c: &View<'_>) -> bool {
    qualifiers(c).any(|qualifier| matches!(qualifier, Qualifier::Notice { .. }))
}

fn notice_reference(c: &View<'_>) -> Found {
    let refers = |qualifier: &Qualifier<'_>| {
        matches!(
            qualifier,
            Qualifier::Notice {
                reference: true,
                ..
            }
        )
    };
    when(qualifiers(c).any(refers), "it has one")
}

fn notice_texts<'a>(c: &View<'a>) -> impl Iterator<Item = Element<'a>> {
    qualifiers(c).filter_map(|qualifier| match qualifier {
        Qualifier::Notice { text, .. } => *text,
        Qualifier::Cps(_) | Qualifier::Other => None,
    })
}

fn is_web(uri: &[u8]) -> bool {
    let starts = |scheme: &[u8]| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts(b"http://") || starts(b"https://")
}
