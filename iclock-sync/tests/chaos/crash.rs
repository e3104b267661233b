//! Crashes at named points: the thread that gets there stays until the engine is gone, and so does every other thread
//! that gets to a point after it.

use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex};

use iclock_sync::{CrashPoint, CrashPoints};

/// A place in the engine, or in a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Ledger(CrashPoint),
    BeforeWrite,
    AfterWrite,
}

/// The points of a schedule.
pub(crate) const POINTS: [Point; 26] = [
    Point::Ledger(CrashPoint::BeforeCommit("record events")),
    Point::Ledger(CrashPoint::AfterCommit("record events")),
    Point::Ledger(CrashPoint::BeforeCommit("remember a terminal")),
    Point::Ledger(CrashPoint::AfterCommit("remember a terminal")),
    Point::Ledger(CrashPoint::BeforeCommit("admit events")),
    Point::Ledger(CrashPoint::AfterCommit("admit events")),
    Point::Ledger(CrashPoint::BeforeCommit("record deliveries")),
    Point::Ledger(CrashPoint::AfterCommit("record deliveries")),
    Point::Ledger(CrashPoint::BeforeCommit("judge the quarantine again")),
    Point::Ledger(CrashPoint::AfterCommit("judge the quarantine again")),
    Point::Ledger(CrashPoint::BeforeCommit("record an unproven log")),
    Point::Ledger(CrashPoint::AfterCommit("record an unproven log")),
    Point::Ledger(CrashPoint::BeforeCommit("write the audit")),
    Point::Ledger(CrashPoint::AfterCommit("write the audit")),
    Point::Ledger(CrashPoint::BeforeCommit("note the audit")),
    Point::Ledger(CrashPoint::AfterCommit("note the audit")),
    Point::Ledger(CrashPoint::BeforeCommit("shrink old events")),
    Point::Ledger(CrashPoint::AfterCommit("shrink old events")),
    Point::Ledger(CrashPoint::BeforeCommit("shrink the quarantine")),
    Point::Ledger(CrashPoint::AfterCommit("shrink the quarantine")),
    Point::Ledger(CrashPoint::AfterCommit("look records up")),
    Point::Ledger(CrashPoint::BeforeCommit("record the run")),
    Point::BeforeWrite,
    Point::BeforeWrite,
    Point::AfterWrite,
    Point::AfterWrite,
];

/// The end of one engine's life.
#[derive(Debug, Default)]
pub(crate) struct Killer {
    state: Mutex<State>,
    buried: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The point, and how often it is passed before.
    plan: Option<(Point, u64)>,
    crashed: bool,
    buried: bool,
}

impl Killer {
    /// Crashes at a point that was passed so often; `None` takes the plan back.
    pub(crate) fn plan(&self, plan: Option<(Point, u64)>) {
        self.state.lock().unwrap().plan = plan;
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.state.lock().unwrap().crashed
    }

    /// Ends the threads that wait: nothing can run after them any more.
    pub(crate) fn bury(&self) {
        let mut state = self.state.lock().unwrap();
        (state.crashed, state.buried) = (true, true);
        self.buried.notify_all();
    }

    pub(crate) fn pass(&self, point: Point) {
        let mut state = self.state.lock().unwrap();
        match &mut state.plan {
            Some((planned, left)) if *planned == point && *left == 0 => state.crashed = true,
            Some((planned, left)) if *planned == point => *left -= 1,
            _ => {}
        }
        if state.crashed {
            while !state.buried {
                state = self.buried.wait(state).unwrap();
            }
            drop(state);
            // Without a word: nothing has failed.
            resume_unwind(Box::new("crashed as planned"));
        }
    }
}

impl CrashPoints for Killer {
    fn reached(&self, point: CrashPoint) {
        self.pass(Point::Ledger(point));
    }
}
