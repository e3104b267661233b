//! The ledger, compared with a sink: counts first, then the events of the days on which these differ.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use attendance_model::{Capabilities, EventId, IdScheme, LocalTime, SinkError, SinkErrorKind};
use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::{EXAMPLES, Example, Fates, ReconcileOptions, SinkDay, SinkReconciliation};
use crate::deliver::explain;
use crate::deliver::send::{NoAnswer, Sender};
use crate::error::blocking;
use crate::ledger::{Fate, StockEvent};
use crate::report::{ErrorKind, SinkStatus};
use crate::tasks::{Parts, Target};
use crate::{Ledger, LedgerError, SyncError};

/// Events that are looked up at once.
const LOOKED_UP: usize = 1_000;

/// Lists events of a target and a day, after one of them and at most so many.
type ListOfDay = fn(&Ledger, &str, NaiveDate, Option<&StockEvent>, usize) -> Result<Vec<StockEvent>, LedgerError>;

/// The comparison with one sink.
struct Comparison {
    sender: Sender,
    ledger: Arc<Ledger>,
    options: ReconcileOptions,
    result: SinkReconciliation,
}

/// The reason why it ended early.
enum Ended {
    Engine(SyncError),
    Sink(NoAnswer),
}

/// The result of looking up the events of a day.
#[derive(Default)]
struct Found {
    documents: HashSet<EventId>,
    missing: Vec<i64>,
    imported_missing: u64,
    shrunk_missing: u64,
    examples: Vec<Example>,
}

/// Compares one sink.
pub(super) fn compare(
    parts: &Parts,
    target: &Arc<Target>,
    ledger: Arc<Ledger>,
    options: ReconcileOptions,
    stop: CancellationToken,
) -> impl Future<Output = Result<SinkReconciliation, SyncError>> + Send + use<> {
    let sender = Sender {
        target: Arc::clone(target),
        options: Arc::clone(&parts.engine),
        clock: Arc::clone(&parts.clock),
        observer: Arc::clone(&parts.observer),
        random: Arc::clone(&parts.random),
        stop,
        requests: Arc::new(AtomicU64::new(0)),
    };
    let can_count = target.sink.capabilities().days_at_once > 0;
    let result = SinkReconciliation {
        name: target.sink.name().to_owned(),
        target: target.sink.target(),
        status: SinkStatus::Ok,
        error: None,
        error_kind: None,
        compared: target.sink.capabilities().looks_up,
        fates: Fates::default(),
        documents: can_count.then_some(0),
        days_looked_up: 0,
        missing: 0,
        imported_missing: 0,
        shrunk_missing: 0,
        not_from_here: can_count.then_some(0),
        days: Vec::new(),
        lost: Vec::new(),
    };
    let comparison = Comparison { sender, ledger, options, result };
    comparison.run()
}

impl Comparison {
    async fn run(mut self) -> Result<SinkReconciliation, SyncError> {
        match self.compare().await {
            Ok(()) => {}
            Err(Ended::Engine(error)) => return Err(error),
            Err(Ended::Sink(end)) => self.fail(&end),
        }
        Ok(self.result)
    }

    fn fail(&mut self, end: &NoAnswer) {
        self.result.status = SinkStatus::Failed;
        let (error, kind) = match end {
            NoAnswer::Failed(error) | NoAnswer::Broken(error) => (explain(error), error.kind.into()),
            NoAnswer::Stopped => ("stopped before all days were compared".to_owned(), ErrorKind::Stopped),
        };
        self.result.error = Some(error);
        self.result.error_kind = Some(kind);
    }

    async fn compare(&mut self) -> Result<(), Ended> {
        // The ledger first: what a service delivers after this is there and not expected.
        let (ledger, target, since) = (Arc::clone(&self.ledger), self.result.target.clone(), self.options.since);
        let stock = blocking("ledger", move || Ok(ledger.stock(&target, since)?)).await?;
        stock.values().for_each(|day| self.result.fates += *day);
        if !self.result.compared {
            return Ok(());
        }
        let days: Vec<NaiveDate> = stock.keys().copied().collect();
        let counts = self.counts(&days).await?;
        for (date, fates) in stock {
            let documents = counts.as_ref().map(|counts| counts.get(&date).copied().unwrap_or(0));
            if let (Some(documents), Some(sum)) = (documents, &mut self.result.documents) {
                *sum += documents;
            }
            if documents == Some(fates.expected()) && (!self.options.every_event || fates.expected() == 0) {
                continue;
            }
            self.look_into(date, fates, documents).await?;
        }
        Ok(())
    }

    /// Counts the documents of these days; `None` if the sink cannot.
    async fn counts(&mut self, days: &[NaiveDate]) -> Result<Option<BTreeMap<NaiveDate, u64>>, Ended> {
        let target = Arc::clone(&self.sender.target);
        let at_once = target.sink.capabilities().days_at_once;
        if at_once == 0 {
            return Ok(None);
        }
        let mut counts = BTreeMap::new();
        for part in days.chunks(at_once) {
            let counted = match self.sender.ask(|| target.sink.count_by_day(part)).await {
                Ok(counted) => counted,
                Err(end) => {
                    self.unless_missing(end)?;
                    return Ok(Some(BTreeMap::new()));
                }
            };
            self.check_length(counted.len(), part.len())?;
            counts.extend(part.iter().copied().zip(counted));
        }
        Ok(Some(counts))
    }

