//! How names are written: string types, lengths, empty values (RFC 5280 §4.1.2.4, §4.1.2.6 and appendix A.1).

use std::borrow::Cow;

use crate::asn1::oid;
use crate::asn1::{Oid, Tag};
use crate::pki::lint::rule::{BR, Found, Level, RFC_2459, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::{Attribute, View};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "name-unreadable",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.4",
        demand: "issuer and subject are names",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| match (&c.issuer, &c.subject) {
            (Err(_), _) => Some(Cow::Borrowed("the issuer's name can't be read")),
            (Ok(_), Err(_)) => Some(Cow::Borrowed("the subject's name can't be read")),
            (Ok(_), Ok(_)) => None,
        },
        same: &[],
    },
    Rule {
        code: "issuer-empty",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.4",
        demand: "the issuer has a name",
        since: RFC_2459,
        applies: |c| c.issuer.is_ok(),
        broken: |c| {
            when(
                c.issuer.as_ref().is_ok_and(Vec::is_empty),
                "the issuer's name is empty",
            )
        },
        same: &["e_issuer_field_empty", "pkix.name_empty"],
    },
    Rule {
        code: "ca-subject-empty",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.6",
        demand: "an authority has a name",
        since: RFC_5280,
        applies: |c| scope::authority(c) && c.subject.is_ok(),
        broken: |c| when(c.attributes().is_empty(), "the subject's name is empty"),
        same: &["e_ca_subject_field_empty", "pkix.name_empty"],
    },
    Rule {
        code: "subject-empty-without-san",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.6",
        demand: "without a name the subject has a subjectAltName",
        since: RFC_5280,
        applies: |c| scope::subscriber(c) && c.subject.as_ref().is_ok_and(Vec::is_empty),
        broken: |c| {
            when(
                c.lacks(oid::SUBJECT_ALT_NAME),
                "neither a name nor a subjectAltName is there",
            )
        },
        same: &["e_subject_empty_without_san"],
    },
    Rule {
        code: "name-string-old",
        level: Level::Should,
        source: "RFC 5280 §4.1.2.4",
        demand: "names are PrintableString or UTF8String; older types only for names that were issued with them before",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            let old = [Tag::T61_STRING, Tag::BMP_STRING, Tag::UNIVERSAL_STRING];
            both(c, |attribute| {
                old.contains(&attribute.value.tag)
                    .then_some("is a TeletexString, BMPString or UniversalString")
            })
        },
        same: &[],
    },
    Rule {
        code: "name-string-malformed",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.4",
        demand: "the octets of a string are characters of its type",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            both(c, |attribute| {
                if !attribute.well_formed {
                    return Some("has octets that its string type does not have");
                }
                let printable = attribute.value.tag == Tag::PRINTABLE_STRING;
                (printable && !attribute.value.content.iter().all(is_printable))
                    .then_some("has characters that PrintableString does not have")
            })
        },
        same: &[],
    },
    Rule {
        code: "name-attribute-empty",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.4",
        demand: "an attribute's value has at least one character",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            both(c, |attribute| {
                attribute.value.content.is_empty().then_some("is empty")
            })
        },
        same: &[],
    },
    Rule {
        code: "country-not-printable",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.4",
        demand: "countryName is a PrintableString",
        since: RFC_5280,
        applies: |c| c.names(oid::COUNTRY),
        broken: |c| {
            not_of_type(
                c,
                oid::COUNTRY,
                Tag::PRINTABLE_STRING,
                "is no PrintableString",
            )
        },
        same: &["e_subject_dn_country_not_printable_string"],
    },
    Rule {
        code: "country-not-two-letters",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.4",
        demand: "countryName has two characters",
        since: RFC_5280,
        applies: |c| c.names(oid::COUNTRY),
        broken: |c| {
            let odd = c
                .values(oid::COUNTRY)
                .find(|country| country.chars().count() != 2);
            told(odd.map(|country| format!("countryName is \"{country}\"")))
        },
        same: &[],
    },
    Rule {
        code: "serial-number-not-printable",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.4",
        demand: "the attribute serialNumber is a PrintableString",
        since: RFC_5280,
        applies: |c| c.names(oid::SERIAL_NUMBER),
        broken: |c| {
            not_of_type(
                c,
                oid::SERIAL_NUMBER,
                Tag::PRINTABLE_STRING,
                "is no PrintableString",
            )
        },
        same: &["e_subject_dn_serial_number_not_printable_string"],
    },
    Rule {
        code: "email-attribute-not-ia5",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.6",
        demand: "emailAddress is an IA5String",
        since: RFC_5280,
        applies: |c| c.names(oid::EMAIL_ADDRESS),
        broken: |c| not_of_type(c, oid::EMAIL_ADDRESS, Tag::IA5_STRING, "is no IA5String"),
        same: &[],
    },
    Rule {
        code: "domain-component-not-ia5",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.4",
        demand: "domainComponent is an IA5String",
        since: RFC_5280,
        applies: |c| c.names(oid::DOMAIN_COMPONENT),
        broken: |c| not_of_type(c, oid::DOMAIN_COMPONENT, Tag::IA5_STRING, "is no IA5String"),
        same: &[],
    },
    Rule {
        code: "common-name-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "commonName has at most 64 characters",
        since: RFC_2459,
        applies: |c| c.names(oid::COMMON_NAME),
        broken: |c| longer(c, oid::COMMON_NAME, 64),
        same: &["e_subject_common_name_max_length"],
    },
    Rule {
        code: "organization-name-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "organizationName has at most 64 characters",
        since: RFC_2459,
        applies: |c| c.names(oid::ORGANIZATION),
        broken: |c| longer(c, oid::ORGANIZATION, 64),
        same: &["e_subject_organization_name_max_length"],
    },
    Rule {
        code: "organizational-unit-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "organizationalUnitName has at most 64 characters",
        since: RFC_2459,
        applies: |c| c.names(oid::ORGANIZATIONAL_UNIT),
        broken: |c| longer(c, oid::ORGANIZATIONAL_UNIT, 64),
        same: &["e_subject_organizational_unit_name_max_length"],
    },
    Rule {
        code: "locality-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "localityName has at most 128 characters",
        since: RFC_2459,
        applies: |c| c.names(oid::LOCALITY),
        broken: |c| longer(c, oid::LOCALITY, 128),
        same: &["e_subject_locality_name_max_length"],
    },
    Rule {
        code: "state-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "stateOrProvinceName has at most 128 characters",
        since: RFC_2459,
        applies: |c| c.names(oid::STATE),
        broken: |c| longer(c, oid::STATE, 128),
        same: &["e_subject_state_name_max_length"],
    },
    Rule {
        code: "title-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "title has at most 64 characters",
        since: RFC_5280,
        applies: |c| c.names(oid::TITLE),
        broken: |c| longer(c, oid::TITLE, 64),
        same: &[],
    },
    Rule {
        code: "pseudonym-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "pseudonym has at most 128 characters",
        since: RFC_5280,
        applies: |c| c.names(oid::PSEUDONYM),
        broken: |c| longer(c, oid::PSEUDONYM, 128),
        same: &[],
    },
    Rule {
        code: "serial-number-attribute-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "the attribute serialNumber has at most 64 characters",
        since: RFC_5280,
        applies: |c| c.names(oid::SERIAL_NUMBER),
        broken: |c| longer(c, oid::SERIAL_NUMBER, 64),
        same: &["e_subject_dn_serial_number_max_length"],
    },
    Rule {
        code: "email-attribute-too-long",
        level: Level::Must,
        source: "RFC 5280 appendix A.1, §4.1.2.6",
        demand: "emailAddress has at most 255 characters",
        since: RFC_5280,
        applies: |c| c.names(oid::EMAIL_ADDRESS),
        broken: |c| longer(c, oid::EMAIL_ADDRESS, 255),
        same: &["e_subject_email_max_length"],
    },
    Rule {
        code: "subject-attribute-placeholder",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2",
        demand: "an attribute does not only say that it has no value: '.', '-', spaces",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| {
            let is_filler =
                |text: &str| !text.is_empty() && text.chars().all(|c| matches!(c, '.' | '-' | ' '));
            let found = c
                .attributes()
                .iter()
                .find(|a| a.text.as_deref().is_some_and(is_filler));
            told(found.map(|attribute| {
                format!(
                    "{} is \"{}\"",
                    attribute.oid.label(),
                    attribute.text.as_deref().unwrap_or_default()
                )
            }))
        },
        same: &[
            "e_subject_contains_noninformational_value",
            "cabf.insignificant_attribute_value_present",
        ],
    },
];

