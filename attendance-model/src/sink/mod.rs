//! The contract of a place that events are written to.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;

mod error;
mod outgoing;
mod people;
mod secret;
mod settings;
mod url;

pub use error::{SinkError, SinkErrorKind};
pub use outgoing::Outgoing;
pub use people::NamedPerson;
pub use secret::Secret;
pub use settings::{OptionsError, Settings};
pub use url::SinkUrl;

use crate::{AttendanceEvent, Budget, EventId, IdScheme};

/// A place that events are written to, idempotently by id.
///
/// Every implementation promises the following; `conformance` tests it as far as it can be seen from outside:
///
/// - Create if absent, in one step at the target: never read-then-write, never an update. What is stored stays as it
///   was first written, no matter who writes it again, even at the same time.
/// - An event is known by its document id, [`IdScheme::id_of`] under [`Capabilities::ids`]. Events of one id, also
///   within one batch, are stored once: the first of them.
/// - Text is kept to the character, times to the second. Events are valid ([`normalize`](crate::normalize())): no NUL,
///   within the widths of [`validate`](crate::validate).
/// - Opening one contacts nothing. Every call ends: it has a deadline of its own. A call that is dropped half-way may
///   have stored any part of its batch; writing the batch again completes it.
/// - No error, name or target holds a credential.
///
/// # Implementing it
/// Put `#[async_trait]` on the `impl` block, since the trait's functions are asynchronous and it is used as `dyn Sink`.
/// Without the attribute the compiler says `lifetime parameters or bounds on method ... do not match the trait
/// declaration` (E0195). The macro is exported here too, so no further dependency is needed. The tests of a sink are
/// one line: see `conformance` (feature `conformance`).
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::{Mutex, PoisonError};
///
/// use attendance_model::{
///     AttendanceEvent, Capabilities, EventId, IdScheme, Notice, Outcome, Sink, SinkError, async_trait,
/// };
///
/// /// Prints each event once, as long as the program runs.
/// #[derive(Debug, Default)]
/// struct Printer(Mutex<HashSet<EventId>>);
///
/// #[async_trait]
/// impl Sink for Printer {
///     fn name(&self) -> &str {
///         "printer"
///     }
///
///     fn target(&self) -> String {
///         "printer:stdout".to_owned()
///     }
///
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::new(500, IdScheme::Full).some_fields()
///     }
///
///     async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
///         Ok(Vec::new())
///     }
///
///     async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
///         let mut printed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let outcome = |event: &AttendanceEvent| {
///             if !printed.insert(event.id) {
///                 return Outcome::AlreadyStored;
///             }
///             println!("{} {}", event.local_time, event.user_id);
///             Outcome::Stored
///         };
///         Ok(batch.iter().map(outcome).collect())
///     }
///
///     async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
///         let printed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         Ok(ids.iter().map(|id| printed.contains(id)).collect())
///     }
/// }
///
/// let sink: Box<dyn Sink> = Box::new(Printer::default());
/// assert_eq!(sink.target(), "printer:stdout");
/// ```
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// The configured name, for people.
    fn name(&self) -> &str;

    /// The target, whatever its name: kind, host, database, table or absolute path; no credentials.
    /// A new target starts with all that the ledger holds.
    fn target(&self) -> String;

    /// The sizes at which it is fastest, and the ids that it uses.
    fn capabilities(&self) -> Capabilities;

    /// Checks that it can be written to (reachable, credentials, rights, version of server and schema, indexes) and
    /// prepares what is missing. Returns notices of what does not stop a write but should be fixed, such as a missing
    /// index. Called once before the first write of a process; calling it again is harmless.
    ///
    /// # Errors
    /// [`SinkError`] that names what is wrong, by its [`SinkErrorKind`], and what to try next. After a transient one it
    /// may be called again.
    async fn probe(&self) -> Result<Vec<Notice>, SinkError>;

    /// One outcome per event, in order. Writing an event again, by its document id, stores nothing new.
    /// A batch holds at most [`Capabilities::batch`] events; an empty one yields no outcome.
    ///
    /// # Errors
    /// [`SinkError`] says nothing about single events: any of them may have been stored, and all are written again.
    async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError>;

    /// Tells for each of these document ids, in order, if it is stored. A sink that cannot tell, such as an interface
    /// that only takes, says so by [`Capabilities::without_lookup`] and keeps this function's default.
    ///
    /// # Errors
    /// [`SinkError`] when the target could not be asked.
    async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
        let problem = format!("{} cannot say which of {} events it has", self.target(), ids.len());
        Err(SinkError::new(SinkErrorKind::Invalid, problem))
    }

    /// Counts the stored documents of each of these days, in order. The day of a document is that of its event's
    /// `local_time`. It counts the documents of all writers. At most [`Capabilities::days_at_once`] days at once;
    /// a sink that says 0 there cannot count, and keeps this function's default.
    ///
    /// # Errors
    /// [`SinkError`] when the target could not be asked.
    async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
        let problem = format!("{} cannot count {} days", self.target(), days.len());
        Err(SinkError::new(SinkErrorKind::Invalid, problem))
    }

    /// Stores people by name in a table of their own, a row for each serial number and user id, and returns how many of
    /// them, from the first on, are stored now. Fewer than all are a day's [budget](Sink::budget) that is used up.
    ///
    /// A newer name replaces an older one. Writing the same people again changes nothing, and no event is touched. The
    /// table is made at the first call. It is called if [`Capabilities::names`] is set, with at most
    /// [`Capabilities::batch`] people, no two of one key; a sink without names keeps this function's default.
    ///
    /// # Errors
    /// [`SinkError`] says nothing about single people: any of them may have been stored, and all are written again.
    async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
        let problem = format!("{} keeps no names, so it cannot take {}", self.target(), people.len());
        Err(SinkError::new(SinkErrorKind::Invalid, problem))
    }

    /// The limit on its writes of a day, if there is one. The sink takes from it and defers what does not fit
    /// ([`Outcome::Deferred`]); who calls it keeps what was spent beyond the process's end.
    fn budget(&self) -> Option<&Budget> {
        None
    }
}

