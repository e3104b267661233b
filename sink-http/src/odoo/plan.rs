//! The steps by which an employee's attendances of a day become those that the punches make. Pure: it calls nobody.
//!
//! Odoo has pairs, and the punches come one by one, perhaps late. So the punches of the day are read off the
//! attendances that are there, the new ones are added, and [`days`] pairs them all. Only the difference is written.
//!
//! Each punch has to be found again in what is written, so that it is neither lost nor counted twice later:
//!
//! | pair | attendance |
//! |---|---|
//! | both ends | `check_in`, `check_out` |
//! | no way out, and nothing after it | `check_in`, open: the person is in |
//! | no way out, and something after it | `check_out` is `check_in`: no time is counted |
//! | no way in | `check_in` is one second before `check_out` |
//!
//! Odoo takes one open attendance of a person.

use std::collections::BTreeSet;

use attendance_model::PunchState;
use attendance_model::day::{DayRules, Pair, Pairing, Punch, days};
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;

const IN: PunchState = PunchState(0);
const OUT: PunchState = PunchState(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// A way out sorts before a way in of the same second, which only people's own entries have.
const MOMENT: TimeDelta = TimeDelta::milliseconds(1);

/// The times of an attendance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) r#in: DateTime<Utc>,
    /// `None` if the person is still in.
    pub(super) out: Option<DateTime<Utc>>,
}

/// An attendance that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attendance {
    pub(super) id: i64,
    pub(super) span: Span,
}

/// One change. Odoo makes those of one call in this order: all `Change`, then all `Remove`, then all `Create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Change(Attendance),
    Remove(i64),
    Create(Span),
}

/// The way in which punches become days and pairs.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) zone: Tz,
    pub(super) day: DayRules,
}

impl Rules {
    pub(super) fn punch(&self, utc: DateTime<Utc>, state: PunchState) -> Punch {
        let mut punch = Punch::new(utc.with_timezone(&self.zone).naive_local(), state);
        punch.utc = Some(utc);
        punch
    }

    pub(super) fn date_of(&self, utc: DateTime<Utc>) -> NaiveDate {
        self.day.date_of(utc.with_timezone(&self.zone).naive_local())
    }

    /// The punches that an attendance was made of.
    fn punches_of(&self, span: Span) -> Vec<Punch> {
        match span.out {
            Some(out) if out - span.r#in == SECOND && self.day.pairing == Pairing::Declared => {
                vec![self.punch(out, OUT)]
            }
            Some(out) if out > span.r#in => vec![self.punch(span.r#in, IN), self.punch(out - MOMENT, OUT)],
            _ => vec![self.punch(span.r#in, IN)],
        }
    }

    /// Returns true if all of its punches are of this day.
    fn is_of(&self, span: Span, date: NaiveDate) -> bool {
        self.punches_of(span).iter().all(|punch| self.day.date_of(punch.local) == date)
    }
}

/// What is to be done for a day.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// In the order in which Odoo makes them.
    pub(super) steps: Vec<Step>,
    /// The times that are in attendances already.
    pub(super) before: BTreeSet<DateTime<Utc>>,
    /// The times that will be in those of the day.
    pub(super) after: BTreeSet<DateTime<Utc>>,
}

