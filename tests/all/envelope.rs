//! Content encrypted to certificates: our own reader opens it, and so do OpenSSL and Python where they are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::Layer;
use mailseal::cms::Recipient;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::key_agreement::KeyAgreement;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::jobs::envelope::Addressee;
use mailseal::jobs::envelope::Announced;
use mailseal::jobs::envelope::CannotEncrypt;
use mailseal::jobs::envelope::EnvelopeError;
use mailseal::jobs::envelope::NamedBy;
use mailseal::jobs::envelope::encrypt;
use mailseal::limits::Limits;
use mailseal::pki::x509::Certificate;

use crate::catalogue::audit::Audit;
use crate::program::pem;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::extensions;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;

/// What the catalogue's recipients are: a name, a key, what they announce.
const RECIPIENTS: &[(&str, &str, &str)] = &[
    ("rsa", "rsa2048-3", ""),
    (
        "oaep256",
        "rsa2048-4",
        "id-RSAES-OAEP/sha1 id-RSAES-OAEP/sha256",
    ),
    ("oaep1", "rsa2048-5", "id-RSAES-OAEP/sha1"),
    ("oaep512", "rsa2048-6", "id-RSAES-OAEP/sha512"),
    ("p256", "p256-1", ""),
    ("p384", "p384-1", ""),
    ("p521", "p521-1", ""),
    ("brainpool", "brainpool256-1", ""),
    ("x25519", "x25519-1", ""),
];

const CIPHERS: [CipherAlgorithm; 5] = [
    CipherAlgorithm::Aes256Gcm,
    CipherAlgorithm::Aes256Cbc,
    CipherAlgorithm::Aes128Cbc,
    CipherAlgorithm::Aes192Cbc,
    CipherAlgorithm::TripleDesCbc,
];

fn addressee(holder: &Holder, announced: &str, named_by: NamedBy) -> Addressee {
    let certificate = Certificate::read(&holder.certificate).unwrap();
    let announced = Announced::from_names(announced);
    Addressee::new(&certificate, Some(announced), named_by, &Limits::default()).unwrap()
}

fn content() -> Vec<u8> {
    mail::text("Encrypted for you, and for nobody else.\r\n")
}

fn holder(name: &str, key: &str) -> Holder {
    let place = RECIPIENTS.iter().position(|(own, _, _)| *own == name);
    people::person(name, 7000 + u64::try_from(place.unwrap()).unwrap(), key)
}

struct Made {
    name: String,
    holder: Holder,
    cipher: CipherAlgorithm,
    der: Vec<u8>,
}

fn all() -> Vec<Made> {
    let mut all = Vec::new();
    for (name, key, announced) in RECIPIENTS {
        let holder = holder(name, key);
        for cipher in CIPHERS {
            for named_by in [NamedBy::IssuerSerial, NamedBy::KeyIdentifier] {
                let to = addressee(&holder, announced, named_by);
                let text = content();
                let (before, behind) = text.split_at(20);
                let made = encrypt(&[before, behind], &[&to], cipher).unwrap();
                assert_eq!(made.is_authenticated, cipher.is_aead());
                all.push(Made {
                    name: format!("{name} {} {named_by:?}", cipher.name()),
                    holder: holder.clone(),
                    cipher,
                    der: made.der,
                });
            }
        }
    }
    all
}

#[test]
fn h_04_what_is_encrypted_is_opened_here() {
    let all = all();
    let messages: Vec<Vec<u8>> = all
        .iter()
        .map(|made| {
            let kind = match made.cipher.is_aead() {
                true => "authEnveloped-data",
                false => "enveloped-data",
            };
            let headers = Headers::new("alice@example.com", "Secret", people::SENT_DATE);
            mail::message(&headers, &mail::pkcs7_mime(kind, &made.der))
        })
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut audit = Audit::of(&messages);
    for made in all.iter().step_by(2 * CIPHERS.len()) {
        audit = audit.key(&made.holder);
    }
    for (record, made) in audit.run().iter().zip(&all) {
        let value = |name: &str| record.layer(0, &format!("encrypted/{name}")).to_owned();
        assert_eq!(value("decryption"), "decrypted", "{}", made.name);
        assert_eq!(value("cipher"), made.cipher.name(), "{}", made.name);
        assert_eq!(record.text("/layers/0/structure"), "ok", "{}", made.name);
    }
}

/// Runs a program in a folder; what it wrote, or None where it failed or is not there.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let ended = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .ok()?;
    ended.status.success().then_some(ended.stdout)
}

