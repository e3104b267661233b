//! Terminals, sinks, people, reports, the quarantine and the rest, as they are shown.

use crate::common::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn terminals_and_sinks_are_shown_as_the_service_has_them() {
    let scene = Scene::start().await;
    let (terminal, status) = (scene.json("/terminals/gate").await, scene.service.status());
    let known = &status.terminals["gate"];
    let serial = known.serial.clone().unwrap();
    assert_eq!(terminal["serial"], serial);
    assert_eq!(scene.json("/terminals").await["terminals"][0], terminal);
    assert_eq!(scene.json(&format!("/terminals/{serial}")).await, terminal);
    assert_eq!((&terminal["records"], &terminal["error"]), (&60.into(), &serde_json::Value::Null));
    assert_eq!(terminal["quarantined"], known.quarantined);
    assert!(known.quarantined > 0 && terminal["last_punch"].is_string(), "{terminal}");
    crate::common::until("all is delivered", || scene.service.status().sinks["school"].stored == known.new).await;
    let sink = &scene.json("/sinks").await["sinks"][0];
    assert_eq!((&sink["name"], &sink["stored"], &sink["pending"]), (&"school".into(), &known.new.into(), &0.into()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_have_their_punches_and_their_days() {
    let scene = Scene::start().await;
    let events = scene.json("/events?limit=1000").await;
    let events = events["events"].as_array().unwrap();
    let people = scene.json("/people").await;
    let people = people["people"].as_array().unwrap();
    let total: u64 = people.iter().map(|person| person["events"].as_u64().unwrap()).sum();
    assert_eq!(total, events.len() as u64);
    // The same, page by page.
    let (mut paged, mut path) = (Vec::new(), "/people?limit=3".to_owned());
    loop {
        let page = scene.json(&path).await;
        paged.extend(page["people"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/people?limit=3&after={next}");
    }
    assert_eq!(&paged, people);
    let person = &people[0];
    let (id, first) = (person["user_id"].as_str().unwrap(), person["first"].as_str().unwrap());
    let day = &first[..10];
    let of_day =
        |event: &&serde_json::Value| event["user_id"] == id && event["local_time"].as_str().unwrap().starts_with(day);
    let punches: Vec<_> = events.iter().filter(of_day).map(|event| event["local_time"].clone()).collect();
    let days = scene.json(&format!("/people/{id}/days?from={day}&to={day}")).await;
    assert_eq!((&days["days"][0]["first"], &days["days"][0]["last"]), (&punches[0], punches.last().unwrap()));
    let report = scene.json(&format!("/report?from={day}&to={day}")).await;
    let in_report = report["people"].as_array().unwrap().iter().find(|person| person["user_id"] == id).unwrap();
    assert_eq!(*in_report, days);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_shown_with_its_reason_and_its_bytes() {
    let scene = Scene::start().await;
    let waiting = scene.service.status().terminals["gate"].quarantined;
    let list = scene.json("/quarantine?reason=empty_user_id").await;
    let records = list["records"].as_array().unwrap();
    assert_eq!((records.len() as u64, &list["sizes"][0]["waiting"]), (waiting, &waiting.into()));
    let first = &records[0];
    assert_eq!(
        (&first["reason"], &first["user_id"], &first["resolved_at"]),
        (&"empty_user_id".into(), &"".into(), &serde_json::Value::Null)
    );
    assert!(first["raw"].as_str().unwrap().len() >= 16);
    assert_eq!(scene.json(&format!("/quarantine/{}", first["id"])).await, *first);
    let second = scene.json(&format!("/quarantine?limit=1&after={}", first["id"])).await;
    assert_eq!((&second["records"][0], &second["next"]), (&records[1], &records[1]["id"]));
    assert!(scene.json("/quarantine?reason=impossible_time").await["records"].as_array().unwrap().is_empty());
    assert!(scene.json("/unproven").await["unproven"].as_array().unwrap().is_empty());
    assert!(scene.json("/pushing").await["pushing"].as_array().unwrap().is_empty());
    assert!(scene.json("/runs?limit=1").await["runs"].as_array().unwrap().len() <= 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn supervisors_need_no_token_and_learn_nothing_of_people() {
    let scene = Scene::start().await;
    let get = reqwest::Method::GET;
    for (path, text) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let answer = scene.ask(get.clone(), path, None).await;
        assert_eq!((answer.status, &*answer.text), (200, text));
    }
    let metrics = scene.token("prometheus", iclock_server::access::Role::Metrics);
    let answer = scene.ask(get.clone(), "/metrics", Some(&metrics)).await;
    assert!(answer.kind.starts_with("application/openmetrics-text"), "{answer:?}");
    assert!(answer.text.contains("new_events_total{") && answer.text.ends_with("# EOF\n"), "{answer:?}");
    assert_eq!(scene.ask(get.clone(), "/api/v1/events", Some(&metrics)).await.status, 403);
    assert_eq!(scene.ask(get, "/metrics", None).await.status, 401);
    scene.end().await;
}
