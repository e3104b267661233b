//! The terminal's side of a session, against any client over TCP and UDP: no panic, and every answer is in proportion.
#![no_main]

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zk_proto::{Command, Packet, ReplyId, SessionId};
use zk_sim::{Action, Device, Profile, Terminal, Transport};

/// More than the whole log, user table and framing of the small terminal here.
const MOST: usize = 1 << 20;

/// The next packet to send: command, how, data. Written so that seeds can be: see `seed.py`.
fn take<'a>(input: &mut &'a [u8]) -> Option<(u16, u8, &'a [u8])> {
    let (command, how) = (input.try_get_u16_le().ok()?, input.try_get_u8().ok()?);
    let length = usize::from(input.try_get_u16_le().ok()?).min(input.len());
    let (data, rest) = input.split_at(length);
    *input = rest;
    Some((command, how, data))
}

fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let (Ok(tcp), Ok(profile)) = (input.try_get_u8(), input.try_get_u8()) else { return };
    let (tcp, packets) = (tcp % 2 == 0, std::iter::from_fn(|| take(&mut input)));
    let profile = Profile::ALL[usize::from(profile) % Profile::ALL.len()].clone();
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    let mut device = Device::new(Terminal::builder().profile(profile).records(40).users(5).build());
    let mut link = device.open(transport).expect("the first client is let in");
    let mut session = 0;
    let mut now = Duration::ZERO;
    let first = [(Command::CONNECT.0, 0, &b""[..])];
    for (number, (command, how, data)) in first.into_iter().chain(packets).enumerate() {
        now += Duration::from_millis(u64::from(how));
        if !device.is_open(link) {
            let Some(again) = device.open(transport) else { return };
            link = again;
        }
        let mut packet = BytesMut::new();
        if how % 31 == 30 {
            packet.extend_from_slice(data);
        } else {
            Packet::encode(Command(command), SessionId(session), ReplyId(number as u16), data, &mut packet);
        }
        let mut sent = 0;
        for action in device.handle_packet(link, packet.freeze(), now).into_iter().chain(device.poll_events(link, now))
        {
            let Action::Write(frame) = action else { continue };
            sent += frame.len();
            let bytes: Bytes = frame.to_bytes();
            let answer = Packet::parse(if tcp { bytes.slice(8..) } else { bytes }).expect("a terminal sends packets");
            assert!(answer.intact);
            if command == Command::CONNECT.0 {
                session = answer.session.0;
            }
        }
        assert!(sent <= MOST, "{sent} bytes answer {command}");
    }
});
