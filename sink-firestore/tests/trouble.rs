//! The errors that a user sees if the other end is missing, does not answer, or breaks off.

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use attendance_model::conformance::{Direction, Fault, Proxy, sample};
use attendance_model::{Outcome, Settings, Sink, SinkError, SinkErrorKind};
use sink_firestore::{FirestoreOptions, FirestoreSink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use support::{bounded, documents, new_collection, options, sink, with_emulator};

/// Returns true if the outcome says that the event is stored.
fn settled(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stored | Outcome::AlreadyStored)
}

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
fn an_emulator_that_is_not_there_is_transient_and_named_with_the_hint() {
    bounded(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let sink = sink(&free, "logs");
        for error in [sink.probe().await.unwrap_err(), sink.write(&sample(1)).await.unwrap_err()] {
            assert_eq!(error.kind, SinkErrorKind::Unreachable);
            assert!(chain(&error).contains(&free), "{}", chain(&error));
            assert!(chain(&error).to_lowercase().contains("refused"), "the cause is told: {}", chain(&error));
            assert!(error.hint.unwrap().contains("start the Firestore emulator"));
        }
    });
}

#[test]
fn a_server_that_never_answers_ends_at_the_time_out() {
    bounded(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = options(&silent.local_addr().unwrap().to_string(), "logs");
        let sink = FirestoreSink::open(options.timeout(Duration::from_millis(300)).unwrap());
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
        let sink = FirestoreSink::open(options.timeout(Duration::from_millis(300)).unwrap());
        let (batch, began) = (sample(1), Instant::now());
        let all = [sink.write(&batch), sink.write(&batch), sink.write(&batch), sink.write(&batch)];
        for result in futures::future::join_all(all).await {
            assert_eq!(result.unwrap_err().kind, SinkErrorKind::TimedOut);
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}

#[test]
fn a_line_cut_under_load_is_transient_and_the_rest_follows_when_it_works_again() {
    with_emulator(|address| async move {
        let (collection, proxy) = (new_collection(), Proxy::start(&address).await.unwrap());
        let sink = sink(&proxy.address(), &collection);
        let events = sample(2000);
        sink.probe().await.unwrap();
        // Less than a batch, so that none gets through whole, however often it is sent.
        proxy.set(Fault::ResetAfter { bytes: 20_000, direction: Direction::ToServer });
        let batches: Vec<_> = events.chunks(500).collect();
        let results = futures::future::join_all(batches.iter().map(|batch| sink.write(batch))).await;
        for result in results {
            let error = result.unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Unreachable, "{}", chain(&error));
        }
        proxy.heal();
        for batch in batches {
            assert!(sink.write(batch).await.unwrap().iter().all(settled));
        }
        assert_eq!(documents(&address, &collection).await.len(), 2000);
        assert_eq!(sink.reads(), 0);
    });
}

#[test]
fn a_line_that_breaks_once_is_opened_again_within_the_write() {
    with_emulator(|address| async move {
        let (collection, proxy) = (new_collection(), Proxy::start(&address).await.unwrap());
        let sink = sink(&proxy.address(), &collection);
        sink.probe().await.unwrap();
        // What the server closes while nothing is asked: an idle connection, as after a night.
        proxy.set(Fault::Refuse);
        proxy.heal();
        assert_eq!(sink.write(&sample(40)).await.unwrap(), vec![Outcome::Stored; 40]);
    });
}

#[test]
fn wherever_the_line_breaks_nothing_is_said_to_be_stored_that_is_not() {
    with_emulator(|address| async move {
        let collection = new_collection();
        let direct = support::sink(&address, &collection);
        // A batch of 20 is some 5,000 bytes there and some hundreds back, after the greetings of both.
        let offsets = [0, 1, 9, 17, 24, 60, 100, 200, 300, 500, 1000, 2500, 4900, 5500, 8000];
        let mut faults = Vec::new();
        for bytes in offsets {
            for direction in [Direction::ToServer, Direction::ToClient] {
                faults.push(Fault::CutAfter { bytes, direction });
                faults.push(Fault::ResetAfter { bytes, direction });
            }
        }
        let events = sample(faults.len() * 20);
        // Each breaks a wire of its own. Says whether the first write came to an error.
        let broken = faults.iter().zip(events.chunks(20)).map(async |(&fault, batch)| {
            let proxy = Proxy::start(&address).await.unwrap();
            proxy.set(fault);
            let sink = sink(&proxy.address(), &collection);
            let first = sink.write(batch).await;
            if let Err(error) = &first {
                assert!(error.is_transient(), "{fault:?}: {}", chain(error));
                proxy.heal();
            }
            let again = if first.is_err() { Some(sink.write(batch).await.unwrap()) } else { None };
            let outcomes = again.as_ref().or(first.as_ref().ok()).unwrap();
            assert!(outcomes.iter().all(settled), "{fault:?}: {outcomes:?}");
            let ids: Vec<_> = batch.iter().map(|event| sink.capabilities().ids.id_of(event)).collect();
            assert_eq!(direct.lookup(&ids).await.unwrap(), [true; 20], "{fault:?}");
            first.is_err()
        });
        let broken = futures::future::join_all(broken).await.into_iter().filter(|&broken| broken).count();
        assert!((20..60).contains(&broken), "{broken} of 60 writes were broken for good");
        let sent: HashSet<_> = events.iter().map(|event| direct.capabilities().ids.id_of(event).to_string()).collect();
        assert_eq!(documents(&address, &collection).await.into_keys().collect::<HashSet<_>>(), sent);
    });
}

#[test]
fn a_server_that_falls_silent_ends_at_the_time_out_and_is_reached_again_afterwards() {
    with_emulator(|address| async move {
        let (collection, proxy) = (new_collection(), Proxy::start(&address).await.unwrap());
        let options = options(&proxy.address(), &collection).timeout(Duration::from_secs(1)).unwrap();
        let sink = FirestoreSink::open(options);
        sink.probe().await.unwrap();
        proxy.set(Fault::Pause);
        let error = sink.write(&sample(3)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::TimedOut, "{}", chain(&error));
        proxy.heal();
        // What the pause held back may have come meanwhile.
        assert!(sink.write(&sample(3)).await.unwrap().iter().all(settled));
        assert_eq!(documents(&address, &collection).await.len(), 3);
    });
}

#[test]
fn an_emulator_that_starts_late_is_reached_when_it_is_there() {
    with_emulator(|address| async move {
        let (collection, proxy) = (new_collection(), Proxy::start(&address).await.unwrap());
        let sink = sink(&proxy.address(), &collection);
        proxy.set(Fault::Refuse);
        let error = sink.probe().await.unwrap_err();
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Unreachable, true), "{}", chain(&error));
        proxy.heal();
        sink.probe().await.unwrap();
        assert_eq!(sink.write(&sample(3)).await.unwrap(), vec![Outcome::Stored; 3]);
    });
}

