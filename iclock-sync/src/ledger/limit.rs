//! The longest that a question to the ledger may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::sqlite;
use crate::{Ledger, LedgerError};

/// SQLite looks at the clock after so many of its steps: about once a millisecond.
const STEPS: i32 = 20_000;
/// No question is being answered.
const NEVER: u64 = u64::MAX;

/// The longest that a question may take.
#[derive(Debug)]
pub(super) struct Limit {
    limit: Duration,
    begin: Instant,
    /// Milliseconds from the beginning to the end of the question's time.
    ends: Arc<AtomicU64>,
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a AtomicU64);

impl Limit {
    /// Begins the time of a question.
    pub(super) fn begin(&self) -> Running<'_> {
        let ends = (self.begin.elapsed() + self.limit).as_millis();
        self.ends.store(u64::try_from(ends).unwrap_or(NEVER), Ordering::Relaxed);
        Running(&self.ends)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }
}

impl Ledger {
    /// Ends each question that takes longer, with an error of SQLite. Only for a ledger that is read.
    pub(crate) fn within(mut self, limit: Duration) -> Result<Self, LedgerError> {
        let (begin, ends) = (Instant::now(), Arc::new(AtomicU64::new(NEVER)));
        let seen = Arc::clone(&ends);
        let is_over = move || begin.elapsed().as_millis() > u128::from(seen.load(Ordering::Relaxed));
        let set = |connection: &rusqlite::Connection| connection.progress_handler(STEPS, Some(is_over));
        self.writer.read(set).map_err(sqlite("limit the time of questions"))?;
        self.limit = Some(Limit { limit, begin, ends });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;

    use super::*;

    #[test]
    fn a_question_that_takes_too_long_ends_and_the_next_one_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let _writer = Ledger::open(dir.path()).unwrap();
        let ledger = Ledger::open_read_only(dir.path()).unwrap().unwrap().within(Duration::from_millis(500)).unwrap();
        let count = |most: i64| {
            ledger.read("count", |connection| {
                let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";
                connection.query_row(&format!("{numbers} SELECT count(*) FROM n"), [most], |row| row.get::<_, i64>(0))
            })
        };
        let start = Instant::now();
        let error = count(i64::MAX).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::OperationInterrupted));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        // Its time is its own.
        std::thread::sleep(Duration::from_millis(510));
        assert_eq!(count(1_000).unwrap(), 1_000);
    }
}
