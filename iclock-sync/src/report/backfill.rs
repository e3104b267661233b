//! Gaps of terminals that push, for whose punches they are asked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A gap of a terminal that pushes: a time whose punches it may not send by itself, so that it is asked for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillReport {
    /// The terminal's name for people.
    pub name: String,
    /// Its serial number.
    pub serial: String,
    /// The reason why punches may be missing.
    pub cause: GapCause,
    /// The beginning of the gap.
    pub since: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// What became of the question.
    pub state: GapState,
    /// The time of the answer. The punches come before it, or soon after.
    pub answered_at: Option<DateTime<Utc>>,
}

/// The reason why punches may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GapCause {
    /// The terminal did not call, or this program did not run.
    Silent,
    /// The terminal has forgotten how far it had sent its log.
    Forgot,
}

impl GapCause {
    /// The word in the ledger and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Forgot => "forgot",
        }
    }
}

/// What became of the question for a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GapState {
    /// The terminal has not answered yet.
    Asked,
    /// It has answered.
    Answered,
    /// It never answered, and is not asked any more.
    Lost,
}
