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
