//! Commands on their way to terminals, and their results.

use std::sync::Arc;

use zk_push::command::{Command, CommandId, CommandResult, Numbered, Outcome, Verb};
use zk_push::terminal::{Content, Packet, Terminal};
use zk_push::{Dialect, Fields, SerialNumber};

use super::order::{Order, SET_TIME, words};
use super::receiver::PushReceiver;
use crate::error::blocking;
use crate::ledger::PushCommand;
use crate::tasks::Shared;
use crate::trail::line::{Beside, Push};
use crate::{Ledger, LedgerError, SyncError, chain, wall};

/// The most bytes of a result's details that are kept.
const MAX_DETAILS: usize = 8 << 10;

impl PushReceiver {
    /// Takes the orders that other processes have left in the state directory ([`Order::leave`]). Returns them. Those
    /// that need a permission that their terminal does not have are dropped.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written, or the service has been stopped. What was not queued stays
    /// there.
    pub async fn take_orders(&self) -> Result<Vec<Order>, SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let waiting = {
            let ledger = Arc::clone(&ledger);
            blocking("orders", move || Ok(Order::waiting(ledger.dir()).map_err(|error| of_dir(&ledger, error))?))
                .await?
        };
        let takes = |order: &Order| self.callers().caller(order.serial()).is_some_and(|it| it.takes(order.order()));
        let waiting: Vec<(Order, bool)> = waiting
            .into_iter()
            .map(|order| {
                let takes = takes(&order);
                (order, takes)
            })
            .collect();
        let taken = blocking("orders", move || {
            let mut taken = Vec::new();
            for (order, takes) in waiting {
                // One that does not fit is dropped: the one who gave it looks for its number, and finds none.
                if takes {
                    let once = order.once();
                    ledger.queue_push_command(order.serial(), order.command(), once, order.expires_at(), now)?;
                }
                order.withdraw(ledger.dir()).map_err(|error| of_dir(&ledger, error))?;
                if takes {
                    taken.push(order);
                } else {
                    tracing::warn!("a command for terminal {} was dropped: it is not permitted", order.serial());
                }
            }
            Ok(taken)
        })
        .await?;
        self.busy().extend(taken.iter().map(|order| order.serial().to_owned()));
        Ok(taken)
    }

    /// Looks up which terminals have commands without an answer.
    pub(super) async fn look_for_commands(&self) -> Result<(), SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let busy = blocking("ledger", move || Ok(ledger.terminals_with_push_commands(now)?)).await?;
        *self.busy() = busy.into_iter().collect();
        Ok(())
    }

    /// Returns the commands to send to a terminal now.
    pub(super) async fn due(&self, serial: &SerialNumber) -> Result<Vec<Numbered>, SyncError> {
        if !self.busy().contains(serial.as_str()) {
            return Ok(Vec::new());
        }
        let Some(caller) = self.callers().caller(serial.as_str()) else { return Ok(Vec::new()) };
        let shared = self.shared()?;
        let (ledger, now, serial) = (Arc::clone(&shared.ledger), shared.clock.utc_now(), serial.to_string());
        let due = blocking("ledger", move || Ok(ledger.due_push_commands(&serial, now)?)).await?;
        let shows = wall::wall_now(caller.zone, now, shared.clock.local_now());
        let numbered = |(id, text): (u32, String)| {
            // It was checked when it was queued, and is checked again. A permission may be gone meanwhile.
            let command = if text == SET_TIME { Command::set_time(shows) } else { Command::new(text) }.ok()?;
            caller.takes(&command).then_some(Numbered { id: CommandId::new(id)?, command })
        };
        Ok(due.into_iter().filter_map(numbered).collect())
    }

    pub(super) async fn note_sent(&self, serial: &SerialNumber, ids: &[CommandId]) -> Result<(), SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let ids: Vec<u32> = ids.iter().map(|id| id.get()).collect();
        let sent = blocking("ledger", move || Ok(ledger.push_commands_sent(&ids, now)?)).await?;
        let line = |(id, text): (u32, String)| push_line(serial, "sent", Some(id), Some(words(&text)), None);
        audit(&shared, sent.into_iter().map(line).collect()).await;
        Ok(())
    }

    /// Notes the results of commands.
    pub(super) async fn answered(&self, terminal: &Terminal, content: &Content) -> Result<(), SyncError> {
        let dialect = terminal.dialect().unwrap_or(Dialect::Attendance);
        let results: Vec<(u32, i64, String)> = match content {
            Content::Results(results) => {
                results.iter().filter_map(|line| final_result(line.record.as_ref().ok()?, dialect)).collect()
            }
            // Some terminals give no other result than the last packet.
            Content::Answer(packet, upload) if packet.is_last() => {
                let rows = i64::try_from(upload.count()).unwrap_or(i64::MAX);
                answered_by(packet, rows, String::new()).into_iter().collect()
            }
            Content::Values(packet, values) => answered_by(packet, 0, fields(values)).into_iter().collect(),
            _ => return Ok(()),
        };
        if results.is_empty() || !self.busy().contains(terminal.serial().as_str()) {
            return Ok(());
        }
        let shared = self.shared()?;
        let (ledger, now, serial) = (Arc::clone(&shared.ledger), shared.clock.utc_now(), terminal.serial().to_string());
        let counted = blocking("ledger", move || Ok(ledger.push_commands_answered(&serial, &results, now)?)).await?;
        let line = |(id, code)| push_line(terminal.serial(), "answered", Some(id), None, Some(code));
        audit(&shared, counted.into_iter().map(line).collect()).await;
        self.look_for_commands().await?;
        self.show_gaps(Some(terminal.serial().as_str())).await
    }
}

