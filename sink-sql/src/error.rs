//! A database's errors as the sink's: what sort of failure, and what to try next.

use attendance_model::{SinkError, SinkErrorKind};

/// An SQLite error while `doing` something to `target`.
#[cfg(feature = "sqlite")]
pub(crate) fn from_sqlite(doing: &str, target: &str, cause: rusqlite::Error) -> SinkError {
    use rusqlite::ErrorCode as Code;
    use rusqlite::ffi::SQLITE_ERROR;
    let (kind, mend) = match cause.sqlite_error() {
        Some(error) => match error.code {
            Code::DatabaseBusy | Code::DatabaseLocked => {
                (SinkErrorKind::Busy, "another program holds the file locked: end it, or let it finish")
            }
            Code::DiskFull => (SinkErrorKind::Full, "make room on the disk; nothing is lost meanwhile"),
            Code::ReadOnly => {
                (SinkErrorKind::ReadOnly, "let this user write the file and its directory, and mount the disk writable")
            }
            Code::CannotOpen | Code::PermissionDenied => {
                (SinkErrorKind::Rights, "let this user read and write the file and its directory")
            }
            Code::NotADatabase => (SinkErrorKind::Schema, "name another file: this one is not an SQLite database"),
            Code::DatabaseCorrupt => (
                SinkErrorKind::Schema,
                "move the file away and run again for a new one, then replay; `sqlite3 FILE .recover` salvages the old one",
            ),
            Code::SystemIoFailure => (SinkErrorKind::Unreachable, "check the disk, and whether it is still mounted"),
            Code::OperationInterrupted => {
                (SinkErrorKind::TimedOut, "set a longer `timeout`, or move the file to a faster disk")
            }
            // Such as a missing table or column, or an id without a unique index.
            Code::Unknown if error.extended_code == SQLITE_ERROR => {
                (SinkErrorKind::Schema, "the table is not as this program made it: set another `table`")
            }
            _ => (SinkErrorKind::Invalid, "this is a fault of this program: please report it"),
        },
        None => (SinkErrorKind::Invalid, "this is a fault of this program: please report it"),
    };
    SinkError::new(kind, format!("cannot {doing} {target}")).mend(mend).because(cause)
}

/// A call that did not end in time.
pub(crate) fn timed_out(doing: &str, target: &str, after: std::time::Duration) -> SinkError {
    SinkError::new(SinkErrorKind::TimedOut, format!("cannot {doing} {target}: no answer within {after:?}"))
        .mend("set a longer `timeout`, or see what keeps the database busy")
}
