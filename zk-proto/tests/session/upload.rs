//! Uploads: one chunk at a time, and what happens when one of them gets no answer.

use super::{SESSION, Stage, set};
use zk_proto::record::FingerTemplate;
use zk_proto::session::{Config, Event, Limits, Upload};
use zk_proto::{Command, Packet, ProtoError, Uid};

fn upload(length: usize) -> Upload {
    Upload::finger(&FingerTemplate { uid: Uid(14), finger: 4, flag: 1, template: set(length).into() }).unwrap()
}

impl Stage {
    /// The next request, which must be this one and is answered so.
    fn step(&mut self, command: Command, answer: Command) -> Packet {
        let request = self.request();
        assert_eq!(request.command, command);
        self.answer(&request, answer, SESSION, &[]);
        request
    }

    fn done(&mut self, command: Command) -> Packet {
        self.step(command, Command::ACK_OK)
    }

    fn all_done(&mut self, commands: &[Command]) {
        for command in commands {
            self.done(*command);
        }
    }
}

#[test]
fn an_upload_goes_out_in_chunks_one_at_a_time() {
    for mut stage in [Stage::connected(), Stage::connected_by_datagrams()] {
        stage.session.upload(stage.now, upload(2500));
        stage.done(Command::FREE_DATA);
        assert_eq!(stage.done(Command::PREPARE_DATA).data[..], 2500u32.to_le_bytes());
        let mut sent = Vec::new();
        for length in [1024, 1024, 452] {
            let chunk = stage.request();
            assert_eq!((chunk.command, chunk.data.len()), (Command::DATA, length));
            assert!(stage.is_quiet(), "the next chunk waits for the answer to this one");
            sent.extend_from_slice(&chunk.data);
            stage.answer(&chunk, Command::ACK_OK, SESSION, &[]);
        }
        assert_eq!(sent, set(2500));
        assert_eq!(hex::encode(&stage.done(Command::TMP_WRITE).data), "0e000401c409");
        stage.done(Command::FREE_DATA);
        assert_eq!(stage.event(), Event::Uploaded { checksum: None });
    }
}

#[test]
fn the_checksum_is_asked_for_before_the_commit_and_is_no_condition_of_it() {
    let answers = [
        (Command::ACK_OK, &[1, 2, 3, 4][..], Some(0x0403_0201)),
        (Command::ACK_OK, &[], None),
        (Command::ACK_UNKNOWN, &[1, 2, 3, 4], None),
    ];
    for (code, data, checksum) in answers {
        let mut stage = Stage::connected();
        stage.session.upload(stage.now, upload(10).with_checksum());
        stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA, Command::DATA]);
        let request = stage.request();
        assert_eq!(request.command, Command::CHECKSUM_BUFFER);
        stage.answer(&request, code, SESSION, data);
        stage.all_done(&[Command::TMP_WRITE, Command::FREE_DATA]);
        assert_eq!(stage.event(), Event::Uploaded { checksum });
    }
}

#[test]
fn a_chunk_without_an_answer_begins_the_upload_anew() {
    for mut stage in [Stage::connected(), Stage::connected_by_datagrams()] {
        stage.session.upload(stage.now, upload(1500));
        stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA]);
        let lost = stage.request();
        stage.silence();
        stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA]);
        let again = stage.request();
        assert_eq!(again.data, lost.data);
        // The late answer to the first sending is none to the second.
        stage.answer(&lost, Command::ACK_OK, SESSION, &[]);
        assert!(stage.is_quiet());
        stage.answer(&again, Command::ACK_OK, SESSION, &[]);
        stage.all_done(&[Command::DATA, Command::TMP_WRITE, Command::FREE_DATA]);
        assert_eq!(stage.event(), Event::Uploaded { checksum: None });
    }
}

#[test]
fn an_upload_that_is_never_answered_is_given_up() {
    let mut stage = Stage::connected();
    stage.session.upload(stage.now, upload(10));
    for _ in 0..3 {
        stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA]);
        assert_eq!(stage.request().command, Command::DATA);
        stage.silence();
    }
    stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA]);
    stage.silence();
    assert_eq!(stage.request().command, Command::DATA);
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA });
}

#[test]
fn a_refused_commit_frees_the_buffer_and_is_a_refusal() {
    let mut stage = Stage::connected();
    stage.session.upload(stage.now, upload(10));
    stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA, Command::DATA]);
    stage.step(Command::TMP_WRITE, Command::ACK_ERROR);
    stage.done(Command::FREE_DATA);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::TMP_WRITE, code: Command::ACK_ERROR });
}

#[test]
fn a_refused_size_or_chunk_is_a_refusal() {
    let mut stage = Stage::connected();
    stage.session.upload(stage.now, upload(10));
    stage.done(Command::FREE_DATA);
    stage.step(Command::PREPARE_DATA, Command::ACK_ERROR);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::PREPARE_DATA, code: Command::ACK_ERROR });

    stage.session.upload(stage.now, upload(10));
    stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA]);
    stage.step(Command::DATA, Command::ACK_ERROR);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::DATA, code: Command::ACK_ERROR });
}

#[test]
fn a_commit_is_never_sent_twice() {
    let mut stage = Stage::connected_by_datagrams();
    stage.session.upload(stage.now, upload(10));
    stage.all_done(&[Command::FREE_DATA, Command::PREPARE_DATA, Command::DATA]);
    assert_eq!(stage.request().command, Command::TMP_WRITE);
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::TMP_WRITE });
    assert!(stage.is_quiet());
}

#[test]
fn an_upload_above_the_cap_is_refused_before_anything_is_sent() {
    let limits = Limits::default().max_transfer(9);
    let mut stage = Stage::stream(Config::default().limits(limits)).connect();
    stage.session.upload(stage.now, upload(10));
    assert_eq!(stage.failure(), ProtoError::TooLarge { what: "upload", claimed: 10, cap: 9 });
    assert!(stage.is_quiet());
}

#[test]
fn a_demand_for_the_key_ends_the_upload() {
    let mut stage = Stage::connected();
    stage.session.upload(stage.now, upload(10));
    stage.step(Command::FREE_DATA, Command::ACK_UNAUTH);
    assert_eq!(stage.failure(), ProtoError::SessionLost);
}
