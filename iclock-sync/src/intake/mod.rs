//! The one door into the ledger: each punch of a batch becomes an event or a rejection, durable before anything is
//! sent.
//!
//! The door does not know how punches come. `proven` makes them of a terminal's log, `ingest` of what a terminal
//! pushed, and a person's decision makes them of a log that could not be proven ([`unproven`](crate::unproven)).

mod batch;
mod in_force;
mod ingest;
mod proven;
pub(crate) mod rejudge;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use attendance_model::{Context, RawPunch, Reason, Rejection, Rules, Source, Usual};
use chrono::{NaiveDateTime, TimeDelta};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use batch::{Batch, Provenance, Punches, ReadPunch};
pub(crate) use in_force::InForce;
pub use ingest::{BadLine, Ingest, Ingested};
pub(crate) use proven::ProvenPunches;

use crate::error::blocking;
use crate::ledger::{
    Entry, ForgottenPeople, KnownPunches, NewEvent, NewRejection, News, PollId, ReadSpan, Refusal, Transaction,
    any_waiting, forget_counts_before, latest_times, mark_accepted, resolve_read_again, save_stamp, save_terminal,
    vacant_slots_counted, waits_for_an_owner, was_dealt_with,
};
use crate::mask::Mask;
use crate::report::DeviceReport;
use crate::report::hint::Refused;
use crate::{Hooks, Ledger, LedgerError, SyncError};

/// Punches that are decoded at once. A thread keeps the memory that it once had for the next time, and several threads
/// take turns: a whole commit's punches would cost megabytes in each.
const DECODED_AT_ONCE: usize = 1_000;

/// Batches that may enter at once, so that they share commits.
const AT_ONCE: usize = 32;

/// The door of a run.
#[derive(Debug)]
pub(crate) struct Intake {
    ledger: Arc<Ledger>,
    rules: InForce,
    /// Punches to a commit.
    commit: usize,
    /// Batches that come together share a commit. The others wait without a thread.
    turn: Arc<Semaphore>,
    news: Arc<watch::Sender<News>>,
}

/// A batch on its way into the ledger, commit by commit. It blocks.
#[derive(Debug)]
pub(crate) struct Entering<P> {
    ledger: Arc<Ledger>,
    batch: Batch<P>,
    judge: Judge,
    /// The poll, once it is in the ledger.
    poll: Option<PollId>,
    /// Punches that have entered.
    done: u64,
    over: bool,
}

/// The knowledge by which punches are judged. It learns from each of them.
#[derive(Debug)]
struct Judge {
    in_force: InForce,
    /// Those of the commit under way.
    rules: Rules,
    /// The times of the punches before.
    usual: Usual,
    /// The punches that were read before.
    known: KnownPunches,
    /// The people whose punches were removed.
    forgotten: ForgottenPeople,
    mask: Mask,
    /// An earlier poll only counted records of vacant slots. Any new record of this whole log can be one of them.
    slots_in_doubt: bool,
}

/// The outcome of a commit, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) records: u64,
    pub(crate) new: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
    pub(crate) flagged: BTreeMap<Reason, u64>,
    pub(crate) rejected: BTreeMap<Reason, u64>,
    /// Rejections that were counted only, because the quarantine keeps no more of them.
    pub(crate) counted_only: BTreeMap<Reason, u64>,
    /// Rejections by rule that are new in the quarantine.
    pub(crate) refused: BTreeMap<Reason, Refused>,
    /// Slots that belong to another person now than when their punch was first read: the user ids of then and now.
    pub(crate) reassigned: BTreeMap<u16, (String, String)>,
}

/// The reason why a batch did not enter as a whole. Commits before are durable.
#[derive(Debug)]
pub(crate) enum NotEntered<E> {
    /// The ledger cannot be used.
    Ledger(SyncError),
    /// The punches cannot be read.
    Unreadable(E),
    /// The run was stopped.
    Stopped,
}

