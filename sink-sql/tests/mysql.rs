//! The promises of every sink on MySQL/MariaDB, and those that such a server alone can test. `TEST_MYSQL_URL` names the
//! server: a user who may create tables and users.
#![cfg(feature = "mysql")]

mod common;
#[path = "common/readers.rs"]
mod readers;
mod server;

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink, SinkErrorKind};
use common::{open, unique};
use server::{Server, Table, skipped, url};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

#[derive(Debug)]
struct Mysql;

impl Mysql {
    async fn connect() -> MySqlConnection {
        MySqlConnection::connect(&url::<Self>()).await.unwrap()
    }
}

impl Server for Mysql {
    const VARIABLE: &str = "TEST_MYSQL_URL";
    const SCHEMES: [&str; 2] = ["mysql", "mariadb"];
    const BY_USER: &str = "user_id";

    async fn execute(sql: String) {
        Self::connect().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }

    async fn rows(question: String) -> Vec<Vec<Option<String>>> {
        let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut Self::connect().await).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
    }

    fn text(value: &str) -> String {
        format!("CAST({value} AS char CHARACTER SET utf8mb4)")
    }

    fn column(field: &str) -> String {
        match field {
            "local_time" => "date_format(local_time, '%Y-%m-%d %H:%i:%s')".to_owned(),
            "utc_time" => "date_format(`utc_time`, '%Y-%m-%dT%H:%i:%sZ')".to_owned(),
            "raw" => "lower(hex(raw))".to_owned(),
            field => Self::text(field),
        }
    }

    fn drop_table(name: &str) -> String {
        format!(
            "DROP VIEW IF EXISTS {name}_daily_attendance, {name}_latest_punch;
             DROP TABLE IF EXISTS {name}, {name}_schema, {name}_people, {name}_people_schema"
        )
    }

    /// For everywhere and for here: a server's nameless local user would otherwise come before ours.
    fn user(name: &str) -> [String; 2] {
        let both = ["%", "localhost"].map(|host| format!("'{name}'@'{host}'"));
        let create = both.each_ref().map(|user| format!("CREATE USER {user} IDENTIFIED BY 'secret'"));
        [create.join("; "), format!("DROP USER {}", both.join(", "))]
    }

    fn grant(rights: &str, table: &str, user: &str) -> String {
        ["%", "localhost"].map(|host| format!("GRANT {rights} ON {table} TO '{user}'@'{host}'")).join("; ")
    }

    fn comment_on_local_time(table: &str) -> String {
        format!(
            "SELECT {} FROM information_schema.columns
             WHERE table_schema = database() AND column_name = 'local_time' AND table_name = '{table}'",
            Self::text("column_comment")
        )
    }
}

server_tests!(Mysql);

