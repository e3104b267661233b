//! What goes over the wire, and what becomes of each answer.

use std::time::{Duration, Instant};

use crate::double::{Manner, Receiver};
use attendance_model::conformance::sample;
use attendance_model::{IdScheme, Outcome, Settings, Sink, SinkErrorKind};
use sink_http::{HttpOptions, HttpSink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn plain(url: &str, settings: &[(&str, &str)]) -> HttpSink {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    HttpSink::open(HttpOptions::parse("hook", url, Settings::new(settings)).unwrap()).unwrap()
}

#[tokio::test]
async fn the_same_events_are_the_same_request_when_they_are_sent_again() {
    let receiver = Receiver::start(Manner::Silent).await;
    let (sink, batch) = (receiver.sink(&[]), sample(3));
    assert_eq!(sink.write(&batch).await.unwrap(), vec![Outcome::Stored; 3]);
    assert_eq!(sink.write(&batch).await.unwrap(), vec![Outcome::Stored; 3]);
    sink.write(&batch[..2]).await.unwrap();
    let ids: Vec<_> = receiver.requests().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(receiver.stored().len(), 3);
    let (_, said) = &receiver.requests()[0];
    let ids: Vec<_> = batch.iter().map(|event| IdScheme::Full.id_of(event).to_string()).collect();
    assert_eq!(said["events"][1]["event_id"], ids[1]);
    assert_eq!(said["events"][1]["user_id"], batch[1].user_id);
}

#[tokio::test]
async fn events_are_sent_one_by_one_if_the_receiver_has_some_of_them() {
    let receiver = Receiver::start(Manner::Conflicts).await;
    let (sink, batch) = (receiver.sink(&[]), sample(5));
    sink.write(&batch[1..3]).await.unwrap();
    let outcomes = sink.write(&batch).await.unwrap();
    let (new, known) = (Outcome::Stored, Outcome::AlreadyStored);
    assert_eq!(outcomes, [new.clone(), known.clone(), known, new.clone(), new]);
    assert_eq!(receiver.stored().len(), 5);
}

#[tokio::test]
async fn no_request_has_more_events_than_are_set() {
    let receiver = Receiver::start(Manner::Tells).await;
    let outcomes = receiver.sink(&[("batch", "2")]).write(&sample(5)).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Stored; 5]);
    let sizes =
        receiver.requests().iter().map(|(_, said)| said["events"].as_array().unwrap().len()).collect::<Vec<_>>();
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn an_event_that_is_refused_alone_is_rejected_and_one_among_others_is_looked_for() {
    let receiver = Receiver::start(Manner::Silent).await;
    let (sink, batch) = (receiver.sink(&[]), sample(2));
    receiver.answer_instead(422, &[], "nobody has the id 7");
    let rejected = sink.write(&batch[..1]).await.unwrap();
    let reason = "422 Unprocessable Entity: nobody has the id 7".to_owned();
    assert_eq!(rejected, [Outcome::Rejected { reason }]);
    let error = sink.write(&batch).await.unwrap_err();
    assert!(error.kind.may_be_of_single_events(), "{error:?}");
}

#[tokio::test]
async fn outcomes_that_do_not_fit_the_events_are_no_success() {
    let receiver = Receiver::start(Manner::Silent).await;
    let sink = receiver.sink(&[]);
    for body in [r#"{"outcomes": ["stored"]}"#, r#"{"outcomes": "all"}"#] {
        receiver.answer_instead(200, &[], body);
        assert_eq!(sink.write(&sample(2)).await.unwrap_err().kind, SinkErrorKind::Schema, "{body}");
    }
    receiver.answer_instead(200, &[], r#"{"stored": [true]}"#);
    let ids = sample(2).iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(sink.lookup(&ids).await.unwrap_err().kind, SinkErrorKind::Schema);
}

#[tokio::test]
async fn nobody_is_sent_events_because_the_receiver_says_so() {
    let (receiver, other) = (Receiver::start(Manner::Silent).await, Receiver::start(Manner::Silent).await);
    receiver.answer_instead(307, &[("location", &other.url())], "");
    let error = receiver.sink(&[]).write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Missing);
    assert!(error.source.unwrap().to_string().contains(&other.url()));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_busy_says_how_long_to_wait() {
    let receiver = Receiver::start(Manner::Silent).await;
    receiver.answer_instead(429, &[("retry-after", "90")], "");
    let error = receiver.sink(&[]).write(&sample(1)).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (SinkErrorKind::Busy, Some(Duration::from_secs(90))));
}

#[tokio::test]
async fn a_probe_finds_a_wrong_secret_before_any_event_is_sent() {
    let receiver = Receiver::start(Manner::Tells).await;
    assert!(receiver.sink(&[]).probe().await.unwrap().is_empty());
    for settings in [&[("secret", "whsec_AAAA")][..], &[("token", "other")]] {
        let error = receiver.sink(settings).probe().await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Credentials, "{error:?}");
    }
    // A receiver that has nothing to do with an empty list is there all the same.
    receiver.answer_instead(422, &[], "no events");
    receiver.sink(&[]).probe().await.unwrap();
    receiver.answer_instead(404, &[], "");
    assert_eq!(receiver.sink(&[]).probe().await.unwrap_err().kind, SinkErrorKind::Missing);
    receiver.answer_as_usual();
    assert!(receiver.stored().is_empty());
}

#[tokio::test]
async fn a_receiver_that_cannot_be_asked_is_not_asked() {
    let sink = plain("http://192.0.2.7/in", &[("token", "t0p")]);
    assert!(!sink.capabilities().looks_up);
    let error = sink.lookup(&[sample(1)[0].id]).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Invalid);
    assert!(error.hint.unwrap().contains("lookup"));
}

#[tokio::test]
async fn a_receiver_that_is_not_there_or_says_nothing_is_an_error_in_time() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in?key=hunter2", gone.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = gone.accept().await {
            held.push(stream);
        }
    });
    let (sink, start) = (plain(&url, &[("timeout", "1s")]), Instant::now());
    let error = sink.write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(10));
    silent.abort();
    let _ = silent.await;
    let error = sink.write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Unreachable);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    });
    let outcomes = plain(&url, &[("timeout", "20s")]).write(&sample(1)).await.unwrap();
    assert_eq!(outcomes, [Outcome::Stored]);
}
