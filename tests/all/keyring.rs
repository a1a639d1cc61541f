//! The key ring against files that other programs wrote: openssl, and Python for what openssl 3.0 can't write.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

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

fn entry<'a>(report: &'a LoadReport, name: &str) -> &'a FileEntry {
    let ends = |entry: &&FileEntry| entry.path.ends_with(name);
    report.entries.iter().find(ends).unwrap()
}

#[test]
fn pkcs12_opens_however_it_was_written() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("rsa", RSA);
    bench.pair("ec", EC);
    bench.pair("ed", ED25519);
    let legacy = |key, certificate| vec!["-legacy", "-keypbe", key, "-certpbe", certificate];
    let cases = [
        vec![],
        vec!["-legacy"],
        vec!["-nomac"],
        vec!["-macalg", "sha512"],
        vec!["-macalg", "sha1", "-nomaciter"],
        vec!["-keypbe", "NONE", "-certpbe", "NONE"],
        vec!["-certpbe", "NONE", "-nomac"],
        vec!["-keypbe", "AES-128-CBC", "-certpbe", "AES-192-CBC"],
        vec!["-keypbe", "DES-EDE3-CBC"],
        legacy("PBE-SHA1-RC4-128", "PBE-SHA1-RC4-40"),
        legacy("PBE-SHA1-2DES", "PBE-SHA1-RC2-128"),
        legacy("PBE-MD5-DES", "PBE-SHA1-DES"),
    ];
    for password in ["secret", "Zo\u{eb} \u{1f511}", ""] {
        for (index, options) in cases.iter().enumerate() {
            let name = ["rsa", "ec", "ed"][index % 3];
            let what = format!("{options:?} {password:?}");
            let file = bench.export(name, password, options);
            let (ring, report) = load(&[file], &format!("wrong\n{password}\n")).unwrap();
            bench.assert_pair(&ring, name, &what);
            let row = &report.entries[0];
            assert_eq!(row.kind, KeyFileKind::Pkcs12);
            assert_eq!((row.keys, row.certificates), (1, 1), "{what}");
            assert_eq!(row.problem, None, "{what}");
            let number = match password {
                "" => Opened::WithEmptyPassword,
                _ => Opened::WithPassword(2),
            };
            assert_eq!(row.opened, number, "{what}");
            let key = ring.keys().next().unwrap();
            assert_eq!(ring.friendly_name(key), Some("called so"));
        }
    }
    let open = ["-nomac", "-keypbe", "NONE", "-certpbe", "NONE"];
    let file = bench.export("rsa", "secret", &open);
    let (ring, report) = load(&[file], "").unwrap();
    bench.assert_pair(&ring, "rsa", "open");
    assert_eq!(report.entries[0].opened, Opened::Freely);
}

#[test]
fn a_wrong_password_is_told_from_damage() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", EC);
    bench.pair("b", EC);
    for options in [
        &[][..],
        &["-legacy"],
        &["-nomac"],
        &["-certpbe", "NONE", "-nomac"],
    ] {
        let a = bench.export("a", "secret", options);
        let error = load(&[a.clone()], "wrong\nother\n").unwrap_err();
        assert!(
            matches!(&error, RunError::NoPasswordFits { path } if *path == a),
            "{options:?}: {error:?}"
        );
        bench.export("b", "hidden", options);
        let (ring, report) = bench.load(&["p12"], "hidden").unwrap();
        bench.assert_pair(&ring, "b", "beside a closed file");
        let row = entry(&report, "a.p12");
        assert_eq!(row.problem, Some(KeyFileProblem::WrongPassword));
        assert_eq!(row.opened, Opened::No);
        assert_eq!(entry(&report, "b.p12").problem, None);
    }
}

#[test]
fn truncated_files_are_damaged_and_never_panic() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", EC);
    let whole = fs::read(bench.export("a", "secret", &["-nomac"])).unwrap();
    let cut = bench.path("cut.p12");
    for length in (7..whole.len()).step_by(11) {
        fs::write(&cut, &whole[..length]).unwrap();
        let (ring, report) = load(&[cut.clone()], "secret").unwrap();
        assert!(ring.is_empty());
        let row = &report.entries[0];
        assert_eq!(row.problem, Some(KeyFileProblem::Damaged), "{length}");
        assert_eq!(row.kind, KeyFileKind::Pkcs12, "{length}");
    }
    let whole = fs::read(bench.path("a.cer")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    let (_, report) = load(&[cut], "").unwrap();
    assert_eq!(report.entries[0].problem, Some(KeyFileProblem::Damaged));
}

