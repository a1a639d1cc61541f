//! Paths that `openssl x509` issued, confirmed or refused.

use std::path::Path;

use mailseal::crypto::chain::ChainAnswer;
use mailseal::crypto::chain::ChainReason;
use mailseal::crypto::chain::PolicyInputs;
use mailseal::crypto::chain::confirm;

use super::read;
use super::run_all;

const AUTHORITY: &str = "
[req]
distinguished_name = dn
prompt = no
[dn]
CN = authority
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca0]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
[no_sign]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature
[constrained]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
nameConstraints = critical, permitted;email:example.org
[leaf]
basicConstraints = CA:FALSE
subjectAltName = email:user@example.com
[odd]
1.2.3.4.5 = critical, ASN1:NULL
[explicit_policy]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
policyConstraints = critical, requireExplicitPolicy:0
";

/// Makes `name`, signed by `issuer`, with the extensions of a section. Keys are P-256, digests SHA-1 where it says so.
fn issue(folder: &Path, name: &str, issuer: &str, section: &str, more: &str) -> Option<()> {
    let key = format!(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name} -config ca.cnf"
    );
    let signer = if name == issuer {
        format!("-signkey {name}.key")
    } else {
        format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial")
    };
    let sign = format!(
        "openssl x509 -req -in {name}.csr {signer} -out {name}.pem -extfile ca.cnf -extensions {section} -days 2 {more}"
    );
    let der = format!("openssl x509 -in {name}.pem -outform DER -out {name}.der");
    run_all(folder, &[&key, &sign, &der])
}

#[test]
fn paths_are_confirmed_or_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("ca.cnf"), AUTHORITY).unwrap();
    let made = [
        ("root", "root", "ca", "-sha1"),
        ("sub", "root", "ca", "-sha1"),
        ("leaf", "sub", "leaf", "-sha1"),
        ("sub0", "root", "ca0", ""),
        ("below0", "sub0", "ca", ""),
        ("leaf0", "below0", "leaf", ""),
        ("nosign", "root", "no_sign", ""),
        ("leafn", "nosign", "leaf", ""),
        ("constrained", "root", "constrained", ""),
        ("leafc", "constrained", "leaf", ""),
        ("noca", "root", "leaf", ""),
        ("leafx", "noca", "leaf", ""),
        ("odd", "sub", "odd", ""),
        ("policy", "root", "explicit_policy", ""),
        ("leafp", "policy", "leaf", ""),
    ];
    for (name, issuer, section, more) in made {
        if issue(folder, name, issuer, section, more).is_none() {
            return;
        }
    }
    let check = |leaf: &[u8], path: &[&str], anchor: &str| {
        let path: Vec<Vec<u8>> = path
            .iter()
            .map(|name| read(folder, &format!("{name}.der")))
            .collect();
        let path: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        confirm(
            leaf,
            &path,
            &read(folder, &format!("{anchor}.der")),
            &PolicyInputs::default(),
        )
    };
    let by_name = |leaf: &str, path: &[&str], anchor: &str| {
        check(&read(folder, &format!("{leaf}.der")), path, anchor)
    };
    let reason = |answer: ChainAnswer| match answer {
        ChainAnswer::Refused { reason, .. } => Some(reason),
        ChainAnswer::Confirmed => None,
    };
    // SHA-1 passes: judging it is policy. An anchor need not be a root.
    assert_eq!(by_name("leaf", &["sub"], "root"), ChainAnswer::Confirmed);
    assert_eq!(by_name("leaf", &[], "sub"), ChainAnswer::Confirmed);
    assert_eq!(by_name("leaf", &[], "leaf"), ChainAnswer::Confirmed);
    assert_eq!(by_name("root", &[], "root"), ChainAnswer::Confirmed);
    for (leaf, path, expected) in [
        ("leaf0", &["below0", "sub0"][..], ChainReason::PathLength),
        ("leafn", &["nosign"], ChainReason::BadCa),
        ("leafx", &["noca"], ChainReason::BadCa),
        ("leafc", &["constrained"], ChainReason::NameConstraint),
        ("odd", &["sub"], ChainReason::Extension),
        ("leafp", &["policy"], ChainReason::Policy),
        ("leaf", &[], ChainReason::NotLinked),
        ("leaf", &["sub0"], ChainReason::NotLinked),
    ] {
        let answer = by_name(leaf, path, "root");
        assert_eq!(reason(answer), Some(expected), "{leaf} {path:?} {answer:?}");
    }
    // The anchor is the one that was given, not whoever ends the path.
    assert_eq!(
        reason(by_name("leaf", &["sub", "root"], "noca")),
        Some(ChainReason::NotLinked)
    );
    let mut forged = read(folder, "leaf.der");
    *forged.last_mut().unwrap() ^= 1;
    let answer = check(&forged, &["sub"], "root");
    assert_eq!(reason(answer), Some(ChainReason::BadCertificateSignature));
    let answer = check(b"no certificate", &["sub"], "root");
    assert_eq!(reason(answer), Some(ChainReason::Unreadable));
}
