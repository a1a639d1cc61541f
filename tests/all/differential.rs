//! The verdict axes against `openssl cms`, where the program is installed: valid mail, and mail damaged in known ways.
//!
//! The program stops at the first fault and says little of it, so it is asked for each step by itself: the chain without
//! signatures, the digest without the signature, the signature without the digest.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stderr
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use mailseal::asn1::oid;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::digest::sha256;
use mailseal::crypto::key_agreement::AgreementKdf;
use mailseal::crypto::key_agreement::AgreementScheme;
use mailseal::crypto::key_wrap::KeyWrap;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::Party;
use crate::toolkit::certificates::Wanted;
use crate::toolkit::certificates::day;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::extensions;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;

#[test]
fn signed_mail_is_judged_as_openssl_judges_each_step() {
    let Some(tool) = Tool::find() else { return };
    let cases = signed_cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    let messages: Vec<&[u8]> = cases.iter().map(|case| case.message.as_slice()).collect();
    let records = Audit::of(&messages).run();
    let mut seen = [0; 4];
    for (case, record) in cases.iter().zip(&records) {
        tool.compare_signed(case, record, &mut seen);
    }
    eprintln!(
        "{} mails; verified, and failed by digest, signature, chain: {seen:?}",
        cases.len()
    );
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

#[test]
fn encrypted_mail_is_opened_where_openssl_opens_it() {
    let Some(tool) = Tool::find() else { return };
    let cases = encrypted_cases();
    let messages: Vec<&[u8]> = cases.iter().map(|case| case.message.as_slice()).collect();
    let mut audit = Audit::of(&messages);
    audit.keys = readers().iter().map(|(holder, _)| *holder).collect();
    let records = audit.run();
    let mut opened = 0;
    for (case, record) in cases.iter().zip(&records) {
        opened += usize::from(tool.compare_encrypted(case, record));
    }
    eprintln!("{} mails, {opened} opened", cases.len());
    assert!(opened > 40 && opened < cases.len(), "{opened}");
}

struct SignedCase {
    name: String,
    message: Vec<u8>,
    has_attributes: bool,
}

fn content() -> Vec<u8> {
    mail::text("Dear all,\nthe meeting is on Friday.\n")
}

fn headers() -> Headers {
    Headers::new("Alice <alice@example.com>", "Meeting", SENT_DATE)
}

/// What is done to a mail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    None,
    /// A letter of the content.
    Content,
    /// A bit of the signature value.
    Value,
    /// Both.
    Both,
    /// The digest in the attributes is another content's, and signed so.
    Digest,
}

const DAMAGES: [Damage; 5] = [
    Damage::None,
    Damage::Content,
    Damage::Value,
    Damage::Both,
    Damage::Digest,
];

fn signed_cases() -> Vec<SignedCase> {
    let mut cases = Vec::new();
    for (holder, scheme) in signers() {
        for (index, damage) in DAMAGES.into_iter().enumerate() {
            for opaque in [false, true] {
                // Every form with every damage, without the full product.
                for (attributes, by_key, ber) in
                    [(true, index % 2 == 0, false), (index % 2 == 0, true, true)]
                {
                    cases.push(case(
                        &holder,
                        scheme,
                        damage,
                        [opaque, attributes, by_key, ber],
                    ));
                }
            }
        }
    }
    for (name, holder) in chains() {
        for damage in [Damage::None, Damage::Content] {
            let mut one = case(
                &holder,
                keys::scheme(holder.key()),
                damage,
                [false, true, false, false],
            );
            one.name = format!("{name}: {}", one.name);
            cases.push(one);
        }
    }
    cases
}

