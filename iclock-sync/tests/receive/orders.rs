//! Commands that change something at a terminal: sent once, and the dangerous ones only with a permission.

use std::sync::Arc;

use attendance_model::Sink;
use chrono::{DateTime, TimeDelta, Utc};
use iclock_sync::receive::{Decision, Order, SET_TIME};
use iclock_sync::{DeviceOptions, Engine, Permission};
use zk_push::command::Command;
use zk_push::{PackedTime, SerialNumber};
use zk_sim::push::{PushDevice, PushProfile, Pusher};

use crate::common::clock::HostInUtc;
use crate::common::{State, memory};
use crate::server::{SERIAL, Server, access, pushing};

pub(crate) const NOW: &str = "2026-03-01T08:00:00Z";

fn engine(state: &State, sink: &Arc<dyn Sink>, clock: &Arc<HostInUtc>) -> Engine {
    state.builder().device(pushing()).sink(Arc::clone(sink)).clock(Arc::clone(clock) as _).build().unwrap()
}

/// Leaves a command for the receiver, and returns true if it takes it.
pub(crate) async fn order(state: &State, server: &Server, command: &str) -> bool {
    let later = NOW.parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(1);
    let order = Order::new(SERIAL, Command::new(command).unwrap(), later).unwrap();
    order.leave(&state.dir.path().join("state")).unwrap();
    !server.receiver.take_orders().await.unwrap().is_empty()
}

/// The commands of a poll.
async fn poll(server: &Server) -> String {
    let answer = server.send("GET", &format!("/iclock/getrequest?SN={SERIAL}"), "").await;
    answer.rsplit("\r\n\r\n").next().unwrap().trim_end().to_owned()
}

pub(crate) fn with(permits: &[Permission]) -> DeviceOptions {
    let mut gate = pushing();
    gate.permits = permits.iter().copied().collect();
    gate.zone = Some(chrono_tz::Indian::Maldives);
    gate
}

#[tokio::test]
async fn the_audit_has_commands_and_results_and_each_change_of_the_dialect_without_any_value() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    let text = "DATA UPDATE USERINFO PIN=7\tName=Secret\tPasswd=Secret";
    server.upload(SERIAL, "7\t2026-03-01 08:00:00\t0\t1\n").await;
    assert!(order(&state, &server, text).await);
    assert!(poll(&server).await.starts_with("C:1:DATA UPDATE USERINFO"));
    // The result of a number that nobody gave is none, and a second one of the same command neither.
    let results = "ID=1&Return=0&CMD=DATA\nID=1&Return=5&CMD=DATA\nID=99&Return=0&CMD=DATA\n";
    server.send("POST", &format!("/iclock/devicecmd?SN={SERIAL}"), results).await;
    server.send("POST", &format!("/iclock/cdata?SN={SERIAL}&table=rtlog"), "time=2026-03-01 08:00:00\tpin=7\n").await;
    server.end().await;
    let ledger = state.ledger();
    let entries = iclock_sync::audit::push_entries(&ledger, Some(SERIAL)).unwrap();
    let lines = entries.iter().map(|of| (of.what.as_str(), of.command, of.words.as_deref(), of.code));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            ("sent", Some(1), Some("DATA UPDATE USERINFO"), None),
            ("answered", Some(1), None, Some(0)),
            ("dialect", None, Some("att acc"), None),
        ]
    );
    assert_eq!(iclock_sync::audit::push_entries(&ledger, Some("A")).unwrap(), []);
    assert_eq!(iclock_sync::audit::verify(&ledger).unwrap().problems, []);
    for entry in std::fs::read_dir(state.dir.path().join("state/audit")).unwrap() {
        assert!(!std::fs::read_to_string(entry.unwrap().path()).unwrap().contains("Secret"));
    }
}

#[tokio::test]
async fn a_command_that_changes_something_is_sent_once_and_one_that_asks_until_it_is_answered() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    for command in ["REBOOT", "DATA UPDATE USERINFO PIN=7\tName=A", "INFO"] {
        assert!(order(&state, &server, command).await, "{command}");
    }
    assert_eq!(poll(&server).await, "C:2:DATA UPDATE USERINFO PIN=7\tName=A\nC:3:INFO\nC:1:REBOOT");
    // The answers are lost: it polls, and does not report.
    for minute in 0..10 {
        clock.pass(TimeDelta::minutes(1));
        let expected = if minute == 4 || minute == 9 { "C:3:INFO" } else { "OK" };
        assert_eq!(poll(&server).await, expected, "{minute}");
    }
    let target = format!("/iclock/devicecmd?SN={SERIAL}");
    server.send("POST", &target, "ID=1&Return=0&CMD=REBOOT\nID=2&Return=-1002&CMD=DATA\n").await;
    let codes: Vec<_> = state.ledger().push_commands(None, 10).unwrap().into_iter().map(|of| of.code).collect();
    assert_eq!(codes, [None, Some(-1002), Some(0)]);
    server.end().await;
}

