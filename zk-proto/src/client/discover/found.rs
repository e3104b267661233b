//! A terminal that a search found.

use std::string::String;

use crate::client::{Client, ClientError, ConnectOptions, Transport};
use crate::{DeviceTime, FreeSizes, Identity};

/// A terminal that a search found, or something else that listens at its port.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// The address, as it was tried.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The carrier of the session; `None` if no session could be opened.
    pub transport: Option<Transport>,
    /// The identity, as far as it was answered.
    pub identity: Identity,
    /// Counts and capacities.
    pub sizes: Option<FreeSizes>,
    /// The terminal's clock.
    pub time: Option<DeviceTime>,
    /// The reason why something is missing: it demands a key, serves another client, is no terminal, or stopped
    /// answering.
    pub obstacle: Option<ClientError>,
}

impl Found {
    pub(super) fn at(host: &ConnectOptions) -> Self {
        Self {
            host: host.host.clone(),
            port: host.port,
            transport: None,
            identity: Identity::default(),
            sizes: None,
            time: None,
            obstacle: None,
        }
    }

    /// Asks the terminal who it is, and keeps each answer as it comes.
    pub(super) async fn ask(&mut self, client: &mut Client) -> Result<(), ClientError> {
        self.identity = client.identity().await?;
        let sizes = client.free_sizes().await.map(Some);
        self.sizes = client.told(sizes).await?;
        let time = client.time().await.map(Some);
        self.time = client.told(time).await?;
        Ok(())
    }
}
