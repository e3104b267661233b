//! The gaps in the numbers of events: those of removed people. Other events that are gone have shrunk.

use rusqlite::Connection;

use super::{Transaction, shrunk};
use crate::Ledger;

/// The setting with the number of the last event when a person was last removed. Gaps in the numbers are not above it.
const LAST_EVENT: &str = "last event";

/// Notes, before events are removed, the number of the last one. It is not given again: sinks and audit know it.
pub(super) fn note(transaction: &Transaction<'_>, last: i64) -> rusqlite::Result<()> {
    Ledger::set(transaction, LAST_EVENT, &last.max(last_of_gaps(transaction)?).to_string())
}

/// The number above which there are no gaps; 0 if nobody was removed.
pub(super) fn last_of_gaps(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce((SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?1), 0)")?
        .query_row([LAST_EVENT], |row| row.get(0))
}

/// Counts the numbers after one, up to another, that no event has because its person was removed.
pub(super) fn removed(connection: &Connection, after: i64, through: i64) -> rusqlite::Result<i64> {
    let through = through.min(last_of_gaps(connection)?);
    if through <= after {
        return Ok(0);
    }
    let count = |question| connection.prepare_cached(question)?.query_row((after, through), |row| row.get::<_, i64>(0));
    let whole = count("SELECT count(*) FROM events WHERE seq > ?1 AND seq <= ?2")?;
    let shrunk = match shrunk::shrunk(connection)? {
        Some(sum) if sum.through > after => count("SELECT count(*) FROM shrunk WHERE seq > ?1 AND seq <= ?2")?,
        _ => 0,
    };
    Ok(through - after - whole - shrunk)
}

#[cfg(test)]
mod tests {
    use attendance_model::{AttendanceEvent, EventId, IdScheme, Source};
    use chrono::DateTime;

    use super::*;
    use crate::Window;
    use crate::ledger::sample::enter;
    use crate::ledger::{Admission, Entry, NewEvent, PollId, Removal, Settled};

    const TARGET: &str = "memory:db";

    /// Ten events, of which user 0 has the 5th and the 10th, user 1 the 1st and the 6th, and so on.
    fn ledger(dir: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(dir).unwrap();
        enter(&ledger, 10);
        ledger
    }

    fn admit(ledger: &Ledger, max_new: Option<u64>) -> (i64, Option<u64>) {
        let window = Window::default();
        let admission = Admission { target: TARGET, name: "db", ids: IdScheme::Full, window, max_new };
        let admitted = ledger.admit(&admission).unwrap();
        (admitted.sink.id, admitted.over_limit)
    }

    fn forget(ledger: &Ledger, user_id: &str) {
        ledger.remove_person(&Removal { user_id, until: 0, now: 0, unproven: &[], audit: None }).unwrap();
    }

    fn pending(ledger: &Ledger) -> u64 {
        ledger.waiting(TARGET).unwrap().pending
    }

    #[test]
    fn only_events_that_are_there_wait_after_their_person_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        forget(&ledger, "1");
        assert_eq!(pending(&ledger), 8, "for a sink that is not known yet");
        let (sink, _) = admit(&ledger, None);
        ledger.settle(sink, &Settled { delivered: 4, ..Settled::default() }).unwrap();
        assert_eq!(pending(&ledger), 5);
        forget(&ledger, "0");
        assert_eq!(pending(&ledger), 3, "the 7th, the 8th and the 9th");
    }

    #[test]
    fn skipped_events_wait_though_the_last_ones_were_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let (sink, _) = admit(&ledger, None);
        ledger.settle(sink, &Settled { delivered: 10, skipped: vec![2], ..Settled::default() }).unwrap();
        forget(&ledger, "0");
        assert_eq!(pending(&ledger), 1);
    }

    #[test]
    fn a_safety_limit_does_not_count_events_that_were_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        assert_eq!(admit(&ledger, Some(6)).1, Some(10));
        forget(&ledger, "1");
        forget(&ledger, "0");
        assert_eq!(admit(&ledger, Some(5)).1, Some(6));
        assert_eq!(admit(&ledger, Some(6)).1, None);
        assert_eq!(pending(&ledger), 6);
    }

    #[test]
    fn the_number_of_a_removed_event_is_not_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path());
        let (sink, _) = admit(&ledger, None);
        ledger.settle(sink, &Settled { delivered: 10, ..Settled::default() }).unwrap();
        forget(&ledger, "0");
        let time = DateTime::from_timestamp(99, 0).unwrap().naive_utc();
        let event = AttendanceEvent::new(EventId::from_bytes([9; 16]), "S", "gate", "7", time, Source::Pull);
        let new = NewEvent { event: &event, uid: None };
        let enter =
            |change: &Transaction<'_>| Entry::begin(change)?.insert(change, PollId { poll: 1, terminal: 1 }, &new);
        assert!(ledger.write("enter", enter).unwrap());
        assert_eq!((ledger.last_entered().unwrap(), pending(&ledger)), (11, 1), "it goes out");
    }
}
