//! Content-Length in the header of a stored message: mboxcl and mboxcl2 say by it where the body ends.
//!
//! It is believed only where it lands exactly: at the end of the file or on a `From ` line that would be a separator behind a blank
//! line, at most one line end before either. A claim over a certain separator (blank line before it, complete asctime date, header field
//! behind it) is believed only in a file where Content-Length ends every other message, as mboxcl2's writers do it, and only if no message
//! with a Content-Length of its own would be swallowed: a genuine one had been given one too. Anyone can write that field into a mail, so a wrong one must cost nothing.

use memchr::memchr;

use crate::archive::mbox::separator;
use crate::archive::mbox::separator::AHEAD_BYTES;
use crate::archive::mbox::separator::Before;
use crate::archive::mbox::separator::FromLines;
use crate::archive::mbox::separator::Line;
use crate::limits::Limits;
use crate::mime::message::StorageFindings;

/// What Content-Length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// There is none, or it is no number.
    None,
    /// The body begins and, so it says, ends there.
    Body { start: usize, end: usize },
    /// The header goes on behind these bytes.
    Undecided,
}

/// Where a claim leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// On the separator at `next`, which gives its message `findings`; or the file's end.
    Exact {
        next: usize,
        findings: StorageFindings,
    },
    /// Somewhere else, or further than is looked.
    Wrong,
    /// That many bytes are needed to tell.
    Needs(usize),
}

/// Reads the header that begins at `start`.
pub(super) fn claim(bytes: &[u8], start: usize, complete: bool, limits: &Limits) -> Claim {
    let mut at = start;
    let mut value = None;
    while at - start < limits.header_bytes {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = memchr(b'\n', rest) else {
            return match complete || rest.len() >= limits.header_bytes {
                true => Claim::None,
                false => Claim::Undecided,
            };
        };
        let line = rest.get(..=end).unwrap_or_default();
        at += line.len();
        match line {
            [b'\n'] | [b'\r', b'\n'] => {
                let length = value.and_then(|value: u64| usize::try_from(value).ok());
                return match length.and_then(|length| at.checked_add(length)) {
                    Some(end) => Claim::Body { start: at, end },
                    None => Claim::None,
                };
            }
            // The next message, when this one has a header only.
            [b'F', b'r', b'o', b'm', b' ', ..] if !separator::is_from_field(line) => {
                return Claim::None;
            }
            [b'C' | b'c', ..] => value = field(line).or(value),
            _ => {}
        }
    }
    Claim::None
}

fn field(line: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"content-length";
    let (name, rest) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let digits = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii();
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
    )
}

/// Whether the body in `start..end` holds what elsewhere would be another message for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// It does not.
    Nothing,
    /// It does; none has a Content-Length.
    Quoted,
    /// It does, and one has a Content-Length.
    Message,
}

/// Looks into a body that Content-Length ends at `end`.
pub(super) fn inside(bytes: &[u8], start: usize, end: usize, limits: &Limits) -> Inside {
    let bytes = bytes.get(..end).unwrap_or(bytes);
    let mut inside = Inside::Nothing;
    for at in FromLines::new(bytes, start..end) {
        let line = bytes.get(at..).unwrap_or_default();
        let certain = separator::before(bytes, at) == Before::BlankLine
            && matches!(
                separator::judge(line, Before::OtherLine, true),
                Line::Separator(_)
            );
        if !certain {
            continue;
        }
        let header = memchr(b'\n', line).map_or(end, |length| at + length + 1);
        match claim(bytes, header, true, limits) {
            Claim::None => inside = Inside::Quoted,
            Claim::Body { .. } | Claim::Undecided => return Inside::Message,
        }
    }
    inside
}

/// Follows a claim of the message that begins at `start`.
pub(super) fn landing(
    bytes: &[u8],
    start: usize,
    end: usize,
    complete: bool,
    limits: &Limits,
) -> Landing {
    let length = end - start;
    let too_far = u64::try_from(length).is_ok_and(|length| length > limits.message_bytes);
    if too_far || length > limits.content_length_bytes {
        return Landing::Wrong;
    }
    let rest = match bytes.get(end..) {
        Some(rest) if complete || rest.len() >= AHEAD_BYTES => rest,
        None if complete => return Landing::Wrong,
        _ => return Landing::Needs(end + AHEAD_BYTES),
    };
    let line_end = match rest {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    };
    for skip in [0, line_end] {
        let next = end + skip;
        let rest = bytes.get(next..).unwrap_or_default();
        if rest.is_empty() && complete {
            return Landing::Exact {
                next,
                findings: StorageFindings::default(),
            };
        }
        let line_start = bytes
            .get(..next)
            .is_some_and(|before| before.last() == Some(&b'\n'));
        if line_start
            && rest.starts_with(b"From ")
            && let Line::Separator(findings) = separator::judge(rest, Before::BlankLine, complete)
        {
            return Landing::Exact { next, findings };
        }
    }
    Landing::Wrong
}
