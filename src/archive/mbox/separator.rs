//! Which `From ` lines separate messages.
//!
//! A separator is a `From ` line
//! 1. at the start of the file; or
//! 2. after a blank line, if it carries a time of day (`HH:MM`) or the next line is a header field (RFC 5322 §2.2); or
//! 3. without a blank line, if it carries a complete asctime date and the next line is a header field.
//!
//! `From :` is a header field with blanks before its colon (RFC 5322 §4.5), never a separator.
//! Every other line that begins with `From ` is body. The rule looks back 4 bytes and ahead two lines of at most [`LINE_BYTES`], so any
//! range of a file can be cut alone. RFC 4155 wants asctime in UTC and a blank line; mail programs write much else.

use std::ops::Range;

use memchr::memchr;
use memchr::memmem::Finder;

use crate::archive::mbox::date;
use crate::mime::message::StorageFinding;
use crate::mime::message::StorageFindings;

/// Bytes of the longest separator line, and of the longest field name looked for behind it. A longer line is body.
pub(in crate::archive) const LINE_BYTES: usize = 4096;

/// How far ahead of a `From ` line the rule ever looks, in bytes.
pub(in crate::archive) const AHEAD_BYTES: usize = 2 * LINE_BYTES + 8;

const FROM: &[u8] = b"From ";

/// What stands before a `From ` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Before {
    FileStart,
    /// A blank line, or the place where Content-Length ends the message.
    BlankLine,
    OtherLine,
}

/// What a `From ` line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Line {
    /// A separator; the findings are those of the message that it starts.
    Separator(StorageFindings),
    Body,
    /// The bytes end too early to tell.
    Undecided,
}

/// Judges the line at the start of `line`, which begins with `From `. `complete` says that the file ends where `line` does.
pub(in crate::archive) fn judge(line: &[u8], before: Before, complete: bool) -> Line {
    let most = line.get(..LINE_BYTES).unwrap_or(line);
    let (line, rest) = match memchr(b'\n', most) {
        Some(end) => line.split_at(end + 1),
        None if most.len() == LINE_BYTES => return Line::Body,
        None if complete => (line, &[][..]),
        None => return Line::Undecided,
    };
    if is_from_field(line) {
        return Line::Body;
    }
    let next = match NextLine::read(rest, complete) {
        Some(next) => next,
        None => return Line::Undecided,
    };
    let none = StorageFindings::default();
    let odd = none.with(StorageFinding::SeparatorOdd);
    let timed = date::has_time_of_day(line);
    match (before, next) {
        (
            Before::FileStart | Before::BlankLine,
            NextLine::Field | NextLine::Blank | NextLine::End,
        ) if timed => Line::Separator(none),
        (Before::FileStart, _) | (Before::BlankLine, NextLine::Field) => Line::Separator(odd),
        (Before::BlankLine, NextLine::Text) if timed => Line::Separator(odd),
        (Before::OtherLine, NextLine::Field) if date::has_complete_asctime(line) => {
            Line::Separator(none.with(StorageFinding::SeparatorWithoutBlankLine))
        }
        (Before::BlankLine | Before::OtherLine, _) => Line::Body,
    }
}

/// A `From` field with blanks before the colon: `From : a@b`.
pub(in crate::archive) fn is_from_field(line: &[u8]) -> bool {
    let behind = line.strip_prefix(FROM).unwrap_or_default();
    let value = behind.iter().find(|octet| !matches!(octet, b' ' | b'\t'));
    value == Some(&b':')
}

/// Whether the first line of a file leaves no doubt: it has a date, or a header field follows.
pub(in crate::archive) fn begins_an_mbox(line: &[u8], complete: bool) -> bool {
    let end = memchr(b'\n', line).map_or(line.len(), |end| end + 1);
    let (line, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    date::seconds(line).is_some() || NextLine::read(rest, complete) == Some(NextLine::Field)
}

/// The line behind a `From ` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextLine {
    /// A header field, or a second `From ` line that was quoted when the mail was delivered once more.
    Field,
    Blank,
    Text,
    /// There is none.
    End,
}

