//! Terminals, ledger and sinks, compared by day: what is missing is found, named and sent again.

mod common;

use std::sync::Arc;
use std::time::Duration;

use attendance_model::conformance::sample_with;
use attendance_model::{AttendanceEvent, Capabilities, EventId, IdScheme, MemorySink, Outcome, Sink, SinkError};
use chrono::NaiveDate;
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, keys, memory, quick_with, sync, sync_with};
use iclock_sync::reconcile::{Fates, ReconcileOptions, Reconciliation, SinkReconciliation};
use iclock_sync::report::{DeviceStatus, ErrorKind, SinkStatus};
use iclock_sync::{
    CancellationToken, Engine, EngineBuilder, Ledger, Report, RunOptions, Schedule, ServiceOptions, Window,
};
use zk_sim::{Punch, Terminal};

async fn compare_with(engine: &Engine, options: ReconcileOptions) -> Reconciliation {
    engine.reconcile(&options, &CancellationToken::new()).await.unwrap()
}

async fn compare(engine: &Engine) -> Reconciliation {
    compare_with(engine, ReconcileOptions::default()).await
}

async fn every_event(engine: &Engine) -> Reconciliation {
    compare_with(engine, ReconcileOptions::default().every_event(true)).await
}

async fn repair(engine: &Engine, found: &Reconciliation) -> Report {
    engine.repair(found, &RunOptions::default(), &CancellationToken::new()).await.unwrap()
}

/// A sink in memory; under `iclock-sync-v1` or `full`, counting or not.
fn sink_of(name: &str, ids: IdScheme, counts: bool) -> MemorySink {
    let capabilities = Capabilities::new(50, ids);
    MemorySink::new(name).with_capabilities(if counts { capabilities.counts_days(7) } else { capabilities })
}

/// Deletes an event from the ledger, as a person with a database browser can.
fn delete_from_ledger(state: &State, event: EventId) {
    let ledger = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    let deleted = ledger.execute("DELETE FROM events WHERE key = ?1", [event.as_bytes()]).unwrap();
    assert_eq!(deleted, 1);
}

fn summary(sink: &SinkReconciliation) -> (u64, Option<u64>, usize) {
    (sink.missing, sink.not_from_here, sink.days.len())
}

#[tokio::test]
async fn after_a_sync_nothing_is_missing_and_the_comparison_changes_nothing() {
    let (gate, state) = (Gate::with_records(700).await, State::new());
    let sinks: Vec<Arc<dyn Sink>> = vec![
        Arc::new(sink_of("full", IdScheme::Full, true)),
        Arc::new(sink_of("merging", IdScheme::IclockSyncV1, true)),
        Arc::new(sink_of("uncounted", IdScheme::Full, false)),
    ];
    let engine = state.engine(&[&gate], &sinks);
    sync(&engine).await;
    drop(engine);
    let (before, received) = (state.files(), gate.handle().received().len());
    let engine = state.engine(&[&gate], &sinks);
    let compared = every_event(&engine).await;
    assert_eq!(compared.missing, 0, "{compared:?}");
    let terminal = &compared.terminals[0];
    assert_eq!((terminal.status, terminal.records, terminal.unread), (DeviceStatus::Ok, 700, 0));
    for (sink, foreign) in compared.sinks.iter().zip([Some(0), Some(0), None]) {
        assert_eq!((sink.status, summary(sink)), (SinkStatus::Ok, (0, foreign, 0)), "{sink:?}");
        assert_eq!(sink.fates.events(), 700);
    }
    assert_eq!(compared.sinks[0].documents, Some(700));
    assert!(gate.handle().received().len() > received, "the log was read");
    assert_eq!(state.files(), before);
    // Without the terminals, none is contacted.
    let received = gate.handle().received().len();
    let compared = compare_with(&engine, ReconcileOptions::default().terminals(false)).await;
    assert_eq!((compared.missing, compared.terminals.len()), (0, 0));
    assert_eq!(gate.handle().received().len(), received);
}

