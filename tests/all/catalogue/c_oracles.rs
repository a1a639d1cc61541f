//! Rows C-15, C-18 and E-36 against other programs and published examples, and the README's table of what is read by default.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::sha256;
use mailseal::crypto::key::KeyAlgorithm;
use mailseal::crypto::key_wrap::KeyWrap;
use mailseal::crypto::private_key::PrivateKey;
use mailseal::crypto::signature_scheme::SignatureScheme;
use serde_json::Value;

use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::Shared;
use crate::toolkit::enveloped::To;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

/// A folder in which the `openssl` program works.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// None, and says so, where a program is missing.
    fn new(programs: &[&str]) -> Option<Self> {
        for program in programs {
            let answers = Command::new(program).arg("--help").output().is_ok();
            if !answers {
                eprintln!("skipped: no {program}");
                return None;
            }
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// None where the program refuses: it was built without something.
    fn run(&self, command: &str) -> Option<Vec<u8>> {
        let mut words = command.split_whitespace();
        let output = Command::new(words.next().unwrap())
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            eprintln!("{command}: {}", said.lines().last().unwrap_or_default());
            return None;
        }
        Some(output.stdout)
    }

    /// The record of the only message in a file, as the built program reports it.
    fn mailseal(&self, arguments: &[&str]) -> Value {
        let report = self.path("report");
        let output = Command::new(env!("CARGO_BIN_EXE_mailseal"))
            .arg("audit")
            .args(arguments)
            .args(["--quiet", "--force", "-o"])
            .arg(&report)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?} {output:?}");
        let text = fs::read_to_string(report.join("messages.jsonl")).unwrap();
        serde_json::from_str(text.trim_end()).unwrap()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = String::from_utf8(mail::lf(&mail::base64_lines(der, 64))).unwrap();
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn opened(record: &Value) -> Option<&str> {
    let encrypted = record.pointer("/layers/0/encrypted")?;
    (encrypted["decryption"] == "decrypted").then(|| encrypted["plaintext_sha256"].as_str())?
}

/// What `openssl cms` encrypts, with every cipher it has.
#[test]
fn c_18_what_openssl_encrypts() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    let text = content();
    bench.write("text", &text);
    let certificate = pem("CERTIFICATE", &carol().certificate);
    bench.write("keys/carol.pem", certificate.as_bytes());
    let key = keys::pkcs8(carol().key());
    bench.write("keys/carol.key", &key);
    let mut read = Vec::new();
    for (option, cipher, bits) in [
        ("rc2-40-cbc", "rc2-cbc", 40),
        ("rc2-64-cbc", "rc2-cbc", 64),
        ("rc2-cbc", "rc2-cbc", 128),
        ("des-cbc", "des-cbc", 64),
        ("des-ede3-cbc", "des-ede3-cbc", 192),
        ("cast5-cbc", "cast5-cbc", 128),
        ("idea-cbc", "idea-cbc", 128),
        ("seed-cbc", "seed-cbc", 128),
        ("rc4", "rc4", 128),
        ("camellia-128-cbc", "camellia-128-cbc", 128),
        ("camellia-256-cbc", "camellia-256-cbc", 256),
        ("aes-128-cbc", "aes-128-cbc", 128),
        ("aes-256-gcm", "aes-256-gcm", 256),
    ] {
        let command = format!(
            "openssl cms -encrypt -provider legacy -provider default -binary -in text -outform DER -out mail.p7m -{option} keys/carol.pem"
        );
        if bench.run(&command).is_none() {
            continue;
        }
        let record = bench.mailseal(&["mail.p7m", "--keys", "keys"]);
        assert_eq!(
            opened(&record),
            Some(hex(&sha256(&text)).as_str()),
            "{option}"
        );
        let encrypted = &record["layers"][0]["encrypted"];
        assert_eq!(encrypted["cipher"], cipher);
        assert_eq!(encrypted["key_bits"], bits, "{option}");
        read.push(option);
    }
    // What is left out was said; these every build has.
    for least in ["rc2-40-cbc", "des-cbc", "cast5-cbc", "aes-256-gcm"] {
        assert!(read.contains(&least), "{read:?}");
    }
}

