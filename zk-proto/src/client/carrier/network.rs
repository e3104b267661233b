//! A connection over the network, by TCP or UDP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

use super::tcp::Tcp;
use super::udp::Udp;
use super::{Input, LineError, OpenError, Target};
use crate::transcript::Stage;

#[derive(Debug)]
pub(in crate::client) struct Network {
    origin: Instant,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(Tcp),
    Udp(Udp),
    Closed,
}

impl Network {
    /// Finds the address and connects. Times count from `origin`.
    pub(super) async fn open(target: Target<'_>, origin: Instant) -> Result<Self, OpenError> {
        let deadline = Instant::now() + target.timeout;
        let resolved = within(deadline, lookup_host((target.host, target.port))).await;
        let addresses = resolved.map_err(|error| OpenError { stage: Stage::Resolve, error })?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let connected = within(deadline, async {
            match target.datagrams {
                true => Udp::connect(&addresses).await.map(Socket::Udp),
                false => Tcp::connect(&addresses).await.map(Socket::Tcp),
            }
        });
        let socket = connected.await.map_err(|error| OpenError { stage: Stage::Connect, error })?;
        Ok(Self { origin, socket })
    }

    pub(super) fn clock(&self) -> Duration {
        whole(self.origin.elapsed())
    }

    pub(super) async fn send(&mut self, packet: Option<Bytes>, until: Duration) -> Result<(), LineError> {
        let socket = &mut self.socket;
        within(self.origin + until, async {
            match (socket, packet) {
                (Socket::Tcp(tcp), packet) => tcp.send(packet).await,
                (Socket::Udp(udp), Some(packet)) => udp.send(&packet).await,
                (Socket::Udp(_), None) => Ok(()),
                (Socket::Closed, _) => Err(io::ErrorKind::NotConnected.into()),
            }
        })
        .await
    }

    pub(super) async fn receive(
        &mut self,
        buffer: Option<&mut BytesMut>,
        until: Duration,
    ) -> Result<Input<'_>, LineError> {
        let (origin, deadline) = (self.origin, self.origin + until);
        let received = match (&mut self.socket, buffer) {
            (Socket::Tcp(tcp), Some(buffer)) => within(deadline, tcp.receive(buffer)).await.map(|()| None),
            (Socket::Udp(udp), _) => within(deadline, udp.receive()).await.map(Some),
            // A session over TCP has a buffer: nothing but a closed connection is left.
            (Socket::Tcp(_) | Socket::Closed, _) => Err(LineError::Io(io::ErrorKind::NotConnected.into())),
        };
        let now = whole(origin.elapsed());
        match received {
            Ok(None) => Ok(Input::Stream(now)),
            Ok(Some(datagram)) => Ok(Input::Datagram(now, datagram)),
            Err(LineError::TooLate) => Ok(Input::Idle(now)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn close(&mut self) {
        self.socket = Socket::Closed;
    }
}

/// A duration in whole microseconds.
pub(super) fn whole(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

async fn within<T>(deadline: Instant, io: impl Future<Output = io::Result<T>>) -> Result<T, LineError> {
    match timeout_at(deadline, io).await {
        Ok(outcome) => outcome.map_err(LineError::Io),
        Err(_) => Err(LineError::TooLate),
    }
}
