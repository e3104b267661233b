//! SQLite, in this process: one connection, used on a blocking thread.
//!
//! Through rusqlite and not sqlx: a prepared insert per row inside one transaction is the fastest way that says which
//! rows were new, and sqlx takes ten times as long for it (a hand-over between threads per row).

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use attendance_model::{EventId, NamedPerson, Notice, SinkError, SinkErrorKind};
use chrono::NaiveDate;
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, TransactionBehavior, params};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Dialect, Span, counts};
use crate::error::{FILE_READ_ONLY, from_sqlite, timed_out};
use crate::mapping::{COLUMNS, Limits, Row, utc_text, wall_clock_text};
use crate::migration::{self, Migration, SQLITE, SQLITE_PEOPLE};
use crate::options::SqlOptions;
use crate::people;
use crate::table::Table;

/// Rows per transaction. Larger ones gain little more and hold the file's lock for longer.
const BATCH: usize = 5_000;

/// A table in an SQLite file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    file: Arc<File>,
    connection: Arc<Mutex<Option<Connection>>>,
}

/// The facts about the file that need no opening.
#[derive(Debug)]
struct File {
    path: PathBuf,
    table: Table,
    target: String,
    timeout: Duration,
    insert: String,
    put_person: String,
}

impl Sqlite {
    pub(crate) fn new(path: PathBuf, options: &SqlOptions) -> Self {
        let table = options.table().clone();
        let insert = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (event_id) DO NOTHING",
            table.quoted('"'),
            COLUMNS.join(", "),
            ["?"; COLUMNS.len()].join(", "),
        );
        let people_table = table.people().quoted('"');
        let put_person = format!(
            "INSERT INTO {people_table} ({}) VALUES ({}) ON CONFLICT (device_serial, user_id) DO UPDATE
             SET device_name = excluded.device_name, name = excluded.name, seen_at = excluded.seen_at
             WHERE excluded.seen_at > {people_table}.seen_at",
            people::COLUMNS.join(", "),
            ["?"; people::COLUMNS.len()].join(", "),
        );
        let (target, timeout) = (options.target(), options.timeout());
        Self { file: Arc::new(File { path, table, target, timeout, insert, put_person }), connection: Arc::default() }
    }

    /// Runs `work` on a blocking thread, and interrupts it when the time is over.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&File, &mut Connection) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let deadline = tokio::time::Instant::now() + self.file.timeout;
        let late = || timed_out(doing, &self.file.target, self.file.timeout);
        let guard =
            tokio::time::timeout_at(deadline, Arc::clone(&self.connection).lock_owned()).await.map_err(|_| late())?;
        let file = Arc::clone(&self.file);
        let (handle_sent, mut handle) = tokio::sync::oneshot::channel();
        let mut task = tokio::task::spawn_blocking(move || on_connection(&file, guard, handle_sent, work));
        let joined = match tokio::time::timeout_at(deadline, &mut task).await {
            Ok(joined) => joined,
            Err(_) => {
                // The statement in hand ends and its transaction is undone; what had committed is found stored next
                // time.
                if let Ok(handle) = handle.try_recv() {
                    handle.interrupt();
                }
                return Err(late());
            }
        };
        joined.map_err(|cause| {
            SinkError::new(SinkErrorKind::Invalid, format!("cannot {doing} {}", self.file.target)).because(cause)
        })?
    }
}

/// Opens the connection when there is none, and gives it up when it can no longer be trusted.
fn on_connection<T>(
    file: &File,
    mut guard: OwnedMutexGuard<Option<Connection>>,
    handle: tokio::sync::oneshot::Sender<InterruptHandle>,
    work: impl FnOnce(&File, &mut Connection) -> Result<T, SinkError>,
) -> Result<T, SinkError> {
    // Of a file that was taken away, the system keeps the contents for us, unseen by anybody else.
    if !file.path.exists() {
        *guard = None;
    }
    let connection = match &mut *guard {
        Some(connection) => connection,
        empty => empty.insert(file.open()?),
    };
    if handle.send(connection.get_interrupt_handle()).is_err() {
        // The file was locked for so long that nobody waits for this any more.
        return Err(timed_out("open", &file.target, file.timeout));
    }
    let result = work(file, connection);
    if matches!(&result, Err(error) if !matches!(error.kind, SinkErrorKind::Busy | SinkErrorKind::Full)) {
        *guard = None;
    }
    result
}

