//! Logs that are not proven: nothing of them is used, they are kept, and the truth is read as soon as it can be had.

mod common;

use common::{Gate, State, keys, memory, sync};
use iclock_sync::report::{DeviceStatus, ReadMode};
use zk_sim::{Device, Fault, Profile, Punch, Terminal};

async fn faulty(profile: &str, records: usize, fault: &str) -> Gate {
    let profile = Profile::named(profile).unwrap();
    let terminal = Terminal::builder().profile(profile).records(records).users(40).seed(5);
    Gate::start("gate", terminal.fault(Fault::parse(fault).unwrap())).await
}

#[tokio::test]
async fn a_cut_that_stays_yields_nothing_and_is_kept_whole_and_once() {
    for (profile, cut) in [("tft40", 12), ("tft40", 1), ("tft16", 5), ("bw8", 3)] {
        for kind in ["cut-head", "cut-head-sized", "cut-head-filled"] {
            let fault = format!("{kind}={cut}");
            let (gate, state, (stored, sink)) = (faulty(profile, 500, &fault).await, State::new(), memory("db"));
            let engine = state.engine(&[&gate], &[sink]);
            for _ in 0..4 {
                let report = sync(&engine).await;
                assert_eq!(report.run.exit_code, 40, "{fault} on {profile}: {report:?}");
                assert_eq!(report.devices[0].status, DeviceStatus::Unproven);
            }
            assert!(stored.stored().is_empty());
            let kept = state.ledger().unproven().unwrap();
            assert_eq!((kept.len(), kept[0].times_seen), (1, 4));
            assert!(std::fs::metadata(&kept[0].file).unwrap().len() == kept[0].bytes && kept[0].bytes > 0);
            gate.handle().clear_faults();
            let report = sync(&engine).await;
            assert_eq!((report.run.exit_code, report.devices[0].mode), (0, Some(ReadMode::Full)));
            assert_eq!(keys(&stored.stored()), gate.keys(), "{fault} on {profile}");
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_kept_is_its_terminals_failure_alone() {
    let (bad, good) = (faulty("tft40", 500, "cut-head-filled=12").await, Gate::with_records(400).await);
    let good = Gate { name: "good".to_owned(), ..good };
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let engine = state.engine(&[&bad, &good], &[sink]);
    let unproven = state.dir.path().join("state/unproven");
    std::fs::create_dir(state.dir.path().join("state")).unwrap();
    // Nothing can be made in a file.
    std::fs::write(&unproven, "").unwrap();
    let report = sync(&engine).await;
    assert_eq!((report.run.exit_code, report.devices[0].status), (40, DeviceStatus::Unproven), "{report:?}");
    assert!(report.devices[0].error.as_deref().unwrap().contains("could not be kept"), "{report:?}");
    assert_eq!(keys(&stored.stored()), good.keys());
    std::fs::remove_file(&unproven).unwrap();
    sync(&engine).await;
    assert_eq!(state.ledger().unproven().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_a_killed_process_left_unfinished_is_removed() {
    let (gate, state) = (faulty("tft40", 500, "cut-head=12").await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let kept = state.ledger().unproven().unwrap().remove(0).file;
    let part = kept.with_extension("part");
    std::fs::write(&part, "half").unwrap();
    sync(&state.engine(&[&gate], &[])).await;
    assert!(kept.exists() && !part.exists());
}

#[tokio::test]
async fn of_logs_that_differ_the_last_three_are_kept() {
    let (gate, state) = (faulty("tft40", 500, "cut-head=12").await, State::new());
    let engine = state.engine(&[&gate], &[]);
    for _ in 0..5 {
        assert_eq!(sync(&engine).await.run.exit_code, 40);
        gate.handle().punch_now().unwrap();
    }
    let kept = state.ledger().unproven().unwrap();
    assert_eq!((kept.len(), kept[0].id), (3, 5));
    assert!(kept.iter().all(|log| std::fs::metadata(&log.file).unwrap().len() == log.bytes && log.bytes > 0));
    let files = state.files().iter().filter(|(path, _)| path.contains("unproven")).count();
    assert_eq!(files, 3, "older ones are let go");
}

#[tokio::test]
async fn what_was_known_beside_the_bytes_is_kept_with_them() {
    let (gate, state) = (faulty("tft40", 500, "damaged-patch=100@100").await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let kept = state.ledger().unproven().unwrap().remove(0);
    let known = kept.evidence.unwrap();
    assert_eq!((known.announced, known.offset, known.word), (Some(20_004), 0, None));
    assert_eq!((known.count_before, known.count_after), (Some(500), Some(500)));
    assert!(known.terminal_now.is_some() && known.host_now > 0);
    assert!(known.readings.len() >= 2 && known.readings[0].iter().any(|reason| reason.contains("64 in a row")));
    assert_eq!(kept.digest.len(), 64);
}

#[tokio::test]
async fn the_users_of_a_refused_8_byte_log_are_kept_without_names_and_passwords() {
    let (gate, state) = (faulty("bw8a", 500, "damaged-patch=130@200").await, State::new());
    sync(&state.engine(&[&gate], &[])).await;
    let kept = state.ledger().unproven().unwrap().remove(0);
    assert_eq!(kept.evidence.unwrap().users.unwrap().len(), 40);
}

#[tokio::test]
async fn a_second_reading_that_is_whole_gives_the_truth_in_the_same_run() {
    for (profile, fault) in
        [("tft40", "cut-head-filled=12x1"), ("tft16", "cut-head=7x1"), ("bw8", "cut-head-sized=3x1")]
    {
        let (gate, state, (stored, sink)) = (faulty(profile, 2_000, fault).await, State::new(), memory("db"));
        let report = sync(&state.engine(&[&gate], &[sink])).await;
        assert_eq!(report.run.exit_code, 0, "{fault}: {report:?}");
        assert_eq!(keys(&stored.stored()), gate.keys(), "{fault}");
    }
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_still_brings_the_whole_log() {
    let (gate, state, (stored, sink)) = (Gate::with_records(20_000).await, State::new(), memory("db"));
    gate.set_fault("drop-after=400000");
    let report = sync(&state.engine(&[&gate], &[sink])).await;
    assert_eq!(report.run.exit_code, 0, "{report:?}");
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn an_unproven_tail_moves_no_cursor() {
    let (gate, state, (stored, sink)) = (Gate::with_records(3_000).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    sync(&engine).await;
    let cursor = state.ledger().terminals().unwrap();
    gate.handle().punch_now().unwrap();
    gate.set_fault("cut-head-filled=12");
    assert_eq!(sync(&engine).await.run.exit_code, 40);
    assert_eq!(state.ledger().terminals().unwrap(), cursor);
    gate.handle().clear_faults();
    assert_eq!(sync(&engine).await.devices[0].new, 1);
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_user_table_that_is_not_proven_lets_nothing_of_an_8_byte_log_enter() {
    let (gate, state, (stored, sink)) = (faulty("bw8", 300, "cut-users=12").await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let report = sync(&engine).await;
    assert_eq!((report.run.exit_code, stored.stored().len()), (40, 0), "{report:?}");
    assert!(report.devices[0].error.as_deref().unwrap().contains("user table"));
    // It holds people's passwords.
    assert_eq!(state.ledger().unproven().unwrap(), []);
    assert!(!state.dir.path().join("state/unproven").exists());
    gate.handle().clear_faults();
    sync(&engine).await;
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_terminal_that_answers_every_offset_with_its_first_chunk_loses_nothing() {
    for (profile, records) in [("bw8", 20_000), ("bw16", 10_000), ("tft40", 4_000)] {
        let terminal = Terminal::builder().profile(Profile::named(profile).unwrap()).records(records).users(60).seed(5);
        let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
        let engine = state.engine(&[&gate], &[sink]);
        gate.set_fault("first-chunk");
        let report = sync(&engine).await;
        assert_eq!((report.run.exit_code, stored.stored().len()), (40, 0), "{profile}: {report:?}");
        if profile != "tft40" {
            let error = report.devices[0].error.as_deref().unwrap();
            assert!(error.contains("came before"), "{profile}: {error}");
        }
        gate.handle().clear_faults();
        sync(&engine).await;
        assert_eq!(keys(&stored.stored()), gate.keys(), "{profile}");
    }
}

#[tokio::test]
async fn no_cut_of_a_user_table_gives_a_punch_to_a_wrong_person() {
    // Sixty rows of 28 bytes are fourteen of 120 bytes too.
    let terminal = Terminal::builder().profile(Profile::named("bw8").unwrap()).records(300).users(60).seed(5);
    let (gate, state, (stored, sink)) = (Gate::start("gate", terminal).await, State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    for by in 1..28 {
        gate.set_fault(&format!("cut-users={by}"));
        let report = sync(&engine).await;
        assert_eq!((report.run.exit_code, stored.stored().len()), (40, 0), "{by}: {report:?}");
    }
    gate.handle().clear_faults();
    sync(&engine).await;
    assert_eq!(keys(&stored.stored()), gate.keys());
}

#[tokio::test]
async fn a_log_whose_newest_punches_are_all_of_nobody_waits_until_one_is_somebodys() {
    let terminal = Terminal::builder().profile(Profile::named("bw8").unwrap()).records(300).users(60).seed(5);
    let mut punches: Vec<Punch> = Device::new(terminal.clone().build()).records().to_vec();
    for punch in punches.iter_mut().skip(100) {
        punch.uid += 700;
        punch.user_id = punch.uid.to_string().into();
    }
    let gate = Gate::start("gate", terminal.punches(punches)).await;
    let (state, (stored, sink)) = (State::new(), memory("db"));
    let engine = state.engine(&[&gate], &[sink]);
    let report = sync(&engine).await;
    assert_eq!((report.run.exit_code, stored.stored().len()), (40, 0), "{report:?}");
    assert!(report.devices[0].error.as_deref().unwrap().contains("16 of the last 16 records"), "{report:?}");
    gate.handle().punch_now().unwrap();
    let report = sync(&engine).await;
    assert_eq!((report.run.exit_code, report.devices[0].quarantined), (0, 200), "{report:?}");
    // Those of somebody are complete, and nobody has the others.
    assert_eq!(stored.stored().len(), 101);
    assert!(keys(&stored.stored()).is_subset(&gate.keys()));
}
