//! The requests that a sync sends to Firestore, counted between the program and the emulator, and their result.

mod common;
#[path = "common/recorder.rs"]
mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use attendance_model::EventId;
use chrono::NaiveDateTime;
use common::{Row, World, create_document, delete_document, documents, emulator, is_valid, row, terminal, truth};
use recorder::{Recorder, Requests};
use serde_json::{Value, json};
use zk_sim::{Profile, Server};

const COLLECTION: &str = "staffAttendanceLogs";
const BATCH_GET: &str = "/google.firestore.v1.Firestore/BatchGetDocuments";
const COUNT: &str = "/google.firestore.v1.Firestore/RunAggregationQuery";
const BATCH_WRITE: &str = "/google.firestore.v1.Firestore/BatchWrite";

/// A project that no other test, and no earlier run against the same emulator, has.
fn new_project(what: &str) -> String {
    format!("{what}-{}", std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos())
}

/// Syncs by `iclock.toml` through the recorder.
fn sync(world: &World, recorder: &Recorder, more: &[&str]) -> Value {
    let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    program.env("FIRESTORE_EMULATOR_HOST", recorder.address()).args(["sync", "--json"]).args(more);
    let output = program.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn configure(world: &World, terminal: SocketAddr, setting: &str, project: &str) {
    let (host, port) = (terminal.ip(), terminal.port());
    let device = format!("[[device]]\nname = \"gate\"\nhost = \"{host}\"\nport = {port}\n{setting}\n");
    world.write("iclock.toml", format!("{device}[[sink]]\nurl = \"firestore://{project}/{COLLECTION}\"\n"));
}

/// Asserts that every request was a write, and that the report has as many.
#[track_caller]
fn assert_writes_alone(requests: &Requests, report: &Value) {
    let sent = report["sinks"][0]["requests"].as_u64().unwrap();
    assert_eq!(requests, &Requests::from([(BATCH_WRITE.to_owned(), sent)]), "{report}");
}

#[test]
fn a_full_sync_asks_firestore_for_writes_alone_and_the_next_run_asks_nothing() {
    let Some(address) = emulator("a_full_sync_asks_firestore_for_writes_alone_and_the_next_run_asks_nothing") else {
        return;
    };
    let (world, project) = (World::new(), new_project("reads"));
    let recorder = Recorder::start(&world, &address);
    let server = world.serve(terminal(5_000));
    configure(&world, server.addr(), "", &project);
    let first = sync(&world, &recorder, &[]);
    let stored = documents(&address, &project, COLLECTION);
    assert_eq!(first["sinks"][0]["stored"], stored.len());
    assert!(stored.len() > 4_900, "{first}");
    let requests = recorder.take();
    assert_writes_alone(&requests, &first);
    // Ten full batches, and the probe before the first.
    assert_eq!(requests[BATCH_WRITE], 11);

    for more in [&[][..], &["--full"]] {
        let again = sync(&world, &recorder, more);
        assert_eq!((&again["totals"]["new"], &again["sinks"][0]["requests"]), (&json!(0), &json!(0)));
        // A full run checks that one of the documents that were sent is there.
        let look = if more.is_empty() { Requests::new() } else { Requests::from([(BATCH_GET.to_owned(), 1)]) };
        assert_eq!(recorder.take(), look, "a run without news asks nothing else: {more:?}");
    }

    // The ledger is lost, the documents are not: the same writes are refused one by one, and still there is no read.
    std::fs::remove_dir_all(world.path().join("state")).unwrap();
    let afresh = sync(&world, &recorder, &[]);
    assert_eq!(
        (&afresh["sinks"][0]["stored"], &afresh["sinks"][0]["already_stored"]),
        (&json!(0), &json!(stored.len()))
    );
    assert_writes_alone(&recorder.take(), &afresh);
    assert_eq!(documents(&address, &project, COLLECTION), stored, "uploadedAt is that of the first upload");
}

#[test]
fn after_migrate_a_sync_sends_firestore_only_what_the_python_tool_missed() {
    let Some(address) = emulator("after_migrate_a_sync_sends_firestore_only_what_the_python_tool_missed") else {
        return;
    };
    let (world, project) = (World::new(), new_project("migrated"));
    let recorder = Recorder::start(&world, &address);
    let server = world.serve(terminal(3_000));
    configure(&world, server.addr(), "", &project);
    let mut ids: Vec<String> = truth(&server).iter().map(document_id).collect::<BTreeSet<_>>().into_iter().collect();
    // The logs file knows a hundred that the cache lost, and 300 are new.
    let (lacked, had) = ids.split_at_mut(300);
    world.write("old/cache/uploaded_ids_cache.json", serde_json::to_string_pretty(&had[100..]).unwrap());
    let audit: Vec<Value> = had[..100].iter().map(|id| json!({ "doc_id": id })).collect();
    world.write("old/output/logs_2025-05-18_07-00-00.json", serde_json::to_string(&audit).unwrap());
    let mut migrate = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
    assert!(
        migrate
            .env("FIRESTORE_EMULATOR_HOST", recorder.address())
            .args(["migrate", "old"])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(recorder.take(), Requests::new(), "migrate contacts nothing");

    let report = sync(&world, &recorder, &[]);
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][0]["already_stored"]), (&json!(300), &json!(2_700)));
    assert_writes_alone(&recorder.take(), &report);
    // The rest counts as delivered without a request: there is one batch, and the probe before it.
    assert_eq!(report["sinks"][0]["requests"], 2);
    let stored: Vec<String> = documents(&address, &project, COLLECTION).into_keys().collect();
    assert_eq!(stored, lacked);
}

