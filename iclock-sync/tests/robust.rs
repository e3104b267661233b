//! Terminals that refuse, forget or leave out what a run can do without: it comes to the truth, or says why not.

mod common;

use std::collections::BTreeSet;
use std::time::Instant;

use attendance_model::EventId;
use chrono::{TimeDelta, Utc};
use common::clock::HostInUtc;
use common::{Gate, State, key, keys, memory, sync};
use iclock_sync::Transport;
use iclock_sync::report::DeviceStatus;
use zk_proto::Command;
use zk_sim::{Fault, Profile, Terminal};

fn faults(texts: &[String]) -> Vec<Fault> {
    texts.iter().map(|text| Fault::parse(text).unwrap()).collect()
}

#[tokio::test]
async fn a_session_that_is_forgotten_once_costs_a_new_one_and_nothing_else() {
    for key in [0, 4711] {
        for request in 0..9 {
            let gate = Gate::start("gate", Terminal::builder().records(300).seed(7).key(key)).await;
            let (state, (stored, sink)) = (State::new(), memory("db"));
            gate.handle().set_faults(&faults(&[format!("lose-sessionx1@{request}")]));
            let mut device = gate.device();
            device.comm_key = (key > 0).then(|| iclock_sync::CommKey::new(key));
            let engine = state.builder().device(device).sink(sink).build().unwrap();
            let report = sync(&engine).await;
            assert_eq!(report.run.exit_code, 0, "{key}, request {request}: {report:?}");
            assert_eq!(keys(&stored.stored()), gate.keys(), "{key}, request {request}");
        }
    }
}

#[tokio::test]
async fn a_refused_log_is_an_error_that_says_so_and_the_direct_read_is_tried() {
    for code in [2001, 4989, 4991] {
        let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        gate.handle().set_faults(&faults(&[format!("refuse-log={code}"), "count-zero".to_owned()]));
        let report = sync(&engine).await;
        assert_eq!((report.run.exit_code, report.devices[0].status), (20, DeviceStatus::Failed), "{report:?}");
        let error = report.devices[0].error.as_deref().unwrap();
        assert!(error.contains("refused its log") && error.contains("20 users"), "{error}");
        // The buffer alone is refused: with a plain "no" that is told from a log without data.
        gate.handle().set_faults(&faults(&["no-data=2001".to_owned()]));
        assert_eq!(sync(&engine).await.run.exit_code, 0);
        assert_eq!(keys(&stored.stored()), gate.keys(), "{code}");
    }
}

/// The keys of the truth under the identity by which the ledger knows the terminal.
fn truth(gate: &Gate, identity: &str) -> BTreeSet<EventId> {
    gate.handle().records().iter().map(|punch| key(identity, punch)).collect()
}

#[tokio::test]
async fn a_serial_number_that_is_refused_or_not_told_for_once_makes_no_second_terminal() {
    let mut cases: Vec<String> = ["option-code=2001x1", "option-code=4999x1", "option-code=65535x1", "empty-optionsx1"]
        .map(str::to_owned)
        .to_vec();
    cases.extend(["option-code=4990x1", "ignore-command=11x1", "hang-up-at=11x1"].map(str::to_owned));
    // Each of the first questions, busy for a moment and for long.
    for times in [1, 2, 4, 5, 8] {
        cases.extend((0..4).map(|question| format!("busyx{times}@{question}")));
    }
    for case in cases {
        let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        gate.handle().set_faults(&faults(std::slice::from_ref(&case)));
        sync(&engine).await;
        gate.handle().clear_faults();
        let second = sync(&engine).await;
        assert_eq!(second.run.exit_code, 0, "{case}: {second:?}");
        assert_eq!(second.devices[0].serial, Some(gate.handle().serial()), "{case}");
        assert_eq!(keys(&stored.stored()), gate.keys(), "{case}");
    }
}

#[tokio::test]
async fn a_refusal_that_says_nothing_of_the_option_is_no_missing_serial_number() {
    let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    for fault in ["option-code=4990", "busy"] {
        gate.handle().set_faults(&faults(&[fault.to_owned()]));
        let report = sync(&engine).await;
        assert_eq!((report.run.exit_code, &report.devices[0].serial), (20, &None), "{fault}: {report:?}");
    }
    gate.handle().clear_faults();
    assert_eq!(sync(&engine).await.run.exit_code, 0);
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_terminal_without_a_serial_number_that_gets_one_later_keeps_its_keys() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let terminal = |serial: &str| Terminal::builder().records(200).seed(4).serial(serial);
    let gate = Gate::start("gate", terminal("")).await;
    let report = sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
    assert_eq!(report.devices[0].serial.as_deref(), Some("name:gate"));
    // A firmware update, a punch, and later another name in the configuration.
    let gate = Gate::start("gate", terminal("A1")).await;
    gate.handle().punch_now().unwrap();
    let report = sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await;
    let device = &report.devices[0];
    assert_eq!((device.serial.as_deref(), device.new, report.run.exit_code), (Some("A1"), 1, 0), "{report:?}");
    let mut door = gate.device();
    door.name = "door".to_owned();
    gate.handle().punch_now().unwrap();
    let report = sync(&state.builder().device(door).sink(sink).build().unwrap()).await;
    assert_eq!((report.devices[0].serial.as_deref(), report.devices[0].new), (Some("A1"), 1), "{report:?}");
    assert_eq!(keys(&stored.stored()), truth(&gate, "name:gate"));
    let known = state.ledger().terminals().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].serial.as_str(), known[0].alias.as_deref()), ("name:gate", Some("A1")));
}

