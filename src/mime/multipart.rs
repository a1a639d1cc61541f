//! The walk over a message: headers, delimiters, nested messages (RFC 2046 §5.1).

use std::ops::Range;

use memchr::memchr;

use crate::limits::Limits;
use crate::mime::boundary::Boundaries;
use crate::mime::finding::{Finding, Found};
use crate::mime::header::Header;
use crate::mime::media::{MediaType, Reading, TransferEncoding};
use crate::mime::tree::{Multipart, Part};

/// Walks once over `bytes`. Work is linear: each byte is read as part of a header, of a line that begins with `--`, or by the
/// search for one; such a line is looked up among all open boundaries at once, whatever their number.
pub(super) fn walk(bytes: &[u8], limits: &Limits, reading: Reading) -> (Vec<Part>, Vec<Found>) {
    let mut walker = Walker {
        bytes,
        limits,
        reading,
        parts: Vec::new(),
        findings: Vec::new(),
        open: Vec::new(),
        boundaries: Boundaries::new(bytes),
        leaf: None,
        at: 0,
    };
    walker.run();
    (walker.parts, walker.findings)
}

struct Walker<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    reading: Reading,
    parts: Vec<Part>,
    findings: Vec<Found>,
    /// The multiparts and messages around `at`, outermost first.
    open: Vec<Frame>,
    boundaries: Boundaries<'a>,
    /// The part that `at` is in, if it has no frame.
    leaf: Option<usize>,
    /// Start of the next line to look at.
    at: usize,
}

struct Frame {
    part: usize,
    /// `None` for a message/rfc822, which ends where the entity around it does.
    boundary: Option<Vec<u8>>,
    /// Media type of children that name none (RFC 2046 §5.1.5).
    default: &'static str,
    closed: bool,
}

/// Where a header ends.
struct Block {
    header: Range<usize>,
    body_start: usize,
    /// The next line that can be a delimiter.
    resume: usize,
    finding: Option<Finding>,
}

const TEXT: &str = "text/plain";
const MESSAGE: &str = "message/rfc822";
const OPAQUE: &str = "application/octet-stream";

