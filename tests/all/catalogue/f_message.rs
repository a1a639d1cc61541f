//! Rows C-01, C-02, F-02 to F-08, F-11, F-18 to F-20: what becomes of one message when its archive is decrypted.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::{DigestAlgorithm, sha256};
use mailseal::facts::axis::{Digest, Integrity, LayerKind, Signature};
use mailseal::facts::finding::Finding;
use mailseal::facts::record::MessageFacts;
use mailseal::facts::staged::Release;
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::jobs::migrate::message::{
    Decrypted, Kept, Migrated, Options, ProvenancePlace, migrate,
};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin, Quoting};
use mailseal::pki::keyring::{Keyring, Passwords};

use CipherAlgorithm::{Aes128Cbc, Aes192Cbc, Aes256Cbc, Aes256Gcm};

use crate::catalogue::a_axes::{content, from_alice};
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::{BER, Sign, Signed, signed_by};
use crate::toolkit::enveloped::{Encrypt, To, compressed};
use crate::toolkit::keys;
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people::{self, alice, bob, carol};

/// Carol's and Bob's keys.
static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for (name, holder) in [("carol", carol()), ("bob", bob())] {
        let path = folder.path().join(name);
        fs::write(path.with_extension("key"), keys::pkcs8(holder.key())).unwrap();
        fs::write(path.with_extension("cer"), &holder.certificate).unwrap();
    }
    let paths = [folder.path().to_owned()];
    let loaded = Keyring::load(&paths, &Passwords::none(), &Limits::default());
    loaded.unwrap().0
});

fn with_keys(message: &Message<'_>, options: &Options, keys: &Keyring) -> Migrated {
    let settings = Settings::default();
    let mut scratch = Scratch::default();
    let collected = collect(message, keys, &settings, &mut scratch);
    migrate(message, collected, options, &settings.limits, &mut scratch)
}

fn mail_of(bytes: &[u8]) -> Message<'_> {
    Message {
        bytes,
        form: Form::Mail,
        origin: Origin::default(),
    }
}

fn run(bytes: &[u8], options: &Options) -> Migrated {
    with_keys(&mail_of(bytes), options, &KEYS)
}

fn decrypted_as(bytes: &[u8], options: &Options) -> Box<Decrypted> {
    match run(bytes, options) {
        Migrated::Decrypted(decrypted) => decrypted,
        Migrated::Copied(kept) => panic!("copied: {kept:?}\n{}", String::from_utf8_lossy(bytes)),
    }
}

fn decrypted(bytes: &[u8]) -> Box<Decrypted> {
    decrypted_as(bytes, &Options::default())
}

/// Without a provenance field, so that the bytes can be written down.
fn bare() -> Options {
    Options {
        provenance: ProvenancePlace::Sidecar,
        ..Options::default()
    }
}

fn partial() -> Options {
    Options {
        allow_partial: true,
        ..bare()
    }
}

fn kept_as(bytes: &[u8], options: &Options) -> Kept {
    match run(bytes, options) {
        Migrated::Copied(kept) => kept,
        Migrated::Decrypted(decrypted) => {
            panic!("{}", String::from_utf8_lossy(&decrypted.bytes))
        }
    }
}

fn kept(bytes: &[u8]) -> Kept {
    kept_as(bytes, &Options::default())
}

fn text(decrypted: &Decrypted) -> String {
    String::from_utf8_lossy(&decrypted.bytes).into_owned()
}

fn codes(decrypted: &Decrypted) -> Vec<Finding> {
    decrypted.findings.iter().map(|one| one.code).collect()
}

fn encrypted_with(entity: &[u8], cipher: CipherAlgorithm) -> Vec<u8> {
    let cms = Encrypt::new(entity, cipher).to(To::new(carol())).encode();
    mail::pkcs7_mime("enveloped-data", &cms)
}

fn encrypted(entity: &[u8]) -> Vec<u8> {
    encrypted_with(entity, Aes256Cbc)
}

