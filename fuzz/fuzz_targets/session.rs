//! A session over TCP and UDP against any terminal: no panic, and every request ends.
#![no_main]

use std::time::Duration;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use zk_proto::op::{GetTime, ReadTemplate};
use zk_proto::record::FingerTemplate;
use zk_proto::session::{ChecksumPolicy, Config, Event, Upload};
use zk_proto::{Command, Dataset, Packet, Session, Uid, frame, ReplyId, SessionId};

/// Longer than any wait of a session.
const LONG: Duration = Duration::from_secs(1 << 20);

/// A fingerprint of three chunks.
fn upload() -> Upload {
    let template = FingerTemplate { uid: Uid(1), finger: 1, flag: 1, template: vec![7; 2500].into() };
    Upload::finger(&template).expect("the finger is one")
}

fuzz_target!(|input: (bool, bool, Vec<(u16, u16, u8, &[u8])>)| {
    let (stream, tolerate, answers) = input;
    let checksums = if tolerate { ChecksumPolicy::Tolerate } else { ChecksumPolicy::Enforce };
    let config = Config::default().checksums(checksums);
    let mut session = if stream { Session::stream(config) } else { Session::datagrams(config) };
    let mut now = Duration::ZERO;
    session.connect(now);
    for (command, field, how, data) in answers {
        now += Duration::from_millis(u64::from(how));
        // Answers mostly carry the reply id of the request in hand, else nothing but the first rule is ever met.
        let mut reply_id = 0;
        while let Some(wire) = session.poll_transmit() {
            let at = if stream { 14 } else { 6 };
            reply_id = wire.get(at..at + 2).map_or(0, |id| u16::from_le_bytes([id[0], id[1]]));
        }
        let mut bytes = BytesMut::new();
        let (id, reply_id) = (SessionId(field), ReplyId(reply_id));
        match how % 4 {
            0 => bytes.extend_from_slice(data),
            1 if stream => frame::encode(Command(command), id, reply_id, data, &mut bytes),
            1 => Packet::encode(Command(command), id, reply_id, data, &mut bytes),
            2 if stream => frame::encode(Command(2000 + command % 2), id, reply_id, data, &mut bytes),
            2 => Packet::encode(Command(2000 + command % 2), id, reply_id, data, &mut bytes),
            _ if stream => frame::encode(Command(1500 + command % 2), id, reply_id, data, &mut bytes),
            _ => Packet::encode(Command(1500 + command % 2), id, reply_id, data, &mut bytes),
        }
        if session.handle_input(now, &bytes).is_err() {
            return;
        }
        while let Some(event) = session.poll_event() {
            if let Event::Live(_) | Event::Data { .. } = event {
                continue;
            }
            match field % 7 {
                0 => session.prepare(now, Dataset::Attendance),
                1 => session.read(now, 0, u64::from(field)),
                2 => session.call(now, &GetTime),
                3 => session.call(now, &ReadTemplate { uid: Uid(1), finger: 0 }),
                4 => session.upload(now, upload()),
                5 => session.prepare(now, Dataset::Operations),
                _ => session.exit(now),
            }
        }
    }
    session.handle_timeout(LONG);
    while session.poll_event().is_some() || session.poll_transmit().is_some() {}
    session.handle_timeout(LONG * 2);
});