fn case(
    holder: &Holder,
    scheme: SignatureScheme,
    damage: Damage,
    [opaque, attributes, by_key, ber]: [bool; 4],
) -> SignedCase {
    let content = content();
    let mut sign = Sign::by(holder).scheme(scheme).at(people::sent());
    if by_key {
        sign = sign.by_key_identifier();
    }
    if !attributes {
        sign = sign.without_attributes();
    }
    if matches!(damage, Damage::Value | Damage::Both) {
        sign = sign.damaged();
    }
    if damage == Damage::Digest {
        sign = sign.over(b"another content");
    }
    let sent = if matches!(damage, Damage::Content | Damage::Both) {
        String::from_utf8(content.clone())
            .unwrap()
            .replace("Friday", "Sunday")
            .into_bytes()
    } else {
        content.clone()
    };
    let mut data = if opaque {
        Signed::opaque(&content).carrying(mailseal::cms::build::Content::Octets(&sent))
    } else {
        Signed::detached(&content)
    };
    data = data.signer(sign);
    if ber {
        data = data.form(BER);
    }
    let cms = data.encode();
    let entity = if opaque {
        mail::pkcs7_mime("signed-data", &cms)
    } else {
        mail::multipart_signed(&sent, &cms)
    };
    SignedCase {
        name: format!(
            "{} {scheme:?} {damage:?} opaque {opaque} attributes {attributes} by key {by_key} BER {ber}",
            holder.key().algorithm().name()
        ),
        message: mail::message(&headers(), &entity),
        has_attributes: attributes,
    }
}

/// Everything that OpenSSL 3.0 verifies in CMS.
fn signers() -> Vec<(Holder, SignatureScheme)> {
    use DigestAlgorithm as D;
    let rsa = |digest| ("rsa2048-3", SignatureScheme::RsaV15(digest));
    let all = [
        rsa(D::Sha1),
        rsa(D::Sha256),
        rsa(D::Sha384),
        rsa(D::Sha512),
        ("rsa1024-1", SignatureScheme::RsaV15(D::Sha256)),
        ("rsa2048-3", keys::pss(D::Sha256)),
        ("rsa2048-3", keys::pss(D::Sha512)),
        ("p256-1", SignatureScheme::Ecdsa(D::Sha256)),
        ("p384-1", SignatureScheme::Ecdsa(D::Sha384)),
        ("p521-1", SignatureScheme::Ecdsa(D::Sha512)),
        ("brainpool256-1", SignatureScheme::Ecdsa(D::Sha256)),
        ("dsa2048-1", SignatureScheme::Dsa(D::Sha256)),
    ];
    all.into_iter()
        .map(|(key, scheme)| (people::person("alice", 800, key), scheme))
        .collect()
}

/// Signers whose path fails, each in its way, and some whose path does not.
fn chains() -> Vec<(&'static str, Holder)> {
    let wanted = || Wanted::mail(801, "alice@example.com");
    let party = || Party::new("Alice", "rsa2048-3");
    let with = |wanted: Wanted| people::issued("Alice", "rsa2048-3", &wanted);
    // Each authority has a name of its own: the pool of the archive would find another way through one of the same name.
    let below = |name: &'static str, ca: Wanted| {
        let between = Holder::below_root(Party::new(name, "p256-3"), &ca, people::root());
        (name, Holder::below(party(), &wanted(), &between))
    };
    // No other mail of the archive has this root.
    let unseen = Holder::root(Party::new("Unseen Root", "p256-2"), &Wanted::ca(1));
    let mut incomplete = Holder::below(party(), &wanted(), &unseen);
    incomplete.chain.clear();
    let other_root = Holder::below(party(), &wanted(), people::stranger());
    vec![
        ("good", with(wanted())),
        (
            "expired",
            with(wanted().validity(day(2020, 1, 1), day(2024, 12, 1))),
        ),
        (
            "not yet valid",
            with(wanted().validity(day(2026, 1, 1), day(2030, 1, 1))),
        ),
        (
            "bad certificate signature",
            with(Wanted::mail(803, "alice@example.com").broken()),
        ),
        ("self-signed", Holder::root(party(), &wanted())),
        ("incomplete", incomplete),
        ("another root", other_root),
        (
            "server",
            with(wanted().with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH]))),
        ),
        (
            "any usage",
            with(wanted().with(extensions::extended_key_usage(
                false,
                &[oid::ANY_EXTENDED_KEY_USAGE],
            ))),
        ),
        (
            "no usage",
            with(
                wanted()
                    .without(oid::EXTENDED_KEY_USAGE)
                    .without(oid::KEY_USAGE),
            ),
        ),
        (
            "key encipherment only",
            with(wanted().with(extensions::key_usage(&[extensions::KEY_ENCIPHERMENT]))),
        ),
        (
            "non-repudiation only",
            with(wanted().with(extensions::key_usage(&[extensions::NON_REPUDIATION]))),
        ),
        below("good authority", Wanted::ca(802)),
        below(
            "no authority",
            Wanted::ca(802).with(extensions::basic_constraints(false, None)),
        ),
        below(
            "no keyCertSign",
            Wanted::ca(802).with(extensions::key_usage(&[extensions::CRL_SIGN])),
        ),
        below(
            "expired authority",
            Wanted::ca(802).validity(day(2010, 1, 1), day(2024, 12, 1)),
        ),
        below(
            "names outside",
            Wanted::ca(802).with(extensions::mailbox_constraints(&["other.example"], &[])),
        ),
        below(
            "names inside",
            Wanted::ca(802).with(extensions::mailbox_constraints(&["example.com"], &[])),
        ),
        (
            "unknown critical",
            with(wanted().with((oid::CONTENT_HINTS, true, vec![5, 0]))),
        ),
        below(
            "server's authority",
            Wanted::ca(802).with(extensions::extended_key_usage(false, &[oid::SERVER_AUTH])),
        ),
    ]
}

