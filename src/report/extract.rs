//! What `mailseal extract` writes beside the evidence itself: `verify.sh`, which repeats the verdict with openssl, and `README.txt`.
//!
//! Names and texts in both are made of numbers, digests, instants and words of a closed set: nothing from mail stands in them.

mod readme;

mod revocation;

pub use readme::readme;

use std::fmt::Write as _;

use crate::asn1::Time;
use crate::facts::axis::{Attributes, Digest, Signature, Structure};
use crate::judge::word::Word;
use crate::pki::trust::Chain;
use crate::report::extract::revocation::revocation;
use crate::report::reread::{Layer, Message, Signer, sha256};

/// Which files there are for one signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureFiles {
    /// `content`: the bytes that were hashed.
    pub content: bool,
    /// `attributes`: the signed attributes, as hashed.
    pub attributes: bool,
    /// The attributes had to be sorted before they verified.
    pub resorted: bool,
    /// The anchor's own dates exclude the clock, which counts for openssl alone.
    pub anchor_expired: bool,
    /// `signer`: the certificate.
    pub signer: bool,
    /// `chain`: the authorities of the path, but for the anchor.
    pub chain: bool,
    /// `anchor`: the anchor that ends the path.
    pub anchor: bool,
    /// A certificate of the path is not at hand.
    pub incomplete: bool,
    /// `crl`: the list that decided about revocation.
    pub crl: bool,
    /// The list is signed by `issuer`.
    pub list_of_issuer: bool,
    /// `ocsp`: the OCSP response that decided.
    pub ocsp: bool,
    /// It is a BasicOCSPResponse; `response` is the same as openssl reads it.
    pub ocsp_is_basic: bool,
    /// When it was signed.
    pub produced_at: Option<Time>,
    /// `asked`: the certificate that the list or response speaks of.
    pub asked: bool,
    /// `issuer`: the certificate of the authority that issued that one.
    pub issuer: bool,
    /// `token`: how many timestamp tokens.
    pub tokens: usize,
}

/// Which files there are for one layer, in the order of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerFiles {
    /// `cms`: the structure. None of the others is there without it.
    pub cms: bool,
    /// `plaintext`: what was decrypted.
    pub plaintext: bool,
    /// One for each signature.
    pub signatures: Vec<SignatureFiles>,
}

/// A name of a file that belongs to a layer, both numbers from 1.
#[must_use]
pub fn layer_file(kind: &str, layer: usize, ending: &str) -> String {
    format!("{kind}-{layer}.{ending}")
}

/// A name of a file that belongs to a signature of a layer, all numbers from 1.
#[must_use]
pub fn signature_file(kind: &str, layer: usize, signature: usize, ending: &str) -> String {
    format!("{kind}-{layer}-{signature}.{ending}")
}

/// Digests that `openssl dgst` has by this name.
const DIGESTS: [&str; 12] = [
    "md5",
    "ripemd160",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha512-256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
];

/// What stands at the top of every script.
const HEAD: &str = r#"#!/bin/sh
# Repeats a verdict of mailseal step by step with openssl (3.0 or newer); needs a shell, awk, cut, grep, sed and tr besides.
# Each step says what came out and whether the report says the same. Exit code: 0 if all steps came out as reported; 3 if all that were
# asked did, and some could not be asked; 1 if one did not; 2 if the folder can't be entered.
# Another openssl: OPENSSL=/path/to/openssl sh verify.sh
cd "$(dirname "$0")" || exit 2
openssl=${OPENSSL:-openssl}
wrong=0
left=0

# step EXPECTED TITLE COMMAND...: runs the command, and holds whether it succeeds against what is expected (good or bad).
step() {
    expected=$1 title=$2
    shift 2
    if said=$("$@" 2>&1); then found=good; else found=bad; fi
    if [ "$found" = "$expected" ]; then
        echo "as reported ($found): $title"
    else
        echo "NOT AS REPORTED ($found, the report says $expected): $title"
        printf '%s\n' "$said" | tr -cd '[:print:]\n' | sed 's/^/    /'
        wrong=$((wrong + 1))
    fi
}

# A step that the verdict rests on and that can't be asked here.
unasked() { echo "not asked: $1"; left=$((left + 1)); }

# The report claims nothing here that could be asked.
note() { echo "nothing to ask: $1"; }

# The digest of a file is this one.
digest_is() { [ "$($openssl dgst "-$1" -r "$2" | cut -d' ' -f1)" = "$3" ]; }

# The SHA-256 of the DER of a certificate or list in PEM is this one.
der_is() { [ "$($openssl "$1" -in "$2" -outform DER | $openssl dgst -sha256 -r | cut -d' ' -f1)" = "$3" ]; }

