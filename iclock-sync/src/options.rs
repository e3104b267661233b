//! The options of an engine: its terminals, its limits, and the task of one run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use attendance_model::Rules;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use zk_proto::client::Recorder;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::AttendanceLayout;
use zk_proto::{CommKey, ConnectOptions, Transport};

use crate::schedule::Quiet;
use crate::{Permission, Schedule};

/// One terminal. [`DeviceOptions::new`] makes it; its fields can be set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceOptions {
    /// The name for people, and for `name:NAME`; unique in an engine.
    pub name: String,
    /// The side that begins: the engine calls it, by default.
    pub contact: Contact,
    /// Host name or address.
    pub host: String,
    /// Port; 4370 by default.
    pub port: u16,
    /// Transport; by default TCP, then UDP if nothing answers.
    pub transport: Transport,
    /// The longest wait for a single answer; 5 s by default. A terminal that stops answering ends within ten times as
    /// long, all attempts together.
    pub timeout: Duration,
    /// The communication key; none by default.
    pub comm_key: Option<CommKey>,
    /// The zone of the place where the terminal is. It gives each event its true instant. None by default.
    pub zone: Option<Tz>,
    /// The serial number that it must have; any by default.
    pub serial: Option<String>,
    /// The code page of its texts, such as the model's name; UTF-8 by default. User ids do not depend on it.
    pub encoding: TextEncoding,
    /// For 16-byte records: verify mode before punch state, as the Python tool decoded them. Off by default.
    pub sixteen_mode_first: bool,
    /// The layout of its records; found out from the bytes by default.
    pub layout: Option<AttendanceLayout>,
    /// The times at which it is polled; those of the loop by default.
    pub schedule: Option<Schedule>,
    /// The fill level of its log, in percent of what it can hold, at which a service or a run clears the log, as
    /// [`Engine::clear`](crate::Engine::clear) does. Needs a `serial`, and a terminal that is called. Never by default.
    pub clear_when: Option<u8>,
    /// Sets its clock when it is off; by default a drift is only reported. Needs a `zone`, and a terminal that is
    /// called.
    pub clock: Option<ClockCorrection>,
    /// What a terminal that pushes may be ordered to do besides the usual. Nothing by default.
    pub permits: BTreeSet<Permission>,
    /// Writes down what is sent and received, without secrets; none by default.
    pub recorder: Option<Recorder>,
}

/// The side that begins a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contact {
    /// The engine calls the terminal at its host and port.
    #[default]
    Call,
    /// The terminal calls. The engine never does.
    Push,
}

/// The correction of a terminal's clock. It never is set near midnight, or while the clocks of its zone change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockCorrection {
    /// The drift above which it is set.
    pub bound: Duration,
    /// The hours of the host's day in which it is left alone.
    pub quiet: Option<Quiet>,
}

impl DeviceOptions {
    /// A terminal at a host, with the defaults for the rest.
    #[must_use]
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            contact: Contact::Call,
            host: host.into(),
            port: 4370,
            transport: Transport::default(),
            timeout: Duration::from_secs(5),
            comm_key: None,
            zone: None,
            serial: None,
            encoding: TextEncoding::default(),
            sixteen_mode_first: false,
            layout: None,
            schedule: None,
            clear_when: None,
            clock: None,
            permits: BTreeSet::new(),
            recorder: None,
        }
    }

    /// A terminal that is never called, because it pushes its punches by itself. It is known by its serial number.
    /// The program that receives a push hands it to [`Door::ingest`](crate::Door::ingest).
    #[must_use]
    pub fn push(name: impl Into<String>, serial: impl Into<String>) -> Self {
        Self { contact: Contact::Push, serial: Some(serial.into()), ..Self::new(name, "") }
    }

    /// The same for zk-proto, to talk to the terminal without the engine.
    #[must_use]
    pub fn connect_options(&self) -> ConnectOptions {
        let options = ConnectOptions::new(&self.host).port(self.port).transport(self.transport).timeout(self.timeout);
        let options = options.encoding(self.encoding);
        let options = match self.comm_key {
            Some(key) => options.comm_key(key),
            None => options,
        };
        match &self.recorder {
            Some(recorder) => options.recorder(recorder.clone()),
            None => options,
        }
    }

    /// `HOST:PORT`, an IPv6 address in brackets; `push:SERIAL` for a terminal that is never called.
    #[must_use]
    pub fn address(&self) -> String {
        if self.contact == Contact::Push {
            return format!("push:{}", self.serial.as_deref().unwrap_or_default());
        }
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The ages at which what is kept shrinks to what it is known by, so that it is known again and never enters twice. A
/// service does it; nothing shrinks by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Events that were read so long ago, once every sink of the engine has been given them. They cannot be sent again,
    /// to no sink, and exports and questions leave them out. Events that wait for a sink, or that one has refused, and
    /// the last 16 of each terminal do not shrink.
    pub events: Option<Duration>,
    /// Records that left the quarantine so long ago.
    pub quarantine: Option<Duration>,
}

