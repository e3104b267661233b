//! PostgreSQL: one array per column, one statement per batch, which is a transaction of its own.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use attendance_model::{EventId, NamedPerson, Notice, SinkError};
use chrono::NaiveDate;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::pool::{Fault, Pool};
use super::{Dialect, Span, counts, in_lock_order};
use crate::error::{from_sqlx, sqlstate};
use crate::mapping::{COLUMNS, Limits, Row};
use crate::migration::{self, Migration, POSTGRES, POSTGRES_PEOPLE};
use crate::options::SqlOptions;
use crate::people;
use crate::server::{Server, Tls, without_mark};
use crate::table::Table;
use crate::version::{self, Product};

/// The columns' types, in the order of [`COLUMNS`].
const TYPES: [&str; COLUMNS.len()] = [
    "text",
    "text",
    "text",
    "text",
    "timestamp",
    "timestamptz",
    "text",
    "smallint",
    "smallint",
    "bigint",
    "text",
    "text",
    "bigint",
    "bytea",
];

/// Rows per statement at which it is fastest.
const BATCH: usize = 5_000;

const LIMITS: Limits = Limits::NONE;

/// A table on a PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool<PgConnection>,
    table: Table,
    target: String,
}

impl Postgres {
    pub(crate) fn open(server: &Server, options: &SqlOptions) -> Self {
        // Milliseconds. Half, so that a lock is reported as one and not as the end of the whole call's time.
        let statement_timeout = options.timeout().as_millis().to_string();
        let lock_timeout = (options.timeout().as_millis() / 2).to_string();
        let mut connect = PgConnectOptions::new_without_pgpass()
            .host(&server.host)
            .port(server.port)
            .username(&server.user)
            .database(&server.database)
            .application_name("sink-sql")
            .options([("lock_timeout", &lock_timeout), ("statement_timeout", &statement_timeout)])
            .ssl_mode(match server.tls {
                Tls::Disable => PgSslMode::Disable,
                Tls::Prefer => PgSslMode::Prefer,
                Tls::Require => PgSslMode::Require,
                Tls::VerifyFull => PgSslMode::VerifyFull,
            });
        if let Some(password) = &server.password {
            connect = connect.password(password.expose());
        }
        if let Some(file) = &server.tls_ca {
            connect = match without_mark(file) {
                Some(pem) => connect.ssl_root_cert_from_pem(pem),
                None => connect.ssl_root_cert(file),
            };
        }
        // Every statement would be logged with all its values, and a batch of thousands is slow by its nature.
        let connect = connect.disable_statement_logging();
        let pool = Pool::new(options, server.pool, sqlstate, move || {
            let connect = connect.clone();
            Box::pin(async move { PgConnection::connect_with(&connect).await })
        });
        Self { pool, table: options.table().clone(), target: options.target() }
    }

    async fn take(&self, step: &Migration, table: &Table, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(step.statements(table, '"'))).execute(&mut *connection).await?;
        let record = format!("INSERT INTO {} (version) VALUES ($1)", table.version_table('"'));
        sqlx::query(AssertSqlSafe(record)).bind(step.version).execute(connection).await.map(|_| ())
    }

    /// Older ones know no `ON CONFLICT`.
    async fn check_server(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(connection).await?;
        Ok(version::check(Product::PostgreSql, &version, &self.target)?)
    }

    /// The insert of what `rows` yields.
    fn insert_from(&self, rows: &str) -> String {
        format!(
            "INSERT INTO {} ({}) {rows} ON CONFLICT (event_id) DO NOTHING RETURNING event_id",
            self.table.quoted('"'),
            COLUMNS.join(", "),
        )
    }
}

impl Postgres {
    async fn prepare_on(&self, connection: &mut PgConnection) -> Result<Vec<Notice>, Fault> {
        let columns = COLUMNS.join(", ");
        let nothing = self.insert_from(&format!("SELECT {columns} FROM {} WHERE false", self.table.quoted('"')));
        self.bring_up(connection, &self.table, POSTGRES, nothing).await
    }

