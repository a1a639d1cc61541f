//! What an operation costs of a message's [`Budget`], in its units: an RSA-2048 verification is one.

use crate::crypto::key::{KeyAlgorithm, PublicKey};
use crate::limits::WORK_UNIT_BYTES;

/// A verification with this key.
pub(super) fn public_units(key: &PublicKey) -> u64 {
    units(key).0
}

/// An operation with the private key of this one.
pub(super) fn private_units(key: &PublicKey) -> u64 {
    units(key).1
}

/// Of a verification, and of an operation with the private key.
fn units(key: &PublicKey) -> (u64, u64) {
    let private = squared(key).saturating_mul(32);
    match key.algorithm() {
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss => {
            // An exponent as long as the modulus makes it a private operation, without its short cuts.
            let long = key
                .rsa_exponent()
                .is_some_and(|exponent| exponent == u64::MAX);
            let public = squared(key).saturating_mul(if long { 128 } else { 1 });
            (public, private)
        }
        KeyAlgorithm::Dsa | KeyAlgorithm::Dh => (squared(key).saturating_mul(8), private),
        KeyAlgorithm::Ec(_)
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::Ed448
        | KeyAlgorithm::X25519
        | KeyAlgorithm::X448
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::MlKem512
        | KeyAlgorithm::MlKem768
        | KeyAlgorithm::MlKem1024 => (if key.bits() > 256 { 12 } else { 4 }, 16),
    }
}

/// Hashing or deciphering this many bytes.
pub(super) fn byte_units(bytes: usize) -> u64 {
    u64::try_from(bytes / WORK_UNIT_BYTES).unwrap_or(u64::MAX)
}

/// (bits / 2048)², at least one.
fn squared(key: &PublicKey) -> u64 {
    let times = u64::from(key.bits().div_ceil(2048)).max(1);
    times.saturating_mul(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PrivateKey;
    use crate::limits::{Budget, Limits};

    #[test]
    fn a_large_key_costs_more_and_a_private_operation_most() {
        let small = PrivateKey::generate_rsa(1024).unwrap();
        let large = PrivateKey::generate_rsa(3072).unwrap();
        assert_eq!(public_units(small.public_key()), 1);
        assert_eq!(public_units(large.public_key()), 4);
        assert_eq!(private_units(large.public_key()), 128);
    }

    /// 64 signers of RSA-4096: the verification, the one in DER order and the one that tells a mismatch.
    #[test]
    fn ordinary_mail_stays_within_the_budget() {
        let mut budget = Budget::of(&Limits::default());
        assert!((0..64 * 3).all(|_| budget.spend(4)));
        assert!(budget.left() > Limits::default().work_units / 2);
    }
}
