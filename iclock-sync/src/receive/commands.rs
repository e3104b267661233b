//! Commands on their way to terminals, and their results.

use std::sync::Arc;

use zk_push::command::{Command, CommandId, CommandResult, Numbered, Outcome, Verb};
use zk_push::terminal::{Content, Packet, Terminal};
use zk_push::{Dialect, Fields, SerialNumber, Upload};

use super::order::Order;
use super::receiver::PushReceiver;
use crate::SyncError;
use crate::error::blocking;

/// The most bytes of a result's details that are kept.
const MAX_DETAILS: usize = 8 << 10;

impl PushReceiver {
    /// Takes the orders that other processes have left in the state directory ([`Order::leave`]). Returns them.
    ///
    /// # Errors
    /// [`SyncError`] when the ledger cannot be written, or the service has been stopped. What was not queued stays
    /// there.
    pub async fn take_orders(&self) -> Result<Vec<Order>, SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let taken = blocking("orders", move || {
            let dir = ledger.dir();
            let problem = |source| crate::LedgerError::Io { path: dir.to_owned(), source };
            let waiting = Order::waiting(dir).map_err(problem)?;
            for order in &waiting {
                // One that does not fit is dropped: the one who gave it looks for its number, and finds none.
                ledger.queue_push_command(order.serial(), order.command(), order.expires_at(), now)?;
                order.withdraw(dir).map_err(problem)?;
            }
            Ok(waiting)
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
        let shared = self.shared()?;
        let (ledger, now, serial) = (Arc::clone(&shared.ledger), shared.clock.utc_now(), serial.to_string());
        let due = blocking("ledger", move || Ok(ledger.due_push_commands(&serial, now)?)).await?;
        let numbered = |(id, text): (u32, String)| {
            // It was checked when it was queued, and is checked again.
            Some(Numbered { id: CommandId::new(id)?, command: Command::new(text).ok()? })
        };
        Ok(due.into_iter().filter_map(numbered).collect())
    }

    pub(super) async fn note_sent(&self, ids: &[CommandId]) -> Result<(), SyncError> {
        let shared = self.shared()?;
        let (ledger, now) = (Arc::clone(&shared.ledger), shared.clock.utc_now());
        let ids: Vec<u32> = ids.iter().map(|id| id.get()).collect();
        blocking("ledger", move || Ok(ledger.push_commands_sent(&ids, now)?)).await
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
                answered_by(packet, upload).into_iter().collect()
            }
            _ => return Ok(()),
        };
        if results.is_empty() || !self.busy().contains(terminal.serial().as_str()) {
            return Ok(());
        }
        let shared = self.shared()?;
        let (ledger, now, serial) = (Arc::clone(&shared.ledger), shared.clock.utc_now(), terminal.serial().to_string());
        blocking("ledger", move || Ok(ledger.push_commands_answered(&serial, &results, now)?)).await?;
        self.look_for_commands().await?;
        self.show_gaps(Some(terminal.serial().as_str())).await
    }
}

/// The result that the last packet of an answer is: the number of its rows.
fn answered_by(packet: &Packet, upload: &Upload) -> Option<(u32, i64, String)> {
    let id = u32::try_from(packet.command.as_ref()?.number()?).ok()?;
    Some((id, i64::try_from(upload.count()).ok()?, String::new()))
}

/// Returns the number, code and details of a result; `None` for one that is not final.
fn final_result(result: &CommandResult, dialect: Dialect) -> Option<(u32, i64, String)> {
    let id = u32::try_from(result.id.number()?).ok()?;
    let code = result.code?;
    // A master controller has queued it for another one.
    if Outcome::of(dialect, Verb::Other, code) == Outcome::Pending {
        return None;
    }
    Some((id, code, details(&result.details)))
}

/// The details, a field on each line, without secrets.
fn details(fields: &Fields) -> String {
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
