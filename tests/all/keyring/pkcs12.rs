//! PKCS #12 files: every scheme, damage, wrong passwords, several keys.

use super::*;

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
            let (ring, report) = load_one(&file, &format!("wrong\n{password}\n")).unwrap();
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
    // What OpenSSL before 1.1.0 made of the password "ë": each octet of its UTF-8 form a character.
    let file = bench.export("rsa", "\u{c3}\u{ab}", &["-legacy"]);
    let (ring, report) = load_one(&file, "\u{eb}").unwrap();
    bench.assert_pair(&ring, "rsa", "old spelling");
    assert_eq!(report.entries[0].opened, Opened::WithPassword(1));
    let open = ["-nomac", "-keypbe", "NONE", "-certpbe", "NONE"];
    let file = bench.export("rsa", "secret", &open);
    let (ring, report) = load_one(&file, "").unwrap();
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
        let error = load_one(&a, "wrong\nother\n").unwrap_err();
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
    for length in (8..whole.len()).step_by(11) {
        fs::write(&cut, &whole[..length]).unwrap();
        let (ring, report) = load_one(&cut, "secret").unwrap();
        assert!(ring.is_empty());
        let row = &report.entries[0];
        assert_eq!(row.problem, Some(KeyFileProblem::Damaged), "{length}");
        assert_eq!(row.kind, KeyFileKind::Pkcs12, "{length}");
    }
    let whole = fs::read(bench.path("a.cer")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    let (_, report) = load_one(&cut, "").unwrap();
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
        let Ok((ring, _)) = load_one(&file, "secret") else {
            continue;
        };
        for key in ring.keys() {
            if let Ok(private) = ring.private_key(key) {
                assert_eq!(private.public_spki(), public, "byte {at}");
            }
        }
    }
}

/// `merge OUT A B …`: the safes of files without a MAC in one file; `pbmac1 OUT IN PASSWORD DIGEST`: a MAC as RFC 9579 has it.
pub const PKCS12_PY: &str = r#"
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
    if n < 128:
        size = bytes([n])
    else:
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
    // Two workers that need a key for the first time at once.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for name in ["a", "b", "c"] {
                    bench.assert_pair(&ring, name, "merged");
                }
            });
        }
    });
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
        let mut places = (0..=bytes.len() - 20).rev();
        let at = places.find(|at| bytes[*at..*at + 20] == from).unwrap();
        bytes[at..at + 20].copy_from_slice(&to);
    }
    fs::write(&path, bytes).unwrap();
    let args = ["pbmac1", "made.p12", "swapped.p12", "secret", "sha256"];
    bench.run("python3", &[&["-c", PKCS12_PY], &args[..]].concat());
    let (ring, _) = bench.load(&["made.p12"], "secret").unwrap();
    assert_eq!(ring.keys().count(), 2);
    for key in ring.keys() {
        assert_eq!(ring.private_key(key).err(), Some(&UnlockError::OtherKey));
    }
    // Another file that has the key makes up for it.
    let (ring, _) = bench.load(&["made.p12", "a.key"], "secret").unwrap();
    bench.assert_pair(&ring, "a", "beside the key itself");
}
