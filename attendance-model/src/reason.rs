//! The rules that a record can break, and the policy for each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule that a record broke. Each has a [`Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// No user id: no text, or 0 in a layout with numbers. Quarantined by default.
    EmptyUserId,
    /// The record names its person only by a slot of the terminal's user table, and nobody there has an id.
    /// Quarantined by default: the slot's number may be the id of another person. When it is accepted or flagged, that
    /// number in decimal is the user id, as in the Python tool.
    UnknownSlot,
    /// A user id that the Python tool's `int()` refuses. Quarantined by default.
    NonNumericUserId,
    /// A user id of zero or less. Quarantined by default.
    NonPositiveUserId,
    /// A user id with bytes that are no text, or with control characters. Quarantined by default. When it is accepted,
    /// the bytes that are no text are left out, as the Python tool did: `35 D2` becomes user `5`. When it is flagged,
    /// they stay visible in the id.
    UndecodableUserId,
    /// A date that no calendar has (30 February). Always quarantined: nothing could be stored.
    ImpossibleTime,
    /// Bytes that are no record, or text that no backend holds (NUL, more than 64 characters). Always quarantined.
    Undecodable,
    /// Before the first believable time ([`Rules::earliest`](crate::Rules::earliest)), or years before the terminal's
    /// other punches ([`Usual`](crate::Usual)): the clock had started again. Flagged by default.
    ClockResetTime,
    /// More than a day ahead of the host. Flagged by default.
    FutureTime,
    /// A punch state outside 0-5 and 255. Flagged by default.
    UnknownState,
    /// A verify mode outside the published tables (0-16 and 25). Flagged by default.
    UnknownVerifyMode,
    /// The user id is not on the allow-list. The rule is off without a list; quarantined with one.
    NotOnAllowList,
    /// The wall clock showed this time twice in the zone (clocks set back); the earlier moment is taken. Always
    /// flagged.
    AmbiguousLocalTime,
    /// The wall clock never showed this time in the zone (clocks set forward). Always flagged.
    SkippedLocalTime,
    /// Nothing proves the log that holds the record: a person looked at it and accepted it. Always flagged.
    AcceptedByHand,
    /// In a log that a person accepted, a record that makes no sense or is in a damaged patch. Always quarantined.
    UnprovenRecord,
    /// The program that embeds the engine holds the event back. Always quarantined. An engine without that program lets
    /// it pass when it judges the quarantine again.
    HeldByProgram,
}

/// The fate of a record that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is delivered without a remark.
    Accept,
    /// It is delivered, with the reason in its `flags`.
    Flag,
    /// It waits in quarantine and is not delivered.
    Quarantine,
}

impl Reason {
    /// Every reason, in a fixed order.
    pub const ALL: [Self; 17] = [
        Self::EmptyUserId,
        Self::UnknownSlot,
        Self::NonNumericUserId,
        Self::NonPositiveUserId,
        Self::UndecodableUserId,
        Self::ImpossibleTime,
        Self::Undecodable,
        Self::ClockResetTime,
        Self::FutureTime,
        Self::UnknownState,
        Self::UnknownVerifyMode,
        Self::NotOnAllowList,
        Self::AmbiguousLocalTime,
        Self::SkippedLocalTime,
        Self::AcceptedByHand,
        Self::UnprovenRecord,
        Self::HeldByProgram,
    ];

    /// The policy without any setting.
    #[must_use]
    pub const fn default_policy(self) -> Policy {
        match self {
            Self::EmptyUserId
            | Self::UnknownSlot
            | Self::NonNumericUserId
            | Self::NonPositiveUserId
            | Self::UndecodableUserId
            | Self::ImpossibleTime
            | Self::Undecodable
            | Self::NotOnAllowList
            | Self::UnprovenRecord
            | Self::HeldByProgram => Policy::Quarantine,
            Self::ClockResetTime
            | Self::FutureTime
            | Self::UnknownState
            | Self::UnknownVerifyMode
            | Self::AmbiguousLocalTime
            | Self::SkippedLocalTime
            | Self::AcceptedByHand => Policy::Flag,
        }
    }

    /// Returns true if no policy but the default can be set.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        matches!(
            self,
            Self::ImpossibleTime
                | Self::Undecodable
                | Self::AmbiguousLocalTime
                | Self::SkippedLocalTime
                | Self::AcceptedByHand
                | Self::UnprovenRecord
                | Self::HeldByProgram
        )
    }

    /// The word in reports, configuration and the `flags` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyUserId => "empty_user_id",
            Self::UnknownSlot => "unknown_slot",
            Self::NonNumericUserId => "non_numeric_user_id",
            Self::NonPositiveUserId => "non_positive_user_id",
            Self::UndecodableUserId => "undecodable_user_id",
            Self::ImpossibleTime => "impossible_time",
            Self::Undecodable => "undecodable",
            Self::ClockResetTime => "clock_reset_time",
            Self::FutureTime => "future_time",
            Self::UnknownState => "unknown_state",
            Self::UnknownVerifyMode => "unknown_verify_mode",
            Self::NotOnAllowList => "not_on_allow_list",
            Self::AmbiguousLocalTime => "ambiguous_local_time",
            Self::SkippedLocalTime => "skipped_local_time",
            Self::AcceptedByHand => "accepted_by_hand",
            Self::UnprovenRecord => "unproven_record",
            Self::HeldByProgram => "held_by_program",
        }
    }

    /// The reason of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl Policy {
    /// The word in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
