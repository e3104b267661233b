//! People's names in sinks: each once, after the events, and never in their way.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, IdScheme, MemorySink, NamedPerson, Notice, Outcome, Sink, SinkError,
    SinkErrorKind,
};
use common::{Gate, State, sync};
use iclock_sync::report::SinkStatus;
use iclock_sync::{CancellationToken, Schedule, ServiceOptions};
use zk_proto::DeviceTime;
use zk_sim::{Person, Punch, Terminal, TerminalBuilder};

fn person(uid: u16, user_id: &str, name: &str) -> Person {
    Person { uid, user_id: user_id.into(), name: name.into(), privilege: 0 }
}

/// A terminal of Ahmed and Mariyam, and of somebody without a name.
fn staffed() -> TerminalBuilder {
    let from = DeviceTime::new(2025, 5, 1, 7, 0, 0).unwrap();
    let punches = (0..60)
        .map(|n| Punch::new(n as u16 % 3 + 1, ["7", "8", "9"][n % 3], DeviceTime(from.0 + n as u32 * 600), 0, 1));
    let people = vec![person(1, "7", "Ahmed"), person(2, "8", "Mariyam"), person(3, "9", "")];
    Terminal::builder().serial("SN1").people(people).punches(punches.collect())
}

/// What becomes of names at a sink.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Stored,
    /// So many, and no more.
    Budget(usize),
    Refused,
    /// The call does not end.
    Hangs,
}

/// A sink in memory with names, and the calls for them.
#[derive(Clone, Debug)]
struct Named {
    memory: MemorySink,
    fate: Fate,
    calls: Arc<AtomicUsize>,
}

impl Named {
    fn new(fate: Fate) -> Self {
        let capabilities = Capabilities::new(50, IdScheme::Full).local().names(true);
        Self { memory: MemorySink::new("db").with_capabilities(capabilities), fate, calls: Arc::default() }
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Serial number, user id and name of the stored people.
    fn people(&self) -> Vec<(String, String, String)> {
        let fields = |person: NamedPerson| (person.device_serial, person.user_id, person.name);
        self.memory.people().into_iter().map(fields).collect()
    }
}

#[async_trait]
impl Sink for Named {
    fn name(&self) -> &str {
        self.memory.name()
    }

