//! The promises of every sink on PostgreSQL, and what only a PostgreSQL server shows. `TEST_POSTGRES_URL` names the server:
//! a user who may create tables and roles.
#![cfg(feature = "postgres")]

mod common;
#[path = "common/readers.rs"]
mod readers;

use attendance_model::conformance::{Fault, Harness, Proxy, View, sample};
use attendance_model::{Outcome, Sink, SinkErrorKind};
use common::{FIELDS, open, unique};
use sink_sql::SqlSink;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

fn server() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

/// A table of its own, dropped in the end.
struct Table {
    name: String,
    sink: SqlSink,
}

impl Table {
    fn new() -> Self {
        let name = unique("punches");
        let sink = open(&server().unwrap(), &format!("table={name}"));
        Self { name, sink }
    }

    fn open(&self, settings: &str) -> SqlSink {
        open(&server().unwrap(), &format!("table={}&{settings}", self.name))
    }

    async fn count(&self) -> i64 {
        let question = format!("SELECT count(*) FROM {}", self.name);
        sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&mut connect().await).await.unwrap()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let drop = format!("DROP TABLE IF EXISTS {0}, {0}_schema CASCADE", self.name);
        common::finish(execute(drop));
    }
}

async fn connect() -> PgConnection {
    PgConnection::connect(&server().unwrap()).await.unwrap()
}

async fn execute(sql: String) {
    connect().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

impl Harness for Table {
    fn available() -> Result<(), String> {
        server().map(|_| ()).ok_or_else(|| "TEST_POSTGRES_URL is not set".to_owned())
    }

    async fn fresh() -> Self {
        Self::new()
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.open(""))
    }

    async fn stored(&self) -> Vec<View> {
        let columns = FIELDS.map(|field| match field {
            "local_time" => "to_char(local_time, 'YYYY-MM-DD HH24:MI:SS')".to_owned(),
            "utc_time" => "to_char(utc_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')".to_owned(),
            "raw" => "encode(raw, 'hex')".to_owned(),
            field => format!("{field}::text"),
        });
        let question = format!("SELECT {}, event_id FROM {}", columns.join(", "), self.name);
        let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut connect().await).await.unwrap();
        rows.iter()
            .map(|row| common::view(row.get("event_id"), (0..FIELDS.len()).map(|column| row.get(column))))
            .collect()
    }
}

attendance_model::sink_conformance!(Table);

/// The same table, behind a wire that breaks.
struct Stormy {
    table: Table,
    through: String,
    sink: SqlSink,
    /// Ends with the test.
    _proxy: Proxy,
}

impl Harness for Stormy {
    const LOSES_ANSWERS: bool = true;

    fn available() -> Result<(), String> {
        Table::available()
    }

    async fn fresh() -> Self {
        let (table, url) = (Table::new(), server().unwrap());
        let proxy = Proxy::start(common::place(&url)).await.unwrap();
        let through = url.replace(common::place(&url), &proxy.address());
        proxy.set(Fault::Storm { seed: 7 });
        let sink = open(&through, &format!("table={}&timeout=5s", table.name));
        Self { table, through, sink, _proxy: proxy }
    }

    fn sink(&self) -> &dyn Sink {
        &self.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(open(&self.through, &format!("table={}&timeout=5s", self.table.name)))
    }

    async fn stored(&self) -> Vec<View> {
        self.table.stored().await
    }
}

