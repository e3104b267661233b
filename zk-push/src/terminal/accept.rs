//! Answers that wait: for the word that something is stored, and for commands.

use super::Batch;
use crate::command::{self, CommandId, Numbered};
use crate::{Reply, SerialNumber};

/// A batch, and the answer that only [`Accept::stored`] gives out. After that answer the terminal deletes what it sent.
#[derive(Debug)]
#[must_use = "a terminal waits for the answer"]
pub struct Accept {
    batch: Batch,
    reply: Reply,
}

impl Accept {
    pub(super) fn new(batch: Batch, reply: Reply) -> Self {
        Self { batch, reply }
    }

    /// The batch to store.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Returns the answer that acknowledges the batch. Call it once every line is on disk, as a record, as a duplicate
    /// or in quarantine, and never before.
    #[must_use]
    pub fn stored(self) -> Reply {
        self.reply
    }

    /// Returns the answer for a batch that is not stored: the terminal keeps it and sends it again.
    #[must_use]
    pub fn failed(self) -> Reply {
        Reply::refusal(503)
    }
}

/// A poll: the terminal asks for commands.
#[derive(Debug)]
#[must_use = "a terminal waits for the answer"]
pub struct Poll(());

impl Poll {
    pub(super) fn new() -> Self {
        Self(())
    }

    /// Returns the answer without commands.
    #[must_use]
    pub fn idle(self) -> Reply {
        Reply::ok()
    }

    /// Returns the answer with commands, and the numbers of those that fit into it. The others wait for the next poll.
    /// Record those numbers as sent before you send the answer: a command that was sent may be carried out.
    ///
    /// With `wraps`, the lines have the form that controllers with `CmdFormat=1` need.
    #[must_use]
    pub fn deliver(self, commands: &[Numbered], wraps: Option<&SerialNumber>) -> (Reply, Vec<CommandId>) {
        let batch = command::write(commands, wraps);
        let reply = if batch.sent.is_empty() { Reply::ok() } else { Reply::text(batch.body) };
        (reply, batch.sent)
    }
}
