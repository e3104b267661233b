//! What an operator may order.

use iclock_server::access::Role;
use iclock_sync::service::status::Activity;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Answer, Scene, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_polls_pauses_and_resumes() {
    let scene = Scene::start().await;
    let operator = scene.token("operator", Role::Operator);
    let order = async |path: &str| scene.ask(Method::POST, &format!("/api/v1{path}"), Some(&operator)).await.status;
    let polls = || scene.service.status().terminals["gate"].polls;
    let before = polls();
    assert_eq!(order("/terminals/gate/poll").await, 202);
    until("it is polled", || polls() > before).await;
    let is_paused = || scene.service.status().terminals["gate"].activity == Activity::Paused;
    assert_eq!(order("/terminals/gate/pause").await, 204);
    until("it is paused", is_paused).await;
    assert_eq!(order("/terminals/gate/resume").await, 204);
    until("it goes on", || !is_paused()).await;
    assert_eq!(order("/sinks/school/pause").await, 204);
    assert!(scene.service.status().sinks["school"].paused);
    assert_eq!(order("/sinks/school/resume").await, 204);
    assert!(!scene.service.status().sinks["school"].paused);
    // An order for the one is none for the other.
    let wrong = ["/terminals/school/pause", "/sinks/gate/resume", "/terminals/nobody/poll", "/pushing/a%20b/approve"];
    let answers = [order(wrong[0]).await, order(wrong[1]).await, order(wrong[2]).await, order(wrong[3]).await];
    assert_eq!(answers, [404, 404, 404, 400]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_orders_nothing() {
    let scene = Scene::start().await;
    let viewer = scene.token("another", Role::Viewer);
    let polls = scene.service.status().terminals["gate"].polls;
    for path in ["/terminals/gate/poll", "/terminals/gate/pause", "/sinks/school/pause", "/pushing/SN1/approve"] {
        let answer = scene.ask(Method::POST, &format!("/api/v1{path}"), Some(&viewer)).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.json()["try"].as_str().unwrap().contains("operator"), "{answer:?}");
    }
    let status = scene.service.status();
    assert_eq!((status.terminals["gate"].polls, status.sinks["school"].paused), (polls, false));
    scene.end().await;
}

/// Sends an order with a body.
async fn post(scene: &Scene, token: &str, path: &str, body: &Value) -> Answer {
    scene.send(Method::POST, &format!("/api/v1{path}"), Some(token), Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_in_the_audit_with_who_gave_it_before_it_is_carried_out() {
    let scene = Scene::start().await;
    let (operator, administrator) =
        (scene.token("shift lead", Role::Operator), scene.token("chief", Role::Administrator));
    let empty = json!({});
    assert_eq!(scene.ask(Method::POST, "/api/v1/terminals/gate/pause", Some(&operator)).await.status, 204);
    assert_eq!(post(&scene, &operator, "/sinks/school/replay", &empty).await.status, 202);
    assert_eq!(scene.ask(Method::POST, "/api/v1/pushing/SN9/deny", Some(&operator)).await.status, 202);
    // What is refused is no order.
    // A list is not taken for the fields in their order.
    assert_eq!(post(&scene, &operator, "/sinks/school/replay", &json!([null, null, null])).await.status, 400);
    let resolve = json!({ "ids": [1], "note": "a test card" });
    assert_eq!(post(&scene, &operator, "/quarantine/resolve", &resolve).await.status, 403);
    assert_eq!(scene.ask(Method::POST, "/api/v1/terminals/nobody/pause", Some(&operator)).await.status, 404);
    assert_eq!(post(&scene, &administrator, "/quarantine/resolve", &resolve).await.json()["resolved"], 1);
    assert_eq!(scene.ask(Method::GET, "/api/v1/audit/orders", Some(&operator)).await.status, 403);
    let page = async |path: &str| scene.ask(Method::GET, path, Some(&administrator)).await.json();
    let audit = page("/api/v1/audit/orders").await;
    let orders: Vec<_> = audit["orders"].as_array().unwrap().iter().map(|o| (&o["by"], &o["what"], &o["of"])).collect();
    let expected = [
        ("token chief", "resolve", "record 1"),
        ("token shift lead", "deny terminal", "SN9"),
        ("token shift lead", "replay", "school"),
        ("token shift lead", "pause terminal", "gate"),
    ];
    let expected = expected.map(|(by, what, of)| (Value::from(by), Value::from(what), Value::from(of)));
    assert_eq!(orders, expected.each_ref().map(|(by, what, of)| (by, what, of)));
    assert!(audit["orders"].as_array().unwrap().iter().all(|order| order["from"] == "127.0.0.1"), "{audit}");
    // Page by page.
    let first = page("/api/v1/audit/orders?limit=3").await;
    let rest = page(&format!("/api/v1/audit/orders?limit=3&before={}", first["next"])).await;
    assert_eq!((&rest["orders"][0], &rest["next"]), (&audit["orders"][3], &Value::Null));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_dealt_with_by_an_administrator_and_judged_again_by_an_operator() {
    let scene = Scene::start().await;
    let (operator, administrator) =
        (scene.token("operator", Role::Operator), scene.token("chief", Role::Administrator));
    let waiting = scene.json("/quarantine?limit=1000").await;
    let ids: Vec<_> = waiting["records"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect();
    let raw = scene.get(&format!("/api/v1/quarantine/{}/raw", ids[0])).await;
    assert_eq!((&*raw.kind, raw.bytes.len()), ("application/octet-stream", 40));
    assert_eq!(waiting["records"][0]["raw"], hex::encode(&raw.bytes));
    for (body, named) in [
        (json!({ "ids": [], "note": "x" }), "ids"),
        (json!({ "ids": vec![1; 1_001], "note": "x" }), "ids"),
        (json!({ "ids": [1], "note": " " }), "note"),
        (json!({ "ids": [1], "note": "n".repeat(501) }), "note"),
        (json!({ "ids": [1], "note": "x", "all": true }), "all"),
    ] {
        let answer = post(&scene, &administrator, "/quarantine/resolve", &body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(named), "{answer:?}");
    }
    let body = json!({ "ids": [ids[0]], "note": "a test card" });
    assert_eq!(post(&scene, &administrator, "/quarantine/resolve", &body).await.json()["resolved"], 1);
    assert_eq!(post(&scene, &administrator, "/quarantine/resolve", &body).await.json()["resolved"], 0);
    let record = scene.json(&format!("/quarantine/{}", ids[0])).await;
    assert_eq!((&record["resolution"], &record["note"]), (&json!("by_hand"), &json!("a test card")));
    let released = scene.ask(Method::POST, "/api/v1/quarantine/replay", Some(&operator)).await;
    assert_eq!(released.json()["released"], 0, "the rules are the same");
    // A body of any size is not read.
    let long = json!({ "ids": [1], "note": "n".repeat(100_000) });
    assert_eq!(post(&scene, &administrator, "/quarantine/resolve", &long).await.status, 413);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_gets_again_what_an_operator_chooses() {
    let scene = Scene::start().await;
    let operator = scene.token("operator", Role::Operator);
    let new = scene.service.status().terminals["gate"].new;
    until("all is delivered", || scene.service.status().sinks["school"].stored == new).await;
    let day = scene.json("/events?limit=1").await["events"][0]["local_time"].as_str().unwrap()[..10].to_owned();
    let of_day = scene.json(&format!("/events?limit=1000&from={day}&to={day}")).await;
    let of_day = of_day["events"].as_array().unwrap().len();
    let sent = post(&scene, &operator, "/sinks/school/replay", &json!({ "from": day, "to": day })).await;
    assert_eq!((sent.status, &sent.json()["pending"]), (202, &json!(of_day)));
    until("they went out", || scene.service.status().sinks["school"].already_stored == of_day as u64).await;
    let none = post(&scene, &operator, "/sinks/school/replay", &json!({ "refused": true })).await;
    assert_eq!(none.json()["pending"], 0);
    assert_eq!(post(&scene, &operator, "/sinks/gate/replay", &json!({})).await.status, 404);
    assert_eq!(post(&scene, &operator, "/sinks/school/replay", &json!({ "since": day })).await.status, 400);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_a_terminal_and_sets_its_clock() {
    let scene = Scene::start().await;
    let operator = scene.token("operator", Role::Operator);
    let ask = async |method: Method, what: &str| {
        let answer = scene.ask(method, &format!("/api/v1/terminals/gate/{what}"), Some(&operator)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    scene.terminal.handle().move_clock(chrono::TimeDelta::hours(2));
    assert!(ask(Method::GET, "clock").await["clock_drift_ms"].as_i64().unwrap() > 7_000_000);
    let set = ask(Method::POST, "clock").await;
    assert!(set["before"]["clock_drift_ms"].as_i64().unwrap() > 7_000_000, "{set}");
    assert!(set["after"]["clock_drift_ms"].as_i64().unwrap().abs() < 3_000, "{set}");
    let capacity = ask(Method::GET, "capacity").await;
    assert_eq!((&capacity["users"], &capacity["records"]), (&json!(8), &json!(60)));
    let users = ask(Method::GET, "users").await;
    let users = users["users"].as_array().unwrap();
    assert_eq!(users.len(), 8);
    let names: std::collections::BTreeSet<_> = users[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["uid", "user_id", "name", "privilege", "group"].into(), "no password, no card");
    let readings = scene.json("/terminals/gate/readings").await;
    assert_eq!(readings["readings"][0]["source"], "pull");
    // One that does not answer is said so.
    scene.terminal.handle().set_faults(&[zk_sim::Fault::parse("drop-after=0").unwrap()]);
    let failed = scene.ask(Method::GET, "/api/v1/terminals/gate/clock", Some(&operator)).await;
    assert_eq!((failed.status, &*failed.kind), (502, "application/problem+json"), "{failed:?}");
    scene.end().await;
}
