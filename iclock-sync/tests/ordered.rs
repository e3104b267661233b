//! What people order of a running service: a replay, a decision about the quarantine, a question to a terminal.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, EventId, IdScheme, MemorySink, Outcome, Sink, SinkError};
use common::odd_sink::{OddSink, Oddity};
use common::{Gate, State, memory};
use iclock_sync::audit::{self, Order};
use iclock_sync::service::OrderError;
use iclock_sync::service::status::Activity;
use iclock_sync::{CancellationToken, Engine, Schedule, Service, ServiceOptions, TerminalError, Window};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zk_proto::Command;
use zk_sim::Terminal;

/// The longest that anything in these tests takes, on a machine that has other work.
const AT_MOST: Duration = Duration::from_secs(60);

async fn start(engine: &Engine, live: bool) -> Service {
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_secs(3_600)));
    engine.start(if live { options.live(true) } else { options }, &CancellationToken::new()).await.unwrap()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(AT_MOST, wait).await.unwrap_or_else(|_| panic!("not within {AT_MOST:?}: {what}"));
}

/// It takes its time with the batch that has the first event, and refuses one event until that is changed.
#[derive(Debug)]
struct Held {
    first: EventId,
    refused: EventId,
    refuses: Arc<AtomicBool>,
    goes_on: watch::Receiver<bool>,
}

#[async_trait]
impl Oddity for Held {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        if batch.iter().any(|event| event.id == self.first) {
            let _ = self.goes_on.clone().wait_for(|goes_on| *goes_on).await;
        } else {
            // What landed is recorded now and then, while the first batch is under way.
            sleep(Duration::from_millis(30)).await;
        }
        let mut outcomes = Vec::new();
        for event in batch {
            let is_refused = event.id == self.refused && self.refuses.load(Ordering::SeqCst);
            outcomes.push(match is_refused {
                true => Outcome::Rejected { reason: "unknown person".to_owned() },
                false => inner.write(std::slice::from_ref(event)).await?.remove(0),
            });
        }
        Ok(outcomes)
    }
}

