//! `iclock` with nothing but the Python tool's own files, and `migrate`, against the Firestore emulator.

mod common;

use std::collections::BTreeMap;

use common::{Run, World, emulator, terminal};
use serde_json::Value;
use zk_sim::{Server, Terminal};

/// A key that opens nothing: the emulator needs none, but the Python tool's layout has the file.
fn key(project: &str) -> String {
    let word = "PRIVATE KEY-----";
    let key = format!("-----BEGIN {word}\nbm9uZQ==\n-----END {word}\n");
    let fields = [("type", "service_account"), ("project_id", project), ("private_key_id", "0"), ("private_key", &key)];
    let mut all: BTreeMap<&str, &str> = fields.into();
    all.insert("client_email", "a@b.example");
    serde_json::to_string(&all).unwrap()
}

/// A Python tool's directory for a terminal, and the project that its key names.
fn python_directory(world: &World, server: &Server) -> String {
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let project = format!("iclock-{nanos}");
    world.write(
        ".env",
        format!("DEVICE_IPS={}\nDEVICE_NAMES=gate\nDEVICE_PORT={}\n", server.addr().ip(), server.addr().port()),
    );
    world.write("config/firebase-key.json", key(&project));
    project
}

fn documents(address: &str, project: &str) -> BTreeMap<String, Value> {
    common::documents(address, project, "staffAttendanceLogs")
}

fn names(world: &World, dir: &str) -> Vec<String> {
    let entries = std::fs::read_dir(world.path().join(dir)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn iclock_runs_with_the_python_tools_own_files_and_writes_its_documents() {
    let Some(address) = emulator("iclock_runs_with_the_python_tools_own_files_and_writes_its_documents") else {
        return;
    };
    let world = World::new();
    let server = world.serve(terminal(250));
    let project = python_directory(&world, &server);
    world.iclock(&[]).ended(0);
    let stored = documents(&address, &project);
    assert_eq!(stored.len(), common::truth(&server).len());
    let punch = server.handle().records()[0].clone();
    let (user, time, mode, state) = common::row(&punch);
    let one =
        stored.values().find(|fields| fields["timestamp"]["timestampValue"] == time.replace(' ', "T") + "Z").unwrap();
    assert_eq!(one["staffId"]["stringValue"], user);
    assert_eq!(one["status"]["integerValue"], mode.to_string());
    assert_eq!(one["workCode"]["integerValue"], state.to_string());
    assert!(one["uploadedAt"]["timestampValue"].is_string());
    assert_eq!(one.as_object().unwrap().len(), 5);
    let audit = names(&world, "output");
    assert_eq!(audit.len(), 1);
    assert!(audit[0].starts_with("logs_"), "{audit:?}");
    let rows: Value = serde_json::from_str(&world.read(&format!("output/{}", audit[0]))).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), stored.len());
    assert!(names(&world, "logs")[0].starts_with("sync_"));
    // Nothing new: no further logs file.
    world.iclock(&[]).ended(0);
    assert_eq!(names(&world, "output").len(), 1);
}

#[test]
fn the_first_run_of_iclock_takes_over_what_the_python_tool_uploaded() {
    let Some(address) = emulator("the_first_run_of_iclock_takes_over_what_the_python_tool_uploaded") else { return };
    let world = World::new();
    let server = world.serve(terminal(250));
    let project = python_directory(&world, &server);
    world.iclock(&["--export-normalized"]).ended(0);
    let export = names(&world, "output").remove(0);
    let rows: Value = serde_json::from_str(&world.read(&format!("output/{export}"))).unwrap();
    let ids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["doc_id"].as_str().unwrap()).collect();
    assert!(documents(&address, &project).is_empty(), "an export sends nothing");
    std::fs::remove_dir_all(world.path().join("state")).unwrap();
    std::fs::remove_dir_all(world.path().join("output")).unwrap();
    // The cache knows all but ten, and was cut short; the logs file knows five of the ten.
    let cache = serde_json::to_string_pretty(&ids[10..]).unwrap();
    world.write("cache/uploaded_ids_cache.json", &cache[..cache.len() - 2]);
    world.write("output/logs_2025-05-18_07-00-00.json", serde_json::to_string(&rows.as_array().unwrap()[..5]).unwrap());
    world.iclock(&[]).ended(0);
    let written: Vec<String> = documents(&address, &project).into_keys().collect();
    let mut expected: Vec<&str> = ids[5..10].to_vec();
    expected.sort_unstable();
    assert_eq!(written, expected);
}

