//! Transfers over datagrams, which get lost, doubled and out of order: one datagram is one answer, or answers have to
//! agree.

use std::time::Duration;

use super::{SESSION, Stage, announcement, asked, range, set};
use zk_proto::session::Event;
use zk_proto::{Command, Packet, Prepared, ProtoError};

impl Stage {
    /// One answer to a direct read: these parts of the set in this order, each with its number or without any.
    fn direct(&mut self, request: &Packet, set: &[u8], parts: &[usize], numbered: bool) {
        assert_eq!(request.command, Command::ATTLOG_RRQ);
        self.answer(request, Command::PREPARE_DATA, SESSION, &announcement(set.len(), 1_024));
        for part in parts {
            let chunk = set.chunks(1_024).nth(*part).unwrap();
            self.answer(request, Command::DATA, if numbered { *part as u16 } else { SESSION }, chunk);
        }
        self.answer(request, Command::ACK_OK, set.len() as u16, &[]);
    }

    /// Over UDP, with a log that comes in one answer only, and the request for it.
    fn with_direct_read() -> (Self, Packet) {
        let mut stage = Self::connected_by_datagrams();
        let request = asked(&mut stage);
        stage.answer(&request, Command::ACK_UNKNOWN, SESSION, &[]);
        let direct = stage.request();
        (stage, direct)
    }

    fn expect_streamed(&mut self, set: &[u8]) {
        assert_eq!(self.event(), Event::Prepared(Prepared::Streamed { size: set.len() as u64 }));
        assert_eq!(self.data(0), set);
        assert_eq!(self.event(), Event::Finished);
    }
}

#[test]
fn every_chunk_fits_into_one_datagram_whose_size_is_learned_from_the_first_answer() {
    for (part, ranges) in [
        (1_024, vec![(0, 512), (512, 1_024), (1_536, 1_024), (2_560, 440)]),
        (600, vec![(0, 512), (512, 600), (1_112, 600), (1_712, 600), (2_312, 600), (2_912, 88)]),
        // Nothing learned: the usual size is tried.
        (0, vec![(0, 512), (512, 1_024), (1_536, 1_024), (2_560, 440)]),
    ] {
        let set = set(3_000);
        let mut stage = Stage::connected_by_datagrams().prepared(3_000);
        stage.session.read(stage.now, 0, 3_000);
        for expected in ranges {
            let request = stage.request();
            assert_eq!(range(&request), expected);
            let (offset, length) = expected;
            stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(length, part));
            stage.answer(&request, Command::DATA, 0, &set[offset..offset + length]);
            stage.answer(&request, Command::ACK_OK, length as u16, &[]);
        }
        assert_eq!(stage.data(0), set);
        assert_eq!(stage.event(), Event::Finished);
    }
}

