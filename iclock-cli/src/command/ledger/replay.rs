//! `replay`: sends again what was delivered to a sink that has lost it. Reads no terminal.

use chrono::Utc;
use iclock_sync::{Ledger, Window};

use crate::cli::{Global, Replay, Targets};
use crate::command::sync::sync::{self, Job};
use crate::config::{Config, SinkConfig};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::logging::{self, Verbosity};
use crate::output::grouped;
use crate::sinks;

pub(crate) fn run(global: &Global, args: &Replay) -> Result<ExitCode, CliError> {
    let url = args.sink.contains(':').then(|| args.sink.clone());
    let targets = Targets { sink: url.iter().cloned().collect(), ..Targets::default() };
    let mut config = Config::load(&global.flags(&targets))?;
    logging::start(Verbosity { verbose: global.verbose, quiet: global.quiet }, Some(&config.log))?;
    config.sinks.retain(|sink: &SinkConfig| url.is_some() || sink.name == args.sink);
    let Some(sink) = config.sinks.first() else {
        return Err(CliError::new(ExitCode::Configuration, format!("no sink is called {}", args.sink))
            .hint("name a configured sink, or give its URL"));
    };
    if Ledger::open_read_only(&config.state_dir)?.is_none() {
        return Err(CliError::new(ExitCode::State, format!("no ledger in {}", config.state_dir.display()))
            .hint("name the state directory with --state"));
    }
    let sink = sinks::open(sink)?;
    let window = Window { since: args.since.map(|when| when.since(Utc::now())), until: None };
    let ledger = Ledger::open(&config.state_dir)?;
    let count = ledger.replay(&sink.target(), sink.name(), &window)?;
    // The run opens it again.
    drop(ledger);
    tracing::info!("{} events are pending again for {}", grouped(count), sink.name());
    config.devices.clear();
    sync::carry_out(&config, &Job { replay: true, json: args.json, quiet: global.quiet, ..Job::default() })
}
