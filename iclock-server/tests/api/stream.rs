//! The stream: each event once, whenever a reader comes, goes, or is slow.

use std::collections::BTreeSet;

use tokio::time::timeout;
use zk_sim::Punch;

use crate::common::{AT_MOST, Scene, usual};

/// A reader, and what it has not taken apart yet.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(scene: &Scene, path: &str, last: Option<i64>) -> Self {
        let request = scene.request(&format!("/api/v1/events/stream{path}"));
        let request = last.into_iter().fold(request, |request, id| request.header("last-event-id", id.to_string()));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The number and the key of the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(i64, String)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let Some(id) = field("id: ") else { continue };
                assert_eq!(field("event: "), Some("punch"));
                let event: serde_json::Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
                return Some((id.parse().unwrap(), event["event_id"].as_str().unwrap().to_owned()));
            }
            let chunk = timeout(AT_MOST, self.response.chunk()).await.expect("an event comes").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn take(&mut self, events: usize) -> Vec<(i64, String)> {
        let mut taken = Vec::new();
        while taken.len() < events {
            taken.push(self.next().await.expect("the stream goes on"));
        }
        taken
    }
}

/// A terminal whose every record is an event.
async fn sound() -> Scene {
    Scene::with(zk_sim::Terminal::builder().records(60).users(8).seed(7), usual()).await
}

/// So many punches of one person, one a minute.
async fn punch(scene: &Scene, from: u8, count: u8) {
    for n in from..from + count {
        let time = zk_proto::DeviceTime::new(2026, 3, 2, 8 + n / 60, n % 60, 0).unwrap();
        scene.terminal.handle().add_punch(Punch::new(1, "1", time, 0, 1));
    }
    scene.service.poll_now("gate").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_has_what_it_asks_for_and_then_what_enters_each_once() {
    let scene = sound().await;
    let before = usize::try_from(scene.service.status().terminals["gate"].new).unwrap();
    let (mut whole, mut fresh) = (Reader::open(&scene, "?after=0", None).await, Reader::open(&scene, "", None).await);
    let old = whole.take(before).await;
    punch(&scene, 0, 20).await;
    let new = fresh.take(20).await;
    assert_eq!(whole.take(20).await, new);
    let all = [old, new].concat();
    assert!(all.is_sorted_by(|(one, _), (next, _)| one < next), "in order, none twice");
    assert_eq!(all.iter().map(|(_, key)| key).collect::<BTreeSet<_>>().len(), all.len());
    // One that was away goes on where it was, whatever enters at that moment.
    drop(fresh);
    let last = all[all.len() - 5].0;
    punch(&scene, 20, 3).await;
    let mut back = Reader::open(&scene, "", Some(last)).await;
    let rest = back.take(7).await;
    assert_eq!(rest[..4], all[all.len() - 4..]);
    assert_eq!(whole.take(3).await, rest[4..]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_come_while_events_enter_miss_none() {
    let scene = sound().await;
    let before = usize::try_from(scene.service.status().terminals["gate"].new).unwrap();
    let mut readers = Vec::new();
    for n in 0..10 {
        punch(&scene, n * 4, 4).await;
        readers.push(Reader::open(&scene, "?after=0", None).await);
        tokio::task::yield_now().await;
    }
    let mut first: Option<Vec<(i64, String)>> = None;
    for mut reader in readers {
        let all = reader.take(before + 40).await;
        assert_eq!(*first.get_or_insert(all.clone()), all);
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_never_given_is_a_conflict_and_the_end_of_the_service_ends_streams() {
    let scene = sound().await;
    let request = scene.request("/api/v1/events/stream").header("last-event-id", "9000000");
    assert_eq!(crate::common::answer(request).await.status, 409);
    let mut reader = Reader::open(&scene, "", None).await;
    // `end` waits for the server, which waits for its connections.
    let ended = tokio::spawn(async move { reader.next().await });
    scene.end().await;
    assert_eq!(timeout(AT_MOST, ended).await.unwrap().unwrap(), None);
}
