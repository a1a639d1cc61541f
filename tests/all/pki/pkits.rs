//! The NIST PKITS paths, judged with all certificates and CRLs in one pool.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mailseal::asn1::Time;
use mailseal::limits::Limits;
use mailseal::pki::pool::{PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, Hierarchy, Purpose, Revocation, RevocationOptions, Trust,
};

const FOLDER: &str = "/work/shared/real/pkits";

/// Inside the validity of the suite's certificates and CRLs (April 2001 to April 2011): 2008-01-01.
const AT: i64 = 1_199_145_600;

#[test]
fn pkits() {
    let folder = match std::env::var_os("MAILSEAL_REAL") {
        Some(real) => Path::new(&real).join("pkits"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real/pkits"),
    };
    let folder = if folder.is_dir() {
        folder
    } else {
        FOLDER.into()
    };
    let Ok(expected) = fs::read_to_string(folder.join("expected.jsonl")) else {
        println!("skipped: {} is missing", folder.display());
        return;
    };
    let mut builder = PoolBuilder::new(Spool::memory());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder.join("pki")).unwrap() {
        let path = entry.unwrap().path();
        let der = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".crl") {
            let read = builder.insert_crl(&der, Provenance::Given);
            assert!(read.is_ok(), "{name}: {read:?}");
        } else {
            let (id, _) = builder
                .insert_certificate(&der, Provenance::Message)
                .unwrap();
            files.insert(name, id);
        }
    }
    let root = fs::read(folder.join("roots/TrustAnchorRootCertificate.crt")).unwrap();
    let anchors = Anchors::new([root.as_slice()], &mut builder).unwrap();
    let pool = builder.finish();
    let limits = Limits::default();
    let hierarchy = Hierarchy::new(&pool, &anchors, &limits).unwrap();
    let mut trust = Trust::new(&pool, &hierarchy, &limits);
    let at = Time::from_unix(AT).unwrap();

    let (mut right, mut wrong) = (0, Vec::new());
    for line in expected.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = line["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let valid = line["expected"]["documented"]["path_valid"]
            .as_bool()
            .unwrap();
        let judged = trust.chain(files[name], Purpose::EmailSigning, at).unwrap();
        let revocation = trust
            .revocation(&judged.path, at, RevocationOptions::default())
            .unwrap();
        let good = judged.value == Chain::Trusted && revocation.value() == Revocation::Good;
        if good == valid {
            right += 1;
        } else {
            wrong.push(format!(
                "{name}: {} {:?} {:?} {}",
                judged.value,
                judged.reasons,
                judged.findings,
                revocation.value()
            ));
        }
    }
    println!("PKITS: {right} paths as documented, {} not:", wrong.len());
    for line in &wrong {
        println!("  {line}");
    }
    assert!(right >= 160, "{right}");
}
