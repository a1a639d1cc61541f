//! UTCTime and GeneralizedTime (X.680 §46, §47; RFC 5280 §4.1.2.5), read tolerantly.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// An instant in whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(i64);

/// How a time was written, as far as that deviates from DER (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// Seconds and `Z`.
    Der,
    /// Seconds missing, an offset in place of `Z`, no zone at all (read as UTC), or a fraction (dropped).
    Deviating,
}

impl Time {
    /// The instant `seconds` after the epoch; None outside the years 1 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        civil(seconds)
            .filter(|t| t.year() >= 1)
            .map(|_| Self(seconds))
    }

    /// Midnight UTC at the start of a day of the proleptic Gregorian calendar, for dates that stand in the source. Month and day count
    /// from 1; what is no day gives an instant near it.
    #[must_use]
    pub const fn midnight(year: i64, month: i64, day: i64) -> Self {
        // Days since 0000-03-01: a year that begins in March has its leap day last.
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1;
        Self((days - 719_468) * 86_400)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The calendar year in UTC.
    #[must_use]
    pub fn year(self) -> i16 {
        self.civil().year()
    }

    /// Content octets of a UTCTime: two digits of the year, 50 to 99 are 19xx (RFC 5280 §4.1.2.5.1).
    #[must_use]
    pub fn from_utc_time(content: &[u8]) -> Option<(Self, TimeForm)> {
        let year = two_digits(content, 0)?;
        let century = if year >= 50 { 1900 } else { 2000 };
        Self::parse(century + i16::from(year), content.get(2..)?)
    }

    /// Content octets of a GeneralizedTime: four digits of the year (RFC 5280 §4.1.2.5.2).
    #[must_use]
    pub fn from_generalized_time(content: &[u8]) -> Option<(Self, TimeForm)> {
        let year = i16::from(two_digits(content, 0)?) * 100 + i16::from(two_digits(content, 2)?);
        Self::parse(year, content.get(4..)?)
    }

    /// `MMDDhhmm[ss][.f…](Z|±hhmm|)` behind the year.
    fn parse(year: i16, rest: &[u8]) -> Option<(Self, TimeForm)> {
        let field = |at| two_digits(rest, at).and_then(|value| i8::try_from(value).ok());
        let (month, day, hour, minute) = (field(0)?, field(2)?, field(4)?, field(6)?);
        let mut form = TimeForm::Der;
        let mut at = 8;
        let second = match field(8) {
            Some(second) => {
                at = 10;
                second
            }
            None => {
                form = TimeForm::Deviating;
                0
            }
        };
        if matches!(rest.get(at), Some(b'.' | b',')) {
            form = TimeForm::Deviating;
            at += 1;
            while rest.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
        }
        let offset_seconds = match rest.get(at..)? {
            [b'Z'] => 0,
            [] => {
                form = TimeForm::Deviating;
                0
            }
            zone @ [sign @ (b'+' | b'-'), _, _, _, _] => {
                form = TimeForm::Deviating;
                let (hours, minutes) = (two_digits(zone, 1)?, two_digits(zone, 3)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
                if *sign == b'+' { seconds } else { -seconds }
            }
            _ => return None,
        };
        // A leap second is written as 60; the scale here has none.
        let day = jiff::civil::Date::new(year, month, day).ok()?;
        let clock = jiff::civil::Time::new(hour, minute, second.min(59), 0).ok()?;
        if second > 60 {
            return None;
        }
        let local = day.to_datetime(clock).duration_since(EPOCH);
        let seconds = local.as_secs() - offset_seconds;
        Self::from_unix(seconds).map(|time| (time, form))
    }

    /// The ASCII characters of RFC 3339 with `Z` and whole seconds; a report has ten times a message.
    #[must_use]
    pub fn rfc3339(self) -> [u8; 20] {
        let t = self.civil();
        let pair = |value: i8| {
            let value = value.unsigned_abs();
            [b'0' + value / 10, b'0' + value % 10]
        };
        let year = |century: i16| i8::try_from(century).map_or([b'0'; 2], pair);
        let ([y, z], [a, b]) = (year(t.year() / 100), year(t.year() % 100));
        let ([m, n], [d, e]) = (pair(t.month()), pair(t.day()));
        let ([h, i], [j, k], [s, u]) = (pair(t.hour()), pair(t.minute()), pair(t.second()));
        [
            y, z, a, b, b'-', m, n, b'-', d, e, b'T', h, i, b':', j, k, b':', s, u, b'Z',
        ]
    }

    fn civil(self) -> DateTime {
        civil(self.0).unwrap_or(EPOCH)
    }

    /// Content octets and whether they are a UTCTime (before 2050) or a GeneralizedTime (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn to_der(self) -> (bool, String) {
        let t = self.civil();
        let tail = format!(
            "{:02}{:02}{:02}{:02}{:02}Z",
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        );
        if (1950..2050).contains(&t.year()) {
            (true, format!("{:02}{tail}", t.year() % 100))
        } else {
            (false, format!("{:04}{tail}", t.year()))
        }
    }
}