# The octets of messageDigest in signed attributes.
signed_digest() {
    $openssl asn1parse -inform DER -in "$1" | awk '/:messageDigest/ { found = 1 } found && /OCTET STRING/ { sub(/.*:/, ""); print tolower($0); exit }'
}

# The digest of a content is the one in the signed attributes.
content_is_signed() { digest_is "$1" "$2" "$(signed_digest "$3")"; }

# value_of DIGEST FILE SIGNATURE CERTIFICATE OPTION...: the signature value is over the file, by the certificate's key.
value_of() {
    digest=$1 file=$2 value=$3 certificate=$4
    shift 4
    $openssl x509 -in "$certificate" -noout -pubkey | $openssl dgst "-$digest" -verify /dev/stdin -signature "$value" "$@" "$file"
}

# The same for algorithms that sign the bytes themselves.
value_over() {
    $openssl x509 -in "$3" -noout -pubkey | $openssl pkeyutl -verify -pubin -inkey /dev/stdin -rawin -in "$1" -sigfile "$2"
}

# The list has the certificate's serial number.
is_listed() {
    serial=$($openssl x509 -in "$2" -noout -serial | cut -d= -f2)
    $openssl crl -in "$1" -noout -text | grep -q "Serial Number: $serial\$"
}

# The list is signed with the key of this authority.
is_signed_list() { $openssl crl -in "$1" -noout -CAfile "$2" 2>&1 | grep -q '^verify OK'; }

# response_says RESPONSE ISSUER ASKED STATUS OPTION...: the response verifies, and has this status for the certificate. It names the
# certificate by a digest of its issuer, which can be any.
response_says() {
    response=$1 issuer=$2 asked=$3 status=$4
    shift 4
    for id in sha1 sha256 sha384 sha512; do
        told=$($openssl ocsp -respin "$response" -issuer "$issuer" "-$id" -cert "$asked" -no_nonce "$@" 2>&1)
        printf '%s\n' "$told"
        if printf '%s\n' "$told" | grep -q '^Response verify OK' && printf '%s\n' "$told" | grep -q "^$asked: $status\$"; then
            return 0
        fi
    done
    return 1
}

# The list can be read, and does not have it.
is_not_listed() { $openssl crl -in "$1" -noout && ! is_listed "$1" "$2"; }

"#;

/// `verify.sh` for a message. `files` has an entry for each layer of it. Never fails.
#[must_use]
pub fn script(message: &Message, files: &[LayerFiles]) -> String {
    let mut out = String::from(HEAD);
    let _ = writeln!(out, "echo 'Message'");
    if sha256(&message.named.sha256).is_some() {
        let digest = &message.named.sha256;
        let _ = writeln!(
            out,
            "step good 'message.eml is the message of the report' digest_is sha256 message.eml {digest}"
        );
    }
    for (number, (layer, files)) in (1..).zip(message.layers.iter().zip(files)) {
        if layer.signatures.is_empty() && !files.plaintext {
            continue;
        }
        let _ = writeln!(out, "\necho 'Layer {number}'");
        if !files.cms {
            let _ = writeln!(
                out,
                "unasked 'the layer: it is inside an encrypted one that was not opened'"
            );
            continue;
        }
        for (index, (signer, files)) in (1..).zip(layer.signatures.iter().zip(&files.signatures)) {
            let place = Place {
                layer: number,
                index,
            };
            signature(&mut out, &place, signer, files);
        }
        whole(&mut out, number, layer, files);
    }
    let word = message
        .verdict
        .map_or(message.status.as_str(), Word::as_str);
    let _ = write!(
        out,
        "\nif [ $wrong != 0 ]; then\n    echo \"openssl differs from the verdict in $wrong steps, $left steps not asked: {word}\"\n    exit 1\n\
         elif [ $left != 0 ]; then\n    echo \"openssl agrees, $left steps not asked: {word}\"\n    exit 3\n\
         fi\necho 'openssl agrees with every step of the verdict: {word}'\n"
    );
    out
}

/// Numbers of a signature, from 1.
struct Place {
    layer: usize,
    index: usize,
}

impl Place {
    fn file(&self, kind: &str, ending: &str) -> String {
        signature_file(kind, self.layer, self.index, ending)
    }
}

/// The expectation of a step.
fn expected(good: bool) -> &'static str {
    match good {
        true => "good",
        false => "bad",
    }
}

fn signature(out: &mut String, place: &Place, signer: &Signer, files: &SignatureFiles) {
    let _ = writeln!(
        out,
        "\necho 'Signature {}: {}'",
        place.index,
        signer.verdict.as_str()
    );
    content(out, place, signer, files);
    value(out, place, signer, files);
    path(out, place, signer, files);
    revocation(out, place, signer, files);
    if signer.judgements.evidenced.is_some() {
        let _ = writeln!(
            out,
            "unasked 'the time that decided: the timestamp, or the host that stands for it, is taken as given'"
        );
    }
    if files.signer {
        let _ = writeln!(
            out,
            "echo \"addresses of the certificate, identity {}: $($openssl x509 -in {} -noout -email | tr '\\n' ' ' | tr -cd '[:print:]')\"",
            signer.identity.as_str(),
            place.file("signer", "pem")
        );
    }
}

