//! A session in memory, with invented time, against terminals that behave badly.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::op::{ClearAttendanceLog, GetFreeSizes, GetTime};
use zk_proto::session::{ChecksumPolicy, Config, Event, Session};
use zk_proto::{CommKey, Command, Dataset, DeviceTime, Packet, Prepared, ProtoError, ReplyId, SessionId};

#[path = "session/bulk.rs"]
mod bulk;
#[path = "session/datagrams.rs"]
mod datagrams;
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

#[test]
fn a_terminal_that_demands_a_key_gets_its_scramble() {
    let mut stage = Stage::stream(Config::default().comm_key(CommKey::new(12_345)));
    stage.session.connect(stage.now);
    let connect = stage.request();
    stage.answer(&connect, Command::ACK_UNAUTH, 0x1A2B, &[]);
    let auth = stage.request();
    assert_eq!((auth.command, auth.session.0), (Command::AUTH, 0x1A2B));
    assert_eq!(hex::encode(&auth.data), "6de13263");
    stage.answer(&auth, Command::ACK_OK, 0x1A2B, &[]);
    assert_eq!(stage.event(), Event::Connected);
}

#[test]
fn without_a_key_zero_is_tried_once() {
    let mut stage = Stage::stream(Config::default());
    stage.session.connect(stage.now);
    let connect = stage.request();
    stage.answer(&connect, Command::ACK_UNAUTH, SESSION, &[]);
    let auth = stage.request();
    assert!(CommKey::new(0).accepts(SessionId(SESSION), &auth.data));
    stage.answer(&auth, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::KeyRequired);
    assert!(stage.is_quiet());
}

#[test]
fn a_key_that_is_refused_is_the_wrong_key() {
    let mut stage = Stage::stream(Config::default().comm_key(CommKey::new(1)));
    stage.session.connect(stage.now);
    for _ in 0..2 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    }
    assert_eq!(stage.failure(), ProtoError::WrongKey);
}

#[test]
fn secure_firmware_is_recognized_in_every_form() {
    for code in [Command::SECURE_CHALLENGE, Command::AUTH_LOCK] {
        let mut stage = Stage::stream(Config::default());
        stage.session.connect(stage.now);
        let connect = stage.request();
        let wire = stage.wire(code, 0, connect.reply_id.0, &[]);
        assert_eq!(stage.send(&wire), Err(ProtoError::SecureFirmware));
    }
    for mut stage in [Stage::stream(Config::default()), Stage::datagrams(Config::default())] {
        stage.session.connect(stage.now);
        assert_eq!(stage.send(&hex::decode("5050837c20000000").unwrap()), Err(ProtoError::SecureFrame));
    }
}

#[test]
fn an_access_control_panel_is_recognized_over_both_carriers() {
    for mut stage in [Stage::stream(Config::default()), Stage::datagrams(Config::default())] {
        stage.session.connect(stage.now);
        assert_eq!(stage.send(&[0xAA, 0x01, 0, 0, 0, 0, 0, 0, 0x55]), Err(ProtoError::AccessPanel));
    }
}

#[test]
fn a_terminal_that_never_answers_times_out() {
    let mut stage = Stage::stream(Config::default());
    stage.session.connect(stage.now);
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::CONNECT });
    assert_eq!(stage.now, Config::default().timeout);
    assert_eq!(stage.session.poll_timeout(), None);
}

#[test]
fn a_demand_for_the_key_mid_session_says_that_the_session_is_lost() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::SessionLost);

    let mut stage = Stage::connected().prepared(100);
    stage.session.read(stage.now, 0, 100);
    let request = stage.request();
    stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::SessionLost);
}

#[test]
fn an_answer_is_known_by_its_reply_id_whatever_the_session_field_says() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    assert_eq!((request.session.0, request.reply_id.0), (SESSION, 1));
    stage.answer(&request, Command::ACK_OK, 7, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data[..] == [1, 2, 3, 4]));
}

#[test]
fn a_stale_answer_is_dropped_and_counted() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let first = stage.request();
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::GET_TIME });
    stage.session.call(stage.now, &GetTime);
    let second = stage.request();
    stage.answer(&first, Command::ACK_OK, SESSION, &[9, 9, 9, 9]);
    assert!(stage.is_quiet());
    stage.answer(&second, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data[..] == [1, 2, 3, 4]));
    assert_eq!(stage.session.statistics().stale, 1);
}

