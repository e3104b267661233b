//! The hints of a report: rules that refuse many records, clocks that are off, logs that fill up.

use std::fmt;

use attendance_model::Reason;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::report::DeviceReport;

/// More new records than this that one rule refuses are worth a hint; so is a tenth of them.
const MANY_REFUSED: u64 = 20;
/// A clock that is further off than this is worth a hint, in milliseconds.
const DRIFT_TOLD_MS: u64 = 60_000;
/// The difference between two zones is a multiple of this, in milliseconds.
const ZONE_STEP_MS: u64 = 15 * 60_000;
/// The drift that a clock may have in addition to a difference of zones, in milliseconds.
const ZONE_SLACK_MS: u64 = 3 * 60_000;
/// No zone is further from UTC than this, in milliseconds.
const ZONE_MAX_MS: u64 = 14 * 3_600_000;
/// Characters of a user id that are shown.
const ID_SHOWN: usize = 24;

/// Something that a person should check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hint {
    /// A rule refuses many of the new records.
    Rule {
        /// The rule.
        rule: Reason,
        /// New records that it refused.
        refused: u64,
        /// New records in all.
        of: u64,
        /// One of the user ids, as read; long ones are cut.
        example: String,
        /// The rule's setting that lets them pass; `None` if nothing does.
        setting: Option<String>,
    },
    /// The clock is off by about the difference of two time zones.
    Zone {
        /// The terminal's clock less the true time, in milliseconds.
        drift_ms: i64,
        /// The configured zone.
        zone: Option<String>,
    },
    /// The clock is off.
    Clock {
        /// The terminal's clock less the true time, in milliseconds.
        drift_ms: i64,
    },
    /// The log is nearly full: 90 %.
    NearlyFull {
        /// Records in the terminal.
        records: u64,
        /// Records that it can hold.
        capacity: u64,
    },
    /// The log is full.
    Full {
        /// Records in the terminal.
        records: u64,
        /// Records that it can hold.
        capacity: u64,
    },
}

/// New records that one rule refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    records: u64,
    /// The first one's user id.
    example: Option<String>,
}

impl Refused {
    /// Counts one more.
    pub(crate) fn count(&mut self, user_id: &str) {
        self.add(Self { records: 1, example: Some(user_id.to_owned()) });
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.example = self.example.take().or(other.example);
    }
}

impl Hint {
    /// Returns true if something is wrong, not just notable.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Returns the hints for a terminal's report.
pub(crate) fn of(report: &DeviceReport, zone: Option<Tz>) -> Vec<Hint> {
    let rules = report.refused.iter().filter_map(|(rule, refused)| of_rule(*rule, refused, report));
    let clock =
        report.clock_drift_ms.filter(|_| report.clock_set.is_none()).and_then(|drift_ms| of_clock(drift_ms, zone));
    rules.chain(clock).chain(of_capacity(report)).collect()
}

fn of_rule(rule: Reason, refused: &Refused, report: &DeviceReport) -> Option<Hint> {
    let of = report.new + report.quarantined;
    let Refused { records, example } = refused;
    if *records <= MANY_REFUSED && records.saturating_mul(10) < of {
        return None;
    }
    let setting = (!rule.is_fixed()).then(|| format!("{rule} = \"{}\"", policy_that_lets_pass(rule)));
    let example = shortened(example.as_deref().unwrap_or_default());
    Some(Hint::Rule { rule, refused: *records, of, example, setting })
}

/// Ids that belong to nobody pass with a flag. If they were accepted, bytes that are no text would be missing in an id.
fn policy_that_lets_pass(rule: Reason) -> &'static str {
    match rule {
        Reason::NonNumericUserId | Reason::NonPositiveUserId => "accept",
        _ => "flag",
    }
}

fn shortened(id: &str) -> String {
    match id.char_indices().nth(ID_SHOWN) {
        Some((end, _)) => format!("{}\u{2026}", id.get(..end).unwrap_or(id)),
        None => id.to_owned(),
    }
}

fn of_clock(drift_ms: i64, zone: Option<Tz>) -> Option<Hint> {
    let off = drift_ms.unsigned_abs();
    if off <= DRIFT_TOLD_MS {
        return None;
    }
    let steps = (off + ZONE_STEP_MS / 2) / ZONE_STEP_MS * ZONE_STEP_MS;
    let of_zone = (ZONE_STEP_MS..=ZONE_MAX_MS).contains(&steps) && off.abs_diff(steps) <= ZONE_SLACK_MS;
    Some(if of_zone {
        Hint::Zone { drift_ms, zone: zone.map(|zone| zone.name().to_owned()) }
    } else {
        Hint::Clock { drift_ms }
    })
}

fn of_capacity(report: &DeviceReport) -> Option<Hint> {
    let (records, capacity) = (report.records_on_device?, report.record_capacity.filter(|capacity| *capacity > 0)?);
    if records >= capacity {
        Some(Hint::Full { records, capacity })
    } else if records.saturating_mul(10) >= capacity.saturating_mul(9) {
        Some(Hint::NearlyFull { records, capacity })
    } else {
        None
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule, refused, of, example, setting } => {
                write!(f, "the rule {rule} refused {refused} of {of} new records")?;
                if !example.is_empty() {
                    write!(f, ", for example user id {example:?}")?;
                }
                f.write_str("; ")?;
                match setting {
                    Some(setting) => write!(f, "to let such records pass, set under [rules]: {setting}"),
                    None => write!(f, "no setting lets them pass: they cannot be stored"),
                }
            }
            Self::Zone { drift_ms, zone: None } => write!(
                f,
                "its clock is {}, as in another time zone; if it shows the right local time, set `zone` for this \
                 terminal, e.g. zone = \"Indian/Maldives\"",
                Off(*drift_ms)
            ),
            Self::Zone { drift_ms, zone: Some(zone) } => write!(
                f,
                "its clock is {}{} the time in {zone}; check that `zone` is where it is, and whether it changes to \
                 summer time",
                Off(*drift_ms),
                if *drift_ms > 0 { " of" } else { "" }
            ),
            Self::Clock { drift_ms } => write!(f, "its clock is {}; set the clock at the terminal", Off(*drift_ms)),
            Self::NearlyFull { records, capacity } => write!(
                f,
                "its log holds {records} of {capacity} records; clear it at the terminal before it is full, once all \
                 of it is stored"
            ),
            Self::Full { records, capacity } => write!(
                f,
                "its log is full ({records} of {capacity} records): it now overwrites the oldest records or refuses \
                 new punches, depending on the model; clear it at the terminal, once all of it is stored"
            ),
        }
    }
}

