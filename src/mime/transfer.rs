//! Bodies decoded by Content-Transfer-Encoding (RFC 2045 §6), and what a CMS part holds whatever it declares.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use crate::mime::base64::base64;
use crate::mime::media::{TransferEncoding, hex};
use crate::mime::tree::Tree;

/// A decoded body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The content; borrowed where the encoding is none.
    pub bytes: Cow<'a, [u8]>,
    /// How it was written, from the outside in; for a part that declares the truth, one step.
    pub form: Form,
    /// Is the encoding as RFC 2045 writes it?
    pub state: State,
    /// It is not written in the encoding that is declared.
    pub misdeclared: bool,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The bytes stand for themselves.
    Binary,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
    /// Between `-----BEGIN …-----` and `-----END …-----` (RFC 7468), itself encoded or not.
    Pem,
    /// Between `begin` and `end`.
    Uuencode,
}

/// How well an encoding was written. The worst of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// As RFC 2045 says.
    Regular,
    /// Decoded, but some rule was broken: `base64_irregular`.
    Irregular,
    /// More than one byte in a hundred is none of the encoding's: what was decoded is likely not what was sent.
    Malformed,
}

/// The content of a part, by its declared encoding. Never fails: what is wrong is in the state.
#[must_use]
pub fn decode<'a>(tree: &Tree<'a>, part: usize) -> Decoded<'a> {
    match tree.parts.get(part) {
        Some(part) => decode_as(tree.slice(&part.body), part.encoding),
        None => decode_as(&[], TransferEncoding::Identity),
    }
}

/// A body by a given encoding. Never fails.
#[must_use]
pub fn decode_as(body: &[u8], encoding: TransferEncoding) -> Decoded<'_> {
    let (form, (bytes, state)) = match encoding {
        TransferEncoding::Identity | TransferEncoding::Unknown => {
            return Decoded {
                bytes: Cow::Borrowed(body),
                form: Form::Binary,
                state: State::Regular,
                misdeclared: false,
            };
        }
        TransferEncoding::QuotedPrintable => (Form::QuotedPrintable, quoted_printable(body)),
        TransferEncoding::Base64 => (Form::Base64, base64(body)),
        TransferEncoding::Uuencode => (Form::Uuencode, uuencode(body)),
    };
    Decoded {
        bytes: Cow::Owned(bytes),
        form,
        state,
        misdeclared: false,
    }
}

/// The bytes of a CMS structure in a part: decoded as declared, or as it looks if that gives no BER.
///
/// Old gateways and archives leave base64 undeclared, declare it for binary, or put PEM armour (RFC 7468) inside. What looks like
/// nothing known is given as declared, for the reader behind to refuse. Never fails.
#[must_use]
pub fn cms_bytes<'a>(tree: &Tree<'a>, part: usize) -> Decoded<'a> {
    let declared = decode(tree, part);
    if looks_like_ber(&declared.bytes) {
        return declared;
    }
    let body = tree
        .parts
        .get(part)
        .map_or(&[][..], |part| tree.slice(&part.body));
    if looks_like_ber(body) {
        return Decoded {
            misdeclared: true,
            ..decode_as(body, TransferEncoding::Identity)
        };
    }
    for (text, state) in [(&*declared.bytes, declared.state), (body, State::Regular)] {
        if let Some((bytes, inner)) = armour(text).map(base64)
            && looks_like_ber(&bytes)
        {
            return Decoded {
                bytes: Cow::Owned(bytes),
                form: Form::Pem,
                state: state.max(inner).max(State::Irregular),
                misdeclared: false,
            };
        }
    }
    for text in [&*declared.bytes, body] {
        let uu = memmem::find(text, b"begin ").map(|_| (Form::Uuencode, uuencode(text)));
        for (form, (bytes, state)) in [Some((Form::Base64, base64(text))), uu]
            .into_iter()
            .flatten()
        {
            if state != State::Malformed && looks_like_ber(&bytes) {
                return Decoded {
                    bytes: Cow::Owned(bytes),
                    form,
                    state,
                    misdeclared: true,
                };
            }
        }
    }
    declared
}

