//! Times of a terminal's wall clock, which have no zone, and the zone that a server tells it.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use crate::Text;

/// A time as a record contains it: the text that came, and the time that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallTime {
    /// The text as it came.
    pub text: Text,
    /// The local time of the terminal. `None` if the text has the form of a time but names none, as 30 February.
    pub at: Option<NaiveDateTime>,
    /// Returns true for seconds since 1970, which one firmware sends. Their zone is not known; `at` reads them as
    /// if the terminal counted local seconds.
    pub is_epoch: bool,
}

impl WallTime {
    /// Reads `YYYY-MM-DD hh:mm:ss`, the same with `T`, and seconds since 1970. `None` if the text has another form.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        let is_epoch = matches!(text.as_bytes(), digits if matches!(digits.len(), 9 | 10) && is_digits(digits));
        let at = if is_epoch {
            DateTime::from_timestamp(text.number()?, 0).map(|time| time.naive_utc())
        } else {
            let [year, month, day, hour, minute, second] = six_numbers(text.as_bytes())?;
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
                .and_then(|date| date.and_hms_opt(hour, minute, second))
        };
        Some(Self { text: text.clone(), at, is_epoch })
    }

    /// The time in the common form, `YYYY-MM-DD hh:mm:ss`.
    #[must_use]
    pub fn new(at: NaiveDateTime) -> Self {
        Self { text: at.format(FORM).to_string().into(), at: Some(at), is_epoch: false }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The common form of times.
pub(crate) const FORM: &str = "%Y-%m-%d %H:%M:%S";

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Reads year, month, day, hour, minute and second. Only the year must have four digits.
fn six_numbers(text: &[u8]) -> Option<[u32; 6]> {
    let at = text.iter().position(|byte| matches!(byte, b' ' | b'T'))?;
    let (date, time) = (text.get(..at)?, text.get(at + 1..)?);
    let mut numbers = [0; 6];
    let pieces = date.split(|byte| *byte == b'-').chain(time.split(|byte| *byte == b':'));
    let mut count = 0;
    for (place, piece) in pieces.enumerate() {
        let length = if place == 0 { 4..=4 } else { 1..=2 };
        if !is_digits(piece) || !length.contains(&piece.len()) {
            return None;
        }
        *numbers.get_mut(place)? = std::str::from_utf8(piece).ok()?.parse().ok()?;
        count += 1;
    }
    let three_and_three = date.iter().filter(|byte| **byte == b'-').count() == 2;
    (count == 6 && three_and_three).then_some(numbers)
}

/// A local time packed into 32 bits, as access control terminals send it: every month has 31 days.
///
/// `((year - 2000) * 372 + (month - 1) * 31 + day - 1) * 86400 + hour * 3600 + minute * 60 + second`. It is not a
/// number of seconds since any moment. Source: `vectors/push/codec.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackedTime(pub u32);

impl PackedTime {
    /// Packs a time. `None` before the year 2000 and after the year 2133, which do not fit.
    #[must_use]
    pub fn new(at: NaiveDateTime) -> Option<Self> {
        let years = u32::try_from(at.year()).ok()?.checked_sub(2000)?;
        let days = years.checked_mul(372)?.checked_add(at.month0() * 31 + at.day0())?;
        let seconds = at.hour() * 3600 + at.minute() * 60 + at.second();
        days.checked_mul(86_400)?.checked_add(seconds).map(Self)
    }

    /// The time. `None` for a day that does not exist, such as 31 April.
    #[must_use]
    pub fn at(self) -> Option<NaiveDateTime> {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (months, day) = (days / 31, days % 31 + 1);
        let year = i32::try_from(2000 + months / 12).ok()?;
        let date = NaiveDate::from_ymd_opt(year, months % 12 + 1, day)?;
        date.and_hms_opt(seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// The distance of a terminal's clock from UTC, in minutes, as the option `TimeZone` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ZoneOffset(i16);

impl ZoneOffset {
    /// An offset in minutes, from -14:00 to +14:00. `None` beyond that.
    #[must_use]
    pub fn from_minutes(minutes: i16) -> Option<Self> {
        (-840..=840).contains(&minutes).then_some(Self(minutes))
    }

    /// The offset in minutes.
    #[must_use]
    pub fn minutes(self) -> i16 {
        self.0
    }

    /// The value of the option `TimeZone`: whole hours from -11 to 12, else minutes. `None` from 1 to 60 minutes, which
    /// a terminal would read as hours or not at all; no country uses such an offset.
    #[must_use]
    pub fn option(self) -> Option<String> {
        match self.0 {
            hours if hours % 60 == 0 && (-11..=12).contains(&(hours / 60)) => Some((hours / 60).to_string()),
            minutes if minutes.abs() > 60 => Some(minutes.to_string()),
            _ => None,
        }
    }

    /// Reads the option: hours up to 12, minutes beyond 60, `-05:00`, or `5.5`.
    #[must_use]
    pub fn parse_option(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains(':') {
            return Self::parse_clock(text);
        }
        let minutes = match text.parse::<i16>() {
            Ok(hours) if hours.abs() <= 12 => hours * 60,
            Ok(minutes) if minutes.unsigned_abs() > 60 => minutes,
            Ok(_) => return None,
            Err(_) => {
                let hours: f32 = text.parse().ok()?;
                // Offsets are quarters of an hour.
                if !hours.is_finite() || hours.abs() > 14.0 || (hours * 4.0).fract() != 0.0 {
                    return None;
                }
                (hours * 60.0) as i16
            }
        };
        Self::from_minutes(minutes)
    }

    /// Reads `+hh:mm`, `-hh:mm`, `+hhmm` or `-hhmm`.
    #[must_use]
    pub fn parse_clock(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, text.get(1..)?),
            b'+' => (1, text.get(1..)?),
            _ => (1, text),
        };
        let digits = digits.replace(':', "");
        if digits.len() != 4 || !is_digits(digits.as_bytes()) {
            return None;
        }
        let (hours, minutes): (i16, i16) = (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?);
        (minutes < 60).then_some(sign * (hours * 60 + minutes)).and_then(Self::from_minutes)
    }

    /// The offset as `+hhmm`, which access control terminals read.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().replace(':', "")
    }
}

/// Writes `+hh:mm`.
impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<WallTime> {
        WallTime::parse(&text.into())
    }

    #[test]
    fn all_forms_of_a_time_are_read() {
        let at = parse("2026-07-30 15:16:28").unwrap().at;
        assert_eq!(at.unwrap().to_string(), "2026-07-30 15:16:28");
        assert_eq!(parse("2026-07-30T15:16:28").unwrap().at, at);
        let epoch = parse("1785424588").unwrap();
        assert_eq!((epoch.at, epoch.is_epoch), (at, true));
    }

    #[test]
    fn a_day_that_does_not_exist_keeps_its_text() {
        let time = parse("2026-02-30 08:00:00").unwrap();
        assert_eq!((time.at, time.to_string().as_str()), (None, "2026-02-30 08:00:00"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in [
            "",
            "12",
            "2026-07-30",
            "2026-07-30 15:16",
            "26-07-30 15:16:28",
            "2026-07-30 15:16:2x",
            "garbage line",
            "2026-07 30:15:16:28",
            "12345678901",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_zone_is_hours_where_terminals_read_hours_and_minutes_elsewhere() {
        for (clock, option) in [
            ("+13:00", "780"),
            ("-12:00", "-720"),
            ("+12:00", "12"),
            ("-11:00", "-11"),
            ("-09:30", "-570"),
            ("+00:00", "0"),
        ] {
            let zone = ZoneOffset::parse_clock(clock).unwrap();
            assert_eq!(zone.option().as_deref(), Some(option), "{clock}");
            assert_eq!(ZoneOffset::parse_option(option), Some(zone));
        }
        assert_eq!(ZoneOffset::from_minutes(30).unwrap().option(), None);
        assert_eq!(ZoneOffset::parse_option("5.5"), ZoneOffset::from_minutes(330));
        assert_eq!(ZoneOffset::parse_option("-05:00"), ZoneOffset::from_minutes(-300));
        for bad in ["", "13", "60", "900", "x", "NaN", "1e9", "5.3", "+1:00", "+05:75"] {
            assert_eq!(ZoneOffset::parse_option(bad), None, "{bad}");
        }
    }
}