/// The digest of the content is the one that was signed.
fn content(out: &mut String, place: &Place, signer: &Signer, files: &SignatureFiles) {
    let digest = signer.algorithms.digest.as_str();
    let good = match signer.digest {
        Digest::Match | Digest::MatchCanonical | Digest::MatchAfterRepair => true,
        Digest::Mismatch => false,
        Digest::NotChecked => {
            let _ = writeln!(out, "note 'the digest: the report says not_checked'");
            return;
        }
    };
    if !files.content {
        let _ = writeln!(out, "unasked 'the digest: the content is not there'");
        return;
    }
    if !files.attributes {
        // The signature value itself is over the content, and is asked below.
        return;
    }
    if !DIGESTS.contains(&digest) {
        let _ = writeln!(out, "unasked 'the digest: openssl has no such algorithm'");
        return;
    }
    let _ = writeln!(
        out,
        "step {} 'the digest of the content is the one in the signed attributes' content_is_signed {digest} {} {}",
        expected(good),
        place.file("content", "bin"),
        place.file("attributes", "der")
    );
}

/// The signature value verifies with the certificate's key.
fn value(out: &mut String, place: &Place, signer: &Signer, files: &SignatureFiles) {
    let good = match signer.signature {
        Signature::Valid => true,
        Signature::Invalid => false,
        other @ (Signature::UnsupportedAlgorithm
        | Signature::CertificateMissing
        | Signature::NotChecked) => {
            let _ = writeln!(
                out,
                "note 'the signature value: the report says {}'",
                other.as_str()
            );
            return;
        }
    };
    if !files.signer {
        let _ = writeln!(
            out,
            "unasked 'the signature value: the certificate is not at hand'"
        );
        return;
    }
    let over = match (files.attributes, files.content) {
        (true, _) => place.file("attributes", "der"),
        (false, true) => place.file("content", "bin"),
        (false, false) => {
            let _ = writeln!(
                out,
                "unasked 'the signature value: the content is not there'"
            );
            return;
        }
    };
    // Without signed attributes a digest that differs shows in the value alone.
    let good = good && (files.attributes || signer.digest != Digest::Mismatch);
    let value = place.file("signature", "bin");
    let certificate = place.file("signer", "pem");
    let title = "'the signature value is the certificate key'\\''s'";
    let expected = expected(good);
    let names = &signer.algorithms;
    let line = match names.signature.as_str() {
        "ed25519" | "ed448" => {
            format!("step {expected} {title} value_over {over} {value} {certificate}")
        }
        "rsa_v15" | "ecdsa" | "dsa" if DIGESTS.contains(&names.digest.as_str()) => format!(
            "step {expected} {title} value_of {} {over} {value} {certificate}",
            names.digest
        ),
        "rsa_pss" if DIGESTS.contains(&names.digest.as_str()) => {
            match pss(names.padding.as_deref()) {
                Some((mask, salt)) => format!(
                    "step {expected} {title} value_of {} {over} {value} {certificate} -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:{mask} -sigopt rsa_pss_saltlen:{salt}",
                    names.digest
                ),
                None => "unasked 'the signature value: its padding is not named'".to_owned(),
            }
        }
        _ => "unasked 'the signature value: openssl 3.0 has no such algorithm'".to_owned(),
    };
    let _ = writeln!(out, "{line}");
}

/// Mask digest and salt length of `mgf1-sha256/32`.
fn pss(padding: Option<&str>) -> Option<(&str, u32)> {
    let (mask, salt) = padding?.strip_prefix("mgf1-")?.split_once('/')?;
    let mask = DIGESTS.iter().find(|known| **known == mask)?;
    Some((mask, salt.parse().ok()?))
}

/// The path holds at the clock that decided.
fn path(out: &mut String, place: &Place, signer: &Signer, files: &SignatureFiles) {
    if !files.signer {
        return;
    }
    let certificate = place.file("signer", "pem");
    if let Some(digest) = signer
        .signer
        .certificate
        .as_deref()
        .filter(|text| sha256(text).is_some())
    {
        let _ = writeln!(
            out,
            "step good 'the certificate is the one of the report' der_is x509 {certificate} {digest}"
        );
    }
    let at = signer.decisive();
    let (Some(chain), Some(seconds)) = (at.chain, seconds(&at.at)) else {
        return;
    };
    if let Some(why) = skipped(signer, chain, files) {
        let _ = writeln!(out, "unasked 'the path: {why}'");
        return;
    }
    let _ = writeln!(
        out,
        "step {} 'the path to the anchor at {}' {}",
        expected(chain == Chain::Trusted),
        instant(&at.at),
        verify(place, files, seconds, "")
    );
}

