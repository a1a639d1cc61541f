//! `keyUsage` and `extKeyUsage` (S/MIME BR §7.1.2.3 e and f, RFC 5280 §4.2.1.3 and §4.2.1.12, RFC 8550 §4.4.4).

use std::borrow::Cow;

use crate::asn1::Oid;
use crate::asn1::Time;
use crate::asn1::oid;
use crate::pki::lint::rule::{
    BR, BR_1_0_11, Found, Level, MAIL_ONLY, RFC_2459, RFC_5280, Rule, told, when,
};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;
use crate::pki::x509::extensions::KeyUsageBit;

/// RFC 3850, the first with the clause, was published in July 2004; RFC 8550 is in its place.
const RFC_3850: Option<Time> = Some(Time::midnight(2004, 7, 1));

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "key-usage-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "keyUsage is present",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| when(c.lacks(oid::KEY_USAGE), "there is no keyUsage"),
        same: &[
            "e_key_usage_presence",
            "cabf.smime.key_usage_extension_missing",
        ],
    },
    Rule {
        code: "key-usage-not-critical",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.3, S/MIME BR §7.1.2.3 e",
        demand: "keyUsage is critical",
        since: RFC_2459,
        // Of authorities the Baseline Requirements say more: `ca-key-usage-not-critical`.
        applies: |c| !scope::br_authority(c) && c.has(oid::KEY_USAGE),
        broken: |c| when(!c.critical(oid::KEY_USAGE), "it is not"),
        same: &[
            "w_key_usage_criticality",
            "w_ext_key_usage_not_critical",
            "cabf.smime.ku_extension_not_critical",
            "pkix.key_usage_extension_not_critical",
        ],
    },
    Rule {
        code: "key-usage-empty",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.3",
        demand: "keyUsage has a bit set",
        since: RFC_5280,
        applies: |c| c.usage().is_some(),
        broken: |c| when(c.usage()?.names().is_empty(), "no bit is set"),
        same: &["e_ext_key_usage_without_bits", "pkix.no_ku_bits_set"],
    },
    Rule {
        code: "key-usage-cert-sign-without-ca",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.3, §4.2.1.9",
        demand: "only an authority has keyCertSign",
        since: RFC_5280,
        applies: |c| scope::subscriber(c) && c.usage().is_some(),
        broken: |c| {
            when(
                c.usage()?.has(KeyUsageBit::KeyCertSign),
                "keyCertSign is set, and basicConstraints has no cA",
            )
        },
        same: &[
            "e_ext_key_usage_cert_sign_without_ca",
            "pkix.ee_certificate_keycertsign_keyusage_set",
        ],
    },
    Rule {
        code: "key-usage-rsa-strict",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "RSA, Strict: digitalSignature and perhaps nonRepudiation, or keyEncipherment, or both; nothing else",
        since: BR,
        applies: |c| scope::strict(c) && has_key(c, &[oid::RSA_ENCRYPTION]),
        broken: |c| usage(c, &[SIGNING, (KeyUsageBit::KeyEncipherment, &[])]),
        same: &[
            "e_rsa_key_usage_strict",
            "e_rsa_other_key_usages",
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_rsa",
        ],
    },
    Rule {
        code: "key-usage-rsa",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "RSA, Multipurpose and Legacy: as Strict, and with keyEncipherment perhaps dataEncipherment",
        since: BR,
        applies: |c| scope::legacy_or_multipurpose(c) && has_key(c, &[oid::RSA_ENCRYPTION]),
        broken: |c| {
            usage(
                c,
                &[
                    SIGNING,
                    (
                        KeyUsageBit::KeyEncipherment,
                        &[KeyUsageBit::DataEncipherment],
                    ),
                ],
            )
        },
        same: &[
            "e_rsa_key_usage_legacy_multipurpose",
            "e_rsa_other_key_usages",
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_rsa",
        ],
    },
    Rule {
        code: "key-usage-ec",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "ECDSA: digitalSignature and perhaps nonRepudiation, or keyAgreement and perhaps encipherOnly or decipherOnly, or both",
        since: BR,
        applies: |c| scope::br_subscriber(c) && has_key(c, &[oid::EC_PUBLIC_KEY]),
        broken: |c| {
            let agreement = (
                KeyUsageBit::KeyAgreement,
                &[KeyUsageBit::EncipherOnly, KeyUsageBit::DecipherOnly][..],
            );
            usage(c, &[SIGNING, agreement])
        },
        same: &[
            "e_ecpublickey_key_usages",
            "e_ec_other_key_usages",
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_ec",
        ],
    },
    Rule {
        code: "key-usage-eddsa",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "EdDSA: digitalSignature and perhaps nonRepudiation",
        since: BR,
        applies: |c| scope::br_subscriber(c) && has_key(c, &[oid::ED25519, oid::ED448]),
        broken: |c| usage(c, &[SIGNING]),
        same: &[
            "e_edwardspublickey_key_usages",
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_edwards_curve",
        ],
    },
    Rule {
        code: "key-usage-ml-dsa",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "ML-DSA: digitalSignature and perhaps nonRepudiation",
        since: BR_1_0_11,
        applies: |c| {
            scope::br_subscriber(c) && has_key(c, &[oid::ML_DSA_44, oid::ML_DSA_65, oid::ML_DSA_87])
        },
        broken: |c| usage(c, &[SIGNING]),
        same: &[
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_mldsa",
        ],
    },
    Rule {
        code: "key-usage-ml-kem",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 e",
        demand: "ML-KEM: keyEncipherment alone",
        since: BR_1_0_11,
        applies: |c| {
            scope::br_subscriber(c)
                && has_key(c, &[oid::ML_KEM_512, oid::ML_KEM_768, oid::ML_KEM_1024])
        },
        broken: |c| usage(c, &[(KeyUsageBit::KeyEncipherment, &[])]),
        same: &[
            "cabf.smime.prohibited_ku_present",
            "cabf.smime.unknown_certificate_key_usage_type",
            "pkix.key_usage_value_prohibited_for_mlkem",
        ],
    },
    Rule {
        code: "extended-key-usage-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 f",
        demand: "extKeyUsage is present",
        since: BR,
        applies: scope::br_subscriber,
        broken: |c| when(c.lacks(oid::EXTENDED_KEY_USAGE), "there is no extKeyUsage"),
        same: &["cabf.smime.extended_key_usage_extension_missing"],
    },
    Rule {
        code: "email-protection-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 f",
        demand: "extKeyUsage has emailProtection",
        since: BR,
        applies: |c| scope::br_subscriber(c) && has_purposes(c),
        broken: |c| {
            when(
                !c.purposes().contains(&oid::EMAIL_PROTECTION),
                "emailProtection is not among the purposes",
            )
        },
        same: &[
            "e_smime_legacy_multipurpose_eku_check",
            "e_smime_strict_eku_check",
            "cabf.smime.emailprotection_eku_missing",
        ],
    },
    Rule {
        code: "extended-key-usage-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 f",
        demand: "extKeyUsage has neither serverAuth nor codeSigning nor timeStamping nor anyExtendedKeyUsage",
        since: BR,
        applies: |c| scope::br_subscriber(c) && has_purposes(c),
        broken: |c| purpose(c, |purpose| FORBIDDEN.contains(&purpose)),
        same: &[
            "e_smime_legacy_multipurpose_eku_check",
            "e_smime_strict_eku_check",
            "cabf.smime.prohibited_eku_present",
        ],
    },
    Rule {
        code: "extended-key-usage-strict",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 f",
        demand: "Strict: extKeyUsage has emailProtection alone",
        since: BR,
        applies: |c| scope::strict(c) && has_purposes(c),
        broken: |c| purpose(c, |purpose| purpose != oid::EMAIL_PROTECTION),
        same: &[
            "e_smime_strict_eku_check",
            "cabf.smime.prohibited_eku_present",
        ],
    },
    Rule {
        code: "extended-key-usage-mail-only",
        level: Level::Must,
        source: "S/MIME BR 1.0.16 §7.1.2.3 f",
        demand: "from 2027-07-01 extKeyUsage has nothing but emailProtection and clientAuth",
        since: MAIL_ONLY,
        applies: |c| scope::br_subscriber(c) && has_purposes(c),
        broken: |c| {
            purpose(c, |purpose| {
                ![oid::EMAIL_PROTECTION, oid::CLIENT_AUTH].contains(&purpose)
            })
        },
        same: &[],
    },
    Rule {
        code: "mail-extended-key-usage",
        level: Level::Must,
        source: "RFC 8550 §4.4.4",
        demand: "a mail program accepts extKeyUsage only with emailProtection or anyExtendedKeyUsage",
        since: RFC_3850,
        applies: |c| scope::subscriber(c) && !c.mailboxes.is_empty() && has_purposes(c),
        broken: |c| {
            let fits = [oid::EMAIL_PROTECTION, oid::ANY_EXTENDED_KEY_USAGE];
            when(
                !c.purposes().iter().any(|purpose| fits.contains(purpose)),
                "it has neither: no mail program may accept it",
            )
        },
        same: &[],
    },
    Rule {
        code: "any-purpose-critical",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.12",
        demand: "extKeyUsage with anyExtendedKeyUsage is not critical",
        since: RFC_5280,
        applies: |c| c.purposes().contains(&oid::ANY_EXTENDED_KEY_USAGE),
        broken: |c| when(c.critical(oid::EXTENDED_KEY_USAGE), "it is critical"),
        same: &["w_eku_critical_improperly"],
    },
];

