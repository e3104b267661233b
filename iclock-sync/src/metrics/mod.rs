//! Metrics: the status of a service and of its process as OpenMetrics text.

mod resources;
mod tables;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub use resources::Resources;

use crate::service::Status;
use crate::service::status::Disk;
use tables::{SINKS, TERMINALS, count, seconds};

/// Returns the metrics as OpenMetrics text, which Prometheus and others read. The names are stable.
#[must_use]
pub fn to_text(status: &Status, resources: &Resources) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot { status: status.clone(), resources: *resources }));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Snapshot {
    status: Status,
    resources: Resources,
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
        for (name, help, label, counts) in [
            ("uploads", "Uploads of terminals that were acknowledged", "table", &pushed.uploads),
            ("lines", "Lines in uploads that were acknowledged", "table", &pushed.lines),
            ("refused", "Requests of terminals that were refused", "reason", &pushed.refused),
        ] {
            let values = counts.iter().map(|(of, count)| ([(label, of.as_str())], *count as f64));
            family(&mut encoder, &format!("iclock_push_{name}"), help, MetricType::Counter, values)?;
        }
        let Resources { memory, cpu_seconds, open_files } = self.resources;
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
            ("process_open_fds", "Open files", MetricType::Gauge, open_files.and_then(count)),
            ("process_start_time_seconds", "Start of the service", MetricType::Gauge, Some(seconds(*started_at))),
        ];
        for (name, help, kind, value) in of_process {
            family(&mut encoder, name, help, kind, value.map(|value| (NO_LABELS, value)))?;
        }
        Ok(())
    }
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
        report.rejected.insert(attendance_model::Reason::EmptyUserId, 2);
        board.polled(&report);
        board.delivered(&SinkReport { pending: 4, ..SinkReport::new("db") });
        let disk = Disk { free: 5_000, ledger: 4_096, ..Disk::default() };
        assert!(!board.set_disk(disk));
        let mut status = board.status();
        status.pushed.uploads.insert("ATTLOG".to_owned(), 2);
        status.pushed.lines.insert("ATTLOG".to_owned(), 60);
        status.pushed.refused.insert("not_stored".to_owned(), 1);
        let text = to_text(&status, &Resources::of_this_process());
        for line in [
            "# TYPE iclock_terminal_new_events counter",
            "iclock_terminal_new_events_total{terminal=\"front \\\"gate\\\"\"} 3.0",
            "iclock_terminal_clock_drift_seconds{terminal=\"front \\\"gate\\\"\"} -1.5",
            "iclock_terminal_rejected_total{terminal=\"front \\\"gate\\\"\",reason=\"empty_user_id\"} 2.0",
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
    }
}