impl File {
    /// Opens the file, making it when it is not there, and brings its table to the newest version.
    fn open(&self) -> Result<Connection, SinkError> {
        self.check_place()?;
        let failed = |cause| from_sqlite("open", &self.target, cause);
        // No URI: a file may be called `file:x?mode=memory`.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        // Half, so that a lock is reported as one and not as the end of the whole call's time.
        connection.busy_timeout(self.timeout / 2).map_err(failed)?;
        self.use_write_ahead_log(&connection).map_err(failed)?;
        // A commit is on the disk before we say "stored".
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        // Ids fall anywhere in their index: a page is written less often when more of it is kept, here (KiB, so
        // negative) and in the log (pages). At a million rows the two halve the time.
        connection.pragma_update(None, "cache_size", -8_000).map_err(failed)?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 8_000, |_| Ok(())).map_err(failed)?;
        self.migrate(&mut connection)?;
        Ok(connection)
    }

    /// SQLite would only say "unable to open".
    fn check_place(&self) -> Result<(), SinkError> {
        let missing = |what: String, hint: &str| Err(SinkError::new(SinkErrorKind::Missing, what).hint(hint));
        if self.path.is_dir() {
            return missing(format!("cannot open {}: it is a directory", self.target), "name a file in it");
        }
        let Some(parent) = self.path.parent() else { return Ok(()) };
        match std::fs::metadata(parent) {
            Err(error) if error.kind() == ErrorKind::NotFound => missing(
                format!("cannot open {}: the directory {} does not exist", self.target, parent.display()),
                "create the directory, or mount the disk that it is on",
            ),
            // Anything else SQLite finds as well.
            _ => Ok(()),
        }
    }

    /// Readers do not wait for us, nor we for them. SQLite does not wait by itself for others who switch at the same
    /// moment.
    fn use_write_ahead_log(&self, connection: &Connection) -> rusqlite::Result<()> {
        let deadline = Instant::now() + self.timeout / 2;
        loop {
            let outcome =
                connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
            match outcome {
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(error),
                Ok(mode) => {
                    if mode != "wal" {
                        tracing::warn!(
                            target = self.target,
                            mode,
                            "no write-ahead log on this file system; slower, as safe"
                        );
                    }
                    return Ok(());
                }
            }
        }
    }

    fn migrate(&self, connection: &mut Connection) -> Result<(), SinkError> {
        self.bring_up(connection, &self.table, SQLITE, &self.insert)
    }

    /// Takes the steps that a table has not taken, under the file's write lock, so that several can start at once.
    /// `write` is the statement that has to fit the table then.
    fn bring_up(
        &self,
        connection: &mut Connection,
        table: &Table,
        steps: &[Migration],
        write: &str,
    ) -> Result<(), SinkError> {
        let failed = |cause| from_sqlite("prepare", &self.target, cause);
        // A file that cannot be written is opened all the same, and so is a transaction on it.
        if connection.is_readonly("main").map_err(failed)? {
            let problem = format!("cannot write to {}: the file is read-only", self.target);
            return Err(SinkError::new(SinkErrorKind::ReadOnly, problem).hint(FILE_READ_ONLY));
        }
        let versions = table.version_table('"');
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let create = format!("CREATE TABLE IF NOT EXISTS {versions} (version INTEGER NOT NULL PRIMARY KEY)");
        transaction.execute(&create, []).map_err(failed)?;
        let newest = format!("SELECT coalesce(max(version), 0) FROM {versions}");
        let found: i64 = transaction.query_row(&newest, [], |row| row.get(0)).map_err(failed)?;
        for step in migration::pending(steps, found, &self.target, table)? {
            transaction.execute_batch(&step.statements(table, '"')).map_err(failed)?;
            let record = format!("INSERT INTO {versions} (version) VALUES (?)");
            transaction.execute(&record, [step.version]).map_err(failed)?;
        }
        // A table of this name that somebody else made shows itself here, not at the first punch.
        transaction.prepare(write).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// The commit decides for the whole batch.
    fn insert(&self, connection: &mut Connection, rows: &[Row]) -> rusqlite::Result<HashSet<EventId>> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut stored = HashSet::with_capacity(rows.len());
        {
            let mut statement = transaction.prepare_cached(&self.insert)?;
            for Row { id, event, flags } in rows {
                let changed = statement.execute(params![
                    id.to_string(),
                    event.device_serial,
                    event.device_name,
                    event.user_id,
                    wall_clock_text(event.local_time),
                    event.instant.map(|instant| utc_text(instant.utc.naive_utc())),
                    event.instant.map(|instant| instant.zone.name()),
                    event.verify_mode.0,
                    event.punch_state.0,
                    event.work_code,
                    event.source.as_str(),
                    flags,
                    event.clock_drift_ms,
                    event.raw,
                ])?;
                if changed == 1 {
                    stored.insert(*id);
                }
            }
        }
        transaction.commit()?;
        Ok(stored)
    }

    fn put_people(&self, connection: &mut Connection, people: &[NamedPerson]) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached(&self.put_person)?;
            for NamedPerson { device_serial, device_name, user_id, name, seen_at, .. } in people {
                let seen_at = utc_text(seen_at.naive_utc());
                statement.execute(params![device_serial, user_id, device_name, name, seen_at])?;
            }
        }
        transaction.commit()
    }

    fn find(&self, connection: &Connection, ids: &[EventId]) -> rusqlite::Result<HashSet<EventId>> {
        let question = format!("SELECT 1 FROM {} WHERE event_id = ?", self.table.quoted('"'));
        let mut statement = connection.prepare_cached(&question)?;
        let mut found = HashSet::with_capacity(ids.len());
        for id in ids {
            if statement.exists([id.to_string()])? {
                found.insert(*id);
            }
        }
        Ok(found)
    }

    fn count(&self, connection: &Connection, span: Span) -> rusqlite::Result<HashMap<NaiveDate, u64>> {
        let question = format!(
            "SELECT substr(local_time, 1, 10) AS day, count(*) FROM {} WHERE local_time >= ? AND local_time < ?
             GROUP BY day",
            self.table.quoted('"')
        );
        let mut statement = connection.prepare_cached(&question)?;
        let span = [span.from, span.before].map(wall_clock_text);
        let rows = statement.query_map(span, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        // Text that is no day is none of ours.
        Ok(counts(rows.into_iter().filter_map(|(day, count)| Some((day.parse().ok()?, count)))))
    }
}

