//! The key ring against files that other programs wrote: openssl, and Python for what openssl 3.0 can't write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::crypto::digest;
use mailseal::error::RunError;
use mailseal::limits::Limits;
use mailseal::pki::keyring::FileEntry;
use mailseal::pki::keyring::KeyFileKind;
use mailseal::pki::keyring::KeyFileProblem;
use mailseal::pki::keyring::Keyring;
use mailseal::pki::keyring::LoadReport;
use mailseal::pki::keyring::Opened;
use mailseal::pki::keyring::Passwords;
use mailseal::pki::keyring::UnlockError;
use mailseal::pki::x509::certificate::Certificate;

mod pkcs12;

pub use pkcs12::PKCS12_PY;

const RSA: &[&str] = &["rsa:2048"];
const EC: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const ED25519: &[&str] = &["ed25519"];

/// A folder in which tools write files.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// None, and says so, where a tool is missing.
    fn new(tools: &[&str]) -> Option<Self> {
        for tool in tools {
            if Command::new(tool).arg("--version").output().is_err() {
                eprintln!("skipped: no {tool}");
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

    fn run(&self, tool: &str, args: &[&str]) {
        let output = Command::new(tool)
            .args(args)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {args:?}: {errors}");
    }

    fn openssl(&self, args: &[&str]) {
        self.run("openssl", args);
    }

    /// `name.key` (PKCS #8, PEM), `name.crt` (PEM), `name.cer` (DER) and `name.pub` (SubjectPublicKeyInfo).
    fn pair(&self, name: &str, algorithm: &[&str]) {
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        let subject = format!("/O=Big  Company/CN={name}");
        let mut args = vec!["req", "-x509", "-nodes", "-days", "30", "-subj", &subject];
        args.extend(["-keyout", &key, "-out", &crt, "-newkey"]);
        args.extend(algorithm);
        self.openssl(&args);
        let cer = format!("{name}.cer");
        self.openssl(&["x509", "-in", &crt, "-outform", "DER", "-out", &cer]);
        let public = format!("{name}.pub");
        self.openssl(&[
            "pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", &public,
        ]);
    }

    /// `name.p12` in a folder of its own.
    fn export(&self, name: &str, password: &str, options: &[&str]) -> PathBuf {
        fs::create_dir_all(self.path("p12")).unwrap();
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        let (out, pass) = (format!("p12/{name}.p12"), format!("pass:{password}"));
        let mut args = vec!["pkcs12", "-export", "-inkey", &key, "-in", &crt];
        args.extend(["-out", &out, "-passout", &pass, "-name", "called so"]);
        args.extend(options);
        self.openssl(&args);
        self.path(&out)
    }

    fn load(&self, names: &[&str], passwords: &str) -> Result<(Keyring, LoadReport), RunError> {
        let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect();
        load(&paths, passwords)
    }

    /// The ring has both halves of this pair, under all its names.
    fn assert_pair(&self, ring: &Keyring, name: &str, what: &str) {
        let public = fs::read(self.path(&format!("{name}.pub"))).unwrap();
        let der = fs::read(self.path(&format!("{name}.cer"))).unwrap();
        let certificate = Certificate::read(&der).unwrap();
        let (issuer, serial) = (certificate.issuer.raw(), certificate.serial);
        let key = ring
            .by_issuer_serial(issuer, serial.0)
            .unwrap_or_else(|| panic!("{what}: {name} not found"));
        let identifier = certificate.extensions.subject_key_identifier();
        assert_eq!(ring.by_ski(identifier.unwrap().unwrap()), Some(key));
        assert_eq!(ring.by_public_key(&digest::sha256(&public)), Some(key));
        assert_eq!(ring.certificate(key), Some(der.as_slice()), "{what}");
        let private = ring
            .private_key(key)
            .unwrap_or_else(|error| panic!("{what}: {name}: {error:?}"));
        assert_eq!(private.public_spki(), public, "{what}");
    }
}

fn load(paths: &[PathBuf], passwords: &str) -> Result<(Keyring, LoadReport), RunError> {
    let passwords = Passwords::from_lines(passwords.as_bytes());
    Keyring::load(paths, &passwords, &Limits::default())
}

fn load_one(path: &Path, passwords: &str) -> Result<(Keyring, LoadReport), RunError> {
    load(&[path.to_owned()], passwords)
}

fn entry<'a>(report: &'a LoadReport, name: &str) -> &'a FileEntry {
    let ends = |entry: &&FileEntry| entry.path.ends_with(name);
    report.entries.iter().find(ends).unwrap()
}

