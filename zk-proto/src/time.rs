//! The terminal's clock: wall time without a zone, packed in a mixed radix with 31-day months.

use core::fmt;

use crate::ProtoError;

/// A time of a terminal's wall clock, kept as the `u32` that it sent.
///
/// Packed as `((((year - 2000) * 12 + month - 1) * 31 + day - 1) * 24 + hour) * 3600 + minute * 60 + second`, so it
/// sorts by time and can represent days that do not exist (30 February). Source: `vectors/time.json`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeviceTime(pub u32);

impl DeviceTime {
    /// The time of a clock that lost power: 2000-01-01 00:00:00.
    pub const RESET: Self = Self(0);

    /// Packs a date and time. `None` when a field is out of its range, the day does not exist, or the year is not
    /// 2000-2099.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let exists = (2000..=2099).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        exists.then(|| {
            let months = (u32::from(year) - 2000) * 12 + u32::from(month) - 1;
            let days = months * 31 + u32::from(day) - 1;
            Self((days * 24 + u32::from(hour)) * 3600 + u32::from(minute) * 60 + u32::from(second))
        })
    }

    /// Reads the six one-byte fields of a live event: year since 2000, month, day, hour, minute, second.
    /// `None` if they are not a date (month 0 occurs on unset clocks).
    #[must_use]
    pub fn from_six_bytes(bytes: [u8; 6]) -> Option<Self> {
        let [year, month, day, hour, minute, second] = bytes;
        Self::new(2000 + u16::from(year), month, day, hour, minute, second)
    }

    /// The six one-byte fields of a live event.
    #[must_use]
    pub fn to_six_bytes(self) -> [u8; 6] {
        // Years above 2099 only come from damaged values; the byte holds up to 2133.
        [(self.year() - 2000) as u8, self.month(), self.day(), self.hour(), self.minute(), self.second()]
    }

    /// Reads the answer to `GET_TIME`.
    ///
    /// # Errors
    /// [`ProtoError::Truncated`] when there are fewer than four bytes.
    pub fn parse(data: &[u8]) -> Result<Self, ProtoError> {
        match data.first_chunk::<4>() {
            Some(bytes) => Ok(Self(u32::from_le_bytes(*bytes))),
            None => Err(ProtoError::Truncated { what: "time", need: 4, have: data.len() }),
        }
    }

    /// Year, 2000-2133.
    #[must_use]
    pub fn year(self) -> u16 {
        (2000 + self.0 / (12 * 31 * 86_400)) as u16
    }

    /// Month, 1-12.
    #[must_use]
    pub fn month(self) -> u8 {
        (self.0 / (31 * 86_400) % 12 + 1) as u8
    }

    /// Day, 1-31. The month may not have it: see [`DeviceTime::exists`].
    #[must_use]
    pub fn day(self) -> u8 {
        (self.0 / 86_400 % 31 + 1) as u8
    }

    /// Hour, 0-23.
    #[must_use]
    pub fn hour(self) -> u8 {
        (self.0 / 3600 % 24) as u8
    }

    /// Minute, 0-59.
    #[must_use]
    pub fn minute(self) -> u8 {
        (self.0 / 60 % 60) as u8
    }

    /// Second, 0-59.
    #[must_use]
    pub fn second(self) -> u8 {
        (self.0 % 60) as u8
    }

    /// Returns true if the calendar has this day.
    #[must_use]
    pub fn exists(self) -> bool {
        // Every month has 28 days.
        let day = self.day();
        day <= 28 || day <= days_in_month(self.year(), self.month())
    }
}

#[cfg(feature = "chrono")]
impl DeviceTime {
    /// Packs a chrono time, without its fraction of a second. `None` when the year is not 2000-2099.
    #[must_use]
    pub fn from_naive(time: chrono::NaiveDateTime) -> Option<Self> {
        use chrono::{Datelike, Timelike};
        let year = u16::try_from(time.year()).ok()?;
        // Each is below 60.
        let [month, day, hour, minute, second] =
            [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(|field| field as u8);
        Self::new(year, month, day, hour, minute, second)
    }

    /// Returns the time as chrono has it; `None` for a day that does not exist.
    #[must_use]
    pub fn to_naive(self) -> Option<chrono::NaiveDateTime> {
        let date = chrono::NaiveDate::from_ymd_opt(self.year().into(), self.month().into(), self.day().into())?;
        date.and_hms_opt(self.hour().into(), self.minute().into(), self.second().into())
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

impl fmt::Display for DeviceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year(),
            self.month(),
            self.day(),
            self.hour(),
            self.minute(),
            self.second()
        )
    }
}

impl fmt::Debug for DeviceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceTime({self})")
    }
}
