//! Mailboxes of From and Sender (RFC 5322 §3.4, obsolete forms of §4.4, UTF-8 as RFC 6532 allows), and how addresses compare.

use crate::limits::Limits;
use crate::mime::header::decode;

/// The mailboxes of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// In order, those in groups included. Names without an address too.
    pub mailboxes: Vec<Mailbox>,
    /// Why not all were read.
    pub fault: Option<AddressFault>,
}

/// A limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFault {
    /// Comments nested over [`Limits::comment_depth`]: the field was not read.
    CommentTooDeep,
    /// More mailboxes than [`Limits::addresses`]: the rest was not read.
    TooManyAddresses,
}

/// A display name and an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name decoded (RFC 2047), or else the last comment, as old mailers wrote it. Empty without either.
    pub display: String,
    /// The addr-spec (RFC 5322 §3.4.1), comments and blanks left out, quotes of the local part only where it needs them. Empty without one.
    pub address: String,
    /// Something stands where an address should, and it is none: two `@`, control characters, blanks inside.
    pub malformed: bool,
}

impl Addresses {
    /// Reads a field's value, folded or not. Never fails: what is no address gives a mailbox without one.
    ///
    /// Where a value could be read as one address or as two, it is two, so that nothing passes for the only sender that is not.
    #[must_use]
    pub fn read(value: &[u8], limits: &Limits) -> Self {
        let mut list = List::default();
        let mut lexer = Lexer {
            rest: value,
            comment: &[],
            comment_depth: limits.comment_depth,
        };
        loop {
            if list.mailboxes.len() > limits.addresses {
                list.mailboxes.truncate(limits.addresses);
                return Self {
                    mailboxes: list.mailboxes,
                    fault: Some(AddressFault::TooManyAddresses),
                };
            }
            match lexer.next(list.in_angle) {
                Ok(Some(lexeme)) => list.add(lexeme, &mut lexer.comment),
                Ok(None) => break,
                Err(fault) => {
                    return Self {
                        mailboxes: Vec::new(),
                        fault: Some(fault),
                    };
                }
            }
        }
        list.finish(lexer.comment);
        let fault =
            (list.mailboxes.len() > limits.addresses).then_some(AddressFault::TooManyAddresses);
        list.mailboxes.truncate(limits.addresses);
        Self {
            mailboxes: list.mailboxes,
            fault,
        }
    }

    /// The addresses alone.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.mailboxes
            .iter()
            .map(|mailbox| mailbox.address.as_str())
            .filter(|address| !address.is_empty())
    }
}

impl Mailbox {
    /// Does the display name hold an address other than the real one (`"alice@good.example" <eve@evil.example>`)? Mail programs that
    /// show only the name show that one.
    #[must_use]
    pub fn display_names_another_address(&self) -> bool {
        let display = self.display.replace(['\u{ff20}', '\u{fe6b}'], "@");
        let is_edge = |c: char| c.is_whitespace() || "@<>()[]\"',;:".contains(c);
        let mut rest = display.as_str();
        while let Some((before, after)) = rest.split_once('@') {
            let local = before.rsplit(is_edge).next().unwrap_or("");
            let domain = after
                .split(is_edge)
                .next()
                .unwrap_or("")
                .trim_end_matches(['.', '\u{2026}']);
            if !local.is_empty()
                && domain.contains('.')
                && compare(&format!("{local}@{domain}"), &self.address) == Match::None
            {
                return true;
            }
            rest = after;
        }
        false
    }
}

/// Lexical tokens (RFC 5322 §3.2).
#[derive(Debug)]
enum Token<'v> {
    Atom(&'v [u8]),
    Quoted(Vec<u8>),
    /// `[…]` behind an `@`.
    Literal(&'v [u8]),
    /// One of `<>@,;:.`
    Special(u8),
}

#[derive(Debug)]
struct Lexeme<'v> {
    token: Token<'v>,
    /// Blanks or a comment before it.
    spaced: bool,
}

impl Lexeme<'_> {
    fn is(&self, special: u8) -> bool {
        matches!(self.token, Token::Special(byte) if byte == special)
    }
}

struct Lexer<'v> {
    rest: &'v [u8],
    /// The inside of the last comment.
    comment: &'v [u8],
    comment_depth: usize,
}

fn is_special(byte: u8) -> bool {
    b"<>@,;:.".contains(&byte)
}

