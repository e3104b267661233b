//! Logs that could not be proven: what their bytes may mean, and a person who accepts one.

use iclock_server::ServerOptions;
use iclock_server::access::Role;
use reqwest::Method;
use serde_json::{Value, json};
use zk_sim::{Fault, Terminal};

use crate::browser::Browser;
use crate::common::{Answer, Scene, until};

/// A terminal of whose log a part is damaged.
async fn damaged() -> Scene {
    let fault = Fault::parse("damaged-patch=130@200").unwrap();
    let terminal = Terminal::builder().records(400).users(30).seed(7).serial("BAD1").fault(fault);
    let scene = Scene::with(terminal, ServerOptions::default()).await;
    let log = scene.json("/unproven").await["unproven"][0].clone();
    assert_eq!((&log["id"], &log["device_serial"], &log["accepted_at"]), (&json!(1), &json!("BAD1"), &Value::Null));
    scene
}

async fn accept(scene: &Scene, token: &str, id: i64, body: &Value) -> Answer {
    scene.send(Method::POST, &format!("/api/v1/unproven/{id}/accept"), Some(token), Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_looks_at_a_log_and_accepts_what_is_good_in_it() {
    let scene = damaged().await;
    let log = scene.json("/unproven/1").await;
    let layout = &log["layouts"][0];
    let count = |field: &str| layout[field].as_u64().unwrap();
    assert_eq!((&layout["layout"], count("records")), (&json!("40"), 400), "{layout}");
    assert!(count("good") >= 260 && count("bad") > 0, "{layout}");
    let first = &layout["first"][0];
    assert!(first["number"] == 1 && first["grade"] == "good", "{first}");
    assert_eq!(first["raw"].as_str().map(str::len), Some(80));
    let administrator = scene.token("chief", Role::Administrator);
    let operator = scene.token("operator", Role::Operator);
    for (token, id, body, status) in [
        (&operator, 1, json!({ "serial": "BAD1", "layout": "40" }), 403),
        (&administrator, 2, json!({ "serial": "BAD1", "layout": "40" }), 404),
        (&administrator, 1, json!({ "serial": "BAD2", "layout": "40" }), 409),
        (&administrator, 1, json!({ "serial": "BAD1", "layout": "41" }), 409),
        (&administrator, 1, json!({ "serial": "BAD1", "layout": "wide" }), 400),
        (&administrator, 1, json!({ "layout": "40" }), 400),
        (&administrator, 1, json!({ "serial": "BAD1", "layout": "40", "more": 1 }), 400),
    ] {
        let answer = accept(&scene, token, id, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    assert_eq!(scene.json("/events").await["events"], json!([]), "nothing entered");
    let done = accept(&scene, &administrator, 1, &json!({ "serial": "BAD1", "layout": "40" })).await;
    assert_eq!(done.status, 200, "{done:?}");
    let new = done.json()["new"].as_u64().unwrap();
    assert_eq!(new + done.json()["quarantined"].as_u64().unwrap(), 400);
    let events = scene.json("/events?limit=1000").await["events"].as_array().unwrap().clone();
    assert_eq!(events.len() as u64, new);
    assert!(events.iter().all(|event| event["flags"].to_string().contains("accepted_by_hand")), "{}", events[0]);
    until("all is delivered", || scene.service.status().sinks["school"].pending == 0).await;
    let again = accept(&scene, &administrator, 1, &json!({ "serial": "BAD1", "layout": "40" })).await;
    assert_eq!(again.status, 409, "{again:?}");
    // One order is in the audit: those that were refused changed nothing.
    let audit = scene.ask(Method::GET, "/api/v1/audit/orders", Some(&administrator)).await.json();
    let orders = audit["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 1, "{audit}");
    assert!(orders[0]["by"] == "token chief" && orders[0]["of"] == "log 1 of BAD1", "{audit}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_log_shows_its_records_and_lets_an_administrator_alone_accept_it() {
    let scene = damaged().await;
    for (role, accepts) in [(Role::Viewer, false), (Role::Administrator, true)] {
        let mut browser = Browser::logged_in(&scene, role.as_str(), role).await;
        let shown = browser.open("/unproven/1").await;
        assert_eq!(shown.status, 200, "{shown:?}");
        assert!(shown.text.contains("id=\"layout-40\""), "{}", shown.text);
        assert_eq!(shown.text.contains("data-post=\"/api/v1/unproven/1/accept\""), accepts, "{role:?}");
        assert_eq!(browser.open("/unproven/9").await.status, 404);
        assert_eq!(browser.open("/unproven/x").await.status, 404);
    }
    scene.end().await;
}
