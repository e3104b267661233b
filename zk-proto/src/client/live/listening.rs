//! One session that is registered for events.

use std::boxed::Box;
use std::time::Duration;

use tokio::time::sleep;

use super::{Client, ClientError, ConnectOptions, LiveOptions};
use crate::client::Step;
use crate::client::stop::Stop;
use crate::op::{GetTime, Operation, RegisterEvents};
use crate::reply::Reply;
use crate::session::Event;
use crate::{DeviceTime, Packet};

/// A session that is registered.
pub(super) struct Listening {
    pub(super) client: Box<Client>,
    /// The time at which the terminal was last heard, by the session's clock.
    pub(super) heard: Duration,
    pub(super) pinging: bool,
    /// The caller has had the client since: the terminal was heard then, or failed in a call.
    pub(super) lent: bool,
}

/// A packet or sign of life from the terminal.
pub(super) enum Heard {
    Event(Packet),
    Alive(Option<DeviceTime>),
}

/// Ends an old session and pauses, unless the old one can be registered again.
pub(super) async fn part(old: Option<Box<Client>>, events: RegisterEvents, pause: Duration) -> Option<Box<Client>> {
    let renewed = renewed(old, events).await;
    if renewed.is_none() {
        sleep(pause).await;
    }
    renewed
}

/// Opens a session and registers, unless there is one that is registered. Also reads the terminal's clock. A stop ends
/// the session instead.
pub(super) async fn open(
    renewed: Option<Box<Client>>,
    connect: ConnectOptions,
    events: RegisterEvents,
    mut stop: Stop,
) -> Result<(Client, Option<DeviceTime>), ClientError> {
    let (mut client, is_registered) = match renewed {
        Some(client) => (*client, true),
        None => (stop.opened(Client::connect(&connect)).await?, false),
    };
    let registered = async {
        if !is_registered {
            client.call(&events).await?;
        }
        match client.time().await {
            Ok(now) => Ok(Some(now)),
            Err(ClientError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    };
    match stop.unless(registered).await {
        Ok(now) => Ok((client, now)),
        Err(error) => {
            client.exit().await;
            Err(error)
        }
    }
}

/// Registers on a session that a call has opened in place of the old one. Ends any other.
async fn renewed(old: Option<Box<Client>>, events: RegisterEvents) -> Option<Box<Client>> {
    let mut client = old?;
    let is_new = !client.in_call && !client.bound && !client.driver.is_broken();
    if is_new && client.call_once(&events).await.is_ok() {
        return Some(client);
    }
    client.exit().await;
    None
}

impl Listening {
    /// Waits for an event or a sign of life. The future may be dropped and called again: the session keeps all state.
    pub(super) async fn hear(&mut self, options: &LiveOptions) -> Result<Heard, ClientError> {
        loop {
            if self.client.in_call || !self.client.bound {
                // The caller used the client, and the registration ended with its session.
                return Err(ClientError::Unusable);
            }
            let driver = &mut self.client.driver;
            let now = driver.clock();
            if std::mem::take(&mut self.lent) {
                self.heard = now;
            }
            let ping_after = options.ping_every.min(options.lost_after / 3 * 2);
            let quiet_until = self.heard.saturating_add(ping_after);
            let lost_at = self.heard.saturating_add(options.lost_after.max(ping_after));
            if !self.pinging && now >= quiet_until {
                self.pinging = true;
                let now = driver.now();
                driver.session.call(now, &GetTime);
            }
            let until = if self.pinging { lost_at } else { quiet_until };
            let Some(event) = driver.heard_by(until).await? else {
                if self.pinging && driver.clock() >= lost_at {
                    driver.session.abandon();
                    return Err(ClientError::TimedOut { step: Step::Live });
                }
                continue;
            };
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