#[test]
fn a_flood_of_foreign_packets_ends_the_session() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let wire = stage.wire(Command::ACK_OK, SESSION, 999, &[]);
    let outcome: Result<Vec<()>, ProtoError> = (0..200).map(|_| stage.send(&wire)).collect();
    assert_eq!(outcome, Err(ProtoError::Flooded { discarded: 100 }));
}

#[test]
fn reply_ids_skip_65535_and_begin_again() {
    let mut stage = Stage::connected();
    let mut ids = Vec::new();
    for _ in 0..=65_535 {
        stage.session.call(stage.now, &GetTime);
        ids.push(stage.request().reply_id.0);
    }
    assert_eq!(ids[65_532..=65_535], [65_533, 65_534, 0, 1]);
    assert!(!ids.contains(&65_535));
}

#[test]
fn a_busy_terminal_is_asked_again_three_times_after_a_pause() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    for _ in 0..3 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_RETRY, SESSION, &[]);
        assert!(stage.is_quiet());
        let before = stage.now;
        stage.silence();
        assert!(stage.now >= before + Duration::from_millis(100));
    }
    let request = stage.request();
    stage.answer(&request, Command::ACK_REPEAT, SESSION, &[]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.command == Command::ACK_REPEAT));
}

#[test]
fn sizes_that_follow_an_empty_acknowledgement_are_the_answer() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetFreeSizes);
    let request = stage.request();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    assert!(stage.is_quiet());
    stage.answer(&request, Command::ACK_OK, SESSION, &[0; 80]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.len() == 80));
}

#[test]
fn an_event_is_acknowledged_with_reply_id_0_and_kept_apart() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    stage.send(&event).unwrap();
    let ack = stage.request();
    assert_eq!((ack.command, ack.session.0, ack.reply_id.0), (Command::ACK_OK, SESSION, 0));
    assert!(matches!(stage.event(), Event::Live(packet) if packet.session.0 == 1 && packet.data.len() == 32));
    stage.answer(&request, Command::ACK_OK, SESSION, &DeviceTime::RESET.0.to_le_bytes());
    assert!(matches!(stage.event(), Event::Answer(_)));
}

#[test]
fn a_lost_datagram_is_sent_again_unchanged() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &GetTime);
    let first = stage.request();
    stage.silence();
    assert_eq!(stage.request(), first);
    assert!(stage.now < Config::default().timeout);
    stage.answer(&first, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    stage.answer(&first, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(_)));
    assert!(stage.is_quiet());
}

#[test]
fn what_must_not_happen_twice_is_never_sent_again() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &ClearAttendanceLog);
    stage.request();
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::CLEAR_ATTLOG });
    assert!(stage.is_quiet());
}

#[test]
fn a_damaged_datagram_is_as_good_as_lost() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    stage.answer_damaged(&request, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    stage.send(b"\x01").unwrap();
    assert!(stage.is_quiet());
    assert_eq!(stage.session.statistics().damaged, 2);
}

/// Asks for the attendance log and gives the request for the buffer.
fn asked(stage: &mut Stage) -> Packet {
    stage.session.prepare(stage.now, Dataset::Attendance);
    let free = stage.request();
    assert_eq!(free.command, Command::FREE_DATA);
    stage.answer(&free, Command::ACK_OK, SESSION, &[]);
    stage.request()
}

#[test]
fn every_form_of_the_size_answer_is_read() {
    for (answer, size) in
        [("007c0000007c000000c3b2a100", 124), ("007c000000", 124), ("007c0000000000000000", 124), ("7c000000", 124)]
    {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, Command::ACK_OK, SESSION, &hex::decode(answer).unwrap());
        assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size }), "{answer}");
    }
}

#[test]
fn a_small_set_comes_in_the_answer() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::DATA, 0, b"set");
    assert_eq!(stage.event(), Event::Prepared(Prepared::Inline(Bytes::from_static(b"set"))));
}

