//! A whole log on its way: streams, buffered reads, direct reads, and firmware that refuses one of them.

use super::{SESSION, Stage, announcement, asked, range, set, size_answer};
use zk_proto::session::{Config, Event};
use zk_proto::{Command, Prepared, ProtoError};

#[test]
fn an_announced_set_that_follows_at_once_is_a_stream() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    let set = set(2_500);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    assert!(stage.is_quiet());
    for (number, chunk) in set.chunks(1_024).enumerate() {
        stage.answer(&request, Command::DATA, number as u16, chunk);
    }
    stage.answer(&request, Command::ACK_OK, 2_500, &[]);
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn an_announced_set_that_does_not_follow_waits_to_be_read() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    stage.silence();
    assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size: 2_500 }));
}

#[test]
fn firmware_without_the_buffered_read_is_read_directly() {
    for code in [Command::ACK_UNKNOWN, Command::ACK_ERROR_CMD] {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, code, SESSION, &[]);
        let direct = stage.request();
        assert_eq!((direct.command, direct.data.len()), (Command::ATTLOG_RRQ, 0));
        let set = set(2_500);
        stage.answer(&direct, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
        for (number, chunk) in (0..).zip(set.chunks(1_024)) {
            stage.answer(&direct, Command::DATA, number, chunk);
        }
        stage.answer(&direct, Command::ACK_OK, 2_500, &[]);
        assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
        assert_eq!(stage.data(0), set);
        assert_eq!(stage.event(), Event::Finished);
    }
}

#[test]
fn a_buffered_read_without_an_answer_is_tried_twice_and_then_read_directly() {
    let mut stage = Stage::connected();
    asked(&mut stage);
    stage.silence();
    let free = stage.request();
    assert_eq!(free.command, Command::FREE_DATA);
    stage.answer(&free, Command::ACK_OK, SESSION, &[]);
    assert_eq!(stage.request().command, Command::DATA_WRRQ);
    stage.silence();
    assert_eq!(stage.request().command, Command::ATTLOG_RRQ);
}

#[test]
fn a_terminal_that_went_silent_altogether_is_not_asked_for_long() {
    let mut stage = Stage::connected();
    asked(&mut stage);
    stage.silence();
    assert_eq!(stage.request().command, Command::FREE_DATA);
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::FREE_DATA });
    assert!(stage.now <= Config::default().timeout * 4);
}

#[test]
fn an_absurd_size_is_refused() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &size_answer(u32::MAX));
    assert!(matches!(stage.failure(), ProtoError::TooLarge { claimed: 0xFFFF_FFFF, .. }));
}

#[test]
fn a_stream_that_ends_early_is_incomplete() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 60));
    stage.answer(&request, Command::DATA, 0, &[1; 60]);
    stage.answer(&request, Command::ACK_OK, 100, &[]);
    stage.event();
    assert_eq!(stage.data(0).len(), 60);
    assert!(matches!(stage.failure(), ProtoError::Incomplete { offset: 60, missing: 40 }));
}

#[test]
fn a_set_is_read_in_chunks_one_at_a_time() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let request = stage.request();
        assert!(stage.requests.is_empty());
        asked.push(range(&request));
        stage.serve(&request, &set, 65_528);
    }
    assert_eq!(asked, [(0, 65_472), (65_472, 65_472), (130_944, 19_056)]);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn an_empty_range_is_read_without_asking() {
    let mut stage = Stage::connected().prepared(10);
    stage.session.read(stage.now, 10, 10);
    assert_eq!(stage.event(), Event::Finished);
    assert!(stage.is_quiet());
}

#[test]
fn an_event_and_a_stale_packet_amid_a_transfer_are_no_part_of_it() {
    let set = set(300);
    let mut stage = Stage::connected().prepared(300);
    stage.session.read(stage.now, 0, 300);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(300, 100));
    stage.answer(&request, Command::DATA, 0, &set[..100]);
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    stage.send(&event).unwrap();
    let stale = stage.wire(Command::DATA, 1, request.reply_id.0.wrapping_sub(1), &[0xEE; 100]);
    stage.send(&stale).unwrap();
    stage.answer(&request, Command::DATA, 1, &set[100..200]);
    stage.answer(&request, Command::DATA, 2, &set[200..]);
    stage.answer(&request, Command::ACK_OK, 300, &[]);
    assert!(matches!(stage.event(), Event::Live(_)));
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn firmware_that_refuses_offsets_is_read_at_once() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let request = stage.request();
    stage.serve(&request, &set, 65_528);
    let second = stage.request();
    assert_eq!(range(&second), (65_472, 65_472));
    stage.answer(&second, Command::ACK_ERROR, SESSION, &[]);
    let whole = stage.request();
    assert_eq!(range(&whole), (0, 150_000));
    stage.serve(&whole, &set, 1_024);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn checksums_wrong_in_every_datagram_are_named_as_the_cause() {
    let mut stage = Stage::datagrams(Config::default());
    stage.session.connect(stage.now);
    let connect = stage.request();
    while stage.session.poll_timeout().is_some() {
        stage.answer_damaged(&connect, Command::ACK_OK, SESSION, &[0]);
        // After a few of them it is known, long before the time is over.
        if stage.session.poll_timeout().is_some() {
            stage.silence();
        }
    }
    stage.requests.clear();
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::CONNECT });
}
