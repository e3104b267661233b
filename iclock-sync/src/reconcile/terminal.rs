//! A terminal's log, compared with the ledger.

use std::sync::Arc;

use chrono::NaiveDate;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{EXAMPLES, Example, TerminalDay, TerminalReconciliation};
use crate::intake::Intake;
use crate::ledger::News;
use crate::poll::{Habits, RecordsByDay, Visit};
use crate::tasks::{Gates, Parts};
use crate::{EngineOptions, Ledger, SyncError};

/// The visits to all terminals. They only read, and their spools are in the system's directory for temporary files.
pub(super) fn visits(parts: &Parts, ledger: &Arc<Ledger>, stop: &CancellationToken) -> Vec<Visit> {
    // Names would be kept.
    let engine = Arc::new(EngineOptions { names: false, ..EngineOptions::clone(&parts.engine) });
    let gates = Arc::new(Gates::new(&parts.engine, parts.called().count(), std::env::temp_dir().into()));
    let news = Arc::new(watch::Sender::new(News::default()));
    // Nothing enters.
    let intake = Arc::new(Intake::new(Arc::clone(ledger), parts.engine.rules.clone(), parts.engine.batch, news));
    let peers: Vec<Arc<str>> = parts.called().map(|device| device.name.as_str().into()).collect();
    let visit = |device: &Arc<_>| Visit {
        device: Arc::clone(device),
        engine: Arc::clone(&engine),
        dry_run: true,
        full: true,
        new_owners: false,
        ledger: Arc::clone(ledger),
        reader: Arc::clone(ledger),
        intake: Arc::clone(&intake),
        clock: Arc::clone(&parts.clock),
        observer: Arc::clone(&parts.observer),
        random: Arc::clone(&parts.random),
        gates: Arc::clone(&gates),
        stop: stop.clone(),
        peers: peers.clone(),
        habits: Habits::default(),
    };
    parts.called().map(visit).collect()
}

/// Compares one terminal.
pub(super) async fn compare(visit: Visit, since: Option<NaiveDate>) -> Result<TerminalReconciliation, SyncError> {
    let (report, days) = Box::pin(visit.compare(EXAMPLES)).await?;
    let mut compared = TerminalReconciliation {
        name: report.name,
        serial: report.serial,
        status: report.status,
        error: report.error,
        error_kind: report.error_kind,
        records: 0,
        unread: 0,
        counted_only: 0,
        missing: 0,
        days: Vec::new(),
    };
    add_days(&mut compared, days, since);
    Ok(compared)
}

fn add_days(compared: &mut TerminalReconciliation, days: RecordsByDay, since: Option<NaiveDate>) {
    // A record without a real time is of no day, and counts with all days only.
    for (date, day) in days.into_iter().filter(|(date, _)| since.is_none() || *date >= since) {
        compared.records += day.records;
        compared.unread += day.unread;
        compared.counted_only += day.counted_only;
        compared.missing += day.missing;
        if day.missing > 0 {
            let example = |lost: crate::poll::LostRecord| Example {
                terminal: compared.name.clone(),
                user_id: lost.user_id,
                local_time: lost.local_time,
            };
            let examples = day.examples.into_iter().map(example).collect();
            compared.days.push(TerminalDay { date, records: day.records, missing: day.missing, examples });
        }
    }
}
