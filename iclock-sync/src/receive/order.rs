//! Commands that another process orders while a receiver runs.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zk_push::SerialNumber;
use zk_push::command::Command;

use super::mailbox::Mailbox;
use super::needs::{Needs, may_repeat, needs};
use crate::ledger::{MOST_OPEN, PushCommand};
use crate::random::secret_key;
use crate::{Ledger, LedgerError};

/// The directory of the files, in the state directory.
const DIR: &str = "push-orders";

/// The command that sets the clock of an access control terminal. The time is that of the moment at which it is sent.
pub const SET_TIME: &str = "SET OPTIONS DateTime=now";

/// A command for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of its file.
    file: String,
    serial: SerialNumber,
    command: Command,
    expires_at: DateTime<Utc>,
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Content {
    serial: String,
    command: String,
    expires_at: DateTime<Utc>,
}

impl Order {
    /// Orders a command. `None` if no terminal has such a serial number, or if such a command is never sent
    /// ([`needs`](super::needs())). One that needs a permission is dropped by a receiver whose terminal lacks it.
    #[must_use]
    pub fn new(serial: &str, command: Command, expires_at: DateTime<Utc>) -> Option<Self> {
        let serial = SerialNumber::new(serial)?;
        (needs(&command) != Needs::Never).then(|| Self { file: secret_key(), serial, command, expires_at })
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        self.serial.as_str()
    }

    /// The command as it is sent.
    #[must_use]
    pub fn command(&self) -> &str {
        self.command.as_str()
    }

    /// The first words of the command, without its values: those may be secrets.
    #[must_use]
    pub fn words(&self) -> String {
        words(self.command())
    }

    /// Returns true if it is sent once: it changes something, and nobody knows if an answer was lost or the command.
    #[must_use]
    pub fn once(&self) -> bool {
        !may_repeat(&self.command)
    }

    /// The time after which it is not sent any more.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// The command.
    pub(super) fn order(&self) -> &Command {
        &self.command
    }

    /// Leaves the order for the receiver that runs in a state directory.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn leave(&self, state_dir: &Path) -> io::Result<()> {
        let (serial, command) = (self.serial.to_string(), self.command.as_str().to_owned());
        let content = Content { serial, command, expires_at: self.expires_at };
        Mailbox::new(state_dir, DIR).leave(&self.file, &content)
    }

    /// Returns its number in the queue, once a receiver has taken it. `since` is the time before which it was not
    /// given.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn number(&self, ledger: &Ledger, since: DateTime<Utc>) -> Result<Option<u32>, LedgerError> {
        // The ledger keeps whole seconds.
        let is_it = |of: &PushCommand| of.command == self.command() && of.queued_at.timestamp() >= since.timestamp();
        let commands = ledger.push_commands(Some(self.serial()), MOST_OPEN)?;
        Ok(commands.iter().find(|of| is_it(of)).map(|of| of.id))
    }

    /// Takes the order back. Returns false if a receiver has taken it.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn withdraw(&self, state_dir: &Path) -> io::Result<bool> {
        Mailbox::new(state_dir, DIR).withdraw(&self.file)
    }

    /// Returns the orders that wait in a state directory, with a bound on their number.
    pub(super) fn waiting(state_dir: &Path) -> io::Result<Vec<Self>> {
        Mailbox::new(state_dir, DIR).waiting(|file, content| {
            let Content { serial, command, expires_at } = serde_json::from_slice(content).ok()?;
            let order = Self::new(&serial, Command::new(command).ok()?, expires_at)?;
            Some(Self { file: file.to_owned(), ..order })
        })
    }
}

/// The verb and the table of a command. Its values may be secrets.
pub(super) fn words(text: &str) -> String {
    if text == SET_TIME {
        return SET_TIME.to_owned();
    }
    let Ok(command) = Command::new(text) else { return String::new() };
    let end = text.len() - command.arguments().len();
    text.get(..end).unwrap_or_default().trim().to_owned()
}
