//! Delimiter lines (RFC 2046 §5.1.1), looked up among all boundaries in force at once.

use std::collections::HashMap;
use std::ops::Range;

use memchr::{memchr, memmem};

/// The boundaries of the multiparts around a place.
#[derive(Debug)]
pub struct Boundaries<'a> {
    bytes: &'a [u8],
    /// Boundary to the depths of the multiparts that have it, innermost last.
    depths: HashMap<Vec<u8>, Vec<usize>>,
    /// Length of the longest boundary seen, in bytes.
    longest: usize,
    dashes: memmem::Finder<'static>,
}

/// A delimiter line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiter {
    /// The line with its line end.
    pub line: Range<usize>,
    /// Depth of the multipart that it belongs to.
    pub depth: usize,
    /// The last of its multipart.
    pub close: bool,
}

impl<'a> Boundaries<'a> {
    /// None yet. Lines will be looked for in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            depths: HashMap::new(),
            longest: 0,
            dashes: memmem::Finder::new(b"\n--"),
        }
    }

    /// Puts a boundary in force; true if another multipart has the same.
    pub fn add(&mut self, boundary: &[u8], depth: usize) -> bool {
        self.longest = self.longest.max(boundary.len());
        let depths = self.depths.entry(boundary.to_vec()).or_default();
        depths.push(depth);
        depths.len() > 1
    }

    /// Takes a boundary out of force for the multipart at this depth.
    pub fn remove(&mut self, boundary: &[u8], depth: usize) {
        if let Some(depths) = self.depths.get_mut(boundary) {
            depths.retain(|other| *other != depth);
            if depths.is_empty() {
                self.depths.remove(boundary);
            }
        }
    }

    /// The first delimiter line at `at`, which is the start of a line, or behind it.
    ///
    /// Time is linear in the bytes passed: a search for line starts with `--`, and one look at each such line.
    #[must_use]
    pub fn next(&self, at: usize) -> Option<Delimiter> {
        if self.depths.is_empty() {
            return None;
        }
        if let Some(delimiter) = self.at(at) {
            return Some(delimiter);
        }
        let mut from = at;
        loop {
            let line = from + self.dashes.find(self.bytes.get(from..)?)? + 1;
            if let Some(delimiter) = self.at(line) {
                return Some(delimiter);
            }
            from = line;
        }
    }

    /// The delimiter that the line starting at `line` is: `--`, a whole boundary, perhaps `--`, and nothing else but blanks.
    /// Where it fits two multiparts it is that of the inner one.
    #[must_use]
    pub fn at(&self, line: usize) -> Option<Delimiter> {
        let rest = self.bytes.get(line..)?;
        if self.depths.is_empty() || !rest.starts_with(b"--") {
            return None;
        }
        let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let text = rest.get(2..length)?.trim_ascii_end();
        if text.len() > self.longest + 2 {
            return None;
        }
        let innermost = |boundary: &[u8]| {
            self.depths
                .get(boundary)
                .and_then(|depths| depths.last().copied())
        };
        let open = innermost(text).map(|depth| (depth, false));
        let close = text
            .strip_suffix(b"--")
            .and_then(innermost)
            .map(|depth| (depth, true));
        let (depth, close) = open.max(close)?;
        Some(Delimiter {
            line: line..line + length,
            depth,
            close,
        })
    }

    /// Where the line before a delimiter ends; its line end belongs to the delimiter.
    #[must_use]
    pub fn before(&self, delimiter: &Delimiter) -> usize {
        let line = delimiter.line.start;
        match self.bytes.get(..line) {
            Some([.., b'\r', b'\n']) => line - 2,
            Some([.., b'\n']) => line - 1,
            _ => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_boundary_is_a_delimiter() {
        let mut boundaries = Boundaries::new(b"");
        boundaries.add(b"ab", 0);
        boundaries.add(b"abc", 1);
        boundaries.add(b"ab--", 2);
        for (line, expected) in [
            (&b"--ab"[..], Some((0, false))),
            (b"--ab\n", Some((0, false))),
            (b"--ab \t \r\nx", Some((0, false))),
            (b"--abc", Some((1, false))),
            (b"--abc--\r\n", Some((1, true))),
            (b"--ab--", Some((2, false))),
            (b"--ab----", Some((2, true))),
            (b"--a", None),
            (b"--abcd", None),
            (b"--ab x", None),
            (b"--ab--x", None),
            (b"-- ab", None),
            (b" --ab", None),
            (b"--", None),
            (b"-", None),
            (b"", None),
        ] {
            boundaries.bytes = line;
            let found = boundaries.at(0).map(|found| (found.depth, found.close));
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
        }
        boundaries.remove(b"ab--", 2);
        boundaries.bytes = b"--ab--";
        assert_eq!(
            boundaries.at(0).map(|found| (found.depth, found.close)),
            Some((0, true))
        );
    }

    #[test]
    fn of_two_multiparts_with_one_boundary_the_inner_has_the_line() {
        let mut boundaries = Boundaries::new(b"x\r\n--b\r\n");
        assert!(!boundaries.add(b"b", 3));
        assert!(boundaries.add(b"b", 5));
        let found = boundaries.next(0).unwrap();
        assert_eq!(
            (found.depth, found.line.clone(), boundaries.before(&found)),
            (5, 3..8, 1)
        );
        boundaries.remove(b"b", 5);
        assert_eq!(boundaries.next(0).map(|found| found.depth), Some(3));
        boundaries.remove(b"b", 3);
        assert_eq!(boundaries.next(0), None);
    }
}