/// Why openssl is not asked about a path.
fn skipped(signer: &Signer, chain: Chain, files: &SignatureFiles) -> Option<&'static str> {
    match chain {
        Chain::Policy | Chain::KeyOutOfPolicy => Some("openssl does not ask that"),
        _ if signer.algorithms.signature.starts_with("ml_dsa") => {
            Some("openssl 3.0 has no such algorithm")
        }
        _ if files.incomplete => {
            Some("a certificate of it is not at hand; give --ca and --certs of the report")
        }
        _ => None,
    }
}

/// `openssl verify` of a path at a time, with more options: all of them stand before the certificate.
fn verify(place: &Place, files: &SignatureFiles, seconds: i64, more: &str) -> String {
    let mut line = format!(
        "$openssl verify -no-CApath -no-CAstore -partial_chain -purpose smimesign -attime {seconds}{more}"
    );
    let _ = match files.anchor {
        true => write!(line, " -CAfile {}", place.file("anchor", "pem")),
        false => write!(line, " -no-CAfile"),
    };
    if files.chain {
        let _ = write!(line, " -untrusted {}", place.file("chain", "pem"));
    }
    let _ = write!(line, " {}", place.file("signer", "pem"));
    line
}

/// All signatures of a layer at once, as a mail program checks them.
fn whole(out: &mut String, number: usize, layer: &Layer, files: &LayerFiles) {
    let (Some(first), Some(_)) = (files.signatures.first(), layer.signatures.first()) else {
        return;
    };
    let plain = |(signer, files): (&Signer, &SignatureFiles)| {
        let read = match signer.attributes {
            Attributes::Ok | Attributes::Absent => !files.resorted,
            Attributes::Malformed
            | Attributes::AlgorithmMismatch
            | Attributes::CertificateMismatch
            | Attributes::Ambiguous => false,
        };
        let asked = match signer.signature {
            Signature::Valid | Signature::Invalid => true,
            Signature::UnsupportedAlgorithm
            | Signature::CertificateMissing
            | Signature::NotChecked => false,
        };
        let known = DIGESTS.contains(&signer.algorithms.digest.as_str())
            && matches!(
                signer.algorithms.signature.as_str(),
                "rsa_v15" | "rsa_pss" | "ecdsa" | "dsa"
            );
        read && asked
            && known
            && files.signer
            && files.content
            && signer.digest != Digest::NotChecked
    };
    let mut pairs = layer.signatures.iter().zip(&files.signatures);
    if layer.structure != Structure::Ok || !pairs.clone().all(plain) {
        let _ = writeln!(
            out,
            "unasked 'all signatures at once: openssl cms has no such algorithm, or does not tell these faults apart'"
        );
        return;
    }
    let good = pairs.all(|(signer, _)| {
        signer.signature == Signature::Valid && signer.digest != Digest::Mismatch
    });
    let mut line = format!(
        "$openssl cms -verify -binary -noverify -inform DER -in {} -content {} -out /dev/null",
        layer_file("cms", number, "der"),
        signature_file("content", number, 1, "bin")
    );
    if first.signer {
        // One option takes one file; it can have several certificates.
        let _ = write!(line, " -certfile {}", layer_file("signers", number, "pem"));
    }
    let _ = writeln!(
        out,
        "\nstep {} 'all signatures of the layer at once, without trust' {line}",
        expected(good)
    );
}

/// Seconds since 1970 of RFC 3339 as the report writes it.
fn seconds(text: &str) -> Option<i64> {
    let digits: String = text
        .chars()
        .filter(|character| !matches!(character, '-' | ':' | 'T'))
        .collect();
    Some(Time::from_generalized_time(digits.as_bytes())?.0.unix())
}

/// The instant as it is written here, never as it was read.
fn instant(text: &str) -> String {
    let time = seconds(text).and_then(Time::from_unix);
    time.map(|time| String::from_utf8_lossy(&time.rfc3339()).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_become_seconds_and_nothing_else_gets_through() {
        assert_eq!(seconds("2020-01-01T00:00:00Z"), Some(1_577_836_800));
        assert_eq!(instant("2020-01-01T00:00:00Z"), "2020-01-01T00:00:00Z");
        assert_eq!(instant("$(rm -r /)"), "");
    }

    #[test]
    fn paddings_are_of_a_closed_set() {
        assert_eq!(pss(Some("mgf1-sha256/32")), Some(("sha256", 32)));
        assert_eq!(pss(Some("mgf1-sha256 x/32")), None);
        assert_eq!(pss(Some("mgf1-sha256/x")), None);
        assert_eq!(pss(None), None);
    }
}
