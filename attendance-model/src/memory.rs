//! The reference sink, in memory.

use std::collections::{BTreeMap, HashSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::{
    AttendanceEvent, Capabilities, EventId, IdScheme, NamedPerson, Notice, Outcome, Sink, SinkError, SinkErrorKind,
};

/// Keeps events in memory. Clones share what they hold, so that a test can read while an engine writes.
///
/// # Panics
/// A write panics if its batch is larger than [`Capabilities::batch`], or if more writes than
/// [`Capabilities::concurrency`] are under way.
#[derive(Clone, Debug)]
pub struct MemorySink {
    name: String,
    capabilities: Capabilities,
    stored: Arc<Mutex<Stored>>,
    under_way: UnderWay,
}

/// The writes of one sink that are under way. A clone is another sink with the same target, and counts its own.
#[derive(Debug, Default)]
struct UnderWay(AtomicUsize);

/// One of them. It ends when the value is dropped, also in a write that is given up.
struct OneWrite<'a>(&'a AtomicUsize);

#[derive(Debug, Default)]
struct Stored {
    events: Vec<AttendanceEvent>,
    /// The document ids of `events`.
    ids: HashSet<EventId>,
    writes: usize,
    /// By serial number and user id.
    people: BTreeMap<(String, String), NamedPerson>,
}