#[test]
fn after_migrate_a_sync_writes_nothing_that_the_python_tool_had_and_the_cache_goes_back() {
    let Some(address) =
        emulator("after_migrate_a_sync_writes_nothing_that_the_python_tool_had_and_the_cache_goes_back")
    else {
        return;
    };
    let world = World::new();
    let server = world.serve(terminal(120));
    let project = python_directory(&world, &server);
    world.iclock(&["--export-normalized"]).ended(0);
    let export = names(&world, "output").remove(0);
    let rows: Value = serde_json::from_str(&world.read(&format!("output/{export}"))).unwrap();
    let mut ids: Vec<String> =
        rows.as_array().unwrap().iter().map(|row| row["doc_id"].as_str().unwrap().to_owned()).collect();
    std::fs::remove_dir_all(world.path().join("state")).unwrap();
    world.write("cache/uploaded_ids_cache.json", serde_json::to_string(&ids).unwrap());
    world.cli(&["migrate", "--write-config", "iclock.toml"]).ended(0);
    let migrated = world.cli(&["migrate"]).ended(0);
    assert!(
        migrated.stdout.contains("120 ids count as delivered") && migrated.stdout.contains("new key"),
        "{migrated:?}"
    );
    let report = world.cli(&["sync", "--json"]).ended(0).report();
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][0]["pending"]), (&Value::from(0), &Value::from(0)));
    assert!(documents(&address, &project).is_empty());
    world.cli(&["migrate", "--export-cache", "back/cache.json"]).ended(0);
    let back: Vec<String> = serde_json::from_str(&world.read("back/cache.json")).unwrap();
    ids.sort_unstable();
    assert_eq!(back, ids);
}

/// Runs `iclock` without Firestore, because nothing is sent.
fn offline(world: &World, args: &[&str]) -> Run {
    world.iclock(args)
}

#[test]
fn more_than_300_new_logs_stop_iclock_with_50() {
    let world = World::new();
    let server = world.serve(terminal(301));
    python_directory(&world, &server);
    let run = offline(&world, &[]).ended(50);
    assert!(run.stdout.contains("--force"), "{}", run.stdout);
}

#[test]
fn a_dry_run_of_iclock_changes_no_file_and_needs_no_server() {
    let world = World::new();
    let server = world.serve(terminal(20));
    python_directory(&world, &server);
    let before = world.files();
    let run = offline(&world, &["--dry-run", "--since", "0"]).ended(0);
    assert!(run.stdout.contains("Dry run"), "{}", run.stdout);
    assert_eq!(world.files(), before);
}

#[test]
fn a_dry_run_of_iclock_before_the_first_run_counts_what_the_python_tool_uploaded() {
    let world = World::new();
    let server = world.serve(terminal(60));
    python_directory(&world, &server);
    offline(&world, &["--export-normalized"]).ended(0);
    let export = names(&world, "output").remove(0);
    let rows: Value = serde_json::from_str(&world.read(&format!("output/{export}"))).unwrap();
    let ids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["doc_id"].as_str().unwrap()).collect();
    std::fs::remove_dir_all(world.path().join("state")).unwrap();
    std::fs::remove_dir_all(world.path().join("output")).unwrap();
    world.write("cache/uploaded_ids_cache.json", serde_json::to_string(&ids[7..]).unwrap());
    let before = world.files();
    let run = offline(&world, &["--dry-run"]).ended(0);
    assert!(run.stdout.contains("7 events would be sent"), "{}", run.stdout);
    assert_eq!(world.files(), before);
}

#[test]
fn exports_are_where_the_python_tool_had_them() {
    let world = World::new();
    let server = world.serve(Terminal::builder().records(5).seed(1));
    python_directory(&world, &server);
    offline(&world, &["--export-simple", "--export-normalized", "--loop", "0"]).ended(0);
    let mut found = names(&world, "output");
    found.sort();
    assert!(found[0].starts_with("normalized_logs_") && found[1].starts_with("simplified_logs_"), "{found:?}");
}

#[test]
fn iclock_names_the_python_tools_files_where_they_are_missing() {
    let world = World::new();
    let run = world.iclock(&["--dry-run"]).ended(10);
    let first = "error: neither .env nor devices.json in this directory names a terminal\n";
    assert!(run.stderr.starts_with(first) && !run.stderr.contains("iclock.toml"), "{}", run.stderr);
    world.write(".env", "DEVICE_IPS=192.0.2.1\nDEVICE_NAMES=gate\n");
    let run = world.iclock(&["--dry-run"]).ended(10);
    assert!(run.stderr.contains("config/firebase-key.json") && run.stderr.contains("FIREBASE_KEY"), "{}", run.stderr);
}
