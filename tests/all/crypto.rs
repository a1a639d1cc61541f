//! `crypto` against independent implementations: the `openssl` command and Python's `cryptography`. What is missing is skipped with a
//! message.

mod chain;
mod password;

use std::path::Path;
use std::process::Command;

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::crypto::DigestAlgorithm;
use mailseal::crypto::Outcome;
use mailseal::crypto::PrivateKey;
use mailseal::crypto::PublicKey;
use mailseal::crypto::SignatureScheme;
use mailseal::crypto::Signed;
use mailseal::crypto::VerifyContext;
use mailseal::crypto::content::ContentContext;
use mailseal::crypto::content_cipher::ContentCipher;
use mailseal::crypto::digest::digest;
use mailseal::crypto::key_agreement::KeyAgreement;
use mailseal::crypto::key_agreement::Originator;
use mailseal::crypto::key_transport::RsaTransport;
use mailseal::crypto::recovered_digest;
use mailseal::crypto::sign::sign;
use mailseal::crypto::verify;
use mailseal::limits::Limits;

/// Runs a command in a folder; None and a message where it is missing or refuses.
fn run(folder: &Path, command: &str) -> Option<Vec<u8>> {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap())
        .args(words)
        .current_dir(folder)
        .output();
    match output {
        Ok(output) if output.status.success() => Some(output.stdout),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            eprintln!("skipped: {command}: {said}");
            None
        }
        Err(error) => {
            eprintln!("skipped: {command}: {error}");
            None
        }
    }
}

/// As [`run`], for many commands; None where one of them did not work.
fn run_all(folder: &Path, commands: &[&str]) -> Option<()> {
    commands
        .iter()
        .all(|command| run(folder, command).is_some())
        .then_some(())
}

fn python(folder: &Path, program: &str) -> Option<Vec<u8>> {
    std::fs::write(folder.join("program.py"), program).unwrap();
    run(folder, "python3 program.py")
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn algorithm(der: &[u8]) -> AlgorithmIdentifier<'_> {
    AlgorithmIdentifier::read(&mut Reader::new(der)).unwrap()
}

const PYTHON_SIGNS: &str = r#"
import os
from cryptography.hazmat.primitives.asymmetric import rsa, ec, ed25519, ed448, dsa, padding
from cryptography.hazmat.primitives import hashes, serialization as s
def put(name, key, signature):
    open(name + ".key", "wb").write(key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()))
    open(name + ".spki", "wb").write(key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo))
    open(name + ".sig", "wb").write(signature)
text = b"signed text"
r = rsa.generate_private_key(65537, 2048)
put("rsa", r, r.sign(text, padding.PKCS1v15(), hashes.SHA256()))
put("pss", r, r.sign(text, padding.PSS(padding.MGF1(hashes.SHA384()), 40), hashes.SHA384()))
e = ec.generate_private_key(ec.SECP384R1())
put("ec", e, e.sign(text, ec.ECDSA(hashes.SHA512())))
d = dsa.generate_private_key(2048)
put("dsa", d, d.sign(text, hashes.SHA256()))
k = ed25519.Ed25519PrivateKey.generate()
put("ed25519", k, k.sign(text))
k = ed448.Ed448PrivateKey.generate()
put("ed448", k, k.sign(text))
"#;

