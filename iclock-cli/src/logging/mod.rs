//! The program's log: stderr for people, and files that cannot fill the disk.

mod per_terminal;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::Local;
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::ChronoLocal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::LogConfig;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::progress;
use per_terminal::{Files, PerTerminal};

/// Crates whose errors the sinks report already.
const SILENCED: &str = "gcloud_sdk=off,sqlx=warn,hyper=warn,h2=warn,tower=warn";
/// The report has the results of terminals and sinks, so they are on stderr only on request.
const IN_THE_REPORT: &str = "iclock_sync::outcome=off";

/// The amount of log on stderr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verbosity {
    pub(crate) verbose: u8,
    pub(crate) quiet: bool,
    /// Each line has its time, for a program that runs for long.
    pub(crate) dated: bool,
}

impl Verbosity {
    fn level(self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, 2) => "debug",
            (false, _) => "trace",
        }
    }
}

/// Starts the log; the first call of a process counts.
pub(crate) fn start(verbosity: Verbosity, log: Option<&LogConfig>) -> Result<(), CliError> {
    let filter = |level: &str| EnvFilter::new(format!("{level},{SILENCED}"));
    let person = tracing_subscriber::fmt::layer()
        .with_writer(|| progress::Aside)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let person: Box<dyn Layer<Registry> + Send + Sync> = match verbosity.dated {
        true => person.with_timer(ChronoLocal::new("%Y-%m-%d %H:%M:%S ".to_owned())).boxed(),
        false => person.without_time().boxed(),
    };
    let person = person.with_filter(match verbosity.verbose {
        0 => EnvFilter::new(format!("{},{SILENCED},{IN_THE_REPORT}", verbosity.level())),
        _ => filter(verbosity.level()),
    });
    let mut layers = Vec::new();
    match log.and_then(|log| Some((log, log.dir.as_deref()?))) {
        None => {}
        Some((log, dir)) => {
            let level = if verbosity.verbose > 1 { verbosity.level() } else { "info" };
            layers.push(layer(Mutex::new(open(dir, log)?), log.json).with_filter(filter(level)).boxed());
            if log.per_terminal {
                let of_terminals = PerTerminal(layer(Files::new(dir, log), log.json));
                layers.push(of_terminals.with_filter(filter(level)).boxed());
            }
        }
    }
    // In the list, because an empty one would log nothing at all.
    layers.push(person.boxed());
    // Only a second start in one process fails; the first one stays in force.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(())
}

/// The lines of a file.
fn layer<W>(writer: W, json: bool) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    if json {
        return layer.json().boxed();
    }
    let time = ChronoLocal::new("[%Y-%m-%d %H:%M:%S]".to_owned());
    layer.with_timer(time).with_target(false).boxed()
}

/// Opens the file of this process, and removes the oldest ones.
fn open(dir: &Path, log: &LogConfig) -> Result<FileRotate<AppendCount>, CliError> {
    let failed = |error: io::Error| {
        CliError::because(ExitCode::Configuration, format!("cannot write logs in {}", dir.display()), &error)
            .hint("correct log.dir, or let the user that runs this program write there")
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let keep = log.keep.max(1);
    prune(dir, keep - 1).map_err(failed)?;
    let path = dir.join(format!("sync_{}.log", Local::now().format("%Y%m%d_%H%M%S")));
    rotating(path, log.size, keep).map_err(failed)
}

/// Opens a file that is rotated at a size, and keeps some of the earlier ones.
fn rotating(path: PathBuf, size: usize, keep: usize) -> io::Result<FileRotate<AppendCount>> {
    // file-rotate panics if it cannot open its file, so try first.
    fs::OpenOptions::new().create(true).append(true).open(&path)?;
    let limit = ContentLimit::BytesSurpassed(size.max(4096));
    Ok(FileRotate::new(
        path,
        AppendCount::new(keep),
        limit,
        Compression::None,
        #[cfg(unix)]
        None,
    ))
}

/// Removes all but the latest logs; their names sort by time.
fn prune(dir: &Path, keep: usize) -> io::Result<()> {
    let mut logs: Vec<_> = fs::read_dir(dir)?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            (name.starts_with("sync_") && name.contains(".log")).then_some(path)
        })
        .collect();
    logs.sort();
    let surplus = logs.len().saturating_sub(keep);
    logs.into_iter().take(surplus).try_for_each(fs::remove_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_logs_are_kept_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["sync_20260101_000000.log", "sync_20260101_000000.log.1", "sync_20260102_000000.log", "notes.txt"]
        {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        prune(dir.path(), 1).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["notes.txt", "sync_20260102_000000.log"]);
    }

    #[test]
    fn a_log_is_rotated_by_its_size() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let log = LogConfig { size: 4096, keep: 3, ..LogConfig::default() };
        let mut file = open(dir.path(), &log).unwrap();
        for _ in 0..100 {
            file.write_all(&[b'x'; 1024]).unwrap();
        }
        drop(file);
        let sizes: Vec<u64> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert!(sizes.len() <= 4 && sizes.iter().all(|size| *size <= 6144), "{sizes:?}");
    }
}
