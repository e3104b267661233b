//! Trouble at random: terminals that fail in many ways, a sink that is held by another program, reloads.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rusqlite::Connection;
use zk_sim::{Fault, Handle};

use crate::Result;
use crate::program::{Program, SINKS};

/// The faults. None changes what the terminal has stored, so the truth stays known.
const FAULTS: [&str; 41] = [
    "latency=300ms",
    "split-writes=7",
    "coalesced-writes",
    "drop-after=200",
    "drop-after=2000",
    "stall=1000",
    "stall-packets=3",
    "bad-checksum=5",
    "bad-data-checksum",
    "wrong-reply-id=5",
    "stale-packet=3",
    "absurd-frame",
    "cut-head=2",
    "cut-head-sized=2",
    "cut-head-filled=3",
    "long-length-word",
    "garbage-direct",
    "trailing-garbage",
    "count-larger",
    "count-smaller",
    "count-zero",
    "negative-sizes",
    "empty-options",
    "refuse-command=50",
    "ignore-command=201",
    "hang-up-at=1503",
    "stall-at=50",
    "lose-session",
    "exit-unanswered",
    "refuse-second",
    "kill-first",
    "event-twice",
    "lose-events=2",
    "silent-connect",
    "busy",
    "slow-reads=700ms",
    "no-data",
    "not-ready",
    "udp-loss=20",
    "udp-duplicate=30",
    "udp-reorder=20",
];

/// The longest time for which a terminal has a fault.
const LASTS: Duration = Duration::from_secs(20);
/// The times between two troubles, on average.
const FAULT_EVERY: Duration = Duration::from_secs(2);
const RESTART_EVERY: Duration = Duration::from_secs(10);
const OUTAGE_EVERY: Duration = Duration::from_secs(60);
const RELOAD_EVERY: Duration = Duration::from_secs(45);
/// The longest time for which another program holds the sink.
const OUTAGE: Duration = Duration::from_secs(15);

/// The trouble under way.
pub(crate) struct Trouble {
    dice: StdRng,
    due: [Instant; 4],
    /// The terminals that have a fault, and its end.
    faulty: HashMap<usize, Instant>,
    /// Another program's hold on the sink, and its end.
    held: Option<(Connection, Instant)>,
    made: BTreeMap<&'static str, u64>,
}

impl Trouble {
    pub(crate) fn new(dice: StdRng) -> Self {
        let due = [FAULT_EVERY, RESTART_EVERY, OUTAGE_EVERY, RELOAD_EVERY].map(|first| Instant::now() + first / 2);
        Self { dice, due, faulty: HashMap::new(), held: None, made: BTreeMap::new() }
    }

    /// Makes what is due, and ends what has lasted long enough.
    pub(crate) fn goes_on(&mut self, program: &Program, handles: &[Handle]) -> Result<()> {
        let now = Instant::now();
        let over = self.faulty.extract_if(|_, until| *until <= now);
        over.for_each(|(n, _)| handles[n].clear_faults());
        if self.held.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.held = None;
        }
        if self.is_due(0, FAULT_EVERY) {
            let (n, fault) = (self.dice.random_range(0..handles.len()), FAULTS.choose(&mut self.dice));
            let fault = fault.copied().unwrap_or_default();
            handles[n].set_faults(&[Fault::parse(fault)?]);
            self.faulty.insert(n, now + self.dice.random_range(Duration::ZERO..LASTS));
            *self.made.entry(fault).or_default() += 1;
        }
        if self.is_due(1, RESTART_EVERY) {
            let n = self.dice.random_range(0..handles.len());
            let (name, silent) = if self.dice.random() { ("restart", false) } else { ("pulled cable", true) };
            if silent {
                handles[n].go_silent()
            } else {
                handles[n].restart()
            }
            *self.made.entry(name).or_default() += 1;
        }
        if self.is_due(2, OUTAGE_EVERY) && self.held.is_none() {
            let other = Connection::open(program.dir().join(SINKS[0]))?;
            other.busy_timeout(Duration::from_secs(5))?;
            other.execute_batch("BEGIN IMMEDIATE")?;
            self.held = Some((other, now + self.dice.random_range(Duration::ZERO..OUTAGE)));
            *self.made.entry("sink held by another program").or_default() += 1;
        }
        if self.is_due(3, RELOAD_EVERY) {
            program.reload()?;
            *self.made.entry("reload").or_default() += 1;
        }
        Ok(())
    }

    /// Returns true if a kind of trouble is due, and then decides on the next.
    fn is_due(&mut self, kind: usize, every: Duration) -> bool {
        let now = Instant::now();
        let is_due = self.due[kind] <= now;
        if is_due {
            self.due[kind] = now + self.dice.random_range(Duration::ZERO..2 * every);
        }
        is_due
    }

    /// Ends all of it.
    pub(crate) fn ends(&mut self, program: &Program, handles: &[Handle]) -> Result<()> {
        handles.iter().for_each(Handle::clear_faults);
        self.held = None;
        program.is_alive()
    }

    pub(crate) fn summary(&self) -> String {
        let faults: u64 = self.made.values().sum();
        let made: Vec<String> = self.made.iter().map(|(name, count)| format!("{count} {name}")).collect();
        format!("{faults} troubles: {}", made.join(", "))
    }
}
