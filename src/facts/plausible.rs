//! Is a decrypted text mail? One wrong key in 256 passes the padding of CBC, so the text itself is asked (verdict.md).

use crate::asn1::{Oid, Reader, oid};
use crate::mime::transfer::looks_like_ber;

/// How much of a plaintext must be text.
const TEXT_BYTES: usize = 1024;

/// The same for a cipher without padding (RC4), where a short text of any bytes would pass: it must begin as mail or as CMS does, and
/// nothing at all is no mail.
pub(super) fn is_plausible_without_padding(plaintext: &[u8], content_type: Oid<'_>) -> bool {
    if content_type != oid::DATA {
        return is_one_element(plaintext);
    }
    let start = plaintext.get(..TEXT_BYTES).unwrap_or(plaintext);
    behind_empty_line(start).is_some_and(is_text_with_shifts)
        || begins_with_field(start)
        || looks_like_ber(plaintext)
}

/// It begins with a header field, an empty line or a CMS ContentInfo, or its first KiB is text. AEAD needs no such test.
///
/// One wrong key in 256 gets here, so what begins well is looked at further: the line of a header field is text, and so is what
/// stands behind an empty line, whose type is text/plain then (RFC 2045 §5.2).
pub(super) fn is_plausible(plaintext: &[u8], content_type: Oid<'_>) -> bool {
    if content_type != oid::DATA {
        return is_one_element(plaintext);
    }
    let start = plaintext.get(..TEXT_BYTES).unwrap_or(plaintext);
    plaintext.is_empty()
        || behind_empty_line(start).is_some_and(is_text_with_shifts)
        || begins_with_field(start)
        || looks_like_ber(plaintext)
        || is_text(start)
}

/// An element that ends where the plaintext does.
fn is_one_element(plaintext: &[u8]) -> bool {
    let mut r = Reader::new(plaintext);
    r.element().is_ok() && r.finish().is_ok()
}

fn behind_empty_line(start: &[u8]) -> Option<&[u8]> {
    start
        .strip_prefix(b"\r\n")
        .or_else(|| start.strip_prefix(b"\n"))
}

/// RFC 5322 §3.6.8: printable ASCII but colon, then the colon; and no control character to the end of the line.
fn begins_with_field(start: &[u8]) -> bool {
    let name = start
        .iter()
        .take_while(|byte| matches!(byte, 33..=57 | 59..=126))
        .count();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
    name >= 2 && start.get(name) == Some(&b':') && is_text_with_shifts(line)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| !matches!(byte, 0..=8 | 11 | 12 | 14..=31))
}

/// Text that may also hold form feeds, and the shifts and escapes of ISO 2022.
fn is_text_with_shifts(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| !matches!(byte, 0..=8 | 11 | 16..=26 | 28..=31))
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
            (b"\nx\0y", false),
            (b"\r\n\x1b$B4A;z\x1b(B", true),
            (b"Xy: \x01\n", false),
            (b"Subject: \x1b$B4A;z\x1b(B\n", true),
            (b"X: y\n\n\0\x01", false), // one letter is no name of a field
            (b"Xy: z\n\n\0\x01", true),
        ] {
            assert_eq!(is_plausible(bytes, oid::DATA), expected, "{bytes:?}");
        }
        for (bytes, expected) in [
            (&b"Content-Type: text/plain\r\n\r\nhello"[..], true),
            (b"\r\nhello", true),
            (&[0x30, 0x80, 0x06, 0x09], true),
            (b"", false),
            (b"This is some sample content.", false),
            (&[0xc3, 0xa9, 0x7f], false),
        ] {
            let plausible = is_plausible_without_padding(bytes, oid::DATA);
            assert_eq!(plausible, expected, "{bytes:?}");
        }
        assert!(!is_plausible_without_padding(b"text", oid::SIGNED_DATA));
        assert!(is_plausible(&[0x30, 3, 2, 1, 1], oid::SIGNED_DATA));
        assert!(!is_plausible(b"text", oid::SIGNED_DATA));
        assert!(!is_plausible(&[0x30, 3, 2, 1], oid::SIGNED_DATA));
        assert!(!is_plausible(&[0x30, 3, 2, 1, 1, 0], oid::SIGNED_DATA));
    }
}