impl Intake {
    /// A door into a ledger, with so many punches to a commit.
    pub(crate) fn new(ledger: Arc<Ledger>, rules: Rules, commit: usize, news: Arc<watch::Sender<News>>) -> Self {
        let rules = InForce::new(rules);
        Self { ledger, rules, commit: commit.max(1), turn: Arc::new(Semaphore::new(AT_ONCE)), news }
    }

    /// The same door with the hooks of the program that embeds the engine.
    pub(crate) fn with_hooks(self, hooks: Option<Arc<dyn Hooks>>) -> Self {
        Self { rules: self.rules.with_hooks(hooks), ..self }
    }

    /// The same door under other rules. They hold for batches under way too: what these put into the quarantine after
    /// it was judged again would wait there by rules that are no longer in force.
    pub(crate) fn changed(&self, rules: Rules, commit: usize) -> Self {
        self.rules.replace(rules);
        Self {
            ledger: Arc::clone(&self.ledger),
            rules: self.rules.clone(),
            commit: commit.max(1),
            turn: Arc::clone(&self.turn),
            news: Arc::clone(&self.news),
        }
    }

    /// Enters a batch, and returns once all of it is durable. `on_commit` gets the outcome of each commit.
    pub(crate) async fn enter<P>(
        &self,
        batch: Batch<P>,
        stop: &CancellationToken,
        mut on_commit: impl FnMut(Entered),
    ) -> Result<(), NotEntered<P::Unreadable>>
    where
        P: Punches + Send + 'static,
        P::Unreadable: Send + 'static,
    {
        let most = if batch.whole { usize::MAX } else { self.commit };
        let entering = Arc::new(Mutex::new(Entering::new(Arc::clone(&self.ledger), self.rules.clone(), batch)));
        loop {
            // The semaphore is never closed; without a permit the ledger's own lock is waited for.
            let turn = self.turn.acquire().await.ok();
            let entering = Arc::clone(&entering);
            let step = blocking("ledger", move || {
                // A step that panicked ends the batch: nothing takes the lock after it.
                let mut entering = entering.lock().unwrap_or_else(PoisonError::into_inner);
                let entered = entering.commit(most)?;
                Ok(entered.map(|entered| (entered, entering.over)))
            });
            let (entered, over) = step.await.map_err(NotEntered::Ledger)?.map_err(NotEntered::Unreadable)?;
            drop(turn);
            if entered.new > 0 {
                self.news.send_modify(|news| news.commits += 1);
            }
            on_commit(entered);
            if over {
                return Ok(());
            }
            if stop.is_cancelled() {
                return Err(NotEntered::Stopped);
            }
        }
    }
}

impl<P: Punches> Entering<P> {
    pub(crate) fn new(ledger: Arc<Ledger>, in_force: InForce, batch: Batch<P>) -> Self {
        let mask = Mask::of_layout(batch.provenance.poll.layout.as_deref());
        let known = KnownPunches::of(batch.provenance.poll.source);
        let (rules, usual, forgotten) = (Rules::default(), Usual::default(), ForgottenPeople::default());
        let judge = Judge { in_force, rules, usual, known, forgotten, mask, slots_in_doubt: false };
        Self { ledger, batch, judge, poll: None, done: 0, over: false }
    }

