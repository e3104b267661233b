//! The events that the Python tool uploaded: their ids, from its cache and its audit files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use attendance_model::legacy::{CACHE_FILE, SalvagedIds, is_audit_file_name, salvage_ids};
use attendance_model::{EventId, Sink};
use iclock_sync::Ledger;

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Enters ids as delivered; returns how many were new.
pub(crate) fn import(ledger: &Ledger, sink: &dyn Sink, found: Vec<EventId>) -> Result<u64, CliError> {
    Ok(ledger.import_ids(&sink.target(), sink.name(), found)?)
}

/// Returns every id in the Python tool's cache and audit files, also in damaged ones.
pub(crate) fn found_ids(dir: &Path) -> Result<Vec<EventId>, CliError> {
    let cache = dir.join(CACHE_FILE);
    let mut files: Vec<PathBuf> = cache.is_file().then_some(cache).into_iter().collect();
    let output = dir.join("output");
    if output.is_dir() {
        let entries = fs::read_dir(&output).map_err(|error| unreadable(&output, &error))?;
        let names = entries.filter_map(Result::ok).map(|entry| entry.path());
        files.extend(
            names.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_audit_file_name)),
        );
    }
    files.sort();
    let mut ids = Vec::new();
    for file in files {
        let SalvagedIds { ids: found, damaged, .. } =
            salvage_ids(&fs::read(&file).map_err(|error| unreadable(&file, &error))?);
        tracing::info!("{}: {} ids", file.display(), found.len());
        if damaged {
            tracing::warn!("{} is damaged; {} whole ids were taken out of it", file.display(), found.len());
        }
        ids.extend(found);
    }
    Ok(ids)
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::because(ExitCode::Configuration, format!("cannot read {}", path.display()), error)
        .hint("name the Python tool's directory, and let this user read it")
}
