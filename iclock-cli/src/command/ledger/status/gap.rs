//! A gap of a terminal that pushes: the time for whose punches it was asked.

use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::ledger::PushGap;
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

/// What became of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GapState {
    /// The terminal has not answered yet.
    Asked,
    /// It has answered.
    Answered,
    /// It never answered.
    Lost,
}

impl Backfill {
    pub(super) fn of(gap: &PushGap) -> Self {
        let state = match gap.answered_at {
            Some(_) => GapState::Answered,
            None if gap.is_lost(Utc::now()) => GapState::Lost,
            None => GapState::Asked,
        };
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
            GapState::Lost => "it was asked for its punches, and never answered".to_owned(),
        };
        match self.cause {
            "forgot" => format!("{name} had forgotten what it had sent: {answer}."),
            _ => format!("{name} was silent from {} to {}: {answer}.", local(self.since), local(self.until)),
        }
    }
}
