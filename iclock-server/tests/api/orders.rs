//! What an operator may order.

use iclock_server::access::Role;
use iclock_sync::service::status::Activity;
use reqwest::Method;

use crate::common::{Scene, until};

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
