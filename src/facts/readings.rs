//! The byte strings that may be what was signed, in a fixed order, and their digests.

use crate::cms::Content;
use crate::crypto::digest::{DigestAlgorithm, DigestValue, Hasher};
use crate::facts::axis::Digest;
use crate::mime::canonical::{LineEnds, Unquote, feed, is_canonical, quoted_lines};
use crate::mime::message::Quoting;

/// The candidates for the bytes that a signature is over.
///
/// Digests are computed when first asked for and kept, so that several signers cost one pass for each algorithm.
#[derive(Debug)]
pub struct Readings<'a> {
    candidates: Vec<Candidate<'a>>,
    known: Vec<(DigestAlgorithm, usize, DigestValue)>,
    /// mboxo and mboxrd give different bytes, and which holds is not known.
    pub quoting_ambiguous: bool,
}

#[derive(Clone, Copy, Debug)]
struct Candidate<'a> {
    value: Digest,
    source: Source<'a>,
    lines: LineEnds,
    unquote: Unquote,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Chunks(Content<'a>),
}

impl<'a> Readings<'a> {
    /// A part of a message: with CR LF line ends first (RFC 8551 §3.1.1), then as stored; quoting that the mbox variant
    /// implies is undone in both.
    #[must_use]
    pub fn of_part(bytes: &'a [u8], quoting: Quoting) -> Self {
        let quoted = match quoting {
            Quoting::None => Default::default(),
            Quoting::Mboxo | Quoting::Mboxrd | Quoting::Ambiguous => quoted_lines(bytes),
        };
        let differ = quoted.deeper > 0;
        let unquotes: &[Unquote] = match quoting {
            _ if quoted.single == 0 && quoted.deeper == 0 => &[Unquote::None],
            Quoting::None => &[Unquote::None],
            Quoting::Mboxo => &[Unquote::O, Unquote::None],
            Quoting::Mboxrd => &[Unquote::Rd],
            Quoting::Ambiguous if differ => &[Unquote::Rd, Unquote::O, Unquote::None],
            Quoting::Ambiguous => &[Unquote::Rd, Unquote::None],
        };
        let canonical = is_canonical(bytes);
        let mut candidates = Vec::with_capacity(unquotes.len() * 2);
        for unquote in unquotes {
            if !canonical {
                candidates.push(Candidate {
                    value: Digest::MatchCanonical,
                    source: Source::Bytes(bytes),
                    lines: LineEnds::CrLf,
                    unquote: *unquote,
                });
            }
            candidates.push(Candidate {
                value: Digest::Match,
                source: Source::Bytes(bytes),
                lines: LineEnds::AsStored,
                unquote: *unquote,
            });
        }
        Self {
            candidates,
            known: Vec::new(),
            quoting_ambiguous: differ && quoting == Quoting::Ambiguous,
        }
    }

    /// The content inside a CMS structure: as it stands there, then with CR LF line ends. `bytes` is that content in one piece.
    #[must_use]
    pub fn of_content(content: Content<'a>, bytes: &'a [u8]) -> Self {
        let mut candidates = vec![Candidate {
            value: Digest::Match,
            source: Source::Chunks(content),
            lines: LineEnds::AsStored,
            unquote: Unquote::None,
        }];
        if !is_canonical(bytes) {
            candidates.push(Candidate {
                value: Digest::MatchCanonical,
                source: Source::Bytes(bytes),
                lines: LineEnds::CrLf,
                unquote: Unquote::None,
            });
        }
        Self {
            candidates,
            known: Vec::new(),
            quoting_ambiguous: false,
        }
    }

    /// A value that is what it is: a signature under a countersignature.
    #[must_use]
    pub fn of_value(bytes: &'a [u8]) -> Self {
        Self {
            candidates: vec![Candidate {
                value: Digest::Match,
                source: Source::Bytes(bytes),
                lines: LineEnds::AsStored,
                unquote: Unquote::None,
            }],
            known: Vec::new(),
            quoting_ambiguous: false,
        }
    }

    /// Does `test` hold for one of the candidates, each as it would be signed?
    pub fn any(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        (0..self.count()).any(|index| test(&self.bytes(index)))
    }

    /// How many candidates there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.candidates.len()
    }

    /// What it means for the digest axis if candidate `index` is what was signed.
    #[must_use]
    pub fn value(&self, index: usize) -> Digest {
        self.candidates
            .get(index)
            .map_or(Digest::NotChecked, |candidate| candidate.value)
    }

    /// The digest of candidate `index`; None where there is no such candidate or digest.
    pub fn digest(&mut self, index: usize, algorithm: DigestAlgorithm) -> Option<DigestValue> {
        let known = |entry: &&(DigestAlgorithm, usize, DigestValue)| {
            entry.0 == algorithm && entry.1 == index
        };
        if let Some((_, _, digest)) = self.known.iter().find(known) {
            return Some(*digest);
        }
        let digest = self.candidates.get(index)?.digest(algorithm)?;
        self.known.push((algorithm, index, digest));
        Some(digest)
    }

    /// The first candidate whose digest is `wanted`.
    pub fn find(&mut self, algorithm: DigestAlgorithm, wanted: &[u8]) -> Option<usize> {
        (0..self.count()).find(|index| {
            self.digest(*index, algorithm)
                .is_some_and(|digest| digest.matches(wanted))
        })
    }

    /// All bytes of candidate `index`, for algorithms that sign the content itself.
    #[must_use]
    pub fn bytes(&self, index: usize) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(candidate) = self.candidates.get(index) {
            candidate.feed(|piece| all.extend_from_slice(piece));
        }
        all
    }

    /// SHA-256 of candidate `index` with CR LF line ends: the report's `content_sha256`.
    pub fn content_sha256(&mut self, index: usize) -> Option<[u8; 32]> {
        let candidate = self.candidates.get(index).copied()?;
        let twin = self.candidates.iter().position(|other| {
            other.unquote == candidate.unquote
                && (other.lines == LineEnds::CrLf
                    || (self.candidates.len() == 1 && other.value == Digest::Match))
        });
        let digest = match twin {
            Some(twin) => self.digest(twin, DigestAlgorithm::Sha256),
            None => {
                let canonical = Candidate {
                    lines: LineEnds::CrLf,
                    ..candidate
                };
                canonical.digest(DigestAlgorithm::Sha256)
            }
        };
        digest?.as_bytes().try_into().ok()
    }
}

impl Candidate<'_> {
    fn digest(&self, algorithm: DigestAlgorithm) -> Option<DigestValue> {
        let mut hasher = Hasher::new(algorithm).ok()?;
        self.feed(|piece| hasher.update(piece));
        Some(hasher.finish())
    }

    fn feed(&self, mut sink: impl FnMut(&[u8])) {
        match self.source {
            Source::Bytes(bytes) => feed(bytes, self.lines, self.unquote, sink),
            Source::Chunks(content) => {
                // Chunks were checked when the structure was read; a damaged one would end the digest early and so mismatch.
                let _ = content.for_each_chunk(&mut sink);
            }
        }
    }
}
