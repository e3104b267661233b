//! The program's log: stderr for people, and files that cannot fill the disk.

mod files;
mod per_terminal;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::ChronoLocal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::LogConfig;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::progress;
use files::LogFiles;
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

/// Opens the files of all that is logged.
fn open(dir: &Path, log: &LogConfig) -> Result<LogFiles, CliError> {
    LogFiles::open(dir, log).map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot write logs in {}", dir.display()), &error)
            .hint("correct log.dir, or let the user that runs this program write there")
    })
}
