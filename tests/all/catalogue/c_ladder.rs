//! Rows C-02, C-07 to C-10, C-13, C-15, C-17 and C-23: every kind of recipient, and what is kept from being tried.

use std::fs;
use std::path::Path;

use mailseal::asn1::Oid;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms;
use mailseal::cms::Layer;
use mailseal::cms::Recipient;
use mailseal::cms::build;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key::Curve;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::key_agreement::AgreementKdf;
use mailseal::crypto::key_agreement::AgreementScheme;
use mailseal::crypto::key_wrap::KeyWrap;
use mailseal::crypto::private_key::PrivateKey;
use mailseal::facts::axis::Decryption;
use mailseal::facts::finding::Finding;
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin};
use mailseal::pki::keyring::{Keyring, Passwords};

use CipherAlgorithm::{Aes128Cbc, Aes256Cbc, Aes256Gcm, DesCbc, Rc2Cbc, TripleDesCbc};

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::name;
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::Shared;
use crate::toolkit::enveloped::To;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

fn message(cms: &[u8]) -> Vec<u8> {
    mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", cms))
}

pub fn audit<'a>(cms: &[u8]) -> Audit<'a> {
    Audit::of(&[&message(cms)])
}

pub fn encrypt(content: &[u8], cipher: CipherAlgorithm) -> Encrypt<'_> {
    Encrypt::new(content, cipher)
}

pub fn encrypted<'r>(record: &'r Record, name: &str) -> &'r str {
    record.layer(0, &format!("encrypted/{name}"))
}

pub fn recipient<'r>(record: &'r Record, index: usize, name: &str) -> &'r str {
    record.text(&format!("/layers/0/encrypted/recipients/{index}/{name}"))
}

/// A key made for the test: somebody who reads mail with it.
fn holder(common_name: &str, serial: u64, algorithm: KeyAlgorithm) -> Holder {
    let subject = name(&[(oid::COMMON_NAME, common_name)]);
    let party = Party::named(subject, PrivateKey::generate(algorithm).unwrap());
    let wanted = Wanted::mail(serial, "somebody@example.com");
    Holder::below(party, &wanted, people::authority())
}

#[test]
fn c_07_authenticated_attributes_are_covered_by_the_tag() {
    let text = content();
    let mut with = encrypt(&text, Aes256Gcm).to(To::new(carol()));
    with.authenticated = build::AttributeList::new().content_type(oid::DATA);
    let der = with.encode();
    let good = audit(&der).key(carol()).record();
    assert_eq!(encrypted(&good, "decryption"), "decrypted");
    assert_eq!(encrypted(&good, "integrity"), "aead");
    // The attribute is id-data; one bit makes it another type.
    let data = Writer::encode(|w| w.oid(oid::DATA));
    let at = der.windows(data.len()).rposition(|w| w == data).unwrap();
    let mut changed = der.clone();
    changed[at + data.len() - 1] ^= 2;
    let bad = audit(&changed).key(carol()).record();
    assert_eq!(bad.status(), "decrypt_failed");
    assert_eq!(encrypted(&bad, "plaintext_sha256"), "");
}

