//! The Received field (RFC 5321 §4.4): which host says that it wrote it.

/// The host behind `by`, in lower case and without a final dot; None where the field is not of the standard's form.
///
/// Only `by HOST …` and `from NAME by HOST …` are read, comments left out: the sender chooses the name behind `from` and what some
/// servers write into comments, so that a `by` further back is nobody's word.
#[must_use]
pub fn by(value: &[u8]) -> Option<String> {
    let mut words = Words(value);
    let mut first = words.next()?;
    if first.eq_ignore_ascii_case(b"from") {
        words.next()?;
        first = words.next()?;
    }
    if !first.eq_ignore_ascii_case(b"by") {
        return None;
    }
    let word = words.next()?;
    let host = word.split(|octet| *octet == b';').next()?;
    // Up to the semicolon no other `by` may stand: then it is not told which is the server's.
    let is_last = host.len() < word.len();
    let rest = (!is_last).then_some(words).into_iter().flatten();
    let mut before_date = rest.take_while(|word| !word.contains(&b';'));
    if before_date.any(|word| word.eq_ignore_ascii_case(b"by")) {
        return None;
    }
    host_name(std::str::from_utf8(host).ok()?)
}

/// A host's name as it is compared: in lower case, without a final dot. None for what is none.
#[must_use]
pub fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_host = |c: char| c.is_alphanumeric() || "-_.:[]".contains(c);
    let good = !name.is_empty() && name.len() <= HOST_BYTES && name.chars().all(is_host);
    good.then(|| name.to_ascii_lowercase())
}

/// Longest name of a host (RFC 5321 §4.5.3.1.2).
const HOST_BYTES: usize = 255;

/// Words between blanks and comments (RFC 5322 §3.2.2).
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut depth, mut escaped) = (0_usize, false);
        let start = self.0.iter().position(|octet| {
            if escaped {
                escaped = false;
                return false;
            }
            match octet {
                b'\\' if depth > 0 => escaped = true,
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                _ if depth == 0 => return !octet.is_ascii_whitespace(),
                _ => {}
            }
            false
        })?;
        let rest = self.0.get(start..)?;
        let end = rest
            .iter()
            .position(|octet| octet.is_ascii_whitespace() || *octet == b'(')
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_wrote_the_field() {
        for (value, host) in [
            (
                "from a.example (a.example [192.0.2.1]) by mx.example.com (Postfix) with ESMTPS id 1; x",
                Some("mx.example.com"),
            ),
            (
                "from [192.0.2.1] (helo=a.example)\tby MX.Example.Com. with esmtp (Exim 4.94) id 1; x",
                Some("mx.example.com"),
            ),
            (
                "from unknown (HELO x) (192.0.2.1) by mx.example.com with SMTP; x",
                Some("mx.example.com"),
            ),
            (
                "by mx.example.com; Wed, 15 May 2024 10:30:00 +0000",
                Some("mx.example.com"),
            ),
            (
                "by 2002:a17:906:1 with SMTP id 1; x",
                Some("2002:a17:906:1"),
            ),
            ("BY [192.0.2.7] with SMTP; x", Some("[192.0.2.7]")),
            ("(qmail 17 invoked by uid 500); x", None),
            (
                "(from root@localhost) by mx.example.com (8.14) id 1; x",
                Some("mx.example.com"),
            ),
            (
                "from mail pickup service by mx.example.com with Microsoft SMTPSVC; x",
                None,
            ),
            // The name in HELO and what stands in comments are the sender's.
            (
                "from by (by forged.example) by mx.example.com; x",
                Some("mx.example.com"),
            ),
            (
                "from a (by forged.example) by mx.example.com; x",
                Some("mx.example.com"),
            ),
            (
                "from a (\\) by forged.example (x) by mx.example.com; x",
                None,
            ),
            ("from a b by mx.example.com; x", None),
            ("from a by forged.example by mx.example.com; x", None),
            (
                "by mx.example.com; by forged.example",
                Some("mx.example.com"),
            ),
            (
                "by mx.example.com id by@x; by forged.example",
                Some("mx.example.com"),
            ),
            ("from a", None),
            ("by", None),
            ("by <x>; y", None),
            ("", None),
        ] {
            assert_eq!(by(value.as_bytes()).as_deref(), host, "{value}");
        }
    }
}
