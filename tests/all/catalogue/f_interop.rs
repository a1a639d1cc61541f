//! Rows F-02, F-05 and F-12: decrypted messages against other programs, and under random damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use mailseal::crypto::content_cipher::CipherAlgorithm::{
    self, Aes128Cbc, Aes192Cbc, Aes256Cbc, Aes256Gcm,
};
use mailseal::crypto::digest::{DigestAlgorithm, sha256};
use mailseal::jobs::migrate::message::{Kept, Migrated, Options};
use mailseal::limits::Limits;
use mailseal::pki::keyring::{Keyring, Passwords};

use crate::catalogue::a_axes::{content, from_alice};
use crate::catalogue::migrated::{
    INNER, bare, clear_signed, decrypted, decrypted_as, encrypted, encrypted_with, mail_of,
    opaque_signed, partial, protecting, run, stored, text, with_keys,
};
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::keys;
use crate::toolkit::mail::{self};
use crate::toolkit::people::{alice, bob, carol};

/// The entity is the one that `openssl cms -decrypt` gives.
#[test]
fn f_12_openssl_gives_the_same_entities() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, holder) in [("carol", carol()), ("bob", bob())] {
        let pem = |what: &str, der: &[u8]| {
            let text = [
                format!("-----BEGIN {what}-----\n").into_bytes(),
                mail::lf(&mail::base64_lines(der, 64)),
                format!("-----END {what}-----\n").into_bytes(),
            ];
            text.concat()
        };
        fs::write(
            path(&format!("{name}.key")),
            pem("PRIVATE KEY", &keys::pkcs8(holder.key())),
        )
        .unwrap();
        fs::write(
            path(&format!("{name}.cer")),
            pem("CERTIFICATE", &holder.certificate),
        )
        .unwrap();
    }
    let entities = [
        content(),
        clear_signed(&content(), alice()),
        opaque_signed(&content(), alice()),
        protecting(INNER, "hp=\"cipher\""),
    ];
    let mut compared = 0;
    for cipher in [
        Aes128Cbc,
        Aes192Cbc,
        Aes256Cbc,
        CipherAlgorithm::TripleDesCbc,
        Aes256Gcm,
        CipherAlgorithm::Aes128Gcm,
    ] {
        for (index, entity) in entities.iter().enumerate() {
            let (name, to) = match index % 3 {
                0 => ("carol", To::new(carol())),
                1 => (
                    "carol",
                    To::new(carol()).oaep(DigestAlgorithm::Sha256, DigestAlgorithm::Sha256, b""),
                ),
                _ => ("bob", To::new(bob())),
            };
            let cms = Encrypt::new(entity, cipher).to(to).encode();
            let message = mail::message(&from_alice(), &mail::pkcs7_mime("enveloped-data", &cms));
            fs::write(path("mail.eml"), &message).unwrap();
            let output = Command::new("openssl")
                .args(["cms", "-decrypt", "-binary", "-in"])
                .arg(path("mail.eml"))
                .arg("-inkey")
                .arg(path(&format!("{name}.key")))
                .arg("-recip")
                .arg(path(&format!("{name}.cer")))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let keep = Options {
                keep_outer_headers: true,
                ..bare()
            };
            let read = decrypted_as(&message, &keep);
            assert_eq!(read.entity_sha256, sha256(&output.stdout), "{cipher:?}");
            let body = output
                .stdout
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .unwrap()
                + 4;
            assert_eq!(
                read.bytes[read.body_at..],
                output.stdout[body..],
                "{cipher:?}"
            );
            compared += 1;
        }
    }
    println!("compared {compared} entities with openssl cms -decrypt");
    assert!(compared >= 20);
}

/// Inner signatures verify in the output, with another program too, whatever the store's line ends.
#[test]
fn f_05_openssl_verifies_what_is_left() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.eml");
    for signed in [
        clear_signed(&content(), alice()),
        opaque_signed(&content(), alice()),
        clear_signed(&protecting(INNER, "hp=\"cipher\""), bob()),
    ] {
        for message in stored(&encrypted(&signed)) {
            let read = decrypted(&message);
            fs::write(&path, &read.bytes).unwrap();
            let verify = Command::new("openssl")
                .args(["cms", "-verify", "-noverify", "-in"])
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&verify.stderr);
            assert!(verify.status.success(), "{said}\n{}", text(&read));
            // One bit less, and it fails: it is this content that was verified.
            let mut damaged = read.bytes.to_vec();
            let at = damaged
                .windows(7)
                .rposition(|w| w == b"meeting" || w == b"secret ");
            let Some(at) = at else { continue };
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let verify = Command::new("openssl")
                .args(["cms", "-verify", "-noverify", "-in"])
                .arg(&path)
                .output()
                .unwrap();
            assert!(!verify.status.success());
        }
    }
}

