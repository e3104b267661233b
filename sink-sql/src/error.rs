//! A database's errors as the sink's: their kind and their hint.

use attendance_model::{SinkError, SinkErrorKind};

/// An SQLite error while `doing` something to `target`.
#[cfg(feature = "sqlite")]
pub(crate) fn from_sqlite(doing: &str, target: &str, cause: rusqlite::Error) -> SinkError {
    use rusqlite::ErrorCode as Code;
    use rusqlite::ffi::SQLITE_ERROR;
    let failure = match &cause {
        // A statement that does not fit the tables.
        rusqlite::Error::SqlInputError { error, .. } => Some(error),
        other => other.sqlite_error(),
    };
    let (kind, hint) = match failure {
        Some(error) => match error.code {
            Code::DatabaseBusy | Code::DatabaseLocked => {
                (SinkErrorKind::Busy, "another program holds the file locked: end it, or let it finish")
            }
            Code::DiskFull => (SinkErrorKind::Full, "make room on the disk; nothing is lost meanwhile"),
            Code::ReadOnly => (SinkErrorKind::ReadOnly, FILE_READ_ONLY),
            Code::CannotOpen | Code::PermissionDenied => {
                (SinkErrorKind::Rights, "let this user read and write the file and its directory")
            }
            Code::NotADatabase => (SinkErrorKind::Schema, "name another file: this one is not an SQLite database"),
            Code::DatabaseCorrupt => (
                SinkErrorKind::Schema,
                "move the file away and run again for a new one, then replay; \
                 `sqlite3 FILE .recover` salvages the old one",
            ),
            Code::SystemIoFailure => (SinkErrorKind::Unreachable, "check the disk, and whether it is still mounted"),
            Code::OperationInterrupted => {
                (SinkErrorKind::TimedOut, "set a longer `timeout`, or move the file to a faster disk")
            }
            Code::Unknown
                if cause.to_string().contains("already exists") || cause.to_string().contains("there is already") =>
            {
                (SinkErrorKind::Schema, NAME_TAKEN)
            }
            // Such as a missing table or column, or an id without a unique index.
            Code::Unknown if error.extended_code == SQLITE_ERROR => (SinkErrorKind::Schema, FOREIGN_TABLE),
            _ => (SinkErrorKind::Invalid, OUR_FAULT),
        },
        None => (SinkErrorKind::Invalid, OUR_FAULT),
    };
    SinkError::new(kind, format!("cannot {doing} {target}")).hint(hint).because(cause)
}

/// The hint for an SQLite file that cannot be written.
#[cfg(feature = "sqlite")]
pub(crate) const FILE_READ_ONLY: &str = "let this user write the file and its directory, and mount the disk writable";

/// Finds the kind of a server's error, and its hint.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) type Classify = fn(&dyn sqlx::error::DatabaseError) -> (SinkErrorKind, &'static str);

/// A driver's error while `doing` something to `target`.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn from_sqlx(doing: &str, target: &str, classify: Classify, cause: sqlx::Error) -> SinkError {
    use sqlx::Error as Cause;
    let (kind, hint) = match &cause {
        Cause::Database(error) => classify(error.as_ref()),
        // What the TLS library says of a certificate comes as invalid data.
        Cause::Io(_) | Cause::Tls(_) if speaks_of_certificate(&cause) => (SinkErrorKind::Certificate, CERTIFICATE),
        Cause::Tls(_) => (SinkErrorKind::Unreachable, TLS),
        Cause::Io(_) => (
            SinkErrorKind::Unreachable,
            "check that the server runs, its host and port, and that no firewall blocks it",
        ),
        Cause::ColumnDecode { .. } | Cause::Decode(_) => (SinkErrorKind::Schema, FOREIGN_TABLE),
        Cause::Protocol(_) => (SinkErrorKind::Unreachable, "check that host and port are those of the database server"),
        _ => (SinkErrorKind::Invalid, OUR_FAULT),
    };
    let error = SinkError::new(kind, format!("cannot {doing} {target}")).hint(hint);
    match cause {
        // The driver would add the line of the server's own source.
        Cause::Database(said) => error.because(format!("{} ({})", said.message(), said.code().unwrap_or_default())),
        cause => error.because(cause),
    }
}

const FOREIGN_TABLE: &str = "the table is not as this program made it: set another `table`";
const OUR_FAULT: &str = "this is a fault of this program: please report it";
const TABLE_GONE: &str = "the table is gone: start this program again, which makes it again, then replay";
const TLS: &str = "let the server offer TLS, or set `tls` to prefer or disable";
const CERTIFICATE: &str =
    "renew the server's certificate, name the host that it was made for, or name certificates to trust with `tls_ca`";
/// The hint if a name that a migration needs is taken.
pub(crate) const NAME_TAKEN: &str =
    "rename what has that name, or set another `table`: views and indexes are named after it";
