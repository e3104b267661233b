//! Whole conversations of the golden vectors: this client against the terminal's recorded answers.

mod vectors;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use zk_proto::encoding::TextEncoding;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::op::{FreeData, GetFreeSizes, Operation, ReadOption};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::reply::Reply;
use zk_proto::session::{Config, Event, Session};
use zk_proto::{CommKey, Command, Dataset, FreeSizes, Packet, Prepared, ProtoError, ReplyId, SessionId};

fn unframe(transport: &str, wire: &[u8]) -> Packet {
    if transport == "udp" {
        return Packet::parse(Bytes::copy_from_slice(wire)).unwrap();
    }
    let mut decoder = FrameDecoder::default();
    decoder.push(wire);
    match decoder.next_frame() {
        Ok(Decoded::Item(packet)) => Packet::parse(packet).unwrap(),
        other => panic!("no frame: {other:?}"),
    }
}

fn wire(transport: &str, packet: &Packet, reply_id: u16) -> BytesMut {
    let mut wire = BytesMut::new();
    match transport {
        "udp" => Packet::encode(packet.command, packet.session, ReplyId(reply_id), &packet.data, &mut wire),
        _ => frame::encode(packet.command, packet.session, ReplyId(reply_id), &packet.data, &mut wire),
    }
    wire
}

/// A session and the recorded terminal.
struct Replay {
    session: Session,
    transport: String,
    /// The requests of the recorded client, with the terminal's answers.
    exchanges: VecDeque<(Packet, Vec<Packet>)>,
    /// The last range that was answered by several packets: its data, and bytes per packet.
    range: Option<(Vec<u8>, usize)>,
}

impl Replay {
    fn new(vector: &Value, comm_key: Option<u64>) -> Self {
        let transport = vector["input"]["transport"].as_str().unwrap();
        let config = Config::default().comm_key(comm_key.map(|key| CommKey::new(key as u32)));
        let mut exchanges = VecDeque::new();
        for step in vector["input"]["steps"].as_array().unwrap() {
            let packet = unframe(transport, &vectors::bytes(&step["frame_hex"]));
            match step["dir"].as_str().unwrap() {
                "client" => exchanges.push_back((packet, Vec::new())),
                _ => exchanges.back_mut().unwrap().1.push(packet),
            }
        }
        let session = if transport == "udp" { Session::datagrams(config) } else { Session::stream(config) };
        Self { session, transport: transport.into(), exchanges, range: None }
    }

    /// Runs one request to its last event.
    fn run(&mut self, start: impl FnOnce(&mut Session)) -> Vec<Event> {
        start(&mut self.session);
        let mut events = Vec::new();
        loop {
            if let Some(sent) = self.session.poll_transmit() {
                self.answer(&sent);
            } else if let Some(event) = self.session.poll_event() {
                events.push(event);
            } else {
                return events;
            }
        }
    }

    fn answer(&mut self, sent: &[u8]) {
        let request = unframe(&self.transport, sent);
        // This client frees the buffer before it asks for it; the recorded one does not.
        let free = request.command == Command::FREE_DATA;
        if free && self.exchanges.front().is_none_or(|(next, _)| next.command != Command::FREE_DATA) {
            let done = Packet { command: Command::ACK_OK, data: Bytes::new(), ..request.clone() };
            let wire = wire(&self.transport, &done, request.reply_id.0);
            return self.session.handle_input(Duration::ZERO, &wire).unwrap();
        }
        let recorded = self.exchanges.front().is_some_and(|(next, _)| next.command == Command::DATA_RDY);
        if request.command == Command::DATA_RDY && !recorded {
            return self.answer_range(&request);
        }
        let (recorded, answers) = self.exchanges.pop_front().expect("the recording has ended");
        assert_eq!((request.command, request.session.0), (recorded.command, recorded.session.0));
        assert_eq!(request.data, recorded.data);
        let parts: Vec<&Packet> = answers.iter().filter(|answer| answer.command == Command::DATA).collect();
        if let [first, _, ..] = parts[..] {
            let data = parts.iter().flat_map(|part| part.data.to_vec()).collect();
            self.range = Some((data, first.data.len()));
        }
        for answer in answers {
            let wire = wire(&self.transport, &answer, request.reply_id.0);
            self.session.handle_input(Duration::ZERO, &wire).unwrap();
        }
    }

    /// Over UDP this client does not believe an answer in several datagrams and asks again, which the recorded one did
    /// not. The recorded terminal answers from the recorded data, in packets of the recorded size.
    fn answer_range(&mut self, request: &Packet) {
        assert_eq!(self.transport, "udp");
        let (data, part) = self.range.as_ref().expect("a range in several packets");
        let word = |at: usize| u32::from_le_bytes(request.data[at..at + 4].try_into().unwrap()) as usize;
        let (offset, length) = (word(0), word(4));
        let mut answers =
            vec![(Command::PREPARE_DATA, 0, [length as u32, *part as u32].map(u32::to_le_bytes).concat())];
        let parts = (0..).zip(data[offset..offset + length].chunks(*part));
        answers.extend(parts.map(|(number, part)| (Command::DATA, number, part.to_vec())));
        answers.push((Command::ACK_OK, length as u16, Vec::new()));
        for (command, session, data) in answers {
            let answer = Packet { command, session: SessionId(session), data: data.into(), ..request.clone() };
            let wire = wire(&self.transport, &answer, request.reply_id.0);
            self.session.handle_input(Duration::ZERO, &wire).unwrap();
        }
    }

