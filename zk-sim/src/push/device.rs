//! A pushing terminal without a network.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use zk_push::command::{self, CommandResult};
use zk_push::record::{AttendanceRecord, KeyedRecord};
use zk_push::request::{Endpoint, Method};
use zk_push::{Dialect, Fields, Head, OptionBlock, Text, WallTime, ZoneOffset};

use super::execute::{Model, Then, execute};
use super::profile::PushProfile;
use crate::Punch;

/// A request that the terminal sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The line.
    pub head: Head,
    /// The body.
    pub body: Bytes,
}

/// What a request is about, to know its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Connect,
    Register,
    Configure,
    Poll,
    Results(usize),
    Records(usize),
    Users(usize),
}

/// How far the terminal is with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connect,
    Register,
    Configure,
    Ready,
}

/// A pushing terminal: its log, its users, and what its server knows of them. Records are uploaded in their order, and
/// one that was not acknowledged goes again after the error delay. Time is an argument.
#[derive(Clone, Debug)]
pub struct PushDevice {
    profile: PushProfile,
    log: Vec<AttendanceRecord>,
    users: BTreeMap<String, Fields>,
    /// The records before it are acknowledged.
    cursor: usize,
    users_waiting: VecDeque<String>,
    /// Uploaded again because a query asked: places in the log.
    again: VecDeque<usize>,
    options: OptionBlock,
    stage: Stage,
    results: VecDeque<CommandResult>,
    executed: Vec<String>,
    on_its_way: Option<Sent>,
    /// Nothing is sent before.
    resumes: Duration,
    /// The next poll.
    polls: Duration,
    /// The last request was a poll.
    polled_last: bool,
    /// The clock's distance from the caller's time, once a server has set it.
    clock: Option<NaiveDateTime>,
}

impl PushDevice {
    /// The delay after a failure before a server has said one.
    const FIRST_ERROR_DELAY: u64 = 60;

    /// A terminal without records and users.
    #[must_use]
    pub fn new(profile: PushProfile) -> Self {
        Self {
            profile,
            log: Vec::new(),
            users: BTreeMap::new(),
            cursor: 0,
            users_waiting: VecDeque::new(),
            again: VecDeque::new(),
            options: OptionBlock::default(),
            stage: Stage::Connect,
            results: VecDeque::new(),
            executed: Vec::new(),
            on_its_way: None,
            resumes: Duration::ZERO,
            polls: Duration::ZERO,
            polled_last: false,
            clock: None,
        }
    }

    /// Records a punch. It is uploaded with the next request.
    pub fn punch(&mut self, punch: &Punch) {
        let text = Text::from(punch.time.to_string());
        let at = WallTime::parse(&text).and_then(|time| time.at);
        let time = WallTime { text, at, is_epoch: false };
        let record = AttendanceRecord::new(&*punch.user_id, time, punch.state.into(), punch.mode.into());
        self.log.push(self.profile.columns.shape(record));
    }

    /// How the terminal pushes.
    #[must_use]
    pub fn profile(&self) -> &PushProfile {
        &self.profile
    }

    /// The attendance records.
    #[must_use]
    pub fn log(&self) -> &[AttendanceRecord] {
        &self.log
    }

