//! A sink that outlives the engine, and fails as it is told.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use attendance_model::{AttendanceEvent, MemorySink, Outcome, Sink, SinkError, SinkErrorKind};

use crate::common::odd_sink::{OddSink, Oddity};
use crate::crash::{Killer, Point};
use crate::dice::Dice;

/// The person whose events one of the sinks never takes.
pub(crate) const REFUSED: &str = "1020";

/// The fate of one write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    /// Nothing is stored.
    Before(SinkErrorKind),
    /// Some events are stored, then it fails.
    Partly(SinkErrorKind),
    /// All is stored, and the answer is lost.
    After(SinkErrorKind),
    /// All is stored, and the answer tells of one event less.
    Short,
    /// Some events are stored, and the rest is put off.
    Deferred,
    Panic,
}

#[derive(Debug)]
pub(crate) struct Moody {
    plan: Mutex<VecDeque<Mishap>>,
    /// That of the engine that lives.
    killer: Mutex<Arc<Killer>>,
    refuses: bool,
}

pub(crate) type MoodySink = OddSink<Moody>;

pub(crate) fn moody(inner: MemorySink, refuses: bool) -> Arc<MoodySink> {
    Arc::new(OddSink { inner, oddity: Moody { plan: Mutex::default(), killer: Mutex::default(), refuses } })
}

impl Moody {
    pub(crate) fn lives_with(&self, killer: &Arc<Killer>) {
        *self.killer.lock().unwrap() = Arc::clone(killer);
    }

    pub(crate) fn expect(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        *self.plan.lock().unwrap() = mishaps.into_iter().collect();
    }

    pub(crate) fn takes(&self, user_id: &str) -> bool {
        !self.refuses || user_id != REFUSED
    }

    async fn store(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let taken: Vec<AttendanceEvent> = batch.iter().filter(|event| self.takes(&event.user_id)).cloned().collect();
        let mut outcomes = inner.write(&taken).await?.into_iter();
        let refused = || Outcome::Rejected { reason: "never".to_owned() };
        Ok(batch
            .iter()
            .map(|event| if self.takes(&event.user_id) { outcomes.next().unwrap() } else { refused() })
            .collect())
    }

    async fn suffer(
        &self,
        mishap: Option<Mishap>,
        inner: &MemorySink,
        batch: &[AttendanceEvent],
    ) -> Result<Vec<Outcome>, SinkError> {
        let failed = |kind| Err(SinkError::new(kind, "failed as planned"));
        let half = &batch[..batch.len() / 2];
        match mishap {
            None => self.store(inner, batch).await,
            Some(Mishap::Before(kind)) => failed(kind),
            Some(Mishap::Partly(kind)) => {
                self.store(inner, half).await?;
                failed(kind)
            }
            Some(Mishap::After(kind)) => {
                self.store(inner, batch).await?;
                failed(kind)
            }
            Some(Mishap::Short) => {
                // The first events get the outcomes of those after them: nothing may be read from them.
                self.store(inner, &batch[1..]).await
            }
            Some(Mishap::Deferred) => {
                let mut outcomes = self.store(inner, half).await?;
                outcomes.resize(batch.len(), Outcome::Deferred);
                Ok(outcomes)
            }
            Some(Mishap::Panic) => resume_unwind(Box::new("panics as planned")),
        }
    }
}

#[async_trait]
impl Oddity for Moody {
    async fn write(&self, inner: &MemorySink, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
        let killer = Arc::clone(&self.killer.lock().unwrap());
        killer.pass(Point::BeforeWrite);
        tokio::task::yield_now().await;
        let mishap = self.plan.lock().unwrap().pop_front();
        let outcome = self.suffer(mishap, inner, batch).await;
        killer.pass(Point::AfterWrite);
        outcome
    }
}

/// The mishaps of the next writes.
pub(crate) fn mishaps(dice: &mut Dice) -> Vec<Mishap> {
    let kinds = [SinkErrorKind::Unreachable, SinkErrorKind::TimedOut, SinkErrorKind::Busy, SinkErrorKind::Rights];
    (0..dice.between(1, 6))
        .map(|_| {
            let kind = dice.one_of(&kinds);
            dice.one_of(&[
                Mishap::Before(kind),
                Mishap::Before(kind),
                Mishap::Partly(kind),
                Mishap::After(kind),
                Mishap::Short,
                Mishap::Deferred,
                Mishap::Panic,
            ])
        })
        .collect()
}
