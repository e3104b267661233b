//! The clock on a terminal's wall, against the host's.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use zk_proto::DeviceTime;

/// The terminal's clock less the true time, in milliseconds; less the host's local time where no zone is known. `None`
/// when its date does not exist.
pub(crate) fn drift_ms(
    terminal: DeviceTime,
    zone: Option<Tz>,
    utc_now: DateTime<Utc>,
    local_now: NaiveDateTime,
) -> Option<i64> {
    let wall = terminal.to_naive()?;
    let Some(zone) = zone else { return Some(wall.signed_duration_since(local_now).num_milliseconds()) };
    let drift = |moment: DateTime<Tz>| moment.signed_duration_since(utc_now).num_milliseconds();
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(moment) => Some(drift(moment)),
        MappedLocalTime::Ambiguous(earlier, later) => {
            [earlier, later].map(drift).into_iter().min_by_key(|drift| drift.unsigned_abs())
        }
        MappedLocalTime::None => {
            let right = utc_now.with_timezone(&zone).naive_local();
            Some(wall.signed_duration_since(right).num_milliseconds())
        }
    }
}

/// Now, as a right clock on the terminal's wall shows it.
pub(crate) fn wall_now(zone: Option<Tz>, utc_now: DateTime<Utc>, local_now: NaiveDateTime) -> NaiveDateTime {
    zone.map_or(local_now, |zone| utc_now.with_timezone(&zone).naive_local())
}

/// The terminal's clock less UTC, in seconds: by its zone, or as it is set. A terminal that does not tell its time is
/// taken to show `wall_now`.
pub(crate) fn clock_offset(clock: Option<DeviceTime>, wall_now: NaiveDateTime, utc_now: DateTime<Utc>) -> i64 {
    let wall = clock.and_then(DeviceTime::to_naive).unwrap_or(wall_now);
    wall.and_utc().timestamp() - utc_now.timestamp()
}

/// A wall clock as terminals pack it; the clock's reset for years that they cannot hold.
pub(crate) fn device_time(wall: NaiveDateTime) -> DeviceTime {
    DeviceTime::from_naive(wall).unwrap_or(DeviceTime::RESET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_measured_by_the_zone_or_else_by_the_hosts_local_time() {
        let utc = Utc.with_ymd_and_hms(2026, 3, 2, 7, 0, 0).unwrap();
        let local = utc.naive_utc() + chrono::TimeDelta::hours(1);
        let terminal = DeviceTime::new(2026, 3, 2, 12, 0, 3).unwrap();
        assert_eq!(drift_ms(terminal, Some(chrono_tz::Indian::Maldives), utc, local), Some(3_000));
        assert_eq!(drift_ms(terminal, None, utc, local), Some((4 * 3600 + 3) * 1_000));
    }

    #[test]
    fn a_clock_that_shows_an_hour_twice_is_taken_at_its_best() {
        // Clocks in Berlin went back at 03:00 on 2025-10-26: 02:30 was shown at 00:30 and at 01:30 UTC.
        let utc = Utc.with_ymd_and_hms(2025, 10, 26, 1, 30, 0).unwrap();
        let terminal = DeviceTime::new(2025, 10, 26, 2, 30, 1).unwrap();
        assert_eq!(drift_ms(terminal, Some(chrono_tz::Europe::Berlin), utc, utc.naive_utc()), Some(1_000));
    }
}
