//! Callers who ask whether anything has changed.

use iclock_server::access::Role;
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, Response};

use crate::common::{Scene, answer};

/// The answer to a viewer, who has these tags.
async fn get(scene: &Scene, path: &str, tags: Option<&str>) -> Response {
    let request = scene.request(&format!("/api/v1{path}"));
    let request = tags.into_iter().fold(request, |request, tags| request.header(IF_NONE_MATCH, tags));
    request.send().await.unwrap()
}

fn tag(response: &Response) -> Option<String> {
    response.headers().get(ETAG).map(|tag| tag.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_or_an_item_that_a_caller_has_is_not_sent_again() {
    let scene = Scene::start().await;
    let first = scene.json("/quarantine?limit=1").await["records"][0]["id"].clone();
    for path in ["/events?limit=3", "/people", "/quarantine", &format!("/quarantine/{first}"), "/runs", "/sinks"] {
        let whole = get(&scene, path, None).await;
        assert_eq!(whole.status(), 200, "{path}");
        let known = tag(&whole).unwrap_or_else(|| panic!("{path} has no tag"));
        assert!(known.starts_with("W/\"") && known.len() > 20, "{path}: {known}");
        assert!(!whole.text().await.unwrap().is_empty());
        for tags in [&known, &format!("\"other\", {known}"), known.trim_start_matches("W/"), "*"] {
            let same = get(&scene, path, Some(tags)).await;
            assert_eq!((same.status().as_u16(), tag(&same).as_ref()), (304, Some(&known)), "{path} {tags}");
            assert_eq!(same.headers()[CACHE_CONTROL], "private, no-cache");
            assert!(!same.headers().contains_key(CONTENT_TYPE));
            assert_eq!(same.bytes().await.unwrap().len(), 0, "{path}");
        }
        let other = get(&scene, path, Some("W/\"0123456789abcdef0123456789abcdef\", \"x\"")).await;
        assert_eq!((other.status().as_u16(), tag(&other)), (200, Some(known)), "{path}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_is_sent_with_another_tag() {
    let scene = Scene::start().await;
    let known = tag(&get(&scene, "/sinks", None).await).unwrap();
    let operator = scene.token("operator", Role::Operator);
    let paused = scene.ask(Method::POST, "/api/v1/sinks/school/pause", Some(&operator)).await;
    assert!((200..300).contains(&paused.status), "{paused:?}");
    let changed = get(&scene, "/sinks", Some(&known)).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(tag(&changed), Some(known));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tag_is_that_of_an_answer_however_it_is_compressed() {
    let scene = Scene::start().await;
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let token = scene.token("board", Role::Viewer);
    let request = || client.get(scene.url("/api/v1/events")).bearer_auth(&token);
    let packed = request().header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    let plain = request().send().await.unwrap();
    assert!(!plain.headers().contains_key(CONTENT_ENCODING));
    assert_eq!(tag(&packed), tag(&plain));
    assert!(tag(&plain).is_some());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_streams_problems_and_strangers_get_no_tag() {
    let scene = Scene::start().await;
    for format in ["csv", "json", "jsonl"] {
        let export = get(&scene, &format!("/events/export?format={format}"), Some("*")).await;
        assert_eq!((export.status().as_u16(), tag(&export)), (200, None), "{format}");
    }
    let stream = get(&scene, "/events/stream", Some("*")).await;
    assert_eq!((stream.status().as_u16(), tag(&stream)), (200, None));
    drop(stream);
    let missing = get(&scene, "/quarantine/999999", Some("*")).await;
    assert_eq!((missing.status().as_u16(), tag(&missing)), (404, None));
    let stranger = reqwest::Client::new().get(scene.url("/api/v1/sinks")).header(IF_NONE_MATCH, "*");
    assert_eq!(answer(stranger).await.status, 401);
    scene.end().await;
}
