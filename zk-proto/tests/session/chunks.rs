//! Chunks of a log: short, damaged, too early, too late, too long, or none at all.

use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;

use super::{SESSION, Stage, announcement, range, set};
use zk_proto::op::GetTime;
use zk_proto::session::{ChecksumPolicy, Config, Event};
use zk_proto::{Command, Packet, ProtoError};

#[test]
fn a_short_chunk_is_asked_for_again_and_then_handed_out_as_it_is() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..4 {
        let request = stage.request();
        assert_eq!(range(&request), (0, 200));
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        stage.answer(&request, Command::DATA, 0, &[1; 150]);
        stage.answer(&request, Command::ACK_OK, 200, &[]);
    }
    assert_eq!(stage.data(0), [1; 150]);
    assert_eq!(stage.failure(), ProtoError::Incomplete { offset: 150, missing: 50 });
    assert!(stage.is_quiet());
}

#[test]
fn a_damaged_chunk_is_asked_for_again_and_nothing_of_it_goes_out() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
    stage.answer_damaged(&request, Command::DATA, 0, &set);
    stage.answer(&request, Command::ACK_OK, 200, &[]);
    assert!(stage.data(0).is_empty());
    let again = stage.request();
    stage.serve(&again, &set, 200);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.session.statistics().damaged, 1);
}

#[test]
fn a_checksum_one_too_small_is_damage_unless_the_terminal_computes_all_of_them_so() {
    let one_short = |mut wire: BytesMut| {
        let sum = u16::from_le_bytes([wire[10], wire[11]]);
        wire[10..12].copy_from_slice(&sum.wrapping_sub(1).to_le_bytes());
        wire
    };
    let set = set(200);
    for sloppy in [false, true] {
        let mut stage = Stage::stream(Config::default());
        stage.session.connect(stage.now);
        let connect = stage.request();
        let hello = stage.wire(Command::ACK_OK, SESSION, connect.reply_id.0, &[]);
        stage.send(&if sloppy { one_short(hello) } else { hello }).unwrap();
        assert_eq!(stage.event(), Event::Connected);
        let mut stage = stage.prepared(200);
        stage.session.read(stage.now, 0, 200);
        let request = stage.request();
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        let part = one_short(stage.wire(Command::DATA, 0, request.reply_id.0, &set));
        stage.send(&part).unwrap();
        stage.answer(&request, Command::ACK_OK, 200, &[]);
        assert_eq!(stage.data(0), if sloppy { &set[..] } else { &[] });
        let seen = stage.session.statistics();
        assert_eq!((seen.one_short, seen.damaged), if sloppy { (2, 0) } else { (0, 1) });
    }
}

#[test]
fn chunks_get_smaller_after_a_loss_and_large_again_when_they_come_whole() {
    let set = set(1_000_000);
    let mut stage = Stage::connected().prepared(1_000_000);
    stage.session.read(stage.now, 0, 1_000_000);
    let (mut lengths, mut data) = (Vec::new(), Vec::new());
    while data.len() < set.len() {
        let request = stage.request();
        lengths.push(range(&request).1);
        if lengths.len() <= 2 {
            // The line swallows the first two answers' ends.
            let (offset, length) = range(&request);
            stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(length, length));
            stage.answer(&request, Command::DATA, 0, &set[offset..offset + length / 2]);
            stage.answer(&request, Command::ACK_OK, length as u16, &[]);
        } else {
            stage.serve(&request, &set, 65_528);
            data.extend(stage.data(data.len() as u64));
        }
    }
    assert_eq!(data, set);
    assert_eq!(lengths[..3], [65_472, 32_736, 16_368]);
    assert_eq!(lengths[3..8], [16_368, 16_368, 16_368, 16_368, 32_736]);
    assert_eq!(lengths[lengths.len() - 2], 65_472);
}

#[test]
fn a_line_that_was_lost_amid_a_chunk_is_asked_for_less_on_the_next_session() {
    let mut lost = Stage::connected().prepared(500_000);
    lost.session.read(lost.now, 0, 500_000);
    assert_eq!(range(&lost.request()).1, 65_472);
    let mut next = Stage::connected();
    next.session.adapt_from(&lost.session);
    let mut next = next.prepared(500_000);
    next.session.read(next.now, 0, 500_000);
    assert_eq!(range(&next.request()).1, 32_736);
}

#[test]
fn checksums_wrong_each_time_fail_the_transfer_unless_they_are_tolerated() {
    let set = set(200);
    let damaged = |stage: &mut Stage, request: &Packet| {
        stage.answer(request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
        stage.answer_damaged(request, Command::DATA, 0, &set);
        stage.answer(request, Command::ACK_OK, 200, &[]);
    };
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..4 {
        let request = stage.request();
        damaged(&mut stage, &request);
    }
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::DATA_RDY });
    stage.session.set_checksum_policy(ChecksumPolicy::Tolerate);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    damaged(&mut stage, &request);
    assert_eq!(stage.data(0).len(), 200);
}

#[test]
fn a_terminal_that_is_not_ready_is_asked_again_at_the_same_offset() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..5 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        assert!(stage.is_quiet());
        stage.silence();
    }
    assert!(stage.now < Duration::from_secs(2));
    let request = stage.request();
    stage.serve(&request, &set, 200);
    assert_eq!(stage.data(0), set);
}

#[test]
fn a_terminal_that_is_never_ready_times_out() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    for _ in 0..21 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        stage.silence();
    }
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
}

