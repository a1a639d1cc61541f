//! Attributes of a signer or of encrypted content (RFC 5652 §5.3): the set, and the octets of it that are hashed.

use std::borrow::Cow;

use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Element;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::lengths;
use crate::asn1::oid;
use crate::cms::list;
use crate::limits::Limits;

/// A set of attributes: known to be in order, and read again when asked, so that it costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// The whole element as received, mostly with an IMPLICIT tag.
    pub raw: &'a [u8],
    element: Element<'a>,
    count: usize,
}

impl<'a> Attributes<'a> {
    /// `[number] IMPLICIT SET OF Attribute OPTIONAL`.
    ///
    /// # Errors
    /// Where the next element has this tag and is no set of attributes, or one over `limits`.
    pub fn optional(
        r: &mut Reader<'a>,
        number: u32,
        limits: &Limits,
    ) -> Result<Option<Self>, BerError> {
        match r.optional(Tag::context_constructed(number))? {
            Some(element) => Self::read(element, limits).map(Some),
            None => Ok(None),
        }
    }

    /// The element, whatever its tag, as SET OF Attribute.
    ///
    /// # Errors
    /// Where it is none, or has more attributes than `limits`.
    pub fn read(element: Element<'a>, limits: &Limits) -> Result<Self, BerError> {
        let count = list::for_each(&element, limits.attributes, |r| {
            let mut values = Attribute::read(r)?.set.reader()?;
            while !values.is_empty() {
                values.element()?;
            }
            Ok(())
        })?;
        Ok(Self {
            raw: element.raw,
            element,
            count,
        })
    }

    /// The attributes in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut inside = self.element.reader().ok();
        std::iter::from_fn(move || Attribute::read(inside.as_mut()?).ok())
    }

    /// The first attribute of this type.
    #[must_use]
    pub fn find(&self, oid: Oid<'_>) -> Option<Attribute<'a>> {
        self.iter().find(|attribute| attribute.oid == oid)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is hashed: SET OF in place of the IMPLICIT tag, the order as received, lengths as DER (RFC 5652 §5.4; RFC 5083 §2.2).
    ///
    /// A value that is damaged inside keeps its octets. Borrows where the lengths are DER's already.
    #[must_use]
    pub fn to_digest(&self) -> DigestInput<'a> {
        let single_octet_tag = self.raw.first().is_some_and(|lead| lead & 0x1f != 0x1f);
        if single_octet_tag && lengths::has_der_lengths(self.raw) {
            return DigestInput {
                behind_tag: Cow::Borrowed(self.raw.get(1..).unwrap_or_default()),
            };
        }
        let content = lengths::with_der_lengths(self.element.content)
            .unwrap_or(Cow::Borrowed(self.element.content));
        DigestInput::of(&content)
    }

    /// As [`Attributes::to_digest`], in DER's order (X.690 §11.6); None where that is the order already.
    #[must_use]
    pub fn to_digest_sorted(&self) -> Option<DigestInput<'a>> {
        let content = lengths::with_der_lengths(self.element.content)
            .unwrap_or(Cow::Borrowed(self.element.content));
        let mut elements = Vec::with_capacity(self.count);
        let mut inside = Reader::new(&content);
        while !inside.is_empty() {
            elements.push(inside.element().ok()?.raw);
        }
        if elements.is_sorted() {
            return None;
        }
        elements.sort_unstable();
        Some(DigestInput::of(&elements.concat()))
    }

    /// Encoded as DER demands, but for the IMPLICIT tag: lengths and order.
    #[must_use]
    pub fn is_der(&self) -> bool {
        lengths::has_der_lengths(self.raw) && self.to_digest_sorted().is_none()
    }
}

/// The octets of a set of attributes that are hashed or authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestInput<'a> {
    behind_tag: Cow<'a, [u8]>,
}

impl DigestInput<'_> {
    fn of(content: &[u8]) -> Self {
        let mut encoded = Writer::encode(|w| w.primitive(Tag::SET, content));
        encoded.remove(0);
        Self {
            behind_tag: Cow::Owned(encoded),
        }
    }

    /// The octets in two pieces, to be hashed one after the other.
    #[must_use]
    pub fn pieces(&self) -> [&[u8]; 2] {
        [&[0x31], &self.behind_tag]
    }

    /// The octets in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces().concat()
    }
}

/// `Attribute` (RFC 5652 §5.3): a type and a set of values.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// The type.
    pub oid: Oid<'a>,
    /// The whole element as received.
    pub raw: &'a [u8],
    set: Element<'a>,
}

impl<'a> Attribute<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let element = r.expect(Tag::SEQUENCE)?;
        let mut inside = element.reader()?;
        let attribute = Self {
            oid: inside.oid()?,
            raw: element.raw,
            set: inside.expect(Tag::SET)?,
        };
        inside.finish()?;
        Ok(attribute)
    }

    /// The values in the order of the message.
    pub fn values(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut inside = self.set.reader().ok();
        std::iter::from_fn(move || inside.as_mut()?.element().ok())
    }

    /// The one value.
    ///
    /// # Errors
    /// `Value` where there is none, or more than one.
    pub fn single(&self) -> Result<Element<'a>, BerError> {
        let mut values = self.values();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(self.set.error(BerErrorKind::Value)),
        }
    }
}

