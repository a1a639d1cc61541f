//! Header fields, written in lines that survive (RFC 5322 §2.2.3, RFC 2047).

use memchr::memchr;

use crate::mime::header::{Field, Header};
use crate::mime::write::CannotWrite;
use crate::mime::write::encode::{WIDTH, base64_lines};

/// A line of a header block with the lines that continue it (RFC 5322 §2.2.3).
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// With its line ends.
    pub bytes: &'a [u8],
    /// The field that it is; None for what is none, such as mboxo's `>From `.
    pub field: Option<Field<'a>>,
}

impl<'a> Line<'a> {
    /// The field's name in lower case; empty for what is no field.
    #[must_use]
    pub fn name(&self) -> String {
        self.field.map_or_else(String::new, |field| {
            String::from_utf8_lossy(field.name).to_ascii_lowercase()
        })
    }

    /// What stands behind the colon, line end included.
    #[must_use]
    pub fn behind_colon(&self) -> &'a [u8] {
        let colon = memchr(b':', self.bytes).map_or(self.bytes.len(), |at| at + 1);
        self.bytes.get(colon..).unwrap_or_default()
    }
}

/// The lines of a header block, all of them, in order: what [`Header::fields`] passes over too.
#[must_use]
pub fn lines(block: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let mut end = line_end(rest);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(rest.get(end..).unwrap_or_default());
        }
        let (bytes, behind) = rest.split_at(end);
        lines.push(Line {
            bytes,
            field: Header::new(bytes)
                .fields()
                .next()
                .filter(|field| field.at == 0),
        });
        rest = behind;
    }
    lines
}

fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// A field that describes the body (RFC 2045 §9), by its name in lower case. Content-Length is none of them: it is the store's, and stays
/// for whoever writes the archive to correct.
#[must_use]
pub fn describes_body(name: &str) -> bool {
    name.starts_with("content-") && name != "content-length"
}

/// Appends a field: in seven bits, without blanks at line ends, folded where it is too long and has a blank. What is no field is left out.
///
/// # Errors
/// `HeaderLine` where a line of more than `most` octets can't be folded.
pub(super) fn write_field(
    line: &Line<'_>,
    most: usize,
    out: &mut Vec<u8>,
) -> Result<(), CannotWrite> {
    let Some(field) = line.field else {
        return Ok(());
    };
    let encoded;
    let mut rest = line.bytes;
    if !rest.is_ascii() || rest.contains(&0) {
        encoded = in_seven_bits(rest, describes_body(&line.name()));
        rest = &encoded;
    }
    let mut first = true;
    while !rest.is_empty() {
        let (this, behind) = rest.split_at(line_end(rest));
        rest = behind;
        let this = this.trim_ascii_end();
        if this.trim_ascii_start().is_empty() {
            continue;
        }
        // A name must have something of its line behind it, or what follows would not be the field's.
        let keep = if first { field.name.len() + 1 } else { 0 };
        fold(this, keep, most, out)?;
        first = false;
    }
    Ok(())
}

