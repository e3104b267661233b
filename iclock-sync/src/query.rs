//! Questions about the events, for readers next to a running service: a dashboard, an API, a report.
//!
//! ```no_run
//! use iclock_sync::query::{Filter, Query};
//!
//! # fn main() -> Result<(), iclock_sync::LedgerError> {
//! let Some(query) = Query::open("state".as_ref())? else { return Ok(()) };
//! let filter = Filter::default().user("42");
//! let mut after = None;
//! loop {
//!     let page = query.events(&filter, after, 100)?;
//!     for event in &page.events {
//!         println!("{} {}", event.local_time, event.device_name);
//!     }
//!     after = page.next;
//!     if after.is_none() {
//!         return Ok(());
//!     }
//! }
//! # }
//! ```

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use attendance_model::AttendanceEvent;
use attendance_model::day::Punch;

pub use crate::ledger::{Cursor, Day, Filter, Names, NotACursor, NumberedEvent, NumberedPage, Page, PageOrder, Person};
use crate::{Ledger, LedgerError};

/// Questions that are answered at the same time.
const CONNECTIONS: usize = 4;

/// A few connections that read a ledger. A question never waits for the service that writes it.
#[derive(Debug)]
pub struct Query {
    first: Mutex<Arc<Ledger>>,
    others: Vec<Mutex<Arc<Ledger>>>,
    turn: AtomicUsize,
}

impl Query {
    /// Opens the ledger of a state directory; `None` if there is none.
    ///
    /// # Errors
    /// As [`Ledger::open_read_only`].
    pub fn open(dir: &Path) -> Result<Option<Self>, LedgerError> {
        Self::of_connections(|| Ledger::open_read_only(dir))
    }

    /// As [`Query::open`]. A question that takes longer than `limit` ends with an error: those of others wait for its
    /// connection.
    ///
    /// # Errors
    /// As [`Ledger::open_read_only`].
    pub fn open_within(dir: &Path, limit: Duration) -> Result<Option<Self>, LedgerError> {
        Self::of_connections(|| Ledger::open_read_only(dir)?.map(|ledger| ledger.within(limit)).transpose())
    }

    fn of_connections(open: impl Fn() -> Result<Option<Ledger>, LedgerError>) -> Result<Option<Self>, LedgerError> {
        let Some(first) = open()? else { return Ok(None) };
        let mut others = Vec::with_capacity(CONNECTIONS - 1);
        for _ in 1..CONNECTIONS {
            others.extend(open()?.map(|ledger| Mutex::new(Arc::new(ledger))));
        }
        Ok(Some(Self { others, ..Self::of(Arc::new(first)) }))
    }

    /// Questions to a ledger that is open already.
    pub(crate) fn of(ledger: Arc<Ledger>) -> Self {
        Self { first: Mutex::new(ledger), others: Vec::new(), turn: AtomicUsize::new(0) }
    }

    /// Returns the next events, by time, at most `most`. All pages that follow from one first page show the ledger as
    /// it was at that page: none skips or repeats an event, whatever enters meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn events(&self, filter: &Filter, after: Option<Cursor>, most: usize) -> Result<Page, LedgerError> {
        self.ask(|ledger| ledger.find_events(filter, after, most))
    }

    /// Returns the latest events of a selection, the last one first.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn latest(&self, filter: &Filter, most: usize) -> Result<Vec<AttendanceEvent>, LedgerError> {
        self.ask(|ledger| ledger.latest_events(filter, most))
    }

    /// Returns the events of the terminal with this serial number that entered the ledger after the event with this
    /// number, in the order in which they entered, each with its number. At most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn entered(&self, serial: &str, after: i64, most: usize) -> Result<Vec<(i64, AttendanceEvent)>, LedgerError> {
        self.ask(|ledger| ledger.entered(serial, after, most))
    }

    /// Returns the events of all terminals that entered the ledger after the event with this number, in the order in
    /// which they entered, each with its number. At most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn all_entered(&self, after: i64, most: usize) -> Result<Vec<(i64, AttendanceEvent)>, LedgerError> {
        self.ask(|ledger| ledger.all_entered(after, most))
    }

    /// Returns the number of the event that entered last, of any terminal; 0 if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn last_entered(&self) -> Result<i64, LedgerError> {
        self.ask(Ledger::last_entered)
    }

    /// Returns events of a selection with their numbers, after the first `skip` ones, at most `most`. Of all events in
    /// the order in which they entered, a page far behind costs no more than the first.
    ///
    /// Every page shows the ledger as it is then. In [`PageOrder::Entered`] new events go to the end; old ones that are
    /// removed or shrink move those behind them forward.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn numbered(
        &self,
        filter: &Filter,
        order: PageOrder,
        skip: u64,
        most: usize,
    ) -> Result<NumberedPage, LedgerError> {
        self.ask(|ledger| ledger.numbered_page(filter, order, skip, most))
    }

    /// Returns the event of a number; `None` if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn numbered_event(&self, number: i64) -> Result<Option<NumberedEvent>, LedgerError> {
        self.ask(|ledger| ledger.numbered_event(number))
    }

    /// Returns the days on which there are events, in order.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn days(&self, filter: &Filter) -> Result<Vec<Day>, LedgerError> {
        self.ask(|ledger| ledger.days(filter))
    }

    /// Returns the people who have events, by user id, after one of them; at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn people(&self, filter: &Filter, after: &str, most: usize) -> Result<Vec<Person>, LedgerError> {
        self.ask(|ledger| ledger.people(filter, after, most))
    }

    /// Passes on the punches of a selection, with their user ids, in no order. It holds one connection meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn punches(&self, filter: &Filter, each: impl FnMut(&str, Punch)) -> Result<(), LedgerError> {
        self.ask(|ledger| ledger.find_punches(filter, each))
    }

    /// Returns the names of all people, as the terminals had them when their user tables were last read; see
    /// [`EngineOptions::names`](crate::EngineOptions::names).
    ///
    /// # Errors
    /// [`LedgerError::Database`] when the ledger cannot be read.
    pub fn names(&self) -> Result<Names, LedgerError> {
        self.ask(Ledger::names)
    }

    /// Asks anything that a ledger answers. It holds one connection meanwhile.
    ///
    /// # Errors
    /// Those of the question.
    pub fn ask<T>(&self, question: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        for connection in self.others.iter().chain([&self.first]) {
            match connection.try_lock() {
                Ok(ledger) => return question(&ledger),
                // A question that panicked has changed nothing.
                Err(TryLockError::Poisoned(poisoned)) => return question(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let connection = self.others.get(turn).unwrap_or(&self.first);
        question(&connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
