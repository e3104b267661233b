//! One session that is registered for events.

use std::boxed::Box;
use std::time::Duration;

use tokio::time::sleep;

use super::{Client, ClientError, ConnectOptions};
use crate::client::Step;
use crate::op::{GetTime, Operation, RegisterEvents};
use crate::reply::Reply;
use crate::session::Event;
use crate::{DeviceTime, Packet};

/// Longer than any deadline of a session, so that the session's deadline ends the wait.
const UNTIL_ANSWERED: Duration = Duration::from_secs(3600);

/// A session that is registered.
pub(super) struct Listening {
    pub(super) client: Box<Client>,
    /// The time at which the terminal was last heard, by the session's clock.
    pub(super) heard: Duration,
    pub(super) pinging: bool,
}

/// A packet or sign of life from the terminal.
pub(super) enum Heard {
    Event(Packet),
    Alive(Option<DeviceTime>),
}

/// Ends an old session, pauses, opens a new one and registers. Also reads the terminal's clock.
pub(super) async fn open(
    old: Option<Box<Client>>,
    connect: ConnectOptions,
    events: RegisterEvents,
    pause: Duration,
) -> Result<(Client, Option<DeviceTime>), ClientError> {
    if let Some(old) = old {
        old.exit().await;
    }
    sleep(pause).await;
    let mut client = Client::connect(&connect).await?;
    client.call(&events).await?;
    match client.time().await {
        Ok(now) => Ok((client, Some(now))),
        Err(ClientError::Refused { .. }) => Ok((client, None)),
        Err(error) => Err(error),
    }
}

impl Listening {
    /// Waits for an event or a sign of life. The future may be dropped and called again: the session keeps all state.
    pub(super) async fn hear(&mut self, ping_every: Duration) -> Result<Heard, ClientError> {
        loop {
            if self.client.in_call || !self.client.bound {
                // The caller used the client, and the registration ended with its session.
                return Err(ClientError::Unusable);
            }
            let driver = &mut self.client.driver;
            let now = driver.clock();
            let quiet_until = self.heard.saturating_add(ping_every);
            if !self.pinging && now >= quiet_until {
                self.pinging = true;
                let now = driver.now();
                driver.session.call(now, &GetTime);
            }
            let until = if self.pinging { now + UNTIL_ANSWERED } else { quiet_until };
            let Some(event) = driver.heard_by(until).await? else { continue };
            self.heard = driver.clock();
            match event {
                Event::Live(packet) => return Ok(Heard::Event(packet)),
                Event::Answer(packet) => {
                    self.pinging = false;
                    let (command, code, field) = (GetTime::COMMAND, packet.command, packet.session.0);
                    let reply = Reply { command, code, field, data: &packet.data };
                    // A terminal that does not report its time is still there.
                    return Ok(Heard::Alive(GetTime.decode(&reply).ok()));
                }
                Event::Failed(error) => return Err(ClientError::from_proto(Step::Live, error)),
                _ => {}
            }
        }
    }
}
