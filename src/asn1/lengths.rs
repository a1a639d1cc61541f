//! Lengths as DER demands them: definite, minimal, strings in one piece (X.690 §10.1, §10.2). The order of elements is left alone.

use std::borrow::Cow;

use crate::asn1::reader::{BerError, Reader};
use crate::asn1::tag::{Class, Tag};
use crate::asn1::writer::Writer;

/// Every length is definite and minimal, and no string comes in chunks. Looks at one header after the other and doesn't check
/// that elements end where what encloses them ends.
#[must_use]
pub fn has_der_lengths(encoded: &[u8]) -> bool {
    let mut rest = encoded;
    while let [lead, tail @ ..] = rest {
        let mut tail = tail;
        if lead & 0x1f == 0x1f {
            loop {
                let [octet, behind @ ..] = tail else {
                    return false;
                };
                tail = behind;
                if octet & 0x80 == 0 {
                    break;
                }
            }
        }
        let (length, content) = match tail {
            [short @ 0..=0x7f, content @ ..] => (usize::from(*short), content),
            [0x81, low, content @ ..] if *low >= 0x80 => (usize::from(*low), content),
            [0x82, high, low, content @ ..] if *high != 0 => {
                (usize::from(*high) << 8 | usize::from(*low), content)
            }
            [0x83, high, middle, low, content @ ..] if *high != 0 => (
                usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low),
                content,
            ),
            [0x84, a, b, c, d, content @ ..] if *a != 0 => {
                match usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])) {
                    Ok(length) => (length, content),
                    Err(_) => return false,
                }
            }
            _ => return false,
        };
        let constructed = lead & 0x20 != 0;
        if !constructed {
            match content.get(length..) {
                Some(behind) => rest = behind,
                None => return false,
            }
        } else if lead & 0xc0 == 0 && is_universal_string(u32::from(lead & 0x1f)) {
            return false;
        } else {
            rest = content; // its elements are next
        }
    }
    true
}

/// The elements of `encoded` with their lengths as DER demands them; borrowed where they are so already.
///
/// BIT STRINGs in chunks and strings in chunks under an IMPLICIT tag keep them: which type they have is not to be seen.
///
/// # Errors
/// Where an element, at any depth, is damaged or too deep.
pub fn with_der_lengths(encoded: &[u8]) -> Result<Cow<'_, [u8]>, BerError> {
    if has_der_lengths(encoded) {
        return Ok(Cow::Borrowed(encoded));
    }
    let mut enclosing: Vec<Level<'_>> = Vec::new();
    let mut level = Level {
        tag: Tag::SEQUENCE,
        reader: Reader::new(encoded),
        written: Writer::new(),
    };
    loop {
        if level.reader.is_empty() {
            let Some(mut parent) = enclosing.pop() else {
                return Ok(Cow::Owned(level.written.into_bytes()));
            };
            parent
                .written
                .primitive(level.tag, &level.written.into_bytes());
            level = parent;
            continue;
        }
        let element = level.reader.element()?;
        let is_string =
            element.tag.class == Class::Universal && is_universal_string(element.tag.number);
        if !element.tag.constructed {
            level.written.primitive(element.tag, element.content);
        } else if is_string && !element.tag.same_type(Tag::BIT_STRING) {
            let primitive = Tag::universal(element.tag.number);
            level
                .written
                .primitive(primitive, &element.as_octet_string().bytes()?);
        } else {
            let inner = Level {
                tag: element.tag,
                reader: element.reader()?,
                written: Writer::new(),
            };
            enclosing.push(std::mem::replace(&mut level, inner));
        }
    }
}

struct Level<'a> {
    tag: Tag,
    reader: Reader<'a>,
    written: Writer,
}

fn is_universal_string(number: u32) -> bool {
    matches!(number, 3 | 4 | 12 | 18..=30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_become_der_and_the_order_stays() {
        for (ber, der) in [
            (
                &[0x30, 0x80, 2, 1, 9, 2, 1, 5, 0, 0][..],
                &[0x30, 6, 2, 1, 9, 2, 1, 5][..],
            ),
            (&[0x30, 0x81, 3, 2, 1, 5], &[0x30, 3, 2, 1, 5]),
            (&[0x30, 4, 2, 0x81, 1, 5], &[0x30, 3, 2, 1, 5]),
            (&[0x24, 0x80, 4, 1, 1, 4, 1, 2, 0, 0], &[4, 2, 1, 2]),
            (&[0x2c, 6, 4, 1, b'a', 4, 1, b'b'], &[12, 2, b'a', b'b']),
            (
                &[0xa0, 0x80, 0x31, 0x80, 5, 0, 0, 0, 0, 0, 5, 0],
                &[0xa0, 4, 0x31, 2, 5, 0, 5, 0],
            ),
            (&[0x9f, 0x81, 0x49, 0x81, 1, 7], &[0x9f, 0x81, 0x49, 1, 7]),
        ] {
            assert!(!has_der_lengths(ber), "{ber:?}");
            assert_eq!(with_der_lengths(ber).as_deref(), Ok(der), "{ber:?}");
            assert!(has_der_lengths(der), "{der:?}");
            assert!(matches!(with_der_lengths(der), Ok(Cow::Borrowed(_))));
        }
    }

    #[test]
    fn long_contents_keep_their_length_octets() {
        for size in [127, 128, 255, 256, 65_535, 65_536, 16_777_216] {
            let der = Writer::encode(|w| w.octet_string(&vec![1; size]));
            assert!(has_der_lengths(&der), "{size}");
        }
    }

    #[test]
    fn what_is_damaged_or_too_deep_is_an_error() {
        assert!(with_der_lengths(&[0x30, 0x80, 2, 9, 1]).is_err());
        assert!(with_der_lengths(&[0x30, 0x81, 3, 2, 9, 1]).is_err());
        let deep = [0x30, 0x80].repeat(100_000);
        assert!(with_der_lengths(&deep).is_err());
        assert!(!has_der_lengths(&[0x30, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!has_der_lengths(&[0x1f, 0x80]));
    }
}
