//! The tests that every database server runs, whichever it is: `server_tests!(Postgres);` names them all.

use std::collections::HashSet;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use attendance_model::conformance::{self, Direction, Fault, Harness, Proxy, View, sample};
use attendance_model::{AttendanceEvent, Outcome, Sink, SinkErrorKind};
use sink_sql::SqlSink;

use crate::common::{self, open, unique};
use crate::readers;

mod names;

pub(crate) use names::{Naming, a_user_without_rights_to_the_people_writes_events_all_the_same};

/// A kind of server, and a way to use it without the sink.
pub(crate) trait Server: Debug + Send + Sync + 'static {
    /// The variable with the URL of the server to test on.
    const VARIABLE: &str;
    /// The schemes of its URLs.
    const SCHEMES: [&str; 2];
    /// The order of user ids as plain text.
    const BY_USER: &str;

    /// Executes statements.
    fn execute(sql: String) -> impl Future<Output = ()> + Send;

    /// The rows of a question whose columns are text.
    fn rows(question: String) -> impl Future<Output = Vec<Vec<Option<String>>>> + Send;

    /// An expression as text.
    fn text(value: &str) -> String;

    /// A column of the table as text, in the form of [`View`].
    fn column(field: &str) -> String;

    /// The statements that drop a table and everything that belongs to it.
    fn drop_table(name: &str) -> String;

    /// The statements that make a user with this name and the password `secret`, and the one that drops them.
    fn user(name: &str) -> [String; 2];

    /// The statements that grant rights to that user.
    fn grant(rights: &str, table: &str, user: &str) -> String;

    /// The question for the comment on the table's `local_time`.
    fn comment_on_local_time(table: &str) -> String;
}

/// The server's URL.
pub(crate) fn url<S: Server>() -> String {
    std::env::var(S::VARIABLE).unwrap()
}

fn available<S: Server>() -> Result<(), String> {
    std::env::var(S::VARIABLE).map(|_| ()).map_err(|_| format!("{} is not set", S::VARIABLE))
}

/// Returns true if there is no such server; prints that the test is skipped.
pub(crate) fn skipped<S: Server>() -> bool {
    conformance::skipped(available::<S>().err())
}

/// A table of its own, dropped in the end.
pub(crate) struct Table<S: Server> {
    pub(crate) name: String,
    pub(crate) sink: SqlSink,
    server: PhantomData<S>,
}

impl<S: Server> Table<S> {
    pub(crate) fn new() -> Self {
        let name = unique("punches");
        let sink = open(&url::<S>(), &format!("table={name}"));
        Self { name, sink, server: PhantomData }
    }

    pub(crate) fn open(&self, settings: &str) -> SqlSink {
        open(&url::<S>(), &format!("table={}&{settings}", self.name))
    }

    pub(crate) async fn count(&self) -> usize {
        let question = format!("SELECT {} FROM {}", S::text("count(*)"), self.name);
        S::rows(question).await[0][0].as_ref().unwrap().parse().unwrap()
    }
}

impl<S: Server> Drop for Table<S> {
    fn drop(&mut self) {
        common::finish(S::execute(S::drop_table(&self.name)));
    }
}

impl<S: Server> Harness for Table<S> {
    fn available() -> Result<(), String> {
        available::<S>()
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
        let columns = View::FIELDS.map(S::column).join(", ");
        let rows = S::rows(format!("SELECT event_id, {columns} FROM {}", self.name)).await;
        let view = |row: Vec<Option<String>>| {
            let mut values = row.into_iter();
            let id = values.next().flatten().unwrap();
            common::view(&id, values)
        };
        rows.into_iter().map(view).collect()
    }
}

/// The same table, through a connection that breaks again and again.
pub(crate) struct Stormy<S: Server> {
    table: Table<S>,
    through: String,
    sink: SqlSink,
    /// Ends with the test.
    _proxy: Proxy,
}

impl<S: Server> Harness for Stormy<S> {
    const LOSES_ANSWERS: bool = true;

    fn available() -> Result<(), String> {
        available::<S>()
    }