    /// The number of records that the server has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.cursor
    }

    /// The commands that were carried out.
    #[must_use]
    pub fn executed(&self) -> &[String] {
        &self.executed
    }

    /// The results that wait for their request.
    pub fn results(&self) -> impl Iterator<Item = &CommandResult> {
        self.results.iter()
    }

    /// The options of the last handshake.
    #[must_use]
    pub fn options(&self) -> &OptionBlock {
        &self.options
    }

    /// The local time that the server set at its last handshake.
    #[must_use]
    pub fn clock(&self) -> Option<NaiveDateTime> {
        self.clock
    }

    /// Returns true if the server knows everything, and no result waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Ready && self.results.is_empty() && !self.has_uploads() && self.on_its_way.is_none()
    }

    fn has_uploads(&self) -> bool {
        self.cursor < self.log.len() || !self.again.is_empty() || !self.users_waiting.is_empty()
    }

    /// Starts the terminal again: it shakes hands with the next request.
    pub fn restart(&mut self) {
        self.stage = Stage::Connect;
        self.on_its_way = None;
        self.resumes = Duration::ZERO;
    }

    /// The time at which the next request is due. `None` while one is on its way.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.on_its_way.is_some() {
            return None;
        }
        let has_news = self.stage != Stage::Ready || !self.is_idle();
        Some(if has_news { self.resumes } else { self.polls.max(self.resumes) })
    }

    /// Returns the next request that is due.
    pub fn poll_request(&mut self, now: Duration) -> Option<Outgoing> {
        if self.poll_timeout()? > now {
            return None;
        }
        let (sent, outgoing) = self.next(now);
        self.polled_last = sent == Sent::Poll;
        self.on_its_way = Some(sent);
        Some(outgoing)
    }

    fn next(&self, now: Duration) -> (Sent, Outgoing) {
        match self.stage {
            Stage::Connect => (Sent::Connect, self.request(Method::Get, Endpoint::Cdata, Self::connect, Bytes::new())),
            Stage::Register => {
                let body = format!("DeviceType={},~DeviceName=Simulated,MachineType=101", self.profile.dialect);
                (Sent::Register, self.request(Method::Post, Endpoint::Registry, |_, head| head, body.into()))
            }
            Stage::Configure => {
                (Sent::Configure, self.request(Method::Post, Endpoint::Push, |_, head| head, Bytes::new()))
            }
            Stage::Ready if !self.results.is_empty() => self.next_results(),
            // A poll that is overdue does not wait for a long log, nor an upload for polls.
            Stage::Ready if self.polls <= now && !(self.polled_last && self.has_uploads()) => {
                (Sent::Poll, self.request(Method::Get, Endpoint::GetRequest, |_, head| head, Bytes::new()))
            }
            Stage::Ready if !self.users_waiting.is_empty() => self.next_users(),
            Stage::Ready => self.next_records(),
        }
    }

    fn connect(&self, head: Head) -> Head {
        let version = if self.profile.dialect == Dialect::Access { "3.1.2" } else { "2.4.1" };
        let kind = self.profile.dialect.to_string();
        head.with("options", "all").with("pushver", version).with("language", "69").with("DeviceType", kind)
    }

    fn request(
        &self,
        method: Method,
        endpoint: Endpoint,
        parameters: impl Fn(&Self, Head) -> Head,
        body: Bytes,
    ) -> Outgoing {
        let endpoint = if self.profile.has_suffix { Endpoint::Other(format!("{endpoint}.aspx")) } else { endpoint };
        Outgoing { head: parameters(self, Head::new(method, endpoint, self.profile.serial.clone())), body }
    }

    fn next_results(&self) -> (Sent, Outgoing) {
        let count = if self.profile.batches_results { self.results.len() } else { 1 };
        // The parameters of INFO are lines, so that a result after them would be one of them.
        let count =
            self.results.iter().take(count).position(|result| !result.details.is_empty()).map_or(count, |at| at + 1);
        let mut body = BytesMut::new();
        for result in self.results.iter().take(count) {
            result.write(&mut body);
            body.put_u8(b'\n');
        }
        let request = self.request(Method::Post, Endpoint::DeviceCommand, |_, head| head, body.freeze());
        (Sent::Results(count), request)
    }

    fn next_users(&self) -> (Sent, Outgoing) {
        let count = self.users_waiting.len().min(self.profile.batch);
        let tag = if self.profile.dialect == Dialect::Access { "user" } else { "USER" };
        let mut body = BytesMut::new();
        for fields in self.users_waiting.iter().take(count).filter_map(|user_id| self.users.get(user_id)) {
            KeyedRecord::new(tag, fields.clone()).write(&mut body);
            body.put_u8(b'\n');
        }
        let parameters = move |device: &Self, head: Head| match device.profile.dialect {
            Dialect::Access => {
                head.with("table", "tabledata").with("tablename", "user").with("count", count.to_string())
            }
            Dialect::Attendance => head.with("table", "OPERLOG").with("Stamp", "9999"),
        };
        (Sent::Users(count), self.request(Method::Post, Endpoint::Cdata, parameters, body.freeze()))
    }

    fn next_records(&self) -> (Sent, Outgoing) {
        let places: Vec<usize> = match self.again.is_empty() {
            false => self.again.iter().copied().take(self.profile.batch).collect(),
            true => (self.cursor..self.log.len()).take(self.profile.batch).collect(),
        };
        let count = places.len();
        let mut body = BytesMut::new();
        for (place, record) in places.iter().filter_map(|place| Some((*place, self.log.get(*place)?))) {
            match self.profile.dialect {
                Dialect::Attendance => record.write(&mut body),
                Dialect::Access => event(place, record).write(b'\t', &mut body),
            }
            body.put_u8(b'\n');
        }
        let parameters = |device: &Self, head: Head| match device.profile.dialect {
            Dialect::Access => head.with("table", "rtlog"),
            Dialect::Attendance => head.with("table", "ATTLOG").with("Stamp", "9999"),
        };
        (Sent::Records(count), self.request(Method::Post, Endpoint::Cdata, parameters, body.freeze()))
    }

    /// Takes the answer to the request that is on its way. `date` is the header `Date`.
    pub fn handle_answer(&mut self, now: Duration, status: u16, date: Option<DateTime<Utc>>, body: &Bytes) {
        let Some(sent) = self.on_its_way.take() else { return };
        let is_taken = match sent {
            Sent::Connect => status == 200 && self.connected(now, date, body),
            Sent::Register => status == 200 && body.starts_with(b"RegistryCode="),
            Sent::Configure | Sent::Poll | Sent::Results(_) => status == 200,
            Sent::Records(count) => self.is_safe(status, body, "rtlog", count),
            Sent::Users(count) => self.is_safe(status, body, "user", count),
        };
        if !is_taken {
            return self.fail(now);
        }
        match sent {
            Sent::Connect => {}
            Sent::Register => self.stage = Stage::Configure,
            Sent::Configure => {
                self.options = OptionBlock::parse(body);
                self.stage = Stage::Ready;
            }
            Sent::Poll => {
                self.polls = now + self.delay(&["Delay", "RequestDelay"], 30);
                self.execute_all(body);
            }
            Sent::Results(count) => drop(self.results.drain(..count)),
            Sent::Users(count) => drop(self.users_waiting.drain(..count)),
            Sent::Records(count) if !self.again.is_empty() => drop(self.again.drain(..count)),
            Sent::Records(count) => self.cursor += count,
        }
    }

    /// Takes the news that the request on its way got no whole answer.
    pub fn handle_failure(&mut self, now: Duration) {
        self.on_its_way = None;
        self.fail(now);
    }

    fn is_safe(&self, status: u16, body: &Bytes, table: &str, count: usize) -> bool {
        self.profile.strictness.accepts(status, body, table, count)
    }

    fn fail(&mut self, now: Duration) {
        self.resumes = now + self.delay(&["ErrorDelay"], Self::FIRST_ERROR_DELAY);
        if self.stage != Stage::Ready {
            self.stage = Stage::Connect;
        }
    }

    fn delay(&self, keys: &[&str], default: u64) -> Duration {
        let seconds = keys.iter().find_map(|key| self.options.get(key)).and_then(Text::number);
        Duration::from_secs(seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(default))
    }

    /// Reads the answer to the handshake. Returns false if it is none.
    fn connected(&mut self, now: Duration, date: Option<DateTime<Utc>>, body: &Bytes) -> bool {
        let block = OptionBlock::parse(body);
        let is_registered = block.get("registry").is_some_and(|registry| registry.is("ok"));
        match self.profile.dialect {
            Dialect::Access if !is_registered => {
                self.stage = Stage::Register;
                return body.starts_with(b"OK");
            }
            Dialect::Attendance if block.serial.is_none() => return false,
            _ => {}
        }
        if block.get("ATTLOGStamp").is_some_and(|stamp| stamp.as_bytes() == b"0") {
            self.cursor = 0;
        }
        let zone = block.get("TimeZone").and_then(|zone| ZoneOffset::parse_option(&zone.to_string()));
        if let (Some(date), Some(zone)) = (date, zone) {
            self.clock = Some(date.naive_utc() + TimeDelta::minutes(zone.minutes().into()));
        }
        self.options = block;
        self.stage = Stage::Ready;
        self.polls = now;
        true
    }

    fn execute_all(&mut self, body: &Bytes) {
        for received in command::read(body) {
            if execute(self, &received) == Then::Restart {
                // What comes after a restart is dropped.
                self.stage = Stage::Connect;
                break;
            }
        }
    }
}