#[tokio::test]
async fn a_sink_that_cannot_tell_what_it_has_is_not_asked_and_lacks_nothing() {
    let (gate, state) = (Gate::with_records(30).await, State::new());
    let silent = Capabilities::new(50, IdScheme::Full).without_lookup();
    let stored = MemorySink::new("db").with_capabilities(silent);
    let engine = state.engine(&[&gate], &[Arc::new(stored.clone())]);
    sync(&engine).await;
    stored.stored().iter().for_each(|event| assert!(stored.remove(event.id)));
    let report = sync_with(&engine, RunOptions::default().full(true)).await;
    assert_eq!((report.run.exit_code, report.sinks[0].status, report.sinks[0].stored), (0, SinkStatus::Idle, 0));
    let compared = every_event(&engine).await;
    let sink = &compared.sinks[0];
    assert_eq!((sink.status, sink.compared, sink.documents), (SinkStatus::Ok, false, None), "{sink:?}");
    assert_eq!((compared.missing, sink.fates.delivered), (0, 30));
}

#[tokio::test]
async fn an_event_that_a_sink_lost_is_named_with_its_day_and_sent_again_alone() {
    for (ids, counts) in [(IdScheme::Full, true), (IdScheme::IclockSyncV1, true), (IdScheme::Full, false)] {
        let (gate, state, stored) = (Gate::with_records(300).await, State::new(), sink_of("db", ids, counts));
        let engine = state.engine(&[&gate], &[Arc::new(stored.clone())]);
        sync(&engine).await;
        let all = stored.stored();
        let lost = [&all[20], &all[21], &all[250]];
        lost.iter().for_each(|event| assert!(stored.remove(ids.id_of(event))));
        let compared = compare(&engine).await;
        let sink = &compared.sinks[0];
        assert_eq!((compared.missing, sink.missing), (3, 3), "{compared:?}");
        let days: Vec<NaiveDate> = sink.days.iter().map(|day| day.date).collect();
        let mut expected: Vec<NaiveDate> = lost.iter().map(|event| event.local_time.date()).collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(days, expected);
        let day = &sink.days[0];
        assert_eq!(day.documents, counts.then(|| day.expected - day.missing));
        let example = day.examples.iter().find(|example| example.user_id == lost[0].user_id).unwrap();
        assert_eq!(example.terminal, "gate");
        assert_eq!(example.local_time, lost[0].local_time.format("%Y-%m-%d %H:%M:%S").to_string());
        assert_eq!(sink.days_looked_up, if counts { days.len() as u64 } else { sink.days_looked_up });
        let (writes, received) = (stored.writes(), gate.handle().received().len());
        let report = repair(&engine, &compared).await;
        assert_eq!((report.run.exit_code, report.sinks[0].stored, report.sinks[0].pending), (0, 3, 0), "{report:?}");
        assert_eq!(stored.writes(), writes + 1);
        assert_eq!(gate.handle().received().len(), received, "the terminal has nothing to do with it");
        assert_eq!(keys(&stored.stored()), gate.keys());
        assert_eq!(every_event(&engine).await.missing, 0);
    }
}

