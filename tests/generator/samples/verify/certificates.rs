//! Signers' certificates: dates, revocation, trust, and where they are.

use crate::samples::Sample;
use crate::samples::cast;
use crate::samples::keys;
use crate::samples::verify::alice_from;
use crate::samples::verify::by;
use crate::samples::verify::detached;
use crate::samples::verify::headers;
use crate::samples::verify::sample;
use crate::toolkit::cms::Signed;
use crate::toolkit::mail;
use crate::toolkit::mail::Mbox;

pub fn samples() -> Vec<Sample> {
    let mut all = vec![
        detached(
            "expired",
            "ernest@example.com",
            "Signed years after the certificate had expired.",
            by(cast::expired()),
        ),
        detached(
            "expired-since",
            "ella@example.com",
            "The certificate was valid when the mail says it was signed, and has expired since: valid as claimed.",
            by(cast::expiring()),
        ),
        detached(
            "timestamped",
            "ella@example.com",
            "As expired-since, and a timestamp authority vouches for the time: valid.",
            by(cast::expiring()).timestamped_by(cast::timestamp_authority(), cast::stamped()),
        ),
        detached(
            "not-yet-valid",
            "fay@example.com",
            "The certificate begins in 2035.",
            by(cast::future()),
        ),
        detached(
            "revoked",
            "rita@example.com",
            "Signed a year after the certificate was revoked.",
            by(cast::revoked()),
        ),
        detached(
            "superseded",
            "sam@example.com",
            "The certificate was revoked since because there was a new one: valid as claimed.",
            by(cast::superseded()),
        ),
        detached(
            "key-compromised",
            "karl@example.com",
            "The certificate was revoked since because the key was lost: who has the key can claim any time, so it counts as revoked.",
            by(cast::compromised()),
        ),
        detached(
            "untrusted",
            alice_from(),
            "Alice's name and address in a certificate of somebody else's authority.",
            by(cast::impostor()),
        ),
        detached(
            "self-signed",
            "selma@example.com",
            "A certificate that vouches for itself.",
            by(cast::self_signed()),
        ),
        detached(
            "incomplete",
            "otto@example.com",
            "The issuer's certificate is nowhere to be found.",
            by(cast::orphan()),
        ),
        detached(
            "server-certificate",
            "server@example.com",
            "A certificate for web servers.",
            by(cast::server()),
        ),
    ];
    let shows =
        "The authority and its revocation list, which revokes the signer, come with the mail.";
    let text = mail::text(shows);
    let signature = Signed::detached(&text)
        .signer(by(cast::second_revoked()))
        .crl(&keys::second_crl())
        .encode();
    all.push(sample(
        "revocation-list-inside",
        "rene@example.com",
        shows,
        &mail::multipart_signed(&text, &signature),
    ));

    let shows = "The signer's certificate is neither in the mail nor anywhere else.";
    let text = mail::text(shows);
    let nowhere = cast::nowhere();
    let signature = Signed::detached(&text).bare_signer(by(nowhere)).encode();
    all.push(sample(
        "certificate-missing",
        "nora@example.com",
        shows,
        &mail::multipart_signed(&text, &signature),
    ));

    let shows = "Two messages: the first lacks the signer's certificate, the second carries it.";
    let carol = "carol@example.com";
    let text = mail::text(shows);
    let bare = Signed::detached(&text)
        .bare_signer(by(cast::carol()))
        .encode();
    let full = Signed::detached(&text).signer(by(cast::carol())).encode();
    let message = |name: &str, signature: &[u8]| {
        mail::message(
            &headers(carol, name),
            &mail::multipart_signed(&text, signature),
        )
    };
    let pair = [message("bare", &bare), message("full", &full)];
    all.push(Sample::new(
        "verify/certificate-elsewhere.mbox",
        shows,
        mail::mbox(&pair, Mbox::Rd),
    ));
    all
}
