//! The emulator of the environment, and a look into it that does not go through the sink.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{Document, ListDocumentsRequest, Value};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::{GoogleApi, GoogleAuthHeaders, GoogleAuthMiddlewareLayer};
use sink_firestore::{FirestoreOptions, FirestoreSink};

pub(crate) mod relay;

/// The project of all tests; each has a collection of its own.
pub(crate) const PROJECT: &str = "sink-test";

/// The emulator's `HOST:PORT`, or why there is none.
pub(crate) fn emulator() -> Result<String, String> {
    std::env::var("FIRESTORE_EMULATOR_HOST").map_err(|_| "Firestore emulator (set FIRESTORE_EMULATOR_HOST)".to_owned())
}

/// Runs a test against the emulator, within a minute; without one it says that it was skipped.
pub(crate) fn with_emulator<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    match emulator() {
        Ok(address) => bounded(test(address)),
        Err(why) => {
            let thread = std::thread::current();
            // Not `eprintln!`, which the test harness would swallow.
            let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("a test"));
        }
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
    FirestoreSink::open(options(address, collection)).unwrap()
}

/// Every document of a collection: its id, and its fields as `type value`, a map's by `NAME.KEY`.
pub(crate) async fn documents(address: &str, collection: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let database = format!("projects/{PROJECT}/databases/(default)");
    let auth = GoogleAuthHeaders::from(anonymous::Builder::new().build());
    let middleware = GoogleAuthMiddlewareLayer::new(auth, Some(database.clone())).unwrap();
    let url = format!("http://{address}");
    let api = GoogleApi::from_function_with_middleware(FirestoreClient::new, url, middleware).await.unwrap();
    let (mut documents, mut page_token) = (BTreeMap::new(), String::new());
    loop {
        let request = ListDocumentsRequest {
            parent: format!("{database}/documents"),
            collection_id: collection.to_owned(),
            page_size: 1000,
            page_token,
            ..ListDocumentsRequest::default()
        };
        let page = api.get().list_documents(request).await.unwrap().into_inner();
        documents.extend(page.documents.into_iter().map(shown));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return documents;
        }
    }
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