impl NextLine {
    /// None if the bytes end too early to tell.
    fn read(rest: &[u8], complete: bool) -> Option<Self> {
        match rest {
            [] if complete => return Some(Self::End),
            [b'\n', ..] | [b'\r', b'\n', ..] => return Some(Self::Blank),
            _ => {}
        }
        if rest.starts_with(b">From ") {
            return Some(Self::Field);
        }
        let most = rest.get(..LINE_BYTES).unwrap_or(rest);
        match most.iter().position(|octet| !is_field_name(*octet)) {
            Some(0) if rest == b"\r" && !complete => None,
            Some(0) => Some(Self::Text),
            Some(end) => {
                let behind = most.get(end..).unwrap_or_default();
                match behind.iter().find(|octet| !matches!(octet, b' ' | b'\t')) {
                    Some(b':') => Some(Self::Field),
                    None if most.len() < LINE_BYTES && !complete => None,
                    _ => Some(Self::Text),
                }
            }
            None if most.len() < LINE_BYTES && !complete => None,
            None => Some(Self::Text),
        }
    }
}

/// `ftext` of RFC 5322 §3.6.8: printable ASCII but the colon.
pub(in crate::archive) fn is_field_name(octet: u8) -> bool {
    matches!(octet, b'!'..=b'9' | b';'..=b'~')
}

/// What stands before the line at `at`, in the file whose bytes these are.
pub(in crate::archive) fn before(bytes: &[u8], at: usize) -> Before {
    match bytes.get(..at) {
        Some([.., b'\n', b'\n'] | [.., b'\n', b'\r', b'\n'] | [b'\n'] | [b'\r', b'\n']) => {
            Before::BlankLine
        }
        _ => Before::OtherLine,
    }
}

/// Finds `From ` lines at memory speed.
pub(in crate::archive) struct FromLines<'a> {
    bytes: &'a [u8],
    finder: Finder<'static>,
    next: usize,
}

impl<'a> FromLines<'a> {
    /// Those that begin in `range` of `bytes`; the byte before `range` counts as what it is.
    pub fn new(bytes: &'a [u8], range: Range<usize>) -> Self {
        let end = range.end.saturating_add(FROM.len() - 1).min(bytes.len());
        Self {
            bytes: bytes.get(..end).unwrap_or(bytes),
            finder: Finder::new(b"\nFrom "),
            next: range.start.saturating_sub(1),
        }
    }
}

impl Iterator for FromLines<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let found = self.finder.find(self.bytes.get(self.next..)?)?;
        let at = self.next + found + 1;
        self.next = at;
        Some(at)
    }
}

/// What a search for the next separator found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Search {
    /// A separator, with the findings of the message that it starts.
    Found {
        at: usize,
        findings: StorageFindings,
    },
    /// None before `decided`; what lies behind can't be told from these bytes.
    NotYet { decided: usize },
}

/// The first separator at or behind `from`. `body_lines` counts the `From ` lines before it that are none.
pub(in crate::archive) fn next_separator(
    bytes: &[u8],
    from: usize,
    complete: bool,
    body_lines: &mut u64,
) -> Search {
    for at in FromLines::new(bytes, from..bytes.len()) {
        let line = bytes.get(at..).unwrap_or_default();
        match judge(line, before(bytes, at), complete) {
            Line::Separator(findings) => return Search::Found { at, findings },
            Line::Body => *body_lines += u64::from(!is_from_field(line)),
            Line::Undecided => return Search::NotYet { decided: at },
        }
    }
    let undecided = if complete { 0 } else { FROM.len() };
    Search::NotYet {
        decided: bytes.len().saturating_sub(undecided).max(from),
    }
}

/// Where the message ends whose successor's separator begins at `at`, or the file.
///
/// One line end before it is the writer's, if the line before that is complete: mbox puts a blank line there. A message that itself
/// ended without a line end was given one by the writer, and that can't be told.
pub(in crate::archive) fn message_end(bytes: &[u8], start: usize, at: usize) -> usize {
    let without = match bytes.get(..at) {
        Some([rest @ .., b'\r', b'\n'] | [rest @ .., b'\n']) => rest,
        _ => return at,
    };
    if without.len() >= start && matches!(without.last(), Some(b'\n') | None) {
        without.len()
    } else {
        at
    }
}