#[async_trait]
impl Dialect for Sqlite {
    fn limits(&self) -> &'static Limits {
        &Limits::NONE
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn concurrency(&self) -> usize {
        // The file has one write lock.
        1
    }

    async fn prepare(&self) -> Result<Vec<Notice>, SinkError> {
        self.run("prepare", |file, connection| file.migrate(connection)).await.map(|()| Vec::new())
    }

    async fn insert(&self, rows: Vec<Row>) -> Result<HashSet<EventId>, SinkError> {
        self.run("write to", move |file, connection| {
            file.insert(connection, &rows).map_err(|cause| from_sqlite("write to", &file.target, cause))
        })
        .await
    }

    async fn find(&self, ids: &[EventId]) -> Result<HashSet<EventId>, SinkError> {
        let ids = ids.to_vec();
        self.run("look into", move |file, connection| {
            file.find(connection, &ids).map_err(|cause| from_sqlite("look into", &file.target, cause))
        })
        .await
    }

    async fn count(&self, span: Span) -> Result<HashMap<NaiveDate, u64>, SinkError> {
        if !self.file.path.exists() {
            // Opening it would make it.
            let problem = format!("cannot look into {}: there is no such file", self.file.target);
            return Err(SinkError::new(SinkErrorKind::Missing, problem).hint("check the path of the sink"));
        }
        self.run("look into", move |file, connection| {
            file.count(connection, span).map_err(|cause| from_sqlite("look into", &file.target, cause))
        })
        .await
    }

    async fn prepare_people(&self) -> Result<(), SinkError> {
        self.run("prepare", |file, connection| {
            file.bring_up(connection, &file.table.people(), SQLITE_PEOPLE, &file.put_person)
        })
        .await
    }

    async fn put_people(&self, people: Vec<NamedPerson>) -> Result<(), SinkError> {
        self.run("write to", move |file, connection| {
            file.put_people(connection, &people).map_err(|cause| from_sqlite("write to", &file.target, cause))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use attendance_model::conformance::sample;
    use attendance_model::{IdScheme, Settings};

    use super::*;

    fn open(directory: &std::path::Path) -> Sqlite {
        let url = format!("sqlite:{}", directory.join("att.db").display());
        let options = SqlOptions::parse("test", &url, Settings::default()).unwrap();
        Sqlite::new(directory.join("att.db"), &options)
    }

    fn rows(count: usize) -> Vec<Row> {
        sample(count).iter().map(|event| Row::of(event, IdScheme::Full, &Limits::NONE).unwrap()).collect()
    }

    async fn allow_pages(sink: &Sqlite, pages: i64) {
        let limit = move |file: &File, connection: &mut Connection| {
            connection
                .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                .map_err(|cause| from_sqlite("limit", &file.target, cause))
        };
        sink.run("limit", limit).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_stores_nothing_of_the_batch_and_goes_on_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let sink = open(directory.path());
        sink.prepare().await.unwrap();
        allow_pages(&sink, 20).await;
        let failure = sink.insert(rows(2_000)).await.unwrap_err();
        assert_eq!(failure.kind, SinkErrorKind::Full, "{failure:?}");
        let ids: Vec<_> = rows(2_000).iter().map(|row| row.id).collect();
        assert_eq!(sink.find(&ids).await.unwrap(), HashSet::new());
        allow_pages(&sink, 1_000_000).await;
        assert_eq!(sink.insert(rows(2_000)).await.unwrap().len(), 2_000);
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_is_interrupted_and_the_next_one_works() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?timeout=1s", directory.path().join("att.db").display());
        let options = SqlOptions::parse("test", &url, Settings::default()).unwrap();
        let sink = Sqlite::new(directory.path().join("att.db"), &options);
        sink.prepare().await.unwrap();
        let endless = |file: &File, connection: &mut Connection| {
            let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
            connection.query_row(sql, [], |_| Ok(())).map_err(|cause| from_sqlite("count", &file.target, cause))
        };
        assert_eq!(sink.run("count", endless).await.unwrap_err().kind, SinkErrorKind::TimedOut);
        assert_eq!(sink.insert(rows(3)).await.unwrap().len(), 3);
    }
}