/// Runs the calling test again, in a process that knows of no emulator, finds no metadata server, and has this file of
/// application default credentials or none. In that process it is true, and the test goes on.
fn with_credentials_of(file: Option<&Path>) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", std::thread::current().name().unwrap()])
        .env_remove("FIRESTORE_EMULATOR_HOST")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("HOME", home.path())
        .env("APPDATA", home.path())
        .env("GCE_METADATA_HOST", "127.0.0.1:9")
        .env(CHILD, "1");
    if let Some(file) = file {
        child.env("GOOGLE_APPLICATION_CREDENTIALS", file);
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    false
}

/// Set in the process of [`with_credentials_of`].
const CHILD: &str = "SINK_FIRESTORE_TEST_CHILD";

/// The error of a probe of the real service, which is never reached.
async fn unsigned() -> SinkError {
    let options = FirestoreOptions::new("school", "my-project", "logs").unwrap();
    let options = options.timeout(Duration::from_secs(20)).unwrap();
    let sink = FirestoreSink::open(options);
    let error = sink.probe().await.unwrap_err();
    assert_eq!(sink.requests(), 0);
    error
}

#[test]
fn missing_credentials_are_permanent_and_the_error_says_what_to_set() {
    if with_credentials_of(None) {
        bounded(async {
            let options = FirestoreOptions::new("school", "my-project", "logs").unwrap();
            let options = options.timeout(Duration::from_millis(500)).unwrap();
            let error = FirestoreSink::open(options).probe().await.unwrap_err();
            assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", chain(&error));
            assert!(!error.is_transient());
            assert!(error.hint.unwrap().contains("GOOGLE_APPLICATION_CREDENTIALS"));
        });
    }
}