impl<'v> Lexer<'v> {
    fn next(&mut self, in_angle: bool) -> Result<Option<Lexeme<'v>>, AddressFault> {
        let mut spaced = false;
        loop {
            match self.rest {
                [] => return Ok(None),
                [byte, tail @ ..] if byte.is_ascii_whitespace() => self.rest = tail,
                [b'(', tail @ ..] => self.comment(tail)?,
                _ => break,
            }
            spaced = true;
        }
        let token = match self.rest {
            [b'"', tail @ ..] => {
                self.rest = tail;
                Token::Quoted(self.quoted())
            }
            [b'[', ..] if in_angle => {
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
    fn comment(&mut self, inside: &'v [u8]) -> Result<(), AddressFault> {
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

/// The list as far as it is read.
#[derive(Default)]
struct List<'v> {
    mailboxes: Vec<Mailbox>,
    in_angle: bool,
    in_group: bool,
    words: Vec<Lexeme<'v>>,
    /// What stands between angle brackets, and what behind them.
    angle: Option<Vec<Lexeme<'v>>>,
    behind: Vec<Lexeme<'v>>,
}

impl<'v> List<'v> {
    fn add(&mut self, lexeme: Lexeme<'v>, comment: &mut &'v [u8]) {
        let Token::Special(special) = lexeme.token else {
            self.keep(lexeme);
            return;
        };
        let in_route = self
            .angle
            .as_ref()
            .is_some_and(|angle| angle.first().is_some_and(|first| first.is(b'@')));
        match special {
            b'>' if self.in_angle => self.in_angle = false,
            b',' | b':' if self.in_angle && in_route => {
                // A route (RFC 5322 §4.4) ends at its colon and counts for nothing.
                if special == b':'
                    && let Some(angle) = &mut self.angle
                {
                    angle.clear();
                }
            }
            b'<' if !self.in_angle => {
                if self.angle.is_some() {
                    self.finish(std::mem::take(comment));
                }
                self.in_angle = true;
                self.angle = Some(Vec::new());
            }
            b',' | b';' => {
                self.finish(std::mem::take(comment));
                self.in_group &= special != b';';
            }
            b':' if !self.in_angle
                && !self.in_group
                && self.angle.is_none()
                && !self.words.iter().any(|word| word.is(b'@')) =>
            {
                self.in_group = true;
                self.words.clear();
            }
            _ => self.keep(lexeme),
        }
    }

    fn keep(&mut self, lexeme: Lexeme<'v>) {
        match &mut self.angle {
            Some(angle) if self.in_angle => angle.push(lexeme),
            Some(_) => self.behind.push(lexeme),
            None => self.words.push(lexeme),
        }
    }

    /// Ends a mailbox. One without a word is none: lists may have empty members (RFC 5322 §4.4).
    fn finish(&mut self, comment: &[u8]) {
        self.in_angle = false;
        let words = std::mem::take(&mut self.words);
        let behind = std::mem::take(&mut self.behind);
        let Some(angle) = self.angle.take() else {
            if !words.is_empty() {
                self.mailboxes.push(without_angle(&words, comment));
            }
            return;
        };
        let address = addr_spec(&angle);
        let mut display = phrase(&words);
        let another = behind.iter().any(|word| word.is(b'@'));
        if display.is_empty() && !another {
            display = phrase(&behind);
        }
        if display.is_empty() {
            display = comment.to_vec();
        }
        self.mailboxes.push(Mailbox {
            display: decode(&display).text,
            malformed: address.is_none() && !angle.is_empty(),
            address: address.unwrap_or_default(),
        });
        if another {
            self.mailboxes.push(without_angle(&behind, b""));
        }
    }
}

/// A bare address, or a name without one.
fn without_angle(words: &[Lexeme<'_>], comment: &[u8]) -> Mailbox {
    let address = addr_spec(words);
    let display = match address {
        Some(_) => comment.to_vec(),
        None => phrase(words),
    };
    Mailbox {
        display: decode(&display).text,
        malformed: address.is_none() && words.iter().any(|word| word.is(b'@')),
        address: address.unwrap_or_default(),
    }
}

/// Words as people read them.
fn phrase(words: &[Lexeme<'_>]) -> Vec<u8> {
    let mut text = Vec::new();
    for word in words {
        if word.spaced && !text.is_empty() {
            text.push(b' ');
        }
        match &word.token {
            Token::Atom(atom) | Token::Literal(atom) => text.extend_from_slice(atom),
            Token::Quoted(quoted) => text.extend_from_slice(quoted),
            Token::Special(special) => text.push(*special),
        }
    }
    text
}

/// `local@domain` and nothing else. Dots in the local part may stand anywhere: Japanese providers gave out such addresses.
fn addr_spec(words: &[Lexeme<'_>]) -> Option<String> {
    let at = words.iter().position(|word| word.is(b'@'))?;
    let (local, domain) = words.split_at(at);
    let local = local_part(local)?;
    let domain = domain_text(domain.get(1..)?)?;
    Some(format!("{local}@{domain}"))
}

fn local_part(words: &[Lexeme<'_>]) -> Option<String> {
    let mut local: Vec<u8> = Vec::new();
    let mut after_dot = true;
    for word in words {
        match &word.token {
            Token::Special(b'.') => {
                local.push(b'.');
                after_dot = true;
                continue;
            }
            Token::Atom(atom) if after_dot && is_atom(atom) => local.extend_from_slice(atom),
            Token::Quoted(quoted) if after_dot => local.extend_from_slice(quoted),
            Token::Atom(_) | Token::Quoted(_) | Token::Literal(_) | Token::Special(_) => {
                return None;
            }
        }
        after_dot = false;
    }
    let text = String::from_utf8(local).ok()?;
    if text.is_empty() && words.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    Some(quote_if_needed(&text))
}

fn domain_text(words: &[Lexeme<'_>]) -> Option<String> {
    if let [
        Lexeme {
            token: Token::Literal(literal),
            ..
        },
    ] = words
    {
        let text = std::str::from_utf8(literal).ok()?;
        return text
            .chars()
            .all(|c| c.is_ascii_graphic())
            .then(|| text.to_owned());
    }
    let mut domain: Vec<u8> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match &word.token {
            Token::Atom(atom) if at % 2 == 0 && is_atom(atom) => domain.extend_from_slice(atom),
            Token::Special(b'.') if at % 2 == 1 && at + 1 < words.len() => domain.push(b'.'),
            Token::Atom(_) | Token::Quoted(_) | Token::Literal(_) | Token::Special(_) => {
                return None;
            }
        }
    }
    String::from_utf8(domain)
        .ok()
        .filter(|domain| !domain.is_empty() && !domain.chars().any(char::is_control))
}

/// `atext` (RFC 5322 §3.2.3) and UTF-8 (RFC 6532 §3.2).
fn is_atom(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || *byte >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(byte)
        })
}

fn quote_if_needed(local: &str) -> String {
    let plain = |c: char| c == '.' || !c.is_ascii() || is_atom(&[u8::try_from(c).unwrap_or(b' ')]);
    if !local.is_empty() && local.chars().all(plain) {
        return local.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in local.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// How two addresses compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    /// The same mailbox: domains equal without case and as A-labels (RFC 9598 §3), local parts equal byte by byte (RFC 5321 §2.4).
    Exact,
    /// The same but for the case of the local part, which few hosts tell apart.
    CasefoldLocal,
    /// Another mailbox, or one of the two is no address.
    None,
}

/// Compares two addr-specs.
#[must_use]
pub fn compare(one: &str, other: &str) -> Match {
    let (Some((local, domain)), Some((other_local, other_domain))) =
        (one.rsplit_once('@'), other.rsplit_once('@'))
    else {
        return Match::None;
    };
    if local.is_empty() || domain.is_empty() || !equal_domains(domain, other_domain) {
        return Match::None;
    }
    let (local, other_local) = (unquoted(local), unquoted(other_local));
    if local == other_local {
        Match::Exact
    } else if local.to_lowercase() == other_local.to_lowercase() {
        Match::CasefoldLocal
    } else {
        Match::None
    }
}

fn equal_domains(one: &str, other: &str) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    match (idna::domain_to_ascii(one), idna::domain_to_ascii(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A local part without quotes and escapes (RFC 5322 §3.2.4: they are no part of what is meant).
fn unquoted(local: &str) -> String {
    let Some(inside) = local
        .strip_prefix('"')
        .and_then(|local| local.strip_suffix('"'))
    else {
        return local.to_owned();
    };
    let mut text = String::with_capacity(inside.len());
    let mut escaped = false;
    for c in inside.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            text.push(c);
        }
    }
    text
}