impl Model for PushDevice {
    fn dialect(&self) -> Dialect {
        self.profile.dialect
    }

    fn serial(&self) -> &str {
        self.profile.serial.as_str()
    }

    fn record_count(&self) -> usize {
        self.log.len()
    }

    fn finish(&mut self, command: &str, result: CommandResult) {
        if result.code == Some(0) {
            self.executed.push(command.into());
        }
        self.results.push_back(result);
    }

    fn set_user(&mut self, user_id: &str, fields: Fields) {
        self.users.insert(user_id.into(), fields);
    }

    fn has_user(&self, user_id: &str) -> bool {
        self.users.contains_key(user_id)
    }

    fn remove_user(&mut self, user_id: &str) {
        self.users.remove(user_id);
    }

    fn user_count(&self) -> i64 {
        i64::try_from(self.users.len()).unwrap_or(i64::MAX)
    }

    fn upload_users(&mut self) -> i64 {
        self.users_waiting = self.users.keys().cloned().collect();
        self.user_count()
    }

    fn upload_again(&mut self, from: Option<String>, to: Option<String>) -> i64 {
        let is_inside = |record: &AttendanceRecord| {
            let at = record.time.to_string();
            from.as_ref().is_none_or(|from| *from <= at) && to.as_ref().is_none_or(|to| at <= *to)
        };
        let places = self.log.iter().enumerate().take(self.cursor).filter(|(_, record)| is_inside(record));
        self.again = places.map(|(place, _)| place).collect();
        i64::try_from(self.again.len()).unwrap_or(i64::MAX)
    }

    fn clear(&mut self, what: &str) {
        if matches!(what.trim(), "LOG" | "DATA") {
            self.log.clear();
            self.cursor = 0;
            self.again.clear();
        }
        if what.trim() == "DATA" {
            self.users.clear();
            self.users_waiting.clear();
        }
    }
}

/// An attendance record as an event at a door.
fn event(place: usize, record: &AttendanceRecord) -> Fields {
    let number = |value: Option<i32>| value.unwrap_or_default().to_string();
    Fields::default()
        .with("time", record.time.text.clone())
        .with("pin", record.user_id.clone())
        .with("cardno", "0")
        .with("eventaddr", "1")
        .with("event", "0")
        .with("inoutstatus", number(record.state))
        .with("verifytype", number(record.verify_mode))
        .with("index", (place + 1).to_string())
}
