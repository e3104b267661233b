//! Metrics: the status of a service and of its process as OpenMetrics text.

mod resources;
mod tables;

use std::collections::BTreeMap;
use std::fmt;

use attendance_model::Reason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub use resources::Resources;

use crate::quarantine::QuarantineSize;
use crate::service::Status;
use crate::service::status::{Disk, SinkState};
use tables::{SINKS, TERMINALS, count, seconds};

/// Returns the metrics as OpenMetrics text, which Prometheus and others read. The names are stable, and there are as
/// many as terminals, sinks and reasons. `quarantine` is of the ledger ([`Ledger::quarantine_sizes`]); without it, that
/// number is left out.
///
/// [`Ledger::quarantine_sizes`]: crate::Ledger::quarantine_sizes
#[must_use]
pub fn to_text(status: &Status, resources: &Resources, quarantine: Option<&[QuarantineSize]>) -> String {
    let mut registry = Registry::default();
    let quarantine = quarantine.map(waiting);
    registry.register_collector(Box::new(Snapshot { status: status.clone(), resources: *resources, quarantine }));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// Records by the terminal's configured name and the reason.
type Waiting = BTreeMap<(String, Reason), u64>;

#[derive(Debug)]
struct Snapshot {
    status: Status,
    resources: Resources,
    quarantine: Option<Waiting>,
}

/// The terminal of a name may have been replaced by one with another serial number: the records of both wait.
fn waiting(sizes: &[QuarantineSize]) -> Waiting {
    let mut waiting = Waiting::new();
    for size in sizes {
        *waiting.entry((size.device_name.clone(), size.reason)).or_default() += size.waiting + size.counted_only;
    }
    waiting
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Status { at, started_at, terminals, sinks, disk, pushed } = &self.status;
        for (name, help, kind, value) in TERMINALS {
            let values = terminals.iter().filter_map(|(of, state)| Some((of, value(state, *at)?)));
            family(
                &mut encoder,
                &format!("iclock_terminal_{name}"),
                help,
                kind,
                values.map(|(of, value)| ([("terminal", of.as_str())], value)),
            )?;
        }
        let rejected = terminals.iter().flat_map(|(of, state)| {
            state
                .rejected
                .iter()
                .map(move |(reason, count)| ([("terminal", of.as_str()), ("reason", reason.as_str())], *count as f64))
        });
        let help = "Records refused by validation";
        family(&mut encoder, "iclock_terminal_rejected", help, MetricType::Counter, rejected)?;
        let quarantine = self.quarantine.iter().flatten();
        let quarantine = quarantine.map(|((terminal, reason), count)| {
            ([("terminal", terminal.as_str()), ("reason", reason.as_str())], *count as f64)
        });
        let help = "Records that wait in the quarantine";
        family(&mut encoder, "iclock_quarantine_records", help, MetricType::Gauge, quarantine)?;
        for (name, help, kind, value) in SINKS {
            let values = sinks.iter().filter_map(|(of, state)| Some((of, value(state, *at)?)));
            family(
                &mut encoder,
                &format!("iclock_sink_{name}"),
                help,
                kind,
                values.map(|(of, value)| ([("sink", of.as_str())], value)),
            )?;
        }
        delays(&mut encoder, sinks)?;
        for (name, help, label, counts) in [
            ("uploads", "Uploads of terminals that were acknowledged", "table", &pushed.uploads),
            ("lines", "Lines in uploads that were acknowledged", "table", &pushed.lines),
            ("refused", "Requests of terminals that were refused", "reason", &pushed.refused),
        ] {
            let values = counts.iter().map(|(of, count)| ([(label, of.as_str())], *count as f64));
            family(&mut encoder, &format!("iclock_push_{name}"), help, MetricType::Counter, values)?;
        }
        let Resources { memory, cpu_seconds, open_files, network_received, network_sent } = self.resources;
        let of_disk = |bytes: fn(&Disk) -> u64| disk.as_ref().and_then(|disk| count(bytes(disk)));
        let of_process = [
            (
                "iclock_disk_free_bytes",
                "Room on the state directory's disk",
                MetricType::Gauge,
                of_disk(|disk| disk.free),
            ),
            ("iclock_ledger_bytes", "Size of the ledger's file", MetricType::Gauge, of_disk(|disk| disk.ledger)),
            ("iclock_ledger_log_bytes", "Size of its write-ahead log", MetricType::Gauge, of_disk(|disk| disk.log)),
            ("process_resident_memory_bytes", "Resident memory", MetricType::Gauge, Some(memory as f64)),
            ("process_cpu_seconds", "CPU time", MetricType::Counter, Some(cpu_seconds)),
            (
                "process_network_receive_bytes",
                "Bytes that came over the process's network",
                MetricType::Counter,
                network_received.and_then(count),
            ),
            (
                "process_network_transmit_bytes",
                "Bytes that went out over the process's network",
                MetricType::Counter,
                network_sent.and_then(count),
            ),
            ("process_open_fds", "Open files", MetricType::Gauge, open_files.and_then(count)),
            ("process_start_time_seconds", "Start of the service", MetricType::Gauge, Some(seconds(*started_at))),
        ];
        for (name, help, kind, value) in of_process {
            family(&mut encoder, name, help, kind, value.map(|value| (NO_LABELS, value)))?;
        }
        Ok(())
    }
}

