//! May a message hold S/MIME? Asked of every message of an archive, so it must cost next to nothing.

use memchr::{memchr, memmem};

use crate::mime::header::Header;

/// May this message hold S/MIME? Errs only towards yes: whatever [`smime::find`](super::smime::find) would find, in any reading
/// and in messages that are encoded, is a yes.
///
/// Looks at the message's own header and, in multiparts and messages only, at what stands behind each line that begins with `--`,
/// whether that is a delimiter or not. Linear, and allocates nothing.
#[must_use]
pub fn may_hold_smime(message: &[u8]) -> bool {
    let mut scan = Scan {
        bytes: message,
        digest: false,
        carried: Kind::default(),
    };
    // The message's own header ends at an empty line only: no delimiter is known yet.
    let end = header_end(message, 0, false);
    let root = scan.kind(0, end);
    if root.smime || root.is_encoded() {
        return true;
    }
    if !root.multipart && !root.message {
        return false;
    }
    let mut at = behind_empty_line(message, end).unwrap_or(end);
    if root.message {
        match scan.headers(at) {
            Some(next) => at = next,
            None => return true,
        }
    }
    let dashes = memmem::Finder::new(b"\n--");
    loop {
        let line = match message.get(at..) {
            Some(rest) if rest.starts_with(b"--") => at,
            Some(rest) => match dashes.find(rest) {
                Some(found) => at + found + 1,
                None => return false,
            },
            None => return false,
        };
        let rest = message.get(line..).unwrap_or_default();
        let Some(line_end) = memchr(b'\n', rest) else {
            return false;
        };
        match scan.headers(line + line_end + 1) {
            Some(next) => at = next,
            None => return true,
        }
    }
}

/// What an entity with this header can be. Several at once where fields or words contradict each other.
#[derive(Clone, Copy, Default)]
struct Kind {
    /// Its type or name may be one of S/MIME's.
    smime: bool,
    /// Parts behind delimiters.
    multipart: bool,
    /// A header right behind this one.
    message: bool,
    /// Its body stands for other bytes.
    encoded: bool,
}

impl Kind {
    /// Can there be parts that show only when it is decoded?
    fn is_encoded(self) -> bool {
        self.encoded && (self.message || self.multipart)
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    /// A multipart/digest was seen: parts without Content-Type are messages (RFC 2046 §5.1.5).
    digest: bool,
    /// Of a header that ended at a line with `--`: if that was no delimiter, the header goes on behind it.
    carried: Kind,
}

impl Scan<'_> {
    /// Reads a header at `at` and, as long as they are those of messages, the ones behind it. Gives the start of the line to
    /// go on from, or `None` at what may be S/MIME.
    fn headers(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let end = header_end(self.bytes, at, true);
            let mut kind = self.kind(at, end);
            kind.message |= self.carried.message;
            kind.multipart |= self.carried.multipart;
            kind.encoded |= self.carried.encoded;
            if kind.smime || kind.is_encoded() {
                return None;
            }
            let Some(behind) = behind_empty_line(self.bytes, end) else {
                self.carried = kind;
                return Some(end);
            };
            self.carried = Kind::default();
            if !kind.message {
                return Some(behind);
            }
            at = behind;
        }
    }

    fn kind(&mut self, from: usize, to: usize) -> Kind {
        let mut kind = Kind::default();
        let mut typed = false;
        for field in Header::new(self.bytes.get(from..to).unwrap_or_default()).fields() {
            if !field
                .name
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
            {
                continue;
            }
            let value = field.value;
            if field.is("content-type") {
                typed = true;
                kind.smime |=
                    holds(value, b"pkcs7") || holds(value, b"cms") || may_name_smime(value);
                kind.message |= holds(value, b"message");
                kind.multipart |= holds(value, b"multipart");
                self.digest |= holds(value, b"digest");
            } else if field.is("content-disposition") {
                kind.smime |= may_name_smime(value);
            } else if field.is("content-transfer-encoding") {
                kind.encoded |= ["base64", "base-64", "quoted", "uu"]
                    .iter()
                    .any(|name| holds(value, name.as_bytes()));
            }
        }
        kind.message |= self.digest && !typed;
        kind
    }
}

/// Where the header that begins at `at` ends: at an empty line, at the end, or before a line with `--`.
fn header_end(bytes: &[u8], at: usize, dashes_end: bool) -> usize {
    let mut line = at;
    while let Some(rest) = bytes.get(line..) {
        match rest {
            [] | [b'\n', ..] | [b'\r', b'\n', ..] => break,
            [b'-', b'-', ..] if dashes_end => break,
            _ => line = memchr(b'\n', rest).map_or(bytes.len(), |end| line + end + 1),
        }
    }
    line
}

fn behind_empty_line(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..) {
        Some([b'\n', ..]) => Some(at + 1),
        Some([b'\r', b'\n', ..]) => Some(at + 2),
        _ => None,
    }
}

/// Can the value hold a name such as `smime.p7m`: plainly, or behind escapes, RFC 2047 or RFC 2231?
fn may_name_smime(value: &[u8]) -> bool {
    holds(value, b".p7")
        || memchr(b'\\', value).is_some()
        || memmem::find(value, b"=?").is_some()
        || value
            .windows(2)
            .any(|pair| matches!(pair, [b'*', b'=' | b'0'..=b'9']))
}

/// Does `value` hold `word`, which is in lower case, in any case?
fn holds(value: &[u8], word: &[u8]) -> bool {
    value
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
