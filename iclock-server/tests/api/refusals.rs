//! What is refused: callers without a token, strangers' names, wrong questions, floods.

use chrono::{TimeDelta, Utc};
use iclock_server::ServerOptions;
use iclock_server::access::Role;
use reqwest::Method;

use crate::common::{Answer, Scene, answer, terminal};

/// It is a problem of RFC 9457 that says what to try.
fn is_problem(answer: &Answer, status: u16) -> String {
    assert_eq!((answer.status, &*answer.kind), (status, "application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    assert!(problem["title"].is_string() && problem["try"].is_string(), "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_that_holds_nothing_is_shown() {
    let scene = Scene::start().await;
    let past = Utc::now() - TimeDelta::days(1);
    let expired = scene.access.create("old", Role::Administrator, Some(past), past).unwrap();
    let revoked = scene.token("gone", Role::Administrator);
    assert_eq!(scene.ask(Method::GET, "/api/v1/events", Some(&revoked)).await.status, 200);
    assert!(scene.access.revoke("gone").unwrap());
    for token in [None, Some("ick_wrong"), Some(""), Some(expired.reveal()), Some(&*revoked)] {
        let answer = scene.ask(Method::GET, "/api/v1/events", token).await;
        is_problem(&answer, 401);
        assert!(!answer.text.contains("ick_"), "no answer repeats a token: {answer:?}");
    }
    // A token in a URL would be in logs of proxies.
    let token = scene.token("url", Role::Viewer);
    is_problem(&scene.ask(Method::GET, &format!("/api/v1/events?token={token}"), None).await, 401);
    is_problem(&scene.ask(Method::GET, &format!("/api/v1/events?access_token={token}"), None).await, 401);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_name_for_this_address_is_refused() {
    let mut options = ServerOptions::default();
    options.hosts = vec!["clock.example".to_owned()];
    let scene = Scene::with(terminal(), options).await;
    for (host, status) in [("evil.example", 421), ("clock.example", 200), ("localhost:1", 200), ("192.0.2.7:80", 200)] {
        let answer = answer(scene.request("/api/v1/events").header("host", host)).await;
        assert_eq!(answer.status, status, "{host}");
    }
    let answer = answer(scene.request("/healthz").header("host", "evil.example")).await;
    is_problem(&answer, 421);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_is_named_and_not_answered_as_another_one() {
    let scene = Scene::start().await;
    for (path, named) in [
        ("/events?usr=42", "usr"),
        ("/events?limit=0", "limit"),
        ("/events?limit=1001", "limit"),
        ("/events?cursor=x", "cursor"),
        ("/events?from=yesterday", "yesterday"),
        ("/events?state=300", "state"),
        ("/events/export", "format"),
        ("/events/export?format=xml", "xml"),
        ("/events/stream?after=x", "after"),
        ("/quarantine?reason=bad", "bad"),
        ("/report?from=2026-03-01&to=2026-02-01", "2026-02-01"),
        ("/report?from=2020-01-01&to=2026-01-01", "366"),
        ("/report?from=2026-03-01T08:00:00", "whole days"),
        ("/people/1/days?limit=3", "limit"),
    ] {
        let answer = answer(scene.request(&format!("/api/v1{path}"))).await;
        let detail = is_problem(&answer, 400);
        assert!(detail.contains(named), "{path}: {detail}");
    }
    for path in ["/api/v1/nothing", "/nothing", "/api/v1/terminals/nobody", "/api/v1/quarantine/99", "/../etc/passwd"] {
        is_problem(&answer(scene.request(path)).await, 404);
    }
    is_problem(&scene.ask(Method::DELETE, "/api/v1/events", None).await, 405);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_with_one_token_is_slowed_and_others_are_not() {
    let scene = Scene::start().await;
    let greedy = scene.token("greedy", Role::Viewer);
    let client = reqwest::Client::new();
    let mut refused = None;
    for _ in 0..5_000 {
        let response = client.get(scene.url("/api/v1/sinks")).bearer_auth(&greedy).send().await.unwrap();
        if response.status().as_u16() == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.status().as_u16(), 200);
    }
    let refused = refused.expect("so many are too many");
    assert_eq!(refused.headers()["retry-after"], "1");
    scene.json("/sinks").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_tells_browsers_to_do_nothing_with_it() {
    let scene = Scene::start().await;
    for path in ["/api/v1/events", "/nothing", "/healthz", "/api/v1/openapi.json"] {
        let response = scene.request(path).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "private, no-cache");
    }
    scene.end().await;
}
