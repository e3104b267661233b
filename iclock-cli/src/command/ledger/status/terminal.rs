//! A terminal: what it was doing last, and what about it needs attention.

use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::alert::{DRIFT, FULL};
use iclock_sync::ledger::{BadEnd, Overview, PushGap, TerminalOverview};
use iclock_sync::report::GapState;
use iclock_sync::service::status::{Activity, TerminalState};
use serde::Serialize;

use super::Attention;
use super::gap::Backfill;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{counted, grouped, printed};

/// The state of a terminal that pushes, and of which there is no punch.
const NO_PUNCH: &str = "no punch yet";

/// The terminals of the ledger next to the configured ones.
pub(super) struct Kept<'a> {
    config: &'a Config,
    terminals: &'a [TerminalOverview],
}

impl<'a> Kept<'a> {
    pub(super) fn new(config: &'a Config, overview: &'a Overview) -> Self {
        Self { config, terminals: &overview.terminals }
    }

    pub(super) fn is_configured(&self, name: &str) -> bool {
        self.config.devices.iter().any(|device| device.name == name)
    }

    /// The terminal with a name. A configured one that was read last under another name is still the same.
    pub(super) fn called(&self, name: &str) -> Option<&'a TerminalOverview> {
        let last = |is_it: &dyn Fn(&TerminalOverview) -> bool| self.terminals.iter().rev().find(|one| is_it(one));
        last(&|one| one.name == name).or_else(|| {
            let serial = &self.config.devices.iter().find(|device| device.name == name)?.serial;
            let was_called = |one: &TerminalOverview| one.other_names.iter().any(|other| other == name);
            last(&|one| !self.is_configured(&one.name) && (was_called(one) || serial.as_ref() == Some(&one.serial)))
        })
    }

    /// The names of the terminals that are none of the configured ones.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a str> {
        let configured: Vec<&str> = self
            .config
            .devices
            .iter()
            .filter_map(|device| self.called(&device.name))
            .map(|terminal| terminal.serial.as_str())
            .collect();
        let others = self.terminals.iter().filter(move |one| !configured.contains(&one.serial.as_str()));
        others.map(|terminal| terminal.name.as_str())
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Terminal {
    pub(super) name: String,
    pub(super) serial: Option<String>,
    pub(super) state: String,
    pub(super) last_poll: Option<DateTime<Utc>>,
    pub(super) last_records: Option<DateTime<Utc>>,
    /// The last time at which it called. Only of terminals that push.
    pub(super) last_call: Option<DateTime<Utc>>,
    /// The address from which it called last. Only of terminals that push.
    pub(super) address: Option<String>,
    /// It has called over TLS before, and calls over plain HTTP now. Only of terminals that push.
    pub(super) fell_back: bool,
    /// The last gap for which it was asked. Only of terminals that push.
    pub(super) backfill: Option<Backfill>,
    pub(super) last_punch: Option<String>,
    pub(super) records: Option<u64>,
    pub(super) capacity: Option<u64>,
    pub(super) clock_drift_ms: Option<i64>,
    pub(super) quarantined: u64,
    pub(super) unproven: u64,
    pub(super) error: Option<String>,
    /// The exit code of its last run, if that is known and no service runs.
    pub(super) exit_code: Option<u8>,
}

/// Where the state of a terminal is known from.
pub(super) struct Sources<'a> {
    pub(super) kept: Option<&'a TerminalOverview>,
    pub(super) live: Option<&'a TerminalState>,
    /// Its last run, if that did not end well.
    pub(super) ended: Option<&'a BadEnd>,
    /// That run is no old story: the terminal is configured, or no run came later.
    pub(super) is_current: bool,
    pub(super) gap: Option<&'a PushGap>,
    /// Its configured serial number, if it is never called.
    pub(super) pushes: Option<&'a str>,
}

