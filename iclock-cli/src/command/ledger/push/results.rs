//! `push results`: the commands that terminals were given, and their answers.

use chrono::{DateTime, Utc};
use iclock_sync::Ledger;
use iclock_sync::ledger::PushCommand;
use zk_push::Dialect;
use zk_push::command::{Command, Outcome as Meaning, ReturnCode};

use super::command::dialect;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

/// A command that changes something and has no answer.
const NOT_AGAIN: &str = "none yet; it is not sent again, because it may have been carried out";

/// Lists the commands of a terminal or of all, the last ones first.
pub(super) fn list(context: &Context, serial: Option<&str>, limit: u32, json: bool) -> Outcome {
    let ledger = context.ledger(&context.quiet_config()?)?;
    let (commands, now) = (ledger.push_commands(serial, limit)?, Utc::now());
    if json {
        commands.iter().for_each(|command| output::json(as_json(command, now)));
        return Ok(ExitCode::Done);
    }
    if commands.is_empty() {
        output::line("no terminal was given a command");
        return Ok(ExitCode::Done);
    }
    let mut rows = Vec::new();
    for command in &commands {
        let answer = match command.code {
            Some(code) => answer(&ledger, command, code)?,
            None if command.once && command.sent_at.is_some() => NOT_AGAIN.to_owned(),
            None => String::new(),
        };
        let text = output::printable(&command.command.replace('\t', " "));
        rows.push(vec![command.id.to_string(), command.serial.clone(), text, command.state(now).to_owned(), answer]);
    }
    output::line(human::table(&["No", "terminal", "command", "state", "answer"], rows));
    for command in commands.iter().rev() {
        let Some(details) = &command.details else { continue };
        output::line(format_args!("\nAnswer to command {}:", command.id));
        details.lines().for_each(|line| output::line(format_args!("  {}", output::printable(line))));
    }
    Ok(ExitCode::Done)
}

/// What a code means for its command.
fn answer(ledger: &Ledger, of: &PushCommand, code: i64) -> Result<String, CliError> {
    let dialect = dialect(ledger, &of.serial)?.unwrap_or(Dialect::Attendance);
    let Ok(command) = Command::new(&*of.command) else { return Ok(code.to_string()) };
    Ok(match Meaning::of(dialect, command.verb(), code) {
        Meaning::Done if code > 0 => format!("done: {code}"),
        Meaning::Done => "done".to_owned(),
        _ => format!("{code}: {}", ReturnCode::of_command(dialect, command.verb(), code).about),
    })
}

fn as_json(command: &PushCommand, now: DateTime<Utc>) -> serde_json::Value {
    serde_json::json!({
        "id": command.id,
        "serial": command.serial,
        "command": command.command,
        "state": command.state(now),
        "queued_at": command.queued_at,
        "expires_at": command.expires_at,
        "sent_at": command.sent_at,
        "sends": command.sends,
        "once": command.once,
        "answered_at": command.answered_at,
        "code": command.code,
        "details": command.details,
    })
}
