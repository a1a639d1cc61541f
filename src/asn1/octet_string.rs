//! OCTET STRING, which BER may cut into chunks (X.690 §8.7).

use std::borrow::Cow;

use crate::asn1::reader::BerError;
use crate::asn1::reader::BerErrorKind;
use crate::asn1::reader::MAX_DEPTH;
use crate::asn1::reader::Reader;
use crate::asn1::tag::Tag;

/// An OCTET STRING, in one piece or in chunks (X.690 §8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OctetString<'a> {
    /// Primitive encoding.
    Whole(&'a [u8]),
    /// Constructed encoding: OCTET STRING elements in `content`, which may be constructed themselves.
    Chunked {
        /// The elements.
        content: &'a [u8],
        /// Their offset in the outermost input.
        at: usize,
    },
}

impl<'a> OctetString<'a> {
    /// The octets; borrowed where they stand in one piece.
    ///
    /// # Errors
    /// Where a chunk is damaged or not an octet string.
    pub fn bytes(&self) -> Result<Cow<'a, [u8]>, BerError> {
        match *self {
            Self::Whole(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Chunked { content, .. } => {
                let mut all = Vec::with_capacity(content.len());
                self.for_each_chunk(|chunk| all.extend_from_slice(chunk))?;
                Ok(Cow::Owned(all))
            }
        }
    }

    /// Calls `each` with every chunk in order, without copying.
    ///
    /// # Errors
    /// Where a chunk is damaged or not an octet string; chunks before it were handed out.
    pub fn for_each_chunk(&self, mut each: impl FnMut(&'a [u8])) -> Result<(), BerError> {
        let (content, at) = match *self {
            Self::Whole(bytes) => {
                each(bytes);
                return Ok(());
            }
            Self::Chunked { content, at } => (content, at),
        };
        // One pass whatever the nesting: an indefinite length ends where its end is met, and is not looked for before.
        let mut r = Reader::at_offset(content, at);
        let mut open = vec![OpenString {
            end: content.len(),
            indefinite: false,
        }];
        while let Some(string) = open.last().copied() {
            let ahead = r.data.get(r.at..string.end).unwrap_or_default();
            if string.indefinite && ahead.starts_with(&[0, 0]) {
                r.at += 2;
                open.pop();
                continue;
            }
            if r.at >= string.end {
                if string.indefinite {
                    return Err(r.error(BerErrorKind::Truncated));
                }
                open.pop();
                continue;
            }
            let start = r.offset();
            let wrong = |kind| BerError { at: start, kind };
            let tag = r.tag()?;
            let length = r.length()?;
            if !tag.same_type(Tag::OCTET_STRING) {
                return Err(wrong(BerErrorKind::UnexpectedTag));
            }
            let end = match length {
                Some(length) => {
                    r.at.checked_add(length)
                        .filter(|end| *end <= string.end)
                        .ok_or(wrong(BerErrorKind::Truncated))?
                }
                None if tag.constructed => string.end,
                None => return Err(wrong(BerErrorKind::Length)),
            };
            if !tag.constructed {
                each(r.data.get(r.at..end).unwrap_or_default());
                r.at = end;
            } else if open.len() >= usize::from(MAX_DEPTH) {
                return Err(wrong(BerErrorKind::TooDeep));
            } else {
                open.push(OpenString {
                    end,
                    indefinite: length.is_none(),
                });
            }
        }
        Ok(())
    }

    /// In chunks, which DER forbids.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        matches!(self, Self::Chunked { .. })
    }
}

/// A constructed string whose chunks are being read.
#[derive(Clone, Copy)]
struct OpenString {
    /// Where it ends; for an indefinite length, where whatever holds it ends.
    end: usize,
    indefinite: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_at_any_depth() {
        let ber = [
            0x24, 0x80, 4, 2, 1, 2, 0x24, 0x80, 4, 1, 3, 0, 0, 4, 0, 4, 1, 4, 0, 0,
        ];
        let string = Reader::new(&ber).octet_string().unwrap();
        assert!(string.is_chunked());
        assert_eq!(&*string.bytes().unwrap(), &[1, 2, 3, 4]);
    }

    #[test]
    fn damaged_chunks_are_refused_with_their_place() {
        for (content, at, kind) in [
            (&[2, 1, 5][..], 10, BerErrorKind::UnexpectedTag),
            (&[4, 1, 7, 4, 2, 1], 13, BerErrorKind::Truncated),
            // The inner string ends before its chunk does.
            (&[0x24, 3, 4, 2, 1, 2], 12, BerErrorKind::Truncated),
            (&[0x24, 0x80, 4, 1, 1], 15, BerErrorKind::Truncated),
            (
                &[0x24, 4, 0x24, 0x80, 4, 0, 0, 0],
                16,
                BerErrorKind::Truncated,
            ),
            (&[4, 0x80, 0, 0], 10, BerErrorKind::Length),
            (&[0, 0], 10, BerErrorKind::UnexpectedTag),
        ] {
            let string = OctetString::Chunked { content, at: 10 };
            let error = string.for_each_chunk(|_| {});
            assert_eq!(error, Err(BerError { at, kind }), "{content:?}");
        }
        let deep = [0x24, 0x80].repeat(100_000);
        let string = OctetString::Chunked {
            content: &deep,
            at: 0,
        };
        let kind = string.for_each_chunk(|_| {}).map_err(|error| error.kind);
        assert_eq!(kind, Err(BerErrorKind::TooDeep));
        let definite = [0x24, 6, 0x24, 4, 4, 2, 1, 2, 4, 1, 3];
        let string = OctetString::Chunked {
            content: &definite,
            at: 0,
        };
        assert_eq!(&*string.bytes().unwrap(), &[1, 2, 3]);
    }
}
