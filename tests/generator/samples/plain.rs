//! `plain/`: mail that is no S/MIME, some of which looks like it.

use crate::samples::Sample;
use crate::samples::verify::alice_from;
use crate::samples::verify::headers;
use crate::toolkit::mail;

pub fn samples() -> Vec<Sample> {
    let shows = "An ordinary mail.";
    let ordinary = sample("ordinary", shows, &mail::text(shows));

    let shows = "Text and HTML, and a picture.";
    let alternative = mail::multipart(
        "alternative",
        "either",
        &[
            &mail::text(shows),
            &mail::entity(
                "text/html; charset=us-ascii",
                b"<p>Text and HTML, and a picture.</p>",
            ),
        ],
    );
    let picture = mail::pkcs7_mime_as("image/png; name=\"dot.png\"", &mail::base64_lines(DOT, 76));
    let html = sample(
        "html",
        shows,
        &mail::multipart("mixed", "mixed", &[&alternative, &picture]),
    );

    let shows = "A mail that quotes a signed one as text.";
    let quoted = "> Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"\n\
                  > Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\n\
                  Content-Type: application/pkcs7-mime; name=\"smime.p7m\"\n\n\
                  MIAGCSqGSIb3DQEHAqCAMIACAQExDzANBglghkgBZQMEAgEFADCABgkqhkiG9w0B\n";
    let text = sample(
        "about-smime",
        shows,
        &mail::text(&format!("{shows}\n{quoted}")),
    );

    let shows = "Signed with OpenPGP.";
    let kind = "multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"pgp\"";
    let signature = mail::entity(
        "application/pgp-signature; name=\"signature.asc\"",
        b"-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n",
    );
    let pgp = sample(
        "openpgp",
        shows,
        &mail::multipart_as(kind, "pgp", "", &[&mail::text(shows), &signature], ""),
    );

    let shows = "An attachment with a name of S/MIME's that holds none of it.";
    let notes = mail::entity(
        "application/octet-stream; name=\"notes.p7m\"",
        b"Just notes.\r\n",
    );
    let named = sample(
        "named-p7m",
        shows,
        &mail::multipart("mixed", "notes", &[&mail::text(shows), &notes]),
    );
    vec![ordinary, html, text, pgp, named]
}

fn sample(name: &str, shows: &'static str, body: &[u8]) -> Sample {
    let message = mail::message(&headers(alice_from(), name), body);
    Sample::new(&format!("plain/{name}.eml"), shows, message)
}

/// One transparent point.
const DOT: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x00, 0x01, 0x00, 0x00,
    0x05, 0x00, 0x01, 0x0d, 0x0a, 0x2d, 0xb4, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82,
];
