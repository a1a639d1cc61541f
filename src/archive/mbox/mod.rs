//! mbox: messages behind `From ` lines (RFC 4155; four variants that differ in how such lines in a body are kept apart).
//!
//! A message reaches from behind its separator line to before the next separator, or to the end of the file, without the one line end
//! that makes the blank line there; where Content-Length lands, it reaches exactly to there.

mod content_length;
mod date;
pub(super) mod separator;
pub mod variant;

use std::ops::Range;

use memchr::memchr;
use serde::{Deserialize, Serialize};

use crate::archive::mbox::content_length::Claim;
use crate::archive::mbox::content_length::Inside;
use crate::archive::mbox::content_length::Landing;
use crate::archive::mbox::separator::AHEAD_BYTES;
use crate::archive::mbox::separator::FromLines;
use crate::archive::mbox::separator::LINE_BYTES;
use crate::archive::mbox::separator::Search;
use crate::archive::mbox::variant::Variant;
use crate::limits::Limits;
use crate::mime::message::Origin;
use crate::mime::message::Quoting;
use crate::mime::message::StorageFinding;
use crate::mime::message::StorageFindings;

/// What is known between two messages of an mbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mbox {
    /// How the file is written.
    pub variant: Variant,
    /// Of the messages that Content-Length ends; the others are ambiguous.
    pub quoting_where_landed: Quoting,
    /// Whether Content-Length may reach over what looks like a message.
    pub reach: Reach,
    /// What the file's name says of all its messages.
    pub origin: Origin,
    /// What the separator at hand says of its message. `SeparatorMissing`: there is none at hand.
    pub pending: StorageFindings,
}

/// How far Content-Length is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reach {
    /// Not over a certain separator.
    OneMessage,
    /// Over one too, if what follows it has no Content-Length: it ends every other message of this file.
    Quoted,
}

/// One message cut off the front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The message; its separator lies before, its blank line behind.
    pub message: Range<usize>,
    /// Where the next separator, or the end, is.
    pub next: usize,
    /// What the next separator says of its message.
    pub pending: StorageFindings,
    pub origin: Origin,
    /// Whether Content-Length says where the message ends: None without the field.
    pub landed: Option<bool>,
    /// It landed behind a certain separator.
    pub contested: bool,
}

/// What the front of the bytes holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Front {
    Message(Cut),
    /// The message goes on; at least this many bytes are needed, if that is known.
    Needs(usize),
    /// Nothing is left.
    End,
}

/// The most bytes that have to be seen to know that a message is over the limit.
pub(super) fn bytes_to_tell(limits: &Limits) -> usize {
    let most = usize::try_from(limits.message_bytes).unwrap_or(usize::MAX / 2);
    most.saturating_add(LINE_BYTES + AHEAD_BYTES)
}

impl Mbox {
    /// Cuts off the first message of `bytes`, which begin with its separator. `complete`: the file ends where they do.
    pub fn cut(&self, bytes: &[u8], complete: bool, limits: &Limits) -> Front {
        if bytes.is_empty() && complete {
            return Front::End;
        }
        let Some(start) = self.message_start(bytes, complete) else {
            return Front::Needs(0);
        };
        let claim = content_length::claim(bytes, start, complete, limits);
        let landing = match claim {
            Claim::None => None,
            Claim::Body { end, .. } => {
                Some(content_length::landing(bytes, start, end, complete, limits))
            }
            Claim::Undecided => return Front::Needs(0),
        };
        let inside = match (landing, claim) {
            (Some(Landing::Exact { .. }), Claim::Body { start, end }) => {
                content_length::inside(bytes, start, end, limits)
            }
            _ => Inside::Nothing,
        };
        let landing = match (inside, self.reach) {
            (Inside::Nothing, _) | (Inside::Quoted, Reach::Quoted) => landing,
            (Inside::Quoted, Reach::OneMessage) | (Inside::Message, _) => Some(Landing::Wrong),
        };
        let mut findings = self.pending;
        let mut body_lines = 0;
        let (end, next, pending) = match (landing, claim) {
            (Some(Landing::Needs(needed)), _) => return Front::Needs(needed),
            (Some(Landing::Exact { next, findings }), Claim::Body { end, .. }) => {
                body_lines = FromLines::new(bytes, start..end)
                    .filter(|at| !separator::is_from_field(bytes.get(*at..).unwrap_or_default()))
                    .map(|_| 1)
                    .sum();
                (end, next, findings)
            }
            _ => match separator::next_separator(bytes, start, complete, &mut body_lines) {
                Search::Found { at, findings } => {
                    (separator::message_end(bytes, start, at), at, findings)
                }
                Search::NotYet { .. } if complete => {
                    let end = separator::message_end(bytes, start, bytes.len());
                    (end, bytes.len(), StorageFindings::default())
                }
                Search::NotYet { .. } => return Front::Needs(0),
            },
        };
        let landed = landing.map(|landing| matches!(landing, Landing::Exact { .. }));
        if body_lines > 0 {
            findings.insert(StorageFinding::UnquotedFromLine);
        }
        if let (Some(false), Claim::Body { end: claimed, .. }) = (landed, claim)
            && claimed != end
            && claimed != next
        {
            findings.insert(StorageFinding::ContentLengthWrong);
        }
        let separator = bytes.get(..start).unwrap_or_default();
        Front::Message(Cut {
            message: start..end,
            next,
            pending,
            origin: Origin {
                quoting: match landed {
                    Some(true) => self.quoting_where_landed,
                    Some(false) | None => Quoting::Ambiguous,
                },
                from_line_seconds: date::seconds(separator),
                findings,
                ..self.origin
            },
            landed,
            contested: inside != Inside::Nothing,
        })
    }

    /// Where the message at hand begins; None if these bytes end before that.
    fn message_start(&self, bytes: &[u8], complete: bool) -> Option<usize> {
        if self.pending.contains(StorageFinding::SeparatorMissing) {
            return Some(0);
        }
        match memchr(b'\n', bytes) {
            Some(end) => Some(end + 1),
            None => complete.then_some(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests;