    async fn fresh() -> Self {
        let (table, url) = (Table::<S>::new(), url::<S>());
        let proxy = Proxy::start(place(&url)).await.unwrap();
        let through = url.replace(place(&url), &proxy.address());
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

/// Names the tests of a server, one for each function of this module that takes a [`Server`] and is listed here.
#[macro_export]
macro_rules! server_tests {
    ($server:ident) => {
        attendance_model::sink_conformance!($crate::server::Table<$server>);

        mod on_a_wire_that_breaks {
            attendance_model::sink_conformance!($crate::server::Stormy<super::$server>);
        }

        mod with_names {
            attendance_model::names_conformance!($crate::server::Naming<super::$server>);
        }

        $crate::server_tests! { @tests $server:
            a_user_without_rights_to_the_people_writes_events_all_the_same
            a_write_cut_anywhere_is_completed_by_another_and_nothing_is_called_stored_that_is_not
            a_pause_ends_at_the_time_out_and_afterwards_all_goes_on
            a_server_that_is_not_there_is_said_at_once
            a_server_that_never_answers_is_given_up
            writers_in_different_orders_do_not_stop_each_other
            a_schema_of_a_newer_program_is_refused
            a_table_that_somebody_else_made_is_refused
            a_table_that_was_dropped_is_missing_until_the_next_probe
            readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person
            a_view_of_somebody_else_s_is_not_taken_over
            several_that_start_at_once_prepare_the_table_once
        }
    };
    (@tests $server:ident: $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::server::$name::<$server>().await;
            }
        )*
    };
}

/// A write of 500 rows is cut at many places, each way. Written again it is whole, and its outcomes are true.
pub(crate) async fn a_write_cut_anywhere_is_completed_by_another_and_nothing_is_called_stored_that_is_not<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    let url = url::<S>();
    let proxy = Proxy::start(place(&url)).await.unwrap();
    let through = url.replace(place(&url), &proxy.address());
    let sink = open(&through, &format!("table={}&timeout=5s", table.name));
    sink.probe().await.unwrap();
    let to_server = [0, 1, 4, 5, 1_000, 10_000, 50_000, 80_000].map(|bytes| (Direction::ToServer, bytes));
    let to_client = [0, 1, 4, 5, 100, 1_000, 10_000, 18_000].map(|bytes| (Direction::ToClient, bytes));
    let places: Vec<_> = to_server.into_iter().chain(to_client).collect();
    let events = sample(500 * places.len());
    let mut broken = 0;
    for (batch, (direction, bytes)) in events.chunks(500).zip(places) {
        // What goes over the open connections is counted from now.
        proxy.set(Fault::CutAfter { bytes, direction });
        let first = sink.write(batch).await;
        proxy.heal();
        let there: HashSet<View> = table.stored().await.into_iter().collect();
        let is_there = |event: &AttendanceEvent| there.contains(&View::full(event));
        match first {
            Ok(outcomes) => {
                // Stored already: the sink tried again by itself, after an answer that was lost.
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored | Outcome::AlreadyStored)));
                assert!(batch.iter().all(is_there), "called stored, cut after {bytes} {direction:?}");
            }
            Err(error) => {
                broken += 1;
                assert!(error.is_transient(), "{error:?}");
            }
        }
        let outcomes = sink.write(batch).await.unwrap();
        // What was not there when we looked may have been on its way still; what was there is never called new.
        for (event, outcome) in batch.iter().zip(outcomes) {
            assert!(
                outcome == Outcome::AlreadyStored || (outcome == Outcome::Stored && !is_there(event)),
                "{outcome:?}"
            );
        }
    }
    assert!(broken >= 4, "{broken} of the cuts met a write");
    let (mut sent, mut there): (Vec<View>, _) = (events.iter().map(View::full).collect(), table.stored().await);
    sent.sort();
    there.sort();
    assert_eq!(there, sent);
}

/// The server stops answering, resets, is slow; in the end five events are stored.
pub(crate) async fn a_pause_ends_at_the_time_out_and_afterwards_all_goes_on<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    let url = url::<S>();
    let proxy = Proxy::start(place(&url)).await.unwrap();
    let through = url.replace(place(&url), &proxy.address());
    let sink = open(&through, &format!("table={}&timeout=2s", table.name));
    sink.probe().await.unwrap();
    proxy.set(Fault::Pause);
    let (start, failure) = (Instant::now(), sink.write(&sample(3)).await.unwrap_err());
    assert_eq!(failure.kind, SinkErrorKind::TimedOut, "{failure:?}");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    proxy.heal();
    // What was on its way may have arrived.
    let outcomes = sink.write(&sample(3)).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored | Outcome::AlreadyStored)));
    proxy.set(Fault::ResetAfter { bytes: 0, direction: Direction::ToClient });
    assert!(sink.write(&sample(5)).await.unwrap_err().is_transient());
    proxy.set(Fault::Delay(Duration::from_millis(20)));
    sink.write(&sample(5)).await.unwrap();
    assert_eq!(table.count().await, 5);
}

