//! Keys and signature algorithms (S/MIME BR §6.1.5, §6.1.6, §7.1.3).

use std::borrow::Cow;

use crate::asn1::oid;
use crate::asn1::{AlgorithmIdentifier, Oid, Reader, Tag};
use crate::crypto::key::{KeyError, PublicKey};
use crate::limits::Limits;
use crate::pki::lint::factors;
use crate::pki::lint::rule::{BR, BR_1_0_11, Level, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "key-algorithm-forbidden",
        level: Level::Must,
        source: "S/MIME BR §6.1.5, §7.1.3.1",
        demand: "the key is of RSA, ECDSA or EdDSA; from 2025-08-22 also of ML-DSA or ML-KEM",
        since: BR,
        applies: scope::br,
        broken: |c| match c.key_algorithm() {
            None => Some(Cow::Borrowed("the key can't be read")),
            Some(algorithm) if CLASSIC.contains(&algorithm) => None,
            Some(algorithm) if POST_QUANTUM.contains(&algorithm) && knows_post_quantum(c) => None,
            Some(algorithm) => Some(Cow::Owned(format!(
                "the algorithm is {}",
                algorithm.label()
            ))),
        },
        same: &[
            "e_invalid_spki_algoid",
            "cabf.smime.prohibited_spki_algorithm_encoding",
            "cabf.smime.unsupported_public_key_type",
        ],
    },
    Rule {
        code: "key-algorithm-encoding",
        level: Level::Must,
        source: "S/MIME BR §7.1.3.1",
        demand: "the algorithm's parameters are NULL for RSA, a named curve for ECDSA, absent for all others",
        since: BR,
        applies: |c| {
            scope::br(c)
                && c.key_algorithm()
                    .is_some_and(|a| CLASSIC.contains(&a) || POST_QUANTUM.contains(&a))
        },
        broken: |c| {
            let algorithm = c.certificate.key.ok()?.algorithm;
            let fits = match algorithm.oid {
                oid::RSA_ENCRYPTION => algorithm.parameters == Some(&[5, 0]),
                oid::EC_PUBLIC_KEY => algorithm
                    .parameters
                    .is_some_and(|raw| Reader::new(raw).peek() == Some(Tag::OID)),
                _ => algorithm.parameters.is_none(),
            };
            when(!fits, "they are not")
        },
        same: &[
            "e_invalid_spki_algoid",
            "cabf.smime.prohibited_spki_algorithm_encoding",
        ],
    },
    Rule {
        code: "ec-curve-forbidden",
        level: Level::Must,
        source: "S/MIME BR §6.1.5, §7.1.3.1.2",
        demand: "the curve is P-256, P-384 or P-521",
        since: BR,
        applies: |c| scope::br(c) && curve(c).is_some(),
        broken: |c| {
            let odd =
                curve(c).filter(|curve| ![oid::P_256, oid::P_384, oid::P_521].contains(curve));
            told(odd.map(|curve| format!("the curve is {}", curve.label())))
        },
        same: &[
            "e_invalid_spki_algoid",
            "cabf.smime.prohibited_spki_algorithm_encoding",
        ],
    },
    Rule {
        code: "ec-point-invalid",
        level: Level::Must,
        source: "S/MIME BR §6.1.5",
        demand: "the key is a point of its curve",
        since: BR,
        applies: |c| {
            scope::br(c)
                && curve(c)
                    .is_some_and(|curve| [oid::P_256, oid::P_384, oid::P_521].contains(&curve))
        },
        broken: |c| {
            let key = PublicKey::from_spki(c.certificate.spki, &Limits::default());
            when(matches!(key, Err(KeyError::Malformed)), "it is none")
        },
        same: &["cabf.ecdsa_key_validation_failed"],
    },
    Rule {
        code: "rsa-modulus-short",
        level: Level::Must,
        source: "S/MIME BR §6.1.5",
        demand: "an RSA modulus has at least 2048 bits",
        since: BR,
        applies: br_rsa,
        broken: |c| {
            told(
                modulus_bits(c)
                    .filter(|bits| *bits < 2048)
                    .map(|bits| format!("it has {bits} bits")),
            )
        },
        same: &[
            "e_rsa_mod_less_than_2048_bits",
            "cabf.rsa_modulus_invalid_length",
        ],
    },
    Rule {
        code: "rsa-modulus-odd-size",
        level: Level::Must,
        source: "S/MIME BR §6.1.5",
        demand: "the number of bits of an RSA modulus can be divided by 8",
        since: BR,
        applies: br_rsa,
        broken: |c| {
            told(
                modulus_bits(c)
                    .filter(|bits| bits % 8 != 0)
                    .map(|bits| format!("it has {bits} bits")),
            )
        },
        same: &["cabf.rsa_modulus_invalid_length"],
    },
    Rule {
        code: "rsa-exponent-forbidden",
        level: Level::Must,
        source: "S/MIME BR §6.1.6",
        demand: "an RSA exponent is odd and at least 3",
        since: BR,
        applies: br_rsa,
        broken: |c| {
            let exponent = c.rsa?.exponent;
            let odd = exponent.0.last().is_some_and(|octet| octet & 1 == 1);
            let small = exponent.is_negative() || matches!(exponent.to_u64(), Some(0..=2));
            when(!odd || small, "it is even or less than 3")
        },
        same: &[
            "e_rsa_public_exponent_not_odd",
            "e_rsa_public_exponent_too_small",
            "cabf.rsa_exponent_prohibited_value",
        ],
    },
    Rule {
        code: "rsa-exponent-range",
        level: Level::Should,
        source: "S/MIME BR §6.1.6",
        demand: "an RSA exponent lies from 2^16 + 1 to 2^256 - 1",
        since: BR,
        applies: br_rsa,
        broken: |c| {
            let exponent = c.rsa?.exponent;
            let small =
                exponent.is_negative() || exponent.to_u64().is_some_and(|value| value < 65_537);
            when(small || exponent.magnitude().len() > 32, "it does not")
        },
        same: &[
            "w_rsa_public_exponent_not_in_range",
            "cabf.rsa_exponent_not_in_recommended_range",
        ],
    },
    Rule {
        code: "rsa-modulus-small-factor",
        level: Level::Should,
        source: "S/MIME BR §6.1.6",
        demand: "an RSA modulus is odd and has no factor below 752",
        since: BR,
        applies: br_rsa,
        broken: |c| {
            let factor = factors::smallest(c.rsa?.modulus.magnitude());
            told(factor.map(|factor| format!("{factor} divides it")))
        },
        same: &[
            "w_rsa_mod_not_odd",
            "w_rsa_mod_factors_smaller_than_752",
            "cabf.rsa_modulus_has_small_prime_factor",
        ],
    },
    Rule {
        code: "signature-algorithm-forbidden",
        level: Level::Must,
        source: "S/MIME BR §7.1.3.2",
        demand: "the signature is of RSA (v1.5 or PSS, SHA-256 to SHA-512), ECDSA or EdDSA, from 2025-08-22 also ML-DSA, encoded as listed",
        since: BR,
        applies: scope::br,
        broken: |c| match c.certificate.inner_signature_algorithm {
            Ok(algorithm) if is_listed(&algorithm, knows_post_quantum(c)) => None,
            Ok(algorithm) => Some(Cow::Owned(format!("it is {}", algorithm.oid.label()))),
            Err(_) => Some(Cow::Borrowed("the algorithm can't be read")),
        },
        same: &["cabf.smime.prohibited_signature_algorithm_encoding"],
    },
    Rule {
        code: "signature-algorithms-differ",
        level: Level::Must,
        source: "RFC 5280 §4.1.1.2",
        demand: "signatureAlgorithm and signature are the same",
        since: RFC_5280,
        applies: scope::any,
        broken: |c| {
            let differ =
                c.certificate.inner_signature_algorithm != c.certificate.signature_algorithm;
            when(differ, "they differ")
        },
        same: &[
            "e_cert_sig_alg_not_match_tbs_sig_alg",
            "pkix.certificate_signature_algorithm_mismatch",
        ],
    },
];

