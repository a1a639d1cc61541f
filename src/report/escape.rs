//! How text from mail is shown to people: what could steer a terminal, turn a line round or hide in it is made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The mark behind a text that was cut.
pub const CUT: &str = "…[cut]";

/// `text` with control, direction and invisible characters as `\x1b` (up to U+00FF) or `\u{202e}`. Never fails.
///
/// A backslash that stands in the text stays as it is: this form is for reading, the JSON files have the text itself.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        let code = u32::from(character);
        // Writing to a String never fails.
        let _ = match code {
            _ if !is_hidden(character) => out.write_char(character),
            0..=0xff => write!(out, "\\x{code:02x}"),
            _ => write!(out, "\\u{{{code:x}}}"),
        };
    }
    Cow::Owned(out)
}

/// The first `chars` characters of `text`, and [`CUT`] where there are more. Never fails.
#[must_use]
pub fn cut(text: &str, chars: usize) -> Cow<'_, str> {
    if text.len() <= chars {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(chars).map(|(at, _)| at);
    match end.and_then(|at| text.get(..at)) {
        Some(start) => Cow::Owned([start, CUT].concat()),
        None => Cow::Borrowed(text),
    }
}

/// `text` with [`visible`] characters in at most `columns` of them: of a longer text the middle is left out.
/// Letters of double width count as one. Never fails.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let shown = visible(text);
    let length = shown.chars().count();
    if length <= columns {
        return shown.into_owned();
    }
    let kept = columns.saturating_sub(1);
    let head = kept / 2;
    let tail = kept - head;
    let mut out: String = shown.chars().take(head).collect();
    if columns > 0 {
        out.push('…');
    }
    out.extend(shown.chars().skip(length - tail));
    out
}

/// Control characters (Cc), direction controls, line separators, and format characters without a use in a name or a subject.
/// The joiners U+200C and U+200D stay: Persian and emoji need them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row D-20 of the catalogue.
    #[test]
    fn d_20_nothing_steers_the_terminal() {
        for (text, shown) in [
            ("plain", "plain"),
            ("Zoë 文 👩‍💻", "Zoë 文 👩‍💻"),
            ("\u{1b}]52;c;aGk=\u{7}", "\\x1b]52;c;aGk=\\x07"),
            ("\u{1b}]8;;http://x\u{1b}\\", "\\x1b]8;;http://x\\x1b\\"),
            ("\u{9b}31m", "\\x9b31m"),
            ("a\tb\r\nc\0\u{7f}", "a\\x09b\\x0d\\x0ac\\x00\\x7f"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
            ("\u{2066}\u{2069}\u{200f}", "\\u{2066}\\u{2069}\\u{200f}"),
            ("\u{2028}\u{e0041}", "\\u{2028}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
            let hidden = |c: char| {
                c < ' '
                    || matches!(c, '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!visible(text).contains(hidden));
        }
    }

    /// Row D-14 of the catalogue.
    #[test]
    fn d_14_a_long_text_is_cut_with_a_mark() {
        assert_eq!(cut("ëëë", 3), "ëëë");
        assert_eq!(cut("ëëëë", 3), "ëëë…[cut]");
        assert_eq!(
            cut(&"x".repeat(1 << 20), 4096).chars().count(),
            4096 + CUT.chars().count()
        );
    }

    #[test]
    fn what_fits_has_the_columns_asked_for() {
        assert_eq!(fit("archive/inbox.mbox", 30), "archive/inbox.mbox");
        assert_eq!(fit("archive/inbox.mbox", 9), "arch…mbox");
        assert_eq!(fit("ab", 1), "…");
        assert_eq!(fit("ab", 0), "");
    }
}