/// The same DER with every INTEGER `from` made `to`.
fn with_integer(der: &[u8], from: u64, to: u64) -> Vec<u8> {
    let mut r = Reader::new(der);
    Writer::encode(|w| {
        while !r.is_empty() {
            let element = r.element().unwrap();
            if element.tag.constructed {
                let inside = with_integer(element.content, from, to);
                w.constructed(element.tag, |w| w.raw(&inside));
            } else if element.tag == Tag::INTEGER
                && element.as_integer().unwrap().to_u64() == Some(from)
            {
                w.small_integer(to);
            } else {
                w.raw(element.raw);
            }
        }
    })
}

#[test]
fn too_many_rounds_are_refused_before_the_derivation() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", EC);
    let file = bench.path("bomb");
    let pkcs12 = fs::read(bench.export("a", "secret", &[])).unwrap();
    bench.openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        "a.key",
        "-outform",
        "DER",
        "-out",
        "a.p8",
        "-passout",
        "pass:secret",
    ]);
    let pkcs8 = fs::read(bench.path("a.p8")).unwrap();
    for whole in [pkcs12, pkcs8] {
        for rounds in [(1 << 31) - 1, 1 << 31, u64::MAX] {
            let bomb = with_integer(&whole, 2048, rounds);
            assert_ne!(bomb, whole);
            fs::write(&file, bomb).unwrap();
            // Hours of work for whoever begins.
            let (ring, report) = load_one(&file, "secret").unwrap();
            assert!(ring.is_empty());
            let problem = report.entries[0].problem.clone();
            assert_eq!(problem, Some(KeyFileProblem::TooManyRounds), "{rounds}");
        }
    }
}

#[test]
fn keys_and_certificates_pair_across_files_and_formats() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    let traditional = ["-traditional", "-outform"];
    for (name, algorithm) in [("rsa", RSA), ("ec", EC), ("ed", ED25519)] {
        bench.pair(name, algorithm);
        let (key, crt) = (format!("{name}.key"), format!("{name}.cer"));
        let convert = |args: &[&str]| {
            let mut all = vec!["pkey", "-in", &key, "-out", "one"];
            all.extend(args);
            bench.openssl(&all);
        };
        let check = |what: &str, opened| {
            let (ring, report) = bench.load(&["one", &crt], "wrong\nsecret\n").unwrap();
            bench.assert_pair(&ring, name, what);
            let row = &report.entries[0];
            assert_eq!((row.keys, row.opened), (1, opened), "{what}");
            assert_eq!(row.problem, None, "{what}");
        };
        let encrypted = Opened::WithPassword(2);
        convert(&[]);
        check("PKCS #8 PEM", Opened::Freely);
        convert(&["-outform", "DER"]);
        check("PKCS #8 DER", Opened::Freely);
        convert(&["-aes-256-cbc", "-passout", "pass:secret"]);
        check("PKCS #8 PEM encrypted", encrypted);
        for (der, cipher) in [(false, "-aes256"), (true, "-des3")] {
            let form = if der { "DER" } else { "PEM" };
            let mut args = vec!["pkcs8", "-topk8", "-in", &key, "-out", "one"];
            args.extend([
                "-passout",
                "pass:secret",
                "-v2",
                cipher.trim_start_matches('-'),
            ]);
            args.extend(["-outform", form]);
            bench.openssl(&args);
            check("pkcs8 -topk8", encrypted);
        }
        if name == "ed" {
            continue;
        }
        convert(&[traditional[0]]);
        check("traditional PEM", Opened::Freely);
        convert(&[traditional[0], traditional[1], "DER"]);
        check("traditional DER", Opened::Freely);
        for cipher in ["-aes128", "-aes192", "-aes-256-cbc", "-des3"] {
            convert(&[traditional[0], cipher, "-passout", "pass:secret"]);
            let text = fs::read_to_string(bench.path("one")).unwrap();
            assert!(text.contains("DEK-Info"), "{text}");
            check(cipher, encrypted);
            fs::write(bench.path("one"), text.replace('\n', "\r\n")).unwrap();
            check(cipher, encrypted);
        }
    }
    let params: Vec<_> = "dsaparam -out dsa.pem 1024".split(' ').collect();
    bench.openssl(&params);
    bench.pair("dsa", &["dsa:dsa.pem"]);
    bench.openssl(&[
        "dsa", "-in", "dsa.key", "-outform", "DER", "-out", "dsa.der",
    ]);
    let (ring, _) = bench.load(&["dsa.cer", "dsa.der"], "").unwrap();
    bench.assert_pair(&ring, "dsa", "DSA DER");
}

