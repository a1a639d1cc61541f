//! The verdict axes against `openssl cms`, where the program is installed: valid mail, and mail damaged in known ways.
//!
//! The program stops at the first fault and says little of it, so it is asked for each step by itself: the chain without
//! signatures, the digest without the signature, the signature without the digest.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use mailseal::crypto::digest::sha256;

use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;

mod cases;

use cases::{EncryptedCase, SignedCase, encrypted_cases, readers, signed_cases};

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
