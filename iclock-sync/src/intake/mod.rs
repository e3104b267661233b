//! Records enter the ledger, proven ones and those that somebody accepted: each becomes an event or a rejection, durable in batches before anything is sent.

pub(crate) mod rejudge;

use std::collections::BTreeMap;
use std::sync::Arc;

use attendance_model::{Context, Device, RawPunch, Reason, Rejection, Rules, Usual, normalize};
use chrono::{NaiveDateTime, TimeDelta};
use rusqlite::Transaction;
use zk_proto::Uid;
use zk_proto::proof::Proven;
use zk_proto::record::{AttendanceLayout, AttendanceRecord, Who};
use zk_proto::spool::SpoolError;

use crate::ledger::{
    KnownPunches, NewEvent, NewRejection, Poll, PollId, ReadSpan, TerminalState, any_waiting, latest_times,
    resolve_read_again, save_terminal,
};
use crate::report::DeviceReport;
use crate::report::hint::Refused;
use crate::{Ledger, LedgerError};

/// Records that are decoded at once. What a thread once had of memory it keeps for the next time, and the threads that take
/// turns at this are several: a whole commit's records would cost megabytes of each.
const DECODED_AT_ONCE: usize = 1_000;

/// Where the records of one poll of one terminal enter.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) poll: Poll,
    judge: Judge,
    /// Now, as a right clock on the terminal's wall shows it.
    pub(crate) host_now: NaiveDateTime,
    pub(crate) layout: AttendanceLayout,
    /// Whose slot is whose, for layouts that name a person by it.
    pub(crate) users: BTreeMap<Uid, String>,
    /// Not one record of the log shows more than an empty id or a clock that was reset: all are refused.
    pub(crate) neutral: bool,
    /// Nothing proves the records: somebody accepted them.
    pub(crate) by_hand: bool,
    pub(crate) epoch: u64,
    /// The place in the log of the next record, from 0.
    pub(crate) position: u64,
    /// Where this poll began to read.
    start: u64,
    /// The poll, once it is entered.
    entry: Option<PollId>,
}

/// What records are judged by. It learns from each of them.
#[derive(Debug)]
struct Judge {
    rules: Rules,
    /// The times of the records before.
    usual: Usual,
    /// What the records are compared with.
    known: KnownPunches,
}

/// What became of records that entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) records: u64,
    pub(crate) new: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
    pub(crate) flagged: BTreeMap<Reason, u64>,
    pub(crate) rejected: BTreeMap<Reason, u64>,
    /// Those of them that the quarantine did not have, and that a rule refused.
    pub(crate) refused: BTreeMap<Reason, Refused>,
    /// Slots that mean somebody else now than when their punch was first read.
    pub(crate) reassigned: BTreeMap<Uid, (String, String)>,
}

/// Where records come from, in the order of the log.
pub(crate) trait Batches {
    /// How many there are.
    fn records(&self) -> u64;

    /// The next ones, at most `most`; none when all were given out.
    fn next_batch(&mut self, most: usize) -> Result<Batch, SpoolError>;

    /// What has to be durable together with the last record.
    fn finish(&self, _transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

/// Some records.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<AttendanceRecord>,
    /// Which of them make no sense and go to the quarantine unseen; empty where none does.
    pub(crate) damaged: Vec<bool>,
}

/// A record's place in the log, and whether it makes no sense there.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: u64,
    damaged: bool,
}

impl Batches for Proven {
    fn records(&self) -> u64 {
        Self::records(self)
    }

    fn next_batch(&mut self, most: usize) -> Result<Batch, SpoolError> {
        Ok(Batch { records: Self::next_batch(self, most)?, damaged: Vec::new() })
    }
}

/// What [`Intake::new`] needs.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) poll: Poll,
    pub(crate) rules: Rules,
    pub(crate) host_now: NaiveDateTime,
    pub(crate) layout: AttendanceLayout,
    pub(crate) users: BTreeMap<Uid, String>,
    pub(crate) neutral: bool,
    pub(crate) by_hand: bool,
    pub(crate) epoch: u64,
    /// Records of this epoch that are not read again: 0 for a full read.
    pub(crate) start: u64,
}

