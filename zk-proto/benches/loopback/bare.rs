//! A client that does no more than it has to: the exchange of a pull, frames parsed, checksums verified, payload
//! counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::BytesMut;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::{Command, Packet, ReplyId, SessionId};

use crate::server::CHUNK;

/// The same requests as a proven pull in the same order, without a proof. Returns the bytes that came.
pub(crate) fn pull_bare(address: SocketAddr) -> usize {
    let mut line = Line { stream: TcpStream::connect(address).expect("a line"), decoder: FrameDecoder::default() };
    line.stream.set_nodelay(true).expect("an option");
    line.ask(Command::CONNECT, 0, &[]);
    line.ask(Command::GET_FREE_SIZES, 1, &[]);
    let prepared = line.ask(Command::DATA_WRRQ, 2, &[1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let size = u32::from_le_bytes(prepared.data[1..5].try_into().expect("four bytes")) as usize;
    let (mut read, mut reply_id) = (0, 3);
    while read < size {
        read += line.ask_for_bytes(reply_id, read, CHUNK.min(size - read));
        reply_id += 1;
    }
    // The first bytes again: is it still the same log?
    if size > CHUNK {
        line.ask_for_bytes(reply_id, 0, 256);
        reply_id += 1;
    }
    line.ask(Command::GET_FREE_SIZES, reply_id, &[]);
    line.ask(Command::FREE_DATA, reply_id + 1, &[]);
    line.ask(Command::EXIT, reply_id + 2, &[]);
    read
}

struct Line {
    stream: TcpStream,
    decoder: FrameDecoder,
}

impl Line {
    fn send(&mut self, command: Command, reply_id: u16, data: &[u8]) {
        let mut out = BytesMut::new();
        frame::encode(command, SessionId(1), ReplyId(reply_id), data, &mut out);
        self.stream.write_all(&out).expect("a request sent");
    }

    fn ask(&mut self, command: Command, reply_id: u16, data: &[u8]) -> Packet {
        self.send(command, reply_id, data);
        self.receive()
    }

    /// Asks for a range of the set. Returns how many bytes came.
    fn ask_for_bytes(&mut self, reply_id: u16, from: usize, length: usize) -> usize {
        self.send(Command::DATA_RDY, reply_id, &[(from as u32).to_le_bytes(), (length as u32).to_le_bytes()].concat());
        let mut came = 0;
        loop {
            let packet = self.receive();
            match packet.command {
                Command::DATA => came += packet.data.len(),
                Command::ACK_OK => return came,
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> Packet {
        loop {
            if let Decoded::Item(bytes) = self.decoder.next_frame().expect("a frame") {
                let packet = Packet::parse(bytes).expect("a packet");
                assert!(packet.intact);
                return packet;
            }
            let mut buffer = [0; 1 << 16];
            let read = self.stream.read(&mut buffer).expect("bytes");
            assert!(read > 0, "the server left");
            self.decoder.push(&buffer[..read]);
        }
    }
}
