//! MySQL and MariaDB: a plain multi-row insert, which ignores nothing.
//!
//! `INSERT IGNORE` would cut what is too long and say nothing, and under `ON DUPLICATE KEY UPDATE` the driver counts
//! duplicates as rows. So the rows go in as they are; when the server finds one of them there already, nothing of the
//! statement is stored, and it is made again without the ones that are there. New events need one statement.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use attendance_model::{EventId, NamedPerson, Notice, SinkError, SinkErrorKind};
use chrono::NaiveDate;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection};

use super::pool::{Fault, Pool};
use super::{Dialect, Span, counts, in_lock_order};
use crate::error::{NAME_TAKEN, from_sqlx, mysql_number};
use crate::mapping::{COLUMNS, Limits, Row};
use crate::migration::{self, MYSQL, MYSQL_PEOPLE, Migration};
use crate::options::SqlOptions;
use crate::people;
use crate::server::{Server, Tls, without_mark};
use crate::table::{DAILY, LATEST, Table};
use crate::version::{self, Product};

/// A statement has at most 65,535 values.
const ROWS_PER_STATEMENT: usize = 65_535 / COLUMNS.len();

/// Each time around, what stopped us is there to be seen: another writer's commit.
const TRIES: usize = 100;

/// The columns, quoted: `utc_time` is also a function's name here.
fn columns() -> String {
    COLUMNS.map(|column| format!("`{column}`")).join(", ")
}

/// Rows per call at which it is fastest.
const BATCH: usize = 2_000;

const LIMITS: Limits = Limits { device_serial: 64, device_name: 128, user_id: 64, flags: 255, raw: 255 };

/// A table on a MySQL or MariaDB server.
#[derive(Debug)]
pub(crate) struct Mysql {
    pool: Pool<MySqlConnection>,
    table: Table,
    target: String,
    /// Seconds to wait for another's lock.
    lock_wait: u64,
}

