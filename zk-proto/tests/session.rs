//! A session in memory, with invented time, against terminals that behave badly.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zk_proto::frame;
use zk_proto::frame::{Decoded, FrameDecoder};
use zk_proto::session::{Config, Event, Session};
use zk_proto::{Command, Dataset, Packet, Prepared, ProtoError, ReplyId, SessionId};

#[path = "session/answers.rs"]
mod answers;
#[path = "session/bulk.rs"]
mod bulk;
#[path = "session/chunks.rs"]
mod chunks;
#[path = "session/datagrams.rs"]
mod datagrams;
#[path = "session/requests.rs"]
mod requests;
#[path = "session/transfers.rs"]
mod transfers;
#[path = "session/upload.rs"]
mod upload;

const SESSION: u16 = 0x2F4A;

/// A session, the time it lives in, and the bytes between it and a terminal that the test plays.
struct Stage {
    session: Session,
    datagrams: bool,
    now: Duration,
    requests: VecDeque<Packet>,
    events: VecDeque<Event>,
}

impl Stage {
    fn stream(config: Config) -> Self {
        Self::new(Session::stream(config), false)
    }

    fn datagrams(config: Config) -> Self {
        Self::new(Session::datagrams(config), true)
    }

    fn new(session: Session, datagrams: bool) -> Self {
        Self { session, datagrams, now: Duration::ZERO, requests: VecDeque::new(), events: VecDeque::new() }
    }

    /// Over TCP, already connected.
    fn connected() -> Self {
        Self::stream(Config::default()).connect()
    }

    /// Over UDP, already connected.
    fn connected_by_datagrams() -> Self {
        Self::datagrams(Config::default()).connect()
    }

    fn connect(mut self) -> Self {
        self.session.connect(self.now);
        let connect = self.request();
        assert_eq!((connect.command, connect.session.0), (Command::CONNECT, 0));
        self.answer(&connect, Command::ACK_OK, SESSION, &[]);
        assert_eq!(self.event(), Event::Connected);
        self
    }

    /// With an attendance buffer of `size` bytes prepared.
    fn prepared(mut self, size: u32) -> Self {
        self.session.prepare(self.now, Dataset::Attendance);
        let free = self.request();
        self.answer(&free, Command::ACK_OK, SESSION, &[]);
        let prepare = self.request();
        assert_eq!(prepare.command, Command::DATA_WRRQ);
        assert_eq!(hex::encode(&prepare.data), "010d000000000000000000");
        self.answer(&prepare, Command::ACK_OK, SESSION, &size_answer(size));
        assert_eq!(self.event(), Event::Prepared(Prepared::Buffered { size: size.into() }));
        self
    }

    fn pump(&mut self) {
        while let Some(bytes) = self.session.poll_transmit() {
            self.requests.push_back(Packet::parse(unframe(self.datagrams, bytes)).unwrap());
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push_back(event);
        }
    }

    /// The next packet that the session sent.
    fn request(&mut self) -> Packet {
        self.pump();
        self.requests.pop_front().expect("the session sent nothing")
    }

    fn event(&mut self) -> Event {
        self.pump();
        self.events.pop_front().expect("nothing happened")
    }

    fn is_quiet(&mut self) -> bool {
        self.pump();
        self.requests.is_empty() && self.events.is_empty()
    }

    /// The bytes handed out so far, which must be in order from `offset` on.
    fn data(&mut self, mut offset: u64) -> Vec<u8> {
        self.pump();
        let mut data = Vec::new();
        while let Some(Event::Data { .. }) = self.events.front() {
            let Some(Event::Data { offset: at, bytes }) = self.events.pop_front() else { unreachable!() };
            assert_eq!(at, offset);
            offset += bytes.len() as u64;
            data.extend_from_slice(&bytes);
        }
        data
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ProtoError> {
        self.session.handle_input(self.now, bytes)
    }

    fn wire(&self, command: Command, field: u16, reply_id: u16, data: &[u8]) -> BytesMut {
        let mut wire = BytesMut::new();
        match self.datagrams {
            true => Packet::encode(command, SessionId(field), ReplyId(reply_id), data, &mut wire),
            false => frame::encode(command, SessionId(field), ReplyId(reply_id), data, &mut wire),
        }
        wire
    }

    fn answer(&mut self, request: &Packet, command: Command, field: u16, data: &[u8]) {
        let wire = self.wire(command, field, request.reply_id.0, data);
        self.send(&wire).unwrap();
    }

    /// The same with one bit of its data flipped.
    fn answer_damaged(&mut self, request: &Packet, command: Command, field: u16, data: &[u8]) {
        let mut wire = self.wire(command, field, request.reply_id.0, data);
        *wire.last_mut().unwrap() ^= 1;
        self.send(&wire).unwrap();
    }

    /// A whole answer to a `DATA_RDY`, in parts of `part` bytes.
    fn serve(&mut self, request: &Packet, set: &[u8], part: usize) {
        let (offset, length) = range(request);
        let wanted = &set[offset..offset + length];
        self.answer(request, Command::PREPARE_DATA, SESSION, &announcement(length, part));
        for (number, chunk) in wanted.chunks(part).enumerate() {
            self.answer(request, Command::DATA, number as u16, chunk);
        }
        self.answer(request, Command::ACK_OK, length as u16, &[]);
    }

    /// Nothing arrives until the session wants to be woken.
    fn silence(&mut self) {
        self.pump();
        let until = self.session.poll_timeout().expect("the session waits for nothing");
        assert!(until >= self.now);
        self.now = until;
        self.session.handle_timeout(self.now);
    }

    fn failure(&mut self) -> ProtoError {
        match self.event() {
            Event::Failed(error) => error,
            event => panic!("no failure: {event:?}"),
        }
    }
}

fn unframe(datagrams: bool, wire: Bytes) -> Bytes {
    if datagrams {
        return wire;
    }
    let mut decoder = FrameDecoder::default();
    decoder.push(&wire);
    match decoder.next_frame() {
        Ok(Decoded::Item(packet)) => packet,
        other => panic!("no frame: {other:?}"),
    }
}

fn size_answer(size: u32) -> Vec<u8> {
    let mut data = vec![0];
    data.put_u32_le(size);
    data.put_u32_le(size);
    data.put_u32_le(0x00A1_B2C3);
    data
}

fn announcement(total: usize, part: usize) -> Vec<u8> {
    let mut data = Vec::new();
    data.put_u32_le(total as u32);
    data.put_u32_le(part as u32);
    data
}

fn range(request: &Packet) -> (usize, usize) {
    assert_eq!(request.command, Command::DATA_RDY);
    let mut data = request.data.clone();
    (data.get_u32_le() as usize, data.get_u32_le() as usize)
}

fn set(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

/// Asks for the attendance log and gives the request for the buffer.
fn asked(stage: &mut Stage) -> Packet {
    stage.session.prepare(stage.now, Dataset::Attendance);
    let free = stage.request();
    assert_eq!(free.command, Command::FREE_DATA);
    stage.answer(&free, Command::ACK_OK, SESSION, &[]);
    stage.request()
}
