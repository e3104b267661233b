//! Answers that may be transfers: each of their forms, and what goes wrong on the way.

use proptest::prelude::*;

use super::{SESSION, Stage, announcement, set};
use zk_proto::op::{CaptureImage, Operation, ReadTemplate};
use zk_proto::reply::Reply;
use zk_proto::session::{Config, Event, Limits};
use zk_proto::{Command, Packet, ProtoError, Uid};

const ASKED: ReadTemplate = ReadTemplate { uid: Uid(14), finger: 4 };

impl Stage {
    /// Asks for a fingerprint, and checks what went out.
    fn ask_for_template(&mut self) -> Packet {
        self.session.call(self.now, &ASKED);
        self.template_request()
    }

    fn template_request(&mut self) -> Packet {
        let request = self.request();
        assert_eq!((request.command, &request.data[..]), (Command::GET_USERTEMP, &[14, 0, 4][..]));
        request
    }

    fn stream_parts(&mut self, request: &Packet, data: &[u8], part: usize, numbers: impl IntoIterator<Item = usize>) {
        let parts: Vec<_> = data.chunks(part).collect();
        for number in numbers {
            self.answer(request, Command::DATA, number as u16, parts[number]);
        }
    }

    /// The collected answer.
    fn collected(&mut self) -> Vec<u8> {
        let Event::Answer(packet) = self.event() else { panic!("no answer") };
        assert!(self.is_quiet(), "one answer and nothing else");
        let reply = Reply { command: ASKED_COMMAND, code: packet.command, field: packet.session.0, data: &packet.data };
        ASKED.decode(&reply).unwrap().expect("a template").0.to_vec()
    }
}

const ASKED_COMMAND: Command = ReadTemplate::COMMAND;

#[test]
fn an_answer_in_one_packet_is_the_answer() {
    for code in [Command::DATA, Command::ACK_OK] {
        let mut stage = Stage::connected();
        let request = stage.ask_for_template();
        stage.answer(&request, code, SESSION, b"template");
        assert_eq!(stage.collected(), b"template");
    }
}

#[test]
fn a_transfer_becomes_one_answer() {
    // Over datagrams it has to come twice.
    for (mut stage, readings) in [(Stage::connected(), 1), (Stage::connected_by_datagrams(), 2)] {
        let template = set(2500);
        let mut request = stage.ask_for_template();
        for reading in 1..=readings {
            stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2500, 1024));
            stage.stream_parts(&request, &template, 1024, 0..3);
            assert!(stage.is_quiet(), "nothing is handed out before the end");
            stage.answer(&request, Command::ACK_OK, 2500, &[]);
            if reading < readings {
                request = stage.template_request();
            }
        }
        assert_eq!(stage.collected(), template);
    }
}

impl Stage {
    /// The second answer of a template in numbered parts, as the terminal sent it.
    fn serve_template_again(&mut self, template: &[u8]) {
        let request = self.template_request();
        self.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(template.len(), 1024));
        self.stream_parts(&request, template, 1024, 0..template.len().div_ceil(1024));
        self.answer(&request, Command::ACK_OK, template.len() as u16, &[]);
    }
}

#[test]
fn a_template_in_one_announced_datagram_needs_no_second_answer() {
    let mut stage = Stage::connected_by_datagrams();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(600, 1024));
    stage.answer(&request, Command::DATA, SESSION, &set(600));
    stage.answer(&request, Command::ACK_OK, 600, &[]);
    assert_eq!(stage.collected(), set(600));
}

#[test]
fn a_picture_that_can_be_had_once_is_taken_if_its_datagrams_are_numbered() {
    for numbered in [true, false] {
        let mut stage = Stage::connected_by_datagrams();
        stage.session.call(stage.now, &CaptureImage);
        let request = stage.request();
        let picture = set(3_000);
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(3_000, 1024));
        for (number, part) in (0..).zip(picture.chunks(1024)) {
            stage.answer(&request, Command::DATA, if numbered { number } else { SESSION }, part);
        }
        stage.answer(&request, Command::ACK_OK, 3_000, &[]);
        match (numbered, stage.event()) {
            (true, Event::Answer(packet)) => assert_eq!(packet.data, picture),
            (false, Event::Failed(error)) => {
                assert_eq!(error, ProtoError::Differs { command: Command::CAPTUREIMAGE, readings: 1 });
            }
            (_, event) => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_transfer_that_is_never_acknowledged_ends_all_the_same() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 1024));
    stage.stream_parts(&request, &set(100), 1024, [0]);
    stage.silence();
    assert_eq!(stage.collected(), set(100));
}

