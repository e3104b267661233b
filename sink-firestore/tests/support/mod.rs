//! The emulator of the environment, and a look into it that does not go through the sink.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use attendance_model::conformance::skipped;
use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use gcloud_sdk::google::firestore::v1::structured_query::CollectionSelector;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{CommitRequest, Document, RunQueryRequest, StructuredQuery, Value, Write};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::prost_types::Timestamp;
use gcloud_sdk::{GoogleApi, GoogleAuthHeaders, GoogleAuthMiddleware, GoogleAuthMiddlewareLayer, HeaderMap};
use sink_firestore::{FirestoreOptions, FirestoreSink};

/// The project of all tests; each has a collection of its own.
pub(crate) const PROJECT: &str = "sink-test";

/// The emulator's `HOST:PORT`, or why there is none.
pub(crate) fn emulator() -> Result<String, String> {
    std::env::var("FIRESTORE_EMULATOR_HOST").map_err(|_| "Firestore emulator (set FIRESTORE_EMULATOR_HOST)".to_owned())
}

/// Runs a test against the emulator, within a minute; without one it says that it was skipped.
pub(crate) fn with_emulator<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    let emulator = emulator();
    if !skipped(emulator.clone().err()) {
        bounded(test(emulator.unwrap()));
    }
}

/// Runs a test on a runtime of its own, within a minute.
pub(crate) fn bounded(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("a minute") });
}

/// A name that no other test, and no earlier run against the same emulator, has.
pub(crate) fn new_collection() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let started = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("logs-{started}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Options for a collection in the emulator.
pub(crate) fn options(address: &str, collection: &str) -> FirestoreOptions {
    FirestoreOptions::new("test", PROJECT, collection).unwrap().emulator(address).unwrap()
}

/// A sink on a collection in the emulator.
pub(crate) fn sink(address: &str, collection: &str) -> FirestoreSink {
    FirestoreSink::open(options(address, collection))
}

/// Fields of a document to put.
pub(crate) type Fields = Vec<(&'static str, ValueType)>;

/// A timestamp of whole seconds.
pub(crate) fn moment(seconds: i64) -> ValueType {
    ValueType::TimestampValue(Timestamp { seconds, nanos: 0 })
}

fn database() -> String {
    format!("projects/{PROJECT}/databases/(default)")
}

async fn client(address: &str) -> FirestoreClient<GoogleAuthMiddleware> {
    let auth = GoogleAuthHeaders::from(anonymous::Builder::new().build());
    let mut middleware = GoogleAuthMiddlewareLayer::new(auth, Some(database())).unwrap();
    let mut owner = HeaderMap::new();
    owner.insert("authorization", "Bearer owner".parse().unwrap());
    middleware.set_additional_headers(owner);
    let url = format!("http://{address}");
    GoogleApi::from_function_with_middleware(FirestoreClient::new, url, middleware).await.unwrap().get()
}

/// Puts documents into a collection, by id, in place of those that are there.
pub(crate) async fn put(address: &str, collection: &str, documents: BTreeMap<String, Fields>) {
    let mut client = client(address).await;
    let writes: Vec<Write> = documents
        .into_iter()
        .map(|(id, fields)| {
            let value = |held| Value { value_type: Some(held) };
            let document = Document {
                name: format!("{}/documents/{collection}/{id}", database()),
                fields: fields.into_iter().map(|(name, held)| (name.to_owned(), value(held))).collect(),
                ..Document::default()
            };
            Write { operation: Some(Operation::Update(document)), ..Write::default() }
        })
        .collect();
    for part in writes.chunks(500) {
        let request = CommitRequest { database: database(), writes: part.to_vec(), ..CommitRequest::default() };
        client.commit(request).await.unwrap();
    }
}

/// Every document of a collection: its id, and its fields as `type value`, a map's by `NAME.KEY`.
pub(crate) async fn documents(address: &str, collection: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    // In one query: the emulator sorts all that it holds for each page of a list.
    let request = RunQueryRequest {
        parent: format!("{}/documents", database()),
        query_type: Some(QueryType::StructuredQuery(StructuredQuery {
            from: vec![CollectionSelector { collection_id: collection.to_owned(), all_descendants: false }],
            ..StructuredQuery::default()
        })),
        ..RunQueryRequest::default()
    };
    let mut answers = client(address).await.run_query(request).await.unwrap().into_inner();
    let mut documents = BTreeMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        documents.extend(answer.document.map(shown));
    }
    documents
}

fn shown(document: Document) -> (String, BTreeMap<String, String>) {
    let id = document.name.rsplit('/').next().unwrap().to_owned();
    let mut fields = BTreeMap::new();
    for (name, value) in document.fields {
        show(&name, value, &mut fields);
    }
    (id, fields)
}

/// Notes a value by its name, and those of a map by `NAME.KEY`.
fn show(name: &str, value: Value, fields: &mut BTreeMap<String, String>) {
    let text = match value.value_type.unwrap() {
        ValueType::MapValue(map) => {
            for (key, value) in map.fields {
                show(&format!("{name}.{key}"), value, fields);
            }
            return;
        }
        ValueType::StringValue(text) => format!("string {text}"),
        ValueType::IntegerValue(number) => format!("integer {number}"),
        ValueType::TimestampValue(moment) if moment.nanos == 0 => format!("timestamp {}", moment.seconds),
        ValueType::TimestampValue(moment) => format!("timestamp {}.{:09}", moment.seconds, moment.nanos),
        ValueType::BytesValue(bytes) => {
            format!("bytes {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        ValueType::ArrayValue(array) => {
            let texts = array.values.into_iter().map(|value| match value.value_type.unwrap() {
                ValueType::StringValue(text) => text,
                other => panic!("{other:?}"),
            });
            format!("array {}", texts.collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    };
    fields.insert(name.to_owned(), text);
}