fn for_stranger(entity: &[u8]) -> Vec<u8> {
    let cms = Encrypt::new(entity, Aes256Cbc)
        .to(To::new(alice()))
        .encode();
    mail::pkcs7_mime("enveloped-data", &cms)
}

fn clear_signed(entity: &[u8], by: &Holder) -> Vec<u8> {
    mail::multipart_signed(entity, &signed_by(by, entity, people::sent()))
}

fn opaque_signed(entity: &[u8], by: &Holder) -> Vec<u8> {
    let cms = Signed::opaque(entity).signer(Sign::by(by)).encode();
    mail::pkcs7_mime("signed-data", &cms)
}

/// Stored with both line ends.
fn stored(entity: &[u8]) -> [Vec<u8>; 2] {
    let message = mail::message(&from_alice(), entity);
    [mail::lf(&message), message]
}

fn facts(bytes: &[u8]) -> MessageFacts {
    let settings = Settings {
        all: true,
        ..Settings::default()
    };
    let collected = collect(
        &mail_of(bytes),
        &Keyring::empty(),
        &settings,
        &mut Scratch::default(),
    );
    *collected.facts.unwrap()
}

fn facts_with_keys(bytes: &[u8]) -> MessageFacts {
    let settings = Settings::default();
    let collected = collect(&mail_of(bytes), &KEYS, &settings, &mut Scratch::default());
    *collected.facts.unwrap()
}

/// A header that no mail program writes, and archives hold.
const ODD: &[u8] = b">From odd@example.com Mon Jan  1 00:00:00 2001\r\n\
    received: from a\r\n\tby b; Mon, 1 Jan 2001 00:00:00 +0000\r\n\
    Received: from c by a\r\n\
    FROM: \"J\xfcrgen\"\r\n  <alice@example.com>\r\n\
    Subject : two  blanks \r\n\
    Subject:\r\n\
    this line is none\r\n\
    \tand goes on\r\n\
    Content-Length: 12\r\n\
    X-Empty:\r\n\
    X-Utf8: \xe2\x82\xac\r\n\
    Message-ID:<odd@sample.example>\r\n";

#[test]
fn f02_the_outer_header_stays_byte_for_byte() {
    let tail =
        b"mIme-version: 1.0 (odd)\r\nDate: Wed, 15 May 2024 10:30:00 +0000\r\nX-Last: \xff\r\n";
    let inner = content();
    let message = [ODD, &encrypted(&inner), b""].concat();
    // What describes the body stands between these and the last fields.
    let header_end = message.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 2;
    let message = [&message[..header_end], tail, &message[header_end..]].concat();
    for message in [mail::lf(&message), message.clone()] {
        let end: &[u8] = if message.contains(&b'\r') {
            b"\r\n"
        } else {
            b"\n"
        };
        let read = decrypted_as(&message, &bare());
        let form = |bytes: &[u8]| match end {
            b"\n" => mail::lf(bytes),
            _ => bytes.to_vec(),
        };
        let (fields, body) =
            inner.split_at(inner.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 2);
        let expected = [form(ODD), form(fields), form(tail), form(body)].concat();
        assert_eq!(
            String::from_utf8_lossy(&read.bytes),
            String::from_utf8_lossy(&expected)
        );
        assert_eq!(read.bytes.as_slice(), expected);
        assert_eq!(
            &read.bytes[read.body_at - 2 * end.len()..read.body_at],
            [end, end].concat()
        );
        assert_eq!(read.findings, []);
        assert_eq!(read.entity_sha256, sha256(&inner));
    }
}

