//! From the ledger to sinks: once each, oldest first, each sink for itself.

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::conformance::{FlakySink, Mishap};
use attendance_model::{
    AttendanceEvent, Budget, Capabilities, EventId, IdScheme, MemorySink, Notice, Outcome, Sink, SinkError,
    SinkErrorKind,
};
use chrono::{NaiveDateTime, TimeDelta, Timelike, Utc};
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, keys, memory, only, sync, sync_with};
use iclock_sync::report::{ErrorKind, SinkStatus};
use iclock_sync::{Ledger, RunOptions, Window};
use zk_sim::{Punch, Terminal};

fn window_since(since: NaiveDateTime) -> RunOptions {
    RunOptions::default().window(Window::since(since))
}

fn v1(name: &str) -> (MemorySink, Arc<dyn Sink>) {
    let capabilities = Capabilities::new(20, IdScheme::IclockSyncV1).concurrency(2);
    let sink = MemorySink::new(name).with_capabilities(capabilities);
    (sink.clone(), Arc::new(sink))
}

#[tokio::test]
async fn everything_read_is_stored_once_and_a_second_run_calls_no_sink() {
    let (gate, state, (stored, sink)) = (Gate::with_records(3_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let report = sync(&engine).await;
    let (device, sink) = only(&report);
    assert_eq!((device.new, sink.stored, sink.pending, report.run.exit_code), (3_000, 3_000, 0, 0), "{report:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
    let writes = stored.writes();
    let report = sync(&engine).await;
    let (device, sink) = only(&report);
    assert_eq!((device.new, sink.requests, sink.status), (0, 0, SinkStatus::Idle));
    assert_eq!(stored.writes(), writes);
}

/// A sink that hangs until another has so many events, and then fails.
#[derive(Debug)]
struct HangsUntil {
    other: MemorySink,
    events: usize,
}

#[async_trait]
impl Oddity for HangsUntil {
    async fn write(&self, _: &MemorySink, _: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        while self.other.stored().len() < self.events {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(SinkError::new(SinkErrorKind::Unreachable, "down"))
    }
}

#[tokio::test]
async fn a_sink_that_is_down_delays_no_other_and_catches_up_oldest_first() {
    let (gate, state, (good, sink)) = (Gate::with_records(2_000).await, State::new(), memory("good"));
    let down = MemorySink::new("down").with_capabilities(Capabilities::new(300, IdScheme::Full).concurrency(1));
    let failing = OddSink { inner: down.clone(), oddity: HangsUntil { other: good.clone(), events: 2_000 } };
    let report = sync(&state.engine(&[&gate], &[Arc::new(failing), sink.clone()])).await;
    assert_eq!(good.stored().len(), 2_000);
    assert_eq!((report.sinks[0].status, report.sinks[0].pending), (SinkStatus::Failed, 2_000));
    assert_eq!(report.sinks[0].error_kind, Some(ErrorKind::Unreachable), "it did not hang until its time limit");
    assert_eq!(report.run.exit_code, 30);
    let report = sync(&state.engine(&[&gate], &[Arc::new(down.clone()), sink])).await;
    assert_eq!((report.sinks[1].requests, report.sinks[0].stored, report.sinks[0].pending), (0, 2_000, 0));
    let times: Vec<_> = down.stored().iter().map(|event| event.local_time).collect();
    assert!(times.is_sorted() && times.first() < times.last());
}

#[tokio::test]
async fn a_write_that_may_succeed_later_is_tried_again() {
    let (gate, state, memory) = (Gate::with_records(100).await, State::new(), MemorySink::new("db"));
    let flaky = FlakySink::new(memory.clone(), [Mishap::After(SinkErrorKind::TimedOut)]);
    let report = sync(&state.engine(&[&gate], &[Arc::new(flaky)])).await;
    assert_eq!((report.sinks[0].already_stored, report.run.exit_code), (100, 0));
    assert_eq!(keys(&memory.stored()), gate.keys());
}

#[tokio::test]
async fn a_batch_that_fails_while_later_ones_succeed_is_sent_by_the_next_run() {
    let (gate, state) = (Gate::with_records(1_000).await, State::new());
    let inner = MemorySink::new("db").with_capabilities(Capabilities::new(100, IdScheme::Full).concurrency(4));
    let flaky = FlakySink::new(inner.clone(), [Mishap::None, Mishap::Before(SinkErrorKind::Rights)]);
    let report = sync(&state.engine(&[&gate], &[Arc::new(flaky)])).await;
    assert_eq!(report.run.exit_code, 30);
    let stored = inner.stored().len() as u64;
    assert!((100..1_000).contains(&stored), "{stored}");
    assert_eq!(report.sinks[0].pending, 1_000 - stored);
    let report = sync(&state.engine(&[&gate], &[Arc::new(inner.clone())])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].already_stored), (1_000 - stored, 0), "nothing goes out twice");
    assert_eq!(keys(&inner.stored()), gate.keys());
}

#[tokio::test]
async fn what_enters_after_a_sink_has_failed_is_pending_too_and_this_runs_window_decides_of_it() {
    let (gate, state, memory) = (Gate::with_records(30_000).await, State::new(), MemorySink::new("db"));
    // Fails at its first batch, while most of the log has not entered yet.
    let failing = FlakySink::new(memory.clone(), vec![Mishap::Before(SinkErrorKind::Rights); 9]);
    let report = sync(&state.engine(&[&gate], &[Arc::new(failing)])).await;
    assert_eq!((report.sinks[0].pending, report.totals.pending), (30_000, 30_000));
    let future = "2090-01-01 00:00:00".parse_local();
    let report = sync_with(&state.engine(&[&gate], &[Arc::new(memory)]), window_since(future)).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].held), (30_000, 0));
}

