//! Octets and times as text: hexadecimal, base64, RFC 3339.

use std::str;

use serde::{Serialize, Serializer};

use crate::asn1::Time;

/// Octets that are written as lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hex<'a>(pub &'a [u8]);

/// Octets that are written as base64 (RFC 4648 §4), with padding and without line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base64<'a>(pub &'a [u8]);

/// A time that is written as RFC 3339 with `Z` and whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Time);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Digests are the rule, and there are several in each record.
        let mut buffer = [0; 128];
        let pairs = buffer.as_chunks_mut::<2>().0;
        if self.0.len() <= pairs.len() {
            for (pair, byte) in pairs.iter_mut().zip(self.0) {
                *pair = hex_pair(*byte);
            }
            let digits = buffer.get(..2 * self.0.len()).unwrap_or_default();
            return serializer.serialize_str(str::from_utf8(digits).unwrap_or_default());
        }
        serializer.serialize_str(&hex(self.0))
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64(self.0))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.rfc3339();
        serializer.serialize_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// Lower-case hexadecimal. Never fails.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| hex_pair(*byte))
        .map(char::from)
        .collect()
}

/// Base64 (RFC 4648 §4) with padding and without line ends. Never fails.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let (groups, rest) = bytes.as_chunks::<3>();
    let mut out = String::with_capacity((groups.len() + 1) * 4);
    for group in groups {
        out.extend(sextets(*group).map(sextet));
    }
    match *rest {
        [a] => {
            let [first, second, ..] = sextets([a, 0, 0]);
            out.extend([sextet(first), sextet(second), '=', '=']);
        }
        [a, b] => {
            let [first, second, third, _] = sextets([a, b, 0]);
            out.extend([sextet(first), sextet(second), sextet(third), '=']);
        }
        _ => {}
    }
    out
}

/// The two lower-case digits of an octet.
pub(in crate::report) fn hex_pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        }
    };
    [digit(byte >> 4), digit(byte & 15)]
}

fn sextets([a, b, c]: [u8; 3]) -> [u8; 4] {
    [
        a >> 2,
        (a & 3) << 4 | b >> 4,
        (b & 15) << 2 | c >> 6,
        c & 63,
    ]
}

fn sextet(value: u8) -> char {
    char::from(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + (value - 26),
        52..62 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn the_test_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xef, 0xff]), "++//");
        assert_eq!(base64(&[0x69, 0xb7, 0x1d]), "abcd");
    }

    #[test]
    fn hexadecimal_is_lower_case_at_any_length() {
        assert_eq!(hex(&[0, 0x9a, 0xff]), "009aff");
        for length in [0, 1, 32, 64, 65, 1000] {
            let bytes = vec![0xa9; length];
            let json = serde_json::to_string(&Hex(&bytes)).unwrap();
            assert_eq!(json, format!("\"{}\"", "a9".repeat(length)));
        }
    }
}