/// Every outer field survives, whatever the header looks like: seeded, so that a failure can be repeated.
#[test]
fn f02_odd_headers_survive() {
    let cms = mail::base64_lines(
        &Encrypt::new(&content(), Aes128Cbc)
            .to(To::new(carol()))
            .encode(),
        64,
    );
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let names = [
        "Subject",
        "sUBJECT",
        "X",
        "To",
        "Received",
        "Bcc",
        "X-Content-Type",
        "Content-Length",
        "MIME-Version",
        "Content-Description",
        "content-id",
        "List-Id",
        "Status",
        "DKIM-Signature",
        "Contents",
    ];
    let values = [
        "",
        " ",
        " a",
        "\ta",
        " a\r\n b",
        " a\r\n\tb\r\n  c ",
        " =?utf-8?q?=41?=",
        " \u{e4}",
        " a: b",
        " ;;\"",
        " >From x",
    ];
    let mut changed = 0;
    for _ in 0..60 {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for _ in 0..next(12) {
            let line = match next(8) {
                0 => b"no field at all\r\n".to_vec(),
                1 => b"X-Latin: \xe4\xff\r\n".to_vec(),
                _ => format!(
                    "{}:{}\r\n",
                    names[next(names.len())],
                    values[next(values.len())]
                )
                .into_bytes(),
            };
            lines.push(line);
        }
        let place = next(lines.len() + 1);
        lines.insert(0, b"From: alice@example.com\r\n".to_vec());
        lines.insert(
            place + 1,
            b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n".to_vec(),
        );
        let message = [lines.concat(), b"\r\n".to_vec(), cms.clone()].concat();
        for message in [mail::lf(&message), message] {
            let read = decrypted_as(&message, &bare());
            let lf = message.contains(&b'\r');
            let form = |line: &Vec<u8>| if lf { line.clone() } else { mail::lf(line) };
            // What must stand is what stood, but for the fields that describe the body and the lines that go on with them.
            let expected: Vec<Vec<u8>> = lines
                .iter()
                .filter(|line| {
                    let name = String::from_utf8_lossy(line).to_ascii_lowercase();
                    !name.starts_with("content-") || name.starts_with("content-length")
                })
                .map(form)
                .collect();
            let header = &read.bytes[..read.body_at];
            let end: &[u8] = if lf { b"\r\n" } else { b"\n" };
            let own: [&[u8]; 3] = [
                b"Content-Type: text/plain; charset=us-ascii",
                b"Content-Transfer-Encoding: 7bit",
                b"MIME-Version: 1.0",
            ];
            let mut left: Vec<u8> = header[..header.len() - end.len()].to_vec();
            for line in own.iter().take(2) {
                let line = [*line, end].concat();
                let at = left.windows(line.len()).position(|w| w == line).unwrap();
                left.drain(at..at + line.len());
            }
            if !expected
                .iter()
                .any(|line| line.to_ascii_lowercase().starts_with(b"mime-version"))
            {
                let line = [own[2], end].concat();
                let at = left.windows(line.len()).position(|w| w == line).unwrap();
                left.drain(at..at + line.len());
                changed += 1;
            }
            assert_eq!(
                String::from_utf8_lossy(&left),
                String::from_utf8_lossy(&expected.concat())
            );
            assert_eq!(left, expected.concat());
        }
    }
    assert!(changed > 10, "{changed}");
}

#[test]
fn f03_an_entity_without_a_type_is_text_and_nothing_outside_survives() {
    let headers = from_alice().with("Content-Description", "S/MIME Encrypted Message");
    for (inner, body) in [
        (&b"\r\nhello\r\n"[..], "hello\n"),
        (b"hello\r\n", "hello\n"),
    ] {
        let message = mail::lf(&mail::message(&headers, &encrypted(inner)));
        let read = decrypted_as(&message, &bare());
        let text = text(&read);
        assert!(!text.to_ascii_lowercase().contains("content-"), "{text}");
        assert!(!text.contains("smime"), "{text}");
        assert!(text.contains("MIME-Version: 1.0\n"));
        assert!(text.ends_with(&format!("\n\n{body}")), "{text}");
    }
    // And where there is a type, MIME-Version must be there.
    let headers = from_alice().without("MIME-Version");
    let read = decrypted_as(&mail::message(&headers, &encrypted(&content())), &bare());
    assert!(text(&read).contains("MIME-Version: 1.0\r\nContent-Type: text/plain"));
}