#[tokio::test]
async fn what_lies_outside_the_window_is_held_until_a_window_holds_it() {
    let (gate, state, (stored, sink)) = (Gate::with_records(500).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let mut times: Vec<NaiveDateTime> =
        gate.handle().records().iter().map(|punch| punch.time.to_string().parse_local()).collect();
    times.sort_unstable();
    let inside = times.iter().filter(|time| **time >= times[400]).count() as u64;
    let report = sync_with(&engine, window_since(times[400])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].held, report.sinks[0].pending), (inside, 500 - inside, 0));
    let report = sync_with(&engine, window_since(times[499] + TimeDelta::seconds(1))).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].held), (0, 500 - inside));
    let report = sync(&engine).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].held), (500 - inside, 0));
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn what_was_once_inside_the_window_stays_pending_while_the_sink_is_down() {
    let (gate, state, memory) = (Gate::with_records(50).await, State::new(), MemorySink::new("db"));
    let failing = FlakySink::new(memory.clone(), vec![Mishap::Before(SinkErrorKind::Unreachable); 9]);
    sync(&state.engine(&[&gate], &[Arc::new(failing)])).await;
    let future = "2090-01-01 00:00:00".parse_local();
    let report = sync_with(&state.engine(&[&gate], &[Arc::new(memory)]), window_since(future)).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].held), (50, 0));
}

#[tokio::test]
async fn too_many_new_events_wait_for_a_person_and_what_was_admitted_never_counts_again() {
    let (gate, state, (stored, sink)) = (Gate::with_records(100).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let limit = |max_new, force| RunOptions::default().max_new(max_new).force(force);
    for _ in 0..2 {
        let report = sync_with(&engine, limit(99, false)).await;
        assert_eq!((report.run.exit_code, report.sinks[0].pending, report.sinks[0].requests), (50, 100, 0));
        let error = report.sinks[0].error.as_deref().unwrap();
        assert!(report.sinks[0].over_limit && error.contains("limit of 99"), "{error}");
    }
    let report = sync_with(&engine, limit(99, true)).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored), (0, 100));
    gate.handle().punch_now().unwrap();
    let report = sync_with(&engine, limit(1, false)).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored), (0, 1));
    assert_eq!(stored.stored().len(), 101);
}

