//! Accepts a log that could not be proven, because a person checked it and decided so.

use std::collections::BTreeMap;
use std::sync::Arc;

use attendance_model::{Device, RawPunch, Reason, Source};
use chrono::{DateTime, NaiveDateTime, Utc};
use zk_proto::proof::{Counts, Forced, Grade};
use zk_proto::record::{AttendanceLayout, AttendanceRecord};
use zk_proto::{DeviceTime, SpoolError, Uid};

use super::{OpenBuffer, UnprovenBuffer, UnprovenEvidence, UnprovenKind, open};
use crate::clock::{Clock as _, SystemClock};
use crate::intake::{Batch, Entering, InForce, Provenance, Punches, ReadPunch};
use crate::ledger::{Accepted, Poll, TerminalState};
use crate::{EngineOptions, Ledger, LedgerError, wall};

/// Records judged at once for the preview.
const AT_ONCE: usize = 1_000;

/// The reason why a log cannot be accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// No buffer has that number.
    #[error("there is no unproven log with the number {id}")]
    Unknown {
        /// The number.
        id: i64,
    },
    /// It was accepted before.
    #[error("log {id} was accepted on {}", minute(at))]
    Already {
        /// The number.
        id: i64,
        /// The time.
        at: DateTime<Utc>,
    },
    /// It is a user table.
    #[error("buffer {id} is a user table; only attendance logs can be accepted")]
    UserTable {
        /// The number.
        id: i64,
    },
    /// The terminal's log was read and proven since.
    #[error("the log of {serial} was read and verified on {}, after this one was kept", minute(at))]
    Superseded {
        /// The terminal.
        serial: String,
        /// The time.
        at: DateTime<Utc>,
    },
    /// It is a tail, and the records before it are no longer the known ones.
    #[error("the known log of {serial} is not the one that this tail continues")]
    Moved {
        /// The terminal.
        serial: String,
    },
    /// No layout was given, and none or several are possible.
    #[error("{}", choice(possible))]
    Choice {
        /// The names of the possible layouts.
        possible: Vec<String>,
    },
    /// In the given layout, nothing makes sense.
    #[error("as {layout:#} records, nothing in it makes sense")]
    NothingGood {
        /// The layout.
        layout: AttendanceLayout,
    },
    /// Its records name people by their place in the user table, which is not known.
    #[error("its records name people by their place in the user table, which was not read")]
    NoUsers,
    /// The ledger or the file.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The temporary file.
    #[error("cannot read the kept bytes")]
    Spool(#[from] SpoolError),
}

fn minute(at: &DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

fn choice(possible: &[String]) -> String {
    match possible {
        [] => "it makes sense in no known layout".to_owned(),
        several => format!("several layouts are possible: {}", several.join(", ")),
    }
}

impl AcceptError {
    /// The next thing to try, for people.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::Already { .. } => Some("look at the list of what is kept"),
            Self::UserTable { .. } => Some("the next run reads it again; a pinned layout does not help here"),
            Self::Superseded { .. } => Some("there is nothing to do: later runs read what is new"),
            Self::Moved { .. } => Some("run sync again, and accept what it keeps then"),
            Self::Choice { .. } => Some("look at it in each layout, then name one of them"),
            Self::NothingGood { .. } => Some("look at it in each layout, and name another one"),
            Self::NoUsers => Some("run sync again: it reads the user table and keeps it with the log"),
            Self::Ledger(error) => error.hint(),
            Self::Spool(_) => Some("make room in the directory for temporary files"),
        }
    }
}

/// The effect of accepting a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepting {
    /// Records in all, without those that were known before.
    pub records: u64,
    /// Records that enter as events, known ones included.
    pub good: u64,
    /// Records that go to the quarantine.
    pub quarantined: u64,
    /// The new ones among the good ones; `None` before it was done.
    pub new: Option<u64>,
    /// The earliest and the latest time among the good ones, by the terminal's clock.
    pub times: Option<(NaiveDateTime, NaiveDateTime)>,
    /// The number of people with good records.
    pub people: u64,
}

/// A log about to be accepted: everything is checked, nothing is changed yet.
#[derive(Debug)]
pub struct Acceptance {
    buffer: UnprovenBuffer,
    evidence: UnprovenEvidence,
    open: OpenBuffer,
    forced: Forced,
    users: BTreeMap<Uid, String>,
    state: TerminalState,
    options: EngineOptions,
    preview: Accepting,
    /// Records of the buffer that are known already: a tail's overlap.
    skipped: u64,
}

