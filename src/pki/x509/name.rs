//! Distinguished names: compared as RFC 5280 §7.1 says, written as RFC 4514 says.

use std::fmt::Write as _;

use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, Element, Reader};
use crate::asn1::tag::Tag;
use crate::asn1::text;
use crate::asn1::writer::Writer;
use crate::crypto::digest;

/// `Name` (RFC 5280 §4.1.2.4), kept as its encoding.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(&'a [u8]);

/// One `AttributeTypeAndValue`.
#[derive(Clone, Copy, Debug)]
pub struct NameAttribute<'a> {
    /// Which `RelativeDistinguishedName` of the name it stands in, from 0.
    pub rdn: usize,
    /// The attribute's type.
    pub oid: Oid<'a>,
    /// The attribute's value.
    pub value: Element<'a>,
}

/// Equal for names that compare equal; different names share one only by accident or design, so whoever finds
/// something by it compares the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(pub u64);

impl<'a> Name<'a> {
    /// A name from all octets of its element. What they hold is looked at when it is asked for.
    #[must_use]
    pub fn new(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// All octets of the element, as received.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The name has no attributes; so has one that can't be read.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.attributes().is_ok_and(|all| all.is_empty())
    }

    /// Every attribute in the order written.
    ///
    /// # Errors
    /// Where the encoding is no `RDNSequence`.
    pub fn attributes(self) -> Result<Vec<NameAttribute<'a>>, BerError> {
        let mut all = Vec::new();
        let mut r = Reader::new(self.0);
        r.sequence(|r| {
            let mut rdn = 0;
            while !r.is_empty() {
                r.nested(Tag::SET, |r| {
                    while !r.is_empty() {
                        all.push(r.sequence(|r| {
                            Ok(NameAttribute {
                                rdn,
                                oid: r.oid()?,
                                value: r.element()?,
                            })
                        })?);
                    }
                    Ok(())
                })?;
                rdn += 1;
            }
            Ok(())
        })?;
        r.finish()?;
        Ok(all)
    }

    /// The same octets for every name that compares equal (RFC 5280 §7.1): strings of all types as Unicode, in lower
    /// case, white space at the ends dropped and inside made one space; attributes of one RDN sorted.
    /// Unicode normalisation (RFC 4518 §2.3) is not done: a composed and a decomposed letter differ.
    /// A name that can't be read is equal to itself only.
    #[must_use]
    pub fn normalised(self) -> Vec<u8> {
        let Ok(attributes) = self.attributes() else {
            return [&[0], self.0].concat();
        };
        Writer::encode(|w| {
            w.sequence(|w| {
                for rdn in attributes.chunk_by(|a, b| a.rdn == b.rdn) {
                    w.set_of(rdn.iter().map(normalised_attribute).collect());
                }
            });
        })
    }

    /// [`Name::normalised`] of this name with one more RDN behind it, given as the inside of its SET: how the relative name
    /// of a distribution point is completed (RFC 5280 §4.2.1.13).
    #[must_use]
    pub fn normalised_with(self, rdn: &[u8]) -> Vec<u8> {
        let content = Reader::new(self.0).expect(Tag::SEQUENCE).map(|e| e.content);
        let longer = Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(content.unwrap_or_default());
                w.constructed(Tag::SET, |w| w.raw(rdn));
            });
        });
        Name::new(&longer).normalised()
    }

    /// What the name is looked up by.
    #[must_use]
    pub fn key(self) -> NameKey {
        let [a, b, c, d, e, f, g, h, ..] = digest::sha256(&self.normalised());
        NameKey(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// Equal by RFC 5280 §7.1.
    #[must_use]
    pub fn matches(self, other: Name<'_>) -> bool {
        self.0 == other.0 || self.normalised() == other.normalised()
    }

    /// Texts of all attributes of one type, in the order written. Values that are no strings are left out.
    #[must_use]
    pub fn texts(self, wanted: Oid<'_>) -> Vec<String> {
        self.attributes()
            .unwrap_or_default()
            .iter()
            .filter(|attribute| attribute.oid == wanted)
            .filter_map(|attribute| text::text(&attribute.value))
            .map(|text| text.text)
            .collect()
    }

    /// RFC 4514 text: the last RDN first, as `openssl x509 -nameopt RFC2253,-esc_msb` writes it, with the names of the
    /// table of object identifiers. Letters beyond ASCII stand as they are, control characters as `\XX`.
    /// A type not in the table is dotted and its value `#` and hexadecimal; so is a value that is no string.
    /// A name that can't be read is `#` and the hexadecimal of its encoding.
    #[must_use]
    pub fn display(self) -> String {
        let Ok(attributes) = self.attributes() else {
            return hash_hex(self.0);
        };
        let mut out = String::new();
        let mut last = None;
        for attribute in attributes.iter().rev() {
            match last {
                None => {}
                Some(rdn) if rdn == attribute.rdn => out.push('+'),
                Some(_) => out.push(','),
            }
            last = Some(attribute.rdn);
            out.push_str(&attribute.oid.label());
            out.push('=');
            match (attribute.oid.name(), text::text(&attribute.value)) {
                (Some(_), Some(text)) => escape(&text.text, &mut out),
                _ => out.push_str(&hash_hex(attribute.value.raw)),
            }
        }
        out
    }
}

fn normalised_attribute(attribute: &NameAttribute<'_>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(attribute.oid);
            match text::text(&attribute.value) {
                Some(text) => w.primitive(Tag::UTF8_STRING, fold(&text.text).as_bytes()),
                None => w.octet_string(attribute.value.raw),
            }
        });
    })
}

