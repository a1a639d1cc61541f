//! S/MIME as other programs wrote it and archives kept it: labels, transfer encodings, BER, mbox and Maildir variants.

use std::collections::BTreeMap;

use mailseal::asn1::{Reader, Tag, Writer};
use serde_json::Value;

use super::cms::{der, opaque, with_elements};
use super::{assert_record, findings, judged, mail, transfer};
use crate::program::{TEAM, base64, entity, sign, signed, signed_with};

/// Each of these is valid and has these findings, and no other of those named in any.
fn assert_valid(records: &BTreeMap<String, Value>, expected: &[(&str, &[&str])]) {
    for (name, codes) in expected {
        assert_record(&records[*name], "valid", codes);
        for other in expected.iter().flat_map(|(_, codes)| *codes) {
            let seen = findings(&records[*name]).contains(other);
            assert_eq!(
                seen,
                codes.contains(other),
                "{name}: {other}: {}",
                records[*name]
            );
        }
    }
}

#[test]
fn e_20_labels_that_say_little_or_something_else() {
    let text = entity("text");
    let opaque = sign(text.as_bytes(), false);
    let certificates = with_elements(&opaque, |elements| {
        elements[1] = der(0x31, &[]);
        elements[2] = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"]);
        elements[4] = der(0x31, &[]);
    });
    let as_type = |id: &str, media: &str, bytes: &[u8]| {
        mail(id, &format!("Content-Type: {media}\n{}", transfer(bytes)))
    };
    let records = judged(&[
        (
            "octet",
            as_type("1", "application/octet-stream; name=smime.p7m", &opaque),
        ),
        (
            "x-mime",
            as_type("2", "application/x-pkcs7-mime; name=\"smime.p7m\"", &opaque),
        ),
        ("no-type", as_type("3", "application/pkcs7-mime", &opaque)),
        (
            "disposition",
            mail(
                "4",
                &format!(
                    "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=SMIME.P7M\n{}",
                    transfer(&opaque)
                ),
            ),
        ),
        (
            "wrong",
            as_type(
                "5",
                "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
                &opaque,
            ),
        ),
        (
            "p7c",
            as_type(
                "6",
                "application/octet-stream; name=certs.p7c",
                &certificates,
            ),
        ),
        (
            "p7s",
            as_type("7", "application/octet-stream; name=certs.p7s", &opaque),
        ),
        (
            "declared-certs",
            as_type(
                "8",
                "application/pkcs7-mime; smime-type=certs-only",
                &certificates,
            ),
        ),
    ]);
    assert_valid(
        &records,
        &[
            ("x-mime", &[]),
            ("no-type", &[]),
            ("wrong", &["type_mismatch"]),
        ],
    );
    // RFC 8551 §3.9 lets them through by their names.
    for name in ["octet", "disposition"] {
        assert_record(&records[name], "valid", &[]);
    }
    assert_record(&records["p7c"], "certs_only", &["type_mismatch"]);
    assert_record(&records["declared-certs"], "certs_only", &[]);
    assert!(!findings(&records["declared-certs"]).contains(&"type_mismatch"));
    assert_record(&records["p7s"], "valid", &["type_mismatch"]);
}

#[test]
fn e_21_a_p7m_beside_a_disclaimer_or_in_a_wrapper() {
    let part = format!(
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n{}",
        transfer(&sign(entity("text").as_bytes(), false))
    );
    let disclaimer = "Content-Type: text/plain\n\nThis mail is confidential.\n";
    let mixed = |id: &str, parts: &[&str]| {
        let body: String = parts.iter().map(|part| format!("--m\n{part}\n")).collect();
        mail(
            id,
            &format!("Content-Type: multipart/mixed; boundary=m\n\n{body}--m--\n"),
        )
    };
    let whole = signed("inner", "text");
    let records = judged(&[
        ("behind", mixed("1", &[&part, disclaimer])),
        ("before", mixed("2", &[disclaimer, &part])),
        (
            "journal",
            mixed(
                "3",
                &[
                    disclaimer,
                    &format!("Content-Type: message/rfc822\n\n{whole}"),
                ],
            ),
        ),
    ]);
    for (name, path) in [("behind", "1"), ("before", "2")] {
        assert_record(&records[name], "partly_signed", &[]);
        let layer = &records[name]["layers"][0];
        assert_eq!(layer["path"], path, "{name}");
        assert_eq!(layer["signatures"][0]["coverage"], "subpart", "{name}");
        assert_eq!(layer["signatures"][0]["digest"], "match", "{name}");
    }
    assert_record(&records["journal"], "partly_signed", &[]);
    let layer = &records["journal"]["layers"][0];
    assert_eq!(layer["signatures"][0]["coverage"], "nested_message");
    assert_eq!(layer["message"]["message_id"], "<inner@example.com>");
}