    /// Returns true once all of the batch is durable.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Enters the next punches, at most `most`, in one durable change; with the last of them, what the batch wants
    /// remembered. The inner error is that of reading the punches. After an error nothing more of the batch may be
    /// entered.
    pub(crate) fn commit(&mut self, most: usize) -> Result<Result<Entered, P::Unreadable>, LedgerError> {
        let Self { ledger, batch, judge, poll, done, over } = self;
        let Batch { provenance, punches, cursor, accepts, stamp, resolves, .. } = batch;
        ledger.check_room()?;
        let (entered, all) = match ledger.try_write("record events", |transaction| {
            // Only now: a change of the rules judges the quarantine again before this change or after it.
            judge.rules = Rules::clone(&judge.in_force.now());
            judge.forgotten = ForgottenPeople::load(transaction)?;
            if let Some(poll) = *poll {
                judge.known.begin_change(transaction, poll)?;
            }
            let mut entered = Entered::default();
            while entered.records < most as u64 {
                let left = usize::try_from(most as u64 - entered.records).unwrap_or(DECODED_AT_ONCE);
                let decoded = match punches.next(left.min(DECODED_AT_ONCE)) {
                    Ok(decoded) if decoded.is_empty() => break,
                    Ok(decoded) => decoded,
                    Err(error) => return Ok(Err(error)),
                };
                let poll = match *poll {
                    Some(poll) => poll,
                    None => {
                        let poll = *poll.insert(provenance.poll.insert(transaction)?);
                        if provenance.start > 0 || provenance.poll.source != Source::Pull {
                            judge.usual = usual_of(transaction, poll.terminal, provenance.host_now)?;
                        }
                        judge.slots_in_doubt = provenance.is_whole_log()
                            && !provenance.new_owners
                            && vacant_slots_counted(transaction, poll.terminal)?;
                        poll
                    }
                };
                let entry = Entry::begin(transaction)?;
                let waiting = any_waiting(transaction, poll.terminal)?;
                let mut one = One { transaction, provenance, poll, entry, waiting };
                for read in decoded {
                    let position = provenance.start + *done + entered.records;
                    one.enter(read, position, judge, &mut entered)?;
                }
            }
            let all = punches.left() == 0;
            if all {
                if let Some(cursor) = cursor {
                    save_terminal(transaction, cursor)?;
                }
                if let Some(poll) = poll.filter(|_| provenance.is_whole_log()) {
                    forget_counts_before(transaction, poll)?;
                }
                if let Some((buffer, at)) = *accepts {
                    mark_accepted(transaction, buffer, at)?;
                }
                for raw in resolves.iter().filter_map(|raw| Some((poll.as_ref()?.terminal, raw))) {
                    resolve_read_again(transaction, raw.0, raw.1, provenance.poll.read_at)?;
                }
                if let Some(stamp) = stamp {
                    save_stamp(transaction, &provenance.poll.serial, stamp)?;
                }
            }
            Ok(Ok((entered, all)))
        })? {
            Ok(outcome) => outcome,
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        *done += entered.records;
        // Punches that end before their number is reached move no cursor.
        *over = all || entered.records == 0;
        Ok(Ok(entered))
    }
}

/// The entry of single punches in one commit.
struct One<'a> {
    transaction: &'a Transaction<'a>,
    provenance: &'a Provenance,
    poll: PollId,
    entry: Entry,
    /// The terminal has records that wait in the quarantine.
    waiting: bool,
}