#[test]
fn a_few_bytes_too_many_are_cut_from_an_answer_of_one_datagram() {
    let set = set(1_500);
    let mut stage = Stage::connected_by_datagrams().prepared(1_500);
    stage.session.read(stage.now, 0, 1_500);
    for (offset, length) in [(0, 512), (512, 988)] {
        let request = stage.request();
        assert_eq!(range(&request), (offset, length));
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(length + 4, 1_024));
        stage.answer(&request, Command::DATA, 0, &[&set[offset..offset + length], &[0xEE; 4]].concat());
        stage.answer(&request, Command::ACK_OK, length as u16 + 4, &[]);
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn a_terminal_that_is_not_ready_is_asked_again_soon() {
    let set = set(200);
    let mut stage = Stage::connected_by_datagrams().prepared(200);
    stage.session.read(stage.now, 0, 200);
    let start = stage.now;
    for _ in 0..3 {
        let request = stage.request();
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        stage.silence();
    }
    assert!(stage.now - start < Duration::from_millis(100), "{:?}", stage.now - start);
    let request = stage.request();
    stage.serve(&request, &set, 1_024);
    assert_eq!(stage.data(0), set);
}

#[test]
fn what_was_learned_of_datagrams_serves_the_next_session_too() {
    let set = set(3_000);
    let mut stage = Stage::connected_by_datagrams().prepared(3_000);
    stage.session.read(stage.now, 0, 3_000);
    let first = stage.request();
    stage.serve(&first, &set, 1_024);
    let mut next = Stage::connected_by_datagrams();
    next.session.adapt_from(&stage.session);
    let mut next = next.prepared(3_000);
    next.session.read(next.now, 0, 3_000);
    assert_eq!(range(&next.request()), (0, 1_024));
}

#[test]
fn a_lost_datagram_is_asked_for_again_and_a_late_one_dropped() {
    let set = set(1_000);
    let mut stage = Stage::connected_by_datagrams().prepared(1_000);
    stage.session.read(stage.now, 0, 1_000);
    let lost = stage.request();
    stage.answer(&lost, Command::PREPARE_DATA, SESSION, &announcement(512, 1_024));
    stage.answer(&lost, Command::ACK_OK, 512, &[]);
    stage.silence();
    let again = stage.request();
    assert_eq!(range(&again), (0, 512));
    assert_ne!(again.reply_id.0, lost.reply_id.0);
    stage.serve(&again, &set, 1_024);
    let second = stage.request();
    stage.answer(&lost, Command::DATA, 0, &set[..512]);
    stage.answer(&again, Command::DATA, 0, &set[..512]);
    stage.serve(&second, &set, 1_024);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
    assert_eq!(stage.session.statistics().stale, 2);
}

#[test]
fn a_datagram_that_comes_twice_counts_once_and_an_overtaken_one_is_waited_for() {
    let set = set(300);
    let mut stage = Stage::connected_by_datagrams().prepared(300);
    stage.session.read(stage.now, 0, 300);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(300, 1_024));
    stage.answer(&request, Command::ACK_OK, 300, &[]);
    assert!(stage.is_quiet());
    stage.answer(&request, Command::DATA, SESSION, &set);
    stage.answer(&request, Command::DATA, SESSION, &set);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn a_chunk_that_comes_in_several_datagrams_is_no_evidence_and_is_asked_for_in_smaller_pieces() {
    let set = set(900);
    let mut stage = Stage::connected_by_datagrams().prepared(900);
    stage.session.read(stage.now, 0, 900);
    let first = stage.request();
    stage.serve(&first, &set, 300);
    assert!(stage.data(0).is_empty());
    for offset in [0, 300, 600] {
        let request = stage.request();
        assert_eq!(range(&request), (offset, 300));
        stage.serve(&request, &set, 300);
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn the_last_of_several_datagrams_alone_is_not_taken_for_the_chunk() {
    let set = set(400);
    let mut stage = Stage::connected_by_datagrams().prepared(400);
    stage.session.read(stage.now, 0, 400);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(400, 1_024));
    stage.answer(&request, Command::DATA, 1, &set[300..]);
    stage.answer(&request, Command::ACK_OK, 400, &[]);
    stage.silence();
    assert!(stage.data(0).is_empty());
    for offset in [0, 100] {
        let request = stage.request();
        assert_eq!(range(&request).0, offset);
        stage.serve(&request, &set, 300);
    }
    assert_eq!(stage.data(0), set);
}

#[test]
fn a_terminal_that_ignores_the_length_is_read_until_two_answers_agree() {
    let set = set(3_000);
    let mut stage = Stage::connected_by_datagrams().prepared(3_000);
    stage.session.read(stage.now, 0, 3_000);
    for expected in [(0, 512), (0, 3_000), (0, 3_000)] {
        assert!(stage.data(0).is_empty());
        let request = stage.request();
        assert_eq!(range(&request), expected);
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(3_000, 1_024));
        for (number, part) in (0..).zip(set.chunks(1_024)) {
            stage.answer(&request, Command::DATA, number, part);
        }
        stage.answer(&request, Command::ACK_OK, 3_000, &[]);
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn a_set_whose_last_bytes_never_come_is_handed_out_up_to_them() {
    let set = set(2_988);
    let mut stage = Stage::connected_by_datagrams().prepared(3_000);
    stage.session.read(stage.now, 0, 3_000);
    for _ in 0..40 {
        stage.pump();
        if stage.session.poll_timeout().is_none() {
            break;
        }
        let Some(request) = stage.requests.pop_front() else {
            stage.silence();
            continue;
        };
        let (offset, length) = range(&request);
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(length, 1_024));
        let there = &set[offset.min(2_988)..(offset + length).min(2_988)];
        if !there.is_empty() {
            stage.answer(&request, Command::DATA, 0, there);
        }
        stage.answer(&request, Command::ACK_OK, length as u16, &[]);
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.failure(), ProtoError::Incomplete { offset: 2_988, missing: 12 });
}

#[test]
fn a_terminal_that_stops_answering_ends_a_read_over_datagrams_soon() {
    let mut stage = Stage::connected_by_datagrams().prepared(3_000);
    let begun = stage.now;
    stage.session.read(stage.now, 0, 3_000);
    while stage.session.poll_timeout().is_some() {
        stage.silence();
    }
    stage.requests.clear();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::DATA_RDY });
    assert!(stage.now - begun <= stage_timeout() * 6);
}

