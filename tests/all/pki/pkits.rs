//! The NIST PKITS paths, judged with all certificates and CRLs in one pool, and case by case as OpenSSL judges them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailseal::asn1::Time;
use mailseal::limits::Limits;
use mailseal::pki::pool::{CertificateId, Pool, PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{
    Anchors, Chain, Hierarchy, PolicyInputs, Purpose, Revocation, RevocationOptions, Trust,
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

/// Where mailseal says something else than the suite's document, with the clause that makes it right: nowhere.
const DIFFERENCES: &[(&str, &str)] = &[];

/// Where OpenSSL's program says something else than the suite's document, and mailseal does not.
const OPENSSLS_DIFFERENCES: &[(&str, &str)] = &[
    (
        "ValidDSAParameterInheritanceTest5",
        "RFC 3279 §2.3.2: a DSA key may leave its parameters to its issuer's; OpenSSL 3 can't read such a key",
    ),
    (
        "ValidcRLIssuerTest30",
        "RFC 5280 §6.3.3 (f): the CRL issuer's path needs the indirect CRL that it issued itself; OpenSSL does not look for it again",
    ),
];

/// The suite in one pool.
struct Suite {
    pool: Pool,
    anchors: Anchors,
    files: BTreeMap<String, CertificateId>,
}

impl Suite {
    fn read(folder: &Path) -> Self {
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
                let inserted = builder.insert_certificate(&der, Provenance::Message);
                files.insert(name, inserted.unwrap().0);
            }
        }
        let root = fs::read(folder.join("roots/TrustAnchorRootCertificate.crt")).unwrap();
        let anchors = Anchors::new([root.as_slice()], &mut builder).unwrap();
        Self {
            pool: builder.finish(),
            anchors,
            files,
        }
    }

    /// Whether each of these is valid: the name of a test, and what is asked of policies.
    fn judge<'n>(&self, cases: impl IntoIterator<Item = (&'n str, PolicyInputs)>) -> Vec<bool> {
        let limits = Limits::default();
        let hierarchy = Hierarchy::new(&self.pool, &self.anchors, &limits).unwrap();
        let at = Time::from_unix(AT).unwrap();
        let cases = cases.into_iter().map(|(test, policies)| {
            let mut trust = Trust::new(&self.pool, &hierarchy, &limits).with_policies(policies);
            let id = self.files[&format!("{test}EE.crt")];
            let judged = trust.chain(id, Purpose::EmailSigning, at).unwrap();
            let options = RevocationOptions::default();
            let revocation = trust.revocation(&judged.path, at, options).unwrap();
            judged.value == Chain::Trusted && revocation.value() == Revocation::Good
        });
        cases.collect()
    }
}

/// What the suite's document says of each path.
fn documented(folder: &Path) -> Vec<(String, bool)> {
    let expected = fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    let lines = expected.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = line["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let documented = &line["expected"]["documented"]["path_valid"];
        let test = name.strip_suffix("EE.crt").unwrap().to_owned();
        (test, documented.as_bool().unwrap())
    });
    lines.collect()
}

/// Whether `openssl verify` calls the paths valid, given the same; None where there is no OpenSSL 3.
struct Openssl {
    folder: tempfile::TempDir,
    suite: PathBuf,
}

impl Openssl {
    fn new(suite: &Path) -> Option<Self> {
        let version = Command::new("openssl").arg("version").output();
        let is_3 = version.is_ok_and(|version| version.stdout.starts_with(b"OpenSSL 3."));
        if !is_3 {
            println!("skipped: no openssl 3 to compare with");
            return None;
        }
        let openssl = Self {
            folder: tempfile::tempdir().unwrap(),
            suite: suite.to_owned(),
        };
        let (mut certificates, mut lists) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(suite.join("pki")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let der = fs::read(&path).unwrap();
            if name.ends_with(".crl") {
                lists.extend(pem("X509 CRL", &der));
            } else if !name.ends_with("EE.crt") {
                certificates.extend(pem("CERTIFICATE", &der));
            }
        }
        let root = fs::read(suite.join("roots/TrustAnchorRootCertificate.crt")).unwrap();
        for (name, bytes) in [
            ("all.pem", certificates),
            ("crls.pem", lists),
            ("root.pem", pem("CERTIFICATE", &root)),
        ] {
            fs::write(openssl.folder.path().join(name), bytes).unwrap();
        }
        Some(openssl)
    }