#[test]
fn flipped_bits_never_panic_and_never_give_another_key() {
    let Some(bench) = Bench::new(&["openssl"]) else {
        return;
    };
    bench.pair("a", EC);
    let public = fs::read(bench.path("a.pub")).unwrap();
    let whole = fs::read(bench.export("a", "secret", &["-nomac", "-iter", "1"])).unwrap();
    let file = bench.path("flipped.p12");
    for at in (0..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&file, bytes).unwrap();
        let Ok((ring, _)) = load(&[file.clone()], "secret") else {
            continue;
        };
        for key in ring.keys() {
            if let Ok(private) = ring.private_key(key) {
                assert_eq!(private.public_spki(), public, "byte {at}");
            }
        }
    }
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
            let (ring, report) = load(&[file.clone()], "secret").unwrap();
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
        let (_, report) = load(&[file.clone()], "geheim").unwrap();
        assert_eq!(report.entries[0].mode, mode);
        assert_eq!(report.entries[0].is_open_to_others(), open, "{mode:o}");
    }
    fs::set_permissions(bench.path("a.crt"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, report) = bench.load(&["a.crt"], "").unwrap();
    assert!(!report.entries[0].is_open_to_others());
    let (ring, report) = load(&[file], "geheim").unwrap();
    let text = format!("{ring:?} {report:?} {:?}", Passwords::from_lines(b"geheim"));
    assert!(!text.contains("geheim"), "{text}");
    assert!(text.contains("Keyring(1 keys, 1 certificates)"), "{text}");
}

/// `merge OUT A B …`: the safes of files without a MAC in one file; `pbmac1 OUT IN PASSWORD DIGEST`: a MAC as RFC 9579 has it.
const PKCS12_PY: &str = r#"
import hashlib, hmac, sys

def tlv(d, i=0):
    n, j = d[i + 1], i + 2
    if n & 0x80:
        k = n & 0x7F
        n, j = int.from_bytes(d[j:j + k], "big"), j + k
    return j, j + n

def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n])
    if n > 127:
        raw = n.to_bytes((n.bit_length() + 7) // 8, "big")
        size = bytes([0x80 | len(raw)]) + raw
    return bytes([tag]) + size + body

def safes(d):
    start, _ = tlv(d)
    _, info = tlv(d, start)
    content, _ = tlv(d, info)
    _, explicit = tlv(d, content)
    inside, _ = tlv(d, explicit)
    octets, end = tlv(d, inside)
    return d[octets:end]

def oid(text):
    arcs = [int(a) for a in text.split(".")]
    out = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        out += bytes(reversed(groups))
    return der(6, out)

def pfx(content, mac=b""):
    data = der(0x30, oid("1.2.840.113549.1.7.1"), der(0xA0, der(4, content)))
    return der(0x30, b"\x02\x01\x03", data, mac)

job, out, *rest = sys.argv[1:]
if job == "merge":
    inside = []
    for name in rest:
        s = safes(open(name, "rb").read())
        a, b = tlv(s)
        inside.append(s[a:b])
    made = pfx(der(0x30, *inside))
else:
    name, password, digest = rest
    content = safes(open(name, "rb").read())
    size = hashlib.new(digest).digest_size
    salt = b"salt of the mac"
    key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, 3000, size)
    value = hmac.new(key, content, digest).digest()
    number = {"sha256": 9, "sha384": 10, "sha512": 11}[digest]
    scheme = der(0x30, oid("1.2.840.113549.2.%d" % number), b"\x05\x00")
    kdf = der(0x30, oid("1.2.840.113549.1.5.12"), der(0x30, der(4, salt), der(2, b"\x0b\xb8"), der(2, bytes([size])), scheme))
    algorithm = der(0x30, oid("1.2.840.113549.1.5.14"), der(0x30, kdf, scheme))
    mac = der(0x30, der(0x30, algorithm, der(4, value)), der(4, b"NOT USED"), der(2, b"\x01"))
    made = pfx(content, mac)
open(out, "wb").write(made)
"#;

