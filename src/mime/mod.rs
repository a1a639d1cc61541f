//! Message to tree of byte ranges. Copies no body, decodes on request, knows no ASN.1.
//!
//! [`sniff`] sorts out what can't hold S/MIME, [`Tree::read`] walks the rest, [`smime`] says which parts are S/MIME,
//! [`transfer`] decodes a body and [`canonical`] hands bytes to a digest in the form that was signed.

use std::ops::Range;

use crate::limits::Limits;
use crate::mime::header::Header;
use crate::mime::media::{MediaType, Reading, TransferEncoding};

pub mod message;

pub mod sniff;

pub mod header;

pub mod date;

pub mod address;

pub mod media;

pub mod multipart;

pub mod transfer;

pub mod canonical;

pub mod smime;

/// The parts of a message.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    /// The message as stored. All ranges count from its start, in bytes.
    pub bytes: &'a [u8],
    /// In document order (a parent before its children); the first is the message itself and always there.
    pub parts: Vec<Part>,
    /// What is wrong or open to more than one reading, in document order of discovery.
    pub findings: Vec<Found>,
}

/// One entity (RFC 2045 §2.4).
#[derive(Clone, Debug)]
pub struct Part {
    /// The multipart or message that it is in.
    pub parent: Option<usize>,
    /// Its children: a multipart's parts, or the message in a message/rfc822.
    pub children: Vec<usize>,
    /// Place among its siblings, from 1.
    pub ordinal: usize,
    /// Header and body, without the line end that belongs to the next delimiter (RFC 2046 §5.1.1): what multipart/signed signs.
    pub entity: Range<usize>,
    /// The header fields, without the empty line.
    pub header: Range<usize>,
    /// What stands behind the empty line, encoded as stored.
    pub body: Range<usize>,
    /// Content-Type, or the default that holds here (RFC 2045 §5.2, RFC 2046 §5.1.5).
    pub media: MediaType,
    /// Content-Transfer-Encoding.
    pub encoding: TransferEncoding,
    /// What is between the delimiters, if the part was opened as a multipart.
    pub multipart: Option<Multipart>,
}

/// What a multipart has beside its children (RFC 2046 §5.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// Before the first delimiter.
    pub preamble: Range<usize>,
    /// Behind the close delimiter; empty without one.
    pub epilogue: Range<usize>,
}

/// A [`Finding`] and the part it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// Index into [`Tree::parts`].
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
    /// Mail programs may read it differently: [`Tree::read_as`] gives the other reading.
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

impl<'a> Tree<'a> {
    /// The parts of a message or of any other entity. Never fails: what is wrong is in the findings.
    ///
    /// Linear in time, iterative, and copies no body.
    #[must_use]
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Self {
        Self::read_as(bytes, limits, Reading::First)
    }

    /// The same, with a choice where fields or parameters stand twice. The two differ only if [`Finding::MimeAmbiguous`] was found.
    #[must_use]
    pub fn read_as(bytes: &'a [u8], limits: &Limits, reading: Reading) -> Self {
        let (parts, findings) = multipart::walk(bytes, limits, reading);
        Self {
            bytes,
            parts,
            findings,
        }
    }

    /// The bytes of a range of this tree.
    #[must_use]
    pub fn slice(&self, range: &Range<usize>) -> &'a [u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The header of a part; of one that is not there, an empty one.
    #[must_use]
    pub fn header(&self, part: usize) -> Header<'a> {
        Header::new(
            self.parts
                .get(part)
                .map_or(&[], |part| self.slice(&part.header)),
        )
    }

    /// Is there this finding anywhere?
    #[must_use]
    pub fn has(&self, finding: Finding) -> bool {
        self.findings.iter().any(|found| found.finding == finding)
    }

    /// A part and all that it is in, from the inside out.
    pub fn ancestry(&self, part: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(part), |at| {
            self.parts.get(*at).and_then(|part| part.parent)
        })
    }

    /// The part's number (RFC 3501 §6.4.5): the children of the root multipart are `1`, `2`, …, those of part 2 are `2.1`, …;
    /// a message/rfc822 has the number of its place and its message's parts go on behind it (`2.1`). A message that is no
    /// multipart is part `1` of itself. A multipart that is the root of its message, to which IMAP gives no number, is `0` (`2.0`).
    #[must_use]
    pub fn number(&self, part: usize) -> String {
        let mut components: Vec<String> = Vec::new();
        let mut inner = true;
        for at in self.ancestry(part) {
            let Some(this) = self.parts.get(at) else {
                break;
            };
            if self.is_message_root(at) {
                match (inner, this.multipart.is_some()) {
                    (true, true) => components.push("0".to_owned()),
                    (_, false) => components.push("1".to_owned()),
                    (false, true) => {}
                }
            } else {
                components.push(this.ordinal.to_string());
            }
            inner = false;
        }
        components.reverse();
        components.join(".")
    }

    /// Is it the outermost entity of a message: of this one, or of one in a message/rfc822?
    #[must_use]
    pub fn is_message_root(&self, part: usize) -> bool {
        match self.parts.get(part).map(|part| part.parent) {
            Some(Some(parent)) => self
                .parts
                .get(parent)
                .is_some_and(|parent| parent.multipart.is_none()),
            Some(None) => true,
            None => false,
        }
    }

    /// The outermost entity of the message that a part is in, whose header has the From to compare with: 0, or the
    /// message in the nearest message/rfc822. A message/rfc822 part itself belongs to the message around it.
    #[must_use]
    pub fn enclosing_message(&self, part: usize) -> usize {
        self.ancestry(part)
            .find(|at| self.is_message_root(*at))
            .unwrap_or(0)
    }

    /// The parts that stand beside `part` or beside what it is in, at every level up to the root, in document order.
    #[must_use]
    pub fn uncovered(&self, part: usize) -> Vec<usize> {
        let mut beside: Vec<usize> = self
            .ancestry(part)
            .filter_map(|at| Some((at, self.parts.get(self.parts.get(at)?.parent?)?)))
            .flat_map(|(at, parent)| {
                parent
                    .children
                    .iter()
                    .copied()
                    .filter(move |child| *child != at)
            })
            .collect();
        beside.sort_unstable();
        beside
    }

    /// Preambles and epilogues with text in them, of all multiparts that `part` is in (itself excepted), from the root inwards.
    #[must_use]
    pub fn uncovered_text(&self, part: usize) -> Vec<Range<usize>> {
        let mut around: Vec<Range<usize>> = self
            .ancestry(part)
            .skip(1)
            .filter_map(|at| self.parts.get(at)?.multipart.as_ref())
            .flat_map(|multipart| [multipart.epilogue.clone(), multipart.preamble.clone()])
            .filter(|range| multipart::has_text(self.slice(range)))
            .collect();
        around.reverse();
        around
    }
}
