//! The expected records of signed and encrypted samples against the `openssl` program, where there is one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use mailseal::crypto::digest::sha256;
use serde_json::Value;

use crate::samples::emls;
use crate::samples::expected_of;
use crate::samples::folder;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;

/// What `openssl cms` of version 3.0 can't read or compute. Newer versions can some of it, so these are not compared.
const BEYOND: &[&str] = &[
    // No MIME that SMIME_read_CMS takes: the S/MIME part is not the outermost, or labelled or written unusually (catalogue row L8).
    "labels/octet-stream",
    "labels/one-line",
    "labels/pem",
    "labels/binary",
    "labels/reversed",
    "verify/list-footer",
    "verify/partly-signed",
    "verify/forwarded",
    "verify/forwarded-altered",
    "decrypt/efail",
    "certs/attached",
    // Algorithms.
    "verify/ed25519",
    "verify/no-attributes-ed25519",
    "verify/ml-dsa",
    "verify/unknown-algorithm",
    "verify/sha3",
    "decrypt/x25519",
    "decrypt/chacha20",
    "decrypt/ccm",
];

struct Bench {
    scratch: tempfile::TempDir,
}

impl Bench {
    /// None, and says so, where there is no `openssl`.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("skipped: no openssl");
            return None;
        }
        Some(Self {
            scratch: tempfile::tempdir().unwrap(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn succeeds(&self, arguments: &[&str], sample: &Path) -> bool {
        let output = Command::new("openssl")
            .arg("cms")
            .args(arguments)
            .arg("-in")
            .arg(sample)
            .arg("-out")
            .arg(self.path("out"))
            .output()
            .unwrap();
        output.status.success()
    }
}

/// Samples of a folder with their expected records, those left out that are beyond the program.
fn known(group: &str) -> Vec<(PathBuf, Value)> {
    let root = folder();
    emls()
        .into_iter()
        .filter(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let name = name.to_str().unwrap();
            name.starts_with(group) && !BEYOND.contains(&name)
        })
        .map(|path| {
            let record = fs::read_to_string(expected_of(&path)).unwrap();
            let record = serde_json::from_str(record.trim_end()).unwrap();
            (path, record)
        })
        .collect()
}

/// The mathematics, and the chain at the clock of the records, as one yes or no each.
#[test]
fn signed_samples_against_openssl() {
    let Some(bench) = Bench::new() else { return };
    // The program takes certificates for paths from the message and from those that are trusted.
    let both = ["root.pem", "authority.pem"].map(|name| {
        let path = folder().join("keys").join(name);
        fs::read_to_string(path).unwrap()
    });
    fs::write(bench.path("ca.pem"), both.concat()).unwrap();
    let authorities = bench.path("ca.pem").to_str().unwrap().to_owned();
    let now = people::now().unix().to_string();
    let mut compared = BTreeSet::new();
    for (path, record) in known("verify/").into_iter().chain(known("labels/")) {
        let layer = &record["layers"][0];
        let signatures = layer["signatures"].as_array().cloned().unwrap_or_default();
        let all = |test: &dyn Fn(&Value) -> bool| {
            layer["structure"] == "ok" && !signatures.is_empty() && signatures.iter().all(test)
        };
        let holds = all(&|signature| {
            let digest = signature["digest"].as_str().unwrap();
            let attributes = signature["attributes"].as_str().unwrap();
            signature["signature"] == "valid"
                && ["match", "match_canonical"].contains(&digest)
                && ["ok", "absent"].contains(&attributes)
        });
        let verify = ["-verify", "-noverify"];
        assert_eq!(bench.succeeds(&verify, &path), holds, "{path:?}");
        if holds && record["layers"].as_array().map(Vec::len) == Some(1) {
            let content = hex(&sha256(&fs::read(bench.path("out")).unwrap()));
            assert_eq!(record["content_sha256"], content.as_str(), "{path:?}");
        }
        // OpenSSL knows neither the sender nor, without being told, revocation.
        let chain = |at: &Value| at["judgements"]["now"]["chain"].as_str() == Some("trusted");
        let trusted = holds && all(&chain);
        let verify = [
            "-verify",
            "-CAfile",
            &authorities,
            "-purpose",
            "smimesign",
            "-attime",
            &now,
        ];
        assert_eq!(bench.succeeds(&verify, &path), trusted, "{path:?}");
        compared.insert(path);
    }
    assert!(compared.len() >= 45, "{} compared", compared.len());
}

/// The plaintext, octet by octet.
#[test]
fn encrypted_samples_against_openssl() {
    let Some(bench) = Bench::new() else { return };
    let holders = [people::alice(), people::bob()];
    for (number, holder) in holders.iter().enumerate() {
        let pem = |label: &str, der: &[u8]| {
            let body = String::from_utf8(mail::lf(&mail::base64_lines(der, 64))).unwrap();
            format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
        };
        let both = pem("CERTIFICATE", &holder.certificate)
            + &pem("PRIVATE KEY", &keys::pkcs8(holder.key()));
        fs::write(bench.path(&number.to_string()), both).unwrap();
    }
    let mut compared = 0;
    for (path, record) in known("decrypt/") {
        let Some(encrypted) = record["layers"][0]["encrypted"].as_object() else {
            continue;
        };
        let providers = ["-decrypt", "-provider", "legacy", "-provider", "default"];
        let decrypted = |with: &[&str]| {
            let decrypt = [&providers[..], with].concat();
            bench
                .succeeds(&decrypt, &path)
                .then(|| hex(&sha256(&fs::read(bench.path("out")).unwrap())))
        };
        let mut plaintexts: BTreeSet<String> = (0..holders.len())
            .filter_map(|number| {
                let key = bench.path(&number.to_string());
                let key = key.to_str().unwrap();
                decrypted(&["-inkey", key, "-recip", key])
            })
            .collect();
        if path.ends_with("password.eml") {
            plaintexts.extend(decrypted(&["-pwri_password", "sample password"]));
        }
        let expected: BTreeSet<String> = encrypted
            .get("plaintext_sha256")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .into_iter()
            .collect();
        assert_eq!(plaintexts, expected, "{path:?}");
        compared += 1;
    }
    assert!(compared >= 16, "{compared} compared");
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