/// Fields as RFC 9788 puts them into the payload, in front of its Content-Type.
fn protecting(fields: &str, kind: &str) -> Vec<u8> {
    format!("{fields}Content-Type: text/plain; charset=us-ascii; {kind}\r\n\r\nsecret text\r\n")
        .into_bytes()
}

const INNER: &str = "From: Alice <alice@example.com>\r\nTo: Everybody <list@example.com>\r\nSubject: The real\r\n subject\r\n\
    Message-ID: <Meeting@sample.example>\r\nX-Mailer: inner\r\nHP-Outer: Subject: [...]\r\n";

fn outside(subject: &str) -> Headers {
    from_alice().set("Subject", subject)
}

#[test]
fn f04_protected_fields_are_restored_and_the_placeholder_is_kept() {
    for kind in ["hp=\"cipher\"", "protected-headers=v1"] {
        let inner = protecting(INNER, kind);
        for message in [0, 1].map(|at| {
            let message = mail::message(&outside("[...]"), &encrypted(&inner));
            [mail::lf(&message), message][at].clone()
        }) {
            let read = decrypted_as(&message, &bare());
            let seen = String::from_utf8_lossy(&mail::lf(&read.bytes)).into_owned();
            assert!(
                seen.contains("\nSubject: The real\n subject\nX-Mailseal-Outer-Subject: [...]\n"),
                "{seen}"
            );
            assert!(seen.contains("\nHP-Outer: Subject: [...]\n"), "{seen}");
            assert!(
                seen.contains("\nX-Mailseal-Inner-X-Mailer: inner\n"),
                "{seen}"
            );
            assert_eq!(
                seen.matches("\nFrom:").count() + usize::from(seen.starts_with("From:")),
                1
            );
            assert_eq!(seen.matches("Message-ID:").count(), 1, "{seen}");
            assert!(seen.ends_with("\n\nsecret text\n"));
            assert_eq!(codes(&read), []);
        }
        let keep = Options {
            keep_outer_headers: true,
            ..bare()
        };
        let message = mail::message(&outside("[...]"), &encrypted(&inner));
        let seen = String::from_utf8_lossy(&decrypted_as(&message, &keep).bytes).into_owned();
        assert!(seen.contains("\r\nSubject: [...]\r\n") && !seen.contains("Outer-Subject"));
        assert!(seen.contains("X-Mailseal-Inner-Subject: The real\r\n subject\r\n"));
    }
    // Without the parameter the fields protect nothing.
    let message = mail::message(
        &outside("[...]"),
        &encrypted(&protecting(INNER, "format=flowed")),
    );
    let seen = text(&decrypted_as(&message, &bare()));
    assert!(seen.contains("\r\nSubject: [...]\r\n"));
    assert!(seen.contains("X-Mailseal-Inner-Subject: The real"));
}

#[test]
fn f04_the_wrapped_form_is_unwrapped() {
    let inner = |id: &str| {
        let headers = outside("The real subject").set("Message-ID", id);
        mail::message(&headers, &mail::text("wrapped\n"))
    };
    let wrap = |message: &[u8], kind: &str| mail::entity(kind, message);
    let outer = |entity: &[u8]| mail::message(&outside("..."), &encrypted(entity));
    // Marked, or with the same Message-ID.
    let same = "<Meeting@sample.example>";
    for (kind, id) in [
        ("message/rfc822; forwarded=no", "<x@y>"),
        ("message/rfc822", same),
    ] {
        let read = decrypted_as(&outer(&wrap(&inner(id), kind)), &bare());
        let seen = text(&read);
        assert!(
            seen.contains("\r\nSubject: The real subject\r\nX-Mailseal-Outer-Subject: ...\r\n"),
            "{seen}"
        );
        assert!(!seen.contains("message/rfc822"), "{seen}");
        assert!(seen.ends_with("\r\n\r\nwrapped\r\n"));
    }
    // Another message that was sent on stays what it is.
    for (kind, id) in [
        ("message/rfc822", "<x@y>"),
        ("message/rfc822; forwarded=yes", same),
    ] {
        let seen = text(&decrypted_as(&outer(&wrap(&inner(id), kind)), &bare()));
        assert!(
            seen.contains("\r\nSubject: ...\r\n") && seen.contains("message/rfc822"),
            "{seen}"
        );
    }
    // Under a signature it stays too, and its fields are restored.
    let signed = clear_signed(&wrap(&inner(same), "message/rfc822; forwarded=no"), alice());
    let read = decrypted_as(&outer(&signed), &bare());
    let seen = text(&read);
    assert!(
        seen.contains("Subject: The real subject\r\nX-Mailseal-Outer-Subject"),
        "{seen}"
    );
    assert!(seen.contains("message/rfc822; forwarded=no"));
    assert_eq!(
        facts(&read.bytes).layers[0].signatures[0].signature,
        Signature::Valid
    );
}

