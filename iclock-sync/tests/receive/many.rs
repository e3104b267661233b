//! Hundreds of terminals of all families at once, whose answers are lost half of the time.

use std::collections::BTreeSet;
use std::sync::Arc;

use attendance_model::Reason;
use iclock_sync::DeviceOptions;
use iclock_sync::ledger::QuarantineFilter;
use tokio::task::JoinSet;
use zk_proto::DeviceTime;
use zk_push::SerialNumber;
use zk_sim::Punch;
use zk_sim::push::{PushFault, PushProfile};

use crate::common::{State, memory};
use crate::server::{Server, until};
use crate::{pusher, run};

const TERMINALS: usize = 300;
/// The punches of one terminal. Every fifth has a day that does not exist.
const PUNCHES: u32 = 10;

/// The terminal of an event, its user id and its time.
type Key = (String, String, String);

fn serial(n: usize) -> String {
    format!("MANY{n:03}")
}

fn profile(n: usize) -> PushProfile {
    let (family, _) = PushProfile::FAMILIES[n % PushProfile::FAMILIES.len()];
    let mut profile = PushProfile::named(family, SerialNumber::new(&serial(n)).unwrap()).unwrap();
    profile.batch = 1 + n % 4;
    profile
}

fn is_bad(punch: &Punch) -> bool {
    !punch.time.exists()
}

/// Punches that everybody makes at the same seconds.
fn log() -> Vec<Punch> {
    let punch = |n: u32| {
        let second = DeviceTime::new(2026, 3, 1, 8, 0, u8::try_from(n).unwrap()).unwrap();
        // The day before is the 31st of February.
        let time = if n % 5 == 4 { DeviceTime(second.0 - 86_400) } else { second };
        Punch::new(0, &format!("{:04}", 1 + n % 3), time, 0, 15)
    };
    (0..PUNCHES).map(punch).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_terminals_whose_answers_are_lost_store_each_punch_once_and_keep_each_bad_line_once() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let devices: Vec<DeviceOptions> = (0..TERMINALS).map(|n| DeviceOptions::push(serial(n), serial(n))).collect();
    let builder = devices.iter().fold(state.builder(), |builder, device| builder.device(device.clone()));
    let engine = builder.sink(Arc::clone(&as_sink)).build().unwrap();
    let server = Server::start(&engine, &devices, None).await;
    let mut terminals = JoinSet::new();
    for n in 0..TERMINALS {
        let pusher = pusher(profile(n), server.address, &log()).faults([PushFault::LoseAnswer], n as u64);
        terminals.spawn(run(pusher));
    }
    let mut lost = 0;
    while let Some(terminal) = terminals.join_next().await {
        let mut terminal = terminal.unwrap();
        assert_eq!(terminal.device().acknowledged(), PUNCHES as usize);
        lost += terminal.stats().failures;
    }
    assert!(lost > 1_000, "{lost} answers were lost");
    let expected: BTreeSet<Key> = (0..TERMINALS)
        .flat_map(|n| log().into_iter().filter(|punch| !is_bad(punch)).map(move |punch| (n, punch)))
        .map(|(n, punch)| (serial(n), punch.user_id.to_string(), punch.time.to_string()))
        .collect();
    until("all is stored", || sink.stored().len() >= expected.len()).await;
    server.end().await;
    let events = sink.stored();
    let stored: BTreeSet<Key> =
        events.iter().map(|of| (of.device_serial.clone(), of.user_id.clone(), of.local_time.to_string())).collect();
    assert_eq!((stored.len(), events.len()), (expected.len(), expected.len()), "each once");
    assert_eq!(stored, expected);
    let waiting = state.ledger().quarantine(&QuarantineFilter::default(), 100_000).unwrap();
    let bad = log().iter().filter(|punch| is_bad(punch)).count();
    assert_eq!(waiting.len(), TERMINALS * bad);
    let places: BTreeSet<(String, Vec<u8>)> =
        waiting.iter().map(|record| (record.serial.clone(), record.raw.clone())).collect();
    assert_eq!(places.len(), waiting.len(), "each once");
    assert!(waiting.iter().all(|record| record.reason == Reason::ImpossibleTime));
}

#[tokio::test]
async fn terminals_on_this_computer_or_behind_a_proxy_do_not_share_the_connections_of_one_address() {
    let (state, (_, as_sink)) = (State::new(), memory("db"));
    let gate = crate::server::pushing();
    let mut limits = crate::server::impatient();
    limits.connections_per_address = 1;
    let server = Server::limited(&crate::server::engine(&state, &as_sink), &[gate], None, limits).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(tokio::net::TcpStream::connect(server.address).await.unwrap());
    }
    let answer = server.upload(crate::server::SERIAL, "7\t2026-03-01 08:00:00\t0\t1\n").await;
    assert!(answer.ends_with("OK: 1"), "{answer}");
    server.end().await;
}