impl Acceptance {
    /// Checks that a log can be accepted, and finds out what would happen. Reads the ledger, changes nothing.
    ///
    /// # Errors
    /// [`AcceptError`] says why it cannot be accepted.
    pub fn prepare(
        ledger: &Ledger,
        id: i64,
        layout: Option<AttendanceLayout>,
        options: &EngineOptions,
    ) -> Result<Self, AcceptError> {
        let buffer = ledger.unproven_buffer(id)?.ok_or(AcceptError::Unknown { id })?;
        if let Some(at) = buffer.accepted_at {
            return Err(AcceptError::Already { id, at });
        }
        if buffer.kind == UnprovenKind::Users {
            return Err(AcceptError::UserTable { id });
        }
        let evidence = buffer.evidence.clone().unwrap_or_default();
        let state = ledger.terminal(&buffer.serial)?.unwrap_or_default();
        let serial = || buffer.serial.clone();
        if let Some(at) = state.verified_at.filter(|at| *at > buffer.last_seen.timestamp()) {
            let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
            return Err(AcceptError::Superseded { serial: serial(), at });
        }
        let tail = evidence.offset > 0;
        if tail && (state.epoch, state.records) != (evidence.epoch, evidence.records) {
            return Err(AcceptError::Moved { serial: serial() });
        }
        let mut open = open(&buffer)?;
        let forced = choose(&mut open, layout)?;
        let mut users: BTreeMap<Uid, String> = BTreeMap::new();
        if forced.layout().needs_users() {
            let known = ledger.slots(&buffer.serial)?.into_iter().chain(evidence.users.clone().unwrap_or_default());
            users.extend(known.map(|(slot, user_id)| (Uid(slot), user_id)));
            if users.is_empty() {
                return Err(AcceptError::NoUsers);
            }
        }
        let skipped = if tail { evidence.records.saturating_sub(forced.first_index()) } else { 0 };
        let options = options.clone();
        let preview = Accepting::default();
        let mut acceptance = Self { buffer, evidence, open, forced, users, state, options, preview, skipped };
        acceptance.look()?;
        if acceptance.preview.good == 0 {
            return Err(AcceptError::NothingGood { layout: acceptance.forced.layout() });
        }
        Ok(acceptance)
    }

    /// The buffer.
    #[must_use]
    pub fn buffer(&self) -> &UnprovenBuffer {
        &self.buffer
    }

    /// The layout in which it is accepted.
    #[must_use]
    pub fn layout(&self) -> AttendanceLayout {
        self.forced.layout()
    }

    /// The serial number that the terminal gives: its identity in the ledger, or what it gave later.
    #[must_use]
    pub fn serial(&self) -> &str {
        self.state.alias.as_deref().unwrap_or(&self.buffer.serial)
    }

    /// The effect that it would have.
    #[must_use]
    pub fn preview(&self) -> &Accepting {
        &self.preview
    }

    /// Lets the good records in as events with the flag `accepted_by_hand`, puts the others into the quarantine, and
    /// moves the cursor past them, in durable batches. After an interruption, do it again.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`] and [`AcceptError::Spool`].
    pub fn carry_out(self, ledger: impl Into<Arc<Ledger>>) -> Result<Accepting, AcceptError> {
        let Self { buffer, evidence, mut open, mut forced, users, mut state, options, mut preview, skipped } = self;
        let tail = evidence.offset > 0;
        state.serial.clone_from(&buffer.serial);
        state.name.clone_from(&buffer.device_name);
        state.epoch += u64::from(!tail);
        state.records = forced.first_index() + forced.records();
        state.overlap = forced.overlap(open.spool(), options.overlap.into())?;
        state.layout = Some(forced.layout().to_string());
        let counts = Counts { before: evidence.count_before, after: evidence.count_after };
        state.count = counts.allow(state.records).then_some(state.records);
        state.verified_at = Some(buffer.last_seen.timestamp());
        state.learned.accepted = Some(Accepted { epoch: state.epoch, records: state.records, buffer: buffer.id });
        let host_now = wall_clock(&buffer, &evidence);
        let terminal_now = evidence.terminal_now.map(DeviceTime);
        let poll = Poll {
            serial: buffer.serial,
            device_name: buffer.device_name,
            zone: evidence.zone.as_deref().and_then(|name| name.parse().ok()),
            drift_ms: evidence.drift_ms,
            clock_offset: Some(wall::clock_offset(terminal_now, host_now, buffer.last_seen)),
            layout: Some(forced.layout().to_string()),
            source: Source::Pull,
            read_at: buffer.last_seen.timestamp(),
        };
        let (epoch, start) = (state.epoch, forced.first_index() + skipped);
        forced.seek(skipped);
        let left = forced.records() - skipped;
        let batch = Batch {
            punches: ByHand { open, forced, left, users, poll: poll.clone() },
            provenance: Provenance { poll, host_now, by_hand: true, new_owners: true, epoch, start },
            cursor: Some(state),
            accepts: Some((buffer.id, SystemClock::new().utc_now().timestamp())),
            stamp: None,
            resolves: Vec::new(),
            whole: false,
        };
        let mut entering = Entering::new(ledger.into(), InForce::new(options.rules.clone()), batch);
        let mut new = 0;
        while !entering.is_over() {
            new += entering.commit(options.batch.max(1))??.new;
        }
        preview.new = Some(new);
        Ok(preview)
    }

