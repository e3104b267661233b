//! What the first page says of the whole.

use iclock_server::access::Role;

use crate::browser::Browser;
use crate::common::{Scene, until, usual};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_or_waits_is_named_before_anybody_believes_that_all_is_well() {
    let terminal = zk_sim::Terminal::builder().records(20).users(4).seed(7);
    let scene = Scene::with(terminal, usual()).await;
    until("everything is stored", || scene.service.status().sinks["school"].pending == 0).await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Operator).await;
    let shown = browser.open("/").await.text;
    assert!(shown.contains("Every punch is where it belongs"), "{shown}");
    for (path, named) in [("/sinks/school", "school"), ("/terminals/gate", "gate")] {
        assert_eq!(browser.order(&format!("/api/v1{path}/pause")).await.status, 204);
        let shown = browser.open("/").await.text;
        let attention = shown.split_once("id=\"attention\"").unwrap().1.split_once("</section>").unwrap().0;
        assert!(attention.contains(named) && attention.contains("is paused"), "{attention}");
        assert_eq!(browser.order(&format!("/api/v1{path}/resume")).await.status, 204);
    }
    until("it goes on", || scene.service.status().terminals["gate"].polls > 1).await;
    assert!(browser.open("/").await.text.contains("Every punch is where it belongs"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_are_named() {
    let scene = Scene::start().await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Viewer).await;
    let shown = browser.open("/").await.text;
    assert!(shown.contains("in the quarantine") && !shown.contains("Every punch is where it belongs"), "{shown}");
    scene.end().await;
}
