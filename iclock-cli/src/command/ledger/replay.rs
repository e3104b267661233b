//! `replay`: sends again what a sink has lost, or what it had refused. Reads no terminal.

use chrono::Utc;
use clap::Args;
use iclock_sync::{Ledger, Window};

use crate::carry_out::carry_out;
use crate::config::duration::When;
use crate::config::{Config, SinkConfig};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::export::warn_of_shrunk;
use crate::global::{Targets, is_url};
use crate::job::Job;
use crate::output::counted;
use crate::sinks;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The sink: a configured name, or a URL
    #[arg(long, value_name = "NAME|URL")]
    sink: String,
    /// Only punches since then: days (2), a span (36h), a date, a time
    #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
    since: Option<When>,
    /// Only the events that the sink refused for good, after their cause is fixed
    #[arg(long)]
    set_aside: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut config = Config::load(&context.flags(&Targets::of_sink(Some(&self.sink))))?;
        context.start(&config, true)?;
        config.sinks.retain(|sink: &SinkConfig| is_url(&self.sink) || sink.name == self.sink);
        let Some(sink) = config.sinks.first() else {
            return Err(CliError::new(ExitCode::Configuration, format!("no sink is called {}", self.sink))
                .hint("name a configured sink, or give its URL"));
        };
        // Opening it for writing would create one.
        context.ledger(&config)?;
        let sink = sinks::open(sink)?;
        let window = Window { since: self.since.map(|when| when.since(Utc::now())), until: None };
        let ledger = Ledger::open(&config.state_dir)?;
        let count = if self.set_aside {
            ledger.replay_set_aside(&sink.target(), sink.name(), &window)?
        } else {
            ledger.replay(&sink.target(), sink.name(), &window)?
        };
        warn_of_shrunk(&ledger, &window, "cannot be sent again")?;
        // Release it: the run opens it again.
        drop(ledger);
        tracing::info!("{} pending again for {}", counted(count, "event is", "events are"), sink.name());
        config.devices.clear();
        let job = Job { replay: true, json: self.json, quiet: context.is_quiet(), ..Job::default() };
        carry_out(context, &config, &job)
    }
}