#[test]
fn a_key_that_cannot_sign_is_permanent_and_named_without_its_content() {
    if with_credentials_of(None) {
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
            let sink = FirestoreSink::open(options);
            for error in [sink.probe().await.unwrap_err(), sink.write(&sample(1)).await.unwrap_err()] {
                assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", chain(&error));
                assert!(chain(&error).contains(path), "{}", chain(&error));
                assert!(!format!("{error:?}{}", chain(&error)).contains("c2VjcmV0"), "{error:?}");
            }
            assert_eq!(sink.requests(), 0);
        });
    }
}

#[test]
fn a_file_of_default_credentials_that_is_missing_or_damaged_is_permanent_and_told_with_the_hint() {
    let dir = tempfile::tempdir().unwrap();
    let files = [("missing.json", None), ("text.json", Some("not JSON")), ("shape.json", Some(r#"{"type":"other"}"#))];
    for (name, content) in files {
        let file = dir.path().join(name);
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        if with_credentials_of(Some(&file)) {
            return bounded(async {
                let error = unsigned().await;
                assert_eq!(
                    (error.kind, error.is_transient()),
                    (SinkErrorKind::Credentials, false),
                    "{}",
                    chain(&error)
                );
                assert!(error.hint.unwrap().contains("correct GOOGLE_APPLICATION_CREDENTIALS"));
            });
        }
    }
}

/// A token service that answers every request so, and a file of credentials that names it.
async fn token_service(answer: &'static str) -> tempfile::NamedTempFile {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let of_user = serde_json::json!({
        "type": "authorized_user", "client_id": "a", "client_secret": "c2VjcmV0", "refresh_token": "c2VjcmV0",
        "token_uri": url,
    });
    std::fs::write(file.path(), of_user.to_string()).unwrap();
    file
}

/// Asks in the bare process for a token, of a service in this one, and holds the error to a check.
fn asks_for_a_token(answer: &'static str, check: impl FnOnce(&SinkError)) {
    if std::env::var_os(CHILD).is_some() {
        return bounded(async {
            let error = unsigned().await;
            assert!(!format!("{error:?}{}", chain(&error)).contains("c2VjcmV0"), "{error:?}");
            check(&error);
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let file = runtime.block_on(token_service(answer));
    with_credentials_of(Some(file.path()));
}

#[test]
fn credentials_that_the_token_service_refuses_are_permanent() {
    const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\
        connection: close\r\n\r\n{\"error\":\"invalid_grant\"}";
    asks_for_a_token(REFUSED, |error| {
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Credentials, false), "{}", chain(error));
        assert!(error.hint.as_ref().unwrap().contains("gcloud auth application-default login"));
        assert!(chain(error).contains("invalid_grant"), "{}", chain(error));
    });
}

#[test]
fn a_token_service_out_of_order_is_transient() {
    const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    asks_for_a_token(BROKEN, |error| {
        assert!(error.is_transient(), "{}", chain(error));
        assert!(error.hint.is_some() && chain(error).contains("firestore://my-project/logs"), "{}", chain(error));
    });
}