#[test]
fn a_damaged_small_set_is_asked_for_again_and_then_refused() {
    let mut stage = Stage::connected();
    let mut request = asked(&mut stage);
    for _ in 0..2 {
        stage.answer_damaged(&request, Command::DATA, 0, b"set");
        request = stage.request();
    }
    stage.answer_damaged(&request, Command::DATA, 0, b"set");
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::DATA_WRRQ });
}

#[test]
fn the_size_may_follow_an_empty_acknowledgement() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    assert!(stage.is_quiet());
    stage.answer(&request, Command::ACK_OK, SESSION, &size_answer(44));
    assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size: 44 }));
}

#[test]
fn an_empty_acknowledgement_with_nothing_behind_it_is_an_empty_set() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.silence();
    assert_eq!(stage.event(), Event::Prepared(Prepared::Empty { code: Command::ACK_OK }));
}

#[test]
fn the_refusals_that_mean_no_data_are_an_empty_set() {
    for code in [Command::ACK_ERROR, Command::NO_BUFFER, Command::NOT_FOUND] {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, code, SESSION, &[]);
        if code == Command::ACK_ERROR {
            // That may be about the buffer alone.
            let direct = stage.request();
            assert_eq!(direct.command, Command::ATTLOG_RRQ);
            stage.answer(&direct, code, SESSION, &[]);
        }
        assert_eq!(stage.event(), Event::Prepared(Prepared::Empty { code }));
    }
}

#[test]
fn any_other_refusal_is_an_error_that_carries_its_number() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command(4_990), SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::DATA_WRRQ, code: Command(4_990) });
}

#[test]
fn an_announced_set_that_follows_at_once_is_a_stream() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    let set = set(2_500);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    assert!(stage.is_quiet());
    for (number, chunk) in set.chunks(1_024).enumerate() {
        stage.answer(&request, Command::DATA, number as u16, chunk);
    }
    stage.answer(&request, Command::ACK_OK, 2_500, &[]);
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn an_announced_set_that_does_not_follow_waits_to_be_read() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    stage.silence();
    assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size: 2_500 }));
}

#[test]
fn firmware_without_the_buffered_read_is_read_directly() {
    for code in [Command::ACK_UNKNOWN, Command::ACK_ERROR_CMD] {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, code, SESSION, &[]);
        let direct = stage.request();
        assert_eq!((direct.command, direct.data.len()), (Command::ATTLOG_RRQ, 0));
        let set = set(2_500);
        stage.answer(&direct, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
        for (number, chunk) in (0..).zip(set.chunks(1_024)) {
            stage.answer(&direct, Command::DATA, number, chunk);
        }
        stage.answer(&direct, Command::ACK_OK, 2_500, &[]);
        assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
        assert_eq!(stage.data(0), set);
        assert_eq!(stage.event(), Event::Finished);
    }
}

#[test]
fn a_buffered_read_without_an_answer_is_tried_twice_and_then_read_directly() {
    let mut stage = Stage::connected();
    asked(&mut stage);
    stage.silence();
    let free = stage.request();
    assert_eq!(free.command, Command::FREE_DATA);
    stage.answer(&free, Command::ACK_OK, SESSION, &[]);
    assert_eq!(stage.request().command, Command::DATA_WRRQ);
    stage.silence();
    assert_eq!(stage.request().command, Command::ATTLOG_RRQ);
}

#[test]
fn a_terminal_that_went_silent_altogether_is_not_asked_for_long() {
    let mut stage = Stage::connected();
    asked(&mut stage);
    stage.silence();
    assert_eq!(stage.request().command, Command::FREE_DATA);
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::FREE_DATA });
    assert!(stage.now <= Config::default().timeout * 4);
}

#[test]
fn an_absurd_size_is_refused() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &size_answer(u32::MAX));
    assert!(matches!(stage.failure(), ProtoError::TooLarge { claimed: 0xFFFF_FFFF, .. }));
}

#[test]
fn a_stream_that_ends_early_is_incomplete() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 60));
    stage.answer(&request, Command::DATA, 0, &[1; 60]);
    stage.answer(&request, Command::ACK_OK, 100, &[]);
    stage.event();
    assert_eq!(stage.data(0).len(), 60);
    assert!(matches!(stage.failure(), ProtoError::Incomplete { offset: 60, missing: 40 }));
}

