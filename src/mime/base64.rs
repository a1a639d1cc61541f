//! Base64 as mailers, gateways and archives write it (RFC 2045 §6.8).

use memchr::memchr;

use crate::mime::transfer::State;

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

#[cfg(test)]
#[allow(clippy::as_conversions)]
mod tests {
    use super::*;

    fn encode(bytes: &[u8]) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| {
                bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
            });
            for at in 0..4 {
                text.push(if at <= chunk.len() {
                    char::from(alphabet[(bits >> (18 - 6 * at)) as usize & 63])
                } else {
                    '='
                });
            }
        }
        text
    }

    fn wrapped(text: &str, columns: usize, end: &str) -> String {
        text.as_bytes()
            .chunks(columns)
            .map(|line| format!("{}{end}", std::str::from_utf8(line).unwrap()))
            .collect()
    }

    #[test]
    fn whole_lines_of_any_length_give_the_bytes_back() {
        for length in [0, 1, 2, 3, 4, 56, 57, 58, 1000, 100_000] {
            let bytes: Vec<u8> = (0..length)
                .map(|at: usize| (at * 7 + at / 251) as u8)
                .collect();
            let text = encode(&bytes);
            for columns in [1, 4, 63, 64, 75, 76, 77, 100_000_000] {
                for end in ["\n", "\r\n"] {
                    let regular =
                        text.len() <= columns && columns < 77 || (9..77).contains(&columns);
                    let (read, state) = base64(wrapped(&text, columns, end).as_bytes());
                    assert_eq!(read, bytes, "{length} bytes in {columns} columns");
                    assert_eq!(
                        state == State::Regular,
                        regular || text.len() <= 76 && columns > 8 || text.is_empty(),
                        "{length} {columns}"
                    );
                }
            }
        }
    }

    #[test]
    fn irregular_text_is_decoded_and_named() {
        for (text, expected, state) in [
            ("QUJD", &b"ABC"[..], State::Regular),
            ("QUJDRA==\n\n", b"ABCD", State::Regular),
            ("QUJDRA", b"ABCD", State::Irregular),
            ("QUJDREU", b"ABCDE", State::Irregular),
            ("QUJD REVG", b"ABCDEF", State::Irregular),
            ("QQ==QUJD", b"AABC", State::Irregular),
            ("QUI=\nQUJDREVGQUJD", b"ABABCDEFABC", State::Irregular),
            ("QU\nJD", b"ABC", State::Irregular),
            ("QUJDR", b"ABC", State::Malformed),
            ("*QUJD", b"ABC", State::Malformed),
            (
                "no base64 at all!!!",
                &base64(b"nobase64atall").0,
                State::Malformed,
            ),
            ("", b"", State::Regular),
            ("====", b"", State::Malformed),
        ] {
            assert_eq!(
                base64(text.as_bytes()),
                (expected.to_vec(), state),
                "{text}"
            );
        }
    }

    #[test]
    fn junk_up_to_one_in_a_hundred_is_irregular_and_above_malformed() {
        let clean = encode(&[7; 7500]);
        for (junk, state) in [
            (1, State::Irregular),
            (100, State::Irregular),
            (101, State::Malformed),
        ] {
            let mut text = clean.clone();
            for at in 0..junk {
                text.insert(at * 97, '!');
            }
            let (bytes, found) = base64(wrapped(&text, 76, "\r\n").as_bytes());
            assert_eq!((bytes.as_slice(), found), (&[7; 7500][..], state), "{junk}");
        }
    }
}
