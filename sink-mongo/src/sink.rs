//! The sink: events in, one outcome each.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use attendance_model::{
    AttendanceEvent, Capabilities, EventId, NamedPerson, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};
use chrono::{NaiveDate, Utc};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::{Acknowledgment, ClientOptions, HostInfo, Tls, WriteConcern};
use mongodb::{Client, Collection, Database};
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use crate::error::{from_driver, refused, timed_out};
use crate::heartbeat::Heartbeats;
use crate::mapping::document;
use crate::options::MongoOptions;
use crate::outcome::outcomes;
use crate::people;
use crate::prepare::{prepare, prepare_people};

/// Documents per insert. Larger ones gain nothing.
const BATCH: usize = 1_000;

/// The longest that no server may be found before a call says why: less than its time-out, which knows no reason.
const SELECTION: Duration = Duration::from_secs(5);

/// How long an idle connection is kept. Firewalls drop connections after a few silent minutes, and a request on a
/// dropped one would hang until the timeout.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// A collection of MongoDB that events are written to. Cheap to open, safe to share; its connections close when it is
/// dropped.
pub struct MongoSink {
    options: MongoOptions,
    /// Made by the first call: the driver begins to look for its servers at once.
    connected: OnceCell<Connected>,
    heartbeats: Heartbeats,
    /// Set once the collection of people was checked.
    people_ready: OnceCell<()>,
}

struct Connected {
    database: Database,
    /// The certificates without their byte-order mark. The driver reads them by path, so the copy lives as long as it.
    _certificates: Option<NamedTempFile>,
}

impl MongoSink {
    /// The sink of these options. Contacts nothing: the first call of the [`Sink`] connects.
    #[must_use]
    pub fn open(options: MongoOptions) -> Self {
        Self { options, connected: OnceCell::new(), heartbeats: Heartbeats::new(), people_ready: OnceCell::new() }
    }

    async fn database(&self) -> Result<&Database, Error> {
        Ok(&self.connected.get_or_try_init(|| self.connect()).await?.database)
    }

    /// Looks up the servers of a `mongodb+srv` URL; the driver connects on its own.
    async fn connect(&self) -> Result<Connected, Error> {
        let MongoOptions { connection, timeout, pool, database, .. } = &self.options;
        let mut options = ClientOptions::parse(connection.clone()).await?;
        let selection = SELECTION.min(*timeout / 2);
        options.app_name.get_or_insert_with(|| "sink-mongo".to_owned());
        options.server_selection_timeout = Some(selection);
        options.connect_timeout = Some(options.connect_timeout.unwrap_or(selection).min(selection));
        options.sdam_event_handler = Some(self.heartbeats.handler());
        options.max_pool_size = Some(*pool);
        options.max_idle_time.get_or_insert(KEPT_FOR);
        // What is called stored is in the journals of a majority. The server gives up before we do, and says why.
        options.write_concern =
            Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(*timeout * 3 / 4).build());
        let mut certificates = None;
        if let Some(Tls::Enabled(tls)) = &mut options.tls
            && let Some(copy) = tls.ca_file_path.as_deref().map(without_mark).transpose()?.flatten()
        {
            tls.ca_file_path = Some(copy.path().to_owned());
            certificates = Some(copy);
        }
        Ok(Connected { database: Client::with_options(options)?.database(database), _certificates: certificates })
    }

    async fn collection(&self) -> Result<Collection<Document>, Error> {
        Ok(self.database().await?.collection(&self.options.collection))
    }

    /// Checks the collection of people, once in a process.
    async fn ready_people(&self, database: &Database, collection: &str) -> Result<(), SinkError> {
        let target = &self.options.target;
        let check = || async {
            prepare_people(database, collection, target).await.map_err(|fault| fault.into_sink_error(target))
        };
        self.people_ready.get_or_try_init(check).await.map(|_| ())
    }

    /// Ends with an error when the time is over, or when every server that the URL names refuses connections. What is
    /// under way then is dropped, its connection with it.
    async fn within<T>(&self, doing: &str, work: impl Future<Output = Result<T, SinkError>>) -> Result<T, SinkError> {
        let MongoOptions { timeout, target, connection, .. } = &self.options;
        let servers = match &connection.host_info {
            HostInfo::HostIdentifiers(servers) => servers.as_slice(),
            _ => &[],
        };
        tokio::select! {
            biased;
            done = tokio::time::timeout(*timeout, work) => {
                done.unwrap_or_else(|_| Err(timed_out(doing, target, *timeout)))
            }
            said = self.heartbeats.all_refuse(servers) => Err(refused(doing, target, said)),
        }
    }
}

/// A copy of a file that begins with a byte-order mark, which the TLS library does not skip. `None` if it has none.
fn without_mark(file: &Path) -> std::io::Result<Option<NamedTempFile>> {
    let bytes = std::fs::read(file)?;
    let Some(text) = bytes.strip_prefix("\u{feff}".as_bytes()) else { return Ok(None) };
    let mut copy = NamedTempFile::new()?;
    copy.write_all(text)?;
    Ok(Some(copy))
}

