//! Sets the terminal's clock, where that is configured and safe.
//!
//! A clock is never set near midnight, in quiet hours, close to a change of the zone's own clock, or without a known
//! zone: a punch must not move to another day.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use zk_proto::op::SetTime;
use zk_proto::{Client, ClientError};

use super::{Seen, Visit};
use crate::error::chain;
use crate::options::ClockCorrection;
use crate::report::{ClockSet, DeviceReport};
use crate::wall;

/// The time around midnight in which no clock is set, on the true clock and on the terminal's.
const AROUND_MIDNIGHT: TimeDelta = TimeDelta::minutes(10);
/// The time before and after a change of the zone's clock in which no clock is set.
const AROUND_CHANGE: TimeDelta = TimeDelta::hours(2);
/// A host whose clock shows an earlier time has lost it: 2025-01-01.
pub(super) const HOST_LOST: i64 = 1_735_689_600;
/// A clock that is read back may be off by so much: it has whole seconds, and the answer takes time.
pub(super) const READ_BACK_MS: u64 = 3_000;

/// The time as a terminal and its surroundings have it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    zone: Option<Tz>,
    /// The terminal's clock less the true time, in milliseconds; `None` if it shows no time that exists.
    drift_ms: Option<i64>,
    utc_now: DateTime<Utc>,
    local_now: NaiveDateTime,
}

/// The answer to the question if a clock is to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// It is right enough.
    Right,
    /// It is off, and is to be set to this time.
    Set(NaiveDateTime),
    /// It is off, and is not to be set now.
    Not(&'static str),
}

fn decide(correction: &ClockCorrection, moment: &Moment) -> Decision {
    let Moment { zone, drift_ms, utc_now, local_now } = *moment;
    let bound = u64::try_from(correction.bound.as_millis()).unwrap_or(u64::MAX);
    if drift_ms.is_some_and(|drift| drift.unsigned_abs() <= bound) {
        return Decision::Right;
    }
    let Some(zone) = zone else { return Decision::Not("no zone is configured for it") };
    if utc_now.timestamp() < HOST_LOST {
        return Decision::Not("the clock of this computer is wrong");
    }
    if correction.quiet.is_some_and(|quiet| quiet.contains(local_now.time())) {
        return Decision::Not("these are quiet hours");
    }
    let wall_at = |moment: Option<DateTime<Utc>>| moment.map(|moment| wall::wall_now(Some(zone), moment, local_now));
    let offset_at = |moment| wall_at(moment).zip(moment).map(|(wall, utc)| wall - utc.naive_utc());
    let around = [-AROUND_CHANGE, TimeDelta::zero(), AROUND_CHANGE].map(|by| offset_at(utc_now.checked_add_signed(by)));
    if around.iter().any(|offset| *offset != around[1]) {
        return Decision::Not("the clocks of its zone change about now");
    }
    let right = wall::wall_now(Some(zone), utc_now, local_now);
    let shown = drift_ms.and_then(|drift| right.checked_add_signed(TimeDelta::milliseconds(drift)));
    if [Some(right), shown].into_iter().flatten().any(is_near_midnight) {
        return Decision::Not("it is about midnight");
    }
    // To the nearest second: the terminal has no others.
    let rounded = right.checked_add_signed(TimeDelta::milliseconds(500)).and_then(|time| time.with_nanosecond(0));
    rounded.map_or(Decision::Not("the time is out of range"), Decision::Set)
}

fn is_near_midnight(time: NaiveDateTime) -> bool {
    let since = TimeDelta::seconds(i64::from(time.time().num_seconds_from_midnight()));
    since < AROUND_MIDNIGHT || TimeDelta::days(1) - since <= AROUND_MIDNIGHT
}

impl Visit {
    /// Sets the terminal's clock if it is off by more than its bound, and reads it back. The log has been read by then:
    /// a failure is a note in the report.
    pub(super) async fn correct_clock(&self, client: &mut Client, seen: &Seen, report: &mut DeviceReport) {
        let Some(correction) = self.device.clock.as_ref().filter(|_| !self.dry_run && seen.clock.is_some()) else {
            return;
        };
        let moment = || (self.clock.utc_now(), self.clock.local_now());
        let (utc_now, local_now) = moment();
        let moment_now = Moment { zone: self.device.zone, drift_ms: seen.drift_ms, utc_now, local_now };
        let right = match decide(correction, &moment_now) {
            Decision::Right => return,
            Decision::Not(why) => return report.notes.push(format!("its clock is off and was not set: {why}")),
            Decision::Set(right) => right,
        };
        let set = client.call(&SetTime(wall::device_time(right))).await;
        let read_back = match set {
            Ok(()) => client.time().await,
            Err(error) => Err(error),
        };
        let shown = match read_back {
            Ok(shown) => shown,
            Err(error) => return self.clock_not_set(client, error, report).await,
        };
        let (utc_now, local_now) = moment();
        let drift_ms = wall::drift_ms(shown, self.device.zone, utc_now, local_now);
        let is_right = drift_ms.is_some_and(|drift| drift.unsigned_abs() <= READ_BACK_MS);
        let (name, before_ms) = (&self.device.name, seen.drift_ms);
        tracing::info!(terminal = %name, ?before_ms, after_ms = ?drift_ms, "its clock was set");
        report.notes.push(match (is_right, seen.drift_ms) {
            (true, Some(before)) => format!("its clock was off by {}, and was set", spoken(before)),
            (true, None) => "its clock showed no time that exists, and was set".to_owned(),
            (false, _) => format!("its clock was set, but shows {shown} instead of {right}"),
        });
        report.clock_set = Some(ClockSet { before_ms: seen.drift_ms, after_ms: drift_ms });
    }