#[test]
fn c_08_what_tells_a_downgrade_is_reported() {
    let text = content();
    let derived = |record: &Record| record.0.pointer("/layers/0/encrypted/cek_hkdf").cloned();
    for (cipher, content_type) in [(Aes256Gcm, "auth_enveloped"), (Aes256Cbc, "enveloped")] {
        let plain = encrypt(&text, cipher).to(To::new(carol()));
        let mut hkdf = plain.clone();
        hkdf.derived_key = true;
        for (made, expected) in [(plain, None), (hkdf, Some(true.into()))] {
            let record = audit(&made.encode()).key(carol()).record();
            assert_eq!(record.status(), "decrypted");
            assert_eq!(encrypted(&record, "content_type"), content_type);
            assert_eq!(encrypted(&record, "cipher"), cipher.name());
            assert_eq!(derived(&record), expected);
        }
    }
    // With HKDF the key of one cipher is none of another's: the same message, said to be CBC, does not open.
    let mut hkdf = encrypt(&text, Aes256Gcm).to(To::new(carol()));
    hkdf.derived_key = true;
    let der = hkdf.encode();
    let limits = Limits::default();
    let Layer::AuthEnveloped(data) = cms::read(&der, &limits).unwrap().layer else {
        panic!("no AuthEnvelopedData")
    };
    let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
    let iv = Writer::encode(|w| w.octet_string(&[7; 16]));
    let cbc = Writer::encode(|w| w.algorithm(oid::AES256_CBC, Some(&iv)));
    let algorithm = crate::toolkit::cms::read_algorithm(&cbc);
    let whole = ciphertext.len() - ciphertext.len() % 16;
    let made = build::EnvelopedData::new(data.recipients.clone(), algorithm, &ciphertext[..whole]);
    let record = audit(&made.encode()).key(carol()).record();
    assert_eq!(encrypted(&record, "decryption"), "failed");
}

/// RSA, key agreement, key wrap, password, encapsulation, padding, tag: whatever fails, the record is the same.
#[test]
fn c_09_one_word_for_every_failure() {
    let text = content();
    let kem = holder("kim", 2000, KeyAlgorithm::MlKem768);
    let wrong = [0x44; 16];
    let aes = KeyWrap::Aes128;
    let garbage = |cipher| Encrypt::new(&text, cipher).flip_bit(0);
    let kek = |key: &'static [u8]| encrypt(&text, Aes256Gcm).shared(Shared::Kek(b"id", key, aes));
    for (what, made) in [
        (
            "rsa",
            encrypt(&text, Aes256Gcm).to(To::new(carol()).damaged()),
        ),
        (
            "rsa, cbc",
            encrypt(&text, Aes256Cbc).to(To::new(carol()).damaged()),
        ),
        (
            "ecdh",
            encrypt(&text, Aes256Gcm).to(To::new(bob()).damaged()),
        ),
        ("kem", encrypt(&text, Aes256Gcm).to(To::new(&kem).damaged())),
        ("kek", kek(&[0x45; 16])),
        ("tag", garbage(Aes256Gcm).to(To::new(carol()))),
        (
            "tag, kek",
            garbage(Aes256Gcm).shared(Shared::Kek(b"id", &wrong, aes)),
        ),
        (
            "tag, password",
            garbage(Aes256Gcm).shared(Shared::password(b"secret")),
        ),
    ] {
        let record = audit(&made.encode())
            .key(carol())
            .key(bob())
            .key(&kem)
            .kek(b"id", &wrong)
            .passwords(b"secret\n")
            .record();
        assert_eq!(record.status(), "decrypt_failed", "{what}");
        assert_eq!(encrypted(&record, "decryption"), "failed", "{what}");
        assert_eq!(recipient(&record, 0, "result"), "failed", "{what}");
        // The label says enveloped-data, whatever the container; nothing else is told.
        let mut notes = record.layer_notes();
        notes.retain(|note| *note != "type_mismatch");
        assert_eq!(notes, Vec::<&str>::new(), "{what}");
        assert_eq!(record.layers().len(), 1, "{what}");
    }
}

