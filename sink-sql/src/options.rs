//! The sink's URL and settings.

use std::path::PathBuf;
use std::time::Duration;

use attendance_model::{IdScheme, OptionsError, Settings, SinkUrl};

use crate::server::{self, Kind, Server};
use crate::table::{self, Table};

/// The options of a sink, made of a URL and settings. Prints without secrets.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    name: String,
    place: Place,
    table: Table,
    ids: IdScheme,
    names: bool,
    timeout: Duration,
}

/// The database.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file, by its absolute path.
    Sqlite(PathBuf),
    /// PostgreSQL, MySQL or MariaDB.
    Server(Server),
}

/// Settings that every database takes.
const COMMON: [&str; 4] = ["table", "ids", "names", "timeout"];

impl SqlOptions {
    /// Reads the URL and settings of the sink `name`: `sqlite:PATH` (a relative path is taken from the current
    /// directory), `postgres://USER@HOST:PORT/DATABASE` or `mysql://…`, also written `mariadb://…`. Contacts nothing.
    ///
    /// Settings of every database: `table` (default `attendance_events`), `ids` (`full`, the default, or
    /// `iclock-sync-v1`), `names` (`true` for a table of people next to the events; `false` is the default) and the
    /// `timeout` of one call (default `30s`). Of servers: `password`, `tls` (`disable`,
    /// `prefer`, the default, `require` or `verify-full`), `tls_ca` (a PEM file) and `pool` (connections at most,
    /// default 4); of PostgreSQL: `schema`. All but the password may also follow the URL, as in
    /// `sqlite:att.db?table=punches`.
    ///
    /// # Errors
    /// [`OptionsError`] names the key, what is wrong with it and what to write instead; never a secret.
    pub fn parse(name: &str, url: &str, settings: Settings) -> Result<Self, OptionsError> {
        let url = SinkUrl::split(url);
        let mut settings = settings.and_query(url.query)?;
        let mut table = Table::parse(settings.take("table").as_deref().unwrap_or(table::DEFAULT))?;
        let ids = settings.take_ids()?.unwrap_or_default();
        let names = settings.take_names()?;
        let timeout = settings.take_timeout()?.unwrap_or(Duration::from_secs(30));
        let mut known = COMMON.to_vec();
        let kind = Kind::of_scheme(url.scheme);
        if kind == Some(Kind::Postgres) {
            known.push("schema");
            if let Some(schema) = settings.take("schema") {
                table = table.in_schema(&schema)?;
            }
        } else if table.schema().is_some() {
            return Err(OptionsError::new("table", "only PostgreSQL has schemas").hint("write the table's name alone"));
        }
        let place = match (url.scheme, kind) {
            ("sqlite", _) => sqlite_place(url.path)?,
            (_, Some(kind)) => {
                known.extend(server::SETTINGS);
                Place::Server(Server::parse(kind, url.address, &mut settings)?)
            }
            _ => {
                let hint = "write sqlite:PATH, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE";
                return Err(OptionsError::new("url", "begins with no database that this sink knows").hint(hint));
            }
        };
        settings.finish(&known)?;
        Ok(Self { name: name.to_owned(), place, table, ids, names, timeout })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn ids(&self) -> IdScheme {
        self.ids
    }

    /// True if people's names are wanted.
    pub(crate) fn names(&self) -> bool {
        self.names
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Kind, host, database or path, and table; no credentials.
    pub(crate) fn target(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => format!("sqlite:{}#{}", path.display(), self.table),
            Place::Server(server) => format!("{}#{}", server.target(), self.table),
        }
    }
}

fn sqlite_place(path: &str) -> Result<Place, OptionsError> {
    if !cfg!(feature = "sqlite") {
        return Err(OptionsError::not_compiled("sqlite", "sink-sql"));
    }
    // sqlite://relative and sqlite:///absolute are what other programs write.
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() {
        return Err(OptionsError::new("url", "names no file").hint("write sqlite:PATH, such as sqlite:attendance.db"));
    }
    if path == ":memory:" {
        return Err(OptionsError::new("url", "a database in memory would be lost with the program").hint("name a file"));
    }
    let path = std::path::absolute(path).map_err(|error| {
        OptionsError::new("url", format!("{path:?} cannot be made absolute: {error}")).hint("write an absolute path")
    })?;
    Ok(Place::Sqlite(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<SqlOptions, OptionsError> {
        SqlOptions::parse("test", url, Settings::default())
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_relative_path_and_its_absolute_form_are_one_target() {
        let absolute = std::env::current_dir().unwrap().join("att.db");
        let expected = format!("sqlite:{}#attendance_events", absolute.display());
        assert_eq!(parse("sqlite:att.db").unwrap().target(), expected);
        assert_eq!(parse("sqlite://att.db").unwrap().target(), expected);
        assert_eq!(parse(&format!("sqlite:{}", absolute.display())).unwrap().target(), expected);
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn settings_come_from_the_url_or_beside_it_but_not_both() {
        assert_eq!(
            parse("sqlite:a.db?table=x&ids=iclock-sync-v1&timeout=2m").unwrap().timeout(),
            Duration::from_secs(120)
        );
        let beside = Settings::new([("table".to_owned(), "y".to_owned())]);
        assert_eq!(SqlOptions::parse("t", "sqlite:a.db?table=x", beside).unwrap_err().key, "table");
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn what_cannot_be_used_is_named_by_its_key() {
        for (url, key) in [
            ("sqlite:", "url"),
            ("sqlite::memory:", "url"),
            ("sqlite:a.db?table=a.b", "table"),
            ("sqlite:a.db?table=a;b", "table"),
            ("sqlite:a.db?ids=md5", "ids"),
            ("sqlite:a.db?names=yes", "names"),
            ("sqlite:a.db?timeout=0s", "timeout"),
            ("sqlite:a.db?pool=3", "pool"),
            ("oracle://db", "url"),
            ("sqlite:a.db?password=hunter2", "url"),
        ] {
            let problem = parse(url).unwrap_err();
            assert_eq!(problem.key, key, "{url}");
            assert!(problem.hint.is_some(), "{url}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{url}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_server_is_named_without_the_way_to_sign_in() {
        let options = parse("postgres://me:hunter2@[::1]/a%20b?table=hr.x&pool=2").unwrap();
        assert_eq!(options.target(), "postgres://[::1]:5432/a b#hr.x");
        assert!(!format!("{options:?}").contains("hunter2"));
        let beside = || Settings::new([("password".to_owned(), "hunter2".to_owned())]);
        let options = SqlOptions::parse("test", "postgresql://me@db.example:99/a?schema=hr", beside()).unwrap();
        assert_eq!(options.target(), "postgres://db.example:99/a#hr.attendance_events");
        assert!(!format!("{options:?}").contains("hunter2"));
        assert_eq!(SqlOptions::parse("test", "postgres://me:x@db/a", beside()).unwrap_err().key, "password");
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn what_a_server_cannot_use_is_named_by_its_key() {
        for (url, key) in [
            ("mysql:", "url"),
            ("mysql://db.example/a", "url"),
            ("mysql://me@db.example", "url"),
            ("mysql://me@db.example/a/b", "url"),
            ("mysql://me:hunter2@db.example:port/a", "url"),
            ("mysql://me:hunter2@/a", "url"),
            ("mysql://me@db.example/a?schema=x", "schema"),
            ("mysql://me@db.example/a?table=x.y", "table"),
            ("mysql://me@db.example/a?tls=yes", "tls"),
            ("mysql://me@db.example/a?tls_ca=/no/such/file", "tls_ca"),
            ("mysql://me@db.example/a?tls=require&tls_ca=Cargo.toml", "tls_ca"),
            ("mysql://me@db.example/a?pool=0", "pool"),
            ("mysql://me@db.example/a?password=hunter2", "url"),
            ("mysql://me@db.example/a?sslmode=require", "sslmode"),
        ] {
            let problem = parse(url).unwrap_err();
            assert_eq!(problem.key, key, "{url}");
            assert!(problem.hint.is_some(), "{url}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{url}");
        }
    }

    #[cfg(not(feature = "sqlite"))]
    #[test]
    fn a_database_that_was_not_built_in_names_its_feature() {
        assert!(parse("sqlite:att.db").unwrap_err().hint.unwrap().contains("feature sqlite"));
    }
}
