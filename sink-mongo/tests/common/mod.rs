//! The server of the environment, and a look into it that does not go through the sink.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::atomic::{AtomicU32, Ordering};

use attendance_model::Settings;
use attendance_model::conformance::View;
use futures::TryStreamExt as _;
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use sink_mongo::{MongoOptions, MongoSink};

/// The server's URI, with a database, or why there is none.
pub(crate) fn server() -> Result<String, String> {
    std::env::var("MONGODB_URI").map_err(|_| "MONGODB_URI is not set".to_owned())
}

/// `HOST:PORT` of a URI with one host.
pub(crate) fn place(uri: &str) -> &str {
    let after = uri.split("://").nth(1).unwrap();
    after.rsplit('@').next().unwrap().split('/').next().unwrap()
}

/// A name that no other test and no other run uses at the same time.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("punches_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A sink with these settings, as `key=value` joined by `&`.
pub(crate) fn open(uri: &str, settings: &str) -> MongoSink {
    let settings = settings.split('&').filter_map(|pair| pair.split_once('='));
    let settings = Settings::new(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
    MongoSink::open(MongoOptions::parse("test", uri, settings).unwrap())
}

pub(crate) async fn documents(collection: &str) -> Vec<Document> {
    let client = Client::with_uri_str(server().unwrap()).await.unwrap();
    let collection = client.default_database().unwrap().collection::<Document>(collection);
    collection.find(doc! {}).await.unwrap().try_collect().await.unwrap()
}

/// The documents of a collection.
pub(crate) async fn stored(collection: &str) -> Vec<View> {
    documents(collection).await.iter().map(view).collect()
}

fn view(document: &Document) -> View {
    assert_eq!(document.len(), View::FIELDS.len() + 2, "the fields, _id and stored_at: {document}");
    assert!(matches!(document.get("stored_at"), Some(Bson::DateTime(_))), "{document}");
    let text = |name: &str| match document.get(name).unwrap() {
        Bson::Null => None,
        Bson::String(text) => Some(text.clone()),
        Bson::Int32(number) => Some(number.to_string()),
        Bson::Int64(number) => Some(number.to_string()),
        Bson::DateTime(date) => Some(date.try_to_rfc3339_string().unwrap()),
        Bson::Binary(binary) => Some(binary.bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        other => panic!("{name}: {other:?}"),
    };
    let id = document.get_str("_id").unwrap().parse().unwrap();
    View::read(id, text)
}

/// Drops a collection, that of the people beside it, and the notes of their versions.
pub(crate) async fn drop_collection(collection: &str) {
    let client = Client::with_uri_str(server().unwrap()).await.unwrap();
    let database = client.default_database().unwrap();
    let people = format!("{collection}_people");
    let there = database.list_collection_names().await.unwrap();
    for name in [collection.to_owned(), format!("{collection}_schema"), format!("{people}_schema"), people] {
        // mongo-java-server answers about one that is missing with an error that the driver cannot read.
        if there.contains(&name) {
            database.collection::<Document>(&name).drop().await.unwrap();
        }
    }
}
