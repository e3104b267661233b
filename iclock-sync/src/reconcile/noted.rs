//! What the last comparisons found, for those who ask later. It is `verified.json` in the state directory, and not in
//! the ledger: a service may hold that while somebody compares.

use std::io;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Reconciliation;
use crate::health::write_whole;
use crate::report::{DeviceStatus, SinkStatus};

/// The file in the state directory.
const FILE: &str = "verified.json";

/// What the last comparisons found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Noted {
    /// The end of the last one; `None` if there was none.
    pub at: Option<DateTime<Utc>>,
    /// The exit code of the last one.
    pub exit_code: u8,
    /// The terminals and sinks at which something was missing when they were compared last.
    pub lacking: Vec<Lacking>,
}

/// A terminal or a sink at which something was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lacking {
    /// Its configured name.
    pub name: String,
    /// True for a terminal, whose records the ledger misses; false for a sink that misses events.
    pub is_terminal: bool,
    /// The records or events that are missing.
    pub missing: u64,
    /// The first day that was compared; `None` for all.
    pub since: Option<NaiveDate>,
    /// The end of the comparison.
    pub at: DateTime<Utc>,
}

impl Noted {
    /// Reads what is noted in a state directory. What a later version wrote in another way counts as nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(state_dir: &Path) -> io::Result<Self> {
        match std::fs::read(state_dir.join(FILE)) {
            Ok(json) => Ok(serde_json::from_slice(&json).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Notes a comparison that has just ended with this exit code. What it did not compare stays as it was noted.
    ///
    /// # Errors
    /// When the file cannot be read or written; then what was noted before is still there.
    pub fn add(state_dir: &Path, compared: &Reconciliation, exit_code: u8, at: DateTime<Utc>) -> io::Result<()> {
        let mut noted = Self::read(state_dir)?;
        (noted.at, noted.exit_code) = (Some(at), exit_code);
        for terminal in &compared.terminals {
            let part = Lacking::of(&terminal.name, true, terminal.missing, compared.since, at);
            noted.put(part, terminal.status == DeviceStatus::Ok);
        }
        for sink in &compared.sinks {
            let part = Lacking::of(&sink.name, false, sink.missing, compared.since, at);
            noted.put(part, sink.status != SinkStatus::Failed);
        }
        write_whole(&state_dir.join(FILE), &serde_json::to_vec(&noted)?)
    }

    /// Puts a result in the place of an earlier one, if it was compared whole and on the same days at least.
    fn put(&mut self, part: Lacking, is_whole: bool) {
        let is_it = |earlier: &Lacking| (&earlier.name, earlier.is_terminal) == (&part.name, part.is_terminal);
        let covers = |earlier: &Lacking| is_whole && part.since.is_none_or(|since| earlier.since >= Some(since));
        self.lacking.retain(|earlier| !(is_it(earlier) && covers(earlier)));
        if part.missing > 0 && !self.lacking.iter().any(is_it) {
            self.lacking.push(part);
        }
    }
}

impl Lacking {
    fn of(name: &str, is_terminal: bool, missing: u64, since: Option<NaiveDate>, at: DateTime<Utc>) -> Self {
        Self { name: name.to_owned(), is_terminal, missing, since, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{Fates, SinkReconciliation, TerminalReconciliation};

    fn day(day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 3, day)
    }

    /// What is noted of the sink `db` after comparisons: since when, how many are missing, and if all was compared.
    fn after(comparisons: &[(Option<NaiveDate>, u64, bool)]) -> Vec<(Option<NaiveDate>, u64)> {
        let mut noted = Noted::default();
        noted.put(Lacking::of("db", true, 9, None, Utc::now()), true);
        for (since, missing, is_whole) in comparisons {
            noted.put(Lacking::of("db", false, *missing, *since, Utc::now()), *is_whole);
        }
        assert!(noted.lacking[0].is_terminal, "a terminal of that name is another part");
        noted.lacking[1..].iter().map(|part| (part.since, part.missing)).collect()
    }

    #[test]
    fn a_result_stays_until_the_same_days_are_compared_whole() {
        assert_eq!(after(&[(None, 2, true)]), [(None, 2)]);
        assert_eq!(after(&[(None, 2, true), (None, 0, true)]), []);
        assert_eq!(after(&[(day(5), 2, true), (None, 0, true)]), []);
        assert_eq!(after(&[(day(5), 2, true), (day(5), 0, true)]), []);
        assert_eq!(after(&[(day(5), 2, true), (day(4), 1, true)]), [(day(4), 1)]);
        // The others say nothing about all of the days.
        assert_eq!(after(&[(None, 2, true), (day(5), 0, true)]), [(None, 2)]);
        assert_eq!(after(&[(day(4), 2, true), (day(5), 1, true)]), [(day(4), 2)]);
        assert_eq!(after(&[(None, 2, true), (None, 0, false)]), [(None, 2)]);
    }

    #[test]
    fn a_comparison_that_failed_clears_nothing_and_is_the_last_one_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let terminal = |status| TerminalReconciliation {
            name: "gate".to_owned(),
            serial: None,
            status,
            error: None,
            error_kind: None,
            records: 0,
            unread: 0,
            counted_only: 0,
            missing: 0,
            days: Vec::new(),
        };
        let stored = |status| SinkReconciliation {
            name: "db".to_owned(),
            target: String::new(),
            status,
            error: None,
            error_kind: None,
            compared: true,
            fates: Fates::default(),
            documents: None,
            days_looked_up: 0,
            missing: 0,
            imported_missing: 0,
            shrunk_missing: 0,
            not_from_here: None,
            days: Vec::new(),
            lost: Vec::new(),
        };
        let compared = |missing: u64, device: DeviceStatus, sink: SinkStatus| Reconciliation {
            terminals: vec![TerminalReconciliation { missing, ..terminal(device) }],
            sinks: vec![SinkReconciliation { missing, ..stored(sink) }],
            since: None,
            missing,
        };
        let mut second = 1_800_000_000;
        let mut add = |of: &Reconciliation, exit_code: u8| {
            second += 1;
            let at = DateTime::from_timestamp(second, 0).unwrap();
            Noted::add(dir.path(), of, exit_code, at).unwrap();
            let noted = Noted::read(dir.path()).unwrap();
            assert_eq!((noted.at, noted.exit_code), (Some(at), exit_code));
            noted.lacking.into_iter().map(|part| (part.name, part.is_terminal, part.missing)).collect::<Vec<_>>()
        };
        let both = [("gate".to_owned(), true, 3), ("db".to_owned(), false, 3)];
        assert_eq!(add(&compared(3, DeviceStatus::Ok, SinkStatus::Ok), 70), both);
        assert_eq!(add(&compared(0, DeviceStatus::Failed, SinkStatus::Failed), 20), both);
        assert_eq!(add(&compared(0, DeviceStatus::Ok, SinkStatus::Failed), 30), both[1..]);
        assert_eq!(add(&compared(0, DeviceStatus::Ok, SinkStatus::Ok), 0), []);
    }

    #[test]
    fn what_nobody_wrote_or_a_later_version_wrote_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Noted::read(dir.path()).unwrap(), Noted::default());
        std::fs::write(dir.path().join(FILE), "[1]").unwrap();
        assert_eq!(Noted::read(dir.path()).unwrap(), Noted::default());
    }
}
