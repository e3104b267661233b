//! The batches on their way to a sink, and how far their outcomes move its watermark.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use attendance_model::{AttendanceEvent, Outcome};

use crate::ledger::{Settled, Unsent};

/// Events that go out together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) events: Arc<Vec<AttendanceEvent>>,
    span: Span,
}

/// The numbers of a batch's events. The events themselves are dropped with their write.
#[derive(Clone, Debug)]
struct Span {
    seqs: Vec<i64>,
    /// The watermark once this batch and all before it are done; `None` for a batch of skipped events.
    through: Option<i64>,
    /// The events of it that the sink put off.
    deferred: Vec<i64>,
}

/// The outcomes of one batch, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) stored: u64,
    pub(crate) already_stored: u64,
    pub(crate) rejected: u64,
    pub(crate) deferred: u64,
}

/// Batches may come back in any order; the watermark passes only what is done from the oldest on.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// In the order of the ledger; the first has the number `first`.
    batches: VecDeque<(Span, State)>,
    first: usize,
    settled: Settled,
    unrecorded: usize,
    sent: Numbers,
}

/// The numbers of events that landed, for the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) stored: Vec<i64>,
    pub(crate) already_stored: Vec<i64>,
    pub(crate) rejected: Vec<(i64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    UnderWay,
    Done,
    Failed,
}

impl Batch {
    /// A page of unsent events, and where the next begins.
    pub(crate) fn new(page: Vec<(i64, AttendanceEvent)>, next: Unsent) -> Self {
        let (seqs, events) = page.into_iter().unzip();
        let through = match next {
            Unsent::Skipped(_) => None,
            Unsent::Fresh(through) => Some(through),
        };
        Self { events: Arc::new(events), span: Span { seqs, through, deferred: Vec::new() } }
    }
}

impl Flight {
    /// Sends a batch on its way; returns its number and its events.
    pub(crate) fn launch(&mut self, batch: Batch) -> (usize, Arc<Vec<AttendanceEvent>>) {
        self.batches.push_back((batch.span, State::UnderWay));
        (self.first + self.batches.len() - 1, batch.events)
    }

    /// The number of batches from the oldest that is not done up to the latest.
    pub(crate) fn length(&self) -> usize {
        self.batches.len()
    }

    /// Takes the outcomes of a batch.
    pub(crate) fn land(&mut self, number: usize, outcomes: Vec<Outcome>) -> Landed {
        let mut landed = Landed::default();
        if let Some((batch, state)) = self.batches.get_mut(number - self.first) {
            for (seq, outcome) in batch.seqs.iter().zip(outcomes) {
                match outcome {
                    Outcome::Stored => {
                        landed.stored += 1;
                        self.sent.stored.push(*seq);
                    }
                    Outcome::AlreadyStored => {
                        landed.already_stored += 1;
                        self.sent.already_stored.push(*seq);
                    }
                    Outcome::Rejected { reason } => {
                        landed.rejected += 1;
                        self.sent.rejected.push((*seq, reason.clone()));
                        self.settled.rejected.push((*seq, reason));
                    }
                    // Deferred; an outcome that is not known here says of nothing that it is stored.
                    _ => batch.deferred.push(*seq),
                }
            }
            landed.deferred = batch.deferred.len() as u64;
            // A batch that was put off as a whole counts as not sent.
            let whole = !batch.seqs.is_empty() && batch.deferred.len() == batch.seqs.len();
            *state = if whole { State::Failed } else { State::Done };
            self.unrecorded += batch.seqs.len() - batch.deferred.len();
        }
        while let Some((batch, State::Done)) = self.batches.front() {
            self.settled.pass(batch);
            self.batches.pop_front();
            self.first += 1;
        }
        landed
    }

    /// Takes the failure of a batch.
    pub(crate) fn fail(&mut self, number: usize) {
        if let Some((_, state)) = self.batches.get_mut(number - self.first) {
            *state = State::Failed;
        }
    }

    /// Ends the flight: nothing more will come back. The watermark passes the batches that are done after a failed one,
    /// and skips the failed one.
    pub(crate) fn end(&mut self) {
        let passed = self.batches.iter().rposition(|(_, state)| *state == State::Done).map_or(0, |last| last + 1);
        for (batch, state) in self.batches.drain(..passed) {
            self.first += 1;
            if state == State::Done {
                self.settled.pass(&batch);
            } else if batch.through.is_some() {
                self.settled.skipped.extend(batch.seqs);
            }
        }
    }

    /// The number of events whose outcomes are not recorded yet.
    pub(crate) fn unrecorded(&self) -> usize {
        self.unrecorded
    }

    /// Takes the numbers of the events that landed since, also of those before which one is still under way.
    pub(crate) fn take_sent(&mut self) -> Numbers {
        mem::take(&mut self.sent)
    }