#[async_trait]
impl Sink for MongoSink {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn target(&self) -> String {
        self.options.target.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(BATCH, self.options.ids)
            .concurrency(self.options.pool as usize)
            .counts_days(usize::MAX)
            .names(self.options.names)
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        let MongoOptions { collection, target, .. } = &self.options;
        let work = async {
            let database = self.database().await.map_err(|error| from_driver("reach", target, &error))?;
            let mut notices =
                prepare(database, collection, target).await.map_err(|fault| fault.into_sink_error(target))?;
            if self.options.names {
                // Events go in all the same.
                let ready = self.ready_people(database, &NamedPerson::table_of(collection)).await;
                notices.extend(ready.err().map(|error| {
                    let notice = Notice::new(format!("people's names cannot be stored: {error}"));
                    match error.hint {
                        Some(hint) => notice.hint(hint),
                        None => notice,
                    }
                }));
            }
            Ok(notices)
        };
        self.within("prepare", work).await
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        // An id means its first document: a later one in the same batch finds it stored.
        let mut first_of: HashMap<EventId, usize> = HashMap::with_capacity(batch.len());
        let (mut documents, mut places) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let stored_at = Utc::now();
        for event in batch {
            let id = self.options.ids.id_of(event);
            let place = *first_of.entry(id).or_insert(documents.len());
            places.push((place, place == documents.len()));
            if place == documents.len() {
                documents.push(document(id, event, stored_at));
            }
        }
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let (count, target) = (documents.len(), &self.options.target);
        let work = async {
            let answer = match self.collection().await {
                Ok(collection) => collection.insert_many(documents).ordered(false).await.map(|_| ()),
                Err(error) => Err(error),
            };
            outcomes(count, answer, target)
        };
        let settled = self.within("write to", work).await?;
        let outcome = |(place, first): (usize, bool)| match settled.get(place) {
            Some(Outcome::Stored) if !first => Outcome::AlreadyStored,
            Some(outcome) => outcome.clone(),
            // Every place is that of a document.
            None => Outcome::AlreadyStored,
        };
        Ok(places.into_iter().map(outcome).collect())
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let work = async {
            let collection = self.collection().await?;
            let mut found = HashSet::with_capacity(ids.len());
            for ids in ids.chunks(BATCH) {
                let ids: Vec<String> = ids.iter().map(EventId::to_string).collect();
                let question = collection.find(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 });
                let mut answers = question.await?;
                while let Some(answer) = answers.try_next().await? {
                    found.extend(answer.get_str("_id").ok().and_then(|id| id.parse::<EventId>().ok()));
                }
            }
            Ok(ids.iter().map(|id| found.contains(id)).collect())
        };
        let work = async { work.await.map_err(|error| from_driver("look into", &self.options.target, &error)) };
        self.within("look into", work).await
    }

    /// One aggregation, whatever the number of days.
    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { return Ok(Vec::new()) };
        // `local_time` is text, in which a day sorts before its times and the next day after them.
        let after = last.succ_opt().unwrap_or(*last);
        let stages = [
            doc! { "$match": { "local_time": { "$gte": first.to_string(), "$lt": after.to_string() } } },
            doc! { "$group": { "_id": { "$substrBytes": ["$local_time", 0, 10] }, "documents": { "$sum": 1_i64 } } },
        ];
        let work = async {
            let mut counts = HashMap::new();
            let mut answers = self.collection().await?.aggregate(stages).await?;
            while let Some(answer) = answers.try_next().await? {
                let day = answer.get_str("_id").ok().and_then(|day| day.parse::<NaiveDate>().ok());
                counts.extend(day.zip(answer.get_i64("documents").ok()));
            }
            Ok(days.iter().map(|day| counts.get(day).copied().unwrap_or(0).cast_unsigned()).collect())
        };
        let work = async { work.await.map_err(|error| from_driver("look into", &self.options.target, &error)) };
        self.within("look into", work).await
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        let MongoOptions { target, timeout, names, .. } = &self.options;
        if !names {
            let problem = format!("{target} keeps no names");
            return Err(SinkError::new(SinkErrorKind::Invalid, problem).hint("set names = true for this sink"));
        }
        let collection = NamedPerson::table_of(&self.options.collection);
        let work = async {
            let database = self.database().await.map_err(|error| from_driver("reach", target, &error))?;
            self.ready_people(database, &collection).await?;
            people::put(database, &collection, people, *timeout, target).await
        };
        self.within("write people to", work).await.map(|()| people.len())
    }
}

/// Not derived: the driver's client prints its options.
impl fmt::Debug for MongoSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoSink").field("options", &self.options).finish_non_exhaustive()
    }
}
