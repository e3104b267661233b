//! The carrier under a session: a connection, a socket, or a transcript in their place.

use std::io;
use std::net::SocketAddr;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use bytes::Bytes;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use super::tape::Tape;
use super::tcp::Tcp;
use super::udp::Udp;
use super::{ClientError, ConnectOptions, Step};
use crate::transcript::Stage;

/// Where the packets go, and come from.
#[derive(Debug)]
pub(super) enum Link {
    Tcp(Tcp),
    Udp(Udp),
    /// A transcript stands for it.
    Replay,
    /// Given up.
    Closed,
}

impl Link {
    /// Opens one, or takes up what the transcript of a replay says of it.
    pub(super) async fn open(
        options: &ConnectOptions,
        datagrams: bool,
        timeout: Duration,
        tape: &Tape,
    ) -> Result<Self, ClientError> {
        let link = match tape {
            Tape::Replaying(player) => match player.connected()? {
                Ok(()) => Ok(Link::Replay),
                Err(failure) => Err(failure),
            },
            _ => connect(options, datagrams, timeout).await,
        };
        link.map_err(|(stage, error)| {
            tape.failed(stage, error.as_ref());
            match (stage, error) {
                (_, None) => ClientError::TimedOut { step: Step::Connecting },
                (Stage::Resolve, Some(source)) => ClientError::Resolve { host: options.host.clone(), source },
                (_, Some(source)) => ClientError::Connect { address: address(options), source },
            }
        })
    }

    /// Sends a packet, after what a call that was dropped left of the one before.
    pub(super) async fn send(&mut self, packet: Option<Bytes>) -> io::Result<()> {
        match (self, packet) {
            (Self::Tcp(tcp), packet) => tcp.send(packet).await,
            (Self::Udp(udp), Some(packet)) => udp.send(&packet).await,
            (Self::Udp(_), None) => Ok(()),
            (Self::Replay | Self::Closed, _) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Host and port, as an error shows them.
pub(super) fn address(options: &ConnectOptions) -> String {
    format!("{}:{}", options.host, options.port)
}

/// Opens a connection; what failed and why, `None` for too late.
async fn connect(
    options: &ConnectOptions,
    datagrams: bool,
    timeout: Duration,
) -> Result<Link, (Stage, Option<io::Error>)> {
    let deadline = Instant::now() + timeout;
    let resolved = timeout_at(deadline, lookup_host((options.host.as_str(), options.port))).await;
    let addresses: Vec<SocketAddr> = match resolved {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err((Stage::Resolve, Some(error))),
        Err(_) => return Err((Stage::Resolve, None)),
    };
    let connected = timeout_at(deadline, async {
        match datagrams {
            true => Udp::connect(&addresses).await.map(Link::Udp),
            false => Tcp::connect(&addresses).await.map(Link::Tcp),
        }
    });
    match connected.await {
        Ok(Ok(link)) => Ok(link),
        Ok(Err(error)) => Err((Stage::Connect, Some(error))),
        Err(_) => Err((Stage::Connect, None)),
    }
}