impl Intake {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning { ledger, poll, rules, host_now, layout, users, neutral, by_hand, epoch, start } = beginning;
        let judge = Judge { rules, usual: Usual::default(), known: KnownPunches::default() };
        Self {
            ledger,
            poll,
            judge,
            host_now,
            layout,
            users,
            neutral,
            by_hand,
            epoch,
            position: start,
            start,
            entry: None,
        }
    }

    /// Enters the next records of the log, at most `most`, in one durable step; with the last of them, what is remembered of
    /// the terminal. The inner error is that of the log's temporary file, and nothing has entered then.
    pub(crate) fn enter(
        &mut self,
        batches: &mut impl Batches,
        most: usize,
        state: &TerminalState,
    ) -> Result<Result<Entered, SpoolError>, LedgerError> {
        let ledger = Arc::clone(&self.ledger);
        let known = std::mem::take(&mut self.judge.known);
        let mut judge = Judge { rules: self.judge.rules.clone(), usual: self.judge.usual.clone(), known };
        let outcome = ledger.try_write("record events", |transaction| {
            let mut entry = self.entry;
            let mut entered = Entered::default();
            while entered.records < most as u64 {
                let left = usize::try_from(most as u64 - entered.records).unwrap_or(DECODED_AT_ONCE);
                let Batch { records, damaged } = match batches.next_batch(left.min(DECODED_AT_ONCE)) {
                    Ok(batch) if batch.records.is_empty() => break,
                    Ok(batch) => batch,
                    Err(error) => return Ok(Err(error)),
                };
                let entry = match entry {
                    Some(entry) => entry,
                    None => {
                        let entry = *entry.insert(self.poll.insert(transaction)?);
                        if self.start > 0 {
                            judge.usual = usual_of(transaction, entry.terminal, self.host_now)?;
                        }
                        entry
                    }
                };
                let waiting = any_waiting(transaction, entry.terminal)?;
                for (number, record) in records.iter().enumerate() {
                    let damaged = damaged.get(number).copied().unwrap_or(false);
                    let place = Place { position: self.position + entered.records, damaged };
                    let passed = self.enter_one(transaction, entry, record, place, &mut judge, &mut entered)?;
                    if passed && waiting {
                        let masked = self.layout.mask(&record.raw);
                        resolve_read_again(transaction, entry.terminal, &masked, self.poll.read_at)?;
                    }
                }
            }
            let last = self.position - self.start + entered.records >= batches.records();
            if last {
                save_terminal(transaction, state)?;
                batches.finish(transaction)?;
            }
            Ok(Ok((entered, entry)))
        })?;
        Ok(outcome.map(|(entered, entry)| {
            // Only now is it durable.
            self.entry = entry;
            self.judge = judge;
            self.position += entered.records;
            entered
        }))
    }

    /// Enters a record; `false` where it was refused.
    fn enter_one(
        &self,
        transaction: &Transaction<'_>,
        entry: PollId,
        record: &AttendanceRecord,
        Place { position, damaged }: Place,
        judge: &mut Judge,
        entered: &mut Entered,
    ) -> rusqlite::Result<bool> {
        entered.records += 1;
        let device = Device {
            serial: &self.poll.serial,
            name: &self.poll.device_name,
            clock_drift_ms: self.poll.drift_ms,
            source: self.poll.source,
        };
        let punch = RawPunch::from_record(record, self.layout, &device, |uid| self.users.get(&uid).cloned());
        judge.rules.set_usual_since(judge.usual.since());
        if let Some(time) = punch.local_time.real() {
            judge.usual.see(time, self.host_now);
        }
        if let Some(first) = judge.known.user_id(transaction, entry.terminal, self.layout, &punch)? {
            entered.duplicate += 1;
            if let Who::Uid(uid) = record.who
                && first != punch.user_id
            {
                entered.reassigned.insert(uid, (first.to_owned(), punch.user_id));
            }
            return Ok(true);
        }
        let uid = punch.uid;
        let context = Context { zone: self.poll.zone, rules: &judge.rules, host_now: self.host_now };
        let judged = if damaged {
            Err(Rejection { reason: Reason::UnprovenRecord, punch })
        } else if self.neutral {
            Err(Rejection { reason: neutral_reason(&punch), punch })
        } else {
            normalize(punch, &context)
        };
        let judged = judged.map(|mut event| {
            event.flags.extend(self.by_hand.then_some(Reason::AcceptedByHand));
            event
        });
        match judged {
            Ok(event) => {
                if (NewEvent { event: &event, uid }).insert(transaction, entry)? {
                    entered.new += 1;
                    for flag in event.flags {
                        *entered.flagged.entry(flag).or_default() += 1;
                    }
                } else {
                    entered.duplicate += 1;
                }
                Ok(true)
            }
            Err(rejection) => {
                *entered.rejected.entry(rejection.reason).or_default() += 1;
                let masked = self.layout.mask(&rejection.punch.raw);
                let span = ReadSpan { poll: entry, epoch: self.epoch, start: self.start, read_at: self.poll.read_at };
                let new = NewRejection {
                    rejection: &rejection,
                    masked: &masked,
                    position,
                    layout: self.poll.layout.as_deref(),
                    doubtful: self.neutral || damaged,
                };
                if new.insert(transaction, &span)? {
                    entered.quarantined += 1;
                    if !self.neutral {
                        let refused = entered.refused.entry(rejection.reason).or_default();
                        refused.count(&rejection.punch.user_id);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// The times that the ledger knows of a terminal, the latest of them.
fn usual_of(transaction: &Transaction<'_>, terminal: i64, host_now: NaiveDateTime) -> rusqlite::Result<Usual> {
    let mut usual = Usual::default();
    for time in
        latest_times(transaction, terminal, host_now.checked_add_signed(TimeDelta::days(1)).unwrap_or(host_now))?
    {
        usual.see(time, host_now);
    }
    Ok(usual)
}

fn neutral_reason(punch: &RawPunch) -> Reason {
    if punch.names_nobody() { Reason::EmptyUserId } else { Reason::ClockResetTime }
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
        for (reason, refused) in self.refused {
            report.refused.entry(reason).or_default().add(refused);
        }
        for (uid, (first, now)) in self.reassigned {
            let note = format!("slot {} was user {first} and is user {now} now; known punches keep {first}", uid.0);
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
    }
}