#[test]
fn signatures_of_python_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if python(folder, PYTHON_SIGNS).is_none() {
        return;
    }
    let limits = Limits::default();
    let mut context = VerifyContext::new();
    for (name, scheme) in [
        ("rsa", SignatureScheme::RsaV15(DigestAlgorithm::Sha256)),
        (
            "pss",
            SignatureScheme::RsaPss {
                digest: DigestAlgorithm::Sha384,
                mgf_digest: DigestAlgorithm::Sha384,
                salt_bytes: 40,
            },
        ),
        ("ec", SignatureScheme::Ecdsa(DigestAlgorithm::Sha512)),
        ("dsa", SignatureScheme::Dsa(DigestAlgorithm::Sha256)),
        ("ed25519", SignatureScheme::Ed25519),
        ("ed448", SignatureScheme::Ed448),
    ] {
        let spki = read(folder, &format!("{name}.spki"));
        let key = PublicKey::from_spki(&spki, &limits).unwrap();
        let private = PrivateKey::from_pkcs8(&read(folder, &format!("{name}.key")), &limits);
        assert_eq!(private.unwrap().pairing_id(), key.pairing_id(), "{name}");
        let mut signature = read(folder, &format!("{name}.sig"));
        let pieces: [&[u8]; 2] = [b"signed ", b"text"];
        for round in 0..3 {
            let signed = Signed::Message(&pieces);
            let outcome = verify(&scheme, &key, signed, &signature, &mut context);
            assert_eq!(outcome, Outcome::Valid, "{name} {round}");
        }
        if let Some(algorithm) = scheme.digest() {
            let value = digest(algorithm, &pieces).unwrap();
            let signed = Signed::Digest(value.as_bytes());
            let outcome = verify(&scheme, &key, signed, &signature, &mut context);
            assert_eq!(outcome, Outcome::Valid, "{name} from the digest");
        }
        let signed = Signed::Message(&[b"signed test"]);
        let outcome = verify(&scheme, &key, signed, &signature, &mut context);
        assert_eq!(outcome, Outcome::Invalid, "{name}");
        if name == "rsa" {
            let recovered = recovered_digest(&key, &signature, &mut context).unwrap();
            assert_eq!(recovered.algorithm(), Some(DigestAlgorithm::Sha256));
            let value = digest(DigestAlgorithm::Sha256, &pieces).unwrap();
            assert!(value.matches(recovered.value()));
        }
        let middle = signature.len() / 2;
        signature[middle] ^= 4;
        let outcome = verify(
            &scheme,
            &key,
            Signed::Message(&pieces),
            &signature,
            &mut context,
        );
        assert_eq!(outcome, Outcome::Invalid, "{name} changed");
        let outcome = verify(&scheme, &key, Signed::Message(&pieces), &[], &mut context);
        assert_eq!(outcome, Outcome::Invalid, "{name} empty");
    }
}

/// The fields of an EnvelopedData with one recipient that `openssl cms -encrypt -outform DER` wrote.
struct Enveloped<'a> {
    recipient: Reader<'a>,
    content_algorithm: &'a [u8],
    content: Vec<u8>,
    tag: Option<Vec<u8>>,
}

fn enveloped(der: &[u8]) -> Enveloped<'_> {
    let mut outer = Reader::new(der)
        .expect(Tag::SEQUENCE)
        .unwrap()
        .reader()
        .unwrap();
    outer.oid().unwrap();
    let mut explicit = outer.element().unwrap().reader().unwrap();
    let mut fields = explicit.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
    fields.integer().unwrap();
    let set = fields.expect(Tag::SET).unwrap();
    let mut info = fields.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
    info.oid().unwrap();
    let content_algorithm = info.raw(Tag::SEQUENCE).unwrap();
    let content = info
        .element()
        .unwrap()
        .as_octet_string()
        .bytes()
        .unwrap()
        .into_owned();
    let tag = fields
        .optional(Tag::OCTET_STRING)
        .unwrap()
        .map(|tag| tag.content.to_vec());
    let recipient = set.reader().unwrap().element().unwrap().reader().unwrap();
    Enveloped {
        recipient,
        content_algorithm,
        content,
        tag,
    }
}

