//! A client of a device in memory: one request at a time, every packet of the answer.
#![allow(dead_code, reason = "each test program uses its part")]

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::frame::{Decoded, FrameDecoder};
use zk_proto::{Command, Packet, ReplyId, SessionId};
use zk_sim::{Action, Device, LinkId, Terminal, Transport};

/// A data set read for attendance, as 1503 asks for it.
pub(crate) const LOG: &[u8] = &[1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The same for users.
pub(crate) const USERS: &[u8] = &[1, 9, 0, 5, 0, 0, 0, 0, 0, 0, 0];

pub(crate) struct Client {
    pub(crate) device: Device,
    pub(crate) link: LinkId,
    pub(crate) session: u16,
    pub(crate) reply_id: u16,
    pub(crate) now: Duration,
    transport: Transport,
}

/// The answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) packets: Vec<Packet>,
    pub(crate) closed: bool,
    pub(crate) paused: Duration,
    /// Bytes of each write.
    pub(crate) writes: Vec<usize>,
}

impl Answer {
    /// The codes of its packets.
    pub(crate) fn codes(&self) -> Vec<u16> {
        self.packets.iter().map(|packet| packet.command.0).collect()
    }

    /// The data of its DATA packets.
    pub(crate) fn data(&self) -> Bytes {
        let mut data = BytesMut::new();
        for packet in self.packets.iter().filter(|packet| packet.command == Command::DATA) {
            data.put_slice(&packet.data);
        }
        data.freeze()
    }
}

impl Client {
    pub(crate) fn new(terminal: Terminal, transport: Transport) -> Self {
        let mut device = Device::new(terminal);
        let link = device.open(transport).unwrap();
        Self { device, link, session: 0, reply_id: 0, now: Duration::ZERO, transport }
    }

    /// A client that has connected.
    pub(crate) fn connected(terminal: Terminal, transport: Transport) -> Self {
        let mut client = Self::new(terminal, transport);
        client.ask(Command::CONNECT, &[]);
        client
    }

    pub(crate) fn ask(&mut self, command: Command, data: &[u8]) -> Answer {
        let mut packet = BytesMut::new();
        Packet::encode(command, SessionId(self.session), ReplyId(self.reply_id), data, &mut packet);
        self.reply_id += 1;
        let answer = self.send(packet.freeze());
        if let (Command::CONNECT, Some(first)) = (command, answer.packets.first()) {
            self.session = first.session.0;
        }
        answer
    }

    pub(crate) fn send(&mut self, packet: Bytes) -> Answer {
        let actions = self.device.handle_packet(self.link, packet, self.now);
        self.understand(actions)
    }

    /// Events that the device has to tell.
    pub(crate) fn events(&mut self) -> Answer {
        let actions = self.device.poll_events(self.link, self.now);
        self.understand(actions)
    }

    fn understand(&self, actions: Vec<Action>) -> Answer {
        let mut answer = Answer::default();
        let mut decoder = FrameDecoder::default();
        for action in actions {
            match action {
                Action::Write(frame) if self.transport == Transport::Udp => {
                    answer.writes.push(frame.len());
                    answer.packets.push(Packet::parse(frame.to_bytes()).unwrap());
                }
                Action::Write(frame) => {
                    for piece in frame.writes() {
                        answer.writes.push(piece.len());
                        decoder.push(&piece.to_bytes());
                    }
                }
                Action::Pause(delay) => answer.paused += delay,
                Action::Close => answer.closed = true,
            }
        }
        while let Ok(Decoded::Item(packet)) = decoder.next_frame() {
            answer.packets.push(Packet::parse(packet).unwrap());
        }
        answer
    }

    /// The whole log through 1503 and 1504, in chunks of 65,472 bytes.
    pub(crate) fn read(&mut self, table: &[u8]) -> Bytes {
        let first = self.ask(Command::DATA_WRRQ, table);
        if first.codes() == [Command::DATA.0] {
            return first.data();
        }
        let size = u32_at(&first.packets[0].data, 1);
        let mut whole = BytesMut::new();
        let mut offset = 0;
        while offset < size {
            let length = (size - offset).min(65_472);
            whole.put(self.range(offset, length).data());
            offset += length;
        }
        whole.freeze()
    }

    pub(crate) fn range(&mut self, offset: u32, length: u32) -> Answer {
        let mut range = BytesMut::new();
        range.put_u32_le(offset);
        range.put_u32_le(length);
        self.ask(Command::DATA_RDY, &range)
    }

    /// The records that free sizes report.
    pub(crate) fn count(&mut self) -> u32 {
        u32_at(&self.ask(Command::GET_FREE_SIZES, &[]).packets[0].data, 32)
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}