impl Walker<'_> {
    fn run(&mut self) {
        let mut parent = None;
        loop {
            let part = self.open_part(parent);
            if let Some(frame) = self.frame_for(part) {
                let is_message = frame.boundary.is_none();
                self.open_frame(frame);
                if is_message {
                    self.at = self.parts.get(part).map_or(self.at, |part| part.body.start);
                    parent = Some(part);
                    continue;
                }
            } else {
                self.leaf = Some(part);
            }
            let Some(next) = self.next_child() else {
                break;
            };
            parent = Some(next);
            if self.parts.len() >= self.limits.mime_parts {
                self.rest_as_one_part(next);
                break;
            }
        }
        self.close_above(0, self.bytes.len());
    }

    /// The multipart whose next child begins at `at`, once its delimiter is found.
    fn next_child(&mut self) -> Option<usize> {
        while let Some(delimiter) = self.boundaries.next(self.at) {
            let end = self.boundaries.before(&delimiter);
            self.close_above(delimiter.depth + 1, end);
            self.at = delimiter.line.end;
            let Some(frame) = self.open.get_mut(delimiter.depth) else {
                continue;
            };
            frame.closed = delimiter.close;
            let part = frame.part;
            if let Some(part) = self.parts.get_mut(part)
                && let Some(multipart) = &mut part.multipart
            {
                if part.children.is_empty() {
                    multipart.preamble.end = end.max(multipart.preamble.start);
                }
                if delimiter.close {
                    multipart.epilogue = delimiter.line.end..delimiter.line.end;
                }
            }
            if !delimiter.close {
                return Some(part);
            }
            self.retire(delimiter.depth);
        }
        None
    }

    /// Ends the leaf and all frames from `depth` on.
    fn close_above(&mut self, depth: usize, end: usize) {
        if let Some(leaf) = self.leaf.take() {
            self.end_part(leaf, end);
        }
        while self.open.len() > depth {
            self.retire(self.open.len() - 1);
            let Some(frame) = self.open.pop() else { break };
            self.end_part(frame.part, end);
            let Some(part) = self.parts.get_mut(frame.part) else {
                continue;
            };
            let Some(multipart) = &mut part.multipart else {
                continue;
            };
            if frame.closed {
                multipart.epilogue.end = end.max(multipart.epilogue.start);
                continue;
            }
            multipart.epilogue = end..end;
            let finding = if !part.children.is_empty() {
                Finding::CloseDelimiterMissing
            } else {
                multipart.preamble.end = part.body.end;
                match part.encoding {
                    TransferEncoding::Identity | TransferEncoding::Unknown => {
                        Finding::DelimiterMissing
                    }
                    TransferEncoding::Base64
                    | TransferEncoding::QuotedPrintable
                    | TransferEncoding::Uuencode => Finding::MultipartEncoded,
                }
            };
            self.found(frame.part, finding);
        }
    }

    /// A delimiter at the very start of a body has the header's line end as its own, so a part can end before its body began.
    fn end_part(&mut self, part: usize, end: usize) {
        if let Some(part) = self.parts.get_mut(part) {
            let end = end.max(part.entity.start);
            part.entity.end = end;
            part.header.end = part.header.end.min(end);
            part.body.start = part.body.start.min(end);
            part.body.end = end;
        }
    }

    /// Takes the boundary of the frame at this depth out of force.
    fn retire(&mut self, depth: usize) {
        if let Some(boundary) = self
            .open
            .get_mut(depth)
            .and_then(|frame| frame.boundary.take())
        {
            self.boundaries.remove(&boundary, depth);
        }
    }

    fn found(&mut self, part: usize, finding: Finding) {
        self.findings.push(Found { part, finding });
    }

    fn push(&mut self, parent: Option<usize>, media: MediaType, block: &Block) -> usize {
        let index = self.parts.len();
        let ordinal = match parent.and_then(|parent| self.parts.get_mut(parent)) {
            Some(parent) => {
                parent.children.push(index);
                parent.children.len()
            }
            None => 1,
        };
        self.parts.push(Part {
            parent,
            children: Vec::new(),
            ordinal,
            entity: block.header.start..self.bytes.len(),
            header: block.header.clone(),
            body: block.body_start..self.bytes.len(),
            media,
            encoding: TransferEncoding::Identity,
            multipart: None,
        });
        index
    }

    /// Reads the header at `at` and adds the part.
    fn open_part(&mut self, parent: Option<usize>) -> usize {
        let default = self.open.last().map_or(TEXT, |frame| frame.default);
        let block = self.read_block();
        self.at = block.resume;
        let mut fields = Entity::default();
        for field in Header::new(self.bytes.get(block.header.clone()).unwrap_or_default()).fields()
        {
            if field.is("content-type") {
                fields.media.add(field.value, self.reading);
            } else if field.is("content-transfer-encoding") {
                fields.encoding.add(field.value, self.reading);
            }
        }
        let media = fields
            .media
            .value
            .map_or_else(|| MediaType::bare(default), MediaType::read);
        let ambiguous = fields.media.differs
            || fields.encoding.differs
            || CHOSEN_BY.iter().any(|name| media.is_ambiguous(name));
        let encoding = fields
            .encoding
            .value
            .map_or(TransferEncoding::Identity, TransferEncoding::read);
        let part = self.push(parent, media, &block);
        if let Some(part) = self.parts.get_mut(part) {
            part.encoding = encoding;
        }
        if let Some(finding) = block.finding {
            self.found(part, finding);
        }
        if ambiguous && block.finding != Some(Finding::MimeAmbiguous) {
            self.found(part, Finding::MimeAmbiguous);
        }
        if encoding == TransferEncoding::Unknown {
            self.found(part, Finding::TransferEncodingUnknown);
        }
        part
    }

    /// Header fields from `at` to an empty line, a delimiter, the limit or the end. A block without a single field is no header.
    fn read_block(&self) -> Block {
        let start = self.at;
        let mut line = start;
        let mut previous_is_crlf = None;
        let mut finding = None;
        let (mut end, mut body_start) = (self.bytes.len(), self.bytes.len());
        while let Some(rest) = self.bytes.get(line..).filter(|rest| !rest.is_empty()) {
            let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let text = rest.get(..length).unwrap_or_default();
            if matches!(text, b"\n" | b"\r\n" | b"\r") {
                // RFC 5322 ends a header at CR LF CR LF; a line feed alone is an end to some programs and none to others.
                if previous_is_crlf.is_some_and(|crlf| crlf != (text == b"\r\n")) {
                    finding = Some(Finding::MimeAmbiguous);
                }
                (end, body_start) = (line, line + length);
                break;
            }
            if text.starts_with(b"--") && self.boundaries.at(line).is_some() {
                (end, body_start) = (line, line);
                break;
            }
            if line + length - start > self.limits.header_bytes {
                finding = Some(Finding::HeaderTooLarge);
                // The rest of a line that is over the limit by itself is in neither, lest half a line be read as a whole one.
                (end, body_start) = if line > start {
                    (line, line)
                } else {
                    (start + self.limits.header_bytes, line + length)
                };
                break;
            }
            previous_is_crlf = Some(text.ends_with(b"\r\n"));
            line += length;
        }
        let resume = body_start;
        let block = self.bytes.get(start..end).unwrap_or_default();
        if end > start && Header::new(block).fields().next().is_none() {
            (end, body_start) = (start, start);
        }
        Block {
            header: start..end,
            body_start,
            resume,
            finding,
        }
    }

    /// The frame of a part that holds others, if it can be opened.
    fn frame_for(&mut self, index: usize) -> Option<Frame> {
        let part = self.parts.get(index)?;
        let is_multipart = part.media.top() == "multipart";
        let is_message = matches!(
            part.media.essence.as_str(),
            MESSAGE | "message/global" | "message/news"
        );
        if !is_multipart && !is_message {
            return None;
        }
        let mut frame = Frame {
            part: index,
            boundary: None,
            default: TEXT,
            closed: false,
        };
        let mut obstacle = None;
        if is_multipart {
            if part.media.subtype() == "digest" {
                frame.default = MESSAGE;
            }
            frame.boundary = part
                .media
                .parameter("boundary", self.reading)
                .map(|boundary| boundary.trim_ascii_end().to_vec())
                .filter(|boundary| !boundary.is_empty());
            if frame.boundary.is_none() {
                obstacle = Some(Finding::BoundaryMissing);
            }
        } else if is_encoded(
            part.encoding,
            self.bytes.get(part.body.clone()).unwrap_or_default(),
        ) {
            obstacle = Some(Finding::MessageEncoded);
        } else if self.parts.len() >= self.limits.mime_parts {
            obstacle = Some(Finding::TooManyParts);
        }
        if obstacle.is_none() && self.open.len() >= self.limits.mime_depth {
            obstacle = Some(Finding::MimeTooDeep);
        }
        if let Some(obstacle) = obstacle {
            self.found(index, obstacle);
            return None;
        }
        Some(frame)
    }

    fn open_frame(&mut self, frame: Frame) {
        let depth = self.open.len();
        if let Some(boundary) = &frame.boundary {
            if self.boundaries.add(boundary, depth) {
                self.found(frame.part, Finding::MimeAmbiguous);
            }
            if let Some(part) = self.parts.get_mut(frame.part) {
                part.multipart = Some(Multipart {
                    preamble: part.body.start..part.body.start,
                    epilogue: part.body.start..part.body.start,
                });
            }
        }
        self.open.push(frame);
    }

    fn rest_as_one_part(&mut self, parent: usize) {
        let block = Block {
            header: self.at..self.at,
            body_start: self.at,
            resume: self.at,
            finding: None,
        };
        let part = self.push(Some(parent), MediaType::bare(OPAQUE), &block);
        self.found(part, Finding::TooManyParts);
        self.leaf = Some(part);
    }
}

