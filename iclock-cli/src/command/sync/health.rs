//! `health`: whether a service runs, and whether its terminals and sinks work; for people and supervisors.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use clap::Args;
use iclock_sync::health::{Health as Found, Problem};

use crate::config::duration;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted};

/// Says whether the running service is well.
///
/// Ends with 0 if it is, with 60 if no service runs or it hangs, with 30 if a sink has failed for too long, and with 20
/// if a terminal has. A disk that is nearly full is named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  iclock-cli health --state state\n  iclock-cli health --grace 2h --json")]
pub(crate) struct Health {
    /// How long a terminal or a sink may fail before it counts
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = span)]
    grace: Duration,
    /// Print the whole health file
    #[arg(long)]
    json: bool,
}

impl Health {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let dir = &config.state_dir;
        let found = Found::read(dir).map_err(|error| {
            CliError::because(ExitCode::State, format!("cannot read the health file in {}", dir.display()), &error)
        })?;
        let Some(found) = found else {
            return Err(CliError::new(ExitCode::State, format!("no service runs on {}", dir.display()))
                .hint("start one with sync --loop, or name its state directory with --state"));
        };
        let now = Utc::now();
        let problems = found.problems(now, self.grace);
        if self.json {
            let json = serde_json::to_string(&found)
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot write the health file again", &error))?;
            output::line(json);
        } else {
            for problem in &problems {
                output::line(say(problem, now.signed_duration_since(found.status.at)));
            }
            if let Some(disk) = found.status.disk.filter(|disk| disk.low) {
                let free = disk.free >> 20;
                output::line(format_args!(
                    "only {free} MiB are free on the disk; once it is full, nothing new is read"
                ));
            }
            if problems.is_empty() {
                let terminals = counted(found.status.terminals.len() as u64, "terminal", "terminals");
                let sinks = counted(found.status.sinks.len() as u64, "sink", "sinks");
                output::line(format_args!("well: {terminals}, {sinks}"));
            }
        }
        let is = |kind: fn(&Problem) -> bool| problems.iter().any(kind);
        Ok(if is(|problem| matches!(problem, Problem::Silent { .. })) {
            ExitCode::State
        } else if is(|problem| matches!(problem, Problem::Sink { .. })) {
            ExitCode::Sink
        } else if problems.is_empty() {
            ExitCode::Done
        } else {
            ExitCode::Terminal
        })
    }
}

fn say(problem: &Problem, age: TimeDelta) -> String {
    match problem {
        Problem::Silent { .. } => {
            format!("the service has not been heard of for {} s; it was killed, or it hangs", age.num_seconds())
        }
        Problem::Terminal { name, error } => format!("terminal {name}: {error}"),
        Problem::Sink { name, error } => format!("sink {name}: {error}"),
        other => format!("{other:?}"),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text, Duration::from_secs(1)).ok_or_else(|| "write it like 90s, 15m or 2h".to_owned())
}
