//! Bytes for a digest: as stored or with every line end as CR LF, mbox quoting undone on the way.

use memchr::{memchr_iter, memmem};

/// How line ends are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnds {
    /// Every byte as it is stored.
    AsStored,
    /// Each LF without a CR before it becomes CR LF (RFC 8551 §3.1.1). A CR alone stays: it ends no line in mail (RFC 5322 §2.3).
    CrLf,
}

/// Which quoting of `From ` lines is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unquote {
    /// None.
    None,
    /// mboxo's: `>From ` loses its `>`; lines with more of them were so when they were sent.
    O,
    /// mboxrd's: one `>` goes from every line of `>`s and `From `.
    Rd,
}

/// Bytes of the buffer in which changed lines are gathered. Origin: two memory pages, past which digests ran no faster.
const GATHER_BYTES: usize = 16 << 10;
/// Unchanged stretches from this size on are handed out where they stand.
const DIRECT_BYTES: usize = 4 << 10;

/// Hands `bytes`, which begin at the start of a line, to `sink` in few large pieces. Nothing is copied where nothing changes.
///
/// Never fails. The pieces' borders mean nothing, and no piece is empty.
pub fn feed(bytes: &[u8], lines: LineEnds, unquote: Unquote, sink: impl FnMut(&[u8])) {
    let mut gather = Gather {
        bytes,
        done: 0,
        buffer: Vec::new(),
        sink,
    };
    match (lines, unquote) {
        (LineEnds::AsStored, Unquote::None) => {}
        (LineEnds::AsStored, Unquote::O | Unquote::Rd) => {
            for at in Quoted::new(bytes) {
                if at.goes(unquote) {
                    gather.replace(at.line, at.line + 1, b"");
                }
            }
        }
        (LineEnds::CrLf, Unquote::None) => {
            for feed in memchr_iter(b'\n', bytes) {
                if !is_behind_return(bytes, feed) {
                    gather.replace(feed, feed + 1, b"\r\n");
                }
            }
        }
        (LineEnds::CrLf, Unquote::O | Unquote::Rd) => {
            let mut quoted = Quoted::new(bytes).filter(|at| at.goes(unquote)).peekable();
            for feed in memchr_iter(b'\n', bytes) {
                while let Some(at) = quoted.next_if(|at| at.line <= feed) {
                    gather.replace(at.line, at.line + 1, b"");
                }
                if !is_behind_return(bytes, feed) {
                    gather.replace(feed, feed + 1, b"\r\n");
                }
            }
            for at in quoted {
                gather.replace(at.line, at.line + 1, b"");
            }
        }
    }
    gather.finish();
}

fn is_behind_return(bytes: &[u8], feed: usize) -> bool {
    feed.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r')
}

struct Gather<'b, S> {
    bytes: &'b [u8],
    /// All before this has been handed out or gathered.
    done: usize,
    buffer: Vec<u8>,
    sink: S,
}

impl<S: FnMut(&[u8])> Gather<'_, S> {
    /// Takes what stands between the last change and this one, then `with` for the bytes from `from` to `to`.
    fn replace<const N: usize>(&mut self, from: usize, to: usize, with: &[u8; N]) {
        self.take(from);
        self.buffer.extend_from_slice(with);
        self.done = to;
    }

    fn take(&mut self, to: usize) {
        let run = self.bytes.get(self.done..to).unwrap_or_default();
        if run.len() >= DIRECT_BYTES {
            self.flush();
            (self.sink)(run);
            return;
        }
        if self.buffer.len() + run.len() + 2 > self.buffer.capacity() {
            self.flush();
            self.buffer.reserve(GATHER_BYTES);
        }
        self.buffer.extend_from_slice(run);
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            (self.sink)(&self.buffer);
            self.buffer.clear();
        }
    }

    fn finish(mut self) {
        self.flush();
        let rest = self.bytes.get(self.done..).unwrap_or_default();
        if !rest.is_empty() {
            (self.sink)(rest);
        }
    }
}

/// A line of `>`s and `From `.
#[derive(Clone, Copy)]
struct QuotedLine {
    line: usize,
    marks: usize,
}

impl QuotedLine {
    fn goes(self, unquote: Unquote) -> bool {
        match unquote {
            Unquote::None => false,
            Unquote::O => self.marks == 1,
            Unquote::Rd => true,
        }
    }
}

/// Finds such lines by their rare end, `>From `.
struct Quoted<'b> {
    bytes: &'b [u8],
    found: memmem::FindIter<'b, 'static>,
}

impl<'b> Quoted<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            found: memmem::find_iter(bytes, b">From "),
        }
    }
}

impl Iterator for Quoted<'_> {
    type Item = QuotedLine;

    fn next(&mut self) -> Option<QuotedLine> {
        loop {
            let last = self.found.next()?;
            let before = self.bytes.get(..=last).unwrap_or_default();
            let marks = before
                .iter()
                .rev()
                .take_while(|byte| **byte == b'>')
                .count();
            let line = before.len() - marks;
            if line == 0 || self.bytes.get(line - 1) == Some(&b'\n') {
                return Some(QuotedLine { line, marks });
            }
        }
    }
}

