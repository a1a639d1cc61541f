//! Content-Type, Content-Disposition and Content-Transfer-Encoding (RFC 2045 §5 and §6, RFC 2183, RFC 2231).

use mail_parser::decoders::charsets::map::charset_decoder;

use crate::mime::header::{Header, decode, unfold};

/// Which of several fields or parameters of one name counts. RFC 2045 allows one; mail programs differ on the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// The first field, the first parameter, the plain form before that of RFC 2231.
    #[default]
    First,
    /// The last field, that of RFC 2231 before the plain form, the last parameter.
    Last,
}

/// A media type with its parameters, or a disposition with its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case; a disposition has no slash.
    pub essence: String,
    parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    /// Lower case, without the marks of RFC 2231.
    name: String,
    form: Form,
    value: Vec<u8>,
}

/// How a parameter's name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `name`
    Plain,
    /// `name*` (RFC 2231 §4)
    Extended,
    /// `name*1` and `name*1*` (RFC 2231 §3 and §4.1)
    Section { number: u32, extended: bool },
}

impl MediaType {
    /// A type without parameters.
    #[must_use]
    pub fn bare(essence: &str) -> Self {
        Self {
            essence: essence.to_owned(),
            parameters: Vec::new(),
        }
    }

    /// Reads a field's value, folded or not. Never fails: comments, missing quotes, blanks around `=` and semicolons without
    /// a parameter are passed over, and what is no type is an essence that matches none.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let line = unfold(value);
        let mut cursor = Cursor { rest: &line };
        let essence = cursor.essence();
        let mut parameters = Vec::new();
        while cursor.seek_parameter() {
            parameters.extend(cursor.parameter());
        }
        Self {
            essence,
            parameters,
        }
    }

    /// The type, before the slash.
    #[must_use]
    pub fn top(&self) -> &str {
        self.essence
            .split_once('/')
            .map_or(self.essence.as_str(), |(top, _)| top)
    }

    /// The subtype, behind the slash.
    #[must_use]
    pub fn subtype(&self) -> &str {
        self.essence
            .split_once('/')
            .map_or("", |(_, subtype)| subtype)
    }

    /// A parameter's value, quotes and RFC 2231 undone; in UTF-8 where a charset was named. `name` in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str, reading: Reading) -> Option<Vec<u8>> {
        let mut values = self.readings(name);
        match reading {
            Reading::First => (!values.is_empty()).then(|| values.swap_remove(0)),
            Reading::Last => values.pop(),
        }
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, name: &str, reading: Reading) -> Option<String> {
        self.parameter(name, reading)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// Do the ways to read this parameter differ? `name` in lower case.
    #[must_use]
    pub fn is_ambiguous(&self, name: &str) -> bool {
        // Nearly always there is one, and that is read in one way.
        let mut named = self.parameters.iter().filter(|one| one.name == name);
        named.nth(1).is_some() && self.readings(name).len() > 1
    }

    /// The different values: first and last plain one, extended, joined from sections.
    fn readings(&self, name: &str) -> Vec<Vec<u8>> {
        let named = || {
            self.parameters
                .iter()
                .filter(|parameter| parameter.name == name)
        };
        let of_form = |form: Form| named().filter(move |parameter| parameter.form == form);
        let mut plain = of_form(Form::Plain).map(|plain| plain.value.clone());
        let first = plain.next();
        let last = plain.next_back();
        let extended = of_form(Form::Extended)
            .next()
            .map(|one| extended_value(&one.value));
        let mut sections: Vec<_> = named()
            .filter_map(|parameter| match parameter.form {
                Form::Section { number, extended } => {
                    Some((number, extended, parameter.value.as_slice()))
                }
                Form::Plain | Form::Extended => None,
            })
            .collect();
        sections.sort_by_key(|(number, ..)| *number);
        let mut values: Vec<Vec<u8>> = Vec::new();
        for value in [first, last, extended, joined(&sections)]
            .into_iter()
            .flatten()
        {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

/// Sections 0, 1, 2, … up to the first gap (RFC 2231 §3). Of two with one number the first counts.
fn joined(sections: &[(u32, bool, &[u8])]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let mut charset: &[u8] = b"";
    let mut expected = 0;
    for (number, extended, value) in sections {
        if *number > expected {
            break;
        }
        if *number < expected {
            continue;
        }
        let mut value = *value;
        if *extended && expected == 0 {
            (charset, value) = split_charset(value);
        }
        if *extended {
            percent_decode(value, &mut whole);
        } else {
            whole.extend_from_slice(value);
        }
        expected += 1;
    }
    (expected > 0).then(|| to_utf8(charset, whole))
}

/// `charset'language'%61bc` (RFC 2231 §4).
fn extended_value(value: &[u8]) -> Vec<u8> {
    let (charset, text) = split_charset(value);
    let mut bytes = Vec::with_capacity(text.len());
    percent_decode(text, &mut bytes);
    to_utf8(charset, bytes)
}

fn split_charset(value: &[u8]) -> (&[u8], &[u8]) {
    let mut pieces = value.splitn(3, |byte| *byte == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (charset, text),
        _ => (b"", value),
    }
}

fn percent_decode(value: &[u8], into: &mut Vec<u8>) {
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'%'
            && let [high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            into.push(high << 4 | low);
            rest = tail;
        } else {
            into.push(*byte);
        }
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn to_utf8(charset: &[u8], bytes: Vec<u8>) -> Vec<u8> {
    if charset.is_empty()
        || charset.eq_ignore_ascii_case(b"utf-8")
        || charset.eq_ignore_ascii_case(b"us-ascii")
    {
        return bytes;
    }
    match charset_decoder(charset) {
        Some(decoder) => decoder(&bytes).into_bytes(),
        None => bytes,
    }
}

/// Reads a structured value (RFC 2045 §5.1) from the front.
struct Cursor<'v> {
    rest: &'v [u8],
}

impl<'v> Cursor<'v> {
    /// Past blanks and comments, which may nest (RFC 5322 §3.2.2).
    fn skip_gaps(&mut self) {
        let mut depth = 0_usize;
        while let [byte, tail @ ..] = self.rest {
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'\\' if depth > 0 => {
                    self.rest = tail.get(1..).unwrap_or_default();
                    continue;
                }
                byte if depth > 0 || byte.is_ascii_whitespace() => {}
                _ => return,
            }
            self.rest = tail;
        }
    }

    fn token(&mut self) -> &'v [u8] {
        let end = self
            .rest
            .iter()
            .position(|byte| {
                byte.is_ascii_whitespace()
                    || matches!(
                        byte,
                        b'/' | b';' | b'=' | b'(' | b')' | b'"' | b'<' | b'>' | b',' | b':'
                    )
            })
            .unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    /// `type/subtype`, in quotes or not, or a single word.
    fn essence(&mut self) -> String {
        self.skip_gaps();
        if let [b'"', tail @ ..] = self.rest {
            self.rest = tail;
        }
        let mut essence = lower(self.token());
        self.skip_gaps();
        if let [b'/', tail @ ..] = self.rest {
            self.rest = tail;
            self.skip_gaps();
            essence.push('/');
            essence.push_str(&lower(self.token()));
        }
        if let [b'"', tail @ ..] = self.rest {
            self.rest = tail;
        }
        essence
    }

    /// Past everything up to a parameter's name; false at the end. A blank ends a parameter too: some mailers leave the semicolon out.
    fn seek_parameter(&mut self) -> bool {
        loop {
            self.skip_gaps();
            match self.rest {
                [] => return false,
                [
                    b'/' | b';' | b'=' | b'(' | b')' | b'"' | b'<' | b'>' | b',' | b':',
                    tail @ ..,
                ] => self.rest = tail,
                _ => return true,
            }
        }
    }

    fn parameter(&mut self) -> Option<Parameter> {
        let name = self.token();
        self.skip_gaps();
        let [b'=', tail @ ..] = self.rest else {
            return None;
        };
        self.rest = tail;
        self.skip_gaps();
        let (name, form) = name_and_form(name);
        let value = match self.rest {
            [b'"', tail @ ..] => {
                self.rest = tail;
                self.quoted()
            }
            _ => self.unquoted(name == "name" || name == "filename"),
        };
        Some(Parameter { name, form, value })
    }

    /// Up to the closing quote, or to the end where that is missing.
    fn quoted(&mut self) -> Vec<u8> {
        let mut value = Vec::new();
        while let [byte, tail @ ..] = self.rest {
            self.rest = tail;
            match byte {
                b'"' => break,
                b'\\' => {
                    if let [escaped, tail @ ..] = tail {
                        self.rest = tail;
                        value.push(*escaped);
                    }
                }
                _ => value.push(*byte),
            }
        }
        value
    }

    /// Up to a semicolon, blank or comment. Characters that need quotes are taken as they are (`boundary=----=_Part_1`);
    /// in names also blanks and brackets (`name=my file (2).p7m`).
    fn unquoted(&mut self, is_name: bool) -> Vec<u8> {
        let end = self
            .rest
            .iter()
            .position(|byte| {
                *byte == b';' || (!is_name && (*byte == b'(' || byte.is_ascii_whitespace()))
            })
            .unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        value.trim_ascii().to_vec()
    }
}

fn lower(token: &[u8]) -> String {
    String::from_utf8_lossy(token).to_ascii_lowercase()
}

fn name_and_form(written: &[u8]) -> (String, Form) {
    let written = lower(written);
    let Some((name, mark)) = written.split_once('*') else {
        return (written, Form::Plain);
    };
    let (number, extended) = mark
        .strip_suffix('*')
        .map_or((mark, false), |number| (number, true));
    let form = match number.parse() {
        Ok(number) => Form::Section { number, extended },
        Err(_) => Form::Extended,
    };
    (name.to_owned(), form)
}

/// The names a part gives its content: Content-Type's `name` and Content-Disposition's `filename`, RFC 2231 and RFC 2047 undone,
/// each different reading once. At most a dozen.
#[must_use]
pub fn file_names(header: &Header<'_>, media: &MediaType) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |values: Vec<Vec<u8>>| {
        for value in values {
            let name = decode(value.trim_ascii()).text;
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    };
    add(media.readings("name"));
    for field in header.all("content-disposition").take(2) {
        add(MediaType::read(field.value).readings("filename"));
    }
    names
}

/// Content-Transfer-Encoding (RFC 2045 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// `7bit`, `8bit`, `binary`, or no field: the bytes stand for themselves.
    #[default]
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
    /// `x-uuencode` and its other names, from before RFC 2045.
    Uuencode,
    /// Another word. Taken as it stands.
    Unknown,
}

impl TransferEncoding {
    /// Reads a field's value; words behind the first and comments don't count. Never fails.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let line = unfold(value);
        let mut cursor = Cursor { rest: &line };
        if !cursor.seek_parameter() {
            return Self::Identity;
        }
        match lower(cursor.token()).as_str() {
            "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" => Self::Identity,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" | "base-64" => Self::Base64,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(value: &str, name: &str) -> Option<String> {
        MediaType::read(value.as_bytes()).text(name, Reading::First)
    }

    #[test]
    fn odd_content_types_are_read() {
        for (value, essence, name, expected) in [
            (
                "Multipart/Signed; Boundary=\"a b\\\"c\"",
                "multipart/signed",
                "boundary",
                Some("a b\"c"),
            ),
            (
                "multipart/mixed; boundary=----=_Part_1/2?;",
                "multipart/mixed",
                "boundary",
                Some("----=_Part_1/2?"),
            ),
            (
                "multipart/mixed;; boundary = \"x\" ;",
                "multipart/mixed",
                "boundary",
                Some("x"),
            ),
            (
                "(a (nested \\) comment)) multipart (c) / mixed (d); boundary=x(e)",
                "multipart/mixed",
                "boundary",
                Some("x"),
            ),
            (
                "multipart/mixed boundary=x charset=y",
                "multipart/mixed",
                "charset",
                Some("y"),
            ),
            (
                "multipart/mixed; boundary=\"no end",
                "multipart/mixed",
                "boundary",
                Some("no end"),
            ),
            (
                "\"text/plain\"; charset=x",
                "text/plain",
                "charset",
                Some("x"),
            ),
            (
                "application/pkcs7-mime;\r\n name=my mail.p7m;\r\n\tsmime-type=signed-data",
                "application/pkcs7-mime",
                "name",
                Some("my mail.p7m"),
            ),
            ("text", "text", "name", None),
            ("", "", "name", None),
            ("a/b; ; =x; c", "a/b", "c", None),
        ] {
            assert_eq!(
                MediaType::read(value.as_bytes()).essence,
                essence,
                "{value}"
            );
            assert_eq!(first(value, name).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn rfc_2231_sections_and_charsets_are_joined() {
        for (value, expected) in [
            ("a/b; name*0=smime; name*1=.p7m", "smime.p7m"),
            (
                "a/b; name*1*=%2Ep7m; name*0*=utf-8'en'sm%C3%AFme",
                "sm\u{ef}me.p7m",
            ),
            ("a/b; name*=iso-8859-1''sm%EFme.p7m", "sm\u{ef}me.p7m"),
            ("a/b; name*0=a; name*2=c", "a"),
            ("a/b; name*=%zz%4", "%zz%4"),
        ] {
            assert_eq!(first(value, "name").as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_parameter_that_can_be_read_in_two_ways_is_ambiguous() {
        for (value, one, other) in [
            ("a/b; boundary=x; boundary=y; boundary=z", "x", "z"),
            ("a/b; boundary=x; boundary*=utf-8''y", "x", "y"),
            ("a/b; boundary*0=x; boundary=y", "y", "x"),
        ] {
            let media = MediaType::read(value.as_bytes());
            assert!(media.is_ambiguous("boundary"), "{value}");
            assert_eq!(
                media.text("boundary", Reading::First).as_deref(),
                Some(one),
                "{value}"
            );
            assert_eq!(
                media.text("boundary", Reading::Last).as_deref(),
                Some(other),
                "{value}"
            );
        }
        assert!(!MediaType::read(b"a/b; boundary=x; boundary=x").is_ambiguous("boundary"));
    }

    #[test]
    fn file_names_come_from_both_fields_decoded() {
        let block = b"Content-Disposition: attachment; filename*=utf-8''b%2Ep7m; filename=\"=?utf-8?q?c=2Ep7m?=\"\n";
        let media = MediaType::read(b"application/octet-stream; name=\"=?utf-8?b?YS5wN20=?=\"");
        assert_eq!(
            file_names(&Header::new(block), &media),
            ["a.p7m", "c.p7m", "b.p7m"]
        );
    }

    #[test]
    fn transfer_encodings_are_read_with_junk() {
        for (value, expected) in [
            ("base64", TransferEncoding::Base64),
            (" BASE64 (really)", TransferEncoding::Base64),
            ("\"base64\";", TransferEncoding::Base64),
            (
                "(c) quoted-printable\r\n",
                TransferEncoding::QuotedPrintable,
            ),
            ("8bit", TransferEncoding::Identity),
            ("", TransferEncoding::Identity),
            ("x-uuencode", TransferEncoding::Uuencode),
            ("rot13", TransferEncoding::Unknown),
        ] {
            assert_eq!(
                TransferEncoding::read(value.as_bytes()),
                expected,
                "{value}"
            );
        }
    }
}