#[test]
fn a_set_is_read_in_chunks_one_at_a_time() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let request = stage.request();
        assert!(stage.requests.is_empty());
        asked.push(range(&request));
        stage.serve(&request, &set, 65_528);
    }
    assert_eq!(asked, [(0, 65_472), (65_472, 65_472), (130_944, 19_056)]);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn an_empty_range_is_read_without_asking() {
    let mut stage = Stage::connected().prepared(10);
    stage.session.read(stage.now, 10, 10);
    assert_eq!(stage.event(), Event::Finished);
    assert!(stage.is_quiet());
}

#[test]
fn an_event_and_a_stale_packet_amid_a_transfer_are_no_part_of_it() {
    let set = set(300);
    let mut stage = Stage::connected().prepared(300);
    stage.session.read(stage.now, 0, 300);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(300, 100));
    stage.answer(&request, Command::DATA, 0, &set[..100]);
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    stage.send(&event).unwrap();
    let stale = stage.wire(Command::DATA, 1, request.reply_id.0.wrapping_sub(1), &[0xEE; 100]);
    stage.send(&stale).unwrap();
    stage.answer(&request, Command::DATA, 1, &set[100..200]);
    stage.answer(&request, Command::DATA, 2, &set[200..]);
    stage.answer(&request, Command::ACK_OK, 300, &[]);
    assert!(matches!(stage.event(), Event::Live(_)));
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn firmware_that_refuses_offsets_is_read_at_once() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let request = stage.request();
    stage.serve(&request, &set, 65_528);
    let second = stage.request();
    assert_eq!(range(&second), (65_472, 65_472));
    stage.answer(&second, Command::ACK_ERROR, SESSION, &[]);
    let whole = stage.request();
    assert_eq!(range(&whole), (0, 150_000));
    stage.serve(&whole, &set, 1_024);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn checksums_wrong_in_every_datagram_are_named_as_the_cause() {
    let mut stage = Stage::datagrams(Config::default());
    stage.session.connect(stage.now);
    let connect = stage.request();
    while stage.session.poll_timeout().is_some() {
        stage.answer_damaged(&connect, Command::ACK_OK, SESSION, &[0]);
        // After a few of them it is known, long before the time is over.
        if stage.session.poll_timeout().is_some() {
            stage.silence();
        }
    }
    stage.requests.clear();
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::CONNECT });
}

#[test]
fn a_short_chunk_is_asked_for_again_and_then_handed_out_as_it_is() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..4 {
        let request = stage.request();
        assert_eq!(range(&request), (0, 200));
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        stage.answer(&request, Command::DATA, 0, &[1; 150]);
        stage.answer(&request, Command::ACK_OK, 200, &[]);
    }
    assert_eq!(stage.data(0), [1; 150]);
    assert_eq!(stage.failure(), ProtoError::Incomplete { offset: 150, missing: 50 });
    assert!(stage.is_quiet());
}

#[test]
fn a_damaged_chunk_is_asked_for_again_and_nothing_of_it_goes_out() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
    stage.answer_damaged(&request, Command::DATA, 0, &set);
    stage.answer(&request, Command::ACK_OK, 200, &[]);
    assert!(stage.data(0).is_empty());
    let again = stage.request();
    stage.serve(&again, &set, 200);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.session.statistics().damaged, 1);
}

#[test]
fn a_checksum_one_too_small_is_damage_unless_the_terminal_computes_all_of_them_so() {
    let one_short = |mut wire: BytesMut| {
        let sum = u16::from_le_bytes([wire[10], wire[11]]);
        wire[10..12].copy_from_slice(&sum.wrapping_sub(1).to_le_bytes());
        wire
    };
    let set = set(200);
    for sloppy in [false, true] {
        let mut stage = Stage::stream(Config::default());
        stage.session.connect(stage.now);
        let connect = stage.request();
        let hello = stage.wire(Command::ACK_OK, SESSION, connect.reply_id.0, &[]);
        stage.send(&if sloppy { one_short(hello) } else { hello }).unwrap();
        assert_eq!(stage.event(), Event::Connected);
        let mut stage = stage.prepared(200);
        stage.session.read(stage.now, 0, 200);
        let request = stage.request();
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        let part = one_short(stage.wire(Command::DATA, 0, request.reply_id.0, &set));
        stage.send(&part).unwrap();
        stage.answer(&request, Command::ACK_OK, 200, &[]);
        assert_eq!(stage.data(0), if sloppy { &set[..] } else { &[] });
        let seen = stage.session.statistics();
        assert_eq!((seen.one_short, seen.damaged), if sloppy { (2, 0) } else { (0, 1) });
    }
}

