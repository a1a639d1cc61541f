//! Strength of a signature's algorithms and keys, and of a content cipher, by the policy at one time.

use crate::asn1::Time;
use crate::facts::axis::axis;
use crate::judge::policy::{Policy, Subject};

axis! {
    /// The strength of the algorithms and keys behind a signature.
    pub enum Strength {
        Strong = "strong",
        /// Passes, with a finding.
        Weak = "weak",
        /// Does not pass.
        Broken = "broken",
    }
}

/// One key and digest that a verdict rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used<'a> {
    /// Name of the digest; empty where the signature scheme has none of its own.
    pub digest: &'a str,
    /// `rsa`, `dsa`, or a curve's name.
    pub key: &'a str,
    /// Size of the key in bits.
    pub key_bits: Option<u32>,
    /// RSA exponent.
    pub exponent: Option<u64>,
}

/// The worst of all that was used at `at`, and what is weak or broken, as `sha1` or `rsa-1024`, in order and once each.
#[must_use]
pub fn strength<'a>(
    used: impl IntoIterator<Item = Used<'a>>,
    policy: &Policy,
    at: Time,
) -> (Strength, Vec<String>) {
    let mut worst = Strength::Strong;
    let mut reasons = Vec::new();
    for item in used {
        for rule in policy.rules() {
            let Some(reason) = applies(&rule.subject, &item) else {
                continue;
            };
            let value = if rule.broken.holds(at) {
                Strength::Broken
            } else if rule.weak.holds(at) {
                Strength::Weak
            } else {
                continue;
            };
            worst = worst.max(value);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    (worst, reasons)
}

/// The strength of a content cipher, by its name and the bits of its key, at `at`.
#[must_use]
pub fn cipher_strength(name: &str, key_bits: Option<u32>, policy: &Policy, at: Time) -> Strength {
    let speaks_of_it = |subject: &Subject| match subject {
        Subject::Cipher(cipher) => cipher == name,
        Subject::CipherBelow(least) => key_bits.is_some_and(|bits| bits < *least),
        Subject::Digest(_)
        | Subject::RsaBelow(_)
        | Subject::DsaBelow(_)
        | Subject::EcBelow(_)
        | Subject::RsaExponent(_) => false,
    };
    let rules = policy
        .rules()
        .iter()
        .filter(|rule| speaks_of_it(&rule.subject));
    let values = rules.map(|rule| {
        if rule.broken.holds(at) {
            Strength::Broken
        } else if rule.weak.holds(at) {
            Strength::Weak
        } else {
            Strength::Strong
        }
    });
    values.max().unwrap_or(Strength::Strong)
}

fn applies(subject: &Subject, item: &Used<'_>) -> Option<String> {
    let bits = item.key_bits.unwrap_or(u32::MAX);
    match subject {
        Subject::Digest(name) => (item.digest == name).then(|| name.clone().into_owned()),
        Subject::RsaBelow(least) => (is_rsa(item) && bits < *least).then(|| format!("rsa-{bits}")),
        Subject::DsaBelow(least) => {
            (item.key == "dsa" && bits < *least).then(|| format!("dsa-{bits}"))
        }
        Subject::EcBelow(least) => {
            let curve = !is_rsa(item) && item.key != "dsa";
            (curve && bits < *least).then(|| item.key.to_owned())
        }
        Subject::RsaExponent(exponent) => (is_rsa(item) && item.exponent == Some(*exponent))
            .then(|| format!("rsa-exponent-{exponent}")),
        Subject::Cipher(_) | Subject::CipherBelow(_) => None,
    }
}

fn is_rsa(item: &Used<'_>) -> bool {
    matches!(item.key, "rsa" | "rsa_pss")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row A-21 of the catalogue.
    #[test]
    fn a_21_weak_and_broken_by_the_table_and_the_time() {
        let at = |seconds| Time::from_unix(seconds).unwrap();
        let in_2009 = at(1_240_000_000);
        let in_2003 = at(1_050_000_000);
        for (digest, key, bits, exponent, when, expected, reasons) in [
            (
                "sha256",
                "rsa",
                2048,
                65_537,
                in_2009,
                Strength::Strong,
                &[][..],
            ),
            (
                "sha1",
                "rsa",
                2048,
                65_537,
                in_2009,
                Strength::Weak,
                &["sha1"],
            ),
            ("sha1", "rsa", 2048, 65_537, in_2003, Strength::Strong, &[]),
            (
                "md5",
                "rsa",
                2048,
                65_537,
                in_2003,
                Strength::Broken,
                &["md5"],
            ),
            (
                "sha256",
                "rsa",
                1024,
                65_537,
                in_2009,
                Strength::Weak,
                &["rsa-1024"],
            ),
            (
                "sha256",
                "rsa",
                512,
                65_537,
                in_2009,
                Strength::Broken,
                &["rsa-512"],
            ),
            (
                "sha256",
                "rsa",
                2048,
                3,
                in_2009,
                Strength::Weak,
                &["rsa-exponent-3"],
            ),
            (
                "sha1",
                "dsa",
                1024,
                0,
                in_2009,
                Strength::Weak,
                &["sha1", "dsa-1024"],
            ),
            ("sha256", "P-256", 256, 0, in_2009, Strength::Strong, &[]),
            (
                "sha256",
                "P-192",
                192,
                0,
                in_2009,
                Strength::Weak,
                &["P-192"],
            ),
        ] {
            let used = Used {
                digest,
                key,
                key_bits: Some(bits),
                exponent: Some(exponent),
            };
            let (value, seen) = strength([used], &Policy::default(), when);
            assert_eq!(value, expected, "{digest} {key} {bits}");
            assert_eq!(seen, reasons, "{digest} {key} {bits}");
        }
    }

    #[test]
    fn c_18_ciphers_by_the_table() {
        let at = Time::from_unix(0).unwrap();
        for (name, bits, expected) in [
            ("aes-128-cbc", Some(128), Strength::Strong),
            ("aes-256-gcm", Some(256), Strength::Strong),
            ("camellia-128-cbc", Some(128), Strength::Strong),
            ("chacha20-poly1305", Some(256), Strength::Strong),
            ("des-ede3-cbc", Some(192), Strength::Weak),
            ("seed-cbc", Some(128), Strength::Weak),
            ("idea-cbc", Some(128), Strength::Weak),
            ("cast5-cbc", Some(128), Strength::Weak),
            ("cast5-cbc", None, Strength::Weak),
            ("cast5-cbc", Some(40), Strength::Broken),
            ("rc2-cbc", Some(40), Strength::Broken),
            ("rc2-cbc", Some(128), Strength::Broken),
            ("des-cbc", Some(64), Strength::Broken),
            ("rc4", None, Strength::Broken),
            ("1.2.3", None, Strength::Strong),
        ] {
            let value = cipher_strength(name, bits, &Policy::default(), at);
            assert_eq!(value, expected, "{name} {bits:?}");
        }
    }
}
