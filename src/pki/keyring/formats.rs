//! What a DER or PEM file holds, before any password.

use zeroize::Zeroizing;

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::asn1::reader::Element;
use crate::cms;
use crate::cms::Layer;
use crate::limits::Limits;
use crate::pki::keyring::entry::KeyFileProblem;
use crate::pki::keyring::pem;
use crate::pki::keyring::pem::PemError;
use crate::pki::keyring::pem_cipher::PemCiphertext;

/// One thing found in a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An X.509 certificate.
    Certificate(Vec<u8>),
    /// A private key in one of the [`KeyForm`]s.
    Key(Zeroizing<Vec<u8>>),
    /// PKCS #8 `EncryptedPrivateKeyInfo` (RFC 5958 §3).
    EncryptedKey(Vec<u8>),
    /// A private key encrypted as OpenSSL did before PKCS #8.
    EncryptedPem(PemCiphertext),
    /// Something wrong at this place.
    Problem(KeyFileProblem),
}

/// How one DER element begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// X.509 `Certificate` (RFC 5280 §4.1).
    Certificate,
    /// PKCS #8 `PrivateKeyInfo` (RFC 5958 §2), PKCS #1 `RSAPrivateKey` (RFC 8017 A.1.2), `ECPrivateKey` (RFC 5915 §3), or
    /// OpenSSL's `DSAPrivateKey`.
    Key,
    /// `EncryptedPrivateKeyInfo` (RFC 5958 §3).
    EncryptedKey,
    /// `ContentInfo` with SignedData: a bundle of certificates (RFC 5652 §5).
    Bundle,
    /// Nothing of that.
    Other,
}

fn shape(element: &Element<'_>) -> Shape {
    fn read(element: &Element<'_>) -> Result<Shape, BerError> {
        let mut r = element.reader()?;
        if r.peek() == Some(Tag::OID) {
            let bundle = r.oid()? == oid::SIGNED_DATA;
            return Ok(if bundle { Shape::Bundle } else { Shape::Other });
        }
        if r.peek() == Some(Tag::INTEGER) {
            let version = r.integer()?.to_u64();
            let key = match r.element()?.tag {
                Tag::SEQUENCE => r.octet_string().is_ok(),
                Tag::OCTET_STRING => version == Some(1),
                Tag::INTEGER => version.is_some_and(|version| version <= 1) && !r.is_empty(),
                _ => false,
            };
            return Ok(if key { Shape::Key } else { Shape::Other });
        }
        let mut first = r.expect(Tag::SEQUENCE)?.reader()?;
        if first.peek() == Some(Tag::OID) {
            let encrypted = r.octet_string().is_ok() && r.is_empty();
            return Ok(if encrypted {
                Shape::EncryptedKey
            } else {
                Shape::Other
            });
        }
        first.optional(Tag::context_constructed(0))?;
        first.integer()?;
        // Algorithm, issuer and validity; a CRL has a time in the third place, a request for a certificate its attributes.
        for _ in 0..3 {
            first.expect(Tag::SEQUENCE)?;
        }
        r.expect(Tag::SEQUENCE)?;
        r.bit_string()?;
        Ok(Shape::Certificate)
    }
    match element.tag {
        Tag::SEQUENCE => read(element).unwrap_or(Shape::Other),
        _ => Shape::Other,
    }
}

/// The things in a file of DER elements; None where it holds nothing known.
pub(super) fn read_der(data: &[u8], limits: &Limits) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut r = Reader::new(data);
    let mut known = false;
    // Mail programs append a line end.
    while !r.rest().trim_ascii().is_empty() {
        let Ok(element) = r.element() else {
            if known || begins_like_der(data) {
                items.push(Item::Problem(KeyFileProblem::Damaged));
                return Some(items);
            }
            return None;
        };
        let shape = shape(&element);
        match shape {
            Shape::Certificate => items.push(Item::Certificate(element.raw.to_vec())),
            Shape::Key => items.push(Item::Key(Zeroizing::new(element.raw.to_vec()))),
            Shape::EncryptedKey => items.push(Item::EncryptedKey(element.raw.to_vec())),
            Shape::Bundle => bundle(element.raw, limits, &mut items),
            // `openssl x509 -trustout` appends what the certificate is trusted for.
            Shape::Other if known => return Some(items),
            Shape::Other => return None,
        }
        known = true;
        if items.len() > limits.key_file_items {
            items.push(Item::Problem(KeyFileProblem::Damaged));
            return Some(items);
        }
    }
    known.then_some(items)
}

/// The first octets are a SEQUENCE of over 127 octets that begins with what keys, certificates and bundles begin with.
fn begins_like_der(data: &[u8]) -> bool {
    let first = match data {
        [0x30, 0x80, first, ..]
        | [0x30, 0x81, _, first, ..]
        | [0x30, 0x82, _, _, first, ..]
        | [0x30, 0x83, _, _, _, first, ..] => *first,
        _ => return false,
    };
    matches!(first, 0x02 | 0x06 | 0x30)
}

/// The certificates of a SignedData (RFC 5652 §5.1).
fn bundle(content_info: &[u8], limits: &Limits, items: &mut Vec<Item>) {
    match cms::read(content_info, limits).map(|info| info.layer) {
        Ok(Layer::Signed(signed)) => {
            let certificates = signed.carried.certificates.iter();
            items.extend(certificates.map(|der| Item::Certificate(der.to_vec())));
        }
        _ => items.push(Item::Problem(KeyFileProblem::Damaged)),
    }
}

