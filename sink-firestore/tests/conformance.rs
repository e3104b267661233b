//! The promises of `Sink`, kept by Firestore: with the ids of the Python tool, with those of this project, with the
//! layout that keeps everything, and that one over a wire that breaks.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use attendance_model::conformance::{Fault, Harness, NamesHarness, Proxy, View};
use attendance_model::{AttendanceEvent, IdScheme, NamedPerson, Sink};
use chrono::{DateTime, NaiveDateTime};
use sink_firestore::{FirestoreSink, Layout};

struct Collection {
    name: String,
    ids: IdScheme,
    layout: Layout,
    sink: FirestoreSink,
    /// The proxy that the sink goes through, if any.
    proxy: Option<Proxy>,
}

impl Collection {
    fn fresh(ids: IdScheme, layout: Layout, proxy: Option<Proxy>) -> Self {
        let name = support::new_collection();
        Self { sink: open(&name, ids, layout, proxy.as_ref()), name, ids, layout, proxy }
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(open(&self.name, self.ids, self.layout, self.proxy.as_ref()))
    }

    async fn stored(&self) -> Vec<View> {
        let documents = support::documents(&support::emulator().unwrap(), &self.name).await;
        let views = documents.into_iter().map(|(id, mut fields)| {
            let uploaded = fields.remove("uploadedAt").is_some_and(|text| text.starts_with("timestamp "));
            assert!(uploaded, "every document says when it came");
            let view = View::new(id.parse().unwrap());
            let view = match self.layout {
                Layout::Compatible => ["staffId", "timestamp", "status", "workCode"]
                    .into_iter()
                    .fold(view, |view, field| view.with(field, fields.remove(field))),
                Layout::Full => {
                    assert_eq!(fields.remove("_src.event_id"), Some(format!("string {id}")));
                    everything(view, &mut fields)
                }
            };
            assert!(fields.is_empty(), "no other field: {fields:?}");
            view
        });
        views.collect()
    }

    async fn people(&self) -> Vec<NamedPerson> {
        let documents = support::documents(&support::emulator().unwrap(), &format!("{}_people", self.name)).await;
        let person = |(id, mut fields): (String, BTreeMap<String, String>)| {
            let mut take = |name: &str, kind: &str| {
                let text = fields.remove(name).unwrap();
                text.strip_prefix(kind).unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
            };
            let device = (take("deviceSerial", "string "), take("deviceName", "string "));
            let seen_at = DateTime::from_timestamp(take("seenAt", "timestamp ").parse().unwrap(), 0).unwrap();
            let person = NamedPerson::new(device, take("staffId", "string "), take("name", "string "), seen_at);
            assert!(fields.is_empty() && id == person.key_digest(), "{id}: {fields:?}");
            person
        };
        documents.into_iter().map(person).collect()
    }

    fn view(&self, event: &AttendanceEvent) -> View {
        match self.layout {
            Layout::Compatible => View::new(self.ids.id_of(event))
                .with("staffId", format!("string {}", event.user_id))
                .with("timestamp", format!("timestamp {}", event.local_time.and_utc().timestamp()))
                .with("status", format!("integer {}", event.verify_mode.0))
                .with("workCode", format!("integer {}", event.punch_state.0)),
            Layout::Full => View::full(event),
        }
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        let asks = |test: &str| test.contains("lookup") || test.contains("are_counted");
        let asked = std::thread::current().name().is_some_and(asks);
        assert!(asked || self.sink.reads() == 0, "{} reads", self.sink.reads());
    }
}

fn open(collection: &str, ids: IdScheme, layout: Layout, proxy: Option<&Proxy>) -> FirestoreSink {
    let address = proxy.map_or_else(|| support::emulator().unwrap(), Proxy::address);
    FirestoreSink::open(support::options(&address, collection).ids(ids).layout(layout).names(true))
}

/// A wire to the emulator in a storm.
async fn storm() -> Proxy {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let proxy = Proxy::start(&support::emulator().unwrap()).await.unwrap();
    proxy.set(Fault::Storm { seed: SEED.fetch_add(1, Ordering::Relaxed) });
    proxy
}

/// A document of the full layout, by the names and in the text forms of [`View::full`].
fn everything(view: View, fields: &mut BTreeMap<String, String>) -> View {
    let mut take = |name: &str, kind: &str| {
        let text = fields.remove(name)?;
        Some(text.strip_prefix(kind).unwrap_or_else(|| panic!("{name} is no {kind}: {text}")).to_owned())
    };
    let local_time = take("_src.local_time", "string ").expect("a wall clock");
    let parsed = NaiveDateTime::parse_from_str(&local_time, "%Y-%m-%d %H:%M:%S").unwrap();
    assert_eq!(take("timestamp", "timestamp "), Some(parsed.and_utc().timestamp().to_string()));
    let utc_time = take("_src.utc_time", "timestamp ").map(|seconds| {
        let moment = DateTime::from_timestamp(seconds.parse().unwrap(), 0).unwrap();
        moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    });
    view.with("device_serial", take("_src.device_serial", "string "))
        .with("device_name", take("_src.device_name", "string "))
        .with("user_id", take("staffId", "string "))
        .with("local_time", local_time)
        .with("utc_time", utc_time)
        .with("zone", take("_src.zone", "string "))
        .with("verify_mode", take("status", "integer "))
        .with("punch_state", take("workCode", "integer "))
        .with("work_code", take("_src.work_code", "integer "))
        .with("source", take("_src.source", "string "))
        .with("flags", take("_src.flags", "array "))
        .with("clock_drift_ms", take("_src.clock_drift_ms", "integer "))
        .with("raw", take("_src.raw", "bytes "))
}

macro_rules! harness {
    ($module:ident, $ids:expr, $layout:expr, $proxy:expr, loses answers: $loses:literal, big log: $big_log:literal) => {
        mod $module {
            use super::*;

            struct Firestore(Collection);

            impl Harness for Firestore {
                const LOSES_ANSWERS: bool = $loses;
                const BIG_LOG: usize = $big_log;

                fn available() -> Result<(), String> {
                    support::emulator().map(drop)
                }

                async fn fresh() -> Self {
                    Self(Collection::fresh($ids, $layout, $proxy))
                }

                fn sink(&self) -> &dyn Sink {
                    &self.0.sink
                }

                fn another(&self) -> Box<dyn Sink> {
                    self.0.another()
                }

                async fn stored(&self) -> Vec<View> {
                    self.0.stored().await
                }

                fn view(&self, event: &AttendanceEvent) -> View {
                    self.0.view(event)
                }
            }

            attendance_model::sink_conformance!(Firestore);

            impl NamesHarness for Firestore {
                /// To compare would cost a read of each.
                const KEEPS_NEWEST: bool = false;

                async fn people(&self) -> Vec<NamedPerson> {
                    self.0.people().await
                }
            }

            mod names {
                attendance_model::names_conformance!(super::Firestore);
            }
        }
    };
}

harness!(
    with_ids_of_the_python_tool, IdScheme::IclockSyncV1, Layout::Compatible, None,
    loses answers: false, big log: 10_000
);
harness!(with_full_ids, IdScheme::Full, Layout::Compatible, None, loses answers: false, big log: 50_000);
harness!(with_the_full_layout, IdScheme::Full, Layout::Full, None, loses answers: false, big log: 10_000);
harness!(in_a_storm, IdScheme::Full, Layout::Full, Some(storm().await), loses answers: true, big log: 10_000);