    fn target(&self) -> String {
        self.memory.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.memory.probe().await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        self.memory.write(batch).await
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        self.memory.lookup(ids).await
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        // While a service runs, the names may be known before the first events are.
        assert!(matches!(self.fate, Fate::Hangs) || !self.memory.stored().is_empty(), "events go first");
        match self.fate {
            Fate::Stored => self.memory.write_names(people).await,
            Fate::Budget(most) => self.memory.write_names(&people[..most.min(people.len())]).await,
            Fate::Refused => Err(SinkError::new(SinkErrorKind::Rights, "cannot write people").hint("grant it")),
            Fate::Hangs => std::future::pending().await,
        }
    }
}

fn row(serial: &str, user_id: &str, name: &str) -> (String, String, String) {
    (serial.to_owned(), user_id.to_owned(), name.to_owned())
}

#[tokio::test]
async fn names_arrive_after_the_events_once_and_again_when_they_change() {
    let (state, gate, named) = (State::new(), Gate::start("front", staffed()).await, Named::new(Fate::Stored));
    let report = sync(&state.engine(&[&gate], &[named.sink()])).await;
    assert_eq!((report.run.exit_code, report.sinks[0].stored, &report.sinks[0].notes[..]), (0, 60, &[] as &[String]));
    assert_eq!(named.people(), [row("SN1", "7", "Ahmed"), row("SN1", "8", "Mariyam")]);
    assert_eq!(named.memory.people()[0].device_name, "front");

    sync(&state.engine(&[&gate], &[named.sink()])).await;
    assert_eq!(named.calls(), 1, "nothing is new");
    // Ahmed has another name at a second terminal.
    let other = Gate::start("back", staffed().serial("SN2").people(vec![person(1, "7", "Ahmed Ali")])).await;
    sync(&state.engine(&[&gate, &other], &[named.sink()])).await;
    let expected = [row("SN1", "7", "Ahmed"), row("SN1", "8", "Mariyam"), row("SN2", "7", "Ahmed Ali")];
    assert_eq!((named.people(), named.calls()), (expected.to_vec(), 2));
}

#[tokio::test]
async fn a_sink_that_was_lost_gets_the_names_again_with_the_events() {
    let (state, gate, named) = (State::new(), Gate::start("front", staffed()).await, Named::new(Fate::Stored));
    sync(&state.engine(&[&gate], &[named.sink()])).await;
    let empty = Named::new(Fate::Stored);
    {
        let ledger = iclock_sync::Ledger::open(&state.dir.path().join("state")).unwrap();
        assert_eq!(ledger.replay("memory:db", "db", &iclock_sync::Window::default()).unwrap(), 60);
    }
    sync(&state.engine(&[&gate], &[empty.sink()])).await;
    assert_eq!((empty.memory.stored().len(), empty.people()), (60, named.people()));
}

#[tokio::test]
async fn names_that_a_sink_refuses_are_a_note_and_no_failure() {
    let (state, gate, named) = (State::new(), Gate::start("front", staffed()).await, Named::new(Fate::Refused));
    let report = sync(&state.engine(&[&gate], &[named.sink()])).await;
    let sink = &report.sinks[0];
    assert_eq!((report.run.exit_code, sink.status, sink.stored, named.calls()), (0, SinkStatus::Ok, 60, 1));
    let expected = "people's names could not be written: cannot write people; grant it";
    assert_eq!(sink.notes, [expected]);
    let allowed = Named { fate: Fate::Stored, ..named };
    sync(&state.engine(&[&gate], &[allowed.sink()])).await;
    assert_eq!(allowed.people().len(), 2, "the next run tries again");
}

#[tokio::test]
async fn the_rest_of_the_names_waits_for_the_next_day_s_budget() {
    let (state, gate, named) = (State::new(), Gate::start("front", staffed()).await, Named::new(Fate::Budget(1)));
    let report = sync(&state.engine(&[&gate], &[named.sink()])).await;
    assert_eq!((report.run.exit_code, named.people().len(), named.calls()), (0, 1, 1));
    let next_day = Named { fate: Fate::Stored, ..named };
    sync(&state.engine(&[&gate], &[next_day.sink()])).await;
    assert_eq!((next_day.people().len(), next_day.calls()), (2, 2));
}

#[tokio::test]
async fn a_sink_without_names_gets_none_and_no_user_table_is_read_for_it() {
    let (state, gate) = (State::new(), Gate::start("front", staffed()).await);
    let memory = MemorySink::new("db");
    sync(&state.engine(&[&gate], &[Arc::new(memory.clone())])).await;
    assert!(memory.people().is_empty());
    assert!(state.ledger().names().unwrap().is_empty());
}

#[tokio::test]
async fn a_call_for_names_that_hangs_holds_up_no_punch() {
    let (state, gate, named) = (State::new(), Gate::start("front", staffed()).await, Named::new(Fate::Hangs));
    let engine = state.engine(&[&gate], &[named.sink()]);
    let options = ServiceOptions::new(Schedule::fixed(Duration::from_millis(100)));
    let service = engine.start(options, &CancellationToken::new()).await.unwrap();
    let until = async |is_so: &dyn Fn() -> bool| {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // Far less than a call to a sink may take.
        tokio::time::timeout(Duration::from_secs(9), wait).await.expect("in time");
    };
    until(&|| named.calls() == 1).await;
    for punch in 1..=3 {
        gate.handle().move_clock(chrono::TimeDelta::seconds(2));
        gate.handle().punch_now().unwrap();
        until(&|| named.memory.stored().len() == 60 + punch).await;
    }
    service.shutdown(Duration::from_secs(1)).await.unwrap();
}