    fn sizes(&mut self) -> FreeSizes {
        let events = self.run(|session| session.call(Duration::ZERO, &GetFreeSizes));
        let [Event::Answer(packet)] = &events[..] else { panic!("{events:?}") };
        FreeSizes::parse(&packet.data).unwrap()
    }

    /// Prepares and reads a set.
    fn set(&mut self, dataset: Dataset) -> Vec<u8> {
        let events = self.run(|session| session.prepare(Duration::ZERO, dataset));
        match &events[..] {
            [Event::Prepared(Prepared::Inline(bytes))] => bytes.to_vec(),
            [Event::Prepared(Prepared::Buffered { size })] => {
                let events = self.run(|session| session.read(Duration::ZERO, 0, *size));
                assert!(events.last() == Some(&Event::Finished));
                self.run(|session| session.call(Duration::ZERO, &FreeData));
                let parts = events.iter().map(|event| match event {
                    Event::Data { bytes, .. } => &bytes[..],
                    _ => &[],
                });
                parts.flatten().copied().collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn decode(set: &[u8]) -> Vec<(String, String, u64, u64)> {
    let records = set[4..].chunks_exact(40).map(|raw| {
        let raw = Bytes::copy_from_slice(raw);
        let record = AttendanceRecord::decode(AttendanceLayout::Wide(40), FieldOrder::default(), raw).unwrap();
        let Who::UserId(user_id) = record.who else { panic!("a wide record names a user id") };
        let time = record.time.to_string().replace(' ', "T");
        (user_id.0, time, u64::from(record.verify_mode.0), u64::from(record.punch_state.0))
    });
    records.collect()
}

#[test]
fn every_recorded_attendance_read_yields_its_records() {
    for vector in vectors::load("conversation_attendance") {
        let id = &vector["id"];
        let mut replay = Replay::new(&vector, None);
        assert_eq!(replay.run(|session| session.connect(Duration::ZERO)), [Event::Connected], "{id}");
        // The recorded client reads the sizes twice; one answer each.
        let mut count = None;
        while replay.exchanges.front().is_some_and(|(next, _)| next.command == GetFreeSizes::COMMAND) {
            count = replay.sizes().records();
        }
        // Some recordings read the users first.
        if replay.exchanges.front().is_some_and(|(next, _)| next.data == Dataset::Users.buffered_request()) {
            replay.set(Dataset::Users);
        }
        let records = decode(&replay.set(Dataset::Attendance));
        replay.run(|session| session.exit(Duration::ZERO));
        assert!(replay.exchanges.is_empty(), "{id}");
        assert_eq!(count, Some(records.len() as u32), "{id}");
        let row = |value: &Value| serde_json::from_value::<(String, String, u64, u64)>(value.clone()).unwrap();
        let expect = &vector["expect"];
        match expect["records"].as_array() {
            Some(expected) => assert_eq!(records, expected.iter().map(row).collect::<Vec<_>>(), "{id}"),
            None => {
                assert_eq!(records.len() as u64, vectors::number(&expect["count"]), "{id}");
                assert_eq!(records.first(), Some(&row(&expect["first"])), "{id}");
                assert_eq!(records.last(), Some(&row(&expect["last"])), "{id}");
            }
        }
    }
}

#[test]
fn every_recorded_login_ends_as_recorded() {
    for vector in vectors::load("conversation_auth") {
        let id = &vector["id"];
        let expect = &vector["expect"];
        if expect["error"] == "unauthorized" {
            // The recording does not say which wrong key was used: any other than the right one ends the same.
            let mut replay = Replay::new(&vector, Some(0));
            replay.exchanges[1].0.data = Bytes::copy_from_slice(&CommKey::new(0).scramble(SessionId(0x2F4A), 50));
            let events = replay.run(|session| session.connect(Duration::ZERO));
            assert_eq!(events, [Event::Failed(ProtoError::WrongKey)], "{id}");
            continue;
        }
        let mut replay = Replay::new(&vector, expect["comm_key"].as_u64());
        assert_eq!(replay.run(|session| session.connect(Duration::ZERO)), [Event::Connected], "{id}");
        let option = ReadOption("~Platform");
        let events = replay.run(|session| session.call(Duration::ZERO, &option));
        let [Event::Answer(packet)] = &events[..] else { panic!("{id}: {events:?}") };
        let reply = Reply { command: ReadOption::COMMAND, code: packet.command, field: 0, data: &packet.data };
        let value = option.decode(&reply).unwrap().map(|value| value.text(TextEncoding::UTF_8));
        assert_eq!(value.as_deref(), expect["value"].as_str(), "{id}");
    }
}

#[test]
fn every_recorded_packet_is_encoded_back_byte_for_byte() {
    for kind in ["conversation_attendance", "conversation_auth"] {
        for vector in vectors::load(kind) {
            let transport = vector["input"]["transport"].as_str().unwrap();
            for step in vector["input"]["steps"].as_array().unwrap() {
                let recorded = vectors::bytes(&step["frame_hex"]);
                let packet = unframe(transport, &recorded);
                assert!(packet.intact, "{}", vector["id"]);
                assert_eq!(wire(transport, &packet, packet.reply_id.0), recorded, "{}", vector["id"]);
            }
        }
    }
}
