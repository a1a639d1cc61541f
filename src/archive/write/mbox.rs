//! A message as an mbox holds it: lines of the body that begin with `From ` quoted, Content-Length in the header (RFC 4155, appendix A,
//! and the variants that mutt's and qmail's manuals name).

use memchr::memchr;
use memchr::memmem;
use zeroize::Zeroizing;

use crate::archive::mbox::variant::Variant;
use crate::mime::canonical::LineEnds;
use crate::mime::canonical::Unquote;
use crate::mime::canonical::feed;
use crate::mime::canonical::quoted_lines;
use crate::mime::message::Quoting;

/// The message can't be stored so that the same message is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotRepresent;

/// What is stored of a message, and what goes behind it where the source has no blank line there.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message, quoted.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The line end that makes the blank line; empty where there is one.
    pub blank: &'static [u8],
}

/// How a variant quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    None,
    /// One `>` before `From `.
    O,
    /// One more `>` before `>*From `.
    Rd,
}

/// How a message of a file of this variant is quoted. Where the file does not tell mboxo from mboxrd it is mboxrd, which loses nothing.
fn marks(variant: Variant) -> Marks {
    match variant {
        Variant::Mbox | Variant::Mboxrd => Marks::Rd,
        Variant::Mboxo | Variant::Mboxcl => Marks::O,
        Variant::Mboxcl2 => Marks::None,
    }
}

fn has_length(variant: Variant) -> bool {
    match variant {
        Variant::Mbox | Variant::Mboxo | Variant::Mboxrd => false,
        Variant::Mboxcl | Variant::Mboxcl2 => true,
    }
}

/// `message`, whose body begins at `body_at`, as a file of `variant` stores it. `behind` are the bytes that follow it in the source.
///
/// # Errors
/// [`CannotRepresent`] where the variant would lose a difference: mboxo and mboxcl turn `From ` into `>From `, and leave `>From ` as it is.
pub fn stored(
    message: &[u8],
    body_at: usize,
    variant: Variant,
    behind: &[u8],
) -> Result<Stored, CannotRepresent> {
    let (header, body) = message.split_at_checked(body_at).unwrap_or((message, &[]));
    let marks = marks(variant);
    if marks == Marks::O && quoted_lines(body).single > 0 {
        return Err(CannotRepresent);
    }
    let end = line_end(message);
    let mut quoted = quote(body, marks);
    let whole_line = match quoted.last() {
        Some(last) => *last == b'\n',
        None => header.ends_with(b"\n"),
    };
    if !whole_line && !has_length(variant) {
        let mut longer = Zeroizing::new(Vec::with_capacity(quoted.len() + 2));
        longer.extend_from_slice(&quoted);
        longer.extend_from_slice(end);
        quoted = longer;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(header.len() + quoted.len() + 64));
    lengths(header, &quoted, has_length(variant), end, &mut bytes);
    bytes.extend_from_slice(&quoted);
    let blank = if behind.is_empty() { end } else { b"" };
    Ok(Stored { bytes, blank })
}

/// A stored message of one variant as another variant stores it.
///
/// # Errors
/// [`CannotRepresent`] where it can't be told which lines were quoted, or the new variant would lose it.
pub fn converted(
    message: &[u8],
    quoting: Quoting,
    from: Variant,
    to: Variant,
    behind: &[u8],
) -> Result<Stored, CannotRepresent> {
    let body_at = body_at(message);
    let body = message.get(body_at..).unwrap_or_default();
    let lines = quoted_lines(body);
    let unquote = match (quoting, from) {
        _ if lines.single == 0 && lines.deeper == 0 => Unquote::None,
        (Quoting::None, _) => Unquote::None,
        (Quoting::Mboxrd, _) | (Quoting::Ambiguous, Variant::Mboxrd) => Unquote::Rd,
        // Which of them were quoted is not known; the same way of quoting keeps it so.
        (Quoting::Mboxo | Quoting::Ambiguous, _) => {
            let same = marks(from) == Marks::O && marks(to) == Marks::O;
            if !same {
                return Err(CannotRepresent);
            }
            let mut bytes = Zeroizing::new(Vec::with_capacity(message.len() + 64));
            let header = message.get(..body_at).unwrap_or_default();
            lengths(header, body, has_length(to), line_end(message), &mut bytes);
            bytes.extend_from_slice(body);
            return Ok(Stored { bytes, blank: b"" });
        }
    };
    let mut plain = Zeroizing::new(Vec::with_capacity(message.len()));
    plain.extend_from_slice(message.get(..body_at).unwrap_or_default());
    feed(body, LineEnds::AsStored, unquote, |piece| {
        plain.extend_from_slice(piece);
    });
    stored(&plain, body_at, to, behind)
}

/// The variant in which a file that has `from` is written when `to` was asked for.
#[must_use]
pub fn target(from: Variant, to: Option<Variant>) -> Variant {
    to.unwrap_or(from)
}

/// Where the body begins: behind the first empty line.
#[must_use]
pub fn body_at(message: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = message.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        at += end;
        if matches!(rest.get(..end), Some(b"\n" | b"\r\n")) {
            break;
        }
    }
    at
}

fn line_end(message: &[u8]) -> &'static [u8] {
    match memchr(b'\n', message) {
        Some(at) if at > 0 && message.get(at - 1) == Some(&b'\r') => b"\r\n",
        Some(_) | None => b"\n",
    }
}

