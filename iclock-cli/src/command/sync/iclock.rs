//! The Python tool's command: its flags, its files, its limit.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::invalid_html_tags)]

use attendance_model::{EventId, IdScheme};
use clap::Parser;
use iclock_sync::Ledger;

use crate::carry_out::carry_out;
use crate::config::duration::When;
use crate::config::{Config, Flags, number};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::job::Job;
use crate::output::grouped;
use crate::sinks;
use crate::takeover::{found_ids, import};

/// More new logs than this were "suspicious" to the Python tool.
const MAX_NEW: &str = "300";

/// Sync attendance logs from terminals to Firestore, as iclock-sync did.
///
/// Reads .env, config/firebase-key.json and devices.json in the current directory. The first run takes over
/// cache/uploaded_ids_cache.json and output/logs_*.json. For everything else there is iclock-cli.
#[derive(Debug, Parser)]
#[command(name = "iclock", version, max_term_width = 80)]
pub(crate) struct Iclock {
    /// Show what would be uploaded, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Only logs of the last N days
    #[arg(long, value_name = "N", value_parser = When::parse, allow_negative_numbers = true)]
    since: Option<When>,
    /// Run again and again, about S seconds apart, longer while nothing comes
    #[arg(long, value_name = "S")]
    r#loop: Option<String>,
    /// Write output/simplified_logs_<time>.json instead of uploading
    #[arg(long)]
    export_simple: bool,
    /// Write output/normalized_logs_<time>.json instead of uploading
    #[arg(long)]
    export_normalized: bool,
    /// Upload nothing if there are more new logs than this
    #[arg(long, value_name = "N", default_value = MAX_NEW, value_parser = number::any::<u64>)]
    max_new: u64,
    /// Upload more than --max-new, once
    #[arg(long)]
    force: bool,
}

impl Iclock {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        // As in the Python tool, a loop of 0 seconds is none.
        let interval = self.r#loop.clone().filter(|text| text.trim().parse() != Ok(0.0));
        let mut settings = vec![("output", "iclock", "output".to_owned()), ("log.dir", "iclock", "logs".to_owned())];
        settings.push(("max_new", "--max-new", self.max_new.to_string()));
        settings.extend(interval.clone().map(|interval| ("interval", "--loop", interval)));
        let flags = Flags { python_only: true, settings, ..Flags::default() };
        let config = Config::load(&flags)?;
        // As in the Python tool, an export wins over a dry run: nothing is uploaded either way.
        let exports = Job::exports(self.export_simple, self.export_normalized);
        let dry_run = self.dry_run && exports.is_empty();
        require_its_files(&config, exports.is_empty())?;
        if interval.is_some() {
            context.start_loop(&config, !dry_run)?;
        } else {
            context.start(&config, !dry_run)?;
        }
        if !dry_run && exports.is_empty() {
            take_over(&config)?;
        }
        // A dry run imports nothing, but shows what would be uploaded after an import.
        let presumed = if dry_run { taken_over(&config)? } else { Vec::new() };
        let (force, since, repeat) = (self.force, self.since, interval.is_some());
        carry_out(context, &config, &Job { dry_run, force, since, repeat, exports, presumed, flags, ..Job::default() })
    }
}

/// Requires the Python tool's files; those of iclock-cli are not read.
fn require_its_files(config: &Config, uploads: bool) -> Result<(), CliError> {
    let missing = |problem: &str, hint: &str| Err(CliError::new(ExitCode::Configuration, problem).hint(hint));
    if config.devices.is_empty() {
        let hint = "run iclock where .env or devices.json is, or set DEVICE_IPS";
        return missing("neither .env nor devices.json in this directory names a terminal", hint);
    }
    if config.sinks.is_empty() && uploads {
        let hint = "put the key of the service account there, or name its file with FIREBASE_KEY in .env";
        return missing("there is no config/firebase-key.json in this directory", hint);
    }
    Ok(())
}

/// Returns the ids that the Python tool uploaded; none after the first run.
fn taken_over(config: &Config) -> Result<Vec<EventId>, CliError> {
    match Ledger::open_read_only(&config.state_dir)? {
        Some(_) => Ok(Vec::new()),
        None => found_ids(std::path::Path::new("")),
    }
}

/// Marks these ids as delivered, on the first run.
fn take_over(config: &Config) -> Result<(), CliError> {
    let found = taken_over(config)?;
    if found.is_empty() {
        return Ok(());
    }
    let sinks = sinks::open_all(&config.sinks)?;
    let Some(sink) = sinks.iter().find(|sink| sink.capabilities().ids == IdScheme::IclockSyncV1) else { return Ok(()) };
    let ledger = Ledger::open(&config.state_dir)?;
    let added = import(&ledger, sink.as_ref(), found)?;
    eprintln!("{} logs that were uploaded before will not be uploaded again", grouped(added));
    Ok(())
}
