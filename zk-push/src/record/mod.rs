//! Records: what the lines of an upload say.

mod attendance;
mod door;
mod event;
mod keyed;
mod operation;
mod photo;
mod verify;

pub use attendance::{AttendanceRecord, Columns, Flag, Form, Jobs};
pub(crate) use door::hex;
pub use door::{DoorAlarm, DoorState, Sensor};
pub use event::{AccessEvent, Band, EventTypes};
pub use keyed::{KeyedRecord, Kind};
pub use operation::OperationRecord;
pub use photo::{Photo, PhotoError};
pub use verify::{Factor, VerifyStyle};

use bytes::BytesMut;

/// A record of any table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A row of `ATTLOG`.
    Attendance(Box<AttendanceRecord>),
    /// A row of the operation log: `OPLOG`.
    Operation(OperationRecord),
    /// A row of keyed fields: users, templates, events at doors and all others.
    Keyed(KeyedRecord),
}

impl Record {
    /// Writes the record as a line, without its end.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Attendance(record) => record.write(out),
            Self::Operation(record) => record.write(out),
            Self::Keyed(record) => record.write(out),
        }
    }

    /// The attendance record, if it is one.
    #[must_use]
    pub fn attendance(&self) -> Option<&AttendanceRecord> {
        if let Self::Attendance(record) = self { Some(record) } else { None }
    }

    /// The keyed record, if it is one.
    #[must_use]
    pub fn keyed(&self) -> Option<&KeyedRecord> {
        if let Self::Keyed(record) = self { Some(record) } else { None }
    }
}
