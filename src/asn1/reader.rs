//! A cursor over BER (X.690 §8): definite and indefinite lengths, strings in chunks, never recursive.

pub use crate::asn1::error::{BerError, BerErrorKind};
use crate::asn1::octet_string::OctetString;
use crate::asn1::oid::Oid;
use crate::asn1::tag::{Class, Tag};
use crate::asn1::time::{Time, TimeForm};

/// Nesting accepted when the end of an indefinite-length element is looked for, and in [`Reader::nested`].
/// The deepest honest CMS message nests about 20 levels.
pub const MAX_DEPTH: u16 = 64;

/// One element: identifier, length and contents (X.690 §8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octets.
    pub tag: Tag,
    /// All octets of the element, as received.
    pub raw: &'a [u8],
    /// The contents, without end-of-contents octets.
    pub content: &'a [u8],
    /// The length was given as indefinite (X.690 §8.1.3.6), which DER forbids.
    pub indefinite: bool,
    /// Offset of the element in the outermost input, in bytes.
    pub at: usize,
    depth: u16,
    content_at: usize,
}

impl<'a> Element<'a> {
    /// A reader over the contents.
    ///
    /// # Errors
    /// `TooDeep` past [`MAX_DEPTH`] levels.
    pub fn reader(&self) -> Result<Reader<'a>, BerError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(BerErrorKind::TooDeep));
        }
        Ok(Reader {
            data: self.content,
            at: 0,
            base: self.content_at,
            depth: self.depth + 1,
        })
    }

    /// A reader whose one element is this one, errors placed as before.
    #[must_use]
    pub fn as_reader(&self) -> Reader<'a> {
        Reader {
            data: self.raw,
            at: 0,
            base: self.at,
            depth: self.depth,
        }
    }

    /// Offset of the contents in the outermost input, in bytes.
    #[must_use]
    pub fn content_at(&self) -> usize {
        self.content_at
    }

    /// An error placed at this element.
    #[must_use]
    pub fn error(&self, kind: BerErrorKind) -> BerError {
        BerError { at: self.at, kind }
    }

    /// The element as an octet string whatever its tag: the caller has checked that (IMPLICIT tags).
    #[must_use]
    pub fn as_octet_string(&self) -> OctetString<'a> {
        if self.tag.constructed {
            OctetString::Chunked {
                content: self.content,
                at: self.content_at,
            }
        } else {
            OctetString::Whole(self.content)
        }
    }

    /// The element as an integer whatever its tag (IMPLICIT tags).
    ///
    /// # Errors
    /// `Value` if it has no octets.
    pub fn as_integer(&self) -> Result<Integer<'a>, BerError> {
        if self.tag.constructed || self.content.is_empty() {
            return Err(self.error(BerErrorKind::Value));
        }
        Ok(Integer(self.content))
    }

    /// The element as an object identifier whatever its tag (IMPLICIT tags).
    ///
    /// # Errors
    /// `Value` if the octets are no object identifier.
    pub fn as_oid(&self) -> Result<Oid<'a>, BerError> {
        if self.tag.constructed {
            return Err(self.error(BerErrorKind::Value));
        }
        Oid::from_content(self.content).ok_or_else(|| self.error(BerErrorKind::Value))
    }

    /// The element as a bit string whatever its tag (IMPLICIT tags).
    ///
    /// # Errors
    /// `Value` if the count of unused bits is missing or over 7, or the string comes in chunks.
    pub fn as_bit_string(&self) -> Result<BitString<'a>, BerError> {
        let (unused, bytes) = match self.content.split_first() {
            Some((unused, bytes)) if !self.tag.constructed && *unused < 8 => (*unused, bytes),
            _ => return Err(self.error(BerErrorKind::Value)),
        };
        if unused > 0 && bytes.is_empty() {
            return Err(self.error(BerErrorKind::Value));
        }
        Ok(BitString {
            unused_bits: unused,
            bytes,
        })
    }

    /// UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5), with how it was written.
    ///
    /// # Errors
    /// `UnexpectedTag` for another type, `Value` if it names no instant.
    pub fn as_time(&self) -> Result<(Time, TimeForm), BerError> {
        let parsed = if self.tag == Tag::UTC_TIME {
            Time::from_utc_time(self.content)
        } else if self.tag == Tag::GENERALIZED_TIME {
            Time::from_generalized_time(self.content)
        } else {
            return Err(self.error(BerErrorKind::UnexpectedTag));
        };
        parsed.ok_or_else(|| self.error(BerErrorKind::Value))
    }
}

