//! A schedule: what happens, step by step.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use attendance_model::{Capabilities, IdScheme, MemorySink, Policy, Reason, Rules, Sink};
use chrono::TimeDelta;
use iclock_sync::random::Seeded;
use iclock_sync::report::{DeviceStatus, ReadMode};
use iclock_sync::service::status::Progress;
use iclock_sync::{DeviceProgress, Engine, EngineOptions, Schedule, ServiceOptions};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::common::clock::HandClock;
use crate::crash::{Killer, POINTS};
use crate::dice::Dice;
use crate::gate::{Gate, as_push, faults, punch, sound_punch};
use crate::life::{self, Crashed, Life};
use crate::sink::{MoodySink, mishaps, moody};
use crate::time::Time;
use crate::truth::{STRANGERS, Truth, may_be_refused};

/// Nothing is heard of a poll for so long: then it does not end. The client waits by its own clock before it calls a
/// terminal again that closed three connections, up to eight seconds.
const QUIET: Duration = Duration::from_secs(9);

/// Everything around the engine, and the engine while it lives.
pub(crate) struct World {
    pub(crate) dice: Dice,
    random: Arc<Seeded>,
    dir: TempDir,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) sinks: Vec<Arc<MoodySink>>,
    pub(crate) truth: Truth,
    pub(crate) life: Option<Life>,
    pub(crate) habits: Habits,
    punches: u32,
    serials: u32,
    /// Hours by which the clock was set forward.
    set_by: i64,
    /// The steps so far, for those who look for what went wrong.
    pub(crate) story: Vec<String>,
}

/// What a reload can change.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) strict: bool,
    pub(crate) live: bool,
    pub(crate) every: u64,
    pub(crate) commit: usize,
    pub(crate) overlap: u32,
    /// Events and judged records shrink when they are so many seconds old.
    pub(crate) retention: Option<u64>,
    /// The places of the terminals and of the sinks in use.
    pub(crate) gates: Vec<usize>,
    pub(crate) sinks: Vec<usize>,
}

impl World {
    /// Runs the schedule of a seed. Returns the number of events that have shrunk in it.
    pub(crate) async fn run(seed: u64, story: &mut Vec<String>) -> u64 {
        let mut world = Self::new(seed).await;
        let steps = world.dice.between(12, 30);
        for _ in 0..steps {
            world.step().await;
            story.clone_from(&world.story);
        }
        world.calm_down(story).await
    }

    async fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut gates = Vec::new();
        for n in 0..dice.between(1, 3) {
            gates.push(Gate::start(format!("gate-{n}"), &format!("SN{n:04}"), &mut dice).await);
        }
        let mut sink = |name: &str, ids| {
            let capabilities = Capabilities::new(dice.between(1, 40) as usize, ids);
            let capabilities = capabilities.concurrency(dice.between(1, 4) as usize).local();
            moody(MemorySink::new(name).with_capabilities(capabilities), name == "picky")
        };
        let sinks =
            vec![sink("full", IdScheme::Full), sink("v1", IdScheme::IclockSyncV1), sink("picky", IdScheme::Full)];
        let serials = gates.len() as u32;
        let habits = Habits::drawn(gates.len(), &mut dice);
        let clock = HandClock::at("2026-03-10T08:00:00Z");
        Self {
            dice,
            random: Arc::new(Seeded::new(seed)),
            dir: tempfile::tempdir().unwrap(),
            clock,
            gates,
            sinks,
            truth: Truth::default(),
            life: None,
            habits,
            punches: 0,
            serials,
            set_by: 0,
            story: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, what: String) {
        self.story.push(what);
    }

