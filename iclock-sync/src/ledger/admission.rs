//! Admission to a sink: events inside the window may go out, and no more new ones at once than allowed.

use attendance_model::{EventId, IdScheme};

use super::Transaction;
use super::id_scheme::{self, ChangedIds};
use super::sinks::{SinkState, exceptions, id_of, state, watermarks};
use super::window::{OF_EVENT, Seconds, condition};
use super::{events, gaps, imported, retention, stored};
use crate::{Ledger, LedgerError, Window};

/// Events about which one change decides.
const AT_ONCE: i64 = 2_500;

/// A sink, and the events that may go out to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) target: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ids: IdScheme,
    pub(crate) window: Window,
    /// The most new events; `None` for any number.
    pub(crate) max_new: Option<u64>,
}

/// The result of an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) sink: SinkState,
    /// Events found to have the document of an earlier one.
    pub(crate) merged: u64,
    /// Events found to be delivered by the Python tool.
    pub(crate) imported: u64,
    /// The change, if the sink's document ids are not those of before.
    pub(crate) changed_ids: Option<ChangedIds>,
    /// The number of new events, if there are too many.
    pub(crate) over_limit: Option<u64>,
}

impl Ledger {
    /// Decides for the events that entered since the last admission which are inside the window, and which may go out.
    ///
    /// Many events are decided about in several changes, so that others need not wait for all of them. On a full disk
    /// the ballast is given up for it: what was read goes out.
    pub(crate) fn admit(&self, admission: &Admission<'_>) -> Result<Admitted, LedgerError> {
        let (mut merged, mut imported, mut changed, mut released) = (0, 0, None, 0);
        loop {
            let (sorted, admitted, place) = self.record("admit events", |transaction| {
                let mut place = released;
                let id = id_of(transaction, admission.target, admission.name)?;
                let mut sink = watermarks(transaction, id)?;
                let passed_over = retention::pass_over(transaction, &sink)?;
                let changed_ids = id_scheme::adopt(transaction, &sink, admission.ids)?;
                if passed_over || changed_ids.is_some() {
                    sink = watermarks(transaction, id)?;
                }
                let last = events::last_seq(transaction)?;
                // Without a window there is nothing to decide.
                let all = admission.ids == IdScheme::Full && admission.window.is_all_time();
                let through = if all { last } else { last.min(sink.windowed + AT_ONCE) };
                let sorted = sort(transaction, &sink, through, admission)?;
                sink.windowed = sorted.through;
                let window = Seconds::of(&admission.window);
                if sorted.held && sink.outside.is_none_or(|outside| !outside.is_within(&window)) {
                    sink.outside = sink.outside.filter(|outside| window.is_within(outside)).map(|_| window);
                }
                let over_limit =
                    if sorted.through < last { None } else { release(transaction, &mut sink, admission, &mut place)? };
                transaction
                    .prepare_cached(
                        "UPDATE sinks SET windowed = ?2, admitted = ?3, window = ?4
                         WHERE id = ?1 AND (windowed <> ?2 OR admitted <> ?3 OR window IS NOT ?4)",
                    )?
                    .execute((sink.id, sink.windowed, sink.admitted, sink.outside.map(Seconds::to_text)))?;
                Ok(((sorted, changed_ids), over_limit.map(|over_limit| (sink, over_limit)), place))
            })?;
            let (sorted, changed_ids) = sorted;
            released = place;
            merged += sorted.merged;
            imported += sorted.imported;
            changed = changed.or(changed_ids);
            if let Some((sink, over_limit)) = admitted {
                return Ok(Admitted { sink, merged, imported, changed_ids: changed, over_limit });
            }
        }
    }
}

/// New events that are sorted.
#[derive(Clone, Copy, Debug, Default)]
struct Sorted {
    /// The last of them.
    through: i64,
    /// Any of them is held.
    held: bool,
    merged: u64,
    imported: u64,
}

/// Decides about new events, up to a number, whether they are held.
fn sort(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    through: i64,
    admission: &Admission<'_>,
) -> rusqlite::Result<Sorted> {
    match admission.ids {
        IdScheme::Full => {
            let held = hold_outside(transaction, sink, through, &admission.window)?;
            Ok(Sorted { through, held, ..Sorted::default() })
        }
        IdScheme::IclockSyncV1 => sort_by_document(transaction, sink, through, &admission.window),
    }
}