#[test]
fn pbmac1_is_checked() {
    let Some(bench) = Bench::new(&["openssl", "python3"]) else {
        return;
    };
    bench.pair("a", EC);
    bench.export("a", "secret", &["-nomac"]);
    for digest in ["sha256", "sha384", "sha512"] {
        let args = ["pbmac1", "made.p12", "p12/a.p12", "secret", digest];
        bench.run("python3", &[&["-c", PKCS12_PY], &args[..]].concat());
        let (ring, report) = bench.load(&["made.p12"], "wrong\nsecret").unwrap();
        bench.assert_pair(&ring, "a", digest);
        assert_eq!(report.entries[0].opened, Opened::WithPassword(2));
        let error = bench.load(&["made.p12"], "wrong").unwrap_err();
        assert!(matches!(error, RunError::NoPasswordFits { .. }));
        let whole = fs::read(bench.path("made.p12")).unwrap();
        fs::write(bench.path("bomb"), with_integer(&whole, 3000, 1 << 31)).unwrap();
        let (_, report) = bench.load(&["bomb"], "secret").unwrap();
        let problem = report.entries[0].problem.clone();
        assert_eq!(problem, Some(KeyFileProblem::TooManyRounds));
    }
}

#[test]
fn several_keys_in_one_file_are_told_apart() {
    let Some(bench) = Bench::new(&["openssl", "python3"]) else {
        return;
    };
    for (name, algorithm) in [("a", EC), ("b", RSA), ("c", ED25519)] {
        bench.pair(name, algorithm);
        bench.export(name, "secret", &["-nomac"]);
    }
    let merge = ["merge", "made.p12", "p12/a.p12", "p12/b.p12", "p12/c.p12"];
    bench.run("python3", &[&["-c", PKCS12_PY], &merge[..]].concat());
    let (ring, report) = bench.load(&["made.p12"], "wrong\nsecret").unwrap();
    for name in ["a", "b", "c"] {
        bench.assert_pair(&ring, name, "merged");
    }
    assert_eq!(report.entries[0].keys, 3);
    assert_eq!(report.entries[0].certificates, 3);
}

#[test]
fn a_key_beside_the_wrong_certificate_is_not_used_for_it() {
    let Some(bench) = Bench::new(&["openssl", "python3"]) else {
        return;
    };
    for name in ["a", "b"] {
        bench.pair(name, EC);
        bench.export(name, "secret", &["-nomac", "-certpbe", "NONE"]);
    }
    let merge = ["merge", "swapped.p12", "p12/a.p12", "p12/b.p12"];
    bench.run("python3", &[&["-c", PKCS12_PY], &merge[..]].concat());
    // localKeyID is the SHA-1 of the certificate.
    let path = bench.path("swapped.p12");
    let mut bytes = fs::read(&path).unwrap();
    let id = |name: &str| digest::sha1(&fs::read(bench.path(name)).unwrap());
    let (a, b) = (id("a.cer"), id("b.cer"));
    // The last of each stands with the key.
    for (from, to) in [(a, b), (b, a)] {
        let mut places = (0..bytes.len() - 20).rev();
        let at = places.find(|at| bytes[*at..*at + 20] == from).unwrap();
        bytes[at..at + 20].copy_from_slice(&to);
    }
    fs::write(&path, bytes).unwrap();
    let args = ["pbmac1", "made.p12", "swapped.p12", "secret", "sha256"];
    bench.run("python3", &[&["-c", PKCS12_PY], &args[..]].concat());
    let (ring, _) = bench.load(&["made.p12"], "secret").unwrap();
    for key in ring.keys() {
        let public = |der: &[u8]| Certificate::read(der).unwrap().spki.to_vec();
        match ring.private_key(key) {
            Ok(private) => {
                assert_eq!(
                    private.public_spki(),
                    public(ring.certificate(key).unwrap())
                );
            }
            Err(error) => assert_eq!(*error, UnlockError::OtherKey),
        }
    }
}

#[test]
fn the_keys_of_rfc_4134_load_and_pair() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.ancestors().map(|a| a.join("shared/real/rfc4134/keys"));
    let Some(folder) = folder.into_iter().find(|folder| folder.is_dir()) else {
        eprintln!("skipped: no ../shared/real/rfc4134/keys");
        return;
    };
    let (ring, report) = load(&[folder.clone()], "").unwrap();
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