    /// Takes what is to be recorded now; `None` if nothing is.
    pub(crate) fn take_settled(&mut self) -> Option<Settled> {
        self.unrecorded = 0;
        let settled = mem::take(&mut self.settled);
        self.settled.delivered = settled.delivered;
        (settled != self.settled || settled.delivered > 0).then_some(settled)
    }
}

impl Numbers {
    pub(crate) fn is_empty(&self) -> bool {
        self.stored.is_empty() && self.already_stored.is_empty() && self.rejected.is_empty()
    }
}

impl Settled {
    fn pass(&mut self, batch: &Span) {
        match batch.through {
            Some(through) => {
                self.delivered = self.delivered.max(through);
                self.skipped.extend(&batch.deferred);
            }
            None => self.caught_up.extend(batch.seqs.iter().filter(|seq| !batch.deferred.contains(seq))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seqs: std::ops::RangeInclusive<i64>) -> Batch {
        let span = Span { through: Some(*seqs.end()), seqs: seqs.collect(), deferred: Vec::new() };
        Batch { events: Arc::default(), span }
    }

    fn stored(count: usize) -> Vec<Outcome> {
        vec![Outcome::Stored; count]
    }

    #[test]
    fn the_watermark_waits_for_the_oldest_batch() {
        let mut flight = Flight::default();
        let (first, second) = (flight.launch(batch(1..=3)).0, flight.launch(batch(4..=6)).0);
        flight.land(second, stored(3));
        assert_eq!(flight.take_settled().map(|settled| settled.delivered), None);
        flight.land(first, stored(3));
        assert_eq!(flight.take_settled().map(|settled| settled.delivered), Some(6));
    }

    #[test]
    fn batches_that_land_behind_a_slow_one_keep_no_events() {
        let mut flight = Flight::default();
        let events = |batch: Batch, flight: &mut Flight| {
            let (number, events) = flight.launch(batch);
            (number, Arc::downgrade(&events))
        };
        let (_, slow) = events(batch(1..=3), &mut flight);
        let (second, fast) = events(batch(4..=6), &mut flight);
        assert!(slow.upgrade().is_none() && fast.upgrade().is_none(), "only the write keeps them");
        flight.land(second, stored(3));
        assert_eq!(flight.length(), 2);
    }

    #[test]
    fn a_batch_that_failed_before_one_that_did_not_is_skipped() {
        let mut flight = Flight::default();
        let numbers = [1..=2, 3..=4, 5..=6].map(|seqs| flight.launch(batch(seqs)).0);
        flight.fail(numbers[0]);
        flight.land(numbers[1], stored(2));
        flight.fail(numbers[2]);
        flight.end();
        let settled = flight.take_settled().unwrap();
        assert_eq!((settled.delivered, settled.skipped), (4, vec![1, 2]));
    }

    #[test]
    fn a_rejected_event_is_passed_and_named() {
        let mut flight = Flight::default();
        let (number, _) = flight.launch(batch(1..=2));
        let landed = flight.land(number, vec![Outcome::AlreadyStored, Outcome::Rejected { reason: "no".to_owned() }]);
        assert_eq!(landed, Landed { already_stored: 1, rejected: 1, ..Landed::default() });
        let settled = flight.take_settled().unwrap();
        assert_eq!((settled.delivered, settled.rejected), (2, vec![(2, "no".to_owned())]));
    }

    #[test]
    fn a_batch_that_was_put_off_in_part_is_passed_and_the_rest_skipped() {
        let mut flight = Flight::default();
        let (number, _) = flight.launch(batch(1..=3));
        let landed = flight.land(number, vec![Outcome::Stored, Outcome::Deferred, Outcome::Deferred]);
        assert_eq!((landed.stored, landed.deferred), (1, 2));
        let settled = flight.take_settled().unwrap();
        assert_eq!((settled.delivered, settled.skipped), (3, vec![2, 3]));
    }

    #[test]
    fn a_batch_that_was_put_off_whole_is_not_passed() {
        let mut flight = Flight::default();
        let (number, _) = flight.launch(batch(1..=3));
        flight.land(number, vec![Outcome::Deferred; 3]);
        flight.end();
        assert_eq!(flight.take_settled(), None);
    }

    #[test]
    fn a_skipped_event_that_is_put_off_stays_skipped() {
        let mut flight = Flight::default();
        let mut skipped = batch(4..=6);
        skipped.span.through = None;
        let (number, _) = flight.launch(skipped);
        flight.land(number, vec![Outcome::Stored, Outcome::Deferred, Outcome::Stored]);
        assert_eq!(flight.take_settled().unwrap().caught_up, [4, 6]);
    }
}
