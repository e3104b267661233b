//! `[schedule]`: the rest between two runs of a loop.

use std::time::Duration;

use chrono::NaiveTime;
use iclock_sync::Schedule;
use iclock_sync::schedule::Level;

use super::build::{parse, span};
use super::layers::{ConfigError, Layer};

const LEVELS: [(&str, Level); 4] =
    [("rest", Level::Rest), ("nap", Level::Nap), ("sleep", Level::Sleep), ("dream", Level::Dream)];

/// The schedule on the base of `interval`; [`of_loop`] puts another base in.
pub(super) fn take(layer: &mut Layer, interval: Duration) -> Result<Schedule, ConfigError> {
    let mut schedule = match layer.take("schedule.kind") {
        None => Schedule::graduated(interval),
        Some(kind) if kind.text == "graduated" => Schedule::graduated(interval),
        Some(kind) if kind.text == "fixed" => Schedule::fixed(interval),
        Some(kind) => {
            let problem = format!("{:?} is no kind of schedule", kind.text);
            return Err(kind.wrong("schedule.kind", problem).mend("write graduated or fixed"));
        }
    };
    if let Some(factor) = layer.take("schedule.factor") {
        schedule.factor = parse("schedule.factor", &factor, "a number from 1 to 100, such as 1.5")?;
        if !(1.0..=100.0).contains(&schedule.factor) {
            return Err(factor.wrong("schedule.factor", "is not between 1 and 100").mend("write 1.5"));
        }
    }
    for ((name, level), cap) in LEVELS.into_iter().zip(&mut schedule.caps) {
        let path = format!("schedule.{name}");
        if let Some(setting) = layer.take(&path) {
            *cap = span(&path, &setting)?;
        }
        let path = format!("schedule.{name}_from");
        if let Some(setting) = layer.take(&path) {
            let hour: u32 = parse(&path, &setting, "an hour from 0 to 23")?;
            if hour > 23 {
                return Err(setting.wrong(&path, format!("there is no hour {hour}")).mend("write 0 to 23"));
            }
            schedule.hours.retain(|(_, known)| *known != level);
            schedule.hours.push((hour, level));
        }
    }
    schedule.hours.sort_unstable();
    if let Some(setting) = layer.take("schedule.day_start") {
        let time = NaiveTime::parse_from_str(&setting.text, "%H:%M").map_err(|_| {
            setting.wrong("schedule.day_start", format!("{:?} is no time", setting.text)).mend("write it like 06:00")
        })?;
        schedule.day_start = Some(time);
    }
    Ok(schedule)
}
