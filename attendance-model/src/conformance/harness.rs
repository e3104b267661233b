//! The part of the suite that each sink implements.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use crate::flat::FlatEvent;
use crate::{AttendanceEvent, EventId, Sink};

/// The limit for one test.
const LIMIT: Duration = Duration::from_secs(180);

/// A sink under test, and an independent way to read back what it stored.
pub trait Harness: Sized + Send + Sync {
    /// True if a write may succeed and its answer be lost, as through a [`Proxy`](super::Proxy) that breaks
    /// connections. Written again, such events come back as stored already; no other outcome may differ.
    const LOSES_ANSWERS: bool = false;
    /// The number of events in a big log. A slow server with several harnesses takes it whole with one of them.
    const BIG_LOG: usize = 50_000;

    /// Returns an error if the tests cannot run here.
    ///
    /// # Errors
    /// The reason, such as a missing server. Each test then prints that it was skipped, and passes.
    fn available() -> Result<(), String> {
        Ok(())
    }

    /// A sink on a target of its own, which holds nothing.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The sink.
    fn sink(&self) -> &dyn Sink;

    /// A second sink on the same target, as another process would open it.
    fn another(&self) -> Box<dyn Sink>;

    /// The stored events, in any order.
    fn stored(&self) -> impl Future<Output = Vec<View>> + Send;

    /// The part of an event that the sink's layout keeps.
    fn view(&self, event: &AttendanceEvent) -> View {
        View::full(event)
    }
}

/// One stored event as text, field by field; an absent field and a null are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    id: EventId,
    fields: BTreeMap<&'static str, String>,
}

impl View {
    /// The names of all fields, in the order of the table `attendance_events`.
    pub const FIELDS: [&'static str; 13] = [
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

    /// A view whose every field is read with `value`; `None` leaves it out.
    #[must_use]
    pub fn read(id: EventId, mut value: impl FnMut(&'static str) -> Option<String>) -> Self {
        Self::FIELDS.into_iter().fold(Self::new(id), |view, name| view.with(name, value(name)))
    }

    /// A view with no field but its id.
    #[must_use]
    pub fn new(id: EventId) -> Self {
        Self { id, fields: BTreeMap::new() }
    }

    /// With a field; `None` leaves it out.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<Option<String>>) -> Self {
        if let Some(value) = value.into() {
            self.fields.insert(field, value);
        }
        self
    }

    /// Returns true if it has every field of `other` with the same value, and perhaps more, whatever their ids.
    #[must_use]
    pub fn has_fields_of(&self, other: &Self) -> bool {
        other.fields.iter().all(|(name, value)| self.fields.get(name) == Some(value))
    }

    /// Every field, by the names and in the text forms of [`FlatEvent`]; the id is the event's key.
    #[must_use]
    pub fn full(event: &AttendanceEvent) -> Self {
        let flat = FlatEvent::new(event.id, event);
        Self::new(event.id)
            .with("device_serial", flat.device_serial.to_owned())
            .with("device_name", flat.device_name.to_owned())
            .with("user_id", flat.user_id.to_owned())
            .with("local_time", flat.local_time)
            .with("utc_time", flat.utc_time)
            .with("zone", flat.zone.map(str::to_owned))
            .with("verify_mode", flat.verify_mode.to_string())
            .with("punch_state", flat.punch_state.to_string())
            .with("work_code", flat.work_code.map(|code| code.to_string()))
            .with("source", flat.source.to_owned())
            .with("flags", flat.flags)
            .with("clock_drift_ms", flat.clock_drift_ms.map(|drift| drift.to_string()))
            .with("raw", flat.raw)
    }
}

/// Runs one test of the suite on a runtime of its own, within three minutes. Called by
/// [`sink_conformance!`](crate::sink_conformance).
///
/// # Panics
/// When the promise is broken or the time is over.
pub fn run<H: Harness>(name: &str, test: impl Future<Output = ()>) {
    if let Err(why) = H::available() {
        print_skipped(name, &why);
        return;
    }
    // Without a runtime there is no test: a panic is how a test says so.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test needs a runtime");
    runtime.block_on(async {
        tokio::time::timeout(LIMIT, test).await.unwrap_or_else(|_| panic!("{name} took longer than {LIMIT:?}"));
    });
}

/// Returns true if the running test cannot run for this reason, and prints that it is skipped, under its thread's name.
#[must_use]
pub fn skipped(why: Option<String>) -> bool {
    let thread = std::thread::current();
    if let Some(why) = &why {
        print_skipped(thread.name().unwrap_or("a test"), why);
    }
    why.is_some()
}

fn print_skipped(test: &str, why: &str) {
    // Not `eprintln!`, which the test harness would swallow.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample_with;

    #[test]
    fn a_full_view_has_no_field_without_a_name() {
        let event = sample_with(|event| {
            event.work_code = Some(7);
            let zone = chrono_tz::Indian::Maldives;
            event.instant = Some(crate::Instant { utc: event.local_time.and_utc(), zone });
        });
        let full = View::full(&event);
        assert_eq!(full, View::read(event.id, |name| full.fields.get(name).cloned()));
        assert_eq!(full.fields.len(), View::FIELDS.len());
    }
}
