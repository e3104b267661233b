//! The options of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{RunOptions, Schedule};

/// The habits of a [`Service`](crate::Service). [`ServiceOptions::new`] makes them; the methods change them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// The times at which each terminal is polled.
    pub schedule: Schedule,
    /// Listens to the terminals between the polls. A punch is read within a second. Off by default.
    pub live: bool,
    pub(crate) options_at: OptionsAt,
}

/// The options of a poll or a delivery at the time at which it begins.
#[derive(Clone)]
pub(crate) struct OptionsAt(Arc<dyn Fn(DateTime<Utc>) -> RunOptions + Send + Sync>);

impl ServiceOptions {
    /// Polls on a schedule, reads what is new and delivers all of it.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, live: false, options_at: OptionsAt::always(RunOptions::default()) }
    }

    /// The options of a single run, which has no schedule.
    pub(crate) fn once(options: RunOptions) -> Self {
        let schedule = Schedule::fixed(Duration::from_secs(3_600));
        Self { schedule, live: false, options_at: OptionsAt::always(options) }
    }

    /// Listens to the terminals between the polls.
    #[must_use]
    pub fn live(mut self, live: bool) -> Self {
        self.live = live;
        self
    }

    /// Makes the options of each poll and each delivery from the time at which it begins, so that a window can move.
    #[must_use]
    pub fn options_at(mut self, options_at: impl Fn(DateTime<Utc>) -> RunOptions + Send + Sync + 'static) -> Self {
        self.options_at = OptionsAt(Arc::new(options_at));
        self
    }
}

impl OptionsAt {
    /// The same options at any time.
    pub(crate) fn always(options: RunOptions) -> Self {
        Self(Arc::new(move |_| options.clone()))
    }

    pub(crate) fn at(&self, now: DateTime<Utc>) -> RunOptions {
        (self.0)(now)
    }
}

impl fmt::Debug for OptionsAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OptionsAt")
    }
}
