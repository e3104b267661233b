//! Restarting, switching off, options and bells.

use super::{Client, ClientError, Step};
use crate::Command;
use crate::op::{Operation, PowerOff, RefreshOptions, Restart, WriteOption};

impl Client {
    /// Restarts the terminal and leaves it; it is back after 30-90 s.
    ///
    /// Some firmware goes down without an answer, so silence and the end of the line after the request count as done. The clock is
    /// read before, so that a terminal that was gone already is not taken for one that restarts; over UDP a request that got lost
    /// looks the same as one that was followed.
    ///
    /// # Errors
    /// When the terminal refuses, or was gone before it was asked.
    ///
    /// # Example
    /// ```no_run
    /// # async fn example() -> Result<(), zk_proto::ClientError> {
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// let client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// client.restart().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restart(mut self) -> Result<(), ClientError> {
        let done = self.go_down(&Restart).await;
        self.part(done).await
    }

    /// Switches the terminal off and leaves it. Nothing but a hand at the terminal, or its own timer, switches it on again.
    ///
    /// # Errors
    /// As [`Client::restart`], which tells how the end is known.
    pub async fn power_off(mut self) -> Result<(), ClientError> {
        let done = self.go_down(&PowerOff).await;
        if matches!(done, Ok(Answered::Yes)) {
            // Some firmware waits for the good-bye before it switches off (one capture).
            self.leave().await;
        }
        self.part(done).await
    }

    /// Writes one option and makes the terminal take it over. It may say yes and ignore it: [`Client::option`] tells.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn set_option(&mut self, name: &str, value: &str) -> Result<(), ClientError> {
        self.call(&WriteOption { name, value }).await?;
        self.call(&RefreshOptions).await
    }

    async fn go_down<O: Operation<Answer = ()>>(&mut self, operation: &O) -> Result<Answered, ClientError> {
        match self.time().await {
            Ok(_) | Err(ClientError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        self.refresh().await?;
        let step = Step::Command(O::COMMAND);
        self.enter()?;
        let now = self.driver.now();
        self.driver.session.call(now, operation);
        // What fails up to here was never asked.
        self.driver.flush(step).await?;
        let event = self.driver.next(step).await;
        self.settle(&event);
        match event {
            Ok(crate::session::Event::Answer(packet)) if packet.command != Command::ACK_OK => {
                Err(ClientError::Refused { command: O::COMMAND, code: packet.command })
            }
            Ok(_) => Ok(Answered::Yes),
            Err(ClientError::TimedOut { .. } | ClientError::Broken { .. }) => Ok(Answered::No),
            Err(error) => Err(error),
        }
    }

    /// Closes the line to a terminal that goes down; says good-bye to one that stays.
    async fn part(mut self, done: Result<Answered, ClientError>) -> Result<(), ClientError> {
        match done {
            Ok(_) => self.driver.close(),
            Err(_) => self.exit().await,
        }
        done.map(drop)
    }
}

/// Whether a terminal said that it goes down.
enum Answered {
    Yes,
    No,
}
