//! An entity in the form in which it survives its way: what is signed and encrypted (RFC 8551 §3.1).
//!
//! Seven bits, every line CR LF, and nothing that a store or a relay is known to change: no blank at a line's end, no `From ` and no dot
//! at its beginning, no line of more than [`WIDTH`] octets where an encoding can be chosen. What is so already stays byte by byte.

mod encode;

mod field;

pub mod protect;

pub use encode::{WIDTH, base64_lines};
pub use field::{Line, describes_body, lines};

use crate::mime::header::Header;
use crate::mime::media::{Reading, TransferEncoding};
use crate::mime::transfer::{self, State};
use crate::mime::tree::{Part, Tree};
use crate::mime::write::encode::{is_safe, quoted_printable};
use crate::mime::write::field::write_field;
use crate::mime::{Finding, canonical};

/// Octets of a line that SMTP carries, without its end (RFC 5322 §2.1.1).
const LINE_OCTETS: usize = 998;

/// Why an entity can't be written so that nothing on the way changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CannotWrite {
    /// A part is signed already and is not in seven bits: encoding it anew would break its signature (RFC 8551 §3.1.2).
    InnerSignature,
    /// A part of a kind that may have no encoding (RFC 2046 §5.2) is not in seven bits.
    NotEncodable,
    /// A part is not written in the encoding that it declares.
    Irregular,
    /// It can be read in more than one way, or is nested too deeply to be read.
    Ambiguous,
    /// A header field has a word that does not fit into a line.
    HeaderLine,
}

/// The entity at the root of a message: its Content-* fields and its body, without line end behind the last line.
///
/// Equal input gives equal bytes; the boundaries stay.
///
/// # Errors
/// What of the message can't be written so.
pub fn entity(tree: &Tree<'_>) -> Result<Vec<u8>, CannotWrite> {
    const UNCLEAR: [Finding; 3] = [
        Finding::MimeAmbiguous,
        Finding::TooManyParts,
        Finding::MimeTooDeep,
    ];
    if UNCLEAR.iter().any(|finding| tree.has(*finding)) {
        return Err(CannotWrite::Ambiguous);
    }
    let mut writer = Writer {
        tree,
        out: Vec::with_capacity(tree.bytes.len() + tree.bytes.len() / 16 + 256),
    };
    writer.part(0, Fields::OfBody)?;
    Ok(writer.out)
}

/// Which fields of a header are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fields {
    /// Those that describe the body (RFC 2045 §9).
    OfBody,
    /// All of them.
    All,
}

/// What becomes of a body.
enum Body {
    /// Written as it is.
    Kept,
    /// A multipart, part by part.
    Multipart(Vec<u8>),
    /// A message in it.
    Message(usize),
    /// In another encoding.
    Encoded(&'static [u8], Vec<u8>),
}

struct Writer<'t, 'a> {
    tree: &'t Tree<'a>,
    out: Vec<u8>,
}

impl Writer<'_, '_> {
    fn part(&mut self, index: usize, fields: Fields) -> Result<(), CannotWrite> {
        let Some(part) = self.tree.parts.get(index) else {
            return Ok(());
        };
        let body = self.body(index, part)?;
        self.header(part, fields, &body)?;
        match body {
            Body::Kept => push_canonical(self.tree.slice(&part.body), &mut self.out),
            Body::Encoded(_, bytes) => self.out.extend_from_slice(&bytes),
            Body::Message(child) => self.part(child, Fields::All)?,
            Body::Multipart(boundary) => self.multipart(part, &boundary)?,
        }
        Ok(())
    }

