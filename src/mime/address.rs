//! Mailboxes of From and Sender (RFC 5322 §3.4, obsolete forms of §4.4, UTF-8 as RFC 6532 allows).

use crate::limits::Limits;
use crate::mime::compare::{Match, compare};
use crate::mime::header::decode;
use crate::mime::lexer::{Lexeme, Lexer, Token};

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
        let mut lexer = Lexer::new(value, limits.comment_depth);
        loop {
            if list.mailboxes.len() > limits.addresses {
                list.mailboxes.truncate(limits.addresses);
                return Self {
                    mailboxes: list.mailboxes,
                    fault: Some(AddressFault::TooManyAddresses),
                };
            }
            match lexer.next() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `display|address` of each mailbox, with `!` where it is malformed.
    fn read(value: &[u8]) -> Vec<String> {
        Addresses::read(value, &Limits::default())
            .mailboxes
            .iter()
            .map(|mailbox| {
                format!(
                    "{}|{}{}",
                    mailbox.display,
                    mailbox.address,
                    if mailbox.malformed { "!" } else { "" }
                )
            })
            .collect()
    }

    #[test]
    fn usual_and_obsolete_forms_are_read() {
        for (value, expected) in [
            ("a@b.example", vec!["|a@b.example"]),
            ("  <a@b.example>\r\n", vec!["|a@b.example"]),
            (
                "Alice A. B\u{f6}b <a@b.example>",
                vec!["Alice A. B\u{f6}b|a@b.example"],
            ),
            (
                "\"B, \\\"Al\\\"\" (c) <a@b.example>",
                vec!["B, \"Al\"|a@b.example"],
            ),
            (
                "=?utf-8?q?J=C3=BCrgen?= <a@b.example>",
                vec!["J\u{fc}rgen|a@b.example"],
            ),
            (
                "\"=?utf-8?b?SsO8cmdlbg==?=\" <a@b.example>",
                vec!["J\u{fc}rgen|a@b.example"],
            ),
            (
                "a@b.example (Alice (the) A)",
                vec!["Alice (the) A|a@b.example"],
            ),
            (
                "a@b.example, C <c@d.example>,,",
                vec!["|a@b.example", "C|c@d.example"],
            ),
            (
                "Team: a@b.example, C <c@d.example>; e@f.example",
                vec!["|a@b.example", "C|c@d.example", "|e@f.example"],
            ),
            ("undisclosed-recipients:;", vec![]),
            (
                "<@r1.example,@r2.example:a@b.example>",
                vec!["|a@b.example"],
            ),
            ("a . b (c) @ d (e) . example", vec!["e|a.b@d.example"]),
            ("\"a.b\"@c.example", vec!["|a.b@c.example"]),
            ("\"a b\"@c.example", vec!["|\"a b\"@c.example"]),
            ("a..b.@docomo.example", vec!["|a..b.@docomo.example"]),
            ("a@[192.0.2.1]", vec!["|a@[192.0.2.1]"]),
            ("N <a@[IPv6:2001:db8::1]>", vec!["N|a@[IPv6:2001:db8::1]"]),
            (
                "\u{fc}@b\u{fc}cher.example",
                vec!["|\u{fc}@b\u{fc}cher.example"],
            ),
            ("Alice <a@b.example", vec!["Alice|a@b.example"]),
            (
                "[List] Alice <a@b.example>",
                vec!["[List] Alice|a@b.example"],
            ),
            ("<a@b.example> Alice", vec!["Alice|a@b.example"]),
        ] {
            assert_eq!(read(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_could_pass_for_an_address_is_none_or_two() {
        for (value, expected) in [
            ("", vec![]),
            ("   ", vec![]),
            ("Alice", vec!["Alice|"]),
            ("Alice <>", vec!["Alice|"]),
            (
                "a@good.example <e@evil.example>",
                vec!["a@good.example|e@evil.example"],
            ),
            (
                "a@good.example@evil.example",
                vec!["a@good.example@evil.example|!"],
            ),
            (
                "<a@good.example><e@evil.example>",
                vec!["|a@good.example", "|e@evil.example"],
            ),
            (
                "<a@good.example> e@evil.example",
                vec!["|a@good.example", "|e@evil.example"],
            ),
            (
                "A <a@good.example, e@evil.example>",
                vec!["A|a@good.example", "e@evil.example>|!"],
            ),
            (
                "a@good.example\0@evil.example",
                vec!["a@good.example\0@evil.example|!"],
            ),
            ("Alice a@good.example", vec!["Alice a@good.example|!"]),
            ("<a@good.example.>", vec!["|!"]),
            ("<a@>", vec!["|!"]),
            ("<@good.example>", vec!["|!"]),
            ("<a b@good.example>", vec!["|!"]),
            ("\"a@good.example\"", vec!["a@good.example|"]),
            ("\"a\0\"@good.example", vec!["a\0@good.example|!"]),
            ("\"a@good.example", vec!["a@good.example|"]),
        ] {
            assert_eq!(read(value.as_bytes()), expected, "{value:?}");
        }
        assert_eq!(read(b"<\xff@good.example>"), ["|!"]);
        assert_eq!(read(b"\xff <a@good.example>"), ["\u{fffd}|a@good.example"]);
    }

    #[test]
    fn limits_are_kept() {
        let limits = Limits::default();
        let deep = |depth: usize| format!("{}{}a@b.example", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(
            Addresses::read(deep(100).as_bytes(), &limits)
                .addresses()
                .count(),
            1
        );
        let read = Addresses::read(deep(101).as_bytes(), &limits);
        assert_eq!(
            (read.mailboxes.len(), read.fault),
            (0, Some(AddressFault::CommentTooDeep))
        );
        let read = Addresses::read(&b"(".repeat(1 << 20), &limits);
        assert_eq!(read.fault, Some(AddressFault::CommentTooDeep));

        let many = |count: usize| "a@b.example,".repeat(count).into_bytes();
        let read = Addresses::read(&many(10_000), &limits);
        assert_eq!((read.mailboxes.len(), read.fault), (10_000, None));
        let read = Addresses::read(&many(100_000), &limits);
        assert_eq!(
            (read.mailboxes.len(), read.fault),
            (10_000, Some(AddressFault::TooManyAddresses))
        );
        for hostile in ["a@", "<", "\"", "a:", ".", "<@a,", "a <b> c"] {
            let _ = Addresses::read(hostile.repeat(200_000).as_bytes(), &limits);
        }
    }

    #[test]
    fn addresses_in_display_names_are_seen() {
        for (value, expected) in [
            ("\"a@good.example\" <e@evil.example>", true),
            ("\"Alice (a@good.example)\" <e@evil.example>", true),
            ("\"a@good.example...............\" <e@evil.example>", true),
            ("\"a\u{ff20}good.example\" <e@evil.example>", true),
            ("=?utf-8?q?=3Ca=40good.example=3E?= <e@evil.example>", true),
            ("\"a@good.example\"", true),
            ("\"a@good.example\" <A@GOOD.example>", false),
            ("Alice @ Home <e@evil.example>", false),
            ("Alice@work <e@evil.example>", false),
            ("Alice <a@good.example>", false),
        ] {
            let read = Addresses::read(value.as_bytes(), &Limits::default());
            assert_eq!(
                read.mailboxes[0].display_names_another_address(),
                expected,
                "{value}"
            );
        }
        let hostile = Mailbox {
            display: "a@b.".repeat(100_000),
            ..Mailbox::default()
        };
        assert!(hostile.display_names_another_address());
    }
}
