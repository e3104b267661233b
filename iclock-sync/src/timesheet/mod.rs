//! Timesheets: for each person the days of a month or of a day, with hours, lateness, missing punches and absences.
//!
//! The punches come from the ledger, the arithmetic from [`attendance_model::day`].
//!
//! ```no_run
//! use chrono::NaiveDate;
//! use iclock_sync::query::{Filter, Query};
//! use iclock_sync::timesheet::{Period, Rules, Timesheet};
//!
//! # fn main() -> Result<(), iclock_sync::LedgerError> {
//! let Some(query) = Query::open("state".as_ref())? else { return Ok(()) };
//! let november = NaiveDate::from_ymd_opt(2026, 11, 1).zip(NaiveDate::from_ymd_opt(2026, 11, 30));
//! let Some((from, to)) = november else { return Ok(()) };
//! let sheet = Timesheet::read(&query, &Filter::default(), Period::new(from, to), &Rules::default())?;
//! for person in &sheet.people {
//!     println!("{} {} days, {} minutes", person.user_id, person.days.len(), person.totals().worked.num_minutes());
//! }
//! # Ok(())
//! # }
//! ```

mod totals;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use attendance_model::day::{Day, DayRules, Direction, Punch, Shift, absences, days};
use chrono::{Datelike as _, NaiveDate, TimeDelta, Weekday};

pub use totals::Totals;

use crate::LedgerError;
use crate::query::{Filter, Query};

/// The rules by which punches become working days. [`Rules::default`] knows no shifts: nobody is late or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// How punches become days and pairs.
    pub day: DayRules,
    /// The hours of everybody who has no others; without them nobody is late.
    pub shift: Option<Shift>,
    /// The hours of single departments, by number.
    pub of_department: BTreeMap<u8, Shift>,
    /// The days of the week on which people work. Without any, nobody is absent.
    pub working_days: BTreeSet<u8>,
}

/// The days of a timesheet, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Everybody who has punched since this day is listed; the first day by default.
    pub roster_since: NaiveDate,
    /// Today, by the terminals' clocks; the day after the last one by default. Somebody who has not gone out yet has
    /// not missed the punch, and days to come are no absences.
    pub today: NaiveDate,
}

/// The working days of all people in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timesheet {
    /// The days.
    pub period: Period,
    /// The people, by user id: numbers by their value, then texts.
    pub people: Vec<Person>,
}

/// One person's days.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// The user id.
    pub user_id: String,
    /// The name; empty if it is not known.
    pub name: String,
    /// The number of the department, if it is known.
    pub department: Option<u8>,
    /// The days with a punch, in order.
    pub days: Vec<WorkDay>,
    /// The working days without a punch, in order.
    pub absent: Vec<NaiveDate>,
}

/// One day of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkDay {
    /// The punches of the day, in pairs.
    pub day: Day,
    /// The time by which the first punch was late.
    pub late: Option<TimeDelta>,
    /// The time by which the person left early.
    pub left_early: Option<TimeDelta>,
    /// The time that the person stayed longer.
    pub overtime: Option<TimeDelta>,
    /// Ways in without a punch.
    pub missing_in: u32,
    /// Ways out without a punch. The last one of today is not missing yet.
    pub missing_out: u32,
}

impl Rules {
    /// Sets the days of the week on which people work.
    #[must_use]
    pub fn working_days(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        self.working_days = days.into_iter().map(number_of).collect();
        self
    }

    /// Returns true if people work on a day.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        self.working_days.contains(&number_of(date.weekday()))
    }

    fn shift_of(&self, department: Option<u8>) -> Option<&Shift> {
        department.and_then(|number| self.of_department.get(&number)).or(self.shift.as_ref())
    }
}

fn number_of(day: Weekday) -> u8 {
    day.num_days_from_monday().try_into().unwrap_or(0)
}

impl Period {
    /// The days from the first to the last, all of them over.
    #[must_use]
    pub fn new(from: NaiveDate, to: NaiveDate) -> Self {
        Self { from, to, roster_since: from, today: to.succ_opt().unwrap_or(to) }
    }

    /// Sets today.
    #[must_use]
    pub fn today(mut self, today: NaiveDate) -> Self {
        self.today = today;
        self
    }

    /// Lists everybody who has punched since a day before the first one.
    #[must_use]
    pub fn roster_since(mut self, since: NaiveDate) -> Self {
        self.roster_since = since.min(self.from);
        self
    }

    /// The days, in order.
    pub fn dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let to = self.to;
        self.from.iter_days().take_while(move |date| *date <= to)
    }
}

impl Timesheet {
    /// Reads the punches of a period from the ledger. Of the filter, person and terminal count.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn read(query: &Query, filter: &Filter, period: Period, rules: &Rules) -> Result<Self, LedgerError> {
        let begins = |date: NaiveDate| date.and_time(rules.day.begins);
        let after = period.to.succ_opt().unwrap_or(period.to);
        let filter = filter.clone().between(begins(period.roster_since), begins(after));
        let mut by_person: HashMap<String, Vec<Punch>> = HashMap::new();
        query.punches(&filter, |user, punch| match by_person.get_mut(user) {
            Some(punches) => punches.push(punch),
            None => drop(by_person.insert(user.to_owned(), vec![punch])),
        })?;
        let names = query.names()?;
        let people = by_person.into_iter().map(|(user_id, punches)| {
            let name = names.of(&user_id).unwrap_or_default().to_owned();
            let department = names.department(&user_id);
            Person::new((user_id, name, department), punches, &period, rules)
        });
        let mut people: Vec<Person> = people.collect();
        people.sort_by_cached_key(|person| order_of(&person.user_id));
        Ok(Self { period, people })
    }

    /// The totals of each department, by number; those of people without one first.
    #[must_use]
    pub fn departments(&self) -> BTreeMap<Option<u8>, Totals> {
        let mut all = BTreeMap::<_, Totals>::new();
        for person in &self.people {
            *all.entry(person.department).or_default() += person.totals();
        }
        all
    }
}

