//! A gap of a terminal that pushes: the time for whose punches it was asked.

use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::ledger::PushGap;
use iclock_sync::report::GapState;
use serde::Serialize;

use super::{ago, local};

/// The last gap of a terminal.
#[derive(Debug, Serialize)]
pub(super) struct Backfill {
    /// `silent`, or `forgot`.
    pub(super) cause: &'static str,
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) state: GapState,
    pub(super) answered_at: Option<DateTime<Utc>>,
}

impl Backfill {
    pub(super) fn of(gap: &PushGap) -> Self {
        let state = gap.state(Utc::now());
        let PushGap { begins_at: since, ends_at: until, answered_at, .. } = *gap;
        Self { cause: gap.cause.as_str(), since, until, state, answered_at }
    }

    /// Returns true until a day after the answer.
    pub(super) fn is_news(&self, now: DateTime<Utc>) -> bool {
        self.answered_at.is_none_or(|answered_at| now - answered_at < TimeDelta::days(1))
    }

    /// The same in words, after the name of the terminal.
    pub(super) fn told(&self, name: &str, now: DateTime<Utc>) -> String {
        let answer = match self.state {
            GapState::Asked => "it is asked for its punches, and has not answered yet".to_owned(),
            GapState::Answered => format!("it was asked for its punches, and answered {}", ago(self.answered_at, now)),
            _ => "it was asked for its punches, and never answered".to_owned(),
        };
        match self.cause {
            "forgot" => format!("{name} had forgotten what it had sent: {answer}."),
            _ => format!("{name} was silent from {} to {}: {answer}.", local(self.since), local(self.until)),
        }
    }
}