/// OpenSSL's switch that makes it tell a wrong key from a wrong padding, and its own CMS functions that have it.
#[test]
fn c_10_the_debugging_switch_is_nowhere() {
    let mut seen = 0;
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for word in [
                "CMS_DEBUG_DECRYPT",
                "CMS_decrypt",
                "PKCS7_decrypt",
                "openssl::cms",
            ] {
                assert!(!text.contains(word), "{path:?}: {word}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// A renewed certificate has the key of the old one. Mail that names the key finds it; mail that names the old certificate finds it
/// where that certificate was given, too, in whatever file.
#[test]
fn c_13_renewed_certificates_with_the_same_key() {
    let text = content();
    let old = people::person("renate", 1300, "rsa2048-6");
    let renewed = Holder::below(
        old.party.clone(),
        &Wanted::mail(1301, "renate@example.com"),
        people::stranger(),
    );
    assert_ne!(old.by_serial(), renewed.by_serial());
    let to = |holder, by_key| {
        let to = To::new(holder);
        let to = if by_key { to.by_key_identifier() } else { to };
        encrypt(&text, Aes128Cbc).to(to).encode()
    };
    for (by_key, both, expected, matched_by) in [
        (true, false, "decrypted", "ski"),
        (true, true, "decrypted", "ski"),
        (false, true, "decrypted", "issuer_serial"),
        (false, false, "no_key", ""),
    ] {
        let der = to(&old, by_key);
        let audit = audit(&der).key(&renewed);
        let audit = if both { audit.key(&old) } else { audit };
        let record = audit.record();
        assert_eq!(record.status(), expected, "{by_key} {both}");
        assert_eq!(encrypted(&record, "matched_by"), matched_by);
    }
}

#[test]
fn c_15_every_kind_of_recipient() {
    use AgreementKdf::{Hkdf, X963};
    use AgreementScheme::{Cofactor, Standard};
    use DigestAlgorithm::{Sha1, Sha256, Sha384, Sha512};
    let text = content();
    let p384 = holder("p384", 2101, KeyAlgorithm::Ec(Curve::P384));
    let x25519 = holder("x25519", 2102, KeyAlgorithm::X25519);
    let x448 = holder("x448", 2103, KeyAlgorithm::X448);
    let kems = [
        KeyAlgorithm::MlKem512,
        KeyAlgorithm::MlKem768,
        KeyAlgorithm::MlKem1024,
    ];
    let kems: Vec<Holder> = kems
        .into_iter()
        .zip(2110..)
        .map(|(kem, serial)| holder("kem", serial, kem))
        .collect();
    let mut ways = vec![
        ("rsa_v15", To::new(carol())),
        ("rsa_oaep", To::new(carol()).oaep(Sha1, Sha1, b"")),
        ("rsa_oaep", To::new(carol()).oaep(Sha256, Sha1, b"label")),
        (
            "ecdh",
            To::new(bob()).agreement(Standard(X963(Sha1)), KeyWrap::TripleDes),
        ),
        (
            "ecdh",
            To::new(bob()).agreement(Cofactor(X963(Sha256)), KeyWrap::Aes256),
        ),
        (
            "ecdh",
            To::new(&p384).agreement(Standard(X963(Sha384)), KeyWrap::Camellia256),
        ),
        (
            "ecdh",
            To::new(bob()).agreement(Standard(X963(Sha1)), KeyWrap::Rc2(40)),
        ),
        ("x25519", To::new(&x25519).ukm(b"keying material")),
        (
            "x25519",
            To::new(&x448).agreement(Standard(Hkdf(Sha512)), KeyWrap::Aes128),
        ),
    ];
    for kem in &kems {
        ways.push(("kem", To::new(kem)));
        ways.push((
            "kem",
            To::new(kem).by_key_identifier().ukm(b"keying material"),
        ));
    }
    let keys: Vec<&Holder> = [carol(), bob(), &p384, &x25519, &x448]
        .into_iter()
        .chain(&kems)
        .collect();
    let stranger = people::person("dave", 1200, "rsa2048-6");
    for (kind, to) in ways {
        for alone in [true, false] {
            // One recipient that can't be used, before one that can.
            let made = encrypt(&text, Aes256Gcm);
            let made = if alone {
                made
            } else {
                made.to(To::new(&stranger))
            };
            let mut audit = audit(&made.to(to.clone()).encode());
            audit.keys = keys.clone();
            let record = audit.record();
            assert_eq!(record.status(), "decrypted", "{kind}");
            let kinds = [0, 1].map(|index| recipient(&record, index, "kind"));
            assert!(kinds.contains(&kind), "{kinds:?} {kind}");
        }
    }
}

#[test]
fn c_15_shared_keys() {
    let text = content();
    for (wrap, key) in [
        (KeyWrap::Aes128, &[1; 16][..]),
        (KeyWrap::Aes256, &[2; 32]),
        (KeyWrap::Aes256Pad, &[2; 32]),
        (KeyWrap::Camellia192, &[3; 24]),
        (KeyWrap::Seed, &[4; 16]),
        (KeyWrap::Rc2(40), &[5; 16]),
        (KeyWrap::Rc2(128), &[6; 16]),
    ] {
        let der = encrypt(&text, Aes256Cbc)
            .shared(Shared::Kek(b"list", key, wrap))
            .encode();
        // Several keys may have one identifier; one has the wrong length.
        let record = audit(&der)
            .kek(b"other", &[9; 16])
            .kek(b"list", &[7; 24])
            .kek(b"list", key)
            .record();
        assert_eq!(record.status(), "decrypted", "{wrap:?}");
        assert_eq!(encrypted(&record, "matched_by"), "kek_id");
        assert_eq!(recipient(&record, 0, "kind"), "kek");
        assert_eq!(recipient(&record, 0, "ski"), "6c697374");
        let record = audit(&der).kek(b"other", key).record();
        assert_eq!(record.status(), "no_key", "{wrap:?}");
    }
}

#[test]
fn c_15_passwords() {
    let text = content();
    let with = |cipher, derivation| Shared::Password {
        password: b"right",
        cipher,
        derivation,
    };
    let mut ways = vec![
        with(TripleDesCbc, Some((10, None))),
        with(Rc2Cbc, Some((10, None))),
        with(DesCbc, Some((10, Some(oid::HMAC_SHA1)))),
    ];
    for prf in [
        oid::HMAC_SHA1,
        oid::HMAC_SHA224,
        oid::HMAC_SHA256,
        oid::HMAC_SHA384,
        oid::HMAC_SHA512,
    ] {
        ways.push(with(Aes256Cbc, Some((1000, Some(prf)))));
    }
    for shared in ways {
        let der = encrypt(&text, Aes256Gcm).shared(shared).encode();
        let record = audit(&der).passwords(b"wrong\nright\nother\n").record();
        assert_eq!(record.status(), "decrypted");
        assert_eq!(encrypted(&record, "matched_by"), "password");
        assert_eq!(recipient(&record, 0, "kind"), "password");
        for passwords in [&b""[..], b"wrong\nother\n"] {
            let record = audit(&der).passwords(passwords).record();
            assert_eq!(record.status(), "no_key");
            assert_eq!(recipient(&record, 0, "result"), "no_key");
        }
    }
    // No derivation: the password is the key, or a shared key is.
    let der = encrypt(&text, Aes256Gcm)
        .shared(Shared::Password {
            password: b"0123456789abcdef",
            cipher: Aes128Cbc,
            derivation: None,
        })
        .encode();
    let record = audit(&der).passwords(b"0123456789abcdef\n").record();
    assert_eq!(record.status(), "decrypted");
    let record = audit(&der).kek(b"any", b"0123456789abcdef").record();
    assert_eq!(record.status(), "decrypted");
    assert_eq!(
        audit(&der).passwords(b"right\n").record().status(),
        "no_key"
    );
    // Many messages, each with its password, in one run.
    let passwords = [&b"one"[..], b"two", b"three"];
    let messages: Vec<Vec<u8>> = (0..9)
        .map(|number| {
            let shared = Shared::password(passwords[number % 3]);
            message(&encrypt(&text, Aes256Cbc).shared(shared).encode())
        })
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let records = Audit::of(&messages).passwords(b"one\ntwo\nthree\n").run();
    assert!(records.iter().all(|record| record.status() == "decrypted"));
}

#[test]
fn c_15_what_is_not_supported_is_named_and_hinders_nobody() {
    let text = content();
    let der = encrypt(&text, Aes256Cbc).to(To::new(carol())).encode();
    let limits = Limits::default();
    let Layer::Enveloped(data) = cms::read(&der, &limits).unwrap().layer else {
        panic!("no EnvelopedData")
    };
    let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
    let unknown = |own: Option<&Recipient<'_>>| {
        let other = Recipient::Other {
            oid: Oid::from_content(&[0x2a, 3, 4]).unwrap(),
            value: &[5, 0],
        };
        let recipients = std::iter::once(other).chain(own.cloned()).collect();
        build::EnvelopedData::new(recipients, data.content.algorithm, &ciphertext).encode()
    };
    let record = audit(&unknown(data.recipients.first()))
        .key(carol())
        .record();
    assert_eq!(record.status(), "decrypted");
    let named = [0, 1].map(|index| recipient(&record, index, "algorithm").to_owned());
    assert!(named.contains(&"1.2.3.4".to_owned()), "{named:?}");
    let alone = audit(&unknown(None)).key(carol()).record();
    assert_eq!(alone.status(), "unsupported");
    assert_eq!(recipient(&alone, 0, "result"), "unsupported");
    assert_eq!(recipient(&alone, 0, "algorithm"), "1.2.3.4");
}

/// Refused at once: the test would take minutes otherwise.
#[test]
fn c_17_rounds_are_bounded_before_any_derivation() {
    let text = content();
    let bomb = |rounds| Shared::Password {
        password: b"right",
        cipher: Aes256Cbc,
        derivation: Some((rounds, Some(oid::HMAC_SHA512))),
    };
    for rounds in [10_000_001, 1_000_000_000, (1 << 31) - 1] {
        let der = encrypt(&text, Aes256Cbc).shared(bomb(rounds)).encode();
        let record = audit(&der).passwords(b"right\n").record();
        assert_eq!(record.status(), "unsupported");
        assert_eq!(recipient(&record, 0, "result"), "unsupported");
        assert_eq!(record.layer_notes(), ["kdf_limit"]);
    }
    // Another recipient is not hindered.
    let der = encrypt(&text, Aes256Cbc)
        .shared(bomb(1_000_000_000))
        .to(To::new(carol()))
        .encode();
    let record = audit(&der).key(carol()).passwords(b"right\n").record();
    assert_eq!(record.status(), "decrypted");
}

/// Passwords are tried in their order until the rounds of the message are spent; what then stays closed says so, and nothing else suffers.
#[test]
fn c_17_passwords_are_tried_until_the_rounds_are_spent() {
    let text = content();
    let under = |rounds| Shared::Password {
        password: b"right",
        cipher: Aes256Cbc,
        derivation: Some((rounds, Some(oid::HMAC_SHA512))),
    };
    let list = |place: usize| -> Vec<u8> {
        let lines = (1..=200).map(|n| {
            if n == place {
                "right\n".to_owned()
            } else {
                format!("{n}\n")
            }
        });
        lines.collect::<String>().into_bytes()
    };
    // A hundred of two hundred can be paid for.
    let limits = Limits::default().with_kdf_rounds(100_000);
    let tried = |der: &[u8], place: usize, key: bool| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("carol.key"), keys::pkcs8(carol().key())).unwrap();
        fs::write(folder.path().join("carol.cer"), &carol().certificate).unwrap();
        let paths = if key {
            vec![folder.path().to_owned()]
        } else {
            Vec::new()
        };
        let ring = Keyring::load(
            &paths,
            &Passwords::from_lines(&list(place)),
            &Limits::default(),
        );
        let settings = Settings {
            limits: limits.clone(),
            ..Settings::default()
        };
        let mail = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", der));
        let message = Message {
            bytes: &mail,
            form: Form::Mail,
            origin: Origin::default(),
        };
        let ring = ring.unwrap().0;
        let mut scratch = Scratch::default();
        let facts = *collect(&message, &ring, &settings, &mut scratch)
            .facts
            .unwrap();
        // A worker that has tried other mail before says the same.
        let again = *collect(&message, &ring, &settings, &mut scratch)
            .facts
            .unwrap();
        assert_eq!(facts, again);
        let layer = &facts.layers[0];
        let encrypted = layer.encrypted.as_ref().unwrap();
        let found = layer.findings.contains(&Finding::KdfLimit);
        (encrypted.decryption, found)
    };
    let der = encrypt(&text, Aes256Cbc).shared(under(1000)).encode();
    assert_eq!(tried(&der, 1, false), (Decryption::Decrypted, false));
    assert_eq!(tried(&der, 100, false), (Decryption::Decrypted, false));
    assert_eq!(tried(&der, 101, false), (Decryption::NotTried, true));
    // No password of few that all were tried: nothing is left over.
    let der = encrypt(&text, Aes256Cbc).shared(under(500)).encode();
    assert_eq!(tried(&der, 0, false), (Decryption::NoKey, false));
    assert_eq!(tried(&der, 200, false), (Decryption::Decrypted, false));
    // Two recipients share the rounds, and a key is used all the same.
    let twice = encrypt(&text, Aes256Cbc)
        .shared(under(1000))
        .shared(under(1000));
    assert_eq!(
        tried(&twice.encode(), 101, false),
        (Decryption::NotTried, true)
    );
    let twice = encrypt(&text, Aes256Cbc)
        .shared(under(1000))
        .to(To::new(carol()));
    assert_eq!(tried(&twice.encode(), 101, true).0, Decryption::Decrypted);
}