#[tokio::test]
async fn a_replay_amid_a_delivery_loses_nothing() {
    let (state, gate) = (State::new(), Gate::with_records(400).await);
    common::sync(&state.engine(&[&gate], &[])).await;
    let events: Vec<_> = state.ledger().events(Window::default()).map(|event| event.unwrap()).collect();
    let (go, goes_on) = watch::channel(false);
    let refuses = Arc::new(AtomicBool::new(true));
    let inner = MemorySink::new("db").with_capabilities(Capabilities::new(10, IdScheme::Full).concurrency(2));
    let oddity = Held { first: events[0].id, refused: events[15].id, refuses: refuses.clone(), goes_on };
    let sink: Arc<dyn Sink> = Arc::new(OddSink { inner: inner.clone(), oddity });
    let service = Arc::new(start(&state.builder().sink(sink).build().unwrap(), false).await);
    let set_aside = || state.ledger().set_aside(&inner.target(), 9).unwrap().len();
    until("the refusal is recorded, beyond a batch that is under way", || set_aside() == 1).await;
    refuses.store(false, Ordering::SeqCst);
    let replay = {
        let service = Arc::clone(&service);
        tokio::spawn(async move { service.replay("db", Window::default(), true).await })
    };
    // However soon it begins.
    sleep(Duration::from_millis(200)).await;
    go.send_replace(true);
    assert_eq!(timeout(AT_MOST, replay).await.unwrap().unwrap().unwrap(), 1);
    until("all are stored", || inner.stored().len() == 400).await;
    Arc::into_inner(service).unwrap().shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn what_was_delivered_is_sent_again_inside_a_window() {
    let (state, gate, (stored, sink)) = (State::new(), Gate::with_records(20).await, memory("db"));
    let service = start(&state.engine(&[&gate], &[sink]), false).await;
    until("all are stored", || stored.stored().len() == 20).await;
    until("that is known", || service.status().sinks["db"].pending == 0).await;
    assert_eq!(service.replay("db", Window::default(), false).await.unwrap(), 20);
    until("they were sent again", || service.status().sinks["db"].already_stored == 20).await;
    let nobody = service.replay("nobody", Window::default(), false).await;
    assert!(matches!(nobody, Err(OrderError::NotFound(_))), "{nobody:?}");
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn a_terminal_is_asked_between_two_sessions_of_the_service_live_or_not() {
    for live in [false, true] {
        let (state, (stored, sink)) = (State::new(), memory("db"));
        let terminal =
            Terminal::builder().records(20).users(8).seed(7).fault(zk_sim::Fault::parse("refuse-second").unwrap());
        let gate = Gate::start("gate", terminal).await;
        let service = start(&state.engine(&[&gate], &[sink]), live).await;
        until("it is read", || stored.stored().len() == 20).await;
        gate.handle().move_clock(chrono::TimeDelta::hours(1));
        let set = service.set_clock("gate").await.unwrap();
        let before = set.before.drift_ms.unwrap();
        assert!(set.is_right && before > 3_000_000, "{set:?}");
        assert!(service.clock("gate").await.unwrap().drift_ms.unwrap().abs() < 3_000);
        let capacity = service.capacity("gate").await.unwrap();
        assert_eq!((capacity.users, capacity.records), (Some(8), Some(20)));
        let users = service.users("gate").await.unwrap();
        assert_eq!(users.len(), 8);
        assert!(users.iter().all(|user| !user.user_id.is_empty()), "{users:?}");
        // What the terminal does next is seen as before.
        gate.handle().punch_now().unwrap();
        if !live {
            service.poll_now("gate").await.unwrap();
        }
        until("the punch is stored", || stored.stored().len() == 21).await;
        service.shutdown(AT_MOST).await.unwrap();
    }
}

#[tokio::test]
async fn a_terminal_that_is_paused_answers_and_stays_paused() {
    let (state, gate, (stored, sink)) = (State::new(), Gate::with_records(20).await, memory("db"));
    let service = start(&state.engine(&[&gate], &[sink]), true).await;
    until("it is read", || stored.stored().len() == 20).await;
    service.pause("gate").await.unwrap();
    until("it is paused", || service.status().terminals["gate"].activity == Activity::Paused).await;
    service.clock("gate").await.unwrap();
    let connects = || gate.handle().received().iter().filter(|of| of.command == Command::CONNECT).count();
    let before = connects();
    sleep(Duration::from_millis(200)).await;
    assert_eq!((connects(), service.status().terminals["gate"].activity), (before, Activity::Paused));
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn another_terminal_at_the_address_is_not_set() {
    let (state, gate) = (State::new(), Gate::with_records(20).await);
    let mut device = gate.device();
    device.serial = Some("OTHER".to_owned());
    let service = start(&state.builder().device(device).build().unwrap(), false).await;
    gate.handle().move_clock(chrono::TimeDelta::hours(1));
    let set = service.set_clock("gate").await;
    assert!(matches!(set, Err(OrderError::Terminal(TerminalError::Identity { .. }))), "{set:?}");
    let received = gate.handle().received();
    assert!(!received.iter().any(|of| of.command == Command::SET_TIME), "{received:?}");
    service.shutdown(AT_MOST).await.unwrap();
}

#[tokio::test]
async fn records_are_dealt_with_once_and_orders_are_in_the_audit() {
    let (state, gate) = (State::new(), Gate::with_records(20).await);
    gate.set_fault("empty-user-ids=5");
    let service = start(&state.engine(&[&gate], &[]), false).await;
    until("some wait", || service.status().terminals["gate"].quarantined > 0).await;
    let waiting = state.ledger().quarantine(&Default::default(), 100).unwrap();
    let ids: Vec<i64> = waiting.iter().map(|record| record.id).collect();
    service.note_order(Order::new("board", "resolve", "1 record").from("192.0.2.7")).await.unwrap();
    assert_eq!(service.resolve(ids[..1].to_vec(), "seen".to_owned()).await.unwrap(), 1);
    assert_eq!(service.resolve(ids[..1].to_vec(), "again".to_owned()).await.unwrap(), 0);
    let record = state.ledger().quarantined(ids[0]).unwrap().unwrap();
    assert_eq!((record.resolution.as_deref(), record.note.as_deref()), (Some("by_hand"), Some("seen")));
    let orders = audit::order_entries(&state.ledger(), None, 9).unwrap();
    assert_eq!(orders.iter().map(|entry| &*entry.order.by).collect::<Vec<_>>(), ["board"]);
    service.shutdown(AT_MOST).await.unwrap();
}
