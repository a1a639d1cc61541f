//! DER encoding (X.690 §10, §11).

use crate::asn1::oid::Oid;
use crate::asn1::reader::Integer;
use crate::asn1::tag::{Class, Tag};
use crate::asn1::time::Time;

/// Writes DER into memory. Lengths are filled in when an element is closed, so nothing is measured twice.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Nothing written yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoding of what `write` writes.
    #[must_use]
    pub fn encode(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut w = Self::new();
        write(&mut w);
        w.bytes
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Octets that are an encoding already.
    pub fn raw(&mut self, encoded: &[u8]) {
        self.bytes.extend_from_slice(encoded);
    }

    /// An element with this tag and these content octets.
    pub fn primitive(&mut self, tag: Tag, content: &[u8]) {
        self.tag(tag);
        self.length(content.len());
        self.bytes.extend_from_slice(content);
    }

    /// A constructed element whose contents `write` writes.
    pub fn constructed(&mut self, tag: Tag, write: impl FnOnce(&mut Self)) {
        self.tag(tag.as_constructed());
        let start = self.bytes.len();
        write(self);
        // The length goes before what was written: that moves once, in place, however large it is.
        let mut length = Self::new();
        length.length(self.bytes.len().saturating_sub(start));
        self.bytes.splice(start..start, length.bytes);
    }

    /// A constructed element of indefinite length (X.690 §8.1.3.6): BER, and what streaming mail programs write.
    pub fn indefinite(&mut self, tag: Tag, write: impl FnOnce(&mut Self)) {
        self.tag(tag.as_constructed());
        self.bytes.push(0x80);
        write(self);
        self.bytes.extend_from_slice(&[0, 0]);
    }

    /// SEQUENCE.
    pub fn sequence(&mut self, write: impl FnOnce(&mut Self)) {
        self.constructed(Tag::SEQUENCE, write);
    }

    /// SET OF: the elements sorted by their encoding (X.690 §11.6).
    pub fn set_of(&mut self, elements: Vec<Vec<u8>>) {
        self.sorted(Tag::SET, elements);
    }

    /// SET OF under another tag (IMPLICIT).
    pub fn sorted(&mut self, tag: Tag, mut elements: Vec<Vec<u8>>) {
        elements.sort();
        self.constructed(tag, |w| {
            for element in &elements {
                w.raw(element);
            }
        });
    }

    /// `[number] EXPLICIT`.
    pub fn explicit(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.constructed(Tag::context_constructed(number), write);
    }

    /// OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: Oid<'_>) {
        self.primitive(Tag::OID, oid.content());
    }

    /// INTEGER from two's complement octets, made minimal.
    pub fn integer(&mut self, octets: &[u8]) {
        self.primitive(Tag::INTEGER, Integer(octets).minimal());
    }

    /// INTEGER of a small value.
    pub fn small_integer(&mut self, value: u64) {
        let mut octets = vec![0];
        octets.extend_from_slice(&value.to_be_bytes());
        self.integer(&octets);
    }

    /// INTEGER from the octets of a magnitude that is not negative.
    pub fn unsigned(&mut self, magnitude: &[u8]) {
        let mut octets = vec![0];
        octets.extend_from_slice(magnitude);
        self.integer(&octets);
    }

    /// OCTET STRING.
    pub fn octet_string(&mut self, content: &[u8]) {
        self.primitive(Tag::OCTET_STRING, content);
    }

    /// BIT STRING of whole octets.
    pub fn bit_string(&mut self, content: &[u8]) {
        self.tag(Tag::BIT_STRING);
        self.length(content.len() + 1);
        self.bytes.push(0);
        self.bytes.extend_from_slice(content);
    }

    /// BOOLEAN.
    pub fn boolean(&mut self, value: bool) {
        self.primitive(Tag::BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    /// NULL.
    pub fn null(&mut self) {
        self.primitive(Tag::NULL, &[]);
    }

    /// UTCTime before 2050, GeneralizedTime after (RFC 5280 §4.1.2.5).
    pub fn time(&mut self, time: Time) {
        let (utc, text) = time.to_der();
        let tag = if utc {
            Tag::UTC_TIME
        } else {
            Tag::GENERALIZED_TIME
        };
        self.primitive(tag, text.as_bytes());
    }

    /// GeneralizedTime, also before 2050: where a structure allows no UTCTime.
    pub fn generalized_time(&mut self, time: Time) {
        let (utc, text) = time.to_der();
        let century = match (utc, time.year() < 2000) {
            (false, _) => "",
            (true, true) => "19",
            (true, false) => "20",
        };
        self.primitive(Tag::GENERALIZED_TIME, format!("{century}{text}").as_bytes());
    }

    /// `AlgorithmIdentifier` with parameters that are an encoding already, or none.
    pub fn algorithm(&mut self, oid: Oid<'_>, parameters: Option<&[u8]>) {
        self.sequence(|w| {
            w.oid(oid);
            if let Some(parameters) = parameters {
                w.raw(parameters);
            }
        });
    }

    fn tag(&mut self, tag: Tag) {
        let class = match tag.class {
            Class::Universal => 0x00,
            Class::Application => 0x40,
            Class::Context => 0x80,
            Class::Private => 0xc0,
        };
        let lead = class | if tag.constructed { 0x20 } else { 0 };
        match u8::try_from(tag.number) {
            Ok(number) if number < 0x1f => self.bytes.push(lead | number),
            _ => {
                self.bytes.push(lead | 0x1f);
                self.base_128(u64::from(tag.number));
            }
        }
    }

    fn base_128(&mut self, value: u64) {
        let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let [.., low] = (value >> (7 * group) & 0x7f).to_be_bytes();
            self.bytes.push(if group > 0 { low | 0x80 } else { low });
        }
    }

    fn length(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.bytes.push(short),
            _ => {
                let octets = length.to_be_bytes();
                let zeros = octets.iter().take_while(|octet| **octet == 0).count();
                let significant = octets.get(zeros..).unwrap_or_default();
                let count = u8::try_from(significant.len()).unwrap_or(u8::MAX);
                self.bytes.push(0x80 | count);
                self.bytes.extend_from_slice(significant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::reader::Reader;

    #[test]
    fn what_is_written_is_read_back() {
        for size in [0, 1, 127, 128, 255, 256, 65_536] {
            let content = vec![7; size];
            let der = Writer::encode(|w| {
                w.sequence(|w| {
                    w.octet_string(&content);
                    w.small_integer(0x80);
                    w.explicit(3, |w| w.boolean(true));
                });
            });
            let read = Reader::new(&der).sequence(|r| {
                let string = r.octet_string()?.bytes()?;
                let number = r.small_integer()?;
                let flag = r.nested(Tag::context_constructed(3), |r| r.boolean())?;
                Ok((string, number, flag))
            });
            assert_eq!(read, Ok((content.as_slice().into(), 0x80, true)), "{size}");
        }
    }

    #[test]
    fn generalized_times_have_four_digits_of_the_year() {
        for seconds in [-631_152_000, 0, 946_684_800, 2_524_608_000] {
            let time = Time::from_unix(seconds).unwrap();
            let der = Writer::encode(|w| w.generalized_time(time));
            assert_eq!(der[..2], [0x18, 15]);
            assert_eq!(Reader::new(&der).time().unwrap().0, time);
        }
    }

    #[test]
    fn indefinite_lengths_are_read_back() {
        let ber = Writer::encode(|w| w.indefinite(Tag::SEQUENCE, |w| w.small_integer(5)));
        assert_eq!(ber, [0x30, 0x80, 2, 1, 5, 0, 0]);
        assert_eq!(Reader::new(&ber).sequence(|r| r.small_integer()), Ok(5));
    }

    #[test]
    fn der_is_minimal_and_sorted() {
        assert_eq!(Writer::encode(|w| w.integer(&[0, 0, 1])), [2, 1, 1]);
        assert_eq!(Writer::encode(|w| w.unsigned(&[0x80])), [2, 2, 0, 0x80]);
        assert_eq!(Writer::encode(|w| w.small_integer(0)), [2, 1, 0]);
        let set = Writer::encode(|w| w.set_of(vec![vec![2, 1, 9], vec![2, 1, 3]]));
        assert_eq!(set, [0x31, 6, 2, 1, 3, 2, 1, 9]);
        let high = Writer::encode(|w| w.primitive(Tag::context(201), &[]));
        assert_eq!(high, [0x9f, 0x81, 0x49, 0]);
    }
}
