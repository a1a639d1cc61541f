//! Dates in separator lines: asctime, what mail programs made of it, and what they wrote in its place.

use jiff::SignedDuration;
use jiff::civil;

/// Whether a word of the line is a time of day, `H:MM`, `HH:MM` or `HH:MM:SS`.
pub(super) fn has_time_of_day(line: &[u8]) -> bool {
    words(line).skip(1).any(|word| time_of_day(word).is_some())
}

/// Whether the line ends in a date like asctime's: weekday, month, day, time, year, with a zone behind the time or the year.
pub(super) fn has_complete_asctime(line: &[u8]) -> bool {
    read(line).is_some_and(|date| date.asctime)
}

/// The separator's date in seconds since 1970, taken as UTC unless a numeric zone stands there. None without a complete date.
pub(super) fn seconds(line: &[u8]) -> Option<i64> {
    read(line).map(|date| date.seconds)
}

struct Date {
    seconds: i64,
    /// In asctime's order, not in RFC 5322's.
    asctime: bool,
}

fn read(line: &[u8]) -> Option<Date> {
    let mut words = words(line).skip(1).peekable();
    let mut found = None;
    // The sender may contain a weekday's name: the last date counts. Words are consumed, so that this stays linear.
    while let Some(word) = words.next() {
        if is_weekday(word) {
            let mut rest = words.clone();
            if let Some(date) = behind_weekday(&mut rest) {
                found = Some(date);
            }
        }
    }
    found
}

/// At most seven words are looked at.
fn behind_weekday<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Option<Date> {
    let first = words.next()?;
    let (asctime, day, month_name) = match month(first) {
        Some(name) => (true, number(words.next()?, 2)?, name),
        None => (false, number(first, 2)?, month(words.next()?)?),
    };
    let mut zone_seconds = 0;
    let (year, time) = if asctime {
        let time = time_of_day(words.next()?)?;
        let mut year = words.next()?;
        if let Some(zone) = zone(year) {
            zone_seconds = zone;
            year = words.next()?;
        } else if is_zone_name(year) {
            year = words.next()?;
        }
        (number(year, 4)?, time)
    } else {
        (number(words.next()?, 4)?, time_of_day(words.next()?)?)
    };
    if let Some(behind) = words.next() {
        zone_seconds = zone(behind).unwrap_or(zone_seconds);
    }
    let year = match year {
        0..=69 => 2000 + year,
        70..=99 => 1900 + year,
        1900..=9999 => year,
        _ => return None,
    };
    let day = civil::Date::new(year, month_name, i8::try_from(day).ok()?).ok()?;
    let local = day.to_datetime(civil::Time::midnight());
    let midnight = local.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let seconds =
        midnight + SignedDuration::from_secs(time) - SignedDuration::from_secs(zone_seconds);
    Some(Date {
        seconds: seconds.as_secs(),
        asctime,
    })
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|octet| octet.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
}

fn is_weekday(word: &[u8]) -> bool {
    let name = word.strip_suffix(b",").unwrap_or(word);
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .any(|day| name == day.as_bytes())
}

fn month(word: &[u8]) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = MONTHS.iter().position(|month| word == month.as_bytes())?;
    i8::try_from(at + 1).ok()
}

/// A number of at most `digits` digits.
fn number(word: &[u8], digits: usize) -> Option<i16> {
    if word.is_empty() || word.len() > digits || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        word.iter()
            .fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')),
    )
}

/// Seconds since midnight.
fn time_of_day(word: &[u8]) -> Option<i64> {
    let mut parts = word.split(|octet| *octet == b':');
    let hour = number(parts.next()?, 2)?;
    let two = |part: &[u8]| number(part, 2).filter(|_| part.len() == 2);
    let minute = two(parts.next()?)?;
    let second = match parts.next() {
        Some(part) => two(part)?,
        None => 0,
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// `+HHMM` or `-HHMM`, in seconds east of Greenwich.
fn zone(word: &[u8]) -> Option<i64> {
    let (sign, digits) = word.split_first()?;
    let value = number(digits, 4).filter(|_| digits.len() == 4)?;
    let (hours, minutes) = (value / 100, value % 100);
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// `EST`, `MET DST` and the like: letters. Their offset isn't applied, since the same letters mean different zones.
fn is_zone_name(word: &[u8]) -> bool {
    word.len() <= 5 && word.iter().all(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_31_odd_dates_of_separator_lines() {
        let new_year = Some(1_420_070_400);
        for (line, time, asctime, at) in [
            ("From a@b Thu Jan  1 00:00:00 2015\n", true, true, new_year),
            (
                "From a@b Thu Jan  1 00:00:00 2015\r\n",
                true,
                true,
                new_year,
            ),
            ("From - Thu Jan 01 00:00:00 2015", true, true, new_year),
            ("From a@b Thu Jan  1 00:00 2015", true, true, new_year),
            (
                "From a@b Thu Jan  1 00:00:00 EST 2015",
                true,
                true,
                new_year,
            ),
            (
                "From a@b Thu Jan  1 01:00:00 2015 +0100",
                true,
                true,
                new_year,
            ),
            (
                "From a@b Wed Dec 31 23:00:00 -0100 2014",
                true,
                true,
                new_year,
            ),
            (
                "From a@b Thu, 1 Jan 2015 00:00:00 +0000",
                true,
                false,
                new_year,
            ),
            (
                "From Sun Jan Thu Jan  1 00:00:00 2015",
                true,
                true,
                new_year,
            ),
            ("From \"a b\" Thu Jan  1 00:00:00 15", true, true, new_year),
            (
                "From a@b Thu Jan  1 00:00:00 2015 remote from c",
                true,
                true,
                new_year,
            ),
            ("From a@b 2015-01-01 00:00:00", true, false, None),
            ("From a@b Thu Jan 32 00:00:00 2015", true, false, None),
            ("From a@b Thu Jan  1 24:00:00 2015", false, false, None),
            ("From a@b", false, false, None),
            ("From 9:5 to 17:60", false, false, None),
            ("From 12:30 on", true, false, None),
            ("From \n", false, false, None),
        ] {
            let line = line.as_bytes();
            assert_eq!(
                (
                    has_time_of_day(line),
                    has_complete_asctime(line),
                    seconds(line)
                ),
                (time, asctime, at),
                "{}",
                line.escape_ascii()
            );
        }
    }
}
