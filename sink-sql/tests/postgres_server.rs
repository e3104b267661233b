//! PostgreSQL when it is stopped, misconfigured or full: on servers of the tests' own.
#![cfg(all(unix, feature = "postgres"))]

mod common;
#[path = "common/own_server.rs"]
mod own_server;
#[path = "common/restart.rs"]
mod restart;

use attendance_model::conformance::{self, sample};
use attendance_model::{Sink, SinkError, SinkErrorKind};
use common::open;
use own_server::{OwnServer, certificate, postgres_programs};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

fn skipped() -> bool {
    conformance::skipped(postgres_programs().err())
}

fn url(server: &OwnServer) -> String {
    format!("postgres://test:secret@127.0.0.1:{}/postgres", server.port)
}

async fn connect(server: &OwnServer) -> PgConnection {
    let mut tries = 0;
    loop {
        // A server that takes connections may still be starting up.
        match PgConnection::connect(&url(server)).await {
            Ok(connection) => return connection,
            Err(_) if tries < 200 => tries += 1,
            Err(error) => panic!("{error}: {}", server.log()),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn execute(server: &OwnServer, sql: &str) {
    connect(server).await.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

#[tokio::test]
async fn every_refusal_is_told_apart_with_its_hint_and_the_right_decision() {
    if skipped() {
        return;
    }
    let server = OwnServer::postgres(&[]);
    let place = format!("127.0.0.1:{}", server.port);
    let sink = |user: &str, database: &str, settings: &str| {
        open(&format!("postgres://{user}:secret@{place}/{database}"), settings)
    };
    let mut met: Vec<(&str, SinkErrorKind, SinkError)> = Vec::new();
    execute(
        &server,
        "CREATE ROLE nobody LOGIN PASSWORD 'secret';
         CREATE ROLE reader SUPERUSER LOGIN PASSWORD 'secret';
         ALTER ROLE reader SET default_transaction_read_only = on;
         CREATE ROLE crowd SUPERUSER LOGIN PASSWORD 'secret';
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
    )
    .await;
    let wrong = open(&format!("postgres://test:hunter2@{place}/postgres"), "");
    met.push(("wrong password", SinkErrorKind::Credentials, wrong.probe().await.unwrap_err()));
    met.push(("no database", SinkErrorKind::Missing, sink("test", "nowhere", "").probe().await.unwrap_err()));
    met.push(("no rights", SinkErrorKind::Rights, sink("nobody", "postgres", "").probe().await.unwrap_err()));
    met.push(("read-only", SinkErrorKind::ReadOnly, sink("reader", "postgres", "").probe().await.unwrap_err()));
    // The server's own codes, on its own wire, at the moment of the write.
    for (what, code, kind) in [
        ("disk full", "53100", SinkErrorKind::Full),
        ("starting up", "57P03", SinkErrorKind::Busy),
        ("too many connections", "53300", SinkErrorKind::Busy),
        ("too slow", "57014", SinkErrorKind::TimedOut),
    ] {
        let table = format!("of_{}", code.to_lowercase());
        let sink = sink("test", "postgres", &format!("table={table}"));
        sink.probe().await.unwrap();
        let raise = format!(
            "CREATE FUNCTION {table}_raise() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'as the server says it' USING ERRCODE = '{code}'; END $$;
             CREATE TRIGGER raise BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_raise()"
        );
        execute(&server, &raise).await;
        met.push((what, kind, sink.write(&sample(3)).await.unwrap_err()));
        execute(&server, &format!("DROP TRIGGER raise ON {table}")).await;
        assert!(sink.write(&sample(3)).await.is_ok(), "{what}: it goes on when the trouble is over");
    }
    let newer = sink("test", "postgres", "table=newer");
    newer.probe().await.unwrap();
    execute(&server, "INSERT INTO newer_schema VALUES (1000)").await;
    met.push(("newer schema", SinkErrorKind::Schema, newer.probe().await.unwrap_err()));
    let encrypted = sink("test", "postgres", "tls=require").probe().await.unwrap_err();
    met.push(("no TLS", SinkErrorKind::Unreachable, encrypted));
    drop(server);
    met.push(("down", SinkErrorKind::Unreachable, sink("test", "postgres", "").probe().await.unwrap_err()));
    common::told_apart(&met, &place);
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
        let made = certificate(directory.path(), "postgres", name, year);
        let [file, key] = [&made.certificate, &made.key].map(|path| path.display().to_string());
        let settings = ["ssl=on", &format!("ssl_cert_file={file}"), &format!("ssl_key_file={key}")];
        let server = OwnServer::postgres(&settings);
        drop(connect(&server).await);
        let trust = if trusted { format!("tls=verify-full&tls_ca={file}") } else { "tls=verify-full".to_owned() };
        let url = format!("postgres://test:secret@127.0.0.1:{}/postgres", server.port);
        let sink = open(&url, &trust);
        match sink.probe().await {
            Ok(_) => {
                assert!(serves, "{name} {year}");
                // As Windows writes it, with a byte-order mark.
                std::fs::write(&file, ["\u{feff}".as_bytes(), &std::fs::read(&file).unwrap()].concat()).unwrap();
                open(&url, &trust).probe().await.unwrap();
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
    let server = OwnServer::postgres(&[]);
    let sink = open(&url(&server), "timeout=5s");
    let server = restart::writes_through_restarts(server, &sink).await;
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM attendance_events")
        .fetch_one(&mut connect(&server).await)
        .await
        .unwrap();
    assert_eq!(stored, restart::EVENTS as i64);
}