#[tokio::test]
async fn ids_of_the_python_tool_count_as_delivered() {
    let (gate, state, (stored, sink)) = (Gate::with_records(200).await, State::new(), v1("firestore"));
    let dir = state.dir.path().join("state");
    sync_with(&state.engine(&[&gate], &[]), RunOptions::default()).await;
    let ledger = Ledger::open(&dir).unwrap();
    let ids: Vec<_> =
        ledger.events(Window::default()).map(|event| IdScheme::IclockSyncV1.id_of(&event.unwrap())).collect();
    assert_eq!(ledger.import_ids(&sink.target(), sink.name(), ids[..150].iter().copied()).unwrap(), 150);
    assert_eq!(ledger.imported_ids(&sink.target()).unwrap(), 150);
    drop(ledger);
    let limited = RunOptions::default().max_new(50);
    let report = sync_with(&state.engine(&[&gate], &[sink]), limited).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored, report.sinks[0].already_stored), (0, 50, 150));
    assert_eq!(stored.stored().len(), 50);
}

#[tokio::test]
async fn ids_imported_after_a_run_are_not_sent_either() {
    let (gate, state, (stored, sink)) = (Gate::with_records(60).await, State::new(), v1("firestore"));
    let limited = RunOptions::default().max_new(1);
    sync_with(&state.engine(&[&gate], std::slice::from_ref(&sink)), limited).await;
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    let ids: Vec<_> =
        ledger.events(Window::default()).map(|event| IdScheme::IclockSyncV1.id_of(&event.unwrap())).collect();
    ledger.import_ids(&sink.target(), sink.name(), ids[..59].iter().copied()).unwrap();
    drop(ledger);
    let report = sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].pending), (1, 0));
    assert_eq!(stored.stored().len(), 1);
}

#[tokio::test]
async fn the_second_punch_of_a_second_is_merged_under_the_python_tools_ids_alone() {
    let time = zk_proto::DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let punches =
        vec![Punch::new(1, "42", time, 0, 1), Punch::new(1, "42", time, 1, 1), Punch::new(2, "43", time, 0, 1)];
    let gate = Gate::start("gate", Terminal::builder().punches(punches)).await;
    let (state, (merging, firestore), (whole, sql)) = (State::new(), v1("firestore"), memory("sql"));
    let report = sync(&state.engine(&[&gate], &[firestore, sql])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].merged, report.sinks[0].pending), (2, 1, 0), "{report:?}");
    assert_eq!((report.sinks[1].stored, report.sinks[1].merged), (3, 0));
    assert_eq!((merging.stored().len(), whole.stored().len()), (2, 3));
    assert_eq!(merging.stored()[0].punch_state.0, 0, "the first seen is kept");
}

#[tokio::test]
async fn what_was_merged_goes_out_when_a_sinks_ids_become_full_ones_and_back_nothing_is_lost() {
    let time = zk_proto::DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let punches =
        vec![Punch::new(1, "42", time, 0, 1), Punch::new(1, "42", time, 1, 1), Punch::new(2, "43", time, 0, 1)];
    let gate = Gate::start("gate", Terminal::builder().punches(punches)).await;
    let (state, inner) = (State::new(), MemorySink::new("firestore"));
    let under = |ids| state.engine(&[&gate], &[Arc::new(inner.clone().with_capabilities(Capabilities::new(20, ids)))]);
    let report = sync(&under(IdScheme::IclockSyncV1)).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].merged), (2, 1));
    let report = sync(&under(IdScheme::Full)).await;
    let sink = &report.sinks[0];
    assert_eq!((sink.stored, sink.merged, sink.pending, sink.held), (1, 0, 0, 0), "{report:?}");
    assert!(sink.notes[0].contains("were iclock-sync-v1 and are full now: 1 events"), "{:?}", sink.notes);
    assert_eq!(keys(&inner.stored()), gate.keys());
    // Back, while the sink is down and two punches of one second wait under full ids.
    let later = zk_proto::DeviceTime(time.0 + 60);
    gate.handle().add_punch(Punch::new(1, "42", later, 0, 1));
    gate.handle().add_punch(Punch::new(1, "42", later, 1, 1));
    let down = inner.clone().with_capabilities(Capabilities::new(20, IdScheme::Full));
    let down = FlakySink::new(down, vec![Mishap::Before(SinkErrorKind::Unreachable); 9]);
    assert_eq!(sync(&state.engine(&[&gate], &[Arc::new(down)])).await.sinks[0].pending, 2);
    let report = sync(&under(IdScheme::IclockSyncV1)).await;
    let sink = &report.sinks[0];
    assert_eq!((sink.stored, sink.merged, sink.pending), (1, 1, 0), "{report:?}");
    assert!(sink.notes[0].contains("were full and are iclock-sync-v1 now: 1 waiting events"), "{:?}", sink.notes);
    // And again: what was merged meanwhile has a document of its own.
    assert_eq!(sync(&under(IdScheme::Full)).await.sinks[0].stored, 1);
    assert_eq!(keys(&inner.stored()), gate.keys());
}