impl One<'_> {
    /// Enters a punch.
    fn enter(
        &mut self,
        read: ReadPunch,
        position: u64,
        judge: &mut Judge,
        entered: &mut Entered,
    ) -> rusqlite::Result<()> {
        entered.records += 1;
        let ReadPunch { mut punch, unproven } = read;
        if self.is_of_an_earlier_owner(&punch, judge)? {
            punch.user_id.clear();
        }
        if judge.forgotten.have(self.transaction, &punch)? {
            entered.duplicate += 1;
            return Ok(());
        }
        judge.rules.set_usual_since(judge.usual.since());
        if let Some(time) = punch.local_time.real() {
            judge.usual.see(time, self.provenance.host_now);
        }
        let mask = judge.mask;
        if let Some(first) = judge.known.user_id(self.transaction, self.poll.terminal, mask, &punch)? {
            entered.duplicate += 1;
            if let Some(uid) = punch.uid
                && first != punch.user_id
                && !punch.user_id.is_empty()
            {
                entered.reassigned.insert(uid, (first.to_owned(), punch.user_id));
            }
            return self.passed(mask, &punch.raw);
        }
        let uid = punch.uid;
        let context =
            Context { zone: self.provenance.poll.zone, rules: &judge.rules, host_now: self.provenance.host_now };
        let judged = match unproven {
            Some(reason) => Err(Rejection { reason, punch }),
            None => judge.in_force.judge(punch, &context),
        };
        match judged {
            Ok(event) if was_dealt_with(self.transaction, self.poll.terminal, &mask.apply(&event.raw))? => {
                entered.duplicate += 1;
                Ok(())
            }
            Ok(mut event) => {
                event.flags.extend(self.provenance.by_hand.then_some(Reason::AcceptedByHand));
                if self.entry.insert(self.transaction, self.poll, &NewEvent { event: &event, uid })? {
                    entered.new += 1;
                    for flag in &event.flags {
                        *entered.flagged.entry(*flag).or_default() += 1;
                    }
                } else {
                    entered.duplicate += 1;
                }
                self.passed(mask, &event.raw)
            }
            Err(rejection) => {
                *entered.rejected.entry(rejection.reason).or_default() += 1;
                match self.refuse(&rejection, mask, position, unproven.is_some())? {
                    Refusal::Kept => {
                        entered.quarantined += 1;
                        if unproven.is_none() {
                            let refused = entered.refused.entry(rejection.reason).or_default();
                            refused.count(&rejection.punch.user_id);
                        }
                    }
                    Refusal::Counted => *entered.counted_only.entry(rejection.reason).or_default() += 1,
                    Refusal::Known => {}
                }
                Ok(())
            }
        }
    }

    /// Returns true if the record was, or may have been, first read when nobody was in its slot. The person who is
    /// there now came later.
    fn is_of_an_earlier_owner(&self, punch: &RawPunch, judge: &Judge) -> rusqlite::Result<bool> {
        if self.provenance.new_owners || punch.uid.is_none() || punch.user_id.is_empty() {
            return Ok(false);
        }
        let masked = || judge.mask.apply(&punch.raw);
        Ok(judge.slots_in_doubt
            || (self.waiting && waits_for_an_owner(self.transaction, self.poll.terminal, &masked())?))
    }

    /// Takes a record out of the quarantine, where it waited since an earlier poll.
    fn passed(&self, mask: Mask, raw: &[u8]) -> rusqlite::Result<()> {
        if self.waiting {
            let read_at = self.provenance.poll.read_at;
            resolve_read_again(self.transaction, self.poll.terminal, &mask.apply(raw), read_at)?;
        }
        Ok(())
    }

    /// Puts a record into the quarantine.
    fn refuse(&self, rejection: &Rejection, mask: Mask, position: u64, doubtful: bool) -> rusqlite::Result<Refusal> {
        let Provenance { poll, epoch, start, .. } = self.provenance;
        let span = ReadSpan { poll: self.poll, epoch: *epoch, start: *start, read_at: poll.read_at };
        let layout = poll.layout.as_deref();
        let masked = &mask.apply(&rejection.punch.raw);
        NewRejection { rejection, masked, position, layout, doubtful }.insert(self.transaction, &span)
    }
}

/// The times that the ledger knows of a terminal, the latest of them.
fn usual_of(transaction: &Transaction<'_>, terminal: i64, host_now: NaiveDateTime) -> rusqlite::Result<Usual> {
    let mut usual = Usual::default();
    let until = host_now.checked_add_signed(TimeDelta::days(1)).unwrap_or(host_now);
    for time in latest_times(transaction, terminal, until)? {
        usual.see(time, host_now);
    }
    Ok(usual)
}

impl Entered {
    /// Adds to a terminal's report.
    pub(crate) fn add_to(self, report: &mut DeviceReport) {
        report.records_read += self.records;
        report.new += self.new;
        report.duplicate += self.duplicate;
        report.quarantined += self.quarantined;
        for (reason, count) in self.flagged {
            *report.flagged.entry(reason).or_default() += count;
        }
        for (reason, count) in self.rejected {
            *report.rejected.entry(reason).or_default() += count;
        }
        for (reason, count) in self.counted_only {
            *report.counted_only.entry(reason).or_default() += count;
        }
        for (reason, refused) in self.refused {
            report.refused.entry(reason).or_default().add(refused);
        }
        for (uid, (first, now)) in self.reassigned {
            let note = format!("slot {uid} was user {first} and is user {now} now; known punches keep {first}");
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
    }
}

#[cfg(test)]
mod tests;