#[tokio::test]
async fn the_audit_has_a_command_that_is_sent_again_after_many_newer_ones() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    assert!(order(&state, &server, "INFO").await);
    assert_eq!(poll(&server).await, "C:1:INFO");
    // More than the terminal may have open at once, which expire unsent.
    for second in [1, 3] {
        let soon = NOW.parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second);
        for _ in 0..150 {
            let order = Order::new(SERIAL, Command::new("CHECK").unwrap(), soon).unwrap();
            order.leave(&state.dir.path().join("state")).unwrap();
        }
        server.receiver.take_orders().await.unwrap();
        clock.pass(TimeDelta::seconds(2));
    }
    assert_eq!(state.ledger().push_commands(Some(SERIAL), 1000).unwrap().len(), 301);
    for expected in ["OK", "OK", "OK", "OK", "C:1:INFO"] {
        clock.pass(TimeDelta::minutes(1));
        assert_eq!(poll(&server).await, expected);
    }
    server.end().await;
    let entries = iclock_sync::audit::push_entries(&state.ledger(), Some(SERIAL)).unwrap();
    let sent = |of: &iclock_sync::audit::PushEntry| (of.what.clone(), of.command);
    assert_eq!(entries.iter().map(sent).collect::<Vec<_>>(), [("sent".into(), Some(1)), ("sent".into(), Some(1))]);
}

#[tokio::test]
async fn a_dangerous_command_is_sent_only_while_its_terminal_has_the_permission() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    for command in ["AC_UNLOCK", "CLEAR LOG", "SHELL date", "UPGRADE url=x", "SET OPTION IPAddress=192.0.2.9"] {
        assert!(!order(&state, &server, command).await, "{command}");
    }
    assert_eq!(state.ledger().push_commands(None, 10).unwrap(), []);
    server.receiver.configure(&[with(&[Permission::OpenDoor])], &access(None));
    assert!(!order(&state, &server, "CLEAR LOG").await, "that is another one");
    assert!(order(&state, &server, "AC_UNLOCK").await);
    // Taken back before the terminal calls.
    server.receiver.configure(&[with(&[])], &access(None));
    assert_eq!(poll(&server).await, "OK");
    server.receiver.configure(&[with(&[Permission::OpenDoor])], &access(None));
    assert_eq!(poll(&server).await, "C:1:AC_UNLOCK");
    server.end().await;
    for never in ["FORMAT C", "CONTROL DEVICE 01000105", "GET OPTIONS ComPwd"] {
        let command = Command::new(never).unwrap();
        assert!(Order::new(SERIAL, command, Utc::now()).is_none(), "{never}");
    }
}

#[tokio::test]
async fn a_terminal_that_is_denied_or_has_no_secret_gets_no_command_and_its_result_counts_for_nothing() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    assert!(order(&state, &server, "DATA UPDATE USERINFO PIN=7\tName=Aminath").await);
    let refused = async |server: &Server| {
        assert_eq!(poll(server).await, "OK");
        let results = format!("/iclock/devicecmd?SN={SERIAL}");
        server.send("POST", &results, "ID=1&Return=0&CMD=DATA").await;
        let command = state.ledger().push_commands(None, 1).unwrap().remove(0);
        assert_eq!((command.sends, command.code), (0, None));
    };
    server.receiver.configure(&[with(&[])], &access(Some("s3cret")));
    refused(&server).await;
    server.receiver.configure(&[with(&[])], &access(None));
    server.receiver.decide(Decision::deny(SERIAL).unwrap()).await.unwrap();
    refused(&server).await;
    server.receiver.decide(Decision::approve(SERIAL, None).unwrap()).await.unwrap();
    assert_eq!(poll(&server).await, "C:1:DATA UPDATE USERINFO PIN=7\tName=Aminath");
    server.end().await;
}

#[tokio::test]
async fn the_clock_is_set_to_the_time_of_the_answer_in_the_zone_of_the_terminal() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at(NOW);
    let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
    assert!(order(&state, &server, SET_TIME).await);
    clock.pass(TimeDelta::seconds(75));
    let at = "2026-03-01T13:01:15".parse().unwrap();
    assert_eq!(poll(&server).await, format!("C:1:SET OPTIONS DateTime={}", PackedTime::new(at).unwrap().0));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_terminals_carry_commands_out_in_both_dialects() {
    let serial = || SerialNumber::new(SERIAL).unwrap();
    for (profile, set, delete) in [
        (PushProfile::attendance(serial()), "DATA UPDATE USERINFO PIN=7\tName=A", "DATA DELETE USERINFO PIN=7"),
        (PushProfile::access(serial()), "DATA UPDATE user Pin=7\tName=A", "DATA DELETE user Pin=7"),
    ] {
        let (state, (_, as_sink)) = (State::new(), memory("db"));
        let clock = HostInUtc::at(NOW);
        let server = Server::start(&engine(&state, &as_sink, &clock), &[with(&[])], None).await;
        let mut pusher = Pusher::new(PushDevice::new(profile), server.address).unwrap().speed(10_000);
        pusher.run_until_idle().await;
        let wrong = if set.contains("USERINFO") { "DATA UPDATE user Pin=7" } else { "DATA UPDATE USERINFO PIN=7" };
        for command in [set, delete, wrong] {
            assert!(order(&state, &server, command).await);
        }
        pusher.run_until_idle().await;
        assert_eq!(pusher.device().executed(), [set, delete]);
        let refused = state.ledger().push_commands(None, 1).unwrap().remove(0).code.unwrap();
        assert!(refused == -1004 || refused == -629, "{refused}");
        server.end().await;
    }
}