const NO_ROOM: &str = "make room on the server's disk; nothing is lost meanwhile";
const SIGN_IN: &str = "check the user in the URL, `password`, and from where the server lets this user in";
const GRANT: &str = "let an administrator grant this user SELECT and INSERT on the table, and CREATE to make it";
const NO_DATABASE: &str = "create the database on the server, or correct its name in the URL";
const TOO_BUSY: &str = "wait, or let the server take more connections; `pool` limits ours";
const LOCKED: &str = "see which program holds locks on the table";
const READ_ONLY: &str = "name the primary server: this one is a replica, or set to be read only";
const TOO_SLOW: &str = "set a longer `timeout`, or see what keeps the server busy";
const GOING_DOWN: &str = "wait until the server runs again";

/// Expired, not trusted, or for another name.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn speaks_of_certificate(cause: &sqlx::Error) -> bool {
    let mut said = Some(cause as &dyn std::error::Error);
    while let Some(error) = said {
        if error.to_string().contains("certificate") {
            return true;
        }
        said = error.source();
    }
    false
}

/// PostgreSQL's, by SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
pub(crate) fn sqlstate(error: &dyn sqlx::error::DatabaseError) -> (SinkErrorKind, &'static str) {
    let code = error.code().unwrap_or_default();
    match code.as_ref() {
        "28P01" | "28000" => (SinkErrorKind::Credentials, SIGN_IN),
        "3D000" => (SinkErrorKind::Missing, NO_DATABASE),
        "3F000" => (SinkErrorKind::Missing, "create the schema, or correct `schema`"),
        "42501" => (SinkErrorKind::Rights, GRANT),
        "53100" => (SinkErrorKind::Full, NO_ROOM),
        "25006" => (SinkErrorKind::ReadOnly, READ_ONLY),
        "57014" => (SinkErrorKind::TimedOut, TOO_SLOW),
        "55P03" | "40001" | "40P01" => (SinkErrorKind::Busy, LOCKED),
        "57P03" => (SinkErrorKind::Busy, GOING_DOWN),
        "57P01" | "57P02" => (SinkErrorKind::Unreachable, GOING_DOWN),
        "42P01" => (SinkErrorKind::Missing, TABLE_GONE),
        // A missing column, other types, no unique index on the id, a column of somebody else's without a default.
        // Something of somebody else's has the name of a view or an index.
        "42P07" | "42710" => (SinkErrorKind::Schema, NAME_TAKEN),
        "42703" | "42804" | "42809" | "42P10" | "23502" => (SinkErrorKind::Schema, FOREIGN_TABLE),
        code => match code.get(..2) {
            Some("08" | "58") => (SinkErrorKind::Unreachable, GOING_DOWN),
            Some("53") => (SinkErrorKind::Busy, TOO_BUSY),
            _ => (SinkErrorKind::Invalid, OUR_FAULT),
        },
    }
}

/// Those of MySQL and MariaDB, by number: <https://mariadb.com/kb/en/mariadb-error-codes/>.
#[cfg(feature = "mysql")]
pub(crate) fn mysql_number(error: &dyn sqlx::error::DatabaseError) -> (SinkErrorKind, &'static str) {
    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |error| error.number()) {
        1045 | 1130 | 1251 | 1524 | 1698 => (SinkErrorKind::Credentials, SIGN_IN),
        1044 | 1142 | 1143 | 1227 => (SinkErrorKind::Rights, GRANT),
        1049 => (SinkErrorKind::Missing, NO_DATABASE),
        1021 | 1041 | 1114 => (SinkErrorKind::Full, NO_ROOM),
        1290 | 1792 | 1836 => (SinkErrorKind::ReadOnly, READ_ONLY),
        1317 | 1969 | 3024 => (SinkErrorKind::TimedOut, TOO_SLOW),
        1205 | 1213 => (SinkErrorKind::Busy, LOCKED),
        1040 | 1203 | 1226 => (SinkErrorKind::Busy, TOO_BUSY),
        1053 | 1152 | 1158..=1161 | 1927 => (SinkErrorKind::Unreachable, GOING_DOWN),
        1129 => {
            (SinkErrorKind::Busy, "the server blocks this host after failed attempts: let an administrator FLUSH HOSTS")
        }
        1153 => (SinkErrorKind::Invalid, "let the server take larger packets: max_allowed_packet of 16 MB or more"),
        1146 => (SinkErrorKind::Missing, TABLE_GONE),
        1050 => (SinkErrorKind::Schema, NAME_TAKEN),
        // A missing column, a column of somebody else's without a default, a unique key on something else.
        1054 | 1062 | 1072 | 1364 => (SinkErrorKind::Schema, FOREIGN_TABLE),
        _ => (SinkErrorKind::Invalid, OUR_FAULT),
    }
}

/// A call that did not end in time.
pub(crate) fn timed_out(doing: &str, target: &str, after: std::time::Duration) -> SinkError {
    SinkError::new(SinkErrorKind::TimedOut, format!("cannot {doing} {target}: no answer within {after:?}"))
        .hint("set a longer `timeout`, or see what keeps the database busy")
}
