//! `push command`: a command enters the queue of a terminal, which takes it when it calls next.

use std::time::Instant;

use chrono::{DateTime, Utc};
use iclock_sync::ledger::MOST_OPEN;
use iclock_sync::receive::{self, NotPermitted, Order, WishError};
use iclock_sync::{DeviceOptions, Ledger, LedgerError};
use zk_push::Dialect;
use zk_push::command::Command;

use super::ask::Ask;
use super::decide::{LOOK_EVERY, TAKEN_WITHIN, not_taken};
use crate::config::Config;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, printable, printed};

/// Queues a command, and returns once it is in the ledger.
pub(super) fn ask(context: &Context, serial: &str, ask: &Ask) -> Outcome {
    let config = context.quiet_config()?.serving();
    // Opening it for writing would create one.
    let reader = context.ledger(&config)?;
    let dialect = dialect(&reader, serial)?.ok_or_else(|| {
        CliError::new(ExitCode::Usage, format!("terminal {serial} has not pushed anything yet"))
            .hint("approve it, and wait for its first call; then it is known which commands it takes")
    })?;
    let device = config.devices.iter().find(|device| device.serial.as_deref() == Some(serial));
    let wish = ask.wish();
    let commands = wish.commands(dialect).map_err(not_a_command)?;
    commands.iter().try_for_each(|command| permitted(serial, device, command))?;
    let name = device.map_or_else(|| serial.to_owned(), |device| format!("{} ({serial})", device.name));
    if let Some((plan, consent)) = ask.plan(&name, &commands) {
        consent.ask(context, &printable(&plan))?;
    }
    let (now, mut ids) = (Utc::now(), Vec::new());
    for command in commands {
        let order = Order::new(serial, command, now + wish.expires_after()).ok_or_else(|| super::no_serial(serial))?;
        let queued = match Ledger::open(&config.state_dir) {
            Ok(ledger) => {
                ledger.queue_push_command(order.serial(), order.command(), order.once(), order.expires_at(), now)?
            }
            Err(LedgerError::Held { .. }) => hand_over(&config, &reader, &order, now)?,
            Err(error) => return Err(error.into()),
        };
        ids.push(queued.ok_or_else(|| not_queued(serial))?);
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let what =
        if let [id] = &*ids { format!("command {id} waits") } else { format!("commands {} wait", ids.join(", ")) };
    let most = span(wish.expires_after().num_minutes());
    output::line(format_args!("{what} for terminal {serial}, for {most} at most; the answer:"));
    output::line(format_args!("  {}", printed::command(&format!("push results {serial}"))));
    Ok(ExitCode::Done)
}

fn span(minutes: i64) -> String {
    match minutes {
        1_440.. => "a day".to_owned(),
        60 => "an hour".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}

/// Refuses a command for which the terminal has no permission, or that is never sent.
fn permitted(serial: &str, device: Option<&DeviceOptions>, command: &Command) -> Result<(), CliError> {
    let refused = |what: &str| CliError::new(ExitCode::Refused, what.to_owned());
    match receive::permitted(device, command) {
        Ok(()) => Ok(()),
        Err(NotPermitted::NoZone) => {
            let what = format!("the time of terminal {serial} is not known, because it has no zone");
            Err(CliError::new(ExitCode::Configuration, what)
                .hint("write its zone in its [[pushing]] in iclock.toml, such as zone = \"Indian/Maldives\""))
        }
        Err(NotPermitted::Needs(permission)) => {
            let what = format!("terminal {serial} has no permission for {permission}; nothing was sent");
            let hint = format!("write permit = [\"{permission}\"] in its [[pushing]] in iclock.toml, and reload serve");
            Err(refused(&what).hint(hint))
        }
        Err(_) => Err(refused("nobody knows what this command does; nothing was sent")
            .hint("see `iclock-cli push command --help` for the commands that can be given")),
    }
}

fn not_a_command(error: WishError) -> CliError {
    let hint = error.hint();
    let error = match error {
        WishError::Command(why) => CliError::because(ExitCode::Usage, "there is no such command", &why),
        other => CliError::new(ExitCode::Usage, other.to_string()),
    };
    hint.into_iter().fold(error, |error, hint| error.hint(hint))
}

fn not_queued(serial: &str) -> CliError {
    let what = format!("the command for terminal {serial} was not taken");
    let hint = format!(
        "it is denied, or lacks a permission in the configuration that serve has read, or {MOST_OPEN} commands have no \
         answer yet"
    );
    CliError::new(ExitCode::Refused, what).hint(hint)
}

/// The dialect of a terminal, once it has called.
pub(super) fn dialect(ledger: &Ledger, serial: &str) -> Result<Option<Dialect>, CliError> {
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
    let number = || -> Result<Option<u32>, CliError> { Ok(order.number(reader, since)?) };
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
