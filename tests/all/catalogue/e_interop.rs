//! Rows E-20 to E-27: labels, encodings and structures as programs really wrote them.

use mailseal::asn1::oid;
use mailseal::cms::build::Content;

use crate::catalogue::audit::Record;
use crate::catalogue::audit::audit_one;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::signed_by;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::alice;

fn content() -> Vec<u8> {
    mail::text("The minutes of Monday.\n")
}

fn from_alice(entity: &[u8]) -> Vec<u8> {
    let headers = Headers::new("Alice <alice@example.com>", "Minutes", SENT_DATE);
    mail::message(&headers, entity)
}

fn opaque() -> Vec<u8> {
    Signed::opaque(&content())
        .signer(Sign::by(alice()))
        .encode()
}

fn detached() -> Vec<u8> {
    signed_by(alice(), &content(), people::sent())
}

fn part(content_type: &str, encoding: &str, body: &[u8]) -> Record {
    let head =
        format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    audit_one(&from_alice(&[head.as_bytes(), body].concat()))
}

fn is_valid(record: &Record, what: &str) {
    assert_eq!(record.status(), "valid", "{what}: {:?}", record.findings());
}

#[test]
fn e_20_labels_are_hints_and_the_content_decides() {
    let body = mail::base64_lines(&opaque(), 64);
    for (label, mismatch) in [
        (
            "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
            false,
        ),
        ("application/x-pkcs7-mime; name=smime.p7m", false),
        ("application/pkcs7-mime", false),
        ("application/octet-stream; name=smime.p7m", true),
        (
            "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
            true,
        ),
    ] {
        let record = part(label, "base64", &body);
        is_valid(&record, label);
        assert_eq!(record.text("/layers/0/kind"), "opaque");
        assert_eq!(record.has("type_mismatch"), mismatch, "{label}");
    }
}

#[test]
fn e_21_a_part_inside_a_wrapper_is_found_and_is_only_a_part() {
    let inner = mail::pkcs7_mime("signed-data", &opaque());
    let notice = mail::text("This mail was checked.\n");
    let record = audit_one(&from_alice(&mail::multipart(
        "mixed",
        "journal",
        &[&inner, &notice],
    )));
    assert_eq!(record.status(), "partly_signed");
    assert_eq!(record.text("/layers/0/path"), "1");
    assert_eq!(record.axis("coverage"), "subpart");
    assert_eq!(record.list("/layers/0/signatures/0/uncovered"), ["2"]);
}

#[test]
fn e_22_micalg_is_compared_and_never_believed() {
    for (micalg, differs) in [
        ("sha-256", false),
        ("sha256", false),
        ("\"SHA-256\"", false),
        ("\"sha1,sha-256\"", false),
        ("rsa-sha256", false),
        ("sha1", true),
        ("unknown", true),
    ] {
        let entity = mail::multipart_signed_as(micalg, "signed", &content(), &detached());
        let record = audit_one(&from_alice(&entity));
        is_valid(&record, micalg);
        assert_eq!(record.has("micalg_mismatch"), differs, "{micalg}");
    }
}

#[test]
fn e_23_protocol_may_be_absent_or_of_the_other_form() {
    for (protocol, differs) in [
        ("protocol=\"application/pkcs7-signature\"; ", false),
        ("protocol=\"application/x-pkcs7-signature\"; ", false),
        ("", true),
        ("protocol=\"text/plain\"; ", true),
    ] {
        let kind = format!("multipart/signed; {protocol}micalg=sha-256; boundary=b");
        let signature = mail::signature_part(&detached());
        let entity = mail::multipart_as(&kind, "b", "", &[&content(), &signature], "");
        let record = audit_one(&from_alice(&entity));
        is_valid(&record, protocol);
        assert_eq!(record.has("protocol_mismatch"), differs, "{protocol}");
    }
}

#[test]
fn e_24_base64_of_every_shape() {
    let label = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m";
    let cms = opaque();
    let lines = |width| mail::base64_lines(&cms, width);
    let one_line = lines(1 << 20);
    let regular = String::from_utf8(lines(64)).unwrap();
    let blanks = regular.replace("\r\n", " \r\n\t");
    let unpadded = regular.trim_end().trim_end_matches('=').to_owned() + "\r\n";
    let junk = regular.replacen("\r\n", "\r\n!", 3);
    let armour = format!("-----BEGIN PKCS7-----\r\n{regular}-----END PKCS7-----\r\n");
    for (name, body) in [
        ("one line", one_line),
        ("four characters a line", lines(4)),
        ("blanks", blanks.into_bytes()),
        ("no padding", unpadded.into_bytes()),
        ("a little junk", junk.into_bytes()),
        ("armour", armour.into_bytes()),
    ] {
        let record = part(label, "base64", &body);
        is_valid(&record, name);
        assert_eq!(
            record.has("base64_irregular"),
            name != "no padding" || regular.contains('='),
            "{name}"
        );
    }
    let noise: String = regular.chars().flat_map(|c| [c, '!']).collect();
    let record = part(label, "base64", noise.as_bytes());
    assert_eq!(record.status(), "damaged", "more junk than text");
}

#[test]
fn e_25_other_transfer_encodings() {
    let label = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m";
    is_valid(&part(label, "binary", &opaque()), "binary");
    let record = part(label, "base64", &opaque());
    is_valid(&record, "binary that says base64");
    assert!(record.has("encoding_mismatch"));
    let record = part(label, "7bit", &mail::base64_lines(&opaque(), 64));
    is_valid(&record, "base64 that says 7bit");
    assert!(record.has("encoding_mismatch"));
}

#[test]
fn e_26_ber_in_place_of_der() {
    let cms = Signed::opaque(&content())
        .signer(Sign::by(alice()))
        .form(BER)
        .encode();
    let record = audit_one(&from_alice(&mail::pkcs7_mime("signed-data", &cms)));
    is_valid(&record, "BER");
    assert!(record.has("ber"));
}

#[test]
fn e_27_content_of_another_type_is_read_and_is_no_mail() {
    let inner = mailseal::asn1::Writer::encode(|w| w.sequence(|w| w.small_integer(1)));
    let cms = Signed::opaque(&[])
        .content_type(oid::RECEIPT)
        .carrying(Content::Element(&inner))
        .signer(Sign::by(alice()))
        .encode();
    let record = audit_one(&from_alice(&mail::pkcs7_mime("signed-data", &cms)));
    assert_eq!(record.text("/layers/0/kind"), "opaque");
    assert!(record.has("content_type_odd"), "{:?}", record.findings());
}
