//! Putting a transfer together: whatever happens to the packets on the way, what is called whole is the set itself.
#![no_main]

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::frame::PREFIX_LEN;
use zk_proto::session::{Config, Event, Limits};
use zk_proto::{Command, Dataset, Packet, Prepared, ProtoError, Session, frame, ReplyId, SessionId};

/// Requests after which a session that still asks is taken to ask forever.
const MANY: usize = 20_000;

/// The fate of one packet of the terminal.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    IsLost,
    IsDamaged,
    FollowsAStalePacket,
    FollowsAnEvent,
    /// Datagrams alone: a stream neither doubles nor reorders.
    ComesTwice,
    IsOvertaken,
}

impl Fate {
    fn of(number: u8, stream: bool) -> Self {
        match number % 16 {
            1 => Self::IsLost,
            2 => Self::IsDamaged,
            3 => Self::FollowsAStalePacket,
            4 => Self::FollowsAnEvent,
            5 if !stream => Self::ComesTwice,
            6 if !stream => Self::IsOvertaken,
            _ => Self::Arrives,
        }
    }
}

/// A terminal that answers rightly, and a line that does not deliver so.
struct Terminal<'a> {
    stream: bool,
    part: usize,
    set: Bytes,
    fates: std::slice::Iter<'a, u8>,
}

impl Terminal<'_> {
    fn answers(&self, request: &Packet) -> Vec<(Command, u16, Bytes)> {
        let word = |at: usize| {
            request.data.get(at..at + 4).map_or(0, |word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        };
        let size = (self.set.len() as u32).to_le_bytes();
        match request.command {
            Command::DATA_WRRQ => vec![(Command::ACK_OK, 1, [&[0][..], &size, &size, &[0; 4]].concat().into())],
            Command::DATA_RDY | Command::ATTLOG_RRQ => {
                // Without the buffer the whole set comes.
                let (offset, length) = match request.command {
                    Command::DATA_RDY => (word(0) as usize, word(4)),
                    _ => (0, self.set.len() as u32),
                };
                let wanted = self.set.slice(offset..offset + length as usize);
                let announced = [length, self.part as u32].map(u32::to_le_bytes).concat();
                let mut answers = vec![(Command::PREPARE_DATA, 1, announced.into())];
                for (index, part) in wanted.chunks(self.part).enumerate() {
                    answers.push((Command::DATA, index as u16, wanted.slice_ref(part)));
                }
                answers.push((Command::ACK_OK, length as u16, Bytes::new()));
                answers
            }
            _ => vec![(Command::ACK_OK, 1, Bytes::new())],
        }
    }

    fn wire(&self, command: Command, field: u16, reply_id: u16, data: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        if self.stream {
            frame::encode(command, SessionId(field), ReplyId(reply_id), data, &mut out);
        } else {
            Packet::encode(command, SessionId(field), ReplyId(reply_id), data, &mut out);
        }
        out
    }

    /// The packets that arrive in answer to a request, in the order in which they do.
    fn deliver(&mut self, request: &Packet) -> Vec<BytesMut> {
        let mut arriving = Vec::new();
        let mut overtaken = None;
        for (command, field, data) in self.answers(request) {
            let mut fate = Fate::of(self.fates.next().copied().unwrap_or(0), self.stream);
            if self.stream && request.command == Command::ATTLOG_RRQ && fate == Fate::IsLost {
                // Slow terminals leave chunks out that were asked for too fast; nobody asks for a direct read's.
                fate = Fate::Arrives;
            }
            let mut wire = self.wire(command, field, request.reply_id.0, &data);
            let held: Option<BytesMut> = overtaken.take();
            match fate {
                Fate::IsLost => continue,
                // The low byte of the checksum, which comes after the command.
                Fate::IsDamaged => wire[if self.stream { PREFIX_LEN } else { 0 } + 2] ^= 0x55,
                Fate::FollowsAStalePacket => {
                    arriving.push(self.wire(Command::DATA, 0, request.reply_id.0.wrapping_sub(1), b"stale"));
                }
                Fate::FollowsAnEvent => arriving.push(self.wire(Command::REG_EVENT, 2, 0, b"")),
                Fate::ComesTwice => arriving.push(wire.clone()),
                Fate::IsOvertaken => overtaken = Some(wire.clone()),
                Fate::Arrives => {}
            }
            if fate != Fate::IsOvertaken {
                arriving.push(wire);
            }
            arriving.extend(held);
        }
        arriving.extend(overtaken);
        arriving
    }
}

fuzz_target!(|input: (bool, u16, u8, u16, &[u8])| {
    let (stream, size, part, chunk, fates) = input;
    // Every place of the set is told apart from every other.
    let size = usize::from(size / 4).max(1);
    let set: Bytes = (0..).flat_map(u32::to_le_bytes).take(size).collect();
    let limits = Limits::default().chunk(Some(u32::from(chunk).max(64)));
    let config = Config::default().limits(limits);
    let mut session = if stream { Session::stream(config) } else { Session::datagrams(config) };
    let mut terminal = Terminal { stream, part: usize::from(part).max(16), set: set.clone(), fates: fates.iter() };
    let mut now = Duration::ZERO;
    let mut got = Vec::new();
    session.connect(now);
    for _ in 0..MANY {
        while let Some(wire) = session.poll_transmit() {
            let packet = if stream { wire.slice(PREFIX_LEN..) } else { wire };
            let request = Packet::parse(packet).expect("our own packets are whole");
            if request.command == Command::ACK_OK {
                continue;
            }
            for bytes in terminal.deliver(&request) {
                now += Duration::from_millis(1);
                if let Err(error) = session.handle_input(now, &bytes) {
                    // A direct read that failed early: the rest of it belongs to no request.
                    return assert!(matches!(error, ProtoError::Flooded { .. }), "{error}");
                }
            }
        }
        match session.poll_event() {
            Some(Event::Connected) => session.prepare(now, Dataset::Attendance),
            Some(Event::Prepared(Prepared::Buffered { size })) => session.read(now, 0, size),
            Some(Event::Data { offset, bytes }) => {
                assert_eq!(offset, got.len() as u64);
                got.extend_from_slice(&bytes);
            }
            Some(Event::Finished) => return assert!(got == set, "{} bytes of {}", got.len(), set.len()),
            Some(Event::Failed(_)) => return assert!(set.starts_with(&got)),
            Some(Event::Live(_) | Event::Prepared(Prepared::Streamed { .. })) => {}
            Some(other) => panic!("no terminal answered {other:?}"),
            None => {
                let Some(deadline) = session.poll_timeout() else { continue };
                now = now.max(deadline);
                session.handle_timeout(now);
            }
        }
    }
    panic!("the session still asks");
});