/// Nobody listens: the sink reports it at once, not when the time is over.
pub(crate) async fn a_server_that_is_not_there_is_said_at_once<S: Server>() {
    for scheme in S::SCHEMES {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let start = Instant::now();
        let failure = open(&format!("{scheme}://me:hunter2@127.0.0.1:{port}/a"), "").probe().await.unwrap_err();
        assert_eq!(failure.kind, SinkErrorKind::Unreachable, "{failure:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}

/// Somebody listens and says nothing.
pub(crate) async fn a_server_that_never_answers_is_given_up<S: Server>() {
    for scheme in S::SCHEMES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let failure = open(&format!("{scheme}://me@127.0.0.1:{port}/a"), "timeout=1s").probe().await.unwrap_err();
        assert_eq!(failure.kind, SinkErrorKind::TimedOut, "{failure:?}");
    }
}

/// Several writers write the same events, each in another order: none fails, and each event is stored by one of them.
pub(crate) async fn writers_in_different_orders_do_not_stop_each_other<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    let events = sample(2_000);
    let orders: [Vec<AttendanceEvent>; 4] = [
        events.clone(),
        events.iter().rev().cloned().collect(),
        events[1_000..].iter().chain(&events[..1_000]).cloned().collect(),
        events.iter().step_by(2).chain(events.iter().skip(1).step_by(2)).cloned().collect(),
    ];
    let tasks = orders.map(|events| {
        let sink = table.open("");
        tokio::spawn(async move {
            sink.probe().await.unwrap();
            let mut stored = 0;
            for batch in events.chunks(250) {
                let outcomes = sink.write(batch).await.unwrap();
                stored += outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count();
            }
            stored
        })
    });
    let mut stored = 0;
    for task in tasks {
        stored += task.await.unwrap();
    }
    assert_eq!(stored, events.len());
    assert_eq!(table.count().await, 2_000);
}

pub(crate) async fn a_schema_of_a_newer_program_is_refused<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    table.sink.probe().await.unwrap();
    S::execute(format!("INSERT INTO {}_schema VALUES (1000)", table.name)).await;
    assert_eq!(table.sink.probe().await.unwrap_err().kind, SinkErrorKind::Schema);
}

pub(crate) async fn a_table_that_somebody_else_made_is_refused<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    S::execute(format!("CREATE TABLE {} (event_id varchar(64))", table.name)).await;
    assert_eq!(table.sink.probe().await.unwrap_err().kind, SinkErrorKind::Schema);
}

pub(crate) async fn a_table_that_was_dropped_is_missing_until_the_next_probe<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    table.sink.probe().await.unwrap();
    S::execute(format!("DROP TABLE {0}, {0}_schema CASCADE", table.name)).await;
    assert_eq!(table.sink.write(&sample(1)).await.unwrap_err().kind, SinkErrorKind::Missing);
    table.sink.probe().await.unwrap();
    assert_eq!(table.sink.write(&sample(1)).await.unwrap(), [Outcome::Stored]);
}

pub(crate) async fn readers_find_first_and_last_punch_of_each_day_and_the_latest_of_each_person<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    table.sink.probe().await.unwrap();
    table.sink.write(&readers::events()).await.unwrap();
    let rows = async |question: String| -> Vec<Vec<String>> {
        let rows = S::rows(question).await;
        rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
    };
    let [day, first, last, punches, time] = ["day", "first_in", "last_out", "punches", "local_time"].map(S::text);
    let (name, by_user) = (&table.name, S::BY_USER);
    let daily = format!(
        "SELECT user_id, {day}, {first}, {last}, {punches} FROM {name}_daily_attendance ORDER BY {by_user}, day"
    );
    assert_eq!(rows(daily).await, readers::DAILY);
    let latest = format!("SELECT user_id, {time}, device_name FROM {name}_latest_punch ORDER BY {by_user}");
    assert_eq!(rows(latest).await, readers::LATEST);
    assert_eq!(rows(S::comment_on_local_time(name)).await, [["The terminal's wall clock"]]);
}

pub(crate) async fn a_view_of_somebody_else_s_is_not_taken_over<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    S::execute(format!("CREATE VIEW {}_latest_punch AS SELECT 'mine'", table.name)).await;
    let failure = table.sink.probe().await.unwrap_err();
    S::execute(format!("DROP VIEW {}_latest_punch", table.name)).await;
    assert_eq!(failure.kind, SinkErrorKind::Schema, "{failure:?}");
    assert!(failure.hint.unwrap().contains("rename"));
}

/// Eight programs meet a database without the table, and all of them can write.
pub(crate) async fn several_that_start_at_once_prepare_the_table_once<S: Server>() {
    if skipped::<S>() {
        return;
    }
    let table = Table::<S>::new();
    let starts: Vec<_> = (0..8)
        .map(|number| {
            let sink = table.open("");
            tokio::spawn(async move {
                assert_eq!(sink.probe().await.unwrap(), []);
                sink.write(&sample(10)[number..=number]).await.unwrap()
            })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap(), [Outcome::Stored]);
    }
}

/// `HOST:PORT` of a URL.
fn place(url: &str) -> &str {
    let after = url.split("://").nth(1).unwrap();
    after.rsplit('@').next().unwrap().split('/').next().unwrap()
}
