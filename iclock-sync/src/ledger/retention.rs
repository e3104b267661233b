//! Old events shrink to what they are known by, once every sink has been given them.
//!
//! A shrunk event is recognized when its record is read again, so that it never enters twice. It cannot be sent again.

use attendance_model::Source;
use rusqlite::{Connection, OptionalExtension};
use zk_proto::record::AttendanceLayout;

use super::Transaction;
use super::events::last_seq;
use super::shrunk::{ShrunkEvents, digest, set_shrunk, shrunk};
use super::sinks::{SinkState, state};
use super::stored::wall_clock;
use crate::mask::Mask;
use crate::{Ledger, LedgerError};

/// The latest events of each terminal that never shrink: its next punches are judged by their times.
const LATEST: i64 = 16;

/// The events that may shrink: those read before a moment (in seconds), if each of these targets has been given them.
#[derive(Clone, Debug)]
pub(crate) struct Shrinking {
    pub(crate) read_before: i64,
    pub(crate) targets: Vec<String>,
}

/// The result of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) shrunk: u64,
    /// The place where the next step begins; `None` if all is done.
    pub(crate) next: Option<i64>,
}

/// An old event.
struct Old {
    seq: i64,
    time: i64,
    may_shrink: bool,
}

impl Ledger {
    /// Shrinks those of the next `most` events after a number that may.
    pub(crate) fn shrink_events(&self, which: &Shrinking, after: i64, most: u32) -> Result<Step, LedgerError> {
        self.alone("shrink old events", |connection| step(connection, which, after, most))
    }

    /// Empties old records that have left the quarantine, so that only what they are known by is kept. Looks at `most`
    /// of them after a number.
    pub(crate) fn shrink_quarantine(&self, left_before: i64, after: i64, most: u32) -> Result<Step, LedgerError> {
        self.write("shrink the quarantine", |transaction| {
            let last: Option<i64> = transaction
                .prepare_cached("SELECT max(id) FROM (SELECT id FROM quarantine WHERE id > ?1 ORDER BY id LIMIT ?2)")?
                .query_row((after, most), |row| row.get(0))?;
            let Some(last) = last else { return Ok(Step::default()) };
            let shrunk = transaction
                .prepare_cached(
                    "UPDATE quarantine SET raw = x'', user_id = '', note = NULL
                     WHERE id > ?1 AND id <= ?2 AND resolved_at < ?3 AND (raw <> x'' OR user_id <> '')",
                )?
                .execute((after, last, left_before))?;
            Ok(Step { shrunk: shrunk as u64, next: Some(last) })
        })
    }
}

/// Passes over the events that shrunk before a sink was met, or while it was not configured: they cannot be sent to it.
/// Those between them that did not shrink still go out.
pub(super) fn pass_over(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<bool> {
    let Some(ShrunkEvents { through, .. }) = shrunk(transaction)? else { return Ok(false) };
    if through <= sink.delivered {
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO exceptions (sink, seq, state)
             SELECT ?1, e.seq, CASE WHEN e.seq <= ?4 THEN ?6 WHEN e.seq <= ?5 THEN ?7 ELSE ?8 END FROM events e
             WHERE e.seq > ?2 AND e.seq <= ?3
                 AND NOT EXISTS (SELECT 1 FROM exceptions x WHERE x.sink = ?1 AND x.seq = e.seq)",
        )?
        .execute((
            sink.id,
            sink.delivered,
            through,
            sink.admitted,
            sink.windowed,
            state::SKIPPED,
            state::RELEASED,
            state::HELD,
        ))?;
    transaction
        .prepare_cached(
            "UPDATE sinks SET delivered = ?2, admitted = max(admitted, ?2), windowed = max(windowed, ?2), begins = ?2,
                 window = NULL WHERE id = ?1",
        )?
        .execute((sink.id, through))?;
    Ok(true)
}

fn step(connection: &Connection, which: &Shrinking, after: i64, most: u32) -> rusqlite::Result<Step> {
    let Some((sinks, delivered)) = given(connection, &which.targets)? else { return Ok(Step::default()) };
    // The last number stays: the next event would get it again.
    let through = delivered.min(last_seq(connection)? - 1);
    // The events come first: they are looked at in the order of their numbers.
    let mut events = connection.prepare_cached(&format!(
        "WITH latest AS MATERIALIZED (
             SELECT t.id, (
                 SELECT time FROM events WHERE terminal = t.id ORDER BY time DESC LIMIT 1 OFFSET {}
             ) AS time FROM terminals t
         )
         SELECT e.seq, e.time, r.read_at < ?4, coalesce(e.time < l.time, FALSE) AND NOT EXISTS (
             SELECT 1 FROM exceptions x WHERE x.sink IN ({sinks}) AND x.seq = e.seq AND x.state NOT IN ({}, {})
         ) FROM events e CROSS JOIN readings r ON r.id = e.reading CROSS JOIN latest l ON l.id = e.terminal
         WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq LIMIT ?3",
        LATEST - 1,
        state::MERGED,
        state::IMPORTED
    ))?;
    let mut rows = events.query((after, through, most, which.read_before))?;
    let (mut seen, mut last, mut old) = (0, after, Vec::new());
    while let Some(row) = rows.next()? {
        seen += 1;
        last = row.get(0)?;
        if row.get(2)? {
            old.push(Old { seq: last, time: row.get(1)?, may_shrink: row.get(3)? });
        }
    }
    drop(rows);
    let mut sum = shrunk(connection)?.unwrap_or_default();
    let mut step = Step::default();
    for event in old.iter().filter(|event| event.may_shrink) {
        shrink(connection, event.seq)?;
        step.shrunk += 1;
        sum.events += 1;
        sum.through = sum.through.max(event.seq);
        sum.latest = sum.latest.max(wall_clock(event.time));
    }
    if step.shrunk > 0 {
        set_shrunk(connection, &sum)?;
    }
    // They are numbered as they were read: after a page without an old one there is hardly another.
    step.next = (seen == most && !old.is_empty()).then_some(last);
    Ok(step)
}

