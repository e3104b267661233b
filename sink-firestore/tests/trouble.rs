//! What a user sees when the other end is not there, does not answer, or breaks off.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Settings, Sink, SinkError, SinkErrorKind};
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
fn a_server_that_falls_silent_ends_at_the_time_out_and_is_reached_again_afterwards() {
    with_emulator(|address| async move {
        let (collection, relay) = (new_collection(), Relay::start(&address).await);
        let options = options(relay.address(), &collection).timeout(Duration::from_secs(1)).unwrap();
        let sink = FirestoreSink::open(options).unwrap();
        sink.probe().await.unwrap();
        relay.silence();
        let error = sink.write(&sample(3)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::TimedOut, "{}", chain(&error));
        relay.mend();
        assert_eq!(sink.write(&sample(3)).await.unwrap(), vec![Outcome::Stored; 3]);
    });
}

/// Runs the calling test again, in a process that knows of no emulator and no credentials and finds no metadata server.
/// In that process it is true, and the test goes on.
fn without_emulator_and_credentials() -> bool {
    const CHILD: &str = "SINK_FIRESTORE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", std::thread::current().name().unwrap()])
        .env_remove("FIRESTORE_EMULATOR_HOST")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("HOME", home.path())
        .env("APPDATA", home.path())
        .env("GCE_METADATA_HOST", "127.0.0.1:9")
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    false
}

#[test]
fn missing_credentials_are_permanent_and_the_error_says_what_to_set() {
    if without_emulator_and_credentials() {
        bounded(async {
            let options = FirestoreOptions::new("school", "my-project", "logs").unwrap();
            let options = options.timeout(Duration::from_millis(500)).unwrap();
            let error = FirestoreSink::open(options).unwrap().probe().await.unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", chain(&error));
            assert!(!error.is_transient());
            assert!(error.mend.unwrap().contains("GOOGLE_APPLICATION_CREDENTIALS"));
        });
    }
}

#[test]
fn a_key_that_cannot_sign_is_permanent_and_named_without_its_content() {
    if without_emulator_and_credentials() {
        bounded(async {
            let file = tempfile::NamedTempFile::new().unwrap();
            // No key: of the form that is asked for, put together so that nobody takes it for a real one.
            let key = concat!(
                r#"{"type":"service_account","project_id":"my-project","private_key_id":"abc","private_key":
                "-----BEGIN "#,
                "PRIVATE",
                r#" KEY-----\nc2VjcmV0\n-----END "#,
                "PRIVATE",
                r#" KEY-----\n","client_email":"a@b.example"}"#
            );
            std::fs::write(file.path(), key).unwrap();
            let path = file.path().to_str().unwrap();
            let settings = Settings::new([("credentials".to_owned(), path.to_owned())]);
            let options = FirestoreOptions::parse("school", "firestore:///logs", settings).unwrap();
            let sink = FirestoreSink::open(options).unwrap();
            for error in [sink.probe().await.unwrap_err(), sink.write(&sample(1)).await.unwrap_err()] {
                assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", chain(&error));
                assert!(chain(&error).contains(path), "{}", chain(&error));
                assert!(!format!("{error:?}{}", chain(&error)).contains("c2VjcmV0"), "{error:?}");
            }
            assert_eq!(sink.requests(), 0);
        });
    }
}