/// Writes into the audit what was between this program and a terminal. The ledger has it: a failure is only named.
pub(super) async fn audit(shared: &Shared, lines: Vec<Push>) {
    if lines.is_empty() {
        return;
    }
    match shared.write_audit(lines.into_iter().map(Beside::Push).collect()).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!("the audit misses what a terminal was told, or has answered"),
        Err(error) => tracing::warn!("the audit misses what a terminal was told: {}", chain(&error)),
    }
}

pub(super) fn push_line(
    serial: &SerialNumber,
    what: &str,
    command: Option<u32>,
    words: Option<String>,
    code: Option<i64>,
) -> Push {
    Push { terminal: serial.to_string(), what: what.to_owned(), command, words, code }
}

/// A command of the queue, as everybody may see it: in full if it only asks, else its first words. Its values may be
/// secrets.
#[must_use]
pub fn shown(command: &PushCommand) -> String {
    let text = &*command.command;
    let asks = |command: &Command| command.risk() == zk_push::command::Risk::Read;
    if Command::new(text).is_ok_and(|command| asks(&command)) { text.to_owned() } else { words(text) }
}

fn of_dir(ledger: &Ledger, source: std::io::Error) -> LedgerError {
    LedgerError::Io { path: ledger.dir().to_owned(), source }
}

/// The result that the answer to a query is.
fn answered_by(packet: &Packet, code: i64, details: String) -> Option<(u32, i64, String)> {
    Some((u32::try_from(packet.command.as_ref()?.number()?).ok()?, code, details))
}

/// Returns the number, code and details of a result; `None` for one that is not final.
fn final_result(result: &CommandResult, dialect: Dialect) -> Option<(u32, i64, String)> {
    let id = u32::try_from(result.id.number()?).ok()?;
    let code = result.code?;
    // A master controller has queued it for another one.
    if Outcome::of(dialect, Verb::Other, code) == Outcome::Pending {
        return None;
    }
    Some((id, code, details(result)))
}

/// The details, a field on each line, without secrets; then the output of a command of the operating system.
fn details(result: &CommandResult) -> String {
    let mut text = fields(&result.details);
    if let Some(output) = result.content.as_ref().filter(|_| result.command.is("Shell")) {
        let room = MAX_DETAILS.saturating_sub(text.len()) / char::REPLACEMENT_CHARACTER.len_utf8();
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(output.get(..room).unwrap_or(output)));
    }
    text.trim().to_owned()
}

fn fields(fields: &Fields) -> String {
    let mut text = String::new();
    for field in fields.iter() {
        let Some(value) = field.value.as_ref().filter(|_| !field.is_secret()) else { continue };
        let line = format!("{}={value}\n", field.key);
        if text.len() + line.len() > MAX_DETAILS {
            break;
        }
        text.push_str(&line);
    }
    text.trim_end().to_owned()
}