/// And the other way round: what the toolkit writes, `openssl cms` reads.
#[test]
fn c_18_openssl_reads_what_the_tests_write() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    let text = content();
    let pair =
        pem("CERTIFICATE", &carol().certificate) + &pem("PRIVATE KEY", &keys::pkcs8(carol().key()));
    bench.write("carol.pem", pair.as_bytes());
    let mut compared = 0;
    for cipher in CipherAlgorithm::ALL {
        use CipherAlgorithm as C;
        // OpenSSL reads parameters of CAST5, IDEA and RC4 only as it writes them, and no CCM or ChaCha20 in CMS.
        let beyond = [
            C::Rc4,
            C::Cast5Cbc,
            C::IdeaCbc,
            C::Aes128Ccm,
            C::Aes192Ccm,
            C::Aes256Ccm,
            C::ChaCha20Poly1305,
        ];
        if beyond.contains(cipher) {
            continue;
        }
        for bits in [40, 64, 128] {
            if bits != 128 && *cipher != C::Rc2Cbc {
                continue;
            }
            let made = Encrypt::new(&text, *cipher)
                .rc2_bits(bits)
                .to(To::new(carol()));
            bench.write("mail.p7m", &made.encode());
            let plain = bench.run(
                "openssl cms -decrypt -provider legacy -provider default -binary -inform DER -in mail.p7m -inkey carol.pem -recip carol.pem",
            );
            assert_eq!(plain.as_ref(), Some(&text), "{cipher:?} {bits}");
            compared += 1;
        }
    }
    assert!(compared >= 14, "{compared}");
}

#[test]
fn c_15_passwords_and_shared_keys_against_openssl() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    let text = content();
    bench.write("text", &text);
    bench.write("passwords", b"wrong\nsecret\n");
    let sha256 = hex(&sha256(&text));
    let key = "000102030405060708090a0b0c0d0e0f1011121314151617";
    for (number, bits) in [(32, 128), (48, 192)] {
        bench.write("key", &key.as_bytes()[..number]);
        let command = format!(
            "openssl cms -encrypt -binary -in text -outform DER -out mail.p7m -aes256 -secretkey {} -secretkeyid 6c697374",
            &key[..number]
        );
        bench.run(&command).unwrap();
        let record = bench.mailseal(&["mail.p7m", "--kek", "6c697374:key"]);
        assert_eq!(opened(&record), Some(sha256.as_str()), "{bits}");
        for file in fs::read_dir(bench.path("report")).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !text.to_lowercase().contains(&key[..number]),
                "the key is in the report"
            );
        }
        let record = bench.mailseal(&["mail.p7m", "--kek", "00:key"]);
        assert_eq!(record["status"], "no_key");
    }
    for cipher in ["aes256", "des3", "camellia128", "rc2-40-cbc", "des-cbc"] {
        let command = format!(
            "openssl cms -encrypt -provider legacy -provider default -binary -in text -outform DER -out mail.p7m -{cipher} -pwri_password secret"
        );
        if bench.run(&command).is_none() {
            continue;
        }
        let record = bench.mailseal(&["mail.p7m", "--passwords", "passwords"]);
        assert_eq!(opened(&record), Some(sha256.as_str()), "{cipher}");
        assert_eq!(bench.mailseal(&["mail.p7m"])["status"], "no_key");
    }
    // Ours, for openssl.
    let key = [7; 16];
    let shared = [
        (
            Shared::password(b"secret"),
            "-pwri_password secret".to_owned(),
        ),
        (
            Shared::Kek(b"list", &key, KeyWrap::Aes128),
            format!("-secretkey {} -secretkeyid 6c697374", hex(&key)),
        ),
    ];
    for (shared, options) in shared {
        let made = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc).shared(shared);
        bench.write("mail.p7m", &made.encode());
        let command = format!("openssl cms -decrypt -binary -inform DER -in mail.p7m {options}");
        assert_eq!(bench.run(&command).as_ref(), Some(&text), "{options}");
    }
}

