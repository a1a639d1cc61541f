//! `labels/`: S/MIME that is written or labelled in unusual ways, as old and odd programs do.

use mailseal::cms::build::Order;
use mailseal::crypto::digest::DigestAlgorithm;

use crate::samples::Sample;
use crate::samples::cast;
use crate::samples::verify::alice_from;
use crate::samples::verify::by;
use crate::samples::verify::headers;
use crate::toolkit::cms::BER;
use crate::toolkit::cms::Signed;
use crate::toolkit::mail;

pub fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    let opaque = |shows: &str| {
        let text = mail::text(shows);
        Signed::opaque(&text).signer(by(cast::alice())).encode()
    };
    let shows = "application/octet-stream with the name smime.p7m.";
    let kind = "application/octet-stream; name=\"smime.p7m\"";
    let body = mail::base64_lines(&opaque(shows), 64);
    all.push(sample(
        "octet-stream",
        shows,
        &mail::pkcs7_mime_as(kind, &body),
    ));

    let shows = "application/x-pkcs7-mime without smime-type.";
    let kind = "application/x-pkcs7-mime; name=\"smime.p7m\"";
    let body = mail::base64_lines(&opaque(shows), 64);
    all.push(sample(
        "x-pkcs7-mime",
        shows,
        &mail::pkcs7_mime_as(kind, &body),
    ));

    let kind = "application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\"";
    let shows = "base64 on one line.";
    let body = mail::base64(&opaque(shows));
    all.push(sample("one-line", shows, &mail::pkcs7_mime_as(kind, &body)));

    let shows = "PEM armour inside the part.";
    let body = [
        b"-----BEGIN PKCS7-----\r\n".as_slice(),
        &mail::base64_lines(&opaque(shows), 64),
        b"-----END PKCS7-----\r\n",
    ]
    .concat();
    let mut entity = mail::pkcs7_mime_as(kind, &body);
    entity = replace(
        &entity,
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: 7bit",
    );
    all.push(sample("pem", shows, &entity));

    let shows = "DER as it is, in binary.";
    let mut entity =
        format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n\r\n").into_bytes();
    entity.extend_from_slice(&opaque(shows));
    all.push(sample("binary", shows, &entity));

    let shows =
        "BER with indefinite lengths and the content in pieces, as streaming programs write it.";
    let text = mail::text(shows);
    let cms = Signed::opaque(&text)
        .signer(by(cast::alice()))
        .form(BER)
        .encode();
    all.push(sample("ber", shows, &mail::pkcs7_mime("signed-data", &cms)));

    let detached = |shows: &str| {
        let text = mail::text(shows);
        let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
        mail::multipart_signed(&text, &signature)
    };
    let shows = "Types with x-, as Netscape and Outlook wrote them.";
    let entity = replace(&detached(shows), "/pkcs7-signature", "/x-pkcs7-signature");
    all.push(sample("x-pkcs7-signature", shows, &entity));

    let shows = "micalg names another digest than the one used.";
    let entity = replace(&detached(shows), "micalg=sha-256", "micalg=md5");
    all.push(sample("micalg", shows, &entity));

    let shows = "The signature stands before the content.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
    let kind = "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"signed\"";
    let entity = mail::multipart_as(
        kind,
        "signed",
        "",
        &[&mail::signature_part(&signature), &text],
        "",
    );
    all.push(sample("reversed", shows, &entity));

    let shows = "SHA-256 named with NULL parameters in one place and without in another, and the attributes in no order.";
    let text = mail::text(shows);
    let oid = DigestAlgorithm::Sha256.oid();
    let signature = Signed::detached(&text)
        .signer(
            by(cast::alice())
                .digest_announced_as(oid, Some(&[5, 0]))
                .edit(|list| list.in_order(Order::AsGiven)),
        )
        .encode();
    all.push(sample(
        "attribute-order",
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all
}

fn sample(name: &str, shows: &'static str, entity: &[u8]) -> Sample {
    let message = mail::message(&headers(alice_from(), name), entity);
    Sample::new(&format!("labels/{name}.eml"), shows, message)
}

fn replace(entity: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(entity.to_vec()).unwrap();
    assert!(text.contains(old), "{old} is not in {text}");
    text.replace(old, new).into_bytes()
}
