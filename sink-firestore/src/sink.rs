//! The sink itself.

use std::collections::HashMap;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Budget, Capabilities, EventId, NamedPerson, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};
use chrono::{NaiveDate, Utc};
use chrono_tz::Tz;
use gcloud_sdk::tonic::{Code, Status};

use crate::connection::Connection;
use crate::count::{self, DayField};
use crate::delivery::{MAX_WRITES, Rpc, deliver};
use crate::mapping::Mapping;
use crate::status::Failure;
use crate::{FirestoreOptions, Layout, index};

/// The zone whose midnight ends the day of Firestore's quotas.
const QUOTA_ZONE: Tz = Tz::America__Los_Angeles;

/// Days that are counted in one call: a request each, within the time that an engine allows a call.
const DAYS: usize = 31;

/// Writes each event as a document of its own to one Firestore collection.
#[derive(Debug)]
pub struct FirestoreSink {
    name: String,
    connection: Connection,
    mapping: Mapping,
    names: bool,
    budget: Option<Budget>,
    /// True if the other end is the real service, or an emulator that is treated as one.
    as_service: bool,
}

impl FirestoreSink {
    /// A sink that connects at its first probe, write or lookup.
    #[must_use]
    pub fn open(options: FirestoreOptions) -> Self {
        let FirestoreOptions {
            name,
            endpoint,
            way,
            credentials,
            time,
            ids,
            layout,
            names,
            daily_writes,
            timeout,
            treated,
        } = options;
        let as_service = treated.is_as_service(&endpoint);
        let connection = Connection::open(endpoint, way, credentials, timeout, treated);
        let mapping = Mapping { parent: connection.endpoint().documents(), ids, time, layout };
        let budget = daily_writes.filter(|_| as_service).map(|writes| Budget::new(writes.get(), QUOTA_ZONE));
        Self { name, connection, mapping, names, budget, as_service }
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

    /// How many of so many more writes may be sent today.
    fn grant(&self, wanted: usize) -> usize {
        let Some(budget) = &self.budget else { return wanted };
        let granted = budget.take(Utc::now(), wanted as u64);
        // No more than what was wanted, which was a usize.
        usize::try_from(granted).unwrap_or(wanted)
    }

    fn day_field(&self) -> Option<DayField> {
        DayField::of(self.mapping.time, self.mapping.layout)
    }

    fn error(&self, failure: Failure) -> SinkError {
        self.connection.error(failure)
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
        let capabilities =
            Capabilities::new(MAX_WRITES, self.mapping.ids).concurrency(4).billed_lookup().names(self.names);
        let capabilities = match self.day_field() {
            Some(_) => capabilities.counts_days(DAYS),
            None => capabilities,
        };
        match self.mapping.layout {
            Layout::Compatible => capabilities.some_fields(),
            Layout::Full => capabilities,
        }
    }

    /// Sends a write that can change nothing: an update of no field of a document that must exist and does not. Unlike
    /// a read it asks for the right to write, and it is not billed as a read. Besides `datastore.entities.create`, the
    /// account so needs `datastore.entities.update`; the role Cloud Datastore User has both. Then asks the real service
    /// for its list of indexes, which reads no document either: a missing index is a notice.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        self.connection.ready().await.map_err(|failure| self.error(failure))?;
        // Counted, and sent in any case: it costs one write, and a write of events will tell that there are none left.
        self.grant(1);
        let answer = self.connection.batch_write(vec![self.mapping.probe()]).await;
        let statuses = answer.map_err(|failure| self.error(failure))?;
        match statuses.first().map(|status| (Code::from_i32(status.code), &status.message)) {
            Some((Code::Ok | Code::NotFound, _)) if self.as_service => {
                Ok(index::notice(&self.connection).await.into_iter().collect())
            }
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
        let outcomes = deliver(&self.connection, &writes, |wanted| self.grant(wanted))
            .await
            .map_err(|failure| self.error(failure))?;
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

    /// One aggregation for each day. Documents of the Python tool count too.
    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        let Some(by) = self.day_field() else {
            let problem = format!("{} has the true moments alone, which are of no certain day", self.target());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem));
        };
        let mut counts = Vec::with_capacity(days.len());
        for &day in days {
            counts.push(count::of_day(&self.connection, by, day).await.map_err(|failure| self.error(failure))?);
        }
        Ok(counts)
    }

    /// A write for each person, and no read. A person of whom no document can be made is left out.
    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        if !self.names {
            let problem = format!("{} keeps no names", self.target());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem).hint("set names = true for this sink"));
        }
        let (mut writes, mut places) = (Vec::with_capacity(people.len()), Vec::with_capacity(people.len()));
        for (place, person) in people.iter().enumerate() {
            if let Ok(write) = self.mapping.person(person) {
                writes.push(write);
                places.push(place);
            }
        }
        let outcomes = deliver(&self.connection, &writes, |wanted| self.grant(wanted))
            .await
            .map_err(|failure| self.error(failure))?;
        let deferred = outcomes.iter().position(|outcome| *outcome == Outcome::Deferred);
        Ok(deferred.and_then(|at| places.get(at).copied()).unwrap_or(people.len()))
    }

    fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }
}

/// The source of an event's outcome.
enum Place {
    /// No document could be made of it.
    Rejected(String),
    /// It is this write.
    Sent(usize),
    /// An earlier event of the batch with the same document id is this write.
    Repeats(usize),
}