/// The things in a PEM file; None where no block is of a kind that holds keys or certificates.
pub(super) fn read_pem(data: &[u8], limits: &Limits) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut known = false;
    for block in pem::blocks(data) {
        if items.len() > limits.key_file_items {
            items.push(Item::Problem(KeyFileProblem::Damaged));
            break;
        }
        let block = match block {
            Ok(block) => block,
            Err(PemError::Truncated | PemError::Base64 | PemError::Encryption) => {
                known = true;
                items.push(Item::Problem(KeyFileProblem::Damaged));
                continue;
            }
        };
        match block.label {
            // TRUSTED: `openssl x509 -trustout`.
            "CERTIFICATE"
            | "X509 CERTIFICATE"
            | "TRUSTED CERTIFICATE"
            | "PRIVATE KEY"
            | "ENCRYPTED PRIVATE KEY"
            | "RSA PRIVATE KEY"
            | "EC PRIVATE KEY"
            | "DSA PRIVATE KEY"
            | "PKCS7"
            | "CMS" => {}
            "OPENSSH PRIVATE KEY" => {
                known = true;
                let what = KeyFileProblem::UnsupportedAlgorithm(block.label.to_owned());
                items.push(Item::Problem(what));
                continue;
            }
            _ => continue,
        }
        known = true;
        match block.encryption {
            Some((cipher, iv)) => items.push(match hexadecimal(iv) {
                Some(iv) => Item::EncryptedPem(PemCiphertext {
                    name: cipher.to_owned(),
                    iv,
                    ciphertext: block.bytes.to_vec(),
                }),
                None => Item::Problem(KeyFileProblem::Damaged),
            }),
            None => match read_der(&block.bytes, limits) {
                Some(found) => items.extend(found),
                None => items.push(Item::Problem(KeyFileProblem::Damaged)),
            },
        }
    }
    known.then_some(items)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(high << 4 | low).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn kinds(data: &[u8]) -> Option<String> {
        let items = read_der(data, &Limits::default())?;
        let letter = |item: &Item| match item {
            Item::Certificate(_) => 'c',
            Item::Key(_) => 'k',
            Item::EncryptedKey(_) => 'e',
            Item::EncryptedPem(_) => 'p',
            Item::Problem(_) => '!',
        };
        Some(items.iter().map(letter).collect())
    }

    fn sequence(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        Writer::encode(|w| w.sequence(write))
    }

    #[test]
    fn der_is_told_by_its_first_elements() {
        let algorithm = |w: &mut Writer| w.algorithm(oid::RSA_ENCRYPTION, None);
        let numbers = |count: u64| sequence(|w| (0..count).for_each(|n| w.small_integer(n % 2)));
        let pkcs8 = sequence(|w| {
            w.small_integer(0);
            algorithm(w);
            w.octet_string(&[0; 200]);
        });
        let sec1 = sequence(|w| {
            w.small_integer(1);
            w.octet_string(&[0; 32]);
        });
        let encrypted = sequence(|w| {
            algorithm(w);
            w.octet_string(&[0; 32]);
        });
        let certificate = sequence(|w| {
            w.sequence(|w| {
                w.explicit(0, |w| w.small_integer(2));
                w.small_integer(1);
                (0..3).for_each(|_| algorithm(w));
            });
            algorithm(w);
            w.bit_string(&[0]);
        });
        let crl = sequence(|w| {
            w.sequence(|w| {
                w.small_integer(1);
                (0..2).for_each(|_| algorithm(w));
                w.primitive(Tag::UTC_TIME, b"260101000000Z");
            });
            algorithm(w);
            w.bit_string(&[0]);
        });
        let public = sequence(|w| {
            algorithm(w);
            w.bit_string(&[0]);
        });
        let one = |data: &[u8]| kinds(data).unwrap_or_default();
        assert_eq!(one(&pkcs8), "k");
        assert_eq!(one(&sec1), "k");
        assert_eq!(one(&numbers(9)), "k");
        assert_eq!(one(&encrypted), "e");
        assert_eq!(one(&certificate), "c");
        assert_eq!(one(&public), "");
        assert_eq!(one(&crl), "");
        assert_eq!(one(&numbers(2)), "");
        assert_eq!(one(&sequence(|_| {})), "");
        assert_eq!(one(b"0123456789"), "");
        assert_eq!(one(b""), "");
        let both = [certificate.as_slice(), &certificate, &pkcs8, b"\r\n"].concat();
        assert_eq!(one(&both), "cck");
        assert_eq!(one(&both[..both.len() - 9]), "cc!");
        assert_eq!(one(&pkcs8[..100]), "!");
    }

    #[test]
    fn blocks_are_told_by_their_labels() {
        let text = |label| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        let read = |text: &str| read_pem(text.as_bytes(), &Limits::default());
        for label in [
            "PUBLIC KEY",
            "X509 CRL",
            "CERTIFICATE REQUEST",
            "EC PARAMETERS",
        ] {
            assert!(read(&text(label)).is_none(), "{label}");
        }
        let ssh = read(&text("OPENSSH PRIVATE KEY")).unwrap();
        let what = KeyFileProblem::UnsupportedAlgorithm("OPENSSH PRIVATE KEY".to_owned());
        assert!(ssh == [Item::Problem(what)]);
        let damaged = read(&text("PRIVATE KEY")).unwrap();
        assert!(damaged == [Item::Problem(KeyFileProblem::Damaged)]);
    }
}
