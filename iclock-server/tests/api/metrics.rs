//! The metrics, as Prometheus fetches and reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use iclock_server::access::Role;
use iclock_sync::DeviceOptions;
use reqwest::Method;

use crate::commands::Receiving;
use crate::common::{Scene, terminal, until, usual};

/// The samples of a text: the value of each series, labels included.
type Samples = BTreeMap<String, f64>;

/// Fetches the metrics once everything was delivered.
async fn fetch(scene: &Scene) -> (String, Samples) {
    until("all is delivered", || {
        let sink = &scene.service.status().sinks["school"];
        sink.stored > 0 && sink.pending == 0
    })
    .await;
    until("the disk was looked at", || scene.service.status().disk.is_some()).await;
    let token = scene.token("prometheus", Role::Metrics);
    let answer = scene.ask(Method::GET, "/metrics", Some(&token)).await;
    assert_eq!((answer.status, &*answer.kind), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let samples = read(&answer.text);
    (answer.text, samples)
}

/// Reads OpenMetrics text, and finds every fault that a strict reader would.
fn read(text: &str) -> Samples {
    let lines = text.strip_suffix("# EOF\n").expect("the last line says that nothing is missing");
    let (mut families, mut family, mut kind) = (BTreeSet::new(), String::new(), String::new());
    let mut samples = Samples::new();
    for line in lines.lines() {
        if let Some(described) = line.strip_prefix("# ") {
            let mut words = described.splitn(3, ' ');
            let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            match what {
                "HELP" => {
                    assert!(families.insert(name.to_owned()), "{name} comes twice");
                    family = name.to_owned();
                }
                "TYPE" => kind = rest.to_owned(),
                _ => panic!("{line}"),
            }
            assert_eq!(family, name, "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} is within {family}"));
        let suffixes: &[&str] = match &*kind {
            "counter" => &["_total"],
            "histogram" => &["_sum", "_count", "_bucket"],
            "gauge" => &[""],
            _ => panic!("{family} is a {kind}"),
        };
        assert!(suffixes.contains(&suffix), "{line} is of a {kind}");
        let value = value.parse().unwrap();
        assert!(kind != "counter" || value >= 0.0, "{line}");
        assert!(samples.insert(series.to_owned(), value).is_none(), "{series} comes twice");
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_what_the_api_says_of_terminals_sinks_and_the_quarantine() {
    let scene = Scene::start().await;
    let (text, samples) = fetch(&scene).await;
    let value = |series: &str| *samples.get(series).unwrap_or_else(|| panic!("{series} is missing in\n{text}"));
    let status = scene.service.status();
    let (gate, school) = (&status.terminals["gate"], &status.sinks["school"]);
    assert_eq!(value("iclock_terminal_up{terminal=\"gate\"}"), 1.0);
    let seconds = |moment: Option<chrono::DateTime<chrono::Utc>>| moment.unwrap().timestamp_millis() as f64 / 1_000.0;
    assert_eq!(value("iclock_terminal_last_success_timestamp_seconds{terminal=\"gate\"}"), seconds(gate.last_success));
    assert_eq!(value("iclock_terminal_records_read_total{terminal=\"gate\"}"), 60.0);
    assert_eq!(value("iclock_terminal_new_events_total{terminal=\"gate\"}"), school.stored as f64);
    for (name, expected) in [
        ("stored_total", school.stored as f64),
        ("rejected_total", 0.0),
        ("pending", 0.0),
        ("paused", 0.0),
        ("lag_seconds", 0.0),
        ("up", 1.0),
    ] {
        assert_eq!(value(&format!("iclock_sink_{name}{{sink=\"school\"}}")), expected, "{name}");
    }
    let sizes = scene.json("/quarantine").await["sizes"].clone();
    assert_eq!((sizes.as_array().unwrap().len(), &sizes[0]["reason"]), (1, &"empty_user_id".into()));
    let waiting = value("iclock_quarantine_records{terminal=\"gate\",reason=\"empty_user_id\"}");
    assert_eq!(waiting, sizes[0]["waiting"].as_f64().unwrap());
    assert!(waiting > 0.0 && waiting + school.stored as f64 == 60.0, "{waiting} of 60 wait");
    assert!(value("iclock_disk_free_bytes") > 0.0 && value("iclock_ledger_bytes") > 0.0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_delivery_is_counted_once_for_each_event_that_was_stored() {
    let scene = Scene::start().await;
    let (text, samples) = fetch(&scene).await;
    let stored = scene.service.status().sinks["school"].stored as f64;
    assert_eq!(samples["iclock_event_delivery_seconds_count{sink=\"school\"}"], stored);
    let buckets = || text.lines().filter(|line| line.starts_with("iclock_event_delivery_seconds_bucket"));
    let counts: Vec<f64> = buckets().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
    assert!(counts.len() > 5 && counts.is_sorted() && counts.last() == Some(&stored), "{counts:?}");
    assert!(buckets().next_back().unwrap().contains("le=\"+Inf\""), "{text}");
    // The simulated log is of past weeks.
    assert!(samples["iclock_event_delivery_seconds_sum{sink=\"school\"}"] > stored, "{text}");
    scene.end().await;
}

/// The names of metrics in a text: words that begin with this.
fn named(text: &str, prefix: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with(prefix)).map(str::to_owned).collect()
}

fn file_of_the_repository(path: &str) -> String {
    fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_the_dashboard_and_the_manual_name_what_the_service_measures_and_nothing_else() {
    let door = DeviceOptions::push("door", "SN1");
    let scene = Scene::beside(terminal(), usual(), std::slice::from_ref(&door)).await;
    let receiving = Receiving::start(&scene, &door).await;
    receiving.send("cdata?SN=STRANGER&table=ATTLOG&Stamp=9999", "7\t2026-03-01 08:00:00\t0\t1\n").await;
    let (text, samples) = fetch(&scene).await;
    let measured: BTreeSet<&str> = samples.keys().map(|series| series.split('{').next().unwrap()).collect();
    for path in ["deploy/prometheus/iclock.rules.yml", "deploy/grafana/iclock.json"] {
        let content = file_of_the_repository(path);
        let named = &named(&content, "iclock_") | &named(&content, "process_");
        assert!(named.len() > 5, "{path} names {named:?}");
        for name in named {
            assert!(measured.contains(&*name), "{path} names {name}, which is not in\n{text}");
        }
    }
    let manual = file_of_the_repository("docs/monitoring.md");
    for name in measured {
        let short = ["iclock_terminal_", "iclock_sink_", "iclock_push"].iter().find_map(|of| name.strip_prefix(of));
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let is_explained = |name: &str| manual.contains(&format!("`{name}"));
        let explained = is_explained(whole) || short.is_some_and(is_explained) || name.starts_with("process_");
        assert!(explained, "docs/monitoring.md does not explain {name}");
    }
    receiving.end().await;
    scene.end().await;
}