struct EncryptedCase {
    name: String,
    message: Vec<u8>,
    content: Vec<u8>,
    /// Which of the readers the program is given.
    reader: usize,
    /// It is for none of the readers.
    for_others: bool,
    /// RSA v1.5 with a damaged key: the program goes on with a random one, which now and then looks well.
    may_be_garbage: bool,
}

/// Those who read mail here, by the name of their files.
fn readers() -> &'static [(&'static Holder, &'static str); 4] {
    static READERS: std::sync::LazyLock<[(&Holder, &str); 4]> = std::sync::LazyLock::new(|| {
        let leak = |name, serial, key| &*Box::leak(Box::new(people::person(name, serial, key)));
        [
            (people::carol(), "carol"),
            (people::bob(), "bob"),
            (leak("erin", 810, "p384-1"), "erin"),
            (leak("frank", 811, "p521-1"), "frank"),
        ]
    });
    &READERS
}

fn encrypted_cases() -> Vec<EncryptedCase> {
    use CipherAlgorithm as C;
    use DigestAlgorithm as D;
    let ciphers = [
        C::Aes128Cbc,
        C::Aes192Cbc,
        C::Aes256Cbc,
        C::TripleDesCbc,
        C::Aes128Gcm,
        C::Aes192Gcm,
        C::Aes256Gcm,
    ];
    let mut cases = Vec::new();
    let [carol, bob, erin, frank] = readers().each_ref().map(|(holder, _)| *holder);
    let standard = |digest| AgreementScheme::Standard(AgreementKdf::X963(digest));
    let cofactor = |digest| AgreementScheme::Cofactor(AgreementKdf::X963(digest));
    let ways: Vec<(&str, usize, To<'_>)> = vec![
        ("rsa_v15", 0, To::new(carol)),
        ("rsa_v15 by key", 0, To::new(carol).by_key_identifier()),
        ("oaep sha1", 0, To::new(carol).oaep(D::Sha1, D::Sha1, b"")),
        (
            "oaep sha256",
            0,
            To::new(carol).oaep(D::Sha256, D::Sha256, b""),
        ),
        (
            "oaep sha512 sha1 label",
            0,
            To::new(carol).oaep(D::Sha512, D::Sha1, b"label"),
        ),
        ("ecdh p256", 1, To::new(bob)),
        (
            "ecdh p256 sha1 aes256",
            1,
            To::new(bob).agreement(standard(D::Sha1), KeyWrap::Aes256),
        ),
        (
            "ecdh p256 ukm",
            1,
            To::new(bob).ukm(b"user keying material"),
        ),
        (
            "ecdh p384 cofactor",
            2,
            To::new(erin).agreement(cofactor(D::Sha384), KeyWrap::Aes192),
        ),
        (
            "ecdh p521 by key",
            3,
            To::new(frank)
                .agreement(standard(D::Sha512), KeyWrap::Aes256)
                .by_key_identifier(),
        ),
    ];
    for (index, cipher) in ciphers.into_iter().enumerate() {
        for (way, reader, to) in &ways {
            let content = mail::text(&format!(
                "Dear {way},\nthis is for you, in {}.\n",
                cipher.name()
            ));
            let mut push = |name: &str, cms: Vec<u8>, reader, may_be_garbage| {
                let kind = if cipher.is_aead() {
                    "authEnveloped-data"
                } else {
                    "enveloped-data"
                };
                cases.push(EncryptedCase {
                    name: format!("{} {way} {name}", cipher.name()),
                    message: mail::message(&headers(), &mail::pkcs7_mime(kind, &cms)),
                    content: content.clone(),
                    reader,
                    for_others: name == "for somebody else",
                    may_be_garbage,
                });
            };
            let encrypt = |to: To<'_>| Encrypt::new(&content, cipher).to(to).encode();
            push("whole", encrypt(to.clone()), *reader, false);
            if (index + reader) % 2 == 0 {
                push(
                    "damaged key",
                    encrypt(to.clone().damaged()),
                    *reader,
                    way.starts_with("rsa_v15"),
                );
                let flipped = Encrypt::new(&content, cipher)
                    .to(to.clone())
                    .flip_bit(11)
                    .encode();
                if cipher.is_aead() {
                    push("flipped bit", flipped, *reader, false);
                }
                let two = Encrypt::new(&content, cipher)
                    .to(To::new(people::alice()))
                    .to(to.clone())
                    .form(BER)
                    .encode();
                push("two recipients", two, *reader, false);
                push(
                    "for somebody else",
                    encrypt(To::new(people::alice())),
                    *reader,
                    false,
                );
            }
        }
    }
    cases
}

