//! Encodings, written (RFC 2045 §6.7, §6.8), and what needs none.

use memchr::memchr;

/// Octets of a line of an encoded body, without its end (RFC 2045 §6.7 rule 5, §6.8).
pub const WIDTH: usize = 76;

/// Octets that one line of base64 holds.
const OCTETS_OF_LINE: usize = WIDTH / 4 * 3;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Nothing on the way changes these lines, of which none is longer than `width`; they end in CR LF.
pub(super) fn is_safe(bytes: &[u8], width: usize) -> bool {
    let mut rest = bytes;
    loop {
        let (line, behind) = match memchr(b'\n', rest) {
            Some(at) => {
                let (line, behind) = rest.split_at(at);
                let Some(line) = line.strip_suffix(b"\r") else {
                    return false;
                };
                (line, behind.get(1..).unwrap_or_default())
            }
            None => (rest, &[][..]),
        };
        let plain = |octet: &u8| matches!(octet, b' '..=b'~' | b'\t');
        if line.len() > width
            || matches!(line.last(), Some(b' ' | b'\t'))
            || is_changed_at_start(line)
            || !line.iter().all(plain)
        {
            return false;
        }
        if behind.is_empty() {
            return true;
        }
        rest = behind;
    }
}

/// A line that an mbox quotes, or un-quotes, or that ends a mail in SMTP, or loses its dot where a relay is wrong about that.
fn is_changed_at_start(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|octet| **octet == b'>').count();
    line.first() == Some(&b'.')
        || line
            .get(marks..)
            .is_some_and(|rest| rest.starts_with(b"From "))
}

/// Base64 (RFC 2045 §6.8) in lines of [`WIDTH`] that end in CR LF, the last one too. Nothing for nothing.
#[must_use]
pub fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / OCTETS_OF_LINE * (WIDTH + 2) + WIDTH + 2);
    let digit = |value: u8| {
        ALPHABET
            .get(usize::from(value & 63))
            .copied()
            .unwrap_or(b'=')
    };
    for line in bytes.chunks(OCTETS_OF_LINE) {
        let (groups, rest) = line.as_chunks::<3>();
        for [a, b, c] in groups {
            out.extend_from_slice(&[
                digit(a >> 2),
                digit(a << 4 | b >> 4),
                digit(b << 2 | c >> 6),
                digit(*c),
            ]);
        }
        match rest {
            [a, b] => {
                out.extend_from_slice(&[
                    digit(a >> 2),
                    digit(a << 4 | b >> 4),
                    digit(b << 2),
                    b'=',
                ]);
            }
            [a] => out.extend_from_slice(&[digit(a >> 2), digit(a << 4), b'=', b'=']),
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Quoted-printable (RFC 2045 §6.7). CR LF is a line's end, any other CR or LF an octet. Besides what must be encoded this is: a dot,
/// `From `, `>` before it, and a dash before a dash at a line's start, which no store, relay or boundary is to see.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut column = 0;
    let mut rest = bytes;
    while let Some((octet, behind)) = rest.split_first() {
        if rest.starts_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        let ends_line = behind.is_empty() || behind.starts_with(b"\r\n");
        let is_plain = match octet {
            b'=' => false,
            b' ' | b'\t' => !ends_line,
            b'!'..=b'~' => true,
            _ => false,
        };
        let needed = |is_plain: bool| if is_plain { 1 } else { 3 };
        // The last column of a line is its soft break's, unless the line ends there anyway.
        let most = if ends_line { WIDTH } else { WIDTH - 1 };
        let starts = column == 0;
        let mut is_plain = is_plain && !(starts && is_changed_here(rest));
        if column + needed(is_plain) > most {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            is_plain = is_plain && !is_changed_here(rest);
        }
        if is_plain {
            out.push(*octet);
        } else {
            let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'=', digit(octet >> 4), digit(octet & 15)]);
        }
        column += needed(is_plain);
        rest = behind;
    }
    out
}

fn is_changed_here(rest: &[u8]) -> bool {
    is_changed_at_start(rest) || rest.starts_with(b"--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::base64::base64;
    use crate::mime::transfer;

    #[test]
    fn base64_reads_back_and_has_short_lines() {
        for length in [0, 1, 2, 3, 56, 57, 58, 114, 200] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 % 256) as u8).collect();
            let lines = base64_lines(&bytes);
            assert_eq!(base64(&lines), (bytes, transfer::State::Regular));
            assert!(is_safe(&lines, WIDTH));
        }
        assert_eq!(base64_lines(b"ab"), b"YWI=\r\n");
    }

    #[test]
    fn h_02_quoted_printable_reads_back_and_is_safe() {
        let long = "x".repeat(200);
        let texts = [
            "",
            "a",
            "a \r\n",
            "From me\r\n>From you\r\n>>From all",
            ".\r\n..\r\n.x",
            "--boundary\r\n--boundary--",
            "gr\u{fc}\u{df}e = 1\t\r\nb\rc\nd\r\n\r\n",
            " ",
            &long,
            &format!("{}From x", "y".repeat(75)),
            &format!("{}.", "y".repeat(75)),
            &format!("{} \r\n", "y".repeat(75)),
            &format!("{}=", "y".repeat(74)),
            "\0\u{1}\u{7f}",
        ];
        for text in texts {
            let written = quoted_printable(text.as_bytes());
            let shown = String::from_utf8_lossy(&written).into_owned();
            assert!(is_safe(&written, WIDTH), "{shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with("--")));
            let read = transfer::quoted_printable(&written);
            assert_eq!(read, (text.into(), transfer::State::Regular), "{shown:?}");
        }
    }

    #[test]
    fn h_02_what_is_changed_on_the_way_is_not_safe() {
        for line in [
            "From me", ">From me", ".", ".x", "a ", "a\t\r\nb", "\u{e4}", "a\0", "a\nb", "a\rb",
            "\u{7f}",
        ] {
            assert!(!is_safe(line.as_bytes(), WIDTH), "{line:?}");
        }
        assert!(
            is_safe(b"", WIDTH)
                && is_safe(b"From: a\r\n\r\nFroma\r\n> From \r\n-- x", WIDTH).eq(&false)
        );
        assert!(is_safe(b"From: a\r\n\r\nFroma\r\n> From x\r\n-- x", WIDTH));
        assert!(!is_safe("x".repeat(77).as_bytes(), WIDTH));
        assert!(is_safe("x".repeat(76).as_bytes(), WIDTH));
    }
}
