//! Rows C-01 and C-03 to C-22, C-20 among them: what is decrypted, with what, and what must never come out.

use mailseal::cms::build::Form;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::DigestAlgorithm;

use crate::catalogue::audit::Audit;
use crate::catalogue::audit::Record;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::enveloped::compressed;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

fn content() -> Vec<u8> {
    mail::text("The figures are attached.\n")
}

fn from_alice(entity: &[u8]) -> Vec<u8> {
    let headers = Headers::new("Alice <alice@example.com>", "Figures", SENT_DATE);
    mail::message(&headers, entity)
}

fn enveloped(cms: &[u8]) -> Vec<u8> {
    from_alice(&mail::pkcs7_mime("enveloped-data", cms))
}

fn opened_by(holder: &Holder, message: &[u8]) -> Record {
    Audit::of(&[message]).key(holder).record()
}

fn encrypted<'r>(record: &'r Record, name: &str) -> &'r str {
    record.text(&format!("/layers/0/encrypted/{name}"))
}

#[test]
fn c_01_each_encrypted_part_stays_its_own_and_is_marked_as_a_part() {
    let cms = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()))
        .encode();
    let inner = mail::pkcs7_mime("enveloped-data", &cms);
    let opening = mail::entity("text/html", b"<img src=\"http://example.net/");
    let closing = mail::entity("text/html", b"\">");
    let mixed = mail::multipart("mixed", "efail", &[&opening, &inner, &closing]);
    let record = opened_by(alice(), &from_alice(&mixed));
    assert_eq!(record.status(), "decrypted");
    assert_eq!(record.text("/layers/0/path"), "2");
    assert!(record.has("encrypted_subpart"), "{:?}", record.findings());
    let plaintext = mailseal::crypto::digest::sha256(&content());
    let hex: String = plaintext
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(encrypted(&record, "plaintext_sha256"), hex);
}

#[test]
fn c_03_a_changed_block_decrypts_and_nothing_vouches_for_it() {
    let text = mail::text(&"All is well and stays as it was agreed.\n".repeat(20));
    let cms = Encrypt::new(&text, CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()))
        .flip_bit(8 * 16 * 20)
        .encode();
    let record = opened_by(alice(), &enveloped(&cms));
    assert_eq!(encrypted(&record, "decryption"), "decrypted");
    assert_eq!(encrypted(&record, "integrity"), "none");
    assert!(record.has("integrity_none"));
}

#[test]
fn c_04_an_inner_signature_makes_cbc_mail_authentic() {
    let signed =
        mail::multipart_signed(&content(), &signed_by(alice(), &content(), people::sent()));
    let cms = Encrypt::new(&signed, CipherAlgorithm::Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let record = opened_by(carol(), &enveloped(&cms));
    assert_eq!(encrypted(&record, "integrity"), "inner_signature");
    assert_eq!(record.status(), "valid");
    assert_eq!(record.text("/layers/1/signatures/0/coverage"), "whole_body");

    // A signed part beside unsigned text vouches for nothing.
    let beside = mail::multipart("mixed", "outer", &[&signed, &content()]);
    let cms = Encrypt::new(&beside, CipherAlgorithm::Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let record = opened_by(carol(), &enveloped(&cms));
    assert_eq!(encrypted(&record, "integrity"), "none");
    assert_eq!(record.status(), "partly_signed");
}

#[test]
fn c_05_a_bad_tag_gives_nothing() {
    let aead = |cms: &[u8]| from_alice(&mail::pkcs7_mime("authEnveloped-data", cms));
    let make = || {
        Encrypt::new(&content(), CipherAlgorithm::Aes256Gcm)
            .to(To::new(alice()))
            .encode()
    };
    let good = opened_by(alice(), &aead(&make()));
    assert_eq!(encrypted(&good, "decryption"), "decrypted");
    assert_eq!(encrypted(&good, "integrity"), "aead");
    let mut cms = make();
    let last = cms.len() - 1;
    cms[last] ^= 1;
    let bad = opened_by(alice(), &aead(&cms));
    assert_eq!(bad.status(), "decrypt_failed");
    assert_eq!(encrypted(&bad, "decryption"), "failed");
    assert_eq!(encrypted(&bad, "plaintext_sha256"), "");
    assert_eq!(bad.text("/content_sha256"), "");
}

#[test]
fn c_12_recipients_are_found_by_either_identifier() {
    for (to, matched_by) in [
        (To::new(alice()), "issuer_serial"),
        (To::new(alice()).by_key_identifier(), "ski"),
        (To::new(bob()), "issuer_serial"),
        (To::new(bob()).by_key_identifier(), "ski"),
    ] {
        let cms = Encrypt::new(&content(), CipherAlgorithm::Aes128Cbc)
            .to(to)
            .encode();
        let record = Audit::of(&[&enveloped(&cms)])
            .key(alice())
            .key(bob())
            .record();
        assert_eq!(encrypted(&record, "decryption"), "decrypted");
        assert_eq!(encrypted(&record, "matched_by"), matched_by);
    }
}

#[test]
fn c_16_oaep_with_any_digest_mask_and_label() {
    for digest in [
        DigestAlgorithm::Sha1,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha512,
    ] {
        for mask in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256] {
            for label in [&b""[..], b"label"] {
                let to = To::new(alice()).oaep(digest, mask, label);
                let cms = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
                    .to(to)
                    .encode();
                let record = opened_by(alice(), &enveloped(&cms));
                assert_eq!(
                    encrypted(&record, "decryption"),
                    "decrypted",
                    "{digest:?} {mask:?}"
                );
                assert_eq!(
                    record.text("/layers/0/encrypted/recipients/0/kind"),
                    "rsa_oaep"
                );
            }
        }
    }
}

#[test]
fn c_21_without_a_key_the_recipients_are_named() {
    let cms = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()))
        .to(To::new(bob()))
        .encode();
    let record = opened_by(carol(), &enveloped(&cms));
    assert_eq!(record.status(), "no_key");
    for index in 0..2 {
        let of = |name: &str| format!("/layers/0/encrypted/recipients/{index}/{name}");
        assert!(record.text(&of("issuer")).contains("Sample Mail Authority"));
        assert!(!record.text(&of("serial")).is_empty());
        assert_eq!(record.text(&of("result")), "no_key");
    }
}

