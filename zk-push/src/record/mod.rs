//! Records: what the lines of an upload say.

mod attendance;

pub use attendance::{AttendanceRecord, Columns, Flag, Form, Jobs};
