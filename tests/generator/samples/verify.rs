//! `verify/`: signed mail, from what is in order to what is not.

use mailseal::asn1::Oid;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::build::AttributeList;
use mailseal::cms::build::Content;
use mailseal::crypto::digest::DigestAlgorithm;
use mailseal::crypto::signature_scheme::SignatureScheme;

use crate::samples::Sample;
use crate::samples::cast;
use crate::toolkit::certificates::Holder;
use crate::toolkit::cms::Sign;
use crate::toolkit::cms::Signed;
use crate::toolkit::cms::read_algorithm;
use crate::toolkit::keys::pss;
use crate::toolkit::mail;
use crate::toolkit::mail::Headers;
use crate::toolkit::people::SENT_DATE;
use crate::toolkit::people::sent;

mod certificates;

pub fn samples() -> Vec<Sample> {
    let mut all = algorithms();
    all.extend(forms());
    all.extend(certificates::samples());
    all.extend(senders());
    all.extend(faults());
    all.extend(covers());
    all
}

/// The usual header of a sample.
pub fn headers(from: &str, name: &str) -> Headers {
    Headers::new(from, name, SENT_DATE)
}

/// Who sends most samples.
pub fn alice_from() -> &'static str {
    "Alice <alice@example.com>"
}

/// A signer at the usual time.
pub fn by(holder: &Holder) -> Sign<'_> {
    Sign::by(holder).at(sent())
}

/// multipart/signed with this signer.
fn detached(name: &str, from: &str, shows: &'static str, sign: Sign<'_>) -> Sample {
    detached_as("sha-256", name, from, shows, sign)
}

fn detached_as(
    micalg: &str,
    name: &str,
    from: &str,
    shows: &'static str,
    sign: Sign<'_>,
) -> Sample {
    let text = mail::text(shows);
    let signature = Signed::detached(&text).signer(sign).encode();
    let body = mail::multipart_signed_as(micalg, "signed", &text, &signature);
    sample(name, from, shows, &body)
}

fn sample(name: &str, from: &str, shows: &'static str, body: &[u8]) -> Sample {
    let message = mail::message(&headers(from, name), body);
    Sample::new(&format!("verify/{name}.eml"), shows, message)
}

fn algorithms() -> Vec<Sample> {
    use DigestAlgorithm::{Md5, Sha1, Sha3Of256, Sha512};
    let rsa = |digest| by(cast::alice()).scheme(SignatureScheme::RsaV15(digest));
    vec![
        detached(
            "rsa",
            alice_from(),
            "RSA with SHA-256 in multipart/signed: the usual case.",
            by(cast::alice()),
        ),
        detached(
            "rsa-pss",
            alice_from(),
            "RSASSA-PSS with an ordinary RSA key.",
            by(cast::alice()).scheme(pss(DigestAlgorithm::Sha256)),
        ),
        detached(
            "rsa-pss-key",
            "pat@example.com",
            "RSASSA-PSS with a key that is for nothing else.",
            by(cast::pss()),
        ),
        detached(
            "ecdsa-p256",
            "bob@example.com",
            "ECDSA on P-256.",
            by(cast::bob()),
        ),
        detached_as(
            "sha-384",
            "ecdsa-p384",
            "paul@example.com",
            "ECDSA on P-384 with SHA-384.",
            by(cast::p384()),
        ),
        detached(
            "ecdsa-brainpool",
            "bruno@example.com",
            "ECDSA on brainpoolP256r1.",
            by(cast::brainpool()),
        ),
        detached_as(
            "sha-512",
            "ed25519",
            "edith@example.com",
            "Ed25519.",
            by(cast::ed25519()),
        ),
        detached(
            "dsa",
            "dora@example.com",
            "DSA with 2048 bits.",
            by(cast::dsa()),
        ),
        detached_as(
            "sha-512",
            "ml-dsa",
            "quentin@example.com",
            "ML-DSA-44: unsupported where the linked OpenSSL is older than 3.5.",
            by(cast::ml_dsa()),
        ),
        detached_as(
            "sha1",
            "sha1",
            alice_from(),
            "SHA-1: valid, and a finding says weak.",
            rsa(Sha1),
        ),
        detached_as("sha-512", "sha512", alice_from(), "SHA-512.", rsa(Sha512)),
        detached_as(
            "sha3-256",
            "sha3",
            alice_from(),
            "SHA3-256.",
            rsa(Sha3Of256),
        ),
        detached_as(
            "md5",
            "md5",
            alice_from(),
            "MD5: the mathematics hold, and nobody may rely on them.",
            rsa(Md5),
        ),
        detached(
            "unknown-algorithm",
            alice_from(),
            "A signature algorithm that is not known: unsupported, and never broken.",
            // GOST R 34.10-2012 with 256 bits (RFC 9215 §2).
            by(cast::alice()).announced_as(
                Oid::from_content(&[0x2a, 0x85, 3, 7, 1, 1, 3, 2]).unwrap(),
                None,
            ),
        ),
    ]
}

