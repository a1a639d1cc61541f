//! Lexical tokens of address fields (RFC 5322 §3.2).

use crate::mime::address::AddressFault;

/// A token (RFC 5322 §3.2).
#[derive(Debug)]
pub(super) enum Token<'v> {
    Atom(&'v [u8]),
    Quoted(Vec<u8>),
    /// `[…]` behind an `@`.
    Literal(&'v [u8]),
    /// One of `<>@,;:.`
    Special(u8),
}

/// A token and what stood before it.
#[derive(Debug)]
pub(super) struct Lexeme<'v> {
    pub(super) token: Token<'v>,
    /// Blanks or a comment.
    pub(super) spaced: bool,
}

impl Lexeme<'_> {
    /// Is it this special character?
    pub(super) fn is(&self, special: u8) -> bool {
        matches!(self.token, Token::Special(byte) if byte == special)
    }
}

/// Cuts a value into tokens.
pub(super) struct Lexer<'v> {
    rest: &'v [u8],
    /// The inside of the last comment.
    pub(super) comment: &'v [u8],
    comment_depth: usize,
    behind_at: bool,
}

fn is_special(byte: u8) -> bool {
    b"<>@,;:.".contains(&byte)
}

impl<'v> Lexer<'v> {
    pub(super) fn new(value: &'v [u8], comment_depth: usize) -> Self {
        Self {
            rest: value,
            comment: &[],
            comment_depth,
            behind_at: false,
        }
    }

    /// The next token; `None` at the end.
    ///
    /// # Errors
    /// `CommentTooDeep` where comments nest over the limit.
    pub(super) fn next(&mut self) -> Result<Option<Lexeme<'v>>, AddressFault> {
        let mut spaced = false;
        loop {
            match self.rest {
                [] => return Ok(None),
                [byte, tail @ ..] if byte.is_ascii_whitespace() => self.rest = tail,
                [b'(', tail @ ..] => self.skip_comment(tail)?,
                _ => break,
            }
            spaced = true;
        }
        let token = match self.rest {
            [b'"', tail @ ..] => {
                self.rest = tail;
                Token::Quoted(self.quoted())
            }
            [b'[', ..] if self.behind_at => {
                Token::Literal(self.take(|byte| byte == b']' || byte == b'>', true))
            }
            [byte, tail @ ..] if is_special(*byte) => {
                self.rest = tail;
                Token::Special(*byte)
            }
            _ => Token::Atom(self.take(
                |byte| {
                    byte.is_ascii_whitespace() || byte == b'(' || byte == b'"' || is_special(byte)
                },
                false,
            )),
        };
        self.behind_at = matches!(token, Token::Special(b'@'));
        Ok(Some(Lexeme { token, spaced }))
    }

    fn take(&mut self, ends: impl Fn(u8) -> bool, inclusive: bool) -> &'v [u8] {
        let end = self
            .rest
            .iter()
            .position(|byte| ends(*byte))
            .unwrap_or(self.rest.len());
        let end = match self.rest.get(end) {
            Some(b']') if inclusive => end + 1,
            _ => end,
        };
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Past a comment; one that never ends goes to the end.
    fn skip_comment(&mut self, inside: &'v [u8]) -> Result<(), AddressFault> {
        let mut depth = 1_usize;
        let mut escaped = false;
        for (at, byte) in inside.iter().enumerate() {
            if escaped {
                escaped = false;
                continue;
            }
            match byte {
                b'\\' => escaped = true,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth > self.comment_depth {
                return Err(AddressFault::CommentTooDeep);
            }
            if depth == 0 {
                self.comment = inside.get(..at).unwrap_or_default();
                self.rest = inside.get(at + 1..).unwrap_or_default();
                return Ok(());
            }
        }
        self.comment = inside;
        self.rest = &[];
        Ok(())
    }

    fn quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let [byte, tail @ ..] = self.rest {
            self.rest = tail;
            match (byte, tail) {
                (b'"', _) => break,
                (b'\\', [escaped, tail @ ..]) => {
                    text.push(*escaped);
                    self.rest = tail;
                }
                // Folds, not text.
                (b'\r' | b'\n', _) => {}
                _ => text.push(*byte),
            }
        }
        text
    }
}