/// Decrypts the content with a key of the message, and with it changed in each of the ways that must fail.
fn open(message: &Enveloped<'_>, key: &[u8], text: &[u8]) {
    let cipher = ContentCipher::from_algorithm(&algorithm(message.content_algorithm)).unwrap();
    let mut context = ContentContext::new();
    let mut decrypt = |key: &[u8], tag: Option<&[u8]>| {
        let mut decryptor = context.decrypt(&cipher, key, b"", message.content.len())?;
        for chunk in message.content.chunks(7) {
            decryptor.update(chunk);
        }
        decryptor.finish(tag)
    };
    let tag = message.tag.as_deref();
    let plaintext = decrypt(key, tag).unwrap();
    // `openssl cms` makes the lines end in CR LF unless it is told -binary.
    assert_eq!(*plaintext, text, "{}", cipher.name());
    assert!(decrypt(&key[1..], tag).is_err());
    if let Some(tag) = tag {
        assert!(cipher.is_aead());
        assert!(decrypt(key, None).is_err());
        assert!(decrypt(key, Some(&tag[1..])).is_err());
        let mut changed = tag.to_vec();
        changed[0] ^= 1;
        assert!(decrypt(key, Some(&changed)).is_err());
    } else {
        assert!(decrypt(key, Some(&[0; 16])).is_err());
    }
    assert_eq!(
        *decrypt(key, tag).unwrap(),
        text,
        "the context is as good as new"
    );
}

const TEXT: &[u8] =
    b"Content-Type: text/plain\r\n\r\nA text that is longer than one block of any cipher.\r\n";

#[test]
fn rsa_messages_of_openssl_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("text"), TEXT).unwrap();
    let made = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=rsa -days 2";
    let to_der = "openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der";
    let traditional = "openssl rsa -in key.pem -outform DER -traditional -out trad.der";
    if run_all(folder, &[made, to_der, traditional]).is_none() {
        return;
    }
    let limits = Limits::default();
    let key = PrivateKey::from_pkcs8(&read(folder, "key.der"), &limits).unwrap();
    let other = PrivateKey::from_traditional(&read(folder, "trad.der"), &limits).unwrap();
    assert_eq!(key.pairing_id(), other.pairing_id());
    let stranger = PrivateKey::generate_rsa(2048).unwrap();
    for (cipher, options) in [
        ("aes128", ""),
        ("aes256", "-keyopt rsa_padding_mode:oaep"),
        (
            "aes192",
            "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
        ),
        (
            "des3",
            "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512 -keyopt rsa_oaep_label:616263",
        ),
        ("aes-128-gcm", ""),
        ("aes-256-gcm", "-keyopt rsa_padding_mode:oaep"),
    ] {
        let command = format!(
            "openssl cms -encrypt -binary -{cipher} -in text -outform DER -out out.der -recip cert.pem {options}"
        );
        if run(folder, &command).is_none() {
            continue;
        }
        let der = read(folder, "out.der");
        let message = enveloped(&der);
        let mut recipient = message.recipient;
        recipient.integer().unwrap();
        recipient.element().unwrap();
        let transport = AlgorithmIdentifier::read(&mut recipient).unwrap();
        let encrypted_key = recipient.octet_string().unwrap().bytes().unwrap();
        let transport = RsaTransport::from_algorithm(&transport).unwrap();
        open(
            &message,
            &transport.decrypt(&key, &encrypted_key).unwrap(),
            TEXT,
        );
        // A wrong key gives an error, or a key that opens nothing.
        let cipher = ContentCipher::from_algorithm(&algorithm(message.content_algorithm)).unwrap();
        if let Ok(wrong) = transport.decrypt(&stranger, &encrypted_key) {
            assert_ne!(transport.decrypt(&key, &encrypted_key), Ok(wrong.clone()));
            let mut context = ContentContext::new();
            if let Ok(mut decryptor) = context.decrypt(&cipher, &wrong, b"", 0) {
                decryptor.update(&message.content);
                let opened = decryptor.finish(message.tag.as_deref());
                assert!(opened.is_err() || !cipher.is_aead());
            }
        }
    }
}