/// The first attribute of subject or issuer that something is wrong with.
fn both(c: &View<'_>, wrong: impl Fn(&Attribute<'_>) -> Option<&'static str>) -> Found {
    let find = |attributes: &[Attribute<'_>], whose: &str| {
        attributes.iter().find_map(|attribute| {
            Some(format!(
                "{whose} {} {}",
                attribute.oid.label(),
                wrong(attribute)?
            ))
        })
    };
    let subject = find(c.attributes(), "the subject's");
    told(subject.or_else(|| find(c.issuer.as_deref().unwrap_or_default(), "the issuer's")))
}

fn not_of_type(c: &View<'_>, wanted: Oid<'_>, tag: Tag, found: &str) -> Found {
    let mut values = c
        .attributes()
        .iter()
        .filter(|attribute| attribute.oid == wanted);
    told(
        values
            .any(|attribute| attribute.value.tag != tag)
            .then(|| format!("{} {found}", wanted.label())),
    )
}

fn longer(c: &View<'_>, wanted: Oid<'_>, most: usize) -> Found {
    let length = c
        .values(wanted)
        .map(|text| text.chars().count())
        .max()
        .filter(|length| *length > most);
    told(length.map(|length| format!("it has {length} characters")))
}

/// A character of PrintableString (X.680 §41.4).
fn is_printable(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(octet)
}