    async fn prepare_people_on(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        let (table, columns) = (self.table.people(), people::COLUMNS.join(", "));
        let nothing = self.put_from(&format!("SELECT {columns} FROM {} WHERE false", table.quoted('"')));
        self.bring_up(connection, &table, POSTGRES_PEOPLE, nothing).await.map(|_| ())
    }

    /// The statement that puts the people that `rows` yields.
    fn put_from(&self, rows: &str) -> String {
        let table = self.table.people().quoted('"');
        format!(
            "INSERT INTO {table} AS p ({}) {rows} ON CONFLICT (device_serial, user_id) DO UPDATE
             SET device_name = excluded.device_name, name = excluded.name, seen_at = excluded.seen_at
             WHERE excluded.seen_at > p.seen_at",
            people::COLUMNS.join(", "),
        )
    }

    async fn put_people_on(&self, connection: &mut PgConnection, people: &[NamedPerson]) -> Result<(), Fault> {
        fn column<'p, T>(people: &'p [NamedPerson], value: impl Fn(&'p NamedPerson) -> T) -> Vec<T> {
            people.iter().map(value).collect()
        }
        let rows = "SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])";
        sqlx::query(AssertSqlSafe(self.put_from(rows)))
            .bind(column(people, |person| person.device_serial.as_str()))
            .bind(column(people, |person| person.user_id.as_str()))
            .bind(column(people, |person| person.device_name.as_str()))
            .bind(column(people, |person| person.name.as_str()))
            .bind(column(people, |person| person.seen_at))
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Takes the steps that a table has not taken. `nothing` is a statement that writes nothing into it, and shows
    /// whether it could.
    async fn bring_up(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        steps: &[Migration],
        nothing: String,
    ) -> Result<Vec<Notice>, Fault> {
        self.check_server(connection).await?;
        let (quoted, versions) = (table.quoted('"'), table.version_table('"'));
        let mut transaction = connection.begin().await?;
        // Others that start at the same moment wait here.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("sink-sql {versions}"))
            .execute(&mut *transaction)
            .await?;
        // Not "IF NOT EXISTS" alone: that asks for the right to create where nothing has to be created.
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&versions)
            .fetch_one(&mut *transaction)
            .await?;
        if !exists {
            let create = format!("CREATE TABLE {versions} (version bigint NOT NULL PRIMARY KEY)");
            sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
        }
        let newest = format!("SELECT coalesce(max(version), 0) FROM {versions}");
        let mut found: i64 = sqlx::query_scalar(AssertSqlSafe(newest)).fetch_one(&mut *transaction).await?;
        let there: bool =
            sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(&quoted).fetch_one(&mut *transaction).await?;
        if found > 0 && !there {
            // Somebody dropped the table and left this one.
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {versions}"))).execute(&mut *transaction).await?;
            found = 0;
        }
        let mut notices = Vec::new();
        for step in migration::pending(steps, found, &self.target, table)? {
            // What fails within is undone, and the rest goes on.
            let mut savepoint = transaction.begin().await?;
            match self.take(step, table, &mut savepoint).await {
                Ok(()) => savepoint.commit().await?,
                Err(cause) => {
                    savepoint.rollback().await?;
                    let failure = from_sqlx("prepare", &self.target, sqlstate, cause);
                    notices.push(step.put_off(failure, &self.target)?);
                    break;
                }
            }
        }
        // Missing rights, a table that somebody else made and a server that only reads show themselves here.
        sqlx::query(AssertSqlSafe(nothing)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(notices)
    }

    async fn insert_on(&self, connection: &mut PgConnection, rows: &[Row]) -> Result<HashSet<EventId>, Fault> {
        fn column<'r, T>(rows: &'r [Row], value: impl Fn(&'r Row) -> T) -> Vec<T> {
            rows.iter().map(value).collect()
        }
        let arrays: Vec<_> = TYPES.iter().enumerate().map(|(i, kind)| format!("${}::{kind}[]", i + 1)).collect();
        let statement = self.insert_from(&format!("SELECT * FROM UNNEST({})", arrays.join(", ")));
        let stored: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(column(rows, |row| row.id.to_string()))
            .bind(column(rows, |row| row.event.device_serial.as_str()))
            .bind(column(rows, |row| row.event.device_name.as_str()))
            .bind(column(rows, |row| row.event.user_id.as_str()))
            .bind(column(rows, |row| row.event.local_time))
            .bind(column(rows, |row| row.event.instant.map(|instant| instant.utc)))
            .bind(column(rows, |row| row.event.instant.map(|instant| instant.zone.name())))
            .bind(column(rows, |row| i16::from(row.event.verify_mode.0)))
            .bind(column(rows, |row| i16::from(row.event.punch_state.0)))
            .bind(column(rows, |row| row.event.work_code.map(i64::from)))
            .bind(column(rows, |row| row.event.source.as_str()))
            .bind(column(rows, |row| row.flags.as_str()))
            .bind(column(rows, |row| row.event.clock_drift_ms))
            .bind(column(rows, |row| row.event.raw.as_slice()))
            .fetch_all(connection)
            .await?;
        Ok(stored.iter().filter_map(|id| id.parse().ok()).collect())
    }

    async fn find_on(&self, connection: &mut PgConnection, ids: &[EventId]) -> Result<HashSet<EventId>, Fault> {
        let question = format!("SELECT event_id FROM {} WHERE event_id = ANY($1)", self.table.quoted('"'));
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(question))
            .bind(ids.iter().map(EventId::to_string).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
    }

    async fn count_on(&self, connection: &mut PgConnection, span: Span) -> Result<HashMap<NaiveDate, u64>, Fault> {
        let question = format!(
            "SELECT local_time::date, count(*) FROM {} WHERE local_time >= $1 AND local_time < $2 GROUP BY 1",
            self.table.quoted('"')
        );
        let query = sqlx::query_as(AssertSqlSafe(question)).bind(span.from).bind(span.before);
        let rows: Vec<(NaiveDate, i64)> = query.fetch_all(connection).await?;
        Ok(counts(rows))
    }
}

#[async_trait]
impl Dialect for Postgres {
    fn limits(&self) -> &'static Limits {
        &LIMITS
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn concurrency(&self) -> usize {
        self.pool.size()
    }

