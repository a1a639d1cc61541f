//! Line ends of plaintext in the store's convention, where that changes nothing but line ends.

use memchr::memchr_iter;
use zeroize::Zeroizing;

use crate::mime::Tree;
use crate::mime::header::Header;

/// How lines end in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum LineEnd {
    /// As Unix stores mail.
    Lf,
    /// As it travels (RFC 5322 §2.3).
    CrLf,
}

impl LineEnd {
    /// As the first line of `bytes` ends.
    pub fn of(bytes: &[u8]) -> Self {
        match memchr::memchr(b'\n', bytes) {
            Some(at) if is_behind_return(bytes, at) => Self::CrLf,
            Some(_) => Self::Lf,
            None => Self::CrLf,
        }
    }

    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

fn is_behind_return(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r')
}

/// The ways in which lines end in some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    cr_lf: bool,
    lf: bool,
    /// A CR that ends no line.
    cr: bool,
}

fn seen(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut ends = 0usize;
    for at in memchr_iter(b'\n', bytes) {
        if is_behind_return(bytes, at) {
            seen.cr_lf = true;
            ends += 1;
        } else {
            seen.lf = true;
        }
    }
    seen.cr = memchr_iter(b'\r', bytes).count() > ends;
    seen
}

/// Can the line ends of `body` become `end`, and back again, without any other change? True too where they are so already.
pub(super) fn converts(body: &[u8], end: LineEnd, binary: bool) -> bool {
    let seen = seen(body);
    let is_so = match end {
        LineEnd::Lf => !seen.cr_lf,
        LineEnd::CrLf => !seen.lf,
    };
    let mixed = seen.lf && seen.cr_lf;
    is_so || !(binary || seen.cr || mixed)
}

/// A part of the entity is declared binary (RFC 2045 §6.2): its bytes end no lines.
pub(super) fn is_binary(tree: &Tree<'_>, root: usize) -> bool {
    (0..tree.parts.len())
        .filter(|part| tree.ancestry(*part).any(|above| above == root))
        .any(|part| {
            Header::all(&tree.header(part), "content-transfer-encoding")
                .any(|field| field.unfolded().eq_ignore_ascii_case(b"binary"))
        })
}

/// Appends `bytes` with every line end as `end`. A CR alone stays.
pub(in crate::jobs) fn append(out: &mut Zeroizing<Vec<u8>>, bytes: &[u8], end: LineEnd) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(at);
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(end.bytes());
        rest = behind.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    use LineEnd::{CrLf, Lf};

    #[test]
    fn only_what_can_be_undone_is_converted() {
        for (body, lf, crlf) in [
            (&b"a\r\nb\r\n"[..], true, true),
            (b"a\nb\n", true, true),
            (b"a\r\nb\n", false, false),
            (b"a\rb\n", true, false),
            (b"a\rb\r\n", false, true),
            (b"a\r\r\n", false, true),
            (b"a\r", true, true),
            (b"", true, true),
        ] {
            assert_eq!(
                (converts(body, Lf, false), converts(body, CrLf, false)),
                (lf, crlf),
                "{body:?}"
            );
        }
        assert!(!converts(b"a\r\n", Lf, true) && converts(b"a\n", Lf, true));
    }

    #[test]
    fn converting_there_and_back_gives_the_same_bytes() {
        let convert = |bytes: &[u8], end| {
            let mut out = Zeroizing::new(Vec::new());
            append(&mut out, bytes, end);
            out.to_vec()
        };
        assert_eq!(convert(b"a\r\n\r\nb", Lf), b"a\n\nb");
        assert_eq!(convert(b"a\n\nb\r\n", CrLf), b"a\r\n\r\nb\r\n");
        for body in [&b"a\r\nb\r\n\r\n"[..], b"\r\n", b"x", b""] {
            assert_eq!(convert(&convert(body, Lf), CrLf), body);
        }
        assert_eq!(
            [LineEnd::of(b"a\r\nb\n"), LineEnd::of(b"a\nb\r\n")],
            [CrLf, Lf]
        );
    }
}
