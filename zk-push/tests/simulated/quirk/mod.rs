//! The quirks of real terminals, each by a simulated terminal that has it, against the router. They are listed in
//! QUIRKS.md of zk-sim.

mod catalogue;
mod commands;
mod conversation;
mod line;
mod rhythm;
mod uploads;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use zk_proto::DeviceTime;
use zk_push::command::{Command, CommandId, CommandResult, Numbered};
use zk_push::record::KeyedRecord;
use zk_push::server::{Admission, Limits, NotStored, Receiver, Visitor, listen, router};
use zk_push::settings::{Registration, Settings};
use zk_push::terminal::{Batch, Content, Terminal};
use zk_push::{Dialect, Fields, Record, Table, Text};
use zk_sim::Punch;
use zk_sim::push::{PushDevice, PushFault, PushProfile, Pusher};

use super::serial;

/// What a server has received.
#[derive(Default)]
struct Books {
    /// The targets of all requests.
    targets: Vec<String>,
    /// Each record and its table, in the order of arrival.
    records: Vec<(Table, Record)>,
    bad: usize,
    parameters: Vec<Fields>,
    results: Vec<CommandResult>,
    /// The numbers of the commands that packets answered.
    answered: BTreeSet<String>,
    stamps: Vec<(String, Text)>,
    waiting: Vec<Numbered>,
    registrations: usize,
}

impl Books {
    /// User id and time of each attendance record, in the order of arrival.
    fn punches(&self) -> Vec<(String, String)> {
        let attendance = self.records.iter().filter_map(|(_, record)| record.attendance());
        attendance.map(|record| (record.user_id.to_string(), record.time.to_string())).collect()
    }

    /// The records of a kind.
    fn keyed(&self, kind: &str) -> Vec<&KeyedRecord> {
        let keyed = self.records.iter().filter_map(|(_, record)| record.keyed());
        keyed.filter(|record| record.kind.as_str() == kind).collect()
    }

    /// The number and code of each result.
    fn codes(&self) -> Vec<(String, Option<i64>)> {
        let mut codes: Vec<_> = self.results.iter().map(|result| (result.id.to_string(), result.code)).collect();
        codes.sort();
        codes
    }
}

/// A server in memory, and its address.
struct Scene {
    server: Arc<Server>,
    address: SocketAddr,
}

struct Server {
    settings: Settings,
    dialect: Dialect,
    books: Mutex<Books>,
}

impl Receiver for Server {
    async fn admit(&self, visitor: &Visitor<'_>) -> Admission {
        let mut books = self.books.lock().unwrap();
        books.targets.push(visitor.head.target());
        let terminal = Terminal::new(visitor.head.serial.clone()).with_settings(self.settings.clone());
        let terminal = terminal.with_registration(Registration::new("code", "session").unwrap(), false);
        let terminal =
            books.stamps.iter().fold(terminal, |terminal, (table, stamp)| terminal.with_stamp(table, stamp.clone()));
        Admission::Admitted(Box::new(terminal.with_dialect(self.dialect)))
    }

    async fn store(&self, terminal: &Terminal, batch: &Batch) -> Result<(), NotStored> {
        assert_eq!(terminal.dialect(), Some(self.dialect), "{batch:?}");
        let mut books = self.books.lock().unwrap();
        books.bad += batch.bad_lines().count();
        books.stamps.extend(batch.stamp.clone());
        if let Some(upload) = batch.content.upload() {
            let table = upload.table().clone();
            books.records.extend(upload.records().filter_map(|line| Some((table.clone(), line.record.ok()?))));
        }
        match &batch.content {
            Content::Answer(packet, _) => books.answered.extend(packet.command.as_ref().map(ToString::to_string)),
            Content::Parameters(parameters) => books.parameters.push(parameters.clone()),
            Content::Results(results) => {
                books.results.extend(results.iter().filter_map(|line| line.record.clone().ok()));
            }
            Content::Registration(_) => books.registrations += 1,
            _ => {}
        }
        Ok(())
    }

    async fn commands(&self, _: &Terminal) -> Result<Vec<Numbered>, NotStored> {
        Ok(self.books.lock().unwrap().waiting.clone())
    }

    async fn sent(&self, _: &zk_push::SerialNumber, ids: &[CommandId]) -> Result<(), NotStored> {
        self.books.lock().unwrap().waiting.retain(|numbered| !ids.contains(&numbered.id));
        Ok(())
    }
}

impl Scene {
    async fn new(dialect: Dialect) -> Self {
        Self::with(dialect, Settings::default()).await
    }

    async fn with(dialect: Dialect, settings: Settings) -> Self {
        let server = Arc::new(Server { settings, dialect, books: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut limits = Limits::default();
        (limits.head_time, limits.body_time) = (Duration::from_secs(1), Duration::from_secs(1));
        let app = router(server.clone(), limits.clone());
        tokio::spawn(listen(listener, app, limits, std::future::pending()));
        Self { server, address }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.server.books.lock().unwrap()
    }

    /// Queues commands, numbered from 1.
    fn order(&self, commands: impl IntoIterator<Item = Command>) {
        let ids = (1..).filter_map(CommandId::new);
        self.books().waiting = ids.zip(commands).map(|(id, command)| Numbered { id, command }).collect();
    }

    fn profile(&self) -> PushProfile {
        match self.server.dialect {
            Dialect::Attendance => PushProfile::attendance(serial("ATT1")),
            Dialect::Access => PushProfile::access(serial("ACC1")),
        }
    }

    /// Lets a terminal push until the server knows everything.
    async fn run(&self, device: PushDevice) -> Pusher {
        self.run_with(device, &[]).await
    }

    /// The same, with this share of requests struck, in percent.
    async fn struck(&self, profile: PushProfile, fault: PushFault, percent: u8) -> Pusher {
        let mut pusher = self.pusher(full(profile)).faults([fault], 1).share(percent);
        super::run(&mut pusher).await;
        pusher
    }

    async fn run_with(&self, device: PushDevice, faults: &[PushFault]) -> Pusher {
        let mut pusher = self.pusher(device).faults(faults, 1).share(100);
        super::run(&mut pusher).await;
        pusher
    }

    fn pusher(&self, device: PushDevice) -> Pusher {
        Pusher::new(device, self.address).unwrap().speed(100_000)
    }
}

/// The punches of [`full`].
const PUNCHES: u8 = 30;

fn punch(second: u8) -> Punch {
    Punch::new(0, &format!("{:04}", second % 7), DeviceTime::new(2026, 3, 1, 9, 0, second).unwrap(), 0, 1)
}

/// A terminal with punches, of which five go into an upload of the attendance dialect.
fn full(mut profile: PushProfile) -> PushDevice {
    profile.batch = profile.batch.min(5);
    let mut device = PushDevice::new(profile);
    (0..PUNCHES).for_each(|second| device.punch(&punch(second)));
    device
}

/// What [`full`] has recorded, as the server should know it.
fn truth() -> BTreeSet<(String, String)> {
    (0..PUNCHES).map(|second| (punch(second).user_id.to_string(), punch(second).time.to_string())).collect()
}

/// Strikes half of the requests of an attendance terminal: everything arrives, and no line is bad.
async fn everything_arrives_in_spite_of(fault: PushFault) -> Scene {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut pusher = scene.struck(scene.profile(), fault, 50).await;
    assert_eq!(pusher.device().acknowledged(), usize::from(PUNCHES), "{fault:?}");
    assert_eq!(scene.books().punches().into_iter().collect::<BTreeSet<_>>(), truth(), "{fault:?}");
    assert_eq!(scene.books().bad, 0, "{fault:?}");
    scene
}