/// A year passes, after which all events but the last sixteen of each terminal shrink.
async fn shrink(state: &State, engine: impl FnOnce(EngineBuilder) -> EngineBuilder, events: u64) {
    let ledger = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    ledger.execute("UPDATE readings SET read_at = read_at - 365 * 86400", ()).unwrap();
    drop(ledger);
    let options = quick_with(|options| options.retention.events = Some(Duration::from_secs(300 * 86_400)));
    let engine = engine(state.builder().options(options)).build().unwrap();
    let hourly = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    let service = engine.start(hourly, &CancellationToken::new()).await.unwrap();
    let shrunk = async {
        while state.ledger().shrunk().unwrap().is_none_or(|sum| sum.events < events) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), shrunk).await.unwrap();
    service.shutdown(Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn events_that_have_shrunk_are_compared_by_their_keys_and_are_not_sent_again() {
    let (gate, state) = (Gate::with_records(300).await, State::new());
    let stored = [
        sink_of("full", IdScheme::Full, true),
        sink_of("merging", IdScheme::IclockSyncV1, true),
        sink_of("uncounted", IdScheme::Full, false),
    ];
    let mut sinks: Vec<Arc<dyn Sink>> = stored.iter().map(|sink| Arc::new(sink.clone()) as Arc<dyn Sink>).collect();
    // Two of the oldest punches are of one person and second: under one scheme they share a document.
    let first = gate.handle().records()[0].clone();
    gate.handle().add_punches([Punch { state: first.state ^ 1, ..first }]);
    gate.handle().punch_now().unwrap();
    sync(&state.engine(&[&gate], &sinks)).await;
    let service = sinks.clone();
    let device = gate.device();
    shrink(&state, |builder| service.into_iter().fold(builder.device(device), EngineBuilder::sink), 286).await;

    let (_, later) = memory("later");
    sinks.push(later);
    let engine = state.engine(&[&gate], &sinks);
    assert_eq!(sync(&engine).await.run.exit_code, 0);
    for every_event in [false, true] {
        let compared = compare_with(&engine, ReconcileOptions::default().every_event(every_event)).await;
        assert_eq!(compared.missing, 0, "{compared:?}");
        let terminal = &compared.terminals[0];
        assert_eq!((terminal.records, terminal.missing, terminal.unread), (302, 0, 0), "{terminal:?}");
        for (sink, (foreign, merged)) in compared.sinks.iter().zip([(Some(0), 0), (Some(0), 1), (None, 0)]) {
            assert_eq!((summary(sink), sink.shrunk_missing), ((0, foreign, 0), 0), "{sink:?}");
            let Fates { delivered, shrunk, passed_over, .. } = sink.fates;
            assert_eq!((delivered, shrunk, passed_over, sink.fates.merged), (16, 286 - merged, 0, merged), "{sink:?}");
            assert_eq!((sink.fates.events(), sink.documents.unwrap_or(302 - merged)), (302, 302 - merged));
        }
        assert!(every_event || compared.sinks[1].days_looked_up == 0, "the counts agree");
        let added = &compared.sinks[3];
        assert_eq!((summary(added), added.fates.delivered, added.fates.passed_over), ((0, Some(0), 0), 16, 286));
    }

    // One that was lost is named, and one that can still be sent is sent.
    let (old, recent) = (stored[0].stored()[9].clone(), stored[0].stored()[301].clone());
    assert!(stored[0].remove(old.id) && stored[0].remove(recent.id));
    let compared = compare(&engine).await;
    let sink = &compared.sinks[0];
    assert_eq!((compared.missing, sink.missing, sink.shrunk_missing), (1, 1, 1), "{compared:?}");
    let day = sink.days.iter().find(|day| day.shrunk_missing == 1).unwrap();
    assert_eq!(day.date, old.local_time.date());
    let report = repair(&engine, &compared).await;
    assert_eq!((report.totals.new, report.totals.stored, report.totals.pending), (0, 1, 0), "{report:?}");
    let compared = compare(&engine).await;
    assert_eq!((compared.missing, compared.sinks[0].shrunk_missing), (0, 1), "{compared:?}");
}

#[tokio::test]
async fn a_document_from_elsewhere_is_counted_and_hides_nothing_if_every_event_is_looked_up() {
    let (gate, state, stored) = (Gate::with_records(100).await, State::new(), sink_of("db", IdScheme::Full, true));
    let engine = state.engine(&[&gate], &[Arc::new(stored.clone())]);
    sync(&engine).await;
    let all = stored.stored();
    let foreign = sample_with(|event: &mut AttendanceEvent| event.local_time = all[50].local_time);
    stored.write(&[foreign]).await.unwrap();
    let compared = compare(&engine).await;
    assert_eq!((compared.missing, summary(&compared.sinks[0])), (0, (0, Some(1), 1)), "{compared:?}");
    assert!(stored.remove(all[50].id));
    assert_eq!(compare(&engine).await.missing, 0, "the counts agree");
    let compared = every_event(&engine).await;
    assert_eq!((compared.missing, summary(&compared.sinks[0])), (1, (1, Some(1), 1)), "{compared:?}");
    repair(&engine, &compared).await;
    let compared = every_event(&engine).await;
    assert_eq!((compared.missing, summary(&compared.sinks[0])), (0, (0, Some(1), 1)), "it stays");
}

#[tokio::test]
async fn a_record_that_the_ledger_lost_is_read_again_and_a_new_one_is_not_missing() {
    let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    let lost = stored.stored()[100].clone();
    delete_from_ledger(&state, lost.id);
    gate.handle().punch_now().unwrap();
    let compared = compare(&engine).await;
    let terminal = &compared.terminals[0];
    assert_eq!((compared.missing, terminal.missing, terminal.unread, terminal.records), (1, 1, 1, 301), "{compared:?}");
    let day = &terminal.days[0];
    assert_eq!((day.date, day.missing), (Some(lost.local_time.date()), 1));
    assert_eq!((day.examples[0].user_id.as_str(), day.examples[0].terminal.as_str()), (lost.user_id.as_str(), "gate"));
    // The document is there, and its event is not.
    assert_eq!(compared.sinks[0].not_from_here, Some(1));
    let since = lost.local_time.date().succ_opt().unwrap();
    let later = compare_with(&engine, ReconcileOptions::default().since(since)).await;
    assert_eq!((later.missing, later.terminals[0].days.len()), (0, 0), "of the days from then on");
    let report = repair(&engine, &compared).await;
    assert_eq!((report.run.exit_code, report.totals.new), (0, 2), "{report:?}");
    let compared = every_event(&engine).await;
    assert_eq!((compared.missing, compared.terminals[0].unread), (0, 0), "{compared:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_log_that_was_cleared_since_is_new_and_not_missing() {
    let (gate, state, (_, sink)) = (Gate::with_records(200).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    gate.handle().clear_log();
    gate.handle().punch_now().unwrap();
    let compared = compare(&engine).await;
    let terminal = &compared.terminals[0];
    assert_eq!((compared.missing, terminal.records, terminal.unread), (0, 1, 1), "{compared:?}");
}

/// Refuses one person's events for good.
#[derive(Debug)]
struct Refuses(String);

#[attendance_model::async_trait]
impl Oddity for Refuses {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let mut outcomes = Vec::new();
        for event in batch {
            outcomes.push(if event.user_id == self.0 {
                Outcome::Rejected { reason: "too odd".to_owned() }
            } else {
                inner.write(std::slice::from_ref(event)).await?.remove(0)
            });
        }
        Ok(outcomes)
    }
}

#[tokio::test]
async fn events_that_a_sink_does_not_get_on_purpose_are_counted_apart() {
    let time = |minute, second| zk_proto::DeviceTime::new(2025, 5, 18, 7, minute, second).unwrap();
    let punches = vec![
        Punch::new(1, "42", time(1, 9), 0, 1),
        Punch::new(1, "42", time(1, 9), 1, 1),
        Punch::new(2, "43", time(2, 0), 0, 1),
        Punch::new(3, "44", time(3, 0), 0, 1),
        Punch::new(4, "45", time(4, 0), 0, 1),
    ];
    let gate = Gate::start("gate", Terminal::builder().punches(punches)).await;
    let (state, inner) = (State::new(), sink_of("db", IdScheme::IclockSyncV1, true));
    let refusing: Arc<dyn Sink> = Arc::new(OddSink { inner: inner.clone(), oddity: Refuses("43".to_owned()) });
    let id = |user: &str, minute| {
        let time = NaiveDate::from_ymd_opt(2025, 5, 18).unwrap().and_hms_opt(7, minute, 0).unwrap();
        (EventId::iclock_sync_v1(user, time), time)
    };
    let dir = state.dir.path().join("state");
    Ledger::open(&dir).unwrap().import_ids(&refusing.target(), refusing.name(), [id("44", 3).0]).unwrap();
    let engine = state.engine(&[&gate], &[Arc::clone(&refusing)]);
    let until = Window { since: None, until: Some(id("", 3).1.into()) };
    sync_with(&engine, RunOptions::default().window(until)).await;
    let compared = compare(&engine).await;
    let (sink, fates) = (&compared.sinks[0], compared.sinks[0].fates);
    assert_eq!((compared.missing, sink.status), (0, SinkStatus::Ok), "{compared:?}");
    assert_eq!((fates.delivered, fates.merged, fates.set_aside, fates.imported, fates.held), (1, 1, 1, 1, 1));
    // The Python tool's cache says so, and it is not there.
    assert_eq!(sink.imported_missing, 1);
    gate.handle().punch_now().unwrap();
    sync_with(&engine, RunOptions::default().window(until).deliver(false)).await;
    let compared = compare(&engine).await;
    assert_eq!((compared.missing, compared.sinks[0].fates.pending), (0, 1), "{compared:?}");
}

#[tokio::test]
async fn events_of_before_a_change_of_ids_are_found_under_their_old_ones() {
    let (gate, state, inner) = (Gate::with_records(120).await, State::new(), MemorySink::new("db"));
    for ids in [IdScheme::IclockSyncV1, IdScheme::Full] {
        let counts = Capabilities::new(20, ids).counts_days(100);
        let engine = state.engine(&[&gate], &[Arc::new(inner.clone().with_capabilities(counts))]);
        gate.handle().punch_now().unwrap();
        assert_eq!(sync(&engine).await.run.exit_code, 0);
        let compared = every_event(&engine).await;
        assert_eq!((compared.missing, summary(&compared.sinks[0])), (0, (0, Some(0), 0)), "{ids} {compared:?}");
    }
}

/// Cannot be asked.
#[derive(Debug)]
struct Deaf(MemorySink, attendance_model::SinkErrorKind);

#[attendance_model::async_trait]
impl Sink for Deaf {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn target(&self) -> String {
        self.0.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn probe(&self) -> Result<Vec<attendance_model::Notice>, SinkError> {
        self.0.probe().await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        self.0.write(batch).await
    }

    async fn lookup(&self, _: &[EventId]) -> Result<Vec<bool>, SinkError> {
        Err(SinkError::new(self.1, "cannot look into db"))
    }
}

#[tokio::test]
async fn a_sink_or_terminal_that_cannot_be_asked_is_named_and_holds_up_no_other() {
    use attendance_model::SinkErrorKind::{Missing, Rights};
    let (gate, dead, state) =
        (Gate::with_records(50).await, Gate::start("dead", Terminal::builder()).await, State::new());
    let (_, other) = memory("other");
    let sinks = |kind| -> [Arc<dyn Sink>; 2] { [Arc::new(Deaf(MemorySink::new("db"), kind)), Arc::clone(&other)] };
    let engine = state.engine(&[&gate, &dead], &sinks(Rights));
    sync(&engine).await;
    dead.handle().shutdown();
    let compared = compare(&engine).await;
    assert_eq!((compared.missing, compared.sinks[0].status), (0, SinkStatus::Failed), "{compared:?}");
    assert_eq!(compared.sinks[0].error_kind, Some(ErrorKind::Invalid), "it says that it counts, and cannot");
    assert_eq!((compared.sinks[1].status, compared.sinks[1].documents), (SinkStatus::Ok, Some(50)));
    assert_eq!((compared.terminals[0].status, compared.terminals[0].records), (DeviceStatus::Ok, 50));
    assert_eq!(compared.terminals[1].status, DeviceStatus::Failed);
    assert!(compared.terminals[1].error.is_some());
    // A table that is not there has no rows.
    let uncounted = MemorySink::new("db").with_capabilities(Capabilities::new(50, IdScheme::Full));
    let engine = state.engine(&[&gate], &[Arc::new(Deaf(uncounted, Missing))]);
    let compared = compare(&engine).await;
    assert_eq!((compared.missing, compared.sinks[0].status), (50, SinkStatus::Failed), "{compared:?}");
}
