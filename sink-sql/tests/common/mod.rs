//! Helpers for the tests of both servers.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::atomic::{AtomicU32, Ordering};

use attendance_model::conformance::View;
use attendance_model::{Settings, SinkError, SinkErrorKind};
use sink_sql::{SqlOptions, SqlSink};

/// The view of a row: its id, and the fields in the order of [`View::FIELDS`].
pub(crate) fn view(id: &str, fields: impl IntoIterator<Item = Option<String>>) -> View {
    let mut fields = fields.into_iter();
    View::read(id.parse().unwrap(), |_| fields.next().flatten())
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

/// Runs to its end where no runtime can be entered any more, as in `drop`.
pub(crate) fn finish(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        scope.spawn(move || runtime.block_on(work));
    });
}

/// Failures of different sorts: each of its kind, with the target's place and a hint that only its own sort has.
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

/// A certificate that does not serve: permanent, with a hint about certificates.
pub(crate) fn is_a_certificate_s(error: &SinkError, what: &str) {
    assert!(what.ends_with("false"), "{what}: {error:?}");
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Certificate, false), "{what}: {error:?}");
    assert!(error.hint.as_ref().unwrap().contains("tls_ca"), "{what}");
}
