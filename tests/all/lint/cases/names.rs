//! Names, profiles, organizationIdentifier, subjectAltName.

use mailseal::asn1::{Oid, Tag, oid};
use mailseal::pki::lint::Profile;

use super::super::sample::*;
use super::{Case, ancient, base, case, legacy, multipurpose, strict};

pub fn cases() -> Vec<Case> {
    let mut all = written();
    all.extend(profiles());
    all.extend(organizations());
    all.extend(alternatives());
    all
}

fn written() -> Vec<Case> {
    let plain = Sample::plain;
    let broken = vec![0x30, 3, 0x31, 1, 0x30];
    let nameless = || {
        plain()
            .change(|s| s.attributes.clear())
            .critical(oid::SUBJECT_ALT_NAME, true)
    };
    let mut all = vec![
        case(
            "name-unreadable",
            plain(),
            plain().change(|s| s.subject = Some(broken.clone())),
            ancient(plain()),
        ),
        case(
            "issuer-empty",
            plain(),
            plain().change(|s| s.issuer = name(&[])),
            plain().change(|s| s.issuer = broken.clone()),
        ),
        case(
            "ca-subject-empty",
            Sample::root(),
            Sample::root().change(|s| s.attributes.clear()),
            nameless(),
        ),
        case(
            "subject-empty-without-san",
            nameless(),
            nameless().without(oid::SUBJECT_ALT_NAME),
            plain(),
        ),
        case(
            "name-string-old",
            plain(),
            plain().set((oid::COMMON_NAME, Tag::T61_STRING, "Alice".to_owned())),
            ancient(plain()),
        ),
        case(
            "name-string-malformed",
            plain(),
            plain().set(printable(oid::COMMON_NAME, "Alice & Bob")),
            ancient(plain()),
        ),
        case(
            "name-attribute-empty",
            plain(),
            plain().and(utf8(oid::ORGANIZATION, "")),
            ancient(plain()),
        ),
        case(
            "country-not-printable",
            plain().and(printable(oid::COUNTRY, "DE")),
            plain().and(utf8(oid::COUNTRY, "DE")),
            plain(),
        ),
        case(
            "country-not-two-letters",
            plain().and(printable(oid::COUNTRY, "DE")),
            plain().and(printable(oid::COUNTRY, "DEU")),
            plain(),
        ),
        case(
            "serial-number-not-printable",
            plain().and(printable(oid::SERIAL_NUMBER, "7")),
            plain().and(utf8(oid::SERIAL_NUMBER, "7")),
            plain(),
        ),
        case(
            "email-attribute-not-ia5",
            plain().and(ia5(oid::EMAIL_ADDRESS, ADDRESS)),
            plain().and(utf8(oid::EMAIL_ADDRESS, ADDRESS)),
            plain(),
        ),
        case(
            "domain-component-not-ia5",
            plain().and(ia5(oid::DOMAIN_COMPONENT, "example")),
            plain().and(utf8(oid::DOMAIN_COMPONENT, "example")),
            plain(),
        ),
        case(
            "subject-attribute-placeholder",
            base(),
            base().and(printable(oid::SERIAL_NUMBER, " - ")),
            plain(),
        ),
    ];
    let long =
        |code, attribute: Oid<'static>, most: usize, write: fn(Oid<'static>, &str) -> Attribute| {
            let of = |length| {
                plain()
                    .no(attribute)
                    .and(write(attribute, &"x".repeat(length)))
            };
            case(code, of(most), of(most + 1), plain().no(attribute))
        };
    all.extend([
        long("common-name-too-long", oid::COMMON_NAME, 64, utf8),
        long("organization-name-too-long", oid::ORGANIZATION, 64, utf8),
        long(
            "organizational-unit-too-long",
            oid::ORGANIZATIONAL_UNIT,
            64,
            utf8,
        ),
        long("locality-too-long", oid::LOCALITY, 128, utf8),
        long("state-too-long", oid::STATE, 128, utf8),
        long("title-too-long", oid::TITLE, 64, utf8),
        long("pseudonym-too-long", oid::PSEUDONYM, 128, utf8),
        long(
            "serial-number-attribute-too-long",
            oid::SERIAL_NUMBER,
            64,
            printable,
        ),
        long("email-attribute-too-long", oid::EMAIL_ADDRESS, 255, ia5),
    ]);
    all
}

