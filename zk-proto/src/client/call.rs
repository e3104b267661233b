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
    /// A terminal that forgot the session, or whose key was changed, answers with a demand for the key and does nothing. Then
    /// a new session is opened with the key and the operation sent once more, unless the old one had a state that would be
    /// missed without a word: registered events, a transfer buffer, a running enrolment.
    ///
    /// # Errors
    /// When the terminal refuses, does not answer, or the line breaks. [`ClientError::SessionLost`] when it demands the key
    /// again and the caller has to [`reconnect`](Client::reconnect), or demands it on the new session too.
    pub async fn call<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
        match self.call_once(operation).await {
            Err(ClientError::SessionLost) if !self.bound && !self.holds_buffer => {
                self.reconnect().await?;
                self.call_once(operation).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn call_once<O: Operation>(&mut self, operation: &O) -> Result<O::Answer, ClientError> {
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
                    Reply { command: O::COMMAND, code: packet.command, field: packet.session, data: &packet.data };
                operation.decode(&reply).map_err(|error| ClientError::from_proto(step, error))
            }
            _ => Err(ClientError::Unusable),
        }
    }

    /// Asks the terminal for a sign of life, and says how long that took. Any answer counts, a refusal too.
    ///
    /// A line can be dead without a sign: a terminal that lost its power, a cable that was pulled. This ends `within` the time
    /// given, or earlier after the time-out of the options; the client is unusable after an error.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] when nothing came, or why the line broke.
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

    /// The next live event after [`RegisterEvents`](crate::op::RegisterEvents), or `None` when none came `within` that time,
    /// an hour at most.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the line breaks.
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

    /// After an answer, or a refusal or a silence that leaves the line in step, the client can go on.
    pub(super) fn settle<T>(&mut self, outcome: &Result<T, ClientError>) {
        self.in_call = self.driver.is_broken() || matches!(outcome, Err(ClientError::SessionLost));
    }
}

/// Whether a command leaves something at the terminal that ends with the session.
fn binds_session(command: Command) -> bool {
    matches!(
        command,
        Command::REG_EVENT | Command::STARTENROLL | Command::PREPARE_DATA | Command::DATA | Command::DATA_WRRQ
    )
}
