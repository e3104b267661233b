//! Simulated terminals push to the router over loopback: with half of the requests struck by a fault, and a store that
//! fails every third time, each record is stored, and nothing is acknowledged that is not.

mod quirk;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use zk_proto::DeviceTime;
use zk_push::command::{Command, CommandId, Numbered, UserUpdate};
use zk_push::record::AccessEvent;
use zk_push::server::{Admission, Limits, NotStored, Receiver, Visitor, listen, router};
use zk_push::settings::Registration;
use zk_push::terminal::{Batch, Content, Terminal};
use zk_push::{Dialect, Record, SerialNumber, Table, Upload};
use zk_sim::Punch;
use zk_sim::push::{Columns, PushDevice, PushFault, PushProfile, Pusher};

/// A receiver in memory. It knows each punch by its user id and time.
#[derive(Default)]
struct Books {
    punches: BTreeMap<(String, String), u32>,
    bad: usize,
    users: Vec<String>,
    results: Vec<(String, Option<i64>)>,
    waiting: Vec<Numbered>,
    is_registered: bool,
    calls: u32,
}

#[derive(Default)]
struct Memory(Mutex<Books>);

impl Receiver for Memory {
    async fn admit(&self, visitor: &Visitor<'_>) -> Admission {
        let registration = Registration::new("code", "session").unwrap();
        let is_registered = self.0.lock().unwrap().is_registered;
        let terminal = Terminal::new(visitor.head.serial.clone()).with_registration(registration, is_registered);
        let dialect = if visitor.head.serial.as_str() == "ACC1" { Dialect::Access } else { Dialect::Attendance };
        Admission::Admitted(Box::new(terminal.with_dialect(dialect)))
    }

    async fn store(&self, _: &Terminal, batch: &Batch) -> Result<(), NotStored> {
        let mut books = self.0.lock().unwrap();
        books.calls += 1;
        if books.calls.is_multiple_of(3) {
            return Err(NotStored);
        }
        if !matches!(batch.content.upload().map(Upload::table), Some(Table::Other(_))) {
            books.bad += batch.bad_lines().count();
        }
        match &batch.content {
            Content::Registration(_) => books.is_registered = true,
            Content::Results(results) => {
                let results = results.iter().filter_map(|line| line.record.as_ref().ok());
                books.results.extend(results.map(|result| (result.id.to_string(), result.code)));
            }
            content => {
                let records = content.upload().into_iter().flat_map(Upload::records);
                records.filter_map(|line| line.record.ok()).for_each(|record| keep(&mut books, &record));
            }
        }
        Ok(())
    }

    async fn commands(&self, _: &Terminal) -> Result<Vec<Numbered>, NotStored> {
        Ok(self.0.lock().unwrap().waiting.clone())
    }

    async fn sent(&self, _: &SerialNumber, ids: &[CommandId]) -> Result<(), NotStored> {
        self.0.lock().unwrap().waiting.retain(|numbered| !ids.contains(&numbered.id));
        Ok(())
    }
}

fn keep(books: &mut Books, record: &Record) {
    let key = match record {
        Record::Attendance(record) => (record.user_id.to_string(), record.time.to_string()),
        Record::Keyed(record) if record.kind.as_str() == "user" => {
            return books.users.push(record.fields.get("PIN").unwrap().to_string());
        }
        Record::Keyed(record) if AccessEvent::read(record).is_some_and(|event| event.is_attendance()) => {
            let field = |key| record.fields.get(key).unwrap().to_string();
            (field("pin"), field("time"))
        }
        // The faults send all kinds of things.
        _ => return,
    };
    *books.punches.entry(key).or_default() += 1;
}

