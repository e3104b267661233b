//! What an engine is told: its terminals, its limits, and what one run is to do.

use std::path::PathBuf;
use std::time::Duration;

use attendance_model::Rules;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use zk_proto::encoding::TextEncoding;
use zk_proto::record::AttendanceLayout;
use zk_proto::{CommKey, ConnectOptions, Transport};

/// One terminal.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// For people and for `name:NAME`; unique in an engine.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port; 4370 by default.
    pub port: u16,
    /// TCP, then UDP where nothing answers, by default.
    pub transport: Transport,
    /// The longest wait for a single answer; 5 s by default. A terminal that stops answering ends within ten times as long, all
    /// tries together.
    pub timeout: Duration,
    /// The communication key; none by default.
    pub comm_key: Option<CommKey>,
    /// Where the terminal hangs; gives each event its true instant. None by default.
    pub zone: Option<Tz>,
    /// The serial number that it must have; any by default.
    pub serial: Option<String>,
    /// The code page of its texts, such as the model's name; UTF-8 by default. User ids do not depend on it.
    pub encoding: TextEncoding,
    /// For 16-byte records: verify mode before punch state, as the Python tool decoded them. Off by default.
    pub sixteen_mode_first: bool,
    /// How its records are laid out, where somebody says so; found out from the bytes by default.
    pub layout: Option<AttendanceLayout>,
}

impl DeviceOptions {
    /// A terminal at a host, everything else by default.
    #[must_use]
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            name: name.into(),
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
        }
    }

    /// How zk-proto is told of it, for whoever talks to the terminal beside the engine.
    #[must_use]
    pub fn connect_options(&self) -> ConnectOptions {
        let options = ConnectOptions::new(&self.host).port(self.port).transport(self.transport).timeout(self.timeout);
        let options = options.encoding(self.encoding);
        match self.comm_key {
            Some(key) => options.comm_key(key),
            None => options,
        }
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Limits and habits of an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Records before the known end that are read again and compared. 16 by default.
    pub overlap: u32,
    /// How long an unchanged count is trusted before the log's tail is looked at. 6 h by default.
    pub verify_every: Duration,
    /// What is refused, flagged or accepted; the defaults are those of [`Rules`].
    pub rules: Rules,
    /// Terminals read at once; any number is connected to. 32 by default.
    pub concurrency: usize,
    /// Records to a ledger commit. 10,000 by default.
    pub batch: usize,
    /// Bytes of unproven logs kept in memory, over all terminals; what is more goes to files. 8 MiB by default.
    pub spool_memory: usize,
    /// The longest that one terminal may take in a run. 30 min by default.
    pub device_deadline: Duration,
    /// Tries to reach a terminal or to write a batch, the first included. 3 by default.
    pub attempts: u32,
    /// The first wait between two tries; doubles, with jitter. 500 ms by default.
    pub backoff: Duration,
    /// The longest that one call to a sink may take. 60 s by default.
    pub sink_timeout: Duration,
    /// Where each run that newly stored events leaves `logs_<time>.json` in the Python tool's shape: those of the first sink
    /// with document ids of the scheme `iclock-sync-v1`, else of the first sink. Nowhere by default.
    pub audit_dir: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            overlap: 16,
            verify_every: Duration::from_secs(6 * 3600),
            rules: Rules::default(),
            concurrency: 32,
            batch: 10_000,
            spool_memory: 8 << 20,
            device_deadline: Duration::from_secs(30 * 60),
            attempts: 3,
            backoff: Duration::from_millis(500),
            sink_timeout: Duration::from_secs(60),
            audit_dir: None,
        }
    }
}

/// What one run is to do.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Reads terminals and ledger, changes nothing anywhere. Off by default.
    pub dry_run: bool,
    /// Which events may go out.
    pub window: Window,
    /// Reads every log from its first record. Off by default.
    pub full: bool,
    /// The most new events that may go out to a sink. No limit by default.
    pub max_new: Option<u64>,
    /// Lets pass what `max_new` would stop. Off by default.
    pub force: bool,
    /// Sinks are being filled again: what they lack of what was delivered to them is no problem. Off by default.
    pub replay: bool,
    /// Whether events go out at all; without, they only enter the ledger. On by default.
    pub deliver: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            window: Window::default(),
            full: false,
            max_new: None,
            force: false,
            replay: false,
            deliver: true,
        }
    }
}

/// One end of a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A time of the terminal's wall clock, as its records show it.
    Wall(NaiveDateTime),
    /// A moment. An event is compared by its instant; without a configured zone, by the terminal's wall clock less what that
    /// clock was ahead of UTC when the event was read.
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
