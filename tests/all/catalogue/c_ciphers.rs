//! Rows C-18 and C-19: the ciphers of the past.

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::key_wrap::KeyWrap;

use CipherAlgorithm::{Aes256Cbc, DesCbc, Rc2Cbc, Rc4};

use crate::catalogue::a_axes::content;
use crate::catalogue::audit::Record;
use crate::catalogue::c_ladder::audit;
use crate::catalogue::c_ladder::encrypt;
use crate::catalogue::c_ladder::encrypted;
use crate::catalogue::c_ladder::recipient;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::Shared;
use crate::toolkit::enveloped::To;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::carol;

fn key_bits(record: &Record) -> Option<u64> {
    let value = record.0.pointer("/layers/0/encrypted/key_bits")?;
    value.as_u64()
}

/// The ciphers of the past, each marked.
#[test]
fn c_18_old_ciphers_are_read_and_marked() {
    let text = content();
    for cipher in CipherAlgorithm::ALL {
        let made = encrypt(&text, *cipher).to(To::new(carol()));
        let record = audit(&made.encode()).key(carol()).record();
        assert_eq!(record.status(), "decrypted", "{cipher:?}");
        assert_eq!(encrypted(&record, "cipher"), cipher.name());
        let marks: Vec<&str> = record
            .findings()
            .into_iter()
            .filter(|code| code.starts_with("cipher_"))
            .collect();
        let expected: &[&str] = match cipher.name() {
            "rc2-cbc" | "des-cbc" | "rc4" => &["cipher_broken"],
            "des-ede3-cbc" | "cast5-cbc" | "idea-cbc" | "seed-cbc" => &["cipher_weak"],
            _ => &[],
        };
        assert_eq!(marks, expected, "{cipher:?}");
    }
    for bits in [40, 41, 56, 63, 64, 127, 128, 200, 256, 1024] {
        let made = encrypt(&text, Rc2Cbc).rc2_bits(bits).to(To::new(carol()));
        let record = audit(&made.encode()).key(carol()).record();
        assert_eq!(record.status(), "decrypted", "{bits}");
        assert_eq!(key_bits(&record), Some(u64::from(bits)));
        assert!(record.has("cipher_broken"));
    }
    // RC4 says nowhere how long its key is, but in the key.
    let der = encrypt(&text, Rc4).to(To::new(carol())).encode();
    assert_eq!(key_bits(&audit(&der).record()), None);
    assert_eq!(key_bits(&audit(&der).key(carol()).record()), Some(128));
}

/// With `--no-legacy` nothing of them is tried; Triple-DES, which OpenSSL's default provider has, stays.
#[test]
fn c_19_old_ciphers_are_left_alone_when_asked() {
    let text = content();
    for cipher in CipherAlgorithm::ALL {
        let made = encrypt(&text, *cipher).to(To::new(carol()));
        let record = audit(&made.encode()).key(carol()).no_legacy().record();
        if cipher.is_legacy() {
            assert_eq!(record.status(), "unsupported", "{cipher:?}");
            assert_eq!(recipient(&record, 0, "result"), "unsupported");
            assert_eq!(record.layer_notes(), ["needs_legacy_provider"]);
            assert_eq!(encrypted(&record, "plaintext_sha256"), "");
        } else {
            assert_eq!(record.status(), "decrypted", "{cipher:?}");
        }
    }
    let legacy = CipherAlgorithm::ALL
        .iter()
        .filter(|cipher| cipher.is_legacy());
    let names: Vec<&str> = legacy.map(|cipher| cipher.name()).collect();
    assert_eq!(
        names,
        [
            "seed-cbc",
            "cast5-cbc",
            "idea-cbc",
            "rc2-cbc",
            "des-cbc",
            "rc4"
        ]
    );
    // Key wraps too, and only where the old one is the way in.
    let key = [5; 16];
    let kek = Shared::Kek(b"list", &key, KeyWrap::Rc2(128));
    let password = Shared::Password {
        password: b"right",
        cipher: DesCbc,
        derivation: Some((10, None)),
    };
    for shared in [kek, password] {
        let alone = encrypt(&text, Aes256Cbc).shared(shared);
        let open = |made: &Encrypt<'_>| {
            audit(&made.encode())
                .key(carol())
                .kek(b"list", &key)
                .passwords(b"right\n")
                .no_legacy()
                .record()
        };
        let record = open(&alone);
        assert_eq!(record.status(), "unsupported");
        assert_eq!(record.layer_notes(), ["needs_legacy_provider"]);
        let record = open(&alone.to(To::new(carol())));
        assert_eq!(record.status(), "decrypted");
    }
}

/// A wrong key must not give garbage, neither with padding nor without.
#[test]
fn c_19_never_garbage() {
    let text = mail::text(&"Dear all, the meeting is on Friday.\n".repeat(20));
    let wrong = people::person("walter", 1400, "rsa2048-6");
    let mut misnamed = wrong.clone();
    misnamed.certificate = carol().certificate.clone();
    for cipher in CipherAlgorithm::ALL
        .iter()
        .filter(|cipher| cipher.is_legacy())
    {
        for _ in 0..20 {
            let made = encrypt(&text, *cipher).to(To::new(&misnamed));
            let record = audit(&made.encode()).key(carol()).record();
            assert_eq!(record.status(), "decrypt_failed", "{cipher:?}");
        }
    }
}
