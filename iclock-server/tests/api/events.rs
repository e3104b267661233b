//! Events: pages, selections, files.

use std::collections::BTreeSet;

use attendance_model::{RawPunch, Source};
use chrono::NaiveDate;
use iclock_sync::Ingest;
use serde_json::Value;

use crate::common::Scene;

fn ids(events: &Value) -> Vec<String> {
    let events = events["events"].as_array().unwrap();
    events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_each_event_once_in_order() {
    let scene = Scene::start().await;
    let new = scene.service.status().terminals["gate"].new;
    let all = ids(&scene.json("/events?limit=1000").await);
    assert_eq!(all.len() as u64, new);
    let (mut seen, mut path) = (Vec::new(), "/events?limit=7".to_owned());
    loop {
        let page = scene.json(&path).await;
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/events?limit=7&cursor={next}");
    }
    assert_eq!(seen, all);
    let times: Vec<_> = scene.json("/events?limit=1000").await["events"].as_array().unwrap().to_vec();
    assert!(times.is_sorted_by_key(|event| event["local_time"].as_str().unwrap().to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_has_what_it_asks_for_and_nothing_else() {
    let scene = Scene::start().await;
    let all = scene.json("/events?limit=1000").await;
    let all = all["events"].as_array().unwrap();
    let one = &all[all.len() / 2];
    let (user, time) = (one["user_id"].as_str().unwrap(), one["local_time"].as_str().unwrap());
    let (day, state) = (&time[..10], &one["punch_state"]);
    let is_of = |name: &'static str, value: Value| move |event: &Value| event[name] == value;
    let on_day = |event: &Value| event["local_time"].as_str().unwrap().starts_with(day);
    let before = |event: &Value| event["local_time"].as_str().unwrap() < time;
    let serial = one["device_serial"].as_str().unwrap();
    type Is<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: [(String, Is<'_>); 6] = [
        (format!("user={user}"), Box::new(is_of("user_id", one["user_id"].clone()))),
        (format!("state={state}"), Box::new(is_of("punch_state", state.clone()))),
        (format!("from={day}&to={day}"), Box::new(on_day)),
        (format!("to={}", time.replace(' ', "T")), Box::new(before)),
        (format!("terminal={serial}"), Box::new(|_| true)),
        ("terminal=nobody".to_owned(), Box::new(|_| false)),
    ];
    for (query, is_meant) in cases {
        let found = scene.json(&format!("/events?limit=1000&{query}")).await;
        let expected: Vec<_> = all.iter().filter(|event| is_meant(event)).cloned().collect();
        assert_eq!(found["events"], Value::from(expected.clone()), "{query}");
        assert!(expected.len() < all.len() || query.starts_with("terminal="), "{query}: {}", expected.len());
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_spreadsheets_has_no_formula() {
    let scene = Scene::start().await;
    let noon = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let punch = RawPunch::new("SN9", "=1+1", "7", noon, Source::Push);
    let entered = scene.service.ingest(Ingest::new("SN9", "=1+1", Source::Push, vec![punch])).await.unwrap();
    assert_eq!(entered.new, 1);
    let csv = scene.get("/api/v1/events/export?format=csv").await.text;
    assert!(csv.contains(",'=1+1,") && !csv.contains(",=1+1"), "{csv}");
    let json = scene.get("/api/v1/events/export?format=json&terminal=SN9").await.json();
    assert_eq!(json[0]["device_name"], "=1+1", "programs get it as it is");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_file_has_each_event_once() {
    let scene = Scene::start().await;
    let list = scene.json("/events?limit=1000").await;
    let expected: BTreeSet<_> = ids(&list).into_iter().collect();
    let csv = scene.get("/api/v1/events/export?format=csv").await;
    assert_eq!(csv.kind, "text/csv; charset=utf-8");
    let mut lines = csv.text.lines();
    assert!(lines.next().unwrap().starts_with("event_id,device_serial,device_name,user_id,local_time,"));
    let first: Vec<_> = lines.map(|line| line.split(',').next().unwrap().to_owned()).collect();
    assert_eq!((first.len(), first.into_iter().collect()), (expected.len(), expected.clone()));
    let json = scene.get("/api/v1/events/export?format=json").await;
    assert_eq!(json.json(), list["events"]);
    let lines = scene.get("/api/v1/events/export?format=jsonl").await;
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(lines), list["events"]);
    // Of nothing, too.
    let none = scene.get("/api/v1/events/export?format=csv&user=nobody").await;
    assert_eq!(none.text.lines().count(), 1);
    assert_eq!(scene.get("/api/v1/events/export?format=json&user=nobody").await.json(), Value::from(Vec::<u8>::new()));
    assert_eq!(scene.get("/api/v1/events/export?format=jsonl&user=nobody").await.text, "");
    scene.end().await;
}
