//! Rows I-01 and I-02: every certificate that mail carries, each once, as it was carried.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailseal::asn1::Reader;
use mailseal::asn1::Tag;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::Form;
use mailseal::cms::build::content_info;
use mailseal::crypto::content_cipher::CipherAlgorithm;
use mailseal::crypto::digest::sha256;
use mailseal::pki::keyring::pem;
use mailseal::pki::x509::Certificate;

use crate::catalogue::a_axes::clear_signed;
use crate::catalogue::a_axes::content;
use crate::catalogue::a_axes::from_alice;
use crate::catalogue::audit::Audit;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::certs_only;
use crate::toolkit::enveloped::Encrypt;
use crate::toolkit::enveloped::To;
use crate::toolkit::enveloped::compressed;
use crate::toolkit::mail;
use crate::toolkit::people;
use crate::toolkit::people::alice;
use crate::toolkit::people::bob;
use crate::toolkit::people::carol;

type Rows = Vec<BTreeMap<String, String>>;

/// `certificates.csv` and `certificates.pem` of an audit.
fn harvest(audit: &Audit<'_>) -> (Rows, String) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    mail::emls(&archive, &audit.messages);
    let report = audit.report(&[archive], &folder.path().join("report"), 2);
    (
        rows(&report.join("certificates.csv")),
        fs::read_to_string(report.join("certificates.pem")).unwrap(),
    )
}