/// Content octets of an INTEGER: big-endian two's complement, as received (maybe not minimal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integer<'a>(pub &'a [u8]);

impl<'a> Integer<'a> {
    /// The value, where it is not negative and fits.
    #[must_use]
    pub fn to_u64(self) -> Option<u64> {
        if self.is_negative() {
            return None;
        }
        let bytes = self.magnitude();
        if bytes.len() > 8 {
            return None;
        }
        Some(
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }

    /// The octets without leading zeros: the magnitude of a non-negative value.
    #[must_use]
    pub fn magnitude(self) -> &'a [u8] {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }

    /// The sign bit is set.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0.first().is_some_and(|byte| byte & 0x80 != 0)
    }

    /// The octets without redundant leading ones (X.690 §8.3.2), for comparing serial numbers.
    #[must_use]
    pub fn minimal(self) -> &'a [u8] {
        let mut bytes = self.0;
        while let [first, rest @ ..] = bytes {
            let redundant = match rest.first() {
                Some(second) => {
                    (*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0)
                }
                None => false,
            };
            if !redundant {
                break;
            }
            bytes = rest;
        }
        bytes
    }
}

/// A BIT STRING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitString<'a> {
    /// Bits of the last octet that don't count.
    pub unused_bits: u8,
    /// The octets, first bit in the highest position.
    pub bytes: &'a [u8],
}

impl BitString<'_> {
    /// Bit `index`, counted from the first; bits that are not there are false (X.680 §22.7).
    #[must_use]
    pub fn bit(&self, index: usize) -> bool {
        self.bytes
            .get(index / 8)
            .is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    }
}