/// Returns the sinks of some targets, as a list, and the number up to which each has been given all; `None` if one is
/// not known yet, or there are none.
fn given(connection: &Connection, targets: &[String]) -> rusqlite::Result<Option<(String, i64)>> {
    let (mut sinks, mut delivered) = (Vec::new(), i64::MAX);
    for target in targets {
        let known: Option<(i64, i64)> = connection
            .prepare_cached("SELECT id, delivered FROM sinks WHERE target = ?1")?
            .query_row([target], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, through)) = known else { return Ok(None) };
        sinks.push(id.to_string());
        delivered = delivered.min(through);
    }
    Ok((!sinks.is_empty()).then(|| (sinks.join(", "), delivered)))
}

/// Shrinks an event. Nothing refers to it afterwards.
fn shrink(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    let (raw, layout, source): (Vec<u8>, Option<String>, String) = connection
        .prepare_cached(
            "SELECT e.raw, r.layout, r.source FROM events e JOIN readings r ON r.id = e.reading WHERE e.seq = ?1",
        )?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // Early ledgers did not keep the layout.
    let mask = match layout {
        None if source == Source::Pull.as_str() => {
            AttendanceLayout::of_width(raw.len()).map_or(Mask::of_layout(None), Mask::from)
        }
        layout => Mask::of_layout(layout.as_deref()),
    };
    let digest = digest(&mask.apply(&raw));
    connection
        .prepare_cached(
            "INSERT INTO shrunk (time, terminal, key, seq, user_id, uid, verify_mode, punch_state, source, digest)
             SELECT e.time, e.terminal, e.key, e.seq, e.user_id, e.uid, e.verify_mode, e.punch_state,
                 nullif(r.source, 'pull'), ?2 FROM events e JOIN readings r ON r.id = e.reading WHERE e.seq = ?1",
        )?
        .execute((seq, digest))?;
    // A sink that was not configured when the step began may not have it.
    connection
        .prepare_cached(
            "UPDATE sinks SET begins = ?1 WHERE begins < ?1 AND (delivered < ?1 OR EXISTS (
                 SELECT 1 FROM exceptions x WHERE x.sink = sinks.id AND x.seq = ?1 AND x.state NOT IN (?2, ?3)
             ))",
        )?
        .execute((seq, state::MERGED, state::IMPORTED))?;
    connection
        .prepare_cached("DELETE FROM exceptions WHERE sink IN (SELECT id FROM sinks) AND seq = ?1")?
        .execute([seq])?;
    connection.prepare_cached("DELETE FROM events WHERE seq = ?1")?.execute([seq])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use attendance_model::IdScheme;
    use chrono::DateTime;

    use super::*;
    use crate::Window;
    use crate::ledger::{Admission, FILE, Fates, Settled};

    /// A ledger with so many events of one terminal, one a second, read at second 0.
    fn filled(events: i64) -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger
            .write("fill", |transaction| {
                transaction.execute_batch(&format!(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'S', 'gate');
             INSERT INTO readings (id, terminal, device_name, source, read_at) VALUES (1, 1, 'gate', 'pull', 0);
             INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, utc, raw)
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {events})
             SELECT 1, 1, 1700000000 + n, randomblob(16), n % 500, 1, 0, 1700000000 + n, randomblob(40) FROM n"
                ))
            })
            .unwrap();
        (dir, ledger)
    }

    fn fates(ledger: &Ledger, target: &str) -> Fates {
        let mut sum = Fates::default();
        ledger.stock(target, None).unwrap().into_values().for_each(|day| sum += day);
        sum
    }

    fn admit(ledger: &Ledger, target: &str, ids: IdScheme) -> SinkState {
        let window = Window::default();
        ledger.admit(&Admission { target, name: target, ids, window, max_new: None }).unwrap().sink
    }

    fn deliver(ledger: &Ledger, target: &str, delivered: i64) -> SinkState {
        let sink = admit(ledger, target, IdScheme::Full);
        ledger.settle(sink.id, &Settled { delivered, ..Settled::default() }).unwrap();
        sink
    }

    /// Shrinks all that may; returns the number of steps, and of events.
    fn shrink(ledger: &Ledger, targets: &[&str], most: u32) -> (u64, u64) {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let which = Shrinking { read_before: 1, targets };
        let (mut after, mut steps, mut shrunk) = (0, 0, 0);
        loop {
            let step = ledger.shrink_events(&which, after, most).unwrap();
            assert!(step.shrunk <= u64::from(most));
            (steps, shrunk) = (steps + 1, shrunk + step.shrunk);
            match step.next {
                Some(next) => after = next,
                None => return (steps, shrunk),
            }
        }
    }

    #[test]
    fn a_ledger_of_200_000_events_shrinks_in_small_steps() {
        let (dir, ledger) = filled(200_000);
        deliver(&ledger, "a", 200_000);
        let size = || std::fs::metadata(dir.path().join(FILE)).unwrap().len();
        ledger.compact().unwrap();
        let before = size();
        let (steps, shrunk) = shrink(&ledger, &["a"], 2_000);
        assert_eq!((steps, shrunk), (100, 199_984), "the last sixteen stay");
        ledger.compact().unwrap();
        assert!(size() * 5 < before * 2, "{} of {before} bytes", size());
        assert_eq!((ledger.check().unwrap(), ledger.event_count().unwrap()), (Vec::new(), 200_000));
        let sum = ledger.shrunk().unwrap().unwrap();
        let latest = DateTime::from_timestamp(1_700_199_984, 0).unwrap().naive_utc();
        assert_eq!((sum.events, sum.latest), (199_984, latest));
        assert_eq!(shrink(&ledger, &["a"], 2_000).1, 0);
    }

    #[test]
    fn what_waits_for_a_sink_or_was_refused_by_one_does_not_shrink() {
        let (_dir, ledger) = filled(100);
        assert_eq!(shrink(&ledger, &[], 10), (1, 0), "without a sink nothing is delivered");
        assert_eq!(shrink(&ledger, &["a"], 10), (1, 0), "the sink is not known yet");
        let a = admit(&ledger, "a", IdScheme::Full);
        let (skipped, rejected) = (vec![3], vec![(5, "no".to_owned())]);
        ledger.settle(a.id, &Settled { delivered: 60, skipped, rejected, ..Settled::default() }).unwrap();
        deliver(&ledger, "b", 50);
        assert_eq!(shrink(&ledger, &["a", "b"], 10).1, 48);
        let which = Shrinking { read_before: 0, targets: vec!["a".to_owned()] };
        assert_eq!(ledger.shrink_events(&which, 0, 99).unwrap(), Step::default(), "not old enough");
        // What is left is still sent, and nothing else.
        assert_eq!(ledger.waiting("a").unwrap().pending, 41);
        assert_eq!(ledger.waiting("b").unwrap().pending, 50);
        assert_eq!(ledger.set_aside("a", 9).unwrap().len(), 1);
    }

    #[test]
    fn a_sink_that_comes_later_gets_what_is_left_and_one_that_comes_back_what_it_lacks_of_that() {
        let (_dir, ledger) = filled(100);
        deliver(&ledger, "a", 100);
        let back = admit(&ledger, "back", IdScheme::Full);
        ledger.settle(back.id, &Settled { delivered: 20, skipped: vec![7], ..Settled::default() }).unwrap();
        assert_eq!(shrink(&ledger, &["a"], 30).1, 84);
        for target in ["new", "back"] {
            assert_eq!(ledger.waiting(target).unwrap().pending, 16, "{target}, before");
            let sink = admit(&ledger, target, IdScheme::Full);
            assert_eq!((ledger.waiting(target).unwrap().pending, sink.delivered), (16, 84), "{target}");
            let mut reader = crate::ledger::EventReader::default();
            let unsent = ledger.unsent(&mut reader, &sink, crate::ledger::Unsent::Skipped(0), 99).unwrap();
            assert_eq!(unsent.unwrap().0.len(), 16, "{target}");
        }
        let window = Window::default();
        assert_eq!(ledger.replay("a", "a", &window).unwrap(), 16, "no more can be sent again");
        // The audit of a lost directory does not say that the new sink has them.
        let beyond = ledger.delivered_beyond(&std::collections::BTreeMap::new()).unwrap();
        let of = |target: &str| beyond.iter().find(|served| served.target == target).unwrap().stored.clone();
        assert_eq!((of("new"), of("back")), (vec![], vec![]));
    }

    #[test]
    fn the_last_number_is_not_given_again_though_its_event_is_the_oldest() {
        let (_dir, ledger) = filled(40);
        // A clock that was reset.
        let enter = |time: i64| {
            ledger
                .write("enter", |transaction| {
                    transaction.execute(
                        "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
             VALUES (1, 1, ?1, randomblob(16), '7', 1, 0, x'00')",
                        [time],
                    )
                })
                .unwrap()
        };
        enter(946_684_800);
        deliver(&ledger, "a", 41);
        assert_eq!(shrink(&ledger, &["a"], 99).1, 24);
        enter(1_700_000_099);
        assert_eq!(ledger.last_entered().unwrap(), 42);
        admit(&ledger, "a", IdScheme::Full);
        assert_eq!(ledger.waiting("a").unwrap().pending, 1);
    }

    #[test]
    fn what_a_sink_that_was_away_had_never_seen_goes_out_to_it_when_it_comes_back() {
        let (_dir, ledger) = filled(100);
        admit(&ledger, "away", IdScheme::Full);
        ledger
            .write("fill", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60)
             SELECT 1, 1, CASE WHEN n = 5 THEN 1800000000 ELSE 1700000100 + n END, randomblob(16), '7', 1, 0, x'00'
             FROM n",
                )
            })
            .unwrap();
        deliver(&ledger, "a", 160);
        // The 105th is among the latest by its time, and all up to the 145th shrink but that.
        assert_eq!(shrink(&ledger, &["a"], 200).1, 144);
        admit(&ledger, "away", IdScheme::Full);
        let waiting = ledger.waiting("away").unwrap();
        assert_eq!((waiting.pending, waiting.held), (16, 0));
    }

    #[test]
    fn a_sink_that_is_not_configured_is_not_said_to_have_what_it_lacked_when_that_shrank() {
        let (_dir, ledger) = filled(100);
        deliver(&ledger, "a", 100);
        let away = admit(&ledger, "away", IdScheme::Full);
        ledger.settle(away.id, &Settled { delivered: 100, skipped: vec![7, 90], ..Settled::default() }).unwrap();
        assert_eq!(shrink(&ledger, &["a"], 30).1, 84);
        let (a, away) = (fates(&ledger, "a"), fates(&ledger, "away"));
        assert_eq!((a.delivered, a.shrunk, a.passed_over), (16, 84, 0));
        assert_eq!((away.delivered, away.pending, away.shrunk, away.passed_over), (15, 1, 77, 7));
    }

    #[test]
    fn an_outcome_that_comes_after_its_event_has_shrunk_leaves_nothing_pending() {
        let (_dir, ledger) = filled(100);
        deliver(&ledger, "a", 100);
        // Its writes are under way when it is removed from the configuration.
        let away = deliver(&ledger, "away", 10);
        assert_eq!(shrink(&ledger, &["a"], 30).1, 84);
        let rejected = vec![(8, "no".to_owned()), (30, "no".to_owned())];
        let settled = Settled { delivered: 100, skipped: vec![20, 99], rejected, ..Settled::default() };
        ledger.settle(away.id, &settled).unwrap();
        assert_eq!((ledger.waiting("away").unwrap().pending, ledger.check().unwrap()), (1, Vec::new()));
        let fates = fates(&ledger, "away");
        assert_eq!((fates.delivered, fates.pending, fates.shrunk, fates.passed_over), (15, 1, 0, 84));
    }

    #[test]
    fn a_document_of_a_shrunk_event_is_not_sent_to_a_sink_that_has_it() {
        let (_dir, ledger) = filled(40);
        let sink = admit(&ledger, "v1", IdScheme::IclockSyncV1);
        ledger.settle(sink.id, &Settled { delivered: 40, ..Settled::default() }).unwrap();
        assert_eq!(ledger.legacy_ids_at("v1").unwrap().len(), 40);
        assert_eq!(shrink(&ledger, &["v1"], 99).1, 24);
        assert_eq!(ledger.legacy_ids_at("v1").unwrap().len(), 40);
        admit(&ledger, "later", IdScheme::IclockSyncV1);
        assert_eq!(ledger.legacy_ids_at("later").unwrap().len(), 0);
        // The same person and second at another terminal.
        ledger
            .write("enter", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
             VALUES (1, 1, 1700000003, x'00', '3', 1, 0, x'00')",
                )
            })
            .unwrap();
        for (target, pending) in [("v1", 0), ("later", 17)] {
            admit(&ledger, target, IdScheme::IclockSyncV1);
            assert_eq!(ledger.waiting(target).unwrap().pending, pending, "{target}");
        }
    }

    #[test]
    fn what_is_saved_of_a_damaged_ledger_knows_its_shrunk_events() {
        let (dir, ledger) = filled(100);
        deliver(&ledger, "a", 100);
        assert_eq!(shrink(&ledger, &["a"], 30).1, 84);
        drop(ledger);
        let into = tempfile::tempdir().unwrap();
        let salvaged = crate::ledger::salvage(dir.path(), &into.path().join("new")).unwrap();
        assert_eq!((salvaged.events, salvaged.reads_again, salvaged.damaged), (16, false, Vec::new()));
        let ledger = Ledger::open(&into.path().join("new")).unwrap();
        assert_eq!(ledger.shrunk().unwrap().unwrap().events, 84);
        for (target, pending) in [("a", 0), ("new", 16)] {
            admit(&ledger, target, IdScheme::Full);
            assert_eq!(ledger.waiting(target).unwrap().pending, pending, "{target}");
        }
    }

    #[test]
    fn a_record_that_left_the_quarantine_is_emptied_and_still_known() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger
            .write("fill", |transaction| {
                transaction.execute_batch(
                    "INSERT INTO terminals (id, serial, name) VALUES (1, 'S', 'gate');
             INSERT INTO quarantine (terminal, masked, occurrence, raw, reason, user_id, time, verify_mode, punch_state,
                 first_seen, last_seen, epoch, position, reading, resolved_at, note)
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 25)
             SELECT 1, CAST(n AS BLOB), 1, randomblob(40), 'future_time', 'A7', '2020-01-01 00:00:00', 1, 0, 0, 0, 1, n,
                 1, CASE WHEN n % 5 = 0 THEN NULL WHEN n < 20 THEN 50 ELSE 150 END, 'looked at' FROM n",
                )
            })
            .unwrap();
        let (mut after, mut shrunk) = (0, 0);
        while let Some(next) = {
            let step = ledger.shrink_quarantine(100, after, 10).unwrap();
            shrunk += step.shrunk;
            step.next
        } {
            after = next;
        }
        assert_eq!(shrunk, 16);
        for (id, raw, user_id) in [(1, 0, ""), (5, 40, "A7"), (22, 40, "A7")] {
            let record = ledger.quarantined(id).unwrap().unwrap();
            assert_eq!((record.raw.len(), record.user_id.as_str()), (raw, user_id), "{id}");
        }
        assert_eq!(ledger.quarantine_counts().unwrap().first().map(|(.., count)| *count), Some(5));
    }
}
