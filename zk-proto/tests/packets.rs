//! Packets and their checksum against the golden vectors, both ways.

mod vectors;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zk_proto::checksum::{checksum, is_intact};
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::{Command, Packet, ReplyId, SessionId};

/// The packet of a frame, or of a datagram.
fn unframe(transport: &str, wire: &[u8]) -> Bytes {
    if transport == "udp" {
        return Bytes::copy_from_slice(wire);
    }
    let mut decoder = FrameDecoder::default();
    decoder.push(wire);
    match decoder.next_frame() {
        Ok(Decoded::Item(packet)) => packet,
        other => panic!("no frame: {other:?}"),
    }
}

fn encode(transport: &str, command: Command, session: u16, reply_id: u16, data: &[u8]) -> BytesMut {
    let mut wire = BytesMut::new();
    match transport {
        "udp" => Packet::encode(command, SessionId(session), ReplyId(reply_id), data, &mut wire),
        _ => frame::encode(command, SessionId(session), ReplyId(reply_id), data, &mut wire),
    }
    wire
}

#[test]
fn every_checksum_vector_is_told_right_from_wrong() {
    for vector in vectors::load("checksum") {
        let packet = vectors::bytes(&vector["input"]["packet_hex"]);
        let sum = checksum(&[&packet[..2], &[0, 0], &packet[4..]]);
        assert_eq!(u64::from(sum), vectors::number(&vector["expect"]["checksum"]), "{}", vector["id"]);
        assert_eq!(is_intact(&packet), vector["expect"]["valid"].as_bool().unwrap(), "{}", vector["id"]);
    }
}

#[test]
fn every_request_vector_is_encoded_byte_for_byte() {
    for vector in vectors::load("packets_requests") {
        let (input, expect) = (&vector["input"], &vector["expect"]);
        let transport = input["transport"].as_str().unwrap();
        let field = |name: &str| u16::try_from(vectors::number(&input[name])).unwrap();
        let data = vectors::bytes(&input["data_hex"]);
        let wire = encode(transport, Command(field("command")), field("session_id"), field("reply_id"), &data);
        assert_eq!(hex::encode(&wire), expect["frame_hex"].as_str().unwrap(), "{}", vector["id"]);
        let packet = Packet::parse(unframe(transport, &wire)).unwrap();
        assert_eq!(u64::from(packet.checksum), vectors::number(&expect["checksum"]), "{}", vector["id"]);
        assert_eq!(packet.data, data, "{}", vector["id"]);
    }
}

#[test]
fn every_reply_vector_is_decoded_and_encoded_back() {
    for vector in vectors::load("packets_replies") {
        let transport = vector["input"]["transport"].as_str().unwrap();
        let wire = vectors::bytes(&vector["input"]["frame_hex"]);
        let expect = &vector["expect"];
        let packet = Packet::parse(unframe(transport, &wire)).unwrap();
        let number = |name: &str| u16::try_from(vectors::number(&expect[name])).unwrap();
        assert_eq!(packet.command, Command(number("command")), "{}", vector["id"]);
        assert_eq!(packet.session.0, number("session_field"), "{}", vector["id"]);
        assert_eq!(packet.reply_id.0, number("reply_id"), "{}", vector["id"]);
        assert_eq!(packet.intact, expect["checksum_valid"].as_bool().unwrap(), "{}", vector["id"]);
        assert_eq!(hex::encode(&packet.data), expect["data_hex"].as_str().unwrap(), "{}", vector["id"]);
        let back = encode(transport, packet.command, packet.session.0, packet.reply_id.0, &packet.data);
        assert_eq!(back == wire, packet.intact, "{}", vector["id"]);
    }
}

#[test]
fn commands_that_the_vectors_name_have_that_name() {
    // The notes and the field disagree about a few; those are named in our own way.
    let aliases = [("CMD_EXTUSER_WRQ", "VERIFY_WRQ"), ("CMD_EXTUSER_RRQ", "VERIFY_RRQ")];
    for vector in vectors::load("packets_requests") {
        let name = vector["expect"]["command_name"].as_str().unwrap();
        let command = Command(u16::try_from(vectors::number(&vector["input"]["command"])).unwrap());
        let alias = aliases.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
        assert_eq!(command.name(), alias.or(name.strip_prefix("CMD_")), "{}", vector["id"]);
    }
}

proptest! {
    #[test]
    fn decode_after_encode_is_identity(
        command: u16, session: u16, reply_id: u16, data in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut wire = BytesMut::new();
        Packet::encode(Command(command), SessionId(session), ReplyId(reply_id), &data, &mut wire);
        let packet = Packet::parse(wire.freeze()).unwrap();
        prop_assert!(packet.intact);
        prop_assert_eq!((packet.command.0, packet.session.0, packet.reply_id.0), (command, session, reply_id));
        prop_assert_eq!(packet.data, data);
    }

    #[test]
    fn the_wide_sum_is_the_sum_word_by_word(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut wide: u64 = bytes.chunks(2).map(|two| {
            u64::from(two[0]) + 256 * u64::from(two.get(1).copied().unwrap_or(0))
        }).sum();
        while wide > 0xFFFF {
            wide = (wide & 0xFFFF) + (wide >> 16);
        }
        prop_assert_eq!(checksum(&[&bytes]), !(wide as u16));
    }
}
