//! Keys and files that `openssl pkcs8`, `openssl pkcs12` and Python protected with a password.

use mailseal::asn1::AlgorithmIdentifier;
use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::PrivateKey;
use mailseal::crypto::password::Password;
use mailseal::crypto::password::PasswordEncryption;
use mailseal::crypto::password::PasswordError;
use mailseal::crypto::password::PasswordMac;
use mailseal::limits::Limits;

use super::python;
use super::read;
use super::run;

#[test]
fn shrouded_keys_of_openssl_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if run(folder, "openssl genpkey -algorithm ED25519 -out key.pem").is_none() {
        return;
    }
    let limits = Limits::default();
    let password = Password::new("pass".as_bytes());
    let mut opened = 0;
    for options in [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc -v2prf hmacWithSHA512",
        "-v2 aes-192-cbc -v2prf hmacWithSHA1 -iter 10",
        "-v2 des3 -v2prf hmacWithSHA224",
        "-scrypt",
        "-v1 PBE-SHA1-3DES",
        "-v1 PBE-SHA1-2DES",
        "-provider legacy -provider default -v2 rc2",
        "-provider legacy -provider default -v2 des",
        "-provider legacy -provider default -v1 PBE-MD5-DES",
        "-provider legacy -provider default -v1 PBE-SHA1-DES",
        "-provider legacy -provider default -v1 PBE-SHA1-RC2-40",
        "-provider legacy -provider default -v1 PBE-SHA1-RC2-128",
        "-provider legacy -provider default -v1 PBE-SHA1-RC4-40",
        "-provider legacy -provider default -v1 PBE-SHA1-RC4-128",
    ] {
        let command = format!(
            "openssl pkcs8 -topk8 -in key.pem -outform DER -out key.der -passout pass:pass {options}"
        );
        if run(folder, &command).is_none() {
            continue;
        }
        let der = read(folder, "key.der");
        let (scheme, encrypted) = Reader::new(&der)
            .sequence(|r| {
                let algorithm = AlgorithmIdentifier::read(r)?;
                Ok((algorithm, r.octet_string()?.bytes()?))
            })
            .unwrap();
        let scheme = PasswordEncryption::from_algorithm(&scheme, &limits).unwrap();
        let decrypted = scheme.decrypt(&password, &encrypted).unwrap();
        assert!(
            PrivateKey::from_pkcs8(&decrypted, &limits).is_ok(),
            "{options}"
        );
        // A wrong padding passes by chance once in 256; a key never does.
        let wrong = scheme.decrypt(&Password::new(b"other"), &encrypted);
        let wrong = wrong.map(|key| PrivateKey::from_pkcs8(&key, &limits).is_ok());
        assert!(
            matches!(wrong, Err(PasswordError::WrongPassword) | Ok(false)),
            "{options}"
        );
        opened += 1;
    }
    assert!(opened >= 6, "{opened} opened");
}

/// The MAC of a PKCS #12 file: its algorithm, value, salt, iterations, and what it is over.
fn pkcs12_mac(der: &[u8], limits: &Limits) -> (PasswordMac, Vec<u8>) {
    let mut pfx = Reader::new(der)
        .expect(Tag::SEQUENCE)
        .unwrap()
        .reader()
        .unwrap();
    pfx.integer().unwrap();
    let mut safe = pfx.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
    safe.oid().unwrap();
    let mut explicit = safe.element().unwrap().reader().unwrap();
    let content = explicit
        .octet_string()
        .unwrap()
        .bytes()
        .unwrap()
        .into_owned();
    let mut mac = pfx.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
    let (algorithm, value) = mac
        .sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.octet_string()?.bytes()?)))
        .unwrap();
    let salt = mac.octet_string().unwrap().bytes().unwrap();
    let iterations = if mac.is_empty() {
        1
    } else {
        mac.small_integer().unwrap()
    };
    let mac = PasswordMac::from_fields(&algorithm, &value, &salt, iterations, limits).unwrap();
    (mac, content)
}

#[test]
fn macs_of_pkcs12_files_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = "openssl req -x509 -newkey ed25519 -nodes -keyout key.pem -out cert.pem -subj /CN=p12 -days 2";
    if run(folder, made).is_none() {
        return;
    }
    let limits = Limits::default();
    for options in [
        "-macalg sha256",
        "-macalg sha1 -iter 1 -nomaciter",
        "-macalg sha512",
        "-macalg sha384",
        "-macalg sha224",
        "-macalg md5",
        "-macalg sha3-256",
        "-pbmac1_pbkdf2",
    ] {
        for password in ["", "pass", "pässwörd€"] {
            let command = format!(
                "openssl pkcs12 -export -in cert.pem -inkey key.pem -out file.p12 -passout pass:{password} {options}"
            );
            if run(folder, &command).is_none() {
                continue;
            }
            let der = read(folder, "file.p12");
            let (mac, content) = pkcs12_mac(&der, &limits);
            let fits = Password::readings(password.as_bytes())
                .iter()
                .any(|reading| mac.verify(reading, &content) == Ok(()));
            assert!(fits, "{options} {password}");
            let wrong = mac.verify(&Password::new(b"wrong"), &content);
            assert_eq!(wrong, Err(PasswordError::WrongPassword));
            let mut changed = content.clone();
            changed[0] ^= 1;
            let right = Password::new(password.as_bytes());
            let wrong = mac.verify(&right, &changed);
            assert_eq!(wrong, Err(PasswordError::WrongPassword));
        }
    }
}

const PYTHON_PBMAC1: &str = r#"
import hashlib, hmac
key = hashlib.pbkdf2_hmac("sha512", "pässwörd".encode(), b"salt of eight", 2048, 32)
open("value", "wb").write(hmac.digest(key, b"the safe", "sha256"))
"#;

#[test]
fn a_pbmac1_of_python_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    if python(folder.path(), PYTHON_PBMAC1).is_none() {
        return;
    }
    let value = read(folder.path(), "value");
    let limits = Limits::default();
    let mac = |key_bytes: Option<u64>, rounds: u64| {
        let parameters = Writer::encode(|w| {
            w.sequence(|w| {
                let pbkdf2 = Writer::encode(|w| {
                    w.sequence(|w| {
                        w.octet_string(b"salt of eight");
                        w.small_integer(rounds);
                        if let Some(bytes) = key_bytes {
                            w.small_integer(bytes);
                        }
                        w.algorithm(oid::HMAC_SHA512, Some(&[5, 0]));
                    });
                });
                w.algorithm(oid::PBKDF2, Some(&pbkdf2));
                w.algorithm(oid::HMAC_SHA256, Some(&[5, 0]));
            });
        });
        let algorithm = AlgorithmIdentifier {
            oid: oid::PBMAC1,
            parameters: Some(&parameters),
        };
        PasswordMac::from_fields(&algorithm, &value, b"", 1, &limits)
    };
    let good = mac(Some(32), 2048).unwrap();
    let password = Password::new("pässwörd".as_bytes());
    assert_eq!(good.verify(&password, b"the safe"), Ok(()));
    let wrong = Err(PasswordError::WrongPassword);
    assert_eq!(good.verify(&password, b"the sage"), wrong);
    assert_eq!(good.verify(&Password::new(b"x"), b"the safe"), wrong);
    // RFC 9579 §4: the length must be stated, and one octet could be guessed.
    for bytes in [None, Some(1), Some(1 << 20)] {
        assert_eq!(mac(bytes, 2048), Err(PasswordError::Malformed), "{bytes:?}");
    }
    assert_eq!(mac(Some(32), 1 << 31), Err(PasswordError::TooManyRounds));
}