#[test]
fn c_22_one_usable_recipient_is_enough() {
    let cms = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()).damaged())
        .to(To::new(bob()))
        .encode();
    let record = Audit::of(&[&enveloped(&cms)])
        .key(alice())
        .key(bob())
        .record();
    assert_eq!(encrypted(&record, "decryption"), "decrypted");
    assert_eq!(
        record.text("/layers/0/encrypted/recipients/0/result"),
        "failed"
    );
    assert_eq!(
        record.text("/layers/0/encrypted/recipients/1/result"),
        "decrypted"
    );
    // The damaged one alone: one word, whatever failed.
    let cms = Encrypt::new(&content(), CipherAlgorithm::Aes256Cbc)
        .to(To::new(alice()).damaged())
        .encode();
    assert_eq!(
        opened_by(alice(), &enveloped(&cms)).status(),
        "decrypt_failed"
    );
}

#[test]
fn c_15_every_cipher_in_der_and_ber() {
    use CipherAlgorithm as C;
    for (cipher, name) in [
        (C::Aes128Cbc, "aes-128-cbc"),
        (C::Aes192Cbc, "aes-192-cbc"),
        (C::Aes256Cbc, "aes-256-cbc"),
        (C::TripleDesCbc, "des-ede3-cbc"),
        (C::Aes128Gcm, "aes-128-gcm"),
        (C::Aes256Gcm, "aes-256-gcm"),
        (C::Aes128Ccm, "aes-128-ccm"),
        (C::Aes256Ccm, "aes-256-ccm"),
        (C::ChaCha20Poly1305, "chacha20-poly1305"),
    ] {
        for form in [Form::Der, BER] {
            let text = mail::text(&"Line after line of the same text.\n".repeat(200));
            let cms = Encrypt::new(&text, cipher)
                .to(To::new(alice()))
                .form(form)
                .encode();
            let record = opened_by(alice(), &enveloped(&cms));
            assert_eq!(encrypted(&record, "decryption"), "decrypted", "{name}");
            assert_eq!(encrypted(&record, "cipher"), name);
        }
    }
}

#[test]
fn c_20_layers_are_peeled_in_order() {
    let signed =
        mail::multipart_signed(&content(), &signed_by(alice(), &content(), people::sent()));
    let packed = mail::pkcs7_mime("compressed-data", &compressed(&signed, Form::Der));
    let cms = Encrypt::new(&packed, CipherAlgorithm::Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let sealed = mail::pkcs7_mime("enveloped-data", &cms);
    let outer = mail::multipart_signed(&sealed, &signed_by(alice(), &sealed, people::sent()));
    let record = opened_by(carol(), &from_alice(&outer));
    let kinds: Vec<&str> = (0..4)
        .map(|layer| record.text(&format!("/layers/{layer}/kind")))
        .collect();
    assert_eq!(kinds, ["signed", "encrypted", "compressed", "signed"]);
    assert_eq!(record.status(), "valid");
    for layer in [0, 3] {
        let coverage = format!("/layers/{layer}/signatures/0/coverage");
        assert_eq!(record.text(&coverage), "whole_body");
    }
}
