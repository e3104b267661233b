//! The errors for a server that refuses, is of the wrong kind, or answers as no real server does on request.

#[path = "common/double.rs"]
mod double;

mod common;

use std::time::{Duration, Instant};

use attendance_model::conformance::sample;
use attendance_model::{Outcome, Sink, SinkError, SinkErrorKind};
use common::open;
use double::{Answer, Double, Identity};
use mongodb::bson::{Document, doc};
use sink_mongo::MongoSink;
use tokio::net::TcpStream;

const STANDALONE: Identity = Identity { replica_set: false, secondary: false, wire_version: None };
const REPLICA_SET: Identity = Identity { replica_set: true, ..STANDALONE };

fn sink(double: &Double) -> MongoSink {
    open(&format!("mongodb://{}/hr", double.address), "timeout=2s")
}

fn failure(code: i32, message: &str) -> Answer {
    Answer::Document(doc! { "ok": 0, "code": code, "codeName": "Named", "errmsg": message })
}

/// A server that answers inserts so.
async fn inserts(identity: Identity, mut answer: impl FnMut(&Document) -> Answer + Send + 'static) -> Double {
    Double::start(identity, move |name, command| if name == "insert" { answer(command) } else { Answer::Ok }).await
}

/// The whole of an error, as a program prints it.
fn told(error: &SinkError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}; {}", error.hint.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn an_insert_waits_for_the_journals_of_a_majority() {
    let double = inserts(STANDALONE, |_| Answer::Ok).await;
    assert_eq!(sink(&double).write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
    let insert = &double.commands("insert")[0];
    let concern = insert.get_document("writeConcern").unwrap();
    assert_eq!((concern.get_str("w").unwrap(), concern.get_bool("j").unwrap()), ("majority", true));
    assert!(!insert.get_bool("ordered").unwrap());
}

#[tokio::test]
async fn a_primary_that_steps_down_is_tried_again_by_the_driver() {
    let mut first = true;
    let double = inserts(REPLICA_SET, move |_| {
        if std::mem::take(&mut first) {
            let refusal = doc! {
                "ok": 0, "code": 189, "codeName": "PrimarySteppedDown", "errmsg": "stepping down",
                "errorLabels": ["RetryableWriteError"],
            };
            Answer::Document(refusal)
        } else {
            Answer::Ok
        }
    })
    .await;
    assert_eq!(sink(&double).write(&sample(2)).await.unwrap(), vec![Outcome::Stored; 2]);
    let inserts = double.commands("insert");
    assert_eq!(inserts.len(), 2);
    // The same transaction number: what the first try may have stored, the second one does not store again.
    assert!(inserts[0].contains_key("txnNumber"), "{}", inserts[0]);
    assert_eq!(inserts[0].get("txnNumber"), inserts[1].get("txnNumber"));
}

#[tokio::test]
async fn a_server_s_refusals_are_told_apart_each_with_its_hint() {
    let mut seen = std::collections::HashSet::new();
    for (code, kind, hint) in [
        (13, SinkErrorKind::Rights, "grant this user find and insert"),
        (14031, SinkErrorKind::Full, "make room on the server's disk"),
        (10107, SinkErrorKind::ReadOnly, "name every member of the replica set"),
        (262, SinkErrorKind::TimedOut, "set a longer `timeout`"),
    ] {
        let double = inserts(STANDALONE, move |_| failure(code, "the server's own words")).await;
        let error = sink(&double).write(&sample(2)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{}", told(&error));
        assert!(told(&error).contains(hint) && told(&error).contains("the server's own words"), "{}", told(&error));
        assert!(told(&error).contains(&double.address), "{}", told(&error));
        assert!(seen.insert(error.hint), "each has a hint of its own");
    }
}

#[tokio::test]
async fn what_no_majority_confirms_is_not_called_stored() {
    let double = inserts(REPLICA_SET, |command| {
        let stored = command.get_array("documents").unwrap().len() as i32;
        let concern =
            doc! { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting for replication timed out" };
        Answer::Document(doc! { "ok": 1, "n": stored, "writeConcernError": concern })
    })
    .await;
    let error = sink(&double).write(&sample(2)).await.unwrap_err();
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Busy, true), "{}", told(&error));
    assert!(told(&error).contains("majority"), "{}", told(&error));
}

