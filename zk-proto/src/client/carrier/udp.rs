//! The UDP carrier.

use std::boxed::Box;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::vec;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket;

/// The longest datagram there is.
const LONGEST: usize = 64 << 10;

/// The receive buffer asked of the system, in bytes. A terminal that only knows the direct read sends its whole log in
/// one burst, and whatever the buffer cannot hold is lost. The system may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A socket that talks with one terminal alone.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    buffer: Box<[u8]>,
}

impl Udp {
    /// Opens a socket to the first of `addresses`. A missing terminal shows only with the first packet.
    pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<Self> {
        let address = addresses.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await?;
        // Best effort: with the system's own size, a long burst takes more retries.
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        socket.connect(address).await?;
        Ok(Self { socket, buffer: vec![0; LONGEST].into_boxed_slice() })
    }

    pub(super) async fn send(&mut self, packet: &Bytes) -> io::Result<()> {
        self.socket.send(packet).await.map(drop)
    }

    /// Receives the next datagram.
    pub(super) async fn receive(&mut self) -> io::Result<&[u8]> {
        let length = self.socket.recv(&mut self.buffer).await?;
        Ok(self.buffer.get(..length).unwrap_or_default())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Linux's own size (212,992 bytes) holds about 90 datagrams of a chunk's size.
    #[tokio::test]
    async fn a_burst_of_150_datagrams_waits_in_the_socket() {
        let terminal = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut udp = Udp::connect(&[terminal.local_addr().unwrap()]).await.unwrap();
        let client = udp.socket.local_addr().unwrap();
        for number in 0..150_u8 {
            terminal.send_to(&[number; 1032], (Ipv4Addr::LOCALHOST, client.port())).await.unwrap();
        }
        for number in 0..150_u8 {
            assert_eq!(udp.receive().await.unwrap().first(), Some(&number));
        }
    }
}