/// Ephemeral-static Diffie-Hellman over a prime field (RFC 2631), with every wrap that openssl picks.
#[test]
fn c_15_diffie_hellman_against_openssl() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    let text = content();
    bench.write("text", &text);
    fs::create_dir(bench.path("keys")).unwrap();
    for command in [
        "openssl genpkey -genparam -algorithm DHX -pkeyopt dh_rfc5114:2 -out params",
        "openssl genpkey -paramfile params -out keys/dh.key",
        "openssl pkey -in keys/dh.key -pubout -out dh.pub",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=DH -days 3650",
        "openssl req -new -key ca.key -subj /CN=dh -out dh.csr",
        "openssl x509 -req -in dh.csr -CA ca.pem -CAkey ca.key -force_pubkey dh.pub -set_serial 77 -out keys/dh.pem",
    ] {
        if bench.run(command).is_none() {
            eprintln!("skipped: this openssl makes no key for it");
            return;
        }
    }
    // Often enough that a shared secret with a leading zero octet is among them now and then.
    for (cipher, wrap) in [("aes128", "aes128-wrap"), ("des3", "id-alg-CMS3DESwrap")] {
        for _ in 0..10 {
            let command = format!(
                "openssl cms -encrypt -binary -in text -outform DER -out mail.p7m -{cipher} keys/dh.pem"
            );
            bench.run(&command).unwrap();
            let record = bench.mailseal(&["mail.p7m", "--keys", "keys"]);
            assert_eq!(opened(&record), Some(hex(&sha256(&text)).as_str()));
            let recipient = &record["layers"][0]["encrypted"]["recipients"][0];
            assert_eq!(recipient["kind"], "dh");
            assert_eq!(recipient["algorithm"], format!("id-alg-ESDH {wrap}"));
        }
    }
}

/// The example of RFC 9936, for the key of RFC 9935 whose seed is 00 01 02 … 3f.
#[test]
fn c_15_the_ml_kem_example_of_rfc_9936() {
    let seed: Vec<u8> = (0..64).collect();
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.small_integer(0);
            w.algorithm(oid::ML_KEM_512, None);
            let seed = Writer::encode(|w| w.primitive(Tag::context(0), &seed));
            w.octet_string(&seed);
        });
    });
    let bench = Bench::new(&[]).unwrap();
    bench.write("key", &key);
    bench.write(
        "mail.p7m",
        include_bytes!("../crypto/rfc9936-ml-kem-512.der"),
    );
    let record = bench.mailseal(&["mail.p7m", "--keys", "key"]);
    assert_eq!(
        opened(&record),
        Some(hex(&sha256(b"Hello, world!")).as_str())
    );
    let encrypted = &record["layers"][0]["encrypted"];
    assert_eq!(encrypted["matched_by"], "ski");
    assert_eq!(encrypted["recipients"][0]["kind"], "kem");
}

/// ML-KEM of another library on the sender's side.
#[test]
fn c_15_ml_kem_against_python() {
    const PYTHON: &str = r"
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
key = serialization.load_der_public_key(open('spki', 'rb').read())
secret, wrapped = key.encapsulate()
kek = HKDF(hashes.SHA256(), 32, None, open('info', 'rb').read()).derive(secret)
open('ciphertext', 'wb').write(wrapped)
open('wrapped', 'wb').write(aes_key_wrap(kek, bytes(range(32))))
";
    use mailseal::asn1::AlgorithmIdentifier;
    use mailseal::crypto::kem::Encapsulation;
    let Some(bench) = Bench::new(&["python3"]) else {
        return;
    };
    bench.write("encapsulate.py", PYTHON.as_bytes());
    let plain = |oid| AlgorithmIdentifier {
        oid,
        parameters: None,
    };
    for (kem, algorithm) in [
        (oid::ML_KEM_768, KeyAlgorithm::MlKem768),
        (oid::ML_KEM_1024, KeyAlgorithm::MlKem1024),
    ] {
        let key = PrivateKey::generate(algorithm).unwrap();
        bench.write("spki", &key.public_spki());
        let info = Writer::encode(|w| {
            w.sequence(|w| {
                w.algorithm(oid::AES256_WRAP, None);
                w.small_integer(32);
            });
        });
        bench.write("info", &info);
        if bench.run("python3 encapsulate.py").is_none() {
            eprintln!("skipped: this python has no ML-KEM");
            return;
        }
        let wrap = plain(oid::AES256_WRAP);
        let hkdf = plain(oid::HKDF_SHA256);
        let kem = Encapsulation::from_fields(&plain(kem), &hkdf, &wrap, 32, None).unwrap();
        let read = |name| fs::read(bench.path(name)).unwrap();
        let secret = kem.unwrap(&key, &read("ciphertext"), &read("wrapped"));
        assert_eq!(*secret.unwrap(), (0..32).collect::<Vec<u8>>());
    }
}

