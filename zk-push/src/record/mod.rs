//! Records: what the lines of an upload say.

mod attendance;
mod keyed;
mod operation;
mod photo;

pub use attendance::{AttendanceRecord, Columns, Flag, Form, Jobs};
pub use keyed::{KeyedRecord, Kind};
pub use operation::OperationRecord;
pub use photo::{Photo, PhotoError};