/// Lower case, white space at the ends dropped and inside made one space.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

/// RFC 4514 §2.4.
fn escape(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                out.push('\\');
                out.push(character);
            }
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\{:02X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
}

fn hash_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(1 + 2 * bytes.len());
    out.push('#');
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::oid;

    fn name(rdns: &[&[(Oid<'_>, Tag, &[u8])]]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                for rdn in rdns {
                    w.constructed(Tag::SET, |w| {
                        for (oid, tag, value) in *rdn {
                            w.sequence(|w| {
                                w.oid(*oid);
                                w.primitive(*tag, value);
                            });
                        }
                    });
                }
            });
        })
    }

    #[test]
    fn names_compare_without_regard_to_type_case_and_spaces() {
        let one = name(&[&[(oid::ORGANIZATION, Tag::PRINTABLE_STRING, b"Big  Company ")]]);
        for (tag, value) in [
            (Tag::UTF8_STRING, b"big company".as_slice()),
            (Tag::T61_STRING, b" BIG Company"),
            (Tag::BMP_STRING, b"\0B\0i\0g\0 \0c\0o\0m\0p\0a\0n\0y"),
        ] {
            let other = name(&[&[(oid::ORGANIZATION, tag, value)]]);
            assert!(Name::new(&one).matches(Name::new(&other)), "{tag:?}");
            assert_eq!(Name::new(&one).key(), Name::new(&other).key(), "{tag:?}");
        }
        for other in [
            name(&[&[(oid::ORGANIZATION, Tag::UTF8_STRING, b"bigcompany")]]),
            name(&[&[(oid::COMMON_NAME, Tag::UTF8_STRING, b"big company")]]),
            name(&[&[(oid::ORGANIZATION, Tag::OCTET_STRING, b"big company")]]),
            name(&[]),
        ] {
            assert!(!Name::new(&one).matches(Name::new(&other)), "{other:02x?}");
        }
    }

    #[test]
    fn the_order_of_rdns_counts_and_that_inside_one_does_not() {
        let cn = (oid::COMMON_NAME, Tag::UTF8_STRING, b"x".as_slice());
        let ou = (oid::ORGANIZATIONAL_UNIT, Tag::UTF8_STRING, b"y".as_slice());
        let (multi, turned) = (name(&[&[cn, ou]]), name(&[&[ou, cn]]));
        assert!(Name::new(&multi).matches(Name::new(&turned)));
        let (two, swapped) = (name(&[&[cn], &[ou]]), name(&[&[ou], &[cn]]));
        assert!(!Name::new(&two).matches(Name::new(&swapped)));
        assert!(!Name::new(&two).matches(Name::new(&multi)));
    }

    #[test]
    fn a_damaged_name_equals_itself_only() {
        let (one, two) = ([0x30, 5, 1], [0x30, 5, 2]);
        assert!(Name::new(&one).matches(Name::new(&one)));
        assert!(!Name::new(&one).matches(Name::new(&two)));
        assert_eq!(Name::new(&one).display(), "#300501");
    }

    #[test]
    fn text_is_that_of_rfc_4514() {
        let der = name(&[
            &[(oid::COUNTRY, Tag::PRINTABLE_STRING, b"DE")],
            &[(
                oid::ORGANIZATION,
                Tag::UTF8_STRING,
                "Zoë, \"Co\"\n".as_bytes(),
            )],
            &[
                (oid::COMMON_NAME, Tag::UTF8_STRING, b" #x "),
                (oid::SURNAME, Tag::UTF8_STRING, b"#y"),
            ],
            &[(oid::SHA256, Tag::UTF8_STRING, b"z")],
        ]);
        // sha256 has a name in the table; what has none is dotted, see below.
        assert_eq!(
            Name::new(&der).display(),
            "sha256=z,SN=\\#y+CN=\\ #x\\ ,O=Zoë\\, \\\"Co\\\"\\0A,C=DE"
        );
        let unknown = Oid::from_content(&[0x88, 0x37]).unwrap();
        let der = name(&[&[(unknown, Tag::UTF8_STRING, b"z")]]);
        assert_eq!(Name::new(&der).display(), "2.999=#0C017A");
    }
}
