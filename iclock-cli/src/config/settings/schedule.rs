//! The keys of `[schedule]`.

use iclock_sync::Schedule;
use iclock_sync::schedule::{Level, Quiet};

use super::super::key::Shape::{Number, Span, Text, Whole};
use super::super::key::Shown::{ByDefault, Example};
use super::super::key::{Entry, Wrong, choice, key, parsed, put, span, time};

/// Reads the hours from one time of the day to another.
pub(super) fn quiet(text: &str) -> Result<Quiet, Wrong> {
    let wrong = || Wrong::new(format!("{text:?} is not a valid span of the day"), "write it like 22:00-05:00");
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    Ok(Quiet { from: time(from.trim())?, until: time(until.trim())? })
}

pub(in crate::config) fn entries() -> Vec<Entry<Schedule>> {
    let cap = |name, level: Level, shown, doc| {
        key(name, Span, ByDefault(shown), doc, move |schedule: &mut Schedule, text| {
            let span = span(text)?;
            schedule.caps.iter_mut().skip(level as usize).take(1).for_each(|cap| *cap = span);
            Ok(())
        })
    };
    let from = |name, level: Level, shown, doc| {
        key(name, Whole(0, 23), ByDefault(shown), doc, move |schedule: &mut Schedule, text| {
            let hour: u32 = parsed(text, "an hour from 0 to 23")?;
            if hour > 23 {
                return Err(Wrong::new(format!("there is no hour {hour}"), "write 0 to 23"));
            }
            schedule.hours.retain(|(_, known)| *known != level);
            schedule.hours.push((hour, level));
            schedule.hours.sort_unstable();
            Ok(())
        })
    };
    vec![
        // The others change what this one sets.
        choice(
            "kind",
            "kind of schedule",
            [("graduated", Schedule::graduated as fn(_) -> _), ("fixed", Schedule::fixed)],
            ByDefault("graduated"),
            "graduated: the wait grows while no punches come. fixed: it is always `interval`.",
            |schedule: &mut Schedule, of_kind| put(schedule, Ok(of_kind(schedule.base))),
        ),
        key(
            "factor",
            Number(1.0, 100.0),
            ByDefault("1.5"),
            "The factor by which the wait grows with each poll that finds nothing.",
            |schedule: &mut Schedule, text| match parsed(text, "a number from 1 to 100, such as 1.5")? {
                factor if (1.0..=100.0).contains(&factor) => put(&mut schedule.factor, Ok(factor)),
                _ => Err(Wrong::new("is not between 1 and 100", "write 1.5")),
            },
        ),
        cap("rest", Level::Rest, "5m", "The longest wait at the first of four levels."),
        cap("nap", Level::Nap, "15m", "The longest wait at the second level."),
        cap("sleep", Level::Sleep, "1h", "The longest wait at the third level."),
        cap("dream", Level::Dream, "3h", "The longest wait at the last level."),
        from(
            "rest_from",
            Level::Rest,
            "6",
            "The hour of the day from which the wait grows no further than the first level.",
        ),
        from("nap_from", Level::Nap, "16", "The hour from which it grows no further than the second level."),
        from("sleep_from", Level::Sleep, "18", "The hour from which it grows no further than the third level."),
        from("dream_from", Level::Dream, "23", "The hour from which it grows no further than the last level."),
        key(
            "day_start",
            Text,
            ByDefault("06:00"),
            "The start of the working day: no wait goes past it.",
            |schedule: &mut Schedule, text| put(&mut schedule.day_start, time(text).map(Some)),
        ),
        key(
            "jitter",
            Number(0.0, 0.5),
            ByDefault("0.1"),
            "The share of a wait by which it may be longer or shorter, so that terminals are not polled in step.",
            |schedule: &mut Schedule, text| match parsed(text, "a number from 0 to 0.5, such as 0.1")? {
                jitter if (0.0..=0.5).contains(&jitter) => put(&mut schedule.jitter, Ok(jitter)),
                _ => Err(Wrong::new("is not between 0 and 0.5", "write 0.1")),
            },
        ),
        key(
            "quiet",
            Text,
            Example("22:00-05:00"),
            "The hours in which no poll is due. Punches that are heard live are read all the same. \
             By default there are none.",
            |schedule: &mut Schedule, text| put(&mut schedule.quiet, quiet(text).map(Some)),
        ),
    ]
}