#[test]
fn f04_another_sender_inside_is_not_believed() {
    let fields = "From: Boss <boss@example.org>\r\nSender: boss@example.org\r\nSubject: Pay\r\n";
    let hp = |body: &str| {
        format!("{body}Content-Type: text/plain; hp=\"cipher\"\r\n\r\npay\r\n").into_bytes()
    };
    let read =
        |entity: &[u8]| decrypted_as(&mail::message(&outside("..."), &encrypted(entity)), &bare());
    let unsigned = read(&hp(fields));
    let seen = text(&unsigned);
    assert!(
        seen.starts_with("From: Alice <alice@example.com>\r\n"),
        "{seen}"
    );
    assert!(seen.contains("Subject: Pay\r\n"));
    assert!(seen.contains("X-Mailseal-Inner-From: Boss <boss@example.org>"));
    assert!(!seen.contains("\r\nSender:"));
    assert_eq!(codes(&unsigned), [Finding::InnerFromDiffers]);
    // A signature by somebody else says nothing about the boss; neither does one that does not verify.
    for signed in [
        clear_signed(&hp(fields), alice()),
        mail::multipart_signed(
            &hp("From: Bob <bob@example.com>\r\n"),
            &signed_by(bob(), b"other", people::sent()),
        ),
    ] {
        let other = read(&signed);
        assert!(text(&other).starts_with("From: Alice <alice@example.com>\r\n"));
        assert_eq!(codes(&other), [Finding::InnerFromDiffers]);
    }
    // Bob's signature is over Bob's name, in both forms.
    let entity = hp("From: Bob <bob@example.com>\r\nSubject: Mine\r\n");
    for signed in [clear_signed(&entity, bob()), opaque_signed(&entity, bob())] {
        let covered = read(&signed);
        let seen = text(&covered);
        assert!(
            seen.starts_with("From: Bob <bob@example.com>\r\nX-Mailseal-Outer-From: Alice <alice@example.com>\r\n"),
            "{seen}"
        );
        assert_eq!(codes(&covered), []);
    }
    // The same mailbox with another name: the outer bytes stay, and nothing is to be warned of.
    let same = read(&hp("From: \"The Boss\" <alice@EXAMPLE.com>\r\n"));
    assert!(text(&same).starts_with("From: Alice <alice@example.com>\r\n"));
    assert_eq!(codes(&same), []);
}

