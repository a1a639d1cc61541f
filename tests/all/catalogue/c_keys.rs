//! Rows C-11, C-13 and C-14: wrong keys, keys under other names, and many keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mailseal::asn1::Time;
use mailseal::asn1::oid;
use mailseal::crypto::content::encrypt;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::content_cipher::ContentCipher;
use mailseal::crypto::digest::sha256;
use mailseal::crypto::key::Curve;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::private_key::PrivateKey;
use mailseal::facts;
use mailseal::facts::Scratch;
use mailseal::facts::Settings;
use mailseal::facts::axis::Decryption;
use mailseal::facts::record::EncryptedFacts;
use mailseal::limits::Limits;
use mailseal::mime::message::Form;
use mailseal::mime::message::Message;
use mailseal::mime::message::Origin;
use mailseal::pki::keyring::Keyring;
use mailseal::pki::keyring::Passwords;
use mailseal::pki::x509::Certificate;

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::program::Workplace;
use crate::program::mbox;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::name;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// The encrypted layer of a message around this CMS.
fn opened(cms: &[u8], keyring: &Keyring, scratch: &mut Scratch) -> EncryptedFacts {
    let bytes = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", cms));
    let message = Message {
        bytes: &bytes,
        form: Form::Mail,
        origin: Origin::default(),
    };
    let collected = facts::collect(&message, keyring, &Settings::default(), scratch);
    let facts = collected.facts.unwrap();
    assert_eq!(
        collected.opened.len(),
        usize::from(
            facts.layers[0].encrypted.as_ref().unwrap().decryption == Decryption::Decrypted
        )
    );
    facts.layers[0].encrypted.clone().unwrap()
}

fn ring(holders: &[&Holder]) -> Keyring {
    let folder = tempfile::tempdir().unwrap();
    for (index, holder) in holders.iter().enumerate() {
        let file = |extension: &str| folder.path().join(format!("{index}.{extension}"));
        fs::write(file("key"), keys::pkcs8(holder.key())).unwrap();
        fs::write(file("cer"), &holder.certificate).unwrap();
    }
    let paths = [folder.path().to_path_buf()];
    Keyring::load(&paths, &Passwords::none(), &Limits::default())
        .unwrap()
        .0
}

/// The recipient named is `named`, the key that can open it is that of `real`.
fn misnamed(named: &Holder, real: &Holder) -> Holder {
    Holder {
        party: Party {
            name: named.party.name.clone(),
            key: real.party.key.clone(),
        },
        certificate: named.certificate.clone(),
        chain: Vec::new(),
    }
}

/// Without a key for any recipient nothing is tried.
#[test]
fn c_11_a_key_that_no_recipient_names_is_not_tried() {
    let keyring = ring(&[carol()]);
    let der = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()))
        .encode();
    let facts = opened(&der, &keyring, &mut Scratch::default());
    assert_eq!(facts.decryption, Decryption::NoKey);
    assert!(!facts.recipients[0].key_found);
}

/// 2000 times the recipient is matched, and the key is the wrong one: with RSA v1.5, where OpenSSL gives a random secret in place
/// of an error, and with a wrong content key of the right length, which one padding in 256 takes for right.
#[test]
fn c_11_forced_wrong_keys_never_succeed() {
    let keyring = ring(&[carol(), bob()]);
    let mut scratch = Scratch::default();
    let text = mail::text(&"Dear all, the meeting is on Friday.\n".repeat(20));
    let wrong_rsa = misnamed(carol(), alice());
    for run in 0..1000 {
        let der = Encrypt::new(&text, CipherAlgorithm::Aes128Cbc)
            .to(To::new(&wrong_rsa))
            .encode();
        let facts = opened(&der, &keyring, &mut scratch);
        assert_eq!(facts.decryption, Decryption::Failed, "run {run}");
        assert_eq!(facts.plaintext_bytes, None);
    }
    // The content under one key, the recipient's secret another: what a wrong key of the right length gives.
    for run in 0..1000 {
        let cipher = ContentCipher::generate(CipherAlgorithm::Aes128Cbc).unwrap();
        let other = cipher.generate_key().unwrap();
        let wrong = encrypt(&cipher, &other, b"", &[&text]).unwrap();
        let der = Encrypt::new(&text, CipherAlgorithm::Aes128Cbc)
            .to(To::new(bob()))
            .encode();
        let der = with_ciphertext(&der, &wrong.ciphertext);
        let facts = opened(&der, &keyring, &mut scratch);
        assert_eq!(facts.decryption, Decryption::Failed, "run {run}");
    }
}

/// The message with another ciphertext of the same length.
fn with_ciphertext(der: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    let start = der.len() - ciphertext.len();
    der[start..].copy_from_slice(ciphertext);
    der
}