    async fn step(&mut self) {
        let gate = self.dice.below(self.gates.len() as u64) as usize;
        let result = match self.dice.below(28) {
            0..=5 => {
                self.punch(gate);
                Ok(())
            }
            6..=9 => self.poll(gate).await.map(|_| ()),
            10 => self.let_time_pass().await,
            11 | 12 => {
                let faults = faults(&mut self.dice);
                self.tell(format!("faults at {gate}: {faults:?}"));
                self.gates[gate].handle().set_faults(&faults);
                Ok(())
            }
            13 => self.clear(gate).await,
            14 => {
                self.serials += 1;
                let serial = format!("SN{:04}", self.serials);
                self.tell(format!("swaps {gate} for {serial}"));
                self.gates[gate].swap(&serial, &mut self.dice).await;
                Ok(())
            }
            15 | 16 => {
                let (sink, mishaps) = (self.dice.below(3) as usize, mishaps(&mut self.dice));
                self.tell(format!("sink {sink}: {mishaps:?}"));
                self.sinks[sink].oddity.expect(mishaps);
                Ok(())
            }
            17 => {
                self.habits = Habits::drawn(self.gates.len(), &mut self.dice);
                if self.dice.once_in(3) {
                    self.gates[gate].patience += 1;
                }
                self.reload().await
            }
            18 | 19 => {
                let plan = (self.dice.one_of(&POINTS), self.dice.below(4));
                self.tell(format!("will crash at {plan:?}"));
                if let Some(life) = &self.life {
                    life.killer.plan(Some(plan));
                }
                self.let_time_pass().await
            }
            20 => {
                // At most half a day either way: punches stay in the past.
                let to = self.dice.below(25) as i64 - 12;
                let by = to - std::mem::replace(&mut self.set_by, to);
                self.tell(format!("sets the clock by {by} h"));
                self.clock.set_by(TimeDelta::hours(by));
                Ok(())
            }
            21 => {
                self.tell(format!("{gate} falls silent or starts again"));
                let handle = self.gates[gate].handle();
                if self.dice.once_in(2) {
                    handle.go_silent()
                } else {
                    handle.restart()
                }
                Ok(())
            }
            22 => self.pause(gate).await,
            23 => self.clear_by_engine(gate).await,
            24 | 25 => self.push(gate).await,
            26 => self.change_rules().await,
            _ => {
                let is_clean = self.dice.once_in(2);
                self.tell(format!("stops; clean: {is_clean}"));
                match self.life.take() {
                    Some(life) if is_clean => life.shutdown().await,
                    Some(life) => life.kill(),
                    None => {}
                }
                Ok(())
            }
        };
        if result.is_err() || self.life.as_ref().is_some_and(|life| life.killer.has_crashed()) {
            self.tell("crashed".to_owned());
            if let Some(life) = self.life.take() {
                life.kill();
            }
        }
        if self.life.is_none() {
            self.start().await;
        }
    }

    fn punch(&mut self, gate: usize) {
        let count = if self.dice.once_in(4) { self.dice.between(30, 120) } else { self.dice.between(1, 8) };
        let serial = self.gates[gate].handle().serial();
        self.tell(format!("{count} punches at {gate}, {serial}"));
        let mut punches = Vec::new();
        for _ in 0..count {
            self.punches += 1;
            let punch = punch(self.punches, &mut self.dice);
            self.truth.made(&serial, &punch, self.habits.strict);
            // A terminal that is slow to answer is pressed twice.
            let is_twice = self.dice.once_in(30) && !may_be_refused(&punch);
            punches.extend(is_twice.then(|| punch.clone()));
            punches.push(punch);
        }
        self.gates[gate].handle().add_punches(punches);
    }

    pub(crate) fn punches_of_sense(&mut self, gate: usize, count: u32) {
        let handle = self.gates[gate].handle();
        for number in self.punches + 1..=self.punches + count {
            let punch = sound_punch(number, &mut self.dice);
            self.truth.made(&handle.serial(), &punch, self.habits.strict);
            handle.add_punch(punch);
        }
        self.punches += count;
    }

    /// Lets a terminal be polled, and returns true if the poll surely saw the whole log of before.
    pub(crate) async fn poll(&mut self, gate: usize) -> Result<bool, Crashed> {
        let Some(life) = &self.life else { return Ok(false) };
        if !self.habits.gates.contains(&gate) {
            return Ok(false);
        }
        let place = &mut self.gates[gate];
        let (name, handle) = (place.name.clone(), place.handle());
        let (log, mut progress) = (handle.records(), life.progress());
        let mut time = Time::new(&self.clock);
        let (mut began, mut ended) = (false, 0);
        let mut ask = true;
        let outcome = loop {
            if std::mem::take(&mut ask) {
                let name = name.clone();
                life.call(async move |service| service.poll_now(&name).await.unwrap()).await?;
            }
            match progress.try_recv() {
                Ok(Progress::Device(of, what)) if *of == *name => {
                    began |= what == DeviceProgress::Connecting;
                    // It is slow, but gets on.
                    time.begin_again();
                }
                Ok(Progress::Polled(report)) if report.name == name => {
                    if began || ended > 0 {
                        break Some(report);
                    }
                    // It may have begun before.
                    (ended, ask) = (ended + 1, true);
                }
                Ok(_) => {}
                Err(_) if life.killer.has_crashed() => return Err(Crashed),
                Err(_) if time.has_passed(QUIET) => break None,
                Err(_) => time.tick().await,
            }
        };
        let Some(report) = outcome else {
            self.tell(format!("polls {gate}: no end"));
            return Ok(false);
        };
        let is_sure = report.status == DeviceStatus::Ok
            && report.serial == Some(handle.serial())
            && !(report.mode == Some(ReadMode::Unchanged) && place.emptied);
        let found = format!("{:?}, {:?}, {} new, {:?}", report.status, report.mode, report.new, report.error);
        if is_sure {
            place.emptied = false;
            place.shown = log.len();
            self.truth.shown(&handle.serial(), &log);
        }
        self.tell(format!("polls {gate}: {found}; all of {} shown: {is_sure}", log.len()));
        Ok(is_sure)
    }

