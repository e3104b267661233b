//! The shared key that terminals present, and controllers that need their commands wrapped.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use iclock_sync::receive::{Order, PushAccess};
use zk_push::command::Command;

use crate::common::{State, memory};
use crate::server::{SERIAL, Server, engine, pushing, until};

fn access(key: &str) -> PushAccess {
    let mut access = PushAccess::default();
    access.comm_key = Some(key.to_owned());
    access
}

#[tokio::test]
async fn a_terminal_with_a_wrong_key_looks_like_a_stranger_and_the_right_one_lasts_over_a_restart() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    server.receiver.configure(&[pushing()], &access("12345678"));
    let row = "7\t2026-03-01 08:00:00\t0\t1\n";
    let shake = |serial: &str, key: &str| format!("/iclock/cdata?SN={serial}&options=all&pushcommkey={key}");
    let mut answers = BTreeSet::new();
    for (serial, key) in [(SERIAL, "87654321"), (SERIAL, ""), ("STRANGER", "87654321"), ("STRANGER", "12345678")] {
        answers.insert(server.send("GET", &shake(serial, key), "").await);
    }
    answers.insert(server.send("GET", &format!("/iclock/cdata?SN={SERIAL}&options=all"), "").await);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(server.upload(SERIAL, row).await.starts_with("HTTP/1.1 403 "));
    until("the stranger waits", || state.ledger().push_admissions().unwrap().len() == 1).await;

    assert!(server.send("GET", &shake(SERIAL, "12345678"), "").await.contains("GET OPTION FROM: SN1"));
    assert!(server.upload(SERIAL, row).await.ends_with("OK: 1"));
    until("it is stored", || sink.stored().len() == 1).await;
    server.end().await;

    // It shakes hands only when it starts.
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    server.receiver.configure(&[pushing()], &access("12345678"));
    assert!(server.upload(SERIAL, row).await.ends_with("OK: 1"));
    server.receiver.configure(&[pushing()], &access("another"));
    assert!(server.upload(SERIAL, row).await.starts_with("HTTP/1.1 403 "));
    server.end().await;
    for (file, content) in state.files() {
        assert!(!content.windows(8).any(|bytes| bytes == b"12345678"), "the key is in {file}");
    }
}

#[tokio::test]
async fn a_controller_that_asks_for_it_gets_its_commands_wrapped_after_a_restart_too() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let register = format!("/iclock/registry?SN={SERIAL}");
    server.send("POST", &register, "DeviceType=acc,~DeviceName=C3,CmdFormat=1").await;
    let later = Utc::now() + TimeDelta::hours(1);
    let order = Order::new(SERIAL, Command::new("CONTROL DEVICE 03000000").unwrap(), later).unwrap();
    order.leave(&state.dir.path().join("state")).unwrap();
    server.receiver.take_orders().await.unwrap();
    server.end().await;

    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let answer = server.send("GET", &format!("/iclock/service/control?SN={SERIAL}"), "").await;
    let expected = "DataType=1,SN=SN1,Priority=0,CmdID=1,CmdDesc=C:1:CONTROL DEVICE 03000000\n";
    assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
    server.end().await;
}
