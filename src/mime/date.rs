//! The instant that a Date field names (RFC 5322 §3.3, obsolete forms of §4.3 and `ctime`'s).

use jiff::civil::{Date, date};

/// Unix seconds of a date-time, or `None` if the value names no instant. Never fails otherwise.
///
/// Read are: a missing or wrong day of week, missing seconds, two- and three-digit years (RFC 5322 §4.3), named zones,
/// comments, a missing zone (taken as UTC), and the order of `asctime`, which mbox separators and some old mailers use.
#[must_use]
pub fn read(value: &[u8]) -> Option<i64> {
    let (mut day, mut month, mut year, mut clock, mut zone) = (None, None, None, None, None);
    for token in Tokens(value) {
        if month.is_none()
            && let Some(number) = month_number(token)
        {
            month = Some(number);
        } else if clock.is_none()
            && let Some(seconds) = clock_seconds(token)
        {
            clock = Some(seconds);
        } else if clock.is_some()
            && zone.is_none()
            && let Some(seconds) = zone_seconds(token)
        {
            zone = Some(seconds);
        } else if let Some((number, digits)) = number(token) {
            if day.is_none() && digits <= 2 {
                day = Some(number);
            } else if year.is_none() {
                year = full_year(number, digits);
            }
        }
    }
    let day = Date::new(year?, month?, i8::try_from(day?).ok()?).ok()?;
    let days = i64::from((day - date(1970, 1, 1)).get_days());
    Some(days * 86_400 + clock? - zone.unwrap_or(0))
}

/// Words between blanks, commas and comments (RFC 5322 §3.2.2).
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut depth = 0_usize;
        let start = self.0.iter().position(|byte| {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                _ if depth == 0 => return !is_gap(*byte),
                _ => {}
            }
            false
        })?;
        let rest = self.0.get(start..)?;
        let end = rest
            .iter()
            .position(|byte| is_gap(*byte) || *byte == b'(')
            .unwrap_or(rest.len());
        let (token, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(token)
    }
}

fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}

/// Unix seconds of an RFC 3339 instant (§5.6), or `None`.
#[must_use]
pub fn read_rfc3339(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(instant.as_second())
}

fn number(token: &[u8]) -> Option<(i64, usize)> {
    if token.is_empty() || token.len() > 4 || !token.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = token
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some((value, token.len()))
}

/// RFC 5322 §4.3: two digits are 2000 to 2049 or 1950 to 1999, three digits count from 1900.
fn full_year(number: i64, digits: usize) -> Option<i16> {
    let year = match digits {
        1 | 2 if number < 50 => 2000 + number,
        1..=3 => 1900 + number,
        _ => number,
    };
    i16::try_from(year).ok()
}

fn month_number(token: &[u8]) -> Option<i8> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let start = token.get(..3)?;
    let at = MONTHS
        .iter()
        .position(|name| start.eq_ignore_ascii_case(*name))?;
    i8::try_from(at + 1).ok()
}

/// `hh:mm[:ss]`; a leap second counts as the second before it.
fn clock_seconds(token: &[u8]) -> Option<i64> {
    let mut fields = token.split(|byte| *byte == b':');
    let (hour, minute) = (number(fields.next()?)?.0, number(fields.next()?)?.0);
    let second = match fields.next() {
        // Exchange writes milliseconds.
        Some(text) => number(text.split(|byte| *byte == b'.').next()?)?.0,
        None => 0,
    };
    if fields.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(hour * 3600 + minute * 60 + second.min(59))
}

/// `±hhmm`, a name of RFC 5322 §4.3, or one of the European names and `JST` that old mailers write; all others are UTC (§4.3).
fn zone_seconds(token: &[u8]) -> Option<i64> {
    if let [sign @ (b'+' | b'-'), digits @ ..] = token {
        let digits: Vec<u8> = digits
            .iter()
            .copied()
            .filter(|byte| *byte != b':')
            .collect();
        let (value, 4) = number(&digits)? else {
            return None;
        };
        if value % 100 > 59 {
            return None;
        }
        let seconds = value / 100 * 3600 + value % 100 * 60;
        return Some(if *sign == b'+' { seconds } else { -seconds });
    }
    if token.is_empty() || !token.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let hours = match token.to_ascii_uppercase().as_slice() {
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        b"CET" | b"MET" | b"BST" => 1,
        b"CEST" | b"MEST" | b"EET" => 2,
        b"JST" => 9,
        _ => 0,
    };
    Some(hours * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_in_use_name_their_instant() {
        for (value, seconds) in [
            ("Fri, 26 Jul 2019 15:16:58 +0200", 1_564_147_018),
            ("26 Jul 2019 15:16:58 +0200", 1_564_147_018),
            ("Fri, 26 Jul 2019 15:16:58 +02:00 (CEST)", 1_564_147_018),
            ("Fri,26 Jul 2019 13:16:58 GMT", 1_564_147_018),
            ("Fri Jul 26 13:16:58 2019", 1_564_147_018),
            ("Fri Jul 26 13:16:58 UTC 2019", 1_564_147_018),
            (
                "Fri, 26 (day (nested)) Jul 19 08:16 CDT",
                1_564_147_018 - 58,
            ),
            (
                "26 Jul 2019 13:16:58.0123 (UTC) FILETIME=[1:2]",
                1_564_147_018,
            ),
            ("1 Jan 70 00:00:00 Z", 0),
            ("Thu, 1 Jan 1970 00:00:00 -0000", 0),
            ("31 Dec 1969 23:59:59 +0000", -1),
            ("29 Feb 2024 23:59:60 +0000", 1_709_251_199),
            ("1 Jan 100 00:00 +0000", 946_684_800),
            ("Friday, 26 July 2019 09:16:58 EDT", 1_564_147_018),
        ] {
            assert_eq!(read(value.as_bytes()), Some(seconds), "{value}");
        }
    }

    #[test]
    fn rfc_3339_is_read_apart() {
        let read = |text: &str| read_rfc3339(text.as_bytes());
        assert_eq!(read(" 2019-07-26T15:16:58.5+02:00 "), Some(1_564_147_018));
        assert_eq!(read("2019-07-26T15:16:58"), None);
        assert_eq!(read_rfc3339(b"\xff"), None);
    }

    #[test]
    fn what_names_no_instant_is_none() {
        for value in [
            "",
            "yesterday",
            "30 Feb 2024 00:00 +0000",
            "1 Jan 2024",
            "1 Jan 2024 25:00 +0000",
            "((((",
            "1 Foo 2024 10:00",
        ] {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
    }
}