/// Sample 5.2 of RFC 4134: RC2-40 for an RSA key and for a shared RC2 key (§2.2 of the RFC has it).
#[test]
fn c_18_rfc_4134_5_2() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let real = ["../shared/real/rfc4134", "../../shared/real/rfc4134"].map(|path| root.join(path));
    let Some(real) = real.iter().find(|path| path.is_dir()) else {
        eprintln!("skipped: no ../shared/real/rfc4134");
        return;
    };
    let bench = Bench::new(&[]).unwrap();
    bench.write("key", b"B7 0A 25 FB C9 D8 6A 86 05 0C E0 D7 11 EA D4 D9\n");
    let (mail, keys) = (real.join("cms/5.2.bin"), real.join("keys"));
    let (mail, keys) = (mail.to_str().unwrap(), keys.to_str().unwrap());
    let kek = "4d61696c4c697374524332:key";
    for (arguments, matched_by) in [
        (vec![mail, "--keys", keys], "issuer_serial"),
        (vec![mail, "--kek", kek], "kek_id"),
    ] {
        let record = bench.mailseal(&arguments);
        let text = hex(&sha256(b"This is some sample content."));
        assert_eq!(opened(&record), Some(text.as_str()));
        let encrypted = &record["layers"][0]["encrypted"];
        assert_eq!(encrypted["matched_by"], matched_by);
        assert_eq!(
            (&encrypted["cipher"], encrypted["key_bits"].as_u64()),
            (&"rc2-cbc".into(), Some(40))
        );
    }
    let record = bench.mailseal(&[mail, "--keys", keys, "--kek", kek, "--no-legacy"]);
    assert_eq!(record["status"], "unsupported");
}

/// S/MIME 2 of 1998: RC2 with 40 bits, signed with MD5 by an RSA key of 512 bits, a UniversalString in the name.
#[test]
fn e_36_mail_of_1998() {
    let subject = Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::SET, |w| {
                w.sequence(|w| {
                    w.oid(oid::COMMON_NAME);
                    let text: Vec<u8> = "Zo\u{eb} 1998"
                        .chars()
                        .flat_map(|character| u32::from(character).to_be_bytes())
                        .collect();
                    w.primitive(Tag::UNIVERSAL_STRING, &text);
                });
            });
        });
    });
    let md5 = SignatureScheme::RsaV15(DigestAlgorithm::Md5);
    let party = Party::named(subject, keys::key("rsa512-1"));
    let wanted = Wanted::mail(1998, "alice@example.com")
        .scheme(SignatureScheme::RsaV15(DigestAlgorithm::Sha1));
    let zoe = Holder::below(party, &wanted, people::authority());
    let text = content();
    let signer = Sign::by(&zoe).scheme(md5).digest(DigestAlgorithm::Md5);
    let signature = Signed::detached(&text).signer(signer).encode();
    let signed = mail::multipart_signed(&text, &signature);
    let made = Encrypt::new(&signed, CipherAlgorithm::Rc2Cbc)
        .rc2_bits(40)
        .to(To::new(&zoe));
    let message = mail::message(
        &from_alice(),
        &mail::pkcs7_mime("enveloped-data", &made.encode()),
    );
    let record = Audit::of(&[&message]).key(&zoe).record();
    assert_eq!(record.layer(0, "encrypted/decryption"), "decrypted");
    assert_eq!(record.layer(0, "encrypted/cipher"), "rc2-cbc");
    assert_eq!(record.layer(1, "signatures/0/signature"), "valid");
    assert_eq!(record.layer(1, "signatures/0/digest"), "match");
    assert_eq!(record.status(), "weak_crypto");
    assert!(record.has("cipher_broken"));
    let closed = Audit::of(&[&message]).key(&zoe).no_legacy().record();
    assert_eq!(closed.status(), "unsupported");
    assert!(closed.has("needs_legacy_provider"));
}

