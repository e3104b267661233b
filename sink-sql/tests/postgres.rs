//! The promises of every sink on PostgreSQL, and those that a PostgreSQL server alone can test. `TEST_POSTGRES_URL`
//! names the server: a user who may create tables and roles.
#![cfg(feature = "postgres")]

mod common;
#[path = "common/readers.rs"]
mod readers;
mod server;

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink, SinkErrorKind};
use common::{open, unique};
use server::{Server, Table, skipped, url};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

#[derive(Debug)]
struct Postgres;

impl Postgres {
    async fn connect() -> PgConnection {
        PgConnection::connect(&url::<Self>()).await.unwrap()
    }
}

impl Server for Postgres {
    const VARIABLE: &str = "TEST_POSTGRES_URL";
    const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
    const BY_USER: &str = "user_id COLLATE \"C\"";

    async fn execute(sql: String) {
        Self::connect().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }

    async fn rows(question: String) -> Vec<Vec<Option<String>>> {
        let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut Self::connect().await).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
    }

    fn text(value: &str) -> String {
        format!("({value})::text")
    }

    fn column(field: &str) -> String {
        match field {
            "local_time" => "to_char(local_time, 'YYYY-MM-DD HH24:MI:SS')".to_owned(),
            "utc_time" => "to_char(utc_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')".to_owned(),
            "raw" => "encode(raw, 'hex')".to_owned(),
            field => Self::text(field),
        }
    }

    fn drop_table(name: &str) -> String {
        format!("DROP TABLE IF EXISTS {name}, {name}_schema, {name}_people, {name}_people_schema CASCADE")
    }

    fn user(name: &str) -> [String; 2] {
        let create = format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
        [create, format!("DROP OWNED BY {name}; DROP ROLE {name}")]
    }

    fn grant(rights: &str, table: &str, user: &str) -> String {
        format!("GRANT {rights} ON {table} TO {user}")
    }

    fn comment_on_local_time(table: &str) -> String {
        format!("SELECT col_description('{table}'::regclass, 5)")
    }
}

server_tests!(Postgres);

#[tokio::test]
async fn a_user_or_database_that_is_not_there_is_named() {
    if skipped::<Postgres>() {
        return;
    }
    let url = url::<Postgres>();
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
    if skipped::<Postgres>() {
        return;
    }
    let (table, role) = (Table::<Postgres>::new(), unique("writer"));
    let url = url::<Postgres>();
    let (_, place) = url.rsplit_once('@').unwrap();
    let as_role = open(&format!("postgres://{role}:secret@{place}"), &format!("table={}", table.name));
    Postgres::execute(format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    ))
    .await;
    let without = as_role.probe().await.unwrap_err();
    table.sink.probe().await.unwrap();
    Postgres::execute(format!("GRANT SELECT ON {0}_schema TO {role}; GRANT SELECT ON {0} TO {role}", table.name)).await;
    let reading = as_role.probe().await.unwrap_err();
    Postgres::execute(format!("GRANT INSERT ON {0} TO {role}", table.name)).await;
    let outcome = match as_role.probe().await {
        Ok(_) => as_role.write(&sample(2)).await,
        Err(failure) => Err(failure),
    };
    Postgres::execute(format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    assert_eq!(without.kind, SinkErrorKind::Rights, "{without:?}");
    assert_eq!(reading.kind, SinkErrorKind::Rights, "{reading:?}");
    assert_eq!(outcome.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn a_table_in_a_schema_of_its_own_is_used() {
    if skipped::<Postgres>() {
        return;
    }
    let schema = unique("hr");
    let sink = open(&url::<Postgres>(), &format!("schema={schema}"));
    let without = sink.probe().await.unwrap_err();
    Postgres::execute(format!("CREATE SCHEMA {schema}")).await;
    let outcome = async {
        sink.probe().await?;
        sink.write(&sample(2)).await
    };
    let outcome = outcome.await;
    Postgres::execute(format!("DROP SCHEMA {schema} CASCADE")).await;
    assert_eq!(without.kind, SinkErrorKind::Missing, "{without:?}");
    assert_eq!(outcome.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn a_server_that_only_reads_is_a_failure_that_may_pass() {
    if skipped::<Postgres>() {
        return;
    }
    let (table, role) = (Table::<Postgres>::new(), unique("reader"));
    let url = url::<Postgres>();
    let (_, place) = url.rsplit_once('@').unwrap();
    let sink = open(&format!("postgres://{role}:secret@{place}"), &format!("table={}", table.name));
    Postgres::execute(format!(
        "CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret'; ALTER ROLE {role} SET default_transaction_read_only = on"
    ))
    .await;
    let failure = sink.probe().await;
    Postgres::execute(format!("DROP ROLE {role}")).await;
    assert_eq!(failure.unwrap_err().kind, SinkErrorKind::ReadOnly);
}

#[tokio::test]
async fn a_locked_table_is_busy_within_the_timeout() {
    if skipped::<Postgres>() {
        return;
    }
    let table = Table::<Postgres>::new();
    let sink = table.open("timeout=6s");
    sink.probe().await.unwrap();
    let mut holder = Postgres::connect().await;
    let mut transaction = holder.begin().await.unwrap();
    let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", table.name);
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *transaction).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Busy);
    transaction.rollback().await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    if skipped::<Postgres>() {
        return;
    }
    let table = Table::<Postgres>::new();
    table.sink.probe().await.unwrap();
    table.sink.write(&sample(1)).await.unwrap();
    let mut admin = Postgres::connect().await;
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
async fn the_rights_that_the_readme_grants_are_enough() {
    if skipped::<Postgres>() {
        return;
    }
    let (schema, writer, reader) = (unique("rights"), unique("writer"), unique("reader"));
    let url = url::<Postgres>();
    let (_, place) = url.rsplit_once('@').unwrap();
    let sign_in = |role: &str| format!("postgres://{role}:secret@{place}");
    Postgres::execute(format!("CREATE SCHEMA {schema}")).await;
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
    Postgres::execute(undone).await;
    let as_writer = open(&sign_in(&writer), &format!("schema={schema}"));
    let notices = as_writer.probe().await.unwrap();
    assert!(notices.len() == 1 && notices[0].hint.as_ref().unwrap().contains("owner"), "{notices:?}");
    assert_eq!(as_writer.write(&readers::events()).await.unwrap(), vec![Outcome::Stored; 7]);
    admin.probe().await.unwrap();
    let grants = readers::of_the_readme("postgres").replace("iclock_writer", &writer).replace("iclock_reader", &reader);
    Postgres::execute(format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {writer}; SET search_path = {schema}; {grants}"
    ))
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
    Postgres::execute(format!("DROP SCHEMA {schema} CASCADE; DROP ROLE {writer}; DROP ROLE {reader}")).await;
}