    /// A table, file or collection that does not exist has no documents. That is a failure as well.
    fn unless_missing(&mut self, end: NoAnswer) -> Result<(), Ended> {
        match end {
            NoAnswer::Failed(ref error) if error.kind == SinkErrorKind::Missing => {
                self.fail(&end);
                Ok(())
            }
            end => Err(Ended::Sink(end)),
        }
    }

    fn check_length(&self, answers: usize, questions: usize) -> Result<(), Ended> {
        if answers == questions {
            return Ok(());
        }
        let problem = format!("{} gave {answers} answers to {questions} questions", self.result.target);
        Err(Ended::Sink(NoAnswer::Broken(SinkError::new(SinkErrorKind::Invalid, problem))))
    }

    /// Looks up the events of one day, and adds the day to the result if it differs.
    async fn look_into(&mut self, date: NaiveDate, fates: Fates, documents: Option<u64>) -> Result<(), Ended> {
        let mut found = Found::default();
        self.look_up_all(Ledger::stock_of_day, date, documents, &mut found).await?;
        if fates.any_shrunk() {
            self.look_up_all(Ledger::shrunk_of_day, date, documents, &mut found).await?;
        }
        let foreign = documents.map(|documents| documents.saturating_sub(found.documents.len() as u64));
        let missing = found.missing.len() as u64;
        let result = &mut self.result;
        result.days_looked_up += 1;
        result.missing += missing;
        result.imported_missing += found.imported_missing;
        result.shrunk_missing += found.shrunk_missing;
        result.lost.extend(found.missing);
        if let (Some(foreign), Some(sum)) = (foreign, &mut result.not_from_here) {
            *sum += foreign;
        }
        let gone = missing + found.imported_missing + found.shrunk_missing;
        if gone > 0 || foreign.is_some_and(|foreign| foreign > 0) {
            result.days.push(SinkDay {
                date,
                expected: fates.expected(),
                documents,
                missing,
                shrunk_missing: found.shrunk_missing,
                not_from_here: foreign,
                examples: found.examples,
            });
        }
        Ok(())
    }

    /// Looks up all events of a day, which the ledger lists page by page.
    async fn look_up_all(
        &mut self,
        list: ListOfDay,
        date: NaiveDate,
        documents: Option<u64>,
        found: &mut Found,
    ) -> Result<(), Ended> {
        let mut after = None;
        loop {
            let (ledger, target) = (Arc::clone(&self.ledger), self.result.target.clone());
            let last = after.take();
            let page = blocking("ledger", move || Ok(list(&ledger, &target, date, last.as_ref(), LOOKED_UP)?)).await?;
            if page.is_empty() {
                return Ok(());
            }
            // A sink without documents of the day need not be asked.
            let there = if documents == Some(0) { vec![None; page.len()] } else { self.look_up(&page).await? };
            page.iter().zip(there).for_each(|(event, document)| found.add(event, document));
            after = page.into_iter().next_back();
        }
    }

    /// Returns for each event the id of its document, if it is there. Events that were delivered before a change of ids
    /// have the ids of then.
    async fn look_up(&mut self, events: &[StockEvent]) -> Result<Vec<Option<EventId>>, Ended> {
        let Capabilities { ids, .. } = self.sender.target.sink.capabilities();
        let other = if ids == IdScheme::Full { IdScheme::IclockSyncV1 } else { IdScheme::Full };
        let mut documents = vec![None; events.len()];
        for scheme in [ids, other] {
            let open: Vec<usize> = (0..events.len()).filter(|place| documents.get(*place) == Some(&None)).collect();
            let wanted: Vec<EventId> = open.iter().filter_map(|place| Some(events.get(*place)?.id(scheme))).collect();
            if wanted.is_empty() {
                break;
            }
            let sink = Arc::clone(&self.sender.target);
            let there = match self.sender.ask(|| sink.sink.lookup(&wanted)).await {
                Ok(there) => there,
                Err(end) => {
                    self.unless_missing(end)?;
                    return Ok(documents);
                }
            };
            self.check_length(there.len(), wanted.len())?;
            for ((place, id), _) in open.into_iter().zip(wanted).zip(there).filter(|(_, there)| *there) {
                if let Some(document) = documents.get_mut(place) {
                    *document = Some(id);
                }
            }
        }
        Ok(documents)
    }
}

impl StockEvent {
    /// The id of its document under a scheme.
    fn id(&self, scheme: IdScheme) -> EventId {
        match scheme {
            IdScheme::Full => self.key,
            IdScheme::IclockSyncV1 => EventId::iclock_sync_v1(&self.user_id, self.local_time),
        }
    }
}

impl Found {
    fn add(&mut self, event: &StockEvent, document: Option<EventId>) {
        match (document, event.fate) {
            (Some(document), _) => drop(self.documents.insert(document)),
            (None, Fate::Delivered) => {
                self.missing.push(event.seq);
                if self.examples.len() < EXAMPLES {
                    self.examples.push(Example {
                        terminal: event.terminal.clone(),
                        user_id: event.user_id.clone(),
                        local_time: LocalTime::Real(event.local_time).to_string(),
                    });
                }
            }
            (None, Fate::Imported) => self.imported_missing += 1,
            (None, Fate::Shrunk) => self.shrunk_missing += 1,
            (None, _) => {}
        }
    }
}

impl From<SyncError> for Ended {
    fn from(error: SyncError) -> Self {
        Self::Engine(error)
    }
}