fn stage_timeout() -> std::time::Duration {
    zk_proto::session::Config::default().timeout
}

#[test]
fn a_direct_read_has_to_come_twice_the_same() {
    let set = set(2_500);
    let (mut stage, direct) = Stage::with_direct_read();
    // The first two parts change places in the first answer, and the acknowledgement overtakes the last part.
    stage.answer(&direct, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    for part in [1, 0] {
        stage.answer(&direct, Command::DATA, part as u16, set.chunks(1_024).nth(part).unwrap());
    }
    stage.answer(&direct, Command::ACK_OK, 2_500, &[]);
    stage.answer(&direct, Command::DATA, 2, &set[2_048..]);
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
    assert!(stage.events.is_empty(), "one answer is no evidence");
    let again = stage.request();
    stage.direct(&again, &set, &[0, 1, 2], true);
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn a_direct_read_that_fits_into_one_datagram_needs_no_second() {
    let (mut stage, direct) = Stage::with_direct_read();
    stage.direct(&direct, &set(700), &[0], true);
    stage.expect_streamed(&set(700));
}

#[test]
fn a_part_that_stands_twice_where_the_last_one_belongs_is_not_believed() {
    let set = set(4 * 1_024);
    let (mut stage, mut direct) = Stage::with_direct_read();
    // Length, size and number of parts agree.
    stage.direct(&direct, &set, &[0, 1, 1, 2], false);
    direct = stage.request();
    for readings in 1.. {
        assert!(readings < 10);
        stage.direct(&direct, &set, &[0, 1, 2, 3], false);
        if stage.session.poll_timeout().is_none() {
            break;
        }
        direct = stage.request();
    }
    stage.expect_streamed(&set);
}

#[test]
fn a_part_that_comes_twice_makes_its_answer_no_reading_at_all() {
    let set = set(4 * 1_024);
    let (mut stage, mut direct) = Stage::with_direct_read();
    // Whatever pushes the last part out is seen, as often as it comes: one datagram is too many.
    for _ in 0..6 {
        stage.direct(&direct, &set, &[0, 1, 1, 2, 3], false);
        stage.pump();
        let Some(request) = stage.requests.pop_front() else { break };
        direct = request;
    }
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 4_096 }));
    assert!(matches!(stage.failure(), ProtoError::Differs { command: Command::ATTLOG_RRQ, .. }));
}

#[test]
fn parts_without_numbers_that_changed_places_twice_are_not_believed() {
    let set = set(5 * 1_024);
    let (mut stage, mut direct) = Stage::with_direct_read();
    for _ in 0..2 {
        stage.direct(&direct, &set, &[0, 2, 1, 3, 4], false);
        direct = stage.request();
    }
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 5_120 }));
    assert!(stage.events.is_empty());
    for _ in 0..6 {
        stage.direct(&direct, &set, &[0, 1, 2, 3, 4], false);
        stage.pump();
        direct = stage.requests.pop_front().unwrap_or(direct);
    }
    assert_eq!(stage.data(0), set);
    assert_eq!(stage.event(), Event::Finished);
}

#[test]
fn answers_that_never_agree_are_named() {
    let (mut stage, mut direct) = Stage::with_direct_read();
    let mut answers = 0;
    loop {
        let mut set = set(2_500);
        set[10] = answers;
        stage.direct(&direct, &set, &[0, 1, 2], true);
        answers += 1;
        stage.pump();
        match stage.requests.pop_front() {
            Some(request) => direct = request,
            None => break,
        }
    }
    assert_eq!(answers, 3);
    assert_eq!(stage.event(), Event::Prepared(Prepared::Streamed { size: 2_500 }));
    let failure = stage.failure();
    assert_eq!(failure, ProtoError::Differs { command: Command::ATTLOG_RRQ, readings: 3 });
    assert!(failure.is_transient());
    let text = failure.to_string();
    assert!(text.contains("UDP") && text.contains("TCP"), "{text}");
}