impl Terminal {
    pub(super) fn of(name: &str, sources: &Sources<'_>, is_alive: bool, is_configured: bool) -> Self {
        let Sources { kept, live, ended, is_current, gap, pushes } = *sources;
        let exit_code = ended.map(|end| end.exit_code).or_else(|| kept.map(|_| ExitCode::Done as u8));
        // A service knows better.
        let ended = ended.filter(|_| is_current && live.is_none());
        let state = match (live, kept) {
            (Some(live), _) if is_alive => activity(live),
            _ if kept.is_some_and(|kept| kept.last_call.is_some()) => "pushes".to_owned(),
            _ if !is_configured && ended.is_none() => "not configured".to_owned(),
            _ => match (ended, live.is_none() && kept.is_none()) {
                (Some(end), _) if end.exit_code == ExitCode::Unproven as u8 => "unproven".to_owned(),
                (Some(_), _) => "failed".to_owned(),
                (None, true) if pushes.is_some() => NO_PUNCH.to_owned(),
                (None, true) => "never read".to_owned(),
                (None, false) => "not polled".to_owned(),
            },
        };
        let serial = live.and_then(|live| live.serial.clone()).or_else(|| kept.map(|kept| kept.serial.clone()));
        let serial = serial.or_else(|| pushes.map(ToOwned::to_owned));
        Self {
            name: name.to_owned(),
            serial,
            state,
            last_poll: live.and_then(|live| live.last_poll),
            last_records: kept.and_then(|kept| kept.last_records),
            last_call: live.and_then(|live| live.last_call).or_else(|| kept.and_then(|kept| kept.last_call)),
            address: kept.and_then(|kept| kept.address.clone()),
            fell_back: kept.is_some_and(|kept| kept.fell_back),
            backfill: gap.map(Backfill::of),
            last_punch: kept.and_then(|kept| kept.last_punch).map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()),
            records: live.and_then(|live| live.records),
            capacity: live.and_then(|live| live.capacity),
            clock_drift_ms: live.and_then(|live| live.clock_drift_ms),
            quarantined: kept.map_or(0, |kept| kept.quarantined),
            unproven: kept.map_or(0, |kept| kept.unproven),
            error: live
                .and_then(|live| live.error.as_ref())
                .map(|failure| failure.text.clone())
                .or_else(|| ended.map(|end| end.error.clone())),
            exit_code: exit_code.filter(|_| live.is_none()),
        }
    }

    pub(super) fn attention(&self, is_configured: bool, found: &mut Vec<Attention>) {
        let name = shown(&self.name);
        // What is kept of an unproven log is named below.
        let error = self.error.as_ref().filter(|_| self.unproven == 0 || self.state != "unproven");
        if let Some(error) = error {
            let what = format!("{name}: {error}");
            let look = format!("doctor device {}", printed::quoted(&self.name));
            found.push(if is_configured { Attention::with(what, &look) } else { Attention::new(what) });
        }
        if let Some((records, capacity)) = self.records.zip(self.capacity)
            && capacity > 0
            && records.saturating_mul(100) / capacity >= FULL
        {
            let (records, capacity) = (grouped(records), grouped(capacity));
            let what = format!("{name}: its log is nearly full, {records} of {capacity}; empty it once all is kept");
            found.push(Attention::with(what, &format!("clear {}", printed::quoted(&self.name))));
        }
        let drift = self.clock_drift_ms.map(TimeDelta::milliseconds).filter(|drift| drift.abs() > DRIFT);
        if let Some(drift) = drift {
            let side = if drift > TimeDelta::zero() { "ahead" } else { "behind" };
            let minutes = drift.num_minutes().abs();
            let hint = "set it, or write clock = \"correct\" in its configuration";
            found.push(Attention::new(format!("{name}: its clock is {minutes} min {side}; {hint}")));
        }
        if self.unproven > 0 {
            let what = format!("{name}: {} could not be verified", counted(self.unproven, "log", "logs"));
            found.push(Attention::with(what, "unproven list"));
        }
        if self.quarantined > 0 {
            let what = format!("{name}: {} refused", counted(self.quarantined, "record was", "records were"));
            found.push(Attention::with(what, "quarantine list"));
        }
        if let Some(gap) = self.backfill.as_ref().filter(|gap| gap.state == GapState::Lost) {
            // A day more on each side, because nobody knows the terminal's clock.
            let day = |moment: DateTime<Utc>, days| (moment + TimeDelta::days(days)).format("%Y-%m-%d");
            let serial = self.serial.as_deref().unwrap_or_default();
            let (from, to) = (day(gap.since, -1), day(gap.until, 2));
            let what = format!("{name}: it never answered when it was asked for its punches; ask it again");
            found.push(Attention::with(what, &format!("push command {serial} query-attlog {from} {to}")));
        }
        if self.fell_back {
            let serial = self.serial.as_deref().unwrap_or_default();
            let what =
                format!("{name}: it spoke TLS before, and calls over plain HTTP now; turn HTTPS on again in its menu");
            let hint = "to take it as it is";
            found.push(Attention::with(format!("{what}, or {hint}"), &format!("push approve {serial}")));
        }
        if self.state == NO_PUNCH {
            let serial = self.serial.as_deref().unwrap_or_default();
            let what = format!("{name}: it has pushed no punch yet; to see if it has called");
            found.push(Attention::with(what, &format!("push show {serial}")));
        }
        if self.state == "never read" {
            found.push(Attention::with(format!("{name}: it was never read"), "sync"));
        }
    }
}

fn activity(live: &TerminalState) -> String {
    match live.activity {
        Activity::Waiting => "waiting",
        Activity::Connecting => "connecting",
        Activity::Reading => "reading",
        Activity::Recording => "recording",
        Activity::Resting { .. } if live.error.is_some() => "failing",
        Activity::Resting { .. } => "resting",
        Activity::Listening { .. } => "listening",
        Activity::Down { .. } => "down",
        Activity::Paused => "paused",
        Activity::Pushing => "pushes",
        _ => "running",
    }
    .to_owned()
}
