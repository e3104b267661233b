//! Exports of the ledger in the Python tool's shapes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use attendance_model::legacy::{Export, LegacyDocument, SimpleLog, export_file_name, write_array};
use attendance_model::{RawPunch, Source};
use chrono::{NaiveDateTime, TimeDelta};
use iclock_sync::ledger::QuarantinedRecord;
use iclock_sync::{Bound, Ledger, LedgerError, Window};
use serde::Serialize;

use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::grouped;

/// The number of quarantined records that are read at once.
const PAGE: u32 = 1000;

/// Exports the events of a window into a new file of `dir`. Returns the file and its number of rows.
pub(crate) fn write(
    ledger: &Ledger,
    export: Export,
    window: Window,
    dir: &Path,
    now: NaiveDateTime,
) -> Result<(PathBuf, u64), CliError> {
    warn_of_shrunk(ledger, &window, "are not in the export")?;
    let (mut failed, mut count) = (None, 0);
    let events = ledger.events(window).map_while(|event| event.map_err(|error| failed = Some(error)).ok());
    let mut counted = || count += 1;
    let path = match export {
        Export::Simple => {
            let refused = refused(ledger, window)?;
            let rows = events.map(|event| SimpleLog::from(&event)).chain(refused);
            save(dir, export, now, rows.inspect(|_| counted()))
        }
        Export::Normalized | Export::Audit => {
            save(dir, export, now, events.map(|event| LegacyDocument::from(&event)).inspect(|_| counted()))
        }
    };
    if let Some(error) = failed {
        return Err(error.into());
    }
    path.map(|path| (path, count)).map_err(|error| {
        // An export takes the place of a sink.
        CliError::because(ExitCode::Sink, format!("cannot write an export in {}", dir.display()), &error)
            .hint("name another directory with --output, or make room")
    })
}

/// Says that old events have shrunk to their keys, if any may be inside a window.
pub(crate) fn warn_of_shrunk(ledger: &Ledger, window: &Window, effect: &str) -> Result<(), LedgerError> {
    let Some(shrunk) = ledger.shrunk()? else { return Ok(()) };
    let after_all = match window.since {
        Some(Bound::Wall(since)) => since > shrunk.latest,
        // No wall clock is a day ahead of UTC.
        Some(Bound::Instant(since)) => since.naive_utc() - TimeDelta::days(1) > shrunk.latest,
        None => false,
    };
    if !after_all {
        let (events, until) = (grouped(shrunk.events), shrunk.latest.date());
        tracing::warn!("{events} old events, up to {until}, are kept as keys only ([retention]) and {effect}");
    }
    Ok(())
}

/// Returns the refused records, which the simplified export contains, too: the Python tool made it from the raw log.
fn refused(ledger: &Ledger, window: Window) -> Result<Vec<SimpleLog>, LedgerError> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let page = ledger.refused(&window, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = last.id;
        let is_whole = |record: &QuarantinedRecord| !(record.raw.is_empty() && record.user_id.is_empty());
        let shown = page.into_iter().filter(|record| record.local_time.real().is_some() && is_whole(record));
        rows.extend(shown.filter_map(|record| SimpleLog::from_punch(&punch_of(record))));
    }
}

fn punch_of(record: QuarantinedRecord) -> RawPunch {
    let QuarantinedRecord { serial, device_name, user_id, local_time, .. } = record;
    let mut punch = RawPunch::new(serial, device_name, user_id, local_time, Source::Pull);
    punch.uid = record.uid;
    punch.verify_mode = record.verify_mode;
    punch.punch_state = record.punch_state;
    punch.work_code = record.work_code;
    punch.raw = record.raw;
    punch
}

fn save<T: Serialize>(
    dir: &Path,
    export: Export,
    now: NaiveDateTime,
    rows: impl IntoIterator<Item = T>,
) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let (path, file) = create_new(dir, export, now)?;
    let mut out = BufWriter::new(file);
    write_array(&mut out, rows)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(path)
}

/// Creates a file under the first free name.
fn create_new(dir: &Path, export: Export, now: NaiveDateTime) -> io::Result<(PathBuf, File)> {
    let mut number = 1;
    loop {
        let path = dir.join(export_file_name(export, now, number));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            other => return other.map(|file| (path, file)),
        }
    }
}
