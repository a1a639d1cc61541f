//! CMS that is damaged, overlong or made to cost: it is `damaged` or what it says, and the run goes on.

use mailseal::asn1::oid;
use mailseal::asn1::{Reader, Tag, Writer};

use super::{assert_record, judged};
use crate::pki::authority::{Party, Wanted};
use crate::program::{TEAM, entity, pkcs7_mime, sign, signed_with};

const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const COMPRESSED_DATA: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09";
const ZLIB: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08";
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const SHA256: &[u8] = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const AES_CBC: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
const NOBODY: &[u8] = b"\x30\x05\x30\x00\x02\x01\x01";

pub(super) fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match length {
        0..128 => out.push(length as u8),
        _ => {
            let octets: Vec<u8> = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|octet| *octet == 0)
                .collect();
            out.push(0x80 | octets.len() as u8);
            out.extend(octets);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn info(content_type: &[u8], content: &[u8]) -> Vec<u8> {
    der(0x30, &[content_type, &der(0xa0, &[content])])
}

/// A SignedData without content from its digest algorithms, certificates, CRLs and signers.
fn signed_data(algorithms: &[u8], certificates: &[u8], crls: &[u8], signers: &[u8]) -> Vec<u8> {
    let optional = |tag, content: &[u8]| match content.is_empty() {
        true => Vec::new(),
        false => der(tag, &[content]),
    };
    let data = der(
        0x30,
        &[
            b"\x02\x01\x01",
            &der(0x31, &[algorithms]),
            &der(0x30, &[DATA]),
            &optional(0xa0, certificates),
            &optional(0xa1, crls),
            &der(0x31, &[signers]),
        ],
    );
    info(SIGNED_DATA, &data)
}

pub(super) fn opaque(id: &str, bytes: &[u8]) -> Vec<u8> {
    pkcs7_mime(id, "signed-data", bytes).into_bytes()
}

#[test]
fn d_06_more_elements_than_anybody_needs() {
    let certificate = &TEAM.root_der[..];
    let signer = der(
        0x30,
        &[
            b"\x02\x01\x01",
            NOBODY,
            SHA256,
            SHA256,
            &der(4, &[&[7; 32]]),
        ],
    );
    let recipient = der(0x30, &[b"\x02\x01\x00", NOBODY, RSA, &der(4, &[&[7; 256]])]);
    let enveloped = |number: usize| {
        let content = der(
            0x30,
            &[
                DATA,
                &der(0x30, &[AES_CBC, &der(4, &[&[1; 16]])]),
                &der(0x80, &[&[2; 64]]),
            ],
        );
        let data = der(
            0x30,
            &[
                b"\x02\x01\x00",
                &der(0x31, &[&recipient.repeat(number)]),
                &content,
            ],
        );
        pkcs7_mime("e", "enveloped-data", &info(ENVELOPED_DATA, &data)).into_bytes()
    };
    let attributes = |number: usize| {
        let one = der(0x30, &[b"\x06\x03\x2a\x03\x04", &der(0x31, &[b"\x05\x00"])]);
        let all = der(0xa0, &[&one.repeat(number)]);
        der(
            0x30,
            &[
                b"\x02\x01\x01",
                NOBODY,
                SHA256,
                &all,
                SHA256,
                &der(4, &[&[7; 32]]),
            ],
        )
    };
    let records = judged(&[
        (
            "certificates",
            opaque(
                "1",
                &signed_data(SHA256, &certificate.repeat(100_000), b"", b""),
            ),
        ),
        (
            "thousand",
            opaque(
                "2",
                &signed_data(SHA256, &certificate.repeat(1000), b"", b""),
            ),
        ),
        (
            "signers",
            opaque("3", &signed_data(SHA256, b"", b"", &signer.repeat(100_000))),
        ),
        (
            "crls",
            opaque(
                "4",
                &signed_data(SHA256, b"", &der(0x30, &[b""]).repeat(100_000), b""),
            ),
        ),
        (
            "algorithms",
            opaque("5", &signed_data(&SHA256.repeat(100_000), b"", b"", b"")),
        ),
        ("recipients", enveloped(100_000)),
        ("five-thousand", enveloped(5000)),
        (
            "attributes",
            opaque("6", &signed_data(SHA256, b"", b"", &attributes(100_000))),
        ),
    ]);
    for name in [
        "certificates",
        "signers",
        "crls",
        "recipients",
        "attributes",
    ] {
        assert_record(&records[name], "damaged", &["too_many_elements"]);
        assert_eq!(records[name]["layers"][0]["structure"], "malformed");
    }
    assert_record(&records["thousand"], "certs_only", &[]);
    assert_eq!(
        records["thousand"]["certificates"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_record(&records["algorithms"], "no_signers", &[]);
    assert_record(&records["five-thousand"], "no_key", &[]);
}

#[test]
fn d_05_compressed_content_stops_at_its_bound() {
    let bomb = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..40 {
            std::io::Write::write_all(&mut encoder, &[0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let compressed = |content: &[u8]| {
        let content = der(0x30, &[DATA, &der(0xa0, &[&der(4, &[content])])]);
        info(
            COMPRESSED_DATA,
            &der(0x30, &[b"\x02\x01\x00", &der(0x30, &[ZLIB]), &content]),
        )
    };
    let mail = |id, der: &[u8]| pkcs7_mime(id, "compressed-data", der).into_bytes();
    let mut nested = entity("text").into_bytes();
    for _ in 0..40 {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        let part = mail("n", &compressed(&nested));
        std::io::Write::write_all(&mut encoder, &part).unwrap();
        nested = encoder.finish().unwrap();
    }
    let records = judged(&[
        ("bomb", mail("1", &compressed(&bomb))),
        ("nested", mail("2", &compressed(&nested))),
    ]);
    assert_record(&records["bomb"], "unsupported", &["decompression_limit"]);
    assert_record(&records["nested"], "unsupported", &["too_many_layers"]);
}

#[test]
fn d_08_ber_that_nests_or_lies_about_its_length() {
    let start = [b"\x30\x80", SIGNED_DATA, b"\xa0\x80"].concat();
    let until_content = [
        &start[..],
        b"\x30\x80\x02\x01\x01\x31\x00\x30\x80",
        DATA,
        b"\xa0\x80",
    ]
    .concat();
    let deep = [&start[..], &b"\x30\x80".repeat(100_000)].concat();
    let chunks = [
        &until_content[..],
        &b"\x24\x80".repeat(100_000),
        &b"\0\0".repeat(100_000),
    ]
    .concat();
    let records = judged(&[
        ("deep", opaque("1", &deep)),
        ("chunks", opaque("2", &chunks)),
        (
            "length",
            opaque(
                "3",
                &[b"\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff", SIGNED_DATA].concat(),
            ),
        ),
        (
            "length-2-63",
            opaque(
                "4",
                &[b"\x30\x80", SIGNED_DATA, b"\xa0\x88\x80\0\0\0\0\0\0\0x"].concat(),
            ),
        ),
        (
            "length-of-length",
            opaque("5", &[&b"\x30\xff"[..], &[0xff; 127]].concat()),
        ),
        (
            "tag",
            opaque("6", &[&b"\x3f"[..], &[0xff; 1000], b"\x01\x00"].concat()),
        ),
        ("nothing", opaque("7", b"")),
        ("no-end", opaque("8", &until_content)),
    ]);
    for (name, record) in &records {
        match name.as_str() {
            "zz-good" => {}
            "deep" | "chunks" => assert_record(record, "damaged", &["cms_too_deep"]),
            _ => assert_record(record, "damaged", &[]),
        }
    }
}

#[test]
fn d_09_bytes_behind_the_cms_are_told_and_not_looked_at() {
    let good = sign(entity("text").as_bytes(), false);
    let other = sign(entity("other").as_bytes(), false);
    let records = judged(&[
        ("trailing", opaque("1", &[&good[..], b"trailing"].concat())),
        ("two", opaque("2", &[&good[..], &other].concat())),
        ("zeros", opaque("3", &[&good[..], &[0; 3000]].concat())),
        ("good", opaque("4", &good)),
    ]);
    for name in ["trailing", "two", "zeros"] {
        assert_record(&records[name], "valid", &["trailing_data"]);
        assert_eq!(
            records[name]["content_sha256"],
            records["good"]["content_sha256"]
        );
    }
    assert!(!super::findings(&records["good"]).contains(&"trailing_data"));
}

#[test]
fn truncated_der_and_base64_and_a_p7s_without_signer() {
    let entity = entity("text");
    let detached = sign(entity.as_bytes(), true);
    let text = crate::program::base64(&detached, 64);
    let certificates = signed_data(SHA256, &TEAM.alice_der, b"", b"");
    let records = judged(&[
        (
            "der",
            signed_with(
                "1",
                &entity,
                &crate::program::base64(&detached[..detached.len() / 2], 64),
            )
            .into_bytes(),
        ),
        (
            "base64",
            signed_with("2", &entity, &text[..text.len() / 2]).into_bytes(),
        ),
        ("empty", signed_with("3", &entity, "").into_bytes()),
        (
            "no-signer",
            signed_with("4", &entity, &crate::program::base64(&certificates, 64)).into_bytes(),
        ),
        (
            "der-opaque",
            opaque("5", &sign(entity.as_bytes(), false)[..400]),
        ),
    ]);
    for name in ["der", "base64", "empty", "der-opaque"] {
        assert_record(&records[name], "damaged", &[]);
        assert!(records[name]["layers"][0]["structure"] == "malformed");
    }
    assert_record(&records["no-signer"], "no_signers", &[]);
}

/// SubjectPublicKeyInfo of an RSA key.
fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(RSA);
            let key = der(0x30, &[&der(2, &[b"\0", modulus]), &der(2, &[exponent])]);
            w.bit_string(&key);
        });
    })
}

/// A SignedData with one signer whose certificate this is, and a signature that is noise.
fn signed_by(certificate: &[u8], serial: u8, signature_bytes: usize) -> Vec<u8> {
    let name = der(0x30, &[&TEAM.root.name, &der(2, &[&[serial]])]);
    let digest_info = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
    let signature = der(4, &[&vec![9; signature_bytes]]);
    let signer = der(
        0x30,
        &[b"\x02\x01\x01", &name, SHA256, digest_info, &signature],
    );
    let content = der(
        0x30,
        &[
            DATA,
            &der(0xa0, &[&der(4, &[b"Content-Type: text/plain\r\n\r\nx"])]),
        ],
    );
    let data = der(
        0x30,
        &[
            b"\x02\x01\x01",
            &der(0x31, &[SHA256]),
            &content,
            &der(0xa0, &[certificate]),
            &der(0x31, &[&signer]),
        ],
    );
    info(SIGNED_DATA, &data)
}

#[test]
fn d_10_keys_that_would_cost_or_can_not_be_are_not_used() {
    let party = Party::new("Odd");
    let certificate = |serial: u8, spki: Vec<u8>| {
        let mut wanted = Wanted::signer(&party, u64::from(serial), "odd@example.com");
        wanted.spki = spki;
        wanted.days(0, 10_000).by(&TEAM.root)
    };
    let large = vec![0xc5; 2500];
    let long_exponent = [vec![0x40], vec![1; 20]].concat();
    let mails: Vec<(&str, Vec<u8>)> = [
        ("modulus", 10, large.clone(), vec![1, 0, 1]),
        ("exponent", 11, vec![0xc5; 512], long_exponent),
        ("even", 12, vec![0xc5; 256], vec![1, 0, 0]),
        ("one", 13, vec![0xc5; 256], vec![1]),
        ("nothing", 14, vec![], vec![3]),
    ]
    .into_iter()
    .map(|(name, serial, modulus, exponent)| {
        let certificate = certificate(serial, rsa_key(&modulus, &exponent));
        (
            name,
            opaque(name, &signed_by(&certificate, serial, modulus.len())),
        )
    })
    .collect();
    let explicit = {
        let mut group =
            openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
        group.set_asn1_flag(openssl::ec::Asn1Flag::EXPLICIT_CURVE);
        let key = openssl::ec::EcKey::generate(&group).unwrap();
        certificate(
            15,
            openssl::pkey::PKey::from_ec_key(key)
                .unwrap()
                .public_key_to_der()
                .unwrap(),
        )
    };
    let mails = [
        mails,
        vec![(
            "explicit",
            opaque("explicit", &signed_by(&explicit, 15, 64)),
        )],
    ]
    .concat();
    let records = judged(&mails);
    for (name, _) in &mails {
        let record = &records[*name];
        let signature = &record["layers"][0]["signatures"][0];
        assert_ne!(signature["signature"], "valid", "{name}: {record}");
        assert_ne!(record["status"], "valid", "{name}");
        assert!(
            *name == "nothing" || super::findings(record).contains(&"key_out_of_policy"),
            "{name}: {record}"
        );
    }
}

#[test]
fn d_15_a_malformed_certificate_beside_a_good_one_is_kept() {
    let good = sign(entity("text").as_bytes(), false);
    // The good one is Alice's; others are put before it.
    let with = |other: &[u8]| {
        with_elements(&good, |elements| {
            elements[3] = der(0xa0, &[other, &TEAM.alice_der]);
        })
    };
    let party = Party::new("T\u{f6}");
    let named = |tag: Tag, bytes: &[u8]| {
        let mut wanted = Wanted::new(&party, 5);
        wanted.subject = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid::COMMON_NAME);
                        w.primitive(tag, bytes);
                    });
                });
            });
        });
        wanted.by(&TEAM.root)
    };
    let negative = {
        let mut der = Wanted::new(&party, 0x7f).by(&TEAM.root);
        let serial = memchr::memmem::find(&der, b"\x02\x01\x7f").unwrap();
        der[serial + 2] = 0xff;
        der
    };
    let records = judged(&[
        ("negative", opaque("1", &with(&negative))),
        (
            "zero",
            opaque("2", &with(&Wanted::new(&party, 0).by(&TEAM.root))),
        ),
        (
            "teletex",
            opaque("3", &with(&named(Tag::universal(20), b"T\xf6"))),
        ),
        (
            "bmp",
            opaque("4", &with(&named(Tag::universal(30), b"\x00T\x00\xf6"))),
        ),
        (
            "universal",
            opaque("5", &with(&named(Tag::universal(28), b"\0\0\0T\0\0\0\xf6"))),
        ),
        (
            "utf8",
            opaque("6", &with(&named(Tag::UTF8_STRING, b"T\xff\xfe"))),
        ),
        ("empty", opaque("7", &with(b"\x30\x00"))),
        (
            "cut",
            opaque("8", &with(&der(0x30, &[&TEAM.root_der[4..200]]))),
        ),
    ]);
    for (name, record) in &records {
        if name == "zz-good" {
            continue;
        }
        assert_record(record, "valid", &[]);
        let malformed = super::findings(record).contains(&"certificate_malformed");
        assert_eq!(
            malformed,
            matches!(name.as_str(), "empty" | "cut"),
            "{name}: {record}"
        );
        assert_eq!(
            record["certificates"].as_array().unwrap().len(),
            2,
            "{name}: {record}"
        );
    }
}

/// A ContentInfo with SignedData whose elements (version, algorithms, content, certificates, signers) are changed.
pub(super) fn with_elements(cms: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut outer = Reader::new(cms)
        .expect(Tag::SEQUENCE)
        .unwrap()
        .reader()
        .unwrap();
    outer.oid().unwrap();
    let mut explicit = outer.element().unwrap().reader().unwrap();
    let mut data = explicit.expect(Tag::SEQUENCE).unwrap().reader().unwrap();
    let mut elements = Vec::new();
    while let Ok(element) = data.element() {
        elements.push(element.raw.to_vec());
    }
    assert_eq!(elements.len(), 5, "no certificates, or CRLs");
    change(&mut elements);
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    info(SIGNED_DATA, &der(0x30, &parts))
}
