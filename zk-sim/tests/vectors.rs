//! The recorded conversations, with the device's side played by the simulator.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use zk_proto::record::FreeSizes;
use zk_proto::{Command, Packet, ReplyId, SessionId};
use zk_sim::{Action, Device, Profile, Terminal, Transport};

/// Sizes that the recorded device worked with; the rest of the profile is the reference.
struct Set {
    inline: usize,
    tcp_packet: u32,
    udp_packet: u32,
}

fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/../vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn frames(vector: &Value) -> Vec<(bool, Bytes)> {
    let steps = vector["input"]["steps"].as_array().unwrap();
    let frame = |step: &Value| Bytes::from(hex::decode(step["frame_hex"].as_str().unwrap()).unwrap());
    steps.iter().map(|step| (step["dir"] == "client", frame(step))).collect()
}

/// Sends what the client sent and compares each packet with what the device sent.
fn replay(vector: &Value, terminal: Terminal) {
    let udp = vector["input"]["transport"] == "udp";
    let transport = if udp { Transport::Udp } else { Transport::Tcp };
    let mut device = Device::new(terminal);
    let link = device.open(transport).unwrap();
    let mut answers = Vec::new().into_iter();
    for (number, (from_client, frame)) in frames(vector).into_iter().enumerate() {
        if from_client {
            let packet = if udp { frame } else { frame.slice(8..) };
            answers = device.handle_packet(link, packet, Duration::ZERO).into_iter();
            continue;
        }
        let Some(Action::Write(answer)) = answers.next() else { panic!("{}: step {number} is missing", vector["id"]) };
        let (answer, expected) = (answer.to_bytes(), frame);
        let same = answer == expected || same_sizes(&answer, &expected, if udp { 0 } else { 8 });
        assert!(same, "{} step {number}:\n{}\n{}", vector["id"], hex::encode(answer), hex::encode(expected));
    }
}

/// Returns true if both are free sizes with the same counts: the recorded device had other capacities, and counted no
/// passwords.
fn same_sizes(answer: &Bytes, expected: &Bytes, prefix: usize) -> bool {
    let read = |frame: &Bytes| {
        let packet = Packet::parse(frame.slice(prefix..)).ok().filter(|packet| packet.command == Command::ACK_OK)?;
        let sizes = FreeSizes::parse(&packet.data).ok()?;
        Some((packet.session.0, packet.reply_id.0, packet.intact, packet.data.len(), sizes.users(), sizes.records()))
    };
    read(answer).is_some_and(|sizes| read(expected) == Some(sizes))
}

#[test]
fn attendance_conversations_are_answered_as_recorded() {
    let set = |inline, tcp_packet, udp_packet| Set { inline, tcp_packet, udp_packet };
    let sets = [
        set(1024, 1024, 1024),
        set(0, 1024, 1024),
        set(0, 48, 48),
        set(1024, 1024, 1024),
        set(0, 1024, 1024),
        set(0, 48, 48),
        set(0, 65_528, 1024),
    ];
    let vectors = vectors("conversation_attendance");
    assert_eq!(vectors.len(), sets.len());
    for (vector, set) in vectors.iter().zip(sets) {
        let profile = Profile {
            inline_limit: set.inline,
            tcp_packet: set.tcp_packet,
            udp_packet: set.udp_packet,
            ..Profile::default()
        };
        let session = vector["input"]["session_id"].as_u64().unwrap() as u16;
        let terminal = Terminal::builder()
            .profile(profile)
            .first_session(session)
            .user_record(&recorded_user())
            .captured_log(log_of(vector))
            .build();
        replay(vector, terminal);
    }
}

/// The one user of all these conversations, garbage after the password included.
fn recorded_user() -> Bytes {
    let inline = &frames(&vectors("conversation_attendance")[0])[7].1;
    inline.slice(8 + 8 + 4..)
}

/// The log as the conversation carries it: all that came in DATA packets since the log was prepared.
fn log_of(vector: &Value) -> Bytes {
    let prefix = if vector["input"]["transport"] == "udp" { 0 } else { 8 };
    let mut log = Vec::new();
    for (from_client, frame) in frames(vector) {
        let packet = Packet::parse(frame.slice(prefix..)).unwrap();
        if from_client && packet.command == Command::DATA_WRRQ {
            log.clear();
        }
        if !from_client && packet.command == Command::DATA {
            log.extend_from_slice(&packet.data);
        }
    }
    log.into()
}

#[test]
fn comm_keys_are_demanded_and_checked_as_recorded() {
    for vector in vectors("conversation_auth") {
        let session = vector["input"]["session_id"].as_u64().unwrap() as u16;
        let terminal = Terminal::builder().first_session(session).key(123_456).build();
        replay(&vector, terminal);
    }
}

#[test]
fn a_log_given_as_punches_becomes_the_recorded_bytes() {
    let vector = &vectors("conversation_attendance")[6];
    let recorded = log_of(vector);
    let captured = Device::new(Terminal::builder().captured_log(recorded.clone()).build());
    let punches = captured.records().to_vec();
    assert_eq!(punches.len(), 1700);
    let profile = Profile { inline_limit: usize::MAX, ..Profile::default() };
    let terminal = Terminal::builder().profile(profile).punches(punches).first_number(0).build();
    let mut device = Device::new(terminal);
    let link = device.open(Transport::Tcp).unwrap();
    let ask = |command, data: &[u8]| {
        let mut packet = bytes::BytesMut::new();
        Packet::encode(command, SessionId(0), ReplyId(0), data, &mut packet);
        packet.freeze()
    };
    device.handle_packet(link, ask(Command::CONNECT, &[]), Duration::ZERO);
    let read = ask(Command::DATA_WRRQ, &[1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let actions = device.handle_packet(link, read, Duration::ZERO);
    let [Action::Write(frame)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(frame.data, recorded);
}
