//! What is wrong with an encoding, and where.

use std::fmt;

/// What is wrong with an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BerErrorKind {
    /// The input ends inside an element.
    Truncated,
    /// A length over what the input can hold, or over 2^32.
    Length,
    /// A tag number over 2^31, or with leading zeros.
    TagNumber,
    /// Another type was expected here.
    UnexpectedTag,
    /// More than `MAX_DEPTH` levels.
    TooDeep,
    /// Bytes behind the last expected element.
    TrailingData,
    /// The content of a primitive type is not a value of that type.
    Value,
    /// More elements than the limit for this list.
    TooMany,
}

/// A fault in an encoding and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BerError {
    /// Bytes from the start of the outermost input.
    pub at: usize,
    /// What is wrong there.
    pub kind: BerErrorKind,
}

impl fmt::Display for BerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            BerErrorKind::Truncated => "ends inside an element",
            BerErrorKind::Length => "impossible length",
            BerErrorKind::TagNumber => "impossible tag number",
            BerErrorKind::UnexpectedTag => "another type was expected",
            BerErrorKind::TooDeep => "nested too deep",
            BerErrorKind::TrailingData => "bytes behind the last element",
            BerErrorKind::Value => "not a value of its type",
            BerErrorKind::TooMany => "more elements than the limit",
        };
        write!(f, "BER at byte {}: {what}", self.at)
    }
}

impl std::error::Error for BerError {}