/// Purposes that no mail certificate has (S/MIME BR §7.1.2.2 g, §7.1.2.3 f).
pub(super) const FORBIDDEN: &[Oid<'static>] = &[
    oid::SERVER_AUTH,
    oid::CODE_SIGNING,
    oid::TIME_STAMPING,
    oid::ANY_EXTENDED_KEY_USAGE,
];

/// A use of a key: the bit that says so, and bits that may stand beside it.
type Use = (KeyUsageBit, &'static [KeyUsageBit]);

const SIGNING: Use = (
    KeyUsageBit::DigitalSignature,
    &[KeyUsageBit::NonRepudiation],
);

const BITS: &[KeyUsageBit] = &[
    KeyUsageBit::DigitalSignature,
    KeyUsageBit::NonRepudiation,
    KeyUsageBit::KeyEncipherment,
    KeyUsageBit::DataEncipherment,
    KeyUsageBit::KeyAgreement,
    KeyUsageBit::KeyCertSign,
    KeyUsageBit::CrlSign,
    KeyUsageBit::EncipherOnly,
    KeyUsageBit::DecipherOnly,
];

fn has_key(c: &View<'_>, algorithms: &[Oid<'_>]) -> bool {
    c.usage().is_some()
        && c.key_algorithm()
            .is_some_and(|algorithm| algorithms.contains(&algorithm))
}

/// At least one of the uses, and no bit that belongs to none of those that are there.
fn usage(c: &View<'_>, uses: &[Use]) -> Found {
    let usage = c.usage()?;
    let there: Vec<&Use> = uses.iter().filter(|(bit, _)| usage.has(*bit)).collect();
    if there.is_empty() {
        return Some(Cow::Owned(format!("it has {}", usage.names().join(" "))));
    }
    let allowed = |bit: KeyUsageBit| {
        there
            .iter()
            .any(|(own, others)| bit == *own || others.contains(&bit))
    };
    let odd = BITS.iter().any(|bit| usage.has(*bit) && !allowed(*bit));
    told(odd.then(|| format!("it has {}", usage.names().join(" "))))
}

pub(super) fn has_purposes(c: &View<'_>) -> bool {
    matches!(c.purposes, Ok(Some(_)))
}

/// The first purpose that is wrong.
pub(super) fn purpose(c: &View<'_>, wrong: impl Fn(Oid<'_>) -> bool) -> Found {
    let odd = c.purposes().iter().find(|purpose| wrong(**purpose));
    told(odd.map(|purpose| format!("it has {}", purpose.label())))
}
