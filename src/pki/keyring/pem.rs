//! Textual encodings (RFC 7468), and the header fields of encrypted blocks (RFC 1421 §4.6).

use std::iter;

use zeroize::Zeroizing;

/// One block between `-----BEGIN` and `-----END`.
#[derive(Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// What stands behind `BEGIN`, such as `CERTIFICATE`.
    pub label: &'a str,
    /// `DEK-Info`, where `Proc-Type` says that the block is encrypted: the cipher's name and its initial vector in hexadecimal.
    pub encryption: Option<(&'a str, &'a str)>,
    /// What the base64 text stands for; may be a private key.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// A block that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemError {
    /// No line `-----END` with the same label.
    Truncated,
    /// A character that base64 does not have, or a length that it can't have.
    Base64,
    /// `Proc-Type` says encrypted, and `DEK-Info` is missing.
    Encryption,
}

/// The text has a line that begins a block.
#[must_use]
pub fn is_pem(data: &[u8]) -> bool {
    Lines::new(data).any(|line| begins(&line).is_some())
}

/// All blocks in their order. Text around them is skipped (`openssl pkcs12` writes "Bag Attributes" there).
///
/// Lines may end in LF or CR LF and be indented (keys cut out of YAML files). A damaged block does not end the iteration.
pub fn blocks(data: &[u8]) -> impl Iterator<Item = Result<Block<'_>, PemError>> {
    let mut lines = Lines::new(data).peekable();
    iter::from_fn(move || {
        let begin = lines.find_map(|line| begins(&line))?;
        let mut encryption = None;
        let mut encrypted = false;
        let mut in_header = lines.peek().is_some_and(|line| line.text.contains(&b':'));
        let mut body_at = lines.peek().map_or(data.len(), |line| line.at);
        // A block that never ends must not swallow the next one.
        while let Some(line) = lines.next_if(|line| begins(line).is_none()) {
            if let Some(end) = label(line.text, b"-----END ") {
                let body = data.get(body_at..line.at).unwrap_or_default();
                return Some(if end != begin {
                    Err(PemError::Truncated)
                } else if encrypted && encryption.is_none() {
                    Err(PemError::Encryption)
                } else {
                    base64(body).ok_or(PemError::Base64).map(|bytes| Block {
                        label: begin,
                        encryption: encryption.filter(|_| encrypted),
                        bytes,
                    })
                });
            }
            if in_header {
                match header(line.text) {
                    Some(("Proc-Type", value)) => encrypted = value.ends_with("ENCRYPTED"),
                    Some(("DEK-Info", value)) => {
                        encryption = value.split_once(',').map(|(c, iv)| (c.trim(), iv.trim()));
                    }
                    _ => in_header = !line.text.is_empty(),
                }
                body_at = line.end;
            }
        }
        Some(Err(PemError::Truncated))
    })
}

/// A line and where it is.
struct Line<'a> {
    /// Without white space at either end.
    text: &'a [u8],
    /// Offset of its first byte.
    at: usize,
    /// Offset behind its line end.
    end: usize,
}

struct Lines<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.data.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let at = self.at;
        self.at += length;
        Some(Line {
            text: rest.get(..length).unwrap_or_default().trim_ascii(),
            at,
            end: self.at,
        })
    }
}

fn begins<'a>(line: &Line<'a>) -> Option<&'a str> {
    label(line.text, b"-----BEGIN ")
}

/// What stands between `boundary` and five hyphens.
fn label<'a>(line: &'a [u8], boundary: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(boundary)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok()
}

fn header(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    Some((name.trim(), value.trim()))
}

/// Base64 (RFC 4648 §4) without regard to white space.
fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Sized once: a vector that grows leaves copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    let (mut bits, mut count, mut padding) = (0_u32, 0_u32, 0_u32);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, octets @ ..] = bits.to_be_bytes();
            bytes.extend_from_slice(&octets);
            (bits, count) = (0, 0);
        }
    }
    let [_, first, second, _] = (bits << (6 * (4 - count))).to_be_bytes();
    match (count, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push(first),
        (3, 1) => bytes.extend_from_slice(&[first, second]),
        _ => return None,
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<(String, Vec<u8>), PemError>> {
        let one = |block: Result<Block<'_>, PemError>| {
            block.map(|block| (block.label.to_owned(), block.bytes.to_vec()))
        };
        let lf: Vec<_> = blocks(text.as_bytes()).map(one).collect();
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(lf, blocks(crlf.as_bytes()).map(one).collect::<Vec<_>>());
        lf
    }

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = "Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n-----BEGIN A B-----\nTWFp\nbA==\n-----END A B-----\njunk\n  -----BEGIN C-----\n  TWFpbHM=\n  -----END C-----";
        let expected = [
            Ok(("A B".to_owned(), b"Mail".to_vec())),
            Ok(("C".to_owned(), b"Mails".to_vec())),
        ];
        assert_eq!(read(text), expected);
        assert!(is_pem(text.as_bytes()));
        assert!(!is_pem(b"see -----BEGIN C----- there"));
    }

    #[test]
    fn a_damaged_block_does_not_hide_the_next() {
        for (broken, error) in [
            ("-----BEGIN A-----\nTWFp\n", PemError::Truncated),
            (
                "-----BEGIN A-----\nTWFp\n-----END B-----\n",
                PemError::Truncated,
            ),
            (
                "-----BEGIN A-----\nTW*p\n-----END A-----\n",
                PemError::Base64,
            ),
            (
                "-----BEGIN A-----\nTWFpbA\n-----END A-----\n",
                PemError::Base64,
            ),
            (
                "-----BEGIN A-----\nTWFp=bAA\n-----END A-----\n",
                PemError::Base64,
            ),
            (
                "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nTWFp\n-----END A-----\n",
                PemError::Encryption,
            ),
        ] {
            let text = format!("{broken}-----BEGIN C-----\nTWFp\n-----END C-----\n");
            let good = Ok(("C".to_owned(), b"Mai".to_vec()));
            assert_eq!(read(&text), [Err(error), good], "{broken}");
        }
        assert_eq!(read("-----BEGIN A-----"), [Err(PemError::Truncated)]);
    }

    #[test]
    fn header_fields_name_the_cipher() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nTWFp\n-----END RSA PRIVATE KEY-----\n";
        let block = blocks(text.as_bytes()).next().unwrap().unwrap();
        assert_eq!(block.encryption, Some(("AES-128-CBC", "00FF")));
        assert_eq!(block.bytes.as_slice(), b"Mai");
    }
}