#[test]
fn e_22_e_23_micalg_and_protocol_as_written() {
    let good = signed("1", "text");
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1).into_bytes()
    };
    let micalg = |to: &str| with("micalg=sha-256;", to);
    let protocol = |to: &str| with("protocol=\"application/pkcs7-signature\";", to);
    let records = judged(&[
        ("missing", micalg("")),
        ("wrong", micalg("micalg=md5;")),
        ("list", micalg("micalg=\"sha1,sha-256\";")),
        ("old", micalg("micalg=sha256;")),
        ("rsa", micalg("micalg=rsa-sha256;")),
        ("nonsense", micalg("micalg=\"\";")),
        ("no-protocol", protocol("")),
        (
            "other-protocol",
            protocol("protocol=\"application/pgp-signature\";"),
        ),
        (
            "x-protocol",
            protocol("protocol=\"application/x-pkcs7-signature\";"),
        ),
        (
            "x-part",
            with(
                "Content-Type: application/pkcs7-signature",
                "Content-Type: application/x-pkcs7-signature",
            ),
        ),
    ]);
    assert_valid(
        &records,
        &[
            ("missing", &["micalg_mismatch"]),
            ("wrong", &["micalg_mismatch"]),
            ("list", &[]),
            ("old", &[]),
            ("nonsense", &["micalg_mismatch"]),
            ("no-protocol", &["protocol_mismatch"]),
            ("other-protocol", &["protocol_mismatch"]),
            ("x-protocol", &[]),
            ("x-part", &[]),
        ],
    );
    assert_record(&records["rsa"], "valid", &[]);
}

#[test]
fn e_24_base64_that_is_not_as_it_should_be() {
    let cms = sign(entity(&"text ".repeat(15_000)).as_bytes(), false);
    let one_line = base64(&cms, usize::MAX);
    assert!(one_line.len() > 100_000);
    let lines = base64(&cms, 64);
    let part = |id: &str, body: &str| {
        mail(
            id,
            &format!(
                "Content-Type: application/pkcs7-mime; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n{body}"
            ),
        )
    };
    let every = |step: usize, what: &str| -> String {
        let text: Vec<char> = one_line.trim_end().chars().collect();
        text.chunks(step)
            .map(|chunk| chunk.iter().collect::<String>() + what)
            .collect()
    };
    // Octets whose number is no multiple of three have padding.
    let padded = match one_line.trim_end().ends_with('=') {
        true => cms.clone(),
        false => [&cms[..], b"\0"].concat(),
    };
    let unpadded = base64(&padded, 64).replace('=', "");
    let halves = cms.split_at(3 * 1000 + 1);
    let records = judged(&[
        ("regular", part("0", &lines)),
        ("one-line", part("1", &one_line)),
        ("short", part("2", &every(4, "\n"))),
        ("odd", part("3", &every(7, "\n"))),
        ("blanks", part("4", &every(10, " \t"))),
        ("blank-lines", part("5", &lines.replace('\n', "\n\n"))),
        ("unpadded", part("6", &unpadded)),
        ("junk", part("7", &every(5000, "!"))),
        (
            "stops",
            part(
                "8",
                &format!("{}{}", base64(halves.0, 64), base64(halves.1, 64)),
            ),
        ),
        (
            "armour",
            part(
                "9",
                &format!("-----BEGIN PKCS7-----\n{lines}-----END PKCS7-----\n"),
            ),
        ),
        (
            "footer",
            part("10", &format!("{lines}\n_______\nlist mailing list\n")),
        ),
        ("much-junk", part("11", &every(20, "!!!"))),
    ]);
    for name in [
        "regular",
        "one-line",
        "short",
        "odd",
        "blanks",
        "blank-lines",
        "unpadded",
        "junk",
        "stops",
        "armour",
        "footer",
    ] {
        assert_record(&records[name], "valid", &[]);
        assert_eq!(
            records[name]["content_sha256"],
            records["regular"]["content_sha256"]
        );
    }
    assert!(!findings(&records["regular"]).contains(&"base64_irregular"));
    for name in ["unpadded", "junk", "stops"] {
        assert_record(&records[name], "valid", &["base64_irregular"]);
    }
    assert!(
        findings(&records["much-junk"])
            .iter()
            .any(|code| matches!(*code, "transfer_malformed" | "base64_irregular")),
        "{}",
        records["much-junk"]
    );
}