/// Does it begin like a SEQUENCE that begins with an object identifier? A plain look, for choosing an encoding only.
#[must_use]
pub fn looks_like_ber(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x80, 0x06, ..] | [0x30, 0x81, _, 0x06, ..] | [0x30, 0x82, _, _, 0x06, ..] => true,
        [0x30, 0x83, _, _, _, 0x06, ..] | [0x30, 0x84, _, _, _, _, 0x06, ..] => true,
        [0x30, length, 0x06, ..] => *length < 0x80,
        _ => false,
    }
}

/// What stands in the first PEM armour (RFC 7468 §2), headers of RFC 1421 left out.
fn armour(text: &[u8]) -> Option<&[u8]> {
    let begin = memmem::find(text, b"-----BEGIN ")?;
    let rest = text.get(begin..)?;
    let inside = rest.get(memchr(b'\n', rest)?..)?;
    let end = memmem::find(inside, b"-----END ").unwrap_or(inside.len());
    let inside = inside.get(..end)?;
    if memchr(b':', inside).is_none() {
        return Some(inside);
    }
    let blank = memmem::find(inside, b"\n\n").or_else(|| memmem::find(inside, b"\n\r\n"))?;
    inside.get(blank..)
}

/// Quoted-printable (RFC 2045 §6.7). Blanks before a line end were added on the way and go (rule 3). Never fails.
#[must_use]
pub fn quoted_printable(text: &[u8]) -> (Vec<u8>, State) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut wrong = 0_usize;
    // Bytes of `out` that blanks at a line's end may not be taken from: they were written as `=20`.
    let mut fixed = 0;
    while let Some(at) = memchr2(b'=', b'\n', rest) {
        let (run, tail) = rest.split_at(at);
        out.extend_from_slice(run);
        if let [b'\n', tail @ ..] = tail {
            let crlf = out.len() > fixed && out.ends_with(b"\r");
            out.truncate(out.len() - usize::from(crlf));
            trim_blanks(&mut out, fixed);
            out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            fixed = out.len();
            rest = tail;
            continue;
        }
        let tail = tail.get(1..).unwrap_or_default();
        if let [high, low, tail @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            fixed = out.len();
            rest = tail;
            continue;
        }
        let blanks = tail
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
            .count();
        match tail.get(blanks) {
            Some(b'\n') | None => {
                fixed = out.len();
                rest = tail.get(blanks + 1..).unwrap_or_default();
            }
            Some(_) => {
                out.push(b'=');
                wrong += 1;
                rest = tail;
            }
        }
    }
    out.extend_from_slice(rest);
    trim_blanks(&mut out, fixed);
    let state = if wrong.saturating_mul(100) > text.len() {
        State::Malformed
    } else if wrong > 0 {
        State::Irregular
    } else {
        State::Regular
    };
    (out, state)
}

fn trim_blanks(out: &mut Vec<u8>, fixed: usize) {
    while out.len() > fixed && matches!(out.last(), Some(b' ' | b'\t')) {
        out.pop();
    }
}