fn rows(path: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn digests(certificates: &[&[u8]]) -> BTreeSet<String> {
    certificates.iter().map(|der| hex(&sha256(der))).collect()
}

fn found(rows: &Rows) -> BTreeSet<String> {
    rows.iter().map(|row| row["sha256"].clone()).collect()
}

fn lone(local_part: &str, serial: u64) -> Holder {
    let mut holder = people::person(local_part, serial, "p256-2");
    holder.chain.clear();
    holder
}

#[test]
fn i_01_every_place_where_certificates_are() {
    let text = content();
    let sign = || Sign::by(alice()).at(people::sent());
    let (inner, attached, nested, enclosed) = (
        lone("inner", 2001),
        lone("attached", 2002),
        lone("nested", 2003),
        lone("enclosed", 2004),
    );
    let authority = &people::authority().certificate;
    let (countersigner, tsa) = (lone("counter", 2005), people::timestamp_authority());
    let wrap = |kind: &str, cms: &[u8]| mail::message(&from_alice(), &mail::pkcs7_mime(kind, cms));
    let signed = clear_signed(&Signed::detached(&text).signer(sign()).encode());
    let countersigned = clear_signed(
        &Signed::detached(&text)
            .bare_signer(sign().countersigned_by(&countersigner))
            .certificate(&countersigner.certificate)
            .encode(),
    );
    let stamped = clear_signed(
        &Signed::detached(&text)
            .bare_signer(sign().timestamped_by(tsa, people::sent()))
            .encode(),
    );
    let only = wrap("certs-only", &certs_only(&[bob().certificate.clone()]));
    let encrypted_by = Encrypt {
        originator_certificates: vec![&enclosed.certificate],
        ..Encrypt::new(&text, CipherAlgorithm::Aes256Cbc)
    };
    let originator = wrap("enveloped-data", &encrypted_by.to(To::new(bob())).encode());
    let within = mail::pkcs7_mime(
        "compressed-data",
        &compressed(
            &mail::pkcs7_mime("certs-only", &certs_only(&[inner.certificate.clone()])),
            Form::Der,
        ),
    );
    let decrypted = wrap(
        "enveloped-data",
        &Encrypt::new(&within, CipherAlgorithm::Aes256Gcm)
            .to(To::new(carol()))
            .encode(),
    );
    let file = mail::pkcs7_mime_as(
        "application/octet-stream; name=\"certs.p7b\"",
        &mail::base64_lines(&certs_only(&[attached.certificate.clone()]), 64),
    );
    let file = mail::message(
        &from_alice(),
        &mail::multipart("mixed", "files", &[&text, &file]),
    );
    let forwarded = wrap("certs-only", &certs_only(&[nested.certificate.clone()]));
    let forwarded = mail::message(&from_alice(), &mail::forwarded(&forwarded));
    // What is not carried does not count: keys, anchors, what was given, recipients.
    let messages = [
        signed,
        countersigned,
        stamped,
        only,
        originator,
        decrypted,
        file,
        forwarded,
    ];
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let given = lone("given", 2006);
    let audit = Audit::of(&messages)
        .key(carol())
        .certificate(&given.certificate);
    let (rows, _) = harvest(&audit);
    let expected = digests(&[
        &alice().certificate,
        authority,
        &countersigner.certificate,
        &tsa.certificate,
        &bob().certificate,
        &enclosed.certificate,
        &inner.certificate,
        &attached.certificate,
        &nested.certificate,
    ]);
    assert_eq!(found(&rows), expected);
    let roles = |der: &[u8]| {
        let digest = hex(&sha256(der));
        let row = rows.iter().find(|row| row["sha256"] == digest).unwrap();
        row["roles"].clone()
    };
    assert_eq!(roles(&alice().certificate), "signer carried");
    assert_eq!(roles(&tsa.certificate), "carried timestamp");
    assert_eq!(roles(&inner.certificate), "carried");
    assert_eq!(roles(authority), "chain carried");
    // Without the key nothing inside is seen.
    let (rows, _) = harvest(&Audit::of(&messages));
    let mut less = expected;
    less.remove(&hex(&sha256(&inner.certificate)));
    assert_eq!(found(&rows), less);
}

#[test]
fn i_02_each_certificate_once_and_as_carried() {
    let certificate = &alice().certificate;
    let variant = long_form(certificate);
    assert_ne!(&variant, certificate);
    let one = Certificate::read(certificate).unwrap();
    let two = Certificate::read(&variant).unwrap();
    assert_eq!(one.tbs, two.tbs);
    let carry = |certificates: &[Vec<u8>]| {
        mail::message(
            &from_alice(),
            &mail::pkcs7_mime("certs-only", &certs_only(certificates)),
        )
    };
    let messages = [
        carry(&[certificate.clone(), certificate.clone()]),
        carry(std::slice::from_ref(certificate)),
        carry(std::slice::from_ref(&variant)),
    ];
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let (rows, bundle) = harvest(&Audit::of(&messages));
    assert_eq!(found(&rows), digests(&[certificate, &variant]));
    let row = |der: &[u8]| {
        let digest = hex(&sha256(der));
        rows.iter().find(|row| row["sha256"] == digest).unwrap()
    };
    assert_eq!(row(certificate)["messages"], "2");
    assert_eq!(row(&variant)["messages"], "1");
    for column in ["spki_sha256", "serial", "issuer", "subject"] {
        assert_eq!(row(certificate)[column], row(&variant)[column]);
    }
    // Sorted, and byte by byte what was carried.
    let order: Vec<&String> = rows.iter().map(|row| &row["sha256"]).collect();
    assert!(order.is_sorted());
    let exported: Vec<Vec<u8>> = pem::blocks(bundle.as_bytes())
        .map(|block| block.unwrap().bytes.to_vec())
        .collect();
    let exported: Vec<&[u8]> = exported.iter().map(Vec::as_slice).collect();
    assert_eq!(digests(&exported), digests(&[certificate, &variant]));
}

#[test]
fn i_01_the_originator_of_authenticated_data() {
    let holder = lone("enclosed", 2010);
    let algorithm = |w: &mut Writer| w.algorithm(oid::HMAC_SHA256, None);
    let cms = content_info(oid::AUTHENTICATED_DATA, Form::Der, |w| {
        w.sequence(|w| {
            w.small_integer(1);
            w.constructed(Tag::context_constructed(0), |w| {
                w.constructed(Tag::context_constructed(0), |w| w.raw(&holder.certificate));
            });
            w.set_of(Vec::new());
            algorithm(w);
            w.sequence(|w| w.oid(oid::DATA));
            w.octet_string(&[7; 32]);
        });
    });
    let message = mail::message(&from_alice(), &mail::pkcs7_mime("authenticated-data", &cms));
    let audit = Audit::of(&[&message]);
    let record = audit.record();
    assert_eq!(
        (record.status(), record.layers()),
        ("unsupported", vec!["1 authenticated".to_owned()])
    );
    let (rows, _) = harvest(&audit);
    assert_eq!(found(&rows), digests(&[&holder.certificate]));
}

/// The certificate with its outer length in one octet more than DER allows.
fn long_form(der: &[u8]) -> Vec<u8> {
    let element = Reader::new(der).element().unwrap();
    let content = element.content;
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut out = vec![0x30, 0x84];
    out.extend_from_slice(&length);
    out.extend_from_slice(content);
    out
}
