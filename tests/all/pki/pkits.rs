//! The NIST PKITS paths, judged with all certificates and CRLs in one pool.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mailseal::asn1::Time;
use mailseal::limits::Limits;
use mailseal::pki::pool::{PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, Hierarchy, Purpose, Revocation, RevocationOptions, Trust,
};

/// Where the suite lies: beside the project, or beside the folder of its worktrees. It is no part of the project.
pub fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/real/pkits", "../../shared/real/pkits"];
    let found = places.iter().map(|place| root.join(place));
    let found = found.into_iter().find(|place| place.is_dir());
    if found.is_none() {
        println!("skipped: {places:?} are missing");
    }
    found
}

/// Inside the validity of the suite's certificates and CRLs (April 2001 to April 2011): 2008-01-01.
const AT: i64 = 1_199_145_600;

#[test]
fn pkits() {
    let Some(folder) = folder() else { return };
    let expected = fs::read_to_string(folder.join("expected.jsonl")).unwrap();
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

    let (mut right, mut wrong, mut accepted) = (0, Vec::new(), 0);
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
            accepted += usize::from(good);
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
    assert_eq!(accepted, 0, "paths that must not be valid");
    // The rest are paths that demand an explicit policy: they wait for policies as a whole.
    assert!(right >= 203, "{right}");
}
