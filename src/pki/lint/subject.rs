//! What each profile demands of the subject's name (S/MIME BR §7.1.4.2.2 to §7.1.4.2.6).

use crate::asn1::Oid;
use crate::asn1::oid;
use crate::pki::lint::claim::{Generation, Profile};
use crate::pki::lint::country;
use crate::pki::lint::mailbox;
use crate::pki::lint::rule::{BR, BR_1_0_11, Found, Level, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "mailbox-subject-attribute",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.3",
        demand: "mailbox-validated: the subject has no attributes but commonName, serialNumber and emailAddress",
        since: BR,
        applies: |c| scope::profile(c, Profile::Mailbox),
        broken: forbidden,
        same: &[
            "e_mailbox_validated_enforce_subject_field_restrictions",
            "cabf.smime.prohibited_attribute",
        ],
    },
    Rule {
        code: "organization-subject-attribute",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.4",
        demand: "organization-validated: the subject names no person, and only Legacy has attributes beyond the list",
        since: BR,
        applies: |c| scope::profile(c, Profile::Organization),
        broken: forbidden,
        same: &["cabf.smime.prohibited_attribute"],
    },
    Rule {
        code: "sponsor-subject-attribute",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.5",
        demand: "sponsor-validated: only Legacy has attributes beyond the list, and Strict no street or postal code",
        since: BR,
        applies: |c| scope::profile(c, Profile::Sponsor),
        broken: forbidden,
        same: &["cabf.smime.prohibited_attribute"],
    },
    Rule {
        code: "individual-subject-attribute",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.6",
        demand: "individual-validated: the subject names no organization, and only Legacy has attributes beyond the list",
        since: BR,
        applies: |c| scope::profile(c, Profile::Individual),
        broken: forbidden,
        same: &["cabf.smime.prohibited_attribute"],
    },
    Rule {
        code: "organization-name-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.4, §7.1.4.2.5",
        demand: "organization- and sponsor-validated: organizationName is present",
        since: BR,
        applies: |c| scope::organization(c) && c.subject.is_ok(),
        broken: |c| when(!c.names(oid::ORGANIZATION), "there is no organizationName"),
        same: &["cabf.smime.missing_required_attribute"],
    },
    Rule {
        code: "organization-identifier-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.4, §7.1.4.2.5",
        demand: "organization- and sponsor-validated: organizationIdentifier is present",
        since: BR,
        applies: |c| scope::organization(c) && c.subject.is_ok(),
        broken: |c| {
            when(
                !c.names(oid::ORGANIZATION_IDENTIFIER),
                "there is no organizationIdentifier",
            )
        },
        same: &["cabf.smime.missing_required_attribute"],
    },
    Rule {
        code: "personal-name-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.5 note 2, §7.1.4.2.6 note 2",
        demand: "sponsor- and individual-validated, Strict and Multipurpose: givenName, surname or pseudonym is present",
        since: BR,
        applies: |c| scope::person(c) && scope::strict_or_multipurpose(c) && c.subject.is_ok(),
        broken: |c| {
            when(
                !has_personal_name(c),
                "there is neither givenName nor surname nor pseudonym",
            )
        },
        same: &[
            "e_invalid_individual_identity",
            "cabf.smime.missing_required_attribute",
        ],
    },
    Rule {
        code: "legacy-personal-name-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.5 note 1, §7.1.4.2.6 note 1",
        demand: "sponsor- and individual-validated, Legacy: givenName, surname, pseudonym or commonName is present",
        since: BR,
        applies: |c| scope::person(c) && scope::legacy(c) && c.subject.is_ok(),
        broken: |c| {
            let named = has_personal_name(c) || c.names(oid::COMMON_NAME);
            when(
                !named,
                "there is neither givenName nor surname nor pseudonym nor commonName",
            )
        },
        same: &["cabf.smime.missing_required_attribute"],
    },
    Rule {
        code: "pseudonym-with-name",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 e, f",
        demand: "a pseudonym does not stand beside givenName or surname",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::PSEUDONYM),
        broken: |c| {
            let named = c.names(oid::GIVEN_NAME) || c.names(oid::SURNAME);
            when(named, "pseudonym stands beside givenName or surname")
        },
        same: &["cabf.smime.mixed_name_and_pseudonym_attributes"],
    },
    Rule {
        code: "common-name-no-mailbox",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 a",
        demand: "mailbox-validated: commonName is a mailbox of the subjectAltName",
        since: BR,
        applies: |c| scope::profile(c, Profile::Mailbox) && c.names(oid::COMMON_NAME),
        broken: |c| common_name(c, |name| is_own_mailbox(c, name)),
        same: &[
            "e_commonname_mailbox_validated",
            "cabf.smime.common_name_value_unknown_source",
        ],
    },
    Rule {
        code: "common-name-no-organization",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 a",
        demand: "organization-validated: commonName is the organizationName or a mailbox of the subjectAltName",
        since: BR,
        applies: |c| scope::profile(c, Profile::Organization) && c.names(oid::COMMON_NAME),
        broken: |c| {
            common_name(c, |name| {
                is_own_mailbox(c, name)
                    || c.values(oid::ORGANIZATION)
                        .any(|organization| organization == name)
            })
        },
        same: &[
            "e_org_validated_invalid_cn",
            "cabf.smime.common_name_value_unknown_source",
        ],
    },
    Rule {
        code: "common-name-no-pseudonym",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 a",
        demand: "sponsor- and individual-validated: beside a pseudonym, commonName contains it or is a mailbox of the subjectAltName",
        since: BR,
        applies: |c| scope::person(c) && c.names(oid::COMMON_NAME) && c.names(oid::PSEUDONYM),
        broken: |c| {
            common_name(c, |name| {
                is_own_mailbox(c, name)
                    || c.values(oid::PSEUDONYM)
                        .any(|pseudonym| name.contains(pseudonym))
            })
        },
        same: &["cabf.smime.common_name_value_unknown_source"],
    },
    Rule {
        code: "email-attribute-no-mailbox",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 h",
        demand: "emailAddress holds one mailbox",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::EMAIL_ADDRESS),
        broken: |c| {
            let odd = c
                .values(oid::EMAIL_ADDRESS)
                .find(|address| !mailbox::is_mailbox(address));
            told(odd.map(|address| format!("emailAddress is \"{address}\"")))
        },
        same: &[
            "e_single_email_subject_if_present",
            "pkix.invalid_email_address_syntax",
        ],
    },
    Rule {
        code: "street-without-locality",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 j",
        demand: "streetAddress stands beside localityName or stateOrProvinceName",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::STREET),
        broken: |c| {
            let placed = c.names(oid::LOCALITY) || c.names(oid::STATE);
            when(
                !placed,
                "there is neither localityName nor stateOrProvinceName",
            )
        },
        same: &["cabf.smime.required_attribute_missing_for_dependent_attribute"],
    },
    Rule {
        code: "locality-without-country",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 k",
        demand: "localityName stands beside countryName",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::LOCALITY),
        broken: no_country,
        same: &["cabf.smime.required_attribute_missing_for_dependent_attribute"],
    },
    Rule {
        code: "state-without-country",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 l",
        demand: "stateOrProvinceName stands beside countryName",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::STATE),
        broken: no_country,
        same: &["cabf.smime.required_attribute_missing_for_dependent_attribute"],
    },
    Rule {
        code: "postal-code-without-country",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 m",
        // Version 1.0.1 still asked for localityName or stateOrProvinceName; which version changed it is not known here, 1.0.11 has it.
        demand: "postalCode stands beside countryName",
        since: BR_1_0_11,
        applies: |c| scope::br_subscriber(c) && c.names(oid::POSTAL_CODE),
        broken: no_country,
        same: &["cabf.smime.required_attribute_missing_for_dependent_attribute"],
    },
    Rule {
        code: "country-unknown",
        level: Level::Must,
        source: "S/MIME BR §7.1.4.2.2 n",
        demand: "countryName is a code of ISO 3166-1, or XX",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.names(oid::COUNTRY),
        broken: |c| {
            let odd = c
                .values(oid::COUNTRY)
                .find(|code| *code != "XX" && !country::is_assigned(code));
            told(odd.map(|code| format!("countryName is \"{code}\"")))
        },
        same: &["e_subject_country_name", "cabf.invalid_country_code"],
    },
];

