//! One stored message, and what its place of storage says about it. Reading the place is the archive's business.

use serde::{Deserialize, Serialize};

/// One stored message and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The bytes as stored, without mbox separator.
    pub bytes: &'a [u8],
    /// What the bytes are.
    pub form: Form,
    /// What the place of storage says.
    pub origin: Origin,
}

/// What the bytes of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Form {
    /// Header and body (RFC 5322).
    Mail,
    /// A CMS structure without any mail around it, DER or PEM (RFC 5652, RFC 7468 §8, §9).
    Cms,
}

/// How body lines that begin with `From ` were changed when the message was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quoting {
    /// Not at all: the bytes are those of the message.
    #[default]
    None,
    /// `From ` became `>From `, and nothing else was touched: not every `>From ` was a `From `.
    Mboxo,
    /// `From `, `>From `, `>>From ` and so on each got one more `>`: can be undone without loss.
    Mboxrd,
    /// The message lies in an mbox, and which of the other three holds can't be told from the file.
    Ambiguous,
}

/// What the place of storage says about a message. Nothing here is signed: a hint at best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// How `From ` lines were changed.
    pub quoting: Quoting,
    /// The date of the mbox separator, in seconds since 1970. The line is taken as UTC unless it has a numeric zone.
    pub from_line_seconds: Option<i64>,
    /// The delivery time that begins a Maildir file's name, in seconds since 1970.
    pub file_name_seconds: Option<i64>,
    /// When the file's content was last changed, in seconds since 1970; only where it was asked for.
    pub file_seconds: Option<i64>,
    /// Maildir flags.
    pub flags: Flags,
    /// What was odd about the storage.
    pub findings: StorageFindings,
}

/// The flags in a Maildir file's name: a set of ASCII letters. `P R S T D F` are those of the format, `a` to `z` are Dovecot's keywords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(u64);

impl Flags {
    /// The letters of `text`; whatever is no ASCII letter is left out. Never fails.
    #[must_use]
    pub fn from_letters(text: &[u8]) -> Self {
        Self(
            text.iter()
                .filter(|letter| letter.is_ascii_alphabetic())
                .fold(0, |set, letter| set | 1 << (letter - b'A')),
        )
    }

    /// True without any flag.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters, in ASCII order, each once.
    pub fn letters(self) -> impl Iterator<Item = char> {
        (b'A'..=b'z')
            .filter(move |letter| self.0 >> (letter - b'A') & 1 == 1)
            .map(char::from)
    }
}

/// Something odd about how a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StorageFinding {
    /// The mbox separator before the message has no time of day, or no header field follows it.
    SeparatorOdd,
    /// No blank line stands before the mbox separator.
    SeparatorWithoutBlankLine,
    /// The mbox begins with this message's header in place of a separator.
    SeparatorMissing,
    /// A line of the message begins with `From `, and is no separator.
    UnquotedFromLine,
    /// Content-Length leads neither to a separator nor to the file's end; it was not believed.
    ContentLengthWrong,
    /// Reading the file ended with a fault in this message or directly behind it; what was read before is here.
    CutShort,
}

impl StorageFinding {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 6] = [
        Self::SeparatorOdd,
        Self::SeparatorWithoutBlankLine,
        Self::SeparatorMissing,
        Self::UnquotedFromLine,
        Self::ContentLengthWrong,
        Self::CutShort,
    ];

    /// The report's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeparatorOdd => "separator_odd",
            Self::SeparatorWithoutBlankLine => "separator_without_blank_line",
            Self::SeparatorMissing => "separator_missing",
            Self::UnquotedFromLine => "unquoted_from_line",
            Self::ContentLengthWrong => "content_length_wrong",
            Self::CutShort => "cut_short",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::SeparatorOdd => 1,
            Self::SeparatorWithoutBlankLine => 2,
            Self::SeparatorMissing => 4,
            Self::UnquotedFromLine => 8,
            Self::ContentLengthWrong => 16,
            Self::CutShort => 32,
        }
    }
}

/// A set of [`StorageFinding`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StorageFindings(u8);

impl StorageFindings {
    /// Nothing was odd.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, finding: StorageFinding) {
        self.0 |= finding.bit();
    }

    /// This set and one more.
    #[must_use]
    pub fn with(mut self, finding: StorageFinding) -> Self {
        self.insert(finding);
        self
    }

    /// Whether `finding` is in it.
    #[must_use]
    pub fn contains(self, finding: StorageFinding) -> bool {
        self.0 & finding.bit() != 0
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, in the order of [`StorageFinding::ALL`].
    pub fn iter(self) -> impl Iterator<Item = StorageFinding> {
        StorageFinding::ALL
            .into_iter()
            .filter(move |finding| self.contains(*finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_a_set_of_letters() {
        let flags = Flags::from_letters(b"SFa,9\xffS");
        assert_eq!(flags.letters().collect::<String>(), "FSa");
        assert!(Flags::from_letters(b",[`").is_empty());
        assert_eq!(
            Flags::from_letters(b"zA").letters().collect::<String>(),
            "Az"
        );
    }

    #[test]
    fn findings_are_a_set_and_have_distinct_bits_and_words() {
        let mut words = Vec::new();
        for finding in StorageFinding::ALL {
            let one = StorageFindings::default().with(finding);
            assert_eq!(one.iter().collect::<Vec<_>>(), [finding]);
            words.push(finding.as_str());
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), StorageFinding::ALL.len());
    }
}
