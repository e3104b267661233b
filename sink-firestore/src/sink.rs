//! The sink itself.

use std::collections::HashMap;

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, Capabilities, EventId, Notice, OptionsError, Outcome, Sink, SinkError};
use gcloud_sdk::tonic::{Code, Status};

use crate::FirestoreOptions;
use crate::connection::Connection;
use crate::delivery::{Failure, MAX_WRITES, Rpc, deliver};
use crate::error::from_status;
use crate::mapping::Mapping;

/// Writes each event as a document of its own to one Firestore collection.
#[derive(Debug)]
pub struct FirestoreSink {
    name: String,
    connection: Connection,
    mapping: Mapping,
}

impl FirestoreSink {
    /// A sink that connects at its first probe, write or lookup. Reads `FIRESTORE_EMULATOR_HOST`, for which an `emulator` in
    /// the options stands in.
    ///
    /// # Errors
    /// [`OptionsError`] when that variable is set to something other than `HOST:PORT`.
    pub fn open(options: FirestoreOptions) -> Result<Self, OptionsError> {
        const VARIABLE: &str = "FIRESTORE_EMULATOR_HOST";
        let FirestoreOptions { name, mut endpoint, credentials, time, ids, layout, timeout } = options;
        if let (false, Ok(address)) = (endpoint.is_emulator(), std::env::var(VARIABLE))
            && !address.is_empty()
        {
            endpoint.use_emulator(VARIABLE, &address)?;
        }
        let connection = Connection::new(endpoint, credentials, timeout);
        let mapping = Mapping { parent: connection.endpoint().documents(), ids, time, layout };
        Ok(Self { name, connection, mapping })
    }

    /// Requests sent so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.connection.requests()
    }

    /// Documents read so far, as Firestore bills them: none by [`Sink::probe`] and [`Sink::write`], one for each id by
    /// [`Sink::lookup`].
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.connection.reads()
    }

    fn error(&self, failure: Failure) -> SinkError {
        match failure {
            Failure::Sink(error) => error,
            Failure::Status(status) => from_status(self.connection.endpoint(), status),
        }
    }
}

#[async_trait]
impl Sink for FirestoreSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn target(&self) -> String {
        self.connection.endpoint().target()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_WRITES, self.mapping.ids).concurrency(4).some_fields().billed_lookup()
    }

    /// Sends a write that can change nothing: an update of no field of a document that must exist and does not. Unlike a
    /// read it asks for the right to write, and it is not billed as a read. Besides `datastore.entities.create`, the
    /// account so needs `datastore.entities.update`; the role Cloud Datastore User has both.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let answer = self.connection.batch_write(vec![self.mapping.probe()]).await;
        let statuses = answer.map_err(|failure| self.error(failure))?;
        match statuses.first().map(|status| (Code::from_i32(status.code), &status.message)) {
            Some((Code::Ok | Code::NotFound, _)) => Ok(Vec::new()),
            Some((code, message)) => Err(self.error(Failure::Status(Status::new(code, message)))),
            None => Err(self.error(Failure::Status(Status::internal("no status for the probe")))),
        }
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        // One request must not name a document twice, and two events may share an id.
        let mut first_of: HashMap<EventId, usize> = HashMap::with_capacity(batch.len());
        let mut writes = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for event in batch {
            places.push(match self.mapping.create(event) {
                Err(reason) => Place::Rejected(reason),
                Ok(write) => match *first_of.entry(self.mapping.ids.id_of(event)).or_insert(writes.len()) {
                    place if place == writes.len() => {
                        writes.push(write);
                        Place::Sent(place)
                    }
                    place => Place::Repeats(place),
                },
            });
        }
        let outcomes = deliver(&self.connection, &writes).await.map_err(|failure| self.error(failure))?;
        Ok(places
            .into_iter()
            .map(|place| match place {
                Place::Rejected(reason) => Outcome::Rejected { reason },
                Place::Sent(place) => outcomes[place].clone(),
                Place::Repeats(place) => match &outcomes[place] {
                    Outcome::Stored | Outcome::AlreadyStored => Outcome::AlreadyStored,
                    other => other.clone(),
                },
            })
            .collect())
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let names: Vec<String> = ids.iter().map(|&id| self.mapping.document_name(id)).collect();
        let mut found = std::collections::HashSet::with_capacity(names.len());
        for part in names.chunks(MAX_WRITES) {
            found.extend(self.connection.found(part.to_vec()).await.map_err(|failure| self.error(failure))?);
        }
        Ok(names.iter().map(|name| found.contains(name)).collect())
    }
}

/// Where an event's outcome comes from.
enum Place {
    /// No document could be made of it.
    Rejected(String),
    /// It is this write.
    Sent(usize),
    /// An earlier event of the batch with the same document id is this write.
    Repeats(usize),
}
