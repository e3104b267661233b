//! `person forget`: removes one person's data, and lists what others still hold.

use std::io::{BufRead as _, Write as _};

use attendance_model::NamedPerson;
use chrono::{Local, Utc};
use clap::{Args, Subcommand};
use iclock_sync::Ledger;
use iclock_sync::forget::{AtSink, ForgetError, Traces, forget, traces};

use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::sheet::shown;
use crate::output::{self, counted, grouped, human, printed};

#[derive(Debug, Subcommand)]
pub(crate) enum Person {
    /// Remove one person's data from the state directory, and list what the sinks
    /// still hold
    Forget(Forget),
}

/// Removes one person's data from the ledger, the quarantine, the names, the audit and the kept logs.
///
/// It shows what there is and asks. The sinks are not changed: it prints what to delete there. The person stays known
/// by a digest, so that reading a terminal again does not bring them back.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  iclock-cli person forget 42 --dry-run\n  iclock-cli person forget 42 --yes --json"
)]
pub(crate) struct Forget {
    /// The user id
    #[arg(value_name = "ID")]
    id: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only show what there is
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print JSON, with the ids of the documents at each sink
    #[arg(long)]
    json: bool,
}

impl Person {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let Self::Forget(forget) = self;
        forget.run(context)
    }
}

impl Forget {
    fn run(self, context: &Context) -> Outcome {
        let config = context.quiet_config()?;
        let found = traces(&context.ledger(&config)?, &self.id)?;
        if !self.json && is_nothing(&found) {
            output::line(format_args!("nothing is known of a person {}", shown(&self.id)));
            return Ok(ExitCode::Done);
        }
        if self.dry_run {
            self.print(&found, false)?;
            return Ok(ExitCode::Done);
        }
        if !self.yes {
            if !self.json {
                self.print(&found, false)?;
            }
            if !confirmed(&self.id) {
                return Err(CliError::new(ExitCode::Refused, "not confirmed; nothing was changed")
                    .hint("type the user id when asked, or use --yes"));
            }
        }
        let ledger = Ledger::open(&config.state_dir)?;
        let removed = forget(&ledger, &self.id, Local::now().naive_local(), Utc::now())?;
        if self.json || self.yes {
            self.print(&removed, true)?;
        } else {
            output::line("Removed.");
        }
        Ok(ExitCode::Done)
    }

    fn print(&self, found: &Traces, is_removed: bool) -> Result<(), CliError> {
        if self.json {
            let json = serde_json::to_string(&self.as_json(found, is_removed))
                .map_err(|error| CliError::because(ExitCode::Fault, "cannot print what there is", &error))?;
            output::line(json);
            return Ok(());
        }
        let names: Vec<String> = found.names.iter().map(|name| shown(name)).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let verb = if is_removed { "Removed" } else { "To be removed" };
        output::line(format_args!("{verb} of person {}{names}:", shown(&self.id)));
        for (what, count) in [
            ("events", found.events),
            ("records in the quarantine", found.quarantined),
            ("names", found.names.len() as u64),
            ("entries of the audit", found.audited),
            ("kept logs that may have their records, as a whole", found.unproven.len() as u64),
        ] {
            output::line(format_args!("  {:>9} {what}", grouped(count)));
        }
        if !found.sinks.is_empty() {
            output::line("\nThe sinks still hold, and are not changed:");
        }
        for sink in &found.sinks {
            output::line(human::wrap(&format!(
                "{}: {}",
                shown(&sink.name),
                counted(sink.ids.len() as u64, "document", "documents")
            )));
            // Not folded, to be copied.
            output::line(format_args!("    {}", deletion(sink, &self.id)));
            if sink.names > 0 {
                output::line(format_args!("    {}", names_deletion(sink, &self.id)));
            }
        }
        if !found.cleared.is_empty() {
            output::line("\nCopies of cleared logs that may have their records, and are not changed:");
            found.cleared.iter().for_each(|path| output::line(format_args!("    {}", path.display())));
        }
        output::line(human::wrap(
            "The program's log, exports, backups of the state and the terminals themselves may have their data, too.",
        ));
        Ok(())
    }

