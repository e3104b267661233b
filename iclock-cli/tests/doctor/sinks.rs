//! What `doctor sink` says of files, databases and services.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use attendance_model::conformance;
use rusqlite::Connection;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

use super::cases::{compare, only};
use super::common::{World, lines, nowhere};

/// A sink by its lines in the configuration, and the cause that is named; without one, it is sound.
type Row = (&'static str, String, Option<&'static str>);

/// Runs `doctor sink` on each of these, and compares the causes. One after the other: several have the same target.
#[track_caller]
fn examine(world: &World, rows: &[Row]) {
    for (name, sink, cause) in rows {
        world.write("iclock.toml", format!("[[sink]]\nname = \"{name}\"\n{sink}\n"));
        let run = world.cli(&["doctor", "sink", "--json"]);
        if let Err(why) = compare(&lines(&run.stdout), &only(cause.as_slice())) {
            panic!("{name}: {why}\n{run:?}");
        }
        assert_eq!(run.code, if cause.is_some() { 70 } else { 0 }, "{name}: {run:?}");
    }
}

/// A name that no other test uses.
fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("doctor_{what}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn files_and_sqlite() {
    let world = World::new();
    world.write("notes.db", "no database".repeat(1_000));
    world.write("other.csv", "a,b\n1,2\n");
    let of_somebody = Connection::open(world.path().join("other.db")).unwrap();
    of_somebody.execute_batch("CREATE TABLE attendance_events (a TEXT)").unwrap();
    let locked = Connection::open(world.path().join("locked.db")).unwrap();
    locked.execute_batch("CREATE TABLE x (a TEXT); BEGIN EXCLUSIVE").unwrap();
    examine(
        &world,
        &[
            ("sound", "url = \"sqlite:att.db\"".into(), None),
            ("sound lines", "url = \"jsonl:att.jsonl\"".into(), None),
            ("no directory", "url = \"sqlite:missing/att.db\"".into(), Some("sink_missing")),
            ("a directory", "url = \"sqlite:.\"".into(), Some("sink_missing")),
            ("no database", "url = \"sqlite:notes.db\"".into(), Some("sink_schema")),
            ("a table of somebody", "url = \"sqlite:other.db\"".into(), Some("sink_schema")),
            ("locked", "url = \"sqlite:locked.db\"\ntimeout = \"1s\"".into(), Some("sink_busy")),
            ("no directory for lines", "url = \"jsonl:missing/att.jsonl\"".into(), Some("sink_missing")),
            ("a sheet of somebody", "url = \"csv:other.csv\"".into(), Some("sink_schema")),
        ],
    );
}

#[test]
fn servers_that_do_not_answer() {
    let world = World::new();
    let closed = nowhere();
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let firestore =
        |address: &str| format!("url = \"firestore://away/logs\"\nemulator = \"{address}\"\ntimeout = \"2s\"");
    examine(
        &world,
        &[
            ("postgres", format!("url = \"postgres://me@{closed}/att?timeout=2s\""), Some("sink_unreachable")),
            ("mysql", format!("url = \"mysql://me@{closed}/att?timeout=2s\""), Some("sink_unreachable")),
            ("mongo", format!("url = \"mongodb://{closed}/att\"\ntimeout = \"2s\""), Some("sink_unreachable")),
            ("firestore", firestore(&closed), Some("sink_unreachable")),
            ("silent postgres", format!("url = \"postgres://me@{silent}/att?timeout=2s\""), Some("sink_slow")),
            ("silent mysql", format!("url = \"mysql://me@{silent}/att?timeout=2s\""), Some("sink_slow")),
            ("silent mongo", format!("url = \"mongodb://{silent}/att?timeout=2s\""), Some("sink_slow")),
            ("silent firestore", firestore(&silent.to_string()), Some("sink_slow")),
        ],
    );
}

#[test]
fn postgres_credentials_rights_and_schema() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(conformance::skipped(Some("TEST_POSTGRES_URL is not set".to_owned())));
        return;
    };
    let world = World::new();
    let (role, reader, table) = (unique("role"), unique("reader"), unique("table"));
    let execute = |sql: String| {
        world.runtime.block_on(async {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    let (_, place) = url.rsplit_once('@').unwrap();
    execute(format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; CREATE TABLE {table} (a TEXT);
         CREATE ROLE {reader} LOGIN PASSWORD 'secret'; ALTER ROLE {reader} SET default_transaction_read_only = on"
    ));
    let (address, _) = url.rsplit_once('/').unwrap();
    let at = |url: &str, table: &str| format!("url = \"{url}\"\ntable = \"{table}\"");
    let fresh = unique("fresh");
    let rows = [
        ("sound", at(&url, &fresh), None),
        ("no such user", at(&format!("postgres://nobody_at_all:x@{place}"), &fresh), Some("sink_credentials")),
        ("no such database", at(&format!("{address}/no_such_database"), &fresh), Some("sink_missing")),
        ("a table of somebody", at(&url, &table), Some("sink_schema")),
        ("no right to the table", at(&format!("postgres://{role}:secret@{place}"), &fresh), Some("sink_rights")),
        ("only reading", at(&format!("postgres://{reader}:secret@{place}"), &unique("other")), Some("sink_read_only")),
    ];
    examine(&world, &rows);
    execute(format!(
        "DROP TABLE {table}; DROP TABLE {fresh}, {fresh}_schema CASCADE; DROP ROLE {role}; DROP ROLE {reader}"
    ));
}

#[test]
fn mysql_credentials_rights_and_schema() {
    let Ok(url) = std::env::var("TEST_MYSQL_URL") else {
        assert!(conformance::skipped(Some("TEST_MYSQL_URL is not set".to_owned())));
        return;
    };
    let world = World::new();
    let (user, table, fresh) = (unique("user"), unique("table"), unique("fresh"));
    let execute = |sql: String| {
        world.runtime.block_on(async {
            let mut connection = MySqlConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
    };
    // Both: a server's nameless local user would otherwise come before ours.
    let (everywhere, here) = (format!("'{user}'@'%'"), format!("'{user}'@'localhost'"));
    execute(format!(
        "CREATE USER {everywhere} IDENTIFIED BY 'secret', {here} IDENTIFIED BY 'secret';
         CREATE TABLE {table} (a TEXT)"
    ));
    let (address, database) = url.rsplit_once('/').unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let at = |url: &str, table: &str| format!("url = \"{url}\"\ntable = \"{table}\"");
    let as_user = |password: &str| format!("mysql://{user}:{password}@{host}/{database}");
    examine(
        &world,
        &[
            ("sound", at(&url, &fresh), None),
            ("a wrong password", at(&as_user("hunter2"), &fresh), Some("sink_credentials")),
            ("no such database", at(&format!("{address}/no_such_database"), &fresh), Some("sink_missing")),
            ("a table of somebody", at(&url, &table), Some("sink_schema")),
            ("no right to the database", at(&as_user("secret"), &fresh), Some("sink_rights")),
        ],
    );
    execute(format!("DROP TABLE {table}, {fresh}, {fresh}_schema; DROP USER {everywhere}, {here}"));
}
