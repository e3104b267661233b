//! Spans of time as people write them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use iclock_sync::Bound;

/// `5m`, `36h`, `1h 30m`; a bare number counts in `unit`.
pub(crate) fn parse(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => Duration::try_from_secs_f64(number * unit.as_secs_f64()).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

/// One end of a window, as it is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// A time before now.
    Ago(TimeDelta),
    /// A whole day of the terminal's wall clock.
    Day(NaiveDate),
    /// A time of the terminal's wall clock.
    At(NaiveDateTime),
    /// A moment: a time with its offset from UTC.
    Moment(DateTime<Utc>),
}

impl When {
    /// `2` (days), `36h`, `2026-01-31`, `2026-01-31 07:00`, `2026-01-31T07:00:00Z`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(days) = text.parse::<f64>() {
            if days < 0.0 {
                return Err("write days that have passed, such as 2, or a date".to_owned());
            }
            let ago = TimeDelta::try_milliseconds((days * 86_400_000.0) as i64).filter(|_| days.abs() < 1e6);
            return ago.map(Self::Ago).ok_or_else(|| format!("{text} days are too many"));
        }
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
            if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::At(moment));
            }
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Moment(moment.to_utc()));
        }
        let ago = humantime::parse_duration(text).ok().and_then(|ago| TimeDelta::from_std(ago).ok());
        ago.map(Self::Ago).ok_or_else(|| {
            format!("{text:?} is neither days (2), nor a span (36h), a date (2026-01-31) or a time (2026-01-31 07:00)")
        })
    }

    /// The first moment of a window that begins here. Days and hours count back from `now`.
    pub(crate) fn since(self, now: DateTime<Utc>) -> Bound {
        self.bound(now, NaiveTime::MIN)
    }

    /// The last moment of a window that ends here.
    pub(crate) fn until(self, now: DateTime<Utc>) -> Bound {
        // The time exists.
        let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
        self.bound(now, last)
    }

    fn bound(self, now: DateTime<Utc>, of_day: NaiveTime) -> Bound {
        match self {
            Self::Ago(ago) => Bound::Instant(now.checked_sub_signed(ago).unwrap_or(DateTime::<Utc>::MIN_UTC)),
            Self::Day(day) => Bound::Wall(day.and_time(of_day)),
            Self::At(time) => Bound::Wall(time),
            Self::Moment(moment) => Bound::Instant(moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn a_bare_number_counts_in_the_flags_unit() {
        assert_eq!(parse("5", Duration::from_secs(1)), Some(Duration::from_secs(5)));
        assert_eq!(parse("0.5", Duration::from_secs(1)), Some(Duration::from_millis(500)));
        assert_eq!(parse("5m", Duration::from_secs(1)), Some(Duration::from_secs(300)));
        assert_eq!(parse("-5", Duration::from_secs(1)), None);
        assert_eq!(parse("soon", Duration::from_secs(1)), None);
    }

    #[test]
    fn a_bound_is_days_a_span_a_date_a_time_or_a_moment() {
        let now = at("2026-02-03 10:00:00").and_utc();
        let since = |text| When::parse(text).unwrap().since(now);
        let moment = |text| Bound::Instant(at(text).and_utc());
        assert_eq!(since("2"), moment("2026-02-01 10:00:00"));
        assert_eq!(since("0"), Bound::Instant(now));
        assert_eq!(since("36h"), moment("2026-02-01 22:00:00"));
        assert_eq!(since("2026-01-31"), Bound::Wall(at("2026-01-31 00:00:00")));
        assert_eq!(since("2026-01-31 07:30"), Bound::Wall(at("2026-01-31 07:30:00")));
        assert_eq!(since("2026-01-31T07:30:00+05:00"), moment("2026-01-31 02:30:00"));
        assert_eq!(When::parse("2026-01-31").unwrap().until(now), Bound::Wall(at("2026-01-31 23:59:59")));
        assert!(When::parse("yesterday").is_err());
        assert!(When::parse("1e300").is_err());
        assert!(When::parse("-3").is_err(), "a window that begins in the future would hold everything back, unsaid");
    }
}
