//! A decoded record as a row.

use attendance_model::LocalTime;
use zk_proto::proof::Grade;
use zk_proto::record::{AttendanceRecord, Who};

use crate::output::printable;
use crate::output::sheet::{Cell, Column};

pub(super) const COLUMNS: [Column; 9] = [
    Column::new("number", "no"),
    Column::new("grade", "grade"),
    Column::new("user_id", "user id"),
    Column::new("uid", "slot"),
    Column::new("local_time", "time on the terminal"),
    Column::new("punch_state", "state"),
    Column::new("verify_mode", "mode"),
    Column::new("work_code", "work code"),
    Column::detail("raw", "raw bytes"),
];

/// A record with its number from 1, and how believable it is. The time is a text, because it may be no date.
pub(super) fn row(number: u64, grade: &str, record: &AttendanceRecord) -> Vec<Cell> {
    let (id, uid) = match &record.who {
        Who::UserId(id) => (Cell::text(printable(id.as_str())), Cell::Empty),
        Who::Uid(uid) => (Cell::Empty, Cell::Number(uid.0.into())),
    };
    vec![
        Cell::Number(i64::try_from(number).unwrap_or(i64::MAX)),
        Cell::text(grade),
        id,
        uid,
        Cell::text(LocalTime::from(record.time).to_string()),
        Cell::Number(record.punch_state.0.into()),
        Cell::Number(record.verify_mode.0.into()),
        Cell::number(record.work_code),
        Cell::text(record.raw.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    ]
}

pub(super) fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Neutral => "neutral",
        Grade::Bad => "bad",
    }
}