    fn body(&self, index: usize, part: &Part) -> Result<Body, CannotWrite> {
        let stored = self.tree.slice(&part.body);
        let essence = part.media.essence.as_str();
        let is_composite = part.media.top() == "message" || part.media.top() == "multipart";
        let is_octets = self.is_declared_binary(index) && !is_composite && !is_text(part);
        let mut written = Vec::with_capacity(stored.len() + stored.len() / 32);
        push_canonical(stored, &mut written);
        if !is_octets && is_safe(&written, WIDTH) {
            return Ok(Body::Kept);
        }
        // What is signed by somebody, in whatever way, is not ours to change; nor is what has no encoding.
        let keeps_its_bytes = ["multipart/signed", "multipart/encrypted"].contains(&essence);
        let long = is_safe(&written, LINE_OCTETS);
        if keeps_its_bytes {
            return match long {
                true => Ok(Body::Kept),
                false => Err(CannotWrite::InnerSignature),
            };
        }
        if part.multipart.is_some() && !part.children.is_empty() {
            let boundary = part.media.parameter("boundary", Reading::First);
            return boundary.map(Body::Multipart).ok_or(CannotWrite::Ambiguous);
        }
        if is_composite {
            return match (part.encoding, part.children.first()) {
                (TransferEncoding::Identity, Some(child)) => Ok(Body::Message(*child)),
                (TransferEncoding::Identity, None) if long => Ok(Body::Kept),
                _ => Err(CannotWrite::NotEncodable),
            };
        }
        let content = match part.encoding {
            TransferEncoding::Identity if is_octets => stored.to_vec(),
            TransferEncoding::Identity => written,
            TransferEncoding::Unknown => return Err(CannotWrite::NotEncodable),
            TransferEncoding::QuotedPrintable
            | TransferEncoding::Base64
            | TransferEncoding::Uuencode => {
                let decoded = transfer::decode_as(&written, part.encoding);
                let is_plain = match part.encoding {
                    // Lines of any length; but what stands beside the encoding, such as a list's footer, would be lost.
                    TransferEncoding::Base64 => is_base64_alone(&written),
                    // What is no encoding stands for itself, in every reader.
                    TransferEncoding::QuotedPrintable => true,
                    TransferEncoding::Uuencode
                    | TransferEncoding::Identity
                    | TransferEncoding::Unknown => decoded.state == State::Regular,
                };
                if !is_plain {
                    return Err(CannotWrite::Irregular);
                }
                decoded.bytes.into_owned()
            }
        };
        if is_text(part) || part.encoding == TransferEncoding::QuotedPrintable {
            let quoted = quoted_printable(&content);
            // Base64 takes 78 octets for 57; a little more is worth that people can read it.
            if quoted.len() <= content.len() / 57 * 78 + 128 {
                return Ok(Body::Encoded(b"quoted-printable", quoted));
            }
        }
        Ok(Body::Encoded(b"base64", base64_lines(&content)))
    }

    fn is_declared_binary(&self, index: usize) -> bool {
        let field = self.tree.header(index).first("content-transfer-encoding");
        field.is_some_and(|field| field.unfolded().eq_ignore_ascii_case(b"binary"))
    }

