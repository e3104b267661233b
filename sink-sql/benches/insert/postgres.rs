//! PostgreSQL: as the server is set up.

use std::time::{Duration, Instant};

use attendance_model::AttendanceEvent;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{Comparison, ROUNDS, SINK, TABLE, open, through};

const COLUMNS: &str = "event_id, device_serial, device_name, user_id, local_time, utc_time, zone, verify_mode, \
                       punch_state, work_code, source, flags, clock_drift_ms, raw";

pub(crate) async fn compare(url: &str, events: &[AttendanceEvent]) {
    let mut comparison = Comparison::new("PostgreSQL");
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    for _ in 0..ROUNDS {
        comparison.add(SINK, through(&fresh(url, &mut connection).await, events).await);
        fresh(url, &mut connection).await;
        comparison.add("by hand, UNNEST of 1,000, RETURNING", unnest(&mut connection, events, 1_000).await);
        fresh(url, &mut connection).await;
        comparison.add("by hand, UNNEST of 5,000, RETURNING", unnest(&mut connection, events, 5_000).await);
        fresh(url, &mut connection).await;
        comparison.add("by hand, COPY of 5,000, INSERT SELECT", copy(&mut connection, events, 5_000).await);
    }
    drop_table(&mut connection).await;
    comparison.print();
}

async fn drop_table(connection: &mut PgConnection) {
    let sql = format!("DROP TABLE IF EXISTS {TABLE}, {TABLE}_schema CASCADE");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("no table");
}

async fn fresh(url: &str, connection: &mut PgConnection) -> sink_sql::SqlSink {
    drop_table(connection).await;
    open(url, TABLE).await
}

async fn unnest(connection: &mut PgConnection, events: &[AttendanceEvent], rows: usize) -> Duration {
    fn column<'e, T>(events: &'e [AttendanceEvent], value: impl Fn(&'e AttendanceEvent) -> T) -> Vec<T> {
        events.iter().map(value).collect()
    }
    let sql = format!(
        "INSERT INTO {TABLE} ({COLUMNS}) SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], \
         $5::timestamp[], $6::timestamptz[], $7::text[], $8::smallint[], $9::smallint[], $10::bigint[], $11::text[], \
         $12::text[], $13::bigint[], $14::bytea[]) ON CONFLICT (event_id) DO NOTHING RETURNING event_id"
    );
    let start = Instant::now();
    let mut new = 0;
    for chunk in events.chunks(rows) {
        let ids: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
            .bind(column(chunk, |event| event.id.to_string()))
            .bind(column(chunk, |event| event.device_serial.as_str()))
            .bind(column(chunk, |event| event.device_name.as_str()))
            .bind(column(chunk, |event| event.user_id.as_str()))
            .bind(column(chunk, |event| event.local_time))
            .bind(column(chunk, |event| event.instant.map(|instant| instant.utc)))
            .bind(column(chunk, |event| event.instant.map(|instant| instant.zone.name())))
            .bind(column(chunk, |event| i16::from(event.verify_mode.0)))
            .bind(column(chunk, |event| i16::from(event.punch_state.0)))
            .bind(column(chunk, |event| event.work_code.map(i64::from)))
            .bind(column(chunk, |event| event.source.as_str()))
            .bind(column(chunk, AttendanceEvent::flags_text))
            .bind(column(chunk, |event| event.clock_drift_ms))
            .bind(column(chunk, |event| event.raw.as_slice()))
            .fetch_all(&mut *connection)
            .await
            .expect("an insert");
        new += ids.len();
    }
    assert_eq!(new, events.len(), "every event is new");
    start.elapsed()
}

async fn copy(connection: &mut PgConnection, events: &[AttendanceEvent], rows: usize) -> Duration {
    let stage = format!("CREATE TEMP TABLE IF NOT EXISTS stage (LIKE {TABLE} INCLUDING DEFAULTS)");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(stage))).await.expect("a stage");
    let insert = format!(
        "INSERT INTO {TABLE} ({COLUMNS}) SELECT {COLUMNS} FROM stage \
         ON CONFLICT (event_id) DO NOTHING RETURNING event_id"
    );
    let start = Instant::now();
    let mut new = 0;
    for chunk in events.chunks(rows) {
        let mut transaction = connection.begin().await.expect("a transaction");
        transaction.execute("TRUNCATE stage").await.expect("an empty stage");
        let copy = format!("COPY stage ({COLUMNS}) FROM STDIN");
        let mut input = transaction.copy_in_raw(&copy).await.expect("a copy");
        let text: String = chunk.iter().map(line).collect();
        input.send(text.into_bytes()).await.expect("rows");
        input.finish().await.expect("a copy");
        let ids: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(insert.as_str())).fetch_all(&mut *transaction).await.expect("an insert");
        new += ids.len();
        transaction.commit().await.expect("a commit");
    }
    assert_eq!(new, events.len(), "every event is new");
    start.elapsed()
}

/// A line in COPY's text format. The events of the sample have nothing to escape.
fn line(event: &AttendanceEvent) -> String {
    let null = || "\\N".to_owned();
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t\\\\x{}\n",
        event.id,
        event.device_serial,
        event.device_name,
        event.user_id,
        event.local_time,
        event.instant.map_or_else(null, |instant| instant.utc.to_rfc3339()),
        event.instant.map_or_else(null, |instant| instant.zone.name().to_owned()),
        event.verify_mode.0,
        event.punch_state.0,
        event.work_code.map_or_else(null, |code| code.to_string()),
        event.source.as_str(),
        event.flags_text(),
        event.clock_drift_ms.map_or_else(null, |drift| drift.to_string()),
        event.raw.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    )
}