/// Plans the day `date` of one employee. `there` are the attendances of that day, those that are open, and at least one
/// that is later, if there are any; `new` are punches of that day. A time after `latest` is no reason to think that the
/// person is in or was there: a terminal's clock was wrong.
pub(super) fn plan(there: &[Attendance], new: &[Punch], date: NaiveDate, rules: &Rules, latest: DateTime<Utc>) -> Plan {
    let ends = |spans: &[Span]| spans.iter().flat_map(|span| [Some(span.r#in), span.out]).flatten().collect();
    let spans: Vec<Span> = there.iter().map(|attendance| attendance.span).collect();
    let before: BTreeSet<DateTime<Utc>> = ends(&spans);
    let (of_day, others): (Vec<Attendance>, Vec<Attendance>) =
        there.iter().partition(|attendance| rules.is_of(attendance.span, date));
    let new: Vec<Punch> =
        new.iter().filter(|punch| punch.utc.is_some_and(|utc| !before.contains(&utc))).copied().collect();
    if new.is_empty() {
        return Plan { after: before.clone(), before, ..Plan::default() };
    }
    let believed = |span: Span| span.r#in <= latest;
    let punches = of_day.iter().flat_map(|attendance| rules.punches_of(attendance.span)).chain(new);
    let mut wanted: Vec<Span> =
        days(punches, &rules.day).iter().flat_map(|day| &day.pairs).filter_map(span_of).collect();
    if let Some(last) = wanted.last_mut() {
        let is_later = |other: &Attendance| believed(other.span) && other.span.r#in > last.r#in;
        let is_in = last.out == Some(last.r#in) && believed(*last) && !others.iter().any(is_later);
        last.out = last.out.filter(|_| !is_in);
    }
    let is_older = |other: &&Attendance| other.span.out.is_none() && rules.date_of(other.span.r#in) < date;
    let forgotten = others.iter().filter(is_older).filter(|_| wanted.iter().any(|span| believed(*span)));
    let closed = forgotten.map(|open| Attendance { span: Span { out: Some(open.span.r#in), ..open.span }, ..*open });
    let mut steps: Vec<Step> = closed.map(Step::Change).collect();
    steps.extend(difference(&of_day, &wanted));
    Plan { steps, before, after: ends(&wanted) }
}

/// The attendance of a pair. A missing way out leaves none of its time; the caller knows if the person is still in.
fn span_of(pair: &Pair) -> Option<Span> {
    let at = |punch: Punch| punch.utc.map(|utc| utc.round_subsecs(0));
    let (came, left) = (pair.r#in.and_then(at), pair.out.and_then(at));
    let r#in = came.or(left.map(|left| left - SECOND))?;
    Some(Span { r#in, out: left.or(came) })
}

/// The fewest changes that Odoo takes in their order. An attendance is changed rather than replaced, so that what hangs
/// on it stays, but for a change that would be refused before another one is made.
fn difference(there: &[Attendance], wanted: &[Span]) -> Vec<Step> {
    let mut left: Vec<Attendance> = there.to_vec();
    let mut missing = Vec::new();
    for span in wanted {
        match left.iter().position(|attendance| attendance.span == *span) {
            Some(at) => drop(left.swap_remove(at)),
            None => missing.push(*span),
        }
    }
    let mut now: Vec<Attendance> = there.to_vec();
    let mut steps = Vec::new();
    while let Some((from, to)) = next_change(&left, &missing, &now) {
        left.retain(|attendance| attendance.id != from);
        missing.retain(|span| *span != to);
        let changed = Attendance { id: from, span: to };
        now.iter_mut().filter(|attendance| attendance.id == from).for_each(|attendance| *attendance = changed);
        steps.push(Step::Change(changed));
    }
    steps.extend(left.iter().map(|attendance| Step::Remove(attendance.id)));
    steps.extend(missing.into_iter().map(Step::Create));
    steps
}

/// A change that keeps one end of an attendance and is not refused as things are now.
fn next_change(left: &[Attendance], missing: &[Span], now: &[Attendance]) -> Option<(i64, Span)> {
    let keeps_in = |old: Span, new: Span| old.r#in == new.r#in;
    let keeps_out = |old: Span, new: Span| old.out.is_some() && old.out == new.out;
    let fits = |id: i64, span: Span| !now.iter().any(|other| other.id != id && refuses(other.span, span));
    let pairs = || left.iter().flat_map(|attendance| missing.iter().map(move |span| (*attendance, *span)));
    let by = |keeps: &dyn Fn(Span, Span) -> bool| {
        pairs().find(|(old, new)| keeps(old.span, *new) && fits(old.id, *new)).map(|(old, new)| (old.id, new))
    };
    by(&keeps_in).or_else(|| by(&keeps_out))
}

/// Returns true if Odoo refuses an attendance with these times next to another one of the same person.
fn refuses(other: Span, new: Span) -> bool {
    if other.out.is_none() && new.out.is_none() {
        return true;
    }
    if other.r#in <= new.r#in {
        return other.out.is_some_and(|out| out > new.r#in);
    }
    new.out.is_some_and(|out| other.r#in < out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second day of March at this hour and minute, such as `8:30`; with a day before it, as in `3/8:30`.
    fn at(text: &str) -> DateTime<Utc> {
        let (day, time) = text.split_once('/').unwrap_or(("2", text));
        let local = format!("2026-03-{day:0>2} {time:0>5}:00");
        chrono::NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
    }

    /// Attendances in words: `8:00-12:00`, `13:00-` for an open one, `8:00.` for a way in alone, `.17:00` for a way out
    /// alone.
    fn span(text: &str) -> Span {
        if let Some(out) = text.strip_prefix('.') {
            return Span { r#in: at(out) - SECOND, out: Some(at(out)) };
        }
        if let Some(r#in) = text.strip_suffix('.') {
            return Span { r#in: at(r#in), out: Some(at(r#in)) };
        }
        let (r#in, out) = text.split_once('-').unwrap();
        Span { r#in: at(r#in), out: (!out.is_empty()).then(|| at(out)) }
    }

    fn rules(pairing: Pairing) -> Rules {
        let mut day = DayRules::default();
        day.pairing = pairing;
        Rules { zone: Tz::UTC, day }
    }

    /// A punch in words: `8:00i` or `12:00o`; `8:00` does not say.
    fn punch(text: &str) -> Punch {
        let (time, state) = match text.as_bytes().last() {
            Some(b'i') => (&text[..text.len() - 1], IN),
            Some(b'o') => (&text[..text.len() - 1], OUT),
            _ => (text, PunchState(255)),
        };
        rules(Pairing::Declared).punch(at(time), state)
    }

    /// The attendances of a person at a site that refuses what Odoo refuses.
    #[derive(Clone, Debug, Default)]
    struct Site(Vec<Attendance>, i64);

    impl Site {
        fn of(text: &str) -> Self {
            let mut site = Self::default();
            text.split_whitespace().for_each(|text| site.make(Step::Create(span(text))));
            site
        }

        fn make(&mut self, step: Step) {
            let changed = match step {
                Step::Remove(id) => return self.0.retain(|one| one.id != id),
                Step::Change(changed) => {
                    self.0.retain(|one| one.id != changed.id);
                    changed
                }
                Step::Create(span) => {
                    self.1 += 1;
                    Attendance { id: self.1, span }
                }
            };
            let refused = self.0.iter().find(|other| refuses(other.span, changed.span));
            assert!(refused.is_none(), "{step:?} is refused for {refused:?} in {self:?}");
            self.0.push(changed);
        }

        /// Sends punches of one day, and says how many steps it took.
        fn send(&mut self, punches: &[Punch], rules: &Rules) -> usize {
            let date = rules.day.date_of(punches[0].local);
            let plan = plan(&self.0, punches, date, rules, at("20/0:00"));
            let order = |step: &Step| match step {
                Step::Change(_) => 0,
                Step::Remove(_) => 1,
                Step::Create(_) => 2,
            };
            assert!(plan.steps.is_sorted_by_key(order), "{plan:?}");
            plan.steps.iter().for_each(|step| self.make(*step));
            plan.steps.len()
        }

        fn spans(&self) -> Vec<Span> {
            let mut spans: Vec<Span> = self.0.iter().map(|one| one.span).collect();
            spans.sort_by_key(|span| (span.r#in, span.out));
            spans
        }
    }

    #[track_caller]
    fn check(pairing: Pairing, there: &str, sent: &[&str], expected: &str) {
        let (mut site, rules) = (Site::of(there), rules(pairing));
        let punches: Vec<Punch> = sent.iter().map(|text| punch(text)).collect();
        site.send(&punches, &rules);
        assert_eq!(site.spans(), Site::of(expected).spans(), "{there} and {sent:?}");
        assert_eq!(site.send(&punches, &rules), 0, "sent again");
    }

    #[test]
    fn a_day_is_written_pair_by_pair() {
        let declared = Pairing::Declared;
        check(declared, "", &["8:00i"], "8:00-");
        check(declared, "8:00-", &["12:00o"], "8:00-12:00");
        check(declared, "8:00-12:00", &["13:00i"], "8:00-12:00 13:00-");
        check(declared, "", &["8:00i", "12:00o", "13:00i", "17:00o"], "8:00-12:00 13:00-17:00");
        check(declared, "8:00-", &["12:00"], "8:00-12:00");
    }

    #[test]
    fn a_late_punch_inside_a_day_changes_its_pairs() {
        let declared = Pairing::Declared;
        check(declared, "8:00-17:00", &["12:00o", "13:00i"], "8:00-12:00 13:00-17:00");
        check(declared, "8:00-17:00", &["12:00o"], "8:00-12:00 .17:00");
        check(declared, "8:00-12:00 .17:00", &["13:00i"], "8:00-12:00 13:00-17:00");
        check(declared, "8:00. 13:00-17:00", &["12:00o"], "8:00-12:00 13:00-17:00");
        check(declared, "13:00-17:00 3/8:00-", &["8:00i"], "8:00. 13:00-17:00 3/8:00-");
        check(Pairing::InTurn, "9:00-12:00 13:00-", &["8:00"], "8:00-9:00 12:00-13:00");
        check(Pairing::FirstAndLast, "8:00-12:00", &["10:00"], "8:00-12:00");
        check(Pairing::FirstAndLast, "8:00-12:00", &["7:00", "17:00"], "7:00-17:00");
    }

    #[test]
    fn a_forgotten_way_out_is_closed_without_time_when_the_next_punch_comes() {
        let declared = Pairing::Declared;
        check(declared, "8:00-", &["3/8:00i"], "8:00. 3/8:00-");
        check(declared, "8:00-", &["3/17:00o"], "8:00. .3/17:00");
        check(declared, "8:00. 3/8:00-", &["17:00o"], "8:00-17:00 3/8:00-");
        check(declared, "8:00-", &["9:00i"], "8:00. 9:00-");
    }

    #[test]
    fn a_way_in_before_what_is_known_leaves_nobody_in() {
        check(Pairing::Declared, "3/8:00-", &["8:00i"], "8:00. 3/8:00-");
        check(Pairing::Declared, "3/8:00-3/9:00", &["8:00i"], "8:00. 3/8:00-3/9:00");
    }

    #[test]
    fn a_punch_of_the_future_neither_closes_nor_opens_anything() {
        check(Pairing::Declared, "8:00-", &["28/8:00i"], "8:00- 28/8:00.");
        check(Pairing::Declared, "28/8:00.", &["8:00i"], "8:00- 28/8:00.");
    }

    #[test]
    fn what_people_entered_by_hand_stays() {
        let declared = Pairing::Declared;
        check(declared, "8:00-12:00 12:00-17:00", &["18:00i"], "8:00-12:00 12:00-17:00 18:00-");
        check(declared, "22:00-3/6:00", &["3/6:00o"], "22:00-3/6:00");
        check(declared, "22:00-3/6:00", &["3/8:00i"], "22:00-3/6:00 3/8:00-");
        check(declared, "22:00-3/6:00", &["8:00i"], "8:00. 22:00-3/6:00");
        check(Pairing::FirstAndLast, "8:00-9:00 10:00-11:00", &["12:00"], "8:00-12:00");
        check(declared, "1/22:00-8:00", &["17:00o"], "1/22:00-8:00 .17:00");
    }

    /// All orders of these.
    fn orders(items: &[Punch]) -> Vec<Vec<Punch>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let without = |at: usize| [&items[..at], &items[at + 1..]].concat();
        let begin = |at: usize| orders(&without(at)).into_iter().map(move |rest| [vec![items[at]], rest].concat());
        (0..items.len()).flat_map(begin).collect()
    }

    #[test]
    fn the_order_in_which_punches_come_makes_no_difference() {
        let days = [
            &["8:00i", "12:00o", "13:00i", "17:00o", "18:00i"][..],
            &["7:00o", "8:00i", "9:00i", "10:00o", "11:00o"],
            &["8:00i", "9:00i", "10:00i", "3/8:00i", "3/9:00o"],
            &["8:00o", "9:00o", "3/8:00o", "4/8:00i", "4/8:30i"],
        ];
        for pairing in [Pairing::Declared, Pairing::InTurn, Pairing::FirstAndLast] {
            for day in days {
                let rules = rules(pairing);
                let punches: Vec<Punch> = day.iter().map(|text| punch(text)).collect();
                let mut results = orders(&punches).into_iter().map(|order| {
                    let mut site = Site::default();
                    for punch in order {
                        site.send(&[punch], &rules);
                    }
                    site.spans()
                });
                let first = results.next().unwrap();
                assert!(results.all(|spans| spans == first), "{pairing:?} {day:?}: {first:?}");
            }
        }
    }

    #[test]
    fn an_attendance_is_changed_and_not_replaced() {
        let mut site = Site::of("8:00-17:00");
        site.send(&[punch("12:00o"), punch("13:00i")], &rules(Pairing::Declared));
        assert_eq!(site.0.iter().find(|one| one.id == 1).unwrap().span, span("8:00-12:00"));
        let mut site = Site::of(".17:00");
        site.send(&[punch("8:00i")], &rules(Pairing::Declared));
        assert_eq!(site.0, [Attendance { id: 1, span: span("8:00-17:00") }]);
    }

    #[test]
    fn a_day_is_that_of_the_zone_and_its_beginning() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut rules = Rules { zone: Tz::Indian__Maldives, ..rules(Pairing::Declared) };
        rules.day.begins = chrono::NaiveTime::from_hms_opt(4, 0, 0).unwrap();
        assert_eq!(rules.date_of(utc("2026-03-02T22:59:59Z")).to_string(), "2026-03-02");
        assert_eq!(rules.date_of(utc("2026-03-02T23:00:00Z")).to_string(), "2026-03-03");
    }
}
