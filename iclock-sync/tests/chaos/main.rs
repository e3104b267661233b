//! Chaos: seeded schedules of everything that can go wrong, and the calm after each, in which every sink must hold
//! exactly the valid punches that the terminals showed, once each, and the quarantine exactly the rest.
//!
//! `CHAOS=1000` runs so many schedules. `CHAOS_SEED=N` runs the one of that seed. A schedule's steps are those of its
//! seed. The threads of the engine and the network are not: a schedule that failed once may need a few tries to fail
//! again.

mod calm;
#[path = "../common/mod.rs"]
mod common;
mod crash;
mod dice;
mod gate;
mod kept;
mod life;
mod schedule;
mod sink;
mod time;
mod truth;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use schedule::World;
use tokio::runtime::Builder;

/// Schedules in plain tests.
const PLAIN: u64 = 50;
/// Schedules that run at once; they mostly wait.
const AT_ONCE: usize = 8;

#[test]
fn whatever_happens_every_sink_holds_the_valid_punches_once_and_the_quarantine_the_rest() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (first, count) = match number("CHAOS_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("CHAOS").unwrap_or(PLAIN)),
    };
    let (next, failed, shrunk) = (AtomicU64::new(first), Mutex::new(Vec::new()), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match run(seed) {
                        Some(events) => {
                            shrunk.fetch_add(events, Ordering::Relaxed);
                        }
                        None => failed.lock().unwrap().push(seed),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {count} schedules failed; CHAOS_SEED repeats one: {failed:?}", failed.len());
    assert!(count == 1 || shrunk.into_inner() > 0, "no event has shrunk");
}

/// Runs a schedule, and returns the number of events that have shrunk. If it fails, tells its story.
fn run(seed: u64) -> Option<u64> {
    let mut story = Vec::new();
    let terminals = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let run = catch_unwind(AssertUnwindSafe(|| terminals.block_on(World::run(seed, &mut story))));
    terminals.shutdown_background();
    if run.is_err() {
        println!("The schedule of CHAOS_SEED={seed} failed after:\n  {}", story.join("\n  "));
    }
    run.ok()
}