fn profiles() -> Vec<Case> {
    let (organization, sponsor, individual) =
        (Profile::Organization, Profile::Sponsor, Profile::Individual);
    let city = utf8(oid::LOCALITY, "Cologne");
    let pseudonym = |generation: fn(Profile) -> Sample| {
        let sample = generation(Profile::Individual)
            .no(oid::GIVEN_NAME)
            .no(oid::SURNAME)
            .no(oid::COMMON_NAME);
        sample.and(utf8(oid::PSEUDONYM, "Bluebird"))
    };
    vec![
        case(
            "mailbox-subject-attribute",
            base().and(printable(oid::SERIAL_NUMBER, "7")),
            base().and(utf8(oid::ORGANIZATION, "Example GmbH")),
            Sample::plain().and(utf8(oid::ORGANIZATION, "Example GmbH")),
        ),
        case(
            "organization-subject-attribute",
            multipurpose(organization)
                .and(city.clone())
                .and(utf8(oid::STREET, "Main Street 1")),
            strict(organization)
                .and(city.clone())
                .and(utf8(oid::STREET, "Main Street 1")),
            base(),
        ),
        case(
            "sponsor-subject-attribute",
            legacy(sponsor).and(utf8(oid::USER_ID, "a7")),
            multipurpose(sponsor).and(utf8(oid::USER_ID, "a7")),
            base().and(utf8(oid::USER_ID, "a7")),
        ),
        case(
            "individual-subject-attribute",
            strict(individual).and(utf8(oid::TITLE, "Notary")),
            legacy(individual).and(utf8(oid::ORGANIZATION, "Example GmbH")),
            legacy(sponsor),
        ),
        case(
            "organization-name-missing",
            strict(sponsor),
            strict(sponsor).no(oid::ORGANIZATION),
            strict(individual),
        ),
        case(
            "organization-identifier-missing",
            strict(organization),
            strict(organization).no(oid::ORGANIZATION_IDENTIFIER),
            strict(individual),
        ),
        case(
            "personal-name-missing",
            strict(sponsor).no(oid::GIVEN_NAME),
            strict(sponsor).no(oid::GIVEN_NAME).no(oid::SURNAME),
            legacy(sponsor).no(oid::GIVEN_NAME).no(oid::SURNAME),
        ),
        case(
            "legacy-personal-name-missing",
            legacy(sponsor).no(oid::GIVEN_NAME).no(oid::SURNAME),
            legacy(sponsor)
                .no(oid::GIVEN_NAME)
                .no(oid::SURNAME)
                .no(oid::COMMON_NAME),
            strict(sponsor),
        ),
        case(
            "pseudonym-with-name",
            pseudonym(strict),
            strict(individual).and(utf8(oid::PSEUDONYM, "Bluebird")),
            strict(individual),
        ),
        case(
            "common-name-no-mailbox",
            base(),
            base().set(utf8(oid::COMMON_NAME, "Alice")),
            base().no(oid::COMMON_NAME),
        ),
        case(
            "common-name-no-organization",
            strict(organization).set(utf8(oid::COMMON_NAME, "alice@EXAMPLE.com")),
            strict(organization).set(utf8(oid::COMMON_NAME, "Example Ltd")),
            strict(organization).no(oid::COMMON_NAME),
        ),
        case(
            "common-name-no-pseudonym",
            pseudonym(strict).and(utf8(oid::COMMON_NAME, "Bluebird (pseudonym)")),
            pseudonym(legacy).and(utf8(oid::COMMON_NAME, "Alice Smith")),
            strict(individual),
        ),
        case(
            "email-attribute-no-mailbox",
            base().and(ia5(oid::EMAIL_ADDRESS, ADDRESS)),
            base().and(ia5(
                oid::EMAIL_ADDRESS,
                "alice@example.com, bob@example.com",
            )),
            base(),
        ),
        case(
            "street-without-locality",
            multipurpose(sponsor)
                .and(utf8(oid::STREET, "Main Street 1"))
                .and(city.clone()),
            multipurpose(sponsor).and(utf8(oid::STREET, "Main Street 1")),
            multipurpose(sponsor),
        ),
        case(
            "locality-without-country",
            strict(sponsor).and(city.clone()),
            strict(individual).and(city),
            strict(individual),
        ),
        case(
            "state-without-country",
            strict(sponsor).and(utf8(oid::STATE, "NRW")),
            strict(individual).and(utf8(oid::STATE, "NRW")),
            strict(individual),
        ),
        case(
            "postal-code-without-country",
            multipurpose(sponsor)
                .issued(day(2025, 9, 1))
                .and(utf8(oid::POSTAL_CODE, "50667")),
            multipurpose(individual)
                .issued(day(2025, 9, 1))
                .and(utf8(oid::POSTAL_CODE, "50667")),
            multipurpose(individual).and(utf8(oid::POSTAL_CODE, "50667")),
        ),
        case(
            "country-unknown",
            strict(individual).and(printable(oid::COUNTRY, "XX")),
            strict(individual).and(printable(oid::COUNTRY, "UK")),
            strict(individual),
        ),
    ]
}