/// The row of mailseal in the README, cell by cell, with the built program and no option but where the keys are.
#[test]
fn c_15_the_readmes_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let cells = |line: &str| {
        let inside = line.trim().trim_matches('|').split('|');
        inside
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let mut lines = readme.lines();
    let head = lines.find(|line| line.contains("| AES-CBC |")).unwrap();
    let row = lines.find(|line| line.starts_with("| mailseal ")).unwrap();
    let table: Vec<(String, String)> = cells(head).into_iter().zip(cells(row)).skip(1).collect();
    assert_eq!(table.len(), 8);

    let Some(bench) = Bench::new(&["openssl", "python3"]) else {
        return;
    };
    let text = content();
    let key = [7; 16];
    for (file, holder) in [("alice", alice()), ("bob", bob())] {
        let p12 = root.join(format!("sample-mail/keys/{file}.p12"));
        bench.write(&format!("{file}.p12"), &fs::read(p12).unwrap());
        let der = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc).to(To::new(holder));
        bench.write(&format!("{file}.p7m"), &der.encode());
    }
    let passwords = fs::read(root.join("sample-mail/keys/password")).unwrap();
    bench.write("passwords", &[&passwords[..], b"secret\n"].concat());
    bench.write("key", &key);
    let pair =
        pem("CERTIFICATE", &carol().certificate) + &pem("PRIVATE KEY", &keys::pkcs8(carol().key()));
    bench.write("carol.pem", pair.as_bytes());
    let export = "openssl pkcs12 -export -nomac -in carol.pem -passout pass:secret -out open.p12";
    bench.run(export).unwrap();
    bench.write("pkcs12.py", crate::keyring::PKCS12_PY.as_bytes());
    let mac = "python3 pkcs12.py pbmac1 pbmac1.p12 open.p12 secret sha256";
    bench.run(mac).unwrap();
    let for_carol = |cipher| {
        let made = Encrypt::new(&text, cipher).rc2_bits(40);
        made.to(To::new(carol())).encode()
    };
    bench.write("cbc.p7m", &for_carol(CipherAlgorithm::Aes128Cbc));
    bench.write("gcm.p7m", &for_carol(CipherAlgorithm::Aes256Gcm));
    bench.write("rc2.p7m", &for_carol(CipherAlgorithm::Rc2Cbc));
    let shared = |shared| {
        let made = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc);
        made.shared(shared).encode()
    };
    bench.write("pwri.p7m", &shared(Shared::password(b"secret")));
    bench.write(
        "kek.p7m",
        &shared(Shared::Kek(b"list", &key, KeyWrap::Aes128)),
    );

    let with = |keys| ["--keys", keys, "--passwords", "passwords"];
    let ways: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::from([
        ("AES-CBC", ("cbc.p7m", vec!["--keys", "carol.pem"])),
        ("AES-GCM", ("gcm.p7m", vec!["--keys", "carol.pem"])),
        ("RC2-40", ("rc2.p7m", vec!["--keys", "carol.pem"])),
        ("password", ("pwri.p7m", vec!["--passwords", "passwords"])),
        ("shared key", ("kek.p7m", vec!["--kek", "6c697374:key"])),
        (
            "PKCS#12 with PBES2",
            ("alice.p7m", with("alice.p12").to_vec()),
        ),
        ("with RC2-40", ("bob.p7m", with("bob.p12").to_vec())),
        ("with PBMAC1", ("cbc.p7m", with("pbmac1.p12").to_vec())),
    ]);
    for (column, cell) in table {
        let (mail, options) = &ways[column.as_str()];
        let record = bench.mailseal(&[&[*mail], &options[..]].concat());
        let reads = opened(&record) == Some(hex(&sha256(&text)).as_str());
        assert_eq!(if reads { "yes" } else { "no" }, cell, "{column}");
    }
}