#[test]
fn elliptic_curve_messages_of_openssl_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("text"), TEXT).unwrap();
    for (curve, options) in [
        ("prime256v1", ""),
        ("secp384r1", "-aes256-wrap -keyopt ecdh_kdf_md:sha384"),
        ("secp521r1", "-aes192-wrap -keyopt ecdh_kdf_md:sha512"),
        ("brainpoolP256r1", "-aes128-wrap -keyopt ecdh_kdf_md:sha256"),
        (
            "prime256v1",
            "-des3-wrap -keyopt ecdh_cofactor_mode:1 -keyopt ecdh_kdf_md:sha224",
        ),
    ] {
        let make = format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:{curve} -nodes -keyout key.pem -out cert.pem -subj /CN=ec -days 2"
        );
        let to_der = "openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der";
        let sec1 = "openssl ec -in key.pem -outform DER -out sec1.der";
        let encrypt = format!(
            "openssl cms -encrypt -binary -aes128 -in text -outform DER -out out.der -recip cert.pem {options}"
        );
        if run_all(folder, &[&make, to_der, sec1, &encrypt]).is_none() {
            continue;
        }
        let limits = Limits::default();
        let key = PrivateKey::from_pkcs8(&read(folder, "key.der"), &limits).unwrap();
        let other = PrivateKey::from_traditional(&read(folder, "sec1.der"), &limits).unwrap();
        assert_eq!(key.pairing_id(), other.pairing_id());
        let der = read(folder, "out.der");
        let message = enveloped(&der);
        let mut recipient = message.recipient;
        recipient.integer().unwrap();
        let mut originator = recipient.element().unwrap().reader().unwrap();
        let mut originator = originator.element().unwrap().reader().unwrap();
        let originator = Originator {
            algorithm: AlgorithmIdentifier::read(&mut originator).unwrap(),
            point: originator.bit_string().unwrap().bytes,
        };
        let ukm = recipient
            .optional(Tag::context_constructed(1))
            .unwrap()
            .map(|ukm| {
                ukm.reader()
                    .unwrap()
                    .octet_string()
                    .unwrap()
                    .bytes()
                    .unwrap()
            });
        let agreement = AlgorithmIdentifier::read(&mut recipient).unwrap();
        let agreement = KeyAgreement::from_algorithm(&agreement).unwrap();
        let mut keys = recipient.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
        let mut keys = keys.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
        keys.element().unwrap();
        let encrypted_key = keys.octet_string().unwrap().bytes().unwrap();
        let secret = agreement
            .unwrap(&key, &originator, ukm.as_deref(), &encrypted_key)
            .unwrap();
        open(&message, &secret, TEXT);
    }
}

/// A configuration that would leave OpenSSL without any algorithm.
const CRIPPLING: &str = "
openssl_conf = init
[init]
providers = providers
alg_section = algorithms
[providers]
null = null_section
[null_section]
activate = 1
[algorithms]
default_properties = fips=yes
";

#[test]
fn configuration_files_and_environment_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openssl.cnf");
    std::fs::write(&file, CRIPPLING).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crypto::every_digest_is_there"])
        .env("OPENSSL_CONF", &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn every_digest_is_there() {
    for algorithm in DigestAlgorithm::ALL {
        assert!(algorithm.is_available(), "{algorithm:?}");
    }
}

#[test]
fn one_key_verifies_in_many_threads() {
    let rsa = PrivateKey::generate_rsa(1024).unwrap();
    let scheme = SignatureScheme::RsaV15(DigestAlgorithm::Sha256);
    let signed = Signed::Message(&[b"text"]);
    let signature = sign(&scheme, &rsa, signed).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let key = rsa.public_key().clone();
            let signature = &signature;
            scope.spawn(move || {
                let mut context = VerifyContext::new();
                for round in 0..200 {
                    let text: &[u8] = if round % 2 == 0 { b"text" } else { b"tent" };
                    let signed = Signed::Message(&[text]);
                    let outcome = verify(&scheme, &key, signed, signature, &mut context);
                    assert_eq!(outcome == Outcome::Valid, round % 2 == 0);
                }
            });
        }
    });
}
