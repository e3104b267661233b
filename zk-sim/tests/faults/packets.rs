//! What faults do to packets, connections and sessions.

use std::time::Duration;

use crate::common::{Client, LOG, u32_at};
use zk_proto::{Command, SessionId};
use zk_sim::{Fault, FaultKind, Transport};

use super::{terminal, with};

#[test]
fn garbage_and_wrong_words_surround_sound_records() {
    let whole = with("tft40", 50, &[]).read(LOG);
    let counted = with("tft40", 50, &["counted-garbage=13"]).read(LOG);
    assert_eq!((u32_at(&counted, 0), counted.len()), (50 * 40 + 13, 4 + 50 * 40 + 13));
    let garbage = with("tft40", 50, &["trailing-garbage=24"]).read(LOG);
    assert_eq!((garbage.len(), &garbage[..whole.len()]), (whole.len() + 24, &whole[..]));
    let zero = with("tft40", 50, &["zero-length-word"]).read(LOG);
    assert_eq!((u32_at(&zero, 0), &zero[4..]), (0, &whole[4..]));
    let mut absurd = with("tft40", 50, &["absurd-length=4000000000"]);
    assert_eq!(u32_at(&absurd.ask(Command::DATA_WRRQ, LOG).packets[0].data, 1), 4_000_000_000);
    assert_eq!(absurd.range(0, 65_472).data()[4..], whole[4..]);
}

#[test]
fn packets_are_damaged_as_often_as_told() {
    let mut client = with("tft40", 0, &["bad-checksum=2"]);
    let intact: Vec<_> = (0..4).map(|_| client.ask(Command::GET_TIME, &[]).packets[0].intact).collect();
    // The answer to CONNECT was the first packet.
    assert_eq!(intact, [false, true, false, true]);

    let mut client = with("tft40", 0, &["wrong-reply-id=1x1@1"]);
    assert_ne!(client.ask(Command::GET_TIME, &[]).packets[0].reply_id.0, 1);
    assert_eq!(client.ask(Command::GET_TIME, &[]).packets[0].reply_id.0, 2);
}

#[test]
fn a_stale_packet_comes_first_and_bears_another_reply_id() {
    let answer = with("tft40", 0, &["stale-packet"]).ask(Command::GET_TIME, &[]);
    assert_eq!(answer.codes(), [Command::DATA.0, Command::ACK_OK.0]);
    assert_ne!(answer.packets[0].reply_id.0, answer.packets[1].reply_id.0);
}

#[test]
fn a_connection_ends_or_falls_silent_at_the_very_byte() {
    let sent = |fault: &str| {
        let mut client = Client::new(terminal("tft40", 50).fault(Fault::parse(fault).unwrap()).build(), Transport::Tcp);
        let connect = client.ask(Command::CONNECT, &[]);
        let log = client.ask(Command::DATA_WRRQ, LOG);
        let data = client.range(0, 2004);
        let bytes: usize = [&connect, &log, &data].iter().flat_map(|answer| &answer.writes).sum();
        (bytes, connect.closed || log.closed || data.closed)
    };
    for limit in [0, 5, 16, 17, 60, 1000] {
        assert_eq!(sent(&format!("drop-after={limit}")), (limit, true));
        assert_eq!(sent(&format!("stall={limit}")), (limit, false));
    }
}

#[test]
fn writes_are_split_and_joined() {
    let split = with("tft40", 50, &["split-writes=3"]).ask(Command::GET_TIME, &[]);
    assert_eq!(split.writes, [3, 3, 3, 3, 3, 3, 2]);
    let mut joined = with("tft40", 50, &["coalesced-writes"]);
    joined.ask(Command::DATA_WRRQ, LOG);
    let answer = joined.range(0, 2004);
    assert_eq!((answer.writes.len(), answer.packets.len()), (1, 3));
}

#[test]
fn answers_wait_as_long_as_told() {
    assert_eq!(with("tft40", 0, &["latency=40ms"]).ask(Command::GET_TIME, &[]).paused, Duration::from_millis(40));
}

#[test]
fn a_frame_may_claim_anything() {
    let mut client = with("tft40", 0, &["absurd-frame=4000000000x1@1"]);
    assert!(client.ask(Command::GET_TIME, &[]).packets.is_empty());
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn a_key_is_demanded_again_in_the_middle_of_a_session() {
    let mut client = with("tft40", 0, &["key-mid-session=2"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2005]);
    let token = zk_proto::CommKey::new(0).scramble(SessionId(client.session), 50);
    assert_eq!(client.ask(Command::AUTH, &token).codes(), [2000]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn sessions_end_badly_or_never_begin() {
    let exit = with("tft40", 0, &["exit-unanswered"]).ask(Command::EXIT, &[]);
    assert!(exit.packets.is_empty() && !exit.closed);
    let silent = Fault::new(FaultKind::SilentConnect);
    let mut client = Client::new(terminal("tft40", 0).fault(silent).build(), Transport::Tcp);
    assert!(client.ask(Command::CONNECT, &[]).packets.is_empty());
    let secure = Fault::new(FaultKind::Secure);
    let mut client = Client::new(terminal("tft40", 0).fault(secure).build(), Transport::Tcp);
    assert_eq!(client.ask(Command::CONNECT, &[]).codes(), [6001]);
    let mut stalled = with("tft40", 0, &["stall-packets=2"]);
    assert_eq!(stalled.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert!(stalled.ask(Command::GET_TIME, &[]).packets.is_empty());
}

#[test]
fn a_second_connection_is_refused_until_the_first_ends() {
    let mut client = with("tft40", 0, &["refuse-second"]);
    assert!(client.device.open(Transport::Tcp).is_none());
    client.device.close(client.link);
    assert!(client.device.open(Transport::Tcp).is_some());
    let mut single = with("single-session", 0, &[]);
    assert!(single.device.open(Transport::Tcp).is_none());
}