#[test]
fn chunks_get_smaller_after_a_loss_and_large_again_when_they_come_whole() {
    let set = set(1_000_000);
    let mut stage = Stage::connected().prepared(1_000_000);
    stage.session.read(stage.now, 0, 1_000_000);
    let (mut lengths, mut data) = (Vec::new(), Vec::new());
    while data.len() < set.len() {
        let request = stage.request();
        lengths.push(range(&request).1);
        if lengths.len() <= 2 {
            // The line swallows the first two answers' ends.
            let (offset, length) = range(&request);
            stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(length, length));
            stage.answer(&request, Command::DATA, 0, &set[offset..offset + length / 2]);
            stage.answer(&request, Command::ACK_OK, length as u16, &[]);
        } else {
            stage.serve(&request, &set, 65_528);
            data.extend(stage.data(data.len() as u64));
        }
    }
    assert_eq!(data, set);
    assert_eq!(lengths[..3], [65_472, 32_736, 16_368]);
    assert_eq!(lengths[3..8], [16_368, 16_368, 16_368, 16_368, 32_736]);
    assert_eq!(lengths[lengths.len() - 2], 65_472);
}

#[test]
fn a_line_that_was_lost_amid_a_chunk_is_asked_for_less_on_the_next_session() {
    let mut lost = Stage::connected().prepared(500_000);
    lost.session.read(lost.now, 0, 500_000);
    assert_eq!(range(&lost.request()).1, 65_472);
    let mut next = Stage::connected();
    next.session.adapt_from(&lost.session);
    let mut next = next.prepared(500_000);
    next.session.read(next.now, 0, 500_000);
    assert_eq!(range(&next.request()).1, 32_736);
}

#[test]
fn checksums_wrong_each_time_fail_the_transfer_unless_they_are_tolerated() {
    let set = set(200);
    let damaged = |stage: &mut Stage, request: &Packet| {
        stage.answer(request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        stage.answer_damaged(request, Command::DATA, 0, &set);
        stage.answer(request, Command::ACK_OK, 200, &[]);
    };
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..4 {
        let request = stage.request();
        damaged(&mut stage, &request);
    }
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::DATA_RDY });
    stage.session.set_checksum_policy(ChecksumPolicy::Tolerate);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    damaged(&mut stage, &request);
    assert_eq!(stage.data(0).len(), 200);
}

#[test]
fn a_terminal_that_is_not_ready_is_asked_again_at_the_same_offset() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..5 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        assert!(stage.is_quiet());
        stage.silence();
    }
    assert!(stage.now < Duration::from_secs(2));
    let request = stage.request();
    stage.serve(&request, &set, 200);
    assert_eq!(stage.data(0), set);
}

#[test]
fn a_terminal_that_is_never_ready_times_out() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..21 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        stage.silence();
    }
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
}

#[test]
fn an_acknowledgement_may_come_before_the_data() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.serve(&request, &set, 100);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn bare_data_without_a_final_acknowledgement_is_waited_out_once() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let mut waits = 0;
    for _ in 0..3 {
        let request = stage.request();
        let (offset, length) = range(&request);
        stage.answer(&request, Command::DATA, 0, &set[offset..offset + length]);
        if stage.requests.is_empty() && stage.session.poll_timeout().is_some() && stage.is_quiet() {
            waits += 1;
            stage.silence();
        }
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
    assert_eq!(waits, 1);
}

#[test]
fn more_bytes_than_asked_for_are_cut_and_reported() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(260, 130));
    stage.answer(&request, Command::DATA, 0, &set[..130]);
    stage.answer(&request, Command::DATA, 1, &[&set[130..], &[0xEE; 60]].concat());
    stage.answer(&request, Command::ACK_OK, 260, &[]);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
    assert_eq!(stage.session.statistics().surplus, 60);
}