#[test]
fn holes_are_filled_by_further_answers_as_long_as_that_helps() {
    let set = set(16 * 1_024);
    let (mut stage, mut direct) = Stage::with_direct_read();
    // Of each answer only one part more arrives than of the one before.
    for reading in 0..2 {
        for part in 0..16 {
            stage.direct(&direct, &set, &[part], true);
            if part < 15 {
                stage.silence();
            }
            if (reading, part) != (1, 15) {
                direct = stage.request();
            }
        }
    }
    stage.expect_streamed(&set);
}

#[test]
fn data_that_overtake_the_announcement_of_a_set_are_no_set() {
    let set = set(2_500);
    let (mut stage, direct) = Stage::with_direct_read();
    stage.answer(&direct, Command::DATA, 0, &set[..1_024]);
    assert!(stage.is_quiet());
    stage.answer(&direct, Command::PREPARE_DATA, SESSION, &announcement(2_500, 1_024));
    stage.answer(&direct, Command::DATA, 1, &set[1_024..2_048]);
    stage.answer(&direct, Command::DATA, 2, &set[2_048..]);
    stage.answer(&direct, Command::ACK_OK, 2_500, &[]);
    let again = stage.request();
    stage.direct(&again, &set, &[0, 1, 2], true);
    stage.expect_streamed(&set);
}

#[test]
fn one_part_of_a_set_whose_announcement_was_lost_is_no_set() {
    let set = set(2_500);
    for acknowledged in [false, true] {
        let (mut stage, direct) = Stage::with_direct_read();
        stage.answer(&direct, Command::DATA, SESSION, &set[2_048..]);
        match acknowledged {
            true => stage.answer(&direct, Command::ACK_OK, 2_500, &[]),
            false => stage.silence(),
        }
        let mut again = stage.request();
        stage.direct(&again, &set, &[0, 1, 2], true);
        again = stage.request();
        stage.direct(&again, &set, &[0, 1, 2], true);
        stage.expect_streamed(&set);
    }
}

#[test]
fn a_small_set_whose_length_word_is_right_is_taken_at_once() {
    let mut stage = Stage::connected_by_datagrams();
    let request = asked(&mut stage);
    let set = [&16_u32.to_le_bytes()[..], &[7; 16]].concat();
    stage.answer(&request, Command::DATA, 0, &set);
    assert_eq!(stage.event(), Event::Prepared(Prepared::Inline(set.into())));
}

#[test]
fn a_small_set_with_another_length_word_has_to_come_three_times() {
    let mut stage = Stage::connected_by_datagrams();
    let mut request = asked(&mut stage);
    for times in 1..=3 {
        stage.answer(&request, Command::DATA, 0, b"set");
        stage.silence();
        if times < 3 {
            request = stage.request();
        }
    }
    assert_eq!(stage.event(), Event::Prepared(Prepared::Inline(b"set".to_vec().into())));
}

#[test]
fn the_end_of_a_transfer_of_which_all_else_was_lost_is_no_empty_set() {
    for field in [SESSION, 700] {
        let (mut stage, mut direct) = Stage::with_direct_read();
        for _ in 0..2 {
            stage.answer(&direct, Command::ACK_OK, field, &[]);
            stage.silence();
            direct = stage.request();
        }
        stage.direct(&direct, &set(700), &[0], true);
        stage.expect_streamed(&set(700));
    }
}

#[test]
fn an_acknowledgement_that_comes_alone_three_times_is_an_empty_set() {
    let (mut stage, mut direct) = Stage::with_direct_read();
    for times in 1..=3 {
        stage.answer(&direct, Command::ACK_OK, SESSION, &[]);
        stage.silence();
        if times < 3 {
            direct = stage.request();
        }
    }
    assert_eq!(stage.event(), Event::Prepared(Prepared::Empty { code: Command::ACK_OK }));
}
