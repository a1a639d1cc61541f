//! The parts of a message, where each one is, and what stands around it.

use std::ops::Range;

use crate::limits::Limits;
use crate::mime::finding::{Finding, Found};
use crate::mime::header::Header;
use crate::mime::media::{MediaType, Reading, TransferEncoding};
use crate::mime::multipart;

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

#[cfg(test)]
#[allow(clippy::as_conversions)]
mod tests {
    use super::*;

    /// The tree as lines: number, media type, entity, body.
    fn outline(message: &str) -> Vec<String> {
        let tree = Tree::read(message.as_bytes(), &Limits::default());
        check(&tree);
        (0..tree.parts.len())
            .map(|at| {
                let part = &tree.parts[at];
                let text = |range: &Range<usize>| {
                    message[range.clone()]
                        .replace("\r\n", "|")
                        .replace('\n', "|")
                };
                format!(
                    "{} {} [{}] [{}]",
                    tree.number(at),
                    part.media.essence,
                    text(&part.entity),
                    text(&part.body)
                )
            })
            .collect()
    }

    /// What holds for every tree.
    fn check(tree: &Tree<'_>) {
        for (at, part) in tree.parts.iter().enumerate() {
            assert!(part.entity.start == part.header.start && part.header.end <= part.body.start);
            assert!(part.body.end == part.entity.end && part.entity.end <= tree.bytes.len());
            match part.parent {
                Some(parent) => {
                    assert!(parent < at && tree.parts[parent].children[part.ordinal - 1] == at);
                    let outer = &tree.parts[parent].entity;
                    assert!(outer.start <= part.entity.start && part.entity.end <= outer.end);
                }
                None => assert_eq!((at, &part.entity), (0, &(0..tree.bytes.len()))),
            }
        }
    }

