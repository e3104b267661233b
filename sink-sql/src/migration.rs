//! The versions of the events' table, and what leads from each to the next.

use attendance_model::{SinkError, SinkErrorKind};

use crate::table::Table;

/// One step: the statements that lead to a version, with `{table}` where the table's name goes.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    sql: &'static str,
}

/// SQLite's steps, oldest first.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &[Migration] =
    &[Migration { version: 1, sql: include_str!("../migrations/sqlite/0001_events.sql") }];

/// PostgreSQL's steps, oldest first.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &[Migration] =
    &[Migration { version: 1, sql: include_str!("../migrations/postgres/0001_events.sql") }];

/// The steps of MySQL and MariaDB, oldest first. Each must do no harm when it is taken twice: they commit one by one.
#[cfg(feature = "mysql")]
pub(crate) const MYSQL: &[Migration] =
    &[Migration { version: 1, sql: include_str!("../migrations/mysql/0001_events.sql") }];

impl Migration {
    /// The statements for one table.
    pub(crate) fn statements(&self, quoted_table: &str) -> String {
        self.sql.replace("{table}", quoted_table)
    }
}

/// The steps that a table of version `found` (0: there is none) has yet to take.
///
/// # Errors
/// [`SinkErrorKind::Schema`] when the table is newer than this program.
pub(crate) fn pending<'a>(
    steps: &'a [Migration],
    found: i64,
    target: &str,
    table: &Table,
) -> Result<impl Iterator<Item = &'a Migration>, SinkError> {
    let newest = steps.last().map_or(0, |step| step.version);
    if found > newest {
        return Err(SinkError::new(
            SinkErrorKind::Schema,
            format!("{target} has schema version {found}, newer than this program's {newest}"),
        )
        .mend(format!("update this program, or set another `table` than {table}")));
    }
    Ok(steps.iter().filter(move |step| step.version > found))
}