#[test]
fn c_23_remote_links_are_kept_as_they_are_and_never_followed() {
    let html = b"<html><img src=\"http://127.0.0.1:1/pixel\"></html>\r\n";
    let entity = mail::entity("text/html", html);
    let signed = mail::multipart_signed(&entity, &signed_by(alice(), &entity, people::sent()));
    for inner in [entity, signed] {
        let der = encrypt(&inner, Aes256Gcm).to(To::new(carol())).encode();
        let record = audit(&der).key(carol()).record();
        let digest: String = mailseal::crypto::digest::sha256(&inner)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(encrypted(&record, "plaintext_sha256"), digest);
    }
    // Nothing in the program opens a connection.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(lock).unwrap();
    for client in ["reqwest", "ureq", "hyper", "curl"] {
        assert!(!manifest.contains(client), "{client}");
    }
}

/// The reading half of C-02: two encrypted parts in one mail stay two, each with its own plaintext and its own word.
#[test]
fn c_02_several_encrypted_parts_are_never_joined() {
    let (one, two) = (mail::text("For your eyes."), mail::text("For others."));
    let part = |text: &[u8], to: &Holder| {
        let made = encrypt(text, Aes256Cbc).to(To::new(to)).encode();
        mail::pkcs7_mime("enveloped-data", &made)
    };
    let body = mail::multipart(
        "mixed",
        "several",
        &[&part(&one, carol()), &part(&two, bob())],
    );
    let message = mail::message(&from_alice(), &body);
    let record = Audit::of(&[&message]).key(carol()).key(bob()).record();
    assert_eq!(record.layers(), ["1 encrypted", "2 encrypted"]);
    for (layer, text) in [&one, &two].into_iter().enumerate() {
        let digest: String = mailseal::crypto::digest::sha256(text)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(record.layer(layer, "encrypted/plaintext_sha256"), digest);
        assert!(record.has("encrypted_subpart"));
    }
    // One that opens says nothing of the other: the worst counts.
    let record = Audit::of(&[&message]).key(carol()).record();
    assert_eq!(record.status(), "no_key");
    assert_eq!(record.layer(0, "encrypted/decryption"), "decrypted");
    assert_eq!(record.layer(1, "encrypted/decryption"), "no_key");
}
