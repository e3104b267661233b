//! Sinks that hang, refuse, or answer nonsense.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Budget, Capabilities, IdScheme, MemorySink, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};
use common::clock::HandClock;
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, keys, quick_with, sync};
use iclock_sync::clock::Clock;
use iclock_sync::report::{ErrorKind, SinkReport, SinkStatus};
use iclock_sync::service::status::SinkState;
use iclock_sync::{CancellationToken, Engine, EngineOptions, RunOptions, Schedule, Service, ServiceOptions, Window};

/// The longest that anything here may take.
const SOON: Duration = Duration::from_secs(20);

/// Calls that a sink got.
#[derive(Clone, Debug, Default)]
struct Calls {
    probes: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Calls {
    fn count(&self) -> (usize, usize) {
        (self.probes.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst))
    }
}

/// The behaviour of a sink at a write.
type AtWrite = Box<dyn Fn(&[AttendanceEvent]) -> Fate + Send + Sync>;

enum Fate {
    Taken,
    Hangs,
    Fails(SinkErrorKind),
    /// One outcome is missing.
    Miscounted,
}

struct Troubled {
    calls: Calls,
    probe_hangs: bool,
    at_write: AtWrite,
}

impl std::fmt::Debug for Troubled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Troubled")
    }
}

#[async_trait]
impl Oddity for Troubled {
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.calls.probes.fetch_add(1, Ordering::SeqCst);
        if self.probe_hangs {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }

    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        self.calls.writes.fetch_add(1, Ordering::SeqCst);
        match (self.at_write)(batch) {
            Fate::Taken => inner.write(batch).await,
            Fate::Hangs => std::future::pending().await,
            Fate::Fails(kind) => Err(SinkError::new(kind, format!("refused {} events", batch.len()))),
            Fate::Miscounted => Ok(vec![Outcome::Stored; batch.len() - 1]),
        }
    }
}

/// A sink of 50 events a batch.
fn inner(writes_at_once: usize) -> MemorySink {
    MemorySink::new("db").with_capabilities(Capabilities::new(50, IdScheme::Full).concurrency(writes_at_once))
}

fn troubled(
    inner: &MemorySink,
    at_write: impl Fn(&[AttendanceEvent]) -> Fate + Send + Sync + 'static,
) -> (Calls, Arc<dyn Sink>) {
    let calls = Calls::default();
    let oddity = Troubled { calls: calls.clone(), probe_hangs: false, at_write: Box::new(at_write) };
    (calls, Arc::new(OddSink { inner: inner.clone(), oddity }))
}

fn with_hanging_probe(inner: &MemorySink) -> (Calls, Arc<dyn Sink>) {
    let calls = Calls::default();
    let oddity = Troubled { calls: calls.clone(), probe_hangs: true, at_write: Box::new(|_| Fate::Taken) };
    (calls, Arc::new(OddSink { inner: inner.clone(), oddity }))
}

