//! A sink: how far it was served, and what waits for it.

use chrono::{DateTime, Utc};
use iclock_sync::ledger::{BadEnd, Overview, SinkOverview};
use iclock_sync::service::status::SinkState;
use serde::Serialize;

use super::Attention;
use crate::command::ledger::configured::ConfiguredSinks;
use crate::config::SinkConfig;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{counted, printed};

#[derive(Debug, Serialize)]
pub(super) struct Sink {
    pub(super) name: String,
    pub(super) target: Option<String>,
    pub(super) state: String,
    pub(super) pending: u64,
    pub(super) held: u64,
    pub(super) set_aside: u64,
    pub(super) last_delivery: Option<DateTime<Utc>>,
    pub(super) error: Option<String>,
    /// The exit code of its last run, if that is known and no service runs.
    pub(super) exit_code: Option<u8>,
    #[serde(skip)]
    is_configured: bool,
    /// It has to be named with its target: another one has its name, or no configuration has it.
    #[serde(skip)]
    needs_target: bool,
    /// No configuration has it, and no service serves it.
    #[serde(skip)]
    is_abandoned: bool,
}

/// Every sink that the ledger knows, and then the configured ones that it does not.
pub(super) fn all<'a>(
    configured: &ConfiguredSinks<'_>,
    overview: &Overview,
    live: impl Fn(&str) -> Option<&'a SinkState>,
    ended: impl Fn(&str) -> Option<&'a BadEnd>,
    is_alive: bool,
) -> Vec<Sink> {
    let of = |kept: &SinkOverview| {
        let is_configured = configured.has(kept);
        // Another sink of this name may be the one that is served.
        let live = live(&kept.name).filter(|_| is_configured || configured.is_empty());
        // The same holds for the one whose run ended so.
        let is_waited_for = kept.pending + kept.set_aside > 0;
        let ended = ended(&kept.name).filter(|_| is_configured || configured.is_empty() && is_waited_for);
        let mut sink = Sink::of(kept, live, ended, is_alive);
        if live.is_none() && ended.is_none() && (is_configured || kept.pending == 0) {
            sink.exit_code = Some(ExitCode::Done as u8);
        }
        if !is_configured && !configured.is_empty() {
            (sink.state, sink.needs_target) = ("not configured".to_owned(), true);
        }
        sink.is_configured = is_configured;
        sink.is_abandoned = !is_configured && (live.is_none() || !is_alive);
        sink
    };
    let mut sinks: Vec<Sink> = overview.sinks.iter().map(of).collect();
    sinks.extend(
        configured.unknown_to(&overview.sinks).map(|(sink, target)| Sink::new(sink, target, ended(&sink.name))),
    );
    let names: Vec<String> = sinks.iter().map(|sink| sink.name.clone()).collect();
    for sink in &mut sinks {
        sink.needs_target |= names.iter().filter(|name| **name == sink.name).count() > 1;
    }
    sinks
}

impl Sink {
    fn of(kept: &SinkOverview, live: Option<&SinkState>, ended: Option<&BadEnd>, is_alive: bool) -> Self {
        // A service knows better.
        let ended = ended.filter(|_| live.is_none());
        let state = match live.filter(|_| is_alive) {
            Some(live) if live.paused => "paused",
            Some(live) if live.error.is_some() => "failing",
            Some(live) if live.pending > 0 => "delivering",
            Some(_) => "up to date",
            None if ended.is_some() => failed(ended),
            None if kept.pending > 0 => "waiting",
            None => "up to date",
        };
        Self {
            name: kept.name.clone(),
            target: Some(kept.target.clone()),
            state: state.to_owned(),
            pending: kept.pending,
            held: kept.held,
            set_aside: kept.set_aside,
            last_delivery: live.and_then(|live| live.last_success),
            error: live
                .and_then(|live| live.error.as_ref())
                .map(|failure| failure.text.clone())
                .or_else(|| ended.map(|end| end.error.clone())),
            exit_code: ended.map(|end| end.exit_code),
            is_configured: false,
            needs_target: false,
            is_abandoned: false,
        }
    }

    /// A configured sink that never got anything.
    fn new(config: &SinkConfig, target: Option<&String>, ended: Option<&BadEnd>) -> Self {
        Self {
            name: config.name.clone(),
            target: target.cloned(),
            state: ended.map_or("never served", |_| failed(ended)).to_owned(),
            pending: 0,
            held: 0,
            set_aside: 0,
            last_delivery: None,
            error: ended.map(|end| end.error.clone()),
            exit_code: ended.map(|end| end.exit_code),
            is_configured: true,
            needs_target: false,
            is_abandoned: false,
        }
    }

    /// The target, if the name does not say which sink it is.
    pub(super) fn odd_target(&self) -> Option<&String> {
        self.target.as_ref().filter(|_| self.needs_target)
    }

    /// The name; with the target, if the name does not say which sink it is.
    pub(super) fn called(&self) -> String {
        match self.odd_target() {
            Some(target) => format!("{} ({target})", shown(&self.name)),
            None => shown(&self.name),
        }
    }

    pub(super) fn attention(&self, found: &mut Vec<Attention>) {
        let name = self.called();
        if let Some(error) = &self.error {
            let what = format!("{name}: {error}");
            found.push(match self.exit_code {
                Some(code) if code == ExitCode::SafetyLimit as u8 => Attention::with(what, "sync --force"),
                _ if self.is_configured => {
                    Attention::with(what, &format!("doctor sink --sink {}", printed::quoted(&self.name)))
                }
                _ => Attention::new(what),
            });
        }
        if self.set_aside > 0 {
            let events = counted(self.set_aside, "event", "events");
            found.push(Attention::new(format!("{name}: it refused {events} for good")));
        }
        if let Some(target) = self.target.as_ref().filter(|_| self.is_abandoned && self.pending > 0) {
            let waiting = counted(self.pending, "event waits", "events wait");
            let what =
                format!("{name}: {waiting} for it, and it is not configured; to forget it, if it is used no more");
            found.push(Attention::with(what, &format!("state forget-sink {}", printed::quoted(target))));
        }
    }
}

/// The state of a sink whose last run did not end well.
fn failed(ended: Option<&BadEnd>) -> &'static str {
    match ended.map(|end| end.exit_code) {
        Some(code) if code == ExitCode::SafetyLimit as u8 => "limited",
        _ => "failed",
    }
}