    fn findings(message: &str) -> Vec<&'static str> {
        let tree = Tree::read(message.as_bytes(), &Limits::default());
        check(&tree);
        tree.findings
            .iter()
            .map(|found| found.finding.code())
            .collect()
    }

    const NESTED: &str = "A: b\nContent-Type: multipart/mixed; boundary=o\n\npre\n--o\n\none\n--o\nContent-Type: message/rfc822\n\n\
        Content-Type: multipart/alternative; boundary=i\n\n--i\nX: y\n\ntwo\n\n--i--\nepi\n--o\nContent-Type: message/rfc822\n\nB: c\n\nthree\n--o--\npost\n";

    #[test]
    fn parts_have_their_ranges_and_numbers_with_either_line_end() {
        let expected = [
            "1 text/plain [|one] [one]",
            "2.1 text/plain [X: y||two|] [two|]",
            "3 message/rfc822 [Content-Type: message/rfc822||B: c||three] [B: c||three]",
            "3.1 text/plain [B: c||three] [three]",
        ];
        for message in [NESTED.to_owned(), NESTED.replace('\n', "\r\n")] {
            let lines = outline(&message);
            let numbers: Vec<_> = lines
                .iter()
                .map(|line| line.split(' ').next().unwrap())
                .collect();
            assert_eq!(numbers, ["0", "1", "2", "2.0", "2.1", "3", "3.1"]);
            for line in expected {
                assert!(
                    lines.iter().any(|other| other == line),
                    "{line} is not in {lines:#?}"
                );
            }
            let tree = Tree::read(message.as_bytes(), &Limits::default());
            let multipart = |at: usize| tree.parts[at].multipart.clone().unwrap();
            let text =
                |range: &Range<usize>| String::from_utf8_lossy(tree.slice(range)).trim().to_owned();
            assert_eq!(
                (text(&multipart(0).preamble), text(&multipart(0).epilogue)),
                ("pre".into(), "post".into())
            );
            assert_eq!(
                (text(&multipart(3).preamble), text(&multipart(3).epilogue)),
                ("".into(), "epi".into())
            );
            assert_eq!(tree.findings, []);
        }
    }

    #[test]
    fn what_stands_around_a_part_is_told() {
        let tree = Tree::read(NESTED.as_bytes(), &Limits::default());
        assert_eq!(tree.uncovered(4), [1, 5]);
        assert!(tree.uncovered(0).is_empty());
        let text: Vec<_> = tree
            .uncovered_text(4)
            .iter()
            .map(|range| String::from_utf8_lossy(tree.slice(range)).into_owned())
            .collect();
        assert_eq!(text, ["pre", "post\n", "epi"]);
        assert_eq!(
            [0, 1, 2, 3, 4, 6].map(|at| tree.enclosing_message(at)),
            [0, 0, 0, 3, 3, 6]
        );
        assert_eq!(tree.header(3).fields().count(), 1);
    }

    #[test]
    fn messages_without_structure_are_part_one() {
        for (message, expected) in [
            ("", "1 text/plain [] []"),
            ("\n", "1 text/plain [|] []"),
            (
                "just text\nand more",
                "1 text/plain [just text|and more] [just text|and more]",
            ),
            ("A: b", "1 text/plain [A: b] []"),
            (">From x\nA: b\n\nc", "1 text/plain [>From x|A: b||c] [c]"),
            (
                "Content-Type: multipart/mixed\n\n--x\n",
                "1 multipart/mixed [Content-Type: multipart/mixed||--x|] [--x|]",
            ),
        ] {
            assert_eq!(outline(message), [expected]);
        }
    }

    #[test]
    fn an_outer_delimiter_ends_what_is_open_inside() {
        let message = "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=ox\n\n--ox\n\na\n--o\n\nb\n--ox\nc\n--o--\n";
        assert_eq!(
            outline(message)[1..],
            [
                "1 multipart/mixed [Content-Type: multipart/mixed; boundary=ox||--ox||a] [--ox||a]",
                "1.1 text/plain [|a] [a]",
                "2 text/plain [|b|--ox|c] [b|--ox|c]",
            ]
        );
        assert_eq!(findings(message), ["close_delimiter_missing"]);
    }

    #[test]
    fn delimiters_in_odd_places_cut_headers_and_bodies() {
        let top = "Content-Type: multipart/mixed; boundary=o\n\n";
        for (body, expected) in [
            (
                "--o\n--o\n\n--o--",
                vec!["1 text/plain [] []", "2 text/plain [] []"],
            ),
            (
                "--o\nA: b\n--o\nno header\n--o--",
                vec![
                    "1 text/plain [A: b] []",
                    "2 text/plain [no header] [no header]",
                ],
            ),
            ("--o\nA: b\n\n--o--", vec!["1 text/plain [A: b|] []"]),
            ("--o\n\nend", vec!["1 text/plain [|end] [end]"]),
            ("--o", vec!["1 text/plain [] []"]),
            ("--o--\n--o\n\nx", vec![]),
        ] {
            assert_eq!(outline(&format!("{top}{body}"))[1..], expected, "{body}");
        }
    }

    #[test]
    fn a_digest_holds_messages() {
        let message = "Content-Type: multipart/digest; boundary=o\n\n--o\n\nFrom: a\n\nx\n--o\nContent-Type: text/plain\n\ny\n--o--\n";
        let tree = Tree::read(message.as_bytes(), &Limits::default());
        let types: Vec<_> = tree
            .parts
            .iter()
            .map(|part| part.media.essence.as_str())
            .collect();
        assert_eq!(
            types,
            [
                "multipart/digest",
                "message/rfc822",
                "text/plain",
                "text/plain"
            ]
        );
        assert_eq!(tree.header(2).first("from").unwrap().unfolded(), &b"a"[..]);
    }

    #[test]
    fn each_fault_has_its_finding() {
        let in_mixed = |part: &str| {
            format!("Content-Type: multipart/mixed; boundary=o\n\n--o\n{part}\n--o--\n")
        };
        for (message, expected) in [
            ("Content-Type: multipart/mixed; boundary=o\n\nx".to_owned(), "delimiter_missing"),
            ("Content-Type: multipart/mixed; boundary=o\nContent-Transfer-Encoding: base64\n\nLS1v".to_owned(), "multipart_encoded"),
            ("Content-Type: multipart/mixed; boundary=o\n\n--o\n\nx".to_owned(), "close_delimiter_missing"),
            ("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n".to_owned(), "boundary_missing"),
            (in_mixed("Content-Type: multipart/mixed; boundary=o\n\n--o\n\nx\n--o--"), "mime_ambiguous"),
            (in_mixed("Content-Type: text/html\nContent-Type: text/plain\n\n"), "mime_ambiguous"),
            (in_mixed("A: b\r\nC: d\r\n\n"), "mime_ambiguous"),
            (in_mixed("Content-Transfer-Encoding: rot13\n\n"), "transfer_encoding_unknown"),
            (in_mixed("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYQo="), "message_encoded"),
            (format!("X: {}\nA: b\n\n", "x".repeat(1 << 20)), "header_too_large"),
            (format!("A: b\n{}\n\n", "X: y\n".repeat(300_000)), "header_too_large"),
        ] {
            assert_eq!(findings(&message), [expected], "{}", &message[..message.len().min(200)]);
        }
        assert_eq!(
            findings(&in_mixed(
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nFrom: not encoded\n\nx"
            )),
            Vec::<&str>::new()
        );
        assert_eq!(
            findings(&in_mixed(
                "Content-Type: text/html\nContent-Type:  text/html\n\n"
            )),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn the_other_reading_takes_the_last() {
        let message = b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n--b\n\ny\n--b\n\nz\n--a--\n";
        let parts = |reading| {
            let tree = Tree::read_as(message, &Limits::default(), reading);
            assert!(tree.has(Finding::MimeAmbiguous));
            tree.parts[1..]
                .iter()
                .map(|part| String::from_utf8_lossy(tree.slice(&part.body)).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(Reading::First), ["x\n--b\n\ny\n--b\n\nz"]);
        assert_eq!(parts(Reading::Last), ["y", "z\n--a--\n"]);
    }

    /// Hostile messages of a size, for catalogue D-01 to D-03.
    fn hostile(count: usize) -> Vec<(&'static str, Vec<u8>)> {
        let nested = |inner: &dyn Fn(usize) -> String| {
            (0..count).map(inner).collect::<String>().into_bytes()
        };
        vec![
            (
                "siblings",
                format!(
                    "Content-Type: multipart/mixed; boundary=o\n\n{}--o--\n",
                    "--o\n\n".repeat(count)
                )
                .into_bytes(),
            ),
            (
                "multiparts",
                nested(&|at| format!("Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n")),
            ),
            (
                "unopened delimiters",
                [
                    nested(&|at| {
                        format!("Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n")
                    }),
                    nested(&|at| format!("--b{at}\n")),
                ]
                .concat(),
            ),
            (
                "one boundary",
                nested(&|_| "Content-Type: multipart/mixed; boundary=b\n\n--b\n".to_owned()),
            ),
            (
                "messages",
                nested(&|_| "Content-Type: message/rfc822\n\n".to_owned()),
            ),
            (
                "digests",
                nested(&|at| {
                    format!("Content-Type: multipart/digest; boundary=b{at}\n\n--b{at}\n\n")
                }),
            ),
            (
                "prefixes",
                format!(
                    "Content-Type: multipart/mixed; boundary={}\n\n{}",
                    "a".repeat(70),
                    (0..count)
                        .map(|at| format!("--{}\n", "a".repeat(at % 70)))
                        .collect::<String>()
                )
                .into_bytes(),
            ),
            (
                "dashes",
                format!(
                    "Content-Type: multipart/mixed; boundary=o\n\n{}",
                    "--\n".repeat(count)
                )
                .into_bytes(),
            ),
            (
                "one line of dashes",
                format!(
                    "Content-Type: multipart/mixed; boundary=o\n\n{}",
                    "--".repeat(count)
                )
                .into_bytes(),
            ),
            ("header lines", "Received: x\n".repeat(count).into_bytes()),
            (
                "parameters",
                format!(
                    "Content-Type: multipart/mixed{}",
                    "; boundary=x".repeat(count)
                )
                .into_bytes(),
            ),
            (
                "sections",
                format!(
                    "Content-Type: multipart/mixed{}",
                    (0..count)
                        .rev()
                        .map(|at| format!(";a*{at}=x"))
                        .collect::<String>()
                )
                .into_bytes(),
            ),
        ]
    }

    #[test]
    fn hostile_messages_meet_their_limits() {
        let limits = Limits::default();
        for (name, message) in hostile(100_000) {
            let tree = Tree::read(&message, &limits);
            check(&tree);
            assert!(tree.parts.len() <= limits.mime_parts + 1, "{name}");
            assert!(
                tree.parts
                    .iter()
                    .all(|part| part.header.len() <= limits.header_bytes),
                "{name}"
            );
            assert!(
                (0..tree.parts.len())
                    .all(|part| tree.ancestry(part).count() <= limits.mime_depth + 1),
                "{name}"
            );
            let expected = match name {
                "siblings" => Some(Finding::TooManyParts),
                "multiparts" | "one boundary" | "messages" | "digests" | "unopened delimiters" => {
                    Some(Finding::MimeTooDeep)
                }
                "header lines" | "parameters" => Some(Finding::HeaderTooLarge),
                _ => None,
            };
            assert!(expected.is_none_or(|finding| tree.has(finding)), "{name}");
        }
    }
}