impl Mysql {
    pub(crate) fn open(server: &Server, options: &SqlOptions) -> Self {
        let lock_wait = (options.timeout().as_secs() / 2).max(1);
        // Strict: a value that does not fit is an error, whatever the server's own setting. MariaDB alone can limit a
        // statement that writes, and MariaDB alone reads the text in this comment.
        let settings = format!(
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), \
             SESSION innodb_lock_wait_timeout = {lock_wait}, SESSION lock_wait_timeout = {lock_wait} \
             /*M!100100 , SESSION max_statement_time = {} */",
            options.timeout().as_secs_f64()
        );
        let mut connect = MySqlConnectOptions::new()
            .host(&server.host)
            .port(server.port)
            .username(&server.user)
            .database(&server.database)
            .charset("utf8mb4")
            .ssl_mode(match server.tls {
                Tls::Disable => MySqlSslMode::Disabled,
                Tls::Prefer => MySqlSslMode::Preferred,
                Tls::Require => MySqlSslMode::Required,
                Tls::VerifyFull => MySqlSslMode::VerifyIdentity,
            });
        if let Some(password) = &server.password {
            connect = connect.password(password.expose());
        }
        if let Some(file) = &server.tls_ca {
            connect = match without_mark(file) {
                Some(pem) => connect.ssl_ca_from_pem(pem),
                None => connect.ssl_ca(file),
            };
        }
        // Every statement would be logged with all its values, and a batch of thousands is slow by its nature.
        let connect = connect.disable_statement_logging();
        let pool = Pool::new(options, server.pool, mysql_number, move || {
            let (connect, settings) = (connect.clone(), settings.clone());
            Box::pin(async move {
                let mut connection = MySqlConnection::connect_with(&connect).await?;
                sqlx::query(AssertSqlSafe(settings)).persistent(false).execute(&mut connection).await?;
                Ok(connection)
            })
        });
        Self { pool, table: options.table().clone(), target: options.target(), lock_wait }
    }

    /// Inserts all rows, or fails and inserts none.
    async fn insert_all(&self, connection: &mut MySqlConnection, rows: &[&Row]) -> Result<(), sqlx::Error> {
        let one_row = format!("({})", ["?"; COLUMNS.len()].join(","));
        let statement = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table.quoted('`'),
            columns(),
            vec![one_row; rows.len()].join(","),
        );
        // Only full batches come often enough to be worth the server's memory.
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(rows.len() == BATCH);
        for Row { id, event, flags } in rows {
            query = query
                .bind(id.to_string())
                .bind(&event.device_serial)
                .bind(&event.device_name)
                .bind(&event.user_id)
                .bind(event.local_time)
                .bind(event.instant.map(|instant| instant.utc.naive_utc()))
                .bind(event.instant.map(|instant| instant.zone.name()))
                .bind(event.verify_mode.0)
                .bind(event.punch_state.0)
                .bind(event.work_code)
                .bind(event.source.as_str())
                .bind(flags)
                .bind(event.clock_drift_ms)
                .bind(&event.raw);
        }
        query.execute(connection).await.map(|_| ())
    }

    /// The newest version that a table had, 0 when there is none.
    async fn version(&self, table: &Table, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        let versions = table.version_table('`');
        let newest = format!("SELECT coalesce(max(version), 0) FROM {versions}");
        match sqlx::query_scalar(AssertSqlSafe(newest)).fetch_one(&mut *connection).await {
            // Not "IF NOT EXISTS" alone: that asks for the right to create where nothing has to be created.
            Err(error) if number(&error) == Some(NO_SUCH_TABLE) => {
                let create = format!(
                    "CREATE TABLE IF NOT EXISTS {versions} (version bigint NOT NULL PRIMARY KEY) ENGINE = InnoDB"
                );
                sqlx::query(AssertSqlSafe(create)).execute(connection).await?;
                Ok(0)
            }
            Ok(found) if found > 0 && !self.is_there(table, &mut *connection).await? => {
                // Somebody dropped the table and left this one.
                sqlx::query(AssertSqlSafe(format!("DELETE FROM {versions}"))).execute(connection).await?;
                Ok(0)
            }
            other => other,
        }
    }

    async fn is_there(&self, table: &Table, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let question =
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = ?";
        let count: i64 = sqlx::query_scalar(question).bind(table.to_string()).fetch_one(connection).await?;
        Ok(count > 0)
    }

    /// Runs statement by statement, since each commits on its own: after an attempt that broke off, some are done
    /// already.
    async fn take(&self, step: &Migration, table: &Table, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let sql = step.statements(table, '`');
        for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            let taken = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection).await;
            match taken {
                Err(error) if number(&error) == Some(INDEX_EXISTS) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
        }
        let record = format!("INSERT INTO {} (version) VALUES (?)", table.version_table('`'));
        sqlx::query(AssertSqlSafe(record)).bind(step.version).execute(connection).await?;
        Ok(())
    }

    /// Drops views of ours that an earlier attempt left, and refuses if something foreign has their names.
    async fn clear_views(&self, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let question = "SELECT coalesce(v.view_definition, '') FROM information_schema.tables t
                        LEFT JOIN information_schema.views v USING (table_schema, table_name)
                        WHERE t.table_schema = database() AND t.table_name = ?";
        for view in [DAILY, LATEST].map(|view| self.table.view_name(view)) {
            let found: Option<String> =
                sqlx::query_scalar(question).bind(&view).fetch_optional(&mut *connection).await?;
            match found {
                None => {}
                Some(definition) if definition.contains(&self.table.quoted('`')) => {
                    let drop = format!("DROP VIEW `{view}`");
                    sqlx::query(AssertSqlSafe(drop)).execute(&mut *connection).await?;
                }
                Some(_) => {
                    let what = format!("cannot prepare {}: {view} is there already, and not a view of it", self.target);
                    return Err(SinkError::new(SinkErrorKind::Schema, what).hint(NAME_TAKEN).into());
                }
            }
        }
        Ok(())
    }

    async fn check_server(&self, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let version: String = sqlx::query_scalar("SELECT version()").fetch_one(connection).await?;
        let product = if version.contains("MariaDB") { Product::MariaDb } else { Product::MySql };
        Ok(version::check(product, &version, &self.target)?)
    }

    /// Without a unique key of its own, an id would be stored each time it is written.
    async fn check_key(&self, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let question = "SELECT column_name = 'event_id' FROM information_schema.statistics
                        WHERE table_schema = database() AND table_name = ? AND index_name = 'PRIMARY'";
        let columns: Vec<i64> = sqlx::query_scalar(question).bind(self.table.to_string()).fetch_all(connection).await?;
        if columns == [1] {
            return Ok(());
        }
        let problem = format!("{} has no primary key event_id", self.target);
        Err(SinkError::new(SinkErrorKind::Schema, problem).hint("set another `table`, or give this one its key").into())
    }
}