#[tokio::test]
async fn a_serial_number_that_writes_on_the_screen_is_refused_before_it_is_shown() {
    for serial in ["A\u{1b}[2J\u{1b}[31m\nok: 0 failed", "A\u{202e}1", "A\u{7f}"] {
        let gate = Gate::start("gate", Terminal::builder().records(30).serial(serial)).await;
        let state = State::new();
        let report = sync(&state.engine(&[&gate], &[])).await;
        let device = &report.devices[0];
        assert_eq!((device.status, &device.serial), (DeviceStatus::Failed, &None), "{report:?}");
        let error = device.error.as_deref().unwrap();
        assert!(error.contains("cannot be printed") && !error.contains(char::is_control), "{error:?}");
        assert!(!error.contains('\u{202e}'), "{error:?}");
        assert!(state.ledger().terminals().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_question_that_is_not_answered_costs_a_note_and_is_left_out_for_a_day() {
    let shapes = ["ignore-command", "refuse-command", "empty-command", "hang-up-at"];
    for (command, name) in [(201, "clock"), (50, "counts")] {
        for shape in shapes {
            let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
            let engine = state.engine(&[&gate], &[sink]);
            let fault = format!("{shape}={command}");
            gate.handle().set_faults(&faults(std::slice::from_ref(&fault)));
            let asked = || gate.handle().stats().commands.get(&Command(command)).copied().unwrap_or(0);
            let report = sync(&engine).await;
            assert_eq!(report.run.exit_code, 0, "{fault}: {report:?}");
            assert_eq!(keys(&stored.stored()), gate.keys(), "{fault}");
            assert!(report.devices[0].notes.iter().any(|note| note.contains(name)), "{fault}: {report:?}");
            let before = asked();
            gate.handle().punch_now().unwrap();
            let report = sync(&engine).await;
            assert_eq!((report.run.exit_code, asked()), (0, before), "{fault}: {report:?}");
            assert_eq!(keys(&stored.stored()), gate.keys(), "{fault}");
            assert!(report.devices[0].notes.iter().any(|note| note.contains(name)), "{fault}: {report:?}");
            let known = state.ledger().terminals().unwrap();
            assert!(known[0].learned.unanswered.contains_key(name), "{fault}: {known:?}");
        }
    }
}

#[tokio::test]
async fn counts_of_one_word_or_none_are_left_out() {
    for length in [0, 4, 35] {
        let (gate, state, (stored, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        gate.handle().set_faults(&faults(&[format!("sizes-length={length}")]));
        let report = sync(&engine).await;
        assert_eq!(report.run.exit_code, 0, "{length}: {report:?}");
        assert_eq!(keys(&stored.stored()), gate.keys(), "{length}");
    }
}

#[tokio::test]
async fn a_question_is_asked_again_after_a_day_and_after_the_log() {
    let (gate, state, (_, sink)) = (Gate::with_records(300).await, State::new(), memory("db"));
    let clock = HostInUtc::starting(Utc::now());
    let engine = state.builder().device(gate.device()).sink(sink).clock(clock.clone()).build().unwrap();
    gate.handle().set_faults(&faults(&["refuse-command=201x1".to_owned()]));
    sync(&engine).await;
    clock.pass(TimeDelta::hours(25));
    gate.handle().punch_now().unwrap();
    let before = gate.handle().received().len();
    sync(&engine).await;
    let commands: Vec<Command> = gate.handle().received()[before..].iter().map(|packet| packet.command).collect();
    let place = |wanted| commands.iter().position(|command| *command == wanted).unwrap();
    assert!(place(Command::GET_TIME) > place(Command::DATA_WRRQ), "{commands:?}");
    assert!(state.ledger().terminals().unwrap()[0].learned.unanswered.is_empty());
}

#[tokio::test]
async fn checksums_that_are_wrong_in_every_session_are_a_habit() {
    let profiles = [("tft40", Transport::Tcp), ("tft40", Transport::Udp), ("bw16", Transport::Udp)];
    for (profile, transport) in profiles {
        for fault in ["bad-checksum", "bad-data-checksum"] {
            let case = format!("{profile} {transport:?} {fault}");
            let terminal = Terminal::builder().profile(Profile::named(profile).unwrap()).records(300).users(40).seed(7);
            let gate = Gate::start("gate", terminal).await;
            let (state, (stored, sink)) = (State::new(), memory("db"));
            gate.set_fault(fault);
            let mut device = gate.device();
            device.transport = transport;
            let limit = device.timeout * 10;
            let engine = state.builder().device(device).sink(sink).build().unwrap();
            for round in ["first contact", "a punch later"] {
                let began = Instant::now();
                let report = sync(&engine).await;
                let took = began.elapsed();
                assert_eq!(report.run.exit_code, 0, "{case}, {round}: {report:?}");
                assert_eq!(keys(&stored.stored()), gate.keys(), "{case}, {round}");
                assert!(state.ledger().terminals().unwrap()[0].bad_checksums, "{case}, {round}");
                assert!(took < limit, "{case}, {round}: {took:?}");
                gate.handle().punch_now().unwrap();
            }
        }
    }
}
