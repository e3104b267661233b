//! The surroundings of a command, made once: flags, log, configuration with its warnings, ledger, runtime and signals.

use std::future::Future;
use std::time::Duration;

use iclock_sync::Ledger;
use iclock_sync::query::Query;
use zk_proto::transcript::Transcript;

use crate::command::terminal::base::Records;
use crate::config::{Config, Flags, LogConfig};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::{Global, Targets};
use crate::logging::{self, Verbosity};
use crate::signal::Signals;

/// The end of a command.
pub(crate) type Outcome = Result<ExitCode, CliError>;

/// Threads for work that blocks: the ledger, a file or an SQLite database, looking a name up. Each costs memory of its
/// own.
const BLOCKING_THREADS: usize = 8;

/// The longest that the end of a command waits for such work that nobody waits for any more. The resolver of the
/// system may try dead name servers for half a minute.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    /// A recording in the place of every terminal.
    recording: Option<Transcript>,
    /// The transcripts that the command writes.
    records: Records,
}

impl Context {
    /// For these flags; printed commands repeat them.
    pub(crate) fn new(global: Global) -> Self {
        global.remember();
        Self { global, recording: None, records: Records::default() }
    }

    /// The same, with a recording in the place of every terminal.
    pub(crate) fn replaying(&self, recording: Transcript) -> Self {
        Self { global: self.global.clone(), recording: Some(recording), records: Records::default() }
    }

    /// The recording in the place of every terminal, if there is one.
    pub(crate) fn recording(&self) -> Option<&Transcript> {
        self.recording.as_ref()
    }

    /// The transcripts that the command writes.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// Returns true if a person wants to see errors only.
    pub(crate) fn is_quiet(&self) -> bool {
        self.global.quiet
    }

    /// The flags of the command line, as a layer of the configuration.
    pub(crate) fn flags(&self, targets: &Targets) -> Flags {
        self.global.flags(targets)
    }

    /// The configuration of the ledger's readers: without a log, and without its warnings.
    pub(crate) fn quiet_config(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.flags(&Targets::default()))?)
    }

    /// Starts the log on stderr, reads the configuration and reports its warnings.
    pub(crate) fn config(&self, targets: &Targets) -> Result<Config, CliError> {
        self.log(None)?;
        Ok(self.warned(Config::load(&self.flags(targets))?))
    }

    /// Reports the warnings of a configuration whose log has started.
    pub(crate) fn warned(&self, config: Config) -> Config {
        warn(&config);
        config
    }

    /// Starts the log of a run, also in files if they are configured and `files` is set, and reports the
    /// configuration's warnings.
    pub(crate) fn start(&self, config: &Config, files: bool) -> Result<(), CliError> {
        self.log(Some(&config.log).filter(|_| files))?;
        warn(config);
        Ok(())
    }

    /// The same for runs again and again: each line on stderr has its time.
    pub(crate) fn start_loop(&self, config: &Config, files: bool) -> Result<(), CliError> {
        let verbosity = Verbosity { dated: true, ..self.verbosity() };
        logging::start(verbosity, Some(&config.log).filter(|_| files))?;
        warn(config);
        Ok(())
    }

    /// Starts the log; the first call counts.
    pub(crate) fn log(&self, files: Option<&LogConfig>) -> Result<(), CliError> {
        logging::start(self.verbosity(), files)
    }

    fn verbosity(&self) -> Verbosity {
        Verbosity { verbose: self.global.verbose, quiet: self.global.quiet, dated: false }
    }

    /// Opens the ledger to read it, also while a service runs.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn ledger(&self, config: &Config) -> Result<Ledger, CliError> {
        Ledger::open_read_only(&config.state_dir)?.ok_or_else(|| no_ledger(config))
    }

    /// Opens the ledger for questions about its events, also while a service runs.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn query(&self, config: &Config) -> Result<Query, CliError> {
        Query::open(&config.state_dir)?.ok_or_else(|| no_ledger(config))
    }

    /// A runtime for the commands that talk to others.
    pub(crate) fn runtime(&self) -> Result<tokio::runtime::Runtime, CliError> {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(|error| CliError::because(ExitCode::Fault, "cannot start the runtime", &error))
    }

    /// Does the work in a runtime, with signals listened to.
    pub(crate) fn block_on<T, F: Future<Output = Result<T, CliError>>>(
        &self,
        work: impl FnOnce(Signals) -> F,
    ) -> Result<T, CliError> {
        self.wait_for(async {
            let signals = Signals::listen()
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot listen for signals", &error))?;
            work(signals).await
        })?
    }

    /// Does the work in a runtime. What it leaves behind does not hold up the end.
    pub(crate) fn wait_for<F: Future>(&self, work: F) -> Result<F::Output, CliError> {
        let runtime = self.runtime()?;
        let done = runtime.block_on(work);
        runtime.shutdown_timeout(LEFT_BEHIND);
        Ok(done)
    }
}

fn no_ledger(config: &Config) -> CliError {
    CliError::new(ExitCode::State, format!("no ledger in {}", config.state_dir.display()))
        .hint("name the state directory with --state; a first sync makes it")
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_that_nobody_waits_for_does_not_hold_up_the_end_of_a_command() {
        let (end, ended) = mpsc::channel::<()>();
        let context = Context::new(Global::default());
        let begun = Instant::now();
        let done = context.wait_for(async {
            // As a name is looked up whose servers do not answer.
            let _lost = tokio::task::spawn_blocking(move || ended.recv());
            7
        });
        assert_eq!(done.unwrap(), 7);
        assert!(begun.elapsed() < LEFT_BEHIND * 5, "{:?}", begun.elapsed());
        drop(end);
    }
}
