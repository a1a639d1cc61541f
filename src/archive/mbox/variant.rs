//! How an mbox keeps `From ` lines in bodies apart from separators, told by the file's first [`PREFIX_BYTES`].
//!
//! | variant | the writer | what tells it |
//! |---|---|---|
//! | mboxcl2 | quotes nothing, gives Content-Length | it lands, and `From ` lines stand in bodies that it ends |
//! | mboxcl | quotes `From `, gives Content-Length | it lands, and there are no such lines |
//! | mboxrd | quotes `From `, `>From `, `>>From ` … | lines with two or more `>` |
//! | mboxo | quotes `From ` only | `>From ` lines, and `From ` lines that were left as they are, which mboxrd never does |
//! | mbox | one of the last two | no such line |
//!
//! Lines of `>>From ` also come from replies, and files are put together from several; so the word is for the report, and the quoting
//! of a message is given as certain only where Content-Length proves it. A wrong certainty would hide the true bytes of a signed mail,
//! two readings cost one more digest.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::archive::mbox::Front;
use crate::archive::mbox::Mbox;
use crate::archive::mbox::Reach;
use crate::limits::Limits;
use crate::mime::message::Origin;
use crate::mime::message::Quoting;
use crate::mime::message::StorageFinding;
use crate::mime::message::StorageFindings;

/// How much of a file is looked at. Fixed, so that the messages of any range of it get the same answer.
pub(in crate::archive) const PREFIX_BYTES: usize = 4 << 20;

/// How an mbox is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Variant {
    /// mboxo or mboxrd; nothing in the file tells which.
    Mbox,
    /// `From ` became `>From `.
    Mboxo,
    /// Each `>*From ` got one more `>`.
    Mboxrd,
    /// As mboxo, and Content-Length.
    Mboxcl,
    /// Content-Length, and no quoting.
    Mboxcl2,
}

impl Variant {
    /// The report's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mbox => "mbox",
            Self::Mboxo => "mboxo",
            Self::Mboxrd => "mboxrd",
            Self::Mboxcl => "mboxcl",
            Self::Mboxcl2 => "mboxcl2",
        }
    }
}

/// The state before an mbox's first message. `prefix` begins with its first separator (or the header, if `pending` says that there is
/// none) and is the whole rest of the file if `complete`.
pub(in crate::archive) fn detect(
    prefix: &[u8],
    complete: bool,
    pending: StorageFindings,
    origin: Origin,
    limits: &Limits,
) -> Mbox {
    let mut mbox = Mbox {
        variant: Variant::Mbox,
        quoting_where_landed: Quoting::Ambiguous,
        reach: Reach::Quoted,
        origin,
        pending,
    };
    mbox.reach = reach(mbox, prefix, complete, limits);
    let (mut messages, mut landed, mut unquoted, mut unquoted_landed) = (0u64, 0u64, 0u64, 0u64);
    let mut rest = prefix;
    let mut walk = mbox;
    while let Front::Message(cut) = walk.cut(rest, complete, limits) {
        let lands = cut.landed == Some(true);
        let has_unquoted = cut
            .origin
            .findings
            .contains(StorageFinding::UnquotedFromLine);
        messages += 1;
        landed += u64::from(lands);
        unquoted += u64::from(has_unquoted);
        unquoted_landed += u64::from(has_unquoted && lands);
        walk.pending = cut.pending;
        rest = rest.get(cut.next..).unwrap_or_default();
    }
    let quoted = quoted_lines(prefix);
    let by_length = landed > 0 && landed * 2 >= messages;
    (mbox.variant, mbox.quoting_where_landed) = match (by_length, quoted) {
        (true, Quoted::None) if unquoted_landed > 0 => (Variant::Mboxcl2, Quoting::None),
        (true, Quoted::Once | Quoted::More) if unquoted_landed > 0 => {
            (Variant::Mboxcl2, Quoting::Ambiguous)
        }
        (true, Quoted::None) => (Variant::Mboxcl, Quoting::Ambiguous),
        (true, Quoted::Once | Quoted::More) => (Variant::Mboxcl, Quoting::Mboxo),
        (false, Quoted::More) => (Variant::Mboxrd, Quoting::Ambiguous),
        (false, Quoted::Once) if unquoted > 0 => (Variant::Mboxo, Quoting::Ambiguous),
        (false, Quoted::Once | Quoted::None) => (Variant::Mbox, Quoting::Ambiguous),
    };
    mbox
}

/// Whether Content-Length ends every message of the file about which there is no doubt, and there is one.
fn reach(mut walk: Mbox, prefix: &[u8], complete: bool, limits: &Limits) -> Reach {
    let (mut rest, mut proven) = (prefix, false);
    while let Front::Message(cut) = walk.cut(rest, complete, limits) {
        match (cut.contested, cut.landed) {
            (true, _) => {}
            (false, Some(true)) => proven = true,
            (false, Some(false) | None) => return Reach::OneMessage,
        }
        walk.pending = cut.pending;
        rest = rest.get(cut.next..).unwrap_or_default();
    }
    match proven {
        true => Reach::Quoted,
        false => Reach::OneMessage,
    }
}

/// The most `>` before a `From ` at the start of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    None,
    Once,
    More,
}

fn quoted_lines(bytes: &[u8]) -> Quoted {
    let mut most = Quoted::None;
    for at in memmem::find_iter(bytes, b">From ") {
        let before = bytes.get(..at).unwrap_or_default();
        // Runs of `>` end before the next hit, so that each is walked over once.
        let run = before
            .iter()
            .rev()
            .take_while(|octet| **octet == b'>')
            .count();
        let line_start = before.len() == run || before.iter().rev().nth(run) == Some(&b'\n');
        match (line_start, run) {
            (false, _) => {}
            (true, 0) => most = Quoted::Once,
            (true, _) => return Quoted::More,
        }
    }
    most
}
