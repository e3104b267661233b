//! Crash points: instants at which a test ends an engine as `kill -9` ends a process. Only the feature `chaos` has
//! them.

#[cfg(feature = "chaos")]
use std::{fmt::Debug, sync::Arc};

/// An instant at which an engine can crash.
#[cfg(feature = "chaos")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CrashPoint {
    /// A change of the ledger or the audit, named by its action, is complete but not durable.
    BeforeCommit(&'static str),
    /// A change of the ledger or the audit is durable, and nobody has been told.
    AfterCommit(&'static str),
    /// A request of a terminal that pushes has been read, and nothing of it is stored.
    Parsed,
    /// All that a request brought is durable, and the terminal has not been told.
    BeforeAnswer,
}

/// The listener to crash points. To crash there, it keeps the calling thread until the engine is gone, and then panics.
#[cfg(feature = "chaos")]
pub trait CrashPoints: Debug + Send + Sync {
    /// A point is reached.
    fn reached(&self, point: CrashPoint);
}

/// The crash points of one engine; without the feature there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crashes {
    #[cfg(feature = "chaos")]
    pub(crate) points: Option<Arc<dyn CrashPoints>>,
}

#[cfg(feature = "chaos")]
impl Crashes {
    pub(crate) fn before_commit(&self, action: &'static str) {
        self.reached(CrashPoint::BeforeCommit(action));
    }

    pub(crate) fn after_commit(&self, action: &'static str) {
        self.reached(CrashPoint::AfterCommit(action));
    }

    #[cfg(feature = "push")]
    pub(crate) fn parsed(&self) {
        self.reached(CrashPoint::Parsed);
    }

    #[cfg(feature = "push")]
    pub(crate) fn before_answer(&self) {
        self.reached(CrashPoint::BeforeAnswer);
    }

    fn reached(&self, point: CrashPoint) {
        if let Some(points) = &self.points {
            points.reached(point);
        }
    }
}

#[cfg(not(feature = "chaos"))]
impl Crashes {
    pub(crate) fn before_commit(&self, _: &'static str) {}

    pub(crate) fn after_commit(&self, _: &'static str) {}

    #[cfg(feature = "push")]
    pub(crate) fn parsed(&self) {}

    #[cfg(feature = "push")]
    pub(crate) fn before_answer(&self) {}
}
