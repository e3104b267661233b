//! Crash points: instants at which a test ends an engine as `kill -9` ends a process. Only the feature `chaos` has
//! them.
//!
//! A test of a whole program names one in the environment: `CHAOS_HOLD=FILE PASSES POINT`. Once the point was passed so
//! often, a thread that gets there makes the file, and stays until it is gone: the test kills the program meanwhile, or
//! lets it go on.

#[cfg(feature = "chaos")]
use std::{
    fmt,
    fmt::Debug,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

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
    /// The receiver of terminals that push is about to begin.
    BeforeReceiving,
}

/// The name in `CHAOS_HOLD`.
#[cfg(feature = "chaos")]
impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeCommit(action) => write!(f, "before commit: {action}"),
            Self::AfterCommit(action) => write!(f, "after commit: {action}"),
            Self::Parsed => f.write_str("parsed"),
            Self::BeforeAnswer => f.write_str("before answer"),
            Self::BeforeReceiving => f.write_str("before receiving"),
        }
    }
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

    #[cfg(feature = "push")]
    pub(crate) fn before_receiving(&self) {
        self.reached(CrashPoint::BeforeReceiving);
    }

    fn reached(&self, point: CrashPoint) {
        if let Some(points) = &self.points {
            points.reached(point);
        } else if let Some(hold) = Hold::of_this_program() {
            hold.reached(point);
        }
    }
}

/// The point at which a whole program is held.
#[cfg(feature = "chaos")]
#[derive(Debug)]
struct Hold {
    file: PathBuf,
    point: String,
    /// The times that it is still passed.
    passes: AtomicU32,
}

#[cfg(feature = "chaos")]
impl Hold {
    fn of_this_program() -> Option<&'static Self> {
        static HOLD: OnceLock<Option<Hold>> = OnceLock::new();
        HOLD.get_or_init(|| Self::parse(&std::env::var("CHAOS_HOLD").ok()?)).as_ref()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let (file, passes) = (parts.next()?.into(), AtomicU32::new(parts.next()?.parse().ok()?));
        Some(Self { file, point: parts.next()?.to_owned(), passes })
    }

    fn reached(&self, point: CrashPoint) {
        let take_one = |passes: u32| passes.checked_sub(1);
        if point.to_string() != self.point
            || self.passes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok()
            || std::fs::write(&self.file, "").is_err()
        {
            return;
        }
        while self.file.exists() {
            thread::sleep(Duration::from_millis(1));
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

    #[cfg(feature = "push")]
    pub(crate) fn before_receiving(&self) {}
}
