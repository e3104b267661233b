//! `doctor`: looks for what is wrong with terminals, sinks and the state directory, and says how to fix it.

#[cfg(feature = "firestore")]
mod garbage;
mod next;
mod print;

use std::sync::Arc;

use attendance_model::Sink;
use clap::{Args, Subcommand};
use futures::StreamExt as _;
use futures::stream;
use iclock_sync::diagnose::{self, Finding};

use crate::config::{Config, ConfigErrors};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::signal::Signals;
use crate::sinks;
use print::{Print, Subject};

/// Terminals and sinks that are examined at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Doctor {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    all: Everything,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Check terminals: name, port, session, key, mode, counts, clock, room, users, log
    Device(Devices),
    /// Check sinks: reachable, credentials, rights, table, index
    #[command(visible_alias = "firestore")]
    Sink(Sinks),
    /// Check the state directory: rights, disk, ledger, logs that wait
    State(State),
    /// Check everything; the same as doctor alone
    All(Everything),
}

#[derive(Debug, Args)]
struct Everything {
    #[command(flatten)]
    targets: Targets,
    /// Print one JSON object for each finding
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Devices {
    /// Configured terminals, by name [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// A terminal, as for sync, instead of the configured ones; repeats
    #[arg(long, value_name = "SPEC")]
    device: Vec<String>,
    /// Print one JSON object for each finding
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Sinks {
    /// The sink: a configured name, or a URL [default: all configured ones]
    #[arg(long, value_name = "NAME|URL")]
    sink: Option<String>,
    #[cfg(feature = "firestore")]
    #[command(flatten)]
    garbage: garbage::FindGarbage,
    /// Print one JSON object for each finding
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct State {
    /// Print one JSON object for each finding
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self.part.unwrap_or(Part::All(self.all)) {
            Part::Device(args) => args.run(context),
            #[cfg(feature = "firestore")]
            Part::Sink(args) if args.garbage.is_wanted() => args.garbage.run(context, args.sink.as_ref(), args.json),
            Part::Sink(args) => args.run(context),
            Part::State(args) => args.run(context),
            Part::All(args) => args.run(context),
        }
    }
}

impl Devices {
    fn run(self, context: &Context) -> Outcome {
        let mut config = context.config(&Targets { device: self.device, ..Targets::default() })?;
        if let Some(unknown) = self.names.iter().find(|name| config.devices.iter().all(|device| device.name != **name))
        {
            let names: Vec<&str> = config.devices.iter().map(|device| device.name.as_str()).collect();
            return Err(CliError::new(ExitCode::Configuration, format!("no terminal is called {unknown:?}"))
                .hint(format!("name one of {}", names.join(", "))));
        }
        if !self.names.is_empty() {
            config.devices.retain(|device| self.names.contains(&device.name));
        }
        let missing: Vec<_> = config.missing(false);
        if !missing.is_empty() {
            return Err(ConfigErrors::in_order(missing).into());
        }
        let mut print = Print::new(context, self.json);
        context.block_on(|signals| async move {
            if !devices(&config, &signals, &mut print).await {
                return Ok(ExitCode::Interrupted);
            }
            Ok(print.end())
        })
    }
}

impl Sinks {
    fn run(self, context: &Context) -> Outcome {
        let config = context.config(&Targets::of_sink(self.sink.as_ref()))?;
        let is_meant =
            |name: &str| self.sink.as_ref().is_none_or(|wanted| crate::global::is_url(wanted) || wanted == name);
        let configs: Vec<_> = config.sinks.iter().filter(|sink| is_meant(&sink.name)).cloned().collect();
        if configs.is_empty() {
            let named = self.sink.map(|name| format!("no sink is called {name:?}"));
            return Err(CliError::new(ExitCode::Configuration, named.unwrap_or("no sink is configured".to_owned()))
                .hint("give --sink sqlite:attendance.db, or write [[sink]] in iclock.toml"));
        }
        let opened = sinks::open_all(&configs)?;
        let mut print = Print::new(context, self.json);
        context.block_on(|signals| async move {
            if !probe(&config, opened, &signals, &mut print).await {
                return Ok(ExitCode::Interrupted);
            }
            Ok(print.end())
        })
    }
}

impl State {
    fn run(self, context: &Context) -> Outcome {
        let config = context.config(&Targets::default())?;
        let mut print = Print::new(context, self.json);
        state(&config, &mut print);
        Ok(print.end())
    }
}

impl Everything {
    fn run(self, context: &Context) -> Outcome {
        let config = context.config(&self.targets)?;
        let missing = config.missing(true);
        if config.devices.is_empty() && config.sinks.is_empty() {
            return Err(ConfigErrors::in_order(missing).into());
        }
        let opened = sinks::open_all(&config.sinks)?;
        let mut print = Print::new(context, self.json);
        context.block_on(|signals| async move {
            let went_on =
                devices(&config, &signals, &mut print).await && probe(&config, opened, &signals, &mut print).await;
            if !went_on {
                return Ok(ExitCode::Interrupted);
            }
            state(&config, &mut print);
            Ok(print.end())
        })
    }
}

/// Examines the terminals, and prints the findings in their order. Returns false if it was stopped.
async fn devices(config: &Config, signals: &Signals, print: &mut Print) -> bool {
    let examined = config.devices.iter().map(|device| async {
        let found = diagnose::terminal(device, &config.engine, &signals.stop).await;
        let title = format!("{} at {}", device.name, device.address());
        (Subject { kind: "terminal", name: device.name.clone(), title }, found)
    });
    print_each(stream::iter(examined).buffered(AT_ONCE), signals, print).await
}

/// Examines the sinks in the same way.
async fn probe(config: &Config, opened: Vec<Arc<dyn Sink>>, signals: &Signals, print: &mut Print) -> bool {
    let timeout = config.engine.sink_timeout;
    let examined = opened.into_iter().map(|sink| async move {
        let found = signals.stop.run_until_cancelled(diagnose::sink(sink.as_ref(), timeout)).await.unwrap_or_default();
        let (name, title) = (sink.name().to_owned(), format!("{}, {}", sink.name(), sink.target()));
        (Subject { kind: "sink", name, title }, found)
    });
    print_each(stream::iter(examined).buffered(AT_ONCE), signals, print).await
}

/// Prints the findings until Ctrl-C. Then sessions with terminals are still ended.
async fn print_each(
    examined: impl futures::Stream<Item = (Subject, Vec<Finding>)>,
    signals: &Signals,
    print: &mut Print,
) -> bool {
    let mut examined = std::pin::pin!(examined);
    while let Some((subject, found)) = examined.next().await {
        if !signals.stop.is_cancelled() {
            print.findings(&subject, &found);
        }
    }
    !signals.stop.is_cancelled()
}

fn state(config: &Config, print: &mut Print) {
    let dir = config.state_dir.display().to_string();
    let subject = Subject { kind: "state", name: dir.clone(), title: dir };
    print.findings(&subject, &diagnose::state(&config.state_dir));
}
