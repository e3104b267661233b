//! `push command` and `push results`: questions to terminals that push, which change nothing there, and their answers.

use std::time::Instant;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use clap::Subcommand;
use iclock_sync::ledger::{MOST_OPEN, PushCommand};
use iclock_sync::receive::Order;
use iclock_sync::{Ledger, LedgerError};
use zk_push::Dialect;
use zk_push::command::{Command, Outcome as Meaning, ReturnCode};

use super::decide::{LOOK_EVERY, TAKEN_WITHIN, not_taken};
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human, printed};

/// The time after which a command is not sent any more.
const EXPIRES_AFTER: TimeDelta = TimeDelta::hours(24);

/// A question to a terminal.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Question {
    /// Ask for its parameters: firmware, counts, settings
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 info")]
    Info,
    /// Let it send what is new now
    #[command(after_help = "Examples:\n  iclock-cli push command OID7040067012100054 upload")]
    Upload,
    /// Ask for the punches of a period again: nothing is stored twice
    #[command(after_help = "Examples:\n  iclock-cli push command SN1 query-attlog 2026-03-01 2026-03-02")]
    QueryAttlog {
        /// The beginning by the terminal's clock: a date, or 2026-03-01T08:00
        #[arg(value_parser = time)]
        from: NaiveDateTime,
        /// The end
        #[arg(value_parser = time)]
        to: NaiveDateTime,
    },
}

impl Question {
    fn command(self, dialect: Dialect) -> Result<Command, CliError> {
        match self {
            Self::QueryAttlog { from, to } => Command::query_attendance(dialect, from, to)
                .map_err(|error| CliError::because(ExitCode::Usage, "cannot ask for this period", &error)),
            _ if dialect == Dialect::Access => {
                Err(CliError::new(ExitCode::Usage, "terminals for access control do not know this command")
                    .hint("ask them for a period: query-attlog 2026-03-01 2026-03-02"))
            }
            Self::Info => Ok(Command::info()),
            Self::Upload => Ok(Command::upload_new()),
        }
    }
}

/// Queues a question, and returns once it is in the ledger.
pub(super) fn ask(context: &Context, serial: &str, question: Question) -> Outcome {
    let config = context.quiet_config()?;
    // Opening it for writing would create one.
    let reader = context.ledger(&config)?;
    let dialect = dialect(&reader, serial)?.ok_or_else(|| {
        CliError::new(ExitCode::Usage, format!("terminal {serial} has not pushed anything yet"))
            .hint("approve it, and wait for its first call; then it is known which commands it takes")
    })?;
    let now = Utc::now();
    let order =
        Order::new(serial, question.command(dialect)?, now + EXPIRES_AFTER).ok_or_else(|| super::no_serial(serial))?;
    let id = match Ledger::open(&config.state_dir) {
        Ok(ledger) => ledger.queue_push_command(order.serial(), order.command(), order.expires_at(), now)?,
        Err(LedgerError::Held { .. }) => hand_over(&config, &reader, &order, now)?,
        Err(error) => return Err(error.into()),
    };
    let Some(id) = id else {
        let what = format!("{MOST_OPEN} commands of terminal {serial} have no answer yet");
        return Err(CliError::new(ExitCode::Refused, what).hint("wait until it has answered, or they have expired"));
    };
    output::line(format_args!("command {id} waits for terminal {serial}, for a day at most; its answer:"));
    output::line(format_args!("  {}", printed::command(&format!("push results {serial}"))));
    Ok(ExitCode::Done)
}

fn dialect(ledger: &Ledger, serial: &str) -> Result<Option<Dialect>, CliError> {
    let word = ledger.push_dialect(serial)?;
    Ok(word.map(|word| if word == "acc" { Dialect::Access } else { Dialect::Attendance }))
}

/// Leaves the order to the process that holds the ledger. Returns its number, `None` if it was refused.
fn hand_over(config: &Config, reader: &Ledger, order: &Order, since: DateTime<Utc>) -> Result<Option<u32>, CliError> {
    let dir = &config.state_dir;
    let failed = |error: std::io::Error| {
        CliError::because(ExitCode::State, format!("cannot leave a command in {}", dir.display()), &error)
            .hint("check that the state directory may be written, and has room")
    };
    // The ledger keeps whole seconds.
    let is_it = |of: &PushCommand| of.command == order.command() && of.queued_at.timestamp() >= since.timestamp();
    let number = || -> Result<Option<u32>, CliError> {
        let commands = reader.push_commands(Some(order.serial()), MOST_OPEN)?;
        Ok(commands.iter().find(|of| is_it(of)).map(|of| of.id))
    };
    order.leave(dir).map_err(failed)?;
    let begin = Instant::now();
    while begin.elapsed() < TAKEN_WITHIN {
        if let Some(id) = number()? {
            return Ok(Some(id));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    // Left behind, it would surprise somebody later.
    if order.withdraw(dir).map_err(failed)? {
        return Err(not_taken(dir, "the command"));
    }
    number()
}

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
            None => String::new(),
        };
        let text = output::printable(&command.command.replace('\t', " "));
        rows.push(vec![command.id.to_string(), command.serial.clone(), text, state(command, now).to_owned(), answer]);
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

fn state(command: &PushCommand, now: DateTime<Utc>) -> &'static str {
    match (command.answered_at, command.sent_at) {
        (Some(_), _) => "answered",
        (None, _) if command.expires_at <= now => "expired",
        (None, Some(_)) => "sent",
        (None, None) => "waits",
    }
}

fn as_json(command: &PushCommand, now: DateTime<Utc>) -> serde_json::Value {
    serde_json::json!({
        "id": command.id,
        "serial": command.serial,
        "command": command.command,
        "state": state(command, now),
        "queued_at": command.queued_at,
        "expires_at": command.expires_at,
        "sent_at": command.sent_at,
        "sends": command.sends,
        "answered_at": command.answered_at,
        "code": command.code,
        "details": command.details,
    })
}

/// Reads a time of the terminal's clock.
fn time(text: &str) -> Result<NaiveDateTime, String> {
    let day = || Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.into());
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let found = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    found.or_else(day).ok_or_else(|| "write it like 2026-03-01 or 2026-03-01T08:00".to_owned())
}
