//! The calm after a schedule, in which everything must come right.

use std::time::{Duration, Instant};

use iclock_sync::Ledger;
use iclock_sync::service::status::SinkState;

use crate::life::{AT_MOST, Life};
use crate::schedule::{Habits, World};
use crate::sink::MoodySink;
use crate::time::Time;

impl World {
    /// Ends all trouble, and waits until everything is where it belongs. Returns the number of events that have shrunk.
    pub(crate) async fn calm_down(mut self, story: &mut Vec<String>) -> u64 {
        self.tell("calm".to_owned());
        self.gates.iter().for_each(|gate| gate.handle().clear_faults());
        self.sinks.iter().for_each(|sink| sink.oddity.expect([]));
        let strict = self.dice.once_in(2);
        let everything = Habits {
            strict,
            gates: (0..self.gates.len()).collect(),
            sinks: (0..self.sinks.len()).collect(),
            ..self.habits.clone()
        };
        self.habits = everything;
        if let Some(life) = &self.life {
            life.killer.plan(None);
        }
        // Half of the engines have to come right by themselves.
        if self.dice.once_in(2)
            && let Some(life) = self.life.take()
        {
            life.shutdown().await;
        }
        let reloaded = self.reload().await;
        if reloaded.is_err() {
            self.life.take().unwrap().kill();
        }
        while self.life.is_none() {
            self.start_to_stay().await;
        }
        // An unchanged count is not trusted for longer.
        self.clock.pass(Duration::from_secs(7 * 3_600));
        let began = Instant::now();
        for gate in 0..self.gates.len() {
            self.gates[gate].emptied = false;
            while !self.poll(gate).await.unwrap() {
                story.clone_from(&self.story);
                assert!(began.elapsed() < AT_MOST, "gate {gate} cannot be read");
                // A log of few records, some without sense, cannot be proven. People go on.
                self.punches_of_sense(gate, 20);
            }
        }
        self.comes_right(story, strict).await;
        self.nothing_is_pending().await;
        // Nothing more happens, also to a service that starts again.
        let before = self.writes();
        for again in [true, false] {
            for gate in 0..self.gates.len() {
                self.poll(gate).await.unwrap();
            }
            story.clone_from(&self.story);
            self.life.take().unwrap().shutdown().await;
            if again {
                self.start_to_stay().await;
            }
        }
        assert_eq!(before, self.writes(), "events were sent again");
        let ledger = Ledger::open(&self.state()).unwrap();
        let sinks: Vec<&MoodySink> = self.sinks.iter().map(|sink| &**sink).collect();
        self.truth.compare(&self.state(), &sinks, strict).unwrap();
        self.truth.compare_audit(&self.state(), &sinks).unwrap();
        assert_eq!(ledger.check().unwrap(), Vec::<String>::new());
        ledger.shrunk().unwrap().map_or(0, |sum| sum.events)
    }

    /// Waits until the deliveries are recorded.
    async fn nothing_is_pending(&self) {
        let mut time = Time::new(&self.clock);
        loop {
            let sinks = self.life.as_ref().unwrap().status().sinks;
            let is_done = |sink: &SinkState| sink.deliveries > 0 && sink.pending == 0;
            if sinks.values().all(is_done) {
                return;
            }
            assert!(!time.has_passed(AT_MOST), "deliveries are not recorded: {sinks:#?}");
            time.tick().await;
        }
    }

    fn writes(&self) -> Vec<usize> {
        self.sinks.iter().map(|sink| sink.inner.writes()).collect()
    }

    async fn comes_right(&mut self, story: &mut Vec<String>, strict: bool) {
        let sinks: Vec<&MoodySink> = self.sinks.iter().map(|sink| &**sink).collect();
        let mut time = Time::new(&self.clock);
        let mut lacks = None;
        loop {
            match self.truth.compare(&self.state(), &sinks, strict) {
                Ok(()) => return,
                // On a busy machine each step takes long. What counts is that there are any.
                Err(why) if lacks.as_ref() != Some(&why) => {
                    lacks = Some(why);
                    time.begin_again();
                    time.tick().await;
                }
                Err(why) if time.has_passed(AT_MOST) => {
                    story.clone_from(&self.story);
                    let status = self.life.as_ref().map(Life::status);
                    panic!("after {} punches: {why}\n{status:#?}", self.truth.len());
                }
                Err(_) => time.tick().await,
            }
        }
    }
}