/// The program, and a folder with what it needs.
struct Tool {
    folder: tempfile::TempDir,
}

impl Tool {
    /// None, and a word about it, where the program is not installed.
    fn find() -> Option<Self> {
        let Ok(version) = Command::new("openssl").arg("version").output() else {
            eprintln!("skipped: no openssl");
            return None;
        };
        eprintln!(
            "against {}",
            String::from_utf8_lossy(&version.stdout).trim()
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let pem = |name: &str, label: &str, der: &[u8]| {
            let body = String::from_utf8(mail::lf(&mail::base64_lines(der, 64))).unwrap();
            let text = format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n");
            fs::write(path.join(name), text).unwrap();
        };
        pem("root.pem", "CERTIFICATE", &people::root().certificate);
        for (holder, name) in readers() {
            pem(&format!("{name}.pem"), "CERTIFICATE", &holder.certificate);
            pem(
                &format!("{name}.key"),
                "PRIVATE KEY",
                &keys::pkcs8(holder.key()),
            );
        }
        Some(Self { folder })
    }

    fn run(&self, message: &[u8], arguments: &[&str]) -> Output {
        fs::write(self.path().join("mail.eml"), message).unwrap();
        Command::new("openssl")
            .args(["cms", "-in", "mail.eml", "-inform", "SMIME"])
            .args(arguments)
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn verify(&self, message: &[u8], arguments: &[&str]) -> (bool, String) {
        let output = self.run(message, &[&["-verify", "-out", "out"], arguments].concat());
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    fn compare_signed(&self, case: &SignedCase, record: &Record, seen: &mut [usize; 4]) {
        let name = &case.name;
        let [digest, signature] = record.axes(["digest", "signature"]);
        let digest_good = digest.starts_with("match");
        let signature_good = signature == "valid";
        let context = |said: &str| format!("{name}\n{said}\n{record:?}");

        if case.has_attributes {
            let (own, said) = self.verify(&case.message, &["-noverify", "-no_attr_verify"]);
            assert_eq!(own, digest_good, "digest: {}", context(&said));
            let (own, said) = self.verify(&case.message, &["-noverify", "-no_content_verify"]);
            assert_eq!(own, signature_good, "signature: {}", context(&said));
        } else {
            let (own, said) = self.verify(&case.message, &["-noverify"]);
            assert_eq!(own, digest_good && signature_good, "{}", context(&said));
        }
        let now = people::now().unix().to_string();
        let trust = [
            "-CAfile",
            "root.pem",
            "-no-CApath",
            "-no-CAstore",
            "-attime",
            &now,
        ];
        let alone = ["-no_attr_verify", "-no_content_verify"];
        let (trusted, said) = self.verify(&case.message, &[&trust[..], &alone[..]].concat());
        let chain = record.at("now", "chain");
        let stricter = STRICTER.iter().any(|known| name.starts_with(known));
        let trusted = if stricter {
            assert!(!trusted, "no difference any more: {name}");
            true
        } else {
            trusted
        };
        assert_eq!(trusted, chain == "trusted", "chain: {}", context(&said));
        if let Some(expected) = words_for(chain) {
            assert!(
                expected.iter().any(|words| said.contains(words)),
                "{chain}: {}",
                context(&said)
            );
        }
        let all = digest_good && signature_good && trusted;
        // What is valid here is nothing less there.
        assert_eq!(
            record.at("now", "verdict") == "valid",
            all,
            "{name}\n{record:?}"
        );
        if all && !stricter {
            let (whole, said) = self.verify(&case.message, &trust);
            assert!(whole, "{}", context(&said));
        }
        seen[0] += usize::from(all);
        seen[1] += usize::from(!digest_good);
        seen[2] += usize::from(!signature_good);
        seen[3] += usize::from(!trusted);
    }

    /// Gives whether both opened it.
    fn compare_encrypted(&self, case: &EncryptedCase, record: &Record) -> bool {
        let (_, reader) = readers()[case.reader];
        let (certificate, key) = (format!("{reader}.pem"), format!("{reader}.key"));
        let _ = fs::remove_file(self.path().join("out"));
        let arguments = [
            "-decrypt",
            "-recip",
            &certificate,
            "-inkey",
            &key,
            "-out",
            "out",
        ];
        let output = self.run(&case.message, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let written = fs::read(self.path().join("out")).unwrap_or_default();
        let context = || format!("{}\n{said}\n{record:?}", case.name);
        let opened = output.status.success() && written == case.content;
        if output.status.success() {
            assert!(opened || case.may_be_garbage, "{}", context());
        }
        let decryption = record.text("/decryption");
        assert_eq!(decryption == "decrypted", opened, "{}", context());
        if opened {
            let digest: String = sha256(&written)
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect();
            assert_eq!(record.text("/content_sha256"), digest, "{}", context());
        } else {
            let expected = if case.for_others { "no_key" } else { "failed" };
            assert_eq!(decryption, expected, "{}", context());
        }
        opened
    }
}

/// Where the program refuses what RFC 8550 allows: anyExtendedKeyUsage in place of emailProtection (§4.4.4).
const STRICTER: &[&str] = &["any usage:"];

/// What the program says where the chain has this value; None where it is not asked.
fn words_for(chain: &str) -> Option<&'static [&'static str]> {
    Some(match chain {
        "expired" => &["certificate has expired"],
        "not_yet_valid" => &["certificate is not yet valid"],
        "bad_certificate_signature" => &["certificate signature failure"],
        "self_signed" => &["self-signed certificate", "self signed certificate"],
        "untrusted_root" => &[
            "self-signed certificate in certificate chain",
            "self signed certificate in certificate chain",
        ],
        "incomplete" => &["unable to get local issuer certificate"],
        "name_constraint" => &["permitted subtree violation"],
        // It tells the signer's purpose, an authority's and a critical extension apart, and this axis does by its findings.
        "bad_purpose" | "bad_ca" => &[
            "purpose",
            "invalid CA certificate",
            "CA cert",
            "critical extension",
            "keyusage",
            "key usage",
        ],
        _ => return None,
    })
}
