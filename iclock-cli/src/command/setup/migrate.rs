//! `migrate`: moves over from the Python tool without a duplicate, and back.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attendance_model::legacy::{CACHE_FILE, write_array};
use attendance_model::{EventId, IdScheme, Sink};
use clap::Args;
use iclock_sync::Ledger;

use crate::config::python::KEY_FILE;
use crate::config::{self, Config, SinkConfig};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::{Targets, is_url};
use crate::output::{self, counted, grouped, human, printed};
use crate::sinks;
use crate::takeover::{found_files, import};

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The Python tool's directory: .env, devices.json, cache/, output/
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The sink that the Python tool wrote to: a configured name, or a URL
    #[arg(long, value_name = "NAME|URL")]
    sink: Option<String>,
    /// Write the configuration found there as TOML; - for stdout
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// For going back: write every id that the sink holds as the Python tool's cache
    #[arg(long, value_name = "FILE", conflicts_with = "write_config")]
    export_cache: Option<PathBuf>,
}

impl Migrate {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        context.log(None)?;
        if !self.dir.is_dir() {
            return Err(CliError::new(ExitCode::Configuration, format!("{} is not a directory", self.dir.display()))
                .hint("name the Python tool's directory, which contains .env, cache and output"));
        }
        if let Some(file) = &self.write_config {
            write_config(&self.dir, file)?;
        }
        if let Some(file) = &self.export_cache {
            return export_cache(context, &self, file);
        }
        let files = found_files(&self.dir)?;
        for file in &files {
            output::line(human::folded(&file.to_string(), 2));
        }
        let found: Vec<EventId> = files.into_iter().flat_map(|file| file.salvaged.ids).collect();
        if self.write_config.is_some() && self.sink.is_none() {
            warn_of_key(&self.dir);
            return Ok(ExitCode::Done);
        }
        let all = found.iter().collect::<HashSet<_>>().len() as u64;
        let (config, sink) = legacy_sink(context, &self)?;
        let ledger = Ledger::open(&config.state_dir)?;
        let added = import(&ledger, sink.as_ref(), found)?;
        if all == 0 {
            tracing::warn!("{}: there is neither {CACHE_FILE} nor output/logs_*.json", self.dir.display());
        }
        let before = match all.saturating_sub(added) {
            0 => String::new(),
            before => format!(", {} counted already", grouped(before)),
        };
        let added = counted(added, "id counts", "ids count");
        output::line(format_args!("{added} as delivered to {} now{before}", sink.name()));
        let (ids, with_events) = (ledger.imported_ids(&sink.target())?, ledger.imported_events(&sink.target())?);
        output::line(human::folded(&of_events(ids, with_events), 2));
        output::line(
            "Documents from terminals with 16-byte records will differ from the Python\n\
         tool's in `status` and `workCode`, unless sixteen_mode_first = true is set for\n\
         the terminal.",
        );
        warn_of_key(&self.dir);
        Ok(ExitCode::Done)
    }
}

/// Says which of the ids are of events, once a sync has read the terminals.
fn of_events(ids: u64, with_events: Option<u64>) -> String {
    let Some(with_events) = with_events else {
        return "After the first sync, run this command again: it then says how many of the ids are of punches that the \
                terminals still have."
            .to_owned();
    };
    let others = ids.saturating_sub(with_events);
    format!(
        "{} of {} ids are of events in the ledger; {} are of none: their documents are wrong ones, which `doctor \
         firestore` finds, or the terminals have those punches no more",
        grouped(with_events),
        grouped(ids),
        grouped(others),
    )
}

/// Finds the sink that the Python tool wrote to.
fn legacy_sink(context: &Context, args: &Migrate) -> Result<(Config, Arc<dyn Sink>), CliError> {
    let config = context.config(&Targets::of_sink(args.sink.as_ref()))?;
    let named = |sink: &&SinkConfig| args.sink.as_ref().is_none_or(|name| is_url(name) || *name == sink.name);
    let mut candidates = Vec::new();
    for sink in config.sinks.iter().filter(named) {
        candidates.push(sinks::open(sink)?);
    }
    if args.sink.is_none() {
        candidates.retain(|sink| sink.capabilities().ids == IdScheme::IclockSyncV1);
    }
    let wrong = |problem: &str, hint: &str| Err(CliError::new(ExitCode::Configuration, problem).hint(hint));
    match candidates.as_slice() {
        [sink] if sink.capabilities().ids == IdScheme::IclockSyncV1 => Ok((config, Arc::clone(sink))),
        [sink] => wrong(
            &format!("sink {} does not use the Python tool's document ids", sink.name()),
            "name the Firestore sink, or set ids = \"iclock-sync-v1\" for it",
        ),
        [] => wrong(
            "no configured sink uses the Python tool's document ids",
            "give --sink firestore://PROJECT/staffAttendanceLogs, or write [[sink]] in iclock.toml",
        ),
        _ => wrong("several sinks use the Python tool's document ids", "name the one that it wrote to with --sink"),
    }
}

fn export_cache(context: &Context, args: &Migrate, file: &Path) -> Outcome {
    let (config, sink) = legacy_sink(context, args)?;
    let ledger = context.ledger(&config)?;
    let ids = ledger.legacy_ids_at(&sink.target())?;
    let write = || -> io::Result<()> {
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        // Write all or nothing: the Python tool treats a damaged cache as an empty one.
        let part = file.with_extension("part");
        let mut out = BufWriter::new(fs::File::create(&part)?);
        write_array(&mut out, &ids)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(part, file)
    };
    write().map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot write {}", file.display()), &error)
            .hint("name a file that this user may write")
    })?;
    output::line(format_args!("{} written to {}", counted(ids.len() as u64, "id", "ids"), file.display()));
    Ok(ExitCode::Done)
}

fn write_config(dir: &Path, file: &Path) -> Result<(), CliError> {
    let config_dir = file.parent().unwrap_or(Path::new(""));
    let (settings, warnings) = config::of_python_tool(dir, config_dir)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let text = config::as_toml(&settings);
    if file.as_os_str() == "-" {
        output::line(text.trim_end());
        return Ok(());
    }
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut out| out.write_all(text.as_bytes()));
    written.map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot write {}", file.display()), &error)
            .hint("name a file that does not exist yet, or - for stdout")
    })?;
    output::line(format_args!("written: {}", file.display()));
    if file != Path::new("iclock.toml") {
        let path = printed::quoted(&file.display().to_string());
        output::line(format_args!("to check it:\n    iclock-cli config check --config {path}"));
    }
    Ok(())
}

/// Warns of the key: the Python tool's repository contained it once.
fn warn_of_key(dir: &Path) {
    if dir.join(KEY_FILE).is_file() {
        output::line(format_args!(
            "If this key was ever committed to a repository, make a new key in the Google\n\
             Cloud console, put it in its place, and delete the old one:\n    {}",
            dir.join(KEY_FILE).display()
        ));
    }
}
