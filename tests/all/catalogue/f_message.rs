//! Rows F-02 to F-04 and F-06 to F-08: the header of a decrypted message.

use std::sync::Arc;

use mailseal::crypto::content_cipher::CipherAlgorithm::Aes128Cbc;
use mailseal::crypto::digest::sha256;
use mailseal::facts::axis::Signature;
use mailseal::facts::finding::Finding;
use mailseal::jobs::migrate::authorities::Authorities;
use mailseal::jobs::migrate::message::{Kept, Options, ProvenancePlace};

use crate::catalogue::a_axes::{content, from_alice};
use crate::catalogue::migrated::{
    INNER, bare, clear_signed, codes, decrypted, decrypted_as, encrypted, facts, kept,
    opaque_signed, partial, protecting, stored, text,
};
use crate::toolkit::certificates::{Holder, Party, Wanted};
use crate::toolkit::cms::signed_by;
use crate::toolkit::enveloped::{Encrypt, To};
use crate::toolkit::mail::{self, Headers};
use crate::toolkit::people::{self, alice, bob, carol};

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
fn f_02_the_outer_header_stays_byte_for_byte() {
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
fn f_02_odd_headers_survive() {
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
fn f_03_an_entity_without_a_type_is_text_and_nothing_outside_survives() {
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

fn outside(subject: &str) -> Headers {
    from_alice().set("Subject", subject)
}

#[test]
fn f_04_protected_fields_are_restored_and_the_placeholder_is_kept() {
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
            assert_eq!(codes(&read), [Finding::InnerFieldsRestored]);
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
fn f_04_the_wrapped_form_is_unwrapped() {
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
    // Not opened on demand, and then nothing of it stands twice.
    let keep = Options {
        keep_outer_headers: true,
        ..bare()
    };
    let wrapper = wrap(&inner(same), "message/rfc822; forwarded=no");
    let seen = text(&decrypted_as(&outer(&wrapper), &keep));
    assert!(
        seen.contains("message/rfc822") && !seen.contains("X-Mailseal"),
        "{seen}"
    );
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
fn f_04_another_sender_inside_is_not_believed() {
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
    assert_eq!(
        codes(&unsigned),
        [Finding::InnerFromDiffers, Finding::InnerFieldsRestored]
    );
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
        assert_eq!(codes(&other)[0], Finding::InnerFromDiffers);
        assert!(!codes(&other).contains(&Finding::InnerFromRestored));
    }
    // Bob's signature is over Bob's name, in both forms: worth something where Bob's authority is trusted.
    let trusting = |anchor: &Holder| Options {
        authorities: Some(Arc::new(Authorities {
            anchors: vec![anchor.certificate.clone()],
            certificates: Vec::new(),
            now: people::now(),
        })),
        ..bare()
    };
    let as_trusting = |entity: &[u8], options: &Options| {
        decrypted_as(&mail::message(&outside("..."), &encrypted(entity)), options)
    };
    let entity = hp("From: Bob <bob@example.com>\r\nSubject: Mine\r\n");
    let own = Holder::root(
        Party::new("Bob", "p256-2"),
        &Wanted::mail(7, "bob@example.com"),
    );
    for (signed, options) in [
        (clear_signed(&entity, bob()), bare()),
        (clear_signed(&entity, bob()), trusting(people::stranger())),
        (clear_signed(&entity, &own), trusting(people::root())),
    ] {
        let other = as_trusting(&signed, &options);
        assert!(text(&other).starts_with("From: Alice <alice@example.com>\r\n"));
        assert_eq!(
            codes(&other),
            [Finding::InnerFromDiffers, Finding::InnerFieldsRestored]
        );
    }
    for signed in [clear_signed(&entity, bob()), opaque_signed(&entity, bob())] {
        let covered = as_trusting(&signed, &trusting(people::root()));
        let seen = text(&covered);
        assert!(
            seen.starts_with("From: Bob <bob@example.com>\r\nX-Mailseal-Outer-From: Alice <alice@example.com>\r\n"),
            "{seen}"
        );
        assert_eq!(codes(&covered), [Finding::InnerFromRestored]);
    }
    // The same mailbox with another name: the outer bytes stay, and nothing is to be warned of.
    let same = read(&hp("From: \"The Boss\" <alice@EXAMPLE.com>\r\n"));
    assert!(text(&same).starts_with("From: Alice <alice@example.com>\r\n"));
    assert_eq!(codes(&same), []);
}

/// What a header inside has beside fields is kept, and told; so is what stands in the header of a layer that is gone.
#[test]
fn f_04_no_line_of_a_header_inside_is_lost() {
    let stray = b"Content-Type: text/plain\r\nthis line is none\r\n\tand goes on\r\nX-A: b\r\n\r\nsecret\r\n";
    for message in stored(&encrypted(stray)) {
        let read = decrypted_as(&message, &bare());
        let seen = String::from_utf8_lossy(&mail::lf(&read.bytes)).into_owned();
        let kept =
            "\nX-Mailseal-Not-A-Field: this line is none\n\tand goes on\nX-Mailseal-Inner-X-A: b\n";
        assert!(seen.contains(kept), "{seen}");
        assert_eq!(codes(&read), [Finding::InnerLineNoField]);
    }
    // Under a signature it stands where it stood; around one it does not.
    let read = decrypted_as(
        &stored(&encrypted(&clear_signed(stray, alice())))[1],
        &bare(),
    );
    assert!(!text(&read).contains("Not-A-Field"));
    assert_eq!(codes(&read), []);
    let around = [&b"no field\r\n"[..], &clear_signed(stray, alice())].concat();
    let read = decrypted_as(&stored(&encrypted(&around))[1], &bare());
    assert!(text(&read).contains("\r\nX-Mailseal-Not-A-Field: no field\r\n"));
    assert_eq!(codes(&read), [Finding::InnerLineNoField]);
    // A layer between two others, a multipart around one, and a wrapper have headers as well.
    let middle = [&b"X-Middle: m\r\nno field\r\n"[..], &encrypted(stray)].concat();
    let read = decrypted_as(&stored(&encrypted(&middle))[1], &bare());
    let seen = text(&read);
    for line in [
        "Inner-X-Middle: m",
        "Not-A-Field: no field",
        "Not-A-Field: this line is none",
    ] {
        assert!(
            seen.contains(&format!("\r\nX-Mailseal-{line}\r\n")),
            "{seen}"
        );
    }
    let part = [&b"X-Part: p\r\n"[..], &encrypted(&content())].concat();
    let read = decrypted_as(
        &stored(&mail::multipart("mixed", "w", &[&part]))[1],
        &bare(),
    );
    assert!(text(&read).contains("\r\nX-Mailseal-Inner-X-Part: p\r\n"));
    let inner = mail::message(&outside("..."), &mail::text("wrapped\n"));
    let wrapper = mail::entity("message/rfc822; forwarded=no", &inner);
    let wrapper = [&b"X-Wrapper: w\r\n"[..], &wrapper].concat();
    for keep_outer_headers in [false, true] {
        let options = Options {
            keep_outer_headers,
            ..bare()
        };
        let read = decrypted_as(
            &mail::message(&outside("..."), &encrypted(&wrapper)),
            &options,
        );
        assert_eq!(
            text(&read).matches("X-Wrapper: w\r\n").count(),
            1,
            "{}",
            text(&read)
        );
        assert!(text(&read).contains("\r\nX-Mailseal-Inner-X-Wrapper: w\r\n"));
    }
    // A part that is replaced by itself has its own header.
    let beside = mail::multipart("mixed", "p", &[&content(), &encrypted(&middle)]);
    let read = decrypted_as(&stored(&beside)[1], &partial());
    let seen = text(&read);
    assert!(
        seen.contains("\r\nX-Mailseal-Inner-X-Middle: m\r\n"),
        "{seen}"
    );
    assert!(
        seen.contains("\r\nX-Mailseal-Not-A-Field: this line is none\r\n"),
        "{seen}"
    );
    assert_eq!(codes(&read), [Finding::InnerLineNoField]);
}

/// Anyone can encrypt to a victim with fields of his choice: what no proven signature is over is named.
#[test]
fn f_04_fields_that_nobody_vouches_for_are_named() {
    let fields = "From: Bob <bob@example.com>\r\nReply-To: x@evil.example\r\nTo: y@evil.example\r\n\
        Date: Mon, 1 Jan 2001 00:00:00 +0000\r\nSubject: Pay\r\n";
    let inner =
        format!("{fields}Content-Type: text/plain; hp=\"cipher\"\r\n\r\npay\r\n").into_bytes();
    let of = |entity: &[u8], options: &Options| {
        let read = decrypted_as(&mail::message(&outside("..."), &encrypted(entity)), options);
        let found = read.findings.iter();
        let found = found.filter(|one| one.code == Finding::InnerFieldsRestored);
        found.map(|one| one.place.clone()).collect::<Vec<_>>()
    };
    let all = ["date", "reply-to", "subject", "to"];
    assert_eq!(of(&inner, &bare()), all);
    assert_eq!(of(&clear_signed(&inner, bob()), &bare()), all);
    let trusting = Options {
        authorities: Some(Arc::new(Authorities {
            anchors: vec![people::root().certificate.clone()],
            certificates: Vec::new(),
            now: people::now(),
        })),
        ..bare()
    };
    assert_eq!(of(&inner, &trusting), all);
    assert_eq!(of(&clear_signed(&inner, alice()), &trusting), all);
    assert!(of(&clear_signed(&inner, bob()), &trusting).is_empty());
    let keep = Options {
        keep_outer_headers: true,
        ..bare()
    };
    assert!(of(&inner, &keep).is_empty());
}

#[test]
fn f_06_fields_of_threads_and_routes_are_unchanged() {
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
fn f_08_one_field_says_what_was_done_and_only_once() {
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