/// Another reader of mail finds the fields that were there, and the text that was encrypted.
#[test]
fn f_02_python_reads_the_same_fields() {
    const READ: &str = "import email, email.policy, json, sys\n\
        m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.compat32)\n\
        own = lambda n: n.lower().startswith(('content-', 'x-mailseal-')) or n.lower() == 'mime-version'\n\
        print(json.dumps([[[n, str(v)] for n, v in m.items() if not own(n)], m.get_content_type(), m.get_payload(decode=True).decode('latin1')]))";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.eml");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let output = Command::new("python3")
            .args(["-c", READ])
            .arg(&path)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap())
    };
    if read(b"From: a\n\nb\n").is_none() {
        eprintln!("skipped: no python3");
        return;
    }
    let headers = from_alice()
        .first(
            "Received",
            "from a by b;\r\n\tWed, 15 May 2024 10:30:01 +0000",
        )
        .with("X-Folded", "one\r\n two\r\n\tthree")
        .with("X-Folded", "again")
        .with("List-Id", "<list.example.com>");
    for message in [0, 1].map(|at| {
        let message = mail::message(&headers, &encrypted(&content()));
        [mail::lf(&message), message][at].clone()
    }) {
        let (before, after) = (
            read(&message).unwrap(),
            read(&decrypted(&message).bytes).unwrap(),
        );
        assert_eq!(before[0], after[0]);
        assert!(before[0].as_array().unwrap().len() >= 9);
        assert_eq!(
            (&before[1], &after[1]),
            (&"application/pkcs7-mime".into(), &"text/plain".into())
        );
        let body = after[2].as_str().unwrap().replace("\r\n", "\n");
        assert_eq!(body, "Dear all,\nthe meeting is on Friday.\n");
    }
}

/// Whatever is damaged, a message is copied, or it is decrypted to something that is not encrypted any more, once and for all.
#[test]
fn f_16_damage_never_makes_half_a_message() {
    let entities = [
        encrypted(&content()),
        encrypted_with(&clear_signed(&content(), alice()), Aes256Gcm),
        clear_signed(
            &encrypted(&encrypted(&protecting(INNER, "hp=\"cipher\""))),
            bob(),
        ),
        mail::multipart(
            "mixed",
            "m",
            &[
                &content(),
                &encrypted(&content()),
                &encrypted(b"\r\nplain\r\n"),
            ],
        ),
        encrypted(&mail::entity(
            "message/rfc822; forwarded=no",
            &mail::message(&from_alice(), &content()),
        )),
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut copied, mut written) = (0, 0);
    for round in 0..400 {
        let mut message = stored(&entities[round % entities.len()])[round % 2].clone();
        for _ in 0..next(4) {
            let at = next(message.len());
            match next(4) {
                0 => message[at] = b"\n\r:-= \x00\xff"[next(8)],
                1 => drop(message.remove(at)),
                2 => message.insert(at, b"\n\r:-= a\xff"[next(8)]),
                _ => message.truncate(message.len() - next(20)),
            }
        }
        let options = [
            partial(),
            Options::default(),
            Options {
                unwrap_signed: true,
                ..partial()
            },
        ][next(3)]
        .clone();
        match run(&message, &options) {
            Migrated::Copied(_) => copied += 1,
            Migrated::Decrypted(read) => {
                written += 1;
                assert!(read.body_at <= read.bytes.len());
                let again = run(&read.bytes, &options);
                assert!(matches!(again, Migrated::Copied(_)), "{}", text(&read));
                let Migrated::Decrypted(same) = run(&message, &options) else {
                    panic!("not the same twice");
                };
                assert_eq!(
                    (&same.bytes, &same.provenance),
                    (&read.bytes, &read.provenance)
                );
            }
        }
    }
    assert!(
        copied > 40 && written > 100,
        "{copied} copied, {written} decrypted"
    );
}

/// Every sample: decrypted, or copied for a reason; decrypted ones are not encrypted any more, and no signature in them changed.
#[test]
fn f_16_every_sample_is_migrated_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-mail");
    let given = folder.join("keys");
    let passwords = Passwords::from_lines(&fs::read(given.join("password")).unwrap());
    let (keyring, _) = Keyring::load(&[given], &passwords, &Limits::default()).unwrap();
    let mut words: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for group in fs::read_dir(&folder).unwrap() {
        let group = group.unwrap().path();
        let Ok(files) = fs::read_dir(&group) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "eml") {
                continue;
            }
            let name = path.strip_prefix(&folder).unwrap().display().to_string();
            let source = fs::read(&path).unwrap();
            for message in [mail::lf(&source), source] {
                let word = match with_keys(&mail_of(&message), &Options::default(), &keyring) {
                    Migrated::Copied(kept) => kept.as_str(),
                    Migrated::Decrypted(read) => {
                        let again = with_keys(&mail_of(&read.bytes), &Options::default(), &keyring);
                        assert!(
                            matches!(again, Migrated::Copied(Kept::NotEncrypted)),
                            "{name}\n{}",
                            text(&read)
                        );
                        "decrypted"
                    }
                };
                let list = words.entry(word).or_default();
                if list.last() != Some(&name) {
                    list.push(name.clone());
                }
            }
        }
    }
    for (word, list) in &mut words {
        list.sort();
        println!("{word}: {}", list.join(" "));
    }
    assert!(words["decrypted"].len() >= 10 && words["not_encrypted"].len() >= 50);
    assert!(!words.contains_key("read_back_differs"));
}