/// Uuencode, as POSIX `uuencode` writes it without `-m`: from the line `begin` to the line `end`. Never fails.
#[must_use]
pub fn uuencode(text: &[u8]) -> (Vec<u8>, State) {
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    if !lines.by_ref().any(|line| line.starts_with(b"begin ")) {
        return (out, State::Malformed);
    }
    let mut state = State::Irregular;
    for line in lines {
        if line == b"end" {
            state = state.min(State::Regular);
            break;
        }
        let Some((length, groups)) = line.split_first() else {
            continue;
        };
        let start = out.len();
        for group in groups.chunks(4) {
            let bits = (0..4).fold(0_u32, |bits, at| {
                // Blanks at a line's end were written as spaces and may be gone.
                let byte = group.get(at).copied().unwrap_or(b' ');
                bits << 6 | u32::from(byte.wrapping_sub(b' ') & 0x3f)
            });
            let [_, bytes @ ..] = bits.to_be_bytes();
            out.extend_from_slice(&bytes);
        }
        out.resize(start + usize::from(length.wrapping_sub(b' ') & 0x3f), 0);
    }
    (out, state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn quoted_printable_is_undone() {
        for (text, expected, state) in [
            ("a=3Db=\r\nc", &b"a=bc"[..], State::Regular),
            ("a \t\r\nb  \nc ", b"a\r\nb\nc", State::Regular),
            ("a=20\r\nb=20 \n", b"a \r\nb \n", State::Regular),
            ("soft = \t\nend=", b"soft end", State::Regular),
            ("=c3=BC", b"\xc3\xbc", State::Regular),
            ("=0D\n", b"\r\n", State::Regular),
            ("\n\r\n", b"\n\r\n", State::Regular),
            ("wrong =zz", b"wrong =zz", State::Malformed),
            ("", b"", State::Regular),
        ] {
            assert_eq!(
                quoted_printable(text.as_bytes()),
                (expected.to_vec(), state),
                "{text:?}"
            );
        }
    }

    #[test]
    fn uuencode_is_undone() {
        let text = b"note\r\nbegin 644 smime.p7m\r\n#0V%T\r\n$0V%T+@``\r\n\"0V$\r\n`\r\nend\r\n";
        assert_eq!(uuencode(text), (b"CatCat.Ca".to_vec(), State::Regular));
        assert_eq!(
            uuencode(b"begin 644 x\n#0V%T\n"),
            (b"Cat".to_vec(), State::Irregular)
        );
        assert_eq!(uuencode(b"#0V%T\n").1, State::Malformed);
    }

    const BER: &[u8] =
        b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x00\x00\x00\x00";
    const BASE64: &str = "MIAGCSqGSIb3DQEHAqCAAAAAAA==";

    #[test]
    fn cms_is_found_however_it_is_written() {
        let pem = format!("-----BEGIN PKCS7-----\r\n{BASE64}\r\n-----END PKCS7-----\r\n");
        let rfc_1421 = pem.replace("7-----\r\nM", "7-----\r\nProc-Type: 4\r\n\r\nM");
        let twice = |text: &str| {
            let python = text
                .bytes()
                .flat_map(|byte| format!("={byte:02X}").into_bytes())
                .collect::<Vec<_>>();
            String::from_utf8(python).unwrap()
        };
        let uu = "begin 644 smime.p7m\n3,( &\"2J&2(;W#0$'`J\" ``````!\nend\n";
        for (encoding, body, form, misdeclared) in [
            ("base64", BASE64.as_bytes(), Form::Base64, false),
            ("7bit", BASE64.as_bytes(), Form::Base64, true),
            ("quoted-printable", BASE64.as_bytes(), Form::Base64, true),
            ("binary", BER, Form::Binary, false),
            ("base64", BER, Form::Binary, true),
            (
                "quoted-printable",
                twice(&String::from_utf8_lossy(BASE64.as_bytes())).as_bytes(),
                Form::Base64,
                true,
            ),
            ("7bit", pem.as_bytes(), Form::Pem, false),
            ("base64", pem.as_bytes(), Form::Pem, false),
            ("8bit", rfc_1421.as_bytes(), Form::Pem, false),
            ("x-uuencode", uu.as_bytes(), Form::Uuencode, false),
            ("7bit", uu.as_bytes(), Form::Uuencode, true),
        ] {
            let mut message = format!(
                "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: {encoding}\n\n"
            )
            .into_bytes();
            message.extend_from_slice(body);
            let tree = Tree::read(&message, &Limits::default());
            let read = cms_bytes(&tree, 0);
            assert_eq!(
                read.bytes.get(..BER.len()),
                Some(BER),
                "{encoding} {form:?}"
            );
            assert_eq!(
                (read.form, read.misdeclared),
                (form, misdeclared),
                "{encoding}"
            );
        }
    }

    #[test]
    fn what_is_no_cms_is_given_as_declared() {
        let message = b"Content-Transfer-Encoding: base64\n\nbm8gQ01T";
        let tree = Tree::read(message, &Limits::default());
        assert_eq!(&*cms_bytes(&tree, 0).bytes, b"no CMS");
        assert_eq!(&*cms_bytes(&tree, 9).bytes, b"");
        let plain = decode_as(b"as it is", TransferEncoding::Unknown);
        assert!(matches!(plain.bytes, Cow::Borrowed(b"as it is")));
    }
}