#[test]
fn folders_hold_other_files_too_and_bundles_give_all_certificates() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    for name in ["a", "b", "c"] {
        bench.pair(name, EC);
    }
    fs::create_dir_all(bench.path("keys/deep")).unwrap();
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    let text = [
        read("a.key"),
        b"\r\nBag Attributes\r\n".to_vec(),
        read("a.crt"),
        read("b.crt"),
    ];
    fs::write(bench.path("keys/a.pem"), text.concat()).unwrap();
    fs::write(bench.path("keys/deep/b.der"), {
        bench.openssl(&["pkey", "-in", "b.key", "-outform", "DER", "-out", "b.der"]);
        read("b.der")
    })
    .unwrap();
    bench.openssl(&[
        "crl2pkcs7",
        "-nocrl",
        "-certfile",
        "c.crt",
        "-certfile",
        "a.crt",
        "-outform",
        "DER",
        "-out",
        "keys/c.p7b",
    ]);
    for (name, content) in [
        ("README", "how to use these"),
        ("password", "secret\n"),
        ("empty", ""),
        (
            "digits",
            "000000000000000000000000000000000000000000000000000000",
        ),
        ("key.pub", "ssh-ed25519 AAAA"),
    ] {
        fs::write(bench.path("keys").join(name), content).unwrap();
    }
    let (ring, report) = bench.load(&["keys"], "secret").unwrap();
    bench.assert_pair(&ring, "a", "folder");
    bench.assert_pair(&ring, "b", "folder");
    assert_eq!(ring.keys().count(), 2);
    let mut certificates: Vec<_> = ring.certificates().map(<[u8]>::to_vec).collect();
    let mut expected = vec![read("a.cer"), read("b.cer"), read("c.cer")];
    certificates.sort();
    expected.sort();
    assert_eq!(certificates, expected);
    for name in ["README", "password", "empty", "digits", "key.pub"] {
        let row = entry(&report, name);
        assert_eq!(row.problem, Some(KeyFileProblem::NotAKeyFile), "{name}");
        assert_eq!(row.kind, KeyFileKind::Other);
    }
    let paths: Vec<_> = report.entries.iter().map(|entry| &entry.path).collect();
    assert!(paths.is_sorted());
    let missing = bench.load(&["nothing"], "").unwrap_err();
    assert!(matches!(missing, RunError::Unreadable { .. }));
}

