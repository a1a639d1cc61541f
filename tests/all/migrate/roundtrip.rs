//! A hundred messages against `openssl cms -decrypt`: the same entities, and the output made of nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::{DigestAlgorithm, sha256};
use mailseal::report::encode::hex;

use super::{Workplace, records};
use crate::program::pem;
use crate::toolkit::cms::{Sign, Signed, signed_by};
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::keys;
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people::{self, alice, bob, carol};

const MESSAGES: usize = 100;

const CIPHERS: [CipherAlgorithm; 6] = [
    CipherAlgorithm::Aes128Cbc,
    CipherAlgorithm::Aes192Cbc,
    CipherAlgorithm::Aes256Cbc,
    CipherAlgorithm::TripleDesCbc,
    CipherAlgorithm::Aes128Gcm,
    CipherAlgorithm::Aes256Gcm,
];

/// What message `n` holds.
fn entity(n: usize) -> Vec<u8> {
    let text = mail::text(&format!("Message {n}.\n").repeat(1 + n * 7 % 90));
    match n % 5 {
        0 | 1 => text,
        2 => mail::multipart_signed(&text, &signed_by(alice(), &text, people::sent())),
        3 => {
            let cms = Signed::opaque(&text).signer(Sign::by(alice())).encode();
            mail::pkcs7_mime("signed-data", &cms)
        }
        _ => mail::multipart(
            "mixed",
            &format!("b{n}"),
            &[&text, &mail::entity("text/html", b"<p>\r\n")],
        ),
    }
}

/// Name and value of each field, unfolded, in order.
fn fields(head: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some((_, value))) => value.push_str(line),
            _ => {
                let (name, value) = line.split_once(':').unwrap();
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
    fields
}

fn is_mime(name: &str) -> bool {
    name == "mime-version" || name.starts_with("content-")
}

#[test]
fn openssl_gives_the_same_hundred_entities() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: no openssl");
        return;
    }
    let place = Workplace::new();
    for (name, holder) in [("carol", carol()), ("bob", bob())] {
        let (key, certificate) = (keys::pkcs8(holder.key()), &holder.certificate);
        place.write(format!("keys/{name}.key"), pem("PRIVATE KEY", &key));
        place.write(format!("keys/{name}.cer"), pem("CERTIFICATE", certificate));
    }
    let mut names = Vec::new();
    for n in 0..MESSAGES {
        let entity = entity(n);
        let sha = DigestAlgorithm::Sha256;
        let (name, to) = match n / CIPHERS.len() % 3 {
            0 => ("carol", To::new(carol())),
            1 => ("carol", To::new(carol()).oaep(sha, sha, b"")),
            _ => ("bob", To::new(bob())),
        };
        let cipher = CIPHERS[n % CIPHERS.len()];
        let cms = Encrypt::new(&entity, cipher).to(to).encode();
        let headers = Headers::new(
            "Alice <alice@example.com>",
            &format!("Number {n}"),
            people::SENT_DATE,
        )
        .set("Message-ID", &format!("<{n}@example.com>"))
        .with("X-Folded", "one\r\n two");
        let kind = match cipher {
            CipherAlgorithm::Aes128Gcm | CipherAlgorithm::Aes256Gcm => "authenveloped-data",
            _ => "enveloped-data",
        };
        let message = mail::message(&headers, &mail::pkcs7_mime(kind, &cms));
        place.write(format!("mail/{n:03}.eml"), message);
        names.push(name);
    }
    let sidecar = ["--provenance", "sidecar"];
    let decrypt = ["decrypt", "mail", "-o", "out", "-q", "--keys", "keys"];
    place.run(&[&decrypt[..], &sidecar].concat()).code(0);
    let records: BTreeMap<String, serde_json::Value> = records(&place, "out")
        .into_iter()
        .map(|record| {
            (
                record["source"]["path"].as_str().unwrap().to_owned(),
                record,
            )
        })
        .collect();
    assert_eq!(records.len(), MESSAGES);
    for (n, name) in names.iter().enumerate() {
        let file = format!("{n:03}.eml");
        let output = Command::new("openssl")
            .args(["cms", "-decrypt", "-binary", "-in"])
            .arg(place.join(format!("mail/{file}")))
            .arg("-inkey")
            .arg(place.join(format!("keys/{name}.key")))
            .arg("-recip")
            .arg(place.join(format!("keys/{name}.cer")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{file}: {output:?}");
        let theirs = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            theirs.as_bytes(),
            entity(n),
            "{file}: the toolkit made another one"
        );
        let record = &records[&file];
        let digest = hex(&sha256(theirs.as_bytes()));
        assert_eq!(record["entity_sha256"], digest.as_str(), "{file}");
        // The output: the fields outside but for MIME's, those of the entity, and its body.
        let read = |folder: &str| fs::read_to_string(place.join(folder).join(&file)).unwrap();
        let (source, ours) = (read("mail"), read("out/data/mail"));
        let split = |text: &str| {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (fields(head), body.to_owned())
        };
        let ((outside, _), (inside, body)) = (split(&source), split(&theirs));
        let (seen, seen_body) = split(&ours);
        assert_eq!(seen_body, body, "{file}");
        let (mime, others): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|(name, _)| is_mime(name));
        let outside: Vec<_> = outside
            .into_iter()
            .filter(|(name, _)| !is_mime(name))
            .collect();
        assert_eq!(others, outside, "{file}");
        let mime: Vec<_> = mime
            .into_iter()
            .filter(|(name, _)| name != "mime-version")
            .collect();
        let inside: Vec<_> = inside
            .into_iter()
            .filter(|(name, _)| name != "mime-version")
            .collect();
        assert_eq!(mime, inside, "{file}");
    }
    println!("{MESSAGES} entities are those of openssl cms -decrypt");
}
