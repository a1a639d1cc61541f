//! `keys/`: the anchor, the authority, revocation lists, and the keys of Alice, Bob and Erin with the passwords to two of them.
//!
//! The PKCS #12 files are made by the `openssl` program, which picks salts at random: once, where they are missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::samples::Sample;
use crate::samples::cast;
use crate::toolkit::certificates::Holder;
use crate::toolkit::certificates::day;
use crate::toolkit::crls::Crl;
use crate::toolkit::crls::Entry;
use crate::toolkit::crls::KEY_COMPROMISE;
use crate::toolkit::crls::SUPERSEDED;
use crate::toolkit::keys;
use crate::toolkit::mail;
use crate::toolkit::people;

pub const PASSWORD: &str = "sample password";
const OLD_PASSWORD: &str = "Geheimnis";

pub fn samples(folder: &Path) -> Vec<Sample> {
    let certificate = |holder: &Holder| pem("CERTIFICATE", &holder.certificate);
    let root = certificate(people::root());
    let authority = certificate(people::authority());
    let lists = [
        pem("X509 CRL", &root_crl()),
        pem("X509 CRL", &authority_crl()),
    ];
    let erin = [
        pem("PRIVATE KEY", &keys::pkcs8(cast::erin().key())),
        certificate(cast::erin()),
    ];
    vec![
        Sample::new(
            "keys/root.pem",
            "The anchor, for `--ca`.",
            root.into_bytes(),
        ),
        Sample::new(
            "keys/authority.pem",
            "The authority that issued most certificates; most samples leave it out.",
            authority.into_bytes(),
        ),
        Sample::new(
            "keys/crls.pem",
            "Revocation lists of the root and the authority, for `--crl`.",
            lists.concat().into_bytes(),
        ),
        Sample::new(
            "keys/alice.p12",
            "Alice's RSA key: PKCS #12 with PBES2 and AES-256, as programs write it today.",
            pkcs12(folder, "alice", cast::alice(), PASSWORD, &[]),
        ),
        Sample::new(
            "keys/bob.p12",
            "Bob's P-256 key: PKCS #12 with triple DES and RC2-40, as programs wrote it until 2022.",
            pkcs12(folder, "bob", cast::bob(), OLD_PASSWORD, &["-legacy"]),
        ),
        Sample::new(
            "keys/erin.pem",
            "Erin's X25519 key and certificate in PEM.",
            erin.concat().into_bytes(),
        ),
        Sample::new(
            "keys/password",
            "The passwords, one a line, for `--passwords`.",
            format!("{PASSWORD}\n{OLD_PASSWORD}\n").into_bytes(),
        ),
    ]
}

/// In force when samples were signed and at [`people::now`].
fn list() -> Crl {
    Crl::new(day(2025, 5, 1), day(2030, 1, 1))
}

fn root_crl() -> Vec<u8> {
    list().issue(&people::root().party)
}

fn authority_crl() -> Vec<u8> {
    list()
        .entry(Entry::new(140, day(2023, 1, 10)).reason(KEY_COMPROMISE))
        .entry(Entry::new(141, day(2024, 9, 1)).reason(SUPERSEDED))
        .entry(Entry::new(142, day(2024, 9, 1)).reason(KEY_COMPROMISE))
        .issue(&people::authority().party)
}

/// Of the second authority, whose list comes by mail only.
pub fn second_crl() -> Vec<u8> {
    list()
        .entry(Entry::new(7, day(2024, 1, 1)))
        .issue(&cast::second_authority().party)
}

/// The file that is there, else a new one.
fn pkcs12(folder: &Path, name: &str, holder: &Holder, password: &str, options: &[&str]) -> Vec<u8> {
    if let Ok(there) = fs::read(folder.join(format!("keys/{name}.p12"))) {
        return there;
    }
    let work = tempfile::tempdir().unwrap();
    let at = |file: &str| work.path().join(file);
    fs::write(
        at("in.pem"),
        [
            pem("PRIVATE KEY", &keys::pkcs8(holder.key())),
            pem("CERTIFICATE", &holder.certificate),
        ]
        .concat(),
    )
    .unwrap();
    let status = Command::new("openssl")
        .args(["pkcs12", "-export", "-name", name, "-passout"])
        .arg(format!("pass:{password}"))
        .args(options)
        .arg("-in")
        .arg(at("in.pem"))
        .arg("-out")
        .arg(at("out.p12"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "openssl pkcs12 is needed for {name}.p12"
    );
    fs::read(at("out.p12")).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = mail::lf(&mail::base64_lines(der, 64));
    let body = String::from_utf8(body).unwrap();
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}
