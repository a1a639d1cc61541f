//! Maildir: what a folder's and a file's name say (cr.yp.to/proto/maildir.html; Dovecot's and Courier's additions).
//!
//! The `maildir` crate lists a folder too, but takes a missing one as empty, loses files in `cur` whose name has no `:2,`, knows no
//! nested folders and makes text of names; so folders are read by `walk`, and the crate delivers and is a test oracle.

use crate::mime::message::Flags;
use crate::mime::message::Origin;

/// What the name of a file in `cur` or `new` says: `TIME.UNIQUE.HOST[,S=…][:2,FLAGS]`. Other systems write `;2,` or `!2,`.
pub(super) fn origin(name: &[u8]) -> Origin {
    let info = name
        .windows(3)
        .rposition(|window| matches!(window, [b':' | b';' | b'!', b'2', b',']));
    let flags = info.and_then(|at| name.get(at + 3..)).unwrap_or_default();
    Origin {
        file_name_seconds: seconds(name),
        flags: Flags::from_letters(flags),
        ..Origin::default()
    }
}

/// The part of a file's name that stays when its flags change: all before them.
pub(super) fn lasting(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|octet| *octet == b'/');
    let name = path.get(start.map_or(0, |at| at + 1)..).unwrap_or_default();
    let info = name
        .windows(3)
        .rposition(|window| matches!(window, [b':' | b';' | b'!', b'2', b',']));
    name.get(..info.unwrap_or(name.len())).unwrap_or_default()
}

/// The folder that a file lies in; for `cur` and `new`, which a message moves between, the one above.
pub(super) fn folder(path: &[u8]) -> &[u8] {
    let above = |path: &[u8]| path.iter().rposition(|octet| *octet == b'/').unwrap_or(0);
    let folder = path.get(..above(path)).unwrap_or_default();
    let at = above(folder);
    match folder.get(at..).unwrap_or_default() {
        b"/cur" | b"/new" => folder.get(..at).unwrap_or_default(),
        b"cur" | b"new" => b"",
        _ => folder,
    }
}

/// Files of mail programs beside the mail, which come and go: locks and Dovecot's indexes.
pub(super) fn is_housekeeping(name: &[u8]) -> bool {
    name.ends_with(b".lock") || name.starts_with(b"dovecot") || name.starts_with(b".nfs")
}

/// Digits up to a dot, as many as a time has until the year 5138.
fn seconds(name: &[u8]) -> Option<i64> {
    let end = name.iter().position(|octet| *octet == b'.')?;
    let digits = name.get(..end)?;
    if digits.is_empty() || digits.len() > 11 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')),
    )
}

/// Whether a mail program gave this name: then the file is a message, whatever is in it.
pub(super) fn is_message_name(name: &[u8]) -> bool {
    seconds(name).is_some() && name.iter().filter(|octet| **octet == b'.').count() >= 2
}

/// The sub-folders of a Maildir that are there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub cur: bool,
    pub new: bool,
    pub tmp: bool,
}

impl Parts {
    /// Two of the three make a Maildir; a single `cur`, `new` or `tmp` may be anything.
    pub fn is_maildir(self) -> bool {
        [self.cur, self.new, self.tmp]
            .into_iter()
            .filter(|part| *part)
            .count()
            >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_when_a_message_is_moved_or_flagged() {
        for (path, above, name) in [
            ("x/cur/1.a.h:2,S", "x", "1.a.h"),
            ("x/new/1.a.h", "x", "1.a.h"),
            ("cur/1.a.h!2,", "", "1.a.h"),
            ("1.a.h:2,FS", "", "1.a.h"),
            ("x/y/a.eml", "x/y", "a.eml"),
            ("x/xcur/a", "x/xcur", "a"),
        ] {
            assert_eq!(folder(path.as_bytes()), above.as_bytes(), "{path}");
            assert_eq!(lasting(path.as_bytes()), name.as_bytes(), "{path}");
        }
    }

    #[test]
    fn e_32_names_of_all_systems() {
        for (name, time, flags) in [
            ("1420070400.M1P2.host:2,FS", Some(1_420_070_400), "FS"),
            ("1420070400.M1P2.host;2,S", Some(1_420_070_400), "S"),
            ("1420070400.M1P2.host!2,RS", Some(1_420_070_400), "RS"),
            (
                "1420070400.M1P2.host,S=3021,W=3100:2,Sab",
                Some(1_420_070_400),
                "Sab",
            ),
            ("1420070400.M1P2.host:2,", Some(1_420_070_400), ""),
            ("1420070400.M1P2.host", Some(1_420_070_400), ""),
            ("1420070400.M1P2.host,S=3021", Some(1_420_070_400), ""),
            ("1420070400.M1P2.host:1,S", Some(1_420_070_400), ""),
            ("mail-7", None, ""),
            ("123456789012.a.b", None, ""),
            (".a.b", None, ""),
        ] {
            let origin = origin(name.as_bytes());
            assert_eq!(origin.file_name_seconds, time, "{name}");
            assert_eq!(origin.flags.letters().collect::<String>(), flags, "{name}");
        }
    }
}
