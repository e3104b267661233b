//! The UDP carrier.

use std::boxed::Box;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::vec;

use bytes::Bytes;
use tokio::net::UdpSocket;

/// The longest datagram there is.
const LONGEST: usize = 64 << 10;

/// A socket that talks with one terminal alone.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    buffer: Box<[u8]>,
}

impl Udp {
    /// A socket towards the first of `addresses`; whether anybody listens there shows with the first packet.
    pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<Self> {
        let address = addresses.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(address).await?;
        Ok(Self { socket, buffer: vec![0; LONGEST].into_boxed_slice() })
    }

    pub(super) async fn send(&mut self, packet: &Bytes) -> io::Result<()> {
        self.socket.send(packet).await.map(drop)
    }

    /// The next datagram.
    pub(super) async fn receive(&mut self) -> io::Result<&[u8]> {
        let length = self.socket.recv(&mut self.buffer).await?;
        Ok(self.buffer.get(..length).unwrap_or_default())
    }
}