#[test]
fn an_acknowledgement_may_come_before_the_data() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.serve(&request, &set, 100);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn bare_data_without_a_final_acknowledgement_is_waited_out_once() {
    let set = set(150_000);
    let mut stage = Stage::connected().prepared(150_000);
    stage.session.read(stage.now, 0, 150_000);
    let mut waits = 0;
    for _ in 0..3 {
        let request = stage.request();
        let (offset, length) = range(&request);
        stage.answer(&request, Command::DATA, 0, &set[offset..offset + length]);
        if stage.requests.is_empty() && stage.session.poll_timeout().is_some() && stage.is_quiet() {
            waits += 1;
            stage.silence();
        }
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
    assert_eq!(waits, 1);
}

#[test]
fn more_bytes_than_asked_for_are_cut_and_reported() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(260, 130));
    stage.answer(&request, Command::DATA, 0, &set[..130]);
    stage.answer(&request, Command::DATA, 1, &[&set[130..], &[0xEE; 60]].concat());
    stage.answer(&request, Command::ACK_OK, 260, &[]);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
    assert_eq!(stage.session.statistics().surplus, 60);
}

#[test]
fn a_terminal_that_announces_less_is_asked_for_the_rest() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(80, 80));
    stage.answer(&request, Command::DATA, 0, &set[..80]);
    stage.answer(&request, Command::ACK_OK, 80, &[]);
    let rest = stage.request();
    assert_eq!(range(&rest), (80, 120));
    stage.serve(&rest, &set, 200);
    assert_eq!(stage.data(0), set);
}

#[test]
fn a_refused_range_is_an_error() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::ACK_ERROR, SESSION, &[]);
    assert_eq!(stage.failure(), ProtoError::Refused { command: Command::DATA_RDY, code: Command::ACK_ERROR });
}

#[test]
fn a_stream_that_stalls_is_asked_once_more_and_given_up() {
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    stage.request();
    stage.silence();
    assert_eq!(range(&stage.request()), (0, 200));
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
    assert!(stage.now <= Config::default().timeout * 6);
}

#[test]
fn parts_of_a_long_packet_are_a_sign_of_life_on_a_slow_line() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(200, 200));
    let wire = stage.wire(Command::DATA, 0, request.reply_id.0, &set);
    for part in wire.chunks(60) {
        stage.now += Duration::from_secs(4);
        stage.session.handle_timeout(stage.now);
        stage.send(part).unwrap();
    }
    stage.answer(&request, Command::ACK_OK, 200, &[]);
    assert_eq!(stage.data(0), set);
}

#[test]
fn events_without_end_do_not_hide_a_deadline() {
    let mut stage = Stage::connected();
    stage.session.call(stage.now, &GetTime);
    stage.request();
    let event = stage.wire(Command::REG_EVENT, 1, 0, &[5; 32]);
    for _ in 0..10 {
        stage.now += Duration::from_secs(1);
        stage.send(&event).unwrap();
    }
    stage.pump();
    assert!(stage.events.contains(&Event::Failed(ProtoError::TimedOut { command: Command::GET_TIME })));
}

#[test]
fn a_terminal_that_drips_is_given_up_in_the_end() {
    let mut stage = Stage::connected().prepared(60_000);
    stage.session.read(stage.now, 0, 60_000);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(60_000, 1));
    for _ in 0..60_000 {
        stage.answer(&request, Command::DATA, 0, &[1]);
        stage.now += Duration::from_secs(4);
        stage.session.handle_timeout(stage.now);
        if !stage.is_quiet() {
            break;
        }
    }
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
    assert!(stage.now < Duration::from_secs(120));
}

#[test]
fn an_abandoned_transfer_leaves_nothing_in_the_way_of_the_next_request() {
    let set = set(200);
    let mut stage = Stage::connected().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let request = stage.request();
    stage.serve(&request, &set, 100);
    stage.session.abandon();
    stage.session.call(stage.now, &GetTime);
    stage.serve(&request, &set, 100);
    let time = stage.request();
    stage.answer(&time, Command::ACK_OK, SESSION, &[1, 2, 3, 4]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.len() == 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_at_any_moment_never_panic(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
        datagrams: bool,
    ) {
        let stage = if datagrams { Stage::connected_by_datagrams() } else { Stage::connected() };
        let mut stage = stage.prepared(5_000);
        stage.session.read(stage.now, 0, 5_000);
        for input in inputs {
            if stage.send(&input).is_err() {
                return Ok(());
            }
            stage.pump();
        }
    }

    #[test]
    fn any_packets_in_answer_never_panic_and_never_hand_out_more_than_was_asked(
        answers in prop::collection::vec((0_usize..8, any::<u16>(), prop::collection::vec(any::<u8>(), 0..80)), 1..60),
        datagrams: bool,
    ) {
        let codes = [
            Command::ACK_OK, Command::DATA, Command::DATA, Command::PREPARE_DATA,
            Command::ACK_RETRY, Command::ACK_ERROR,
            Command::REG_EVENT, Command::ACK_UNKNOWN,
        ];
        let stage = if datagrams { Stage::connected_by_datagrams() } else { Stage::connected() };
        let mut stage = stage.prepared(500);
        stage.session.read(stage.now, 0, 500);
        let mut request = stage.request();
        for (code, field, data) in answers {
            stage.answer(&request, codes[code], field, &data);
            stage.pump();
            let sent = stage.requests.drain(..).rfind(|packet| packet.command == Command::DATA_RDY);
            request = sent.unwrap_or(request);
        }
        let out: usize = stage.events.iter().map(|event| match event {
            Event::Data { bytes, .. } => bytes.len(),
            _ => 0,
        }).sum();
        prop_assert!(out <= 500);
    }
}
