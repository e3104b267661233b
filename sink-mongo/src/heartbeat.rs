//! Servers that refuse connections. The driver goes on trying them until its time for the choice of a server is over;
//! its heartbeats tell at once that nothing listens there.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use mongodb::error::ErrorKind;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ServerAddress;
use tokio::sync::watch;

/// The refusals of each server in a row, and the words of the last one.
type Refusals = HashMap<ServerAddress, (u64, String)>;

/// What the heartbeats have met.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeats(Arc<watch::Sender<Refusals>>);

impl Heartbeats {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Refusals::new())))
    }

    /// The handler for the driver.
    pub(crate) fn handler(&self) -> EventHandler<SdamEvent> {
        let refusals = Arc::clone(&self.0);
        EventHandler::callback(move |event| match event {
            SdamEvent::ServerHeartbeatFailed(event) => {
                let refused = match &*event.failure.kind {
                    ErrorKind::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(error.to_string()),
                    _ => None,
                };
                refusals.send_modify(|refusals| match refused {
                    Some(said) => {
                        let known = refusals.entry(event.server_address).or_default();
                        *known = (known.0 + 1, said);
                    }
                    None => {
                        refusals.remove(&event.server_address);
                    }
                });
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                refusals.send_if_modified(|refusals| refusals.remove(&event.server_address).is_some());
            }
            _ => {}
        })
    }

    /// Waits until each of these servers has refused a connection after this call began, and returns their words. It
    /// never ends without a server.
    pub(crate) async fn all_refuse(&self, servers: &[ServerAddress]) -> String {
        let mut now = self.0.subscribe();
        let before: Vec<u64> = servers.iter().map(|server| count(&now.borrow(), server)).collect();
        let is_refused = |now: &Refusals| {
            !servers.is_empty() && servers.iter().zip(&before).all(|(server, before)| count(now, server) > *before)
        };
        let said = |now: &Refusals| {
            let words = servers.iter().filter_map(|server| Some(format!("{server}: {}", now.get(server)?.1)));
            words.collect::<Vec<_>>().join("; ")
        };
        match now.wait_for(is_refused).await.ok().map(|now| said(&now)) {
            Some(said) => said,
            // It cannot be: the sender is in `self`.
            None => std::future::pending().await,
        }
    }
}

fn count(refusals: &Refusals, server: &ServerAddress) -> u64 {
    refusals.get(server).map_or(0, |(count, _)| *count)
}