/// Writes how long events took from the punch to each sink. A sink that stored nothing has zeros, so that the first
/// event is an increase.
fn delays(encoder: &mut DescriptorEncoder<'_>, sinks: &BTreeMap<String, SinkState>) -> fmt::Result {
    if sinks.is_empty() {
        return Ok(());
    }
    let help = "Time from the punch, by the terminal's clock without its drift, until a sink had stored the event";
    let mut family = encoder.encode_descriptor("iclock_event_delivery_seconds", help, None, MetricType::Histogram)?;
    for (name, sink) in sinks {
        let ranges: Vec<_> = sink.delays.ranges().collect();
        let (sum, count) = (sink.delays.sum().as_secs_f64(), sink.delays.count());
        let labels = [("sink", name.as_str())];
        family.encode_family(&labels)?.encode_histogram::<[(&str, &str); 0]>(sum, count, &ranges, None)?;
    }
    Ok(())
}

const NO_LABELS: [(&str, &str); 0] = [];

/// Writes a family of numbers. One without numbers is left out.
fn family<L>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    values: impl IntoIterator<Item = (L, f64)>,
) -> fmt::Result
where
    L: EncodeLabelSet,
{
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        let mut metric = family.encode_family(&labels)?;
        match kind {
            MetricType::Counter => metric.encode_counter::<[(&str, &str); 0], f64, f64>(&value, None)?,
            _ => metric.encode_gauge(&value)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use attendance_model::{AttendanceEvent, EventId, Source};
    use chrono::{NaiveDateTime, TimeDelta};

    use super::*;
    use crate::clock::SystemClock;
    use crate::observer::Silent;
    use crate::report::{DeviceReport, SinkReport};
    use crate::tasks::Board;

    #[test]
    fn the_text_has_each_terminal_and_sink_under_stable_names() {
        let board = Board::new(Arc::new(SystemClock::new()), Arc::new(Silent));
        board.add_terminal("front \"gate\"", "192.0.2.10:4370".to_owned());
        board.add_sink("db");
        let mut report = DeviceReport::new("front \"gate\"", "192.0.2.10:4370");
        (report.new, report.clock_drift_ms) = (3, Some(-1_500));
        report.rejected.insert(Reason::EmptyUserId, 2);
        board.polled(&report);
        let mut delivery = SinkReport { pending: 4, ..SinkReport::new("db") };
        let now: NaiveDateTime = "2026-03-02T08:00:00".parse().unwrap();
        for ago in [2, 40, 4_000_000] {
            let shown = now - TimeDelta::seconds(ago);
            let event = AttendanceEvent::new(EventId::from_bytes([0; 16]), "S", "gate", "7", shown, Source::Pull);
            delivery.delays.note(&event, now.and_utc(), now);
        }
        board.delivered(&delivery);
        let waits = |serial: &str, waiting| QuarantineSize {
            serial: serial.to_owned(),
            device_name: "front \"gate\"".to_owned(),
            reason: Reason::EmptyUserId,
            waiting,
            counted_only: 1,
        };
        let disk = Disk { free: 5_000, ledger: 4_096, ..Disk::default() };
        assert!(!board.set_disk(disk));
        let mut status = board.status();
        status.pushed.uploads.insert("ATTLOG".to_owned(), 2);
        status.pushed.lines.insert("ATTLOG".to_owned(), 60);
        status.pushed.refused.insert("not_stored".to_owned(), 1);
        let resources = Resources { network_received: Some(7), ..Resources::of_this_process() };
        let text = to_text(&status, &resources, Some(&[waits("A", 20), waits("B", 3)]));
        for line in [
            "# TYPE iclock_terminal_new_events counter",
            "iclock_terminal_new_events_total{terminal=\"front \\\"gate\\\"\"} 3.0",
            "iclock_terminal_clock_drift_seconds{terminal=\"front \\\"gate\\\"\"} -1.5",
            "iclock_terminal_rejected_total{terminal=\"front \\\"gate\\\"\",reason=\"empty_user_id\"} 2.0",
            "iclock_quarantine_records{terminal=\"front \\\"gate\\\"\",reason=\"empty_user_id\"} 25.0",
            "# TYPE iclock_event_delivery_seconds histogram",
            "iclock_event_delivery_seconds_sum{sink=\"db\"} 4000042.0",
            "iclock_event_delivery_seconds_count{sink=\"db\"} 3",
            "iclock_event_delivery_seconds_bucket{le=\"1.0\",sink=\"db\"} 0",
            "iclock_event_delivery_seconds_bucket{le=\"5.0\",sink=\"db\"} 1",
            "iclock_event_delivery_seconds_bucket{le=\"60.0\",sink=\"db\"} 2",
            "iclock_event_delivery_seconds_bucket{le=\"+Inf\",sink=\"db\"} 3",
            "process_network_receive_bytes_total 7.0",
            "iclock_sink_pending{sink=\"db\"} 4.0",
            "iclock_disk_free_bytes 5000.0",
            "iclock_ledger_bytes 4096.0",
            "iclock_push_uploads_total{table=\"ATTLOG\"} 2.0",
            "iclock_push_lines_total{table=\"ATTLOG\"} 60.0",
            "iclock_push_refused_total{reason=\"not_stored\"} 1.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("\niclock_terminal_last_success_timestamp_seconds{"));
        let memory = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        assert!(memory.is_some_and(|bytes| bytes.parse::<f64>().unwrap() > 1e6), "{text}");
        // A number that is not known is left out.
        assert!(!text.contains("iclock_terminal_records{"));
        assert!(!to_text(&status, &resources, None).contains("iclock_quarantine_records"));
    }
}
