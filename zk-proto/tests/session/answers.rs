//! The forms in which a terminal says how long its log is, and what it may say instead.

use bytes::Bytes;

use super::{SESSION, Stage, asked, size_answer};
use zk_proto::session::Event;
use zk_proto::{Command, Prepared, ProtoError};

#[test]
fn every_form_of_the_size_answer_is_read() {
    for (answer, size) in
        [("007c0000007c000000c3b2a100", 124), ("007c000000", 124), ("007c0000000000000000", 124), ("7c000000", 124)]
    {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, Command::ACK_OK, SESSION, &hex::decode(answer).unwrap());
        assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size }), "{answer}");
    }
}

#[test]
fn a_small_set_comes_in_the_answer() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::DATA, 0, b"set");
    assert_eq!(stage.event(), Event::Prepared(Prepared::Inline(Bytes::from_static(b"set"))));
}

#[test]
fn a_damaged_small_set_is_asked_for_again_and_then_refused() {
    let mut stage = Stage::connected();
    let mut request = asked(&mut stage);
    for _ in 0..2 {
        stage.answer_damaged(&request, Command::DATA, 0, b"set");
        request = stage.request();
    }
    stage.answer_damaged(&request, Command::DATA, 0, b"set");
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::DATA_WRRQ });
}

#[test]
fn the_size_may_follow_an_empty_acknowledgement() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    assert!(stage.is_quiet());
    stage.answer(&request, Command::ACK_OK, SESSION, &size_answer(44));
    assert_eq!(stage.event(), Event::Prepared(Prepared::Buffered { size: 44 }));
}

#[test]
fn an_empty_acknowledgement_with_nothing_behind_it_is_an_empty_set() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.silence();
    assert_eq!(stage.event(), Event::Prepared(Prepared::Empty { code: Command::ACK_OK }));
}

#[test]
fn the_refusals_that_mean_no_data_are_an_empty_set() {
    for code in [Command::ACK_ERROR, Command::NO_BUFFER, Command::NOT_FOUND] {
        let mut stage = Stage::connected();
        let request = asked(&mut stage);
        stage.answer(&request, code, SESSION, &[]);
        if code == Command::ACK_ERROR {
            // That may be about the buffer alone.
            let direct = stage.request();
            assert_eq!(direct.command, Command::ATTLOG_RRQ);
            stage.answer(&direct, code, SESSION, &[]);
        }
        assert_eq!(stage.event(), Event::Prepared(Prepared::Empty { code }));
    }
}

#[test]
fn any_other_refusal_is_an_error_that_carries_its_number() {
    let mut stage = Stage::connected();
    let request = asked(&mut stage);
    stage.answer(&request, Command(4_990), SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::DATA_WRRQ, code: Command(4_990) });
}
