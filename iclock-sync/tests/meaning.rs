//! The meaning of what terminals say: whose punch it is, when it was, and what the report says about both.

mod common;

use attendance_model::{Policy, Reason, Rules};
use common::{Gate, State, memory, only, quick, sync};
use iclock_sync::EngineOptions;
use iclock_sync::quarantine::QuarantineFilter;
use zk_proto::{DeviceTime, UserId};
use zk_sim::{Profile, Punch, Terminal};

/// 40 punches, a minute apart; those of the first four name the person by bytes that are no text. Source: F-id-bytes.
fn with_id_bytes() -> Vec<Punch> {
    let first = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let odd = [&b"5\xD2"[..], b"\xD25", b"\xD2", b"5\x03"].map(|field| UserId::from_field(field).0);
    let ids = odd.into_iter().chain((0..36).map(|_| "5".to_owned()));
    ids.zip(0..).map(|(id, n)| Punch::new(1, &id, DeviceTime(first.0 + 60 * n), 0, 1)).collect()
}

#[tokio::test]
async fn no_byte_that_is_no_text_gives_a_punch_to_another_person() {
    for profile in ["tft40", "face49"] {
        let terminal = Terminal::builder().profile(Profile::named(profile).unwrap()).punches(with_id_bytes());
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        let device = only(&report).0;
        assert_eq!((device.new, device.quarantined), (36, 4), "{profile}: {device:?}");
        assert_eq!(device.rejected.get(&Reason::UndecodableUserId), Some(&4));
        assert!(stored.stored().iter().all(|event| event.user_id == "5" && event.raw[3] == 0), "{profile}");
        let waiting = state.ledger().quarantine(&QuarantineFilter::default(), 10).unwrap();
        let ids: Vec<&str> = waiting.iter().map(|record| record.user_id.as_str()).collect();
        assert_eq!(ids, ["5\u{FFFD}D2", "\u{FFFD}D25", "\u{FFFD}D2", "5\u{3}"], "{profile}");
    }
}

#[tokio::test]
async fn a_rule_leaves_such_bytes_out_as_the_python_tool_did() {
    let rules = Rules::default().policy(Reason::UndecodableUserId, Policy::Accept).unwrap();
    let options = EngineOptions { rules, ..quick() };
    let gate = Gate::start("gate", Terminal::builder().punches(with_id_bytes())).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let engine = state.builder().options(options).device(gate.device()).sink(sink).build().unwrap();
    let report = sync(&engine).await;
    assert_eq!((only(&report).0.new, only(&report).0.quarantined), (38, 2), "{report:?}");
    assert!(stored.stored().iter().all(|event| event.user_id == "5"));
}