mod on_a_wire_that_breaks {
    attendance_model::sink_conformance!(super::Stormy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_cut_anywhere_is_mended_by_another_and_nothing_is_called_stored_that_is_not() {
    if skipped("a_write_cut_anywhere_is_mended_by_another_and_nothing_is_called_stored_that_is_not") {
        return;
    }
    let table = Table::new();
    common::cut_anywhere(&server().unwrap(), &table.name, || table.stored()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_at_the_time_out_and_afterwards_all_goes_on() {
    if skipped("a_pause_ends_at_the_time_out_and_afterwards_all_goes_on") {
        return;
    }
    let table = Table::new();
    common::paused(&server().unwrap(), &table.name).await;
    assert_eq!(table.count().await, 5);
}

fn skipped(test: &str) -> bool {
    common::skipped(test, "TEST_POSTGRES_URL")
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once() {
    common::refuses("postgres").await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    common::is_silent("postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_different_orders_do_not_stop_each_other() {
    if skipped("writers_in_different_orders_do_not_stop_each_other") {
        return;
    }
    let table = Table::new();
    common::writers_at_once(|| table.open("")).await;
    assert_eq!(table.count().await, 2_000);
}

#[tokio::test]
async fn a_user_or_database_that_is_not_there_is_named() {
    if skipped("a_user_or_database_that_is_not_there_is_named") {
        return;
    }
    let url = server().unwrap();
    let (address, database) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let nobody = open(&format!("postgres://nobody_of_this_name:hunter2@{host}/{database}"), "");
    let failure = nobody.probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Credentials, "{failure:?}");
    assert!(!format!("{failure:?} {nobody:?}").contains("hunter2"));
    let failure = open(&format!("{address}/no_such_database"), "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Missing, "{failure:?}");
}

#[tokio::test]
async fn a_user_who_may_only_insert_and_read_is_enough_once_the_table_is_there() {
    if skipped("a_user_who_may_only_insert_and_read_is_enough_once_the_table_is_there") {
        return;
    }
    let (table, role) = (Table::new(), unique("writer"));
    let url = server().unwrap();
    let (_, place) = url.rsplit_once('@').unwrap();
    let as_role = open(&format!("postgres://{role}:secret@{place}"), &format!("table={}", table.name));
    execute(format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")).await;
    let without = as_role.probe().await.unwrap_err();
    table.sink.probe().await.unwrap();
    execute(format!("GRANT SELECT ON {0}_schema TO {role}; GRANT SELECT ON {0} TO {role}", table.name)).await;
    let reading = as_role.probe().await.unwrap_err();
    execute(format!("GRANT INSERT ON {0} TO {role}", table.name)).await;
    let outcome = match as_role.probe().await {
        Ok(_) => as_role.write(&sample(2)).await,
        Err(failure) => Err(failure),
    };
    execute(format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    assert_eq!(without.kind, SinkErrorKind::Rights, "{without:?}");
    assert_eq!(reading.kind, SinkErrorKind::Rights, "{reading:?}");
    assert_eq!(outcome.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    if skipped("a_schema_of_a_newer_program_is_refused") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    execute(format!("INSERT INTO {}_schema VALUES (1000)", table.name)).await;
    assert_eq!(table.sink.probe().await.unwrap_err().kind, SinkErrorKind::Schema);
}

#[tokio::test]
async fn a_table_that_somebody_else_made_is_refused() {
    if skipped("a_table_that_somebody_else_made_is_refused") {
        return;
    }
    let table = Table::new();
    execute(format!("CREATE TABLE {} (event_id text)", table.name)).await;
    assert_eq!(table.sink.probe().await.unwrap_err().kind, SinkErrorKind::Schema);
}

#[tokio::test]
async fn a_table_in_a_schema_of_its_own_is_used() {
    if skipped("a_table_in_a_schema_of_its_own_is_used") {
        return;
    }
    let schema = unique("hr");
    let sink = open(&server().unwrap(), &format!("schema={schema}"));
    let without = sink.probe().await.unwrap_err();
    execute(format!("CREATE SCHEMA {schema}")).await;
    let outcome = async {
        sink.probe().await?;
        sink.write(&sample(2)).await
    };
    let outcome = outcome.await;
    execute(format!("DROP SCHEMA {schema} CASCADE")).await;
    assert_eq!(without.kind, SinkErrorKind::Missing, "{without:?}");
    assert_eq!(outcome.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn a_server_that_only_reads_is_a_failure_that_may_pass() {
    if skipped("a_server_that_only_reads_is_a_failure_that_may_pass") {
        return;
    }
    let (table, role) = (Table::new(), unique("reader"));
    let url = server().unwrap();
    let (_, place) = url.rsplit_once('@').unwrap();
    let sink = open(&format!("postgres://{role}:secret@{place}"), &format!("table={}", table.name));
    execute(format!(
        "CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret'; ALTER ROLE {role} SET default_transaction_read_only = on"
    ))
    .await;
    let failure = sink.probe().await;
    execute(format!("DROP ROLE {role}")).await;
    assert_eq!(failure.unwrap_err().kind, SinkErrorKind::ReadOnly);
}

#[tokio::test]
async fn a_table_that_was_dropped_is_missing_until_the_next_probe() {
    if skipped("a_table_that_was_dropped_is_missing_until_the_next_probe") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    execute(format!("DROP TABLE {0}, {0}_schema CASCADE", table.name)).await;
    assert_eq!(table.sink.write(&sample(1)).await.unwrap_err().kind, SinkErrorKind::Missing);
    table.sink.probe().await.unwrap();
    assert_eq!(table.sink.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
}

#[tokio::test]
async fn a_locked_table_is_busy_within_the_timeout() {
    if skipped("a_locked_table_is_busy_within_the_timeout") {
        return;
    }
    let table = Table::new();
    let sink = table.open("timeout=6s");
    sink.probe().await.unwrap();
    let mut holder = connect().await;
    let mut transaction = holder.begin().await.unwrap();
    let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", table.name);
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *transaction).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Busy);
    transaction.rollback().await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    if skipped("connections_that_the_server_closed_are_replaced") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    table.sink.write(&sample(1)).await.unwrap();
    let mut admin = connect().await;
    let killed: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
         WHERE application_name = 'sink-sql' AND query LIKE '%' || $1 || '%'",
    )
    .bind(&table.name)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!(killed >= 1);
    let outcomes = match table.sink.write(&sample(2)).await {
        // The server's farewell was still in the line.
        Err(failure) if failure.is_transient() => table.sink.write(&sample(2)).await.unwrap(),
        outcomes => outcomes.unwrap(),
    };
    assert_eq!(outcomes, [Outcome::AlreadyStored, Outcome::Stored]);
}

#[tokio::test]
async fn readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person() {
    if skipped("readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    table.sink.write(&readers::events()).await.unwrap();
    let daily = format!(
        "SELECT ARRAY[user_id, day::text, first_in::text, coalesce(last_out::text, ''), punches::text]
         FROM {}_daily_attendance ORDER BY user_id COLLATE \"C\", day",
        table.name
    );
    let rows: Vec<Vec<String>> =
        sqlx::query_scalar(AssertSqlSafe(daily)).fetch_all(&mut connect().await).await.unwrap();
    assert_eq!(rows, readers::DAILY);
    let latest = format!(
        "SELECT ARRAY[user_id, local_time::text, device_name] FROM {}_latest_punch ORDER BY user_id COLLATE \"C\"",
        table.name
    );
    let rows: Vec<Vec<String>> =
        sqlx::query_scalar(AssertSqlSafe(latest)).fetch_all(&mut connect().await).await.unwrap();
    assert_eq!(rows, readers::LATEST);
    let comment: String = sqlx::query_scalar("SELECT col_description($1::regclass, 5)")
        .bind(&table.name)
        .fetch_one(&mut connect().await)
        .await
        .unwrap();
    assert_eq!(comment, "The terminal's wall clock");
}

#[tokio::test]
async fn the_rights_that_the_readme_grants_are_enough() {
    if skipped("the_rights_that_the_readme_grants_are_enough") {
        return;
    }
    let (schema, writer, reader) = (unique("rights"), unique("writer"), unique("reader"));
    let url = server().unwrap();
    let (_, place) = url.rsplit_once('@').unwrap();
    let sign_in = |role: &str| format!("postgres://{role}:secret@{place}");
    execute(format!("CREATE SCHEMA {schema}")).await;
    let admin = open(&url, &format!("schema={schema}"));
    admin.probe().await.unwrap();
    // As the first version left it: a writer meets a table that only its owner may bring up to date.
    let undone = format!(
        "SET search_path = {schema}; DROP VIEW daily_attendance; DROP VIEW latest_punch;
         DELETE FROM attendance_events_schema WHERE version > 1; DROP INDEX attendance_events_by_user;
         DROP INDEX attendance_events_by_device; CREATE ROLE {writer} LOGIN PASSWORD 'secret';
         CREATE ROLE {reader} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA {schema} TO {writer}, {reader};
         GRANT SELECT, INSERT ON attendance_events TO {writer}; GRANT SELECT ON attendance_events_schema TO {writer}"
    );
    execute(undone).await;
    let as_writer = open(&sign_in(&writer), &format!("schema={schema}"));
    let notices = as_writer.probe().await.unwrap();
    assert!(notices.len() == 1 && notices[0].hint.as_ref().unwrap().contains("owner"), "{notices:?}");
    assert_eq!(as_writer.write(&readers::events()).await.unwrap(), vec![Outcome::Stored; 7]);
    admin.probe().await.unwrap();
    let grants = readers::of_the_readme("postgres").replace("iclock_writer", &writer).replace("iclock_reader", &reader);
    execute(format!("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {writer}; SET search_path = {schema}; {grants}"))
        .await;
    let as_writer = open(&sign_in(&writer), &format!("schema={schema}"));
    assert_eq!(as_writer.probe().await.unwrap(), []);
    assert_eq!(as_writer.write(&readers::events()).await.unwrap(), vec![Outcome::AlreadyStored; 7]);
    let mut as_reader = PgConnection::connect(&sign_in(&reader)).await.unwrap();
    let question = format!(
        "SELECT (SELECT count(*) FROM {schema}.daily_attendance) + (SELECT count(*) FROM {schema}.latest_punch)"
    );
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&mut as_reader).await.unwrap();
    assert_eq!(rows, 4 + 3);
    execute(format!("DROP SCHEMA {schema} CASCADE; DROP ROLE {writer}; DROP ROLE {reader}")).await;
}

#[tokio::test]
async fn a_view_of_somebody_else_s_is_not_taken_over() {
    if skipped("a_view_of_somebody_else_s_is_not_taken_over") {
        return;
    }
    let table = Table::new();
    execute(format!("CREATE VIEW {}_latest_punch AS SELECT 'mine'", table.name)).await;
    let failure = table.sink.probe().await.unwrap_err();
    execute(format!("DROP VIEW {}_latest_punch", table.name)).await;
    assert_eq!(failure.kind, SinkErrorKind::Schema, "{failure:?}");
    assert!(failure.hint.unwrap().contains("rename"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_start_at_once_prepare_the_table_once() {
    if skipped("several_that_start_at_once_prepare_the_table_once") {
        return;
    }
    let table = Table::new();
    common::start_at_once(|| table.open("")).await;
}
