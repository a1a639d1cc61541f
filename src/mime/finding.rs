//! What is wrong or odd in a message's structure.

/// A [`Finding`] and the part it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// Index into `Tree::parts`.
    pub part: usize,
    /// What was found.
    pub finding: Finding,
}

/// What is wrong with a message's structure, or open to more than one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// The header block is over the limit and was ended there.
    HeaderTooLarge,
    /// Nested deeper than the limit; the part was not opened.
    MimeTooDeep,
    /// More parts than the limit; everything from this part on is in it.
    TooManyParts,
    /// Mail programs may read it differently: `Tree::read_as` gives the other reading.
    MimeAmbiguous,
    /// A multipart without a boundary parameter; it was not opened.
    BoundaryMissing,
    /// A multipart in whose body no delimiter stands.
    DelimiterMissing,
    /// A multipart without its close delimiter.
    CloseDelimiterMissing,
    /// A message/rfc822 in base64 or quoted-printable, which RFC 2046 §5.2.1 forbids; it was not opened.
    MessageEncoded,
    /// A multipart in base64, quoted-printable or uuencode, which RFC 2045 §6.4 forbids, and no delimiter stands in the stored body.
    MultipartEncoded,
    /// A Content-Transfer-Encoding that is not known; the body was taken as it stands.
    TransferEncodingUnknown,
}

impl Finding {
    /// The report's word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HeaderTooLarge => "header_too_large",
            Self::MimeTooDeep => "mime_too_deep",
            Self::TooManyParts => "too_many_parts",
            Self::MimeAmbiguous => "mime_ambiguous",
            Self::BoundaryMissing => "boundary_missing",
            Self::DelimiterMissing => "delimiter_missing",
            Self::CloseDelimiterMissing => "close_delimiter_missing",
            Self::MessageEncoded => "message_encoded",
            Self::MultipartEncoded => "multipart_encoded",
            Self::TransferEncodingUnknown => "transfer_encoding_unknown",
        }
    }
}

/// What is odd about an S/MIME part or multipart/signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Oddity {
    /// The protocol parameter is missing or does not name the signature part's type, `x-` aside.
    ProtocolMismatch,
    /// Media type, name and smime-type do not agree, or the type is none of S/MIME's.
    TypeMismatch,
    /// Text before the first delimiter, other than the usual note to old mail programs. Nothing covers it.
    PreambleText,
    /// Text behind the close delimiter. Nothing covers it.
    EpilogueText,
    /// multipart/signed with more than two children.
    ExtraParts,
    /// The signature stands before the content.
    ReversedParts,
}

impl Oddity {
    /// The report's word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ProtocolMismatch => "protocol_mismatch",
            Self::TypeMismatch => "type_mismatch",
            Self::PreambleText => "preamble_text",
            Self::EpilogueText => "epilogue_text",
            Self::ExtraParts => "extra_parts",
            Self::ReversedParts => "reversed_parts",
        }
    }
}
