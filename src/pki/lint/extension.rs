//! Extensions in general, key identifiers, and those that few certificates have.

use crate::asn1::oid;
use crate::asn1::{Oid, Tag};
use crate::crypto::digest;
use crate::crypto::digest::DigestAlgorithm;
use crate::pki::lint::claim::Profile;
use crate::pki::lint::rule::{BR, Found, Level, RFC_2459, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::{Kind, View};
use crate::pki::x509::extensions::AuthorityKeyIdentifier;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "extension-unreadable",
        level: Level::Must,
        source: "RFC 5280 §4.2",
        demand: "extensions are encoded as their definitions say",
        since: RFC_5280,
        applies: |c| {
            !c.certificate.extensions.list.is_empty() || c.certificate.extensions.end.is_err()
        },
        broken: unreadable,
        same: &[],
    },
    Rule {
        code: "extension-duplicate",
        level: Level::Must,
        source: "RFC 5280 §4.2",
        demand: "no extension is there twice",
        since: RFC_2459,
        applies: |c| !c.certificate.extensions.list.is_empty(),
        broken: |c| {
            let mut all: Vec<Oid<'_>> = c
                .certificate
                .extensions
                .list
                .iter()
                .map(|e| e.oid)
                .collect();
            all.sort_unstable();
            let twice = all.windows(2).find_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            });
            told(twice.map(|oid| format!("{} is", oid.label())))
        },
        same: &["e_ext_duplicate_extension", "pkix.duplicate_extension"],
    },
    Rule {
        code: "unique-identifier",
        level: Level::Must,
        source: "RFC 5280 §4.1.2.8",
        demand: "there is no issuerUniqueID and no subjectUniqueID",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            let is_identifier =
                |tag: Tag| tag.same_type(Tag::context(1)) || tag.same_type(Tag::context(2));
            when(
                c.fields().iter().any(|field| is_identifier(field.tag)),
                "there is one",
            )
        },
        same: &[
            "e_cert_contains_unique_identifier",
            "pkix.issuer_unique_id_present",
            "pkix.subject_unique_id_present",
        ],
    },
    Rule {
        code: "authority-key-missing",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.1",
        demand: "authorityKeyIdentifier is present where subject and issuer differ",
        since: RFC_2459,
        applies: |c| c.certificate.version == Ok(3) && !c.certificate.is_self_issued(),
        broken: |c| when(c.lacks(oid::AUTHORITY_KEY_IDENTIFIER), "there is none"),
        same: &[
            "e_ext_authority_key_identifier_missing",
            "e_authority_key_identifier_correct",
            "pkix.authority_key_identifier_extension_absent",
        ],
    },
    Rule {
        code: "authority-key-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.1",
        demand: "authorityKeyIdentifier is not critical",
        since: RFC_2459,
        applies: |c| c.has(oid::AUTHORITY_KEY_IDENTIFIER),
        broken: |c| when(c.critical(oid::AUTHORITY_KEY_IDENTIFIER), "it is critical"),
        same: &[
            "e_ext_authority_key_identifier_critical",
            "e_authority_key_identifier_correct",
            "pkix.certificate_akid_extension_critical",
        ],
    },
    Rule {
        code: "authority-key-without-identifier",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.1",
        demand: "authorityKeyIdentifier has keyIdentifier",
        since: RFC_2459,
        applies: |c| matches!(c.authority_key, Ok(Some(_))) && !c.certificate.is_self_issued(),
        broken: |c| when(authority_key(c, |aki| aki.key.is_none()), "it has not"),
        same: &[
            "e_ext_authority_key_identifier_no_key_identifier",
            "e_authority_key_identifier_correct",
            "pkix.authority_key_identifier_keyid_missing",
        ],
    },
    Rule {
        code: "authority-key-with-issuer",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 h, §7.1.2.3 g",
        demand: "authorityKeyIdentifier has neither authorityCertIssuer nor authorityCertSerialNumber",
        since: BR,
        applies: |c| {
            (scope::br_subscriber(c) || scope::br_subordinate(c))
                && matches!(c.authority_key, Ok(Some(_)))
        },
        broken: |c| {
            let named = authority_key(c, |aki| !aki.issuer.is_empty() || aki.serial.is_some());
            when(named, "it has one of them")
        },
        same: &[
            "e_authority_key_identifier_correct",
            "cabf.authority_key_identifier_has_issuer_cert",
        ],
    },
    Rule {
        code: "authority-key-half-issuer",
        level: Level::Must,
        source: "RFC 5280 appendix A.2, §4.2.1.1",
        demand: "authorityCertIssuer and authorityCertSerialNumber are both there or both absent",
        since: RFC_5280,
        applies: |c| matches!(c.authority_key, Ok(Some(_))),
        broken: |c| {
            when(
                authority_key(c, |aki| aki.issuer.is_empty() == aki.serial.is_some()),
                "one of them is there alone",
            )
        },
        same: &[
            "pkix.aki_with_cert_issuer_but_serial_number_absent",
            "pkix.aki_with_serial_number_but_cert_issuer_absent",
        ],
    },
    Rule {
        code: "subject-key-missing",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.2, S/MIME BR §7.1.2.3 n",
        demand: "subjectKeyIdentifier is present",
        since: RFC_5280,
        applies: |c| scope::subscriber(c) && c.certificate.version == Ok(3),
        broken: |c| when(c.lacks(oid::SUBJECT_KEY_IDENTIFIER), "there is none"),
        same: &[
            "w_ext_subject_key_identifier_missing_sub_cert",
            "pkix.certificate_skid_end_entity_missing",
        ],
    },
    Rule {
        code: "ca-subject-key-missing",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.2",
        demand: "an authority's certificate has subjectKeyIdentifier",
        since: RFC_2459,
        applies: scope::authority,
        broken: |c| when(c.lacks(oid::SUBJECT_KEY_IDENTIFIER), "there is none"),
        same: &[
            "e_ext_subject_key_identifier_missing_ca",
            "pkix.certificate_skid_ca_missing",
        ],
    },
    Rule {
        code: "subject-key-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.2",
        demand: "subjectKeyIdentifier is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::SUBJECT_KEY_IDENTIFIER),
        broken: |c| when(c.critical(oid::SUBJECT_KEY_IDENTIFIER), "it is critical"),
        same: &[
            "e_ext_subject_key_identifier_critical",
            "pkix.certificate_skid_extension_critical",
        ],
    },
    Rule {
        code: "subject-key-not-derived",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.3 n",
        demand: "subjectKeyIdentifier is derived from the key, as RFC 5280 §4.2.1.2 or RFC 7093 §2 say",
        since: BR,
        applies: |c| scope::br_subscriber(c) && matches!(c.subject_key, Ok(Some(_))),
        broken: |c| when(!is_derived(c), "none of these ways gives it"),
        same: &["pkix.unknown_subject_key_identifier_calculation_method"],
    },
    Rule {
        code: "path-length-without-ca",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.9",
        demand: "only an authority has pathLenConstraint",
        since: RFC_5280,
        applies: |c| matches!(c.constraints, Ok(Some(_))) && scope::subscriber(c),
        broken: |c| {
            let long =
                matches!(c.constraints, Ok(Some(constraints)) if constraints.path_length.is_some());
            when(long, "it is there without cA")
        },
        same: &[
            "e_path_len_constraint_improperly_included",
            "pkix.basic_constraints_has_pathlen_for_non_ca",
        ],
    },
    Rule {
        code: "smime-capabilities-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 i",
        demand: "smimeCapabilities is not critical",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.has(oid::SMIME_CAPABILITIES),
        broken: |c| when(c.critical(oid::SMIME_CAPABILITIES), "it is critical"),
        same: &["pkix.smime_capabilities_extension_critical"],
    },
    Rule {
        code: "subject-directory-attributes-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 j",
        demand: "Strict and Multipurpose: there is no subjectDirectoryAttributes",
        since: BR,
        applies: scope::strict_or_multipurpose,
        broken: |c| when(c.has(oid::SUBJECT_DIRECTORY_ATTRIBUTES), "it is there"),
        same: &[
            "e_strict_multipurpose_smime_ext_subject_directory_attr",
            "cabf.smime.subject_directory_attributes_extension_prohibited",
        ],
    },
    Rule {
        code: "subject-directory-attributes-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.8",
        demand: "subjectDirectoryAttributes is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::SUBJECT_DIRECTORY_ATTRIBUTES),
        broken: |c| {
            when(
                c.critical(oid::SUBJECT_DIRECTORY_ATTRIBUTES),
                "it is critical",
            )
        },
        same: &[
            "e_ext_subject_directory_attr_critical",
            "pkix.subject_directory_attributes_extension_critical",
        ],
    },
    Rule {
        code: "qc-statements-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 k",
        demand: "qcStatements is not critical",
        since: BR,
        applies: |c| scope::br_subscriber(c) && c.has(oid::QC_STATEMENTS),
        broken: |c| when(c.critical(oid::QC_STATEMENTS), "it is critical"),
        same: &[
            "e_smime_qc_statements_must_not_be_critical",
            "cabf.smime.qc_statements_extension_critical",
        ],
    },
    Rule {
        code: "lei-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 l",
        demand: "mailbox- and individual-validated: there is no Legal Entity Identifier",
        since: BR,
        applies: |c| scope::profile(c, Profile::Mailbox) || scope::profile(c, Profile::Individual),
        broken: |c| when(c.has(oid::LEGAL_ENTITY_IDENTIFIER), "it is there"),
        same: &[
            "e_legal_entity_identifier",
            "cabf.smime.lei_extension_prohibited",
        ],
    },
    Rule {
        code: "lei-role-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 l",
        demand: "only sponsor-validated certificates have the role of a Legal Entity Identifier",
        since: BR,
        applies: |c| scope::claimed(c).is_some_and(|(profile, _)| profile != Profile::Sponsor),
        broken: |c| when(c.has(oid::LEGAL_ENTITY_ROLE), "it is there"),
        same: &[
            "e_legal_entity_identifier",
            "cabf.smime.lei_role_extension_prohibited",
        ],
    },
    Rule {
        code: "lei-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 l",
        demand: "a Legal Entity Identifier and its role are not critical",
        since: BR,
        applies: |c| {
            scope::br_subscriber(c)
                && (c.has(oid::LEGAL_ENTITY_IDENTIFIER) || c.has(oid::LEGAL_ENTITY_ROLE))
        },
        broken: |c| {
            let critical =
                c.critical(oid::LEGAL_ENTITY_IDENTIFIER) || c.critical(oid::LEGAL_ENTITY_ROLE);
            when(critical, "one is critical")
        },
        same: &[
            "e_legal_entity_identifier",
            "cabf.smime.lei_extension_critical",
            "cabf.smime.lei_role_extension_critical",
        ],
    },
    Rule {
        code: "adobe-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 m",
        demand: "Strict: there are no extensions of Adobe",
        since: BR,
        applies: scope::strict,
        broken: |c| when(ADOBE.iter().any(|oid| c.has(*oid)), "one is there"),
        same: &[
            "e_adobe_extensions_strict_presence",
            "cabf.smime.adobe_timestamp_extension_prohibited",
            "cabf.smime.adobe_archive_revinfo_extension_prohibited",
        ],
    },
    Rule {
        code: "adobe-critical",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 m",
        demand: "Multipurpose and Legacy: extensions of Adobe are not critical",
        since: BR,
        applies: |c| scope::legacy_or_multipurpose(c) && ADOBE.iter().any(|oid| c.has(*oid)),
        broken: |c| when(ADOBE.iter().any(|oid| c.critical(*oid)), "one is critical"),
        same: &[
            "e_adobe_extensions_legacy_multipurpose_criticality",
            "cabf.smime.adobe_timestamp_extension_critical",
            "cabf.smime.adobe_archive_revinfo_extension_critical",
        ],
    },
    Rule {
        code: "issuer-alt-name-critical",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.7",
        demand: "issuerAltName is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::ISSUER_ALT_NAME),
        broken: |c| when(c.critical(oid::ISSUER_ALT_NAME), "it is critical"),
        same: &[
            "w_ext_ian_critical",
            "pkix.issuer_alt_name_extension_critical",
        ],
    },
    Rule {
        code: "freshest-crl-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.15",
        demand: "freshestCRL is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::FRESHEST_CRL),
        broken: |c| when(c.critical(oid::FRESHEST_CRL), "it is critical"),
        same: &["e_ext_freshest_crl_marked_critical"],
    },
    Rule {
        code: "subject-info-access-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.2.2",
        demand: "subjectInfoAccess is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::SUBJECT_INFO_ACCESS),
        broken: |c| when(c.critical(oid::SUBJECT_INFO_ACCESS), "it is critical"),
        same: &[
            "e_subject_info_access_marked_critical",
            "pkix.subject_information_access_extension_critical",
        ],
    },
    Rule {
        code: "name-constraints-without-ca",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.10",
        demand: "only an authority has nameConstraints",
        since: RFC_5280,
        applies: |c| c.has(oid::NAME_CONSTRAINTS),
        broken: |c| when(c.kind == Kind::Subscriber, "it is there without cA"),
        same: &[
            "e_ext_name_constraints_not_in_ca",
            "pkix.name_constraints_in_ee_certificate",
        ],
    },
];

