//! Terminals push to the engine over loopback: whatever happens to requests, to the ledger and to the service, each
//! punch is stored once and each bad line waits once, and nothing is acknowledged that is not on the disk.

#[path = "../common/mod.rs"]
mod common;
#[path = "../chaos/crash.rs"]
#[expect(dead_code, reason = "the schedules of chaos use the rest")]
mod crash;
mod gaps;
mod keys;
mod kills;
mod many;
mod orders;
mod packets;
mod rhythm;
mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use attendance_model::{AttendanceEvent, MemorySink, PunchState, Reason, Rules, Source, VerifyMode};
use iclock_sync::ledger::QuarantineFilter;
use iclock_sync::receive::{Decision, Order, PushState};
use iclock_sync::{Schedule, ServiceOptions};
use rusqlite::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zk_proto::DeviceTime;
use zk_push::command::Command;
use zk_push::{Dialect, SerialNumber};
use zk_sim::push::{Columns, PushDevice, PushFault, PushProfile, Pusher};
use zk_sim::{Profile, Punch, Terminal};

use common::{Gate, State, memory};
use server::{AT_MOST, SERIAL, Server, access, engine, impatient, pushing, until};

fn profile() -> PushProfile {
    PushProfile::attendance(SerialNumber::new(SERIAL).unwrap())
}

fn punches(count: u32) -> Vec<Punch> {
    let field = |value: u32| u8::try_from(value).unwrap();
    let punch = |n: u32| {
        let (hour, minute, second) = (field(n / 3600), field(n / 60 % 60), field(n % 60));
        let time = DeviceTime::new(2026, 3, 1, hour, minute, second).unwrap();
        // Every seventh has no user id: no punch of anybody.
        let user_id = if n % 7 == 6 { String::new() } else { format!("{:04}", 1 + n % 5) };
        Punch::new(0, &user_id, time, field(n % 2), 15)
    };
    (0..count).map(punch).collect()
}

fn pusher(profile: PushProfile, address: SocketAddr, punches: &[Punch]) -> Pusher {
    let mut device = PushDevice::new(profile);
    punches.iter().for_each(|punch| device.punch(punch));
    Pusher::new(device, address).unwrap().speed(100_000)
}

/// The terminal sends until the server knows everything.
async fn run(mut pusher: Pusher) -> Pusher {
    timeout(AT_MOST, pusher.run_until_idle()).await.expect("the terminal comes to an end");
    pusher
}

/// User id and time of each event. None is there twice.
fn stored(sink: &MemorySink) -> BTreeSet<(String, String)> {
    let key = |event: &AttendanceEvent| (event.user_id.clone(), event.local_time.to_string());
    let events = sink.stored();
    let keys: BTreeSet<_> = events.iter().map(key).collect();
    assert_eq!(keys.len(), events.len(), "each once");
    keys
}

fn good(punches: &[Punch]) -> BTreeSet<(String, String)> {
    let named = punches.iter().filter(|punch| !punch.user_id.is_empty());
    named.map(|punch| (punch.user_id.to_string(), punch.time.to_string())).collect()
}