fn organizations() -> Vec<Case> {
    let with = |identifier: &str| {
        strict(Profile::Sponsor).set(utf8(oid::ORGANIZATION_IDENTIFIER, identifier))
    };
    let none = || strict(Profile::Individual);
    vec![
        case(
            "organization-identifier-encoding",
            with("NTRDE-DER3306.HRB12345"),
            strict(Profile::Sponsor)
                .set(ia5(oid::ORGANIZATION_IDENTIFIER, "NTRDE-DER3306.HRB12345")),
            none(),
        ),
        case(
            "organization-identifier-form",
            with("NTRUS+CA-123-4"),
            with("NTR DE 12345"),
            none(),
        ),
        case(
            "organization-identifier-scheme",
            with("PSDDE-BAFIN-1"),
            with("ABCDE-12345"),
            none(),
        ),
        case(
            "organization-identifier-reference",
            with("GOVDE"),
            with("INTXG-1"),
            none(),
        ),
        case(
            "organization-identifier-country",
            with("LEIXG-529900T8BM49AURSDO55"),
            with("NTRXG-12345"),
            none(),
        ),
        case(
            "organization-identifier-other-country",
            with("VATEL-12345").set(printable(oid::COUNTRY, "GR")),
            with("NTRFR-12345"),
            with("NTRFR-12345").no(oid::COUNTRY),
        ),
        case(
            "organization-identifier-no-euid",
            with("NTRDE-DER3306.HRB12345").issued(day(2025, 5, 14)),
            with("NTRDE-HRB12345").issued(day(2025, 5, 14)),
            with("NTRDE-HRB12345").issued(day(2025, 5, 13)),
        ),
    ]
}

fn alternatives() -> Vec<Case> {
    let plain = Sample::plain;
    let with = |sample: Sample, names: &[Vec<u8>]| {
        sample.with(oid::SUBJECT_ALT_NAME, false, alt_names(names))
    };
    let nameless = || plain().change(|s| s.attributes.clear());
    let mail = || mailbox(ADDRESS);
    vec![
        case(
            "san-missing",
            base(),
            base().without(oid::SUBJECT_ALT_NAME),
            plain().without(oid::SUBJECT_ALT_NAME),
        ),
        case(
            "san-mailbox-missing",
            base(),
            with(base(), &[directory(&[utf8(oid::COMMON_NAME, ADDRESS)])]),
            base().without(oid::SUBJECT_ALT_NAME),
        ),
        case(
            "san-mailbox-malformed",
            plain(),
            with(plain(), &[mailbox("Alice <a@example.com>")]),
            with(plain(), &[dns("example.com")]),
        ),
        case(
            "san-mailbox-not-ascii",
            plain(),
            with(plain(), &[mailbox("zoë@example.com")]),
            with(plain(), &[dns("example.com")]),
        ),
        case(
            "smtp-utf8-mailbox-ascii",
            with(plain(), &[utf8_mailbox("zoë@example.com")]),
            with(plain(), &[utf8_mailbox(ADDRESS)]),
            plain(),
        ),
        case(
            "smtp-utf8-mailbox-domain",
            with(plain(), &[utf8_mailbox("zoë@xn--bcher-kva.example")]).issued(day(2024, 5, 1)),
            with(plain(), &[utf8_mailbox("zoë@bücher.example")]).issued(day(2024, 5, 1)),
            with(plain(), &[utf8_mailbox("zoë@bücher.example")]).issued(day(2024, 4, 30)),
        ),
        case(
            "san-type-forbidden",
            with(
                multipurpose(Profile::Mailbox),
                &[mail(), other_name(oid::SHA256, "alice")],
            ),
            with(base(), &[mail(), other_name(oid::SHA256, "alice")]),
            with(plain(), &[mail(), dns("example.com")]),
        ),
        case(
            "san-directory-attribute",
            with(
                base(),
                &[mail(), directory(&[utf8(oid::COMMON_NAME, ADDRESS)])],
            ),
            with(
                base(),
                &[
                    mail(),
                    directory(&[utf8(oid::ORGANIZATION, "Example GmbH")]),
                ],
            ),
            base(),
        ),
        case(
            "subject-mailbox-not-in-san",
            with(
                base(),
                &[mail(), directory(&[ia5(oid::EMAIL_ADDRESS, ADDRESS)])],
            ),
            with(
                base(),
                &[
                    mail(),
                    directory(&[ia5(oid::EMAIL_ADDRESS, "bob@example.com")]),
                ],
            ),
            plain().and(ia5(oid::EMAIL_ADDRESS, "bob@example.com")),
        ),
        case(
            "subject-email-not-in-san",
            plain().and(ia5(oid::EMAIL_ADDRESS, "alice@EXAMPLE.com")),
            plain().and(ia5(oid::EMAIL_ADDRESS, "Alice@example.com")),
            plain(),
        ),
        case(
            "san-empty",
            plain(),
            with(plain(), &[]),
            plain().without(oid::SUBJECT_ALT_NAME),
        ),
        case(
            "san-critical",
            plain(),
            plain().critical(oid::SUBJECT_ALT_NAME, true),
            nameless(),
        ),
        case(
            "san-not-critical",
            nameless().critical(oid::SUBJECT_ALT_NAME, true),
            nameless(),
            plain(),
        ),
    ]
}