#[test]
fn h_04_what_is_encrypted_is_opened_by_openssl_and_python() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    if run(path, "openssl", &["version"]).is_none() {
        eprintln!("skipped: no openssl");
        return;
    }
    let python = run(path, "python3", &["-c", "import cryptography"]).is_some();
    if !python {
        eprintln!("skipped: no Python with cryptography");
    }
    let (mut by_openssl, mut by_python) = (0, 0);
    for made in all() {
        fs::write(path.join("mail.der"), &made.der).unwrap();
        fs::write(
            path.join("key.pem"),
            pem("PRIVATE KEY", &keys::pkcs8(made.holder.key())),
        )
        .unwrap();
        fs::write(
            path.join("cert.pem"),
            pem("CERTIFICATE", &made.holder.certificate),
        )
        .unwrap();
        let arguments =
            "cms -decrypt -binary -inform DER -in mail.der -inkey key.pem -recip cert.pem";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        // OpenSSL 3.0 knows no X25519 in CMS, and of no curve but those in its list.
        let opened = run(path, "openssl", &arguments);
        if made.name.starts_with("x25519") && opened.is_none() {
            continue;
        }
        assert_eq!(opened, Some(content()), "{}", made.name);
        by_openssl += 1;
        // Python's library knows recipients by issuer and serial number only.
        let is_v15 = made.name.starts_with("rsa ") && made.name.ends_with("IssuerSerial");
        let is_aes = made.cipher != CipherAlgorithm::TripleDesCbc
            && made.cipher != CipherAlgorithm::Aes192Cbc;
        if python && is_v15 && is_aes && !made.cipher.is_aead() {
            fs::write(path.join("open.py"), OPEN_PY).unwrap();
            let opened = run(path, "python3", &["open.py"]);
            assert_eq!(opened, Some(content()), "{}", made.name);
            by_python += 1;
        }
    }
    assert!(by_openssl >= 80, "{by_openssl}");
    eprintln!("opened by OpenSSL: {by_openssl}, by Python: {by_python}");
}

const OPEN_PY: &str = "\
import sys
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs7
key = load_pem_private_key(open('key.pem', 'rb').read(), None)
cert = x509.load_pem_x509_certificate(open('cert.pem', 'rb').read())
sys.stdout.buffer.write(pkcs7.pkcs7_decrypt_der(open('mail.der', 'rb').read(), cert, key, []))
";

/// The recipients of a message.
fn recipients(der: &[u8]) -> Vec<Recipient<'_>> {
    match cms::read(der, &Limits::default()).unwrap().layer {
        Layer::Enveloped(data) => data.recipients,
        Layer::AuthEnveloped(data) => data.recipients,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_key_is_used_as_the_table_says() {
    for (name, key, announced) in RECIPIENTS {
        let holder = holder(name, key);
        let to = addressee(&holder, announced, NamedBy::KeyIdentifier);
        for (cipher, wrap) in [
            (CipherAlgorithm::Aes256Gcm, "aes256-wrap"),
            (CipherAlgorithm::Aes128Cbc, "aes128-wrap"),
        ] {
            let made = encrypt(&[b"x"], &[&to], cipher).unwrap();
            assert_eq!(
                cms::read(&made.der, &Limits::default()).map(|info| info.ber),
                Ok(false)
            );
            let algorithm = match &recipients(&made.der)[0] {
                Recipient::KeyTransport(info) => {
                    assert_eq!(info.version, 2);
                    assert!(matches!(
                        info.rid,
                        EntityIdentifier::SubjectKeyIdentifier(_)
                    ));
                    format!(
                        "{:?}",
                        RsaTransport::from_algorithm(&info.algorithm).unwrap()
                    )
                }
                Recipient::KeyAgreement(info) => {
                    assert_eq!((info.version, info.keys.len()), (3, 1));
                    let read = KeyAgreement::from_algorithm(&info.algorithm).unwrap();
                    format!("{} {}", info.algorithm.oid.label(), read.wrap.name())
                }
                other => panic!("{other:?}"),
            };
            let oaep = |digest: DigestAlgorithm| {
                format!(
                    "{:?}",
                    RsaTransport::Oaep {
                        digest,
                        mgf_digest: digest,
                        label: Vec::new()
                    }
                )
            };
            let ecdh = |kdf: &str| format!("dhSinglePass-stdDH-{kdf}-scheme {wrap}");
            let expected = match *name {
                "rsa" => "V15".to_owned(),
                "oaep256" => oaep(DigestAlgorithm::Sha256),
                "oaep1" => oaep(DigestAlgorithm::Sha1),
                "oaep512" => oaep(DigestAlgorithm::Sha512),
                "p256" | "brainpool" => ecdh("sha256kdf"),
                "p384" => ecdh("sha384kdf"),
                "p521" => ecdh("sha512kdf"),
                "x25519" => ecdh("hkdf-sha256"),
                other => panic!("{other}"),
            };
            assert_eq!(algorithm, expected, "{name}");
        }
    }
}

#[test]
fn h_09_messages_to_the_same_people_share_nothing_that_is_random() {
    let people = [holder("rsa", "rsa2048-3"), holder("x25519", "x25519-1")];
    let to: Vec<Addressee> = people
        .iter()
        .map(|holder| addressee(holder, "", NamedBy::IssuerSerial))
        .collect();
    let to: Vec<&Addressee> = to.iter().collect();
    let mut seen = BTreeSet::new();
    for number in 0..400 {
        let cipher = CIPHERS[number % 3];
        let der = encrypt(&[b"the same content"], &to, cipher).unwrap().der;
        let (content, all) = match cms::read(&der, &Limits::default()).unwrap().layer {
            Layer::Enveloped(data) => (data.content, data.recipients),
            Layer::AuthEnveloped(data) => (data.content, data.recipients),
            other => panic!("{other:?}"),
        };
        assert_eq!(all.len(), 2);
        let parameters = content.algorithm.parameters.unwrap().to_vec();
        assert!(seen.insert(parameters), "an IV twice");
        for recipient in &all {
            let (key, ephemeral) = match recipient {
                Recipient::KeyTransport(info) => (info.encrypted_key.to_vec(), None),
                Recipient::KeyAgreement(info) => {
                    let cms::recipient_info::Originator::PublicKey { key, .. } = &info.originator
                    else {
                        panic!("{info:?}");
                    };
                    (
                        info.keys[0].encrypted_key.to_vec(),
                        Some(key.bytes.to_vec()),
                    )
                }
                other => panic!("{other:?}"),
            };
            assert!(seen.insert(key), "an encrypted key twice");
            assert!(
                ephemeral.is_none_or(|point| seen.insert(point)),
                "an ephemeral key twice"
            );
        }
    }
}

#[test]
fn capabilities_in_the_certificate_count_where_none_are_recorded() {
    let list = Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(oid::AES256_GCM, None);
            w.raw(
                &RsaTransport::Oaep {
                    digest: DigestAlgorithm::Sha256,
                    mgf_digest: DigestAlgorithm::Sha256,
                    label: Vec::new(),
                }
                .algorithm(),
            );
        });
    });
    let wanted = Wanted::mail(7900, "cap@example.com").with((oid::SMIME_CAPABILITIES, false, list));
    let holder = people::issued("cap", "rsa2048-3", &wanted);
    let certificate = Certificate::read(&holder.certificate).unwrap();
    let limits = Limits::default();
    let made = Addressee::new(&certificate, None, NamedBy::default(), &limits).unwrap();
    assert!(made.announced().unwrap().has(CipherAlgorithm::Aes256Gcm));
    assert!(format!("{:?}", made.key_encryption()).contains("Sha256"));
    // What was signed goes before it.
    let signed = Some(Announced::default());
    let made = Addressee::new(&certificate, signed, NamedBy::default(), &limits).unwrap();
    assert!(format!("{:?}", made.key_encryption()).contains("V15"));
}

