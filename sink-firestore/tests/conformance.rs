//! The promises of `Sink`, kept by Firestore: with the ids of the Python tool, and with those of this project.

mod support;

use attendance_model::conformance::{Harness, View};
use attendance_model::{AttendanceEvent, IdScheme, Sink};
use sink_firestore::FirestoreSink;

struct Collection {
    name: String,
    ids: IdScheme,
    sink: FirestoreSink,
}

impl Collection {
    fn open(name: String, ids: IdScheme) -> Self {
        let sink = FirestoreSink::open(support::options(&support::emulator().unwrap(), &name).ids(ids)).unwrap();
        Self { name, ids, sink }
    }

    async fn stored(&self) -> Vec<View> {
        let documents = support::documents(&support::emulator().unwrap(), &self.name).await;
        let views = documents.into_iter().map(|(id, mut fields)| {
            let uploaded = fields.remove("uploadedAt").is_some_and(|text| text.starts_with("timestamp "));
            assert!(uploaded, "every document says when it came");
            let view = View::new(id.parse().unwrap());
            let view = ["staffId", "timestamp", "status", "workCode"]
                .into_iter()
                .fold(view, |view, field| view.with(field, fields.remove(field)));
            assert!(fields.is_empty(), "a document has five fields, no more: {fields:?}");
            view
        });
        views.collect()
    }

    fn view(&self, event: &AttendanceEvent) -> View {
        View::new(self.ids.id_of(event))
            .with("staffId", format!("string {}", event.user_id))
            .with("timestamp", format!("timestamp {}", event.local_time.and_utc().timestamp()))
            .with("status", format!("integer {}", event.verify_mode.0))
            .with("workCode", format!("integer {}", event.punch_state.0))
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        let lookups_too = std::thread::current().name().is_some_and(|test| test.contains("lookup"));
        assert!(lookups_too || self.sink.reads() == 0, "{} reads", self.sink.reads());
    }
}

macro_rules! harness {
    ($module:ident, $ids:expr) => {
        mod $module {
            use super::*;

            struct Firestore(Collection);

            impl Harness for Firestore {
                fn available() -> Result<(), String> {
                    support::emulator().map(drop)
                }

                async fn fresh() -> Self {
                    Self(Collection::open(support::new_collection(), $ids))
                }

                fn sink(&self) -> &dyn Sink {
                    &self.0.sink
                }

                fn another(&self) -> Box<dyn Sink> {
                    let options = support::options(&support::emulator().unwrap(), &self.0.name).ids($ids);
                    Box::new(FirestoreSink::open(options).unwrap())
                }

                async fn stored(&self) -> Vec<View> {
                    self.0.stored().await
                }

                fn view(&self, event: &AttendanceEvent) -> View {
                    self.0.view(event)
                }
            }

            attendance_model::sink_conformance!(Firestore);
        }
    };
}

harness!(with_ids_of_the_python_tool, IdScheme::IclockSyncV1);
harness!(with_full_ids, IdScheme::Full);
