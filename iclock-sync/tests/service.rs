//! A service: nobody waits for anybody else, and it does as it is told.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, EventId, MemorySink, Outcome, PunchState, RawPunch, Reason, Rules, Sink, SinkError, Source,
    VerifyMode,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, keys, memory, quick_with};
use iclock_sync::clock::Clock;
use iclock_sync::report::{DeviceStatus, ErrorKind};
use iclock_sync::service::status::Activity;
use iclock_sync::{
    CancellationToken, ClockCorrection, DeviceOptions, Engine, Hooks, Ingest, RunOptions, Schedule, Service,
    ServiceOptions, SyncError, Verdict,
};
use tokio::time::{Instant, sleep, timeout};
use zk_proto::Command;
use zk_sim::Terminal;

/// The longest that anything in these tests takes, on a machine that has other work.
const AT_MOST: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Hangs;

#[async_trait]
impl Oddity for Hangs {
    async fn write(&self, _: &MemorySink, _: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        std::future::pending().await
    }
}

#[derive(Debug)]
struct Panics;

#[async_trait]
impl Oddity for Panics {
    async fn write(&self, _: &MemorySink, _: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        panic!("a fault of this sink")
    }
}

fn odd<O: Oddity + 'static>(name: &str, oddity: O) -> Arc<dyn Sink> {
    Arc::new(OddSink { inner: MemorySink::new(name), oddity })
}

async fn gate(name: &str, seed: u64) -> Gate {
    Gate::start(name, Terminal::builder().records(20).seed(seed).serial(&format!("SN{seed}"))).await
}

fn every(seconds: u64) -> ServiceOptions {
    ServiceOptions::new(Schedule::fixed(Duration::from_secs(seconds)))
}

async fn start(engine: &Engine, options: ServiceOptions) -> Service {
    engine.start(options, &CancellationToken::new()).await.unwrap()
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(AT_MOST, wait).await.unwrap_or_else(|_| panic!("not within {AT_MOST:?}: {what}"));
}

fn sessions(gate: &Gate) -> usize {
    gate.handle().received().iter().filter(|received| received.command == Command::CONNECT).count()
}

/// The time from a punch at a terminal that is polled once a second to the sink: the median of five.
async fn arrival_beside(healthy: &Gate, others: &[DeviceOptions], sinks: &[Arc<dyn Sink>]) -> Duration {
    let (state, (stored, sink)) = (State::new(), memory("healthy"));
    let devices = [healthy.device()].into_iter().chain(others.iter().cloned());
    let builder = devices.fold(state.builder(), |builder, device| builder.device(device)).sink(sink);
    let engine = sinks.iter().fold(builder, |builder, sink| builder.sink(Arc::clone(sink))).build().unwrap();
    let service = start(&engine, every(1)).await;
    let of_healthy = || stored.stored().iter().filter(|event| event.device_serial == "SN1").count();
    let log = healthy.handle().records().len();
    until("the log is stored", || of_healthy() == log).await;
    let mut took = Vec::new();
    for punch in 1..=5 {
        // The rest after a poll has just begun, alone as beside others.
        let polls = service.status().terminals["healthy"].polls;
        until("it is polled", || service.status().terminals["healthy"].polls > polls).await;
        // No two punches of a person are equal.
        healthy.handle().move_clock(chrono::TimeDelta::seconds(2));
        healthy.handle().punch_now().unwrap();
        let punched = Instant::now();
        until("the punch is stored", || of_healthy() == log + punch).await;
        took.push(punched.elapsed());
    }
    // The others are still at it.
    let status = service.status();
    let has_failed = |name: &str| status.terminals.get(name).is_none_or(|terminal| terminal.last_success.is_none());
    assert!(has_failed("stalled") && has_failed("dead"), "{status:?}");
    assert_eq!(status.sinks.get("hanging").map_or(0, |sink| sink.stored), 0);
    service.shutdown(Duration::from_secs(1)).await.unwrap();
    took.sort_unstable();
    took[2]
}

