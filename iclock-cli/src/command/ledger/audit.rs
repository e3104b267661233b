//! `audit show|push|verify`: shows when each event was read and stored, and what terminals that push were sent; finds
//! changed lines. Works while a service runs.

use chrono::{DateTime, Local, Utc};
use clap::Subcommand;
use iclock_sync::audit::{self, Entry, Filter, PushEntry};
use iclock_sync::{Bound, Ledger};

use super::known::require_terminal;
use crate::config::duration::When;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted, human};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List the events: when and how each was read, and when each sink stored it
    Show {
        /// Only of the person with this user id
        #[arg(long, value_name = "ID")]
        person: Option<String>,
        /// Only of this terminal: its name or serial number
        #[arg(long, visible_alias = "terminal", value_name = "NAME")]
        device: Option<String>,
        /// Only punches since then: days (2), a span (36h), a date, a time
        #[arg(long, value_name = "WHEN", value_parser = When::parse, allow_negative_numbers = true)]
        since: Option<When>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List what terminals that push were sent, what they answered, and changes of
    /// what they speak
    Push {
        /// Only of this serial number
        #[arg(value_name = "SERIAL")]
        serial: Option<String>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Check that no line was changed, removed or moved
    Verify,
}

impl Audit {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let ledger = context.ledger(&context.quiet_config()?)?;
        match self {
            Self::Show { person, device, since, json } => {
                require_terminal(&ledger, device.as_deref())?;
                let mut filter = Filter::default();
                (filter.person, filter.terminal) = (person, device);
                filter.since = since.map(|since| match since.since(Utc::now()) {
                    Bound::Wall(time) => time,
                    Bound::Instant(moment) => moment.with_timezone(&Local).naive_local(),
                });
                show(&ledger, &filter, json)
            }
            Self::Push { serial, json } => show_push(&ledger, serial.as_deref(), json),
            Self::Verify => verify(&ledger),
        }
    }
}

fn show(ledger: &Ledger, filter: &Filter, json: bool) -> Outcome {
    let entries = audit::entries(ledger, filter).map_err(|error| unreadable(&error))?;
    if json {
        for entry in &entries {
            let line = serde_json::to_string(entry)
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot print an event", &error))?;
            output::line(line);
        }
    } else if entries.is_empty() {
        output::line("the audit has no such event");
    } else {
        let header = ["user id", "time on the terminal", "terminal", "how", "read (UTC)", "sinks (UTC)"];
        output::line(human::table(&header, entries.iter().map(row)));
    }
    Ok(ExitCode::Done)
}

fn show_push(ledger: &Ledger, serial: Option<&str>, json: bool) -> Outcome {
    let entries = audit::push_entries(ledger, serial).map_err(|error| unreadable(&error))?;
    if json {
        for entry in &entries {
            let line = serde_json::to_string(entry)
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot print a line of the audit", &error))?;
            output::line(line);
        }
    } else if entries.is_empty() {
        output::line("no terminal that pushes was told anything");
    } else {
        let row = |entry: &PushEntry| {
            let number = entry.command.map(|number| number.to_string()).unwrap_or_default();
            let code = entry.code.map(|code| format!("code {code}"));
            let words = entry.words.clone().or(code).unwrap_or_default();
            vec![second(entry.at), entry.terminal.clone(), entry.what.clone(), number, words.escape_debug().to_string()]
        };
        output::line(human::table(&["at (UTC)", "terminal", "what", "command", ""], entries.iter().map(row)));
    }
    Ok(ExitCode::Done)
}

fn row(entry: &Entry) -> Vec<String> {
    let sinks: Vec<String> =
        entry.sinks.iter().map(|stored| format!("{} {} {}", stored.sink, stored.result, second(stored.at))).collect();
    vec![
        entry.user_id.escape_debug().to_string(),
        entry.local_time.clone(),
        entry.device.clone(),
        entry.how.clone(),
        second(entry.read_at),
        sinks.join(", "),
    ]
}

fn second(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn verify(ledger: &Ledger) -> Outcome {
    let verdict = audit::verify(ledger).map_err(|error| unreadable(&error))?;
    verdict.problems.iter().for_each(output::line);
    let (lines, files) = (counted(verdict.lines, "line", "lines"), counted(verdict.files, "file", "files"));
    if verdict.problems.is_empty() {
        output::line(format!("{lines} in {files}: as written"));
        return Ok(ExitCode::Done);
    }
    output::line(format!("{} in {lines} of {files}", counted(verdict.problems.len() as u64, "problem", "problems")));
    Ok(ExitCode::Found)
}

fn unreadable(error: &std::io::Error) -> CliError {
    CliError::because(ExitCode::State, "cannot read the audit", error)
        .hint("check that this user may read the directory audit in the state directory")
}