/// Algorithms of keys that were always allowed.
const CLASSIC: &[Oid<'static>] = &[
    oid::RSA_ENCRYPTION,
    oid::EC_PUBLIC_KEY,
    oid::ED25519,
    oid::ED448,
];

/// Those that version 1.0.11 brought.
const POST_QUANTUM: &[Oid<'static>] = &[
    oid::ML_DSA_44,
    oid::ML_DSA_65,
    oid::ML_DSA_87,
    oid::ML_KEM_512,
    oid::ML_KEM_768,
    oid::ML_KEM_1024,
];

fn knows_post_quantum(c: &View<'_>) -> bool {
    matches!((c.certificate.not_before, BR_1_0_11), (Ok(issued), Some(since)) if issued >= since)
}

fn br_rsa(c: &View<'_>) -> bool {
    c.bound && c.rsa.is_some()
}

fn modulus_bits(c: &View<'_>) -> Option<usize> {
    let modulus = c.rsa?.modulus.magnitude();
    let first = modulus.first()?;
    let unused: usize = usize::try_from(first.leading_zeros()).unwrap_or(0);
    Some(modulus.len() * 8 - unused)
}

/// The named curve of an ECDSA key.
fn curve<'a>(c: &View<'a>) -> Option<Oid<'a>> {
    let algorithm = c.certificate.key.ok()?.algorithm;
    let parameters = algorithm
        .parameters
        .filter(|_| algorithm.oid == oid::EC_PUBLIC_KEY)?;
    Reader::new(parameters).oid().ok()
}

/// The encodings of S/MIME BR §7.1.3.2, and no others.
fn is_listed(algorithm: &AlgorithmIdentifier<'_>, post_quantum: bool) -> bool {
    match algorithm.oid {
        oid::SHA256_WITH_RSA | oid::SHA384_WITH_RSA | oid::SHA512_WITH_RSA => {
            algorithm.parameters == Some(&[5, 0])
        }
        oid::RSASSA_PSS => algorithm
            .parameters
            .is_some_and(|parameters| PSS.contains(&parameters)),
        oid::ECDSA_WITH_SHA256
        | oid::ECDSA_WITH_SHA384
        | oid::ECDSA_WITH_SHA512
        | oid::ED25519
        | oid::ED448 => algorithm.parameters.is_none(),
        oid::ML_DSA_44 | oid::ML_DSA_65 | oid::ML_DSA_87 => {
            post_quantum && algorithm.parameters.is_none()
        }
        _ => false,
    }
}

/// `RSASSA-PSS-params` with SHA-256, SHA-384 and SHA-512, MGF-1 with the same, and a salt as long as the digest (S/MIME BR §7.1.3.2.1).
const PSS: &[&[u8]] = &[&pss(1, 0x20), &pss(2, 0x30), &pss(3, 0x40)];

const fn pss(digest: u8, salt: u8) -> [u8; 54] {
    [
        0x30, 0x34, // RSASSA-PSS-params
        0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, digest,
        0x05, 0x00, //
        0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x08, // id-mgf1
        0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, digest, 0x05,
        0x00, //
        0xa2, 0x03, 0x02, 0x01, salt,
    ]
}