    async fn prepare(&self) -> Result<Vec<Notice>, SinkError> {
        self.pool.run("prepare", |mut on| Box::pin(async move { (self.prepare_on(&mut on).await, on) })).await
    }

    async fn insert(&self, rows: Vec<Row>) -> Result<HashSet<EventId>, SinkError> {
        let rows = &in_lock_order(rows);
        self.pool.run("write to", |mut on| Box::pin(async move { (self.insert_on(&mut on, rows).await, on) })).await
    }

    async fn find(&self, ids: &[EventId]) -> Result<HashSet<EventId>, SinkError> {
        self.pool.run("look into", |mut on| Box::pin(async move { (self.find_on(&mut on, ids).await, on) })).await
    }

    async fn count(&self, span: Span) -> Result<HashMap<NaiveDate, u64>, SinkError> {
        self.pool.run("look into", |mut on| Box::pin(async move { (self.count_on(&mut on, span).await, on) })).await
    }

    async fn prepare_people(&self) -> Result<(), SinkError> {
        self.pool.run("prepare", |mut on| Box::pin(async move { (self.prepare_people_on(&mut on).await, on) })).await
    }

    async fn put_people(&self, people: Vec<NamedPerson>) -> Result<(), SinkError> {
        let people = &people;
        self.pool
            .run("write to", |mut on| Box::pin(async move { (self.put_people_on(&mut on, people).await, on) }))
            .await
    }
}