const DUPLICATE_KEY: u16 = 1062;
const NO_SUCH_TABLE: u16 = 1146;
const INDEX_EXISTS: u16 = 1061;

fn number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
        .map(|error| error.number())
}

impl Mysql {
    async fn prepare_on(&self, connection: &mut MySqlConnection) -> Result<Vec<Notice>, Fault> {
        self.lock(&self.table, &mut *connection).await?;
        let notices = self.bring_up(&mut *connection).await;
        self.unlock(&self.table, connection, notices).await
    }

    /// Checks the server, and waits until no other program prepares this table. The name of a lock has at most 64
    /// characters, and is the server's.
    async fn lock(&self, table: &Table, connection: &mut MySqlConnection) -> Result<(), Fault> {
        self.check_server(&mut *connection).await?;
        let held: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(?, ?)")
            .bind(format!("sink-sql {table}"))
            .bind(self.lock_wait)
            .fetch_one(connection)
            .await?;
        if held == Some(1) {
            return Ok(());
        }
        let problem = format!("cannot prepare {}: another program prepares it", self.target);
        Err(SinkError::new(SinkErrorKind::Busy, problem).hint("let the other program finish, or end it").into())
    }

    /// Lets other programs prepare the table again, also after a failure: the connection may live on.
    async fn unlock<T>(
        &self,
        table: &Table,
        connection: &mut MySqlConnection,
        done: Result<T, Fault>,
    ) -> Result<T, Fault> {
        let unlocked = sqlx::query("DO RELEASE_LOCK(?)").bind(format!("sink-sql {table}")).execute(connection).await;
        let done = done?;
        unlocked?;
        Ok(done)
    }

    /// Takes the steps that the table of events has not taken, and checks that it can be written to.
    async fn bring_up(&self, connection: &mut MySqlConnection) -> Result<Vec<Notice>, Fault> {
        let found = self.version(&self.table, &mut *connection).await?;
        let mut notices = Vec::new();
        for step in migration::pending(MYSQL, found, &self.target, &self.table)? {
            let taken = match self.clear_views(&mut *connection).await {
                Ok(()) => self.take(step, &self.table, &mut *connection).await,
                failed => failed,
            };
            match taken {
                Ok(()) => {}
                Err(Fault::Driver(cause)) => {
                    let failure = from_sqlx("prepare", &self.target, mysql_number, cause);
                    notices.push(step.put_off(failure, &self.target)?);
                    break;
                }
                Err(refused) => return Err(refused),
            }
        }
        // Missing rights, a table that somebody else made and a server that only reads show themselves here.
        let (table, columns) = (self.table.quoted('`'), columns());
        let nothing = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE FALSE");
        sqlx::query(AssertSqlSafe(nothing)).execute(&mut *connection).await?;
        self.check_key(&mut *connection).await?;
        Ok(notices)
    }

    async fn prepare_people_on(&self, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let table = self.table.people();
        self.lock(&table, &mut *connection).await?;
        let done = self.bring_up_people(&table, &mut *connection).await;
        self.unlock(&table, connection, done).await
    }

