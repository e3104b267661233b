//! The versions of the events' table and of that of people, and the steps between them.

use attendance_model::{Notice, SinkError, SinkErrorKind};

use crate::table::Table;

/// One step: the statements that lead to a version, with placeholders for names.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    /// True if it only serves readers: events can be written without it.
    pub(crate) for_readers: bool,
    sql: &'static str,
}

macro_rules! migrations {
    ($(#[$attribute:meta])* $name:ident: $folder:literal) => {
        $(#[$attribute])*
        pub(crate) const $name: &[Migration] = &[
            Migration {
                version: 1,
                for_readers: false,
                sql: include_str!(concat!("../migrations/", $folder, "/0001_events.sql")),
            },
            Migration {
                version: 2,
                for_readers: true,
                sql: include_str!(concat!("../migrations/", $folder, "/0002_views.sql")),
            },
        ];
    };
    ($(#[$attribute:meta])* $name:ident: people of $folder:literal) => {
        $(#[$attribute])*
        pub(crate) const $name: &[Migration] = &[Migration {
            version: 1,
            for_readers: false,
            sql: include_str!(concat!("../migrations/", $folder, "/people/0001_people.sql")),
        }];
    };
}

migrations! {
    /// SQLite's steps, oldest first.
    #[cfg(feature = "sqlite")]
    SQLITE: "sqlite"
}
migrations! {
    /// The steps of the table of people in SQLite, oldest first.
    #[cfg(feature = "sqlite")]
    SQLITE_PEOPLE: people of "sqlite"
}
migrations! {
    /// PostgreSQL's steps, oldest first.
    #[cfg(feature = "postgres")]
    POSTGRES: "postgres"
}
migrations! {
    /// The steps of the table of people in PostgreSQL, oldest first.
    #[cfg(feature = "postgres")]
    POSTGRES_PEOPLE: people of "postgres"
}
migrations! {
    /// The steps of MySQL and MariaDB, oldest first. Their statements commit one by one: one that was taken before must
    /// do no harm when it is taken again.
    #[cfg(feature = "mysql")]
    MYSQL: "mysql"
}
migrations! {
    /// The steps of the table of people in MySQL and MariaDB, oldest first.
    #[cfg(feature = "mysql")]
    MYSQL_PEOPLE: people of "mysql"
}

impl Migration {
    /// The statements for one table.
    pub(crate) fn statements(&self, table: &Table, quote: char) -> String {
        let names = table.names(quote);
        names.iter().fold(self.sql.to_owned(), |sql, (placeholder, name)| sql.replace(placeholder, name))
    }

    /// Returns a notice if writing can go on although the step failed.
    ///
    /// # Errors
    /// The failure itself, if it is not a missing right, or if the step is needed.
    pub(crate) fn put_off(&self, failure: SinkError, target: &str) -> Result<Notice, SinkError> {
        if failure.kind != SinkErrorKind::Rights || !self.for_readers {
            return Err(failure);
        }
        let what = format!("{target} lacks what version {} adds: indexes, and views for its readers", self.version);
        Ok(Notice::new(what).hint("run this program once as the table's owner, who may CREATE"))
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
        .hint(format!("update this program, or set another `table` than {table}")));
    }
    Ok(steps.iter().filter(move |step| step.version > found))
}
