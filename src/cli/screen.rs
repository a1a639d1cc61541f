//! What is shown on the terminal: the summary, colours where they are wanted, nothing that mail could use to imitate us.

use std::fmt::Write as _;
use std::io::Write;

use crate::report::screen::{Line, Severity};

/// Prints the summary to standard output.
pub fn print(lines: &[Line]) {
    let mut out = anstream::stdout().lock();
    for line in lines {
        let (on, off) = match line.severity {
            Severity::Bad => ("\u{1b}[1;31m", "\u{1b}[0m"),
            Severity::Notice => ("\u{1b}[33m", "\u{1b}[0m"),
            Severity::Good => ("\u{1b}[32m", "\u{1b}[0m"),
            Severity::Plain => ("", ""),
        };
        // A closed pipe ends the output and nothing else.
        if writeln!(out, "{on}{}{off}", line.text).is_err() {
            return;
        }
    }
}

/// One line on standard error. Where that is closed nobody is there to be told.
pub fn warn(line: &str) {
    let _ = writeln!(anstream::stderr(), "mailseal: {}", escaped(line));
}

/// Text with control and direction characters written out (catalogue row D-20).
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            // Writing to a String never fails.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_text_gets_through() {
        assert_eq!(
            escaped("a\u{1b}[2Jb\u{202e}c\n"),
            "a\\u{1b}[2Jb\\u{202e}c\\u{a}"
        );
        assert_eq!(escaped("Zoë/mail"), "Zoë/mail");
    }
}
