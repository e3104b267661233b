//! What goes to the log. A run's outcomes have a target of their own, `iclock_sync::outcome`: who prints the report leaves
//! them out. Failures are errors, a repeated reading is a warning, all else that went well is information.

use crate::report::{DeviceReport, DeviceStatus, SinkReport, SinkStatus};

macro_rules! outcome {
    ($level:ident, $($field:tt)*) => {
        tracing::$level!(target: "iclock_sync::outcome", $($field)*)
    };
}

/// How a terminal's part of a run ended.
pub(crate) fn of_terminal(report: &DeviceReport) {
    let DeviceReport { name, status, error, records_read, new, duplicate, quarantined, duration_ms, .. } = report;
    let error = error.as_deref().unwrap_or_default();
    match status {
        DeviceStatus::Ok => {
            let mode = report.mode.map(|mode| mode.as_str()).unwrap_or_default();
            outcome!(info, terminal = %name, mode, read = records_read, new, known = duplicate, quarantined, ms = duration_ms,
                "terminal read");
        }
        DeviceStatus::Failed => outcome!(error, terminal = %name, ms = duration_ms, "terminal failed: {error}"),
        DeviceStatus::Unproven => outcome!(error, terminal = %name, ms = duration_ms, "log not proven: {error}"),
    }
}

/// How a sink's part of a run ended.
pub(crate) fn of_sink(report: &SinkReport) {
    let SinkReport { name, stored, already_stored, merged, pending, held, duration_ms, .. } = report;
    let error = report.error.as_deref().unwrap_or_default();
    match report.status {
        SinkStatus::Failed => outcome!(error, sink = %name, pending, ms = duration_ms, "sink failed: {error}"),
        _ if report.over_limit => outcome!(warn, sink = %name, pending, "sink stopped: {error}"),
        SinkStatus::Ok | SinkStatus::Idle => {
            outcome!(info, sink = %name, stored, already_stored, merged, pending, held, ms = duration_ms, "sink served");
        }
    }
}

/// A log was read again.
pub(crate) fn read_again(terminal: &str, why: &str) {
    outcome!(warn, terminal = %terminal, "the log was read again: {why}");
}
