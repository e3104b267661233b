//! A request and its answer: keys, refusals, lost sessions, stale answers, packets that are lost.

use std::time::Duration;

use super::{SESSION, Stage};
use zk_proto::op::{ClearAttendanceLog, GetFreeSizes, GetTime};
use zk_proto::session::{Config, Event};
use zk_proto::{CommKey, Command, DeviceTime, ProtoError, SessionId};

#[test]
fn a_terminal_that_demands_a_key_gets_its_scramble() {
    let mut stage = Stage::stream(Config::default().comm_key(CommKey::new(12_345)));
    stage.session.connect(stage.now);
    let connect = stage.request();
    stage.answer(&connect, Command::ACK_UNAUTH, 0x1A2B, &[]);
    let auth = stage.request();
    assert_eq!((auth.command, auth.session.0), (Command::AUTH, 0x1A2B));
    assert_eq!(hex::encode(&auth.data), "6de13263");
    stage.answer(&auth, Command::ACK_OK, 0x1A2B, &[]);
    assert_eq!(stage.event(), Event::Connected);
}

#[test]
fn without_a_key_zero_is_tried_once() {
    let mut stage = Stage::stream(Config::default());
    stage.session.connect(stage.now);
    let connect = stage.request();
    stage.answer(&connect, Command::ACK_UNAUTH, SESSION, &[]);
    let auth = stage.request();
    assert!(CommKey::new(0).accepts(SessionId(SESSION), &auth.data));
    stage.answer(&auth, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::KeyRequired);
    assert!(stage.is_quiet());
}

#[test]
fn a_key_that_is_refused_is_the_wrong_key() {
    let mut stage = Stage::stream(Config::default().comm_key(CommKey::new(1)));
    stage.session.connect(stage.now);
    for _ in 0..2 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    }
    assert_eq!(stage.failure(), ProtoError::WrongKey);
}

#[test]
fn secure_firmware_is_recognized_in_every_form() {
    for code in [Command::SECURE_CHALLENGE, Command::AUTH_LOCK] {
        let mut stage = Stage::stream(Config::default());
        stage.session.connect(stage.now);
        let connect = stage.request();
        let wire = stage.wire(code, 0, connect.reply_id.0, &[]);
        assert_eq!(stage.send(&wire), Err(ProtoError::SecureFirmware));
    }
    for mut stage in [Stage::stream(Config::default()), Stage::datagrams(Config::default())] {
        stage.session.connect(stage.now);
        assert_eq!(stage.send(&hex::decode("5050837c20000000").unwrap()), Err(ProtoError::SecureFrame));
    }
}

#[test]
fn an_access_control_panel_is_recognized_over_both_carriers() {
    for mut stage in [Stage::stream(Config::default()), Stage::datagrams(Config::default())] {
        stage.session.connect(stage.now);
        assert_eq!(stage.send(&[0xAA, 0x01, 0, 0, 0, 0, 0, 0, 0x55]), Err(ProtoError::AccessPanel));
    }
}

#[test]
fn a_terminal_that_never_answers_times_out() {
    let mut stage = Stage::stream(Config::default());
    stage.session.connect(stage.now);
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::CONNECT });
    assert_eq!(stage.now, Config::default().timeout);
    assert_eq!(stage.session.poll_timeout(), None);
}

#[test]
fn a_demand_for_the_key_mid_session_says_that_the_session_is_lost() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::SessionLost);

    let mut stage = Stage::connected().prepared(100);
    stage.session.read(stage.now, 0, 100);
    let request = stage.request();
    stage.answer(&request, Command::ACK_UNAUTH, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::SessionLost);
}

#[test]
fn an_answer_is_known_by_its_reply_id_whatever_the_session_field_says() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    assert_eq!((request.session.0, request.reply_id.0), (SESSION, 1));
    stage.answer(&request, Command::ACK_OK, 7, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data[..] == [1, 2, 3, 4]));
}

#[test]
fn a_stale_answer_is_dropped_and_counted() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let first = stage.request();
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::GET_TIME });
    stage.session.call(stage.now, &GetTime);
    let second = stage.request();
    stage.answer(&first, Command::ACK_OK, SESSION, &[9, 9, 9, 9]);
    assert!(stage.is_quiet());
    stage.answer(&second, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data[..] == [1, 2, 3, 4]));
    assert_eq!(stage.session.statistics().stale, 1);
}

#[test]
fn a_flood_of_foreign_packets_ends_the_session() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let wire = stage.wire(Command::ACK_OK, SESSION, 999, &[]);
    let outcome: Result<Vec<()>, ProtoError> = (0..200).map(|_| stage.send(&wire)).collect();
    assert_eq!(outcome, Err(ProtoError::Flooded { discarded: 100 }));
}

#[test]
fn reply_ids_skip_65535_and_begin_again() {
    let mut stage = Stage::connected();
    let mut ids = Vec::new();
    for _ in 0..=65_535 {
        stage.session.call(stage.now, &GetTime);
        ids.push(stage.request().reply_id.0);
    }
    assert_eq!(ids[65_532..=65_535], [65_533, 65_534, 0, 1]);
    assert!(!ids.contains(&65_535));
}

#[test]
fn a_busy_terminal_is_asked_again_three_times_after_a_pause() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    for _ in 0..3 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_RETRY, SESSION, &[]);
        assert!(stage.is_quiet());
        let before = stage.now;
        stage.silence();
        assert!(stage.now >= before + Duration::from_millis(100));
    }
    let request = stage.request();
    stage.answer(&request, Command::ACK_REPEAT, SESSION, &[]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.command == Command::ACK_REPEAT));
}

#[test]
fn sizes_that_follow_an_empty_acknowledgement_are_the_answer() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetFreeSizes);
    let request = stage.request();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    assert!(stage.is_quiet());
    stage.answer(&request, Command::ACK_OK, SESSION, &[0; 80]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.len() == 80));
}

#[test]
fn an_event_is_acknowledged_with_reply_id_0_and_kept_apart() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    stage.send(&event).unwrap();
    let ack = stage.request();
    assert_eq!((ack.command, ack.session.0, ack.reply_id.0), (Command::ACK_OK, SESSION, 0));
    assert!(matches!(stage.event(), Event::Live(packet) if packet.session.0 == 1 && packet.data.len() == 32));
    stage.answer(&request, Command::ACK_OK, SESSION, &DeviceTime::RESET.0.to_le_bytes());
    assert!(matches!(stage.event(), Event::Answer(_)));
}

#[test]
fn a_lost_datagram_is_sent_again_unchanged() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &GetTime);
    let first = stage.request();
    stage.silence();
    assert_eq!(stage.request(), first);
    assert!(stage.now < Config::default().timeout);
    stage.answer(&first, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    stage.answer(&first, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(_)));
    assert!(stage.is_quiet());
}

#[test]
fn what_must_not_happen_twice_is_never_sent_again() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &ClearAttendanceLog);
    stage.request();
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::CLEAR_ATTLOG });
    assert!(stage.is_quiet());
}

#[test]
fn a_damaged_datagram_is_as_good_as_lost() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.call(stage.now, &GetTime);
    let request = stage.request();
    stage.answer_damaged(&request, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    stage.send(b"\x01").unwrap();
    assert!(stage.is_quiet());
    assert_eq!(stage.session.statistics().damaged, 2);
}