#[test]
fn data_may_follow_an_acknowledgement_without_any() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.answer(&request, Command::DATA, 0, b"template");
    assert_eq!(stage.collected(), b"template");
}

#[test]
fn an_acknowledgement_that_nothing_follows_is_an_empty_answer() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::ACK_OK, SESSION, &[]);
    stage.silence();
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.is_empty()));
}

#[test]
fn a_refusal_is_an_answer() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::ACK_ERROR, SESSION, &[]);
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.command == Command::ACK_ERROR));
}

#[test]
fn datagrams_in_any_order_become_one_answer() {
    let template = set(2500);
    // 3 is the announcement, 4 the final acknowledgement.
    for order in [[0, 1, 2, 3, 4], [2, 1, 0, 3, 4], [3, 4, 2, 0, 1], [3, 2, 4, 1, 0], [1, 3, 0, 2, 4]] {
        let mut stage = Stage::connected_by_datagrams();
        let request = stage.ask_for_template();
        for packet in order {
            match packet {
                3 => stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2500, 1024)),
                4 => stage.answer(&request, Command::ACK_OK, 2500, &[]),
                number => stage.stream_parts(&request, &template, 1024, [number]),
            }
        }
        stage.serve_template_again(&template);
        assert_eq!(stage.collected(), template, "{order:?}");
    }
}

#[test]
fn a_lost_datagram_is_asked_for_again() {
    let template = set(2500);
    let mut stage = Stage::connected_by_datagrams();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(2500, 1024));
    stage.stream_parts(&request, &template, 1024, [0, 2]);
    stage.answer(&request, Command::ACK_OK, 2500, &[]);
    stage.silence();
    let again = stage.template_request();
    assert_ne!(again.reply_id.0, request.reply_id.0);
    stage.answer(&again, Command::PREPARE_DATA, SESSION, &announcement(2500, 1024));
    stage.stream_parts(&again, &template, 1024, [1]);
    stage.answer(&again, Command::ACK_OK, 2500, &[]);
    stage.serve_template_again(&template);
    assert_eq!(stage.collected(), template);
}

#[test]
fn a_part_whose_announcement_was_lost_is_not_taken_for_the_whole() {
    let template = set(2500);
    // Which datagrams of the first answer arrive: some data and perhaps the acknowledgement.
    for (arrive, acknowledged) in
        [(&[0][..], false), (&[0], true), (&[2], false), (&[0, 1, 2], false), (&[0, 1, 2], true)]
    {
        let mut stage = Stage::connected_by_datagrams();
        let request = stage.ask_for_template();
        stage.stream_parts(&request, &template, 1024, arrive.iter().copied());
        if acknowledged {
            stage.answer(&request, Command::ACK_OK, 2500, &[]);
        } else {
            stage.silence();
        }
        let again = stage.template_request();
        stage.answer(&again, Command::PREPARE_DATA, SESSION, &announcement(2500, 1024));
        stage.stream_parts(&again, &template, 1024, 0..3);
        stage.answer(&again, Command::ACK_OK, 2500, &[]);
        stage.serve_template_again(&template);
        assert_eq!(stage.collected(), template, "{arrive:?} {acknowledged}");
    }
}

#[test]
fn one_datagram_that_nothing_announced_counts_when_it_comes_three_times() {
    for template in [set(1024), b"template".to_vec()] {
        let mut stage = Stage::connected_by_datagrams();
        let mut request = stage.ask_for_template();
        for times in 1..=3 {
            stage.answer(&request, Command::DATA, SESSION, &template);
            stage.answer(&request, Command::DATA, SESSION, &template);
            stage.silence();
            if times < 3 {
                request = stage.template_request();
            }
        }
        assert_eq!(stage.collected(), template);
    }
}

