//! A batch that a sink refuses as a whole: the events that cause it are found by halving, and the others go through.
//!
//! An event is set aside only if the sink takes another one. If it takes none, the fault is not that of the events: a
//! table may have changed, or a server may be too old. Then nothing is set aside, and the delivery fails.

use std::collections::VecDeque;
use std::ops::Range;

use attendance_model::{AttendanceEvent, Outcome, SinkError};

use super::send::{NoAnswer, Sender};
use crate::error::chain;

/// Refusals without a write that goes through, after which an event is written again that the sink has.
const PATIENCE: u32 = 32;

/// A batch about to be sorted.
struct Sorting<'a> {
    sender: &'a Sender,
    batch: &'a [AttendanceEvent],
    /// The outcomes found so far.
    outcomes: Vec<Option<Outcome>>,
    /// Parts of more than one event that the sink refuses.
    refused: VecDeque<Range<usize>>,
    refusals: u32,
    /// The sink takes at least one event.
    works: bool,
}

impl Sender {
    /// Writes a batch that was refused as a whole, in parts. Events that the sink does not take are rejected.
    ///
    /// # Errors
    /// If the sink takes no event at all, or fails in another way.
    pub(super) async fn sort_out(&self, batch: &[AttendanceEvent], error: SinkError) -> Result<Vec<Outcome>, NoAnswer> {
        let (outcomes, refused) = (vec![None; batch.len()], VecDeque::new());
        let mut sorting = Sorting { sender: self, batch, outcomes, refused, refusals: 1, works: false };
        sorting.refused.push_back(0..batch.len());
        sorting.run().await?;
        if !sorting.works && !self.takes_a_known_event().await? {
            return Err(NoAnswer::Failed(error));
        }
        // Each has one by now.
        Ok(sorting.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Deferred)).collect())
    }

    /// Writes an event again that the sink has. Returns false if it does not take it, or if none is known.
    async fn takes_a_known_event(&self) -> Result<bool, NoAnswer> {
        let Some(known) = self.target.known() else { return Ok(false) };
        match self.put(&[known]).await {
            Ok(outcomes) => Ok(is_there(&outcomes)),
            Err(NoAnswer::Failed(error)) if error.kind.may_be_of_single_events() => Ok(false),
            Err(end) => Err(end),
        }
    }
}

/// Returns true if the sink has an event of a batch. Putting all of them off says nothing about what it takes.
fn is_there(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|outcome| matches!(outcome, Outcome::Stored | Outcome::AlreadyStored))
}

impl Sorting<'_> {
    async fn run(&mut self) -> Result<(), NoAnswer> {
        while let Some(part) = self.refused.pop_front() {
            let middle = part.start + part.len() / 2;
            let (first, second) = (part.start..middle, middle..part.end);
            if self.try_part(first).await? && second.len() > 1 {
                // The cause is in the other half, which need not be tried as a whole.
                self.refused.push_back(second);
            } else {
                self.try_part(second).await?;
            }
        }
        Ok(())
    }

    /// Writes a part. Returns false if it is refused.
    async fn try_part(&mut self, part: Range<usize>) -> Result<bool, NoAnswer> {
        let events = self.batch.get(part.clone()).unwrap_or_default();
        if events.is_empty() {
            return Ok(true);
        }
        let mut backoff = self.sender.backoff();
        let error = loop {
            match self.sender.put(events).await {
                Ok(outcomes) => {
                    self.works |= is_there(&outcomes);
                    for (place, outcome) in self.outcomes.iter_mut().skip(part.start).zip(outcomes) {
                        *place = Some(outcome);
                    }
                    return Ok(true);
                }
                Err(NoAnswer::Failed(error)) if error.kind.may_be_of_single_events() => break error,
                Err(NoAnswer::Failed(error)) => self.sender.wait(&mut backoff, error).await?,
                Err(end) => return Err(end),
            }
        };
        self.refusals += 1;
        if !self.works && self.refusals >= PATIENCE {
            if !self.sender.takes_a_known_event().await? {
                return Err(NoAnswer::Failed(error));
            }
            self.works = true;
        }
        if part.len() > 1 {
            self.refused.push_back(part);
        } else if let Some(place) = self.outcomes.get_mut(part.start) {
            *place = Some(Outcome::Rejected { reason: chain(&error) });
        }
        Ok(false)
    }
}
