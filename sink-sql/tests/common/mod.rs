//! What the tests of both servers share.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::HashSet;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use attendance_model::conformance::{Direction, Fault, Proxy, View, sample};
use attendance_model::{AttendanceEvent, Outcome, Settings, Sink, SinkError, SinkErrorKind};
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

/// Says why a test cannot run, where there is a reason.
pub(crate) fn said_to_be_skipped(test: &str, why: Option<String>) -> bool {
    if let Some(why) = &why {
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
    }
    why.is_some()
}

/// Failures of different sorts: each of its kind, with the target's place and a mend that only its own sort has.
pub(crate) fn told_apart(met: &[(&str, SinkErrorKind, SinkError)], place: &str) {
    let mut told = std::collections::HashMap::new();
    for (what, kind, error) in met {
        assert_eq!(error.kind, *kind, "{what}: {error:?}");
        let permanent = [
            SinkErrorKind::Credentials,
            SinkErrorKind::Rights,
            SinkErrorKind::Missing,
            SinkErrorKind::Schema,
            SinkErrorKind::Certificate,
        ];
        assert_eq!(error.is_transient(), !permanent.contains(kind), "{what}");
        assert!(error.message.contains(place), "{what}: {error}");
        assert!(!format!("{error:?}").contains("hunter2") && !format!("{error:?}").contains("secret"), "{what}");
        let hint = error.hint.clone().unwrap_or_else(|| panic!("{what} has no hint"));
        let same = told.insert(hint, *what);
        assert_eq!(same, None, "{what} is told as {same:?} is");
    }
}

/// A certificate that does not serve: permanent, and the mend speaks of certificates.
pub(crate) fn is_a_certificate_s(error: &SinkError, what: &str) {
    assert!(what.ends_with("false"), "{what}: {error:?}");
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Certificate, false), "{what}: {error:?}");
    assert!(error.hint.as_ref().unwrap().contains("tls_ca"), "{what}");
}

/// `HOST:PORT` of a URL.
pub(crate) fn place(url: &str) -> &str {
    let behind = url.split("://").nth(1).unwrap();
    behind.rsplit('@').next().unwrap().split('/').next().unwrap()
}

/// A write of 500 rows is cut at many places, each way; written again it is whole, and its outcomes are true.
pub(crate) async fn cut_anywhere<F: Future<Output = Vec<View>>>(url: &str, table: &str, stored: impl Fn() -> F) {
    let proxy = Proxy::start(place(url)).await.unwrap();
    let through = url.replace(place(url), &proxy.address());
    let sink = open(&through, &format!("table={table}&timeout=5s"));
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
        let there: HashSet<View> = stored().await.into_iter().collect();
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
    let (mut sent, mut there): (Vec<View>, _) = (events.iter().map(View::full).collect(), stored().await);
    sent.sort();
    there.sort();
    assert_eq!(there, sent);
}

/// A server that stops answering, one that resets, one that is slow; five events are stored in the end.
pub(crate) async fn paused(url: &str, table: &str) {
    let proxy = Proxy::start(place(url)).await.unwrap();
    let through = url.replace(place(url), &proxy.address());
    let sink = open(&through, &format!("table={table}&timeout=2s"));
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
}