#[test]
fn a_damaged_answer_is_asked_for_again_and_given_up_in_the_end() {
    let mut stage = Stage::connected();
    let mut request = stage.ask_for_template();
    for _ in 0..3 {
        stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 50));
        stage.answer_damaged(&request, Command::DATA, 0, &set(50));
        stage.answer(&request, Command::DATA, 1, &set(50));
        stage.answer(&request, Command::ACK_OK, 100, &[]);
        request = stage.template_request();
    }
    stage.answer_damaged(&request, Command::DATA, 0, b"template");
    assert_eq!(stage.failure(), ProtoError::Damaged { command: Command::GET_USERTEMP });
}

#[test]
fn a_transfer_that_ends_early_is_incomplete() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 50));
    stage.answer(&request, Command::DATA, 0, &set(50));
    stage.answer(&request, Command::ACK_OK, 100, &[]);
    assert_eq!(stage.failure(), ProtoError::Incomplete { offset: 50, missing: 50 });
}

#[test]
fn a_claim_above_the_cap_is_refused() {
    let limits = Limits::default().max_answer(1_000);
    let mut stage = Stage::stream(Config::default().limits(limits)).connect();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(1_001, 50));
    assert_eq!(stage.failure(), ProtoError::TooLarge { what: "answer", claimed: 1_001, cap: 1_000 });
}

#[test]
fn silence_in_the_middle_ends_in_an_error() {
    let mut stage = Stage::connected();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(100, 50));
    stage.answer(&request, Command::DATA, 0, &set(50));
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::Incomplete { offset: 50, missing: 50 });

    let mut stage = Stage::connected();
    stage.ask_for_template();
    stage.silence();
    assert_eq!(stage.failure(), ProtoError::TimedOut { command: Command::GET_USERTEMP });
}

#[test]
fn an_acknowledgement_of_which_all_else_was_lost_is_no_empty_answer() {
    let mut stage = Stage::connected_by_datagrams();
    let request = stage.ask_for_template();
    stage.answer(&request, Command::ACK_OK, 8, &[]);
    stage.silence();
    let again = stage.template_request();
    stage.answer(&again, Command::PREPARE_DATA, SESSION, &announcement(8, 1024));
    stage.answer(&again, Command::DATA, 0, b"template");
    stage.answer(&again, Command::ACK_OK, 8, &[]);
    assert_eq!(stage.collected(), b"template");
}

#[test]
fn a_bare_acknowledgement_over_datagrams_counts_when_it_comes_three_times() {
    let mut stage = Stage::connected_by_datagrams();
    let mut request = stage.ask_for_template();
    for times in 1..=3 {
        stage.answer(&request, Command::ACK_OK, SESSION, &[]);
        stage.silence();
        if times < 3 {
            request = stage.template_request();
        }
    }
    assert!(matches!(stage.event(), Event::Answer(packet) if packet.data.is_empty()));
}

/// The fate of one datagram: lost, late, duplicated, or none of these.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lost,
    Late,
    Doubled,
    Arrives,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate =
        prop_oneof![1 => Just(Fate::Lost), 1 => Just(Fate::Late), 1 => Just(Fate::Doubled), 4 => Just(Fate::Arrives)];
    prop::collection::vec(fate, 64)
}

impl Stage {
    /// Answers a request by datagrams that meet their fates. Those that are late come after all others.
    fn answer_badly(
        &mut self,
        request: &Packet,
        answer: Vec<(Command, u16, Vec<u8>)>,
        fates: &mut impl Iterator<Item = Fate>,
    ) {
        let mut late = Vec::new();
        for (command, field, data) in answer {
            match fates.next().unwrap_or(Fate::Arrives) {
                Fate::Lost => {}
                Fate::Late => late.push((command, field, data)),
                Fate::Doubled => {
                    self.answer(request, command, field, &data);
                    self.answer(request, command, field, &data);
                }
                Fate::Arrives => self.answer(request, command, field, &data),
            }
        }
        for (command, field, data) in late {
            self.answer(request, command, field, &data);
        }
    }
}

