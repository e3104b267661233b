//! Terminals: read fully, in part or not at all; alone and next to others; never changed.

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::Reason;
use chrono::TimeDelta;
use common::clock::HostInUtc;
use common::heard::Heard;
use common::{Gate, State, keys, memory, only, sync, sync_with};
use iclock_sync::clock::Clock as _;
use iclock_sync::quarantine::QuarantineFilter;
use iclock_sync::report::{DeviceStatus, ReadMode};
use iclock_sync::{ClockCorrection, DeviceOptions, Engine, EngineOptions, RunOptions, SyncError};
use zk_proto::Command;
use zk_sim::{Fault, Profile, Punch, Server, Terminal};

/// A gate whose terminal is of a family.
async fn of_profile(profile: &str, records: usize) -> Gate {
    let profile = Profile::named(profile).unwrap();
    Gate::start("gate", Terminal::builder().profile(profile).records(records).users(30).seed(11)).await
}

#[tokio::test]
async fn after_the_first_run_only_the_tail_is_read() {
    let (gate, state, (stored, sink)) = (Gate::with_records(5_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let first = sync(&engine).await;
    assert_eq!(first.devices[0].mode, Some(ReadMode::Full));
    assert_eq!(sync(&engine).await.devices[0].mode, Some(ReadMode::Unchanged));
    for _ in 0..10 {
        gate.handle().punch_now().unwrap();
    }
    let second = sync(&engine).await;
    let (device, sink) = only(&second);
    assert_eq!(
        (device.mode, device.new, device.duplicate, sink.stored),
        (Some(ReadMode::Tail), 10, 0, 10),
        "{second:?}"
    );
    assert!(device.bytes_read * 50 < first.devices[0].bytes_read, "{} bytes", device.bytes_read);
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_poll_without_news_asks_for_no_records() {
    let (gate, state) = (Gate::with_records(100).await, State::new());
    let engine = state.engine(&[&gate], &[]);
    sync(&engine).await;
    let before = gate.handle().received().len();
    sync(&engine).await;
    let commands: Vec<Command> = gate.handle().received()[before..].iter().map(|packet| packet.command).collect();
    let expected = [Command::CONNECT, Command::OPTIONS_RRQ, Command::GET_TIME, Command::GET_FREE_SIZES, Command::EXIT];
    assert_eq!(commands, expected);
}

#[tokio::test]
async fn a_sync_sends_nothing_that_changes_the_terminal() {
    let allowed = [
        Command::CONNECT,
        Command::AUTH,
        Command::EXIT,
        Command::OPTIONS_RRQ,
        Command::GET_VERSION,
        Command::GET_TIME,
        Command::GET_FREE_SIZES,
        Command::DATA_WRRQ,
        Command::DATA_RDY,
        Command::FREE_DATA,
    ];
    for profile in ["tft40", "bw8"] {
        let (gate, state) = (of_profile(profile, 3_000).await, State::new());
        let engine = state.engine(&[&gate], &[]);
        for _ in 0..2 {
            sync(&engine).await;
            gate.handle().punch_now().unwrap();
        }
        sync_with(&engine, RunOptions::default().full(true)).await;
        for packet in gate.handle().received() {
            assert!(allowed.contains(&packet.command), "{profile}: {}", packet.command);
        }
    }
}

#[tokio::test]
async fn a_log_that_was_cleared_begins_anew_and_loses_nothing() {
    let (gate, state, (stored, sink)) = (Gate::with_records(1_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    let mut truth = gate.keys();
    gate.handle().clear_log();
    for _ in 0..20 {
        gate.handle().punch_now().unwrap();
    }
    truth.extend(gate.keys());
    let report = sync(&engine).await;
    assert_eq!((report.devices[0].mode, report.devices[0].new), (Some(ReadMode::Full), 20), "{report:?}");
    assert_eq!(keys(&stored.stored()), truth);
}

#[tokio::test]
async fn a_log_that_lost_its_oldest_records_is_read_anew() {
    let (gate, state, (stored, sink)) = (Gate::with_records(1_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    let mut truth = gate.keys();
    gate.handle().drop_oldest(5);
    for _ in 0..9 {
        gate.handle().punch_now().unwrap();
    }
    truth.extend(gate.keys());
    let report = sync(&engine).await;
    assert_eq!((report.devices[0].new, report.devices[0].duplicate), (9, 995), "{report:?}");
    assert_eq!(keys(&stored.stored()), truth);
}

#[tokio::test]
async fn every_layout_arrives_whole_and_its_tail_too() {
    for profile in ["tft40", "tft40-uid", "tft16", "face49", "bw8", "bw16", "udp-only"] {
        let (gate, state, (stored, sink)) = (of_profile(profile, 2_000).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        for _ in 0..2 {
            let report = sync(&engine).await;
            assert_eq!(report.run.exit_code, 0, "{profile}: {report:?}");
            assert_eq!(keys(&stored.stored()), gate.keys(), "{profile}");
            gate.handle().punch_now().unwrap();
        }
    }
}

#[tokio::test]
async fn a_small_log_that_comes_inline_is_read_whole_each_time() {
    let (gate, state, (stored, sink)) = (Gate::with_records(5).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    for _ in 0..3 {
        let report = sync(&engine).await;
        assert_eq!(report.run.exit_code, 0, "{report:?}");
        assert_eq!(keys(&stored.stored()), gate.keys());
        gate.handle().punch_now().unwrap();
    }
}

#[tokio::test]
async fn an_empty_terminal_is_no_failure() {
    let (gate, state) = (Gate::with_records(0).await, State::new());
    let report = sync(&state.engine(&[&gate], &[])).await;
    assert_eq!((report.run.exit_code, report.devices[0].records_read), (0, 0), "{report:?}");
}

#[tokio::test]
async fn a_dead_terminal_costs_the_others_nothing() {
    let (gate, state, (stored, sink)) = (Gate::with_records(500).await, State::new(), memory("db"));
    // Bound, never accepted from the queue: connections open and nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut dead = DeviceOptions::new("dead", "127.0.0.1");
    dead.port = silent.local_addr().unwrap().port();
    dead.timeout = Duration::from_millis(500);
    dead.transport = iclock_sync::Transport::Tcp;
    let mut gone = dead.clone();
    gone.name = "gone".to_owned();
    gone.port = 1;
    let heard = Arc::new(Heard::default());
    let builder = state.builder().observer(Arc::clone(&heard) as _).device(dead).device(gate.device());
    let report = sync(&builder.device(gone).sink(sink).build().unwrap()).await;
    let status: Vec<DeviceStatus> = report.devices.iter().map(|device| device.status).collect();
    assert_eq!(status, [DeviceStatus::Failed, DeviceStatus::Ok, DeviceStatus::Failed], "{report:?}");
    assert_eq!((report.run.exit_code, report.sinks[0].stored), (20, 500));
    assert_eq!(keys(&stored.stored()), gate.keys());
    assert!(report.devices[2].error.as_deref().unwrap().contains("4370"), "a failure says what to try");
    assert!(heard.at_once() >= 2, "nobody waits for it");
    let silent_for = report.devices[0].duration_ms;
    assert!((500..=5_000).contains(&silent_for), "{silent_for} ms are more than ten timeouts, or less than one");
}

#[tokio::test]
async fn another_terminal_at_the_address_is_refused() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    let mut device = gate.device();
    device.serial = Some("OTHER".to_owned());
    let report = sync(&state.builder().device(device).build().unwrap()).await;
    let error = report.devices[0].error.as_deref().unwrap();
    assert!(error.contains("OTHER") && error.contains(&gate.handle().serial()), "{error}");
    assert_eq!((report.run.exit_code, state.ledger().event_count().unwrap()), (20, 0));
}

#[tokio::test]
async fn a_terminal_without_a_serial_number_goes_by_its_name() {
    let gate = Gate::start("gate", Terminal::builder().records(50).serial("")).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let report = sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!(report.devices[0].serial.as_deref(), Some("name:gate"), "{report:?}");
    assert!(stored.stored().iter().all(|event| event.device_serial == "name:gate"));
}

#[tokio::test]
async fn two_configured_terminals_cannot_be_the_same_one() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    let mut twin = gate.device();
    twin.name = "twin".to_owned();
    let report = sync(&state.builder().device(gate.device()).device(twin).build().unwrap()).await;
    let failed: Vec<_> = report.devices.iter().filter(|device| device.status == DeviceStatus::Failed).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].error.as_deref().unwrap().contains(&gate.handle().serial()));
    assert_eq!(state.ledger().event_count().unwrap(), 50);
}

#[tokio::test]
async fn empty_user_ids_go_to_quarantine_once_and_the_rest_flows() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let faulty = Terminal::builder().records(20_000).seed(3).fault(Fault::parse("empty-user-ids=50").unwrap());
    let gate = Gate::start("gate", faulty).await;
    let empty = gate.handle().records().iter().filter(|punch| punch.user_id.is_empty()).count() as u64;
    assert!(empty > 5_000);
    let engine = state.engine(&[&gate], &[sink]);
    let report = sync(&engine).await;
    let device = &report.devices[0];
    assert_eq!((device.new, device.quarantined, report.run.exit_code), (20_000 - empty, empty, 0), "{report:?}");
    assert_eq!(device.rejected, [(Reason::EmptyUserId, empty)].into());
    assert_eq!(stored.stored().len() as u64, 20_000 - empty);
    for full in [false, true] {
        let again = sync_with(&engine, RunOptions::default().full(full)).await;
        assert_eq!((again.devices[0].new, again.devices[0].quarantined), (0, 0));
    }
    let rows = state.ledger().quarantine(&QuarantineFilter::default(), u32::MAX).unwrap();
    assert_eq!(rows.len() as u64, empty);
    assert!(rows.iter().all(|row| row.raw.len() == 40 && row.times_seen == 2 && row.reason == Reason::EmptyUserId));
}

#[tokio::test]
async fn equal_bad_records_are_told_apart_by_their_order() {
    let time = zk_proto::DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let mut punches: Vec<Punch> =
        (0..60).map(|n| Punch::new(1, "42", zk_proto::DeviceTime(time.0 + n), 0, 1)).collect();
    punches.extend(vec![Punch::new(1, "", time, 0, 1); 3]);
    // The uid, not a running number, at the head of each record: the three are equal to the byte.
    let profile = Profile::named("tft40-uid").unwrap();
    let gate = Gate::start("gate", Terminal::builder().profile(profile).punches(punches)).await;
    let state = State::new();
    let engine = state.engine(&[&gate], &[]);
    assert_eq!(sync(&engine).await.devices[0].quarantined, 3);
    let full = RunOptions::default().full(true);
    assert_eq!(sync_with(&engine, full).await.devices[0].quarantined, 0);
    gate.handle().add_punch(Punch::new(1, "", time, 0, 1));
    assert_eq!(sync(&engine).await.devices[0].quarantined, 1);
    let rows = state.ledger().quarantine(&QuarantineFilter::default(), 10).unwrap();
    assert_eq!(rows.iter().map(|row| row.occurrence).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_person_keeps_the_user_id_under_which_a_punch_was_first_read() {
    let profile = Profile::named("bw8").unwrap();
    let start = zk_proto::DeviceTime::new(2025, 5, 18, 7, 1, 9).unwrap();
    let punches: Vec<Punch> =
        (0..40).map(|n| Punch::new(5, "500", zk_proto::DeviceTime(start.0 + 60 * n), 0, 1)).collect();
    let person =
        |user_id: &str| vec![zk_sim::Person { uid: 5, user_id: user_id.into(), name: "A".to_owned(), privilege: 0 }];
    let terminal = |user_id| {
        Terminal::builder().profile(profile.clone()).serial("S8").punches(punches.clone()).people(person(user_id))
    };
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let gate = Gate::start("gate", terminal("500")).await;
    assert_eq!(sync(&state.engine(&[&gate], std::slice::from_ref(&sink))).await.devices[0].new, 40);
    let renumbered = Gate::start("gate", terminal("777")).await;
    let full = RunOptions::default().full(true);
    let report = sync_with(&state.engine(&[&renumbered], &[sink]), full).await;
    assert_eq!((report.devices[0].new, report.devices[0].duplicate), (0, 40), "{report:?}");
    assert!(report.devices[0].notes.iter().any(|note| note.contains("500") && note.contains("777")));
    assert!(stored.stored().iter().all(|event| event.user_id == "500"));
}

#[tokio::test]
async fn a_terminals_clock_that_is_off_is_measured() {
    let gate = Gate::start("gate", Terminal::builder().records(50).fault(Fault::parse("clock-off=2h").unwrap())).await;
    let report = sync(&State::new().engine(&[&gate], &[])).await;
    let drift = report.devices[0].clock_drift_ms.unwrap();
    assert!((7_190_000..=7_210_000).contains(&drift), "{drift} ms");
}

#[tokio::test]
async fn the_directory_of_another_engine_is_refused_by_name() {
    let (gate, state) = (Gate::with_records(5).await, State::new());
    let first = state.engine(&[&gate], &[]);
    sync(&first).await;
    let second = state.engine(&[&gate], &[]);
    let error = second.run(&RunOptions::default(), &iclock_sync::CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.exit_code(), 60);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    sync(&second).await;
}

#[tokio::test]
async fn many_terminals_are_read_together() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let mut gates = Vec::new();
    for n in 0..40 {
        let terminal = Terminal::builder().records(300).seed(n).serial(&format!("S{n}"));
        gates.push(Gate::start(&format!("gate{n}"), terminal).await);
    }
    let heard = Arc::new(Heard::default());
    let builder = gates.iter().fold(state.builder(), |builder, gate| builder.device(gate.device()));
    let report = sync(&builder.observer(Arc::clone(&heard) as _).sink(sink).build().unwrap()).await;
    assert_eq!((report.run.exit_code, report.totals.new), (0, 12_000), "{report:?}");
    assert!(heard.at_once() >= 10, "{} were read at once", heard.at_once());
    let truth: BTreeSet<_> = gates.iter().flat_map(Gate::keys).collect();
    assert_eq!(keys(&stored.stored()), truth);
}

#[tokio::test]
async fn wrong_settings_are_refused_before_anything_is_contacted() {
    let twice = Engine::builder("unused")
        .device(DeviceOptions::new("gate", "192.0.2.10"))
        .device(DeviceOptions::new("gate", "192.0.2.11"))
        .options(EngineOptions::default())
        .build();
    let mut port = DeviceOptions::new("gate", "192.0.2.10");
    port.port = 0;
    let long = Engine::builder("unused").device(DeviceOptions::new("g".repeat(129), "192.0.2.10")).build();
    let port = Engine::builder("unused").device(port).build();
    for (built, word) in [(twice, "twice"), (port, "port 0"), (long, "longer than 128")] {
        let error = built.unwrap_err();
        assert!(matches!(error, SyncError::Setting { .. }) && error.to_string().contains(word), "{error}");
        assert_eq!(error.exit_code(), 10);
    }
}

#[tokio::test]
async fn the_terminal_that_the_ledger_knows_is_read_and_not_the_one_that_answers_first() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let mut twin = gate.device();
    twin.name = "twin".to_owned();
    for _ in 0..5 {
        let report = sync(&state.builder().device(twin.clone()).device(gate.device()).build().unwrap()).await;
        let read: Vec<_> = report.devices.iter().filter(|device| device.status == DeviceStatus::Ok).collect();
        assert_eq!(read.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(), ["gate"], "{report:?}");
    }
    // One that moved to another name is read there, once the old name has nothing to say.
    let mut moved = gate.device();
    moved.name = "moved".to_owned();
    let mut gone = DeviceOptions::new("gate", "127.0.0.1");
    gone.port = 1;
    let engine = state.builder().device(moved).device(gone).build().unwrap();
    assert_eq!(sync(&engine).await.devices[0].status, DeviceStatus::Ok);
}

#[tokio::test]
async fn each_session_is_ended_whatever_comes_of_it() {
    for fault in ["refuse-log=4989", "refuse-all=2001", "refuse-command=50", "count-larger=5", "cut-head=12"] {
        let (gate, state) = (Gate::with_records(700).await, State::new());
        gate.set_fault(fault);
        sync(&state.engine(&[&gate], &[])).await;
        let ended = gate.handle().received().iter().filter(|packet| packet.command == Command::EXIT).count();
        assert_eq!(ended as u64, gate.handle().stats().connections, "{fault}");
    }
}

#[tokio::test]
async fn three_attempts_are_three_connections() {
    let (gate, state) = (Gate::with_records(50).await, State::new());
    gate.set_fault("hang-up-at=1000");
    let options = common::quick_with(|options| options.attempts = 3);
    let report = sync(&state.builder().options(options).device(gate.device()).build().unwrap()).await;
    assert_eq!((report.run.exit_code, gate.handle().stats().connections), (20, 3), "{report:?}");
}

#[tokio::test]
async fn a_terminal_that_waits_for_a_place_has_no_open_session() {
    let start = |name: &'static str| Gate::start(name, Terminal::builder().records(2_000).seed(5).serial(name));
    let (first, second, state) = (start("first").await, start("second").await, State::new());
    first.set_fault("slow-reads=1500ms");
    second.set_fault("latency=60ms");
    let options = common::quick_with(|options| options.concurrency = 1);
    let builder = state.builder().options(options).device(first.device()).device(second.device());
    let engine = builder.build().unwrap();
    let ends = |gate: &Gate| gate.handle().received().iter().filter(|packet| packet.command == Command::EXIT).count();
    let run = tokio::spawn(async move { sync(&engine).await });
    while ends(&second) == 0 {
        assert_eq!(ends(&first), 0, "the second one waits with an open session");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let report = run.await.unwrap();
    assert_eq!((report.totals.new, report.run.exit_code), (4_000, 0), "{report:?}");
    assert_eq!((ends(&first), ends(&second)), (1, 2));
}

#[tokio::test]
async fn a_count_is_not_trusted_while_all_records_are_nobodys() {
    let nobody = Terminal::builder().records(40).seed(3).fault(Fault::parse("empty-user-ids=100").unwrap());
    let (gate, state) = (Gate::start("gate", nobody).await, State::new());
    let engine = state.engine(&[&gate], &[]);
    sync(&engine).await;
    assert_eq!(state.ledger().terminals().unwrap()[0].count, None);
    let read = gate.handle().received().len();
    sync(&engine).await;
    let again = gate.handle().received()[read..].iter().any(|packet| packet.command == Command::DATA_WRRQ);
    assert!(again, "it looks again, because they may be records that lost their head");
}

#[tokio::test]
async fn a_clock_that_is_off_is_set_and_read_back_but_not_near_midnight_and_not_unless_asked_for() {
    let noon = "2026-03-02T12:00:00Z";
    let correct = ClockCorrection { bound: Duration::from_secs(30), quiet: None };
    for (time, clock, fault, is_set) in [
        (noon, Some(correct), None, true),
        ("2026-03-02T23:55:00Z", Some(correct), None, false),
        (noon, None, None, false),
        (noon, Some(correct), Some("refuse-command=202"), false),
        (noon, Some(correct), Some("hang-up-at=202"), false),
    ] {
        let host = HostInUtc::at(time);
        let gate = Gate::start("gate", Terminal::builder().records(20).now(host.utc_now().naive_utc())).await;
        gate.handle().move_clock(TimeDelta::seconds(-95));
        let before = gate.handle().now();
        if let Some(fault) = fault {
            gate.set_fault(fault);
        }
        let mut device = gate.device();
        (device.zone, device.clock) = (Some(chrono_tz::UTC), clock);
        let (sink, state) = (memory("memory"), State::new());
        let engine = state.builder().clock(host.clone()).device(device).sink(sink.1).build().unwrap();
        let report = sync(&engine).await;
        let of_gate = &report.devices[0];
        assert_eq!(
            (of_gate.new, of_gate.error.as_deref()),
            (20, None),
            "{time} {fault:?}: the log is read in any case"
        );
        assert_eq!(of_gate.clock_drift_ms, Some(-95_000));
        if is_set {
            let set = of_gate.clock_set.unwrap();
            assert_eq!((set.before_ms, set.after_ms), (Some(-95_000), Some(0)));
            assert_eq!(gate.handle().now().to_naive().unwrap(), host.local_now());
            assert_eq!(sync(&engine).await.devices[0].clock_set, None, "it is right now");
        } else {
            assert_eq!((of_gate.clock_set, gate.handle().now()), (None, before), "{time} {fault:?}");
            let told = of_gate.notes.iter().any(|note| note.starts_with("its clock"));
            assert_eq!(told, clock.is_some(), "{:?}", of_gate.notes);
        }
    }
}

#[tokio::test]
async fn a_terminal_that_takes_the_place_of_another_in_the_middle_of_a_visit_keeps_its_records() {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let terminal = |serial: &str, seed| Terminal::builder().records(300).seed(seed).serial(serial);
    let slow = terminal("FIRST", 1).fault(Fault::parse("latency=100ms").unwrap());
    let mut gate = Gate::start("gate", slow).await;
    let engine = std::sync::Arc::new(state.engine(&[&gate], &[sink]));
    let run = tokio::spawn({
        let engine = std::sync::Arc::clone(&engine);
        async move { sync(&engine).await }
    });
    let reads = |gate: &Gate| gate.handle().received().iter().any(|one| one.command == Command::DATA_WRRQ);
    while !reads(&gate) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let addr = gate.server.addr();
    // The line is cut, and another terminal answers from there. It holds as many records.
    gate.handle().shutdown();
    let second = loop {
        match Server::start(terminal("SECOND", 2).build(), addr).await {
            Ok(server) => break server,
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    };
    gate.server = second;
    run.await.unwrap();
    sync(&engine).await;
    assert_eq!(keys(&stored.stored()), gate.keys());
    assert!(stored.stored().iter().all(|event| event.device_serial == "SECOND"));
}