/// Numbers by their value, then texts.
fn order_of(user_id: &str) -> (bool, u64, String) {
    let number = user_id.parse::<u64>();
    (number.is_err(), number.unwrap_or(0), user_id.to_owned())
}

impl Person {
    fn new(
        (user_id, name, department): (String, String, Option<u8>),
        punches: Vec<Punch>,
        period: &Period,
        rules: &Rules,
    ) -> Self {
        let shift = rules.shift_of(department);
        let asked = |day: &Day| period.from <= day.date && day.date <= period.to;
        let days: Vec<Day> = days(punches, &rules.day).into_iter().filter(asked).collect();
        let over = period.dates().filter(|date| *date < period.today && rules.is_working_day(*date));
        let absent = absences(&days, over).collect();
        let days = days.into_iter().map(|day| WorkDay::new(day, shift, period.today, rules)).collect();
        Self { user_id, name, department, days, absent }
    }

    /// The sums over the days.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { people: 1, absent: self.absent.len() as u64, ..Totals::default() };
        self.days.iter().for_each(|day| totals.add(day));
        totals
    }

    /// The day of this date, if there is one with a punch.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> Option<&WorkDay> {
        self.days.binary_search_by_key(&date, |day| day.day.date).ok().and_then(|at| self.days.get(at))
    }
}

impl WorkDay {
    fn new(day: Day, shift: Option<&Shift>, today: NaiveDate, rules: &Rules) -> Self {
        let count = |direction| {
            let missing = day.missing().filter(|missing| missing.direction == direction).count();
            u32::try_from(missing).unwrap_or(u32::MAX)
        };
        let is_open = day.date >= today && day.last_out().is_none();
        let (missing_in, missing_out) = (count(Direction::In), count(Direction::Out).saturating_sub(is_open.into()));
        // On a free day nobody can be late.
        let is_planned = rules.working_days.is_empty() || rules.is_working_day(day.date);
        let shift = shift.filter(|_| is_planned);
        Self {
            late: shift.and_then(|shift| shift.late(&day, &rules.day)),
            left_early: shift.and_then(|shift| shift.left_early(&day, &rules.day)),
            overtime: shift.and_then(|shift| shift.overtime(&day, &rules.day)),
            missing_in,
            missing_out,
            day,
        }
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::PunchState;
    use chrono::NaiveTime;

    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    fn at(day: u32, hour: u32, minute: u32, state: u8) -> Punch {
        Punch::new(date(day).and_hms_opt(hour, minute, 0).unwrap(), PunchState(state))
    }

    fn hour(hour: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
    }

    fn rules() -> Rules {
        let mut rules = Rules::default().working_days([Weekday::Mon, Weekday::Tue, Weekday::Wed]);
        rules.shift = Some(Shift::new(hour(8), hour(16)));
        rules.of_department.insert(2, Shift::new(hour(10), hour(18)));
        rules
    }

    fn person(department: Option<u8>, punches: &[Punch], period: &Period) -> Person {
        Person::new(("7".to_owned(), String::new(), department), punches.to_vec(), period, &rules())
    }

    /// From Monday on: late, without a way out; absent; on a free day.
    const WEEK: fn() -> [Punch; 4] = || [at(2, 8, 20, 0), at(2, 16, 30, 1), at(3, 8, 0, 0), at(5, 11, 0, 0)];

    #[test]
    fn a_week_is_added_up() {
        let person = person(None, &WEEK(), &Period::new(date(2), date(8)));
        let totals = person.totals();
        assert_eq!(
            (totals.days, totals.late, totals.late_time),
            (3, 1, TimeDelta::minutes(20)),
            "free days are never late"
        );
        assert_eq!((totals.worked, totals.overtime), (TimeDelta::minutes(490), TimeDelta::minutes(30)));
        assert_eq!((totals.missing_out, totals.missing_in), (2, 0));
        assert_eq!(person.absent, [date(4)]);
        assert!(person.on(date(3)).is_some() && person.on(date(4)).is_none());
    }

    #[test]
    fn today_nobody_has_missed_the_way_out_yet_and_the_days_to_come_are_no_absences() {
        let person = person(None, &WEEK()[..3], &Period::new(date(1), date(31)).today(date(3)));
        assert_eq!((person.totals().missing_out, person.absent.clone()), (0, Vec::new()));
    }

    #[test]
    fn a_department_has_hours_of_its_own() {
        let person = person(Some(2), &WEEK(), &Period::new(date(2), date(8)));
        assert_eq!(person.days[0].late, None);
        assert_eq!(person.days[0].left_early, Some(TimeDelta::minutes(90)));
    }

    #[test]
    fn punches_before_the_period_put_a_person_on_the_list_only() {
        let person = person(None, &WEEK(), &Period::new(date(4), date(4)).roster_since(date(1)));
        assert_eq!((person.days.len(), person.absent), (0, vec![date(4)]));
    }

    #[test]
    fn user_ids_are_in_the_order_of_their_numbers() {
        let mut ids = ["10", "9", "B1", "A1", "1"];
        ids.sort_by_key(|id| order_of(id));
        assert_eq!(ids, ["1", "9", "10", "A1", "B1"]);
    }
}
