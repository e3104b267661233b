//! Healthy terminals as the field has them: keys of their own, few punches, and counts that are missing or wrong.

mod common;

use common::{Gate, State, memory, only, sync};
use iclock_sync::report::{DeviceStatus, ReadMode};
use zk_proto::DeviceTime;
use zk_sim::{Fault, Person, Profile, Punch, Terminal, TerminalBuilder};

/// A terminal of 30 people, 1001 to 1030, on which so many of them punched, 37 minutes apart, with these states in
/// turn.
fn terminal(profile: &str, punches: u32, states: &[u8]) -> TerminalBuilder {
    // Short records have two bits for the verify mode.
    let mode = if profile == "bw8" { 2 } else { 15 };
    let people = (0..30)
        .map(|n| Person { uid: n + 1, user_id: (1001 + n).to_string().into(), name: "somebody".into(), privilege: 0 })
        .collect();
    Terminal::builder()
        .profile(Profile::named(profile).unwrap())
        .people(people)
        .punches(punched(0, punches, states, mode))
}

fn punched(from: u32, to: u32, states: &[u8], mode: u8) -> Vec<Punch> {
    let first = DeviceTime::new(2025, 5, 1, 7, 0, 0).unwrap();
    (from..to)
        .map(|n| {
            let (who, state) = ((n * 7 % 30) as u16, states[n as usize % states.len()]);
            // Packed months have 31 days, so that only half a month of minutes is counted through.
            let time = DeviceTime(first.0 + (n * 37 * 60) % (28 * 86_400) + n / 1_089 * 31 * 86_400);
            let mode = if n % 2 == 1 { mode } else { 1 };
            Punch::new(who + 1, &(1001 + who).to_string(), time, state, mode)
        })
        .collect()
}

/// One run ends with every punch in the sink.
async fn comes_whole(what: &str, gate: &Gate) {
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let report = sync(&state.engine(&[gate], &[sink])).await;
    let device = only(&report).0;
    assert_eq!(device.status, DeviceStatus::Ok, "{what}: {device:?}");
    assert!(
        common::keys(&stored.stored()) == gate.keys(),
        "{what}: {} of {}",
        stored.stored().len(),
        gate.keys().len()
    );
}

#[tokio::test]
async fn states_of_function_keys_refuse_no_log() {
    for profile in ["tft40", "tft40-uid", "face49", "bw16"] {
        for states in [&[15u8, 16][..], &[0, 8, 9, 1], &[250]] {
            let gate = Gate::start("gate", terminal(profile, 60, states)).await;
            comes_whole(&format!("{profile}, states {states:?}"), &gate).await;
        }
    }
}

#[tokio::test]
async fn states_that_come_up_later_are_read_as_a_tail() {
    for profile in ["tft40", "bw16"] {
        let gate = Gate::start("gate", terminal(profile, 3_000, &[0, 1])).await;
        let (state, (stored, sink)) = (State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        sync(&engine).await;
        gate.handle().add_punches(punched(3_000, 3_200, &[8, 9], 15));
        let report = sync(&engine).await;
        let device = only(&report).0;
        assert_eq!((device.status, device.mode), (DeviceStatus::Ok, Some(ReadMode::Tail)), "{profile}: {device:?}");
        assert_eq!(device.new, 200, "{profile}");
        assert!(common::keys(&stored.stored()) == gate.keys(), "{profile}");
    }
}

#[tokio::test]
async fn one_to_four_punches_of_known_people_are_read() {
    for profile in ["tft40", "tft40-uid", "face49", "bw16", "bw8"] {
        for punches in 1..=4 {
            let states: &[u8] = if profile == "bw8" { &[0, 1] } else { &[8] };
            let gate = Gate::start("gate", terminal(profile, punches, states)).await;
            comes_whole(&format!("{punches} punches, {profile}"), &gate).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_or_missing_count_refuses_no_log() {
    for profile in ["tft40", "tft40-uid", "face49", "bw16", "bw8"] {
        for fault in ["count-larger=5", "count-smaller=5", "count-smaller=150", "count-zero", "sizes-length=4"] {
            let terminal = terminal(profile, 300, &[0, 1]).fault(Fault::parse(fault).unwrap());
            let gate = Gate::start("gate", terminal).await;
            comes_whole(&format!("{fault}, {profile}"), &gate).await;
        }
    }
}

#[tokio::test]
async fn a_count_that_is_always_off_is_learned_and_noted() {
    let terminal = terminal("tft40-uid", 3_000, &[0, 1]).fault(Fault::parse("count-larger=5").unwrap());
    let gate = Gate::start("gate", terminal).await;
    let (state, (_, sink)) = (State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let first = sync(&engine).await;
    assert!(only(&first).0.notes.iter().any(|note| note.contains("3005")), "{:?}", only(&first).0.notes);
    assert_eq!(only(&first).0.rereads.count, 1, "{:?}", only(&first).0.rereads);
    let second = sync(&engine).await;
    assert_eq!(only(&second).0.rereads.count, 0, "{:?}", only(&second).0);
    assert_eq!(only(&second).0.mode, Some(ReadMode::Unchanged));
}

#[tokio::test]
async fn noise_in_short_records_is_no_punch() {
    for profile in ["bw8", "bw8a"] {
        let terminal = terminal(profile, 400, &[0, 1]).fault(Fault::parse("damaged-patch=130@200").unwrap());
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        assert_eq!(only(&report).0.status, DeviceStatus::Unproven, "{profile}: {:?}", only(&report).0);
        assert_eq!(stored.stored().len(), 0, "{profile}");
    }
}
