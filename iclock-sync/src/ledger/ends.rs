//! The last run of each terminal and each sink, if it did not end well.

use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::Transaction;
use crate::report::{ErrorKind, SinkStatus, exit_code};
use crate::{Ledger, LedgerError, Report};

/// The setting with all of them, as JSON.
const KEY: &str = "bad ends";

/// The most that are kept of terminals, and of sinks. The oldest go first.
const MOST: usize = 1_000;

/// The terminals and sinks whose last run did not end well, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BadEnds {
    /// The terminals.
    pub terminals: Vec<BadEnd>,
    /// The sinks.
    pub sinks: Vec<BadEnd>,
}

/// The last run of a terminal or a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BadEnd {
    /// The configured name.
    pub name: String,
    /// The id of the run.
    pub run: String,
    /// The end of the run.
    pub at: DateTime<Utc>,
    /// The exit code of a run with this terminal or sink alone.
    pub exit_code: u8,
    /// The failure, its cause, and a hint.
    pub error: String,
}

impl Ledger {
    /// Returns the terminals and sinks whose last run did not end well. A run that was stopped does not count.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn bad_ends(&self) -> Result<BadEnds, LedgerError> {
        Ok(parsed(self.setting(KEY)?))
    }

    /// Notes how a run ended for each of its terminals and sinks.
    pub(super) fn note_ends(transaction: &Transaction<'_>, report: &Report) -> rusqlite::Result<()> {
        let kept: Option<String> = transaction
            .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
            .query_row([KEY], |row| row.get(0))
            .optional()?;
        let before = parsed(kept);
        let mut ends = before.clone();
        ends.add(report);
        if ends == before {
            return Ok(());
        }
        // It is made of text and numbers alone.
        Self::set(transaction, KEY, &serde_json::to_string(&ends).unwrap_or_default())
    }
}

/// What a later version wrote in another way is no reason to fail.
fn parsed(text: Option<String>) -> BadEnds {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

impl BadEnds {
    fn add(&mut self, report: &Report) {
        let end = |name: &str, exit_code, error: Option<&String>| BadEnd {
            name: name.to_owned(),
            run: report.run.id.clone(),
            at: report.run.finished_at,
            exit_code,
            error: error.cloned().unwrap_or_default(),
        };
        for device in report.devices.iter().filter(|device| device.error_kind != Some(ErrorKind::Stopped)) {
            let code = exit_code(std::slice::from_ref(device), &[]);
            let error = device.error.as_ref().or(device.unproven.as_ref().map(|kept| &kept.verdict));
            put(&mut self.terminals, end(&device.name, code, error));
        }
        for sink in &report.sinks {
            let code = exit_code(&[], std::slice::from_ref(sink));
            // It was left alone, although something waits for it.
            let says_nothing = sink.status == SinkStatus::Idle && code == 0 && sink.pending > 0;
            if !says_nothing && sink.error_kind != Some(ErrorKind::Stopped) {
                put(&mut self.sinks, end(&sink.name, code, sink.error.as_ref()));
            }
        }
    }
}

/// Puts an end in the place of an earlier one. A good one leaves nothing.
fn put(ends: &mut Vec<BadEnd>, end: BadEnd) {
    ends.retain(|earlier| earlier.name != end.name);
    if end.exit_code != 0 {
        ends.push(end);
    }
    ends.drain(..ends.len().saturating_sub(MOST));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{DeviceReport, DeviceStatus, KeptLog, RunReport, SinkReport};

    fn failed(name: &str, error: &str) -> DeviceReport {
        DeviceReport {
            status: DeviceStatus::Failed,
            error: Some(error.to_owned()),
            ..DeviceReport::new(name, "192.0.2.10:4370")
        }
    }

    fn add(ledger: &Ledger, id: &str, devices: Vec<DeviceReport>, sinks: Vec<SinkReport>) {
        ledger.add_run(&Report::new(RunReport::new(id, Utc::now()), devices, sinks)).unwrap();
    }

    fn told(ends: &[BadEnd]) -> Vec<(&str, &str, u8, &str)> {
        ends.iter().map(|end| (&*end.name, &*end.run, end.exit_code, &*end.error)).collect()
    }

    #[test]
    fn the_last_end_of_each_terminal_and_sink_counts_and_a_good_one_clears_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.bad_ends().unwrap(), BadEnds::default());
        let unproven = DeviceReport {
            status: DeviceStatus::Unproven,
            unproven: Some(KeptLog::new(Some(1), "its sizes disagree")),
            ..DeviceReport::new("gate", "192.0.2.11:4370")
        };
        let down = SinkReport {
            status: SinkStatus::Failed,
            error: Some("no answer".into()),
            pending: 4,
            ..SinkReport::new("db")
        };
        add(&ledger, "1", vec![failed("office", "no route"), unproven], vec![down]);
        let ends = ledger.bad_ends().unwrap();
        assert_eq!(told(&ends.terminals), [("office", "1", 20, "no route"), ("gate", "1", 40, "its sizes disagree")]);
        assert_eq!(told(&ends.sinks), [("db", "1", 30, "no answer")]);
        // The next run has other terminals, was stopped at one of them, and left the sink alone.
        let stopped = DeviceReport { error_kind: Some(ErrorKind::Stopped), ..failed("office", "stopped") };
        let idle = SinkReport { pending: 4, ..SinkReport::new("db") };
        add(&ledger, "2", vec![stopped, DeviceReport::new("gate", "192.0.2.11:4370")], vec![idle]);
        let ends = ledger.bad_ends().unwrap();
        assert_eq!(told(&ends.terminals), [("office", "1", 20, "no route")]);
        assert_eq!(told(&ends.sinks), [("db", "1", 30, "no answer")]);
        add(&ledger, "3", vec![failed("office", "no port")], vec![SinkReport::new("db")]);
        let ends = ledger.bad_ends().unwrap();
        assert_eq!((told(&ends.terminals), told(&ends.sinks)), (vec![("office", "3", 20, "no port")], Vec::new()));
    }

    #[test]
    fn they_are_bounded_whatever_names_are_given() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        add(&ledger, "1", (0..=MOST).map(|n| failed(&n.to_string(), "no route")).collect(), Vec::new());
        let ends = ledger.bad_ends().unwrap().terminals;
        assert_eq!((ends.len(), ends[0].name.as_str()), (MOST, "1"));
    }
}