    async fn bring_up_people(&self, table: &Table, connection: &mut MySqlConnection) -> Result<(), Fault> {
        let found = self.version(table, &mut *connection).await?;
        for step in migration::pending(MYSQL_PEOPLE, found, &self.target, table)? {
            self.take(step, table, &mut *connection).await?;
        }
        // In a table of its own, so that no column has two meanings.
        let (quoted, columns) = (table.quoted('`'), people::COLUMNS.join(", "));
        let nobody = format!("SELECT {columns} FROM (SELECT {columns} FROM {quoted} WHERE FALSE) AS nobody");
        sqlx::query(AssertSqlSafe(self.put_from(&nobody))).execute(connection).await?;
        Ok(())
    }

    /// The statement that puts the people that `rows` yields. The assignments are made in this order: the name is
    /// compared before the time changes.
    fn put_from(&self, rows: &str) -> String {
        let table = self.table.people().quoted('`');
        let newer = |column: &str| {
            format!("{column} = IF(VALUES(seen_at) > {table}.seen_at, VALUES({column}), {table}.{column})")
        };
        format!(
            "INSERT INTO {table} ({}) {rows} ON DUPLICATE KEY UPDATE {}, {}, {}",
            people::COLUMNS.join(", "),
            newer("device_name"),
            newer("name"),
            newer("seen_at"),
        )
    }

    async fn put_people_on(&self, connection: &mut MySqlConnection, people: &[NamedPerson]) -> Result<(), Fault> {
        let one_row = format!("({})", ["?"; people::COLUMNS.len()].join(","));
        let statement = self.put_from(&format!("VALUES {}", vec![one_row; people.len()].join(",")));
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        for NamedPerson { device_serial, device_name, user_id, name, seen_at, .. } in people {
            query = query.bind(device_serial).bind(user_id).bind(device_name).bind(name).bind(seen_at.naive_utc());
        }
        query.execute(connection).await?;
        Ok(())
    }

    async fn insert_on(&self, connection: &mut MySqlConnection, rows: &[Row]) -> Result<HashSet<EventId>, Fault> {
        let mut stored = HashSet::with_capacity(rows.len());
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            let mut absent: Vec<&Row> = rows.iter().collect();
            let mut tries = 0;
            while !absent.is_empty() {
                tries += 1;
                match self.insert_all(&mut *connection, &absent).await {
                    Ok(()) => break,
                    Err(error) if number(&error) == Some(DUPLICATE_KEY) && tries < TRIES => {}
                    Err(error) => return Err(error.into()),
                }
                let ids: Vec<_> = absent.iter().map(|row| row.id).collect();
                let present = self.find_on(&mut *connection, &ids).await?;
                absent.retain(|row| !present.contains(&row.id));
            }
            stored.extend(absent.iter().map(|row| row.id));
        }
        Ok(stored)
    }

    async fn find_on(&self, connection: &mut MySqlConnection, ids: &[EventId]) -> Result<HashSet<EventId>, Fault> {
        let mut found = HashSet::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let question = format!(
                "SELECT event_id FROM {} WHERE event_id IN ({})",
                self.table.quoted('`'),
                vec!["?"; ids.len()].join(","),
            );
            let mut query = sqlx::query_scalar(AssertSqlSafe(question)).persistent(ids.len() == BATCH);
            for id in ids {
                query = query.bind(id.to_string());
            }
            let present: Vec<String> = query.fetch_all(&mut *connection).await?;
            found.extend(present.iter().filter_map(|id| id.parse::<EventId>().ok()));
        }
        Ok(found)
    }

    async fn count_on(&self, connection: &mut MySqlConnection, span: Span) -> Result<HashMap<NaiveDate, u64>, Fault> {
        let question = format!(
            "SELECT CAST(local_time AS date) AS day, count(*) FROM {} WHERE local_time >= ? AND local_time < ?
             GROUP BY day",
            self.table.quoted('`')
        );
        let query = sqlx::query_as(AssertSqlSafe(question)).bind(span.from).bind(span.before);
        let rows: Vec<(NaiveDate, i64)> = query.fetch_all(connection).await?;
        Ok(counts(rows))
    }
}

#[async_trait]
impl Dialect for Mysql {
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