#[tokio::test]
async fn of_a_batch_each_document_has_the_outcome_that_the_server_says() {
    let double = inserts(STANDALONE, |_| {
        let errors = [
            doc! { "index": 2, "code": 121, "errmsg": "Document failed validation" },
            doc! {
                "index": 3, "code": 11000, "errmsg": "E11000 duplicate key error collection: hr.a index: _id_ dup key",
            },
        ];
        Answer::Document(doc! { "ok": 1, "n": 3, "writeErrors": errors.to_vec() })
    })
    .await;
    let outcomes = sink(&double).write(&sample(5)).await.unwrap();
    assert_eq!([&outcomes[0], &outcomes[1], &outcomes[4]], [&Outcome::Stored; 3]);
    assert!(matches!(&outcomes[2], Outcome::Rejected { reason } if reason.contains("failed validation")));
    assert_eq!(outcomes[3], Outcome::AlreadyStored);
}

#[tokio::test]
async fn a_unique_index_of_somebody_else_s_is_not_taken_for_stored_before() {
    let double = inserts(STANDALONE, |_| {
        let said = "E11000 duplicate key error collection: hr.a index: user_1 dup key";
        let error = doc! { "index": 0, "code": 11000, "errmsg": said };
        Answer::Document(doc! { "ok": 1, "n": 0, "writeErrors": [error] })
    })
    .await;
    let error = sink(&double).write(&sample(1)).await.unwrap_err();
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Schema, false), "{}", told(&error));
    assert!(told(&error).contains("user_1") && told(&error).contains("unique index"), "{}", told(&error));
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let double = Double::start(STANDALONE, |name, _| {
        if name.starts_with("sasl") { failure(18, "Authentication failed.") } else { Answer::Ok }
    })
    .await;
    let sink = open(&format!("mongodb://me:hunter2@{}/hr", double.address), "timeout=2s");
    let error = sink.probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Credentials, "{}", told(&error));
    assert!(told(&error).contains("authSource"), "{}", told(&error));
    assert!(!format!("{sink:?} {error:?} {}", told(&error)).contains("hunter2"));
}

#[tokio::test]
async fn a_user_who_may_read_alone_is_found_by_the_probe() {
    let double = Double::start(STANDALONE, |name, _| {
        let privilege = doc! { "resource": { "db": "hr", "collection": "" }, "actions": ["find", "listIndexes"] };
        let info =
            doc! { "authenticatedUsers": [{ "user": "me", "db": "hr" }], "authenticatedUserPrivileges": [privilege] };
        if name == "connectionStatus" { Answer::Document(doc! { "ok": 1, "authInfo": info }) } else { Answer::Ok }
    })
    .await;
    let error = sink(&double).probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Rights, "{}", told(&error));
    assert!(told(&error).contains("insert into"), "{}", told(&error));
}

/// As a server answers whose user may find and insert, and nothing else.
fn least_rights(name: &str, version: i32) -> Answer {
    match name {
        "find" => {
            let cursor = doc! { "id": 0_i64, "ns": "hr.a", "firstBatch": [{ "_id": "version", "version": version }] };
            Answer::Document(doc! { "ok": 1, "cursor": cursor })
        }
        "listIndexes" | "createIndexes" => failure(13, "not authorized"),
        _ => Answer::Ok,
    }
}

#[tokio::test]
async fn indexes_that_the_user_may_not_make_are_a_notice_and_no_failure() {
    let double = Double::start(STANDALONE, |name, _| least_rights(name, 1)).await;
    let notices = sink(&double).probe().await.unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let hint = notices[0].hint.as_deref().unwrap();
    assert!(hint.contains("db.attendance_events.createIndex({user_id: 1, local_time: 1})"), "{hint}");
    assert_eq!(sink(&double).write(&sample(1)).await.unwrap(), [Outcome::Stored]);
}

#[tokio::test]
async fn the_layout_of_a_newer_program_is_refused() {
    let double = Double::start(STANDALONE, |name, _| least_rights(name, 2)).await;
    let error = sink(&double).probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Schema, "{}", told(&error));
    assert!(told(&error).contains("version 2") && told(&error).contains("update this program"), "{}", told(&error));
}

#[tokio::test]
async fn a_server_that_is_too_old_is_told_with_the_oldest_that_serves() {
    let double = Double::start(Identity { wire_version: Some(6), ..STANDALONE }, |_, _| Answer::Ok).await;
    let error = sink(&double).probe().await.unwrap_err();
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Schema, false), "{}", told(&error));
    assert!(told(&error).contains("MongoDB 4.4"), "{}", told(&error));
}