    fn as_json(&self, found: &Traces, is_removed: bool) -> serde_json::Value {
        let sink = |sink: &AtSink| {
            let ids: Vec<String> = sink.ids.iter().map(ToString::to_string).collect();
            serde_json::json!({
                "name": sink.name,
                "target": sink.target,
                "ids": ids,
                "delete": deletion(sink, &self.id),
                "names": sink.names,
                "delete_names": (sink.names > 0).then(|| names_deletion(sink, &self.id)),
            })
        };
        let unproven = found.unproven.iter().map(|kept| serde_json::json!({ "id": kept.id, "file": kept.file }));
        serde_json::json!({
            "user_id": self.id,
            "removed": is_removed,
            "events": found.events,
            "quarantined": found.quarantined,
            "names": found.names,
            "audited": found.audited,
            "unproven": unproven.collect::<Vec<_>>(),
            "sinks": found.sinks.iter().map(sink).collect::<Vec<_>>(),
            "cleared": found.cleared,
        })
    }
}

fn is_nothing(found: &Traces) -> bool {
    let Traces { events, quarantined, names, audited, unproven, sinks, cleared, .. } = found;
    (*events, *quarantined, *audited) == (0, 0, 0)
        && names.is_empty()
        && unproven.is_empty()
        && sinks.is_empty()
        && cleared.is_empty()
}

/// The way to delete a person's documents at a sink.
fn deletion(sink: &AtSink, user_id: &str) -> String {
    let (kind, rest) = sink.target.split_once(':').unwrap_or(("", &sink.target));
    let place = rest.rsplit_once('#').map_or("attendance_events", |(_, place)| place);
    delete_from(kind, rest, place, user_id).unwrap_or_else(|| {
        let id = printed::quoted(user_id);
        format!("delete the documents with the ids of: {}", printed::command(&format!("person forget {id} --json")))
    })
}

/// The way to delete a person's names at a sink.
fn names_deletion(sink: &AtSink, user_id: &str) -> String {
    let (kind, rest) = sink.target.split_once(':').unwrap_or(("", &sink.target));
    let place = rest.rsplit_once('#').map_or("attendance_events", |(_, place)| place);
    let people = match place.rsplit_once('.') {
        Some((schema, table)) => format!("{schema}.{}", NamedPerson::table_of(table)),
        None => NamedPerson::table_of(place),
    };
    delete_from(kind, &format!("the file of people next to {rest}"), &people, user_id)
        .unwrap_or_else(|| "delete the documents with this staffId from the collection of people".to_owned())
}

/// The statement for a kind of sink; `None` if it has none.
fn delete_from(kind: &str, file: &str, place: &str, user_id: &str) -> Option<String> {
    Some(match kind {
        "sqlite" | "postgres" | "mysql" => {
            format!("DELETE FROM {place} WHERE user_id = '{}';", user_id.replace('\'', "''"))
        }
        "mongodb" | "mongodb+srv" => {
            let id = serde_json::Value::from(user_id);
            format!("db.getCollection(\"{place}\").deleteMany({{ user_id: {id} }})")
        }
        "csv" | "jsonl" => format!("remove the lines with this user id from {file}"),
        "frappe" => "delete the Employee Checkins of this employee, there".to_owned(),
        "odoo" => "delete the attendances of this employee, there".to_owned(),
        "http" | "https" => "remove what the receiver has of this user id, there".to_owned(),
        _ => return None,
    })
}

/// Returns true if a person types the user id.
fn confirmed(id: &str) -> bool {
    eprint!("\nThis cannot be undone. Type the user id to go on: ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim() == id.trim() && !line.trim().is_empty()
}

impl From<ForgetError> for CliError {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Ledger(error) => error.into(),
            ForgetError::Audit(_) => Self::new(ExitCode::Refused, format!("{error}; nothing was changed"))
                .hint(format!("look at them first: {}", printed::command("audit verify"))),
            _ => Self::because(ExitCode::State, "nothing was removed", &error)
                .hint("check that this user may write in the state directory, and that it has room"),
        }
    }
}
