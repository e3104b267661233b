//! The promises of `Sink`, kept by MongoDB: on the server of `MONGODB_URI`, and on a wire to it that breaks.

mod common;

use attendance_model::conformance::{Fault, Harness, NamesHarness, Proxy, View};
use attendance_model::{AttendanceEvent, IdScheme, NamedPerson, Sink};
use common::{open, place, server, unique};
use mongodb::bson::Document;
use sink_mongo::MongoSink;

struct Place {
    uri: String,
    collection: String,
    ids: IdScheme,
    sink: MongoSink,
    /// Ends with the test.
    _proxy: Option<Proxy>,
}

impl Place {
    fn new(uri: String, ids: IdScheme, proxy: Option<Proxy>) -> Self {
        let collection = unique();
        let sink = open(&uri, &settings(&collection, ids));
        Self { uri, collection, ids, sink, _proxy: proxy }
    }
}

fn settings(collection: &str, ids: IdScheme) -> String {
    let ids = if ids == IdScheme::Full { "full" } else { "iclock-sync-v1" };
    // The stand-in for MongoDB looks at each person for each update. On a busy machine a full batch takes it more than
    // five seconds, and each attempt that is given up goes on in it next to those that follow.
    format!("collection={collection}&ids={ids}&names=true&timeout=20s")
}

fn person(document: &Document) -> NamedPerson {
    let text = |name: &str| document.get_str(name).unwrap();
    let key = document.get_document("_id").unwrap();
    assert_eq!(
        (key.get_str("device_serial").unwrap(), key.get_str("user_id").unwrap()),
        (text("device_serial"), text("user_id"))
    );
    assert_eq!(document.len(), 6, "{document}");
    let seen_at = document.get_datetime("seen_at").unwrap().timestamp_millis();
    let seen_at = chrono::DateTime::from_timestamp_millis(seen_at).unwrap();
    NamedPerson::new((text("device_serial"), text("device_name")), text("user_id"), text("name"), seen_at)
}

macro_rules! harness {
    ($module:ident, $ids:expr, storm: $storm:literal) => {
        mod $module {
            use super::*;

            struct Mongo(Place);

            impl Harness for Mongo {
                const LOSES_ANSWERS: bool = $storm;

                fn available() -> Result<(), String> {
                    server().map(drop)
                }

                async fn fresh() -> Self {
                    let uri = server().unwrap();
                    if !$storm {
                        return Self(Place::new(uri, $ids, None));
                    }
                    let proxy = Proxy::start(place(&uri)).await.unwrap();
                    let uri = uri.replace(place(&uri), &proxy.address());
                    proxy.set(Fault::Storm { seed: 7 });
                    Self(Place::new(uri, $ids, Some(proxy)))
                }

                fn sink(&self) -> &dyn Sink {
                    &self.0.sink
                }

                fn another(&self) -> Box<dyn Sink> {
                    Box::new(open(&self.0.uri, &settings(&self.0.collection, $ids)))
                }

                async fn stored(&self) -> Vec<View> {
                    common::stored(&self.0.collection).await
                }

                fn view(&self, event: &AttendanceEvent) -> View {
                    let mut stored = event.clone();
                    stored.id = self.0.ids.id_of(event);
                    View::full(&stored)
                }
            }

            attendance_model::sink_conformance!(Mongo);

            impl NamesHarness for Mongo {
                async fn people(&self) -> Vec<NamedPerson> {
                    let people = common::documents(&format!("{}_people", self.0.collection)).await;
                    people.iter().map(person).collect()
                }
            }

            mod names {
                attendance_model::names_conformance!(super::Mongo);
            }
        }
    };
}

harness!(full_ids, IdScheme::Full, storm: false);
harness!(ids_of_the_python_tool, IdScheme::IclockSyncV1, storm: false);
harness!(on_a_wire_that_breaks, IdScheme::Full, storm: true);