    /// Judges all records as the intake does.
    fn look(&mut self) -> Result<(), AcceptError> {
        self.forced.seek(self.skipped);
        let context = attendance_model::Context {
            zone: None,
            rules: &self.options.rules,
            host_now: wall_clock(&self.buffer, &self.evidence),
        };
        let layout = self.forced.layout();
        let mut preview = Accepting::default();
        let mut people = std::collections::HashSet::new();
        loop {
            let batch = self.forced.next_batch(self.open.spool(), AT_ONCE)?;
            if batch.is_empty() {
                break;
            }
            for (grade, record) in batch {
                preview.records += 1;
                let device = Device {
                    serial: &self.buffer.serial,
                    name: &self.buffer.device_name,
                    clock_drift_ms: None,
                    source: Source::Pull,
                };
                let punch = RawPunch::from_record(&record, layout, &device, |uid| self.users.get(&uid).cloned());
                let judged = (grade != Grade::Bad).then(|| attendance_model::normalize(punch, &context).ok()).flatten();
                let Some(event) = judged else {
                    preview.quarantined += 1;
                    continue;
                };
                preview.good += 1;
                let (first, last) = preview.times.unwrap_or((event.local_time, event.local_time));
                preview.times = Some((first.min(event.local_time), last.max(event.local_time)));
                people.insert(event.user_id);
            }
        }
        preview.people = people.len() as u64;
        self.preview = preview;
        Ok(())
    }
}

/// Chooses the layout: the given one, else the only possible one.
fn choose(open: &mut OpenBuffer, layout: Option<AttendanceLayout>) -> Result<Forced, AcceptError> {
    if let Some(layout) = layout {
        return open.forced(layout)?.ok_or(AcceptError::NothingGood { layout });
    }
    let mut possible = open.possible()?;
    match possible.len() {
        1 => possible.pop().ok_or(AcceptError::Choice { possible: Vec::new() }),
        _ => Err(AcceptError::Choice { possible: possible.iter().map(|found| found.layout().to_string()).collect() }),
    }
}

fn wall_clock(buffer: &UnprovenBuffer, evidence: &UnprovenEvidence) -> NaiveDateTime {
    let known = buffer.evidence.as_ref().and_then(|_| DeviceTime(evidence.host_now).to_naive());
    known.unwrap_or(buffer.last_seen.naive_utc())
}

/// The punches of an acceptance.
#[derive(Debug)]
struct ByHand {
    open: OpenBuffer,
    forced: Forced,
    left: u64,
    users: BTreeMap<Uid, String>,
    poll: Poll,
}

impl Punches for ByHand {
    type Unreadable = SpoolError;

    fn left(&self) -> u64 {
        self.left
    }

    fn next(&mut self, most: usize) -> Result<Vec<ReadPunch>, SpoolError> {
        let layout = self.forced.layout();
        let batch = self.forced.next_batch(self.open.spool(), most)?;
        self.left = self.left.saturating_sub(batch.len() as u64);
        let device = Device {
            serial: &self.poll.serial,
            name: &self.poll.device_name,
            clock_drift_ms: self.poll.drift_ms,
            source: self.poll.source,
        };
        let punch = |(grade, record): &(Grade, AttendanceRecord)| ReadPunch {
            punch: RawPunch::from_record(record, layout, &device, |uid| self.users.get(&uid).cloned()),
            unproven: (*grade == Grade::Bad).then_some(Reason::UnprovenRecord),
        };
        Ok(batch.iter().map(punch).collect())
    }
}
