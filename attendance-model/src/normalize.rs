//! Raw punch in, event or rejection out: a pure function of its arguments.

use std::fmt;

use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::validate::broken_rules;
use crate::{AttendanceEvent, EventId, Instant, LocalTime, Policy, RawPunch, Reason, Rules};

/// What a punch is judged by, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The terminal's zone, where one is configured.
    pub zone: Option<Tz>,
    /// The policies in force.
    pub rules: &'a Rules,
    /// Now, as a right clock on the terminal's wall shows it: in its zone where one is configured, else the host's local time.
    pub host_now: NaiveDateTime,
}

/// A punch that is not delivered, with the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The punch as it was read.
    pub punch: RawPunch,
    /// The rule. Of several, one that cannot be set comes first, then the order of [`Reason::ALL`].
    pub reason: Reason,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RawPunch { device_name, user_id, local_time, .. } = &self.punch;
        write!(f, "{}: user id {user_id:?} at {local_time} on {device_name}", self.reason)
    }
}

/// Makes an event of a punch.
///
/// # Errors
/// [`Rejection`], with the punch unchanged, when it breaks a rule whose policy is [`Policy::Quarantine`].
// Both arms own the record, and are of nearly the same size; a box would only cost an allocation.
#[expect(clippy::result_large_err)]
pub fn normalize(punch: RawPunch, context: &Context<'_>) -> Result<AttendanceEvent, Rejection> {
    let mut flags = Vec::new();
    for reason in broken_rules(&punch, context) {
        match context.rules.policy_of(reason) {
            Policy::Accept => {}
            Policy::Flag => flags.push(reason),
            Policy::Quarantine => return Err(Rejection { punch, reason }),
        }
    }
    let LocalTime::Real(local_time) = punch.local_time else {
        return Err(Rejection { punch, reason: Reason::ImpossibleTime });
    };
    // Zero is below the limit of 2,000,000,000.
    let local_time = local_time.with_nanosecond(0).unwrap_or(local_time);
    let instant = context.zone.map(|zone| {
        let (instant, remarkable) = instant_of(local_time, zone);
        flags.extend(remarkable);
        instant
    });
    flags.sort_unstable();
    Ok(AttendanceEvent {
        id: EventId::full(&punch.device_serial, &punch.user_id, local_time, punch.punch_state, punch.verify_mode),
        device_serial: punch.device_serial,
        device_name: punch.device_name,
        user_id: punch.user_id,
        local_time,
        instant,
        verify_mode: punch.verify_mode,
        punch_state: punch.punch_state,
        work_code: punch.work_code,
        source: punch.source,
        flags,
        clock_drift_ms: punch.clock_drift_ms,
        raw: punch.raw,
    })
}

/// The moment that a wall clock's time stands for, and what is remarkable about it.
///
/// A time that was shown twice is the earlier moment. One that was never shown is read by the offset that held before the clocks
/// were set forward: it is what a terminal shows that nobody has set forward yet.
fn instant_of(local: NaiveDateTime, zone: Tz) -> (Instant, Option<Reason>) {
    let (offset, remarkable) = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => (offset, None),
        MappedLocalTime::Ambiguous(earlier, _) => (earlier, Some(Reason::AmbiguousLocalTime)),
        MappedLocalTime::None => (offset_before_gap(local, zone), Some(Reason::SkippedLocalTime)),
    };
    let utc = local.checked_sub_offset(offset.fix()).unwrap_or(local);
    (Instant { utc: Utc.from_utc_datetime(&utc), zone }, remarkable)
}

/// The offset that held last before the gap that the time lies in. The widest gap is the day that islands skipped when they
/// changed sides of the date line.
fn offset_before_gap(local: NaiveDateTime, zone: Tz) -> <Tz as TimeZone>::Offset {
    (1..=25)
        .filter_map(|hours| local.checked_sub_signed(TimeDelta::hours(hours)))
        .find_map(|before| zone.offset_from_local_datetime(&before).latest())
        .unwrap_or_else(|| zone.offset_from_utc_datetime(&local))
}
