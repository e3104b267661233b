//! What a user sees when the other end is not there, does not answer, or breaks off.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink, SinkError, SinkErrorKind};
use sink_firestore::{FirestoreOptions, FirestoreSink};
use tokio::net::TcpListener;

use support::relay::Relay;
use support::{bounded, documents, new_collection, options, sink, with_emulator};

/// The whole of an error, as a program prints it.
fn chain(error: &SinkError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[test]
fn an_emulator_that_is_not_there_is_transient_and_named_with_the_mend() {
    bounded(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let sink = sink(&free, "logs");
        for error in [sink.probe().await.unwrap_err(), sink.write(&sample(1)).await.unwrap_err()] {
            assert_eq!(error.kind, SinkErrorKind::Unreachable);
            assert!(chain(&error).contains(&free), "{}", chain(&error));
            assert!(chain(&error).to_lowercase().contains("refused"), "the cause is told: {}", chain(&error));
            assert!(error.mend.unwrap().contains("start the Firestore emulator"));
        }
    });
}

#[test]
fn a_server_that_never_answers_ends_at_the_time_out() {
    bounded(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = options(&silent.local_addr().unwrap().to_string(), "logs");
        let sink = FirestoreSink::open(options.timeout(Duration::from_millis(300)).unwrap()).unwrap();
        let began = Instant::now();
        let error = sink.write(&sample(1)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::TimedOut, "{}", chain(&error));
        assert!(error.is_transient());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}

#[test]
fn four_writers_of_a_server_that_never_answers_all_end_at_the_time_out() {
    bounded(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = options(&silent.local_addr().unwrap().to_string(), "logs");
        let sink = FirestoreSink::open(options.timeout(Duration::from_millis(300)).unwrap()).unwrap();
        let (batch, began) = (sample(1), Instant::now());
        let all = [sink.write(&batch), sink.write(&batch), sink.write(&batch), sink.write(&batch)];
        for result in futures::future::join_all(all).await {
            assert_eq!(result.unwrap_err().kind, SinkErrorKind::TimedOut);
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}

#[test]
fn a_line_cut_under_load_is_transient_and_the_rest_follows_when_it_is_mended() {
    with_emulator(|address| async move {
        let (collection, relay) = (new_collection(), Relay::start(&address).await);
        let sink = sink(relay.address(), &collection);
        let events = sample(2000);
        sink.probe().await.unwrap();
        relay.cut_after(100_000);
        let batches: Vec<_> = events.chunks(500).collect();
        let results = futures::future::join_all(batches.iter().map(|batch| sink.write(batch))).await;
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(!errors.is_empty(), "the line was cut in the middle");
        for error in &errors {
            assert_eq!(error.kind, SinkErrorKind::Unreachable, "{}", chain(error));
        }
        relay.mend();
        for batch in batches {
            let outcomes = sink.write(batch).await.unwrap();
            assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Rejected { .. })));
        }
        assert_eq!(documents(&address, &collection).await.len(), 2000);
        assert_eq!(sink.reads(), 0);
    });
}

#[test]
fn missing_credentials_are_permanent_and_the_error_says_what_to_set() {
    const CHILD: &str = "SINK_FIRESTORE_WITHOUT_CREDENTIALS";
    if std::env::var_os(CHILD).is_some() {
        bounded(async {
            let options = FirestoreOptions::new("school", "my-project", "logs").unwrap();
            let options = options.timeout(Duration::from_millis(500)).unwrap();
            let error = FirestoreSink::open(options).unwrap().probe().await.unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", chain(&error));
            assert!(!error.is_transient());
            assert!(error.mend.unwrap().contains("GOOGLE_APPLICATION_CREDENTIALS"));
        });
        return;
    }
    // In a process of its own: without the host's credentials, and with a metadata server that is not there.
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "missing_credentials_are_permanent_and_the_error_says_what_to_set"])
        .env_remove("FIRESTORE_EMULATOR_HOST")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("HOME", home.path())
        .env("APPDATA", home.path())
        .env("GCE_METADATA_HOST", "127.0.0.1:9")
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