#[test]
fn a_terminal_that_announces_less_is_asked_for_the_rest() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(80, 80));
    stage.answer(&request, Command::DATA, 0, &set[..80]);
    stage.answer(&request, Command::ACK_OK, 80, &[]);
    let rest = stage.request();
    assert_eq!(range(&rest), (80, 120));
    stage.serve(&rest, &set, 200);
    assert_eq!(stage.data(0), set);
}

#[test]
fn a_refused_range_is_an_error() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::ACK_ERROR, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::DATA_RDY, code: Command::ACK_ERROR });
}

#[test]
fn a_stream_that_stalls_is_asked_once_more_and_given_up() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    stage.request();
    stage.silence();
    assert_eq!(range(&stage.request()), (0, 200));
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
    assert!(stage.now <= Config::default().timeout * 6);
}

#[test]
fn parts_of_a_long_packet_are_a_sign_of_life_on_a_slow_line() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
    let wire = stage.wire(Command::DATA, 0, request.reply_id.0, &set);
    for part in wire.chunks(60) {
        stage.now += Duration::from_secs(4);
        stage.session.handle_timeout(stage.now);
        stage.send(part).unwrap();
    }
    stage.answer(&request, Command::ACK_OK, 200, &[]);
    assert_eq!(stage.data(0), set);
}

#[test]
fn events_without_end_do_not_hide_a_deadline() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    stage.request();
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    for _ in 0..10 {
        stage.now += Duration::from_secs(1);
        stage.send(&event).unwrap();
    }
    stage.pump();
    assert!(stage.events.contains(&Event::Failed(ProtoError::TimedOut { command: Command::GET_TIME })));
}

#[test]
fn a_terminal_that_drips_is_given_up_in_the_end() {
    let mut stage = Stage::connected().prepared(60_000);
    stage.session.read(stage.now, 0, 60_000);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(60_000, 1));
    for _ in 0..60_000 {
        stage.answer(&request, Command::DATA, 0, &[1]);
        stage.now += Duration::from_secs(4);
        stage.session.handle_timeout(stage.now);
        if !stage.is_quiet() {
            break;
        }
    }
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
    assert!(stage.now < Duration::from_secs(120));
}

#[test]
fn an_abandoned_transfer_leaves_nothing_in_the_way_of_the_next_request() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.serve(&request, &set, 100);
    stage.session.abandon();
    stage.session.call(stage.now, &GetTime);
    stage.serve(&request, &set, 100);
    let time = stage.request();
    stage.answer(&time, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.len() == 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_at_any_moment_never_panic(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
        datagrams: bool,
    ) {
        let stage = if datagrams { Stage::connected_by_datagrams() } else { Stage::connected() };
        let mut stage = stage.prepared(5_000);
        stage.session.read(stage.now, 0, 5_000);
        for input in inputs {
            if stage.send(&input).is_err() {
                return Ok(());
            }
            stage.pump();
        }
    }

    #[test]
    fn any_packets_in_answer_never_panic_and_never_hand_out_more_than_was_asked(
        answers in prop::collection::vec((0_usize..8, any::<u16>(), prop::collection::vec(any::<u8>(), 0..80)), 1..60),
        datagrams: bool,
    ) {
        let codes = [
            Command::ACK_OK, Command::DATA, Command::DATA, Command::PREPARE_DATA,
            Command::ACK_RETRY, Command::ACK_ERROR,
            Command::REG_EVENT, Command::ACK_UNKNOWN,
        ];
        let stage = if datagrams { Stage::connected_by_datagrams() } else { Stage::connected() };
        let mut stage = stage.prepared(500);
        stage.session.read(stage.now, 0, 500);
        let mut request = stage.request();
        for (code, field, data) in answers {
            stage.answer(&request, codes[code], field, &data);
            stage.pump();
            let sent = stage.requests.drain(..).rfind(|packet| packet.command == Command::DATA_RDY);
            request = sent.unwrap_or(request);
        }
        let out: usize = stage.events.iter().map(|event| match event {
            Event::Data { bytes, .. } => bytes.len(),
            _ => 0,
        }).sum();
        prop_assert!(out <= 500);
    }
}
