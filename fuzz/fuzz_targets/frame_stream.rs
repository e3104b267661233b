//! A byte stream gives the same packets however it is split.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zk_proto::ProtoError;
use zk_proto::frame::{Decoded, FrameDecoder};

fn packets<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, Option<ProtoError>) {
    let mut decoder = FrameDecoder::default();
    let mut packets = Vec::new();
    for piece in pieces {
        decoder.push(piece);
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

fuzz_target!(|input: (u8, &[u8])| {
    let (split, stream) = input;
    let (whole, whole_error) = packets(std::iter::once(stream));
    let (split, split_error) = packets(stream.chunks(usize::from(split).max(1)));
    assert_eq!(whole, split);
    // Which four bytes a broken frame is blamed on can depend on how many of them had come.
    assert_eq!(whole_error.is_some(), split_error.is_some());
});
