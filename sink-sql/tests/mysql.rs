//! The promises of every sink on MySQL/MariaDB, and what only such a server shows. `TEST_MYSQL_URL` names the server: a user
//! who may create tables and users.
#![cfg(feature = "mysql")]

mod common;
#[path = "common/readers.rs"]
mod readers;

use attendance_model::conformance::{Fault, Harness, Proxy, View, sample};
use attendance_model::{Outcome, Sink, SinkErrorKind};
use common::{FIELDS, open, unique};
use sink_sql::SqlSink;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

fn server() -> Option<String> {
    std::env::var("TEST_MYSQL_URL").ok()
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
        let views = format!("DROP VIEW IF EXISTS {0}_daily_attendance, {0}_latest_punch", self.name);
        common::finish(execute(format!("{views}; DROP TABLE IF EXISTS {0}, {0}_schema", self.name)));
    }
}

async fn connect() -> MySqlConnection {
    MySqlConnection::connect(&server().unwrap()).await.unwrap()
}

async fn execute(sql: String) {
    connect().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

impl Harness for Table {
    fn available() -> Result<(), String> {
        server().map(|_| ()).ok_or_else(|| "TEST_MYSQL_URL is not set".to_owned())
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
            "local_time" => "date_format(local_time, '%Y-%m-%d %H:%i:%s')".to_owned(),
            "utc_time" => "date_format(`utc_time`, '%Y-%m-%dT%H:%i:%sZ')".to_owned(),
            "raw" => "lower(hex(raw))".to_owned(),
            field => format!("CAST({field} AS char CHARACTER SET utf8mb4)"),
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
    common::skipped(test, "TEST_MYSQL_URL")
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once() {
    common::refuses("mariadb").await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    common::is_silent("mysql").await;
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
async fn text_that_is_too_long_is_rejected_alone_and_never_cut() {
    if skipped("text_that_is_too_long_is_rejected_alone_and_never_cut") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    let mut batch = sample(5);
    batch[1].user_id = "7".repeat(65);
    batch[2].device_name = "\u{e9}".repeat(129);
    batch[3].raw = vec![0; 256];
    let outcomes = table.sink.write(&batch).await.unwrap();
    for (outcome, column) in outcomes[1..4].iter().zip(["user_id", "device_name", "raw"]) {
        assert!(matches!(outcome, Outcome::Rejected { reason } if reason.starts_with(column)), "{outcome:?}");
    }
    assert_eq!([&outcomes[0], &outcomes[4]], [&Outcome::Stored; 2]);
    assert_eq!(table.count().await, 2);
}

#[tokio::test]
async fn who_may_not_sign_in_or_write_is_told_why_and_select_and_insert_are_enough() {
    if skipped("who_may_not_sign_in_or_write_is_told_why_and_select_and_insert_are_enough") {
        return;
    }
    let (user, database) = (unique("user"), unique("rights"));
    // Both: a server's nameless local user would otherwise come before ours.
    let hosts = ["%", "localhost"].map(|host| format!("'{user}'@'{host}'"));
    let url = server().unwrap();
    let (address, _) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let sign_in = |password: &str| open(&format!("mysql://{user}:{password}@{host}/{database}"), "");
    let missing = open(&format!("{address}/{database}"), "").probe().await.unwrap_err();
    execute(format!("CREATE DATABASE {database}")).await;
    for user in &hosts {
        execute(format!("CREATE USER {user} IDENTIFIED BY 'secret'")).await;
    }
    let wrong_password = sign_in("hunter2").probe().await.unwrap_err();
    let no_rights = sign_in("secret").probe().await.unwrap_err();
    open(&format!("{address}/{database}"), "").probe().await.unwrap();
    let table = format!("{database}.attendance_events");
    for user in &hosts {
        execute(format!("GRANT SELECT ON {table}_schema TO {user}")).await;
        execute(format!("GRANT SELECT ON {table} TO {user}")).await;
    }
    let only_reading = sign_in("secret").probe().await.unwrap_err();
    for user in &hosts {
        execute(format!("GRANT INSERT ON {table} TO {user}")).await;
    }
    let sink = sign_in("secret");
    let outcomes = match sink.probe().await {
        Ok(_) => sink.write(&sample(2)).await,
        Err(failure) => Err(failure),
    };
    execute(format!("DROP DATABASE {database}")).await;
    execute(format!("DROP USER {}", hosts.join(", "))).await;
    assert_eq!(missing.kind, SinkErrorKind::Missing, "{missing:?}");
    assert_eq!(wrong_password.kind, SinkErrorKind::Credentials, "{wrong_password:?}");
    assert!(!format!("{wrong_password:?} {:?}", sign_in("hunter2")).contains("hunter2"));
    assert_eq!(no_rights.kind, SinkErrorKind::Rights, "{no_rights:?}");
    assert_eq!(only_reading.kind, SinkErrorKind::Rights, "{only_reading:?}");
    assert_eq!(outcomes.unwrap(), vec![Outcome::Stored; 2]);
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
    execute(format!("CREATE TABLE {} (event_id varchar(64))", table.name)).await;
    assert_eq!(table.sink.probe().await.unwrap_err().kind, SinkErrorKind::Schema);
}

#[tokio::test]
async fn a_table_without_its_key_is_refused() {
    if skipped("a_table_without_its_key_is_refused") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    execute(format!("ALTER TABLE {} DROP PRIMARY KEY", table.name)).await;
    let failure = table.sink.probe().await.unwrap_err();
    assert!(failure.message.ends_with("has no primary key event_id"), "{failure}");
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
    let lock = format!("LOCK TABLES {} WRITE", table.name);
    holder.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Busy);
    holder.execute(sqlx::raw_sql("UNLOCK TABLES")).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person() {
    if skipped("readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    table.sink.write(&readers::events()).await.unwrap();
    let rows = async |question: String| -> Vec<Vec<String>> {
        let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut connect().await).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|n| row.get(n)).collect()).collect()
    };
    let text = |column: &str| format!("CAST({column} AS char CHARACTER SET utf8mb4)");
    let [day, first, last, punches] = ["day", "first_in", "last_out", "punches"].map(text);
    let daily = format!(
        "SELECT user_id, {day}, {first}, coalesce({last}, ''), {punches} FROM {}_daily_attendance ORDER BY user_id, day",
        table.name
    );
    assert_eq!(rows(daily).await, readers::DAILY);
    let latest = format!(
        "SELECT user_id, {}, device_name FROM {}_latest_punch ORDER BY user_id",
        text("local_time"),
        table.name
    );
    assert_eq!(rows(latest).await, readers::LATEST);
    let comment = "SELECT CAST(column_comment AS char CHARACTER SET utf8mb4) FROM information_schema.columns
                   WHERE table_schema = database() AND column_name = 'local_time' AND table_name = ";
    assert_eq!(rows(format!("{comment}'{}'", table.name)).await, [["The terminal's wall clock"]]);
}

#[tokio::test]
async fn the_rights_that_the_readme_grants_are_enough() {
    if skipped("the_rights_that_the_readme_grants_are_enough") {
        return;
    }
    let (writer, reader, database) = (unique("writer"), unique("reader"), unique("rights"));
    let url = server().unwrap();
    let (address, _) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let sign_in = |user: &str| format!("mysql://{user}:secret@{host}/{database}");
    let admin = open(&format!("{address}/{database}"), "");
    execute(format!("CREATE DATABASE {database}")).await;
    admin.probe().await.unwrap();
    let mut users = Vec::new();
    for user in [&writer, &reader] {
        // Both: a server's nameless local user would otherwise come before ours.
        for host in ["%", "localhost"] {
            execute(format!("CREATE USER '{user}'@'{host}' IDENTIFIED BY 'secret'")).await;
            users.push(format!("'{user}'@'{host}'"));
        }
    }
    for host in ["%", "localhost"] {
        let named = |user: &str| format!("'{user}'@'{host}'");
        let grants = readers::of_the_readme("mysql")
            .replace("iclock_writer", &named(&writer))
            .replace("iclock_reader", &named(&reader));
        execute(format!("USE {database}; {grants}")).await;
    }
    // As the first version left it: a writer meets a table that only its owner may bring up to date.
    execute(format!("DELETE FROM {database}.attendance_events_schema WHERE version > 1")).await;
    let as_writer = open(&sign_in(&writer), "");
    let notices = as_writer.probe().await.unwrap();
    assert!(notices.len() == 1 && notices[0].hint.as_ref().unwrap().contains("owner"), "{notices:?}");
    assert_eq!(as_writer.write(&readers::events()).await.unwrap(), vec![Outcome::Stored; 7]);
    admin.probe().await.unwrap();
    assert_eq!(open(&sign_in(&writer), "").probe().await.unwrap(), []);
    let mut as_reader = MySqlConnection::connect(&sign_in(&reader)).await.unwrap();
    let question = "SELECT (SELECT count(*) FROM daily_attendance) + (SELECT count(*) FROM latest_punch)";
    let rows: i64 = sqlx::query_scalar(question).fetch_one(&mut as_reader).await.unwrap();
    assert_eq!(rows, 4 + 3);
    execute(format!("DROP DATABASE {database}")).await;
    execute(format!("DROP USER {}", users.join(", "))).await;
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

#[tokio::test]
async fn a_migration_that_was_broken_off_anywhere_is_taken_up_again() {
    if skipped("a_migration_that_was_broken_off_anywhere_is_taken_up_again") {
        return;
    }
    let table = Table::new();
    table.sink.probe().await.unwrap();
    let name = &table.name;
    for done in ["", "DROP VIEW {}_latest_punch", "DROP VIEW {}_daily_attendance", "DROP INDEX {}_by_user ON {}"] {
        execute(format!("DELETE FROM {name}_schema WHERE version > 1")).await;
        if !done.is_empty() {
            execute(done.replace("{}", name)).await;
        }
        assert_eq!(table.open("").probe().await.unwrap(), [], "{done}");
    }
    table.sink.write(&readers::events()).await.unwrap();
    let question = format!("SELECT count(*) FROM {name}_daily_attendance");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&mut connect().await).await.unwrap();
    assert_eq!(rows, 4);
}