fn forms() -> Vec<Sample> {
    let mut all = Vec::new();
    let shows = "Stored with LF line ends; the signature is over CR LF.";
    let mut stored = detached("line-feeds", alice_from(), shows, by(cast::alice()));
    stored.bytes = mail::lf(&stored.bytes);
    all.push(stored);

    let shows = "Opaque: the content stands inside the CMS structure.";
    let text = mail::text(shows);
    let cms = Signed::opaque(&text).signer(by(cast::alice())).encode();
    all.push(sample(
        "opaque",
        alice_from(),
        shows,
        &mail::pkcs7_mime("signed-data", &cms),
    ));

    for (name, shows, encoding, body) in [
        (
            "quoted-printable",
            "The signed part is UTF-8 text in quoted-printable.",
            "quoted-printable",
            &b"Gr=C3=BC=C3=9Fe, =E2=82=AC 5 =3D f=C3=BCnf Euro, und eine Zeile, die so =\r\nlang ist, dass sie umbrochen wird.\r\n"[..],
        ),
        (
            "eight-bit",
            "The signed part is UTF-8 text in 8bit.",
            "8bit",
            "Grüße, € 5 = fünf Euro.\r\n".as_bytes(),
        ),
    ] {
        let header = format!(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        let text = [header.as_bytes(), body].concat();
        let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
        all.push(sample(
            name,
            alice_from(),
            shows,
            &mail::multipart_signed(&text, &signature),
        ));
    }
    let shows = "A line that begins with From, which an mbox has to quote.";
    let text = mail::text(&format!(
        "{shows}\nFrom here on it goes on.\n>From was quoted once by its writer.\n"
    ));
    let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
    all.push(sample(
        "from-line",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all.push(detached(
        "key-identifier",
        alice_from(),
        "The signer is named by subject key identifier.",
        by(cast::alice()).by_key_identifier(),
    ));
    all.push(detached(
        "certificate-named",
        alice_from(),
        "Signed attributes name the certificate (signingCertificateV2), so that no other can be put in its place.",
        by(cast::alice()).edit(|list| {
            let algorithm = Writer::encode(|w| DigestAlgorithm::Sha256.write_algorithm(w));
            list.signing_certificate_v2(read_algorithm(&algorithm), &cast::alice().sha256(), None)
        }),
    ));
    all.push(detached(
        "no-attributes",
        alice_from(),
        "Without signed attributes: the signature is over the content itself.",
        by(cast::alice()).without_attributes(),
    ));
    all.push(detached_as(
        "sha-512",
        "no-attributes-ed25519",
        "edith@example.com",
        "Ed25519 without signed attributes.",
        by(cast::ed25519()).without_attributes(),
    ));
    let shows = "Two signers, both in order: Alice's RSA key and her P-256 key.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text)
        .signer(by(cast::alice()))
        .signer(by(cast::alice_ec()))
        .encode();
    all.push(sample(
        "two-signers",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    let shows = "Bob countersigned Alice's signature.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text)
        .signer(by(cast::alice()).countersigned_by(cast::bob()))
        .certificate(&cast::bob().certificate)
        .encode();
    all.push(sample(
        "countersigned",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all
}

fn senders() -> Vec<Sample> {
    let mut all = vec![
        detached(
            "wrong-sender",
            "mallory@example.com",
            "Signed by Alice, sent by Mallory.",
            by(cast::alice()),
        ),
        detached(
            "letter-case",
            "ALICE@Example.COM",
            "The address differs in letter case only.",
            by(cast::alice()),
        ),
        detached(
            "two-addresses",
            "Alice <alice@example.com>, Mallory <mallory@example.com>",
            "From names two people, of whom one signed.",
            by(cast::alice()),
        ),
        detached(
            "address-as-name",
            "\"alice@example.com\" <mallory@example.com>",
            "The address that a reader sees is the name of another.",
            by(cast::alice()),
        ),
        detached(
            "no-address",
            "nameless@example.com",
            "The certificate names no address.",
            by(cast::nameless()),
        ),
    ];
    let signed = |name: &str, shows: &'static str, headers: Headers| {
        let text = mail::text(shows);
        let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
        let body = mail::multipart_signed(&text, &signature);
        Sample::new(
            &format!("verify/{name}.eml"),
            shows,
            mail::message(&headers, &body),
        )
    };
    all.push(signed(
        "two-from-fields",
        "Two From fields: mail programs differ in which they show.",
        headers(alice_from(), "two-from-fields").with("From", "mallory@example.com"),
    ));
    all.push(signed(
        "sender-only",
        "Signed by the Sender, while readers see the address in From.",
        headers("mallory@example.com", "sender-only").with("Sender", "alice@example.com"),
    ));
    all
}

fn faults() -> Vec<Sample> {
    let mut all = Vec::new();
    let shows = "A figure was changed on the way: pay 1000.";
    let text = mail::text(shows);
    let before = mail::text("A figure was changed on the way: pay 10.");
    let signature = Signed::detached(&before).signer(by(cast::alice())).encode();
    all.push(sample(
        "altered",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all.push(detached(
        "signature-broken",
        alice_from(),
        "A bit of the signature value was flipped; the content is as it was.",
        by(cast::alice()).damaged(),
    ));
    all.push(detached(
        "attributes-malformed",
        alice_from(),
        "The signed attributes lack the message digest.",
        by(cast::alice()).exactly(AttributeList::new().content_type(oid::DATA)),
    ));
    let mut cut = detached(
        "truncated",
        alice_from(),
        "Cut off in the middle of the signature.",
        by(cast::alice()),
    );
    cut.bytes.truncate(cut.bytes.len() - 700);
    all.push(cut);

    let shows = "A signature with certificates and no signer.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text)
        .certificate(&cast::alice().certificate)
        .encode();
    all.push(sample(
        "no-signers",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));

    let shows = "The signature part carries another content than the part that is shown.";
    let text = mail::text(shows);
    let other = mail::text("This is what Alice signed.");
    let signature = Signed::detached(&other)
        .signer(by(cast::alice()))
        .carrying(Content::Octets(&other))
        .encode();
    all.push(sample(
        "content-conflict",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));

    let shows = "Two signers: Alice's signature holds, her second one is over another content.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text)
        .signer(by(cast::alice()))
        .signer(by(cast::alice_ec()).over(b"something else"))
        .encode();
    all.push(sample(
        "one-of-two",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all
}

fn covers() -> Vec<Sample> {
    let mut all = Vec::new();
    let entity = |shows: &str| {
        let text = mail::text(shows);
        let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
        mail::multipart_signed(&text, &signature)
    };
    let shows = "A mailing list put its footer beside the signed part.";
    let footer = mail::text("_______\nUnsubscribe: list-leave@example.com\n");
    let body = mail::multipart("mixed", "list", &[&entity(shows), &footer]);
    let headers_of_list = headers(alice_from(), "list-footer")
        .with("List-Id", "<list.example.com>")
        .with("List-Unsubscribe", "<mailto:list-leave@example.com>");
    all.push(Sample::new(
        "verify/list-footer.eml",
        shows,
        mail::message(&headers_of_list, &body),
    ));

    let shows = "Text that nobody signed stands before and behind the signed part.";
    let body = mail::multipart(
        "mixed",
        "around",
        &[
            &mail::text("Alice writes:"),
            &entity(shows),
            &mail::text("Please pay at once."),
        ],
    );
    all.push(sample("partly-signed", alice_from(), shows, &body));

    let forwarded = |shows: &str, changed: bool| {
        let mut inner = mail::message(&headers(alice_from(), "original"), &entity(shows));
        if changed {
            let text = b"As forwarded";
            let at = inner
                .windows(text.len())
                .position(|part| part == text)
                .unwrap();
            inner[at..at + 2].copy_from_slice(b"So");
        }
        let note = mail::text("See below.");
        mail::multipart("mixed", "forward", &[&note, &mail::forwarded(&inner)])
    };
    let shows = "Carol forwards Alice's signed mail as a message/rfc822 part: the mail itself is not signed.";
    all.push(sample(
        "forwarded",
        "carol@example.com",
        shows,
        &forwarded(shows, false),
    ));
    let shows = "As forwarded, and the message/rfc822 part was changed on the way.";
    all.push(sample(
        "forwarded-altered",
        "carol@example.com",
        shows,
        &forwarded(shows, true),
    ));

    let shows = "Signed twice, one signature around the other.";
    let inner = entity(shows);
    let signature = Signed::detached(&inner)
        .signer(by(cast::alice_ec()))
        .encode();
    all.push(sample(
        "signed-twice",
        alice_from(),
        shows,
        &mail::multipart_signed_as("sha-256", "outer", &inner, &signature),
    ));

    let shows =
        "The header fields are protected too (RFC 9788): the signature covers the whole message.";
    let text = [
        format!(
            "Content-Type: text/plain; charset=us-ascii; hp=\"clear\"\r\nFrom: {}\r\nSubject: protected-headers\r\n\r\n",
            alice_from()
        )
        .as_bytes(),
        shows.as_bytes(),
        b"\r\n",
    ]
    .concat();
    let signature = Signed::detached(&text).signer(by(cast::alice())).encode();
    all.push(sample(
        "protected-headers",
        alice_from(),
        shows,
        &mail::multipart_signed(&text, &signature),
    ));
    all
}
