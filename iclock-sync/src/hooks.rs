//! Hooks: the embedding program takes part in what happens to an event.

use std::fmt::Debug;

use attendance_model::{AttendanceEvent, Outcome};

/// Takes part in what happens to events. Both methods are called often and from several threads, and one of them while
/// the ledger is being written: they must be quick, and must not block, panic or call the engine.
///
/// ```
/// use attendance_model::{AttendanceEvent, Outcome};
/// use iclock_sync::{Hooks, Verdict};
///
/// /// Holds the punches of visitors back, and says who has arrived.
/// #[derive(Debug)]
/// struct Reception;
///
/// impl Hooks for Reception {
///     fn before_store(&self, event: &AttendanceEvent) -> Verdict {
///         if event.user_id.starts_with('9') { Verdict::Hold } else { Verdict::Store }
///     }
///
///     fn after_delivery(&self, sink: &str, delivered: &[(AttendanceEvent, Outcome)]) {
///         for (event, outcome) in delivered {
///             println!("{} is in {sink}: {outcome:?}", event.user_id);
///         }
///     }
/// }
/// ```
pub trait Hooks: Debug + Send + Sync {
    /// Decides about a valid event that is not in the ledger yet. One that is held waits in the quarantine as
    /// `held_by_program`, and is not lost. It is asked about again when its log is read again, when the rules change,
    /// and by [`Service::judge_again`](crate::Service::judge_again).
    fn before_store(&self, _event: &AttendanceEvent) -> Verdict {
        Verdict::Store
    }

    /// Gets events that a sink has answered for, with its answers, just before the ledger records that. After a crash
    /// in between, the same events come again, as [`Outcome::AlreadyStored`]. Those that the sink put off come later.
    fn after_delivery(&self, _sink: &str, _delivered: &[(AttendanceEvent, Outcome)]) {}
}

/// The fate of an event, as a [`Hooks`] decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It enters the ledger, and goes to every sink.
    Store,
    /// It waits in the quarantine.
    Hold,
}
