//! Punches that came another way than by a poll: the terminal pushed them, or they are from a file.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::vec;

use attendance_model::{LocalTime, RawPunch, Reason, Source};
use chrono_tz::Tz;

use super::{Batch, Entered, Provenance, Punches, ReadPunch};
use crate::clock::Clock;
use crate::ledger::{Poll, Stamp};
use crate::wall;

/// Punches of one terminal, as it sent them. [`Door::ingest`](crate::Door::ingest) enters them into the ledger.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ingest {
    /// The terminal's serial number.
    pub serial: String,
    /// Its name for people.
    pub device_name: String,
    /// The zone of the place where it is; none by default.
    pub zone: Option<Tz>,
    /// Its clock less the true time, in milliseconds; `None`, by default, if nobody compared the two.
    pub clock_drift_ms: Option<i64>,
    /// The way in which the punches came.
    pub source: Source,
    /// The punches, in the order in which they came. What they say of terminal and way does not count.
    pub punches: Vec<RawPunch>,
    /// Lines that are no punches. They go to the quarantine as they came, whatever the rules say.
    pub bad_lines: Vec<BadLine>,
    /// How far the terminal has sent a table, in its own words.
    pub(crate) stamp: Option<Stamp>,
    /// Records that leave the quarantine with it.
    pub(crate) resolves: Vec<Vec<u8>>,
    /// All of it enters in one change, or nothing.
    pub(crate) whole: bool,
}

/// A line that is no punch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The reason why it is none.
    pub reason: Reason,
    /// The user id in it, if it can be read: the line is removed with the person. Empty for others.
    pub user_id: String,
    /// The bytes as they came.
    pub raw: Vec<u8>,
}

/// The outcome of an ingest, counted. All of it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ingested {
    /// Punches that the ledger did not have.
    pub new: u64,
    /// Punches that it had, in whatever way they came before.
    pub known: u64,
    /// Punches that went to the quarantine; those that were there are not counted.
    pub quarantined: u64,
    /// Punches and lines that were counted and not kept: the quarantine has too many of that reason.
    pub counted_only: u64,
    /// Punches refused by validation, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// New punches that go out with a flag, by reason.
    pub flagged: BTreeMap<Reason, u64>,
}

impl Ingest {
    /// Punches of a terminal.
    #[must_use]
    pub fn new(
        serial: impl Into<String>,
        device_name: impl Into<String>,
        source: Source,
        punches: Vec<RawPunch>,
    ) -> Self {
        Self {
            serial: serial.into(),
            device_name: device_name.into(),
            zone: None,
            clock_drift_ms: None,
            source,
            punches,
            bad_lines: Vec::new(),
            stamp: None,
            resolves: Vec::new(),
            whole: false,
        }
    }

    /// Adds lines that are no punches.
    #[must_use]
    pub fn bad_lines(mut self, lines: impl IntoIterator<Item = BadLine>) -> Self {
        self.bad_lines.extend(lines);
        self
    }

    /// Keeps the stamp of a table in the same change as the last punches: how far the terminal has sent it, in words
    /// that only the terminal understands.
    #[must_use]
    pub fn stamp(mut self, table: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.stamp = Some(Stamp { table: table.into(), value: value.into() });
        self
    }

    /// Takes a record out of the quarantine in the same change: what it is the beginning of is among the punches.
    #[must_use]
    pub fn resolves(mut self, raw: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.resolves.extend(raw);
        self
    }

    /// Enters all of it in one change of the ledger: all or nothing, however many punches there are.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Sets the drift of its clock.
    #[must_use]
    pub fn clock_drift_ms(mut self, drift: impl Into<Option<i64>>) -> Self {
        self.clock_drift_ms = drift.into();
        self
    }

    /// Sets the zone of the place where the terminal is.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<Option<Tz>>) -> Self {
        self.zone = zone.into();
        self
    }

    /// The batch to enter. It moves no cursor: nothing says what of the terminal's log is known.
    pub(crate) fn into_batch(self, clock: &dyn Clock) -> Batch<GivenPunches> {
        let (utc_now, local_now) = (clock.utc_now(), clock.local_now());
        let good = self.punches.into_iter().map(|punch| ReadPunch { punch, unproven: None });
        let bad = self.bad_lines.into_iter().map(|line| line.refused(self.source));
        let mut punches: Vec<ReadPunch> = good.chain(bad).collect();
        for ReadPunch { punch, .. } in &mut punches {
            // The key has them, and the ledger keeps them once for all.
            punch.device_serial.clone_from(&self.serial);
            punch.device_name.clone_from(&self.device_name);
            (punch.source, punch.clock_drift_ms) = (self.source, self.clock_drift_ms);
        }
        let poll = Poll {
            serial: self.serial,
            device_name: self.device_name,
            zone: self.zone,
            drift_ms: self.clock_drift_ms,
            clock_offset: None,
            layout: None,
            source: self.source,
            read_at: utc_now.timestamp(),
        };
        let host_now = wall::wall_now(self.zone, utc_now, local_now);
        let provenance = Provenance { poll, host_now, by_hand: false, new_owners: false, epoch: 0, start: 0 };
        let (stamp, resolves, whole) = (self.stamp, self.resolves, self.whole);
        let punches = GivenPunches(punches.into_iter());
        Batch { provenance, punches, cursor: None, accepts: None, stamp, resolves, whole }
    }
}

impl BadLine {
    /// The line in the form in which the quarantine keeps it: nothing in it is believed.
    fn refused(self, source: Source) -> ReadPunch {
        let nothing = LocalTime::Impossible(String::new());
        let mut punch = RawPunch::new("", "", self.user_id, nothing, source);
        punch.raw = self.raw;
        ReadPunch { punch, unproven: Some(self.reason) }
    }
}

impl Ingested {
    pub(crate) fn add(&mut self, entered: Entered) {
        self.new += entered.new;
        self.known += entered.duplicate;
        self.quarantined += entered.quarantined;
        self.counted_only += entered.counted_only.values().sum::<u64>();
        for (reason, count) in entered.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
        for (reason, count) in entered.flagged {
            *self.flagged.entry(reason).or_default() += count;
        }
    }
}

/// Punches that are in memory already.
#[derive(Debug)]
pub(crate) struct GivenPunches(vec::IntoIter<ReadPunch>);

impl Punches for GivenPunches {
    type Unreadable = Infallible;

    fn left(&self) -> u64 {
        self.0.len() as u64
    }

    fn next(&mut self, most: usize) -> Result<Vec<ReadPunch>, Infallible> {
        Ok(self.0.by_ref().take(most).collect())
    }
}
