//! Restarting, switching off, options and bells.

use super::guard::Lockout;
use super::{Client, ClientError, Step};
use crate::Command;
use crate::op::{Operation, PowerOff, RefreshOptions, Restart, WriteOption};

impl Client {
    /// Restarts the terminal, which ends the session. The restart takes 30-90 s. If it fails, or its future is dropped,
    /// the session goes on until [`Client::exit`].
    ///
    /// Some firmware restarts without an answer, so silence or a closed connection after the request counts as done.
    /// The client reads the clock first, so that a terminal that was already unreachable is not taken for one that
    /// restarts. Over UDP, a lost request looks like one that was carried out.
    ///
    /// # Errors
    /// When the terminal refuses, or was unreachable before the request.
    ///
    /// # Example
    /// ```no_run
    /// # async fn example() -> Result<(), zk_proto::ClientError> {
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// client.restart().await?;
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restart(&mut self) -> Result<(), ClientError> {
        self.go_down(&Restart).await?;
        self.part();
        Ok(())
    }

    /// Switches the terminal off, which ends the session. Only a person at the terminal, or its own timer, switches it
    /// on again.
    ///
    /// # Errors
    /// As [`Client::restart`], which also says how success is recognized.
    pub async fn power_off(&mut self) -> Result<(), ClientError> {
        if self.go_down(&PowerOff).await? == Answered::Yes {
            // Some firmware waits for the end of the session before it switches off (one capture).
            self.leave().await;
        }
        self.part();
        Ok(())
    }

    /// Writes one option and makes the terminal apply it. A terminal may acknowledge and ignore it: check with
    /// [`Client::option`].
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
        // If this fails, the request was never sent.
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

    /// Closes the connection to a terminal that goes down. It starts enabled, and there is nobody to take leave of.
    fn part(&mut self) {
        self.driver.close();
        (self.in_call, self.is_down, self.lockout) = (true, true, Lockout::None);
    }
}

/// The terminal acknowledged that it goes down, or it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Yes,
    No,
}