#[tokio::test]
async fn a_member_that_takes_no_writes_is_found_by_the_probe() {
    let double = Double::start(Identity { secondary: true, ..STANDALONE }, |_, _| Answer::Ok).await;
    for options in ["directConnection=true", "replicaSet=rs"] {
        let sink = open(&format!("mongodb://{}/hr?{options}", double.address), "timeout=2s");
        let error = sink.probe().await.unwrap_err();
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::ReadOnly, true), "{}", told(&error));
    }
}

/// A server that shows a certificate for this name, valid until the end of this year; yields its port.
async fn with_certificate(directory: &std::path::Path, name: &str, until_year: i32) -> u16 {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until_year, 12, 31);
    let certificate = parameters.self_signed(&key).unwrap();
    std::fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    port
}

#[tokio::test]
async fn a_certificate_that_does_not_serve_is_told_and_not_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let trusted = format!("tlsCAFile={}", directory.path().join("server.pem").display());
    for (name, year, trust) in [
        ("127.0.0.1", 2021, trusted.as_str()),
        ("db.example", 2099, trusted.as_str()),
        ("127.0.0.1", 2099, "retryWrites=true"),
    ] {
        let port = with_certificate(directory.path(), name, year).await;
        let sink = open(&format!("mongodb://127.0.0.1:{port}/hr?tls=true&{trust}"), "timeout=4s");
        let error = sink.probe().await.unwrap_err();
        assert_eq!(
            (error.kind, error.is_transient()),
            (SinkErrorKind::Certificate, false),
            "{name} {year}: {}",
            told(&error)
        );
        assert!(told(&error).contains("tls_ca"), "{}", told(&error));
    }
}

#[tokio::test]
async fn certificates_with_a_byte_order_mark_are_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let port = with_certificate(directory.path(), "127.0.0.1", 2099).await;
    let file = directory.path().join("server.pem");
    // As Windows writes it.
    std::fs::write(&file, ["\u{feff}".as_bytes(), &std::fs::read(&file).unwrap()].concat()).unwrap();
    let sink = open(&format!("mongodb://127.0.0.1:{port}/hr"), &format!("timeout=4s&tls_ca={}", file.display()));
    // The server goes away once it is trusted.
    let error = sink.probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Unreachable, "{}", told(&error));
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_at_the_time_out() {
    let double = inserts(STANDALONE, |_| Answer::Silence).await;
    let (sink, began) = (sink(&double), Instant::now());
    let error = sink.write(&sample(1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::TimedOut, "{}", told(&error));
    assert!(told(&error).contains("no answer within 2s"), "{}", told(&error));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn half_an_answer_is_a_broken_connection() {
    let double = inserts(STANDALONE, |_| Answer::Half).await;
    let error = sink(&double).write(&sample(1)).await.unwrap_err();
    assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Unreachable, true), "{}", told(&error));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_within_seconds() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (sink, began) = (open(&format!("mongodb://me:hunter2@{free}/hr"), ""), Instant::now());
    let error = sink.probe().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Unreachable, "{}", told(&error));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!format!("{error:?}").contains("hunter2"));
}

/// A port whose connections are never answered, not even at the lowest level: its queue of connections is full.
async fn black_hole() -> (std::net::SocketAddr, impl Sized) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut taken = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        taken.push(stream);
    }
    (address, (listener, taken))
}

#[tokio::test]
async fn one_that_says_nothing_is_told_within_the_time_out_with_its_place_and_what_to_look_at() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (hole, _kept) = black_hole().await;
    for (address, timeout) in [(silent.local_addr().unwrap(), 2), (hole, 2), (silent.local_addr().unwrap(), 4)] {
        let sink = open(&format!("mongodb://{address}/hr"), &format!("timeout={timeout}s"));
        let begun = Instant::now();
        let error = sink.probe().await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(timeout) * 2, "{:?}", begun.elapsed());
        assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::TimedOut, true), "{}", told(&error));
        assert!(told(&error).contains(&format!("{address}: no answer")), "{}", told(&error));
        assert!(told(&error).contains("no firewall swallows its answers"), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_port_at_which_nothing_listens_is_known_long_before_the_time_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sink = open(&format!("mongodb://{address}/hr"), "timeout=30s");
    for _ in 0..2 {
        let begun = Instant::now();
        let error = sink.write(&sample(1)).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(error.kind, SinkErrorKind::Unreachable);
        assert!(told(&error).contains(&format!("{address}: Connection refused")), "{}", told(&error));
        assert!(told(&error).contains("check that the server runs"), "{}", told(&error));
    }
}
