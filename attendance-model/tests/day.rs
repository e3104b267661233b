//! Properties of working days, for any punches.

use attendance_model::PunchState;
use attendance_model::day::{Day, DayRules, Direction, Pairing, Punch, Shift, absences, days};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use proptest::prelude::*;

/// Punches of about a week, some of them in the same minute, with and without a declared direction.
fn punches() -> impl Strategy<Value = Vec<Punch>> {
    let punch = (0i64..7 * 86_400, prop_oneof![0u8..6, Just(255), Just(15)]).prop_map(|(second, state)| {
        let moment = DateTime::from_timestamp(1_772_400_000 + second, 0).unwrap();
        Punch::new(moment.naive_utc(), PunchState(state))
    });
    prop::collection::vec(punch, 0..60)
}

fn rules() -> impl Strategy<Value = DayRules> {
    let pairing = prop_oneof![Just(Pairing::Declared), Just(Pairing::InTurn), Just(Pairing::FirstAndLast)];
    (0u32..24, pairing, 0i64..600).prop_map(|(hour, pairing, repeat)| {
        let mut rules = DayRules::default();
        rules.begins = NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        rules.pairing = pairing;
        rules.repeat_within = TimeDelta::seconds(repeat);
        rules
    })
}

fn shifts() -> impl Strategy<Value = Shift> {
    (0u32..24, 0u32..24, 0i64..60).prop_map(|(begins, ends, grace)| {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let mut shift = Shift::new(hour(begins), hour(ends));
        shift.grace = TimeDelta::minutes(grace);
        shift
    })
}

fn ends(day: &Day) -> Vec<Punch> {
    day.pairs.iter().flat_map(|pair| [pair.r#in, pair.out]).flatten().collect()
}

proptest! {
    #[test]
    fn every_punch_counts_once_or_is_a_repeat(punches in punches(), rules in rules()) {
        let week = days(punches.clone(), &rules);
        let seen: usize = week.iter().map(|day| day.punches + day.repeats).sum();
        prop_assert_eq!(seen, punches.len());
        if rules.pairing != Pairing::FirstAndLast {
            for day in &week {
                prop_assert_eq!(ends(day).len(), day.punches);
            }
        }
    }

    #[test]
    fn the_order_in_which_punches_come_does_not_matter(punches in punches(), rules in rules()) {
        let mut turned = punches.clone();
        turned.reverse();
        prop_assert_eq!(days(punches, &rules), days(turned, &rules));
    }

    #[test]
    fn a_punch_that_came_twice_changes_no_hours(punches in punches(), rules in rules()) {
        let worked = |week: Vec<Day>| week.iter().map(|day| (day.date, day.worked())).collect::<Vec<_>>();
        let mut twice = punches.clone();
        twice.extend(&punches);
        prop_assert_eq!(worked(days(punches, &rules)), worked(days(twice, &rules)));
    }

    #[test]
    fn days_are_in_order_and_each_is_listed_once(punches in punches(), rules in rules()) {
        let week = days(punches, &rules);
        prop_assert!(week.is_sorted_by(|one, next| one.date < next.date));
        for day in &week {
            prop_assert_eq!(day.date, rules.date_of(day.first.local));
            prop_assert_eq!(day.date, rules.date_of(day.last.local));
        }
    }

    #[test]
    fn nobody_works_longer_than_from_the_first_punch_to_the_last(punches in punches(), rules in rules()) {
        for day in days(punches, &rules) {
            prop_assert!(day.worked() >= TimeDelta::zero());
            prop_assert!(day.worked() <= day.presence());
            let ends = ends(&day);
            prop_assert!(ends.is_sorted_by_key(|punch| punch.local), "pairs do not overlap");
        }
    }

    #[test]
    fn a_day_has_a_way_in_and_out_or_misses_them(punches in punches(), rules in rules()) {
        for day in days(punches, &rules) {
            let missing: Vec<_> = day.missing().collect();
            prop_assert_eq!(missing.len(), day.missing_punches());
            prop_assert!(day.first_in().is_some() || missing[0].direction == Direction::In);
            prop_assert!(day.last_out().is_some() || missing[missing.len() - 1].direction == Direction::Out);
            let known = ends(&day);
            prop_assert!(missing.iter().all(|missing| known.contains(&missing.known)));
        }
    }

    #[test]
    fn a_shift_lasts_at_most_a_day_and_nobody_leaves_early_and_late(
        punches in punches(), rules in rules(), shift in shifts()
    ) {
        for day in days(punches, &rules) {
            let (begins, ends) = shift.on(day.date, &rules);
            prop_assert!(begins < ends && ends - begins <= TimeDelta::days(1));
            prop_assert_eq!(rules.date_of(begins), day.date);
            let (early, over) = (shift.left_early(&day, &rules), shift.overtime(&day, &rules));
            prop_assert!(early.is_none() || over.is_none());
            let late = shift.late(&day, &rules);
            prop_assert_eq!(late.is_some(), day.first.local > begins + shift.grace);
        }
    }

    #[test]
    fn a_date_is_a_day_or_an_absence(punches in punches(), rules in rules(), length in 0usize..20) {
        let week = days(punches, &rules);
        let start = DateTime::from_timestamp(1_772_400_000, 0).unwrap().date_naive();
        let dates: Vec<NaiveDate> = start.iter_days().take(length).collect();
        for date in absences(&week, dates.clone()) {
            prop_assert!(week.iter().all(|day| day.date != date));
        }
        let present = week.iter().filter(|day| dates.contains(&day.date)).count();
        prop_assert_eq!(absences(&week, dates.clone()).count() + present, dates.len());
    }

    #[test]
    fn no_pair_lacks_both_ends(punches in punches(), rules in rules()) {
        for day in days(punches, &rules) {
            prop_assert!(day.pairs.iter().all(|pair| pair.r#in.is_some() || pair.out.is_some()));
        }
    }
}
