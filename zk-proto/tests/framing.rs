//! The TCP envelope against the golden vectors, and split in every way.

mod vectors;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::{Command, ProtoError, ReplyId, SessionId};

/// Feeds the reads one by one; every packet, and what was wrong in the end.
fn decode<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Bytes>, Option<ProtoError>) {
    let mut decoder = FrameDecoder::default();
    let mut packets = Vec::new();
    for read in reads {
        decoder.push(read);
        loop {
            match decoder.next_frame() {
                Ok(Decoded::Item(packet)) => packets.push(packet),
                Ok(Decoded::Incomplete { need }) => {
                    assert!(need > 0);
                    break;
                }
                Err(error) => return (packets, Some(error)),
            }
        }
    }
    (packets, None)
}

fn name(error: &ProtoError) -> &'static str {
    match error {
        ProtoError::BadLength { .. } => "bad_length",
        ProtoError::BadMagic { .. } => "bad_magic",
        ProtoError::TooLarge { .. } => "too_large",
        ProtoError::SecureFrame => "secure_frame",
        other => panic!("not an error of framing: {other}"),
    }
}

#[test]
fn every_vector_yields_its_packets_and_its_error() {
    for vector in vectors::load("framing") {
        let reads: Vec<Vec<u8>> = vector["input"]["reads_hex"].as_array().unwrap().iter().map(vectors::bytes).collect();
        let expected: Vec<Vec<u8>> =
            vector["expect"]["packets_hex"].as_array().unwrap().iter().map(vectors::bytes).collect();
        let (packets, error) = decode(reads.iter().map(Vec::as_slice));
        assert_eq!(packets, expected, "{}", vector["id"]);
        assert_eq!(error.as_ref().map(name), vector["expect"]["error"].as_str(), "{}", vector["id"]);
    }
}

#[test]
fn a_split_prefix_is_incomplete() {
    let mut decoder = FrameDecoder::default();
    decoder.push(&[0x50, 0x50, 0x82]);
    assert_eq!(decoder.next_frame(), Ok(Decoded::Incomplete { need: 5 }));
    assert_eq!(decoder.buffered(), 3);
}

#[test]
fn an_access_control_panel_is_known_by_its_first_two_bytes() {
    let (_, error) = decode([&[0xAA, 0x01][..]]);
    assert_eq!(error, Some(ProtoError::AccessPanel));
}

#[test]
fn a_wrong_byte_is_known_before_the_prefix_is_whole() {
    let (_, error) = decode([&b"HT"[..]]);
    assert!(matches!(error, Some(ProtoError::BadMagic { .. })));
}

#[test]
fn a_length_above_the_cap_is_refused_before_anything_is_allocated() {
    let mut decoder = FrameDecoder::with_max_packet(64);
    let mut frame = BytesMut::new();
    frame::encode(Command::DATA, SessionId(0), ReplyId(0), &[0; 57], &mut frame);
    decoder.push(&frame);
    assert!(matches!(decoder.next_frame(), Err(ProtoError::TooLarge { claimed: 65, cap: 64, .. })));
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_packets(
        packets in prop::collection::vec(
            (any::<u16>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..200)),
            1..8,
        ),
        cuts in prop::collection::vec(1_usize..40, 1..64),
    ) {
        let mut stream = BytesMut::new();
        for (session, reply_id, data) in &packets {
            frame::encode(Command::DATA, SessionId(*session), ReplyId(*reply_id), data, &mut stream);
        }
        let mut reads = Vec::new();
        let (mut rest, mut cuts) = (&stream[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (read, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            reads.push(read);
            rest = behind;
        }
        prop_assert_eq!(decode(reads), decode([&stream[..]]));
        prop_assert_eq!(decode([&stream[..]]).0.len(), packets.len());
    }

    #[test]
    fn any_bytes_are_packets_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode([&bytes[..]]);
        let mut framed = frame::MAGIC.to_vec();
        framed.extend_from_slice(&bytes);
        decode([&framed[..]]);
    }
}

#[test]
fn by_default_no_packet_is_longer_than_128_kib() {
    let mut decoder = FrameDecoder::default();
    decoder.push(&[0x50, 0x50, 0x82, 0x7D, 1, 0, 2, 0]);
    assert!(matches!(decoder.next_frame(), Err(ProtoError::TooLarge { claimed: 131_073, .. })));
}