/// The limits and habits of an engine. [`EngineOptions::default`] makes them; the fields can be set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Records before the known end that are read again and compared. 16 by default.
    pub overlap: u32,
    /// The time for which an unchanged count is trusted before the log's tail is read again. 6 h by default.
    pub verify_every: Duration,
    /// The policy for each kind of bad record; the defaults are those of [`Rules`].
    pub rules: Rules,
    /// Terminals read at once; any number is connected to. 32 by default.
    pub concurrency: usize,
    /// Records to a ledger commit. 10,000 by default.
    pub batch: usize,
    /// Bytes of unproven logs kept in memory, over all terminals, at most half of it for one; the rest goes to files.
    /// 16 MiB by default: logs of 10,000 records need no file, even if 32 terminals are read at once.
    pub spool_memory: usize,
    /// The longest that one terminal may take in a run. 30 min by default.
    pub device_deadline: Duration,
    /// Attempts to reach a terminal or to write a batch, the first included. 3 by default.
    pub attempts: u32,
    /// The first wait between two attempts; doubles, with jitter. 500 ms by default.
    pub backoff: Duration,
    /// The longest that one call to a sink may take. 60 s by default.
    pub sink_timeout: Duration,
    /// The time that a call to a sink has left to end after a stop. 5 s by default.
    pub stop_grace: Duration,
    /// Keeps the audit in the state directory: for each event when and how it was read, and when each sink stored it.
    /// On by default.
    pub audit: bool,
    /// Reads the terminals' user tables and keeps people's names: when the number of users changes, and once a day. No
    /// password, card or fingerprint is kept. Off by default; a sink that keeps names switches it on.
    pub names: bool,
    /// The directory in which each run that stored new events saves `logs_<time>.json`, in the Python tool's shape. A
    /// service adds to one file for ten minutes; until it is complete, its name ends in `.part`. The
    /// file lists the events of the first sink with document ids of the scheme `iclock-sync-v1`, or else of the first
    /// sink. None by default: no file.
    pub audit_dir: Option<PathBuf>,
    /// The ages at which old events and records shrink. None by default: everything is kept whole.
    pub retention: Retention,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            overlap: 16,
            verify_every: Duration::from_secs(6 * 3600),
            rules: Rules::default(),
            concurrency: 32,
            batch: 10_000,
            spool_memory: 16 << 20,
            device_deadline: Duration::from_secs(30 * 60),
            attempts: 3,
            backoff: Duration::from_millis(500),
            sink_timeout: Duration::from_secs(60),
            stop_grace: Duration::from_secs(5),
            audit: true,
            names: false,
            audit_dir: None,
            retention: Retention::default(),
        }
    }
}

/// The task of one run. [`RunOptions::default`] reads what is new and delivers all of it; the methods change that.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// Reads terminals and ledger, changes nothing anywhere. Off by default.
    pub dry_run: bool,
    /// The events that may go out; all by default.
    pub window: Window,
    /// Reads every log from its first record. Off by default.
    pub full: bool,
    /// A record that waits because nobody was in its slot of the user table goes to the person who is there now. Off by
    /// default: the person in the slot may be another one.
    pub new_owners: bool,
    /// The most new events that may go out to a sink. No limit by default.
    pub max_new: Option<u64>,
    /// Overrides `max_new`. Off by default.
    pub force: bool,
    /// Sinks are being filled again: missing events of what was delivered to them are no problem. Off by default.
    pub replay: bool,
    /// Delivers events; otherwise they only enter the ledger. On by default.
    pub deliver: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            window: Window::default(),
            full: false,
            new_owners: false,
            max_new: None,
            force: false,
            replay: false,
            deliver: true,
        }
    }
}

impl RunOptions {
    /// Changes nothing anywhere.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Lets only events inside the window go out.
    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Reads every log from its first record.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// Gives a record that waits because nobody was in its slot of the user table to the person who is there now.
    #[must_use]
    pub fn new_owners(mut self, new_owners: bool) -> Self {
        self.new_owners = new_owners;
        self
    }

    /// Sends no new event to a sink if there are more than so many; `None` for no limit.
    #[must_use]
    pub fn max_new(mut self, max_new: impl Into<Option<u64>>) -> Self {
        self.max_new = max_new.into();
        self
    }

    /// Overrides the limit of new events.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Does not look for the events that were delivered before, because sinks are being filled again.
    #[must_use]
    pub fn replay(mut self, replay: bool) -> Self {
        self.replay = replay;
        self
    }

    /// Delivers events, or lets them only enter the ledger.
    #[must_use]
    pub fn deliver(mut self, deliver: bool) -> Self {
        self.deliver = deliver;
        self
    }
}

/// One end of a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A time of the terminal's wall clock, as its records show it.
    Wall(NaiveDateTime),
    /// A moment. It is compared with the event's instant. Without a configured zone, it is compared with the wall clock
    /// less the time by which that clock was ahead of UTC when the event was read.
    Instant(DateTime<Utc>),
}

/// A span of time, both ends included; without ends, all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment inside.
    pub since: Option<Bound>,
    /// The last moment inside.
    pub until: Option<Bound>,
}

impl Window {
    /// The time from a moment on.
    #[must_use]
    pub fn since(since: impl Into<Bound>) -> Self {
        Self { since: Some(since.into()), until: None }
    }

    /// Returns true if everything is inside.
    #[must_use]
    pub fn is_all_time(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

impl From<NaiveDateTime> for Bound {
    fn from(time: NaiveDateTime) -> Self {
        Self::Wall(time)
    }
}

impl From<DateTime<Utc>> for Bound {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::Instant(moment)
    }
}
