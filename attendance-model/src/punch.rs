//! A punch as a terminal reported it, before anything is vouched for.

use std::fmt;

use chrono::NaiveDateTime;
use chrono::format::{Item, Numeric, Pad};

use crate::{PunchState, Source, VerifyMode};

/// A wall-clock time as read.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LocalTime {
    /// A time of the calendar.
    Real(NaiveDateTime),
    /// A time that no calendar has, as it would be written: `2025-02-30 07:00:00`.
    Impossible(String),
}

impl LocalTime {
    /// The time, if the calendar has it.
    #[must_use]
    pub fn real(&self) -> Option<NaiveDateTime> {
        match self {
            Self::Real(time) => Some(*time),
            Self::Impossible(_) => None,
        }
    }
}

impl From<NaiveDateTime> for LocalTime {
    fn from(time: NaiveDateTime) -> Self {
        Self::Real(time)
    }
}

/// `%Y-%m-%d %H:%M:%S`, which need not be parsed for each time.
const TO_THE_SECOND: [Item<'static>; 11] = [
    Item::Numeric(Numeric::Year, Pad::Zero),
    Item::Literal("-"),
    Item::Numeric(Numeric::Month, Pad::Zero),
    Item::Literal("-"),
    Item::Numeric(Numeric::Day, Pad::Zero),
    Item::Literal(" "),
    Item::Numeric(Numeric::Hour, Pad::Zero),
    Item::Literal(":"),
    Item::Numeric(Numeric::Minute, Pad::Zero),
    Item::Literal(":"),
    Item::Numeric(Numeric::Second, Pad::Zero),
];

/// Shows `2025-05-18 07:01:09`.
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real(time) => time.format_with_items(TO_THE_SECOND.iter()).fmt(f),
            Self::Impossible(text) => f.write_str(text),
        }
    }
}

/// One record of a terminal, and where it came from. [`normalize`](crate::normalize()) makes an event of it, or says
/// why not.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPunch {
    /// The terminal's serial number, or `name:NAME` if it never gave one.
    pub device_serial: String,
    /// The terminal's configured name.
    pub device_name: String,
    /// The user id as read, not trimmed, zeros kept; may be empty.
    pub user_id: String,
    /// The slot in the terminal's user table, if the record named the person by it alone.
    pub uid: Option<u16>,
    /// The record has the user id as a number, of which 0 is nobody's.
    pub id_is_number: bool,
    /// The terminal's wall clock.
    pub local_time: LocalTime,
    /// How the person proved who they are.
    pub verify_mode: VerifyMode,
    /// The person's declaration: in, out, break or overtime.
    pub punch_state: PunchState,
    /// A job number keyed in; `None` if the layout has none.
    pub work_code: Option<u32>,
    /// How it reached us.
    pub source: Source,
    /// Terminal's clock less the true time, in milliseconds, when it was read.
    pub clock_drift_ms: Option<i64>,
    /// The record as the terminal sent it.
    pub raw: Vec<u8>,
}

impl RawPunch {
    /// A punch with what every record has. The other fields are empty: no slot, verify mode 0, punch state 255, no work
    /// code, no drift, no bytes. Set those that are known.
    #[must_use]
    pub fn new(
        device_serial: impl Into<String>,
        device_name: impl Into<String>,
        user_id: impl Into<String>,
        local_time: impl Into<LocalTime>,
        source: Source,
    ) -> Self {
        Self {
            device_serial: device_serial.into(),
            device_name: device_name.into(),
            user_id: user_id.into(),
            uid: None,
            id_is_number: false,
            local_time: local_time.into(),
            verify_mode: VerifyMode(0),
            punch_state: PunchState(255),
            work_code: None,
            source,
            clock_drift_ms: None,
            raw: Vec::new(),
        }
    }

    /// Returns true if the record names nobody: its id is an empty text, or the number 0 (slot 0 of the user table, or
    /// a user id that is no text). As text, `0` is an id that somebody keyed in.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        let number = self.uid == Some(0) || self.id_is_number;
        (self.user_id.is_empty() && self.unknown_slot().is_none()) || (number && self.user_id == "0")
    }

    /// The slot of the terminal's user table that the record names its person by, if nobody there has an id.
    #[must_use]
    pub fn unknown_slot(&self) -> Option<u16> {
        self.uid.filter(|slot| *slot != 0 && self.user_id.is_empty())
    }
}
