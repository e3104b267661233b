//! Properties of working days, for any punches.

use attendance_model::PunchState;
use attendance_model::day::{Day, DayRules, Pairing, Punch, days};
use chrono::{DateTime, NaiveTime, TimeDelta};
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
    (0u32..24, pairing, 0i64..600).prop_map(|(hour, pairing, repeat)| DayRules {
        begins: NaiveTime::from_hms_opt(hour, 0, 0).unwrap(),
        pairing,
        repeat_within: TimeDelta::seconds(repeat),
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
            prop_assert!(day.worked() <= day.first.until(&day.last));
            let ends = ends(&day);
            prop_assert!(ends.is_sorted_by_key(|punch| punch.local), "pairs do not overlap");
        }
    }

    #[test]
    fn no_pair_lacks_both_ends(punches in punches(), rules in rules()) {
        for day in days(punches, &rules) {
            prop_assert!(day.pairs.iter().all(|pair| pair.r#in.is_some() || pair.out.is_some()));
        }
    }
}
