//! MariaDB when it is stopped, misconfigured or full: on servers of the tests' own.
#![cfg(all(unix, feature = "mysql"))]

mod common;
#[path = "common/own_server.rs"]
mod own_server;
#[path = "common/restart.rs"]
mod restart;

use attendance_model::conformance::{self, View, sample};
use attendance_model::{Outcome, Sink, SinkError, SinkErrorKind};
use common::open;
use own_server::{OwnServer, certificate, mariadb_program};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

fn skipped() -> bool {
    conformance::skipped(mariadb_program().err())
}

/// A server with a database `attendance`.
async fn start(options: &[&str]) -> OwnServer {
    let server = OwnServer::mariadb(options);
    execute(&server, "CREATE DATABASE attendance").await;
    server
}

fn url(server: &OwnServer) -> String {
    format!("mysql://root@127.0.0.1:{}/attendance", server.port)
}

async fn connect(server: &OwnServer) -> MySqlConnection {
    MySqlConnection::connect(&format!("mysql://root@127.0.0.1:{}/mysql", server.port)).await.unwrap()
}

async fn execute(server: &OwnServer, sql: &str) {
    connect(server).await.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

#[tokio::test]
async fn every_refusal_is_told_apart_with_its_hint_and_the_right_decision() {
    if skipped() {
        return;
    }
    let server = start(&[]).await;
    let place = format!("127.0.0.1:{}", server.port);
    let sink = |user: &str, database: &str, settings: &str| {
        open(&format!("mysql://{user}:secret@{place}/{database}"), settings)
    };
    // Both: a nameless local user would otherwise come before them.
    for user in ["me", "nobody", "crowd"] {
        for host in ["%", "localhost"] {
            execute(&server, &format!("CREATE USER '{user}'@'{host}' IDENTIFIED BY 'secret'")).await;
            if user != "nobody" {
                execute(&server, &format!("GRANT ALL ON *.* TO '{user}'@'{host}'")).await;
            }
        }
    }
    let mut met: Vec<(&str, SinkErrorKind, SinkError)> = Vec::new();
    let wrong = open(&format!("mysql://me:hunter2@{place}/attendance"), "");
    met.push(("wrong password", SinkErrorKind::Credentials, wrong.probe().await.unwrap_err()));
    met.push(("no database", SinkErrorKind::Missing, sink("me", "nowhere", "").probe().await.unwrap_err()));
    met.push(("no rights", SinkErrorKind::Rights, sink("nobody", "attendance", "").probe().await.unwrap_err()));
    // The server's own numbers, on its own wire, at the moment of the write.
    for (what, number, kind) in [
        ("disk full", 1021, SinkErrorKind::Full),
        ("read-only", 1290, SinkErrorKind::ReadOnly),
        ("too many connections", 1203, SinkErrorKind::Busy),
        ("too slow", 1969, SinkErrorKind::TimedOut),
        ("shutting down", 1053, SinkErrorKind::Unreachable),
    ] {
        let sink = sink("me", "attendance", &format!("table=of_{number}"));
        sink.probe().await.unwrap();
        let raise = format!(
            "CREATE TRIGGER attendance.raise_{number} BEFORE INSERT ON attendance.of_{number} FOR EACH ROW
             SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as the server says it'"
        );
        execute(&server, &raise).await;
        met.push((what, kind, sink.write(&sample(3)).await.unwrap_err()));
        execute(&server, &format!("DROP TRIGGER attendance.raise_{number}")).await;
        assert!(sink.write(&sample(3)).await.is_ok(), "{what}: it goes on when the trouble is over");
    }
    let newer = sink("me", "attendance", "table=newer");
    newer.probe().await.unwrap();
    execute(&server, "INSERT INTO attendance.newer_schema VALUES (1000)").await;
    met.push(("newer schema", SinkErrorKind::Schema, newer.probe().await.unwrap_err()));
    let encrypted = sink("me", "attendance", "tls=require").probe().await.unwrap_err();
    met.push(("no TLS", SinkErrorKind::Unreachable, encrypted));
    drop(server);
    met.push(("down", SinkErrorKind::Unreachable, sink("me", "attendance", "").probe().await.unwrap_err()));
    common::told_apart(&met, &place);
}

#[tokio::test]
async fn a_server_that_is_set_to_read_only_is_a_failure_that_may_pass() {
    if skipped() {
        return;
    }
    let server = start(&[]).await;
    for host in ["%", "localhost"] {
        execute(&server, &format!("CREATE USER 'me'@'{host}' IDENTIFIED BY 'secret'")).await;
        execute(&server, &format!("GRANT ALL ON attendance.* TO 'me'@'{host}'")).await;
    }
    let sink = open(&format!("mysql://me:secret@127.0.0.1:{}/attendance", server.port), "");
    sink.probe().await.unwrap();
    execute(&server, "SET GLOBAL read_only = 1").await;
    assert_eq!(sink.write(&sample(3)).await.unwrap_err().kind, SinkErrorKind::ReadOnly);
    execute(&server, "SET GLOBAL read_only = 0").await;
    assert_eq!(sink.write(&sample(3)).await.unwrap(), vec![Outcome::Stored; 3]);
}

#[tokio::test]
async fn a_server_whose_space_is_used_up_stores_whole_batches_and_says_that_it_is_full() {
    if skipped() {
        return;
    }
    let server = start(&["--innodb-data-file-path=ibdata1:14M", "--innodb-file-per-table=0"]).await;
    let sink = open(&url(&server), "");
    sink.probe().await.unwrap();
    let events = sample(200_000);
    let mut said = 0;
    let failure = 'full: {
        for batch in events.chunks(2_000) {
            match sink.write(batch).await {
                Ok(outcomes) => said += outcomes.len() as i64,
                Err(failure) => break 'full failure,
            }
        }
        panic!("{said} events found room");
    };
    assert_eq!((failure.kind, failure.is_transient()), (SinkErrorKind::Full, true), "{failure:?}");
    let question = "SELECT count(*) FROM attendance.attendance_events";
    let stored: i64 = sqlx::query_scalar(question).fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(stored, said, "of the batch that failed nothing is stored");
}

