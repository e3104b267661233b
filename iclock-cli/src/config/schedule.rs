//! `[schedule]`: the rest between two runs of a loop.

use std::time::Duration;

use chrono::NaiveTime;
use iclock_sync::Schedule;
use iclock_sync::schedule::Level;

use super::build::{parse, span};
use super::layers::{ConfigError, Layer};

const LEVELS: [(&str, Level); 4] =
    [("rest", Level::Rest), ("nap", Level::Nap), ("sleep", Level::Sleep), ("dream", Level::Dream)];

/// The schedule on the base of `interval`, which a loop may replace. What is wrong goes to `errors`.
pub(super) fn take(layer: &mut Layer, interval: Duration, errors: &mut Vec<ConfigError>) -> Schedule {
    let mut noted = |error: ConfigError| errors.push(error);
    let mut schedule = Schedule::graduated(interval);
    if let Some(kind) = layer.take("schedule.kind") {
        match kind.text.as_str() {
            "graduated" => {}
            "fixed" => schedule = Schedule::fixed(interval),
            other => {
                let problem = format!("{other:?} is no kind of schedule");
                noted(kind.wrong("schedule.kind", problem).hint("write graduated or fixed"));
            }
        }
    }
    if let Some(factor) = layer.take("schedule.factor") {
        match parse("schedule.factor", &factor, "a number from 1 to 100, such as 1.5") {
            Ok(number) if (1.0..=100.0).contains(&number) => schedule.factor = number,
            Ok(_) => noted(factor.wrong("schedule.factor", "is not between 1 and 100").hint("write 1.5")),
            Err(error) => noted(error),
        }
    }
    for ((name, level), cap) in LEVELS.into_iter().zip(&mut schedule.caps) {
        let path = format!("schedule.{name}");
        if let Some(setting) = layer.take(&path) {
            span(&path, &setting).map_or_else(&mut noted, |span| *cap = span);
        }
        let path = format!("schedule.{name}_from");
        let Some(setting) = layer.take(&path) else { continue };
        match parse::<u32>(&path, &setting, "an hour from 0 to 23") {
            Ok(hour) if hour < 24 => {
                schedule.hours.retain(|(_, known)| *known != level);
                schedule.hours.push((hour, level));
            }
            Ok(hour) => noted(setting.wrong(&path, format!("there is no hour {hour}")).hint("write 0 to 23")),
            Err(error) => noted(error),
        }
    }
    schedule.hours.sort_unstable();
    if let Some(setting) = layer.take("schedule.day_start") {
        match NaiveTime::parse_from_str(&setting.text, "%H:%M") {
            Ok(time) => schedule.day_start = Some(time),
            Err(_) => {
                let problem = format!("{:?} is no time", setting.text);
                noted(setting.wrong("schedule.day_start", problem).hint("write it like 06:00"));
            }
        }
    }
    schedule
}
