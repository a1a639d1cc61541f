//! `subjectAltName` (S/MIME BR §7.1.2.3 h and §7.1.4.2.1, RFC 5280 §4.2.1.6).

use std::borrow::Cow;

use crate::asn1::Oid;
use crate::asn1::Time;
use crate::asn1::oid;
use crate::pki::lint::claim::Generation;
use crate::pki::lint::mailbox;
use crate::pki::lint::rule::{BR, Found, Level, RFC_2459, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::subject::{is_forbidden, is_own_mailbox};
use crate::pki::lint::view::{View, attributes};
use crate::pki::x509::general_name::GeneralName;

/// RFC 8398 was published in May 2018; RFC 9598 is in its place.
const RFC_8398: Option<Time> = Some(Time::midnight(2018, 5, 1));

/// RFC 9598 was published in May 2024.
const RFC_9598: Option<Time> = Some(Time::midnight(2024, 5, 1));

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "san-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 h",
        demand: "subjectAltName is present",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| when(c.lacks(oid::SUBJECT_ALT_NAME), "there is no subjectAltName"),
        same: &["e_san_shall_be_present", "cabf.smime.san_extension_missing"],
    },
    Rule {
        code: "san-mailbox-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.1",
        demand: "subjectAltName has an rfc822Name or an SmtpUTF8Mailbox",
        since: BR,
        applies: |c| scope::br_subscriber(c) && matches!(c.alt_names, Ok(Some(_))),
        broken: |c| {
            let is_mailbox = |name: &GeneralName<'_>| {
                matches!(
                    name,
                    GeneralName::Rfc822(_) | GeneralName::SmtpUtf8Mailbox(_)
                )
            };
            when(!c.alt_names().iter().any(is_mailbox), "there is neither")
        },
        same: &["cabf.smime.san_does_not_contain_email_address"],
    },
    Rule {
        code: "san-mailbox-malformed",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.6",
        demand: "an rfc822Name is one mailbox",
        since: RFC_5280,
        applies: has_rfc822_name,
        broken: |c| {
            rfc822_names(c, |text| {
                (text.is_ascii() && !mailbox::is_mailbox(text))
                    .then(|| format!("\"{text}\" is none"))
            })
        },
        same: &[
            "e_ext_san_rfc822_format_invalid",
            "e_single_email_if_present",
            "pkix.invalid_email_address_syntax",
        ],
    },
    Rule {
        code: "san-mailbox-not-ascii",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.6",
        demand: "an rfc822Name is an IA5String",
        since: RFC_5280,
        applies: has_rfc822_name,
        broken: |c| {
            rfc822_names(c, |text| {
                (!text.is_ascii()).then(|| format!("\"{text}\" has other characters"))
            })
        },
        same: &[],
    },
    Rule {
        code: "smtp-utf8-mailbox-ascii",
        level: Level::Must,
        source: "RFC 9598 §3",
        demand: "an SmtpUTF8Mailbox is used only where the local part has characters beyond ASCII",
        since: RFC_8398,
        applies: has_utf8_mailbox,
        broken: |c| {
            utf8_mailboxes(c, |text| {
                let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
                local
                    .is_ascii()
                    .then(|| format!("the local part of \"{text}\" is ASCII"))
            })
        },
        same: &["pkix.smtp_utf8_mailbox_is_ascii_only"],
    },
    Rule {
        code: "smtp-utf8-mailbox-domain",
        level: Level::Must,
        source: "RFC 9598 §3",
        demand: "the domain of an SmtpUTF8Mailbox has labels beyond ASCII as A-labels",
        since: RFC_9598,
        applies: has_utf8_mailbox,
        broken: |c| {
            utf8_mailboxes(c, |text| {
                let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
                (!domain.is_ascii()).then(|| format!("the domain is \"{domain}\""))
            })
        },
        same: &["pkix.smtp_utf8_mailbox_domain_part_invalid_syntax"],
    },
    Rule {
        code: "san-type-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.1",
        demand: "entries are rfc822Name, SmtpUTF8Mailbox and directoryName; Legacy and Multipurpose: any otherName",
        since: BR,
        applies: |c| scope::br_subscriber(c) && matches!(c.alt_names, Ok(Some(_))),
        broken: |c| {
            c.alt_names()
                .iter()
                .find_map(|name| forbidden_type(c, name))
                .map(Cow::Owned)
        },
        same: &[
            "cabf.smime.prohibited_generalname_type_present",
            "cabf.smime.prohibited_othername_type_present",
        ],
    },
    Rule {
        code: "san-directory-attribute",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.1",
        demand: "a directoryName has only attributes that the profile allows in the subject",
        since: BR,
        applies: |c| {
            scope::claimed(c).is_some()
                && c.alt_names()
                    .iter()
                    .any(|name| matches!(name, GeneralName::Directory(_)))
        },
        broken: |c| {
            let (profile, generation) = scope::claimed(c)?;
            let odd =
                directory_attributes(c).find(|(oid, _)| is_forbidden(*oid, profile, generation));
            told(odd.map(|(oid, _)| format!("it has {}", oid.label())))
        },
        same: &["cabf.smime.prohibited_attribute"],
    },
    Rule {
        code: "subject-mailbox-not-in-san",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.1",
        demand: "every mailbox of the subject and of a directoryName stands in subjectAltName too",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| {
            let texts = c
                .attributes()
                .iter()
                .filter_map(|attribute| attribute.text.clone());
            let mut all = texts.chain(directory_attributes(c).filter_map(|(_, text)| text));
            let missing = all.find(|text| mailbox::is_mailbox(text) && !is_own_mailbox(c, text));
            told(missing.map(|text| format!("\"{text}\" does not")))
        },
        same: &[
            "e_mailbox_address_shall_contain_an_rfc822_name",
            "cabf.smime.email_address_in_attribute_not_in_san",
            "pkix.subject_email_address_not_in_san",
        ],
    },
    Rule {
        code: "subject-email-not-in-san",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.6",
        demand: "an address of the subject's emailAddress is an rfc822Name of subjectAltName too",
        since: RFC_5280,
        applies: |c| c.names(oid::EMAIL_ADDRESS),
        broken: |c| {
            let missing = c
                .values(oid::EMAIL_ADDRESS)
                .find(|address| !is_own_mailbox(c, address));
            told(missing.map(|address| format!("\"{address}\" is not")))
        },
        same: &["pkix.subject_email_address_not_in_san"],
    },
    Rule {
        code: "san-empty",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.6",
        demand: "subjectAltName has an entry",
        since: RFC_5280,
        applies: |c| matches!(c.alt_names, Ok(Some(_))),
        broken: |c| when(c.alt_names().is_empty(), "it has none"),
        same: &["e_ext_san_no_entries"],
    },
    Rule {
        code: "san-critical",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.6, S/MIME BR §7.1.2.3 h",
        demand: "beside a subject's name, subjectAltName is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::SUBJECT_ALT_NAME) && !c.attributes().is_empty(),
        broken: |c| when(c.critical(oid::SUBJECT_ALT_NAME), "it is critical"),
        same: &[
            "w_san_should_not_be_critical",
            "w_ext_san_critical_with_subject_dn",
            "pkix.san_extension_is_critical_non_empty_subject",
        ],
    },
    Rule {
        code: "san-not-critical",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.6, §4.2.1.6",
        demand: "without a subject's name, subjectAltName is critical",
        since: RFC_2459,
        applies: |c| c.has(oid::SUBJECT_ALT_NAME) && c.subject.as_ref().is_ok_and(Vec::is_empty),
        broken: |c| when(!c.critical(oid::SUBJECT_ALT_NAME), "it is not critical"),
        same: &[
            "e_ext_san_not_critical_without_subject",
            "pkix.san_extension_not_critical_empty_subject",
        ],
    },
];