#[test]
fn e_25_other_transfer_encodings() {
    let cms = sign(entity("text").as_bytes(), false);
    let part = |id: &str, encoding: &str, body: &[u8]| {
        let head = format!("Content-Type: application/pkcs7-mime; name=smime.p7m\n{encoding}\n");
        [&mail(id, &head)[..], body].concat()
    };
    let quoted: String = cms
        .iter()
        .enumerate()
        .map(|(n, octet)| format!("={octet:02X}{}", if n % 20 == 19 { "=\n" } else { "" }))
        .collect();
    let mut uu = String::from("begin 644 smime.p7m\n");
    for line in cms.chunks(45) {
        let encode = |value: u8| char::from(if value == 0 { b'`' } else { value + 32 });
        uu.push(encode(line.len() as u8));
        for group in line.chunks(3) {
            let octets = [
                group[0],
                *group.get(1).unwrap_or(&0),
                *group.get(2).unwrap_or(&0),
            ];
            for value in [
                octets[0] >> 2,
                (octets[0] & 3) << 4 | octets[1] >> 4,
                (octets[1] & 15) << 2 | octets[2] >> 6,
                octets[2] & 63,
            ] {
                uu.push(encode(value));
            }
        }
        uu.push('\n');
    }
    uu.push_str("`\nend\n");
    let records = judged(&[
        (
            "binary",
            part("1", "Content-Transfer-Encoding: binary\n", &cms),
        ),
        ("8bit", part("2", "Content-Transfer-Encoding: 8bit\n", &cms)),
        ("none", part("3", "", &cms)),
        (
            "quoted",
            part(
                "4",
                "Content-Transfer-Encoding: quoted-printable\n",
                quoted.as_bytes(),
            ),
        ),
        (
            "uuencode",
            part(
                "5",
                "Content-Transfer-Encoding: x-uuencode\n",
                uu.as_bytes(),
            ),
        ),
        (
            "not-base64",
            part("6", "Content-Transfer-Encoding: base64\n", &cms),
        ),
        ("undeclared", part("7", "", base64(&cms, 64).as_bytes())),
        (
            "unknown",
            part(
                "8",
                "Content-Transfer-Encoding: x-nonsense\n",
                base64(&cms, 64).as_bytes(),
            ),
        ),
    ]);
    for (name, record) in &records {
        assert_record(record, "valid", &[]);
        let other = matches!(name.as_str(), "not-base64" | "undeclared" | "unknown");
        assert_eq!(
            findings(record).contains(&"encoding_mismatch"),
            other,
            "{name}: {record}"
        );
    }
}

