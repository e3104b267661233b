//! The TCP carrier.

use std::io;
use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    /// The unsent rest of the current packet, so that a cancelled call leaves no half-sent packet.
    unsent: Bytes,
}

impl Tcp {
    /// Connects to the first of `addresses` that answers.
    pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<Self> {
        let stream = TcpStream::connect(addresses).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unsent: Bytes::new() })
    }

    /// Sends a packet, or without one the rest of the packet before. The future may be dropped at any point: the rest
    /// is kept, and must be sent before another packet.
    pub(super) async fn send(&mut self, packet: Option<Bytes>) -> io::Result<()> {
        if let Some(packet) = packet {
            self.unsent = packet;
        }
        while self.unsent.has_remaining() {
            if self.stream.write_buf(&mut self.unsent).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Reads available bytes into the free room of `buffer`.
    pub(super) async fn receive(&mut self, buffer: &mut BytesMut) -> io::Result<()> {
        match self.stream.read_buf(buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