fn has_rfc822_name(c: &View<'_>) -> bool {
    c.alt_names()
        .iter()
        .any(|name| matches!(name, GeneralName::Rfc822(_)))
}

fn has_utf8_mailbox(c: &View<'_>) -> bool {
    c.alt_names()
        .iter()
        .any(|name| matches!(name, GeneralName::SmtpUtf8Mailbox(_)))
}

fn rfc822_names(c: &View<'_>, wrong: impl Fn(&str) -> Option<String>) -> Found {
    told(c.alt_names().iter().find_map(|name| match name {
        GeneralName::Rfc822(octets) => wrong(&String::from_utf8_lossy(octets)),
        _ => None,
    }))
}

fn utf8_mailboxes(c: &View<'_>, wrong: impl Fn(&str) -> Option<String>) -> Found {
    told(c.alt_names().iter().find_map(|name| match name {
        GeneralName::SmtpUtf8Mailbox(octets) => wrong(&String::from_utf8_lossy(octets)),
        _ => None,
    }))
}

fn forbidden_type(c: &View<'_>, name: &GeneralName<'_>) -> Option<String> {
    let kind = match name {
        GeneralName::Rfc822(_) | GeneralName::SmtpUtf8Mailbox(_) | GeneralName::Directory(_) => {
            return None;
        }
        GeneralName::Other(oid) => {
            // Where no generation is claimed, nothing says that otherName is forbidden.
            return scope::generation(c, Generation::Strict)
                .then(|| format!("it has an otherName of type {}", oid.label()));
        }
        GeneralName::Dns(_) => "a dNSName",
        GeneralName::Uri(_) => "a uniformResourceIdentifier",
        GeneralName::Ip(_) => "an iPAddress",
        GeneralName::Rare(_) => "an x400Address, ediPartyName or registeredID",
    };
    Some(format!("it has {kind}"))
}

/// Type and text of every attribute of every directoryName.
fn directory_attributes<'c>(c: &'c View<'_>) -> impl Iterator<Item = (Oid<'c>, Option<String>)> {
    c.alt_names().iter().flat_map(|name| {
        let all = match name {
            GeneralName::Directory(name) => attributes(*name).unwrap_or_default(),
            _ => Vec::new(),
        };
        all.into_iter()
            .map(|attribute| (attribute.oid, attribute.text))
    })
}