#[tokio::test]
async fn a_sink_that_lost_what_it_held_is_a_problem_until_it_is_filled_again() {
    let (gate, state, (_, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
    sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
    let again = sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!((again.run.exit_code, again.sinks[0].requests), (0, 0), "what was delivered is there: {again:?}");
    let (stored, empty) = memory("db");
    let engine = state.engine(&[&gate], std::slice::from_ref(&empty));
    gate.handle().punch_now().unwrap();
    // What it is sent since does not hide what it lost.
    for new in [1, 0] {
        let report = sync(&engine).await;
        let sink = &report.sinks[0];
        assert_eq!((report.run.exit_code, sink.status, sink.stored), (30, SinkStatus::Failed, new), "{report:?}");
        let error = sink.error.as_deref().unwrap();
        assert!(sink.lost && error.contains("is there any more"), "{error}");
    }
    drop(engine);
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    assert_eq!(ledger.replay(&empty.target(), "db", &Window::default()).unwrap(), 301);
    drop(ledger);
    let options = RunOptions::default().replay(true);
    let report = sync_with(&state.engine(&[], std::slice::from_ref(&empty)), options).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored, report.sinks[0].pending), (0, 300, 0), "{report:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
    assert_eq!(sync(&state.engine(&[&gate], &[empty])).await.run.exit_code, 0);
}

#[tokio::test]
async fn a_look_that_costs_money_is_taken_by_a_full_run_alone() {
    let (gate, state) = (Gate::with_records(60).await, State::new());
    let billed = || Capabilities::new(20, IdScheme::IclockSyncV1).billed_lookup();
    sync(&state.engine(&[&gate], &[Arc::new(MemorySink::new("db").with_capabilities(billed()))])).await;
    let empty = MemorySink::new("db").with_capabilities(billed());
    let engine = state.engine(&[&gate], &[Arc::new(empty)]);
    assert_eq!(sync(&engine).await.run.exit_code, 0);
    let full = RunOptions::default().full(true);
    assert_eq!(sync_with(&engine, full).await.run.exit_code, 30);
    assert_eq!(sync(&engine).await.run.exit_code, 30, "what was found stays a problem");
}

#[tokio::test]
async fn a_new_target_starts_with_all_that_the_ledger_holds() {
    let (gate, state, (_, first), (second, late)) =
        (Gate::with_records(300).await, State::new(), memory("first"), memory("second"));
    sync(&state.engine(&[&gate], std::slice::from_ref(&first))).await;
    let report = sync(&state.engine(&[&gate], &[first, late])).await;
    assert_eq!((report.sinks[0].requests, report.sinks[1].stored), (0, 300));
    assert_eq!(keys(&second.stored()), gate.keys());
}

#[tokio::test]
async fn a_dry_run_changes_no_file_and_calls_no_sink() {
    let (gate, state, (stored, sink)) = (Gate::with_records(400).await, State::new(), memory("db"));
    let dry = RunOptions::default().dry_run(true);
    let report = sync_with(&state.engine(&[&gate], std::slice::from_ref(&sink)), dry.clone()).await;
    assert_eq!((report.devices[0].new, report.sinks[0].pending, report.run.dry_run), (400, 400, true));
    assert_eq!(state.files(), [], "not even the state directory");
    sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
    gate.handle().punch_now().unwrap();
    let (before, writes) = (state.files(), stored.writes());
    let report = sync_with(&state.engine(&[&gate], &[sink]), dry).await;
    assert_eq!((report.devices[0].new, report.sinks[0].pending), (1, 1), "{report:?}");
    assert!(state.files() == before, "no file changed");
    assert_eq!(stored.writes(), writes);
}

#[tokio::test]
async fn without_delivery_events_only_enter_the_ledger() {
    let (gate, state, (stored, sink)) = (Gate::with_records(30).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let report = sync_with(&engine, RunOptions::default().deliver(false)).await;
    assert_eq!((report.devices[0].new, report.sinks[0].requests), (30, 0));
    assert!(stored.stored().is_empty());
    assert_eq!(state.ledger().events(Window::default()).count(), 30);
    assert_eq!(sync(&engine).await.sinks[0].stored, 30);
}

/// Refuses one event for good.
#[derive(Debug)]
struct Picky(EventId);

#[async_trait]
impl Oddity for Picky {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let mut outcomes = Vec::new();
        for event in batch {
            outcomes.extend(if event.id == self.0 {
                vec![Outcome::Rejected { reason: "too long".to_owned() }]
            } else {
                inner.write(std::slice::from_ref(event)).await?
            });
        }
        Ok(outcomes)
    }
}

#[tokio::test]
async fn an_event_that_a_sink_refuses_for_good_is_set_aside_and_fails_one_run() {
    let (gate, state, inner) = (Gate::with_records(40).await, State::new(), MemorySink::new("db"));
    let refuses = *gate.keys().first().unwrap();
    let engine = state.engine(&[&gate], &[Arc::new(OddSink { inner: inner.clone(), oddity: Picky(refuses) })]);
    let report = sync(&engine).await;
    let sink = &report.sinks[0];
    assert_eq!((report.run.exit_code, sink.stored, sink.rejected, sink.pending), (30, 39, 1, 0), "{report:?}");
    let report = sync(&engine).await;
    assert_eq!((report.run.exit_code, report.sinks[0].requests), (0, 0));
    let aside = state.ledger().set_aside(&inner.target(), 10).unwrap();
    assert_eq!(
        aside.iter().map(|(event, reason)| (event.id, reason.as_str())).collect::<Vec<_>>(),
        [(refuses, "too long")]
    );
    // Its cause is fixed: it goes out again, and nothing else does.
    drop(engine);
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    assert_eq!(ledger.replay(&inner.target(), "db", &Window::since(at(2100))).unwrap(), 0);
    assert_eq!(ledger.replay_set_aside(&inner.target(), "db", &Window::since(at(2100))).unwrap(), 0);
    assert_eq!(ledger.replay_set_aside(&inner.target(), "db", &Window::default()).unwrap(), 1);
    assert_eq!(ledger.set_aside(&inner.target(), 10).unwrap(), []);
    drop(ledger);
    let report = sync(&state.engine(&[&gate], &[Arc::new(inner.clone())])).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored, report.sinks[0].pending), (0, 1, 0), "{report:?}");
    assert_eq!(keys(&inner.stored()), gate.keys());
}