#[test]
fn a_document_that_was_deleted_is_found_by_counts_and_sent_again() {
    let Some(address) = emulator("a_document_that_was_deleted_is_found_by_counts_and_sent_again") else { return };
    let (world, project) = (World::new(), new_project("verified"));
    let recorder = Recorder::start(&world, &address);
    let server = world.serve(terminal(400));
    configure(&world, server.addr(), "", &project);
    sync(&world, &recorder, &[]);
    recorder.take();
    let verify = |flags: &[&str], code: i32| -> Value {
        let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
        program.env("FIRESTORE_EMULATOR_HOST", recorder.address());
        let output = program.args(["verify", "--json", "--no-terminals"]).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let result = verify(&[], 0);
    assert_eq!((&result["missing"], &result["sinks"][0]["days_looked_up"]), (&json!(0), &json!(0)), "{result}");
    // While the counts agree, nothing but counts is asked for.
    let asked = recorder.take();
    assert!(asked.len() == 1 && asked.contains_key(COUNT), "{asked:?}");
    let all = documents(&address, &project, COLLECTION);
    let (id, document) = all.iter().nth(100).unwrap();
    delete_document(&address, &project, COLLECTION, id);
    let foreign = json!({ "staffId": { "stringValue": "7" }, "timestamp": document["timestamp"] });
    let result = verify(&[], 70);
    let day = &result["sinks"][0]["days"][0];
    assert_eq!((&result["missing"], &day["missing"]), (&json!(1), &json!(1)), "{result}");
    assert_eq!(day["examples"][0]["user_id"], document["staffId"]["stringValue"]);
    create_document(&address, &project, COLLECTION, "somebody-elses", &foreign);
    assert_eq!(verify(&[], 0)["missing"], 0, "the counts agree");
    let result = verify(&["--every-event", "--repair"], 0);
    assert_eq!(result["repairs"][0]["sinks"][0]["stored"], 1, "{result}");
    assert_eq!((&result["missing"], &result["sinks"][0]["not_from_here"]), (&json!(0), &json!(1)), "{result}");
    let mut repaired = documents(&address, &project, COLLECTION);
    assert!(repaired.remove("somebody-elses").is_some(), "it is left alone");
    let ids = |documents: BTreeMap<String, Value>| documents.into_keys().collect::<Vec<_>>();
    assert_eq!(ids(repaired), ids(all));
}

/// The Python tool's directory after years: 12,000 ids of documents that damaged logs left behind, one id of which the
/// end is missing, a logs file with ids that the cache lost, and one that was cut short.
#[test]
fn a_large_cache_with_garbage_and_a_broken_id_is_taken_over_without_a_duplicate() {
    let Some(address) = emulator("a_large_cache_with_garbage_and_a_broken_id_is_taken_over_without_a_duplicate") else {
        return;
    };
    let (world, project) = (World::new(), new_project("large"));
    let recorder = Recorder::start(&world, &address);
    let server = world.serve(terminal(27_400));
    configure(&world, server.addr(), "", &project);
    let ids: Vec<String> = truth(&server).iter().map(document_id).collect::<BTreeSet<_>>().into_iter().collect();
    let (lacked, had) = ids.split_at(300);
    let (audited, cached) = had.split_at(100);
    let garbage: Vec<String> =
        (0..39_000 - cached.len()).map(|n| EventId::from_bytes((n as u128).to_be_bytes()).to_string()).collect();
    assert!((11_900..=12_100).contains(&garbage.len()), "{} ids of garbage", garbage.len());
    let mut cache: Vec<&str> = cached.iter().chain(&garbage).map(String::as_str).collect();
    let broken = cached[20_000].as_str();
    cache[20_000] = &broken[..17];
    world.write("old/cache/uploaded_ids_cache.json", serde_json::to_string_pretty(&cache).unwrap());
    let rows = |ids: &[String]| {
        serde_json::to_string_pretty(&ids.iter().map(|id| json!({ "doc_id": id })).collect::<Vec<_>>()).unwrap()
    };
    world.write("old/output/logs_2025-05-18_07-00-00.json", rows(audited));
    let cut = rows(&cached[..50]);
    world.write("old/output/logs_2025-05-19_07-00-00.json", &cut[..cut.len() - 20]);
    world.write("old/output/normalized_logs_2025-05-19_07-00-00.json", rows(lacked));
    // The document of the broken id is there.
    let there = json!({ "staffId": { "stringValue": "as Python wrote it" } });
    create_document(&address, &project, COLLECTION, broken, &there);
    let migrate = || {
        let mut program = world.program(env!("CARGO_BIN_EXE_iclock-cli"));
        let program = program.env("FIRESTORE_EMULATOR_HOST", recorder.address()).args(["migrate", "old"]);
        let output = program.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let found = migrate();
    for part in [
        "uploaded_ids_cache.json: 38,999 ids; 1 entry has no whole id",
        "logs_2025-05-18_07-00-00.json: 100 ids",
        "logs_2025-05-19_07-00-00.json: 49 ids; it is damaged or was cut short",
        "39,099 ids count as delivered",
        "After the first sync",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!found.contains("normalized"), "{found}");
    let report = sync(&world, &recorder, &[]);
    assert_eq!((&report["sinks"][0]["stored"], &report["sinks"][0]["pending"]), (&json!(300), &json!(0)), "{report}");
    let mut stored = documents(&address, &project, COLLECTION);
    assert_eq!(stored.remove(broken), Some(there), "it is as it was");
    assert_eq!(stored.into_keys().collect::<Vec<_>>(), lacked);
    assert_eq!(sync(&world, &recorder, &["--full"])["sinks"][0]["stored"], 0);
    let (events, others) = (had.len() - 1, garbage.len());
    let grouped = |number: usize| format!("{},{:03}", number / 1_000, number % 1_000);
    let found = migrate();
    let of_events =
        format!("{} of 39,099 ids are of events in the ledger; {} are of none", grouped(events), grouped(others));
    assert!(found.contains("0 ids count as delivered") && found.contains(&of_events), "{of_events}: {found}");
}

#[test]
fn documents_of_every_layout_are_the_python_tools() {
    let Some(address) = emulator("documents_of_every_layout_are_the_python_tools") else { return };
    for (profile, setting) in [("tft40", ""), ("bw8", ""), ("bw16", "sixteen_mode_first = true")] {
        let (world, project) = (World::new(), new_project(profile));
        let recorder = Recorder::start(&world, &address);
        let server = world.serve(terminal(1_000).profile(Profile::named(profile).unwrap()));
        configure(&world, server.addr(), setting, &project);
        let report = sync(&world, &recorder, &[]);
        assert_writes_alone(&recorder.take(), &report);
        let mut stored = documents(&address, &project, COLLECTION);
        for fields in stored.values_mut() {
            let uploaded = fields.as_object_mut().unwrap().remove("uploadedAt").unwrap();
            assert!(uploaded["timestampValue"].is_string(), "{uploaded}");
        }
        assert_eq!(stored, expected(&server, profile == "bw16"), "{profile}");
    }
}

/// The five fields of each document but the server's time, as the Python tool would write them: of several punches of a
/// person in a second the first.
fn expected(server: &Server, mode_first: bool) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for punch in server.handle().records().iter().filter(|punch| is_valid(punch)) {
        let row = row(punch);
        let (user, time, mode, state) = &row;
        // The Python tool took the first of the two bytes of a 16-byte record for the mode.
        let (status, work_code) = if mode_first { (state, mode) } else { (mode, state) };
        let document = json!({
            "staffId": { "stringValue": user },
            "timestamp": { "timestampValue": time.replace(' ', "T") + "Z" },
            "status": { "integerValue": status.to_string() },
            "workCode": { "integerValue": work_code.to_string() },
        });
        all.entry(document_id(&row)).or_insert(document);
    }
    all
}

/// MD5 of `<staffId>_<local time>`; the model's tests hold it against the Python tool's own ids.
fn document_id((user, time, ..): &Row) -> String {
    EventId::iclock_sync_v1(user, NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap()).to_string()
}
