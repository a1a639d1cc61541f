//! H-09 where keys are made; whole messages are in the tests of the built library.

use std::collections::HashSet;

use super::*;

#[test]
fn h_09_a_hundred_thousand_messages_share_no_content_key_and_no_iv() {
    let mut keys = HashSet::new();
    let mut nonces = HashSet::new();
    for number in 0..100_000 {
        let cipher = match number % 3 {
            0 => CipherAlgorithm::Aes256Gcm,
            1 => CipherAlgorithm::Aes256Cbc,
            _ => CipherAlgorithm::Aes128Cbc,
        };
        let key = ContentKey::generate(cipher).unwrap();
        assert_eq!(key.secret().len(), cipher.key_bytes());
        // The first octets of each are unequal, so that no two keys are, nor one and the beginning of another.
        assert!(keys.insert(key.secret()[..16].to_vec()), "{number}");
        let iv = key.cipher().algorithm_identifier();
        assert!(nonces.insert(iv), "{number}");
    }
}

#[test]
fn nobody_to_encrypt_to_is_an_error() {
    let nobody = encrypt(&[b"content"], &[], CipherAlgorithm::Aes256Gcm);
    assert_eq!(nobody, Err(EnvelopeError::NoRecipient));
}
