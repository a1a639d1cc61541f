//! May a message hold S/MIME? Asked of every message of an archive, so it must cost next to nothing.

use std::ops::ControlFlow;

use memchr::{memchr, memmem};

use crate::mime::header::Header;

/// May this message hold S/MIME? Errs only towards yes: whatever [`find`](super::smime::find) would find, in any reading, is a yes.
///
/// Looks at the message's own header and, in multiparts and messages only, at what stands behind each line that begins with `--`,
/// whether that is a delimiter or not. Allocates nothing for ordinary mail.
#[must_use]
pub fn may_hold_smime(message: &[u8]) -> bool {
    let mut scan = Scan {
        bytes: message,
        digest: false,
    };
    let (first, mut at) = match scan.block(0) {
        ControlFlow::Break(()) => return true,
        ControlFlow::Continue(read) => read,
    };
    if first == Kind::Leaf {
        return false;
    }
    let delimiter = memmem::Finder::new(b"\n--");
    // The header itself may have ended at a line with `--`.
    at = at.saturating_sub(1);
    while let Some(found) = message.get(at..).and_then(|rest| delimiter.find(rest)) {
        match scan.block_behind(at + found + 1) {
            ControlFlow::Break(()) => return true,
            ControlFlow::Continue(next) => at = next.saturating_sub(1),
        }
    }
    false
}

/// What an entity with this header can hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing of interest.
    Leaf,
    /// Parts behind delimiters.
    Multipart,
    /// A header right behind this one.
    Message,
}

struct Scan<'a> {
    bytes: &'a [u8],
    /// A multipart/digest was seen: parts without Content-Type are messages (RFC 2046 §5.1.5).
    digest: bool,
}

impl Scan<'_> {
    /// Looks at the blocks behind the line at `line`, and at those of the messages that they lead into. Gives where to go on.
    fn block_behind(&mut self, line: usize) -> ControlFlow<(), usize> {
        let rest = self.bytes.get(line..).unwrap_or_default();
        let at = memchr(b'\n', rest).map_or(self.bytes.len(), |end| line + end + 1);
        self.block(at).map_continue(|(_, end)| end)
    }

    /// Reads headers from `at` on: one, and the next as long as they are those of messages. Breaks at what may be S/MIME.
    fn block(&mut self, mut at: usize) -> ControlFlow<(), (Kind, usize)> {
        let mut first = None;
        loop {
            let end = block_end(self.bytes, at);
            let block = self.bytes.get(at..end).unwrap_or_default();
            let kind = self.kind(block)?;
            let first = *first.get_or_insert(kind);
            let behind = match self.bytes.get(end..) {
                Some([b'\n', ..]) => end + 1,
                Some([b'\r', b'\n', ..]) => end + 2,
                // A line with `--`, or the end.
                _ => return ControlFlow::Continue((first, end)),
            };
            if kind != Kind::Message {
                return ControlFlow::Continue((first, behind));
            }
            at = behind;
        }
    }

    fn kind(&mut self, block: &[u8]) -> ControlFlow<(), Kind> {
        let mut kind = None;
        let mut encoded = false;
        for field in Header::new(block).fields() {
            if !field
                .name
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
            {
                continue;
            }
            let value = field.value;
            if field.is("content-type") {
                if names_smime(value) {
                    return ControlFlow::Break(());
                }
                if holds(value, b"multipart") {
                    kind = Some(Kind::Multipart);
                    self.digest |= holds(value, b"digest");
                } else if holds(value, b"message") {
                    kind = Some(Kind::Message);
                }
                kind = kind.or(Some(Kind::Leaf));
            } else if field.is("content-disposition") {
                if names_smime(value) {
                    return ControlFlow::Break(());
                }
            } else if field.is("content-transfer-encoding") {
                encoded |= !holds(value, b"bit") && !holds(value, b"binary");
            }
        }
        let kind = kind.unwrap_or(if self.digest {
            Kind::Message
        } else {
            Kind::Leaf
        });
        // A message in base64 is opened later, by whoever decodes it.
        if kind == Kind::Message && encoded {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(kind)
    }
}

/// Where the header that begins at `at` ends: at an empty line, before a line with `--`, or at the end.
fn block_end(bytes: &[u8], at: usize) -> usize {
    let mut line = at;
    while let Some(rest) = bytes.get(line..) {
        if matches!(
            rest,
            [] | [b'\n', ..] | [b'\r', b'\n', ..] | [b'-', b'-', ..]
        ) {
            break;
        }
        line = memchr(b'\n', rest).map_or(bytes.len(), |end| line + end + 1);
    }
    line
}

/// Can the value name an S/MIME type or file: `pkcs7`, `cms`, `.p7m` and its kin, or a name that must be decoded to tell?
fn names_smime(value: &[u8]) -> bool {
    holds(value, b"p7")
        || holds(value, b"pkcs7")
        || holds(value, b"application/cms")
        || holds(value, b"/x-cms")
        || memmem::find(value, b"=?").is_some()
        || (memchr(b'*', value).is_some() && memchr(b'=', value).is_some() && is_extended(value))
}

/// Is there a parameter of RFC 2231 that could hide a name?
fn is_extended(value: &[u8]) -> bool {
    holds(value, b"name*")
}

/// Does `value` hold `word`, which is in lower case, in any case?
fn holds(value: &[u8], word: &[u8]) -> bool {
    value
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