/// A clock's drift, in its two largest units.
struct Off(i64);

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.unsigned_abs() / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        let (first, second) = match (days, hours, minutes) {
            (0, 0, minutes) => {
                (format!("{minutes} min"), Some(seconds % 60).filter(|n| *n > 0).map(|n| format!("{n} s")))
            }
            (0, hours, minutes) => (format!("{hours} h"), Some(minutes).filter(|n| *n > 0).map(|n| format!("{n} min"))),
            (1, hours, _) => ("1 day".to_owned(), Some(hours).filter(|n| *n > 0).map(|n| format!("{n} h"))),
            (days, hours, _) => (format!("{days} days"), Some(hours).filter(|n| *n > 0).map(|n| format!("{n} h"))),
        };
        f.write_str(&first)?;
        if let Some(second) = second {
            write!(f, " {second}")?;
        }
        f.write_str(if self.0 > 0 { " ahead" } else { " behind" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    #[test]
    fn a_drift_is_shown_in_its_two_largest_units() {
        let told = [90_000, -5 * HOUR, 5 * HOUR + 12 * MINUTE, 24 * HOUR, -51 * HOUR].map(|off| Off(off).to_string());
        assert_eq!(told, ["1 min 30 s ahead", "5 h behind", "5 h 12 min ahead", "1 day ahead", "2 days 3 h behind"]);
    }

    #[test]
    fn the_hint_for_a_clock_of_another_zone_never_is_to_set_it() {
        for off in [-5 * HOUR, 13 * HOUR, 5 * HOUR + 45 * MINUTE, 15 * MINUTE, 5 * HOUR - 3 * MINUTE, 14 * HOUR] {
            for zone in [None, Some(Tz::Indian__Maldives)] {
                let hint = of_clock(off, zone).unwrap().to_string();
                assert!(hint.contains("`zone`") && !hint.contains("set the clock"), "{off}: {hint}");
            }
        }
        for (off, told) in [(-5 * HOUR, "is 5 h behind the time in"), (5 * HOUR, "is 5 h ahead of the time in")] {
            let hint = of_clock(off, Some(Tz::Indian__Maldives)).unwrap().to_string();
            assert!(hint.contains(told), "{hint}");
        }
        for off in [2 * MINUTE, 11 * MINUTE, 5 * HOUR + 4 * MINUTE, 15 * HOUR, 24 * HOUR, -100 * HOUR] {
            assert_eq!(of_clock(off, None), Some(Hint::Clock { drift_ms: off }), "{off}");
        }
        assert_eq!(of_clock(MINUTE, None), None);
    }

    fn refused(records: u64, of: u64) -> Option<Hint> {
        let mut report = DeviceReport::new("gate", "192.0.2.10:4370");
        (report.new, report.quarantined) = (of - records, records);
        let mut refused = Refused::default();
        (0..records).for_each(|_| refused.count("NB2401004"));
        report.refused.insert(Reason::NonNumericUserId, refused);
        super::of(&report, None).pop()
    }

    #[test]
    fn a_rule_that_refuses_a_tenth_or_more_than_twenty_says_so() {
        assert!(refused(10, 101).is_none() && refused(20, 300).is_none());
        assert!(refused(10, 100).is_some() && refused(21, 300).is_some());
        let text = refused(60, 60).unwrap().to_string();
        let expected = "the rule non_numeric_user_id refused 60 of 60 new records, for example user id \
                        \"NB2401004\"; to let such records pass, set under [rules]: non_numeric_user_id = \"accept\"";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_example_is_shortened_and_a_rule_without_a_setting_says_so() {
        let report = DeviceReport { quarantined: 1, ..DeviceReport::new("gate", "192.0.2.10:4370") };
        let mut one = Refused::default();
        one.count(&"7".repeat(40));
        let hint = of_rule(Reason::Undecodable, &one, &report).unwrap();
        let Hint::Rule { example, setting, .. } = &hint else { panic!("{hint:?}") };
        assert_eq!((example.chars().count(), setting), (25, &None));
        let bytes = of_rule(Reason::UndecodableUserId, &one, &report).unwrap().to_string();
        assert!(bytes.ends_with("undecodable_user_id = \"flag\""), "never one that makes it another id: {bytes}");
    }

    #[test]
    fn a_log_is_nearly_full_from_nine_tenths_on() {
        let hints = |records| {
            let report = DeviceReport {
                records_on_device: Some(records),
                record_capacity: Some(1_000),
                ..DeviceReport::new("gate", "192.0.2.10:4370")
            };
            of(&report, None).iter().map(Hint::is_problem).collect::<Vec<_>>()
        };
        assert_eq!([hints(899), hints(900), hints(999), hints(1_000)], [vec![], vec![false], vec![false], vec![true]]);
    }
}
