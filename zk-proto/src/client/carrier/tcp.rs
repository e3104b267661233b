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
    /// What is still to be sent of the packet in hand, so that a cancelled call leaves no half packet behind.
    unsent: Bytes,
}

impl Tcp {
    /// Connects to the first of `addresses` that answers.
    pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<Self> {
        let stream = TcpStream::connect(addresses).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unsent: Bytes::new() })
    }

    /// Sends a packet, or without one what is left of the packet before. May be dropped at any point: the rest is kept,
    /// and has to be sent before another packet.
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

    /// Reads what is there into the room that `buffer` has.
    pub(super) async fn receive(&mut self, buffer: &mut BytesMut) -> io::Result<()> {
        match self.stream.read_buf(buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
