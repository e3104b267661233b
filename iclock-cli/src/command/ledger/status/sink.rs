//! A sink: how far it was served, and what waits for it.

use chrono::{DateTime, Utc};
use iclock_sync::ledger::{Overview, SinkOverview};
use iclock_sync::service::status::SinkState;
use serde::Serialize;

use crate::config::SinkConfig;
use crate::sinks;

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
}

impl Sink {
    pub(super) fn of(kept: &SinkOverview, live: Option<&SinkState>, is_alive: bool) -> Self {
        let state = match live.filter(|_| is_alive) {
            Some(live) if live.paused => "paused",
            Some(live) if live.error.is_some() => "failing",
            Some(live) if live.pending > 0 => "delivering",
            Some(_) => "up to date",
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
            error: live.and_then(|live| live.error.as_ref()).map(|failure| failure.text.clone()),
        }
    }

    /// A configured sink that never got anything.
    pub(super) fn new(config: &SinkConfig) -> Self {
        Self {
            name: config.name.clone(),
            target: None,
            state: "never served".to_owned(),
            pending: 0,
            held: 0,
            set_aside: 0,
            last_delivery: None,
            error: None,
        }
    }
}

/// Returns true if the ledger does not know a configured sink.
pub(super) fn is_new(config: &SinkConfig, overview: &Overview) -> bool {
    let target = sinks::open(config).ok().map(|sink| sink.target());
    !overview.sinks.iter().any(|sink| Some(&sink.target) == target.as_ref() || sink.name == config.name)
}