#[tokio::test]
async fn a_healthy_terminal_reaches_a_healthy_sink_beside_stalled_dead_and_slow_ones_and_a_sink_that_hangs() {
    let (healthy, stalled, slow) = (gate("healthy", 1).await, gate("stalled", 2).await, gate("slow", 3).await);
    stalled.set_fault("stall-packets=3");
    slow.set_fault("latency=600ms");
    let mut dead = DeviceOptions::new("dead", "127.0.0.1");
    (dead.port, dead.timeout) = (1, Duration::from_secs(2));
    let mut patient = stalled.device();
    patient.timeout = Duration::from_secs(5);
    let alone = arrival_beside(&healthy, &[], &[]).await;
    let beside = arrival_beside(&healthy, &[patient, slow.device(), dead], &[odd("hanging", Hangs)]).await;
    // It rests for a second; a machine that has other work may make either of them slower.
    assert!(beside < alone.mul_f64(1.5) + Duration::from_millis(500), "{beside:?}, and alone {alone:?}");
}

#[tokio::test]
async fn a_terminal_and_a_sink_that_are_paused_are_left_alone_until_they_are_resumed() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let service = start(&engine, every(3_600)).await;
    until("the log is stored", || stored.stored().len() == 20).await;
    until("it rests", || matches!(service.status().terminals["gate"].activity, Activity::Resting { .. })).await;

    service.pause("gate").await.unwrap();
    until("it is paused", || service.status().terminals["gate"].activity == Activity::Paused).await;
    gate.handle().punch_now().unwrap();
    let before = sessions(&gate);
    service.poll_now("gate").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(sessions(&gate), before);

    service.pause("db").await.unwrap();
    service.resume("gate").await.unwrap();
    until("it is polled", || service.status().terminals["gate"].new == 21).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(stored.stored().len(), 20);
    assert!(service.status().sinks["db"].paused);
    service.resume("db").await.unwrap();
    until("the punch is stored", || stored.stored().len() == 21).await;
    assert!(service.pause("nobody").await.is_err());
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_reload_starts_and_stops_what_has_changed_and_leaves_the_rest_alone() {
    let state = State::new();
    let (kept, changed, removed) = (gate("kept", 1).await, gate("changed", 2).await, gate("removed", 3).await);
    let added = gate("added", 4).await;
    let ((stored, sink), (_, gone), (late, new)) = (memory("kept-db"), memory("old-db"), memory("new-db"));
    let engine = state.engine(&[&kept, &changed, &removed], &[Arc::clone(&sink), gone]);
    let service = start(&engine, every(3_600)).await;
    until("all is stored", || stored.stored().len() == 60).await;
    let mut session_count = sessions(&kept);

    let mut slower = changed.device();
    slower.timeout = Duration::from_secs(3);
    let next = state.builder().device(kept.device()).device(slower).device(added.device()).sink(sink).sink(new);
    let reloaded = service.reload(&next.build().unwrap(), every(3_600)).await.unwrap();
    assert_eq!(reloaded.kept, ["kept-db", "kept"]);
    assert_eq!(reloaded.stopped, ["changed", "removed", "old-db"]);
    assert_eq!(reloaded.started, ["new-db", "changed", "added"]);
    // The new sink gets what the ledger has, too.
    until("all is stored", || stored.stored().len() == 80 && late.stored().len() == 80).await;
    assert_eq!(keys(&stored.stored()), keys(&late.stored()));
    assert_eq!(sessions(&kept), session_count, "no new session");

    // A configuration that cannot be used changes nothing.
    let elsewhere = Engine::builder(state.dir.path().join("elsewhere")).build().unwrap();
    let refused = service.reload(&elsewhere, every(1)).await;
    assert!(matches!(refused, Err(SyncError::Setting { .. })), "{refused:?}");
    kept.handle().punch_now().unwrap();
    service.poll_now("kept").await.unwrap();
    until("the punch is stored", || late.stored().len() == 81).await;
    session_count += 1;
    assert_eq!(sessions(&kept), session_count);
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn reloads_amid_punches_lose_nothing_and_make_no_new_session_at_a_terminal_that_did_not_change() {
    let (state, kept, other) = (State::new(), gate("kept", 1).await, gate("other", 2).await);
    let ((stored, sink), (_, second)) = (memory("kept-db"), memory("other-db"));
    let live = || every(3_600).live(true);
    let service = start(&state.engine(&[&kept, &other], &[Arc::clone(&sink)]), live()).await;
    let listens = |name: &str| matches!(service.status().terminals[name].activity, Activity::Listening { .. });
    until("both are listened to", || listens("kept") && listens("other")).await;
    let before = sessions(&kept);
    let is_over = CancellationToken::new();
    let punches = async {
        while !is_over.is_cancelled() {
            kept.handle().punch_now().unwrap();
            other.handle().punch_now().unwrap();
            // No two punches of a person are equal.
            kept.handle().move_clock(chrono::TimeDelta::seconds(2));
            other.handle().move_clock(chrono::TimeDelta::seconds(2));
            sleep(Duration::from_millis(15)).await;
        }
    };
    let reloads = async {
        for round in 0..8 {
            let mut builder = state.builder().device(kept.device()).sink(Arc::clone(&sink));
            if round % 3 > 0 {
                let mut changed = other.device();
                changed.timeout += Duration::from_millis(round);
                builder = builder.device(changed).sink(Arc::clone(&second));
            }
            let reloaded = service.reload(&builder.build().unwrap(), live()).await.unwrap();
            assert!(reloaded.kept.contains(&"kept".to_owned()) && !reloaded.kept.contains(&"other".to_owned()));
            let records = service.status().terminals["kept"].records;
            until("the next punches are read", || service.status().terminals["kept"].records > records).await;
        }
        is_over.cancel();
    };
    tokio::join!(punches, reloads);
    service.reload(&state.engine(&[&kept, &other], &[sink]), live()).await.unwrap();
    let truth: BTreeSet<_> = kept.keys().union(&other.keys()).copied().collect();
    until("all is stored", || stored.stored().len() >= truth.len()).await;
    assert_eq!(keys(&stored.stored()), truth);
    assert_eq!((sessions(&kept), kept.handle().stats().connections), (before, before as u64));
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_sink_that_panics_stops_nobody_else_and_is_told() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let engine = state.engine(&[&gate], &[odd("broken", Panics), sink]);
    let service = start(&engine, every(1)).await;
    until("the log is stored", || stored.stored().len() == 20).await;
    until("the fault is told", || service.status().sinks["broken"].error.is_some()).await;
    let broken = service.status().sinks["broken"].clone();
    assert_eq!((broken.stored, broken.pending, broken.pending_since.is_some()), (0, 20, true), "they still wait");
    gate.handle().punch_now().unwrap();
    until("the punch is stored", || stored.stored().len() == 21).await;
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_the_sessions_and_keeps_to_its_deadline() {
    let (state, gate) = (State::new(), gate("gate", 1).await);
    let options = quick_with(|options| options.sink_timeout = Duration::from_secs(600));
    let builder = Engine::builder(state.dir.path().join("state")).options(options).device(gate.device());
    let engine = builder.sink(odd("hanging", Hangs)).build().unwrap();
    let service = start(&engine, every(3_600).live(true)).await;
    until("it listens", || gate.handle().received().iter().any(|one| one.command == Command::REG_EVENT)).await;
    let began = Instant::now();
    service.shutdown(Duration::from_secs(2)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let ended = gate.handle().received().iter().filter(|received| received.command == Command::EXIT).count();
    assert_eq!(ended, sessions(&gate), "each session is ended");
    // The ledger is free again.
    start(&engine, every(3_600)).await.shutdown(Duration::ZERO).await.unwrap();
}

/// A clock on which time passes between any two looks at it.
#[derive(Debug, Default)]
struct Rushing(AtomicU64);

#[async_trait]
impl Clock for Rushing {
    fn utc_now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.monotonic()
    }

    fn local_now(&self) -> NaiveDateTime {
        self.utc_now().naive_utc()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(100 * self.0.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_report_comes_however_fast_time_passes() {
    let (state, gate) = (State::new(), gate("gate", 1).await);
    let options = quick_with(|options| options.device_deadline = Duration::MAX);
    let builder = Engine::builder(state.dir.path().join("state")).options(options).device(gate.device());
    let engine = builder.clock(Arc::new(Rushing::default())).build().unwrap();
    let service = start(&engine, every(3_600)).await;
    for _ in 0..5 {
        let mut reports = service.reports();
        gate.handle().punch_now().unwrap();
        service.poll_now("gate").await.unwrap();
        timeout(AT_MOST, reports.recv()).await.unwrap().unwrap();
    }
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_report_has_the_terminals_that_were_polled_since_the_one_before() {
    let (state, one, two) = (State::new(), gate("one", 1).await, gate("two", 2).await);
    let (_, sink) = memory("db");
    let engine = state.engine(&[&one, &two], &[sink]);
    let service = start(&engine, every(3_600)).await;
    let mut reports = service.reports();
    let (mut names, mut stored) = (Vec::new(), 0);
    while names.len() < 2 {
        let report = timeout(AT_MOST, reports.recv()).await.unwrap().unwrap();
        names.extend(report.devices.iter().map(|device| device.name.clone()));
        stored += report.sinks[0].stored;
    }
    assert_eq!((names, stored), (vec!["one".to_owned(), "two".to_owned()], 40));

    two.handle().punch_now().unwrap();
    service.poll_now("two").await.unwrap();
    let report = timeout(AT_MOST, reports.recv()).await.unwrap().unwrap();
    assert_eq!(report.devices.len(), 1);
    assert_eq!((report.devices[0].name.as_str(), report.devices[0].status), ("two", DeviceStatus::Ok));
    assert_eq!((report.totals.new, report.totals.stored, report.run.exit_code), (1, 1, 0));
    // A poll without news says nothing.
    let polls = service.status().terminals["one"].polls;
    service.poll_now("one").await.unwrap();
    until("it is polled", || service.status().terminals["one"].polls > polls).await;
    sleep(Duration::from_millis(500)).await;
    assert!(reports.try_recv().is_err());
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn an_engine_runs_one_service_and_ends_it_when_the_handle_is_dropped() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let service = start(&engine, every(3_600)).await;
    let second = engine.start(every(1), &CancellationToken::new()).await;
    assert!(matches!(second, Err(SyncError::Setting { .. })), "{second:?}");
    until("the log is stored", || stored.stored().len() == 20).await;
    drop(service);
    // A run waits for the service's end.
    let report = timeout(AT_MOST, common::sync(&engine)).await.unwrap();
    assert_eq!(report.run.exit_code, 0);
}

#[tokio::test]
async fn a_run_whose_future_is_dropped_leaves_the_engine_usable() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    for after in [0, 200, 1_000, 3_000, 10_000] {
        let _ = timeout(Duration::from_micros(after), common::sync(&engine)).await;
    }
    let report = timeout(AT_MOST, common::sync(&engine)).await.unwrap();
    assert_eq!(report.run.exit_code, 0, "{report:?}");
    assert_eq!(stored.stored().len(), 20);
    let count = |command| gate.handle().received().iter().filter(|received| received.command == command).count();
    assert_eq!(count(Command::EXIT), count(Command::CONNECT), "no session is left open");
}

/// The punches of a terminal as it would push them: the protocol has other bytes, and numbers verify modes differently.
fn pushed(gate: &Gate) -> Ingest {
    let punches = gate.handle().records().into_iter().map(|record| {
        let time = chrono::NaiveDateTime::parse_from_str(&record.time.to_string(), "%Y-%m-%d %H:%M:%S").unwrap();
        let mut punch = RawPunch::new("SN1", "gate", &*record.user_id, time, Source::Push);
        punch.punch_state = PunchState(record.state);
        punch.verify_mode = VerifyMode(15);
        punch.raw = format!("{}\t{}\t{}\t15", record.user_id, record.time, record.state).into_bytes();
        punch
    });
    Ingest::new("SN1", "gate", Source::Push, punches.collect())
}

#[tokio::test]
async fn a_punch_that_is_pulled_and_pushed_is_one_event_whichever_came_first() {
    for layout in ["bw8", "tft16", "tft40"] {
        for pushed_first in [false, true] {
            let builder = Terminal::builder().records(20).seed(1).serial("SN1");
            let gate = Gate::start("gate", builder.profile(zk_sim::Profile::named(layout).unwrap())).await;
            let (state, (stored, sink)) = (State::new(), memory("db"));
            let engine = state.engine(&[&gate], &[Arc::clone(&sink)]);
            let service = if pushed_first {
                let service = start(&state.engine(&[], &[sink]), every(3_600)).await;
                assert_eq!(service.ingest(pushed(&gate)).await.unwrap().new, 20);
                service.reload(&engine, every(3_600)).await.unwrap();
                service
            } else {
                start(&engine, every(3_600)).await
            };
            until("the log is read", || service.status().terminals["gate"].polls == 1).await;
            let new = if pushed_first { 0 } else { 20 };
            assert_eq!(service.status().terminals["gate"].new, new, "{layout}, pushed first: {pushed_first}");
            let late = service.ingest(pushed(&gate)).await.unwrap();
            assert_eq!((late.new, late.known), (0, 20));
            until("all is stored", || stored.stored().len() == 20).await;
            service.shutdown(AT_MOST).await.unwrap();
            assert_eq!(stored.stored().len(), 20);
        }
    }
}

#[tokio::test]
async fn what_was_pushed_is_durable_and_a_bad_line_takes_no_good_one_with_it() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let gate = gate("gate", 1).await;
    let engine = state.builder().sink(sink).build().unwrap();
    let service = start(&engine, every(3_600)).await;
    let mut ingest = pushed(&gate);
    ingest.punches[3].user_id.clear();
    let ingested = service.ingest(ingest.clone()).await.unwrap();
    assert_eq!((ingested.new, ingested.known, ingested.quarantined), (19, 0, 1));
    // Durable before anything else: another reader sees it.
    assert_eq!(state.ledger().event_count().unwrap(), 19);
    let again = service.ingest(ingest).await.unwrap();
    assert_eq!((again.new, again.known, again.quarantined), (0, 19, 0));
    until("all is stored", || stored.stored().len() == 19).await;
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_source_beside_the_service_enters_punches_and_is_refused_after_the_end() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let engine = state.builder().sink(sink).build().unwrap();
    let service = start(&engine, every(3_600)).await;
    let door = service.door();
    let (first, second) = (pushed(&gate), pushed(&gate));
    let source = tokio::spawn({
        let door = door.clone();
        async move { door.ingest(first).await }
    });
    assert_eq!(source.await.unwrap().unwrap().new, 20);
    until("all is stored", || stored.stored().len() == 20).await;
    service.shutdown(AT_MOST).await.unwrap();
    let refused = door.ingest(second.clone()).await;
    assert!(matches!(refused, Err(SyncError::Stopped)), "{refused:?}");
    // It holds nothing that the next service needs.
    let service = timeout(AT_MOST, start(&engine, every(3_600))).await.unwrap();
    assert!(matches!(door.ingest(second.clone()).await, Err(SyncError::Stopped)));
    assert_eq!(service.door().ingest(second).await.unwrap().known, 20);
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn what_an_ingest_says_of_the_terminal_holds_for_all_of_its_punches() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let service = start(&state.builder().sink(sink).build().unwrap(), every(3_600)).await;
    let mut ingest = pushed(&gate).clock_drift_ms(1_500);
    let right = pushed(&gate);
    for punch in &mut ingest.punches {
        punch.device_serial = "OTHER".to_owned();
        punch.source = Source::Pull;
    }
    assert_eq!(service.ingest(ingest).await.unwrap().new, 20);
    until("all is stored", || stored.stored().len() == 20).await;
    let event = stored.stored().remove(0);
    assert_eq!((event.device_serial.as_str(), event.source, event.clock_drift_ms), ("SN1", Source::Push, Some(1_500)));
    let key = EventId::full("SN1", &event.user_id, event.local_time, event.punch_state, event.verify_mode);
    assert_eq!(event.id, key);
    assert_eq!(service.ingest(right).await.unwrap().known, 20);
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn the_list_of_people_can_be_replaced_while_the_service_runs() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let gate = gate("gate", 1).await;
    let ids: Vec<String> = gate.handle().records().iter().map(|punch| punch.user_id.to_string()).collect();
    let first = ids[0].clone();
    let of_first = ids.iter().filter(|id| **id == first).count();
    assert!(of_first < 20);
    let only_first = quick_with(|options| options.rules = Rules::default().allow_list([first.clone()]));
    let builder = Engine::builder(state.dir.path().join("state")).options(only_first).device(gate.device());
    let service = start(&builder.sink(sink).build().unwrap(), every(3_600)).await;
    until("the log is read", || service.status().terminals["gate"].polls == 1).await;
    until("one person's punches are stored", || stored.stored().len() == of_first).await;
    let all = Rules::default().allow_list(ids);
    assert_eq!(service.set_rules(all).await.unwrap(), 20 - of_first as u64);
    until("the others' are stored", || stored.stored().len() == 20).await;
    // The new rules hold for what comes, too.
    service.set_rules(Rules::default().allow_list(["nobody".to_owned()])).await.unwrap();
    gate.handle().punch_now().unwrap();
    service.poll_now("gate").await.unwrap();
    until("it is polled", || service.status().terminals["gate"].polls == 2).await;
    assert_eq!(service.status().terminals["gate"].rejected.values().sum::<u64>(), 21 - of_first as u64);
    service.shutdown(AT_MOST).await.unwrap();
    assert_eq!(stored.stored().len(), 20);
}

#[tokio::test]
async fn the_safety_limit_of_a_service_counts_the_new_events_of_all_terminals() {
    let (state, one, two) = (State::new(), gate("one", 1).await, gate("two", 2).await);
    let (stored, sink) = memory("db");
    let engine = state.engine(&[&one, &two], &[sink]);
    let options = every(3_600).options_at(|_| RunOptions::default().max_new(30));
    let service = start(&engine, options).await;
    until("the limit holds them back", || service.status().sinks["db"].error.is_some()).await;
    let error = service.status().sinks["db"].error.clone().unwrap();
    assert_eq!(error.kind, ErrorKind::OverLimit, "{error:?}");
    assert_eq!(stored.stored().len(), 0, "20 of each terminal are more than 30");
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_pause_that_comes_during_a_poll_is_kept_live_or_not() {
    for live in [false, true] {
        let (state, gate, (_, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
        gate.set_fault("latency=150ms");
        let engine = state.engine(&[&gate], &[sink]);
        let service = start(&engine, every(1).live(live)).await;
        until("it is read", || service.status().terminals["gate"].activity == Activity::Reading).await;
        service.pause("gate").await.unwrap();
        until("it is paused", || service.status().terminals["gate"].activity == Activity::Paused).await;
        let before = sessions(&gate);
        sleep(Duration::from_millis(1_500)).await;
        assert_eq!((sessions(&gate), service.status().terminals["gate"].activity), (before, Activity::Paused));
        service.shutdown(AT_MOST).await.unwrap();
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_used_any_more_ends_the_service_with_its_error() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let gate = gate("gate", 1).await;
    let service = start(&state.engine(&[&gate], &[sink]), every(3_600)).await;
    until("all is stored", || stored.stored().len() == 20).await;
    // Somebody else changes the file.
    let file = rusqlite::Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    file.execute_batch("ALTER TABLE events RENAME TO gone").unwrap();
    gate.handle().punch_now().unwrap();
    service.poll_now("gate").await.unwrap();
    timeout(AT_MOST, service.stopping()).await.unwrap();
    let error = service.shutdown(AT_MOST).await.unwrap_err();
    assert!(matches!(error, SyncError::Ledger(_)), "{error}");
}

#[tokio::test]
async fn a_serial_number_of_a_terminal_that_is_dead_is_free_for_the_one_that_has_it_now() {
    let (state, old, new) = (State::new(), gate("old", 1).await, gate("new", 1).await);
    let (stored, sink) = memory("db");
    let service = start(&state.engine(&[&old, &new], &[sink]), every(1)).await;
    let refused = || service.status().terminals.values().any(|terminal| terminal.error.is_some());
    until("one of the two is refused", refused).await;
    let holder = if service.status().terminals["old"].error.is_none() { &old } else { &new };
    holder.handle().shutdown();
    let other = if holder.name == "old" { "new" } else { "old" };
    until("the other one is read", || service.status().terminals[other].last_success.is_some()).await;
    until("the log is stored", || stored.stored().len() == 20).await;
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_terminal_that_is_never_called_shows_what_it_pushes_and_is_left_alone() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let builder = || state.builder().device(DeviceOptions::push("gate", "SN1"));
    let service = start(&builder().sink(Arc::clone(&sink)).build().unwrap(), every(1).live(true)).await;
    let terminal = || service.status().terminals["gate"].clone();
    assert_eq!((terminal().activity, terminal().address.as_str()), (Activity::Pushing, "push:SN1"));
    assert_eq!((terminal().last_push, terminal().new), (None, 0));
    service.ingest(pushed(&gate)).await.unwrap();
    assert_eq!((terminal().new, terminal().polls, terminal().last_push.is_some()), (20, 0, true));
    until("the punches are stored", || stored.stored().len() == 20).await;
    assert!(service.poll_now("gate").await.is_err());

    let reloaded = service.reload(&builder().sink(Arc::clone(&sink)).build().unwrap(), every(1)).await.unwrap();
    assert_eq!((reloaded.kept, terminal().new), (vec!["db".to_owned(), "gate".to_owned()], 20));
    // It may be called from now on.
    let called = state.engine(&[&gate], &[sink]);
    let reloaded = service.reload(&called, every(3_600)).await.unwrap();
    assert_eq!((reloaded.stopped, reloaded.started), (vec!["gate".to_owned()], vec!["gate".to_owned()]));
    until("it is polled", || terminal().polls == 1).await;
    assert_eq!((terminal().known, stored.stored().len()), (20, 20));
    service.shutdown(AT_MOST).await.unwrap();

    let nobody = state.builder().device(DeviceOptions::push("gate", "")).build();
    assert!(matches!(nobody, Err(SyncError::Setting { .. })), "{nobody:?}");
    let twice = builder().device(DeviceOptions::push("other", "SN1")).build();
    assert!(matches!(twice, Err(SyncError::Setting { .. })), "{twice:?}");
    // Both need a call.
    let mut cleared = DeviceOptions::push("gate", "SN1");
    cleared.clear_when = Some(90);
    let mut corrected = DeviceOptions::push("gate", "SN1");
    corrected.zone = Some("Indian/Maldives".parse().unwrap());
    corrected.clock = Some(ClockCorrection { bound: Duration::from_secs(60), quiet: None });
    for device in [cleared, corrected] {
        let refused = state.builder().device(device).build().unwrap_err();
        assert!(
            matches!(refused, SyncError::Setting { .. }) && refused.to_string().contains("never called"),
            "{refused}"
        );
    }
}

/// Holds the punches of some people back, and notes what was delivered.
#[derive(Debug, Default)]
struct Reception {
    held: Mutex<Vec<String>>,
    delivered: Mutex<Vec<(String, String, Outcome)>>,
}

impl Hooks for Reception {
    fn before_store(&self, event: &AttendanceEvent) -> Verdict {
        if self.held.lock().unwrap().contains(&event.user_id) { Verdict::Hold } else { Verdict::Store }
    }

    fn after_delivery(&self, sink: &str, delivered: &[(AttendanceEvent, Outcome)]) {
        let noted = delivered.iter().map(|(event, outcome)| (sink.to_owned(), event.user_id.clone(), outcome.clone()));
        self.delivered.lock().unwrap().extend(noted);
    }
}

#[tokio::test]
async fn a_program_holds_events_back_as_long_as_it_likes_and_hears_of_each_delivery() {
    let (state, gate, (stored, sink)) = (State::new(), gate("gate", 1).await, memory("db"));
    let person = gate.handle().records()[0].user_id.to_string();
    let of_person = gate.handle().records().iter().filter(|punch| *punch.user_id == *person).count();
    let reception = Arc::new(Reception::default());
    reception.held.lock().unwrap().push(person.clone());
    let engine = || {
        let builder = state.builder().device(gate.device()).sink(Arc::clone(&sink));
        builder.hooks(Arc::<Reception>::clone(&reception)).build().unwrap()
    };
    let service = start(&engine(), every(3_600)).await;
    until("the rest is stored", || stored.stored().len() == 20 - of_person).await;
    assert!(stored.stored().iter().all(|event| event.user_id != person));
    let terminal = service.status().terminals["gate"].clone();
    assert_eq!(terminal.rejected[&Reason::HeldByProgram], of_person as u64);
    assert_eq!(service.judge_again().await.unwrap(), 0, "the program has not changed its mind");
    service.shutdown(AT_MOST).await.unwrap();
    // Neither has it after a restart.
    let service = start(&engine(), every(3_600)).await;
    until("it is polled", || service.status().terminals["gate"].polls == 1).await;
    assert_eq!(stored.stored().len(), 20 - of_person);
    reception.held.lock().unwrap().clear();
    assert_eq!(service.judge_again().await.unwrap(), of_person as u64);
    until("all is stored", || stored.stored().len() == 20).await;
    service.shutdown(AT_MOST).await.unwrap();
    let delivered = reception.delivered.lock().unwrap().clone();
    assert_eq!(delivered.len(), 20);
    assert!(delivered.iter().all(|(sink, _, outcome)| sink == "db" && *outcome == Outcome::Stored), "{delivered:?}");
    assert_eq!(delivered.iter().filter(|(_, user_id, _)| *user_id == person).count(), of_person);
}
