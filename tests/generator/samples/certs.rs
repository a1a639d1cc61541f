//! `certs/`: certificates and revocation lists sent by mail.

use crate::samples::Sample;
use crate::samples::cast;
use crate::samples::keys;
use crate::samples::verify::alice_from;
use crate::samples::verify::headers;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::certs_only;
use crate::toolkit::mail;
use crate::toolkit::people;

pub fn samples() -> Vec<Sample> {
    let shows = "A certs-only message: Dave's certificate and that of the authority.";
    let both = [
        cast::dave().certificate.clone(),
        people::authority().certificate.clone(),
    ];
    let cms = certs_only(&both);
    let first = sample("certs-only", shows, &mail::pkcs7_mime("certs-only", &cms));

    let shows = "A certs-only message with a revocation list in it.";
    let cms = Signed::detached(b"")
        .certificate(&cast::second_authority().certificate)
        .crl(&keys::second_crl())
        .encode();
    let second = sample(
        "revocation-list",
        shows,
        &mail::pkcs7_mime("certs-only", &cms),
    );

    let shows = "A text with certificates attached as a .p7b file.";
    let kind = "application/x-pkcs7-certificates; name=\"certs.p7b\"";
    let attached = mail::pkcs7_mime_as(kind, &mail::base64_lines(&certs_only(&both), 76));
    let body = mail::multipart("mixed", "attached", &[&mail::text(shows), &attached]);
    let third = sample("attached", shows, &body);
    vec![first, second, third]
}

fn sample(name: &str, shows: &'static str, body: &[u8]) -> Sample {
    let message = mail::message(&headers(alice_from(), name), body);
    Sample::new(&format!("certs/{name}.eml"), shows, message)
}
