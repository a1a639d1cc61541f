//! Is a decrypted text mail? One wrong key in 256 passes the padding of CBC, so the text itself is asked (verdict.md).

use crate::asn1::{Oid, oid};
use crate::mime::transfer::looks_like_ber;

/// How much of a plaintext must be text.
const TEXT_BYTES: usize = 1024;

/// It begins with a header field, an empty line or a CMS ContentInfo, or its first KiB is text. AEAD needs no such test.
pub(super) fn is_plausible(plaintext: &[u8], content_type: Oid<'_>) -> bool {
    if content_type != oid::DATA {
        return matches!(plaintext.first(), Some(0x30 | 0x24 | 0x04));
    }
    plaintext.is_empty()
        || plaintext.starts_with(b"\r\n")
        || plaintext.starts_with(b"\n")
        || begins_with_field(plaintext)
        || looks_like_ber(plaintext)
        || is_text(plaintext.get(..TEXT_BYTES).unwrap_or(plaintext))
}

/// RFC 5322 §3.6.8: printable ASCII but colon, then the colon.
fn begins_with_field(bytes: &[u8]) -> bool {
    let name = bytes
        .iter()
        .take_while(|byte| matches!(byte, 33..=57 | 59..=126))
        .count();
    name >= 2 && bytes.get(name) == Some(&b':')
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| !matches!(byte, 0..=8 | 11 | 12 | 14..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_told_from_noise() {
        for (bytes, expected) in [
            (&b"Content-Type: text/plain\r\n\r\nhello"[..], true),
            (b"\r\nhello", true),
            (b"\nhello", true),
            (b"", true),
            (b"This is some sample content.", true),
            (&[0x30, 0x80, 0x06, 0x09], true),
            ("Grüße".as_bytes(), true),
            (&[0x8a, 0x01, 0x7f, 0x33], false),
            (b"x\0y", false),
        ] {
            assert_eq!(is_plausible(bytes, oid::DATA), expected, "{bytes:?}");
        }
        assert!(is_plausible(&[0x30, 3, 2, 1, 1], oid::SIGNED_DATA));
        assert!(!is_plausible(b"text", oid::SIGNED_DATA));
    }
}
