//! Punches out of a proven log.

use std::collections::BTreeMap;

use attendance_model::{Device, RawPunch, Reason};
use zk_proto::Uid;
use zk_proto::proof::Proven;
use zk_proto::spool::SpoolError;

use super::{Punches, ReadPunch};
use crate::ledger::Poll;

/// The punches of a proven log.
#[derive(Debug)]
pub(crate) struct ProvenPunches {
    proven: Proven,
    left: u64,
    /// The people's user ids by slot, for layouts that name a person by it.
    users: BTreeMap<Uid, String>,
    poll: Poll,
}

impl ProvenPunches {
    /// The punches of a log that this poll read.
    pub(crate) fn new(proven: Proven, users: BTreeMap<Uid, String>, poll: Poll) -> Self {
        Self { left: proven.records(), proven, users, poll }
    }
}

impl Punches for ProvenPunches {
    type Unreadable = SpoolError;

    fn left(&self) -> u64 {
        self.left
    }

    fn next(&mut self, most: usize) -> Result<Vec<ReadPunch>, SpoolError> {
        // A log without a layout has no records.
        let Some(layout) = self.proven.layout() else { return Ok(Vec::new()) };
        let records = self.proven.next_batch(most)?;
        self.left = self.left.saturating_sub(records.len() as u64);
        let (poll, neutral) = (&self.poll, self.proven.is_neutral());
        let device = Device {
            serial: &poll.serial,
            name: &poll.device_name,
            clock_drift_ms: poll.drift_ms,
            source: poll.source,
        };
        let punch = |record| {
            let punch = RawPunch::from_record(record, layout, &device, |uid| self.users.get(&uid).cloned());
            let unproven = neutral.then(|| neutral_reason(&punch));
            ReadPunch { punch, unproven }
        };
        Ok(records.iter().map(punch).collect())
    }
}

/// The reason to refuse a record of a log in which no record shows more than an empty id or a clock that was reset.
fn neutral_reason(punch: &RawPunch) -> Reason {
    if punch.names_nobody() { Reason::EmptyUserId } else { Reason::ClockResetTime }
}