#[tokio::test]
async fn a_server_that_is_too_old_is_told_with_the_oldest_that_serves() {
    if skipped() {
        return;
    }
    let server = start(&["--version=10.1.48-MariaDB"]).await;
    let failure = open(&url(&server), "").probe().await.unwrap_err();
    assert_eq!((failure.kind, failure.is_transient()), (SinkErrorKind::Schema, false), "{failure:?}");
    assert!(failure.message.contains("10.1.48") && failure.hint.unwrap().contains("MariaDB 10.2"));
}

#[tokio::test]
async fn the_server_s_own_settings_change_nothing_of_what_is_stored() {
    if skipped() {
        return;
    }
    let hostile = ["--default-time-zone=+05:00", "--sql-mode=", "--character-set-server=latin1"];
    let server = start(&hostile).await;
    let sink = open(&url(&server), "");
    sink.probe().await.unwrap();
    let mut events = sample(3);
    events[0].device_name = "\u{1f600} \u{645}\u{62d}\u{645}\u{62f} caf\u{e9}".to_owned();
    events[1].user_id = "A'; DROP TABLE x; --\\".to_owned();
    events[2].user_id = "7".repeat(65);
    let outcomes = sink.write(&events).await.unwrap();
    assert_eq!(outcomes[..2], [Outcome::Stored, Outcome::Stored]);
    assert!(matches!(&outcomes[2], Outcome::Rejected { .. }), "too long is too long, whatever the server's mode");
    let columns = View::FIELDS.map(|field| match field {
        "local_time" => "date_format(local_time, '%Y-%m-%d %H:%i:%s')".to_owned(),
        "utc_time" => "date_format(`utc_time`, '%Y-%m-%dT%H:%i:%sZ')".to_owned(),
        "raw" => "lower(hex(raw))".to_owned(),
        field => format!("CAST({field} AS char CHARACTER SET utf8mb4)"),
    });
    let question = format!("SELECT {}, event_id FROM attendance.attendance_events", columns.join(", "));
    let rows = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut connect(&server).await).await.unwrap();
    let view = |row: &sqlx::mysql::MySqlRow| {
        common::view(row.get("event_id"), (0..View::FIELDS.len()).map(|column| row.get(column)))
    };
    let (mut stored, mut sent): (Vec<View>, Vec<View>) =
        (rows.iter().map(view).collect(), events[..2].iter().map(View::full).collect());
    stored.sort();
    sent.sort();
    assert_eq!(stored, sent);
    // The host's clock in UTC, whatever the server's zone: within an hour of it.
    let question = "SELECT CAST(abs(timestampdiff(SECOND, max(stored_at), utc_timestamp())) AS signed)
                    FROM attendance.attendance_events";
    let seconds: i64 = sqlx::query_scalar(question).fetch_one(&mut connect(&server).await).await.unwrap();
    assert!(seconds < 3_600, "stored_at is {seconds} s away");
}

#[tokio::test]
async fn a_certificate_that_does_not_serve_is_told_and_not_tried_again() {
    if skipped() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (name, year, trusted, serves) in [
        ("127.0.0.1", 2099, true, true),
        ("127.0.0.1", 2021, true, false),
        ("db.example", 2099, true, false),
        ("127.0.0.1", 2099, false, false),
    ] {
        let made = certificate(directory.path(), "mysql", name, year);
        let [file, key] = [&made.certificate, &made.key].map(|path| path.display().to_string());
        let server = start(&[&format!("--ssl-cert={file}"), &format!("--ssl-key={key}")]).await;
        let trust = if trusted { format!("tls=verify-full&tls_ca={file}") } else { "tls=verify-full".to_owned() };
        match open(&url(&server), &trust).probe().await {
            Ok(_) => {
                assert!(serves, "{name} {year}");
                // As Windows writes it, with a byte-order mark.
                std::fs::write(&file, ["\u{feff}".as_bytes(), &std::fs::read(&file).unwrap()].concat()).unwrap();
                open(&url(&server), &trust).probe().await.unwrap();
            }
            Err(error) => common::is_a_certificate_s(&error, &format!("{name} {year}: {serves}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_stored_outlives_the_server_however_it_ends() {
    if skipped() {
        return;
    }
    let server = start(&[]).await;
    let sink = open(&url(&server), "timeout=5s");
    let server = restart::writes_through_restarts(server, &sink).await;
    let question = "SELECT count(*) FROM attendance.attendance_events";
    let stored: i64 = sqlx::query_scalar(question).fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(stored, restart::EVENTS as i64);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_by_the_server_too() {
    if skipped() {
        return;
    }
    let server = start(&[]).await;
    let sink = open(&url(&server), "timeout=2s");
    sink.probe().await.unwrap();
    let slow = "CREATE TRIGGER attendance.slow BEFORE INSERT ON attendance.attendance_events FOR EACH ROW
                SET @slept = sleep(120)";
    execute(&server, slow).await;
    assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::TimedOut);
    let question = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%'";
    let began = std::time::Instant::now();
    while sqlx::query_scalar::<_, i64>(question).fetch_one(&mut connect(&server).await).await.unwrap() > 0 {
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "the server is still at it");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    execute(&server, "DROP TRIGGER attendance.slow").await;
    assert_eq!(sink.write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2], "nothing of it was stored");
}