/// A cursor over the elements of one level.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    base: usize,
    depth: u16,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self::at_offset(data, 0)
    }

    /// Reads `data`, which begins at `base` in the outermost input: errors are placed there.
    #[must_use]
    pub fn at_offset(data: &'a [u8], base: usize) -> Self {
        Self {
            data,
            at: 0,
            base,
            depth: 0,
        }
    }

    /// Nothing is left on this level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    /// What is left on this level.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// Offset of the next element in the outermost input, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.base + self.at
    }

    /// The next element's tag, without reading it. None at the end or where there is no tag.
    #[must_use]
    pub fn peek(&self) -> Option<Tag> {
        let mut copy = *self;
        copy.tag().ok()
    }

    /// An error placed at the next element.
    #[must_use]
    pub fn error(&self, kind: BerErrorKind) -> BerError {
        BerError {
            at: self.offset(),
            kind,
        }
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// Where identifier or length octets are damaged or the contents are not all there.
    pub fn element(&mut self) -> Result<Element<'a>, BerError> {
        let start = self.at;
        let at = self.offset();
        let tag = self.tag()?;
        let length = self.length()?;
        let content_start = self.at;
        let (content_end, end) = match length {
            Some(length) => {
                let end = content_start
                    .checked_add(length)
                    .filter(|end| *end <= self.data.len())
                    .ok_or(BerError {
                        at,
                        kind: BerErrorKind::Truncated,
                    })?;
                (end, end)
            }
            None if !tag.constructed => {
                return Err(BerError {
                    at,
                    kind: BerErrorKind::Length,
                });
            }
            None => {
                self.skip_to_end_of_contents()?;
                (self.at - 2, self.at)
            }
        };
        self.at = end;
        Ok(Element {
            tag,
            raw: self.data.get(start..end).unwrap_or_default(),
            content: self
                .data
                .get(content_start..content_end)
                .unwrap_or_default(),
            indefinite: length.is_none(),
            at,
            depth: self.depth,
            content_at: self.base + content_start,
        })
    }

    /// The next element, which must have this tag. A string's constructed form counts as the same type.
    ///
    /// # Errors
    /// `UnexpectedTag` (nothing is consumed), or as [`Reader::element`].
    pub fn expect(&mut self, tag: Tag) -> Result<Element<'a>, BerError> {
        match self.optional(tag)? {
            Some(element) => Ok(element),
            None if self.is_empty() => Err(self.error(BerErrorKind::Truncated)),
            None => Err(self.error(BerErrorKind::UnexpectedTag)),
        }
    }

    /// The next element if it has this tag. A string's constructed form counts as the same type.
    ///
    /// # Errors
    /// As [`Reader::element`].
    pub fn optional(&mut self, tag: Tag) -> Result<Option<Element<'a>>, BerError> {
        match self.peek() {
            Some(seen)
                if seen == tag || (!tag.constructed && is_string(tag) && seen.same_type(tag)) =>
            {
                self.element().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// All octets of the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub fn raw(&mut self, tag: Tag) -> Result<&'a [u8], BerError> {
        Ok(self.expect(tag)?.raw)
    }

    /// Reads the inside of a SEQUENCE with `read`. Elements that `read` leaves are an error.
    ///
    /// # Errors
    /// `TrailingData`, or as [`Reader::expect`] and `read`.
    pub fn sequence<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
    ) -> Result<T, BerError> {
        self.nested(Tag::SEQUENCE, read)
    }

    /// Reads the inside of the next element, which must have this tag, with `read`. Elements that `read` leaves are an error.
    ///
    /// # Errors
    /// `TrailingData`, or as [`Reader::expect`] and `read`.
    pub fn nested<T>(
        &mut self,
        tag: Tag,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
    ) -> Result<T, BerError> {
        let mut inside = self.expect(tag)?.reader()?;
        let value = read(&mut inside)?;
        inside.finish()?;
        Ok(value)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `TrailingData` where something is.
    pub fn finish(&self) -> Result<(), BerError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(BerErrorKind::TrailingData))
        }
    }

    /// INTEGER.
    ///
    /// # Errors
    /// As [`Reader::expect`]; `Value` if it has no octets.
    pub fn integer(&mut self) -> Result<Integer<'a>, BerError> {
        self.expect(Tag::INTEGER)?.as_integer()
    }

    /// INTEGER from 0 to 2^64 - 1.
    ///
    /// # Errors
    /// As [`Reader::integer`]; `Value` if it is outside.
    pub fn small_integer(&mut self) -> Result<u64, BerError> {
        let at = self.offset();
        self.integer()?.to_u64().ok_or(BerError {
            at,
            kind: BerErrorKind::Value,
        })
    }

    /// OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// As [`Reader::expect`]; `Value` if the octets are none.
    pub fn oid(&mut self) -> Result<Oid<'a>, BerError> {
        self.expect(Tag::OID)?.as_oid()
    }

    /// OCTET STRING, in one piece or in chunks.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub fn octet_string(&mut self) -> Result<OctetString<'a>, BerError> {
        Ok(self.expect(Tag::OCTET_STRING)?.as_octet_string())
    }

    /// BIT STRING in one piece.
    ///
    /// # Errors
    /// As [`Reader::expect`]; `Value` if it comes in chunks or without the count of unused bits.
    pub fn bit_string(&mut self) -> Result<BitString<'a>, BerError> {
        self.expect(Tag::BIT_STRING)?.as_bit_string()
    }

    /// BOOLEAN; every octet but 0 is true (X.690 §8.2.2).
    ///
    /// # Errors
    /// As [`Reader::expect`]; `Value` unless it has one octet.
    pub fn boolean(&mut self) -> Result<bool, BerError> {
        let element = self.expect(Tag::BOOLEAN)?;
        match element.content {
            [value] => Ok(*value != 0),
            _ => Err(element.error(BerErrorKind::Value)),
        }
    }

    /// UTCTime or GeneralizedTime, with how it was written.
    ///
    /// # Errors
    /// As [`Element::as_time`].
    pub fn time(&mut self) -> Result<(Time, TimeForm), BerError> {
        if self.is_empty() {
            return Err(self.error(BerErrorKind::Truncated));
        }
        self.element()?.as_time()
    }

    fn byte(&mut self) -> Result<u8, BerError> {
        let byte = self.data.get(self.at).copied();
        match byte {
            Some(byte) => {
                self.at += 1;
                Ok(byte)
            }
            None => Err(self.error(BerErrorKind::Truncated)),
        }
    }

    /// Identifier octets (X.690 §8.1.2).
    pub(super) fn tag(&mut self) -> Result<Tag, BerError> {
        let at = self.offset();
        let first = self.byte()?;
        let class = match first >> 6 {
            0 => Class::Universal,
            1 => Class::Application,
            2 => Class::Context,
            _ => Class::Private,
        };
        let mut number = u32::from(first & 0x1f);
        if number == 0x1f {
            number = 0;
            let wrong = BerError {
                at,
                kind: BerErrorKind::TagNumber,
            };
            loop {
                let next = self.byte()?;
                if number == 0 && next == 0x80 || number > u32::MAX >> 8 {
                    return Err(wrong);
                }
                number = number << 7 | u32::from(next & 0x7f);
                if next & 0x80 == 0 {
                    break;
                }
            }
        }
        Ok(Tag {
            class,
            constructed: first & 0x20 != 0,
            number,
        })
    }

    /// Length octets (X.690 §8.1.3); None is the indefinite form.
    pub(super) fn length(&mut self) -> Result<Option<usize>, BerError> {
        let at = self.offset();
        let wrong = BerError {
            at,
            kind: BerErrorKind::Length,
        };
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(Some(usize::from(first)));
        }
        if first == 0x80 {
            return Ok(None);
        }
        let mut length: u64 = 0;
        for _ in 0..first & 0x7f {
            let next = self.byte()?;
            if length > u64::from(u32::MAX) >> 8 {
                return Err(wrong);
            }
            length = length << 8 | u64::from(next);
        }
        usize::try_from(length).map(Some).map_err(|_| wrong)
    }

    /// Moves behind the end-of-contents octets that belong to the element whose contents begin here.
    fn skip_to_end_of_contents(&mut self) -> Result<(), BerError> {
        let mut open: u16 = 1;
        while open > 0 {
            let at = self.offset();
            if let Some([0, 0]) = self.data.get(self.at..self.at + 2) {
                self.at += 2;
                open -= 1;
                continue;
            }
            let tag = self.tag()?;
            match self.length()? {
                Some(length) => {
                    self.at = self
                        .at
                        .checked_add(length)
                        .filter(|end| *end <= self.data.len())
                        .ok_or(BerError {
                            at,
                            kind: BerErrorKind::Truncated,
                        })?;
                }
                None if tag.constructed && open < MAX_DEPTH => open += 1,
                None => {
                    let kind = if tag.constructed {
                        BerErrorKind::TooDeep
                    } else {
                        BerErrorKind::Length
                    };
                    return Err(BerError { at, kind });
                }
            }
        }
        Ok(())
    }
}

/// Types whose BER encoding may come in chunks, IMPLICIT tags included.
fn is_string(tag: Tag) -> bool {
    match tag.class {
        Class::Context => true,
        Class::Universal => matches!(tag.number, 3 | 4 | 12 | 18..=30),
        Class::Application | Class::Private => false,
    }
}

#[cfg(test)]
mod tests;
