//! The log. A run's outcomes have the target `iclock_sync::outcome`, so that a program that prints the report can leave
//! them out. Failures are errors, a log that was read again is a warning, the rest is information.

use crate::report::{DeviceReport, DeviceStatus, SinkReport, SinkStatus};

macro_rules! outcome {
    ($level:ident, $($field:tt)*) => {
        tracing::$level!(target: "iclock_sync::outcome", $($field)*)
    };
}

/// Logs the outcome at a terminal.
pub(crate) fn of_terminal(report: &DeviceReport) {
    let DeviceReport { name, status, error, records_read, new, duplicate, quarantined, duration_ms, .. } = report;
    let error = error.as_deref().unwrap_or_default();
    match status {
        DeviceStatus::Ok => {
            let mode = report.mode.map(|mode| mode.as_str()).unwrap_or_default();
            outcome!(info, terminal = %name, mode, read = records_read, new, known = duplicate, quarantined,
                ms = duration_ms, "terminal read");
        }
        DeviceStatus::Failed => outcome!(error, terminal = %name, ms = duration_ms, "terminal failed: {error}"),
        DeviceStatus::Unproven => outcome!(error, terminal = %name, ms = duration_ms, "log not proven: {error}"),
    }
}

/// Logs the outcome at a sink.
pub(crate) fn of_sink(report: &SinkReport) {
    let SinkReport { name, stored, already_stored, merged, pending, held, duration_ms, .. } = report;
    let error = report.error.as_deref().unwrap_or_default();
    match report.status {
        SinkStatus::Failed => outcome!(error, sink = %name, pending, ms = duration_ms, "sink failed: {error}"),
        _ if report.over_limit => outcome!(warn, sink = %name, pending, "sink stopped: {error}"),
        SinkStatus::Ok | SinkStatus::Idle => {
            outcome!(info, sink = %name, stored, already_stored, merged, pending, held,
                ms = duration_ms, "sink served");
        }
    }
}

/// Logs that a terminal's log was read again.
pub(crate) fn read_again(terminal: &str, why: &str) {
    outcome!(warn, terminal = %terminal, "the log was read again: {why}");
}