/// The first second of a year.
fn at(year: i32) -> NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().into()
}

/// A terminal's time as the tests compare it.
trait ParseLocal {
    fn parse_local(&self) -> NaiveDateTime;
}

impl ParseLocal for str {
    fn parse_local(&self) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(self, "%Y-%m-%d %H:%M:%S").unwrap()
    }
}

/// Takes so many events a day, and has a notice.
#[derive(Debug)]
struct Rationed(Budget);

impl Rationed {
    fn sink(inner: &MemorySink, per_day: u64) -> Arc<dyn Sink> {
        // A zone in which it is day, so that the test does not meet midnight.
        let zone = if Utc::now().hour() < 12 { chrono_tz::Asia::Dhaka } else { chrono_tz::America::Chicago };
        Arc::new(OddSink { inner: inner.clone(), oddity: Self(Budget::new(per_day, zone)) })
    }
}

#[async_trait]
impl Oddity for Rationed {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let granted = usize::try_from(self.0.take(Utc::now(), batch.len() as u64)).unwrap();
        let mut outcomes = inner.write(&batch[..granted]).await?;
        outcomes.resize(batch.len(), Outcome::Deferred);
        Ok(outcomes)
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        Ok(vec![Notice::new("the index of the readers is missing").hint("deploy it")])
    }

    fn budget(&self) -> Option<&Budget> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn events_beyond_a_daily_budget_are_no_failure_and_go_out_when_there_are_writes_again() {
    let (gate, state, memory) = (Gate::with_records(2_000).await, State::new(), MemorySink::new("db"));
    let report = sync(&state.engine(&[&gate], &[Rationed::sink(&memory, 1_300)])).await;
    let sink = &report.sinks[0];
    assert_eq!((sink.stored, sink.pending, sink.status, report.run.exit_code), (1_300, 700, SinkStatus::Ok, 0));
    let outlook = sink.notes.iter().find(|note| note.starts_with("700 events are pending, and 0 of the 1300 writes"));
    assert!(outlook.is_some_and(|note| note.contains("UTC")), "{:?}", sink.notes);
    let dry = RunOptions::default().dry_run(true);
    let report = sync_with(&state.engine(&[&gate], &[Rationed::sink(&memory, 1_300)]), dry).await;
    assert!(report.sinks[0].notes[0].starts_with("700 events are pending, and 0 of the 1300"), "{report:?}");
    // Another process, on the same day: it knows what was spent.
    let report = sync(&state.engine(&[&gate], &[Rationed::sink(&memory, 1_300)])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].pending, report.run.exit_code), (0, 700, 0));
    let report = sync(&state.engine(&[&gate], &[Rationed::sink(&memory, 1_500)])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].pending), (200, 500));
    let report = sync(&state.engine(&[&gate], &[Arc::new(memory.clone())])).await;
    assert_eq!((report.sinks[0].stored, report.sinks[0].already_stored, report.sinks[0].pending), (500, 0, 0));
    assert_eq!(keys(&memory.stored()), gate.keys());
}

