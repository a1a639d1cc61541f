//! Character strings (X.680 §41) as text.

use crate::asn1::reader::Element;
use crate::asn1::tag::{Class, Tag};

/// Text of a string, and whether its octets were in order for its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The characters; what could not be read is U+FFFD.
    pub text: String,
    /// Every octet was a character of the type.
    pub well_formed: bool,
}

/// The text of a character string, by its tag; None where the element is no character string.
///
/// TeletexString is read as Latin-1, as every S/MIME program of the nineties wrote it. UTF-8 in a PrintableString or
/// IA5String (some German and Asian authorities) is read as UTF-8, with `well_formed: false`.
#[must_use]
pub fn text(element: &Element<'_>) -> Option<Text> {
    if element.tag.class != Class::Universal {
        return None;
    }
    if element.tag.constructed {
        let is_string = matches!(element.tag.number, 12 | 18..=22 | 26 | 28 | 30);
        return is_string.then(|| Text {
            text: String::from_utf8_lossy(element.content).into_owned(),
            well_formed: false,
        });
    }
    text_of(element.tag, element.content)
}

/// As [`text`], from a tag and content octets.
#[must_use]
pub fn text_of(tag: Tag, content: &[u8]) -> Option<Text> {
    Some(match tag {
        Tag::UTF8_STRING => utf8(content, true),
        Tag::PRINTABLE_STRING | Tag::IA5_STRING | Tag::VISIBLE_STRING | Tag::NUMERIC_STRING => {
            utf8(content, content.is_ascii())
        }
        Tag::T61_STRING => Text {
            text: content.iter().copied().map(char::from).collect(),
            well_formed: true,
        },
        Tag::BMP_STRING => utf16(content),
        Tag::UNIVERSAL_STRING => utf32(content),
        _ => return None,
    })
}

fn utf8(content: &[u8], well_formed: bool) -> Text {
    match std::str::from_utf8(content) {
        Ok(text) => Text {
            text: text.to_owned(),
            well_formed,
        },
        Err(_) => Text {
            text: content.iter().copied().map(char::from).collect(),
            well_formed: false,
        },
    }
}

fn utf16(content: &[u8]) -> Text {
    let (pairs, rest) = content.as_chunks::<2>();
    let mut well_formed = rest.is_empty();
    let text = char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
        .map(|unit| {
            unit.unwrap_or_else(|_| {
                well_formed = false;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    Text { text, well_formed }
}

fn utf32(content: &[u8]) -> Text {
    let (fours, rest) = content.as_chunks::<4>();
    let mut well_formed = rest.is_empty();
    let text = fours
        .iter()
        .map(|four| {
            char::from_u32(u32::from_be_bytes(*four)).unwrap_or_else(|| {
                well_formed = false;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    Text { text, well_formed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_type_gives_its_characters() {
        for (tag, content, text, well_formed) in [
            (Tag::UTF8_STRING, "Zoë".as_bytes(), "Zoë", true),
            (Tag::UTF8_STRING, &[b'Z', 0xeb], "Zë", false),
            (Tag::PRINTABLE_STRING, b"Zoe", "Zoe", true),
            (Tag::PRINTABLE_STRING, "Zoë".as_bytes(), "Zoë", false),
            (Tag::T61_STRING, &[b'Z', 0xeb], "Zë", true),
            (Tag::BMP_STRING, &[0, b'Z', 0, 0xeb], "Zë", true),
            (Tag::BMP_STRING, &[0, b'Z', 0], "Z", false),
            (Tag::BMP_STRING, &[0xd8, 0], "\u{fffd}", false),
            (Tag::UNIVERSAL_STRING, &[0, 0, 0, b'Z'], "Z", true),
            (Tag::UNIVERSAL_STRING, &[0, 0x11, 0, 0], "\u{fffd}", false),
        ] {
            let expected = Text {
                text: text.to_owned(),
                well_formed,
            };
            assert_eq!(text_of(tag, content), Some(expected), "{tag:?} {content:?}");
        }
        assert_eq!(text_of(Tag::OCTET_STRING, b"x"), None);
    }
}