/// Releases held events that are inside the window now, and admits what is not held. Returns the number of new events
/// if there are too many; then none is admitted. Of many events it deals with some, and returns `None`: it is to be
/// called again. `released` is the place among the held events.
fn release(
    transaction: &Transaction<'_>,
    sink: &mut SinkState,
    admission: &Admission<'_>,
    released: &mut i64,
) -> rusqlite::Result<Option<Option<u64>>> {
    let window = Seconds::of(&admission.window);
    if !sink.outside.is_some_and(|outside| window.is_within(&outside)) {
        if let Some(last) = release_inside(transaction, sink, &admission.window, *released)? {
            *released = last;
            return Ok(None);
        }
        sink.outside = Some(window);
    }
    if let Some(most) = admission.max_new {
        let new = new_events(transaction, sink)?;
        if new > most {
            return Ok(Some(Some(new)));
        }
    }
    if admit_released(transaction, sink)? {
        return Ok(None);
    }
    sink.admitted = sink.windowed;
    Ok(Some(None))
}

/// Admits some of the released events. Returns false if there are none.
fn admit_released(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<bool> {
    let Some(last) = last_of(transaction, sink, state::RELEASED, 0)? else { return Ok(false) };
    // Above the watermark an admitted event is fresh and needs no exception; below it, it is skipped.
    transaction
        .prepare_cached("DELETE FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq <= ?3 AND seq > ?4")?
        .execute((sink.id, state::RELEASED, last, sink.delivered))?;
    transaction
        .prepare_cached("UPDATE exceptions SET state = ?4 WHERE sink = ?1 AND state = ?2 AND seq <= ?3")?
        .execute((sink.id, state::RELEASED, last, state::SKIPPED))?;
    Ok(true)
}

/// Returns the last of the next events after a number that have an exception of one kind, as many as one change deals
/// with.
fn last_of(transaction: &Transaction<'_>, sink: &SinkState, of: i64, after: i64) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached(
            "SELECT max(seq) FROM (
                 SELECT seq FROM exceptions WHERE sink = ?1 AND state = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4
             )",
        )?
        .query_row((sink.id, of, after, AT_ONCE), |row| row.get(0))
}

/// Holds new events outside the window.
/// Returns true if there was any.
fn hold_outside(transaction: &Transaction<'_>, sink: &SinkState, last: i64, window: &Window) -> rusqlite::Result<bool> {
    let Some(inside) = condition(window, OF_EVENT) else { return Ok(false) };
    let held = transaction
        .prepare_cached(&format!(
            "INSERT INTO exceptions (sink, seq, state)
             SELECT ?1, seq, ?2 FROM events e WHERE seq > ?3 AND seq <= ?4 AND NOT ({inside})"
        ))?
        .execute((sink.id, state::HELD, sink.windowed, last))?;
    Ok(held > 0)
}

/// The same for a sink whose documents may be those of earlier events, or the Python tool's.
fn sort_by_document(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    through: i64,
    window: &Window,
) -> rusqlite::Result<Sorted> {
    let any_imported = imported::any(transaction, sink.id)?;
    let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
    // The document id is made of the user id and the time. The index finds the few events that have both.
    let mut entered = transaction.prepare_cached(&format!(
        "SELECT seq, time, user_id, EXISTS (
             SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.time = e.time AND p.seq < e.seq
         ) OR EXISTS (
             SELECT 1 FROM shrunk p WHERE p.time = e.time AND p.user_id = e.user_id
                 AND p.seq > (SELECT begins FROM sinks WHERE id = ?3)
         ), {inside} FROM events e WHERE seq > ?1 AND seq <= ?2"
    ))?;
    let mut except = transaction.prepare_cached("INSERT INTO exceptions (sink, seq, state) VALUES (?1, ?2, ?3)")?;
    let mut rows = entered.query((sink.windowed, through, sink.id))?;
    let mut sorted = Sorted { through, ..Sorted::default() };
    while let Some(row) = rows.next()? {
        let (seq, time, repeats): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let known = any_imported && {
            let id = EventId::iclock_sync_v1(row.get_ref(2)?.as_str()?, stored::wall_clock(time));
            imported::contains(transaction, sink.id, id)?
        };
        let state = if known {
            sorted.imported += 1;
            state::IMPORTED
        } else if repeats {
            sorted.merged += 1;
            state::MERGED
        } else if !row.get::<_, bool>(4)? {
            sorted.held = true;
            state::HELD
        } else {
            continue;
        };
        except.execute((sink.id, seq, state))?;
    }
    Ok(sorted)
}