    fn judge(&self, test: &str, policies: &PolicyInputs) -> bool {
        let der = fs::read(self.suite.join(format!("pki/{test}EE.crt"))).unwrap();
        let path = self.folder.path().join("ee.pem");
        fs::write(path, pem("CERTIFICATE", &der)).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.current_dir(self.folder.path()).args([
            "verify",
            "-CAfile=root.pem",
            "-untrusted=all.pem",
            "-CRLfile=crls.pem",
            "-crl_check_all",
            "-extended_crl",
            "-use_deltas",
            "-auth_level=0",
            "-policy_check",
            &format!("-attime={AT}"),
        ]);
        for policy in &policies.required {
            openssl.args(["-explicit_policy", "-policy", policy]);
        }
        if policies.required.is_empty() {
            openssl.args(["-policy", "anyPolicy"]);
        }
        if policies.inhibit_mapping {
            openssl.arg("-inhibit_map");
        }
        if policies.inhibit_any {
            openssl.arg("-inhibit_any");
        }
        openssl.arg("ee.pem").output().unwrap().status.success()
    }
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let lines = crate::toolkit::mail::base64_lines(der, 64);
    [
        format!("-----BEGIN {label}-----\n").into_bytes(),
        lines,
        format!("-----END {label}-----\n").into_bytes(),
    ]
    .concat()
}

/// Those that differ are those that are listed, neither more nor fewer.
fn are_listed(found: &[String], listed: &[(&str, &str)], who: &str) {
    println!("PKITS: {who} differs from the document in {}", found.len());
    let names: Vec<&str> = listed.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, names, "{who}");
    assert!(
        listed.iter().all(|(_, why)| why.contains('§')),
        "{listed:?}"
    );
}

#[test]
fn pkits() {
    let Some(folder) = folder() else { return };
    let documented = documented(&folder);
    assert_eq!(documented.len(), 203);
    let nothing = PolicyInputs::default;
    let suite = Suite::read(&folder);
    let ours = suite.judge(
        documented
            .iter()
            .map(|(test, _)| (test.as_str(), nothing())),
    );
    let openssl = Openssl::new(&folder);
    let (mut differ, mut differs) = (Vec::new(), Vec::new());
    for ((test, valid), ours) in documented.iter().zip(ours) {
        if ours != *valid {
            differ.push(test.clone());
        }
        if openssl
            .as_ref()
            .is_some_and(|openssl| openssl.judge(test, &nothing()) != *valid)
        {
            differs.push(test.clone());
        }
    }
    are_listed(&differ, DIFFERENCES, "mailseal");
    if openssl.is_some() {
        are_listed(&differs, OPENSSLS_DIFFERENCES, "openssl");
    }
}

