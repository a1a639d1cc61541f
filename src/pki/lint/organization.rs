//! `organizationIdentifier` (S/MIME BR §7.1.4.2.2 d and appendix A.1).

use crate::asn1::Tag;
use crate::asn1::oid;
use crate::pki::lint::country;
use crate::pki::lint::rule::{BR, BR_1_0_9, Found, Level, Rule, told};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "organization-identifier-encoding",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 d",
        demand: "organizationIdentifier is a PrintableString or UTF8String",
        since: BR,
        applies: has_identifier,
        broken: |c| {
            let mut all = c
                .attributes()
                .iter()
                .filter(|a| a.oid == oid::ORGANIZATION_IDENTIFIER);
            let odd =
                all.any(|a| ![Tag::PRINTABLE_STRING, Tag::UTF8_STRING].contains(&a.value.tag));
            told(odd.then(|| "it is a string of another type".to_owned()))
        },
        same: &["cabf.invalid_subject_organization_identifier_encoding"],
    },
    Rule {
        code: "organization-identifier-form",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 d",
        demand: "organizationIdentifier is scheme, country, perhaps + and a subdivision, then - and a reference",
        since: BR,
        applies: has_identifier,
        broken: |c| {
            first(c, |text| {
                Identifier::read(text)
                    .is_none()
                    .then(|| format!("it is \"{text}\""))
            })
        },
        same: &["cabf.invalid_subject_organization_identifier_format"],
    },
    Rule {
        code: "organization-identifier-scheme",
        level: Level::Must,
        source: "S/MIME BR appendix A.1, §7.1.4.2.2 d note 2",
        demand: "the registration scheme is NTR, VAT, PSD, LEI, GOV or INT",
        since: BR,
        applies: has_identifier,
        broken: |c| {
            read(c, |identifier| {
                let known = ["NTR", "VAT", "PSD", "LEI", "GOV", "INT"];
                (!known.contains(&identifier.scheme))
                    .then(|| format!("the scheme is {}", identifier.scheme))
            })
        },
        same: &["cabf.invalid_organization_identifier_registration_scheme"],
    },
    Rule {
        code: "organization-identifier-reference",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 d",
        demand: "NTR, VAT, PSD and LEI are followed by a reference, GOV and INT by none",
        since: BR,
        applies: has_identifier,
        broken: |c| {
            read(c, |identifier| {
                match (identifier.scheme, identifier.reference) {
                    ("GOV" | "INT", Some(reference)) => Some(format!(
                        "{} is followed by \"{reference}\"",
                        identifier.scheme
                    )),
                    ("NTR" | "VAT" | "PSD" | "LEI", None) => {
                        Some(format!("{} is followed by none", identifier.scheme))
                    }
                    _ => None,
                }
            })
        },
        same: &[
            "cabf.organization_identifier_reference_missing_for_scheme",
            "cabf.smime.prohibited_organization_identifier_reference_present_for_scheme",
        ],
    },
    Rule {
        code: "organization-identifier-country",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 d note 1, appendix A.1",
        demand: "the country is a code of ISO 3166-1; XG for LEI and INT; for VAT also the prefix of the tax authority",
        since: BR,
        applies: has_identifier,
        broken: |c| {
            read(c, |identifier| {
                let fits = match identifier.scheme {
                    "LEI" | "INT" => identifier.country == "XG",
                    // Prefixes of Council Directive 2006/112/EC article 215 that are no codes of ISO 3166-1: Greece, Northern Ireland.
                    "VAT" => {
                        country::is_assigned(identifier.country)
                            || ["EL", "XI"].contains(&identifier.country)
                    }
                    _ => country::is_assigned(identifier.country),
                };
                (!fits).then(|| format!("the country is {}", identifier.country))
            })
        },
        same: &["cabf.invalid_organization_identifier_country"],
    },
    Rule {
        code: "organization-identifier-other-country",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 d note 1, appendix A.1",
        demand: "the country is that of countryName, where there is one; LEI and INT excepted",
        since: BR,
        applies: |c| has_identifier(c) && c.names(oid::COUNTRY),
        broken: |c| {
            read(c, |identifier| {
                if ["LEI", "INT"].contains(&identifier.scheme) {
                    return None;
                }
                let country = match (identifier.scheme, identifier.country) {
                    ("VAT", "EL") => "GR",
                    ("VAT", "XI") => "GB",
                    (_, country) => country,
                };
                let other = c.values(oid::COUNTRY).find(|name| *name != country)?;
                Some(format!(
                    "the country is {}, countryName is {other}",
                    identifier.country
                ))
            })
        },
        same: &[
            "e_registration_scheme_id_matches_subject_country",
            "cabf.smime.org_identifier_and_country_name_attribute_inconsistent",
        ],
    },
    Rule {
        code: "organization-identifier-no-euid",
        level: Level::Should,
        source: "S/MIME BR §7.1.4.2.2 d note 3",
        demand: "NTRDE is followed by an EUID: DE, the register, a dot, the reference",
        since: BR_1_0_9,
        applies: |c| has_identifier(c) && read(c, |i| is_german(&i).then(String::new)).is_some(),
        broken: |c| {
            read(c, |identifier| {
                let reference = identifier.reference.filter(|_| is_german(&identifier))?;
                let rest = reference.strip_prefix("DE").unwrap_or_default();
                let euid = rest
                    .split_once('.')
                    .is_some_and(|(register, number)| !register.is_empty() && !number.is_empty());
                (!euid || identifier.subdivision.is_some())
                    .then(|| format!("the reference is \"{reference}\""))
            })
        },
        same: &["cabf.smime.german_ntr_registration_reference_not_euid"],
    },
];

/// An `organizationIdentifier`, cut up.
struct Identifier<'t> {
    scheme: &'t str,
    country: &'t str,
    subdivision: Option<&'t str>,
    reference: Option<&'t str>,
}

impl<'t> Identifier<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase());
        let (scheme, rest) = text
            .split_at_checked(3)
            .filter(|(scheme, _)| upper(scheme))?;
        let (country, rest) = rest
            .split_at_checked(2)
            .filter(|(country, _)| upper(country))?;
        // The leftmost hyphen separates; those behind it belong to the reference.
        let (place, reference) = match rest.split_once('-') {
            Some((place, reference)) => (place, Some(reference)),
            None => (rest, None),
        };
        let subdivision = match place.strip_prefix('+') {
            Some(code) => Some(code),
            None if place.is_empty() => None,
            None => return None,
        };
        let is_code = |code: &str| {
            (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let in_order = subdivision.is_none_or(is_code)
            && reference.is_none_or(|reference| !reference.is_empty());
        in_order.then_some(Self {
            scheme,
            country,
            subdivision,
            reference,
        })
    }
}

fn has_identifier(c: &View<'_>) -> bool {
    scope::br_subscriber(c) && c.names(oid::ORGANIZATION_IDENTIFIER)
}

fn is_german(identifier: &Identifier<'_>) -> bool {
    identifier.scheme == "NTR" && identifier.country == "DE" && identifier.reference.is_some()
}

fn first(c: &View<'_>, wrong: impl Fn(&str) -> Option<String>) -> Found {
    told(c.values(oid::ORGANIZATION_IDENTIFIER).find_map(wrong))
}

/// Looks at those that can be cut up.
fn read(c: &View<'_>, wrong: impl Fn(Identifier<'_>) -> Option<String>) -> Found {
    first(c, |text| Identifier::read(text).and_then(&wrong))
}
