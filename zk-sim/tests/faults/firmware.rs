//! Faults that imitate the ways of certain firmware.

use std::time::Duration;

use crate::common::{Client, LOG, USERS, u32_at};
use bytes::Bytes;
use zk_proto::{Command, SessionId};
use zk_sim::{Fault, FaultKind, Transport};

use super::{terminal, udp, with};

#[test]
fn a_checksum_that_is_one_too_small_is_that_and_nothing_else() {
    let mut client = with("tft40", 5, &["small-checksum=2"]);
    let answers: Vec<_> = (0..4).map(|_| client.ask(Command::GET_TIME, &[]).packets[0].clone()).collect();
    let seen: Vec<_> = answers.iter().map(|packet| (packet.intact, packet.is_one_short())).collect();
    assert_eq!(seen, [(false, true), (true, false), (false, true), (true, false)]);
}

#[test]
fn an_open_session_is_refused_everything_but_its_end() {
    for (fault, code) in [("refuse-all", 65533), ("refuse-all=2001", 2001), ("busy", 2003)] {
        let mut client = with("tft40", 5, &[fault]);
        for command in [Command::GET_TIME, Command::GET_FREE_SIZES, Command::ATTLOG_RRQ] {
            assert_eq!(client.ask(command, &[]).codes(), [code], "{fault}");
        }
        assert_eq!(client.ask(Command::EXIT, &[]).codes(), [2000], "{fault}");
    }
    let mut client = with("tft40", 5, &["busyx1"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2003]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
}

#[test]
fn the_log_may_stay_unanswered_wait_or_be_refused_behind_the_users() {
    let mut client = with("tft40", 50, &["ignore-bufferedx1"]);
    assert!(client.ask(Command::DATA_WRRQ, LOG).packets.is_empty());
    assert_eq!(client.ask(Command::DATA_WRRQ, USERS).codes(), [2000]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000]);

    let slow = with("tft40", 50, &["slow-reads=3s"]).ask(Command::DATA_WRRQ, LOG);
    assert_eq!((slow.paused, slow.codes()), (Duration::from_secs(3), vec![2000]));
    assert_eq!(with("tft40", 50, &["slow-reads=3s"]).ask(Command::GET_TIME, &[]).paused, Duration::ZERO);

    let mut client = with("tft40", 50, &["log-after-users"]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000]);
    client.read(USERS);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000], "the buffer was not freed yet");
    client.read(USERS);
    client.ask(Command::FREE_DATA, &[]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2001]);
    client.ask(Command::EXIT, &[]);
    client.link = client.device.open(Transport::Tcp).unwrap();
    client.ask(Command::CONNECT, &[]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [2000], "a fresh session reads it");
}

#[test]
fn a_direct_read_may_bring_noise_of_the_right_length() {
    let whole = with("tft40", 50, &[]).ask(Command::ATTLOG_RRQ, &[]).data();
    let answer = with("tft40", 50, &["garbage-direct"]).ask(Command::ATTLOG_RRQ, &[]);
    assert!(answer.packets.iter().all(|packet| packet.intact));
    let noise = answer.data();
    assert_eq!((noise.len(), &noise[..4]), (whole.len(), &whole[..4]));
    assert_ne!(noise, whole);
    assert_eq!(with("tft40", 50, &["garbage-direct"]).read(LOG), whole, "the buffered read is sound");
}

#[test]
fn a_length_word_may_say_more_than_there_is() {
    let whole = with("tft40", 50, &[]).read(LOG);
    let long = with("tft40", 50, &["long-length-word=48"]).read(LOG);
    assert_eq!((u32_at(&long, 0), &long[4..]), (2048, &whole[4..]));
}

