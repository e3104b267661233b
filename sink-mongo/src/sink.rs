//! The sink that is not there yet.

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, EventId, Notice, OptionsError, Outcome, Sink, SinkError};

use crate::MongoOptions;

/// Writes events into MongoDB, once that is built: until then nobody can hold one.
#[derive(Debug)]
pub enum MongoSink {}

impl MongoSink {
    /// Refuses.
    ///
    /// # Errors
    /// Always: [`OptionsError`] that says what to use instead.
    pub fn open(options: MongoOptions) -> Result<Self, OptionsError> {
        let MongoOptions { name, hosts, database } = options;
        Err(OptionsError::new("url", format!("writing to MongoDB ({hosts}/{database}) is not built yet")).mend(
            format!(
                "give the sink {name} another URL: sqlite:PATH, firestore://PROJECT/COLLECTION, jsonl:PATH or csv:PATH"
            ),
        ))
    }
}

#[async_trait]
impl Sink for MongoSink {
    fn name(&self) -> &str {
        match *self {}
    }

    fn target(&self) -> String {
        match *self {}
    }

    fn capabilities(&self) -> Capabilities {
        match *self {}
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        match *self {}
    }

    async fn write(&self, _batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        match *self {}
    }

    async fn lookup(&self, _ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        match *self {}
    }
}