/// The content is a SET OF Attribute with a messageDigest: a signature over it may be that of another message's signed attributes,
/// so without signed attributes of its own it proves nothing about the content.
#[must_use]
pub fn looks_like_signed_attributes(content: &[u8], limits: &Limits) -> bool {
    let mut r = Reader::new(content);
    let set = r.expect(Tag::SET).and_then(|set| {
        r.finish()?;
        Attributes::read(set, limits)
    });
    set.is_ok_and(|attributes| attributes.find(oid::MESSAGE_DIGEST).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(oid: Oid<'_>, values: &[&[u8]]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid);
                w.set_of(values.iter().map(|value| value.to_vec()).collect());
            });
        })
    }

    fn implicit(attributes: &[Vec<u8>]) -> Vec<u8> {
        Writer::encode(|w| w.explicit(0, |w| w.raw(&attributes.concat())))
    }

    fn read(raw: &[u8]) -> Result<Attributes<'_>, BerError> {
        Attributes::optional(&mut Reader::new(raw), 0, &Limits::default()).map(Option::unwrap)
    }

    fn two() -> (Vec<u8>, Vec<u8>) {
        (
            attribute(oid::CONTENT_TYPE, &[&[6, 3, 0x2a, 3, 4]]),
            attribute(oid::MESSAGE_DIGEST, &[&[4, 4, 7, 8, 7, 8]]),
        )
    }

    #[test]
    fn der_is_hashed_as_it_stands_with_the_tag_of_a_set() {
        let (a, b) = two();
        let raw = implicit(&[a, b]);
        let attributes = read(&raw).unwrap();
        let input = attributes.to_digest();
        assert!(matches!(input.behind_tag, Cow::Borrowed(_)));
        assert_eq!(input.pieces().concat(), [&[0x31], &raw[1..]].concat());
        assert_eq!(attributes.to_digest_sorted(), None);
        assert!(attributes.is_der());
        assert_eq!(attributes.count(), 2);
    }

    #[test]
    fn ber_lengths_are_hashed_as_der_in_the_order_received() {
        let (a, b) = two();
        let mut ber = vec![0xa0, 0x80];
        ber.extend_from_slice(&[0x30, 0x80]);
        ber.extend_from_slice(&b[2..b.len() - 8]); // up to the set of values
        ber.extend_from_slice(&[
            0x31, 0x80, 0x24, 0x80, 4, 2, 7, 8, 4, 2, 7, 8, 0, 0, 0, 0, 0, 0,
        ]);
        ber.extend_from_slice(&a);
        ber.extend_from_slice(&[0, 0]);
        let attributes = read(&ber).unwrap();
        let expected = Writer::encode(|w| {
            w.constructed(Tag::SET, |w| {
                w.raw(&b);
                w.raw(&a);
            });
        });
        assert_eq!(attributes.to_digest().to_vec(), expected);
        let sorted = Writer::encode(|w| w.set_of(vec![a, b]));
        assert_eq!(
            attributes.to_digest_sorted().map(|input| input.to_vec()),
            Some(sorted)
        );
        assert!(!attributes.is_der());
    }

    #[test]
    fn a_long_length_and_a_long_tag_are_made_der() {
        let (a, _) = two();
        let der = Writer::encode(|w| w.constructed(Tag::SET, |w| w.raw(&a)));
        let size = u8::try_from(a.len()).unwrap();
        for head in [&[0xa0, 0x81, size][..], &[0xbf, 0, size]] {
            let raw = [head, &a].concat();
            assert_eq!(read(&raw).unwrap().to_digest().to_vec(), der);
        }
    }

    #[test]
    fn a_value_that_is_damaged_inside_is_hashed_as_received() {
        let (a, _) = two();
        let odd = attribute(oid::CONTENT_HINTS, &[&[0x30, 2, 4, 9]]);
        let raw = [&[0xa0, 0x80], a.as_slice(), &odd, &[0, 0]].concat();
        let expected = Writer::encode(|w| w.constructed(Tag::SET, |w| w.raw(&[a, odd].concat())));
        assert_eq!(read(&raw).unwrap().to_digest().to_vec(), expected);
    }

    #[test]
    fn what_is_no_attribute_and_what_is_too_much_is_refused() {
        assert!(read(&[0xa0, 2, 5, 0]).is_err());
        assert!(read(&implicit(&[vec![0x30, 5, 6, 1, 0x2a, 5, 0]])).is_err());
        let (a, _) = two();
        let raw = implicit(&vec![a; 257]);
        assert_eq!(read(&raw).unwrap_err().kind, BerErrorKind::TooMany);
    }

    #[test]
    fn a_content_that_is_a_set_of_attributes_is_recognised() {
        let (a, b) = two();
        let limits = Limits::default();
        let set = Writer::encode(|w| w.set_of(vec![a.clone(), b.clone()]));
        assert!(looks_like_signed_attributes(&set, &limits));
        assert!(!looks_like_signed_attributes(
            &set[..set.len() - 1],
            &limits
        ));
        assert!(!looks_like_signed_attributes(
            &[&set[..], &[0]].concat(),
            &limits
        ));
        assert!(!looks_like_signed_attributes(b"1 Hello", &limits));
        let without_digest = Writer::encode(|w| w.set_of(vec![a]));
        assert!(!looks_like_signed_attributes(&without_digest, &limits));
    }
}