proptest! {
    /// Whatever datagrams do, an answer is the one that was sent, or there is none.
    #[test]
    fn lost_late_and_doubled_datagrams_bring_the_answer_or_an_error(
        length in 1_usize..6_000,
        part in prop_oneof![Just(1008_usize), Just(1024)],
        inline in any::<bool>(),
        fates in fates(),
    ) {
        let template = set(length);
        let mut fates = fates.into_iter();
        let mut stage = Stage::connected_by_datagrams();
        stage.session.call(stage.now, &ASKED);
        for _ in 0..200 {
            stage.pump();
            while let Some(request) = stage.requests.pop_front() {
                prop_assert_eq!(request.command, Command::GET_USERTEMP);
                let mut answer = Vec::new();
                if inline {
                    answer.push((Command::DATA, 0, template.clone()));
                } else {
                    answer.push((Command::PREPARE_DATA, SESSION, announcement(length, part)));
                    let parts = template.chunks(part).enumerate();
                    answer.extend(parts.map(|(number, part)| (Command::DATA, number as u16, part.to_vec())));
                    answer.push((Command::ACK_OK, length as u16, vec![]));
                }
                stage.answer_badly(&request, answer, &mut fates);
            }
            stage.pump();
            match stage.events.pop_front() {
                Some(Event::Answer(packet)) => {
                    prop_assert!(packet.data == template, "{} bytes instead of {length}", packet.data.len());
                    return Ok(());
                }
                Some(Event::Failed(_)) => return Ok(()),
                Some(event) => prop_assert!(false, "{event:?}"),
                None => stage.silence(),
            }
        }
        prop_assert!(false, "it never ends");
    }

    /// Whatever a terminal answers, a call with a long answer and an upload end.
    #[test]
    fn any_packets_end_a_call_and_an_upload(
        datagrams in any::<bool>(),
        uploads in any::<bool>(),
        packets in prop::collection::vec(
            (
                prop_oneof![Just(1500_u16), Just(1501), Just(2000), Just(2001), any::<u16>()],
                any::<u16>(),
                prop::collection::vec(any::<u8>(), 0..40),
            ),
            0..60,
        ),
    ) {
        let mut stage = if datagrams { Stage::connected_by_datagrams() } else { Stage::connected() };
        if uploads {
            let template = set(3000).into();
            let template = zk_proto::record::FingerTemplate { uid: Uid(1), finger: 1, flag: 1, template };
            stage.session.upload(stage.now, zk_proto::session::Upload::finger(&template).unwrap());
        } else {
            stage.session.call(stage.now, &ASKED);
        }
        let mut request = None;
        for (command, field, data) in packets {
            stage.pump();
            request = stage.requests.pop_back().or(request);
            let reply_id = request.as_ref().map_or(0, |asked: &Packet| asked.reply_id.0);
            let wire = stage.wire(Command(command), field, reply_id, &data);
            if stage.send(&wire).is_err() {
                return Ok(());
            }
        }
        for _ in 0..100 {
            stage.pump();
            let ended = |event: &Event| matches!(event, Event::Answer(_) | Event::Uploaded { .. } | Event::Failed(_));
            if stage.events.iter().any(ended) {
                return Ok(());
            }
            stage.silence();
        }
        prop_assert!(false, "it never ends");
    }
}

#[test]
fn a_range_that_32_bits_cannot_name_is_an_error_and_is_not_asked_for() {
    const GIB: u64 = 1 << 30;
    let cap = Limits::default().max_transfer;
    for (range, what, claimed) in [(4 * GIB..4 * GIB + 100, "offset", 4 * GIB + 100), (0..cap + 1, "range", cap + 1)] {
        let mut stage = Stage::connected().prepared(1_000);
        stage.session.read(stage.now, range.start, range.end);
        let ProtoError::TooLarge { what: of, claimed: n, .. } = stage.failure() else { panic!("{what}") };
        assert_eq!((of, n), (what, claimed));
        assert!(stage.is_quiet());
    }
}

#[test]
fn what_is_held_in_memory_has_a_cap_of_its_own() {
    let limits = Limits::default().max_held(1_000).max_packet(100_000);
    let mut stage = Stage::datagrams(Config::default().limits(limits)).connect();
    stage.session.prepare(stage.now, zk_proto::Dataset::Attendance);
    let free = stage.request();
    stage.answer(&free, Command::ACK_OK, SESSION, &[]);
    let request = stage.request();
    stage.answer(&request, Command::PREPARE_DATA, SESSION, &announcement(1_001, 512));
    stage.answer(&request, Command::DATA, 0, &set(512));
    assert!(matches!(stage.failure(), ProtoError::TooLarge { claimed: 1_001, cap: 1_000, .. }));
}
