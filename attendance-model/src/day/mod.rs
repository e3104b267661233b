//! One person's working days, made from their punches: first in, last out, hours, missing punches, lateness.
//!
//! Everything here is a pure function of the punches and the [`DayRules`]; the order of the punches does not matter.
//!
//! ```
//! use attendance_model::PunchState;
//! use attendance_model::day::{DayRules, Punch, days};
//! use chrono::{NaiveDate, TimeDelta};
//!
//! let monday = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
//! let at = |hour, state| Punch::new(monday.and_hms_opt(hour, 0, 0).unwrap(), PunchState(state));
//! let week = days([at(8, 0), at(12, 2), at(13, 3), at(17, 1)], &DayRules::default());
//! assert_eq!(week.len(), 1);
//! assert_eq!(week[0].worked(), TimeDelta::hours(8));
//! assert_eq!(week[0].missing_punches(), 0);
//! ```

mod pair;
mod shift;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

pub use pair::{Direction, Missing, Pair, Pairing};
pub use shift::{Shift, absences};

use crate::{AttendanceEvent, PunchState};

/// One punch of one person.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Punch {
    /// The terminal's wall clock.
    pub local: NaiveDateTime,
    /// The true instant, if the terminal's zone is known. Hours across a change of the clock need it.
    pub utc: Option<DateTime<Utc>>,
    /// The direction that the person declared.
    pub state: PunchState,
}

impl Punch {
    /// A punch by the wall clock alone.
    #[must_use]
    pub fn new(local: NaiveDateTime, state: PunchState) -> Self {
        Self { local, utc: None, state }
    }

    /// The time from this punch to a later one: by the instants if both are known, else by the wall clock.
    #[must_use]
    pub fn until(&self, later: &Self) -> TimeDelta {
        match (self.utc, later.utc) {
            (Some(from), Some(to)) => to - from,
            _ => later.local - self.local,
        }
    }
}

impl From<&AttendanceEvent> for Punch {
    fn from(event: &AttendanceEvent) -> Self {
        let utc = event.instant.as_ref().map(|instant| instant.utc);
        Self { local: event.local_time, utc, state: event.punch_state }
    }
}

/// The rules by which punches become days: the default ones, with public fields to set.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRules {
    /// When a working day begins; earlier punches belong to the day before. Midnight by default. A site with night
    /// shifts sets an hour at which nobody works, such as 12:00.
    pub begins: NaiveTime,
    /// How punches become pairs. [`Pairing::Declared`] by default.
    pub pairing: Pairing,
    /// A punch in the same direction as the one before, within this time, is a repeat: the person touched the
    /// sensor twice. One minute by default; zero drops exact doubles only.
    pub repeat_within: TimeDelta,
}

impl Default for DayRules {
    fn default() -> Self {
        Self { begins: NaiveTime::MIN, pairing: Pairing::default(), repeat_within: TimeDelta::minutes(1) }
    }
}

impl DayRules {
    /// The working day that a moment belongs to.
    #[must_use]
    pub fn date_of(&self, local: NaiveDateTime) -> NaiveDate {
        (local - (self.begins - NaiveTime::MIN)).date()
    }
}

/// One person's punches of one working day.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The working day; see [`DayRules::begins`].
    pub date: NaiveDate,
    /// The first punch.
    pub first: Punch,
    /// The last punch; the same as the first if there is only one.
    pub last: Punch,
    /// Spans of presence, in order.
    pub pairs: Vec<Pair>,
    /// Punches that count: without repeats.
    pub punches: usize,
    /// Punches that repeat the one before.
    pub repeats: usize,
}

impl Day {
    /// The time worked: the sum of the pairs that have both ends.
    #[must_use]
    pub fn worked(&self) -> TimeDelta {
        self.pairs.iter().filter_map(Pair::length).sum()
    }

    /// The punches that are missing: for each pair with one end, the direction of the other.
    pub fn missing(&self) -> impl Iterator<Item = Missing> + '_ {
        self.pairs.iter().filter_map(Pair::missing)
    }

    /// Pairs of which one end is missing.
    #[must_use]
    pub fn missing_punches(&self) -> usize {
        self.missing().count()
    }

    /// The time from the first punch to the last, breaks included.
    #[must_use]
    pub fn presence(&self) -> TimeDelta {
        self.first.until(&self.last)
    }

    /// The first way in, if the day began with one.
    #[must_use]
    pub fn first_in(&self) -> Option<Punch> {
        self.pairs.first().and_then(|pair| pair.r#in)
    }

    /// The last way out, if the day ended with one.
    #[must_use]
    pub fn last_out(&self) -> Option<Punch> {
        self.pairs.last().and_then(|pair| pair.out)
    }
}