/// The attribute may not stand in such a subject (the tables of S/MIME BR §7.1.4.2.3 to §7.1.4.2.6).
pub(super) fn is_forbidden(attribute: Oid<'_>, profile: Profile, generation: Generation) -> bool {
    const EVERYBODY: &[Oid<'static>] = &[oid::COMMON_NAME, oid::SERIAL_NUMBER, oid::EMAIL_ADDRESS];
    const ORGANIZATION: &[Oid<'static>] = &[
        oid::ORGANIZATION,
        oid::ORGANIZATIONAL_UNIT,
        oid::ORGANIZATION_IDENTIFIER,
    ];
    const PERSON: &[Oid<'static>] = &[oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM, oid::TITLE];
    const PLACE: &[Oid<'static>] = &[oid::LOCALITY, oid::STATE, oid::COUNTRY];
    const STREET: &[Oid<'static>] = &[oid::STREET, oid::POSTAL_CODE];

    let (organization, person, place) = match profile {
        Profile::Mailbox => (false, false, false),
        Profile::Organization => (true, false, true),
        Profile::Sponsor => (true, true, true),
        Profile::Individual => (false, true, true),
    };
    if EVERYBODY.contains(&attribute) {
        return false;
    }
    for (list, allowed) in [
        (ORGANIZATION, organization),
        (PERSON, person),
        (PLACE, place),
        (STREET, place && generation != Generation::Strict),
    ] {
        if list.contains(&attribute) {
            return !allowed;
        }
    }
    profile == Profile::Mailbox || generation != Generation::Legacy
}

fn forbidden(c: &View<'_>) -> Found {
    let (profile, generation) = scope::claimed(c)?;
    let odd = c
        .attributes()
        .iter()
        .find(|attribute| is_forbidden(attribute.oid, profile, generation));
    told(odd.map(|attribute| format!("the subject has {}", attribute.oid.label())))
}

fn has_personal_name(c: &View<'_>) -> bool {
    [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM]
        .into_iter()
        .any(|wanted| c.names(wanted))
}

fn no_country(c: &View<'_>) -> Found {
    when(!c.names(oid::COUNTRY), "there is no countryName")
}

/// The text is a mailbox of the subjectAltName.
pub(super) fn is_own_mailbox(c: &View<'_>, text: &str) -> bool {
    c.mailboxes.iter().any(|own| mailbox::same(own, text))
}

fn common_name(c: &View<'_>, fits: impl Fn(&str) -> bool) -> Found {
    let odd = c.values(oid::COMMON_NAME).find(|name| !fits(name));
    told(odd.map(|name| format!("commonName is \"{name}\"")))
}