/// One line as several, each at a blank that stands there.
fn fold(line: &[u8], keep: usize, most: usize, out: &mut Vec<u8>) -> Result<(), CannotWrite> {
    let mut rest = line;
    let mut keep = keep;
    while rest.len() > WIDTH {
        // The blank begins the next line, and neither line may be nothing but blanks.
        let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
        let text_at = rest
            .iter()
            .enumerate()
            .skip(keep)
            .find(|(_, octet)| !is_blank(octet))
            .map_or(rest.len(), |(at, _)| at);
        let place = |range: std::ops::Range<usize>| {
            let before = |at: usize| at.checked_sub(1).and_then(|at| rest.get(at));
            range.filter(move |at| {
                rest.get(*at).is_some_and(is_blank)
                    && before(*at).is_some_and(|octet| !is_blank(octet))
            })
        };
        let cut = place(text_at..(WIDTH + 1).min(rest.len()))
            .next_back()
            .or_else(|| place(text_at..rest.len()).next());
        let Some(cut) = cut else {
            break;
        };
        let (this, behind) = rest.split_at(cut);
        if this.len() > most {
            return Err(CannotWrite::HeaderLine);
        }
        out.extend_from_slice(this);
        out.extend_from_slice(b"\r\n");
        rest = behind;
        keep = 1;
    }
    if rest.len() > most {
        return Err(CannotWrite::HeaderLine);
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Words with other octets as encoded words (RFC 2047 §2); in a parameter's quoted string, where they do not belong but are what
/// mail programs read, the string's content.
fn in_seven_bits(line: &[u8], has_parameters: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() * 2);
    let mut word: Vec<u8> = Vec::new();
    let mut is_quoted = false;
    for octet in line {
        let ends = match (has_parameters, is_quoted) {
            (true, true) => *octet == b'"',
            (true, false) => b"\"=; \t\r\n".contains(octet),
            (false, _) => b" \t\r\n".contains(octet),
        };
        if !ends {
            word.push(*octet);
            continue;
        }
        push_word(&word, &mut out);
        word.clear();
        if has_parameters && *octet == b'"' {
            is_quoted = !is_quoted;
        }
        out.push(*octet);
    }
    push_word(&word, &mut out);
    out
}

/// Octets of an encoded word's text before it is encoded: with the longest charset's name it has fewer than 76 (RFC 2047 §2).
const WORD_OCTETS: usize = 39;

fn push_word(word: &[u8], out: &mut Vec<u8>) {
    if word.is_ascii() && !word.contains(&0) {
        out.extend_from_slice(word);
        return;
    }
    let text = std::str::from_utf8(word);
    let charset = text.map_or("unknown-8bit", |_| "utf-8");
    let pieces: Vec<&[u8]> = match text {
        Ok(text) => characters(text),
        Err(_) => word.chunks(WORD_OCTETS).collect(),
    };
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(format!("=?{charset}?B?").as_bytes());
        out.extend_from_slice(base64_lines(piece).trim_ascii_end());
        out.extend_from_slice(b"?=");
    }
}

/// Pieces of whole characters (RFC 2047 §5).
fn characters(text: &str) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = WORD_OCTETS.min(rest.len());
        while !rest.is_char_boundary(at) {
            at -= 1;
        }
        let (piece, behind) = rest.split_at(at);
        pieces.push(piece.as_bytes());
        rest = behind;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(field: &str) -> String {
        let mut out = Vec::new();
        for line in lines(field.as_bytes()) {
            write_field(&line, 998, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_field_is_folded_at_its_blanks_and_nowhere_else() {
        let long = format!("X: {}", "word ".repeat(40));
        let read = written(&long);
        assert!(
            read.lines()
                .all(|line| line.len() <= 76 && !line.ends_with(' '))
        );
        assert_eq!(read.replace("\r\n", ""), long.trim_end());
        let one = format!("X: {}\r\n", "x".repeat(200));
        assert_eq!(written(&one), one);
        assert_eq!(
            written("A: b \n \n\tc\t\nnothing\nB:\r\n"),
            "A: b\r\n\tc\r\nB:\r\n"
        );
        let mut out = Vec::new();
        let far = format!("X: {}", "x".repeat(1000));
        let far = lines(far.as_bytes());
        assert_eq!(
            write_field(&far[0], 998, &mut out),
            Err(CannotWrite::HeaderLine)
        );
    }

    #[test]
    fn other_octets_become_encoded_words() {
        assert_eq!(
            written("Subject: Gr\u{fc}\u{df}e an alle\n"),
            "Subject: =?utf-8?B?R3LDvMOfZQ==?= an alle\r\n"
        );
        assert_eq!(
            written("Content-Type: a/b; name=\"\u{e4} \u{f6}.pdf\"; x=y\n"),
            "Content-Type: a/b; name=\"=?utf-8?B?w6Qgw7YucGRm?=\"; x=y\r\n"
        );
        let mut out = Vec::new();
        write_field(&lines(b"X: \xe4\n")[0], 998, &mut out).unwrap();
        assert_eq!(out, b"X: =?unknown-8bit?B?5A==?=\r\n");
    }
}