#[test]
fn options_are_refused_empty_or_untrue() {
    let option = |name: &[u8], faults: &[&str]| {
        let answer = with("tft16", 0, faults).ask(Command::OPTIONS_RRQ, name).packets[0].clone();
        (answer.command.0, answer.data.to_vec())
    };
    assert_eq!(option(b"MAC\0", &["option-code"]), (4999, vec![]));
    assert_eq!(option(b"MAC\0", &["empty-options"]), (2000, vec![]));
    assert_eq!(option(b"~ExtendFmt\0", &[]), (2000, b"~ExtendFmt=1\0".to_vec()));
    assert_eq!(option(b"~ExtendFmt\0", &["wrong-formats"]), (2000, b"~ExtendFmt=0\0".to_vec()));
    assert_eq!(option(b"~UserExtFmt\0", &["wrong-formats"]), (2000, b"~UserExtFmt=0\0".to_vec()));
    assert_eq!(option(b"MAC\0", &["wrong-formats"]), option(b"MAC\0", &[]));
    let width = with("tft40", 0, &["empty-pin-width"]).ask(Command::GET_PINWIDTH, &[]).packets[0].data.clone();
    assert!(width.is_empty());
}

#[test]
fn free_sizes_may_have_any_length_and_less_than_nothing_left() {
    let sizes = |faults: &[&str]| with("tft40", 5, faults).ask(Command::GET_FREE_SIZES, &[]).packets[0].data.clone();
    let sound = sizes(&[]);
    for length in [0, 3, 16, 79, 92] {
        assert_eq!(sizes(&[&format!("sizes-length={length}")]), sound[..length]);
    }
    assert!(sizes(&["sizes-length=4000000000"]).len() <= 1024);
    let negative = sizes(&["negative-sizes"]);
    assert!((17..20).all(|place| u32_at(&negative, 4 * place) as i32 <= -1));
    assert_eq!(negative[..68], sound[..68]);
}

#[test]
fn a_handshake_takes_turns() {
    let client = |key: u32, fault: &str| {
        let terminal = terminal("tft40", 0).key(key).fault(Fault::parse(fault).unwrap()).build();
        Client::new(terminal, Transport::Tcp)
    };
    let token = |client: &Client, key| zk_proto::CommKey::new(key).scramble(SessionId(client.session), 50);

    let mut demands = client(0, "demand-key");
    assert_eq!(demands.ask(Command::CONNECT, &[]).codes(), [2005]);
    let zero = token(&demands, 0);
    assert_eq!(demands.ask(Command::AUTH, &zero).codes(), [2000]);
    assert_eq!(demands.ask(Command::GET_TIME, &[]).codes(), [2000]);

    let mut moves = client(7, "new-session-id");
    moves.ask(Command::CONNECT, &[]);
    let right = token(&moves, 7);
    let first = moves.session;
    let answer = moves.ask(Command::AUTH, &right);
    assert_eq!(answer.codes(), [2000]);
    assert_ne!(answer.packets[0].session.0, first);
    assert_eq!(moves.ask(Command::GET_TIME, &[]).codes(), [2005], "the first id holds no more");
    moves.session = answer.packets[0].session.0;
    assert_eq!(moves.ask(Command::GET_TIME, &[]).codes(), [2000]);

    let mut closes = client(7, "close-on-wrong-key");
    closes.ask(Command::CONNECT, &[]);
    let wrong = token(&closes, 8);
    let answer = closes.ask(Command::AUTH, &wrong);
    assert_eq!((answer.codes(), answer.closed), (vec![2005], true));
}

#[test]
fn an_access_panel_answers_in_its_own_tongue() {
    let mut device = zk_sim::Device::new(terminal("tft40", 0).fault(Fault::new(FaultKind::AccessPanel)).build());
    let link = device.open(Transport::Tcp).unwrap();
    let connect = Bytes::from_static(&[0xE8, 0x03, 0x17, 0xFC, 0, 0, 0, 0]);
    let actions = device.handle_packet(link, connect, Duration::ZERO);
    let [zk_sim::Action::Write(frame)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(frame.to_bytes()[..2], [0xAA, 0x01]);
}

#[test]
fn the_end_of_a_transfer_overtakes_its_packets_over_udp() {
    let mut client = udp("early-ack=2");
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 4096).codes(), [1500, 1501, 1501, 2000, 1501, 1501]);
    let mut client = udp("early-ack=100");
    client.ask(Command::DATA_WRRQ, LOG);
    assert_eq!(client.range(0, 2048).codes(), [1500, 2000, 1501, 1501]);
}

