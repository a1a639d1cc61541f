//! `README.txt`: what each file of the evidence is.

use std::fmt::Write as _;

use crate::judge::word::Word;
use crate::report::reread::{Message, sha256};

/// `README.txt` for a message. `names`: the files there are, sorted. Never fails.
#[must_use]
pub fn readme(message: &Message, names: &[String]) -> String {
    let named = &message.named;
    let word = message.verdict.map_or("none", Word::as_str);
    let mut out = format!(
        "Evidence for the verdict on one message, taken out by mailseal {}.\n\n\
         Status {}, verdict {word}. Archive {} of the report, offset {}, {} bytes, SHA-256\n{}\n\n\
         sh verify.sh repeats the verdict with openssl, step by step. `mailseal explain` tells what each word means.\n\n",
        env!("CARGO_PKG_VERSION"),
        message.status.as_str(),
        named.archive,
        named.offset,
        message.length,
        match sha256(&named.sha256) {
            Some(_) => named.sha256.as_str(),
            None => "(the report has none)",
        },
    );
    let _ = writeln!(
        out,
        "The numbers in a name: of the layer, from 1, in the order of `layers` in record.json, and of the signature in it, from 1.\n"
    );
    for (number, layer) in (1..).zip(&message.layers) {
        let _ = writeln!(
            out,
            "Layer {number}: {}, {}",
            layer.kind.as_str(),
            counted(layer.signatures.len())
        );
    }
    out.push('\n');
    for name in names {
        let kind = name.split(['-', '.']).next().unwrap_or_default();
        let about = ABOUT
            .iter()
            .find(|(known, _)| *known == kind)
            .map_or("", |(_, about)| *about);
        let _ = writeln!(out, "{name:<22} {about}");
    }
    out.push_str(
        "\nNothing of the path is fetched from a network. What is not at hand is missing here, and verify.sh says which step it did not ask.\n",
    );
    out
}

fn counted(signatures: usize) -> String {
    match signatures {
        0 => "no signature".to_owned(),
        1 => "1 signature".to_owned(),
        _ => format!("{signatures} signatures"),
    }
}

/// What a file is, by the first word of its name.
const ABOUT: [(&str, &str); 18] = [
    ("message", "the message, byte for byte as it is stored"),
    ("record", "its line of messages.jsonl"),
    ("verify", "openssl commands that repeat the verdict"),
    (
        "cms",
        "the CMS structure of the layer, decoded, as it was carried",
    ),
    (
        "content",
        "the bytes that were hashed, in the form that the digest axis names",
    ),
    (
        "attributes",
        "the signed attributes as they were hashed, DER",
    ),
    ("signature", "the signature value"),
    ("signer", "the signer's certificate"),
    ("signers", "the certificates of all signers of the layer"),
    (
        "chain",
        "the authorities between the signer and the anchor, or the end of the path",
    ),
    ("anchor", "the trust anchor that ends the path"),
    ("crl", "the revocation list that decided"),
    ("ocsp", "the OCSP response that decided"),
    ("response", "the same as openssl reads it"),
    (
        "asked",
        "the certificate that this list or response speaks of",
    ),
    ("issuer", "the authority that issued that certificate"),
    ("token", "a timestamp token on the signature"),
    (
        "plaintext",
        "what was decrypted: keep it as secret as the key",
    ),
];
