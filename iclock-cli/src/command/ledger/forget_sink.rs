//! `state forget-sink`: removes what the ledger has about a sink that is used no more.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

use chrono::Local;
use clap::Args;
use iclock_sync::Ledger;
use iclock_sync::ledger::SinkOverview;

use super::configured::ConfiguredSinks;
use crate::command::terminal::base::Consent;
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::{Targets, is_url};
use crate::output::sheet::shown;
use crate::output::{self, counted, printed};
use crate::sinks;

/// Forgets a sink that is used no more, and what waits for it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  iclock-cli state forget-sink sqlite:/srv/old.db\n  \
                        iclock-cli state forget-sink school --yes")]
pub(crate) struct ForgetSink {
    /// The sink: its name, its URL, or its target as status shows it
    #[arg(value_name = "NAME|URL")]
    sink: String,
    #[command(flatten)]
    consent: Consent,
}

impl ForgetSink {
    pub(super) fn run(&self, context: &Context, config: &Config) -> Outcome {
        let known = context.ledger(config)?.overview(Local::now().naive_local())?.sinks;
        let sink = self.chosen(context, &known)?;
        let named = with_target(sink);
        if ConfiguredSinks::of(config).has(sink) {
            let what = format!("{named} is configured, and would be sent everything again; nothing was changed");
            return Err(CliError::new(ExitCode::Refused, what).hint("remove it from the configuration first"));
        }
        let waiting = counted(sink.pending.saturating_add(sink.held), "event that waits", "events that wait");
        self.consent.ask(
            context,
            &format!(
                "Forgets the sink {named}, with {waiting} for it.\nThe events stay in the ledger, and what was stored \
                 there stays there."
            ),
        )?;
        // Nothing but this may have the ledger: a service could be about to write to the sink.
        Ledger::open(&config.state_dir)?.forget_sink(&sink.target)?;
        output::line(format_args!("forgotten: {named}"));
        Ok(ExitCode::Done)
    }

    /// The sink that is meant.
    fn chosen<'a>(&self, context: &Context, known: &'a [SinkOverview]) -> Result<&'a SinkOverview, CliError> {
        let target = self.target(context);
        let by_target = |sink: &&SinkOverview| {
            sink.target == self.sink || target.as_ref().is_some_and(|target| sink.target == *target)
        };
        if let Some(sink) = known.iter().find(by_target) {
            return Ok(sink);
        }
        let called: Vec<&SinkOverview> = known.iter().filter(|sink| sink.name == self.sink).collect();
        match called.as_slice() {
            [sink] => Ok(*sink),
            [] => {
                let all: Vec<String> = known.iter().map(with_target).collect();
                let hint =
                    if all.is_empty() { "it knows none".to_owned() } else { format!("it knows {}", all.join(", ")) };
                Err(CliError::new(ExitCode::Usage, format!("the ledger knows no sink {}", self.sink)).hint(hint))
            }
            several => {
                let targets: Vec<String> = several.iter().map(|sink| printed::quoted(&sink.target)).collect();
                Err(CliError::new(ExitCode::Usage, format!("{} sinks are called {}", several.len(), self.sink))
                    .hint(format!("name its target: {}", targets.join(", or "))))
            }
        }
    }

    /// The target of a URL; `None` for a name, and for a URL that no sink takes.
    fn target(&self, context: &Context) -> Option<String> {
        if !is_url(&self.sink) {
            return None;
        }
        let config = Config::load(&context.flags(&Targets::of_sink(Some(&self.sink)))).ok()?;
        Some(sinks::open(config.sinks.first()?).ok()?.target())
    }
}

/// The name of a sink with its target.
pub(super) fn with_target(sink: &SinkOverview) -> String {
    format!("{} ({})", shown(&sink.name), sink.target)
}