#[test]
fn packets_of_a_transfer_may_bear_the_session_id() {
    let mut client = with("tft40", 50, &["data-session-id"]);
    client.ask(Command::DATA_WRRQ, LOG);
    let answer = client.range(0, 2004);
    assert_eq!(answer.packets[1].session.0, client.session);
}

#[test]
fn a_silent_tcp_side_takes_connections_and_says_nothing() {
    let mut client = Client::new(terminal("silent-tcp", 0).build(), Transport::Tcp);
    let answer = client.ask(Command::CONNECT, &[]);
    assert!(answer.packets.is_empty() && !answer.closed);
    let mut client = Client::new(terminal("silent-tcp", 0).build(), Transport::Udp);
    assert_eq!(client.ask(Command::CONNECT, &[]).codes(), [2000]);
}

#[test]
fn faults_of_a_command_strike_it_and_no_other() {
    let cases = [("ignore-command", vec![]), ("refuse-command", vec![65535]), ("empty-command", vec![2000])];
    for (fault, codes) in cases {
        let mut client = with("tft40", 5, &[&format!("{fault}=201x1")]);
        assert_eq!(client.ask(Command::GET_FREE_SIZES, &[]).codes(), [2000], "{fault}");
        let answer = client.ask(Command::GET_TIME, &[]);
        assert_eq!(answer.codes(), codes, "{fault}");
        assert!(answer.packets.iter().all(|packet| packet.data.is_empty()), "{fault}");
        assert_eq!(client.ask(Command::GET_TIME, &[]).packets[0].data.len(), 4, "{fault}");
    }
    let mut client = with("tft40", 5, &["stall-at=50"]);
    assert_eq!(client.ask(Command::GET_TIME, &[]).codes(), [2000]);
    assert!(client.ask(Command::GET_FREE_SIZES, &[]).codes().is_empty());
    assert!(client.ask(Command::GET_TIME, &[]).codes().is_empty());
    let mut client = with("tft40", 5, &["lose-sessionx1@1"]);
    let codes: Vec<_> = (0..3).flat_map(|_| client.ask(Command::GET_TIME, &[]).codes()).collect();
    assert_eq!(codes, [2000, 2005, 2005]);
}

#[test]
fn a_log_may_be_refused_in_every_way_and_data_alone_have_wrong_checksums() {
    let mut client = with("tft40", 50, &["refuse-log=4991x2"]);
    assert_eq!(client.ask(Command::DATA_WRRQ, LOG).codes(), [4991]);
    assert_eq!(client.ask(Command::ATTLOG_RRQ, &[]).codes(), [4991]);
    assert_eq!(client.read(LOG).len(), 4 + 50 * 40);
    let mut client = with("tft40", 50, &["bad-data-checksum"]);
    client.ask(Command::DATA_WRRQ, LOG);
    let packets = client.range(0, 2_004).packets;
    assert!(packets.len() > 1);
    assert!(packets.iter().all(|packet| packet.intact == (packet.command != Command::DATA)));
}

#[test]
fn a_damaged_patch_is_the_same_noise_each_time_and_leaves_the_rest_alone() {
    let (sound, mut damaged) = (with("tft40", 400, &[]).read(LOG), with("tft40", 400, &["damaged-patch=130@200"]));
    let set = damaged.read(LOG);
    let at = |record: usize| 4 + record * 40;
    assert_eq!(set.len(), sound.len());
    assert_eq!((&set[..at(200)], &set[at(330)..]), (&sound[..at(200)], &sound[at(330)..]));
    assert!((200..330).all(|record| set[at(record)..at(record + 1)] != sound[at(record)..at(record + 1)]));
    assert_eq!(damaged.read(LOG), set);
}