async fn server() -> (Arc<Memory>, SocketAddr) {
    let memory = Arc::new(Memory::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut limits = Limits::default();
    // Some terminals stop in the middle of a request.
    (limits.head_time, limits.body_time) = (Duration::from_secs(1), Duration::from_secs(1));
    let app = router(memory.clone(), limits.clone());
    tokio::spawn(listen(listener, app, limits, std::future::pending()));
    (memory, address)
}

fn pusher(profile: PushProfile, address: SocketAddr, punches: u32) -> Pusher {
    let mut device = PushDevice::new(profile);
    for number in 0..punches {
        let field = |value: u32| u8::try_from(value).unwrap();
        let (hour, minute, second) = (field(number / 3600), field(number / 60 % 60), field(number % 60));
        let time = DeviceTime::new(2026, 3, 1, hour, minute, second).unwrap();
        device.punch(&Punch::new(0, &format!("{:04}", number % 7), time, 0, 1));
    }
    Pusher::new(device, address).unwrap().speed(100_000)
}

async fn run(pusher: &mut Pusher) {
    timeout(Duration::from_secs(120), pusher.run_until_idle()).await.expect("the terminal comes to an end");
}

fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_arrives_whatever_happens_to_requests_and_to_the_store() {
    let faults = [PushFault::ALL, &[PushFault::LoseAnswer; 10]].concat();
    let (mut twice, mut failures) = (0, 0);
    for (seed, columns) in [(1, Columns::Four), (2, Columns::TenAndTab), (3, Columns::Sixteen)] {
        let (memory, address) = server().await;
        let mut profile = PushProfile::attendance(serial("ATT1"));
        profile.columns = columns;
        profile.batch = 20;
        let mut pusher = pusher(profile, address, 300).faults(faults.clone(), seed);
        run(&mut pusher).await;
        let books = memory.0.lock().unwrap();
        assert_eq!((pusher.device().acknowledged(), books.punches.len(), books.bad), (300, 300, 0), "{columns:?}");
        twice += books.punches.values().filter(|times| **times > 1).count();
        failures += pusher.stats().failures;
    }
    // Lost answers make a terminal send again: the store has to know what it has.
    assert!(twice > 0 && failures > 0, "the faults struck: {twice}, {failures}");
}

#[tokio::test]
async fn an_access_control_terminal_registers_and_each_event_arrives() {
    let (memory, address) = server().await;
    let mut pusher = pusher(PushProfile::access(serial("ACC1")), address, 40).faults(PushFault::ALL, 7);
    run(&mut pusher).await;
    let books = memory.0.lock().unwrap();
    assert_eq!((books.is_registered, books.punches.len(), books.bad), (true, 40, 0));
}

#[tokio::test]
async fn commands_are_carried_out_and_answered() {
    let (memory, address) = server().await;
    let user = UserUpdate { user_id: "0042", name: Some("A=B & C"), ..UserUpdate::default() };
    let commands = [
        Command::restart(Dialect::Attendance),
        Command::update_user(Dialect::Attendance, &user).unwrap(),
        Command::query_users(Dialect::Attendance, None).unwrap(),
        Command::new("USER ADD PIN=1").unwrap(),
        Command::info(),
        Command::query_users(Dialect::Access, None).unwrap(),
    ];
    let ids = (1..).filter_map(CommandId::new);
    memory.0.lock().unwrap().waiting = ids.zip(commands).map(|(id, command)| Numbered { id, command }).collect();
    let mut pusher = pusher(PushProfile::attendance(serial("ATT1")), address, 0);
    run(&mut pusher).await;
    let books = memory.0.lock().unwrap();
    let mut results = books.results.clone();
    results.sort();
    results.dedup();
    let expected = [("1", 0), ("2", 0), ("3", 1), ("4", -1002), ("5", 0), ("6", -1004)];
    assert_eq!(results, expected.map(|(id, code)| (id.to_owned(), Some(code))));
    assert!(!books.users.is_empty() && books.users.iter().all(|user| user == "0042"));
    assert_eq!(pusher.device().executed().len(), 3);
}

#[tokio::test]
async fn a_simulated_terminal_calls_nobody_else() {
    let device = PushDevice::new(PushProfile::attendance(serial("ATT1")));
    let public = SocketAddr::from(([192, 0, 2, 1], 80));
    assert!(Pusher::new(device, public).is_err());
}