#[test]
fn keys_that_only_sign_are_refused_and_so_is_a_key_of_rsaes_oaep_not() {
    let limits = Limits::default();
    for key in ["ed25519-1", "dsa2048-1", "rsapss2048-1"] {
        let holder = people::person("signer", 7950, key);
        let certificate = Certificate::read(&holder.certificate).unwrap();
        let made = Addressee::new(&certificate, None, NamedBy::default(), &limits);
        assert_eq!(made.err(), Some(CannotEncrypt::Kind), "{key}");
    }
    // RFC 4055 §1.2: the key's own algorithm is RSAES-OAEP, with or without the digest.
    let rsa = keys::key("rsa2048-3");
    let octets = keys::public_octets(&keys::spki(&rsa)).to_vec();
    let sha512 = RsaTransport::Oaep {
        digest: DigestAlgorithm::Sha512,
        mgf_digest: DigestAlgorithm::Sha512,
        label: Vec::new(),
    };
    let with = sha512.algorithm();
    let with = AlgorithmIdentifier::read(&mut mailseal::asn1::Reader::new(&with)).unwrap();
    for (parameters, expected) in [(None, "Sha256"), (with.parameters, "Sha512")] {
        let mut wanted = Wanted::mail(7951, "oaep@example.com")
            .with(extensions::key_usage(&[extensions::KEY_ENCIPHERMENT]));
        wanted.spki = Some(Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(oid::RSAES_OAEP, parameters);
                w.bit_string(&octets);
            });
        }));
        let holder = people::issued("oaep", "rsa2048-3", &wanted);
        let certificate = Certificate::read(&holder.certificate).unwrap();
        let made = Addressee::new(&certificate, None, NamedBy::default(), &limits).unwrap();
        assert!(format!("{:?}", made.key_encryption()).contains(expected));
        assert!(encrypt(&[b"x"], &[&made], CipherAlgorithm::Aes256Gcm).is_ok());
    }
    assert_eq!(
        encrypt(&[b"x"], &[], CipherAlgorithm::Aes256Gcm).err(),
        Some(EnvelopeError::NoRecipient)
    );
}