/// Parameters on which the structure or the choice of S/MIME parts depends.
const CHOSEN_BY: [&str; 4] = ["boundary", "protocol", "name", "smime-type"];

/// The fields that decide how an entity is read.
#[derive(Default)]
struct Entity<'a> {
    media: Choice<'a>,
    encoding: Choice<'a>,
}

/// The value that counts, and whether another one differs from it.
#[derive(Default)]
struct Choice<'a> {
    value: Option<&'a [u8]>,
    differs: bool,
}

impl<'a> Choice<'a> {
    fn add(&mut self, value: &'a [u8], reading: Reading) {
        match self.value {
            None => self.value = Some(value),
            Some(first) => {
                self.differs |= first.trim_ascii() != value.trim_ascii();
                if reading == Reading::Last {
                    self.value = Some(value);
                }
            }
        }
    }
}

/// Is a nested message's body encoded? Some programs declare base64 and write the message plainly: its first line has a colon then.
fn is_encoded(encoding: TransferEncoding, body: &[u8]) -> bool {
    match encoding {
        TransferEncoding::Identity | TransferEncoding::Unknown => false,
        TransferEncoding::QuotedPrintable | TransferEncoding::Uuencode => true,
        TransferEncoding::Base64 => {
            let text = body.trim_ascii_start();
            let line = text
                .get(..memchr(b'\n', text).unwrap_or(text.len()))
                .unwrap_or_default();
            memchr(b':', line).is_none()
        }
    }
}

/// Is there anything but blanks and line ends?
#[must_use]
pub fn has_text(bytes: &[u8]) -> bool {
    !bytes.trim_ascii_start().is_empty()
}

/// The notes that mailers put before the first delimiter for programs without MIME, and nothing else.
#[must_use]
pub fn is_note(preamble: &[u8]) -> bool {
    const NOTES: [&str; 6] = [
        "this is a cryptographically signed message in mime format",
        "this is an s/mime signed message",
        "this is a multi-part message in mime format",
        "this is a multipart message in mime format",
        "this message is in mime format",
        "dies ist eine mehrteilige nachricht im mime-format",
    ];
    let text = preamble.trim_ascii().to_ascii_lowercase();
    let text = text.strip_suffix(b".").unwrap_or(&text);
    NOTES.iter().any(|note| text == note.as_bytes())
}
