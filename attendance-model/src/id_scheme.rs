//! The kinds of ids: the key of an event, and the document id that a sink may use instead.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AttendanceEvent, EventId};

/// The kind of id that a sink's documents or rows have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IdScheme {
    /// The event's key: every punch of every terminal is a document of its own.
    #[default]
    #[serde(rename = "full")]
    Full,
    /// The Python tool's: MD5 of `<user id>_<local time>`. Punches of one person in one second fall together, whatever
    /// the terminal, state or mode.
    #[serde(rename = "iclock-sync-v1")]
    IclockSyncV1,
}

impl IdScheme {
    /// The id that an event has under this scheme.
    #[must_use]
    pub fn id_of(self, event: &AttendanceEvent) -> EventId {
        match self {
            Self::Full => event.id,
            Self::IclockSyncV1 => EventId::iclock_sync_v1(&event.user_id, event.local_time),
        }
    }
}

impl fmt::Display for IdScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::IclockSyncV1 => "iclock-sync-v1",
        })
    }
}

/// Text that is not a scheme's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither full nor iclock-sync-v1")]
pub struct UnknownIdScheme;

impl FromStr for IdScheme {
    type Err = UnknownIdScheme;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "full" => Ok(Self::Full),
            "iclock-sync-v1" => Ok(Self::IclockSyncV1),
            _ => Err(UnknownIdScheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_read_back_from_its_name() {
        for scheme in [IdScheme::Full, IdScheme::IclockSyncV1] {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
        }
        assert_eq!("v1".parse::<IdScheme>(), Err(UnknownIdScheme));
    }
}