/// DER as BER: indefinite lengths, and octet strings of over ten octets in two pieces. Certificates stay as they are.
fn as_ber(der: &[u8], out: &mut Writer) {
    let mut reader = Reader::new(der);
    while let Ok(element) = reader.element() {
        if element.raw == TEAM.alice_der {
            out.raw(element.raw);
        } else if element.tag == Tag::OCTET_STRING && element.content.len() > 10 {
            let (a, b) = element.content.split_at(5);
            out.indefinite(element.tag.as_constructed(), |w| {
                w.octet_string(a);
                w.octet_string(b);
            });
        } else if element.raw[0] & 0x20 != 0 {
            out.indefinite(element.tag, |w| as_ber(element.content, w));
        } else {
            out.raw(element.raw);
        }
    }
}

#[test]
fn e_26_ber_and_attributes_in_another_order() {
    let text = entity("text");
    let ber = |cms: &[u8]| Writer::encode(|w| as_ber(cms, w));
    let (attached, detached) = (sign(text.as_bytes(), false), sign(text.as_bytes(), true));
    // [0] IMPLICIT of a SignerInfo: its attributes the other way round.
    let resorted = with_elements(&attached, |elements| {
        let mut signers = Reader::new(&elements[4])
            .expect(Tag::SET)
            .unwrap()
            .reader()
            .unwrap();
        let mut signer = signers.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
        let mut parts = Vec::new();
        while let Ok(part) = signer.element() {
            if part.raw[0] == 0xa0 {
                let mut attributes = Vec::new();
                let mut inside = Reader::new(part.content);
                while let Ok(attribute) = inside.element() {
                    attributes.push(attribute.raw);
                }
                assert!(attributes.len() >= 3);
                attributes.reverse();
                parts.push(der(0xa0, &attributes));
            } else {
                parts.push(part.raw.to_vec());
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        elements[4] = der(0x31, &[&der(0x30, &parts)]);
    });
    let records = judged(&[
        ("der", opaque("1", &attached)),
        ("ber", opaque("2", &ber(&attached))),
        (
            "ber-detached",
            signed_with("3", &text, &base64(&ber(&detached), 64)).into_bytes(),
        ),
        ("resorted", opaque("4", &resorted)),
    ]);
    assert_valid(
        &records,
        &[
            ("der", &[]),
            ("ber", &["ber"]),
            ("ber-detached", &["ber"]),
            ("resorted", &["attributes_resorted"]),
        ],
    );
}

#[test]
fn e_27_what_is_no_mail_or_no_x509_certificate() {
    let cms = sign(entity("text").as_bytes(), false);
    let content_type = |arc: u8| {
        let oid = [
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07".as_slice(),
            &[arc],
        ]
        .concat();
        with_elements(&cms, |elements| {
            elements[2] = der(0x30, &[&oid, &der(0xa0, &[&der(4, &[b"content"])])]);
        })
    };
    let certificates = |other: &[u8]| {
        with_elements(&cms, |elements| {
            elements[3] = der(0xa0, &[other, &TEAM.alice_der]);
        })
    };
    let records = judged(&[
        ("signed-in-signed", opaque("1", &content_type(2))),
        ("encrypted-data", opaque("2", &content_type(6))),
        ("unknown-content", opaque("3", &content_type(99))),
        (
            "attribute-v1",
            opaque("4", &certificates(&der(0xa1, &[b"\x02\x01\x01"]))),
        ),
        (
            "attribute-v2",
            opaque("5", &certificates(&der(0xa2, &[b"\x02\x01\x01"]))),
        ),
        (
            "other",
            opaque(
                "6",
                &certificates(&der(0xa3, &[b"\x06\x03\x2a\x03\x04\x05\x00"])),
            ),
        ),
        (
            "extended",
            opaque("7", &certificates(&der(0xa0, &[b"\x02\x01\x01"]))),
        ),
    ]);
    for name in ["signed-in-signed", "encrypted-data", "unknown-content"] {
        assert_ne!(records[name]["status"], "valid", "{name}");
        assert!(records[name]["layers"][0]["kind"].is_string(), "{name}");
    }
    for name in ["attribute-v1", "attribute-v2", "other", "extended"] {
        assert_record(&records[name], "valid", &["other_certificates"]);
    }
}
