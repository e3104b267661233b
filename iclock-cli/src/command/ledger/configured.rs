//! The sinks of the configuration, as the ledger knows sinks: by their targets.

use iclock_sync::ledger::SinkOverview;

use crate::config::{Config, SinkConfig};
use crate::sinks;

/// The configured sinks, each with its target; `None` for one that cannot be opened.
pub(super) struct ConfiguredSinks<'a>(Vec<(&'a SinkConfig, Option<String>)>);

impl<'a> ConfiguredSinks<'a> {
    /// Contacts nothing.
    pub(super) fn of(config: &'a Config) -> Self {
        let target = |sink| sinks::open(sink).ok().map(|sink| sink.target());
        Self(config.sinks.iter().map(|sink| (sink, target(sink))).collect())
    }

    /// Returns true if there are none: the program may be used with flags alone.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if a sink of the ledger is configured. Without a target, its name decides.
    pub(super) fn has(&self, kept: &SinkOverview) -> bool {
        self.0.iter().any(|(sink, target)| is_same(kept, sink, target.as_ref()))
    }

    /// The configured sinks that the ledger does not know, with their targets.
    pub(super) fn unknown_to(&self, kept: &[SinkOverview]) -> impl Iterator<Item = (&'a SinkConfig, Option<&String>)> {
        self.0
            .iter()
            .filter(move |(sink, target)| !kept.iter().any(|kept| is_same(kept, sink, target.as_ref())))
            .map(|(sink, target)| (*sink, target.as_ref()))
    }
}

fn is_same(kept: &SinkOverview, sink: &SinkConfig, target: Option<&String>) -> bool {
    target.map_or(kept.name == sink.name, |target| kept.target == *target)
}