/// Adobe's time stamp and its archived revocation.
const ADOBE: &[Oid<'static>] = &[oid::ADOBE_TIMESTAMP, oid::ADOBE_ARCHIVE_REV_INFO];

fn unreadable(c: &View<'_>) -> Found {
    if c.certificate.extensions.end.is_err() {
        return when(true, "the list of extensions can't be read to its end");
    }
    let once = |oid| c.certificate.extensions.find(oid).is_ok();
    for (damaged, oid) in [
        (c.alt_names.is_err(), oid::SUBJECT_ALT_NAME),
        (c.constraints.is_err(), oid::BASIC_CONSTRAINTS),
        (c.key_usage.is_err(), oid::KEY_USAGE),
        (c.purposes.is_err(), oid::EXTENDED_KEY_USAGE),
        (c.policies.is_err(), oid::CERTIFICATE_POLICIES),
        (c.crls.is_err(), oid::CRL_DISTRIBUTION_POINTS),
        (c.access.is_err(), oid::AUTHORITY_INFO_ACCESS),
        (c.authority_key.is_err(), oid::AUTHORITY_KEY_IDENTIFIER),
        (c.subject_key.is_err(), oid::SUBJECT_KEY_IDENTIFIER),
        (c.name_constraints.is_err(), oid::NAME_CONSTRAINTS),
    ] {
        // What is there twice is another rule's.
        if damaged && once(oid) {
            return told(Some(format!("{} can't be read", oid.label())));
        }
    }
    None
}

fn authority_key(c: &View<'_>, is: impl Fn(&AuthorityKeyIdentifier<'_>) -> bool) -> bool {
    matches!(&c.authority_key, Ok(Some(aki)) if is(aki))
}

/// By the two methods of RFC 5280 §4.2.1.2, or the first three of RFC 7093 §2; over the key's octets, or (method 4) its whole element.
fn is_derived(c: &View<'_>) -> bool {
    let (Ok(Some(identifier)), Ok(key)) = (c.subject_key, c.certificate.key) else {
        return true;
    };
    let sha1 = digest::sha1(key.bits.bytes);
    if identifier == sha1 {
        return true;
    }
    let short: Vec<u8> = match sha1 {
        [.., a, b, c, d, e, f, g, h] => vec![0x40 | (a & 0x0f), b, c, d, e, f, g, h],
    };
    if identifier == short {
        return true;
    }
    [
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ]
    .into_iter()
    .any(|algorithm| {
        [key.bits.bytes, c.certificate.spki]
            .into_iter()
            .any(|octets| {
                digest::digest(algorithm, &[octets]).is_ok_and(|value| {
                    let value = value.as_bytes();
                    value == identifier || value.get(..20) == Some(identifier)
                })
            })
    }) || digest::sha1(c.certificate.spki) == identifier
}
