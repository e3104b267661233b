//! MySQL/MariaDB: as the server is set up. By hand: `INSERT IGNORE … RETURNING`, which MySQL does not have and which
//! cuts what is too long; and the question which ids are there, before a plain insert of the others.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use attendance_model::AttendanceEvent;
use sqlx::mysql::MySqlArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

use super::{Comparison, ROUNDS, SINK, TABLE, open, through};

const COLUMNS: &str = "event_id, device_serial, device_name, user_id, local_time, `utc_time`, zone, verify_mode, \
                       punch_state, work_code, source, flags, clock_drift_ms, raw";

pub(crate) async fn compare(url: &str, events: &[AttendanceEvent]) {
    let mut comparison = Comparison::new("MySQL");
    let mut connection = MySqlConnection::connect(url).await.expect("a connection");
    let version: String = sqlx::query_scalar("SELECT version()").fetch_one(&mut connection).await.expect("a version");
    println!("MySQL      is {version}");
    for _ in 0..ROUNDS {
        comparison.add(SINK, through(&fresh(url, &mut connection).await, events).await);
        if version.contains("MariaDB") {
            fresh(url, &mut connection).await;
            comparison.add("by hand, IGNORE of 500, RETURNING", ignore(&mut connection, events, 500).await);
            fresh(url, &mut connection).await;
            comparison.add("by hand, IGNORE of 2,000, RETURNING", ignore(&mut connection, events, 2_000).await);
        }
        fresh(url, &mut connection).await;
        comparison.add("by hand, SELECT, then INSERT of 2,000", ask_first(&mut connection, events, 2_000).await);
    }
    drop_table(&mut connection).await;
    comparison.print();
}

async fn drop_table(connection: &mut MySqlConnection) {
    let sql = format!("DROP TABLE IF EXISTS {TABLE}, {TABLE}_schema CASCADE");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("no table");
}

async fn fresh(url: &str, connection: &mut MySqlConnection) -> sink_sql::SqlSink {
    drop_table(connection).await;
    open(url, TABLE).await
}

async fn ignore(connection: &mut MySqlConnection, events: &[AttendanceEvent], rows: usize) -> Duration {
    let sql = format!("INSERT IGNORE INTO {TABLE} ({COLUMNS}) VALUES {} RETURNING event_id", places(rows));
    let start = Instant::now();
    let mut new = 0;
    for chunk in events.chunks_exact(rows) {
        let ids: Vec<String> = sqlx::query_scalar_with(AssertSqlSafe(sql.as_str()), values(chunk))
            .fetch_all(&mut *connection)
            .await
            .expect("an insert");
        new += ids.len();
    }
    assert_eq!(new, events.len(), "every event is new");
    start.elapsed()
}

async fn ask_first(connection: &mut MySqlConnection, events: &[AttendanceEvent], rows: usize) -> Duration {
    let question = format!("SELECT event_id FROM {TABLE} WHERE event_id IN ({})", vec!["?"; rows].join(","));
    let insert = format!("INSERT INTO {TABLE} ({COLUMNS}) VALUES {}", places(rows));
    let start = Instant::now();
    for chunk in events.chunks_exact(rows) {
        let mut transaction = connection.begin().await.expect("a transaction");
        let mut ids = MySqlArguments::default();
        for event in chunk {
            ids.add(event.id.to_string()).expect("an id");
        }
        let known: Vec<String> = sqlx::query_scalar_with(AssertSqlSafe(question.as_str()), ids)
            .fetch_all(&mut *transaction)
            .await
            .expect("an answer");
        let known: HashSet<String> = known.into_iter().collect();
        assert!(known.is_empty(), "every event is new");
        sqlx::query_with(AssertSqlSafe(insert.as_str()), values(chunk))
            .execute(&mut *transaction)
            .await
            .expect("an insert");
        transaction.commit().await.expect("a commit");
    }
    start.elapsed()
}

fn places(rows: usize) -> String {
    vec!["(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"; rows].join(",")
}

fn values(events: &[AttendanceEvent]) -> MySqlArguments {
    let mut values = MySqlArguments::default();
    let mut add = |event: &AttendanceEvent| -> Result<(), sqlx::error::BoxDynError> {
        values.add(event.id.to_string())?;
        values.add(&event.device_serial)?;
        values.add(&event.device_name)?;
        values.add(&event.user_id)?;
        values.add(event.local_time)?;
        values.add(event.instant.map(|instant| instant.utc.naive_utc()))?;
        values.add(event.instant.map(|instant| instant.zone.name()))?;
        values.add(event.verify_mode.0)?;
        values.add(event.punch_state.0)?;
        values.add(event.work_code)?;
        values.add(event.source.as_str())?;
        values.add(event.flags_text())?;
        values.add(event.clock_drift_ms)?;
        values.add(&event.raw)
    };
    for event in events {
        add(event).expect("values");
    }
    values
}