#[tokio::test]
async fn the_notices_of_a_probe_are_reported_when_the_sink_is_called() {
    let (gate, state, memory) = (Gate::with_records(10).await, State::new(), MemorySink::new("db"));
    let engine = state.engine(&[&gate], &[Rationed::sink(&memory, 100)]);
    assert_eq!(sync(&engine).await.sinks[0].notes, ["the index of the readers is missing; deploy it"]);
    assert_eq!(sync(&engine).await.sinks[0].notes, [""; 0], "a run without news calls no sink");
}

#[tokio::test]
async fn a_sink_that_is_forgotten_leaves_nothing_behind_and_is_a_new_one_when_it_comes_back() {
    let (gate, state) = (Gate::with_records(300).await, State::new());
    let ((_, good), (stored, other)) = (memory("good"), memory("other"));
    let future = NaiveDateTime::parse_from_str("2090-01-01 00:00:00", "%Y-%m-%d %H:%M:%S").unwrap();
    // Everything is held for both.
    sync_with(&state.engine(&[&gate], &[good.clone(), other.clone()]), window_since(future)).await;
    let ledger = Ledger::open(&state.dir.path().join("state")).unwrap();
    assert!(ledger.forget_sink(&other.target()).unwrap());
    assert!(!ledger.forget_sink(&other.target()).unwrap(), "nothing is left of it");
    let sinks: Vec<_> = ledger.overview(future).unwrap().sinks.into_iter().map(|sink| (sink.name, sink.held)).collect();
    assert_eq!((sinks, ledger.check().unwrap()), (vec![("good".to_owned(), 300)], Vec::<String>::new()));
    drop(ledger);
    let report = sync(&state.engine(&[&gate], &[other])).await;
    assert_eq!((report.sinks[0].stored, keys(&stored.stored())), (300, gate.keys()));
}
