//! Terminals that were silent, or have forgotten how far they had sent their log: they are asked for the gap, once.

use std::sync::Arc;

use attendance_model::Sink;
use chrono::TimeDelta;
use iclock_sync::report::{GapCause, GapState};
use iclock_sync::{DeviceOptions, Engine};

use crate::common::clock::HostInUtc;
use crate::common::{State, memory};
use crate::server::{SERIAL, Server, pushing, until};

fn gate() -> DeviceOptions {
    let mut gate = pushing();
    gate.zone = Some(chrono_tz::Indian::Maldives);
    gate
}

fn engine(state: &State, sink: &Arc<dyn Sink>, clock: &Arc<HostInUtc>) -> Engine {
    state.builder().device(gate()).sink(Arc::clone(sink)).clock(Arc::clone(clock) as _).build().unwrap()
}

/// The commands of a poll.
async fn poll(server: &Server) -> String {
    let answer = server.send("GET", &format!("/iclock/getrequest?SN={SERIAL}"), "").await;
    answer.rsplit("\r\n\r\n").next().unwrap().trim_end().to_owned()
}

async fn upload(server: &Server, stamp: &str, row: &str) {
    let target = format!("/iclock/cdata?SN={SERIAL}&table=ATTLOG&Stamp={stamp}");
    assert!(server.send("POST", &target, row).await.ends_with("OK: 1"));
}

async fn answer(server: &Server, id: u32) {
    let target = format!("/iclock/devicecmd?SN={SERIAL}");
    server.send("POST", &target, &format!("ID={id}&Return=1&CMD=DATA")).await;
}

#[tokio::test]
async fn a_terminal_that_was_silent_is_asked_once_for_the_punches_of_that_time() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at("2026-03-01T08:00:00Z");
    let server = Server::start(&engine(&state, &as_sink, &clock), &[gate()], None).await;
    assert_eq!(poll(&server).await, "OK", "nothing is known of it: it sends all that it has");
    upload(&server, "9999", "7\t2026-03-01 13:00:00\t0\t1\n").await;
    for _ in 0..5 {
        clock.pass(TimeDelta::seconds(90));
        assert_eq!(poll(&server).await, "OK", "that is no gap");
    }
    let begin = "2026-03-01 12:07:30";
    clock.pass(TimeDelta::hours(3));
    assert_eq!(poll(&server).await, format!("C:1:DATA QUERY ATTLOG StartTime={begin}\tEndTime=2026-03-01 17:07:30"));
    assert_eq!(poll(&server).await, "OK", "once");
    let asked = server.service.status().terminals["gate"].backfill.unwrap();
    assert_eq!((asked.until - asked.since, asked.answered_at), (TimeDelta::hours(3), None));
    upload(&server, "9999", "8\t2026-03-01 14:30:00\t0\t1\n").await;
    answer(&server, 1).await;
    assert!(server.service.status().terminals["gate"].backfill.unwrap().answered_at.is_some());
    until("both are stored", || sink.stored().len() == 2).await;
    clock.pass(TimeDelta::seconds(10));
    assert_eq!(poll(&server).await, "OK");
    server.end().await;

    // A receiver that did not run was silent, too.
    clock.pass(TimeDelta::hours(5));
    let server = Server::start(&engine(&state, &as_sink, &clock), &[gate()], None).await;
    let last = "2026-03-01 15:07:40";
    assert_eq!(poll(&server).await, format!("C:2:DATA QUERY ATTLOG StartTime={last}\tEndTime=2026-03-01 22:07:40"));
    let [gap] = state.ledger().push_gaps(Some(SERIAL)).unwrap().try_into().unwrap();
    assert_eq!((gap.cause, gap.command, gap.answered_at), (GapCause::Silent, 2, None));
    // The question is lost with the terminal: it is part of the next one.
    clock.pass(TimeDelta::days(40));
    assert_eq!(
        poll(&server).await,
        "C:3:DATA QUERY ATTLOG StartTime=2026-03-10 20:07:40\tEndTime=2026-04-10 22:07:40",
        "a month is asked for at most"
    );
    server.end().await;
}

#[tokio::test]
async fn a_terminal_that_has_forgotten_what_it_sent_is_asked_for_the_time_since_its_last_punches() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at("2026-03-01T08:00:00Z");
    let server = Server::start(&engine(&state, &as_sink, &clock), &[gate()], None).await;
    upload(&server, "700", "7\t2026-03-01 13:00:00\t0\t1\n").await;
    for _ in 0..10 {
        clock.pass(TimeDelta::seconds(60));
        assert_eq!(poll(&server).await, "OK");
    }
    upload(&server, "5", "7\t2026-03-01 13:09:00\t0\t1\n").await;
    assert_eq!(poll(&server).await, "C:1:DATA QUERY ATTLOG StartTime=2026-03-01 12:00:00\tEndTime=2026-03-01 14:10:00");
    // The answer has stamps of its own.
    upload(&server, "3", "8\t2026-03-01 13:05:00\t0\t1\n").await;
    answer(&server, 1).await;
    assert_eq!(poll(&server).await, "OK");
    server.end().await;
}

#[tokio::test]
async fn a_gap_that_was_not_reported_yet_is_in_the_last_report() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at("2026-03-01T08:00:00Z");
    let server = Server::start(&engine(&state, &as_sink, &clock), &[gate()], None).await;
    assert_eq!(poll(&server).await, "OK");
    server.end().await;
    clock.pass(TimeDelta::hours(5));
    // A sink would be in the last report, and so would make one.
    let engine = state.builder().device(gate()).clock(Arc::clone(&clock) as _).build().unwrap();
    let server = Server::start(&engine, &[gate()], None).await;
    let mut reports = server.service.reports();
    assert!(poll(&server).await.starts_with("C:1:DATA QUERY ATTLOG"));
    // The time of these tests stands still, so that nothing else makes a report.
    server.end().await;
    let mut told = Vec::new();
    while let Ok(report) = reports.try_recv() {
        told.extend(report.backfills.iter().map(|gap| (gap.name.clone(), gap.cause, gap.state)));
    }
    assert_eq!(told, [("gate".to_owned(), GapCause::Silent, GapState::Asked)]);
}

#[tokio::test]
async fn an_access_control_terminal_that_registers_again_is_asked_and_its_last_packet_is_the_answer() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let clock = HostInUtc::at("2026-03-01T08:00:00Z");
    let server = Server::start(&engine(&state, &as_sink, &clock), &[gate()], None).await;
    let register = format!("/iclock/registry?SN={SERIAL}");
    for expected in ["OK", "C:1:DATA QUERY tablename=transaction,fielddesc=*,filter=starttime="] {
        server.send("POST", &register, "DeviceType=acc,~DeviceName=X").await;
        clock.pass(TimeDelta::seconds(5));
        let commands = poll(&server).await;
        assert!(commands.starts_with(expected), "{commands}");
    }
    let row = "transaction pin=7\teventtype=0\tinoutstate=0\tverified=1\ttime_second=857920849\tindex=5\n";
    let target = "type=tabledata&cmdid=1&tablename=transaction&count=1&packcnt=1&packidx=1";
    server.send("POST", &format!("/iclock/querydata?SN={SERIAL}&{target}"), row).await;
    let [gap] = state.ledger().push_gaps(None).unwrap().try_into().unwrap();
    assert_eq!((gap.cause, gap.code), (GapCause::Forgot, Some(1)));
    server.end().await;
}