macro_rules! sink_behind_a_pointer {
    ($pointer:ident) => {
        #[async_trait]
        impl<S: Sink + ?Sized> Sink for $pointer<S> {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn target(&self) -> String {
                (**self).target()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
                (**self).probe().await
            }

            async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
                (**self).write(batch).await
            }

            async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
                (**self).lookup(ids).await
            }

            async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
                (**self).count_by_day(days).await
            }

            async fn write_names(&self, people: &[NamedPerson]) -> Result<usize, SinkError> {
                (**self).write_names(people).await
            }

            fn budget(&self) -> Option<&Budget> {
                (**self).budget()
            }
        }
    };
}

sink_behind_a_pointer!(Box);
sink_behind_a_pointer!(Arc);

/// The result for one event.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored now, and durable as far as the sink can say.
    Stored,
    /// It was stored before. As good as `Stored`.
    AlreadyStored,
    /// The sink will never take it.
    Rejected {
        /// The reason, for people.
        reason: String,
    },
    /// It was not written: what [`Sink::budget`] allows for the day is used up. It is written again later.
    Deferred,
}

/// Something about a sink that should be fixed, although it can be written to.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The problem and its place: lower case, no full stop, no credentials.
    pub message: String,
    /// A way to fix it.
    pub hint: Option<String>,
}

/// The properties of a sink that the engine plans with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Events per `write` at which it is fastest, and the most that it takes.
    pub batch: usize,
    /// Writes that may usefully run at once.
    pub concurrency: usize,
    /// The ids of its documents or rows.
    pub ids: IdScheme,
    /// True if its layout keeps every field of an event, so that stored and sent events can be compared.
    pub all_fields: bool,
    /// True if it can tell which events it has.
    pub looks_up: bool,
    /// True if each id that is looked up costs money.
    pub billed_lookup: bool,
    /// True if a lookup asks no server, as for a file on this machine.
    pub local: bool,
    /// The most days that one [`Sink::count_by_day`] takes; 0 if it cannot count.
    pub days_at_once: usize,
    /// True if it wants people's names too, by [`Sink::write_names`].
    pub names: bool,
}

impl Capabilities {
    /// A sink that takes `batch` events at a time under these ids: one write at once, every field kept, lookups free,
    /// nothing counted.
    #[must_use]
    pub fn new(batch: usize, ids: IdScheme) -> Self {
        Self {
            batch,
            concurrency: 1,
            ids,
            all_fields: true,
            looks_up: true,
            billed_lookup: false,
            local: false,
            days_at_once: 0,
            names: false,
        }
    }

    /// With this many writes at once.
    #[must_use]
    pub fn concurrency(mut self, writes: usize) -> Self {
        self.concurrency = writes;
        self
    }

    /// With a layout that keeps some of an event's fields alone.
    #[must_use]
    pub fn some_fields(mut self) -> Self {
        self.all_fields = false;
        self
    }

    /// On this machine: a lookup asks no server.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// With documents that are counted by day, for so many days at once.
    #[must_use]
    pub fn counts_days(mut self, days: usize) -> Self {
        self.days_at_once = days;
        self
    }

    /// With people's names, if they are wanted.
    #[must_use]
    pub fn names(mut self, wanted: bool) -> Self {
        self.names = wanted;
        self
    }

    /// Without lookups: what was sent cannot be compared with what is there.
    #[must_use]
    pub fn without_lookup(mut self) -> Self {
        self.looks_up = false;
        self
    }

    /// With lookups that cost money, id by id.
    #[must_use]
    pub fn billed_lookup(mut self) -> Self {
        self.billed_lookup = true;
        self
    }
}

impl Notice {
    /// A notice of this problem.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds a way to fix it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