fn quote(body: &[u8], marks: Marks) -> Zeroizing<Vec<u8>> {
    let lines: Vec<usize> = match marks {
        Marks::None => Vec::new(),
        Marks::O | Marks::Rd => from_lines(body, marks == Marks::Rd),
    };
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() + lines.len() + 2));
    let mut done = 0;
    for line in lines {
        out.extend_from_slice(body.get(done..line).unwrap_or_default());
        out.push(b'>');
        done = line;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out
}

/// Starts of lines that begin with `From `, with `marks` also of those with `>`s before it.
fn from_lines(body: &[u8], marks: bool) -> Vec<usize> {
    let mut lines = Vec::new();
    for at in memmem::find_iter(body, b"From ") {
        let before = body.get(..at).unwrap_or_default();
        let run = before.iter().rev().take_while(|octet| **octet == b'>');
        let run = if marks { run.count() } else { 0 };
        let line = at - run;
        if line == 0 || body.get(line - 1) == Some(&b'\n') {
            lines.push(line);
        }
    }
    lines
}

/// Writes the header with Content-Length and Lines as they are for `body`: the first added if the variant has it and taken out
/// otherwise, the second only where it was.
fn lengths(header: &[u8], body: &[u8], has_length: bool, end: &[u8], out: &mut Vec<u8>) {
    let (fields, empty) = match header {
        [fields @ .., b'\r', b'\n'] if fields.ends_with(b"\n") || fields.is_empty() => {
            (fields, &b"\r\n"[..])
        }
        [fields @ .., b'\n'] if fields.ends_with(b"\n") || fields.is_empty() => {
            (fields, &b"\n"[..])
        }
        fields => (fields, &b""[..]),
    };
    let length = body.len();
    let lines = memchr::memchr_iter(b'\n', body).count()
        + usize::from(!matches!(body.last(), Some(b'\n') | None));
    let mut written = false;
    let mut dropping = false;
    let mut rest = fields;
    while !rest.is_empty() {
        let at = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        rest = behind;
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if !dropping {
                out.extend_from_slice(line);
            }
            continue;
        }
        let name = line
            .split(|octet| *octet == b':')
            .next()
            .unwrap_or_default();
        let name = name.trim_ascii_end();
        dropping = false;
        if name.eq_ignore_ascii_case(b"content-length") {
            dropping = true;
            if has_length && !written {
                field(name, length, end, out);
                written = true;
            }
        } else if name.eq_ignore_ascii_case(b"lines") {
            dropping = true;
            field(name, lines, end, out);
        } else {
            out.extend_from_slice(line);
        }
    }
    if has_length && !written && !empty.is_empty() {
        field(b"Content-Length", length, end, out);
    }
    out.extend_from_slice(empty);
}

fn field(name: &[u8], number: usize, end: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(format!(": {number}").as_bytes());
    out.extend_from_slice(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"From: a\nLines: 99\n\nFrom here\n>From there\n>>From afar\nend";

    fn text(message: &[u8], variant: Variant) -> Option<String> {
        let made = stored(message, body_at(message), variant, b"\n").ok()?;
        Some(String::from_utf8(made.bytes.to_vec()).unwrap())
    }

    #[test]
    fn f_10_each_variant_quotes_and_counts_in_its_way() {
        assert_eq!(
            text(MESSAGE, Variant::Mboxrd).as_deref(),
            Some("From: a\nLines: 4\n\n>From here\n>>From there\n>>>From afar\nend\n")
        );
        assert_eq!(
            text(MESSAGE, Variant::Mboxcl2).as_deref(),
            Some(
                "From: a\nLines: 4\nContent-Length: 37\n\nFrom here\n>From there\n>>From afar\nend"
            )
        );
        // Read again, `>From there` would have been `From there`.
        assert_eq!(text(MESSAGE, Variant::Mboxo), None);
        assert_eq!(text(MESSAGE, Variant::Mboxcl), None);
        let plain = b"From: a\nContent-Length: 3\n\nFrom here\nto\n";
        assert_eq!(
            text(plain, Variant::Mboxo).as_deref(),
            Some("From: a\n\n>From here\nto\n")
        );
        assert_eq!(
            text(plain, Variant::Mboxcl).as_deref(),
            Some("From: a\nContent-Length: 14\n\n>From here\nto\n")
        );
    }

    #[test]
    fn f_10_conversion_undoes_what_can_be_undone() {
        let rd = b"From: a\n\n>From here\n>>From there\n";
        let made = |from, to| {
            converted(rd, Quoting::Ambiguous, from, to, b"\n")
                .map(|made| String::from_utf8(made.bytes.to_vec()).unwrap())
        };
        assert_eq!(
            made(Variant::Mboxrd, Variant::Mboxcl2).unwrap(),
            "From: a\nContent-Length: 22\n\nFrom here\n>From there\n"
        );
        assert_eq!(made(Variant::Mboxrd, Variant::Mboxo), Err(CannotRepresent));
        assert_eq!(made(Variant::Mboxo, Variant::Mboxrd), Err(CannotRepresent));
        let kept = made(Variant::Mboxo, Variant::Mboxcl).unwrap();
        assert!(kept.ends_with("\n\n>From here\n>>From there\n"), "{kept}");
    }

    #[test]
    fn a_message_gets_the_blank_line_that_it_lacks() {
        let made = stored(b"A: b\r\n\r\nx", 8, Variant::Mbox, b"").unwrap();
        assert_eq!(
            (&made.bytes[..], made.blank),
            (&b"A: b\r\n\r\nx\r\n"[..], &b"\r\n"[..])
        );
        let made = stored(b"A: b\n\n", 6, Variant::Mbox, b"\n").unwrap();
        assert_eq!((&made.bytes[..], made.blank), (&b"A: b\n\n"[..], &b""[..]));
    }
}