/// PKITS 4.8 to 4.12 with other inputs than the default ones: test, accepted policies (`none`: nothing is asked; `any`: some policy;
/// else the last arc of NIST's test policies), inhibited mapping or anyPolicy, and whether the path is valid.
const POLICIES: &[(&str, &str, &str, bool)] = &[
    ("ValidCertificatePathTest1", "any", "-", true),
    ("ValidCertificatePathTest1", "1", "-", true),
    ("ValidCertificatePathTest1", "2", "-", false),
    ("ValidCertificatePathTest1", "1,2", "-", true),
    ("AllCertificatesNoPoliciesTest2", "none", "-", true),
    ("AllCertificatesNoPoliciesTest2", "any", "-", false),
    ("DifferentPoliciesTest3", "none", "-", true),
    ("DifferentPoliciesTest3", "any", "-", false),
    ("DifferentPoliciesTest3", "1,2", "-", false),
    ("DifferentPoliciesTest4", "any", "-", false),
    ("DifferentPoliciesTest5", "any", "-", false),
    ("OverlappingPoliciesTest6", "any", "-", true),
    ("OverlappingPoliciesTest6", "1", "-", true),
    ("OverlappingPoliciesTest6", "2", "-", false),
    ("DifferentPoliciesTest7", "any", "-", false),
    ("DifferentPoliciesTest8", "any", "-", false),
    ("DifferentPoliciesTest9", "any", "-", false),
    ("AllCertificatesSamePoliciesTest10", "any", "-", true),
    ("AllCertificatesSamePoliciesTest10", "1", "-", true),
    ("AllCertificatesSamePoliciesTest10", "2", "-", true),
    ("AllCertificatesanyPolicyTest11", "any", "-", true),
    ("AllCertificatesanyPolicyTest11", "1", "-", true),
    ("DifferentPoliciesTest12", "any", "-", false),
    ("AllCertificatesSamePoliciesTest13", "1", "-", true),
    ("AllCertificatesSamePoliciesTest13", "2", "-", true),
    ("AllCertificatesSamePoliciesTest13", "3", "-", true),
    ("AnyPolicyTest14", "1", "-", true),
    ("AnyPolicyTest14", "2", "-", false),
    ("UserNoticeQualifierTest15", "any", "-", true),
    ("UserNoticeQualifierTest16", "any", "-", true),
    ("UserNoticeQualifierTest17", "any", "-", true),
    ("UserNoticeQualifierTest18", "1", "-", true),
    ("UserNoticeQualifierTest18", "2", "-", true),
    ("UserNoticeQualifierTest19", "any", "-", true),
    ("CPSPointerQualifierTest20", "1", "-", true),
    ("ValidrequireExplicitPolicyTest1", "none", "-", true),
    ("InvalidrequireExplicitPolicyTest3", "none", "-", false),
    ("ValidPolicyMappingTest1", "1", "-", true),
    ("ValidPolicyMappingTest1", "2", "-", false),
    ("ValidPolicyMappingTest1", "any", "map", false),
    ("InvalidPolicyMappingTest2", "any", "-", false),
    ("InvalidPolicyMappingTest2", "any", "map", false),
    ("ValidPolicyMappingTest3", "1", "-", false),
    ("ValidPolicyMappingTest3", "2", "-", true),
    ("InvalidPolicyMappingTest4", "any", "-", false),
    ("ValidPolicyMappingTest5", "1", "-", true),
    ("ValidPolicyMappingTest5", "6", "-", false),
    ("ValidPolicyMappingTest6", "1", "-", true),
    ("ValidPolicyMappingTest6", "6", "-", false),
    ("InvalidMappingFromanyPolicyTest7", "any", "-", false),
    ("InvalidMappingToanyPolicyTest8", "any", "-", false),
    ("ValidPolicyMappingTest9", "any", "-", true),
    ("InvalidPolicyMappingTest10", "any", "-", false),
    ("ValidPolicyMappingTest11", "any", "-", true),
    ("ValidPolicyMappingTest12", "1", "-", true),
    ("ValidPolicyMappingTest12", "2", "-", true),
    ("ValidPolicyMappingTest13", "any", "-", true),
    ("ValidPolicyMappingTest14", "any", "-", true),
    ("InvalidinhibitPolicyMappingTest1", "any", "-", false),
    ("ValidinhibitPolicyMappingTest2", "any", "-", true),
    ("InvalidinhibitAnyPolicyTest1", "any", "-", false),
    ("ValidinhibitAnyPolicyTest2", "any", "-", true),
    ("inhibitAnyPolicyTest3", "any", "-", true),
    ("inhibitAnyPolicyTest3", "any", "any", false),
    ("ValidSelfIssuedinhibitAnyPolicyTest7", "any", "-", true),
    ("InvalidSelfIssuedinhibitAnyPolicyTest8", "any", "-", false),
];

#[test]
fn pkits_with_policies_asked_for() {
    let Some(folder) = folder() else { return };
    let inputs = |accepted: &str, inhibited: &str| PolicyInputs {
        required: match accepted {
            "none" => Vec::new(),
            "any" => vec!["2.5.29.32.0".to_owned()],
            some => some
                .split(',')
                .map(|policy| format!("2.16.840.1.101.3.2.1.48.{policy}"))
                .collect(),
        },
        inhibit_mapping: inhibited == "map",
        inhibit_any: inhibited == "any",
    };
    let suite = Suite::read(&folder);
    let cases = POLICIES
        .iter()
        .map(|(test, accepted, inhibited, _)| (*test, inputs(accepted, inhibited)));
    let ours = suite.judge(cases);
    let openssl = Openssl::new(&folder);
    let mut wrong = Vec::new();
    for ((test, accepted, inhibited, valid), ours) in POLICIES.iter().zip(ours) {
        let theirs = openssl
            .as_ref()
            .map(|openssl| openssl.judge(test, &inputs(accepted, inhibited)));
        if ours != *valid || theirs.is_some_and(|theirs| theirs != *valid) {
            wrong.push(format!(
                "{test} {accepted} {inhibited}: {ours}, openssl {theirs:?}"
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