#[test]
fn names_match_by_rule_and_renewed_certificates_share_the_key() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", RSA);
    bench.openssl(&[
        "req",
        "-x509",
        "-key",
        "a.key",
        "-subj",
        "/CN=renewed",
        "-set_serial",
        "0x80",
        "-out",
        "renewed.crt",
        "-days",
        "30",
    ]);
    let (ring, _) = bench.load(&["a.key", "a.crt", "renewed.crt"], "").unwrap();
    let key = ring.keys().next().unwrap();
    assert_eq!(ring.keys().count(), 1);
    assert_eq!(ring.certificates_of(key).count(), 2);
    // O=Big  Company, CN=a with other types, case and spaces; the serial with needless zeros and without the sign's.
    let name = |cn: &str, o: Option<(&str, Tag)>| {
        let cn = (cn, Tag::PRINTABLE_STRING);
        let rdns = [o.map(|o| (10, o)), Some((3, cn))];
        Writer::encode(|w| {
            w.sequence(|w| {
                for (number, (text, tag)) in rdns.into_iter().flatten() {
                    w.constructed(Tag::SET, |w| {
                        w.sequence(|w| {
                            w.primitive(Tag::OID, &[0x55, 4, number]);
                            w.primitive(tag, text.as_bytes());
                        });
                    });
                }
            });
        })
    };
    let der = fs::read(bench.path("a.cer")).unwrap();
    let serial = Certificate::read(&der).unwrap().serial.0.to_vec();
    let other = name("A", Some((" BIG company", Tag::T61_STRING)));
    assert_eq!(ring.by_issuer_serial(&other, &serial), Some(key));
    let padded = [&[0, 0], serial.as_slice()].concat();
    if serial[0] & 0x80 == 0 {
        assert_eq!(ring.by_issuer_serial(&other, &padded), Some(key));
    }
    let renewed = name("renewed", None);
    assert_eq!(ring.by_issuer_serial(&renewed, &[0, 0x80]), Some(key));
    assert_eq!(ring.by_issuer_serial(&renewed, &[0, 0, 0x80]), Some(key));
    assert_eq!(ring.by_issuer_serial(&renewed, &[0x80]), None);
    assert_eq!(
        ring.by_issuer_serial(&name("other", None), &[0, 0x80]),
        None
    );
    // A bare key goes by the SHA-1 of its bits.
    let public = fs::read(bench.path("a.pub")).unwrap();
    let bits = Reader::new(&public)
        .sequence(|r| {
            r.element()?;
            r.bit_string()
        })
        .unwrap();
    let (bare, _) = bench.load(&["a.key"], "").unwrap();
    assert!(bare.by_ski(&digest::sha1(bits.bytes)).is_some());
    assert!(bare.by_ski(&[0; 20]).is_none());
    assert_eq!(bare.digest(), ring.digest());
}

#[test]
fn the_digest_is_that_of_the_set() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    for name in ["a", "b"] {
        bench.pair(name, EC);
        bench.export(name, "secret", &[]);
    }
    let digest = |names: &[&str]| bench.load(names, "secret").unwrap().0.digest();
    let both = digest(&["a.key", "b.key"]);
    assert_eq!(both, digest(&["b.key", "a.key", "a.key"]));
    assert_eq!(both, digest(&["p12"]));
    assert_ne!(both, digest(&["a.key"]));
    assert_eq!(digest(&["a.crt"]), Keyring::empty().digest());
}

#[test]
fn permissions_are_told_and_secrets_are_not() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", EC);
    let file = bench.export("a", "geheim", &[]);
    for (mode, open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let (_, report) = load_one(&file, "geheim").unwrap();
        assert_eq!(report.entries[0].mode, mode);
        assert_eq!(report.entries[0].is_open_to_others(), open, "{mode:o}");
    }
    fs::set_permissions(bench.path("a.crt"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, report) = bench.load(&["a.crt"], "").unwrap();
    assert!(!report.entries[0].is_open_to_others());
    let (ring, report) = load_one(&file, "geheim").unwrap();
    let text = format!("{ring:?} {report:?} {:?}", Passwords::from_lines(b"geheim"));
    assert!(!text.contains("geheim"), "{text}");
    assert!(text.contains("Keyring(1 keys, 1 certificates)"), "{text}");
}

#[test]
fn the_keys_of_rfc_4134_load_and_pair() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.ancestors().map(|a| a.join("shared/real/rfc4134/keys"));
    let Some(folder) = folder.into_iter().find(|folder| folder.is_dir()) else {
        eprintln!("skipped: no ../shared/real/rfc4134/keys");
        return;
    };
    let (ring, report) = load_one(&folder, "").unwrap();
    for row in &report.entries {
        assert_eq!(row.problem, None, "{row:?}");
        assert_eq!(row.keys + row.certificates, 1, "{row:?}");
    }
    assert_eq!(report.entries.len(), 14);
    assert_eq!(ring.keys().count(), 7);
    for key in ring.keys() {
        assert_eq!(ring.certificates_of(key).count(), 1);
        let der = ring.certificate(key).unwrap();
        let certificate = Certificate::read(der).unwrap();
        let (issuer, serial) = (certificate.issuer.raw(), certificate.serial.0);
        assert_eq!(ring.by_issuer_serial(issuer, serial), Some(key));
        ring.private_key(key).unwrap();
    }
}
