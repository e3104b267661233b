//! Checksums, packets and frames of the golden vectors, both ways.

mod vectors;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use vectors::{bytes, load, number};
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::{Command, Packet, ProtoError};

fn small(value: &Value) -> u16 {
    number(value).try_into().unwrap()
}

/// The packet of a frame, or of a datagram.
fn packet(transport: &Value, frame: Vec<u8>) -> Packet {
    let whole = if transport == "udp" {
        Bytes::from(frame)
    } else {
        let mut decoder = FrameDecoder::default();
        decoder.push(&frame);
        let Ok(Decoded::Item(packet)) = decoder.next_frame() else { panic!("not one whole frame") };
        packet
    };
    Packet::parse(whole).unwrap()
}

fn encode(transport: &Value, command: Command, session: u16, reply_id: u16, data: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    if transport == "udp" {
        Packet::encode(command, session, reply_id, data, &mut out);
    } else {
        frame::encode(command, session, reply_id, data, &mut out);
    }
    out
}

#[test]
fn checksums_are_computed_and_judged_as_the_vectors_say() {
    for vector in load("checksum") {
        let packet = bytes(&vector["input"]["packet_hex"]);
        let expect = &vector["expect"];
        let sum = zk_proto::checksum::checksum(&[&packet[..2], &[0, 0], &packet[4..]]);
        assert_eq!(u64::from(sum), number(&expect["checksum"]), "{}", vector["id"]);
        assert_eq!(zk_proto::checksum::is_intact(&packet), expect["valid"], "{}", vector["id"]);
    }
}

#[test]
fn requests_are_the_bytes_that_other_clients_send() {
    for vector in load("packets_requests") {
        let input = &vector["input"];
        let (command, session, reply_id) =
            (Command(small(&input["command"])), small(&input["session_id"]), small(&input["reply_id"]));
        let frame = encode(&input["transport"], command, session, reply_id, &bytes(&input["data_hex"]));
        assert_eq!(hex::encode(&frame), vector["expect"]["frame_hex"].as_str().unwrap(), "{}", vector["id"]);
        let back = packet(&input["transport"], frame.to_vec());
        assert_eq!((back.command, back.session, back.reply_id), (command, session, reply_id));
        assert!(back.intact);
    }
}

#[test]
fn every_request_of_the_vectors_has_its_name() {
    for vector in load("packets_requests") {
        let name = Command(small(&vector["input"]["command"])).name().unwrap_or_else(|| panic!("{}", vector["id"]));
        assert_eq!(format!("CMD_{name}"), vector["expect"]["command_name"].as_str().unwrap(), "{}", vector["id"]);
    }
}

#[test]
fn replies_come_apart_as_the_vectors_say_and_go_together_again() {
    for vector in load("packets_replies") {
        let (transport, frame) = (&vector["input"]["transport"], bytes(&vector["input"]["frame_hex"]));
        let packet = packet(transport, frame.clone());
        let found = json!({
            "command": packet.command.0, "checksum": packet.checksum, "checksum_valid": packet.intact,
            "session_field": packet.session, "reply_id": packet.reply_id, "data_hex": hex::encode(&packet.data),
            "command_name": vector["expect"]["command_name"],
        });
        assert_eq!(found, vector["expect"], "{}", vector["id"]);
        if packet.intact {
            let back = encode(transport, packet.command, packet.session, packet.reply_id, &packet.data);
            assert_eq!(back, frame, "{}", vector["id"]);
        }
    }
}

/// What a decoder yields of some reads: packets, then how it ended.
fn decode<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<&'static str>) {
    let (mut decoder, mut packets) = (FrameDecoder::default(), Vec::new());
    for read in reads {
        decoder.push(read);
        loop {
            match decoder.next_frame() {
                Ok(Decoded::Item(packet)) => packets.push(hex::encode(packet)),
                Ok(Decoded::Incomplete { .. }) => break,
                Err(ProtoError::BadLength { .. }) => return (packets, Some("bad_length")),
                Err(ProtoError::BadMagic { .. }) => return (packets, Some("bad_magic")),
                Err(ProtoError::TooLarge { .. }) => return (packets, Some("too_large")),
                Err(ProtoError::SecureFrame) => return (packets, Some("secure_frame")),
                Err(error) => panic!("{error}"),
            }
        }
    }
    (packets, (decoder.buffered() > 0).then_some("incomplete"))
}

#[test]
fn streams_are_cut_into_the_same_packets_however_they_were_split() {
    for vector in load("framing") {
        let reads: Vec<_> = vector["input"]["reads_hex"].as_array().unwrap().iter().map(bytes).collect();
        let expected: Vec<String> = serde_json::from_value(vector["expect"]["packets_hex"].clone()).unwrap();
        let expected = (expected, vector["expect"]["error"].as_str());
        let whole = reads.concat();
        for (packets, error) in [
            decode(reads.iter().map(Vec::as_slice)),
            decode([whole.as_slice()]),
            decode(whole.chunks(1)),
            decode(whole.chunks(7)),
        ] {
            assert_eq!((packets, error), expected, "{}", vector["id"]);
        }
    }
}
