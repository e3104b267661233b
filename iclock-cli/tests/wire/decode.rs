//! `decode`.

use zk_proto::{Client, ClientError, ConnectOptions, Dataset};
use zk_sim::{Profile, Server};

use super::common::{World, row, terminal};
use super::lines;

/// The log of a terminal, as it sends it.
fn log(world: &World, server: &Server) -> Vec<u8> {
    world.runtime.block_on(async {
        let options = ConnectOptions::new("127.0.0.1").port(server.addr().port());
        let mut client = Client::connect(&options).await.unwrap();
        let prepared = client.prepare(Dataset::Attendance).await.unwrap();
        let mut all = Vec::new();
        let keep = |offset: u64, bytes: bytes::Bytes| {
            let offset = usize::try_from(offset).unwrap();
            all.resize(all.len().max(offset + bytes.len()), 0);
            all[offset..][..bytes.len()].copy_from_slice(&bytes);
            Ok::<_, ClientError>(())
        };
        client.read_all(&prepared, keep).await.unwrap();
        client.exit().await;
        all
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_log_of_each_family_is_proven_and_shown_from_bytes_and_from_hex() {
    let world = World::new();
    for family in ["tft40", "tft16", "face49", "bw8"] {
        let server = world.serve(terminal(200).profile(Profile::named(family).unwrap()));
        let bytes = log(&world, &server);
        world.write("log.bin", &bytes);
        world.write("log.hex", hex(&bytes));
        let run = world.cli(&["decode", "log.bin", "--count", "200", "--jsonl"]).ended(0);
        assert!(run.stderr.starts_with("PROVEN: 200 "), "{family}: {}", run.stderr);
        let records = lines(&run.stdout);
        let truth = server.handle().records();
        assert_eq!(records.len(), truth.len());
        for (record, punch) in records.iter().zip(&truth) {
            let (id, time, mode, state) = row(punch);
            assert_eq!((record["local_time"].as_str(), record["grade"].as_str()), (Some(&*time), Some("proven")));
            assert_eq!(
                (record["verify_mode"].as_u64(), record["punch_state"].as_u64()),
                (Some(mode.into()), Some(state.into()))
            );
            assert!(record["user_id"] == id || family == "bw8" && record["uid"].is_u64(), "{family}: {record}");
        }
        let from_hex = world.cli(&["decode", "log.hex", "--count", "200", "--jsonl"]).ended(0);
        assert_eq!(from_hex.stdout, run.stdout);
    }
}

#[test]
fn bytes_come_from_standard_input_too_and_people_get_a_table() {
    let world = World::new();
    let server = world.serve(terminal(40));
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    let output =
        program.args(["decode", "-", "--count", "40"]).write_stdin(hex(&log(&world, &server))).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.lines().count(), 41, "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn what_is_not_proven_is_said_and_shown_only_in_a_layout_that_is_named() {
    let world = World::new();
    let server = world.serve(terminal(100));
    let mut bytes = log(&world, &server);
    // Twelve bytes are missing from the first record.
    bytes.drain(4..16);
    world.write("log.bin", &bytes);
    let run = world.cli(&["decode", "log.bin", "--count", "100"]).ended(40);
    assert!(run.stderr.starts_with("UNPROVEN: ") && run.stdout.is_empty(), "{run:?}");
    let run = world.cli(&["decode", "log.bin", "--layout", "40", "--csv"]).ended(40);
    assert!(run.stderr.contains("try: --count"), "{}", run.stderr);
    assert!(run.stdout.starts_with("number,grade,user_id"), "{}", run.stdout);
    assert!(!run.stdout.contains("proven"), "{}", run.stdout);
    world.write("noise.bin", [7; 30]);
    let run = world.cli(&["decode", "noise.bin"]).ended(40);
    assert!(run.stderr.contains("no layout makes more good records than bad ones"), "{}", run.stderr);
    world.cli(&["decode", "noise.bin", "--layout", "40"]).ended(2);
    world.write("readme.md", "# A text\nand no log\n".repeat(20));
    let run = world.cli(&["decode", "readme.md"]).ended(40);
    assert!(run.stderr.contains("this is text") && !run.stderr.contains("try: --count"), "{}", run.stderr);
    let run = world.cli(&["decode", "missing.bin"]).ended(2);
    assert!(run.stderr.contains("cannot read missing.bin") && run.stderr.contains("try: "), "{}", run.stderr);
}