/// The working days of one person, oldest first. Days without a punch are not listed.
#[must_use]
pub fn days(punches: impl IntoIterator<Item = Punch>, rules: &DayRules) -> Vec<Day> {
    let mut punches: Vec<Punch> = punches.into_iter().collect();
    // In the hour that a clock shows twice, only the instants tell the order.
    let by_instant = punches.iter().all(|punch| punch.utc.is_some());
    punches.sort_by_key(|punch| {
        (rules.date_of(punch.local), punch.utc.filter(|_| by_instant), punch.local, punch.state.0)
    });
    punches
        .chunk_by(|one, other| rules.date_of(one.local) == rules.date_of(other.local))
        .filter_map(|day| day_of(day, rules))
        .collect()
}

fn day_of(punches: &[Punch], rules: &DayRules) -> Option<Day> {
    let mut counted: Vec<Punch> = Vec::with_capacity(punches.len());
    for punch in punches {
        let repeats = counted.last().is_some_and(|before| {
            before.until(punch) <= rules.repeat_within && rules.pairing.same_direction(before.state, punch.state)
        });
        if !repeats {
            counted.push(*punch);
        }
    }
    let (first, last) = (*counted.first()?, *counted.last()?);
    Some(Day {
        date: rules.date_of(first.local),
        first,
        last,
        pairs: rules.pairing.pairs(&counted),
        punches: counted.len(),
        repeats: punches.len() - counted.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32, hour: u32, minute: u32, state: u8) -> Punch {
        let date = NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        Punch::new(date.and_hms_opt(hour, minute, 0).unwrap(), PunchState(state))
    }

    fn midday() -> DayRules {
        DayRules { begins: NaiveTime::from_hms_opt(12, 0, 0).unwrap(), ..DayRules::default() }
    }

    #[test]
    fn a_second_touch_is_a_repeat_and_a_later_one_is_not() {
        let day = &days([at(2, 8, 0, 0), at(2, 8, 1, 0), at(2, 8, 3, 0)], &DayRules::default())[0];
        assert_eq!((day.punches, day.repeats), (2, 1));
    }

    #[test]
    fn going_out_at_once_is_no_repeat() {
        let day = &days([at(2, 8, 0, 0), at(2, 8, 0, 1)], &DayRules::default())[0];
        assert_eq!((day.punches, day.worked()), (2, TimeDelta::zero()));
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_on_which_it_began() {
        let nights = days([at(2, 22, 0, 0), at(3, 6, 0, 1), at(3, 21, 50, 0), at(4, 6, 10, 1)], &midday());
        let worked: Vec<_> = nights.iter().map(|day| (day.date.to_string(), day.worked())).collect();
        let expected =
            [("2026-03-02".to_owned(), TimeDelta::hours(8)), ("2026-03-03".to_owned(), TimeDelta::minutes(500))];
        assert_eq!(worked, expected);
    }

    #[test]
    fn without_such_a_rule_midnight_cuts_the_shift_and_both_ends_are_missed() {
        let cut = days([at(2, 22, 0, 0), at(3, 6, 0, 1)], &DayRules::default());
        assert_eq!(cut.iter().map(Day::missing_punches).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn hours_across_a_change_of_the_clock_are_true_ones() {
        // Clocks in Berlin went back from 03:00 to 02:00 on 2025-10-26.
        let punch = |local: &str, utc: &str, state| Punch {
            local: local.parse().unwrap(),
            utc: Some(utc.parse().unwrap()),
            state: PunchState(state),
        };
        let night = [
            punch("2025-10-26T00:00:00", "2025-10-25T22:00:00Z", 0),
            punch("2025-10-26T06:00:00", "2025-10-26T05:00:00Z", 1),
        ];
        assert_eq!(days(night, &DayRules::default())[0].worked(), TimeDelta::hours(7));
    }
}