/// Releases those of the next held events after a number that are inside the window now. Returns the last that it
/// looked at; `None` if there was none.
fn release_inside(
    transaction: &Transaction<'_>,
    sink: &SinkState,
    window: &Window,
    after: i64,
) -> rusqlite::Result<Option<i64>> {
    let Some(last) = last_of(transaction, sink, state::HELD, after)? else { return Ok(None) };
    let inside = condition(window, OF_EVENT).unwrap_or_else(|| "TRUE".to_owned());
    transaction
        .prepare_cached(&format!(
            "UPDATE exceptions SET state = ?2 WHERE sink = ?1 AND state = ?3 AND seq > ?4 AND seq <= ?5
             AND EXISTS (SELECT 1 FROM events e WHERE e.seq = exceptions.seq AND {inside})"
        ))?
        .execute((sink.id, state::RELEASED, state::HELD, after, last))?;
    Ok(Some(last))
}

/// Counts the events that would be admitted.
fn new_events(transaction: &Transaction<'_>, sink: &SinkState) -> rusqlite::Result<u64> {
    let between = |after: i64, through: i64| -> rusqlite::Result<i64> {
        transaction
            .prepare_cached("SELECT count(*) FROM exceptions WHERE sink = ?1 AND seq > ?2 AND seq <= ?3")?
            .query_row((sink.id, after, through), |row| row.get(0))
    };
    let (mut fresh, mut released) = (0, 0);
    for (state, is_fresh, count) in exceptions(transaction, sink.id)? {
        fresh += if is_fresh { count } else { 0 };
        released += if state == state::RELEASED { count } else { 0 };
    }
    // All exceptions after the watermark are counted. Those of events that were admitted before are not wanted.
    let excepted = if sink.admitted - sink.delivered < sink.windowed - sink.admitted {
        fresh - between(sink.delivered, sink.admitted)?
    } else {
        between(sink.admitted, sink.windowed)?
    };
    let removed = gaps::removed(transaction, sink.admitted, sink.windowed)?;
    Ok((sink.windowed - sink.admitted - removed - excepted + released).max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use chrono::{DateTime, NaiveDateTime};

    use super::*;
    use crate::crash::Crashes;
    use crate::ledger::Settled;
    use crate::ledger::sample::enter;
    use crate::{CrashPoint, CrashPoints};

    #[test]
    fn a_refused_event_stays_refused_when_its_batch_is_recorded_later() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 3);
        let sink = admit(&ledger, Window::default(), None).sink.id;
        let settle = |settled: Settled| ledger.settle(sink, &settled).unwrap();
        settle(Settled { delivered: 3, skipped: vec![1, 2], ..Settled::default() });
        settle(Settled { rejected: vec![(2, "no".to_owned())], ..Settled::default() });
        settle(Settled { caught_up: vec![1, 2], ..Settled::default() });
        let refused = ledger.set_aside("memory:db", 9).unwrap();
        assert_eq!(refused.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>(), ["no"]);
        assert_eq!(ledger.waiting("memory:db").unwrap().pending, 0);
    }

    fn at(second: i64) -> NaiveDateTime {
        DateTime::from_timestamp(second, 0).unwrap().naive_utc()
    }

    fn admit(ledger: &Ledger, window: Window, max_new: Option<u64>) -> Admitted {
        let admission = Admission { target: "memory:db", name: "db", ids: IdScheme::Full, window, max_new };
        ledger.admit(&admission).unwrap()
    }

    /// The exceptions, counted one by one, are those that are counted on the way.
    fn assert_counted(ledger: &Ledger) -> BTreeMap<(i64, bool), i64> {
        let sql = "SELECT x.state, x.seq > s.delivered, count(*) FROM exceptions x JOIN sinks s ON s.id = x.sink
                   GROUP BY 1, 2";
        ledger
            .read("test", |connection| {
                let counted: BTreeMap<(i64, bool), i64> = connection
                    .prepare(sql)?
                    .query_map((), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                let mut kept = BTreeMap::new();
                for (state, fresh, events) in exceptions(connection, 1)? {
                    if events != 0 {
                        kept.insert((state, fresh), events);
                    }
                }
                assert_eq!(kept, counted);
                Ok(counted)
            })
            .unwrap()
    }

    #[test]
    fn released_events_over_the_limit_are_pending_and_wait_for_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        enter(&ledger, 10);
        let sink = admit(&ledger, Window::since(at(7)), None).sink;
        ledger.settle(sink.id, &Settled { delivered: 10, ..Settled::default() }).unwrap();
        let waiting = ledger.waiting("memory:db").unwrap();
        assert_eq!((waiting.pending, waiting.held), (0, 6));
        enter(&ledger, 2);
        for _ in 0..2 {
            assert_eq!(admit(&ledger, Window::since(at(2)), Some(6)).over_limit, Some(7));
            let waiting = ledger.waiting("memory:db").unwrap();
            assert_eq!((waiting.pending, waiting.held), (7, 1));
            assert_counted(&ledger);
        }
        assert_eq!(admit(&ledger, Window::since(at(2)), Some(7)).over_limit, None);
        assert_counted(&ledger);
    }

    #[test]
    fn many_held_events_are_released_a_few_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let commits = Arc::new(Commits::default());
        let ledger = Ledger::open(dir.path()).unwrap();
        let ledger = ledger.with_crashes(Crashes { points: Some(commits.clone()) });
        let last = 3 * AT_ONCE;
        enter(&ledger, last);
        let sink = admit(&ledger, Window::since(at(last + 1)), None).sink;
        ledger.settle(sink.id, &Settled { delivered: last / 2, ..Settled::default() }).unwrap();
        assert_eq!(ledger.waiting("memory:db").unwrap().held, last.cast_unsigned());
        let most = |events: i64| Some(events.cast_unsigned());
        *commits.0.lock().unwrap() = 0;
        assert_eq!(admit(&ledger, Window::default(), most(last - 1)).over_limit, most(last));
        assert_eq!(*commits.0.lock().unwrap(), 4, "three for the events, one for the answer");
        *commits.0.lock().unwrap() = 0;
        assert_eq!(admit(&ledger, Window::default(), most(last)).over_limit, None);
        assert_eq!(*commits.0.lock().unwrap(), 4);
        let waiting = ledger.waiting("memory:db").unwrap();
        assert_eq!((waiting.pending, waiting.held), (last.cast_unsigned(), 0));
        assert_counted(&ledger);
    }

    /// Durable changes.
    #[derive(Debug, Default)]
    struct Commits(Mutex<usize>);

    impl CrashPoints for Commits {
        fn reached(&self, point: CrashPoint) {
            *self.0.lock().unwrap() += usize::from(point == CrashPoint::AfterCommit("admit events"));
        }
    }

    #[test]
    fn any_order_of_windows_limits_and_deliveries_holds_what_no_window_had() {
        for seed in 1..13_u64 {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(dir.path()).unwrap();
            let (mut last, mut state) = (enter(&ledger, 30), seed);
            let mut random = |below: i64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33).cast_signed().rem_euclid(below)
            };
            // The truth: events that a window had after they entered.
            let (mut inside, mut decided) = (vec![false; 400], 0);
            for _ in 0..12 {
                let since = at(random(last));
                let since = if random(2) == 0 { since.into() } else { since.and_utc().into() };
                let until = (random(3) == 0).then(|| at(random(last)).into());
                let mut window = Window { since: Some(since), until };
                if random(6) == 0 {
                    window = Window::default();
                }
                let sink = admit(&ledger, window, (random(3) == 0).then_some(4)).sink;
                decided = last;
                let (wall_and_instant, all) = (Seconds::of(&window), window.is_all_time());
                for seq in 1..=decided {
                    let second = Window { since: Some(at(seq).into()), until: Some(at(seq).into()) };
                    let instant =
                        Window { since: Some(at(seq).and_utc().into()), until: Some(at(seq).and_utc().into()) };
                    let both = Seconds::of(&second).both(&Seconds::of(&instant));
                    inside[usize::try_from(seq).unwrap()] |= all || both.is_within(&wall_and_instant);
                }
                let held = inside[1..=usize::try_from(decided).unwrap()].iter().filter(|inside| !**inside).count();
                assert_eq!(ledger.waiting("memory:db").unwrap().held, held as u64, "seed {seed}");
                assert_counted(&ledger);
                if sink.admitted > sink.delivered && random(2) == 0 {
                    let delivered = sink.delivered + 1 + random(sink.admitted - sink.delivered);
                    let skipped = (random(2) == 0 && inside[usize::try_from(delivered).unwrap()]).then_some(delivered);
                    let settled = Settled { delivered, skipped: skipped.into_iter().collect(), ..Settled::default() };
                    ledger.settle(sink.id, &settled).unwrap();
                    assert_counted(&ledger);
                }
                last = enter(&ledger, random(20));
            }
            assert!(decided > 0);
        }
    }
}