#[test]
fn f05_inner_signatures_stay_and_verify() {
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
fn f05_a_signature_over_the_ciphertext_goes_with_it() {
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
fn f06_fields_of_threads_and_routes_are_unchanged() {
    let headers = from_alice()
        .first("Received", "from x by y; Wed, 15 May 2024 10:30:01 +0000")
        .with("In-Reply-To", "<a@b>")
        .with("References", "<a@b>\r\n <c@d>")
        .with("DKIM-Signature", "v=1; d=example.com;\r\n b=AAAA");
    let read = decrypted(&mail::message(&headers, &encrypted(&content())));
    let seen = text(&read);
    for line in [
        "Received: from x by y; Wed, 15 May 2024 10:30:01 +0000\r\n",
        "Message-ID: <Meeting@sample.example>\r\n",
        "In-Reply-To: <a@b>\r\n",
        "References: <a@b>\r\n <c@d>\r\n",
        "Date: Wed, 15 May 2024 10:30:00 +0000\r\n",
        "DKIM-Signature: v=1; d=example.com;\r\n b=AAAA\r\n",
    ] {
        assert_eq!(seen.matches(line).count(), 1, "{line}");
    }
    // Row F-07.
    assert!(
        read.provenance.ends_with("dkim=body_changed"),
        "{}",
        read.provenance
    );
}

#[test]
fn f08_one_field_says_what_was_done_and_only_once() {
    for message in stored(&encrypted(&content())) {
        let read = decrypted(&message);
        let seen = String::from_utf8_lossy(&mail::lf(&read.bytes)).into_owned();
        let at = seen.find("\nX-Mailseal-Decrypted: ").unwrap() + 1;
        let field: Vec<&str> = seen[at..].split("\n\n").next().unwrap().lines().collect();
        assert!(
            field.len() > 1 && field.iter().all(|line| line.len() <= 78),
            "{field:#?}"
        );
        let unfolded = field.concat();
        assert_eq!(
            unfolded,
            format!("X-Mailseal-Decrypted: {}", read.provenance)
        );
        for item in [
            "v=1; ",
            "integrity=none",
            "cipher=aes-256-cbc",
            "by=rsa_v15",
            "serial=66",
            "issuer=",
        ] {
            assert!(unfolded.contains(item), "{item}: {unfolded}");
        }
        let hex: String = sha256(&message)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert!(unfolded.contains(&hex));
        // Equal input, equal output; and the output is ordinary mail.
        assert_eq!(decrypted(&message).bytes, read.bytes);
        assert_eq!(kept(&read.bytes), Kept::NotEncrypted);
        assert!(
            !String::from_utf8_lossy(&decrypted_as(&message, &bare()).bytes).contains("X-Mailseal")
        );
    }
    // A field that was there says nothing, and can't be taken for ours.
    let headers = from_alice().with("X-MAILSEAL-Decrypted", "v=1; integrity=aead");
    for options in [bare(), Options::default()] {
        let read = decrypted_as(&mail::message(&headers, &encrypted(&content())), &options);
        let seen = text(&read);
        assert!(
            seen.contains("X-Mailseal-Source-Decrypted: v=1; integrity=aead\r\n"),
            "{seen}"
        );
        let ours = seen
            .to_ascii_lowercase()
            .matches("x-mailseal-decrypted:")
            .count();
        assert_eq!(
            ours,
            usize::from(options.provenance == ProvenancePlace::Header)
        );
        assert_eq!(codes(&read), [Finding::ProvenanceInSource]);
    }
    // In mail that is not encrypted nothing is touched.
    assert_eq!(
        kept(&mail::message(&headers, &content())),
        Kept::NotEncrypted
    );
}

#[test]
fn f11_line_ends_become_the_store_s_where_that_loses_nothing() {
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
fn f11_signed_content_keeps_the_form_that_was_signed() {
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
fn f18_nested_layers_go_as_a_whole() {
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

#[test]
fn f19_integrity_is_asked_for_on_demand() {
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
fn f20_what_can_t_be_decrypted_is_copied_with_its_reason() {
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
fn c01_parts_around_an_encrypted_part_are_left_alone() {
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
    // A multipart around it and nothing else is only a wrapper.
    let wrapped = mail::multipart("mixed", "w", &[&encrypted(&content())]);
    assert!(
        decrypted_as(&stored(&wrapped)[1], &bare())
            .bytes
            .ends_with(&content())
    );
}

#[test]
fn c02_several_encrypted_parts() {
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
fn c02_quoting_of_the_parts_beside_is_undone() {
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
fn f02_a_cms_file_gives_its_entity() {
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

/// The entity is the one that `openssl cms -decrypt` gives.
#[test]
fn f12_openssl_gives_the_same_entities() {
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
