//! The events that the Python tool uploaded: their ids, from its cache and its logs files.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use attendance_model::legacy::{CACHE_FILE, SalvagedIds, is_logs_file_name, salvage_ids};
use attendance_model::{EventId, Sink};
use iclock_sync::Ledger;

use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{counted, grouped};

/// Enters ids as delivered; returns how many were new.
pub(crate) fn import(ledger: &Ledger, sink: &dyn Sink, found: Vec<EventId>) -> Result<u64, CliError> {
    Ok(ledger.import_ids(&sink.target(), sink.name(), found)?)
}

/// A file of the Python tool, and the ids in it.
#[derive(Clone, Debug)]
pub(crate) struct FoundFile {
    pub(crate) path: PathBuf,
    pub(crate) salvaged: SalvagedIds,
}

impl fmt::Display for FoundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SalvagedIds { ids, damaged, others, .. } = &self.salvaged;
        write!(f, "{}: {}", self.path.display(), counted(ids.len() as u64, "id", "ids"))?;
        match others {
            0 => {}
            1 => f.write_str("; 1 entry has no whole id")?,
            others => write!(f, "; {} entries have no whole id", grouped(*others))?,
        }
        f.write_str(if *damaged {
            "; it is damaged or was cut short, and the whole ids were taken out of it"
        } else {
            ""
        })
    }
}

/// Returns the Python tool's cache and logs files with every whole id in them, also in damaged ones.
pub(crate) fn found_files(dir: &Path) -> Result<Vec<FoundFile>, CliError> {
    let cache = dir.join(CACHE_FILE);
    let mut files: Vec<PathBuf> = cache.is_file().then_some(cache).into_iter().collect();
    let output = dir.join("output");
    if output.is_dir() {
        let entries = fs::read_dir(&output).map_err(|error| unreadable(&output, &error))?;
        let names = entries.filter_map(Result::ok).map(|entry| entry.path());
        files.extend(
            names.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_logs_file_name)),
        );
    }
    files.sort();
    let read = |path: PathBuf| {
        let salvaged = salvage_ids(&fs::read(&path).map_err(|error| unreadable(&path, &error))?);
        Ok(FoundFile { path, salvaged })
    };
    files.into_iter().map(read).collect()
}

/// Returns every id in those files, and logs what was found in each.
pub(crate) fn found_ids(dir: &Path) -> Result<Vec<EventId>, CliError> {
    let mut ids = Vec::new();
    for file in found_files(dir)? {
        if file.salvaged.damaged || file.salvaged.others > 0 {
            tracing::warn!("{file}");
        } else {
            tracing::info!("{file}");
        }
        ids.extend(file.salvaged.ids);
    }
    Ok(ids)
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::because(ExitCode::Configuration, format!("cannot read {}", path.display()), error)
        .hint("name the Python tool's directory, and let this user read it")
}