/// A state directory whose ledger has this many events.
async fn filled(records: usize) -> (Gate, State) {
    let (gate, state) = (Gate::with_records(records).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    (gate, state)
}

fn engine(state: &State, sink: &Arc<dyn Sink>, change: impl FnOnce(&mut EngineOptions)) -> Engine {
    state.builder().options(quick_with(change)).sink(Arc::clone(sink)).build().unwrap()
}

async fn delivered(engine: &Engine) -> SinkReport {
    tokio::time::timeout(SOON, sync(engine)).await.unwrap().sinks.remove(0)
}

fn quick_limit(options: &mut EngineOptions) {
    (options.sink_timeout, options.attempts) = (Duration::from_millis(60), 3);
}

#[tokio::test]
async fn a_probe_that_hangs_is_waited_for_once_whatever_the_number_of_attempts_and_writes() {
    let (_gate, state) = filled(600).await;
    let (calls, sink) = with_hanging_probe(&inner(8));
    let report = delivered(&engine(&state, &sink, quick_limit)).await;
    assert_eq!((calls.count(), report.requests, report.pending), ((1, 0), 1, 600));
    assert_eq!(report.error_kind, Some(ErrorKind::TimedOut));
}

#[tokio::test]
async fn a_write_that_hangs_ends_at_the_time_limit() {
    let (_gate, state) = filled(10).await;
    let (calls, sink) = troubled(&inner(1), |_| Fate::Hangs);
    let report = delivered(&engine(&state, &sink, quick_limit)).await;
    assert_eq!((calls.count(), report.error_kind, report.pending), ((1, 3), Some(ErrorKind::TimedOut), 10));
}

#[tokio::test]
async fn a_stop_ends_calls_that_hang_within_the_grace_and_makes_no_further_one() {
    let (_gate, state) = filled(600).await;
    for probe_hangs in [true, false] {
        let (calls, sink) =
            if probe_hangs { with_hanging_probe(&inner(4)) } else { troubled(&inner(4), |_| Fate::Hangs) };
        let engine = engine(&state, &sink, |options| {
            (options.sink_timeout, options.stop_grace) = (Duration::from_secs(600), Duration::from_millis(50));
        });
        let (stop, options) = (CancellationToken::new(), RunOptions::default());
        let expected = if probe_hangs { (1, 0) } else { (1, 4) };
        let stopping = async {
            while calls.count() != expected {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (report, ()) =
            tokio::time::timeout(SOON, async { tokio::join!(engine.run(&options, &stop), stopping) }).await.unwrap();
        assert_eq!((calls.count(), report.unwrap().sinks[0].pending), (expected, 600));
    }
}

#[tokio::test]
async fn an_answer_with_too_few_outcomes_counts_for_nothing() {
    let (gate, state) = filled(120).await;
    let inner = inner(1);
    let (calls, sink) = troubled(&inner, |_| Fate::Miscounted);
    let report = delivered(&engine(&state, &sink, |_| {})).await;
    assert_eq!((report.status, report.stored, report.pending), (SinkStatus::Failed, 0, 120));
    assert_eq!((calls.count(), report.rejected), ((1, 1), 0), "its events are not at fault");
    let report = delivered(&engine(&state, &(Arc::new(inner.clone()) as Arc<dyn Sink>), |_| {})).await;
    assert_eq!((report.stored, keys(&inner.stored())), (120, gate.keys()));
}

#[tokio::test]
async fn an_event_that_the_sink_refuses_with_its_batch_is_set_aside_and_the_rest_goes_on() {
    let (gate, state) = filled(400).await;
    let poison: Vec<_> = gate.keys().into_iter().step_by(200).take(2).collect();
    let inner = inner(1);
    let is_poison = poison.clone();
    let (calls, sink) = troubled(&inner, move |batch| {
        let refused = batch.iter().any(|event| is_poison.contains(&event.id));
        if refused { Fate::Fails(SinkErrorKind::Invalid) } else { Fate::Taken }
    });
    let engine = engine(&state, &sink, |_| {});
    let report = delivered(&engine).await;
    assert_eq!((report.stored, report.rejected, report.pending), (398, 2, 0), "{report:?}");
    assert_eq!(report.error_kind, Some(ErrorKind::Rejected));
    let most = 400 / 50 + 2 * 2 * 6;
    assert!(calls.count().1 <= most, "{} writes, and log2 of the batch allows {most}", calls.count().1);
    let report = delivered(&engine).await;
    assert_eq!((report.status, report.requests), (SinkStatus::Idle, 0), "it ends a run once");
    let rejected = state.ledger().set_aside(&inner.target(), 9).unwrap();
    assert!(rejected.iter().all(|(event, reason)| poison.contains(&event.id) && reason == "refused 1 events"));
    assert_eq!(rejected.len(), 2);
}

#[tokio::test]
async fn a_sink_that_refuses_everything_sets_nothing_aside() {
    let (gate, state) = filled(200).await;
    let inner = inner(1);
    let (calls, sink) = troubled(&inner, |_| Fate::Fails(SinkErrorKind::Invalid));
    let report = delivered(&engine(&state, &sink, |_| {})).await;
    assert_eq!((report.rejected, report.pending, report.error_kind), (0, 200, Some(ErrorKind::Invalid)));
    assert!(calls.count().1 <= 40, "{} writes", calls.count().1);
    let report = delivered(&engine(&state, &(Arc::new(inner.clone()) as Arc<dyn Sink>), |_| {})).await;
    assert_eq!((report.stored, keys(&inner.stored())), (200, gate.keys()));
}

#[tokio::test]
async fn a_single_refused_event_is_set_aside_only_if_the_sink_still_takes_one_that_it_has() {
    for works in [true, false] {
        let (gate, state, inner) = (Gate::with_records(30).await, State::new(), inner(1));
        let known = gate.keys();
        let (_, sink) = troubled(&inner, move |batch| match batch {
            [event] if !known.contains(&event.id) || !works => Fate::Fails(SinkErrorKind::Invalid),
            _ => Fate::Taken,
        });
        let engine = state.engine(&[&gate], &[sink]);
        assert_eq!(delivered(&engine).await.stored, 30);
        gate.handle().punch_now().unwrap();
        let report = delivered(&engine).await;
        assert_eq!((report.rejected, report.pending), if works { (1, 0) } else { (0, 1) });
    }
}

/// As after a restart: this process has sent nothing yet.
#[tokio::test]
async fn a_single_refused_event_in_a_new_process_is_set_aside_by_an_event_of_the_ledger() {
    for works in [true, false] {
        let (gate, state, inner) = (Gate::with_records(30).await, State::new(), inner(1));
        sync(&state.engine(&[&gate], &[Arc::new(inner.clone())])).await;
        let known = gate.keys();
        gate.handle().punch_now().unwrap();
        let (calls, sink) = troubled(&inner, move |batch| match batch {
            [event] if !known.contains(&event.id) || !works => Fate::Fails(SinkErrorKind::Invalid),
            _ => Fate::Taken,
        });
        let report = delivered(&state.engine(&[&gate], &[sink])).await;
        assert_eq!((report.rejected, report.pending), if works { (1, 0) } else { (0, 1) }, "{report:?}");
        assert!(calls.count().1 <= 3, "{} writes", calls.count().1);
        assert_eq!(inner.stored().len(), 30, "nothing twice");
    }
}

#[tokio::test]
async fn wrong_credentials_are_no_fault_of_the_events() {
    let (_gate, state) = filled(100).await;
    let (calls, sink) = troubled(&inner(1), |_| Fate::Fails(SinkErrorKind::Credentials));
    let report = delivered(&engine(&state, &sink, |_| {})).await;
    assert_eq!((calls.count(), report.rejected, report.pending), ((1, 1), 0, 100));
}

#[tokio::test]
async fn a_sink_that_is_too_slow_for_its_batches_gets_smaller_ones() {
    let (gate, state) = filled(200).await;
    let inner = inner(1);
    let (_, sink) = troubled(&inner, |batch| if batch.len() > 10 { Fate::Hangs } else { Fate::Taken });
    let engine = engine(&state, &sink, quick_limit);
    assert_eq!(delivered(&engine).await.error_kind, Some(ErrorKind::TimedOut));
    let report = delivered(&engine).await;
    assert_eq!((report.stored, report.pending), (200, 0), "{report:?}");
    assert_eq!(keys(&inner.stored()), gate.keys());
}

/// A service that delivers from a ledger and polls no terminal, and its clock, which the test moves.
async fn service(state: &State, sink: &Arc<dyn Sink>) -> (Service, Arc<HandClock>) {
    let clock = HandClock::at("2026-11-28T09:00:00Z");
    let options = quick_with(|options| (options.attempts, options.stop_grace) = (1, Duration::from_millis(50)));
    let engine = state.builder().options(options).sink(Arc::clone(sink)).clock(clock.clone()).build().unwrap();
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    (engine.start(options, &CancellationToken::new()).await.unwrap(), clock)
}

/// Waits until the state of the sink is as it should be.
async fn until(service: &Service, mut reached: impl FnMut(&SinkState) -> bool) {
    let wait = async {
        while !service.status().sinks.get("db").is_some_and(&mut reached) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap();
}

#[tokio::test]
async fn a_sink_that_was_down_is_tried_with_one_event_after_a_wait() {
    let (gate, state) = filled(120).await;
    let (inner, is_down, sizes) = (inner(4), Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
    let (down, seen) = (Arc::clone(&is_down), Arc::clone(&sizes));
    let (_, sink) = troubled(&inner, move |batch| {
        seen.lock().unwrap().push(batch.len());
        if down.load(Ordering::SeqCst) { Fate::Fails(SinkErrorKind::Unreachable) } else { Fate::Taken }
    });
    let (service, clock) = service(&state, &sink).await;
    until(&service, |sink| sink.failures == 1).await;
    sizes.lock().unwrap().clear();
    clock.pass(Duration::from_secs(5));
    until(&service, |sink| sink.failures == 2).await;
    assert_eq!(*sizes.lock().unwrap(), [1], "a probe that fails is a single write");
    is_down.store(false, Ordering::SeqCst);
    clock.pass(Duration::from_secs(10));
    until(&service, |sink| sink.stored == 120).await;
    assert_eq!(sizes.lock().unwrap()[1], 1);
    assert_eq!(keys(&inner.stored()), gate.keys());
    service.shutdown(SOON).await.unwrap();
}

#[tokio::test]
async fn a_refused_event_that_comes_first_after_an_outage_does_not_block_the_others() {
    let (gate, state) = filled(120).await;
    let first = state.ledger().events(Window::default()).next().unwrap().unwrap().id;
    let (inner, is_down) = (inner(1), Arc::new(AtomicBool::new(true)));
    let down = Arc::clone(&is_down);
    let (_, sink) = troubled(&inner, move |batch| match batch {
        _ if down.load(Ordering::SeqCst) => Fate::Fails(SinkErrorKind::Unreachable),
        batch if batch.iter().any(|event| event.id == first) => Fate::Fails(SinkErrorKind::Invalid),
        _ => Fate::Taken,
    });
    let (service, clock) = service(&state, &sink).await;
    until(&service, |sink| sink.failures == 1).await;
    is_down.store(false, Ordering::SeqCst);
    // The probe takes the first event, which is refused; the next attempt takes more.
    clock.pass(Duration::from_secs(10));
    until(&service, |sink| sink.failures == 2 || sink.stored == 119).await;
    clock.pass(Duration::from_secs(60));
    until(&service, |sink| sink.stored == 119).await;
    until(&service, |sink| sink.rejected == 1).await;
    assert_eq!(inner.stored().len() + 1, gate.keys().len());
    service.shutdown(SOON).await.unwrap();
}

#[tokio::test]
async fn a_paused_sink_is_left_alone_and_tried_at_once_when_it_is_resumed() {
    let (gate, state) = filled(120).await;
    let (inner, is_down) = (inner(1), Arc::new(AtomicBool::new(true)));
    let down = Arc::clone(&is_down);
    let (calls, sink) = troubled(&inner, move |_| {
        if down.load(Ordering::SeqCst) { Fate::Fails(SinkErrorKind::Unreachable) } else { Fate::Taken }
    });
    let (service, clock) = service(&state, &sink).await;
    until(&service, |sink| sink.failures == 1).await;
    service.pause("db").await.unwrap();
    let before = calls.count();
    clock.pass(Duration::from_secs(3_600));
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(calls.count(), before);
    is_down.store(false, Ordering::SeqCst);
    service.resume("db").await.unwrap();
    until(&service, |sink| sink.stored == 120).await;
    assert_eq!(keys(&inner.stored()), gate.keys());
    service.shutdown(SOON).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_call_that_hangs() {
    let (_gate, state) = filled(10).await;
    let (calls, sink) = troubled(&inner(1), |_| Fate::Hangs);
    let (service, _clock) = service(&state, &sink).await;
    let begun = async {
        while calls.count().1 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(SOON, begun).await.unwrap();
    let began = std::time::Instant::now();
    service.shutdown(SOON).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Takes so many events a day by a clock that the test moves.
#[derive(Debug)]
struct Rationed {
    budget: Budget,
    clock: Arc<OnceLock<Arc<HandClock>>>,
    writes: Arc<AtomicUsize>,
}

#[async_trait]
impl Oddity for Rationed {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let now = self.clock.wait().utc_now();
        let granted = usize::try_from(self.budget.take(now, batch.len() as u64)).unwrap();
        let mut outcomes = inner.write(&batch[..granted]).await?;
        outcomes.resize(batch.len(), Outcome::Deferred);
        Ok(outcomes)
    }

    fn budget(&self) -> Option<&Budget> {
        Some(&self.budget)
    }
}

#[tokio::test]
async fn what_a_sink_puts_off_to_the_next_day_is_written_then_and_not_before() {
    let (gate, state) = filled(120).await;
    let (inner, clock, writes) = (inner(1), Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    let budget = Budget::new(70, chrono_tz::UTC);
    let oddity = Rationed { budget, clock: Arc::clone(&clock), writes: Arc::clone(&writes) };
    let sink: Arc<dyn Sink> = Arc::new(OddSink { inner: inner.clone(), oddity });
    let (service, hand) = service(&state, &sink).await;
    clock.set(Arc::clone(&hand)).unwrap();
    until(&service, |sink| sink.stored == 70).await;
    let before = writes.load(Ordering::SeqCst);
    for _ in 0..3 {
        hand.pass(Duration::from_secs(3_600));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(writes.load(Ordering::SeqCst), before);
    hand.pass(Duration::from_secs(12 * 3_600));
    until(&service, |sink| sink.stored == 120).await;
    assert_eq!(keys(&inner.stored()), gate.keys());
    service.shutdown(SOON).await.unwrap();
}

/// Puts everything off once.
#[derive(Debug)]
struct Reluctant(AtomicBool);

#[async_trait]
impl Oddity for Reluctant {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        if self.0.swap(false, Ordering::SeqCst) {
            return Ok(vec![Outcome::Deferred; batch.len()]);
        }
        inner.write(batch).await
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_longer_wait_for_a_sink_that_has_put_events_off() {
    let (gate, state) = filled(20).await;
    let inner = inner(1);
    let sink: Arc<dyn Sink> = Arc::new(OddSink { inner: inner.clone(), oddity: Reluctant(AtomicBool::new(true)) });
    let (service, hand) = service(&state, &sink).await;
    until(&service, |sink| sink.requests > 0 && sink.pending == 20).await;
    hand.set_by(chrono::TimeDelta::hours(-12));
    hand.pass(Duration::from_secs(700));
    until(&service, |sink| sink.stored == 20).await;
    assert_eq!(keys(&inner.stored()), gate.keys());
    service.shutdown(SOON).await.unwrap();
}
