//! The normalized, validated form of a punch.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{EventId, Protocol, PunchState, Reason, VerifyMode};

/// The way by which a punch reached us first.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Read from the terminal's log.
    Pull,
    /// Seen as a live event.
    Live,
    /// Sent to us by the terminal.
    Push,
}

impl Source {
    /// The protocol of this way, by which the punch's codes are read.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Pull | Self::Live => Protocol::Binary,
            Self::Push => Protocol::Push,
        }
    }

    /// The word in the `source` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Live => "live",
            Self::Push => "push",
        }
    }
}

/// The true moment of a punch, known if the terminal's zone is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instant {
    /// The moment.
    pub utc: DateTime<Utc>,
    /// The zone by which it was derived from the wall clock.
    pub zone: Tz,
}

impl Instant {
    /// The moment of a wall clock's time. A time that was shown twice is the earlier moment. One that was never shown
    /// is read by the offset before the clocks were set forward.
    #[must_use]
    pub fn of(local: NaiveDateTime, zone: Tz) -> Self {
        crate::normalize::instant_of(local, zone).0
    }
}

/// One punch that we vouch for: [`normalize`](crate::normalize()) makes it, or [`AttendanceEvent::new`] for one that
/// was stored.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendanceEvent {
    /// The key: [`IdScheme::Full`](crate::IdScheme::Full).
    pub id: EventId,
    /// The terminal's serial number, or `name:NAME` if it never gave one.
    pub device_serial: String,
    /// The terminal's configured name.
    pub device_name: String,
    /// The user id as read; not empty by the default policy.
    pub user_id: String,
    /// The terminal's wall clock, whole seconds.
    pub local_time: NaiveDateTime,
    /// The true moment, if a zone is configured.
    pub instant: Option<Instant>,
    /// How the person proved who they are.
    pub verify_mode: VerifyMode,
    /// The person's declaration: in, out, break or overtime.
    pub punch_state: PunchState,
    /// A job number keyed in; `None` if the layout has none.
    pub work_code: Option<u32>,
    /// How it reached us first.
    pub source: Source,
    /// The remarks of the rules; sorted, without repeats.
    pub flags: Vec<Reason>,
    /// Terminal's clock less the true time, in milliseconds, when it was read.
    pub clock_drift_ms: Option<i64>,
    /// The record as the terminal sent it.
    pub raw: Vec<u8>,
}

impl AttendanceEvent {
    /// An event that was vouched for before, such as one read back from a store. The other fields are empty: verify
    /// mode 0, punch state 255, no flags, no bytes. Set those that are known.
    #[must_use]
    pub fn new(
        id: EventId,
        device_serial: impl Into<String>,
        device_name: impl Into<String>,
        user_id: impl Into<String>,
        local_time: NaiveDateTime,
        source: Source,
    ) -> Self {
        Self {
            id,
            device_serial: device_serial.into(),
            device_name: device_name.into(),
            user_id: user_id.into(),
            local_time,
            instant: None,
            verify_mode: VerifyMode(0),
            punch_state: PunchState(255),
            work_code: None,
            source,
            flags: Vec::new(),
            clock_drift_ms: None,
            raw: Vec::new(),
        }
    }

    /// The reasons as the `flags` column holds them: comma-separated words, empty when there are none.
    #[must_use]
    pub fn flags_text(&self) -> String {
        self.flags.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(",")
    }
}
