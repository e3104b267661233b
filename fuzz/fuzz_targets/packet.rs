//! A packet that was taken apart is put together again as it was, with a new checksum.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::Packet;

fuzz_target!(|input: &[u8]| {
    let Ok(packet) = Packet::parse(Bytes::copy_from_slice(input)) else { return };
    let mut encoded = BytesMut::new();
    Packet::encode(packet.command, packet.session, packet.reply_id, &packet.data, &mut encoded);
    assert_eq!((encoded.len(), &encoded[..2], &encoded[4..]), (input.len(), &input[..2], &input[4..]));
    assert!(Packet::parse(encoded.freeze()).is_ok_and(|again| again.intact));
});
