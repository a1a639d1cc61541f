//! Bodies decoded by Content-Transfer-Encoding (RFC 2045 §6), and what a CMS part holds whatever it declares.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use crate::mime::Tree;
use crate::mime::media::{TransferEncoding, hex};

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

/// Values of the base64 alphabet (RFC 4648 §4); 64 is a byte outside it.
const VALUES: [u8; 256] = values();

#[allow(clippy::indexing_slicing, clippy::as_conversions)] // at compile time, where a slip does not compile
const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [64; 256];
    let mut value = 0;
    while value < 64 {
        table[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    table
}

/// The same shifted to each place of a group, so that a group is three ORs; a byte outside the alphabet sets bit 31.
static PLACES: [[u32; 256]; 4] = [places(18), places(12), places(6), places(0)];

const OUTSIDE: u32 = 1 << 31;

#[allow(clippy::indexing_slicing, clippy::as_conversions)] // as above
const fn places(shift: u32) -> [u32; 256] {
    let mut table = [OUTSIDE; 256];
    let mut byte = 0;
    while byte < 256 {
        if VALUES[byte] < 64 {
            table[byte] = (VALUES[byte] as u32) << shift;
        }
        byte += 1;
    }
    table
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(64)
}

fn place(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or(OUTSIDE)
}

/// Base64 (RFC 2045 §6.8) with everything that mailers and archives do to it: lines of any length, blanks, junk, padding that is
/// missing or in the middle. Never fails.
#[must_use]
pub fn base64(text: &[u8]) -> (Vec<u8>, State) {
    let mut reader = Base64 {
        out: vec![0; text.len() / 4 * 3 + 3],
        filled: 0,
        group: 0,
        held: 0,
        taken: 0,
        junk: 0,
        irregular: false,
        padded: false,
    };
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(length);
        rest = tail.get(1..).unwrap_or_default();
        reader.line(line.strip_suffix(b"\r").unwrap_or(line), rest.is_empty());
    }
    reader.finish()
}

struct Base64 {
    out: Vec<u8>,
    filled: usize,
    /// Bits of the group that is not yet full, and how many characters it has.
    group: u32,
    held: u32,
    taken: usize,
    junk: usize,
    irregular: bool,
    padded: bool,
}

/// RFC 2045 §6.8: lines of at most 76 characters.
const LINE_CHARS: usize = 76;
/// Lines that short are nothing a mailer writes before the last line; gateways that break lines do.
const SHORT_CHARS: usize = 8;

impl Base64 {
    fn line(&mut self, line: &[u8], last: bool) {
        if line.len() > LINE_CHARS || (!last && line.len() <= SHORT_CHARS) {
            self.irregular = true;
        }
        let whole = if self.held == 0 && !self.padded {
            self.groups(line)
        } else {
            0
        };
        for byte in line.get(whole..).unwrap_or_default() {
            self.character(*byte);
        }
    }

    /// Decodes whole groups from the front, and gives the length of those that were clean.
    fn groups(&mut self, line: &[u8]) -> usize {
        let (groups, _) = line.as_chunks::<4>();
        let out = self.out.get_mut(self.filled..).unwrap_or_default();
        let (out, _) = out.as_chunks_mut::<3>();
        let [first, second, third, fourth] = &PLACES;
        let mut clean = 0;
        for ([a, b, c, d], to) in groups.iter().zip(out) {
            let bits = place(first, *a) | place(second, *b) | place(third, *c) | place(fourth, *d);
            if bits & OUTSIDE != 0 {
                break;
            }
            let [_, high, middle, low] = bits.to_be_bytes();
            *to = [high, middle, low];
            clean += 1;
        }
        self.filled += clean * 3;
        self.taken += clean * 4;
        clean * 4
    }

    fn character(&mut self, byte: u8) {
        let bits = value(byte);
        if bits < 64 {
            if self.padded {
                // More behind padding: two encodings were joined.
                self.padded = false;
                self.irregular = true;
            }
            self.group = self.group << 6 | u32::from(bits);
            self.held += 1;
            self.taken += 1;
            if self.held == 4 {
                self.flush();
            }
            return;
        }
        match byte {
            b'=' if self.held >= 2 => {
                self.padded = true;
                self.flush();
            }
            b'=' if self.padded => {}
            b' ' | b'\t' | b'\r' => self.irregular = true,
            _ => self.junk += 1,
        }
    }

    /// Writes the bytes that are whole in the group and begins a new one.
    fn flush(&mut self) {
        let missing = 4 - self.held;
        let [_, bytes @ ..] = (self.group << (6 * missing)).to_be_bytes();
        let whole = match self.held {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => 0,
        };
        for byte in bytes.iter().take(whole) {
            if let Some(to) = self.out.get_mut(self.filled) {
                *to = *byte;
                self.filled += 1;
            }
        }
        self.group = 0;
        self.held = 0;
    }

    fn finish(mut self) -> (Vec<u8>, State) {
        if self.held > 0 {
            self.irregular = true;
            self.junk += usize::from(self.held == 1);
            self.flush();
        }
        self.out.truncate(self.filled);
        let state = if self.junk.saturating_mul(100) > self.taken {
            State::Malformed
        } else if self.irregular || self.junk > 0 {
            State::Irregular
        } else {
            State::Regular
        };
        (self.out, state)
    }
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