/// Do the bytes read the same as stored and with line ends as CR LF?
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    memchr_iter(b'\n', bytes).all(|feed| is_behind_return(bytes, feed))
}

/// Lines that an mbox writer may have quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotedLines {
    /// Lines that begin with exactly `>From `: mboxo and mboxrd both quoted them, or they were sent so and not quoted by mboxo.
    pub single: usize,
    /// Lines with more than one `>` before `From `: mboxrd quoted them, mboxo did not. The two readings differ only if there are any.
    pub deeper: usize,
}

/// Counts the lines that un-quoting could change. `bytes` begin at the start of a line.
#[must_use]
pub fn quoted_lines(bytes: &[u8]) -> QuotedLines {
    let mut lines = QuotedLines::default();
    for at in Quoted::new(bytes) {
        match at.marks {
            1 => lines.single += 1,
            _ => lines.deeper += 1,
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::as_conversions)]
mod tests {
    use super::*;

    const ALL: [(LineEnds, Unquote); 6] = [
        (LineEnds::AsStored, Unquote::None),
        (LineEnds::AsStored, Unquote::O),
        (LineEnds::AsStored, Unquote::Rd),
        (LineEnds::CrLf, Unquote::None),
        (LineEnds::CrLf, Unquote::O),
        (LineEnds::CrLf, Unquote::Rd),
    ];

    fn fed(bytes: &[u8], lines: LineEnds, unquote: Unquote) -> Vec<u8> {
        let mut out = Vec::new();
        feed(bytes, lines, unquote, |piece| {
            assert!(!piece.is_empty());
            out.extend_from_slice(piece);
        });
        out
    }

    /// The same line by line, as one would write it first.
    fn plainly(bytes: &[u8], lines: LineEnds, unquote: Unquote) -> Vec<u8> {
        let mut out = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let marks = line.iter().take_while(|byte| **byte == b'>').count();
            let quoted = line[marks..].starts_with(b"From ");
            let strip = match unquote {
                Unquote::None => false,
                Unquote::O => quoted && marks == 1,
                Unquote::Rd => quoted && marks > 0,
            };
            let line = if strip { &line[1..] } else { line };
            match line.strip_suffix(b"\n") {
                Some(text) if lines == LineEnds::CrLf && !text.ends_with(b"\r") => {
                    out.extend_from_slice(text);
                    out.extend_from_slice(b"\r\n");
                }
                _ => out.extend_from_slice(line),
            }
        }
        out
    }

    #[test]
    fn every_form_equals_the_plain_one() {
        let pieces: [&[u8]; 12] = [
            b"\n",
            b"\r\n",
            b"\r",
            b">",
            b"From ",
            b">From ",
            b">>From x",
            b"From",
            b"a line of text",
            b"\r\r\n",
            b"",
            b"x>From ",
        ];
        let mut state = 7_u64;
        for round in 0..4000 {
            let mut bytes = Vec::new();
            for _ in 0..round % 40 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let piece = pieces[(state >> 33) as usize % pieces.len()];
                let times = if state >> 60 == 0 { 900 } else { 1 };
                bytes.extend(piece.repeat(times));
            }
            for (lines, unquote) in ALL {
                assert_eq!(
                    fed(&bytes, lines, unquote),
                    plainly(&bytes, lines, unquote),
                    "{lines:?} {unquote:?}"
                );
            }
            assert_eq!(
                is_canonical(&bytes),
                plainly(&bytes, LineEnds::CrLf, Unquote::None) == bytes
            );
            let lines = quoted_lines(&bytes);
            let differ = |a, b| {
                plainly(&bytes, LineEnds::AsStored, a) != plainly(&bytes, LineEnds::AsStored, b)
            };
            assert_eq!(lines.deeper > 0, differ(Unquote::O, Unquote::Rd));
            assert_eq!(lines.single > 0, differ(Unquote::None, Unquote::O));
        }
    }

    #[test]
    fn pieces_are_few_and_unchanged_bytes_are_not_copied() {
        let crlf = "seventy characters of text, more or less, stand in each of these lines\r\n"
            .repeat(10_000);
        let mut pieces = Vec::new();
        feed(crlf.as_bytes(), LineEnds::CrLf, Unquote::Rd, |piece| {
            pieces.push((piece.as_ptr(), piece.len()))
        });
        assert_eq!(pieces, [(crlf.as_ptr(), crlf.len())]);

        let lf = crlf.replace('\r', "");
        let mut count = 0;
        feed(lf.as_bytes(), LineEnds::CrLf, Unquote::None, |_| count += 1);
        assert!(
            count <= lf.len() / (GATHER_BYTES - DIRECT_BYTES) + 1,
            "{count} pieces"
        );
    }

    #[test]
    fn many_marks_cost_no_more_than_their_length() {
        let bytes = format!("{}From ", ">".repeat(100_000)).repeat(3);
        assert_eq!(
            quoted_lines(bytes.as_bytes()),
            QuotedLines {
                single: 0,
                deeper: 1
            }
        );
    }
}