#[tokio::test]
async fn text_that_is_too_long_is_rejected_alone_and_never_cut() {
    if skipped::<Mysql>() {
        return;
    }
    let table = Table::<Mysql>::new();
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
    if skipped::<Mysql>() {
        return;
    }
    let (user, database) = (unique("user"), unique("rights"));
    // Both: a server's nameless local user would otherwise come before ours.
    let hosts = ["%", "localhost"].map(|host| format!("'{user}'@'{host}'"));
    let url = url::<Mysql>();
    let (address, _) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let sign_in = |password: &str| open(&format!("mysql://{user}:{password}@{host}/{database}"), "");
    let missing = open(&format!("{address}/{database}"), "").probe().await.unwrap_err();
    Mysql::execute(format!("CREATE DATABASE {database}")).await;
    for user in &hosts {
        Mysql::execute(format!("CREATE USER {user} IDENTIFIED BY 'secret'")).await;
    }
    let wrong_password = sign_in("hunter2").probe().await.unwrap_err();
    let no_rights = sign_in("secret").probe().await.unwrap_err();
    open(&format!("{address}/{database}"), "").probe().await.unwrap();
    let table = format!("{database}.attendance_events");
    for user in &hosts {
        Mysql::execute(format!("GRANT SELECT ON {table}_schema TO {user}")).await;
        Mysql::execute(format!("GRANT SELECT ON {table} TO {user}")).await;
    }
    let only_reading = sign_in("secret").probe().await.unwrap_err();
    for user in &hosts {
        Mysql::execute(format!("GRANT INSERT ON {table} TO {user}")).await;
    }
    let sink = sign_in("secret");
    let outcomes = match sink.probe().await {
        Ok(_) => sink.write(&sample(2)).await,
        Err(failure) => Err(failure),
    };
    Mysql::execute(format!("DROP DATABASE {database}")).await;
    Mysql::execute(format!("DROP USER {}", hosts.join(", "))).await;
    assert_eq!(missing.kind, SinkErrorKind::Missing, "{missing:?}");
    assert_eq!(wrong_password.kind, SinkErrorKind::Credentials, "{wrong_password:?}");
    assert!(!format!("{wrong_password:?} {:?}", sign_in("hunter2")).contains("hunter2"));
    assert_eq!(no_rights.kind, SinkErrorKind::Rights, "{no_rights:?}");
    assert_eq!(only_reading.kind, SinkErrorKind::Rights, "{only_reading:?}");
    assert_eq!(outcomes.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn a_table_without_its_key_is_refused() {
    if skipped::<Mysql>() {
        return;
    }
    let table = Table::<Mysql>::new();
    table.sink.probe().await.unwrap();
    Mysql::execute(format!("ALTER TABLE {} DROP PRIMARY KEY", table.name)).await;
    let failure = table.sink.probe().await.unwrap_err();
    assert!(failure.message.ends_with("has no primary key event_id"), "{failure}");
}

#[tokio::test]
async fn a_locked_table_is_busy_within_the_timeout() {
    if skipped::<Mysql>() {
        return;
    }
    let table = Table::<Mysql>::new();
    let sink = table.open("timeout=6s");
    sink.probe().await.unwrap();
    let mut holder = Mysql::connect().await;
    let lock = format!("LOCK TABLES {} WRITE", table.name);
    holder.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Busy);
    holder.execute(sqlx::raw_sql("UNLOCK TABLES")).await.unwrap();
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
}

#[tokio::test]
async fn the_rights_that_the_readme_grants_are_enough() {
    if skipped::<Mysql>() {
        return;
    }
    let (writer, reader, database) = (unique("writer"), unique("reader"), unique("rights"));
    let url = url::<Mysql>();
    let (address, _) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let sign_in = |user: &str| format!("mysql://{user}:secret@{host}/{database}");
    let admin = open(&format!("{address}/{database}"), "");
    Mysql::execute(format!("CREATE DATABASE {database}")).await;
    admin.probe().await.unwrap();
    let mut users = Vec::new();
    for user in [&writer, &reader] {
        // Both: a server's nameless local user would otherwise come before ours.
        for host in ["%", "localhost"] {
            Mysql::execute(format!("CREATE USER '{user}'@'{host}' IDENTIFIED BY 'secret'")).await;
            users.push(format!("'{user}'@'{host}'"));
        }
    }
    for host in ["%", "localhost"] {
        let named = |user: &str| format!("'{user}'@'{host}'");
        let grants = readers::of_the_readme("mysql")
            .replace("iclock_writer", &named(&writer))
            .replace("iclock_reader", &named(&reader));
        Mysql::execute(format!("USE {database}; {grants}")).await;
    }
    // As the first version left it: a writer meets a table that only its owner may bring up to date.
    Mysql::execute(format!("DELETE FROM {database}.attendance_events_schema WHERE version > 1")).await;
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
    Mysql::execute(format!("DROP DATABASE {database}")).await;
    Mysql::execute(format!("DROP USER {}", users.join(", "))).await;
}

#[tokio::test]
async fn a_migration_that_was_broken_off_anywhere_is_taken_up_again() {
    if skipped::<Mysql>() {
        return;
    }
    let table = Table::<Mysql>::new();
    table.sink.probe().await.unwrap();
    let name = &table.name;
    for done in ["", "DROP VIEW {}_latest_punch", "DROP VIEW {}_daily_attendance", "DROP INDEX {}_by_user ON {}"] {
        Mysql::execute(format!("DELETE FROM {name}_schema WHERE version > 1")).await;
        if !done.is_empty() {
            Mysql::execute(done.replace("{}", name)).await;
        }
        assert_eq!(table.open("").probe().await.unwrap(), [], "{done}");
    }
    table.sink.write(&readers::events()).await.unwrap();
    let question = format!("SELECT count(*) FROM {name}_daily_attendance");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(&mut Mysql::connect().await).await.unwrap();
    assert_eq!(rows, 4);
}