/// RFC 3339 with `Z` and whole seconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

/// The civil calendar and not `Timestamp`, which ends a day before RFC 5280's 99991231235959Z.
const EPOCH: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);

fn civil(seconds: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn two_digits(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnights_are_those_of_the_calendar() {
        for (year, month, day, text) in [
            (1970, 1, 1, "1970-01-01T00:00:00Z"),
            (2000, 2, 29, "2000-02-29T00:00:00Z"),
            (2023, 9, 1, "2023-09-01T00:00:00Z"),
            (2024, 12, 31, "2024-12-31T00:00:00Z"),
            (1900, 3, 1, "1900-03-01T00:00:00Z"),
        ] {
            assert_eq!(Time::midnight(year, month, day).to_string(), text);
        }
    }

    #[test]
    fn times_are_read_as_rfc_5280_says_and_deviations_are_named() {
        for (utc, text, expected, form) in [
            (true, "500101000000Z", "1950-01-01T00:00:00Z", TimeForm::Der),
            (true, "491231235959Z", "2049-12-31T23:59:59Z", TimeForm::Der),
            (
                true,
                "9912312359Z",
                "1999-12-31T23:59:00Z",
                TimeForm::Deviating,
            ),
            (
                true,
                "990101000000+0100",
                "1998-12-31T23:00:00Z",
                TimeForm::Deviating,
            ),
            (
                true,
                "9901010000-0130",
                "1999-01-01T01:30:00Z",
                TimeForm::Deviating,
            ),
            (
                false,
                "99991231235959Z",
                "9999-12-31T23:59:59Z",
                TimeForm::Der,
            ),
            (
                false,
                "16010101000000Z",
                "1601-01-01T00:00:00Z",
                TimeForm::Der,
            ),
            (
                false,
                "20240229120000.123Z",
                "2024-02-29T12:00:00Z",
                TimeForm::Deviating,
            ),
            (
                false,
                "20161231235960Z",
                "2016-12-31T23:59:59Z",
                TimeForm::Der,
            ),
            (
                false,
                "20240101120000",
                "2024-01-01T12:00:00Z",
                TimeForm::Deviating,
            ),
        ] {
            let read = if utc {
                Time::from_utc_time(text.as_bytes())
            } else {
                Time::from_generalized_time(text.as_bytes())
            };
            let (time, seen) = read.unwrap_or_else(|| panic!("{text} is refused"));
            assert_eq!(
                (time.to_string().as_str(), seen),
                (expected, form),
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_instant_is_refused() {
        for text in [
            "",
            "20240230120000Z",
            "20241301000000Z",
            "2024010125",
            "20240101120000X",
            "00000101000000Z",
        ] {
            assert_eq!(Time::from_generalized_time(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Time::from_utc_time("990101000061Z".as_bytes()), None);
    }

    #[test]
    fn der_form_round_trips() {
        for seconds in [
            0,
            -1,
            2_524_607_999,
            2_524_608_000,
            253_402_300_799,
            -631_152_000,
            -631_152_001,
        ] {
            let time = Time::from_unix(seconds).unwrap();
            let (utc, text) = time.to_der();
            let back = if utc {
                Time::from_utc_time(text.as_bytes())
            } else {
                Time::from_generalized_time(text.as_bytes())
            };
            assert_eq!(back, Some((time, TimeForm::Der)), "{text}");
        }
    }
}