    async fn let_time_pass(&mut self) -> Result<(), Crashed> {
        let seconds = self.dice.one_of(&[1, 10, 60, 700, 4_000]);
        self.tell(format!("{seconds} s pass"));
        for _ in 0..5 {
            self.clock.pass(Duration::from_secs(seconds) / 5);
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Empties a log; mostly as people do it, after all was read.
    async fn clear(&mut self, gate: usize) -> Result<(), Crashed> {
        let is_careful = !self.dice.once_in(4);
        let oldest = self.dice.once_in(3);
        if is_careful && !self.poll(gate).await? {
            return Ok(());
        }
        let place = &mut self.gates[gate];
        place.emptied = true;
        if oldest {
            place.handle().drop_oldest(place.shown / 2);
        } else {
            place.handle().clear_log();
        }
        place.shown = 0;
        self.tell(format!("clears {gate}; after a poll: {is_careful}; only the oldest: {oldest}"));
        Ok(())
    }

    /// Lets the engine empty a log, in a process of its own.
    async fn clear_by_engine(&mut self, gate: usize) -> Result<(), Crashed> {
        if !self.habits.gates.contains(&gate) {
            return Ok(());
        }
        if let Some(life) = self.life.take() {
            life.shutdown().await;
        }
        let killer = self.new_killer();
        if self.dice.once_in(3) {
            self.plan_a_crash(&killer);
        }
        let handle = self.gates[gate].handle();
        let (log, mut time) = (handle.records(), Time::new(&self.clock));
        let (engine, name) = (self.engine(&killer), self.gates[gate].name.clone());
        let cleared = life::clear(engine, name, handle.serial(), &killer, async || time.tick().await).await;
        let is_empty = handle.records().is_empty();
        self.tell(format!("lets the engine clear {gate}: {cleared:?}; it is empty: {is_empty}"));
        if is_empty {
            // Whatever it says: nothing may be missing.
            self.truth.shown(&handle.serial(), &log);
            self.gates[gate].emptied |= !log.is_empty();
            self.gates[gate].shown = 0;
        } else {
            assert!(!matches!(cleared, Ok(Ok(_))), "it says that the log is cleared");
        }
        cleared.map(drop)
    }

    /// Lets a terminal push punches of its log. Once it is told that they are kept, it may forget them.
    async fn push(&mut self, gate: usize) -> Result<(), Crashed> {
        let Some(life) = &self.life else { return Ok(()) };
        let (handle, most) = (self.gates[gate].handle(), self.dice.between(1, 40) as usize);
        let log = handle.records();
        let mut sent: Vec<_> = log.iter().rev().filter(|punch| !may_be_refused(punch)).take(most).cloned().collect();
        sent.reverse();
        self.truth.pushed(&handle.serial(), &sent);
        let ingest = as_push(&handle.serial(), &self.gates[gate].name, &sent);
        let Ok(ingested) = life.call(async move |service| service.ingest(ingest).await).await? else {
            assert!(life.killer.has_crashed(), "the push is refused");
            return Err(Crashed);
        };
        self.truth.shown(&handle.serial(), &sent);
        let forgets = self.dice.once_in(3);
        if forgets {
            handle.clear_log();
            let place = &mut self.gates[gate];
            (place.emptied, place.shown) = (true, 0);
        }
        self.tell(format!("{gate} pushes {}: {} new; it forgets all: {forgets}", sent.len(), ingested.new));
        Ok(())
    }

    async fn pause(&mut self, gate: usize) -> Result<(), Crashed> {
        let Some(life) = &self.life else { return Ok(()) };
        let name = if self.dice.once_in(2) { self.gates[gate].name.clone() } else { "full".to_owned() };
        let of = name.clone();
        // It may be none of those in use.
        let _ = life.call(async move |service| service.pause(&of).await).await?;
        self.story.push(format!("pauses {name} for a moment"));
        self.clock.pass(Duration::from_secs(30));
        sleep(Duration::from_millis(3)).await;
        let _ = life.call(async move |service| service.resume(&name).await).await?;
        Ok(())
    }

    pub(crate) async fn reload(&mut self) -> Result<(), Crashed> {
        self.tell(format!("reloads {:?}", self.habits));
        if !self.habits.strict {
            self.truth.welcomes_all();
        }
        let killer = match &self.life {
            Some(life) => Arc::clone(&life.killer),
            None => return Ok(()),
        };
        let (engine, options) = (self.engine(&killer), self.habits.service());
        let Some(life) = &self.life else { return Ok(()) };
        let reloaded = life.call(async move |service| service.reload(&engine, options).await).await?;
        reloaded.unwrap();
        Ok(())
    }

    /// Replaces the rules of the engine that runs, and nothing else.
    async fn change_rules(&mut self) -> Result<(), Crashed> {
        let Some(life) = &self.life else { return Ok(()) };
        self.habits.strict = !self.habits.strict;
        if !self.habits.strict {
            self.truth.welcomes_all();
        }
        let rules = self.habits.rules();
        let released = life.call(async move |service| service.set_rules(rules).await.unwrap()).await?;
        self.tell(format!("strict rules: {}; {released} released", self.habits.strict));
        Ok(())
    }

    pub(crate) async fn start(&mut self) {
        self.tell(format!("starts with {:?}", self.habits));
        if !self.habits.strict {
            self.truth.welcomes_all();
        }
        let killer = self.new_killer();
        if self.dice.once_in(6) {
            self.plan_a_crash(&killer);
        }
        self.life = Life::start(self.engine(&killer), self.habits.service(), killer).await.ok();
    }

    /// Starts an engine that does not crash.
    pub(crate) async fn start_to_stay(&mut self) {
        self.tell(format!("starts with {:?}", self.habits));
        if !self.habits.strict {
            self.truth.welcomes_all();
        }
        let killer = self.new_killer();
        self.life = Life::start(self.engine(&killer), self.habits.service(), killer).await.ok();
    }

    /// The killer of the next engine.
    fn new_killer(&self) -> Arc<Killer> {
        let killer = Arc::new(Killer::default());
        self.sinks.iter().for_each(|sink| sink.oddity.lives_with(&killer));
        killer
    }

    fn plan_a_crash(&mut self, killer: &Killer) {
        let plan = (self.dice.one_of(&POINTS), self.dice.below(4));
        self.tell(format!("will crash at {plan:?}"));
        killer.plan(Some(plan));
    }

    pub(crate) fn engine(&self, killer: &Arc<Killer>) -> Engine {
        let mut builder = Engine::builder(self.state()).options(self.habits.engine());
        builder = builder
            .clock(Arc::clone(&self.clock) as _)
            .crash_points(Arc::clone(killer) as _)
            .random(Arc::clone(&self.random) as _);
        for gate in &self.habits.gates {
            builder = builder.device(self.gates[*gate].device());
        }
        for sink in &self.habits.sinks {
            builder = builder.sink(Arc::clone(&self.sinks[*sink]) as Arc<dyn Sink>);
        }
        builder.build().unwrap()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }
}

impl Habits {
    fn drawn(gates: usize, dice: &mut Dice) -> Self {
        let some = |count: usize, dice: &mut Dice| {
            let some: Vec<usize> = (0..count).filter(|_| !dice.once_in(4)).collect();
            if some.is_empty() { vec![0] } else { some }
        };
        Self {
            strict: dice.once_in(2),
            live: dice.once_in(3),
            every: dice.one_of(&[10, 60, 3_600]),
            commit: dice.one_of(&[1, 3, 20, 10_000]),
            overlap: dice.one_of(&[1, 4, 16]),
            retention: dice.one_of(&[None, Some(0), Some(600)]),
            gates: some(gates, dice),
            sinks: some(3, dice),
        }
    }

    fn engine(&self) -> EngineOptions {
        let mut options = EngineOptions::default();
        (options.batch, options.overlap, options.attempts) = (self.commit, self.overlap, 2);
        // The waits of the protocol are true time, next to which the clock races.
        options.device_deadline = Duration::from_secs(10_000_000);
        options.rules = self.rules();
        options.retention.events = self.retention.map(Duration::from_secs);
        options.retention.quarantine = options.retention.events;
        options
    }

    fn rules(&self) -> Rules {
        if self.strict {
            let known = (1_001..=1_020).map(|id| id.to_string()).filter(|id| !STRANGERS.contains(&id.as_str()));
            Rules::default().allow_list(known)
        } else {
            Rules::default().policy(Reason::UnknownState, Policy::Accept).unwrap()
        }
    }

    pub(crate) fn service(&self) -> ServiceOptions {
        ServiceOptions::new(Schedule::fixed(Duration::from_secs(self.every))).live(self.live)
    }
}
