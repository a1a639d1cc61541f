//! Header fields (RFC 5322 §2.2), read where they stand and decoded only for display.

use std::borrow::Cow;

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;
use memchr::memchr;

use crate::limits::DISPLAY_BYTES;

/// A header block: the fields of an entity, without the empty line that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    block: &'a [u8],
}

impl<'a> Header<'a> {
    /// The fields in `block`. Lines that are no field (mboxo's `>From `, text without a colon) are passed over. Never fails.
    #[must_use]
    pub fn new(block: &'a [u8]) -> Self {
        Self { block }
    }

    /// All fields, in order.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            block: self.block,
            at: 0,
        }
    }

    /// The first field of that name, compared without case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// The fields of that name, compared without case, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Field<'a>> {
        self.fields().filter(move |field| field.is(name))
    }
}

/// One field as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written.
    pub name: &'a [u8],
    /// What stands behind the colon, folds included, without the last line end.
    pub value: &'a [u8],
    /// Bytes from the start of the header block to the name.
    pub at: usize,
}

impl<'a> Field<'a> {
    /// Is this its name? Compared without case (RFC 5322 §1.2.2).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line (RFC 5322 §2.2.3), without blanks at its ends. Copies only what is folded.
    #[must_use]
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }

    /// The value as people read it.
    #[must_use]
    pub fn text(&self) -> Text {
        decode(&self.unfolded())
    }
}

/// Walks the fields of a block.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let at = self.at;
            let rest = self.block.get(at..).filter(|rest| !rest.is_empty())?;
            let mut end = line_end(rest);
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += line_end(rest.get(end..).unwrap_or_default());
            }
            self.at = at + end;
            let field = rest.get(..end).unwrap_or_default();
            if let Some(colon) = name_end(field) {
                let (name, value) = field.split_at(colon);
                return Some(Field {
                    name: name.trim_ascii_end(),
                    value: without_line_end(value.get(1..).unwrap_or_default()),
                    at,
                });
            }
        }
    }
}

/// Length of the first line, its line feed included.
fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Where the colon stands, if the line begins with a field name (RFC 5322 §2.2; blanks before the colon are §4.5's).
fn name_end(line: &[u8]) -> Option<usize> {
    let mut blank = false;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b':' => return (at > 0).then_some(at),
            b' ' | b'\t' if at > 0 => blank = true,
            b'!'..=b'~' if !blank => {}
            _ => return None,
        }
    }
    None
}

/// A value in one line (RFC 5322 §2.2.3), without blanks at its ends.
#[must_use]
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = Vec::with_capacity(value.len());
    for piece in value.split(|byte| *byte == b'\n') {
        line.extend_from_slice(piece.strip_suffix(b"\r").unwrap_or(piece));
    }
    Cow::Owned(line)
}

/// Text of a header value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Decoded as far as it could be; what could not stands as U+FFFD.
    pub text: String,
    /// The stored bytes are not UTF-8 (RFC 6532 §3.1), so `text` does not tell them all.
    pub not_utf8: bool,
    /// Cut at [`DISPLAY_BYTES`].
    pub cut: bool,
}

/// Encoded words (RFC 2047) of an unfolded value as text. Never fails: what can't be decoded stays as written.
#[must_use]
pub fn decode(value: &[u8]) -> Text {
    let shown = value.get(..DISPLAY_BYTES).unwrap_or(value);
    let utf8 = std::str::from_utf8(shown).map(Cow::Borrowed);
    let not_utf8 = utf8.is_err();
    let plain = utf8.unwrap_or_else(|_| String::from_utf8_lossy(shown));
    let text = if memchr::memmem::find(shown, b"=?").is_some() {
        let mut line = shown.to_vec();
        line.push(b'\n');
        match MessageStream::new(&line).parse_unstructured() {
            HeaderValue::Text(text) => text.into_owned(),
            _ => plain.into_owned(),
        }
    } else {
        plain.into_owned()
    };
    Text {
        text,
        not_utf8,
        cut: shown.len() < value.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(block: &str) -> Vec<String> {
        Header::new(block.as_bytes())
            .fields()
            .map(|field| {
                format!(
                    "{}={}",
                    String::from_utf8_lossy(field.name),
                    String::from_utf8_lossy(&field.unfolded())
                )
            })
            .collect()
    }

    #[test]
    fn odd_lines_are_passed_over_and_folds_belong_to_their_field() {
        for ends in ["\n", "\r\n"] {
            let block = ">From a@b Mon Jan  1 00:00:00 2001\n continued\nSubject : one\n\ttwo\nno colon here\n: no name\nX-\u{e4}: y\nTo:\nDate:x"
                .replace('\n', ends);
            assert_eq!(names(&block), ["Subject=one\ttwo", "To=", "Date=x"]);
        }
    }

    #[test]
    fn a_field_keeps_its_place_and_its_stored_value() {
        let block = b"junk\nSubject: a\r\n b\r\nFrom: c\n";
        let header = Header::new(block);
        let subject = header.first("SUBJECT").unwrap();
        assert_eq!((subject.at, subject.value), (5, &b" a\r\n b"[..]));
        assert!(block[subject.at..].starts_with(b"Subject"));
        assert_eq!(header.all("from").count(), 1);
        assert_eq!(header.first("cc"), None);
    }

    #[test]
    fn display_decodes_what_it_can_and_says_what_it_could_not() {
        for (value, text, not_utf8) in [
            (&b"plain"[..], "plain", false),
            (
                b"=?utf-8?q?J=C3=BCrgen?= =?utf-8?b?IE0u?=",
                "J\u{fc}rgen M.",
                false,
            ),
            (b"=?iso-8859-1?q?J=FCrgen?=", "J\u{fc}rgen", false),
            (b"J\xc3\xbcrgen", "J\u{fc}rgen", false),
            (b"J\xfcrgen", "J\u{fffd}rgen", true),
            (b"=?utf-8?x?broken?=", "=?utf-8?x?broken?=", false),
            (b"=?x-unknown?q?a=62?=", "ab", false),
        ] {
            let read = decode(value);
            assert_eq!((read.text.as_str(), read.not_utf8), (text, not_utf8));
        }
        let long = vec![b'a'; DISPLAY_BYTES + 1];
        assert!(decode(&long).cut);
        assert!(!decode(&long[1..]).cut);
    }
}