    fn header(&mut self, part: &Part, fields: Fields, body: &Body) -> Result<(), CannotWrite> {
        let block = self.tree.slice(&part.header);
        let mut encoding: Option<&[u8]> = match body {
            Body::Encoded(name, _) => Some(name),
            // 8bit and binary are no longer true.
            Body::Kept | Body::Message(_) | Body::Multipart(_)
                if part.encoding == TransferEncoding::Identity
                    && Header::new(block)
                        .first("content-transfer-encoding")
                        .is_some() =>
            {
                Some(b"7bit")
            }
            Body::Kept | Body::Message(_) | Body::Multipart(_) => None,
        };
        let mut has_type = false;
        for line in lines(block) {
            let name = line.name();
            has_type |= name == "content-type";
            if fields == Fields::OfBody && !describes_body(&name) {
                continue;
            }
            match (name == "content-transfer-encoding", encoding.is_some()) {
                (true, _) if matches!(body, Body::Encoded(..)) || encoding.is_some() => {
                    if let Some(encoding) = encoding.take() {
                        self.encoding(encoding);
                    }
                }
                _ => write_field(&line, LINE_OCTETS, &mut self.out)?,
            }
        }
        if !has_type && fields == Fields::OfBody {
            let charset = charset(self.tree.slice(&part.body));
            let field = format!("Content-Type: text/plain; charset={charset}\r\n");
            self.out.extend_from_slice(field.as_bytes());
        }
        if let Some(encoding) = encoding {
            self.encoding(encoding);
        }
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn encoding(&mut self, name: &[u8]) {
        self.out.extend_from_slice(b"Content-Transfer-Encoding: ");
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(b"\r\n");
    }

    fn multipart(&mut self, part: &Part, boundary: &[u8]) -> Result<(), CannotWrite> {
        let delimiter = [b"--", boundary].concat();
        if let Some(multipart) = &part.multipart {
            self.aside(&multipart.preamble, true);
        }
        for child in &part.children {
            self.out.extend_from_slice(&delimiter);
            self.out.extend_from_slice(b"\r\n");
            self.part(*child, Fields::All)?;
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(&delimiter);
        self.out.extend_from_slice(b"--");
        if let Some(multipart) = &part.multipart {
            self.aside(&multipart.epilogue, false);
        }
        Ok(())
    }

    /// What stands around the parts, for people without a MIME reader. What would not survive is left out: nobody else reads it.
    fn aside(&mut self, range: &std::ops::Range<usize>, is_before: bool) {
        let mut text = Vec::new();
        push_canonical(self.tree.slice(range).trim_ascii(), &mut text);
        if text.is_empty() || !is_safe(&text, WIDTH) {
            return;
        }
        match is_before {
            true => text.extend_from_slice(b"\r\n"),
            false => self.out.extend_from_slice(b"\r\n"),
        }
        self.out.extend_from_slice(&text);
    }
}

fn is_text(part: &Part) -> bool {
    part.media.top() == "text"
}

/// Nothing but the alphabet and line ends, then padding (RFC 2045 §6.8).
fn is_base64_alone(body: &[u8]) -> bool {
    let text = body.trim_ascii_end();
    let padding = text
        .iter()
        .rev()
        .take_while(|octet| **octet == b'=')
        .count();
    let text = text.get(..text.len() - padding).unwrap_or_default();
    padding <= 2
        && text.iter().all(|octet| {
            octet.is_ascii_alphanumeric() || b"+/".contains(octet) || octet.is_ascii_whitespace()
        })
}

/// Of a text that names none.
fn charset(body: &[u8]) -> &'static str {
    if body.is_ascii() {
        "us-ascii"
    } else if std::str::from_utf8(body).is_ok() {
        "utf-8"
    } else {
        "unknown-8bit" // RFC 1428 §3
    }
}

fn push_canonical(bytes: &[u8], out: &mut Vec<u8>) {
    let unquote = canonical::Unquote::None;
    canonical::feed(bytes, canonical::LineEnds::CrLf, unquote, |piece| {
        out.extend_from_slice(piece);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn written(message: &str) -> Result<String, CannotWrite> {
        let tree = Tree::read(message.as_bytes(), &Limits::default());
        entity(&tree).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn h_02_what_is_safe_stays_byte_by_byte() {
        let message = "From: a\nContent-Type: multipart/mixed;\n boundary=b\nMIME-Version: 1.0\n\npre\n--b\nContent-Type: a/b\n\n\
                       x y\n--b\nContent-Transfer-Encoding: base64\n\nQUJD\n--b--\nepilogue\n";
        let expected = message
            .replace("From: a\n", "")
            .replace("MIME-Version: 1.0\n", "")
            .replace('\n', "\r\n");
        assert_eq!(written(message), Ok(expected));
        let without = written("Subject: x\n\ntext").unwrap();
        assert_eq!(
            without,
            "Content-Type: text/plain; charset=us-ascii\r\n\r\ntext"
        );
    }

    #[test]
    fn h_02_each_part_is_encoded_as_it_needs() {
        let text = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\ngr\u{fc}\u{df}e\n";
        assert_eq!(
            written(text).unwrap(),
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9Fe\r\n"
        );
        let chinese = format!(
            "Content-Type: text/plain; charset=utf-8\n\n{}\n",
            "\u{4f60}".repeat(40)
        );
        assert!(
            written(&chinese)
                .unwrap()
                .contains("Content-Transfer-Encoding: base64\r\n\r\n5L2g")
        );
        // What is declared binary keeps its octets; text does not.
        let binary = "Content-Type: application/x\nContent-Transfer-Encoding: binary\n\na\nb\r\n\0";
        assert!(
            written(binary)
                .unwrap()
                .ends_with("base64\r\n\r\nYQpiDQoA\r\n")
        );
        // Octets that a quoted-printable part has are octets, not line ends.
        let octets = "Content-Type: application/x\nContent-Transfer-Encoding: quoted-printable\n\na=0Ab=0D=00 \n.\n";
        let read = written(octets).unwrap();
        let body = read.split_once("\r\n\r\n").unwrap().1;
        let (content, _) = transfer::quoted_printable(body.as_bytes());
        assert_eq!(content, b"a\nb\r\0\r\n.\r\n");
    }

    #[test]
    fn h_02_base64_of_any_width_is_written_anew_and_what_stands_beside_it_is_not_lost() {
        let head = "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n";
        let wide = written(&format!("{head}{}\n", "QUJD".repeat(100))).unwrap();
        assert!(wide.lines().all(|line| line.len() <= WIDTH));
        let footer = format!("{head}{}\n\n-- list footer\n", "QUJD".repeat(30));
        assert_eq!(written(&footer), Err(CannotWrite::Irregular));
    }

    #[test]
    fn h_02_signed_parts_and_reports_are_not_encoded() {
        let signed = |text: &str| {
            format!(
                "Content-Type: multipart/mixed; boundary=o\n\n--o\n\n.\n--o\nContent-Type: multipart/signed; boundary=i\n\n\
                 --i\n\n{text}\n--i\n\ns\n--i--\n--o--\n"
            )
        };
        let long = "x".repeat(300);
        assert!(
            written(&signed(&long))
                .unwrap()
                .contains(&format!("\r\n{long}\r\n--i"))
        );
        for text in ["gr\u{fc}n", "blank ", "From me", &"x".repeat(999)] {
            assert_eq!(
                written(&signed(text)),
                Err(CannotWrite::InnerSignature),
                "{text}"
            );
        }
        let report = |text: &str| format!("Content-Type: message/delivery-status\n\nX: {text}\n");
        assert!(written(&report(&long)).is_ok());
        assert_eq!(
            written(&report("gr\u{fc}n")),
            Err(CannotWrite::NotEncodable)
        );
    }
}
