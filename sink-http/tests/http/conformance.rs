//! The suite that every sink runs, with a receiver that tells events apart and one that takes them one by one.

use crate::double::{Manner, Receiver};
use attendance_model::conformance::{Harness, View};
use attendance_model::{AttendanceEvent, IdScheme, Sink};
use sink_http::HttpSink;

struct Hook {
    receiver: Receiver,
    settings: &'static [(&'static str, &'static str)],
    sink: HttpSink,
}

impl Hook {
    async fn new(manner: Manner, settings: &'static [(&'static str, &'static str)]) -> Self {
        let receiver = Receiver::start(manner).await;
        let sink = receiver.sink(settings);
        Self { receiver, settings, sink }
    }

    fn another(&self) -> Box<dyn Sink> {
        Box::new(self.receiver.sink(self.settings))
    }

    fn stored(&self) -> Vec<View> {
        let view = |row: &serde_json::Value| {
            let field = |name: &str| match &row[name] {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                number => Some(number.to_string()),
            };
            View::read(field("event_id").unwrap().parse().unwrap(), field)
        };
        self.receiver.stored().iter().map(view).collect()
    }
}

struct Tells(Hook);

impl Harness for Tells {
    const BIG_LOG: usize = 5_000;

    async fn fresh() -> Self {
        Self(Hook::new(Manner::Tells, &[]).await)
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        self.0.another()
    }

    async fn stored(&self) -> Vec<View> {
        self.0.stored()
    }
}

struct OneByOne(Hook);

impl Harness for OneByOne {
    const BIG_LOG: usize = 1_000;

    async fn fresh() -> Self {
        Self(Hook::new(Manner::OneByOne, &[("batch", "1"), ("ids", "iclock-sync-v1")]).await)
    }

    fn sink(&self) -> &dyn Sink {
        &self.0.sink
    }

    fn another(&self) -> Box<dyn Sink> {
        self.0.another()
    }

    async fn stored(&self) -> Vec<View> {
        self.0.stored()
    }

    fn view(&self, event: &AttendanceEvent) -> View {
        let mut stored = event.clone();
        stored.id = IdScheme::IclockSyncV1.id_of(event);
        View::full(&stored)
    }
}

mod tells {
    attendance_model::sink_conformance!(super::Tells);
}

mod one_by_one {
    attendance_model::sink_conformance!(super::OneByOne);
}
