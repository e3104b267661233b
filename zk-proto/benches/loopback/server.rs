//! A terminal that answers nothing but what a pull asks, from a set that is made once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bytes::BytesMut;
use zk_proto::frame::{self, Decoded, FrameDecoder};
use zk_proto::record::{AttendanceLayout, AttendanceRecord, FieldOrder, Who};
use zk_proto::{Command, DeviceTime, Packet, PunchState, ReplyId, SessionId, UserId, VerifyMode};

/// Bytes that are asked for at once, and sent in one packet.
pub(crate) const CHUNK: usize = 0xFFC0;

/// Serves a set from a thread of its own, one client after the other.
pub(crate) fn serve(set: Arc<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &set);
        }
    });
    address
}

fn answer(mut stream: TcpStream, set: &[u8]) {
    let _ = stream.set_nodelay(true);
    let mut decoder = FrameDecoder::default();
    let mut buffer = [0; 4096];
    let mut out = BytesMut::new();
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        decoder.push(&buffer[..read]);
        while let Ok(Decoded::Item(bytes)) = decoder.next_frame() {
            let request = Packet::parse(bytes).expect("a request");
            reply(&request, set, &mut out);
        }
        if stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

fn reply(request: &Packet, set: &[u8], out: &mut BytesMut) {
    let id = request.reply_id.0;
    match request.command {
        Command::DATA_WRRQ => {
            let size = (set.len() as u32).to_le_bytes();
            frame::encode(Command::ACK_OK, SessionId(1), ReplyId(id), &[&[0], &size[..], &size, &[0; 4]].concat(), out);
        }
        Command::DATA_RDY => {
            let word =
                |at: usize| u32::from_le_bytes(request.data[at..at + 4].try_into().expect("four bytes")) as usize;
            let data = &set[word(0)..word(0) + word(4)];
            let size = (data.len() as u32).to_le_bytes();
            frame::encode(
                Command::PREPARE_DATA,
                SessionId(1),
                ReplyId(id),
                &[size, (CHUNK as u32).to_le_bytes()].concat(),
                out,
            );
            frame::encode(Command::DATA, SessionId(0), ReplyId(id), data, out);
            frame::encode(Command::ACK_OK, SessionId(1), ReplyId(id), &[], out);
        }
        Command::GET_FREE_SIZES => {
            let mut sizes = [0; 92];
            sizes[32..36].copy_from_slice(&((set.len() as u32 - 4) / 40).to_le_bytes());
            frame::encode(Command::ACK_OK, SessionId(1), ReplyId(id), &sizes, out);
        }
        _ => frame::encode(Command::ACK_OK, SessionId(1), ReplyId(id), &[], out),
    }
}

/// A log of 40-byte records as it is on the wire, its length word before it.
pub(crate) fn set(records: u32) -> Vec<u8> {
    let mut set = BytesMut::new();
    set.extend_from_slice(&(records * 40).to_le_bytes());
    let begin = DeviceTime::new(2024, 1, 1, 6, 0, 0).expect("a date");
    for row in 0..records {
        let record = AttendanceRecord {
            who: Who::UserId(UserId((1 + row * 7919 % 3000).to_string())),
            // Some 28 days: no month is left, so that every date exists.
            time: DeviceTime(begin.0 + row * 2 % (28 * 86_400)),
            punch_state: PunchState((row % 2) as u8),
            verify_mode: VerifyMode([1, 15][(row % 3 / 2) as usize]),
            work_code: None,
            number: Some(row as u16),
            raw: bytes::Bytes::new(),
        };
        record.encode(AttendanceLayout::Wide(40), FieldOrder::StateFirst, &mut set);
    }
    set.to_vec()
}
