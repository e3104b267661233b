//! Past runs.

use chrono::{DateTime, Utc};

use super::stored::moment;
use crate::{Ledger, LedgerError, Report};

/// Runs kept; older ones are dropped.
const KEPT: u32 = 10_000;

/// A past run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastRun {
    /// Its id, as in its report.
    pub id: String,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// Its exit code.
    pub exit_code: u8,
    /// Events that entered the ledger.
    pub new: u64,
    /// Events stored, over all sinks.
    pub stored: u64,
}

impl Ledger {
    pub(crate) fn add_run(&self, report: &Report) -> Result<(), LedgerError> {
        self.write("record the run", |transaction| {
            let run = &report.run;
            // In the order in which they are recorded: the host's clock may once have been in the future.
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO runs (id, started_at, duration_ms, exit_code, new, stored, number)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT coalesce(max(number), 0) + 1 FROM runs))",
                )?
                .execute((
                    &run.id,
                    run.started_at.timestamp(),
                    run.duration_ms.cast_signed(),
                    run.exit_code,
                    report.totals.new.cast_signed(),
                    report.totals.stored.cast_signed(),
                ))?;
            transaction
                .prepare_cached(
                    "DELETE FROM runs WHERE number <= (SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?1)",
                )?
                .execute([KEPT])?;
            Self::note_ends(transaction, report)
        })
    }

    /// Returns the last runs that were recorded, the latest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn runs(&self, most: u32) -> Result<Vec<PastRun>, LedgerError> {
        self.read("list runs", |connection| {
            connection
                .prepare_cached(
                    "SELECT id, started_at, duration_ms, exit_code, new, stored FROM runs
                     ORDER BY number DESC LIMIT ?1",
                )?
                .query_map([most], |row| {
                    Ok(PastRun {
                        id: row.get(0)?,
                        started_at: moment(row.get(1)?),
                        duration_ms: row.get::<_, i64>(2)?.cast_unsigned(),
                        exit_code: row.get(3)?,
                        new: row.get::<_, i64>(4)?.cast_unsigned(),
                        stored: row.get::<_, i64>(5)?.cast_unsigned(),
                    })
                })?
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::report::RunReport;

    #[test]
    fn a_run_that_is_dated_in_the_future_does_not_stay_the_latest() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        for (id, days) in [("2026-a", 0), ("2036-b", 3_650), ("2026-c", 1)] {
            let started_at = now + TimeDelta::days(days);
            let run = RunReport {
                id: id.to_owned(),
                started_at,
                finished_at: started_at,
                duration_ms: 1,
                exit_code: 0,
                dry_run: false,
            };
            let report = Report::new(run, Vec::new(), Vec::new());
            ledger.add_run(&report).unwrap();
        }
        let ids: Vec<String> = ledger.runs(2).unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(ids, ["2026-c", "2036-b"]);
    }
}