    async fn clock_not_set(&self, client: &mut Client, error: ClientError, report: &mut DeviceReport) {
        report.notes.push(format!("its clock could not be set: {}", chain(&error)));
        // A session that is lost is no problem any more: nothing else is asked.
        let _ = client.skip(error).await;
    }
}

/// A drift as people say it.
fn spoken(drift_ms: i64) -> String {
    format!("{:?}", Duration::from_secs(drift_ms.unsigned_abs().div_ceil(1_000)))
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, TimeZone};
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::Quiet;

    const ZONES: [Tz; 5] = [
        chrono_tz::Indian::Maldives,
        chrono_tz::Europe::Berlin,
        chrono_tz::America::New_York,
        chrono_tz::Asia::Kathmandu,
        chrono_tz::Pacific::Auckland,
    ];

    fn correction(quiet: Option<Quiet>) -> ClockCorrection {
        ClockCorrection { bound: Duration::from_secs(30), quiet }
    }

    fn at(zone: Option<Tz>, drift_ms: Option<i64>, utc_now: DateTime<Utc>) -> Moment {
        Moment { zone, drift_ms, utc_now, local_now: utc_now.naive_utc() }
    }

    #[test]
    fn a_clock_is_set_only_if_it_is_off_by_more_than_the_bound_and_its_zone_is_known() {
        let zone = Some(chrono_tz::Indian::Maldives);
        let noon = Utc.with_ymd_and_hms(2026, 3, 2, 7, 0, 0).unwrap();
        let right = noon.naive_utc() + TimeDelta::hours(5);
        for within in [0, 30_000, -30_000] {
            assert_eq!(decide(&correction(None), &at(zone, Some(within), noon)), Decision::Right);
        }
        for off in [Some(30_001), Some(-30_001), None] {
            assert_eq!(decide(&correction(None), &at(zone, off, noon)), Decision::Set(right), "{off:?}");
            assert!(matches!(decide(&correction(None), &at(None, off, noon)), Decision::Not(_)), "{off:?}");
        }
        let lost = Utc.with_ymd_and_hms(2000, 1, 1, 7, 0, 0).unwrap();
        assert!(matches!(decide(&correction(None), &at(zone, Some(-60_000), lost)), Decision::Not(_)));
    }

    #[test]
    fn a_clock_that_would_move_across_midnight_by_a_hair_waits() {
        let zone = Some(chrono_tz::Indian::Maldives);
        // 23:45 there; the terminal shows 23:51, and 00:09 of the next day.
        let late = Utc.with_ymd_and_hms(2026, 3, 2, 18, 45, 0).unwrap();
        for drift_min in [6, 24] {
            let decision = decide(&correction(None), &at(zone, Some(drift_min * 60_000), late));
            assert_eq!(decision, Decision::Not("it is about midnight"), "{drift_min}");
        }
        assert!(matches!(decide(&correction(None), &at(zone, Some(60_000), late)), Decision::Set(_)));
    }

    #[test]
    fn while_the_clocks_of_its_zone_change_a_clock_waits() {
        // In Berlin they went from 02:00 to 03:00 at 01:00 UTC.
        for (hour, is_set) in [(22, true), (23, false), (0, false), (1, false), (2, false), (3, true)] {
            let day = if hour > 12 { 28 } else { 29 };
            let utc_now = Utc.with_ymd_and_hms(2026, 3, day, hour, 30, 0).unwrap();
            let decision = decide(&correction(None), &at(Some(chrono_tz::Europe::Berlin), Some(60_000), utc_now));
            assert_eq!(matches!(decision, Decision::Set(_)), is_set, "{utc_now}: {decision:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_the_moment_a_clock_is_set_to_the_true_time_away_from_midnight_quiet_hours_and_changes(
            seconds in 1_735_700_000_i64..1_900_000_000,
            millis in 0_u32..1_000,
            drift_ms in proptest::option::of(-200_000_000_i64..200_000_000),
            zone in proptest::option::of(proptest::sample::select(&ZONES[..])),
            quiet in proptest::option::of((0_u32..86_400, 0_u32..86_400)),
        ) {
            let second = |of| NaiveTime::from_num_seconds_from_midnight_opt(of, 0).unwrap();
            let quiet = quiet.map(|(from, until)| Quiet { from: second(from), until: second(until) });
            let utc_now = DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
            let moment = at(zone, drift_ms, utc_now);
            let Decision::Set(time) = decide(&correction(quiet), &moment) else { return Ok(()) };
            let zone = zone.expect("never without a zone");
            prop_assert!(drift_ms.is_none_or(|drift| drift.abs() > 30_000));
            prop_assert!(!quiet.is_some_and(|quiet| quiet.contains(moment.local_now.time())));
            let right = utc_now.with_timezone(&zone).naive_local();
            prop_assert!((time - right).abs() <= TimeDelta::milliseconds(500), "{time} for {right}");
            let shown = right + TimeDelta::milliseconds(drift_ms.unwrap_or(0));
            for time in [right, shown] {
                let of_day = time.time().num_seconds_from_midnight();
                prop_assert!((600..86_400 - 600).contains(&of_day), "{time} is near midnight");
            }
            let single = zone.from_local_datetime(&time).single();
            prop_assert!(single.is_some(), "{time} is there once");
        }
    }
}