impl MemorySink {
    /// An empty one: batches of 500, four at once, ids of the scheme `full`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let capabilities = Capabilities::new(500, IdScheme::Full).concurrency(4).local().counts_days(usize::MAX);
        Self { name: name.into(), capabilities, stored: Arc::default(), under_way: UnderWay::default() }
    }

    /// Sets other capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Removes an event, as somebody could at a database. Returns false if it is not there.
    pub fn remove(&self, id: EventId) -> bool {
        let mut stored = self.lock();
        let scheme = self.capabilities.ids;
        stored.events.retain(|event| scheme.id_of(event) != id);
        stored.ids.remove(&id)
    }

    /// The stored events, in the order in which they came.
    #[must_use]
    pub fn stored(&self) -> Vec<AttendanceEvent> {
        self.lock().events.clone()
    }

    /// The stored people, by serial number and user id.
    #[must_use]
    pub fn people(&self) -> Vec<NamedPerson> {
        self.lock().people.values().cloned().collect()
    }

    /// The number of calls of `write`.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        // Nothing between taking and leaving the lock can panic half-way through a change.
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    async fn begin(&self, most: usize) -> OneWrite<'_> {
        let writes = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let write = OneWrite(&self.0);
        assert!(writes <= most.max(1), "{writes} writes at once, but at most {most} are allowed");
        // Lets the others run, so that too many are seen.
        let mut others_ran = false;
        poll_fn(|context| {
            if std::mem::replace(&mut others_ran, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        write
    }
}

impl Clone for UnderWay {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for OneWrite<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn target(&self) -> String {
        format!("memory:{}", self.name)
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
        Ok(Vec::new())
    }

    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let Capabilities { batch: most, concurrency, .. } = self.capabilities;
        assert!(batch.len() <= most, "a batch of {} events, but at most {most} are allowed", batch.len());
        let _write = self.under_way.begin(concurrency).await;
        let mut stored = self.lock();
        stored.writes += 1;
        let mut outcomes = Vec::with_capacity(batch.len());
        for event in batch {
            outcomes.push(if stored.ids.insert(self.capabilities.ids.id_of(event)) {
                stored.events.push(event.clone());
                Outcome::Stored
            } else {
                Outcome::AlreadyStored
            });
        }
        Ok(outcomes)
    }

    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        if !self.capabilities.looks_up {
            let problem = format!("{} cannot say which of {} events it has", self.target(), ids.len());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem));
        }
        let stored = self.lock();
        Ok(ids.iter().map(|id| stored.ids.contains(id)).collect())
    }

    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        if days.len() > self.capabilities.days_at_once {
            let problem = format!("{} cannot count {} days at once", self.target(), days.len());
            return Err(SinkError::new(SinkErrorKind::Invalid, problem));
        }
        let stored = self.lock();
        let on = |day: &NaiveDate| stored.events.iter().filter(|event| event.local_time.date() == *day).count() as u64;
        Ok(days.iter().map(on).collect())
    }

    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        if !self.capabilities.names {
            return Err(SinkError::new(SinkErrorKind::Invalid, format!("{} keeps no names", self.target())));
        }
        let mut stored = self.lock();
        for person in people {
            let key = (person.device_serial.clone(), person.user_id.clone());
            let known = stored.people.entry(key).or_insert_with(|| person.clone());
            if known.seen_at < person.seen_at {
                *known = person.clone();
            }
        }
        Ok(people.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{FlakySink, Mishap};
    use crate::conformance::{Harness, NamesHarness, View};

    /// The suite over a sink, however it is wrapped.
    macro_rules! harness {
        ($harness:ident, $wrap:expr) => {
            struct $harness(MemorySink, Box<dyn Sink>);

            impl Harness for $harness {
                async fn fresh() -> Self {
                    let memory = MemorySink::new("memory");
                    Self(memory.clone(), $wrap(memory))
                }
                fn sink(&self) -> &dyn Sink {
                    &self.1
                }
                fn another(&self) -> Box<dyn Sink> {
                    $wrap(self.0.clone())
                }
                async fn stored(&self) -> Vec<View> {
                    self.0.stored().iter().map(View::full).collect()
                }
            }
        };
    }

    harness!(Plain, |memory| Box::new(memory) as Box<dyn Sink>);
    harness!(Shared, |memory| Box::new(Arc::new(memory) as Arc<dyn Sink>) as Box<dyn Sink>);
    harness!(Flaky, |memory| Box::new(FlakySink::new(memory, [Mishap::Before(SinkErrorKind::Busy)])) as Box<dyn Sink>);

    /// The Python tool's ids, under which punches merge.
    struct Merging(MemorySink);

    impl Harness for Merging {
        async fn fresh() -> Self {
            let capabilities = Capabilities::new(20, IdScheme::IclockSyncV1);
            Self(MemorySink::new("memory").with_capabilities(capabilities))
        }
        fn sink(&self) -> &dyn Sink {
            &self.0
        }
        fn another(&self) -> Box<dyn Sink> {
            Box::new(self.0.clone())
        }
        async fn stored(&self) -> Vec<View> {
            self.0.stored().iter().map(View::full).collect()
        }
    }

    /// With names.
    struct Naming(MemorySink);

    impl Harness for Naming {
        async fn fresh() -> Self {
            let capabilities = Capabilities::new(20, IdScheme::Full).names(true);
            Self(MemorySink::new("memory").with_capabilities(capabilities))
        }
        fn sink(&self) -> &dyn Sink {
            &self.0
        }
        fn another(&self) -> Box<dyn Sink> {
            Box::new(Box::new(self.0.clone()))
        }
        async fn stored(&self) -> Vec<View> {
            self.0.stored().iter().map(View::full).collect()
        }
    }

    impl NamesHarness for Naming {
        async fn people(&self) -> Vec<NamedPerson> {
            self.0.people()
        }
    }

    mod naming {
        crate::names_conformance!(super::Naming);
    }
    mod plain {
        crate::sink_conformance!(super::Plain);
    }
    mod shared {
        crate::sink_conformance!(super::Shared);
    }
    mod flaky {
        crate::sink_conformance!(super::Flaky);
    }
    mod merging {
        crate::sink_conformance!(super::Merging);
    }

    #[tokio::test]
    #[should_panic(expected = "a batch of 3 events, but at most 2 are allowed")]
    async fn a_batch_above_the_most_panics() {
        let memory = MemorySink::new("memory").with_capabilities(Capabilities::new(2, IdScheme::Full));
        let _outcomes = memory.write(&crate::conformance::sample(3)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "2 writes at once, but at most 1 are allowed")]
    async fn more_writes_at_once_than_allowed_panic() {
        let memory = MemorySink::new("memory").with_capabilities(Capabilities::new(2, IdScheme::Full));
        let batch = crate::conformance::sample(1);
        let _outcomes = tokio::join!(memory.write(&batch), memory.write(&batch));
    }

    #[tokio::test]
    async fn a_sink_without_names_refuses_them() {
        let memory = MemorySink::new("memory");
        let person = NamedPerson::new(("A1", "gate"), "7", "Ahmed", chrono::DateTime::UNIX_EPOCH);
        assert_eq!(memory.write_names(&[person]).await.unwrap_err().kind, SinkErrorKind::Invalid);
        assert!(memory.people().is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_lost_leaves_the_events_stored() {
        let memory = MemorySink::new("memory");
        let flaky = FlakySink::new(memory.clone(), [Mishap::After(SinkErrorKind::TimedOut)]);
        let batch = crate::conformance::sample(2);
        assert!(flaky.write(&batch).await.unwrap_err().is_transient());
        assert_eq!(memory.stored(), batch);
        assert_eq!(flaky.write(&batch).await.unwrap(), vec![Outcome::AlreadyStored; 2]);
    }
}
