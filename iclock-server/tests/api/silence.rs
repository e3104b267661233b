//! Terminals of which nothing was heard for some time.

use iclock_server::access::Role;
use reqwest::Method;

use crate::browser::Browser;
use crate::common::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn silent_terminals_are_found_by_programs_and_by_people() {
    let scene = Scene::start().await;
    let viewer = scene.token("board", Role::Viewer);
    let ask = async |query: &str| {
        let path = format!("/api/v1/terminals{query}");
        scene.ask(Method::GET, &path, Some(&viewer)).await
    };
    let names = async |query: &str| {
        let answer = ask(query).await.json();
        let all: Vec<_> = answer["terminals"].as_array().unwrap().iter().map(|one| one["name"].to_string()).collect();
        all
    };
    // It was read a moment ago.
    assert_eq!(names("").await, ["\"gate\""]);
    assert_eq!(names("?silent_for=1ns").await, ["\"gate\""]);
    assert_eq!(names("?silent_for=2h").await, [""; 0]);
    for wrong in ["2", "yesterday", "-1h", ""] {
        let answer = ask(&format!("?silent_for={wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
    }
    let mut browser = Browser::logged_in(&scene, "office", Role::Viewer).await;
    let page = browser.open("/terminals?silent_for=1ns").await.text;
    assert!(page.contains("/terminals/gate") && page.contains("<option value=\"2h\">"), "{page}");
    let page = browser.open("/terminals?silent_for=2h").await.text;
    assert!(!page.contains("/terminals/gate") && page.contains("<option value=\"2h\" selected>"), "{page}");
    let page = browser.open("/terminals?silent_for=90m").await.text;
    assert!(page.contains("<option value=\"1h 30m\" selected>1h 30m"), "{page}");
    scene.end().await;
}
