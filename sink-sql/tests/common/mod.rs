//! What the tests of both servers share.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use attendance_model::conformance::{View, sample};
use attendance_model::{AttendanceEvent, Outcome, Settings, Sink, SinkErrorKind};
use sink_sql::{SqlOptions, SqlSink};

/// The columns of [`View::full`] but the id, in the order in which the tests ask for them.
pub(crate) const FIELDS: [&str; 13] = [
    "device_serial",
    "device_name",
    "user_id",
    "local_time",
    "utc_time",
    "zone",
    "verify_mode",
    "punch_state",
    "work_code",
    "source",
    "flags",
    "clock_drift_ms",
    "raw",
];

pub(crate) fn view(id: &str, fields: impl IntoIterator<Item = Option<String>>) -> View {
    let view = View::new(id.parse().unwrap());
    FIELDS.into_iter().zip(fields).fold(view, |view, (name, value)| view.with(name, value))
}

pub(crate) fn open(url: &str, settings: &str) -> SqlSink {
    let joint = if url.contains('?') { '&' } else { '?' };
    let options = SqlOptions::parse("test", &format!("{url}{joint}{settings}"), Settings::default());
    SqlSink::open(options.unwrap()).unwrap()
}

/// A name that no other test and no other run uses at the same time.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a test that needs the server of this variable cannot run; says so then.
pub(crate) fn skipped(test: &str, variable: &str) -> bool {
    let missing = std::env::var_os(variable).is_none();
    if missing {
        // Not `eprintln!`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {variable} is not set");
    }
    missing
}

/// Runs to its end where no runtime can be entered any more, as in `drop`.
pub(crate) fn finish(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        scope.spawn(move || runtime.block_on(work));
    });
}

/// Nobody listens: said at once, not when the time is over.
pub(crate) async fn refuses(scheme: &str) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Instant::now();
    let failure = open(&format!("{scheme}://me:hunter2@127.0.0.1:{port}/a"), "").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::Unreachable, "{failure:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(!format!("{failure:?}").contains("hunter2"));
}

/// Somebody listens and says nothing.
pub(crate) async fn is_silent(scheme: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let failure = open(&format!("{scheme}://me@127.0.0.1:{port}/a"), "timeout=1s").probe().await.unwrap_err();
    assert_eq!(failure.kind, SinkErrorKind::TimedOut, "{failure:?}");
}

/// Several writers, the same events, each in another order: none fails, and each event is stored by one of them.
pub(crate) async fn writers_at_once(open: impl Fn() -> SqlSink) {
    let events = sample(2_000);
    let orders: [Vec<AttendanceEvent>; 4] = [
        events.clone(),
        events.iter().rev().cloned().collect(),
        events[1_000..].iter().chain(&events[..1_000]).cloned().collect(),
        events.iter().step_by(2).chain(events.iter().skip(1).step_by(2)).cloned().collect(),
    ];
    let tasks = orders.map(|events| {
        let sink = open();
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
}

/// Eight programs meet a database without the table, and all of them can write.
pub(crate) async fn start_at_once(open: impl Fn() -> SqlSink) {
    let starts: Vec<_> = (0..8)
        .map(|number| {
            let sink = open();
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
