//! Reads a terminal's whole log and looks up each record in the ledger. It changes nothing and keeps nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use attendance_model::{Context, RawPunch, Rejection, Rules, Source, Usual, normalize};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use zk_proto::SpoolError;

use super::{Failure, Found, Records, Seen, Visit, Visited};
use crate::error::blocking;
use crate::intake::{ProvenPunches, Punches as _, ReadPunch};
use crate::ledger::{KeptRecords, Poll};
use crate::mask::Mask;
use crate::observer::DeviceProgress;
use crate::report::{DeviceReport, DeviceStatus, ErrorKind};
use crate::{Ledger, SyncError, TerminalError};

/// Records that are decoded and looked up at once.
const AT_ONCE: usize = 1_000;

/// A record that the ledger does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostRecord {
    pub(crate) user_id: String,
    /// The terminal's wall clock, as text.
    pub(crate) local_time: String,
}

/// The records of one day, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordsOfDay {
    pub(crate) records: u64,
    /// They came after the last poll.
    pub(crate) unread: u64,
    /// The rules refuse them, and the quarantine is too full to keep them.
    pub(crate) counted_only: u64,
    /// A poll has read them, and the ledger does not have them.
    pub(crate) missing: u64,
    /// A few of the missing ones.
    pub(crate) examples: Vec<LostRecord>,
}

/// By day of the terminal's clock; `None` has the records whose time no calendar has.
pub(crate) type RecordsByDay = BTreeMap<Option<NaiveDate>, RecordsOfDay>;

impl Visit {
    /// Compares the terminal's log with the ledger. The result has no records if the report has an error.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub(crate) async fn compare(self, examples: usize) -> Result<(DeviceReport, RecordsByDay), SyncError> {
        let mut report = DeviceReport::new(&self.device.name, self.device.address());
        let outcome = match self.visit(&mut report).await {
            Ok(visited) => self.look_up_all(visited, examples, &mut report).await,
            Err(failure) => Err(failure),
        };
        self.gates.claims.heard(&self.device.name);
        let days = match outcome {
            Ok(days) => days,
            Err(Failure::Engine(error)) => return Err(error),
            Err(Failure::Terminal(error)) => {
                super::fail(&mut report, &error);
                RecordsByDay::new()
            }
        };
        let ok = report.status == DeviceStatus::Ok;
        self.observer.device(&self.device.name, DeviceProgress::Finished { ok });
        Ok((report, days))
    }

    async fn look_up_all(
        &self,
        visited: Visited,
        examples: usize,
        report: &mut DeviceReport,
    ) -> Result<RecordsByDay, Failure> {
        let Visited { seen, found, place: _place } = visited;
        let records = match found {
            Found::Nothing(_) => return Ok(RecordsByDay::new()),
            Found::Records(records) => *records,
            Found::Unproven(aside) => {
                report.status = DeviceStatus::Unproven;
                report.error_kind = Some(ErrorKind::Unproven);
                report.error = Some(aside.why);
                return Ok(RecordsByDay::new());
            }
        };
        let look = self.look(seen, records, examples);
        Ok(blocking("ledger", move || look.all()).await?.map_err(TerminalError::Spool)?)
    }

    fn look(&self, seen: Seen, records: Records, examples: usize) -> Look {
        let Records { proven, users, .. } = records;
        let poll = Poll {
            serial: seen.serial,
            device_name: self.device.name.clone(),
            zone: self.device.zone,
            drift_ms: seen.drift_ms,
            clock_offset: None,
            layout: proven.layout().map(|layout| layout.to_string()),
            source: Source::Pull,
            read_at: seen.utc_now.timestamp(),
        };
        Look {
            ledger: Arc::clone(&self.reader),
            serial: poll.serial.clone(),
            mask: Mask::of_layout(poll.layout.as_deref()),
            records: proven.records(),
            judge: Judge {
                rules: self.engine.rules.clone(),
                usual: Usual::default(),
                zone: self.device.zone,
                host_now: seen.wall_now,
            },
            punches: ProvenPunches::new(proven, users, poll),
            examples,
        }
    }
}

/// A log whose records are looked up.
struct Look {
    ledger: Arc<Ledger>,
    serial: String,
    mask: Mask,
    records: u64,
    judge: Judge,
    punches: ProvenPunches,
    examples: usize,
}

/// Judges records as a poll does.
struct Judge {
    rules: Rules,
    usual: Usual,
    zone: Option<Tz>,
    host_now: NaiveDateTime,
}

impl Judge {
    /// Learns from a record.
    fn see(&mut self, punch: &RawPunch) {
        self.rules.set_usual_since(self.usual.since());
        if let Some(time) = punch.local_time.real() {
            self.usual.see(time, self.host_now);
        }
    }

    /// Returns true if the rules refuse a record.
    fn refuses(&self, read: ReadPunch) -> bool {
        let ReadPunch { punch, unproven } = read;
        let context = Context { zone: self.zone, rules: &self.rules, host_now: self.host_now };
        let judged = match unproven {
            Some(reason) => Err(Rejection { reason, punch }),
            None => normalize(punch, &context),
        };
        judged.is_err()
    }
}

impl Look {
    fn all(mut self) -> Result<Result<RecordsByDay, SpoolError>, SyncError> {
        let known = self.ledger.terminal(&self.serial)?.map_or(0, |state| state.records);
        // A log that is shorter than before was cleared: all of it is new.
        let known = if self.records < known { 0 } else { known };
        let sizes = self.ledger.quarantine_sizes()?;
        let counts_only = sizes.iter().any(|size| size.serial == self.serial && size.counted_only > 0);
        let mut days = RecordsByDay::new();
        let (mask, mut index) = (self.mask, 0);
        let kept =
            self.ledger.read("look up a terminal", |connection| KeptRecords::of(connection, &self.serial, mask))?;
        let Some(mut kept) = kept else {
            // Never read before.
            return Ok(self.all_unread());
        };
        loop {
            let batch = match self.punches.next(AT_ONCE) {
                Ok(batch) if batch.is_empty() => return Ok(Ok(days)),
                Ok(batch) => batch,
                Err(error) => return Ok(Err(error)),
            };
            let found = self.ledger.read("look records up", |connection| {
                batch.iter().map(|read| kept.has(connection, &read.punch)).collect::<rusqlite::Result<Vec<_>>>()
            })?;
            for (read, is_kept) in batch.into_iter().zip(found) {
                self.judge.see(&read.punch);
                let day = days.entry(read.punch.local_time.real().map(|time| time.date())).or_default();
                day.records += 1;
                let was_read = index < known;
                index += 1;
                if is_kept {
                    continue;
                }
                if !was_read {
                    day.unread += 1;
                    continue;
                }
                let RawPunch { user_id, local_time, .. } = &read.punch;
                let lost = LostRecord { user_id: user_id.clone(), local_time: local_time.to_string() };
                if counts_only && self.judge.refuses(read) {
                    day.counted_only += 1;
                    continue;
                }
                day.missing += 1;
                if day.examples.len() < self.examples {
                    day.examples.push(lost);
                }
            }
        }
    }

    fn all_unread(&mut self) -> Result<RecordsByDay, SpoolError> {
        let mut days = RecordsByDay::new();
        loop {
            let batch = self.punches.next(AT_ONCE)?;
            if batch.is_empty() {
                return Ok(days);
            }
            for read in batch {
                let day = days.entry(read.punch.local_time.real().map(|time| time.date())).or_default();
                day.records += 1;
                day.unread += 1;
            }
        }
    }
}
