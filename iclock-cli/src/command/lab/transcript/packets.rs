//! The packets of a transcript, put together from the reads of its connections.

use zk_proto::frame::{Decoded, FrameDecoder};
use zk_proto::transcript::What;
use zk_proto::{Packet, ProtoError};

/// The two directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Packets {
    datagrams: bool,
    sent: FrameDecoder,
    received: FrameDecoder,
}

impl Packets {
    /// Returns the packets that are complete with this entry. A connection that lost its framing has an error for each
    /// further read.
    pub(super) fn of(&mut self, what: &What) -> Vec<Result<Packet, ProtoError>> {
        match what {
            What::Open { datagrams } => *self = Self { datagrams: *datagrams, ..Self::default() },
            What::Sent(bytes) if self.datagrams => return vec![Packet::parse(bytes.clone())],
            What::Received(bytes) if self.datagrams => return vec![Packet::parse(bytes.clone())],
            What::Sent(bytes) => return framed(&mut self.sent, bytes),
            What::Received(bytes) => return framed(&mut self.received, bytes),
            _ => {}
        }
        Vec::new()
    }
}

fn framed(decoder: &mut FrameDecoder, bytes: &[u8]) -> Vec<Result<Packet, ProtoError>> {
    decoder.push(bytes);
    let mut packets = Vec::new();
    loop {
        match decoder.next_frame() {
            Ok(Decoded::Item(frame)) => packets.push(Packet::parse(frame)),
            Ok(Decoded::Incomplete { .. }) => return packets,
            Err(error) => {
                packets.push(Err(error));
                // What follows cannot be told apart.
                *decoder = FrameDecoder::default();
                return packets;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_frame_in_two_reads_is_one_packet() {
        let wire = Bytes::from_static(b"\x50\x50\x82\x7d\x08\0\0\0\xe8\x03\x17\xfc\0\0\0\0");
        let mut packets = Packets::default();
        assert!(packets.of(&What::Open { datagrams: false }).is_empty());
        assert!(packets.of(&What::Received(wire.slice(..9))).is_empty());
        let whole = packets.of(&What::Received(wire.slice(9..)));
        assert!(matches!(&whole[..], [Ok(packet)] if packet.command.0 == 1000 && packet.intact), "{whole:?}");
    }

    #[test]
    fn a_datagram_is_a_packet_and_a_short_one_is_an_error() {
        let mut packets = Packets::default();
        packets.of(&What::Open { datagrams: true });
        let whole = packets.of(&What::Sent(Bytes::from_static(b"\xe8\x03\x17\xfc\0\0\0\0")));
        assert!(matches!(&whole[..], [Ok(_)]));
        assert!(matches!(&packets.of(&What::Received(Bytes::from_static(b"x")))[..], [Err(_)]));
    }
}
