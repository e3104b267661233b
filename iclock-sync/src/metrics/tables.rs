//! The numbers of each terminal and each sink.

use chrono::{DateTime, Utc};
use prometheus_client::metrics::MetricType;

use crate::service::status::{SinkState, TerminalState};

/// A number of each terminal: name, description, kind, value.
pub(super) type OfTerminal = (&'static str, &'static str, MetricType, fn(&TerminalState, DateTime<Utc>) -> Option<f64>);
/// The same of each sink.
pub(super) type OfSink = (&'static str, &'static str, MetricType, fn(&SinkState, DateTime<Utc>) -> Option<f64>);

pub(super) const TERMINALS: [OfTerminal; 18] = [
    ("polls", "Polls that have ended", MetricType::Counter, |t, _| count(t.polls)),
    ("failed_polls", "Polls that failed", MetricType::Counter, |t, _| count(t.failed_polls)),
    ("sessions", "Sessions that were opened", MetricType::Counter, |t, _| count(t.sessions)),
    ("gaps", "Times at which it could not be heard for a while", MetricType::Counter, |t, _| count(t.gaps)),
    ("read_bytes", "Bytes of the log that came over the wire", MetricType::Counter, |t, _| count(t.bytes_read)),
    ("records_read", "Records read and proven", MetricType::Counter, |t, _| count(t.records_read)),
    ("new_events", "Events that entered the ledger", MetricType::Counter, |t, _| count(t.new)),
    ("known_records", "Records that the ledger had", MetricType::Counter, |t, _| count(t.known)),
    ("quarantined", "Records that entered the quarantine", MetricType::Counter, |t, _| count(t.quarantined)),
    ("up", "1 if the last poll went well", MetricType::Gauge, |t, _| {
        t.last_poll.map(|_| f64::from(u8::from(t.error.is_none())))
    }),
    ("failures_in_a_row", "Polls in a row that failed", MetricType::Gauge, |t, _| count(t.failures)),
    ("last_success_timestamp_seconds", "End of the last poll that went well", MetricType::Gauge, |t, _| {
        t.last_success.map(seconds)
    }),
    ("last_push_timestamp_seconds", "Last punches that came by another way than a poll", MetricType::Gauge, |t, _| {
        t.last_push.map(seconds)
    }),
    ("last_call_timestamp_seconds", "Last call of a terminal that pushes", MetricType::Gauge, |t, _| {
        t.last_call.map(seconds)
    }),
    ("last_poll_timestamp_seconds", "End of the last poll", MetricType::Gauge, |t, _| t.last_poll.map(seconds)),
    ("clock_drift_seconds", "Its clock less the true time", MetricType::Gauge, |t, _| {
        t.clock_drift_ms.map(|drift| drift as f64 / 1_000.0)
    }),
    ("records", "Records that it holds", MetricType::Gauge, |t, _| t.records.and_then(count)),
    ("capacity", "Records that it can hold", MetricType::Gauge, |t, _| t.capacity.and_then(count)),
];

pub(super) const SINKS: [OfSink; 12] = [
    ("deliveries", "Deliveries that have ended", MetricType::Counter, |s, _| count(s.deliveries)),
    ("failed_deliveries", "Deliveries that failed", MetricType::Counter, |s, _| count(s.failed_deliveries)),
    ("requests", "Calls to write, and probes", MetricType::Counter, |s, _| count(s.requests)),
    ("stored", "Events that it did not have before", MetricType::Counter, |s, _| count(s.stored)),
    ("already_stored", "Events that it had before", MetricType::Counter, |s, _| count(s.already_stored)),
    ("rejected", "Events that it will never take", MetricType::Counter, |s, _| count(s.rejected)),
    ("up", "1 if the last delivery went well", MetricType::Gauge, |s, _| Some(f64::from(u8::from(s.error.is_none())))),
    ("paused", "1 if a person has paused it", MetricType::Gauge, |s, _| Some(f64::from(u8::from(s.paused)))),
    ("pending", "Events that still have to go out", MetricType::Gauge, |s, _| count(s.pending)),
    ("held", "Events outside the window", MetricType::Gauge, |s, _| count(s.held)),
    ("lag_seconds", "The time for which events have had to go out", MetricType::Gauge, |s, now| {
        Some(s.pending_since.map_or(0.0, |since| (seconds(now) - seconds(since)).max(0.0)))
    }),
    ("last_success_timestamp_seconds", "End of the last delivery that went well", MetricType::Gauge, |s, _| {
        s.last_success.map(seconds)
    }),
];

#[allow(clippy::unnecessary_wraps, reason = "the tables need an Option")]
pub(super) fn count(count: u64) -> Option<f64> {
    Some(count as f64)
}

pub(super) fn seconds(moment: DateTime<Utc>) -> f64 {
    moment.timestamp_millis() as f64 / 1_000.0
}