/// Every key is found by each of its names, and a message for one of 10,000 opens with it. A look-up that walks through all keys
/// would compare 300 million names here.
#[test]
fn c_14_ten_thousand_keys() {
    const KEYS: u64 = 10_000;
    let issuer = people::stranger();
    let folder = tempfile::tempdir().unwrap();
    let mut holders = Vec::new();
    for number in 0..KEYS {
        let key = PrivateKey::generate(KeyAlgorithm::Ec(Curve::P256)).unwrap();
        let subject = name(&[(oid::COMMON_NAME, "somebody")]);
        let party = Party::named(subject, key);
        let wanted = Wanted::mail(number + 1, "somebody@example.com")
            .validity(Time::from_unix(0).unwrap(), Time::from_unix(1).unwrap());
        let holder = Holder::below(party, &wanted, issuer);
        holders.push(holder);
    }
    for (number, some) in holders.chunks(1000).enumerate() {
        let pair = |holder: &Holder| {
            [
                pem("CERTIFICATE", &holder.certificate),
                pem("PRIVATE KEY", &keys::pkcs8(holder.key())),
            ]
            .concat()
        };
        let bundle: Vec<u8> = some.iter().flat_map(pair).collect();
        fs::write(folder.path().join(format!("{number}.pem")), bundle).unwrap();
    }
    let paths = [folder.path().to_path_buf()];
    let (keyring, _) = Keyring::load(&paths, &Passwords::none(), &Limits::default()).unwrap();
    assert_eq!(keyring.keys().count() as u64, KEYS);
    for holder in &holders {
        let certificate = Certificate::read(&holder.certificate).unwrap();
        let key = keyring
            .by_issuer_serial(certificate.issuer.raw(), certificate.serial.0)
            .unwrap();
        assert_eq!(
            keyring.certificate(key),
            Some(holder.certificate.as_slice())
        );
        assert_eq!(keyring.by_ski(&holder.party.key_identifier()), Some(key));
        let spki = sha256(&keys::spki(holder.key()));
        assert_eq!(keyring.by_public_key(&spki), Some(key));
    }
    // An expired certificate opens mail like any other.
    for (at, by_key) in [(0, false), (7_777, false), (9_999, true)] {
        let to = To::new(&holders[at]);
        let to = if by_key { to.by_key_identifier() } else { to };
        let der = Encrypt::new(&content(), CipherAlgorithm::Aes256Gcm)
            .to(to)
            .encode();
        let facts = opened(&der, &keyring, &mut Scratch::default());
        assert_eq!(facts.decryption, Decryption::Decrypted);
    }
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
    text.extend_from_slice(&mail::lf(&mail::base64_lines(der, 64)));
    text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    text
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The old certificate is lost, and its authority has another name now: the operator says which key its mail is for.
#[test]
fn c_13_a_key_that_the_operator_maps() {
    let old = people::person("renate", 0x8a01, "rsa2048-6");
    let issuer = Holder::root(Party::new("Its new name", "rsa2048-5"), &Wanted::ca(1));
    let wanted = Wanted::mail(2, "renate@example.com");
    let renewed = Holder::below(old.party.clone(), &wanted, &issuer);
    let to = |holder: &Holder| {
        let content = content();
        let cms = Encrypt::new(&content, CipherAlgorithm::Aes256Cbc).to(To::new(holder));
        let entity = mail::pkcs7_mime("enveloped-data", &cms.encode());
        mail::message(&from_alice(), &entity)
    };
    let place = Workplace::new();
    place.write("a.mbox", mbox(&[to(&old), to(carol())]));
    let text = [
        pem("CERTIFICATE", &renewed.certificate),
        pem("PRIVATE KEY", &keys::pkcs8(renewed.key())),
    ];
    let file = place.write("keys/renate.pem", text.concat());
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let serial = |holder: &Holder| {
        let certificate = Certificate::read(&holder.certificate).unwrap();
        hex(certificate.serial.minimal())
    };
    let ours = hex(&renewed.party.key_identifier());
    let alias = |holder: &Holder| format!("{}:{ours}", serial(holder));
    let (old_alias, wrong_alias) = (alias(&old), alias(carol()));
    for (name, more, statuses) in [
        ("none", vec![], ["no_key", "no_key"]),
        ("one", vec![&old_alias], ["decrypted", "no_key"]),
        (
            "both",
            vec![&old_alias, &wrong_alias],
            ["decrypted", "decrypt_failed"],
        ),
    ] {
        let mut arguments = vec!["audit", "a.mbox", "-o", name, "-q", "--keys=keys"];
        for one in &more {
            arguments.extend(["--key-alias", one]);
        }
        place.run(&arguments).code(0);
        let messages = place.messages(name);
        let seen: Vec<_> = messages.iter().map(|one| &one["status"]).collect();
        assert_eq!(seen, statuses, "{name}");
        let matched = &messages[0]["layers"][0]["encrypted"]["matched_by"];
        assert_eq!(matched.as_str(), (!more.is_empty()).then_some("spki"));
        // What an operator has mapped is not missing; what is missing is named as the option takes it.
        let missing: Vec<_> = place
            .table(name, "missing-keys.csv")
            .iter()
            .map(|row| row["serial"].clone())
            .collect();
        let mut closed = vec![serial(&old), serial(carol())];
        closed.drain(..more.len());
        closed.sort();
        assert_eq!(missing, closed, "{name}");
    }
    let arguments = ["decrypt", "a.mbox", "-o", "out", "-q", "--keys=keys"];
    let decrypt = |alias: &str| place.run(&[&arguments[..], &["--key-alias", alias]].concat());
    decrypt(&old_alias).code(1);
    let record = fs::read_to_string(place.join("out/manifest.jsonl")).unwrap();
    let first = record.lines().next().unwrap();
    assert!(first.contains("\"action\":\"decrypted\""), "{first}");
    for wrong in ["8a01", "xy:01", ":", "8a01:", "8a01:0102"] {
        decrypt(wrong).code(2).says(&["--key-alias", wrong]);
    }
}
