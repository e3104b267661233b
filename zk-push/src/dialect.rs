//! The two dialects of the protocol, and what shows which one a terminal speaks.

use std::fmt;

use crate::Text;
use crate::request::{Endpoint, Head};
use crate::table::Table;

/// The dialect of a terminal. The model's name and the protocol's version decide nothing: one model speaks either,
/// depending on its firmware and on a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Time and attendance: `ATTLOG`, `OPERLOG`, answers `OK: n`.
    Attendance,
    /// Access control: registration, `rtlog`, `tabledata`, answers `table=n`.
    Access,
}

impl Dialect {
    /// Returns the dialect that a request shows, or `None` if both send such requests.
    ///
    /// `DeviceType=acc` is the strongest evidence, then the endpoints and tables that only one dialect has. A
    /// `DeviceType` may also be a word of marketing, such as `middle east`: that is the attendance dialect.
    #[must_use]
    pub fn evidence(head: &Head) -> Option<Self> {
        let kind = head.query.get("DeviceType");
        if kind.is_some_and(|kind| kind.is("acc")) {
            return Some(Self::Access);
        }
        match head.endpoint {
            Endpoint::Registry | Endpoint::Push | Endpoint::RtData | Endpoint::QueryData | Endpoint::ServiceControl => {
                return Some(Self::Access);
            }
            _ => {}
        }
        match head.table() {
            Some(Table::RtLog | Table::RtState | Table::TableData) => Some(Self::Access),
            Some(Table::AttLog | Table::OperLog) => Some(Self::Attendance),
            _ => kind.map(|_| Self::Attendance),
        }
    }

    /// Returns the dialect that a registration shows: its key `DeviceType`.
    #[must_use]
    pub fn of_device_type(kind: Option<&Text>) -> Option<Self> {
        kind.map(|kind| if kind.is("acc") { Self::Access } else { Self::Attendance })
    }
}

/// Writes `att` or `acc`, as terminals do.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attendance => "att",
            Self::Access => "acc",
        })
    }
}
