//! One request and its answer.

use std::time::Duration;

use tokio::time::timeout;

use super::{Client, ClientError, Step};
use crate::op::{GetTime, Operation};
use crate::reply::Reply;
use crate::session::Event;
use crate::{Command, Packet};

impl Client {
    /// Sends an operation and reads its answer.
    ///
    /// A terminal that forgot the session, or whose key was changed, demands the key and does nothing. The client then
    /// opens a new session with the key and sends the operation once more. It does not do so when the old session had
    /// state that would silently be lost: registered events, a transfer buffer, a running enrolment.
    ///
    /// # Errors
    /// When the terminal refuses, does not answer, or the connection breaks. [`ClientError::SessionLost`] when the
    /// terminal demands the key again and the caller has to [`reconnect`](Client::reconnect), or demands it on the new
    /// session too.
    pub async fn call<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
        match self.call_once(operation).await {
            Err(ClientError::SessionLost) if !self.bound && !self.holds_buffer => {
                self.reconnect().await?;
                self.call_once(operation).await
            }
            outcome => outcome,
        }
    }

    /// Does the same as [`Client::call`] on this session alone: if the terminal has forgotten it, no new one is opened.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_once<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
        let step = Step::Command(O::COMMAND);
        self.enter()?;
        self.bound |= binds_session(O::COMMAND);
        let now = self.driver.now();
        self.driver.session.call(now, operation);
        let event = self.driver.next(step).await;
        self.settle(&event);
        match event? {
            Event::Answer(packet) => {
                let reply =
                    Reply { command: O::COMMAND, code: packet.command, field: packet.session.0, data: &packet.data };
                operation.decode(&reply).map_err(|error| ClientError::from_proto(step, error))
            }
            _ => Err(ClientError::Unusable),
        }
    }

    /// Checks that the terminal still answers, and returns how long the answer took. Any answer counts, even a refusal.
    ///
    /// A connection can be dead without notice: the terminal lost power, or a cable was pulled. The check ends `within`
    /// the given time, or earlier after the timeout of the options. After an error the client is unusable.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] when no answer came, or why the connection broke.
    pub async fn probe(&mut self, within: Duration) -> Result<Duration, ClientError> {
        let begun = tokio::time::Instant::now();
        let outcome = match timeout(within, self.call_once(&GetTime)).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => {
                self.driver.cut();
                Err(ClientError::TimedOut { step: Step::Command(Command::GET_TIME) })
            }
        };
        match outcome {
            Ok(()) | Err(ClientError::Refused { .. }) => Ok(begun.elapsed()),
            Err(error) => {
                self.in_call = true;
                Err(error)
            }
        }
    }

    /// Waits for the next live event after [`RegisterEvents`](crate::op::RegisterEvents). `None` when none came
    /// `within` that time, an hour at most.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next_event(&mut self, within: Duration) -> Result<Option<Packet>, ClientError> {
        if self.in_call {
            return Err(ClientError::Unusable);
        }
        let event = self.driver.next_live(within).await;
        self.in_call = event.is_err();
        event
    }

    pub(super) fn enter(&mut self) -> Result<(), ClientError> {
        if self.in_call {
            return Err(ClientError::Unusable);
        }
        self.in_call = true;
        Ok(())
    }

    /// Notes the end of a call. The client stays usable after an answer, and after a refusal or a timeout that leaves
    /// requests and answers in step.
    pub(super) fn settle<T>(&mut self, outcome: &Result<T, ClientError>) {
        self.in_call = self.driver.is_broken() || matches!(outcome, Err(ClientError::SessionLost));
    }
}

/// Returns true if a command creates state at the terminal that ends with the session.
fn binds_session(command: Command) -> bool {
    matches!(
        command,
        Command::REG_EVENT | Command::STARTENROLL | Command::PREPARE_DATA | Command::DATA | Command::DATA_WRRQ
    )
}