fn bad(punches: &[Punch]) -> usize {
    punches.iter().filter(|punch| punch.user_id.is_empty()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_punch_is_stored_once_and_each_bad_line_waits_once_whatever_happens_to_requests() {
    for (seed, columns) in [(1, Columns::Four), (2, Columns::TenAndTab), (3, Columns::Sixteen)] {
        let (state, (sink, as_sink)) = (State::new(), memory("db"));
        let server = Server::limited(&engine(&state, &as_sink), &[pushing()], None, impatient()).await;
        let log = punches(200);
        let mut profile = profile();
        (profile.columns, profile.batch) = (columns, 20);
        let mut faults = [PushFault::ALL, &[PushFault::LoseAnswer; 10]].concat();
        faults.retain(|fault| !fault.changes_records());
        let mut pusher = run(pusher(profile, server.address, &log).faults(faults, seed)).await;
        assert!(pusher.stats().failures > 0, "the faults struck");
        assert_eq!(pusher.device().acknowledged(), log.len());
        until("all is stored", || stored(&sink).len() == good(&log).len()).await;
        server.end().await;
        assert_eq!(stored(&sink), good(&log), "{columns:?}");
        let waiting = state.ledger().quarantine(&QuarantineFilter::default(), 1_000).unwrap();
        let (unknown, nobody): (Vec<_>, Vec<_>) =
            waiting.iter().partition(|record| record.raw.starts_with(b"NEWTABLE"));
        assert!(unknown.len() <= 1, "the same line of an unknown table is one record");
        assert_eq!(nobody.len(), bad(&log));
        assert!(nobody.iter().all(|record| record.reason == Reason::EmptyUserId && record.raw.starts_with(b"\t2026")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_with_odd_text_are_stored_and_those_without_a_person_wait() {
    for fault in PushFault::ALL.iter().copied().filter(|fault| fault.changes_records()) {
        let (state, (sink, as_sink)) = (State::new(), memory("db"));
        let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
        let log = punches(60);
        let mut pusher = run(pusher(profile(), server.address, &log).faults([fault], 1).share(100)).await;
        assert_eq!(pusher.device().acknowledged(), log.len(), "{fault:?}");
        until("all is stored", || stored(&sink).len() == good(&log).len()).await;
        server.end().await;
        assert_eq!(stored(&sink), good(&log), "{fault:?}");
        assert_eq!(state.ledger().quarantine_counts().unwrap()[0].2, bad(&log) as u64, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_fails_for_a_while_costs_nothing() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let file = Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    file.execute_batch("CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .unwrap();
    let row = "7\t2026-03-01 08:00:00\t0\t1\ngarbage\n";
    let refused = server.upload(SERIAL, row).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && !refused.contains("OK"), "{refused}");
    let log = punches(30);
    let pushing = tokio::spawn(run(pusher(profile(), server.address, &log)));
    for _ in 0..10 {
        assert!(server.upload(SERIAL, row).await.starts_with("HTTP/1.1 503 "));
    }
    assert_eq!(state.ledger().event_count().unwrap(), 0);
    assert_eq!(state.ledger().quarantine_counts().unwrap(), [], "a bad line does not enter without the good ones");
    let block = server.send("GET", &format!("/iclock/cdata?SN={SERIAL}&options=all"), "").await;
    assert!(block.contains("\nATTLOGStamp=None\n"), "nor does the stamp: {block}");
    file.execute_batch("DROP TRIGGER broken").unwrap();
    assert_eq!(pushing.await.unwrap().device().acknowledged(), 30);
    assert!(server.upload(SERIAL, row).await.ends_with("\r\n\r\nOK: 2"));
    until("all is stored", || stored(&sink).len() == good(&log).len() + 1).await;
    server.end().await;
}

#[tokio::test]
async fn uploads_are_counted_by_table_and_refusals_by_reason() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let mut limits = impatient();
    limits.body = 4_096;
    let server = Server::limited(&engine(&state, &as_sink), &[pushing()], None, limits).await;
    server.upload(SERIAL, "7\t2026-03-01 08:00:00\t0\t1\ngarbage\n").await;
    server.upload(SERIAL, "7\t2026-03-01 08:01:00\t0\t1\n").await;
    for (target, body) in [
        ("cdata?SN=SN1&table=options", "MAC=1"),
        ("cdata?SN=SN1&table=MADEUP1", "a=1\n"),
        ("cdata?SN=SN1&table=MADEUP2", "a=1\na=2\n"),
        ("devicecmd?SN=SN1", "ID=1&Return=0&CMD=INFO"),
        ("cdata?SN=a/b&table=ATTLOG", ""),
        ("exchange?SN=SN1&type=publickey", "PublicKey=1"),
    ] {
        server.send("POST", &format!("/iclock/{target}"), body).await;
    }
    server.upload("STRANGER", "7\t2026-03-01 08:00:00\t0\t1\n").await;
    server.upload(SERIAL, &"x".repeat(5_000)).await;
    let file = Connection::open(state.dir.path().join("state/ledger.sqlite")).unwrap();
    file.execute_batch("CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .unwrap();
    server.upload(SERIAL, "7\t2026-03-01 08:02:00\t0\t1\n").await;
    let pushed = server.service.status().pushed;
    let counts = |of: &[(&str, u64)]| of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(pushed.uploads, counts(&[("ATTLOG", 2), ("options", 1), ("other", 2)]));
    assert_eq!(pushed.lines, counts(&[("ATTLOG", 3), ("options", 1), ("other", 3)]));
    let refused = [("body", 1), ("no_terminal", 1), ("not_admitted", 1), ("not_stored", 1), ("protocol", 1)];
    assert_eq!(pushed.refused, counts(&refused));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_of_one_terminal_at_once_store_each_punch_once() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let log = punches(300);
    let twins = (0..2).map(|_| {
        let mut profile = profile();
        profile.batch = 25;
        tokio::spawn(run(pusher(profile, server.address, &log)))
    });
    for twin in twins.collect::<Vec<_>>() {
        assert_eq!(twin.await.unwrap().device().acknowledged(), 300);
    }
    until("all is stored", || stored(&sink).len() == good(&log).len()).await;
    server.end().await;
    assert_eq!((stored(&sink), state.ledger().quarantine_counts().unwrap()[0].2), (good(&log), bad(&log) as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_punches_pulled_and_pushed_are_one_event_each_in_both_orders() {
    for layout in ["bw8", "tft16", "tft40"] {
        for pushed_first in [false, true] {
            let builder = Terminal::builder().records(20).seed(1).serial(SERIAL);
            let gate = Gate::start("gate", builder.profile(Profile::named(layout).unwrap())).await;
            let (state, (sink, as_sink)) = (State::new(), memory("db"));
            let mut called = gate.device();
            called.serial = Some(SERIAL.to_owned());
            let pulling = state.builder().device(called.clone()).sink(Arc::clone(&as_sink)).build().unwrap();
            // The push protocol numbers verify modes in its own way.
            let log: Vec<Punch> =
                gate.handle().records().into_iter().map(|punch| Punch { mode: 15, ..punch }).collect();
            let server = if pushed_first {
                let server = Server::start(&state.builder().sink(as_sink).build().unwrap(), &[called], None).await;
                approve(&server).await;
                run(pusher(profile(), server.address, &log)).await;
                server.service.reload(&pulling, ServiceOptions::new(Schedule::fixed(AT_MOST))).await.unwrap();
                server
            } else {
                Server::start(&pulling, &[called], None).await
            };
            until("the log is read", || server.service.status().terminals["gate"].polls == 1).await;
            if !pushed_first {
                approve(&server).await;
                run(pusher(profile(), server.address, &log)).await;
            }
            until("all is stored", || sink.stored().len() == 20).await;
            server.end().await;
            assert_eq!(sink.stored().len(), 20, "{layout}, pushed first: {pushed_first}");
            let source = if pushed_first { Source::Push } else { Source::Pull };
            assert!(sink.stored().iter().all(|event| event.source == source && event.device_name == "gate"));
        }
    }
}

async fn approve(server: &Server) {
    server.receiver.decide(Decision::approve(SERIAL, None).unwrap()).await.unwrap();
}

#[tokio::test]
async fn an_access_control_terminal_registers_once_and_each_person_who_came_in_is_an_event() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let log = &punches(6);
    let profile = || PushProfile::access(SerialNumber::new(SERIAL).unwrap());
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    run(pusher(profile(), server.address, log)).await;
    let refused = "time=2026-03-01 09:00:00\tpin=3\tevent=27\tinoutstatus=0\tverifytype=1\tindex=1";
    let neither = "time=2026-03-01 09:00:01\tpin=3\tevent=0\tinoutstatus=2\tverifytype=0000000000000010\tindex=2";
    let bad = "time=2026-03-01 09:00:02\tpin=3\tindex=3";
    let rows = format!("{refused}\n{neither}\n{bad}\n");
    let answer = server.send("POST", &format!("/iclock/cdata?SN={SERIAL}&table=rtlog"), &rows).await;
    assert!(answer.ends_with("\r\n\r\nOK"), "{answer}");
    until("all is stored", || sink.stored().len() == 7).await;
    server.end().await;
    let event = sink.stored().into_iter().find(|event| event.raw == neither.as_bytes()).unwrap();
    assert_eq!((event.punch_state, event.verify_mode), (PunchState(255), VerifyMode(200)));
    let [waiting] = state.ledger().quarantine(&QuarantineFilter::default(), 10).unwrap().try_into().unwrap();
    assert_eq!((waiting.reason, waiting.raw.as_slice()), (Reason::Undecodable, bad.as_bytes()));

    // The next service knows that it has registered.
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let answer = server.send("GET", &format!("/iclock/cdata?SN={SERIAL}&options=all&DeviceType=acc"), "").await;
    assert!(answer.contains("registry=ok"), "{answer}");
    let block = server.send("POST", &format!("/iclock/push?SN={SERIAL}"), "").await;
    assert!(block.contains("TransTables=Transaction\n"), "nobody has asked for users: {block}");
    server.end().await;
}

#[tokio::test]
async fn the_stamp_of_a_table_comes_back_as_it_was_sent_after_a_restart_too() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let handshake = format!("/iclock/cdata?SN={SERIAL}&options=all");
    assert!(server.send("GET", &handshake, "").await.contains("\nATTLOGStamp=None\n"));
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp=2026-03-01T08%3A00%3A00");
    server.send("POST", &target, "7\t2026-03-01 08:00:00\t0\t1\n").await;
    let people = format!("/iclock/cdata?SN={SERIAL}&table=OPERLOG&OpStamp=77");
    assert!(server.send("POST", &people, "USER PIN=7\tName=x\tPasswd=4711\n").await.ends_with("OK: 1"));
    server.end().await;

    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let block = server.send("GET", &handshake, "").await;
    assert!(block.contains("\nATTLOGStamp=2026-03-01T08:00:00\n") && block.contains("\nOPERLOGStamp=77\n"), "{block}");
    server.end().await;
    for (file, content) in state.files() {
        assert!(!content.windows(4).any(|bytes| bytes == b"4711"), "a password is in {file}");
    }
}

#[tokio::test]
async fn a_stranger_a_terminal_that_waits_one_that_was_denied_and_a_wrong_secret_look_alike() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], Some("s3cret")).await;
    server.receiver.decide(Decision::deny("DENIED").unwrap()).await.unwrap();
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    let callers = [
        ("/t/s3cret", "STRANGER"),
        ("/t/s3cret", "STRANGER"),
        ("/t/s3cret", "DENIED"),
        ("/t/wrong", SERIAL),
        ("", SERIAL),
    ];
    let requests = [
        ("GET", "cdata", "&options=all", ""),
        ("GET", "getrequest", "", ""),
        ("POST", "cdata", "&table=ATTLOG&Stamp=1", row),
        ("POST", "registry", "", "DeviceType=acc"),
        ("POST", "devicecmd", "", "ID=1&Return=0&CMD=DATA"),
    ];
    for (method, endpoint, query, body) in requests {
        let mut answers = BTreeSet::new();
        for (prefix, serial) in callers {
            let target = format!("{prefix}/iclock/{endpoint}?SN={serial}{query}");
            answers.insert(server.send(method, &target, body).await);
        }
        assert_eq!(answers.len(), 1, "{endpoint}: {answers:?}");
        let acknowledges = answers.iter().any(|answer| answer.contains("OK"));
        assert_eq!(acknowledges, method == "GET", "{endpoint}: {answers:?}");
    }
    assert_eq!((sink.stored().len(), state.ledger().event_count().unwrap()), (0, 0));
    until("the stranger waits", || state.ledger().push_admissions().unwrap().len() == 2).await;
    let known = state.ledger().push_admissions().unwrap();
    let waits: Vec<&str> =
        known.iter().filter(|of| of.state == PushState::Pending).map(|of| of.serial.as_str()).collect();
    assert_eq!(waits, ["STRANGER"], "a caller without the secret is not listed");
    let right = server.send("POST", &format!("/t/s3cret/iclock/cdata?SN={SERIAL}&table=ATTLOG"), row).await;
    assert!(right.ends_with("OK: 1"), "{right}");
    // An allowed terminal of a network that is not.
    let mut far = access(Some("s3cret"));
    far.networks = vec!["192.0.2.0/24".parse().unwrap()];
    server.receiver.configure(&[pushing()], &far);
    let right = format!("/t/s3cret/iclock/cdata?SN={SERIAL}&table=ATTLOG");
    assert!(server.send("POST", &right, row).await.starts_with("HTTP/1.1 403 "));
    server.end().await;
}

#[tokio::test]
async fn a_terminal_that_waits_keeps_its_records_until_another_process_approves_it() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    assert!(server.upload("NEW", row).await.starts_with("HTTP/1.1 403 "));
    until("it waits", || state.ledger().push_admissions().unwrap().len() == 1).await;
    let dir = state.dir.path().join("state");
    let decision = Decision::approve("NEW", Some("yard".to_owned())).unwrap();
    decision.leave(&dir).unwrap();
    assert_eq!(server.receiver.take_decisions().await.unwrap(), [decision]);
    assert_eq!(server.receiver.take_decisions().await.unwrap(), []);
    assert!(server.upload("NEW", row).await.ends_with("OK: 1"));
    until("it is stored", || sink.stored().len() == 1).await;
    let event = sink.stored().remove(0);
    assert_eq!((event.device_serial.as_str(), event.device_name.as_str()), ("NEW", "yard"));
    Decision::deny("NEW").unwrap().leave(&dir).unwrap();
    server.receiver.take_decisions().await.unwrap();
    assert!(server.upload("NEW", row).await.starts_with("HTTP/1.1 403 "));
    server.end().await;

    // The next service knows of the decision.
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    assert!(server.upload("NEW", row).await.starts_with("HTTP/1.1 403 "));
    server.end().await;
}

#[tokio::test]
async fn a_line_that_is_as_long_as_a_record_of_a_log_is_a_line_when_the_rules_change() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let options = common::quick_with(|options| options.rules = Rules::default().allow_list(["1".to_owned()]));
    let engine = state.builder().options(options).device(pushing()).sink(as_sink).build().unwrap();
    let server = Server::start(&engine, &[pushing()], None).await;
    let line = "4711\t2026-03-01 08:00:00\t0\t15\t123456\t0\t0";
    assert_eq!(line.len(), 40);
    assert!(server.upload(SERIAL, line).await.ends_with("OK: 1"));
    assert_eq!(state.ledger().quarantine_counts().unwrap()[0].1, Reason::NotOnAllowList);
    assert_eq!(server.service.set_rules(Rules::default()).await.unwrap(), 1);
    until("it is stored", || sink.stored().len() == 1).await;
    let event = sink.stored().remove(0);
    assert_eq!((event.user_id.as_str(), event.local_time.to_string().as_str()), ("4711", "2026-03-01 08:00:00"));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_asked_for_a_period_again_and_its_answer_is_kept() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let log = punches(30);
    let mut pusher = run(pusher(profile(), server.address, &log)).await;
    until("all is stored", || sink.stored().len() == good(&log).len()).await;
    let at = |hour| chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_opt(hour, 0, 0).unwrap();
    let query = Command::query_attendance(Dialect::Attendance, at(0), at(1)).unwrap();
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let dir = state.dir.path().join("state");
    for command in [query.clone(), Command::info()] {
        Order::new(SERIAL, command, later).unwrap().leave(&dir).unwrap();
    }
    assert_eq!(server.receiver.take_orders().await.unwrap().len(), 2);
    assert_eq!(server.receiver.take_orders().await.unwrap(), []);
    timeout(AT_MOST, pusher.run_until_idle()).await.unwrap();
    let answers = || {
        let commands = state.ledger().push_commands(Some(SERIAL), 10).unwrap();
        commands.into_iter().map(|of| (of.command, of.sends, of.code, of.details)).collect::<Vec<_>>()
    };
    until("both are answered", || answers().iter().all(|(_, _, code, _)| code.is_some())).await;
    let mut answers = answers();
    answers.sort();
    let [(_, 1, Some(30), None), (_, 1, Some(0), Some(details))] = &*answers else { panic!("{answers:?}") };
    assert!(details.contains("~SerialNumber=SN1"), "{details}");
    // The period was sent once more, and nothing of it is new.
    assert!(pusher.stats().requests > 0);
    assert_eq!((stored(&sink), state.ledger().event_count().unwrap()), (good(&log), good(&log).len() as u64));
    server.end().await;
}

#[tokio::test]
async fn after_the_service_has_ended_terminals_keep_what_they_have() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let Server { service, receiver, address, stop, task } =
        Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    service.shutdown(AT_MOST).await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG");
    let request = format!("POST {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{row}", row.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    stop.cancel();
    task.await.unwrap();
    drop(receiver);
    assert_eq!(state.ledger().event_count().unwrap(), 0);
}
